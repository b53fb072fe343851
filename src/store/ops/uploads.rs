//! Multipart uploads.

use std::fmt::Write as _;

use bytes::Bytes;
use http::Method;

use super::{CopySource, LockHeaders, NAMESPACE, xml_text};
use crate::store::request::{Integrity, S3Request};

/// CreateMultipartUpload.
#[must_use]
pub fn create_multipart_upload(bucket: &str, key: &str, lock: &LockHeaders) -> S3Request {
    lock.apply(S3Request::to_object(Method::POST, bucket, key, None).query("uploads", ""))
}

/// UploadPart. Parts but the last have at least 5 MiB; numbers begin at 1.
#[must_use]
pub fn upload_part(
    bucket: &str,
    key: &str,
    upload_id: &str,
    number: u32,
    body: impl Into<Bytes>,
) -> S3Request {
    part(bucket, key, upload_id, number).body(body).integrity(Integrity::ContentMd5)
}

/// UploadPartCopy.
#[must_use]
pub fn upload_part_copy(
    bucket: &str,
    key: &str,
    upload_id: &str,
    number: u32,
    source: &CopySource<'_>,
) -> S3Request {
    part(bucket, key, upload_id, number).header("x-amz-copy-source", &source.header())
}

/// CompleteMultipartUpload from part numbers and ETags.
#[must_use]
pub fn complete_multipart_upload(
    bucket: &str,
    key: &str,
    upload_id: &str,
    parts: &[(u32, String)],
) -> S3Request {
    let mut xml = format!("<CompleteMultipartUpload xmlns=\"{NAMESPACE}\">");
    for (number, tag) in parts {
        let tag = xml_text(tag);
        let _ = write!(xml, "<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>");
    }
    xml.push_str("</CompleteMultipartUpload>");
    S3Request::to_object(Method::POST, bucket, key, None).query("uploadId", upload_id).body(xml)
}

/// AbortMultipartUpload.
#[must_use]
pub fn abort_multipart_upload(bucket: &str, key: &str, upload_id: &str) -> S3Request {
    S3Request::to_object(Method::DELETE, bucket, key, None).query("uploadId", upload_id)
}

/// ListMultipartUploads of a prefix.
#[must_use]
pub fn list_multipart_uploads(bucket: &str, prefix: &str) -> S3Request {
    S3Request::to_bucket(Method::GET, bucket).query("uploads", "").query("prefix", prefix)
}

fn part(bucket: &str, key: &str, upload_id: &str, number: u32) -> S3Request {
    S3Request::to_object(Method::PUT, bucket, key, None)
        .query("partNumber", &number.to_string())
        .query("uploadId", upload_id)
}
