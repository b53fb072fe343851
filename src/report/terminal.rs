//! Tables for a terminal or a text file.
//!
//! The width is passed in and kept; colour is passed in and never carries a meaning that the words do not.

mod analysis;
mod event_log;
mod findings;
mod profile;
mod trail;
mod verdicts;

use comfy_table::{
    Attribute, Cell, CellAlignment, Color, ContentArrangement, Table, TableComponent, presets,
};

pub use findings::requirement;

use crate::record::Record;
use crate::report::Options;
use crate::report::model::{Counts, Status, groups};
use crate::report::opinion::{banner, headline};
use crate::report::text::show;
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
    parts.extend(page.event_log(record));
    parts.extend(page.trails(record));
    parts.extend(page.analysis(record));
    parts.extend(page.waivers(record));
    parts.extend(page.residue(record));
    parts.extend(page.attachments(record));
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
        add("Started", &human(record.times.started));
        add("Finished", &human(record.times.finished));
        if record.times.clock == "virtual" {
            add(
                "Server's clock",
                "virtual: it jumps instead of waiting, so its times run ahead of those above",
            );
        }
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

    fn end(&self, record: &Record, written: Option<&str>) -> String {
        let counts = Counts::of(&record.scenarios);
        let (status, words) = banner(record);
        let mut table = self.table(&[]);
        if let Some(written) = written {
            table.add_row([text(&format!("Written to {written}"))]);
        }
        if !record.scenarios.is_empty() {
            table.add_row([text(&format!(
                "Scenarios: {}; assessed {} of {} planned{}",
                counts.words(),
                record.assessed,
                record.planned,
                if record.complete { "" } else { ", NOT COMPLETE" }
            ))]);
        }
        table.add_row([Cell::new(show(&format!(
            "{words}: {} (exit code {})",
            record.outcome.reason, record.outcome.exit_code
        )))
        .fg(colour(status))
        .add_attribute(Attribute::Bold)]);
        Self::print(table)
    }
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

    /// A record of nothing but a trail.
    fn trail_at(width: u16) -> String {
        let mut record = sample::record();
        (record.scenarios, record.scan) = (Vec::new(), None);
        (record.findings, record.analysis, record.profile) = (Vec::new(), None, None);
        record.trails = vec![sample::trail()];
        record.outcome = crate::record::trail::outcome(&record.trails, crate::scenario::Severity::Medium);
        table(&record, &Options { width, ..Options::default() })
    }

    #[test]
    fn a_trail_is_shown_in_its_order_at_either_width() {
        insta::assert_snapshot!("trail_80", trail_at(80));
        insta::assert_snapshot!("trail_160", trail_at(160));
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        for width in [60, 80, 100, 119, 120, 160] {
            for line in at(width).lines().chain(trail_at(width).lines()) {
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
