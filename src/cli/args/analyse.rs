//! The arguments of `analyse`. The doc comments are the help texts.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::cli::args::{FailOn, ListFormat, ModeArg, TargetArgs};
use crate::cli::profile::ProfileArgs;

/// By whose rules policies are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ServerArg {
    /// Amazon S3.
    Aws,
    /// MinIO.
    Minio,
    /// Another server, by the rules of AWS.
    Other,
}

/// What an upload carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Sent {
    /// A mode and a retain-until date.
    Retention,
    /// A legal hold.
    Hold,
    /// If-None-Match: *.
    IfNoneMatch,
    /// Nothing of these.
    Nothing,
}

/// Arguments of `analyse`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Exit codes: 0 no finding reaches --fail-on · 1 one does · 2 a policy file cannot be read · \
                        3 what could not be read, or is not known, reaches it"
)]
pub struct AnalyseArgs {
    /// What is analysed.
    #[command(flatten)]
    pub target: TargetArgs,
    /// The profile.
    #[command(flatten)]
    pub profile: ProfileArgs,
    /// Policy files (JSON): identity policies or bucket policies. Without a bucket nothing is sent.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub policy: Vec<PathBuf>,
    /// Ask about this bucket only, of those that the policy files name.
    #[arg(long, value_name = "NAME", conflicts_with = "location")]
    pub bucket: Option<String>,
    /// By whose rules [default: what the bucket's server says of itself; of files: aws].
    #[arg(long, value_enum)]
    pub server: Option<ServerArg>,
    /// What the application's upload carries; without it every kind is tried (comma-separated).
    #[arg(long, value_enum, value_name = "WHAT", value_delimiter = ',')]
    pub sends: Vec<Sent>,
    /// The least mode that is required.
    #[arg(long, value_enum)]
    pub mode: Option<ModeArg>,
    /// The least retention that is required: `90d`, `10y`.
    #[arg(long, value_name = "DURATION")]
    pub min_retention: Option<String>,
    /// The least severity of a finding that fails.
    #[arg(long, value_enum, default_value = "medium")]
    pub fail_on: FailOn,
    /// How.
    #[arg(long, value_enum, default_value = "table")]
    pub format: ListFormat,
}
