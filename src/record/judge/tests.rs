//! The judge's rules, one by one, on hand-made evidence: a canary `ledger` under COMPLIANCE, a control that deletes
//! a marker, an attack that deletes the locked version.

mod logged;

use chrono::{DateTime, TimeDelta, Utc};

use super::*;
use crate::exchange::{Answer, Body, Exchange, Outcome, Sent};
use crate::lock::{LegalHold, Mode, Presence, Reading, Retention, VersionState};
use crate::record::evidence::{Listed, Made, Observed, ObservedKey, Placed};
use crate::record::log::{Event, Log};
use crate::record::verdict::Witness;
use crate::scenario::*;

fn t0() -> DateTime<Utc> {
    DateTime::<Utc>::UNIX_EPOCH + TimeDelta::days(20_000)
}

fn lock() -> Retention {
    Retention { mode: Mode::Compliance, until: t0() + TimeDelta::minutes(5) }
}

fn step(purpose: Purpose, action: Action, object: &str, expect: Expect) -> Step {
    Step {
        purpose,
        text: format!("{purpose} {action}"),
        who: As::Role(Role::Deleter),
        action,
        object: Some(object.to_owned()),
        bucket: None,
        on: None,
        path: None,
        version: None,
        expect,
        because: Vec::new(),
        name: None,
        upload: None,
        part: None,
        content: None,
        body: None,
        retention: None,
        hold: None,
        versioning: None,
        default_retention: None,
        policy: None,
        source: None,
        source_version: None,
        replace_metadata: false,
        bypass_governance: false,
        signature: None,
        if_none_match: None,
        if_match: None,
        method: None,
        query: Vec::new(),
        headers: Vec::new(),
        unsigned_headers: Vec::new(),
        presigned: false,
        integrity: None,
        quiet: false,
        at: None,
        logged: Vec::new(),
        crash: false,
        by: None,
        together: None,
        copies: 1,
        after: Vec::new(),
        line: 0,
    }
}

fn object(name: &str, setup: ObjectSetup) -> ObjectSpec {
    ObjectSpec {
        name: name.to_owned(),
        bucket: None,
        content: "content".to_owned(),
        setup,
        retention: None,
        hold: None,
        key_suffix: String::new(),
        inherit: false,
    }
}

fn scenario() -> Scenario {
    let mut control = step(Purpose::Control, Action::DeleteVersion, "scratch", Expect::Accepted);
    control.version = Some(VersionRef::Marker);
    let mut attack = step(Purpose::Attack, Action::DeleteVersion, "ledger", Expect::Refused);
    attack.because = vec![Because::ObjectLocked];
    Scenario {
        id: "T-1".to_owned(),
        title: String::new(),
        severity: Severity::Critical,
        reach: Reach::Object,
        safety: Safety::CleanupAfterExpiry,
        requires: Vec::new(),
        controls: Vec::new(),
        threat: String::new(),
        note: String::new(),
        covers: Vec::new(),
        group: String::new(),
        for_each: Vec::new(),
        repeat: 1,
        buckets: Vec::new(),
        objects: vec![object("ledger", ObjectSetup::Present), object("scratch", ObjectSetup::Hidden)],
        bodies: Vec::new(),
        steps: vec![control, attack],
        after: vec![After {
            object: "ledger".to_owned(),
            of: VersionRef::Own,
            version: Some(AfterVersion::Present),
            content: Some(AfterContent::Unchanged),
            retention: Some(AfterRetention::Unchanged),
            hold: None,
            versions: None,
            markers: None,
            if_accepted: None,
            shows: None,
            line: 0,
        }],
        source: String::new(),
        digest: String::new(),
    }
}

fn state(id: &str, presence: Presence, retention: Option<Retention>) -> VersionState {
    let listed = presence != Presence::Gone;
    VersionState {
        key: "k".to_owned(),
        version_id: id.to_owned(),
        presence: Reading::Known(presence),
        retention: Reading::Known(retention),
        hold: Reading::Known(LegalHold::Off),
        listed: Reading::Known(listed),
    }
}

fn bytes(sha: &str) -> Presence {
    Presence::Present { sha256: sha.to_owned(), size: 7 }
}

fn observation(marker_there: bool) -> Observation {
    let entry = |id: &str, marker| Listed { version_id: id.to_owned(), marker };
    let mut scratch = vec![entry("s1", false)];
    if marker_there {
        scratch.insert(0, entry("m1", true));
    }
    let observed = |object: &str, of: &str, state| Observed {
        object: object.into(),
        of: of.into(),
        state,
        exchanges: vec![],
    };
    Observation {
        at: t0(),
        versions: vec![
            observed("ledger", "own", state("l1", bytes("aa"), Some(lock()))),
            observed("scratch", "own", state("s1", bytes("bb"), None)),
            observed(
                "scratch",
                "marker",
                state("m1", if marker_there { Presence::Marker } else { Presence::Gone }, None),
            ),
        ],
        keys: vec![
            ObservedKey {
                object: "ledger".into(),
                listing: Reading::Known(vec![entry("l1", false)]),
                exchanges: vec![],
            },
            ObservedKey { object: "scratch".into(), listing: Reading::Known(scratch), exchanges: vec![] },
        ],
    }
}

/// An answer as status, code and message; status 0 is none at all.
fn exchange(status: u16, code: &str, message: &str) -> Exchange {
    let body =
        |text: &str| Body { size: text.len() as u64, sha256: String::new(), text: Some(text.to_owned()) };
    let text = if code.is_empty() {
        String::new()
    } else {
        format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>")
    };
    Exchange {
        sent: Sent {
            method: "DELETE".into(),
            endpoint: String::new(),
            target: "/b/k".into(),
            headers: vec![],
            body: body(""),
            redacted: vec![],
        },
        outcome: if status == 0 {
            Outcome::NoAnswer("the connection broke".into())
        } else {
            Outcome::Answered(Answer { status, headers: vec![], body: body(&text) })
        },
        sent_at: t0(),
        monotonic_us: 0,
        elapsed_us: 0,
        attempt: 1,
    }
}

struct World {
    scenario: Scenario,
    evidence: RunEvidence,
    events: Vec<Event>,
}

const LOCKED: (u16, &str, &str) = (403, "AccessDenied", "locked");

impl World {
    /// The same with a control that was refused: its marker is still there.
    fn without_right(attack: (u16, &str, &str)) -> Self {
        let mut world = Self::answered((403, "AccessDenied", "no"), attack);
        for group in &mut world.evidence.groups {
            group.observed = observation(true);
        }
        world
    }

    /// A run in which everything held: the marker was deleted, the attack refused.
    fn good() -> Self {
        Self::answered((204, "", ""), LOCKED)
    }

    fn answered(control: (u16, &str, &str), attack: (u16, &str, &str)) -> Self {
        let log = Log::default();
        let upload = log.exchange("", exchange(200, "", ""));
        let control = log.exchange("", exchange(control.0, control.1, control.2));
        let attack = log.exchange("", exchange(attack.0, attack.1, attack.2));
        let placed = |object: &str, sha: &str, id: &str, marker: Option<&str>, retention| Placed {
            object: object.into(),
            bucket: "b".into(),
            key: format!("p/{object}"),
            sha256: Some(sha.into()),
            version_id: Some(id.into()),
            marker_id: marker.map(Into::into),
            retention,
            hold: None,
            etag: None,
            inherit: false,
            exchanges: vec![upload],
            at: t0(),
        };
        let done = |index, exchange| StepEvidence {
            step: index,
            role: Role::Deleter,
            sent: vec![SentStep {
                copy: 1,
                exchange,
                asked: None,
                sha256: None,
                version_id: None,
                upload_id: None,
                logged: None,
            }],
            not_sent: None,
            done: None,
            at: t0(),
        };
        let evidence = RunEvidence {
            each: None,
            attempt: 1,
            buckets: vec![],
            objects: vec![
                placed("ledger", "aa", "l1", None, Some(lock())),
                placed("scratch", "bb", "s1", Some("m1"), None),
            ],
            baseline: Some(observation(true)),
            groups: vec![
                GroupEvidence { steps: vec![done(0, control)], observed: observation(false) },
                GroupEvidence { steps: vec![done(1, attack)], observed: observation(false) },
            ],
            stopped: None,
            skew_ms: 0,
        };
        Self { scenario: scenario(), evidence, events: log.take() }
    }

    fn last(&mut self) -> &mut Observation {
        &mut self.evidence.groups[1].observed
    }

    fn ledger(&mut self) -> &mut VersionState {
        &mut self.last().versions[0].state
    }

    fn judge(&self) -> Judgement {
        let dialect = |status: u16, code: &str, message: &str| match (status, code, message) {
            (403, "AccessDenied", "locked") => vec![Because::ObjectLocked],
            (403, "AccessDenied", _) => vec![Because::NotPermitted],
            (501, ..) => vec![Because::NotSupported],
            _ => vec![],
        };
        judge(
            &self.scenario,
            &self.evidence,
            &Context { exchanges: Exchanges::of(&self.events), dialect: &dialect },
        )
    }

    fn is(&self, verdict: Verdict, cause: Cause) {
        let judged = self.judge();
        assert_eq!((judged.verdict(), judged.cause()), (verdict, cause), "{}", judged.reason());
    }
}

#[test]
fn a_refusal_with_its_control_and_an_intact_state_passes_with_witnesses() {
    let judged = World::good().judge();
    assert_eq!((judged.verdict(), judged.cause()), (Verdict::Pass, Cause::Held), "{}", judged.reason());
    let kinds: Vec<_> = judged.witnesses().iter().map(Witness::kind).collect();
    assert_eq!(kinds, [WitnessKind::Setup, WitnessKind::Right, WitnessKind::Refusal, WitnessKind::Intact]);
}

#[test]
fn a_refusal_without_its_control_proves_nothing() {
    World::without_right(LOCKED).is(Verdict::Inconclusive, Cause::NoControl);
    World::answered((0, "", ""), LOCKED).is(Verdict::Inconclusive, Cause::NoControl);
    // Refused, and yet the marker is gone: the answer was false.
    World::answered((403, "AccessDenied", "no"), LOCKED).is(Verdict::Fail, Cause::Changed);
    // Accepted, but the marker is still there.
    let mut world = World::good();
    for group in &mut world.evidence.groups {
        group.observed = observation(true);
    }
    world.is(Verdict::Inconclusive, Cause::NoControl);
}

#[test]
fn the_refusal_that_came_decides_which_control_counts() {
    const DENIED: (u16, &str, &str) = (403, "AccessDenied", "no");
    let world = |who: Role, alive: Role, answer| {
        let mut world = World::answered((204, "", ""), answer);
        world.scenario.steps[1].because = vec![Because::ObjectLocked, Because::NotPermitted];
        for (index, role) in [(0, alive), (1, who)] {
            world.scenario.steps[index].who = As::Role(role);
            world.evidence.groups[index].steps[0].role = role;
        }
        world
    };
    // The right of the same principal: what a lock needs, and nothing for a missing right.
    world(Role::Deleter, Role::Deleter, LOCKED).is(Verdict::Pass, Cause::Held);
    world(Role::Deleter, Role::Deleter, DENIED).is(Verdict::Inconclusive, Cause::NoControl);
    // The contrast with another one: the other way round.
    world(Role::Anonymous, Role::Deleter, DENIED).is(Verdict::Pass, Cause::Held);
    world(Role::Anonymous, Role::Deleter, LOCKED).is(Verdict::Inconclusive, Cause::NoControl);
    // A principal with credentials has to be shown alive.
    world(Role::Writer, Role::Deleter, DENIED).is(Verdict::Inconclusive, Cause::NoControl);
}

#[test]
fn a_control_of_an_operation_that_the_server_lacks_counts_only_where_the_attack_met_the_same() {
    const NONE: (u16, &str, &str) = (501, "NotImplemented", "");
    let world = |control, attack, alive: (u16, &str, &str)| {
        let mut world = World::answered(control, attack);
        let (index, mut plain) = (2, step(Purpose::Control, Action::GetObject, "ledger", Expect::Accepted));
        plain.text = "reads".to_owned();
        world.scenario.steps.push(plain);
        world.scenario.steps[1].expect = Expect::Either;
        world.scenario.steps[1].because.clear();
        for group in &mut world.evidence.groups {
            group.observed = observation(control.0 != 204);
        }
        let log = Log::default();
        for (status, code, message) in [(200, "", ""), control, attack] {
            log.exchange("", exchange(status, code, message));
        }
        let number = log.exchange("", exchange(alive.0, alive.1, alive.2));
        let mut done = world.evidence.groups[1].clone();
        (done.steps[0].step, done.steps[0].sent[0].exchange) = (index, number);
        world.evidence.groups.push(done);
        world.events = log.take();
        world
    };
    world(NONE, NONE, (200, "", "")).is(Verdict::Pass, Cause::NoSuchDoor);
    world(NONE, LOCKED, (200, "", "")).is(Verdict::Inconclusive, Cause::NoControl);
    world(NONE, (204, "", ""), (200, "", "")).is(Verdict::Inconclusive, Cause::NoControl);
    // Nobody was shown alive.
    world(NONE, NONE, NONE).is(Verdict::Inconclusive, Cause::NoControl);
    // A refusal of the control for any other reason is none of a missing door.
    world((403, "AccessDenied", "no"), NONE, (200, "", "")).is(Verdict::Inconclusive, Cause::NoControl);
}

#[test]
fn the_state_outranks_the_answer() {
    let mut world = World::good();
    *world.ledger() = state("l1", Presence::Gone, None);
    world.is(Verdict::Fail, Cause::Destroyed);
    let mut world = World::good();
    *world.ledger() = state("l1", bytes("cc"), Some(lock()));
    world.is(Verdict::Fail, Cause::Destroyed);
    let mut world = World::good();
    world.ledger().retention = Reading::Known(None);
    world.is(Verdict::Fail, Cause::Unlocked);
    let mut world = World::good();
    world.ledger().listed = Reading::Known(false);
    world.is(Verdict::Fail, Cause::Destroyed);
    // An attack that got no answer but did its work.
    let mut world = World::answered((204, "", ""), (0, "", ""));
    *world.ledger() = state("l1", Presence::Gone, None);
    world.is(Verdict::Fail, Cause::Destroyed);
}

#[test]
fn what_a_refused_step_was_to_do_is_no_harm_and_what_an_accepted_one_did_not_do_is() {
    // The end wants a second version, which a refused step was to make: nothing of what was there is gone.
    let two = |mut world: World| {
        world.scenario.after[0].versions = Some(2);
        world
    };
    two(World::good()).is(Verdict::Fail, Cause::Destroyed);
    two(World::without_right(LOCKED)).is(Verdict::Inconclusive, Cause::NoAnswer);
    // What was there before is looked for by itself.
    let mut world = two(World::without_right(LOCKED));
    *world.ledger() = state("l1", Presence::Gone, None);
    world.is(Verdict::Fail, Cause::Destroyed);
}

#[test]
fn an_accepted_attack_fails_even_if_nothing_happened_and_no_right_was_shown() {
    World::answered((204, "", ""), (204, "", "")).is(Verdict::Fail, Cause::Accepted);
    World::without_right((204, "", "")).is(Verdict::Fail, Cause::Accepted);
}

#[test]
fn a_refusal_that_left_a_new_version_is_a_false_answer() {
    let mut world = World::good();
    let Reading::Known(listing) = &mut world.last().keys[0].listing else { panic!("listed") };
    listing.insert(0, Listed { version_id: "l2".into(), marker: false });
    world.is(Verdict::Fail, Cause::FalseAnswer);
}

#[test]
fn silence_is_never_a_pass() {
    World::answered((204, "", ""), (0, "", "")).is(Verdict::Inconclusive, Cause::NoAnswer);
    World::answered((204, "", ""), (503, "SlowDown", "")).is(Verdict::Inconclusive, Cause::NoAnswer);
    World::answered((204, "", ""), (418, "Teapot", "")).is(Verdict::Inconclusive, Cause::OtherRefusal);
    let mut world = World::good();
    world.ledger().presence = Reading::Unread("403".into());
    world.is(Verdict::Inconclusive, Cause::NotRead);
    let mut world = World::good();
    world.ledger().retention = Reading::Unread("contradictory".into());
    world.is(Verdict::Inconclusive, Cause::NotRead);
    let mut world = World::good();
    world.evidence.groups.pop();
    world.is(Verdict::Error, Cause::ToolError);
    world.evidence.stopped = Some("interrupted".into());
    world.is(Verdict::Inconclusive, Cause::Interrupted);
}

#[test]
fn a_lock_that_was_accepted_and_is_not_there_fails_at_once() {
    let mut world = World::good();
    if let Some(baseline) = &mut world.evidence.baseline {
        baseline.versions[0].state.retention = Reading::Known(None);
    }
    world.is(Verdict::Fail, Cause::NotKept);
    let mut world = World::good();
    world.evidence.objects[0].exchanges = vec![2]; // the 403
    world.is(Verdict::Inconclusive, Cause::NoSetup);
}

#[test]
fn a_key_that_the_server_does_not_store_is_no_capability_and_no_excuse_for_others() {
    let mut world = World::good();
    let log = Log::default();
    let refused = log.exchange("", exchange(501, "NotImplemented", "no such keys"));
    world.evidence.objects[0].exchanges = vec![refused];
    world.evidence.baseline = None;
    world.events = log.take();
    world.is(Verdict::Inconclusive, Cause::NoSetup);
    world.scenario.objects[0].key_suffix = "//x".to_owned();
    world.is(Verdict::Skipped, Cause::NotRun);
    // A refusal that says nothing of the key.
    for (status, code, message) in
        [(403, "AccessDenied", "no"), (503, "SlowDown", ""), (0, "", ""), (400, "Odd", "")]
    {
        let log = Log::default();
        world.evidence.objects[0].exchanges = vec![log.exchange("", exchange(status, code, message))];
        world.events = log.take();
        world.is(Verdict::Inconclusive, Cause::NoSetup);
    }
}

#[test]
fn a_policy_that_the_server_does_not_take_is_skipped_and_a_bucket_that_it_does_not_make_is_not() {
    let made = |target: &str, answer: (u16, &str, &str)| {
        let mut world = World::good();
        let log = Log::default();
        let free = log.exchange("", exchange(404, "NoSuchBucket", ""));
        let mut request = exchange(answer.0, answer.1, answer.2);
        request.sent.target = target.to_owned();
        let refused = log.exchange("", request);
        world.scenario.buckets = vec![BucketSpec {
            absent: false,
            name: "vault".to_owned(),
            twin: false,
            object_lock: true,
            versioning: Versioning::Enabled,
            default_retention: None,
            policy: Some("{}".to_owned()),
        }];
        world.evidence.buckets = vec![Made {
            name: "vault".to_owned(),
            bucket: "wormproof-vault".to_owned(),
            twin: false,
            exchanges: vec![free, refused],
        }];
        world.evidence.objects.clear();
        world.evidence.baseline = None;
        world.events = log.take();
        world
    };
    let unknown = (501, "NotImplemented", "");
    made("/wormproof-vault?policy=", unknown).is(Verdict::Skipped, Cause::NotRun);
    made("/wormproof-vault", unknown).is(Verdict::Inconclusive, Cause::NoSetup);
    made("/wormproof-vault?policy=", (400, "MalformedPolicy", "")).is(Verdict::Inconclusive, Cause::NoSetup);
    let mut without = made("/wormproof-vault?policy=", unknown);
    without.scenario.buckets[0].policy = None;
    without.is(Verdict::Inconclusive, Cause::NoSetup);
}

#[test]
fn a_bucket_that_cannot_be_set_so_is_skipped_unless_something_was_wrong_before() {
    let mut world = World::answered((501, "NotImplemented", ""), LOCKED);
    let setup = &mut world.scenario.steps[0];
    (setup.purpose, setup.action) = (Purpose::Setup, Action::PutObjectLockConfiguration);
    (setup.object, setup.version) = (None, None);
    world.is(Verdict::Skipped, Cause::NotRun);
    // Another refusal is none of a capability, and no other action is excused.
    world.scenario.steps[0].action = Action::PutLegalHold;
    world.is(Verdict::Inconclusive, Cause::NoSetup);
    world.scenario.steps[0].action = Action::PutObjectLockConfiguration;
    // The lock was not kept in the first place.
    if let Some(baseline) = &mut world.evidence.baseline {
        baseline.versions[0].state.retention = Reading::Known(None);
    }
    world.is(Verdict::Fail, Cause::NotKept);
}

#[test]
fn a_lock_that_had_ended_excuses_the_server() {
    let mut world = World::answered((204, "", ""), (204, "", ""));
    *world.ledger() = state("l1", Presence::Gone, None);
    world.last().at = lock().until;
    world.is(Verdict::Inconclusive, Cause::LockEnded);
    world.last().at = lock().until - TimeDelta::milliseconds(1);
    world.is(Verdict::Fail, Cause::Destroyed);
    // The server's clock is known to the second only.
    world.evidence.skew_ms = -300;
    world.is(Verdict::Inconclusive, Cause::LockEnded);
}

#[test]
fn a_door_that_the_server_does_not_have_is_a_pass_if_the_right_was_shown() {
    World::answered((204, "", ""), (501, "NotImplemented", "")).is(Verdict::Pass, Cause::NoSuchDoor);
    World::without_right((501, "NotImplemented", "")).is(Verdict::Inconclusive, Cause::NoControl);
}

#[test]
fn a_principal_that_is_meant_to_lack_the_right_is_skipped() {
    let mut world = World::without_right((403, "AccessDenied", "no"));
    for group in &mut world.evidence.groups {
        group.steps[0].role = Role::Reader;
    }
    world.is(Verdict::Skipped, Cause::NoRight);
}

#[test]
fn of_a_race_exactly_one_may_win() {
    let racer = |answers: &[u16], listed: usize| {
        let mut world = World::good();
        let mut race = step(Purpose::Promise, Action::PutObject, "fresh", Expect::OneAccepted);
        race.because = vec![Because::PreconditionFailed];
        race.copies = 3;
        world.scenario.steps = vec![race];
        world.scenario.objects = vec![object("fresh", ObjectSetup::Absent)];
        world.scenario.after.clear();
        let log = Log::default();
        let sent = answers
            .iter()
            .zip(1..)
            .map(|(status, copy)| SentStep {
                copy,
                exchange: log.exchange(
                    "",
                    exchange(*status, if *status == 412 { "PreconditionFailed" } else { "" }, ""),
                ),
                asked: None,
                sha256: Some(format!("{copy}{copy}")),
                version_id: (*status == 200).then(|| format!("v{copy}")),
                upload_id: None,
                logged: None,
            })
            .collect();
        let versions = (1..=listed).map(|n| Listed { version_id: format!("v{n}"), marker: false }).collect();
        let seen = |listing: Vec<Listed>| Observation {
            at: t0(),
            versions: listing
                .first()
                .map(|l| Observed {
                    object: "fresh".into(),
                    of: "own".into(),
                    state: state(&l.version_id, bytes("11"), None),
                    exchanges: vec![],
                })
                .into_iter()
                .collect(),
            keys: vec![ObservedKey {
                object: "fresh".into(),
                listing: Reading::Known(listing),
                exchanges: vec![],
            }],
        };
        world.evidence.objects.clear();
        world.evidence.baseline = Some(seen(vec![]));
        world.evidence.groups = vec![GroupEvidence {
            steps: vec![StepEvidence {
                step: 0,
                role: Role::Writer,
                sent,
                not_sent: None,
                done: None,
                at: t0(),
            }],
            observed: seen(versions),
        }];
        world.events = log.take();
        let dialect = |status: u16, _: &str, _: &str| {
            if status == 412 { vec![Because::PreconditionFailed] } else { vec![] }
        };
        let context = Context { exchanges: Exchanges::of(&world.events), dialect: &dialect };
        let judged = judge(&world.scenario, &world.evidence, &context);
        (judged.verdict(), judged.cause())
    };
    assert_eq!(racer(&[200, 412, 412], 1), (Verdict::Pass, Cause::Held));
    assert_eq!(racer(&[200, 200, 412], 2), (Verdict::Fail, Cause::TwoWinners));
    assert_eq!(racer(&[412, 412, 412], 0), (Verdict::Inconclusive, Cause::NoWinner));
    assert_eq!(racer(&[200, 412, 0], 1), (Verdict::Inconclusive, Cause::NoAnswer));
    // The accepted one is not the one that is there.
    assert_eq!(racer(&[412, 200, 412], 1), (Verdict::Fail, Cause::Changed));
}

#[test]
fn a_promise_that_is_refused_or_has_no_effect_is_broken() {
    let extend = |answer: (u16, &str, &str), now: Retention| {
        let mut world = World::answered((204, "", ""), answer);
        let mut promise = step(Purpose::Promise, Action::PutRetention, "ledger", Expect::Accepted);
        promise.name = Some("longer".into());
        promise.retention = Some(AskRetention::Set { mode: Some(Mode::Compliance), until: None });
        world.scenario.steps[1] = promise;
        world.scenario.after[0].retention = Some(AfterRetention::Of("longer".into()));
        world.evidence.groups[1].steps[0].sent[0].asked =
            Some(Retention { until: lock().until + TimeDelta::seconds(9), ..lock() });
        world.ledger().retention = Reading::Known(Some(now));
        let judged = world.judge();
        (judged.verdict(), judged.cause())
    };
    let longer = Retention { until: lock().until + TimeDelta::seconds(9), ..lock() };
    assert_eq!(extend((200, "", ""), longer), (Verdict::Pass, Cause::Held));
    assert_eq!(extend((200, "", ""), lock()).0, Verdict::Fail);
    assert_eq!(extend((409, "Conflict", ""), lock()).0, Verdict::Fail);
    assert_eq!(extend((500, "InternalError", ""), lock()), (Verdict::Inconclusive, Cause::NoAnswer));
}

#[test]
fn a_redirection_is_no_refusal() {
    for status in [301, 302, 307, 308] {
        World::answered((204, "", ""), (status, "TemporaryRedirect", ""))
            .is(Verdict::Inconclusive, Cause::NoAnswer);
        World::answered((status, "", ""), LOCKED).is(Verdict::Inconclusive, Cause::NoControl);
        let mut either = World::answered((204, "", ""), (status, "", ""));
        either.scenario.steps[1].expect = Expect::Either;
        either.scenario.steps[1].because.clear();
        either.is(Verdict::Inconclusive, Cause::NoAnswer);
    }
}

#[test]
fn where_the_state_decides_a_refusal_for_a_missing_right_shows_nothing_either() {
    let either = |answer: (u16, &str, &str)| {
        let mut world = World::answered((204, "", ""), answer);
        world.scenario.steps[1].expect = Expect::Either;
        world.scenario.steps[1].because.clear();
        world
    };
    either(LOCKED).is(Verdict::Pass, Cause::Held);
    either((403, "AccessDenied", "no")).is(Verdict::Inconclusive, Cause::NoControl);
    let mut gone = either((403, "AccessDenied", "no"));
    *gone.ledger() = state("l1", Presence::Gone, None);
    gone.is(Verdict::Fail, Cause::Destroyed);
}

/// The promise that locks the record was refused; then the attack was accepted, and the record is gone.
fn unlocked(refused: (u16, &str, &str)) -> World {
    let mut world = World::answered(refused, (204, "", ""));
    let mut promise = step(Purpose::Promise, Action::PutRetention, "ledger", Expect::Accepted);
    promise.retention = Some(AskRetention::Set { mode: Some(Mode::Compliance), until: None });
    world.scenario.steps[0] = promise;
    world.scenario.objects.truncate(1);
    world.evidence.objects.truncate(1);
    world.evidence.objects[0].retention = None;
    let evidence = &mut world.evidence;
    let observations =
        evidence.baseline.iter_mut().chain(evidence.groups.iter_mut().map(|g| &mut g.observed));
    for observation in observations {
        observation.versions.truncate(1);
        observation.keys.truncate(1);
        observation.versions[0].state.retention = Reading::Known(None);
    }
    *world.ledger() = state("l1", Presence::Gone, None);
    world
}

#[test]
fn what_a_missing_right_left_unlocked_is_no_fail_and_what_was_seen_locked_is() {
    let no = (403, "AccessDenied", "no");
    unlocked(no).is(Verdict::Inconclusive, Cause::OtherRefusal);
    // The same with a lock that stood there just before.
    let mut world = unlocked(no);
    for observation in [0, 1] {
        let observed = match observation {
            0 => world.evidence.baseline.as_mut().expect("a baseline"),
            _ => &mut world.evidence.groups[0].observed,
        };
        observed.versions[0].state.retention = Reading::Known(Some(lock()));
    }
    world.is(Verdict::Fail, Cause::Destroyed);
    // A principal that may not delete was let through: that needs no lock.
    let mut world = unlocked(no);
    world.scenario.steps[1].who = As::Role(Role::Writer);
    world.evidence.groups[1].steps[0].role = Role::Writer;
    assert_eq!(world.judge().verdict(), Verdict::Fail);
    // A deletion that was refused and done.
    let mut world = unlocked(no);
    world.events = World::answered(no, no).events;
    assert_eq!(world.judge().verdict(), Verdict::Fail);
    // The promise refused for no want of a right is broken.
    assert_eq!(unlocked((409, "Conflict", "")).judge().verdict(), Verdict::Fail);
}

#[test]
fn the_weakest_is_the_weakest_whose_attack_can_have_done_it() {
    let weakest = |answers: [(u16, &str, &str); 2], gone_after: usize| {
        let mut world = World::answered(answers[0], answers[1]);
        let attack = world.scenario.steps[1].clone();
        world.scenario.steps[0] = Step { who: As::Role(Role::Reader), ..attack.clone() };
        world.scenario.steps[1] = Step { who: As::Role(Role::Administrator), ..attack };
        world.evidence.baseline = Some(observation(false));
        world.evidence.groups[0].steps[0].role = Role::Reader;
        world.evidence.groups[1].steps[0].role = Role::Administrator;
        for group in world.evidence.groups.iter_mut().skip(gone_after) {
            group.observed.versions[0].state = state("l1", Presence::Gone, None);
        }
        let judged = world.judge();
        assert_eq!(judged.verdict(), Verdict::Fail, "{}", judged.reason());
        judged.breaker()
    };
    let yes = (204, "", "");
    // The reader was refused, and it is the administrator's deletion that was seen.
    assert_eq!(weakest([LOCKED, yes], 1), Some(Role::Administrator));
    // The reader was told yes and did nothing; what was seen decides.
    assert_eq!(weakest([yes, yes], 1), Some(Role::Administrator));
    assert_eq!(weakest([yes, LOCKED], 0), Some(Role::Reader));
    // A lie: the reader was refused, and the record was gone right after.
    assert_eq!(weakest([LOCKED, LOCKED], 0), Some(Role::Reader));
}

#[test]
fn a_row_at_the_end_names_who_was_accepted() {
    // Nothing that is read back one by one changed, but the key has one version too many.
    let mut world = World::answered(LOCKED, (200, "", ""));
    let mut upload = step(Purpose::Attack, Action::PutObject, "ledger", Expect::Refused);
    upload.because = vec![Because::NotPermitted];
    world.scenario.steps = vec![
        Step { who: As::Role(Role::Anonymous), ..upload.clone() },
        Step { who: As::Role(Role::Reader), ..upload },
    ];
    world.evidence.baseline = Some(observation(false));
    world.evidence.groups[0].steps[0].role = Role::Anonymous;
    world.evidence.groups[1].steps[0].role = Role::Reader;
    world.scenario.after[0].versions = Some(1);
    let Reading::Known(listing) = &mut world.last().keys[0].listing else { panic!("listed") };
    listing.insert(0, Listed { version_id: "l2".into(), marker: false });
    assert_eq!(world.judge().breaker(), Some(Role::Reader));
}

#[test]
fn an_answer_that_says_it_comes_from_a_cache_reads_nothing() {
    for (name, value, kept) in [
        ("x-cache", "Hit from cloudfront", true),
        ("x-cache-status", "HIT", true),
        ("x-cache", "Miss from cloudfront", false),
        ("age", "0", true),
    ] {
        let mut world = World::good();
        let log = Log::default();
        for event in std::mem::take(&mut world.events) {
            if let crate::record::log::What::Exchange(exchange) = event.what {
                log.exchange("", *exchange);
            }
        }
        let mut read = exchange(200, "", "");
        let Outcome::Answered(answer) = &mut read.outcome else { panic!("answered") };
        answer.headers.push((name.to_owned(), value.to_owned()));
        let number = log.exchange("", read);
        world.events = log.take();
        world.last().versions[0].exchanges.push(number);
        let judged = world.judge();
        assert_eq!(judged.verdict() == Verdict::Inconclusive, kept, "{name}: {value}: {}", judged.reason());
    }
}

#[test]
fn a_read_that_was_accepted_brought_what_the_object_holds() {
    let read = |sha256: &str, version: VersionRef| {
        let mut world = World::good();
        let log = Log::default();
        for _ in 0..3 {
            let mut answered = exchange(200, "", "");
            let Outcome::Answered(answer) = &mut answered.outcome else { panic!("answered") };
            answer.body.sha256 = sha256.to_owned();
            log.exchange("", answered);
        }
        world.events = log.take();
        world.scenario.steps.truncate(2);
        let mut promise = step(Purpose::Promise, Action::GetObject, "ledger", Expect::Accepted);
        promise.version = Some(version);
        world.scenario.steps = vec![promise.clone(), promise];
        world.evidence.groups[0].observed = observation(true);
        world.evidence.groups[1].observed = observation(true);
        world.judge().verdict()
    };
    assert_eq!(read("aa", VersionRef::Own), Verdict::Pass);
    assert_eq!(read("aa", VersionRef::Latest), Verdict::Pass);
    assert_eq!(read("cc", VersionRef::Own), Verdict::Fail);
    assert_eq!(read("cc", VersionRef::Latest), Verdict::Fail);
}
