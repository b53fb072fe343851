//! Dates as AWS writes them into one refusal: as Java does, in US Pacific time.

use chrono::{DateTime, Datelike as _, NaiveDate, TimeDelta, Utc, Weekday};

/// An instant as in `Tue Dec 31 16:00:00 PST 2019` (recorded for PutObjectRetention with a past date).
///
/// Summer time goes by the rule in force since 2007, for earlier years too.
#[must_use]
pub fn written(instant: DateTime<Utc>) -> String {
    let (zone, hours) = if is_summer(instant) { ("PDT", 7) } else { ("PST", 8) };
    let local = instant.naive_utc().checked_sub_signed(TimeDelta::hours(hours));
    let local = local.unwrap_or_else(|| instant.naive_utc());
    local.format(&format!("%a %b %d %H:%M:%S {zone} %Y")).to_string()
}

/// From the second Sunday of March, 10:00 UTC, to the first Sunday of November, 09:00 UTC.
fn is_summer(instant: DateTime<Utc>) -> bool {
    let turn = |month, sunday, hour| {
        let day = NaiveDate::from_weekday_of_month_opt(instant.year(), month, Weekday::Sun, sunday)?;
        Some(day.and_hms_opt(hour, 0, 0)?.and_utc())
    };
    turn(3, 2, 10).is_some_and(|begin| instant >= begin) && turn(11, 1, 9).is_some_and(|end| instant < end)
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone as _;

    use super::*;

    #[test]
    fn summer_begins_and_ends_on_the_second() {
        for (day, hour, minute, wanted) in [
            ((2020, 1, 1), 0, 0, "Tue Dec 31 16:00:00 PST 2019"),
            ((2026, 3, 8), 9, 59, "Sun Mar 08 01:59:00 PST 2026"),
            ((2026, 3, 8), 10, 0, "Sun Mar 08 03:00:00 PDT 2026"),
            ((2026, 11, 1), 8, 59, "Sun Nov 01 01:59:00 PDT 2026"),
            ((2026, 11, 1), 9, 0, "Sun Nov 01 01:00:00 PST 2026"),
        ] {
            let (year, month, day) = day;
            let at = Utc.with_ymd_and_hms(year, month, day, hour, minute, 0).single().expect("an instant");
            assert_eq!(written(at), wanted);
        }
    }
}
