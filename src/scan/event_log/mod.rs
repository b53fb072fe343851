//! The integrity check of an event log: one object an event, its sequence number in the key. It sends only reads.
//!
//! ```text
//! versioning ─► census (one listing) ─► listings merged by number ─► GET of each event ─► fold
//! ```
//!
//! Checked are the five properties of [`EventLogProperty`](crate::record::event_log::EventLogProperty). Each is held
//! only if every event was assessed: a body that is archived, refused or not JSON leaves its properties not assessed.
//! Events that are written while the check runs lie above the highest number of the census and are left to the next
//! check, so that no gap is seen between two pages.
//!
//! **Memory.** Two pages a width of numbers, `concurrency` events, one holder for each of the newest 65,536 tokens.
//! Widths are the lengths of the numbers: a zero-padded log has one, a log of a million plain numbers seven, and costs
//! that many listings.
//!
//! **Evidence.** The log gets the first pages and every failed one; the reads of the first 20 events of each kind of
//! finding and of each reason for which events could not be assessed; and a note with the counts and the digest.
//!
//! What it does not know: whether the newest events were cut off (nothing in a bucket says where a log ends), and what
//! was overwritten where no versions are kept or removed version by version.

mod body;
mod fold;
mod keys;
mod walk;

use std::collections::BTreeSet;
use std::pin::pin;

use futures_util::{StreamExt as _, stream};

use crate::exchange::Exchange;
use crate::profile::EventLogRules;
use crate::record::event_log::EventLogResult;
use crate::record::log::Log;
use crate::store::client::{Backoff, Client, Reply};
use crate::store::credentials::Credentials;
use crate::store::ops::get_object;

use super::versioning::versioning;

use body::Wanted;
use fold::{Fold, Seen, Whole};
use keys::KeyPattern;
use walk::{Group, Merged, WalkError, Walker};

/// What the log's events of a check are about.
const ABOUT: &str = "event-log";

/// The largest event that is read, in bytes.
const LARGEST: u64 = 8 * 1024 * 1024;

/// Progress is told after so many events.
const TOLD_EVERY: u64 = 100;

/// Why a check cannot begin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventLogError {
    /// The pattern of keys cannot be read.
    #[error("`{pattern}` is no pattern of keys: {why}")]
    KeyPattern {
        /// As given.
        pattern: String,
        /// What is wrong.
        why: &'static str,
    },
    /// A path cannot be read.
    #[error("`{path}` is no path into an event: {why}")]
    Path {
        /// As given.
        path: String,
        /// What is wrong.
        why: &'static str,
    },
}

impl EventLogError {
    /// What the user may do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::KeyPattern { .. } => {
                "write the key with {sequence} for its number: `events/{sequence}.json`"
            }
            Self::Path { .. } => {
                "write `meta.fencing_token`, `metadata:fencing-token` for a header x-amz-meta-fencing-token, several with `|` between, or `none`"
            }
        }
    }
}

/// What a check needs.
#[derive(Clone)]
pub struct EventLogInput<'a> {
    /// The client; its limits hold here, too.
    pub client: &'a Client,
    /// Who reads: ListObjectVersions, GetBucketVersioning, GetObject and GetObjectVersion.
    pub who: Option<&'a Credentials>,
    /// The bucket.
    pub bucket: &'a str,
    /// The number before which events may be missing (they were archived, say).
    pub allow_start: Option<u64>,
    /// Events that are read at the same time.
    pub concurrency: usize,
    /// Entries in a page (1000 is what S3 allows).
    pub page_size: u32,
    /// How reads are repeated.
    pub backoff: Backoff,
    /// Where the evidence goes.
    pub log: Option<&'a Log>,
    /// Asked again and again; after a `true` nothing new is begun, and the result is not complete.
    pub interrupted: &'a (dyn Fn() -> bool + Sync),
    rules: &'a EventLogRules,
    pattern: KeyPattern,
    wanted: Wanted,
}

fn never() -> bool {
    false
}

impl<'a> EventLogInput<'a> {
    /// An input with the usual settings: 32 events at a time, pages of 1000, no log.
    ///
    /// # Errors
    /// [`EventLogError`] if the rules cannot be read.
    pub fn new(
        client: &'a Client,
        who: Option<&'a Credentials>,
        bucket: &'a str,
        prefix: &str,
        rules: &'a EventLogRules,
    ) -> Result<Self, EventLogError> {
        Ok(Self {
            client,
            who,
            bucket,
            allow_start: None,
            concurrency: 32,
            page_size: 1000,
            backoff: Backoff::default(),
            log: None,
            interrupted: &(never as fn() -> bool),
            rules,
            pattern: KeyPattern::new(prefix, &rules.key_pattern)?,
            wanted: Wanted::new(rules)?,
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

impl std::fmt::Debug for EventLogInput<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventLogInput")
            .field("bucket", &self.bucket)
            .field("pattern", &self.pattern)
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}

/// How far a check is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Events gone through.
    pub events: u64,
    /// Findings so far.
    pub findings: u64,
}

/// Checks the log. It does not fail as a whole: what could not be read is counted, and a result that is not everything
/// says so (`complete`, `incomplete_reason`).
pub async fn check(input: &EventLogInput<'_>, progress: &(dyn Fn(Progress) + Sync)) -> EventLogResult {
    let begun = input.client.clock().now();
    let mut fold = Fold::new(input.allow_start, &input.wanted);
    let (versioning, exchanges) = versioning(input.client, input.who, input.bucket, input.backoff).await;
    input.log(exchanges);
    let end = go_through(input, &mut fold, progress).await;
    progress(Progress { events: fold.events(), findings: fold.found() });
    let skewed = input.client.skew().and_then(|skew| begun.checked_add_signed(skew));
    let result = fold.finish(Whole {
        started: skewed.unwrap_or(begun),
        finished: input.client.server_now(),
        scope: format!("s3://{}/{}", input.bucket, input.pattern.text()),
        rules: input.rules.clone(),
        versioning,
        appended: end.appended,
        pages: end.pages,
        incomplete_reason: end.broken,
    });
    if let Some(log) = input.log {
        let text = format!(
            "event log {}: {} events on {} pages, {} findings; {}; {}",
            result.scope,
            result.events,
            result.pages,
            result.findings.values().sum::<u64>(),
            result.log_sha256,
            result.incomplete_reason.as_deref().unwrap_or("complete"),
        );
        log.note(input.client.clock().now(), ABOUT, text);
    }
    result
}

/// How going through ended.
#[derive(Default)]
struct End {
    pages: u64,
    appended: u64,
    /// Why it broke off.
    broken: Option<String>,
}

async fn go_through(input: &EventLogInput<'_>, fold: &mut Fold, progress: &(dyn Fn(Progress) + Sync)) -> End {
    let mut end = End::default();
    let (widths, highest) = match census(input, fold, &mut end).await {
        Ok(found) => found,
        Err(why) => {
            end.broken = Some(why);
            return end;
        }
    };
    let Some(highest) = highest else { return end };
    let mut merged = Merged::new(input, widths);
    let (mut appended, mut broken) = (0_u64, None);
    {
        let keys =
            stream::unfold((&mut merged, &mut appended, &mut broken), |(merged, appended, broken)| async {
                loop {
                    if (input.interrupted)() {
                        *broken = Some("interrupted".to_owned());
                        return None;
                    }
                    match merged.next().await {
                        Ok(Some((number, group))) if number <= highest => {
                            return Some(((number, group), (merged, appended, broken)));
                        }
                        Ok(Some(_)) => *appended += 1,
                        Ok(None) => return None,
                        Err(error) => {
                            *broken = Some(words(&error));
                            return None;
                        }
                    }
                }
            });
        let reads = keys.map(|(number, group)| read(input, number, group)).buffered(input.concurrency.max(1));
        let mut reads = pin!(reads);
        while let Some((seen, exchanges)) = reads.next().await {
            if fold.take(&seen) {
                input.log(exchanges);
            }
            if fold.events().is_multiple_of(TOLD_EVERY) {
                progress(Progress { events: fold.events(), findings: fold.found() });
            }
        }
    }
    end.pages += merged.pages();
    end.appended = appended;
    end.broken = broken;
    end
}

/// Which widths the numbers have, the highest number, and what lies between that is no event.
async fn census(
    input: &EventLogInput<'_>,
    fold: &mut Fold,
    end: &mut End,
) -> Result<(BTreeSet<usize>, Option<u64>), String> {
    let mut walker = Walker::new(input, None);
    let (mut widths, mut highest) = (BTreeSet::new(), None);
    let ended = loop {
        if (input.interrupted)() {
            break Err("interrupted".to_owned());
        }
        match walker.next().await {
            Err(error) => break Err(words(&error)),
            Ok(None) => break Ok(()),
            Ok(Some(group)) => match group.numbered {
                None => fold.foreign(&group.key),
                Some(numbered) => {
                    widths.insert(numbered.width);
                    highest = highest.max(Some(numbered.number));
                }
            },
        }
    };
    end.pages = walker.pages();
    ended.map(|()| (widths, highest))
}

fn words(error: &WalkError) -> String {
    match error {
        WalkError::Listing(listing) => format!("{listing} ({})", listing.hint()),
        WalkError::Order { .. } => error.to_string(),
    }
}

/// Reads the newest data version of an event.
async fn read(input: &EventLogInput<'_>, number: u64, group: Group) -> (Seen, Vec<Exchange>) {
    let mut exchanges = Vec::new();
    let event = match &group.newest {
        None => None,
        Some((_, size, _)) if *size > LARGEST => {
            Some(Err(format!("the event is larger than {} MiB", LARGEST / 1024 / 1024)))
        }
        Some((id, _, is_latest)) => {
            // Not every server knows the version `null` of a bucket without versions.
            let id = Some(id.as_str()).filter(|id| !(id.is_empty() || *is_latest && *id == "null"));
            let request = get_object(input.bucket, &group.key, id);
            let attempts = input.client.exchange_retrying(input.who, &request, input.backoff).await;
            let event = event(input, &attempts.last);
            exchanges = attempts.into_exchanges();
            Some(event)
        }
    };
    let seen = Seen {
        number,
        version_id: group.newest.map_or_else(String::new, |(id, ..)| id),
        key: group.key,
        versions: group.versions,
        markers: group.markers,
        is_hidden: group.is_hidden,
        event,
    };
    (seen, exchanges)
}

/// The event of an answer; else why there is none, in words that are the same for many events.
fn event(input: &EventLogInput<'_>, reply: &Reply) -> Result<body::Event, String> {
    if let Some(error) = reply.error() {
        let status = reply.status().unwrap_or_default();
        return Err(match (status, error.code.as_str()) {
            (_, "InvalidObjectState") => {
                "archived: the body has to be restored before it can be read (InvalidObjectState)".to_owned()
            }
            (403, code) => format!("no right to read the body (403 {code})"),
            (404, code) => format!("it was listed, and is gone when it is read (404 {code})"),
            (status, code) => format!("the body could not be read ({status} {code})"),
        });
    }
    let Some(answer) = reply.answer() else {
        return Err("no answer when the body was read".to_owned());
    };
    if answer.status != 200 {
        return Err(format!("the body could not be read ({})", answer.status));
    }
    let metadata = |name: &str| answer.header(&format!("x-amz-meta-{name}")).map(ToOwned::to_owned);
    Ok(input.wanted.read(&reply.body, &answer.body.sha256, &metadata))
}
