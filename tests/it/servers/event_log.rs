//! The integrity check of an event log on a real MinIO, in a bucket with versions and in one without.

use std::path::Path;

use serde_json::Value;
use wormproof::store::ops::{self, LockHeaders};
use wormproof::store::request::S3Request;

use super::running::{self, Minio, not_run, part};
use super::wormproof;
use crate::event_log::event;

#[test]
fn an_event_log_on_minio_is_read_with_and_without_versions() {
    let name = "an_event_log_on_minio_is_read_with_and_without_versions";
    let Some(binary) = part("WORMPROOF_TEST_MINIO") else { return not_run(name, "WORMPROOF_TEST_MINIO") };
    let minio = Minio::start(Path::new(&binary));
    let send = |request: S3Request| running::send(&minio.url, running::ROOT, &request);
    for bucket in ["plain", "versioned"] {
        send(ops::create_bucket(bucket, false, "us-east-1"));
        if bucket == "versioned" {
            send(ops::put_bucket_versioning(bucket, true));
        }
        for number in 1..=12 {
            let key = format!("events/{number}.json");
            send(ops::put_object(bucket, &key, event(number, number / 6, "a"), &LockHeaders::NONE));
        }
        send(ops::put_object(bucket, "events/3.json", event(3, 0, "a"), &LockHeaders::NONE));
        send(ops::delete_object(bucket, "events/5.json", None));
        let run = wormproof(
            &["event-log", &format!("s3://{bucket}"), "--endpoint-url", &minio.url, "--format", "json"],
            &[("MINIO_ACCESS_KEY", running::ROOT.0), ("MINIO_SECRET_KEY", running::ROOT.1)],
        );
        assert_eq!(run.status.code(), Some(1), "{}", String::from_utf8_lossy(&run.stderr));
        let result: Value = serde_json::from_slice(&run.stdout).expect("json");
        let found = &result["findings"];
        let state = |place: usize| result["checks"][place]["state"].as_str().expect("a state").to_owned();
        if bucket == "versioned" {
            assert_eq!(*found, serde_json::json!({ "several-versions": 1, "hidden-event": 1 }), "{result:#}");
            assert_eq!(
                (result["versioning"].as_str(), state(0), state(1)),
                (Some("Enabled"), "held".into(), "broken".into())
            );
        } else {
            assert_eq!(*found, serde_json::json!({ "gap": 1 }), "{result:#}");
            assert_eq!((result["versioning"].as_str(), state(1)), (Some("off"), "not assessed".into()));
        }
        assert_eq!(state(3), "held", "{result:#}");
    }
}
