//! Conditions by ETag in spellings that AWS takes and s3s does not (CND-06, CND-07): one quote only, or
//! letters that stand in no ETag.
//!
//! Such a header is covered by the signature, so it cannot be mended before the signature is checked.
//! s3s reads it last. When it answers that it could not, it has accepted the signature and the rights'
//! layer has seen the caller: the request is then given to it again, with the header mended and the
//! caller as known, in place of the signature.

use std::sync::Arc;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, Response, StatusCode};
use s3s::dto::ETagCondition;

use super::access::Seen;
use super::condition::bare;

const CONDITIONS: [&str; 4] =
    ["if-match", "if-none-match", "x-amz-copy-source-if-match", "x-amz-copy-source-if-none-match"];

/// The request to give when s3s could not read this one; none where it can, or where a second one would
/// not help.
pub(crate) fn conditions(request: &Request<Bytes>) -> Option<Request<Bytes>> {
    let mended: Vec<(&str, HeaderValue)> = CONDITIONS
        .into_iter()
        .filter_map(|name| {
            let value = request.headers().get(name)?;
            ETagCondition::parse_http_header(value.as_bytes()).err()?;
            let text = bare(value.to_str().ok()?);
            // A list stays a list.
            let quoted = (!text.contains('"')).then(|| format!("\"{text}\""))?;
            Some((name, HeaderValue::from_str(&quoted).ok()?))
        })
        .collect();
    let text = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    // Signed chunks can only be read together with the signature.
    let chunked = text("x-amz-content-sha256").is_some_and(|sum| sum.starts_with("STREAMING-"));
    if mended.is_empty() || chunked {
        return None;
    }
    let credential = text("authorization").and_then(|text| text.split("Credential=").nth(1));
    let key = credential.and_then(|text| text.split('/').next()).map(str::to_owned);
    let mut again = request.clone();
    for (name, value) in mended {
        again.headers_mut().insert(name, value);
    }
    again.headers_mut().remove(AUTHORIZATION);
    let mut seen = again.extensions().get::<Arc<Seen>>().map(|seen| Seen::clone(seen)).unwrap_or_default();
    seen.verified = key.or(seen.verified);
    again.extensions_mut().insert(Arc::new(seen));
    Some(again)
}

/// Whether s3s accepted the signature and then could not read a condition.
pub(crate) fn unread(answer: &Response<Bytes>) -> bool {
    let text = String::from_utf8_lossy(answer.body());
    answer.status() == StatusCode::BAD_REQUEST
        && CONDITIONS.iter().any(|name| text.contains(&format!("<Message>invalid header: {name}: ")))
}
