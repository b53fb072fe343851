//! MPU, CPY, MET, POL: uploads in parts, copies, tags and ACLs, and one policy.

use super::*;

rows! {
    r_mpu_02_unknown_mode
    r_cpy_01_a_copy_is_not_retained
    r_cpy_02_a_copy_is_not_held
    r_cpy_07_an_old_version_is_restored_without_its_lock
    r_cpy_08_new_metadata_make_a_version
    r_met_02_a_delete_marker_has_no_tags
    r_met_04_a_delete_marker_has_no_acl
    r_pol_05_copies_under_a_policy_of_conditional_writes
}

fn copy(key: &str, source: &ops::CopySource<'_>, replace: bool) -> S3Request {
    ops::copy_object(VAULT, key, source, &LockHeaders::NONE, replace)
}

async fn r_mpu_02_unknown_mode(s: Stage) {
    s.vault().await;
    let until = shown(s.lasting(Mode::Governance, 60).until);
    let request = ops::create_multipart_upload(VAULT, "k", &LockHeaders::NONE);
    s.send(request.header(MODE, "BAD-VALUE").header(UNTIL, &until))
        .await
        .is(400, "InvalidArgument", "Unknown wormMode directive.")
        .names(&[("ArgumentName", MODE), ("ArgumentValue", "BAD-VALUE")]);
    s.send(ops::list_multipart_uploads(VAULT, "")).await.ok(200).lacks("Upload");
}

async fn r_cpy_01_a_copy_is_not_retained(s: Stage) {
    s.vault().await;
    let id = s.retained("k", Mode::Governance, 60).await;
    let seal = s.seal(VAULT, "k", &id).await;
    let source = ops::CopySource { bucket: VAULT, key: "k", version_id: None };
    let said = s.send(copy("copy", &source, false)).await.ok(200);
    let made = said.version();
    said.shows(&[("x-amz-copy-source-version-id", &id)]);
    s.head(VAULT, "copy", &made).await.hides(&[MODE, UNTIL, HOLD]);
    s.delete(VAULT, "copy", Some(&made)).await.ok(204);
    s.kept(VAULT, &seal).await;
}

async fn r_cpy_02_a_copy_is_not_held(s: Stage) {
    s.vault().await;
    let id = s.held("k").await;
    let seal = s.seal(VAULT, "k", &id).await;
    let source = ops::CopySource { bucket: VAULT, key: "k", version_id: None };
    let made = s.send(copy("copy", &source, false)).await.ok(200).version();
    s.head(VAULT, "copy", &made).await.hides(&[MODE, UNTIL, HOLD]);
    s.kept(VAULT, &seal).await;
}

/// Its parts are recorded: the copy without the lock (CPY-01), the copy onto the own key (OVR-04).
async fn r_cpy_07_an_old_version_is_restored_without_its_lock(s: Stage) {
    s.vault().await;
    let old = s.retained("k", Mode::Compliance, 60).await;
    let seal = s.seal(VAULT, "k", &old).await;
    s.put(VAULT, "k", "newer").await;
    let source = ops::CopySource { bucket: VAULT, key: "k", version_id: Some(&old) };
    let said = s.send(copy("k", &source, false)).await.ok(200);
    let made = said.version();
    said.shows(&[("x-amz-copy-source-version-id", &old)]);
    assert_eq!(s.versions(VAULT, "k").await.len(), 3);
    let got = s.send(ops::get_object(VAULT, "k", None)).await.ok(200).hides(&[MODE, UNTIL, HOLD]);
    assert_eq!((got.version(), got.body.as_str()), (made, "record"));
    s.kept(VAULT, &seal).await;
}

async fn r_cpy_08_new_metadata_make_a_version(s: Stage) {
    s.vault().await;
    let lock = LockHeaders::retained(s.lasting(Mode::Compliance, 60));
    let upload = ops::put_object(VAULT, "k", "record", &lock).metadata("clerk", "first");
    let id = s.send(upload).await.ok(200).version();
    let seal = s.seal(VAULT, "k", &id).await;
    let source = ops::CopySource { bucket: VAULT, key: "k", version_id: None };
    let made = s.send(copy("k", &source, true).metadata("clerk", "second")).await.ok(200).version();
    s.head(VAULT, "k", &made).await.shows(&[("x-amz-meta-clerk", "second")]).hides(&[MODE, UNTIL, HOLD]);
    s.head(VAULT, "k", &id).await.shows(&[("x-amz-meta-clerk", "first"), (MODE, "COMPLIANCE")]);
    s.kept(VAULT, &seal).await;
}

/// Recorded: several names in one header, and an ETag without quotes, unlike everywhere else.
#[tokio::test]
async fn attributes_are_shown_as_recorded() {
    let s = Stage::new();
    s.books().await;
    let upload = ops::put_object(BOOKS, "k", "foo", &LockHeaders::NONE);
    let id = s.send(upload.header("x-amz-checksum-crc32", "jHNlIQ==")).await.ok(200).version();
    s.put(BOOKS, "k", "newer").await;
    let ask = S3Request::to_object(Method::GET, BOOKS, "k", None).query("attributes", "");
    let all = "ETag,Checksum,ObjectParts,StorageClass,ObjectSize";
    let said = s.send(ask.query("versionId", &id).header("x-amz-object-attributes", all)).await.ok(200);
    said.shows(&[("x-amz-version-id", &id)])
        .hides(&["x-wormproof-details"])
        .names(&[
            ("ETag", "acbd18db4cc2f85cedef654fccc4a4d8"),
            ("ChecksumCRC32", "jHNlIQ=="),
            ("ChecksumType", "FULL_OBJECT"),
            ("ObjectSize", "3"),
            ("StorageClass", "STANDARD"),
        ])
        .lacks("ObjectParts");
}

async fn r_met_02_a_delete_marker_has_no_tags(s: Stage) {
    s.books().await;
    let id = s.put(BOOKS, "k", "x").await;
    let tags = [("a", "b")];
    s.send(ops::put_object_tagging(BOOKS, "k", Some(&id), &tags))
        .await
        .ok(200)
        .shows(&[("x-amz-version-id", &id)]);
    let marker = s.delete(BOOKS, "k", None).await.ok(204).version();
    for version in [Some(marker.as_str()), None] {
        for (method, request) in [
            ("PUT", ops::put_object_tagging(BOOKS, "k", version, &tags)),
            ("GET", ops::get_object_tagging(BOOKS, "k", version)),
            ("DELETE", ops::delete_object_tagging(BOOKS, "k", version)),
        ] {
            s.send(request)
                .await
                .is(405, "MethodNotAllowed", NOT_ALLOWED)
                .names(&[("Method", method), ("ResourceType", "DeleteMarker")]);
        }
    }
    let kept = s.send(ops::get_object_tagging(BOOKS, "k", Some(&id))).await.ok(200);
    kept.names(&[("Key", "a"), ("Value", "b")]);
}

/// Recorded on a bucket that allows ACLs.
async fn r_met_04_a_delete_marker_has_no_acl(s: Stage) {
    s.books().await;
    let owner =
        "<OwnershipControls><Rule><ObjectOwnership>ObjectWriter</ObjectOwnership></Rule></OwnershipControls>";
    s.send(ops::put_bucket_config(BOOKS, BucketConfig::OwnershipControls, owner)).await.ok(200);
    let id = s.put(BOOKS, "k", "x").await;
    let marker = s.delete(BOOKS, "k", None).await.ok(204).version();
    let acl = |method, version| {
        let request = S3Request::to_object(method, BOOKS, "k", version).query("acl", "");
        if request.method == Method::PUT { request.header("x-amz-acl", "public-read") } else { request }
    };
    for version in [None, Some(marker.as_str())] {
        s.send(acl(Method::PUT, version))
            .await
            .is(405, "MethodNotAllowed", NOT_ALLOWED)
            .names(&[("Method", "PUT"), ("ResourceType", "DeleteMarker")]);
    }
    let said = s.send(acl(Method::GET, None)).await.is(404, "NoSuchKey", NO_KEY);
    said.names(&[("Key", "k")]);
    s.send(acl(Method::GET, Some(&marker)))
        .await
        .is(405, "MethodNotAllowed", NOT_ALLOWED)
        .names(&[("Method", "GET"), ("ResourceType", "DeleteMarker")]);
    s.send(acl(Method::GET, Some(&id))).await.ok(200);
}

/// The user guide says that CopyObject with the header answers 501; the recordings (CND-18) show that
/// it is honoured. The recordings are followed. The 403 without the header is the guide's.
async fn r_pol_05_copies_under_a_policy_of_conditional_writes(s: Stage) {
    s.vault().await;
    s.put(VAULT, "source", "x").await;
    let policy = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":"arn:aws:s3:::{VAULT}/*","Condition":{{"Null":{{"s3:if-none-match":"true"}}}}}}]}}"#
    );
    s.send(ops::put_bucket_policy(VAULT, &policy)).await.ok(204);
    let all = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
    let who = s.session(all).await;
    let source = ops::CopySource { bucket: VAULT, key: "source", version_id: None };
    let said = s.send_as(&who, copy("made", &source, false)).await;
    let error = said.answer.error().expect("a refusal");
    assert_eq!((said.answer.status, error.code.as_str()), (403, "AccessDenied"), "{}", said.body);
    assert_eq!(s.versions(VAULT, "made").await, []);
    let only_new = copy("made", &source, false).header("if-none-match", "*");
    let made = s.send_as(&who, only_new.clone()).await.ok(200).version();
    s.send_as(&who, only_new).await.is(412, "PreconditionFailed", NOT_HELD);
    assert_eq!(s.versions(VAULT, "made").await, [(made, false)]);
}
