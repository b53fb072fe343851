//! Making findings.

use crate::record::analysis::{AnalysisFinding, AnalysisRule, AnalysisState, Severity, StatementPlace};

/// A finding as the rules make it.
pub(super) type Found = AnalysisFinding;

/// A finding that was read from configuration or policies.
pub(super) fn finding(
    rule: AnalysisRule,
    severity: Severity,
    about: &str,
    statement: Option<StatementPlace>,
    sentence: String,
    remedy: &str,
) -> Found {
    AnalysisFinding {
        rule,
        severity,
        sentence,
        statement,
        about: about.to_owned(),
        remedy: remedy.to_owned(),
        state: AnalysisState::Analysed,
        confirm: Vec::new(),
        proven_by: None,
        proven_as: None,
        waived: None,
    }
}

/// The same of something that could not be assessed.
pub(super) fn unassessed(
    rule: AnalysisRule,
    about: &str,
    statement: Option<StatementPlace>,
    sentence: String,
    remedy: &str,
) -> Found {
    AnalysisFinding {
        state: AnalysisState::NotAssessed,
        ..finding(rule, Severity::Medium, about, statement, sentence, remedy)
    }
}
