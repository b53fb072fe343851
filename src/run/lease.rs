//! The lease of a run on a live bucket: an object in the run's folder that says that the run is under way, so that a clean-up
//! beside it leaves its canaries alone.
//!
//! It is written before the first canary, written again every two minutes, and removed by the run's own clean-up. A run that was
//! killed leaves it, and it says nothing any more once it is older than [`LEASE_LASTS`], by the server's clock alone: `Date` and
//! `Last-Modified` of one answer. So whoever has seen anything of a run and then finds no lease knows that the run is over.
//!
//! Where the audited bucket may have a default retention it carries the short lock of a canary, and each renewal removes the version
//! before it. A run in this process's own server needs none, and neither does one on a virtual clock renew it.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::{Either, select};

use crate::lock::{Mode, Reading, Retention};
use crate::run::audited::Audited;
use crate::run::environment::Environment;
use crate::run::interrupt::CancellationFlag;
use crate::run::journal::JournalEntry;
use crate::run::place::SHORT_LOCK_S;
use crate::run::read::ReaderAs;
use crate::run::write::whole_second;
use crate::run::{EXPIRES_METADATA, RUN_METADATA};
use crate::store::canary::{RUN_HEADER, lease_key};
use crate::store::client::{Backoff, Reply};
use crate::store::ops::{LockHeaders, delete_object, head_object, put_object};
use crate::time::{parse_http_date, wire};

/// How long a lease counts after it was last written. A run that was killed is cleaned up after that.
pub const LEASE_LASTS: TimeDelta = TimeDelta::minutes(10);

/// How often it is written again.
const RENEWED_EVERY: Duration = Duration::from_mins(2);

/// What the log's events are about.
const ABOUT: &str = "lease";

/// A lease that is held.
#[derive(Debug)]
pub(super) struct Lease<'a> {
    env: &'a Environment,
    locks: bool,
    key: String,
    /// The version that was written last.
    version_id: Option<String>,
}

impl<'a> Lease<'a> {
    /// Writes the lease. None where nobody else can clean up.
    pub(super) async fn begin(env: &'a Environment, audited: &Audited) -> Option<Self> {
        if env.own_server {
            return None;
        }
        let locks = audited.may_have_default();
        let mut lease = Self { env, locks, key: lease_key(&env.prefix), version_id: None };
        let entry = JournalEntry::Object {
            run_id: env.run_id.clone(),
            bucket: env.bucket.clone(),
            key: lease.key.clone(),
            sha256: None,
            until: None,
        };
        if let Err(error) = env.journal.write(&[entry], false) {
            env.log.note(env.clock.now(), ABOUT, error.to_string());
        }
        let refused = lease.write().await == Some(403);
        if refused && !locks && audited.object_lock == Reading::Known(true) {
            // A policy may refuse uploads that ask for no lock.
            lease.locks = true;
            lease.write().await;
        }
        Some(lease)
    }

    /// Keeps the lease until the run is over. Nothing is under way any more when it returns.
    pub(super) async fn keep(&mut self, over: &CancellationFlag) {
        loop {
            let raised = std::pin::pin!(over.raised());
            if self.env.clock.is_virtual() {
                // Whoever sleeps on a virtual clock moves it.
                return raised.await;
            }
            let sleep = std::pin::pin!(self.env.clock.sleep(RENEWED_EVERY));
            if let Either::Right(_) = select(sleep, raised).await {
                return;
            }
            self.write().await;
        }
    }

    /// Writes it once more. Gives the status of a refusal.
    async fn write(&mut self) -> Option<u16> {
        let env = self.env;
        let until = whole_second(env.client.server_now()) + TimeDelta::seconds(SHORT_LOCK_S);
        let retention = self.locks.then_some(Retention { mode: Mode::Governance, until });
        let expires = retention.map_or_else(|| "none".to_owned(), |r| wire(r.until));
        let content = format!("an audit by wormproof is under way\n{}", env.run_id);
        let request = put_object(&env.bucket, &self.key, content, &LockHeaders { retention, hold: None })
            .metadata(RUN_METADATA, &env.run_id)
            .metadata(EXPIRES_METADATA, &expires);
        // It may well be written twice: only the newest counts.
        let attempts = env.client.exchange_retrying(env.administrator(), &request, Backoff::default()).await;
        let reply = attempts.last;
        for exchange in attempts.earlier {
            env.log.exchange(ABOUT, exchange);
        }
        env.log.exchange(ABOUT, reply.exchange.clone());
        if let Some(trouble) = reply.trouble() {
            let text = format!(
                "the lease could not be written ({trouble}): a clean-up beside this run could take it for one that is over"
            );
            env.log.note(env.clock.now(), ABOUT, text);
            return reply.status();
        }
        let id = reply.answer().and_then(|a| a.header("x-amz-version-id"));
        let id = id.filter(|id| !id.is_empty() && *id != "null").map(ToOwned::to_owned);
        if let Some(before) = std::mem::replace(&mut self.version_id, id) {
            let request = delete_object(&env.bucket, &self.key, Some(&before));
            let reply = env.client.exchange(env.administrator(), &request).await;
            env.log.exchange(ABOUT, reply.exchange);
        }
        None
    }
}

/// What the lease says of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    /// There is none, or it has ended.
    Over,
    /// It is held, or the run was killed: until then nobody else may touch its canaries.
    UnderWay(DateTime<Utc>),
    /// It could not be read.
    Unread(String),
}

/// Reads the lease of a run.
pub(super) async fn read(reader: &ReaderAs<'_>, bucket: &str, base: &str, run: &str) -> State {
    let reply = reader.get(&head_object(bucket, &lease_key(base), None)).await.0;
    state(&reply, run)
}

fn state(reply: &Reply, run: &str) -> State {
    if reply.status() == Some(404) {
        return State::Over;
    }
    if let Some(trouble) = reply.trouble() {
        return State::Unread(trouble);
    }
    let header = |name| reply.answer().and_then(|a| a.header(name));
    if header(RUN_HEADER) != Some(run) {
        return State::Over;
    }
    let date = |name| header(name).and_then(parse_http_date);
    match (date("last-modified"), date("date")) {
        (Some(written), Some(now)) => {
            let end = written + LEASE_LASTS;
            if now < end { State::UnderWay(end) } else { State::Over }
        }
        _ => State::Unread("the answer has no date".to_owned()),
    }
}
