//! What the rules have seen: remarks, witnesses, refusals.

use std::collections::BTreeSet;

use super::premise::Unmet;
use crate::record::evidence::StepEvidence;
use crate::record::verdict::{Cause, Verdict, Witness, WitnessKind};
use crate::scenario::{Because, Role};

/// Something that a rule saw. The lowest rule decides; within a rule a fail outweighs.
#[derive(Debug, Clone)]
pub(super) struct Remark {
    pub(super) rule: u8,
    pub(super) verdict: Verdict,
    pub(super) cause: Cause,
    pub(super) text: String,
    pub(super) who: Option<Role>,
}

/// Everything that the rules have seen so far.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) remarks: Vec<Remark>,
    pub(super) witnesses: Vec<Witness>,
    pub(super) no_door: bool,
    pub(super) refusals: usize,
    /// Controls that were refused because the server does not have the operation: the step, and what is to be said
    /// unless the attacks that it is for met the same.
    pub(super) unsupported: Vec<(usize, Remark)>,
    /// Refusals for a lock or a missing right, by the step: which of the expected reasons came.
    pub(super) reasoned: Vec<(usize, Vec<Because>)>,
    /// Attacks that met a door that is not there, by the step.
    pub(super) doors: Vec<usize>,
    /// The objects of which a change between two read-backs was found, and so by whom.
    pub(super) blamed: BTreeSet<String>,
    /// What was not accepted though later steps build on it.
    pub(super) unmet: Unmet,
    /// Whether the server's own log was asked, and had all that a step demands of it.
    pub(super) logged: bool,
}

impl Seen {
    pub(super) fn remark(&mut self, rule: u8, verdict: Verdict, cause: Cause, text: impl Into<String>) {
        self.remarks.push(Remark { rule, verdict, cause, text: text.into(), who: None });
    }

    pub(super) fn by(
        &mut self,
        who: Role,
        rule: u8,
        verdict: Verdict,
        cause: Cause,
        text: impl Into<String>,
    ) {
        self.remarks.push(Remark { rule, verdict, cause, text: text.into(), who: Some(who) });
    }

    /// Notes that the server does not have what a step asks for.
    pub(super) fn door(&mut self, done: &StepEvidence) {
        self.no_door = true;
        self.doors.extend(usize::try_from(done.step));
    }

    pub(super) fn witness(&mut self, kind: WitnessKind, exchanges: Vec<u64>) {
        self.witnesses.push(Witness::new(kind, exchanges));
    }
}
