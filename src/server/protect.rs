//! The rules of Object Lock, as pure functions of a version's lock, the request and the instant.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};

use crate::lock::{LegalHold, Mode, Retention};

use super::defects::{Defect, Defects};
use super::fault::Fault;

/// What is asked for and held to get past GOVERNANCE.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bypass {
    /// The bypass header is there and `true`.
    pub asked: bool,
    /// The caller holds `s3:BypassGovernanceRetention`.
    pub permitted: bool,
}

/// The default retention of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DefaultRetention {
    /// The mode.
    pub mode: Mode,
    /// How long.
    pub period: Period,
}

/// The length of a default retention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// Days of 24 hours.
    Days(i32),
    /// Years by the calendar.
    Years(i32),
}

impl DefaultRetention {
    /// The retention of a version created at `now`.
    #[must_use]
    pub fn stamp(self, now: DateTime<Utc>) -> Retention {
        let until = match self.period {
            Period::Days(days) => now.checked_add_signed(TimeDelta::days(i64::from(days))),
            Period::Years(years) => now.checked_add_months(chrono::Months::new(
                u32::try_from(years).unwrap_or(0).saturating_mul(12),
            )),
        };
        Retention { mode: self.mode, until: whole(until.unwrap_or(DateTime::<Utc>::MAX_UTC)) }
    }
}

/// An instant as it is kept: whole milliseconds, which is what the wire shows.
#[must_use]
pub fn whole(instant: DateTime<Utc>) -> DateTime<Utc> {
    instant.trunc_subsecs(3)
}

/// Whether a retention still protects at `now`.
#[must_use]
pub fn active(retention: Retention, now: DateTime<Utc>, defects: Defects) -> bool {
    let left = retention.until.signed_duration_since(now);
    if left <= TimeDelta::zero() {
        return defects.has(Defect::ExpiredNeverDeletable);
    }
    left > TimeDelta::seconds(2) || !defects.has(Defect::LockEndsEarly)
}

/// Whether a version with this lock may be destroyed.
///
/// # Errors
/// The lock's own refusal, or a missing right to bypass.
pub fn may_destroy(
    retention: Option<Retention>,
    hold: Option<LegalHold>,
    bypass: Bypass,
    now: DateTime<Utc>,
    defects: Defects,
) -> Result<(), Fault> {
    let ended = retention.is_some_and(|kept| !active(kept, now, defects));
    if hold == Some(LegalHold::On) {
        let overlooked = defects.has(Defect::HoldIgnoredOnDelete)
            || (bypass.asked && defects.has(Defect::HoldIgnoredWithBypass))
            || (ended && defects.has(Defect::HoldIgnoredAfterExpiry));
        if !overlooked {
            return Err(Fault::locked());
        }
    }
    match retention.filter(|kept| active(*kept, now, defects)) {
        None => Ok(()),
        Some(kept) => may_weaken(kept.mode, bypass, defects),
    }
}

/// Whether an active retention of this mode may be shortened, removed or ignored.
fn may_weaken(mode: Mode, bypass: Bypass, defects: Defects) -> Result<(), Fault> {
    if !bypass.asked || (mode == Mode::Compliance && !defects.has(Defect::ComplianceBypass)) {
        return Err(Fault::locked());
    }
    if bypass.permitted && defects.has(Defect::BypassRefused) {
        return Err(Fault::locked());
    }
    if bypass.permitted || defects.has(Defect::BypassWithoutRight) { Ok(()) } else { Err(Fault::denied()) }
}

/// Whether the retention of a version may be changed from `old` to `new`.
///
/// # Errors
/// The lock's own refusal, or a missing right to bypass.
pub fn may_change(
    old: Option<Retention>,
    new: Option<Retention>,
    bypass: Bypass,
    now: DateTime<Utc>,
    defects: Defects,
) -> Result<(), Fault> {
    let Some(old) = old.filter(|kept| active(*kept, now, defects)) else { return Ok(()) };
    let Some(new) = new else {
        return if defects.has(Defect::EmptyRetentionClears) {
            Ok(())
        } else {
            may_weaken(old.mode, bypass, defects)
        };
    };
    if new.mode == old.mode && new.until >= old.until {
        return if new.until > old.until && defects.has(Defect::ExtensionRefused) {
            Err(Fault::locked())
        } else {
            Ok(())
        };
    }
    let loophole = match (old.mode, new.mode) {
        (Mode::Compliance, Mode::Compliance) => Defect::ShortenCompliance,
        (Mode::Governance, Mode::Governance) => Defect::ShortenGovernance,
        (Mode::Compliance, Mode::Governance) => Defect::DowngradeCompliance,
        (Mode::Governance, Mode::Compliance) => Defect::UpgradeWithoutBypass,
    };
    if defects.has(loophole) { Ok(()) } else { may_weaken(old.mode, bypass, defects) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;

    fn t(seconds: i64) -> DateTime<Utc> {
        Utc.timestamp_opt(1_900_000_000 + seconds, 0).single().expect("an instant")
    }

    #[expect(clippy::unnecessary_wraps, reason = "the tables hold options")]
    fn kept(mode: Mode, seconds: i64) -> Option<Retention> {
        Some(Retention { mode, until: t(seconds) })
    }

    const NO: Bypass = Bypass { asked: false, permitted: true };
    const YES: Bypass = Bypass { asked: true, permitted: true };
    const ASKED: Bypass = Bypass { asked: true, permitted: false };
    const GOV: Mode = Mode::Governance;
    const COM: Mode = Mode::Compliance;

    #[test]
    fn retention_changes_by_behaviour_id() {
        let none = Defects::default();
        for (id, old, new, bypass, code) in [
            ("SHR-01", kept(GOV, 100), kept(GOV, 50), NO, 403),
            ("SHR-02", kept(GOV, 100), kept(GOV, 50), YES, 200),
            ("SHR-03", kept(GOV, 100), None, NO, 403),
            ("SHR-04", kept(GOV, 100), None, YES, 200),
            ("SHR-05", kept(COM, 100), kept(COM, 50), NO, 403),
            ("SHR-06", kept(COM, 100), kept(GOV, 200), NO, 403),
            ("SHR-07", kept(COM, 100), None, YES, 403),
            ("SHR-08", kept(COM, 100), kept(COM, 50), YES, 403),
            ("SHR-09", kept(GOV, 100), kept(COM, 100), NO, 403),
            ("SHR-10", kept(GOV, 100), kept(COM, 100), YES, 200),
            ("SHR-14", kept(COM, 100), kept(COM, 100), NO, 200),
            ("SHR-15", kept(COM, 100), kept(COM, 99), NO, 403),
            ("SHR-17", kept(COM, -1), kept(GOV, 50), NO, 200),
            ("SHR-18", kept(GOV, 100), kept(GOV, 50), ASKED, 403),
            ("EXT-01", kept(GOV, 100), kept(GOV, 101), NO, 200),
            ("EXT-02", kept(COM, 100), kept(COM, 101), NO, 200),
        ] {
            let answer = may_change(old, new, bypass, t(0), none).map_or_else(|fault| fault.status, |()| 200);
            assert_eq!(answer, code, "{id}");
        }
    }

    #[test]
    fn deletes_by_behaviour_id() {
        let on = Some(LegalHold::On);
        let off = Some(LegalHold::Off);
        for (id, retention, hold, bypass, message) in [
            ("DEL-03", kept(GOV, 100), None, NO, "protected"),
            ("DEL-05", kept(COM, 100), None, YES, "protected"),
            ("DEL-07", None, on, NO, "protected"),
            ("DEL-08", None, on, YES, "protected"),
            ("DEL-09", kept(GOV, -1), on, NO, "protected"),
            ("DEL-10", kept(GOV, 100), off, NO, "protected"),
            ("DEL-11", kept(COM, 0), off, NO, ""),
            ("GOV-01", kept(GOV, 100), None, YES, ""),
            ("GOV-03", kept(GOV, 100), None, ASKED, "Access Denied"),
        ] {
            let answer = may_destroy(retention, hold, bypass, t(0), Defects::default());
            let said = answer.err().map(|fault| fault.message.into_owned()).unwrap_or_default();
            assert!(
                if message.is_empty() { said.is_empty() } else { said.contains(message) },
                "{id}: {said}"
            );
            assert_eq!(said == "Access Denied", id == "GOV-03", "{id}");
        }
    }

    #[test]
    fn a_default_of_years_goes_by_the_calendar() {
        let leap = Utc.with_ymd_and_hms(2028, 2, 29, 12, 0, 0).single().expect("an instant");
        let year = DefaultRetention { mode: COM, period: Period::Years(1) }.stamp(leap);
        assert_eq!(crate::time::wire(year.until), "2029-02-28T12:00:00.000Z");
        let days = DefaultRetention { mode: COM, period: Period::Days(365) }.stamp(leap);
        assert_eq!(crate::time::wire(days.until), "2029-02-28T12:00:00.000Z");
        let century = DefaultRetention { mode: GOV, period: Period::Years(100) }.stamp(leap);
        assert_eq!(crate::time::wire(century.until), "2128-02-29T12:00:00.000Z");
    }
}
