use super::*;
use crate::exchange::Outcome;
use crate::lock::{LegalHold, Reading, VersionState};
use crate::record::evidence::{Observation, Observed, Placed};
use crate::report::sample::{self, HOSTILE, UPLOADED};

fn labels_of(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()
}

fn placed(object: &str) -> Placed {
    Placed {
        object: object.to_owned(),
        bucket: "audit-records".to_owned(),
        key: object.to_owned(),
        sha256: Some(UPLOADED.to_owned()),
        version_id: Some("1".to_owned()),
        marker_id: None,
        retention: None,
        hold: None,
        etag: None,
        inherit: false,
        exchanges: vec![1],
        at: sample::record().times.started,
    }
}

fn observed(object: &str, sha256: &str) -> Observed {
    let presence = Presence::Present { sha256: sha256.to_owned(), size: 31 };
    Observed {
        object: object.to_owned(),
        of: "own".to_owned(),
        state: VersionState {
            key: object.to_owned(),
            version_id: "1".to_owned(),
            presence: Reading::Known(presence),
            retention: Reading::Known(None),
            hold: Reading::Known(LegalHold::Off),
            listed: Reading::Known(true),
        },
        exchanges: vec![2],
    }
}

/// The sample with the evidence of one run: three uploads, of which one was read back as uploaded, one with other bytes
/// and one not at all; and an object that was never uploaded.
fn record() -> Record {
    let mut record = sample::record();
    let absent = Placed { sha256: None, exchanges: Vec::new(), ..placed("absent") };
    record.scenarios[0].runs[0].evidence = Some(RunEvidence {
        each: None,
        attempt: 1,
        buckets: Vec::new(),
        objects: vec![placed("kept"), placed("other"), placed("unread"), absent],
        baseline: Some(Observation {
            at: record.times.started,
            versions: vec![observed("kept", UPLOADED), observed("other", "00")],
            keys: Vec::new(),
        }),
        groups: Vec::new(),
        stopped: None,
        skew_ms: 0,
    });
    record
}

#[test]
fn the_exposition_of_the_sample() {
    let text = exposition(&record(), &labels_of(&[("environment", "production")]), None);
    insta::assert_snapshot!(text);
}

fn value(text: &str, name: &str) -> Option<String> {
    let line =
        text.lines().find(|l| l.starts_with(&format!("{name}{{")) || l.starts_with(&format!("{name} ")))?;
    line.rsplit_once(' ').map(|(_, v)| v.to_owned())
}

#[test]
fn an_upload_counts_as_stored_only_when_it_was_read_back() {
    let text = exposition(&record(), &[], None);
    assert_eq!(value(&text, "wormproof_evidence_store_attempts_total").as_deref(), Some("3"));
    assert_eq!(value(&text, "wormproof_evidence_stored_total").as_deref(), Some("1"));
}

#[test]
fn a_broken_chain_and_a_cut_log_show() {
    let name = "wormproof_evidence_chain_intact";
    let mut broken = record();
    assert_eq!(value(&exposition(&broken, &[], None), name).as_deref(), Some("1"));
    if let What::Exchange(exchange) = &mut broken.events[5].what {
        exchange.outcome = Outcome::NoAnswer("changed".to_owned());
    } else {
        broken.events[5].what = What::Note("changed".to_owned());
    }
    assert_eq!(value(&exposition(&broken, &[], None), name).as_deref(), Some("0"));
    let mut cut = record();
    cut.events.pop();
    assert_eq!(value(&exposition(&cut, &[], None), name).as_deref(), Some("0"));
}

#[test]
fn what_a_run_did_not_do_has_no_metric() {
    let mut record = sample::record();
    (record.scan, record.complete) = (None, false);
    record.times.clock = "virtual".to_owned();
    let text = exposition(&record, &[], None);
    for name in ["evidence_stored", "versions_validated", "request_duration", "last_complete"] {
        assert!(!text.contains(&format!("wormproof_{name}")), "{name}");
    }
    assert_eq!(value(&exposition(&record, &[], Some(17)), LAST_COMPLETE).as_deref(), Some("17"));
    record.complete = true;
    assert_ne!(value(&exposition(&record, &[], Some(17)), LAST_COMPLETE).as_deref(), Some("17"));
}

#[test]
fn the_last_complete_run_is_read_back_under_the_same_labels_only() {
    let mut record = record();
    record.complete = true;
    record.target.prefix = HOSTILE.to_owned();
    let own = labels_of(&[("environment", "pro\"d\\")]);
    let text = exposition(&record, &own, None);
    let at = record.times.finished.timestamp();
    assert_eq!(last_complete(&text, &common_labels(&record, &own)), Some(at));
    assert_eq!(last_complete(&text, &common_labels(&record, &[])), None);
    assert_eq!(last_complete("", &common_labels(&record, &own)), None);
}

#[test]
fn labels_that_prometheus_or_the_tool_owns_are_refused() {
    assert_eq!(parse_label("environment=a=b"), Ok(("environment".to_owned(), "a=b".to_owned())));
    for wrong in ["x", "=v", "1a=v", "a-b=v", "__a=v", "job=v", "bucket=v", "a=", "a=b\nc", "ä=v"] {
        assert!(parse_label(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn profile_and_command_are_those_of_the_run() {
    let mut record = sample::record();
    record.arguments = ["--quiet", "audit", "--profile", "audit-evidence"].map(ToOwned::to_owned).into();
    let labels = common_labels(&record, &labels_of(&[("team", "a"), ("team", "b")]));
    let of =
        |name: &str| labels.iter().filter(|(n, _)| n == name).map(|(_, v)| v.as_str()).collect::<Vec<_>>();
    assert_eq!(
        (of("command"), of("profile"), of("team")),
        (vec!["audit"], vec!["audit-evidence"], vec!["a"])
    );
    record.arguments = vec!["scan".to_owned(), "--profile=x".to_owned()];
    assert!(common_labels(&record, &[]).contains(&("profile".to_owned(), "x".to_owned())));
}
