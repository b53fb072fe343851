//! How far the work is, on stderr; only on a terminal.

use std::io::IsTerminal as _;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::run::Progress;

/// A bar, or nothing where stderr is no terminal.
pub(super) struct Bar {
    bar: ProgressBar,
}

impl Bar {
    /// A bar over so many runs.
    pub(super) fn of_runs(runs: u64, quiet: bool) -> Self {
        Self::with(ProgressBar::new(runs), "{bar:30} {pos}/{len} runs  {msg}", quiet)
    }

    /// A counter of versions.
    pub(super) fn of_versions(quiet: bool) -> Self {
        Self::with(ProgressBar::no_length(), "{spinner} {pos} versions, {per_sec}  {msg}", quiet)
    }

    fn with(bar: ProgressBar, template: &str, quiet: bool) -> Self {
        let shown = !quiet && std::io::stderr().is_terminal();
        bar.set_draw_target(if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() });
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self { bar }
    }

    /// A run began or ended.
    pub(super) fn run(&self, progress: &Progress) {
        match progress {
            Progress::Started { id, each, .. } => {
                self.bar.set_message(match each {
                    Some(role) => format!("{id} as {role}"),
                    None => id.clone(),
                });
            }
            Progress::Finished { .. } => self.bar.inc(1),
        }
    }

    /// So many versions were seen.
    pub(super) fn versions(&self, seen: u64, findings: u64) {
        self.bar.set_position(seen);
        self.bar.set_message(format!("{findings} findings"));
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
