//! From verdicts to the end: waivers, the summary, and the exit code.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::profile::Waiver;
use crate::record::{Finding, FindingRule, Outcome, ScanResult, ScenarioResult, Verdict, WaiverResult};
use crate::scenario::Severity;

/// What the exit code is reckoned from.
#[derive(Debug, Clone, Copy)]
pub struct Verdicts<'a> {
    /// Every scenario of the suite.
    pub scenarios: &'a [ScenarioResult],
    /// The scan, if one was made.
    pub scan: Option<&'a ScanResult>,
    /// Findings about the bucket.
    pub findings: &'a [Finding],
    /// Findings of this severity and above fail the run.
    pub fail_on: Severity,
    /// Whether scenarios were to be run at all (`scan` runs none).
    pub attacked: bool,
}

/// Marks the failures that a valid waiver covers, and says what each waiver did. A waiver counts on its last day
/// and not after it. A waived failure stays a fail; only the exit code passes over it.
///
/// `scan` counts findings by rule; a waiver for a rule marks its first findings too.
pub fn apply_waivers(
    waivers: &[Waiver],
    today: NaiveDate,
    scenarios: &mut [ScenarioResult],
    scan: Option<&mut ScanResult>,
    findings: &mut [Finding],
) -> Vec<WaiverResult> {
    let mut scan = scan;
    waivers
        .iter()
        .map(|waiver| {
            let valid = today <= waiver.until;
            let text = format!("{} ({}, until {})", waiver.reason, waiver.owner, waiver.until);
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
            if let Some(scan) = scan.as_deref_mut() {
                covers += scan.findings.get(&waiver.id).copied().unwrap_or(0);
                for finding in scan.first.iter_mut().filter(of_rule).filter(|_| valid) {
                    finding.waived = Some(text.clone());
                }
                if valid && scan.findings.contains_key(&waiver.id) {
                    scan.waived_rules.push(waiver.id.clone());
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
    let found: Vec<&Finding> = others.into_iter().filter(|f| f.severity >= all.fail_on).collect();
    if !fails.is_empty() || !scanned.is_empty() || !found.is_empty() {
        let mut parts = Vec::new();
        if !fails.is_empty() {
            parts.push(format!("{} {} failed", fails.len(), plural(fails.len(), "guarantee")));
        }
        for (rule, count) in scanned {
            parts.push(format!("{count} {} {rule}", plural(usize::try_from(count).unwrap_or(2), "version")));
        }
        parts.extend(found.iter().map(|f| f.rule.word().to_owned()));
        return say(1, parts.join(", "));
    }

    let mut open = Vec::new();
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
        say(0, format!("all {passed} guarantees that were tested held"))
    } else {
        say(0, "every version that was scanned meets the requirement".to_owned())
    }
}

/// Whether findings of a scan rule count towards exit code 1: severe enough, and not waived.
/// What could not be read is silence: exit code 3, not 1.
fn rule_fails(all: &Verdicts<'_>, rule: &str) -> bool {
    let waived = all.scan.is_some_and(|s| s.waived_rules.iter().any(|w| w == rule));
    let is_silence =
        |known: FindingRule| matches!(known, FindingRule::Unreadable | FindingRule::SampleUnreadable);
    FindingRule::parse(rule)
        .is_none_or(|known| !is_silence(known) && known.severity() >= all.fail_on && !waived)
}

fn plural(count: usize, noun: &str) -> String {
    if count == 1 { noun.to_owned() } else { format!("{noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Cause;
    use crate::scenario::{Reach, Safety};

    fn result(id: &str, verdict: Verdict) -> ScenarioResult {
        ScenarioResult {
            id: id.to_owned(),
            title: String::new(),
            group: String::new(),
            severity: Severity::High,
            reach: Reach::Object,
            safety: Safety::Canary,
            threat: String::new(),
            note: String::new(),
            controls: Vec::new(),
            covers: Vec::new(),
            digest: String::new(),
            source: String::new(),
            verdict,
            cause: Cause::Held,
            reason: String::new(),
            weakest: None,
            required: false,
            waived: None,
            runs: Vec::new(),
        }
    }

    fn code(scenarios: &[ScenarioResult]) -> u8 {
        outcome(&Verdicts { scenarios, scan: None, findings: &[], fail_on: Severity::Medium, attacked: true })
            .exit_code
    }

    fn waiver(id: &str, day: u32) -> Waiver {
        Waiver {
            id: id.to_owned(),
            reason: "accepted".to_owned(),
            owner: "A. Person".to_owned(),
            until: NaiveDate::from_ymd_opt(2026, 11, day).expect("a date"),
        }
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
        let done = apply_waivers(&[waiver("A", 25), waiver("Z", 30)], today, &mut scenarios, None, &mut []);
        assert_eq!(done.iter().map(|w| w.state.as_str()).collect::<Vec<_>>(), ["applied", "unmatched"]);
        assert_eq!(scenarios[0].verdict, Verdict::Fail);
        assert_eq!(code(&scenarios), 0);
        assert_eq!((summary(&scenarios)["waived"], summary(&scenarios)["fail"]), (1, 0));

        let mut late = [result("A", Verdict::Fail), result("B", Verdict::Pass)];
        let done = apply_waivers(&[waiver("A", 24)], today, &mut late, None, &mut []);
        assert_eq!(done[0].state, "expired");
        assert_eq!(code(&late), 1);
    }
}
