//! Documents that an auditor files beside the evidence.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The directory of the attachments, in the output directory.
pub const DIRECTORY: &str = "attachments";

/// One document. Its bytes stand in `attachments/NAME` beside the record; the record binds them by their digest and
/// says nothing about what is in them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Attachment {
    /// Its name in the directory.
    pub name: String,
    /// Its length in bytes.
    pub size: u64,
    /// What it is taken for, by its first bytes and its name.
    pub media_type: String,
    /// SHA-256 of its bytes (lower-case hexadecimal).
    pub sha256: String,
}
