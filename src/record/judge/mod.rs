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
mod steps;
#[cfg(test)]
mod tests;
mod tries;

pub use answers::{Refusal, Said, said};
pub use compare::words as retention_words;
pub(in crate::record) use fold::strength;
pub use fold::{Folded, fold};
pub use tries::{tries, window_percent};

use crate::exchange::S3Error;
use crate::lock::{Presence, Reading};
use crate::record::evidence::{GroupEvidence, Observation, Placed, RunEvidence, SentStep, StepEvidence};
use crate::record::log::Exchanges;
use crate::record::verdict::{Cause, Judgement, Verdict, Witness, WitnessKind};
use crate::scenario::{Because, BodySpec, Expect, Purpose, Role, Scenario, Step, VersionRef};
use compare::Difference;
use effect::Around;

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

/// Something that a rule saw. The lowest rule decides; within a rule a fail outweighs.
#[derive(Debug, Clone)]
struct Remark {
    rule: u8,
    verdict: Verdict,
    cause: Cause,
    text: String,
    who: Option<Role>,
}

/// Everything that the rules have seen so far.
#[derive(Debug, Default)]
struct Seen {
    remarks: Vec<Remark>,
    witnesses: Vec<Witness>,
    no_door: bool,
    refusals: usize,
    /// Controls that were refused because the server does not have the operation: the step, and what is to be said
    /// unless the attacks that it is for met the same.
    unsupported: Vec<(usize, Remark)>,
    /// Refusals for a lock or a missing right, by the step: which of the expected reasons came.
    reasoned: Vec<(usize, Vec<Because>)>,
    /// Attacks that met a door that is not there, by the step.
    doors: Vec<usize>,
}

impl Seen {
    fn remark(&mut self, rule: u8, verdict: Verdict, cause: Cause, text: impl Into<String>) {
        self.remarks.push(Remark { rule, verdict, cause, text: text.into(), who: None });
    }

    fn by(&mut self, who: Role, rule: u8, verdict: Verdict, cause: Cause, text: impl Into<String>) {
        self.remarks.push(Remark { rule, verdict, cause, text: text.into(), who: Some(who) });
    }

    /// Notes that the server does not have what a step asks for.
    fn door(&mut self, done: &StepEvidence) {
        self.no_door = true;
        self.doors.extend(usize::try_from(done.step));
    }

    fn witness(&mut self, kind: WitnessKind, exchanges: Vec<u64>) {
        self.witnesses.push(Witness::new(kind, exchanges));
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
    /// Rule 0. Returns whether the scene stands, so that the rest can be judged.
    fn setup(&self, seen: &mut Seen) -> bool {
        for placed in &self.evidence.objects {
            for number in &placed.exchanges {
                if let Some(why) = self.plain_refusal(*number) {
                    if let Some(suffix) = self.unusual_key(placed, *number) {
                        let text = format!(
                            "the server stores nothing under a key with “{suffix}” ({why}): no record can lie there"
                        );
                        seen.remark(0, Verdict::Skipped, Cause::NotRun, text);
                        return false;
                    }
                    let text = format!("{} could not be set up: {why}", placed.object);
                    seen.remark(0, Verdict::Inconclusive, Cause::NoSetup, text);
                    return false;
                }
            }
        }
        for made in &self.evidence.buckets {
            // The first exchange asks whether the name is free, and 404 is the answer that is wanted.
            for number in made.exchanges.iter().skip(1) {
                if let Some(why) = self.plain_refusal(*number) {
                    if self.unsupported_policy(&made.name, *number) {
                        let text = format!(
                            "the server does not take this policy ({why}): nobody is protected by such a rule here"
                        );
                        seen.remark(0, Verdict::Skipped, Cause::NotRun, text);
                        return false;
                    }
                    let text = format!("the bucket {} could not be set up: {why}", made.name);
                    seen.remark(0, Verdict::Inconclusive, Cause::NoSetup, text);
                    return false;
                }
            }
        }
        let Some(baseline) = &self.evidence.baseline else {
            let why = self.evidence.stopped.as_deref().unwrap_or("the setup did not finish");
            seen.remark(0, Verdict::Inconclusive, Cause::NoSetup, why);
            return false;
        };
        for placed in self.evidence.objects.iter().filter(|p| p.sha256.is_some()) {
            Self::kept(placed, baseline, seen);
        }
        if !seen.remarks.iter().any(|r| r.verdict == Verdict::Fail) {
            let exchanges = self.evidence.objects.iter().flat_map(|p| p.exchanges.clone()).collect();
            seen.witness(WitnessKind::Setup, exchanges);
        }
        true
    }

    /// The key suffix of an object whose upload was refused as such: the server has no such keys, which is a
    /// capability that is missing. Only uploads of scenarios about unusual keys are read so.
    fn unusual_key(&self, placed: &Placed, number: u64) -> Option<&'a str> {
        let suffix = self.scenario.object(&placed.object)?.key_suffix.as_str();
        let refused = [Because::NotSupported, Because::InvalidRequest];
        (!suffix.is_empty() && self.refused_for(number, &refused)).then_some(suffix)
    }

    /// Whether a bucket's policy was refused because the server does not know what it says. A policy that is
    /// refused for anything else (a malformed one) is no statement about the server.
    fn unsupported_policy(&self, bucket: &str, number: u64) -> bool {
        let asks = self.scenario.buckets.iter().any(|b| b.name == bucket && b.policy.is_some());
        let is_policy = self
            .context
            .exchanges
            .get(number)
            .and_then(|e| e.sent.target.split_once('?'))
            .is_some_and(|(_, query)| query.split('&').any(|p| p == "policy" || p == "policy="));
        asks && is_policy && self.refused_for(number, &[Because::NotSupported])
    }

    /// Whether the dialect knows an answer for one of these reasons.
    fn refused_for(&self, number: u64, reasons: &[Because]) -> bool {
        let answer = self.context.exchanges.get(number).and_then(|e| e.answer());
        answer.and_then(|a| Some((a.status, a.error()?))).is_some_and(|(status, error)| {
            self.context.because(status, &error).iter().any(|r| reasons.contains(r))
        })
    }

    /// Whether the first read-back shows what the upload asked for.
    fn kept(placed: &Placed, baseline: &Observation, seen: &mut Seen) {
        let object = placed.object.as_str();
        let Some(observed) = baseline.version(object, "own") else {
            seen.remark(4, Verdict::Inconclusive, Cause::NotRead, format!("{object} was not read back"));
            return;
        };
        let state = &observed.state;
        for text in compare::unread(object, state) {
            seen.remark(4, Verdict::Inconclusive, Cause::NotRead, text);
        }
        if let (Reading::Known(Presence::Present { .. }), Reading::Known(false)) =
            (&state.presence, &state.listed)
        {
            let text =
                format!("{object} can be read and is not listed: the read-backs contradict each other");
            seen.remark(4, Verdict::Inconclusive, Cause::NotRead, text);
        }
        let ended = placed.retention.is_some_and(|r| r.until <= baseline.at);
        let wrong = match (&state.presence, &placed.sha256) {
            (Reading::Known(Presence::Present { sha256, .. }), Some(sent)) if sha256 != sent => {
                Some(format!("{object} was stored with other bytes: SHA-256 {sent} sent, {sha256} read"))
            }
            (Reading::Known(Presence::Gone), _) => Some(format!("{object} was accepted and is not there")),
            _ => None,
        };
        let lock = match (placed.retention, &state.retention) {
            (Some(asked), Reading::Known(has)) if !compare::same(Some(asked), *has) => Some(format!(
                "{object} was accepted with {} and has {}",
                compare::words(Some(asked)),
                compare::words(*has)
            )),
            _ => None,
        };
        let hold = match (placed.hold, &state.hold) {
            (Some(asked), Reading::Known(has)) if asked != *has => Some(format!(
                "{object} was accepted with legal hold {} and has {}",
                asked.as_str(),
                has.as_str()
            )),
            _ => None,
        };
        for text in [wrong, lock, hold].into_iter().flatten() {
            if ended {
                seen.remark(1, Verdict::Inconclusive, Cause::LockEnded, text);
            } else {
                seen.remark(0, Verdict::Fail, Cause::NotKept, text);
            }
        }
    }

    /// Why a setup exchange was not plainly accepted.
    fn plain_refusal(&self, number: u64) -> Option<String> {
        let Some(exchange) = self.context.exchanges.get(number) else {
            return Some("the exchange is not in the record".to_owned());
        };
        match exchange.answer() {
            None => Some("no answer".to_owned()),
            Some(answer) => answer.error().map(|e| format!("{} {} {}", answer.status, e.code, e.message)),
        }
    }

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
                }
            }
            self.rows(around, &step.after, Some(done.role), seen);
        }
        if race {
            Self::race(around, group, &winners, seen);
        }
        if let Some(before) = before {
            let who = group.steps.first().map(|s| s.role);
            let listings = refused_cleanly && !race && may_change.is_empty();
            self.unchanged(before, &group.observed, &may_change, listings, who, seen);
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

    /// A step that was not sent. Returns whether that is so.
    fn not_sent(&self, step: &Step, done: &StepEvidence, seen: &mut Seen) -> bool {
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
        seen.by(done.role, rule, Verdict::Inconclusive, cause, format!("not sent: {why}"));
        true
    }

    /// Everything that may not change is as before.
    fn unchanged(
        &self,
        before: &Observation,
        now: &Observation,
        may_change: &[&str],
        listings: bool,
        who: Option<Role>,
        seen: &mut Seen,
    ) {
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
        let bound = |v: &&crate::record::evidence::Observed| {
            !may_change.contains(&v.object.as_str()) && !leaves(&v.object, &v.of)
        };
        for was in before.versions.iter().filter(bound) {
            let differences = match now.version(&was.object, &was.of) {
                Some(is) => compare::version(&was.object, &was.of, &was.state, &is.state),
                None => vec![Difference::Unread(format!("{} was not read back again", was.object))],
            };
            for difference in differences {
                self.difference(difference, Some(before), now, who, seen);
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
                    who,
                });
            }
        }
    }

    /// A difference becomes a fail, unless the lock had ended or it could not be read.
    fn difference(
        &self,
        difference: Difference,
        before: Option<&Observation>,
        now: &Observation,
        who: Option<Role>,
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
    fn all_done(&self) -> bool {
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

    fn rows(&self, around: Around<'_>, rows: &[crate::scenario::After], who: Option<Role>, seen: &mut Seen) {
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
            let who = maker.or(who);
            let differences = after::check(around, row, &accepted);
            if let Some(shows) = &row.shows {
                for difference in differences {
                    let text = format!("{shows} was not seen: {}", difference.text());
                    seen.remark(5, Verdict::Inconclusive, Cause::NoControl, text);
                }
                continue;
            }
            for difference in differences {
                self.difference(difference, around.before, around.after, who, seen);
            }
        }
    }

    /// The end of the scenario: its `after`, and whether everything was run.
    fn end(&self, last: Option<&'a Observation>, seen: &mut Seen) {
        let Some(last) = last else { return };
        let attacker = self.evidence.each.or_else(|| {
            let attack = self.scenario.steps.iter().find(|s| s.purpose == Purpose::Attack)?;
            attack.role(self.evidence.each)
        });
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
            self.rows(around, &self.scenario.after, attacker, seen);
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
