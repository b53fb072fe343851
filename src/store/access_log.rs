//! What a server that the tool started writes of requests into its own access log.
//!
//! The log belongs to the target; a run is only handed it, and finds the entry of a request by the request id that
//! the answer carried. A live endpoint has none: where its log lies, and who may read it, is not the tool's to know.

pub mod minio;

use std::fmt::Debug;

use crate::exchange::LogEntry;
use crate::store::credentials::Credentials;
use crate::store::redact::Redactor;
use crate::store::wire::BoxFuture;

/// An entry, read and as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// What was read from it.
    pub entry: LogEntry,
    /// Its text; what is secret by its name is replaced.
    pub text: String,
}

/// What the log shows of one request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shown {
    /// Its entries: one as a rule, none if none came in time.
    pub entries: Vec<Written>,
    /// How many entries of other requests came since the mark. A log that shows nothing at all is no witness of what it
    /// leaves out.
    pub others: u64,
    /// How long was waited, in milliseconds.
    pub waited_ms: u64,
}

/// A server's access log.
pub trait AccessLog: Debug + Send + Sync {
    /// How it is read, in words.
    fn words(&self) -> String;

    /// How many entries there were so far: taken before a request is sent, it says what came after.
    fn mark(&self) -> u64;

    /// Looks for the entries of a request, and waits for the first one as long as this log may take.
    ///
    /// # Errors
    /// Why the log could not be read, in words.
    fn of_request<'a>(&'a self, request_id: &'a str, mark: u64) -> BoxFuture<'a, Result<Shown, String>>;
}

/// A text without the secrets of the principal whose request it is about, wherever they stand.
#[must_use]
pub fn without_secrets(text: &str, who: Option<&Credentials>) -> String {
    Redactor::new(who, None, None).message(text.to_owned())
}
