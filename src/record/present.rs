//! A judged run as people read it: what was attempted, by whom, what was answered, what was found.

use std::collections::BTreeMap;

use crate::lock::{Presence, Reading};
use crate::record::evidence::{LogEvidence, Observation, RunEvidence, StepEvidence};
use crate::record::judge::{Context, Folded, fold, judge, retention_words, said, tries};
use crate::record::{Cause, Judgement, RunResult, ScenarioResult, StepText, WitnessText};
use crate::scenario::{Expect, Role, Scenario, Step};

/// Judges the runs of a scenario and puts everything into one result.
#[must_use]
pub fn result(
    scenario: &Scenario,
    runs: &[RunEvidence],
    context: &Context<'_>,
    required: bool,
) -> ScenarioResult {
    let judged: Vec<(Option<Role>, Judgement)> =
        runs.iter().map(|evidence| (evidence.each, judge(scenario, evidence, context))).collect();
    let mut folded = fold(&judged);
    // Where the server has no such door there is no window in it, either.
    if let Some(text) = tries(scenario, &judged).filter(|_| folded.cause != Cause::NoSuchDoor) {
        folded.reason = format!("{}; {text}", folded.reason);
    }
    let runs = runs
        .iter()
        .zip(&judged)
        .map(|(evidence, (_, judgement))| run(scenario, evidence, judgement, context))
        .collect();
    with(scenario, folded, runs, required)
}

/// A scenario that has no run, with the reason.
#[must_use]
pub fn not_run(scenario: &Scenario, judgement: &Judgement, required: bool) -> ScenarioResult {
    let folded = Folded {
        verdict: judgement.verdict(),
        cause: judgement.cause(),
        reason: judgement.reason().to_owned(),
        weakest: None,
    };
    with(scenario, folded, Vec::new(), required)
}

fn with(scenario: &Scenario, folded: Folded, runs: Vec<RunResult>, required: bool) -> ScenarioResult {
    ScenarioResult {
        id: scenario.id.clone(),
        title: scenario.title.clone(),
        group: scenario.group.clone(),
        severity: scenario.severity,
        reach: scenario.reach,
        safety: scenario.safety,
        threat: scenario.threat.clone(),
        note: scenario.note.clone(),
        controls: scenario.controls.clone(),
        covers: scenario.covers.clone(),
        digest: scenario.digest.clone(),
        source: scenario.source.clone(),
        verdict: folded.verdict,
        cause: folded.cause,
        reason: folded.reason,
        weakest: folded.weakest,
        required,
        waived: None,
        runs,
    }
}

fn run(
    scenario: &Scenario,
    evidence: &RunEvidence,
    judgement: &Judgement,
    context: &Context<'_>,
) -> RunResult {
    let steps = evidence
        .groups
        .iter()
        .flat_map(|g| &g.steps)
        .filter_map(|done| {
            let step = scenario.steps.get(usize::try_from(done.step).ok()?)?;
            Some(step_text(scenario, evidence, step, done, context))
        })
        .collect();
    RunResult {
        principal: evidence.each,
        attempt: evidence.attempt,
        verdict: judgement.verdict(),
        cause: judgement.cause(),
        reason: judgement.reason().to_owned(),
        witnesses: judgement
            .witnesses()
            .iter()
            .map(|w| WitnessText { kind: w.kind().word().to_owned(), exchanges: w.exchanges().to_vec() })
            .collect(),
        steps,
        found: evidence
            .groups
            .last()
            .map(|g| &g.observed)
            .or(evidence.baseline.as_ref())
            .map_or_else(Vec::new, |last| found(evidence, last)),
        evidence: Some(evidence.clone()),
    }
}

fn step_text(
    scenario: &Scenario,
    evidence: &RunEvidence,
    step: &Step,
    done: &StepEvidence,
    context: &Context<'_>,
) -> StepText {
    let request = done
        .sent
        .first()
        .and_then(|s| context.exchanges.get(s.exchange))
        .map_or_else(String::new, |e| format!("{} {}", e.sent.method, e.sent.target));
    let expected = match step.expect {
        Expect::Refused => {
            format!("refused ({})", step.because.iter().map(|b| b.word()).collect::<Vec<_>>().join(" or "))
        }
        Expect::Either => "any answer; no harm".to_owned(),
        other => other.word().to_owned(),
    };
    let expected = if step.logged.is_empty() {
        expected
    } else {
        let parts: Vec<&str> = step.logged.iter().map(|part| part.word()).collect();
        format!("{expected}; in the server's log with {}", parts.join(", "))
    };
    let mut answers: BTreeMap<String, usize> = BTreeMap::new();
    for sent in &done.sent {
        *answers.entry(said(scenario, evidence, step, sent, context).to_string()).or_default() += 1;
    }
    let answered = if let Some(what) = &done.done {
        what.clone()
    } else if let Some(why) = &done.not_sent {
        format!("not sent ({why})")
    } else if done.sent.len() == 1 {
        answers.into_keys().next().unwrap_or_default()
    } else {
        answers.iter().map(|(text, n)| format!("{n} × {text}")).collect::<Vec<_>>().join(", ")
    };
    let log: Vec<String> = done.sent.iter().filter_map(|s| s.logged.as_ref()).map(logged).collect();
    let answered = if log.is_empty() { answered } else { format!("{answered}; {}", log.join(", ")) };
    StepText {
        purpose: step.purpose,
        text: step.text.clone(),
        principal: done.role,
        request,
        expected,
        answered,
        exchanges: done.sent.iter().map(|s| s.exchange).collect(),
    }
}

/// What the server's own log showed of a request.
fn logged(log: &LogEvidence) -> String {
    match &log.reading {
        Reading::Unread(why) => format!("its log was not read ({why})"),
        Reading::Known(entries) if entries.is_empty() => {
            format!("not in its log after {} s", log.waited_ms.div_ceil(1_000))
        }
        Reading::Known(entries) => {
            let texts: Vec<String> = entries.iter().map(ToString::to_string).collect();
            format!("in its log as: {}", texts.join(" | "))
        }
    }
}

/// One line a version: what it was, what it is.
fn found(evidence: &RunEvidence, last: &Observation) -> Vec<String> {
    last.versions
        .iter()
        .map(|observed| {
            let name = if observed.of == "own" {
                observed.object.clone()
            } else {
                format!("{} ({})", observed.object, observed.of)
            };
            let state = &observed.state;
            let text = match &state.presence {
                Reading::Known(Presence::Present { sha256, size }) => {
                    let sent = evidence.placed(&observed.object).and_then(|p| p.sha256.as_deref());
                    match sent {
                        Some(sent) if observed.of == "own" && sent == sha256 => {
                            format!("{name}: present, {size} bytes, SHA-256 {sha256} as uploaded")
                        }
                        Some(sent) if observed.of == "own" => {
                            format!("{name}: present with OTHER BYTES: SHA-256 {sha256}, uploaded was {sent}")
                        }
                        _ => format!("{name}: present, {size} bytes, SHA-256 {sha256}"),
                    }
                }
                Reading::Known(Presence::Marker) => format!("{name}: a delete marker"),
                Reading::Known(Presence::Gone) => format!("{name}: gone"),
                Reading::Unread(why) => format!("{name}: not read ({why})"),
            };
            let mut parts = vec![text];
            if matches!(&state.presence, Reading::Known(Presence::Present { .. })) {
                parts.push(match &state.retention {
                    Reading::Known(retention) => retention_words(*retention),
                    Reading::Unread(why) => format!("retention not read ({why})"),
                });
                parts.push(match &state.hold {
                    Reading::Known(hold) => format!("legal hold {}", hold.as_str()),
                    Reading::Unread(why) => format!("legal hold not read ({why})"),
                });
            }
            parts.push(match &state.listed {
                Reading::Known(true) => "listed".to_owned(),
                Reading::Known(false) => "not listed".to_owned(),
                Reading::Unread(_) => "listing not read".to_owned(),
            });
            parts.join("; ")
        })
        .collect()
}
