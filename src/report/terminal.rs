//! Tables for a terminal or a text file.
//!
//! The width is passed in and kept; colour is passed in and never carries a meaning that the words do not.

mod profile;

use std::fmt::Write as _;

use comfy_table::{
    Attribute, Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, Table, TableComponent,
    Width, presets,
};

use crate::record::{Finding, Record, ScanResult, ScenarioResult};
use crate::report::Options;
use crate::report::model::{
    Counts, Status, banner, brief, groups, headline, rule_severity, rule_words, show, total_words,
};
use crate::time::human;

/// From this width on the reason has a column of its own.
const WIDE: u16 = 120;
/// How many findings and left-over versions are named.
const NAMED: usize = 20;

/// The whole report as text, each line no longer than the width.
#[must_use]
pub fn table(record: &Record, options: &Options<'_>) -> String {
    let page = Page { width: options.width.max(60), colour: options.colour };
    let mut parts = vec![page.summary(record), page.facts(record)];
    if !record.scenarios.is_empty() {
        parts.push(page.by_group(record));
        parts.extend(page.verdicts(record, "Held", &[Status::Pass]));
        parts.extend(page.verdicts(record, "Not run", &[Status::Skipped]));
    }
    if let Some(scan) = &record.scan {
        parts.push(page.scan(scan));
    }
    parts.extend(page.findings(record));
    parts.extend(page.waivers(record));
    parts.extend(page.residue(record));
    // What matters most stands last, where the prompt is.
    let open = [Status::Fail, Status::Waived, Status::Error, Status::Inconclusive];
    parts.extend(page.verdicts(record, "Did not hold, or no conclusion", &open));
    parts.extend(page.profile(record));
    parts.push(page.end(record, options.written));
    parts.join("\n")
}

struct Page {
    width: u16,
    colour: bool,
}

fn colour(status: Status) -> Color {
    match status {
        Status::Fail => Color::Red,
        Status::Waived | Status::Inconclusive => Color::Yellow,
        Status::Error => Color::Magenta,
        Status::Skipped => Color::DarkGrey,
        Status::Pass => Color::Green,
    }
}

fn verdict(status: Status) -> Cell {
    Cell::new(status.word()).fg(colour(status)).add_attribute(Attribute::Bold)
}

fn text(text: &str) -> Cell {
    Cell::new(show(text))
}

fn number(number: u64) -> Cell {
    Cell::new(number.to_string()).set_alignment(CellAlignment::Right)
}

fn strong(cell: Cell) -> Cell {
    cell.add_attribute(Attribute::Bold)
}

impl Page {
    fn table(&self, header: &[&str]) -> Table {
        let mut table = Table::new();
        table
            .load_preset(presets::NOTHING)
            .set_width(self.width)
            .set_content_arrangement(ContentArrangement::Dynamic);
        if self.colour {
            table.enforce_styling();
        } else {
            table.force_no_tty();
        }
        if !header.is_empty() {
            table.set_header(header.iter().map(|h| strong(Cell::new(h))));
            table.set_style(TableComponent::HeaderLines, '─');
            table.set_style(TableComponent::MiddleHeaderIntersections, '─');
        }
        table
    }

    fn print(mut table: Table) -> String {
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        let mut out = String::new();
        for line in table.lines() {
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }

    fn section(&self, title: &str) -> String {
        let mut table = self.table(&[]);
        table.add_row([strong(Cell::new(title))]);
        Self::print(table)
    }

    /// The verdict and its reason: the first lines and the last.
    fn summary(&self, record: &Record) -> String {
        let (status, words) = banner(record);
        let mut table = self.table(&[]);
        table.add_row([strong(Cell::new(words).fg(colour(status)))]);
        table.add_row([text(&headline(record))]);
        Self::print(table)
    }

    fn facts(&self, record: &Record) -> String {
        let target = &record.target;
        let mut table = self.table(&[]);
        let mut add = |name: &str, value: &str| {
            table.add_row([Cell::new(name), text(value)]);
        };
        add("Target", &target.description);
        add("Endpoint", &target.endpoint);
        if let Some(server) = &target.server {
            let version = target.version.as_deref().unwrap_or("version unknown");
            add("Server", &format!("{server}, {version}"));
        }
        add("Scope", &format!("s3://{}/{}", target.bucket, target.prefix));
        add("Run", &record.run_id);
        add("Started", &format!("{} ({} clock)", human(record.times.started), record.times.clock));
        add("Finished", &human(record.times.finished));
        if record.suite_changed {
            add("Suite", "CHANGED: not qualified");
        }
        add("Tool", &format!("{} {}, {}", record.tool.name, record.tool.version, record.qualification));
        Self::print(table)
    }

    fn by_group(&self, record: &Record) -> String {
        let mut header = vec!["Group"];
        header.extend(Status::ALL.iter().map(|s| match s {
            Status::Inconclusive if self.width < WIDE => "INCONCL.",
            other => other.word(),
        }));
        header.push("ALL");
        let mut table = self.table(&header);
        let mut add = |name: Cell, counts: &Counts| {
            let mut row = vec![name];
            row.extend(Status::ALL.iter().map(|s| {
                let cell = number(counts.get(*s));
                if counts.get(*s) > 0 { cell.fg(colour(*s)) } else { cell.fg(Color::DarkGrey) }
            }));
            row.push(number(counts.total()));
            table.add_row(row);
        };
        for group in groups(record) {
            add(text(group.name), &group.counts);
        }
        add(strong(Cell::new("all")), &Counts::of(&record.scenarios));
        Self::print(table)
    }

    /// The scenarios of the given statuses, by group; nothing if there is none.
    fn verdicts(&self, record: &Record, title: &str, statuses: &[Status]) -> Option<String> {
        let wanted = |s: &&&ScenarioResult| statuses.contains(&Status::of(s));
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

    fn scan(&self, scan: &ScanResult) -> String {
        let mut out = self.section("Scan");
        let mut table = self.table(&[]);
        let mut add = |name: &str, value: String| {
            table.add_row([Cell::new(name), text(&value)]);
        };
        add("Scope", scan.scope.clone());
        add("Required", requirement(scan));
        add(
            "Seen",
            format!("{} versions of {} keys, {} delete markers", scan.versions, scan.keys, scan.markers),
        );
        for (word, count) in &scan.totals {
            add("", format!("{count} {}", total_words(word)));
        }
        for (run, count) in &scan.left_out {
            add("Left out", format!("{count} own canaries of run {run}"));
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
    fn findings(&self, record: &Record) -> Option<String> {
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

    fn waivers(&self, record: &Record) -> Option<String> {
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

    fn residue(&self, record: &Record) -> Option<String> {
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

    fn end(&self, record: &Record, written: Option<&str>) -> String {
        let counts = Counts::of(&record.scenarios);
        let (status, words) = banner(record);
        let mut table = self.table(&[]);
        if let Some(written) = written {
            table.add_row([text(&format!("Written to {written}"))]);
        }
        table.add_row([text(&format!(
            "Scenarios: {}; assessed {} of {} planned{}",
            counts.words(),
            record.assessed,
            record.planned,
            if record.complete { "" } else { ", NOT COMPLETE" }
        ))]);
        table.add_row([Cell::new(show(&format!(
            "{words}: {} (exit code {})",
            record.outcome.reason, record.outcome.exit_code
        )))
        .fg(colour(status))
        .add_attribute(Attribute::Bold)]);
        Self::print(table)
    }
}

/// Why a scenario is not a plain pass; empty for one.
fn reason(scenario: &ScenarioResult, status: Status) -> String {
    if status == Status::Pass {
        return String::new();
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

/// What the scan required of every version, in words.
#[must_use]
pub fn requirement(scan: &ScanResult) -> String {
    let requirement = &scan.requirement;
    let mut parts = Vec::new();
    if let Some(mode) = &requirement.mode {
        parts.push(format!("mode {mode}"));
    }
    if let Some(least) = &requirement.min_retention {
        parts.push(format!("retention of at least {least}"));
    }
    if requirement.hold {
        parts.push("a legal hold".to_owned());
    }
    if parts.is_empty() { "any lock in force".to_owned() } else { parts.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn at(width: u16) -> String {
        let options =
            Options { width, written: Some("reports/01JD6ZP4K7Q8V9W2X3Y4Z5A6B7"), ..Options::default() };
        table(&sample::record(), &options)
    }

    #[test]
    fn eighty_columns() {
        insta::assert_snapshot!("terminal_80", at(80));
    }

    #[test]
    fn a_hundred_and_sixty_columns() {
        insta::assert_snapshot!("terminal_160", at(160));
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        for width in [60, 80, 100, 119, 120, 160] {
            for line in at(width).lines() {
                // The sample's wide characters take two columns each.
                let columns: usize = line.chars().map(|c| if c >= '\u{2E80}' { 2 } else { 1 }).sum();
                assert!(columns <= usize::from(width), "{width}: {line}");
            }
        }
    }

    #[test]
    fn without_colour_there_is_no_escape_and_with_it_the_words_are_the_same() {
        let plain = at(100);
        assert!(!plain.contains('\u{1b}') && !plain.contains('\u{202E}'));
        let options = Options {
            colour: true,
            written: Some("reports/01JD6ZP4K7Q8V9W2X3Y4Z5A6B7"),
            ..Options::default()
        };
        let coloured = table(&sample::record(), &options);
        assert!(coloured.contains('\u{1b}') && !coloured.contains('\u{202E}'));
        let codes = regex::Regex::new("\u{1b}\\[[0-9;]*m").expect("a pattern");
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(words(&codes.replace_all(&coloured, "")), words(&plain));
    }

    #[test]
    fn every_reason_is_printed() {
        let text = at(80).split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains("capability bucket-policy is missing"), "{text}");
        assert!(text.contains("accepted risk: hold service is replaced in Q1"), "{text}");
    }
}
