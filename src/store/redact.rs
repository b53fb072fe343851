//! What of an exchange is kept, and what is replaced before anybody can keep it.
//!
//! Two layers: values that are secret by their name (the `Authorization` header, the signature in a
//! query), and, as a net beneath, every occurrence of a known secret's text anywhere (a server may echo
//! a token inside an error).

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::exchange::{Answer, Body, KEPT_TEXT, Sent};
use crate::store::credentials::Credentials;
use crate::store::endpoint::encode_query;
use crate::store::request::S3Request;
use crate::store::sign::Prepared;

/// What stands in the place of a secret.
pub const REDACTED: &str = "(redacted)";

const HEADERS: [&str; 8] = [
    "authorization",
    "x-amz-security-token",
    "x-amz-server-side-encryption-customer-key",
    "x-amz-copy-source-server-side-encryption-customer-key",
    "proxy-authorization",
    "cookie",
    "set-cookie",
    "x-amz-signature",
];
const PARAMETERS: [&str; 3] = ["x-amz-signature", "x-amz-credential", "x-amz-security-token"];
/// Elements of answers that are secrets or hold some: of STS, and of the error that explains a wrong signature
/// (its canonical request, as bytes in hexadecimal, has the session token in it).
const ELEMENTS: [&str; 4] = ["SecretAccessKey", "SessionToken", "SignatureProvided", "CanonicalRequestBytes"];
/// Shorter secrets are not searched for: their text would hit at random. S3 secrets have 8 or more.
const SHORTEST: usize = 6;

/// Replaces the secrets of one exchange and remembers their names.
#[derive(Debug)]
pub(crate) struct Redactor {
    secrets: Vec<(String, Zeroizing<String>)>,
    names: Vec<String>,
}

impl Redactor {
    pub(crate) fn new(
        who: Option<&Credentials>,
        request: Option<&S3Request>,
        signature: Option<&str>,
    ) -> Self {
        let mut secrets: Vec<(String, Zeroizing<String>)> = Vec::new();
        let mut add = |name: &str, value: &str| {
            if value.len() >= SHORTEST {
                secrets.push((name.to_owned(), Zeroizing::new(value.to_owned())));
                for other in [encode_query(value), STANDARD.encode(value)] {
                    if other != value {
                        secrets.push((name.to_owned(), Zeroizing::new(other)));
                    }
                }
            }
        };
        for secret in request.map(|r| r.body_secrets.as_slice()).unwrap_or_default() {
            add(&secret.name, &secret.value);
        }
        if let Some(who) = who {
            add("secret key", &who.secret_key);
            if let Some(token) = &who.session_token {
                add("session token", token);
            }
        }
        if let Some(signature) = signature {
            add("signature", signature);
        }
        Self { secrets, names: Vec::new() }
    }

    fn note(&mut self, name: &str) {
        if !self.names.iter().any(|n| n == name) {
            self.names.push(name.to_owned());
        }
    }

    /// The net: known secrets anywhere in a text.
    fn scrub(&mut self, text: String) -> String {
        let mut text = text;
        let hits: Vec<usize> = (0..self.secrets.len())
            .filter(|&i| {
                let hit = text.contains(self.secrets[i].1.as_str());
                if hit {
                    text = text.replace(self.secrets[i].1.as_str(), REDACTED);
                }
                hit
            })
            .collect();
        for i in hits {
            let name = self.secrets[i].0.clone();
            self.note(&name);
        }
        text
    }

    fn headers(&mut self, headers: impl Iterator<Item = (String, String)>) -> Vec<(String, String)> {
        headers
            .map(|(name, value)| {
                if HEADERS.contains(&name.as_str()) {
                    self.note(&name);
                    (name, REDACTED.to_owned())
                } else {
                    (name, self.scrub(value))
                }
            })
            .collect()
    }

    fn target(&mut self, target: &str) -> String {
        let Some((path, query)) = target.split_once('?') else {
            return self.scrub(target.to_owned());
        };
        let mut kept = self.scrub(path.to_owned());
        for (i, pair) in query.split('&').enumerate() {
            kept.push(if i == 0 { '?' } else { '&' });
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            if PARAMETERS.contains(&name.to_ascii_lowercase().as_str()) {
                self.note(name);
                let _ = write!(kept, "{name}={REDACTED}");
            } else {
                let value = self.scrub(value.to_owned());
                let _ = write!(kept, "{name}={value}");
            }
        }
        kept
    }

    fn body(&mut self, bytes: &Bytes, sha256: String) -> Body {
        let text = (bytes.len() <= KEPT_TEXT)
            .then(|| std::str::from_utf8(bytes).ok())
            .flatten()
            .map(|t| self.scrub(t.to_owned()));
        Body { size: bytes.len() as u64, sha256, text }
    }

    pub(crate) fn sent(&mut self, prepared: &Prepared) -> Sent {
        let target = self.target(&prepared.target);
        let headers = self.headers(prepared.headers.iter().cloned());
        let body = self.body(&prepared.body, prepared.body_sha256.clone());
        Sent {
            method: prepared.method.to_string(),
            endpoint: prepared.base.clone(),
            target,
            headers,
            body,
            redacted: Vec::new(),
        }
    }

    pub(crate) fn answer(&mut self, response: &http::Response<Bytes>) -> Answer {
        let headers = self.headers(response.headers().iter().map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        }));
        let bytes = response.body();
        let mut body = self.body(bytes, hex::encode(Sha256::digest(bytes)));
        for name in ELEMENTS {
            if let Some(text) = body.text.take() {
                let (text, found) = blank(text, name);
                if found {
                    self.note(&format!("answer body: {name}"));
                    // The digest of a body with a secret could confirm a guess only; it stays.
                }
                body.text = Some(text);
            }
        }
        Answer { status: response.status().as_u16(), headers, body }
    }

    /// A message (an error of the wire) without secrets.
    pub(crate) fn message(&mut self, text: String) -> String {
        self.scrub(text)
    }

    /// The names of what was replaced so far.
    pub(crate) fn into_names(self) -> Vec<String> {
        self.names
    }
}

/// Replaces the text of every element of this name; an element that is not closed is cut off.
fn blank(text: String, name: &str) -> (String, bool) {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    if !text.contains(&open) {
        return (text, false);
    }
    let mut kept = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find(&open) {
        let start = at + open.len();
        kept.push_str(&rest[..start]);
        kept.push_str(REDACTED);
        match rest[start..].find(&close) {
            Some(end) => rest = &rest[start + end..],
            None => rest = "",
        }
    }
    kept.push_str(rest);
    (kept, true)
}
