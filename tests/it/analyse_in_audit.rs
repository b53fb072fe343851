//! The analysis as a part of `audit`: what is read, proven, waived, and what it does to the exit code.

use std::path::Path;

use serde_json::Value;
use wormproof::store::ops;

use crate::analyse::{Minio, people};
use crate::live::{Act, BUCKET, Front, Ran, command, fault, not_run, record, run_in};

/// Audits the bucket with a few scenarios.
fn audit(front: &Front, home: &Path, out: &str, only: &[&str], more: &[&str]) -> (Ran, Value) {
    let mut args = vec!["audit", "s3://books", "--yes", "--endpoint-url", &front.url, "--output", out];
    args.extend(only.iter().flat_map(|id| ["--only", id]));
    args.extend(more);
    let ran = run_in(home, &args);
    ran.is_clean();
    let record = record(&home.join(out));
    (ran, record)
}

fn of_rule<'r>(record: &'r Value, rule: &str) -> Vec<&'r Value> {
    let findings = record["analysis"]["findings"].as_array().expect("an analysis");
    findings.iter().filter(|f| f["rule"] == rule).collect()
}

/// A bucket with a default retention whose policy lets anybody bypass governance.
fn open_bucket() -> Front {
    let front = Front::truthful().bucket();
    let default = Some((wormproof::lock::Mode::Governance, ops::DefaultPeriod::Days(1)));
    front.ok(&ops::put_object_lock_configuration(BUCKET, default));
    front.put("ledger", Some(front.days(2)), None);
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Sid":"Everybody","Effect":"Allow","Principal":"*",
        "Action":["s3:BypassGovernanceRetention","s3:DeleteObjectVersion"],"Resource":"arn:aws:s3:::books/*"}]}"#;
    front.ok(&ops::put_bucket_policy(BUCKET, policy));
    front
}

#[test]
fn a_policy_that_lets_anybody_bypass_governance_fails_the_audit_and_its_scenario_proves_it() {
    let (front, home) = (open_bucket(), tempfile::tempdir().expect("a directory"));
    // Without the scenario the finding is read, and fails alone.
    let (ran, read) = audit(&front, home.path(), "read", &["WORM-101"], &[]);
    assert_eq!(ran.code, Some(1), "{}", ran.stdout);
    assert_eq!(read["summary"]["fail"], 0);
    let reason = read["outcome"]["reason"].as_str().expect("a reason");
    assert!(reason.contains("of the analysis") && reason.contains("public"), "{reason}");
    let bypass = |record: &Value| {
        let all = of_rule(record, "public");
        let of = all.iter().find(|f| f["confirm"][0]["scenario"] == "WORM-508").expect("a finding");
        (*of).clone()
    };
    assert_eq!(
        (&bypass(&read)["state"], &bypass(&read)["severity"]),
        (&"analysed".into(), &"critical".into())
    );
    assert_eq!(bypass(&read)["statement"]["sid"], "Everybody");

    let (ran, tried) = audit(&front, home.path(), "tried", &["WORM-508"], &[]);
    assert_eq!(ran.code, Some(1));
    let proven = bypass(&tried);
    assert_eq!((&proven["state"], &proven["proven_by"]), (&"proven".into(), &"WORM-508".into()));
    assert_eq!(proven["proven_as"], "anonymous");
    assert!(ran.stdout.contains("proven by WORM-508 (as anonymous)"), "{}", ran.stdout);
    let junit = std::fs::read_to_string(home.path().join("tried/junit.xml")).expect("junit.xml");
    assert!(junit.contains("<testsuite name=\"analysis\"") && junit.contains("type=\"public\""), "{junit}");
    // Everything again from the record, and a proof that is only claimed is found out.
    let verified = run_in(home.path(), &["verify", "tried"]);
    assert_eq!(verified.code, Some(0), "{}", verified.stderr);

    // A waiver of the scenario does not cover the finding, nor the other way round.
    let accepted = |ids: &[&str]| {
        let waiver = |id: &&str| {
            format!("[[waiver]]\nid = \"{id}\"\nreason = \"r\"\nowner = \"o\"\nuntil = 2099-01-01\n")
        };
        std::fs::write(home.path().join("wormproof.toml"), ids.iter().map(waiver).collect::<String>())
            .expect("written");
    };
    for (out, ids, code) in [
        ("scenario-alone", &["WORM-508"][..], 1),
        ("finding-alone", &["public"], 1),
        ("both", &["WORM-508", "public"], 0),
    ] {
        accepted(ids);
        let (ran, record) = audit(&front, home.path(), out, &["WORM-508"], &["--config", "wormproof.toml"]);
        assert_eq!(ran.code, Some(code), "{out}: {}", ran.stdout);
        assert_eq!(bypass(&record)["state"], "proven");
        assert_eq!(bypass(&record)["waived"].is_string(), ids.contains(&"public"));
        assert_eq!(run_in(home.path(), &["verify", out]).code, Some(0));
    }
}

#[test]
fn a_policy_that_cannot_be_read_is_shown_and_fails_nothing_that_does_not_require_it() {
    let front = Front::with(|parts| {
        let query = parts.uri.query().unwrap_or_default();
        if query.split('&').any(|q| q.starts_with("policy")) && parts.method == "GET" {
            fault(403, "AccessDenied", "Access Denied")
        } else {
            Act::Pass
        }
    })
    .bucket();
    let default = Some((wormproof::lock::Mode::Compliance, ops::DefaultPeriod::Days(1)));
    front.ok(&ops::put_object_lock_configuration(BUCKET, default));
    front.put("ledger", Some(front.days(2)), None);
    let home = tempfile::tempdir().expect("a directory");
    let (ran, record) = audit(&front, home.path(), "out", &["WORM-101"], &[]);
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
    let unread = of_rule(&record, "not-readable");
    assert!(
        unread.iter().any(|f| f["about"] == "bucket policy" && f["state"] == "not-assessed"),
        "{record:#}"
    );
    assert!(ran.stdout.contains("the bucket policy could not be read"), "{}", ran.stdout);
    // Words that findings about the bucket have said are not said again.
    assert!(record["findings"].as_array().expect("findings").is_empty());
}

#[test]
fn one_word_stands_on_one_side_only() {
    let front = Front::truthful();
    front.ok(&ops::create_bucket(BUCKET, false, "us-east-1"));
    let home = tempfile::tempdir().expect("a directory");
    let (ran, record) = audit(&front, home.path(), "out", &["WORM-601"], &[]);
    assert_eq!(ran.code, Some(1), "{}", ran.stdout);
    let said: Vec<&str> =
        record["findings"].as_array().expect("findings").iter().filter_map(|f| f["rule"].as_str()).collect();
    assert_eq!(said, ["no-versioning", "no-object-lock"]);
    for rule in said {
        assert!(of_rule(&record, rule).is_empty(), "{rule}");
    }
    assert!(!of_rule(&record, "no-notification").is_empty(), "the rest is there");
}

const UPLOADS: &str = r#"
name = "uploads"
title = "Uploads under the policies that were read"
summary = "For tests."
from = "uploads.md"
verified-on = "2026-11-25"

[require]
mode = "compliance"

[upload]
sends = ["retention"]

[attacks]
run = ["WORM-101"]

[[item]]
list = "List"
id = "uploads"
text = "The application can store records"
line = 1
analysis = ["upload-impossible", "retention-denied-to-writer"]

[[item]]
list = "List"
id = "denies"
text = "What is denied is what does the harm"
line = 2
analysis = ["deny-wrong-action"]
"#;

/// An identity policy with these statements, in a file.
fn identity(home: &Path, name: &str, statements: &[(&str, &[&str])]) {
    let statements: Vec<Value> = statements
        .iter()
        .map(|(effect, actions)| {
            serde_json::json!({"Effect": effect, "Action": actions, "Resource": "arn:aws:s3:::books/*"})
        })
        .collect();
    let policy = serde_json::json!({"Version": "2012-10-17", "Statement": statements});
    std::fs::write(home.join(name), policy.to_string()).expect("written");
}

fn item<'r>(record: &'r Value, id: &str) -> (&'r str, &'r str) {
    let items = record["profile"]["items"].as_array().expect("items");
    let item = items.iter().find(|i| i["id"] == id).expect("an item");
    (item["state"].as_str().expect("a state"), item["reason"].as_str().expect("a reason"))
}

#[test]
fn without_identity_policies_nothing_is_said_of_uploads_and_with_them_they_are_judged() {
    let front = Front::truthful().bucket();
    let default = Some((wormproof::lock::Mode::Compliance, ops::DefaultPeriod::Days(1)));
    front.ok(&ops::put_object_lock_configuration(BUCKET, default));
    front.put("ledger", Some(front.days(2)), None);
    let home = tempfile::tempdir().expect("a directory");
    std::fs::write(home.path().join("uploads.toml"), UPLOADS).expect("written");
    identity(home.path(), "app.json", &[("Allow", &["s3:PutObject", "s3:PutObjectRetention"])]);
    identity(home.path(), "bare.json", &[("Allow", &["s3:PutObject"]), ("Deny", &["s3:DeleteObject"])]);
    identity(home.path(), "reader.json", &[("Allow", &["s3:GetObject"])]);
    let audit = |out: &str, policies: &[&str]| {
        let mut more = vec!["--profile", "./uploads.toml"];
        more.extend(policies.iter().flat_map(|file| ["--policy", file]));
        let record = audit(&front, home.path(), out, &[], &more);
        let verified = run_in(home.path(), &["verify", out]);
        assert_eq!(verified.code, Some(0), "{}", verified.stderr);
        record
    };
    let (ran, record) = audit("none", &[]);
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
    for id in ["uploads", "denies"] {
        let (state, reason) = item(&record, id);
        assert_eq!(state, "not assessed", "{id}: {reason}");
        assert!(
            reason.contains("no identity policy was read") && reason.contains("--policy FILE"),
            "{reason}"
        );
    }
    // Who may not upload shows nothing of uploads.
    let (_, record) = audit("reader", &["reader.json"]);
    assert_eq!((item(&record, "uploads").0, item(&record, "denies").0), ("not assessed", "satisfied"));
    assert!(item(&record, "uploads").1.contains("reader.json"), "{}", item(&record, "uploads").1);

    let (ran, record) = audit("bare", &["bare.json"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stdout);
    assert_eq!((item(&record, "uploads").0, item(&record, "denies").0), ("not satisfied", "not satisfied"));
    assert!(!of_rule(&record, "upload-impossible").is_empty());

    let (ran, record) = audit("both", &["app.json", "reader.json"]);
    assert_eq!((item(&record, "uploads").0, item(&record, "denies").0), ("satisfied", "satisfied"));
    let policies = record["analysis"]["policies"].as_array().expect("policies");
    assert_eq!(policies.iter().map(|p| &p["name"]).collect::<Vec<_>>(), ["app.json", "reader.json"]);
    assert_eq!(record["analysis"]["identities"]["uploaders"], serde_json::json!(["app.json"]));
    let digest = policies[0]["sha256"].as_str().expect("a digest");
    assert!(ran.stdout.contains(&format!("app.json ({})", &digest[..12])), "{}", ran.stdout);
    // Text and digest belong together, and no policy is read that is not there.
    let tampered = |change: &dyn Fn(&mut Value)| {
        let mut changed = record.clone();
        change(&mut changed);
        let changed = serde_json::from_value::<wormproof::record::Record>(changed).expect("a record");
        wormproof::record::rejudge::rejudge(&changed)
    };
    assert_eq!(tampered(&|_| {}), Vec::<String>::new());
    assert!(!tampered(&|r| r["analysis"]["policies"][0]["text"] = "{}".into()).is_empty());
    assert!(!tampered(&|r| r["analysis"]["identities"]["read"] = serde_json::json!(["other"])).is_empty());
    assert!(!tampered(&|r| r["analysis"]["identities"]["uploaders"] = serde_json::json!([])).is_empty());
}

#[test]
fn a_policy_that_cannot_be_read_ends_an_audit_before_anything_is_sent() {
    let front = Front::truthful().bucket();
    let home = tempfile::tempdir().expect("a directory");
    std::fs::write(home.path().join("bad.json"), "{\"Statement\": 1}").expect("written");
    identity(home.path(), "app.json", &[("Allow", &["s3:PutObject"])]);
    let run = |args: &[&str]| {
        run_in(home.path(), &[args, &["--endpoint-url", &front.url, "--output", "out"]].concat())
    };
    let bucket = r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*"}}"#;
    std::fs::write(home.path().join("bucket.json"), bucket).expect("written");
    for file in ["none.json", "bad.json", "bucket.json"] {
        let ran = run(&["audit", "s3://books", "--policy", "app.json", file]);
        ran.is_clean();
        assert_eq!(ran.code, Some(2), "{ran:#?}");
        assert!(ran.stderr.contains(file), "{}", ran.stderr);
    }
    run(&["attack", "s3://books", "--policy", "app.json"]).fails(2, "--policy is for the analysis", "audit");
    assert!(front.seen.lock().expect("a lock").is_empty());
    assert!(!home.path().join("out").join("results.json").exists());
}

#[test]
fn on_the_embedded_server_nobody_is_there_whose_policies_could_be_missing() {
    let home = tempfile::tempdir().expect("a directory");
    std::fs::write(home.path().join("uploads.toml"), UPLOADS).expect("written");
    let mut command = command(home.path(), &["audit", "--profile", "./uploads.toml", "--output", "out"]);
    command.env_remove("MINIO_SECRET_KEY").env_remove("MINIO_ACCESS_KEY");
    let ran = Ran::of(&command.output().expect("it runs"));
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    let record = record(&home.path().join("out"));
    assert_eq!(record["analysis"]["identities"]["whole"], true);
    assert_eq!(item(&record, "uploads").0, "satisfied", "{}", item(&record, "uploads").1);
}

#[test]
fn everybody_who_holds_a_hole_of_a_real_minio_is_named_in_the_record_of_an_audit() {
    let name = "everybody_who_holds_a_hole_of_a_real_minio_is_named_in_the_record_of_an_audit";
    #[expect(clippy::disallowed_methods, reason = "the test set-up hands its parts over by variables")]
    let Ok(binary) = std::env::var("WORMPROOF_TEST_MINIO") else {
        return not_run(&format!("{name} (WORMPROOF_TEST_MINIO)"));
    };
    let home = tempfile::tempdir().expect("a directory");
    let minio = Minio::start(&binary, home.path());
    people(&minio);
    let mut args = vec!["audit", "s3://records", "--yes", "--endpoint-url", &minio.url, "--output", "out"];
    args.extend(["WORM-305", "WORM-310", "MINIO-A2"].iter().flat_map(|id| ["--only", id]));
    let ran = Ran::of(&command(home.path(), &args).output().expect("it runs"));
    ran.is_clean();
    assert_eq!(ran.code, Some(1), "{}", ran.stdout);
    let record = record(&home.path().join("out"));
    assert_eq!(record["analysis"]["server"], "minio");
    assert!(of_rule(&record, "minio-users-not-read").is_empty());
    let holes = of_rule(&record, "minio-hole");
    let of = |user: &str| {
        let about = format!("MinIO user {user} ");
        let held = holes.iter().filter(|f| f["about"].as_str().is_some_and(|a| a.starts_with(&about)));
        held.copied().collect::<Vec<_>>()
    };
    assert_eq!(
        (of("writer").len(), of("replicator").len(), of("reader").len(), of("gone").len()),
        (3, 13, 0, 0)
    );
    let writer = of("writer")[0];
    assert!(writer["about"].as_str().is_some_and(|a| a.contains("writers-key")), "{writer}");
    assert_eq!((&writer["proven_by"], &writer["proven_as"]), (&"WORM-305".into(), &"writer".into()));
    let by = |scenario: &str| {
        let all = of("replicator");
        all.iter().find(|f| f["proven_by"] == scenario).map(|f| f["proven_as"].clone())
    };
    assert_eq!(by("MINIO-A2"), Some("replicator".into()));
    assert_eq!(by("WORM-310"), Some("application".into()));
    // What no scenario tried is only read.
    let states: Vec<&Value> = of("replicator").iter().map(|f| &f["state"]).collect();
    assert_eq!(states.iter().filter(|s| **s == "proven").count(), 3, "{states:?}");
    // A reader of the record can check it: what was judged is in it.
    let policies = record["analysis"]["policies"].as_array().expect("policies");
    assert!(policies.iter().any(|p| p["text"].as_str().is_some_and(|t| t.contains("s3:PutObject"))));
    let text = record.to_string();
    assert!(!text.contains("a-long-secret") && !text.contains(crate::live::SECRET));
    let verified = run_in(home.path(), &["verify", "out"]);
    assert_eq!(verified.code, Some(0), "{}", verified.stderr);
}
