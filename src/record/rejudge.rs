//! Judging a record's evidence again, by the texts that are in it.

use crate::record::judge::Context;
use crate::record::log::check_chain;
use crate::record::outcome::{self, Verdicts, outcome};
use crate::record::trail::TrailResult;
use crate::record::{Exchanges, JUDGE, Record, SCHEMA, Verdict, present, profile_result, proof};
use crate::scenario::Dialects;
use crate::scenario::parse::parse_file;
use crate::scenario::suite::policy;

/// What does not fit. Empty: the record holds together, and its evidence gives its verdicts.
#[must_use]
pub fn rejudge(record: &Record) -> Vec<String> {
    let mut wrong = Vec::new();
    if record.schema != SCHEMA {
        wrong.push(format!("the record is of the schema {}, known is {SCHEMA}", record.schema));
        return wrong;
    }
    if record.tool.judge != JUDGE {
        wrong.push(format!("it was judged by rules {}, these are rules {JUDGE}", record.tool.judge));
    }
    if let Err(error) = check_chain(&record.events) {
        wrong.push(error.to_string());
    }
    if record.events.last().map(|e| e.chain.as_str()).unwrap_or_default() != record.log_head {
        wrong.push("the log does not end where the record says".to_owned());
    }
    let dialects = match Dialects::parse(&record.dialect.source) {
        Ok(dialects) => dialects,
        Err(error) => {
            wrong.push(error.to_string());
            return wrong;
        }
    };
    let Some(dialect) = dialects.named(&record.dialect.name) else {
        wrong.push(format!("there is no dialect {}", record.dialect.name));
        return wrong;
    };
    let because = |status: u16, code: &str, message: &str| dialect.because(status, code, message);
    let context = Context { exchanges: Exchanges::of(&record.events), dialect: &because };
    for result in &record.scenarios {
        let controls: Vec<&str> = result.controls.iter().map(String::as_str).collect();
        let parsed = parse_file(&result.id, &result.group, &result.source, &controls, &policy);
        let scenario = match parsed.as_deref() {
            Ok([scenario]) if scenario.id == result.id && scenario.digest == result.digest => scenario,
            _ => {
                wrong.push(format!("{}: its text is not the scenario of that id and digest", result.id));
                continue;
            }
        };
        let runs: Vec<_> = result.runs.iter().filter_map(|r| r.evidence.clone()).collect();
        if runs.len() != result.runs.len() {
            wrong.push(format!("{}: a run has no evidence", result.id));
            continue;
        }
        if runs.is_empty() {
            // Without evidence nothing can be said, and only these two say nothing.
            if !matches!(result.verdict, Verdict::Skipped | Verdict::Error) {
                wrong.push(format!("{}: {} without any run", result.id, result.verdict));
            }
            continue;
        }
        let mut again = present::result(scenario, &runs, &context, result.required);
        again.waived.clone_from(&result.waived);
        if again != *result {
            wrong.push(format!(
                "{}: the record says {} ({}), its evidence gives {} ({})",
                result.id, result.verdict, result.reason, again.verdict, again.reason
            ));
        }
    }
    if crate::record::outcome::summary(&record.scenarios) != record.summary {
        wrong.push("the summary does not count the scenarios".to_owned());
    }
    let assessed = record.scenarios.iter().filter(|s| matches!(s.verdict, Verdict::Pass | Verdict::Fail));
    let (assessed, whole) = (assessed.count() as u64, record.scan.as_ref().is_none_or(|s| s.complete));
    if record.assessed != assessed || record.complete != (assessed == record.planned && whole) {
        wrong.push("the record does not say rightly whether it is complete".to_owned());
    }
    // What the analysis read cannot be judged again here; what it calls proven can.
    if let Some(analysis) = &record.analysis {
        wrong.extend(analysis.misread());
        wrong.extend(proof::disproved(analysis, &record.scenarios, &record.principals));
    }
    wrong.extend(record.trails.iter().flat_map(TrailResult::again));
    wrong.extend(unaccepted(record));
    wrong.extend(outcome_again(record));
    wrong.extend(profile_result::again(record));
    wrong
}

/// Findings of the event log and of trails that are passed over without a waiver in force that says so.
fn unaccepted(record: &Record) -> Vec<String> {
    let day = record.times.started.date_naive();
    let covers =
        |word: &str, text: &str| {
            record.waivers.iter().map(|w| &w.waiver).any(|waiver| {
                waiver.id == word && day <= waiver.until && outcome::accepted_risk(waiver) == text
            })
        };
    let log = record.event_log.iter().flat_map(|log| &log.waived).map(|waived| ("event log", waived));
    let trails = record.trails.iter().flat_map(|trail| &trail.waived).map(|waived| ("trail", waived));
    log.chain(trails)
        .filter(|(_, (word, text))| !covers(word, text))
        .map(|(of, (word, _))| {
            format!("{of}: `{word}` is called an accepted risk, and no waiver in force accepts it")
        })
        .collect()
}

/// The exit code once more, from verdicts, findings and waivers as they stand.
fn outcome_again(record: &Record) -> Option<String> {
    let again = outcome(&Verdicts {
        scenarios: &record.scenarios,
        scan: record.scan.as_ref(),
        findings: &record.findings,
        analysis: record.analysis.as_ref(),
        event_log: record.event_log.as_ref(),
        trails: &record.trails,
        gate: record.gate?,
        // A scan has no scenarios; an audit names also those that it skipped.
        attacked: !record.scenarios.is_empty(),
    });
    (again != record.outcome).then(|| {
        format!(
            "the record ends with exit code {} ({}), its verdicts and findings give {} ({})",
            record.outcome.exit_code, record.outcome.reason, again.exit_code, again.reason
        )
    })
}
