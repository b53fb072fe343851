//! The tool's own proof: each seeded defect is caught, each scenario can fail, and the sound server passes.
//!
//! The whole matrix takes minutes in a debug build; these tests run a part of it that holds every defect and every
//! scenario. After a change of defects or scenarios: `wormproof qualify --pairs
//! fixtures/qualification.toml`.

use std::collections::BTreeSet;
use std::path::Path;
use std::thread::available_parallelism;

use wormproof::qualify::{Pairs, Stand, one_server, run_pairs};
use wormproof::record::{Cause, Verdict};
use wormproof::scenario::{Dialects, Suite};
use wormproof::server::Defect;

fn parts() -> (Suite, Dialects, usize) {
    let workers = available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    (Suite::builtin().expect("the suite"), Dialects::builtin().expect("the dialects"), workers)
}

fn fixture() -> Pairs {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/qualification.toml");
    Pairs::parse(&std::fs::read_to_string(path).expect("the fixture")).expect("pairs")
}

#[test]
fn the_pairs_hold_every_defect_and_every_scenario() {
    let (suite, _, _) = parts();
    let pairs = fixture();
    let named: BTreeSet<&str> = pairs.caught.keys().map(String::as_str).collect();
    let all: BTreeSet<&str> = Defect::all().iter().filter(|d| !d.useless).map(|d| d.name).collect();
    assert_eq!(named, all, "defects of the fixture and of the server");
    assert!(pairs.caught.values().all(|ids| !ids.is_empty()), "a defect without a scenario");
    let named: BTreeSet<&str> = pairs.caught.values().flatten().map(String::as_str).collect();
    let all: BTreeSet<&str> = suite.scenarios.iter().map(|s| s.id.as_str()).collect();
    assert_eq!(named, all, "scenarios of the fixture and of the suite");
}

#[test]
fn each_defect_is_caught_and_each_scenario_fails_by_what_it_tests() {
    let (suite, dialects, workers) = parts();
    let pairs = fixture();
    let ran = run_pairs(&suite, &dialects, &pairs, workers).expect("pairs that can be run");
    assert_eq!(ran.len(), pairs.caught.values().map(Vec::len).sum::<usize>());
    let wrong: Vec<String> = ran
        .iter()
        .filter(|(_, _, cell)| cell.verdict != Verdict::Fail)
        .map(|(defect, id, cell)| format!("{id} on {defect}: {} ({})", cell.verdict.word(), cell.reason))
        .collect();
    assert!(wrong.is_empty(), "not caught:\n{}", wrong.join("\n"));
    // A setup that was not kept shows the defect, but nothing of what the scenario itself tests.
    let proven: BTreeSet<&str> = ran
        .iter()
        .filter(|(_, _, cell)| cell.cause != Cause::NotKept)
        .map(|(_, id, _)| id.as_str())
        .collect();
    let all: BTreeSet<&str> = suite.scenarios.iter().map(|s| s.id.as_str()).collect();
    assert_eq!(proven, all, "scenarios that fail by an attack or a promise of their own");
}

#[test]
fn the_sound_server_passes_everything() {
    let (suite, dialects, workers) = parts();
    let column = one_server(&suite, &dialects, None, workers).expect("a server");
    let wrong: Vec<String> = suite
        .scenarios
        .iter()
        .zip(&column.cells)
        .filter(|(_, cell)| cell.verdict != Verdict::Pass)
        .map(|(s, cell)| format!("{}: {} ({})", s.id, cell.verdict.word(), cell.reason))
        .collect();
    assert!(wrong.is_empty(), "on a server without defects:\n{}", wrong.join("\n"));
    assert_eq!((column.cells.len(), column.exit_code), (suite.scenarios.len(), 0));
}

#[test]
fn a_server_that_is_useless_passes_nothing() {
    let (suite, dialects, workers) = parts();
    let useless: Vec<Defect> = Defect::all().iter().filter(|d| d.useless).map(|d| d.defect).collect();
    assert!(useless.len() >= 2, "refuses all, fails all");
    for defect in useless {
        let column = one_server(&suite, &dialects, Some(defect), workers).expect("a server");
        let passed: Vec<&str> = column
            .with(Verdict::Pass)
            .filter_map(|i| suite.scenarios.get(i))
            .map(|s| s.id.as_str())
            .collect();
        assert_eq!(passed, Vec::<&str>::new(), "{}", defect.name());
        assert_ne!(column.exit_code, 0, "{}", defect.name());
    }
}

/// The matrix leaves out runs on defects that the sound server was not asked about. That this is right is shown on
/// a sample.
#[test]
fn a_defect_that_was_not_asked_about_changes_nothing() {
    let (suite, dialects, _) = parts();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut compared = 0;
    for (place, scenario) in suite.scenarios.iter().enumerate().step_by(13) {
        let seen = runtime.block_on(async {
            let stand = Stand::new(&[], &dialects).await.expect("a sound server");
            stand.run(scenario).await.expect("a run")
        });
        let unasked = Defect::all().iter().filter(|d| !seen.asked.contains(d.defect));
        for info in unasked.skip(place % 17).step_by(29) {
            let result = runtime.block_on(async {
                let stand = Stand::new(&[info.defect], &dialects).await.expect("a server");
                stand.run(scenario).await.expect("a run").result
            });
            let (was, is) = (&seen.result, &result);
            assert_eq!((was.verdict, was.cause), (is.verdict, is.cause), "{} on {}", scenario.id, info.name);
            compared += 1;
        }
    }
    assert!(compared >= 20, "only {compared} pairs");
}
