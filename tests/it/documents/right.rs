//! The documents' systems set up right, by what `harden` prints for their profiles: on the embedded server the audit ends
//! in *all held*; on MinIO in what is known of MinIO, and nothing else.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use serde_json::Value;
use wormproof::lock::{LegalHold, Mode, Retention};
use wormproof::store::ops::{self, DefaultPeriod, LockHeaders};
use wormproof::time::{Clock, Span};

use super::places::{Audited, Place, on_both};
use crate::hardened::ROOT_ARN;
use crate::live;

/// Beside what the profile requires: a version id in the query, copies, archives and forms, by which MinIO fails.
const DOORS: [&str; 3] = ["WORM-305", "vendor/minio/side-doors", "vendor/minio/defaults"];

struct System {
    profile: &'static str,
    bucket: &'static str,
    key: &'static str,
    mode: Mode,
    lasts: Span,
    hold: Option<LegalHold>,
    required: &'static [&'static str],
}

fn printed(system: &System, server: &str, format: &str) -> Value {
    let bucket = format!("s3://{}", system.bucket);
    let args = ["harden", "--profile", system.profile, &bucket, "--server", server, "--format", format];
    let ran = live::run(&[&args[..], &["--administrator", ROOT_ARN]].concat());
    assert_eq!(ran.code, Some(0), "{format}: {ran:#?}");
    serde_json::from_str(&ran.stdout).expect("JSON")
}

/// Sets up what is printed, and stores a record as the profile's application sends it.
fn set_up(at: &Place, system: &System) {
    let server = if at.minio { "minio" } else { "aws" };
    at.ok(&ops::create_bucket(system.bucket, true, "us-east-1"));
    let default = &printed(system, server, "lock")["Rule"]["DefaultRetention"];
    let number = |word: &str| default[word].as_u64().and_then(|n| u32::try_from(n).ok());
    let period = number("Years").map(DefaultPeriod::Years).or(number("Days").map(DefaultPeriod::Days));
    assert_eq!(default["Mode"] == "COMPLIANCE", system.mode == Mode::Compliance);
    at.ok(&ops::put_object_lock_configuration(system.bucket, period.map(|period| (system.mode, period))));
    if !at.minio {
        at.ok(&ops::put_bucket_policy(system.bucket, &printed(system, server, "policy").to_string()));
    }
    let application = at.session(&printed(system, server, "iam")["application"].to_string());
    let until = system.lasts.after(Clock::Real.now()) + TimeDelta::days(1);
    let lock = LockHeaders { retention: Some(Retention { mode: system.mode, until }), hold: system.hold };
    let said = at.by(&application, &ops::put_object(system.bucket, system.key, "a record", &lock));
    assert_eq!(said.0, Some(200), "{} {said:?}", at.name());
}

/// What is known of MinIO, by its file.
fn known_of_minio() -> BTreeSet<String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/known-deviations/minio.toml");
    let file: toml::Table = std::fs::read_to_string(path).expect("the file").parse().expect("TOML");
    let all = file["deviation"].as_array().expect("deviations");
    all.iter().filter_map(|d| d["id"].as_str()).map(ToOwned::to_owned).collect()
}

fn with_verdict<'a>(audited: &'a Audited, verdict: &str) -> BTreeSet<&'a str> {
    let all = audited.record["scenarios"].as_array().expect("scenarios");
    all.iter().filter(|s| s["verdict"] == verdict).filter_map(|s| s["id"].as_str()).collect()
}

fn holds_where_the_server_does(system: &System) {
    on_both(&format!("{}, right", system.profile), |at| {
        set_up(at, system);
        let only: Vec<&str> = system.required.iter().chain(&DOORS).copied().collect();
        // The records' own length, because uploads that ask for no lock inherit the bucket's default.
        let audited = at.audit_with(system.profile, system.bucket, &only, &["--max-residue", "12y"]);
        let (failed, open) = (with_verdict(&audited, "fail"), with_verdict(&audited, "inconclusive"));
        assert!(open.is_empty(), "{}: {open:?}", at.name());
        assert_eq!(
            audited.record["scan"]["findings"].as_object().map(|f| {
                f.iter().filter(|(rule, n)| *rule != "replica-mark" && n.as_u64() != Some(0)).count()
            }),
            Some(0),
            "{}: {}",
            at.name(),
            audited.record["scan"]["findings"]
        );
        if !at.minio {
            assert_eq!((failed.len(), audited.rules()), (0, Vec::new()), "{}", audited.record["outcome"]);
            if system.profile == "iosco-snapshots" {
                // Another server than the one that is asked for: no tick, and no fault.
                audited.all("items", "not assessed", &["release-1"]);
            }
            assert_eq!(audited.code, Some(0), "{}", audited.record["outcome"]);
            return;
        }
        let known = known_of_minio();
        let unknown: Vec<&&str> = failed.iter().filter(|id| !known.contains(**id)).collect();
        assert!(unknown.is_empty(), "not known of MinIO: {unknown:?}");
        for id in ["WORM-305", "MINIO-A1"] {
            assert!(failed.contains(id), "{id} held on MinIO: {failed:?}");
        }
        assert_eq!(audited.code, Some(1), "{}", audited.record["outcome"]);
        // Nobody but the root user is there: what is left to say of policies is that none binds who signs, and that under
        // GOVERNANCE the root user may bypass, which no policy of MinIO denies.
        let mut own = vec!["demand-not-met", "minio-hole", "policy-binds-anonymous-only"];
        if system.mode == Mode::Governance {
            own.push("may-bypass-governance");
        }
        if system.profile == "iosco-snapshots" {
            // The test's MinIO was built from source without a tag, and says so by its program and by its interface.
            let (state, found) = audited.demand("server-release");
            assert_eq!(state == "not met", found.contains("is no release"), "{found}");
            assert!(found.contains("(by the administrator's interface)"), "{found}");
            let ticked = if state == "met" { "satisfied" } else { "not satisfied" };
            audited.all("items", ticked, &["release-1"]);
        }
        let rules = audited.rules();
        assert!(rules.iter().all(|rule| own.contains(rule)), "{rules:?}");
    });
}

#[test]
fn snapshots_set_up_right_hold_where_the_server_does() {
    holds_where_the_server_does(&System {
        profile: "iosco-snapshots",
        bucket: "snapshots",
        key: "snapshots/2026-02-01_snapshot.json",
        mode: Mode::Compliance,
        lasts: Span::Exact(TimeDelta::days(90)),
        hold: None,
        required: &[
            "WORM-101", "WORM-102", "WORM-114", "WORM-201", "WORM-401", "WORM-402", "WORM-404", "WORM-406",
        ],
    });
}

#[test]
fn evidence_set_up_right_holds_where_the_server_does() {
    holds_where_the_server_does(&System {
        profile: "audit-evidence",
        bucket: "evidence-prod",
        key: "evidence/1.json",
        mode: Mode::Governance,
        lasts: Span::Exact(TimeDelta::days(1095)),
        hold: None,
        required: &["WORM-106", "WORM-201", "WORM-408", "WORM-409", "WORM-503", "WORM-506"],
    });
}

#[test]
fn invoices_set_up_right_hold_where_the_server_does() {
    holds_where_the_server_does(&System {
        profile: "eu-einvoicing",
        bucket: "invoices-prod",
        key: "invoices/1/a.xml",
        mode: Mode::Compliance,
        lasts: Span::Months(120),
        hold: Some(LegalHold::On),
        required: &[
            "WORM-101", "WORM-102", "WORM-107", "WORM-108", "WORM-110", "WORM-114", "WORM-201", "WORM-401",
            "WORM-402", "WORM-404", "WORM-406", "WORM-510",
        ],
    });
}
