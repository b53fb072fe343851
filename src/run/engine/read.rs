//! Reading back: listings of versions, one version's state, a bucket's default retention.
//!
//! Everything here only reads, with repetitions. What was not definitely answered is `Unread`.

use chrono::{DateTime, Utc};
use futures_util::future::join;
use quick_xml::Reader;
use quick_xml::events::Event;
use sha2::{Digest as _, Sha256};

use crate::lock::{LegalHold, Mode, Presence, Reading, Retention, VersionState};
use crate::record::Log;
use crate::record::evidence::EventNumber;
use crate::store::client::{Attempts, Backoff, Client, Reply};
use crate::store::credentials::Credentials;
use crate::store::ops::{
    VersionsQuery, get_object, get_object_legal_hold, get_object_retention, list_object_versions,
};
use crate::store::request::S3Request;

/// The most pages of a listing that are read; canaries never fill so many.
const MAX_PAGES: usize = 1_000;

/// One entry of a listing of versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) version_id: String,
    pub(super) marker: bool,
}

/// Somebody who reads, and the log that it is written to.
#[derive(Debug, Clone, Copy)]
pub(super) struct ReaderAs<'a> {
    pub(super) client: &'a Client,
    pub(super) who: Option<&'a Credentials>,
    /// Asked where the first one is refused: what is there must be known even where a policy hides it.
    pub(super) fallback: Option<&'a Credentials>,
    pub(super) log: &'a Log,
    pub(super) about: &'a str,
}

impl ReaderAs<'_> {
    /// Sends a read, repeats it if need be, and logs every attempt.
    pub(super) async fn get(&self, request: &S3Request) -> (Reply, Vec<EventNumber>) {
        let attempts = self.client.exchange_retrying(self.who, request, Backoff::default()).await;
        let (reply, mut numbers) = self.logged(attempts);
        if reply.status() == Some(403) && self.fallback.is_some() {
            let attempts = self.client.exchange_retrying(self.fallback, request, Backoff::default()).await;
            let (reply, more) = self.logged(attempts);
            numbers.extend(more);
            return (reply, numbers);
        }
        (reply, numbers)
    }

    fn logged(&self, attempts: Attempts) -> (Reply, Vec<EventNumber>) {
        let Attempts { last, earlier } = attempts;
        let mut numbers: Vec<EventNumber> =
            earlier.into_iter().map(|e| self.log.exchange(self.about, e)).collect();
        numbers.push(self.log.exchange(self.about, last.exchange.clone()));
        (last, numbers)
    }

    /// All versions and markers of the keys that begin so, each key's newest first.
    pub(super) async fn versions(
        &self,
        bucket: &str,
        prefix: &str,
    ) -> (Reading<Vec<Entry>>, Vec<EventNumber>) {
        let mut query = VersionsQuery::of_prefix(prefix);
        let mut entries = Vec::new();
        let mut numbers = Vec::new();
        for _ in 0..MAX_PAGES {
            let (reply, exchanges) = self.get(&list_object_versions(bucket, &query)).await;
            numbers.extend(exchanges);
            if let Some(trouble) = reply.trouble() {
                return (Reading::Unread(trouble), numbers);
            }
            let page = match page(&String::from_utf8_lossy(&reply.body)) {
                Ok(page) => page,
                Err(why) => return (Reading::Unread(why), numbers),
            };
            entries.extend(page.entries);
            match page.next {
                None => return (Reading::Known(entries), numbers),
                Some(next) if next == (query.key_marker.clone(), query.version_id_marker.clone()) => {
                    return (Reading::Unread("the listing does not go on".to_owned()), numbers);
                }
                Some((key, version)) => {
                    query.key_marker = key;
                    query.version_id_marker = version;
                }
            }
        }
        (Reading::Unread("the listing has no end".to_owned()), numbers)
    }

    /// One version: its bytes, its lock, its hold. `listing` is what the listing of its key showed.
    pub(super) async fn state(
        &self,
        bucket: &str,
        key: &str,
        version_id: Option<&str>,
        listing: &Reading<Vec<Entry>>,
    ) -> (VersionState, Vec<EventNumber>) {
        let (content, mut numbers) = self.get(&get_object(bucket, key, version_id)).await;
        let presence = presence(&content, version_id);
        let (retention, hold) = match &presence {
            // What is gone or a marker has no lock that could be asked for.
            Reading::Known(Presence::Gone) => unread("the version is gone"),
            Reading::Known(Presence::Marker) => unread("a delete marker"),
            _ => {
                let retention = get_object_retention(bucket, key, version_id);
                let hold = get_object_legal_hold(bucket, key, version_id);
                let (retention, hold) = join(self.get(&retention), self.get(&hold)).await;
                numbers.extend(retention.1);
                numbers.extend(hold.1);
                (retention_of(&retention.0), hold_of(&hold.0))
            }
        };
        let listed = match listing {
            Reading::Known(entries) => Reading::Known(
                entries.iter().any(|e| e.key == key && version_id.is_none_or(|id| e.version_id == id)),
            ),
            Reading::Unread(why) => Reading::Unread(why.clone()),
        };
        let state = VersionState {
            key: key.to_owned(),
            version_id: version_id.unwrap_or_default().to_owned(),
            presence,
            retention,
            hold,
            listed,
        };
        (state, numbers)
    }
}

fn unread(why: &str) -> (Reading<Option<Retention>>, Reading<LegalHold>) {
    (Reading::Unread(why.to_owned()), Reading::Unread(why.to_owned()))
}

fn trouble(reply: &Reply) -> String {
    reply.trouble().unwrap_or_else(|| "an answer that says nothing of it".to_owned())
}

fn presence(reply: &Reply, version_id: Option<&str>) -> Reading<Presence> {
    if reply.is_success() {
        let size = reply.body.len() as u64;
        let answered = reply.answer().and_then(|a| a.header("x-amz-version-id"));
        if let (Some(wanted), Some(answered)) = (version_id, answered)
            && wanted != answered
        {
            return Reading::Unread(format!("the server answered with version {answered}"));
        }
        return Reading::Known(Presence::Present { sha256: hex::encode(Sha256::digest(&reply.body)), size });
    }
    let code = reply.error().map(|e| e.code).unwrap_or_default();
    let marker = reply.answer().and_then(|a| a.header("x-amz-delete-marker")) == Some("true");
    match (reply.status(), code.as_str()) {
        (Some(405), _) => Reading::Known(Presence::Marker),
        (Some(404), "NoSuchKey" | "NoSuchVersion") if !marker => Reading::Known(Presence::Gone),
        (Some(404), "NoSuchKey") => Reading::Known(Presence::Marker),
        _ => Reading::Unread(trouble(reply)),
    }
}

/// Whether the answer says that there is no lock at all. Sources: AWS answers 404 for a version without
/// one and 400 InvalidRequest for a bucket without Object Lock; MinIO has a 404 of its own for the latter.
fn says_no_lock(reply: &Reply) -> bool {
    let Some(error) = reply.error() else { return false };
    match reply.status() {
        Some(404) => {
            matches!(
                error.code.as_str(),
                "NoSuchObjectLockConfiguration" | "ObjectLockConfigurationNotFoundError"
            )
        }
        Some(400) => {
            // MinIO writes the last words as one.
            let message = error.message.replace(' ', "");
            error.code == "NoSuchObjectLockConfiguration"
                || (error.code == "InvalidRequest"
                    && message.starts_with("Bucketismissing")
                    && message.contains("ObjectLockConfiguration"))
        }
        _ => false,
    }
}

pub(super) fn retention_of(reply: &Reply) -> Reading<Option<Retention>> {
    if says_no_lock(reply) {
        return Reading::Known(None);
    }
    let Some(answer) = reply.answer().filter(|_| reply.is_success()) else {
        return Reading::Unread(trouble(reply));
    };
    let filled = |name| answer.element(name).filter(|t| !t.is_empty());
    match (filled("Mode"), filled("RetainUntilDate")) {
        (None, None) => Reading::Known(None),
        (mode, until) => {
            let mode = mode.as_deref().and_then(Mode::parse);
            let until: Option<DateTime<Utc>> = until.as_deref().and_then(crate::time::parse_wire);
            match (mode, until) {
                (Some(mode), Some(until)) => Reading::Known(Some(Retention { mode, until })),
                _ => Reading::Unread("half a retention, or one that cannot be read".to_owned()),
            }
        }
    }
}

pub(super) fn hold_of(reply: &Reply) -> Reading<LegalHold> {
    if says_no_lock(reply) {
        return Reading::Known(LegalHold::Off);
    }
    let Some(answer) = reply.answer().filter(|_| reply.is_success()) else {
        return Reading::Unread(trouble(reply));
    };
    match answer.element("Status").as_deref() {
        None | Some("") => Reading::Known(LegalHold::Off),
        Some(text) => match LegalHold::parse(text) {
            Some(hold) => Reading::Known(hold),
            None => Reading::Unread(format!("a legal hold of `{text}`")),
        },
    }
}

struct Page {
    entries: Vec<Entry>,
    next: Option<(Option<String>, Option<String>)>,
}

/// Where a text of the listing belongs.
#[derive(Default)]
struct Open {
    entry: Option<Entry>,
    field: String,
    depth: usize,
}

/// Reads one page. The keys are URL-encoded if the answer says so.
fn page(xml: &str) -> Result<Page, String> {
    let mut reader = Reader::from_str(xml);
    let (mut entries, mut open, mut rooted) = (Vec::new(), Open::default(), false);
    let (mut truncated, mut encoded) = (false, false);
    let (mut next_key, mut next_version) = (None, None);
    loop {
        let broken = |e: &dyn std::fmt::Display| format!("the listing is not XML: {e}");
        match reader.read_event().map_err(|e| broken(&e))? {
            Event::Start(e) => {
                open.depth += 1;
                let name = String::from_utf8_lossy(e.local_name().as_ref()).into_owned();
                match (open.depth, name.as_str()) {
                    (1, "ListVersionsResult" | "ListObjectVersionsResult") => rooted = true,
                    (2, "Version" | "DeleteMarker") => {
                        let marker = name == "DeleteMarker";
                        open.entry = Some(Entry { key: String::new(), version_id: String::new(), marker });
                    }
                    _ => {}
                }
                open.field = name;
            }
            Event::End(_) => {
                if open.depth == 2
                    && let Some(entry) = open.entry.take()
                {
                    entries.push(entry);
                }
                open.field.clear();
                open.depth = open.depth.saturating_sub(1);
            }
            event @ (Event::Text(_) | Event::CData(_) | Event::GeneralRef(_)) => {
                let text = text(event).map_err(|e| broken(&e))?;
                match (open.depth, open.field.as_str(), open.entry.as_mut()) {
                    (3, "Key", Some(entry)) => entry.key.push_str(&text),
                    (3, "VersionId", Some(entry)) => entry.version_id.push_str(&text),
                    (2, "IsTruncated", _) => truncated = text.trim() == "true",
                    (2, "EncodingType", _) => encoded = text.trim() == "url",
                    (2, "NextKeyMarker", _) => next_key.get_or_insert_with(String::new).push_str(&text),
                    (2, "NextVersionIdMarker", _) => {
                        next_version.get_or_insert_with(String::new).push_str(&text);
                    }
                    _ => {}
                }
            }
            Event::Eof => break,
            _ => {}
        }
    }
    if !rooted || open.depth != 0 {
        return Err("the answer is no whole listing of versions".to_owned());
    }
    if encoded {
        for entry in &mut entries {
            entry.key = decode(&entry.key)?;
        }
        next_key = next_key.map(|key| decode(&key)).transpose()?;
    }
    let next = truncated.then_some((next_key, next_version));
    Ok(Page { entries, next })
}

pub(super) fn text(event: Event<'_>) -> Result<String, String> {
    match event {
        Event::Text(t) => t.xml10_content().map(std::borrow::Cow::into_owned).map_err(|e| e.to_string()),
        Event::CData(t) => t.decode().map(std::borrow::Cow::into_owned).map_err(|e| e.to_string()),
        Event::GeneralRef(r) => {
            if let Ok(Some(c)) = r.resolve_char_ref() {
                return Ok(c.to_string());
            }
            let name = r.decode().map_err(|e| e.to_string())?;
            quick_xml::escape::resolve_predefined_entity(&name)
                .map(ToOwned::to_owned)
                .ok_or_else(|| format!("unknown entity {name}"))
        }
        _ => Ok(String::new()),
    }
}

/// `+` is a space in the listings of S3.
fn decode(text: &str) -> Result<String, String> {
    let spaced = text.replace('+', " ");
    percent_encoding::percent_decode_str(&spaced)
        .decode_utf8()
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| "a key of the listing is not UTF-8".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_keeps_the_order_of_versions_and_markers() {
        let page = page(
            "<?xml version=\"1.0\"?><ListVersionsResult xmlns=\"x\"><EncodingType>url</EncodingType>\
             <IsTruncated>true</IsTruncated><NextKeyMarker>a+b%2B</NextKeyMarker><NextVersionIdMarker>v1</NextVersionIdMarker>\
             <DeleteMarker><Key>a+b%2B</Key><VersionId>m1</VersionId><Owner><ID>Key</ID></Owner></DeleteMarker>\
             <Version><Key>a+b%2B</Key><VersionId>v1</VersionId><ETag>&quot;x&quot;</ETag></Version></ListVersionsResult>",
        )
        .expect("a page");
        let ids: Vec<_> =
            page.entries.iter().map(|e| (e.key.as_str(), e.version_id.as_str(), e.marker)).collect();
        assert_eq!(ids, [("a b+", "m1", true), ("a b+", "v1", false)]);
        assert_eq!(page.next, Some((Some("a b+".to_owned()), Some("v1".to_owned()))));
    }

    #[test]
    fn what_breaks_off_or_is_something_else_is_no_listing() {
        assert!(page("<ListVersionsResult><Version><Key>a</Key>").is_err());
        assert!(page("<html></html>").is_err());
        assert!(page("").is_err());
    }
}
