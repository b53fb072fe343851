//! What the profile asked, and what was shown of it.

use std::fmt::Write as _;

use comfy_table::{Attribute, Cell, ColumnConstraint, Width};

use super::{Page, colour, text};
use crate::record::Record;
use crate::record::profile_result::{DemandState, ProfileResult, Shown};
use crate::report::model::Status;
use crate::report::profile::{
    checklists, claim_counts, claim_status, control, counts, dates, mark, named, result_line, shown, status,
    trust,
};
use crate::report::text::show;

impl Page {
    pub(super) fn profile(&self, record: &Record) -> Option<String> {
        let result = record.profile.as_deref()?;
        let mut out = self.section(&format!("Profile {}", show(&result.name)));
        out.push_str(&self.about(result));
        if !result.configuration.is_empty() {
            let _ = write!(out, "\n{}", self.demands(result));
        }
        if !result.controls.is_empty() {
            let _ = write!(out, "\n{}", self.clauses(record, result));
        }
        for (list, items) in checklists(result) {
            let states = counts(&items.iter().map(|i| i.state).collect::<Vec<_>>());
            let _ = write!(out, "\n{}", self.section(&format!("{}: {states}", show(list))));
            let mut table = self.table(&[]);
            for item in items {
                let lines = format!("{} (line {})\n→ {}", show(&item.text), item.line, show(&item.reason));
                table.add_row([marked(item.state), Cell::new(lines)]);
            }
            fixed(&mut table, 0, 5);
            out.push_str(&Self::print(table));
        }
        if !result.claims.is_empty() {
            let _ = write!(out, "\n{}", self.claims(result));
        }
        Some(out)
    }

    fn about(&self, result: &ProfileResult) -> String {
        let mut table = self.table(&[]);
        let mut add = |name: &str, value: String| {
            table.add_row([Cell::new(name), Cell::new(value)]);
        };
        add("Title", show(&result.title));
        add("Result", result_line(result));
        add("From", format!("{} (citations checked {})", show(&result.from), result.verified_on));
        for (name, value) in &result.variables {
            add("Variable", format!("{} = {}", show(name), show(value)));
        }
        for terms in &result.requirement {
            let mut lines = format!("{}: {}", show(&terms.versions), show(&terms.text));
            if let Some(example) = &terms.example {
                let _ = write!(lines, "\n{}", dates(example));
            }
            if !terms.why.is_empty() {
                let _ = write!(lines, "\n{}", show(&terms.why));
            }
            let name = if terms.name.is_empty() { "Required" } else { named(terms) };
            add(&show(name), lines);
        }
        Self::print(table)
    }

    fn demands(&self, result: &ProfileResult) -> String {
        let mut table = self.table(&["Configuration", "Asked", "State", "Found"]);
        for demand in &result.configuration {
            let state = Cell::new(demand.state.word());
            table.add_row([
                text(&demand.word),
                text(&demand.asked),
                match demand.state {
                    DemandState::Met => state.fg(colour(Status::Pass)),
                    DemandState::NotMet => state.fg(colour(Status::Fail)).add_attribute(Attribute::Bold),
                    DemandState::NotApplicable => state.fg(colour(Status::Skipped)),
                    DemandState::NotAssessed => state.fg(colour(Status::Inconclusive)),
                },
                text(&demand.found),
            ]);
        }
        Self::print(table)
    }

    fn clauses(&self, record: &Record, result: &ProfileResult) -> String {
        let states = counts(&result.controls.iter().map(|c| c.state).collect::<Vec<_>>());
        let mut out = self.section(&format!("Clauses: {states}"));
        let mut table = self.table(&["", "Clause", "What decided"]);
        for clause in &result.controls {
            let mut lines = String::new();
            if let Some(control) = control(record, &clause.id) {
                let _ = writeln!(lines, "{} [{}]", show(&control.title), trust(control));
            }
            let _ = write!(lines, "{}: {}", clause.state, show(&clause.reason));
            table.add_row([marked(clause.state), text(&clause.id), Cell::new(lines)]);
        }
        fixed(&mut table, 0, 5);
        if let Some(column) = table.column_mut(1) {
            column.set_constraint(ColumnConstraint::UpperBoundary(Width::Percentage(30)));
        }
        out.push_str(&Self::print(table));
        out
    }

    fn claims(&self, result: &ProfileResult) -> String {
        let mut out =
            self.section(&format!("What {} says: {}", show(&result.from), claim_counts(&result.claims)));
        let mut table = self.table(&[]);
        for claim in &result.claims {
            for (name, value) in [
                (format!("line {}", claim.line), format!("says: {}", show(&claim.says))),
                (String::new(), format!("is: {}", show(&claim.is))),
                (String::new(), format!("right: {}", show(&claim.right))),
            ] {
                table.add_row([Cell::new(name), Cell::new(value)]);
            }
            let here =
                Cell::new(format!("here: {}", show(&shown(claim)))).fg(colour(claim_status(claim.state)));
            table.add_row([Cell::new(""), here]);
            for line in &claim.left {
                table.add_row([Cell::new(""), text(&format!("left: {line}"))]);
            }
        }
        out.push_str(&Self::print(table));
        out
    }
}

fn marked(state: Shown) -> Cell {
    Cell::new(mark(state)).fg(colour(status(state))).add_attribute(Attribute::Bold)
}

fn fixed(table: &mut comfy_table::Table, column: usize, width: u16) {
    if let Some(column) = table.column_mut(column) {
        column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(width)));
    }
}
