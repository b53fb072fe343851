use chrono::{DateTime, TimeZone as _, Utc};

use super::*;
use crate::lock::Mode;
use crate::profile::{ClockStart, HoldRule, Need};
use crate::time::Span;

const WHOLE: &str = r#"
name = "eu-invoices"
title = "Invoices of ${ENVIRONMENT}"
summary = """first line
of a paragraph

the second one"""
from = "a document"
verified-on = "2026-11-25"
bucket = "invoices-${ENVIRONMENT}"
analysis-required = true

[variable.ENVIRONMENT]
text = "the stage"
default = "prod"

[require]
mode = "compliance"
min-retention = "10 years"
max-retention = "11 years"
clock = "end of financial year, month 3"
hold = "reported"
horizon = "30 days"

[[override]]
name = "DE"
tag = "country=DE"
prefix = "${ENVIRONMENT}/"
min-retention = "8 years"
clock = "end of calendar year"
hold = "required"
why = "AO"
control = "AO"

[configuration]
versioning = "yes"
default-retention = { mode = "governance", lasts = "1095 days" }
mfa-delete = "where possible"
server-release = { server = "MinIO", not-before = "RELEASE.2020-09-17T04-49-20Z" }

[upload]
sends = ["retention", "if-none-match"]

[attacks]
run = ["delete", "WORM-101"]
require = ["WORM-101"]
skip = [{ id = "races", reason = "no time" }]

[event-log]
key-pattern = "events/{sequence}.json"
token-path = "meta.token"
holder-path = "meta.holder"

[[control]]
id = "AO"
considerations = "disks"
scenarios = ["WORM-101"]
scan = ["too-short"]
configuration = ["versioning"]
analysis = "upload-impossible"

[[control]]
id = "officer"
organisational = "a person"

[[item]]
list = "Checklist"
id = "check-1"
text = "it is signed"
line = 7
pack = true

[[claim]]
id = "line-69"
line = 69
says = "never in ${ENVIRONMENT} and ${aws:username}"
is = "sometimes"
right = "say so"
source = "measured"
"#;

fn known() -> Known {
    let list = |words: &[&str]| Some(words.iter().map(|w| (*w).to_owned()).collect());
    Known {
        scenarios: list(&["WORM-101", "WORM-102"]),
        groups: list(&["delete", "races"]),
        controls: list(&["AO", "officer"]),
        scan: list(&["too-short", "unprotected"]),
        analysis: list(&["upload-impossible"]),
        event_log: list(&["gap"]),
        trail: list(&["part-missing"]),
    }
}

fn read(text: &str) -> Result<Profile, Vec<Mistake>> {
    profile("x.toml", text, &known())
}

/// The one mistake of the whole file with a change in it.
fn mistake(from: &str, to: &str) -> Mistake {
    assert!(WHOLE.contains(from), "{from}");
    let mistakes = read(&WHOLE.replacen(from, to, 1)).expect_err(to);
    assert_eq!(mistakes.len(), 1, "{to}: {mistakes:?}");
    mistakes.into_iter().next().expect("one")
}

#[test]
fn every_key_of_the_format_is_read() {
    let p = read(WHOLE).unwrap_or_else(|m| panic!("{}", m[0]));
    assert_eq!(p.summary, "first line of a paragraph\n\nthe second one");
    assert_eq!(p.bucket.as_deref(), Some("invoices-${ENVIRONMENT}"));
    assert!(p.analysis_required);
    let q = &p.requirement;
    assert_eq!((q.mode, q.min_retention), (Some(Mode::Compliance), Some(Span::Months(120))));
    assert_eq!((q.max_retention, q.horizon.is_some()), (Some(Span::Months(132)), true));
    assert_eq!(q.clock, ClockStart::FinancialYearEnd { last_month: 3 });
    assert_eq!((q.hold, q.hold_rule), (false, HoldRule::Report));
    let [o] = &q.overrides[..] else { panic!("one override") };
    assert_eq!(o.matching.tag, Some(("country".to_owned(), "DE".to_owned())));
    assert_eq!((o.clock, o.hold, o.mode), (Some(ClockStart::CalendarYearEnd), Some(true), None));
    assert_eq!(p.configuration.versioning, Need::Yes);
    assert_eq!((p.configuration.mfa_delete, p.configuration.logging), (Need::WherePossible, Need::No));
    assert_eq!(p.configuration.default_retention.map(|d| d.mode), Some(Mode::Governance));
    let release = p.configuration.server_release.as_ref().map(ToString::to_string);
    assert_eq!(release.as_deref(), Some("MinIO, a release not before RELEASE.2020-09-17T04-49-20Z"));
    assert!(p.upload.retention && p.upload.if_none_match && !p.upload.hold);
    assert_eq!(p.attacks.skip, [("races".to_owned(), "no time".to_owned())]);
    assert_eq!(p.event_log.as_ref().map(|e| e.token_path.as_str()), Some("meta.token"));
    assert_eq!(p.controls[0].shown_by.analysis, ["upload-impossible"]);
    assert_eq!(p.controls[1].shown_by.organisational.as_deref(), Some("a person"));
    assert!(p.items[0].shown_by.pack);
    assert_eq!(p.claims[0].line, 69);
    assert_eq!((p.source.as_str(), p.digest.len()), (WHOLE, 64));
}

#[test]
fn a_mistake_says_where_and_what_is_nearest() {
    for (from, to, message, hint) in [
        (
            "min-retention = \"10",
            "min-retension = \"10",
            "unknown key `min-retension` in a requirement",
            "min-retention",
        ),
        ("\"too-short\"", "\"to-short\"", "there is no finding `to-short`", "too-short"),
        (
            "[\"versioning\"]",
            "[\"versionning\"]",
            "there is no configuration demand `versionning`",
            "versioning",
        ),
        (
            "require = [\"WORM-101\"]",
            "require = [\"WORM-112\"]",
            "there is no scenario `WORM-112`",
            "WORM-102",
        ),
        ("run = [\"delete\"", "run = [\"delte\"", "there is no scenario or group `delte`", "delete"),
        (
            "bucket = \"invoices-${E",
            "bucket = \"invoices-${F",
            "there is no variable `FNVIRONMENT`",
            "ENVIRONMENT",
        ),
    ] {
        let found = mistake(from, to);
        assert_eq!(found.message, message);
        assert_eq!(found.hint, Some(format!("did you mean `{hint}`?")));
    }
    let found = mistake("hold = \"reported\"", "hold = \"reportd\"");
    assert_eq!((found.line, found.column, found.width), (22, 8, 9));
}

#[test]
fn what_nothing_could_meet_or_everything_would_is_a_mistake() {
    for (from, to, message) in [
        ("\"11 years\"", "\"3650 days\"", "the ceiling (3650 days) lies below the floor (10 years)"),
        (
            "min-retention = \"8 years\"",
            "max-retention = \"8 years\"",
            "the ceiling (8 years) lies below the floor (10 years)",
        ),
        ("pack = true", "pack = false", "nothing is named that would show it"),
        ("pack = true", "previous = false", "nothing is named that would show it"),
        ("pack = true", "present = [\"lifecycl\"]", "there is no setting `lifecycl`"),
        ("says = \"never", "wrong = \"always\"\nsays = \"never", "`always` is not a value of `wrong`"),
        ("month 3", "month 13", "`end of financial year, month 13` is not the start of a clock"),
        (
            "organisational = \"a person\"",
            "organisational = \"a person\"\nconsiderations = \"x\"\npack = true",
            "what is organisational is never shown by a record, and evidence is named for it",
        ),
        ("{sequence}", "{number}", "the key of an event needs its number"),
        ("scan = [\"too-short\"]", "scan = []", "`scan` is empty"),
        ("id = \"officer\"", "id = \"AO\"", "the id `AO` is used twice"),
        ("id = \"races\"", "id = \"WORM-101\"", "`WORM-101` is required and left out"),
        (
            "text = \"the stage\"",
            "text = \"the stage\"\n\n[variable.OTHER]\ntext = \"x\"",
            "the variable `OTHER` is used nowhere",
        ),
    ] {
        assert_eq!(mistake(from, to).message, message);
    }
    let bare = "name = \"x\"\ntitle = \"x\"\nsummary = \"x\"\nfrom = \"x\"\nverified-on = \"2026-11-25\"\n";
    let mistakes = read(bare).expect_err("nothing is asked for");
    assert_eq!(mistakes[0].message, "the profile answers to no control and has no item");
}

#[test]
fn variables_are_filled_in_once_and_only_known_ones() {
    let p = read(WHOLE).expect("a profile");
    let with = |pairs: &[(&str, &str)]| {
        p.with(&pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
    };
    let filled = with(&[]).expect("the default");
    assert_eq!(filled.bucket.as_deref(), Some("invoices-prod"));
    assert_eq!(filled.requirement.overrides[0].matching.prefix.as_deref(), Some("prod/"));
    assert_eq!(filled.claims[0].says, "never in prod and ${aws:username}");
    assert_eq!((&filled.source, &filled.digest), (&p.source, &p.digest), "as written");
    let filled = with(&[("ENVIRONMENT", "${ENVIRONMENT}")]).expect("a value");
    assert_eq!(filled.bucket.as_deref(), Some("invoices-${ENVIRONMENT}"), "a value is not filled in again");
    let error = with(&[("ENVIROMENT", "x")]).expect_err("no such variable");
    assert_eq!(error.hint().as_deref(), Some("did you mean `ENVIRONMENT`?"));
    let without = read(&WHOLE.replace("default = \"prod\"\n", "")).expect("a profile");
    assert!(without.with(&BTreeMap::new()).is_err(), "a variable without a value is not guessed");
}

#[test]
fn an_override_has_dates_of_its_own() {
    let p = read(WHOLE).expect("a profile");
    let o = &p.requirement.overrides[0];
    let made: DateTime<Utc> = Utc.with_ymd_and_hms(2026, 11, 25, 0, 0, 0).single().expect("a date");
    let owed = o.clock.expect("a clock").owed(made, o.min_retention.expect("a floor"));
    assert_eq!(owed.to_rfc3339(), "2035-01-01T00:00:00+00:00");
}

#[test]
fn no_text_makes_the_reader_panic() {
    for (cut, _) in WHOLE.char_indices().step_by(7) {
        let _ = read(&WHOLE[..cut]);
        let _ = read(&format!("{}\u{0}ö\"{}", &WHOLE[..cut], &WHOLE[cut..]));
    }
}
