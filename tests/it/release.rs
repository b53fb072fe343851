//! The demand on the server's release, through the binary: where the version comes from, what is said where there is
//! none, and that nothing else of the administrator's interface gets into the record.

use serde_json::{Value, json};
use wormproof::record::Record;
use wormproof::record::rejudge::rejudge;
use wormproof::store::ops;

use crate::live::{Act, BUCKET, Front, files, record, run_in};

const PROFILE: &str = r#"
name = "release"
title = "The server's release alone"
summary = "For tests."
from = "release.md"
verified-on = "2026-11-25"

[require]
mode = "compliance"

[configuration]
server-release = { server = "MinIO", not-before = "RELEASE.2020-09-17T04-49-20Z" }

[attacks]
run = ["WORM-101"]

[[item]]
list = "List"
id = "release-1"
text = "The release is known"
line = 1
configuration = ["server-release"]
"#;

const NEW: &str = "2025-09-07T16:13:09Z";
const SECRET: &str = "a-token-that-nobody-may-read";

/// What MinIO's administrator's interface answers of these servers.
fn told(versions: &[&str]) -> Option<String> {
    let servers = versions.iter().enumerate().map(|(n, version)| {
        json!({"endpoint": format!("node{n}:9000"), "state": "online", "version": version, "commitID": "07c3a429bfed",
            "minio_env_vars": {"MINIO_AUDIT_WEBHOOK_AUTH_TOKEN_A": SECRET}})
    });
    Some(json!({"mode": "online", "servers": servers.collect::<Vec<_>>()}).to_string())
}

/// Scans a bucket of a server of this name, whose administrator's interface answers so.
fn scanned(name: &'static str, answer: Option<String>) -> (Option<i32>, Value, tempfile::TempDir) {
    let front = Front::with(move |parts| match &answer {
        Some(text) if parts.uri.path() == "/minio/admin/v3/info" => {
            Act::Answer(200, vec![("server", name.to_owned())], text.clone())
        }
        _ => Act::PassAs(name),
    })
    .bucket();
    front.ok(&ops::put_object_lock_configuration(
        BUCKET,
        Some((wormproof::lock::Mode::Compliance, ops::DefaultPeriod::Days(1))),
    ));
    front.put("ledger", Some(front.days(2)), None);
    let home = tempfile::tempdir().expect("a directory");
    std::fs::write(home.path().join("release.toml"), PROFILE).expect("written");
    let args = ["scan", "s3://books", "--profile", "./release.toml", "--endpoint-url", &front.url];
    let ran = run_in(home.path(), &[&args[..], &["--output", "out"]].concat());
    ran.is_clean();
    let record = record(&home.path().join("out"));
    let verified = run_in(home.path(), &["verify", "out"]);
    assert_eq!(verified.code, Some(0), "{}", verified.stderr);
    (ran.code, record, home)
}

/// The demand's state and what was found, and the item's state.
fn said(record: &Value) -> (&str, &str, &str) {
    let demand = &record["profile"]["configuration"][0];
    let text = |value: &'_ Value| value.as_str().map(ToOwned::to_owned).expect("a text");
    assert_eq!(text(&demand["word"]), "server-release");
    let part = |name: &str| demand[name].as_str().expect("a text");
    (part("state"), part("found"), record["profile"]["items"][0]["state"].as_str().expect("a state"))
}

#[test]
fn the_release_of_every_server_is_read_and_nothing_else_of_the_answer_is_kept() {
    let (code, record, home) = scanned("MinIO", told(&[NEW, NEW]));
    assert_eq!((code, said(&record).0, said(&record).2), (Some(0), "met", "satisfied"), "{record:#}");
    assert_eq!(record["target"]["version"], NEW);
    assert_eq!(record["target"]["release"]["seen"][1]["server"], "node1:9000");
    for file in files(home.path()) {
        let bytes = std::fs::read(&file).expect("a file");
        assert!(!String::from_utf8_lossy(&bytes).contains(SECRET), "{}", file.display());
    }
    // What is said of the release has to follow from the exchange, and the demand from what is said.
    let tampered = |change: &dyn Fn(&mut Value)| {
        let mut changed = record.clone();
        change(&mut changed);
        rejudge(&serde_json::from_value::<Record>(changed).expect("a record"))
    };
    assert_eq!(tampered(&|_| {}), Vec::<String>::new());
    assert!(!tampered(&|r| r["target"]["release"]["seen"][0]["version"] = json!("DEVELOPMENT")).is_empty());
    assert!(!tampered(&|r| r["target"]["release"] = Value::Null).is_empty());
    assert!(!tampered(&|r| r["target"]["release"]["exchange"] = json!(0)).is_empty());
    assert!(
        !tampered(&|r| r["profile"]["configuration"][0]["found"] = json!("a release of today")).is_empty()
    );
}

#[test]
fn what_is_no_release_or_not_one_or_too_old_fails() {
    for (versions, words) in [
        (&["DEVELOPMENT.GOGET"][..], "is no release"),
        (&[NEW, "2025-09-08T16:13:09Z"], "not one release but several"),
        (&["2020-09-16T00:00:00Z"], "is older than RELEASE.2020-09-17T04-49-20Z"),
    ] {
        let (code, record, _home) = scanned("MinIO", told(versions));
        let (state, found, item) = said(&record);
        assert_eq!((code, state, item), (Some(1), "not met", "not satisfied"), "{found}");
        assert!(found.contains(words), "{found}");
    }
}

#[test]
fn a_version_that_nobody_tells_leaves_no_conclusion_and_another_server_no_fault() {
    for (name, answer, code, state, words) in [
        ("MinIO", None, 3, "not assessed", "an S3 client sees no version: the administrator's interface"),
        ("MinIO", Some("<html>".to_owned()), 3, "not assessed", "cannot be understood"),
        ("nginx", None, 3, "not assessed", "its answers name `nginx`"),
        ("", None, 3, "not assessed", "its answers name no product"),
        // A MinIO behind a proxy that hides its name.
        ("nginx", told(&[NEW]), 0, "met", "commit 07c3a429bfed"),
        ("AmazonS3", None, 0, "not applicable", "the server is Amazon S3"),
        ("wormproof", None, 0, "not applicable", "the embedded server of this tool"),
    ] {
        let (ended, record, _home) = scanned(name, answer);
        let (found_state, found, item) = said(&record);
        assert_eq!((ended, found_state), (Some(code), state), "{name}: {found}");
        assert!(found.contains(words), "{name}: {found}");
        assert_eq!(item == "satisfied", state == "met", "{name}: {item}");
    }
}
