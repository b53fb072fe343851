//! `wormproof analyse` as a user runs it.

use assert_cmd::Command;
use serde_json::Value;

fn wormproof(args: &[&str]) -> std::process::Output {
    let mut command = Command::cargo_bin("wormproof").expect("the binary");
    command.env_clear().current_dir(env!("CARGO_MANIFEST_DIR")).args(args).output().expect("an output")
}

fn document(name: &str) -> String {
    format!("fixtures/policies/documents/{name}")
}

#[test]
fn a_policy_file_is_judged_offline_and_the_exit_code_tells() {
    let (bucket, identity) = (document("invoices-bucket.json"), document("invoices-identity.json"));
    let output = wormproof(&["analyse", "--policy", &bucket, &identity, "--sends", "retention,hold"]);
    let text = String::from_utf8(output.stdout).expect("text");
    assert_eq!(output.status.code(), Some(1), "{text}");
    for word in
        ["upload-impossible", "deny-wrong-action", "dead-grant", "invoices-identity.json:15 statement 2"]
    {
        assert!(text.contains(word), "{word}: {text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    let output = wormproof(&["analyse", "--policy", &bucket, "--fail-on", "high"]);
    assert_eq!(output.status.code(), Some(0));
    let snapshots = document("snapshots-rights.json");
    assert_eq!(wormproof(&["analyse", "--policy", &snapshots]).status.code(), Some(0));
    assert_eq!(wormproof(&["analyse", "--policy", &snapshots, "--server", "minio"]).status.code(), Some(1));
}

#[test]
fn a_file_that_cannot_be_read_is_never_a_pass() {
    let (good, template) = (document("snapshots-rights.json"), document("evidence-identity.template.json"));
    for bad in [template.as_str(), "fixtures/policies/no-such-file.json"] {
        let output = wormproof(&["analyse", "--policy", &good, bad, "--format", "json"]);
        assert_eq!(output.status.code(), Some(2), "{bad}");
        let shown: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let first = &shown["findings"][0];
        assert_eq!(
            (first["rule"].as_str(), first["state"].as_str()),
            (Some("not-readable"), Some("not-assessed"))
        );
        assert_eq!(first["about"].as_str(), Some(bad));
        // The other file is judged all the same.
        assert!(shown["answers"].as_array().is_some_and(|a| !a.is_empty()));
        assert!(String::from_utf8_lossy(&output.stderr).contains("error: "));
    }
}

#[test]
fn a_buckets_configuration_is_read_and_judged() {
    let output = wormproof(&["analyse", "--target", "embedded", "--format", "json"]);
    let shown: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| {
        panic!("{e}: {}", String::from_utf8_lossy(&output.stderr));
    });
    assert_eq!(shown["server"].as_str(), Some("aws"));
    let questions = shown["answers"].as_array().expect("answers").len();
    assert_eq!(questions, 11);
    let bypass = &shown["answers"][0];
    assert_eq!(bypass["question"].as_str(), Some("bypass-governance"));
    assert!(bypass["not_assessed"].is_string());
    // The demonstration bucket is locked; what it lacks is of little weight.
    assert_eq!(output.status.code(), Some(0), "{shown:#}");
    let demanding = ["analyse", "--target", "embedded", "--min-retention", "100y"];
    assert_eq!(wormproof(&demanding).status.code(), Some(1));
}
