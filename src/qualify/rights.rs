//! The suite with principals that do not hold what their roles should: what it says then must not be said of the store.
//!
//! A store is not broken because somebody forgot to give a principal a right, and a pass must not rest on a refusal that only
//! shows the want of one. So each right that the server looks up for a role is taken from it, one at a time, and
//! each that it looks up and does not find is given.

use std::collections::BTreeMap;

use crate::qualify::matrix::shared;
use crate::qualify::{QualifyError, Stand};
use crate::record::{Cause, ScenarioResult, Verdict};
use crate::scenario::{Dialects, Right, Role, Scenario, Suite};
use crate::target::RightChange;

/// One principal that does not hold what it should.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// Whose rights differ.
    pub role: Role,
    /// The action.
    pub action: String,
    /// Whether it is given beside what the role holds; otherwise it is taken.
    pub given: bool,
}

/// What a scenario said with one right changed.
#[derive(Debug, Clone)]
pub struct ChangedRun {
    /// What was changed.
    pub change: Change,
    /// The scenario's id.
    pub scenario: String,
    /// The verdict.
    pub verdict: Verdict,
    /// Why, in one word.
    pub cause: Cause,
    /// Why, in a sentence.
    pub reason: String,
    /// The steps that were answered in another way than with the right rights: their sentences, and both answers.
    pub otherwise: Vec<String>,
}

/// Whether the role is meant to hold an action; of one that this tool has no word for only those who hold everything do.
fn holds(role: Role, action: &str) -> bool {
    match Right::parse(action) {
        Some(right) => role.holds(right),
        None => role.rights().is_none(),
    }
}

/// Runs every scenario with each right taken or given that the server looks up in it; `wanted` chooses among the changes.
/// Races are run once: what is asked is not who wins.
///
/// # Errors
/// A server that cannot be made ready, a worker that cannot be started.
pub fn changed_rights(
    suite: &Suite,
    dialects: &Dialects,
    workers: usize,
    wanted: &(dyn Fn(&Change, &Scenario) -> bool + Sync),
) -> Result<Vec<ChangedRun>, QualifyError> {
    let scenarios: Vec<Scenario> =
        suite.scenarios.iter().cloned().map(|s| Scenario { repeat: 1, ..s }).collect();
    let sound = shared(&scenarios, workers, async |stand: &mut Option<Stand>, scenario| {
        let stand = match stand {
            Some(stand) => stand,
            none => none.insert(Stand::new(&[], dialects).await?),
        };
        stand.run(scenario).await
    })?;
    let mut work: BTreeMap<Change, Vec<usize>> = BTreeMap::new();
    for (place, seen) in sound.iter().enumerate() {
        for (role, actions) in &seen.rights {
            for action in actions {
                let change = Change { role: *role, action: action.clone(), given: !holds(*role, action) };
                if scenarios.get(place).is_some_and(|scenario| wanted(&change, scenario)) {
                    work.entry(change).or_default().push(place);
                }
            }
        }
    }
    let work: Vec<(Change, Vec<usize>)> = work.into_iter().collect();
    let done = shared(&work, workers, async |stand: &mut Option<Stand>, (change, places)| {
        let stand = match stand {
            Some(stand) => stand,
            none => none.insert(Stand::new(&[], dialects).await?),
        };
        let action = change.action.clone();
        let right = if change.given { RightChange::With(action) } else { RightChange::Without(action) };
        let access = stand.changed(change.role, &right).await?;
        let mut runs = Vec::with_capacity(places.len());
        for place in places {
            let (Some(scenario), Some(before)) = (scenarios.get(*place), sound.get(*place)) else { continue };
            let result = stand.run_as(scenario, change.role, &access).await?.result;
            runs.push(ChangedRun {
                change: change.clone(),
                scenario: scenario.id.clone(),
                otherwise: otherwise(&before.result, &result),
                verdict: result.verdict,
                cause: result.cause,
                reason: result.reason,
            });
        }
        Ok(runs)
    })?;
    Ok(done.into_iter().flatten().collect())
}

/// The steps that were answered in another way.
fn otherwise(before: &ScenarioResult, now: &ScenarioResult) -> Vec<String> {
    let steps = |r: &ScenarioResult| -> Vec<(String, String)> {
        let steps = r.runs.iter().flat_map(|run| &run.steps);
        steps.map(|s| (format!("{} {}: {}", s.purpose, s.principal, s.text), s.answered.clone())).collect()
    };
    let pairs = steps(before).into_iter().zip(steps(now));
    pairs
        .filter(|((_, a), (_, b))| a != b)
        .map(|((text, a), (_, b))| format!("“{text}”: {a} before, {b} now"))
        .collect()
}
