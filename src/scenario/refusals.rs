//! Refusal dialects: how one server spells a refusal, and what it means.
//!
//! Status, code and message count together. A refusal that no line knows has no reason, and proves nothing. The
//! lines are data (`scenarios/refusals.toml`): a dialect can be corrected without a new build.

use regex::Regex;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::scenario::Because;

/// The dialect of a server that names itself otherwise or not at all.
const FALLBACK: &str = "aws";

const BUILTIN: &str = include_str!("../../scenarios/refusals.toml");

/// All dialects of a file.
#[derive(Debug, Clone)]
pub struct Dialects {
    list: Vec<Dialect>,
    fallback: usize,
    /// The file's text, as the record keeps it.
    pub source: String,
    /// Lower-case hexadecimal SHA-256 of the text.
    pub digest: String,
}

/// One server's way to refuse.
#[derive(Debug, Clone)]
pub struct Dialect {
    /// Its name.
    pub name: String,
    server: Regex,
    lines: Vec<Line>,
}

#[derive(Debug, Clone)]
struct Line {
    because: Because,
    statuses: Vec<u16>,
    codes: Vec<Regex>,
    message: Option<Regex>,
    unless: Option<Regex>,
}

/// A dialect file that could not be read.
#[derive(Debug, thiserror::Error)]
pub enum DialectError {
    /// Not TOML, or a key or value that the format does not know.
    #[error("the refusal dialects could not be read")]
    Toml(#[from] toml::de::Error),
    /// A regular expression that does not compile.
    #[error("`{pattern}` is not a regular expression")]
    Pattern {
        /// As written.
        pattern: String,
        /// What is wrong with it.
        #[source]
        source: regex::Error,
    },
    /// A line of a dialect that the file does not name.
    #[error("a refusal names the unknown dialect `{0}`")]
    Unknown(String),
    /// Two dialects of one name.
    #[error("the dialect `{0}` is named twice")]
    Twice(String),
    /// The dialect that unknown servers are read by is missing.
    #[error("the file has no dialect `aws`")]
    NoFallback,
}

impl DialectError {
    /// What the user can do.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Toml(_) => {
                Some("a `[[refusal]]` has dialect, because, status, code, and may have message and unless")
            }
            Self::Pattern { .. } => Some("put the pattern into 'single quotes', so that backslashes stay"),
            Self::Unknown(_) => Some("name it with `[[dialect]]`"),
            Self::Twice(_) => None,
            Self::NoFallback => Some("a server that names itself otherwise is read by it"),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    dialect: Vec<RawDialect>,
    refusal: Vec<RawLine>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDialect {
    name: String,
    server: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLine {
    dialect: String,
    because: Because,
    status: OneOrMany<u16>,
    code: OneOrMany<String>,
    message: Option<String>,
    unless: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

impl<T> OneOrMany<T> {
    fn into_vec(self) -> Vec<T> {
        match self {
            Self::One(one) => vec![one],
            Self::Many(many) => many,
        }
    }
}

/// A pattern over a whole text, so that a longer message is not taken for a known one.
fn whole(pattern: &str) -> Result<Regex, DialectError> {
    Regex::new(&format!("^(?:{pattern})$"))
        .map_err(|source| DialectError::Pattern { pattern: pattern.to_owned(), source })
}

impl Dialects {
    /// The dialects that are built in.
    ///
    /// # Errors
    /// Not in a build whose tests passed.
    pub fn builtin() -> Result<Self, DialectError> {
        Self::parse(BUILTIN)
    }

    /// Reads a dialect file.
    ///
    /// # Errors
    /// Malformed text, unknown keys, reasons or dialects, patterns that do not compile.
    pub fn parse(text: &str) -> Result<Self, DialectError> {
        let file: File = toml::from_str(text)?;
        let mut list: Vec<Dialect> = Vec::new();
        for raw in file.dialect {
            if list.iter().any(|d| d.name == raw.name) {
                return Err(DialectError::Twice(raw.name));
            }
            list.push(Dialect { server: whole(&raw.server)?, name: raw.name, lines: Vec::new() });
        }
        for raw in file.refusal {
            let Some(dialect) = list.iter_mut().find(|d| d.name == raw.dialect) else {
                return Err(DialectError::Unknown(raw.dialect));
            };
            dialect.lines.push(Line {
                because: raw.because,
                statuses: raw.status.into_vec(),
                codes: raw.code.into_vec().iter().map(|code| whole(code)).collect::<Result<_, _>>()?,
                message: raw.message.as_deref().map(whole).transpose()?,
                unless: raw.unless.as_deref().map(whole).transpose()?,
            });
        }
        let fallback = list.iter().position(|d| d.name == FALLBACK).ok_or(DialectError::NoFallback)?;
        Ok(Self {
            list,
            fallback,
            source: text.to_owned(),
            digest: hex::encode(Sha256::digest(text.as_bytes())),
        })
    }

    /// The dialect of the server that answers with this `Server` header.
    #[must_use]
    pub fn select(&self, server_header: Option<&str>) -> &Dialect {
        let named = server_header.map(str::trim);
        self.list
            .iter()
            .find(|d| named.is_some_and(|name| d.server.is_match(name)))
            .unwrap_or(&self.list[self.fallback])
    }

    /// The dialect of this name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Dialect> {
        self.list.iter().find(|d| d.name == name)
    }

    /// All dialects in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &Dialect> {
        self.list.iter()
    }
}

impl Dialect {
    /// Every reason that this refusal can have; none if no line knows it. `code` and `message` are empty where
    /// the answer had no body.
    #[must_use]
    pub fn because(&self, status: u16, code: &str, message: &str) -> Vec<Because> {
        let mut reasons = Vec::new();
        for line in &self.lines {
            if line.matches(status, code, message) && !reasons.contains(&line.because) {
                reasons.push(line.because);
            }
        }
        reasons
    }
}

impl Line {
    fn matches(&self, status: u16, code: &str, message: &str) -> bool {
        self.statuses.contains(&status)
            && self.codes.iter().any(|c| c.is_match(code))
            && self.message.as_ref().is_none_or(|p| p.is_match(message))
            && self.unless.as_ref().is_none_or(|p| !p.is_match(message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Because as B;

    const LOCKED: &str = "Access Denied because object protected by object lock.";
    const WORM: &str = "Object is WORM protected and cannot be overwritten";

    fn reasons(dialect: &str, status: u16, code: &str, message: &str) -> Vec<Because> {
        let dialects = Dialects::builtin().expect("dialects");
        dialects.named(dialect).expect("the dialect").because(status, code, message)
    }

    #[test]
    fn a_lock_and_a_missing_right_are_told_apart_by_the_whole_message() {
        assert_eq!(reasons("aws", 403, "AccessDenied", LOCKED), [B::ObjectLocked]);
        assert_eq!(reasons("aws", 403, "AccessDenied", "Access Denied"), [B::NotPermitted]);
        let longer = format!("{LOCKED} Or not.");
        assert_eq!(reasons("aws", 403, "AccessDenied", &longer), [B::NotPermitted]);
        assert_eq!(reasons("minio", 400, "InvalidRequest", WORM), [B::ObjectLocked]);
        assert_eq!(reasons("aws", 200, "AccessDenied", LOCKED), [B::ObjectLocked], "an entry of a batch");
        assert_eq!(
            reasons("minio", 400, "InvalidRequest", "unknown wormMode directive"),
            [B::InvalidRequest]
        );
        assert_eq!(reasons("minio", 403, "AccessDenied", "Access Denied."), [B::NotPermitted]);
    }

    #[test]
    fn where_one_answer_has_two_meanings_both_are_given() {
        assert_eq!(
            reasons("seaweedfs", 403, "AccessDenied", "Access Denied."),
            [B::ObjectLocked, B::NotPermitted]
        );
    }

    #[test]
    fn status_code_and_message_count_together_and_the_unknown_has_no_reason() {
        assert_eq!(reasons("aws", 400, "AccessDenied", LOCKED), []);
        assert_eq!(reasons("aws", 400, "InvalidRequest", WORM), [B::InvalidRequest]);
        assert_eq!(reasons("aws", 403, "SignatureDoesNotMatch", ""), []);
        assert_eq!(reasons("aws", 403, "InvalidAccessKeyId", ""), []);
        assert_eq!(reasons("minio", 403, "AccessDenied", LOCKED), [B::NotPermitted]);
        assert_eq!(reasons("minio", 500, "InternalError", ""), []);
    }

    #[test]
    fn answers_without_a_body_match_only_where_a_line_says_so() {
        assert_eq!(reasons("aws", 412, "", ""), [B::PreconditionFailed]);
        assert_eq!(reasons("aws", 403, "", ""), [], "a proxy says so too");
        assert_eq!(reasons("aws", 409, "", ""), []);
    }

    #[test]
    fn the_server_header_selects_and_the_unknown_is_read_as_aws() {
        let dialects = Dialects::builtin().expect("dialects");
        let name = |header| dialects.select(header).name.clone();
        assert_eq!(name(Some("MinIO")), "minio");
        assert_eq!(name(Some("MinIO Enterprise/x")), "minio");
        assert_eq!(name(Some("SeaweedFS 30GB 4.48")), "seaweedfs");
        assert_eq!(name(Some("VERSITYGW")), "versitygw");
        for aws in [Some("AmazonS3"), Some("wormproof"), Some("nginx, not MinIO"), None] {
            assert_eq!(name(aws), "aws", "{aws:?}");
        }
    }

    #[test]
    fn a_slip_in_the_file_is_refused() {
        let head = "[[dialect]]\nname = \"aws\"\nserver = \"x\"\n";
        let line = |rest: &str| {
            format!(
                "{head}[[refusal]]\ndialect = \"aws\"\nbecause = \"conflict\"\nstatus = 409\ncode = \"A\"\n{rest}"
            )
        };
        assert!(Dialects::parse(&line("")).is_ok());
        assert!(matches!(Dialects::parse(&line("mesage = \"x\"\n")), Err(DialectError::Toml(_))));
        assert!(matches!(Dialects::parse(&line("message = \"(\"\n")), Err(DialectError::Pattern { .. })));
        let other = line("").replace("dialect = \"aws\"", "dialect = \"minio\"");
        assert!(matches!(Dialects::parse(&other), Err(DialectError::Unknown(_))));
        let none = line("").replace("\"aws\"", "\"other\"");
        assert!(matches!(Dialects::parse(&none), Err(DialectError::NoFallback)));
    }
}
