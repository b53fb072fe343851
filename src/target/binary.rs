//! A `minio` binary as a child process on a port of 127.0.0.1.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::oneshot;

use crate::store::credentials::Credentials;
use crate::target::TargetError;
use crate::target::minio::READY_S;
use crate::target::minio_log::Webhook;

/// How many of its last lines an error shows.
const LINES: usize = 12;

type Log = Arc<Mutex<VecDeque<String>>>;

/// How long a server that was asked to end may take, before it is killed.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running server. Dropping it kills it and removes its directory.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) url: String,
    // Declared before the directory: the process is killed before its files go.
    child: Child,
    log: Log,
    directory: Option<TempDir>,
    path: PathBuf,
    root: Credentials,
    /// The time server that it judges locks by; `None` is the machine's own clock.
    ntp: Option<SocketAddr>,
    /// Where it sends its log.
    webhook: Webhook,
}

impl Process {
    /// Kills the server, waits for its end and removes its directory.
    pub(super) async fn close(&mut self) {
        let _ = self.child.kill().await;
        if let Some(directory) = self.directory.take() {
            let _ = directory.close();
        }
    }

    /// Ends the server, by a signal that it can heed or (`crash`) by one that it cannot.
    async fn end(&mut self, crash: bool) -> Result<(), String> {
        #[cfg(unix)]
        if !crash {
            let pid = self.child.id().and_then(|id| rustix::process::Pid::from_raw(i32::try_from(id).ok()?));
            let pid = pid.ok_or("the server had ended by itself")?;
            rustix::process::kill_process(pid, rustix::process::Signal::TERM).map_err(|e| e.to_string())?;
            return match tokio::time::timeout(PATIENCE, self.child.wait()).await {
                Ok(ended) => ended.map(|_| ()).map_err(|e| e.to_string()),
                Err(_) => Err(format!("the server did not end within {} s", PATIENCE.as_secs())),
            };
        }
        self.child.kill().await.map_err(|e| e.to_string())
    }

    /// Ends the server and starts it on the same data and the same port; `ntp` is the time server to go by.
    pub(super) async fn again(&mut self, crash: bool, ntp: Option<SocketAddr>) -> Result<(), String> {
        self.end(crash).await?;
        let directory = self.directory.as_ref().map(TempDir::path).ok_or("the data are gone")?;
        let port = self.url.rsplit_once(':').map_or("0", |(_, port)| port).to_owned();
        let started = launch(&self.path, &self.root, directory, &port, ntp, &self.webhook).await;
        let (url, child, log) = started.map_err(|e| format!("it did not start again: {e}"))?;
        if url != self.url {
            return Err(format!("it listens at {url} now"));
        }
        (self.child, self.log, self.ntp) = (child, log, ntp);
        Ok(())
    }

    /// The time server that it judges locks by.
    pub(super) fn ntp(&self) -> Option<SocketAddr> {
        self.ntp
    }

    /// Adds the server's last lines to an error that is about its start.
    pub(super) fn explain(&self, error: TargetError) -> TargetError {
        match error {
            TargetError::NotReady { what, seconds, .. } => {
                TargetError::NotReady { what, seconds, log: lines(&self.log) }
            }
            other => other,
        }
    }
}

fn lines(log: &Log) -> Vec<String> {
    log.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
}

/// Starts the server and waits until it says where it listens.
pub(super) async fn start(path: &Path, root: &Credentials, webhook: Webhook) -> Result<Process, TargetError> {
    let local = |what: &'static str| {
        move |error: std::io::Error| TargetError::Local { what, cause: error.to_string() }
    };
    let directory =
        tempfile::Builder::new().prefix("wormproof-minio-").tempdir().map_err(local("make a directory"))?;
    let data = directory.path().join("data");
    std::fs::create_dir(&data).map_err(local("make a directory"))?;
    let (url, child, log) = launch(path, root, directory.path(), "0", None, &webhook).await?;
    let (path, root) = (path.to_owned(), root.clone());
    Ok(Process { url, child, log, directory: Some(directory), path, root, ntp: None, webhook })
}

/// Starts the server on the data of a directory and waits until it says where it listens.
async fn launch(
    path: &Path,
    root: &Credentials,
    directory: &Path,
    port: &str,
    ntp: Option<SocketAddr>,
    webhook: &Webhook,
) -> Result<(String, Child, Log), TargetError> {
    let data = directory.join("data");
    let address = format!("127.0.0.1:{port}");
    let mut command = Command::new(path);
    // None of the user's own MINIO_… settings may reach the server that is audited.
    command
        .args(["server".as_ref(), data.as_os_str(), "--address".as_ref(), address.as_ref()])
        .env_clear()
        .env("HOME", directory)
        .env("MINIO_ROOT_USER", &root.access_key)
        .env("MINIO_ROOT_PASSWORD", root.secret_key.as_str())
        .env("MINIO_BROWSER", "off")
        .env("MINIO_CI_CD", "1")
        .env("MINIO_UPDATE", "off")
        // Its cycle (lifecycle rules among others) is then over in seconds instead of minutes.
        .env("MINIO_SCANNER_SPEED", "fastest")
        .envs(webhook.environment())
        .current_dir(directory)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    if let Some(ntp) = ntp {
        command.env("MINIO_NTP_SERVER", ntp.to_string());
    }
    let mut child = command
        .spawn()
        .map_err(|error| TargetError::NoBinary { path: path.to_owned(), cause: error.to_string() })?;
    let log = Log::default();
    let (found, address) = oneshot::channel();
    if let Some(stderr) = child.stderr.take() {
        tokio::spawn(drain(stderr, log.clone(), found));
    }
    let what = format!("`{}`", path.display());
    match tokio::time::timeout(Duration::from_secs(READY_S), address).await {
        Ok(Ok(url)) => Ok((url, child, log)),
        Ok(Err(_)) => Err(TargetError::Ended { what, log: lines(&log) }),
        Err(_) => Err(TargetError::NotReady { what, seconds: READY_S, log: lines(&log) }),
    }
}

/// Reads the server's lines to the end, so that it never waits for a reader.
async fn drain(stderr: tokio::process::ChildStderr, log: Log, found: oneshot::Sender<String>) {
    let mut found = Some(found);
    let mut reader = BufReader::new(stderr).lines();
    while let Ok(Some(line)) = reader.next_line().await {
        if let Some(url) = address_in(&line)
            && let Some(found) = found.take()
        {
            let _ = found.send(url);
        }
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        if !line.trim().is_empty() {
            log.push_back(line);
        }
        if log.len() > LINES {
            log.pop_front();
        }
    }
}

/// The first address of the line `API: http://127.0.0.1:39413`.
fn address_in(line: &str) -> Option<String> {
    let url = line.trim_start().strip_prefix("API:")?.split_whitespace().next()?;
    url.starts_with("http://").then(|| url.to_owned())
}

/// What `minio --version` says of itself (a binary that `go install` built says `DEVELOPMENT.GOGET`).
pub(super) async fn version(path: &Path) -> Option<String> {
    let run = Command::new(path)
        .arg("--version")
        .env_clear()
        .env("HOME", std::env::temp_dir())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(Duration::from_secs(10), run).await.ok()?.ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let first = text.lines().next()?.trim();
    let version = first.strip_prefix("minio version ").unwrap_or(first);
    Some(version.split_whitespace().next()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_read_from_the_servers_own_line() {
        assert_eq!(address_in("API: http://127.0.0.1:39413 "), Some("http://127.0.0.1:39413".to_owned()));
        assert_eq!(
            address_in("API: http://127.0.0.1:1  http://10.0.0.1:1"),
            Some("http://127.0.0.1:1".into())
        );
        for other in ["Docs: https://docs.min.io", "API:", "API: nonsense", "WebUI: http://127.0.0.1:2"] {
            assert_eq!(address_in(other), None, "{other}");
        }
    }

    #[tokio::test]
    async fn a_program_that_ends_is_reported_with_its_words() {
        let directory = tempfile::tempdir().expect("a directory");
        let program = directory.path().join("minio");
        std::fs::write(&program, "#!/bin/sh\necho 'FATAL no drive' >&2\nexit 1\n").expect("a file");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("a mode");
        }
        let (_log, webhook) = crate::target::minio_log::AuditLog::start().await.expect("a port");
        let error = start(&program, &Credentials::new("someone", "something"), webhook.clone())
            .await
            .expect_err("it ended");
        assert_eq!(
            error.to_string(),
            format!("`{}` ended by itself; its last lines:\n  FATAL no drive", program.display())
        );
        let gone = start(&directory.path().join("none"), &Credentials::new("a", "b"), webhook).await;
        assert!(matches!(gone, Err(TargetError::NoBinary { .. })));
    }
}
