//! The bucket that a profile is tried on where no target is named: how it is made, so that the profile holds there.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::lock::{Mode, Retention};
use crate::profile::{ClockStart, HoldRule, Need, Profile};
use crate::run::canary_root;
use crate::store::ops::DefaultPeriod;
use crate::target::{DEMO_BUCKET, Demo, DemoRecord};
use crate::time::Span;

/// The id of the record whose trail is read without being asked for.
pub(super) const ID: &str = "4711";

/// How the bucket on a server of one's own is made so that the profile's configuration holds there.
pub(super) fn demo(profile: &Profile, now: DateTime<Utc>) -> Demo {
    let requirement = &profile.requirement;
    let asked = profile.configuration.default_retention;
    let day = Span::Exact(TimeDelta::days(1));
    let least = requirement.min_retention.or(asked.map(|d| d.lasts)).unwrap_or(day);
    let mode = requirement.mode.or(asked.map(|d| d.mode)).unwrap_or(Mode::Compliance);
    let default = asked.map_or((mode, least), |d| (d.mode, d.lasts));
    // A minute more than is owed, because the upload comes a moment later.
    let until = |clock: ClockStart, least: Span| {
        clock.owed(now, least).checked_add_signed(TimeDelta::minutes(1)).unwrap_or(now)
    };
    let others = requirement.overrides.iter().enumerate().map(|(n, other)| {
        let prefix = other.matching.prefix.clone().unwrap_or_default();
        let contains = other.matching.contains.clone().unwrap_or_default();
        let least = other.min_retention.unwrap_or(least);
        let until = until(other.clock.unwrap_or(requirement.clock), least);
        DemoRecord {
            key: format!("{prefix}2024-{:06}{contains}.json", 4711 + n),
            retention: Retention { mode: other.mode.unwrap_or(mode), until },
            hold: other.hold.unwrap_or(requirement.hold),
            tag: other.matching.tag.clone(),
        }
    });
    Demo {
        name: profile.name.clone(),
        default: (default.0, period(default.1, now)),
        lock: Retention { mode, until: until(requirement.clock, least) },
        hold: requirement.hold,
        holds: requirement.hold_rule != HoldRule::Report,
        others: others.collect(),
        events: profile.event_log.as_ref().map_or_else(Vec::new, |rules| events(&rules.key_pattern)),
        traced: traced(&profile.trail_keys),
        blocks_public_access: profile.configuration.public_access_block != Need::No,
        policy: policy(profile, default.0, least, now),
    }
}

/// A record in all its parts; the first part was written again.
fn traced(keys: &[String]) -> Vec<(String, String)> {
    let parts = keys.iter().map(|pattern| {
        let key = pattern.replace(crate::record::trail::ID, ID);
        let folder = key.ends_with('/') || key.ends_with(ID);
        if folder { format!("{}/2024-03-01.xml", key.trim_end_matches('/')) } else { key }
    });
    let mut written: Vec<(String, String)> =
        parts.map(|key| (key, format!("<Invoice><ID>{ID}</ID></Invoice>"))).collect();
    if let Some((first, _)) = written.first().cloned() {
        written.push((first, format!("<Invoice><ID>{ID}</ID><Note>corrected</Note></Invoice>")));
    }
    written
}

/// A log of two holders, one after the other, in the default layout of [`crate::profile::EventLogRules`].
fn events(key_pattern: &str) -> Vec<(String, String)> {
    let event = |n: u64, token: u64, holder: &str| {
        let meta = json!({"fencing_token": {"epoch": token, "holder_identity": holder}});
        let body = json!({"sequence": n, "type": "order-placed", "meta": meta});
        (key_pattern.replace("{sequence}", &format!("{n:010}")), body.to_string())
    };
    vec![
        event(1, 7, "writer-a"),
        event(2, 7, "writer-a"),
        event(3, 8, "writer-b"),
        event(4, 8, "writer-b"),
        event(5, 8, "writer-b"),
    ]
}

/// What the profile demands of a policy, and a deny of the bypass where the default is in GOVERNANCE mode. Canaries
/// are exempt but for TLS: they need short locks, and rights that are then refused.
fn policy(profile: &Profile, mode: Mode, least: Span, now: DateTime<Utc>) -> Option<String> {
    let bucket = format!("arn:aws:s3:::{DEMO_BUCKET}");
    let canaries = format!("{bucket}/{}*", canary_root(""));
    let records = |sid: &str, actions: &str, condition: Value| {
        json!({"Sid": sid, "Effect": "Deny", "Principal": "*", "Action": actions, "NotResource": [canaries],
            "Condition": condition})
    };
    let mut statements = Vec::new();
    if profile.configuration.tls_only != Need::No {
        statements.push(json!({"Sid": "OnlyTls", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
            "Resource": [bucket, format!("{bucket}/*")],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}}}));
    }
    if profile.configuration.conditional_writes != Need::No {
        let unconditional = json!({"Null": {"s3:if-none-match": "true"},
            "Bool": {"s3:ObjectCreationOperation": "true"}});
        statements.push(records("RequireConditionalWrite", "s3:PutObject", unconditional));
    }
    if profile.configuration.retain_until_required != Need::No {
        // The beginning and the parts of a multipart upload carry no date.
        let dateless = json!({"Null": {"s3:object-lock-retain-until-date": "true"},
            "Bool": {"s3:ObjectCreationOperation": "true"}});
        statements.push(records("RequireRetainUntil", "s3:PutObject", dateless));
        // Any date would pass that alone. A day less than is owed, because the upload comes a moment later.
        let days = (least.after(now) - now).num_days() - 1;
        let short =
            json!({"NumericLessThan": {"s3:object-lock-remaining-retention-days": days.max(1).to_string()}});
        let mut statement = records("NoShorterLock", "s3:PutObject", short);
        statement["Action"] = json!(["s3:PutObject", "s3:PutObjectRetention"]);
        statements.push(statement);
    }
    if mode == Mode::Governance {
        let mut statement = records("NobodyBypasses", "s3:BypassGovernanceRetention", json!({}));
        statement.as_object_mut().map(|s| s.remove("Condition"));
        statements.push(statement);
    }
    (!statements.is_empty()).then(|| json!({"Version": "2012-10-17", "Statement": statements}).to_string())
}

/// A period as a bucket's default can have it: years, or else begun days.
fn period(span: Span, now: DateTime<Utc>) -> DefaultPeriod {
    if let Span::Months(months) = span
        && months % 12 == 0
    {
        return DefaultPeriod::Years(months / 12);
    }
    let whole = span.after(now) - now;
    let days = whole.num_days() + i64::from(whole > TimeDelta::days(whole.num_days()));
    DefaultPeriod::Days(u32::try_from(days).unwrap_or(u32::MAX))
}
