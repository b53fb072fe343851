//! A scenario names only what it makes itself: placeholders are checked, and what can name a resource (a copy
//! source, a form's key, a path in an archive, an ARN) is made of placeholders only.

use super::Case;
use crate::located::near;
use crate::scenario::{Action, BodySpec, On, Step};

/// What an object or a step can put into a text.
const OF_OBJECT: &[&str] = &["key", "bucket", "version", "until", "etag"];
const OF_STEP: &[&str] = &["upload", "version"];
const OF_BUCKET: &[&str] = &["bucket"];

/// Headers whose value names a bucket, key or version, or moves the request elsewhere.
const NAMING: &[&str] = &[
    "x-amz-copy-source",
    "x-amz-rename-source",
    "x-amz-website-redirect-location",
    "x-minio-source-bucket",
    "x-minio-source-object",
    "x-minio-source-version-id",
    "x-original-url",
    "x-rewrite-url",
    "x-forwarded-prefix",
];

/// Headers that choose the bucket or are written by the client: never in a scenario.
const FORBIDDEN: &[&str] =
    &["host", "x-forwarded-host", "authorization", "x-amz-security-token", "x-amz-expected-bucket-owner"];

/// Extended header records of an archive that name a path.
const PATHS: &[&str] = &["path", "linkpath", "GNU.sparse.name"];

pub(super) fn check(case: &Case<'_>) {
    for object in &case.scenario.objects {
        if leaves(&object.key_suffix) {
            let path = format!("object.{}.key-suffix", object.name);
            let hint = "`..` may leave the object's own name, not the run's folder".to_owned();
            case.say(&path, "the key leaves the canaries' folder", Some(hint));
        }
    }
    for (name, body) in &case.scenario.bodies {
        match body {
            BodySpec::Form { fields } => {
                for (key, value) in fields {
                    let path = format!("form.{name}.fields.{key}");
                    let lower = key.to_ascii_lowercase();
                    placeholders(case, value, lower != FAN_OUT, &path);
                    if lower == FAN_OUT {
                        fan_out(case, value, &path);
                    }
                    if matches!(lower.as_str(), "key" | "bucket") || NAMING.contains(&lower.as_str()) {
                        naming(case, key, value, &path);
                    }
                }
            }
            BodySpec::Archive { entries } => {
                for (i, entry) in entries.iter().enumerate() {
                    for (key, value) in &entry.pax {
                        let path = format!("archive.{name}.entries.{i}.pax.{key}");
                        placeholders(case, value, true, &path);
                        if PATHS.contains(&key.as_str()) {
                            naming(case, key, value, &path);
                        }
                    }
                }
            }
            BodySpec::Zip { entries } => {
                for (i, (at, content)) in entries.iter().enumerate() {
                    let path = format!("zip.{name}.entries.{i}");
                    placeholders(case, at, true, &path);
                    placeholders(case, content, false, &path);
                    if !at.starts_with('{') {
                        let hint = "begin with `{OBJECT.bucket}/`".to_owned();
                        case.say(&path, "the entry can name somebody else's bucket", Some(hint));
                    }
                }
            }
            BodySpec::DeleteList { .. } => {}
        }
    }
    for (i, step) in case.steps() {
        in_step(case, i, step);
    }
}

fn in_step(case: &Case<'_>, i: usize, step: &Step) {
    if step.on == Some(On::Server) {
        let texts = step.query.iter().map(|(_, v)| v.as_str()).chain(step.content.as_deref());
        if texts.into_iter().any(|t| t.contains("{BUCKET}")) {
            let hint =
                "on the server `{BUCKET}` would be the audited one: write `{OBJECT.bucket}`".to_owned();
            case.say(&Case::step(i, "on"), "the step could reach the audited bucket", Some(hint));
        }
        if let Some(text) = step.content.as_deref() {
            for (at, _) in text.match_indices("bucket:") {
                if !text[at + 7..].trim_start().starts_with('{') {
                    let hint = "a placeholder must follow: `{OBJECT.bucket}`".to_owned();
                    case.say(&Case::step(i, "content"), "the content names a bucket", Some(hint));
                }
            }
        }
    }
    for (family, list) in [("headers", &step.headers), ("unsigned-headers", &step.unsigned_headers)] {
        for (key, value) in list {
            let path = Case::step(i, &format!("{family}.{key}"));
            placeholders(case, value, true, &path);
            let lower = key.to_ascii_lowercase();
            if FORBIDDEN.contains(&lower.as_str()) {
                let hint = "the client writes it, from the principal and the target".to_owned();
                case.say(&path, format!("a scenario cannot set the header `{key}`"), Some(hint));
            }
            if NAMING.contains(&lower.as_str()) {
                naming(case, key, value, &path);
            }
        }
    }
    for (key, value) in &step.query {
        let path = Case::step(i, &format!("query.{key}"));
        placeholders(case, value, true, &path);
        let aims_wide = step.on.is_some();
        if aims_wide && matches!(key.as_str(), "bucket" | "object" | "key" | "user" | "accessKey" | "target")
        {
            naming(case, key, value, &path);
        }
    }
    for (key, value) in [("if-match", &step.if_match), ("if-none-match", &step.if_none_match)] {
        if let Some(value) = value {
            placeholders(case, value, true, &Case::step(i, key));
        }
    }
    if let Some(content) = &step.content {
        let path = Case::step(i, "content");
        placeholders(case, content, false, &path);
        if step.action == Action::Raw {
            raw_content(case, i, step, content);
        }
    }
    let extracts = step.headers.iter().chain(&step.unsigned_headers).any(|(key, _)| {
        let key = key.to_ascii_lowercase();
        key.contains("snowball") || key == "x-minio-extract"
    });
    if extracts && step.content.is_some() {
        let hint = "use `body` with a `[scenario.archive.NAME]`: its entries name objects of the scenario";
        case.say(
            &Case::step(i, "content"),
            "an archive that is written by hand could name any key",
            Some(hint.to_owned()),
        );
    }
}

/// A hand-written body aimed at a bucket or the server must not name anybody's key, bucket or resource.
fn raw_content(case: &Case<'_>, i: usize, step: &Step, content: &str) {
    let path = Case::step(i, "content");
    let deletes = step.query.iter().any(|(key, _)| key.eq_ignore_ascii_case("delete"));
    if step.on == Some(On::Bucket) && deletes {
        let hint = "use `delete-objects`, or `body` with a `[scenario.delete-list.NAME]`".to_owned();
        case.say(&path, "a list that is written by hand could name any key", Some(hint));
    }
    for start in ["arn:aws:s3:::", "<Bucket>", "<TargetBucket>", "<Key>"] {
        for (at, _) in content.match_indices(start) {
            let rest = &content[at + start.len()..];
            // An ARN is looked at under its own beginning.
            if !rest.starts_with('{') && !rest.starts_with("arn:aws:s3:::") {
                let hint = "a placeholder must follow: `{BUCKET}`, `{OBJECT.key}`".to_owned();
                case.say(&path, format!("the content names a resource after `{start}`"), Some(hint));
            }
        }
    }
}

/// MinIO's list of keys in a form: each must be made of placeholders.
const FAN_OUT: &str = "x-minio-fanout-list";

fn fan_out(case: &Case<'_>, value: &str, path: &str) {
    let keys = value.matches("\"key\"").count();
    if value.matches("{\"key\":\"{").count() != keys {
        let hint = "write each as `{\"key\":\"{OBJECT.key}\"}`".to_owned();
        case.say(path, "a list of keys takes placeholders only", Some(hint));
    }
}

/// A value that names a resource: placeholders, and what joins them.
fn naming(case: &Case<'_>, key: &str, value: &str, path: &str) {
    let mut rest = String::new();
    let mut inside = false;
    for c in value.chars() {
        match c {
            '{' => inside = true,
            '}' => inside = false,
            _ if !inside => rest.push(c),
            _ => {}
        }
    }
    let joins = rest.replace("?versionId=", "").replace(['/', ' '], "");
    if !joins.is_empty() || !value.contains('{') {
        let hint = "take placeholders: `{BUCKET}`, `{OBJECT.key}`, `{OBJECT.version}`".to_owned();
        case.say(path, format!("`{key}` can name a resource and takes placeholders only"), Some(hint));
    }
}

/// Checks the placeholders of a text. In a text that may hold braces of its own (JSON) only what looks like a
/// placeholder is one.
fn placeholders(case: &Case<'_>, text: &str, strict: bool, path: &str) {
    for (at, _) in text.match_indices('{') {
        let Some(end) = text[at..].find('}') else {
            if strict {
                case.say(path, "a `{` without its `}`", None);
            }
            continue;
        };
        let inner = &text[at + 1..at + end];
        let looks = inner.split('.').all(|p| {
            p.starts_with(|c: char| c.is_ascii_alphabetic())
                && p.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        });
        if strict || looks {
            placeholder(case, inner, path);
        }
    }
}

fn placeholder(case: &Case<'_>, inner: &str, path: &str) {
    let scenario = case.scenario;
    if matches!(inner, "BUCKET" | "n") {
        return;
    }
    let Some((name, what)) = inner.split_once('.') else {
        let hint = "known: `{BUCKET}`, `{n}`, `{OBJECT.key}`, `{OBJECT.bucket}`, `{OBJECT.version}`, `{OBJECT.until}`, `{OBJECT.etag}`, \
                    `{STEP.upload}`, `{STEP.version}`";
        return case.say(path, format!("`{{{inner}}}` is not a placeholder"), Some(hint.to_owned()));
    };
    let known = match (scenario.object(name), scenario.step(name)) {
        (Some(_), _) => OF_OBJECT,
        (None, Some(_)) => OF_STEP,
        (None, None) if scenario.bucket(name).is_some() => OF_BUCKET,
        (None, None) => {
            let names = scenario.objects.iter().map(|o| o.name.as_str());
            let hint = near(name, names.chain(scenario.steps.iter().filter_map(|s| s.name.as_deref())));
            return case.say(path, format!("`{{{inner}}}`: there is no object or step `{name}`"), hint);
        }
    };
    if !known.contains(&what) {
        case.say(path, format!("`{{{inner}}}`: `{name}` has no `{what}`"), near(what, known.iter().copied()));
    }
}

/// Whether a suffix climbs above the object's own name.
fn leaves(suffix: &str) -> bool {
    let mut depth = 1_i32;
    for segment in suffix.split(['/', '\\']).skip(1) {
        match segment {
            ".." => depth -= 1,
            "" | "." => {}
            _ => depth += 1,
        }
        if depth < 0 {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suffix_may_leave_its_name_and_no_more() {
        for fine in ["", "/", "/../x", " ü", "/a/../../b"] {
            assert!(!leaves(fine), "{fine}");
        }
        for bad in ["/../..", "/../../x", "/a/../../../b", "\\..\\..\\x"] {
            assert!(leaves(bad), "{bad}");
        }
    }
}
