//! The record as metrics for Prometheus, in its text exposition format.
//!
//! | metric | is |
//! | --- | --- |
//! | `wormproof_evidence_stored_total` / `…_store_attempts_total` | canaries that were read back as they were uploaded / uploads of canaries |
//! | `wormproof_versions_protected` / `…_validated` | versions of the scan that meet the requirement / whose lock could be read |
//! | `wormproof_request_duration_seconds` | time until an answer was whole, by operation |
//! | `wormproof_evidence_chain_intact` | whether the record's hash chain holds |
//!
//! Counters belong to one run and begin anew with the next. What a run did not do has no metric: without attacks no
//! uploads, without a scan no versions. A virtual clock measures no durations.

mod operation;
mod text;

use std::collections::BTreeMap;

use crate::lock::Presence;
use crate::record::event_log::EventLogResult;
use crate::record::log::check_chain;
use crate::record::{FindingRule, Record, RunEvidence, What};

use super::text::show;
use text::{Labels, Text, labels, seconds};

/// When the last complete run ended; the one metric that outlives an incomplete run in a file.
pub const LAST_COMPLETE: &str = "wormproof_last_complete_run_timestamp_seconds";

/// Upper bounds of the histogram, in microseconds.
const BOUNDS: [u64; 13] = [
    1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000,
    10_000_000,
];

/// Labels that the tool gives itself, and those that Prometheus gives.
const TAKEN: [&str; 14] = [
    "bucket",
    "prefix",
    "target",
    "command",
    "profile",
    "verdict",
    "rule",
    "severity",
    "source",
    "waived",
    "operation",
    "le",
    "job",
    "instance",
];

/// Why a label cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{label}` is no label: {why}")]
pub struct LabelError {
    /// As given.
    pub label: String,
    /// What is wrong.
    pub why: &'static str,
}

impl LabelError {
    /// What the user may do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        "write NAME=VALUE: `environment=production`"
    }
}

/// Reads `NAME=VALUE`.
///
/// # Errors
/// [`LabelError`] if Prometheus would not take the name, or it is one of the tool's own.
pub fn parse_label(text: &str) -> Result<(String, String), LabelError> {
    let fail = |why| LabelError { label: text.to_owned(), why };
    let (name, value) = text.split_once('=').ok_or_else(|| fail("there is no `=`"))?;
    let letter = |c: char| c.is_ascii_alphabetic() || c == '_';
    if !name.starts_with(letter) || !name.chars().all(|c| letter(c) || c.is_ascii_digit()) {
        return Err(fail("a name has only letters, digits and `_`, and begins with no digit"));
    }
    if name.starts_with("__") {
        return Err(fail("names with `__` belong to Prometheus"));
    }
    if TAKEN.contains(&name) {
        return Err(fail("the tool or Prometheus gives this label itself"));
    }
    if value.is_empty() {
        return Err(fail("an empty value is no label"));
    }
    if value.chars().any(char::is_control) {
        return Err(fail("a control character stands in its value"));
    }
    Ok((name.to_owned(), value.to_owned()))
}

/// The labels of every metric of a record: what was audited, by which command and profile, and the operator's own. The
/// first one of a name counts.
#[must_use]
pub fn common_labels(record: &Record, own: &[(String, String)]) -> Vec<(String, String)> {
    let target = &record.target;
    let mut all: Labels = vec![
        ("bucket".to_owned(), show(&target.bucket)),
        ("prefix".to_owned(), show(&target.prefix)),
        ("target".to_owned(), show(&target.endpoint)),
    ];
    let command = record.arguments.iter().find(|a| matches!(a.as_str(), "audit" | "attack" | "scan"));
    all.extend(command.map(|c| ("command".to_owned(), c.clone())));
    all.extend(profile(record).map(|p| ("profile".to_owned(), show(p))));
    for (name, value) in own {
        if !all.iter().any(|(known, _)| known == name) {
            all.push((name.clone(), value.clone()));
        }
    }
    all
}

/// The profile that the run was asked for.
fn profile(record: &Record) -> Option<&str> {
    let mut arguments = record.arguments.iter();
    while let Some(argument) = arguments.next() {
        if argument == "--profile" {
            return arguments.next().map(String::as_str);
        }
        if let Some(name) = argument.strip_prefix("--profile=") {
            return Some(name);
        }
    }
    None
}

/// The end of the last complete run that an earlier exposition tells of under the same labels, in seconds since 1970.
#[must_use]
pub fn last_complete(exposition: &str, common: &[(String, String)]) -> Option<i64> {
    let begins = format!("{LAST_COMPLETE}{} ", labels(&common.to_vec(), &[]));
    exposition.lines().find_map(|line| line.strip_prefix(begins.as_str()))?.trim().parse().ok()
}

/// The exposition. `earlier` is the end of the last complete run as known before; it is kept if this one is not complete.
#[must_use]
pub fn exposition(record: &Record, own: &[(String, String)], earlier: Option<i64>) -> String {
    let mut out = Text::new(common_labels(record, own));
    stored(&mut out, record);
    validated(&mut out, record);
    durations(&mut out, record);

    let name = "wormproof_evidence_chain_intact";
    out.family(name, "gauge", "Whether the hash chain of the record's evidence holds (1) or is broken (0).");
    let head = record.events.last().map(|e| e.chain.as_str()).unwrap_or_default();
    let intact = check_chain(&record.events).is_ok() && head == record.log_head;
    out.sample(name, &[], u8::from(intact));

    let name = "wormproof_scenarios";
    out.family(name, "gauge", "Scenarios of the last run by verdict; a waived fail is counted as waived.");
    for (verdict, count) in &record.summary {
        out.sample(name, &[("verdict", verdict)], count);
    }
    findings(&mut out, record);

    let mut one = |name: &str, help: &str, value: i64| {
        out.family(name, "gauge", help);
        out.sample(name, &[], value);
    };
    one(
        "wormproof_exit_code",
        "How the last run ended: 0 all held, 1 a guarantee failed, 3 no conclusion, 4 nothing tested.",
        i64::from(record.outcome.exit_code),
    );
    one(
        "wormproof_run_complete",
        "Whether everything that was planned was assessed (1) or not (0).",
        i64::from(record.complete),
    );
    let finished = record.times.finished.timestamp();
    one("wormproof_run_timestamp_seconds", "When the last run ended.", finished);
    if let Some(at) = if record.complete { Some(finished) } else { earlier } {
        one(LAST_COMPLETE, "When the last run ended that assessed everything that was planned.", at);
    }
    out.into_string()
}

fn stored(out: &mut Text, record: &Record) {
    let runs = || record.scenarios.iter().flat_map(|s| &s.runs).filter_map(|r| r.evidence.as_ref());
    if runs().next().is_none() {
        return;
    }
    let (mut attempts, mut kept) = (0_u64, 0_u64);
    for run in runs() {
        for placed in run.objects.iter().filter(|p| !p.exchanges.is_empty()) {
            attempts += 1;
            kept += u64::from(is_stored(run, &placed.object, placed.sha256.as_deref()));
        }
    }
    let name = "wormproof_evidence_stored_total";
    out.family(name, "counter", "Canaries of the last run that were read back as they had been uploaded.");
    out.sample(name, &[], kept);
    let name = "wormproof_evidence_store_attempts_total";
    out.family(name, "counter", "Canaries that the last run uploaded, whatever was answered.");
    out.sample(name, &[], attempts);
}

/// Whether the first read-back found the bytes that were uploaded. The answer to the upload does not count.
fn is_stored(run: &RunEvidence, object: &str, uploaded: Option<&str>) -> bool {
    let read = run.baseline.as_ref().and_then(|b| b.version(object, "own"));
    match read.and_then(|r| r.state.presence.known()) {
        Some(Presence::Present { sha256, .. }) => Some(sha256.as_str()) == uploaded,
        _ => false,
    }
}

fn validated(out: &mut Text, record: &Record) {
    let Some(scan) = &record.scan else { return };
    let Some(protected) = scan.protected else { return };
    let unread = scan.findings.get(FindingRule::Unreadable.word()).copied().unwrap_or(0);
    let name = "wormproof_versions_validated";
    out.family(name, "gauge", "Object versions whose lock the last scan could read.");
    out.sample(name, &[], scan.versions.saturating_sub(unread));
    let name = "wormproof_versions_protected";
    out.family(name, "gauge", "Object versions whose lock meets what was required of them.");
    out.sample(name, &[], protected);
    let name = "wormproof_versions_seen";
    out.family(name, "gauge", "Object versions that the last scan saw, assessed or not.");
    out.sample(name, &[], scan.versions);
}

fn durations(out: &mut Text, record: &Record) {
    if record.times.clock == "virtual" {
        return;
    }
    let mut all: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for event in &record.events {
        if let What::Exchange(exchange) = &event.what
            && exchange.answer().is_some()
        {
            let name = operation::operation(&exchange.sent, &record.target.endpoint);
            all.entry(name).or_default().push(exchange.elapsed_us);
        }
    }
    if all.is_empty() {
        return;
    }
    let name = "wormproof_request_duration_seconds";
    let help =
        "Time until the store's answer was whole, by operation, of the exchanges that the record keeps.";
    out.family(name, "histogram", help);
    let (bucket, sum, count) = (format!("{name}_bucket"), format!("{name}_sum"), format!("{name}_count"));
    for (operation, durations) in all {
        for bound in BOUNDS {
            let within = durations.iter().filter(|d| **d <= bound).count();
            let le = seconds(u128::from(bound));
            out.sample(&bucket, &[("operation", operation), ("le", &le)], within);
        }
        out.sample(&bucket, &[("operation", operation), ("le", "+Inf")], durations.len());
        let total: u128 = durations.iter().map(|d| u128::from(*d)).sum();
        out.sample(&sum, &[("operation", operation)], seconds(total));
        out.sample(&count, &[("operation", operation)], durations.len());
    }
}

fn findings(out: &mut Text, record: &Record) {
    let mut all: BTreeMap<(&str, &str, &str, bool), u64> = BTreeMap::new();
    for (rule, count) in record.scan.iter().flat_map(|s| &s.findings) {
        let severity = FindingRule::parse(rule).map_or("unknown", |r| r.severity().word());
        let waived = record.scan.iter().any(|s| s.waived_rules.contains(rule));
        *all.entry(("scan", rule, severity, waived)).or_default() += count;
    }
    for finding in &record.findings {
        let key = ("bucket", finding.rule.word(), finding.severity.word(), finding.waived.is_some());
        *all.entry(key).or_default() += 1;
    }
    for (rule, count, waived) in record.event_log.iter().flat_map(EventLogResult::by_rule) {
        all.insert(("event-log", rule.word(), rule.severity().word(), waived.is_some()), count);
    }
    let name = "wormproof_findings";
    if all.is_empty() {
        return;
    }
    out.family(
        name,
        "gauge",
        "Findings of the last run about versions (scan), the bucket and the event log, by rule.",
    );
    for ((source, rule, severity, waived), count) in all {
        let waived = if waived { "true" } else { "false" };
        let own = [("source", source), ("rule", rule), ("severity", severity), ("waived", waived)];
        out.sample(name, &own, count);
    }
}

#[cfg(test)]
mod tests;
