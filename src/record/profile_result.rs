//! What a profile asks, and what a record shows of it: demands, clauses, checklist items, claims.
//!
//! Nothing here is read back as a verdict: the profile's text is in the record, and [`again`] assesses it anew from
//! the scenarios, findings and settings that are in the record, too.

mod again;
mod assess;
mod model;
mod shown;
mod terms;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::scenario::words;

pub use again::again;
pub use assess::{Seen, assess};
pub use model::{
    ClaimResult, ClaimState, ControlResult, EvidenceKind, ItemResult, Piece, ProfileResult, Shown, count,
};
pub use terms::{Example, Terms, requirement};

words! {
    /// What came of one demand on the configuration.
    DemandState {
        /// It is as asked.
        Met = "met",
        /// It is not.
        NotMet = "not met",
        /// It is asked for where it is possible, and this server has no such thing.
        NotApplicable = "not applicable",
        /// It could not be read, or hangs on something that is not known.
        NotAssessed = "not assessed",
    }
}

/// One demand on the bucket's configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DemandResult {
    /// Its word (`versioning`, `default-retention`).
    pub word: String,
    /// What came of it.
    pub state: DemandState,
    /// What was found, in a sentence.
    pub found: String,
    /// What is asked for.
    pub asked: String,
}
