//! ListObjectVersions: a lean pull parser for its pages, and a walk over all of them.
//!
//! A listing is evidence of what exists, so a page that cannot be read whole is an error, never a
//! shorter listing. What a server sends is not trusted: pages that are not XML, break off, claim more
//! without a marker, or lead in a circle are told apart.

mod parse;
mod walk;

pub use parse::parse_versions;
pub use walk::VersionsWalk;

use chrono::{DateTime, Utc};

use crate::lock::{LegalHold, Reading, Retention};

/// The lock of a version as a listing with metadata shows it (MinIO, `metadata=true`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedLock {
    /// The retention; `Known(None)` if the metadata was delivered and has none.
    pub retention: Reading<Option<Retention>>,
    /// The legal hold; `Known(Off)` if the metadata was delivered and has none.
    pub hold: Reading<LegalHold>,
}

/// One version or delete marker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key, decoded.
    pub key: String,
    /// The version id (`null` for the null version).
    pub version_id: String,
    /// Whether it is the newest of its key.
    pub is_latest: bool,
    /// Whether it is a delete marker.
    pub is_marker: bool,
    /// Length in bytes; 0 for a marker.
    pub size: u64,
    /// When it was written, as the server claims (on MinIO a client can choose it).
    pub last_modified: Option<DateTime<Utc>>,
    /// The ETag without its quotes.
    pub etag: Option<String>,
    /// The lock, if the page carried metadata for this entry. `None` means *look it up*, never *no lock*.
    pub lock: Option<ListedLock>,
    /// The owner's id.
    pub owner: Option<String>,
    /// The replication status, if shown (`REPLICA` where nothing replicates is a trace of an attack).
    pub replication: Option<String>,
}

/// One page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VersionsPage {
    /// Versions and markers in the server's order.
    pub entries: Vec<Entry>,
    /// Whether there is more.
    pub truncated: bool,
    /// Where the next page begins, decoded.
    pub next_key_marker: Option<String>,
    /// Where in that key it begins.
    pub next_version_id_marker: Option<String>,
}

/// Whether an answer is a listing of objects. A server that does not know a sub-resource of a bucket (`?policy` on S3Mock)
/// passes over it and lists the bucket: an answer to another question, which says nothing of this one.
#[must_use]
pub fn is_listing(text: &str) -> bool {
    let text = text.trim_start();
    let text = text.strip_prefix("<?xml").and_then(|t| t.split_once("?>")).map_or(text, |(_, rest)| rest);
    text.trim_start().starts_with("<ListBucketResult")
}

/// Why a listing cannot be relied upon.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListingError {
    /// No answer or a refusal.
    #[error("the versions could not be listed: {0}")]
    Refused(String),
    /// Not XML, or XML that breaks off.
    #[error("the page is not well-formed XML at byte {position}: {cause}")]
    Malformed {
        /// Where, in bytes.
        position: u64,
        /// The parser's words.
        cause: String,
    },
    /// XML with another root.
    #[error("the page is a `{root}`, not a `ListVersionsResult`")]
    WrongRoot {
        /// The root's name.
        root: String,
    },
    /// An element that must be there, or a value that makes no sense.
    #[error("the page has no readable `{element}`{}", .key.as_ref().map(|k| format!(" for the key `{k}`")).unwrap_or_default())]
    Unreadable {
        /// The element.
        element: &'static str,
        /// Whose.
        key: Option<String>,
    },
    /// More is claimed, but not where.
    #[error("the page says that there is more and gives no marker")]
    NoMarker,
    /// The next page would begin where an earlier one did, or before it.
    #[error("the listing does not advance: after `{before}` it goes on at `{after}`")]
    Circle {
        /// The marker of this page.
        before: String,
        /// The marker of the next.
        after: String,
    },
    /// An entry outside of what was asked for.
    #[error("the listing shows the key `{key}`, which does not begin with `{prefix}`")]
    Foreign {
        /// The entry's key.
        key: String,
        /// The prefix asked for.
        prefix: String,
    },
    /// Too many pages without an entry.
    #[error("{0} pages in a row had no entry")]
    Empty(u32),
}

impl ListingError {
    /// What the user may do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Refused(_) => "listing needs s3:ListBucketVersions on the bucket; look at the server's log",
            Self::Malformed { .. } => {
                "metadata whose name is no XML name breaks a listing with metadata: list without it and look locks up by HEAD; \
                 or something between changed the answer"
            }
            Self::WrongRoot { .. } => "is the endpoint an S3 server, and does it know ListObjectVersions?",
            Self::Unreadable { .. } | Self::NoMarker | Self::Circle { .. } | Self::Empty(_) => {
                "the server's paging is broken: what it lists cannot be taken for everything"
            }
            Self::Foreign { .. } => {
                "the server ignores the prefix or its encoding: what it lists cannot be relied upon"
            }
        }
    }
}
