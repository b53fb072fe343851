//! The integrity check of an event log against the embedded server, truthful and tampered with, and by the binary.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};
use wormproof::profile::EventLogRules;
use wormproof::record::event_log::{
    EventLogProperty, EventLogResult, EventLogRule, PropertyState, TokenTransition,
};
use wormproof::record::log::{Log, What, check_chain};
use wormproof::record::rejudge::rejudge;
use wormproof::scan::event_log::{EventLogInput, check};
use wormproof::scenario::Severity;
use wormproof::server::{Config, Server};
use wormproof::store::client::Client;
use wormproof::store::credentials::Credentials;
use wormproof::store::endpoint::Endpoint;
use wormproof::store::ops::{self, LockHeaders};
use wormproof::store::request::S3Request;
use wormproof::store::wire::{BoxFuture, Wire, WireError};
use wormproof::time::Clock;

use crate::live::{self, Act, Front};

type Hook = Box<dyn Fn(&http::request::Parts) -> Option<http::Response<Bytes>> + Send + Sync>;

/// The server, with something in front that may answer by itself.
struct Direct {
    server: Server,
    hook: Mutex<Option<Arc<Hook>>>,
    methods: Mutex<BTreeSet<String>>,
}

impl std::fmt::Debug for Direct {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Direct").finish_non_exhaustive()
    }
}

impl Wire for Direct {
    fn send(&self, request: http::Request<Bytes>) -> BoxFuture<'_, Result<http::Response<Bytes>, WireError>> {
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            self.methods.lock().expect("a lock").insert(parts.method.to_string());
            let hook = self.hook.lock().expect("a lock").clone();
            if let Some(answer) = hook.and_then(|hook| hook(&parts)) {
                return Ok(answer);
            }
            Ok(self.server.handle(http::Request::from_parts(parts, body)).await)
        })
    }
}

const BUCKET: &str = "ledger";

struct Scene {
    wire: Arc<Direct>,
    client: Client,
    root: Credentials,
    rules: EventLogRules,
}

async fn scene(versioned: bool) -> Scene {
    let server = Server::new(Config {
        access_key: "root-key".into(),
        secret_key: "root-secret-key".into(),
        region: "us-east-1".into(),
        clock: Clock::Real,
        defects: Vec::new(),
    });
    let wire = Arc::new(Direct { server, hook: Mutex::default(), methods: Mutex::default() });
    let endpoint = Endpoint::parse("http://embedded.invalid", None).expect("an endpoint");
    let client = Client::new(wire.clone(), endpoint, Clock::Real, "wormproof/test");
    let root = Credentials::new("root-key", "root-secret-key");
    let scene = Scene { wire, client, root, rules: EventLogRules::default() };
    scene.ok(ops::create_bucket(BUCKET, false, "us-east-1")).await;
    if versioned {
        scene.ok(ops::put_bucket_versioning(BUCKET, true)).await;
    }
    scene
}

/// An event as a writer makes it.
pub(crate) fn event(number: u64, token: u64, holder: &str) -> String {
    json!({ "seq": number, "meta": { "fencing_token": { "epoch": token, "holder_identity": holder } } })
        .to_string()
}

impl Scene {
    async fn ok(&self, request: S3Request) {
        let reply = self.client.exchange(Some(&self.root), &request).await;
        assert!(reply.is_success(), "{} {:?}", reply.exchange.sent.target, reply.trouble());
    }

    async fn put(&self, key: &str, body: String) {
        self.ok(ops::put_object(BUCKET, key, body, &LockHeaders::NONE)).await;
    }

    async fn check(&self, log: Option<&Log>) -> EventLogResult {
        self.wire.methods.lock().expect("a lock").clear();
        let mut input =
            EventLogInput::new(&self.client, Some(&self.root), BUCKET, "", &self.rules).expect("rules");
        input.page_size = 7;
        input.concurrency = 3;
        input.log = log;
        let result = check(&input, &|_| {}).await;
        let methods = self.wire.methods.lock().expect("a lock").clone();
        assert_eq!(methods.into_iter().collect::<Vec<_>>(), ["GET"], "the check sends only reads");
        result
    }

    fn hook(
        &self,
        hook: impl Fn(&http::request::Parts) -> Option<http::Response<Bytes>> + Send + Sync + 'static,
    ) {
        *self.wire.hook.lock().expect("a lock") = Some(Arc::new(Box::new(hook)));
    }
}

fn fault(status: u16, code: &str) -> http::Response<Bytes> {
    let body = format!("<Error><Code>{code}</Code><Message>no</Message></Error>");
    http::Response::builder().status(status).body(Bytes::from(body)).expect("an answer")
}

fn state(result: &EventLogResult, property: EventLogProperty) -> PropertyState {
    result.check(property).expect("every property").state
}

#[tokio::test]
async fn a_log_of_plain_numbers_is_read_in_their_order() {
    let scene = scene(true).await;
    for number in (0..120).rev() {
        scene
            .put(&format!("events/{number}.json"), event(number, number / 50, &format!("n{}", number / 50)))
            .await;
    }
    scene.put("events/_head.json", "{}".to_owned()).await;
    let log = Log::default();
    let result = scene.check(Some(&log)).await;
    assert!(result.checks.iter().all(|c| c.state == PropertyState::Held), "{:#?}", result.checks);
    assert_eq!((result.events, result.first_number, result.last_number), (120, Some(0), Some(119)));
    assert_eq!((result.foreign, result.first_foreign[0].as_str()), (1, "events/_head.json"));
    let change = |number, token, holder: &str| TokenTransition { number, token, holder: Some(holder.into()) };
    assert_eq!(result.transitions, [change(0, 0, "n0"), change(50, 1, "n1"), change(100, 2, "n2")]);
    assert_eq!(result.outcome(Severity::Info).exit_code, 0);
    let events = log.take();
    check_chain(&events).expect("a chain");
    assert!(matches!(&events.last().expect("a note").what, What::Note(n) if n.contains(&result.log_sha256)));
    let again = scene.check(None).await;
    assert_eq!(again.log_sha256, result.log_sha256);
    scene.put("events/7.json", event(7, 0, "n0")).await;
    assert_ne!(scene.check(None).await.log_sha256, result.log_sha256);
}

#[tokio::test]
async fn every_kind_of_damage_is_found() {
    let scene = scene(true).await;
    let put = |number: u64, token: u64, holder: &'static str| {
        let key = format!("events/{number:06}.json");
        let scene = &scene;
        async move { scene.put(&key, event(number, token, holder)).await }
    };
    for number in 1..=20 {
        if number != 4 {
            put(number, 5, "a").await;
        }
    }
    scene.put("events/6.json", event(6, 5, "a")).await;
    put(8, 5, "a").await;
    scene.ok(ops::delete_object(BUCKET, "events/000010.json", None)).await;
    scene.put("events/000021.json", event(99, 5, "a")).await;
    put(22, 5, "b").await;
    put(23, 4, "c").await;
    let log = Log::default();
    let result = scene.check(Some(&log)).await;
    let found: BTreeSet<(EventLogRule, u64)> = result.first.iter().map(|f| (f.rule, f.number)).collect();
    let expected = [
        (EventLogRule::Gap, 4),
        (EventLogRule::DuplicateNumber, 6),
        (EventLogRule::SeveralVersions, 8),
        (EventLogRule::HiddenEvent, 10),
        (EventLogRule::NumberMismatch, 21),
        (EventLogRule::TwoHolders, 22),
        (EventLogRule::TokenWentBack, 23),
    ];
    assert_eq!(found, BTreeSet::from(expected));
    assert!(result.checks.iter().all(|c| c.state == PropertyState::Broken), "{:#?}", result.checks);
    // The evidence holds the reads of what was found.
    let read = |key: &str| {
        log.snapshot().iter().any(
            |e| matches!(&e.what, What::Exchange(x) if x.sent.target.starts_with(&format!("/{BUCKET}/{key}"))),
        )
    };
    assert!(read("events/000008.json") && read("events/000023.json"));
    assert!(!read("events/000002.json"), "a million sound events do not belong in a record");
}

#[tokio::test]
async fn without_versions_overwrites_are_not_assessed_and_the_rest_is() {
    let scene = scene(false).await;
    for number in 1..=9 {
        scene.put(&format!("events/{number:06}.json"), event(number, 1, "a")).await;
    }
    scene.put("events/000003.json", event(3, 1, "a")).await;
    let result = scene.check(None).await;
    assert_eq!(state(&result, EventLogProperty::Versions), PropertyState::NotAssessed);
    assert_eq!(state(&result, EventLogProperty::Sequence), PropertyState::Held);
    assert_eq!((result.versioning.as_deref(), result.outcome(Severity::Medium).exit_code), (Some("off"), 0));
    scene.ok(ops::delete_object(BUCKET, "events/000005.json", None)).await;
    let result = scene.check(None).await;
    assert_eq!(result.findings.keys().collect::<Vec<_>>(), ["gap"]);
}

#[tokio::test]
async fn what_cannot_be_read_is_never_held() {
    let scene = scene(true).await;
    for number in 1..=9 {
        scene.put(&format!("events/{number}.json"), event(number, 1, "a")).await;
    }
    for (status, code, words) in [(403, "InvalidObjectState", "archived"), (403, "AccessDenied", "no right")]
    {
        scene.hook(move |parts| parts.uri.path().ends_with("/4.json").then(|| fault(status, code)));
        let result = scene.check(None).await;
        assert_eq!(state(&result, EventLogProperty::Bodies), PropertyState::NotAssessed);
        assert_eq!(state(&result, EventLogProperty::Tokens), PropertyState::NotAssessed);
        assert_eq!(state(&result, EventLogProperty::Sequence), PropertyState::Held);
        assert!(result.unassessed.keys().all(|why| why.contains(words)), "{:?}", result.unassessed);
        assert_eq!(result.outcome(Severity::Medium).exit_code, 3);
    }
    for part in ["versions", "versioning"] {
        let is = move |parts: &http::request::Parts| {
            parts.uri.query().is_some_and(|q| q.split('&').any(|p| p.trim_end_matches('=') == part))
        };
        scene.hook(move |parts| is(parts).then(|| fault(403, "AccessDenied")));
        let result = scene.check(None).await;
        assert_eq!(state(&result, EventLogProperty::Versions), PropertyState::NotAssessed, "{part}");
        assert_eq!(result.outcome(Severity::Medium).exit_code, 3, "{part}");
    }
}

#[tokio::test]
async fn what_is_written_meanwhile_makes_no_gap() {
    let scene = Arc::new(scene(true).await);
    for number in 1..=30 {
        scene.put(&format!("events/{number:06}.json"), event(number, 1, "a")).await;
    }
    // 32 lies behind a page that was listed before 31 was written.
    let server = scene.wire.server.clone();
    let begun = std::sync::atomic::AtomicBool::new(false);
    let (root, body) = (scene.root.clone(), event(32, 1, "a"));
    scene.hook(move |parts| {
        if parts.uri.path().ends_with(".json") && !begun.swap(true, std::sync::atomic::Ordering::Relaxed) {
            let wire = Arc::new(Direct {
                server: server.clone(),
                hook: Mutex::default(),
                methods: Mutex::default(),
            });
            let endpoint = Endpoint::parse("http://embedded.invalid", None).expect("an endpoint");
            let client = Client::new(wire, endpoint, Clock::Real, "another writer");
            let put = ops::put_object(BUCKET, "events/000032.json", body.clone(), &LockHeaders::NONE);
            let (root, done) = (root.clone(), std::sync::mpsc::channel());
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
                let reply = runtime.block_on(client.exchange(Some(&root), &put));
                done.0.send(reply.is_success()).expect("heard");
            });
            assert!(done.1.recv().expect("an answer"));
        }
        None
    });
    let result = scene.check(None).await;
    assert_eq!((result.events, result.appended), (30, 1));
    assert!(result.findings.is_empty(), "{:?}", result.first);
}

fn written(front: &Front, number: u64, token: u64) {
    let key = format!("events/{number:010}.json");
    front.ok(&ops::put_object(live::BUCKET, &key, event(number, token, "a"), &LockHeaders::NONE));
}

fn ran(front: &Front, args: &[&str]) -> live::Ran {
    let all = [&["event-log", "s3://books/events/", "--endpoint-url", &front.url, "--quiet"], args].concat();
    live::run(&all)
}

#[test]
fn the_command_says_what_it_found_and_ends_with_its_code() {
    let front = Front::with(|parts| {
        assert_eq!(parts.method, Method::GET, "only reads: {}", parts.uri);
        Act::Pass
    });
    front.ok(&ops::create_bucket(live::BUCKET, true, "us-east-1"));
    let nothing = ran(&front, &[]);
    assert_eq!(nothing.code, Some(4), "{nothing:#?}");
    for number in 0..5 {
        written(&front, number, number);
    }
    let sound = ran(&front, &[]);
    sound.is_clean();
    assert_eq!(sound.code, Some(0), "{sound:#?}");
    assert!(sound.stdout.contains("every sequence number is there, and once"), "{}", sound.stdout);
    written(&front, 7, 2);
    let damaged = ran(&front, &["--format", "json"]);
    assert_eq!(damaged.code, Some(1), "{damaged:#?}");
    let shown: Value = serde_json::from_str(&damaged.stdout).expect("json");
    assert_eq!(shown["findings"], json!({ "gap": 1, "token-went-back": 1 }));
    assert_eq!(shown["outcome"]["exit_code"], 1);
    assert_eq!(shown["checks"][0]["state"], "broken");
    let table = ran(&front, &[]);
    table.is_clean();
    assert!(table.stdout.contains("missing: 5 to 6"), "{}", table.stdout);
    assert_eq!(ran(&front, &["--allow-start", "7", "--token-path", "none"]).code, Some(0));
    assert_eq!(ran(&front, &["--token-path", "nowhere", "--allow-start", "7"]).code, Some(3));
    ran(&front, &["--key-pattern", "events/"]).fails(2, "no pattern of keys", "{sequence}");
    ran(&front, &["--token-path", "a..b"]).fails(2, "no path into an event", "metadata:");
    live::run(&["event-log", "--quiet"]).fails(2, "no event log is named", "s3://BUCKET/PREFIX");
}

const WAIVED: &str = "[[waiver]]\nid = \"gap\"\nreason = \"numbers 5 and 6 were never given\"\nowner = \"A. Person\"\nuntil = 2999-01-01\n";

#[test]
fn the_command_passes_over_an_accepted_risk_and_shows_it() {
    let home = tempfile::tempdir().expect("a directory");
    let front = Front::truthful();
    front.ok(&ops::create_bucket(live::BUCKET, true, "us-east-1"));
    for number in [0, 1, 2, 3, 4, 7] {
        written(&front, number, number);
    }
    let ran = |args: &[&str]| {
        let all = [&["event-log", "s3://books/events/", "--endpoint-url", &front.url], args].concat();
        live::run_in(home.path(), &all)
    };
    assert_eq!(ran(&[]).code, Some(1));
    let file = home.path().join("wormproof.toml");
    let idle = WAIVED.replace("gap", "two-holders");
    std::fs::write(&file, format!("{WAIVED}{idle}")).expect("written");
    let waived = ran(&[]);
    waived.is_clean();
    assert_eq!(waived.code, Some(0), "{waived:#?}");
    assert!(waived.stdout.contains("accepted risk"), "{}", waived.stdout);
    assert!(waived.stderr.contains("the waiver for two-holders covers nothing"), "{}", waived.stderr);
    let shown: Value = serde_json::from_str(&ran(&["--format", "json"]).stdout).expect("json");
    assert!(shown["waived"]["gap"].as_str().expect("a text").contains("A. Person"), "{shown}");
    assert_eq!((&shown["findings"]["gap"], &shown["outcome"]["exit_code"]), (&json!(1), &json!(0)));

    std::fs::write(&file, WAIVED.replace("2999", "2001")).expect("written");
    let late = ran(&[]);
    assert_eq!(late.code, Some(1), "{late:#?}");
    assert!(late.stderr.contains("the waiver for gap ended 2001-01-01"), "{}", late.stderr);
}

#[test]
fn an_audits_event_log_is_waived_by_word_and_judged_again() {
    const PROFILE: &str = "name = \"log\"\ntitle = \"A log\"\nsummary = \"For tests.\"\nfrom = \"log.md\"\n\
        verified-on = \"2026-11-25\"\n[event-log]\nkey-pattern = \"events/{sequence}.json\"\n\
        token-path = \"none\"\nholder-path = \"none\"\n[attacks]\nrun = [\"WORM-101\"]\n\
        [[item]]\nlist = \"L\"\nid = \"whole\"\ntext = \"No event is missing.\"\nline = 1\nevent-log = [\"gap\"]\n";
    let home = tempfile::tempdir().expect("a directory");
    std::fs::write(home.path().join("log.toml"), PROFILE).expect("written");
    let front = Front::truthful();
    front.ok(&ops::create_bucket(live::BUCKET, true, "us-east-1"));
    for number in [0, 1, 2, 3, 4, 7] {
        let (key, until) = (format!("events/{number:010}.json"), front.days(30));
        front.put(&key, Some(until), None);
    }
    let audit = |out: &str| {
        let args = ["audit", "s3://books", "--profile", "log.toml", "--endpoint-url", &front.url];
        live::run_in(home.path(), &[&args[..], &["--yes", "--fail-on", "high", "--output", out]].concat())
    };
    let broken = audit("broken");
    assert_eq!(broken.code, Some(1), "{broken:#?}");
    let before = live::record(&home.path().join("broken"));
    assert_eq!(before["outcome"]["reason"], "event log: 1 gap", "{broken:#?}");

    std::fs::write(home.path().join("wormproof.toml"), WAIVED).expect("written");
    let accepted = audit("accepted");
    assert!(accepted.stdout.contains("accepted risk: numbers 5 and 6 were never given"), "{accepted:#?}");
    let out = home.path().join("accepted");
    let after = live::record(&out);
    assert_ne!(after["outcome"]["exit_code"], 1, "{accepted:#?}");
    assert_eq!(after["waivers"][0]["state"], "applied");
    let item = &after["profile"]["items"][0];
    assert_eq!(item["state"], "not satisfied");
    assert!(item["reason"].as_str().expect("a reason").contains("accepted risk: numbers 5 and 6"), "{item}");
    let junit = std::fs::read_to_string(out.join("junit.xml")).expect("a report");
    assert!(junit.contains("wormproof.event-log\" name=\"gap"), "{junit}");
    let metrics = live::run_in(home.path(), &["report", "accepted", "--format", "prometheus"]);
    let sample = "source=\"event-log\",rule=\"gap\",severity=\"critical\",waived=\"true\"";
    assert!(metrics.stdout.contains(sample), "{metrics:#?}");
    assert_eq!(live::run_in(home.path(), &["verify", "accepted"]).code, Some(0));

    // Neither the waiver nor what it covers can be changed apart from the other.
    let again = |change: &dyn Fn(&mut Value)| {
        let mut changed = after.clone();
        change(&mut changed);
        rejudge(&serde_json::from_value(changed).expect("a record"))
    };
    assert_eq!(again(&|_| {}), Vec::<String>::new());
    let accepted = |wrong: &[String]| wrong.iter().any(|w| w.contains("no waiver in force accepts it"));
    assert!(accepted(&again(&|r| r["waivers"][0]["waiver"]["until"] = json!("2001-01-01"))));
    assert!(accepted(&again(&|r| r["waivers"] = json!([]))));
    assert!(!again(&|r| r["event_log"]["waived"] = json!({})).is_empty());
}
