//! The first sections: counts, the opinion, and what was not assessed.

use crate::record::Record;
use crate::record::analysis::AnalysisState;
use crate::report::model::{
    Counts, Status, groups, is_shared, not_assessed as open, ordered, shared_reasons,
};
use crate::report::opinion::opinion as paragraphs;
use crate::report::pdf::layout::{BODY, Flow, GREY, MARGIN, NOTE, SMALL, STRONG, Style, WIDTH, tint};
use crate::report::pdf::short;
use crate::report::pdf::table::{Cell, cell, left, right};
use crate::report::text::brief;
use crate::scenario::Severity;

pub(super) fn summary(flow: &mut Flow<'_>, record: &Record) {
    flow.section("Summary");
    if record.scenarios.is_empty() {
        let reason = &record.outcome.reason;
        flow.paragraph(
            BODY,
            0.0,
            &format!(
                "No scenario was part of this run, which ended with exit code {}: {reason}.",
                record.outcome.exit_code
            ),
        );
        return;
    }
    flow.paragraph(
        BODY,
        0.0,
        &format!(
            "{} scenarios: {}. {} of {} that were planned could be assessed{}. The run ended with exit code {}: {}.",
            record.scenarios.len(),
            Counts::of(&record.scenarios).words(),
            record.assessed,
            record.planned,
            if record.complete { "" } else { "; the run is not complete" },
            record.outcome.exit_code,
            record.outcome.reason,
        ),
    );
    flow.gap(8.0);
    bar(flow, &Counts::of(&record.scenarios));
    flow.heading("By group");
    let mut rows: Vec<Vec<Cell>> = groups(record).iter().map(|g| counted(g.name, &g.counts)).collect();
    rows.push(counted("all", &Counts::of(&record.scenarios)));
    flow.table(&columns("Group"), rows);
    flow.heading("By severity");
    let rows = Severity::ALL
        .iter()
        .rev()
        .map(|severity| (severity, Counts::of(record.scenarios.iter().filter(|s| s.severity == *severity))))
        .filter(|(_, counts)| counts.total() > 0)
        .map(|(severity, counts)| counted(severity.word(), &counts))
        .collect();
    flow.table(&columns("Severity"), rows);

    let broken =
        ordered(record.scenarios.iter().filter(|s| matches!(Status::of(s), Status::Fail | Status::Waived)));
    if broken.is_empty() {
        return;
    }
    flow.heading("What did not hold");
    let rows = broken
        .iter()
        .map(|s| {
            let mut text = vec![(STRONG, s.title.clone()), (SMALL, brief(&s.reason))];
            if let Some(waived) = &s.waived {
                text.push((NOTE, format!("accepted risk: {waived}")));
            }
            vec![
                Cell::Badge(Status::of(s)),
                cell(SMALL, s.severity.word()),
                cell(STRONG, s.id.clone()),
                Cell::Text(text),
                cell(SMALL, s.weakest.map_or("", |r| r.word())),
            ]
        })
        .collect();
    flow.table(
        &[
            left("Verdict", 0.13),
            left("Severity", 0.1),
            left("Scenario", 0.13),
            left("What was found", 0.49),
            left("Broken as", 0.15),
        ],
        rows,
    );
}

fn columns(first: &'static str) -> [crate::report::pdf::table::Column; 8] {
    [
        left(first, 0.2),
        right("Fail", 0.09),
        right("Waived", 0.1),
        right("Error", 0.1),
        right("Inconclusive", 0.16),
        right("Skipped", 0.12),
        right("Pass", 0.11),
        right("All", 0.12),
    ]
}

fn counted(name: &str, counts: &Counts) -> Vec<Cell> {
    let mut row = vec![cell(STRONG, name)];
    row.extend(Status::ALL.iter().map(|status| {
        let number = counts.get(*status);
        let style = if number > 0 {
            Style { colour: tint(*status), ..STRONG }
        } else {
            Style { colour: GREY, ..SMALL }
        };
        cell(style, number.to_string())
    }));
    row.push(cell(STRONG, counts.total().to_string()));
    row
}

/// A bar, each status as long as its share.
fn bar(flow: &mut Flow<'_>, counts: &Counts) {
    let part = |n: u64| f32::from(u16::try_from(n).unwrap_or(u16::MAX));
    let all = part(counts.total()).max(1.0);
    let mut x = MARGIN;
    for status in Status::ALL {
        let width = part(counts.get(status)) / all * WIDTH;
        if width > 0.0 {
            flow.fill(x, flow.y, (width - 1.0).max(1.0), 10.0, tint(status));
            x += width;
        }
    }
    flow.y += 18.0;
}

pub(super) fn opinion(flow: &mut Flow<'_>, record: &Record) {
    flow.section("Opinion");
    let paragraphs = paragraphs(record);
    let (first, rest) = paragraphs.split_at(1);
    let (status, _) = crate::report::opinion::banner(record);
    flow.notice(tint(status), BODY, first);
    for paragraph in rest {
        flow.paragraph(BODY, 0.0, paragraph);
        flow.gap(6.0);
    }
}

pub(super) fn not_assessed(flow: &mut Flow<'_>, record: &Record) {
    flow.section("What was not assessed, and why");
    let open = open(record);
    if record.only_reads_what_is_there() {
        flow.paragraph(
            BODY,
            0.0,
            "No scenario was run and no scan was made: nothing is said about whether records can be destroyed, altered \
             or unlocked. What could not be read stands in the sections below.",
        );
        return;
    }
    if open.is_empty() {
        flow.paragraph(BODY, 0.0, "Every scenario of the suite came to a verdict of pass or fail.");
    } else {
        flow.paragraph(BODY, 0.0, "Nothing is known about these guarantees. None of them counts as held.");
        flow.gap(6.0);
        let shared = shared_reasons(record);
        let rows = open
            .iter()
            .filter(|s| !is_shared(s, &shared))
            .map(|s| {
                let id = if s.required { format!("{} (required)", s.id) } else { s.id.clone() };
                vec![
                    Cell::Badge(Status::of(s)),
                    cell(STRONG, id),
                    Cell::Text(vec![(SMALL, s.title.clone()), (NOTE, s.reason.clone())]),
                    cell(SMALL, s.severity.word()),
                ]
            })
            .chain(shared.iter().map(|(reason, count)| {
                vec![
                    Cell::Badge(Status::Skipped),
                    cell(STRONG, format!("{count} of them")),
                    Cell::Text(vec![
                        (SMALL, (*reason).to_owned()),
                        (NOTE, "results.json names each of them.".to_owned()),
                    ]),
                    cell(SMALL, ""),
                ]
            }))
            .collect();
        flow.table(
            &[
                left("Verdict", 0.17),
                left("Scenario", 0.14),
                left("Guarantee, and why it is open", 0.58),
                left("Severity", 0.11),
            ],
            rows,
        );
    }
    match &record.scan {
        None => flow.paragraph(
            BODY,
            0.0,
            "No scan was made: nothing is said about the object versions in the bucket.",
        ),
        Some(scan) if !scan.complete => flow.paragraph(
            BODY,
            0.0,
            &format!(
                "The scan is not complete: {}. Versions that it did not reach are not assessed.",
                scan.incomplete_reason.as_deref().unwrap_or("reason unknown")
            ),
        ),
        Some(_) => {}
    }
    let open =
        record.analysis.iter().flat_map(|a| &a.findings).filter(|f| f.state == AnalysisState::NotAssessed);
    let named: Vec<String> = open.map(|f| format!("{} ({})", f.rule, f.about)).collect();
    if !named.is_empty() {
        flow.gap(6.0);
        let text =
            format!("Not assessed by the analysis, see its section: {}.", short(&named.join(", "), 800));
        flow.paragraph(BODY, 0.0, &text);
    }
}
