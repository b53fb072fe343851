//! The record's log: every exchange and every remarkable moment of a run, numbered without gaps and
//! chained by SHA-256, so that an event that is changed, dropped or added shows.

use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::exchange::Exchange;
use crate::record::evidence::EventNumber;

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A request and its answer.
    Exchange(Box<Exchange>),
    /// Anything else worth a line (start and end of the run, a wait, an interruption).
    Note(String),
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// Its number, from 0 without gaps.
    pub number: EventNumber,
    /// The client's clock.
    pub at: DateTime<Utc>,
    /// The scenario it belongs to, with the run's role (`WORM-101/deleter`); empty for the audit as a whole.
    pub about: String,
    /// What happened.
    pub what: What,
    /// SHA-256 over the previous event's chain value and this event's other fields as JSON.
    pub chain: String,
}

/// What is hashed of an event.
#[derive(Serialize)]
struct Hashed<'a> {
    previous: &'a str,
    number: EventNumber,
    at: &'a DateTime<Utc>,
    about: &'a str,
    what: &'a What,
}

impl Event {
    fn expected_chain(&self, previous: &str) -> String {
        let hashed =
            Hashed { previous, number: self.number, at: &self.at, about: &self.about, what: &self.what };
        // Serialising plain data into memory does not fail; an empty digest would not verify.
        serde_json::to_vec(&hashed).map(|json| hex::encode(Sha256::digest(json))).unwrap_or_default()
    }
}

/// A break in the chain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// A number is missing or doubled.
    #[error("event {found} stands where event {expected} belongs")]
    Gap {
        /// The number that belongs there.
        expected: EventNumber,
        /// The number that stands there.
        found: EventNumber,
    },
    /// An event was changed, or one before it was removed.
    #[error("the chain breaks at event {number}")]
    Broken {
        /// The first event whose chain value does not fit.
        number: EventNumber,
    },
}

/// Checks numbers and chain of a whole log.
///
/// # Errors
/// The first break.
pub fn check_chain(events: &[Event]) -> Result<(), ChainError> {
    let mut previous = String::new();
    for (expected, event) in (0..).zip(events) {
        if event.number != expected {
            return Err(ChainError::Gap { expected, found: event.number });
        }
        if event.chain != event.expected_chain(&previous) {
            return Err(ChainError::Broken { number: event.number });
        }
        previous.clone_from(&event.chain);
    }
    Ok(())
}

/// A log that is being written, by several tasks at once.
#[derive(Debug, Default)]
pub struct Log {
    events: Mutex<Vec<Event>>,
}

impl Log {
    fn lock(&self) -> MutexGuard<'_, Vec<Event>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends an event and returns its number.
    pub fn push(&self, at: DateTime<Utc>, about: &str, what: What) -> EventNumber {
        let mut events = self.lock();
        let number = events.len() as u64;
        let mut event = Event { number, at, about: about.to_owned(), what, chain: String::new() };
        event.chain = event.expected_chain(events.last().map_or("", |e| e.chain.as_str()));
        events.push(event);
        number
    }

    /// Appends an exchange.
    pub fn exchange(&self, about: &str, exchange: Exchange) -> EventNumber {
        self.push(exchange.sent_at, about, What::Exchange(Box::new(exchange)))
    }

    /// Appends a note.
    pub fn note(&self, at: DateTime<Utc>, about: &str, text: impl Into<String>) -> EventNumber {
        self.push(at, about, What::Note(text.into()))
    }

    /// A header of the answer of an exchange that was written.
    #[must_use]
    pub fn answer_header(&self, number: EventNumber, name: &str) -> Option<String> {
        let events = self.lock();
        let answer = Exchanges::of(&events).get(number)?.answer()?;
        answer.header(name).filter(|value| !value.is_empty()).map(ToOwned::to_owned)
    }

    /// A copy of what was written so far.
    #[must_use]
    pub fn snapshot(&self) -> Vec<Event> {
        self.lock().clone()
    }

    /// Takes everything out.
    #[must_use]
    pub fn take(&self) -> Vec<Event> {
        std::mem::take(&mut *self.lock())
    }
}

/// Exchanges by number.
#[derive(Debug, Clone, Copy)]
pub struct Exchanges<'a> {
    events: &'a [Event],
}

impl<'a> Exchanges<'a> {
    /// Reads from a whole log.
    #[must_use]
    pub fn of(events: &'a [Event]) -> Self {
        Self { events }
    }

    /// The exchange of this number; `None` if there is none or the event is a note.
    #[must_use]
    pub fn get(&self, number: EventNumber) -> Option<&'a Exchange> {
        match &self.events.get(usize::try_from(number).ok()?)?.what {
            What::Exchange(exchange) => Some(exchange),
            What::Note(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log() -> Vec<Event> {
        let log = Log::default();
        for text in ["one", "two", "three"] {
            log.note(DateTime::<Utc>::UNIX_EPOCH, "", text);
        }
        log.take()
    }

    #[test]
    fn a_whole_log_holds_and_survives_the_file() {
        let events = log();
        assert_eq!(check_chain(&events), Ok(()));
        let read: Vec<Event> =
            serde_json::from_str(&serde_json::to_string(&events).expect("json")).expect("events");
        assert_eq!(check_chain(&read), Ok(()));
    }

    #[test]
    fn a_changed_dropped_or_swapped_event_shows() {
        let mut changed = log();
        changed[1].what = What::Note("TWO".into());
        assert_eq!(check_chain(&changed), Err(ChainError::Broken { number: 1 }));
        let mut dropped = log();
        dropped.remove(1);
        assert_eq!(check_chain(&dropped), Err(ChainError::Gap { expected: 1, found: 2 }));
        let mut renumbered = log();
        renumbered.remove(1);
        renumbered[1].number = 1;
        assert_eq!(check_chain(&renumbered), Err(ChainError::Broken { number: 1 }));
        let mut headless = log();
        headless.remove(0);
        assert!(check_chain(&headless).is_err());
    }
}
