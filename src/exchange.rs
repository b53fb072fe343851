//! One HTTP exchange with a store, as evidence: what was sent, what came back, when.
//!
//! Pure data and what can be read from it. `store` makes exchanges and redacts them at once (no
//! secret ever stands in one); `record` keeps them; the judge reads answers only from here, so that
//! evidence can be judged again from a file.

mod logged;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use logged::{LogEntry, LoggedChange, LoggedVersion};

/// The longest body, in bytes, whose text is kept beside its digest.
pub const KEPT_TEXT: usize = 16 * 1024;

/// A body, by digest; its text only where it is short, valid UTF-8.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Body {
    /// Length in bytes.
    pub size: u64,
    /// Lower-case hexadecimal SHA-256.
    pub sha256: String,
    /// The text, if it is at most [`KEPT_TEXT`] bytes of UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// A request as it was sent, without its secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sent {
    /// The HTTP method.
    pub method: String,
    /// `scheme://host[:port]`.
    pub endpoint: String,
    /// Path and query, percent-encoded as sent.
    pub target: String,
    /// Header names (lower case) and values in the order sent.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Body,
    /// The names of headers, query parameters and body fields whose values were replaced.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redacted: Vec<String>,
}

/// An answer as it was received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Header names (lower case) and values in the order received.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Body,
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A whole answer.
    Answered(Answer),
    /// No whole answer; why. What the server did is unknown.
    NoAnswer(String),
}

/// One exchange.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Exchange {
    /// What was sent.
    pub sent: Sent,
    /// What came back.
    pub outcome: Outcome,
    /// The client's clock when it was sent.
    pub sent_at: DateTime<Utc>,
    /// Microseconds since the run began, by the monotonic clock.
    pub monotonic_us: u64,
    /// Microseconds until the answer was whole or the attempt was given up.
    pub elapsed_us: u64,
    /// 1 for the first attempt.
    pub attempt: u32,
}

/// An `<Error>` of S3.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct S3Error {
    /// `<Code>`; empty where the answer had no body (HEAD).
    pub code: String,
    /// `<Message>`.
    pub message: String,
}

/// The `<Error>` of one entry of a batch deletion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EntryError {
    /// The entry's key.
    pub key: String,
    /// The entry's version id, where the server echoed one.
    pub version_id: Option<String>,
    /// What was wrong.
    pub error: S3Error,
}

impl Answer {
    /// The first header of this name (lower case).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// Whether the status is 2xx. Says nothing of an `<Error>` inside the body.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The text of the first element of this name anywhere in the body.
    #[must_use]
    pub fn element(&self, name: &str) -> Option<String> {
        elements(self.body.text.as_deref()?, name).into_iter().next()
    }

    /// The texts of all elements of this name anywhere in the body.
    #[must_use]
    pub fn elements(&self, name: &str) -> Vec<String> {
        self.body.text.as_deref().map(|text| elements(text, name)).unwrap_or_default()
    }

    /// The error of the whole request: the body's root is `<Error>`, whatever the status (copy and
    /// complete can carry one inside a 200). A failed answer without such a body gives an empty code.
    #[must_use]
    pub fn error(&self) -> Option<S3Error> {
        let text = self.body.text.as_deref().unwrap_or_default();
        if root(text).as_deref() == Some("Error") {
            let part = |name| elements(text, name).into_iter().next().unwrap_or_default();
            return Some(S3Error { code: part("Code"), message: part("Message") });
        }
        (!self.is_success()).then(|| S3Error { code: String::new(), message: String::new() })
    }

    /// The `<Error>` entries of a batch deletion's answer (DeleteResult), in order.
    #[must_use]
    pub fn entry_errors(&self) -> Vec<EntryError> {
        let text = self.body.text.as_deref().unwrap_or_default();
        if root(text).as_deref() != Some("DeleteResult") {
            return Vec::new();
        }
        fragments(text, "Error")
            .into_iter()
            .map(|entry| {
                let part = |name| elements(&entry, name).into_iter().next();
                EntryError {
                    key: part("Key").unwrap_or_default(),
                    version_id: part("VersionId"),
                    error: S3Error {
                        code: part("Code").unwrap_or_default(),
                        message: part("Message").unwrap_or_default(),
                    },
                }
            })
            .collect()
    }

    /// The server's clock, from the `Date` header (whole seconds).
    #[must_use]
    pub fn server_date(&self) -> Option<DateTime<Utc>> {
        crate::time::parse_http_date(self.header("date")?)
    }
}

impl Exchange {
    /// The answer, if a whole one came.
    #[must_use]
    pub fn answer(&self) -> Option<&Answer> {
        match &self.outcome {
            Outcome::Answered(answer) => Some(answer),
            Outcome::NoAnswer(_) => None,
        }
    }
}

/// The local name of the root element, if the text is XML as far as its first element.
fn root(text: &str) -> Option<String> {
    let mut reader = quick_xml::Reader::from_str(text);
    loop {
        match reader.read_event().ok()? {
            quick_xml::events::Event::Start(e) | quick_xml::events::Event::Empty(e) => {
                return String::from_utf8(e.local_name().as_ref().to_vec()).ok();
            }
            quick_xml::events::Event::Eof => return None,
            _ => {}
        }
    }
}

/// The texts of all elements with this local name, in order; XML that breaks off ends the list.
fn elements(text: &str, name: &str) -> Vec<String> {
    use quick_xml::events::Event;
    let mut reader = quick_xml::Reader::from_str(text);
    let mut found = Vec::new();
    let mut open: Option<(usize, String)> = None;
    let mut depth = 0_usize;
    loop {
        match reader.read_event() {
            Ok(Event::Start(e)) => {
                depth += 1;
                if open.is_none() && e.local_name().as_ref() == name.as_bytes() {
                    open = Some((depth, String::new()));
                }
            }
            Ok(Event::Empty(e)) => {
                if open.is_none() && e.local_name().as_ref() == name.as_bytes() {
                    found.push(String::new());
                }
            }
            Ok(Event::Text(t)) => {
                if let (Some((_, content)), Ok(piece)) = (open.as_mut(), t.xml10_content()) {
                    content.push_str(&piece);
                }
            }
            Ok(Event::CData(t)) => {
                if let (Some((_, content)), Ok(piece)) = (open.as_mut(), t.decode()) {
                    content.push_str(&piece);
                }
            }
            Ok(Event::GeneralRef(r)) => {
                if let Some((_, content)) = open.as_mut() {
                    if let Ok(Some(c)) = r.resolve_char_ref() {
                        content.push(c);
                    } else if let Some(t) =
                        r.decode().ok().and_then(|n| quick_xml::escape::resolve_predefined_entity(&n))
                    {
                        content.push_str(t);
                    }
                }
            }
            Ok(Event::End(_)) => {
                if open.as_ref().is_some_and(|(at, _)| *at == depth)
                    && let Some((_, content)) = open.take()
                {
                    found.push(content);
                }
                depth = depth.saturating_sub(1);
            }
            Ok(Event::Eof) | Err(_) => return found,
            Ok(_) => {}
        }
    }
}

/// The inner XML of each element with this local name, in order.
fn fragments(text: &str, name: &str) -> Vec<String> {
    use quick_xml::events::Event;
    let mut reader = quick_xml::Reader::from_str(text);
    let mut found = Vec::new();
    loop {
        match reader.read_event() {
            Ok(Event::Start(e)) if e.local_name().as_ref() == name.as_bytes() => {
                let end = e.to_end().into_owned();
                match reader.read_text(end.name()) {
                    Ok(inner) => found.push(String::from_utf8_lossy(&inner.into_inner()).into_owned()),
                    Err(_) => return found,
                }
            }
            Ok(Event::Eof) | Err(_) => return found,
            Ok(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, text: &str) -> Answer {
        Answer {
            status,
            headers: Vec::new(),
            body: Body { size: text.len() as u64, sha256: String::new(), text: Some(text.to_owned()) },
        }
    }

    #[test]
    fn an_error_is_found_inside_a_200_too() {
        let a = answer(
            200,
            "<?xml version=\"1.0\"?>\n<Error><Code>InternalError</Code><Message>a &lt;b&gt; &#39;c</Message></Error>",
        );
        assert_eq!(a.error(), Some(S3Error { code: "InternalError".into(), message: "a <b> 'c".into() }));
        assert_eq!(answer(200, "<CopyObjectResult><ETag>x</ETag></CopyObjectResult>").error(), None);
        assert_eq!(answer(403, "").error(), Some(S3Error { code: String::new(), message: String::new() }));
    }

    #[test]
    fn a_batch_answer_gives_its_errors_entry_by_entry() {
        let a = answer(
            200,
            "<DeleteResult xmlns=\"x\"><Deleted><Key>a</Key></Deleted>\
             <Error><Key>b&amp;c</Key><VersionId>v1</VersionId><Code>AccessDenied</Code><Message>no</Message></Error>\
             <Error><Key>d</Key><Code>InvalidRequest</Code><Message>WORM</Message></Error></DeleteResult>",
        );
        assert_eq!(a.error(), None);
        let errors = a.entry_errors();
        assert_eq!(errors.len(), 2);
        assert_eq!((errors[0].key.as_str(), errors[0].version_id.as_deref()), ("b&c", Some("v1")));
        assert_eq!(errors[1].error.code, "InvalidRequest");
    }

    #[test]
    fn what_is_not_xml_has_no_elements() {
        let a = answer(200, "<html><body>hello");
        assert_eq!(a.error(), None);
        assert_eq!(a.element("VersionId"), None);
        assert!(answer(200, "\u{0}\u{1}").entry_errors().is_empty());
    }
}
