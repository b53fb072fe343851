//! The profile: what it requires, clause by clause what was attempted and observed, its checklists, and what its
//! document says that is wrong.

use crate::record::Record;
use crate::record::profile_result::{
    ClaimResult, ControlResult, DemandState, ItemResult, ProfileResult, Shown,
};
use crate::report::model::Status;
use crate::report::pdf::fonts::Face;
use crate::report::pdf::layout::{
    BODY, CODE, Colour, Flow, GREY, Item, MARGIN, NAVY, NOTE, SMALL, STRONG, Style, WHITE, WIDTH, tint,
};
use crate::report::pdf::short;
use crate::report::pdf::table::{Cell, cell, left};
use crate::report::profile::{
    MEANING, attempted, checklists, claim_counts, claim_status, control, counts, dates, mark, named,
    observed, shown, status, trust,
};

/// How many lines of what was left are printed a claim.
const LEFT: usize = 6;
/// How many characters of a text of the profile are printed.
const LONG: usize = 2_000;

pub(super) fn profile(flow: &mut Flow<'_>, record: &Record) {
    let Some(result) = record.profile.as_deref() else { return };
    if !flow.at_top() {
        flow.new_page();
    }
    flow.section(&format!("Profile {}", short(&result.name, 60)));
    flow.paragraph(STRONG, 0.0, &short(&result.title, LONG));
    flow.gap(4.0);
    for paragraph in result.summary.split("\n\n").filter(|p| !p.trim().is_empty()) {
        let text = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
        flow.paragraph(BODY, 0.0, &short(&text, LONG));
        flow.gap(4.0);
    }
    facts(flow, result);
    requirement(flow, result);
    demands(flow, result);
    clauses(flow, record, result);
    for (list, items) in checklists(result) {
        checklist(flow, list, &items);
    }
    claims(flow, result);
}

fn facts(flow: &mut Flow<'_>, result: &ProfileResult) {
    let mut facts = vec![
        ("From", SMALL, short(&result.from, LONG)),
        ("Citations checked", SMALL, result.verified_on.to_string()),
        ("Text, SHA-256", CODE, result.digest.clone()),
    ];
    for (name, value) in &result.variables {
        facts.push(("Variable", SMALL, short(&format!("{name} = {value}"), 300)));
    }
    flow.gap(6.0);
    flow.facts(&facts);
}

fn requirement(flow: &mut Flow<'_>, result: &ProfileResult) {
    flow.heading("What it requires of every object version");
    flow.paragraph(
        NOTE,
        0.0,
        "Periods are reckoned by the calendar, in UTC. The dates are those of something made when this run began.",
    );
    flow.gap(4.0);
    let rows = result
        .requirement
        .iter()
        .map(|terms| {
            let mut text = vec![(SMALL, terms.text.clone())];
            if let Some(example) = &terms.example {
                text.push((NOTE, dates(example)));
            }
            if !terms.why.is_empty() {
                text.push((NOTE, short(&terms.why, LONG)));
            }
            if let Some(control) = &terms.control {
                text.push((NOTE, format!("control {control}")));
            }
            vec![cell(STRONG, named(terms)), cell(SMALL, short(&terms.versions, 200)), Cell::Text(text)]
        })
        .collect();
    flow.table(&[left("Terms", 0.12), left("Of", 0.24), left("Required, with dates to check", 0.64)], rows);
}

fn demands(flow: &mut Flow<'_>, result: &ProfileResult) {
    if result.configuration.is_empty() {
        return;
    }
    flow.heading("What it requires of the bucket");
    let rows = result
        .configuration
        .iter()
        .map(|demand| {
            let colour = match demand.state {
                DemandState::Met => tint(Status::Pass),
                DemandState::NotMet => tint(Status::Fail),
                DemandState::NotApplicable => tint(Status::Skipped),
                DemandState::NotAssessed => tint(Status::Inconclusive),
            };
            vec![
                cell(STRONG, demand.word.clone()),
                cell(SMALL, demand.asked.clone()),
                cell(Style { colour, ..STRONG }, demand.state.word()),
                cell(SMALL, short(&demand.found, LONG)),
            ]
        })
        .collect();
    flow.table(&[left("Setting", 0.2), left("Asked", 0.2), left("State", 0.14), left("Found", 0.46)], rows);
}

/// The matrix in short, then clause by clause.
fn clauses(flow: &mut Flow<'_>, record: &Record, result: &ProfileResult) {
    if result.controls.is_empty() {
        return;
    }
    let states = counts(&result.controls.iter().map(|c| c.state).collect::<Vec<_>>());
    flow.heading(&format!("Clauses: {states}"));
    flow.paragraph(NOTE, 0.0, MEANING);
    flow.gap(4.0);
    let rows = result
        .controls
        .iter()
        .map(|clause| {
            let title = control(record, &clause.id).map_or("", |c| c.title.as_str());
            vec![
                cell(STRONG, clause.id.clone()),
                cell(SMALL, title),
                cell(coloured(clause.state), clause.state.word()),
            ]
        })
        .collect();
    flow.table(&[left("Clause", 0.3), left("Title", 0.54), left("Assessment", 0.16)], rows);
    for clause in &result.controls {
        one_clause(flow, record, clause);
    }
}

fn one_clause(flow: &mut Flow<'_>, record: &Record, clause: &ControlResult) {
    let entry = control(record, &clause.id);
    let title = entry.map_or_else(|| clause.id.clone(), |c| format!("{} {}", clause.id, c.title));
    stamped(flow, &title, clause.state.word(), tint(status(clause.state)));
    let requirement = match entry {
        Some(c) => {
            let text = if c.text.is_empty() { c.title.clone() } else { c.text.clone() };
            vec![(SMALL, text), (NOTE, format!("{}; {}", c.source, trust(c)))]
        }
        None => vec![(NOTE, "not in the control catalogue".to_owned())],
    };
    let lines = |all: Vec<String>| all.into_iter().map(|l| (SMALL, short(&l, LONG))).collect::<Vec<_>>();
    let mut assessment = vec![(coloured(clause.state), clause.state.word().to_owned())];
    if clause.state == Shown::NotAssessed {
        assessment.push((SMALL, short(&clause.reason, LONG)));
    }
    let considerations = if clause.considerations.is_empty() {
        "None beyond the scope and the conditions of this report.".to_owned()
    } else {
        short(&clause.considerations, LONG)
    };
    parts(
        flow,
        vec![
            ("Requirement", requirement),
            ("Attempted", lines(attempted(record, &clause.evidence))),
            ("Observed", lines(observed(&clause.evidence))),
            ("Assessment", assessment),
            ("Considerations", vec![(SMALL, considerations)]),
        ],
    );
}

fn checklist(flow: &mut Flow<'_>, list: &str, items: &[&ItemResult]) {
    let states = counts(&items.iter().map(|i| i.state).collect::<Vec<_>>());
    flow.heading(&format!("{}: {states}", short(list, 120)));
    let rows = items
        .iter()
        .map(|item| {
            let mut evidence = vec![(coloured(item.state), item.state.word().to_owned())];
            evidence.extend(match item.state {
                Shown::Satisfied => {
                    observed(&item.evidence).iter().map(|l| (SMALL, short(l, LONG))).collect::<Vec<_>>()
                }
                _ => vec![(SMALL, short(&item.reason, LONG))],
            });
            vec![
                cell(Style { face: Face::Mono, ..coloured(item.state) }, mark(item.state)),
                Cell::Text(vec![(SMALL, short(&item.text, LONG)), (NOTE, format!("line {}", item.line))]),
                Cell::Text(evidence),
            ]
        })
        .collect();
    flow.table(&[left("", 0.06), left("Item", 0.42), left("Evidence", 0.52)], rows);
}

fn claims(flow: &mut Flow<'_>, result: &ProfileResult) {
    if result.claims.is_empty() {
        return;
    }
    flow.heading(&format!("What the document says: {}", claim_counts(&result.claims)));
    flow.paragraph(
        NOTE,
        0.0,
        "Statements, commands and policies of the document that are wrong, dangerous, or true only somewhere. The \
         profile keeps what was asked for; here stands what is wrong with it and what would be right. Shown false \
         here: by this run, on this store. Not shown here: what could refute it was assessed and did not.",
    );
    flow.gap(4.0);
    for claim in &result.claims {
        one_claim(flow, claim);
    }
}

fn one_claim(flow: &mut Flow<'_>, claim: &ClaimResult) {
    let colour = tint(claim_status(claim.state));
    stamped(flow, &format!("Line {}", claim.line), claim.state.word(), colour);
    let mut here = vec![(SMALL, short(&shown(claim), LONG))];
    here.extend(claim.left.iter().take(LEFT).map(|l| (NOTE, format!("left: {}", short(l, 400)))));
    if claim.left.len() > LEFT {
        here.push((NOTE, format!("and {} more lines in results.json", claim.left.len() - LEFT)));
    }
    parts(
        flow,
        vec![
            ("Says", vec![(SMALL, short(&claim.says, LONG))]),
            ("Is", vec![(SMALL, short(&claim.is, LONG))]),
            ("Right", vec![(SMALL, short(&claim.right, LONG))]),
            ("Shown here", here),
            ("Known from", vec![(NOTE, short(&claim.source, LONG))]),
        ],
    );
}

fn coloured(state: Shown) -> Style {
    Style { colour: tint(status(state)), ..STRONG }
}

/// Names at the left, paragraphs at the right.
fn parts(flow: &mut Flow<'_>, parts: Vec<(&str, Vec<(Style, String)>)>) {
    let rows = parts
        .into_iter()
        .map(|(name, text)| vec![cell(Style::new(Face::Bold, 8.0, GREY), name), Cell::Text(text)])
        .collect();
    flow.table(&[left("", 0.18), left("", 0.82)], rows);
}

/// A heading with a word on a ground at its right, and its entry in the outline.
fn stamped(flow: &mut Flow<'_>, title: &str, word: &str, colour: Colour) {
    flow.gap(8.0);
    flow.ensure(110.0);
    let title = short(title, 300);
    flow.mark(2, &title, None);
    let style = Style::new(Face::Bold, 10.0, NAVY);
    let badge = Style::new(Face::Bold, 6.8, WHITE);
    let word = word.to_uppercase();
    let wide = flow.fonts.width(badge.face, badge.size, &word) + 10.0;
    let top = flow.y;
    for line in flow.lines(style, &title, WIDTH - wide - 12.0) {
        let y = flow.y + style.size;
        flow.push(Item::Text { style, x: MARGIN, y, text: line });
        flow.y += style.leading();
    }
    flow.fill(MARGIN + WIDTH - wide, top + 1.0, wide, 12.0, colour);
    flow.text(badge, MARGIN + WIDTH - wide + 5.0, top + 9.3, &word);
    flow.y += 2.0;
}
