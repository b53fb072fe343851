//! Servers that a test starts on 127.0.0.1, and ends.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use serde_json::json;
use wormproof::scenario::{Right, Role};
use wormproof::store::client::Client;
use wormproof::store::credentials::Credentials;
use wormproof::store::endpoint::Endpoint;
use wormproof::store::hyper_wire::HyperWire;
use wormproof::store::ops;
use wormproof::target::{Scope, session_policy};
use wormproof::time::Clock;

/// Access and secret key of the root user of every server here.
pub(super) const ROOT: (&str, &str) = ("AKIATESTROOT00000000", "only-for-tests-on-loopback");

/// What the test set-up hands over: the path of a server's binary, the name of an image.
#[expect(clippy::disallowed_methods, reason = "the test set-up hands servers over by variables")]
pub(super) fn part(variable: &str) -> Option<String> {
    std::env::var(variable).ok().filter(|v| !v.is_empty())
}

/// Says aloud, and for the closing count, that something was not run for want of a part. An error where CI is.
pub(crate) fn not_run(what: &str, missing: &str) {
    let text = format!("NOT RUN: {what}: no {missing}");
    writeln!(std::io::stderr(), "{text}").expect("stderr");
    if let Some(list) = part("WORMPROOF_NOT_RUN") {
        let mut file = std::fs::OpenOptions::new().append(true).create(true).open(list).expect("the list");
        writeln!(file, "{text}").expect("written");
    }
    assert_ne!(part("CI").as_deref(), Some("true"), "{text}");
}

/// A server that is killed when it is dropped.
#[derive(Debug)]
pub(super) struct Process(pub(super) Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A MinIO on a free port.
#[derive(Debug)]
pub(super) struct Minio {
    pub(super) url: String,
    // Ends before its directory goes.
    _process: Process,
    _directory: tempfile::TempDir,
}

impl Minio {
    pub(super) fn start(binary: &Path) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let mut child = Command::new(binary)
            .args(["server", "data", "--address", "127.0.0.1:0"])
            .current_dir(directory.path())
            .env_clear()
            .env("HOME", directory.path())
            .env("MINIO_ROOT_USER", ROOT.0)
            .env("MINIO_ROOT_PASSWORD", ROOT.1)
            .env("MINIO_BROWSER", "off")
            .env("MINIO_CI_CD", "1")
            .env("MINIO_UPDATE", "off")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("MinIO starts");
        let mut lines = BufReader::new(child.stderr.take().expect("stderr")).lines();
        let process = Process(child);
        let url = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| Some(line.trim().strip_prefix("API:")?.split_whitespace().next()?.to_owned()))
            .expect("MinIO says where it listens");
        // Read to the end, so that it never waits for a reader.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        wait_for(&url, "minio", "health/cluster");
        Self { url, _process: process, _directory: directory }
    }
}

/// A SeaweedFS on free ports, whose identities have the roles' rights.
#[derive(Debug)]
pub(super) struct Weed {
    pub(super) url: String,
    /// A configuration that names the keys of every role.
    pub(super) config: PathBuf,
    _process: Process,
    _directory: tempfile::TempDir,
}

impl Weed {
    pub(super) fn start(binary: &Path, bucket: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let at = |name: &str| directory.path().join(name);
        std::fs::create_dir(at("data")).expect("a directory");
        let (identities, config) = identities(bucket);
        std::fs::write(at("identities.json"), identities.to_string()).expect("written");
        std::fs::write(at("wormproof.toml"), config).expect("written");
        let ports = free_ports();
        let flags = [
            "-dir=data".to_owned(),
            "-ip=127.0.0.1".to_owned(),
            "-ip.bind=127.0.0.1".to_owned(),
            format!("-master.port={}", ports[0]),
            format!("-master.port.grpc={}", ports[1]),
            format!("-volume.port={}", ports[2]),
            format!("-volume.port.grpc={}", ports[3]),
            "-filer".to_owned(),
            format!("-filer.port={}", ports[4]),
            format!("-filer.port.grpc={}", ports[5]),
            "-s3".to_owned(),
            format!("-s3.port={}", ports[6]),
            format!("-s3.port.grpc={}", ports[7]),
            "-s3.port.iceberg=0".to_owned(),
            "-s3.port.lance=0".to_owned(),
            "-s3.config=identities.json".to_owned(),
            // Every bucket takes volumes of its own.
            "-volume.max=4000".to_owned(),
            "-master.volumeSizeLimitMB=64".to_owned(),
            "-master.telemetry=false".to_owned(),
        ];
        let log = std::fs::File::create(at("log")).expect("a file");
        let child = Command::new(binary)
            .arg("server")
            .args(flags)
            .current_dir(directory.path())
            .env_clear()
            .env("HOME", directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("SeaweedFS starts");
        let url = format!("http://127.0.0.1:{}", ports[6]);
        let process = Process(child);
        wait_for(&url, "healthz", "");
        Self { url, config: at("wormproof.toml"), _process: process, _directory: directory }
    }
}

/// Identities as SeaweedFS reads them, and the same keys as `wormproof.toml` names them.
fn identities(bucket: &str) -> (serde_json::Value, String) {
    let scope = Scope::new(bucket, "");
    let mut identities = vec![json!({
        "name": "administrator",
        "credentials": [{ "accessKey": ROOT.0, "secretKey": ROOT.1 }],
        "actions": ["Admin"],
    })];
    let (mut policies, mut config) = (Vec::new(), String::new());
    for &role in Role::ALL.iter().filter(|r| !matches!(r, Role::Administrator | Role::Anonymous)) {
        let (access, secret) = (format!("AKIATEST{role}"), format!("secret-of-the-{role}-in-tests"));
        let policy = session_policy(role, &scope).expect("a policy");
        policies.push(json!({ "name": role.word(), "content": policy }));
        identities.push(json!({
            "name": role.word(),
            "credentials": [{ "accessKey": access, "secretKey": secret }],
            "policyNames": [role.word()],
        }));
        config.push_str(&format!(
            "[principals.{role}]\naccess-key = \"{access}\"\nsecret-key = \"{secret}\"\n"
        ));
    }
    assert!(Role::Writer.holds(Right::PutObject) && policies.len() == Role::ALL.len() - 2);
    (json!({ "identities": identities, "policies": policies }), config)
}

/// Eight ports that were free a moment ago.
pub(super) fn free_ports() -> Vec<u16> {
    let listeners: Vec<_> =
        (0..8).map(|_| std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port")).collect();
    listeners.iter().map(|l| l.local_addr().expect("an address").port()).collect()
}

pub(super) fn client(url: &str) -> Client {
    let endpoint = Endpoint::parse(url, Some("us-east-1")).expect("an endpoint");
    Client::new(Arc::new(HyperWire::new().expect("a wire")), endpoint, Clock::Real, "wormproof/test")
}

pub(super) fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work)
}

/// Waits until an address of the server answers 200.
pub(super) fn wait_for(url: &str, bucket: &str, key: &str) {
    use wormproof::store::request::{Auth, S3Request};
    block_on(async {
        let client = client(url);
        let health = if key.is_empty() {
            S3Request::to_bucket(http::Method::GET, bucket)
        } else {
            S3Request::to_object(http::Method::GET, bucket, key, None)
        };
        let health = health.auth(Auth::Anonymous);
        for _ in 0..600 {
            if client.exchange(None, &health).await.status() == Some(200) {
                return;
            }
            Clock::Real.sleep(std::time::Duration::from_millis(100)).await;
        }
        panic!("{url} does not become ready");
    });
}

/// Sends a request that has to succeed.
pub(super) fn send(
    url: &str,
    (access, secret): (&str, &str),
    request: &wormproof::store::request::S3Request,
) {
    block_on(async {
        let who = Credentials::new(access, secret);
        let reply = client(url).exchange(Some(&who), request).await;
        assert!(reply.is_success(), "{} {:?}", reply.exchange.sent.target, reply.trouble());
    });
}

/// Makes a bucket with Object Lock and no default retention.
pub(super) fn make_bucket(url: &str, (access, secret): (&str, &str), bucket: &str) {
    block_on(async {
        let who = Credentials::new(access, secret);
        let reply = client(url).exchange(Some(&who), &ops::create_bucket(bucket, true, "us-east-1")).await;
        assert!(reply.is_success(), "{:?}", reply.trouble());
    });
}
