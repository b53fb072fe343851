use chrono::TimeDelta;

use super::*;
use crate::lock::Mode;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::<Utc>::UNIX_EPOCH + TimeDelta::seconds(seconds)
}

fn entry(listed: u64, key: &str, seconds: i64, (is_marker, is_latest): (bool, bool)) -> TrailEntry {
    let until = at(1_000_000);
    TrailEntry {
        time: Some(at(seconds)),
        key: key.to_owned(),
        version_id: format!("v{listed}"),
        what: TrailEvent::Stored,
        listed,
        is_latest,
        is_marker,
        size: 7,
        etag: None,
        retention: (!is_marker).then_some(Reading::Known(Some(Retention { mode: Mode::Compliance, until }))),
        hold: (!is_marker).then_some(Reading::Known(LegalHold::Off)),
        checksum: None,
        whole: None,
    }
}

const VERSION: (bool, bool) = (false, false);
const NEWEST: (bool, bool) = (false, true);
const MARKER: (bool, bool) = (true, false);
const ON_TOP: (bool, bool) = (true, true);

fn trail(entries: Vec<TrailEntry>) -> TrailResult {
    let pattern = |pattern: &str| TrailPattern {
        pattern: pattern.to_owned(),
        prefix: pattern.replace(ID, "7"),
        pages: 1,
        trouble: None,
        versions: 0,
        markers: 0,
    };
    TrailResult {
        id: "7".to_owned(),
        started: at(0),
        finished: at(9),
        bucket: "b".to_owned(),
        versioning: Reading::Known("Enabled".to_owned()),
        whole: false,
        broken: None,
        patterns: vec![pattern("i/{id}/"), pattern("i/{id}_country/")],
        entries,
        findings: BTreeMap::new(),
        waived: BTreeMap::new(),
        found: Vec::new(),
        trail_sha256: String::new(),
        complete: false,
        incomplete_reason: None,
    }
    .folded()
}

/// Both parts, one version each.
pub(in crate::record) fn sound() -> TrailResult {
    trail(vec![entry(0, "i/7/a", 1, NEWEST), entry(1, "i/7_country/b", 2, NEWEST)])
}

/// Of which a listing broke off.
pub(in crate::record) fn broken() -> TrailResult {
    let mut broken = sound();
    broken.patterns[1].trouble = Some("403 AccessDenied".to_owned());
    broken.folded()
}

/// Without the second part.
pub(in crate::record) fn half() -> TrailResult {
    trail(vec![entry(0, "i/7/a", 1, NEWEST)])
}

/// Nothing.
pub(in crate::record) fn empty() -> TrailResult {
    trail(Vec::new())
}

fn words(trail: &TrailResult) -> Vec<&str> {
    trail.findings.keys().map(String::as_str).collect()
}

fn code(trail: &TrailResult) -> u8 {
    outcome(std::slice::from_ref(trail), Severity::Medium).exit_code
}

#[test]
fn entries_stand_in_the_order_of_time_and_say_what_they_are() {
    // One second for all of a: the listing shows the newest first, here with the markers after the versions.
    let all = trail(vec![
        entry(0, "i/7/a", 5, VERSION),
        entry(1, "i/7/a", 5, VERSION),
        entry(2, "i/7/a", 5, ON_TOP),
        entry(3, "i/7_country/b", 2, NEWEST),
        entry(4, "i/7_country/b", 1, MARKER),
        entry(5, "i/7_country/b", 1, VERSION),
    ]);
    let shown: Vec<(u64, &str)> = all.entries.iter().map(|e| (e.listed, e.what.word())).collect();
    let expected = [
        (5, "overwritten"),
        (4, "hidden-before"),
        (3, "stored"),
        (1, "overwritten"),
        (0, "stored"),
        (2, "hidden"),
    ];
    assert_eq!(shown, expected);
    assert_eq!(words(&all), ["hidden", "several-versions"]);
    assert_eq!((all.patterns[0].versions, all.patterns[0].markers), (2, 1));
    assert_eq!((all.complete, code(&all)), (true, 1));
    assert!(all.again().is_empty());
}

#[test]
fn half_a_record_and_none_are_told_apart() {
    let half = trail(vec![entry(0, "i/7/a", 1, NEWEST), entry(1, "i/7_country/b", 2, ON_TOP)]);
    assert_eq!(words(&half), ["hidden", "part-missing"]);
    assert!(half.found[0].detail.contains("only delete markers"), "{:?}", half.found[0]);
    let none = empty();
    assert_eq!((words(&none), code(&none)), (vec!["no-record"], 4));
    let whole = sound();
    assert_eq!((words(&whole), code(&whole)), (vec![], 0));
    // Of two ids one has nothing: that is a finding.
    assert_eq!(outcome(&[none, whole], Severity::Medium).exit_code, 1);
}

#[test]
fn what_was_not_read_is_never_an_empty_or_a_whole_trail() {
    let mut refused = trail(Vec::new());
    refused.patterns[1].trouble = Some("403 AccessDenied".to_owned());
    let refused = refused.folded();
    assert_eq!((words(&refused), code(&refused)), (vec!["unreadable"], 3));
    let sound = || vec![entry(0, "i/7/a", 1, NEWEST), entry(1, "i/7_country/b", 2, NEWEST)];
    let unread = |change: fn(&mut TrailEntry)| {
        let mut entries = sound();
        change(&mut entries[0]);
        let trail = trail(entries);
        assert_eq!((words(&trail), code(&trail), trail.complete), (vec!["unreadable"], 3, false));
    };
    unread(|e| e.hold = Some(Reading::Unread("403".to_owned())));
    unread(|e| e.retention = Some(Reading::Unread("403".to_owned())));
    unread(|e| e.time = None);
    unread(|e| e.whole = Some(TrailRead { sha256: None, compared: Vec::new(), trouble: None }));
    let mut cut = trail(sound());
    cut.broken = Some("interrupted".to_owned());
    assert_eq!(code(&cut.folded()), 3);
    let mut unknown = trail(sound());
    unknown.versioning = Reading::Unread("403".to_owned());
    assert_eq!(code(&unknown.folded()), 3);
    let mut off = trail(sound());
    off.versioning = Reading::Known("off".to_owned());
    assert_eq!(words(&off.folded()), ["no-history"]);
}

#[test]
fn dates_that_the_order_of_versions_denies_are_told() {
    let entries = vec![
        entry(0, "i/7/a", 1, NEWEST),
        entry(1, "i/7/a", 9, VERSION),
        entry(2, "i/7_country/b", 2, NEWEST),
    ];
    assert_eq!(words(&trail(entries)), ["dates-out-of-order", "several-versions"]);
}

#[test]
fn a_trail_that_was_changed_does_not_follow_from_its_entries() {
    let sound = trail(vec![entry(0, "i/7/a", 1, ON_TOP), entry(1, "i/7/a", 1, VERSION)]);
    assert!(sound.again().is_empty());
    let changed = |change: fn(&mut TrailResult)| {
        let mut other = sound.clone();
        change(&mut other);
        assert!(!other.again().is_empty());
    };
    changed(|t| {
        t.entries.remove(1);
    });
    changed(|t| t.findings.clear());
    changed(|t| t.patterns[0].markers = 0);
    changed(|t| t.entries[0].retention = Some(Reading::Known(None)));
    changed(|t| t.entries[1].what = TrailEvent::HiddenBefore);
    changed(|t| t.patterns[1].prefix = "i/8_country/".to_owned());
    changed(|t| t.patterns[1].trouble = Some("403".to_owned()));
}
