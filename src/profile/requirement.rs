//! What every object version has to have.

use crate::lock::Mode;
use crate::time::Span;

use super::calendar::ClockStart;

/// What every object version has to have, unless an [`Override`] matches it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Requirement {
    /// The mode; `Some(Governance)` is met by COMPLIANCE too.
    pub mode: Option<Mode>,
    /// The floor: the least retention, counted by the calendar from where `clock` starts.
    pub min_retention: Option<Span>,
    /// The ceiling: the most retention (data protection: storage no longer than necessary), counted likewise.
    pub max_retention: Option<Span>,
    /// Where the legal clock starts.
    pub clock: ClockStart,
    /// Whether a legal hold is required.
    pub hold: bool,
    /// Whether a legal hold may be there: a hold has no end, which a ceiling cannot allow.
    pub hold_rule: HoldRule,
    /// Versions whose lock ends within this time are listed, so that they can be extended in time.
    pub horizon: Option<Span>,
    /// Other terms for some versions; the first that matches holds.
    pub overrides: Vec<Override>,
}

/// Whether versions may carry a legal hold beside what [`Requirement::hold`] asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HoldRule {
    /// It does not matter.
    #[default]
    Any,
    /// A hold is reported: it keeps a version beyond its ceiling.
    Report,
}

/// Other terms for some versions (a country, a class of records).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// Its name in findings and reports (`DE`).
    pub name: String,
    /// Which versions.
    pub matching: Matching,
    /// The mode, if it differs.
    pub mode: Option<Mode>,
    /// The floor, if it differs.
    pub min_retention: Option<Span>,
    /// The ceiling, if it differs.
    pub max_retention: Option<Span>,
    /// The clock's start, if it differs.
    pub clock: Option<ClockStart>,
    /// Whether a hold is required, if it differs.
    pub hold: Option<bool>,
    /// Why, with its citation, for people.
    pub why: String,
    /// The control of the catalogue that it answers to, if there is one.
    pub control: Option<String>,
}

/// Which versions an override is about; all that is given must match.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Matching {
    /// The key begins so (relative to the audited prefix).
    pub prefix: Option<String>,
    /// The key contains so.
    pub contains: Option<String>,
    /// The version has this tag. Reading it costs one GetObjectTagging a version.
    pub tag: Option<(String, String)>,
}
