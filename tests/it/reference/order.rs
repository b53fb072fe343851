//! VAL: which check comes first, and how the messages end.

use super::*;

rows! {
    r_val_01_both_headers_before_the_mode
    r_val_02_the_date_before_the_lock
    r_val_03_the_body_before_the_bucket
    r_val_04_no_such_key
    r_val_05_bypass_before_the_deletion
    r_val_06_the_modification_time_before_all
    r_val_07_the_value_before_the_key
    r_val_08_full_stops
}

async fn r_val_01_both_headers_before_the_mode(s: Stage) {
    s.vault().await;
    let request = ops::put_object(VAULT, "k", "x", &LockHeaders::NONE).header(MODE, "BAD-VALUE");
    s.send(request).await.is(400, "InvalidArgument", BOTH);
    assert_eq!(s.versions(VAULT, "k").await, []);
}

async fn r_val_02_the_date_before_the_lock(s: Stage) {
    s.vault().await;
    let id = s.retained("k", Mode::Compliance, 60).await;
    let seal = s.seal(VAULT, "k", &id).await;
    let past = s.lasting(Mode::Compliance, -60);
    s.retain("k", &id, Some(past)).await.is(
        400,
        "InvalidArgument",
        "The retain until date must be in the future!",
    );
    s.kept(VAULT, &seal).await;
}

async fn r_val_03_the_body_before_the_bucket(s: Stage) {
    s.plain().await;
    s.put(PLAIN, "k", "x").await;
    let said = s.send(raw(Method::PUT, PLAIN, "k", "legal-hold", "<LegalHold/>")).await;
    said.is(400, "MalformedXML", MALFORMED);
    s.send(ops::put_object_legal_hold(PLAIN, "k", None, LegalHold::On)).await.is(
        400,
        "InvalidRequest",
        NO_LOCK,
    );
}

async fn r_val_04_no_such_key(s: Stage) {
    s.vault().await;
    let retention = Some(s.lasting(Mode::Governance, 60));
    s.send(ops::put_object_retention(VAULT, "missing", None, retention)).await.is(404, "NoSuchKey", NO_KEY);
}

async fn r_val_05_bypass_before_the_deletion(s: Stage) {
    s.books().await;
    let id = s.put(BOOKS, "k", "x").await;
    for version in [None, Some(id.as_str())] {
        s.send(ops::delete_object(BOOKS, "k", version).bypass_governance())
            .await
            .names(&[("Code", "InvalidArgument"), ("ArgumentName", BYPASS)]);
    }
    assert_eq!(s.versions(BOOKS, "k").await, [(id, false)]);
}

async fn r_val_06_the_modification_time_before_all(s: Stage) {
    s.plain().await;
    s.put(PLAIN, "k", "x").await;
    let time = "x-amz-if-match-last-modified-time";
    let request = ops::delete_object(PLAIN, "k", None)
        .header("if-match", "\"00000000000000000000000000000000\"")
        .header("x-amz-if-match-size", "1")
        .header(time, "Sun, 01 Mar 2026 12:00:00 GMT");
    s.send(request).await.is(501, "NotImplemented", NOT_IMPLEMENTED).names(&[("Header", time)]);
    s.send(ops::get_object(PLAIN, "k", None)).await.ok(200);
}

async fn r_val_07_the_value_before_the_key(s: Stage) {
    s.plain().await;
    let request =
        || ops::put_object(PLAIN, "k", "x", &LockHeaders::NONE).header("if-none-match", "\"abcdef\"");
    s.send(request()).await.is(501, "NotImplemented", NOT_IMPLEMENTED);
    s.send(ops::get_object(PLAIN, "k", None)).await.is(404, "NoSuchKey", NO_KEY);
    s.put(PLAIN, "k", "first").await;
    s.send(request()).await.is(501, "NotImplemented", NOT_IMPLEMENTED);
    assert_eq!(s.send(ops::get_object(PLAIN, "k", None)).await.ok(200).body, "first");
}

/// Recorded without one: the four of the first list. Recorded with one: the two of the second.
async fn r_val_08_full_stops(s: Stage) {
    s.vault().await;
    s.plain().await;
    let id = s.retained("k", Mode::Governance, 60).await;
    let until = shown(s.lasting(Mode::Governance, 60).until);
    s.put(VAULT, "free", "x").await;
    let upload = || ops::put_object(VAULT, "k", "x", &LockHeaders::NONE);
    for (request, code, stop) in [
        (ops::get_object_retention(VAULT, "free", None), "NoSuchObjectLockConfiguration", false),
        (ops::get_object_lock_configuration(PLAIN), "ObjectLockConfigurationNotFoundError", false),
        (raw(Method::PUT, VAULT, "k", "legal-hold", "<LegalHold/>"), "MalformedXML", false),
        (upload().header("if-none-match", "*"), "PreconditionFailed", false),
        (ops::delete_object(VAULT, "k", Some(&id)), "AccessDenied", true),
        (upload().header(MODE, "BAD-VALUE").header(UNTIL, &until), "InvalidArgument", true),
    ] {
        let said = s.send(request).await;
        let error = said.answer.error().expect("a refusal");
        assert_eq!((error.code.as_str(), error.message.ends_with('.')), (code, stop), "{}", error.message);
    }
}
