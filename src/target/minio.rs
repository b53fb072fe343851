//! A MinIO for this run: which way it is started, and when it is ready.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use http::Method;
use tokio::sync::{Mutex, OnceCell};

use crate::server::ntp::TimeServer;
use crate::store::client::Client;
use crate::store::credentials::Credentials;
use crate::store::endpoint::{DEFAULT_REGION, Endpoint, Location};
use crate::store::machine;
use crate::store::request::{Auth, S3Request};
use crate::store::wire::BoxFuture;
use crate::target::binary::Process;
use crate::target::minio_log::AuditLog;
use crate::target::prepare::DEMO_BUCKET;
use crate::target::{
    Kind, MinioSpec, OpenOptions, Opened, TargetError, Teardown, binary, container, interrupted,
};
use crate::time::Clock;

/// The longest time until a server that was started answers, in seconds. One takes about a second.
pub(super) const READY_S: u64 = 60;

/// Root credentials that nobody else has.
pub(super) fn random_root() -> Credentials {
    let access = format!("root{}", hex::encode(rand::random::<[u8; 8]>()));
    Credentials::new(&access, &hex::encode(rand::random::<[u8; 20]>()))
}

/// Starts a MinIO as [`MinioSpec`] says.
pub(super) async fn start(spec: &MinioSpec, options: &OpenOptions) -> Result<Opened, TargetError> {
    if let Some(image) = &spec.image {
        return in_container(image, options).await;
    }
    if let Some(path) = &spec.binary {
        return as_binary(path, options).await;
    }
    let refused = match in_container(container::DEFAULT_IMAGE, options).await {
        Err(error @ (TargetError::NoEngine { .. } | TargetError::NoImage { .. })) => error,
        other => return other,
    };
    match &spec.binary_on_path {
        Some(path) => {
            let mut opened = as_binary(path, options).await?;
            opened.notice = Some(format!("MinIO runs as the binary {}: {refused}", path.display()));
            Ok(opened)
        }
        None => Err(TargetError::NoMinio {
            container: refused.to_string(),
            binary: "there is no `minio` on the PATH, and none was named".to_owned(),
        }),
    }
}

async fn as_binary(path: &Path, options: &OpenOptions) -> Result<Opened, TargetError> {
    let root = random_root();
    let (log, webhook) = AuditLog::start().await?;
    let work = async {
        let process = binary::start(path, &root, webhook).await?;
        let client = client_of(&process.url, options)?;
        ready(&client, &format!("`{}`", path.display())).await.map_err(|error| process.explain(error))?;
        let version = binary::version(path).await;
        Ok::<_, TargetError>((process, client, version))
    };
    let (process, client, version) = tokio::select! {
        biased;
        done = work => done?,
        () = interrupted() => return Err(TargetError::Interrupted),
    };
    let process = Arc::new(Mutex::new(process));
    let machine = Machine {
        process: process.clone(),
        client: client.clone(),
        time: OnceCell::new(),
        what: path.display().to_string(),
    };
    let url = process.lock().await.url.clone();
    let version_text = version.as_ref().map_or_else(String::new, |v| format!(", which calls itself {v}"));
    Ok(Opened {
        endpoint: url,
        machine: Some(Arc::new(machine)),
        access_log: Ok(Arc::new(log)),
        description: format!("MinIO, the binary {}{version_text}", path.display()),
        notice: Some(format!("MinIO runs as the binary {}", path.display())),
        kind: Kind::Binary,
        version,
        ..own(client, root, Teardown::Binary(process))
    })
}

async fn in_container(image: &str, options: &OpenOptions) -> Result<Opened, TargetError> {
    let root = random_root();
    let running = container::start(image, &root).await?;
    let client = client_of(&running.url, options)?;
    let what = format!("the container of `{image}`");
    let outcome = tokio::select! {
        biased;
        outcome = ready(&client, &what) => outcome,
        () = interrupted() => Err(TargetError::Interrupted),
    };
    if let Err(error) = outcome {
        let error = running.explain(error).await;
        running.close().await;
        return Err(error);
    }
    Ok(Opened {
        endpoint: running.url.clone(),
        description: format!("MinIO, a container of the image {image}"),
        notice: Some(format!("MinIO runs in a container of {image}")),
        kind: Kind::Container,
        version: container::tag(image),
        image: Some(image.to_owned()),
        ..own(client, root, Teardown::Container(Box::new(running)))
    })
}

fn client_of(url: &str, options: &OpenOptions) -> Result<Client, TargetError> {
    let endpoint = Endpoint::parse(url, Some(DEFAULT_REGION))?;
    let wire = (options.connect)(&endpoint)?;
    Ok(Client::with_limits(wire, endpoint, Clock::Real, &options.user_agent, options.limits))
}

fn own(client: Client, root: Credentials, teardown: Teardown) -> Opened {
    Opened {
        endpoint: client.endpoint().url().to_owned(),
        client,
        administrator: root,
        refresh: None,
        administrator_source: "root key".to_owned(),
        kind: Kind::Binary,
        description: String::new(),
        version: None,
        image: None,
        clock: Clock::Real,
        own_server: true,
        location: Location { bucket: DEMO_BUCKET.to_owned(), prefix: String::new() },
        notice: None,
        machine: None,
        access_log: Err(
            "a server in a container does not reach the tool, which listens on 127.0.0.1 only".to_owned()
        ),
        teardown,
    }
}

/// The switches of a binary that runs as a child process.
#[derive(Debug)]
struct Machine {
    process: Arc<Mutex<Process>>,
    client: Client,
    /// Started when the clock is moved for the first time; until then the server goes by the machine's clock.
    time: OnceCell<TimeServer>,
    what: String,
}

impl Machine {
    async fn again(&self, crash: bool, ntp: Option<SocketAddr>) -> Result<(), String> {
        self.process.lock().await.again(crash, ntp).await?;
        ready(&self.client, &self.what).await.map_err(|e| e.to_string())
    }
}

impl machine::Machine for Machine {
    fn restart(&self, crash: bool) -> BoxFuture<'_, Result<String, String>> {
        Box::pin(async move {
            let ntp = self.process.lock().await.ntp();
            self.again(crash, ntp).await?;
            let how = if crash { "killed (SIGKILL)" } else { "ended (SIGTERM)" };
            Ok(format!("the server was {how} and started again on the same data and port"))
        })
    }

    fn move_clock(&self, by: TimeDelta) -> BoxFuture<'_, Result<String, String>> {
        Box::pin(async move {
            let time = self.time.get_or_try_init(|| TimeServer::start(Clock::Real)).await;
            let time = time.map_err(|e| format!("no time server could be started: {e}"))?;
            let ntp = Some(time.address());
            if self.process.lock().await.ntp() != ntp {
                self.again(false, ntp).await?;
            }
            time.shift(by);
            let stands = time.offset().num_seconds();
            Ok(format!(
                "the time server that MINIO_NTP_SERVER names was moved: it is {stands} s off the real time"
            ))
        })
    }

    fn restarts(&self) -> Result<String, String> {
        Ok("the process is ended by a signal and started again on its data and port".to_owned())
    }

    fn clock(&self) -> Result<String, String> {
        Ok("MINIO_NTP_SERVER names a time server of the tool".to_owned())
    }
}

/// Waits until the server serves S3. `health/live` and `health/ready` answer too early.
async fn ready(client: &Client, what: &str) -> Result<(), TargetError> {
    let health = S3Request::to_object(Method::GET, "minio", "health/cluster", None).auth(Auth::Anonymous);
    let poll = async {
        while client.exchange(None, &health).await.status() != Some(200) {
            Clock::Real.sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(READY_S), poll).await.map_err(|_| TargetError::NotReady {
        what: what.to_owned(),
        seconds: READY_S,
        log: Vec::new(),
    })
}
