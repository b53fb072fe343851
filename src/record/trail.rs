//! The trail of one record by its id: every version and delete marker that is left of it, in the order of time.
//!
//! What was read stands in the entries. What is said of it (counts, findings, whether it is complete) follows from
//! them and from nothing else: [`TrailResult::folded`] says it, and `verify` says it again and compares.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::lock::{LegalHold, Reading, Retention};
use crate::record::Outcome;
use crate::record::sample::Comparison;
use crate::scenario::{Severity, words};

/// What stands for the id in a pattern of keys.
pub const ID: &str = "{id}";

/// What a trail cannot show, in a sentence.
pub const UNSEEN: &str = "What no reader of a bucket can see, and no trail shows: versions that were removed one by one, \
    when a lock was extended, when a legal hold was set or released; only the store's own log knows.";

words! {
    /// What an entry of a trail is.
    TrailEvent {
        /// A version, the newest of its key.
        Stored = "stored",
        /// A version on which a newer version of the same key lies.
        Overwritten = "overwritten",
        /// A delete marker on top of its key.
        Hidden = "hidden",
        /// A delete marker on which something newer lies.
        HiddenBefore = "hidden-before",
    }
}

impl TrailEvent {
    /// In words.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Overwritten => "stored; overwritten by a newer version",
            Self::Hidden => "hidden by a delete marker",
            Self::HiddenBefore => "hidden by a delete marker, until something newer came",
        }
    }
}

words! {
    /// What is wrong with a trail.
    TrailRule {
        /// There is nothing at all under the id's keys.
        NoRecord = "no-record",
        /// One of the id's patterns has no version: a part of the record is missing.
        PartMissing = "part-missing",
        /// A delete marker is on top: without its version id the record is not found.
        Hidden = "hidden",
        /// A key has several versions.
        SeveralVersions = "several-versions",
        /// The versions of a key are listed in another order than their dates say.
        DatesOutOfOrder = "dates-out-of-order",
        /// The bucket does not keep versions: what is overwritten or deleted leaves no trace.
        NoHistory = "no-history",
        /// A version was read whole, and its bytes are not those of the checksum that the store keeps.
        Altered = "altered",
        /// Something could not be read: the trail is not complete.
        Unreadable = "unreadable",
    }
}

impl TrailRule {
    /// How bad it is.
    #[must_use]
    pub fn severity(self) -> Severity {
        match self {
            Self::Altered => Severity::Critical,
            Self::NoRecord | Self::PartMissing | Self::NoHistory => Severity::High,
            Self::Hidden | Self::Unreadable => Severity::Medium,
            Self::DatesOutOfOrder => Severity::Low,
            Self::SeveralVersions => Severity::Info,
        }
    }
}

/// One thing wrong with a trail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TrailFinding {
    /// Which rule.
    pub rule: TrailRule,
    /// How bad.
    pub severity: Severity,
    /// The key, or the prefix of a pattern; empty where it is about the whole.
    pub key: String,
    /// The version id; empty where none is meant.
    pub version_id: String,
    /// In a sentence.
    pub detail: String,
}

/// The keys of one pattern.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TrailPattern {
    /// The pattern as given (`invoices/{id}_country/`).
    pub pattern: String,
    /// What was listed: all keys that begin so.
    pub prefix: String,
    /// Pages listed.
    pub pages: u64,
    /// Why it was not listed to its end.
    pub trouble: Option<String>,
    /// Versions.
    pub versions: u64,
    /// Delete markers.
    pub markers: u64,
}

/// A checksum as the store shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShownChecksum {
    /// The header (`x-amz-checksum-sha256`).
    pub name: String,
    /// Its value.
    pub value: String,
}

/// What reading a version whole gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TrailRead {
    /// SHA-256 of its bytes (lower-case hexadecimal); none if it could not be read.
    pub sha256: Option<String>,
    /// What it was compared with.
    pub compared: Vec<Comparison>,
    /// Why it could not be read.
    pub trouble: Option<String>,
}

/// One version or delete marker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TrailEntry {
    /// When it was written, as the listing says.
    pub time: Option<DateTime<Utc>>,
    /// The key.
    pub key: String,
    /// The version id.
    pub version_id: String,
    /// What it is.
    pub what: TrailEvent,
    /// Its place among all lines of the listings, from 0. Of one key the newest is listed first.
    pub listed: u64,
    /// Whether it is the newest of its key.
    pub is_latest: bool,
    /// Whether it is a delete marker.
    pub is_marker: bool,
    /// Bytes, as listed.
    pub size: u64,
    /// The ETag.
    pub etag: Option<String>,
    /// The retention; none of a marker, which is never locked.
    pub retention: Option<Reading<Option<Retention>>>,
    /// The legal hold; none of a marker.
    pub hold: Option<Reading<LegalHold>>,
    /// The checksum that the store shows, if it shows one.
    pub checksum: Option<ShownChecksum>,
    /// What reading it whole gave, if that was asked for.
    pub whole: Option<TrailRead>,
}

/// The trail of one id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TrailResult {
    /// The id.
    pub id: String,
    /// When it began (server's clock).
    pub started: DateTime<Utc>,
    /// When it ended.
    pub finished: DateTime<Utc>,
    /// The bucket.
    pub bucket: String,
    /// `Enabled`, `Suspended` or `off`.
    pub versioning: Reading<String>,
    /// Whether versions were to be read whole.
    pub whole: bool,
    /// Why it was not gone through to its end, beside what the patterns and entries say.
    pub broken: Option<String>,
    /// The id's keys.
    pub patterns: Vec<TrailPattern>,
    /// Everything that is left, in the order of time.
    pub entries: Vec<TrailEntry>,
    /// Findings by rule.
    pub findings: BTreeMap<String, u64>,
    /// Words of findings that a valid waiver covers, with the accepted risk. They stay findings.
    #[serde(default)]
    pub waived: BTreeMap<String, String>,
    /// Each finding.
    pub found: Vec<TrailFinding>,
    /// SHA-256 over the entries in their order: time, key, version id, kind, size, ETag, lock.
    pub trail_sha256: String,
    /// Whether everything was read.
    pub complete: bool,
    /// Why not.
    pub incomplete_reason: Option<String>,
}

impl TrailResult {
    /// Says what follows from the entries: their order and what each is, counts, findings, whether it is complete.
    #[must_use]
    pub fn folded(mut self) -> Self {
        self.order();
        for pattern in &mut self.patterns {
            let own = self.entries.iter().filter(|e| e.key.starts_with(&pattern.prefix));
            let (markers, versions): (Vec<_>, Vec<_>) = own.partition(|e| e.is_marker);
            (pattern.versions, pattern.markers) = (versions.len() as u64, markers.len() as u64);
        }
        self.found = self.all_findings();
        self.findings = BTreeMap::new();
        for finding in &self.found {
            *self.findings.entry(finding.rule.word().to_owned()).or_default() += 1;
        }
        self.trail_sha256 = self.digest();
        let unread = self.found.iter().filter(|f| f.rule == TrailRule::Unreadable).map(|f| f.detail.clone());
        let mut reasons = self.broken.iter().cloned().chain(unread);
        self.incomplete_reason = reasons.next().map(|first| match reasons.count() {
            0 => first,
            more => format!("{first}; and {more} more"),
        });
        self.complete = self.incomplete_reason.is_none();
        self
    }

    /// What a record says of a trail and what does not follow from its entries. Empty: all of it does.
    #[must_use]
    pub fn again(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        for pattern in &self.patterns {
            let own = pattern.pattern.find(ID).map(|at| pattern.pattern[at..].replace(ID, &self.id));
            if !own.is_some_and(|own| pattern.prefix.ends_with(&own)) {
                wrong.push(format!(
                    "the trail {}: `{}` is not listed by the pattern {}",
                    self.id, pattern.prefix, pattern.pattern
                ));
            }
        }
        let is_own = |e: &&TrailEntry| self.patterns.iter().any(|p| e.key.starts_with(&p.prefix));
        if let Some(foreign) = self.entries.iter().find(|e| !is_own(e)) {
            wrong.push(format!("the trail {}: {} belongs to none of its patterns", self.id, foreign.key));
        }
        let again = self.clone().folded();
        if again == *self {
            return wrong;
        }
        let before = wrong.len();
        let mut say = |differs: bool, what: String| {
            if differs {
                wrong.push(format!("the trail {}: {what}", self.id));
            }
        };
        say(
            again.complete != self.complete,
            format!(
                "the record says {}, its entries give {}",
                completeness(self.complete),
                completeness(again.complete)
            ),
        );
        say(
            again.findings != self.findings,
            format!(
                "the record says {}, its entries give {}",
                counted(&self.findings),
                counted(&again.findings)
            ),
        );
        say(
            again.patterns != self.patterns,
            "the patterns are counted otherwise than its entries".to_owned(),
        );
        say(again.trail_sha256 != self.trail_sha256, "its digest is not the one of its entries".to_owned());
        if wrong.len() == before {
            wrong.push(format!("the trail {}: what the record says is not what its entries give", self.id));
        }
        wrong
    }

    /// Versions in it.
    #[must_use]
    pub fn versions(&self) -> usize {
        self.entries.iter().filter(|e| !e.is_marker).count()
    }

    /// Delete markers in it.
    #[must_use]
    pub fn markers(&self) -> usize {
        self.entries.len() - self.versions()
    }

    /// By time; at one time in the order of the listing's keys, of one key the newest last. What has no date comes last.
    fn order(&mut self) {
        self.entries.sort_by_key(|e| e.listed);
        let mut newest: HashMap<&str, u64> = HashMap::new();
        let mut keys: HashMap<&str, u64> = HashMap::new();
        for entry in &self.entries {
            keys.entry(&entry.key).or_insert(entry.listed);
            // A version that says that it is the newest is believed; else the first that is listed is.
            if !entry.is_marker && (entry.is_latest || !newest.contains_key(entry.key.as_str())) {
                newest.insert(&entry.key, entry.listed);
            }
        }
        let what: Vec<(TrailEvent, u64)> = self
            .entries
            .iter()
            .map(|e| {
                let is_newest = newest.get(e.key.as_str()) == Some(&e.listed);
                let what = match (e.is_marker, e.is_latest, is_newest) {
                    (true, true, _) => TrailEvent::Hidden,
                    (true, false, _) => TrailEvent::HiddenBefore,
                    (false, _, true) => TrailEvent::Stored,
                    (false, _, false) => TrailEvent::Overwritten,
                };
                (what, keys.get(e.key.as_str()).copied().unwrap_or(e.listed))
            })
            .collect();
        let mut entries: Vec<(u64, TrailEntry)> = std::mem::take(&mut self.entries)
            .into_iter()
            .zip(what)
            .map(|(entry, (what, key))| (key, TrailEntry { what, ..entry }))
            .collect();
        entries.sort_by_key(|(key, e)| {
            (e.time.is_none(), e.time, *key, e.is_latest, std::cmp::Reverse(e.listed))
        });
        self.entries = entries.into_iter().map(|(_, entry)| entry).collect();
    }

    fn all_findings(&self) -> Vec<TrailFinding> {
        let mut found = Vec::new();
        let mut say = |rule: TrailRule, key: &str, version_id: &str, detail: String| {
            found.push(TrailFinding {
                rule,
                severity: rule.severity(),
                key: key.to_owned(),
                version_id: version_id.to_owned(),
                detail,
            });
        };
        let listed = self.patterns.iter().all(|p| p.trouble.is_none()) && self.broken.is_none();
        if self.entries.is_empty() && listed {
            say(TrailRule::NoRecord, "", "", format!("nothing is stored under the keys of `{}`", self.id));
        }
        for pattern in &self.patterns {
            let of = |entry: &&TrailEntry| entry.key.starts_with(&pattern.prefix);
            let any = self.entries.iter().filter(of).count();
            match &pattern.trouble {
                Some(trouble) => say(
                    TrailRule::Unreadable,
                    &pattern.prefix,
                    "",
                    format!("`{}` could not be listed to its end: {trouble}", pattern.prefix),
                ),
                None if self.entries.is_empty() || !listed => {}
                None if self.entries.iter().filter(of).any(|e| !e.is_marker) => {}
                None => {
                    let left = if any == 0 { "nothing" } else { "only delete markers" };
                    say(
                        TrailRule::PartMissing,
                        &pattern.prefix,
                        "",
                        format!("{left} under `{}`: a part of the record is missing", pattern.prefix),
                    );
                }
            }
        }
        match &self.versioning {
            Reading::Unread(why) => say(
                TrailRule::Unreadable,
                "",
                "",
                format!("whether the bucket keeps versions could not be read: {why}"),
            ),
            Reading::Known(state) if state != "Enabled" => say(
                TrailRule::NoHistory,
                "",
                "",
                format!("versioning is {state}: what is overwritten or deleted may leave no trace"),
            ),
            Reading::Known(_) => {}
        }
        let mut keys: BTreeMap<&str, Vec<&TrailEntry>> = BTreeMap::new();
        for entry in &self.entries {
            keys.entry(&entry.key).or_default().push(entry);
        }
        for (key, entries) in keys {
            let versions = entries.iter().filter(|e| !e.is_marker).count();
            for marker in entries.iter().filter(|e| e.what == TrailEvent::Hidden) {
                let detail = format!(
                    "{key}: a delete marker is on top of {versions} {}: it is not found without a version id",
                    plural(versions, "version")
                );
                say(TrailRule::Hidden, key, &marker.version_id, detail);
            }
            if versions > 1 {
                say(TrailRule::SeveralVersions, key, "", format!("{key} has {versions} versions"));
            }
            if let Some(version) = out_of_order(&entries) {
                let detail = format!(
                    "{key}: a version that is listed as older than another has a later date; one of them was not \
                     written when its date says"
                );
                say(TrailRule::DatesOutOfOrder, key, &version.version_id, detail);
            }
            for entry in entries {
                for why in unread(entry) {
                    say(TrailRule::Unreadable, key, &entry.version_id, format!("{key}: {why}"));
                }
                let compared = entry.whole.iter().flat_map(|w| &w.compared);
                for differs in compared.filter(|c| !c.equal) {
                    let detail = format!(
                        "{key}: the bytes that were read are not those of {} {}",
                        differs.with, differs.expected
                    );
                    say(TrailRule::Altered, key, &entry.version_id, detail);
                }
            }
        }
        found
    }

    fn digest(&self) -> String {
        let mut hasher = Sha256::new();
        for e in &self.entries {
            let line = serde_json::json!([
                e.time,
                e.key,
                e.version_id,
                e.is_marker,
                e.size,
                e.etag,
                e.retention,
                e.hold
            ]);
            hasher.update(format!("{line}\n"));
        }
        hex::encode(hasher.finalize())
    }
}

/// A version that is listed as older than another of its key and has a later date.
fn out_of_order<'e>(entries: &[&'e TrailEntry]) -> Option<&'e TrailEntry> {
    let mut versions: Vec<&TrailEntry> = entries.iter().copied().filter(|e| !e.is_marker).collect();
    versions.sort_by_key(|e| e.listed);
    versions.windows(2).find_map(|pair| match pair {
        [newer, older] if older.time.zip(newer.time).is_some_and(|(o, n)| o > n) => Some(*older),
        _ => None,
    })
}

/// What could not be read of an entry.
fn unread(entry: &TrailEntry) -> Vec<String> {
    let mut why = Vec::new();
    if entry.time.is_none() {
        why.push("the listing shows no date that can be read".to_owned());
    }
    if let Some(Reading::Unread(trouble)) = &entry.retention {
        why.push(format!("the retention could not be read: {trouble}"));
    }
    if let Some(Reading::Unread(trouble)) = &entry.hold {
        why.push(format!("the legal hold could not be read: {trouble}"));
    }
    if let Some(read) = entry.whole.as_ref().filter(|w| w.sha256.is_none()) {
        let trouble = read.trouble.as_deref().unwrap_or("no reason is known");
        why.push(format!("it could not be read whole: {trouble}"));
    }
    why
}

fn completeness(complete: bool) -> &'static str {
    if complete { "that it is complete" } else { "that it is not complete" }
}

fn counted(findings: &BTreeMap<String, u64>) -> String {
    let words: Vec<String> = findings.iter().map(|(rule, count)| format!("{count} {rule}")).collect();
    if words.is_empty() { "no finding".to_owned() } else { words.join(", ") }
}

/// How a run that is nothing but trails ends: 1 a finding of this severity or above, 3 not everything was read, 4 there is
/// nothing under any id, 0 else. What could not be read is silence: never 1.
#[must_use]
pub fn outcome(trails: &[TrailResult], fail_on: Severity) -> Outcome {
    let say = |exit_code: u8, reason: String| Outcome { exit_code, reason };
    let is_empty = trails.iter().all(|t| t.entries.is_empty());
    let severe: Vec<String> = TrailRule::ALL
        .iter()
        .filter(|rule| **rule != TrailRule::Unreadable && rule.severity() >= fail_on)
        .filter_map(|rule| {
            let open = trails.iter().filter(|t| !t.waived.contains_key(rule.word()));
            let count: u64 = open.filter_map(|t| t.findings.get(rule.word())).sum();
            (count > 0).then(|| format!("{count} {rule}"))
        })
        .collect();
    if !is_empty && !severe.is_empty() {
        return say(1, severe.join(", "));
    }
    let open: Vec<String> = trails
        .iter()
        .filter_map(|t| {
            Some(format!("the trail of {} is not complete: {}", t.id, t.incomplete_reason.as_ref()?))
        })
        .collect();
    if !open.is_empty() {
        return say(3, open.join("; "));
    }
    let ids: Vec<&str> = trails.iter().map(|t| t.id.as_str()).collect();
    if is_empty {
        return say(4, format!("nothing is stored under the keys of {}", ids.join(", ")));
    }
    let versions: usize = trails.iter().map(TrailResult::versions).sum();
    let markers: usize = trails.iter().map(TrailResult::markers).sum();
    let waived: BTreeSet<&str> = trails.iter().flat_map(|t| t.waived.keys().map(String::as_str)).collect();
    let waived = waived.into_iter().map(|word| format!("; accepted: {word}")).collect::<String>();
    say(
        0,
        format!(
            "{} of {} complete: {versions} {}, {markers} delete {}{waived}",
            if ids.len() == 1 { "the trail" } else { "the trails" },
            if ids.len() == 1 { format!("{} is", ids.join(", ")) } else { format!("{} ids are", ids.len()) },
            plural(versions, "version"),
            plural(markers, "marker"),
        ),
    )
}

fn plural(count: usize, noun: &str) -> String {
    if count == 1 { noun.to_owned() } else { format!("{noun}s") }
}

#[cfg(test)]
pub(in crate::record) mod tests;
