//! The scan, findings, waivers, and what stays behind.

use std::fmt::Write as _;

use comfy_table::{Cell, Color};

use super::{NAMED, Page, number, text};
use crate::record::{Finding, Record, ScanResult, counted};
use crate::report::model::{rule_severity, rule_words, total_words};
use crate::report::text::show;
use crate::time::human;

impl Page {
    pub(super) fn scan(&self, scan: &ScanResult) -> String {
        let mut out = self.section("Scan");
        let mut table = self.table(&[]);
        let mut add = |name: &str, value: String| {
            table.add_row([Cell::new(name), text(&value)]);
        };
        add("Scope", scan.scope.clone());
        add("Required", requirement(scan));
        add(
            "Seen",
            format!(
                "{} of {}, {}",
                counted(scan.versions, "version"),
                counted(scan.keys, "key"),
                counted(scan.markers, "delete marker")
            ),
        );
        for (word, count) in &scan.totals {
            add("", format!("{count} {}", total_words(word)));
        }
        for (run, count) in &scan.left_out {
            add("Left out", format!("of the tool's own canaries, {count} of run {run}"));
        }
        for (name, value) in crate::report::terms::facts(scan) {
            add(&name, value);
        }
        add("Time", format!("{} to {}", human(scan.started), human(scan.finished)));
        if !scan.complete {
            let why = scan.incomplete_reason.as_deref().unwrap_or("reason unknown");
            add("NOT COMPLETE", why.to_owned());
        }
        out.push_str(&Self::print(table));
        if scan.findings.values().any(|n| *n > 0) {
            let mut table = self.table(&["Finding", "Severity", "Versions", ""]);
            for (rule, count) in scan.findings.iter().filter(|(_, n)| **n > 0) {
                let waived = scan.waived_rules.iter().any(|w| w == rule);
                let words = rule_words(rule);
                let words = if waived { format!("{words} (accepted risk)") } else { words.to_owned() };
                table.add_row([
                    text(rule),
                    Cell::new(rule_severity(rule).word()),
                    number(*count),
                    text(&words),
                ]);
            }
            let _ = write!(out, "\n{}", Self::print(table));
        }
        out
    }

    /// The bucket's findings, then the first of the scan.
    pub(super) fn findings(&self, record: &Record) -> Option<String> {
        let first = record.scan.as_ref().map_or(&[][..], |s| &s.first[..]);
        let all: Vec<&Finding> = record.findings.iter().chain(first).collect();
        if all.is_empty() {
            return None;
        }
        let mut out = self.section("First findings");
        let mut table = self.table(&["Finding", "Severity", "Where and what"]);
        for finding in all.iter().take(NAMED) {
            let place = if finding.key.is_empty() {
                "the bucket".to_owned()
            } else if finding.version_id.is_empty() {
                show(&finding.key)
            } else {
                format!("{}\nversion {}", show(&finding.key), show(&finding.version_id))
            };
            let mut place = format!("{place}\n{}", show(&finding.detail));
            if let Some(waived) = &finding.waived {
                let _ = write!(place, "\naccepted risk: {}", show(waived));
            }
            table.add_row([
                Cell::new(finding.rule.word()),
                Cell::new(finding.severity.word()),
                Cell::new(place),
            ]);
        }
        out.push_str(&Self::print(table));
        let counted = record.scan.as_ref().map_or(0, |s| s.findings.values().sum::<u64>());
        let whole = counted.max(first.len() as u64) + record.findings.len() as u64;
        let shown = all.len().min(NAMED) as u64;
        if whole > shown {
            let _ = writeln!(out, "and {} more (results.json, report.pdf)", whole - shown);
        }
        Some(out)
    }

    pub(super) fn attachments(&self, record: &Record) -> Option<String> {
        if record.attachments.is_empty() {
            return None;
        }
        let mut table = self.table(&["Attached document", "Type, size, SHA-256"]);
        for document in &record.attachments {
            let [name, about, sha256] = crate::report::terms::attachment(document);
            table.add_row([text(&name), Cell::new(format!("{}\n{}", show(&about), show(&sha256)))]);
        }
        Some(format!("{}{}", self.section("Attachments"), Self::print(table)))
    }

    pub(super) fn waivers(&self, record: &Record) -> Option<String> {
        if record.waivers.is_empty() {
            return None;
        }
        let mut out = self.section("Waivers");
        let mut table = self.table(&["Waiver", "State", "Covers", "Until", "Reason"]);
        for waiver in &record.waivers {
            let state = Cell::new(&waiver.state);
            table.add_row([
                text(&waiver.waiver.id),
                if waiver.state == "applied" { state } else { state.fg(Color::Yellow) },
                number(waiver.covers),
                Cell::new(waiver.waiver.until.to_string()),
                text(&format!("{} ({})", waiver.waiver.reason, waiver.waiver.owner)),
            ]);
        }
        out.push_str(&Self::print(table));
        Some(out)
    }

    pub(super) fn residue(&self, record: &Record) -> Option<String> {
        if record.residue.is_empty() {
            return None;
        }
        let mut out = self.section("Left behind (`wormproof cleanup` removes it when its lock has ended)");
        let mut table = self.table(&["Until", "What and why"]);
        for left in record.residue.iter().take(NAMED) {
            table.add_row([
                Cell::new(left.until.map_or_else(|| "no end known".to_owned(), human)),
                Cell::new(format!("{}\n{}", show(&format!("{}/{}", left.bucket, left.key)), show(&left.why))),
            ]);
        }
        out.push_str(&Self::print(table));
        if record.residue.len() > NAMED {
            let _ = writeln!(out, "and {} more (results.json)", record.residue.len() - NAMED);
        }
        Some(out)
    }
}

/// What the scan required of every version, in words.
#[must_use]
pub fn requirement(scan: &ScanResult) -> String {
    crate::report::terms::requirement(&scan.requirement)
}
