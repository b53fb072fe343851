//! Rule 0: whether the scene was set, and whether the server kept what it was given.

use super::seen::Seen;
use super::{Case, compare};
use crate::lock::{Presence, Reading};
use crate::record::evidence::{Observation, Placed};
use crate::record::verdict::{Cause, Verdict, WitnessKind};
use crate::scenario::Because;

impl<'a> Case<'a> {
    /// Rule 0. Returns whether the scene stands, so that the rest can be judged.
    pub(super) fn setup(&self, seen: &mut Seen) -> bool {
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
    pub(super) fn unusual_key(&self, placed: &Placed, number: u64) -> Option<&'a str> {
        let suffix = self.scenario.object(&placed.object)?.key_suffix.as_str();
        let refused = [Because::NotSupported, Because::InvalidRequest];
        (!suffix.is_empty() && self.refused_for(number, &refused)).then_some(suffix)
    }

    /// Whether a bucket's policy was refused because the server does not know what it says. A policy that is
    /// refused for anything else (a malformed one) is no statement about the server.
    pub(super) fn unsupported_policy(&self, bucket: &str, number: u64) -> bool {
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
    pub(super) fn refused_for(&self, number: u64, reasons: &[Because]) -> bool {
        let answer = self.context.exchanges.get(number).and_then(|e| e.answer());
        answer.and_then(|a| Some((a.status, a.error()?))).is_some_and(|(status, error)| {
            self.context.because(status, &error).iter().any(|r| reasons.contains(r))
        })
    }

    /// Whether the first read-back shows what the upload asked for.
    pub(super) fn kept(placed: &Placed, baseline: &Observation, seen: &mut Seen) {
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
    pub(super) fn plain_refusal(&self, number: u64) -> Option<String> {
        let Some(exchange) = self.context.exchanges.get(number) else {
            return Some("the exchange is not in the record".to_owned());
        };
        match exchange.answer() {
            None => Some("no answer".to_owned()),
            Some(answer) => answer.error().map(|e| format!("{} {} {}", answer.status, e.code, e.message)),
        }
    }
}
