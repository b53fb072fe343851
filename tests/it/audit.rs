//! The whole audit through the binary: on the embedded server and on seeded defects.

use std::path::Path;
use std::process::Output;

use assert_cmd::Command;

fn wormproof(args: &[&str]) -> Output {
    let mut command = Command::cargo_bin("wormproof").expect("the binary");
    command.env_remove("MINIO_ENDPOINT").env_remove("MINIO_ACCESS_KEY").env_remove("MINIO_SECRET_KEY");
    command.args(args).output().expect("it runs")
}

fn record(dir: &Path) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(dir.join("results.json")).expect("results.json")).expect("json")
}

fn verdicts(record: &serde_json::Value, verdict: &str) -> Vec<String> {
    let all = record["scenarios"].as_array().expect("scenarios");
    let of = all.iter().filter(|s| s["verdict"] == verdict);
    of.map(|s| s["id"].as_str().expect("an id").to_owned()).collect()
}

#[test]
fn the_embedded_server_holds_and_its_evidence_verifies_until_a_bit_is_changed() {
    let dir = tempfile::tempdir().expect("a directory");
    let out = dir.path().join("out");
    let path = out.to_str().expect("a path");
    let run = wormproof(&["audit", "--quiet", "--challenge", "nonce-4711", "--output", path]);
    assert_eq!(run.status.code(), Some(0), "{}", String::from_utf8_lossy(&run.stdout));
    let record = record(&out);
    assert!(verdicts(&record, "pass").len() >= 100, "{}", record["summary"]);
    assert_eq!(verdicts(&record, "fail"), Vec::<String>::new());
    assert_eq!(record["operator"]["challenge"], "nonce-4711");
    // The demonstration bucket lacks a few things of little weight, and they are said.
    let analysis = &record["analysis"];
    assert_eq!(analysis["answers"].as_array().map(Vec::len), Some(11));
    let found: Vec<&str> = analysis["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .filter_map(|f| f["severity"].as_str())
        .collect();
    assert!(!found.is_empty() && found.iter().all(|s| ["low", "info"].contains(s)), "{found:?}");
    let junit = std::fs::read_to_string(out.join("junit.xml")).expect("junit.xml");
    assert!(junit.contains("<testsuite name=\"analysis\"") && !junit.contains("<failure"));

    assert_eq!(wormproof(&["verify", path]).status.code(), Some(0));
    let results = out.join("results.json");
    let good = std::fs::read(&results).expect("results");
    let mut bad = good.clone();
    let middle = bad.len() / 2;
    bad[middle] ^= 1;
    std::fs::write(&results, &bad).expect("written");
    assert_eq!(wormproof(&["verify", path]).status.code(), Some(5));
    std::fs::write(&results, &good).expect("written");
    let pdf = out.join("report.pdf");
    let mut bytes = std::fs::read(&pdf).expect("report.pdf");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&pdf, &bytes).expect("written");
    assert_eq!(wormproof(&["verify", path]).status.code(), Some(5));
}

#[test]
fn a_server_that_deletes_or_replaces_what_is_locked_fails() {
    let dir = tempfile::tempdir().expect("a directory");
    for defect in ["refuses-and-deletes", "accepts-and-keeps", "compliance-bypass", "if-none-match-ignored"] {
        let out = dir.path().join(defect);
        let path = out.to_str().expect("a path");
        let run = wormproof(&["audit", "--quiet", "--defect", defect, "--output", path]);
        let failed = verdicts(&record(&out), "fail");
        assert_eq!(run.status.code(), Some(1), "{defect}");
        assert!(!failed.is_empty(), "{defect} is caught by nothing");
    }
}

#[test]
fn a_server_that_refuses_everything_passes_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    for defect in ["refuses-all", "fails-all"] {
        let out = dir.path().join(defect);
        let run =
            wormproof(&["audit", "--quiet", "--defect", defect, "--output", out.to_str().expect("a path")]);
        assert_ne!(run.status.code(), Some(0), "{defect}");
    }
}

#[test]
fn a_report_of_another_run_by_the_same_signer_does_not_verify() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = |name: &str| dir.path().join(name).to_str().expect("a path").to_owned();
    assert_eq!(wormproof(&["keygen", "--output", &path("key")]).status.code(), Some(0));
    let (key, cert) = (path("key/key.pem"), path("key/cert.pem"));
    for run in ["one", "two"] {
        let signed = ["--key", &key, "--cert", &cert, "--output", &path(run)];
        let args = [&["audit", "--quiet", "--only", "WORM-101"], &signed[..]].concat();
        assert_eq!(wormproof(&args).status.code(), Some(0));
    }
    let verified = wormproof(&["verify", &path("one")]);
    let said = String::from_utf8_lossy(&verified.stderr).into_owned();
    assert_eq!(verified.status.code(), Some(0), "{said}");
    assert!(said.contains("the same byte for byte"), "{said}");

    std::fs::copy(path("two/report.pdf"), path("one/report.pdf")).expect("copied");
    let verified = wormproof(&["verify", &path("one")]);
    let said = String::from_utf8_lossy(&verified.stderr).into_owned();
    assert_eq!(verified.status.code(), Some(5), "{said}");
    assert!(said.contains("made from another record"), "{said}");
}
