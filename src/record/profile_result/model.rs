//! What a record says of a profile: the words.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::record::profile_result::{DemandResult, Terms};
use crate::scenario::{Role, words};

words! {
    /// What a record shows of a clause, a checklist item, or one piece of evidence for it.
    Shown {
        /// Everything that was to show it was assessed and holds.
        Satisfied = "satisfied",
        /// Something that was assessed does not hold.
        NotSatisfied = "not satisfied",
        /// Nothing definite can be said.
        NotAssessed = "not assessed",
    }
}

words! {
    /// What a record shows of something that a document says.
    ClaimState {
        /// What was assessed here refutes it.
        ShownFalse = "shown false here",
        /// What could refute it was assessed, and did not.
        NotShown = "not shown here",
        /// What could refute it was not assessed, or not all of it.
        NotAssessed = "not assessed",
        /// It is wrong whatever the store does (a date, a law, an arithmetic).
        WrongAsWritten = "wrong as written",
    }
}

words! {
    /// What kind of evidence.
    EvidenceKind {
        /// A scenario's verdict.
        Scenario = "scenario",
        /// Findings of the scan or about the bucket.
        Finding = "finding",
        /// Findings of the analysis.
        Analysis = "analysis",
        /// A demand on the configuration.
        Configuration = "configuration",
        /// Findings of the event log's check.
        EventLog = "event-log",
        /// Findings of trails.
        Trail = "trail",
        /// A setting of the bucket that is there.
        Present = "present",
        /// The versions that were judged by a clause's own terms.
        Versions = "versions",
        /// A document that was attached.
        Attachment = "attachment",
        /// The evidence pack itself.
        Pack = "pack",
        /// The run before this one.
        Previous = "previous",
        /// Nothing that requests to a store could show.
        Organisational = "organisational",
    }
}

/// One piece of evidence, and what it shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Piece {
    /// What kind.
    pub kind: EvidenceKind,
    /// The scenario's id, or the word of the finding or demand.
    pub name: String,
    /// What it shows.
    pub state: Shown,
    /// What was seen, in words.
    pub saw: String,
    /// How many findings there are, where they are counted.
    pub count: Option<u64>,
    /// The accepted risk, if a valid waiver covers it. It stays what it is.
    pub waived: Option<String>,
}

/// A clause, with what the record shows of it. Title, text, source and trust stand in the record's `controls`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ControlResult {
    /// Its id in the control catalogue.
    pub id: String,
    /// What is shown.
    pub state: Shown,
    /// By what, or why not, in a sentence.
    pub reason: String,
    /// Every piece of evidence that it names.
    pub evidence: Vec<Piece>,
    /// What the tool cannot see.
    pub considerations: String,
}

/// An item of a document's checklist, with what the record shows of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ItemResult {
    /// The checklist.
    pub list: String,
    /// Its id in the profile.
    pub id: String,
    /// Its text.
    pub text: String,
    /// The line in the document.
    pub line: u32,
    /// What is shown.
    pub state: Shown,
    /// By what, or why not, in a sentence.
    pub reason: String,
    /// Every piece of evidence that it names.
    pub evidence: Vec<Piece>,
}

/// Something that the document says, with what the record shows of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClaimResult {
    /// Its id in the profile.
    pub id: String,
    /// The line in the document.
    pub line: u32,
    /// What the document says.
    pub says: String,
    /// What is so.
    pub is: String,
    /// What would be right.
    pub right: String,
    /// Where that is known from.
    pub source: String,
    /// What is shown here.
    pub state: ClaimState,
    /// By what, or why not, in a sentence.
    pub reason: String,
    /// The scenarios that refute it.
    pub scenarios: Vec<String>,
    /// The weakest principal that broke one of them.
    pub weakest: Option<Role>,
    /// What was found afterwards, a line a version.
    pub left: Vec<String>,
    /// Every piece of evidence that it names.
    pub evidence: Vec<Piece>,
}

/// The whole result of a profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProfileResult {
    /// Its name.
    pub name: String,
    /// Its title.
    pub title: String,
    /// What it is for, and what it does not show.
    pub summary: String,
    /// The document or rule that it comes from.
    pub from: String,
    /// The day on which its citations were last checked.
    pub verified_on: NaiveDate,
    /// Its text as written.
    pub source: String,
    /// SHA-256 of that text (lower-case hexadecimal).
    pub digest: String,
    /// The values of its variables.
    pub variables: BTreeMap<String, String>,
    /// What every version has to have; the profile's own terms first, then the overrides.
    pub requirement: Vec<Terms>,
    /// The demands on the configuration.
    pub configuration: Vec<DemandResult>,
    /// Its clauses.
    pub controls: Vec<ControlResult>,
    /// Its checklists.
    pub items: Vec<ItemResult>,
    /// What its document says that is wrong, dangerous, or true only somewhere.
    pub claims: Vec<ClaimResult>,
}

/// How many of them are in a state.
#[must_use]
pub fn count<'a>(states: impl IntoIterator<Item = &'a Shown>, state: Shown) -> usize {
    states.into_iter().filter(|s| **s == state).count()
}
