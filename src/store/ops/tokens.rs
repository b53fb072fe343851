//! The security token service, as form-encoded POSTs (the only form that MinIO takes).

use std::fmt::Write as _;

use http::Method;

use crate::store::endpoint::encode_query;
use crate::store::request::{S3Request, Service};

const VERSION: &str = "2011-06-15";

/// AssumeRole. MinIO needs no role; AWS needs ARN and session name. Duration in seconds (900 or more).
#[must_use]
pub fn sts_assume_role(
    policy: Option<&str>,
    duration_s: u32,
    role_arn: Option<&str>,
    session_name: Option<&str>,
) -> S3Request {
    let mut fields = vec![("Action", "AssumeRole".to_owned()), ("DurationSeconds", duration_s.to_string())];
    fields.extend(role_arn.map(|arn| ("RoleArn", arn.to_owned())));
    fields.extend(session_name.map(|name| ("RoleSessionName", name.to_owned())));
    fields.extend(policy.map(|text| ("Policy", text.to_owned())));
    form(&fields)
}

/// GetCallerIdentity.
#[must_use]
pub fn sts_get_caller_identity() -> S3Request {
    form(&[("Action", "GetCallerIdentity".to_owned())])
}

/// GetFederationToken: a session of an IAM user under a policy, without a role.
#[must_use]
pub fn sts_get_federation_token(name: &str, policy: Option<&str>, duration_s: u32) -> S3Request {
    let mut fields = vec![
        ("Action", "GetFederationToken".to_owned()),
        ("Name", name.to_owned()),
        ("DurationSeconds", duration_s.to_string()),
    ];
    fields.extend(policy.map(|text| ("Policy", text.to_owned())));
    form(&fields)
}

fn form(fields: &[(&str, String)]) -> S3Request {
    let mut body = format!("Version={VERSION}");
    for (name, value) in fields {
        let _ = write!(body, "&{name}={}", encode_query(value));
    }
    S3Request::new(Method::POST)
        .service(Service::Sts)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body)
}
