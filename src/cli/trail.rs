//! `trail`: everything that is left of a record, by its id.

use serde::Serialize;

use crate::cli::Failure;
use crate::cli::args::trail::TrailArgs;
use crate::cli::pack::{Pack, Seen};
use crate::cli::progress::Bar;
use crate::cli::setup::{Setup, builtin, watch_interrupt};
use crate::record::trail::TrailResult;
use crate::record::{Log, Outcome};
use crate::run::CancellationFlag;
use crate::scan::trail::{self, TrailError, TrailInput};
use crate::store::credentials::Credentials;
use crate::target::Opened;

/// Which trails are read, and how.
#[derive(Debug, Clone)]
pub(super) struct TrailOrder {
    ids: Vec<String>,
    keys: Vec<String>,
    whole: bool,
    concurrency: usize,
}

impl TrailOrder {
    /// Ids and patterns, each once; refused where one of them cannot be read.
    pub(super) fn new(ids: &[String], keys: &[String], concurrency: u16) -> Result<Self, Failure> {
        let mut all: Vec<String> = Vec::new();
        for id in ids {
            trail::check(id, keys).map_err(|e: TrailError| Failure::usage(&e, e.hint()))?;
            if !all.contains(id) {
                all.push(id.clone());
            }
        }
        Ok(Self { ids: all, keys: keys.to_vec(), whole: false, concurrency: usize::from(concurrency) })
    }
}

/// The trails alone. Sends only reads.
pub(super) async fn trail(args: &TrailArgs, setup: &Setup) -> Result<u8, Failure> {
    let profile = args.profile.load(&builtin()?, setup)?;
    let of_profile = profile.as_ref().map(|p| p.trail_keys.as_slice()).unwrap_or_default();
    let keys = if args.keys.is_empty() { of_profile } else { &args.keys };
    let order = TrailOrder { whole: args.read, ..TrailOrder::new(&args.id, keys, args.concurrency)? };
    let pack = Pack::begin(&args.pack, setup)?;
    let missing = ("no bucket is named", "name it: `wormproof trail s3://BUCKET --id ID`");
    let target = pack.open(&args.target, profile.as_ref(), missing).await?;
    let (interrupt, watch) = watch_interrupt("interrupted: what was read so far is kept");
    let who = &target.opened.administrator;
    let trails = of_target(setup, (&target.opened, who), &pack.log, &order, &interrupt).await;
    watch.abort();
    let trails = match trails {
        Ok(trails) => trails,
        Err(failure) => {
            target.opened.close().await;
            return Err(failure);
        }
    };
    let seen = Seen { trails, ..Seen::default() };
    pack.finish(target, seen, args.fail_on.into(), |record| {
        serde_json::to_vec_pretty(&Shown { outcome: &record.outcome, trails: &record.trails })
    })
    .await
}

/// Reads the trails of an opened target.
pub(super) async fn of_target(
    setup: &Setup,
    (opened, who): (&Opened, &Credentials),
    log: &Log,
    order: &TrailOrder,
    interrupt: &CancellationFlag,
) -> Result<Vec<TrailResult>, Failure> {
    let place = (opened.location.bucket.as_str(), opened.location.prefix.as_str());
    let interrupted = || interrupt.is_raised();
    let mut trails = Vec::new();
    for id in &order.ids {
        let bar = Bar::of_versions(setup.quiet);
        let mut input = TrailInput::new(&opened.client, Some(who), place, id, &order.keys)
            .map_err(|e| Failure::usage(&e, e.hint()))?;
        input.whole = order.whole;
        input.concurrency = order.concurrency;
        input.log = Some(log);
        input.interrupted = &interrupted;
        trails.push(trail::trail(&input, &|versions| bar.versions(versions, 0)).await);
    }
    Ok(trails)
}

/// What `--format json` shows.
#[derive(Serialize)]
struct Shown<'a> {
    outcome: &'a Outcome,
    trails: &'a [TrailResult],
}
