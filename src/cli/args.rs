//! The command line, as clap reads it. The doc comments are the help texts.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Compliance audit and conformance test harness for write-once (WORM) object storage.
///
/// Can a record in this bucket be destroyed, altered or unlocked before its time? wormproof attacks
/// canaries of its own, reads them back, judges what is left, and signs the evidence.
#[derive(Debug, Parser)]
#[command(name = "wormproof", version, propagate_version = true, max_term_width = 110)]
#[command(after_help = "Exit codes: 0 all held · 1 a guarantee failed · 2 usage · 3 no conclusion · \
                        4 nothing tested · 5 a signature or record does not verify")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Say only what was found: no progress, no notices.
    #[arg(long, short, global = true)]
    pub quiet: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Attack canaries, read them back, judge, sign the evidence. Without a target it starts the embedded server.
    Audit(Box<AuditArgs>),
    /// The catalogue of scenarios.
    #[command(subcommand)]
    Scenarios(ScenariosCommand),
    /// Check signatures and digests offline, and judge the evidence again.
    Verify(VerifyArgs),
    /// Make any report again from a record, offline.
    Report(ReportArgs),
    /// Make a P-256 key (key.pem) and a self-signed certificate (cert.pem) for signing reports.
    Keygen(KeygenArgs),
    /// Run the embedded S3 server in the foreground, for other people's tests.
    Serve(ServeArgs),
    /// Run the suite against every seeded defect of the embedded server: is each one caught, can each scenario fail?
    Qualify(QualifyArgs),
}

/// Which server to start where no bucket is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TargetKind {
    /// The embedded server, in the process.
    Embedded,
    /// A MinIO: a container where an engine answers, else a `minio` binary.
    Minio,
}

/// What is audited.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Target")]
pub struct TargetArgs {
    /// A live bucket: s3://BUCKET[/PREFIX].
    #[arg(value_name = "S3-URL")]
    pub location: Option<String>,
    /// Start a server of one's own instead.
    #[arg(long, value_enum, conflicts_with = "location")]
    pub target: Option<TargetKind>,
    /// The endpoint of the live bucket, with or without scheme [default: MINIO_ENDPOINT, else AWS].
    #[arg(long, value_name = "URL", requires = "location")]
    pub endpoint_url: Option<String>,
    /// The region [default: from the AWS configuration, else us-east-1].
    #[arg(long)]
    pub region: Option<String>,
    /// A profile of the shared AWS configuration, for the administrator.
    #[arg(long, value_name = "NAME", requires = "location")]
    pub aws_profile: Option<String>,
    /// The `minio` binary to start [default: WORMPROOF_MINIO_BINARY, then PATH].
    #[arg(long, value_name = "FILE")]
    pub minio_binary: Option<PathBuf>,
    /// The MinIO image to start, instead of the pinned one.
    #[arg(long, value_name = "NAME:TAG")]
    pub minio_image: Option<String>,
    /// Serve the embedded server on a socket of 127.0.0.1 instead of calling it in the process.
    #[arg(long)]
    pub socket: bool,
    /// Switch a defect of the embedded server on (repeatable); `wormproof serve --help` lists them.
    #[arg(long, value_name = "NAME")]
    pub defect: Vec<String>,
}

/// How far attacks may go on a live endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Allow {
    /// Also buckets that the tool makes (twins).
    Bucket,
    /// As `bucket`; reach `server` stays refused on a server that the tool did not start.
    Server,
    /// Everything that this target allows.
    All,
}

/// Which scenarios are run, and how.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Attacks")]
pub struct AttackArgs {
    /// Only these scenarios: an id, or a group (repeatable).
    #[arg(long, value_name = "ID|GROUP")]
    pub only: Vec<String>,
    /// Not these scenarios: an id, or a group (repeatable).
    #[arg(long, value_name = "ID|GROUP")]
    pub skip: Vec<String>,
    /// These scenarios must be assessed; if one is not, the exit code is 3 (repeatable).
    #[arg(long, value_name = "ID", num_args = 1..)]
    pub require: Vec<String>,
    /// Further reaches on a live endpoint; without it attacks touch one canary each.
    #[arg(long, value_enum)]
    pub allow: Option<Allow>,
    /// Text that goes into every canary and into the record (an auditor's nonce).
    #[arg(long, value_name = "TEXT")]
    pub challenge: Option<String>,
    /// Leave locked canaries in a live bucket until their short retention ends, without asking.
    #[arg(long)]
    pub yes: bool,
    /// Add scenario files from this directory.
    #[arg(long, value_name = "DIR")]
    pub scenarios: Option<PathBuf>,
    /// Let a file of --scenarios replace this built-in scenario (repeatable).
    #[arg(long, value_name = "ID", requires = "scenarios")]
    pub replace_scenario: Vec<String>,
    /// How many scenario runs are under way at once.
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub concurrency: u16,
}

/// A format on stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StdoutFormat {
    /// Tables for people.
    Table,
    /// The whole record (results.json).
    Json,
    /// JUnit XML.
    Junit,
}

/// Where the evidence goes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// Directory for results.json, its signature, report.pdf, junit.xml and the certificate [default: reports/RUN-ID].
    #[arg(long, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// What stdout shows.
    #[arg(long, value_enum, default_value = "table")]
    pub format: StdoutFormat,
    /// The signer's P-256 key (PKCS#8 PEM); without one a key is made for this run alone.
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub key: Option<PathBuf>,
    /// The signer's certificate (PEM).
    #[arg(long, value_name = "FILE", requires = "key")]
    pub cert: Option<PathBuf>,
}

/// Arguments of `audit`.
#[derive(Debug, Clone, Args)]
pub struct AuditArgs {
    /// What is audited.
    #[command(flatten)]
    pub target: TargetArgs,
    /// Which attacks.
    #[command(flatten)]
    pub attack: AttackArgs,
    /// Where the evidence goes.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// The `scenarios` commands.
#[derive(Debug, Subcommand)]
pub enum ScenariosCommand {
    /// List the catalogue.
    List {
        /// How.
        #[arg(long, value_enum, default_value = "table")]
        format: ListFormat,
        /// Add scenario files from this directory.
        #[arg(long, value_name = "DIR")]
        scenarios: Option<PathBuf>,
    },
    /// Show one scenario as it is written.
    Show {
        /// Its id.
        id: String,
        /// How.
        #[arg(long, value_enum, default_value = "table")]
        format: ListFormat,
    },
    /// Check scenario files, without a network.
    Check {
        /// A file or a directory.
        path: PathBuf,
    },
}

/// How a list is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// For people.
    Table,
    /// For programs.
    Json,
}

/// Arguments of `verify`.
#[derive(Debug, Clone, Args)]
pub struct VerifyArgs {
    /// The output directory of a run, or its results.json.
    pub path: PathBuf,
    /// The certificate (PEM) that has to be the signer's; without it `verify` says *signer unknown*.
    #[arg(long, value_name = "FILE")]
    pub cert: Option<PathBuf>,
}

/// A format of `report`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// Tables for people.
    Table,
    /// The record.
    Json,
    /// JUnit XML.
    Junit,
}

/// Arguments of `report`.
#[derive(Debug, Clone, Args)]
pub struct ReportArgs {
    /// The output directory of a run, or its results.json.
    #[arg(required_unless_present = "schema")]
    pub path: Option<PathBuf>,
    /// Which report.
    #[arg(long, value_enum, default_value = "table")]
    pub format: ReportFormat,
    /// Write to this file instead of stdout.
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Print the JSON Schema of the record instead.
    #[arg(long, conflicts_with = "path")]
    pub schema: bool,
}

/// Arguments of `keygen`.
#[derive(Debug, Clone, Args)]
pub struct KeygenArgs {
    /// Directory for key.pem and cert.pem; existing files are not overwritten.
    #[arg(long, value_name = "DIR")]
    pub output: PathBuf,
    /// The name in the certificate.
    #[arg(long, default_value = "wormproof report signer")]
    pub name: String,
    /// How long the certificate is valid.
    #[arg(long, value_name = "DURATION", default_value = "730 days")]
    pub valid: String,
}

/// Arguments of `serve`.
#[derive(Debug, Clone, Args)]
pub struct ServeArgs {
    /// The port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 9000)]
    pub port: u16,
    /// The root access key [default: made and printed].
    #[arg(long, requires = "secret_key")]
    pub access_key: Option<String>,
    /// The root secret key [default: made and printed].
    #[arg(long, requires = "access_key")]
    pub secret_key: Option<String>,
    /// Switch a defect on (repeatable).
    #[arg(long, value_name = "NAME")]
    pub defect: Vec<String>,
    /// List the defects and end.
    #[arg(long)]
    pub list_defects: bool,
}

/// How the qualification is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum QualifyFormat {
    /// For people.
    Table,
    /// The whole result.
    Json,
    /// For each defect scenarios that catch it, every scenario at least once (TOML, `fixtures/qualification.toml`).
    Pairs,
}

/// Arguments of `qualify`.
#[derive(Debug, Clone, Args)]
pub struct QualifyArgs {
    /// How.
    #[arg(long, value_enum, default_value = "table")]
    pub format: QualifyFormat,
    /// Write to this file instead of stdout; an existing one is replaced.
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// How many threads work [default: one a core].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: Option<u16>,
    /// Also run where a scenario does not make the server reach the defect (the verdicts are the same).
    #[arg(long)]
    pub exhaustive: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
