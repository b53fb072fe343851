//! A suite for each trail.

use super::{Case, Ending, Suite};
use crate::record::Record;
use crate::record::trail::{TrailResult, TrailRule};
use crate::scenario::Severity;

/// A case for whether it is complete, and one for each rule of which there are findings. What is below `--fail-on` is
/// skipped, as the exit code passes over it.
pub(super) fn suites(record: &Record) -> Vec<Suite> {
    record.trails.iter().map(|t| trail(record, t)).collect()
}

fn trail(record: &Record, trail: &TrailResult) -> Suite {
    let class = "wormproof.trail";
    let ending = if trail.complete { Ending::Passed } else { Ending::Error };
    let why = trail.incomplete_reason.clone().unwrap_or_default();
    let name = format!("the trail of {} was read whole", trail.id);
    let mut cases = vec![case(class, &name, ending, &why, Vec::new())];
    let fail_on = record.gate.map_or(Severity::Medium, |g| g.fail_on);
    for rule in TrailRule::ALL.iter().filter(|rule| **rule != TrailRule::Unreadable) {
        let found: Vec<String> =
            trail.found.iter().filter(|f| f.rule == *rule).map(|f| f.detail.clone()).collect();
        let Some(first) = found.first().cloned() else { continue };
        let (ending, message) = match trail.waived.get(rule.word()) {
            Some(who) => (Ending::Skipped, format!("accepted risk: {who}")),
            None if rule.severity() >= fail_on => (Ending::Failure, first),
            None => (Ending::Skipped, format!("{}, below --fail-on: {first}", rule.severity())),
        };
        let lines = found.into_iter().take(super::NAMED).collect();
        cases.push(case(class, &format!("{}: {rule}", trail.id), ending, &message, lines));
    }
    Suite { name: format!("trail of {}", trail.id), cases }
}

fn case(class: &str, name: &str, ending: Ending, message: &str, lines: Vec<String>) -> Case {
    Case {
        class: class.to_owned(),
        name: name.to_owned(),
        seconds: 0.0,
        ending,
        message: message.to_owned(),
        kind: "finding".to_owned(),
        lines,
    }
}
