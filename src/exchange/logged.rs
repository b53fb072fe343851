//! An entry of a server's own access log, as it was read: pure data, and what can be said of it in words.

use std::fmt;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One object version that an entry names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LoggedVersion {
    /// The key.
    pub key: String,
    /// The version id, if the entry names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    /// The error code of this entry of a batch, if the log has it for each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What a change of a lock asked for, as far as the entry says it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LoggedChange {
    /// The mode (`GOVERNANCE`, `COMPLIANCE`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// The retain-until date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
    /// The legal hold (`ON`, `OFF`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<String>,
}

/// One entry of the log: one request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogEntry {
    /// The request id, as the answer carried it.
    pub request_id: String,
    /// When, by the server's clock.
    pub at: Option<DateTime<Utc>>,
    /// The access key that signed.
    pub principal: Option<String>,
    /// Whose session or service account that key is, if the entry says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// The operation (`DeleteObject`).
    pub operation: Option<String>,
    /// The bucket.
    pub bucket: Option<String>,
    /// The keys and versions.
    pub versions: Vec<LoggedVersion>,
    /// The HTTP status.
    pub status: Option<u16>,
    /// The error code, if the entry says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Whether it says that the bypass of governance was asked for.
    pub bypass: bool,
    /// What the lock was changed to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<LoggedChange>,
    /// The client's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote: Option<String>,
}

impl fmt::Display for LogEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.operation.as_deref().unwrap_or("an operation without a name"))?;
        match &self.principal {
            Some(principal) => write!(f, " by {principal}")?,
            None => f.write_str(" by nobody named")?,
        }
        for version in &self.versions {
            write!(f, "; {}", version.key)?;
            match &version.version_id {
                Some(id) => write!(f, " version {id}")?,
                None => f.write_str(" without a version id")?,
            }
            if let Some(error) = &version.error {
                write!(f, " ({error})")?;
            }
        }
        if self.bypass {
            f.write_str("; governance bypass")?;
        }
        if let Some(change) = &self.change {
            let until = change.until.map(crate::time::human);
            let parts = [change.mode.clone(), until, change.hold.as_ref().map(|hold| format!("hold {hold}"))];
            let parts: Vec<String> = parts.into_iter().flatten().collect();
            write!(f, "; set to {}", parts.join(" until "))?;
        }
        if let Some(status) = self.status {
            write!(f, "; {status}")?;
        }
        match &self.error {
            Some(error) => write!(f, " {error}"),
            None => Ok(()),
        }
    }
}
