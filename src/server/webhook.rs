//! A receiver on 127.0.0.1 for what a server posts of each request: MinIO's audit webhook sends its entries to the
//! address that `MINIO_AUDIT_WEBHOOK_ENDPOINT_…` names. It knows nothing of their format but where a request id is.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};

/// The most entries that are kept. Who looks for one does so within seconds of its request.
const KEPT: usize = 20_000;

/// The largest body that is taken, in bytes; an entry has about 2,000.
const LARGEST: usize = 1 << 20;

/// Gives the request id of an entry.
pub type IdOf = fn(&str) -> Option<String>;

/// What was received of one request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Received {
    /// The texts of its entries.
    pub texts: Vec<String>,
    /// How many entries there were in all.
    pub count: u64,
}

#[derive(Debug, Default)]
struct State {
    count: u64,
    /// Request ids in the order of their entries, for throwing the oldest away.
    order: VecDeque<(u64, String)>,
    texts: HashMap<String, Vec<String>>,
    /// The number of the last entry that was thrown away.
    lost: u64,
}

#[derive(Debug)]
struct Shared {
    token: String,
    id_of: IdOf,
    state: Mutex<State>,
    came: Notify,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, body: &[u8]) {
        let body = String::from_utf8_lossy(body);
        let mut state = self.state();
        for line in body.lines().filter(|line| !line.trim().is_empty()) {
            state.count += 1;
            let Some(id) = (self.id_of)(line) else { continue };
            let number = state.count;
            state.order.push_back((number, id.clone()));
            state.texts.entry(id).or_default().push(line.to_owned());
            if state.order.len() > KEPT
                && let Some((number, oldest)) = state.order.pop_front()
            {
                state.texts.remove(&oldest);
                state.lost = number;
            }
        }
        drop(state);
        self.came.notify_waiters();
    }

    async fn answer<B>(&self, request: Request<B>) -> StatusCode
    where
        B: http_body::Body,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let given = request.headers().get(http::header::AUTHORIZATION).and_then(|v| v.to_str().ok());
        if given != Some(self.token.as_str()) {
            return StatusCode::FORBIDDEN;
        }
        if request.method() != Method::POST {
            return StatusCode::METHOD_NOT_ALLOWED;
        }
        match Limited::new(request.into_body(), LARGEST).collect().await {
            Ok(body) => {
                self.take(&body.to_bytes());
                StatusCode::OK
            }
            Err(_) => StatusCode::PAYLOAD_TOO_LARGE,
        }
    }
}

/// A running receiver. Dropping it ends it.
#[derive(Debug)]
pub struct Receiver {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl Receiver {
    /// Starts one on a free port. Only requests with this `Authorization` are heard: other programs of the machine
    /// cannot write into the log.
    ///
    /// # Errors
    /// The operating system's, if there is no port.
    pub async fn start(token: &str, id_of: IdOf) -> std::io::Result<Self> {
        #[expect(clippy::disallowed_methods, reason = "the receiver of a server's log is a server itself")]
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let shared =
            Arc::new(Shared { token: token.to_owned(), id_of, state: Mutex::default(), came: Notify::new() });
        let task = tokio::spawn(serve(listener, shared.clone()));
        Ok(Self { address, shared, task })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many entries were received so far.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.shared.state().count
    }

    /// What has been received of a request; `None` if entries since `mark` were thrown away, so that nothing can be
    /// said.
    #[must_use]
    pub fn of_request(&self, id: &str, mark: u64) -> Option<Received> {
        let state = self.shared.state();
        let texts = state.texts.get(id).cloned().unwrap_or_default();
        (!texts.is_empty() || state.lost <= mark).then_some(Received { texts, count: state.count })
    }

    /// Waits for the first entry of a request, at most until `enough` is ready.
    pub async fn wait_for(&self, id: &str, enough: impl Future<Output = ()> + Send) {
        let mut enough = std::pin::pin!(enough);
        loop {
            // Made before the look: what comes in between is not missed.
            let mut came = std::pin::pin!(self.shared.came.notified());
            came.as_mut().enable();
            if self.shared.state().texts.contains_key(id) {
                return;
            }
            tokio::select! {
                () = came => {}
                () = &mut enough => return,
            }
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        let stream = tokio::select! {
            // Descriptors ran out, or the client went away: neither ends the receiver.
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { tokio::task::yield_now().await; continue };
                stream
            }
            Some(_) = connections.join_next() => continue,
        };
        let shared = shared.clone();
        let answer = service_fn(move |request: Request<hyper::body::Incoming>| {
            let shared = shared.clone();
            async move {
                let mut answer = Response::new(Empty::<Bytes>::new());
                *answer.status_mut() = shared.answer(request).await;
                Ok::<_, std::convert::Infallible>(answer)
            }
        });
        connections.spawn(async move {
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), answer)
                .await;
        });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http_body_util::Full;

    use super::*;

    fn id(text: &str) -> Option<String> {
        text.strip_prefix("id=").map(|rest| rest.chars().take(1).collect())
    }

    fn post(token: &str, body: &str) -> Request<Full<Bytes>> {
        Request::post("/").header("authorization", token).body(Full::new(body.to_owned().into())).expect("it")
    }

    #[tokio::test]
    async fn entries_are_found_by_their_request_and_only_the_server_can_write() {
        let receiver = Receiver::start("Bearer x", id).await.expect("a port");
        let shared = &receiver.shared;
        assert_eq!(shared.answer(post("Bearer y", "id=1 false")).await, StatusCode::FORBIDDEN);
        assert_eq!(shared.answer(post("Bearer x", "id=1 one\nother\n\nid=2 two\n")).await, StatusCode::OK);
        assert_eq!(receiver.count(), 3);
        assert_eq!(receiver.of_request("1", 0).expect("kept").texts, ["id=1 one"]);
        assert_eq!(receiver.of_request("9", 0).expect("kept").texts, Vec::<String>::new());
        let large = "x".repeat(LARGEST + 1);
        assert_eq!(shared.answer(post("Bearer x", &large)).await, StatusCode::PAYLOAD_TOO_LARGE);
    }

    #[tokio::test]
    async fn it_waits_for_an_entry_and_not_for_ever() {
        let receiver = Receiver::start("x", id).await.expect("a port");
        receiver.wait_for("7", async {}).await;
        let never = std::future::pending();
        let waiting = receiver.wait_for("7", never);
        let shared = receiver.shared.clone();
        let sending = async move { shared.take(b"id=7 at last") };
        let both = async { tokio::join!(waiting, sending) };
        tokio::time::timeout(Duration::from_secs(5), both).await.expect("it was woken");
    }

    #[tokio::test]
    async fn what_was_thrown_away_is_not_taken_for_what_never_came() {
        let receiver = Receiver::start("x", |text| Some(text.to_owned())).await.expect("a port");
        let lines: Vec<String> = (0..=KEPT).map(|n| n.to_string()).collect();
        receiver.shared.take(lines.join("\n").as_bytes());
        assert_eq!(receiver.of_request("0", 0), None);
        assert!(receiver.of_request("0", 1).is_some_and(|r| r.texts.is_empty()));
        assert_eq!(receiver.of_request("1", 0).expect("kept").texts, ["1"]);
    }
}
