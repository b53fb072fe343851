//! DEL, GOV, MUL: deleting versions, one by one and in batches, with and without bypass.

use super::*;
use wormproof::store::ops::DeleteEntry;

rows! {
    r_del_01_a_plain_delete_puts_a_marker_on_top
    r_del_02_what_is_under_a_marker_is_not_found
    r_del_03_governance_forbids
    r_del_04_compliance_forbids
    r_del_05_compliance_knows_no_bypass
    r_del_07_a_hold_forbids
    r_del_08_a_hold_knows_no_bypass
    r_del_11_after_its_end_a_lock_is_over
    r_del_12_a_marker_can_be_deleted
    r_del_13_a_marker_cannot_be_read
    r_del_14_a_version_id_must_be_one
    r_del_16_bypass_only_under_object_lock
    r_del_17_a_plain_delete_with_bypass_puts_a_marker_on_top
    r_del_19_a_key_that_never_was_gets_a_marker
    r_del_21_suspended_versioning_replaces_the_null_version
    r_del_23_without_lock_a_version_goes
    r_gov_01_bypass_deletes
    r_gov_02_the_right_without_the_header_does_not
    r_gov_04_the_header_must_say_true
    r_gov_06_bypass_does_not_reach_a_hold
    r_gov_09_bypass_in_a_batch
    r_mul_01_one_locked_of_two
    r_mul_02_compliance_knows_no_bypass
    r_mul_03_without_version_ids_markers_are_made
    r_mul_04_a_version_id_that_is_none
    r_mul_05_bypass_only_under_object_lock
    r_mul_13_markers_can_be_deleted
}

const BAD_ID: &str = "Invalid version id specified";
const NO_BYPASS: &str =
    "x-amz-bypass-governance-retention is only applicable to Object Lock enabled buckets.";

fn entry(key: &str, id: Option<&str>) -> DeleteEntry {
    DeleteEntry { key: key.to_owned(), version_id: id.map(str::to_owned) }
}

/// A deletion by version id that the lock must refuse, and the version unchanged.
async fn refused(s: &Stage, id: &str, bypass: Option<&str>) {
    let seal = s.seal(VAULT, "k", id).await;
    let mut request = ops::delete_object(VAULT, "k", Some(id));
    if let Some(value) = bypass {
        request = request.header(BYPASS, value);
    }
    s.send(request).await.is(403, "AccessDenied", LOCKED);
    s.kept(VAULT, &seal).await;
}

/// Three locked versions of three kinds, by key.
async fn three(s: &Stage) -> [(&'static str, String); 3] {
    [
        ("gov", s.retained("gov", Mode::Governance, 60).await),
        ("com", s.retained("com", Mode::Compliance, 60).await),
        ("held", s.held("held").await),
    ]
}

/// A plain DELETE of locked keys: 204, a marker, and everything as it was below.
async fn marked(s: &Stage, bypass: bool) {
    s.vault().await;
    for (key, id) in three(s).await {
        let seal = s.seal(VAULT, key, &id).await;
        let request = ops::delete_object(VAULT, key, None);
        let request = if bypass { request.bypass_governance() } else { request };
        let said = s.send(request).await.ok(204).shows(&[("x-amz-delete-marker", "true")]);
        assert_eq!(s.versions(VAULT, key).await, [(said.version(), true), (id, false)]);
        s.kept(VAULT, &seal).await;
    }
}

async fn r_del_01_a_plain_delete_puts_a_marker_on_top(s: Stage) {
    marked(&s, false).await;
}

async fn r_del_02_what_is_under_a_marker_is_not_found(s: Stage) {
    s.vault().await;
    let id = s.retained("k", Mode::Compliance, 60).await;
    let seal = s.seal(VAULT, "k", &id).await;
    let marker = s.delete(VAULT, "k", None).await.ok(204).version();
    let headers = [("x-amz-delete-marker", "true"), ("x-amz-version-id", marker.as_str())];
    s.send(ops::get_object(VAULT, "k", None))
        .await
        .is(404, "NoSuchKey", NO_KEY)
        .names(&[("Key", "k")])
        .shows(&headers);
    s.send(ops::head_object(VAULT, "k", None)).await.is(404, "", "").shows(&headers);
    s.kept(VAULT, &seal).await;
}

async fn r_del_03_governance_forbids(s: Stage) {
    s.vault().await;
    let id = s.retained("k", Mode::Governance, 60).await;
    refused(&s, &id, None).await;
}

async fn r_del_04_compliance_forbids(s: Stage) {
    s.vault().await;
    let id = s.retained("k", Mode::Compliance, 60).await;
    refused(&s, &id, None).await;
}

async fn r_del_05_compliance_knows_no_bypass(s: Stage) {
    s.vault().await;
    let id = s.retained("k", Mode::Compliance, 60).await;
    refused(&s, &id, Some("true")).await;
}

async fn r_del_07_a_hold_forbids(s: Stage) {
    s.vault().await;
    let id = s.put(VAULT, "k", "x").await;
    s.send(ops::put_object_legal_hold(VAULT, "k", Some(&id), LegalHold::On)).await.ok(200);
    refused(&s, &id, None).await;
}

async fn r_del_08_a_hold_knows_no_bypass(s: Stage) {
    s.vault().await;
    let id = s.held("k").await;
    refused(&s, &id, Some("true")).await;
}

/// Recorded some seconds after the end; the boundary itself is this server's: the lock ends at the
/// instant that it names.
async fn r_del_11_after_its_end_a_lock_is_over(s: Stage) {
    s.vault().await;
    let id = s.retained("k", Mode::Compliance, 5).await;
    s.clock.advance_to(s.clock.now() + TimeDelta::minutes(5) - TimeDelta::milliseconds(1));
    refused(&s, &id, None).await;
    s.clock.advance_to(s.clock.now() + TimeDelta::milliseconds(1));
    let said = s.delete(VAULT, "k", Some(&id)).await.ok(204);
    said.shows(&[("x-amz-version-id", &id)]).hides(&["x-amz-delete-marker"]);
    s.gone(VAULT, "k", &id).await;
}

/// `x-amz-delete-marker` is on the recorded answer; a comment in moto says that AWS sometimes leaves it
/// out. The recording is followed.
async fn r_del_12_a_marker_can_be_deleted(s: Stage) {
    s.vault().await;
    let id = s.retained("k", Mode::Compliance, 60).await;
    let marker = s.delete(VAULT, "k", None).await.ok(204).version();
    s.delete(VAULT, "k", Some(&marker))
        .await
        .ok(204)
        .shows(&[("x-amz-delete-marker", "true"), ("x-amz-version-id", &marker)]);
    let said = s.send(ops::get_object(VAULT, "k", None)).await.ok(200);
    assert_eq!((said.version(), said.body.as_str()), (id.clone(), "record"));
    refused(&s, &id, None).await;
}

async fn r_del_13_a_marker_cannot_be_read(s: Stage) {
    s.vault().await;
    s.retained("k", Mode::Governance, 60).await;
    let marker = s.delete(VAULT, "k", None).await.ok(204).version();
    let headers = [("x-amz-delete-marker", "true"), ("allow", "DELETE"), ("x-amz-version-id", &marker)];
    s.send(ops::get_object(VAULT, "k", Some(&marker)))
        .await
        .is(405, "MethodNotAllowed", NOT_ALLOWED)
        .names(&[("Method", "GET"), ("ResourceType", "DeleteMarker")])
        .shows(&headers);
    s.send(ops::head_object(VAULT, "k", Some(&marker))).await.is(405, "", "").shows(&headers);
}

/// The recorded ids have the length and the letters of a true one: an id is checked, not only its form.
async fn r_del_14_a_version_id_must_be_one(s: Stage) {
    s.vault().await;
    s.plain().await;
    let id = s.retained("k", Mode::Governance, 60).await;
    let seal = s.seal(VAULT, "k", &id).await;
    let almost = format!("{}x", &id[..id.len() - 1]);
    let almost = if almost == id { format!("{}y", &id[..id.len() - 1]) } else { almost };
    for wrong in [STRANGE_ID, "not-an-id", almost.as_str()] {
        for bucket in [VAULT, PLAIN] {
            s.delete(bucket, "k", Some(wrong))
                .await
                .is(400, "InvalidArgument", BAD_ID)
                .names(&[("ArgumentName", "versionId"), ("ArgumentValue", wrong)]);
            s.send(ops::get_object(bucket, "k", Some(wrong))).await.is(400, "InvalidArgument", BAD_ID);
        }
    }
    s.kept(VAULT, &seal).await;
}

async fn r_del_16_bypass_only_under_object_lock(s: Stage) {
    s.plain().await;
    s.books().await;
    for bucket in [PLAIN, BOOKS] {
        s.put(bucket, "k", "x").await;
        for value in ["true", "false"] {
            s.send(ops::delete_object(bucket, "k", None).header(BYPASS, value))
                .await
                .is(400, "InvalidArgument", NO_BYPASS)
                .names(&[("ArgumentName", BYPASS)])
                .lacks("ArgumentValue");
        }
        s.send(ops::get_object(bucket, "k", None)).await.ok(200);
    }
}

async fn r_del_17_a_plain_delete_with_bypass_puts_a_marker_on_top(s: Stage) {
    marked(&s, true).await;
}

async fn r_del_19_a_key_that_never_was_gets_a_marker(s: Stage) {
    s.books().await;
    let said = s.delete(BOOKS, "never", None).await.ok(204).shows(&[("x-amz-delete-marker", "true")]);
    assert_eq!(s.versions(BOOKS, "never").await, [(said.version(), true)]);
}

/// An upload answers no version id while versioning is suspended, though the version is listed as `null`.
async fn r_del_21_suspended_versioning_replaces_the_null_version(s: Stage) {
    s.books().await;
    let one = s.put(BOOKS, "k", "one").await;
    let two = s.put(BOOKS, "k", "two").await;
    s.send(ops::put_bucket_versioning(BOOKS, false)).await.ok(200);
    let null = || "null".to_owned();
    let below = [(two, false), (one, false)];
    let with = |top: (String, bool)| [&[top], below.as_slice()].concat();
    let marker = [("x-amz-delete-marker", "true"), ("x-amz-version-id", "null")];
    s.delete(BOOKS, "k", None).await.ok(204).shows(&marker);
    assert_eq!(s.versions(BOOKS, "k").await, with((null(), true)));
    s.send(ops::put_object(BOOKS, "k", "three", &LockHeaders::NONE))
        .await
        .ok(200)
        .hides(&["x-amz-version-id"]);
    assert_eq!(s.versions(BOOKS, "k").await, with((null(), false)));
    let said = s.send(ops::get_object(BOOKS, "k", None)).await.ok(200);
    assert_eq!(said.shows(&[("x-amz-version-id", "null")]).body, "three");
    s.delete(BOOKS, "k", None).await.ok(204).shows(&marker);
    assert_eq!(s.versions(BOOKS, "k").await, with((null(), true)));
}

async fn r_del_23_without_lock_a_version_goes(s: Stage) {
    s.vault().await;
    let id = s.put(VAULT, "k", "x").await;
    s.delete(VAULT, "k", Some(&id)).await.ok(204).shows(&[("x-amz-version-id", &id)]);
    s.gone(VAULT, "k", &id).await;
}

async fn r_gov_01_bypass_deletes(s: Stage) {
    s.vault().await;
    let id = s.retained("k", Mode::Governance, 60).await;
    let request = ops::delete_object(VAULT, "k", Some(&id)).bypass_governance();
    s.send(request).await.ok(204).shows(&[("x-amz-version-id", &id)]);
    s.gone(VAULT, "k", &id).await;
}

async fn r_gov_02_the_right_without_the_header_does_not(s: Stage) {
    s.vault().await;
    let id = s.retained("k", Mode::Governance, 60).await;
    refused(&s, &id, None).await;
    // The right is there: with the header the same principal succeeds.
    s.send(ops::delete_object(VAULT, "k", Some(&id)).bypass_governance()).await.ok(204);
}

async fn r_gov_04_the_header_must_say_true(s: Stage) {
    s.vault().await;
    let id = s.retained("k", Mode::Governance, 60).await;
    refused(&s, &id, Some("false")).await;
}

async fn r_gov_06_bypass_does_not_reach_a_hold(s: Stage) {
    s.vault().await;
    let id = s.retained("k", Mode::Governance, 60).await;
    s.send(ops::put_object_legal_hold(VAULT, "k", Some(&id), LegalHold::On)).await.ok(200);
    refused(&s, &id, Some("true")).await;
}

async fn r_gov_09_bypass_in_a_batch(s: Stage) {
    s.vault().await;
    let id = s.retained("k", Mode::Governance, 60).await;
    let said = s.send(ops::delete_objects(VAULT, &[entry("k", Some(&id))], false).bypass_governance()).await;
    let said = said.ok(200).names(&[("Key", "k"), ("VersionId", &id)]).lacks("Error");
    assert_eq!(said.all("Deleted").len(), 1);
    s.gone(VAULT, "k", &id).await;
}

/// The whole request succeeds; versitygw answers 403 for all of it.
async fn r_mul_01_one_locked_of_two(s: Stage) {
    s.vault().await;
    for locked_first in [true, false] {
        let locked = s.held("k").await;
        let free = s.put(VAULT, "free", "x").await;
        let seal = s.seal(VAULT, "k", &locked).await;
        let mut entries = vec![entry("k", Some(&locked)), entry("free", Some(&free))];
        if !locked_first {
            entries.reverse();
        }
        let said = s.send(ops::delete_objects(VAULT, &entries, false)).await.ok(200);
        let errors = said.answer.entry_errors();
        assert_eq!(errors.len(), 1, "{}", said.body);
        assert_eq!((errors[0].key.as_str(), errors[0].version_id.as_deref()), ("k", Some(locked.as_str())));
        assert_eq!(errors[0].error.code, "AccessDenied");
        assert_eq!(errors[0].error.message, LOCKED);
        let deleted = said.all("Deleted");
        assert_eq!(deleted.len(), 1, "{}", said.body);
        assert!(deleted[0].contains("<Key>free</Key>") && deleted[0].contains(&free), "{}", said.body);
        s.kept(VAULT, &seal).await;
        s.gone(VAULT, "free", &free).await;
    }
}

async fn r_mul_02_compliance_knows_no_bypass(s: Stage) {
    s.vault().await;
    let id = s.retained("k", Mode::Compliance, 60).await;
    let seal = s.seal(VAULT, "k", &id).await;
    let said = s.send(ops::delete_objects(VAULT, &[entry("k", Some(&id))], false).bypass_governance()).await;
    let errors = said.ok(200).answer.entry_errors();
    assert_eq!(errors.len(), 1);
    assert_eq!((errors[0].error.code.as_str(), errors[0].error.message.as_str()), ("AccessDenied", LOCKED));
    s.kept(VAULT, &seal).await;
}

async fn r_mul_03_without_version_ids_markers_are_made(s: Stage) {
    s.vault().await;
    let id = s.retained("k", Mode::Compliance, 60).await;
    let seal = s.seal(VAULT, "k", &id).await;
    let said = s.send(ops::delete_objects(VAULT, &[entry("k", None)], false)).await.ok(200);
    let marker = said.element("DeleteMarkerVersionId");
    let said = said.names(&[("Key", "k"), ("DeleteMarker", "true")]);
    said.lacks("VersionId").lacks("Error");
    assert_eq!(s.versions(VAULT, "k").await, [(marker, true), (id, false)]);
    s.kept(VAULT, &seal).await;
}

/// A single DELETE answers 400 `InvalidArgument` for the same id.
async fn r_mul_04_a_version_id_that_is_none(s: Stage) {
    s.plain().await;
    s.books().await;
    for bucket in [PLAIN, BOOKS] {
        s.put(bucket, "k", "x").await;
        let entries = [entry("k", Some(STRANGE_ID)), entry("never", Some(STRANGE_ID))];
        let said = s.send(ops::delete_objects(bucket, &entries, false)).await.ok(200).lacks("Deleted");
        let errors = said.answer.entry_errors();
        assert_eq!(errors.iter().map(|e| e.key.as_str()).collect::<Vec<_>>(), ["k", "never"]);
        for found in errors {
            assert_eq!(found.version_id.as_deref(), Some(STRANGE_ID));
            assert_eq!(found.error.code, "NoSuchVersion");
            assert_eq!(found.error.message, "The specified version does not exist.");
        }
        s.send(ops::get_object(bucket, "k", None)).await.ok(200);
    }
}

async fn r_mul_05_bypass_only_under_object_lock(s: Stage) {
    s.plain().await;
    s.put(PLAIN, "k", "x").await;
    s.send(ops::delete_objects(PLAIN, &[entry("k", None)], false).bypass_governance())
        .await
        .is(400, "InvalidArgument", NO_BYPASS)
        .names(&[("ArgumentName", BYPASS)])
        .lacks("ArgumentValue");
    s.send(ops::get_object(PLAIN, "k", None)).await.ok(200);
}

async fn r_mul_13_markers_can_be_deleted(s: Stage) {
    s.vault().await;
    let id = s.retained("k", Mode::Compliance, 60).await;
    let seal = s.seal(VAULT, "k", &id).await;
    let marker = s.delete(VAULT, "k", None).await.ok(204).version();
    s.send(ops::delete_objects(VAULT, &[entry("k", Some(&marker))], false)).await.ok(200).names(&[
        ("Key", "k"),
        ("VersionId", &marker),
        ("DeleteMarker", "true"),
        ("DeleteMarkerVersionId", &marker),
    ]);
    assert_eq!(s.send(ops::get_object(VAULT, "k", None)).await.ok(200).version(), id);
    s.kept(VAULT, &seal).await;
}
