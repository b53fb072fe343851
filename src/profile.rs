//! What is required of a store: mode, floor, hold; and the waivers that accept a failure for a while.

use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::lock::Mode;
use crate::time::Span;

/// What every object version has to have.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Requirement {
    /// The mode; `Some(Governance)` is met by COMPLIANCE too.
    pub mode: Option<Mode>,
    /// The least retention, counted by the calendar from the version's creation.
    pub min_retention: Option<Span>,
    /// Whether a legal hold is required.
    pub hold: bool,
}

/// A failure that a named person accepts until a day. It stays visible and stays a fail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Waiver {
    /// The scenario's id, or the finding's rule.
    pub id: String,
    /// Why it is accepted.
    pub reason: String,
    /// Who accepts it.
    pub owner: String,
    /// The last day on which it counts.
    pub until: NaiveDate,
}
