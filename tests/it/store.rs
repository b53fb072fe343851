//! The client against the embedded server, in the process and on a socket: one signs, the other checks.

use std::sync::Arc;

use bytes::Bytes;
use chrono::{TimeDelta, TimeZone as _, Utc};
use wormproof::lock::{LegalHold, Mode, Presence, Reading, Retention};
use wormproof::server::{Config, Server};
use wormproof::store::client::{Backoff, Client};
use wormproof::store::credentials::Credentials;
use wormproof::store::endpoint::Endpoint;
use wormproof::store::listing::VersionsWalk;
use wormproof::store::ops::{self, DefaultPeriod, LockHeaders, PostForm, VersionsQuery};
use wormproof::store::readback::{HeadLock, head_lock, list_versions, read_listed_version, read_version};
use wormproof::store::request::{Auth, S3Request};
use wormproof::store::sdk::configuration;
use wormproof::store::sts::{AssumeRole, assume_role};
use wormproof::store::wire::{BoxFuture, Wire, WireError};
use wormproof::time::Clock;

#[derive(Debug)]
struct InProcess(Server);

impl Wire for InProcess {
    fn send(&self, request: http::Request<Bytes>) -> BoxFuture<'_, Result<http::Response<Bytes>, WireError>> {
        Box::pin(async move { Ok(self.0.handle(request).await) })
    }
}

fn embedded() -> (Client, Credentials, Clock) {
    let clock = Clock::virtual_at(Utc.with_ymd_and_hms(2026, 1, 1, 0, 0, 0).single().expect("a date"));
    let server = Server::new(Config {
        access_key: "root-key".into(),
        secret_key: "root-secret-key".into(),
        region: "us-east-1".into(),
        clock: clock.clone(),
        defects: Vec::new(),
    });
    let endpoint = Endpoint::parse("http://embedded.invalid", None).expect("an endpoint");
    let client = Client::new(Arc::new(InProcess(server)), endpoint, clock.clone(), "wormproof/test");
    (client, Credentials::new("root-key", "root-secret-key"), clock)
}

/// Sends, and expects success.
async fn ok(client: &Client, who: &Credentials, request: S3Request) -> wormproof::store::client::Reply {
    let reply = client.exchange(Some(who), &request).await;
    assert!(reply.is_success(), "{} {}: {:?}", request.method, reply.exchange.sent.target, reply.trouble());
    reply
}

fn version_of(reply: &wormproof::store::client::Reply) -> String {
    let id = reply.answer().and_then(|a| a.header("x-amz-version-id"));
    id.expect("a version id").to_owned()
}

#[tokio::test]
async fn odd_keys_are_signed_as_the_server_reads_them() {
    let (client, root, _) = embedded();
    ok(&client, &root, ops::create_bucket("books", true, "us-east-1")).await;
    for key in
        ["plain", "//a//b/", "./x", "../up", "a/../b", ".", "..", "\u{1}\u{7f}é😀", "100% +&=?#;", "a b"]
    {
        let put = ok(&client, &root, ops::put_object("books", key, "x", &LockHeaders::NONE)).await;
        let back = read_listed_version(&client, Some(&root), "books", key, &version_of(&put)).await;
        assert!(matches!(back.state.presence, Reading::Known(Presence::Present { size: 1, .. })), "{key:?}");
        let listed = key.starts_with('/') || back.state.listed == Reading::Known(true);
        assert!(listed, "{key:?}: {:?}", back.state.listed);
    }
}

#[tokio::test]
async fn locks_are_set_refused_and_read_back() {
    let (client, root, clock) = embedded();
    ok(&client, &root, ops::create_bucket("books", true, "us-east-1")).await;
    let until = clock.now() + TimeDelta::days(1);
    let retention = Retention { mode: Mode::Compliance, until };
    let lock = LockHeaders { retention: Some(retention), hold: Some(LegalHold::On) };
    let put = ok(&client, &root, ops::put_object("books", "k", "abc", &lock)).await;
    let id = version_of(&put);
    let refused =
        client.exchange(Some(&root), &ops::delete_object("books", "k", Some(&id)).bypass_governance()).await;
    assert_eq!(refused.status(), Some(403), "{:?}", refused.trouble());
    let back = read_listed_version(&client, Some(&root), "books", "k", &id).await.state;
    assert_eq!(back.retention, Reading::Known(Some(retention)));
    assert_eq!(back.hold, Reading::Known(LegalHold::On));
    assert_eq!(back.listed, Reading::Known(true));
    let head = head_lock(&client, Some(&root), "books", "k", &id, Backoff::default()).await;
    assert!(matches!(head, HeadLock::Shown(_)), "{head:?}");
    // A marker, a version without a lock, and a version that is gone.
    let marker = version_of(&ok(&client, &root, ops::delete_object("books", "k", None)).await);
    let back = read_listed_version(&client, Some(&root), "books", "k", &marker).await.state;
    assert_eq!((back.presence, back.listed), (Reading::Known(Presence::Marker), Reading::Known(true)));
    let plain = version_of(&ok(&client, &root, ops::put_object("books", "p", "x", &LockHeaders::NONE)).await);
    let head = head_lock(&client, Some(&root), "books", "p", &plain, Backoff::default()).await;
    assert_eq!(head, HeadLock::Silent);
    let back = read_version(&client, Some(&root), "books", "p", &plain).await.state;
    assert_eq!((back.retention, back.hold), (Reading::Known(None), Reading::Known(LegalHold::Off)));
    ok(&client, &root, ops::delete_object("books", "p", Some(&plain))).await;
    let back = read_listed_version(&client, Some(&root), "books", "p", &plain).await.state;
    assert_eq!((back.presence, back.listed), (Reading::Known(Presence::Gone), Reading::Known(false)));
    // Nobody may read: nothing is known, nothing is gone.
    let back = read_listed_version(&client, None, "books", "k", &id).await.state;
    for unread in [
        matches!(back.presence, Reading::Unread(_)),
        matches!(back.retention, Reading::Unread(_)),
        matches!(back.hold, Reading::Unread(_)),
        matches!(back.listed, Reading::Unread(_)),
    ] {
        assert!(unread);
    }
}

#[tokio::test]
async fn every_kind_of_request_is_understood() {
    let (client, root, clock) = embedded();
    let root = &root;
    ok(&client, root, ops::create_bucket("books", true, "us-east-1")).await;
    ok(&client, root, ops::list_buckets()).await;
    ok(&client, root, ops::head_bucket("books")).await;
    let default = Some((Mode::Governance, DefaultPeriod::Days(1)));
    ok(&client, root, ops::put_object_lock_configuration("books", default)).await;
    let until = clock.now() + TimeDelta::days(2);
    let retention = Retention { mode: Mode::Governance, until };
    let id = version_of(&ok(&client, root, ops::put_object("books", "k", "x", &LockHeaders::NONE)).await);
    ok(&client, root, ops::put_object_retention("books", "k", Some(&id), Some(retention))).await;
    ok(&client, root, ops::put_object_retention("books", "k", Some(&id), None).bypass_governance()).await;
    ok(&client, root, ops::put_object_legal_hold("books", "k", Some(&id), LegalHold::On)).await;
    ok(&client, root, ops::put_object_legal_hold("books", "k", Some(&id), LegalHold::Off)).await;
    let source = ops::CopySource { bucket: "books", key: "k", version_id: Some(&id) };
    ok(&client, root, ops::copy_object("books", "copy", &source, &LockHeaders::NONE, true)).await;
    let upload = ok(&client, root, ops::create_multipart_upload("books", "m", &LockHeaders::NONE)).await;
    let upload = upload.answer().and_then(|a| a.element("UploadId")).expect("an upload id");
    ok(&client, root, ops::list_multipart_uploads("books", "")).await;
    let part = ok(&client, root, ops::upload_part("books", "m", &upload, 1, "x")).await;
    let etag = part.answer().and_then(|a| a.header("etag")).expect("an ETag").to_owned();
    ok(&client, root, ops::complete_multipart_upload("books", "m", &upload, &[(1, etag)])).await;
    let entries = [
        ops::DeleteEntry { key: "k".into(), version_id: Some(id.clone()) },
        ops::DeleteEntry { key: "copy".into(), version_id: None },
    ];
    let batch = ok(&client, root, ops::delete_objects("books", &entries, false)).await;
    assert!(batch.answer().is_some_and(|a| a.entry_errors().is_empty()));
    let form = PostForm {
        bucket: "books".into(),
        key: "form".into(),
        content: b"hello".to_vec(),
        ..PostForm::default()
    };
    ok(&client, root, ops::post_form(&form, Some(root), "us-east-1", clock.now())).await;
    let presigned = ops::get_object("books", "form", None).auth(Auth::Presigned { expires_s: 60 });
    assert_eq!(ok(&client, root, presigned).await.body.as_ref(), b"hello");
    let wrong = ops::get_object("books", "form", None).auth(Auth::WrongSignature);
    assert_eq!(client.exchange(Some(root), &wrong).await.status(), Some(403));
    ok(&client, root, ops::list_objects_v2("books", "", None)).await;
    let unknown = client.exchange(Some(root), &ops::sts_get_caller_identity()).await;
    assert!(unknown.trouble().is_some_and(|t| t.contains("InvalidAction")), "{:?}", unknown.trouble());
}

#[tokio::test]
async fn a_walk_sees_every_version_once_whatever_the_page_size() {
    let (client, root, _) = embedded();
    ok(&client, &root, ops::create_bucket("books", true, "us-east-1")).await;
    for i in 0..30 {
        let key = format!("k {}", i % 7);
        ok(&client, &root, ops::put_object("books", &key, "x", &LockHeaders::NONE)).await;
        if i % 5 == 0 {
            ok(&client, &root, ops::delete_object("books", &key, None)).await;
        }
    }
    for max_keys in [1, 4, 1000] {
        let query = VersionsQuery { max_keys: Some(max_keys), ..VersionsQuery::of_prefix("k ") };
        let mut walk = VersionsWalk::new(&client, Some(&root), "books", query, Backoff::default());
        let mut seen = Vec::new();
        while let Some(page) = walk.next_page().await.expect("a page") {
            seen.extend(page.entries.into_iter().map(|e| (e.key, e.version_id)));
        }
        let all = seen.len();
        seen.sort();
        seen.dedup();
        assert_eq!((seen.len(), all), (36, 36), "{max_keys} a page");
    }
    let (listed, exchanges) = list_versions(&client, Some(&root), "books", "k ").await;
    assert_eq!((listed.known().map(Vec::len), exchanges.len()), (Some(36), 1));
    let (listed, exchanges) = list_versions(&client, None, "books", "k ").await;
    assert!(matches!(listed, Reading::Unread(_)));
    assert_eq!(exchanges.len(), 1);
}

#[tokio::test]
async fn a_session_binds_and_the_sdk_reads_the_configuration() {
    let (client, root, _) = embedded();
    ok(&client, &root, ops::create_bucket("books", true, "us-east-1")).await;
    let default = Some((Mode::Compliance, DefaultPeriod::Years(7)));
    ok(&client, &root, ops::put_object_lock_configuration("books", default)).await;
    let (read, exchanges) = configuration(&client, &root, "books").await;
    assert_eq!(exchanges.len(), 12);
    let lock = read.object_lock.known().and_then(Option::as_ref).expect("a lock configuration");
    assert!(lock.enabled);
    assert_eq!(lock.default_retention(), default);
    assert!(lock.document.contains("<Years>7</Years>"), "{}", lock.document);
    let versioning = read.versioning.known().and_then(Option::as_ref).expect("versioning");
    assert_eq!(versioning.status.as_deref(), Some("Enabled"));
    assert_eq!(read.policy, Reading::Known(None));
    let kept = serde_json::to_string(&exchanges).expect("JSON");
    assert!(kept.contains("(redacted)") && !kept.contains("Signature="), "{kept}");
    let wanted = AssumeRole {
        policy: Some(
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}"#
                .into(),
        ),
        duration_s: 900,
        ..AssumeRole::default()
    };
    let session = assume_role(&client, &root, &wanted).await.expect("a session");
    let denied = client
        .exchange(Some(&session.credentials), &ops::put_object("books", "k", "x", &LockHeaders::NONE))
        .await;
    assert_eq!(denied.status(), Some(403));
    let (read, _) = configuration(&client, &session.credentials, "books").await;
    assert!(matches!(read.object_lock, Reading::Unread(_)), "{:?}", read.object_lock);
}
