//! Objects and their locks.

use std::fmt::Write as _;

use bytes::Bytes;
use http::Method;

use super::{LockHeaders, NAMESPACE, xml_text};
use crate::lock::{LegalHold, Retention};
use crate::store::endpoint::{encode_path, encode_query};
use crate::store::request::{Integrity, S3Request};

/// PutObject.
#[must_use]
pub fn put_object(bucket: &str, key: &str, body: impl Into<Bytes>, lock: &LockHeaders) -> S3Request {
    lock.apply(S3Request::to_object(Method::PUT, bucket, key, None))
        .body(body)
        .integrity(Integrity::ContentMd5)
}

/// GetObject, whole.
#[must_use]
pub fn get_object(bucket: &str, key: &str, version_id: Option<&str>) -> S3Request {
    S3Request::to_object(Method::GET, bucket, key, version_id)
}

/// HeadObject.
#[must_use]
pub fn head_object(bucket: &str, key: &str, version_id: Option<&str>) -> S3Request {
    S3Request::to_object(Method::HEAD, bucket, key, version_id)
}

/// What is copied.
#[derive(Debug, Clone, Copy)]
pub struct CopySource<'a> {
    /// The bucket.
    pub bucket: &'a str,
    /// The key.
    pub key: &'a str,
    /// The version; the current one if not given.
    pub version_id: Option<&'a str>,
}

impl CopySource<'_> {
    /// The value of `x-amz-copy-source`.
    #[must_use]
    pub fn header(&self) -> String {
        let path = format!("/{}/{}", encode_path(self.bucket), encode_path(self.key));
        match self.version_id {
            Some(id) => format!("{path}?versionId={}", encode_query(id)),
            None => path,
        }
    }
}

/// CopyObject. `replace_metadata` sends the directive REPLACE, which a copy onto itself needs.
#[must_use]
pub fn copy_object(
    bucket: &str,
    key: &str,
    source: &CopySource<'_>,
    lock: &LockHeaders,
    replace_metadata: bool,
) -> S3Request {
    let request = lock
        .apply(S3Request::to_object(Method::PUT, bucket, key, None))
        .header("x-amz-copy-source", &source.header());
    if replace_metadata { request.header("x-amz-metadata-directive", "REPLACE") } else { request }
}

/// DeleteObject: with a version id for good, without one by a delete marker.
#[must_use]
pub fn delete_object(bucket: &str, key: &str, version_id: Option<&str>) -> S3Request {
    S3Request::to_object(Method::DELETE, bucket, key, version_id)
}

/// One entry of a batch deletion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteEntry {
    /// The key.
    pub key: String,
    /// The version; without one a delete marker is made.
    pub version_id: Option<String>,
}

/// DeleteObjects. S3 takes at most 1000 entries.
#[must_use]
pub fn delete_objects(bucket: &str, entries: &[DeleteEntry], quiet: bool) -> S3Request {
    let mut xml = format!("<Delete xmlns=\"{NAMESPACE}\">");
    if quiet {
        xml.push_str("<Quiet>true</Quiet>");
    }
    for entry in entries {
        xml.push_str("<Object><Key>");
        xml.push_str(&xml_text(&entry.key));
        xml.push_str("</Key>");
        if let Some(id) = &entry.version_id {
            let _ = write!(xml, "<VersionId>{}</VersionId>", xml_text(id));
        }
        xml.push_str("</Object>");
    }
    xml.push_str("</Delete>");
    S3Request::to_bucket(Method::POST, bucket).query("delete", "").body(xml).integrity(Integrity::ContentMd5)
}

/// PutObjectRetention; `None` sends an empty retention, which asks to remove it.
#[must_use]
pub fn put_object_retention(
    bucket: &str,
    key: &str,
    version_id: Option<&str>,
    retention: Option<Retention>,
) -> S3Request {
    let inner = retention.map_or_else(String::new, |r| {
        format!(
            "<Mode>{}</Mode><RetainUntilDate>{}</RetainUntilDate>",
            r.mode.as_str(),
            crate::time::wire(r.until)
        )
    });
    sub_put(bucket, key, version_id, "retention", "Retention", &inner)
}

/// GetObjectRetention.
#[must_use]
pub fn get_object_retention(bucket: &str, key: &str, version_id: Option<&str>) -> S3Request {
    sub(Method::GET, bucket, key, version_id, "retention")
}

/// PutObjectLegalHold.
#[must_use]
pub fn put_object_legal_hold(
    bucket: &str,
    key: &str,
    version_id: Option<&str>,
    hold: LegalHold,
) -> S3Request {
    let inner = format!("<Status>{}</Status>", hold.as_str());
    sub_put(bucket, key, version_id, "legal-hold", "LegalHold", &inner)
}

/// GetObjectLegalHold.
#[must_use]
pub fn get_object_legal_hold(bucket: &str, key: &str, version_id: Option<&str>) -> S3Request {
    sub(Method::GET, bucket, key, version_id, "legal-hold")
}

/// PutObjectTagging.
#[must_use]
pub fn put_object_tagging(
    bucket: &str,
    key: &str,
    version_id: Option<&str>,
    tags: &[(&str, &str)],
) -> S3Request {
    sub_put(bucket, key, version_id, "tagging", "Tagging", &tag_set(tags))
}

/// GetObjectTagging.
#[must_use]
pub fn get_object_tagging(bucket: &str, key: &str, version_id: Option<&str>) -> S3Request {
    sub(Method::GET, bucket, key, version_id, "tagging")
}

/// DeleteObjectTagging.
#[must_use]
pub fn delete_object_tagging(bucket: &str, key: &str, version_id: Option<&str>) -> S3Request {
    sub(Method::DELETE, bucket, key, version_id, "tagging")
}

pub(super) fn tag_set(tags: &[(&str, &str)]) -> String {
    let mut xml = "<TagSet>".to_owned();
    for (key, value) in tags {
        let _ = write!(xml, "<Tag><Key>{}</Key><Value>{}</Value></Tag>", xml_text(key), xml_text(value));
    }
    xml + "</TagSet>"
}

/// The sub-resource stands before the version id: that is how the SDKs order them.
fn sub(method: Method, bucket: &str, key: &str, version_id: Option<&str>, name: &str) -> S3Request {
    let request = S3Request::to_object(method, bucket, key, None).query(name, "");
    match version_id {
        Some(id) => request.query("versionId", id),
        None => request,
    }
}

fn sub_put(
    bucket: &str,
    key: &str,
    version_id: Option<&str>,
    name: &str,
    root: &str,
    inner: &str,
) -> S3Request {
    sub(Method::PUT, bucket, key, version_id, name)
        .body(format!("<{root} xmlns=\"{NAMESPACE}\">{inner}</{root}>"))
        .integrity(Integrity::ContentMd5)
}
