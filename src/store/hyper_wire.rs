//! The wire on a socket: hyper over TCP, with TLS by rustls for `https`.
//!
//! It retries nothing, not even a request that met a connection which the server had just closed: an attack that is sent
//! twice is two attacks. So that this stays rare, idle connections are kept only for a short time.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use crate::store::StoreError;
use crate::store::wire::{BoxFuture, MAX_BODY, Wire, WireError};

/// How long a whole answer may take, in seconds.
const LIMIT_S: u64 = 60;

/// A pool of connections.
#[derive(Debug)]
pub struct HyperWire {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl HyperWire {
    /// A pool that trusts the system's certificates.
    ///
    /// # Errors
    /// The system's certificates cannot be read.
    pub fn new() -> Result<Self, StoreError> {
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(Duration::from_secs(10)));
        tcp.enforce_http(false);
        let https = HttpsConnectorBuilder::new()
            .with_provider_and_native_roots(rustls::crypto::ring::default_provider())
            .map_err(|e| StoreError::Trust { cause: e.to_string() })?
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            .retry_canceled_requests(false)
            .pool_idle_timeout(Duration::from_secs(4))
            .pool_timer(TokioTimer::new())
            .build(https);
        Ok(Self { client })
    }
}

/// The words of an error and of everything beneath it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        words.push_str(": ");
        words.push_str(&inner.to_string());
        source = inner.source();
    }
    words
}

impl Wire for HyperWire {
    fn send(&self, request: http::Request<Bytes>) -> BoxFuture<'_, Result<http::Response<Bytes>, WireError>> {
        let endpoint = request.uri().authority().map(ToString::to_string).unwrap_or_default();
        let secure = request.uri().scheme_str() == Some("https");
        Box::pin(async move {
            let answer = async {
                let response = self.client.request(request.map(Full::new)).await.map_err(|e| {
                    let cause = chain(&e);
                    if e.is_connect() && secure && cause.contains("certificate") {
                        WireError::Tls { endpoint: endpoint.clone(), cause }
                    } else if e.is_connect() {
                        WireError::Connect { endpoint: endpoint.clone(), cause }
                    } else {
                        WireError::Broken { cause }
                    }
                })?;
                let (parts, body) = response.into_parts();
                let body = Limited::new(body, MAX_BODY).collect().await.map_err(|e| {
                    if e.is::<http_body_util::LengthLimitError>() {
                        WireError::TooLarge
                    } else {
                        WireError::Broken { cause: e.to_string() }
                    }
                })?;
                Ok(http::Response::from_parts(parts, body.to_bytes()))
            };
            tokio::time::timeout(Duration::from_secs(LIMIT_S), answer)
                .await
                .unwrap_or(Err(WireError::Timeout { seconds: LIMIT_S }))
        })
    }
}
