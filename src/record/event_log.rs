//! What the integrity check of an event log found: five properties, each held, broken or not assessed.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::profile::EventLogRules;
use crate::record::Outcome;
use crate::scenario::{Severity, words};

words! {
    /// A property of an event log that is checked.
    EventLogProperty {
        /// Every number is there once.
        Sequence = "sequence",
        /// Every key has one version, and no delete marker lies on it.
        Versions = "versions",
        /// Every event can be read, and says the number that its key says.
        Bodies = "bodies",
        /// The fencing token never goes back along the sequence.
        Tokens = "tokens",
        /// Every fencing token has one holder.
        Holders = "holders",
    }
}

impl EventLogProperty {
    /// The property as a sentence that is true when it holds.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Sequence => "every sequence number is there, and once",
            Self::Versions => "every event has one version, and none is hidden",
            Self::Bodies => "every event can be read and says its own number",
            Self::Tokens => "the fencing token never goes back",
            Self::Holders => "every fencing token has one holder",
        }
    }
}

words! {
    /// How a property stands.
    PropertyState {
        /// Every event was looked at, and it holds.
        Held = "held",
        /// At least one event breaks it.
        Broken = "broken",
        /// It cannot be said.
        NotAssessed = "not assessed",
    }
}

words! {
    /// What is wrong with an event log.
    EventLogRule {
        /// Numbers are missing.
        Gap = "gap",
        /// Two keys have one number.
        DuplicateNumber = "duplicate-number",
        /// A key has several versions: what the log shows now is not what was written first.
        SeveralVersions = "several-versions",
        /// A delete marker hides the event.
        HiddenEvent = "hidden-event",
        /// The event says another number than its key.
        NumberMismatch = "number-mismatch",
        /// The fencing token is lower than one before it: a writer that was fenced off has written.
        TokenWentBack = "token-went-back",
        /// Two holders wrote with one fencing token: two leaders at a time.
        TwoHolders = "two-holders",
    }
}

impl EventLogRule {
    /// How bad it is.
    #[must_use]
    pub fn severity(self) -> Severity {
        match self {
            Self::Gap | Self::TwoHolders => Severity::Critical,
            Self::DuplicateNumber
            | Self::SeveralVersions
            | Self::HiddenEvent
            | Self::NumberMismatch
            | Self::TokenWentBack => Severity::High,
        }
    }

    /// The property that it breaks.
    #[must_use]
    pub fn property(self) -> EventLogProperty {
        match self {
            Self::Gap | Self::DuplicateNumber => EventLogProperty::Sequence,
            Self::SeveralVersions | Self::HiddenEvent => EventLogProperty::Versions,
            Self::NumberMismatch => EventLogProperty::Bodies,
            Self::TokenWentBack => EventLogProperty::Tokens,
            Self::TwoHolders => EventLogProperty::Holders,
        }
    }
}

/// One thing wrong with an event log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EventLogFinding {
    /// Which rule.
    pub rule: EventLogRule,
    /// How bad.
    pub severity: Severity,
    /// The number that it is about; the first one of a gap.
    pub number: u64,
    /// The key; empty for a gap.
    pub key: String,
    /// The version id; empty where none is meant.
    pub version_id: String,
    /// In a sentence.
    pub detail: String,
}

/// How one property stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EventLogCheck {
    /// Which one.
    pub property: EventLogProperty,
    /// Whether it holds.
    pub state: PropertyState,
    /// How many findings there are.
    pub findings: u64,
    /// How many events could not be assessed.
    pub unassessed: u64,
    /// In a sentence: of how many events, or why it cannot be said.
    pub reason: String,
    /// Whether the end may be *all held* although this property is not assessed: it was not asked for, or no reader
    /// could assess it (versions in a bucket that keeps none).
    pub may_be_open: bool,
}

/// Where the token changed: who led from which event on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TokenTransition {
    /// The first event with this token.
    pub number: u64,
    /// The token.
    pub token: u64,
    /// Its holder, if the event says one.
    pub holder: Option<String>,
}

/// The result of an integrity check. It says what the bucket shows now: that the newest events were cut off, or that
/// an event was overwritten where no versions are kept, leaves no trace in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EventLogResult {
    /// When it began (server's clock).
    pub started: DateTime<Utc>,
    /// When it ended.
    pub finished: DateTime<Utc>,
    /// The bucket and the whole pattern of keys (`s3://bucket/events/{sequence}.json`).
    pub scope: String,
    /// The layout, as given.
    pub rules: EventLogRules,
    /// The number before which events may be missing (`--allow-start`).
    pub allow_start: Option<u64>,
    /// `Enabled`, `Suspended` or `off`; `None` if it could not be read.
    pub versioning: Option<String>,
    /// Keys of events.
    pub events: u64,
    /// The lowest number.
    pub first_number: Option<u64>,
    /// The highest number; compare it with what the writers say, for nothing in the bucket says where the log ends.
    pub last_number: Option<u64>,
    /// How many numbers are missing.
    pub missing: u64,
    /// Data versions of events.
    pub versions: u64,
    /// Delete markers of events.
    pub markers: u64,
    /// Events that were written while the check ran, and left to the next one.
    pub appended: u64,
    /// Keys below the log's folder that are no events.
    pub foreign: u64,
    /// The first of them.
    pub first_foreign: Vec<String>,
    /// How often the token changed, its first appearance counted.
    pub token_changes: u64,
    /// The first of these changes.
    pub transitions: Vec<TokenTransition>,
    /// Every property.
    pub checks: Vec<EventLogCheck>,
    /// Findings by rule.
    pub findings: BTreeMap<String, u64>,
    /// The first findings.
    pub first: Vec<EventLogFinding>,
    /// The rules whose findings a valid waiver accepts, with its reason, its owner and its last day.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub waived: BTreeMap<String, String>,
    /// Why events could not be assessed, and how many.
    pub unassessed: BTreeMap<String, u64>,
    /// Pages listed.
    pub pages: u64,
    /// SHA-256 over all (number, key, version id, SHA-256 of the body) in the order of numbers.
    pub log_sha256: String,
    /// Whether the whole log was gone through.
    pub complete: bool,
    /// Why not.
    pub incomplete_reason: Option<String>,
}

impl EventLogResult {
    /// How a property stands.
    #[must_use]
    pub fn check(&self, property: EventLogProperty) -> Option<&EventLogCheck> {
        self.checks.iter().find(|c| c.property == property)
    }

    /// What was found, rule by rule: how many, and the accepted risk if a valid waiver covers it.
    pub fn by_rule(&self) -> impl Iterator<Item = (EventLogRule, u64, Option<&str>)> {
        EventLogRule::ALL.iter().filter_map(|rule| {
            let count = self.findings.get(rule.word()).copied().filter(|n| *n > 0)?;
            Some((*rule, count, self.waived.get(rule.word()).map(String::as_str)))
        })
    }

    /// How a run that is nothing but this check ends: 1 a finding of this severity or above, 3 not all was assessed,
    /// 4 there was no event, 0 everything that can be assessed holds, or is an accepted risk. 1 outranks 3, 3 outranks 4.
    #[must_use]
    pub fn outcome(&self, fail_on: Severity) -> Outcome {
        let say = |exit_code: u8, reason: String| Outcome { exit_code, reason };
        let severe: Vec<String> = self
            .by_rule()
            .filter(|(rule, _, waived)| rule.severity() >= fail_on && waived.is_none())
            .map(|(rule, count, _)| format!("{count} {rule}"))
            .collect();
        if !severe.is_empty() {
            return say(1, severe.join(", "));
        }
        if !self.complete {
            let why = self.incomplete_reason.as_deref().unwrap_or("reason unknown");
            return say(3, format!("the log was not gone through: {why}"));
        }
        if self.events == 0 {
            return say(4, "there is no event: nothing was tested".to_owned());
        }
        let open = |c: &&EventLogCheck| c.state == PropertyState::NotAssessed;
        let missing: Vec<String> = self
            .checks
            .iter()
            .filter(open)
            .filter(|c| !c.may_be_open)
            .map(|c| format!("{}: {}", c.property, c.reason))
            .collect();
        if !missing.is_empty() {
            return say(3, format!("not assessed: {}", missing.join("; ")));
        }
        let held = self.checks.iter().filter(|c| c.state == PropertyState::Held).count();
        let left: Vec<String> = self.checks.iter().filter(open).map(|c| c.property.to_string()).collect();
        let left =
            if left.is_empty() { String::new() } else { format!("; not assessed: {}", left.join(", ")) };
        let accepted: Vec<&str> = self
            .by_rule()
            .filter(|(_, _, waived)| waived.is_some())
            .map(|(rule, _, _)| rule.word())
            .collect();
        let accepted = if accepted.is_empty() {
            String::new()
        } else {
            format!("; accepted risks: {}", accepted.join(", "))
        };
        let of = self.checks.len();
        say(0, format!("{held} of {of} properties hold for all {} events{left}{accepted}", self.events))
    }
}
