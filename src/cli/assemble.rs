//! From what was done to the record: judging, waivers, counts, digests.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, Utc};
use rayon::prelude::*;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::analyse::Place;
use crate::cli::audit::Done;
use crate::cli::profile;
use crate::cli::setup::Setup;
use crate::profile::{Profile, Requirement};
use crate::qualify::Qualification;
use crate::record::outcome::{Verdicts, Waivable, apply_waivers, outcome, summary};
use crate::record::{
    self, Cause, ControlInfo, DialectInfo, Exchanges, Finding, FindingRule, Gate, Judgement, Operator,
    PrincipalInfo, Record, RunEvidence, ScenarioResult, SignerInfo, Times, Tool, Verdict, judge, present,
    proof,
};
use crate::run::{Decision, Planned};
use crate::scan::bucket_findings;
use crate::scenario::{Dialects, Severity, Suite};
use crate::sign::Identity;
use crate::store::hyper_wire::PeerInfo;
use crate::store::push::without_user;
use crate::store::sdk::BucketConfiguration;
use crate::target::Opened;
use crate::time::Clock;

/// What the record is put together from, beside what was done.
pub(super) struct Parts<'a> {
    pub(super) setup: &'a Setup,
    pub(super) opened: &'a Opened,
    pub(super) peer: &'a PeerInfo,
    pub(super) suite: &'a Suite,
    pub(super) dialects: &'a Dialects,
    pub(super) run_id: &'a str,
    pub(super) started: DateTime<Utc>,
    pub(super) elapsed: Duration,
    pub(super) identity: &'a Identity,
    pub(super) ephemeral: bool,
    pub(super) previous: Option<record::Previous>,
    pub(super) challenge: Option<String>,
    pub(super) require: &'a [String],
    pub(super) fail_on: Severity,
    pub(super) requirement: &'a Requirement,
    pub(super) profile: Option<&'a Profile>,
    pub(super) attacked: bool,
}

/// Judges and puts together.
pub(super) fn record(done: Done, parts: &Parts<'_>) -> Record {
    let events = done.log.take();
    let dialect = parts.dialects.select(done.server.as_deref());
    let mut scenarios = judged(&done, parts, &events);
    let mut scan = done.scan;
    let mut findings = findings(&done.configuration, parts.requirement, scan.is_some());
    let place = Place {
        server: done.server.as_deref(),
        bucket: &parts.opened.location.bucket,
        prefix: &parts.opened.location.prefix,
        release: done.release.as_ref(),
        now: if parts.opened.clock.is_virtual() { parts.opened.clock.now() } else { parts.started },
    };
    let demands = parts
        .profile
        .map(|asked| profile::demanded(asked, done.configuration[0].as_ref(), &place))
        .unwrap_or_default();
    findings.extend(profile::findings(&demands));
    let principals: Vec<PrincipalInfo> =
        done.principals.iter().flat_map(|p| &p.facts).map(principal).collect();
    let mut analysis = done.analysis;
    let mut event_log = done.event_log;
    let mut trails = done.trails;
    if let Some(analysis) = &mut analysis {
        analysis.leave_out(&findings);
        proof::prove(analysis, &scenarios, &principals);
    }
    let waivers = apply_waivers(
        &parts.setup.config.waivers,
        parts.started.date_naive(),
        Waivable {
            scenarios: &mut scenarios,
            scan: scan.as_mut(),
            findings: &mut findings,
            analysis: analysis.as_mut(),
            event_log: event_log.as_mut(),
            trails: &mut trails,
        },
    );
    let gate = Gate {
        fail_on: parts.fail_on,
        analysis_required: parts.profile.is_some_and(|p| p.analysis_required),
    };
    let end = outcome(&Verdicts {
        scenarios: &scenarios,
        scan: scan.as_ref(),
        findings: &findings,
        analysis: analysis.as_ref(),
        event_log: event_log.as_ref(),
        trails: &trails,
        gate,
        attacked: parts.attacked,
    });
    let planned = done.planned.iter().filter(|p| matches!(p.decision, Decision::Run { .. })).count() as u64;
    let assessed =
        scenarios.iter().filter(|s| matches!(s.verdict, Verdict::Pass | Verdict::Fail)).count() as u64;
    let whole = scan.as_ref().is_none_or(|s| s.complete) && trails.iter().all(|t| t.complete);
    let [start, finish] = done.configuration;
    let facts = done.facts.unwrap_or_default();
    let opened = parts.opened;
    let signer = parts.identity.signer();
    let mut record = Record {
        schema: record::SCHEMA.to_owned(),
        run_id: parts.run_id.to_owned(),
        tool: tool(),
        operator: Operator {
            user: parts.setup.environment.user.clone(),
            host: parts.setup.environment.host.clone(),
            ci_job: parts.setup.environment.ci_job.clone(),
            challenge: parts.challenge.clone(),
        },
        // Not every argument is UTF-8, and the address of a Pushgateway may hold a password.
        arguments: std::env::args_os().skip(1).map(|a| without_user(&a.to_string_lossy())).collect(),
        digests: digests(parts),
        suite_changed: parts.suite.changed,
        target: record::Target {
            kind: opened.kind.word().to_owned(),
            description: opened.description.clone(),
            endpoint: opened.endpoint.clone(),
            address: parts.peer.address.map(|a| a.to_string()),
            tls_fingerprint: parts.peer.certificate_sha256.clone(),
            server: done.server,
            version: opened
                .version
                .clone()
                .or_else(|| done.release.as_ref()?.version().map(ToOwned::to_owned)),
            release: done.release.clone(),
            region: opened.client.endpoint().region.clone(),
            bucket: opened.location.bucket.clone(),
            prefix: opened.location.prefix.clone(),
            owner: facts.owner,
            created: facts.created,
            reach: done.reach,
            configuration_start: json(start.as_ref()),
            configuration_end: json(finish.as_ref()),
        },
        principals,
        times: Times {
            started: parts.started,
            finished: Clock::Real.now(),
            elapsed_us: u64::try_from(parts.elapsed.as_micros()).unwrap_or(u64::MAX),
            clock: if opened.clock.is_virtual() { "virtual" } else { "real" }.to_owned(),
            skew_ms: opened.client.skew().map(|s| s.num_milliseconds()),
        },
        summary: summary(&scenarios),
        complete: assessed == planned && whole,
        assessed,
        planned,
        outcome: end,
        gate: Some(gate),
        controls: controls(parts.suite, &scenarios, parts.profile),
        scenarios,
        scan,
        findings,
        analysis,
        previous: parts.previous.clone(),
        event_log,
        trails,
        profile: None,
        attachments: done.attachments,
        waivers,
        residue: done.residue,
        dialect: DialectInfo { name: dialect.name.clone(), source: parts.dialects.source.clone() },
        qualification: Qualification::sentence(&parts.suite.digest),
        signer: SignerInfo {
            subject: signer.subject.clone(),
            fingerprint: signer.fingerprint.clone(),
            ephemeral: parts.ephemeral,
        },
        log_head: events.last().map(|e| e.chain.clone()).unwrap_or_default(),
        events,
    };
    if let Some(asked) = parts.profile {
        profile::conclude(&mut record, asked, &demands);
    }
    record
}

/// The `Server` header of an exchange.
pub(super) fn server_of(event: &record::Event) -> Option<String> {
    match &event.what {
        record::What::Exchange(exchange) => exchange.answer()?.header("server").map(ToOwned::to_owned),
        record::What::Note(_) => None,
    }
}

/// The runs of a scenario, if it ran.
type Ran<'a> = Option<&'a [Result<RunEvidence, String>]>;

fn judged(done: &Done, parts: &Parts<'_>, events: &[record::Event]) -> Vec<ScenarioResult> {
    let dialect = parts.dialects.select(done.server.as_deref());
    let because = |status: u16, code: &str, message: &str| dialect.because(status, code, message);
    let context = judge::Context { exchanges: Exchanges::of(events), dialect: &because };
    let mut ran = done.results.iter();
    let work: Vec<(&Planned, Ran<'_>)> = done
        .planned
        .iter()
        .map(|planned| match planned.decision {
            Decision::Skip(_) => (planned, None),
            Decision::Run { .. } => (planned, ran.next().map(|(_, runs)| runs.as_slice())),
        })
        .collect();
    let judge = |(planned, runs): &(&Planned, Ran<'_>)| {
        let scenario = parts.suite.scenarios.get(planned.place)?;
        let required = parts.require.contains(&scenario.id);
        let not_run = |verdict: Verdict, cause: Cause, why: &str| {
            present::not_run(scenario, &Judgement::other(verdict, cause, why), required)
        };
        if let Decision::Skip(why) = &planned.decision {
            return Some(not_run(Verdict::Skipped, Cause::NotRun, why));
        }
        let runs: Result<Vec<RunEvidence>, String> = runs.unwrap_or_default().iter().cloned().collect();
        Some(match runs {
            Ok(runs) if runs.is_empty() => not_run(Verdict::Error, Cause::ToolError, "there is no evidence"),
            Ok(runs) => present::result(scenario, &runs, &context, required),
            Err(why) => not_run(Verdict::Error, Cause::ToolError, &why),
        })
    };
    // Judging is pure, and each scenario is judged for itself.
    work.par_iter().filter_map(judge).collect()
}

/// What the configuration itself shows, and whether it changed meanwhile.
fn findings(
    [start, end]: &[Option<BucketConfiguration>; 2],
    requirement: &Requirement,
    scanned: bool,
) -> Vec<Finding> {
    let mut found = match start {
        // A lock is required where something is required of it, and by every scan.
        Some(start) => bucket_findings(start, scanned || *requirement != Requirement::default()),
        None => Vec::new(),
    };
    if let (Some(start), Some(end)) = (start, end)
        && start != end
    {
        let (before, after) = (json(Some(start)), json(Some(end)));
        let (mut changed, mut unread) = (Vec::new(), Vec::new());
        for (name, value) in before.as_object().into_iter().flatten() {
            let is_known = |v: Option<&Value>| v.is_some_and(|v| v.get("known").is_some());
            match (is_known(Some(value)), is_known(after.get(name))) {
                (true, true) if after.get(name).is_some_and(|then| differ(name, value, then)) => {
                    changed.push(name.as_str());
                }
                // What was not readable at the start is said above; nothing is known of a change.
                (true, false) => unread.push(name.as_str()),
                _ => {}
            }
        }
        let mut add = |rule: FindingRule, what: &str, names: &[&str]| {
            if !names.is_empty() {
                found.push(Finding {
                    rule,
                    severity: rule.severity(),
                    key: String::new(),
                    version_id: String::new(),
                    detail: format!("{what}: {}", names.join(", ")),
                    waived: None,
                });
            }
        };
        add(
            FindingRule::ConfigurationChanged,
            "the bucket's configuration changed while it was audited",
            &changed,
        );
        add(
            FindingRule::Unreadable,
            "the bucket's configuration could not be read again at the end",
            &unread,
        );
    }
    found
}

/// Whether a part of the configuration is another. The lists of a policy have no order, and MinIO answers them in
/// another one each time.
fn differ(name: &str, before: &Value, after: &Value) -> bool {
    let policy = |value: &Value| {
        let text = value.get("known").and_then(Value::as_str)?;
        serde_json::from_str(text).ok().map(unordered)
    };
    match (policy(before), policy(after)) {
        (Some(before), Some(after)) if name == "policy" => before != after,
        _ => before != after,
    }
}

fn unordered(value: Value) -> Value {
    match value {
        Value::Array(list) => {
            let mut list: Vec<Value> = list.into_iter().map(unordered).collect();
            list.sort_by_cached_key(Value::to_string);
            Value::Array(list)
        }
        Value::Object(map) => Value::Object(map.into_iter().map(|(k, v)| (k, unordered(v))).collect()),
        other => other,
    }
}

fn json(configuration: Option<&BucketConfiguration>) -> Value {
    configuration.and_then(|c| serde_json::to_value(c).ok()).unwrap_or(Value::Null)
}

fn principal(facts: &crate::target::PrincipalFacts) -> PrincipalInfo {
    PrincipalInfo {
        role: facts.role,
        source: facts.source.clone(),
        missing: facts.missing.clone(),
        arn: facts.arn.clone(),
        account: facts.account.clone(),
        session: facts.session.clone(),
        policy_sha256: facts.policy_sha256.clone(),
    }
}

fn digests(parts: &Parts<'_>) -> BTreeMap<String, String> {
    let mut all = BTreeMap::from([
        ("suite".to_owned(), parts.suite.digest.clone()),
        ("dialects".to_owned(), parts.dialects.digest.clone()),
        ("controls".to_owned(), controls_digest(parts.suite)),
    ]);
    all.extend(parts.setup.config.digest.clone().map(|d| ("configuration".to_owned(), d)));
    all.extend(parts.profile.map(|p| ("profile".to_owned(), p.digest.clone())));
    all.extend(parts.setup.config.waivers_digest().map(|d| ("waivers".to_owned(), d)));
    all
}

/// SHA-256 over the catalogue's entries, one line of JSON each, in order of id.
fn controls_digest(suite: &Suite) -> String {
    let mut hash = Sha256::new();
    for control in &suite.controls {
        let line = serde_json::json!([control.id, control.title, control.source, control.trust]);
        hash.update(format!("{line}\n"));
    }
    hex::encode(hash.finalize())
}

fn controls(suite: &Suite, scenarios: &[ScenarioResult], profile: Option<&Profile>) -> Vec<ControlInfo> {
    let mut used: BTreeSet<&String> = scenarios.iter().flat_map(|r| &r.controls).collect();
    if let Some(profile) = profile {
        used.extend(profile.controls.iter().map(|c| &c.id));
        used.extend(profile.requirement.overrides.iter().filter_map(|o| o.control.as_ref()));
    }
    suite
        .controls
        .iter()
        .filter(|c| used.contains(&c.id))
        .map(|c| ControlInfo {
            id: c.id.clone(),
            title: c.title.clone(),
            source: c.source.clone(),
            trust: c.trust.clone(),
            text: c.text.clone(),
            verified_on: Some(c.verified_on),
        })
        .collect()
}

fn tool() -> Tool {
    Tool {
        name: "wormproof".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        commit: env!("WORMPROOF_COMMIT").to_owned(),
        binary_sha256: std::env::current_exe().and_then(|path| sha256_of(&path)).ok(),
        judge: record::JUDGE.to_owned(),
    }
}

/// SHA-256 of a file, read in pieces: the binary is large.
fn sha256_of(path: &Path) -> std::io::Result<String> {
    let mut file = std::fs::File::open(path)?;
    let mut hash = Sha256::new();
    let mut piece = vec![0; 1 << 16];
    loop {
        match file.read(&mut piece) {
            Ok(0) => return Ok(hex::encode(hash.finalize())),
            Ok(length) => hash.update(piece.get(..length).unwrap_or_default()),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
