//! `scan`, and the scan that is part of `audit`.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::{Either, select};

use crate::cli::args::ScanArgs;
use crate::cli::assemble::{self, Parts};
use crate::cli::audit::{Done, read_configuration, read_facts};
use crate::cli::filing::{Filed, SampleOrder};
use crate::cli::progress::Bar;
use crate::cli::setup::{Setup, claim, dialects, directory, new_run_id, watch_interrupt};
use crate::cli::{Failure, evidence, output, release};
use crate::lock::Reading;
use crate::profile::Requirement;
use crate::record::{Log, ScanResult};
use crate::run::CancellationFlag;
use crate::scan::{self, OwnRun, Sample, ScanInput};
use crate::scenario::{Role, Suite};
use crate::store::credentials::Credentials;
use crate::target::{Kind, Opened, Renewal, Renewed, Scope};
use crate::time::Clock;

/// The scan alone. Sends only reads.
pub(super) async fn scan(args: &ScanArgs, setup: &Setup) -> Result<u8, Failure> {
    let begun = std::time::Instant::now();
    let started = Clock::Real.now();
    let run_id = new_run_id();
    let suite = crate::cli::setup::builtin()?;
    let profile = args.profile.load(&suite, setup)?;
    let requirement = args.profile.requirement(profile.as_ref(), &args.requirement, setup)?;
    let suite = Suite { scenarios: Vec::new(), ..suite };
    let dialects = dialects()?;
    let (identity, ephemeral) = setup.identity(&args.output)?;
    let directory = directory(&args.output, &run_id);
    let _claim = claim(&directory)?;
    let filed = Filed::copy(&args.evidence, &directory)?;
    let previous = args.evidence.previous.as_deref().map(evidence::previous).transpose()?;
    let order = SampleOrder::read(&args.evidence, setup, &args.target)?;
    let target = setup.open_for(&args.target, &run_id, profile.as_ref()).await?;
    let opened = &target.opened;
    if args.exact && (opened.kind != Kind::Endpoint || opened.location.prefix.is_empty()) {
        target.opened.close().await;
        return Err(Failure::usage(
            "--exact looks at one object, and none is named",
            "`wormproof scan s3://BUCKET/KEY --exact`",
        ));
    }
    let (interrupt, watch) = watch_interrupt("interrupted: what was scanned so far is kept");
    let log = Arc::new(Log::default());
    let facts = read_facts(opened, &log).await;
    let before = read_configuration(opened, &log).await;
    let scope = Scope::new(&opened.location.bucket, "");
    let asked = Asked {
        who: Some(&opened.administrator),
        own_run: None,
        concurrency: usize::from(args.requirement.scan_concurrency),
        exact: args.exact,
        sample: order.as_ref().map(SampleOrder::sample),
        renewal: Renewal {
            role: Role::Administrator,
            scope: &scope,
            run_id: &run_id,
            named: &BTreeMap::new(),
            expires: opened.refresh.as_ref().and_then(|r| r.expires),
        },
    };
    let result = of_bucket(setup, opened, &log, &requirement, &asked, &interrupt).await;
    let after = read_configuration(opened, &log).await;
    watch.abort();
    let peer = target.peer();
    let server = log.snapshot().iter().find_map(assemble::server_of);
    let release = if release::is_demanded(profile.as_ref()) {
        Some(release::read(opened, server.as_deref(), &log).await)
    } else {
        None
    };
    let done = Done {
        planned: Vec::new(),
        results: Vec::new(),
        principals: None,
        server,
        release,
        reach: None,
        facts: Some(facts),
        configuration: [before, after],
        scan: Some(result),
        analysis: None,
        event_log: None,
        trails: Vec::new(),
        residue: Vec::new(),
        attachments: filed.attachments.clone(),
        log,
    };
    let record = assemble::record(
        done,
        &Parts {
            setup,
            opened,
            peer: &peer,
            suite: &suite,
            dialects: &dialects,
            run_id: &run_id,
            started,
            elapsed: begun.elapsed(),
            identity: &identity,
            ephemeral,
            previous,
            challenge: None,
            require: &[],
            fail_on: args.requirement.fail_on.into(),
            requirement: &requirement,
            profile: profile.as_ref(),
            attacked: false,
        },
    );
    target.opened.close().await;
    filed.keep();
    output::finish(&args.output, args.target.ca_bundle.as_deref(), &directory, &record, &identity, setup)
        .await
}

/// How a bucket is scanned.
pub(super) struct Asked<'a> {
    /// Who reads.
    pub(super) who: Option<&'a Credentials>,
    /// The run under way and the base of its canaries' keys.
    pub(super) own_run: Option<OwnRun<'a>>,
    /// Lookups at the same time.
    pub(super) concurrency: usize,
    /// Whether the location's prefix is one key.
    pub(super) exact: bool,
    /// Records that are read whole.
    pub(super) sample: Option<Sample<'a>>,
    /// How the reader's session is kept alive.
    pub(super) renewal: Renewal<'a>,
}

/// Scans the audited bucket or prefix.
pub(super) async fn of_bucket(
    setup: &Setup,
    opened: &Opened,
    log: &Log,
    requirement: &Requirement,
    asked: &Asked<'_>,
    interrupt: &CancellationFlag,
) -> ScanResult {
    let location = &opened.location;
    let bar = Bar::of_versions(setup.quiet);
    let interrupted = || interrupt.is_raised();
    // A bucket knows where it replicates to, not what replicates into it.
    let replicates = if opened.own_server {
        Reading::Known(false)
    } else {
        Reading::Unread("the sources of a replication are configured elsewhere".to_owned())
    };
    let reader = Renewed::new(asked.who.unwrap_or(&opened.administrator).clone());
    let current = || Some(reader.current());
    let input = ScanInput {
        renewed: Some(&current),
        replicates,
        own_run: asked.own_run,
        sample: asked.sample,
        concurrency: asked.concurrency,
        log: Some(log),
        interrupted: &interrupted,
        ..ScanInput::new(&opened.client, asked.who, &location.bucket, &location.prefix, requirement)
    };
    let progress = |p: scan::Progress| bar.versions(p.versions, p.findings);
    let note = |text: String| {
        log.note(opened.clock.now(), "scan", text);
    };
    if asked.renewal.expires.is_none() && reader.current().session_token.is_some() {
        note("the reader's credentials are those of a session that cannot be renewed here".to_owned());
    }
    let scanning = Box::pin(async {
        if asked.exact {
            scan::exact(&input, &location.prefix, &progress).await
        } else {
            scan::scan(&input, &progress).await
        }
    });
    // The renewal never ends by itself.
    match select(scanning, Box::pin(asked.renewal.run(opened, &reader, &note))).await {
        Either::Left((result, _)) => result,
        Either::Right(((), scanning)) => scanning.await,
    }
}
