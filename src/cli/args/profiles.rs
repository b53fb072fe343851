//! The arguments of `profiles`. The doc comments are the help texts.

use std::path::PathBuf;

use clap::Subcommand;

use crate::cli::args::ListFormat;

/// The `profiles` commands.
#[derive(Debug, Subcommand)]
pub enum ProfilesCommand {
    /// List the built-in profiles.
    List {
        /// How.
        #[arg(long, value_enum, default_value = "table")]
        format: ListFormat,
    },
    /// Show one profile as it is written, with the dates until which something made today is owed.
    Show {
        /// Its name, or a profile file.
        #[arg(value_name = "NAME|FILE")]
        name: String,
        /// How.
        #[arg(long, value_enum, default_value = "table")]
        format: ListFormat,
    },
    /// Check profile files, without a network: the format, and whether all that they name exists.
    Check {
        /// A file, or a directory of profile files.
        #[arg(value_name = "FILE|DIR")]
        path: PathBuf,
        /// Add scenario files from this directory, for profiles that name them.
        #[arg(long, value_name = "DIR")]
        scenarios: Option<PathBuf>,
    },
}
