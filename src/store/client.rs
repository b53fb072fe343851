//! The client: signs a request, sends it once, and gives back the answer with its redacted exchange.
//!
//! It retries nothing by itself: an attack that is sent twice is two attacks. Reads may be repeated
//! with [`Client::exchange_retrying`], which keeps every attempt.

use std::sync::{Arc, Mutex as Shared, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::{Mutex, Semaphore, SemaphorePermit};

use crate::exchange::{Answer, Body, Exchange, Outcome, S3Error, Sent};
use crate::store::credentials::Credentials;
use crate::store::endpoint::Endpoint;
use crate::store::ops::head_object;
use crate::store::redact::Redactor;
use crate::store::request::S3Request;
use crate::store::sign::{Prepared, prepare};
use crate::store::skew::Skew;
use crate::store::wire::SharedWire;
use crate::time::Clock;

/// How hard a store may be driven. Nothing set means no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Limits {
    /// Requests under way at the same time.
    pub max_in_flight: Option<usize>,
    /// Requests begun in a second.
    pub per_second: Option<f64>,
}

/// How often and how fast a read is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// Attempts in all, at least one.
    pub attempts: u32,
    /// The pause before the second attempt; each further one is twice as long. A virtual clock does
    /// not pause, so that a retry never makes a lock end.
    pub first_pause: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { attempts: 4, first_pause: Duration::from_millis(150) }
    }
}

/// What one request came to.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The exchange, redacted.
    pub exchange: Exchange,
    /// The answer's body as it came: not redacted, and whole where the exchange keeps only a digest.
    pub body: Bytes,
}

impl Reply {
    /// The answer, if a whole one came.
    #[must_use]
    pub fn answer(&self) -> Option<&Answer> {
        self.exchange.answer()
    }

    /// The status, if a whole answer came.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.answer().map(|a| a.status)
    }

    /// 2xx without an `<Error>` of the whole request.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.answer().is_some_and(|a| a.error().is_none())
    }

    /// The error of the whole request, if it answered one.
    #[must_use]
    pub fn error(&self) -> Option<S3Error> {
        self.answer()?.error()
    }

    /// What went wrong in one line: no answer, or status, code and message; `None` on success.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        match &self.exchange.outcome {
            Outcome::NoAnswer(why) => Some(format!("no answer: {why}")),
            Outcome::Answered(answer) => answer.error().map(|mut e| {
                if e.code.is_empty() {
                    // The token service wraps its error.
                    e.code = answer.element("Code").unwrap_or_default();
                    e.message = answer.element("Message").unwrap_or_default();
                }
                [answer.status.to_string(), e.code, e.message]
                    .into_iter()
                    .filter(|part| !part.is_empty())
                    .collect::<Vec<_>>()
                    .join(" ")
            }),
        }
    }

    /// Whether a repetition might bring a better answer: none came, 500, 502, 503, 504 or 429.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        self.status().is_none_or(passes)
    }
}

/// Whether a status tells of a trouble that may pass.
fn passes(status: u16) -> bool {
    matches!(status, 429 | 500 | 502 | 503 | 504)
}

/// A read and its repetitions.
#[derive(Debug, Clone)]
pub struct Attempts {
    /// The last attempt.
    pub last: Reply,
    /// The attempts before it.
    pub earlier: Vec<Exchange>,
}

impl Attempts {
    /// All exchanges in order.
    #[must_use]
    pub fn into_exchanges(self) -> Vec<Exchange> {
        let mut all = self.earlier;
        all.push(self.last.exchange);
        all
    }
}

#[derive(Debug)]
struct Inner {
    wire: SharedWire,
    endpoint: Endpoint,
    clock: Clock,
    user_agent: String,
    started: Instant,
    started_at: DateTime<Utc>,
    skew: Shared<Skew>,
    in_flight: Option<Semaphore>,
    pace: Option<(Duration, Mutex<Option<DateTime<Utc>>>)>,
}

/// A client of one endpoint. Cloning shares it.
#[derive(Debug, Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

impl Client {
    /// A client without limits.
    #[must_use]
    pub fn new(wire: SharedWire, endpoint: Endpoint, clock: Clock, user_agent: &str) -> Self {
        Self::with_limits(wire, endpoint, clock, user_agent, Limits::default())
    }

    /// A client that keeps to limits.
    #[must_use]
    pub fn with_limits(
        wire: SharedWire,
        endpoint: Endpoint,
        clock: Clock,
        user_agent: &str,
        limits: Limits,
    ) -> Self {
        let pace = limits
            .per_second
            .filter(|rate| rate.is_finite() && *rate > 0.0)
            .map(|rate| (Duration::from_secs_f64(1.0 / rate.max(0.001)), Mutex::new(None)));
        Self {
            inner: Arc::new(Inner {
                wire,
                endpoint,
                started_at: clock.now(),
                clock,
                user_agent: user_agent.to_owned(),
                started: Instant::now(),
                skew: Shared::default(),
                in_flight: limits.max_in_flight.map(|n| Semaphore::new(n.max(1))),
                pace,
            }),
        }
    }

    /// The endpoint.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.inner.endpoint
    }

    /// The clock that signs.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    /// The wire.
    #[must_use]
    pub fn wire(&self) -> &SharedWire {
        &self.inner.wire
    }

    /// What the client calls itself.
    #[must_use]
    pub fn user_agent(&self) -> &str {
        &self.inner.user_agent
    }

    /// The server's clock less the client's, as the `Date` headers of all answers bound it: each was dated between its
    /// request's leaving and its own arrival, and has whole seconds.
    #[must_use]
    pub fn skew(&self) -> Option<TimeDelta> {
        self.inner.skew.lock().unwrap_or_else(PoisonError::into_inner).best()
    }

    /// The server's present instant as far as it is known (the client's own, before the first answer).
    #[must_use]
    pub fn server_now(&self) -> DateTime<Utc> {
        let now = self.inner.clock.now();
        self.skew().and_then(|skew| now.checked_add_signed(skew)).unwrap_or(now)
    }

    /// Microseconds since the client was made. On a virtual clock, by that clock.
    fn monotonic_us(&self) -> u64 {
        if self.inner.clock.is_virtual() {
            let passed = self.inner.clock.now() - self.inner.started_at;
            passed.num_microseconds().and_then(|us| u64::try_from(us).ok()).unwrap_or(0)
        } else {
            u64::try_from(self.inner.started.elapsed().as_micros()).unwrap_or(u64::MAX)
        }
    }

    /// Signs the request for `who` (nobody: no signature), sends it once, and waits for the answer.
    pub async fn exchange(&self, who: Option<&Credentials>, request: &S3Request) -> Reply {
        self.attempt(who, request, 1).await
    }

    /// Sends a read again until it gets an answer other than none, 429 or 500 to 504. Not for anything
    /// that writes.
    pub async fn exchange_retrying(
        &self,
        who: Option<&Credentials>,
        request: &S3Request,
        backoff: Backoff,
    ) -> Attempts {
        let mut earlier = Vec::new();
        let mut pause = backoff.first_pause;
        let mut number = 1;
        loop {
            let reply = self.attempt(who, request, number).await;
            if number >= backoff.attempts || !reply.is_passing() {
                return Attempts { last: reply, earlier };
            }
            earlier.push(reply.exchange);
            self.pause(&mut pause).await;
            number += 1;
        }
    }

    async fn attempt(&self, who: Option<&Credentials>, request: &S3Request, attempt: u32) -> Reply {
        let permit = self.turn().await;
        let sent_at = self.inner.clock.now();
        let prepared = prepare(request, &self.inner.endpoint, who, &self.inner.user_agent, sent_at);
        let prepared = match prepared {
            Ok(prepared) => prepared,
            Err(why) => return self.unsent(request, &why, sent_at, attempt),
        };
        let redactor = Redactor::new(who, Some(request), prepared.signature.as_deref());
        let reply = self.send(&prepared, redactor, sent_at, attempt).await;
        drop(permit);
        reply
    }

    /// Sends what somebody else signed, once, within the limits, and records it.
    pub(crate) async fn transmit(&self, prepared: &Prepared, redactor: Redactor) -> Reply {
        let permit = self.turn().await;
        let reply = self.send(prepared, redactor, self.inner.clock.now(), 1).await;
        drop(permit);
        reply
    }

    async fn send(
        &self,
        prepared: &Prepared,
        mut redactor: Redactor,
        sent_at: DateTime<Utc>,
        attempt: u32,
    ) -> Reply {
        let monotonic_us = self.monotonic_us();
        let mut sent = redactor.sent(prepared);
        let (outcome, body) = match prepared.to_http() {
            Err(why) => (Outcome::NoAnswer(redactor.message(format!("not sent: {why}"))), Bytes::new()),
            Ok(message) => match self.inner.wire.send(message).await {
                Err(error) => (Outcome::NoAnswer(redactor.message(error.to_string())), Bytes::new()),
                Ok(response) => {
                    let answer = redactor.answer(&response);
                    self.note_date(&answer, sent_at);
                    (Outcome::Answered(answer), response.into_body())
                }
            },
        };
        sent.redacted = redactor.into_names();
        let elapsed_us = self.monotonic_us().saturating_sub(monotonic_us);
        Reply { exchange: Exchange { sent, outcome, sent_at, monotonic_us, elapsed_us, attempt }, body }
    }

    /// HeadObject without a record, for scans: repeated as [`Client::exchange_retrying`] would.
    ///
    /// # Errors
    /// Why there was no answer to the last attempt, in words.
    pub async fn head_fast(
        &self,
        who: Option<&Credentials>,
        bucket: &str,
        key: &str,
        version_id: Option<&str>,
        backoff: Backoff,
    ) -> Result<http::Response<Bytes>, String> {
        let request = head_object(bucket, key, version_id);
        let mut pause = backoff.first_pause;
        let mut number = 1;
        loop {
            let permit = self.turn().await;
            let now = self.inner.clock.now();
            let prepared = prepare(&request, &self.inner.endpoint, who, &self.inner.user_agent, now)?;
            let result = self.inner.wire.send(prepared.to_http()?).await;
            drop(permit);
            let passing = result.as_ref().map_or(true, |r| passes(r.status().as_u16()));
            if !passing || number >= backoff.attempts {
                let net = || Redactor::new(who, None, prepared.signature.as_deref());
                return result.map_err(|error| net().message(error.to_string()));
            }
            self.pause(&mut pause).await;
            number += 1;
        }
    }

    /// Waits before another attempt and doubles the pause. A virtual clock does not move for this.
    async fn pause(&self, pause: &mut Duration) {
        if !self.inner.clock.is_virtual() {
            self.inner.clock.sleep(*pause).await;
        }
        *pause = pause.saturating_mul(2);
    }

    /// A request that HTTP cannot carry: recorded as it was meant, with no answer.
    fn unsent(&self, request: &S3Request, why: &str, sent_at: DateTime<Utc>, attempt: u32) -> Reply {
        let monotonic_us = self.monotonic_us();
        let (endpoint, target) =
            self.inner.endpoint.address(request.service, request.bucket.as_deref(), request.key.as_deref());
        let sent = Sent {
            method: request.method.to_string(),
            endpoint,
            target,
            headers: Vec::new(),
            body: Body { size: request.body.len() as u64, sha256: String::new(), text: None },
            redacted: Vec::new(),
        };
        let outcome = Outcome::NoAnswer(format!("not sent: {why}"));
        Reply {
            exchange: Exchange { sent, outcome, sent_at, monotonic_us, elapsed_us: 0, attempt },
            body: Bytes::new(),
        }
    }

    fn note_date(&self, answer: &Answer, sent_at: DateTime<Utc>) {
        let Some(date) = answer.server_date() else { return };
        let now = self.inner.clock.now();
        let mut skew = self.inner.skew.lock().unwrap_or_else(PoisonError::into_inner);
        if self.inner.clock.is_virtual() {
            skew.shared(date, now);
        } else {
            skew.note(date, sent_at, now);
        }
    }

    /// Waits until the limits allow another request.
    async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        let permit = match &self.inner.in_flight {
            Some(semaphore) => semaphore.acquire().await.ok(),
            None => None,
        };
        if let Some((gap, next)) = &self.inner.pace
            && !self.inner.clock.is_virtual()
        {
            let now = self.inner.clock.now();
            let slot = {
                let mut next = next.lock().await;
                let slot = next.map_or(now, |at| at.max(now));
                *next = slot.checked_add_signed(TimeDelta::from_std(*gap).unwrap_or(TimeDelta::zero()));
                slot
            };
            self.inner.clock.sleep_until(slot).await;
        }
        permit
    }
}

#[cfg(test)]
mod tests;
