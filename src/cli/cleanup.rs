//! `cleanup`: removes what earlier runs left, as far as no lock keeps it.

use std::path::{Path, PathBuf};

use crate::cli::args::CleanupArgs;
use crate::cli::setup::{Setup, new_run_id, root_of, watch_interrupt};
use crate::cli::{Failure, note, out_text};
use crate::record::Log;
use crate::run::{self, Journal, Known, Sweep};
use crate::target::TargetSpec;
use crate::time::human;

/// Sweeps. Exit code 0 when nothing is left, 3 while something has to stay.
pub(super) async fn cleanup(args: &CleanupArgs, setup: &Setup) -> Result<u8, Failure> {
    if !matches!(setup.target_spec(&args.target)?, TargetSpec::Endpoint(_)) {
        return Err(Failure::usage(
            "a live bucket has to be named: servers that the tool starts end with everything on them",
            "`wormproof cleanup s3://BUCKET[/PREFIX] [--journal DIR]`",
        ));
    }
    let path = args.journal.as_deref().map(journal_file);
    let (known, journal) = match &path {
        None => (Known::default(), None),
        Some(path) => {
            let failure = |e: run::JournalError| Failure::usage(&e, e.hint());
            let entries = Journal::read(path).map_err(failure)?;
            (Known::of(&entries), Some(Journal::create(path).map_err(failure)?))
        }
    };
    let target = setup.open(&args.target, &new_run_id()).await?;
    let opened = &target.opened;
    let root = root_of(&opened.location.prefix, args.canary_prefix.as_deref());
    let (interrupt, watch) = watch_interrupt("interrupted: nothing more is waited for");
    let log = Log::default();
    let sweep = Sweep {
        client: &opened.client,
        administrator: Some(&opened.administrator),
        bucket: &opened.location.bucket,
        root: &root,
        run_id: args.run.as_deref(),
        known,
        journal: journal.as_ref(),
        discover_buckets: true,
        wait: args.wait,
        clock: &opened.clock,
        log: &log,
        interrupt: &interrupt,
    };
    let report = run::cleanup(&sweep).await;
    watch.abort();
    let mut text = format!("removed: {}\n", report.removed);
    for kept in &report.kept {
        let what = if kept.key.is_empty() {
            format!("bucket {}", kept.bucket)
        } else {
            format!("{}/{} {}", kept.bucket, crate::report::text::show(&kept.key), kept.version_id)
        };
        let until = kept.until.map_or_else(String::new, |u| format!(", until {}", human(u)));
        text.push_str(&format!("kept: {}: {}{until}\n", what.trim_end(), kept.why));
    }
    target.opened.close().await;
    out_text(&text)?;
    if report.kept.is_empty() {
        return Ok(0);
    }
    if !args.wait {
        note("hint: --wait waits until the last lock has ended");
    }
    Ok(3)
}

/// A run's output directory, or the file itself.
fn journal_file(path: &Path) -> PathBuf {
    if path.is_dir() { path.join("journal.jsonl") } else { path.to_owned() }
}
