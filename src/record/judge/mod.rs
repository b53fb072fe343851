//! The judge: scenario and evidence in, judgement out. Pure, and the only maker of a pass.
//!
//! The order of its rules is fixed (design, section 5): a setup that was not kept; a state that is not as
//! it has to be; an attack that was accepted; a promise that was broken; silence; a missing control; and
//! only then a pass, which holds its witnesses. What a rule sees is noted as a [`Remark`]; the remark with the
//! lowest rule decides.

mod after;
mod answers;
mod compare;
mod decide;
mod effect;
mod fold;
mod fresh;
mod logged;
mod premise;
mod seen;
mod setup;
mod steps;
#[cfg(test)]
mod tests;
mod tries;
mod unchanged;

pub use answers::{Refusal, Said, said};
pub use compare::words as retention_words;
pub(in crate::record) use fold::strength;
pub use fold::{Folded, fold};
pub use tries::{tries, window_percent};

use crate::exchange::S3Error;
use crate::record::evidence::{GroupEvidence, Observation, RunEvidence, SentStep, StepEvidence};
use crate::record::log::Exchanges;
use crate::record::verdict::{Cause, Judgement, Verdict, WitnessKind};
use crate::scenario::{Because, BodySpec, Expect, Purpose, Role, Scenario, Step, VersionRef};
use effect::Around;
use seen::Seen;
use unchanged::Bounds;

/// What the judge needs beside scenario and evidence.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The record's exchanges.
    pub exchanges: Exchanges<'a>,
    /// The dialect: every reason that it knows for a status, code and message.
    pub dialect: &'a (dyn Fn(u16, &str, &str) -> Vec<Because> + Sync),
}

impl Context<'_> {
    fn because(&self, status: u16, error: &S3Error) -> Vec<Because> {
        (self.dialect)(status, &error.code, &error.message)
    }
}

/// Judges one run.
#[must_use]
pub fn judge(scenario: &Scenario, evidence: &RunEvidence, context: &Context<'_>) -> Judgement {
    let mut seen = Seen::default();
    let evidence = &*fresh::fresh(evidence, context.exchanges);
    let case = Case { scenario, evidence, context };
    if case.setup(&mut seen) {
        let mut before = evidence.baseline.as_ref();
        for group in &evidence.groups {
            case.group(group, before, &mut seen);
            before = Some(&group.observed);
        }
        case.end(before, &mut seen);
    }
    case.decide(seen)
}

struct Case<'a> {
    scenario: &'a Scenario,
    evidence: &'a RunEvidence,
    context: &'a Context<'a>,
}

impl<'a> Case<'a> {
    fn group(&self, group: &'a GroupEvidence, before: Option<&'a Observation>, seen: &mut Seen) {
        let around =
            Around { scenario: self.scenario, evidence: self.evidence, before, after: &group.observed };
        let mut winners: Vec<(&Step, &StepEvidence, &SentStep)> = Vec::new();
        let mut race = false;
        let mut may_change: Vec<&str> = Vec::new();
        let mut refused_cleanly = true;
        for done in &group.steps {
            let Some(step) = usize::try_from(done.step).ok().and_then(|i| self.scenario.steps.get(i)) else {
                seen.remark(
                    4,
                    Verdict::Error,
                    Cause::ToolError,
                    "the evidence names a step that is not there",
                );
                continue;
            };
            race |= step.expect == Expect::OneAccepted;
            // What the tool did to the server is no request: that it was done is all there is to see.
            let acted = step.action.of_machine().is_some() && done.done.is_some();
            if !acted && !self.not_sent(step, done, seen) {
                for sent in &done.sent {
                    let said = said(self.scenario, self.evidence, step, sent, self.context);
                    refused_cleanly &= matches!(said, Said::Refused(_));
                    // What became of a request without an answer is unknown; an attack may do no harm even so.
                    if !matches!(said, Said::Refused(_)) && step.purpose != Purpose::Attack {
                        may_change.extend(self.aims(step));
                    }
                    if step.expect == Expect::OneAccepted {
                        may_change.extend(self.aims(step));
                        Self::racer(step, done, sent, &said, &mut winners, seen);
                    } else {
                        self.answer(around, step, done, sent, &said, seen);
                    }
                    self.logged(step, done, sent, &said, seen);
                }
            }
            self.rows(around, &step.after, &|_| Some(done.role), seen);
        }
        if race {
            Self::race(around, group, &winners, seen);
        }
        if let Some(before) = before {
            let listings = refused_cleanly && !race && may_change.is_empty();
            let bypass = group.steps.iter().any(|done| {
                let step = usize::try_from(done.step).ok().and_then(|i| self.scenario.steps.get(i));
                step.is_some_and(|step| step.bypass_governance)
            });
            let accepted = (!refused_cleanly).then_some(bypass);
            let bounds = Bounds { may_change: &may_change, listings, accepted, group };
            self.unchanged(before, &group.observed, bounds, seen);
        }
    }

    /// The objects that a step may change when it is accepted.
    fn aims(&self, step: &'a Step) -> Vec<&'a str> {
        let mut aims: Vec<&str> = step.object.as_deref().into_iter().collect();
        match step.body.as_deref().and_then(|b| self.scenario.body(b)) {
            Some(BodySpec::DeleteList { entries }) => aims.extend(entries.iter().map(|(o, _)| o.as_str())),
            Some(BodySpec::Archive { entries }) => aims.extend(entries.iter().map(|e| e.object.as_str())),
            _ => {}
        }
        if aims.is_empty() {
            // A bucket action may change what lies in the bucket only by breaking something: no object is named.
            return aims;
        }
        aims
    }

    /// Who may have done something to an object: the weakest of those whose attack on it was accepted; else of those
    /// whose attack was accepted at all; else of those who tried. `None` where nobody attacked.
    fn culprit<'g>(&self, groups: impl Iterator<Item = &'g GroupEvidence>, object: &str) -> Option<Role> {
        let tried = groups.flat_map(|g| &g.steps).filter_map(|done| {
            let step = usize::try_from(done.step).ok().and_then(|i| self.scenario.steps.get(i))?;
            let accepted = || {
                let sent = |s| said(self.scenario, self.evidence, step, s, self.context).accepted();
                done.sent.iter().any(sent)
            };
            let objects = self.depends_on(step);
            let aimed = objects.is_empty() || objects.contains(&object);
            let rank = match (accepted(), aimed) {
                (true, true) => 0,
                (true, false) => 1,
                (false, true) => 2,
                (false, false) => 3,
            };
            (step.purpose == Purpose::Attack).then_some((rank, fold::strength(done.role), done.role))
        });
        tried.min_by_key(|(rank, strength, _)| (*rank, *strength)).map(|(_, _, role)| role)
    }

    /// A step that was not sent. Returns whether that is so.
    fn not_sent(&self, step: &'a Step, done: &StepEvidence, seen: &mut Seen) -> bool {
        let Some(why) = &done.not_sent else {
            if done.sent.is_empty() {
                seen.by(
                    done.role,
                    4,
                    Verdict::Inconclusive,
                    Cause::NoAnswer,
                    "a step was neither sent nor left out",
                );
                return true;
            }
            return false;
        };
        let issuer = why.strip_prefix("no-handle: ").and_then(|name| self.scenario.step(name));
        if let Some((index, issuing)) = issuer
            && step.purpose == Purpose::Attack
            && let Some(evidence) = self.evidence.step(index)
        {
            let all: Vec<Said> = evidence
                .sent
                .iter()
                .map(|s| said(self.scenario, self.evidence, issuing, s, self.context))
                .collect();
            let started = evidence.not_sent.is_some();
            if started || (!all.is_empty() && all.iter().all(|s| matches!(s, Said::Refused(_)))) {
                // The server refused to start: a refusal there is a refusal here.
                seen.refusals += 1;
                seen.witness(WitnessKind::Refusal, evidence.sent.iter().map(|s| s.exchange).collect());
                return true;
            }
        }
        let (rule, cause) = match step.purpose {
            Purpose::Setup => (0, Cause::NoSetup),
            Purpose::Control => (5, Cause::NoControl),
            Purpose::Attack | Purpose::Promise => (4, Cause::NoAnswer),
        };
        if matches!(step.purpose, Purpose::Control | Purpose::Promise) {
            self.not_met(step, seen);
        }
        seen.by(done.role, rule, Verdict::Inconclusive, cause, format!("not sent: {why}"));
        true
    }

    fn rows(
        &self,
        around: Around<'_>,
        rows: &[crate::scenario::After],
        attacker: &dyn Fn(&str) -> Option<Role>,
        seen: &mut Seen,
    ) {
        let accepted = |name: &str| {
            let (index, step) = self.scenario.step(name)?;
            let done = self.evidence.step(index)?;
            done.sent
                .iter()
                .position(|s| said(self.scenario, self.evidence, step, s, self.context).accepted())
        };
        for row in rows {
            // What a step made is that step's work; the rest is the attacker's.
            let maker = match &row.of {
                VersionRef::Step(name) => {
                    self.scenario.step(name).and_then(|(_, s)| s.role(self.evidence.each))
                }
                _ => None,
            };
            // Who was found out step by step is not guessed again at the end.
            let found_out = seen.blamed.contains(&row.object);
            let who = maker.or_else(|| if found_out { None } else { attacker(&row.object) });
            let differences = after::check(around, row, &accepted);
            if let Some(shows) = &row.shows {
                for difference in differences {
                    let text = format!("{shows} was not seen: {}", difference.text());
                    seen.remark(5, Verdict::Inconclusive, Cause::NoControl, text);
                }
                continue;
            }
            for difference in differences {
                let follows = Self::row_may_follow(row, around.before, around.after, seen);
                self.difference(difference, around.before, around.after, who, follows, seen);
            }
        }
    }

    /// The end of the scenario: its `after`, and whether everything was run.
    fn end(&self, last: Option<&'a Observation>, seen: &mut Seen) {
        let Some(last) = last else { return };
        // Whether a lock had ended is asked of the state as it last was before the final read-back.
        let groups = &self.evidence.groups;
        let before = match groups.len() {
            0 | 1 => self.evidence.baseline.as_ref(),
            n => groups.get(n - 2).map(|g| &g.observed),
        };
        let around = Around { scenario: self.scenario, evidence: self.evidence, before, after: last };
        let sent: usize = groups.iter().map(|g| g.steps.len()).sum();
        // `after` describes the end. Of a run that was stopped on its way, what each step left was judged above; a
        // deletion that was never sent is no broken promise.
        if sent == self.scenario.steps.len() {
            let attacker = |object: &str| self.culprit(groups.iter(), object);
            self.rows(around, &self.scenario.after, &attacker, seen);
        }
        if let Some(why) = &self.evidence.stopped {
            seen.remark(4, Verdict::Inconclusive, Cause::Interrupted, why.clone());
        } else if sent != self.scenario.steps.len() {
            let text = format!("{sent} of {} steps were run", self.scenario.steps.len());
            seen.remark(4, Verdict::Error, Cause::ToolError, text);
        } else if sent > 0 {
            let exchanges = last.versions.iter().flat_map(|v| v.exchanges.clone()).collect();
            seen.witness(WitnessKind::Intact, exchanges);
        }
    }
}
