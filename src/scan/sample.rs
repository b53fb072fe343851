//! Reading records whole: which ones are chosen, and what their digests are compared with.
//!
//! The choice falls on the versions whose digest with a seed is smallest: uniform where the seed is random or comes
//! from the auditor, whatever the order of the listing, and anybody can make it again. Bytes are read in pieces and
//! not kept; what stands in a record never gets into the log.

use std::collections::{BTreeMap, BinaryHeap, HashMap, HashSet};

use chrono::{DateTime, Utc};
use futures_util::{StreamExt as _, stream};
use sha2::{Digest as _, Sha256};

use crate::exchange::{Exchange, Outcome};
use crate::record::finding::FindingRule;
use crate::record::sample::{Comparison, SampleResult, SampledVersion};
use crate::store::client::Reply;
use crate::store::listing::Entry;
use crate::store::ops::{get_object, head_object};
use crate::store::request::S3Request;

use super::digests::{Digests, Stored};
use super::known::Known;
use super::{ABOUT, ScanInput};

/// Bytes of one request.
const PIECE: u64 = 8 * 1024 * 1024;

/// Versions that are read at the same time.
const AT_ONCE: usize = 8;

/// Versions whose exchanges are logged, beside those with a finding.
const LOGGED: usize = 20;

/// What is to be read whole.
#[derive(Debug, Clone, Copy)]
pub struct Sample<'a> {
    /// How many versions.
    pub size: usize,
    /// The seed of the choice.
    pub seed: &'a str,
    /// What digests are compared with.
    pub known: &'a Known,
}

/// A version that is to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chosen {
    key: String,
    version_id: String,
    size: u64,
    is_latest: bool,
    until: Option<DateTime<Utc>>,
}

impl Chosen {
    /// A version by itself.
    pub(super) fn of(entry: &Entry) -> Self {
        Self {
            key: entry.key.clone(),
            version_id: entry.version_id.clone(),
            size: entry.size,
            is_latest: entry.is_latest,
            until: None,
        }
    }
}

/// The choice while the listing goes by.
#[derive(Debug, Default)]
pub(super) struct Choice {
    population: u64,
    heap: BinaryHeap<(Place, usize)>,
    chosen: HashMap<usize, Chosen>,
    next: usize,
    /// Versions that an earlier record read.
    again: Vec<Chosen>,
}

/// Where a version stands in the order of the choice.
type Place = [u8; 32];

fn place(seed: &str, key: &str, version_id: &str) -> Place {
    let mut hasher = Sha256::new();
    hasher.update(seed);
    hasher.update(b"\n");
    hasher.update(key);
    hasher.update(b"\n");
    hasher.update(version_id);
    hasher.finalize().into()
}

impl Choice {
    /// A version goes by.
    pub(super) fn offer(&mut self, sample: &Sample<'_>, entry: &Entry, until: Option<DateTime<Utc>>) {
        self.population += 1;
        let chosen = || Chosen { until, ..Chosen::of(entry) };
        if !sample.known.earlier.is_empty()
            && sample.known.earlier.contains_key(&(entry.key.clone(), entry.version_id.clone()))
        {
            self.again.push(chosen());
        }
        let place = place(sample.seed, &entry.key, &entry.version_id);
        let full = self.heap.len() >= sample.size;
        if sample.size == 0 || full && self.heap.peek().is_some_and(|(last, _)| *last <= place) {
            return;
        }
        if full && let Some((_, out)) = self.heap.pop() {
            self.chosen.remove(&out);
        }
        self.heap.push((place, self.next));
        self.chosen.insert(self.next, chosen());
        self.next += 1;
    }

    /// What was chosen, in the order of the listing, then what is read again.
    fn into_versions(self) -> (Vec<Chosen>, Vec<Chosen>) {
        let mut chosen: Vec<(usize, Chosen)> = self.chosen.into_iter().collect();
        chosen.sort_unstable_by_key(|(order, _)| *order);
        let chosen: Vec<Chosen> = chosen.into_iter().map(|(_, version)| version).collect();
        let names: HashSet<(&str, &str)> =
            chosen.iter().map(|c| (c.key.as_str(), c.version_id.as_str())).collect();
        let again =
            self.again.iter().filter(|c| !names.contains(&(c.key.as_str(), c.version_id.as_str()))).cloned();
        let again = again.collect();
        (chosen, again)
    }

    /// What an earlier record read under a lock that has not ended, and what the listing does not show any more.
    pub(super) fn lost(
        &self,
        known: &Known,
        is_in_scope: impl Fn(&str) -> bool,
        now: DateTime<Utc>,
    ) -> Vec<(String, String, DateTime<Utc>)> {
        let seen: HashSet<(&str, &str)> =
            self.again.iter().map(|c| (c.key.as_str(), c.version_id.as_str())).collect();
        let mut lost: Vec<_> = known
            .earlier
            .iter()
            .filter(|((key, id), _)| is_in_scope(key) && !seen.contains(&(key.as_str(), id.as_str())))
            .filter_map(|((key, id), earlier)| {
                let until = earlier.until.filter(|until| *until > now)?;
                Some((key.clone(), id.clone(), until))
            })
            .collect();
        lost.sort();
        lost
    }
}

/// A finding about a version: rule, key, version id, detail.
pub(super) type Finding = (FindingRule, String, String, String);

/// Reads what was chosen.
pub(super) async fn read(
    input: &ScanInput<'_>,
    sample: &Sample<'_>,
    choice: Choice,
) -> (SampleResult, Vec<Finding>) {
    let population = choice.population;
    let (chosen, again) = choice.into_versions();
    let mut result = SampleResult {
        asked: sample.size as u64,
        seed: sample.seed.to_owned(),
        population,
        chosen: chosen.len() as u64,
        again: again.len() as u64,
        read: 0,
        bytes: 0,
        compared: BTreeMap::new(),
        altered: 0,
        unreadable: 0,
        manifest_sha256: sample.known.manifest_sha256.clone(),
        baseline_sha256: sample.known.baseline_sha256.clone(),
        baseline_run: sample.known.baseline_run.clone(),
        complete: true,
        versions: Vec::new(),
    };
    let mut findings = Vec::new();
    let all: Vec<Chosen> = chosen.into_iter().chain(again).collect();
    let asked = all.len();
    let at_once = input.concurrency.clamp(1, AT_ONCE);
    let mut reading = stream::iter(all)
        .take_while(|_| std::future::ready(!(input.interrupted)()))
        .map(|version| async { one(input, sample.known, version).await })
        .buffered(at_once);
    while let Some((version, mut exchanges)) = reading.next().await {
        let found = judge(&version);
        let logged = result.versions.len() < LOGGED || found.is_some();
        if let Some(log) = input.log.filter(|_| logged) {
            exchanges.iter_mut().for_each(forget_content);
            for exchange in exchanges {
                log.exchange(ABOUT, exchange);
            }
        }
        if version.sha256.is_some() {
            result.read += 1;
            result.bytes += version.size;
        } else {
            result.unreadable += 1;
        }
        let mut count = |with: &str| *result.compared.entry(with.to_owned()).or_default() += 1;
        for comparison in &version.compared {
            let of_store = comparison.with.starts_with("x-amz-checksum");
            count(if of_store { "stored checksum" } else { comparison.with.as_str() });
        }
        if version.sha256.is_some() && version.compared.is_empty() {
            count("nothing");
        }
        if let Some((rule, detail)) = found {
            result.altered += u64::from(rule == FindingRule::Altered);
            findings.push((rule, version.key.clone(), version.version_id.clone(), detail));
        }
        result.versions.push(version);
    }
    result.complete = result.versions.len() == asked;
    (result, findings)
}

/// What is wrong with a version that was to be read.
fn judge(version: &SampledVersion) -> Option<(FindingRule, String)> {
    let Some(sha256) = &version.sha256 else {
        let why = version.trouble.as_deref().unwrap_or("no reason is known");
        return Some((FindingRule::SampleUnreadable, format!("could not be read whole: {why}")));
    };
    let differs: Vec<String> = version
        .compared
        .iter()
        .filter(|c| !c.equal)
        .map(|c| format!("{} says {}", c.with, c.expected))
        .collect();
    (!differs.is_empty()).then(|| {
        let text = format!("its {} bytes have SHA-256 {sha256}; {}", version.size, differs.join("; "));
        (FindingRule::Altered, text)
    })
}

/// A record's content is nobody's business but its owner's: digest and length stay.
pub(super) fn forget_content(exchange: &mut Exchange) {
    if let Outcome::Answered(answer) = &mut exchange.outcome
        && (200..300).contains(&answer.status)
        && answer.body.text.take().is_some()
    {
        exchange.sent.redacted.push("answer body: the record's content".to_owned());
    }
}

/// Reads one version and compares it.
pub(super) async fn one(
    input: &ScanInput<'_>,
    known: &Known,
    chosen: Chosen,
) -> (SampledVersion, Vec<Exchange>) {
    let mut exchanges = Vec::new();
    let read = Box::pin(whole(input, &chosen, &mut exchanges)).await;
    let mut version = SampledVersion {
        size: chosen.size,
        until: chosen.until,
        sha256: None,
        compared: Vec::new(),
        trouble: None,
        key: chosen.key,
        version_id: chosen.version_id,
    };
    match read {
        Err(why) => version.trouble = Some(why),
        Ok((size, digests)) => {
            let (sha256, stored) = digests.finish();
            version.size = size;
            version.compared.extend(stored.map(|(stored, equal)| Comparison {
                with: stored.name.to_owned(),
                expected: stored.value,
                equal,
            }));
            let name = (version.key.clone(), version.version_id.clone());
            let mut compare = |with: &str, expected: &String| {
                let equal = *expected == sha256;
                version.compared.push(Comparison {
                    with: with.to_owned(),
                    expected: expected.clone(),
                    equal,
                });
            };
            if let Some(expected) = known.in_manifest(&name.0, &name.1, chosen.is_latest) {
                compare("manifest", expected);
            }
            if let Some(earlier) = known.earlier.get(&name) {
                compare("baseline", &earlier.sha256);
            }
            version.sha256 = Some(sha256);
        }
    }
    (version, exchanges)
}

/// The bytes, piece by piece: their number and digests. Of the exchanges the first and the last attempt is kept.
async fn whole(
    input: &ScanInput<'_>,
    chosen: &Chosen,
    exchanges: &mut Vec<Exchange>,
) -> Result<(u64, Digests), String> {
    let id = (!chosen.version_id.is_empty()).then_some(chosen.version_id.as_str());
    let mode = |request: S3Request| request.header("x-amz-checksum-mode", "ENABLED");
    if chosen.size <= PIECE {
        let reply = ask(input, &mode(get_object(input.bucket, &chosen.key, id)), exchanges).await;
        let answer = answered(&reply, 200)?;
        let mut digests = Digests::new(Stored::of(|name| answer.header(name)));
        digests.update(&reply.body);
        return Ok((reply.body.len() as u64, digests));
    }
    let head = ask(input, &mode(head_object(input.bucket, &chosen.key, id)), exchanges).await;
    let answer = answered(&head, 200)?;
    let total: u64 = answer
        .header("content-length")
        .and_then(|text| text.parse().ok())
        .ok_or("its HEAD shows no length")?;
    let mut digests = Digests::new(Stored::of(|name| answer.header(name)));
    let mut at = 0;
    while at < total {
        if (input.interrupted)() {
            return Err("interrupted".to_owned());
        }
        let last = total.min(at + PIECE) - 1;
        let request =
            get_object(input.bucket, &chosen.key, id).header("range", &format!("bytes={at}-{last}"));
        exchanges.truncate(2);
        let reply = ask(input, &request, exchanges).await;
        let answer = answered(&reply, 206)?;
        let range = format!("bytes {at}-{last}/{total}");
        let shown = answer.header("content-range").unwrap_or_default();
        if shown != range || reply.body.len() as u64 != last - at + 1 {
            return Err(format!(
                "asked for `{range}`, the server sent {} bytes as `{shown}`",
                reply.body.len()
            ));
        }
        digests.update(&reply.body);
        at = last + 1;
    }
    Ok((total, digests))
}

async fn ask(input: &ScanInput<'_>, request: &S3Request, exchanges: &mut Vec<Exchange>) -> Reply {
    let attempts = input.client.exchange_retrying(input.credentials(), request, input.backoff).await;
    exchanges.push(attempts.last.exchange.clone());
    attempts.last
}

/// The answer, if it has this status. A 200 is the record itself, even if it looks like an error.
fn answered(reply: &Reply, status: u16) -> Result<&crate::exchange::Answer, String> {
    reply.answer().filter(|a| a.status == status).ok_or_else(|| match reply.answer() {
        Some(answer) if (200..300).contains(&answer.status) => {
            format!("the server answers {}, not {status}", answer.status)
        }
        _ => reply.trouble().unwrap_or_else(|| "no answer".to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::known::Earlier;

    fn entry(n: u32) -> Entry {
        Entry {
            key: format!("k{n:04}"),
            version_id: format!("v{n}"),
            is_latest: true,
            is_marker: false,
            size: 1,
            last_modified: None,
            etag: None,
            lock: None,
            owner: None,
            replication: None,
        }
    }

    fn choose(size: usize, seed: &str, order: impl Iterator<Item = u32>) -> Vec<String> {
        let known = Known::default();
        let sample = Sample { size, seed, known: &known };
        let mut choice = Choice::default();
        for n in order {
            choice.offer(&sample, &entry(n), None);
        }
        let mut keys: Vec<String> = choice.into_versions().0.into_iter().map(|c| c.key).collect();
        keys.sort();
        keys
    }

    #[test]
    fn the_choice_is_that_of_its_description_whatever_the_order() {
        let chosen = choose(20, "seed", 0..1000);
        assert_eq!(chosen, choose(20, "seed", (0..1000).rev()));
        let mut all: Vec<(Vec<u8>, String)> = (0..1000)
            .map(|n| (Sha256::digest(format!("seed\nk{n:04}\nv{n}")).to_vec(), format!("k{n:04}")))
            .collect();
        all.sort();
        let mut smallest: Vec<String> = all.into_iter().take(20).map(|(_, key)| key).collect();
        smallest.sort();
        assert_eq!(chosen, smallest);
        assert_ne!(chosen, choose(20, "other", 0..1000));
        assert_eq!(choose(20, "seed", 0..7).len(), 7);
    }

    #[test]
    fn every_version_has_the_same_chance() {
        let mut hits = [0_u32; 10];
        for seed in 0..2000 {
            for key in choose(2, &seed.to_string(), 0..10) {
                hits[key[1..].parse::<usize>().expect("a number")] += 1;
            }
        }
        // 400 each; five standard deviations are 90.
        assert!(hits.iter().all(|n| (310..=490).contains(n)), "{hits:?}");
    }

    #[test]
    fn what_an_earlier_record_read_is_read_again_or_lost() {
        let mut known = Known::default();
        let now = DateTime::<Utc>::UNIX_EPOCH;
        let day = chrono::TimeDelta::days(1);
        for (n, until) in [(1, Some(now + day)), (2, Some(now + day)), (3, Some(now - day)), (4, None)] {
            let name = (format!("k{n:04}"), format!("v{n}"));
            known.earlier.insert(name, Earlier { sha256: String::new(), until });
        }
        let sample = Sample { size: 1, seed: "s", known: &known };
        let mut choice = Choice::default();
        choice.offer(&sample, &entry(1), None);
        choice.offer(&sample, &entry(9), None);
        let lost = choice.lost(&known, |_| true, now);
        assert_eq!(lost, [("k0002".to_owned(), "v2".to_owned(), now + day)]);
        assert_eq!(choice.lost(&known, |key| key == "x", now), []);
        let (chosen, again) = choice.into_versions();
        assert_eq!(chosen.iter().chain(&again).filter(|c| c.key == "k0001").count(), 1);
    }
}
