//! The audit on real servers: MinIO as a binary, as a live bucket and in a container, SeaweedFS as a live bucket, and the
//! embedded server on a socket. Every verdict is `pass` or a known deviation (`fixtures/known-deviations`), and every
//! pack holds by other people's tools.

mod deviations;
mod event_log;
mod evidence;
mod page;
mod proxied;
mod running;
mod same;
mod terms;

use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::OnceLock;

use assert_cmd::Command;
use serde_json::{Value, json};
use wormproof::scenario::{Right, Role};

use deviations::Known;
use running::{Minio, Weed, not_run, part};

/// One audit, as the whole world sees it.
struct Audited {
    dir: PathBuf,
    code: Option<i32>,
    stderr: String,
    record: Value,
}

impl Audited {
    fn scenario(&self, id: &str) -> &Value {
        let all = self.record["scenarios"].as_array().expect("scenarios");
        all.iter().find(|s| s["id"] == id).unwrap_or_else(|| panic!("{id} is not in the record"))
    }
}

/// The binary, without what the user's environment says about stores.
fn wormproof(args: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::cargo_bin("wormproof").expect("the binary");
    for name in
        ["MINIO_ENDPOINT", "MINIO_ACCESS_KEY", "MINIO_SECRET_KEY", "MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD"]
    {
        command.env_remove(name);
    }
    // Nor the user's configuration file.
    command.current_dir(env!("CARGO_TARGET_TMPDIR"));
    command.envs(variables.iter().copied()).args(args).output().expect("it runs")
}

fn audit(name: &str, args: &[&str], variables: &[(&str, &str)]) -> Audited {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("servers").join(name);
    let _ = std::fs::remove_dir_all(&dir);
    let path = dir.to_str().expect("a path");
    let run = wormproof(&[&["audit", "--quiet", "--output", path], args].concat(), variables);
    let stderr = String::from_utf8_lossy(&run.stderr).into_owned();
    let record = std::fs::read(dir.join("results.json")).unwrap_or_else(|e| panic!("{name}: {e}: {stderr}"));
    let record = serde_json::from_slice(&record).expect("json");
    Audited { dir, code: run.status.code(), stderr, record }
}

/// The reason of a hole says which bytes were there and which are there now, and who can do it.
fn named(audited: &Audited, id: &str, covers: &str, weakest: &str, words: &str) {
    let found = audited.scenario(id);
    assert_eq!(found["verdict"], "fail", "{id}");
    assert_eq!(found["weakest"], weakest, "{id}");
    assert!(
        found["covers"].as_array().is_some_and(|c| c.iter().any(|c| c == covers)),
        "{id} covers {covers}"
    );
    let reason = found["reason"].as_str().expect("a reason");
    assert!(reason.contains(words), "{id}: {reason}");
}

fn minio_binary() -> Option<&'static Audited> {
    static RUN: OnceLock<Option<Audited>> = OnceLock::new();
    RUN.get_or_init(|| {
        let minio = part("WORMPROOF_TEST_MINIO")?;
        Some(audit("minio-binary", &["--target", "minio", "--minio-binary", &minio], &[]))
    })
    .as_ref()
}

#[test]
fn minio_as_a_binary_has_the_known_holes_and_no_others() {
    let Some(audited) = minio_binary() else {
        return not_run("minio_as_a_binary_has_the_known_holes_and_no_others", "WORMPROOF_TEST_MINIO");
    };
    assert_eq!(audited.code, Some(1), "{}", audited.stderr);
    let known = Known::of("minio");
    assert_eq!(audited.record["target"]["version"], known.server.version);
    known.compare(&audited.record, false);
    evidence::holds(&audited.dir);
}

#[test]
fn the_holes_of_minio_are_named_with_who_and_what_is_left() {
    let Some(audited) = minio_binary() else {
        return not_run("the_holes_of_minio_are_named_with_who_and_what_is_left", "WORMPROOF_TEST_MINIO");
    };
    named(audited, "WORM-301", "A1", "administrator", "ledger is gone; draft is gone; evidence is gone");
    named(audited, "WORM-302", "A2", "administrator", "ledger holds other bytes: SHA-256 ");
    named(audited, "WORM-303", "A3", "application", "ledger holds other bytes: SHA-256 ");
    named(audited, "WORM-305", "A4", "writer", "ledger holds other bytes: SHA-256 ");
    named(audited, "WORM-307", "A6", "writer", "ledger holds other bytes: SHA-256 ");
    named(audited, "WORM-308", "A7", "writer", "ledger holds other bytes: SHA-256 ");
    named(audited, "WORM-506", "GOV-03", "application", "draft had GOVERNANCE until ");
}

#[test]
fn what_minio_logs_of_a_bypass_is_read_from_its_webhook_and_keeps_no_secret() {
    let name = "what_minio_logs_of_a_bypass_is_read_from_its_webhook_and_keeps_no_secret";
    let Some(audited) = minio_binary() else { return not_run(name, "WORMPROOF_TEST_MINIO") };
    for id in ["WORM-520", "WORM-521", "WORM-522", "WORM-523", "WORM-524", "WORM-525"] {
        let found = audited.scenario(id);
        assert_eq!(found["verdict"], "pass", "{id}: {}", found["reason"]);
        let steps = found["runs"][0]["steps"].as_array().expect("steps");
        let said: Vec<&str> = steps.iter().filter_map(|s| s["answered"].as_str()).collect();
        assert!(
            said.iter().any(|s| s.contains("in its log as: ") && s.contains(" version ")),
            "{id}: {said:?}"
        );
    }
    for (id, words) in [("WORM-526", "which entries were refused"), ("WORM-527", "changed to")] {
        let found = audited.scenario(id);
        assert_eq!(found["cause"], "not-logged", "{id}: {}", found["reason"]);
        assert!(found["reason"].as_str().is_some_and(|r| r.contains(words)), "{id}: {}", found["reason"]);
    }
    let notes: Vec<&str> = audited.record["events"]
        .as_array()
        .expect("events")
        .iter()
        .filter_map(|e| e["what"]["note"].as_str()?.strip_prefix("the server's own log: "))
        .collect();
    assert!(notes.len() >= 8, "{} entries of the log are in the record", notes.len());
    for note in notes {
        let entry: Value = serde_json::from_str(note).expect("an entry as MinIO wrote it");
        assert_eq!(entry["requestHeader"]["Authorization"], "(redacted)", "{note}");
        assert_eq!(entry["requestHeader"]["X-Amz-Security-Token"], "(redacted)", "{note}");
        assert!(!note.contains("Signature="), "{note}");
    }
}

#[test]
fn a_live_minio_bucket_without_a_default_has_the_same_holes_and_little_stays_behind() {
    let name = "a_live_minio_bucket_without_a_default_has_the_same_holes_and_little_stays_behind";
    let Some(binary) = part("WORMPROOF_TEST_MINIO") else { return not_run(name, "WORMPROOF_TEST_MINIO") };
    let minio = Minio::start(Path::new(&binary));
    running::make_bucket(&minio.url, running::ROOT, "books");
    let audited = audit(
        "minio-live",
        &["s3://books/2024/", "--endpoint-url", &minio.url, "--yes"],
        &[("MINIO_ACCESS_KEY", running::ROOT.0), ("MINIO_SECRET_KEY", running::ROOT.1)],
    );
    assert_eq!(audited.code, Some(1), "{}", audited.stderr);
    Known::of("minio").compare(&audited.record, true);
    named(&audited, "WORM-305", "A4", "writer", "ledger holds other bytes: SHA-256 ");
    // Reach `object`: nothing but canaries under the audited prefix, and no lock beyond some minutes.
    let finished = audited.record["times"]["finished"].as_str().expect("a time");
    let finished = wormproof::time::parse_wire(finished).expect("a time");
    for left in audited.record["residue"].as_array().expect("residue") {
        assert_eq!(left["bucket"], "books");
        assert!(left["key"].as_str().expect("a key").starts_with("2024/.wormproof/"), "{left}");
        if let Some(until) = left["until"].as_str() {
            let until = wormproof::time::parse_wire(until).expect("a time");
            assert!(until - finished < chrono::TimeDelta::minutes(10), "{left}");
        }
    }
    evidence::holds(&audited.dir);
}

#[test]
fn after_the_side_doors_of_minio_nothing_is_left_and_nothing_is_found() {
    let name = "after_the_side_doors_of_minio_nothing_is_left_and_nothing_is_found";
    let Some(binary) = part("WORMPROOF_TEST_MINIO") else { return not_run(name, "WORMPROOF_TEST_MINIO") };
    let minio = Minio::start(Path::new(&binary));
    let keys = [("MINIO_ACCESS_KEY", running::ROOT.0), ("MINIO_SECRET_KEY", running::ROOT.1)];
    // By the journal, and in the other bucket without it.
    let beside = &|bucket: &'static str| {
        running::make_bucket(&minio.url, running::ROOT, bucket);
        let location = format!("s3://{bucket}");
        let at = ["--endpoint-url", minio.url.as_str()];
        let only = ["--yes", "--only", "WORM-307", "--only", "WORM-317", "--only", "MINIO-A6"];
        let audited =
            audit(&format!("left-{bucket}"), &[&[location.as_str()], &at[..], &only].concat(), &keys);
        for id in ["WORM-307", "WORM-317", "MINIO-A6"] {
            assert_eq!(audited.scenario(id)["verdict"], "fail", "{id}");
        }
        let scanned = audited.record["scan"]["findings"].as_object().expect("findings");
        let of_versions: Vec<_> = scanned.keys().filter(|rule| *rule != "no-default-retention").collect();
        assert!(of_versions.is_empty(), "{of_versions:?}");
        let residue = audited.record["residue"].as_array().expect("residue");
        assert!(residue.iter().all(|r| r["why"] == "COMPLIANCE retention"), "{residue:?}");
        let journal = audited.dir.to_str().expect("a path");
        let more = if bucket == "by-journal" { vec!["--journal", journal] } else { Vec::new() };
        let swept = wormproof(&[&["cleanup", &location, "--wait"], &at[..], &more].concat(), &keys);
        let said = String::from_utf8_lossy(&swept.stdout).into_owned();
        assert_eq!(swept.status.code(), Some(0), "{said}{}", String::from_utf8_lossy(&swept.stderr));
        assert!(!said.contains("kept"), "{said}");
        let scanned =
            wormproof(&[&["scan", &location, "--quiet", "--format", "json"], &at[..]].concat(), &keys);
        assert_eq!(scanned.status.code(), Some(4), "{}", String::from_utf8_lossy(&scanned.stderr));
        let record: Value = serde_json::from_slice(&scanned.stdout).expect("json");
        let scan = &record["scan"];
        assert_eq!(
            (&scan["versions"], &scan["markers"], &scan["left_out"]),
            (&0.into(), &0.into(), &json!({}))
        );
    };
    std::thread::scope(|scope| {
        for bucket in ["by-journal", "by-search"] {
            scope.spawn(move || beside(bucket));
        }
    });
}

#[test]
fn minio_in_a_container_is_audited_and_the_container_is_gone_afterwards() {
    let name = "minio_in_a_container_is_audited_and_the_container_is_gone_afterwards";
    let Some(image) = part("WORMPROOF_TEST_IMAGE") else { return not_run(name, "WORMPROOF_TEST_IMAGE") };
    let audited = audit(
        "minio-container",
        &[
            "--target",
            "minio",
            "--minio-image",
            &image,
            "--only",
            "version-id",
            "--only",
            "governance-and-hold",
        ],
        &[],
    );
    assert_eq!(audited.code, Some(1), "{}", audited.stderr);
    assert_eq!(audited.record["target"]["kind"], "container");
    Known::of("minio").compare(&audited.record, true);
    named(&audited, "WORM-301", "A1", "administrator", "ledger is gone");
    let of_image = format!("ancestor={image}");
    let list = ["ps", "--all", "--quiet", "--filter", &of_image];
    let left = std::process::Command::new("docker").args(list).output().expect("docker");
    assert!(left.status.success(), "{}", String::from_utf8_lossy(&left.stderr));
    assert_eq!(String::from_utf8_lossy(&left.stdout), "", "containers are left");
    evidence::holds(&audited.dir);
}

#[test]
fn seaweedfs_holds_but_for_the_known_deviations() {
    let name = "seaweedfs_holds_but_for_the_known_deviations";
    let Some(binary) = part("WORMPROOF_TEST_WEED") else { return not_run(name, "WORMPROOF_TEST_WEED") };
    let weed = Weed::start(Path::new(&binary), "books");
    running::make_bucket(&weed.url, running::ROOT, "books");
    let config = weed.config.to_str().expect("a path");
    let audited = audit(
        "seaweedfs",
        &["s3://books", "--endpoint-url", &weed.url, "--config", config, "--yes", "--allow", "all"],
        &[("MINIO_ACCESS_KEY", running::ROOT.0), ("MINIO_SECRET_KEY", running::ROOT.1)],
    );
    assert_eq!(audited.code, Some(1), "{}", audited.stderr);
    let known = Known::of("seaweedfs");
    assert_eq!(audited.record["target"]["server"], known.server.version);
    assert_eq!(audited.record["dialect"]["name"], "seaweedfs");
    known.compare(&audited.record, false);
    for role in audited.record["principals"].as_array().expect("principals") {
        assert_eq!(role["missing"], Value::Null, "{role}");
    }
    evidence::holds(&audited.dir);
}

#[test]
fn the_embedded_server_says_the_same_in_the_process_and_on_a_socket() {
    let inside = audit("embedded", &[], &[]);
    let socket = audit("embedded-socket", &["--socket"], &[]);
    assert_eq!((inside.code, socket.code), (Some(0), Some(0)), "{}{}", inside.stderr, socket.stderr);
    assert!(socket.record["target"]["endpoint"].as_str().is_some_and(|e| e.starts_with("http://127.0.0.1:")));
    same::assert_same(&inside.record, &socket.record);
}

#[test]
fn the_document_about_the_servers_says_what_the_files_record() {
    page::is_current();
}

#[test]
fn the_scripts_give_the_roles_the_rights_that_they_hold() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/servers/roles.json");
    let roles: Value =
        serde_json::from_str(&std::fs::read_to_string(path).expect("roles.json")).expect("json");
    // The operator's are actions of MinIO's admin API, which the other servers would not take in a policy.
    let left_out = [Role::Administrator, Role::Anonymous, Role::Operator];
    for &role in Role::ALL.iter().filter(|r| !left_out.contains(r)) {
        let words = |rights: &[Right]| -> Vec<Value> { rights.iter().map(|r| r.word().into()).collect() };
        let allow = role.rights().map_or_else(|| vec!["s3:*".into()], |rights| words(&rights));
        let wanted = serde_json::json!({ "allow": allow, "deny": words(role.denied()) });
        assert_eq!(roles[role.word()], wanted, "{role}");
    }
    assert_eq!(roles.as_object().map(serde_json::Map::len), Some(Role::ALL.len() - left_out.len()));
}
