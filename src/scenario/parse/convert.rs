//! A `[[scenario]]` table to a [`Scenario`]: its own keys, objects, buckets and bodies.

use std::ops::Range;

use sha2::{Digest, Sha256};
use toml::de::DeTable;

use super::steps;
use super::values::{self, Policies};
use crate::located::reader::join;
use crate::located::{Page, Places, Reader, line_of, near};
use crate::scenario::{
    ArchiveEntry, BodySpec, BucketSpec, Capability, ObjectSetup, ObjectSpec, Reach, Role, Safety, Scenario,
    Severity, VersionRef, Versioning,
};

const KEYS: &[&str] = &[
    "id",
    "title",
    "severity",
    "reach",
    "safety",
    "requires",
    "controls",
    "covers",
    "threat",
    "note",
    "for-each",
    "repeat",
    "object",
    "bucket",
    "archive",
    "zip",
    "form",
    "delete-list",
    "step",
    "after",
];

/// Converts one table. Always gives a scenario: where something could not be read it holds a harmless value,
/// and the page holds a mistake.
pub(super) fn scenario<'p, 't>(
    page: &'p Page<'t>,
    places: &'p Places,
    table: &'p DeTable<'t>,
    (header, source): (Range<usize>, &str),
    group: &str,
    policies: Policies<'_>,
) -> Scenario {
    let first = line_of(page.text, header.start);
    let line = |at: usize| u32::try_from(line_of(page.text, at) + 1 - first).unwrap_or(u32::MAX);
    let r = &Reader::new((page, places), (table, header), ("a scenario", String::new()), KEYS);
    let id = r.need_text("id");
    if !id.is_empty() && !is_id(&id) {
        page.say(
            places.of("id"),
            format!("`{id}` is not an id"),
            Some("write it like `WORM-101`".to_owned()),
        );
    }
    let note = r.text("note").unwrap_or_default();
    let controls = r.texts("controls", false).into_iter().map(|(text, _)| text).collect();
    let covers = r.texts("covers", false).into_iter().map(|(text, _)| text).collect();
    Scenario {
        id,
        title: r.need_text("title"),
        severity: r.need_word("severity", Severity::ALL, Severity::word).unwrap_or(Severity::Info),
        reach: r.need_word("reach", Reach::ALL, Reach::word).unwrap_or(Reach::Server),
        safety: r.need_word("safety", Safety::ALL, Safety::word).unwrap_or(Safety::LeavesResidue),
        requires: r.words("requires", false, Capability::ALL, Capability::word),
        controls,
        threat: r.need_text("threat"),
        note,
        covers,
        group: group.to_owned(),
        for_each: r.words("for-each", false, Role::ALL, Role::word),
        repeat: r.number("repeat", 1, 1_000).unwrap_or(1),
        buckets: buckets(r, policies),
        objects: objects(r),
        bodies: bodies(r),
        steps: steps::steps(r, policies, line),
        after: steps::afters(r, line),
        source: source.to_owned(),
        digest: hex::encode(Sha256::digest(source.as_bytes())),
    }
}

fn is_id(text: &str) -> bool {
    let mut parts = text.split('-');
    let word = |p: &str| !p.is_empty() && p.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
    parts.next().is_some_and(|p| word(p) && p.starts_with(|c: char| c.is_ascii_uppercase()))
        && parts.clone().next().is_some()
        && parts.all(word)
}

fn buckets(r: &Reader<'_, '_>, policies: Policies<'_>) -> Vec<BucketSpec> {
    const KEYS: &[&str] = &["twin", "state", "object-lock", "versioning", "default-retention", "policy"];
    let mut buckets = Vec::new();
    for (name, value) in r.named("bucket") {
        let Some((table, span)) = r.as_table(&name, value) else { continue };
        let inner = &r.inner(table, span, ("a bucket", join("bucket", &name)), KEYS);
        let twin = inner.flag("twin").unwrap_or(false);
        let object_lock = inner.flag("object-lock").unwrap_or(false);
        let versioning = inner.word("versioning", Versioning::ALL, Versioning::word);
        let default_retention = values::default_retention(inner);
        if twin && let Some(key) = KEYS[1..].iter().find(|key| inner.value(key).is_some()) {
            inner.page.say(
                inner.places.of(&inner.path_of(key)),
                format!("a twin copies the audited bucket and has no `{key}` of its own"),
                Some(format!("leave out `twin` or `{key}`")),
            );
        }
        let absent = inner.word("state", &[()], |()| "absent").is_some();
        if absent && let Some(key) = KEYS.iter().find(|key| **key != "state" && inner.value(key).is_some()) {
            inner.page.say(
                inner.places.of(&inner.path_of(key)),
                format!("of an absent bucket only the name is reserved: it has no `{key}`"),
                Some(format!("leave out `state` or `{key}`")),
            );
        }
        if default_retention.is_some() && !object_lock && !twin {
            let message = "a default retention needs a bucket with `object-lock = true`";
            inner.page.say(inner.places.of(&inner.path_of("default-retention")), message, None);
        }
        if object_lock && matches!(versioning, Some(Versioning::Unset | Versioning::Suspended)) {
            let message = "a bucket with Object Lock always has versioning enabled";
            inner.page.say(inner.places.of(&inner.path_of("versioning")), message, None);
        }
        let implied = if object_lock { Versioning::Enabled } else { Versioning::Unset };
        buckets.push(BucketSpec {
            twin,
            absent,
            object_lock,
            versioning: versioning.unwrap_or(implied),
            default_retention,
            policy: values::policy(inner, policies),
            name,
        });
    }
    buckets
}

fn objects(r: &Reader<'_, '_>) -> Vec<ObjectSpec> {
    const KEYS: &[&str] = &["content", "state", "retention", "hold", "in", "inherit", "key-suffix"];
    let mut objects = Vec::new();
    for (name, value) in r.named("object") {
        let Some((table, span)) = r.as_table(&name, value) else { continue };
        let inner = &r.inner(table, span, ("an object", join("object", &name)), KEYS);
        let setup = inner.word("state", ObjectSetup::ALL, ObjectSetup::word);
        let setup_read = setup.is_some() || inner.value("state").is_none();
        let setup = setup.unwrap_or(ObjectSetup::Present);
        if setup_read && setup != ObjectSetup::Absent && inner.value("content").is_none() {
            inner.missing("content");
        }
        let forbidden: &[&str] = match setup {
            ObjectSetup::Present => &[],
            ObjectSetup::Hidden => &["retention", "hold", "inherit"],
            ObjectSetup::Absent => &["content", "retention", "hold", "inherit"],
        };
        for key in forbidden.iter().filter(|key| inner.value(key).is_some()) {
            let why = match setup {
                ObjectSetup::Hidden => "is uploaded without a lock of its own",
                _ => "is not uploaded by the setup",
            };
            inner.page.say(
                inner.places.of(&inner.path_of(key)),
                format!("an object with `state = \"{setup}\"` {why}, and has no `{key}`"),
                None,
            );
        }
        let inherit = inner.flag("inherit").unwrap_or(false);
        let retention = values::object_retention(inner);
        let hold = values::hold(inner, "hold");
        if inherit && (retention.is_some() || hold.is_some()) {
            let message = "an object that inherits the bucket's default carries no lock of its own";
            inner.page.say(inner.places.of(&inner.path_of("inherit")), message, None);
        }
        objects.push(ObjectSpec {
            bucket: inner.text("in"),
            content: inner.text("content").unwrap_or_default(),
            setup,
            retention,
            hold,
            key_suffix: inner.text("key-suffix").unwrap_or_default(),
            inherit,
            name,
        });
    }
    objects
}

fn bodies(r: &Reader<'_, '_>) -> Vec<(String, BodySpec)> {
    let mut bodies = Vec::new();
    for (name, value) in r.named("archive") {
        let Some((table, span)) = r.as_table(&name, value) else { continue };
        let inner = r.inner(table, span, ("an archive", join("archive", &name)), &["entries"]);
        let entries = entries(&inner, "an archive entry", &["object", "content", "pax"])
            .into_iter()
            .map(|e| ArchiveEntry {
                object: e.need_text("object"),
                content: e.text("content").unwrap_or_default(),
                pax: e.pairs("pax"),
            })
            .collect();
        bodies.push((name, BodySpec::Archive { entries }));
    }
    for (name, value) in r.named("zip") {
        let Some((table, span)) = r.as_table(&name, value) else { continue };
        let inner = r.inner(table, span, ("a zip archive", join("zip", &name)), &["entries"]);
        let entries = entries(&inner, "an entry of a zip archive", &["path", "content"])
            .into_iter()
            .map(|e| (e.need_text("path"), e.need_text("content")))
            .collect();
        bodies.push((name, BodySpec::Zip { entries }));
    }
    for (name, value) in r.named("form") {
        let Some((table, span)) = r.as_table(&name, value) else { continue };
        let inner = r.inner(table, span, ("a form", join("form", &name)), &["fields"]);
        if inner.value("fields").is_none() {
            inner.missing("fields");
        }
        bodies.push((name, BodySpec::Form { fields: inner.pairs("fields") }));
    }
    for (name, value) in r.named("delete-list") {
        let Some((table, span)) = r.as_table(&name, value) else { continue };
        let inner = r.inner(table, span, ("a delete list", join("delete-list", &name)), &["entries"]);
        let entries = entries(&inner, "an entry of a delete list", &["object", "version"])
            .into_iter()
            .map(|e| {
                let version = e.text("version").map_or(VersionRef::Latest, |text| values::version(&text));
                (e.need_text("object"), version)
            })
            .collect();
        bodies.push((name, BodySpec::DeleteList { entries }));
    }
    let mut seen: Vec<&str> = Vec::new();
    for (name, _) in &bodies {
        if seen.contains(&name.as_str()) {
            let place = ["delete-list", "form", "zip", "archive"]
                .iter()
                .map(|f| join(f, name))
                .find(|p| r.places.has(p));
            r.page.say(
                r.places.of(&place.unwrap_or_default()),
                format!("two bodies are named `{name}`"),
                near(name, []).or(Some("archives, forms and delete lists share their names".to_owned())),
            );
        }
        seen.push(name);
    }
    bodies
}

fn entries<'p, 't>(r: &Reader<'p, 't>, what: &'static str, known: &[&str]) -> Vec<Reader<'p, 't>> {
    let tables = r.tables("entries", false);
    if tables.is_empty() {
        r.missing("entries");
    }
    let path = |i: usize| format!("{}.{i}", r.path_of("entries"));
    tables
        .into_iter()
        .enumerate()
        .map(|(i, (table, span))| r.inner(table, span, (what, path(i)), known))
        .collect()
}
