//! Findings: one thing wrong with an object version or a setting.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::lock::{LegalHold, Retention};
use crate::record::sample::SampleResult;
use crate::scenario::{Severity, words};

words! {
    /// What is wrong.
    FindingRule {
        /// The version has neither retention nor legal hold (GetObjectRetention said so).
        Unprotected = "unprotected",
        /// Its retention ends sooner than the requirement asks.
        TooShort = "too-short",
        /// Its retention ends later than the ceiling allows.
        TooLong = "too-long",
        /// It has a legal hold, which has no end, where the requirement has holds reported.
        HeldWithoutEnd = "held-without-end",
        /// Its retention ends within the horizon (information).
        EndsSoon = "ends-soon",
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
        /// It was read whole, and its bytes are not those that a checksum, a manifest or an earlier record knows.
        Altered = "altered",
        /// It was chosen to be read whole, and could not be: not assessed.
        SampleUnreadable = "sample-unreadable",
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
            Self::Unprotected | Self::Missing | Self::Altered => Severity::Critical,
            Self::TooShort
            | Self::WrongMode
            | Self::Expired
            | Self::NoHold
            | Self::NoVersioning
            | Self::NoObjectLock
            | Self::ConfigurationChanged
            | Self::DemandNotMet => Severity::High,
            Self::Unreadable | Self::SampleUnreadable | Self::ReplicaMark | Self::TooLong => Severity::Medium,
            Self::HeldWithoutEnd => Severity::Low,
            Self::Hidden | Self::NoDefaultRetention | Self::EndsSoon => Severity::Info,
        }
    }
}

impl FindingRule {
    /// Whether a version with such a finding cannot be called protected as required.
    #[must_use]
    pub fn denies_protection(self) -> bool {
        matches!(
            self,
            Self::Unprotected
                | Self::TooShort
                | Self::WrongMode
                | Self::Expired
                | Self::NoHold
                | Self::Unreadable
        )
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
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RequirementText {
    /// The mode, if one is required (`COMPLIANCE`).
    pub mode: Option<String>,
    /// The minimum retention (`10 years`), if one is required.
    pub min_retention: Option<String>,
    /// Whether a legal hold is required.
    pub hold: bool,
    /// The most retention that is allowed, if there is a ceiling.
    #[serde(default)]
    pub max_retention: Option<String>,
    /// Where floor and ceiling are counted from; the version's creation if not said.
    #[serde(default)]
    pub clock: Option<String>,
    /// Whether legal holds are reported, because they have no end.
    #[serde(default)]
    pub holds_reported: bool,
    /// Versions whose lock ends within this time are listed.
    #[serde(default)]
    pub horizon: Option<String>,
    /// Other terms for some versions; the first that matches holds.
    #[serde(default)]
    pub overrides: Vec<OverrideText>,
}

/// Other terms for some versions. What is not said is as for all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OverrideText {
    /// Its name in findings (`DE`).
    pub name: String,
    /// Which versions, in words.
    pub matching: String,
    /// The mode.
    pub mode: Option<String>,
    /// The minimum retention.
    pub min_retention: Option<String>,
    /// The most retention.
    pub max_retention: Option<String>,
    /// Where both are counted from.
    pub clock: Option<String>,
    /// Whether a legal hold is required.
    pub hold: Option<bool>,
    /// Why, with its citation.
    pub why: String,
    /// The control that it answers to.
    pub control: Option<String>,
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
    /// How many versions were judged by the terms of each override, and how many by none (`-`); empty without overrides.
    #[serde(default)]
    pub by_override: BTreeMap<String, u64>,
    /// Versions under a legal hold, whatever their retention; `None` in records of versions that did not count it.
    #[serde(default)]
    pub held: Option<u64>,
    /// Versions whose lock was read and meets the requirement; `None` in records of versions that did not count it.
    #[serde(default)]
    pub protected: Option<u64>,
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
    /// Records that were read whole, if that was asked for.
    #[serde(default)]
    pub sample: Option<SampleResult>,
    /// Canaries of this tool that were left out, by proven run id, with their number.
    pub left_out: BTreeMap<String, u64>,
    /// SHA-256 over all (key, version id, lock) in listing order.
    pub population_sha256: String,
    /// Whether the whole scope was read; else why not.
    pub complete: bool,
    /// Why it is not complete.
    pub incomplete_reason: Option<String>,
}
