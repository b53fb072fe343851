//! What a scan says of one version: its lock against the requirement. Pure.

use chrono::{DateTime, TimeDelta, Utc};

use crate::lock::{LegalHold, Mode, Reading, Retention};
use crate::profile::Requirement;
use crate::record::FindingRule;
use crate::time::human;

/// Listings give whole seconds: the creation may lie up to a second later than what is listed.
const TOLERANCE: TimeDelta = TimeDelta::seconds(1);

/// The lock of one version as far as it could be looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    /// Its retention; `Known(None)` only after GetObjectRetention said so (or a listing that carries locks).
    pub retention: Reading<Option<Retention>>,
    /// Its legal hold.
    pub hold: Reading<LegalHold>,
}

/// Every rule that a version breaks, with a sentence each.
#[must_use]
pub fn assess(
    lock: &Lock,
    created: Option<DateTime<Utc>>,
    requirement: &Requirement,
    now: DateTime<Utc>,
) -> Vec<(FindingRule, String)> {
    let mut found = Vec::new();
    if let Reading::Unread(why) = &lock.retention {
        found.push((FindingRule::Unreadable, format!("the retention could not be read: {why}")));
        return found;
    }
    let retention = lock.retention.known().copied().flatten();
    let held = match &lock.hold {
        Reading::Known(hold) => Some(*hold == LegalHold::On),
        Reading::Unread(why) => {
            // Without the hold's state a version is judged by its retention alone, unless that is not enough.
            if requirement.hold || retention.is_none() {
                found.push((FindingRule::Unreadable, format!("the legal hold could not be read: {why}")));
                return found;
            }
            None
        }
    };
    if requirement.hold && held == Some(false) {
        found.push((FindingRule::NoHold, "no legal hold".to_owned()));
    }
    let Some(retention) = retention else {
        if held == Some(true) {
            if requirement.mode.is_some() || requirement.min_retention.is_some() {
                found.push((
                    FindingRule::TooShort,
                    "a legal hold, which may be lifted at any time, and no retention".to_owned(),
                ));
            }
        } else {
            found.push((FindingRule::Unprotected, "neither retention nor legal hold".to_owned()));
        }
        return found;
    };
    if requirement.mode == Some(Mode::Compliance) && retention.mode == Mode::Governance {
        let text = "GOVERNANCE, which a principal with the right to bypass can lift; COMPLIANCE is required";
        found.push((FindingRule::WrongMode, text.to_owned()));
    }
    let owed = requirement.min_retention.map(|span| (span, created.map(|c| span.after(c))));
    match owed {
        Some((span, Some(owed))) if retention.until + TOLERANCE < owed => {
            let text = format!(
                "{} until {}; {span} from its creation end {}",
                retention.mode,
                human(retention.until),
                human(owed)
            );
            found.push((FindingRule::TooShort, text));
        }
        Some((_, None)) => {
            let text = "the listing gives no creation date, so the length cannot be judged".to_owned();
            found.push((FindingRule::Unreadable, text));
        }
        _ => {}
    }
    // A retention that served its whole period may have ended; one without a stated period may not.
    let served = matches!(owed, Some((_, Some(owed))) if owed <= now);
    if retention.until <= now && held != Some(true) && !served {
        found.push((FindingRule::Expired, format!("the retention ended {}", human(retention.until))));
    }
    found
}

/// The class under which a version is counted in the totals.
#[must_use]
pub fn class(lock: &Lock, now: DateTime<Utc>) -> &'static str {
    match (&lock.retention, &lock.hold) {
        (Reading::Unread(_), _) => "not assessed",
        (Reading::Known(Some(r)), _) if r.until > now => match r.mode {
            Mode::Compliance => "COMPLIANCE",
            Mode::Governance => "GOVERNANCE",
        },
        (_, Reading::Known(LegalHold::On)) => "legal hold only",
        (_, Reading::Unread(_)) => "not assessed",
        (Reading::Known(Some(_)), Reading::Known(LegalHold::Off)) => "retention ended",
        (Reading::Known(None), Reading::Known(LegalHold::Off)) => "no lock",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Span;
    use chrono::TimeZone;

    fn day(y: i32, m: u32, d: u32) -> DateTime<Utc> {
        Utc.with_ymd_and_hms(y, m, d, 12, 0, 0).single().expect("a date")
    }

    fn lock(mode: Mode, until: DateTime<Utc>) -> Lock {
        Lock {
            retention: Reading::Known(Some(Retention { mode, until })),
            hold: Reading::Known(LegalHold::Off),
        }
    }

    fn rules(lock: &Lock, requirement: &Requirement) -> Vec<FindingRule> {
        assess(lock, Some(day(2024, 2, 29)), requirement, day(2026, 1, 1))
            .into_iter()
            .map(|(r, _)| r)
            .collect()
    }

    fn ten_years() -> Requirement {
        Requirement {
            mode: Some(Mode::Compliance),
            min_retention: Some(Span::Months(120)),
            ..Requirement::default()
        }
    }

    #[test]
    fn ten_years_are_judged_by_the_calendar() {
        // 29 February plus ten years is 28 February; 3650 days fall two days short.
        assert_eq!(rules(&lock(Mode::Compliance, day(2034, 2, 28)), &ten_years()), []);
        let days = day(2024, 2, 29) + TimeDelta::days(3650);
        assert_eq!(rules(&lock(Mode::Compliance, days), &ten_years()), [FindingRule::TooShort]);
        assert_eq!(rules(&lock(Mode::Governance, day(2034, 2, 28)), &ten_years()), [FindingRule::WrongMode]);
    }

    #[test]
    fn what_ended_is_expired_unless_it_served_its_period() {
        let ended = lock(Mode::Compliance, day(2025, 3, 1));
        assert_eq!(rules(&ended, &Requirement::default()), [FindingRule::Expired]);
        let one_year = Requirement { min_retention: Some(Span::Months(12)), ..Requirement::default() };
        assert_eq!(rules(&ended, &one_year), []);
        assert_eq!(rules(&ended, &ten_years()), [FindingRule::TooShort, FindingRule::Expired]);
    }

    #[test]
    fn silence_is_not_unlocked() {
        let silent = |retention, hold| Lock { retention, hold };
        let unread = || Reading::Unread("403".to_owned());
        let none = Requirement::default();
        assert_eq!(
            rules(&silent(unread(), Reading::Known(LegalHold::Off)), &none),
            [FindingRule::Unreadable]
        );
        // No retention and an unknown hold: it may be held.
        assert_eq!(
            rules(&silent(Reading::Known(None), Reading::Unread("403".into())), &none),
            [FindingRule::Unreadable]
        );
        assert_eq!(
            rules(&silent(Reading::Known(None), Reading::Known(LegalHold::Off)), &none),
            [FindingRule::Unprotected]
        );
        assert_eq!(
            assess(&lock(Mode::Compliance, day(2040, 1, 1)), None, &ten_years(), day(2026, 1, 1))[0].0,
            FindingRule::Unreadable
        );
    }

    #[test]
    fn a_hold_alone_is_no_retention() {
        let held = Lock { retention: Reading::Known(None), hold: Reading::Known(LegalHold::On) };
        assert_eq!(rules(&held, &Requirement::default()), []);
        assert_eq!(rules(&held, &ten_years()), [FindingRule::TooShort]);
        let must_hold = Requirement { hold: true, ..Requirement::default() };
        assert_eq!(rules(&held, &must_hold), []);
        assert_eq!(rules(&lock(Mode::Compliance, day(2040, 1, 1)), &must_hold), [FindingRule::NoHold]);
        assert_eq!(class(&held, day(2026, 1, 1)), "legal hold only");
    }
}
