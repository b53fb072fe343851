//! The findings of the analysis, a case each.
//!
//! A case fails where the finding makes the run fail: `--fail-on` is in the record. What was not assessed is an error
//! only where the analysis is required; else it is skipped with its reason, as the exit code passes over it.

use super::{Case, Ending, Suite};
use crate::record::Record;
use crate::record::analysis::{AnalysisFinding, AnalysisState};
use crate::report::who;
use crate::scenario::Severity;

pub(super) fn suite(record: &Record) -> Option<Suite> {
    let analysis = record.analysis.as_ref()?;
    let mut cases: Vec<Case> = Vec::new();
    for finding in &analysis.findings {
        let name = format!("{}: {}", finding.rule, who::place(finding));
        // Several findings may stand at one place, and a name is one case's.
        let before = cases.iter().filter(|c| c.name == name || c.name.starts_with(&format!("{name} #")));
        let name = match before.count() {
            0 => name,
            n => format!("{name} #{}", n + 1),
        };
        cases.push(case(record, finding, name));
    }
    if cases.is_empty() {
        cases.push(Case {
            class: "wormproof.analysis".to_owned(),
            name: "nothing was found that weakens the protection".to_owned(),
            seconds: 0.0,
            ending: Ending::Passed,
            message: String::new(),
            kind: String::new(),
            lines: Vec::new(),
        });
    }
    Some(Suite { name: "analysis".to_owned(), cases })
}

fn case(record: &Record, finding: &AnalysisFinding, name: String) -> Case {
    let gate = record.gate;
    let fails = finding.severity >= gate.map_or(Severity::Medium, |g| g.fail_on);
    let sentence = &finding.sentence;
    let (ending, message) = match (&finding.waived, finding.state) {
        (Some(who), _) => (Ending::Skipped, format!("accepted risk: {who}")),
        (None, AnalysisState::NotAssessed) if fails && gate.is_some_and(|g| g.analysis_required) => {
            (Ending::Error, sentence.clone())
        }
        (None, AnalysisState::NotAssessed) => (Ending::Skipped, format!("not assessed: {sentence}")),
        (None, AnalysisState::Refuted) => (Ending::Passed, String::new()),
        (None, _) if fails => (Ending::Failure, sentence.clone()),
        (None, _) => (Ending::Skipped, format!("{}, below --fail-on: {sentence}", finding.severity)),
    };
    Case {
        class: "wormproof.analysis".to_owned(),
        name,
        seconds: 0.0,
        ending,
        message,
        kind: finding.rule.word().to_owned(),
        lines: vec![
            format!("{}; {}", finding.severity, who::standing(finding, &record.scenarios)),
            sentence.clone(),
            format!("remedy: {}", finding.remedy),
        ],
    }
}
