//! Uploads by an HTML form (`POST` of `multipart/form-data` to the bucket), with a signed policy.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use http::Method;

use crate::store::credentials::Credentials;
use crate::store::request::{Auth, S3Request};
use crate::store::sign::sign_policy;

/// A form to be sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PostForm {
    /// The bucket.
    pub bucket: String,
    /// The key (`key` field).
    pub key: String,
    /// The file's bytes.
    pub content: Vec<u8>,
    /// A version id in the query, which no honest form has.
    pub version_id: Option<String>,
    /// Further fields, in order before the file (lock fields); each is covered by the policy.
    pub fields: Vec<(String, String)>,
    /// HTTP headers of the request.
    pub headers: Vec<(String, String)>,
}

/// The request for a form, signed by `who` for ten minutes; without `who` an anonymous form. Its
/// signature is in its body, so it is sent as [`Auth::Anonymous`].
#[must_use]
pub fn post_form(form: &PostForm, who: Option<&Credentials>, region: &str, now: DateTime<Utc>) -> S3Request {
    let mut fields: Vec<(String, String)> = vec![("key".to_owned(), form.key.clone())];
    fields.extend(form.fields.iter().cloned());
    let mut secrets = Vec::new();
    if let Some(who) = who {
        let date = now.format("%Y%m%d").to_string();
        fields.push(("x-amz-algorithm".to_owned(), "AWS4-HMAC-SHA256".to_owned()));
        fields.push((
            "x-amz-credential".to_owned(),
            format!("{}/{date}/{region}/s3/aws4_request", who.access_key),
        ));
        fields.push(("x-amz-date".to_owned(), now.format("%Y%m%dT%H%M%SZ").to_string()));
        if let Some(token) = &who.session_token {
            fields.push(("x-amz-security-token".to_owned(), token.as_str().to_owned()));
        }
        let policy = STANDARD.encode(policy(&form.bucket, &fields, form.content.len(), now).as_bytes());
        let signature = sign_policy(&policy, who, region, now);
        if who.session_token.is_some() {
            // The token stands in the policy's conditions.
            secrets.push(("policy", policy.clone()));
        }
        secrets.push(("x-amz-signature", signature.clone()));
        fields.push(("policy".to_owned(), policy));
        fields.push(("x-amz-signature".to_owned(), signature));
    }
    let boundary = boundary(&fields, &form.content);
    let mut body = Vec::new();
    for (name, value) in &fields {
        body.extend_from_slice(
            format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
                .as_bytes(),
        );
    }
    body.extend_from_slice(
        format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"file\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        )
        .as_bytes(),
    );
    body.extend_from_slice(&form.content);
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    let mut request = S3Request::to_bucket(Method::POST, &form.bucket)
        .header("content-type", &format!("multipart/form-data; boundary={boundary}"))
        .body(body)
        .auth(Auth::Anonymous);
    if let Some(id) = &form.version_id {
        request = request.query("versionId", id);
    }
    for (name, value) in &form.headers {
        request = request.header(name, value);
    }
    secrets.iter().fold(request, |request, (name, value)| request.body_secret(name, value))
}

fn policy(bucket: &str, fields: &[(String, String)], length: usize, now: DateTime<Utc>) -> String {
    let mut conditions = vec![serde_json::json!({ "bucket": bucket })];
    conditions
        .extend(fields.iter().map(|(name, value)| serde_json::json!(["eq", format!("${name}"), value])));
    conditions.push(serde_json::json!(["content-length-range", 0, length]));
    let ends = now.checked_add_signed(TimeDelta::minutes(10)).unwrap_or(now);
    serde_json::json!({ "expiration": crate::time::wire(ends), "conditions": conditions }).to_string()
}

/// A boundary that stands in no part. Derived from the content, so that the same form is the same bytes.
fn boundary(fields: &[(String, String)], content: &[u8]) -> String {
    let taken = |text: &str| {
        content.windows(text.len()).any(|w| w == text.as_bytes())
            || fields.iter().any(|(_, value)| value.contains(text))
    };
    let mut n = 0_u64;
    loop {
        let text = format!("wormproof-form-{n:08}");
        if !taken(&text) {
            return text;
        }
        n += 1;
    }
}
