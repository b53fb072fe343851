//! The profile file format: text to a [`Profile`], or all mistakes of the file with their places.
//!
//! The format is described in `docs/profiles.md`. Reading is by hand over a table that keeps positions. What a
//! profile names elsewhere (scenarios, control ids, words of rules) is compared with [`Known`] where the caller
//! has it: this module knows none of them.

mod evidence;
mod parts;
mod requirement;

use std::collections::BTreeMap;

use chrono::NaiveDate;
use sha2::{Digest as _, Sha256};
use toml::de::{DeTable, DeValue};

use crate::located::reader::in_order;
use crate::located::{Mistake, Page, Places, Reader, near};

use super::model::{Profile, Variable};
use super::variables::names_in;

/// What a profile may name, for those who know it. A list that is `None` is not compared.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Scenario ids.
    pub scenarios: Option<Vec<String>>,
    /// Groups of scenarios (`delete`, `vendor/minio`), and the folders above them.
    pub groups: Option<Vec<String>>,
    /// Ids of the control catalogue.
    pub controls: Option<Vec<String>>,
    /// Words of findings of scan and configuration.
    pub scan: Option<Vec<String>>,
    /// Words of analysis rules.
    pub analysis: Option<Vec<String>>,
    /// Words of findings of an event log.
    pub event_log: Option<Vec<String>>,
    /// Words of findings of trails.
    pub trail: Option<Vec<String>>,
}

const KEYS: &[&str] = &[
    "name",
    "title",
    "summary",
    "from",
    "verified-on",
    "bucket",
    "analysis-required",
    "variable",
    "require",
    "override",
    "configuration",
    "upload",
    "attacks",
    "event-log",
    "trail",
    "control",
    "item",
    "claim",
];

/// Reads a profile. `file` is what mistakes call it.
pub(super) fn profile(file: &str, text: &str, known: &Known) -> Result<Profile, Vec<Mistake>> {
    let page = Page::new(file, text);
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        page.say(error.span().unwrap_or(0..0), error.message().trim(), None);
    }
    // After a syntax error the table is a guess: what it lacks would be reported as a second mistake.
    let read = errors.is_empty().then(|| {
        let places = Places::default();
        let r = Reader::new((&page, &places), (document.get_ref(), 0..0), ("a profile", String::new()), KEYS);
        whole(&r, known)
    });
    match read {
        Some(profile) if page.count() == 0 => Ok(profile),
        _ => Err(page.into_mistakes()),
    }
}

fn whole(r: &Reader<'_, '_>, known: &Known) -> Profile {
    let text = r.page.text;
    let profile = Profile {
        name: name(r),
        title: prose(&r.need_text("title")),
        summary: prose(&r.need_text("summary")),
        from: prose(&r.need_text("from")),
        verified_on: day(r).unwrap_or_default(),
        variables: variables(r),
        bucket: r.value("bucket").map(|_| r.need_text("bucket")),
        requirement: requirement::requirement(r, known),
        configuration: parts::configuration(r),
        upload: parts::upload(r),
        attacks: parts::attacks(r, known),
        analysis_required: r.flag("analysis-required").unwrap_or_default(),
        event_log: parts::event_log(r),
        trail_keys: parts::trail_keys(r),
        controls: evidence::controls(r, known),
        items: evidence::items(r, known),
        claims: evidence::claims(r, known),
        source: text.to_owned(),
        digest: hex::encode(Sha256::digest(text.as_bytes())),
    };
    asks_for_something(r, &profile);
    used_variables(r, &profile);
    profile
}

/// A profile that asks for nothing would be met by every store.
fn asks_for_something(r: &Reader<'_, '_>, profile: &Profile) {
    if profile.controls.is_empty() && profile.items.is_empty() {
        let hint = "add a `[[control]]` or an `[[item]]` with what shows it";
        r.page.say(0..0, "the profile answers to no control and has no item", Some(hint.to_owned()));
    }
}

/// The name: what `--profile` takes, and the file is called.
fn name(r: &Reader<'_, '_>) -> String {
    let name = r.need_text("name");
    let shaped = name.len() <= 40
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.');
    if !shaped && !name.trim().is_empty() {
        let hint =
            "a name begins with a small letter and holds up to 40 small letters, digits, hyphens and dots";
        r.page.say(r.places.of("name"), format!("`{name}` is not a name"), Some(hint.to_owned()));
    }
    name
}

fn day(r: &Reader<'_, '_>) -> Option<NaiveDate> {
    let text = r.need_text("verified-on");
    if text.trim().is_empty() {
        return None;
    }
    let day = NaiveDate::parse_from_str(&text, "%Y-%m-%d").ok();
    if day.is_none() {
        let hint = "write the day on which its citations were last checked: \"2026-11-25\"";
        r.page.say(r.places.of("verified-on"), format!("`{text}` is not a day"), Some(hint.to_owned()));
    }
    day
}

fn variables(r: &Reader<'_, '_>) -> BTreeMap<String, Variable> {
    let Some((table, _)) = r.table("variable") else { return BTreeMap::new() };
    let mut variables = BTreeMap::new();
    for (name, value) in in_order(table) {
        let word: &str = name.get_ref();
        if !super::variables::is_name(word) {
            let hint = "a variable begins with a capital and holds capitals, digits and underscores";
            r.page.say(name.span(), format!("`{word}` is not a variable's name"), Some(hint.to_owned()));
        }
        let DeValue::Table(inner) = value.get_ref() else {
            let hint = format!("write its header as `[variable.{word}]`");
            r.page.say(value.span(), "a variable is a table", Some(hint));
            continue;
        };
        let path = format!("variable.{word}");
        let v = r.inner(inner, value.span(), ("a variable", path), &["text", "default"]);
        variables.insert(
            word.to_owned(),
            Variable { text: prose(&v.need_text("text")), default: v.text("default") },
        );
    }
    variables
}

/// In what decides where a record is looked for, every `${NAME}` must be a variable of the profile; and a variable
/// that nothing uses is a typing error in one of the two.
fn used_variables(r: &Reader<'_, '_>, profile: &Profile) {
    let mut places = vec![("bucket".to_owned(), profile.bucket.clone().unwrap_or_default())];
    for (i, o) in profile.requirement.overrides.iter().enumerate() {
        let tag = o.matching.tag.as_ref().map(|(key, value)| format!("{key}={value}"));
        for (key, text) in [("prefix", &o.matching.prefix), ("contains", &o.matching.contains), ("tag", &tag)]
        {
            places.push((format!("override.{i}.{key}"), text.clone().unwrap_or_default()));
        }
    }
    if let Some(log) = &profile.event_log {
        places.push(("event-log.key-pattern".to_owned(), log.key_pattern.clone()));
    }
    for (i, keys) in profile.trail_keys.iter().enumerate() {
        places.push((format!("trail.keys.{i}"), keys.clone()));
    }
    for (path, text) in &places {
        for name in names_in(text) {
            if !profile.variables.contains_key(name) {
                let hint = near(name, profile.variables.keys().map(String::as_str))
                    .or_else(|| Some(format!("declare it by `[variable.{name}]`")));
                r.page.say(r.places.of(path), format!("there is no variable `{name}`"), hint);
            }
        }
    }
    let text = r.page.text;
    for name in profile.variables.keys() {
        if !text.contains(&format!("${{{name}}}")) {
            let place = r.places.of(&format!("variable.{name}"));
            let hint = format!("write `${{{name}}}` where it belongs, or remove it");
            r.page.say(place, format!("the variable `{name}` is used nowhere"), Some(hint));
        }
    }
}

/// Text for people, without the line breaks of its file: a blank line separates paragraphs.
fn prose(text: &str) -> String {
    let paragraphs = text.trim().split("\n\n").map(|p| p.split_whitespace().collect::<Vec<_>>().join(" "));
    paragraphs.filter(|p| !p.is_empty()).collect::<Vec<_>>().join("\n\n")
}

/// Says that a name is not among the known ones.
fn compare(r: &Reader<'_, '_>, text: &str, span: std::ops::Range<usize>, what: &str, known: &[&[String]]) {
    let all = || known.iter().flat_map(|list| list.iter()).map(String::as_str);
    if !all().any(|k| k == text) {
        let hint = near(text, all()).unwrap_or_else(|| match what {
            "control" => "the catalogue is `scenarios/controls.toml`".to_owned(),
            "analysis rule" => "docs/analysis.md names them all".to_owned(),
            "scenario" | "scenario or group" => "`wormproof scenarios list` names them all".to_owned(),
            _ => format!("known: {}", all().collect::<Vec<_>>().join(", ")),
        });
        r.page.say(span, format!("there is no {what} `{text}`"), Some(hint));
    }
}

#[cfg(test)]
mod tests;
