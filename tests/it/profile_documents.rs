//! The profiles of the users' four documents: nothing that was found wrong with a document is left out, no item of
//! its checklists is, and what they name exists. Reads the TOML as it is, whatever the parser makes of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use toml::{Table, Value};
use wormproof::profile::{ClockStart, Override, Profile};
use wormproof::record::FindingRule;
use wormproof::record::analysis::AnalysisRule;
use wormproof::scenario::{Controls, Suite};
use wormproof::time::Span;

/// What was found wrong with the documents: the profile, the line, and the other lines that say the same.
const WRONG: &[(&str, i64, &[&str])] = &[
    ("iosco-snapshots", 4, &[":25", ":183-187"]),
    ("iosco-snapshots", 15, &[]),
    ("iosco-snapshots", 21, &[":22", ":202-204"]),
    ("iosco-snapshots", 57, &[":136-140"]),
    ("iosco-snapshots", 62, &[]),
    ("iosco-snapshots", 69, &[":185-186"]),
    ("iosco-snapshots", 75, &[]),
    ("iosco-snapshots", 160, &[]),
    ("iosco-snapshots", 177, &[]),
    ("event-log", 22, &[":32"]),
    ("event-log", 42, &[":75"]),
    ("event-log", 80, &[]),
    ("event-log", 141, &[":161"]),
    ("event-log", 168, &[":208"]),
    ("event-log", 227, &[]),
    ("event-log", 243, &[":303"]),
    ("event-log", 246, &[":308"]),
    ("event-log", 261, &[]),
    ("event-log", 294, &[]),
    ("event-log", 299, &[":314"]),
    ("event-log", 386, &[":395"]),
    ("event-log", 408, &[":415"]),
    ("event-log-worm", 243, &[":303"]),
    ("event-log-worm", 294, &[]),
    ("audit-evidence", 10, &[]),
    ("audit-evidence", 22, &[]),
    ("audit-evidence", 23, &[":71"]),
    ("audit-evidence", 29, &[":61"]),
    ("audit-evidence", 48, &[]),
    ("audit-evidence", 73, &[]),
    ("audit-evidence", 90, &[":104"]),
    ("audit-evidence", 123, &[":124-127"]),
    ("eu-einvoicing", 9, &[]),
    ("eu-einvoicing", 21, &[":43"]),
    ("eu-einvoicing", 35, &[":104", ":112"]),
    ("eu-einvoicing", 45, &[":52"]),
    ("eu-einvoicing", 80, &[":83", ":118"]),
    ("eu-einvoicing", 106, &[]),
    ("eu-einvoicing", 118, &[]),
    ("eu-einvoicing", 161, &[]),
    ("eu-einvoicing", 173, &[":182"]),
    ("eu-einvoicing", 236, &[":247"]),
    ("eu-einvoicing", 257, &[":280"]),
    ("eu-einvoicing", 321, &[]),
    ("eu-einvoicing", 322, &[":116-117"]),
    ("eu-einvoicing", 335, &[":351"]),
    ("eu-einvoicing", 357, &[":367"]),
];

/// The lines of the documents' checklists, first and last.
const CHECKLISTS: &[(&str, i64, i64)] = &[
    ("iosco-snapshots", 145, 151),
    ("iosco-snapshots", 177, 179),
    ("iosco-snapshots", 184, 187),
    ("iosco-snapshots", 190, 193),
    ("event-log", 402, 408),
    ("event-log", 411, 415),
    ("event-log-worm", 411, 415),
    ("audit-evidence", 65, 67),
    ("audit-evidence", 124, 127),
    ("audit-evidence", 131, 135),
    ("eu-einvoicing", 277, 281),
    ("eu-einvoicing", 373, 377),
    ("eu-einvoicing", 380, 384),
];

/// The demands on the configuration that evidence can name.
const DEMANDS: &[&str] = &[
    "versioning",
    "object-lock",
    "default-retention",
    "mfa-delete",
    "tls-only",
    "conditional-writes",
    "retain-until-required",
    "public-access-block",
    "replication",
    "logging",
    "server-release",
];

const EVIDENCE: &[&str] = &["scenarios", "scan", "analysis", "configuration", "event-log", "present"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn profiles() -> BTreeMap<&'static str, Table> {
    let names: BTreeSet<&str> = WRONG.iter().map(|(name, ..)| *name).collect();
    let read = |name: &'static str| {
        let file = root().join(format!("scenarios/profiles/{name}.toml"));
        let text = std::fs::read_to_string(&file).expect("a profile");
        (name, text.parse::<Table>().expect("TOML"))
    };
    names.into_iter().map(read).collect()
}

fn entries<'a>(profile: &'a Table, key: &str) -> Vec<&'a Table> {
    let list = profile.get(key).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_table).collect()
}

fn text<'a>(entry: &'a Table, key: &str) -> &'a str {
    entry.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn words<'a>(entry: &'a Table, key: &str) -> Vec<&'a str> {
    let list = entry.get(key).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).collect()
}

#[test]
fn everything_that_was_found_wrong_with_a_document_is_a_claim_with_its_line() {
    let profiles = profiles();
    for (name, line, also) in WRONG {
        let claims = entries(&profiles[name], "claim");
        let claim = claims.iter().find(|c| c.get("line").and_then(Value::as_integer) == Some(*line));
        let claim = claim.unwrap_or_else(|| panic!("{name}: nothing is said of line {line}"));
        assert_eq!(text(claim, "id"), format!("line-{line}"), "{name}");
        for place in *also {
            assert!(text(claim, "says").contains(place), "{name}:{line} does not name {place}");
        }
    }
    for (name, profile) in &profiles {
        for claim in entries(profile, "claim") {
            for key in ["says", "is", "right", "source"] {
                assert!(!text(claim, key).is_empty(), "{name} {} has no `{key}`", text(claim, "id"));
            }
            assert!(text(claim, "says").len() < 130, "{name} {}: in short", text(claim, "id"));
        }
    }
}

#[test]
fn every_line_of_the_checklists_is_an_item_that_something_shows() {
    let profiles = profiles();
    for (name, first, last) in CHECKLISTS {
        let items = entries(&profiles[name], "item");
        for line in *first..=*last {
            let there = items.iter().any(|i| i.get("line").and_then(Value::as_integer) == Some(line));
            assert!(there, "{name}: no item for line {line}");
        }
    }
    for (name, profile) in &profiles {
        let mut ids = BTreeSet::new();
        for item in entries(profile, "item") {
            let id = text(item, "id");
            assert!(ids.insert(id), "{name}: two items are called {id}");
            let named = EVIDENCE.iter().any(|key| !words(item, key).is_empty());
            let other = ["attachment", "organisational", "pack"].iter().any(|key| item.contains_key(*key));
            assert!(named || other, "{name} {id}: nothing would show it");
        }
    }
}

#[test]
fn one_document_ticks_one_item() {
    for (name, profile) in profiles() {
        let items = entries(&profile, "item");
        let wanted: Vec<&str> =
            items.iter().map(|i| text(i, "attachment")).filter(|word| !word.is_empty()).collect();
        for (n, word) in wanted.iter().enumerate() {
            let other = wanted.iter().enumerate().find(|(m, other)| *m != n && other.contains(word));
            assert!(other.is_none(), "{name}: a document named `{word}` would tick {other:?} as well");
        }
    }
}

#[test]
fn what_the_profiles_name_exists() {
    let suite = Suite::builtin().expect("the suite");
    let controls = Controls::builtin().expect("the catalogue");
    let groups: BTreeSet<&str> = suite.scenarios.iter().map(|s| s.group.as_str()).collect();
    for (name, profile) in profiles() {
        for key in ["control", "item", "claim"] {
            for entry in entries(&profile, key) {
                let at = format!("{name} {}", text(entry, "id"));
                for id in words(entry, "scenarios") {
                    assert!(suite.get(id).is_some(), "{at}: there is no scenario {id}");
                }
                for word in words(entry, "analysis") {
                    assert!(AnalysisRule::parse(word).is_some(), "{at}: no rule of the analysis is {word}");
                }
                for word in words(entry, "scan") {
                    assert!(FindingRule::parse(word).is_some(), "{at}: no finding is {word}");
                }
                for word in words(entry, "configuration") {
                    assert!(DEMANDS.contains(&word), "{at}: no demand is {word}");
                    let asked = profile.get("configuration").and_then(|c| c.get(word));
                    assert!(asked.is_some(), "{at}: the profile does not ask for {word}");
                }
                assert_eq!(!words(entry, "event-log").is_empty(), {
                    entry.contains_key("event-log") && profile.contains_key("event-log")
                });
            }
        }
        let overrides = entries(&profile, "override");
        let cited = overrides.iter().map(|o| text(o, "control"));
        for id in entries(&profile, "control").iter().map(|c| text(c, "id")).chain(cited) {
            assert!(controls.get(id).is_some(), "{name}: the catalogue has no control {id}");
        }
        let attacks = profile["attacks"].as_table().expect("attacks");
        for id in words(attacks, "require") {
            assert!(suite.get(id).is_some(), "{name} requires {id}");
        }
        for part in words(attacks, "run") {
            assert!(suite.get(part).is_some() || groups.contains(part), "{name} runs {part}");
        }
    }
}

#[test]
fn the_page_of_the_documents_says_what_the_profiles_say() {
    let file = root().join("docs/documents.md");
    let kept = std::fs::read_to_string(&file).expect("docs/documents.md");
    let mut made = kept.clone();
    for (name, profile) in profiles() {
        let (begin, end) = (format!("<!-- claims of {name} -->\n"), "<!-- end of claims -->");
        let from =
            made.find(&begin).unwrap_or_else(|| panic!("{name} has no place on the page")) + begin.len();
        let to = from + made[from..].find(end).expect("an end of the table");
        made.replace_range(from..to, &table(&profile));
    }
    for least in crate::documents::least::LEAST {
        let (begin, end) =
            (format!("<!-- least corrections of {} -->\n", least.of), "<!-- end of corrections -->");
        let from = made.find(&begin).unwrap_or_else(|| panic!("{} have no place on the page", least.of))
            + begin.len();
        let to = from + made[from..].find(end).expect("an end of the list");
        made.replace_range(from..to, &crate::documents::least::printed(least));
    }
    if made != kept {
        let new = Path::new(env!("CARGO_TARGET_TMPDIR")).join("documents.md");
        std::fs::write(&new, &made).expect("the page as it should be");
        panic!("docs/documents.md is out of date: copy {} over it", new.display());
    }
}

/// The claims of a profile as a table.
fn table(profile: &Table) -> String {
    let mut claims = entries(profile, "claim");
    claims.sort_by_key(|c| c.get("line").and_then(Value::as_integer));
    let mut made = String::from(
        "\n| line | the document says | what is so | what would be right | known from | shown here by |\n|---:|---|---|---|---|---|\n",
    );
    for claim in claims {
        let line = claim.get("line").and_then(Value::as_integer).unwrap_or_default();
        let cells = [text(claim, "says"), text(claim, "is"), text(claim, "right"), text(claim, "source")];
        made.push_str(&format!("| :{line} | {} | {} |\n", cells.join(" | "), shown(claim)));
    }
    made.push('\n');
    made
}

/// What in a record would show that it is not so.
fn shown(claim: &Table) -> String {
    let mut parts = Vec::new();
    let scenarios = words(claim, "scenarios");
    if !scenarios.is_empty() {
        let more = scenarios.len().saturating_sub(6);
        let first = scenarios[..scenarios.len() - more].join(", ");
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        parts.push(format!("a fail of {first}{more}"));
    }
    for (key, of) in [
        ("scan", "scan"),
        ("analysis", "analysis"),
        ("configuration", "configuration"),
        ("event-log", "event log"),
    ] {
        let list: Vec<String> = words(claim, key).iter().map(|w| format!("`{w}`")).collect();
        if !list.is_empty() {
            parts.push(format!("{of}: {}", list.join(", ")));
        }
    }
    if claim.contains_key("wrong") {
        let too = if parts.is_empty() { String::new() } else { format!("; too: {}", parts.join("; ")) };
        return format!("wrong as written{too}");
    }
    if parts.is_empty() { "nothing: it does not hang on the store".to_owned() } else { parts.join("; ") }
}

#[test]
fn the_profiles_are_read_without_a_mistake_and_their_variables_are_filled_in() {
    for name in profiles().keys() {
        let profile = Profile::find(name).unwrap_or_else(|e| panic!("{name}: {e:?}"));
        let filled = profile.with(&BTreeMap::new()).expect("every variable has a default");
        assert!(!filled.bucket.unwrap_or_default().contains('$'), "{name}");
    }
    let other = BTreeMap::from([("ENVIRONMENT".to_owned(), "dev".to_owned())]);
    let filled = Profile::find("audit-evidence").expect("a profile").with(&other).expect("filled in");
    assert_eq!(filled.bucket.as_deref(), Some("golden-goose-evidence-dev"));
}

#[test]
fn each_country_has_its_own_floor_and_ceiling() {
    let invoices = Profile::find("eu-einvoicing").expect("a profile");
    let years = |n: u32| Some(Span::Months(12 * n));
    let terms =
        [("IT", 10), ("DE", 8), ("DE-finance", 10), ("FR", 10), ("FR-tax", 6), ("ES", 6), ("ES-tax", 4)];
    for (name, floor) in terms.into_iter().chain([("NL", 7), ("NL-immovable", 10)]) {
        let found = invoices.requirement.overrides.iter().find(|o| o.name == name);
        let found = found.unwrap_or_else(|| panic!("no terms for {name}"));
        assert_eq!((found.min_retention, found.max_retention), (years(floor), years(floor + 1)), "{name}");
        let starts = if name == "IT" { ClockStart::Creation } else { ClockStart::CalendarYearEnd };
        assert_eq!(found.clock, Some(starts), "{name}");
    }
    // A class of records comes before the country that it is of.
    let class = |o: &Override| o.matching.tag.as_ref().is_some_and(|(key, _)| key == "retention-class");
    assert!(invoices.requirement.overrides.is_sorted_by_key(|o| !class(o)));
    assert!(invoices.requirement.hold && invoices.requirement.min_retention == years(10));
    let log = &Profile::find("event-log").expect("a profile").requirement;
    assert!(log.mode.is_none() && log.min_retention.is_none() && !log.hold);
}

/// The rules that the analysis of policy files breaks, from medium up, and its exit code.
fn analysed(files: &[&str], more: &[&str]) -> (BTreeSet<String>, Option<i32>) {
    let files: Vec<String> = files.iter().map(|f| format!("fixtures/policies/{f}.json")).collect();
    let mut command = assert_cmd::Command::cargo_bin("wormproof").expect("the binary");
    command.env_clear().current_dir(root()).args(["analyse", "--format", "json"]).args(more);
    let output = command.arg("--policy").args(&files).output().expect("an output");
    let shown: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let heavy = |f: &&serde_json::Value| !matches!(f["severity"].as_str(), Some("low" | "info"));
    let rules = shown["findings"].as_array().expect("findings").iter().filter(heavy);
    (rules.filter_map(|f| f["rule"].as_str()).map(ToOwned::to_owned).collect(), output.status.code())
}

#[test]
fn the_least_corrections_make_the_uploads_possible_and_the_right_ones_leave_nothing_to_say_on_aws() {
    let found = |files: &[&str], sends: &str| analysed(files, &["--sends", sends]).0;
    // As written, and with the least corrections.
    let evidence = found(&["documents/evidence-identity"], "retention");
    assert!(evidence.contains("upload-impossible"), "{evidence:?}");
    let evidence = found(&["corrected/evidence-least-identity"], "retention");
    assert_eq!(evidence, BTreeSet::from(["deny-presence-only".to_owned(), "multipart-blocked".to_owned()]));
    let invoices = found(&["documents/invoices-bucket", "documents/invoices-identity"], "retention,hold");
    assert!(invoices.is_superset(&["upload-impossible".to_owned(), "deny-wrong-action".to_owned()].into()));
    let least = ["corrected/invoices-least-bucket", "corrected/invoices-least-identity"];
    assert_eq!(found(&least, "retention,hold"), BTreeSet::new());
    let events = found(&["documents/events-bucket"], "if-none-match");
    assert_eq!(events, BTreeSet::from(["allow-restricts-nothing".to_owned()]));
    assert_eq!(found(&["corrected/events-least-aws-bucket"], "if-none-match"), BTreeSet::new());

    // Right, by the requirement of each profile.
    let right: [(&[&str], &[&str]); 4] = [
        (
            &["corrected/snapshots-right-aws-bucket", "corrected/snapshots-right-aws-identity"],
            &["--sends", "retention", "--mode", "compliance", "--min-retention", "90d"],
        ),
        (&["corrected/events-right-aws-bucket"], &["--sends", "if-none-match"]),
        (
            &["corrected/evidence-right-aws-bucket", "corrected/evidence-right-aws-identity"],
            &["--sends", "retention", "--mode", "governance", "--min-retention", "1095d"],
        ),
        (
            &["corrected/invoices-right-aws-bucket", "corrected/invoices-right-aws-identity"],
            &["--sends", "retention,hold", "--mode", "compliance", "--min-retention", "10y"],
        ),
    ];
    for (files, more) in right {
        assert_eq!(analysed(files, more), (BTreeSet::new(), Some(0)), "{files:?}");
    }
}

#[test]
fn on_minio_what_is_right_leaves_the_holes_that_no_policy_closes() {
    for (name, sends) in [
        ("snapshots", "retention"),
        ("events", "if-none-match"),
        ("evidence", "retention"),
        ("invoices", "retention,hold"),
    ] {
        let file = format!("corrected/{name}-right-minio-identity");
        let (rules, code) = analysed(&[&file], &["--server", "minio", "--sends", sends]);
        let mut left = BTreeSet::from(["minio-hole".to_owned()]);
        // GOV-03: who sends a retention may also shorten GOVERNANCE with the bypass header.
        if sends.contains("retention") {
            left.insert("may-bypass-governance".to_owned());
        }
        assert_eq!(rules, left, "{name}");
        assert_ne!(code, Some(0), "{name}");
    }
}
