//! Which findings of the analysis a scenario has shown.
//!
//! A finding says which scenarios would show it ([`Confirmation`]); this compares them with the verdicts. A scenario
//! that the administrator alone broke shows nothing about lesser rights, and one that held takes nothing back: it
//! was tried by principals of its own.

use crate::record::analysis::{Analysis, AnalysisFinding, AnalysisState, Confirmation};
use crate::record::{PrincipalInfo, ScenarioResult, Verdict};
use crate::scenario::Role;

/// The first scenario that shows a finding, and the weakest principal by whom it did.
#[must_use]
pub fn shown(
    finding: &AnalysisFinding,
    scenarios: &[ScenarioResult],
    principals: &[PrincipalInfo],
) -> Option<(String, Option<Role>)> {
    finding.confirm.iter().find_map(|confirmation| {
        let result = scenarios.iter().find(|s| s.id == confirmation.scenario)?;
        let role = shown_by(confirmation, result, principals)?;
        Some((result.id.clone(), Some(role)))
    })
}

fn shown_by(
    confirmation: &Confirmation,
    result: &ScenarioResult,
    principals: &[PrincipalInfo],
) -> Option<Role> {
    let role = match confirmation.verdict {
        // Who broke it is known.
        Verdict::Fail if result.verdict == Verdict::Fail => result.weakest?,
        // Whose request had its effect: the run's role, or that of its only promise.
        Verdict::Pass => {
            let passed = |role: Role| {
                result.runs.iter().any(|run| {
                    let sent = run
                        .steps
                        .iter()
                        .any(|s| s.principal == role && s.purpose == crate::scenario::Purpose::Promise);
                    run.verdict == Verdict::Pass && (run.principal == Some(role) || sent)
                })
            };
            confirmation.role.filter(|role| passed(*role))?
        }
        _ => return None,
    };
    let is_right = match confirmation.role {
        Some(only) => role == only,
        None => !matches!(role, Role::Administrator | Role::Denied),
    };
    let is_named = confirmation
        .arn
        .as_ref()
        .is_none_or(|arn| principals.iter().any(|p| p.role == role && p.arn.as_ref() == Some(arn)));
    (is_right && is_named).then_some(role)
}

/// Marks every finding that a scenario has shown: it is no longer only read, it was tried.
pub fn prove(analysis: &mut Analysis, scenarios: &[ScenarioResult], principals: &[PrincipalInfo]) {
    for finding in &mut analysis.findings {
        if let Some((scenario, role)) = shown(finding, scenarios, principals) {
            finding.state = AnalysisState::Proven;
            finding.proven_by = Some(scenario);
            finding.proven_as = role;
        }
    }
}

/// Findings of a record that are called proven, or not, against its scenarios: what is wrong, a sentence each.
#[must_use]
pub fn disproved(
    analysis: &Analysis,
    scenarios: &[ScenarioResult],
    principals: &[PrincipalInfo],
) -> Vec<String> {
    let mut wrong = Vec::new();
    for finding in &analysis.findings {
        let said = (finding.state == AnalysisState::Proven)
            .then(|| (finding.proven_by.clone().unwrap_or_default(), finding.proven_as));
        let shown = shown(finding, scenarios, principals);
        if said != shown {
            let words = |by: Option<(String, Option<Role>)>| match by {
                Some((scenario, _)) => format!("proven by {scenario}"),
                None => "proven by nothing".to_owned(),
            };
            wrong.push(format!(
                "the finding {} of {} is {}, its scenarios say: {}",
                finding.rule,
                finding.about,
                words(said),
                words(shown)
            ));
        }
    }
    wrong
}
