//! `audit` and `attack`: target, principals, plan, consent, run, clean-up, scan, judge, record, outputs.

use std::collections::{BTreeMap, BTreeSet};
use std::io::IsTerminal as _;
use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::analyse::ServerKind;
use crate::cli::args::{Allow, AttackArgs, AuditArgs};
use crate::cli::assemble::{self, Parts};
use crate::cli::filing::{Filed, SampleOrder};
use crate::cli::progress::Bar;
use crate::cli::setup::{
    Setup, Target, claim, dialects, directory, new_run_id, root_of, span, suite, unless, watch_interrupt,
};
use crate::cli::trail::{self, TrailOrder};
use crate::cli::{Failure, analyse, demo, event_log, evidence, note, output, profile, release, scan};
use crate::record::{Log, Residue};
use crate::run::{
    self, Audited, CancellationFlag, Decision, Filter, Journal, Known, PlanInput, Planned, PrincipalAccess,
    RequestPlan, Sweep,
};
use crate::scan::OwnRun;
use crate::scenario::{Capability, Reach, Role, Scenario, Suite};
use crate::store::sdk::{BucketConfiguration, configuration};
use crate::target::{self, Access, Capabilities, Kind, Opened, Principals, Renewal, Scope};
use crate::time::Clock;

/// The whole audit; without `scanning` the attacks alone. Gives the exit code.
pub(super) async fn audit(args: &AuditArgs, setup: &Setup, scanning: bool) -> Result<u8, Failure> {
    let suite = suite(&args.attack)?;
    let dialects = dialects()?;
    let profile = args.profile.load(&suite, setup)?;
    let requirement = args.profile.requirement(profile.as_ref(), &args.requirement, setup)?;
    let require = profile::required(&args.attack, profile.as_ref());
    let max_residue = max_residue(&args.attack)?;
    // A gate whose bucket got lost (an empty variable, a configuration that is not there) must not turn green.
    let named = args.target.target.is_some()
        || args.target.location.is_some()
        || setup.config.target.location.is_some();
    if args.attack.yes && !named && profile.as_ref().is_none_or(|p| p.bucket.is_none()) {
        return Err(Failure::usage(
            "--yes agrees to what stays in a live bucket, and none is named",
            "name it: s3://BUCKET; or say `--target embedded` for the embedded server",
        ));
    }
    let begun = std::time::Instant::now();
    let started = Clock::Real.now();
    let run_id = new_run_id();
    let (identity, ephemeral) = setup.identity(&args.output)?;
    let directory = directory(&args.output, &run_id);
    let _claim = claim(&directory)?;
    if !scanning && args.evidence.sample.is_some() {
        return Err(Failure::usage(
            "--sample reads records of a scan, and `attack` makes none",
            "`wormproof audit` attacks and scans",
        ));
    }
    if !scanning && !args.trail.is_empty() {
        return Err(Failure::usage(
            "--trail reads records, and `attack` reads none",
            "`wormproof audit` attacks and reads; `wormproof trail` reads trails alone",
        ));
    }
    let trails = trail_order(args, profile.as_ref())?;
    if !scanning && !args.policy.is_empty() {
        return Err(Failure::usage(
            "--policy is for the analysis, and `attack` makes none",
            "`wormproof audit` attacks, scans and analyses",
        ));
    }
    let policies = analyse::given(&args.policy)?;
    let filed = Filed::copy(&args.evidence, &directory)?;
    let previous = args.evidence.previous.as_deref().map(evidence::previous).transpose()?;
    let order = SampleOrder::read(&args.evidence, setup, &args.target)?;

    let target = setup.open_for(&args.target, &run_id, profile.as_ref()).await?;
    let (interrupt, watch) = watch_interrupt(
        "interrupted: no new step is sent; what can be removed is removed, what was seen is kept",
    );
    let audit = Audit {
        args,
        setup,
        target: &target,
        suite: &suite,
        filter: profile::filter(&args.attack, &suite, profile.as_ref()),
        profile: profile.as_ref(),
        run_id: &run_id,
        max_residue,
        directory: &directory,
        trails,
        sample: order.as_ref().map(SampleOrder::sample),
        attachments: filed.attachments.clone(),
        policies,
        interrupt,
        log: Arc::new(Log::default()),
    };
    // Boxed, because a whole audit is a large future.
    let result = Box::pin(audit.run(scanning.then_some(&requirement))).await;
    watch.abort();
    let peer = target.peer();
    let record = result.map(|done| {
        assemble::record(
            done,
            &Parts {
                setup,
                opened: &target.opened,
                peer: &peer,
                suite: &suite,
                dialects: &dialects,
                run_id: &run_id,
                started,
                elapsed: begun.elapsed(),
                identity: &identity,
                ephemeral,
                previous,
                challenge: args.attack.challenge.clone(),
                require: &require,
                fail_on: args.requirement.fail_on.into(),
                requirement: &requirement,
                profile: profile.as_ref(),
                attacked: true,
            },
        )
    });
    target.opened.close().await;
    let record = record?;
    filed.keep();
    output::finish(&args.output, args.target.ca_bundle.as_deref(), &directory, &record, &identity, setup)
        .await
}

/// `--trail`.
fn trail_order(
    args: &AuditArgs,
    profile: Option<&crate::profile::Profile>,
) -> Result<Option<TrailOrder>, Failure> {
    if args.trail.is_empty() {
        return Ok(None);
    }
    let Some(profile) = profile else {
        return Err(Failure::usage(
            "--trail reads by the trail keys of a profile, and none is named",
            "name one (`--profile eu-einvoicing`), or use `wormproof trail --keys` beside the audit",
        ));
    };
    if profile.trail_keys.is_empty() {
        return Err(Failure::usage(
            format!("--trail: the profile {} does not say where the records of an id are", profile.name),
            "give it a table `[trail]` with `keys`, or use `wormproof trail --keys` beside the audit",
        ));
    }
    TrailOrder::new(&args.trail, &profile.trail_keys, args.requirement.scan_concurrency).map(Some)
}

/// `--max-residue`.
pub(super) fn max_residue(args: &AttackArgs) -> Result<TimeDelta, Failure> {
    let now = Clock::Real.now();
    Ok(span(&args.max_residue, "--max-residue")?.after(now) - now)
}

/// What an audit leaves for the record.
pub(super) struct Done {
    /// Every scenario with what was decided, in the suite's order.
    pub(super) planned: Vec<Planned>,
    /// The evidence of those that ran, in the same order.
    pub(super) results: run::Results,
    pub(super) principals: Option<Principals>,
    pub(super) server: Option<String>,
    /// What is known of the server's release, where it was asked for.
    pub(super) release: Option<crate::record::release::ServerRelease>,
    pub(super) reach: Option<Reach>,
    pub(super) facts: Option<crate::store::sdk::BucketFacts>,
    pub(super) configuration: [Option<BucketConfiguration>; 2],
    pub(super) scan: Option<crate::record::ScanResult>,
    /// As it was read; what scenarios have shown of it is said later.
    pub(super) analysis: Option<crate::record::analysis::Analysis>,
    pub(super) event_log: Option<crate::record::event_log::EventLogResult>,
    pub(super) trails: Vec<crate::record::trail::TrailResult>,
    pub(super) residue: Vec<Residue>,
    pub(super) attachments: Vec<crate::record::Attachment>,
    pub(super) log: Arc<Log>,
}

struct Audit<'a> {
    args: &'a AuditArgs,
    setup: &'a Setup,
    target: &'a Target,
    suite: &'a Suite,
    filter: Filter,
    profile: Option<&'a crate::profile::Profile>,
    run_id: &'a str,
    max_residue: TimeDelta,
    directory: &'a Path,
    trails: Option<TrailOrder>,
    sample: Option<crate::scan::Sample<'a>>,
    attachments: Vec<crate::record::Attachment>,
    /// Policy files, by name.
    policies: Vec<(String, String)>,
    interrupt: CancellationFlag,
    log: Arc<Log>,
}

impl Audit<'_> {
    async fn run(self, requirement: Option<&crate::profile::Requirement>) -> Result<Done, Failure> {
        let opened = &self.target.opened;
        let root = root_of(&opened.location.prefix, self.args.attack.canary_prefix.as_deref());
        let prefix = format!("{root}{}/", self.run_id);
        self.log.note(
            opened.clock.now(),
            "",
            format!("run {} of wormproof {} begins", self.run_id, env!("CARGO_PKG_VERSION")),
        );
        let scope = Scope::new(&opened.location.bucket, &prefix).in_region(&opened.client.endpoint().region);
        let named = self.setup.named();
        let principals =
            unless(&self.interrupt, target::principals(opened, &scope, self.run_id, &named)).await?;
        let capabilities = unless(&self.interrupt, target::capabilities(opened, &principals)).await?;
        let facts = unless(&self.interrupt, read_facts(opened, &self.log)).await?;
        let before = unless(&self.interrupt, read_configuration(opened, &self.log)).await?;
        let server = capabilities.server.as_deref();
        let analysis = match (requirement, &before) {
            (Some(requirement), Some(read)) => {
                let server = analyse::server_kind(opened, server);
                let sends = self.profile.and_then(profile::sends);
                let (documents, unreadable) = analyse::parsed(&self.policies, server);
                let policies = analyse::Policies { documents, beside_users: true };
                let found = analyse::of_target(opened, server, read, requirement, policies, sends, &self.log);
                let mut found = unless(&self.interrupt, found).await?;
                found.findings.splice(0..0, unreadable);
                Some(found)
            }
            _ => None,
        };
        // An audit without a profile asks MinIO alone, whose users the analysis asks for at the same interface.
        let asks = release::is_demanded(self.profile)
            || (analysis.is_some() && analyse::server_kind(opened, server) == ServerKind::Minio);
        let release = if asks {
            Some(unless(&self.interrupt, release::read(opened, server, &self.log)).await?)
        } else {
            None
        };
        let access = access(&principals);
        let mut input =
            plan_input(opened, &self.args.attack, &prefix, self.max_residue, access, &capabilities);
        input.default_retention = unless(&self.interrupt, default_retention(opened, &self.log)).await?;
        let planned = run::plan(&self.suite.scenarios, &input, &self.filter);
        let requests = run::request_plan(&self.suite.scenarios, &planned, &input, self.run_id, &[]);
        self.consent(&requests, &capabilities).await?;

        let work = work(self.suite, &planned);
        let runs: usize = work.iter().map(|(s, roles)| roles.len() * s.repeat.max(1) as usize).sum();
        self.setup.tell(&format!(
            "{}: {} of {} scenarios, {runs} runs",
            opened.description,
            work.len(),
            self.suite.scenarios.len()
        ));
        let journal = self.journal()?;
        let env = run::Environment {
            client: opened.client.clone(),
            bucket: opened.location.bucket.clone(),
            prefix,
            run_id: self.run_id.to_owned(),
            challenge: self.args.attack.challenge.clone(),
            principals: input.principals,
            clock: opened.clock.clone(),
            own_server: opened.own_server,
            machine: opened.machine.clone(),
            access_log: opened.access_log.clone().ok(),
            allow: input.allow,
            max_residue: self.max_residue,
            capabilities: input.capabilities,
            consent_residue: true,
            concurrency: usize::from(self.args.attack.concurrency),
            log: Arc::clone(&self.log),
            journal: journal.clone(),
            interrupt: self.interrupt.clone(),
        };
        let results = {
            let bar = Bar::of_runs(runs as u64, self.setup.quiet);
            run::execute(&env, &work, &|progress| bar.run(&progress)).await
        };
        let residue = self.clean(&root, &journal, &results).await;
        let scan = match requirement {
            Some(requirement) if !self.interrupt.is_raised() => {
                let auditor = principals.of(Role::Auditor).flatten();
                let is_auditor = auditor.is_some();
                let asked = scan::Asked {
                    renewal: Renewal {
                        role: if is_auditor { Role::Auditor } else { Role::Administrator },
                        scope: &scope,
                        run_id: self.run_id,
                        named: &named,
                        expires: if is_auditor {
                            principals.expires
                        } else {
                            opened.refresh.as_ref().and_then(|r| r.expires)
                        },
                    },
                    who: auditor.or(Some(&opened.administrator)),
                    own_run: Some(OwnRun { run_id: self.run_id, base: &env.prefix }),
                    concurrency: usize::from(self.args.requirement.scan_concurrency),
                    exact: false,
                    sample: self.sample,
                };
                let found =
                    scan::of_bucket(self.setup, opened, &self.log, requirement, &asked, &self.interrupt);
                Some(found.await)
            }
            _ => None,
        };
        let event_log = match self.profile.and_then(|p| p.event_log.as_ref()) {
            Some(rules) if requirement.is_some() && !self.interrupt.is_raised() => {
                let lookups = usize::from(self.args.requirement.scan_concurrency);
                let found = event_log::of_target(
                    self.setup,
                    opened,
                    &self.log,
                    rules,
                    None,
                    lookups,
                    &self.interrupt,
                );
                Some(found.await?)
            }
            _ => None,
        };
        let trails = match self.trail_order()? {
            Some(order) if requirement.is_some() && !self.interrupt.is_raised() => {
                let reader = (opened, &opened.administrator);
                trail::of_target(self.setup, reader, &self.log, &order, &self.interrupt).await?
            }
            _ => Vec::new(),
        };
        let after = read_configuration(opened, &self.log).await;
        self.log.note(opened.clock.now(), "", "the run ends");
        Ok(Done {
            planned,
            results,
            principals: Some(principals),
            server: capabilities.server,
            release,
            reach: Some(input.allow),
            facts: Some(facts),
            configuration: [before, after],
            scan,
            analysis,
            event_log,
            trails,
            residue,
            attachments: self.attachments,
            log: self.log,
        })
    }

    /// The trails that are asked for; where the tool made the records itself, that of its own invoice.
    fn trail_order(&self) -> Result<Option<TrailOrder>, Failure> {
        let keys = self.profile.map(|p| p.trail_keys.as_slice()).unwrap_or_default();
        match &self.trails {
            None if self.target.opened.kind == Kind::Embedded && !keys.is_empty() => {
                let lookups = self.args.requirement.scan_concurrency;
                TrailOrder::new(&[demo::ID.to_owned()], keys, lookups).map(Some)
            }
            order => Ok(order.clone()),
        }
    }

    /// A server of one's own ends with everything on it, and needs no journal.
    fn journal(&self) -> Result<Journal, Failure> {
        if self.target.opened.own_server {
            return Ok(Journal::nowhere());
        }
        Journal::create(&self.directory.join("journal.jsonl")).map_err(|e| Failure::new(&e, Some(e.hint())))
    }

    /// What stays behind on somebody else's server needs a yes, and so do effects elsewhere.
    async fn consent(&self, requests: &RequestPlan, capabilities: &Capabilities) -> Result<(), Failure> {
        let opened = &self.target.opened;
        if opened.own_server || self.args.attack.yes {
            return Ok(());
        }
        let mut facts = Vec::new();
        if let Some(until) = requests.until {
            facts.push(format!(
                "locked canaries of {} scenarios stay in {} until {} at worst",
                requests.residue.len(),
                opened.location,
                crate::time::human(until)
            ));
        }
        for (what, known) in &capabilities.consent {
            match known {
                target::Known::No(_) => {}
                target::Known::Yes(text) => facts.push(format!("{what} of the bucket: {text}")),
                target::Known::Unknown(why) => {
                    facts.push(format!("{what} of the bucket could not be read: {why}"));
                }
            }
        }
        if facts.is_empty() {
            return Ok(());
        }
        for fact in &facts {
            note(&format!("  {fact}"));
        }
        if std::io::stdin().is_terminal() && std::io::stderr().is_terminal() {
            note("Go on? [y/N]");
            // A thread of its own: who presses Ctrl-C here does not want to press Enter, too.
            let (asked, answered) = tokio::sync::oneshot::channel();
            std::thread::spawn(move || {
                let mut answer = String::new();
                let read = std::io::stdin().read_line(&mut answer).is_ok();
                let _ = asked.send(read && matches!(answer.trim(), "y" | "yes"));
            });
            if let Ok(true) = unless(&self.interrupt, answered).await? {
                return Ok(());
            }
        }
        Err(Failure::usage(
            "nothing was written: what is said above needs your consent",
            "say --yes to agree; `wormproof plan` shows every request beforehand",
        ))
    }

    /// What the journal knows: buckets of runs that failed, too. Of objects the metadata says enough: a version that an
    /// attack swapped is still in the run's folder.
    fn journalled(&self) -> Known {
        let entries = Journal::read(&self.directory.join("journal.jsonl")).unwrap_or_default();
        Known { objects: BTreeMap::new(), ..Known::of(&entries) }
    }

    /// Removes what can be removed at once, and says what has to stay.
    async fn clean(&self, root: &str, journal: &Journal, results: &run::Results) -> Vec<Residue> {
        let opened = &self.target.opened;
        if opened.own_server {
            return Vec::new();
        }
        let mut known = self.journalled();
        known.runs.insert(self.run_id.to_owned());
        for made in results.iter().flat_map(|(_, runs)| runs).flatten().flat_map(|e| &e.buckets) {
            known.buckets.insert(made.bucket.clone(), self.run_id.to_owned());
        }
        let sweep = Sweep {
            client: &opened.client,
            administrator: Some(&opened.administrator),
            bucket: &opened.location.bucket,
            root,
            runs: Some(BTreeSet::from([self.run_id.to_owned()])),
            known,
            journal: Some(journal),
            discover_buckets: false,
            // It is this run, and its attacks are over.
            even_under_way: true,
            wait: false,
            clock: &opened.clock,
            log: &self.log,
            interrupt: &self.interrupt,
        };
        run::cleanup(&sweep).await.kept
    }
}

/// The scenarios that run, with their roles.
fn work<'s>(suite: &'s Suite, planned: &[Planned]) -> Vec<(&'s Scenario, Vec<Option<Role>>)> {
    planned
        .iter()
        .filter_map(|p| match &p.decision {
            Decision::Run { principals, .. } => Some((suite.scenarios.get(p.place)?, principals.clone())),
            Decision::Skip(_) => None,
        })
        .collect()
}

/// The principals as `run` takes them.
pub(super) fn access(principals: &Principals) -> BTreeMap<Role, PrincipalAccess> {
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

/// What the plan is made from; the default retention is still to be read.
pub(super) fn plan_input(
    opened: &Opened,
    args: &AttackArgs,
    prefix: &str,
    max_residue: TimeDelta,
    principals: BTreeMap<Role, PrincipalAccess>,
    capabilities: &Capabilities,
) -> PlanInput {
    let allow = match args.allow {
        _ if opened.own_server => Reach::Server,
        None => Reach::Object,
        Some(Allow::Bucket) => Reach::Bucket,
        Some(Allow::Server | Allow::All) => Reach::Server,
    };
    PlanInput {
        bucket: opened.location.bucket.clone(),
        prefix: prefix.to_owned(),
        now: now(opened),
        own_server: opened.own_server,
        allow,
        max_residue,
        consent_residue: true,
        capabilities: Capability::ALL.iter().copied().filter(|c| capabilities.has(*c)).collect(),
        principals,
        default_retention: None,
    }
}

fn now(opened: &Opened) -> DateTime<Utc> {
    if opened.clock.is_virtual() { opened.clock.now() } else { opened.client.server_now() }
}

/// The audited bucket's default retention.
pub(super) async fn default_retention(
    opened: &Opened,
    log: &Log,
) -> Option<crate::scenario::DefaultRetention> {
    let who = Some(&opened.administrator);
    let audited = Audited::read(&opened.client, who, &opened.location.bucket, log, false).await;
    audited.default_retention.known().copied().flatten()
}

/// The bucket's configuration, for the record.
pub(super) async fn read_configuration(opened: &Opened, log: &Log) -> Option<BucketConfiguration> {
    let (read, exchanges) =
        configuration(&opened.client, &opened.administrator, &opened.location.bucket).await;
    for exchange in exchanges {
        log.exchange("configuration", exchange);
    }
    Some(read)
}

/// Owner and creation date, for the record.
pub(super) async fn read_facts(opened: &Opened, log: &Log) -> crate::store::sdk::BucketFacts {
    let (facts, exchanges) =
        crate::store::sdk::bucket_facts(&opened.client, &opened.administrator, &opened.location.bucket).await;
    for exchange in exchanges {
        log.exchange("configuration", exchange);
    }
    facts
}
