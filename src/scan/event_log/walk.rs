//! The listing of a log: its keys with what lies on each, in the order of their numbers.
//!
//! S3 lists by text, where `10` stands before `9`. Keys whose numbers have one width are listed in the order of their
//! numbers; so each width is walked by itself, and the walks are merged. A log that is zero padded has one width.

use std::collections::{BTreeMap, VecDeque};

use crate::exchange::{Exchange, Outcome};
use crate::store::listing::{Entry, ListingError, VersionsWalk};
use crate::store::ops::VersionsQuery;

use super::keys::Numbered;
use super::{ABOUT, EventLogInput};

/// Pages of the first walk that are logged, beside those that failed.
const LOGGED: u64 = 3;

/// Why the log cannot be gone through.
#[derive(Debug, thiserror::Error)]
pub(super) enum WalkError {
    #[error(transparent)]
    Listing(#[from] ListingError),
    #[error("the listing is not in order: number {after} comes after {before}")]
    Order { before: u64, after: u64 },
}

/// One key with what lies on it.
#[derive(Debug, Clone)]
pub(super) struct Group {
    pub(super) key: String,
    pub(super) numbered: Option<Numbered>,
    pub(super) versions: u64,
    pub(super) markers: u64,
    /// Whether the newest entry is a delete marker.
    pub(super) is_hidden: bool,
    /// Version id and size of the newest data version, and whether it is the newest entry of all.
    pub(super) newest: Option<(String, u64, bool)>,
}

impl Group {
    fn add(&mut self, entry: &Entry) {
        if entry.is_marker {
            self.markers += 1;
            self.is_hidden |= entry.is_latest;
            return;
        }
        self.versions += 1;
        if entry.is_latest || self.newest.is_none() {
            self.newest = Some((entry.version_id.clone(), entry.size, entry.is_latest));
        }
    }
}

/// A walk over the keys of one width, or over all keys.
pub(super) struct Walker<'i, 'a> {
    input: &'i EventLogInput<'a>,
    walk: VersionsWalk<'a>,
    width: Option<usize>,
    logs: bool,
    ready: VecDeque<Group>,
    /// The last key of the pages so far: more of it may come.
    carried: Option<Group>,
    /// The last number of each width.
    last: BTreeMap<usize, u64>,
    pages: u64,
    done: bool,
}

impl<'i, 'a> Walker<'i, 'a> {
    /// A walk over the keys of this width; without one over everything in the folder, with its first pages logged.
    pub(super) fn new(input: &'i EventLogInput<'a>, width: Option<usize>) -> Self {
        let query = VersionsQuery {
            max_keys: Some(input.page_size.clamp(1, 1000)),
            ..VersionsQuery::of_prefix(input.pattern.folder())
        };
        Self {
            input,
            walk: VersionsWalk::new(input.client, input.who, input.bucket, query, input.backoff),
            width,
            logs: width.is_none(),
            ready: VecDeque::new(),
            carried: None,
            last: BTreeMap::new(),
            pages: 0,
            done: false,
        }
    }

    pub(super) fn pages(&self) -> u64 {
        self.pages
    }

    /// The next key without taking it.
    pub(super) async fn peek(&mut self) -> Result<Option<&Group>, WalkError> {
        while self.ready.is_empty() && !self.done {
            self.fill().await?;
        }
        Ok(self.ready.front())
    }

    /// The next key.
    pub(super) async fn next(&mut self) -> Result<Option<Group>, WalkError> {
        self.peek().await?;
        Ok(self.ready.pop_front())
    }

    async fn fill(&mut self) -> Result<(), WalkError> {
        let mut again = true;
        let page = loop {
            let answer = self.walk.next_page().await;
            let exchanges = self.walk.take_exchanges();
            self.log(exchanges);
            match answer {
                // A page may have been cut off on its way.
                Err(ListingError::Malformed { .. }) if again => again = false,
                other => break other?,
            }
        };
        let Some(page) = page else {
            self.done = true;
            return Ok(());
        };
        self.pages += 1;
        self.done = !page.truncated;
        let mut groups: BTreeMap<String, Group> = BTreeMap::new();
        let carried = self.carried.take();
        groups.extend(carried.map(|group| (group.key.clone(), group)));
        for entry in &page.entries {
            let numbered = self.input.pattern.number(&entry.key);
            if self.width.is_some() && numbered.map(|n| n.width) != self.width {
                continue;
            }
            let group = groups.entry(entry.key.clone()).or_insert_with(|| Group {
                key: entry.key.clone(),
                numbered,
                versions: 0,
                markers: 0,
                is_hidden: false,
                newest: None,
            });
            group.add(entry);
        }
        if page.truncated {
            self.carried = groups.pop_last().map(|(_, group)| group);
        }
        for group in groups.into_values() {
            if let Some(Numbered { number, width }) = group.numbered
                && let Some(before) = self.last.insert(width, number)
                && before >= number
            {
                return Err(WalkError::Order { before, after: number });
            }
            self.ready.push_back(group);
        }
        Ok(())
    }

    fn log(&self, exchanges: Vec<Exchange>) {
        let Some(log) = self.input.log else { return };
        for exchange in exchanges {
            let failed = match &exchange.outcome {
                Outcome::NoAnswer(_) => true,
                Outcome::Answered(answer) => !answer.is_success(),
            };
            if failed || (self.logs && self.pages < LOGGED) {
                log.exchange(ABOUT, exchange);
            }
        }
    }
}

/// Walks that give their keys by number.
pub(super) struct Merged<'i, 'a> {
    walkers: Vec<Walker<'i, 'a>>,
}

impl<'i, 'a> Merged<'i, 'a> {
    pub(super) fn new(input: &'i EventLogInput<'a>, widths: impl IntoIterator<Item = usize>) -> Self {
        Self { walkers: widths.into_iter().map(|width| Walker::new(input, Some(width))).collect() }
    }

    pub(super) fn pages(&self) -> u64 {
        self.walkers.iter().map(Walker::pages).sum()
    }

    /// The key with the lowest number that was not given yet.
    pub(super) async fn next(&mut self) -> Result<Option<(u64, Group)>, WalkError> {
        let mut lowest: Option<(u64, usize)> = None;
        for (place, walker) in self.walkers.iter_mut().enumerate() {
            let number = walker.peek().await?.and_then(|g| g.numbered).map(|n| n.number);
            if let Some(number) = number
                && lowest.is_none_or(|(least, _)| number < least)
            {
                lowest = Some((number, place));
            }
        }
        let Some((number, place)) = lowest else { return Ok(None) };
        let Some(walker) = self.walkers.get_mut(place) else { return Ok(None) };
        Ok(walker.next().await?.map(|group| (number, group)))
    }
}
