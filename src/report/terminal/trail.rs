//! The trails of records.

use std::fmt::Write as _;

use comfy_table::Cell;

use super::{Page, WIDE, colour, text};
use crate::record::Record;
use crate::record::trail::{TrailEntry, TrailResult, UNSEEN};
use crate::report::text::show;
use crate::report::trail::{completeness, content, counted, lock, status, time};

/// How many entries and findings of a trail are shown.
const NAMED: usize = 200;

impl Page {
    pub(super) fn trails(&self, record: &Record) -> Option<String> {
        if record.trails.is_empty() {
            return None;
        }
        let trails: Vec<String> = record.trails.iter().map(|t| self.trail(t)).collect();
        let mut unseen = self.table(&[]);
        unseen.add_row([text(UNSEEN)]);
        Some(format!("{}\n{}", trails.join("\n"), Self::print(unseen)))
    }

    fn trail(&self, trail: &TrailResult) -> String {
        let mut out = self.section(&format!("Trail of {}", show(&trail.id)));
        let mut facts = self.table(&[]);
        for (n, pattern) in trail.patterns.iter().enumerate() {
            facts.add_row([Cell::new(if n == 0 { "Found" } else { "" }), text(&counted(pattern))]);
        }
        facts.add_row([Cell::new("All"), text(&completeness(trail))]);
        facts.add_row([Cell::new("Digest"), text(&trail.trail_sha256)]);
        out.push_str(&Self::print(facts));
        if !trail.entries.is_empty() {
            let header: &[&str] = if self.width >= WIDE {
                &["Time", "What", "Key, version, content"]
            } else {
                &["Time", "What"]
            };
            let mut table = self.table(header);
            for entry in trail.entries.iter().take(NAMED) {
                table.add_row(self.entry(entry));
            }
            let _ = write!(out, "\n{}", Self::print(table));
            if trail.entries.len() > NAMED {
                let _ = writeln!(out, "and {} more (results.json)", trail.entries.len() - NAMED);
            }
        }
        if !trail.found.is_empty() {
            let mut table = self.table(&["Finding", "Severity", "What"]);
            for finding in trail.found.iter().take(NAMED) {
                let mut what = show(&finding.detail);
                if let Some(who) = trail.waived.get(finding.rule.word()) {
                    let _ = write!(what, "\naccepted risk: {}", show(who));
                }
                table.add_row([
                    text(finding.rule.word()),
                    Cell::new(finding.severity.word()).fg(colour(status(finding.severity))),
                    Cell::new(what),
                ]);
            }
            let _ = write!(out, "\n{}", Self::print(table));
            if trail.found.len() > NAMED {
                let _ = writeln!(out, "and {} more (results.json)", trail.found.len() - NAMED);
            }
        }
        out
    }

    fn entry(&self, entry: &TrailEntry) -> Vec<Cell> {
        let mut what = vec![entry.what.sentence().to_owned()];
        what.extend(lock(entry));
        let mut which = vec![entry.key.clone(), format!("version {}", entry.version_id)];
        which.extend(content(entry));
        let cell = |lines: Vec<String>| {
            Cell::new(lines.iter().map(|line| show(line)).collect::<Vec<_>>().join("\n"))
        };
        if self.width >= WIDE {
            return vec![text(&time(entry)), cell(what), cell(which)];
        }
        what.extend(which);
        vec![text(&time(entry)), cell(what)]
    }
}
