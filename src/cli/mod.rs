//! The command line: one file a command; the only place where the parts are wired together.

mod analyse;
pub mod args;
mod assemble;
mod audit;
mod cleanup;
mod demo;
mod event_log;
mod evidence;
pub mod filing;
mod harden;
mod metrics;
mod output;
mod pack;
mod plan;
mod planned_reads;
pub mod profile;
mod profiles;
mod progress;
mod qualify;
mod release;
mod scan;
mod setup;
mod small;
mod trail;

use std::io::Write as _;

use crate::report::text::harmless;
use args::{Cli, Command};
use setup::Setup;

/// What ends a command early: said as `error:`, `caused by:`, `hint:`.
#[derive(Debug)]
pub struct Failure {
    /// What went wrong.
    pub message: String,
    /// What the user may do.
    pub hint: Option<String>,
    /// The exit code.
    pub code: u8,
}

impl Failure {
    /// A failure of the surroundings: exit code 3.
    fn new(error: impl std::fmt::Display, hint: Option<impl Into<String>>) -> Self {
        Self { message: error.to_string(), hint: hint.map(Into::into), code: 3 }
    }

    /// A mistake in the command line or in a file that it names: exit code 2.
    fn usage<'h>(error: impl std::fmt::Display, hint: impl Into<Option<&'h str>>) -> Self {
        Self { message: error.to_string(), hint: hint.into().map(ToOwned::to_owned), code: 2 }
    }
}

/// Runs a command and gives its exit code.
pub fn run(cli: Cli) -> u8 {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return say(&Failure::new(error, None::<String>)),
    };
    let quiet = cli.quiet;
    let setup = || Setup::read(cli.config.as_deref(), quiet);
    let result = match cli.command {
        Command::Audit(args) => metrics::check(&args.output.metrics)
            .and_then(|()| setup())
            .and_then(|s| runtime.block_on(audit::audit(&args, &s, true))),
        Command::Attack(args) => metrics::check(&args.output.metrics)
            .and_then(|()| setup())
            .and_then(|s| runtime.block_on(audit::audit(&args, &s, false))),
        Command::Scan(args) => metrics::check(&args.output.metrics)
            .and_then(|()| setup())
            .and_then(|s| runtime.block_on(scan::scan(&args, &s))),
        Command::Analyse(args) => setup().and_then(|s| runtime.block_on(analyse::analyse(&args, &s))),
        Command::EventLog(args) => setup().and_then(|s| runtime.block_on(event_log::event_log(&args, &s))),
        Command::Trail(args) => setup().and_then(|s| runtime.block_on(trail::trail(&args, &s))),
        Command::Harden(args) => setup().and_then(|s| harden::harden(&args, &s)),
        Command::Plan(args) => setup().and_then(|s| runtime.block_on(plan::plan(&args, &s))),
        Command::Cleanup(args) => setup().and_then(|s| runtime.block_on(cleanup::cleanup(&args, &s))),
        Command::Scenarios(command) => small::scenarios(&command),
        Command::Profiles(command) => profiles::profiles(&command),
        Command::Verify(args) => evidence::verify(&args),
        Command::Report(args) => evidence::report(&args),
        Command::Keygen(args) => small::keygen(&args),
        Command::Qualify(args) => qualify::qualify(&args, quiet),
        Command::Serve(args) => runtime.block_on(small::serve(&args)),
    };
    result.unwrap_or_else(|failure| say(&failure))
}

fn say(failure: &Failure) -> u8 {
    note(&format!("error: {}", failure.message));
    if let Some(hint) = &failure.hint {
        note(&format!("hint: {hint}"));
    }
    failure.code
}

/// A line on stderr. Words of a server or of a file cannot steer the terminal.
fn note(text: &str) {
    // Nobody is left to be told when stderr is gone.
    let _ = writeln!(std::io::stderr(), "{}", harmless(text));
}

/// Text for people on stdout.
fn out_text(text: &str) -> Result<(), Failure> {
    out(harmless(text).as_bytes())
}

/// Data on stdout.
fn out(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(|e| {
        Failure::new(
            format!("cannot write to stdout: {}", setup::words(&e)),
            Some("is the other end of the pipe still there?"),
        )
    })
}
