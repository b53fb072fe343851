//! What a profile may name: the scenarios of a suite, the control catalogue, and the words of findings.

use std::collections::BTreeSet;

use crate::profile::Known;
use crate::record::FindingRule;
use crate::record::analysis::AnalysisRule;
use crate::record::event_log::EventLogRule;
use crate::record::trail::TrailRule;
use crate::scenario::Suite;

/// Everything that a profile may name where this suite is run, for [`crate::profile::Profile::check`].
#[must_use]
pub fn vocabulary(suite: &Suite) -> Known {
    // As `--only` reads them: a whole group, its folders, or its last part.
    let mut groups = BTreeSet::new();
    for group in suite.scenarios.iter().map(|scenario| scenario.group.as_str()) {
        groups.extend(group.match_indices('/').map(|(at, _)| group[..at].to_owned()));
        groups.extend(group.rsplit('/').next().map(ToOwned::to_owned));
        groups.insert(group.to_owned());
    }
    Known {
        scenarios: Some(suite.scenarios.iter().map(|s| s.id.clone()).collect()),
        groups: Some(groups.into_iter().collect()),
        controls: Some(suite.controls.iter().map(|c| c.id.clone()).collect()),
        scan: Some(FindingRule::ALL.iter().map(|rule| rule.word().to_owned()).collect()),
        analysis: Some(AnalysisRule::ALL.iter().map(|rule| rule.word().to_owned()).collect()),
        event_log: Some(EventLogRule::ALL.iter().map(|rule| rule.word().to_owned()).collect()),
        trail: Some(TrailRule::ALL.iter().map(|rule| rule.word().to_owned()).collect()),
    }
}
