//! `wormproof`: parses, runs the command, turns the outcome into the exit code.

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    ExitCode::from(wormproof::cli::run(wormproof::cli::args::Cli::parse()))
}
