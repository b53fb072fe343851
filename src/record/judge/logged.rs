//! What the server's own log says of a request, against what the step demands of it.
//!
//! An entry that is missing, or lacks a part, is a fail. But a log that could not be read, or that showed nothing of
//! anybody's requests meanwhile, is no witness: that is inconclusive.

use crate::exchange::{Answer, LogEntry, LoggedChange, LoggedVersion};
use crate::lock::Reading;
use crate::record::evidence::{LogEvidence, SentStep, StepEvidence};
use crate::record::judge::answers::version_id;
use crate::record::judge::{Case, Said, Seen};
use crate::record::verdict::{Cause, Verdict, WitnessKind};
use crate::scenario::{BodySpec, LogPart, Step, VersionRef};

/// A version that the request named.
struct Named {
    bucket: String,
    key: String,
    version_id: Option<String>,
}

impl Case<'_> {
    /// The log's part of one request.
    pub(super) fn logged(
        &self,
        step: &Step,
        done: &StepEvidence,
        sent: &SentStep,
        said: &Said,
        seen: &mut Seen,
    ) {
        // Of a request without an answer nothing is known, not even its id: that was said already.
        if step.logged.is_empty() || matches!(said, Said::Failed(_)) {
            return;
        }
        let unread = |why: String, seen: &mut Seen| {
            let text = format!("“{}”: the server's log was not read: {why}", step.text);
            seen.by(done.role, 4, Verdict::Inconclusive, Cause::NotRead, text);
        };
        let Some(log) = &sent.logged else {
            return unread("nothing is noted of it".to_owned(), seen);
        };
        let entries = match &log.reading {
            Reading::Unread(why) => return unread(why.clone(), seen),
            Reading::Known(entries) if entries.is_empty() && log.others == 0 => {
                return unread("it showed no request at all".to_owned(), seen);
            }
            Reading::Known(entries) => entries,
        };
        let answer = self.context.exchanges.get(sent.exchange).and_then(|e| e.answer());
        let mut least: Option<Vec<String>> = None;
        for entry in entries {
            let missing = self.missing(step, sent, log, entry, answer);
            if missing.is_empty() {
                seen.logged = true;
                seen.witness(WitnessKind::Logged, log.events.clone());
                return;
            }
            if least.as_ref().is_none_or(|l| missing.len() < l.len()) {
                least = Some(missing);
            }
        }
        let text = match least {
            Some(missing) => format!("“{}”: the server's log {}", step.text, missing.join("; it ")),
            None => format!(
                "“{}”: the server's log has no entry of it after {} s, and {} of other requests",
                step.text,
                log.waited_ms.div_ceil(1_000),
                log.others
            ),
        };
        // Nobody broke anything: it is the server that keeps silent.
        seen.remark(3, Verdict::Fail, Cause::NotLogged, text);
    }

    /// What the entry lacks, in words that follow on “the server's log”.
    fn missing(
        &self,
        step: &Step,
        sent: &SentStep,
        log: &LogEvidence,
        entry: &LogEntry,
        answer: Option<&Answer>,
    ) -> Vec<String> {
        let mut missing = Vec::new();
        if let (Some(logged), Some(answer)) = (entry.status, answer)
            && logged != answer.status
        {
            missing.push(format!("says {logged}, and the answer was {}", answer.status));
        }
        let named = self.named(step);
        for part in &step.logged {
            let lacks = match part {
                LogPart::Principal => match (&entry.principal, &log.sender) {
                    (Some(logged), Some(sender)) if logged == sender => None,
                    (Some(logged), _) => Some(format!("names another principal: {logged}")),
                    (None, _) => Some("does not name the principal".to_owned()),
                },
                LogPart::Key => named
                    .iter()
                    .any(|n| hits(entry, n).next().is_none())
                    .then(|| "does not name the key".to_owned()),
                LogPart::Version => named
                    .iter()
                    .any(|n| n.version_id.is_some() && !hits(entry, n).any(|v| v.version_id == n.version_id))
                    .then(|| "does not name the version".to_owned()),
                LogPart::Bypass => {
                    (!entry.bypass).then(|| "does not say that the bypass was asked for".to_owned())
                }
                LogPart::Refusal => not_refused(step, entry, &named, answer),
                LogPart::Change => (!changed(step, sent, entry.change.as_ref()))
                    .then(|| "does not say what the lock was to be changed to".to_owned()),
            };
            missing.extend(lacks);
        }
        missing
    }

    /// The versions that the request named: one, or those of its list.
    fn named(&self, step: &Step) -> Vec<Named> {
        let of = |object: &str, version: &VersionRef| {
            let placed = self.evidence.placed(object)?;
            let version_id = version_id(self.evidence, self.scenario, object, version);
            Some(Named { bucket: placed.bucket.clone(), key: placed.key.clone(), version_id })
        };
        match step.body.as_deref().and_then(|b| self.scenario.body(b)) {
            Some(BodySpec::DeleteList { entries }) => {
                entries.iter().filter_map(|(object, version)| of(object, version)).collect()
            }
            _ => step.object.as_deref().and_then(|o| of(o, &step.version_ref())).into_iter().collect(),
        }
    }
}

/// The places of an entry that name this key in this bucket.
fn hits<'e>(entry: &'e LogEntry, named: &'e Named) -> impl Iterator<Item = &'e LoggedVersion> {
    let here = entry.bucket.as_deref() == Some(named.bucket.as_str());
    entry.versions.iter().filter(move |v| here && v.key == named.key)
}

/// Whether a refusal is logged as one: of a batch each entry that the answer refused.
fn not_refused(step: &Step, entry: &LogEntry, named: &[Named], answer: Option<&Answer>) -> Option<String> {
    if entry.status.is_some_and(|status| status >= 400) {
        return None;
    }
    let errors = answer.map(Answer::entry_errors).unwrap_or_default();
    if step.body.is_none() || errors.is_empty() {
        return Some("does not say that it was refused".to_owned());
    }
    let refused = |n: &&Named| {
        errors.iter().any(|e| {
            e.key == n.key
                && (e.version_id.as_deref().unwrap_or_default().is_empty() || e.version_id == n.version_id)
        })
    };
    named
        .iter()
        .filter(refused)
        .any(|n| !hits(entry, n).any(|v| v.version_id == n.version_id && v.error.is_some()))
        .then(|| "does not say which entries were refused".to_owned())
}

/// Whether the entry says what the lock was to be changed to.
fn changed(step: &Step, sent: &SentStep, change: Option<&LoggedChange>) -> bool {
    let Some(change) = change else { return false };
    let same = |logged: Option<&str>, asked: &str| logged.is_some_and(|l| l.eq_ignore_ascii_case(asked));
    match (sent.asked, step.hold) {
        (Some(asked), _) => {
            same(change.mode.as_deref(), asked.mode.as_str()) && change.until == Some(asked.until)
        }
        (None, Some(hold)) => same(change.hold.as_deref(), hold.as_str()),
        (None, None) => false,
    }
}
