//! The trails of records.

use crate::record::Record;
use crate::record::trail::{TrailEntry, TrailResult, UNSEEN};
use crate::report::model::Status;
use crate::report::pdf::layout::{BODY, CODE, CODE_NOTE, Flow, NOTE, SMALL, STRONG, Style, tint};
use crate::report::pdf::short;
use crate::report::pdf::table::{Cell, cell, left};
use crate::report::trail::{completeness, content, counted, lock, status, time};
use crate::time::human;

/// How many findings of a trail are printed.
const NAMED: usize = 40;
/// How many entries of a trail are printed.
const ENTRIES: usize = 200;

/// The trails, if any were read.
pub(super) fn trails(flow: &mut Flow<'_>, record: &Record) {
    if record.trails.is_empty() {
        return;
    }
    flow.section("Trails of records");
    flow.paragraph(
        BODY,
        0.0,
        "Every version and delete marker that is left under the keys of an id, in the order of the dates that the store \
         lists.",
    );
    flow.gap(3.0);
    flow.paragraph(BODY, 0.0, UNSEEN);
    for each in &record.trails {
        trail(flow, each);
    }
}

fn trail(flow: &mut Flow<'_>, trail: &TrailResult) {
    flow.heading(&format!("Trail of {}", short(&trail.id, 80)));
    let mut facts: Vec<(&str, Style, String)> = Vec::new();
    for (n, pattern) in trail.patterns.iter().enumerate() {
        facts.push((if n == 0 { "Found" } else { "" }, SMALL, short(&counted(pattern), 600)));
    }
    let colour = if trail.complete { SMALL.colour } else { tint(Status::Inconclusive) };
    facts.push(("All", Style { colour, ..SMALL }, short(&completeness(trail), 600)));
    facts.push(("From, to", SMALL, format!("{} – {}", human(trail.started), human(trail.finished))));
    facts.push(("SHA-256 of the trail", CODE, trail.trail_sha256.clone()));
    flow.facts(&facts);
    let rows = trail.entries.iter().take(ENTRIES).map(row).collect();
    flow.table(
        &[left("Time", 0.17), left("What, and its lock", 0.33), left("Key, version, content", 0.5)],
        rows,
    );
    further(flow, trail.entries.len().saturating_sub(ENTRIES) as u64, "entries");
    let rows = trail
        .found
        .iter()
        .take(NAMED)
        .map(|finding| {
            let waived = trail.waived.get(finding.rule.word());
            let tinted = if waived.is_some() { Status::Waived } else { status(finding.severity) };
            let mut what = vec![(SMALL, short(&finding.detail, 600))];
            what.extend(waived.map(|who| (NOTE, format!("accepted risk: {}", short(who, 300)))));
            vec![
                cell(SMALL, finding.severity.word()),
                cell(Style { colour: tint(tinted), ..STRONG }, finding.rule.word()),
                Cell::Text(what),
            ]
        })
        .collect();
    flow.table(&[left("Severity", 0.12), left("Finding", 0.22), left("What", 0.66)], rows);
    further(flow, trail.found.len().saturating_sub(NAMED) as u64, "findings");
}

fn row(entry: &TrailEntry) -> Vec<Cell> {
    let mut what = vec![(STRONG, entry.what.sentence().to_owned())];
    what.extend(lock(entry).map(|lock| (SMALL, short(&lock, 300))));
    let mut which = vec![
        (CODE, short(&entry.key, 300)),
        (CODE_NOTE, format!("version {}", short(&entry.version_id, 100))),
    ];
    which.extend(content(entry).into_iter().map(|line| (CODE_NOTE, short(&line, 300))));
    vec![cell(SMALL, time(entry)), Cell::Text(what), Cell::Text(which)]
}

fn further(flow: &mut Flow<'_>, more: u64, what: &str) {
    if more > 0 {
        flow.paragraph(NOTE, 0.0, &format!("{more} further {what} are in results.json."));
    }
}
