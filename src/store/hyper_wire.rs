//! The wire on a socket: hyper with a connection pool, TLS by rustls on ring.
//!
//! It never sends a request twice. hyper-util would by itself repeat a request whose pooled connection
//! turned out to be closed; that is switched off, because an attack that is sent twice is two attacks.
//! The price: when the server closes an idle connection at the very moment at which it is taken from the
//! pool, the request ends as [`WireError::Broken`] although nobody saw it, and an attack then has no
//! answer (inconclusive, never a pass). Connections are therefore kept idle only for
//! [`IDLE`], which is shorter than what servers commonly allow (5 s and more).

use std::error::Error;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::{HttpConnector, HttpInfo};
use hyper_util::client::legacy::{Client as Pool, Error as PoolError};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, RootCertStore, SignatureScheme};
use sha2::{Digest, Sha256};

use crate::store::StoreError;
use crate::store::credentials::chain_of;
use crate::store::wire::{BoxFuture, MAX_BODY, Wire, WireError};

/// How long a connection may lie idle in the pool.
pub const IDLE: Duration = Duration::from_secs(3);

/// How a socket is opened and how long an answer may take.
#[derive(Debug, Clone)]
pub struct HyperOptions {
    /// Limit for name look-up and TCP.
    pub connect_timeout: Duration,
    /// Limit for the whole exchange, connection and body included.
    pub total_timeout: Duration,
    /// PEM certificates that are trusted beside the system's.
    pub ca_bundle: Option<Vec<u8>>,
}

impl Default for HyperOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            total_timeout: Duration::from_mins(1),
            ca_bundle: None,
        }
    }
}

/// Whom the last connections led to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PeerInfo {
    /// The address of the last answer.
    pub address: Option<SocketAddr>,
    /// Lower-case hexadecimal SHA-256 of the certificate of the last full TLS handshake.
    pub certificate_sha256: Option<String>,
}

/// A wire on sockets.
pub struct HyperWire {
    pool: Pool<HttpsConnector<HttpConnector>, Full<Bytes>>,
    total_timeout: Duration,
    connect_timeout: Duration,
    peer: Arc<Mutex<PeerInfo>>,
}

impl std::fmt::Debug for HyperWire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HyperWire").field("total_timeout", &self.total_timeout).finish_non_exhaustive()
    }
}

impl HyperWire {
    /// A wire with the usual limits that trusts the system's certificates.
    ///
    /// # Errors
    /// As [`HyperWire::with`].
    pub fn new() -> Result<Self, StoreError> {
        Self::with(&HyperOptions::default())
    }

    /// A wire that has no connection yet.
    ///
    /// # Errors
    /// [`StoreError::Trust`] if the bundle has no certificate or one that cannot be used.
    pub fn with(options: &HyperOptions) -> Result<Self, StoreError> {
        let trust = |cause: String| StoreError::Trust { cause };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        // A machine without a certificate store can still speak http, or https with a bundle.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if let Some(pem) = &options.ca_bundle {
            let mut found = 0_usize;
            for certificate in CertificateDer::pem_slice_iter(pem) {
                let certificate = certificate.map_err(|error| trust(format!("{error:?}")))?;
                roots.add(certificate).map_err(|error| trust(error.to_string()))?;
                found += 1;
            }
            if found == 0 {
                return Err(trust("there is no certificate in it".to_owned()));
            }
        }
        let peer = Arc::new(Mutex::new(PeerInfo::default()));
        let config = rustls::ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions();
        let config = config.map_err(|error| trust(error.to_string()))?;
        let config = if roots.is_empty() {
            config.with_root_certificates(roots).with_no_client_auth()
        } else {
            let judge = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
                .build()
                .map_err(|error| trust(error.to_string()))?;
            let witness = Arc::new(Witness { judge, peer: peer.clone() });
            config.dangerous().with_custom_certificate_verifier(witness).with_no_client_auth()
        };
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(options.connect_timeout));
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(config)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let pool = Pool::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .retry_canceled_requests(false)
            .build(connector);
        Ok(Self {
            pool,
            total_timeout: options.total_timeout,
            connect_timeout: options.connect_timeout,
            peer,
        })
    }

    /// Whom the last connections led to; `None` before the first answer.
    #[must_use]
    pub fn peer(&self) -> Option<PeerInfo> {
        let peer = self.peer.lock().unwrap_or_else(PoisonError::into_inner).clone();
        (peer != PeerInfo::default()).then_some(peer)
    }

    async fn pass(
        &self,
        request: http::Request<Bytes>,
        endpoint: &str,
    ) -> Result<http::Response<Bytes>, WireError> {
        let answer = match self.pool.request(request.map(Full::new)).await {
            Ok(answer) => answer,
            Err(error) => return Err(self.explain(&error, endpoint)),
        };
        let (parts, body) = answer.into_parts();
        if let Some(info) = parts.extensions.get::<HttpInfo>() {
            self.peer.lock().unwrap_or_else(PoisonError::into_inner).address = Some(info.remote_addr());
        }
        match Limited::new(body, MAX_BODY).collect().await {
            Ok(body) => Ok(http::Response::from_parts(parts, body.to_bytes())),
            Err(error) if error.is::<LengthLimitError>() => Err(WireError::TooLarge),
            Err(error) => Err(WireError::Broken { cause: chain_of(error.as_ref()) }),
        }
    }

    fn explain(&self, error: &PoolError, endpoint: &str) -> WireError {
        let endpoint = endpoint.to_owned();
        if !error.is_connect() {
            return WireError::Broken { cause: causes(error) };
        }
        let cause = causes(error);
        if let Some(error) = tls_error(error) {
            WireError::Tls { endpoint, cause: tls_words(error) }
        } else if cause.contains("deadline has elapsed") {
            let cause = format!("no connection within {} s", self.connect_timeout.as_secs());
            WireError::Connect { endpoint, cause }
        } else {
            WireError::Connect { endpoint, cause: connect_words(&cause) }
        }
    }
}

impl Wire for HyperWire {
    fn send(&self, request: http::Request<Bytes>) -> BoxFuture<'_, Result<http::Response<Bytes>, WireError>> {
        Box::pin(async move {
            let endpoint = request.uri().authority().map_or_else(String::new, ToString::to_string);
            match tokio::time::timeout(self.total_timeout, self.pass(request, &endpoint)).await {
                Ok(result) => result,
                Err(_) => Err(WireError::Timeout { seconds: self.total_timeout.as_secs() }),
            }
        })
    }
}

/// The causes without the pool's own words, which say nothing.
fn causes(error: &PoolError) -> String {
    error.source().map_or_else(|| error.to_string(), chain_of)
}

/// The library's prefixes and the operating system's number say nothing to a user.
fn connect_words(cause: &str) -> String {
    let cause =
        cause.strip_prefix("tcp connect error: ").unwrap_or(cause).replacen("dns error", "its name", 1);
    cause.split(" (os error").next().unwrap_or_default().to_owned()
}

/// What is said of an answer to a TLS handshake that is no TLS: the server speaks plain HTTP.
pub const NO_TLS: &str = "the answer is no TLS";

fn tls_error(error: &PoolError) -> Option<&rustls::Error> {
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<rustls::Error>() {
            return Some(found);
        }
        // An io::Error skips the error that it wraps when it is asked for its source.
        next = match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

/// The library names its variants; these are words for the common ones.
fn tls_words(error: &rustls::Error) -> String {
    use rustls::{CertificateError, InvalidMessage};
    let why = match error {
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => return NO_TLS.to_owned(),
        rustls::Error::InvalidCertificate(why) => why,
        other => return other.to_string(),
    };
    match why {
        CertificateError::UnknownIssuer => {
            "its certificate is issued by nobody whom this machine trusts".to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has expired".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet".to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "its certificate is for another name".to_owned()
        }
        CertificateError::BadSignature => "its certificate has a wrong signature".to_owned(),
        CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "the signature of its certificate cannot be checked".to_owned()
        }
        other => format!("its certificate cannot be accepted: {other}"),
    }
}

/// Leaves every decision to the library's verifier and remembers the certificate that it accepted.
#[derive(Debug)]
struct Witness {
    judge: Arc<WebPkiServerVerifier>,
    peer: Arc<Mutex<PeerInfo>>,
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verdict =
            self.judge.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)?;
        self.peer.lock().unwrap_or_else(PoisonError::into_inner).certificate_sha256 =
            Some(hex::encode(Sha256::digest(end_entity)));
        Ok(verdict)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.judge.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.judge.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.judge.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    /// A server that answers every connection with these bytes and closes it; counts the connections.
    #[expect(clippy::disallowed_methods, reason = "a test server of this module")]
    async fn constant(bytes: &'static [u8]) -> (SocketAddr, Arc<Mutex<u32>>) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let count = Arc::new(Mutex::new(0));
        let counted = count.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                *counted.lock().expect("a lock") += 1;
                let mut buffer = [0; 4096];
                let _ = stream.read(&mut buffer).await;
                if bytes == b"wait" {
                    std::future::pending::<()>().await;
                }
                let _ = stream.write_all(bytes).await;
            }
        });
        (address, count)
    }

    async fn get(url: String, total: Duration) -> Result<http::Response<Bytes>, WireError> {
        let wire = HyperWire::with(&HyperOptions { total_timeout: total, ..HyperOptions::default() });
        let request = http::Request::get(url).body(Bytes::new()).expect("a request");
        wire.expect("a wire").send(request).await
    }

    #[tokio::test]
    async fn failures_are_told_apart_and_never_repeated() {
        let limit = Duration::from_secs(5);
        let (address, count) = constant(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf").await;
        assert!(matches!(get(format!("http://{address}/"), limit).await, Err(WireError::Broken { .. })));
        assert_eq!(*count.lock().expect("a lock"), 1);
        let (address, count) = constant(b"").await;
        assert!(matches!(get(format!("http://{address}/"), limit).await, Err(WireError::Broken { .. })));
        assert_eq!(*count.lock().expect("a lock"), 1);
        let (address, _) = constant(b"HTTP/1.1 400 Bad\r\n\r\n").await;
        let got = get(format!("https://{address}/"), limit).await;
        assert!(matches!(got, Err(WireError::Tls { .. })), "{got:?}");
        let (address, _) = constant(b"wait").await;
        let got = get(format!("http://{address}/"), Duration::from_millis(200)).await;
        assert!(matches!(got, Err(WireError::Timeout { .. })), "{got:?}");
        let got = get("http://127.0.0.1:1/".to_owned(), limit).await;
        assert!(matches!(got, Err(WireError::Connect { .. })), "{got:?}");
    }

    #[tokio::test]
    async fn an_answer_comes_whole_with_the_peer() {
        let (address, _) = constant(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
        let wire = HyperWire::new().expect("a wire");
        assert_eq!(wire.peer(), None);
        let request = http::Request::get(format!("http://{address}/")).body(Bytes::new()).expect("a request");
        assert_eq!(wire.send(request).await.expect("an answer").body().as_ref(), b"ok");
        assert_eq!(wire.peer().and_then(|p| p.address), Some(address));
    }

    #[test]
    fn a_bundle_without_certificates_is_refused() {
        let options = HyperOptions { ca_bundle: Some(b"nothing".to_vec()), ..HyperOptions::default() };
        assert!(matches!(HyperWire::with(&options), Err(StoreError::Trust { .. })));
    }
}
