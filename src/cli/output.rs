//! The output directory and stdout.

use std::io::IsTerminal as _;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::cli::args::{OutputArgs, StdoutFormat};
use crate::cli::setup::Setup;
use crate::cli::small::write_new;
use crate::cli::{Failure, out};
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
pub(super) fn write(directory: &Path, record: &Record, identity: &Identity) -> Result<(), Failure> {
    let results = render(record, Format::Json, &Options::default())?;
    write_new(&directory.join("results.json"), &results, false)?;
    write_new(&directory.join("results.json.sig"), &identity.sign_detached(&results), false)?;
    write_new(&directory.join("cert.pem"), identity.certificate_pem().as_bytes(), false)?;
    write_new(&directory.join("junit.xml"), &render(record, Format::Junit, &Options::default())?, false)?;
    let digest = hex::encode(Sha256::digest(&results));
    write_new(&directory.join("report.pdf"), &signed_pdf(record, &digest, identity)?, false)
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
