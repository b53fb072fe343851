//! The rules about answers: what was said to each step, and whether it was true.

use crate::lock::{Presence, Reading};
use crate::record::evidence::{GroupEvidence, Observation, SentStep, StepEvidence};
use crate::record::judge::Case;
use crate::record::judge::answers::{Refusal, Said};
use crate::record::judge::compare;
use crate::record::judge::effect::{self, Around, Effect};
use crate::record::judge::seen::{Remark, Seen};
use crate::record::verdict::{Cause, Verdict, WitnessKind};
use crate::scenario::{Action, Because, Expect, Purpose, Right, Role, Step, VersionRef, rights};

impl<'a> Case<'a> {
    /// One answer to a step that is not part of a race.
    pub(super) fn answer(
        &self,
        around: Around<'_>,
        step: &'a Step,
        done: &StepEvidence,
        sent: &SentStep,
        said: &Said,
        seen: &mut Seen,
    ) {
        let who = done.role;
        match (step.purpose, step.expect, said) {
            (_, _, Said::Failed(why)) => {
                let (rule, cause) = match step.purpose {
                    Purpose::Setup => (0, Cause::NoSetup),
                    Purpose::Control => (5, Cause::NoControl),
                    _ => (4, Cause::NoAnswer),
                };
                if matches!(step.purpose, Purpose::Control | Purpose::Promise) {
                    self.not_met(step, seen);
                }
                seen.by(who, rule, Verdict::Inconclusive, cause, format!("“{}”: {why}", step.text));
            }
            (_, Expect::Either, Said::Refused(refusal)) => {
                seen.refusals += 1;
                let door = refusal.reasons.contains(&Because::NotSupported);
                if door {
                    seen.door(done);
                }
                // Whether the right to it was there decides; where one answer means other things too, they need none.
                let of_right = [Because::ObjectLocked, Because::NotPermitted];
                if refusal.reasons.contains(&Because::NotPermitted)
                    && !lacks(step, who)
                    && (!asks_to_bypass(step) || who.holds(Right::BypassGovernanceRetention))
                    && refusal.reasons.iter().all(|r| of_right.contains(r))
                {
                    let index = usize::try_from(done.step).unwrap_or(usize::MAX);
                    seen.reasoned.push((index, refusal.reasons.clone()));
                }
                let kind = if door { WitnessKind::NoDoor } else { WitnessKind::Refusal };
                seen.witness(kind, vec![sent.exchange]);
            }
            // The state alone decides, and the state is compared for the group as a whole.
            (_, Expect::Either, Said::Accepted(_)) => {}
            (_, Expect::Refused, Said::Accepted(status)) => {
                let text = format!("“{}” was accepted ({status})", step.text);
                let object = step.object.as_deref().unwrap_or_default();
                if !object.is_empty()
                    && compare::lock_ended(self.evidence, object, around.before, around.after.at)
                {
                    seen.by(who, 2, Verdict::Inconclusive, Cause::LockEnded, text);
                } else if self.attack_may_follow(step, lacks(step, who), around.before, around.after.at, seen)
                {
                    Self::follows(Some(who), &text, seen);
                } else {
                    seen.by(who, 2, Verdict::Fail, Cause::Accepted, text);
                }
            }
            (_, Expect::Refused, Said::Refused(refusal)) => Self::refused(step, done, sent, refusal, seen),
            (purpose, _, Said::Refused(refusal)) => {
                self.unexpected_refusal(purpose, step, done, refusal, said, seen);
            }
            (purpose, _, Said::Accepted(_)) => {
                let (rule, verdict, cause, kind) = match purpose {
                    Purpose::Setup => (0, Verdict::Fail, Cause::NotKept, WitnessKind::Setup),
                    Purpose::Control => (5, Verdict::Inconclusive, Cause::NoControl, WitnessKind::Right),
                    _ => (3, Verdict::Fail, Cause::PromiseBroken, WitnessKind::Promise),
                };
                let effect = match step.action {
                    Action::GetObject => self.read(around, step, sent),
                    _ => effect::effect(around, step, sent),
                };
                match effect {
                    Effect::Seen | Effect::NotOfVersions => seen.witness(kind, vec![sent.exchange]),
                    Effect::Missing(why) => {
                        let text = format!("“{}” was accepted without effect: {why}", step.text);
                        seen.by(who, rule, verdict, cause, text);
                    }
                    Effect::Unread(why) => {
                        let rule = if purpose == Purpose::Control { 5 } else { 4 };
                        seen.by(who, rule, Verdict::Inconclusive, Cause::NotRead, why);
                    }
                }
            }
        }
    }

    /// A read that was accepted: what came is what a read-back knows of the object.
    fn read(&self, around: Around<'_>, step: &Step, sent: &SentStep) -> Effect {
        let Some(object) = step.object.as_deref() else { return Effect::NotOfVersions };
        let Some(answer) = self.context.exchanges.get(sent.exchange).and_then(|e| e.answer()) else {
            return Effect::NotOfVersions;
        };
        let versions = |o: &'_ Observation| -> Vec<String> {
            let of_it = o.versions.iter().filter(|v| v.object == object);
            let known = of_it.filter_map(|v| match &v.state.presence {
                Reading::Known(Presence::Present { sha256, .. }) => Some(sha256.clone()),
                _ => None,
            });
            known.collect()
        };
        let known: Vec<String> =
            around.before.into_iter().chain(std::iter::once(around.after)).flat_map(versions).collect();
        if known.is_empty()
            || answer.body.sha256.is_empty()
            || answer.status == 206
            || known.contains(&answer.body.sha256)
        {
            return Effect::Seen;
        }
        let several = around.after.key(object).and_then(|k| k.listing.known());
        if step.version_ref() == VersionRef::Latest && several.is_some_and(|l| l.len() > 1) {
            // The current version may be one that no row of the scenario names, and that is not read back.
            return Effect::NotOfVersions;
        }
        Effect::Missing(format!("what came is not what {object} holds"))
    }

    /// A refusal that was expected: does the dialect know it for one of the expected reasons?
    fn refused(step: &Step, done: &StepEvidence, sent: &SentStep, refusal: &Refusal, seen: &mut Seen) {
        if refusal.reasons.iter().any(|r| step.because.contains(r)) {
            seen.refusals += 1;
            seen.witness(WitnessKind::Refusal, vec![sent.exchange]);
            // The winner of a race shows the right of its rivals.
            let of_right = [Because::ObjectLocked, Because::NotPermitted];
            let came: Vec<Because> = of_right
                .into_iter()
                .filter(|r| refusal.reasons.contains(r) && step.because.contains(r))
                .collect();
            let other = refusal.reasons.iter().any(|r| step.because.contains(r) && !of_right.contains(r));
            if step.expect == Expect::Refused && !came.is_empty() && !other {
                seen.reasoned.push((usize::try_from(done.step).unwrap_or(usize::MAX), came));
            }
        } else if refusal.reasons.contains(&Because::NotSupported) {
            seen.refusals += 1;
            seen.door(done);
            seen.witness(WitnessKind::NoDoor, vec![sent.exchange]);
        } else if refusal.reasons.contains(&Because::NotPermitted) && lacks(step, done.role) {
            seen.by(done.role, 5, Verdict::Skipped, Cause::NoRight, lacks_text(step, done.role));
        } else {
            let said = Said::Refused(refusal.clone());
            let known = if refusal.reasons.is_empty() {
                format!(
                    "the dialect does not know this answer; if it is one of [{}], add to refusals.toml: \
                     because = \"…\", status = {}, code = \"{}\", message = \"{}\"",
                    join(&step.because),
                    refusal.status,
                    refusal.error.code,
                    refusal.error.message
                )
            } else {
                format!("refused for {}, expected was {}", join(&refusal.reasons), join(&step.because))
            };
            let text = format!("“{}”: {said}: {known}", step.text);
            seen.by(done.role, 4, Verdict::Inconclusive, Cause::OtherRefusal, text);
        }
    }

    /// A setup, control or promise that was refused.
    fn unexpected_refusal(
        &self,
        purpose: Purpose,
        step: &'a Step,
        done: &StepEvidence,
        refusal: &Refusal,
        said: &Said,
        seen: &mut Seen,
    ) {
        let who = done.role;
        let text = format!("“{}” was refused: {said}", step.text);
        let permission = refusal.reasons.contains(&Because::NotPermitted)
            || (refusal.status == 403 && refusal.reasons.is_empty());
        // Whether it was refused only because of what was not accepted before.
        let follows = self.may_follow(step, seen);
        if purpose != Purpose::Setup {
            self.not_met(step, seen);
        }
        if purpose != Purpose::Setup && permission && lacks(step, who) {
            seen.by(who, 5, Verdict::Skipped, Cause::NoRight, lacks_text(step, who));
            return;
        }
        match purpose {
            // A bucket that cannot be set so on this server: a capability is missing. Only as long as nothing else
            // is wrong, so that a broken store cannot be skipped over.
            Purpose::Setup
                if of_a_bucket(step.action)
                    && refusal.reasons.contains(&Because::NotSupported)
                    && seen.remarks.is_empty() =>
            {
                let text = format!("the server does not do this, so nothing can rest on it: {text}");
                seen.by(who, 0, Verdict::Skipped, Cause::NotRun, text);
            }
            Purpose::Setup => seen.by(who, 0, Verdict::Inconclusive, Cause::NoSetup, text),
            Purpose::Control if refusal.reasons.contains(&Because::NotSupported) => {
                let index = usize::try_from(done.step).unwrap_or(usize::MAX);
                let (verdict, cause) = (Verdict::Inconclusive, Cause::NoControl);
                seen.unsupported.push((index, Remark { rule: 5, verdict, cause, text, who: Some(who) }));
            }
            Purpose::Control => seen.by(who, 5, Verdict::Inconclusive, Cause::NoControl, text),
            Purpose::Attack | Purpose::Promise => {
                let unsupported = refusal.reasons.contains(&Because::NotSupported);
                if permission || unsupported {
                    seen.by(who, 4, Verdict::Inconclusive, Cause::OtherRefusal, text);
                } else if follows {
                    Self::follows(Some(who), &text, seen);
                } else {
                    seen.by(who, 3, Verdict::Fail, Cause::PromiseBroken, text);
                }
            }
        }
    }

    /// One answer in a race.
    pub(super) fn racer<'b>(
        step: &'b Step,
        done: &'b StepEvidence,
        sent: &'b SentStep,
        said: &Said,
        winners: &mut Vec<(&'b Step, &'b StepEvidence, &'b SentStep)>,
        seen: &mut Seen,
    ) {
        match said {
            Said::Accepted(_) => winners.push((step, done, sent)),
            Said::Failed(why) => {
                let text = format!("“{}” (copy {}): {why}", step.text, sent.copy);
                seen.by(done.role, 4, Verdict::Inconclusive, Cause::NoAnswer, text);
            }
            Said::Refused(refusal) => Self::refused(step, done, sent, refusal, seen),
        }
    }

    pub(super) fn race(
        around: Around<'_>,
        group: &GroupEvidence,
        winners: &[(&Step, &StepEvidence, &SentStep)],
        seen: &mut Seen,
    ) {
        let asked: usize = group.steps.iter().map(|s| s.sent.len()).sum();
        match winners {
            [] => {
                let text = format!("none of {asked} requests was accepted");
                seen.remark(4, Verdict::Inconclusive, Cause::NoWinner, text);
            }
            [(step, done, sent)] => match effect::effect(around, step, sent) {
                Effect::Seen | Effect::NotOfVersions => {
                    seen.witness(WitnessKind::OneWinner, vec![sent.exchange]);
                }
                Effect::Missing(why) => {
                    seen.by(
                        done.role,
                        1,
                        Verdict::Fail,
                        Cause::Changed,
                        format!("the accepted request lost: {why}"),
                    );
                }
                Effect::Unread(why) => {
                    seen.by(done.role, 4, Verdict::Inconclusive, Cause::NotRead, why);
                }
            },
            [(_, done, _), ..] => {
                let text =
                    format!("{} of {asked} requests were accepted, of which one may win", winners.len());
                seen.by(done.role, 2, Verdict::Fail, Cause::TwoWinners, text);
            }
        }
    }
}

/// Whether the action sets a bucket's configuration.
fn of_a_bucket(action: Action) -> bool {
    matches!(
        action,
        Action::PutBucketVersioning | Action::PutObjectLockConfiguration | Action::PutBucketPolicy
    )
}

/// Whether a role is meant to lack a right that the step needs.
fn lacks(step: &Step, role: Role) -> bool {
    rights::needed(step).into_iter().any(|right| !role.holds(right))
}

/// Whether it asks to bypass governance in any of the places where that can be said.
fn asks_to_bypass(step: &Step) -> bool {
    let said = [&step.query, &step.headers, &step.unsigned_headers];
    step.bypass_governance
        || said
            .into_iter()
            .flatten()
            .any(|(name, _)| name.eq_ignore_ascii_case("x-amz-bypass-governance-retention"))
}

fn lacks_text(step: &Step, role: Role) -> String {
    let missing: Vec<&str> =
        rights::needed(step).into_iter().filter(|r| !role.holds(*r)).map(Right::word).collect();
    format!("the {role} is not given {}", missing.join(", "))
}

fn join(reasons: &[Because]) -> String {
    reasons.iter().map(|r| r.word()).collect::<Vec<_>>().join(", ")
}
