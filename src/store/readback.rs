//! Reading back what is there: the bytes and the lock of one version, and the versions of keys.
//!
//! *Gone* is said only after 404 NoSuchKey or NoSuchVersion. What was refused, not answered or not understood is
//! `Unread`, never a value. Reads are repeated; nothing here writes.

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::exchange::{Answer, Exchange, S3Error};
use crate::lock::{LegalHold, Mode, Presence, Reading, Retention, VersionState};
use crate::store::client::{Backoff, Client, Reply};
use crate::store::credentials::Credentials;
use crate::store::ops;
use crate::store::request::S3Request;
use crate::time::parse_wire;

/// A read-back and the exchanges it was read from.
#[derive(Debug, Clone)]
pub struct ReadBack {
    /// What was read; `listed` is for the caller to fill in from a listing.
    pub state: VersionState,
    /// The exchanges, in order.
    pub exchanges: Vec<Exchange>,
}

async fn read(
    client: &Client,
    who: Option<&Credentials>,
    request: &S3Request,
    all: &mut Vec<Exchange>,
) -> Reply {
    let attempts = client.exchange_retrying(who, request, Backoff::default()).await;
    let reply = attempts.last.clone();
    all.extend(attempts.into_exchanges());
    reply
}

/// Reads one version: GET of the whole bytes, GetObjectRetention, GetObjectLegalHold. An empty version id means the
/// key itself (a bucket without versioning).
pub async fn read_version(
    client: &Client,
    who: Option<&Credentials>,
    bucket: &str,
    key: &str,
    version_id: &str,
) -> ReadBack {
    let id = (!version_id.is_empty()).then_some(version_id);
    let mut exchanges = Vec::new();
    let got = read(client, who, &ops::get_object(bucket, key, id), &mut exchanges).await;
    let presence = presence(&got);
    let (mut retention, mut hold) =
        (Reading::Unread("not there".to_owned()), Reading::Unread("not there".to_owned()));
    if !matches!(presence, Reading::Known(Presence::Gone | Presence::Marker)) {
        let reply = read(client, who, &ops::get_object_retention(bucket, key, id), &mut exchanges).await;
        retention = retention_of(&reply);
        let reply = read(client, who, &ops::get_object_legal_hold(bucket, key, id), &mut exchanges).await;
        hold = hold_of(&reply);
        if let Some(answer) = got.answer().filter(|a| a.is_success()) {
            contradiction(answer, &mut retention, &mut hold);
        }
    }
    let state = VersionState {
        key: key.to_owned(),
        version_id: version_id.to_owned(),
        presence,
        retention,
        hold,
        listed: Reading::Unread("not listed yet".to_owned()),
    };
    ReadBack { state, exchanges }
}

/// A lock that the headers of GET show and the sub-resource denies (or shows otherwise) is not read.
fn contradiction(answer: &Answer, retention: &mut Reading<Option<Retention>>, hold: &mut Reading<LegalHold>) {
    let shown = answer
        .header("x-amz-object-lock-mode")
        .and_then(Mode::parse)
        .zip(answer.header("x-amz-object-lock-retain-until-date").and_then(parse_wire));
    if let (Some((mode, until)), Reading::Known(read)) = (shown, &*retention)
        && read.is_none_or(|r| r.mode != mode || (r.until - until).num_seconds() != 0)
    {
        *retention = Reading::Unread("GET and GetObjectRetention contradict each other".to_owned());
    }
    if let (Some(shown), Reading::Known(read)) =
        (answer.header("x-amz-object-lock-legal-hold").and_then(LegalHold::parse), &*hold)
        && shown != *read
    {
        *hold = Reading::Unread("GET and GetObjectLegalHold contradict each other".to_owned());
    }
}

fn presence(reply: &Reply) -> Reading<Presence> {
    let Some(answer) = reply.answer() else {
        return Reading::Unread(reply.trouble().unwrap_or_default());
    };
    let body: &Bytes = &reply.body;
    match (answer.status, answer.error()) {
        (200, None) => {
            let declared = answer.header("content-length").and_then(|n| n.parse::<u64>().ok());
            if declared.is_some_and(|n| n != body.len() as u64) {
                return Reading::Unread("half an answer".to_owned());
            }
            Reading::Known(Presence::Present {
                sha256: hex::encode(Sha256::digest(body)),
                size: body.len() as u64,
            })
        }
        (405, _) if answer.header("x-amz-delete-marker") == Some("true") => Reading::Known(Presence::Marker),
        (404, Some(error)) if matches!(error.code.as_str(), "NoSuchKey" | "NoSuchVersion") => {
            Reading::Known(Presence::Gone)
        }
        _ => Reading::Unread(reply.trouble().unwrap_or_else(|| answer.status.to_string())),
    }
}

/// Whether an error says that there is no lock: never set (AWS 404, MinIO 400), or a bucket without Object Lock.
fn says_none(error: &S3Error) -> bool {
    matches!(error.code.as_str(), "NoSuchObjectLockConfiguration" | "ObjectLockConfigurationNotFoundError")
        || (error.code == "InvalidRequest" && error.message.starts_with("Bucket is missing"))
}

/// What GetObjectRetention answered.
#[must_use]
pub fn retention_of(reply: &Reply) -> Reading<Option<Retention>> {
    let unread = || Reading::Unread(reply.trouble().unwrap_or_else(|| "not understood".to_owned()));
    let Some(answer) = reply.answer() else { return unread() };
    if let Some(error) = answer.error() {
        return if says_none(&error) { Reading::Known(None) } else { unread() };
    }
    let text = |name| answer.element(name).filter(|t| !t.is_empty());
    match (text("Mode"), text("RetainUntilDate")) {
        (None, None) if answer.element("Retention").is_some() => Reading::Known(None),
        (Some(mode), Some(until)) => match (Mode::parse(&mode), parse_wire(&until)) {
            (Some(mode), Some(until)) => Reading::Known(Some(Retention { mode, until })),
            _ => Reading::Unread(format!("the retention reads {mode} until {until}")),
        },
        _ => unread(),
    }
}

/// What GetObjectLegalHold answered.
#[must_use]
pub fn hold_of(reply: &Reply) -> Reading<LegalHold> {
    let unread = || Reading::Unread(reply.trouble().unwrap_or_else(|| "not understood".to_owned()));
    let Some(answer) = reply.answer() else { return unread() };
    if let Some(error) = answer.error() {
        return if says_none(&error) { Reading::Known(LegalHold::Off) } else { unread() };
    }
    match answer.element("Status").as_deref().map(LegalHold::parse) {
        Some(Some(hold)) => Reading::Known(hold),
        _ => unread(),
    }
}

/// One entry of a listing of versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// The version id.
    pub version_id: String,
    /// Whether it is a delete marker.
    pub marker: bool,
}

/// All versions and markers below a prefix that holds only a few keys (the canaries of one run), in at most ten pages.
pub async fn list_versions(
    client: &Client,
    who: Option<&Credentials>,
    bucket: &str,
    prefix: &str,
) -> (Reading<Vec<Entry>>, Vec<Exchange>) {
    let mut exchanges = Vec::new();
    let mut entries = Vec::new();
    let mut query = ops::VersionsQuery::of_prefix(prefix);
    for _ in 0..10 {
        let reply = read(client, who, &ops::list_object_versions(bucket, &query), &mut exchanges).await;
        if let Some(trouble) = reply.trouble() {
            return (Reading::Unread(trouble), exchanges);
        }
        let page = match page(&reply.body) {
            Ok(page) => page,
            Err(why) => return (Reading::Unread(why), exchanges),
        };
        entries.extend(page.entries);
        if !page.truncated {
            return (Reading::Known(entries), exchanges);
        }
        if page.next_key.is_empty()
            || query.key_marker.as_ref() == Some(&page.next_key)
                && query.version_id_marker == page.next_version
        {
            return (
                Reading::Unread("the listing is cut and does not say where it goes on".to_owned()),
                exchanges,
            );
        }
        query.key_marker = Some(page.next_key);
        query.version_id_marker = page.next_version;
    }
    (Reading::Unread("the listing does not end".to_owned()), exchanges)
}

#[derive(Default)]
struct Page {
    entries: Vec<Entry>,
    truncated: bool,
    next_key: String,
    next_version: Option<String>,
}

/// Reads one page; broken or foreign XML is an error, not an empty page.
fn page(body: &[u8]) -> Result<Page, String> {
    use quick_xml::events::Event;
    let text = std::str::from_utf8(body).map_err(|_| "the listing is not UTF-8".to_owned())?;
    let mut reader = quick_xml::Reader::from_str(text);
    let mut page = Page::default();
    let (mut path, mut value): (Vec<String>, String) = (Vec::new(), String::new());
    let mut entry = Entry { key: String::new(), version_id: String::new(), marker: false };
    let mut encoded = false;
    loop {
        match reader.read_event().map_err(|e| format!("the listing is not XML: {e}"))? {
            Event::Start(e) => {
                path.push(String::from_utf8_lossy(e.local_name().as_ref()).into_owned());
                value.clear();
                if path.len() == 2 {
                    entry = Entry {
                        key: String::new(),
                        version_id: String::new(),
                        marker: path[1] == "DeleteMarker",
                    };
                }
            }
            Event::Text(t) => value.push_str(&t.xml10_content().map_err(|e| e.to_string())?),
            Event::GeneralRef(r) => {
                if let Ok(Some(c)) = r.resolve_char_ref() {
                    value.push(c);
                } else if let Some(t) =
                    r.decode().ok().and_then(|n| quick_xml::escape::resolve_predefined_entity(&n))
                {
                    value.push_str(t);
                }
            }
            Event::End(_) => {
                let names: Vec<&str> = path.iter().map(String::as_str).collect();
                match names.as_slice() {
                    ["ListVersionsResult", "EncodingType"] => encoded = value == "url",
                    ["ListVersionsResult", "IsTruncated"] => page.truncated = value == "true",
                    ["ListVersionsResult", "NextKeyMarker"] => page.next_key.clone_from(&value),
                    ["ListVersionsResult", "NextVersionIdMarker"] => page.next_version = Some(value.clone()),
                    ["ListVersionsResult", _, "Key"] => entry.key.clone_from(&value),
                    ["ListVersionsResult", _, "VersionId"] => entry.version_id.clone_from(&value),
                    ["ListVersionsResult", "Version" | "DeleteMarker"] => page.entries.push(entry.clone()),
                    ["ListVersionsResult"] => {
                        if encoded {
                            for entry in &mut page.entries {
                                entry.key = decode(&entry.key);
                            }
                            page.next_key = decode(&page.next_key);
                        }
                        return Ok(page);
                    }
                    _ => {}
                }
                path.pop();
                value.clear();
            }
            Event::Eof => return Err("the listing breaks off, or is no ListVersionsResult".to_owned()),
            _ => {}
        }
    }
}

/// URL decoding as listings use it: MinIO writes a space as `+`, and a plus as `%2B`.
fn decode(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_encoding::percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read_with_interleaved_markers_and_encoded_keys() {
        let text = "<?xml version=\"1.0\"?><ListVersionsResult xmlns=\"x\"><EncodingType>url</EncodingType>\
            <IsTruncated>true</IsTruncated><NextKeyMarker>a%2Fb</NextKeyMarker><NextVersionIdMarker>3</NextVersionIdMarker>\
            <DeleteMarker><Key>a+b</Key><VersionId>1</VersionId><IsLatest>true</IsLatest></DeleteMarker>\
            <Version><Key>a%2Bb</Key><VersionId>2</VersionId><Owner><ID>z</ID></Owner></Version>\
            <DeleteMarker><Key>c</Key><VersionId>3</VersionId></DeleteMarker></ListVersionsResult>";
        let page = page(text.as_bytes()).expect("a page");
        let seen: Vec<_> =
            page.entries.iter().map(|e| (e.key.as_str(), e.version_id.as_str(), e.marker)).collect();
        assert_eq!(seen, [("a b", "1", true), ("a+b", "2", false), ("c", "3", true)]);
        assert_eq!(
            (page.truncated, page.next_key.as_str(), page.next_version.as_deref()),
            (true, "a/b", Some("3"))
        );
    }

    #[test]
    fn what_breaks_off_or_is_something_else_is_an_error() {
        for bad in ["", "hello", "<html><body/></html>", "<ListVersionsResult><Version><Key>a</Key>"] {
            assert!(page(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
