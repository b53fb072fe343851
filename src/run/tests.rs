//! Scenarios on the embedded server in the process, judged; and what goes over the wire of WORM-101.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};

use crate::policy::allow_document;
use crate::record::judge::{Context, judge};
use crate::record::{Exchanges, Log, Verdict};
use crate::run::*;
use crate::scenario::{Capability, Dialects, Reach, Role, Scenario, Suite};
use crate::server::{Config, Defect, Server};
use crate::store::client::Client;
use crate::store::credentials::Credentials;
use crate::store::endpoint::Endpoint;
use crate::store::ops::{
    DefaultPeriod, VersionsQuery, create_bucket, list_object_versions, put_object_lock_configuration,
    sts_assume_role,
};
use crate::store::wire::{BoxFuture, Wire, WireError};
use crate::time::Clock;

const RUN: &str = "20300101-t1e2s3t4";

/// The embedded server as a wire that notes what passes.
#[derive(Debug)]
struct Noting {
    server: Server,
    lines: Mutex<Vec<String>>,
    /// Whether copies and completed uploads are answered without the new version's id, as Ceph does.
    nameless: AtomicBool,
}

impl Wire for Noting {
    fn send(&self, request: http::Request<Bytes>) -> BoxFuture<'_, Result<http::Response<Bytes>, WireError>> {
        let line = format!("{} {}", request.method(), request.uri());
        let complete = request.method() == http::Method::POST && line.contains("uploadId=");
        let unnamed = complete || request.headers().contains_key("x-amz-copy-source");
        self.lines.lock().expect("a lock").push(line);
        Box::pin(async move {
            let mut answer = self.server.handle(request).await;
            if unnamed && self.nameless.load(Ordering::Relaxed) {
                answer.headers_mut().remove("x-amz-version-id");
            }
            Ok(answer)
        })
    }
}

fn start() -> DateTime<Utc> {
    DateTime::<Utc>::UNIX_EPOCH + TimeDelta::days(21_915)
}

async fn session(client: &Client, root: &Credentials, role: Role) -> Credentials {
    let actions: Vec<&str> = role.rights().map_or(vec!["s3:*"], |r| r.iter().map(|r| r.word()).collect());
    let mut policy: serde_json::Value =
        serde_json::from_str(&allow_document(&[(&actions, &["arn:aws:s3:::*".to_owned()])])).expect("JSON");
    let denied: Vec<&str> = role.denied().iter().map(|r| r.word()).collect();
    if !denied.is_empty() {
        let deny = serde_json::json!({"Effect": "Deny", "Action": denied, "Resource": ["arn:aws:s3:::*"]});
        policy["Statement"].as_array_mut().expect("statements").push(deny);
    }
    let request = sts_assume_role(Some(&policy.to_string()), 43_200, None, None);
    let reply = client.exchange(Some(root), &request).await;
    let mut answer = reply.answer().expect("an answer").clone();
    answer.body.text = Some(String::from_utf8_lossy(&reply.body).into_owned());
    let part = |name| answer.element(name).expect("credentials");
    Credentials::new(&part("AccessKeyId"), &part("SecretAccessKey")).with_token(&part("SessionToken"))
}

/// An audited bucket with a default retention of COMPLIANCE for a day, as on many live systems.
async fn environment(defects: &[Defect], roles: &[Role]) -> (Environment, Arc<Noting>, PlanInput) {
    let clock = Clock::virtual_at(start());
    let config = Config {
        access_key: "root".into(),
        secret_key: "root-secret".into(),
        region: "us-east-1".into(),
        clock: clock.clone(),
        defects: defects.to_vec(),
    };
    let wire = Arc::new(Noting {
        server: Server::new(config),
        lines: Mutex::default(),
        nameless: AtomicBool::new(false),
    });
    let endpoint = Endpoint::parse("http://embedded.invalid", None).expect("an endpoint");
    let client = Client::new(wire.clone(), endpoint, clock.clone(), "wormproof-test");
    let root = Credentials::new("root", "root-secret");
    let default = Some((crate::lock::Mode::Compliance, DefaultPeriod::Days(1)));
    for request in
        [create_bucket("records", true, "us-east-1"), put_object_lock_configuration("records", default)]
    {
        assert_eq!(client.exchange(Some(&root), &request).await.trouble(), None);
    }
    let mut principals = BTreeMap::from([
        (Role::Administrator, PrincipalAccess::Credentials(Some(root.clone()))),
        (Role::Anonymous, PrincipalAccess::Credentials(None)),
    ]);
    for role in roles {
        principals.insert(*role, PrincipalAccess::Credentials(Some(session(&client, &root, *role).await)));
    }
    // Nobody holds this server's switches here.
    let of_machine = [Capability::ServerRestart, Capability::ServerClock, Capability::AccessLog];
    let capabilities: BTreeSet<Capability> =
        Capability::ALL.iter().copied().filter(|c| !of_machine.contains(c)).collect();
    let prefix = canary_base("trades/", RUN);
    let input = PlanInput {
        bucket: "records".into(),
        prefix: prefix.clone(),
        now: clock.now(),
        own_server: true,
        allow: Reach::Server,
        max_residue: TimeDelta::days(1),
        consent_residue: true,
        capabilities: capabilities.clone(),
        principals: principals.clone(),
        default_retention: None,
    };
    let env = Environment {
        client,
        bucket: "records".into(),
        prefix,
        run_id: RUN.into(),
        challenge: Some("nonce of the auditor".into()),
        principals,
        clock,
        own_server: true,
        machine: None,
        access_log: None,
        allow: Reach::Server,
        max_residue: TimeDelta::days(1),
        capabilities,
        consent_residue: true,
        concurrency: 8,
        log: Arc::new(Log::default()),
        journal: Journal::nowhere(),
        interrupt: CancellationFlag::new(),
    };
    wire.lines.lock().expect("a lock").clear();
    (env, wire, input)
}

const SESSIONS: [Role; 8] = [
    Role::Writer,
    Role::Application,
    Role::Custodian,
    Role::Deleter,
    Role::Bypasser,
    Role::Denied,
    Role::Reader,
    Role::Auditor,
];

/// Runs scenarios and judges them by AWS's dialect.
async fn judged(env: &Environment, input: &PlanInput, suite: &[Scenario]) -> Vec<(String, Verdict, String)> {
    let planned = plan(suite, input, &Filter::default());
    let chosen: Vec<(&Scenario, Vec<Option<Role>>)> = planned
        .iter()
        .filter_map(|p| match &p.decision {
            Decision::Run { principals, .. } => Some((&suite[p.place], principals.clone())),
            Decision::Skip(_) => None,
        })
        .collect();
    let results = execute(env, &chosen, &|_| {}).await;
    let events = env.log.snapshot();
    let dialects = Dialects::builtin().expect("dialects");
    let dialect = dialects.select(Some("wormproof"));
    let because = |status: u16, code: &str, message: &str| dialect.because(status, code, message);
    let context = Context { exchanges: Exchanges::of(&events), dialect: &because };
    let mut verdicts = Vec::new();
    for (place, runs) in &results {
        for run in runs {
            let scenario = chosen[*place].0;
            let evidence = run.as_ref().expect("no tool error");
            let judgement = judge(scenario, evidence, &context);
            let name = match evidence.each {
                Some(role) => format!("{} {role}", scenario.id),
                None => scenario.id.clone(),
            };
            verdicts.push((name, judgement.verdict(), judgement.reason().to_owned()));
        }
    }
    verdicts
}

#[tokio::test]
async fn the_suite_holds_on_a_faultless_server_and_the_canaries_can_be_removed() {
    let (env, _, input) = environment(&[], &SESSIONS).await;
    let suite = Suite::builtin().expect("a suite");
    let verdicts = judged(&env, &input, &suite.scenarios).await;
    let bad: Vec<_> = verdicts.iter().filter(|v| !matches!(v.1, Verdict::Pass | Verdict::Skipped)).collect();
    assert!(bad.is_empty(), "{bad:#?}");
    assert!(verdicts.iter().filter(|v| v.1 == Verdict::Pass).count() > 10, "{verdicts:#?}");

    let sweep = Sweep {
        client: &env.client,
        administrator: env.administrator(),
        bucket: &env.bucket,
        root: &canary_root("trades/"),
        runs: Some(BTreeSet::from([RUN.to_owned()])),
        known: Known::default(),
        journal: None,
        discover_buckets: true,
        even_under_way: false,
        wait: true,
        clock: &env.clock,
        log: &env.log,
        interrupt: &env.interrupt,
    };
    let report = cleanup(&sweep).await;
    assert!(report.removed > 0);
    assert_eq!(report.kept, []);
    let list = list_object_versions("records", &VersionsQuery::default());
    let left = env.client.exchange(env.administrator(), &list).await;
    assert!(!String::from_utf8_lossy(&left.body).contains("<Key>"), "canaries are left");
}

#[tokio::test]
async fn a_version_that_the_answer_does_not_name_is_found_in_the_listing() {
    let (env, wire, input) = environment(&[], &SESSIONS).await;
    wire.nameless.store(true, Ordering::Relaxed);
    let suite = Suite::builtin().expect("a suite");
    let chosen: Vec<Scenario> =
        ["WORM-203", "WORM-719", "WORM-720"].iter().map(|id| suite.get(id).expect("it").clone()).collect();
    let verdicts = judged(&env, &input, &chosen).await;
    assert_eq!(verdicts.len(), 3);
    assert!(verdicts.iter().all(|v| v.1 == Verdict::Pass), "{verdicts:#?}");
}

fn only<'s>(suite: &'s Suite, id: &str) -> Vec<(&'s Scenario, Vec<Option<Role>>)> {
    vec![(suite.get(id).expect("a scenario"), vec![Some(Role::Administrator)])]
}

/// A request line without what differs from run to run.
fn plain(line: &str) -> String {
    let line = line.replace("http://embedded.invalid/records", "");
    let line = line.split("versionId=").enumerate().map(|(i, part)| match i {
        0 => part.to_owned(),
        _ => format!("versionId=ID{}", part.find('&').map_or("", |end| &part[end..])),
    });
    let line = line.collect::<String>();
    let nonce = line.find("administrator-1-").map(|at| at + "administrator-1-".len());
    match nonce {
        Some(at) => format!("{}NONCE{}", &line[..at], &line[at + 8..]),
        None => line,
    }
}

#[tokio::test]
async fn worm_101_places_reads_back_and_sends_its_steps_in_order() {
    let (env, wire, _) = environment(&[], &[]).await;
    let suite = Suite::builtin().expect("a suite");
    let results = execute(&env, &only(&suite, "WORM-101"), &|_| {}).await;
    let lines: Vec<String> = wire.lines.lock().expect("a lock").iter().map(|l| plain(l)).collect();
    let base = format!("/trades/.wormproof/{RUN}/WORM-101/administrator-1-NONCE/");
    let writes: Vec<&str> = lines
        .iter()
        .map(String::as_str)
        .filter(|l| !l.starts_with("GET") && !l.starts_with("HEAD"))
        .collect();
    assert_eq!(
        writes,
        [
            format!("PUT {base}ledger"),
            format!("PUT {base}scratch"),
            format!("DELETE {base}scratch"),
            format!("DELETE {base}scratch?versionId=ID"),
            format!("DELETE {base}ledger?versionId=ID"),
        ]
    );
    let listings = lines.iter().filter(|l| l.starts_with("GET ?versions")).count();
    assert_eq!(listings, 3, "the baseline and one read-back after each step: {lines:#?}");
    let evidence = results[0].1[0].as_ref().expect("evidence");
    assert_eq!((evidence.groups.len(), evidence.stopped.as_deref(), evidence.skew_ms), (2, None, 0));
    let scratch = evidence.placed("scratch").expect("scratch");
    let short = scratch.retention.expect("a short lock keeps the default away");
    assert_eq!((short.mode, short.until), (crate::lock::Mode::Governance, start() + TimeDelta::seconds(3)));
    assert!(evidence.baseline.as_ref().expect("a baseline").version("scratch", "marker").is_some());
}

#[tokio::test]
async fn a_server_that_says_no_and_deletes_is_found_out() {
    let (env, _, input) = environment(&[Defect::RefusesAndDeletes], &SESSIONS).await;
    let suite = Suite::builtin().expect("a suite");
    let chosen = [suite.get("WORM-101").expect("a scenario").clone()];
    let verdicts = judged(&env, &input, &chosen).await;
    assert!(verdicts.iter().any(|v| v.1 == Verdict::Fail), "{verdicts:#?}");
}

#[tokio::test]
async fn an_interruption_keeps_what_was_seen_and_sends_nothing_more() {
    let (env, wire, _) = environment(&[], &[]).await;
    let suite = Suite::builtin().expect("a suite");
    env.interrupt.raise();
    let results = execute(&env, &only(&suite, "WORM-101"), &|_| {}).await;
    let evidence = results[0].1[0].as_ref().expect("evidence");
    assert_eq!(evidence.stopped.as_deref(), Some("interrupted"));
    let lines = wire.lines.lock().expect("a lock");
    assert!(lines.iter().all(|l| l.starts_with("GET")), "{lines:?}");
}

#[tokio::test]
async fn clean_up_does_not_touch_what_is_not_proven_ours() {
    let (env, _, _) = environment(&[], &[]).await;
    let put = |key: &str, run: &str| {
        crate::store::ops::put_object(
            "records",
            key,
            "a record",
            &crate::store::ops::LockHeaders::retained(crate::lock::Retention {
                mode: crate::lock::Mode::Governance,
                until: start() + TimeDelta::hours(1),
            }),
        )
        .metadata(RUN_METADATA, run)
    };
    let base = canary_base("trades/", RUN);
    for (key, run) in [("foreign", "another-run"), ("altered", RUN), ("ours", RUN)] {
        let reply = env.client.exchange(env.administrator(), &put(&format!("{base}{key}"), run)).await;
        assert_eq!(reply.trouble(), None);
    }
    // An attack took the metadata away with the version: the bytes tell.
    let [stamped, other] =
        ["0a1b2c3d", "ffffffff"].map(|nonce| format!("{base}WORM-307/all-1-{nonce}/ledger"));
    for key in [&stamped, &other] {
        let stamp = crate::store::canary::stamp(RUN, Some("a challenge"), "0a1b2c3d00112233");
        let content = crate::store::canary::stamped("other bytes", &stamp, "entry-ledger-1");
        let request = crate::store::ops::put_object(
            "records",
            key,
            content,
            &crate::store::ops::LockHeaders::retained(crate::lock::Retention {
                mode: crate::lock::Mode::Governance,
                until: start() + TimeDelta::hours(1),
            }),
        );
        assert_eq!(env.client.exchange(env.administrator(), &request).await.trouble(), None);
    }
    let object = |key: &str, content: &str| JournalEntry::Object {
        run_id: RUN.into(),
        bucket: "records".into(),
        key: format!("{base}{key}"),
        sha256: Some(hex::encode(<sha2::Sha256 as sha2::Digest>::digest(content))),
        until: None,
    };
    let sweep = Sweep {
        client: &env.client,
        administrator: env.administrator(),
        bucket: &env.bucket,
        root: &canary_root("trades/"),
        runs: None,
        known: Known::of(&[object("altered", "what we wrote"), object("ours", "a record")]),
        journal: None,
        discover_buckets: false,
        even_under_way: false,
        wait: false,
        clock: &env.clock,
        log: &env.log,
        interrupt: &env.interrupt,
    };
    let report = cleanup(&sweep).await;
    assert_eq!(report.removed, 2);
    let kept: Vec<&str> = report.kept.iter().filter_map(|r| r.key.strip_prefix(base.as_str())).collect();
    assert_eq!(kept, ["WORM-307/all-1-ffffffff/ledger", "altered", "foreign"]);
}

const TWIN: &str = r#"
[[scenario]]
id       = "TEST-001"
title    = "A twin's default cannot be turned off by a deleter"
severity = "high"
reach    = "bucket"
safety   = "cleanup-after-expiry"
requires = ["object-lock"]
controls = ["SEC 17a-4(f)(2)(i)(B)"]
covers   = ["T"]
threat   = "t"

[scenario.bucket.twin]
twin = true

[scenario.object.ledger]
content = "a record"
in      = "twin"
inherit = true

[scenario.object.late]
state = "absent"
in    = "twin"

[scenario.form.plain]
fields = {}

[[scenario.step]]
purpose = "promise"
text    = "The administrator posts a form."
as      = "administrator"
action  = "post-form"
object  = "late"
body    = "plain"
content = "by a form of {ledger.key}"
name    = "posted"
expect  = "accepted"

[[scenario.step]]
purpose = "control"
text    = "The administrator deletes without a version id."
as      = "administrator"
action  = "delete-object"
object  = "late"
name    = "hidden"
expect  = "accepted"

[[scenario.step]]
purpose = "control"
text    = "The administrator deletes the marker."
as      = "administrator"
action  = "delete-version"
object  = "late"
version = "hidden"
expect  = "accepted"

[[scenario.step]]
purpose = "attack"
text    = "The administrator deletes the record."
as      = "administrator"
action  = "delete-version"
object  = "ledger"
expect  = "refused"
because = "object-locked"

[scenario.after.ledger]
version   = "present"
content   = "unchanged"
retention = "unchanged"

[scenario.after.late]
version  = "present"
content  = "posted"
versions = 1
markers  = 0
"#;

#[tokio::test]
async fn a_twin_inherits_a_default_of_one_day_and_goes_away_when_it_has_ended() {
    let (env, _, input) = environment(&[], &[]).await;
    let scenarios =
        crate::scenario::parse::parse_file("t.toml", "t", TWIN, &["SEC 17a-4(f)(2)(i)(B)"], &|_| None)
            .expect("a scenario");
    let verdicts = judged(&env, &input, &scenarios).await;
    assert_eq!(verdicts[0].1, Verdict::Pass, "{verdicts:#?}");
    let mut sweep = Sweep {
        client: &env.client,
        administrator: env.administrator(),
        bucket: &env.bucket,
        root: &canary_root("trades/"),
        runs: Some(BTreeSet::from([RUN.to_owned()])),
        known: Known::default(),
        journal: None,
        discover_buckets: true,
        even_under_way: false,
        wait: false,
        clock: &env.clock,
        log: &env.log,
        interrupt: &env.interrupt,
    };
    let first = cleanup(&sweep).await;
    let until = first.kept.iter().filter_map(|r| r.until).max().expect("a locked canary is left");
    assert!((until - start() - TimeDelta::days(1)).abs() < TimeDelta::minutes(1), "{until}");
    assert!(first.kept.iter().any(|r| r.key.is_empty()), "the twin is still there");
    sweep.wait = true;
    assert_eq!(cleanup(&sweep).await.kept, []);
    let gone = env.client.exchange(env.administrator(), &crate::store::ops::list_buckets()).await;
    assert!(!String::from_utf8_lossy(&gone.body).contains("wormproof-"));
}
