//! The arguments of `qualify`. The doc comments are the help texts.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// How the qualification is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum QualifyFormat {
    /// For people.
    Table,
    /// The whole result.
    Json,
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
    /// Also write for each defect scenarios that catch it, every scenario at least once (TOML); the tests run these.
    #[arg(long, value_name = "FILE")]
    pub pairs: Option<PathBuf>,
    /// How many threads work [default: one a core].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: Option<u16>,
    /// Also switch on so many pairs of defects, chosen by --seed: a second defect must not hide the first; 0 for none.
    #[arg(long, value_name = "N", default_value_t = 300)]
    pub together: u16,
    /// The seed of the sample of pairs.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Also run where a scenario does not make the server reach the defect (the verdicts are the same).
    #[arg(long)]
    pub exhaustive: bool,
}
