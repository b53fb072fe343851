//! The result of a profile as people read it: marks, counts, what was attempted and observed.

use crate::record::profile_result::{
    ClaimResult, ClaimState, EvidenceKind, Example, ItemResult, Piece, ProfileResult, Shown, Terms, count,
};
use crate::record::{ControlInfo, Record};
use crate::report::model::Status;
use crate::report::text::brief;
use crate::time::human;

/// What the three words mean, for every report that prints them.
pub const MEANING: &str = "Satisfied: everything that the profile names as evidence was assessed in this run and held. \
    Not satisfied: at least one thing that it names did not hold, accepted as a risk or not. Not assessed: nothing \
    definite can be said, for the reason given; no silence counts as satisfied. A clause that is satisfied here is \
    supported by the evidence of this run, within its scope; that is no certification and no legal advice.";

/// The mark of a checklist.
#[must_use]
pub fn mark(state: Shown) -> &'static str {
    match state {
        Shown::Satisfied => "[x]",
        Shown::NotSatisfied => "[ ]",
        Shown::NotAssessed => "[–]",
    }
}

/// The status whose colour a state has.
#[must_use]
pub fn status(state: Shown) -> Status {
    match state {
        Shown::Satisfied => Status::Pass,
        Shown::NotSatisfied => Status::Fail,
        Shown::NotAssessed => Status::Inconclusive,
    }
}

/// The same of a claim: what is false is no failure of the store by itself, but what a reader has to see first.
#[must_use]
pub fn claim_status(state: ClaimState) -> Status {
    match state {
        ClaimState::ShownFalse => Status::Fail,
        ClaimState::WrongAsWritten => Status::Waived,
        ClaimState::NotAssessed => Status::Inconclusive,
        // That a store resists does not make the sentence true elsewhere.
        ClaimState::NotShown => Status::Skipped,
    }
}

/// `7 satisfied, 1 not satisfied, 2 not assessed`; what there is none of is left out.
#[must_use]
pub fn counts(states: &[Shown]) -> String {
    let parts: Vec<String> = Shown::ALL
        .iter()
        .map(|state| (count(states, *state), state))
        .filter(|(n, _)| *n > 0)
        .map(|(n, state)| format!("{n} {state}"))
        .collect();
    if parts.is_empty() { "none".to_owned() } else { parts.join(", ") }
}

/// The same of claims.
#[must_use]
pub fn claim_counts(claims: &[ClaimResult]) -> String {
    let parts: Vec<String> = ClaimState::ALL
        .iter()
        .map(|state| (claims.iter().filter(|c| c.state == *state).count(), state))
        .filter(|(n, _)| *n > 0)
        .map(|(n, state)| format!("{n} {state}"))
        .collect();
    if parts.is_empty() { "none".to_owned() } else { parts.join(", ") }
}

/// The checklists in the order of the profile, each with its items.
#[must_use]
pub fn checklists(result: &ProfileResult) -> Vec<(&str, Vec<&ItemResult>)> {
    let mut lists: Vec<(&str, Vec<&ItemResult>)> = Vec::new();
    for item in &result.items {
        match lists.iter_mut().find(|(name, _)| *name == item.list) {
            Some((_, items)) => items.push(item),
            None => lists.push((&item.list, vec![item])),
        }
    }
    lists
}

/// The catalogue's entry of a clause.
#[must_use]
pub fn control<'a>(record: &'a Record, id: &str) -> Option<&'a ControlInfo> {
    record.controls.iter().find(|c| c.id == id)
}

/// How far a citation was checked, and when.
#[must_use]
pub fn trust(control: &ControlInfo) -> String {
    let how = match control.trust.as_str() {
        "V" => "the text was read",
        "S" => "a secondary text was read",
        "M" => "unverified, check before relying on it",
        "X" => "shown by running a tool",
        _ => "unknown",
    };
    match control.verified_on {
        Some(day) => format!("trust {} ({how}), checked {day}", control.trust),
        None => format!("trust {} ({how})", control.trust),
    }
}

/// How many lines of evidence are printed a clause.
const NAMED: usize = 12;

/// What was attempted for a clause, in words: a line a piece of evidence.
#[must_use]
pub fn attempted(record: &Record, evidence: &[Piece]) -> Vec<String> {
    let mut lines: Vec<String> = evidence
        .iter()
        .map(|piece| match piece.kind {
            EvidenceKind::Scenario => {
                let title = record.scenarios.iter().find(|s| s.id == piece.name).map(|s| s.title.as_str());
                format!("{} {}", piece.name, title.unwrap_or("(not part of this run)"))
            }
            EvidenceKind::Finding => format!("Looked for findings `{}`.", piece.name),
            EvidenceKind::Analysis => format!("Analysed policies and settings for `{}`.", piece.name),
            EvidenceKind::Configuration => format!("Read the configuration: {}.", piece.name),
            EvidenceKind::EventLog => format!("Checked the event log for `{}`.", piece.name),
            EvidenceKind::Trail => format!("Read the trails of records, and looked for `{}`.", piece.name),
            EvidenceKind::Present => format!("Looked for a setting of the bucket: {}.", piece.name),
            EvidenceKind::Versions => format!("Counted the versions judged by the terms `{}`.", piece.name),
            EvidenceKind::Previous => "Looked for the run before this one.".to_owned(),
            EvidenceKind::Attachment => format!("Looked for an attached document named `{}`.", piece.name),
            EvidenceKind::Pack => "Signed this evidence and chained its events.".to_owned(),
            EvidenceKind::Organisational => "Nothing: no request to a store could show it.".to_owned(),
        })
        .collect();
    if lines.is_empty() {
        lines.push("Nothing: the profile names no evidence for it.".to_owned());
    }
    cut(lines)
}

/// What was observed: what does not hold, and what is open, in a line each; then what holds.
#[must_use]
pub fn observed(evidence: &[Piece]) -> Vec<String> {
    let of = |state: Shown| evidence.iter().filter(move |p| p.state == state);
    let mut lines: Vec<String> = of(Shown::NotSatisfied).chain(of(Shown::NotAssessed)).map(line).collect();
    lines = cut(lines);
    let is_scenario = |p: &&Piece| p.kind == EvidenceKind::Scenario;
    let passed: Vec<&str> = of(Shown::Satisfied).filter(is_scenario).map(|p| p.name.as_str()).collect();
    if !passed.is_empty() {
        lines.push(format!("Passed: {}.", passed.join(", ")));
    }
    let silent: Vec<&Piece> = of(Shown::Satisfied).filter(|p| p.count == Some(0)).collect();
    if !silent.is_empty() {
        let words: Vec<&str> = silent.iter().map(|p| p.name.as_str()).collect();
        lines.push(format!("No finding of: {}.", words.join(", ")));
    }
    lines.extend(of(Shown::Satisfied).filter(|p| !is_scenario(p) && p.count.is_none()).map(line));
    if lines.is_empty() {
        lines.push("Nothing.".to_owned());
    }
    lines
}

fn cut(mut lines: Vec<String>) -> Vec<String> {
    if lines.len() > NAMED + 1 {
        let more = lines.len() - NAMED;
        lines.truncate(NAMED);
        lines.push(format!("and {more} more (results.json)"));
    }
    lines
}

/// One piece of evidence in a line.
fn line(piece: &Piece) -> String {
    let name = match piece.kind {
        EvidenceKind::Scenario | EvidenceKind::Configuration => format!("{}: ", piece.name),
        _ => String::new(),
    };
    let waived = piece.waived.as_ref().map_or_else(String::new, |w| format!(" (accepted risk: {w})"));
    format!("{name}{}{waived}", brief(&piece.saw))
}

/// `made 2026-11-25, clock starts 2027-01-01, kept until 2035-01-01 (2,959 days)`.
#[must_use]
pub fn dates(example: &Example) -> String {
    let day = |at: chrono::DateTime<chrono::Utc>| at.date_naive();
    let mut parts = vec![format!("made {}", day(example.made))];
    if example.starts != example.made {
        parts.push(format!("its clock starts {}", day(example.starts)));
    }
    if let Some(until) = example.until {
        let days = example.days.map_or_else(String::new, |d| format!(" ({d} days)"));
        parts.push(format!("kept until {}{days}", human(until)));
    }
    if let Some(most) = example.at_most {
        parts.push(format!("at most until {}", human(most)));
    }
    parts.join(", ")
}

/// The name of terms: an override's name, or whose they are.
#[must_use]
pub fn named(terms: &Terms) -> &str {
    if terms.name.is_empty() { "all" } else { &terms.name }
}

/// The whole result in one line.
#[must_use]
pub fn result_line(result: &ProfileResult) -> String {
    let mut parts = Vec::new();
    if !result.controls.is_empty() {
        let states = counts(&result.controls.iter().map(|c| c.state).collect::<Vec<_>>());
        parts.push(format!("clauses: {states}"));
    }
    if !result.items.is_empty() {
        let states = counts(&result.items.iter().map(|i| i.state).collect::<Vec<_>>());
        parts.push(format!("checklists: {states}"));
    }
    if !result.claims.is_empty() {
        parts.push(format!("what its document says: {}", claim_counts(&result.claims)));
    }
    parts.join("; ")
}

/// What is shown of a claim, in a sentence, with the weakest principal.
#[must_use]
pub fn shown(claim: &ClaimResult) -> String {
    let mut text = match claim.state {
        ClaimState::WrongAsWritten => format!("{}, {}", claim.state, claim.reason),
        state => format!("{state}: {}", brief(&claim.reason)),
    };
    if let Some(role) = claim.weakest {
        text.push_str(&format!("; the weakest principal that broke it: {role}"));
    }
    text
}

/// What a profile amounts to, in conditional sentences, for the opinion.
#[must_use]
pub fn opinion(record: &Record) -> Option<String> {
    let result = record.profile.as_deref()?;
    let mut text = format!(
        "The profile {} was applied ({}). Of its clauses, {}",
        result.name,
        result.title,
        counts(&result.controls.iter().map(|c| c.state).collect::<Vec<_>>())
    );
    if !result.items.is_empty() {
        let states = counts(&result.items.iter().map(|i| i.state).collect::<Vec<_>>());
        text.push_str(&format!("; of the items of its checklists, {states}"));
    }
    text.push_str(
        ". Satisfied means that the evidence named for it was assessed in this run and held, within the scope of this \
         report; what depends on people, contracts or other systems is not assessed.",
    );
    Some(text)
}
