//! Where the store comes from: the embedded server, a MinIO in a container or as a binary, a live
//! endpoint. Gives a client, the administrator's credentials, the principals, and a teardown.
//!
//! ```text
//! TargetSpec ─► open ─► Opened ─► prepare (own servers) ─► principals ─► capabilities ─► … ─► close
//! ```
//!
//! Servers that are started here listen on loopback only and get a random root password. They end
//! with [`Opened::close`], and when an [`Opened`] is dropped. A caller that wants them to end on Ctrl-C
//! waits for [`interrupted`] beside its work and then closes; [`open`] itself watches for it already.

mod binary;
mod capabilities;
mod container;
mod embedded;
mod endpoint;
mod error;
mod minio;
mod minio_log;
mod prepare;
mod principals;
mod renewal;
mod session_policy;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};

pub use capabilities::{Capabilities, Known, capabilities};
pub use container::DEFAULT_IMAGE;
pub use embedded::{Prepared, embedded};
pub use endpoint::EndpointSpec;
pub use error::TargetError;
pub use prepare::{DEMO_BUCKET, Demo, DemoRecord, prepare, prepare_for};
pub use principals::{Access, Named, PrincipalFacts, Principals, principals};
pub use renewal::{Renewal, Renewed};
pub use session_policy::{RightChange, SESSION_POLICY_LIMIT, Scope, changed_policy, session_policy};

pub use crate::server::access::rights_asked_on_this_thread;
pub use crate::server::{Defect, DefectInfo, Defects};

use crate::store::StoreError;
use crate::store::access_log::AccessLog;
use crate::store::client::{Client, Limits};
use crate::store::credentials::{Credentials, SharedCredentials};
use crate::store::endpoint::{Endpoint, Location};
use crate::store::machine::Machine;
use crate::store::wire::SharedWire;
use crate::time::Clock;

/// What is audited.
#[derive(Debug, Clone)]
pub enum TargetSpec {
    /// The embedded server, called in the process or on a socket of 127.0.0.1.
    Embedded {
        /// The faults that are on.
        defects: Vec<Defect>,
        /// Whether it is served on a socket.
        socket: bool,
    },
    /// A MinIO that is started for this run.
    Minio(MinioSpec),
    /// A live bucket.
    Endpoint(EndpointSpec),
}

/// How a MinIO is started. An image that is named is started as a container and nothing else; a
/// binary that is named likewise. With neither: a container of the pinned image where an engine
/// answers, else the binary of the search path.
#[derive(Debug, Clone, Default)]
pub struct MinioSpec {
    /// The binary that the user names (`--minio-binary`, `WORMPROOF_MINIO_BINARY`).
    pub binary: Option<PathBuf>,
    /// The `minio` of the search path, if there is one.
    pub binary_on_path: Option<PathBuf>,
    /// The image that the user names.
    pub image: Option<String>,
}

/// Makes the wire on a socket. Handed in, because certificates to trust and time limits belong to the caller.
pub type Connect = Arc<dyn Fn(&Endpoint) -> Result<SharedWire, StoreError> + Send + Sync>;

/// How a target is opened.
#[derive(Clone)]
pub struct OpenOptions {
    /// What the client calls itself; carries the run id.
    pub user_agent: String,
    /// How hard the store may be driven.
    pub limits: Limits,
    /// Makes the wire on a socket.
    pub connect: Connect,
}

impl fmt::Debug for OpenOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenOptions")
            .field("user_agent", &self.user_agent)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// What kind of target it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The embedded server.
    Embedded,
    /// A container that was started for this run.
    Container,
    /// A binary that was started for this run.
    Binary,
    /// A live endpoint.
    Endpoint,
}

impl Kind {
    /// The word in the record.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Container => "container",
            Self::Binary => "binary",
            Self::Endpoint => "endpoint",
        }
    }
}

/// A store that answers. Dropping it ends a server that was started for it; [`Opened::close`] does the
/// same and waits.
#[derive(Debug)]
pub struct Opened {
    /// The client.
    pub client: Client,
    /// The administrator.
    pub administrator: Credentials,
    /// Where the administrator's credentials can be had again when they end, if they came from such a source.
    pub refresh: Option<Refresh>,
    /// How the administrator was had (`root key`, `profile audit`).
    pub administrator_source: String,
    /// What kind of target it is.
    pub kind: Kind,
    /// In words: which image, which binary, which endpoint.
    pub description: String,
    /// The product's version, where the target knows it.
    pub version: Option<String>,
    /// The image that was started, as it was named.
    pub image: Option<String>,
    /// The address, or `in the process`.
    pub endpoint: String,
    /// The clock that client and (embedded) server go by.
    pub clock: Clock,
    /// Whether the server was started for this run: only then may attacks reach the server itself.
    pub own_server: bool,
    /// What is audited in it. On an own server [`prepare`] makes the bucket.
    pub location: Location,
    /// What the user should be told about the choice that was made.
    pub notice: Option<String>,
    /// The server's own switches, where it was started for this run and has some.
    pub machine: Option<Arc<dyn Machine>>,
    /// The server's own log of requests, or why the tool cannot read it.
    pub access_log: Result<Arc<dyn AccessLog>, String>,
    teardown: Teardown,
}

/// A source of credentials that end.
#[derive(Debug, Clone)]
pub struct Refresh {
    /// The source.
    pub source: SharedCredentials,
    /// When those that are used end, if they do.
    pub expires: Option<DateTime<Utc>>,
}

/// What has to be ended.
#[derive(Debug)]
enum Teardown {
    Nothing,
    Socket(embedded::Serving),
    Binary(Arc<tokio::sync::Mutex<binary::Process>>),
    Container(Box<container::Running>),
}

impl Opened {
    /// Ends a server that was started for this target and waits until it is gone.
    pub async fn close(self) {
        match self.teardown {
            Teardown::Nothing => {}
            Teardown::Socket(serving) => serving.close().await,
            Teardown::Binary(process) => process.lock().await.close().await,
            Teardown::Container(running) => running.close().await,
        }
    }
}

/// Opens a target: starts its server, or checks that the live bucket can be reached.
///
/// # Errors
/// [`TargetError`] says what is missing and, by its hint, what to do; a server that was started is ended.
pub async fn open(spec: TargetSpec, options: &OpenOptions) -> Result<Opened, TargetError> {
    match spec {
        TargetSpec::Embedded { defects, socket: false } => embedded(&defects, options),
        TargetSpec::Embedded { defects, socket: true } => embedded::on_a_socket(&defects, options).await,
        TargetSpec::Minio(spec) => minio::start(&spec, options).await,
        TargetSpec::Endpoint(spec) => endpoint::open(spec, options).await,
    }
}

/// Waits for Ctrl-C or SIGTERM. From the first call on they no longer end the process by themselves.
pub async fn interrupted() {
    let interrupt = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let terminate = async {
            match signal(SignalKind::terminate()) {
                Ok(mut stream) => {
                    stream.recv().await;
                }
                Err(_) => std::future::pending::<()>().await,
            }
        };
        tokio::select! {
            () = interrupt => {}
            () = terminate => {}
        }
    }
    #[cfg(not(unix))]
    interrupt.await;
}
