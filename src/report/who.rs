//! The analysis as people read it: how sure a finding is, and who may do what.

use crate::record::analysis::{AnalysisFinding, AnalysisState, Answer, Standing, Who};
use crate::record::{Record, ScenarioResult};
use crate::report::model::Status;

/// Where a finding stands: `proven by WORM-508 (as anonymous)`, or what the scenarios that would show it came to.
#[must_use]
pub fn standing(finding: &AnalysisFinding, scenarios: &[ScenarioResult]) -> String {
    match (finding.state, &finding.proven_by) {
        (AnalysisState::Proven, Some(scenario)) => {
            let role = finding.proven_as.map_or_else(String::new, |role| format!(" (as {role})"));
            format!("proven by {scenario}{role}")
        }
        (AnalysisState::Proven, None) => "proven".to_owned(),
        (state, _) => {
            let word = match state {
                AnalysisState::Analysed | AnalysisState::Proven => "analysed",
                AnalysisState::Refuted => "refuted",
                AnalysisState::NotAssessed => "not assessed",
            };
            let mut tried: Vec<String> = Vec::new();
            for confirmation in &finding.confirm {
                let id = &confirmation.scenario;
                let status = scenarios
                    .iter()
                    .find(|s| s.id == *id)
                    .map_or_else(|| "not in the suite".to_owned(), |s| Status::of(s).word().to_lowercase());
                let text = format!("{id}: {status}");
                if !tried.contains(&text) {
                    tried.push(text);
                }
            }
            if tried.is_empty() { word.to_owned() } else { format!("{word}; {}", tried.join(", ")) }
        }
    }
}

/// Where a finding points: the statement, or what it is about.
#[must_use]
pub fn place(finding: &AnalysisFinding) -> String {
    finding.statement.as_ref().map_or_else(|| finding.about.clone(), ToString::to_string)
}

/// One line for everybody who stands alike by the same statement. What lies in `whole` is not named: it stands for
/// all that was asked about.
#[must_use]
pub fn lines(answer: &Answer, whole: &[String]) -> Vec<String> {
    let mut alike: Vec<(&Who, Vec<&str>)> = Vec::new();
    for who in &answer.who {
        // The root user needs no grant; no policy that was read says more of it than of anybody else.
        let standing =
            |w: &Who| if w.standing == Standing::Root { Standing::ByOwnPolicies } else { w.standing };
        let word = |w: &Who| (standing(w), w.on.clone(), w.statement.clone(), w.keys.clone());
        match alike.iter_mut().find(|(first, _)| word(first) == word(who)) {
            Some((_, names)) => names.push(&who.principal),
            None => alike.push((who, vec![&who.principal])),
        }
    }
    alike
        .into_iter()
        .map(|(who, names)| {
            let on = who.on.strip_prefix("arn:aws:s3:::").unwrap_or(&who.on);
            let names = names.join("; ");
            let names = if whole.iter().any(|w| w == on) { names } else { format!("{names} (on {on})") };
            let place = who.statement.as_ref().map_or_else(String::new, |s| format!(", by {s}"));
            match who.standing {
                Standing::Denied => format!("not: {names}{place}"),
                Standing::Conditional => {
                    format!("perhaps: {names}{place} (hangs on {})", who.keys.join(", "))
                }
                Standing::Granted | Standing::ByOwnPolicies | Standing::Root => format!("{names}{place}"),
            }
        })
        .collect()
}

/// What was asked and the lines of the answer. Questions with one answer stand together.
pub type Asked<'a> = (Vec<&'a str>, Vec<String>);

/// The answers of a record's analysis.
#[must_use]
pub fn answers(record: &Record) -> Vec<Asked<'_>> {
    let target = &record.target;
    // The objects that were asked about stand for the whole audited prefix.
    let whole = [target.bucket.clone(), format!("{}/{}sample", target.bucket, target.prefix)];
    let mut all: Vec<Asked<'_>> = Vec::new();
    for answer in record.analysis.iter().flat_map(|a| &a.answers) {
        let mut said = lines(answer, &whole);
        if said.is_empty() {
            said.push("nobody by what was read; others are not assessed".to_owned());
        }
        match all.iter_mut().find(|(_, lines)| *lines == said) {
            Some((questions, _)) => questions.push(answer.question.text()),
            None => all.push((vec![answer.question.text()], said)),
        }
    }
    all
}

/// What the answers leave open, each reason once.
#[must_use]
pub fn left_open(record: &Record) -> Vec<&str> {
    let mut reasons: Vec<&str> = Vec::new();
    for reason in record.analysis.iter().flat_map(|a| &a.answers).filter_map(|a| a.not_assessed.as_deref()) {
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    reasons
}
