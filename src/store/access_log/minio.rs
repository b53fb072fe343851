//! Entries of MinIO's audit webhook, one JSON document a request.
//!
//! Seen on the server of `fixtures/known-deviations/minio.toml`: the access key and its parent, the version id in the
//! query, the bypass in the request's headers; of a batch the keys and version ids, and no result of each; of a
//! retention the new mode and date in a tag; of a legal hold nothing of what it was set to. It writes down the
//! signature and the session token, too.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::exchange::{LogEntry, LoggedChange, LoggedVersion};
use crate::store::access_log::Written;
use crate::store::redact::REDACTED;

/// Headers and query parameters whose values are not kept (lower case).
const SECRET: [&str; 6] = [
    "authorization",
    "x-amz-security-token",
    "x-amz-signature",
    "x-amz-server-side-encryption-customer-key",
    "x-amz-copy-source-server-side-encryption-customer-key",
    "cookie",
];

/// The request id of an entry, without reading the rest of it for more.
#[must_use]
pub fn request_id(text: &str) -> Option<String> {
    let value: Value = serde_json::from_str(text).ok()?;
    Some(value.get("requestID")?.as_str()?.to_owned())
}

/// Reads an entry.
///
/// # Errors
/// Why it is none, in words.
pub fn read(text: &str) -> Result<Written, String> {
    let mut value: Value = serde_json::from_str(text).map_err(|e| format!("an entry is no JSON: {e}"))?;
    let entry = entry(&value).ok_or("an entry names no request")?;
    for part in ["requestHeader", "requestQuery", "responseHeader"] {
        for (name, value) in value.get_mut(part).and_then(Value::as_object_mut).into_iter().flatten() {
            if SECRET.contains(&name.to_ascii_lowercase().as_str()) {
                *value = Value::from(REDACTED);
            }
        }
    }
    Ok(Written { entry, text: value.to_string() })
}

fn text(value: Option<&Value>) -> Option<String> {
    value.and_then(Value::as_str).filter(|text| !text.is_empty()).map(ToOwned::to_owned)
}

/// A header or parameter, whatever its spelling.
fn named(value: &Value, part: &str, name: &str) -> Option<String> {
    let found = value.get(part)?.as_object()?.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
    text(found.map(|(_, value)| value))
}

fn entry(value: &Value) -> Option<LogEntry> {
    let request_id = text(value.get("requestID"))?;
    let api = value.get("api")?;
    let status = api.get("statusCode").and_then(Value::as_u64).and_then(|s| u16::try_from(s).ok());
    let batch = api.get("objects").and_then(Value::as_array);
    let versions = match (batch, text(api.get("object"))) {
        (Some(objects), _) => objects
            .iter()
            .filter_map(|object| {
                let key = text(object.get("objectName"))?;
                Some(LoggedVersion { key, version_id: text(object.get("versionId")), error: None })
            })
            .collect(),
        (None, Some(key)) => {
            let version_id = named(value, "requestQuery", "versionId");
            vec![LoggedVersion { key, version_id, error: None }]
        }
        (None, None) => Vec::new(),
    };
    Some(LogEntry {
        request_id,
        at: text(value.get("time")).and_then(|t| t.parse().ok()),
        principal: text(value.get("accessKey")),
        parent: text(value.get("parentUser")),
        operation: text(api.get("name")),
        bucket: text(api.get("bucket")),
        versions,
        status,
        error: None,
        bypass: named(value, "requestHeader", "x-amz-bypass-governance-retention")
            .is_some_and(|v| v.eq_ignore_ascii_case("true")),
        change: text(value.pointer("/tags/retention")).and_then(|tag| change(&tag)),
        remote: text(value.get("remotehost")),
    })
}

/// `Mode: GOVERNANCE, RetainUntilDate: 2026-11-25 16:02:11 +0000 UTC`.
fn change(tag: &str) -> Option<LoggedChange> {
    let part = |name: &str| {
        let rest = tag.split(", ").find_map(|part| part.strip_prefix(name))?.trim();
        (!rest.is_empty()).then(|| rest.to_owned())
    };
    let until = part("RetainUntilDate:").and_then(|text| {
        let text = text.strip_suffix(" UTC").unwrap_or(&text).to_owned();
        let read = DateTime::parse_from_str(&text, "%Y-%m-%d %H:%M:%S%.f %z").ok()?;
        Some(read.with_timezone(&Utc))
    });
    let mode = part("Mode:");
    (mode.is_some() || until.is_some()).then_some(LoggedChange { mode, until, hold: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORTENED: &str = r#"{"version":"1","time":"2026-11-25T16:01:11.348720935Z","api":{"name":"PutObjectRetention","bucket":"b","object":"c","status":"OK","statusCode":200},"remotehost":"127.0.0.1","requestID":"18EB","requestQuery":{"retention":"","versionId":"2d9c"},"requestHeader":{"Authorization":"AWS4-HMAC-SHA256 Credential=AK/x, Signature=5ec7e7","X-Amz-Bypass-Governance-Retention":"true","X-Amz-Security-Token":"t0ken"},"tags":{"retention":"Mode: GOVERNANCE, RetainUntilDate: 2026-11-25 16:02:11 +0000 UTC"},"accessKey":"AK","parentUser":"root"}"#;

    #[test]
    fn an_entry_is_read_and_loses_its_secrets() {
        let Written { entry, text } = read(SHORTENED).expect("an entry");
        assert_eq!(
            entry.to_string(),
            "PutObjectRetention by AK; c version 2d9c; governance bypass; set to GOVERNANCE until 2026-11-25 16:02:11 UTC; 200"
        );
        assert_eq!((entry.parent.as_deref(), entry.remote.as_deref()), (Some("root"), Some("127.0.0.1")));
        assert!(!text.contains("5ec7e7") && !text.contains("t0ken"), "{text}");
        assert!(text.contains("\"X-Amz-Bypass-Governance-Retention\":\"true\""), "{text}");
        assert_eq!(request_id(SHORTENED).as_deref(), Some("18EB"));
    }

    #[test]
    fn a_batch_names_its_versions_and_no_result_of_theirs() {
        let batch = r#"{"requestID":"1","api":{"name":"DeleteMultipleObjects","bucket":"b","object":"b2","objects":[{"objectName":"b1","versionId":"v1"},{"objectName":"b2"}],"statusCode":200},"requestHeader":{"X-Amz-Bypass-Governance-Retention":"false"}}"#;
        let entry = read(batch).expect("an entry").entry;
        assert_eq!(
            entry.to_string(),
            "DeleteMultipleObjects by nobody named; b1 version v1; b2 without a version id; 200"
        );
    }

    #[test]
    fn what_is_no_entry_is_told() {
        for text in ["", "[]", "{}", r#"{"requestID":"1"}"#, r#"{"requestID":"","api":{}}"#] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
