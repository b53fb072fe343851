//! Reach and safety class may not be lower than what the steps do if every one of them is accepted.
//!
//! The present instant is not known here: a fixed date before [`CERTAINLY_PAST`] is past, any other is far.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use super::Case;
use crate::lock::Mode;
use crate::scenario::{
    AskRetention, BodySpec, DefaultRetention, Moment, ObjectSpec, On, Reach, Safety, Scenario, Step, Until,
};
use crate::time::{Span, parse_wire};

/// Locks until an earlier instant leave nothing: no server of this tool's time is younger.
const CERTAINLY_PAST: i32 = 2026;

/// The longest lock that does not count as residue.
const LONG: TimeDelta = TimeDelta::days(1);

/// A demand on a class, and the path of what makes it.
struct Demand<T> {
    least: T,
    path: String,
    why: String,
}

pub(super) fn check(case: &Case<'_>) {
    reach(case);
    safety(case);
}

fn reach(case: &Case<'_>) {
    let mut demands = Vec::new();
    for bucket in &case.scenario.buckets {
        let path = format!("bucket.{}", bucket.name);
        demands.push(Demand { least: Reach::Bucket, path, why: "it makes a bucket".to_owned() });
    }
    for (i, step) in case.steps() {
        let path = format!("step.{i}.action");
        if step.action.of_machine().is_some() {
            let why = "a step acts on the server as a whole".to_owned();
            demands.push(Demand { least: Reach::Server, path, why });
        } else if !step.logged.is_empty() {
            let why = "the server's own log is read".to_owned();
            demands.push(Demand { least: Reach::Server, path: Case::step(i, "logged"), why });
        } else if step.on == Some(On::Server) {
            let why = "a step is aimed at the server".to_owned();
            demands.push(Demand { least: Reach::Server, path: Case::step(i, "on"), why });
        } else if step.signature.is_some() {
            let why = "a step works without a valid signature".to_owned();
            demands.push(Demand { least: Reach::Server, path: Case::step(i, "signature"), why });
        } else if step.bucket.is_some() {
            demands.push(Demand {
                least: Reach::Bucket,
                path,
                why: format!("`{}` is aimed at a bucket", step.action),
            });
        }
    }
    if let Some(demand) = demands.iter().max_by_key(|d| d.least).filter(|d| d.least > case.scenario.reach) {
        let line = case.line(&demand.path);
        let message = format!("the reach is at least `{}`: {} in line {line}", demand.least, demand.why);
        case.say("reach", message, Some(format!("write `reach = \"{}\"`", demand.least)));
    }
}

/// How long a lock that is asked for may last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Length {
    Past,
    Short,
    Long,
}

fn safety(case: &Case<'_>) {
    let mut demands: Vec<Demand<Safety>> = Vec::new();
    let mut lock = |mode: Option<Mode>, length: Length, path: String| {
        if length == Length::Long {
            let why = "a lock that may last longer than a day is asked for".to_owned();
            demands.push(Demand { least: Safety::LeavesResidue, path, why });
        } else if mode == Some(Mode::Compliance) && length == Length::Short {
            let why = "a compliance lock is asked for".to_owned();
            demands.push(Demand { least: Safety::CleanupAfterExpiry, path, why });
        }
    };
    let scenario = case.scenario;
    for bucket in &scenario.buckets {
        if let Some(default) = bucket.default_retention {
            let path = format!("bucket.{}.default-retention", bucket.name);
            lock(Some(default.mode), of_default(default), path);
        }
    }
    for object in &scenario.objects {
        if let Some(AskRetention::Set { mode, until }) = &object.retention {
            let path = format!("object.{}.retention", object.name);
            lock(*mode, of_until(scenario, until.as_ref()), path);
        }
        let twin = object.bucket.as_deref().and_then(|b| scenario.bucket(b)).is_some_and(|b| b.twin);
        if twin {
            // The audited bucket's default, cut to a day, may be compliance.
            lock(Some(Mode::Compliance), Length::Short, format!("object.{}", object.name));
        }
    }
    for (i, step) in case.steps() {
        if let Some(AskRetention::Set { mode, until }) = &step.retention {
            lock(*mode, of_until(scenario, until.as_ref()), Case::step(i, "retention"));
        }
        if let Some(Some(default)) = step.default_retention {
            lock(Some(default.mode), of_default(default), Case::step(i, "default-retention"));
        }
        let (mode, length) = of_texts(scenario, step);
        lock(mode, length, format!("step.{i}"));
    }
    if let Some(demand) = demands.iter().max_by_key(|d| d.least).filter(|d| d.least > scenario.safety) {
        let line = case.line(&demand.path);
        let message =
            format!("the safety class is at least `{}`: {} in line {line}", demand.least, demand.why);
        case.say("safety", message, Some(format!("write `safety = \"{}\"`", demand.least)));
    }
}

fn of_default(default: DefaultRetention) -> Length {
    of_span(default.period)
}

fn of_span(span: Span) -> Length {
    match span {
        Span::Exact(delta) if delta <= LONG => Length::Short,
        Span::Months(0) => Length::Short,
        _ => Length::Long,
    }
}

fn of_instant(at: DateTime<Utc>) -> Length {
    use chrono::Datelike;
    if at.year() < CERTAINLY_PAST { Length::Past } else { Length::Long }
}

fn of_until(scenario: &Scenario, until: Option<&Until>) -> Length {
    match until {
        None => Length::Past,
        Some(Until::Lasts(span)) => of_span(*span),
        Some(Until::At(at)) => of_instant(*at),
        Some(Until::Relative(moment)) => of_moment(scenario, moment),
        Some(Until::Literal(text)) => of_literal(text),
    }
}

/// The lock's own length, plus the offset.
fn of_moment(scenario: &Scenario, moment: &Moment) -> Length {
    let object = scenario.object(&moment.object);
    let end = object.and_then(|o| match &o.retention {
        Some(AskRetention::Set { until: Some(until), .. }) => Some(until),
        _ => None,
    });
    match end {
        Some(Until::Lasts(Span::Exact(length))) => {
            length.checked_add(&moment.offset).map_or(Length::Long, |sum| of_span(Span::Exact(sum)))
        }
        None if object.is_some_and(|o| inherits_a_day(scenario, o)) && moment.offset <= TimeDelta::zero() => {
            Length::Short
        }
        _ => Length::Long,
    }
}

fn inherits_a_day(scenario: &Scenario, object: &ObjectSpec) -> bool {
    let bucket = object.bucket.as_deref().and_then(|b| scenario.bucket(b));
    bucket.is_some_and(|b| b.twin || b.default_retention.is_some_and(|d| of_span(d.period) == Length::Short))
}

/// A date that is sent as written. A server may read more than we can: what holds digits and is not
/// certainly past counts as far.
fn of_literal(text: &str) -> Length {
    let date = parse_wire(text).or_else(|| {
        let day = NaiveDate::parse_from_str(text.trim(), "%Y-%m-%d").ok()?;
        Some(day.and_hms_opt(0, 0, 0)?.and_utc())
    });
    match date.or_else(|| crate::time::parse_http_date(text)) {
        Some(at) => of_instant(at),
        None if text.chars().any(|c| c.is_ascii_digit()) => Length::Long,
        None => Length::Past,
    }
}

/// Locks that a step asks for in texts of its own: headers, query, content, forms, archive records.
fn of_texts(scenario: &Scenario, step: &Step) -> (Option<Mode>, Length) {
    let mut pairs: Vec<(&str, &str)> = Vec::new();
    for list in [&step.headers, &step.unsigned_headers, &step.query] {
        pairs.extend(list.iter().map(|(k, v)| (k.as_str(), v.as_str())));
    }
    match step.body.as_deref().and_then(|b| scenario.body(b)) {
        Some(BodySpec::Form { fields }) => pairs.extend(fields.iter().map(|(k, v)| (k.as_str(), v.as_str()))),
        Some(BodySpec::Archive { entries }) => {
            pairs.extend(entries.iter().flat_map(|e| &e.pax).map(|(k, v)| (k.as_str(), v.as_str())));
        }
        _ => {}
    }
    let mut mode = None;
    let mut length = Length::Past;
    for (key, value) in pairs {
        let key = key.to_ascii_lowercase();
        if key.ends_with("object-lock-mode") && value.to_ascii_lowercase().contains("compliance") {
            mode = Some(Mode::Compliance);
        }
        if key.ends_with("object-lock-retain-until-date") {
            length = length.max(of_date_text(scenario, value));
        }
    }
    if let Some(content) = &step.content
        && step.action == crate::scenario::Action::Raw
    {
        if content.contains("COMPLIANCE") {
            mode = Some(Mode::Compliance);
        }
        for (tag, end) in [("<RetainUntilDate>", "</"), ("<Days>", "</"), ("<Years>", "</")] {
            for (at, _) in content.match_indices(tag) {
                let rest = &content[at + tag.len()..];
                let value = rest.split(end).next().unwrap_or_default().trim();
                length = length.max(match (tag, value) {
                    ("<Days>", "1" | "0") => Length::Short,
                    ("<RetainUntilDate>", value) => of_date_text(scenario, value),
                    _ => Length::Long,
                });
            }
        }
    }
    // A mode without a date that we recognise: as short as the others, but a lock.
    if mode.is_some() && length == Length::Past {
        length = Length::Short;
    }
    (mode, length)
}

fn of_date_text(scenario: &Scenario, value: &str) -> Length {
    let own = value.strip_prefix('{').and_then(|v| v.strip_suffix(".until}"));
    match own {
        Some(object) => of_moment(scenario, &Moment { object: object.to_owned(), offset: TimeDelta::zero() }),
        None => of_literal(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_as_written_counts_as_far_unless_it_is_certainly_past() {
        assert_eq!(of_literal("2020-01-01T00:00:00Z"), Length::Past);
        assert_eq!(of_literal("2020-01-01"), Length::Past);
        assert_eq!(of_literal("2999-01-01T00:00:00Z"), Length::Long);
        assert_eq!(of_literal("20301301"), Length::Long);
        assert_eq!(of_literal("tomorrow"), Length::Past);
        assert_eq!(of_span(Span::Exact(TimeDelta::days(1))), Length::Short);
        assert_eq!(of_span(Span::Months(1)), Length::Long);
    }
}
