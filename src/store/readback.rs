//! Reading back: what is left of one version, by its bytes, its lock and the listing.
//!
//! Nothing here is inferred from silence. *Gone* needs 404 with NoSuchKey or NoSuchVersion; *no lock*
//! needs the store's own word for it; a 403, a 5xx or no answer is *unread*. Sources of the error forms:
//! the S3 API reference for AWS, recorded answers for the others (MinIO says 400 where AWS says 404).

use chrono::TimeDelta;

use crate::exchange::{Answer, Exchange};
use crate::lock::{LegalHold, Mode, Presence, Reading, Retention, VersionState};
use crate::store::client::{Attempts, Backoff, Client, Reply};
use crate::store::credentials::Credentials;
use crate::store::listing::{self, VersionsWalk};
use crate::store::ops::{VersionsQuery, get_object, get_object_legal_hold, get_object_retention};
use crate::time::parse_wire;

/// Pages that are read to find one key; its versions come first under its own prefix.
const MOST_PAGES: u32 = 50;

/// A state and how it was found out.
#[derive(Debug, Clone)]
pub struct ReadBack {
    /// The state.
    pub state: VersionState,
    /// The requests, in order, failed attempts included.
    pub exchanges: Vec<Exchange>,
}

/// The lock of one version, asked for by its own two requests.
#[derive(Debug, Clone)]
pub struct LockReading {
    /// The retention.
    pub retention: Reading<Option<Retention>>,
    /// The legal hold.
    pub hold: Reading<LegalHold>,
    /// The requests.
    pub exchanges: Vec<Exchange>,
}

/// A short version id of a request: an empty one means a bucket without versioning.
fn version(id: &str) -> Option<&str> {
    (!id.is_empty()).then_some(id)
}

/// Reads one version back: its bytes (a whole GET), its retention, its hold. Whether it is listed is left
/// to the caller ([`list_versions`] for many, [`read_listed_version`] for one). A version that is gone is
/// not asked for its lock. Reads are repeated by the client's usual backoff.
pub async fn read_version(
    client: &Client,
    who: Option<&Credentials>,
    bucket: &str,
    key: &str,
    version_id: &str,
) -> ReadBack {
    let get = get_object(bucket, key, version(version_id));
    let got = client.exchange_retrying(who, &get, Backoff::default()).await;
    let presence = presence(&got.last, version_id);
    let shown = got.last.answer().filter(|a| a.status == 200).map(shown_lock);
    let mut exchanges = got.into_exchanges();
    let mut state = VersionState {
        key: key.to_owned(),
        version_id: version_id.to_owned(),
        presence,
        retention: Reading::Unread("not there".to_owned()),
        hold: Reading::Unread("not there".to_owned()),
        listed: Reading::Unread("not listed yet".to_owned()),
    };
    match state.presence {
        Reading::Known(Presence::Gone) => {}
        Reading::Known(Presence::Marker) => as_marker(&mut state),
        _ => {
            let lock = read_lock(client, who, bucket, key, version_id).await;
            exchanges.extend(lock.exchanges);
            (state.retention, state.hold) = (lock.retention, lock.hold);
            if let Some(shown) = &shown {
                check(shown, &mut state.retention, &mut state.hold);
            }
        }
    }
    ReadBack { state, exchanges }
}

/// A delete marker cannot be locked; servers differ in how they say so.
fn as_marker(state: &mut VersionState) {
    state.presence = Reading::Known(Presence::Marker);
    state.retention = Reading::Known(None);
    state.hold = Reading::Known(LegalHold::Off);
}

/// As [`read_version`], and looks the version up in the listing of its key. A version that the listing
/// shows as a marker is one, whatever the server answers to its GET.
pub async fn read_listed_version(
    client: &Client,
    who: Option<&Credentials>,
    bucket: &str,
    key: &str,
    version_id: &str,
) -> ReadBack {
    let mut back = read_version(client, who, bucket, key, version_id).await;
    let (entry, pages) = find(client, who, bucket, key, version_id).await;
    back.exchanges.extend(pages);
    back.state.listed = match entry {
        Ok(Some(entry)) => {
            if entry.is_marker && !matches!(back.state.presence, Reading::Known(Presence::Present { .. })) {
                as_marker(&mut back.state);
            }
            Reading::Known(true)
        }
        Ok(None) => Reading::Known(false),
        Err(why) => Reading::Unread(why),
    };
    back
}

/// One line of a listing of few keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// The version id.
    pub version_id: String,
    /// Whether it is a delete marker.
    pub marker: bool,
}

/// All versions and markers below a prefix that holds only a few keys (the canaries of one run). Unread
/// as a whole if any page cannot be read.
pub async fn list_versions(
    client: &Client,
    who: Option<&Credentials>,
    bucket: &str,
    prefix: &str,
) -> (Reading<Vec<Entry>>, Vec<Exchange>) {
    let query = VersionsQuery::of_prefix(prefix);
    let mut walk = VersionsWalk::new(client, who, bucket, query, Backoff::default());
    let (mut entries, mut exchanges) = (Vec::new(), Vec::new());
    for _ in 0..MOST_PAGES {
        let page = walk.next_page().await;
        exchanges.extend(walk.take_exchanges());
        match page {
            Err(error) => return (Reading::Unread(error.to_string()), exchanges),
            Ok(None) => return (Reading::Known(entries), exchanges),
            Ok(Some(page)) => entries.extend(page.entries.into_iter().map(|e| Entry {
                key: e.key,
                version_id: e.version_id,
                marker: e.is_marker,
            })),
        }
    }
    (Reading::Unread(format!("the listing does not end within {MOST_PAGES} pages")), exchanges)
}

/// Asks for retention and legal hold of one version.
pub async fn read_lock(
    client: &Client,
    who: Option<&Credentials>,
    bucket: &str,
    key: &str,
    version_id: &str,
) -> LockReading {
    let backoff = Backoff::default();
    let id = version(version_id);
    let first = client.exchange_retrying(who, &get_object_retention(bucket, key, id), backoff).await;
    let second = client.exchange_retrying(who, &get_object_legal_hold(bucket, key, id), backoff).await;
    let (retention, hold) = (retention(&first.last), hold(&second.last));
    let exchanges = [first, second].into_iter().flat_map(Attempts::into_exchanges).collect();
    LockReading { retention, hold, exchanges }
}

fn trouble(reply: &Reply) -> String {
    reply.trouble().unwrap_or_else(|| format!("{} was not expected", reply.status().unwrap_or_default()))
}

/// What a GET of a version shows.
#[must_use]
pub fn presence(reply: &Reply, version_id: &str) -> Reading<Presence> {
    use sha2::Digest as _;
    let Some(answer) = reply.answer() else { return Reading::Unread(trouble(reply)) };
    let marker = answer.header("x-amz-delete-marker").is_some_and(|v| v.eq_ignore_ascii_case("true"));
    match answer.status {
        200 => {
            if let Some(other) = answer.header("x-amz-version-id")
                && !version_id.is_empty()
                && other != version_id
            {
                return Reading::Unread(format!("the server answered with version {other}"));
            }
            // A part of it, or an error in the place of the object, says nothing of its bytes.
            if answer.header("content-range").is_some() {
                return Reading::Unread("the server answered with a part of the object".to_owned());
            }
            if answer.error().is_some() {
                return Reading::Unread("the server answered 200 with an error in it".to_owned());
            }
            let declared = answer.header("content-length").and_then(|n| n.parse::<usize>().ok());
            if declared.is_some_and(|n| n != reply.body.len()) {
                return Reading::Unread("the body is not as long as its header says".to_owned());
            }
            Reading::Known(Presence::Present {
                sha256: hex::encode(sha2::Sha256::digest(&reply.body)),
                size: reply.body.len() as u64,
            })
        }
        404 | 405 if marker => Reading::Known(Presence::Marker),
        404 if matches!(code(reply).as_deref(), Some("NoSuchKey" | "NoSuchVersion")) => {
            Reading::Known(Presence::Gone)
        }
        _ => Reading::Unread(trouble(reply)),
    }
}

fn code(reply: &Reply) -> Option<String> {
    reply.error().map(|e| e.code)
}

/// Whether the store says in so many words that nothing is set.
fn none_set(reply: &Reply) -> bool {
    let Some(error) = reply.error() else { return false };
    let status = reply.status();
    match error.code.as_str() {
        "NoSuchObjectLockConfiguration" => matches!(status, Some(400 | 404)),
        // S3Mock's, which says `NotFound` of an object that is not there, too.
        "NotFound" => {
            status == Some(404)
                && error.message == "The specified object does not have a ObjectLock configuration"
        }
        // The second is SeaweedFS's word where no hold was ever set.
        "ObjectLockConfigurationNotFoundError" | "NoSuchObjectLegalHold" => status == Some(404),
        // A bucket without Object Lock.
        "InvalidRequest" => {
            status == Some(400)
                && error.message.starts_with("Bucket is missing")
                && error.message.replace(' ', "").contains("ObjectLockConfiguration")
        }
        _ => false,
    }
}

const NO_RETENTION_DOCUMENT: &str = "the answer is no retention document";

/// What GetObjectRetention says, or in its place the headers of the GET of the version: a server that does not know the
/// request (moto) answers it with the object itself. Headers that show nothing say nothing.
#[must_use]
pub fn retention_or_shown(asked: &Reply, got: &Reply) -> Reading<Option<Retention>> {
    match (retention(asked), got.answer().filter(|a| a.status == 200).map(shown_lock)) {
        (Reading::Unread(why), Some(ShownLock { retention: Some(Reading::Known(shown)), .. }))
            if why == NO_RETENTION_DOCUMENT =>
        {
            Reading::Known(Some(shown))
        }
        (said, _) => said,
    }
}

/// What GetObjectRetention says.
#[must_use]
pub fn retention(reply: &Reply) -> Reading<Option<Retention>> {
    if none_set(reply) {
        return Reading::Known(None);
    }
    let Some(answer) = reply.answer().filter(|a| a.status == 200 && a.error().is_none()) else {
        return Reading::Unread(trouble(reply));
    };
    // The second is versitygw's root.
    if ["Retention", "ObjectLockRetention"].iter().all(|root| answer.element(root).is_none()) {
        return Reading::Unread(NO_RETENTION_DOCUMENT.to_owned());
    }
    let twice = |name| answer.elements(name).len() > 1;
    if twice("Mode") || twice("RetainUntilDate") {
        return Reading::Unread("the retention document says something twice".to_owned());
    }
    let mode = answer.element("Mode").unwrap_or_default();
    let until = answer.element("RetainUntilDate").unwrap_or_default();
    retention_of(mode.trim(), until.trim())
}

fn retention_of(mode: &str, until: &str) -> Reading<Option<Retention>> {
    match (mode, until) {
        ("", "") => Reading::Known(None),
        _ => match (Mode::parse(mode), parse_wire(until)) {
            (Some(mode), Some(until)) => Reading::Known(Some(Retention { mode, until })),
            _ => Reading::Unread(format!("the mode `{mode}` and the date `{until}` cannot be read")),
        },
    }
}

/// What GetObjectLegalHold says.
#[must_use]
pub fn hold(reply: &Reply) -> Reading<LegalHold> {
    if none_set(reply) {
        return Reading::Known(LegalHold::Off);
    }
    let Some(answer) = reply.answer().filter(|a| a.status == 200 && a.error().is_none()) else {
        return Reading::Unread(trouble(reply));
    };
    if answer.element("LegalHold").is_none() {
        return Reading::Unread("the answer is no legal hold document".to_owned());
    }
    match answer.element("Status").unwrap_or_default().trim() {
        "" => Reading::Known(LegalHold::Off),
        text => LegalHold::parse(text)
            .map_or_else(|| Reading::Unread(format!("the hold `{text}` cannot be read")), Reading::Known),
    }
}

/// The lock headers of a GET or HEAD. A field that is not shown proves nothing: the reader may lack the
/// right to see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownLock {
    /// The retention; `None` if neither mode nor date is shown.
    pub retention: Option<Reading<Retention>>,
    /// The hold, if shown.
    pub hold: Option<Reading<LegalHold>>,
}

fn shown_lock(answer: &Answer) -> ShownLock {
    lock_headers(|name| answer.header(name))
}

fn lock_headers<'a>(header: impl Fn(&str) -> Option<&'a str>) -> ShownLock {
    let mode = header("x-amz-object-lock-mode").unwrap_or_default();
    let until = header("x-amz-object-lock-retain-until-date").unwrap_or_default();
    let retention = match retention_of(mode, until) {
        Reading::Known(None) => None,
        Reading::Known(Some(retention)) => Some(Reading::Known(retention)),
        Reading::Unread(why) => Some(Reading::Unread(why)),
    };
    let hold = header("x-amz-object-lock-legal-hold").filter(|t| !t.is_empty()).map(|text| {
        LegalHold::parse(text)
            .map_or_else(|| Reading::Unread(format!("the hold `{text}` cannot be read")), Reading::Known)
    });
    ShownLock { retention, hold }
}

/// Makes readings of a lock unread where the headers of the GET of the version contradict them.
pub fn cross_check(got: &Reply, retention: &mut Reading<Option<Retention>>, hold: &mut Reading<LegalHold>) {
    if let Some(shown) = got.answer().filter(|a| a.status == 200).map(shown_lock) {
        check(&shown, retention, hold);
    }
}

/// Makes a reading unread where the headers of the GET contradict it. Dates may differ by less than a
/// second: some servers cut the header's.
fn check(shown: &ShownLock, retention: &mut Reading<Option<Retention>>, hold: &mut Reading<LegalHold>) {
    if let (Some(Reading::Known(header)), Reading::Known(said)) = (&shown.retention, &*retention) {
        let agrees = said.is_some_and(|said| {
            said.mode == header.mode && (said.until - header.until).abs() < TimeDelta::seconds(1)
        });
        if !agrees {
            let said = said.map_or_else(
                || "none".to_owned(),
                |r| format!("{} until {}", r.mode, crate::time::wire(r.until)),
            );
            *retention = Reading::Unread(format!(
                "contradictory: the object's headers show {} until {}, GetObjectRetention {said}",
                header.mode,
                crate::time::wire(header.until)
            ));
        }
    }
    if let (Some(Reading::Known(header)), Reading::Known(said)) = (&shown.hold, &*hold)
        && header != said
    {
        *hold = Reading::Unread(format!(
            "contradictory: the object's headers show the hold {}, GetObjectLegalHold {}",
            header.as_str(),
            said.as_str()
        ));
    }
}

/// The listing's entry for one version.
async fn find(
    client: &Client,
    who: Option<&Credentials>,
    bucket: &str,
    key: &str,
    version_id: &str,
) -> (Result<Option<listing::Entry>, String>, Vec<Exchange>) {
    let wanted = if version_id.is_empty() { "null" } else { version_id };
    let mut walk = VersionsWalk::new(client, who, bucket, VersionsQuery::of_prefix(key), Backoff::default());
    let mut exchanges = Vec::new();
    for _ in 0..MOST_PAGES {
        let page = walk.next_page().await;
        exchanges.extend(walk.take_exchanges());
        match page {
            Err(error) => return (Err(error.to_string()), exchanges),
            Ok(None) => {
                // MinIO lists nothing at all under a prefix that begins with a slash.
                let found = if key.starts_with('/') {
                    Err("a key that begins with a slash was not listed, which some servers never do"
                        .to_owned())
                } else {
                    Ok(None)
                };
                return (found, exchanges);
            }
            Ok(Some(page)) => {
                let mut entries = page.entries.into_iter();
                if let Some(entry) = entries.find(|e| e.key == key && e.version_id == wanted) {
                    return (Ok(Some(entry)), exchanges);
                }
            }
        }
    }
    (Err(format!("not among the first {MOST_PAGES} pages of the listing")), exchanges)
}

/// What a HEAD tells a scan about one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeadLock {
    /// At least one lock field is shown. A hold that is not shown beside a retention is not known.
    Shown(ShownLock),
    /// 200 without any lock header: there is no lock, or the reader may not see it. Never *unlocked*:
    /// ask with [`read_lock`].
    Silent,
    /// A delete marker.
    Marker,
    /// 404 (a HEAD carries no code).
    NotFound,
    /// Anything else; why.
    Unread(String),
}

/// Looks one version's lock up by a HEAD, repeated by `backoff`. No exchange is recorded: a scan sends
/// a million of these.
pub async fn head_lock(
    client: &Client,
    who: Option<&Credentials>,
    bucket: &str,
    key: &str,
    version_id: &str,
    backoff: Backoff,
) -> HeadLock {
    let answer = match client.head_fast(who, bucket, key, version(version_id), backoff).await {
        Ok(answer) => answer,
        Err(why) => return HeadLock::Unread(format!("no answer: {why}")),
    };
    head_shows(
        answer.status().as_u16(),
        |name| answer.headers().get(name).and_then(|v| v.to_str().ok()),
        version_id,
    )
}

/// What the answer to a HEAD of this version shows, by its status and headers (lower-case names).
#[must_use]
pub fn head_shows<'a>(status: u16, header: impl Fn(&str) -> Option<&'a str>, version_id: &str) -> HeadLock {
    let marker = header("x-amz-delete-marker").is_some_and(|v| v.eq_ignore_ascii_case("true"));
    match status {
        200 => {
            if let Some(other) = header("x-amz-version-id")
                && !version_id.is_empty()
                && other != version_id
            {
                return HeadLock::Unread(format!("the server answered with version {other}"));
            }
            let shown = lock_headers(header);
            if shown.retention.is_none() && shown.hold.is_none() {
                HeadLock::Silent
            } else {
                HeadLock::Shown(shown)
            }
        }
        404 | 405 if marker => HeadLock::Marker,
        404 => HeadLock::NotFound,
        status => HeadLock::Unread(status.to_string()),
    }
}

#[cfg(test)]
mod tests;
