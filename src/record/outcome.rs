//! From verdicts to the end: waivers, the summary, and the exit code.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::profile::Waiver;
use crate::record::analysis::{Analysis, AnalysisFinding};
use crate::record::event_log::EventLogResult;
use crate::record::trail::{self, TrailResult};
use crate::record::{Finding, FindingRule, Gate, Outcome, ScanResult, ScenarioResult, Verdict, WaiverResult};

/// What the exit code is reckoned from.
#[derive(Debug, Clone, Copy)]
pub struct Verdicts<'a> {
    /// Every scenario of the suite.
    pub scenarios: &'a [ScenarioResult],
    /// The scan, if one was made.
    pub scan: Option<&'a ScanResult>,
    /// Findings about the bucket.
    pub findings: &'a [Finding],
    /// The analysis of configuration and policies, if one was made.
    pub analysis: Option<&'a Analysis>,
    /// The check of the event log, if the profile asks for one.
    pub event_log: Option<&'a EventLogResult>,
    /// The trails that were read.
    pub trails: &'a [TrailResult],
    /// From which severity on findings fail the run, and whether the analysis has to be whole; what it could not
    /// assess is only shown otherwise.
    pub gate: Gate,
    /// Whether scenarios were to be run at all (`scan` runs none).
    pub attacked: bool,
}

/// What waivers may reach.
#[derive(Debug, Default)]
pub struct Waivable<'a> {
    /// Every scenario of the suite.
    pub scenarios: &'a mut [ScenarioResult],
    /// The scan, if one was made.
    pub scan: Option<&'a mut ScanResult>,
    /// Findings about the bucket.
    pub findings: &'a mut [Finding],
    /// The analysis of configuration and policies, if one was made.
    pub analysis: Option<&'a mut Analysis>,
    /// The check of the event log, if one was made.
    pub event_log: Option<&'a mut EventLogResult>,
    /// The trails that were read.
    pub trails: &'a mut [TrailResult],
}

/// Marks the failures that a valid waiver covers, and says what each waiver did. A waiver counts on its last day
/// and not after it. A waived failure stays a fail; only the exit code passes over it.
///
/// The scan, the check of an event log and trails count findings by rule, and a waiver is for a rule; in the scan it marks the
/// first findings too. Findings of the analysis are waived by their rule, one by one as they stand: a waiver of a
/// scenario that proved one does not cover it.
pub fn apply_waivers(waivers: &[Waiver], today: NaiveDate, to: Waivable<'_>) -> Vec<WaiverResult> {
    let Waivable { scenarios, mut scan, findings, mut analysis, mut event_log, trails } = to;
    waivers
        .iter()
        .map(|waiver| {
            let valid = today <= waiver.until;
            let text = accepted_risk(waiver);
            let mut covers = 0;
            for scenario in scenarios.iter_mut().filter(|s| s.id == waiver.id && s.verdict == Verdict::Fail) {
                covers += 1;
                if valid {
                    scenario.waived = Some(text.clone());
                }
            }
            let of_rule = |f: &&mut Finding| f.rule.word() == waiver.id;
            for finding in findings.iter_mut().filter(of_rule) {
                covers += 1;
                if valid {
                    finding.waived = Some(text.clone());
                }
            }
            let analysed = analysis.iter_mut().flat_map(|a| &mut a.findings);
            for finding in analysed.filter(|f| f.rule.word() == waiver.id) {
                covers += 1;
                if valid {
                    finding.waived = Some(text.clone());
                }
            }
            if let Some(scan) = scan.as_deref_mut() {
                covers += scan.findings.get(&waiver.id).copied().unwrap_or(0);
                for finding in scan.first.iter_mut().filter(of_rule).filter(|_| valid) {
                    finding.waived = Some(text.clone());
                }
                if valid && scan.findings.contains_key(&waiver.id) {
                    scan.waived_rules.push(waiver.id.clone());
                }
            }
            if let Some(log) = event_log.as_deref_mut() {
                let count = log.findings.get(&waiver.id).copied().unwrap_or(0);
                covers += count;
                if valid && count > 0 {
                    log.waived.insert(waiver.id.clone(), text.clone());
                }
            }
            for trail in trails.iter_mut() {
                let count = trail.findings.get(&waiver.id).copied().unwrap_or(0);
                covers += count;
                if valid && count > 0 {
                    trail.waived.insert(waiver.id.clone(), text.clone());
                }
            }
            let state = match (covers, valid) {
                (0, _) => "unmatched",
                (_, true) => "applied",
                (_, false) => "expired",
            };
            WaiverResult { waiver: waiver.clone(), state: state.to_owned(), covers }
        })
        .collect()
}

/// What is said of a failure that a waiver covers: why, who accepts it, and until when.
#[must_use]
pub fn accepted_risk(waiver: &Waiver) -> String {
    format!("{} ({}, until {})", waiver.reason, waiver.owner, waiver.until)
}

/// Counts scenarios by verdict; a waived fail is counted as `waived` and not as `fail`.
#[must_use]
pub fn summary(scenarios: &[ScenarioResult]) -> BTreeMap<String, u64> {
    let mut counts: BTreeMap<String, u64> =
        Verdict::ALL.iter().map(|v| (v.word().to_owned(), 0)).chain([("waived".to_owned(), 0)]).collect();
    for scenario in scenarios {
        let word = if scenario.waived.is_some() { "waived" } else { scenario.verdict.word() };
        *counts.entry(word.to_owned()).or_default() += 1;
    }
    counts
}

/// The exit code: 1 outranks 3, 3 outranks 4, 4 outranks 0.
#[must_use]
pub fn outcome(all: &Verdicts<'_>) -> Outcome {
    let of = |verdict: Verdict| {
        all.scenarios.iter().filter(move |s| s.verdict == verdict && s.waived.is_none()).collect::<Vec<_>>()
    };
    let say = |exit_code: u8, reason: String| Outcome { exit_code, reason };
    let log = all.event_log.map(|log| log.outcome(all.gate.fail_on));
    let trails = (!all.trails.is_empty()).then(|| trail::outcome(all.trails, all.gate.fail_on));
    if !all.attacked
        && all.scan.is_none()
        && let Some(end) = worst([log.clone(), trails.clone()].into_iter().flatten())
    {
        return end;
    }

    let fails = of(Verdict::Fail);
    let scanned: Vec<(&String, u64)> = all
        .scan
        .iter()
        .flat_map(|s| &s.findings)
        .filter(|(rule, count)| **count > 0 && rule_fails(all, rule))
        .map(|(rule, count)| (rule, *count))
        .collect();
    let (unread, others): (Vec<&Finding>, Vec<&Finding>) =
        all.findings.iter().filter(|f| f.waived.is_none()).partition(|f| f.rule == FindingRule::Unreadable);
    let found: Vec<&Finding> = others.into_iter().filter(|f| f.severity >= all.gate.fail_on).collect();
    let analysed: Vec<&AnalysisFinding> =
        all.analysis.iter().flat_map(|a| a.failing(all.gate.fail_on)).collect();
    let broken = log.as_ref().filter(|end| end.exit_code == 1);
    let amiss = trails.as_ref().filter(|end| end.exit_code == 1);
    if !fails.is_empty()
        || !scanned.is_empty()
        || !found.is_empty()
        || !analysed.is_empty()
        || broken.is_some()
        || amiss.is_some()
    {
        let mut parts = Vec::new();
        if !fails.is_empty() {
            parts.push(format!("{} {} failed", fails.len(), plural(fails.len(), "guarantee")));
        }
        for (rule, count) in scanned {
            parts.push(format!("{count} {} {rule}", plural(usize::try_from(count).unwrap_or(2), "version")));
        }
        parts.extend(found.iter().map(|f| f.rule.word().to_owned()));
        if !analysed.is_empty() {
            let (count, rules) = (analysed.len(), rules(&analysed));
            parts.push(format!("{count} {} of the analysis ({rules})", plural(count, "finding")));
        }
        parts.extend(broken.map(|end| format!("event log: {}", end.reason)));
        parts.extend(amiss.map(|end| format!("trail: {}", end.reason)));
        return say(1, parts.join(", "));
    }

    let mut open = Vec::new();
    // An empty log or trail shows nothing of what is asked.
    open.extend(log.filter(|end| end.exit_code != 0).map(|end| format!("event log: {}", end.reason)));
    open.extend(trails.filter(|end| end.exit_code != 0).map(|end| format!("trail: {}", end.reason)));
    for (verdict, word) in [(Verdict::Error, "in error"), (Verdict::Inconclusive, "inconclusive")] {
        let count = of(verdict).len();
        if count > 0 {
            open.push(format!("{count} {} {word}", plural(count, "scenario")));
        }
    }
    let missing = all.scenarios.iter().filter(|s| s.required && s.verdict == Verdict::Skipped).count();
    if missing > 0 {
        open.push(format!("{missing} required {} not assessed", plural(missing, "scenario")));
    }
    open.extend(unread.iter().map(|f| f.detail.clone()));
    if let Some(scan) = all.scan {
        if !scan.complete {
            open.push(format!(
                "the scan is not complete: {}",
                scan.incomplete_reason.as_deref().unwrap_or("reason unknown")
            ));
        }
        let count = |rule: &str| scan.findings.get(rule).copied().unwrap_or(0);
        let unread = count("unreadable");
        if unread > 0 {
            open.push(format!("{unread} versions could not be assessed"));
        }
        let unread = count("sample-unreadable");
        if unread > 0 {
            open.push(format!("{unread} versions that were chosen could not be read whole"));
        }
    }
    if all.gate.analysis_required {
        let unread: Vec<&AnalysisFinding> =
            all.analysis.iter().flat_map(|a| a.open(all.gate.fail_on)).collect();
        if all.analysis.is_none() {
            open.push("the required analysis was not made".to_owned());
        } else if !unread.is_empty() {
            open.push(format!("the required analysis is not whole ({})", rules(&unread)));
        }
    }
    if !open.is_empty() {
        return say(3, open.join(", "));
    }

    let passed = of(Verdict::Pass).len();
    let seen = all.scan.is_some_and(|s| s.versions > 0);
    if passed == 0 && all.attacked {
        let waived = all.scenarios.iter().filter(|s| s.waived.is_some()).count();
        if waived == 0 {
            return say(4, "no scenario could be run".to_owned());
        }
    }
    if !all.attacked && !seen {
        return say(4, "there was no version to look at".to_owned());
    }
    if all.attacked {
        let all =
            if passed == 1 { "the one guarantee".to_owned() } else { format!("all {passed} guarantees") };
        say(0, format!("{all} that {} tested held", if passed == 1 { "was" } else { "were" }))
    } else {
        say(0, "every version that was scanned meets the requirement".to_owned())
    }
}

/// The end that outranks the others: 1, then 3, then 4, then 0.
fn worst(ends: impl Iterator<Item = Outcome>) -> Option<Outcome> {
    let rank = |end: &Outcome| [1, 3, 4, 0].iter().position(|code| *code == end.exit_code);
    ends.min_by_key(rank)
}

/// Whether findings of a scan rule count towards exit code 1: severe enough, and not waived.
/// What could not be read is silence: exit code 3, not 1.
fn rule_fails(all: &Verdicts<'_>, rule: &str) -> bool {
    let waived = all.scan.is_some_and(|s| s.waived_rules.iter().any(|w| w == rule));
    let is_silence =
        |known: FindingRule| matches!(known, FindingRule::Unreadable | FindingRule::SampleUnreadable);
    FindingRule::parse(rule)
        .is_none_or(|known| !is_silence(known) && known.severity() >= all.gate.fail_on && !waived)
}

/// The rules of findings, each once, in their order.
fn rules(findings: &[&AnalysisFinding]) -> String {
    let mut words: Vec<&str> = Vec::new();
    for finding in findings {
        if !words.contains(&finding.rule.word()) {
            words.push(finding.rule.word());
        }
    }
    words.join(", ")
}

fn plural(count: usize, noun: &str) -> String {
    if count == 1 { noun.to_owned() } else { format!("{noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::analysis::{AnalysisRule, AnalysisState};
    use crate::scenario::Severity;

    fn result(id: &str, verdict: Verdict) -> ScenarioResult {
        ScenarioResult::bare(id, verdict)
    }

    fn code(scenarios: &[ScenarioResult]) -> u8 {
        with(scenarios, None, false).exit_code
    }

    fn with(scenarios: &[ScenarioResult], analysis: Option<&Analysis>, required: bool) -> Outcome {
        outcome(&Verdicts {
            scenarios,
            scan: None,
            findings: &[],
            analysis,
            event_log: None,
            trails: &[],
            gate: Gate { fail_on: Severity::Medium, analysis_required: required },
            attacked: true,
        })
    }

    fn waiver(id: &str, day: u32) -> Waiver {
        Waiver {
            id: id.to_owned(),
            reason: "accepted".to_owned(),
            owner: "A. Person".to_owned(),
            until: NaiveDate::from_ymd_opt(2026, 11, day).expect("a date"),
        }
    }

    fn to<'a>(scenarios: &'a mut [ScenarioResult], analysis: Option<&'a mut Analysis>) -> Waivable<'a> {
        Waivable { scenarios, analysis, ..Waivable::default() }
    }

    #[test]
    fn one_outranks_three_outranks_four_outranks_zero() {
        let [pass, fail, open, skip] =
            [Verdict::Pass, Verdict::Fail, Verdict::Inconclusive, Verdict::Skipped].map(|v| result("X", v));
        assert_eq!(code(&[pass.clone(), fail.clone(), open.clone()]), 1);
        assert_eq!(code(&[pass.clone(), open]), 3);
        assert_eq!(code(&[pass.clone(), skip.clone()]), 0);
        assert_eq!(code(std::slice::from_ref(&skip)), 4);
        assert_eq!(code(&[]), 4);
        let mut required = skip;
        required.required = true;
        assert_eq!(code(&[pass, required]), 3);
    }

    #[test]
    fn a_waived_fail_is_passed_over_until_its_last_day_and_stays_a_fail() {
        let today = NaiveDate::from_ymd_opt(2026, 11, 25).expect("a date");
        let mut scenarios = [result("A", Verdict::Fail), result("B", Verdict::Pass)];
        let waivers = [waiver("A", 25), waiver("Z", 30)];
        let done = apply_waivers(&waivers, today, to(&mut scenarios, None));
        assert_eq!(done.iter().map(|w| w.state.as_str()).collect::<Vec<_>>(), ["applied", "unmatched"]);
        assert_eq!(scenarios[0].verdict, Verdict::Fail);
        assert_eq!(code(&scenarios), 0);
        assert_eq!((summary(&scenarios)["waived"], summary(&scenarios)["fail"]), (1, 0));

        let mut late = [result("A", Verdict::Fail), result("B", Verdict::Pass)];
        let done = apply_waivers(&[waiver("A", 24)], today, to(&mut late, None));
        assert_eq!(done[0].state, "expired");
        assert_eq!(code(&late), 1);
    }

    /// Seven events of which one is missing and one is there twice.
    fn broken_log() -> EventLogResult {
        serde_json::from_value(serde_json::json!({
            "started": "2026-11-25T09:00:00Z", "finished": "2026-11-25T09:00:01Z",
            "scope": "s3://b/events/{sequence}.json", "rules": crate::profile::EventLogRules::default(),
            "allow_start": null, "versioning": "Enabled", "events": 7, "first_number": 0, "last_number": 7,
            "missing": 1, "versions": 7, "markers": 0, "appended": 0, "foreign": 0, "first_foreign": [],
            "token_changes": 0, "transitions": [], "checks": [], "findings": {"gap": 1, "duplicate-number": 2},
            "first": [], "unassessed": {}, "pages": 1, "log_sha256": "", "complete": true,
            "incomplete_reason": null,
        }))
        .expect("a result")
    }

    #[test]
    fn a_waiver_covers_a_word_of_the_event_log_and_no_other() {
        let today = NaiveDate::from_ymd_opt(2026, 11, 25).expect("a date");
        let scenarios = [result("A", Verdict::Pass)];
        let end = |log: &EventLogResult| {
            outcome(&Verdicts {
                scenarios: &scenarios,
                scan: None,
                findings: &[],
                analysis: None,
                event_log: Some(log),
                trails: &[],
                gate: Gate { fail_on: Severity::Medium, analysis_required: false },
                attacked: true,
            })
        };
        let apply = |log: &mut EventLogResult, waivers: &[Waiver]| {
            let to = Waivable { event_log: Some(log), ..Waivable::default() };
            apply_waivers(waivers, today, to).into_iter().map(|w| (w.state, w.covers)).collect::<Vec<_>>()
        };
        let mut log = broken_log();
        assert_eq!(end(&log).reason, "event log: 1 gap, 2 duplicate-number");
        let waivers = [waiver("gap", 25), waiver("two-holders", 25), waiver("duplicate-number", 24)];
        let [applied, unmatched, expired] = ["applied", "unmatched", "expired"].map(ToOwned::to_owned);
        assert_eq!(apply(&mut log, &waivers), [(applied.clone(), 1), (unmatched, 0), (expired, 2)]);
        assert_eq!((end(&log).exit_code, end(&log).reason.as_str()), (1, "event log: 2 duplicate-number"));
        assert_eq!(apply(&mut log, &[waiver("duplicate-number", 25)]), [(applied, 2)]);
        assert_eq!(end(&log).exit_code, 0);
        assert!(log.outcome(Severity::Medium).reason.ends_with("; accepted risks: gap, duplicate-number"));
        // What was not gone through is silence, which no waiver covers.
        (log.complete, log.incomplete_reason) = (false, Some("403".to_owned()));
        assert_eq!(end(&log).exit_code, 3);
    }

    fn analysis(findings: &[(AnalysisRule, Severity, AnalysisState)]) -> Analysis {
        let finding = |(rule, severity, state): &(AnalysisRule, Severity, AnalysisState)| AnalysisFinding {
            rule: *rule,
            severity: *severity,
            sentence: String::new(),
            statement: None,
            about: "bucket policy".to_owned(),
            remedy: String::new(),
            state: *state,
            confirm: Vec::new(),
            proven_by: None,
            proven_as: None,
            waived: None,
        };
        Analysis { findings: findings.iter().map(finding).collect(), ..Analysis::default() }
    }

    #[test]
    fn a_finding_of_the_analysis_fails_and_what_was_not_assessed_counts_only_where_it_is_required() {
        use AnalysisRule::{NotReadable, Public};
        use AnalysisState::{Analysed, NotAssessed, Proven};
        let pass = [result("A", Verdict::Pass)];
        let of = |state, severity, required| {
            with(&pass, Some(&analysis(&[(Public, severity, state)])), required).exit_code
        };
        assert_eq!(of(Analysed, Severity::Medium, false), 1);
        assert_eq!(of(Proven, Severity::Critical, false), 1);
        assert_eq!(of(Analysed, Severity::Low, true), 0);
        assert_eq!(of(AnalysisState::Refuted, Severity::Critical, true), 0);
        assert_eq!((of(NotAssessed, Severity::High, false), of(NotAssessed, Severity::High, true)), (0, 3));
        assert_eq!(of(NotAssessed, Severity::Low, true), 0);
        assert_eq!((with(&pass, None, false).exit_code, with(&pass, None, true).exit_code), (0, 3));
        let all = analysis(&[
            (Public, Severity::High, Analysed),
            (Public, Severity::High, Proven),
            (NotReadable, Severity::High, NotAssessed),
        ]);
        assert_eq!(with(&pass, Some(&all), true).reason, "2 findings of the analysis (public)");
        let failed = [result("A", Verdict::Fail)];
        assert_eq!(
            with(&failed, Some(&all), true).reason,
            "1 guarantee failed, 2 findings of the analysis (public)"
        );
    }

    #[test]
    fn a_waiver_covers_the_findings_of_its_rule_and_no_others() {
        use AnalysisRule::{MayChangePolicy, Public};
        use AnalysisState::{Analysed, Proven};
        let today = NaiveDate::from_ymd_opt(2026, 11, 25).expect("a date");
        let mut all = analysis(&[
            (Public, Severity::Critical, Proven),
            (MayChangePolicy, Severity::Medium, Analysed),
            (Public, Severity::High, Analysed),
        ]);
        // The scenario that proved it is waived by its own id, and the finding is not.
        let mut scenarios = [result("A", Verdict::Fail), result("B", Verdict::Pass)];
        let waivers = [waiver("A", 25), waiver("public", 25)];
        let done = apply_waivers(&waivers[..1], today, to(&mut scenarios, Some(&mut all)));
        assert_eq!(done[0].covers, 1);
        assert_eq!(with(&scenarios, Some(&all), false).exit_code, 1);
        let done = apply_waivers(&waivers, today, to(&mut scenarios, Some(&mut all)));
        assert_eq!((done[1].covers, done[1].state.as_str()), (2, "applied"));
        let end = with(&scenarios, Some(&all), false);
        assert_eq!(
            (end.exit_code, end.reason.as_str()),
            (1, "1 finding of the analysis (may-change-policy)")
        );
        let rest = [waiver("may-change-policy", 25)];
        apply_waivers(&rest, today, to(&mut scenarios, Some(&mut all)));
        assert_eq!(with(&scenarios, Some(&all), false).exit_code, 0);

        let mut late = analysis(&[(Public, Severity::Critical, Proven)]);
        let done = apply_waivers(&[waiver("public", 24)], today, to(&mut [], Some(&mut late)));
        assert_eq!(done[0].state, "expired");
        assert!(late.fails(Severity::Critical));
    }

    #[test]
    fn a_word_that_findings_about_the_bucket_have_said_is_not_said_again() {
        use AnalysisRule::{NoVersioning, NotReadable, Public};
        let said = |rule: FindingRule| Finding {
            rule,
            severity: rule.severity(),
            key: String::new(),
            version_id: String::new(),
            detail: String::new(),
            waived: None,
        };
        let high = |rule| (rule, Severity::High, AnalysisState::Analysed);
        let left = |said: &[Finding], about: &str| {
            let mut all = analysis(&[high(NoVersioning), high(NotReadable), high(Public)]);
            about.clone_into(&mut all.findings[1].about);
            all.leave_out(said);
            all.findings.iter().map(|f| f.rule).collect::<Vec<_>>()
        };
        assert_eq!(left(&[], "versioning"), [NoVersioning, NotReadable, Public]);
        assert_eq!(left(&[said(FindingRule::NoVersioning)], "versioning"), [NotReadable, Public]);
        assert_eq!(left(&[said(FindingRule::Unreadable)], "versioning"), [NoVersioning, Public]);
        assert_eq!(left(&[said(FindingRule::Unreadable)], "lifecycle"), [NoVersioning, NotReadable, Public]);
    }
}
