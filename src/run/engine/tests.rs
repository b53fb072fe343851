//! Scenarios on the embedded server in the process, judged; and what goes over the wire of WORM-101.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};

use crate::policy::allow_document;
use crate::record::judge::{Context, judge};
use crate::record::{Exchanges, Log, Verdict};
use crate::run::engine::*;
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
}

impl Wire for Noting {
    fn send(&self, request: http::Request<Bytes>) -> BoxFuture<'_, Result<http::Response<Bytes>, WireError>> {
        let line = format!("{} {}", request.method(), request.uri());
        self.lines.lock().expect("a lock").push(line);
        Box::pin(async move { Ok(self.server.handle(request).await) })
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
    let wire = Arc::new(Noting { server: Server::new(config), lines: Mutex::default() });
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
    let capabilities: BTreeSet<Capability> = Capability::ALL.iter().copied().collect();
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
        run_id: Some(RUN),
        known: Known::default(),
        journal: None,
        discover_buckets: true,
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
