//! E-invoices (004): bucket, lock configuration, versioning, bucket and identity policy, upload with date and hold.

use chrono::TimeDelta;
use wormproof::lock::{LegalHold, Mode, Retention};
use wormproof::store::ops::{self, DefaultPeriod, LockHeaders};
use wormproof::time::Clock;

use super::places::{file, on_both, policy};

const REQUIRED: [&str; 2] = ["WORM-101", "WORM-107"];

/// The document's ten years, and its hold.
fn locked() -> LockHeaders {
    let until = Clock::Real.now() + TimeDelta::days(3650);
    LockHeaders { retention: Some(Retention { mode: Mode::Compliance, until }), hold: Some(LegalHold::On) }
}

#[test]
fn invoices_set_up_literally_have_no_lock_and_none_is_stored() {
    on_both("invoices, literally", |at| {
        let bucket = "invoices-prod";
        at.ok(&ops::create_bucket(bucket, false, "us-east-1"));
        let default = Some((Mode::Compliance, DefaultPeriod::Days(3650)));
        let refused = at.root(&ops::put_object_lock_configuration(bucket, default));
        assert_eq!(refused, (Some(409), "InvalidBucketState".to_owned()), "{}", at.name());
        at.ok(&ops::put_bucket_versioning(bucket, true));
        at.ok(&ops::put_bucket_policy(bucket, &policy("documents/invoices-bucket")));
        let application = at.session(&policy("documents/invoices-identity"));
        let said = at.by(&application, &ops::put_object(bucket, "invoices/1/a.xml", "<x/>", &locked()));
        assert!(matches!(said.0, Some(400 | 403)), "{} {said:?}", at.name());
        let files = ["documents/invoices-bucket", "documents/invoices-identity"];
        let linted = at.linted(&files, "retention,hold");
        assert!(linted.contains(&"upload-impossible".to_owned()), "{linted:?}");
        let given = ["--policy", &file("documents/invoices-identity")];
        let audited = at.audit_with("eu-einvoicing", bucket, &REQUIRED, &given);
        assert_eq!(audited.code, Some(1));
        let rules = audited.rules();
        assert!(rules.contains(&"upload-impossible"), "{rules:?}");
        assert!(rules.contains(&"no-object-lock") && rules.contains(&"demand-not-met"), "{rules:?}");
        // MinIO takes the policy and lets it bind nobody who signs.
        assert_eq!(rules.contains(&"policy-binds-anonymous-only"), at.minio, "{rules:?}");
        audited.all("items", "not satisfied", &["technical-1", "technical-2", "technical-4"]);
        audited.all(
            "claims",
            "wrong as written",
            &["line-9", "line-21", "line-35", "line-80", "line-173", "line-45", "line-257", "line-335"],
        );
    });
}

/// Corrected: s3:PutObjectLegalHold goes out of the Deny; s3:PutObjectRetention moves to the Allow; s3:DeleteObjectVersion
/// joins the Deny; s3:ListBucketVersions is added; the bucket is made with Object Lock.
#[test]
fn invoices_with_the_least_corrections_are_stored_and_days_are_no_years() {
    on_both("invoices, least corrections", |at| {
        let bucket = "invoices-prod";
        at.ok(&ops::create_bucket(bucket, true, "us-east-1"));
        let default = Some((Mode::Compliance, DefaultPeriod::Days(3650)));
        at.ok(&ops::put_object_lock_configuration(bucket, default));
        at.ok(&ops::put_bucket_policy(bucket, &policy("corrected/invoices-least-bucket")));
        let application = at.session(&policy("corrected/invoices-least-identity"));
        let put = ops::put_object(bucket, "invoices/1/a.xml", "<x/>", &locked());
        assert_eq!(at.by(&application, &put).0, Some(200), "{}", at.name());
        let given = ["--policy", &file("corrected/invoices-least-identity")];
        let audited = at.audit_with("eu-einvoicing", bucket, &REQUIRED, &given);
        assert_eq!(audited.code, Some(1));
        assert_eq!(audited.scanned("too-short"), 1, "{}", at.name());
        let rules = audited.rules();
        assert!(rules.contains(&"default-too-weak") && rules.contains(&"demand-not-met"), "{rules:?}");
        assert!(!rules.contains(&"configuration-changed"), "{rules:?}");
        audited.all("items", "satisfied", &["technical-1", "technical-4"]);
        audited.all("items", "not satisfied", &["technical-2", "compliance-1"]);
        // Wrong by law and by the text: that it is not seen here makes none of them right.
        audited.all("claims", "wrong as written", &["line-21", "line-80", "line-173", "line-357"]);
    });
}
