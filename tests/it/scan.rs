//! The scan against the embedded server in the process, truthful and tampered with.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, TimeZone as _, Utc};
use wormproof::lock::{LegalHold, Mode, Reading, Retention};
use wormproof::profile::Requirement;
use wormproof::record::finding::{FindingRule, ScanResult};
use wormproof::record::log::{Log, What};
use wormproof::scan::{Lookups, OwnRun, Progress, ScanInput, exact, scan};
use wormproof::server::{Config, Server};
use wormproof::store::canary;
use wormproof::store::client::Client;
use wormproof::store::credentials::Credentials;
use wormproof::store::endpoint::Endpoint;
use wormproof::store::ops::{self, LockHeaders};
use wormproof::store::request::S3Request;
use wormproof::store::sts::{AssumeRole, assume_role};
use wormproof::store::wire::{BoxFuture, Wire, WireError};
use wormproof::time::{Clock, Span};

/// What a request was, and its answer to be changed.
type Tamper =
    Box<dyn Fn(&http::request::Parts, http::Response<Bytes>) -> http::Response<Bytes> + Send + Sync>;

/// The server, with something between.
pub(super) struct Between {
    server: Server,
    tamper: Mutex<Option<Arc<Tamper>>>,
    heads: AtomicU64,
    pub(super) requests: AtomicU64,
}

impl std::fmt::Debug for Between {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Between").finish_non_exhaustive()
    }
}

impl Wire for Between {
    fn send(&self, request: http::Request<Bytes>) -> BoxFuture<'_, Result<http::Response<Bytes>, WireError>> {
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            self.requests.fetch_add(1, Ordering::Relaxed);
            if parts.method == http::Method::HEAD {
                self.heads.fetch_add(1, Ordering::Relaxed);
            }
            let answer = self.server.handle(http::Request::from_parts(parts.clone(), body)).await;
            let tamper = self.tamper.lock().expect("a lock").clone();
            Ok(match tamper {
                Some(tamper) => tamper(&parts, answer),
                None => answer,
            })
        })
    }
}

pub(super) struct Scene {
    pub(super) client: Client,
    pub(super) root: Credentials,
    pub(super) clock: Clock,
    pub(super) wire: Arc<Between>,
}

pub(super) const BUCKET: &str = "books";

pub(super) async fn scene() -> Scene {
    let clock = Clock::virtual_at(Utc.with_ymd_and_hms(2026, 1, 1, 0, 0, 0).single().expect("a date"));
    let server = Server::new(Config {
        access_key: "root-key".into(),
        secret_key: "root-secret-key".into(),
        region: "us-east-1".into(),
        clock: clock.clone(),
        defects: Vec::new(),
    });
    let endpoint = Endpoint::parse("http://embedded.invalid", None).expect("an endpoint");
    let wire = Arc::new(Between {
        server,
        tamper: Mutex::default(),
        heads: AtomicU64::default(),
        requests: AtomicU64::default(),
    });
    let client = Client::new(wire.clone(), endpoint, clock.clone(), "wormproof/test");
    let scene = Scene { client, root: Credentials::new("root-key", "root-secret-key"), clock, wire };
    scene.ok(ops::create_bucket(BUCKET, true, "us-east-1")).await;
    scene
}

impl Scene {
    /// Sends, expects success, and gives the version id.
    pub(super) async fn ok(&self, request: S3Request) -> String {
        let reply = self.client.exchange(Some(&self.root), &request).await;
        assert!(
            reply.is_success(),
            "{} {}: {:?}",
            request.method,
            reply.exchange.sent.target,
            reply.trouble()
        );
        reply.answer().and_then(|a| a.header("x-amz-version-id")).unwrap_or_default().to_owned()
    }

    pub(super) fn days(&self, n: i64) -> DateTime<Utc> {
        self.clock.now() + TimeDelta::days(n)
    }

    pub(super) async fn put(
        &self,
        key: &str,
        retention: Option<(Mode, DateTime<Utc>)>,
        hold: Option<LegalHold>,
    ) -> String {
        let lock = LockHeaders { retention: retention.map(|(mode, until)| Retention { mode, until }), hold };
        self.ok(ops::put_object(BUCKET, key, "x", &lock)).await
    }

    pub(super) fn input<'a>(&'a self, requirement: &'a Requirement) -> ScanInput<'a> {
        ScanInput::new(&self.client, Some(&self.root), BUCKET, "", requirement)
    }

    pub(super) fn tamper(
        &self,
        with: impl Fn(&http::request::Parts, http::Response<Bytes>) -> http::Response<Bytes>
        + Send
        + Sync
        + 'static,
    ) {
        *self.wire.tamper.lock().expect("a lock") = Some(Arc::new(Box::new(with)));
    }
}

pub(super) fn quiet(_: Progress) {}

pub(super) fn found(result: &ScanResult) -> BTreeMap<(String, FindingRule), String> {
    result.first.iter().map(|f| ((f.key.clone(), f.rule), f.detail.clone())).collect()
}

fn is_listing(parts: &http::request::Parts) -> bool {
    parts.uri.query().is_some_and(|q| q.contains("versions"))
}

/// One version of every kind; the clock then stands two days later.
async fn mixed(scene: &Scene) {
    scene.put("compliance", Some((Mode::Compliance, scene.days(4000))), None).await;
    scene.put("expired", Some((Mode::Compliance, scene.days(1))), None).await;
    scene.put("expired-held", Some((Mode::Compliance, scene.days(1))), Some(LegalHold::On)).await;
    scene.put("governance", Some((Mode::Governance, scene.days(4000))), None).await;
    scene.put("held", None, Some(LegalHold::On)).await;
    scene.put("hidden", Some((Mode::Compliance, scene.days(4000))), None).await;
    scene.ok(ops::delete_object(BUCKET, "hidden", None)).await;
    scene.put("short", Some((Mode::Compliance, scene.days(30))), None).await;
    scene.put("unlocked", None, None).await;
    scene.put("unlocked", Some((Mode::Compliance, scene.days(4000))), None).await;
    scene.put("unlocked-hidden", None, None).await;
    scene.ok(ops::delete_object(BUCKET, "unlocked-hidden", None)).await;
    scene.clock.advance_to(scene.days(2));
}

#[tokio::test]
async fn every_kind_of_version_is_judged_for_what_it_is() {
    use FindingRule::{Expired, Hidden, TooShort, Unprotected, WrongMode};
    let scene = scene().await;
    mixed(&scene).await;
    let none = Requirement::default();
    let log = Log::default();
    let ten = Requirement {
        mode: Some(Mode::Compliance),
        min_retention: Some(Span::Months(120)),
        ..Requirement::default()
    };
    for (lookups, page_size) in [(Lookups::Cheapest, 1000), (Lookups::Head, 1), (Lookups::Each, 3)] {
        let input = ScanInput { lookups, page_size, log: Some(&log), ..scene.input(&none) };
        let result = scan(&input, &quiet).await;
        assert!(result.complete, "{:?}", result.incomplete_reason);
        let rules: Vec<_> = found(&result).into_keys().collect();
        let expected = [
            ("expired", Expired),
            ("hidden", Hidden),
            ("unlocked", Unprotected),
            ("unlocked-hidden", Unprotected),
        ];
        assert_eq!(rules, expected.map(|(k, r)| (k.to_owned(), r)), "{lookups:?}");
        assert_eq!((result.versions, result.markers, result.keys), (10, 2, 9));
        assert_eq!(result.totals["COMPLIANCE"], 4);
        assert_eq!((result.totals["no lock"], result.totals["legal hold only"]), (2, 2));

        let input = ScanInput { lookups, ..scene.input(&ten) };
        let result = scan(&input, &quiet).await;
        let rules: Vec<_> = found(&result).into_keys().collect();
        let expected = [
            ("expired", TooShort),
            ("expired", Expired),
            ("expired-held", TooShort),
            ("governance", WrongMode),
            ("held", TooShort),
            ("hidden", Hidden),
            ("short", TooShort),
            ("unlocked", Unprotected),
            ("unlocked-hidden", Unprotected),
        ];
        assert_eq!(rules, expected.map(|(k, r)| (k.to_owned(), r)), "{lookups:?}");
    }
    // The evidence of each finding is in the log: the store's own word.
    let events = log.take();
    let said = events.iter().any(|e| match &e.what {
        What::Exchange(x) => {
            x.sent.target.contains("/unlocked-hidden?")
                && x.sent.target.contains("retention")
                && x.answer().is_some_and(|a| a.status == 404)
        }
        What::Note(_) => false,
    });
    assert!(said);
}

#[tokio::test]
async fn a_required_hold_is_asked_for_where_head_is_silent() {
    let scene = scene().await;
    let until = scene.days(10);
    scene.put("held", Some((Mode::Compliance, until)), Some(LegalHold::On)).await;
    scene.put("off", Some((Mode::Compliance, until)), Some(LegalHold::Off)).await;
    scene.put("silent", Some((Mode::Compliance, until)), None).await;
    let requirement = Requirement { hold: true, ..Requirement::default() };
    let result = scan(&scene.input(&requirement), &quiet).await;
    let rules: Vec<_> = found(&result).into_keys().collect();
    assert_eq!(rules, ["off", "silent"].map(|k| (k.to_owned(), FindingRule::NoHold)));
}

#[tokio::test]
async fn a_hold_that_head_leaves_out_is_asked_for_where_it_decides() {
    let scene = scene().await;
    let until = scene.days(1);
    for i in 0..60 {
        scene.put(&format!("k{i:02}"), Some((Mode::Compliance, until)), Some(LegalHold::On)).await;
    }
    scene.clock.advance_to(scene.days(2));
    scene.tamper(|parts, mut answer| {
        if parts.method == http::Method::HEAD {
            answer.headers_mut().remove("x-amz-object-lock-legal-hold");
        }
        answer
    });
    let none = Requirement::default();
    let held = Requirement { hold: true, ..Requirement::default() };
    for requirement in [&none, &held] {
        let result = scan(&scene.input(requirement), &quiet).await;
        assert!(result.findings.is_empty(), "{:?}", result.findings);
        assert_eq!(result.totals, BTreeMap::from([("legal hold only".to_owned(), 60)]));
    }
}

#[tokio::test]
async fn who_may_not_see_locks_is_told_so_and_not_that_there_are_none() {
    let scene = scene().await;
    mixed(&scene).await;
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
        "Action":["s3:ListBucketVersions","s3:GetObject","s3:GetObjectVersion"],"Resource":"*"}]}"#;
    let wanted = AssumeRole { policy: Some(policy.into()), duration_s: 900, ..AssumeRole::default() };
    let session = assume_role(&scene.client, &scene.root, &wanted).await.expect("a session");
    let none = Requirement::default();
    let input = ScanInput { who: Some(&session.credentials), ..scene.input(&none) };
    let result = scan(&input, &quiet).await;
    assert_eq!(result.findings, BTreeMap::from([("unreadable".to_owned(), 10)]));
    assert_eq!(result.totals, BTreeMap::from([("not assessed".to_owned(), 10)]));
    assert!(result.first[0].detail.contains("403"), "{}", result.first[0].detail);
    // Nobody at all: nothing was listed, and that is not an empty bucket.
    let input = ScanInput { who: None, ..scene.input(&none) };
    let result = scan(&input, &quiet).await;
    assert!(!result.complete && result.versions == 0);
}

#[tokio::test]
async fn a_locked_version_costs_one_head_and_pages_make_no_difference() {
    let scene = scene().await;
    let until = scene.days(10);
    for i in 0..1200 {
        scene.put(&format!("k{:04}", i / 3), Some((Mode::Compliance, until)), None).await;
    }
    let none = Requirement::default();
    let mut digests = Vec::new();
    for (page_size, concurrency) in [(1000, 64), (7, 3), (1000, 1)] {
        scene.wire.requests.store(0, Ordering::Relaxed);
        let told = AtomicU64::new(0);
        let input = ScanInput { page_size, concurrency, ..scene.input(&none) };
        let result = scan(&input, &|p| told.store(p.versions, Ordering::Relaxed)).await;
        assert!(result.complete, "{:?}", result.incomplete_reason);
        assert_eq!((result.versions, result.keys, result.lookups), (1200, 400, 1200));
        assert_eq!(result.pages, 1200_u64.div_ceil(page_size.into()));
        assert_eq!(told.load(Ordering::Relaxed), 1200);
        // 16 checks of three requests, and one in 1000 at random.
        let requests = scene.wire.requests.load(Ordering::Relaxed) - result.pages;
        assert!((1248..1300).contains(&requests), "{requests}");
        digests.push(result.population_sha256);
    }
    assert_eq!(digests[0], digests[1]);
    assert_eq!(digests[0], digests[2]);
    let id = scene.put("k0000", Some((Mode::Compliance, until)), None).await;
    let before = scan(&scene.input(&none), &quiet).await.population_sha256;
    let later = Retention { mode: Mode::Compliance, until: until + TimeDelta::seconds(1) };
    scene.ok(ops::put_object_retention(BUCKET, "k0000", Some(&id), Some(later))).await;
    let after = scan(&scene.input(&none), &quiet).await.population_sha256;
    assert_ne!(before, after);
}

#[tokio::test]
async fn a_listing_that_is_not_whole_makes_an_incomplete_result() {
    let scene = scene().await;
    let until = scene.days(10);
    for i in 0..50 {
        scene.put(&format!("a/k{i:04}"), Some((Mode::Compliance, until)), None).await;
    }
    let none = Requirement::default();
    let input = ScanInput { page_size: 10, prefix: "a/", ..scene.input(&none) };
    let replace = |from: &'static str, to: &'static str, after: u64| {
        let pages = AtomicU64::new(0);
        move |parts: &http::request::Parts, answer: http::Response<Bytes>| {
            if !is_listing(parts) || pages.fetch_add(1, Ordering::Relaxed) < after {
                return answer;
            }
            answer.map(|body| String::from_utf8_lossy(&body).replace(from, to).into())
        }
    };
    for (from, to, reason) in [
        ("</ListVersionsResult>", "", "breaks off"),
        ("<Key>a/", "<Key>b/", "does not begin with"),
        ("<NextKeyMarker>a/k", "<NextKeyMarker>a/j", "does not advance"),
        ("<Size>1</Size>", "<Size>-1</Size>", "Size"),
        ("<IsLatest>true</IsLatest>", "", "IsLatest"),
    ] {
        scene.tamper(replace(from, to, 2));
        let result = scan(&input, &quiet).await;
        let why = result.incomplete_reason.clone().unwrap_or_default();
        assert!(!result.complete && why.contains(reason), "{reason}: {why}");
        assert_eq!((result.versions, result.pages), (20, 2), "{reason}: what was read is kept");
    }
    scene.tamper(|parts, mut answer| {
        if is_listing(parts) {
            *answer.status_mut() = http::StatusCode::FORBIDDEN;
        }
        answer
    });
    assert!(!scan(&input, &quiet).await.complete);
}

#[tokio::test]
async fn only_proven_canaries_are_left_out() {
    let scene = scene().await;
    let marked = |key: &str, run: &str| {
        ops::put_object(BUCKET, key, "x", &LockHeaders::NONE).metadata("wormproof-run", run)
    };
    scene.ok(marked("a/.wormproof/r1/k", "r1")).await;
    scene.ok(marked("a/.wormproof/r1/forged", "r2")).await;
    scene.put("a/.wormproof/r1/bare", None, None).await;
    scene.ok(marked("a/r1/k", "r1")).await;
    // An attack replaced the metadata with the version: the stamp in the bytes tells, in its own key and there alone.
    for key in
        ["a/.wormproof/r1/WORM-307/all-1-0a1b2c3d/ledger", "a/.wormproof/r1/WORM-307/all-1-ffffffff/copied"]
    {
        let stamp = canary::stamp("r1", None, "0a1b2c3d00112233");
        let bytes = canary::stamped("2024,BUY,900", &stamp, "entry-ledger-1");
        scene.ok(ops::put_object(BUCKET, key, bytes, &LockHeaders::NONE)).await;
    }
    let hidden = "a/.wormproof/r1/WORM-307/all-1-0a1b2c3d/hidden";
    scene.put(hidden, None, None).await;
    scene.put("a/.wormproof/now/bare", None, None).await;
    scene.ok(ops::delete_object(BUCKET, "a/.wormproof/now/bare", None)).await;
    let none = Requirement::default();
    let own = OwnRun { run_id: "now", base: "a/.wormproof/now/" };
    let input = ScanInput { own_run: Some(own), ..scene.input(&none) };
    let result = scan(&input, &quiet).await;
    let keys: Vec<_> = found(&result).into_keys().map(|(key, _)| key).collect();
    let copied = "a/.wormproof/r1/WORM-307/all-1-ffffffff/copied";
    assert_eq!(keys, [hidden, copied, "a/.wormproof/r1/bare", "a/.wormproof/r1/forged", "a/r1/k"]);
    assert_eq!(result.left_out, BTreeMap::from([("now".to_owned(), 2), ("r1".to_owned(), 2)]));
    assert_eq!((result.versions, result.markers), (5, 0));
}

#[tokio::test]
async fn the_gate_for_one_object_tells_missing_unlocked_and_locked_apart() {
    let scene = scene().await;
    scene.put("k", Some((Mode::Compliance, scene.days(10))), None).await;
    scene.put("k-longer", None, None).await;
    scene.put("bare", None, None).await;
    scene.put("gone", None, None).await;
    scene.ok(ops::delete_object(BUCKET, "deleted", None)).await;
    let none = Requirement::default();
    let input = scene.input(&none);
    let result = exact(&input, "k", &quiet).await;
    assert!(result.complete && result.findings.is_empty(), "{result:?}");
    assert_eq!((result.versions, result.scope.as_str()), (1, "s3://books/k"));
    let result = exact(&input, "bare", &quiet).await;
    assert_eq!(result.findings, BTreeMap::from([("unprotected".to_owned(), 1)]));
    for key in ["k-", "nothing", "deleted"] {
        let result = exact(&input, key, &quiet).await;
        assert_eq!(result.findings, BTreeMap::from([("missing".to_owned(), 1)]), "{key}");
    }
    let result = exact(&ScanInput { who: None, ..input.clone() }, "nothing", &quiet).await;
    assert!(!result.complete && result.findings.is_empty(), "who may not look does not know");
    // Whoever lists nothing, though HEAD finds the key.
    scene.tamper(|parts, answer| {
        if !is_listing(parts) {
            return answer;
        }
        answer.map(|_| "<ListVersionsResult><IsTruncated>false</IsTruncated></ListVersionsResult>".into())
    });
    let result = exact(&input, "k", &quiet).await;
    assert!(!result.complete && result.findings.is_empty(), "{result:?}");
}

#[tokio::test]
async fn an_interrupted_scan_keeps_what_it_has_and_says_so() {
    let scene = scene().await;
    for i in 0..300 {
        scene.put(&format!("k{i:03}"), Some((Mode::Compliance, scene.days(10))), None).await;
    }
    let none = Requirement::default();
    let far = AtomicU64::new(0);
    let interrupted = || far.load(Ordering::Relaxed) >= 100;
    let input = ScanInput { page_size: 10, concurrency: 4, interrupted: &interrupted, ..scene.input(&none) };
    let result = scan(&input, &|p| far.store(p.versions, Ordering::Relaxed)).await;
    assert!(!result.complete);
    assert_eq!(result.incomplete_reason.as_deref(), Some("interrupted"));
    assert!((100..120).contains(&result.versions), "{}", result.versions);
}

#[tokio::test]
async fn a_head_that_lies_is_found_out() {
    let scene = scene().await;
    for i in 0..60 {
        scene.put(&format!("k{i:03}"), Some((Mode::Governance, scene.days(10))), None).await;
    }
    scene.tamper(|parts, mut answer| {
        if parts.method == http::Method::HEAD {
            answer
                .headers_mut()
                .insert("x-amz-object-lock-mode", http::HeaderValue::from_static("COMPLIANCE"));
        }
        answer
    });
    let requirement = Requirement { mode: Some(Mode::Compliance), ..Requirement::default() };
    let log = Log::default();
    let input = ScanInput { log: Some(&log), concurrency: 8, ..scene.input(&requirement) };
    let result = scan(&input, &quiet).await;
    let (contradictory, wrong) = (result.findings["unreadable"], result.findings["wrong-mode"]);
    assert!((1..=16).contains(&contradictory), "{contradictory}");
    assert_eq!(contradictory + wrong, 60, "all others were asked for");
    assert!(result.complete, "nothing had been believed: {:?}", result.incomplete_reason);
    let notes: Vec<_> = log
        .take()
        .into_iter()
        .filter_map(|e| match e.what {
            What::Note(text) => Some(text),
            What::Exchange(_) => None,
        })
        .collect();
    assert!(notes.iter().any(|n| n.contains("given up")), "{notes:?}");
}

#[tokio::test]
async fn a_head_that_begins_to_lie_puts_what_it_said_before_in_doubt() {
    let scene = scene().await;
    for i in 0..200 {
        scene.put(&format!("k{i:03}"), Some((Mode::Compliance, scene.days(10))), None).await;
    }
    scene.tamper(|parts, mut answer| {
        if parts.method == http::Method::HEAD && parts.uri.path() >= "/books/k100" {
            answer
                .headers_mut()
                .insert("x-amz-object-lock-mode", http::HeaderValue::from_static("GOVERNANCE"));
        }
        answer
    });
    let requirement = Requirement { mode: Some(Mode::Compliance), ..Requirement::default() };
    let input = ScanInput { concurrency: 8, ..scene.input(&requirement) };
    let result = scan(&input, &quiet).await;
    let why = result.incomplete_reason.unwrap_or_default();
    assert!(!result.complete && why.contains("HEAD shows GOVERNANCE"), "{why}");
    assert_eq!(result.findings.get("wrong-mode"), None, "{:?}", result.findings);
}

/// A listing that carries metadata as MinIO's does, by what each version id is said to have.
fn listing_with(
    metadata: HashMap<String, String>,
) -> impl Fn(&http::request::Parts, http::Response<Bytes>) -> http::Response<Bytes> + Send + Sync {
    move |parts, answer| {
        if !is_listing(parts) || !parts.uri.query().is_some_and(|q| q.contains("metadata=true")) {
            return answer;
        }
        answer.map(|body| {
            let text = String::from_utf8_lossy(&body).into_owned();
            let parts: Vec<String> = text
                .split("</Version>")
                .map(|version| {
                    let id = version.rsplit_once("<VersionId>").and_then(|(_, r)| r.split_once('<'));
                    let user = id.and_then(|(id, _)| metadata.get(id)).cloned().unwrap_or_default();
                    format!("{version}<UserMetadata>{user}</UserMetadata><Internal><K>1</K></Internal>")
                })
                .collect();
            // What follows the last version is no version.
            let (last, versions) = parts.split_last().expect("a part");
            let tail = last.split("<UserMetadata>").next().unwrap_or_default();
            let mut page = versions.join("</Version>");
            page.push_str("</Version>");
            page.push_str(tail);
            page.into()
        })
    }
}

fn metadata(mode: &str, until: DateTime<Utc>) -> String {
    format!(
        "<x-amz-object-lock-mode>{mode}</x-amz-object-lock-mode><x-amz-object-lock-retain-until-date>{}</x-amz-object-lock-retain-until-date>",
        wormproof::time::wire(until)
    )
}

#[tokio::test]
async fn a_listing_with_locks_spares_the_lookups_unless_it_lies() {
    let scene = scene().await;
    let until = scene.days(10);
    let mut truth = HashMap::new();
    for i in 0..200 {
        let id = scene.put(&format!("k{i:03}"), Some((Mode::Compliance, until)), None).await;
        truth.insert(id, metadata("COMPLIANCE", until));
    }
    let none = Requirement::default();
    let by_head = scan(&scene.input(&none), &quiet).await;
    let lies: HashMap<_, _> =
        truth.keys().map(|id| (id.clone(), metadata("COMPLIANCE", until + TimeDelta::days(9999)))).collect();
    scene.tamper(listing_with(truth));
    scene.wire.heads.store(0, Ordering::Relaxed);
    let result = scan(&scene.input(&none), &quiet).await;
    assert!(result.complete && result.findings.is_empty(), "{result:?}");
    assert!(result.lookups < 30, "{}", result.lookups);
    assert_eq!(scene.wire.heads.load(Ordering::Relaxed), 0);
    assert_eq!(result.population_sha256, by_head.population_sha256, "one population, whatever the way");

    scene.tamper(listing_with(lies));
    let result = scan(&scene.input(&none), &quiet).await;
    assert_eq!((result.lookups, result.latest_until), (200, Some(until)));
    assert_eq!(result.population_sha256, by_head.population_sha256);
    assert!(result.complete, "{:?}", result.incomplete_reason);
    // A version that the listing shows without a lock is asked for.
    scene.tamper(listing_with(HashMap::new()));
    let result = scan(&scene.input(&none), &quiet).await;
    assert!(result.findings.is_empty(), "{:?}", result.findings);
    // Metadata that breaks the page: the page is read without it.
    scene.tamper(|parts, answer| {
        if parts.uri.query().is_some_and(|q| q.contains("metadata=true")) {
            return answer.map(|_| "<ListVersionsResult><x-amz-meta-a!b>".into());
        }
        answer
    });
    let result = scan(&scene.input(&none), &quiet).await;
    assert!(result.complete, "{:?}", result.incomplete_reason);
    assert_eq!(result.population_sha256, by_head.population_sha256);
}

#[tokio::test]
async fn a_replica_mark_is_a_finding_where_nothing_replicates() {
    let scene = scene().await;
    scene.put("k", Some((Mode::Compliance, scene.days(10))), None).await;
    scene.tamper(|parts, mut answer| {
        if parts.method == http::Method::HEAD {
            answer
                .headers_mut()
                .insert("x-amz-replication-status", http::HeaderValue::from_static("REPLICA"));
        }
        answer
    });
    let none = Requirement::default();
    for (replicates, count) in [(false, 1), (true, 0)] {
        let input = ScanInput { replicates: Reading::Known(replicates), ..scene.input(&none) };
        let result = scan(&input, &quiet).await;
        assert_eq!(result.findings.get("replica-mark").copied().unwrap_or(0), count);
    }
}
