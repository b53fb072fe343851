//! `audit`: target, principals, plan, run, judge, record, outputs.

use std::collections::{BTreeMap, BTreeSet};
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::TimeDelta;
use sha2::{Digest, Sha256};

use crate::cli::args::{Allow, AuditArgs, OutputArgs, StdoutFormat, TargetArgs, TargetKind};
use crate::cli::small::{defects, suite_failure, write_new};
use crate::cli::{Failure, note, out};
use crate::config;
use crate::record::outcome::{Verdicts, outcome, summary};
use crate::record::{
    self, Cause, ControlInfo, DialectInfo, Exchanges, Judgement, Log, Operator, PrincipalInfo, Record,
    Residue, RunEvidence, ScenarioResult, SignerInfo, Target, Times, Tool, Verdict, judge, present,
};
use crate::report::{self, Format, Options};
use crate::run::{self, CancellationFlag, Decision, Filter, Journal, PlanInput, PrincipalAccess};
use crate::scenario::{Capability, Dialects, Reach, Role, Scenario, Severity, Suite};
use crate::sign::{Identity, PdfSignature};
use crate::store::client::Limits;
use crate::store::credentials::Credentials;
use crate::store::endpoint::Location;
use crate::store::hyper_wire::HyperWire;
use crate::store::wire::SharedWire;
use crate::target::{
    self, Access, EndpointSpec, MinioSpec, OpenOptions, Opened, Principals, Scope, TargetSpec,
};
use crate::time::Clock;

/// The whole audit. Gives the exit code.
pub(super) async fn audit(args: &AuditArgs, quiet: bool) -> Result<u8, Failure> {
    let environment = config::Environment::read();
    let suite = suite(args)?;
    let dialects = Dialects::builtin().map_err(|e| Failure::new(e, None::<String>))?;
    for id in &args.attack.require {
        if suite.get(id).is_none() {
            return Err(Failure::usage(
                format!("--require: there is no scenario `{id}`"),
                "`wormproof scenarios list` names them all",
            ));
        }
    }
    let real = Clock::Real;
    let started = real.now();
    let run_id = hex::encode(rand::random::<[u8; 12]>());
    let (identity, ephemeral) = identity(&args.output, &real)?;
    let directory = args.output.output.clone().unwrap_or_else(|| Path::new("reports").join(&run_id));
    writable(&directory)?;

    let options = OpenOptions {
        user_agent: format!("wormproof/{} run/{run_id}", env!("CARGO_PKG_VERSION")),
        limits: Limits::default(),
        connect: Arc::new(|_| Ok(Arc::new(HyperWire::new()?) as SharedWire)),
    };
    let opened = target::open(target_spec(&args.target, &environment)?, &options)
        .await
        .map_err(|e| Failure::new(&e, e.hint()))?;
    if let Some(notice) = opened.notice.as_deref().filter(|_| !quiet) {
        note(notice);
    }
    consent(args, &opened)?;
    let result = on_target(
        args,
        quiet,
        &opened,
        &suite,
        &dialects,
        &run_id,
        started,
        &identity,
        ephemeral,
        &environment,
    )
    .await;
    opened.close().await;
    let record = result?;
    let written = write(&directory, &record, &identity)?;
    show(args, &record, &written, &environment)?;
    Ok(record.outcome.exit_code)
}

fn suite(args: &AuditArgs) -> Result<Suite, Failure> {
    let suite = Suite::builtin().map_err(|e| suite_failure(&e))?;
    match &args.attack.scenarios {
        Some(dir) => suite.with(dir, &args.attack.replace_scenario).map_err(|e| suite_failure(&e)),
        None => Ok(suite),
    }
}

fn identity(args: &OutputArgs, clock: &Clock) -> Result<(Identity, bool), Failure> {
    let read = |path: &PathBuf| {
        std::fs::read_to_string(path).map_err(|e| {
            Failure::usage(
                format!("cannot read {}: {e}", path.display()),
                "`wormproof keygen --output DIR` makes key and certificate",
            )
        })
    };
    match (&args.key, &args.cert) {
        (Some(key), Some(cert)) => Identity::from_pem(&read(key)?, &read(cert)?, None)
            .map(|i| (i, false))
            .map_err(|e| Failure { message: e.to_string(), hint: e.hint().map(ToOwned::to_owned), code: 2 }),
        _ => Identity::generate("wormproof, key of one run", clock.now(), TimeDelta::days(1))
            .map(|i| (i, true))
            .map_err(|e| Failure::new(&e, e.hint())),
    }
}

/// Finds out before anything is sent whether the evidence can be written.
fn writable(directory: &Path) -> Result<(), Failure> {
    let probe = directory.join(".wormproof-probe");
    std::fs::create_dir_all(directory)
        .and_then(|()| std::fs::write(&probe, b"x"))
        .and_then(|()| std::fs::remove_file(&probe))
        .map_err(|e| {
            Failure::new(
                format!("cannot write to {}: {e}", directory.display()),
                Some("name a writable directory with --output"),
            )
        })
}

fn target_spec(args: &TargetArgs, environment: &config::Environment) -> Result<TargetSpec, Failure> {
    if let Some(location) = &args.location {
        let location = Location::parse(location).map_err(|e| Failure::usage(&e, e.hint()))?;
        let keys = environment
            .minio_keys
            .as_ref()
            .filter(|_| args.aws_profile.is_none())
            .map(|(id, secret)| (Credentials::new(id, secret), "MINIO_ACCESS_KEY".to_owned()));
        return Ok(TargetSpec::Endpoint(EndpointSpec {
            location,
            endpoint_url: args.endpoint_url.clone().or_else(|| environment.minio_endpoint.clone()),
            region: args.region.clone(),
            keys,
            profile: args.aws_profile.clone(),
        }));
    }
    Ok(match args.target {
        Some(TargetKind::Minio) => TargetSpec::Minio(MinioSpec {
            binary: args.minio_binary.clone().or_else(|| environment.minio_binary.clone()),
            binary_on_path: environment.minio_on_path.clone(),
            image: args.minio_image.clone(),
        }),
        Some(TargetKind::Embedded) | None => {
            TargetSpec::Embedded { defects: defects(&args.defect)?, socket: args.socket }
        }
    })
}

/// Locked canaries stay in a live bucket until their retention ends: that needs a yes.
fn consent(args: &AuditArgs, opened: &Opened) -> Result<(), Failure> {
    if opened.own_server || args.attack.yes {
        return Ok(());
    }
    let question = "locked canaries stay in this bucket for some minutes (under a default retention of the bucket: for that long)";
    if std::io::stdin().is_terminal() && std::io::stderr().is_terminal() {
        note(&format!("{question}. Go on? [y/N]"));
        let mut answer = String::new();
        if std::io::stdin().read_line(&mut answer).is_ok() && matches!(answer.trim(), "y" | "yes") {
            return Ok(());
        }
    }
    Err(Failure::usage(question, "say --yes to agree"))
}

fn allowed(args: &AuditArgs, opened: &Opened) -> Reach {
    match args.attack.allow {
        _ if opened.own_server => Reach::Server,
        None => Reach::Object,
        Some(Allow::Bucket | Allow::Server | Allow::All) => Reach::Bucket,
    }
}

#[expect(clippy::too_many_arguments, reason = "the parts are wired together here and nowhere else")]
async fn on_target(
    args: &AuditArgs,
    quiet: bool,
    opened: &Opened,
    suite: &Suite,
    dialects: &Dialects,
    run_id: &str,
    started: chrono::DateTime<chrono::Utc>,
    identity: &Identity,
    ephemeral: bool,
    environment: &config::Environment,
) -> Result<Record, Failure> {
    if opened.own_server {
        target::prepare(opened).await.map_err(|e| Failure::new(&e, e.hint()))?;
    }
    let base = format!("{}.wormproof", opened.location.prefix);
    let prefix = format!("{base}/{run_id}/");
    let scope = Scope::new(&opened.location.bucket, &prefix);
    let principals = target::principals(opened, &scope, run_id, &BTreeMap::new()).await;
    let capabilities = target::capabilities(opened, &principals).await;
    let dialect = dialects.select(capabilities.server.as_deref());
    let log = Arc::new(Log::default());
    log.note(
        opened.clock.now(),
        "",
        format!("run {run_id} of wormproof {} begins", env!("CARGO_PKG_VERSION")),
    );

    let reader =
        run::Audited::read(&opened.client, Some(&opened.administrator), &opened.location.bucket, &log, false)
            .await;
    let input = PlanInput {
        bucket: opened.location.bucket.clone(),
        prefix: prefix.clone(),
        now: opened.client.server_now(),
        own_server: opened.own_server,
        allow: allowed(args, opened),
        max_residue: TimeDelta::days(1),
        consent_residue: true,
        capabilities: Capability::ALL.iter().copied().filter(|c| capabilities.has(*c)).collect(),
        principals: principal_access(&principals),
        default_retention: reader.default_retention.known().copied().flatten(),
    };
    let filter = Filter { only: args.attack.only.clone(), skip: args.attack.skip.clone(), profile: None };
    let decisions: Vec<(&Scenario, Decision)> = run::plan(&suite.scenarios, &input, &filter)
        .into_iter()
        .filter_map(|p| Some((suite.scenarios.get(p.place)?, p.decision)))
        .collect();
    let work: Vec<(&Scenario, Vec<Option<Role>>)> = decisions
        .iter()
        .filter_map(|(s, d)| match d {
            Decision::Run { principals, .. } => Some((*s, principals.clone())),
            Decision::Skip(_) => None,
        })
        .collect();
    let interrupt = CancellationFlag::new();
    let env = run::Environment {
        client: opened.client.clone(),
        bucket: opened.location.bucket.clone(),
        prefix,
        run_id: run_id.to_owned(),
        challenge: args.attack.challenge.clone(),
        principals: input.principals.clone(),
        clock: opened.clock.clone(),
        own_server: opened.own_server,
        allow: input.allow,
        max_residue: input.max_residue,
        capabilities: input.capabilities.clone(),
        consent_residue: input.consent_residue,
        concurrency: usize::from(args.attack.concurrency),
        log: Arc::clone(&log),
        journal: Journal::nowhere(),
        interrupt: interrupt.clone(),
    };
    if !quiet {
        note(&format!("{}: {} of {} scenarios", opened.description, work.len(), suite.scenarios.len()));
    }
    let watch = tokio::spawn(async move {
        target::interrupted().await;
        interrupt.raise();
        note("interrupted: no new step is sent; what was seen so far is kept");
    });
    let results = run::execute(&env, &work, &|_| ()).await;
    watch.abort();
    let evidence: Vec<Result<Vec<RunEvidence>, String>> =
        results.into_iter().map(|(_, runs)| runs.into_iter().collect()).collect();

    log.note(opened.clock.now(), "", "the run ends");
    let events = log.take();
    let because = |status: u16, code: &str, message: &str| dialect.because(status, code, message);
    let context = judge::Context { exchanges: Exchanges::of(&events), dialect: &because };
    let mut done = evidence.iter();
    let results: Vec<ScenarioResult> = decisions
        .iter()
        .map(|(scenario, decision)| {
            let required = args.attack.require.contains(&scenario.id);
            match decision {
                Decision::Run { .. } => match done.next() {
                    Some(Ok(runs)) => present::result(scenario, runs, &context, required),
                    Some(Err(why)) => {
                        let judgement = Judgement::other(Verdict::Error, Cause::ToolError, why.clone());
                        present::not_run(scenario, &judgement, required)
                    }
                    None => {
                        let judgement =
                            Judgement::other(Verdict::Error, Cause::ToolError, "no evidence".to_owned());
                        present::not_run(scenario, &judgement, required)
                    }
                },
                Decision::Skip(why) => {
                    let judgement = Judgement::other(Verdict::Skipped, Cause::NotRun, why.clone());
                    present::not_run(scenario, &judgement, required)
                }
            }
        })
        .collect();
    let evidence: Vec<Vec<RunEvidence>> = evidence.into_iter().flatten().collect();
    let residue = residue(&evidence, opened);
    let (assessed, planned) = (
        results.iter().filter(|r| matches!(r.verdict, Verdict::Pass | Verdict::Fail)).count() as u64,
        work.len() as u64,
    );
    let end = outcome(&Verdicts {
        scenarios: &results,
        scan: None,
        findings: &[],
        fail_on: Severity::Medium,
        attacked: true,
    });
    let used: BTreeSet<&String> = results.iter().flat_map(|r| &r.controls).collect();
    let signer = identity.signer();
    Ok(Record {
        schema: record::SCHEMA.to_owned(),
        run_id: run_id.to_owned(),
        tool: tool(),
        operator: Operator {
            user: environment.user.clone(),
            host: environment.host.clone(),
            ci_job: environment.ci_job.clone(),
            challenge: args.attack.challenge.clone(),
        },
        arguments: std::env::args().skip(1).collect(),
        digests: BTreeMap::from([
            ("suite".to_owned(), suite.digest.clone()),
            ("dialects".to_owned(), dialects.digest.clone()),
        ]),
        suite_changed: suite.changed,
        target: Target {
            kind: opened.kind.word().to_owned(),
            description: opened.description.clone(),
            endpoint: opened.endpoint.clone(),
            address: None,
            tls_fingerprint: None,
            server: capabilities.server.clone(),
            version: opened.version.clone(),
            region: opened.client.endpoint().region.clone(),
            bucket: opened.location.bucket.clone(),
            prefix: opened.location.prefix.clone(),
            owner: None,
            created: None,
            reach: Some(allowed(args, opened)),
            configuration_start: serde_json::Value::Null,
            configuration_end: serde_json::Value::Null,
        },
        principals: principals
            .facts
            .iter()
            .map(|f| PrincipalInfo {
                role: f.role,
                source: f.source.clone(),
                missing: f.missing.clone(),
                arn: f.arn.clone(),
                account: f.account.clone(),
                session: f.session.clone(),
                policy_sha256: f.policy_sha256.clone(),
            })
            .collect(),
        times: Times {
            started,
            finished: Clock::Real.now(),
            elapsed_us: u64::try_from((Clock::Real.now() - started).num_microseconds().unwrap_or(0))
                .unwrap_or(0),
            clock: if opened.clock.is_virtual() { "virtual" } else { "real" }.to_owned(),
            skew_ms: opened.client.skew().map(|s| s.num_milliseconds()),
        },
        summary: summary(&results),
        complete: assessed == planned,
        assessed,
        planned,
        outcome: end,
        scenarios: results.clone(),
        scan: None,
        findings: Vec::new(),
        waivers: Vec::new(),
        residue,
        controls: suite
            .controls
            .iter()
            .filter(|c| used.contains(&c.id))
            .map(|c| ControlInfo {
                id: c.id.clone(),
                title: c.title.clone(),
                source: c.source.clone(),
                trust: c.trust.clone(),
            })
            .collect(),
        dialect: DialectInfo { name: dialect.name.clone(), source: dialects.source.clone() },
        qualification: "not qualified: this version has no qualification".to_owned(),
        signer: SignerInfo {
            subject: signer.subject.clone(),
            fingerprint: signer.fingerprint.clone(),
            ephemeral,
        },
        log_head: events.last().map(|e| e.chain.clone()).unwrap_or_default(),
        events,
    })
}

fn tool() -> Tool {
    let binary = std::env::current_exe().and_then(std::fs::read).ok();
    Tool {
        name: "wormproof".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        commit: env!("WORMPROOF_COMMIT").to_owned(),
        binary_sha256: binary.map(|bytes| hex::encode(Sha256::digest(bytes))),
        judge: record::JUDGE.to_owned(),
    }
}

fn principal_access(principals: &Principals) -> BTreeMap<Role, PrincipalAccess> {
    principals
        .map
        .iter()
        .map(|(role, access)| {
            let access = match access {
                Access::Has(credentials) => PrincipalAccess::Credentials(credentials.clone()),
                Access::Missing(why) => PrincipalAccess::Missing(why.clone()),
            };
            (*role, access)
        })
        .collect()
}

/// What stays on a live endpoint. A server of one's own is gone with everything on it.
fn residue(evidence: &[Vec<RunEvidence>], opened: &Opened) -> Vec<Residue> {
    if opened.own_server {
        return Vec::new();
    }
    evidence
        .iter()
        .flatten()
        .flat_map(|run| &run.objects)
        .filter_map(|placed| {
            Some(Residue {
                bucket: placed.bucket.clone(),
                key: placed.key.clone(),
                version_id: placed.version_id.clone()?,
                until: placed.retention.map(|r| r.until),
                why: "a canary; this version of the tool does not remove canaries".to_owned(),
            })
        })
        .collect()
}

/// Writes results.json, its signature, report.pdf, junit.xml and the certificate.
fn write(directory: &Path, record: &Record, identity: &Identity) -> Result<String, Failure> {
    let render =
        |format| report::render(record, format, &Options::default()).map_err(|e| Failure::new(&e, e.hint()));
    let results = render(Format::Json)?;
    write_new(&directory.join("results.json"), &results, false)?;
    write_new(&directory.join("results.json.sig"), &identity.sign_detached(&results), false)?;
    let digest = hex::encode(Sha256::digest(&results));
    let options = Options { results_sha256: Some(&digest), ..Options::default() };
    let pdf = report::render(record, Format::Pdf, &options).map_err(|e| Failure::new(&e, e.hint()))?;
    let signature = PdfSignature {
        name: &identity.subject(),
        reason: "Evidence of a WORM audit",
        at: record.times.finished,
    };
    let pdf = identity.sign_pdf(&pdf, &signature).map_err(|e| Failure::new(&e, e.hint()))?;
    write_new(&directory.join("report.pdf"), &pdf, false)?;
    write_new(&directory.join("junit.xml"), &render(Format::Junit)?, false)?;
    write_new(&directory.join("cert.pem"), identity.certificate_pem().as_bytes(), false)?;
    Ok(directory.display().to_string())
}

fn show(
    args: &AuditArgs,
    record: &Record,
    written: &str,
    environment: &config::Environment,
) -> Result<(), Failure> {
    let format = match args.output.format {
        StdoutFormat::Table => Format::Table,
        StdoutFormat::Json => Format::Json,
        StdoutFormat::Junit => Format::Junit,
    };
    let options = Options {
        width: environment.columns.unwrap_or(100),
        colour: std::io::stdout().is_terminal() && !environment.no_color,
        written: Some(written),
        results_sha256: None,
    };
    out(&report::render(record, format, &options).map_err(|e| Failure::new(&e, e.hint()))?)
}
