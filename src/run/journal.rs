//! The journal: what is about to be made, written before it is made, so that it is found again after a
//! crash or from another machine.
//!
//! One JSON object a line. The file is synced once for each run of a scenario before its first write, and
//! flushed for what its steps make later.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum JournalEntry {
    /// A run begins.
    Run {
        /// Its id.
        run_id: String,
        /// The endpoint.
        endpoint: String,
        /// The audited bucket.
        bucket: String,
        /// The base of its canary keys.
        prefix: String,
    },
    /// A bucket is about to be made.
    Bucket {
        /// The run.
        run_id: String,
        /// Its name.
        bucket: String,
    },
    /// A version of a canary is about to be written.
    Object {
        /// The run.
        run_id: String,
        /// The bucket.
        bucket: String,
        /// The key.
        key: String,
        /// SHA-256 of the content, where it is known beforehand.
        sha256: Option<String>,
        /// The end of the lock that is asked for.
        until: Option<DateTime<Utc>>,
    },
    /// Nothing of the key (or, without a key, of the bucket) is left.
    Finished {
        /// The bucket.
        bucket: String,
        /// The key; none for the bucket itself.
        key: Option<String>,
    },
}

/// Why the journal cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
pub enum JournalError {
    /// The file cannot be written. Nothing is made that is not in the journal.
    #[error("cannot write the journal {path}: {cause}")]
    Write {
        /// The file.
        path: PathBuf,
        /// The operating system's words.
        cause: String,
    },
    /// The file cannot be read.
    #[error("cannot read the journal {path}: {cause}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The operating system's words.
        cause: String,
    },
    /// A line is not one of a journal.
    #[error("line {line} of {path} is no journal entry: {cause}")]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        cause: String,
    },
}

impl JournalError {
    /// What the user may do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Write { .. } => "is the output directory writable, and is there room on the disk?",
            Self::Read { .. } => "name the `journal.jsonl` of the run's output directory",
            Self::Line { .. } => "without a journal, `cleanup` finds canaries by listing `.wormproof/`",
        }
    }
}

/// A journal that is being written. Clones share the file.
#[derive(Debug, Clone)]
pub struct Journal {
    path: PathBuf,
    file: Arc<Mutex<Option<File>>>,
}

impl Journal {
    /// Creates the file, or appends to it.
    ///
    /// # Errors
    /// [`JournalError::Write`].
    pub fn create(path: &Path) -> Result<Self, JournalError> {
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .map_err(|e| JournalError::Write { path: path.to_owned(), cause: e.to_string() })?;
        Ok(Self { path: path.to_owned(), file: Arc::new(Mutex::new(Some(file))) })
    }

    /// A journal that keeps nothing: for a server in the memory of this process, which ends with it.
    #[must_use]
    pub fn nowhere() -> Self {
        Self { path: PathBuf::new(), file: Arc::new(Mutex::new(None)) }
    }

    /// Appends lines; with `sync` they are on the disk when this returns.
    ///
    /// # Errors
    /// [`JournalError::Write`].
    pub fn write(&self, entries: &[JournalEntry], sync: bool) -> Result<(), JournalError> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(file) = file.as_mut() else { return Ok(()) };
        let fail = |cause: String| JournalError::Write { path: self.path.clone(), cause };
        let mut text = String::new();
        for entry in entries {
            text.push_str(&serde_json::to_string(entry).map_err(|e| fail(e.to_string()))?);
            text.push('\n');
        }
        file.write_all(text.as_bytes()).and_then(|()| file.flush()).map_err(|e| fail(e.to_string()))?;
        if sync { file.sync_data().map_err(|e| fail(e.to_string())) } else { Ok(()) }
    }

    /// Reads a journal. A last line that breaks off (a crash) is left out.
    ///
    /// # Errors
    /// [`JournalError::Read`], [`JournalError::Line`].
    pub fn read(path: &Path) -> Result<Vec<JournalEntry>, JournalError> {
        let text = std::fs::read_to_string(path)
            .map_err(|e| JournalError::Read { path: path.to_owned(), cause: e.to_string() })?;
        let mut entries = Vec::new();
        let whole = text.ends_with('\n');
        let count = text.lines().count();
        for (i, line) in text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty()) {
            match serde_json::from_str(line) {
                Ok(entry) => entries.push(entry),
                Err(_) if !whole && i + 1 == count => {}
                Err(e) => {
                    let cause = e.to_string();
                    return Err(JournalError::Line { path: path.to_owned(), line: i + 1, cause });
                }
            }
        }
        Ok(entries)
    }
}

/// What journals say of things that may still be there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// Buckets that were made, with the run.
    pub buckets: BTreeMap<String, String>,
    /// Keys that were made, by bucket and key, with the digests of their contents. An empty set means that
    /// no digest was known.
    pub objects: BTreeMap<(String, String), BTreeSet<String>>,
    /// The runs.
    pub runs: BTreeSet<String>,
}

impl Known {
    /// Folds a journal.
    #[must_use]
    pub fn of(entries: &[JournalEntry]) -> Self {
        let mut known = Self::default();
        for entry in entries {
            match entry {
                JournalEntry::Run { run_id, .. } => {
                    known.runs.insert(run_id.clone());
                }
                JournalEntry::Bucket { run_id, bucket } => {
                    known.buckets.insert(bucket.clone(), run_id.clone());
                }
                JournalEntry::Object { bucket, key, sha256, .. } => {
                    let digests = known.objects.entry((bucket.clone(), key.clone())).or_default();
                    digests.extend(sha256.clone());
                }
                JournalEntry::Finished { bucket, key: Some(key) } => {
                    known.objects.remove(&(bucket.clone(), key.clone()));
                }
                JournalEntry::Finished { bucket, key: None } => {
                    known.buckets.remove(bucket);
                    known.objects.retain(|(b, _), _| b != bucket);
                }
            }
        }
        known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(key: &str, sha256: &str) -> JournalEntry {
        JournalEntry::Object {
            run_id: "r1".into(),
            bucket: "b".into(),
            key: key.into(),
            sha256: Some(sha256.into()),
            until: None,
        }
    }

    #[test]
    fn a_journal_survives_a_crash_and_forgets_what_is_finished() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("journal.jsonl");
        let journal = Journal::create(&path).expect("a journal");
        let bucket = JournalEntry::Bucket { run_id: "r1".into(), bucket: "wormproof-x".into() };
        journal.write(&[bucket.clone(), object("k1", "aa"), object("k1", "bb")], true).expect("written");
        let done = JournalEntry::Finished { bucket: "b".into(), key: Some("k2".into()) };
        journal.write(&[object("k2", "cc"), done.clone()], false).expect("written");
        let mut file = OpenOptions::new().append(true).open(&path).expect("the file");
        file.write_all(b"{\"event\":\"obj").expect("half a line");

        let read = Journal::read(&path).expect("entries");
        assert_eq!(read, [bucket, object("k1", "aa"), object("k1", "bb"), object("k2", "cc"), done]);
        let known = Known::of(&read);
        assert_eq!(known.buckets.get("wormproof-x").map(String::as_str), Some("r1"));
        assert_eq!(known.objects.len(), 1);
        assert_eq!(known.objects[&("b".to_owned(), "k1".to_owned())].len(), 2);
    }

    #[test]
    fn a_broken_line_in_the_middle_is_an_error() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("journal.jsonl");
        std::fs::write(&path, "nonsense\n{\"event\":\"run\"}\n").expect("written");
        assert!(matches!(Journal::read(&path), Err(JournalError::Line { line: 1, .. })));
    }
}
