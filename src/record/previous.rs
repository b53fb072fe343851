//! The run before this one, as a record names it.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::record::SignerInfo;

/// An earlier record, named by its digest (`--previous`): with it, packs make a chain. What it found is not judged again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Previous {
    /// SHA-256 of its `results.json` (lower-case hexadecimal).
    pub results_sha256: String,
    /// Its run id.
    pub run_id: String,
    /// When it ended, by its own word.
    pub finished: DateTime<Utc>,
    /// The endpoint that it audited.
    pub endpoint: String,
    /// The bucket.
    pub bucket: String,
    /// The prefix.
    pub prefix: String,
    /// The profile that it applied, if one was.
    pub profile: Option<String>,
    /// Its exit code.
    pub exit_code: u8,
    /// Who signed it, if its signature verified when this run began.
    pub signer: Option<SignerInfo>,
    /// Why its signature did not verify.
    pub unverified: Option<String>,
}
