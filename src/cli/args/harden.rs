//! The arguments of `harden`. The doc comments are the help texts.

use clap::{Args, ValueEnum};

use crate::cli::args::ModeArg;
use crate::cli::profile::ProfileArgs;

/// One of the texts that `harden` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum HardenFormat {
    /// Everything, with headings.
    Text,
    /// The bucket policy (JSON; AWS).
    Policy,
    /// The Object Lock configuration (JSON).
    Lock,
    /// The identity policies (a JSON object: role, policy).
    Iam,
    /// A shell script of AWS CLI commands.
    AwsCli,
    /// A shell script of mc commands.
    Mc,
    /// Terraform, by the aws provider.
    Terraform,
    /// An nginx configuration that refuses what no policy closes (MinIO).
    Nginx,
}

/// By whose rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum HardenServer {
    /// Amazon S3.
    Aws,
    /// MinIO.
    Minio,
}

/// Whether uploads carry a legal hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum HoldArg {
    /// Every upload sets one; only the administrator releases it.
    Required,
    /// Only the administrator sets and releases holds.
    NotUsed,
}

/// Arguments of `harden`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Nothing is sent and nothing is applied. Exit codes: 0 printed · 2 what is demanded cannot be had"
)]
pub struct HardenArgs {
    /// The bucket: s3://BUCKET[/PREFIX]; without it the profile's.
    #[arg(value_name = "S3-URL")]
    pub location: Option<String>,
    /// What is demanded, by a profile.
    #[command(flatten)]
    pub profile: ProfileArgs,
    /// For which server.
    #[arg(long, value_enum, default_value = "aws")]
    pub server: HardenServer,
    /// Which text.
    #[arg(long, value_enum, default_value = "text")]
    pub format: HardenFormat,
    /// The lock mode of every record.
    #[arg(long, value_enum)]
    pub mode: Option<ModeArg>,
    /// The least retention of every record, by the calendar: `90d`, `10y`.
    #[arg(long, value_name = "DURATION")]
    pub retention: Option<String>,
    /// Legal holds.
    #[arg(long, value_enum)]
    pub hold: Option<HoldArg>,
    /// Every write has to carry `If-None-Match`.
    #[arg(long)]
    pub conditional_writes: bool,
    /// The application's upload carries mode and retain-until date; without it the bucket's default locks.
    #[arg(long)]
    pub sends_lock: bool,
    /// Refuse uploads without lock headers (no multipart upload can be completed then on AWS).
    #[arg(long)]
    pub require_lock: bool,
    /// The application copies nothing: copies can then be denied to it on MinIO.
    #[arg(long)]
    pub no_copies: bool,
    /// Do not refuse requests without TLS, and let the proxy listen without it.
    #[arg(long)]
    pub no_tls: bool,
    /// Let the statements about locks and deletions bind wormproof's own canaries, too; most scenarios cannot be run then.
    #[arg(long)]
    pub bind_canaries: bool,
    /// The role that alone configures the bucket (AWS); wildcards are taken.
    #[arg(long, value_name = "ARN")]
    pub administrator: Option<String>,
    /// The role that alone deletes what is no longer locked (AWS); wildcards are taken.
    #[arg(long, value_name = "ARN")]
    pub deleter: Option<String>,
    /// Where the proxy listens [default: 443].
    #[arg(long, value_name = "[ADDRESS:]PORT")]
    pub listen: Option<String>,
    /// Where MinIO listens, for the proxy [default: 127.0.0.1:9000].
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub upstream: Option<String>,
}
