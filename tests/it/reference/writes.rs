//! PUT, DEF, OVR: writing with lock headers, under a bucket's default, and over what is locked.

use super::*;

rows! {
    r_put_01_retention_by_headers
    r_put_02_legal_hold_by_header
    r_put_04_mode_without_date
    r_put_05_date_without_mode
    r_put_06_unknown_mode
    r_put_07_date_in_the_past
    r_put_16_explicit_retention_may_be_shorter_than_the_default
    r_put_20_a_lock_bucket_does_not_protect_by_itself
    r_def_01_default_counts_from_creation
    r_def_10_default_counts_for_each_object
    r_ovr_01_overwriting_makes_a_version
    r_ovr_03_copy_onto_a_locked_key_makes_a_version
    r_ovr_04_copy_onto_itself_must_change_something
}

const NOT_NOW: &str = "The retain until date must be in the future!";

/// An upload to `VAULT` with these headers.
fn upload(headers: &[(&str, &str)]) -> S3Request {
    let request = ops::put_object(VAULT, "k", "record", &LockHeaders::NONE);
    headers.iter().fold(request, |request, (name, value)| request.header(name, value))
}

async fn r_put_01_retention_by_headers(s: Stage) {
    s.vault().await;
    for mode in [Mode::Governance, Mode::Compliance] {
        let until = shown(s.lasting(mode, 5).until);
        let id = s.retained("k", mode, 5).await;
        assert!(!id.is_empty());
        s.head(VAULT, "k", &id).await.shows(&[(MODE, mode.as_str()), (UNTIL, &until)]).hides(&[HOLD]);
        let seal = s.seal(VAULT, "k", &id).await;
        s.delete(VAULT, "k", Some(&id)).await.is(403, "AccessDenied", LOCKED);
        s.kept(VAULT, &seal).await;
    }
}

async fn r_put_02_legal_hold_by_header(s: Stage) {
    s.vault().await;
    let id = s.held("k").await;
    s.head(VAULT, "k", &id).await.shows(&[(HOLD, "ON")]).hides(&[MODE, UNTIL]);
}

/// The refusal names the header that is missing, and no version is made.
async fn r_put_04_mode_without_date(s: Stage) {
    s.vault().await;
    for mode in ["GOVERNANCE", "COMPLIANCE", "BAD-VALUE"] {
        s.send(upload(&[(MODE, mode)]))
            .await
            .is(400, "InvalidArgument", BOTH)
            .names(&[("ArgumentName", UNTIL)])
            .lacks("ArgumentValue");
    }
    assert_eq!(s.versions(VAULT, "k").await, []);
}

async fn r_put_05_date_without_mode(s: Stage) {
    s.vault().await;
    let until = shown(s.lasting(Mode::Governance, 5).until);
    s.send(upload(&[(UNTIL, &until)]))
        .await
        .is(400, "InvalidArgument", BOTH)
        .names(&[("ArgumentName", MODE)])
        .lacks("ArgumentValue");
    assert_eq!(s.versions(VAULT, "k").await, []);
}

/// Recorded for BAD-VALUE. Lower case follows from it: MinIO takes it, the schema does not have it.
async fn r_put_06_unknown_mode(s: Stage) {
    s.vault().await;
    let until = shown(s.lasting(Mode::Governance, 5).until);
    for mode in ["BAD-VALUE", "governance"] {
        s.send(upload(&[(MODE, mode), (UNTIL, &until)]))
            .await
            .is(400, "InvalidArgument", "Unknown wormMode directive.")
            .names(&[("ArgumentName", MODE), ("ArgumentValue", mode)]);
    }
    assert_eq!(s.versions(VAULT, "k").await, []);
}

/// The message was recorded for PutObjectRetention; with headers it is versitygw's, in the same words.
async fn r_put_07_date_in_the_past(s: Stage) {
    s.vault().await;
    for minutes in [-1, 0] {
        let until = shown(s.lasting(Mode::Governance, minutes).until);
        let said = s.send(upload(&[(MODE, "GOVERNANCE"), (UNTIL, &until)])).await;
        said.is(400, "InvalidArgument", NOT_NOW);
    }
    assert_eq!(s.versions(VAULT, "k").await, []);
}

async fn r_put_16_explicit_retention_may_be_shorter_than_the_default(s: Stage) {
    s.vault_with(Mode::Governance, 1).await;
    let wanted = s.lasting(Mode::Governance, 10);
    let id = s.retained("k", Mode::Governance, 10).await;
    assert_eq!(s.retention(VAULT, "k", &id).await, Some(wanted));
}

async fn r_put_20_a_lock_bucket_does_not_protect_by_itself(s: Stage) {
    s.vault().await;
    let id = s.put(VAULT, "k", "x").await;
    s.send(ops::get_object_retention(VAULT, "k", Some(&id))).await.is(
        404,
        "NoSuchObjectLockConfiguration",
        NEVER_SET,
    );
    s.head(VAULT, "k", &id).await.hides(&[MODE, UNTIL, HOLD]);
    s.delete(VAULT, "k", Some(&id)).await.ok(204);
    s.gone(VAULT, "k", &id).await;
}

/// A day is 24 hours from the upload, not rounded to midnight: the recording allows two minutes.
async fn r_def_01_default_counts_from_creation(s: Stage) {
    s.vault_with(Mode::Governance, 1).await;
    let wanted = s.lasting(Mode::Governance, 24 * 60);
    let id = s.put(VAULT, "k", "x").await;
    assert_eq!(s.retention(VAULT, "k", &id).await, Some(wanted));
    s.head(VAULT, "k", &id)
        .await
        .shows(&[(MODE, "GOVERNANCE"), (UNTIL, &shown(wanted.until))])
        .hides(&[HOLD]);
}

/// Not from the day on which the rule was set, as versitygw counts.
async fn r_def_10_default_counts_for_each_object(s: Stage) {
    s.vault_with(Mode::Compliance, 3).await;
    s.clock.advance_to(s.clock.now() + TimeDelta::days(4));
    let id = s.put(VAULT, "k", "x").await;
    let seal = s.seal(VAULT, "k", &id).await;
    s.delete(VAULT, "k", Some(&id)).await.is(403, "AccessDenied", LOCKED);
    s.clock.advance_to(s.clock.now() + TimeDelta::days(3) - TimeDelta::milliseconds(1));
    s.delete(VAULT, "k", Some(&id)).await.is(403, "AccessDenied", LOCKED);
    s.kept(VAULT, &seal).await;
    s.clock.advance_to(s.clock.now() + TimeDelta::milliseconds(1));
    s.delete(VAULT, "k", Some(&id)).await.ok(204);
    s.gone(VAULT, "k", &id).await;
}

/// Recorded under a legal hold; the user guide has the same for retention.
async fn r_ovr_01_overwriting_makes_a_version(s: Stage) {
    s.vault().await;
    let ids = [
        ("held", s.held("held").await),
        ("gov", s.retained("gov", Mode::Governance, 5).await),
        ("com", s.retained("com", Mode::Compliance, 5).await),
    ];
    for (key, id) in ids {
        let seal = s.seal(VAULT, key, &id).await;
        let over = s.put(VAULT, key, "other").await;
        assert_ne!(over, id);
        s.kept(VAULT, &seal).await;
        assert_eq!(s.versions(VAULT, key).await, [(over.clone(), false), (id, false)]);
        s.head(VAULT, key, &over).await.hides(&[MODE, UNTIL, HOLD]);
    }
}

/// The copy in place is recorded on a bucket with versioning; that the lock stays behind follows from
/// the recorded copy of a locked source (CPY-01).
async fn r_ovr_03_copy_onto_a_locked_key_makes_a_version(s: Stage) {
    s.vault().await;
    let id = s.retained("k", Mode::Compliance, 5).await;
    let seal = s.seal(VAULT, "k", &id).await;
    let source = ops::CopySource { bucket: VAULT, key: "k", version_id: None };
    let said = s.send(ops::copy_object(VAULT, "k", &source, &LockHeaders::NONE, true)).await.ok(200);
    let over = said.version();
    said.shows(&[("x-amz-copy-source-version-id", &id)]);
    assert_ne!(over, id);
    s.kept(VAULT, &seal).await;
    assert_eq!(s.versions(VAULT, "k").await, [(over.clone(), false), (id, false)]);
    s.head(VAULT, "k", &over).await.hides(&[MODE, UNTIL, HOLD]);
    // Under suspended versioning a copy names the version that it made, but no `null` source.
    s.books().await;
    s.send(ops::put_bucket_versioning(BOOKS, false)).await.ok(200);
    s.put(BOOKS, "k", "x").await;
    let source = ops::CopySource { bucket: BOOKS, key: "k", version_id: None };
    let said = s.send(ops::copy_object(BOOKS, "k", &source, &LockHeaders::NONE, true)).await.ok(200);
    said.shows(&[("x-amz-version-id", "null")]).hides(&["x-amz-copy-source-version-id"]);
}

async fn r_ovr_04_copy_onto_itself_must_change_something(s: Stage) {
    s.vault().await;
    let id = s.retained("k", Mode::Governance, 5).await;
    let seal = s.seal(VAULT, "k", &id).await;
    let source = ops::CopySource { bucket: VAULT, key: "k", version_id: None };
    s.send(ops::copy_object(VAULT, "k", &source, &LockHeaders::NONE, false)).await.is(
        400,
        "InvalidRequest",
        "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
    );
    s.kept(VAULT, &seal).await;
    assert_eq!(s.versions(VAULT, "k").await, [(id, false)]);
}
