//! What an auditor files beside the evidence (`--attach`), and the records that are read whole (`--sample`).

use std::collections::HashSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Args;
use sha2::{Digest, Sha256};

use crate::cli::args::TargetArgs;
use crate::cli::setup::{Setup, words};
use crate::cli::{Failure, evidence};
use crate::record::attachment::{Attachment, DIRECTORY};
use crate::scan::Sample;
use crate::scan::known::Known;
use crate::target::TargetSpec;

/// The most bytes of a name in the directory of attachments.
const LONGEST: usize = 120;

/// Evidence beside attacks and locks.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Evidence")]
pub struct EvidenceArgs {
    /// Read this many records whole, chosen at random, and compare their bytes with what is on record.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub sample: Option<u16>,
    /// The seed of the choice, from the auditor: the same seed chooses the same versions [default: random].
    #[arg(long, value_name = "TEXT", requires = "sample")]
    pub sample_seed: Option<String>,
    /// Digests to compare with: lines `SHA-256  KEY`, or CSV `key,version,sha256`.
    #[arg(long, value_name = "FILE", requires = "sample")]
    pub manifest: Option<PathBuf>,
    /// An earlier run: what it read is read again, and has to be the same and still there.
    #[arg(long, value_name = "DIR|results.json", requires = "sample")]
    pub baseline: Option<PathBuf>,
    /// The run before this one: the record names it by its digest, so that the packs make a chain.
    #[arg(long, value_name = "DIR|results.json")]
    pub previous: Option<PathBuf>,
    /// File this document beside the evidence; the record binds its digest (repeatable).
    #[arg(long, value_name = "FILE")]
    pub attach: Vec<PathBuf>,
}

/// The records that are to be read whole.
#[derive(Debug)]
pub(super) struct SampleOrder {
    size: usize,
    seed: String,
    known: Known,
}

impl SampleOrder {
    /// Reads manifest and earlier record; `None` without `--sample`. Nothing is sent.
    pub(super) fn read(
        args: &EvidenceArgs,
        setup: &Setup,
        target: &TargetArgs,
    ) -> Result<Option<Self>, Failure> {
        let Some(size) = args.sample else { return Ok(None) };
        let bucket = match setup.target_spec(target)? {
            TargetSpec::Endpoint(spec) => Some(spec.location.bucket),
            // A server of one's own is new each time.
            TargetSpec::Embedded { .. } | TargetSpec::Minio(_) => None,
        };
        let mut known = Known::default();
        if let Some(path) = &args.manifest {
            let bytes = read(path, "--manifest")?;
            known.manifest_sha256 = Some(hex::encode(Sha256::digest(&bytes)));
            let usage = |error: &dyn std::fmt::Display, hint: &str| {
                Failure::usage(format!("--manifest: {}: {error}", path.display()), hint)
            };
            let text =
                String::from_utf8(bytes).map_err(|_| usage(&"it is no UTF-8 text", "write keys as UTF-8"))?;
            known.read_manifest(&text).map_err(|e| usage(&e, e.hint()))?;
        }
        if let Some(path) = &args.baseline {
            let path = evidence::results(path);
            let bytes = read(&path, "--baseline")?;
            known.baseline_sha256 = Some(hex::encode(Sha256::digest(&bytes)));
            let record = evidence::parse(&bytes).map_err(|f| Failure {
                message: format!("--baseline: {}: {}", path.display(), f.message),
                code: 2,
                ..f
            })?;
            if known.read_baseline(&record, bucket.as_deref().unwrap_or(&record.target.bucket)) == 0 {
                return Err(Failure::usage(
                    format!("--baseline: {} read no record of this bucket whole", path.display()),
                    "name a run of the same bucket that was made with --sample",
                ));
            }
        }
        let seed = args.sample_seed.clone().unwrap_or_else(|| hex::encode(rand::random::<[u8; 16]>()));
        Ok(Some(Self { size: usize::from(size), seed, known }))
    }

    /// As the scan takes it.
    pub(super) fn sample(&self) -> Sample<'_> {
        Sample { size: self.size, seed: &self.seed, known: &self.known }
    }
}

fn read(path: &Path, option: &str) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|e| cannot_read(path, option, &e))
}

fn cannot_read(path: &Path, option: &str, error: &std::io::Error) -> Failure {
    Failure::usage(
        format!("{option}: cannot read {}: {}", path.display(), words(error)),
        "name a file that is there and may be read",
    )
}

/// The documents in the output directory. They go again unless they are kept: a run that fails leaves nothing.
#[derive(Debug, Default)]
pub(super) struct Filed {
    /// What the record says of them.
    pub(super) attachments: Vec<Attachment>,
    directory: Option<PathBuf>,
}

impl Filed {
    /// Copies the documents, before anything is sent.
    pub(super) fn copy(args: &EvidenceArgs, output: &Path) -> Result<Self, Failure> {
        let mut filed = Self::default();
        let mut names = HashSet::new();
        for path in &args.attach {
            let name = safe_name(path);
            if !names.insert(name.to_lowercase()) {
                return Err(Failure::usage(
                    format!("--attach: two documents would be called `{name}`"),
                    "rename one of them",
                ));
            }
        }
        for path in &args.attach {
            let is_file = path.metadata().map_err(|e| cannot_read(path, "--attach", &e))?.is_file();
            if !is_file {
                return Err(Failure::usage(
                    format!("--attach: {} is not a file", path.display()),
                    "name files, one --attach each",
                ));
            }
            let source = std::fs::File::open(path).map_err(|e| cannot_read(path, "--attach", &e))?;
            let directory = output.join(DIRECTORY);
            if filed.directory.is_none() {
                std::fs::create_dir(&directory).map_err(|e| cannot_write(&directory, &e))?;
                filed.directory = Some(directory.clone());
            }
            let name = safe_name(path);
            let copy = directory.join(&name);
            let mut target = std::fs::File::create_new(&copy).map_err(|e| cannot_write(&copy, &e))?;
            // Known from here on, so that it is removed if the copy breaks off.
            filed.attachments.push(Attachment {
                name,
                size: 0,
                media_type: String::new(),
                sha256: String::new(),
            });
            let copied = copy_of(source, &mut target).map_err(|e| cannot_read(path, "--attach", &e))?;
            if let Some(last) = filed.attachments.last_mut() {
                last.media_type = media_type(&last.name, &copied.head);
                last.size = copied.size;
                last.sha256 = copied.sha256;
            }
        }
        Ok(filed)
    }

    /// Leaves the documents where they are, because a record names them.
    pub(super) fn keep(mut self) {
        self.directory = None;
    }
}

impl Drop for Filed {
    fn drop(&mut self) {
        if let Some(directory) = &self.directory {
            for attachment in &self.attachments {
                let _ = std::fs::remove_file(directory.join(&attachment.name));
            }
            let _ = std::fs::remove_dir(directory);
        }
    }
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(
        format!("cannot write {}: {}", path.display(), words(error)),
        Some("the output directory has to be writable and have room"),
    )
}

/// What was copied.
struct Copied {
    size: u64,
    sha256: String,
    head: Vec<u8>,
}

fn copy_of(mut source: std::fs::File, target: &mut std::fs::File) -> std::io::Result<Copied> {
    use std::io::Write as _;
    let mut hasher = Sha256::new();
    let (mut size, mut head) = (0_u64, Vec::new());
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let n = source.read(&mut buffer)?;
        let Some(piece) = buffer.get(..n).filter(|piece| !piece.is_empty()) else { break };
        if size == 0 {
            head = piece.to_vec();
        }
        hasher.update(piece);
        target.write_all(piece)?;
        size += n as u64;
    }
    target.sync_all()?;
    Ok(Copied { size, sha256: hex::encode(hasher.finalize()), head })
}

/// The file's own name with nothing in it that a file system or a terminal takes for more than a name.
fn safe_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut safe = String::new();
    for c in name.trim().trim_start_matches('.').chars() {
        let c = if c.is_alphanumeric() || " ._-+()[]=,@".contains(c) { c } else { '_' };
        if safe.len() + c.len_utf8() > LONGEST {
            break;
        }
        safe.push(c);
    }
    let safe = safe.trim_end_matches(['.', ' ']);
    if safe.is_empty() { "attachment".to_owned() } else { safe.to_owned() }
}

/// By the first bytes, then by the name. A guess, for people.
fn media_type(name: &str, head: &[u8]) -> String {
    const BY_NAME: [(&str, &str); 12] = [
        ("pdf", "application/pdf"),
        ("txt", "text/plain"),
        ("log", "text/plain"),
        ("md", "text/markdown"),
        ("csv", "text/csv"),
        ("json", "application/json"),
        ("xml", "application/xml"),
        ("html", "text/html"),
        ("eml", "message/rfc822"),
        ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        ("odt", "application/vnd.oasis.opendocument.text"),
    ];
    let ending = name.rsplit_once('.').map(|(_, e)| e.to_ascii_lowercase()).unwrap_or_default();
    let by_name = BY_NAME.iter().find(|(e, _)| *e == ending).map(|(_, media_type)| *media_type);
    let is_text =
        std::str::from_utf8(head).map_or_else(|e| e.error_len().is_none(), |_| true) && !head.contains(&0);
    let found = if head.starts_with(b"%PDF-") {
        "application/pdf"
    } else if head.starts_with(b"\x89PNG\r\n\x1a\n") {
        "image/png"
    } else if head.starts_with(b"\xff\xd8\xff") {
        "image/jpeg"
    } else if head.starts_with(b"PK\x03\x04") {
        by_name.filter(|t| t.contains("document")).unwrap_or("application/zip")
    } else if is_text {
        by_name.filter(|t| *t != "application/pdf" && !t.contains("document")).unwrap_or("text/plain")
    } else {
        "application/octet-stream"
    };
    found.to_owned()
}

/// Whether the documents that a record names stand beside it as it says; a sentence for each that does not.
pub(super) fn check(attachments: &[Attachment], beside: &Path) -> Vec<String> {
    attachments
        .iter()
        .filter_map(|attachment| {
            let name = &attachment.name;
            // A record is not trusted with paths.
            if safe_name(Path::new(name)) != *name {
                return Some(format!("the record names an attachment `{name}`, which is no name of a file"));
            }
            let path = beside.join(DIRECTORY).join(name);
            let shown = path.display();
            let mut file = match std::fs::File::open(&path) {
                Ok(file) => file,
                Err(e) => return Some(format!("the attachment {shown} cannot be read: {}", words(&e))),
            };
            let mut hasher = Sha256::new();
            let mut buffer = vec![0; 64 * 1024];
            loop {
                match file.read(&mut buffer) {
                    Ok(0) => break,
                    Ok(n) => hasher.update(buffer.get(..n).unwrap_or_default()),
                    Err(e) => return Some(format!("the attachment {shown} cannot be read: {}", words(&e))),
                }
            }
            let sha256 = hex::encode(hasher.finalize());
            (sha256 != attachment.sha256).then(|| {
                format!(
                    "the attachment {shown} was changed: SHA-256 {sha256}, the record says {}",
                    attachment.sha256
                )
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_name() {
        let name = |text: &str| safe_name(Path::new(text));
        assert_eq!(name("/x/Retention policy (2026).pdf"), "Retention policy (2026).pdf");
        assert_eq!(name("a/../../.hidden"), "hidden");
        assert_eq!(name("a\u{202e}fdp.exe\n"), "a_fdp.exe");
        assert_eq!(name(".."), "attachment");
        assert_eq!(name("a:b|c\\d"), "a_b_c_d");
        assert_eq!(name(&"ü".repeat(300)).len(), LONGEST);
        for text in ["a b.pdf", "ü.txt", "a_b"] {
            assert_eq!(name(&name(text)), name(text), "a name that was made safe stays");
        }
    }

    #[test]
    fn bytes_speak_before_names() {
        const DOCX: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
        assert_eq!(media_type("x.txt", b"%PDF-1.7"), "application/pdf");
        assert_eq!(media_type("x.docx", b"PK\x03\x04"), DOCX);
        assert_eq!(media_type("x.csv", b"a,b"), "text/csv");
        assert_eq!(media_type("x.pdf", b"hello"), "text/plain");
        assert_eq!(media_type("x.json", b"\x00\x01"), "application/octet-stream");
    }
}
