//! Signature version 4 of presigned URLs and form policies, verified against the injected clock.
//!
//! s3s verifies signed headers and streamed chunks itself, but asks the operating system for the time
//! when it judges whether a presigned URL or a form policy has ended. So these two are verified here;
//! a presigned request goes on without its signature, a form with a policy that cannot end.

use std::fmt::Write as _;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderMap;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::{Digest, Sha256};

use super::fault::Fault;

/// How far a request's date may be from the server's clock.
pub const SKEW: TimeDelta = TimeDelta::minutes(15);

const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
const PATH: &AsciiSet = &UNRESERVED.remove(b'/');

/// The decoded parameters of a query, in the order given.
pub fn pairs(query: &str) -> impl Iterator<Item = (String, String)> {
    let decode = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    query.split('&').filter(|pair| !pair.is_empty()).map(move |pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(name), decode(value))
    })
}

/// A date as `x-amz-date` writes it.
#[must_use]
pub fn parse_date(text: &str) -> Option<DateTime<Utc>> {
    NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%SZ").ok().map(|naive| naive.and_utc())
}

/// Refuses a request whose date is too far from `now`.
///
/// # Errors
/// 403 `RequestTimeTooSkewed`.
pub fn check_skew(sent: DateTime<Utc>, now: DateTime<Utc>) -> Result<(), Fault> {
    if (sent - now).abs() <= SKEW {
        return Ok(());
    }
    Err(Fault::new(
        403,
        "RequestTimeTooSkewed",
        "The difference between the request time and the current time is too large.",
    )
    .with("RequestTime", crate::time::wire(sent))
    .with("ServerTime", crate::time::wire(now))
    .with("MaxAllowedSkewMilliseconds", SKEW.num_milliseconds().to_string()))
}

fn mac(key: &[u8], data: &[u8]) -> Vec<u8> {
    // HMAC takes keys of any length: the error cannot occur, and an empty key would verify nothing.
    Hmac::<Sha256>::new_from_slice(key).map_or_else(
        |_| Vec::new(),
        |mut mac| {
            mac.update(data);
            mac.finalize().into_bytes().to_vec()
        },
    )
}

/// The signature of `text` under a credential scope (`date/region/service/aws4_request`).
#[must_use]
pub fn sign(secret: &str, scope: &str, text: &str) -> String {
    let mut key = format!("AWS4{secret}").into_bytes();
    for step in scope.split('/') {
        key = mac(&key, step.as_bytes());
    }
    hex::encode(mac(&key, text.as_bytes()))
}

/// The signature parameters of a presigned URL.
#[derive(Debug)]
pub struct Presigned {
    /// The access key.
    pub access_key: String,
    /// The session token, if any.
    pub token: Option<String>,
    /// The names of the signed headers.
    pub signed: Vec<String>,
    scope: String,
    date: String,
    expires: i64,
    signature: String,
}

impl Presigned {
    /// The parameters, if the query has a signature.
    ///
    /// # Errors
    /// 400 `AuthorizationQueryParametersError` for missing or wrong ones.
    pub fn of(query: &str) -> Result<Option<Self>, Fault> {
        let find = |name: &str| pairs(query).find(|(key, _)| key == name).map(|(_, value)| value);
        let Some(signature) = find("X-Amz-Signature") else { return Ok(None) };
        let wrong = || {
            Fault::new(
                400,
                "AuthorizationQueryParametersError",
                "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.",
            )
        };
        let credential = find("X-Amz-Credential").ok_or_else(wrong)?;
        let (access_key, scope) = credential.split_once('/').ok_or_else(wrong)?;
        let expires = find("X-Amz-Expires").and_then(|text| text.parse().ok()).ok_or_else(wrong)?;
        if find("X-Amz-Algorithm").as_deref() != Some("AWS4-HMAC-SHA256") || !(0..=604_800).contains(&expires)
        {
            return Err(wrong());
        }
        Ok(Some(Self {
            access_key: access_key.to_owned(),
            token: find("X-Amz-Security-Token"),
            signed: find("X-Amz-SignedHeaders")
                .ok_or_else(wrong)?
                .split(';')
                .map(str::to_lowercase)
                .collect(),
            scope: scope.to_owned(),
            date: find("X-Amz-Date").ok_or_else(wrong)?,
            expires,
            signature,
        }))
    }

    /// Verifies time and signature.
    ///
    /// # Errors
    /// 403, as AWS answers.
    pub fn verify(
        &self,
        secret: &str,
        method: &str,
        path: &str,
        query: &str,
        headers: &HeaderMap,
        now: DateTime<Utc>,
    ) -> Result<(), Fault> {
        let sent = parse_date(&self.date).ok_or_else(mismatch)?;
        if sent - now > SKEW {
            return check_skew(sent, now);
        }
        if now - sent > TimeDelta::seconds(self.expires) {
            return Err(Fault::new(403, "AccessDenied", "Request has expired")
                .with("X-Amz-Expires", self.expires.to_string())
                .with("ServerTime", crate::time::wire(now)));
        }
        let mut parameters: Vec<(String, String)> = pairs(query)
            .filter(|(name, _)| name != "X-Amz-Signature")
            .map(|(name, value)| (encode(&name), encode(&value)))
            .collect();
        parameters.sort();
        let parameters: Vec<String> =
            parameters.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut canonical_headers = String::new();
        for name in &self.signed {
            let values: Vec<String> = headers
                .get_all(name.as_str())
                .iter()
                .map(|value| {
                    String::from_utf8_lossy(value.as_bytes()).split_whitespace().collect::<Vec<_>>().join(" ")
                })
                .collect();
            let _ = writeln!(canonical_headers, "{name}:{}", values.join(","));
        }
        let payload = headers
            .get("x-amz-content-sha256")
            .filter(|_| self.signed.iter().any(|name| name == "x-amz-content-sha256"))
            .and_then(|value| value.to_str().ok())
            .unwrap_or("UNSIGNED-PAYLOAD");
        let path = utf8_percent_encode(&percent_decode_str(path).decode_utf8_lossy(), PATH).to_string();
        let request = format!(
            "{method}\n{path}\n{}\n{canonical_headers}\n{}\n{payload}",
            parameters.join("&"),
            self.signed.join(";"),
        );
        let digest = hex::encode(Sha256::digest(request.as_bytes()));
        let text = format!("AWS4-HMAC-SHA256\n{}\n{}\n{digest}", self.date, self.scope);
        if self.date.get(..8) == self.scope.get(..8) && sign(secret, &self.scope, &text) == self.signature {
            Ok(())
        } else {
            Err(mismatch())
        }
    }
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED).to_string()
}

/// A signature that is not right.
#[must_use]
pub fn mismatch() -> Fault {
    Fault::new(
        403,
        "SignatureDoesNotMatch",
        "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
    )
}
