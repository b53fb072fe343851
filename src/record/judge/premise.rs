//! What a scenario takes for granted and a run did not come to: a control or promise that was not accepted, though the
//! store may be sound (a right is missing, an operation is not there, there was no answer).
//!
//! What the scenario says of the same objects afterwards was written for another state. It is no fail that a lock that
//! nobody could set did not protect; it is one if a version is harmed that was seen to be locked just before.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use crate::lock::{LegalHold, Mode, Presence, Reading};
use crate::record::evidence::{Observation, Observed};
use crate::record::judge::{Case, Seen, compare, effect};
use crate::record::verdict::{Cause, Verdict};
use crate::scenario::{After, Because, Role, Step, VersionRef};

/// The rule of remarks that only follow from an earlier one: they keep from a pass and decide nothing else.
pub(super) const FOLLOWS: u8 = 6;

/// The objects whose state is not what the scenario says.
#[derive(Debug, Default)]
pub(super) struct Unmet {
    objects: BTreeSet<String>,
    every: bool,
}

impl Unmet {
    pub(super) fn touches(&self, object: &str) -> bool {
        self.every || self.objects.contains(object)
    }
}

impl<'a> Case<'a> {
    /// The objects that the outcome of a step depends on.
    pub(super) fn depends_on(&self, step: &'a Step) -> Vec<&'a str> {
        let mut objects = self.aims(step);
        objects.extend(step.source.as_deref());
        let upload = step.upload.as_deref().and_then(|name| self.scenario.step(name));
        objects.extend(upload.and_then(|(_, begun)| begun.object.as_deref()));
        objects
    }

    /// Notes that a step which the rest builds on was not accepted.
    pub(super) fn not_met(&self, step: &'a Step, seen: &mut Seen) {
        let objects = self.depends_on(step);
        // A bucket's setting reaches every object in it.
        seen.unmet.every |= objects.is_empty();
        seen.unmet.objects.extend(objects.into_iter().map(str::to_owned));
    }

    /// Whether what came of a step may only follow from one that was not accepted.
    pub(super) fn may_follow(&self, step: &'a Step, seen: &Seen) -> bool {
        let objects = self.depends_on(step);
        seen.unmet.every || objects.iter().any(|object| seen.unmet.touches(object))
    }

    /// The same of an attack that was accepted: it had to be refused nevertheless if its principal is meant to lack the right,
    /// or if its version was seen to be locked.
    pub(super) fn attack_may_follow(
        &self,
        step: &'a Step,
        lacks: bool,
        before: Option<&Observation>,
        at: DateTime<Utc>,
        seen: &Seen,
    ) -> bool {
        let locked = step.because.contains(&Because::ObjectLocked)
            && self.aims(step).iter().any(|object| {
                let was = before.and_then(|b| b.version(object, effect::handle(step)));
                was.is_some_and(|was| shields(was, step.bypass_governance, at))
            });
        self.may_follow(step, seen) && step.because != [Because::NotPermitted] && !lacks && !locked
    }

    /// The same of a version that is not as it was, after requests of which one may have asked to bypass.
    pub(super) fn change_may_follow(was: &Observed, bypass: bool, at: DateTime<Utc>, seen: &Seen) -> bool {
        seen.unmet.touches(&was.object) && !shields(was, bypass, at)
    }

    /// The same of a row of `after`.
    pub(super) fn row_may_follow(
        row: &After,
        before: Option<&Observation>,
        now: &Observation,
        seen: &Seen,
    ) -> bool {
        let of = match &row.of {
            VersionRef::Step(name) => name.as_str(),
            VersionRef::Marker => "marker",
            _ => "own",
        };
        let was = before.and_then(|b| b.version(&row.object, of));
        let harmed = was.zip(now.version(&row.object, of)).is_some_and(|(was, is)| {
            let gone = match (&was.state.presence, &is.state.presence) {
                (Reading::Known(Presence::Present { sha256: a, .. }), Reading::Known(b)) => {
                    !matches!(b, Presence::Present { sha256, .. } if sha256 == a)
                }
                _ => false,
            };
            let weaker = match (&was.state.retention, &is.state.retention) {
                (Reading::Known(a), Reading::Known(b)) => compare::weaker(*a, *b),
                _ => false,
            };
            let held = was.state.hold == Reading::Known(LegalHold::On);
            shields(was, true, now.at) && (gone || weaker && !held)
        });
        seen.unmet.touches(&row.object) && !harmed
    }

    /// Notes what is no fail because it may follow from what was not accepted.
    pub(super) fn follows(who: Option<Role>, text: &str, seen: &mut Seen) {
        let text = format!("{text}; but a step that this rests on was not accepted");
        seen.remark(FOLLOWS, Verdict::Inconclusive, Cause::NoControl, text);
        if let Some(last) = seen.remarks.last_mut() {
            last.who = who;
        }
    }
}

/// Whether a version was seen under a lock that stands at `at`, for somebody who may bypass governance or not.
fn shields(was: &Observed, bypass: bool, at: DateTime<Utc>) -> bool {
    let held = was.state.hold == Reading::Known(LegalHold::On);
    let retained = was.state.retention.known().copied().flatten();
    held || retained.is_some_and(|r| r.until > at && !(bypass && r.mode == Mode::Governance))
}
