//! The scan: every version and delete marker of a bucket or prefix, the lock of each, judged against a
//! requirement. It sends only reads.
//!
//! ```text
//! pages (ListObjectVersions, fetched ahead) ─► lookup (listing, HEAD, GetObjectRetention) ─► tally
//! ```
//!
//! **What is believed.** A lock is believed where it is *shown*, never its absence:
//!
//! - A HEAD that shows a retention is believed. S3 leaves the lock headers out of a HEAD where the reader
//!   lacks the right, so a HEAD that shows none, or no answer to it, is followed by GetObjectRetention and
//!   GetObjectLegalHold. *Unprotected* is said only after these two.
//! - A hold that is not shown beside a retention is *not known*. Where it decides (a hold is required, or the
//!   retention has ended) GetObjectLegalHold is asked; elsewhere the version is judged by its retention alone.
//! - A listing that carries locks (MinIO, `metadata=true`) is treated like a HEAD: what it shows is believed,
//!   what it does not show is looked up.
//! - Where legal holds are to be reported (`HoldRule::Report`), one that is not shown is asked for. Tags are asked for
//!   (GetObjectTagging) only of versions on which an override with a tag may hold; terms that hang on tags that could
//!   not be read make the version *unreadable*.
//! - Both are checked: the first 16 versions whose lock is shown are compared with GetObjectRetention and
//!   GetObjectLegalHold before any other is believed, and one in 1000 at random from there on. After a
//!   contradiction that a repetition does not remove, the listing is given up for HEAD, and HEAD for the two
//!   requests. If versions had been believed before, the result says so and is not complete. A listing needs
//!   one check that agreed before it is believed at all.
//!
//! **Memory.** Nothing is kept for a version but counters, the digest, and the first findings. At most three
//! pages and `concurrency` lookups are held at a time.
//!
//! **Evidence.** A million exchanges do not belong in a record. The log gets: the first and the last pages and
//! every failed attempt of the listing; the exchanges of the first checks and of every contradiction; and, for the first 20 versions
//! of each rule, GetObjectRetention and GetObjectLegalHold, which are asked even if a HEAD had shown enough. Bodies
//! of pages stand in it by their digest. Everything else is counted in a note.
//!
//! **Sample.** If asked to, the scan then reads some records whole ([`sample`]); what is in them is not kept.
//!
//! What the scan does not know: who could lift a lock, and what was deleted before it began.

mod below;
mod bucket;
mod check;
mod digests;
pub mod event_log;
pub mod known;
mod lookup;
mod pages;
pub mod rules;
pub mod sample;
mod shown;
mod tally;
pub mod terms;
pub mod trail;
mod trust;
mod versioning;

pub use bucket::bucket_findings;
pub use sample::Sample;

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::StreamExt as _;
use futures_util::future::{join, ready};
use futures_util::stream;
use tokio::sync::mpsc;

use crate::lock::Reading;
use crate::profile::Requirement;
use crate::record::finding::{FindingRule, ScanResult};
use crate::record::log::Log;
use crate::store::client::{Backoff, Client};
use crate::store::credentials::Credentials;

use lookup::Lookup;
use pages::Lister;
use tally::Tally;

/// What the log's events of a scan are about.
const ABOUT: &str = "scan";

/// Pages that wait for their lookups while the next one is fetched.
const PAGES_AHEAD: usize = 1;

/// Progress is told after so many versions and markers.
const TOLD_EVERY: u64 = 100;

/// How locks are found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lookups {
    /// From the listing where it carries locks, else by HEAD; checked as the module says.
    #[default]
    Cheapest,
    /// By HEAD, checked as the module says. The listing is not asked for metadata.
    Head,
    /// GetObjectRetention and GetObjectLegalHold of every version, and compared with its HEAD.
    Each,
}

/// The run that is under way, whose canaries are left out of the population.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnRun<'a> {
    /// Its id.
    pub run_id: &'a str,
    /// The base of its canaries' keys (`PREFIX/.wormproof/<run id>/`).
    pub base: &'a str,
}

/// What a scan needs.
#[derive(Clone)]
pub struct ScanInput<'a> {
    /// The client; its limits hold here, too.
    pub client: &'a Client,
    /// Who reads.
    pub who: Option<&'a Credentials>,
    /// Asked before each page and each lookup; what it gives takes the place of `who` (sessions expire
    /// during long scans). It must answer at once: renew in the background.
    pub renewed: Option<&'a (dyn Fn() -> Option<&'a Credentials> + Sync)>,
    /// The bucket.
    pub bucket: &'a str,
    /// Only keys that begin so; empty for all.
    pub prefix: &'a str,
    /// What the prefixes of overrides are relative to: the audited prefix.
    pub base: &'a str,
    /// What every version has to have.
    pub requirement: &'a Requirement,
    /// Whether anything replicates into this bucket.
    pub replicates: Reading<bool>,
    /// The run that is under way, if it wrote canaries.
    pub own_run: Option<OwnRun<'a>>,
    /// Records that are read whole, if any.
    pub sample: Option<Sample<'a>>,
    /// How locks are found out.
    pub lookups: Lookups,
    /// Lookups at the same time.
    pub concurrency: usize,
    /// Entries in a page (1000 is what S3 allows).
    pub page_size: u32,
    /// How reads are repeated.
    pub backoff: Backoff,
    /// Where the evidence goes.
    pub log: Option<&'a Log>,
    /// Asked again and again; after a `true` nothing new is begun, and the result is not complete.
    pub interrupted: &'a (dyn Fn() -> bool + Sync),
}

fn never() -> bool {
    false
}

impl<'a> ScanInput<'a> {
    /// An input with the usual settings: 64 lookups at a time, pages of 1000, the cheapest lookups, no log.
    #[must_use]
    pub fn new(
        client: &'a Client,
        who: Option<&'a Credentials>,
        bucket: &'a str,
        prefix: &'a str,
        requirement: &'a Requirement,
    ) -> Self {
        Self {
            client,
            who,
            renewed: None,
            bucket,
            prefix,
            base: prefix,
            requirement,
            replicates: Reading::Unread("it was not looked up".to_owned()),
            own_run: None,
            sample: None,
            lookups: Lookups::Cheapest,
            concurrency: 64,
            page_size: 1000,
            backoff: Backoff::default(),
            log: None,
            interrupted: &(never as fn() -> bool),
        }
    }

    fn credentials(&self) -> Option<&'a Credentials> {
        self.renewed.and_then(|renewed| renewed()).or(self.who)
    }
}

impl std::fmt::Debug for ScanInput<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ScanInput")
            .field("bucket", &self.bucket)
            .field("prefix", &self.prefix)
            .field("requirement", &self.requirement)
            .field("lookups", &self.lookups)
            .field("concurrency", &self.concurrency)
            .finish_non_exhaustive()
    }
}

/// How far a scan is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Data versions judged.
    pub versions: u64,
    /// Delete markers seen.
    pub markers: u64,
    /// Findings so far.
    pub findings: u64,
}

/// Scans the bucket or prefix. It does not fail as a whole: what could not be read is counted, and a result
/// that is not everything says so (`complete`, `incomplete_reason`).
pub async fn scan(input: &ScanInput<'_>, progress: &(dyn Fn(Progress) + Sync)) -> ScanResult {
    let scope = format!("s3://{}/{}", input.bucket, input.prefix);
    let mut tally = run(input, None, scope, progress).await;
    tally.read_sample(|key| key.starts_with(input.prefix)).await;
    tally.finish()
}

/// The gate for one object, after its upload: the key must exist, and all its versions are judged. Every
/// lock is asked for by GetObjectRetention and GetObjectLegalHold, and keys that only begin like this one are
/// not looked at. `input.prefix`, `input.base` and `input.lookups` play no part: prefixes of overrides are those of
/// whole keys, and canaries are judged like anything else.
///
/// *Missing* is said if the listing shows no data version of the key and HEAD answers 404.
pub async fn exact(input: &ScanInput<'_>, key: &str, progress: &(dyn Fn(Progress) + Sync)) -> ScanResult {
    let input = &ScanInput {
        client: input.client,
        who: input.credentials(),
        renewed: None,
        bucket: input.bucket,
        prefix: key,
        base: "",
        requirement: input.requirement,
        replicates: input.replicates.clone(),
        own_run: None,
        sample: input.sample,
        lookups: Lookups::Each,
        concurrency: input.concurrency,
        page_size: input.page_size,
        backoff: input.backoff,
        log: input.log,
        interrupted: input.interrupted,
    };
    let scope = format!("s3://{}/{key}", input.bucket);
    let mut tally = run(input, Some(key), scope, progress).await;
    if tally.versions() == 0 && tally.is_complete() {
        let (status, exchange) = lookup::exists(input, key).await;
        if let Some(log) = input.log {
            log.exchange(ABOUT, exchange);
        }
        match status {
            Ok(404) if tally.markers() > 0 => {
                tally.find(FindingRule::Missing, key, "", "only delete markers are left of this key");
            }
            Ok(404) => tally.find(FindingRule::Missing, key, "", "no version of this key exists"),
            Ok(200) => {
                tally.incomplete("a HEAD finds the key, but the listing shows no version of it".to_owned());
            }
            Ok(status) => tally.incomplete(format!(
                "the listing shows no version of the key, and its HEAD, which has to confirm this, answers {status}"
            )),
            Err(why) => tally.incomplete(format!("the HEAD of the key has no answer: {why}")),
        }
    }
    tally.read_sample(|found| found == key).await;
    tally.finish()
}

/// Lists, looks up, and counts.
async fn run<'i, 'a>(
    input: &'i ScanInput<'a>,
    exact: Option<&'i str>,
    scope: String,
    progress: &(dyn Fn(Progress) + Sync),
) -> Tally<'i, 'a> {
    let mut tally = Tally::new(input, scope);
    let lookup = Lookup::new(input, exact.is_some());
    let (pages, received) = mpsc::channel(PAGES_AHEAD);
    let cut = AtomicBool::new(false);
    let goes_on = || {
        let stop = (input.interrupted)();
        if stop {
            cut.store(true, Ordering::Relaxed);
        }
        !stop
    };
    let goes_on = &goes_on;
    let listing = async move {
        let mut lister = Lister::new(input, exact);
        let end = loop {
            if lister.is_done() || !goes_on() {
                break Ok(());
            }
            match lister.next().await {
                Err(error) => break Err(error),
                Ok(None) => break Ok(()),
                Ok(Some(page)) => {
                    if pages.send(page).await.is_err() {
                        break Ok(());
                    }
                }
            }
        };
        (end, lister.pages())
    };
    let judging = async {
        let entries = stream::unfold(received, |mut received| async {
            received.recv().await.map(|page| (page, received))
        })
        .flat_map(stream::iter)
        .take_while(|_| ready(goes_on()));
        let mut judged = pin!(entries.map(|item| lookup.judge(item)).buffered(input.concurrency.max(1)));
        let mut seen = 0_u64;
        while let Some(judged) = judged.next().await {
            tally.take(judged);
            seen += 1;
            if seen.is_multiple_of(TOLD_EVERY) {
                progress(tally.progress());
            }
        }
        progress(tally.progress());
    };
    let ((end, pages), ()) = join(listing, judging).await;
    tally.pages(pages);
    if cut.load(Ordering::Relaxed) {
        tally.incomplete("interrupted".to_owned());
    }
    if let Err(error) = end {
        tally.incomplete(format!("after {pages} pages: {error}"));
    }
    for doubt in lookup.doubts() {
        tally.incomplete(doubt);
    }
    lookup.notes(input);
    tally
}
