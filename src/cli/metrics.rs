//! Metrics of a run: to a file, or to a Pushgateway.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::cli::args::metrics::MetricsArgs;
use crate::cli::setup::words;
use crate::cli::{Failure, note};
use crate::record::Record;
use crate::report::metrics::{common_labels, exposition, last_complete};
use crate::store::push::Gateway;

/// Where metrics go.
enum Sink {
    File(PathBuf),
    Push(Gateway),
}

fn sink(args: &MetricsArgs) -> Result<Option<Sink>, Failure> {
    let Some(text) = &args.metrics else { return Ok(None) };
    if text.contains("://") {
        return Gateway::parse(text).map(|g| Some(Sink::Push(g))).map_err(|e| Failure::usage(&e, e.hint()));
    }
    let path = PathBuf::from(text);
    if path.file_name().is_none() || path.is_dir() {
        return Err(Failure::usage(
            format!("--metrics names no file: {}", path.display()),
            "name a file that ends in .prom, in the directory of the textfile collector",
        ));
    }
    Ok(Some(Sink::File(path)))
}

/// Whether metrics could be delivered at all; asked before anything is done.
pub(super) fn check(args: &MetricsArgs) -> Result<(), Failure> {
    sink(args).map(|_| ())
}

/// Writes or pushes the metrics of a record.
pub(super) async fn deliver(
    args: &MetricsArgs,
    record: &Record,
    ca_bundle: Option<&Path>,
) -> Result<(), Failure> {
    let own = &args.labels.label;
    match sink(args)? {
        None => Ok(()),
        Some(Sink::File(path)) => {
            if path.extension().is_none_or(|e| e != "prom") {
                note(
                    "the metrics' file does not end in .prom: the node exporter's collector will not read it",
                );
            }
            let before = std::fs::read_to_string(&path).unwrap_or_default();
            let earlier = last_complete(&before, &common_labels(record, own));
            replace(&path, exposition(record, own, earlier).as_bytes())
        }
        Some(Sink::Push(gateway)) => {
            let ca_bundle = ca_bundle.map(std::fs::read).transpose().map_err(|e| {
                Failure::new(
                    format!("cannot read the certificates to trust: {}", words(&e)),
                    Some("--ca-bundle names a file with PEM certificates"),
                )
            })?;
            let labels = common_labels(record, own);
            let text = exposition(record, own, None).into_bytes();
            gateway.push(&labels, text, ca_bundle).await.map_err(|e| Failure::new(&e, Some(e.hint())))
        }
    }
}

/// Replaces a file as a whole: who reads it sees the old one or the new one. The collector runs as another user, so
/// everybody may read it; its name while it is written does not end in `.prom`, which the collector would read.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let fail = |e: &std::io::Error| {
        Failure::new(
            format!("cannot write the metrics to {}: {}", path.display(), words(e)),
            Some(
                "the directory has to be there and writable; the evidence is written, and `wormproof report --format prometheus` makes the metrics again",
            ),
        )
    };
    let directory = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".wormproof-").suffix(".tmp");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(std::fs::Permissions::from_mode(0o644));
    }
    let mut file = builder.tempfile_in(directory).map_err(|e| fail(&e))?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(|e| fail(&e))?;
    file.persist(path).map_err(|e| fail(&e.error))?;
    Ok(())
}
