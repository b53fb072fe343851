//! The fold over events in the order of their numbers: what is wrong with the log. Pure; it keeps counters, the
//! digest, the first findings, and one holder for each of the newest tokens.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};

use crate::profile::EventLogRules;
use crate::record::event_log::{
    EventLogCheck, EventLogFinding, EventLogProperty, EventLogResult, EventLogRule, PropertyState,
    TokenTransition,
};

use super::body::{Event, Field, Wanted};

/// Findings that are kept in words.
const FIRST: usize = 1000;

/// Of one rule at most.
const FIRST_OF_A_RULE: u64 = 200;

/// Findings of one rule, and events that could not be assessed, whose exchanges are logged.
const PROVEN: u64 = 20;

/// Token changes and foreign keys that are kept.
const KEPT: usize = 100;

/// Tokens whose holder is remembered. A lower one that comes again has gone back, and is found by that.
const REMEMBERED: usize = 65_536;

/// Different reasons that are told apart.
const REASONS: usize = 32;

/// One key of the log, in the order of numbers.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) number: u64,
    pub(super) key: String,
    /// The version that was read: the newest one with data.
    pub(super) version_id: String,
    /// Its data versions.
    pub(super) versions: u64,
    /// Its delete markers.
    pub(super) markers: u64,
    /// Whether the newest entry is a delete marker.
    pub(super) is_hidden: bool,
    /// The event; else why it could not be read. `None` if no data version is left.
    pub(super) event: Option<Result<Event, String>>,
}

/// What the caller knows of the whole at its end.
#[derive(Debug, Clone)]
pub(super) struct Whole {
    pub(super) started: DateTime<Utc>,
    pub(super) finished: DateTime<Utc>,
    pub(super) scope: String,
    pub(super) rules: EventLogRules,
    /// `Enabled`, `Suspended`, `off`; else why it could not be read.
    pub(super) versioning: Result<String, String>,
    pub(super) appended: u64,
    pub(super) pages: u64,
    pub(super) incomplete_reason: Option<String>,
}

/// The log as far as it was gone through.
#[derive(Debug)]
pub(super) struct Fold {
    allow_start: Option<u64>,
    asks_token: bool,
    asks_holder: bool,
    events: u64,
    first: Option<u64>,
    last: Option<(u64, String)>,
    missing: u64,
    versions: u64,
    markers: u64,
    /// Events whose only version has no id: it may have replaced others before the bucket kept versions.
    without_id: u64,
    /// The highest token and the number of its first event.
    highest: Option<(u64, u64)>,
    token_before: Option<u64>,
    token_changes: u64,
    transitions: Vec<TokenTransition>,
    holders: BTreeMap<u64, (String, u64)>,
    foreign: u64,
    first_foreign: BTreeSet<String>,
    findings: BTreeMap<EventLogRule, u64>,
    kept: Vec<EventLogFinding>,
    open: BTreeMap<EventLogProperty, u64>,
    reasons: BTreeMap<String, u64>,
    digest: Sha256,
}

impl Fold {
    pub(super) fn new(allow_start: Option<u64>, wanted: &Wanted) -> Self {
        Self {
            allow_start,
            asks_token: wanted.token.is_asked(),
            asks_holder: wanted.holder.is_asked(),
            events: 0,
            first: None,
            last: None,
            missing: 0,
            versions: 0,
            markers: 0,
            without_id: 0,
            highest: None,
            token_before: None,
            token_changes: 0,
            transitions: Vec::new(),
            holders: BTreeMap::new(),
            foreign: 0,
            first_foreign: BTreeSet::new(),
            findings: BTreeMap::new(),
            kept: Vec::new(),
            open: BTreeMap::new(),
            reasons: BTreeMap::new(),
            digest: Sha256::new(),
        }
    }

    pub(super) fn events(&self) -> u64 {
        self.events
    }

    pub(super) fn found(&self) -> u64 {
        self.findings.values().sum()
    }

    /// A key in the log's folder that is no event.
    pub(super) fn foreign(&mut self, key: &str) {
        self.foreign += 1;
        if self.first_foreign.len() < KEPT {
            self.first_foreign.insert(key.to_owned());
        }
    }

    /// The next key. Says whether its exchanges belong in the log of the run.
    pub(super) fn take(&mut self, seen: &Seen) -> bool {
        self.events += 1;
        self.versions += seen.versions;
        self.markers += seen.markers;
        self.hash(seen);
        let mut proves = self.sequence(seen);
        proves |= self.layers(seen);
        proves | self.content(seen)
    }

    /// The digest: SHA-256 over one line for each key, in the order of numbers. So anybody can make it again:
    ///
    /// ```text
    /// line     = number " " field(key) field(version id) body LF
    /// field(x) = length of x in bytes, decimal; ":"; x as UTF-8; " "
    /// body     = SHA-256 in lower-case hexadecimal | "unread" | "gone" (delete markers are all that is left)
    /// ```
    fn hash(&mut self, seen: &Seen) {
        let body = match &seen.event {
            Some(Ok(event)) => event.sha256.as_str(),
            Some(Err(_)) => "unread",
            None => "gone",
        };
        let (key, id) = (&seen.key, &seen.version_id);
        self.digest.update(format!("{} {}:{key} {}:{id} {body}\n", seen.number, key.len(), id.len()));
    }

    fn sequence(&mut self, seen: &Seen) -> bool {
        let number = seen.number;
        let before = self.last.replace((number, seen.key.clone()));
        let start = match &before {
            Some((last, key)) if *last == number => {
                let detail = format!("the number {number} is also that of `{key}`");
                return self.find(EventLogRule::DuplicateNumber, seen, detail);
            }
            Some((last, _)) => last.saturating_add(1),
            // Logs begin with 0 or with 1; which of them, nobody knows.
            None => number.min(1),
        };
        self.first.get_or_insert(number);
        let start = start.max(self.allow_start.unwrap_or(0));
        if number <= start {
            return false;
        }
        let missing = number - start;
        self.missing = self.missing.saturating_add(missing);
        let range = if missing == 1 { start.to_string() } else { format!("{start} to {}", number - 1) };
        let detail = match before {
            Some((_, key)) => format!("missing: {range}, between `{key}` and `{}`", seen.key),
            None => format!("missing: {range}; the log begins with `{}`", seen.key),
        };
        let finding = EventLogFinding {
            rule: EventLogRule::Gap,
            severity: EventLogRule::Gap.severity(),
            number: start,
            key: String::new(),
            version_id: String::new(),
            detail,
        };
        self.keep(finding)
    }

    fn layers(&mut self, seen: &Seen) -> bool {
        let mut proves = false;
        if seen.versions > 1 {
            let detail = format!("{} versions; the newest is what readers of the log see", seen.versions);
            proves |= self.find(EventLogRule::SeveralVersions, seen, detail);
        }
        if seen.is_hidden || seen.event.is_none() {
            let detail = if seen.event.is_none() {
                "delete markers are all that is left of this event"
            } else {
                "a delete marker lies on it: readers of the log do not see this event"
            };
            proves |= self.find(EventLogRule::HiddenEvent, seen, detail.to_owned());
        } else if seen.versions == 1 {
            if seen.markers > 0 {
                let detail =
                    format!("{} delete markers lie under it: it was deleted and written again", seen.markers);
                proves |= self.find(EventLogRule::SeveralVersions, seen, detail);
            }
            self.without_id += u64::from(matches!(seen.version_id.as_str(), "" | "null"));
        }
        proves
    }

    fn content(&mut self, seen: &Seen) -> bool {
        let event = match &seen.event {
            Some(Ok(event)) => event,
            other => {
                let why = match other {
                    Some(Err(why)) => why.clone(),
                    _ => "no version of the event is left".to_owned(),
                };
                let holder = self.asks_token && self.asks_holder;
                *self.open.entry(EventLogProperty::Bodies).or_default() += 1;
                *self.open.entry(EventLogProperty::Tokens).or_default() += u64::from(self.asks_token);
                *self.open.entry(EventLogProperty::Holders).or_default() += u64::from(holder);
                return self.reason(&why);
            }
        };
        let mut proves = match &event.own_number {
            Field::Is(own) if *own != seen.number => {
                self.find(EventLogRule::NumberMismatch, seen, format!("the event says the number {own}"))
            }
            Field::Unread(why) => self.unread(EventLogProperty::Bodies, why),
            Field::Is(_) | Field::Absent => false,
        };
        if !self.asks_token {
            return proves;
        }
        let token = match &event.token {
            Field::Is(token) => *token,
            Field::Absent => {
                proves |= self.unread(EventLogProperty::Tokens, "it has no fencing token at the path");
                *self.open.entry(EventLogProperty::Holders).or_default() += u64::from(self.asks_holder);
                return proves;
            }
            Field::Unread(why) => {
                proves |= self.unread(EventLogProperty::Tokens, why);
                *self.open.entry(EventLogProperty::Holders).or_default() += u64::from(self.asks_holder);
                return proves;
            }
        };
        let holder = match &event.holder {
            Field::Is(holder) => Some(holder.as_str()),
            _ => None,
        };
        proves |= self.token(seen, token, holder);
        if self.asks_holder {
            proves |= match &event.holder {
                Field::Is(holder) => self.holder(seen, token, holder),
                Field::Absent => self.unread(EventLogProperty::Holders, "it has no holder at the path"),
                Field::Unread(why) => self.unread(EventLogProperty::Holders, why),
            };
        }
        proves
    }

    fn token(&mut self, seen: &Seen, token: u64, holder: Option<&str>) -> bool {
        if self.token_before.replace(token) != Some(token) {
            self.token_changes += 1;
            if self.transitions.len() < KEPT {
                let holder = holder.map(ToOwned::to_owned);
                self.transitions.push(TokenTransition { number: seen.number, token, holder });
            }
        }
        match self.highest {
            Some((highest, number)) if token < highest => {
                let detail = format!("token {token}, after token {highest} at number {number}");
                self.find(EventLogRule::TokenWentBack, seen, detail)
            }
            Some((highest, _)) if token == highest => false,
            _ => {
                self.highest = Some((token, seen.number));
                false
            }
        }
    }

    fn holder(&mut self, seen: &Seen, token: u64, holder: &str) -> bool {
        if let Some((known, number)) = self.holders.get(&token) {
            if known == holder {
                return false;
            }
            let detail = format!("token {token} of `{holder}`, and of `{known}` at number {number}");
            return self.find(EventLogRule::TwoHolders, seen, detail);
        }
        self.holders.insert(token, (holder.to_owned(), seen.number));
        if self.holders.len() > REMEMBERED {
            self.holders.pop_first();
        }
        false
    }

    fn find(&mut self, rule: EventLogRule, seen: &Seen, detail: String) -> bool {
        self.keep(EventLogFinding {
            rule,
            severity: rule.severity(),
            number: seen.number,
            key: seen.key.clone(),
            version_id: seen.version_id.clone(),
            detail,
        })
    }

    fn keep(&mut self, finding: EventLogFinding) -> bool {
        let count = self.findings.entry(finding.rule).or_default();
        *count += 1;
        let proves = *count <= PROVEN;
        if *count <= FIRST_OF_A_RULE && self.kept.len() < FIRST {
            self.kept.push(finding);
        }
        proves
    }

    fn unread(&mut self, property: EventLogProperty, why: &str) -> bool {
        *self.open.entry(property).or_default() += 1;
        self.reason(why)
    }

    fn reason(&mut self, why: &str) -> bool {
        let known = self.reasons.contains_key(why) || self.reasons.len() < REASONS;
        let count = self.reasons.entry(if known { why } else { "other reasons" }.to_owned()).or_default();
        *count += 1;
        *count <= PROVEN
    }

    /// The result.
    pub(super) fn finish(self, whole: Whole) -> EventLogResult {
        let checks = EventLogProperty::ALL.iter().map(|property| self.check(*property, &whole)).collect();
        EventLogResult {
            started: whole.started,
            finished: whole.finished,
            scope: whole.scope,
            rules: whole.rules,
            allow_start: self.allow_start,
            versioning: whole.versioning.ok(),
            events: self.events,
            first_number: self.first,
            last_number: self.last.map(|(number, _)| number),
            missing: self.missing,
            versions: self.versions,
            markers: self.markers,
            appended: whole.appended,
            foreign: self.foreign,
            first_foreign: self.first_foreign.into_iter().collect(),
            token_changes: self.token_changes,
            transitions: self.transitions,
            checks,
            findings: self.findings.into_iter().map(|(rule, n)| (rule.word().to_owned(), n)).collect(),
            first: self.kept,
            waived: BTreeMap::new(),
            unassessed: self.reasons,
            pages: whole.pages,
            log_sha256: hex::encode(self.digest.finalize()),
            complete: whole.incomplete_reason.is_none(),
            incomplete_reason: whole.incomplete_reason,
        }
    }

    /// How a property stands. Broken outranks not assessed, and that outranks held.
    fn check(&self, property: EventLogProperty, whole: &Whole) -> EventLogCheck {
        let findings =
            self.findings.iter().filter(|(rule, _)| rule.property() == property).map(|(_, n)| n).sum();
        let mut unassessed = self.open.get(&property).copied().unwrap_or(0);
        let mut may_be_open = false;
        let not_asked = match property {
            EventLogProperty::Tokens => !self.asks_token,
            EventLogProperty::Holders => !self.asks_holder || !self.asks_token,
            _ => false,
        };
        let open = if let Some(why) = &whole.incomplete_reason {
            Some(format!("the log was not gone through: {why}"))
        } else if self.events == 0 {
            Some("there is no event".to_owned())
        } else if not_asked {
            (may_be_open, unassessed) = (true, self.events);
            Some("not asked for: its path is `none`".to_owned())
        } else if property == EventLogProperty::Versions {
            match whole.versioning.as_deref() {
                Ok("Enabled") if self.without_id > 0 => {
                    (may_be_open, unassessed) = (true, self.without_id);
                    Some(format!(
                        "{} of {} events were written when the bucket kept no versions: an overwrite in that time left no trace",
                        self.without_id, self.events
                    ))
                }
                Ok("Enabled") => None,
                Ok(state) => {
                    (may_be_open, unassessed) = (true, self.events);
                    Some(format!(
                        "the bucket's versioning is {state}: an overwrite or a deletion leaves no trace"
                    ))
                }
                Err(why) => {
                    unassessed = self.events;
                    Some(format!("the bucket's versioning could not be read: {why}"))
                }
            }
        } else {
            (unassessed > 0).then(|| self.open_words(property, unassessed))
        };
        let (state, reason) = match (findings, open) {
            (1.., open) => {
                let mut reason = format!("{findings} findings in {} events", self.events);
                if let Some(open) = open {
                    let _ = write!(reason, "; {open}");
                }
                (PropertyState::Broken, reason)
            }
            (0, Some(why)) => (PropertyState::NotAssessed, why),
            (0, None) => (PropertyState::Held, self.held_words(property)),
        };
        EventLogCheck { property, state, findings, unassessed, reason, may_be_open }
    }

    fn open_words(&self, property: EventLogProperty, unassessed: u64) -> String {
        if unassessed == self.events && property == EventLogProperty::Tokens && self.token_before.is_none() {
            return "no event has a fencing token that can be read".to_owned();
        }
        format!("{unassessed} of {} events could not be assessed", self.events)
    }

    fn held_words(&self, property: EventLogProperty) -> String {
        let last = self.last.as_ref().map_or(0, |(number, _)| *number);
        match property {
            EventLogProperty::Sequence => {
                format!("{} events, numbers {} to {last}", self.events, self.first.unwrap_or(0))
            }
            EventLogProperty::Tokens => format!("{} events, {} changes", self.events, self.token_changes),
            _ => format!("{} events", self.events),
        }
    }
}

#[cfg(test)]
mod tests;
