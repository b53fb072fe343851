use super::*;
use crate::scenario::Severity;

fn wanted(rules: &EventLogRules) -> Wanted {
    Wanted::new(rules).expect("paths")
}

fn fold(allow_start: Option<u64>) -> Fold {
    Fold::new(allow_start, &wanted(&EventLogRules::default()))
}

/// A sound event whose token is 1 and whose holder is `a`.
fn seen(number: u64) -> Seen {
    with(number, 1, "a")
}

fn with(number: u64, token: u64, holder: &str) -> Seen {
    Seen {
        number,
        key: format!("events/{number:04}.json"),
        version_id: format!("v{number}"),
        versions: 1,
        markers: 0,
        is_hidden: false,
        event: Some(Ok(Event {
            sha256: "00".to_owned(),
            token: Field::Is(token),
            holder: Field::Is(holder.to_owned()),
            own_number: Field::Is(number),
        })),
    }
}

fn changed(mut seen: Seen, how: impl FnOnce(&mut Event)) -> Seen {
    if let Some(Ok(event)) = &mut seen.event {
        how(event);
    }
    seen
}

fn whole(versioning: Result<&str, &str>, incomplete: Option<&str>) -> Whole {
    Whole {
        started: DateTime::<Utc>::UNIX_EPOCH,
        finished: DateTime::<Utc>::UNIX_EPOCH,
        scope: String::new(),
        rules: EventLogRules::default(),
        versioning: versioning.map(ToOwned::to_owned).map_err(ToOwned::to_owned),
        appended: 0,
        pages: 1,
        incomplete_reason: incomplete.map(ToOwned::to_owned),
    }
}

fn result(mut fold: Fold, seen: &[Seen]) -> EventLogResult {
    for seen in seen {
        fold.take(seen);
    }
    fold.finish(whole(Ok("Enabled"), None))
}

/// The rules that are broken, with the numbers that they are about.
fn broken(result: &EventLogResult) -> Vec<(EventLogRule, u64)> {
    result.first.iter().map(|f| (f.rule, f.number)).collect()
}

fn state(result: &EventLogResult, property: EventLogProperty) -> PropertyState {
    result.check(property).expect("every property").state
}

#[test]
fn a_sound_log_holds_in_every_property() {
    let events = [with(0, 1, "a"), with(1, 1, "a"), with(2, 3, "b"), with(3, 3, "b")];
    let result = result(fold(None), &events);
    assert!(result.checks.iter().all(|c| c.state == PropertyState::Held), "{:#?}", result.checks);
    assert_eq!(result.outcome(Severity::Info).exit_code, 0);
    assert_eq!((result.token_changes, result.transitions[1].number), (2, 2));
    let digest = "0 16:events/0000.json 2:v0 00\n1 16:events/0001.json 2:v1 00\n\
                  2 16:events/0002.json 2:v2 00\n3 16:events/0003.json 2:v3 00\n";
    assert_eq!(result.log_sha256, hex::encode(Sha256::digest(digest)));
}

#[test]
fn gaps_are_found_between_and_before_and_counted() {
    let found = result(fold(None), &[seen(1), seen(2), seen(5), seen(7)]);
    assert_eq!(broken(&found), [(EventLogRule::Gap, 3), (EventLogRule::Gap, 6)]);
    assert_eq!(found.missing, 3);
    assert!(found.first[0].detail.contains("3 to 4"), "{}", found.first[0].detail);
    assert_eq!(found.outcome(Severity::Medium).exit_code, 1);
    let late = result(fold(None), &[seen(57), seen(58)]);
    assert_eq!(broken(&late), [(EventLogRule::Gap, 1)]);
    assert_eq!(late.missing, 56);
    assert_eq!(broken(&result(fold(None), &[seen(2)])), [(EventLogRule::Gap, 1)]);
}

#[test]
fn what_lies_before_the_allowed_start_may_be_missing() {
    assert_eq!(broken(&result(fold(Some(57)), &[seen(57), seen(58)])), []);
    assert_eq!(broken(&result(fold(Some(57)), &[seen(3), seen(9), seen(57)])), []);
    let found = result(fold(Some(50)), &[seen(3), seen(57), seen(59)]);
    assert_eq!(broken(&found), [(EventLogRule::Gap, 50), (EventLogRule::Gap, 58)]);
    assert_eq!(found.missing, 8);
}

#[test]
fn two_keys_with_one_number_are_a_duplicate() {
    let again = Seen { key: "events/1.json".to_owned(), ..seen(1) };
    let found = result(fold(None), &[seen(1), again, seen(2)]);
    assert_eq!(broken(&found), [(EventLogRule::DuplicateNumber, 1)]);
    assert_eq!(found.first[0].key, "events/1.json");
}

#[test]
fn several_versions_and_markers_are_found() {
    let several = Seen { versions: 2, ..seen(1) };
    let hidden = Seen { is_hidden: true, markers: 1, ..seen(2) };
    let again = Seen { markers: 1, ..seen(3) };
    let gone = Seen { versions: 0, markers: 1, is_hidden: true, event: None, ..seen(4) };
    let found = result(fold(None), &[several, hidden, again, gone]);
    assert_eq!(
        broken(&found),
        [
            (EventLogRule::SeveralVersions, 1),
            (EventLogRule::HiddenEvent, 2),
            (EventLogRule::SeveralVersions, 3),
            (EventLogRule::HiddenEvent, 4),
        ]
    );
    assert_eq!(state(&found, EventLogProperty::Sequence), PropertyState::Held);
    assert_eq!(state(&found, EventLogProperty::Bodies), PropertyState::NotAssessed);
}

#[test]
fn the_events_own_number_has_to_be_the_keys() {
    let other = changed(seen(2), |e| e.own_number = Field::Is(3));
    let silent = changed(seen(3), |e| e.own_number = Field::Absent);
    let found = result(fold(None), &[seen(1), other, silent]);
    assert_eq!(broken(&found), [(EventLogRule::NumberMismatch, 2)]);
    let odd = changed(seen(1), |e| e.own_number = Field::Unread("odd".to_owned()));
    assert_eq!(state(&result(fold(None), &[odd]), EventLogProperty::Bodies), PropertyState::NotAssessed);
}

#[test]
fn a_token_that_goes_back_is_found_until_it_is_overtaken() {
    let events = [with(1, 1, "a"), with(2, 3, "b"), with(3, 2, "c"), with(4, 2, "c"), with(5, 3, "b")];
    let found = result(fold(None), &events);
    assert_eq!(broken(&found), [(EventLogRule::TokenWentBack, 3), (EventLogRule::TokenWentBack, 4)]);
    assert!(found.first[0].detail.contains("token 2, after token 3 at number 2"));
}

#[test]
fn two_holders_of_one_token_are_found_also_later() {
    let events = [with(1, 1, "a"), with(2, 1, "b"), with(3, 2, "b"), with(4, 2, "b")];
    let found = result(fold(None), &events);
    assert_eq!(broken(&found), [(EventLogRule::TwoHolders, 2)]);
    assert_eq!(found.outcome(Severity::Critical).exit_code, 1);
}

#[test]
fn what_could_not_be_read_is_not_assessed_and_never_held() {
    let archived = Seen { event: Some(Err("archived".to_owned())), ..seen(2) };
    let found = result(fold(None), &[seen(1), archived]);
    let open = PropertyState::NotAssessed;
    assert_eq!(
        EventLogProperty::ALL.iter().map(|p| state(&found, *p)).collect::<Vec<_>>(),
        [PropertyState::Held, PropertyState::Held, open, open, open]
    );
    assert_eq!(found.unassessed["archived"], 1);
    assert_eq!(found.outcome(Severity::Medium).exit_code, 3);
    let bare = changed(seen(1), |e| (e.token, e.holder) = (Field::Absent, Field::Absent));
    let found = result(fold(None), std::slice::from_ref(&bare));
    assert_eq!(state(&found, EventLogProperty::Tokens), open);
    assert_eq!(found.outcome(Severity::Medium).exit_code, 3);
    // Not asked for is another thing: the rest decides.
    let rules = EventLogRules { token_path: "none".to_owned(), ..EventLogRules::default() };
    let found = result(Fold::new(None, &wanted(&rules)), &[bare]);
    assert_eq!(state(&found, EventLogProperty::Tokens), open);
    assert_eq!(state(&found, EventLogProperty::Holders), open);
    assert_eq!(found.outcome(Severity::Medium).exit_code, 0);
}

#[test]
fn versions_are_held_only_where_the_bucket_kept_them() {
    let of = |versioning, events: &[Seen]| {
        let mut fold = fold(None);
        for seen in events {
            fold.take(seen);
        }
        let result = fold.finish(whole(versioning, None));
        (state(&result, EventLogProperty::Versions), result.outcome(Severity::Medium).exit_code)
    };
    assert_eq!(of(Ok("Enabled"), &[seen(1)]), (PropertyState::Held, 0));
    assert_eq!(of(Ok("off"), &[seen(1)]), (PropertyState::NotAssessed, 0));
    assert_eq!(of(Ok("Suspended"), &[seen(1)]), (PropertyState::NotAssessed, 0));
    assert_eq!(of(Err("403"), &[seen(1)]), (PropertyState::NotAssessed, 3));
    let before = Seen { version_id: "null".to_owned(), ..seen(1) };
    assert_eq!(of(Ok("Enabled"), &[before]), (PropertyState::NotAssessed, 0));
    assert_eq!(of(Ok("Suspended"), &[Seen { versions: 2, ..seen(1) }]), (PropertyState::Broken, 1));
}

#[test]
fn an_empty_or_broken_off_log_is_nothing_held() {
    let empty = result(fold(None), &[]);
    assert!(empty.checks.iter().all(|c| c.state == PropertyState::NotAssessed));
    assert_eq!(empty.outcome(Severity::Medium).exit_code, 4);
    let mut half = fold(None);
    half.take(&seen(1));
    let half = half.finish(whole(Ok("Enabled"), Some("interrupted")));
    assert!(half.checks.iter().all(|c| c.state == PropertyState::NotAssessed));
    assert_eq!(half.outcome(Severity::Medium).exit_code, 3);
}

#[test]
fn what_is_kept_is_bounded_and_a_forgotten_token_is_found_by_going_back() {
    let mut fold = fold(None);
    for number in 1..=70_000 {
        fold.take(&with(number, number, "a"));
    }
    assert_eq!(fold.holders.len(), REMEMBERED);
    fold.take(&with(70_001, 1, "b"));
    for number in 70_002..75_000 {
        fold.take(&Seen { versions: 2, ..with(number, 70_000, "a") });
        fold.foreign(&format!("events/{number}.bak"));
    }
    let found = fold.finish(whole(Ok("Enabled"), None));
    assert_eq!(found.findings["token-went-back"], 1);
    assert_eq!(found.findings["several-versions"], 4998);
    assert_eq!((found.first.len(), found.first_foreign.len(), found.foreign), (201, 100, 4998));
}
