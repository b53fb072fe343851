//! Arguments of `event-log`.

use clap::Args;

use crate::cli::args::pack::PackArgs;
use crate::cli::args::{FailOn, TargetArgs};

/// Arguments of `event-log`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Exit codes: 0 what can be assessed holds · 1 a finding reaches --fail-on · 2 usage · \
                        3 not everything was assessed · 4 there is no event"
)]
pub struct EventLogArgs {
    /// Where the log is.
    #[command(flatten)]
    pub target: TargetArgs,
    /// The keys of events below the prefix; {sequence} stands for the number, zero padded or not [default:
    /// events/{sequence}.json].
    #[arg(long, value_name = "PATTERN", help_heading = "Event log")]
    pub key_pattern: Option<String>,
    /// Where an event has its fencing token: names with dots between, `metadata:NAME` for user metadata, several with |
    /// between, or `none` [default: meta.fencing_token, a number or an object with `epoch`, also below `event`].
    #[arg(long, value_name = "PATH", help_heading = "Event log")]
    pub token_path: Option<String>,
    /// Where an event has the identity of the token's holder, or `none` [default: holder_identity beside the epoch or
    /// in `meta`].
    #[arg(long, value_name = "PATH", help_heading = "Event log")]
    pub holder_path: Option<String>,
    /// Events before this number may be missing. Without it a log begins with 0 or 1.
    #[arg(long, value_name = "N", help_heading = "Event log")]
    pub allow_start: Option<u64>,
    /// How many events are read at once.
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=1024), help_heading = "Event log")]
    pub concurrency: u16,
    /// The least severity of a finding that fails the run.
    #[arg(long, value_enum, default_value = "medium", help_heading = "Event log")]
    pub fail_on: FailOn,
    /// Where the evidence goes.
    #[command(flatten)]
    pub pack: PackArgs,
}
