use std::collections::BTreeMap;

use chrono::{NaiveDate, TimeZone as _};
use serde_json::json;

use super::*;
use crate::profile::{
    Attacks, ConfigurationDemand, ControlClaim, HoldRule, Item, Matching, Override, Requirement, Upload,
};
use crate::record::analysis::{AnalysisFinding, AnalysisRule, AnalysisState, Identities};
use crate::record::event_log::EventLogResult;
use crate::record::finding::RequirementText;
use crate::record::profile_result::DemandState;
use crate::record::trail::TrailResult;
use crate::record::trail::tests as trail;
use crate::record::{Cause, FindingRule, RunResult};
use crate::scenario::{Role, Severity};

fn profile(evidence: Evidence) -> Profile {
    Profile {
        name: "p".into(),
        title: "t".into(),
        summary: String::new(),
        from: "d".into(),
        verified_on: NaiveDate::from_ymd_opt(2026, 11, 25).expect("a date"),
        variables: BTreeMap::new(),
        bucket: None,
        requirement: Requirement::default(),
        configuration: ConfigurationDemand::default(),
        upload: Upload::default(),
        attacks: Attacks::default(),
        analysis_required: false,
        event_log: None,
        trail_keys: Vec::new(),
        controls: vec![ControlClaim {
            id: "C".into(),
            shown_by: evidence.clone(),
            considerations: String::new(),
        }],
        items: vec![Item {
            list: "l".into(),
            id: "i".into(),
            text: "t".into(),
            line: 1,
            shown_by: evidence.clone(),
        }],
        claims: vec![DocumentClaim {
            id: "line-1".into(),
            line: 1,
            says: "a".into(),
            is: "b".into(),
            right: "c".into(),
            source: "s".into(),
            refuted_by: evidence,
            as_written: false,
        }],
        source: String::new(),
        digest: String::new(),
    }
}

fn scenario(id: &str, verdict: Verdict) -> ScenarioResult {
    ScenarioResult { reason: "because".to_owned(), ..ScenarioResult::bare(id, verdict) }
}

fn scan(findings: &[(&str, u64)]) -> ScanResult {
    let at = Utc.with_ymd_and_hms(2026, 11, 25, 9, 0, 0).single().expect("an instant");
    ScanResult {
        started: at,
        finished: at,
        scope: "s3://b/".into(),
        requirement: RequirementText::default(),
        versions: 12,
        markers: 0,
        keys: 12,
        pages: 1,
        lookups: 12,
        totals: BTreeMap::new(),
        by_override: BTreeMap::new(),
        held: Some(0),
        protected: None,
        sample: None,
        findings: findings.iter().map(|(w, n)| ((*w).to_owned(), *n)).collect(),
        first: Vec::new(),
        waived_rules: Vec::new(),
        earliest_until: None,
        latest_until: None,
        left_out: BTreeMap::new(),
        population_sha256: String::new(),
        complete: true,
        incomplete_reason: None,
    }
}

fn finding(rule: FindingRule, detail: &str) -> Finding {
    Finding {
        rule,
        severity: rule.severity(),
        key: String::new(),
        version_id: String::new(),
        detail: detail.to_owned(),
        waived: None,
    }
}

fn analysed(rule: AnalysisRule, about: &str, state: AnalysisState) -> AnalysisFinding {
    AnalysisFinding {
        rule,
        severity: Severity::High,
        sentence: "a sentence".into(),
        statement: None,
        about: about.into(),
        remedy: String::new(),
        state,
        confirm: Vec::new(),
        proven_as: None,
        proven_by: None,
        waived: None,
    }
}

fn analysis(findings: Vec<AnalysisFinding>) -> Analysis {
    // Everybody's policies were read, and there is nobody.
    let identities = Identities { whole: true, ..Identities::default() };
    Analysis { server: "aws".into(), findings, identities, ..Analysis::default() }
}

/// A checked event log; its numbers and versions were gone through but for what is open.
fn log_result(
    events: u64,
    findings: &BTreeMap<String, u64>,
    open: &BTreeMap<String, u64>,
    incomplete: Option<&str>,
) -> EventLogResult {
    let unassessed: u64 = open.values().sum();
    let state = match (unassessed, findings.is_empty()) {
        (0, true) => "held",
        (_, false) => "broken",
        (_, true) => "not assessed",
    };
    serde_json::from_value(json!({
        "started": "2026-11-25T09:00:00Z", "finished": "2026-11-25T09:00:01Z", "scope": "s3://b/events/{sequence}.json",
        "rules": crate::profile::EventLogRules::default(), "allow_start": null, "versioning": "Enabled", "events": events,
        "first_number": 0, "last_number": 6, "missing": 0, "versions": events, "markers": 0, "appended": 0, "foreign": 0,
        "first_foreign": [], "token_changes": 0, "transitions": [],
        "checks": [{"property": "sequence", "state": state, "findings": 0, "unassessed": unassessed,
                    "reason": "a body was not read", "may_be_open": false}],
        "findings": findings, "first": [], "unassessed": open, "pages": 1, "log_sha256": "",
        "complete": incomplete.is_none(), "incomplete_reason": incomplete,
    }))
    .expect("a result")
}

/// What was seen, changed by a test, and what then is said of evidence.
struct Record {
    scenarios: Vec<ScenarioResult>,
    scan: Option<ScanResult>,
    findings: Vec<Finding>,
    configuration: [Value; 2],
    analysis: Option<Analysis>,
    demands: Vec<DemandResult>,
    event_log: Option<(u64, BTreeMap<String, u64>, Option<&'static str>)>,
    event_log_open: BTreeMap<String, u64>,
    trails: Vec<TrailResult>,
    attachments: Vec<Attachment>,
    complete: bool,
    previous: Option<Previous>,
    signer: SignerInfo,
}

impl Record {
    fn new() -> Self {
        let configuration = json!({
            "versioning": {"known": {"status": "Enabled"}},
            "object_lock": {"known": {"enabled": true, "default_mode": "COMPLIANCE"}},
        });
        Self {
            scenarios: Vec::new(),
            scan: None,
            findings: Vec::new(),
            configuration: [configuration.clone(), configuration],
            analysis: None,
            demands: Vec::new(),
            event_log: None,
            event_log_open: BTreeMap::new(),
            trails: Vec::new(),
            attachments: Vec::new(),
            complete: true,
            previous: None,
            signer: SignerInfo { subject: "CN=s".into(), fingerprint: String::new(), ephemeral: false },
        }
    }

    fn of(&self, profile: &Profile) -> ProfileResult {
        let event_log = self.event_log.as_ref().map(|(events, findings, incomplete)| {
            log_result(*events, findings, &self.event_log_open, *incomplete)
        });
        assess(
            profile,
            &Seen {
                scenarios: &self.scenarios,
                scan: self.scan.as_ref(),
                findings: &self.findings,
                configuration: [&self.configuration[0], &self.configuration[1]],
                analysis: self.analysis.as_ref(),
                demands: &self.demands,
                event_log: event_log.as_ref(),
                trails: &self.trails,
                attachments: &self.attachments,
                complete: self.complete,
                place: ["http://s:9000", "b", ""],
                previous: self.previous.as_ref(),
                signer: &self.signer,
                started: Utc.with_ymd_and_hms(2026, 11, 25, 9, 0, 0).single().expect("an instant"),
            },
        )
    }

    fn shown(&self, evidence: &Evidence) -> (Shown, String) {
        let result = self.of(&profile(evidence.clone()));
        assert_eq!(result.controls[0].state, result.items[0].state);
        (result.items[0].state, result.items[0].reason.clone())
    }

    fn state(&self, evidence: &Evidence) -> Shown {
        self.shown(evidence).0
    }
}

fn words(list: &[&str]) -> Vec<String> {
    list.iter().map(|w| (*w).to_owned()).collect()
}

fn by_scenarios(ids: &[&str]) -> Evidence {
    Evidence { scenarios: words(ids), ..Evidence::default() }
}

fn by_scan(list: &[&str]) -> Evidence {
    Evidence { scan: words(list), ..Evidence::default() }
}

fn by_analysis(list: &[&str]) -> Evidence {
    Evidence { analysis: words(list), ..Evidence::default() }
}

#[test]
fn nothing_named_satisfies_nothing() {
    let (state, reason) = Record::new().shown(&Evidence::default());
    assert_eq!(state, Shown::NotAssessed);
    assert!(reason.contains("names nothing"), "{reason}");
}

#[test]
fn every_scenario_has_to_pass_and_one_fail_decides() {
    let mut record = Record::new();
    record.scenarios = vec![
        scenario("A", Verdict::Pass),
        scenario("B", Verdict::Pass),
        scenario("F", Verdict::Fail),
        scenario("I", Verdict::Inconclusive),
        scenario("E", Verdict::Error),
        scenario("S", Verdict::Skipped),
    ];
    assert_eq!(record.state(&by_scenarios(&["A", "B"])), Shown::Satisfied);
    assert_eq!(record.state(&by_scenarios(&["A", "F"])), Shown::NotSatisfied);
    // A fail is no less a fail because something else was not assessed.
    assert_eq!(record.state(&by_scenarios(&["F", "S"])), Shown::NotSatisfied);
    for open in ["I", "E", "S", "missing"] {
        let (state, reason) = record.shown(&by_scenarios(&["A", open]));
        assert_eq!(state, Shown::NotAssessed, "{open}");
        assert!(reason.contains(open) && !reason.contains("A:"), "{reason}");
    }
}

#[test]
fn a_clause_is_broken_by_any_scenario_that_names_it_and_shown_by_its_own_evidence_only() {
    let named = |id: &str, verdict| ScenarioResult { controls: words(&["C"]), ..scenario(id, verdict) };
    let mut record = Record::new();
    record.scenarios = vec![scenario("A", Verdict::Pass), named("F", Verdict::Fail)];
    let result = record.of(&profile(by_scenarios(&["A"])));
    assert_eq!(result.controls[0].state, Shown::NotSatisfied);
    assert!(result.controls[0].reason.contains("F: fail"), "{}", result.controls[0].reason);
    // A checklist's item has no tag.
    assert_eq!(result.items[0].state, Shown::Satisfied);
    // What passes, or was not assessed, is not asked for because it names the clause.
    record.scenarios[1] = named("F", Verdict::Inconclusive);
    assert_eq!(record.of(&profile(by_scenarios(&["A"]))).controls[0].state, Shown::Satisfied);
    let people = Evidence { organisational: Some("a person signs".into()), ..Evidence::default() };
    record.scenarios[1] = named("F", Verdict::Pass);
    assert_eq!(record.of(&profile(people.clone())).controls[0].state, Shown::NotAssessed);
    record.scenarios[1] = named("F", Verdict::Fail);
    assert_eq!(record.of(&profile(people)).controls[0].state, Shown::NotSatisfied);
    // Named once, though it is listed too.
    assert_eq!(record.of(&profile(by_scenarios(&["F"]))).controls[0].evidence.len(), 1);
}

#[test]
fn an_accepted_risk_stays_a_fail_and_is_said() {
    let mut record = Record::new();
    let waived = Some("replaced in Q1 (A. Person)".to_owned());
    record.scenarios = vec![ScenarioResult { waived: waived.clone(), ..scenario("F", Verdict::Fail) }];
    let (state, reason) = record.shown(&by_scenarios(&["F"]));
    assert_eq!(state, Shown::NotSatisfied);
    assert!(reason.contains("accepted risk: replaced in Q1"), "{reason}");

    record.scan = Some(ScanResult { waived_rules: words(&["unprotected"]), ..scan(&[("unprotected", 1)]) });
    let (state, reason) = record.shown(&by_scan(&["unprotected"]));
    assert_eq!(state, Shown::NotSatisfied);
    assert!(reason.contains("accepted risk"), "{reason}");
}

#[test]
fn no_finding_counts_only_after_a_whole_scan_that_saw_something() {
    let mut record = Record::new();
    let unprotected = by_scan(&["unprotected"]);
    assert_eq!(record.state(&unprotected), Shown::NotAssessed, "no scan");
    record.scan = Some(scan(&[]));
    assert_eq!(record.state(&unprotected), Shown::Satisfied);
    record.scan = Some(ScanResult { complete: false, ..scan(&[]) });
    assert_eq!(record.state(&unprotected), Shown::NotAssessed, "incomplete");
    record.scan = Some(ScanResult { versions: 0, ..scan(&[]) });
    assert_eq!(record.state(&unprotected), Shown::NotAssessed, "empty");
    record.scan = Some(scan(&[("unreadable", 2)]));
    assert_eq!(record.state(&unprotected), Shown::NotAssessed, "unreadable");
    record.scan = Some(ScanResult { complete: false, ..scan(&[("unprotected", 3)]) });
    let (state, reason) = record.shown(&unprotected);
    assert_eq!((state, reason.as_str()), (Shown::NotSatisfied, "3 versions unprotected"));
}

#[test]
fn a_rule_that_the_requirement_never_sets_off_shows_nothing() {
    let mut record = Record::new();
    record.scan = Some(scan(&[]));
    let mut asked = profile(by_scan(&["too-short", "wrong-mode", "no-hold"]));
    assert_eq!(record.of(&asked).items[0].state, Shown::NotAssessed);
    asked.requirement.min_retention = Some(crate::time::Span::Months(12));
    asked.requirement.mode = Some(crate::lock::Mode::Compliance);
    assert_eq!(record.of(&asked).items[0].state, Shown::NotAssessed, "no hold is required");
    asked.requirement.hold = true;
    assert_eq!(record.of(&asked).items[0].state, Shown::Satisfied);
}

#[test]
fn findings_about_the_bucket_need_a_configuration_that_was_read() {
    let mut record = Record::new();
    let versioning = by_scan(&["no-versioning", "no-object-lock"]);
    assert_eq!(record.state(&versioning), Shown::Satisfied);
    record.findings = vec![finding(FindingRule::NoVersioning, "none")];
    assert_eq!(record.state(&versioning), Shown::NotSatisfied);
    // The analysis leaves out what the record says already: the word is looked for everywhere.
    assert_eq!(record.state(&by_analysis(&["no-versioning"])), Shown::NotSatisfied);
    record.findings.clear();
    record.configuration[0]["versioning"] = json!({"unread": "403"});
    assert_eq!(record.state(&versioning), Shown::NotAssessed);
    record.configuration = [Value::Null, Value::Null];
    assert_eq!(record.state(&by_scan(&["configuration-changed"])), Shown::NotAssessed);
}

#[test]
fn an_analysis_has_to_be_made_and_to_have_read_what_it_would_judge() {
    let mut record = Record::new();
    let impossible = by_analysis(&["upload-impossible"]);
    assert_eq!(record.state(&impossible), Shown::NotAssessed, "none was made");
    record.analysis = Some(analysis(Vec::new()));
    assert_eq!(record.state(&impossible), Shown::Satisfied);
    let policy = |about: &str| {
        Some(analysis(vec![analysed(AnalysisRule::NotReadable, about, AnalysisState::NotAssessed)]))
    };
    record.analysis = policy("bucket policy");
    assert_eq!(record.state(&impossible), Shown::NotAssessed, "the policy was not read");
    record.analysis = policy("lifecycle");
    assert_eq!(record.state(&impossible), Shown::Satisfied, "that has nothing to do with it");
    assert_eq!(record.state(&by_analysis(&["lifecycle-expires-versions"])), Shown::NotAssessed);
    let rule = AnalysisRule::UploadImpossible;
    record.analysis = Some(analysis(vec![analysed(rule, "x", AnalysisState::NotAssessed)]));
    assert_eq!(record.state(&impossible), Shown::NotAssessed, "it is only a suspicion");
    record.analysis = Some(analysis(vec![analysed(rule, "x", AnalysisState::Analysed)]));
    let (state, reason) = record.shown(&impossible);
    assert_eq!(state, Shown::NotSatisfied);
    assert!(reason.contains("analysed, not tried"), "{reason}");
}

#[test]
fn that_nobody_may_is_not_known_from_one_policy() {
    let mut record = Record::new();
    let bypass = by_analysis(&["may-bypass-governance"]);
    let answer = |not_assessed: Option<&str>| crate::record::analysis::Answer {
        bucket: "b".into(),
        question: crate::record::analysis::Question::BypassGovernance,
        who: Vec::new(),
        not_assessed: not_assessed.map(ToOwned::to_owned),
    };
    record.analysis =
        Some(Analysis { answers: vec![answer(Some("identity policies are not read"))], ..analysis(vec![]) });
    assert_eq!(record.state(&bypass), Shown::NotAssessed);
    record.analysis = Some(Analysis { answers: vec![answer(None)], ..analysis(vec![]) });
    assert_eq!(record.state(&bypass), Shown::Satisfied);
}

#[test]
fn what_hangs_on_identity_policies_is_known_only_with_them() {
    let mut record = Record::new();
    let state = |record: &mut Record, word: &str, whole: bool, read: &[&str], uploaders: &[&str]| {
        let identities = Identities { whole, read: words(read), uploaders: words(uploaders) };
        record.analysis = Some(Analysis { identities, ..analysis(Vec::new()) });
        record.shown(&by_analysis(&[word]))
    };
    for word in ["upload-impossible", "hold-denied-to-writer", "deny-wrong-action", "dead-grant"] {
        let (shown, why) = state(&mut record, word, false, &[], &[]);
        assert_eq!(shown, Shown::NotAssessed, "{word}");
        assert!(why.contains("--policy FILE"), "{why}");
        assert_eq!(state(&mut record, word, true, &[], &[]).0, Shown::Satisfied, "{word}: nobody is there");
        assert_eq!(state(&mut record, word, false, &["app"], &["app"]).0, Shown::Satisfied, "{word}");
    }
    // Somebody who may not upload says nothing about uploads, also where everybody was read.
    for whole in [false, true] {
        let (shown, why) = state(&mut record, "upload-impossible", whole, &["reader.json"], &[]);
        assert_eq!(shown, Shown::NotAssessed);
        assert!(why.contains("reader.json"), "{why}");
    }
    assert_eq!(state(&mut record, "deny-wrong-action", false, &["reader.json"], &[]).0, Shown::Satisfied);
    // What only the bucket's policy can do hangs on no other.
    assert_eq!(state(&mut record, "public", false, &[], &[]).0, Shown::Satisfied);
    assert_eq!(state(&mut record, "may-bypass-governance", false, &[], &[]).0, Shown::NotAssessed);
}

#[test]
fn a_demand_has_to_be_met() {
    let mut record = Record::new();
    let versioning = Evidence { configuration: words(&["versioning"]), ..Evidence::default() };
    assert_eq!(record.state(&versioning), Shown::NotAssessed, "not read");
    for (state, shown) in [
        (DemandState::Met, Shown::Satisfied),
        (DemandState::NotMet, Shown::NotSatisfied),
        (DemandState::NotApplicable, Shown::NotAssessed),
        (DemandState::NotAssessed, Shown::NotAssessed),
    ] {
        record.demands =
            vec![DemandResult { word: "versioning".into(), state, found: "so".into(), asked: "yes".into() }];
        assert_eq!(record.state(&versioning), shown, "{state}");
    }
}

#[test]
fn an_event_log_has_to_be_read_whole_and_to_have_events() {
    let mut record = Record::new();
    let gap = Evidence { event_log: words(&["gap"]), ..Evidence::default() };
    assert_eq!(record.state(&gap), Shown::NotAssessed);
    record.event_log = Some((7, BTreeMap::new(), None));
    assert_eq!(record.state(&gap), Shown::Satisfied);
    record.event_log_open.insert("a body was not read".to_owned(), 2);
    assert_eq!(record.state(&gap), Shown::NotAssessed);
    record.event_log_open.clear();
    record.event_log = Some((7, BTreeMap::new(), Some("403")));
    assert_eq!(record.state(&gap), Shown::NotAssessed);
    record.event_log = Some((0, BTreeMap::new(), None));
    assert_eq!(record.state(&gap), Shown::NotAssessed);
    record.event_log = Some((7, BTreeMap::from([("gap".to_owned(), 1)]), Some("403")));
    assert_eq!(record.state(&gap), Shown::NotSatisfied);
}

#[test]
fn trails_have_to_be_read_whole_and_to_have_entries() {
    let mut record = Record::new();
    let half = Evidence { trail: words(&["part-missing"]), ..Evidence::default() };
    let (state, reason) = record.shown(&half);
    assert_eq!(state, Shown::NotAssessed);
    assert!(reason.contains("--trail ID"), "{reason}");
    record.trails = vec![trail::sound()];
    assert_eq!(record.state(&half), Shown::Satisfied);
    record.trails.push(trail::broken());
    assert_eq!(record.state(&half), Shown::NotAssessed);
    record.trails[1] = trail::empty();
    assert_eq!(record.state(&half), Shown::NotAssessed);
    record.trails[1] = trail::half();
    assert_eq!(record.state(&half), Shown::NotSatisfied);
    // Nobody has read the bytes.
    let altered = Evidence { trail: words(&["altered"]), ..Evidence::default() };
    record.trails = vec![trail::sound()];
    assert_eq!(record.state(&altered), Shown::NotAssessed);
}

#[test]
fn an_attachment_is_filed_and_not_judged() {
    let mut record = Record::new();
    let filed = Evidence { attachment: Some("retention-policy".into()), ..Evidence::default() };
    assert_eq!(record.state(&filed), Shown::NotAssessed);
    record.attachments = vec![Attachment {
        name: "Retention-Policy-2026.pdf".into(),
        size: 1,
        media_type: "application/pdf".into(),
        sha256: "ab".into(),
    }];
    let (state, reason) = record.shown(&filed);
    assert_eq!(state, Shown::Satisfied);
    assert!(reason.contains("content was not judged"), "{reason}");
}

#[test]
fn a_key_of_one_run_does_not_make_a_pack_and_an_organisation_is_never_seen() {
    let mut record = Record::new();
    let pack = Evidence { pack: true, ..Evidence::default() };
    assert_eq!(record.state(&pack), Shown::Satisfied);
    record.complete = false;
    assert_eq!(record.state(&pack), Shown::NotAssessed, "not everything was assessed");
    record.complete = true;
    record.signer.ephemeral = true;
    assert_eq!(record.state(&pack), Shown::NotAssessed);

    record.scenarios = vec![scenario("A", Verdict::Pass)];
    let people = Evidence { organisational: Some("a person signs".into()), ..by_scenarios(&["A"]) };
    assert_eq!(record.shown(&people), (Shown::NotAssessed, "a person signs".to_owned()));
}

#[test]
fn a_claim_is_shown_false_by_the_weakest_who_broke_it_and_says_what_was_left() {
    let mut record = Record::new();
    let run = RunResult {
        principal: None,
        attempt: 1,
        verdict: Verdict::Fail,
        cause: Cause::Destroyed,
        reason: String::new(),
        witnesses: Vec::new(),
        steps: Vec::new(),
        found: vec!["ledger: gone".to_owned()],
        evidence: None,
    };
    let broken = |id: &str, role| ScenarioResult {
        weakest: Some(role),
        runs: vec![run.clone()],
        ..scenario(id, Verdict::Fail)
    };
    record.scenarios = vec![
        broken("A", Role::Administrator),
        broken("B", Role::Writer),
        broken("other", Role::Anonymous),
        scenario("P", Verdict::Pass),
        scenario("S", Verdict::Skipped),
    ];
    let claim = |ids: &[&str]| record.of(&profile(by_scenarios(ids))).claims.remove(0);
    let shown = claim(&["A", "B", "P"]);
    assert_eq!(shown.state, ClaimState::ShownFalse);
    assert_eq!(shown.scenarios, ["A", "B"]);
    assert_eq!(shown.weakest, Some(Role::Writer));
    assert_eq!(shown.left, ["A: ledger: gone", "B: ledger: gone"]);
    assert_eq!(claim(&["P"]).state, ClaimState::NotShown);
    assert_eq!(claim(&["P", "S"]).state, ClaimState::NotAssessed);
    assert_eq!(claim(&[]).state, ClaimState::WrongAsWritten);
}

#[test]
fn none_altered_is_shown_only_by_records_that_were_all_read_and_compared() {
    let altered = Evidence { scan: words(&["altered"]), ..Evidence::default() };
    let state = |sample: Option<Value>| {
        let mut record = Record::new();
        let sample = sample.map(|s| serde_json::from_value(s).expect("a sample"));
        record.scan = Some(ScanResult { sample, ..scan(&[]) });
        record.state(&altered)
    };
    let sample = |read: u64, unreadable: u64, nothing: u64, complete: bool| {
        Some(json!({
            "asked": 2, "seed": "1", "population": 12, "chosen": 2, "again": 0, "read": read, "bytes": 7,
            "compared": {"etag": read - nothing, "nothing": nothing}, "altered": 0, "unreadable": unreadable,
            "manifest_sha256": null, "baseline_sha256": null, "baseline_run": null, "complete": complete, "versions": [],
        }))
    };
    assert_eq!(state(sample(2, 0, 0, true)), Shown::Satisfied);
    for silent in
        [None, sample(0, 2, 0, true), sample(1, 1, 0, true), sample(2, 0, 1, true), sample(1, 0, 0, false)]
    {
        assert_eq!(state(silent.clone()), Shown::NotAssessed, "{silent:?}");
    }
}

#[test]
fn a_chain_needs_a_run_before_of_the_same_place_that_somebody_signed() {
    let mut record = Record::new();
    let chain = Evidence { pack: true, previous: true, ..Evidence::default() };
    let (state, reason) = record.shown(&chain);
    assert_eq!(state, Shown::NotAssessed, "the first run");
    assert!(reason.contains("--previous"), "{reason}");
    let before = Previous {
        results_sha256: "ab".into(),
        run_id: "r1".into(),
        finished: Utc.with_ymd_and_hms(2026, 10, 25, 9, 0, 0).single().expect("an instant"),
        endpoint: "http://s:9000".into(),
        bucket: "b".into(),
        prefix: String::new(),
        profile: None,
        exit_code: 0,
        signer: Some(SignerInfo { subject: "CN=s".into(), fingerprint: String::new(), ephemeral: false }),
        unverified: None,
    };
    record.previous = Some(before.clone());
    let (state, reason) = record.shown(&chain);
    assert_eq!(state, Shown::Satisfied);
    assert!(reason.contains("names run r1 of 2026-10-25"), "{reason}");
    let later = Utc.with_ymd_and_hms(2026, 11, 26, 9, 0, 0).single().expect("an instant");
    let nobody = SignerInfo { ephemeral: true, ..before.signer.clone().expect("a signer") };
    for (what, other, expected) in [
        ("of another bucket", Previous { bucket: "c".into(), ..before.clone() }, Shown::NotAssessed),
        ("made later", Previous { finished: later, ..before.clone() }, Shown::NotAssessed),
        ("signed by nobody", Previous { signer: Some(nobody), ..before.clone() }, Shown::NotAssessed),
        (
            "changed",
            Previous { signer: None, unverified: Some("the signature does not fit".into()), ..before },
            Shown::NotSatisfied,
        ),
    ] {
        record.previous = Some(other);
        assert_eq!(record.state(&chain), expected, "{what}");
    }
}

#[test]
fn the_clause_of_an_override_needs_a_version_that_it_judged() {
    let mut asked = profile(by_scan(&["unprotected"]));
    asked.requirement.overrides = vec![Override {
        name: "DE".into(),
        matching: Matching { tag: Some(("country".into(), "DE".into())), ..Matching::default() },
        mode: None,
        min_retention: Some(crate::time::Span::Months(96)),
        max_retention: None,
        clock: None,
        hold: None,
        why: "AO".into(),
        control: Some("C".into()),
    }];
    let mut record = Record::new();
    let by = |name: &str| BTreeMap::from([(name.to_owned(), 3)]);
    record.scan = Some(ScanResult { by_override: by("-"), ..scan(&[]) });
    let clause = record.of(&asked).controls.remove(0);
    assert_eq!(clause.state, Shown::NotAssessed);
    assert_eq!(clause.reason, "no version with tag country=DE in this scan");
    record.scan = Some(ScanResult { by_override: by("DE"), ..scan(&[]) });
    assert_eq!(record.of(&asked).controls[0].state, Shown::Satisfied);
    // What was found is found, whosever it is.
    record.scan = Some(ScanResult { by_override: by("DE"), ..scan(&[("unprotected", 1)]) });
    assert_eq!(record.of(&asked).controls[0].state, Shown::NotSatisfied);
}

#[test]
fn no_ceiling_holds_for_what_is_held() {
    let mut asked = profile(by_scan(&["too-long"]));
    asked.requirement.max_retention = Some(crate::time::Span::Months(132));
    let state = |asked: &Profile, held: Option<u64>, findings: &[(&str, u64)]| {
        let mut record = Record::new();
        record.scan = Some(ScanResult { held, ..scan(findings) });
        record.of(asked).items[0].state
    };
    assert_eq!(state(&asked, Some(0), &[]), Shown::Satisfied);
    assert_eq!(state(&asked, Some(2), &[]), Shown::NotAssessed, "whether they have to be is not seen");
    assert_eq!(state(&asked, None, &[]), Shown::NotAssessed, "an earlier record");
    asked.requirement.hold_rule = HoldRule::Report;
    assert_eq!(state(&asked, Some(2), &[("held-without-end", 2)]), Shown::NotSatisfied);
    asked.requirement.hold_rule = HoldRule::Any;
    asked.requirement.hold = true;
    assert_eq!(state(&asked, Some(12), &[]), Shown::NotSatisfied);
    assert_eq!(state(&asked, Some(0), &[("no-hold", 12)]), Shown::NotAssessed);
}

#[test]
fn that_something_exists_is_shown_by_it_being_there() {
    let mut record = Record::new();
    let lifecycle = Evidence { present: words(&["lifecycle"]), ..Evidence::default() };
    assert_eq!(record.state(&lifecycle), Shown::NotAssessed, "not read");
    let rule = |status: &str| format!("<L><Rule><Status>{status}</Status></Rule></L>");
    for (known, expected) in [
        (Value::Null, Shown::NotSatisfied),
        (json!(rule("Disabled")), Shown::NotSatisfied),
        (json!(rule("Enabled")), Shown::Satisfied),
    ] {
        record.configuration[0]["lifecycle"] = json!({"known": known});
        assert_eq!(record.state(&lifecycle), expected, "{known}");
    }
    record.configuration[0]["lifecycle"] = json!({"unread": "403"});
    assert_eq!(record.state(&lifecycle), Shown::NotAssessed);
}

#[test]
fn silence_counts_only_where_the_rule_is_looked_for() {
    let mut record = Record::new();
    let log = by_analysis(&["no-access-log"]);
    for (server, expected) in
        [("aws", Shown::Satisfied), ("minio", Shown::NotAssessed), ("other", Shown::NotAssessed)]
    {
        record.analysis = Some(Analysis { server: server.into(), ..analysis(Vec::new()) });
        assert_eq!(record.state(&log), expected, "{server}");
    }
    record.analysis = Some(Analysis { server: "minio".into(), ..analysis(Vec::new()) });
    assert_eq!(record.state(&by_analysis(&["public-access-not-blocked"])), Shown::NotAssessed);
    assert_eq!(record.state(&by_analysis(&["lifecycle-archives"])), Shown::Satisfied);
}

#[test]
fn what_is_wrong_as_written_stays_so_and_this_run_only_adds_to_it() {
    let mut record = Record::new();
    let claim = |record: &Record| {
        let mut asked = profile(by_scan(&["unprotected"]));
        asked.claims[0].as_written = true;
        record.of(&asked).claims.remove(0)
    };
    assert_eq!(
        (claim(&record).state, claim(&record).reason.as_str()),
        (ClaimState::WrongAsWritten, "whatever this store does")
    );
    record.scan = Some(scan(&[]));
    assert_eq!(claim(&record).reason, "whatever this store does", "what holds here does not make it right");
    record.scan = Some(scan(&[("unprotected", 2)]));
    let shown = claim(&record);
    assert_eq!(shown.state, ClaimState::WrongAsWritten);
    assert_eq!(shown.reason, "whatever this store does; shown here too: 2 versions unprotected");
}
