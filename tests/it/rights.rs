//! Principals that do not hold what their roles should. A right that somebody forgot to give is nothing that the store did
//! wrong, and no pass may rest on it; a right too many has to be noticed.

use std::collections::BTreeSet;
use std::thread::available_parallelism;

use wormproof::qualify::{Change, ChangedRun, changed_rights};
use wormproof::record::Verdict;
use wormproof::scenario::{Dialects, Right, Role, Scenario, Suite};

/// What the administrator needs for every scene; without it nothing is set up, which is always the same.
const OF_EVERY_SCENE: &[Right] = &[
    Right::PutObject,
    Right::CreateBucket,
    Right::GetObject,
    Right::GetObjectVersion,
    Right::ListBucketVersions,
];

/// A role is changed where it plays; what the auditor may not read the administrator reads in its place.
fn wanted(change: &Change, scenario: &Scenario) -> bool {
    let plays = scenario.for_each.contains(&change.role)
        || scenario.steps.iter().any(|step| step.role(None) == Some(change.role));
    let of_every_scene = change.role == Role::Administrator
        && Right::parse(&change.action).is_some_and(|right| OF_EVERY_SCENE.contains(&right));
    plays && change.role != Role::Auditor && !of_every_scene
}

fn told(run: &ChangedRun) -> String {
    let ChangedRun { change: Change { role, action, given }, scenario, verdict, reason, otherwise, .. } = run;
    let how = if *given { "with" } else { "without" };
    format!("{scenario}, {role} {how} {action}: {verdict} ({reason})\n  {}", otherwise.join("\n  "))
}

#[test]
fn a_right_that_is_missing_is_no_fail_and_no_pass_and_one_too_many_is_noticed() {
    let workers = available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    let suite = Suite::builtin().expect("the suite");
    let dialects = Dialects::builtin().expect("the dialects");
    let runs = changed_rights(&suite, &dialects, workers, &wanted).expect("servers");
    let (given, taken): (Vec<&ChangedRun>, Vec<&ChangedRun>) = runs.iter().partition(|run| run.change.given);
    assert!(taken.len() > 700 && given.len() > 40, "{} taken, {} given", taken.len(), given.len());

    let blamed = taken.iter().filter(|run| matches!(run.verdict, Verdict::Fail | Verdict::Error));
    let blamed: Vec<String> = blamed.map(|run| told(run)).collect();
    assert!(blamed.is_empty(), "held against the store:\n{}", blamed.join("\n"));

    let rests = runs.iter().filter(|run| run.verdict == Verdict::Pass && !run.otherwise.is_empty());
    let rests: Vec<String> = rests.map(told).collect();
    assert!(
        rests.is_empty(),
        "passes that rest on rights that are not as they should be:\n{}",
        rests.join("\n")
    );

    let noticed: BTreeSet<(Role, &str)> = given
        .iter()
        .filter(|run| run.verdict != Verdict::Pass)
        .map(|run| (run.change.role, run.change.action.as_str()))
        .collect();
    let has_to_be = [
        (Role::Writer, vec![Right::DeleteObject, Right::DeleteObjectVersion, Right::PutObjectRetention]),
        (
            Role::Application,
            vec![
                Right::DeleteObject,
                Right::DeleteObjectVersion,
                Right::PutObjectLegalHold,
                Right::BypassGovernanceRetention,
                Right::PutBucketObjectLockConfiguration,
                Right::PutBucketPolicy,
            ],
        ),
        (Role::Custodian, vec![Right::DeleteObject, Right::DeleteObjectVersion]),
        (Role::Deleter, vec![Right::BypassGovernanceRetention, Right::PutObjectLegalHold]),
        (Role::Bypasser, vec![Right::PutObjectLegalHold]),
        (
            Role::Reader,
            vec![
                Right::PutObject,
                Right::DeleteObject,
                Right::DeleteObjectVersion,
                Right::PutObjectRetention,
                Right::PutObjectLegalHold,
            ],
        ),
    ];
    for (role, rights) in has_to_be {
        for right in rights {
            assert!(noticed.contains(&(role, right.word())), "nobody notices a {role} with {right}");
        }
    }
}
