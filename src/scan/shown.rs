//! What is shown of a lock, what the two requests say of it, and whether they agree. Pure.

use chrono::TimeDelta;

use crate::exchange::Exchange;
use crate::lock::{LegalHold, Reading, Retention};
use crate::store::listing::ListedLock;
use crate::store::readback::HeadLock;
use crate::time::wire;

use super::rules::Lock;

/// Who shows a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// The listing's metadata.
    Listing,
    /// A HEAD.
    Head,
}

impl Source {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Listing => "the listing",
            Self::Head => "HEAD",
        }
    }
}

/// What the listing or a HEAD shows of a lock. Nothing is concluded from what is missing.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Shown {
    pub(super) retention: Option<Retention>,
    pub(super) hold: Option<LegalHold>,
}

impl Shown {
    pub(super) fn of_head(head: &HeadLock) -> Self {
        let HeadLock::Shown(shown) = head else { return Self::default() };
        Self {
            retention: shown.retention.as_ref().and_then(Reading::known).copied(),
            hold: shown.hold.as_ref().and_then(Reading::known).copied(),
        }
    }

    pub(super) fn of_listing(listed: &ListedLock) -> Self {
        Self {
            retention: listed.retention.known().copied().flatten(),
            hold: listed.hold.known().copied().filter(|hold| *hold == LegalHold::On),
        }
    }

    pub(super) fn is_something(self) -> bool {
        self.retention.is_some() || self.hold.is_some()
    }

    /// The lock as far as it is shown.
    pub(super) fn lock(self, source: Source) -> Lock {
        Lock {
            retention: match self.retention {
                Some(retention) => Reading::Known(Some(retention)),
                None => Reading::Unread(format!("{} shows none", source.name())),
            },
            hold: match self.hold {
                Some(hold) => Reading::Known(hold),
                None => Reading::Unread(String::new()),
            },
        }
    }
}

/// What the two requests said, with their exchanges.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) lock: Lock,
    pub(super) exchanges: Vec<Exchange>,
}

impl Asked {
    pub(super) fn unread(&self) -> bool {
        matches!((&self.lock.retention, &self.lock.hold), (Reading::Unread(_), Reading::Unread(_)))
    }

    /// Fills in what only a HEAD or the listing shows.
    pub(super) fn or(mut self, shown: Shown) -> Self {
        if let (Reading::Unread(_), Some(retention)) = (&self.lock.retention, shown.retention) {
            self.lock.retention = Reading::Known(Some(retention));
        }
        if let (Reading::Unread(_), Some(hold)) = (&self.lock.hold, shown.hold) {
            self.lock.hold = Reading::Known(hold);
        }
        self
    }

    /// What is shown and not so, in words. What is not shown contradicts nothing. Dates may differ by less
    /// than a second: some servers cut a header's.
    pub(super) fn contradicts(&self, shown: Shown, source: Source) -> Option<String> {
        let name = source.name();
        if let (Some(shown), Reading::Known(said)) = (shown.retention, &self.lock.retention) {
            let same = said.is_some_and(|said| {
                said.mode == shown.mode && (said.until - shown.until).abs() < TimeDelta::seconds(1)
            });
            if !same {
                let said =
                    said.map_or_else(|| "none".to_owned(), |r| format!("{} until {}", r.mode, wire(r.until)));
                let until = wire(shown.until);
                return Some(format!(
                    "{name} shows {} until {until}, GetObjectRetention says {said}",
                    shown.mode
                ));
            }
        }
        match (shown.hold, &self.lock.hold) {
            (Some(shown), Reading::Known(said)) if shown != *said => Some(format!(
                "{name} shows the hold {}, GetObjectLegalHold says {}",
                shown.as_str(),
                said.as_str()
            )),
            _ => None,
        }
    }
}

/// Neither word counts.
pub(super) fn contradictory(why: &str, exchanges: Vec<Exchange>) -> Asked {
    let unread = || format!("contradictory: {why}");
    Asked { lock: Lock { retention: Reading::Unread(unread()), hold: Reading::Unread(unread()) }, exchanges }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lock::Mode;
    use chrono::{DateTime, Utc};

    #[test]
    fn only_what_is_shown_can_be_contradicted() {
        let retention = |mode, seconds| Retention {
            mode,
            until: DateTime::<Utc>::UNIX_EPOCH + TimeDelta::milliseconds(seconds),
        };
        let said = |retention| Asked {
            lock: Lock { retention: Reading::Known(retention), hold: Reading::Known(LegalHold::On) },
            exchanges: Vec::new(),
        };
        let shown = |r| Shown { retention: Some(r), hold: None };
        let cut = shown(retention(Mode::Compliance, 1_000));
        assert_eq!(said(Some(retention(Mode::Compliance, 1_999))).contradicts(cut, Source::Head), None);
        assert!(said(Some(retention(Mode::Compliance, 2_000))).contradicts(cut, Source::Head).is_some());
        assert!(said(Some(retention(Mode::Governance, 1_000))).contradicts(cut, Source::Head).is_some());
        assert!(said(None).contradicts(cut, Source::Head).is_some());
        assert_eq!(said(None).contradicts(Shown::default(), Source::Head), None);
        let off = Shown { retention: None, hold: Some(LegalHold::Off) };
        assert!(said(None).contradicts(off, Source::Head).is_some());
    }
}
