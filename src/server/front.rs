//! The outer layer: what s3s does not check before, and what it does not say after.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, DATE, HOST, SERVER};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri};
use percent_encoding::percent_decode_str;
use sha2::{Digest, Sha256};

use super::Inner;
use super::access::Seen;
use super::checks;
use super::defects::Defect;
use super::doors::LOCK_HEADERS;
use super::fault::{DETAILS, Fault, escape};
use super::form;
use super::sigv4::{Presigned, check_skew, pairs, parse_date};

/// Checks a request and makes it ready for s3s.
pub(crate) fn admit(
    inner: &Inner,
    request: Request<Bytes>,
    source: Option<IpAddr>,
) -> Result<Request<Bytes>, Fault> {
    let now = inner.clock.now();
    let (mut parts, mut body) = request.into_parts();
    parts.version = http::Version::HTTP_11;
    if !parts.headers.contains_key(HOST)
        && let Some(host) = parts.uri.authority().and_then(|host| HeaderValue::from_str(host.as_str()).ok())
    {
        parts.headers.insert(HOST, host);
    }
    let mut seen = Seen { source, ..Seen::default() };
    let target = Target::of(&parts.method, &parts.uri, &parts.headers);
    authenticate(inner, &mut parts, &mut seen, now)?;
    if parts.method != Method::GET && parts.method != Method::HEAD {
        refuse_unknown(&parts.headers, &target, &body).inspect_err(|_| inner.unknown_elements(&parts.uri))?;
        if target.has("lifecycle") && contains(&body, b"<ExpiredObjectAllVersions>") {
            inner.expire_all(parts.uri.path().trim_matches('/'), Defect::LifecycleIgnoresLock);
        }
        let hold = text(&parts.headers, "x-amz-object-lock-legal-hold");
        seen.any_hold =
            hold.is_some_and(|hold| !matches!(hold, "ON" | "OFF")) && inner.has(Defect::MisspeltHoldDropped);
        seen.aimed = aim(inner, &parts.headers, &target)?;
        if target.form {
            let content_type = text(&parts.headers, "content-type").unwrap_or_default().to_owned();
            body = form::prepare(&body, &content_type, &inner.keys, &mut seen, now)?;
            parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        }
        check_body(inner, &parts.headers, &target, &body)?;
        if !parts.headers.contains_key(CONTENT_LENGTH) {
            parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        }
    }
    parts.extensions.insert(Arc::new(seen));
    Ok(Request::from_parts(parts, body))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Query names of requests whose body is a document.
const DOCUMENTS: [&str; 11] = [
    "object-lock",
    "retention",
    "legal-hold",
    "delete",
    "policy",
    "versioning",
    "tagging",
    "encryption",
    "lifecycle",
    "publicAccessBlock",
    "ownershipControls",
];

/// What a request is aimed at, by method, path and query.
#[expect(clippy::struct_excessive_bools, reason = "independent observations, not states")]
struct Target {
    put: bool,
    post: bool,
    object: bool,
    form: bool,
    names: Vec<String>,
    version: Option<String>,
}

impl Target {
    fn of(method: &Method, uri: &Uri, headers: &HeaderMap) -> Self {
        let mut names = Vec::new();
        let mut version = None;
        for (name, value) in pairs(uri.query().unwrap_or("")) {
            if name == "versionId" {
                version = Some(value);
            }
            names.push(name);
        }
        let path = uri.path().trim_start_matches('/');
        Self {
            put: *method == Method::PUT,
            post: *method == Method::POST,
            object: path.split_once('/').is_some_and(|(_, key)| !key.is_empty()),
            form: *method == Method::POST
                && text(headers, "content-type").is_some_and(|kind| kind.starts_with("multipart/form-data")),
            names,
            version,
        }
    }

    fn has(&self, name: &str) -> bool {
        self.names.iter().any(|found| found == name)
    }
}

/// Time, presigned URLs, and headers that the signature does not cover.
fn authenticate(
    inner: &Inner,
    parts: &mut http::request::Parts,
    seen: &mut Seen,
    now: DateTime<Utc>,
) -> Result<(), Fault> {
    let authorization = text(&parts.headers, "authorization").map(str::to_owned);
    let query = parts.uri.query().unwrap_or("").to_owned();
    if authorization.as_deref().is_some_and(|text| text.starts_with("AWS "))
        || (query.contains("Signature=") && !query.contains("X-Amz-Signature="))
    {
        return Err(Fault::request(
            "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
        ));
    }
    if let Some(authorization) = authorization {
        seen.auth_type = Some("REST-HEADER");
        if text(&parts.headers, "x-amz-content-sha256") == Some("STREAMING-UNSIGNED-PAYLOAD-TRAILER")
            && (inner.has(Defect::WrongSignatureUnpacks) || inner.has(Defect::UnsignedTrailerUnverified))
        {
            let credential =
                authorization.split("Credential=").nth(1).and_then(|text| text.split('/').next());
            seen.verified = credential.map(str::to_owned);
            parts.headers.remove(AUTHORIZATION);
            return Ok(());
        }
        if let Some(sent) = text(&parts.headers, "x-amz-date").and_then(parse_date) {
            check_skew(sent, now)?;
        }
        let signed = authorization.split("SignedHeaders=").nth(1).unwrap_or("");
        let signed: Vec<&str> = signed.split(',').next().unwrap_or("").trim().split(';').collect();
        return check_covered(inner, &parts.headers, &signed, false);
    }
    if query.contains("X-Amz-Signature=")
        && let Some(presigned) = Presigned::of(&query)?
    {
        seen.auth_type = Some("REST-QUERY-STRING");
        let key = inner.keys.get(&presigned.access_key)?;
        let path = parts.uri.path();
        let single = super::doors::undoubled(inner, &parts.headers);
        let headers = single.as_ref().unwrap_or(&parts.headers);
        let streamed = text(headers, "x-amz-content-sha256") == Some("STREAMING-UNSIGNED-PAYLOAD-TRAILER");
        if streamed && inner.has(Defect::StreamedQueryUnverified) {
            // The body is taken as it came, its frame included.
            let frame =
                ["x-amz-content-sha256", "x-amz-decoded-content-length", "x-amz-trailer", "content-encoding"];
            frame.iter().for_each(|name| drop(parts.headers.remove(*name)));
        } else {
            presigned.verify(&key.secret, parts.method.as_str(), path, &query, headers, now)?;
            let signed: Vec<&str> = presigned.signed.iter().map(String::as_str).collect();
            check_covered(inner, &parts.headers, &signed, true)?;
        }
        if single.is_some() {
            LOCK_HEADERS.iter().for_each(|name| drop(parts.headers.remove(*name)));
        }
        parts.uri = unsigned(&parts.uri, &mut parts.headers);
        seen.token.clone_from(&presigned.token);
        seen.verified = Some(presigned.access_key);
    }
    Ok(())
}

fn check_covered(inner: &Inner, headers: &HeaderMap, signed: &[&str], presigned: bool) -> Result<(), Fault> {
    let loose: Vec<&str> = headers
        .keys()
        .map(HeaderName::as_str)
        .filter(|name| name.starts_with("x-amz-") && !signed.contains(name))
        .filter(|name| !(presigned && *name == "x-amz-content-sha256"))
        .collect();
    let replica = loose == ["x-amz-replication-status"]
        && (inner.has(Defect::UnsignedReplicaDelete) || inner.has(Defect::UnsignedReplicaUpload));
    if loose.is_empty() || replica || inner.has(Defect::UnsignedHeadersAccepted) {
        return Ok(());
    }
    Err(Fault::new(403, "AccessDenied", "There were headers present in the request which were not signed")
        .with("HeadersNotSigned", loose.join(", ")))
}

/// The URI without the signature's parameters; other `x-amz-` parameters, which the signature covers,
/// become headers.
fn unsigned(uri: &Uri, headers: &mut HeaderMap) -> Uri {
    const OWN: [&str; 8] = [
        "x-amz-algorithm",
        "x-amz-credential",
        "x-amz-date",
        "x-amz-expires",
        "x-amz-signedheaders",
        "x-amz-signature",
        "x-amz-security-token",
        "x-amz-content-sha256",
    ];
    let mut kept = Vec::new();
    for pair in uri.query().unwrap_or("").split('&') {
        let Some((name, value)) = pairs(pair).next() else { continue };
        let name = name.to_ascii_lowercase();
        if OWN.contains(&name.as_str()) {
            continue;
        }
        match (
            name.strip_prefix("x-amz-").and(name.parse::<HeaderName>().ok()),
            HeaderValue::from_str(&value),
        ) {
            (Some(name), Ok(value)) => {
                headers.entry(name).or_insert(value);
            }
            _ => kept.push(pair),
        }
    }
    let query = if kept.is_empty() { String::new() } else { format!("?{}", kept.join("&")) };
    format!("{}{query}", uri.path()).parse().unwrap_or_else(|_| uri.clone())
}

fn refuse_unknown(headers: &HeaderMap, target: &Target, body: &Bytes) -> Result<(), Fault> {
    let event_hold = headers.keys().find(|name| name.as_str().starts_with("x-amz-object-lock-event-hold"));
    if let Some(name) = event_hold {
        return Err(Fault::not_implemented(name.as_str(), "Event holds are not implemented by this server"));
    }
    let held = (target.has("retention") || target.has("object-lock"))
        && (contains(body, b"<EventHold") || contains(body, b"<DefaultEventHold"));
    if held {
        return Err(Fault::new(501, "NotImplemented", "Event holds are not implemented by this server"));
    }
    Ok(())
}

fn contains(body: &[u8], needle: &[u8]) -> bool {
    body.windows(needle.len()).any(|window| window == needle)
}

/// A write with `?versionId` is refused, unless a defect honours it.
fn aim(inner: &Inner, headers: &HeaderMap, target: &Target) -> Result<Option<String>, Fault> {
    const OTHER: [&str; 9] = [
        "retention",
        "legal-hold",
        "tagging",
        "acl",
        "restore",
        "annotation",
        "encryption",
        "select",
        "attributes",
    ];
    let Some(version) = target.version.clone() else { return Ok(None) };
    if !(target.put || target.post) || OTHER.iter().any(|name| target.has(name)) {
        return Ok(None);
    }
    let replica = text(headers, "x-amz-replication-status") == Some("REPLICA");
    let locks = headers.contains_key("x-amz-object-lock-mode");
    let honoured = (target.put && target.object && !target.has("uploadId"))
        && (inner.has(Defect::PutVersionIdReplaces)
            || (replica && inner.has(Defect::ReplicaHeaderPut))
            || (locks && inner.has(Defect::VersionIdTakesLock))
            || inner.has(Defect::MadeUpVersionReplacesCurrent))
        || (target.post && target.has("uploads") && inner.has(Defect::MultipartVersionIdReplaces))
        || (target.form && inner.has(Defect::FormVersionIdReplaces));
    if honoured {
        return Ok(Some(version));
    }
    Err(Fault::argument("This operation does not accept a version-id.", "versionId", version))
}

/// The digests of a body, and the bodies that must be there or carry one.
fn check_body(inner: &Inner, headers: &HeaderMap, target: &Target, body: &Bytes) -> Result<(), Fault> {
    let lock =
        target.put && (target.has("object-lock") || target.has("retention") || target.has("legal-hold"));
    let batch = target.post && target.has("delete");
    if (lock || batch) && body.is_empty() {
        return Err(if target.has("object-lock") {
            Fault::new(400, "MissingRequestBodyError", "Request Body is empty")
        } else {
            Fault::xml()
        });
    }
    if (lock || batch) && !checks::has_any(headers) && !(batch && inner.has(Defect::UncheckedBatchSkipsLock))
    {
        return Err(Fault::request("Missing required header for this request: Content-MD5"));
    }
    let sha256 = text(headers, "x-amz-content-sha256").unwrap_or("UNSIGNED-PAYLOAD");
    if sha256.len() == 64 && !body.is_empty() && hex::encode(Sha256::digest(body)) != sha256 {
        return Err(Fault::new(
            400,
            "XAmzContentSHA256Mismatch",
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
        ));
    }
    if !sha256.starts_with("STREAMING-") && DOCUMENTS.iter().any(|name| target.has(name)) {
        checks::verify(headers, body)?;
    }
    Ok(())
}

/// A refusal of the outer layer itself.
pub(crate) fn render(fault: &Fault) -> Response<Bytes> {
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>");
    let _ = write!(xml, "<Code>{}</Code><Message>{}</Message>", fault.code, escape(&fault.message));
    xml.push_str(&fault.details_xml());
    xml.push_str("</Error>");
    let mut answer = Response::new(Bytes::from(xml));
    *answer.status_mut() = StatusCode::from_u16(fault.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in &fault.headers {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
            answer.headers_mut().insert(name, value);
        }
    }
    answer
}

/// In place of details: the answer shows its ETag without quotes, which s3s cannot write (recorded for
/// GetObjectAttributes).
pub(crate) const BARE_ETAG: &str = "bare-etag";

/// Adds what every answer carries: request ids, date, length; completes error XML.
pub(crate) fn finish(
    answer: Response<Bytes>,
    method: &Method,
    path: &str,
    id: u64,
    now: DateTime<Utc>,
) -> Response<Bytes> {
    let (mut parts, mut body) = policy_refusal(answer).into_parts();
    let request_id = format!("{:016X}", id.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let host_id = format!("wormproof/{request_id}");
    let details = parts.headers.remove(DETAILS);
    let empty = *method == Method::HEAD
        || parts.status == StatusCode::NOT_MODIFIED
        || parts.status == StatusCode::NO_CONTENT;
    if parts.status.is_success() && details.as_ref().is_some_and(|value| value == BARE_ETAG) {
        let text = String::from_utf8_lossy(&body);
        body = Bytes::from(text.replace("<ETag>\"", "<ETag>").replace("\"</ETag>", "</ETag>"));
    }
    if parts.status.as_u16() >= 300 {
        let details = details.as_ref().and_then(|value| value.to_str().ok()).unwrap_or("");
        body = complete_error(&body, details, path, &request_id, &host_id);
        if *method == Method::POST && path == "/" {
            body = sts_error(&body, &request_id);
        }
        parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
        parts.headers.remove(CONTENT_LENGTH);
    }
    if empty {
        body = Bytes::new();
    } else {
        parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    }
    let mut insert = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            parts.headers.insert(name, value);
        }
    };
    insert(HeaderName::from_static("x-amz-request-id"), &request_id);
    insert(HeaderName::from_static("x-amz-id-2"), &host_id);
    insert(DATE, &crate::time::http_date(now));
    insert(SERVER, "wormproof");
    Response::from_parts(parts, body)
}

/// A form that breaks its policy: s3s answers 400 `InvalidPolicyDocument`, AWS 403.
fn policy_refusal(answer: Response<Bytes>) -> Response<Bytes> {
    let words = b"<Code>InvalidPolicyDocument</Code><Message>Policy condition";
    if answer.status() != StatusCode::BAD_REQUEST || !contains(answer.body(), words) {
        return answer;
    }
    let text = String::from_utf8_lossy(answer.body()).into_owned();
    let condition = text.split("<Message>").nth(1).and_then(|rest| rest.split("</Message>").next());
    let mut refused =
        render(&Fault::new(403, "AccessDenied", "Invalid according to Policy: Policy Condition failed"));
    let more = format!("<Condition>{}</Condition></Error>", condition.unwrap_or(""));
    let body = String::from_utf8_lossy(refused.body()).replace("</Error>", &more);
    *refused.body_mut() = Bytes::from(body);
    refused
}

/// STS wraps its errors.
fn sts_error(body: &Bytes, request_id: &str) -> Bytes {
    let text = String::from_utf8_lossy(body).into_owned();
    let part = |name: &str| {
        let rest = text.split(&format!("<{name}>")).nth(1).unwrap_or("");
        rest.split("</").next().unwrap_or("").to_owned()
    };
    Bytes::from(format!(
        "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type><Code>{}</Code><Message>{}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>",
        part("Code"),
        part("Message"),
    ))
}

fn complete_error(body: &Bytes, details: &str, path: &str, request_id: &str, host_id: &str) -> Bytes {
    let Ok(xml) = std::str::from_utf8(body) else { return body.clone() };
    let Some(head) = xml.trim_end().strip_suffix("</Error>") else { return body.clone() };
    let mut out = head.to_owned();
    if !head.contains("<Message>") {
        let code = head.split("<Code>").nth(1).and_then(|rest| rest.split("</Code>").next()).unwrap_or("");
        let _ = write!(out, "<Message>{}</Message>", default_message(code));
    }
    out.push_str(&percent_decode_str(details).decode_utf8_lossy());
    let resource = percent_decode_str(path).decode_utf8_lossy();
    let _ = write!(
        out,
        "<Resource>{}</Resource><RequestId>{request_id}</RequestId><HostId>{host_id}</HostId></Error>",
        escape(&resource)
    );
    Bytes::from(out)
}

/// AWS's words for refusals that s3s gives without any.
fn default_message(code: &str) -> &'static str {
    match code {
        "SignatureDoesNotMatch" => {
            "The request signature we calculated does not match the signature you provided. Check your key and signing method."
        }
        "MalformedXML" => {
            "The XML you provided was not well-formed or did not validate against our published schema"
        }
        "InvalidURI" => "Couldn't parse the specified URI.",
        "InvalidBucketName" => "The specified bucket is not valid.",
        "KeyTooLongError" => "Your key is too long",
        "IncompleteBody" => {
            "You did not provide the number of bytes specified by the Content-Length HTTP header"
        }
        "MethodNotAllowed" => "The specified method is not allowed against this resource.",
        "MissingRequestBodyError" => "Request Body is empty",
        "NotImplemented" => "A header you provided implies functionality that is not implemented",
        "InternalError" => "We encountered an internal error. Please try again.",
        _ => "Access Denied",
    }
}
