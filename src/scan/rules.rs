//! What a scan says of one version: its lock against the requirement. Pure.

use chrono::{DateTime, TimeDelta, Utc};

use crate::lock::{LegalHold, Mode, Reading, Retention};
use crate::profile::ClockStart;
use crate::record::FindingRule;
use crate::time::human;

use super::terms::Terms;

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
    terms: &Terms<'_>,
    now: DateTime<Utc>,
) -> Vec<(FindingRule, String)> {
    let mut found = broken(lock, created, terms, now);
    if let Some(name) = terms.name {
        for (_, detail) in &mut found {
            *detail = format!("{name}: {detail}");
        }
    }
    found
}

fn broken(
    lock: &Lock,
    created: Option<DateTime<Utc>>,
    terms: &Terms<'_>,
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
            if terms.hold || retention.is_none() {
                found.push((FindingRule::Unreadable, format!("the legal hold could not be read: {why}")));
                return found;
            }
            None
        }
    };
    if retention.is_none() && held != Some(true) {
        // Whatever the terms are, this meets none.
        if terms.hold {
            found.push((FindingRule::NoHold, "no legal hold".to_owned()));
        }
        found.push((FindingRule::Unprotected, "neither retention nor legal hold".to_owned()));
        return found;
    }
    if let Some(why) = &terms.unknown {
        let text = format!("which terms it is to be judged by is not known: {why}");
        found.push((FindingRule::Unreadable, text));
        return found;
    }
    if terms.hold && held == Some(false) {
        found.push((FindingRule::NoHold, "no legal hold".to_owned()));
    }
    match retention {
        Some(retention) => judge_retention(retention, held, created, terms, now, &mut found),
        None if terms.mode.is_some() || terms.min_retention.is_some() => {
            let text = "a legal hold, which may be lifted at any time, and no retention";
            found.push((FindingRule::TooShort, text.to_owned()));
        }
        None => {}
    }
    if terms.holds_reported {
        match &lock.hold {
            Reading::Known(LegalHold::On) => {
                let text = "a legal hold, which has no end: it keeps the version beyond any ceiling";
                found.push((FindingRule::HeldWithoutEnd, text.to_owned()));
            }
            Reading::Known(LegalHold::Off) => {}
            Reading::Unread(why) => found.push((
                FindingRule::Unreadable,
                format!("legal holds are to be reported, and this one could not be read: {why}"),
            )),
        }
    }
    found
}

/// Mode, floor, ceiling, end and horizon.
fn judge_retention(
    retention: Retention,
    held: Option<bool>,
    created: Option<DateTime<Utc>>,
    terms: &Terms<'_>,
    now: DateTime<Utc>,
    found: &mut Vec<(FindingRule, String)>,
) {
    if terms.mode == Some(Mode::Compliance) && retention.mode == Mode::Governance {
        let text = "GOVERNANCE, which a principal with the right to bypass can lift; COMPLIANCE is required";
        found.push((FindingRule::WrongMode, text.to_owned()));
    }
    let until = human(retention.until);
    let mut owed = None;
    match (created, terms.min_retention, terms.max_retention) {
        (_, None, None) => {}
        (None, _, _) => {
            let text = "the listing gives no creation date, so the length cannot be judged".to_owned();
            found.push((FindingRule::Unreadable, text));
        }
        (Some(created), least, most) => {
            let from = match terms.clock {
                ClockStart::Creation => "its creation".to_owned(),
                clock => clock.to_string(),
            };
            if let Some(least) = least {
                let end = terms.clock.owed(created, least);
                owed = Some(end);
                if later(end, retention.until) {
                    let days = days_for_years(created, retention.until, end, terms.clock);
                    let text = format!(
                        "{} until {until}; {least} from {from} end {} (made {}){}",
                        retention.mode,
                        human(end),
                        human(created),
                        days.map_or_else(String::new, |(set, owed)| format!(
                            "; {set} days; {least} are {owed}"
                        )),
                    );
                    found.push((FindingRule::TooShort, text));
                }
            }
            if let Some(most) = most {
                let end = terms.clock.owed(created, most);
                if later(retention.until, end) {
                    let text = format!(
                        "{} until {until}; at most {most} from {from} are allowed, which end {} (made {})",
                        retention.mode,
                        human(end),
                        human(created)
                    );
                    found.push((FindingRule::TooLong, text));
                }
            }
        }
    }
    if held == Some(true) {
        return;
    }
    // A retention that served its whole period may have ended; one without a stated period may not.
    let served = owed.is_some_and(|owed| owed <= now);
    if retention.until <= now {
        if !served {
            found.push((FindingRule::Expired, format!("the retention ended {until}")));
        }
    } else if let Some(horizon) = terms.horizon
        && retention.until <= horizon.after(now)
    {
        let text = format!("the retention ends {until}, within {horizon}");
        found.push((FindingRule::EndsSoon, text));
    }
}

/// Whether one instant is later than another by more than a listing can be wrong.
fn later(one: DateTime<Utc>, other: DateTime<Utc>) -> bool {
    other.checked_add_signed(TOLERANCE).is_some_and(|other| other < one)
}

/// A retention that was reckoned in days where years are owed: the days that were set and the days that are owed.
/// Of a clock that starts later nothing can be said: the difference is more than leap days.
fn days_for_years(
    created: DateTime<Utc>,
    until: DateTime<Utc>,
    owed: DateTime<Utc>,
    clock: ClockStart,
) -> Option<(i64, i64)> {
    // Set a little before or after the version was made, as clocks and uploads go.
    const ROUND: TimeDelta = TimeDelta::minutes(30);
    const DAY: i64 = 86_400;
    let lasts = until.signed_duration_since(created);
    let days = lasts.checked_add(&ROUND)?.num_days();
    let whole = (lasts - TimeDelta::seconds(days * DAY)).abs() <= ROUND;
    let owed = (owed.signed_duration_since(created)).num_days();
    // Leap days and the lengths of months make less than three days, or a third of a percent.
    let near = owed > days && (owed - days) * 300 <= owed.max(900);
    (clock == ClockStart::Creation && whole && near).then_some((days, owed))
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
    use crate::profile::{HoldRule, Requirement};
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
        assess(lock, Some(day(2024, 2, 29)), &Terms::of(requirement), day(2026, 1, 1))
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
            assess(&lock(Mode::Compliance, day(2040, 1, 1)), None, &Terms::of(&ten_years()), day(2026, 1, 1))
                [0]
            .0,
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

    fn details(lock: &Lock, made: DateTime<Utc>, terms: &Terms<'_>) -> Vec<(FindingRule, String)> {
        assess(lock, Some(made), terms, day(2026, 1, 1))
    }

    #[test]
    fn a_clock_that_starts_with_the_year_owes_more_and_what_served_it_may_end() {
        let german = Terms {
            name: Some("DE"),
            mode: Some(Mode::Compliance),
            min_retention: Some(Span::Months(96)),
            clock: ClockStart::CalendarYearEnd,
            ..Terms::default()
        };
        // Eight years from the day are not eight years from the end of the year.
        let found = details(&lock(Mode::Compliance, day(2033, 5, 1)), day(2025, 5, 1), &german);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(
            found[0].1,
            "DE: COMPLIANCE until 2033-05-01 12:00:00 UTC; 8 years from the end of the calendar year of its creation \
             end 2034-01-01 00:00:00 UTC (made 2025-05-01 12:00:00 UTC)"
        );
        assert_eq!(details(&lock(Mode::Compliance, day(2034, 1, 1)), day(2025, 5, 1), &german), []);
        // Made in 2016, owed until 2025-01-01: ended in between, which is early for one of 2017 only.
        let ended = lock(Mode::Compliance, day(2025, 6, 1));
        assert_eq!(details(&ended, day(2016, 5, 1), &german), []);
        let early: Vec<_> = details(&ended, day(2017, 5, 1), &german).into_iter().map(|f| f.0).collect();
        assert_eq!(early, [FindingRule::TooShort]);
        let early: Vec<_> = details(&ended, day(2018, 5, 1), &german).into_iter().map(|f| f.0).collect();
        assert_eq!(early, [FindingRule::TooShort, FindingRule::Expired]);
    }

    #[test]
    fn days_for_years_are_named() {
        let made = day(2024, 2, 29);
        let text = |days| {
            details(&lock(Mode::Compliance, made + TimeDelta::days(days)), made, &Terms::of(&ten_years()))[0]
                .1
                .clone()
        };
        assert!(text(3650).ends_with("; 3650 days; 10 years are 3652"), "{}", text(3650));
        assert!(!text(365).contains("days;"), "{}", text(365));
    }

    #[test]
    fn a_ceiling_a_hold_and_the_horizon() {
        let terms = Requirement {
            min_retention: Some(Span::Months(12)),
            max_retention: Some(Span::Months(36)),
            hold_rule: HoldRule::Report,
            horizon: Some(Span::Exact(TimeDelta::days(30))),
            ..Requirement::default()
        };
        let rule = |lock: &Lock| rules(lock, &terms);
        assert_eq!(rule(&lock(Mode::Compliance, day(2027, 2, 28))), []);
        assert_eq!(rule(&lock(Mode::Compliance, day(2027, 3, 1))), [FindingRule::TooLong]);
        assert_eq!(rule(&lock(Mode::Compliance, day(2026, 1, 31))), [FindingRule::EndsSoon]);
        assert_eq!(rule(&lock(Mode::Compliance, day(2026, 2, 1))), []);
        let held = Lock { hold: Reading::Known(LegalHold::On), ..lock(Mode::Compliance, day(2026, 1, 31)) };
        assert_eq!(rule(&held), [FindingRule::HeldWithoutEnd], "a hold keeps it beyond the end");
        let silent = Lock { hold: Reading::Unread("403".into()), ..lock(Mode::Compliance, day(2027, 1, 1)) };
        assert_eq!(rule(&silent), [FindingRule::Unreadable]);
        let required = Requirement { hold: true, ..terms };
        assert_eq!(rules(&held, &required), [], "a hold that is required is not reported");
    }

    #[test]
    fn unknown_terms_are_never_the_weaker_ones() {
        let unknown = Terms { unknown: Some("403".into()), ..Terms::default() };
        let judge = |lock: &Lock| details(lock, day(2025, 1, 1), &unknown)[0].0;
        assert_eq!(judge(&lock(Mode::Compliance, day(2099, 1, 1))), FindingRule::Unreadable);
        let none = Lock { retention: Reading::Known(None), hold: Reading::Known(LegalHold::Off) };
        assert_eq!(judge(&none), FindingRule::Unprotected);
    }
}
