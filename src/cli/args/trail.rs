//! Arguments of `trail`.

use clap::Args;

use crate::cli::args::pack::PackArgs;
use crate::cli::args::{FailOn, TargetArgs};
use crate::cli::profile::ProfileArgs;

/// Arguments of `trail`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Exit codes: 0 the trail is complete · 1 a finding reaches --fail-on · 2 usage · \
                        3 something could not be read · 4 nothing is stored under any id")]
pub struct TrailArgs {
    /// Where the records are.
    #[command(flatten)]
    pub target: TargetArgs,
    /// The profile; only its trail keys and its bucket are used.
    #[command(flatten)]
    pub profile: ProfileArgs,
    /// The id of a record, as it stands in its keys (repeatable).
    #[arg(long, value_name = "ID", required = true, help_heading = "Trail")]
    pub id: Vec<String>,
    /// Keys of a record below the prefix; {id} stands for the id (repeatable) [default: the profile's]. All keys that begin
    /// so belong to it: end with a slash, or longer ids are found, too.
    #[arg(long, value_name = "PATTERN", help_heading = "Trail")]
    pub keys: Vec<String>,
    /// Read every version whole: its SHA-256, and whether its bytes are those of the checksum that the store keeps.
    #[arg(long, help_heading = "Trail")]
    pub read: bool,
    /// How many versions are looked up at once.
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1024), help_heading = "Trail")]
    pub concurrency: u16,
    /// The least severity of a finding that fails the run.
    #[arg(long, value_enum, default_value = "medium", help_heading = "Trail")]
    pub fail_on: FailOn,
    /// Where the evidence goes.
    #[command(flatten)]
    pub pack: PackArgs,
}
