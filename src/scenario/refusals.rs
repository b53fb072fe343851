//! Refusal dialects: how each server spells a refusal (`scenarios/refusals.toml`).

use regex::Regex;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::scenario::model::Because;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
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
    because: String,
    status: u16,
    code: String,
    message: String,
}

/// A dialect file that could not be read.
#[derive(Debug, thiserror::Error)]
pub enum DialectError {
    /// Not the expected TOML.
    #[error("not a refusal dialect file: {0}")]
    Toml(#[from] toml::de::Error),
    /// A regular expression is wrong.
    #[error("a pattern is wrong: {0}")]
    Pattern(#[from] regex::Error),
    /// A word is unknown.
    #[error("`{0}` is no refusal reason")]
    Because(String),
    /// A line names no dialect of the file, or the file has none.
    #[error("there is no dialect `{0}`")]
    Dialect(String),
}

#[derive(Debug)]
struct Line {
    because: Because,
    status: u16,
    code: Regex,
    message: Regex,
}

/// One server's way of refusing.
#[derive(Debug)]
pub struct Dialect {
    /// Its name.
    pub name: String,
    server: Regex,
    lines: Vec<Line>,
}

/// All dialects of a file.
#[derive(Debug)]
pub struct Dialects {
    dialects: Vec<Dialect>,
    /// The file's text.
    pub source: String,
    /// Lower-case hexadecimal SHA-256 of the text.
    pub digest: String,
}

/// The file that is built in.
const BUILTIN: &str = include_str!("../../scenarios/refusals.toml");

/// A pattern that has to fit the whole text.
fn whole(pattern: &str) -> Result<Regex, regex::Error> {
    Regex::new(&format!("^(?:{pattern})$"))
}

impl Dialects {
    /// Those built in.
    ///
    /// # Errors
    /// None for the file as shipped; a test reads it.
    pub fn builtin() -> Result<Self, DialectError> {
        Self::parse(BUILTIN)
    }

    /// Reads a dialect file.
    ///
    /// # Errors
    /// TOML, patterns, reasons or dialect names that are wrong.
    pub fn parse(text: &str) -> Result<Self, DialectError> {
        let raw: RawFile = toml::from_str(text)?;
        let mut dialects = Vec::new();
        for dialect in raw.dialect {
            dialects.push(Dialect { name: dialect.name, server: whole(&dialect.server)?, lines: Vec::new() });
        }
        for line in raw.refusal {
            let because =
                Because::parse(&line.because).ok_or_else(|| DialectError::Because(line.because.clone()))?;
            let dialect = dialects
                .iter_mut()
                .find(|d| d.name == line.dialect)
                .ok_or_else(|| DialectError::Dialect(line.dialect.clone()))?;
            dialect.lines.push(Line {
                because,
                status: line.status,
                code: whole(&line.code)?,
                message: whole(&line.message)?,
            });
        }
        if dialects.is_empty() {
            return Err(DialectError::Dialect("aws".to_owned()));
        }
        Ok(Self { dialects, source: text.to_owned(), digest: hex::encode(Sha256::digest(text.as_bytes())) })
    }

    /// The dialect of a server by its `Server` header; `aws` (the first) where none knows it.
    #[must_use]
    pub fn select(&self, server: Option<&str>) -> &Dialect {
        server.and_then(|s| self.dialects.iter().find(|d| d.server.is_match(s))).unwrap_or(&self.dialects[0])
    }

    /// The dialect of this name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Dialect> {
        self.dialects.iter().find(|d| d.name == name)
    }
}

impl Dialect {
    /// Every reason that fits a refusal. A status alone (HEAD has no body) fits none.
    #[must_use]
    pub fn because(&self, status: u16, code: &str, message: &str) -> Vec<Because> {
        let mut reasons: Vec<Because> = self
            .lines
            .iter()
            .filter(|l| l.status == status && l.code.is_match(code) && l.message.is_match(message))
            .map(|l| l.because)
            .collect();
        reasons.sort_unstable();
        reasons.dedup();
        reasons
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_on_minio_is_only_the_worm_message() {
        let all = Dialects::builtin().expect("the built-in file");
        let minio = all.select(Some("MinIO"));
        let lock = "Object is WORM protected and cannot be overwritten";
        assert_eq!(minio.because(400, "InvalidRequest", lock), [Because::ObjectLocked]);
        assert!(
            !minio
                .because(400, "InvalidRequest", "unknown wormMode directive")
                .contains(&Because::ObjectLocked)
        );
        assert!(!minio.because(403, "AccessDenied", "Access Denied.").contains(&Because::ObjectLocked));
    }

    #[test]
    fn a_lock_on_aws_is_not_a_missing_right() {
        let all = Dialects::builtin().expect("the built-in file");
        let aws = all.select(Some("AmazonS3"));
        let lock = "Access Denied because object protected by object lock.";
        assert_eq!(aws.because(403, "AccessDenied", lock), [Because::ObjectLocked]);
        assert_eq!(aws.because(403, "AccessDenied", "Access Denied"), [Because::NotPermitted]);
        assert!(aws.because(403, "", "").is_empty());
        assert_eq!(all.select(Some("a server of tomorrow")).name, "aws");
    }
}
