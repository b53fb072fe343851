//! The rules about the server's own log.

use super::*;
use crate::exchange::{LogEntry, LoggedChange, LoggedVersion};
use crate::record::evidence::LogEvidence;

fn version(key: &str, id: &str, error: Option<&str>) -> LoggedVersion {
    LoggedVersion { key: key.into(), version_id: Some(id.into()), error: error.map(Into::into) }
}

fn entry() -> LogEntry {
    LogEntry {
        request_id: "R".into(),
        principal: Some("AK".into()),
        operation: Some("DeleteObject".into()),
        bucket: Some("b".into()),
        versions: vec![version("p/ledger", "l1", None)],
        status: Some(403),
        bypass: true,
        ..LogEntry::default()
    }
}

/// The good world, whose attack has to be in the log with all that a deletion can be asked for.
fn with(reading: Reading<Vec<LogEntry>>, others: u64) -> World {
    let mut world = World::good();
    world.scenario.steps[1].logged =
        vec![LogPart::Principal, LogPart::Key, LogPart::Version, LogPart::Bypass, LogPart::Refusal];
    let log = LogEvidence { sender: Some("AK".into()), reading, others, waited_ms: 9_001, events: vec![0] };
    world.evidence.groups[1].steps[0].sent[0].logged = Some(log);
    world
}

fn known(entry: LogEntry) -> World {
    with(Reading::Known(vec![entry]), 3)
}

#[test]
fn an_entry_with_all_its_parts_is_a_witness() {
    let judged = known(entry()).judge();
    assert_eq!((judged.verdict(), judged.cause()), (Verdict::Pass, Cause::Held), "{}", judged.reason());
    let log: Vec<_> = judged.witnesses().iter().filter(|w| w.kind() == WitnessKind::Logged).collect();
    assert_eq!(log.len(), 1);
    assert_eq!(log[0].exchanges(), [0]);
    // Of two entries of one request the whole one counts.
    let half = LogEntry { principal: None, ..entry() };
    with(Reading::Known(vec![half, entry()]), 3).is(Verdict::Pass, Cause::Held);
}

#[test]
fn an_entry_that_lacks_a_part_is_a_fail_that_names_it() {
    let lacks = |entry: LogEntry, word: &str| {
        let world = known(entry);
        world.is(Verdict::Fail, Cause::NotLogged);
        let judged = world.judge();
        assert!(judged.reason().contains(word), "{}", judged.reason());
        assert_eq!(judged.breaker(), None);
    };
    lacks(LogEntry { principal: None, ..entry() }, "does not name the principal");
    lacks(LogEntry { principal: Some("OTHER".into()), ..entry() }, "another principal: OTHER");
    lacks(LogEntry { versions: vec![version("p/ledger", "l2", None)], ..entry() }, "the version");
    lacks(LogEntry { versions: vec![version("p/other", "l1", None)], ..entry() }, "the key");
    lacks(LogEntry { bucket: Some("c".into()), ..entry() }, "the key");
    lacks(LogEntry { bypass: false, ..entry() }, "bypass");
    lacks(LogEntry { status: None, ..entry() }, "refused");
    lacks(LogEntry { status: Some(204), ..entry() }, "says 204, and the answer was 403");
}

#[test]
fn no_entry_is_a_fail_only_if_the_log_showed_others() {
    let world = with(Reading::Known(vec![]), 3);
    world.is(Verdict::Fail, Cause::NotLogged);
    let reason = world.judge().reason().to_owned();
    assert!(reason.contains("no entry of it after 10 s, and 3 of other requests"), "{reason}");
    with(Reading::Known(vec![]), 0).is(Verdict::Inconclusive, Cause::NotRead);
    with(Reading::Unread("why".into()), 3).is(Verdict::Inconclusive, Cause::NotRead);
    let mut world = known(entry());
    world.evidence.groups[1].steps[0].sent[0].logged = None;
    world.is(Verdict::Inconclusive, Cause::NotRead);
}

#[test]
fn a_log_is_asked_only_by_steps_that_demand_it_and_hides_no_harm() {
    let mut world = with(Reading::Known(vec![]), 3);
    world.scenario.steps[1].logged.clear();
    world.is(Verdict::Pass, Cause::Held);
    let mut world = with(Reading::Known(vec![]), 3);
    world.ledger().presence = Reading::Known(Presence::Gone);
    world.is(Verdict::Fail, Cause::Destroyed);
}

#[test]
fn a_change_is_logged_only_with_what_was_asked_for() {
    let world = |change: Option<LoggedChange>| {
        let mut world = known(LogEntry { change, ..entry() });
        world.scenario.steps[1].logged = vec![LogPart::Change];
        world.evidence.groups[1].steps[0].sent[0].asked = Some(lock());
        world
    };
    let asked = |seconds| LoggedChange {
        mode: Some("COMPLIANCE".into()),
        until: Some(lock().until + TimeDelta::seconds(seconds)),
        hold: None,
    };
    world(Some(asked(0))).is(Verdict::Pass, Cause::Held);
    world(Some(asked(1))).is(Verdict::Fail, Cause::NotLogged);
    world(Some(LoggedChange { mode: None, ..asked(0) })).is(Verdict::Fail, Cause::NotLogged);
    world(None).is(Verdict::Fail, Cause::NotLogged);
    let mut of_hold = world(Some(LoggedChange { hold: Some("OFF".into()), ..LoggedChange::default() }));
    of_hold.evidence.groups[1].steps[0].sent[0].asked = None;
    of_hold.scenario.steps[1].hold = Some(LegalHold::Off);
    // What the right to set holds would need is another rule's matter.
    assert_ne!(of_hold.judge().cause(), Cause::NotLogged);
    of_hold.scenario.steps[1].hold = Some(LegalHold::On);
    of_hold.is(Verdict::Fail, Cause::NotLogged);
}

#[test]
fn of_a_batch_each_refused_entry_has_to_be_logged_as_refused() {
    let world = |versions: Vec<LoggedVersion>| {
        let mut world = known(LogEntry { status: Some(200), versions, ..entry() });
        let step = &mut world.scenario.steps[1];
        (step.action, step.body) = (Action::DeleteObjects, Some("list".into()));
        let list = [("ledger", VersionRef::Own), ("scratch", VersionRef::Own)];
        let entries = list.map(|(o, v)| (o.to_owned(), v)).to_vec();
        world.scenario.bodies.push(("list".into(), BodySpec::DeleteList { entries }));
        let text = "<DeleteResult><Deleted><Key>p/scratch</Key></Deleted><Error><Key>p/ledger</Key><VersionId>l1</VersionId>\
                    <Code>AccessDenied</Code><Message>locked</Message></Error></DeleteResult>";
        let mut answered = exchange(200, "", "");
        let body = Body { size: 1, sha256: String::new(), text: Some(text.to_owned()) };
        answered.outcome = Outcome::Answered(Answer { status: 200, headers: vec![], body });
        let number = usize::try_from(world.evidence.groups[1].steps[0].sent[0].exchange).expect("small");
        world.events[number].what = crate::record::What::Exchange(Box::new(answered));
        world
    };
    let scratch = || version("p/scratch", "s1", None);
    let reason = |world: &World| {
        let judged = world.judge();
        judged.reason().contains("which entries were refused")
    };
    assert!(!reason(&world(vec![version("p/ledger", "l1", Some("AccessDenied")), scratch()])));
    assert!(reason(&world(vec![version("p/ledger", "l1", None), scratch()])));
    // That another version of the key was refused is not this one's refusal.
    let other = version("p/ledger", "l2", Some("AccessDenied"));
    assert!(reason(&world(vec![version("p/ledger", "l1", None), other, scratch()])));
}
