//! Retention by the calendar: ten years are not 3,650 days, and many legal clocks start at the end of a year.
//!
//! All dates are UTC. A legal year ends by local time, which differs by hours; what is owed is therefore told with
//! its date, so that a person can check it. What the module does not know: a suspended period (an open tax
//! assessment), and when a record was really made: it takes the date that it is given.

use chrono::{DateTime, Datelike as _, NaiveDate, NaiveTime, Utc};

use crate::time::Span;

/// Where the clock of a retention period starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClockStart {
    /// When the version was made.
    #[default]
    Creation,
    /// With the end of the calendar year in which it was made (Germany: section 147(4) AO; France).
    CalendarYearEnd,
    /// With the end of the financial year in which it was made.
    FinancialYearEnd {
        /// The last month of the financial year, 1 to 12.
        last_month: u32,
    },
}

impl ClockStart {
    /// When the clock of something made then starts.
    #[must_use]
    pub fn starts(self, made: DateTime<Utc>) -> DateTime<Utc> {
        let last_month = match self {
            Self::Creation => return made,
            Self::CalendarYearEnd => 12,
            Self::FinancialYearEnd { last_month } => last_month.clamp(1, 12),
        };
        let year = made.year() + i32::from(made.month() > last_month);
        let (year, month) = if last_month == 12 { (year + 1, 1) } else { (year, last_month + 1) };
        NaiveDate::from_ymd_opt(year, month, 1).map_or(made, |day| day.and_time(NaiveTime::MIN).and_utc())
    }

    /// Until when something made then has to be kept.
    #[must_use]
    pub fn owed(self, made: DateTime<Utc>, period: Span) -> DateTime<Utc> {
        period.after(self.starts(made))
    }
}

impl std::fmt::Display for ClockStart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Creation => f.write_str("creation"),
            Self::CalendarYearEnd => f.write_str("the end of the calendar year of its creation"),
            Self::FinancialYearEnd { last_month } => {
                write!(f, "the end of the financial year (month {last_month}) of its creation")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone as _;

    fn day(y: i32, m: u32, d: u32) -> DateTime<Utc> {
        Utc.with_ymd_and_hms(y, m, d, 0, 0, 0).single().expect("a date")
    }

    #[test]
    fn eight_german_years_end_with_a_year() {
        let eight = Span::Months(96);
        assert_eq!(ClockStart::CalendarYearEnd.owed(day(2025, 1, 1), eight), day(2034, 1, 1));
        assert_eq!(ClockStart::CalendarYearEnd.owed(day(2025, 12, 31), eight), day(2034, 1, 1));
        assert_eq!(ClockStart::Creation.owed(day(2025, 1, 1), eight), day(2033, 1, 1));
    }

    #[test]
    fn a_financial_year_that_ends_in_march() {
        let march = ClockStart::FinancialYearEnd { last_month: 3 };
        assert_eq!(march.starts(day(2026, 3, 31)), day(2026, 4, 1));
        assert_eq!(march.starts(day(2026, 4, 1)), day(2027, 4, 1));
        assert_eq!(march.owed(day(2026, 2, 28), Span::Months(24)), day(2028, 4, 1));
    }

    #[test]
    fn ten_years_are_more_than_3650_days() {
        let made = day(2024, 2, 29);
        assert_eq!(ClockStart::Creation.owed(made, Span::Months(120)), day(2034, 2, 28));
        assert!(made + chrono::TimeDelta::days(3650) < day(2034, 2, 28));
    }
}
