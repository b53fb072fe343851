//! The wire: one HTTP request in, one answer out.
//!
//! Everything that goes to a store (the SDK through its connector, raw steps, STS, the scan's lean
//! requests) passes a [`Wire`]. There are two makers: hyper on a socket (`store::hyper_wire`), and
//! the embedded service called in the process (`target::embedded`). A wire neither signs nor
//! retries; what it is given is complete.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;

/// A boxed future, as the trait object needs it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The largest answer body that is read, in bytes; more is [`WireError::TooLarge`].
pub const MAX_BODY: usize = 64 * 1024 * 1024;

/// Why no whole answer came back. None of these says what the server did with the request.
#[derive(Debug, Clone, thiserror::Error)]
pub enum WireError {
    /// No connection: refused, unreachable, name not found.
    #[error("cannot connect to {endpoint}: {cause}")]
    Connect {
        /// Host and port.
        endpoint: String,
        /// The operating system's words.
        cause: String,
    },
    /// The TLS handshake failed.
    #[error("TLS with {endpoint} failed: {cause}")]
    Tls {
        /// Host and port.
        endpoint: String,
        /// The TLS library's words.
        cause: String,
    },
    /// The time limit passed.
    #[error("no whole answer within {seconds} s")]
    Timeout {
        /// The limit in seconds.
        seconds: u64,
    },
    /// The connection broke before the answer was whole.
    #[error("the connection broke before the answer was whole: {cause}")]
    Broken {
        /// The HTTP library's words.
        cause: String,
    },
    /// The answer's body is larger than [`MAX_BODY`].
    #[error("the answer is larger than {} MiB", MAX_BODY / 1024 / 1024)]
    TooLarge,
}

impl WireError {
    /// What the user may do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Connect { .. } => "is the server running, and are host and port of --endpoint-url right?",
            Self::Tls { .. } => {
                "is the endpoint https at all, and is its certificate issued by an authority that this machine trusts?"
            }
            Self::Timeout { .. } => {
                "the server accepted the connection but did not answer in time; look at its log"
            }
            Self::Broken { .. } => "the server or something between closed the connection; look at its log",
            Self::TooLarge => "this is not an answer that an S3 server gives to such a request",
        }
    }
}

/// One HTTP exchange with a store.
pub trait Wire: Send + Sync + Debug {
    /// Sends a complete (signed) request with an absolute URI, and reads the whole answer.
    fn send(&self, request: http::Request<Bytes>) -> BoxFuture<'_, Result<http::Response<Bytes>, WireError>>;
}

/// A shared wire.
pub type SharedWire = Arc<dyn Wire>;
