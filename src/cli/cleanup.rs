//! `cleanup`: removes what earlier runs left, as far as no lock keeps it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::cli::args::CleanupArgs;
use crate::cli::setup::{Setup, new_run_id, root_of, watch_interrupt};
use crate::cli::{Failure, note, out_text};
use crate::record::Log;
use crate::report::text::show;
use crate::run::{self, CleanupReport, Journal, JournalEntry, Known, Sweep};
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
    let journal = args.journal.as_deref().map(|path| OfRun::read(&journal_file(path), args)).transpose()?;
    let target = setup.open(&args.target, &new_run_id()).await?;
    let opened = &target.opened;
    let mut root = root_of(&opened.location.prefix, args.canary_prefix.as_deref());
    if let Some(of) = &journal {
        let same = match of.place(&opened.location.bucket) {
            Ok(base) if args.canary_prefix.is_none() || base == root => {
                root = base;
                Ok(())
            }
            Ok(base) => Err(format!("the journal's run has its canaries in {base}, not in {root}")),
            Err(bucket) => {
                Err(format!("the journal is that of a run on {bucket}, not on {}", opened.location.bucket))
            }
        };
        if let Err(why) = same {
            target.opened.close().await;
            return Err(Failure::usage(why, "name the bucket that the run audited, or leave --journal out"));
        }
    }
    let (known, runs, journal) = match journal {
        None => (Known::default(), args.run.clone().map(|run| BTreeSet::from([run])), None),
        Some(of) => (of.known.clone(), Some(of.known.runs), Some(of.journal)),
    };
    let (interrupt, watch) = watch_interrupt("interrupted: nothing more is waited for");
    let log = Log::default();
    let sweep = Sweep {
        client: &opened.client,
        administrator: Some(&opened.administrator),
        bucket: &opened.location.bucket,
        root: &root,
        runs,
        known,
        journal: journal.as_ref(),
        // A journal knows every bucket of its run.
        discover_buckets: journal.is_none(),
        even_under_way: args.even_under_way,
        wait: args.wait,
        clock: &opened.clock,
        log: &log,
        interrupt: &interrupt,
    };
    let report = run::cleanup(&sweep).await;
    watch.abort();
    let now = opened.client.server_now();
    target.opened.close().await;
    out_text(&said(&report))?;
    if report.kept.is_empty() {
        return Ok(0);
    }
    // Only time can help: waiting changes nothing about what is kept for another reason.
    if !args.wait && report.kept.iter().any(|r| r.until.is_some_and(|until| until > now)) {
        note("hint: --wait waits until the last lock has ended");
    }
    Ok(3)
}

/// What came of it, a line each.
fn said(report: &CleanupReport) -> String {
    let mut text = format!("removed: {}\n", report.removed);
    for (word, list) in [("kept", &report.kept), ("not of this bucket", &report.elsewhere)] {
        for left in list {
            let what = if left.key.is_empty() {
                format!("bucket {}", left.bucket)
            } else {
                format!("{}/{} {}", left.bucket, show(&left.key), left.version_id)
            };
            let until = left.until.map_or_else(String::new, |u| format!(", until {}", human(u)));
            text.push_str(&format!("{word}: {}: {}{until}\n", what.trim_end(), show(&left.why)));
        }
    }
    text
}

/// A journal and what it says of its run.
struct OfRun {
    known: Known,
    /// The audited bucket, and the base of the run's canaries.
    place: Option<(String, String)>,
    journal: Journal,
}

impl OfRun {
    fn read(path: &Path, args: &CleanupArgs) -> Result<Self, Failure> {
        let failure = |e: run::JournalError| Failure::usage(&e, e.hint());
        let entries = Journal::read(path).map_err(failure)?;
        let mut known = Known::of(&entries);
        if let Some(run) = args.run.as_deref().filter(|run| !known.runs.contains(*run)) {
            return Err(Failure::usage(
                format!("--run: the journal is not that of {run}"),
                "a journal says by itself which run it is about: leave --run out",
            ));
        }
        if known.runs.is_empty() {
            note("the journal names no run: nothing was begun, and nothing is looked for");
        }
        let place = entries.into_iter().find_map(|entry| match entry {
            JournalEntry::Run { run_id, bucket, prefix, .. } => {
                let root = prefix.strip_suffix('/').and_then(|p| p.strip_suffix(run_id.as_str()));
                Some((bucket, root.unwrap_or(&prefix).to_owned()))
            }
            _ => None,
        });
        known.runs.retain(|run| args.run.as_ref().is_none_or(|only| only == run));
        Ok(Self { known, place, journal: Journal::create(path).map_err(failure)? })
    }

    /// The folder of the canaries in this bucket; the error is the bucket that the run was about.
    fn place(&self, bucket: &str) -> Result<String, String> {
        match &self.place {
            None => Ok(String::new()),
            Some((own, root)) if own == bucket => Ok(root.clone()),
            Some((own, _)) => Err(own.clone()),
        }
    }
}

/// A run's output directory, or the file itself.
fn journal_file(path: &Path) -> PathBuf {
    if path.is_dir() { path.join("journal.jsonl") } else { path.to_owned() }
}
