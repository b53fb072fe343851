//! That everything a step may not change is as before, and what a difference amounts to.

use super::compare::{self, Difference};
use super::seen::{Remark, Seen};
use super::{Case, said};
use crate::record::evidence::{GroupEvidence, Observation, Observed};
use crate::record::verdict::{Cause, Verdict};
use crate::scenario::{Expect, Role, VersionRef};

/// What is known of the requests between two read-backs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds<'b> {
    /// The objects that they may change.
    pub(super) may_change: &'b [&'b str],
    /// Whether all were refused, so that nothing new may be listed.
    pub(super) listings: bool,
    /// Whether one of them was accepted and, among them, one asked to bypass governance; a change that all refused needs
    /// no other reason.
    pub(super) accepted: Option<bool>,
    /// The requests.
    pub(super) group: &'b GroupEvidence,
}

impl Case<'_> {
    /// Everything that may not change is as before.
    pub(super) fn unchanged(
        &self,
        before: &Observation,
        now: &Observation,
        Bounds { may_change, listings, accepted, group }: Bounds<'_>,
        seen: &mut Seen,
    ) {
        let who = |object: &str| {
            let culprit = self.culprit(std::iter::once(group), object);
            culprit.or_else(|| group.steps.first().map(|s| s.role))
        };
        // A version that the server itself is to remove, so that its cycle is seen, may go at any time.
        let leaves = |object: &str, of: &str| {
            let names = |row: &VersionRef| match row {
                VersionRef::Step(name) => name == of,
                _ => of == "own",
            };
            self.scenario
                .after
                .iter()
                .any(|row| row.shows.is_some() && row.object == object && names(&row.of))
        };
        let bound = |v: &&Observed| !may_change.contains(&v.object.as_str()) && !leaves(&v.object, &v.of);
        for was in before.versions.iter().filter(bound) {
            let differences = match now.version(&was.object, &was.of) {
                Some(is) => compare::version(&was.object, &was.of, &was.state, &is.state),
                None => vec![Difference::Unread(format!("{} was not read back again", was.object))],
            };
            for difference in differences {
                let follows =
                    accepted.is_some_and(|bypass| Self::change_may_follow(was, bypass, now.at, seen));
                if !matches!(difference, Difference::Unread(_)) {
                    seen.blamed.insert(was.object.clone());
                }
                self.difference(difference, Some(before), now, who(&was.object), follows, seen);
            }
        }
        if !listings {
            return;
        }
        for was in &before.keys {
            let (Some(a), Some(b)) =
                (was.listing.known(), now.key(&was.object).and_then(|k| k.listing.known()))
            else {
                continue;
            };
            if let Some(new) = b.iter().find(|l| !a.contains(l)) {
                let what = if new.marker { "a delete marker" } else { "a version" };
                let text = format!("the request was refused, but {what} of {} was made", was.object);
                seen.remarks.push(Remark {
                    rule: 1,
                    verdict: Verdict::Fail,
                    cause: Cause::FalseAnswer,
                    text,
                    who: who(&was.object),
                });
                seen.blamed.insert(was.object.clone());
            }
        }
    }

    /// A difference becomes a fail, unless the lock had ended, it could not be read, or it may follow from a step that
    /// was not accepted.
    pub(super) fn difference(
        &self,
        difference: Difference,
        before: Option<&Observation>,
        now: &Observation,
        who: Option<Role>,
        follows: bool,
        seen: &mut Seen,
    ) {
        let remark = match difference {
            Difference::Unread(text) => {
                Remark { rule: 4, verdict: Verdict::Inconclusive, cause: Cause::NotRead, text, who }
            }
            Difference::Undone { text, .. } if !self.all_done() => {
                let text = format!("{text}; but a step that was to do it was not accepted");
                Remark { rule: 4, verdict: Verdict::Inconclusive, cause: Cause::NoAnswer, text, who }
            }
            Difference::Broken { text, .. } | Difference::Undone { text, .. } if follows => {
                return Self::follows(who, &text, seen);
            }
            Difference::Broken { cause, text, object } | Difference::Undone { cause, text, object } => {
                let ended = !matches!(cause, Cause::PromiseBroken | Cause::FalseAnswer)
                    && compare::lock_ended(self.evidence, &object, before, now.at);
                if ended {
                    let text = format!("{text}; but its lock had ended by then");
                    Remark { rule: 1, verdict: Verdict::Inconclusive, cause: Cause::LockEnded, text, who }
                } else {
                    Remark { rule: 1, verdict: Verdict::Fail, cause, text, who }
                }
            }
        };
        seen.remarks.push(remark);
    }

    /// Whether every step that may be accepted was: only then does the server owe all that `after` says.
    pub(super) fn all_done(&self) -> bool {
        self.evidence.groups.iter().flat_map(|g| &g.steps).all(|done| {
            let Some(step) = usize::try_from(done.step).ok().and_then(|i| self.scenario.steps.get(i)) else {
                return false;
            };
            !matches!(step.expect, Expect::Accepted | Expect::Either)
                || (step.action.of_machine().is_some() && done.done.is_some())
                || done.not_sent.is_none()
                    && done
                        .sent
                        .iter()
                        .all(|s| said(self.scenario, self.evidence, step, s, self.context).accepted())
        })
    }
}
