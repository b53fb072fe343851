//! The check of the event log that a profile asks for.

use std::fmt::Write as _;

use comfy_table::Cell;

use super::{NAMED, Page, number, text};
use crate::record::Record;
use crate::report::text::show;

impl Page {
    /// Its properties, then its findings by rule, then the first of them.
    pub(super) fn event_log(&self, record: &Record) -> Option<String> {
        let log = record.event_log.as_ref()?;
        let mut out = self.section("Event log");
        let _ = writeln!(out, "{}: {} events", show(&log.scope), log.events);
        let mut table = self.table(&["Property", "State", "Reason"]);
        for check in &log.checks {
            table.add_row([
                Cell::new(check.property.sentence()),
                Cell::new(check.state.word()),
                text(&check.reason),
            ]);
        }
        out.push_str(&Self::print(table));
        if log.by_rule().next().is_none() {
            return Some(out);
        }
        let mut table = self.table(&["Finding", "Severity", "Number", ""]);
        for (rule, count, waived) in log.by_rule() {
            let accepted = waived.map_or_else(String::new, |who| format!("accepted risk: {who}"));
            table.add_row([
                Cell::new(rule.word()),
                Cell::new(rule.severity().word()),
                number(count),
                text(&accepted),
            ]);
        }
        let _ = write!(out, "\n{}", Self::print(table));
        for finding in log.first.iter().take(NAMED) {
            let _ = writeln!(out, "{} at {}: {}", finding.rule, finding.number, show(&finding.detail));
        }
        let whole: u64 = log.findings.values().sum();
        let shown = log.first.len().min(NAMED) as u64;
        if whole > shown {
            let _ = writeln!(out, "and {} more (results.json)", whole - shown);
        }
        Some(out)
    }
}
