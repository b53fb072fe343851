//! `event-log`: the integrity check of an event log in a bucket.

use crate::cli::Failure;
use crate::cli::args::event_log::EventLogArgs;
use crate::cli::pack::{Pack, Seen};
use crate::cli::progress::Bar;
use crate::cli::setup::{Setup, watch_interrupt};
use crate::profile::EventLogRules;
use crate::record::event_log::EventLogResult;
use crate::record::{Log, Outcome};
use crate::run::CancellationFlag;
use crate::scan::event_log::{self, EventLogInput, Progress};
use crate::target::Opened;

/// The check alone. Sends only reads.
pub(super) async fn event_log(args: &EventLogArgs, setup: &Setup) -> Result<u8, Failure> {
    let rules = rules(args);
    let pack = Pack::begin(&args.pack, setup)?;
    let missing =
        ("no event log is named", "name the bucket and the prefix: `wormproof event-log s3://BUCKET/PREFIX`");
    let target = pack.open(&args.target, None, missing).await?;
    let (interrupt, watch) = watch_interrupt("interrupted: what was found so far is shown");
    let lookups = usize::from(args.concurrency);
    let result =
        of_target(setup, &target.opened, &pack.log, &rules, args.allow_start, lookups, &interrupt).await;
    watch.abort();
    let result = match result {
        Ok(result) => result,
        Err(failure) => {
            target.opened.close().await;
            return Err(failure);
        }
    };
    let seen = Seen { event_log: Some(result), ..Seen::default() };
    pack.finish(target, seen, args.fail_on.into(), |record| {
        serde_json::to_vec_pretty(&Shown { outcome: &record.outcome, result: record.event_log.as_ref() })
    })
    .await
}

/// Checks the log of an opened target. What `audit` may call, too.
pub(super) async fn of_target(
    setup: &Setup,
    opened: &Opened,
    log: &Log,
    rules: &EventLogRules,
    allow_start: Option<u64>,
    concurrency: usize,
    interrupt: &CancellationFlag,
) -> Result<EventLogResult, Failure> {
    let location = &opened.location;
    let bar = Bar::of_versions(setup.quiet);
    let interrupted = || interrupt.is_raised();
    let who = Some(&opened.administrator);
    let mut input = EventLogInput::new(&opened.client, who, &location.bucket, &location.prefix, rules)
        .map_err(|e| Failure::usage(&e, e.hint()))?;
    input.allow_start = allow_start;
    input.concurrency = concurrency;
    input.log = Some(log);
    input.interrupted = &interrupted;
    let progress = |p: Progress| bar.versions(p.events, p.findings);
    Ok(event_log::check(&input, &progress).await)
}

fn rules(args: &EventLogArgs) -> EventLogRules {
    let usual = EventLogRules::default();
    EventLogRules {
        key_pattern: args.key_pattern.clone().unwrap_or(usual.key_pattern),
        token_path: args.token_path.clone().unwrap_or(usual.token_path),
        holder_path: args.holder_path.clone().unwrap_or(usual.holder_path),
    }
}

/// What `--format json` shows.
#[derive(serde::Serialize)]
struct Shown<'a> {
    outcome: &'a Outcome,
    #[serde(flatten)]
    result: Option<&'a EventLogResult>,
}
