//! Arguments of the commands that read something and sign what they saw.

use std::path::PathBuf;

use clap::Args;

use crate::cli::args::metrics::MetricsArgs;
use crate::cli::args::{ListFormat, OutputArgs, StdoutFormat};
use crate::cli::filing::EvidenceArgs;

/// Where the evidence of a reading goes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Output")]
pub struct PackArgs {
    /// Directory for results.json, its signature, report.pdf, junit.xml and the certificate [default: reports/RUN-ID].
    #[arg(long, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// What stdout shows: tables, or the result as JSON.
    #[arg(long, value_enum, default_value = "table")]
    pub format: ListFormat,
    /// The signer's P-256 key (PKCS#8 PEM); without one a key is made for this run alone.
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub key: Option<PathBuf>,
    /// The signer's certificate (PEM).
    #[arg(long, value_name = "FILE", requires = "key")]
    pub cert: Option<PathBuf>,
    /// File this document beside the evidence; the record binds its digest (repeatable).
    #[arg(long, value_name = "FILE")]
    pub attach: Vec<PathBuf>,
}

impl PackArgs {
    /// As the commands with a whole record take it.
    pub(in crate::cli) fn output(&self) -> OutputArgs {
        OutputArgs {
            output: self.output.clone(),
            format: StdoutFormat::Table,
            key: self.key.clone(),
            cert: self.cert.clone(),
            metrics: MetricsArgs::default(),
        }
    }

    /// What is filed beside.
    pub(in crate::cli) fn evidence(&self) -> EvidenceArgs {
        EvidenceArgs { attach: self.attach.clone(), ..EvidenceArgs::default() }
    }
}
