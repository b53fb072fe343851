//! From a request as it is meant to a request as it is sent: encoding, checksums, SigV4.
//!
//! The signature itself is made by `aws-sigv4`, with S3's settings: the path is encoded once and never
//! normalised, so that keys with `//`, `.`, `..` or control characters reach the server as they are.

use std::fmt::Write as _;

use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation,
    SigningSettings, UriPathNormalizationMode,
};
use aws_sigv4::sign::v4;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use crate::store::credentials::{Credentials, chain_of};
use crate::store::endpoint::{Endpoint, encode_query};
use crate::store::request::{Auth, Integrity, S3Request, Service};

/// A request as it goes onto the wire.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) method: http::Method,
    /// `scheme://host[:port]`.
    pub(crate) base: String,
    /// Path and query, encoded.
    pub(crate) target: String,
    /// Lower-case names.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
    pub(crate) body_sha256: String,
    /// The signature, to be kept out of the record.
    pub(crate) signature: Option<String>,
}

impl Prepared {
    /// The same for the HTTP library. It shares the body.
    pub(crate) fn to_http(&self) -> Result<http::Request<Bytes>, String> {
        let mut builder =
            http::Request::builder().method(self.method.clone()).uri(format!("{}{}", self.base, self.target));
        for (name, value) in &self.headers {
            builder = builder.header(name.as_str(), value.as_str());
        }
        builder.body(self.body.clone()).map_err(|error| chain_of(&error))
    }
}

/// The value of the `Host` header: the default port of the scheme is left out.
pub(crate) fn host_of(base: &str) -> &str {
    match base.split_once("://") {
        Some(("http", host)) => host.strip_suffix(":80").unwrap_or(host),
        Some((_, host)) => host.strip_suffix(":443").unwrap_or(host),
        None => base,
    }
}

/// Encodes, adds what is missing and signs.
///
/// # Errors
/// A header or address that HTTP cannot carry, in words.
pub(crate) fn prepare(
    request: &S3Request,
    endpoint: &Endpoint,
    who: Option<&Credentials>,
    user_agent: &str,
    now: DateTime<Utc>,
) -> Result<Prepared, String> {
    let (base, mut target) =
        endpoint.address(request.service, request.bucket.as_deref(), request.key.as_deref());
    for (i, (name, value)) in request.query.iter().enumerate() {
        target.push(if i == 0 { '?' } else { '&' });
        target.push_str(&encode_query(name));
        target.push('=');
        target.push_str(&encode_query(value));
    }
    let body = match request.integrity {
        Integrity::Trailer => framed(&request.body),
        _ => request.body.clone(),
    };
    let body_sha256 = hex::encode(Sha256::digest(&body));
    let lower = |(n, v): &(String, String)| (n.to_ascii_lowercase(), v.clone());
    let mut signed: Vec<(String, String)> = vec![("host".to_owned(), host_of(&base).to_owned())];
    signed.extend(request.headers.iter().map(lower));
    match request.integrity {
        Integrity::None => {}
        Integrity::ContentMd5 => {
            signed.push(("content-md5".to_owned(), STANDARD.encode(md5::Md5::digest(&request.body))));
        }
        Integrity::Sha256Checksum => {
            let sum = STANDARD.encode(Sha256::digest(&request.body));
            signed.push(("x-amz-checksum-sha256".to_owned(), sum));
        }
        Integrity::Trailer => {
            let length = request.body.len().to_string();
            let headers = [
                ("content-encoding", "aws-chunked"),
                ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
                ("x-amz-decoded-content-length", length.as_str()),
                ("x-amz-trailer", "x-amz-checksum-sha256"),
            ];
            signed.extend(headers.map(|(name, value)| (name.to_owned(), value.to_owned())));
        }
    }
    let mut unsigned: Vec<(String, String)> = request.unsigned_headers.iter().map(lower).collect();
    let has = |name: &str| signed.iter().chain(&unsigned).any(|(n, _): &(String, String)| n == name);
    let add_agent = !has("user-agent");
    let add_length = !has("content-length")
        && (!body.is_empty() || matches!(request.method, http::Method::PUT | http::Method::POST));
    if add_agent {
        unsigned.push(("user-agent".to_owned(), user_agent.to_owned()));
    }
    if add_length {
        unsigned.push(("content-length".to_owned(), body.len().to_string()));
    }
    let mut prepared = Prepared {
        method: request.method.clone(),
        base,
        target,
        headers: signed,
        body,
        body_sha256,
        signature: None,
    };
    let identity = match request.auth {
        Auth::Anonymous => None,
        _ => who,
    };
    if let Some(credentials) = identity {
        sign(&mut prepared, request, endpoint, credentials, now)?;
    }
    prepared.headers.extend(unsigned);
    Ok(prepared)
}

fn service_name(service: Service) -> &'static str {
    match service {
        Service::S3 => "s3",
        Service::Sts => "sts",
    }
}

fn sign(
    prepared: &mut Prepared,
    request: &S3Request,
    endpoint: &Endpoint,
    who: &Credentials,
    now: DateTime<Utc>,
) -> Result<(), String> {
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    if let Auth::Presigned { expires_s } | Auth::WrongPresigned { expires_s } = request.auth {
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(std::time::Duration::from_secs(expires_s.into()));
        settings.payload_checksum_kind = PayloadChecksumKind::NoHeader;
    }
    // A request may state its own payload digest (an attack with a streaming mark); the signer adds it again.
    let stated = prepared.headers.iter().position(|(n, _)| n == "x-amz-content-sha256");
    let body = match (stated, request.auth) {
        (Some(i), Auth::Header | Auth::WrongSignature) => {
            SignableBody::Precomputed(prepared.headers.remove(i).1)
        }
        (_, Auth::Presigned { .. } | Auth::WrongPresigned { .. }) => SignableBody::UnsignedPayload,
        _ => SignableBody::Precomputed(prepared.body_sha256.clone()),
    };
    let identity = who.to_aws().into();
    let params = aws_sigv4::sign::v4::SigningParams::builder()
        .identity(&identity)
        .region(&endpoint.region)
        .name(service_name(request.service))
        .time(now.into())
        .settings(settings)
        .build()
        .map_err(|error| chain_of(&error))?
        .into();
    let uri = format!("{}{}", prepared.base, prepared.target);
    let signable = SignableRequest::new(
        prepared.method.as_str(),
        uri,
        prepared.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())),
        body,
    )
    .map_err(|error| chain_of(&error))?;
    let (instructions, signature) =
        aws_sigv4::http_request::sign(signable, &params).map_err(|error| chain_of(&error))?.into_parts();
    let (headers, parameters) = instructions.into_parts();
    let spoilt = matches!(request.auth, Auth::WrongSignature | Auth::WrongPresigned { .. });
    let wrong = spoilt.then(|| spoil(&signature));
    for header in headers {
        let value = match &wrong {
            Some(spoiled) => header.value().replace(&signature, spoiled),
            None => header.value().to_owned(),
        };
        prepared.headers.push((header.name().to_owned(), value));
    }
    for (name, value) in parameters {
        prepared.target.push(if prepared.target.contains('?') { '&' } else { '?' });
        let value = match &wrong {
            Some(spoiled) => value.replace(&signature, spoiled),
            None => value.into_owned(),
        };
        let _ = write!(prepared.target, "{}={}", encode_query(name), encode_query(&value));
    }
    prepared.signature = Some(wrong.unwrap_or(signature));
    Ok(())
}

/// A body as one chunk without a signature, and its checksum behind it.
fn framed(body: &[u8]) -> Bytes {
    let sum = STANDARD.encode(Sha256::digest(body));
    let mut framed = if body.is_empty() { Vec::new() } else { format!("{:x}\r\n", body.len()).into_bytes() };
    if !body.is_empty() {
        framed.extend_from_slice(body);
        framed.extend_from_slice(b"\r\n");
    }
    framed.extend_from_slice(format!("0\r\nx-amz-checksum-sha256:{sum}\r\n\r\n").as_bytes());
    framed.into()
}

/// Another signature of the same form.
fn spoil(signature: &str) -> String {
    signature.chars().map(|c| if c == '0' { '1' } else { '0' }).collect()
}

/// Signs the base64 of a form's policy (`x-amz-signature` of a POST form).
#[must_use]
pub(crate) fn sign_policy(
    policy_base64: &str,
    who: &Credentials,
    region: &str,
    now: DateTime<Utc>,
) -> String {
    let key = v4::generate_signing_key(&who.secret_key, now.into(), region, "s3");
    v4::calculate_signature(key, policy_base64.as_bytes())
}
