//! A part for each scenario; what did not hold in full, what held in a few lines.

use crate::record::{Record, RunResult, ScenarioResult, StepText};
use crate::report::model::{Counts, Status, ordered, telling_step};
use crate::report::pdf::fonts::Face;
use crate::report::pdf::layout::{
    BODY, CODE, CODE_NOTE, Flow, GREY, MARGIN, NOTE, RULE, SMALL, STRONG, Style, WIDTH, tint,
};
use crate::report::pdf::short;
use crate::report::pdf::table::{Cell, cell, left};

/// How many runs of a scenario are printed step by step.
const RUNS: usize = 4;
/// How many characters of a request, a key or an answer are printed.
const LONG: usize = 600;

pub(super) fn scenarios(flow: &mut Flow<'_>, record: &Record) {
    if !flow.at_top() {
        flow.new_page();
    }
    flow.section("Scenarios");
    if record.scenarios.is_empty() {
        flow.paragraph(BODY, 0.0, "No scenario was part of this run.");
        return;
    }
    // What was not run has nothing to show but its reason, and that stands among what was not assessed.
    let (idle, run): (Vec<&ScenarioResult>, Vec<&ScenarioResult>) =
        record.scenarios.iter().partition(|s| Status::of(s) == Status::Skipped && s.runs.is_empty());
    flow.paragraph(
        BODY,
        0.0,
        &format!(
            "What did not hold comes first, the most severe of it before the rest: {}. Steps are printed as they \
             went; a number in brackets names the exchange in results.json.",
            Counts::of(run.iter().copied()).words()
        ),
    );
    words(flow);
    if !idle.is_empty() {
        let text = format!(
            "{} further scenarios were not run; each is named with its reason among what was not assessed.",
            idle.len()
        );
        flow.paragraph(BODY, 0.0, &text);
    }
    flow.gap(8.0);
    let mut shown = None;
    for (number, scenario) in ordered(run).into_iter().enumerate() {
        let status = Status::of(scenario);
        if shown != Some(status) {
            shown = Some(status);
            flow.heading(match status {
                Status::Fail => "Did not hold",
                Status::Waived => "Did not hold; accepted risk",
                Status::Error => "In error",
                Status::Inconclusive => "Inconclusive",
                Status::Skipped => "Skipped",
                Status::Pass => "Held",
            });
        }
        let title = format!("4.{} {} {}", number + 1, short(&scenario.id, 40), short(&scenario.title, 240));
        match status {
            Status::Pass | Status::Skipped => brief(flow, &title, scenario, status),
            _ => full(flow, &title, scenario, status),
        }
    }
}

/// The words of the scenarios, for a reader who has not met them.
fn words(flow: &mut Flow<'_>) {
    let rows = [
        (
            "canary",
            "An object that the tool wrote for this run; ledger, draft, evidence, scratch are names of canaries.",
        ),
        ("attack", "A request that must do no harm to a locked canary, whatever the server answers."),
        (
            "control",
            "A request that shows that the same principal has the right: without it a refusal proves nothing.",
        ),
        ("promise", "A legal act whose effect the store owes, such as setting a lock."),
        ("principal", "Who sent a request, by role; the roles are in the section on target and principals."),
        (
            "reach",
            "How far an attack could go: object (one canary), bucket (a bucket of the tool's own, a twin), server.",
        ),
    ];
    flow.gap(6.0);
    let rows = rows.map(|(word, meaning)| vec![cell(STRONG, word), cell(SMALL, meaning)]).to_vec();
    flow.table(&[left("Word", 0.14), left("Means", 0.86)], rows);
}

fn classes(scenario: &ScenarioResult) -> String {
    let mut parts = vec![
        format!("severity {}", scenario.severity),
        format!("group {}", scenario.group),
        format!("reach {}", scenario.reach),
    ];
    if scenario.required {
        parts.push("required".to_owned());
    }
    if !scenario.controls.is_empty() {
        parts.push(format!("controls {}", scenario.controls.join(", ")));
    }
    parts.join(" · ")
}

/// A few lines, kept together.
fn brief(flow: &mut Flow<'_>, title: &str, scenario: &ScenarioResult, status: Status) {
    let mut parts = vec![(NOTE, classes(scenario)), (SMALL, scenario.reason.clone())];
    if let Some(step) = telling_step(scenario) {
        let answer = short(step.answered.trim_end_matches('.'), LONG);
        parts.push((SMALL, format!("{} Answer: {answer}.", short(&step.text, LONG))));
    }
    let shown: Vec<String> = scenario
        .runs
        .iter()
        .take(RUNS)
        .map(|run| {
            let witnesses: Vec<String> =
                run.witnesses.iter().map(|w| format!("{}{}", w.kind, numbers(&w.exchanges))).collect();
            let role = run.principal.map(|role| format!("{role}: ")).unwrap_or_default();
            format!("{role}{}", witnesses.join(", "))
        })
        .collect();
    if status == Status::Pass && !shown.is_empty() {
        let more = scenario.runs.len().saturating_sub(RUNS);
        let more = if more > 0 { format!("; and {more} more runs") } else { String::new() };
        parts.push((NOTE, format!("Shown by {}{more}", shown.join("; "))));
    }
    let heights = parts.iter().map(|(style, text)| {
        let lines = u8::try_from(flow.lines(*style, text, WIDTH).len()).unwrap_or(u8::MAX);
        f32::from(lines) * style.leading()
    });
    let height = heights.sum::<f32>() + 36.0;
    flow.ensure(height);
    flow.headed(title, status, 9.0, false);
    for (style, text) in &parts {
        flow.paragraph(*style, 0.0, text);
    }
    flow.y += 5.0;
    flow.fill(MARGIN, flow.y, WIDTH, 0.5, RULE);
    flow.y += 7.0;
}

/// Everything that a reader needs to follow the verdict.
fn full(flow: &mut Flow<'_>, title: &str, scenario: &ScenarioResult, status: Status) {
    flow.gap(4.0);
    flow.ensure(190.0);
    flow.headed(title, status, 11.5, true);
    flow.paragraph(NOTE, 0.0, &classes(scenario));
    flow.y += 5.0;
    let mut said = vec![format!("{}: {}", scenario.cause, scenario.reason)];
    if let Some(role) = scenario.weakest {
        said.push(format!("The weakest principal that broke it: {role}."));
    }
    if let Some(waived) = &scenario.waived {
        said.push(format!("Accepted risk: {waived}. It stays a fail."));
    }
    flow.notice(tint(status), BODY, &said);
    labelled(flow, "Threat", &scenario.threat);
    labelled(flow, "Note", &scenario.note);
    let mut runs: Vec<&RunResult> = scenario.runs.iter().collect();
    runs.sort_by_key(|r| std::cmp::Reverse(r.verdict.weight()));
    for printed in runs.iter().take(RUNS) {
        run(flow, printed, &scenario.reason);
    }
    if runs.len() > RUNS {
        flow.paragraph(NOTE, 0.0, &format!("{} further runs are in results.json.", runs.len() - RUNS));
    }
    flow.y += 12.0;
}

fn labelled(flow: &mut Flow<'_>, label: &str, text: &str) {
    if text.is_empty() {
        return;
    }
    flow.ensure(30.0);
    flow.paragraph(Style { colour: GREY, ..STRONG }, 0.0, label);
    flow.paragraph(Style { size: 9.0, ..BODY }, 0.0, text);
    flow.y += 4.0;
}

/// One run; its reason only where it is not the scenario's.
fn run(flow: &mut Flow<'_>, run: &RunResult, scenario: &str) {
    flow.ensure(90.0);
    let who = run.principal.map_or_else(|| "Run".to_owned(), |role| format!("Run as {role}"));
    let attempt = if run.attempt > 1 { format!(", repetition {}", run.attempt) } else { String::new() };
    flow.y += 2.0;
    let top = flow.y;
    flow.paragraph(
        Style::new(Face::Bold, 9.0, crate::report::pdf::layout::INK),
        0.0,
        &format!("{who}{attempt}"),
    );
    flow.badge(Status::from(run.verdict), MARGIN + WIDTH, top, 6.4);
    if run.reason != scenario {
        flow.paragraph(SMALL, 0.0, &run.reason);
    }
    flow.y += 4.0;
    let rows = run.steps.iter().map(step).collect();
    flow.table(
        &[
            left("Purpose", 0.1),
            left("What was attempted", 0.44),
            left("By", 0.15),
            left("What was answered", 0.31),
        ],
        rows,
    );
    if !run.found.is_empty() {
        flow.ensure(40.0);
        flow.paragraph(Style { colour: GREY, ..STRONG }, 0.0, "What was found afterwards");
        for line in &run.found {
            flow.bullet(CODE, &short(line, LONG));
        }
        flow.y += 6.0;
    }
}

fn step(step: &StepText) -> Vec<Cell> {
    vec![
        cell(STRONG, step.purpose.word()),
        Cell::Text(vec![(SMALL, short(&step.text, LONG)), (CODE_NOTE, short(&step.request, LONG))]),
        cell(SMALL, step.principal.word()),
        Cell::Text(vec![
            (SMALL, short(&step.answered, LONG)),
            (NOTE, format!("expected: {}{}", step.expected, numbers(&step.exchanges))),
        ]),
    ]
}

/// Exchange numbers in brackets after a space, long lists cut short; nothing for none.
fn numbers(exchanges: &[u64]) -> String {
    let mut text: Vec<String> = exchanges.iter().take(6).map(u64::to_string).collect();
    if exchanges.len() > 6 {
        text.push("…".to_owned());
    }
    if text.is_empty() { String::new() } else { format!(" [{}]", text.join(", ")) }
}
