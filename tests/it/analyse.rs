//! `wormproof analyse` as a user runs it.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::sync::Arc;

use argon2::{Algorithm, Argon2, Params, Version};
use assert_cmd::Command;
use http::Method;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use serde_json::{Value, json};
use wormproof::store::client::{Client, Reply};
use wormproof::store::credentials::Credentials;
use wormproof::store::endpoint::Endpoint;
use wormproof::store::hyper_wire::HyperWire;
use wormproof::store::request::S3Request;
use wormproof::time::Clock;

use crate::live::{KEY, Ran, SECRET, command, not_run};

fn wormproof(args: &[&str]) -> std::process::Output {
    let mut command = Command::cargo_bin("wormproof").expect("the binary");
    command.env_clear().current_dir(env!("CARGO_MANIFEST_DIR")).args(args).output().expect("an output")
}

fn document(name: &str) -> String {
    format!("fixtures/policies/documents/{name}")
}

#[test]
fn a_policy_file_is_judged_offline_and_the_exit_code_tells() {
    let (bucket, identity) = (document("invoices-bucket.json"), document("invoices-identity.json"));
    let output = wormproof(&["analyse", "--policy", &bucket, &identity, "--sends", "retention,hold"]);
    let text = String::from_utf8(output.stdout).expect("text");
    assert_eq!(output.status.code(), Some(1), "{text}");
    for word in
        ["upload-impossible", "deny-wrong-action", "dead-grant", "invoices-identity.json:15 statement 2"]
    {
        assert!(text.contains(word), "{word}: {text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    let output = wormproof(&["analyse", "--policy", &bucket, "--fail-on", "high"]);
    assert_eq!(output.status.code(), Some(0));
    let snapshots = document("snapshots-rights.json");
    assert_eq!(wormproof(&["analyse", "--policy", &snapshots]).status.code(), Some(0));
    assert_eq!(wormproof(&["analyse", "--policy", &snapshots, "--server", "minio"]).status.code(), Some(1));
}

#[test]
fn a_file_that_cannot_be_read_is_never_a_pass() {
    let (good, template) = (document("snapshots-rights.json"), document("evidence-identity.template.json"));
    for bad in [template.as_str(), "fixtures/policies/no-such-file.json"] {
        let output = wormproof(&["analyse", "--policy", &good, bad, "--format", "json"]);
        assert_eq!(output.status.code(), Some(2), "{bad}");
        let shown: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let first = &shown["findings"][0];
        assert_eq!(
            (first["rule"].as_str(), first["state"].as_str()),
            (Some("not-readable"), Some("not-assessed"))
        );
        assert_eq!(first["about"].as_str(), Some(bad));
        // The other file is judged all the same.
        assert!(shown["answers"].as_array().is_some_and(|a| !a.is_empty()));
        assert!(String::from_utf8_lossy(&output.stderr).contains("error: "));
    }
}

#[test]
fn a_buckets_configuration_is_read_and_judged() {
    let output = wormproof(&["analyse", "--target", "embedded", "--format", "json"]);
    let shown: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| {
        panic!("{e}: {}", String::from_utf8_lossy(&output.stderr));
    });
    assert_eq!(shown["server"].as_str(), Some("aws"));
    let questions = shown["answers"].as_array().expect("answers").len();
    assert_eq!(questions, 11);
    let bypass = &shown["answers"][0];
    assert_eq!(bypass["question"].as_str(), Some("bypass-governance"));
    assert!(bypass["not_assessed"].is_string());
    // The demonstration bucket is locked; what it lacks is of little weight.
    assert_eq!(output.status.code(), Some(0), "{shown:#}");
    let demanding = ["analyse", "--target", "embedded", "--min-retention", "100y"];
    assert_eq!(wormproof(&demanding).status.code(), Some(1));
}

/// A MinIO of this test; it ends with it.
pub struct Minio {
    child: Child,
    pub url: String,
    runtime: tokio::runtime::Runtime,
    client: Client,
    root: Credentials,
}

impl Drop for Minio {
    fn drop(&mut self) {
        // Killing what has ended already is no error here.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Minio {
    pub fn start(binary: &str, directory: &std::path::Path) -> Self {
        let mut child = std::process::Command::new(binary)
            .args(["server", "--address", "127.0.0.1:0"])
            .arg(directory.join("data"))
            .env("MINIO_ROOT_USER", KEY)
            .env("MINIO_ROOT_PASSWORD", SECRET)
            .env("MINIO_BROWSER", "off")
            .env("MINIO_CI_CD", "1")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("MinIO starts");
        let mut lines = BufReader::new(child.stderr.take().expect("stderr")).lines();
        let url = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| {
                line.split_whitespace().find(|w| w.starts_with("http://127.")).map(ToOwned::to_owned)
            })
            .expect("an address");
        std::thread::spawn(move || lines.for_each(drop));
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let client = runtime.block_on(async { client_of(&url) });
        let minio = Self { child, url, runtime, client, root: Credentials::new(KEY, SECRET) };
        let health = S3Request::to_object(Method::GET, "minio", "health/cluster", None);
        for _ in 0..100 {
            if minio.runtime.block_on(minio.client.exchange(None, &health)).status() == Some(200) {
                return minio;
            }
            crate::live::pause();
        }
        panic!("MinIO is not ready");
    }

    pub fn send(&self, request: &S3Request) {
        let reply = self.runtime.block_on(self.client.exchange(Some(&self.root), request));
        assert!(reply.is_success(), "{request:?}: {:?}", reply.trouble());
    }

    /// One exchange as somebody.
    pub fn exchange(&self, who: &Credentials, request: &S3Request) -> Reply {
        self.runtime.block_on(self.client.exchange(Some(who), request))
    }

    /// A user with one policy.
    pub fn user(&self, name: &str, policy: &str) -> Credentials {
        self.admin("add-canned-policy", &[("name", name)], policy.as_bytes().to_vec());
        let body = json!({"secretKey": "a-long-secret", "status": "enabled"});
        self.admin("add-user", &[("accessKey", name)], sealed(&body));
        let query = [("policyName", name), ("userOrGroup", name), ("isGroup", "false")];
        self.admin("set-user-or-group-policy", &query, Vec::new());
        Credentials::new(name, "a-long-secret")
    }

    fn admin(&self, path: &str, query: &[(&str, &str)], body: Vec<u8>) {
        let mut request =
            S3Request::to_object(Method::PUT, "minio", &format!("admin/v3/{path}"), None).body(body);
        for (name, value) in query {
            request = request.query(name, value);
        }
        self.send(&request);
    }
}

/// A client of a server on a socket.
fn client_of(url: &str) -> Client {
    let endpoint = Endpoint::parse(url, None).expect("an endpoint");
    Client::new(Arc::new(HyperWire::new().expect("a wire")), endpoint, Clock::Real, "test")
}

/// As MinIO's own client encrypts a short body.
fn sealed(body: &Value) -> Vec<u8> {
    let mut header: Vec<u8> = (0..32).collect();
    header.push(0);
    header.extend(40..48);
    let mut key = [0_u8; 32];
    Argon2::new(
        Algorithm::Argon2id,
        Version::V0x13,
        Params::new(64 * 1024, 1, 4, Some(32)).expect("parameters"),
    )
    .hash_password_into(SECRET.as_bytes(), &header[..32], &mut key)
    .expect("a key");
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key).expect("a key"));
    let nonce = |number: u32| {
        let bytes: Vec<u8> = header[33..].iter().copied().chain(number.to_le_bytes()).collect();
        Nonce::try_assume_unique_for_key(&bytes).expect("a nonce")
    };
    let empty = key.seal_in_place_separate_tag(nonce(0), Aad::empty(), &mut []).expect("a tag");
    let bound: Vec<u8> = [0x80].into_iter().chain(empty.as_ref().iter().copied()).collect();
    let mut text = body.to_string().into_bytes();
    let tag = key.seal_in_place_separate_tag(nonce(1), Aad::from(bound), &mut text).expect("a tag");
    [header, text, tag.as_ref().to_vec()].concat()
}

/// The bucket `records`, users, a group and a service account: the writer may write, the replicator everything by its
/// group, the reader read, and who is gone nothing.
pub fn people(minio: &Minio) {
    minio.send(
        &S3Request::to_bucket(Method::PUT, "records").header("x-amz-bucket-object-lock-enabled", "true"),
    );
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Sid": "Write", "Effect": "Allow", "Action": ["s3:PutObject"], "Resource": ["arn:aws:s3:::records/*"]}]});
    minio.admin("add-canned-policy", &[("name", "records-writer")], policy.to_string().into_bytes());
    let reads = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": ["s3:Get*", "s3:List*"], "Resource": ["arn:aws:s3:::*"]}]});
    minio.admin("add-canned-policy", &[("name", "reads")], reads.to_string().into_bytes());
    for user in ["writer", "replicator", "reader", "gone"] {
        minio.admin(
            "add-user",
            &[("accessKey", user)],
            sealed(&json!({"secretKey": "a-long-secret", "status": "enabled"})),
        );
    }
    let attach = |policy: &str, to: &str, group: &str| {
        let query = [("policyName", policy), ("userOrGroup", to), ("isGroup", group)];
        minio.admin("set-user-or-group-policy", &query, Vec::new());
    };
    attach("records-writer", "writer", "false");
    attach("reads", "reader", "false");
    attach("consoleAdmin", "gone", "false");
    minio.admin("set-user-status", &[("accessKey", "gone"), ("status", "disabled")], Vec::new());
    let members =
        json!({"group": "ops", "members": ["replicator"], "isRemove": false, "groupStatus": "enabled"});
    minio.admin("update-group-members", &[], members.to_string().into_bytes());
    attach("consoleAdmin", "ops", "true");
    minio.admin(
        "add-service-account",
        &[],
        sealed(&json!({"targetUser": "writer", "accessKey": "writers-key", "secretKey": "another-secret"})),
    );
    minio.admin(
        "add-service-account",
        &[],
        sealed(&json!({"accessKey": "roots-key", "secretKey": "another-secret"})),
    );
}

#[test]
fn users_and_groups_of_a_real_minio_are_named_with_the_holes_they_hold() {
    let name = "users_and_groups_of_a_real_minio_are_named_with_the_holes_they_hold";
    #[expect(clippy::disallowed_methods, reason = "the test set-up hands its parts over by variables")]
    let Ok(binary) = std::env::var("WORMPROOF_TEST_MINIO") else {
        return not_run(&format!("{name} (WORMPROOF_TEST_MINIO)"));
    };
    let directory = tempfile::tempdir().expect("a directory");
    let minio = Minio::start(&binary, directory.path());
    people(&minio);
    let args = ["analyse", "s3://records", "--endpoint-url", &minio.url, "--format", "json"];
    let ran = Ran::of(&command(directory.path(), &args).output().expect("it runs"));
    ran.is_clean();
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let shown: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(shown["server"].as_str(), Some("minio"));
    let findings = shown["findings"].as_array().expect("findings");
    let of = |rule: &str| findings.iter().filter(|f| f["rule"] == rule).collect::<Vec<_>>();
    assert!(of("minio-users-not-read").is_empty(), "{}", ran.stderr);
    let holes = |user: &str| {
        let named =
            |f: &&&Value| f["about"].as_str().is_some_and(|a| a.starts_with(&format!("MinIO user {user} ")));
        of("minio-hole").iter().filter(named).count()
    };
    assert_eq!(
        (holes("writer"), holes("replicator"), holes("reader"), holes("gone")),
        (3, 13, 0, 0),
        "{shown:#}"
    );
    // The root user is in no list; whoever holds a key of it is named, and who is switched off is told.
    let roots = |f: &&&Value| f["about"] == "MinIO service account roots-key of the root user";
    assert_eq!(of("minio-hole").iter().filter(roots).count(), 13, "{}", ran.stderr);
    assert!(ran.stderr.contains("user gone is disabled"), "{}", ran.stderr);
    let writer = of("minio-hole")
        .into_iter()
        .find(|f| f["about"].as_str().is_some_and(|a| a.contains("writer")))
        .expect("a hole");
    let about = writer["about"].as_str().expect("a text");
    assert!(about.contains("(records-writer)") && about.contains("writers-key"), "{about}");
    assert!(!ran.stdout.contains("a-long-secret") && !ran.stdout.contains(SECRET));
    // Who may not read them is told so, and nobody is acquitted.
    let reader = command(directory.path(), &args)
        .env("MINIO_ACCESS_KEY", "reader")
        .env("MINIO_SECRET_KEY", "a-long-secret")
        .output()
        .expect("it runs");
    let reader = Ran::of(&reader);
    assert!(reader.stderr.contains("MinIO's users were not read"), "{}", reader.stderr);
    assert!(reader.stdout.contains("minio-users-not-read"), "{}", reader.stdout);
    assert_eq!(reader.code, Some(3), "{}", reader.stdout);
}
