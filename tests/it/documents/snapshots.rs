//! Snapshots (000): bucket with Object Lock, 90 days, upload with a date, a deletion as the test of it.

use chrono::TimeDelta;
use wormproof::lock::{Mode, Retention};
use wormproof::store::ops::{self, DefaultPeriod, LockHeaders};
use wormproof::time::Clock;

use super::places::{on_both, policy, root};

#[test]
fn snapshots_set_up_literally_are_locked_and_the_documents_test_hides_one() {
    on_both("snapshots, literally", |at| {
        let bucket = "snapshots";
        at.ok(&ops::create_bucket(bucket, true, "us-east-1"));
        let default = Some((Mode::Compliance, DefaultPeriod::Days(90)));
        at.ok(&ops::put_object_lock_configuration(bucket, default));
        let until = Clock::Real.now() + TimeDelta::days(90) + TimeDelta::minutes(1);
        let lock = LockHeaders::retained(Retention { mode: Mode::Compliance, until });
        let key = "snapshots/2026-02-01_snapshot.json";
        at.ok(&ops::put_object(bucket, key, "{}", &lock));
        let id = at.header(&root(), &ops::head_object(bucket, key, None), "x-amz-version-id").expect("an id");
        // :53-59 and :136-140, the gate of one object; :15, the endpoint without a scheme.
        let retention = ops::get_object_retention(bucket, key, None);
        assert!(at.text(&root(), &retention).contains("COMPLIANCE"), "{}", at.name());
        let location = format!("s3://{bucket}/{key}");
        assert_eq!(at.gate(&location), Some(0), "{}", at.name());
        // :61-62, the deletion that is to be blocked: without a version id it succeeds.
        assert_eq!(at.root(&ops::delete_object(bucket, key, None)).0, Some(204), "{}", at.name());
        assert_eq!(at.root(&ops::get_object(bucket, key, None)).0, Some(404), "{}", at.name());
        // The document's gate now stops the flow, although the version is as locked as before.
        assert!(!at.text(&root(), &retention).contains("COMPLIANCE"), "{}", at.name());
        // wormproof's own looks at the version beneath the marker.
        assert_eq!(at.gate(&location), Some(0), "{}", at.name());
        let of_version = at.text(&root(), &ops::get_object_retention(bucket, key, Some(&id)));
        assert!(of_version.contains("COMPLIANCE"), "{}: {of_version}", at.name());
        // :218-226, what is looked at in production.
        let lock = at.text(&root(), &ops::get_object_lock_configuration(bucket));
        assert!(lock.contains("COMPLIANCE") && lock.contains("<Days>90</Days>"), "{}: {lock}", at.name());
        let versions =
            at.text(&root(), &ops::list_object_versions(bucket, &ops::VersionsQuery::of_prefix("")));
        assert!(versions.contains("<DeleteMarker>"), "{}: {versions}", at.name());
        // :160-163, deletion by force: a locked version stops it, and a bucket without lock is gone with all it had.
        let version = at.root(&ops::delete_object(bucket, key, Some(&id)));
        assert!(matches!(version.0, Some(400 | 403)), "{} {version:?}", at.name());
        assert_eq!(at.root(&ops::delete_bucket(bucket)).0, Some(409), "{}", at.name());
        at.ok(&ops::create_bucket("snapshots-unlocked", false, "us-east-1"));
        at.ok(&ops::put_object("snapshots-unlocked", key, "{}", &LockHeaders::NONE));
        at.ok(&ops::delete_object("snapshots-unlocked", key, None));
        at.ok(&ops::delete_bucket("snapshots-unlocked"));
        let audited = at.audit("iosco-snapshots", bucket, &["WORM-101", "WORM-102", "WORM-305", "WORM-401"]);
        assert_eq!(audited.scanned("hidden"), 1, "{}", at.name());
        audited.all("items", "satisfied", &["check-2", "check-3", "check-6", "check-7"]);
        audited.all("claims", "wrong as written", &["line-4", "line-15", "line-62", "line-160"]);
        // Required scenarios were left out here: no conclusion, never a pass; and a MinIO without a release's name fails.
        let unpinned = audited.demand("server-release").0 == "not met";
        assert_eq!(audited.code, Some(if unpinned { 1 } else { 3 }), "{}", audited.record["outcome"]);
    });
}

/// Corrected: the deletion is tried with the version id (the tool tries canaries besides); the uploader has the document's
/// three rights and no more. What stays wrong is what the document claims: the article, the 90 days, and on MinIO the root user.
#[test]
fn snapshots_with_the_least_corrections_are_kept_and_the_claims_stay_wrong() {
    on_both("snapshots, least corrections", |at| {
        let bucket = "snapshots";
        at.ok(&ops::create_bucket(bucket, true, "us-east-1"));
        let default = Some((Mode::Compliance, DefaultPeriod::Days(90)));
        at.ok(&ops::put_object_lock_configuration(bucket, default));
        let uploader = at.session(&policy("documents/snapshots-rights"));
        let until = Clock::Real.now() + TimeDelta::days(90) + TimeDelta::minutes(1);
        let lock = LockHeaders::retained(Retention { mode: Mode::Compliance, until });
        let key = "snapshots/2026-02-01_snapshot.json";
        assert_eq!(
            at.by(&uploader, &ops::put_object(bucket, key, "{}", &lock)).0,
            Some(200),
            "{}",
            at.name()
        );
        // :61-62, with the version id: the lock stops it, and what readers see is as before.
        let id = at.header(&root(), &ops::head_object(bucket, key, None), "x-amz-version-id").expect("an id");
        let deletion = at.root(&ops::delete_object(bucket, key, Some(&id)));
        assert!(matches!(deletion.0, Some(400 | 403)), "{} {deletion:?}", at.name());
        assert_eq!(at.root(&ops::get_object(bucket, key, None)).0, Some(200), "{}", at.name());
        let retention = ops::get_object_retention(bucket, key, None);
        assert!(at.text(&uploader, &retention).contains("COMPLIANCE"), "{}", at.name());
        let only =
            ["WORM-101", "WORM-102", "WORM-114", "WORM-201", "WORM-305", "WORM-401", "WORM-402", "WORM-404"];
        let only = [&only[..], &["WORM-406"]].concat();
        let audited = at.audit_with("iosco-snapshots", bucket, &only, &["--max-residue", "1y"]);
        assert_eq!(audited.scanned("hidden"), 0, "{}", at.name());
        audited.all("items", "satisfied", &["check-2", "check-3", "check-6", "check-7"]);
        audited.all("claims", "wrong as written", &["line-4", "line-15", "line-62", "line-160"]);
        assert_eq!(audited.code, Some(i32::from(at.minio)), "{}", audited.record["outcome"]);
        if at.minio {
            // "Cannot be deleted even by root": who may only write replaces one.
            audited.all("claims", "shown false here", &["line-69"]);
        }
    });
}
