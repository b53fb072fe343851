//! What is known of records from elsewhere: a manifest, and the sample of an earlier record. Pure.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use crate::record::Record;

/// A digest of an earlier record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earlier {
    /// SHA-256 (lower-case hexadecimal).
    pub sha256: String,
    /// Until when the version was locked then.
    pub until: Option<DateTime<Utc>>,
}

/// What digests are compared with, beside what the store itself keeps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// By key: the digest of its current version.
    pub current: HashMap<String, String>,
    /// By key and version id.
    pub versions: HashMap<(String, String), String>,
    /// By key and version id: what an earlier record read.
    pub earlier: HashMap<(String, String), Earlier>,
    /// SHA-256 of the manifest's file.
    pub manifest_sha256: Option<String>,
    /// SHA-256 of the earlier record's file.
    pub baseline_sha256: Option<String>,
    /// The earlier record's run id.
    pub baseline_run: Option<String>,
}

/// A line of a manifest that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// Neither form.
    #[error("line {line} is neither `SHA-256  KEY` nor `KEY,VERSION,SHA-256`")]
    Line {
        /// From 1.
        line: u64,
    },
    /// Two digests for the same.
    #[error("line {line} gives another digest for `{key}` than a line above")]
    Contradiction {
        /// From 1.
        line: u64,
        /// The key.
        key: String,
    },
    /// It says nothing.
    #[error("it has no line with a digest")]
    Empty,
}

impl ManifestError {
    /// How to write it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        "a manifest has lines as `sha256sum` writes them, with whole object keys for names, or CSV lines `key,version \
         id,sha256`, where an empty version id means the current version"
    }
}

fn digest(text: &str) -> Option<String> {
    (text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit())).then(|| text.to_ascii_lowercase())
}

impl Known {
    /// Reads a manifest. Lines as `sha256sum` writes them are about a key's current version.
    ///
    /// # Errors
    /// The first line that is of neither form or contradicts another.
    pub fn read_manifest(&mut self, text: &str) -> Result<(), ManifestError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let lines = text.lines().find(|l| !l.trim().is_empty());
        if lines.is_some_and(|line| sum_line(line).is_some()) {
            for (index, line) in text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty()) {
                let line_number = index as u64 + 1;
                let (sha256, key) = sum_line(line).ok_or(ManifestError::Line { line: line_number })?;
                self.add(key, String::new(), &sha256, line_number)?;
            }
        } else {
            let mut reader =
                csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
            for (index, record) in reader.records().enumerate() {
                let record = record.map_err(|e| ManifestError::Line {
                    line: e.position().map_or(index as u64 + 1, csv::Position::line),
                })?;
                let line = record.position().map_or(index as u64 + 1, csv::Position::line);
                let fields: Vec<&str> = record.iter().collect();
                let [key, version, sha256] = fields[..] else { return Err(ManifestError::Line { line }) };
                match digest(sha256.trim()) {
                    Some(sha256) => self.add(key.to_owned(), version.to_owned(), &sha256, line)?,
                    // A heading.
                    None if index == 0 && sha256.trim().to_ascii_lowercase().starts_with("sha") => {}
                    None => return Err(ManifestError::Line { line }),
                }
            }
        }
        if self.current.is_empty() && self.versions.is_empty() { Err(ManifestError::Empty) } else { Ok(()) }
    }

    fn add(&mut self, key: String, version: String, sha256: &str, line: u64) -> Result<(), ManifestError> {
        let before = if version.is_empty() {
            self.current.insert(key.clone(), sha256.to_owned())
        } else {
            self.versions.insert((key.clone(), version), sha256.to_owned())
        };
        match before {
            Some(other) if other != sha256 => Err(ManifestError::Contradiction { line, key }),
            _ => Ok(()),
        }
    }

    /// Takes over what an earlier record read of this bucket. Gives the number of its versions.
    pub fn read_baseline(&mut self, record: &Record, bucket: &str) -> usize {
        self.baseline_run = Some(record.run_id.clone());
        let sample =
            record.scan.as_ref().filter(|_| record.target.bucket == bucket).and_then(|s| s.sample.as_ref());
        for version in sample.iter().flat_map(|s| &s.versions) {
            if let Some(sha256) = &version.sha256 {
                let earlier = Earlier { sha256: sha256.clone(), until: version.until };
                self.earlier.insert((version.key.clone(), version.version_id.clone()), earlier);
            }
        }
        self.earlier.len()
    }

    /// What the manifest says of a version.
    #[must_use]
    pub fn in_manifest(&self, key: &str, version_id: &str, is_latest: bool) -> Option<&String> {
        let exact = self.versions.get(&(key.to_owned(), version_id.to_owned()));
        exact.or_else(|| self.current.get(key).filter(|_| is_latest))
    }
}

/// A line of `sha256sum`: digest, a space, a space or `*`, the name; a leading `\` marks escapes.
fn sum_line(line: &str) -> Option<(String, String)> {
    let (escaped, line) = line.strip_prefix('\\').map_or((false, line), |rest| (true, rest));
    let (sum, name) = line.split_once(' ')?;
    let name = name.strip_prefix([' ', '*'])?;
    let name = if escaped {
        name.replace("\\\\", "\u{0}").replace("\\n", "\n").replace("\\r", "\r").replace('\u{0}', "\\")
    } else {
        name.to_owned()
    };
    digest(sum).filter(|_| !name.is_empty()).map(|sum| (sum, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read_and_what_is_neither_is_refused() {
        let (a, b) = ("a".repeat(64), "B".repeat(64));
        let mut known = Known::default();
        known.read_manifest(&format!("{a}  x/1\n\n{b} *two words\n\\{a}  a\\\\b\\n\n")).expect("a manifest");
        assert_eq!(known.in_manifest("x/1", "v", true), Some(&a));
        assert_eq!(known.in_manifest("x/1", "v", false), None, "an older version is another matter");
        assert_eq!(known.in_manifest("two words", "v", true), Some(&"b".repeat(64)));
        assert!(known.current.contains_key("a\\b\n"));

        let mut known = Known::default();
        known.read_manifest(&format!("key,version,sha256\n\"a,b\",v1,{a}\nc,,{b}\n")).expect("a manifest");
        assert_eq!(known.in_manifest("a,b", "v1", false), Some(&a));
        assert_eq!(known.in_manifest("a,b", "v2", true), None);
        assert_eq!(known.in_manifest("c", "v9", true), Some(&"b".repeat(64)));

        let error = |text: &str| Known::default().read_manifest(text).expect_err(text);
        assert_eq!(error(&format!("{a}  x\nnonsense\n")), ManifestError::Line { line: 2 });
        assert_eq!(error("x,y,z\n"), ManifestError::Line { line: 1 });
        assert_eq!(error(&format!("x,v,{a}\nx,v\n")), ManifestError::Line { line: 2 });
        assert_eq!(
            error(&format!("{a}  x\n{b}  x\n")),
            ManifestError::Contradiction { line: 2, key: "x".into() }
        );
        assert_eq!(error("\n"), ManifestError::Empty);
    }
}
