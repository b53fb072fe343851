//! Comparing read-backs: before and after a step, and with what has to hold.

use chrono::{DateTime, TimeDelta, Utc};

use crate::lock::{LegalHold, Mode, Presence, Reading, Retention, VersionState};
use crate::record::evidence::{Observation, RunEvidence};
use crate::record::verdict::Cause;

/// One difference between what is and what has to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// A definite read-back shows something else.
    Broken {
        /// What kind of harm.
        cause: Cause,
        /// In a sentence.
        text: String,
        /// The object.
        object: String,
    },
    /// Something that a step was to do is not done; a definite read-back shows it. Harm only if the step was accepted.
    Undone {
        /// What kind of harm.
        cause: Cause,
        /// In a sentence.
        text: String,
        /// The object.
        object: String,
    },
    /// It could not be read.
    Unread(String),
}

impl Difference {
    /// It, in a sentence.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Broken { text, .. } | Self::Undone { text, .. } | Self::Unread(text) => text,
        }
    }
}

/// Whether `now` is weaker than `was`.
#[must_use]
pub fn weaker(was: Option<Retention>, now: Option<Retention>) -> bool {
    match (was, now) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(w), Some(n)) => n.until < w.until || (w.mode == Mode::Compliance && n.mode == Mode::Governance),
    }
}

/// Whether two retentions are the same; a server may keep whole seconds only, so less than a second
/// of difference is none (the tool asks for whole seconds, see `scenario::Until::Lasts`).
#[must_use]
pub fn same(a: Option<Retention>, b: Option<Retention>) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => a.mode == b.mode && (a.until - b.until).abs() < TimeDelta::seconds(1),
        _ => false,
    }
}

/// A retention in words.
#[must_use]
pub fn words(retention: Option<Retention>) -> String {
    retention.map_or_else(
        || "no retention".to_owned(),
        |r| format!("{} until {}", r.mode, crate::time::human(r.until)),
    )
}

/// Everything that is not in `now` as it was in `was`.
#[must_use]
pub fn version(object: &str, of: &str, was: &VersionState, now: &VersionState) -> Vec<Difference> {
    let mut found = Vec::new();
    let name = if of == "own" { object.to_owned() } else { format!("{object} ({of})") };
    let mut broken = |cause, text: String| {
        found.push(Difference::Broken { cause, text, object: object.to_owned() });
    };
    let harm = if of == "marker" { Cause::Changed } else { Cause::Destroyed };
    match (&was.presence, &now.presence) {
        (Reading::Known(a), Reading::Known(b)) if a != b => {
            let text = match (a, b) {
                (Presence::Present { .. }, Presence::Gone) => format!("{name} is gone"),
                (Presence::Present { sha256: a, .. }, Presence::Present { sha256: b, .. }) => {
                    format!("{name} holds other bytes: SHA-256 {a} before, {b} now")
                }
                (Presence::Gone, Presence::Present { .. }) => format!("{name} came back"),
                _ => format!("{name} is not what it was"),
            };
            broken(harm, text);
        }
        _ => {}
    }
    if let (Reading::Known(true), Reading::Known(false)) = (&was.listed, &now.listed)
        && matches!(&now.presence, Reading::Known(Presence::Present { .. }))
    {
        broken(harm, format!("{name} can still be read but is no longer listed"));
    }
    let there = matches!(&now.presence, Reading::Known(Presence::Present { .. }) | Reading::Unread(_));
    if there {
        if let (Reading::Known(a), Reading::Known(b)) = (&was.retention, &now.retention)
            && !same(*a, *b)
        {
            let cause = if weaker(*a, *b) { Cause::Unlocked } else { Cause::Changed };
            broken(cause, format!("{name} had {}, now {}", words(*a), words(*b)));
        }
        if let (Reading::Known(a), Reading::Known(b)) = (&was.hold, &now.hold)
            && a != b
        {
            let cause = if *a == LegalHold::On { Cause::Unlocked } else { Cause::Changed };
            broken(cause, format!("{name} had legal hold {}, now {}", a.as_str(), b.as_str()));
        }
    }
    found.extend(unread(&name, now).into_iter().map(Difference::Unread));
    found
}

/// What of a state could not be read, in words.
#[must_use]
pub fn unread(name: &str, state: &VersionState) -> Vec<String> {
    let mut found = Vec::new();
    if let Reading::Unread(why) = &state.presence {
        found.push(format!("{name} could not be read back: {why}"));
    }
    if let Reading::Unread(why) = &state.listed {
        found.push(format!("{name} could not be looked up in the listing: {why}"));
    }
    // The lock of what is gone or is a marker cannot be asked for.
    if matches!(&state.presence, Reading::Known(Presence::Present { .. })) {
        if let Reading::Unread(why) = &state.retention {
            found.push(format!("the retention of {name} could not be read back: {why}"));
        }
        if let Reading::Unread(why) = &state.hold {
            found.push(format!("the legal hold of {name} could not be read back: {why}"));
        }
    }
    found
}

/// Whether the lock of an object had ended, by the server's clock, when `observed` was read.
///
/// The end is the one last read back before; a hold never ends. The server's clock is only known to
/// the second of its `Date` header unless client and server share one, so a second of doubt counts as ended.
#[must_use]
pub fn lock_ended(
    evidence: &RunEvidence,
    object: &str,
    before: Option<&Observation>,
    observed: DateTime<Utc>,
) -> bool {
    let state = before.and_then(|b| b.version(object, "own")).map(|v| &v.state);
    if state.is_some_and(|s| s.hold == Reading::Known(LegalHold::On)) {
        return false;
    }
    let placed = evidence.placed(object);
    if placed.is_some_and(|p| p.hold == Some(LegalHold::On)) && state.is_none() {
        return false;
    }
    let until = state
        .and_then(|s| s.retention.known().copied().flatten())
        .or_else(|| placed.and_then(|p| p.retention))
        .map(|r| r.until);
    let doubt = if evidence.skew_ms == 0 { TimeDelta::zero() } else { TimeDelta::seconds(1) };
    until.is_some_and(|until| until <= observed + doubt)
}
