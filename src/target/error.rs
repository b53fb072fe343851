//! Why a target cannot be used.

use std::path::PathBuf;

use chrono::{DateTime, Utc};

use crate::store::StoreError;
use crate::time::human;

/// Why a target cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// Endpoint, location or credentials cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The `minio` binary cannot be started.
    #[error("cannot start `{}`: {cause}", path.display())]
    NoBinary {
        /// The binary.
        path: PathBuf,
        /// The operating system's words.
        cause: String,
    },
    /// A server that was started did not become ready.
    #[error("{what} did not become ready within {seconds} s{}", tail(log))]
    NotReady {
        /// Which server.
        what: String,
        /// The time limit.
        seconds: u64,
        /// Its last lines on stderr.
        log: Vec<String>,
    },
    /// A server that was started ended by itself.
    #[error("{what} ended by itself{}", tail(log))]
    Ended {
        /// Which server.
        what: String,
        /// Its last lines on stderr.
        log: Vec<String>,
    },
    /// No container engine answers.
    #[error("no container engine answers: {cause}")]
    NoEngine {
        /// The client's words.
        cause: String,
    },
    /// The image is not here and cannot be pulled.
    #[error("the image `{image}` is not here and cannot be pulled: {cause}")]
    NoImage {
        /// The image.
        image: String,
        /// The engine's words.
        cause: String,
    },
    /// The container cannot be started.
    #[error("cannot start a container of `{image}`: {cause}")]
    Container {
        /// The image.
        image: String,
        /// The engine's words.
        cause: String,
    },
    /// Neither a container nor a binary.
    #[error("no MinIO can be started: as a container: {container}; as a binary: {binary}")]
    NoMinio {
        /// Why no container.
        container: String,
        /// Why no binary.
        binary: String,
    },
    /// A directory or a socket of this machine cannot be had.
    #[error("cannot {what}: {cause}")]
    Local {
        /// What was tried.
        what: &'static str,
        /// The operating system's words.
        cause: String,
    },
    /// No answer.
    #[error("{endpoint} does not answer: {cause}")]
    Unreachable {
        /// The endpoint.
        endpoint: String,
        /// The wire's words.
        cause: String,
    },
    /// A connection, but no whole answer: it broke, or took too long.
    #[error("{endpoint} gives no whole answer: {cause}")]
    Broken {
        /// The endpoint.
        endpoint: String,
        /// The wire's words.
        cause: String,
    },
    /// The TLS handshake failed.
    #[error("{endpoint} cannot be trusted: {cause}")]
    Tls {
        /// The endpoint.
        endpoint: String,
        /// The wire's words.
        cause: String,
    },
    /// The server says that it fails itself: 5xx, or too many requests.
    #[error("{endpoint} fails: {answer}")]
    Failing {
        /// The endpoint.
        endpoint: String,
        /// What it answered.
        answer: String,
    },
    /// A refusal that has no words of its own here.
    #[error("{endpoint} does not list the versions of `{bucket}`: {answer}")]
    Refused {
        /// The endpoint.
        endpoint: String,
        /// The bucket.
        bucket: String,
        /// What it answered.
        answer: String,
    },
    /// Something answers, but not as S3 does.
    #[error("{endpoint} does not answer as S3 does: {answer}")]
    NotS3 {
        /// The endpoint.
        endpoint: String,
        /// What it answered.
        answer: String,
    },
    /// TLS and plain HTTP were mixed up.
    #[error("{endpoint} speaks {speaks}: {answer}")]
    Scheme {
        /// The endpoint.
        endpoint: String,
        /// What it speaks.
        speaks: &'static str,
        /// What it answered.
        answer: String,
    },
    /// The bucket does not exist.
    #[error("the bucket `{bucket}` does not exist at {endpoint}")]
    NoBucket {
        /// The bucket.
        bucket: String,
        /// The endpoint.
        endpoint: String,
    },
    /// The store does not know the access key, or the secret is another one, or the session has ended.
    #[error("{endpoint} does not accept the credentials of access key {access_key}: {answer}")]
    Credentials {
        /// The endpoint.
        endpoint: String,
        /// The access key.
        access_key: String,
        /// What it answered.
        answer: String,
    },
    /// The clocks of client and server are too far apart for a signature.
    #[error("the clocks are too far apart: here it is {}, at the server {}", human(*here), server.map_or_else(|| "unknown".to_owned(), human))]
    ClockSkew {
        /// The client's clock.
        here: DateTime<Utc>,
        /// The server's clock, from its `Date` header.
        server: Option<DateTime<Utc>>,
    },
    /// The administrator may not even list.
    #[error("access key {access_key} may not list the versions of `{bucket}`: {answer}")]
    NoPermission {
        /// The access key.
        access_key: String,
        /// The bucket.
        bucket: String,
        /// What was answered.
        answer: String,
    },
    /// The bucket is in another region, and that one did not help either.
    #[error("the bucket `{bucket}` is not in region {region}: {answer}")]
    Region {
        /// The bucket.
        bucket: String,
        /// The region that was tried last.
        region: String,
        /// What was answered.
        answer: String,
    },
    /// A server of one's own refused to be prepared.
    #[error("the server refused to be prepared: {what}: {answer}")]
    Preparation {
        /// What was asked.
        what: &'static str,
        /// What it answered.
        answer: String,
    },
    /// Ctrl-C.
    #[error("interrupted")]
    Interrupted,
}

impl TargetError {
    /// What the user may do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Store(error) => error.hint().to_owned(),
            Self::NoBinary { .. } => {
                "name a `minio` binary with --minio-binary or WORMPROOF_MINIO_BINARY, or put one on the PATH; \
                 `CGO_ENABLED=0 go install github.com/minio/minio@latest` builds one"
                    .to_owned()
            }
            Self::NotReady { .. } => "is the machine very busy, or the disk full? try again".to_owned(),
            Self::Ended { .. } => "the lines above are the server's own".to_owned(),
            Self::NoEngine { .. } => {
                "start the engine, or set DOCKER_HOST, or use a binary with --minio-binary".to_owned()
            }
            Self::NoImage { .. } => {
                "name an image that is here with --minio-image, use a binary with --minio-binary, or build an image \
                 from a static `minio` binary: a Dockerfile with the lines `FROM scratch`, `COPY minio /minio`, \
                 `EXPOSE 9000`, `ENTRYPOINT [\"/minio\"]`; then `docker build -t wormproof/minio:local .` and \
                 `--minio-image wormproof/minio:local`"
                    .to_owned()
            }
            Self::Container { .. } => "the container's port is published on 127.0.0.1 only: an engine on another \
                 machine cannot be used; use --minio-binary"
                .to_owned(),
            Self::NoMinio { .. } => {
                "either start a container engine and name an image with --minio-image, or name a binary with \
                 --minio-binary or WORMPROOF_MINIO_BINARY; without both, `--target embedded` needs nothing"
                    .to_owned()
            }
            Self::Local { .. } | Self::Preparation { .. } | Self::Interrupted => return None,
            Self::Unreachable { .. } => {
                "is the server running, and are host and port of --endpoint-url right?".to_owned()
            }
            Self::Broken { .. } => {
                "the server, or something between, ended the connection or took too long: look at the server's log"
                    .to_owned()
            }
            Self::Tls { .. } => {
                "name the certificate of its authority with --ca-bundle, or the endpoint by the name in its certificate"
                    .to_owned()
            }
            Self::Failing { .. } => {
                "try again later, or more slowly with --rate; the server's log says more".to_owned()
            }
            Self::Refused { .. } => {
                "an audit needs ListObjectVersions, as every store with Object Lock has it".to_owned()
            }
            Self::NotS3 { .. } => {
                "is this the S3 port? MinIO's console and other web pages listen on ports of their own".to_owned()
            }
            Self::Scheme { speaks, .. } => {
                let scheme = if speaks.contains("TLS") { "https" } else { "http" };
                format!("write the endpoint with `{scheme}://`")
            }
            Self::NoBucket { .. } => {
                "check the name and the endpoint; Object Lock buckets are made with `--object-lock-enabled-for-bucket`"
                    .to_owned()
            }
            Self::Credentials { .. } => {
                "check access key and secret key (MINIO_ACCESS_KEY and MINIO_SECRET_KEY, AWS_ACCESS_KEY_ID and \
                 AWS_SECRET_ACCESS_KEY, --aws-profile); a temporary key also needs its session token"
                    .to_owned()
            }
            Self::ClockSkew { .. } => {
                "set this machine's clock by NTP, or find out whose clock is wrong: retention ends by the server's"
                    .to_owned()
            }
            Self::NoPermission { .. } => {
                "the administrator needs at least s3:ListBucketVersions and s3:ListBucket on the bucket; `wormproof plan \
                 --policy` prints what an audit needs"
                    .to_owned()
            }
            Self::Region { .. } => "name the bucket's region with --region".to_owned(),
        })
    }
}

fn tail(log: &[String]) -> String {
    if log.is_empty() { String::new() } else { format!("; its last lines:\n  {}", log.join("\n  ")) }
}
