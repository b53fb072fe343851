//! CND: conditional writes, completions, copies and deletes on general-purpose buckets.

use super::*;

rows! {
    r_cnd_01_if_none_match_creates
    r_cnd_02_if_none_match_does_not_replace
    r_cnd_03_if_none_match_takes_no_etag
    r_cnd_04_a_delete_marker_is_nothing
    r_cnd_05_if_match_refuses_another_etag
    r_cnd_06_if_match_takes_the_etag_in_every_spelling
    r_cnd_07_if_match_needs_a_key
    r_cnd_08_if_match_takes_no_star
    r_cnd_09_both_headers_are_too_many
    r_cnd_10_a_delete_marker_matches_nothing
    r_cnd_12_completion_over_a_key_is_refused_and_the_upload_stays
    r_cnd_13_completion_after_a_deletion_conflicts
    r_cnd_14_completion_over_a_new_key_is_refused
    r_cnd_15_completion_over_a_changed_key
    r_cnd_16_completion_over_a_deleted_key
    r_cnd_17_the_etag_of_parts_is_compared
    r_cnd_18_copies_with_if_none_match
    r_cnd_19_copies_with_if_match
    r_cnd_20_copies_with_what_is_not_implemented
    r_cnd_21_delete_refuses_another_etag
    r_cnd_22_delete_takes_the_etag_and_a_star
    r_cnd_23_delete_needs_a_key
    r_cnd_24_delete_by_date_or_size_is_not_implemented
    r_cnd_30_a_locked_key_fails_the_condition_not_the_lock
    r_cnd_31_conditions_on_the_source
}

const NONE_VALUE: &str = "We don't accept the provided value of If-None-Match header for this API";
const MATCH_VALUE: &str = "We don't accept the provided value of If-Match header for this API";
const TOO_MANY: &str = "Multiple conditional request headers present in the request";
/// Of "first".
const FIRST: &str = "8b04d5e3775d298e78455efc5ca404d5";
const OTHER: &str = "00000000000000000000000000000000";

/// An upload with one condition.
fn put_if(bucket: &str, content: &str, name: &str, value: &str) -> S3Request {
    ops::put_object(bucket, "k", content.to_owned(), &LockHeaders::NONE).header(name, value)
}

/// A condition that does not hold, by the header's name.
#[track_caller]
fn not_held(said: Said, header: &str) {
    said.is(412, "PreconditionFailed", NOT_HELD).names(&[("Condition", header)]);
}

#[track_caller]
fn conflict(said: Said, header: &str) {
    said.is(409, "ConditionalRequestConflict", CONFLICT).names(&[("Condition", header), ("Key", "k")]);
}

#[track_caller]
fn not_implemented(said: Said, header: &str, more: &str) {
    let said = said.is(501, "NotImplemented", NOT_IMPLEMENTED).names(&[("Header", header)]);
    if more.is_empty() {
        said.lacks("additionalMessage")
    } else {
        said.names(&[("additionalMessage", more)])
    };
}

#[track_caller]
fn no_key(said: Said) {
    said.is(404, "NoSuchKey", NO_KEY).names(&[("Key", "k")]);
}

/// An upload of one part, "part", that is not complete yet.
async fn begin(s: &Stage, bucket: &str) -> (String, Vec<(u32, String)>) {
    let said = s.send(ops::create_multipart_upload(bucket, "k", &LockHeaders::NONE)).await.ok(200);
    let upload = said.element("UploadId");
    let said = s.send(ops::upload_part(bucket, "k", &upload, 1, "part")).await.ok(200);
    let tag = said.answer.header("etag").expect("an ETag").to_owned();
    (upload, vec![(1, tag)])
}

async fn complete(
    s: &Stage,
    bucket: &str,
    begun: &(String, Vec<(u32, String)>),
    name: &str,
    value: &str,
) -> Said {
    s.send(ops::complete_multipart_upload(bucket, "k", &begun.0, &begun.1).header(name, value)).await
}

/// The content of the key, and its ETag with quotes.
async fn content(s: &Stage, bucket: &str, key: &str) -> (String, String) {
    let said = s.send(ops::get_object(bucket, key, None)).await.ok(200);
    let tag = said.answer.header("etag").expect("an ETag").to_owned();
    (said.body, tag)
}

async fn r_cnd_01_if_none_match_creates(s: Stage) {
    s.plain().await;
    s.books().await;
    for bucket in [PLAIN, BOOKS] {
        s.send(put_if(bucket, "first", "if-none-match", "*")).await.ok(200);
        assert_eq!(content(&s, bucket, "k").await, ("first".to_owned(), format!("\"{FIRST}\"")));
    }
}

async fn r_cnd_02_if_none_match_does_not_replace(s: Stage) {
    s.plain().await;
    s.books().await;
    for bucket in [PLAIN, BOOKS] {
        s.put(bucket, "k", "first").await;
        not_held(s.send(put_if(bucket, "second", "if-none-match", "*")).await, "If-None-Match");
        assert_eq!(content(&s, bucket, "k").await.0, "first");
        assert_eq!(s.versions(bucket, "k").await.len(), 1);
    }
    // Once it is deleted, the key is free again.
    s.delete(PLAIN, "k", None).await.ok(204);
    s.send(put_if(PLAIN, "third", "if-none-match", "*")).await.ok(200);
}

/// s3-tests expects 412 or 200 here, as Ceph and MinIO do; the recording of AWS is 501 and is followed.
async fn r_cnd_03_if_none_match_takes_no_etag(s: Stage) {
    s.plain().await;
    s.put(PLAIN, "k", "first").await;
    for value in [format!("\"{FIRST}\""), format!("\"{OTHER}\""), "abcdef".to_owned()] {
        let said = s.send(put_if(PLAIN, "second", "if-none-match", &value)).await;
        not_implemented(said, "If-None-Match", NONE_VALUE);
    }
    assert_eq!(content(&s, PLAIN, "k").await.0, "first");
}

async fn r_cnd_04_a_delete_marker_is_nothing(s: Stage) {
    s.books().await;
    let first = s.put(BOOKS, "k", "first").await;
    let seal = s.seal(BOOKS, "k", &first).await;
    let marker = s.delete(BOOKS, "k", None).await.ok(204).version();
    let new = s.send(put_if(BOOKS, "second", "if-none-match", "*")).await.ok(200).version();
    assert_eq!(s.versions(BOOKS, "k").await, [(new, false), (marker, true), (first, false)]);
    s.kept(BOOKS, &seal).await;
}

async fn r_cnd_05_if_match_refuses_another_etag(s: Stage) {
    s.plain().await;
    s.books().await;
    for bucket in [PLAIN, BOOKS] {
        s.put(bucket, "k", "first").await;
        not_held(s.send(put_if(bucket, "second", "if-match", OTHER)).await, "If-Match");
        assert_eq!(content(&s, bucket, "k").await.0, "first");
        assert_eq!(s.versions(bucket, "k").await.len(), 1);
    }
}

async fn r_cnd_06_if_match_takes_the_etag_in_every_spelling(s: Stage) {
    s.books().await;
    for value in [format!("\"{FIRST}\""), FIRST.to_owned(), format!("{FIRST}\"")] {
        s.put(BOOKS, "k", "first").await;
        s.send(put_if(BOOKS, "second", "if-match", &value)).await.ok(200);
        assert_eq!(content(&s, BOOKS, "k").await.0, "second", "{value}");
    }
    assert_eq!(s.versions(BOOKS, "k").await.len(), 6);
}

async fn r_cnd_07_if_match_needs_a_key(s: Stage) {
    s.plain().await;
    for value in [FIRST, "abcdef", "bad-char_/"] {
        no_key(s.send(put_if(PLAIN, "first", "if-match", value)).await);
    }
    no_key(s.send(ops::get_object(PLAIN, "k", None)).await);
}

/// s3-tests expects 200 or 404; the recording of AWS is 501 and is followed.
async fn r_cnd_08_if_match_takes_no_star(s: Stage) {
    s.plain().await;
    not_implemented(s.send(put_if(PLAIN, "first", "if-match", "*")).await, "If-Match", MATCH_VALUE);
    s.put(PLAIN, "k", "first").await;
    not_implemented(s.send(put_if(PLAIN, "second", "if-match", "*")).await, "If-Match", MATCH_VALUE);
    assert_eq!(content(&s, PLAIN, "k").await.0, "first");
}

async fn r_cnd_09_both_headers_are_too_many(s: Stage) {
    s.plain().await;
    s.put(PLAIN, "k", "first").await;
    let request = put_if(PLAIN, "second", "if-match", FIRST).header("if-none-match", "*");
    not_implemented(s.send(request).await, "If-Match,If-None-Match", TOO_MANY);
    assert_eq!(content(&s, PLAIN, "k").await.0, "first");
}

async fn r_cnd_10_a_delete_marker_matches_nothing(s: Stage) {
    s.books().await;
    let first = s.put(BOOKS, "k", "first").await;
    let marker = s.delete(BOOKS, "k", None).await.ok(204).version();
    no_key(s.send(put_if(BOOKS, "second", "if-match", FIRST)).await);
    assert_eq!(s.versions(BOOKS, "k").await, [(marker, true), (first, false)]);
}

async fn r_cnd_12_completion_over_a_key_is_refused_and_the_upload_stays(s: Stage) {
    s.plain().await;
    s.put(PLAIN, "k", "first").await;
    let begun = begin(&s, PLAIN).await;
    not_held(complete(&s, PLAIN, &begun, "if-none-match", "*").await, "If-None-Match");
    assert_eq!(content(&s, PLAIN, "k").await.0, "first");
    // The upload is still there: by the right ETag it can be completed.
    complete(&s, PLAIN, &begun, "if-match", FIRST).await.ok(200);
    assert_eq!(content(&s, PLAIN, "k").await.0, "part");
}

async fn r_cnd_13_completion_after_a_deletion_conflicts(s: Stage) {
    s.plain().await;
    s.put(PLAIN, "k", "first").await;
    let begun = begin(&s, PLAIN).await;
    s.delete(PLAIN, "k", None).await.ok(204);
    conflict(complete(&s, PLAIN, &begun, "if-none-match", "*").await, "If-None-Match");
    no_key(s.send(ops::get_object(PLAIN, "k", None)).await);
    let again = begin(&s, PLAIN).await;
    complete(&s, PLAIN, &again, "if-none-match", "*").await.ok(200);
    assert_eq!(content(&s, PLAIN, "k").await.0, "part");
}

async fn r_cnd_14_completion_over_a_new_key_is_refused(s: Stage) {
    s.plain().await;
    let begun = begin(&s, PLAIN).await;
    s.put(PLAIN, "k", "first").await;
    not_held(complete(&s, PLAIN, &begun, "if-none-match", "*").await, "If-None-Match");
    assert_eq!(content(&s, PLAIN, "k").await.0, "first");
}

async fn r_cnd_15_completion_over_a_changed_key(s: Stage) {
    s.plain().await;
    for during in ["second", "first"] {
        s.put(PLAIN, "k", "first").await;
        let begun = begin(&s, PLAIN).await;
        s.put(PLAIN, "k", during).await;
        let tag = content(&s, PLAIN, "k").await.1;
        if during != "first" {
            not_held(complete(&s, PLAIN, &begun, "if-match", FIRST).await, "If-Match");
        }
        conflict(complete(&s, PLAIN, &begun, "if-match", &tag).await, "If-Match");
        assert_eq!(content(&s, PLAIN, "k").await.0, during);
        let again = begin(&s, PLAIN).await;
        complete(&s, PLAIN, &again, "if-match", &tag).await.ok(200);
        assert_eq!(content(&s, PLAIN, "k").await.0, "part");
    }
}

async fn r_cnd_16_completion_over_a_deleted_key(s: Stage) {
    s.plain().await;
    s.put(PLAIN, "k", "first").await;
    let begun = begin(&s, PLAIN).await;
    s.delete(PLAIN, "k", None).await.ok(204);
    no_key(complete(&s, PLAIN, &begun, "if-match", FIRST).await);
    s.put(PLAIN, "k", "first").await;
    conflict(complete(&s, PLAIN, &begun, "if-match", FIRST).await, "If-Match");
    assert_eq!(content(&s, PLAIN, "k").await.0, "first");
}

async fn r_cnd_17_the_etag_of_parts_is_compared(s: Stage) {
    s.plain().await;
    s.put(PLAIN, "k", "part").await;
    let single = content(&s, PLAIN, "k").await.1;
    let begun = begin(&s, PLAIN).await;
    complete(&s, PLAIN, &begun, "if-match", &single).await.ok(200);
    let parts = content(&s, PLAIN, "k").await.1;
    assert!(parts.ends_with("-1\""), "{parts}");
    let again = begin(&s, PLAIN).await;
    not_held(complete(&s, PLAIN, &again, "if-match", &single).await, "If-Match");
    complete(&s, PLAIN, &again, "if-match", &parts).await.ok(200);
}

/// A copy of `source` to `k` with one condition.
fn copy_if(bucket: &str, name: &str, value: &str) -> S3Request {
    let source = ops::CopySource { bucket, key: "source", version_id: None };
    ops::copy_object(bucket, "k", &source, &LockHeaders::NONE, false).header(name, value)
}

/// The user guide says 501; the recordings show that the header is honoured, and they are followed.
async fn r_cnd_18_copies_with_if_none_match(s: Stage) {
    s.plain().await;
    s.books().await;
    for bucket in [PLAIN, BOOKS] {
        s.put(bucket, "source", "copied").await;
        s.send(copy_if(bucket, "if-none-match", "*")).await.ok(200);
        not_held(s.send(copy_if(bucket, "if-none-match", "*")).await, "If-None-Match");
        let source = ops::CopySource { bucket, key: "k", version_id: None };
        let onto_itself = ops::copy_object(bucket, "k", &source, &LockHeaders::NONE, true);
        not_held(s.send(onto_itself.header("if-none-match", "*")).await, "If-None-Match");
        assert_eq!(s.versions(bucket, "k").await.len(), 1);
    }
    s.delete(BOOKS, "k", None).await.ok(204);
    s.send(copy_if(BOOKS, "if-none-match", "*")).await.ok(200);
    assert_eq!(s.versions(BOOKS, "k").await.len(), 3);
}

async fn r_cnd_19_copies_with_if_match(s: Stage) {
    s.plain().await;
    s.books().await;
    for bucket in [PLAIN, BOOKS] {
        s.put(bucket, "source", "copied").await;
        no_key(s.send(copy_if(bucket, "if-match", FIRST)).await);
        s.put(bucket, "k", "first").await;
        not_held(s.send(copy_if(bucket, "if-match", OTHER)).await, "If-Match");
        assert_eq!(content(&s, bucket, "k").await.0, "first");
        s.send(copy_if(bucket, "if-match", FIRST)).await.ok(200);
        let (text, tag) = content(&s, bucket, "k").await;
        assert_eq!(text, "copied");
        let source = ops::CopySource { bucket, key: "k", version_id: None };
        let onto_itself = ops::copy_object(bucket, "k", &source, &LockHeaders::NONE, true);
        s.send(onto_itself.header("if-match", &tag)).await.ok(200);
    }
    s.delete(BOOKS, "k", None).await.ok(204);
    no_key(s.send(copy_if(BOOKS, "if-match", FIRST)).await);
}

async fn r_cnd_20_copies_with_what_is_not_implemented(s: Stage) {
    s.plain().await;
    s.put(PLAIN, "source", "copied").await;
    not_implemented(s.send(copy_if(PLAIN, "if-none-match", OTHER)).await, "If-None-Match", NONE_VALUE);
    not_implemented(s.send(copy_if(PLAIN, "if-match", "*")).await, "If-Match", MATCH_VALUE);
    let both = copy_if(PLAIN, "if-match", FIRST).header("if-none-match", "*");
    not_implemented(s.send(both).await, "If-Match,If-None-Match", TOO_MANY);
    no_key(s.send(ops::get_object(PLAIN, "k", None)).await);
}

fn delete_if(bucket: &str, name: &str, value: &str) -> S3Request {
    ops::delete_object(bucket, "k", None).header(name, value)
}

/// s3-tests and S3Mock say that AWS does not support it: they are older than its launch in 2025.
async fn r_cnd_21_delete_refuses_another_etag(s: Stage) {
    s.plain().await;
    s.books().await;
    for bucket in [PLAIN, BOOKS] {
        s.put(bucket, "k", "first").await;
        not_held(s.send(delete_if(bucket, "if-match", OTHER)).await, "If-Match");
        assert_eq!(content(&s, bucket, "k").await.0, "first");
    }
}

/// The ETag is recorded, the star is the API reference's.
async fn r_cnd_22_delete_takes_the_etag_and_a_star(s: Stage) {
    s.plain().await;
    s.books().await;
    for value in [FIRST.to_owned(), format!("\"{FIRST}\""), "*".to_owned()] {
        s.put(PLAIN, "k", "first").await;
        s.send(delete_if(PLAIN, "if-match", &value)).await.ok(204);
        no_key(s.send(ops::get_object(PLAIN, "k", None)).await);
        let id = s.put(BOOKS, "k", "first").await;
        let said = s.send(delete_if(BOOKS, "if-match", &value)).await.ok(204);
        said.shows(&[("x-amz-delete-marker", "true")]);
        s.seal(BOOKS, "k", &id).await;
    }
}

/// Ceph answers 204, as for a plain delete; 404 is recorded and followed.
async fn r_cnd_23_delete_needs_a_key(s: Stage) {
    s.plain().await;
    no_key(s.send(delete_if(PLAIN, "if-match", FIRST)).await);
}

async fn r_cnd_24_delete_by_date_or_size_is_not_implemented(s: Stage) {
    s.plain().await;
    s.put(PLAIN, "k", "first").await;
    let date = "Sun, 01 Mar 2026 12:00:00 GMT";
    for (name, value) in [("x-amz-if-match-last-modified-time", date), ("x-amz-if-match-size", "5")] {
        not_implemented(s.send(delete_if(PLAIN, name, value)).await, name, "");
    }
    // In a batch it is this server's: an entry with such a condition must not be deleted without it.
    for condition in ["<Size>5</Size>", "<LastModifiedTime>Sun, 01 Mar 2026 12:00:00 GMT</LastModifiedTime>"]
    {
        let body = format!("<Delete><Object><Key>k</Key>{condition}</Object></Delete>");
        let request = S3Request::to_bucket(Method::POST, PLAIN).query("delete", "").body(body);
        let said = s.send(request.integrity(wormproof::store::request::Integrity::ContentMd5)).await.ok(200);
        let errors = said.lacks("Deleted").answer.entry_errors();
        assert_eq!(errors[0].error.code, "NotImplemented");
    }
    assert_eq!(content(&s, PLAIN, "k").await.0, "first");
}

/// Follows from CND-02 and OVR-01: a lock does not forbid a new version, so it has nothing to refuse.
async fn r_cnd_30_a_locked_key_fails_the_condition_not_the_lock(s: Stage) {
    s.vault().await;
    let id = s.retained("k", Mode::Compliance, 60).await;
    let seal = s.seal(VAULT, "k", &id).await;
    not_held(s.send(put_if(VAULT, "second", "if-none-match", "*")).await, "If-None-Match");
    assert_eq!(s.versions(VAULT, "k").await, [(id, false)]);
    s.kept(VAULT, &seal).await;
}

/// The order is recorded by leaving out one failing condition after the other. A date in the future is
/// no condition; an ETag needs no quotes.
async fn r_cnd_31_conditions_on_the_source(s: Stage) {
    s.plain().await;
    s.put(PLAIN, "source", "first").await;
    s.clock.advance_to(s.clock.now() + TimeDelta::seconds(3));
    let now = wormproof::time::http_date(s.clock.now());
    let yesterday = wormproof::time::http_date(s.clock.now() - TimeDelta::days(1));
    let tomorrow = wormproof::time::http_date(s.clock.now() + TimeDelta::days(1));
    let written = wormproof::time::http_date(s.clock.now() - TimeDelta::seconds(3));
    let named = |name: &str| format!("x-amz-copy-source-{}", name.to_lowercase());
    let mut failing = vec![
        ("If-Match", OTHER),
        ("If-Unmodified-Since", yesterday.as_str()),
        ("If-None-Match", FIRST),
        ("If-Modified-Since", now.as_str()),
    ];
    let source = ops::CopySource { bucket: PLAIN, key: "source", version_id: None };
    let copy = |conditions: &[(&str, &str)]| {
        let request = ops::copy_object(PLAIN, "k", &source, &LockHeaders::NONE, false);
        conditions.iter().fold(request, |request, (name, value)| request.header(&named(name), value))
    };
    while let Some((name, _)) = failing.first().copied() {
        not_held(s.send(copy(&failing)).await, &format!("x-amz-copy-source-{name}"));
        failing.remove(0);
    }
    not_held(s.send(copy(&[("If-Modified-Since", &written)])).await, "x-amz-copy-source-If-Modified-Since");
    no_key(s.send(ops::get_object(PLAIN, "k", None)).await);
    for holding in [
        &[("If-Modified-Since", tomorrow.as_str())][..],
        &[("If-Modified-Since", &yesterday)],
        &[("If-Unmodified-Since", &written)],
        &[
            ("If-Match", FIRST),
            ("If-None-Match", OTHER),
            ("If-Modified-Since", &yesterday),
            ("If-Unmodified-Since", &now),
        ],
    ] {
        s.send(copy(holding)).await.ok(200);
    }
}

/// A condition in an odd spelling is read a second time, without the signature: only once that held.
#[tokio::test]
async fn an_odd_condition_is_no_way_around_signature_and_rights() {
    use wormproof::store::request::Auth;

    let s = Stage::new();
    s.plain().await;
    s.put(PLAIN, "k", "first").await;
    let odd = put_if(PLAIN, "second", "if-match", &format!("{FIRST}\""));
    let forged = s.send(odd.clone().auth(Auth::WrongSignature)).await;
    assert_eq!(forged.element("Code"), "SignatureDoesNotMatch");
    assert_eq!(s.send(odd.clone().auth(Auth::Anonymous)).await.element("Code"), "AccessDenied");
    let reads =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}]}"#;
    let reader = s.session(reads).await;
    assert_eq!(s.send_as(&reader, odd.clone()).await.element("Code"), "AccessDenied");
    assert_eq!(content(&s, PLAIN, "k").await.0, "first");
    let writes = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:PutObject","s3:GetObject"],"Resource":"*"}]}"#;
    s.send_as(&s.session(writes).await, odd).await.ok(200);
    assert_eq!(content(&s, PLAIN, "k").await.0, "second");
}
