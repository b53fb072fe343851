//! Every behaviour of the catalogue is tested or has a reason, and the page that says so is the one in the repository.

use std::collections::BTreeSet;
use std::path::Path;

use wormproof::scenario::{Coverage, Severity, Suite};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_page_of_the_coverage_is_up_to_date() {
    let suite = Suite::builtin().expect("the suite");
    let coverage = Coverage::of(&suite).expect("a scenario or a reason for every behaviour");
    let kept = std::fs::read_to_string(root().join("docs/coverage.md")).expect("docs/coverage.md");
    assert!(
        kept == coverage.markdown(),
        "docs/coverage.md is out of date: run `wormproof scenarios coverage > docs/coverage.md`"
    );
}

#[test]
fn the_suite_is_as_large_as_was_promised_and_says_why() {
    let suite = Suite::builtin().expect("the suite");
    assert!(suite.scenarios.len() >= 180, "{}", suite.scenarios.len());
    let mut titles = BTreeSet::new();
    for scenario in &suite.scenarios {
        assert!(titles.insert(scenario.title.as_str()), "two scenarios say: {}", scenario.title);
        assert!(!scenario.threat.is_empty() && !scenario.title.ends_with('.'), "{}", scenario.id);
        assert!(!scenario.controls.is_empty(), "{} names no control id", scenario.id);
        if scenario.group.starts_with("vendor/") && scenario.severity == Severity::Critical {
            assert!(!scenario.note.is_empty(), "{} names no remedy", scenario.id);
        }
    }
}

#[test]
fn recorded_behaviours_are_in_the_catalogue() {
    let recorded =
        std::fs::read_to_string(root().join("fixtures/behaviours-recorded.txt")).expect("the list");
    let all = std::fs::read_to_string(root().join("fixtures/behaviours.toml")).expect("the catalogue");
    let missing: Vec<&str> = recorded
        .lines()
        .map(str::trim)
        .filter(|l| !l.is_empty() && !l.starts_with('#'))
        .filter(|id| !all.contains(&format!("id = \"{id}\"")))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
