//! `scenarios`, `keygen` and `serve`.

use std::io::Write as _;
use std::path::Path;

use crate::cli::args::{KeygenArgs, ListFormat, ScenariosCommand, ServeArgs};
use crate::cli::setup::words;
use crate::cli::{Failure, note, out, out_text};
use crate::scenario::suite::{SuiteError, read_path};
use crate::scenario::{Coverage, Scenario, Suite};
use crate::server::{Config, Defect, Server};
use crate::sign::Identity;
use crate::time::{Clock, Span};

/// A suite error, with every mistake drawn.
pub(super) fn suite_failure(error: &SuiteError) -> Failure {
    if let SuiteError::Mistakes(mistakes) = error {
        for mistake in mistakes {
            note(&format!("{mistake}\n"));
        }
    }
    Failure { message: error.to_string(), hint: error.hint().map(ToOwned::to_owned), code: 2 }
}

fn row(scenario: &Scenario) -> serde_json::Value {
    serde_json::json!({
        "id": scenario.id, "title": scenario.title, "group": scenario.group,
        "severity": scenario.severity, "reach": scenario.reach, "safety": scenario.safety,
        "controls": scenario.controls, "covers": scenario.covers, "digest": scenario.digest,
    })
}

fn json(value: &serde_json::Value) -> Vec<u8> {
    let mut text = serde_json::to_vec_pretty(value).unwrap_or_default();
    text.push(b'\n');
    text
}

/// The catalogue.
pub(super) fn scenarios(command: &ScenariosCommand) -> Result<u8, Failure> {
    let suite = Suite::builtin().map_err(|e| suite_failure(&e))?;
    match command {
        ScenariosCommand::List { format, scenarios } => {
            let suite = match scenarios {
                Some(dir) => suite.with(dir, &[]).map_err(|e| suite_failure(&e))?,
                None => suite,
            };
            match format {
                ListFormat::Json => out(&json(&suite.scenarios.iter().map(row).collect()))?,
                ListFormat::Table => {
                    for s in &suite.scenarios {
                        out_text(&format!(
                            "{:<10} {:<8} {:<7} {}\n",
                            s.id,
                            s.severity.word(),
                            s.reach.word(),
                            s.title
                        ))?;
                    }
                }
            }
        }
        ScenariosCommand::Show { id, format } => {
            let scenario = suite.get(id).ok_or_else(|| {
                Failure::usage(
                    format!("there is no scenario `{id}`"),
                    "`wormproof scenarios list` names them all",
                )
            })?;
            match format {
                ListFormat::Json => out(&json(&row(scenario)))?,
                ListFormat::Table => out(format!("{}\n", scenario.source).as_bytes())?,
            }
        }
        ScenariosCommand::Coverage => {
            let coverage = Coverage::of(&suite).map_err(|e| Failure::usage(&e, e.hint()))?;
            out(coverage.markdown().as_bytes())?;
        }
        ScenariosCommand::Check { path } => {
            let found = read_path(path, &suite.controls).map_err(|e| suite_failure(&e))?;
            note(&format!("{} scenarios, no mistakes", found.len()));
        }
    }
    Ok(0)
}

/// Writes a file that must not be there yet; a secret only its owner may read.
pub(super) fn write_new(path: &Path, bytes: &[u8], secret: bool) -> Result<(), Failure> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(if secret { 0o600 } else { 0o644 });
    }
    let fail = |e: std::io::Error| {
        Failure::new(
            format!("cannot write {}: {}", path.display(), words(&e)),
            Some("the directory has to be writable and have room, and existing files are not overwritten"),
        )
    };
    let mut file = options.open(path).map_err(fail)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(|e| {
        // Half a file is worse than none.
        let _ = std::fs::remove_file(path);
        fail(e)
    })
}

/// Makes key and certificate.
pub(super) fn keygen(args: &KeygenArgs) -> Result<u8, Failure> {
    let now = Clock::Real.now();
    let span = Span::parse(&args.valid).map_err(|e| Failure::usage(&e, e.hint()))?;
    let identity =
        Identity::generate(&args.name, now, span.after(now) - now).map_err(|e| Failure::new(&e, e.hint()))?;
    std::fs::create_dir_all(&args.output)
        .map_err(|e| Failure::new(format!("cannot make {}: {e}", args.output.display()), None::<String>))?;
    write_new(&args.output.join("key.pem"), identity.key_pem().as_bytes(), true)?;
    write_new(&args.output.join("cert.pem"), identity.certificate_pem().as_bytes(), false)?;
    note(&format!(
        "key.pem and cert.pem are in {}; fingerprint {}",
        args.output.display(),
        identity.fingerprint()
    ));
    Ok(0)
}

/// The defects of these names.
pub(super) fn defects(names: &[String]) -> Result<Vec<Defect>, Failure> {
    names
        .iter()
        .map(|name| {
            Defect::parse(name).ok_or_else(|| {
                Failure::usage(
                    format!("there is no defect `{name}`"),
                    "`wormproof serve --list-defects` names them all",
                )
            })
        })
        .collect()
}

/// The embedded server in the foreground.
pub(super) async fn serve(args: &ServeArgs) -> Result<u8, Failure> {
    if args.list_defects {
        for info in Defect::all() {
            out(format!("{:<36} {}\n", info.name, info.summary).as_bytes())?;
        }
        return Ok(0);
    }
    let random = || hex::encode(rand::random::<[u8; 16]>());
    let access_key = args.access_key.clone().unwrap_or_else(|| "wormproof".to_owned());
    let secret_key = args.secret_key.clone().unwrap_or_else(random);
    let server = Server::new(Config {
        access_key: access_key.clone(),
        secret_key: secret_key.clone(),
        region: "us-east-1".to_owned(),
        clock: Clock::Real,
        defects: defects(&args.defect)?,
    });
    #[expect(clippy::disallowed_methods, reason = "the listener is the server's; it is only bound here")]
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", args.port)).await.map_err(|e| {
        Failure::new(format!("cannot listen on port {}: {e}", args.port), Some("--port 0 takes a free one"))
    })?;
    let address = listener.local_addr().map_err(|e| Failure::new(e, None::<String>))?;
    note(&format!("listening on http://{address}"));
    if args.secret_key.is_none() {
        note(&format!("access key {access_key}, secret key {secret_key}"));
    }
    server
        .serve(listener, crate::target::interrupted())
        .await
        .map_err(|e| Failure::new(format!("the server stopped: {e}"), None::<String>))?;
    Ok(0)
}
