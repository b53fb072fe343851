//! The port to a store: requests, answers, states. Only this module and `server` open sockets.
//!
//! A [`request::S3Request`] (made by [`ops`]) goes through a [`client::Client`], which signs it, sends
//! it once over a [`wire::Wire`] and gives back the answer with its redacted exchange. [`readback`]
//! turns reads into a state, [`listing`] reads version listings, [`access_log`] what the server logged of a
//! request, [`sts`] makes sessions, [`sdk`] reads a bucket's configuration through the AWS SDK on the same wire.

pub mod access_log;
pub mod canary;
pub mod client;
pub mod credentials;
pub mod endpoint;
pub mod hyper_wire;
pub mod listing;
pub mod machine;
pub mod ops;
pub mod push;
pub mod readback;
pub mod redact;
pub mod request;
pub mod sdk;
mod sign;
mod skew;
pub mod sts;
pub mod tags;
pub mod wire;

/// Why a store cannot be used at all. What a request came to is an `Exchange`, never one of these.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The endpoint cannot be read.
    #[error("`{url}` is not an endpoint: {why}")]
    Endpoint {
        /// As given.
        url: String,
        /// What is wrong.
        why: String,
    },
    /// The location cannot be read.
    #[error("`{text}` is not a bucket and prefix: {why}")]
    Location {
        /// As given.
        text: String,
        /// What is wrong.
        why: String,
    },
    /// No credentials.
    #[error("no credentials: {cause}")]
    Credentials {
        /// The chain's words.
        cause: String,
    },
    /// The certificates to trust cannot be used.
    #[error("cannot use the certificates to trust: {cause}")]
    Trust {
        /// What is wrong.
        cause: String,
    },
}

impl StoreError {
    /// What the user may do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Endpoint { .. } => {
                "write `--endpoint-url https://HOST[:PORT]`, or HOST:PORT for http; without it, AWS of the region is meant"
            }
            Self::Location { .. } => "write `s3://BUCKET[/PREFIX]`",
            Self::Credentials { .. } => {
                "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile of ~/.aws/config with --aws-profile, or set MINIO_ACCESS_KEY and MINIO_SECRET_KEY"
            }
            Self::Trust { .. } => "give a file with PEM certificates of the authority to trust",
        }
    }
}
