//! Event log (001): a bucket without versioning, the policy that allows only, tests 1 to 3.

use wormproof::store::ops::{self, LockHeaders};

use super::places::{on_both, policy};

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
        let policy = if at.minio { "line-141" } else { "line-42" };
        audited.all("claims", "shown false here", &["line-299", "line-386", policy]);
        audited.all("claims", "wrong as written", &["line-22", "line-80", "line-246"]);
    });
}
