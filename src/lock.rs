//! Object Lock's own words: the retention mode, the retention of a version, its legal hold, and what
//! a read-back of one version showed.
//!
//! Source of the terms: the S3 API reference (`ObjectLockRetention`, `ObjectLockLegalHold`).
//! This module knows nothing of requests, servers or files. Event holds (2026) are not modelled.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The retention mode of an object version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Mode {
    /// May be shortened or removed by a principal who may bypass governance.
    Governance,
    /// May be neither shortened nor removed by anybody until it ends.
    Compliance,
}

impl Mode {
    /// The spelling on the wire: `GOVERNANCE` or `COMPLIANCE`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Governance => "GOVERNANCE",
            Self::Compliance => "COMPLIANCE",
        }
    }

    /// Reads a mode in any case (inventories write `Governance`, the API `GOVERNANCE`).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.eq_ignore_ascii_case("GOVERNANCE") {
            Some(Self::Governance)
        } else if text.eq_ignore_ascii_case("COMPLIANCE") {
            Some(Self::Compliance)
        } else {
            None
        }
    }
}

impl std::fmt::Display for Mode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A retention: a mode and the instant until which it protects the version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Retention {
    /// The retention mode.
    pub mode: Mode,
    /// The retain-until date (UTC).
    pub until: DateTime<Utc>,
}

/// The legal hold of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum LegalHold {
    /// Protected without an end.
    On,
    /// Not held (never set and set to `OFF` protect alike: not at all).
    Off,
}

impl LegalHold {
    /// The spelling on the wire: `ON` or `OFF`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::On => "ON",
            Self::Off => "OFF",
        }
    }

    /// Reads `ON` or `OFF` in any case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.eq_ignore_ascii_case("ON") {
            Some(Self::On)
        } else if text.eq_ignore_ascii_case("OFF") {
            Some(Self::Off)
        } else {
            None
        }
    }
}

/// One thing that was looked up, and may not have been readable.
///
/// `Unread` is never taken for a value: a lock that could not be read is *not assessed*, not *none*.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reading<T> {
    /// The store answered definitely.
    Known(T),
    /// It could not be read; why.
    Unread(String),
}

impl<T> Reading<T> {
    /// The value, if it was read.
    #[must_use]
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unread(_) => None,
        }
    }
}

/// Whether a version exists, and what its content is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// A GET of this version returned these bytes.
    Present {
        /// Lower-case hexadecimal SHA-256 of the whole body.
        sha256: String,
        /// Length of the body in bytes.
        size: u64,
    },
    /// The version is a delete marker (GET answered 405, or the listing says so).
    Marker,
    /// 404 NoSuchKey or NoSuchVersion.
    Gone,
}

/// What a read-back of one object version showed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VersionState {
    /// The object key.
    pub key: String,
    /// The version id (`null` for the null version; empty where the bucket has no versioning).
    pub version_id: String,
    /// Whether it is there and what it holds.
    pub presence: Reading<Presence>,
    /// Its retention; `Known(None)` only after the store said that there is none.
    pub retention: Reading<Option<Retention>>,
    /// Its legal hold.
    pub hold: Reading<LegalHold>,
    /// Whether ListObjectVersions shows it.
    pub listed: Reading<bool>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_and_holds_are_read_in_any_case_and_nothing_else() {
        assert_eq!(Mode::parse("Compliance"), Some(Mode::Compliance));
        assert_eq!(Mode::parse("governance"), Some(Mode::Governance));
        assert_eq!(Mode::parse("COMPLIANT"), None);
        assert_eq!(LegalHold::parse("On"), Some(LegalHold::On));
        assert_eq!(LegalHold::parse(""), None);
    }
}
