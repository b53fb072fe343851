//! The S3 operations as requests. Pure functions: nothing is sent here.
//!
//! Bodies that S3 wants checked carry `Content-MD5`, which every server knows.

mod buckets;
mod forms;
mod objects;
mod tokens;
mod uploads;

pub use buckets::*;
pub use forms::*;
pub use objects::*;
pub use tokens::*;
pub use uploads::*;

use crate::lock::{LegalHold, Retention};
use crate::store::request::S3Request;

/// The namespace of S3's XML.
pub(crate) const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

/// The lock headers of a write.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LockHeaders {
    /// Mode and retain-until date.
    pub retention: Option<Retention>,
    /// Legal hold. `Off` is sent, too: on MinIO it keeps the bucket's default away.
    pub hold: Option<LegalHold>,
}

impl LockHeaders {
    /// No lock headers: a bucket's default applies.
    pub const NONE: Self = Self { retention: None, hold: None };

    /// A retention and no hold.
    #[must_use]
    pub fn retained(retention: Retention) -> Self {
        Self { retention: Some(retention), hold: None }
    }

    /// The headers' names and values.
    #[must_use]
    pub fn pairs(&self) -> Vec<(&'static str, String)> {
        let mut pairs = Vec::new();
        if let Some(retention) = self.retention {
            pairs.push(("x-amz-object-lock-mode", retention.mode.as_str().to_owned()));
            pairs.push(("x-amz-object-lock-retain-until-date", crate::time::wire(retention.until)));
        }
        if let Some(hold) = self.hold {
            pairs.push(("x-amz-object-lock-legal-hold", hold.as_str().to_owned()));
        }
        pairs
    }

    /// Adds the headers to a request.
    #[must_use]
    pub fn apply(&self, request: S3Request) -> S3Request {
        self.pairs().into_iter().fold(request, |request, (name, value)| request.header(name, &value))
    }
}

/// Escapes text for XML, control characters as references (a key may hold them).
#[must_use]
pub fn xml_text(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            c if c.is_control() => {
                let _ = write!(out, "&#x{:X};", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests;
