//! A pack, looked at by other people's tools: pdfsig, qpdf and openssl.

use std::path::Path;
use std::process::{Command, Output};

use super::running::not_run;
use super::wormproof;

fn tool(program: &str, args: &[&str]) -> Option<Output> {
    match Command::new(program).args(args).output() {
        Ok(output) => Some(output),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            not_run(&format!("the pack by {program}"), program);
            None
        }
        Err(error) => panic!("{program}: {error}"),
    }
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Signatures hold, nothing stands outside them, the evidence gives the same verdicts; and a changed bit is seen.
pub(super) fn holds(dir: &Path) {
    let path = |name: &str| dir.join(name).to_str().expect("a path").to_owned();
    let verified = wormproof(&["verify", dir.to_str().expect("a path")], &[]);
    assert_eq!(verified.status.code(), Some(0), "{}", text(&verified));

    let pdf = path("report.pdf");
    if let Some(seen) = tool("pdfsig", &[&pdf]) {
        let seen = text(&seen);
        assert!(seen.contains("Signature Validation: Signature is Valid."), "{seen}");
        assert!(seen.contains("Total document signed"), "{seen}");
        let mut bytes = std::fs::read(&pdf).expect("report.pdf");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        let changed = path("changed.pdf");
        std::fs::write(&changed, &bytes).expect("written");
        if let Some(seen) = tool("pdfsig", &[&changed]) {
            assert!(!text(&seen).contains("Signature is Valid."), "{}", text(&seen));
        }
        std::fs::remove_file(&changed).expect("removed");
    }
    if let Some(seen) = tool("qpdf", &["--check", &pdf]) {
        let words = text(&seen);
        assert!(seen.status.success() && !words.contains("WARNING"), "{words}");
        assert!(words.contains("No syntax or stream encoding errors found"), "{words}");
    }
    let key = path("public.pem");
    if let Some(made) =
        tool("openssl", &["x509", "-in", &path("cert.pem"), "-pubkey", "-noout", "-out", &key])
    {
        assert!(made.status.success(), "{}", text(&made));
        let (signature, results) = (path("results.json.sig"), path("results.json"));
        let check = ["dgst", "-sha256", "-verify", &key, "-signature", &signature, &results];
        let seen = tool("openssl", &check).expect("openssl");
        assert!(seen.status.success() && text(&seen).contains("Verified OK"), "{}", text(&seen));
        std::fs::remove_file(&key).expect("removed");
    }
}
