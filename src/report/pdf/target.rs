//! What was audited, by whom, and how the bucket was configured.

use serde_json::Value;

use crate::record::Record;
use crate::record::release::ServerRelease;
use crate::report::model::Status;
use crate::report::pdf::layout::{CODE, CODE_NOTE, Flow, SMALL, STRONG, Style, tint};
use crate::report::pdf::principals::principals;
use crate::report::pdf::short;
use crate::report::pdf::table::{Cell, cell, left};
use crate::time::human;

/// How many lines of a configuration are printed.
const LINES: usize = 36;

pub(super) fn target(flow: &mut Flow<'_>, record: &Record) {
    flow.section("Target, principals and configuration");
    let target = &record.target;
    let unknown = || "not known".to_owned();
    let server = format!(
        "{}, {}",
        target.server.as_deref().unwrap_or("no Server header"),
        target.version.as_deref().unwrap_or("version not known")
    );
    let operator = &record.operator;
    let operator = [("user", &operator.user), ("host", &operator.host), ("job", &operator.ci_job)]
        .iter()
        .filter_map(|(name, value)| value.as_ref().map(|v| format!("{name} {v}")))
        .collect::<Vec<_>>()
        .join(", ");
    let release = target.release.as_ref().map(ServerRelease::sentence);
    let server = release.map_or(server.clone(), |r| format!("{server}; {}", short(&r, 1200)));
    flow.facts(&[
        ("Target", SMALL, format!("{}: {}", target.kind, target.description)),
        (
            "Endpoint, address",
            CODE,
            format!("{}, {}", target.endpoint, target.address.clone().unwrap_or_else(unknown)),
        ),
        (
            "TLS certificate, SHA-256",
            CODE,
            target.tls_fingerprint.clone().unwrap_or_else(|| "no TLS, or not seen".to_owned()),
        ),
        ("Server", SMALL, server),
        ("Bucket, region", SMALL, format!("{}, {}", target.bucket, target.region)),
        (
            "Prefix",
            CODE,
            if target.prefix.is_empty() { "(whole bucket)".to_owned() } else { target.prefix.clone() },
        ),
        (
            "Owner, created",
            SMALL,
            format!(
                "{}, {}",
                target.owner.clone().unwrap_or_else(unknown),
                target.created.map_or_else(unknown, human)
            ),
        ),
        (
            "Allowed reach",
            SMALL,
            target.reach.map_or_else(|| "no attacks".to_owned(), |r| r.word().to_owned()),
        ),
        ("Clock skew", SMALL, record.times.skew_ms.map_or_else(unknown, skew)),
        ("Operator", SMALL, if operator.is_empty() { unknown() } else { operator }),
        ("Arguments", CODE, short(&record.arguments.join(" "), 1200)),
    ]);
    flow.heading("Principals");
    let rows = record
        .principals
        .iter()
        .map(|p| {
            let mut how = Vec::new();
            match (&p.source, &p.missing) {
                (Some(source), _) => how.push((SMALL, source.clone())),
                (None, why) => how.push((
                    Style { colour: tint(Status::Inconclusive), ..SMALL },
                    format!("not available: {}", why.as_deref().unwrap_or("reason unknown")),
                )),
            }
            how.extend(p.arn.iter().map(|arn| (CODE_NOTE, arn.clone())));
            how.extend(p.policy_sha256.iter().map(|d| (CODE_NOTE, format!("session policy SHA-256 {d}"))));
            vec![cell(STRONG, p.role.word()), Cell::Text(how)]
        })
        .collect();
    flow.table(&[left("Role", 0.2), left("How it was had", 0.8)], rows);
    principals(flow, record);
    flow.heading("Configuration of the bucket at the start");
    configuration(flow, &target.configuration_start);
    flow.heading("Configuration of the bucket at the end");
    let changed = changed(&target.configuration_start, &target.configuration_end);
    if target.configuration_end.is_null() {
        flow.paragraph(SMALL, 0.0, "Not read.");
    } else if target.configuration_start == target.configuration_end {
        flow.paragraph(SMALL, 0.0, "The same as at the start.");
    } else {
        flow.paragraph(
            Style { colour: tint(Status::Fail), ..STRONG },
            0.0,
            "It differs from the start; the verdicts may not apply to the bucket as it is now. Settings that are not \
             named here are the same.",
        );
        flow.gap(4.0);
        configuration(flow, &changed);
    }
}

/// The settings of `end` that differ; all of it where they cannot be compared one by one.
fn changed(start: &Value, end: &Value) -> Value {
    let (Value::Object(before), Value::Object(after)) = (start, end) else { return end.clone() };
    let names = before.keys().chain(after.keys().filter(|name| !before.contains_key(*name)));
    names
        .filter(|name| before.get(*name) != after.get(*name))
        .map(|name| (name.clone(), after.get(name).cloned().unwrap_or(Value::Null)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// A configuration, an entry a row, cut short where it is long.
fn configuration(flow: &mut Flow<'_>, value: &Value) {
    if value.is_null() {
        flow.paragraph(SMALL, 0.0, "Not read.");
        return;
    }
    let Value::Object(fields) = value else {
        flow.paragraph(CODE, 0.0, &short(&value.to_string(), 2000));
        return;
    };
    let rows = fields
        .iter()
        .map(|(name, value)| {
            let text = words(value);
            let mut lines: Vec<String> = text.lines().take(LINES).map(str::to_owned).collect();
            if text.lines().count() > LINES {
                lines.push("… the rest is in results.json".to_owned());
            }
            vec![cell(STRONG, name.as_str()), Cell::Code(lines)]
        })
        .collect();
    flow.table(&[left("Setting", 0.2), left("Value", 0.8)], rows);
}

/// The server's clock against the client's. A `Date` has whole seconds, so that a difference of up to one is none.
fn skew(ms: i64) -> String {
    match ms {
        -1000..=1000 => "none that shows in a Date of whole seconds".to_owned(),
        ..-1000 => format!("the server is {} s behind the client, give or take 1 s", -ms / 1000),
        _ => format!("the server is {} s ahead of the client, give or take 1 s", ms / 1000),
    }
}

/// A setting as text.
fn words(value: &Value) -> String {
    match value {
        Value::Null => "not set".to_owned(),
        Value::Object(fields) if fields.len() == 1 && fields.contains_key("known") => words(&fields["known"]),
        Value::String(text) => text.clone(),
        other => serde_json::to_string_pretty(other).unwrap_or_default(),
    }
}
