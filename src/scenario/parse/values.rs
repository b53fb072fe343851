//! Values that are more than a word: retentions, ends, moments, versions, holds, policies.

use std::ops::Range;

use chrono::TimeDelta;
use toml::de::DeValue;

use crate::located::near;
use crate::located::reader::{NAME_HINT, Reader, is_name};
use crate::lock::{LegalHold, Mode};
use crate::scenario::{AskRetention, DefaultRetention, Moment, Until, VersionRef};
use crate::time::{Span, parse_wire};

/// The words of a retention mode.
const MODES: &[(&str, Mode)] = &[("compliance", Mode::Compliance), ("governance", Mode::Governance)];

/// The text of a policy file by its name.
pub(crate) type Policies<'a> = &'a dyn Fn(&str) -> Option<String>;

pub(super) fn mode(r: &Reader<'_, '_>, key: &str) -> Option<Mode> {
    let text = r.text(key)?;
    let found = MODES.iter().find(|(word, _)| *word == text).map(|(_, mode)| *mode);
    if found.is_none() {
        let hint = near(&text, MODES.iter().map(|(word, _)| *word));
        r.page.say(r.places.of(&r.path_of(key)), format!("`{text}` is not a retention mode"), hint);
    }
    found
}

pub(super) fn hold(r: &Reader<'_, '_>, key: &str) -> Option<LegalHold> {
    let text = r.text(key)?;
    match text.as_str() {
        "on" => Some(LegalHold::On),
        "off" => Some(LegalHold::Off),
        _ => {
            let hint = near(&text, ["on", "off"]);
            r.page.say(r.places.of(&r.path_of(key)), format!("`{text}` is not a value of `{key}`"), hint);
            None
        }
    }
}

pub(super) fn span(r: &Reader<'_, '_>, key: &str) -> Option<Span> {
    let text = r.text(key)?;
    match Span::parse(&text) {
        Ok(span) => Some(span),
        Err(e) => {
            r.page.say(r.places.of(&r.path_of(key)), e.to_string(), Some(e.hint().to_owned()));
            None
        }
    }
}

/// An exact length of time, forward or (with `-`) back.
pub(super) fn signed(r: &Reader<'_, '_>, key: &str) -> Option<TimeDelta> {
    let text = r.text(key)?;
    let (sign, length) = text.strip_prefix('-').map_or((1, text.as_str()), |rest| (-1, rest));
    if let Ok(Span::Exact(length)) = Span::parse(length) {
        return Some(length * sign);
    }
    let hint = "write `2 hours`, or `-2 hours` for back; months and years have no fixed length".to_owned();
    r.page.say(r.places.of(&r.path_of(key)), format!("`{text}` is no distance in time"), Some(hint));
    None
}

/// `ledger expires`, `ledger expires - 1 second`.
pub(super) fn moment(r: &Reader<'_, '_>, key: &str) -> Option<Moment> {
    let text = r.text(key)?;
    let found = read_moment(&text);
    if found.is_none() {
        let hint = "write `ledger expires - 1 second` or `ledger expires + 1 second`";
        r.page.say(r.places.of(&r.path_of(key)), format!("`{text}` is not a moment"), Some(hint.to_owned()));
    }
    found
}

fn read_moment(text: &str) -> Option<Moment> {
    let (object, rest) = text.split_once(" expires")?;
    let rest = rest.trim();
    let offset = if rest.is_empty() {
        TimeDelta::zero()
    } else {
        let (sign, length) = rest.split_at_checked(1)?;
        let Ok(Span::Exact(length)) = Span::parse(length) else { return None };
        match sign {
            "+" => length,
            "-" => -length,
            _ => return None,
        }
    };
    is_name(object).then(|| Moment { object: object.to_owned(), offset })
}

/// The keys of a retention that say when it ends.
const ENDS: &[&str] = &["lasts", "until", "relative", "literal"];

/// The retention of an object's setup: a mode and an end, which must be a whole lock.
pub(super) fn object_retention(r: &Reader<'_, '_>) -> Option<AskRetention> {
    let (table, span) = r.table("retention")?;
    let inner = r.inner(
        table,
        span,
        ("a retention of an object", r.path_of("retention")),
        &["mode", "lasts", "until"],
    );
    let mode = mode(&inner, "mode");
    if inner.value("mode").is_none() {
        inner.missing("mode");
    }
    let until = end(&inner);
    if inner.value("lasts").is_none() && inner.value("until").is_none() {
        inner.missing("lasts");
    }
    Some(AskRetention::Set { mode, until })
}

/// The retention that a step asks for: a table of which either part may be left out, or `"empty"`.
pub(super) fn step_retention(r: &Reader<'_, '_>) -> Option<AskRetention> {
    let value = r.value("retention")?;
    if value.get_ref().is_str() {
        return r.word("retention", &[()], |()| "empty").map(|()| AskRetention::Empty);
    }
    let (table, span) = r.table("retention")?;
    let known = [&["mode"][..], ENDS].concat();
    let inner = r.inner(table, span.clone(), ("a retention", r.path_of("retention")), &known);
    let (mode, until) = (mode(&inner, "mode"), end(&inner));
    if table.is_empty() {
        let hint = "write `retention = \"empty\"` to send an empty `<Retention/>`";
        r.page.say(span, "the retention says nothing", Some(hint.to_owned()));
    }
    Some(AskRetention::Set { mode, until })
}

fn end(r: &Reader<'_, '_>) -> Option<Until> {
    let given: Vec<&str> = ENDS.iter().copied().filter(|key| r.value(key).is_some()).collect();
    if let [first, second, ..] = given[..] {
        r.page.say(
            r.places.of(&r.path_of(second)),
            format!("`{first}` and `{second}` both say when the lock ends"),
            Some("keep one of them".to_owned()),
        );
    }
    match *given.first()? {
        "lasts" => span(r, "lasts").map(Until::Lasts),
        "until" => instant(r, "until"),
        "relative" => moment(r, "relative").map(Until::Relative),
        _ => r.text("literal").map(Until::Literal),
    }
}

fn instant(r: &Reader<'_, '_>, key: &str) -> Option<Until> {
    let text = match r.value(key)?.get_ref() {
        DeValue::Datetime(date) => date.to_string(),
        _ => r.text(key)?,
    };
    let found = parse_wire(&text);
    if found.is_none() {
        let hint = "write `2030-01-01T00:00:00Z`; what is to be sent exactly as written is `literal`";
        r.page.say(
            r.places.of(&r.path_of(key)),
            format!("`{text}` is not an instant"),
            Some(hint.to_owned()),
        );
    }
    found.map(Until::At)
}

/// `{ mode = "governance", days = 1 }` of a bucket or step.
pub(super) fn default_retention(r: &Reader<'_, '_>) -> Option<DefaultRetention> {
    let (table, span) = r.table("default-retention")?;
    let path = r.path_of("default-retention");
    let inner = r.inner(table, span, ("a default retention", path), &["mode", "days", "years"]);
    let mode = mode(&inner, "mode");
    if inner.value("mode").is_none() {
        inner.missing("mode");
    }
    let days = inner.number("days", 0, 100_000);
    let years = inner.number("years", 0, 1_000);
    let period = match (inner.value("days").is_some(), inner.value("years").is_some()) {
        (true, true) => {
            inner.page.say(
                inner.places.of(&inner.path_of("years")),
                "`days` and `years` both say how long",
                Some("keep one of them; a request with both is a `raw` step".to_owned()),
            );
            None
        }
        (false, false) => {
            inner.missing("days");
            None
        }
        _ => days
            .map(|d| Span::Exact(TimeDelta::days(i64::from(d))))
            .or_else(|| years.map(|y| Span::Months(12 * y))),
    };
    Some(DefaultRetention { mode: mode?, period: period? })
}

/// The words for versions that are not names of steps.
pub(crate) const VERSIONS: &[&str] = &["latest", "own", "marker", "null", "unknown"];

pub(super) fn version(text: &str) -> VersionRef {
    match text {
        "latest" => VersionRef::Latest,
        "own" => VersionRef::Own,
        "marker" => VersionRef::Marker,
        "null" => VersionRef::Null,
        "unknown" => VersionRef::Unknown,
        _ => match text.strip_prefix('=') {
            Some(literal) => VersionRef::Literal(literal.to_owned()),
            None => VersionRef::Step(text.to_owned()),
        },
    }
}

/// The text of the policy file that a key names.
pub(super) fn policy(r: &Reader<'_, '_>, policies: Policies<'_>) -> Option<String> {
    let name = r.text("policy")?;
    let found = policies(&name);
    if found.is_none() {
        let hint = "policies are files of `fixtures/policies`, named with their ending";
        r.page.say(
            r.places.of(&r.path_of("policy")),
            format!("there is no policy `{name}`"),
            Some(hint.to_owned()),
        );
    }
    found
}

/// A name that another part of the scenario defines; the shape is checked here, the existence later.
pub(super) fn name_at(r: &Reader<'_, '_>, name: &str, span: Range<usize>) {
    if !is_name(name) {
        r.page.say(span, format!("`{name}` is not a name"), Some(NAME_HINT.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_with_their_sign() {
        let at = |text| read_moment(text).map(|m| (m.object, m.offset.num_seconds()));
        assert_eq!(at("ledger expires - 1 second"), Some(("ledger".into(), -1)));
        assert_eq!(at("ledger expires + 2 minutes"), Some(("ledger".into(), 120)));
        assert_eq!(at("ledger expires"), Some(("ledger".into(), 0)));
        for bad in [
            "ledger",
            "ledger expires 1 second",
            "ledger expires - soon",
            "Ledger expires",
            "x expires + 1 month",
        ] {
            assert_eq!(at(bad), None, "{bad}");
        }
    }
}
