//! Records that were read whole, and what their digests were compared with.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What `--sample` came to.
///
/// The choice can be made again by anybody: of all data versions of the scope (own canaries left out) those are
/// chosen whose `SHA-256(seed LF key LF version id)` is smallest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SampleResult {
    /// How many were asked for.
    pub asked: u64,
    /// The seed of the choice.
    pub seed: String,
    /// How many versions there were to choose from.
    pub population: u64,
    /// How many were chosen: all, if there were fewer than asked for.
    pub chosen: u64,
    /// How many were read beside these, because an earlier record had read them (`--baseline`).
    pub again: u64,
    /// How many were read whole.
    pub read: u64,
    /// Bytes read.
    pub bytes: u64,
    /// With what digests were compared, and how many: `stored checksum`, `etag`, `manifest`, `baseline`; `nothing` counts
    /// those that were read and could be compared with nothing.
    pub compared: BTreeMap<String, u64>,
    /// How many differed from what is on record.
    pub altered: u64,
    /// How many could not be read whole.
    pub unreadable: u64,
    /// SHA-256 of the manifest's file, if one was given.
    pub manifest_sha256: Option<String>,
    /// SHA-256 of the earlier record's file, if one was given.
    pub baseline_sha256: Option<String>,
    /// The run id of the earlier record.
    pub baseline_run: Option<String>,
    /// Whether everything that was chosen was tried; an interruption leaves some out.
    pub complete: bool,
    /// Each version.
    pub versions: Vec<SampledVersion>,
}

/// One version that was to be read whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SampledVersion {
    /// The key.
    pub key: String,
    /// The version id.
    pub version_id: String,
    /// Bytes read; as listed, if it could not be read.
    pub size: u64,
    /// Until when its retention lasts, as the scan saw it.
    pub until: Option<DateTime<Utc>>,
    /// SHA-256 of its bytes (lower-case hexadecimal); none if it could not be read.
    pub sha256: Option<String>,
    /// What it was compared with.
    pub compared: Vec<Comparison>,
    /// Why it could not be read.
    pub trouble: Option<String>,
}

/// One comparison.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// With what: `x-amz-checksum-crc32`, `etag`, `manifest`, `baseline`.
    pub with: String,
    /// What it says.
    pub expected: String,
    /// Whether it is the same.
    pub equal: bool,
}
