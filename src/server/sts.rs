//! STS `AssumeRole`: temporary keys for other principals.
//!
//! Any role can be assumed with the root key; the session may do what its policy allows, or without
//! one everything that the account's users may.

use bytes::Bytes;
use chrono::TimeDelta;
use http::HeaderMap;

use crate::policy::{Kind, Policy, Principal};

use super::Inner;
use super::access::{ACCOUNT, Caller, Key};
use super::fault::{Fault, escape};
use super::sigv4::pairs;

/// The answer to a form posted to `/`.
///
/// # Errors
/// 403 for a caller that is not the root key, 400 for a wrong parameter.
pub(crate) fn assume_role(inner: &Inner, caller: &Caller, body: &Bytes) -> Result<String, Fault> {
    let parameters: Vec<(String, String)> = pairs(&String::from_utf8_lossy(body)).collect();
    let find = |name: &str| {
        parameters
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
            .filter(|v| !v.is_empty())
    };
    if !caller.key.as_deref().is_some_and(Key::is_root) {
        return Err(Fault::denied());
    }
    let invalid = |message: String| Fault::new(400, "ValidationError", message);
    if find("Action") != Some("AssumeRole") {
        return Err(Fault::new(400, "InvalidAction", "Could not find operation for this version"));
    }
    let seconds = match find("DurationSeconds") {
        None => 3600,
        Some(text) => text.parse::<i64>().ok().filter(|n| (900..=43_200).contains(n)).ok_or_else(|| {
            invalid(format!(
                "Value '{text}' at 'durationSeconds' failed to satisfy constraint: between 900 and 43200"
            ))
        })?,
    };
    let session = match find("Policy") {
        None => None,
        Some(text) => Some(
            Policy::parse(text, Kind::Session)
                .map_err(|error| Fault::new(400, "MalformedPolicyDocument", error.message()))?,
        ),
    };
    let role = find("RoleArn").and_then(|arn| arn.rsplit('/').next()).unwrap_or("wormproof");
    let name = find("RoleSessionName").unwrap_or("session");
    let number = inner.keys.count();
    let unique = inner.model().issue_id();
    let access_key: String = format!("ASIA{number:04}{unique}")
        .to_uppercase()
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(20)
        .collect();
    // Ids may be guessed, keys may not: a server that listens must not be opened by counting.
    let secret = hex::encode(rand::random::<[u8; 20]>());
    let token = hex::encode(rand::random::<[u8; 48]>());
    let expires = inner.clock.now() + TimeDelta::seconds(seconds);
    let arn = format!("arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{name}");
    let principal = Principal::Aws {
        account: ACCOUNT.to_owned(),
        arn: format!("arn:aws:iam::{ACCOUNT}:role/{role}"),
        session_arn: Some(arn.clone()),
    };
    let key = Key {
        secret: secret.clone(),
        token: Some(token.clone()),
        expires: Some(expires),
        principal,
        session,
    };
    inner.keys.add(access_key.clone(), key);
    Ok(format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult>\
         <AssumedRoleUser><Arn>{}</Arn><AssumedRoleId>AROAWORMPROOF:{}</AssumedRoleId></AssumedRoleUser>\
         <Credentials><AccessKeyId>{access_key}</AccessKeyId><SecretAccessKey>{secret}</SecretAccessKey>\
         <SessionToken>{token}</SessionToken><Expiration>{}</Expiration></Credentials></AssumeRoleResult>\
         <ResponseMetadata><RequestId>{unique}</RequestId></ResponseMetadata></AssumeRoleResponse>",
        escape(&arn),
        escape(name),
        expires.format("%Y-%m-%dT%H:%M:%SZ"),
    ))
}

/// Whether these headers are those of a form.
pub(crate) fn is_form(headers: &HeaderMap) -> bool {
    headers
        .get("content-type")
        .and_then(|value| value.to_str().ok())
        .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"))
}
