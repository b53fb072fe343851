//! Comparing what is shown with the two requests.

use crate::exchange::Exchange;
use crate::store::listing::{Entry, VersionsWalk};
use crate::store::ops::VersionsQuery;
use crate::store::readback;

use super::ABOUT;
use super::lookup::{Found, Lookup};
use super::shown::{Shown, Source, contradictory};
use super::trust::Checking;

impl Lookup<'_, '_> {
    /// Compares a HEAD with the two requests, all three recorded. A lock may be changed between them, so they
    /// are repeated once before they count as a contradiction.
    pub(super) async fn check_head(&self, entry: &Entry, turn: Option<Checking<'_>>) -> Found {
        let mut exchanges = Vec::new();
        let mut why = String::new();
        for _ in 0..2 {
            let head = self.exchange(&self.head_request(entry)).await;
            let shown = head.last.answer().map_or_else(Shown::default, |answer| {
                Shown::of_head(&readback::head_shows(
                    answer.status,
                    |name| answer.header(name),
                    &entry.version_id,
                ))
            });
            exchanges.extend(head.into_exchanges());
            let mut asked = self.ask(entry).await;
            exchanges.append(&mut asked.exchanges);
            match asked.contradicts(shown, Source::Head) {
                None => {
                    let keep = if asked.unread() || !shown.is_something() {
                        self.head.is_unchecked()
                    } else {
                        self.head.agrees()
                    };
                    asked.exchanges = exchanges;
                    return Found::asked(asked.or(shown), keep);
                }
                Some(reason) => why = reason,
            }
        }
        self.head.contradicts(&format!("{} (version {}): {why}", entry.key, entry.version_id));
        drop(turn);
        Found::asked(contradictory(&why, exchanges), true)
    }

    /// Compares the listing's lock with the two requests. `None`: the listing is not to be believed.
    pub(super) async fn check_listing(
        &self,
        entry: &Entry,
        shown: Shown,
        turn: Option<Checking<'_>>,
    ) -> Option<Found> {
        let mut shown = shown;
        let mut exchanges = Vec::new();
        for again in [true, false] {
            let mut asked = self.ask(entry).await;
            exchanges.append(&mut asked.exchanges);
            let Some(reason) = asked.contradicts(shown, Source::Listing) else {
                if asked.unread() {
                    // HEAD may still show the lock.
                    if self.listing.is_unchecked() {
                        self.log(exchanges);
                    }
                    return None;
                }
                let keep = self.listing.agrees();
                asked.exchanges = exchanges;
                return Some(Found::asked(asked.or(shown), keep));
            };
            if again && let Some(now) = self.list_again(entry).await {
                // The lock may have been changed since the page was made.
                shown = now;
                continue;
            }
            self.listing.contradicts(&format!("{} (version {}): {reason}", entry.key, entry.version_id));
            break;
        }
        drop(turn);
        self.log(exchanges);
        None
    }

    fn log(&self, exchanges: Vec<Exchange>) {
        if let Some(log) = self.input.log {
            for exchange in exchanges {
                log.exchange(ABOUT, exchange);
            }
        }
    }

    /// What a new listing shows of this version, if its first page has it.
    async fn list_again(&self, entry: &Entry) -> Option<Shown> {
        let query = VersionsQuery {
            extra: vec![("metadata".to_owned(), "true".to_owned())],
            ..VersionsQuery::of_prefix(&entry.key)
        };
        let who = self.input.credentials();
        let mut walk =
            VersionsWalk::new(self.input.client, who, self.input.bucket, query, self.input.backoff);
        let page = walk.next_page().await.ok()??;
        let same = |e: &&Entry| e.key == entry.key && e.version_id == entry.version_id;
        page.entries.iter().find(same)?.lock.as_ref().map(Shown::of_listing)
    }

    /// Asks the two requests of a version that breaks a rule by what was shown, for the evidence.
    pub(super) async fn confirm(&self, entry: &Entry, found: Found, source: Source) -> Found {
        let asked = self.ask(entry).await;
        let shown = Shown {
            retention: found.lock.retention.known().copied().flatten(),
            hold: found.lock.hold.known().copied(),
        };
        let mut confirmed = match (asked.contradicts(shown, source), source) {
            (None, _) => Found::asked(asked.or(shown), true),
            (Some(_), Source::Head) => self.check_head(entry, None).await,
            (Some(_), Source::Listing) => match self.check_listing(entry, shown, None).await {
                Some(found) => found,
                None => Found::asked(self.ask(entry).await, true),
            },
        };
        confirmed.replica = found.replica;
        confirmed
    }
}
