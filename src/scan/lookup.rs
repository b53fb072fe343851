//! Finding out the lock of one version: what the listing or HEAD shows, and the two requests that decide.

use std::sync::atomic::{AtomicU32, Ordering};

use chrono::TimeDelta;
use futures_util::future::join;

use crate::exchange::{Exchange, Outcome};
use crate::lock::{LegalHold, Reading, Retention};
use crate::record::finding::FindingRule;
use crate::store::client::Attempts;
use crate::store::listing::{Entry, ListedLock, VersionsWalk};
use crate::store::ops::{VersionsQuery, get_object_legal_hold, get_object_retention, head_object};
use crate::store::readback::{self, HeadLock};
use crate::store::request::S3Request;
use crate::time::wire;

use super::pages::Item;
use super::rules::{Lock, assess, class};
use super::trust::{Checking, Trust, Turn};
use super::{ABOUT, Lookups, ScanInput};

/// The folder of the canaries of all runs.
const CANARY_FOLDER: &str = ".wormproof/";

/// The header with the run id of a canary.
const RUN_HEADER: &str = "x-amz-meta-wormproof-run";

/// Findings of one rule whose exchanges are logged.
const PROVEN: u32 = 20;

/// One version or marker, judged.
#[derive(Debug)]
pub(super) struct Judged {
    /// The listing's line.
    pub(super) item: Item,
    /// Its lock; none for a marker or a canary.
    pub(super) lock: Option<Lock>,
    /// The class under which it is counted.
    pub(super) class: &'static str,
    /// What is wrong with it.
    pub(super) found: Vec<(FindingRule, String)>,
    /// Whether it took requests of its own.
    pub(super) looked_up: bool,
    /// The run whose canary it is, proven.
    pub(super) canary_of: Option<String>,
    /// What belongs in the log.
    pub(super) exchanges: Vec<Exchange>,
}

/// What the listing or a HEAD shows of a lock. Nothing is concluded from what is missing.
#[derive(Debug, Clone, Copy, Default)]
struct Shown {
    retention: Option<Retention>,
    hold: Option<LegalHold>,
}

impl Shown {
    fn of_head(head: &HeadLock) -> Self {
        let HeadLock::Shown(shown) = head else { return Self::default() };
        Self {
            retention: shown.retention.as_ref().and_then(Reading::known).copied(),
            hold: shown.hold.as_ref().and_then(Reading::known).copied(),
        }
    }

    fn of_listing(listed: &ListedLock) -> Self {
        Self {
            retention: listed.retention.known().copied().flatten(),
            hold: listed.hold.known().copied().filter(|hold| *hold == LegalHold::On),
        }
    }

    fn is_something(self) -> bool {
        self.retention.is_some() || self.hold.is_some()
    }

    /// The lock as far as it is shown.
    fn lock(self, name: &str) -> Lock {
        Lock {
            retention: match self.retention {
                Some(retention) => Reading::Known(Some(retention)),
                None => Reading::Unread(format!("{name} shows none")),
            },
            hold: match self.hold {
                Some(hold) => Reading::Known(hold),
                None => Reading::Unread(String::new()),
            },
        }
    }
}

/// What the two requests said, with their exchanges.
#[derive(Debug)]
struct Asked {
    lock: Lock,
    exchanges: Vec<Exchange>,
}

impl Asked {
    fn unread(&self) -> bool {
        matches!((&self.lock.retention, &self.lock.hold), (Reading::Unread(_), Reading::Unread(_)))
    }

    /// Fills in what only a HEAD or the listing shows.
    fn or(mut self, shown: Shown) -> Self {
        if let (Reading::Unread(_), Some(retention)) = (&self.lock.retention, shown.retention) {
            self.lock.retention = Reading::Known(Some(retention));
        }
        if let (Reading::Unread(_), Some(hold)) = (&self.lock.hold, shown.hold) {
            self.lock.hold = Reading::Known(hold);
        }
        self
    }

    /// What is shown and not so, in words. What is not shown contradicts nothing. Dates may differ by less
    /// than a second: some servers cut a header's.
    fn contradicts(&self, shown: Shown, name: &str) -> Option<String> {
        if let (Some(shown), Reading::Known(said)) = (shown.retention, &self.lock.retention) {
            let same = said.is_some_and(|said| {
                said.mode == shown.mode && (said.until - shown.until).abs() < TimeDelta::seconds(1)
            });
            if !same {
                let said =
                    said.map_or_else(|| "none".to_owned(), |r| format!("{} until {}", r.mode, wire(r.until)));
                let until = wire(shown.until);
                return Some(format!(
                    "{name} shows {} until {until}, GetObjectRetention says {said}",
                    shown.mode
                ));
            }
        }
        match (shown.hold, &self.lock.hold) {
            (Some(shown), Reading::Known(said)) if shown != *said => Some(format!(
                "{name} shows the hold {}, GetObjectLegalHold says {}",
                shown.as_str(),
                said.as_str()
            )),
            _ => None,
        }
    }
}

/// The answer to an unrecorded HEAD.
#[derive(Debug)]
struct Head {
    lock: HeadLock,
    run: Option<String>,
    replica: bool,
}

/// A lock, and how it was found out.
#[derive(Debug)]
struct Found {
    lock: Lock,
    /// The exchanges of the two requests and of checks.
    exchanges: Vec<Exchange>,
    /// Whether they are logged, whatever the finding.
    keep: bool,
    /// Whether the two requests have spoken.
    asked: bool,
    looked_up: bool,
    replica: bool,
}

impl Found {
    fn asked(asked: Asked, keep: bool) -> Self {
        Self {
            lock: asked.lock,
            exchanges: asked.exchanges,
            keep,
            asked: true,
            looked_up: true,
            replica: false,
        }
    }

    fn shown(shown: Shown, name: &str, looked_up: bool) -> Self {
        Self {
            lock: shown.lock(name),
            exchanges: Vec::new(),
            keep: false,
            asked: false,
            looked_up,
            replica: false,
        }
    }
}

/// Looks locks up.
pub(super) struct Lookup<'i, 'a> {
    input: &'i ScanInput<'a>,
    /// Whether canaries are judged like anything else.
    exact: bool,
    head: Trust,
    listing: Trust,
    /// Findings whose exchanges were logged, by rule.
    proven: Vec<AtomicU32>,
}

fn version(id: &str) -> Option<&str> {
    (!id.is_empty()).then_some(id)
}

/// The run id in a key `…/.wormproof/<run id>/…`.
fn run_folder(key: &str) -> Option<&str> {
    let at = if key.starts_with(CANARY_FOLDER) {
        0
    } else {
        key.match_indices(CANARY_FOLDER).map(|(at, _)| at).find(|at| key[..*at].ends_with('/'))?
    };
    let (run, _) = key[at + CANARY_FOLDER.len()..].split_once('/')?;
    (!run.is_empty()).then_some(run)
}

/// A recorded HEAD of the key's current version: its status, or why there was no answer.
pub(super) async fn exists(input: &ScanInput<'_>, key: &str) -> (Result<u16, String>, Exchange) {
    let request = head_object(input.bucket, key, None);
    let last = input.client.exchange_retrying(input.credentials(), &request, input.backoff).await.last;
    let status = match &last.exchange.outcome {
        Outcome::Answered(answer) => Ok(answer.status),
        Outcome::NoAnswer(why) => Err(why.clone()),
    };
    (status, last.exchange)
}

impl<'i, 'a> Lookup<'i, 'a> {
    pub(super) fn new(input: &'i ScanInput<'a>, exact: bool) -> Self {
        Self {
            input,
            exact,
            head: Trust::new("HEAD", false),
            listing: Trust::new("the listing's metadata", true),
            proven: FindingRule::ALL.iter().map(|_| AtomicU32::new(0)).collect(),
        }
    }

    /// Why the result cannot be relied upon as a whole.
    pub(super) fn doubts(&self) -> impl Iterator<Item = String> {
        [self.listing.doubt(), self.head.doubt()].into_iter().flatten()
    }

    /// Says in the log how much was believed.
    pub(super) fn notes(&self, input: &ScanInput<'_>) {
        let Some(log) = input.log else { return };
        for note in [self.listing.note(), self.head.note()].into_iter().flatten() {
            log.note(input.client.clock().now(), ABOUT, note);
        }
    }

    /// Judges one line of the listing.
    pub(super) async fn judge(&self, item: Item) -> Judged {
        let own = self.input.own_run.filter(|_| !self.exact);
        if let Some(own) = own.filter(|own| !own.base.is_empty() && item.entry.key.starts_with(own.base)) {
            return canary(item, own.run_id);
        }
        if item.entry.is_marker {
            return Judged {
                item,
                lock: None,
                class: "",
                found: Vec::new(),
                looked_up: false,
                canary_of: None,
                exchanges: Vec::new(),
            };
        }
        let mut head = None;
        if let Some(run) = run_folder(&item.entry.key).filter(|_| !self.exact) {
            let answer = self.fast_head(&item.entry).await;
            if answer.run.as_deref() == Some(run) {
                let run = run.to_owned();
                return canary(item, &run);
            }
            head = Some(answer);
        }
        let mut found = self.lock_of(&item.entry, head).await;
        let now = self.input.client.server_now();
        let mut rules = assess(&found.lock, item.entry.last_modified, self.input.requirement, now);
        let logged = rules.first().is_some_and(|(rule, _)| self.is_among_the_first(*rule));
        if logged && !found.asked {
            found = Box::pin(self.confirm(&item.entry, found)).await;
            rules = assess(&found.lock, item.entry.last_modified, self.input.requirement, now);
        }
        if !logged && !found.keep {
            found.exchanges.clear();
        }
        if let Some(mark) = self.replica_mark(&found, &item.entry) {
            rules.push((FindingRule::ReplicaMark, mark));
            if self.is_among_the_first(FindingRule::ReplicaMark) {
                let head = Box::pin(self.exchange(&self.head_request(&item.entry))).await;
                found.exchanges.extend(head.into_exchanges());
            }
        }
        Judged {
            class: class(&found.lock, now),
            item,
            lock: Some(found.lock),
            found: rules,
            looked_up: found.looked_up,
            canary_of: None,
            exchanges: found.exchanges,
        }
    }

    fn is_among_the_first(&self, rule: FindingRule) -> bool {
        let count = &self.proven[rule as usize];
        count.load(Ordering::Relaxed) < PROVEN && count.fetch_add(1, Ordering::Relaxed) < PROVEN
    }

    fn replica_mark(&self, found: &Found, entry: &Entry) -> Option<String> {
        if !found.replica && !entry.replication.as_deref().is_some_and(is_replica) {
            return None;
        }
        match &self.input.replicates {
            Reading::Known(true) => None,
            Reading::Known(false) => {
                Some("marked as a replica, and nothing replicates into the bucket".to_owned())
            }
            Reading::Unread(why) => Some(format!(
                "marked as a replica, and whether anything replicates into the bucket is not known: {why}"
            )),
        }
    }

    fn head_request(&self, entry: &Entry) -> S3Request {
        head_object(self.input.bucket, &entry.key, version(&entry.version_id))
    }

    /// The lock by the cheapest way that is believed.
    async fn lock_of(&self, entry: &Entry, head: Option<Head>) -> Found {
        let each = self.input.lookups == Lookups::Each;
        if let Some(listed) = entry.lock.as_ref().filter(|_| self.input.lookups == Lookups::Cheapest)
            && !self.listing.is_off()
        {
            let shown = Shown::of_listing(listed);
            if !shown.is_something() {
                return Found::asked(self.ask(entry).await, false);
            }
            match self.listing.turn(false).await {
                Turn::Believe => return self.believe(entry, shown, "the listing", false).await,
                Turn::Check(turn) => {
                    if let Some(found) = Box::pin(self.check_listing(entry, shown, turn)).await {
                        return found;
                    }
                }
                Turn::Refuse => {}
            }
        }
        if self.head.is_off() && head.is_none() {
            return Found::asked(self.ask(entry).await, false);
        }
        let head = match head {
            Some(head) => head,
            None => self.fast_head(entry).await,
        };
        let shown = Shown::of_head(&head.lock);
        let mut found = if shown.is_something() {
            match self.head.turn(each).await {
                Turn::Believe => self.believe(entry, shown, "HEAD", true).await,
                Turn::Check(turn) => Box::pin(self.check_head(entry, turn)).await,
                Turn::Refuse => Found::asked(self.ask(entry).await, false),
            }
        } else {
            self.not_shown(entry, &head.lock).await
        };
        found.replica = head.replica;
        found
    }

    /// Takes what is shown for true, and asks for what is not shown and decides.
    async fn believe(&self, entry: &Entry, shown: Shown, name: &'static str, looked_up: bool) -> Found {
        if shown.retention.is_none() {
            return Found::asked(self.ask(entry).await.or(shown), false);
        }
        let mut found = Found::shown(shown, name, looked_up);
        if shown.hold.is_none() {
            let now = self.input.client.server_now();
            let hold_decides = assess(&found.lock, entry.last_modified, self.input.requirement, now)
                .iter()
                .any(|(rule, _)| matches!(rule, FindingRule::Expired | FindingRule::Unreadable));
            if hold_decides {
                let hold = self.ask_hold(entry).await;
                found.lock.hold = readback::hold(&hold.last);
                found.exchanges = hold.into_exchanges();
                found.looked_up = true;
            }
        }
        found
    }

    /// A HEAD shows no lock, or is no answer: the two requests decide.
    async fn not_shown(&self, entry: &Entry, head: &HeadLock) -> Found {
        let mut asked = self.ask(entry).await;
        let doubt = match head {
            HeadLock::Marker => Some("the listing shows a version, HEAD a delete marker"),
            HeadLock::NotFound => Some("it was listed, and HEAD answers 404"),
            _ => None,
        };
        if let Some(doubt) = doubt {
            let why = match &asked.lock.retention {
                Reading::Unread(why) => format!("{doubt}; {why}"),
                Reading::Known(_) => doubt.to_owned(),
            };
            asked.lock.retention = Reading::Unread(why);
        }
        Found::asked(asked, false)
    }

    /// Compares a HEAD with the two requests, all three recorded. A lock may be changed between them, so they
    /// are repeated once before they count as a contradiction.
    async fn check_head(&self, entry: &Entry, turn: Checking<'_>) -> Found {
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
            match asked.contradicts(shown, "HEAD") {
                None => {
                    if asked.unread() || !shown.is_something() {
                        self.head.is_unchecked();
                    } else {
                        self.head.agrees();
                    }
                    asked.exchanges = exchanges;
                    return Found::asked(asked.or(shown), true);
                }
                Some(reason) => why = reason,
            }
        }
        self.head.contradicts(&format!("{} (version {}): {why}", entry.key, entry.version_id));
        drop(turn);
        Found::asked(contradictory(&why, exchanges), true)
    }

    /// Compares the listing's lock with the two requests. `None`: the listing is not to be believed.
    async fn check_listing(&self, entry: &Entry, shown: Shown, turn: Checking<'_>) -> Option<Found> {
        let mut shown = shown;
        let mut exchanges = Vec::new();
        for again in [true, false] {
            let mut asked = self.ask(entry).await;
            exchanges.append(&mut asked.exchanges);
            let Some(reason) = asked.contradicts(shown, "the listing") else {
                if asked.unread() {
                    // HEAD may still show the lock.
                    self.listing.is_unchecked();
                    self.log(exchanges);
                    return None;
                }
                self.listing.agrees();
                asked.exchanges = exchanges;
                return Some(Found::asked(asked.or(shown), true));
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
    async fn confirm(&self, entry: &Entry, found: Found) -> Found {
        let asked = self.ask(entry).await;
        let shown = Shown {
            retention: found.lock.retention.known().copied().flatten(),
            hold: found.lock.hold.known().copied(),
        };
        let replica = found.replica;
        let mut confirmed = match asked.contradicts(shown, "HEAD or the listing") {
            None => Found::asked(asked.or(shown), true),
            // The requests decide; whoever showed something else is checked like any other.
            Some(_) => Box::pin(self.check_again(entry, asked)).await,
        };
        confirmed.replica = replica;
        confirmed
    }

    /// A contradiction outside of the checks: what was shown is compared in full.
    async fn check_again(&self, entry: &Entry, asked: Asked) -> Found {
        let head = self.fast_head(entry).await;
        let shown = Shown::of_head(&head.lock);
        let fresh = self.ask(entry).await;
        let mut exchanges = asked.exchanges;
        exchanges.extend(fresh.exchanges);
        let fresh = Asked { lock: fresh.lock, exchanges: Vec::new() };
        let place = format!("{} (version {})", entry.key, entry.version_id);
        if let Some(why) = fresh.contradicts(shown, "HEAD") {
            self.head.contradicts(&format!("{place}: {why}"));
            return Found::asked(contradictory(&why, exchanges), true);
        }
        if let Some(listed) = &entry.lock
            && let Some(why) = fresh.contradicts(
                self.list_again(entry).await.unwrap_or_else(|| Shown::of_listing(listed)),
                "the listing",
            )
        {
            self.listing.contradicts(&format!("{place}: {why}"));
        }
        Found::asked(Asked { lock: fresh.lock, exchanges }, true)
    }

    /// A HEAD without a record.
    async fn fast_head(&self, entry: &Entry) -> Head {
        let input = self.input;
        let id = version(&entry.version_id);
        let answer =
            input.client.head_fast(input.credentials(), input.bucket, &entry.key, id, input.backoff).await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(why) => {
                return Head {
                    lock: HeadLock::Unread(format!("no answer: {why}")),
                    run: None,
                    replica: false,
                };
            }
        };
        let header = |name: &str| answer.headers().get(name).and_then(|v| v.to_str().ok());
        Head {
            lock: readback::head_shows(answer.status().as_u16(), header, &entry.version_id),
            run: header(RUN_HEADER).map(ToOwned::to_owned),
            replica: header("x-amz-replication-status").is_some_and(is_replica),
        }
    }

    async fn exchange(&self, request: &S3Request) -> Attempts {
        let input = self.input;
        input.client.exchange_retrying(input.credentials(), request, input.backoff).await
    }

    async fn ask_hold(&self, entry: &Entry) -> Attempts {
        let id = version(&entry.version_id);
        self.exchange(&get_object_legal_hold(self.input.bucket, &entry.key, id)).await
    }

    /// GetObjectRetention and GetObjectLegalHold, side by side.
    async fn ask(&self, entry: &Entry) -> Asked {
        let retention = get_object_retention(self.input.bucket, &entry.key, version(&entry.version_id));
        let (retention, hold) = join(self.exchange(&retention), self.ask_hold(entry)).await;
        let lock = Lock { retention: readback::retention(&retention.last), hold: readback::hold(&hold.last) };
        let exchanges = [retention, hold].into_iter().flat_map(Attempts::into_exchanges).collect();
        Asked { lock, exchanges }
    }
}

fn is_replica(status: &str) -> bool {
    status.eq_ignore_ascii_case("REPLICA")
}

fn canary(item: Item, run: &str) -> Judged {
    Judged {
        item,
        lock: None,
        class: "",
        found: Vec::new(),
        looked_up: false,
        canary_of: Some(run.to_owned()),
        exchanges: Vec::new(),
    }
}

/// Neither word counts.
fn contradictory(why: &str, exchanges: Vec<Exchange>) -> Asked {
    let unread = || format!("contradictory: {why}");
    Asked { lock: Lock { retention: Reading::Unread(unread()), hold: Reading::Unread(unread()) }, exchanges }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lock::Mode;
    use chrono::{DateTime, Utc};

    #[test]
    fn a_run_folder_is_a_whole_segment_with_something_in_it() {
        assert_eq!(run_folder(".wormproof/r1/k"), Some("r1"));
        assert_eq!(run_folder("a/.wormproof/r1/k/x"), Some("r1"));
        for key in ["a.wormproof/r1/k", ".wormproof/r1", ".wormproof//k", "wormproof/r1/k", "k"] {
            assert_eq!(run_folder(key), None, "{key}");
        }
        assert_eq!(run_folder("x.wormproof/a/.wormproof/r2/k"), Some("r2"));
    }

    #[test]
    fn only_what_is_shown_can_be_contradicted() {
        let retention = |mode, seconds| Retention {
            mode,
            until: DateTime::<Utc>::UNIX_EPOCH + TimeDelta::milliseconds(seconds),
        };
        let said = |retention| Asked {
            lock: Lock { retention: Reading::Known(retention), hold: Reading::Known(LegalHold::On) },
            exchanges: Vec::new(),
        };
        let shown = |r| Shown { retention: Some(r), hold: None };
        let cut = shown(retention(Mode::Compliance, 1_000));
        assert_eq!(said(Some(retention(Mode::Compliance, 1_999))).contradicts(cut, "HEAD"), None);
        assert!(said(Some(retention(Mode::Compliance, 2_000))).contradicts(cut, "HEAD").is_some());
        assert!(said(Some(retention(Mode::Governance, 1_000))).contradicts(cut, "HEAD").is_some());
        assert!(said(None).contradicts(cut, "HEAD").is_some());
        assert_eq!(said(None).contradicts(Shown::default(), "HEAD"), None);
        let off = Shown { retention: None, hold: Some(LegalHold::Off) };
        assert!(said(None).contradicts(off, "HEAD").is_some());
    }
}
