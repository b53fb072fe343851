//! The last rules: what was seen becomes one judgement. Which controls count, which remark decides, and what a pass
//! has to hold.

use crate::record::judge::seen::{Remark, Seen};
use crate::record::judge::{Case, fold, said};
use crate::record::verdict::{Cause, Judgement, Verdict, Witness, WitnessKind};
use crate::scenario::{Because, Purpose, Step, rights, shown};

impl Case<'_> {
    /// A control that the server does not have the operation for is as good as none, unless every attack that needs
    /// its rights met the same want: then there is no door, and nothing that a right could open. Its principal must
    /// be shown by another control.
    fn excuse(&self, seen: &mut Seen) {
        for (index, remark) in std::mem::take(&mut seen.unsupported) {
            let steps = &self.scenario.steps;
            let Some(control) = steps.get(index) else { continue };
            let wanted = rights::needed(control);
            let mut attacks = steps.iter().enumerate().filter(|(_, s)| {
                s.purpose == Purpose::Attack
                    && s.who == control.who
                    && rights::needed(s).iter().any(|right| wanted.contains(right))
            });
            let closed = attacks.clone().next().is_some() && attacks.all(|(i, _)| seen.doors.contains(&i));
            let alive = steps.iter().enumerate().any(|(i, s)| {
                i != index && s.purpose == Purpose::Control && s.who == control.who && self.was_accepted(i, s)
            });
            if !(closed && alive) {
                seen.remarks.push(remark);
            }
        }
    }

    /// The refusal that came decides what has to be shown: for a lock the right of the same principal, for a missing
    /// right the contrast with one that has it. Where one answer means both, either will do. Asked only where no
    /// control itself says that it is missing.
    fn shown(&self, seen: &mut Seen) {
        let reasoned = std::mem::take(&mut seen.reasoned);
        if seen.remarks.iter().any(|r| r.rule == 5) {
            return;
        }
        let accepted = |i: usize| self.scenario.steps.get(i).is_some_and(|s| self.was_accepted(i, s));
        for (index, reasons) in reasoned {
            let Some(step) = self.scenario.steps.get(index) else { continue };
            let lock = reasons.contains(&Because::ObjectLocked)
                && shown::right_not_shown(self.scenario, step, &accepted).is_none();
            let contrast = reasons.contains(&Because::NotPermitted)
                && shown::contrast_shown(self.scenario, step, &accepted);
            if lock || contrast {
                continue;
            }
            let wants = if reasons.contains(&Because::ObjectLocked) {
                "refused for a lock, and nothing shows that the same principal holds the right"
            } else {
                "refused for a missing right, and nothing shows that it works for one who holds it"
            };
            let text = format!("“{}”: {wants}", step.text);
            seen.remark(5, Verdict::Inconclusive, Cause::NoControl, text);
        }
    }

    /// Whether every request of a step was sent and accepted.
    fn was_accepted(&self, index: usize, step: &Step) -> bool {
        self.evidence.step(index).is_some_and(|done| {
            !done.sent.is_empty()
                && done.not_sent.is_none()
                && done
                    .sent
                    .iter()
                    .all(|sent| said(self.scenario, self.evidence, step, sent, self.context).accepted())
        })
    }

    pub(super) fn decide(&self, mut seen: Seen) -> Judgement {
        self.excuse(&mut seen);
        self.shown(&mut seen);
        // The scene could not be set, before anything else was wrong: what follows is not about this scenario.
        if let Some(first) = seen.remarks.first().filter(|r| r.rule == 0 && r.verdict == Verdict::Skipped) {
            return Judgement::other(first.verdict, first.cause, first.text.clone());
        }
        let decisive =
            seen.remarks.iter().min_by_key(|r| (r.rule, std::cmp::Reverse(r.verdict.weight()))).cloned();
        let harm = |seen: &[Remark]| {
            seen.iter().filter(|r| r.verdict == Verdict::Fail).min_by_key(|r| r.rule).cloned()
        };
        let decisive = match decisive {
            // A definite harm is not hidden by the doubt about a lock that ended, which is of the same rules.
            Some(d) if d.cause == Cause::LockEnded => harm(&seen.remarks).or(Some(d)),
            // Nor by a later setup step that the harm itself made impossible: remarks stand in the order of time.
            Some(d) if d.cause == Cause::NoSetup => {
                let at = seen.remarks.iter().position(|r| r.rule == d.rule && r.text == d.text);
                harm(&seen.remarks[..at.unwrap_or(0)]).or(Some(d))
            }
            d => d,
        };
        if let Some(remark) = decisive {
            let mut reason = remark.text.clone();
            if remark.verdict == Verdict::Fail {
                // An accepted attack and the harm it did belong into one sentence.
                for other in &seen.remarks {
                    if other.verdict == Verdict::Fail
                        && other.text != remark.text
                        && !reason.contains(&other.text)
                    {
                        reason.push_str("; ");
                        reason.push_str(&other.text);
                    }
                }
            }
            // Of those who broke the same rule the weakest says how little it takes.
            // Where that rule does not say who, another one does.
            let weakest = |same_rule: bool| {
                let same = |r: &&Remark| r.verdict == remark.verdict && (!same_rule || r.rule == remark.rule);
                let named = seen.remarks.iter().filter(same).filter_map(|r| r.who);
                named.min_by_key(|role| fold::strength(*role))
            };
            let who = weakest(true).or_else(|| weakest(false));
            return Judgement::other(remark.verdict, remark.cause, reason).broken_by(who);
        }
        let shown = |kind| seen.witnesses.iter().any(|w: &Witness| w.kind() == kind);
        let attacks = self.scenario.steps.iter().filter(|s| s.purpose == Purpose::Attack).count();
        if attacks > 0
            && !shown(WitnessKind::Right)
            && !shown(WitnessKind::Promise)
            && !shown(WitnessKind::OneWinner)
        {
            return Judgement::other(Verdict::Inconclusive, Cause::NoControl, "no right was shown");
        }
        let (cause, reason) = if seen.no_door && attacks > 0 {
            (Cause::NoSuchDoor, "the server does not have this way around the lock; everything is as it was")
        } else if attacks == 0 {
            (Cause::Held, "accepted, and the effect was read back")
        } else if seen.refusals > 0 {
            (Cause::Held, "refused, the right was shown, and everything was read back as it was")
        } else {
            (Cause::Held, "answered without harm: everything was read back as it was")
        };
        let log =
            if seen.logged { "; the server's own log says so, with all that is demanded of it" } else { "" };
        Judgement::pass(cause, format!("{reason}{log}"), seen.witnesses)
    }
}
