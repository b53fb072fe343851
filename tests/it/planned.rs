//! What `plan` lists, against what an audit with the same arguments sends.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;
use wormproof::lock::LegalHold;
use wormproof::record::Record;
use wormproof::record::log::What;
use wormproof::run::request_kind;

use crate::live::{Front, Ran, command, record};

fn ran(home: &Path, args: &[&str]) -> Ran {
    let mut command = command(home, args);
    command.env_remove("MINIO_SECRET_KEY").env_remove("MINIO_ACCESS_KEY");
    Ran::of(&command.output().expect("it runs"))
}

/// The kinds of the requests that a record holds.
fn sent(record: Value) -> BTreeSet<String> {
    let record: Record = serde_json::from_value(record).expect("a record");
    let kind = |what: &What| match what {
        What::Exchange(exchange) => Some(request_kind(&exchange.sent.method, &exchange.sent.target)),
        What::Note(_) => None,
    };
    record.events.iter().filter_map(|e| kind(&e.what)).collect()
}

fn planned(home: &Path, args: &[&str]) -> BTreeSet<String> {
    let said = ran(home, &[&["plan"], args, &["--format", "json"]].concat());
    assert_eq!(said.code, Some(0), "{said:#?}");
    let plan: Value = serde_json::from_str(&said.stdout).expect("json");
    serde_json::from_value(plan["kinds"].clone()).expect("kinds")
}

#[track_caller]
fn compare(args: &[&str], telling: &[&str]) {
    let home = tempfile::tempdir().expect("a directory");
    let planned = planned(home.path(), args);
    let said = ran(home.path(), &[&["audit"], args, &["--output", "out", "--quiet"]].concat());
    let sent = sent(record(&home.path().join("out")));
    let unlisted: Vec<&String> = sent.difference(&planned).collect();
    assert!(unlisted.is_empty(), "{args:?} sent what the plan does not list: {unlisted:?}\n{said:#?}");
    for kind in telling {
        assert!(sent.contains(*kind), "{args:?} does not send {kind}: nothing is shown of it");
    }
    // A sum of everything would list it all, too.
    assert!(!planned.contains("GET /minio/admin/v3/list-users"), "{planned:?}");
}

const CONFIGURATION: [&str; 4] =
    ["GET bucket?policyStatus", "GET bucket?publicAccessBlock", "GET bucket?logging", "GET server"];

#[test]
fn a_plan_lists_what_the_audit_of_invoices_sends() {
    let args = ["--profile", "eu-einvoicing", "--sample", "3"];
    compare(&args, &[&CONFIGURATION[..], &["GET object"]].concat());
    // Of versions without a finding the record keeps no exchange: that tags are asked for is shown by the auditor's policy.
    let home = tempfile::tempdir().expect("a directory");
    assert!(planned(home.path(), &args).contains("GET object?tagging"));
    assert!(!planned(home.path(), &["--only", "WORM-101"]).contains("GET object?tagging"));
}

#[test]
fn a_plan_lists_what_the_audit_of_an_event_log_sends() {
    compare(&["--profile", "event-log"], &CONFIGURATION);
}

#[test]
fn a_plan_lists_what_the_audit_of_evidence_sends() {
    compare(&["--profile", "audit-evidence"], &CONFIGURATION);
}

#[test]
fn a_plan_lists_what_an_audit_without_a_profile_sends() {
    compare(&[], &[&CONFIGURATION[..], &["POST bucket?delete", "PUT object?uploadId"]].concat());
}

#[test]
fn the_auditors_printed_policy_is_enough_for_the_auditors_reads() {
    let front = Front::truthful().bucket();
    for n in 0..4 {
        let hold = (n % 2 == 0).then_some(LegalHold::On);
        front.put(&format!("DE/{n}.json"), Some(front.days(5000)), hold);
    }
    let home = tempfile::tempdir().expect("a directory");
    let args = ["s3://books", "--endpoint-url", &front.url, "--profile", "eu-einvoicing", "--sample", "2"];
    let plan = crate::live::run_in(home.path(), &[&["plan"], &args[..], &["--policy", "auditor"]].concat());
    assert_eq!(plan.code, Some(0), "{plan:#?}");
    let scanned = |policy: &str, out: &str| {
        let auditor = front.session(policy);
        let token = auditor.session_token.as_ref().expect("a session's token");
        let file = format!(
            "[principals.auditor]\naccess-key = \"{}\"\nsecret-key = \"{}\"\nsession-token = \"{}\"\n",
            auditor.access_key,
            auditor.secret_key.as_str(),
            token.as_str(),
        );
        std::fs::write(home.path().join("wormproof.toml"), file).expect("written");
        let more = ["--only", "WORM-101", "--yes", "--output", out];
        crate::live::run_in(home.path(), &[&["audit"], &args[..], &more].concat());
        record(&home.path().join(out))["scan"].clone()
    };
    let scan = scanned(&plan.stdout, "enough");
    assert_eq!(scan["complete"], true, "{scan}");
    assert!(scan["versions"].as_u64() >= Some(4), "{scan}");
    assert_eq!(scan["sample"]["read"], 2, "{scan}");
    for word in ["unreadable", "sample-unreadable"] {
        assert!(scan["findings"].get(word).is_none_or(|n| n == 0), "{scan}");
    }
    // It is the policy that lets them through: without one of its rights they are refused.
    let needed = [("s3:GetObjectVersionTagging", "unreadable"), ("s3:GetObjectVersion", "sample-unreadable")];
    for (right, word) in needed {
        assert!(plan.stdout.contains(&format!("\"{right}\"")), "{}", plan.stdout);
        let less = plan.stdout.replace(&format!("\"{right}\""), "\"s3:GetObjectTorrent\"");
        let scan = scanned(&less, right.trim_start_matches("s3:"));
        assert!(scan["findings"][word].as_u64() > Some(0), "without {right}: {scan}");
    }
}
