//! The server's clock against the client's, as `Date` headers bound it.

use chrono::{DateTime, TimeDelta, Utc};

/// What a `Date` of whole seconds cuts off, in milliseconds.
const CUT_MS: i64 = 1000;

/// Bounds of the server's clock less the client's, in milliseconds. Each answer was dated after its request left and
/// before it arrived, so a late answer only widens its own bounds; those of all answers are cut with one another.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Skew(Option<(i64, i64)>);

impl Skew {
    /// Takes an answer's `Date` in. Bounds that contradict the earlier ones replace them: a clock was set.
    pub(super) fn note(&mut self, date: DateTime<Utc>, sent: DateTime<Utc>, arrived: DateTime<Utc>) {
        let low = (date - arrived).num_milliseconds();
        let high = (date - sent).num_milliseconds().saturating_add(CUT_MS).max(low);
        self.0 = match self.0 {
            Some((least, most)) if low.max(least) <= high.min(most) => Some((low.max(least), high.min(most))),
            _ => Some((low, high)),
        };
    }

    /// The same of a clock that both share: exactly.
    pub(super) fn shared(&mut self, date: DateTime<Utc>, now: DateTime<Utc>) {
        let cut = (date - now).num_milliseconds();
        self.0 = Some((cut, cut));
    }

    /// The middle of the bounds; `None` before the first answer.
    pub(super) fn best(self) -> Option<TimeDelta> {
        let (low, high) = self.0?;
        TimeDelta::try_milliseconds(low.midpoint(high))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_800_000_000_000 + ms).expect("an instant")
    }

    #[test]
    fn a_late_answer_does_not_move_the_clock() {
        let mut skew = Skew::default();
        assert_eq!(skew.best(), None);
        // The server runs with the client; its Date is cut to the second.
        skew.note(at(0), at(400), at(410));
        assert_eq!(skew.best(), Some(TimeDelta::milliseconds(95)), "between -410 and 600");
        skew.note(at(1000), at(1050), at(9000));
        assert_eq!(skew.best(), Some(TimeDelta::milliseconds(95)), "eight seconds late, and nothing learnt");
        skew.note(at(2000), at(2980), at(2990));
        assert_eq!(skew.best(), Some(TimeDelta::milliseconds(-195)), "between -410 and 20");
    }

    #[test]
    fn a_clock_that_was_set_is_believed() {
        let mut skew = Skew::default();
        skew.note(at(0), at(10), at(20));
        skew.note(at(3_600_000), at(30), at(40));
        assert!(skew.best().is_some_and(|s| s > TimeDelta::minutes(59)));
        skew.shared(at(5), at(0));
        assert_eq!(skew.best(), Some(TimeDelta::milliseconds(5)));
    }
}
