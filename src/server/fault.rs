//! Refusals, in AWS's own words: status, code, message, and the further elements of the error XML.
//!
//! The texts are those recorded from AWS where a recording exists (punctuation included).

use std::borrow::Cow;
use std::fmt::Write as _;

use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use s3s::{S3Error, S3ErrorCode};

/// The header in which the elements travel from the operations to the outer layer, which removes it.
pub(crate) const DETAILS: &str = "x-wormproof-details";

/// Why a request was refused.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Fault {
    /// The HTTP status.
    pub status: u16,
    /// The S3 error code.
    pub code: &'static str,
    /// The message.
    pub message: Cow<'static, str>,
    /// Further elements of the error XML, in order.
    pub details: Vec<(&'static str, String)>,
    /// Headers of the answer.
    pub headers: Vec<(&'static str, String)>,
}

impl Fault {
    /// A refusal without further elements.
    pub fn new(status: u16, code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self { status, code, message: message.into(), details: Vec::new(), headers: Vec::new() }
    }

    /// Adds an element to the error XML.
    #[must_use]
    pub fn with(mut self, element: &'static str, text: impl Into<String>) -> Self {
        self.details.push((element, text.into()));
        self
    }

    /// Adds a header to the answer.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// A missing right.
    pub fn denied() -> Self {
        Self::new(403, "AccessDenied", "Access Denied")
    }

    /// The lock forbids it; the same words for every lock and every way.
    pub fn locked() -> Self {
        Self::new(403, "AccessDenied", "Access Denied because object protected by object lock.")
    }

    /// 400 `InvalidArgument`.
    pub fn argument(message: &'static str, name: &'static str, value: impl Into<String>) -> Self {
        Self::new(400, "InvalidArgument", message).with("ArgumentName", name).with("ArgumentValue", value)
    }

    /// 400 `InvalidRequest`.
    pub fn request(message: &'static str) -> Self {
        Self::new(400, "InvalidRequest", message)
    }

    /// 400 `MalformedXML`.
    pub fn xml() -> Self {
        Self::new(
            400,
            "MalformedXML",
            "The XML you provided was not well-formed or did not validate against our published schema",
        )
    }

    /// 404 for a bucket.
    pub fn no_bucket(name: &str) -> Self {
        Self::new(404, "NoSuchBucket", "The specified bucket does not exist").with("BucketName", name)
    }

    /// 404 for a key.
    pub fn no_key(key: &str) -> Self {
        Self::new(404, "NoSuchKey", "The specified key does not exist.").with("Key", key)
    }

    /// 404 for a version.
    pub fn no_version(key: &str, version: &str) -> Self {
        Self::new(404, "NoSuchVersion", "The specified version does not exist.")
            .with("Key", key)
            .with("VersionId", version)
    }

    /// 405 for something that a delete marker does not have.
    pub fn marker(method: &str, version: &str) -> Self {
        Self::new(405, "MethodNotAllowed", "The specified method is not allowed against this resource.")
            .with("Method", method)
            .with("ResourceType", "DeleteMarker")
            .header("allow", "DELETE")
            .header("x-amz-delete-marker", "true")
            .header("x-amz-version-id", version)
    }

    /// 412, naming the header.
    pub fn precondition(condition: &'static str) -> Self {
        Self::new(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
            .with("Condition", condition)
    }

    /// 409 for a conditional request that something else came before.
    pub fn conflict(condition: &'static str, key: &str) -> Self {
        Self::new(
            409,
            "ConditionalRequestConflict",
            "The conditional request cannot succeed due to a conflicting operation against this resource.",
        )
        .with("Condition", condition)
        .with("Key", key)
    }

    /// 501 for a header or its value.
    pub fn not_implemented(header: &str, more: &'static str) -> Self {
        let fault = Self::new(
            501,
            "NotImplemented",
            "A header you provided implies functionality that is not implemented",
        )
        .with("Header", header);
        if more.is_empty() { fault } else { fault.with("additionalMessage", more) }
    }

    /// The further elements as XML.
    pub(crate) fn details_xml(&self) -> String {
        let mut xml = String::new();
        for (element, text) in &self.details {
            let _ = write!(xml, "<{element}>{}</{element}>", escape(text));
        }
        xml
    }
}

/// Text as XML character data; control characters that XML 1.0 cannot hold become `?`.
pub(crate) fn escape(text: &str) -> Cow<'_, str> {
    let special = |c: char| matches!(c, '&' | '<' | '>' | '"' | '\'') || (c < ' ' && !matches!(c, '\t'));
    if !text.contains(special) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\n' => out.push_str("&#xA;"),
            '\r' => out.push_str("&#xD;"),
            '\t' => out.push('\t'),
            c if c < ' ' => out.push('?'),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

impl From<Fault> for S3Error {
    fn from(fault: Fault) -> Self {
        let mut headers = HeaderMap::new();
        for (name, value) in &fault.headers {
            if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
                headers.insert(name, value);
            }
        }
        let details = utf8_percent_encode(&fault.details_xml(), NON_ALPHANUMERIC).to_string();
        if let Ok(value) = HeaderValue::from_str(&details) {
            headers.insert(DETAILS, value);
        }
        let code = S3ErrorCode::from_bytes(fault.code.as_bytes()).unwrap_or(S3ErrorCode::InternalError);
        let mut error = Self::with_message(code, fault.message);
        error.set_headers(headers);
        if let Ok(status) = http::StatusCode::from_u16(fault.status) {
            error.set_status_code(status);
        }
        error
    }
}
