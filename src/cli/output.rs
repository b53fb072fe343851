//! The output directory and stdout.

use std::io::IsTerminal as _;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::cli::args::{OutputArgs, StdoutFormat};
use crate::cli::setup::Setup;
use crate::cli::small::write_new;
use crate::cli::{Failure, metrics, out};
use crate::config::Environment;
use crate::record::Record;
use crate::report::{self, Format, Options};
use crate::sign::{Identity, PdfSignature};

/// Renders one report.
pub(super) fn render(record: &Record, format: Format, options: &Options<'_>) -> Result<Vec<u8>, Failure> {
    report::render(record, format, options).map_err(|e| Failure::new(&e, e.hint()))
}

/// The signed PDF of a record whose `results.json` has this digest.
pub(super) fn signed_pdf(record: &Record, digest: &str, identity: &Identity) -> Result<Vec<u8>, Failure> {
    let options = Options { results_sha256: Some(digest), ..Options::default() };
    let pdf = render(record, Format::Pdf, &options)?;
    let signature = PdfSignature {
        name: &identity.subject(),
        reason: "Evidence of a WORM audit",
        at: record.times.finished,
    };
    identity.sign_pdf(&pdf, &signature).map_err(|e| Failure::new(&e, e.hint()))
}

/// Writes results.json, its signature, the certificate, junit.xml and report.pdf, in this order: what
/// cannot be made again comes first.
fn write(directory: &Path, record: &Record, identity: &Identity) -> Result<(), Failure> {
    let digest = write_evidence(directory, record, identity)?;
    let again = |mut failure: Failure| {
        failure.hint = Some(format!(
            "{} is whole: `wormproof report` makes the other files from it again",
            directory.join("results.json").display()
        ));
        failure
    };
    write_new(&directory.join("junit.xml"), &render(record, Format::Junit, &Options::default())?, false)
        .map_err(again)?;
    write_new(&directory.join("report.pdf"), &signed_pdf(record, &digest, identity)?, false).map_err(again)
}

/// What cannot be made again. Gives the SHA-256 of results.json.
fn write_evidence(directory: &Path, record: &Record, identity: &Identity) -> Result<String, Failure> {
    let results = render(record, Format::Json, &Options::default())?;
    write_new(&directory.join("results.json"), &results, false)?;
    write_new(&directory.join("results.json.sig"), &identity.sign_detached(&results), false)?;
    write_new(&directory.join("cert.pem"), identity.certificate_pem().as_bytes(), false)?;
    Ok(hex::encode(Sha256::digest(&results)))
}

/// Writes the files, shows the record, and gives the exit code. Where the directory takes no evidence any more (the
/// disk is full), the evidence goes to the directory for temporary files. A guarantee that failed outranks
/// a file that could not be written, or metrics that could not be pushed.
pub(super) async fn finish(
    args: &OutputArgs,
    ca_bundle: Option<&Path>,
    directory: &Path,
    record: &Record,
    identity: &Identity,
    setup: &Setup,
) -> Result<u8, Failure> {
    let written = file(directory, record, identity, setup);
    let shown = show(args, record, written.is_ok().then_some(directory), setup);
    // Who watches the metrics should miss a run whose evidence is not there.
    let told =
        if written.is_ok() { metrics::deliver(&args.metrics, record, ca_bundle).await } else { Ok(()) };
    ended(record, written.and(shown).and(told))
}

/// The exit code; a guarantee that failed outranks what could not be written.
pub(super) fn ended(record: &Record, written: Result<(), Failure>) -> Result<u8, Failure> {
    let code = record.outcome.exit_code;
    match written {
        Ok(()) => Ok(code),
        Err(failure) => Err(Failure { code: if code == 1 { 1 } else { failure.code }, ..failure }),
    }
}

/// Writes the files; where the directory takes no evidence any more, elsewhere.
pub(super) fn file(
    directory: &Path,
    record: &Record,
    identity: &Identity,
    setup: &Setup,
) -> Result<(), Failure> {
    write(directory, record, identity).map_err(|failure| {
        if directory.join("cert.pem").exists() {
            return failure;
        }
        // Half of the evidence is none.
        for name in ["results.json", "results.json.sig"] {
            let _ = std::fs::remove_file(directory.join(name));
        }
        rescue(failure, record, identity, setup)
    })
}

/// Keeps the evidence elsewhere, and says where.
fn rescue(failure: Failure, record: &Record, identity: &Identity, setup: &Setup) -> Failure {
    let elsewhere = setup.environment.temporary.join(format!("wormproof-{}", record.run_id));
    let kept =
        std::fs::create_dir(&elsewhere).is_ok() && write_evidence(&elsewhere, record, identity).is_ok();
    let hint = if kept {
        format!(
            "results.json, its signature and certificate are in {} instead; `wormproof report` makes the rest",
            elsewhere.display()
        )
    } else {
        "make room and run it again; with `--format json > FILE` the record also goes to stdout".to_owned()
    };
    Failure { hint: Some(hint), ..failure }
}

/// Columns of stdout: the terminal's, `COLUMNS`, or 100.
pub(super) fn columns(environment: &Environment) -> u16 {
    let terminal = terminal_size::terminal_size_of(std::io::stdout()).map(|(width, _)| width.0);
    environment.columns.or(terminal).unwrap_or(100)
}

/// Shows a record on stdout.
pub(super) fn show(
    args: &OutputArgs,
    record: &Record,
    written: Option<&Path>,
    setup: &Setup,
) -> Result<(), Failure> {
    let format = match args.format {
        StdoutFormat::Table => Format::Table,
        StdoutFormat::Json => Format::Json,
        StdoutFormat::Junit => Format::Junit,
    };
    let written = written.map(|path| path.display().to_string());
    let options = Options {
        width: columns(&setup.environment),
        colour: std::io::stdout().is_terminal() && !setup.environment.no_color,
        written: written.as_deref(),
        results_sha256: None,
    };
    out(&render(record, format, &options)?)
}
