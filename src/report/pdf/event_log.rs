//! The check of the event log that a profile asks for.

use crate::record::Record;
use crate::record::event_log::PropertyState;
use crate::report::model::Status;
use crate::report::pdf::layout::{CODE, Flow, NOTE, SMALL, STRONG};
use crate::report::pdf::short;
use crate::report::pdf::table::{Cell, cell, left, right};
use crate::time::human;

/// How many findings are printed.
const NAMED: usize = 24;

/// Its own section, if the log was checked.
pub(super) fn event_log(flow: &mut Flow<'_>, record: &Record) {
    let Some(log) = &record.event_log else { return };
    flow.section("Event log");
    flow.facts(&[
        ("Keys", CODE, log.scope.clone()),
        ("From, to", SMALL, format!("{} – {}", human(log.started), human(log.finished))),
        ("Events", SMALL, log.events.to_string()),
        ("Log, SHA-256", CODE, log.log_sha256.clone()),
    ]);
    let row = |check: &crate::record::event_log::EventLogCheck| {
        let state = if check.state == PropertyState::Held { SMALL } else { STRONG };
        vec![
            cell(SMALL, check.property.sentence()),
            cell(state, check.state.word()),
            cell(SMALL, check.reason.clone()),
        ]
    };
    let rows = log.checks.iter().map(row).collect();
    flow.table(&[left("Property", 0.34), left("State", 0.16), left("Reason", 0.5)], rows);
    let rows: Vec<_> = log
        .by_rule()
        .map(|(rule, count, waived)| {
            let accepted =
                waived.map_or_else(String::new, |who| format!("accepted risk: {}", short(who, 300)));
            vec![
                cell(STRONG, rule.word()),
                cell(SMALL, rule.severity().word()),
                cell(NOTE, accepted),
                if waived.is_some() { Cell::Badge(Status::Waived) } else { cell(SMALL, "") },
                cell(STRONG, count.to_string()),
            ]
        })
        .collect();
    if rows.is_empty() {
        return;
    }
    flow.table(
        &[
            left("Finding", 0.2),
            left("Severity", 0.13),
            left("", 0.37),
            left("", 0.14),
            right("Number", 0.16),
        ],
        rows,
    );
    let rows = log
        .first
        .iter()
        .take(NAMED)
        .map(|f| {
            vec![
                cell(STRONG, f.rule.word()),
                cell(SMALL, f.number.to_string()),
                cell(SMALL, f.detail.clone()),
            ]
        })
        .collect();
    flow.table(&[left("Finding", 0.2), left("Event", 0.13), left("What", 0.67)], rows);
    let whole: u64 = log.findings.values().sum();
    let shown = log.first.len().min(NAMED) as u64;
    if whole > shown {
        flow.paragraph(NOTE, 0.0, &format!("{} further findings are in results.json.", whole - shown));
    }
}
