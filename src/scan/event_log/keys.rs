//! Which keys are events, and of which number. Pure.

use crate::scan::below::below;

use super::EventLogError;

/// What stands for the number in a pattern.
const SEQUENCE: &str = "{sequence}";

/// The longest number that is read, in digits with the padding.
pub(super) const MOST_DIGITS: usize = 40;

/// A pattern of keys, joined with the prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KeyPattern {
    before: String,
    after: String,
}

/// A key that is an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Numbered {
    /// The number.
    pub(super) number: u64,
    /// How many digits it is written with, padding counted. Keys of one width are listed in the order of their numbers.
    pub(super) width: usize,
}

impl KeyPattern {
    /// Joins prefix and pattern.
    pub(super) fn new(prefix: &str, pattern: &str) -> Result<Self, EventLogError> {
        let fail = |why: &'static str| EventLogError::KeyPattern { pattern: pattern.to_owned(), why };
        let (before, after) =
            pattern.split_once(SEQUENCE).ok_or_else(|| fail("it does not say {sequence}"))?;
        if after.contains(SEQUENCE) {
            return Err(fail("it says {sequence} twice"));
        }
        if before.contains(['{', '}']) || after.contains(['{', '}']) {
            return Err(fail("{sequence} is the only placeholder"));
        }
        if before.ends_with(|c: char| c.is_ascii_digit()) || after.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(fail("a digit beside {sequence} cannot be told from the number"));
        }
        Ok(Self { before: below(prefix, before), after: after.to_owned() })
    }

    /// What has to be listed: the folder in which the events lie.
    pub(super) fn folder(&self) -> &str {
        self.before.rfind('/').map_or("", |at| &self.before[..=at])
    }

    /// The whole pattern.
    pub(super) fn text(&self) -> String {
        format!("{}{SEQUENCE}{}", self.before, self.after)
    }

    /// The number of a key; `None` for a key that is no event.
    pub(super) fn number(&self, key: &str) -> Option<Numbered> {
        let digits = key.strip_prefix(self.before.as_str())?.strip_suffix(self.after.as_str())?;
        let readable = !digits.is_empty() && digits.len() <= MOST_DIGITS;
        if !readable || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        Some(Numbered { number: digits.parse().ok()?, width: digits.len() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(prefix: &str, pattern: &str, key: &str) -> Option<u64> {
        KeyPattern::new(prefix, pattern).expect("a pattern").number(key).map(|n| n.number)
    }

    #[test]
    fn padded_and_plain_numbers_are_read_and_nothing_else() {
        let of = |key| numbers("", "events/{sequence}.json", key);
        assert_eq!(of("events/0000000012.json"), Some(12));
        assert_eq!(of("events/12.json"), Some(12));
        assert_eq!(of("events/0.json"), Some(0));
        assert_eq!(of("events/18446744073709551615.json"), Some(u64::MAX));
        for other in [
            "events/.json",
            "events/-1.json",
            "events/+1.json",
            "events/1.json.bak",
            "events/_head.json",
            "events/1٣.json",
            "events/18446744073709551616.json",
            "events/a/1.json",
            "x/events/1.json",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
    }

    #[test]
    fn a_prefix_that_is_the_patterns_folder_is_not_repeated() {
        for prefix in ["logs/a/events/", "logs/a/events", "logs/a/", "logs/a"] {
            let pattern = KeyPattern::new(prefix, "events/{sequence}.json").expect("a pattern");
            assert_eq!(pattern.text(), "logs/a/events/{sequence}.json", "{prefix}");
            assert_eq!(pattern.folder(), "logs/a/events/");
        }
        assert_eq!(numbers("my-events/", "events/{sequence}.json", "my-events/events/7.json"), Some(7));
        assert_eq!(numbers("", "evt-{sequence}", "evt-7"), Some(7));
        let file = KeyPattern::new("", "log/evt-{sequence}.json").expect("a pattern");
        assert_eq!(file.folder(), "log/");
    }

    #[test]
    fn a_pattern_that_cannot_be_read_is_refused() {
        for wrong in ["events/", "{sequence}{sequence}", "{n}/{sequence}", "v1{sequence}", "{sequence}0.json"]
        {
            assert!(KeyPattern::new("", wrong).is_err(), "{wrong}");
        }
    }
}
