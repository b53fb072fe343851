//! The trail of a record by its id: all versions and delete markers under the id's keys. It sends only reads.
//!
//! ```text
//! versioning ─► pages of ListObjectVersions, pattern by pattern ─► lock (and bytes) of each version ─► order of time
//! ```
//!
//! Locks are looked up as the gate for one object does it (`--exact`): GetObjectRetention and GetObjectLegalHold of every
//! version, compared with its HEAD. What could not be read (a page, a lock, a version that was to be read whole) leaves a
//! trail that is not complete, and never an empty one.
//!
//! **Evidence.** The log gets every page up to the tenth of a pattern, the last one and every failed one; all reads of the
//! first 200 versions of an id, and of every later one of which something could not be read. What is in a record that
//! was read whole does not get into it.
//!
//! What it does not know: [`UNSEEN`](crate::record::trail::UNSEEN).

mod keys;

use std::collections::HashSet;
use std::pin::pin;

use futures_util::{StreamExt as _, stream};

use crate::exchange::{Exchange, Outcome};
use crate::lock::Reading;
use crate::profile::Requirement;
use crate::record::log::Log;
use crate::record::trail::{ShownChecksum, TrailEntry, TrailEvent, TrailPattern, TrailRead, TrailResult};
use crate::store::client::{Backoff, Client};
use crate::store::credentials::Credentials;
use crate::store::listing::{Entry, ListingError, VersionsWalk};
use crate::store::ops::VersionsQuery;

use super::digests::HEADERS;
use super::known::Known;
use super::lookup::Lookup;
use super::sample::{self, Chosen};
use super::terms::Terms;
use super::versioning::versioning;
use super::{Lookups, ScanInput, never};

use keys::Keys;

/// What the log's events of a trail are about.
const ABOUT: &str = "trail";

/// Pages of a pattern that are logged, beside the last one and those that failed.
const LOGGED_PAGES: u64 = 10;

/// Versions of an id whose reads are logged, beside those that could not be read.
const LOGGED: usize = 200;

/// The most lines of an id: a pattern that finds more is no pattern of one record.
const MOST: usize = 100_000;

/// Progress is told after so many versions.
const TOLD_EVERY: u64 = 100;

/// Why a trail cannot begin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrailError {
    /// The pattern of keys cannot be read.
    #[error("`{pattern}` is no pattern of keys: {why}")]
    Keys {
        /// As given.
        pattern: String,
        /// What is wrong.
        why: &'static str,
    },
    /// The id cannot be one.
    #[error("`{id}` is no id: {why}")]
    Id {
        /// As given.
        id: String,
        /// What is wrong.
        why: &'static str,
    },
    /// There is no pattern.
    #[error("no pattern says where the records of an id are")]
    NoKeys,
}

impl TrailError {
    /// What the user may do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Keys { .. } => "write {id} once where the id stands: `invoices/{id}/`",
            Self::Id { .. } => "name one id as it stands in the keys, without a slash: `--id 4711`",
            Self::NoKeys => {
                "`--keys 'invoices/{id}/'` (repeatable), or a profile with trail keys (`--profile eu-einvoicing`)"
            }
        }
    }
}

/// Whether trails of this id could be read by these patterns.
///
/// # Errors
/// [`TrailError`] if there is no pattern, or one of them or the id cannot be read.
pub fn check(id: &str, keys: &[String]) -> Result<(), TrailError> {
    if keys.is_empty() {
        return Err(TrailError::NoKeys);
    }
    keys.iter().try_for_each(|pattern| Keys::new("", pattern, id).map(drop))
}

/// What a trail needs.
#[derive(Clone)]
pub struct TrailInput<'a> {
    /// The client; its limits hold here, too.
    pub client: &'a Client,
    /// Who reads: ListObjectVersions, GetBucketVersioning, HEAD, GetObjectRetention, GetObjectLegalHold.
    pub who: Option<&'a Credentials>,
    /// The bucket.
    pub bucket: &'a str,
    /// Whether every version is read whole, for its digest.
    pub whole: bool,
    /// Versions that are looked up at the same time.
    pub concurrency: usize,
    /// Entries in a page (1000 is what S3 allows).
    pub page_size: u32,
    /// How reads are repeated.
    pub backoff: Backoff,
    /// Where the evidence goes.
    pub log: Option<&'a Log>,
    /// Asked again and again; after a `true` nothing new is begun, and the result is not complete.
    pub interrupted: &'a (dyn Fn() -> bool + Sync),
    id: &'a str,
    keys: Vec<Keys>,
}

impl<'a> TrailInput<'a> {
    /// An input with the usual settings: 16 versions at a time, pages of 1000, nothing read whole, no log. `keys` are
    /// patterns relative to the prefix, each with `{id}` once.
    ///
    /// # Errors
    /// [`TrailError`] if a pattern or the id cannot be read.
    pub fn new(
        client: &'a Client,
        who: Option<&'a Credentials>,
        (bucket, prefix): (&'a str, &str),
        id: &'a str,
        keys: &[String],
    ) -> Result<Self, TrailError> {
        let mut all: Vec<Keys> = Vec::new();
        for pattern in keys {
            let keys = Keys::new(prefix, pattern, id)?;
            if !all.contains(&keys) {
                all.push(keys);
            }
        }
        check(id, keys)?;
        Ok(Self {
            client,
            who,
            bucket,
            whole: false,
            concurrency: 16,
            page_size: 1000,
            backoff: Backoff::default(),
            log: None,
            interrupted: &(never as fn() -> bool),
            id,
            keys: all,
        })
    }

    fn log(&self, exchanges: impl IntoIterator<Item = Exchange>) {
        if let Some(log) = self.log {
            for exchange in exchanges {
                log.exchange(ABOUT, exchange);
            }
        }
    }
}

impl std::fmt::Debug for TrailInput<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TrailInput")
            .field("bucket", &self.bucket)
            .field("id", &self.id)
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}

/// Reads the trail. It does not fail as a whole: what could not be read is a finding, and a result that is not
/// everything says so. `progress` is told how many versions were looked up.
pub async fn trail(input: &TrailInput<'_>, progress: &(dyn Fn(u64) + Sync)) -> TrailResult {
    let begun = input.client.clock().now();
    let (state, exchanges) = versioning(input.client, input.who, input.bucket, input.backoff).await;
    input.log(exchanges);
    let mut listed = Listed::default();
    let mut patterns = Vec::new();
    for keys in &input.keys {
        patterns.push(listed.list(input, keys).await);
    }
    let requirement = Requirement::default();
    let scan = ScanInput {
        lookups: Lookups::Each,
        concurrency: input.concurrency,
        backoff: input.backoff,
        interrupted: input.interrupted,
        ..ScanInput::new(input.client, input.who, input.bucket, "", &requirement)
    };
    let lookup = Lookup::new(&scan, true);
    let reader = Reader { lookup: &lookup, scan: &scan, requirement: &requirement, whole: input.whole };
    let (entries, cut) = read_all(input, &reader, listed.entries, progress).await;
    let skewed = input.client.skew().and_then(|skew| begun.checked_add_signed(skew));
    let result = TrailResult {
        id: input.id.to_owned(),
        started: skewed.unwrap_or(begun),
        finished: input.client.server_now(),
        bucket: input.bucket.to_owned(),
        versioning: match state {
            Ok(state) => Reading::Known(state),
            Err(why) => Reading::Unread(why),
        },
        whole: input.whole,
        broken: cut.or_else(|| lookup.doubts().next()),
        patterns,
        entries,
        findings: std::collections::BTreeMap::new(),
        waived: std::collections::BTreeMap::new(),
        found: Vec::new(),
        trail_sha256: String::new(),
        complete: false,
        incomplete_reason: None,
    }
    .folded();
    if let Some(log) = input.log {
        let text = format!(
            "trail of {}: {} versions, {} markers, {} findings; {}; {}",
            result.id,
            result.versions(),
            result.markers(),
            result.found.len(),
            result.trail_sha256,
            result.incomplete_reason.as_deref().unwrap_or("complete"),
        );
        log.note(input.client.clock().now(), ABOUT, text);
    }
    result
}

/// The lines of all listings so far; a line that two patterns find is taken once.
#[derive(Default)]
struct Listed {
    entries: Vec<Entry>,
    seen: HashSet<(String, String)>,
}

impl Listed {
    async fn list(&mut self, input: &TrailInput<'_>, keys: &Keys) -> TrailPattern {
        let query = VersionsQuery {
            max_keys: Some(input.page_size.clamp(1, 1000)),
            ..VersionsQuery::of_prefix(&keys.prefix)
        };
        let mut walk = VersionsWalk::new(input.client, input.who, input.bucket, query, input.backoff);
        let (mut pages, mut again) = (0, true);
        let trouble = loop {
            if (input.interrupted)() {
                break Some("interrupted".to_owned());
            }
            let answer = walk.next_page().await;
            let ends = !matches!(&answer, Ok(Some(page)) if page.truncated);
            let failed = |exchange: &Exchange| match &exchange.outcome {
                Outcome::NoAnswer(_) => true,
                Outcome::Answered(answer) => !answer.is_success(),
            };
            let exchanges = walk.take_exchanges();
            input.log(exchanges.into_iter().filter(|x| ends || pages < LOGGED_PAGES || failed(x)));
            match answer {
                // A page may have been cut off on its way.
                Err(ListingError::Malformed { .. }) if again => again = false,
                Err(error) => break Some(format!("after {pages} pages: {error} ({})", error.hint())),
                Ok(None) => break None,
                Ok(Some(page)) => {
                    pages += 1;
                    for entry in page.entries {
                        if self.seen.insert((entry.key.clone(), entry.version_id.clone())) {
                            self.entries.push(entry);
                        }
                    }
                    if self.entries.len() > MOST {
                        break Some(format!(
                            "there are more than {MOST} versions: is this the pattern of one record?"
                        ));
                    }
                }
            }
        };
        TrailPattern {
            pattern: keys.pattern.clone(),
            prefix: keys.prefix.clone(),
            pages,
            trouble,
            versions: 0,
            markers: 0,
        }
    }
}

/// Looks every version up; also says whether that was cut short.
async fn read_all(
    input: &TrailInput<'_>,
    reader: &Reader<'_, '_>,
    listed: Vec<Entry>,
    progress: &(dyn Fn(u64) + Sync),
) -> (Vec<TrailEntry>, Option<String>) {
    let (mut entries, mut versions) = (Vec::new(), 0_u64);
    let mut cut = None;
    let lines = stream::iter(listed.into_iter().enumerate());
    let reads = lines.map(|(place, entry)| async move {
        if (input.interrupted)() {
            return (unknown(place, &entry, "interrupted"), Vec::new(), true);
        }
        let (entry, exchanges) = reader.read(place, entry).await;
        (entry, exchanges, false)
    });
    let mut reads = pin!(reads.buffered(input.concurrency.max(1)));
    while let Some((entry, exchanges, was_cut)) = reads.next().await {
        if was_cut {
            cut = Some("interrupted".to_owned());
        }
        let is_unread = matches!(entry.retention, Some(Reading::Unread(_)))
            || matches!(entry.hold, Some(Reading::Unread(_)))
            || entry
                .whole
                .as_ref()
                .is_some_and(|w| w.sha256.is_none() || w.compared.iter().any(|c| !c.equal));
        if entries.len() < LOGGED || is_unread {
            input.log(exchanges);
        }
        versions += u64::from(!entry.is_marker);
        entries.push(entry);
        if versions.is_multiple_of(TOLD_EVERY) {
            progress(versions);
        }
    }
    progress(versions);
    (entries, cut)
}

/// A line of the listing; of a version nothing is known yet, and why.
fn unknown(place: usize, entry: &Entry, why: &str) -> TrailEntry {
    TrailEntry {
        time: entry.last_modified,
        key: entry.key.clone(),
        version_id: entry.version_id.clone(),
        // The fold says what it is.
        what: TrailEvent::Stored,
        listed: place as u64,
        is_latest: entry.is_latest,
        is_marker: entry.is_marker,
        size: entry.size,
        etag: entry.etag.clone(),
        retention: (!entry.is_marker).then(|| Reading::Unread(why.to_owned())),
        hold: (!entry.is_marker).then(|| Reading::Unread(why.to_owned())),
        checksum: None,
        whole: None,
    }
}

/// Reads one version after the other.
struct Reader<'r, 'a> {
    lookup: &'r Lookup<'r, 'a>,
    scan: &'r ScanInput<'a>,
    requirement: &'r Requirement,
    whole: bool,
}

impl Reader<'_, '_> {
    async fn read(&self, place: usize, entry: Entry) -> (TrailEntry, Vec<Exchange>) {
        let mut read = unknown(place, &entry, "it was not looked up");
        if entry.is_marker {
            return (read, Vec::new());
        }
        let request = self.lookup.head_request(&entry).header("x-amz-checksum-mode", "ENABLED");
        let head = Box::pin(self.lookup.exchange(&request)).await;
        read.checksum = head.last.answer().filter(|a| a.status == 200).and_then(|answer| {
            HEADERS.iter().find_map(|name| {
                let value = answer.header(name).filter(|v| !v.is_empty())?.to_owned();
                Some(ShownChecksum { name: (*name).to_owned(), value })
            })
        });
        let mut exchanges = head.into_exchanges();
        let found = self.lookup.lock_of(&entry, None, &Terms::of(self.requirement)).await;
        read.retention = Some(found.lock.retention);
        read.hold = Some(found.lock.hold);
        exchanges.extend(found.exchanges);
        if self.whole {
            let known = Known::default();
            let (version, mut reads) = sample::one(self.scan, &known, Chosen::of(&entry)).await;
            reads.iter_mut().for_each(sample::forget_content);
            exchanges.extend(reads);
            read.whole = Some(TrailRead {
                sha256: version.sha256,
                compared: version.compared,
                trouble: version.trouble,
            });
        }
        (read, exchanges)
    }
}
