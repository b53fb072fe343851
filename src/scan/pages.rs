//! The pages of a scan: fetched one after the other, with locks where the server gives them along.

use std::collections::HashMap;

use crate::exchange::{Exchange, Outcome};
use crate::store::listing::{Entry, ListingError, VersionsPage, VersionsWalk};
use crate::store::ops::VersionsQuery;

use super::{ABOUT, Lookups, ScanInput};

/// Pages that are logged, beside the last one and those that failed.
const LOGGED: u64 = 10;

/// So often a page with metadata may be broken before metadata is given up for good.
const MOST_BROKEN: u32 = 100;

/// One version or marker, with what the lines around it say.
#[derive(Debug)]
pub(super) struct Item {
    /// The listing's line.
    pub(super) entry: Entry,
    /// The delete marker that is the newest of the key.
    pub(super) hidden_by: Option<String>,
    /// Whether the listing had not shown this key before.
    pub(super) new_key: bool,
}

/// What the listing is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Metadata {
    /// Metadata, to see whether the server knows it.
    Probing,
    /// Metadata, which the server delivers.
    Delivered,
    /// None for this one page, which metadata breaks.
    OffForAPage,
    /// None.
    Off,
}

/// Fetches pages.
pub(super) struct Lister<'i, 'a> {
    input: &'i ScanInput<'a>,
    walk: VersionsWalk<'a>,
    exact: Option<&'i str>,
    metadata: Metadata,
    broken: u32,
    pages: u64,
    passed: bool,
    /// The last key of the pages before, and its delete marker if that is the newest.
    last: Option<(String, Option<String>)>,
}

fn with_metadata() -> Vec<(String, String)> {
    vec![("metadata".to_owned(), "true".to_owned())]
}

impl<'i, 'a> Lister<'i, 'a> {
    /// From the beginning of the prefix; with `exact`, the versions of this key alone.
    pub(super) fn new(input: &'i ScanInput<'a>, exact: Option<&'i str>) -> Self {
        let probing = input.lookups == Lookups::Cheapest;
        let query = VersionsQuery {
            max_keys: Some(input.page_size.clamp(1, 1000)),
            extra: if probing { with_metadata() } else { Vec::new() },
            ..VersionsQuery::of_prefix(input.prefix)
        };
        Self {
            input,
            walk: VersionsWalk::new(input.client, input.credentials(), input.bucket, query, input.backoff),
            exact,
            metadata: if probing { Metadata::Probing } else { Metadata::Off },
            broken: 0,
            pages: 0,
            passed: false,
            last: None,
        }
    }

    /// Pages read so far.
    pub(super) fn pages(&self) -> u64 {
        self.pages
    }

    /// Whether the last page was read.
    pub(super) fn is_done(&self) -> bool {
        self.passed
    }

    /// The next page, or `None` after the last.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<Item>>, ListingError> {
        if self.passed {
            return Ok(None);
        }
        let mut again = true;
        loop {
            self.walk.renew(self.input.credentials());
            let answer = self.walk.next_page().await;
            let exchanges = self.walk.take_exchanges();
            self.log(exchanges, !matches!(&answer, Ok(Some(page)) if page.truncated));
            match answer {
                Ok(None) => return Ok(None),
                Ok(Some(page)) => {
                    self.pages += 1;
                    self.passed = !page.truncated;
                    self.after(&page);
                    return Ok(Some(self.items(page)));
                }
                Err(error) => match (&error, self.metadata) {
                    (ListingError::Refused(_), Metadata::Probing) => self.ask(Metadata::Off),
                    (ListingError::Malformed { .. }, Metadata::Probing | Metadata::Delivered) => {
                        self.broken += 1;
                        let for_good = self.broken >= MOST_BROKEN;
                        self.ask(if for_good { Metadata::Off } else { Metadata::OffForAPage });
                    }
                    // A page may have been cut off on its way.
                    (ListingError::Malformed { .. }, _) if again => again = false,
                    _ => return Err(error),
                },
            }
        }
    }

    fn ask(&mut self, metadata: Metadata) {
        self.metadata = metadata;
        let wanted = matches!(metadata, Metadata::Probing | Metadata::Delivered);
        self.walk.set_extra(if wanted { with_metadata() } else { Vec::new() });
    }

    /// What a page says of how to ask for the next.
    fn after(&mut self, page: &VersionsPage) {
        match self.metadata {
            Metadata::Probing if page.entries.iter().any(|e| e.lock.is_some()) => {
                self.ask(Metadata::Delivered);
            }
            Metadata::Probing if page.entries.iter().any(|e| !e.is_marker) => self.ask(Metadata::Off),
            Metadata::OffForAPage => self.ask(Metadata::Probing),
            _ => {}
        }
    }

    fn log(&self, exchanges: Vec<Exchange>, ending: bool) {
        let Some(log) = self.input.log else { return };
        for exchange in exchanges {
            let failed = match &exchange.outcome {
                Outcome::NoAnswer(_) => true,
                Outcome::Answered(answer) => !answer.is_success(),
            };
            if ending || failed || self.pages < LOGGED {
                log.exchange(ABOUT, exchange);
            }
        }
    }

    /// The page's lines with what stands around them. Servers differ: most list a key's marker before its
    /// versions, some list the page's versions first and its markers after them.
    fn items(&mut self, mut page: VersionsPage) -> Vec<Item> {
        if let Some(key) = self.exact {
            self.passed |= page.entries.iter().any(|e| e.key.as_str() > key);
            page.entries.retain(|e| e.key == key);
        }
        let mut markers: HashMap<String, String> = HashMap::new();
        let (before, its_marker) = self.last.take().unzip();
        if let (Some(key), Some(Some(marker))) = (&before, its_marker) {
            markers.insert(key.clone(), marker);
        }
        for entry in page.entries.iter().filter(|e| e.is_marker && e.is_latest) {
            markers.insert(entry.key.clone(), entry.version_id.clone());
        }
        let last = page.entries.iter().map(|e| e.key.as_str()).chain(before.as_deref()).max();
        self.last = last.map(|key| (key.to_owned(), markers.get(key).cloned()));
        let new = first_of_keys(&page.entries, before.as_deref());
        let items = page.entries.into_iter().zip(new);
        items
            .map(|(entry, new_key)| {
                let marker =
                    if entry.is_marker || markers.is_empty() { None } else { markers.get(&entry.key) };
                Item { hidden_by: marker.cloned(), new_key, entry }
            })
            .collect()
    }
}

/// Whether each line is the first of its key; `before` is the last key of the pages before.
fn first_of_keys(entries: &[Entry], before: Option<&str>) -> Vec<bool> {
    let ordered = entries.is_sorted_by(|a, b| a.key <= b.key);
    if ordered {
        let mut previous = before;
        return entries
            .iter()
            .map(|entry| {
                let new = previous != Some(entry.key.as_str());
                previous = Some(entry.key.as_str());
                new
            })
            .collect();
    }
    let mut seen: std::collections::HashSet<&str> = before.into_iter().collect();
    entries.iter().map(|entry| seen.insert(entry.key.as_str())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(key: &str, marker: bool) -> Entry {
        Entry {
            key: key.to_owned(),
            version_id: "1".to_owned(),
            is_latest: true,
            is_marker: marker,
            size: 0,
            last_modified: None,
            etag: None,
            lock: None,
            owner: None,
            replication: None,
        }
    }

    #[test]
    fn keys_are_counted_once_in_either_order() {
        let ordered = [entry("a", true), entry("a", false), entry("b", false)];
        assert_eq!(first_of_keys(&ordered, None), [true, false, true]);
        assert_eq!(first_of_keys(&ordered, Some("a")), [false, false, true]);
        let grouped = [entry("a", false), entry("b", false), entry("a", true)];
        assert_eq!(first_of_keys(&grouped, None), [true, true, false]);
    }
}
