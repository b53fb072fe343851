//! Between s3s' types and the model's.

use std::collections::HashMap;

use ::time::OffsetDateTime;
use bytes::{Bytes, BytesMut};
use chrono::{DateTime, Utc};
use futures_util::StreamExt as _;
use http::{HeaderMap, HeaderName, HeaderValue};
use md5::{Digest, Md5};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use s3s::{S3Response, TrailingHeaders, dto};

use crate::lock::{LegalHold, Mode, Retention};

use super::access::Call;
use super::checks;
use super::defects::{Defect, Defects};
use super::fault::Fault;
use super::model::Object;
use super::objects::LockRequest;

/// An operation's answer.
pub(crate) type Answer<T> = Result<S3Response<T>, Fault>;

/// An answer without further headers.
#[expect(clippy::unnecessary_wraps, reason = "the last line of operations that can fail")]
pub(crate) fn answer<T>(output: T) -> Answer<T> {
    Ok(S3Response::new(output))
}

/// An answer with one more header, if it has a value.
#[expect(clippy::unnecessary_wraps, reason = "the last line of operations that can fail")]
pub(crate) fn with_header<T>(output: T, name: &'static str, value: Option<&str>) -> Answer<T> {
    let mut headers = HeaderMap::new();
    add(&mut headers, name, value);
    Ok(S3Response::with_headers(output, headers))
}

/// Adds a header that has a value.
pub(crate) fn add(headers: &mut HeaderMap, name: &'static str, value: Option<&str>) {
    if let Some(value) = value.and_then(|value| HeaderValue::from_bytes(value.as_bytes()).ok()) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

/// The instant, in UTC whatever the offset.
pub(crate) fn instant(timestamp: &dto::Timestamp) -> DateTime<Utc> {
    let time: OffsetDateTime = timestamp.clone().into();
    DateTime::from_timestamp(time.unix_timestamp(), time.nanosecond()).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// An instant for s3s.
pub(crate) fn timestamp(instant: DateTime<Utc>) -> dto::Timestamp {
    let nanos =
        i128::from(instant.timestamp()) * 1_000_000_000 + i128::from(instant.timestamp_subsec_nanos());
    OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap_or(OffsetDateTime::UNIX_EPOCH).into()
}

/// An ETag for s3s.
pub(crate) fn etag(bare: &str) -> dto::ETag {
    dto::ETag::Strong(bare.to_owned())
}

/// The MD5 of a body in hexadecimal.
pub(crate) fn md5_hex(body: &[u8]) -> String {
    hex::encode(Md5::digest(body))
}

const KEY: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/').remove(b'*');

/// A key as `encoding-type=url` shows it.
pub(crate) fn url_encoded(text: &str) -> String {
    utf8_percent_encode(text, KEY).to_string()
}

/// A key as a listing shows it.
pub(crate) fn shown(text: &str, encoding: Option<&dto::EncodingType>) -> String {
    if encoding.is_some() { url_encoded(text) } else { text.to_owned() }
}

/// The whole body of an upload, compared with every length and digest that came with it; and the
/// checksum to keep.
pub(crate) async fn read_body(
    body: Option<dto::StreamingBlob>,
    headers: &HeaderMap,
    trailers: Option<&TrailingHeaders>,
) -> Result<(Bytes, Option<(&'static str, String)>), Fault> {
    let mut whole = BytesMut::new();
    if let Some(mut stream) = body {
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.map_err(|error| {
                let text = format!("{error:?}");
                if text.contains("ignature") {
                    super::sigv4::mismatch()
                } else if text.contains("hecksum") || text.contains("Sha256") {
                    Fault::new(
                        400,
                        "XAmzContentSHA256Mismatch",
                        "The provided 'x-amz-content-sha256' header does not match what was computed.",
                    )
                } else {
                    incomplete()
                }
            })?;
            whole.extend_from_slice(&chunk);
        }
    }
    let whole = whole.freeze();
    let declared = headers.get("x-amz-decoded-content-length").and_then(|value| value.to_str().ok());
    if declared.is_some_and(|text| text.trim().parse() != Ok(whole.len())) {
        return Err(incomplete());
    }
    let trailing = trailers.and_then(TrailingHeaders::take);
    let by_trailer = match trailing {
        Some(trailing) => checks::verify(&trailing, &whole)?,
        None => None,
    };
    let by_header = checks::verify(headers, &whole)?;
    Ok((whole, by_header.or(by_trailer)))
}

fn incomplete() -> Fault {
    Fault::new(
        400,
        "IncompleteBody",
        "You did not provide the number of bytes specified by the Content-Length HTTP header",
    )
}

/// Standard headers that are kept with an object.
const KEPT: [&str; 9] = [
    "content-type",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "expires",
    "x-amz-website-redirect-location",
    "x-amz-storage-class",
    "x-amz-server-side-encryption",
];

/// What an upload's headers say of the object.
pub(crate) fn described(call: &Call<'_>, metadata: Option<HashMap<String, String>>) -> Object {
    let mut headers = Vec::new();
    for name in KEPT {
        let Some(value) = call.header(name) else { continue };
        let value = if name == "content-encoding" {
            let kept: Vec<&str> =
                value.split(',').map(str::trim).filter(|one| *one != "aws-chunked").collect();
            kept.join(",")
        } else {
            value.to_owned()
        };
        let standard = name == "x-amz-storage-class" && value == "STANDARD";
        if !value.is_empty() && !standard {
            headers.push((name, value));
        }
    }
    if !headers.iter().any(|(name, _)| *name == "content-type") {
        headers.push(("content-type", "binary/octet-stream".to_owned()));
    }
    Object { headers, metadata: metadata.unwrap_or_default(), ..Object::default() }
}

/// The lock that headers or form fields ask for; their form has been checked before.
pub(crate) fn lock_request(
    mode: Option<&dto::ObjectLockMode>,
    until: Option<&dto::Timestamp>,
    hold: Option<&dto::ObjectLockLegalHoldStatus>,
    now: DateTime<Utc>,
    defects: Defects,
) -> Result<LockRequest, Fault> {
    let mode = mode.and_then(|mode| Mode::parse(mode.as_str()));
    let retention = match (mode, until.map(instant)) {
        (Some(mode), Some(until)) if until > now || defects.has(Defect::PastDateAccepted) => {
            Some(Retention { mode, until })
        }
        (Some(_), Some(until)) => {
            return Err(Fault::argument(
                "The retain until date must be in the future!",
                "x-amz-object-lock-retain-until-date",
                crate::time::wire(until),
            ));
        }
        _ => None,
    };
    Ok(LockRequest { retention, hold: hold.and_then(|hold| LegalHold::parse(hold.as_str())) })
}

/// The condition keys of a lock.
pub(crate) fn lock_context(lock: LockRequest, now: DateTime<Utc>) -> Vec<(&'static str, String)> {
    let mut keys = Vec::new();
    if let Some(kept) = lock.retention {
        keys.push(("s3:object-lock-mode", kept.mode.as_str().to_owned()));
        keys.push(("s3:object-lock-retain-until-date", crate::time::wire(kept.until)));
        let millis = (kept.until - now).num_milliseconds().max(0);
        let days = millis / 86_400_000 + i64::from(millis % 86_400_000 != 0);
        keys.push(("s3:object-lock-remaining-retention-days", days.to_string()));
    }
    if let Some(hold) = lock.hold {
        keys.push(("s3:object-lock-legal-hold", hold.as_str().to_owned()));
    }
    keys
}

/// Tags as the `x-amz-tagging` header writes them.
pub(crate) fn tags_of(header: Option<&str>) -> Vec<(String, String)> {
    super::sigv4::pairs(header.unwrap_or("")).collect()
}

/// Adds the header of a checksum.
pub(crate) fn add_checksum(headers: &mut HeaderMap, algorithm: &str, value: &str) {
    let name = match algorithm {
        "crc32" => "x-amz-checksum-crc32",
        "crc32c" => "x-amz-checksum-crc32c",
        "crc64nvme" => "x-amz-checksum-crc64nvme",
        "sha1" => "x-amz-checksum-sha1",
        _ => "x-amz-checksum-sha256",
    };
    add(headers, name, Some(value));
}
