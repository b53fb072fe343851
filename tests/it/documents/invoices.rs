//! E-invoices (004): bucket, lock configuration, versioning, bucket and identity policy, upload with date and hold.

use chrono::TimeDelta;
use wormproof::lock::{LegalHold, Mode, Retention};
use wormproof::store::ops::{self, DefaultPeriod, LockHeaders};
use wormproof::time::Clock;

use super::places::{file, on_both, policy, root};

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
        // :45-51, MFA delete without the device's code.
        let mfa = "<VersioningConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
            <Status>Enabled</Status><MfaDelete>Enabled</MfaDelete></VersioningConfiguration>";
        let mfa = at.root(&ops::put_bucket_config(bucket, ops::BucketConfig::Versioning, mfa));
        let versioning = at.text(&root(), &ops::get_bucket_versioning(bucket));
        assert!(!versioning.contains("<MfaDelete>Enabled"), "{} {mfa:?} {versioning}", at.name());
        at.ok(&ops::put_bucket_policy(bucket, &policy("documents/invoices-bucket")));
        let application = at.session(&policy("documents/invoices-identity"));
        let said = at.by(&application, &ops::put_object(bucket, "invoices/1/a.xml", "<x/>", &locked()));
        assert!(matches!(said.0, Some(400 | 403)), "{} {said:?}", at.name());
        // :236-247, the audit trail: the right is missing, and any error is an empty trail.
        let trail = ops::list_object_versions(bucket, &ops::VersionsQuery::of_prefix("invoices/1/"));
        assert_eq!(at.by(&application, &trail).0, Some(403), "{}", at.name());
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
        let key = "invoices/1/a.xml";
        // :155-164, the country's file; :236-247, the trail of the invoice, which does not have it.
        let country = ops::put_object(bucket, "invoices/1_country/a.xml", "<x/>", &locked());
        assert_eq!(at.by(&application, &country).0, Some(200), "{}", at.name());
        let trail = ops::list_object_versions(bucket, &ops::VersionsQuery::of_prefix("invoices/1/"));
        let trail = || at.text(&application, &trail);
        assert!(trail().contains(key) && !trail().contains("_country"), "{}: {}", at.name(), trail());
        // :217-232 and :357-367: mode alone is looked at, so that a day passes as well as ten years.
        let until = Clock::Real.now() + TimeDelta::days(1);
        let short = LockHeaders::retained(Retention { mode: Mode::Compliance, until });
        assert_eq!(
            at.by(&application, &ops::put_object(bucket, "invoices/2/a.xml", "<x/>", &short)).0,
            Some(200)
        );
        for key in [key, "invoices/2/a.xml"] {
            let status = at.text(&application, &ops::get_object_retention(bucket, key, None));
            assert!(status.contains("COMPLIANCE"), "{key} on {}: {status}", at.name());
        }
        // :187-210, a hold is set and released by the same right, which the application has.
        for hold in [LegalHold::Off, LegalHold::On] {
            let put = ops::put_object_legal_hold(bucket, key, None, hold);
            assert_eq!(at.by(&application, &put).0, Some(200), "{hold:?} on {}", at.name());
        }
        // :335-351, the test: it passes by a missing right, and fails by a marker where the right is there.
        let deletion = ops::delete_object(bucket, key, None);
        assert_eq!(at.by(&application, &deletion).0, Some(403), "{}", at.name());
        // :257-272, the emergency bypass "succeeds" in the same way: the version is kept and hidden.
        let id = at.header(&root(), &ops::head_object(bucket, key, None), "x-amz-version-id").expect("an id");
        let marked = at.reply(&root(), &deletion);
        assert_eq!(marked.status(), Some(204), "{} {:?}", at.name(), marked.trouble());
        assert_eq!(at.root(&ops::get_object(bucket, key, None)).0, Some(404), "{}", at.name());
        assert_eq!(at.root(&ops::get_object(bucket, key, Some(&id))).0, Some(200), "{}", at.name());
        let bypass = ops::delete_object(bucket, key, Some(&id)).bypass_governance();
        assert!(matches!(at.root(&bypass).0, Some(400 | 403)), "{}", at.name());
        let given = ["--policy", &file("corrected/invoices-least-identity")];
        let audited = at.audit_with("eu-einvoicing", bucket, &REQUIRED, &given);
        assert_eq!(audited.code, Some(1));
        assert_eq!(audited.scanned("too-short"), 3, "{}", at.name());
        // The second invoice was sent without a hold, and the first lies under a marker.
        assert_eq!((audited.scanned("no-hold"), audited.scanned("hidden")), (1, 1), "{}", at.name());
        let rules = audited.rules();
        assert!(rules.contains(&"default-too-weak") && rules.contains(&"demand-not-met"), "{rules:?}");
        assert!(!rules.contains(&"configuration-changed"), "{rules:?}");
        audited.all("items", "satisfied", &["technical-1", "technical-4"]);
        audited.all("items", "not satisfied", &["technical-2", "compliance-1"]);
        // Wrong by law and by the text: that it is not seen here makes none of them right.
        audited.all("claims", "wrong as written", &["line-21", "line-80", "line-173", "line-357"]);
    });
}
