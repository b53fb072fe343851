//! The built-in profiles, what a user sees of a malformed one, and the `profiles` commands. Each file of
//! `tests/bad-profiles` is the good one with one mistake in it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use wormproof::profile::{Known, Profile};
use wormproof::record::vocabulary;
use wormproof::scenario::{Reach, Scenario, Severity, Suite};

use crate::live::run;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad-profiles")
}

fn suite() -> Suite {
    Suite::builtin().expect("a suite")
}

fn shown(name: &str, known: &Known) -> Vec<String> {
    let text = std::fs::read_to_string(folder().join(name)).expect("a readable file");
    Profile::check(name, &text, known).err().unwrap_or_default().iter().map(ToString::to_string).collect()
}

#[test]
fn each_mistake_is_shown_alone_with_its_place_and_a_hint() {
    let known = vocabulary(&suite());
    let mut names: Vec<String> = std::fs::read_dir(folder())
        .expect("the folder")
        .filter_map(|entry| entry.expect("an entry").file_name().into_string().ok())
        .filter(|name| Path::new(name).extension().is_some_and(|e| e == "toml") && name != "good.toml")
        .collect();
    names.sort();
    assert!(names.len() >= 30, "only {} malformed files", names.len());
    assert_eq!(shown("good.toml", &known), Vec::<String>::new(), "the file that the others spoil");
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(folder());
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for name in names {
            let shown = shown(&name, &known);
            assert_eq!(shown.len(), 1, "{name} must show one mistake:\n{}", shown.join("\n\n"));
            insta::assert_snapshot!(name.trim_end_matches(".toml"), shown[0]);
        }
    });
}

#[test]
fn every_built_in_profile_names_only_what_there_is() {
    let known = vocabulary(&suite());
    for (file, text) in Profile::builtin_files() {
        if let Err(mistakes) = Profile::check(&file, text, &known) {
            let all: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
            panic!("{}", all.join("\n\n"));
        }
    }
    assert!(Profile::builtin().len() >= 5, "only {} profiles", Profile::builtin().len());
    for profile in Profile::builtin() {
        let tested = profile.controls.iter().any(|c| !c.shown_by.scenarios.is_empty());
        assert!(tested, "{}: no control of it is shown by a scenario", profile.name);
    }
}

/// The profiles of rules and standards, whose clauses scenarios name.
const RULES: &[&str] = &["sec-17a-4", "cftc-1.31", "pci-dss-10", "ransomware-backup", "finos-ccc-objstor"];

/// Whether a scenario belongs into the evidence of a clause that it names, on every store: what is critical, and can
/// be tried on every server.
fn belongs(scenario: &Scenario) -> bool {
    scenario.severity == Severity::Critical
        && scenario.reach != Reach::Server
        && !scenario.group.starts_with("vendor/")
}

#[test]
fn scenarios_and_profiles_name_each_other() {
    let suite = suite();
    let named: BTreeSet<&str> =
        suite.scenarios.iter().flat_map(|s| &s.controls).map(String::as_str).collect();
    let mut wrong = Vec::new();
    for name in RULES {
        let profile = Profile::find(name).expect("a built-in profile");
        let evidence: BTreeSet<&str> =
            profile.controls.iter().flat_map(|c| &c.shown_by.scenarios).map(String::as_str).collect();
        for scenario in suite.scenarios.iter().filter(|s| belongs(s)) {
            let clauses = profile.controls.iter().filter(|c| scenario.controls.contains(&c.id));
            if clauses.count() > 0 && !evidence.contains(scenario.id.as_str()) {
                wrong.push(format!("{} names a clause of {name}, which does not name it", scenario.id));
            }
        }
        for control in profile.controls.iter().filter(|c| named.contains(c.id.as_str())) {
            for id in &control.shown_by.scenarios {
                let scenario = suite.get(id).expect("a scenario");
                if !scenario.controls.contains(&control.id) {
                    wrong.push(format!("{name}: {} names {id}, which does not name it", control.id));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_attack_on_a_locked_version_has_its_place_in_a_profile() {
    let all: String =
        RULES.iter().map(|name| Profile::find(name).expect("a profile").source.as_str()).collect();
    // A06 to A08 are conditional writes: they are the event log's.
    let numbers = (1..=18).filter(|n| !(6..=8).contains(n)).map(|n| format!("A{n:02}"));
    for id in numbers.chain((1..=6).map(|n| format!("B{n:02}"))) {
        assert!(all.contains(&format!("# {id}")) || all.contains(&format!(", {id}")), "{id}");
    }
}

#[test]
fn the_commands_list_show_and_check() {
    let list = run(&["profiles", "list"]);
    assert_eq!(list.code, Some(0), "{list:#?}");
    assert!(RULES.iter().all(|name| list.stdout.contains(name)), "{list:#?}");
    let rows: serde_json::Value =
        serde_json::from_str(&run(&["profiles", "list", "--format", "json"]).stdout).expect("JSON");
    assert_eq!(rows.as_array().map(Vec::len), Some(Profile::builtin().len()));

    let show = run(&["profiles", "show", "sec-17a-4"]);
    assert!(show.stdout.contains("# A version made today ("), "{show:#?}");
    assert!(show.stdout.contains("every version: COMPLIANCE; owed until 20"), "{show:#?}");
    let again = Profile::parse("show", &show.stdout).expect("what is shown is a profile");
    assert_eq!(again.controls, Profile::find("sec-17a-4").expect("a profile").controls);
    run(&["profiles", "show", "sec-17a4"]).fails(
        2,
        "there is no profile `sec-17a4`",
        "did you mean `sec-17a-4`?",
    );

    let folder = folder().display().to_string();
    let check = run(&["profiles", "check", &folder]);
    check.is_clean();
    assert_eq!(check.code, Some(2), "{check:#?}");
    for said in ["finding-unknown.toml:47:9", "mistakes in the profile files", "docs/profiles.md"] {
        assert!(check.stderr.contains(said), "{said}: {}", check.stderr);
    }
    let good = run(&["profiles", "check", &format!("{folder}/good.toml")]);
    assert_eq!((good.code, good.stderr.trim()), (Some(0), "1 profile, no mistakes"));
}

#[test]
fn the_example_of_the_description_is_a_profile() {
    let text = include_str!("../../docs/profiles.md");
    let (_, rest) = text.split_once("```toml\n").expect("an example");
    let (example, _) = rest.split_once("```").expect("its end");
    let found = Profile::check("docs/profiles.md", example, &vocabulary(&suite()));
    assert!(found.is_ok(), "{}", found.expect_err("mistakes")[0]);
}

#[test]
fn the_table_of_the_description_names_the_built_in_profiles_and_no_others() {
    let text = include_str!("../../docs/profiles.md");
    let table = text.split("| built in | from |").nth(1).expect("the table");
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let named: BTreeSet<&str> = rows.filter_map(|row| row.split('`').nth(1)).collect();
    let there: BTreeSet<&str> = Profile::builtin().iter().map(|p| p.name.as_str()).collect();
    assert_eq!(named, there);
}
