//! The reference server is held to AWS: every behaviour that was recorded from AWS is one test.
//!
//! The ids are those of the catalogue of WORM behaviours; `fixtures/behaviours-recorded.txt` lists the
//! ones whose answer was recorded on AWS, and the last test below compares that list with the tests.
//! A test runs in the process against a fresh server on a virtual clock, through the crate's own
//! client. It asserts the status, the error code and the message, the further elements of the error
//! where they were recorded, and reads the state back: a refusal that left something changed fails.
//!
//! Where sources disagree, the test says which one it follows and why. As a rule an answer recorded on
//! AWS outranks a guide, and a guide outranks another implementation.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, TimeZone as _, Utc};
use http::Method;
use wormproof::exchange::Answer;
use wormproof::lock::{LegalHold, Mode, Presence, Reading, Retention, VersionState};
use wormproof::server::{Config, Server};
use wormproof::store::client::Client;
use wormproof::store::credentials::Credentials;
use wormproof::store::endpoint::Endpoint;
use wormproof::store::ops::{self, BucketConfig, DefaultPeriod, LockHeaders};
use wormproof::store::readback::{list_versions, read_listed_version};
use wormproof::store::request::S3Request;
use wormproof::store::sts::{AssumeRole, assume_role};
use wormproof::store::wire::{BoxFuture, Wire, WireError};
use wormproof::time::Clock;

/// Makes a test of every behaviour named, and the list of their names for the comparison below.
macro_rules! rows {
    ($($row:ident)*) => {
        pub(super) const ROWS: &[&str] = &[$(stringify!($row)),*];

        mod tests {
            $(
                #[tokio::test]
                async fn $row() {
                    super::$row(crate::reference::Stage::new()).await;
                }
            )*
        }
    };
}

mod buckets;
mod conditions;
mod copies;
mod deletes;
mod locks;
mod order;
mod writes;

/// The bucket with Object Lock.
const VAULT: &str = "vault";
/// A bucket with versioning and without Object Lock.
const BOOKS: &str = "books";
/// A bucket without either.
const PLAIN: &str = "plain";

const LOCKED: &str = "Access Denied because object protected by object lock.";
const NEVER_SET: &str = "The specified object does not have a ObjectLock configuration";
const MALFORMED: &str =
    "The XML you provided was not well-formed or did not validate against our published schema";
const NO_KEY: &str = "The specified key does not exist.";
const NO_LOCK: &str = "Bucket is missing Object Lock Configuration";
const NOT_HELD: &str = "At least one of the pre-conditions you specified did not hold";
const CONFLICT: &str =
    "The conditional request cannot succeed due to a conflicting operation against this resource.";
const NOT_IMPLEMENTED: &str = "A header you provided implies functionality that is not implemented";
const NOT_ALLOWED: &str = "The specified method is not allowed against this resource.";
const BOTH: &str = "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied";
const MODE: &str = "x-amz-object-lock-mode";
const UNTIL: &str = "x-amz-object-lock-retain-until-date";
const HOLD: &str = "x-amz-object-lock-legal-hold";
const BYPASS: &str = "x-amz-bypass-governance-retention";
/// An id of the right form that no server issued; the recordings use one like it.
const STRANGE_ID: &str = "HPniJFCxqTsMuIH9KX8K8wEjNUgmABCD";

#[derive(Debug)]
struct InProcess(Server);

impl Wire for InProcess {
    fn send(&self, request: http::Request<Bytes>) -> BoxFuture<'_, Result<http::Response<Bytes>, WireError>> {
        Box::pin(async move { Ok(self.0.handle(request).await) })
    }
}

/// A fresh server, its clock, and a client with the root key.
struct Stage {
    client: Client,
    root: Credentials,
    clock: Clock,
}

/// An answer, and what it is expected to be.
struct Said {
    answer: Answer,
    body: String,
}

/// A version as it was read back: lock, content, and the headers that no lock change may move.
#[derive(Debug, PartialEq)]
struct Seal {
    state: VersionState,
    headers: BTreeMap<String, String>,
}

impl Stage {
    fn new() -> Self {
        let clock = Clock::virtual_at(Utc.with_ymd_and_hms(2026, 3, 1, 12, 0, 0).single().expect("a date"));
        let server = Server::new(Config {
            access_key: "root-key".into(),
            secret_key: "root-secret-key".into(),
            region: "us-east-1".into(),
            clock: clock.clone(),
            defects: Vec::new(),
        });
        let endpoint = Endpoint::parse("http://embedded.invalid", None).expect("an endpoint");
        let client = Client::new(Arc::new(InProcess(server)), endpoint, clock.clone(), "wormproof/test");
        Self { client, root: Credentials::new("root-key", "root-secret-key"), clock }
    }

    async fn send(&self, request: S3Request) -> Said {
        self.send_as(&self.root, request).await
    }

    async fn send_as(&self, who: &Credentials, request: S3Request) -> Said {
        let reply = self.client.exchange(Some(who), &request).await;
        let answer = reply.answer().expect("an answer in the process").clone();
        Said { answer, body: String::from_utf8_lossy(&reply.body).into_owned() }
    }

    /// A principal with all rights of the account but those that this policy does not give.
    async fn session(&self, policy: &str) -> Credentials {
        let wanted = AssumeRole { policy: Some(policy.to_owned()), duration_s: 900, ..AssumeRole::default() };
        assume_role(&self.client, &self.root, &wanted).await.expect("a session").credentials
    }

    async fn vault(&self) {
        self.send(ops::create_bucket(VAULT, true, "us-east-1")).await.ok(200);
    }

    async fn vault_with(&self, mode: Mode, days: u32) {
        self.vault().await;
        let default = Some((mode, DefaultPeriod::Days(days)));
        self.send(ops::put_object_lock_configuration(VAULT, default)).await.ok(200);
    }

    async fn books(&self) {
        self.send(ops::create_bucket(BOOKS, false, "us-east-1")).await.ok(200);
        self.send(ops::put_bucket_versioning(BOOKS, true)).await.ok(200);
    }

    async fn plain(&self) {
        self.send(ops::create_bucket(PLAIN, false, "us-east-1")).await.ok(200);
    }

    /// A plain upload; its version id, or nothing.
    async fn put(&self, bucket: &str, key: &str, content: &str) -> String {
        let said = self.send(ops::put_object(bucket, key, content.to_owned(), &LockHeaders::NONE)).await;
        said.ok(200).version()
    }

    /// A version of `VAULT` that is retained for some minutes from now.
    async fn retained(&self, key: &str, mode: Mode, minutes: i64) -> String {
        let lock = LockHeaders::retained(self.lasting(mode, minutes));
        self.send(ops::put_object(VAULT, key, "record", &lock)).await.ok(200).version()
    }

    /// A version of `VAULT` under a legal hold.
    async fn held(&self, key: &str) -> String {
        let lock = LockHeaders { retention: None, hold: Some(LegalHold::On) };
        self.send(ops::put_object(VAULT, key, "record", &lock)).await.ok(200).version()
    }

    fn lasting(&self, mode: Mode, minutes: i64) -> Retention {
        Retention { mode, until: self.clock.now() + TimeDelta::minutes(minutes) }
    }

    async fn retain(&self, key: &str, id: &str, retention: Option<Retention>) -> Said {
        self.send(ops::put_object_retention(VAULT, key, Some(id), retention)).await
    }

    async fn delete(&self, bucket: &str, key: &str, id: Option<&str>) -> Said {
        self.send(ops::delete_object(bucket, key, id)).await
    }

    /// The retention of a version, read back.
    async fn retention(&self, bucket: &str, key: &str, id: &str) -> Option<Retention> {
        let read = read_listed_version(&self.client, Some(&self.root), bucket, key, id).await.state;
        read.retention.known().copied().expect("a readable retention")
    }

    /// The version as it is now; it must be readable and listed.
    async fn seal(&self, bucket: &str, key: &str, id: &str) -> Seal {
        let state = read_listed_version(&self.client, Some(&self.root), bucket, key, id).await.state;
        assert!(matches!(state.presence, Reading::Known(Presence::Present { .. })), "{state:?}");
        assert_eq!(state.listed, Reading::Known(true), "{state:?}");
        let got = self.send(ops::get_object(bucket, key, Some(id))).await.ok(200);
        let kept = |name: &str| {
            matches!(name, "etag" | "last-modified" | "content-length" | "content-type")
                || name.starts_with("x-amz-meta-")
                || name.starts_with("x-amz-object-lock-")
        };
        let headers = got.answer.headers.into_iter().filter(|(name, _)| kept(name)).collect();
        Seal { state, headers }
    }

    /// The version is exactly as it was sealed.
    async fn kept(&self, bucket: &str, seal: &Seal) {
        let now = self.seal(bucket, &seal.state.key, &seal.state.version_id).await;
        assert_eq!(&now, seal, "the version was changed");
    }

    /// The version is not there any more.
    async fn gone(&self, bucket: &str, key: &str, id: &str) {
        self.send(ops::get_object(bucket, key, Some(id)))
            .await
            .is(404, "NoSuchVersion", "The specified version does not exist.")
            .names(&[("Key", key), ("VersionId", id)]);
        assert!(self.versions(bucket, key).await.iter().all(|(found, _)| found != id), "{id} is listed");
    }

    /// The versions of a key as the bucket lists them, the newest first; `true` is a delete marker.
    async fn versions(&self, bucket: &str, key: &str) -> Vec<(String, bool)> {
        let (listed, _) = list_versions(&self.client, Some(&self.root), bucket, key).await;
        let entries = listed.known().expect("a listing").iter().filter(|entry| entry.key == key);
        entries.map(|entry| (entry.version_id.clone(), entry.marker)).collect()
    }

    /// The lock configuration as the bucket tells it.
    async fn configuration(&self, bucket: &str) -> String {
        self.send(ops::get_object_lock_configuration(bucket)).await.ok(200).body
    }

    async fn head(&self, bucket: &str, key: &str, id: &str) -> Said {
        self.send(ops::head_object(bucket, key, Some(id))).await.ok(200)
    }

    /// Puts a lock configuration as it is written.
    async fn put_configuration(&self, bucket: &str, document: &str) -> Said {
        self.send(ops::put_bucket_config(bucket, BucketConfig::ObjectLock, document)).await
    }
}

impl Said {
    /// Success with this status, and no error in the body.
    #[track_caller]
    fn ok(self, status: u16) -> Self {
        assert_eq!(self.answer.status, status, "{}", self.body);
        assert!(self.answer.error().is_none(), "{}", self.body);
        self
    }

    /// A refusal with this status, code and message.
    #[track_caller]
    fn is(self, status: u16, code: &str, message: &str) -> Self {
        let error = self.answer.error().unwrap_or_else(|| panic!("no error: {}", self.body));
        assert_eq!(
            (self.answer.status, error.code.as_str(), error.message.as_str()),
            (status, code, message),
            "{}",
            self.body
        );
        self
    }

    /// The error names these things, in elements of its own.
    #[track_caller]
    fn names(self, elements: &[(&str, &str)]) -> Self {
        for (name, text) in elements {
            assert_eq!(self.answer.element(name).as_deref(), Some(*text), "{name}: {}", self.body);
        }
        self
    }

    /// The body has no such element.
    #[track_caller]
    fn lacks(self, element: &str) -> Self {
        assert_eq!(self.answer.element(element), None, "{}", self.body);
        self
    }

    /// The answer has these headers.
    #[track_caller]
    fn shows(self, headers: &[(&str, &str)]) -> Self {
        for (name, value) in headers {
            assert_eq!(self.answer.header(name), Some(*value), "{name}: {:?}", self.answer.headers);
        }
        self
    }

    /// The answer has none of these headers.
    #[track_caller]
    fn hides(self, headers: &[&str]) -> Self {
        for name in headers {
            assert_eq!(self.answer.header(name), None, "{name}");
        }
        self
    }

    #[track_caller]
    fn version(&self) -> String {
        self.answer.header("x-amz-version-id").unwrap_or_default().to_owned()
    }

    #[track_caller]
    fn element(&self, name: &str) -> String {
        self.answer.element(name).unwrap_or_else(|| panic!("no {name}: {}", self.body))
    }

    /// Each element of this name as its inner text, in order.
    fn all(&self, name: &str) -> Vec<String> {
        let (open, close) = (format!("<{name}>"), format!("</{name}>"));
        let pieces = self.body.split(&open).skip(1);
        pieces.filter_map(|piece| piece.split(&close).next().map(str::to_owned)).collect()
    }
}

/// An instant as the server shows it in headers and documents.
fn shown(instant: DateTime<Utc>) -> String {
    wormproof::time::wire(instant)
}

/// A request to a sub-resource with a body of its own, and a digest of it.
fn raw(method: Method, bucket: &str, key: &str, name: &str, body: &str) -> S3Request {
    let request = S3Request::to_object(method, bucket, key, None).query(name, "");
    request.body(body.to_owned()).integrity(wormproof::store::request::Integrity::ContentMd5)
}

/// Behaviours that were recorded on AWS and cannot be tested here, each with the reason.
const NOT_HERE: &[(&str, &str)] = &[];

#[test]
fn every_recorded_behaviour_has_its_test() {
    let list = include_str!("../../../fixtures/behaviours-recorded.txt");
    let ids = list.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let recorded: BTreeSet<String> = ids.map(str::to_owned).collect();
    let groups = [
        buckets::ROWS,
        conditions::ROWS,
        copies::ROWS,
        deletes::ROWS,
        locks::ROWS,
        order::ROWS,
        writes::ROWS,
    ];
    let mut tested = BTreeSet::new();
    for row in groups.into_iter().flatten() {
        let mut parts = row.split('_').skip(1);
        let (group, number) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
        let id = format!("{}-{number}", group.to_uppercase());
        assert!(tested.insert(id.clone()), "{id} has two tests");
    }
    let excused: BTreeSet<String> = NOT_HERE.iter().map(|(id, _)| (*id).to_owned()).collect();
    assert!(NOT_HERE.iter().all(|(_, reason)| !reason.is_empty()));
    assert_eq!(tested.intersection(&excused).next(), None, "tested and excused");
    let covered: BTreeSet<String> = tested.union(&excused).cloned().collect();
    assert_eq!(covered, recorded, "left: tested or excused, right: recorded on AWS");
}
