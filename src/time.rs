//! The clock, passed in. The only module that asks the operating system for the time or sleeps.
//!
//! A [`Clock`] is either real or virtual. A virtual clock stands still until somebody moves it: the
//! embedded server and the scenarios that run against it in the process share one, so that waiting
//! for the end of a retention costs nothing. All times are UTC.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Months, SubsecRound, TimeDelta, Utc};

/// A source of the present instant that can also wait. Cloning shares the clock.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The operating system's clock.
    Real,
    /// A clock that moves only when told to.
    Virtual(Arc<VirtualClock>),
}

/// The state behind a virtual clock.
#[derive(Debug)]
pub struct VirtualClock {
    now: Mutex<DateTime<Utc>>,
}

impl VirtualClock {
    fn lock(&self) -> MutexGuard<'_, DateTime<Utc>> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock {
    /// A virtual clock that stands at `start`.
    #[must_use]
    pub fn virtual_at(start: DateTime<Utc>) -> Self {
        Self::Virtual(Arc::new(VirtualClock { now: Mutex::new(start) }))
    }

    /// The present instant.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the operating system")]
    pub fn now(&self) -> DateTime<Utc> {
        match self {
            Self::Real => Utc::now(),
            Self::Virtual(clock) => *clock.lock(),
        }
    }

    /// Whether time passes only by [`Clock::sleep_until`] and [`Clock::advance_to`].
    #[must_use]
    pub fn is_virtual(&self) -> bool {
        matches!(self, Self::Virtual(_))
    }

    /// Moves a virtual clock forward to `instant`; an earlier instant leaves it alone. A real clock
    /// is not moved.
    pub fn advance_to(&self, instant: DateTime<Utc>) {
        if let Self::Virtual(clock) = self {
            let mut now = clock.lock();
            if *now < instant {
                *now = instant;
            }
        }
    }

    /// Moves a virtual clock by so much, back as well as forward. A real clock is not moved.
    pub fn shift(&self, by: TimeDelta) {
        if let Self::Virtual(clock) = self {
            let mut now = clock.lock();
            *now = now.checked_add_signed(by).unwrap_or(*now);
        }
    }

    /// Waits until `instant`: a real clock sleeps, a virtual one jumps. Scenarios that run at the
    /// same time must not share a virtual clock.
    #[expect(clippy::disallowed_methods, reason = "the one place that sleeps")]
    pub async fn sleep_until(&self, instant: DateTime<Utc>) {
        match self {
            Self::Virtual(_) => self.advance_to(instant),
            Self::Real => {
                if let Ok(left) = (instant - self.now()).to_std() {
                    tokio::time::sleep(left).await;
                }
            }
        }
    }

    /// Waits for `duration`.
    pub async fn sleep(&self, duration: Duration) {
        let delta = TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX);
        let until = self.now().checked_add_signed(delta).unwrap_or(DateTime::<Utc>::MAX_UTC);
        self.sleep_until(until).await;
    }
}

/// A duration as people write it: an exact length (`90 seconds`, `5m`) or a calendar length
/// (`10 years`, `3 months`), which is not a fixed number of days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// A fixed length of time.
    Exact(TimeDelta),
    /// A number of calendar months (a year is twelve).
    Months(u32),
}

/// A duration that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a duration")]
pub struct SpanError {
    /// The text as given.
    pub text: String,
}

impl SpanError {
    /// How to write it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        "write a number and a unit: `500 ms`, `90s`, `5 minutes`, `24h`, `30 days`, `6 months`, `10y`"
    }
}

impl Span {
    /// Reads `10y`, `3 months`, `90 days`, `5 minutes`, `1.5h` (fractions of exact units only).
    ///
    /// # Errors
    /// A number or unit that is missing, unknown, negative or too large.
    pub fn parse(text: &str) -> Result<Self, SpanError> {
        let fail = || SpanError { text: text.to_owned() };
        let trimmed = text.trim();
        let split = trimmed.find(|c: char| !(c.is_ascii_digit() || c == '.')).ok_or_else(fail)?;
        let (number, unit) = trimmed.split_at(split);
        let millis: i64 = match unit.trim() {
            "ms" | "millisecond" | "milliseconds" => 1,
            "s" | "sec" | "second" | "seconds" => 1_000,
            "m" | "min" | "minute" | "minutes" => 60_000,
            "h" | "hour" | "hours" => 3_600_000,
            "d" | "day" | "days" => 86_400_000,
            "w" | "week" | "weeks" => 7 * 86_400_000,
            "month" | "months" => {
                return number.parse().map(Self::Months).map_err(|_| fail());
            }
            "y" | "year" | "years" => {
                let years: u32 = number.parse().map_err(|_| fail())?;
                return years.checked_mul(12).map(Self::Months).ok_or_else(fail);
            }
            _ => return Err(fail()),
        };
        let total = match number.split_once('.') {
            None => number.parse::<i64>().ok().and_then(|n| n.checked_mul(millis)),
            Some((whole, fraction)) if (1..=3).contains(&fraction.len()) => {
                let scale = 10_i64.pow(u32::try_from(fraction.len()).unwrap_or(3));
                let whole: Option<i64> = whole.parse().ok();
                let fraction: Option<i64> = fraction.parse().ok();
                whole
                    .zip(fraction)
                    .and_then(|(w, f)| w.checked_mul(scale)?.checked_add(f)?.checked_mul(millis))
                    .map(|n| n / scale)
            }
            Some(_) => None,
        };
        total.and_then(TimeDelta::try_milliseconds).map(Self::Exact).ok_or_else(fail)
    }

    /// `start` plus this span by the calendar (31 January plus one month is the last of February).
    /// Saturates at the end of representable time.
    #[must_use]
    pub fn after(self, start: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::Exact(delta) => start.checked_add_signed(delta),
            Self::Months(months) => start.checked_add_months(Months::new(months)),
        }
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    /// `end` minus this span by the calendar. Saturates at the beginning of representable time.
    #[must_use]
    pub fn before(self, end: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::Exact(delta) => end.checked_sub_signed(delta),
            Self::Months(months) => end.checked_sub_months(Months::new(months)),
        }
        .unwrap_or(DateTime::<Utc>::MIN_UTC)
    }
}

impl std::fmt::Display for Span {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let plural = |n: i64| if n == 1 { "" } else { "s" };
        match *self {
            Self::Months(n) if n % 12 == 0 => {
                write!(f, "{} year{}", n / 12, plural(i64::from(n / 12)))
            }
            Self::Months(n) => write!(f, "{n} month{}", plural(i64::from(n))),
            Self::Exact(delta) => {
                let millis = delta.num_milliseconds();
                for (unit, name) in
                    [(86_400_000, "day"), (3_600_000, "hour"), (60_000, "minute"), (1_000, "second")]
                {
                    if millis != 0 && millis % unit == 0 {
                        return write!(f, "{} {name}{}", millis / unit, plural(millis / unit));
                    }
                }
                write!(f, "{millis} ms")
            }
        }
    }
}

/// An instant as the S3 wire writes it: `2030-01-01T00:00:00.000Z`.
#[must_use]
pub fn wire(instant: DateTime<Utc>) -> String {
    instant.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// An instant as a person reads it: `2030-01-01 00:00:00 UTC`, milliseconds only where there are any.
#[must_use]
pub fn human(instant: DateTime<Utc>) -> String {
    if instant.trunc_subsecs(0) == instant {
        instant.format("%Y-%m-%d %H:%M:%S UTC").to_string()
    } else {
        instant.format("%Y-%m-%d %H:%M:%S%.3f UTC").to_string()
    }
}

/// Reads an ISO 8601 / RFC 3339 instant with any offset.
#[must_use]
pub fn parse_wire(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text.trim()).ok().map(|t| t.with_timezone(&Utc))
}

/// Reads an HTTP `Date` header (RFC 7231, whole seconds).
#[must_use]
pub fn parse_http_date(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc2822(text.trim()).ok().map(|t| t.with_timezone(&Utc))
}

/// An instant as an HTTP `Date` header.
#[must_use]
pub fn http_date(instant: DateTime<Utc>) -> String {
    instant.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;

    fn at(y: i32, m: u32, d: u32) -> DateTime<Utc> {
        Utc.with_ymd_and_hms(y, m, d, 0, 0, 0).single().expect("a valid date")
    }

    #[test]
    fn spans_are_read_as_people_write_them() {
        assert_eq!(Span::parse("5 minutes"), Ok(Span::Exact(TimeDelta::minutes(5))));
        assert_eq!(Span::parse("1.5h"), Ok(Span::Exact(TimeDelta::minutes(90))));
        assert_eq!(Span::parse("10y"), Ok(Span::Months(120)));
        for bad in ["", "5", "five days", "-3 days", "3 fortnights", "1.5 years", "99999999999999d"] {
            assert!(Span::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn ten_years_are_not_3650_days() {
        let start = at(2024, 1, 1);
        assert_eq!(Span::Months(120).after(start), at(2034, 1, 1));
        assert_eq!(Span::Exact(TimeDelta::days(3650)).after(start), at(2033, 12, 29));
        assert_eq!(Span::Months(12).after(at(2024, 2, 29)), at(2025, 2, 28));
    }

    #[test]
    fn a_span_is_shown_in_its_largest_whole_unit() {
        for (text, shown) in
            [("3600s", "1 hour"), ("90s", "90 seconds"), ("24 months", "2 years"), ("0s", "0 ms")]
        {
            assert_eq!(Span::parse(text).expect("a span").to_string(), shown);
        }
    }

    #[test]
    fn a_virtual_clock_jumps_and_never_goes_back() {
        let clock = Clock::virtual_at(at(2030, 1, 1));
        clock.advance_to(at(2030, 1, 2));
        clock.advance_to(at(2030, 1, 1));
        assert_eq!(clock.now(), at(2030, 1, 2));
    }

    #[test]
    fn wire_times_survive_the_way_there_and_back() {
        let t = parse_wire("2030-01-01T02:00:00+02:00").expect("an instant");
        assert_eq!(t, at(2030, 1, 1));
        assert_eq!(wire(t), "2030-01-01T00:00:00.000Z");
        assert_eq!(parse_http_date(&http_date(t)), Some(t));
    }
}
