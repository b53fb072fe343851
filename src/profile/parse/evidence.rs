//! `[[control]]`, `[[item]]` and `[[claim]]`, and the keys of evidence that they share.

use std::ops::Range;

use toml::de::DeTable;

use crate::located::Reader;
use crate::profile::{ControlClaim, DocumentClaim, Evidence, Item};

use super::parts::{among, demanded, rules};
use super::{Known, compare, prose};

/// The keys of evidence.
const EVIDENCE: &[&str] = &[
    "scenarios",
    "scan",
    "analysis",
    "configuration",
    "event-log",
    "trail",
    "present",
    "attachment",
    "pack",
    "previous",
    "organisational",
];

/// The tables of a family, each with its own keys and those of evidence.
fn each<'p, 't>(
    r: &Reader<'p, 't>,
    key: &'static str,
    what: &'static str,
    own: &[&str],
) -> Vec<Reader<'p, 't>> {
    let known = [own, EVIDENCE].concat();
    let make = |(i, (table, span)): (usize, (&'p DeTable<'t>, Range<usize>))| {
        r.inner(table, span, (what, format!("{key}.{i}")), &known)
    };
    r.tables(key, false).into_iter().enumerate().map(make).collect()
}

/// The id, which no other of the family has.
fn id<'a>(r: &Reader<'_, '_>, mut others: impl Iterator<Item = &'a str>) -> String {
    let id = r.need_text("id");
    if !id.is_empty() && others.any(|other| other == id) {
        r.page.say(r.places.of(&r.path_of("id")), format!("the id `{id}` is used twice"), None);
    }
    id
}

pub(super) fn controls(r: &Reader<'_, '_>, known: &Known) -> Vec<ControlClaim> {
    let mut found: Vec<ControlClaim> = Vec::new();
    for c in each(r, "control", "a control", &["id", "considerations"]) {
        let id = id(&c, found.iter().map(|other| other.id.as_str()));
        if let Some(ids) = &known.controls {
            compare(&c, &id, c.places.of(&c.path_of("id")), "control", &[ids]);
        }
        let shown_by = needed(&c, known);
        let considerations = if shown_by.organisational.is_some() && c.value("considerations").is_none() {
            String::new()
        } else {
            prose(&c.need_text("considerations"))
        };
        found.push(ControlClaim { id, shown_by, considerations });
    }
    found
}

pub(super) fn items(r: &Reader<'_, '_>, known: &Known) -> Vec<Item> {
    let mut found: Vec<Item> = Vec::new();
    for i in each(r, "item", "an item", &["list", "id", "text", "line"]) {
        let id = id(&i, found.iter().map(|other| other.id.as_str()));
        let shown_by = needed(&i, known);
        let item = Item {
            list: i.need_text("list"),
            id,
            text: prose(&i.need_text("text")),
            line: line(&i),
            shown_by,
        };
        found.push(item);
    }
    found
}

pub(super) fn claims(r: &Reader<'_, '_>, known: &Known) -> Vec<DocumentClaim> {
    let mut found: Vec<DocumentClaim> = Vec::new();
    for c in each(r, "claim", "a claim", &["id", "line", "says", "is", "right", "source", "wrong"]) {
        let id = id(&c, found.iter().map(|other| other.id.as_str()));
        found.push(DocumentClaim {
            id,
            line: line(&c),
            says: prose(&c.need_text("says")),
            is: prose(&c.need_text("is")),
            right: prose(&c.need_text("right")),
            source: prose(&c.need_text("source")),
            refuted_by: evidence(&c, known),
            as_written: c.word("wrong", &[()], |()| "as written").is_some(),
        });
    }
    found
}

fn line(r: &Reader<'_, '_>) -> u32 {
    if r.value("line").is_none() {
        r.missing("line");
    }
    r.number("line", 1, u32::MAX).unwrap_or_default()
}

/// Evidence that must be there: without any, *satisfied* would rest on nothing.
fn needed(r: &Reader<'_, '_>, known: &Known) -> Evidence {
    let evidence = evidence(r, known);
    let given: Vec<&str> = EVIDENCE.iter().copied().filter(|key| r.value(key).is_some()).collect();
    let flags = ["pack", "previous"];
    if given.iter().all(|key| flags.contains(key)) && !evidence.pack && !evidence.previous {
        let hint = format!("give one of {}", EVIDENCE.join(", "));
        r.page.say(r.span.clone(), "nothing is named that would show it", Some(hint));
    }
    if given.contains(&"organisational") && given.len() > 1 {
        r.page.say(
            r.places.of(&r.path_of("organisational")),
            "what is organisational is never shown by a record, and evidence is named for it",
            Some(
                "remove one of them; what the tool cannot see of it belongs in the considerations".to_owned(),
            ),
        );
    }
    evidence
}

fn evidence(r: &Reader<'_, '_>, known: &Known) -> Evidence {
    let given = |key: &str| r.value(key).map(|_| prose(&r.need_text(key)));
    Evidence {
        scenarios: rules(r, "scenarios", "scenario", known.scenarios.as_deref()),
        scan: rules(r, "scan", "finding", known.scan.as_deref()),
        analysis: rules(r, "analysis", "analysis rule", known.analysis.as_deref()),
        configuration: demanded(r),
        event_log: rules(r, "event-log", "finding of an event log", known.event_log.as_deref()),
        trail: rules(r, "trail", "finding of a trail", known.trail.as_deref()),
        present: among(r, "present", "setting", Evidence::PRESENT),
        attachment: given("attachment"),
        pack: r.flag("pack").unwrap_or_default(),
        previous: r.flag("previous").unwrap_or_default(),
        organisational: given("organisational"),
    }
}
