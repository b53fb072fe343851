//! Judging a profile: pure, from what is in a record.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::profile::{DocumentClaim, Evidence, Profile};
use crate::record::analysis::Analysis;
use crate::record::attachment::Attachment;
use crate::record::event_log::EventLogResult;
use crate::record::judge::strength;
use crate::record::profile_result::shown::{broken_of, judged_by, pieces};
use crate::record::profile_result::{
    ClaimResult, ClaimState, ControlResult, DemandResult, EvidenceKind, ItemResult, Piece, ProfileResult,
    Shown, requirement,
};
use crate::record::trail::TrailResult;
use crate::record::{Finding, Previous, ScanResult, ScenarioResult, SignerInfo, Verdict};

/// How many pieces of evidence a reason names.
const NAMED: usize = 4;

/// What was seen, all of it from a record.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// Every scenario.
    pub scenarios: &'a [ScenarioResult],
    /// The scan, if one was made.
    pub scan: Option<&'a ScanResult>,
    /// Findings about the bucket.
    pub findings: &'a [Finding],
    /// The bucket's configuration at the start and at the end, as the record holds it.
    pub configuration: [&'a Value; 2],
    /// The analysis, if one was made.
    pub analysis: Option<&'a Analysis>,
    /// What came of the demands on the configuration.
    pub demands: &'a [DemandResult],
    /// The check of the event log, if one was made.
    pub event_log: Option<&'a EventLogResult>,
    /// The trails that were read.
    pub trails: &'a [TrailResult],
    /// The documents that were attached.
    pub attachments: &'a [Attachment],
    /// Whether everything that was planned was assessed, and the scan is whole.
    pub complete: bool,
    /// Endpoint, bucket and prefix.
    pub place: [&'a str; 3],
    /// The run before this one, if it was named.
    pub previous: Option<&'a Previous>,
    /// Who signs.
    pub signer: &'a SignerInfo,
    /// When the run began: the dates of the report are reckoned from then.
    pub started: DateTime<Utc>,
}

/// Says of every clause, item and claim of a profile what was shown.
///
/// *Satisfied* is only what names evidence, all of which was assessed and holds. One thing that does not hold is
/// enough for *not satisfied*, accepted or not; for a clause that may be any scenario that names it, listed as its
/// evidence or not: what was seen to break a clause is not made good by what else held. Everything else is *not assessed*: silence satisfies nothing.
#[must_use]
pub fn assess(profile: &Profile, seen: &Seen<'_>) -> ProfileResult {
    let controls = profile.controls.iter().map(|control| {
        let mut pieces = pieces(&control.shown_by, profile, seen);
        let broken = broken_of(&control.id, &pieces, seen);
        pieces.extend(broken);
        pieces.extend(judged_by(&control.id, profile, seen));
        let (state, reason, evidence) = concluded(pieces);
        let considerations = flat(&control.considerations);
        ControlResult { id: control.id.clone(), state, reason, evidence, considerations }
    });
    let items = profile.items.iter().map(|item| {
        let (state, reason, evidence) = judged(&item.shown_by, profile, seen);
        ItemResult {
            list: item.list.clone(),
            id: item.id.clone(),
            text: flat(&item.text),
            line: item.line,
            state,
            reason,
            evidence,
        }
    });
    ProfileResult {
        name: profile.name.clone(),
        title: flat(&profile.title),
        summary: profile.summary.clone(),
        from: profile.from.clone(),
        verified_on: profile.verified_on,
        source: profile.source.clone(),
        digest: profile.digest.clone(),
        variables: profile
            .variables
            .iter()
            .map(|(name, variable)| (name.clone(), variable.default.clone().unwrap_or_default()))
            .collect(),
        requirement: requirement(&profile.requirement, seen.started),
        configuration: seen.demands.to_vec(),
        controls: controls.collect(),
        items: items.collect(),
        claims: profile.claims.iter().map(|c| claim(c, profile, seen)).collect(),
    }
}

fn judged(evidence: &Evidence, profile: &Profile, seen: &Seen<'_>) -> (Shown, String, Vec<Piece>) {
    concluded(pieces(evidence, profile, seen))
}

fn concluded(pieces: Vec<Piece>) -> (Shown, String, Vec<Piece>) {
    let state = fold(&pieces);
    let reason = if pieces.is_empty() {
        "the profile names nothing that would show it".to_owned()
    } else {
        reason(&pieces, state)
    };
    (state, reason, pieces)
}

/// One broken piece outweighs all, one open piece outweighs those that hold, and nothing is not enough.
fn fold(pieces: &[Piece]) -> Shown {
    let any = |state: Shown| pieces.iter().any(|p| p.state == state);
    if any(Shown::NotSatisfied) {
        Shown::NotSatisfied
    } else if pieces.is_empty() || any(Shown::NotAssessed) {
        Shown::NotAssessed
    } else {
        Shown::Satisfied
    }
}

/// A text of many lines in one.
pub(super) fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The pieces that decided, in words.
fn reason(pieces: &[Piece], state: Shown) -> String {
    let decisive: Vec<&Piece> = pieces.iter().filter(|p| p.state == state).collect();
    let words = |p: &Piece| {
        let name = match p.kind {
            EvidenceKind::Scenario | EvidenceKind::Configuration => format!("{}: ", p.name),
            _ => String::new(),
        };
        let waived = p.waived.as_ref().map_or_else(String::new, |w| format!(" (accepted risk: {w})"));
        format!("{name}{}{waived}", p.saw)
    };
    if state == Shown::Satisfied {
        let passed: Vec<&str> = of_kind(&decisive, EvidenceKind::Scenario);
        let mut parts = Vec::new();
        if !passed.is_empty() {
            parts.push(format!("passed: {}", list(&passed)));
        }
        let silent = |p: &&&Piece| p.count == Some(0);
        let none: Vec<&str> = decisive.iter().filter(silent).map(|p| p.name.as_str()).collect();
        if !none.is_empty() {
            parts.push(format!("no finding of: {}", list(&none)));
        }
        let met = of_kind(&decisive, EvidenceKind::Configuration);
        if !met.is_empty() {
            parts.push(format!("met: {}", list(&met)));
        }
        let rest = [
            EvidenceKind::Present,
            EvidenceKind::Versions,
            EvidenceKind::Attachment,
            EvidenceKind::Pack,
            EvidenceKind::Previous,
        ];
        parts.extend(decisive.iter().filter(|p| rest.contains(&p.kind)).map(|p| words(p)));
        return parts.join("; ");
    }
    let mut text = decisive.iter().take(NAMED).map(|p| words(p)).collect::<Vec<_>>().join("; ");
    if decisive.len() > NAMED {
        text.push_str(&format!("; and {} more", decisive.len() - NAMED));
    }
    text
}

fn of_kind<'a>(pieces: &[&'a Piece], kind: EvidenceKind) -> Vec<&'a str> {
    pieces.iter().filter(|p| p.kind == kind).map(|p| p.name.as_str()).collect()
}

fn list(ids: &[&str]) -> String {
    const IDS: usize = 8;
    match ids.get(..IDS) {
        Some(first) if ids.len() > IDS => format!("{} and {} more", first.join(", "), ids.len() - IDS),
        _ => ids.join(", "),
    }
}

fn claim(claim: &DocumentClaim, profile: &Profile, seen: &Seen<'_>) -> ClaimResult {
    let (shown, reason, evidence) = judged(&claim.refuted_by, profile, seen);
    let state = match shown {
        _ if claim.as_written || evidence.is_empty() => ClaimState::WrongAsWritten,
        Shown::NotSatisfied => ClaimState::ShownFalse,
        Shown::Satisfied => ClaimState::NotShown,
        Shown::NotAssessed => ClaimState::NotAssessed,
    };
    let broken: Vec<&ScenarioResult> = evidence
        .iter()
        .filter(|p| p.kind == EvidenceKind::Scenario && p.state == Shown::NotSatisfied)
        .filter_map(|p| seen.scenarios.iter().find(|s| s.id == p.name))
        .collect();
    let left = broken.iter().flat_map(|scenario| {
        let run = scenario.runs.iter().find(|r| r.verdict == Verdict::Fail);
        run.into_iter().flat_map(|r| r.found.iter().map(|line| format!("{}: {line}", scenario.id)))
    });
    ClaimResult {
        id: claim.id.clone(),
        line: claim.line,
        says: flat(&claim.says),
        is: flat(&claim.is),
        right: flat(&claim.right),
        source: flat(&claim.source),
        state,
        reason: match state {
            ClaimState::WrongAsWritten if shown == Shown::NotSatisfied => {
                format!("whatever this store does; shown here too: {reason}")
            }
            ClaimState::WrongAsWritten => "whatever this store does".to_owned(),
            _ => reason,
        },
        scenarios: broken.iter().map(|s| s.id.clone()).collect(),
        weakest: broken.iter().filter_map(|s| s.weakest).min_by_key(|role| strength(*role)),
        left: left.collect(),
        evidence,
    }
}

#[cfg(test)]
mod tests;
