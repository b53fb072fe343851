//! The server's own log of requests: one entry a request, kept in memory.
//!
//! Everything is written; the seeded faults of the log are applied where it is read, so that a scenario that never
//! reads it is the same with them and without.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{HeaderMap, Method, Request, Response};
use percent_encoding::percent_decode_str;
use quick_xml::events::Event;
use serde::Serialize;

use crate::time::parse_wire;

use super::defects::{Defect, Defects};
use super::sigv4::pairs;

/// The most entries that are kept.
const KEPT: usize = 4_096;

/// One key of a request, with what became of it where that is told for each.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Version {
    /// The key.
    pub key: String,
    /// The version id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    /// The error code of an entry of a batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What a change of a lock asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// The retain-until date.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
    /// The legal hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold: Option<String>,
}

/// One request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// When, by the server's clock.
    pub at: DateTime<Utc>,
    /// The request id, as in the answer.
    pub request_id: String,
    /// The access key; none of a request whose signature was missing or wrong.
    pub principal: Option<String>,
    /// The operation.
    pub operation: String,
    /// The bucket; empty where none is named.
    pub bucket: String,
    /// The keys and versions that it names.
    pub versions: Vec<Version>,
    /// The HTTP status of the answer.
    pub status: u16,
    /// The error code of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Whether the bypass of governance was asked for.
    pub bypass: bool,
    /// Of a retention or a legal hold: what it asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
    /// The client's address; none in the process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote: Option<IpAddr>,
}

/// The log.
#[derive(Debug, Default)]
pub(crate) struct Log {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    count: u64,
    entries: VecDeque<Entry>,
}

impl Log {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn push(&self, entry: Entry) {
        let mut state = self.state();
        state.count += 1;
        state.entries.push_back(entry);
        if state.entries.len() > KEPT {
            state.entries.pop_front();
        }
    }

    pub(crate) fn count(&self) -> u64 {
        self.state().count
    }

    /// Whether all entries since `mark` are still there.
    pub(crate) fn reaches(&self, mark: u64) -> bool {
        let state = self.state();
        state.count - state.entries.len() as u64 <= mark
    }

    /// The entries of a request, as far as the server shows them.
    pub(crate) fn of_request(&self, id: &str, defects: Defects) -> Vec<Entry> {
        let found: Vec<Entry> = self.state().entries.iter().filter(|e| e.request_id == id).cloned().collect();
        found.into_iter().filter_map(|entry| shown(entry, defects)).collect()
    }
}

/// An entry as the faults of the log leave it.
fn shown(mut entry: Entry, defects: Defects) -> Option<Entry> {
    let refused = entry.status >= 400 || entry.versions.iter().any(|v| v.error.is_some());
    if (entry.bypass && !refused && defects.has(Defect::LogOmitsBypass))
        || (refused && defects.has(Defect::LogOmitsRefusals))
    {
        return None;
    }
    if entry.bypass && defects.has(Defect::LogHidesBypass) {
        entry.bypass = false;
    }
    if entry.principal.is_some() && defects.has(Defect::LogWithoutPrincipal) {
        entry.principal = None;
    }
    let ids = entry.versions.iter().any(|v| v.version_id.is_some());
    if ids && defects.has(Defect::LogWithoutVersion) {
        entry.versions.iter_mut().for_each(|v| v.version_id = None);
    }
    if entry.status < 400 && refused && defects.has(Defect::LogBatchWithoutResults) {
        entry.versions.iter_mut().for_each(|v| v.error = None);
    }
    let hold = entry.change.as_ref().is_some_and(|c| c.hold.is_some());
    if hold && defects.has(Defect::LogHoldWithoutState) {
        entry.change = None;
    }
    Some(entry)
}

/// What is noted of a request before it is carried out.
pub(crate) fn begin(request: &Request<Bytes>, remote: Option<IpAddr>, at: DateTime<Utc>) -> Entry {
    let (headers, uri) = (request.headers(), request.uri());
    let query: Vec<(String, String)> = pairs(uri.query().unwrap_or("")).collect();
    let has = |name: &str| query.iter().any(|(n, _)| n == name);
    let value = |name: &str| query.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone());
    let (bucket, key) = uri
        .path()
        .trim_start_matches('/')
        .split_once('/')
        .unwrap_or((uri.path().trim_start_matches('/'), ""));
    let key = percent_decode_str(key).decode_utf8_lossy().into_owned();
    let operation = operation(request.method(), &key, headers, &has);
    let mut versions = Vec::new();
    let mut change = None;
    match operation {
        "DeleteObjects" => versions = entries(request.body()),
        "PutObjectRetention" => {
            change = children(request.body(), "Retention").pop().map(|mut found| Change {
                mode: found.remove("Mode"),
                until: found.get("RetainUntilDate").and_then(|text| parse_wire(text)),
                hold: None,
            });
        }
        "PutObjectLegalHold" => {
            change = children(request.body(), "LegalHold")
                .pop()
                .map(|mut found| Change { hold: found.remove("Status"), ..Change::default() });
        }
        _ => {}
    }
    if versions.is_empty() && !key.is_empty() {
        versions.push(Version { key, version_id: value("versionId"), error: None });
    }
    Entry {
        at,
        request_id: String::new(),
        principal: access_key(headers, &value),
        operation: operation.to_owned(),
        bucket: bucket.to_owned(),
        versions,
        status: 0,
        error: None,
        bypass: asks_bypass(headers)
            || value("x-amz-bypass-governance-retention").is_some_and(|v| v == "true"),
        change,
        remote,
    }
}

/// Completes an entry by the answer.
pub(crate) fn end(mut entry: Entry, answer: &Response<Bytes>) -> Entry {
    let header = |name: &str| answer.headers().get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
    entry.request_id = header("x-amz-request-id").unwrap_or_default();
    entry.status = answer.status().as_u16();
    if entry.status >= 300 {
        entry.error = children(answer.body(), "Error").pop().and_then(|mut found| found.remove("Code"));
    }
    if matches!(
        entry.error.as_deref(),
        Some("InvalidAccessKeyId" | "SignatureDoesNotMatch" | "InvalidToken" | "ExpiredToken")
    ) {
        entry.principal = None;
    }
    if entry.operation == "DeleteObjects" && entry.status == 200 {
        for mut found in children(answer.body(), "Error") {
            let (key, version) = (found.remove("Key"), found.remove("VersionId"));
            let hit = entry
                .versions
                .iter_mut()
                .find(|v| Some(&v.key) == key.as_ref() && (version.is_none() || v.version_id == version));
            if let Some(hit) = hit {
                hit.error = found.remove("Code");
            }
        }
    } else if let [only] = entry.versions.as_mut_slice()
        && only.version_id.is_none()
        && entry.status < 300
    {
        only.version_id = header("x-amz-version-id");
    }
    entry
}

fn asks_bypass(headers: &HeaderMap) -> bool {
    headers
        .get("x-amz-bypass-governance-retention")
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"true"))
}

fn access_key(headers: &HeaderMap, query: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let first = |text: &str| text.split('/').next().filter(|key| !key.is_empty()).map(str::to_owned);
    match headers.get(http::header::AUTHORIZATION).and_then(|v| v.to_str().ok()) {
        Some(text) => first(text.split("Credential=").nth(1)?),
        None => first(&query("X-Amz-Credential")?),
    }
}

fn operation(method: &Method, key: &str, headers: &HeaderMap, has: &dyn Fn(&str) -> bool) -> &'static str {
    match (method.as_str(), key.is_empty()) {
        ("POST", true) if has("delete") => "DeleteObjects",
        ("PUT", false) if has("retention") => "PutObjectRetention",
        ("PUT", false) if has("legal-hold") => "PutObjectLegalHold",
        ("PUT", false) if has("tagging") => "PutObjectTagging",
        ("PUT", false) if has("partNumber") => "UploadPart",
        ("PUT", false) if headers.contains_key("x-amz-copy-source") => "CopyObject",
        ("PUT", false) => "PutObject",
        ("DELETE", false) if has("uploadId") => "AbortMultipartUpload",
        ("DELETE", false) if has("tagging") => "DeleteObjectTagging",
        ("DELETE", false) => "DeleteObject",
        ("GET", false) if has("retention") => "GetObjectRetention",
        ("GET", false) if has("legal-hold") => "GetObjectLegalHold",
        ("GET", false) => "GetObject",
        ("HEAD", false) => "HeadObject",
        ("POST", false) if has("uploads") => "CreateMultipartUpload",
        ("POST", false) if has("uploadId") => "CompleteMultipartUpload",
        ("GET", true) if has("versions") => "ListObjectVersions",
        ("PUT", true) if has("object-lock") => "PutObjectLockConfiguration",
        ("PUT", true) if has("versioning") => "PutBucketVersioning",
        ("PUT", true) if has("policy") => "PutBucketPolicy",
        ("GET" | "HEAD", true) => "a request that reads",
        _ => "a request that writes",
    }
}

/// The entries of a batch deletion.
fn entries(body: &[u8]) -> Vec<Version> {
    children(body, "Object")
        .into_iter()
        .filter_map(|mut found| {
            Some(Version { key: found.remove("Key")?, version_id: found.remove("VersionId"), error: None })
        })
        .collect()
}

/// Of each element of this name: the texts of its children, by their names. XML that breaks off ends the list.
fn children(body: &[u8], name: &str) -> Vec<HashMap<String, String>> {
    let Ok(text) = std::str::from_utf8(body) else { return Vec::new() };
    let mut reader = quick_xml::Reader::from_str(text);
    let mut found = Vec::new();
    let mut inside: Option<HashMap<String, String>> = None;
    let mut child: Option<(String, String)> = None;
    loop {
        match reader.read_event() {
            Ok(Event::Start(start)) => {
                let local = String::from_utf8_lossy(start.local_name().as_ref()).into_owned();
                if inside.is_some() {
                    child = Some((local, String::new()));
                } else if local == name {
                    inside = Some(HashMap::new());
                }
            }
            Ok(Event::Text(piece)) => {
                if let (Some((_, content)), Ok(piece)) = (child.as_mut(), piece.xml10_content()) {
                    content.push_str(&piece);
                }
            }
            Ok(Event::GeneralRef(reference)) => {
                if let Some((_, content)) = child.as_mut() {
                    if let Ok(Some(c)) = reference.resolve_char_ref() {
                        content.push(c);
                    } else if let Some(piece) =
                        reference.decode().ok().and_then(|n| quick_xml::escape::resolve_predefined_entity(&n))
                    {
                        content.push_str(piece);
                    }
                }
            }
            Ok(Event::End(end)) => {
                if let (Some((name, content)), Some(inside)) = (child.take(), inside.as_mut()) {
                    inside.insert(name, content);
                } else if end.local_name().as_ref() == name.as_bytes() {
                    found.extend(inside.take());
                }
            }
            Ok(Event::Eof) | Err(_) => return found,
            Ok(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logged(method: &str, uri: &str, body: &'static str, status: u16, answer: &'static str) -> Entry {
        let request = Request::builder()
            .method(method)
            .uri(uri)
            .header("authorization", "AWS4-HMAC-SHA256 Credential=AK/20260101/us-east-1/s3/aws4_request, x")
            .header("x-amz-bypass-governance-retention", "TRUE")
            .body(Bytes::from(body))
            .expect("a request");
        let answer = Response::builder()
            .status(status)
            .header("x-amz-request-id", "R1")
            .body(Bytes::from(answer))
            .expect("an answer");
        end(begin(&request, None, DateTime::UNIX_EPOCH), &answer)
    }

    fn batch() -> Entry {
        let body = "<Delete><Object><Key>a&amp;b</Key><VersionId>v1</VersionId></Object><Object><Key>c</Key></Object></Delete>";
        let answer = "<DeleteResult><Error><Key>a&amp;b</Key><VersionId>v1</VersionId><Code>AccessDenied</Code></Error></DeleteResult>";
        logged("POST", "/b?delete", body, 200, answer)
    }

    #[test]
    fn an_entry_says_who_did_what_to_which_version() {
        let entry =
            logged("DELETE", "/b/d%20x?versionId=v1", "", 403, "<Error><Code>AccessDenied</Code></Error>");
        assert_eq!((entry.request_id.as_str(), entry.status, entry.bypass), ("R1", 403, true));
        assert_eq!((entry.principal.as_deref(), entry.error.as_deref()), (Some("AK"), Some("AccessDenied")));
        assert_eq!((entry.operation.as_str(), entry.bucket.as_str()), ("DeleteObject", "b"));
        assert_eq!(
            entry.versions,
            [Version { key: "d x".into(), version_id: Some("v1".into()), error: None }]
        );
        let unknown = logged("DELETE", "/b/k", "", 403, "<Error><Code>InvalidAccessKeyId</Code></Error>");
        assert_eq!(unknown.principal, None);
        let results: Vec<_> = batch().versions.into_iter().map(|v| (v.key, v.version_id, v.error)).collect();
        let denied = Some("AccessDenied".to_owned());
        assert_eq!(
            results,
            [("a&b".to_owned(), Some("v1".to_owned()), denied), ("c".to_owned(), None, None)]
        );
    }

    #[test]
    fn a_change_of_a_lock_is_logged_with_what_it_asks_for() {
        let body = "<Retention><Mode>GOVERNANCE</Mode><RetainUntilDate>1970-01-02T00:00:00Z</RetainUntilDate></Retention>";
        let change = logged("PUT", "/b/k?retention&versionId=v", body, 200, "").change.expect("a change");
        assert_eq!(
            (change.mode.as_deref(), change.until.map(|u| u.timestamp())),
            (Some("GOVERNANCE"), Some(86_400))
        );
        let body = "<LegalHold><Status>OFF</Status></LegalHold>";
        let change = logged("PUT", "/b/k?legal-hold", body, 200, "").change.expect("a change");
        assert_eq!(change.hold.as_deref(), Some("OFF"));
    }

    #[test]
    fn each_fault_leaves_out_its_own_part_and_no_other() {
        let with = |entry: Entry, defect| shown(entry, Defects::new(&[defect]));
        let bypassed = || logged("DELETE", "/b/k?versionId=v1", "", 204, "");
        assert_eq!(with(bypassed(), Defect::LogOmitsBypass), None);
        assert_eq!(with(bypassed(), Defect::LogOmitsRefusals), Some(bypassed()));
        assert_eq!(with(batch(), Defect::LogOmitsRefusals), None);
        assert_eq!(with(batch(), Defect::LogOmitsBypass), Some(batch()));
        let hidden = with(bypassed(), Defect::LogHidesBypass).expect("an entry");
        assert_eq!(Entry { bypass: true, ..hidden }, bypassed());
        let nobody = with(bypassed(), Defect::LogWithoutPrincipal).expect("an entry");
        assert_eq!(nobody.principal, None);
        let bare = with(bypassed(), Defect::LogWithoutVersion).expect("an entry");
        assert_eq!(bare.versions[0].version_id, None);
        let results = with(batch(), Defect::LogBatchWithoutResults).expect("an entry");
        assert!(results.versions.iter().all(|v| v.error.is_none()));
    }

    #[test]
    fn entries_that_were_thrown_away_are_told() {
        let log = Log::default();
        for _ in 0..=KEPT {
            log.push(Entry::default());
        }
        assert_eq!(log.count(), KEPT as u64 + 1);
        assert!(!log.reaches(0) && log.reaches(1));
    }
}
