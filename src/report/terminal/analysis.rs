//! What the analysis found, and who may do what.

use std::fmt::Write as _;

use comfy_table::{Attribute, Cell, Color, ColumnConstraint, Width};

use super::{NAMED, Page, text};
use crate::record::Record;
use crate::record::analysis::{AnalysisState, ReadPolicy};
use crate::report::text::show;
use crate::report::who;

impl Page {
    pub(super) fn analysis(&self, record: &Record) -> Option<String> {
        let analysis = record.analysis.as_ref()?;
        let mut out = self.section(&format!(
            "Who could weaken the protection (judged by the rules of {})",
            analysis.server
        ));
        if analysis.findings.is_empty() {
            out.push_str("nothing was found\n");
        } else {
            let mut table = self.table(&["Severity", "Finding, how sure it is, and what to do"]);
            for finding in analysis.findings.iter().take(NAMED) {
                let mut lines = format!(
                    "{} [{}]\n{}\n{}\nremedy: {}",
                    finding.rule,
                    show(&who::standing(finding, &record.scenarios)),
                    show(&who::place(finding)),
                    show(&finding.sentence),
                    show(&finding.remedy)
                );
                if let Some(waived) = &finding.waived {
                    let _ = write!(lines, "\naccepted risk: {}", show(waived));
                }
                let severity = Cell::new(finding.severity.word());
                table.add_row([
                    match (finding.state, &finding.waived) {
                        (AnalysisState::Proven, None) => {
                            severity.fg(Color::Red).add_attribute(Attribute::Bold)
                        }
                        (AnalysisState::NotAssessed, None) => severity.fg(Color::Yellow),
                        _ => severity,
                    },
                    Cell::new(lines),
                ]);
            }
            out.push_str(&Self::print(table));
            if analysis.findings.len() > NAMED {
                let _ =
                    writeln!(out, "and {} more (results.json, report.pdf)", analysis.findings.len() - NAMED);
            }
        }
        let mut table = self.table(&["Who may …", "By what was read"]);
        for (questions, lines) in who::answers(record) {
            let lines: Vec<String> = lines.iter().map(|l| show(l)).collect();
            table.add_row([Cell::new(questions.join(";\n")), Cell::new(lines.join("\n"))]);
        }
        if let Some(column) = table.column_mut(0) {
            column.set_constraint(ColumnConstraint::UpperBoundary(Width::Percentage(35)));
        }
        let _ = write!(out, "\n{}", Self::print(table));
        for reason in who::left_open(record) {
            let mut table = self.table(&[]);
            table.add_row([text(&format!("Not assessed: {reason}."))]);
            out.push_str(&Self::print(table));
        }
        if !analysis.policies.is_empty() {
            // The first digits tell them apart here; the record has them all.
            let digest = |policy: &ReadPolicy| policy.sha256.get(..12).unwrap_or_default().to_owned();
            let names: Vec<String> =
                analysis.policies.iter().take(NAMED).map(|p| format!("{} ({})", p.name, digest(p))).collect();
            let more = analysis.policies.len().saturating_sub(NAMED);
            let more = if more == 0 { String::new() } else { format!("; and {more} more") };
            let mut table = self.table(&[]);
            let read = format!("Policies read beside the bucket's own (SHA-256): {}{more}", names.join("; "));
            table.add_row([text(&read)]);
            out.push_str(&Self::print(table));
        }
        Some(out)
    }
}
