//! Steps and what must hold after them.

use toml::de::DeTable;

use super::values::{self, Policies};
use crate::located::near;
use crate::located::reader::{Reader, join, tables_of};
use crate::scenario::{
    Action, After, AfterContent, AfterRetention, AfterVersion, As, Because, Expect, Integrity, LogPart, On,
    Purpose, Role, Signature, Step, VersionRef, Versioning,
};

const STEP_KEYS: &[&str] = &[
    "purpose",
    "text",
    "as",
    "action",
    "object",
    "bucket",
    "on",
    "path",
    "version",
    "expect",
    "because",
    "name",
    "upload",
    "part",
    "content",
    "body",
    "retention",
    "hold",
    "versioning",
    "default-retention",
    "policy",
    "source",
    "source-version",
    "replace-metadata",
    "bypass-governance",
    "if-none-match",
    "if-match",
    "method",
    "query",
    "headers",
    "unsigned-headers",
    "presigned",
    "signature",
    "integrity",
    "quiet",
    "at",
    "logged",
    "crash",
    "by",
    "together",
    "copies",
    "after",
];

const AFTER_KEYS: &[&str] =
    &["of", "version", "content", "retention", "hold", "versions", "markers", "if-accepted", "shows"];

/// The words for contents and retentions that are not names of steps.
pub(crate) const AFTER_WORDS: &[&str] = &["unchanged", "none", "default"];

/// Reads the steps. A value that cannot be read is replaced by a harmless one, so that the rest is read too:
/// the mistake keeps the scenario from being used.
pub(super) fn steps(r: &Reader<'_, '_>, policies: Policies<'_>, line: impl Fn(usize) -> u32) -> Vec<Step> {
    let mut steps = Vec::new();
    for (i, (table, span)) in r.tables("step", false).into_iter().enumerate() {
        let line = line(span.start);
        let inner = r.inner(table, span, ("a step", format!("step.{i}")), STEP_KEYS);
        steps.push(step(&inner, policies, line));
    }
    if r.value("step").is_none() {
        r.missing("step");
    }
    // A part, a completion and an abort belong to the object of their upload unless they say otherwise.
    for i in 0..steps.len() {
        let Some(upload) = steps[i].upload.clone().filter(|_| steps[i].object.is_none()) else { continue };
        let owner = steps.iter().find(|s| s.name.as_ref() == Some(&upload)).and_then(|s| s.object.clone());
        steps[i].object = owner;
    }
    steps
}

fn step(r: &Reader<'_, '_>, policies: Policies<'_>, line: u32) -> Step {
    let version = |key: &str| r.text(key).map(|text| values::version(&text));
    let name = |key: &str| {
        let text = r.text(key)?;
        values::name_at(r, &text, r.places.of(&r.path_of(key)));
        Some(text)
    };
    let default_retention = match r.value("default-retention") {
        Some(value) if value.get_ref().is_str() => {
            r.word("default-retention", &[()], |()| "none").map(|()| None)
        }
        _ => values::default_retention(r).map(Some),
    };
    Step {
        purpose: r.need_word("purpose", Purpose::ALL, Purpose::word).unwrap_or(Purpose::Setup),
        text: r.need_text("text"),
        who: who(r),
        action: r.need_word("action", Action::ALL, Action::word).unwrap_or(Action::Raw),
        object: name("object"),
        bucket: name("bucket"),
        on: r.word("on", On::ALL, On::word),
        path: r.text("path"),
        version: version("version"),
        expect: r.need_word("expect", Expect::ALL, Expect::word).unwrap_or(Expect::Accepted),
        because: r.words("because", true, Because::ALL, Because::word),
        name: name("name"),
        upload: name("upload"),
        part: r.number("part", 0, 10_001),
        content: r.text("content"),
        body: name("body"),
        retention: values::step_retention(r),
        hold: values::hold(r, "hold"),
        versioning: r.word("versioning", Versioning::ALL, Versioning::word),
        default_retention,
        policy: values::policy(r, policies),
        source: name("source"),
        source_version: version("source-version"),
        replace_metadata: r.flag("replace-metadata").unwrap_or(false),
        bypass_governance: r.flag("bypass-governance").unwrap_or(false),
        if_none_match: r.text("if-none-match"),
        if_match: r.text("if-match"),
        method: r.text("method"),
        query: r.pairs("query"),
        headers: r.pairs("headers"),
        unsigned_headers: r.pairs("unsigned-headers"),
        presigned: r.flag("presigned").unwrap_or(false),
        signature: r.word("signature", Signature::ALL, Signature::word),
        integrity: r.word("integrity", Integrity::ALL, Integrity::word),
        quiet: r.flag("quiet").unwrap_or(false),
        at: values::moment(r, "at"),
        logged: r.words("logged", false, LogPart::ALL, LogPart::word),
        crash: r.flag("crash").unwrap_or(false),
        by: values::signed(r, "by"),
        together: name("together"),
        copies: r.number("copies", 1, 256).unwrap_or(1),
        after: step_after(r, line),
        line,
    }
}

fn who(r: &Reader<'_, '_>) -> As {
    let Some(text) = r.text("as") else {
        if r.value("as").is_none() {
            r.missing("as");
        }
        return As::Role(Role::Administrator);
    };
    if text == "each" {
        return As::Each;
    }
    Role::parse(&text).map_or_else(
        || {
            let words = Role::ALL.iter().map(|role| role.word()).chain(["each"]);
            let hint = near(&text, words);
            r.page.say(r.places.of(&r.path_of("as")), format!("`{text}` is not a role"), hint);
            As::Role(Role::Administrator)
        },
        As::Role,
    )
}

fn step_after(r: &Reader<'_, '_>, line: u32) -> Vec<After> {
    let known = [&["object"][..], AFTER_KEYS].concat();
    let mut rows = Vec::new();
    for (i, (table, span)) in r.tables("after", true).into_iter().enumerate() {
        let path = format!("{}.{i}", r.path_of("after"));
        let inner = r.inner(table, span, ("an after row", path), &known);
        let object = inner.need_text("object");
        rows.push(row(&inner, table, object, line));
    }
    rows
}

/// The rows of `[scenario.after.OBJECT]`.
pub(super) fn afters(r: &Reader<'_, '_>, line: impl Fn(usize) -> u32) -> Vec<After> {
    let mut rows = Vec::new();
    for (object, value) in r.named("after") {
        let family = tables_of(r, &object, value);
        for (i, (table, span)) in family.into_iter().enumerate() {
            let at = line(span.start);
            let path = format!("{}.{i}", join("after", &object));
            let inner = r.inner(table, span, ("an after row", path), AFTER_KEYS);
            rows.push(row(&inner, table, object.clone(), at));
        }
    }
    rows
}

/// The values of `version` in an after row.
const AFTER_VERSIONS: &[AfterVersion] = &[AfterVersion::Present, AfterVersion::Gone, AfterVersion::NeverMade];

fn row(r: &Reader<'_, '_>, table: &DeTable<'_>, object: String, line: u32) -> After {
    let of = match r.text("of").as_deref() {
        None | Some("own") => VersionRef::Own,
        Some(name) => VersionRef::Step(name.to_owned()),
    };
    let version = r.word("version", AFTER_VERSIONS, |v| match v {
        AfterVersion::Present => "present",
        AfterVersion::Gone => "gone",
        AfterVersion::NeverMade => "never-made",
    });
    let content = r.text("content").map(|text| match text.as_str() {
        "unchanged" => AfterContent::Unchanged,
        _ => AfterContent::Of(text),
    });
    if !AFTER_KEYS
        .iter()
        .any(|key| !matches!(*key, "of" | "if-accepted" | "shows") && table.contains_key(*key))
    {
        r.page.say(
            r.span.clone(),
            "the after row says nothing",
            Some("name `version`, `content`, `retention`, `hold`, `versions` or `markers`".to_owned()),
        );
    }
    After {
        object,
        of,
        version,
        content,
        retention: after_retention(r),
        hold: values::hold(r, "hold"),
        versions: r.number("versions", 0, 100_000),
        markers: r.number("markers", 0, 100_000),
        if_accepted: r.text("if-accepted"),
        shows: r.text("shows"),
        line,
    }
}

fn after_retention(r: &Reader<'_, '_>) -> Option<AfterRetention> {
    let value = r.value("retention")?;
    if value.get_ref().is_str() {
        let text = r.text("retention")?;
        return Some(match text.as_str() {
            "unchanged" => AfterRetention::Unchanged,
            "none" => AfterRetention::None,
            "default" => AfterRetention::Default,
            _ => AfterRetention::Of(text),
        });
    }
    let (table, span) = r.table("retention")?;
    let inner =
        r.inner(table, span, ("an expected retention", r.path_of("retention")), &["mode", "at-least"]);
    for key in ["mode", "at-least"] {
        if inner.value(key).is_none() {
            inner.missing(key);
        }
    }
    Some(AfterRetention::AtLeast(values::mode(&inner, "mode")?, values::span(&inner, "at-least")?))
}
