//! A MinIO in a container, published on 127.0.0.1 only.

use std::time::Duration;

use testcontainers::bollard::errors::Error as EngineError;
use testcontainers::core::client::ClientError;
use testcontainers::core::error::TestcontainersError;
use testcontainers::core::{IntoContainerPort as _, Mount, WaitFor};
use testcontainers::runners::AsyncRunner as _;
use testcontainers::{ContainerAsync, GenericImage, ImageExt as _};

use crate::store::credentials::Credentials;
use crate::target::minio::READY_S;
use crate::target::{TargetError, interrupted};

/// The image that is started where none is named: the last public release, by tag and digest.
pub const DEFAULT_IMAGE: &str = "minio/minio:RELEASE.2025-09-07T16-13-09Z\
     @sha256:14cea493d9a34af32f524e538b8346cf79f3321eff8e708c1e2960462bd8936e";

/// By this label a container is found that a killed process left behind.
const LABEL: &str = "io.github.wormproof";

const PORT: u16 = 9000;

/// How long a container that is just being started is waited for, to remove it.
const PATIENCE: Duration = Duration::from_secs(30);

/// How many of its last lines an error shows.
const LINES: usize = 12;

/// A running container. Dropping it removes it.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) url: String,
    container: ContainerAsync<GenericImage>,
}

impl Running {
    /// Removes the container.
    pub(super) async fn close(self) {
        let _ = self.container.rm().await;
    }

    /// Adds the server's last lines to an error that is about its start.
    pub(super) async fn explain(&self, error: TargetError) -> TargetError {
        match error {
            TargetError::NotReady { what, seconds, .. } => {
                let bytes = self.container.stderr_to_vec().await.unwrap_or_default();
                let text = String::from_utf8_lossy(&bytes);
                let lines: Vec<String> =
                    text.lines().filter(|l| !l.trim().is_empty()).map(ToOwned::to_owned).collect();
                let log = lines[lines.len().saturating_sub(LINES)..].to_vec();
                TargetError::NotReady { what, seconds, log }
            }
            other => other,
        }
    }
}

/// Name and tag (or digest) of an image; without a tag, `latest`.
fn split(image: &str) -> (&str, &str) {
    let name_at = image.rfind('/').map_or(0, |slash| slash + 1);
    match image[name_at..].find(':') {
        Some(colon) => (&image[..name_at + colon], &image[name_at + colon + 1..]),
        None => (image, "latest"),
    }
}

/// The tag of an image, as the version of what runs in it; `None` where only a digest is named.
pub(super) fn tag(image: &str) -> Option<String> {
    let (name, tag) = split(image);
    let tag = tag.split('@').next().unwrap_or(tag);
    (!name.contains('@')).then(|| tag.to_owned())
}

/// Starts the container and waits until the server says where it listens. Ctrl-C meanwhile removes
/// what was made.
pub(super) async fn start(image: &str, root: &Credentials) -> Result<Running, TargetError> {
    let (name, reference) = split(image);
    let request = GenericImage::new(name, reference)
        .with_wait_for(WaitFor::message_on_stderr("API:"))
        .with_mapped_port(0, PORT.tcp())
        .with_host_config_modifier(|config| {
            for binding in config.port_bindings.iter_mut().flat_map(|b| b.values_mut()).flatten().flatten() {
                binding.host_ip = Some("127.0.0.1".to_owned());
            }
        })
        .with_cmd(["server", "/data", "--address", ":9000"])
        .with_mount(Mount::tmpfs_mount("/data"))
        .with_env_var("MINIO_ROOT_USER", &root.access_key)
        .with_env_var("MINIO_ROOT_PASSWORD", root.secret_key.as_str())
        .with_env_var("MINIO_BROWSER", "off")
        .with_env_var("MINIO_CI_CD", "1")
        .with_env_var("MINIO_UPDATE", "off")
        // Its cycle (lifecycle rules among others) is then over in seconds instead of minutes.
        .with_env_var("MINIO_SCANNER_SPEED", "fastest")
        .with_label(LABEL, "server")
        .with_startup_timeout(Duration::from_secs(READY_S));
    // A task of its own: if it were dropped half-way, a container that is made but not yet started would stay.
    let mut task = tokio::spawn(request.start());
    let started = tokio::select! {
        biased;
        started = &mut task => started,
        () = interrupted() => {
            if let Ok(Ok(Ok(container))) = tokio::time::timeout(PATIENCE, task).await {
                let _ = container.rm().await;
            }
            return Err(TargetError::Interrupted);
        }
    };
    let container = match started {
        Ok(Ok(container)) => container,
        Ok(Err(error)) => return Err(explain(image, error)),
        Err(error) => {
            return Err(TargetError::Container { image: image.to_owned(), cause: error.to_string() });
        }
    };
    match container.get_host_port_ipv4(PORT.tcp()).await {
        Ok(port) => Ok(Running { url: format!("http://127.0.0.1:{port}"), container }),
        Err(error) => {
            let _ = container.rm().await;
            Err(explain(image, error))
        }
    }
}

/// By the kind of the error, never by its text.
fn explain(image: &str, error: TestcontainersError) -> TargetError {
    let image = image.to_owned();
    match error {
        TestcontainersError::Client(ClientError::PullImage { err, .. }) => {
            TargetError::NoImage { image, cause: err.to_string() }
        }
        TestcontainersError::Client(
            error @ (ClientError::Init(_)
            | ClientError::Configuration(_)
            | ClientError::InvalidDockerHost(_)
            | ClientError::CreateContainer(
                EngineError::HyperLegacyError { .. }
                | EngineError::HyperResponseError { .. }
                | EngineError::SocketNotFoundError(_)
                | EngineError::RequestTimeoutError
                | EngineError::IOError { .. },
            )),
        ) => TargetError::NoEngine { cause: error.to_string() },
        other => TargetError::Container { image, cause: other.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_split_at_the_tag_and_not_at_a_port() {
        for (image, name, reference, version) in [
            (
                DEFAULT_IMAGE,
                "minio/minio",
                &DEFAULT_IMAGE["minio/minio:".len()..],
                Some("RELEASE.2025-09-07T16-13-09Z"),
            ),
            ("wormproof/minio:local", "wormproof/minio", "local", Some("local")),
            ("localhost:5000/minio", "localhost:5000/minio", "latest", Some("latest")),
            ("minio/minio@sha256:14ce", "minio/minio@sha256", "14ce", None),
        ] {
            assert_eq!(split(image), (name, reference));
            assert_eq!(tag(image).as_deref(), version);
        }
        assert!(!DEFAULT_IMAGE.contains(' '));
    }
}
