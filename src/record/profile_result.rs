//! What a profile asks of the bucket, and what was found.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::scenario::words;

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
