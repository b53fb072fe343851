//! Event log (001): a bucket without versioning, the policy that allows only, tests 1 to 3.

use chrono::TimeDelta;
use wormproof::lock::{Mode, Retention};
use wormproof::store::ops::{self, DefaultPeriod, LockHeaders};
use wormproof::store::request::S3Request;
use wormproof::time::Clock;

use super::places::{on_both, policy, root};

const ROLE: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:PutObject",
    "Resource":"arn:aws:s3:::event-log/events/*"}]}"#;

#[test]
fn events_set_up_literally_are_overwritten_in_spite_of_the_policy() {
    on_both("events, literally", |at| {
        let bucket = "event-log";
        at.ok(&ops::create_bucket(bucket, false, "us-east-1"));
        let put = at.root(&ops::put_bucket_policy(bucket, &policy("documents/events-bucket")));
        // MinIO refuses the policy as a whole; then the document's other one.
        assert_eq!(put.0, Some(if at.minio { 400 } else { 204 }), "{put:?}");
        if at.minio {
            at.ok(&ops::put_bucket_policy(bucket, &policy("documents/events-bucket-minio")));
        }
        let operator = at.session(ROLE);
        let event = |n: u32, token: u32| {
            let body = format!(r#"{{"meta":{{"fencing_token":{token}}}}}"#);
            ops::put_object(bucket, &format!("events/{n:010}.json"), body, &LockHeaders::NONE)
        };
        let once = |n, token| event(n, token).header("if-none-match", "*");
        assert_eq!(at.by(&operator, &once(1, 1)).0, Some(200), "test 1 on {}", at.name());
        assert_eq!(at.by(&operator, &event(2, 1)).0, Some(200), "test 2 on {}", at.name());
        assert_eq!(at.by(&operator, &once(1, 1)).0, Some(412), "test 3 on {}", at.name());
        assert_eq!(at.by(&operator, &event(1, 9)).0, Some(200), "an overwrite on {}", at.name());
        // :80, the completion of a multipart upload does use the header.
        let if_free = |r: S3Request| r.header("if-none-match", "*");
        let taken = at.multipart(&operator, (bucket, "events/0000000001.json"), if_free);
        assert_eq!(taken.0, Some(412), "{} {taken:?}", at.name());
        let audited = at.audit("event-log", bucket, &["WORM-630", "WORM-631", "WORM-632"]);
        assert_eq!(audited.code, Some(1));
        let rules = audited.rules();
        assert!(rules.contains(&"no-versioning") && rules.contains(&"demand-not-met"), "{rules:?}");
        audited.all("items", "satisfied", &["test-1", "test-3"]);
        audited.all(
            "items",
            "not satisfied",
            &["test-2", "log-1", "log-3", "conditional-1", "conditional-6"],
        );
        audited.all("claims", "shown false here", &["line-299", "line-386"]);
        if at.minio {
            audited.all("claims", "shown false here", &["line-141"]);
        }
        audited.all("claims", "wrong as written", &["line-22", "line-42", "line-80", "line-246"]);
    });
}

/// The other approach of the document, :261-295: a bucket with Object Lock, seven years by default, and an upload with a
/// fixed date that is nearer.
#[test]
fn events_under_the_lock_set_up_literally_are_kept_for_less_than_was_meant_and_overwritten() {
    on_both("events under the lock, literally", |at| {
        let bucket = "event-log-worm";
        at.ok(&ops::create_bucket(bucket, true, "us-east-1"));
        at.ok(&ops::put_object_lock_configuration(bucket, Some((Mode::Compliance, DefaultPeriod::Years(7)))));
        // 2030-01-01 as it was seen from 2026.
        let now = Clock::Real.now();
        let until = now + TimeDelta::days(3 * 365);
        let lock = LockHeaders::retained(Retention { mode: Mode::Compliance, until });
        let key = "events/0000000001.json";
        at.ok(&ops::put_object(bucket, key, body(1), &lock));
        // :243 and :303, "cannot be overwritten": a second version is what readers see.
        at.ok(&ops::put_object(bucket, key, body(9), &LockHeaders::NONE));
        assert!(at.text(&root(), &ops::get_object(bucket, key, None)).contains("writer-9"), "{}", at.name());
        // :261, "cannot be enabled on existing buckets": where versioning is on it can, but for MinIO.
        at.ok(&ops::create_bucket("event-log-existing", false, "us-east-1"));
        at.ok(&ops::put_bucket_versioning("event-log-existing", true));
        let enabled = at.root(&ops::put_object_lock_configuration("event-log-existing", None));
        assert_eq!(enabled.0, Some(if at.minio { 409 } else { 200 }), "{} {enabled:?}", at.name());
        let audited = at.audit("event-log-worm", bucket, &["WORM-101"]);
        assert_eq!(audited.code, Some(1), "{}", audited.record["outcome"]);
        assert_eq!(audited.scanned("too-short"), 1, "{}", at.name());
        assert_eq!(audited.record["event_log"]["findings"]["several-versions"], 1, "{}", at.name());
        audited.all("claims", "shown false here", &["line-243"]);
        audited.all("claims", "wrong as written", &["line-246", "line-261", "line-294"]);
    });
}

/// A body as the log's writers make it.
fn body(epoch: u32) -> String {
    format!(r#"{{"meta":{{"fencing_token":{{"epoch":{epoch},"holder_identity":"writer-{epoch}"}}}}}}"#)
}

fn conditional(bucket: &str, n: u32, epoch: u32) -> wormproof::store::request::S3Request {
    ops::put_object(bucket, &format!("events/{n:010}.json"), body(epoch), &LockHeaders::NONE)
        .header("if-none-match", "*")
}

/// Corrected on AWS: the two Allow become one, and a Deny of what lacks the header, with the multipart calls exempt by
/// s3:ObjectCreationOperation. On MinIO, which refuses the key: the identity policy, and a deny of deletions that binds users.
#[test]
fn events_with_the_least_corrections_are_enforced_where_the_server_can_and_still_unprotected() {
    on_both("events, least corrections", |at| {
        let bucket = "event-log";
        at.ok(&ops::create_bucket(bucket, false, "us-east-1"));
        let operator = if at.minio {
            at.session(&policy("corrected/events-least-minio-identity"))
        } else {
            at.ok(&ops::put_bucket_policy(bucket, &policy("corrected/events-least-aws-bucket")));
            at.session(ROLE)
        };
        for n in 1..=3 {
            assert_eq!(at.by(&operator, &conditional(bucket, n, 1)).0, Some(200), "{n} on {}", at.name());
        }
        assert_eq!(at.by(&operator, &conditional(bucket, 1, 1)).0, Some(412), "test 3 on {}", at.name());
        let bare = ops::put_object(bucket, "events/0000000004.json", body(1), &LockHeaders::NONE);
        let test_2 = at.by(&operator, &bare).0;
        assert_eq!(test_2, Some(if at.minio { 200 } else { 403 }), "test 2 on {}", at.name());
        // :80, a large event: its completion without the header is refused where the rule binds, with it it is stored.
        let large = (bucket, "events/0000000004.json");
        if !at.minio {
            let bare = at.multipart(&operator, large, |completion| completion);
            assert_eq!(bare.0, Some(403), "{bare:?}");
            let sent = at.multipart(&operator, large, |c| c.header("if-none-match", "*"));
            assert_eq!(sent.0, Some(200), "{sent:?}");
        }
        let audited = at.audit("event-log", bucket, &["WORM-630", "WORM-631", "WORM-632"]);
        assert_eq!(audited.code, Some(1), "{}", audited.record["outcome"]);
        let rules = audited.rules();
        // The policy names the folder of the events; the rest of the bucket can be written without the condition.
        assert!(rules.contains(&"no-versioning") && rules.contains(&"demand-not-met"), "{rules:?}");
        // Whether an event was written again, nothing can say without versions; whether one is missing can be said.
        audited.all("items", "satisfied", &["log-2"]);
        audited.all("items", "not assessed", &["log-4"]);
        audited.all("items", "not satisfied", &["conditional-6", "conditional-7"]);
        audited.all("claims", "shown false here", &["line-299"]);
        audited.all("claims", "wrong as written", &["line-22", "line-80", "line-246"]);
    });
}

/// Both approaches at once: what `harden` prints for the profile with a year of COMPLIANCE.
#[test]
fn events_set_up_right_hold_where_the_server_does() {
    on_both("events, right", |at| {
        let bucket = "event-log";
        let printed = |format: &str| {
            let server = if at.minio { "minio" } else { "aws" };
            let what = [
                "harden",
                "--profile",
                "event-log",
                "s3://event-log",
                "--server",
                server,
                "--format",
                format,
            ];
            let lock =
                ["--mode", "compliance", "--retention", "1y", "--administrator", crate::hardened::ROOT_ARN];
            let ran = crate::live::run(&[&what[..], &lock].concat());
            assert_eq!(ran.code, Some(0), "{format}: {ran:#?}");
            ran.stdout
        };
        at.ok(&ops::create_bucket(bucket, true, "us-east-1"));
        at.ok(&ops::put_object_lock_configuration(bucket, Some((Mode::Compliance, DefaultPeriod::Years(1)))));
        if !at.minio {
            at.ok(&ops::put_bucket_policy(bucket, &printed("policy")));
        }
        let identity: serde_json::Value = serde_json::from_str(&printed("iam")).expect("JSON");
        let operator = at.session(&identity["application"].to_string());
        for (n, epoch) in [(1, 1), (2, 1), (3, 2)] {
            let said = at.by(&operator, &conditional(bucket, n, epoch));
            assert_eq!(said.0, Some(200), "{n} on {}: {said:?}", at.name());
        }
        let delete = at.by(&operator, &ops::delete_object(bucket, "events/0000000001.json", None));
        assert_eq!(delete.0, Some(403), "{} {delete:?}", at.name());
        let required = ["WORM-630", "WORM-631", "WORM-632"];
        let audited = at.audit_with("event-log", bucket, &required, &["--max-residue", "2y"]);
        assert_eq!(audited.record["event_log"]["events"], 3, "{}", audited.record["event_log"]);
        audited.all("items", "satisfied", &["log-1", "log-2", "conditional-6"]);
        let rules = audited.rules();
        if at.minio {
            // The condition cannot be enforced there, and a bucket policy would bind nobody who signs.
            assert_eq!(audited.code, Some(1), "{}", audited.record["outcome"]);
            let own = ["demand-not-met", "minio-hole", "policy-binds-anonymous-only"];
            assert!(rules.iter().all(|rule| own.contains(rule)), "{rules:?}");
            audited.all("items", "not satisfied", &["test-2"]);
        } else {
            assert_eq!(audited.code, Some(0), "{} {rules:?}", audited.record["outcome"]);
        }
    });
}
