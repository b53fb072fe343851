//! Which scenarios are run, as whom, and why others are not.

use std::collections::{BTreeMap, BTreeSet};

use crate::scenario::{As, Capability, Reach, Role, Scenario};

/// What the plan depends on.
#[derive(Debug, Clone)]
pub struct PlanInput {
    /// The capabilities that were probed.
    pub capabilities: BTreeSet<Capability>,
    /// The furthest reach that is allowed here.
    pub allow: Reach,
    /// The roles that can be played.
    pub roles: BTreeSet<Role>,
    /// Why the others cannot.
    pub missing: BTreeMap<Role, String>,
    /// Only these ids or groups; empty is all.
    pub only: Vec<String>,
    /// Not these ids or groups.
    pub skip: Vec<String>,
}

/// What is decided about one scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It is run for these roles (`None`: one run with the roles in its steps).
    Run(Vec<Option<Role>>),
    /// It is not run.
    Skip(String),
}

/// Decides about one scenario.
#[must_use]
pub fn plan(scenario: &Scenario, input: &PlanInput) -> Decision {
    let named = |list: &[String]| list.iter().any(|n| *n == scenario.id || *n == scenario.group);
    if (!input.only.is_empty() && !named(&input.only)) || named(&input.skip) {
        return Decision::Skip("left out by --only or --skip".to_owned());
    }
    if let Some(missing) = scenario.requires.iter().find(|c| !input.capabilities.contains(c)) {
        return Decision::Skip(format!("the target does not have {missing}"));
    }
    if scenario.reach > input.allow {
        let why = format!("its reach is `{}`; this target allows `{}`", scenario.reach, input.allow);
        return Decision::Skip(why);
    }
    if !scenario.buckets.is_empty() {
        return Decision::Skip("scenarios with buckets of their own are not run by this version".to_owned());
    }
    let lacks = |role: Role| {
        let why = input.missing.get(&role).map_or("not available", String::as_str);
        format!("there is no {role}: {why}")
    };
    let fixed = scenario.steps.iter().filter_map(|s| match s.who {
        As::Role(role) => Some(role),
        As::Each => None,
    });
    if let Some(role) = fixed.into_iter().find(|r| !input.roles.contains(r)) {
        return Decision::Skip(lacks(role));
    }
    if scenario.for_each.is_empty() {
        return Decision::Run(vec![None]);
    }
    let there: Vec<Option<Role>> =
        scenario.for_each.iter().filter(|r| input.roles.contains(r)).map(|r| Some(*r)).collect();
    match (there.is_empty(), scenario.for_each.first()) {
        (true, Some(role)) => Decision::Skip(lacks(*role)),
        _ => Decision::Run(there),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Suite;

    #[test]
    fn a_scenario_is_left_out_only_for_a_stated_reason() {
        let suite = Suite::builtin().expect("the suite");
        let scenario = suite.get("WORM-101").expect("WORM-101");
        let mut input = PlanInput {
            capabilities: Capability::ALL.iter().copied().collect(),
            allow: Reach::Object,
            roles: Role::ALL.iter().copied().collect(),
            missing: BTreeMap::new(),
            only: vec![],
            skip: vec![],
        };
        assert!(matches!(plan(scenario, &input), Decision::Run(_)));
        input.skip = vec!["WORM-101".to_owned()];
        assert!(matches!(plan(scenario, &input), Decision::Skip(why) if why.contains("--skip")));
        input.skip.clear();
        input.capabilities.clear();
        assert!(matches!(plan(scenario, &input), Decision::Skip(_)));
    }
}
