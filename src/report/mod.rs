//! Reports: pure functions from a record to bytes.
//!
//! Every report reads the record and nothing else, so that each can be made again from `results.json`,
//! offline and byte for byte. Text that came from outside (keys, answers, messages) is escaped everywhere but in
//! the JSON itself: a control character or a bidirectional mark is shown and not obeyed.

pub mod json;
pub mod junit;
pub mod metrics;
pub mod model;
pub mod opinion;
pub mod pdf;
pub mod profile;
#[cfg(test)]
mod sample;
pub mod terminal;
pub mod terms;
pub mod text;
pub mod trail;
pub mod who;

use sha2::{Digest, Sha256};

use crate::record::Record;

pub use json::schema;
pub use pdf::pdf;

/// What a report can look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Tables for a terminal or a text file.
    Table,
    /// The record itself (`results.json`).
    Json,
    /// JUnit XML.
    Junit,
    /// The report for auditors, unsigned.
    Pdf,
    /// Metrics for Prometheus, without labels of the operator's own.
    Prometheus,
}

/// What the caller knows and the record does not.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    /// Columns of the terminal; [`Format::Table`] keeps within them (at least 60).
    pub width: u16,
    /// Whether [`Format::Table`] uses colour.
    pub colour: bool,
    /// Where the run's files were written; [`Format::Table`] says so at its end.
    pub written: Option<&'a str>,
    /// SHA-256 (lower-case hexadecimal) of the `results.json` as it lies on disk, for [`Format::Pdf`]. Without one
    /// the digest of [`Format::Json`]'s bytes is printed, which are the bytes that a run writes.
    pub results_sha256: Option<&'a str>,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self { width: 100, colour: false, written: None, results_sha256: None }
    }
}

/// Why a report could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The record could not be written as JSON.
    #[error("the record cannot be written as json")]
    Json(#[source] serde_json::Error),
    /// The XML could not be written.
    #[error("the junit report cannot be written")]
    Xml(#[source] std::io::Error),
    /// A built-in font could not be read or cut down.
    #[error("the built-in font {face} cannot be used: {why}")]
    Font {
        /// The typeface.
        face: &'static str,
        /// What went wrong.
        why: String,
    },
    /// The PDF could not be put together.
    #[error("the pdf cannot be written: {0}")]
    Pdf(String),
}

impl ReportError {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Json(_) | Self::Xml(_) => None,
            Self::Font { .. } | Self::Pdf(_) => Some(
                "results.json holds everything the PDF would show; `wormproof report --format table` reads it too",
            ),
        }
    }
}

/// Makes one report.
///
/// # Errors
/// See [`ReportError`].
pub fn render(record: &Record, format: Format, options: &Options<'_>) -> Result<Vec<u8>, ReportError> {
    match format {
        Format::Table => Ok(terminal::table(record, options).into_bytes()),
        Format::Json => json::results(record),
        Format::Junit => junit::junit(record),
        Format::Prometheus => Ok(metrics::exposition(record, &[], None).into_bytes()),
        Format::Pdf => match options.results_sha256 {
            Some(digest) => pdf(record, digest),
            None => pdf(record, &hex::encode(Sha256::digest(json::results(record)?))),
        },
    }
}
