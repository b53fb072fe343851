//! `harden --profile`: what it prints for every built-in profile, and an audit by the profile of what was set up so.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use serde_json::Value;
use wormproof::analyse::Sends;
use wormproof::harden::{Demand, Hardening, Hold, Part, Server, terms};
use wormproof::lock::{Mode, Retention};
use wormproof::policy::{Kind, Policy};
use wormproof::profile::Profile;
use wormproof::store::ops::LockHeaders;
use wormproof::time::{Clock, Span};

use super::{Hardened, ROOT_ARN, audited, linted};
use crate::live::{self, Serve};

/// What a profile demands of `books/2024/`; the one that demands no lock is given a short one.
fn demand(profile: &Profile, server: Server) -> Demand {
    let short = (Some(Mode::Governance), Some(Span::Months(1)));
    Demand::of(profile, server, ("books", "2024/"), short).expect("terms")
}

#[test]
fn the_linter_finds_nothing_in_what_is_printed_for_every_profile() {
    let serve = Serve::start(&[]);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    for profile in Profile::builtin() {
        let profile = profile.with(&BTreeMap::new()).expect("defaults");
        // The embedded server has no TLS.
        let demand = Demand {
            tls: false,
            administrator: ROOT_ARN.to_owned(),
            bucket: profile.name.clone(),
            ..demand(&profile, Server::Aws)
        };
        // Exempt canaries are enough for the linter to say that GOVERNANCE is not guarded.
        let demand = Demand { bind_canaries: demand.mode == Mode::Governance, ..demand };
        let hardening = Hardening::of(&demand).expect("it can be met");
        let of = |part| hardening.part(part).expect("a part");
        let texts = [of(Part::Lock), of(Part::Policy), of(Part::Iam)];
        let parsed = Policy::parse(&texts[1], Kind::Bucket).expect("it is read");
        parsed.check_for_bucket(&demand.bucket).expect("a policy of this bucket");
        let at = runtime.block_on(Hardened::printed(&serve.url, &demand.bucket, texts));
        let sends = Sends {
            retention: demand.sends_lock_headers,
            hold: demand.hold == Hold::Required,
            if_none_match: demand.conditional_writes,
        };
        // Of the canaries what their exemption lets through, as in the test of the demands; else it panics.
        let on_canaries = linted(&runtime, &at, &demand, Some(sends));
        let excused =
            |rule: &String| matches!(rule.as_str(), "may-write-weaker-lock" | "may-shorten-governance");
        assert!(on_canaries.iter().all(excused), "{}: {on_canaries:?}", profile.name);
    }
}

#[test]
fn every_part_is_printed_for_every_profile() {
    for profile in Profile::builtin() {
        let resolved = profile.with(&BTreeMap::new()).expect("defaults");
        for server in [Server::Aws, Server::Minio] {
            let hardening = Hardening::of(&demand(&resolved, server)).expect("it can be met");
            for part in [Part::Text, Part::Lock, Part::Iam, Part::AwsCli, Part::Mc, Part::Terraform] {
                hardening.part(part).unwrap_or_else(|e| panic!("{} {part:?}: {e}", profile.name));
            }
            assert_eq!(hardening.part(Part::Policy).is_ok(), server == Server::Aws);
            assert_eq!(hardening.part(Part::Nginx).is_ok(), server == Server::Minio);
        }
        // The same by the command.
        let open: &[&str] = match terms(profile) {
            (Some(_), Some(_)) => &[],
            _ => &["--mode", "governance", "--retention", "30d"],
        };
        let bucket: &[&str] = if profile.bucket.is_some() { &[] } else { &["s3://books"] };
        let ran = live::run(
            &[&["harden", "--profile", &profile.name, "--format", "policy"], bucket, open].concat(),
        );
        assert_eq!(ran.code, Some(0), "{}: {ran:#?}", profile.name);
        serde_json::from_str::<Value>(&ran.stdout).expect("json");
        assert!(!ran.stdout.contains("${ENVIRONMENT}"), "{}: {}", profile.name, ran.stdout);
    }
}

#[test]
fn an_audit_by_the_profile_passes_what_was_set_up_by_it() {
    for (name, mode, lasts) in [
        ("iosco-snapshots", Mode::Compliance, Span::Exact(TimeDelta::days(90))),
        ("cftc-1.31", Mode::Compliance, Span::Months(60)),
    ] {
        let serve = Serve::start(&[]);
        let printed = |format: &str| {
            let words = ["harden", "--profile", name, "s3://books/2024/", "--no-tls", "--format", format];
            let ran = live::run(&[&words[..], &["--administrator", ROOT_ARN]].concat());
            assert_eq!(ran.code, Some(0), "{name} {format}: {ran:#?}");
            ran.stdout
        };
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let at = runtime.block_on(async {
            let texts = [printed("lock"), printed("policy"), printed("iam")];
            let at = Hardened::printed(&serve.url, "books", texts).await;
            // Records as the profile's application sends them.
            let until = lasts.after(Clock::Real.now()) + TimeDelta::minutes(1);
            let sends = Profile::find(name).expect("a profile").upload.retention;
            let own = LockHeaders::retained(Retention { mode, until });
            let lock = if sends { own } else { LockHeaders::NONE };
            for key in ["2024/a", "2024/b"] {
                at.works(&at.application, "an upload", &at.put(key, &lock)).await;
            }
            at
        });
        // The audit's own application locks canaries and holds them, which the printed one may not.
        let record = audited(
            &serve.url,
            &[("auditor", &at.auditor)],
            &["s3://books/2024/", "--profile", name, "--max-residue", "6y"],
        );
        assert_eq!(record["profile"]["name"], name);
        let demands = record["profile"]["configuration"].as_array().expect("demands");
        assert!(!demands.is_empty() && demands.iter().all(|d| d["state"] != "not met"), "{demands:#?}");
    }
}

#[test]
fn the_profile_and_the_command_line_do_not_contradict_each_other() {
    let sec = ["harden", "--profile", "sec-17a-4", "s3://books"];
    for (more, words) in [
        (&["--mode", "governance"][..], "--mode and --profile"),
        (&["--retention", "1y"], "--retention and --profile"),
    ] {
        live::run(&[&sec[..], more].concat()).fails(2, words, "leave");
    }
    let invoices = ["harden", "--profile", "eu-einvoicing"];
    live::run(&[&invoices[..], &["--no-tls"]].concat()).fails(2, "--no-tls and --profile", "leave");
    live::run(&[&invoices[..], &["--hold", "not-used"]].concat()).fails(2, "--hold not-used", "leave");
    live::run(&["harden", "--profile", "sec-17a-4"]).fails(2, "no bucket is named", "s3://BUCKET");
    live::run(&["harden", "--profile", "event-log"]).fails(2, "says no mode", "--mode compliance");
    let text = live::run(&["harden", "--profile", "audit-evidence", "--set", "ENVIRONMENT=test"]);
    assert!(text.stdout.contains("golden-goose-evidence-test"), "{}", text.stdout);
}
