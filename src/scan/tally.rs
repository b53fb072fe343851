//! Counting: totals, findings, the digest of the population. Nothing is kept for a version.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};

use crate::lock::{LegalHold, Reading};
use crate::record::finding::{Finding, FindingRule, ScanResult};
use crate::record::sample::SampleResult;
use crate::time::human;

use super::lookup::Judged;
use super::rules::Lock;
use super::sample::{self, Choice};
use super::terms::text_of;
use super::{ABOUT, Progress, ScanInput};

/// Findings that are kept with key and version id.
const FIRST: usize = 1000;

/// Of one rule at most.
const FIRST_OF_A_RULE: u64 = 200;

/// The digest of a population: SHA-256 over one record for each version and delete marker, in the listing's
/// order, canaries that are left out not among them. So anybody can make it again:
///
/// ```text
/// record    = field(key) field(version id) kind retention hold LF
/// field(x)  = length of x in bytes, decimal; ":"; x as UTF-8; " "
/// kind      = "version " | "marker "
/// retention = "COMPLIANCE " | "GOVERNANCE ", then the retain-until date as whole seconds since 1970 and " ";
///             "none ": GetObjectRetention said that there is none; "unread ": it could not be read;
///             "- " for a marker
/// hold      = "ON" | "-" (off, or not known beside a retention)
/// ```
///
/// For example `3:a/b 4:null version COMPLIANCE 1893456000 -`. Seconds, because some servers cut the date that
/// HEAD shows; `-` for both, because a hold that HEAD does not show beside a retention is not looked up.
#[derive(Debug, Default)]
struct Population {
    hasher: Sha256,
    line: Vec<u8>,
}

impl Population {
    fn add(&mut self, key: &str, version_id: &str, lock: Option<&Lock>) {
        use std::io::Write as _;
        let line = &mut self.line;
        line.clear();
        // Writing into a vector does not fail.
        let _ = write!(line, "{}:{key} {}:{version_id} ", key.len(), version_id.len());
        let _ = match lock.map(|lock| &lock.retention) {
            None => line.write_all(b"marker - "),
            Some(Reading::Unread(_)) => line.write_all(b"version unread "),
            Some(Reading::Known(None)) => line.write_all(b"version none "),
            Some(Reading::Known(Some(r))) => {
                write!(line, "version {} {} ", r.mode.as_str(), r.until.timestamp())
            }
        };
        let held = lock.is_some_and(|lock| lock.hold == Reading::Known(LegalHold::On));
        line.extend_from_slice(if held { b"ON\n" } else { b"-\n" });
        self.hasher.update(&self.line);
    }
}

/// The result while it grows.
pub(super) struct Tally<'i, 'a> {
    input: &'i ScanInput<'a>,
    scope: String,
    started: DateTime<Utc>,
    versions: u64,
    markers: u64,
    keys: u64,
    pages: u64,
    lookups: u64,
    totals: BTreeMap<&'static str, u64>,
    by_override: BTreeMap<String, u64>,
    held: u64,
    protected: u64,
    findings: BTreeMap<FindingRule, u64>,
    found: u64,
    first: Vec<Finding>,
    earliest: Option<DateTime<Utc>>,
    latest: Option<DateTime<Utc>>,
    left_out: BTreeMap<String, u64>,
    population: Population,
    choice: Choice,
    sampled: Option<SampleResult>,
    reasons: Vec<String>,
    /// The last delete marker that was found to hide a locked version.
    hidden: Option<(String, String)>,
}

impl<'i, 'a> Tally<'i, 'a> {
    pub(super) fn new(input: &'i ScanInput<'a>, scope: String) -> Self {
        Self {
            input,
            scope,
            started: input.client.clock().now(),
            versions: 0,
            markers: 0,
            keys: 0,
            pages: 0,
            lookups: 0,
            totals: BTreeMap::new(),
            by_override: BTreeMap::new(),
            held: 0,
            protected: 0,
            findings: BTreeMap::new(),
            found: 0,
            first: Vec::new(),
            earliest: None,
            latest: None,
            left_out: BTreeMap::new(),
            population: Population::default(),
            choice: Choice::default(),
            sampled: None,
            reasons: Vec::new(),
            hidden: None,
        }
    }

    /// Counts one line of the listing.
    pub(super) fn take(&mut self, judged: Judged) {
        self.lookups += u64::from(judged.looked_up);
        if let Some(run) = judged.canary_of {
            *self.left_out.entry(run).or_default() += 1;
            return;
        }
        let entry = &judged.item.entry;
        self.keys += u64::from(judged.item.new_key);
        self.population.add(&entry.key, &entry.version_id, judged.lock.as_ref());
        if let Some(log) = self.input.log {
            for exchange in judged.exchanges {
                log.exchange(ABOUT, exchange);
            }
        }
        let Some(lock) = &judged.lock else {
            self.markers += 1;
            return;
        };
        self.versions += 1;
        *self.totals.entry(judged.class).or_default() += 1;
        if !self.input.requirement.overrides.is_empty() {
            *self.by_override.entry(judged.by.unwrap_or_else(|| "-".to_owned())).or_default() += 1;
        }
        if let Reading::Known(Some(retention)) = &lock.retention {
            let until = retention.until;
            self.earliest = Some(self.earliest.map_or(until, |e| e.min(until)));
            self.latest = Some(self.latest.map_or(until, |l| l.max(until)));
        }
        if let Some(sample) = &self.input.sample {
            let until = lock.retention.known().copied().flatten().map(|r| r.until);
            self.choice.offer(sample, entry, until);
        }
        self.held += u64::from(lock.hold == Reading::Known(LegalHold::On));
        self.protected += u64::from(!judged.found.iter().any(|(rule, _)| rule.denies_protection()));
        for (rule, detail) in judged.found {
            self.find(rule, &entry.key, &entry.version_id, detail);
        }
        let locked = matches!(judged.class, "COMPLIANCE" | "GOVERNANCE" | "legal hold only");
        if let Some(marker) = judged.item.hidden_by.filter(|_| locked) {
            // Once for a marker: the versions of its key stand together.
            if !self.hidden.as_ref().is_some_and(|(key, id)| *key == entry.key && *id == marker) {
                let detail = format!("this delete marker hides locked versions, {} first", entry.version_id);
                self.find(FindingRule::Hidden, &entry.key, &marker, detail);
                self.hidden = Some((entry.key.clone(), marker));
            }
        }
    }

    /// Adds a finding.
    pub(super) fn find(&mut self, rule: FindingRule, key: &str, version_id: &str, detail: impl Into<String>) {
        self.found += 1;
        let count = self.findings.entry(rule).or_default();
        *count += 1;
        if *count <= FIRST_OF_A_RULE && self.first.len() < FIRST {
            self.first.push(finding(rule, key, version_id, detail.into()));
        }
    }

    /// Says why the result is not everything.
    pub(super) fn incomplete(&mut self, why: String) {
        self.reasons.push(why);
    }

    pub(super) fn pages(&mut self, pages: u64) {
        self.pages = pages;
    }

    pub(super) fn versions(&self) -> u64 {
        self.versions
    }

    pub(super) fn markers(&self) -> u64 {
        self.markers
    }

    pub(super) fn is_complete(&self) -> bool {
        self.reasons.is_empty()
    }

    pub(super) fn progress(&self) -> Progress {
        Progress { versions: self.versions, markers: self.markers, findings: self.found }
    }

    /// Reads what was chosen, and says what an earlier record read and is gone.
    pub(super) async fn read_sample(&mut self, is_in_scope: impl Fn(&str) -> bool) {
        let input = self.input;
        let Some(sample) = &input.sample else { return };
        let choice = std::mem::take(&mut self.choice);
        if self.is_complete() {
            for (key, version_id, until) in choice.lost(sample.known, is_in_scope, input.client.server_now())
            {
                let run = sample.known.baseline_run.as_deref().unwrap_or_default();
                let detail = format!(
                    "run {run} read this version, locked until {}; the listing does not show it any more",
                    human(until)
                );
                self.find(FindingRule::Missing, &key, &version_id, detail);
            }
        }
        let (result, found) = sample::read(input, sample, choice).await;
        for (rule, key, version_id, detail) in found {
            self.find(rule, &key, &version_id, detail);
        }
        if !result.complete && self.is_complete() {
            self.incomplete("interrupted while records were read whole".to_owned());
        }
        self.sampled = Some(result);
    }

    pub(super) fn finish(self) -> ScanResult {
        let client = self.input.client;
        let started = client.skew().and_then(|skew| self.started.checked_add_signed(skew));
        let result = ScanResult {
            started: started.unwrap_or(self.started),
            finished: client.server_now(),
            scope: self.scope,
            requirement: text_of(self.input.requirement),
            versions: self.versions,
            markers: self.markers,
            keys: self.keys,
            pages: self.pages,
            lookups: self.lookups,
            totals: self.totals.into_iter().map(|(class, n)| (class.to_owned(), n)).collect(),
            by_override: self.by_override,
            held: Some(self.held),
            protected: Some(self.protected),
            findings: self.findings.into_iter().map(|(rule, n)| (rule.word().to_owned(), n)).collect(),
            first: self.first,
            waived_rules: Vec::new(),
            earliest_until: self.earliest,
            latest_until: self.latest,
            sample: self.sampled,
            left_out: self.left_out,
            population_sha256: hex::encode(self.population.hasher.finalize()),
            complete: self.reasons.is_empty(),
            incomplete_reason: (!self.reasons.is_empty()).then(|| self.reasons.join("; ")),
        };
        if let Some(log) = self.input.log {
            let text = format!(
                "scan of {}: {} versions and {} delete markers on {} pages, {} of them looked up one by one; population {}; {}",
                result.scope,
                result.versions,
                result.markers,
                result.pages,
                result.lookups,
                result.population_sha256,
                result.incomplete_reason.as_deref().unwrap_or("complete"),
            );
            log.note(client.clock().now(), ABOUT, text);
        }
        result
    }
}

/// A finding without a waiver.
pub(super) fn finding(rule: FindingRule, key: &str, version_id: &str, detail: String) -> Finding {
    Finding {
        rule,
        severity: rule.severity(),
        key: key.to_owned(),
        version_id: version_id.to_owned(),
        detail,
        waived: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lock::{Mode, Retention};

    #[test]
    fn the_digest_is_what_its_description_says() {
        let until = DateTime::from_timestamp_millis(1_893_456_000_750).expect("a date");
        let lock =
            |retention, hold| Lock { retention: Reading::Known(retention), hold: Reading::Known(hold) };
        let locked = lock(Some(Retention { mode: Mode::Compliance, until }), LegalHold::Off);
        let mut population = Population::default();
        population.add("a/b", "null", Some(&locked));
        population.add("é", "v", None);
        population.add("é", "w", Some(&lock(None, LegalHold::On)));
        let unread = Lock { retention: Reading::Unread("x".into()), hold: Reading::Unread("x".into()) };
        population.add("z", "x", Some(&unread));
        let text = "3:a/b 4:null version COMPLIANCE 1893456000 -\n2:é 1:v marker - -\n\
                    2:é 1:w version none ON\n1:z 1:x version unread -\n";
        assert_eq!(hex::encode(population.hasher.finalize()), hex::encode(Sha256::digest(text)));
    }
}
