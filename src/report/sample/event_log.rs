//! A log of twelve events: two are missing, and two leaders wrote with one token.

use serde_json::json;

use crate::profile::EventLogRules;
use crate::record::event_log::EventLogResult;

/// The result of its check.
pub(crate) fn event_log() -> EventLogResult {
    let property = |word: &str, state: &str, reason: &str| {
        json!({"property": word, "state": state, "findings": 0, "unassessed": 0, "reason": reason,
               "may_be_open": false})
    };
    serde_json::from_value(json!({
        "started": "2026-11-25T09:00:00Z", "finished": "2026-11-25T09:00:01Z",
        "scope": "s3://audit-records/events/{sequence}.json", "rules": EventLogRules::default(),
        "allow_start": null, "versioning": "Enabled", "events": 12, "first_number": 0, "last_number": 13,
        "missing": 2, "versions": 12, "markers": 0, "appended": 0, "foreign": 0, "first_foreign": [],
        "token_changes": 1, "transitions": [],
        "checks": [
            property("sequence", "broken", "1 finding"),
            property("versions", "held", "12 events have one version each"),
            property("holders", "broken", "1 finding"),
        ],
        "findings": {"gap": 1, "two-holders": 1},
        "first": [
            {"rule": "gap", "severity": "critical", "number": 5, "key": "", "version_id": "",
             "detail": "5 to 6 are missing"},
            {"rule": "two-holders", "severity": "critical", "number": 9, "key": "events/9.json",
             "version_id": "v9", "detail": "token 3 is held by a and by b"},
        ],
        "unassessed": {}, "pages": 1, "log_sha256": "00", "complete": true, "incomplete_reason": null,
    }))
    .expect("a result")
}
