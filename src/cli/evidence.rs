//! `verify` and `report`: both read a record that was written before.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::cli::args::{ReportArgs, ReportFormat, VerifyArgs};
use crate::cli::setup::{signer, words};
use crate::cli::small::write_new;
use crate::cli::{Failure, filing, note, out, output};
use crate::config::Environment;
use crate::record::rejudge::rejudge;
use crate::record::{Previous, Record};
use crate::report::{self, Format, Options};
use crate::sign::{Signer, verify_detached, verify_pdf};

pub(super) fn results(path: &Path) -> PathBuf {
    if path.is_dir() { path.join("results.json") } else { path.to_owned() }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|e| {
        Failure::usage(
            format!("cannot read {}: {}", path.display(), words(&e)),
            "name the output directory of a run, or its results.json",
        )
    })
}

/// A file that belongs to the record: without it nothing is verified.
fn beside(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|e| {
        broken(
            format!("cannot read {}: {}", path.display(), words(&e)),
            Some("results.json.sig and cert.pem of the run have to stand beside results.json"),
        )
    })
}

fn broken(message: impl std::fmt::Display, hint: Option<&str>) -> Failure {
    Failure { message: message.to_string(), hint: hint.map(ToOwned::to_owned), code: 5 }
}

pub(super) fn parse(bytes: &[u8]) -> Result<Record, Failure> {
    serde_json::from_slice(bytes).map_err(|e| {
        broken(format!("not a record of this version: {e}"), Some("name a results.json that wormproof wrote"))
    })
}

/// Who signed these results by the certificate that stands beside them; with the signature.
fn signed(path: &Path, bytes: &[u8]) -> Result<(Signer, Vec<u8>), Failure> {
    let certificate = beside(&path.with_file_name("cert.pem"))?;
    let signature = beside(&path.with_file_name("results.json.sig"))?;
    let signer = verify_detached(&String::from_utf8_lossy(&certificate), bytes, &signature)
        .map_err(|e| broken(&e, e.hint()))?;
    Ok((signer, signature))
}

/// The run before (`--previous`): its digest, and whether its signature holds. Its evidence is not judged again.
pub(super) fn previous(path: &Path) -> Result<Previous, Failure> {
    let path = results(path);
    let usage = |f: Failure| Failure { message: format!("--previous: {}", f.message), code: 2, ..f };
    let bytes = read(&path).map_err(usage)?;
    let record = parse(&bytes).map_err(usage)?;
    let (signer, unverified) = match signed(&path, &bytes) {
        Ok((signer, _)) if signer.fingerprint == record.signer.fingerprint => (Some(record.signer), None),
        Ok(_) => (None, Some("the record names another signer than the one who signed it".to_owned())),
        Err(failure) => (None, Some(failure.message)),
    };
    Ok(Previous {
        results_sha256: hex::encode(Sha256::digest(&bytes)),
        run_id: record.run_id,
        finished: record.times.finished,
        endpoint: record.target.endpoint,
        bucket: record.target.bucket,
        prefix: record.target.prefix,
        profile: record.profile.map(|p| p.name),
        exit_code: record.outcome.exit_code,
        signer,
        unverified,
    })
}

/// Signature, digests, chain, and the evidence judged again. Exit code 5 if anything does not hold.
pub(super) fn verify(args: &VerifyArgs) -> Result<u8, Failure> {
    let path = results(&args.path);
    let signature_alone = !path.exists() && path.with_file_name("results.json.sig").exists();
    if signature_alone {
        return Err(broken(
            format!("cannot read {}: there is its signature, and no record", path.display()),
            Some("evidence was taken away: get the whole directory again from where it was filed"),
        ));
    }
    let bytes = read(&path)?;
    if bytes.starts_with(b"%PDF-") {
        return pdf_alone(&bytes, args.cert.as_deref());
    }
    let (signer, signature) = signed(&path, &bytes)?;
    let record = parse(&bytes)?;
    if record.signer.fingerprint != signer.fingerprint {
        return Err(broken("the record names another signer than the one who signed it", None));
    }
    let pdf = path.with_file_name("report.pdf");
    if pdf.is_file() {
        let signed = verify_pdf(&read(&pdf)?).map_err(|e| broken(format!("report.pdf: {e}"), e.hint()))?;
        if signed.signer.fingerprint != signer.fingerprint {
            return Err(broken("report.pdf is signed by another signer than results.json", None));
        }
        note(&format!(
            "report.pdf: signed whole, by the same signer; {}",
            same_record(&read(&pdf)?, &record, &bytes)?
        ));
    } else {
        note("report.pdf: not there, so not checked; `wormproof report DIR --format pdf` makes it again");
    }
    note(&same_junit(&path.with_file_name("junit.xml"), &record)?);
    let mut wrong = rejudge(&record);
    wrong.extend(filing::check(&record.attachments, path.parent().unwrap_or(Path::new(""))));
    if !wrong.is_empty() {
        return Err(broken(wrong.join("\n  "), None));
    }
    note(&format!("signature: holds; signed by {} (certificate {})", signer.subject, signer.fingerprint));
    match &args.cert {
        Some(path) => {
            let expected = std::fs::read(path).map_err(|e| {
                Failure::usage(
                    format!("cannot read {}: {}", path.display(), words(&e)),
                    "--cert names the signer's certificate (PEM)",
                )
            })?;
            let expected = String::from_utf8_lossy(&expected);
            let known = verify_detached(&expected, &bytes, &signature).map_err(|e| {
                broken(format!("the signer is not the one of {}: {e}", path.display()), e.hint())
            })?;
            note(&format!("signer: the one of {}", known.subject));
        }
        None if record.signer.ephemeral => {
            note("signer: unknown (a key made for this run alone: it proves integrity, not who signed)");
        }
        None => note("signer: unknown (name the expected certificate with --cert)"),
    }
    note(&format!(
        "evidence: {} events in an unbroken chain; {} scenarios judged again with the same verdicts",
        record.events.len(),
        record.scenarios.len()
    ));
    if !record.trails.is_empty() {
        note(&format!("trails: {}, said again from their entries", record.trails.len()));
    }
    if let Some(before) = &record.previous {
        note(&format!("names the run before it: {} (SHA-256 {})", before.run_id, before.results_sha256));
    }
    if !record.attachments.is_empty() {
        note(&format!("attachments: {} documents, unchanged", record.attachments.len()));
    }
    Ok(0)
}

/// Whether a report says what this record says: it is laid out again and compared byte for byte (a signature is
/// appended to those bytes). Another version may lay out otherwise; then the digest that the report names decides.
fn same_record(pdf: &[u8], record: &Record, results: &[u8]) -> Result<&'static str, Failure> {
    let digest = hex::encode(Sha256::digest(results));
    let again = report::pdf::pdf(record, &digest).map_err(|e| Failure::new(e, None::<String>))?;
    if pdf.starts_with(&again) {
        return Ok("made from this results.json: laid out again, it is the same byte for byte");
    }
    match report::pdf::made_from(pdf) {
        Some(named) if named == digest => {
            Ok("it names this results.json; it was laid out by another version, so \
                                              its text was not compared")
        }
        _ => Err(broken(
            "report.pdf was made from another record than this results.json",
            Some("`wormproof report DIR --format pdf` makes it again from the record"),
        )),
    }
}

/// Whether junit.xml, which no signature covers, is what this record gives. Another version may write it otherwise.
fn same_junit(path: &Path, record: &Record) -> Result<String, Failure> {
    if !path.is_file() {
        return Ok(
            "junit.xml: not there, so not checked; `wormproof report DIR --format junit` makes it again"
                .to_owned(),
        );
    }
    let again = output::render(record, Format::Junit, &Options::default())?;
    if read(path)? == again {
        return Ok("junit.xml: made from this results.json".to_owned());
    }
    let own = (env!("CARGO_PKG_VERSION"), env!("WORMPROOF_COMMIT"));
    if (record.tool.version.as_str(), record.tool.commit.as_str()) == own {
        return Err(broken(
            "junit.xml is not what this results.json gives",
            Some("`wormproof report DIR --format junit` makes it again from the record"),
        ));
    }
    Ok("junit.xml: written by another version, so not compared; no signature covers it".to_owned())
}

/// Whether a record may be rendered: signed as it stands (where its signature is beside it), and judged again with the
/// same verdicts. Without this a report would lend its face, and a new signature, to any text.
fn trusted(path: &Path, bytes: &[u8], record: &Record) -> Result<(), Failure> {
    let hint =
        Some("`wormproof verify` says more; `--unverified` renders it all the same, and never signs it");
    let signature = path.with_file_name("results.json.sig");
    if signature.is_file() {
        let certificate = String::from_utf8_lossy(&beside(&path.with_file_name("cert.pem"))?).into_owned();
        let signer = verify_detached(&certificate, bytes, &beside(&signature)?)
            .map_err(|e| broken(format!("the record is not the one that was signed: {e}"), hint))?;
        if record.signer.fingerprint != signer.fingerprint {
            return Err(broken("the record names another signer than the one who signed it", hint));
        }
    } else {
        note("the record's signature is not beside it: only its evidence was judged again");
    }
    let wrong = rejudge(record);
    if wrong.is_empty() { Ok(()) } else { Err(broken(wrong.join("\n  "), hint)) }
}

/// A signed PDF without its record: integrity and signer, and nothing about the evidence.
fn pdf_alone(bytes: &[u8], cert: Option<&Path>) -> Result<u8, Failure> {
    let signed = verify_pdf(bytes).map_err(|e| broken(&e, e.hint()))?;
    let signer = &signed.signer;
    note(&format!("signature: holds; signed by {} (certificate {})", signer.subject, signer.fingerprint));
    match cert {
        None => note("signer: unknown (name the expected certificate with --cert)"),
        Some(path) => {
            let expected = std::fs::read_to_string(path).map_err(|e| {
                Failure::usage(
                    format!("cannot read {}: {}", path.display(), words(&e)),
                    "--cert names the signer's certificate (PEM)",
                )
            })?;
            // The first certificate, however its lines are broken.
            let first = |pem: &str| -> Option<String> {
                let (_, rest) = pem.split_once("-----BEGIN CERTIFICATE-----")?;
                let (body, _) = rest.split_once("-----END CERTIFICATE-----")?;
                Some(body.split_whitespace().collect())
            };
            if first(&expected).is_none() || first(&expected) != first(&signer.certificate_pem) {
                return Err(broken(format!("the signer is not the one of {}", path.display()), None));
            }
            note(&format!("signer: the one of {}", path.display()));
        }
    }
    note("evidence: not judged again; `wormproof verify` of the whole output directory does that");
    Ok(0)
}

/// Any report again.
pub(super) fn report(args: &ReportArgs) -> Result<u8, Failure> {
    let bytes = if args.schema {
        report::schema().into_bytes()
    } else {
        let path = args.path.as_deref().map(results).unwrap_or_default();
        let results = read(&path)?;
        let record = parse(&results)?;
        if args.unverified {
            note("not verified: neither its signature nor its evidence was checked (--unverified)");
        } else {
            trusted(&path, &results, &record)?;
        }
        let digest = hex::encode(Sha256::digest(&results));
        let format = match args.format {
            ReportFormat::Table => Format::Table,
            ReportFormat::Json => Format::Json,
            ReportFormat::Junit => Format::Junit,
            ReportFormat::Pdf => Format::Pdf,
            ReportFormat::Prometheus => Format::Prometheus,
        };
        match (&args.key, &args.cert) {
            _ if format == Format::Prometheus => {
                report::metrics::exposition(&record, &args.labels.label, None).into_bytes()
            }
            (Some(key), Some(cert)) if format == Format::Pdf => {
                output::signed_pdf(&record, &digest, &signer(key, cert, &Environment::read())?)?
            }
            _ => {
                let environment = Environment::read();
                let options = Options {
                    width: output::columns(&environment),
                    colour: args.output.is_none() && std::io::stdout().is_terminal() && !environment.no_color,
                    results_sha256: Some(&digest),
                    written: None,
                };
                output::render(&record, format, &options)?
            }
        }
    };
    match &args.output {
        None if args.format == ReportFormat::Pdf && std::io::stdout().is_terminal() => {
            return Err(Failure::usage("a PDF is nothing for a terminal", "name a file with --output"));
        }
        None => out(&bytes)?,
        Some(path) => write_new(path, &bytes, false)?,
    }
    Ok(0)
}
