//! Scenarios with their verdicts.

use std::fmt::Write as _;

use comfy_table::{Attribute, Cell, ColumnConstraint, Width};

use super::{Page, WIDE, strong, text, verdict};
use crate::record::{Record, ScenarioResult};
use crate::report::model::{Status, groups, is_shared, shared_reasons};
use crate::report::text::{brief, show};

impl Page {
    /// The scenarios of the given statuses, by group; nothing if there is none.
    pub(super) fn verdicts(&self, record: &Record, title: &str, statuses: &[Status]) -> Option<String> {
        let shared = shared_reasons(record);
        let wanted = |s: &&&ScenarioResult| statuses.contains(&Status::of(s)) && !is_shared(s, &shared);
        let reasons = statuses != [Status::Pass];
        let wide = reasons && self.width >= WIDE;
        let mut header = vec!["Verdict", "Severity", "Scenario", ""];
        if wide {
            header.push("Reason");
        }
        let mut table = self.table(&header);
        let mut any = false;
        for group in groups(record) {
            let scenarios: Vec<&&ScenarioResult> = group.scenarios.iter().filter(wanted).collect();
            if scenarios.is_empty() {
                continue;
            }
            // The group's name stands in the table, so that one glance down the page finds it.
            if any {
                table.add_row([""]);
            }
            any = true;
            let count = Cell::new(format!("{} of {}", scenarios.len(), group.scenarios.len()));
            table.add_row([
                strong(text(group.name)),
                Cell::new(""),
                Cell::new(""),
                count.add_attribute(Attribute::Dim),
            ]);
            for scenario in scenarios {
                let status = Status::of(scenario);
                let reason = reason(scenario, status);
                let mut title = show(&scenario.title);
                if scenario.required && status == Status::Skipped {
                    title.push_str(" (required)");
                }
                if !wide && !reason.is_empty() {
                    let _ = write!(title, "\n→ {reason}");
                }
                let mut row = vec![
                    verdict(status),
                    Cell::new(scenario.severity.word()),
                    text(&scenario.id),
                    Cell::new(title),
                ];
                if wide {
                    row.push(Cell::new(reason));
                }
                table.add_row(row);
            }
        }
        if statuses.contains(&Status::Skipped) {
            for (reason, count) in &shared {
                any = true;
                table.add_row([
                    verdict(Status::Skipped),
                    Cell::new(""),
                    Cell::new(format!("{count} of them")),
                    text(reason),
                ]);
            }
        }
        for (index, width) in [(0, 14), (1, 10)] {
            if let Some(column) = table.column_mut(index) {
                column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(width)));
            }
        }
        if let (true, Some(column)) = (wide, table.column_mut(4)) {
            column.set_constraint(ColumnConstraint::LowerBoundary(Width::Percentage(40)));
        }
        any.then(|| format!("{}{}", self.section(title), Self::print(table)))
    }
}

/// Why a scenario is not a plain pass; of one only what a number of tries shows, if it is a race.
fn reason(scenario: &ScenarioResult, status: Status) -> String {
    if status == Status::Pass {
        let tries = scenario.reason.split_once("; ").map(|(_, text)| text);
        return tries.filter(|text| text.contains(" held: a window")).map(show).unwrap_or_default();
    }
    let mut text = show(&brief(&scenario.reason));
    if let Some(role) = scenario.weakest {
        let _ = write!(text, " (weakest principal that broke it: {role})");
    }
    if let Some(waived) = &scenario.waived {
        let _ = write!(text, "\naccepted risk: {}", show(waived));
    }
    text
}
