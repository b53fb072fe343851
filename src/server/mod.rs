//! The embedded S3 server: Object Lock as AWS is recorded to behave, with a clock that is handed in
//! and faults that can be switched on.
//!
//! ```text
//! request ─► front (time, unsigned headers, digests, presigned URLs, forms)
//!              └► s3s (signature, chunks, path, XML) ─► access (who) ─► service (operations)
//!                                                                          └► model (state, locks)
//! ```
//!
//! [`model`] is a pure state machine; [`protect`] holds the rules of Object Lock; [`defects`] the
//! faults. s3s verifies signed headers and chunks; what depends on the time (skew, presigned URLs,
//! form policies) is judged by `front` and `sigv4` against the injected clock.
//!
//! What it does not do: run lifecycle rules of days or tiers, replicate, encrypt, serve ACLs, event holds (501)
//! or virtual-hosted-style addresses. It is a test server: all is in memory.

pub mod access;
mod admin;
mod again;
mod buckets;
mod checks;
pub mod condition;
mod convert;
pub mod defects;
mod doors;
pub mod fault;
mod form;
mod front;
mod lifecycle;
pub mod listing;
mod lists;
mod lock_changes;
mod locks;
pub mod log;
pub mod model;
pub mod multipart;
pub mod ntp;
mod object_ops;
pub mod objects;
mod pacific;
pub mod protect;
mod reads;
mod removal;
mod respell;
mod service;
pub mod settings;
mod sigv4;
mod sts;
mod tags;
mod uploads;
mod versions;
pub mod webhook;

#[cfg(test)]
mod tests;

use std::future::Future;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use s3s::config::{S3Config, S3ConfigProvider, StaticConfigProvider};
use s3s::service::{S3Service, S3ServiceBuilder};

use crate::time::Clock;

pub use defects::{Defect, DefectInfo, Defects};

use access::Keys;
use fault::Fault;
use model::Model;

/// What a server is started with.
#[derive(Debug, Clone)]
pub struct Config {
    /// The root access key.
    pub access_key: String,
    /// Its secret.
    pub secret_key: String,
    /// The region, `us-east-1` as a rule.
    pub region: String,
    /// The server's clock.
    pub clock: Clock,
    /// The faults that are on.
    pub defects: Vec<Defect>,
}

/// An S3 server in memory. Clones share their state.
#[derive(Clone)]
pub struct Server {
    inner: Arc<Inner>,
    s3: S3Service,
}

/// What all clones and all operations share.
pub(crate) struct Inner {
    pub(crate) region: String,
    pub(crate) clock: Clock,
    pub(crate) defects: Defects,
    pub(crate) keys: Keys,
    model: Mutex<Model>,
    requests: AtomicU64,
    log: log::Log,
}

impl Inner {
    /// The state.
    pub(crate) fn model(&self) -> MutexGuard<'_, Model> {
        self.model.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a defect is on.
    pub(crate) fn has(&self, defect: Defect) -> bool {
        self.defects.has(defect)
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("region", &self.inner.region).finish_non_exhaustive()
    }
}

// s3s judges dates by the operating system's clock: let it accept all, the front judges by ours.
static S3S: LazyLock<Arc<dyn S3ConfigProvider>> = LazyLock::new(|| {
    let mut config = S3Config::default();
    config.presigned_url_max_skew_time_secs = u32::MAX;
    Arc::new(StaticConfigProvider::new(Arc::new(config)))
});

fn broken() -> Fault {
    Fault::new(500, "InternalError", "We encountered an internal error. Please try again.")
}

impl Server {
    /// A server without buckets. Costs a few allocations.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let defects = Defects::new(&config.defects);
        let keys = Keys::new(&config.access_key, &config.secret_key, config.clock.clone());
        Self::of(config.region, config.clock, keys, Model::new(defects))
    }

    fn of(region: String, clock: Clock, keys: Keys, model: Model) -> Self {
        let inner = Arc::new(Inner {
            region,
            clock,
            defects: model.defects,
            keys: keys.clone(),
            model: Mutex::new(model),
            requests: AtomicU64::new(0),
            log: log::Log::default(),
        });
        let mut builder = S3ServiceBuilder::new(service::Service(inner.clone()));
        builder.set_config(S3S.clone());
        builder.set_auth(keys.clone());
        builder.set_access(keys);
        builder.set_route(service::Service(inner.clone()));
        Self { inner, s3: builder.build() }
    }

    /// Another server that begins with this one's state and keys and shares nothing with it: with a clock
    /// and faults of its own.
    #[must_use]
    pub fn fork(&self, clock: Clock, defects: &[Defect]) -> Self {
        let mut model = self.inner.model().clone();
        model.defects = Defects::new(defects);
        let keys = self.inner.keys.fork(clock.clone());
        Self::of(self.inner.region.clone(), clock, keys, model)
    }

    /// Ends and begins again: what is in memory is written out and read back. `crash`: without warning, so that
    /// what was not yet written would be lost. Requests keep counting, as over any restart of a process.
    pub fn restart(&self, crash: bool) {
        self.inner.model().restart(crash);
    }

    /// The server's clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    /// How many requests its log has had so far.
    #[must_use]
    pub fn logged(&self) -> u64 {
        self.inner.log.count()
    }

    /// What its log shows of a request; `None` if entries since the `mark` (see [`Self::logged`]) are no longer kept,
    /// so that one that is missing says nothing.
    #[must_use]
    pub fn log_of(&self, request_id: &str, mark: u64) -> Option<Vec<log::Entry>> {
        let found = self.inner.log.of_request(request_id, self.inner.defects);
        (!found.is_empty() || self.inner.log.reaches(mark)).then_some(found)
    }

    /// Answers one complete request, in the process.
    pub async fn handle(&self, mut request: http::Request<Bytes>) -> http::Response<Bytes> {
        // On a socket the HTTP library takes the blanks around a value away before a server sees it.
        for value in request.headers_mut().values_mut() {
            let bytes = value.as_bytes().trim_ascii();
            if bytes.len() != value.len()
                && let Ok(trimmed) = http::HeaderValue::from_bytes(bytes)
            {
                *value = trimmed;
            }
        }
        self.handle_from(request, None).await
    }

    async fn handle_from(
        &self,
        request: http::Request<Bytes>,
        source: Option<IpAddr>,
    ) -> http::Response<Bytes> {
        let id = self.inner.requests.fetch_add(1, Ordering::Relaxed) + 1;
        let method = request.method().clone();
        let path = request.uri().path().to_owned();
        let entry = log::begin(&request, source, self.inner.clock.now());
        let answer = match self.pass(request, source).await {
            Ok(answer) => answer,
            Err(fault) => front::render(&fault),
        };
        let answer = front::finish(answer, &method, &path, id, self.inner.clock.now());
        self.inner.log.push(log::end(entry, &answer));
        answer
    }

    async fn pass(
        &self,
        request: http::Request<Bytes>,
        source: Option<IpAddr>,
    ) -> Result<http::Response<Bytes>, Fault> {
        if self.inner.has(Defect::RefusesAll) {
            return Err(Fault::denied());
        }
        if self.inner.has(Defect::FailsAll) {
            return Err(broken());
        }
        self.inner.model().tick(self.inner.clock.now());
        let request = front::admit(&self.inner, request, source)?;
        let again = respell::conditions(&request);
        let answer = self.call(request).await?;
        match again {
            Some(request) if respell::unread(&answer) => self.call(request).await,
            _ => Ok(answer),
        }
    }

    /// What s3s answers.
    async fn call(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, Fault> {
        let (parts, body) = request.into_parts();
        let request = http::Request::from_parts(parts, s3s::Body::from(body));
        let answer = self.s3.call(request).await.map_err(|_| broken())?;
        let (parts, body) = answer.into_parts();
        let body = match body.bytes() {
            Some(bytes) => bytes,
            None => body.collect().await.map_err(|_| broken())?.to_bytes(),
        };
        Ok(http::Response::from_parts(parts, body))
    }

    /// Serves on a socket until `shutdown` is ready; open connections are then dropped.
    pub async fn serve(
        &self,
        listener: tokio::net::TcpListener,
        shutdown: impl Future<Output = ()> + Send,
    ) -> std::io::Result<()> {
        let mut connections = tokio::task::JoinSet::new();
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            let (stream, peer) = tokio::select! {
                () = &mut shutdown => return Ok(()),
                // The client went away, or descriptors ran out: neither ends the server.
                accepted = listener.accept() => {
                    let Ok(accepted) = accepted else { tokio::task::yield_now().await; continue };
                    accepted
                }
                Some(_) = connections.join_next() => continue,
            };
            let _ = stream.set_nodelay(true);
            let server = self.clone();
            let answer = service_fn(move |request: http::Request<hyper::body::Incoming>| {
                let server = server.clone();
                async move {
                    let (parts, body) = request.into_parts();
                    let body = body.collect().await?.to_bytes();
                    let request = http::Request::from_parts(parts, body);
                    let answer = server.handle_from(request, Some(peer.ip())).await;
                    Ok::<_, hyper::Error>(answer.map(Full::new))
                }
            });
            connections.spawn(async move {
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), answer)
                    .await;
            });
        }
    }
}
