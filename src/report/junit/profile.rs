//! A test suite for the profile: its demands, clauses and checklist items. Claims are the document's, not the
//! store's, and fail nothing.

use super::{Case, Ending, Suite};
use crate::record::Record;
use crate::record::profile_result::{DemandState, Piece, Shown};
use crate::report::profile::{control, observed};

/// The suite, if a profile was applied.
pub(super) fn suite(record: &Record) -> Option<Suite> {
    let result = record.profile.as_deref()?;
    let class = format!("profile.{}", result.name);
    let case = |name: String, ending: Ending, message: &str, lines: Vec<String>| Case {
        class: class.clone(),
        name,
        seconds: 0.0,
        ending,
        message: message.to_owned(),
        kind: "profile".to_owned(),
        lines,
    };
    let demands = result.configuration.iter().map(|demand| {
        // A demand that is accepted as it is has its finding waived.
        let begins = format!("{}: ", demand.word);
        let waived = record
            .findings
            .iter()
            .find(|f| f.rule.word() == "demand-not-met" && f.detail.starts_with(&begins))
            .and_then(|f| f.waived.clone());
        let (ending, message) = match (demand.state, waived) {
            (DemandState::Met, _) => (Ending::Passed, demand.found.clone()),
            (DemandState::NotMet, Some(risk)) => (Ending::Skipped, format!("accepted risk: {risk}")),
            (DemandState::NotMet, None) => (Ending::Failure, demand.found.clone()),
            (state, _) => (Ending::Skipped, format!("{state}: {}", demand.found)),
        };
        case(format!("configuration {}: {}", demand.word, demand.asked), ending, &message, Vec::new())
    });
    let clauses = result.controls.iter().map(|clause| {
        let name = match control(record, &clause.id) {
            Some(control) => format!("{} {}", clause.id, control.title),
            None => clause.id.clone(),
        };
        let (ending, message) = ending(clause.state, &clause.reason, &clause.evidence);
        case(name, ending, &message, observed(&clause.evidence))
    });
    let items = result.items.iter().map(|item| {
        let name = format!("{}: {} {} (line {})", item.list, item.id, item.text, item.line);
        let (ending, message) = ending(item.state, &item.reason, &item.evidence);
        case(name, ending, &message, observed(&item.evidence))
    });
    let cases = demands.chain(clauses).chain(items).collect();
    Some(Suite { name: format!("profile {}", result.name), cases })
}

/// What is not satisfied only by accepted risks is skipped as such, like an accepted failure; what is not assessed is
/// skipped with its reason: whether something was required is for the exit code.
fn ending(state: Shown, reason: &str, evidence: &[Piece]) -> (Ending, String) {
    let accepted = evidence.iter().filter(|p| p.state == Shown::NotSatisfied).all(|p| p.waived.is_some());
    match state {
        Shown::Satisfied => (Ending::Passed, reason.to_owned()),
        Shown::NotSatisfied if accepted => (Ending::Skipped, format!("accepted risk: {reason}")),
        Shown::NotSatisfied => (Ending::Failure, reason.to_owned()),
        Shown::NotAssessed => (Ending::Skipped, format!("not assessed: {reason}")),
    }
}
