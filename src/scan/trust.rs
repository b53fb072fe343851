//! Whether a cheap way to look locks up (the listing, HEAD) is believed: checked first, and again at random.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::sync::Notify;

/// Versions that are checked before any other is believed.
pub(super) const CALIBRATION: u64 = 16;

/// From there on one in so many is checked, at random.
const ONE_IN: u32 = 1000;

/// Checks that are logged (contradictions always are).
const LOGGED: u64 = 64;

/// What to do with what was shown.
#[derive(Debug)]
pub(super) enum Turn<'a> {
    /// Compare it with GetObjectRetention. Hold this until it is done.
    Check(Checking<'a>),
    /// Believe it.
    Believe,
    /// Do not believe it.
    Refuse,
}

/// A check under way.
#[derive(Debug)]
pub(super) struct Checking<'a> {
    trust: &'a Trust,
    first: bool,
}

impl Drop for Checking<'_> {
    fn drop(&mut self) {
        if self.first {
            self.trust.checked.fetch_add(1, Ordering::AcqRel);
            self.trust.done.notify_waiters();
        }
    }
}

/// How far one way is believed.
#[derive(Debug)]
pub(super) struct Trust {
    /// What it is called in a sentence.
    name: &'static str,
    /// Whether one check must have agreed before anything is believed.
    needs_proof: bool,
    taken: AtomicU64,
    /// First checks that are done.
    checked: AtomicU64,
    done: Notify,
    agreed: AtomicU64,
    unchecked: AtomicU64,
    believed: AtomicU64,
    broken: OnceLock<Broken>,
    off: AtomicBool,
}

#[derive(Debug)]
struct Broken {
    why: String,
    believed_before: u64,
}

impl Trust {
    pub(super) fn new(name: &'static str, needs_proof: bool) -> Self {
        Self {
            name,
            needs_proof,
            taken: AtomicU64::new(0),
            checked: AtomicU64::new(0),
            done: Notify::new(),
            agreed: AtomicU64::new(0),
            unchecked: AtomicU64::new(0),
            believed: AtomicU64::new(0),
            broken: OnceLock::new(),
            off: AtomicBool::new(false),
        }
    }

    /// Whether it is no longer believed.
    pub(super) fn is_off(&self) -> bool {
        self.off.load(Ordering::Acquire)
    }

    /// Takes a turn for one version whose lock is shown. It waits until the first checks are done: those
    /// belong to lookups that are under way and never wait here, so it ends.
    pub(super) async fn turn(&self, check_all: bool) -> Turn<'_> {
        if self.is_off() {
            return Turn::Refuse;
        }
        if self.taken.fetch_add(1, Ordering::AcqRel) < CALIBRATION {
            return Turn::Check(Checking { trust: self, first: true });
        }
        while self.checked.load(Ordering::Acquire) < CALIBRATION {
            let done = self.done.notified();
            if self.checked.load(Ordering::Acquire) < CALIBRATION {
                done.await;
            }
        }
        if self.needs_proof && self.agreed.load(Ordering::Acquire) == 0 {
            self.off.store(true, Ordering::Release);
        }
        if self.is_off() {
            return Turn::Refuse;
        }
        if check_all || rand::random_range(0..ONE_IN) == 0 {
            return Turn::Check(Checking { trust: self, first: false });
        }
        self.believed.fetch_add(1, Ordering::AcqRel);
        Turn::Believe
    }

    /// A check agreed. Whether its exchanges belong in the log.
    pub(super) fn agrees(&self) -> bool {
        self.agreed.fetch_add(1, Ordering::AcqRel) < LOGGED
    }

    /// A check could not be made. Whether its exchanges belong in the log.
    pub(super) fn is_unchecked(&self) -> bool {
        self.unchecked.fetch_add(1, Ordering::AcqRel) < LOGGED
    }

    /// A check contradicted: nothing more is believed.
    pub(super) fn contradicts(&self, why: &str) {
        self.broken.get_or_init(|| Broken {
            why: why.to_owned(),
            believed_before: self.believed.load(Ordering::Acquire),
        });
        self.off.store(true, Ordering::Release);
    }

    /// What makes the result incomplete: versions were believed before the contradiction.
    pub(super) fn doubt(&self) -> Option<String> {
        let broken = self.broken.get().filter(|b| b.believed_before > 0)?;
        Some(format!(
            "{} versions were judged by what {} shows, before it was found to be wrong ({})",
            broken.believed_before, self.name, broken.why
        ))
    }

    /// One line for the log: how it was checked, and with what result.
    pub(super) fn note(&self) -> Option<String> {
        let load = |n: &AtomicU64| n.load(Ordering::Acquire);
        if load(&self.taken) == 0 {
            return None;
        }
        let mut text = format!(
            "{} versions were judged by what {} shows; compared with GetObjectRetention and GetObjectLegalHold: {} agreed, {} could not be compared",
            load(&self.believed),
            self.name,
            load(&self.agreed),
            load(&self.unchecked)
        );
        if let Some(broken) = self.broken.get() {
            text.push_str("; then it was given up: ");
            text.push_str(&broken.why);
        } else if self.is_off() {
            text.push_str("; it was not believed, because no comparison could be made");
        }
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nothing_is_believed_before_the_first_checks_are_done() {
        let trust = Trust::new("HEAD", false);
        let mut checks = Vec::new();
        for _ in 0..CALIBRATION {
            match trust.turn(false).await {
                Turn::Check(check) => checks.push(check),
                other => panic!("{other:?}"),
            }
        }
        let last = checks.pop();
        drop(checks);
        {
            let mut next = std::pin::pin!(trust.turn(false));
            assert!(futures_util::poll!(&mut next).is_pending());
            trust.contradicts("for the test");
            drop(last);
            assert!(matches!(next.await, Turn::Refuse));
        }
        assert_eq!(trust.doubt(), None, "nothing had been believed");
    }

    #[tokio::test]
    async fn without_one_agreement_a_listing_is_not_believed() {
        let trust = Trust::new("the listing", true);
        for _ in 0..CALIBRATION {
            drop(trust.turn(false).await);
            trust.is_unchecked();
        }
        assert!(matches!(trust.turn(false).await, Turn::Refuse));
    }

    #[tokio::test]
    async fn what_was_believed_before_a_contradiction_is_in_doubt() {
        let trust = Trust::new("HEAD", false);
        for _ in 0..CALIBRATION + 50 {
            drop(trust.turn(false).await);
        }
        trust.contradicts("key k");
        assert!(trust.doubt().is_some_and(|d| d.contains("key k")));
        assert!(matches!(trust.turn(false).await, Turn::Refuse));
    }
}
