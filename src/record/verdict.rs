//! Verdicts, and what a pass has to hold.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::record::evidence::EventNumber;
use crate::scenario::{Role, words};

words! {
    /// What the judge says of a scenario or of one run of it.
    Verdict {
        /// Every witness of the guarantee exists.
        Pass = "pass",
        /// A guarantee was broken, or an answer was false.
        Fail = "fail",
        /// Nothing definite can be said.
        Inconclusive = "inconclusive",
        /// The tool itself could not do its work.
        Error = "error",
        /// Not run, or not able to say anything, for a stated reason.
        Skipped = "skipped",
    }
}

words! {
    /// Why, in one word that others may build on.
    Cause {
        /// Pass: refused, intact, and the right was shown.
        Held = "held",
        /// Pass: the server does not have this way around the lock at all.
        NoSuchDoor = "no-such-door",
        /// Fail: a lock or state that was accepted is not there.
        NotKept = "not-kept",
        /// Fail: a version is gone, or its bytes are others.
        Destroyed = "destroyed",
        /// Fail: a mode, date or hold was weakened or removed.
        Unlocked = "unlocked",
        /// Fail: something else is not as it has to be afterwards.
        Changed = "changed",
        /// Fail: an attack that had to be refused was accepted (whatever it did).
        Accepted = "accepted",
        /// Fail: the answer said one thing and the state another.
        FalseAnswer = "false-answer",
        /// Fail: two or more of the requests of which one may win were accepted.
        TwoWinners = "two-winners",
        /// Fail: a legal act was refused, or had no effect.
        PromiseBroken = "promise-broken",
        /// Fail: the server's own log does not have what it owes.
        NotLogged = "not-logged",
        /// Inconclusive: the setup was refused or not answered.
        NoSetup = "no-setup",
        /// Inconclusive: the lock had ended before the read-back.
        LockEnded = "lock-ended",
        /// Inconclusive: no answer, or 5xx.
        NoAnswer = "no-answer",
        /// Inconclusive: the state could not be read back.
        NotRead = "not-read",
        /// Inconclusive: nobody won where one should.
        NoWinner = "no-winner",
        /// Inconclusive: refused in a way that the dialect does not know, or for another reason.
        OtherRefusal = "other-refusal",
        /// Inconclusive: a control was refused, did not run, or had no effect.
        NoControl = "no-control",
        /// Skipped: the principal is meant to lack the right, and another one answered the scenario.
        NoRight = "no-right",
        /// Skipped: filtered, not reachable here, or a capability is missing.
        NotRun = "not-run",
        /// Error: the tool could not go on.
        ToolError = "tool-error",
        /// Inconclusive: the run was interrupted.
        Interrupted = "interrupted",
    }
}

/// What proves one part of a pass. Only the judge's checks can make one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Witness {
    kind: WitnessKind,
    exchanges: Vec<EventNumber>,
    #[serde(skip)]
    _sealed: Sealed,
}

words! {
    /// What a witness shows.
    WitnessKind {
        /// The canaries were set up as asked, and read back so.
        Setup = "setup",
        /// The right exists: a plain request that needs it was accepted and had its effect.
        Right = "right",
        /// The attack was refused for the lock (or another expected reason).
        Refusal = "refusal",
        /// The server does not have this door.
        NoDoor = "no-door",
        /// A legal act was accepted and had its effect.
        Promise = "promise",
        /// Exactly one of several requests was accepted.
        OneWinner = "one-winner",
        /// The server's own log has the request, with all that is demanded of it.
        Logged = "logged",
        /// The state was read back whole and is as it has to be.
        Intact = "intact",
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default, JsonSchema)]
struct Sealed;

impl Witness {
    /// Only for the judge: a check has just been made and held.
    pub(in crate::record) fn new(kind: WitnessKind, exchanges: Vec<EventNumber>) -> Self {
        Self { kind, exchanges, _sealed: Sealed }
    }

    /// What it shows.
    #[must_use]
    pub fn kind(&self) -> WitnessKind {
        self.kind
    }

    /// The exchanges that show it.
    #[must_use]
    pub fn exchanges(&self) -> &[EventNumber] {
        &self.exchanges
    }
}

/// The judgement of one run. A pass cannot be made outside the judge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Judgement {
    verdict: Verdict,
    cause: Cause,
    reason: String,
    witnesses: Vec<Witness>,
    breaker: Option<Role>,
}

impl Judgement {
    /// A pass, which needs its witnesses; without any it is inconclusive.
    pub(in crate::record) fn pass(cause: Cause, reason: String, witnesses: Vec<Witness>) -> Self {
        if witnesses.is_empty() {
            return Self::other(Verdict::Inconclusive, Cause::NoControl, "nothing was shown".to_owned());
        }
        Self { verdict: Verdict::Pass, cause, reason, witnesses, breaker: None }
    }

    /// Any other verdict; asked for a pass it gives an error.
    #[must_use]
    pub fn other(verdict: Verdict, cause: Cause, reason: impl Into<String>) -> Self {
        let verdict = if verdict == Verdict::Pass { Verdict::Error } else { verdict };
        Self { verdict, cause, reason: reason.into(), witnesses: Vec::new(), breaker: None }
    }

    /// The same, with the principal whose step decided it.
    #[must_use]
    pub fn broken_by(mut self, who: Option<Role>) -> Self {
        self.breaker = who;
        self
    }

    /// The principal whose step decided a fail.
    #[must_use]
    pub fn breaker(&self) -> Option<Role> {
        self.breaker
    }

    /// The verdict.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// Why, in one word.
    #[must_use]
    pub fn cause(&self) -> Cause {
        self.cause
    }

    /// Why, in a sentence.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// What proves a pass; empty otherwise.
    #[must_use]
    pub fn witnesses(&self) -> &[Witness] {
        &self.witnesses
    }
}

impl Verdict {
    /// How much a verdict weighs when runs are folded into one: the heaviest wins.
    #[must_use]
    pub fn weight(self) -> u8 {
        match self {
            Self::Skipped => 0,
            Self::Pass => 1,
            Self::Inconclusive => 2,
            Self::Error => 3,
            Self::Fail => 4,
        }
    }
}
