//! Audit evidence (003): bucket, lock configuration, identity policy, upload.

use chrono::TimeDelta;
use wormproof::lock::{Mode, Retention};
use wormproof::store::ops::{self, DefaultPeriod, LockHeaders};
use wormproof::time::Clock;

use super::places::{file, on_both, policy, root};

const REQUIRED: [&str; 6] = ["WORM-106", "WORM-201", "WORM-408", "WORM-409", "WORM-503", "WORM-506"];

fn locked(days: i64) -> LockHeaders {
    let until = Clock::Real.now() + TimeDelta::days(days) + TimeDelta::minutes(1);
    LockHeaders::retained(Retention { mode: Mode::Governance, until })
}

#[test]
fn evidence_set_up_literally_has_no_lock_and_stores_nothing() {
    on_both("evidence, literally", |at| {
        let bucket = "evidence-prod";
        at.ok(&ops::create_bucket(bucket, false, "us-east-1"));
        let default = Some((Mode::Governance, DefaultPeriod::Days(1095)));
        let refused = at.root(&ops::put_object_lock_configuration(bucket, default));
        assert_eq!(refused, (Some(409), "InvalidBucketState".to_owned()), "{}", at.name());
        let application = at.session(&policy("documents/evidence-identity"));
        for lock in [locked(1095), LockHeaders::NONE] {
            let said = at.by(&application, &ops::put_object(bucket, "evidence/1.json", "{}", &lock));
            assert!(matches!(said.0, Some(400 | 403)), "{} {said:?}", at.name());
        }
        let linted = at.linted(&["documents/evidence-identity"], "retention");
        assert!(linted.contains(&"upload-impossible".to_owned()), "{linted:?}");
        let given = ["--policy", &file("documents/evidence-identity")];
        let audited = at.audit_with("audit-evidence", bucket, &REQUIRED, &given);
        assert_eq!(audited.code, Some(1));
        let rules = audited.rules();
        for rule in ["demand-not-met", "no-object-lock", "no-versioning", "upload-impossible"] {
            assert!(rules.contains(&rule), "{rule} on {}: {rules:?}", at.name());
        }
        audited.all("items", "not satisfied", &["provision-1", "provision-2", "provision-3", "rollout-2"]);
        audited.all(
            "claims",
            "wrong as written",
            &["line-10", "line-23", "line-29", "line-48", "line-73", "line-90", "line-123", "line-132"],
        );
    });
}

/// Corrected: s3:PutObjectRetention and s3:GetObjectRetention are added; the bucket is made with Object Lock.
#[test]
fn evidence_with_the_least_corrections_is_stored_and_any_date_passes() {
    on_both("evidence, least corrections", |at| {
        let bucket = "evidence-prod";
        at.ok(&ops::create_bucket(bucket, true, "us-east-1"));
        let default = Some((Mode::Governance, DefaultPeriod::Days(1095)));
        at.ok(&ops::put_object_lock_configuration(bucket, default));
        let application = at.session(&policy("corrected/evidence-least-identity"));
        let upload =
            |key: &str, lock: &LockHeaders| at.by(&application, &ops::put_object(bucket, key, "{}", lock)).0;
        assert_eq!(upload("evidence/1.json", &locked(1095)), Some(200), "{}", at.name());
        assert_eq!(upload("evidence/2.json", &locked(1)), Some(200), "{}", at.name());
        assert_eq!(upload("evidence/3.json", &LockHeaders::NONE), Some(403), "{}", at.name());
        let large = ops::create_multipart_upload(bucket, "evidence/large", &LockHeaders::NONE);
        assert_eq!(at.by(&application, &large).0, Some(403), "{}", at.name());
        // :89-105, the validation. Without the right to read locks it says no of what is locked; with it, yes of a day.
        let mode = |who: &_, key: &str| {
            at.header(who, &ops::head_object(bucket, key, None), "x-amz-object-lock-mode")
        };
        let as_written = at.session(&policy("documents/evidence-identity"));
        assert_eq!(mode(&as_written, "evidence/1.json"), None, "{}", at.name());
        for key in ["evidence/1.json", "evidence/2.json"] {
            assert_eq!(mode(&application, key).as_deref(), Some("GOVERNANCE"), "{key} on {}", at.name());
        }
        let given = ["--policy", &file("corrected/evidence-least-identity")];
        let audited = at.audit_with("audit-evidence", bucket, &REQUIRED, &given);
        assert_eq!(audited.code, Some(1));
        assert_eq!(audited.scanned("too-short"), 1, "{}", at.name());
        audited.all("items", "satisfied", &["provision-1", "provision-3"]);
        // The deny is in the application's own policy: it binds nobody else.
        audited.all("items", "not satisfied", &["provision-2", "metric-2", "rollout-2"]);
        audited.all("claims", "wrong as written", &["line-10", "line-23", "line-29", "line-73", "line-90"]);
        if at.minio {
            audited.all("claims", "shown false here", &["line-22"]);
        }
        // :22, GOVERNANCE: who may bypass it deletes the evidence.
        let evidence = ops::head_object(bucket, "evidence/1.json", None);
        let id = at.header(&root(), &evidence, "x-amz-version-id").expect("an id");
        let deletion = ops::delete_object(bucket, "evidence/1.json", Some(&id));
        assert!(matches!(at.root(&deletion).0, Some(400 | 403)), "{}", at.name());
        assert_eq!(at.root(&deletion.bypass_governance()).0, Some(204), "{}", at.name());
        assert_eq!(at.root(&evidence).0, Some(404), "{}", at.name());
    });
}
