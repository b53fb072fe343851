//! A MinIO for this run: which way it is started, and when it is ready.

use std::path::Path;
use std::time::Duration;

use http::Method;

use crate::store::client::Client;
use crate::store::credentials::Credentials;
use crate::store::endpoint::{DEFAULT_REGION, Endpoint, Location};
use crate::store::request::{Auth, S3Request};
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
    let work = async {
        let process = binary::start(path, &root).await?;
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
    let version_text = version.as_ref().map_or_else(String::new, |v| format!(", which calls itself {v}"));
    Ok(Opened {
        endpoint: process.url.clone(),
        description: format!("MinIO, the binary {}{version_text}", path.display()),
        notice: Some(format!("MinIO runs as the binary {}", path.display())),
        kind: Kind::Binary,
        version,
        ..own(client, root, Teardown::Binary(Box::new(process)))
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
        clock: Clock::Real,
        own_server: true,
        location: Location { bucket: DEMO_BUCKET.to_owned(), prefix: String::new() },
        notice: None,
        teardown,
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
