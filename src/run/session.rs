//! One run of one scenario: what all its parts share.

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::{Either, select};

use crate::exchange::Exchange;
use crate::record::evidence::EventNumber;
use crate::run::audited::Audited;
use crate::run::environment::Environment;
use crate::run::handles::Handles;
use crate::run::read::ReaderAs;
use crate::scenario::{Role, Scenario};
use crate::store::client::Reply;
use crate::store::credentials::Credentials;
use crate::store::request::S3Request;

/// How long a real clock sleeps at most before it looks at the server's clock again.
const NAP: TimeDelta = TimeDelta::seconds(30);

/// The state of a run.
#[derive(Debug)]
pub(super) struct Session<'a> {
    pub(super) env: &'a Environment,
    pub(super) audited: &'a Audited,
    pub(super) scenario: &'a Scenario,
    pub(super) each: Option<Role>,
    /// The words under which the log files its events.
    pub(super) about: String,
    pub(super) handles: Handles<'a>,
    /// The names that its buckets will have, by their names in the scenario.
    pub(super) bucket_names: Vec<(String, String)>,
    pub(super) skew_ms: i64,
    /// How far the run has moved the server's clock.
    pub(super) moved: TimeDelta,
}

impl Session<'_> {
    /// The server's clock, as estimated.
    pub(super) fn server_now(&self) -> DateTime<Utc> {
        // A virtual clock is the server's, too; `Date` has whole seconds and would only blur it.
        if self.env.clock.is_virtual() { self.env.clock.now() } else { self.env.client.server_now() }
    }

    /// The real name of a bucket, made or about to be made.
    pub(super) fn bucket_name(&self, name: Option<&str>) -> Option<String> {
        match name {
            None => Some(self.env.bucket.clone()),
            Some(name) => self.bucket_names.iter().find(|(n, _)| n == name).map(|(_, real)| real.clone()),
        }
    }

    pub(super) fn note(&self, text: String) {
        self.env.log.note(self.env.clock.now(), &self.about, text);
    }

    /// Logs an exchange of a setup or step.
    pub(super) fn logged(&mut self, exchange: &Exchange) -> EventNumber {
        let seen = skew(exchange, self.env.clock.is_virtual());
        if let Some(ms) = seen.filter(|ms| ms.abs() > self.skew_ms.abs()) {
            self.skew_ms = ms;
        }
        self.env.log.exchange(&self.about, exchange.clone())
    }

    /// Sends one request as the administrator, once.
    pub(super) async fn as_administrator(&mut self, request: &S3Request) -> (Reply, EventNumber) {
        let reply = self.env.client.exchange(self.env.administrator(), request).await;
        let number = self.logged(&reply.exchange);
        (reply, number)
    }

    /// Who reads back: the auditor if there is one, else (and where the auditor is refused) the administrator.
    pub(super) fn reader(&self) -> ReaderAs<'_> {
        let auditor: Option<&Credentials> = self.env.principal(Role::Auditor).flatten();
        let administrator = self.env.administrator();
        ReaderAs {
            client: &self.env.client,
            who: auditor.or(administrator),
            fallback: auditor.and(administrator),
            log: &self.env.log,
            about: &self.about,
        }
    }

    /// Waits until the server's clock shows `instant`. `false`: the run was stopped meanwhile.
    pub(super) async fn wait_until(&self, instant: DateTime<Utc>) -> bool {
        if self.server_now() < instant {
            self.note(format!("waits until {}", crate::time::human(instant)));
        }
        loop {
            let now = self.server_now();
            if self.env.interrupt.is_raised() {
                return false;
            }
            if now >= instant {
                return true;
            }
            let left = (instant - now).min(if self.env.clock.is_virtual() { TimeDelta::MAX } else { NAP });
            let until = self.env.clock.now().checked_add_signed(left).unwrap_or(instant);
            let sleep = std::pin::pin!(self.env.clock.sleep_until(until));
            let raised = std::pin::pin!(self.env.interrupt.raised());
            if let Either::Right(_) = select(sleep, raised).await {
                return false;
            }
        }
    }
}

/// The server's clock less the client's in one exchange, in milliseconds.
fn skew(exchange: &Exchange, shared: bool) -> Option<i64> {
    let date = exchange.answer()?.server_date()?;
    if shared {
        // One clock for both: the header only cuts the fraction off.
        let cut = (date - exchange.sent_at).num_milliseconds();
        return Some(if (-999..=0).contains(&cut) { 0 } else { cut });
    }
    let elapsed = i64::try_from(exchange.elapsed_us / 1_000).unwrap_or(i64::MAX);
    let middle = exchange.sent_at.checked_add_signed(TimeDelta::milliseconds(elapsed / 2))?;
    let ms = (date - middle).num_milliseconds().saturating_add(500);
    // Nought means that the clock is shared, which it is not.
    Some(if ms == 0 { 1 } else { ms })
}
