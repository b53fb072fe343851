//! Finding out the lock of one version: what the listing or HEAD shows, and the two requests that decide.

use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::future::join;

use crate::exchange::{Exchange, Outcome};
use crate::lock::Reading;
use crate::record::finding::FindingRule;
use crate::store::canary::{LARGEST, RUN_HEADER, comes_and_goes, has_form, is_stamped, run_folder};
use crate::store::client::Attempts;
use crate::store::listing::Entry;
use crate::store::ops::{
    get_object, get_object_legal_hold, get_object_retention, get_object_tagging, head_object,
};
use crate::store::readback::{self, HeadLock};
use crate::store::request::S3Request;
use crate::store::tags::tags;

use super::pages::Item;
use super::rules::{Lock, assess, class};
use super::shown::{Asked, Shown, Source};
use super::terms::Terms;
use super::trust::{Trust, Turn};
use super::{ABOUT, Lookups, ScanInput};

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
    /// The override by whose terms it was judged.
    pub(super) by: Option<String>,
}

/// The answer to an unrecorded HEAD.
#[derive(Debug)]
pub(super) struct Head {
    lock: HeadLock,
    run: Option<String>,
    replica: bool,
}

/// A lock, and how it was found out.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) lock: Lock,
    /// The exchanges of the two requests and of checks.
    pub(super) exchanges: Vec<Exchange>,
    /// Whether they are logged, whatever the finding.
    pub(super) keep: bool,
    /// Who showed it; none if the two requests have spoken.
    pub(super) shown_by: Option<Source>,
    pub(super) looked_up: bool,
    pub(super) replica: bool,
}

impl Found {
    pub(super) fn asked(asked: Asked, keep: bool) -> Self {
        Self {
            lock: asked.lock,
            exchanges: asked.exchanges,
            keep,
            shown_by: None,
            looked_up: true,
            replica: false,
        }
    }

    pub(super) fn shown(shown: Shown, source: Source) -> Self {
        Self {
            lock: shown.lock(source),
            exchanges: Vec::new(),
            keep: false,
            shown_by: Some(source),
            looked_up: source == Source::Head,
            replica: false,
        }
    }
}

/// Looks locks up.
pub(super) struct Lookup<'i, 'a> {
    pub(super) input: &'i ScanInput<'a>,
    /// Whether canaries are judged like anything else.
    exact: bool,
    pub(super) head: Trust,
    pub(super) listing: Trust,
    /// Findings whose exchanges were logged, by rule.
    proven: Vec<AtomicU32>,
}

fn version(id: &str) -> Option<&str> {
    (!id.is_empty()).then_some(id)
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
                by: None,
            };
        }
        let mut head = None;
        if let Some(run) = run_folder(&item.entry.key).filter(|_| !self.exact) {
            let answer = self.fast_head(&item.entry).await;
            if answer.run.as_deref() == Some(run) || self.is_stamped(&item.entry, run).await {
                let run = run.to_owned();
                return canary(item, &run);
            }
            if answer.lock == HeadLock::NotFound && comes_and_goes(&item.entry.key, run) {
                // An audit beside this scan may have removed its canary since the page was read.
                let run = run.to_owned();
                if self.is_gone(&item.entry).await {
                    return canary(item, &run);
                }
            }
            head = Some(answer);
        }
        let (terms, tags) = self.terms_of(&item.entry).await;
        let mut found = self.lock_of(&item.entry, head, &terms).await;
        let now = self.input.client.server_now();
        let mut rules = assess(&found.lock, item.entry.last_modified, &terms, now);
        let logged = rules.first().is_some_and(|(rule, _)| self.is_among_the_first(*rule));
        if let Some(source) = found.shown_by.filter(|_| logged) {
            found = Box::pin(self.confirm(&item.entry, found, source)).await;
            rules = assess(&found.lock, item.entry.last_modified, &terms, now);
        }
        if !logged && !found.keep {
            found.exchanges.clear();
        }
        let looked_up = found.looked_up || !tags.is_empty();
        if logged {
            found.exchanges.extend(tags);
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
            looked_up,
            canary_of: None,
            exchanges: found.exchanges,
            by: terms.name.map(ToOwned::to_owned),
        }
    }

    /// Whether the content proves a canary whose metadata an attack has replaced. Only what has the key and the size of a
    /// canary is read, so that a folder full of records costs no more than anywhere else.
    async fn is_stamped(&self, entry: &Entry, run: &str) -> bool {
        if entry.size > LARGEST || !has_form(&entry.key, run) {
            return false;
        }
        let request = get_object(self.input.bucket, &entry.key, version(&entry.version_id));
        let reply = Box::pin(self.exchange(&request)).await.last;
        reply.is_success() && is_stamped(&entry.key, run, &reply.body)
    }

    /// Whether the version is not listed any more. What is still listed and not found is a doubt.
    async fn is_gone(&self, entry: &Entry) -> bool {
        let input = self.input;
        let again = readback::list_versions(input.client, input.credentials(), input.bucket, &entry.key);
        match Box::pin(again).await.0 {
            Reading::Known(all) => {
                !all.iter().any(|e| e.key == entry.key && e.version_id == entry.version_id)
            }
            Reading::Unread(_) => false,
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

    pub(super) fn head_request(&self, entry: &Entry) -> S3Request {
        head_object(self.input.bucket, &entry.key, version(&entry.version_id))
    }

    /// The terms by which a version is judged. Its tags are asked for only where an override needs them.
    async fn terms_of(&self, entry: &Entry) -> (Terms<'a>, Vec<Exchange>) {
        let requirement = self.input.requirement;
        let key = entry.key.strip_prefix(self.input.base).unwrap_or(&entry.key);
        if let Some(terms) = Terms::choose(requirement, key, None) {
            return (terms, Vec::new());
        }
        let request = get_object_tagging(self.input.bucket, &entry.key, version(&entry.version_id));
        let asked = Box::pin(self.exchange(&request)).await;
        let tags = tags(&asked.last);
        let terms = Terms::choose(requirement, key, Some(&tags)).unwrap_or_else(|| Terms::of(requirement));
        (terms, asked.into_exchanges())
    }

    /// The lock by the cheapest way that is believed.
    pub(super) async fn lock_of(&self, entry: &Entry, head: Option<Head>, terms: &Terms<'_>) -> Found {
        let each = self.input.lookups == Lookups::Each;
        if let Some(listed) = entry.lock.as_ref().filter(|_| self.input.lookups == Lookups::Cheapest)
            && !self.listing.is_off()
        {
            let shown = Shown::of_listing(listed);
            if shown.retention.is_none() {
                return Found::asked(self.ask(entry).await.or(shown), false);
            }
            match self.listing.turn(false).await {
                Turn::Believe => return self.believe(entry, shown, Source::Listing, terms).await,
                Turn::Check(turn) => {
                    if let Some(found) = Box::pin(self.check_listing(entry, shown, Some(turn))).await {
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
        let mut found = if shown.retention.is_some() {
            match self.head.turn(each).await {
                Turn::Believe => self.believe(entry, shown, Source::Head, terms).await,
                Turn::Check(turn) => Box::pin(self.check_head(entry, Some(turn))).await,
                Turn::Refuse => Found::asked(self.ask(entry).await, false),
            }
        } else {
            self.not_shown(entry, &head.lock, shown).await
        };
        found.replica = head.replica;
        found
    }

    /// Takes what is shown for true, and asks for what is not shown and decides.
    async fn believe(&self, entry: &Entry, shown: Shown, source: Source, terms: &Terms<'_>) -> Found {
        let mut found = Found::shown(shown, source);
        if shown.hold.is_none() {
            let now = self.input.client.server_now();
            let hold_decides =
                assess(&found.lock, entry.last_modified, terms, now).iter().any(|(rule, _)| {
                    matches!(rule, FindingRule::Expired | FindingRule::Unreadable | FindingRule::EndsSoon)
                });
            if hold_decides {
                let hold = Box::pin(self.ask_hold(entry)).await;
                found.lock.hold = readback::hold(&hold.last);
                found.exchanges = hold.into_exchanges();
                found.looked_up = true;
            }
        }
        found
    }

    /// A HEAD shows no retention, or is no answer: the two requests decide.
    async fn not_shown(&self, entry: &Entry, head: &HeadLock, shown: Shown) -> Found {
        let mut asked = self.ask(entry).await.or(shown);
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

    pub(super) async fn exchange(&self, request: &S3Request) -> Attempts {
        let input = self.input;
        input.client.exchange_retrying(input.credentials(), request, input.backoff).await
    }

    async fn ask_hold(&self, entry: &Entry) -> Attempts {
        let id = version(&entry.version_id);
        self.exchange(&get_object_legal_hold(self.input.bucket, &entry.key, id)).await
    }

    /// GetObjectRetention and GetObjectLegalHold, side by side. Boxed: most versions need neither.
    pub(super) async fn ask(&self, entry: &Entry) -> Asked {
        Box::pin(self.ask_both(entry)).await
    }

    async fn ask_both(&self, entry: &Entry) -> Asked {
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
        by: None,
    }
}
