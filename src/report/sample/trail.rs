//! The trail of an invoice whose second half is hidden, with text that somebody made to mislead.

use serde_json::{Value, json};

use crate::record::trail::TrailResult;

/// As it was read.
pub(crate) fn trail() -> TrailResult {
    let entry = |listed: u64, time: &str, key: &str, (is_marker, is_latest): (bool, bool)| {
        let lock = json!({"known": {"mode": "COMPLIANCE", "until": "2036-11-25T09:00:00Z"}});
        let unless = |value: Value| if is_marker { Value::Null } else { value };
        json!({
            "time": time, "key": key, "version_id": format!("3sL4kqtJlcpXroDTDmJ.rmSpXd3dIbrH{listed}"), "what": "stored",
            "listed": listed, "is_latest": is_latest, "is_marker": is_marker, "size": if is_marker { 0 } else { 1804 },
            "etag": unless(json!("25f9e794323b453885f5181f1b624d0b")), "retention": unless(lock),
            "hold": unless(json!({"known": "ON"})),
            "checksum": unless(json!({"name": "x-amz-checksum-crc64nvme", "value": "rosUhgqYiIg="})),
            "whole": unless(json!({"sha256": super::digest(key), "compared": [
                {"with": "x-amz-checksum-crc64nvme", "expected": "rosUhgqYiIg=", "equal": true}], "trouble": null})),
        })
    };
    let pattern = |pattern: &str| {
        json!({"pattern": pattern, "prefix": pattern.replace("{id}", "4711"), "pages": 1, "trouble": null,
               "versions": 0, "markers": 0})
    };
    let country = format!("invoices/4711_country/{}.xml", super::HOSTILE);
    let trail: TrailResult = serde_json::from_value(json!({
        "id": "4711", "started": "2026-11-25T09:00:00Z", "finished": "2026-11-25T09:00:01Z", "bucket": "audit-records",
        "versioning": {"known": "Enabled"}, "whole": true, "broken": null,
        "patterns": [pattern("invoices/{id}/"), pattern("invoices/{id}_country/")],
        "entries": [
            entry(0, "2026-03-04T10:11:12Z", "invoices/4711/2026-03-01T09:30:00.xml", (false, true)),
            entry(1, "2026-03-01T09:30:00Z", "invoices/4711/2026-03-01T09:30:00.xml", (false, false)),
            entry(2, "2026-06-30T23:59:59Z", &country, (true, true)),
            entry(3, "2026-03-01T09:30:01Z", &country, (false, false)),
        ],
        "findings": {}, "found": [], "trail_sha256": "", "complete": false, "incomplete_reason": null,
    }))
    .expect("a trail");
    trail.folded()
}
