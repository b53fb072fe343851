//! Findings: one thing wrong with an object version or a setting.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::lock::{LegalHold, Retention};
use crate::scenario::{Severity, words};

words! {
    /// What is wrong.
    FindingRule {
        /// The version has neither retention nor legal hold (GetObjectRetention said so).
        Unprotected = "unprotected",
        /// Its retention ends sooner than the requirement asks.
        TooShort = "too-short",
        /// Its retention has another (weaker) mode than the requirement asks.
        WrongMode = "wrong-mode",
        /// Its retention has ended.
        Expired = "expired",
        /// It has no legal hold where the requirement asks for one.
        NoHold = "no-hold",
        /// Its lock could not be read: not assessed.
        Unreadable = "unreadable",
        /// It carries a replication status though nothing replicates into the bucket.
        ReplicaMark = "replica-mark",
        /// A delete marker hides a version.
        Hidden = "hidden",
        /// The key was to be there and is not (`--exact`).
        Missing = "missing",
        /// The bucket has no versioning.
        NoVersioning = "no-versioning",
        /// The bucket has no Object Lock where a lock is required.
        NoObjectLock = "no-object-lock",
        /// The bucket has no default retention (information).
        NoDefaultRetention = "no-default-retention",
        /// The bucket's configuration changed while the audit ran.
        ConfigurationChanged = "configuration-changed",
        /// The bucket's configuration is not what the profile demands.
        DemandNotMet = "demand-not-met",
    }
}

impl FindingRule {
    /// How bad a finding of this rule is.
    #[must_use]
    pub fn severity(self) -> Severity {
        match self {
            Self::Unprotected | Self::Missing => Severity::Critical,
            Self::TooShort
            | Self::WrongMode
            | Self::Expired
            | Self::NoHold
            | Self::NoVersioning
            | Self::NoObjectLock
            | Self::ConfigurationChanged
            | Self::DemandNotMet => Severity::High,
            Self::Unreadable | Self::ReplicaMark => Severity::Medium,
            Self::Hidden | Self::NoDefaultRetention => Severity::Info,
        }
    }
}

/// One thing wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Which rule.
    pub rule: FindingRule,
    /// How bad.
    pub severity: Severity,
    /// The object key; empty for the bucket.
    pub key: String,
    /// The version id; empty for the bucket.
    pub version_id: String,
    /// In a sentence.
    pub detail: String,
    /// The accepted risk, if a valid waiver covers it.
    pub waived: Option<String>,
}

/// What was required of every version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RequirementText {
    /// The mode, if one is required (`COMPLIANCE`).
    pub mode: Option<String>,
    /// The minimum retention from the version's creation (`10 years`), if one is required.
    pub min_retention: Option<String>,
    /// Whether a legal hold is required.
    pub hold: bool,
}

/// The lock of one version as the scan saw it; kept for a bounded sample.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScannedVersion {
    /// The key.
    pub key: String,
    /// The version id.
    pub version_id: String,
    /// When it was made, by the listing.
    pub last_modified: Option<DateTime<Utc>>,
    /// Its retention.
    pub retention: Option<Retention>,
    /// Its hold.
    pub hold: Option<LegalHold>,
}

/// The result of a scan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScanResult {
    /// When it began (server's clock).
    pub started: DateTime<Utc>,
    /// When it ended.
    pub finished: DateTime<Utc>,
    /// What was scanned (`s3://bucket/prefix`).
    pub scope: String,
    /// What was required.
    pub requirement: RequirementText,
    /// Data versions seen, own canaries left out.
    pub versions: u64,
    /// Delete markers seen.
    pub markers: u64,
    /// Distinct keys seen.
    pub keys: u64,
    /// Pages listed.
    pub pages: u64,
    /// Versions whose lock was looked up one by one.
    pub lookups: u64,
    /// Versions under COMPLIANCE, under GOVERNANCE, with a hold, with no lock, not assessed.
    pub totals: BTreeMap<String, u64>,
    /// Findings by rule.
    pub findings: BTreeMap<String, u64>,
    /// The first findings (bounded), with key, version id and rule.
    pub first: Vec<Finding>,
    /// The rules whose findings a valid waiver accepts.
    #[serde(default)]
    pub waived_rules: Vec<String>,
    /// The earliest and latest end of retention seen.
    pub earliest_until: Option<DateTime<Utc>>,
    /// The latest end of retention seen.
    pub latest_until: Option<DateTime<Utc>>,
    /// Canaries of this tool that were left out, by proven run id, with their number.
    pub left_out: BTreeMap<String, u64>,
    /// SHA-256 over all (key, version id, lock) in listing order.
    pub population_sha256: String,
    /// Whether the whole scope was read; else why not.
    pub complete: bool,
    /// Why it is not complete.
    pub incomplete_reason: Option<String>,
}
