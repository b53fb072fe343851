//! Reads that were not answered by the store as it is, but by something in between that kept an older answer.
//!
//! An answer is *kept* if it says so by an `Age` header or one for cache hits, or if it carries the request id of an earlier answer to
//! the same request while other requests got other ids. What was read by it is not known: a cache shows a
//! record that may be gone.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::exchange::Exchange;
use crate::lock::Reading;
use crate::record::evidence::{EventNumber, Observation, RunEvidence};
use crate::record::log::Exchanges;

/// The header that numbers S3's answers.
const REQUEST_ID: &str = "x-amz-request-id";

/// What caches in between say of themselves: CloudFront, Varnish, nginx, Cloudflare and others.
const CACHES: &[&str] = &["x-cache", "x-cache-status", "cf-cache-status", "x-proxy-cache"];

fn says_hit(value: &str) -> bool {
    value.to_ascii_lowercase().split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == "hit")
}

/// The evidence, with all that was read by kept answers as *not read*.
pub(super) fn fresh<'e>(evidence: &'e RunEvidence, exchanges: Exchanges<'_>) -> Cow<'e, RunEvidence> {
    let kept = kept(evidence, exchanges);
    if kept.is_empty() {
        return Cow::Borrowed(evidence);
    }
    let mut evidence = evidence.clone();
    let observations =
        evidence.baseline.iter_mut().chain(evidence.groups.iter_mut().map(|g| &mut g.observed));
    for observation in observations {
        forget(observation, &kept);
    }
    Cow::Owned(evidence)
}

fn forget(observation: &mut Observation, kept: &BTreeMap<EventNumber, String>) {
    let why = |numbers: &[EventNumber]| numbers.iter().find_map(|n| kept.get(n)).cloned();
    for version in &mut observation.versions {
        if let Some(why) = why(&version.exchanges) {
            version.state.presence = Reading::Unread(why.clone());
            version.state.retention = Reading::Unread(why.clone());
            version.state.hold = Reading::Unread(why.clone());
            version.state.listed = Reading::Unread(why);
        }
    }
    for key in &mut observation.keys {
        if let Some(why) = why(&key.exchanges) {
            key.listing = Reading::Unread(why);
        }
    }
}

/// The exchanges of the read-backs that were answered from a cache, and how it shows.
fn kept(evidence: &RunEvidence, exchanges: Exchanges<'_>) -> BTreeMap<EventNumber, String> {
    let observations = evidence.baseline.iter().chain(evidence.groups.iter().map(|g| &g.observed));
    let reads = observations.flat_map(|o| {
        let versions = o.versions.iter().flat_map(|v| &v.exchanges);
        versions.chain(o.keys.iter().flat_map(|k| &k.exchanges))
    });
    let mut all: Vec<EventNumber> = reads.copied().collect();
    all.sort_unstable();
    all.dedup();
    let mut first: BTreeMap<&str, (EventNumber, &Exchange)> = BTreeMap::new();
    let mut kept = BTreeMap::new();
    for number in all {
        let Some((exchange, answer)) = exchanges.get(number).and_then(|e| Some((e, e.answer()?))) else {
            continue;
        };
        if answer.header("age").is_some() {
            kept.insert(number, format!("the answer [{number}] came from a cache (Age)"));
        }
        if let Some(name) = CACHES.iter().find(|name| answer.header(name).is_some_and(says_hit)) {
            kept.insert(number, format!("the answer [{number}] came from a cache ({name})"));
        }
        let Some(id) = answer.header(REQUEST_ID).filter(|id| !id.is_empty()) else { continue };
        match first.get(id) {
            None => {
                first.insert(id, (number, exchange));
            }
            // An id that other requests got, too, numbers nothing.
            Some((earlier, one)) if same(one, exchange) => {
                kept.insert(number, format!("the answer [{number}] is that of [{earlier}] again: a cache"));
            }
            Some(_) => {}
        }
    }
    if first.len() == 1 {
        kept.retain(|_, why| why.contains("came from a cache"));
    }
    kept
}

fn same(one: &Exchange, other: &Exchange) -> bool {
    one.sent.method == other.sent.method && one.sent.target == other.sent.target
}
