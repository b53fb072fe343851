//! `[require]` and `[[override]]`: what every version has to have.

use chrono::DateTime;

use crate::located::{Reader, near};
use crate::lock::Mode;
use crate::profile::{ClockStart, HoldRule, Matching, Override, Requirement};
use crate::time::Span;

use super::{Known, compare, prose};

pub(super) fn requirement(r: &Reader<'_, '_>, known: &Known) -> Requirement {
    let mut requirement = Requirement::default();
    if let Some((table, span)) = r.table("require") {
        let keys = &["mode", "min-retention", "max-retention", "clock", "hold", "horizon"];
        let q = r.inner(table, span, ("a requirement", "require".to_owned()), keys);
        requirement.mode = mode(&q, "mode");
        requirement.min_retention = length(&q, "min-retention");
        requirement.max_retention = length(&q, "max-retention");
        requirement.clock = clock(&q).unwrap_or_default();
        requirement.horizon = length(&q, "horizon");
        (requirement.hold, requirement.hold_rule) = hold(&q);
        in_order(&q, requirement.min_retention, requirement.max_retention);
        if q.value("mode").is_none() && requirement.min_retention.is_some() && !requirement.hold {
            let hint = "write `mode = \"compliance\"`, or `\"governance\"`";
            q.page.say(q.span.clone(), "a least retention without a mode", Some(hint.to_owned()));
        }
    }
    requirement.overrides = overrides(r, known, &requirement);
    requirement
}

fn overrides(r: &Reader<'_, '_>, known: &Known, whole: &Requirement) -> Vec<Override> {
    let mut found: Vec<Override> = Vec::new();
    for (i, (table, span)) in r.tables("override", false).into_iter().enumerate() {
        let keys = &[
            "name",
            "prefix",
            "contains",
            "tag",
            "mode",
            "min-retention",
            "max-retention",
            "clock",
            "hold",
            "why",
            "control",
        ];
        let o = r.inner(table, span, ("an override", format!("override.{i}")), keys);
        let one = Override {
            name: o.need_text("name"),
            matching: matching(&o),
            mode: mode(&o, "mode"),
            min_retention: length(&o, "min-retention"),
            max_retention: length(&o, "max-retention"),
            clock: clock(&o),
            hold: o.value("hold").and_then(|_| {
                o.word("hold", &[true, false], |required| if required { "required" } else { "any" })
            }),
            why: prose(&o.need_text("why")),
            control: o.value("control").map(|_| o.need_text("control")),
        };
        if let (Some(control), Some(ids)) = (&one.control, &known.controls) {
            compare(&o, control, o.places.of(&o.path_of("control")), "control", &[ids]);
        }
        if found.iter().any(|other| other.name == one.name) {
            let place = o.places.of(&o.path_of("name"));
            o.page.say(place, format!("the override `{}` stands twice", one.name), None);
        }
        // An override's own ceiling may be below the floor that it inherits: no version could meet both.
        in_order(&o, one.min_retention.or(whole.min_retention), one.max_retention.or(whole.max_retention));
        found.push(one);
    }
    found
}

fn matching(o: &Reader<'_, '_>) -> Matching {
    let given = |key: &str| o.value(key).map(|_| o.need_text(key));
    let tag = given("tag").and_then(|text| match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Some((key.to_owned(), value.to_owned())),
        _ => {
            let hint = "write `tag = \"country=DE\"`".to_owned();
            o.page.say(o.places.of(&o.path_of("tag")), format!("`{text}` is not a tag"), Some(hint));
            None
        }
    });
    if ["prefix", "contains", "tag"].iter().all(|key| o.value(key).is_none()) {
        let hint = "give `prefix`, `contains` or `tag`; what is asked of all versions belongs in `[require]`";
        o.page.say(o.span.clone(), "the override does not say for which versions", Some(hint.to_owned()));
    }
    Matching { prefix: given("prefix"), contains: given("contains"), tag }
}

/// A floor that lies above its ceiling can be met by nothing.
fn in_order(r: &Reader<'_, '_>, floor: Option<Span>, ceiling: Option<Span>) {
    let start = DateTime::UNIX_EPOCH;
    let (Some(floor), Some(ceiling)) = (floor, ceiling) else { return };
    if ceiling.after(start) < floor.after(start) {
        let key = if r.value("max-retention").is_some() { "max-retention" } else { "min-retention" };
        r.page.say(
            r.places.of(&r.path_of(key)),
            format!("the ceiling ({ceiling}) lies below the floor ({floor})"),
            Some("no version could meet both".to_owned()),
        );
    }
}

pub(super) fn mode(r: &Reader<'_, '_>, key: &str) -> Option<Mode> {
    r.word(key, &[Mode::Compliance, Mode::Governance], |mode| match mode {
        Mode::Compliance => "compliance",
        Mode::Governance => "governance",
    })
}

pub(super) fn length(r: &Reader<'_, '_>, key: &str) -> Option<Span> {
    let text = r.text(key)?;
    Span::parse(&text)
        .map_err(|e| r.page.say(r.places.of(&r.path_of(key)), e.to_string(), Some(e.hint().to_owned())))
        .ok()
}

fn hold(r: &Reader<'_, '_>) -> (bool, HoldRule) {
    let words = &[(true, HoldRule::Any), (false, HoldRule::Report), (false, HoldRule::Any)];
    r.word("hold", words, |hold| match hold {
        (true, _) => "required",
        (false, HoldRule::Report) => "reported",
        (false, HoldRule::Any) => "any",
    })
    .unwrap_or_default()
}

/// `creation`, `end of calendar year`, `end of financial year, month 3`.
fn clock(r: &Reader<'_, '_>) -> Option<ClockStart> {
    let text = r.text("clock")?;
    let financial = "end of financial year, month ";
    let clock = match text.as_str() {
        "creation" => Some(ClockStart::Creation),
        "end of calendar year" => Some(ClockStart::CalendarYearEnd),
        _ => text
            .strip_prefix(financial)
            .and_then(|month| month.parse().ok())
            .filter(|month| (1..=12).contains(month))
            .map(|last_month| ClockStart::FinancialYearEnd { last_month }),
    };
    if clock.is_none() {
        let known = ["creation", "end of calendar year", "end of financial year, month 3"];
        let hint = near(&text, known).filter(|hint| !hint.contains(financial));
        let hint = hint.unwrap_or_else(|| {
            "known: `creation`, `end of calendar year`, `end of financial year, month 3` (1 to 12)".to_owned()
        });
        r.page.say(
            r.places.of(&r.path_of("clock")),
            format!("`{text}` is not the start of a clock"),
            Some(hint),
        );
    }
    clock
}
