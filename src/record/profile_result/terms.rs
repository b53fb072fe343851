//! What a profile requires of every version, in words and with dates that a person can check.

use chrono::{DateTime, SubsecRound as _, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::lock::Mode;
use crate::profile::{ClockStart, HoldRule, Matching, Override, Requirement};
use crate::record::profile_result::assess::flat;
use crate::time::Span;

/// The terms for some versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Terms {
    /// The name of the override; empty for the profile's own terms.
    pub name: String,
    /// Which versions (`every version`, `tag country=DE`).
    pub versions: String,
    /// What is required of them, in a line.
    pub text: String,
    /// Why, with its citation; only overrides say so.
    pub why: String,
    /// The control of the catalogue that it answers to, if there is one.
    pub control: Option<String>,
    /// Dates for something made at the start of the run; none without a floor or a ceiling.
    pub example: Option<Example>,
}

/// When something made at an instant has to be kept until.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Example {
    /// When it was made.
    pub made: DateTime<Utc>,
    /// When the clock of its retention starts.
    pub starts: DateTime<Utc>,
    /// Until when it has to be kept, where there is a floor.
    pub until: Option<DateTime<Utc>>,
    /// The days from `made` to `until`, a begun one counted.
    pub days: Option<i64>,
    /// Until when it may be kept at most, where there is a ceiling.
    pub at_most: Option<DateTime<Utc>>,
}

/// The terms of a requirement: its own, then those of its overrides, reckoned for something made at `made`.
#[must_use]
pub fn requirement(requirement: &Requirement, made: DateTime<Utc>) -> Vec<Terms> {
    let made = made.trunc_subsecs(0);
    let own = of(requirement, None, made);
    let others = requirement.overrides.iter().map(|o| of(requirement, Some(o), made));
    std::iter::once(own).chain(others).collect()
}

fn of(all: &Requirement, own: Option<&Override>, made: DateTime<Utc>) -> Terms {
    let mode = own.and_then(|o| o.mode).or(all.mode);
    let least = own.and_then(|o| o.min_retention).or(all.min_retention);
    let most = own.and_then(|o| o.max_retention).or(all.max_retention);
    let clock = own.and_then(|o| o.clock).unwrap_or(all.clock);
    let hold = own.and_then(|o| o.hold).unwrap_or(all.hold);
    let mut parts = Vec::new();
    match mode {
        Some(Mode::Compliance) => parts.push("mode COMPLIANCE".to_owned()),
        // Never without its condition.
        Some(Mode::Governance) => {
            parts.push("mode GOVERNANCE or COMPLIANCE (whoever may bypass removes GOVERNANCE)".to_owned());
        }
        None => {}
    }
    if let Some(least) = least {
        parts.push(format!("kept for at least {least} from {clock}"));
    }
    if let Some(most) = most {
        parts.push(format!("kept for at most {most} from {clock}"));
    }
    if hold {
        parts.push("a legal hold".to_owned());
    } else if all.hold_rule == HoldRule::Report {
        parts.push("a legal hold is reported, because it has no end".to_owned());
    }
    if parts.is_empty() {
        parts.push("any lock in force".to_owned());
    }
    Terms {
        name: own.map(|o| o.name.clone()).unwrap_or_default(),
        versions: own.map_or_else(|| "every version".to_owned(), |o| versions(&o.matching)),
        text: parts.join("; "),
        why: own.map(|o| flat(&o.why)).unwrap_or_default(),
        control: own.and_then(|o| o.control.clone()),
        example: (least.is_some() || most.is_some()).then(|| example(made, clock, least, most)),
    }
}

fn example(made: DateTime<Utc>, clock: ClockStart, least: Option<Span>, most: Option<Span>) -> Example {
    let until = least.map(|span| clock.owed(made, span));
    let days = until.map(|until| {
        let whole = until - made;
        whole.num_days() + i64::from(whole > chrono::TimeDelta::days(whole.num_days()))
    });
    Example {
        made,
        starts: clock.starts(made),
        until,
        days,
        at_most: most.map(|span| clock.owed(made, span)),
    }
}

pub(super) fn versions(matching: &Matching) -> String {
    let mut parts = Vec::new();
    if let Some(prefix) = &matching.prefix {
        parts.push(format!("key begins with {prefix}"));
    }
    if let Some(text) = &matching.contains {
        parts.push(format!("key contains {text}"));
    }
    if let Some((key, value)) = &matching.tag {
        parts.push(format!("tag {key}={value}"));
    }
    if parts.is_empty() { "every version".to_owned() } else { parts.join(" and ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone as _;

    #[test]
    fn an_override_has_its_own_clock_and_dates_and_inherits_the_rest() {
        let made = Utc.with_ymd_and_hms(2026, 11, 25, 9, 0, 0).single().expect("an instant");
        let germany = Override {
            name: "DE".into(),
            matching: Matching { tag: Some(("country".into(), "DE".into())), ..Matching::default() },
            mode: None,
            min_retention: Some(Span::Months(96)),
            max_retention: None,
            clock: Some(ClockStart::CalendarYearEnd),
            hold: None,
            why: "section 147 AO".into(),
            control: None,
        };
        let all = Requirement {
            mode: Some(Mode::Compliance),
            min_retention: Some(Span::Months(120)),
            overrides: vec![germany],
            ..Requirement::default()
        };
        let terms = requirement(&all, made);
        assert_eq!(terms.len(), 2);
        let day = |t: &Terms| {
            let example = t.example.as_ref().expect("dates");
            (example.until.expect("a floor").date_naive().to_string(), example.days)
        };
        // Ten years with three leap days; eight from the turn of the year.
        assert_eq!(day(&terms[0]), ("2036-11-25".to_owned(), Some(3653)));
        assert_eq!(day(&terms[1]).0, "2035-01-01");
        assert_eq!(terms[1].versions, "tag country=DE");
        assert!(terms[1].text.starts_with("mode COMPLIANCE; kept for at least 8 years from the end of"));
    }
}
