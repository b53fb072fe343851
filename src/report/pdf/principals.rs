//! Who was tried against which protection: a row a scenario, a column a role.

use crate::record::{Record, ScenarioResult, Verdict};
use crate::report::model::{Status, ordered};
use crate::report::pdf::layout::{Flow, GREY, NOTE, SMALL, STRONG, Style, tint};
use crate::report::pdf::table::{Cell, Column, cell, left};
use crate::scenario::{Purpose, Role};

/// Roles in the order of their strength, with the words that fit over a narrow column.
const COLUMNS: [(Role, &str); 9] = [
    (Role::Administrator, "admin"),
    (Role::Denied, "denied"),
    (Role::Bypasser, "bypass."),
    (Role::Deleter, "deleter"),
    (Role::Custodian, "custod."),
    (Role::Application, "applic."),
    (Role::Writer, "writer"),
    (Role::Reader, "reader"),
    (Role::Anonymous, "anon."),
];

/// The worst verdict of the runs in which a role attacked; `None` if it never did.
pub(super) fn tried(scenario: &ScenarioResult, role: Role) -> Option<Verdict> {
    scenario
        .runs
        .iter()
        .filter(|run| match run.principal {
            Some(each) => each == role,
            None => run.steps.iter().any(|s| s.purpose == Purpose::Attack && s.principal == role),
        })
        .map(|run| run.verdict)
        .max_by_key(|v| v.weight())
}

pub(super) fn principals(flow: &mut Flow<'_>, record: &Record) {
    // Scenarios that only promise something have no attacker.
    let attacked = |s: &&ScenarioResult| COLUMNS.iter().any(|(role, _)| tried(s, *role).is_some());
    let run = ordered(record.scenarios.iter().filter(attacked));
    if run.is_empty() {
        return;
    }
    flow.heading("Scenarios by principal");
    flow.paragraph(
        NOTE,
        0.0,
        "Each column is a role that attacked: held, FAIL, or open (no conclusion). Broken as: the weakest principal whose \
         request decided a failure. Roles are those of the table above.",
    );
    let rows = run.iter().map(|s| row(s)).collect();
    let mut columns: Vec<Column> = vec![left("Scenario", 0.125)];
    columns.extend(COLUMNS.iter().map(|(_, words)| left(words, 0.083)));
    columns.push(left("Broken as", 0.128));
    flow.table(&columns, rows);
}

fn row(scenario: &ScenarioResult) -> Vec<Cell> {
    let mut row = vec![cell(STRONG, scenario.id.clone())];
    row.extend(COLUMNS.iter().map(|(role, _)| {
        let (status, words) = match tried(scenario, *role) {
            Some(Verdict::Pass) => (Status::Pass, "held"),
            Some(Verdict::Fail) => (Status::Fail, "FAIL"),
            // Without the right nothing can be shown by this role; the one with the right answers.
            Some(Verdict::Skipped) => return cell(Style { colour: GREY, ..SMALL }, "no right"),
            Some(Verdict::Inconclusive | Verdict::Error) => (Status::Inconclusive, "open"),
            None => return cell(Style { colour: GREY, ..SMALL }, "·"),
        };
        cell(Style { colour: tint(status), ..SMALL }, words)
    }));
    row.push(cell(SMALL, scenario.weakest.map_or("", |r| r.word())));
    row
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_role_is_tried_where_it_attacked_and_nowhere_else() {
        let record = sample::record();
        let mut seen = 0;
        for scenario in &record.scenarios {
            for (role, _) in COLUMNS {
                let attacks = scenario.runs.iter().any(|r| {
                    r.principal == Some(role)
                        || r.principal.is_none()
                            && r.steps.iter().any(|s| s.principal == role && s.purpose == Purpose::Attack)
                });
                assert_eq!(tried(scenario, role).is_some(), attacks, "{} {role}", scenario.id);
                seen += usize::from(attacks);
            }
        }
        assert!(seen > 0);
    }
}
