//! The command line, as clap reads it. The doc comments are the help texts.

mod analyse;
pub mod event_log;
pub mod harden;
pub mod metrics;
pub mod pack;
pub mod profiles;
mod qualify;
pub mod trail;

pub use analyse::{AnalyseArgs, Sent, ServerArg};
pub use qualify::{QualifyArgs, QualifyFormat};

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::cli::args::event_log::EventLogArgs;
use crate::cli::args::harden::HardenArgs;
use crate::cli::args::metrics::{LabelArgs, MetricsArgs};
use crate::cli::args::profiles::ProfilesCommand;
use crate::cli::args::trail::TrailArgs;
use crate::cli::filing::EvidenceArgs;
use crate::cli::profile::ProfileArgs;

/// Compliance audit and conformance test harness for write-once (WORM) object storage.
///
/// Can a record in this bucket be destroyed, altered or unlocked before its time? wormproof attacks
/// canaries of its own, reads them back, scans every object version, and signs the evidence.
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
    /// Configuration file [default: ./wormproof.toml, if there is one].
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Attack, scan, analyse and report: the whole audit. Without a target it starts the embedded server.
    Audit(Box<AuditArgs>),
    /// Only the attacks (the scenarios).
    Attack(Box<AuditArgs>),
    /// Only the scan: every version's lock, judged against a requirement. Sends only reads.
    Scan(Box<ScanArgs>),
    /// Who could weaken the protection, and what policies fail to stop: of a live bucket, or of policy files offline.
    Analyse(Box<AnalyseArgs>),
    /// Is an event log whole? Numbers without gaps, one version a key, fencing tokens that never go back. Sends only reads.
    EventLog(Box<EventLogArgs>),
    /// The trail of a record by its id: every version and delete marker that is left of it, in the order of time. Sends only reads.
    Trail(Box<TrailArgs>),
    /// Print what would satisfy a demand: policies, lock configuration, commands, Terraform, a proxy for MinIO. Sends nothing.
    Harden(Box<HardenArgs>),
    /// What `audit` would do: every request, the rights it needs as an IAM policy, what stays behind. Sends only reads.
    Plan(Box<PlanArgs>),
    /// Remove what earlier runs on this bucket and prefix left, once its retention ended. Exit code 3 while something has to stay.
    Cleanup(Box<CleanupArgs>),
    /// The catalogue of scenarios.
    #[command(subcommand)]
    Scenarios(ScenariosCommand),
    /// Requirement sets: of documents, rules and standards, with the clauses that they answer to.
    #[command(subcommand)]
    Profiles(ProfilesCommand),
    /// Check signatures and digests offline, and judge the evidence again.
    Verify(VerifyArgs),
    /// Make any report again from a record, offline.
    Report(ReportArgs),
    /// Make a P-256 key (key.pem) and a self-signed certificate (cert.pem) for signing reports.
    Keygen(KeygenArgs),
    /// Run the embedded S3 server in the foreground, for other people's tests. It takes signatures of version 4 only.
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
    #[arg(long, value_name = "URL")]
    pub endpoint_url: Option<String>,
    /// The region [default: from the AWS configuration, else us-east-1].
    #[arg(long)]
    pub region: Option<String>,
    /// A profile of the shared AWS configuration, for the administrator.
    #[arg(long, value_name = "NAME")]
    pub aws_profile: Option<String>,
    /// Certificates (PEM) to trust beside the system's.
    #[arg(long, value_name = "FILE")]
    pub ca_bundle: Option<PathBuf>,
    /// The `minio` binary to start [default: WORMPROOF_MINIO_BINARY, then PATH].
    #[arg(long, value_name = "FILE")]
    pub minio_binary: Option<PathBuf>,
    /// The MinIO image to start, instead of the pinned one.
    #[arg(long, value_name = "NAME:TAG")]
    pub minio_image: Option<String>,
    /// Begin at most this many requests in a second.
    #[arg(long, value_name = "N", value_parser = positive)]
    pub rate: Option<f64>,
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
    /// The longest lock, at worst, that may stay behind on a live bucket.
    #[arg(long, value_name = "DURATION", default_value = "1 day")]
    pub max_residue: String,
    /// Where canaries lie [default: PREFIX/.wormproof/].
    #[arg(long, value_name = "PREFIX")]
    pub canary_prefix: Option<String>,
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

/// The lock mode that is required.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ModeArg {
    /// GOVERNANCE or stronger.
    Governance,
    /// COMPLIANCE.
    Compliance,
}

/// What every version has to have.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Requirement")]
pub struct RequirementArgs {
    /// The least mode of every version's retention.
    #[arg(long, value_enum)]
    pub mode: Option<ModeArg>,
    /// The least retention from a version's creation, by the calendar: `90d`, `10y`.
    #[arg(long, value_name = "DURATION")]
    pub min_retention: Option<String>,
    /// Every version has to have a legal hold.
    #[arg(long)]
    pub require_hold: bool,
    /// The least severity of a finding (of the scan, and in an audit of the analysis) that fails the run.
    #[arg(long, value_enum, default_value = "medium")]
    pub fail_on: FailOn,
    /// How many look-ups of the scan are under way at once.
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub scan_concurrency: u16,
}

/// A severity on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// Everything.
    Info,
    /// Low and above.
    Low,
    /// Medium and above.
    Medium,
    /// High and above.
    High,
    /// Critical only.
    Critical,
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
    /// Where metrics go.
    #[command(flatten)]
    pub metrics: MetricsArgs,
}

/// Arguments of `audit` and `attack`.
#[derive(Debug, Clone, Args)]
pub struct AuditArgs {
    /// What is audited.
    #[command(flatten)]
    pub target: TargetArgs,
    /// Which attacks.
    #[command(flatten)]
    pub attack: AttackArgs,
    /// The profile.
    #[command(flatten)]
    pub profile: ProfileArgs,
    /// Identity policies of the application and of others (JSON), judged with what is read from the bucket.
    #[arg(long, value_name = "FILE", num_args = 1.., help_heading = "Profile")]
    pub policy: Vec<PathBuf>,
    /// What every version has to have.
    #[command(flatten)]
    pub requirement: RequirementArgs,
    /// Further evidence.
    #[command(flatten)]
    pub evidence: EvidenceArgs,
    /// Read the trail of the record with this id, by the profile's trail keys (repeatable).
    #[arg(long, value_name = "ID", help_heading = "Evidence")]
    pub trail: Vec<String>,
    /// Where the evidence goes.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Arguments of `scan`.
#[derive(Debug, Clone, Args)]
pub struct ScanArgs {
    /// What is audited.
    #[command(flatten)]
    pub target: TargetArgs,
    /// The profile.
    #[command(flatten)]
    pub profile: ProfileArgs,
    /// What is required.
    #[command(flatten)]
    pub requirement: RequirementArgs,
    /// Look at exactly this key (s3://BUCKET/KEY) and its current version: the gate after an upload.
    #[arg(long, requires = "location")]
    pub exact: bool,
    /// Further evidence.
    #[command(flatten)]
    pub evidence: EvidenceArgs,
    /// Where the evidence goes.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Arguments of `plan`.
#[derive(Debug, Clone, Args)]
pub struct PlanArgs {
    /// What would be audited.
    #[command(flatten)]
    pub target: TargetArgs,
    /// Which attacks.
    #[command(flatten)]
    pub attack: AttackArgs,
    /// The profile.
    #[command(flatten)]
    pub profile: ProfileArgs,
    /// What every version has to have; the requests do not hang on it.
    #[command(flatten)]
    pub requirement: RequirementArgs,
    /// Further evidence; the files are not read.
    #[command(flatten)]
    pub evidence: EvidenceArgs,
    /// How.
    #[arg(long, value_enum, default_value = "table")]
    pub format: ListFormat,
    /// Print only the least-privilege IAM policy of this role (JSON).
    #[arg(long, value_name = "ROLE", conflicts_with = "format")]
    pub policy: Option<String>,
}

/// Arguments of `cleanup`.
#[derive(Debug, Clone, Args)]
pub struct CleanupArgs {
    /// Where to look.
    #[command(flatten)]
    pub target: TargetArgs,
    /// The journal of a run (DIR/journal.jsonl) or its output directory: only what this run left, in the audited bucket and in
    /// buckets that it made. Without it the store itself is searched for every run on this bucket and prefix.
    #[arg(long, value_name = "PATH")]
    pub journal: Option<PathBuf>,
    /// Only what this run left.
    #[arg(long, value_name = "RUN-ID")]
    pub run: Option<String>,
    /// Where canaries lie [default: PREFIX/.wormproof/].
    #[arg(long, value_name = "PREFIX")]
    pub canary_prefix: Option<String>,
    /// Wait until the last retention has ended, and until runs that are under way are over.
    #[arg(long)]
    pub wait: bool,
    /// Also clean up after runs that may be under way (otherwise left alone until 10 minutes after their last sign of life). A
    /// run that really is under way loses its canaries and reports false failures.
    #[arg(long)]
    pub even_under_way: bool,
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
    /// Which behaviour is tested by which scenario, and why some by none (Markdown, `docs/coverage.md`).
    Coverage,
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
    /// The output directory of a run, a results.json, or a signed PDF.
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
    /// The PDF, unsigned unless --key is given.
    Pdf,
    /// Metrics for Prometheus (text exposition format).
    Prometheus,
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
    /// Sign the PDF with this key.
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub key: Option<PathBuf>,
    /// The key's certificate.
    #[arg(long, value_name = "FILE", requires = "key")]
    pub cert: Option<PathBuf>,
    /// Render a record that does not verify, or that other rules judged; it is not signed.
    #[arg(long, conflicts_with = "key")]
    pub unverified: bool,
    /// Print the JSON Schema of the record instead.
    #[arg(long, conflicts_with = "path")]
    pub schema: bool,
    /// Labels of the metrics.
    #[command(flatten)]
    pub labels: LabelArgs,
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

/// A rate: above nought.
fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate.is_finite() && rate > 0.0 => Ok(rate),
        _ => Err("a number above 0 is needed".to_owned()),
    }
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
