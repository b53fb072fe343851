//! Which findings of the analysis a scenario has shown.
//!
//! A finding says which scenarios would show it ([`Confirmation`]); this compares them with the verdicts. A scenario
//! that the administrator alone broke shows nothing about lesser rights. One that held takes nothing back that a policy
//! grants: it was tried by principals and on objects of its own. What rests on the server's behaviour alone is refuted
//! where all of its scenarios held.

use crate::record::analysis::{Analysis, AnalysisFinding, AnalysisState, Confirmation};
use crate::record::{PrincipalInfo, ScenarioResult, Verdict};
use crate::scenario::{Purpose, Role};

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
    let role = match (confirmation.verdict, confirmation.role) {
        (Verdict::Fail, _) if result.verdict != Verdict::Fail => return None,
        // Of several attackers the weakest is not always the one who got through.
        (Verdict::Fail, Some(only)) => (result.weakest == Some(only)
            || accepted(result, only, Purpose::Attack, Verdict::Fail))
        .then_some(only)?,
        (Verdict::Fail, None) => {
            result.weakest.filter(|role| !matches!(role, Role::Administrator | Role::Denied))?
        }
        (Verdict::Pass, Some(only)) => {
            accepted(result, only, Purpose::Promise, Verdict::Pass).then_some(only)?
        }
        _ => return None,
    };
    let is_named = confirmation
        .arn
        .as_ref()
        .is_none_or(|arn| principals.iter().any(|p| p.role == role && p.arn.as_ref() == Some(arn)));
    is_named.then_some(role)
}

/// Whether a request of this role and purpose was accepted in a run that came to this verdict.
fn accepted(result: &ScenarioResult, role: Role, purpose: Purpose, verdict: Verdict) -> bool {
    result.runs.iter().filter(|run| run.verdict == verdict).any(|run| {
        run.steps.iter().any(|s| s.principal == role && s.purpose == purpose && s.answered.starts_with('2'))
    })
}

/// Whether a finding about the server's behaviour is refuted: every scenario that would show it was run, and held.
fn refuted(finding: &AnalysisFinding, scenarios: &[ScenarioResult]) -> bool {
    let held = |c: &Confirmation| {
        let verdict = scenarios.iter().find(|s| s.id == c.scenario).map(|s| s.verdict);
        c.verdict == Verdict::Fail && verdict == Some(Verdict::Pass)
    };
    finding.rule.is_of_server() && !finding.confirm.is_empty() && finding.confirm.iter().all(held)
}

/// Marks every finding that a scenario has shown (it is no longer only read, it was tried), and those that are refuted.
pub fn prove(analysis: &mut Analysis, scenarios: &[ScenarioResult], principals: &[PrincipalInfo]) {
    for finding in &mut analysis.findings {
        if let Some((scenario, role)) = shown(finding, scenarios, principals) {
            finding.state = AnalysisState::Proven;
            finding.proven_by = Some(scenario);
            finding.proven_as = role;
        } else if refuted(finding, scenarios) {
            finding.state = AnalysisState::Refuted;
        }
    }
}

/// Findings of a record that are called proven or refuted, or not, against its scenarios: what is wrong, a sentence
/// each.
#[must_use]
pub fn disproved(
    analysis: &Analysis,
    scenarios: &[ScenarioResult],
    principals: &[PrincipalInfo],
) -> Vec<String> {
    let mut wrong = Vec::new();
    for finding in &analysis.findings {
        let mut again = Analysis { findings: vec![finding.clone()], ..Analysis::default() };
        for finding in &mut again.findings {
            // Before the scenarios a finding was one or the other; which of them no scenario says.
            if matches!(finding.state, AnalysisState::Proven | AnalysisState::Refuted) {
                finding.state = AnalysisState::Analysed;
            }
            (finding.proven_by, finding.proven_as) = (None, None);
        }
        prove(&mut again, scenarios, principals);
        wrong.extend(again.findings.iter().filter(|again| *again != finding).map(|again| {
            let words = |f: &AnalysisFinding| {
                format!("{} by {}", f.state, f.proven_by.as_deref().unwrap_or("no scenario"))
            };
            format!(
                "the finding {} of {} is {}; by its scenarios it is {}",
                finding.rule,
                finding.about,
                words(finding),
                words(again)
            )
        }));
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::analysis::{AnalysisRule, Severity};
    use crate::record::{Cause, RunResult, StepText};

    fn finding(confirm: Vec<Confirmation>) -> AnalysisFinding {
        AnalysisFinding {
            rule: AnalysisRule::Public,
            severity: Severity::Critical,
            sentence: String::new(),
            statement: None,
            about: "bucket policy".to_owned(),
            remedy: String::new(),
            state: AnalysisState::Analysed,
            confirm,
            proven_by: None,
            proven_as: None,
            waived: None,
        }
    }

    fn confirm(verdict: Verdict, role: Option<Role>, arn: Option<&str>) -> Vec<Confirmation> {
        vec![Confirmation { scenario: "A".to_owned(), verdict, role, arn: arn.map(ToOwned::to_owned) }]
    }

    /// Scenario A: whose request decided it.
    fn result(verdict: Verdict, who: Role) -> ScenarioResult {
        let step = StepText {
            purpose: if verdict == Verdict::Fail { Purpose::Attack } else { Purpose::Promise },
            text: String::new(),
            principal: who,
            request: String::new(),
            expected: String::new(),
            answered: "204".to_owned(),
            exchanges: Vec::new(),
        };
        let run = RunResult {
            principal: None,
            attempt: 1,
            verdict,
            cause: Cause::Held,
            reason: String::new(),
            witnesses: Vec::new(),
            steps: vec![step],
            found: Vec::new(),
            evidence: None,
        };
        ScenarioResult {
            weakest: (verdict == Verdict::Fail).then_some(who),
            runs: vec![run],
            ..ScenarioResult::bare("A", verdict)
        }
    }

    #[test]
    fn only_the_very_principal_proves_and_the_administrator_proves_nothing() {
        let by = |confirm: Vec<Confirmation>, scenario: ScenarioResult| {
            shown(&finding(confirm), &[scenario], &[]).and_then(|(_, role)| role)
        };
        let anybody = || confirm(Verdict::Fail, None, None);
        let anonymous = || confirm(Verdict::Fail, Some(Role::Anonymous), None);
        assert_eq!(by(anybody(), result(Verdict::Fail, Role::Writer)), Some(Role::Writer));
        assert_eq!(by(anybody(), result(Verdict::Fail, Role::Administrator)), None);
        for verdict in [Verdict::Pass, Verdict::Inconclusive, Verdict::Error, Verdict::Skipped] {
            assert_eq!(by(anybody(), result(verdict, Role::Writer)), None, "{verdict}");
        }
        assert_eq!(by(anonymous(), result(Verdict::Fail, Role::Anonymous)), Some(Role::Anonymous));
        assert_eq!(by(anonymous(), result(Verdict::Fail, Role::Writer)), None);
        // Of several attackers it is the one whose request was accepted.
        let mut two = result(Verdict::Fail, Role::Anonymous);
        two.weakest = Some(Role::Reader);
        assert_eq!(by(anonymous(), two.clone()), Some(Role::Anonymous));
        "403 AccessDenied".clone_into(&mut two.runs[0].steps[0].answered);
        assert_eq!(by(anonymous(), two), None);
        assert_eq!(by(Vec::new(), result(Verdict::Fail, Role::Anonymous)), None);
    }

    #[test]
    fn a_principal_that_is_named_is_proven_only_by_itself() {
        let arn = "arn:aws:iam::111122223333:role/ops";
        let bypasser = PrincipalInfo {
            role: Role::Bypasser,
            source: None,
            missing: None,
            arn: Some(arn.to_owned()),
            account: None,
            session: None,
            policy_sha256: None,
        };
        let others =
            PrincipalInfo { arn: Some("arn:aws:iam::111122223333:role/x".into()), ..bypasser.clone() };
        let wanted = finding(confirm(Verdict::Pass, Some(Role::Bypasser), Some(arn)));
        let passed = [result(Verdict::Pass, Role::Bypasser)];
        let by = |scenarios: &[ScenarioResult], who| shown(&wanted, scenarios, &[who]).is_some();
        assert!(by(&passed, bypasser.clone()));
        assert!(!by(&passed, others));
        assert!(!by(&[result(Verdict::Pass, Role::Deleter)], bypasser.clone()));
        assert!(!by(&[result(Verdict::Fail, Role::Bypasser)], bypasser));
    }

    #[test]
    fn what_rests_on_the_server_is_refuted_only_where_every_scenario_held() {
        let of = |rule, confirm: Vec<Confirmation>, scenarios: &[ScenarioResult]| {
            let finding = AnalysisFinding { rule, ..finding(confirm) };
            let mut analysis = Analysis { findings: vec![finding], ..Analysis::default() };
            prove(&mut analysis, scenarios, &[]);
            assert!(disproved(&analysis, scenarios, &[]).is_empty());
            analysis.findings[0].state
        };
        let held = [result(Verdict::Pass, Role::Writer)];
        let (hole, public) = (AnalysisRule::MinioHole, AnalysisRule::Public);
        let one = confirm(Verdict::Fail, None, None);
        assert_eq!(of(hole, one.clone(), &held), AnalysisState::Refuted);
        // A canary of another prefix says nothing about what a policy grants.
        assert_eq!(of(public, one.clone(), &held), AnalysisState::Analysed);
        assert_eq!(of(hole, Vec::new(), &held), AnalysisState::Analysed);
        let skipped = [result(Verdict::Skipped, Role::Writer)];
        assert_eq!(of(hole, one.clone(), &skipped), AnalysisState::Analysed);
        let mut two = one;
        two.push(Confirmation { scenario: "B".to_owned(), ..two[0].clone() });
        assert_eq!(of(hole, two, &held), AnalysisState::Analysed, "one of them was not run");
    }

    #[test]
    fn a_proof_that_the_scenarios_do_not_give_is_found_out() {
        let mut analysis =
            Analysis { findings: vec![finding(confirm(Verdict::Fail, None, None))], ..Analysis::default() };
        let broken = [result(Verdict::Fail, Role::Writer)];
        let held = [result(Verdict::Pass, Role::Writer)];
        assert_eq!(disproved(&analysis, &broken, &[]).len(), 1, "it is shown and not said");
        prove(&mut analysis, &broken, &[]);
        let proven = &analysis.findings[0];
        assert_eq!((proven.state, proven.proven_as), (AnalysisState::Proven, Some(Role::Writer)));
        assert!(disproved(&analysis, &broken, &[]).is_empty());
        assert_eq!(disproved(&analysis, &held, &[]).len(), 1, "it is said and not shown");
    }
}
