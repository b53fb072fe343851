//! BKT: Object Lock and versioning of a bucket.

use super::*;

rows! {
    r_bkt_01_lock_at_creation_brings_versioning
    r_bkt_02_no_configuration_without_lock
    r_bkt_03_no_bucket
    r_bkt_04_no_lock_without_versioning
    r_bkt_05_no_lock_under_suspended_versioning
    r_bkt_06_lock_on_an_existing_bucket
    r_bkt_07_a_configuration_without_rule_removes_the_rule
    r_bkt_08_lock_cannot_be_left_out
    r_bkt_09_versioning_cannot_be_suspended
    r_bkt_10_versioning_can_be_enabled_again
    r_bkt_11_a_bucket_with_versions_stays
    r_bkt_13_a_body_is_required
    r_bkt_14_days_and_years_exclude_each_other
    r_bkt_15_rules_must_be_whole
    r_bkt_16_modes_are_exact
}

const NOT_ENABLED: &str = "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration";

/// A configuration with this default retention.
fn with_default(default: &str) -> String {
    format!(
        "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention>{default}</DefaultRetention></Rule></ObjectLockConfiguration>"
    )
}

/// Each document is refused as malformed, and the bucket's configuration stays as it was.
async fn malformed(s: &Stage, documents: &[String]) {
    s.vault_with(Mode::Governance, 1).await;
    let before = s.configuration(VAULT).await;
    for document in documents {
        s.put_configuration(VAULT, document).await.is(400, "MalformedXML", MALFORMED);
        assert_eq!(s.configuration(VAULT).await, before, "{document}");
    }
}

async fn r_bkt_01_lock_at_creation_brings_versioning(s: Stage) {
    s.vault().await;
    let said = s.send(ops::get_object_lock_configuration(VAULT)).await.ok(200);
    said.names(&[("ObjectLockEnabled", "Enabled")]).lacks("Rule");
    s.send(ops::get_bucket_versioning(VAULT)).await.ok(200).names(&[("Status", "Enabled")]);
}

/// In us-east-1 AWS was recorded to accept that a bucket is made again, and to leave it as it is. With the
/// lock header no answer is recorded: this server refuses, so that nobody believes the lock is on.
#[tokio::test]
async fn making_a_bucket_again_changes_nothing() {
    let s = Stage::new();
    s.vault_with(Mode::Compliance, 1).await;
    let id = s.put(VAULT, "k", "x").await;
    let (seal, before) = (s.seal(VAULT, "k", &id).await, s.configuration(VAULT).await);
    let said = s.send(ops::create_bucket(VAULT, false, "us-east-1")).await.ok(200);
    said.shows(&[("location", "/vault")]);
    s.send(ops::create_bucket(VAULT, true, "us-east-1"))
        .await
        .is(
            409,
            "BucketAlreadyOwnedByYou",
            "Your previous request to create the named bucket succeeded and you already own it.",
        )
        .names(&[("BucketName", VAULT)]);
    assert_eq!(s.configuration(VAULT).await, before);
    s.send(ops::get_bucket_versioning(VAULT)).await.ok(200).names(&[("Status", "Enabled")]);
    s.kept(VAULT, &seal).await;
}

async fn r_bkt_02_no_configuration_without_lock(s: Stage) {
    s.plain().await;
    s.send(ops::get_object_lock_configuration(PLAIN))
        .await
        .is(
            404,
            "ObjectLockConfigurationNotFoundError",
            "Object Lock configuration does not exist for this bucket",
        )
        .names(&[("BucketName", PLAIN)]);
}

async fn r_bkt_03_no_bucket(s: Stage) {
    let retention = Some(s.lasting(Mode::Governance, 5));
    for request in [
        ops::get_object_lock_configuration("nowhere"),
        ops::put_object_retention("nowhere", "k", None, retention),
        ops::put_object_legal_hold("nowhere", "k", None, LegalHold::On),
    ] {
        s.send(request)
            .await
            .is(404, "NoSuchBucket", "The specified bucket does not exist")
            .names(&[("BucketName", "nowhere")]);
    }
}

async fn r_bkt_04_no_lock_without_versioning(s: Stage) {
    s.plain().await;
    for default in [None, Some((Mode::Compliance, DefaultPeriod::Days(1)))] {
        s.send(ops::put_object_lock_configuration(PLAIN, default)).await.is(
            409,
            "InvalidBucketState",
            NOT_ENABLED,
        );
    }
    s.send(ops::get_bucket_versioning(PLAIN)).await.ok(200).lacks("Status");
    let code = "ObjectLockConfigurationNotFoundError";
    s.send(ops::get_object_lock_configuration(PLAIN)).await.names(&[("Code", code)]);
}

async fn r_bkt_05_no_lock_under_suspended_versioning(s: Stage) {
    s.books().await;
    s.send(ops::put_bucket_versioning(BOOKS, false)).await.ok(200);
    s.send(ops::put_object_lock_configuration(BOOKS, None)).await.is(409, "InvalidBucketState", NOT_ENABLED);
    s.send(ops::get_bucket_versioning(BOOKS)).await.ok(200).names(&[("Status", "Suspended")]);
}

/// Recorded is the 200; that older versions stay unlocked is the user guide's. MinIO and others refuse.
async fn r_bkt_06_lock_on_an_existing_bucket(s: Stage) {
    s.books().await;
    let old = s.put(BOOKS, "k", "old").await;
    s.send(ops::put_object_lock_configuration(BOOKS, None)).await.ok(200);
    s.send(ops::get_object_lock_configuration(BOOKS))
        .await
        .ok(200)
        .names(&[("ObjectLockEnabled", "Enabled")])
        .lacks("Rule");
    let default = Some((Mode::Compliance, DefaultPeriod::Days(1)));
    s.send(ops::put_object_lock_configuration(BOOKS, default)).await.ok(200);
    s.send(ops::get_object_retention(BOOKS, "k", Some(&old))).await.is(
        404,
        "NoSuchObjectLockConfiguration",
        NEVER_SET,
    );
    s.delete(BOOKS, "k", Some(&old)).await.ok(204);
    s.gone(BOOKS, "k", &old).await;
}

async fn r_bkt_07_a_configuration_without_rule_removes_the_rule(s: Stage) {
    s.vault_with(Mode::Governance, 1).await;
    let said = s.send(ops::get_object_lock_configuration(VAULT)).await.ok(200);
    said.names(&[("ObjectLockEnabled", "Enabled"), ("Mode", "GOVERNANCE"), ("Days", "1")]).lacks("Years");
    let stamped = s.put(VAULT, "k", "x").await;
    let seal = s.seal(VAULT, "k", &stamped).await;
    s.send(ops::put_object_lock_configuration(VAULT, None)).await.ok(200);
    let said = s.send(ops::get_object_lock_configuration(VAULT)).await.ok(200);
    said.names(&[("ObjectLockEnabled", "Enabled")]).lacks("Rule");
    s.kept(VAULT, &seal).await;
    let free = s.put(VAULT, "k", "y").await;
    assert_eq!(s.retention(VAULT, "k", &free).await, None);
}

/// Recorded for a missing and for no content at all; `Disabled` and an empty value by s3-tests.
async fn r_bkt_08_lock_cannot_be_left_out(s: Stage) {
    let rule = "<Rule><DefaultRetention><Mode>GOVERNANCE</Mode><Days>1</Days></DefaultRetention></Rule>";
    let inside = [
        rule.to_owned(),
        String::new(),
        format!("<ObjectLockEnabled>Disabled</ObjectLockEnabled>{rule}"),
        "<ObjectLockEnabled></ObjectLockEnabled>".to_owned(),
    ];
    let documents =
        inside.map(|inside| format!("<ObjectLockConfiguration>{inside}</ObjectLockConfiguration>"));
    malformed(&s, &documents).await;
}

/// 409 is recorded; MinIO and versitygw answer 400.
async fn r_bkt_09_versioning_cannot_be_suspended(s: Stage) {
    s.vault().await;
    s.send(ops::put_bucket_versioning(VAULT, false)).await.is(
        409,
        "InvalidBucketState",
        "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.",
    );
    s.send(ops::get_bucket_versioning(VAULT)).await.ok(200).names(&[("Status", "Enabled")]);
}

async fn r_bkt_10_versioning_can_be_enabled_again(s: Stage) {
    s.vault().await;
    s.send(ops::put_bucket_versioning(VAULT, true)).await.ok(200);
    s.send(ops::get_bucket_versioning(VAULT)).await.ok(200).names(&[("Status", "Enabled")]);
}

/// The longer message was recorded on a bucket with versioning, the shorter on one without.
async fn r_bkt_11_a_bucket_with_versions_stays(s: Stage) {
    s.plain().await;
    s.put(PLAIN, "k", "x").await;
    s.send(ops::delete_bucket(PLAIN))
        .await
        .is(409, "BucketNotEmpty", "The bucket you tried to delete is not empty")
        .names(&[("BucketName", PLAIN)]);
    s.delete(PLAIN, "k", None).await.ok(204);
    s.send(ops::delete_bucket(PLAIN)).await.ok(204);

    let all = "The bucket you tried to delete is not empty. You must delete all versions in the bucket.";
    s.vault().await;
    let id = s.retained("k", Mode::Compliance, 5).await;
    let seal = s.seal(VAULT, "k", &id).await;
    let marker = s.delete(VAULT, "k", None).await.ok(204).version();
    s.send(ops::delete_bucket(VAULT)).await.is(409, "BucketNotEmpty", all).names(&[("BucketName", VAULT)]);
    s.kept(VAULT, &seal).await;
    s.clock.advance_to(s.clock.now() + TimeDelta::minutes(5));
    s.delete(VAULT, "k", Some(&id)).await.ok(204);
    s.send(ops::delete_bucket(VAULT)).await.is(409, "BucketNotEmpty", all);
    s.delete(VAULT, "k", Some(&marker)).await.ok(204).shows(&[("x-amz-delete-marker", "true")]);
    s.send(ops::delete_bucket(VAULT)).await.ok(204);
    s.send(ops::head_bucket(VAULT)).await.is(404, "", "");
}

async fn r_bkt_13_a_body_is_required(s: Stage) {
    s.books().await;
    let empty = S3Request::to_bucket(Method::PUT, BOOKS).query("object-lock", "");
    for request in [empty.clone(), empty.integrity(wormproof::store::request::Integrity::ContentMd5)] {
        s.send(request).await.is(400, "MissingRequestBodyError", "Request Body is empty");
    }
    let code = "ObjectLockConfigurationNotFoundError";
    s.send(ops::get_object_lock_configuration(BOOKS)).await.names(&[("Code", code)]);
}

async fn r_bkt_14_days_and_years_exclude_each_other(s: Stage) {
    malformed(&s, &[with_default("<Days>1</Days><Mode>GOVERNANCE</Mode><Years>1</Years>")]).await;
}

async fn r_bkt_15_rules_must_be_whole(s: Stage) {
    let rule = |inside: &str| {
        format!(
            "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>{inside}</ObjectLockConfiguration>"
        )
    };
    malformed(
        &s,
        &[rule("<Rule></Rule>"), rule("<Rule/>"), with_default(""), with_default("<Mode>GOVERNANCE</Mode>")],
    )
    .await;
}

/// Recorded for a mode that is none; lower case by s3-tests.
async fn r_bkt_16_modes_are_exact(s: Stage) {
    let modes = ["BAD-VALUE", "abc", "governance"];
    malformed(&s, &modes.map(|mode| with_default(&format!("<Mode>{mode}</Mode><Days>1</Days>")))).await;
}
