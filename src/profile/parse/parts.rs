//! `[configuration]`, `[upload]`, `[attacks]`, `[event-log]` and `[trail]`.

use toml::de::DeValue;

use crate::located::{Reader, near};
use crate::profile::{
    Attacks, ConfigurationDemand, DefaultDemand, EventLogRules, Need, Release, ReleaseDemand, Upload,
};

use super::requirement::{length, mode};
use super::{Known, compare, prose};

/// Where the number of an event stands in its key.
const SEQUENCE: &str = "{sequence}";

/// Where the id of a record stands in its keys.
const ID: &str = "{id}";

pub(super) fn configuration(r: &Reader<'_, '_>) -> ConfigurationDemand {
    let Some((table, span)) = r.table("configuration") else { return ConfigurationDemand::default() };
    let path = "configuration".to_owned();
    let c = r.inner(table, span, ("a configuration", path), ConfigurationDemand::WORDS);
    let need = |key: &str| {
        c.word(key, &[Need::Yes, Need::WherePossible, Need::No], |need| match need {
            Need::Yes => "yes",
            Need::WherePossible => "where possible",
            Need::No => "no",
        })
        .unwrap_or_default()
    };
    ConfigurationDemand {
        versioning: need("versioning"),
        object_lock: need("object-lock"),
        default_retention: default_retention(&c),
        mfa_delete: need("mfa-delete"),
        tls_only: need("tls-only"),
        conditional_writes: need("conditional-writes"),
        retain_until_required: need("retain-until-required"),
        public_access_block: need("public-access-block"),
        replication: need("replication"),
        logging: need("logging"),
        server_release: server_release(&c),
    }
}

fn server_release(c: &Reader<'_, '_>) -> Option<ReleaseDemand> {
    let (table, span) = c.table("server-release")?;
    let what = ("a release of the server", c.path_of("server-release"));
    let r = c.inner(table, span, what, &["server", "not-before"]);
    // Of no other server is it known how its releases are named and where they can be read.
    let server = r.need_word("server", &["MinIO"], |word| word);
    let name = r.need_text("not-before");
    let not_before = Release::parse(&name).filter(|release| release.is_named);
    if not_before.is_none() && !name.trim().is_empty() {
        let hint = "write the release's tag: `RELEASE.2020-09-17T04-49-20Z`";
        let place = r.places.of(&r.path_of("not-before"));
        r.page.say(place, format!("`{name}` is no release of MinIO"), Some(hint.to_owned()));
    }
    server.zip(not_before).map(|(server, not_before)| ReleaseDemand { server: server.to_owned(), not_before })
}

fn default_retention(c: &Reader<'_, '_>) -> Option<DefaultDemand> {
    let (table, span) = c.table("default-retention")?;
    let what = ("a default retention", c.path_of("default-retention"));
    let d = c.inner(table, span, what, &["mode", "lasts"]);
    for key in ["mode", "lasts"] {
        if d.value(key).is_none() {
            d.missing(key);
        }
    }
    mode(&d, "mode").zip(length(&d, "lasts")).map(|(mode, lasts)| DefaultDemand { mode, lasts })
}

pub(super) fn upload(r: &Reader<'_, '_>) -> Upload {
    let Some((table, span)) = r.table("upload") else { return Upload::default() };
    let u = r.inner(table, span, ("an upload", "upload".to_owned()), &["sends"]);
    if u.value("sends").is_none() {
        u.missing("sends");
    }
    let sends = u.words("sends", false, &["retention", "hold", "if-none-match"], |word| word);
    Upload {
        retention: sends.contains(&"retention"),
        hold: sends.contains(&"hold"),
        if_none_match: sends.contains(&"if-none-match"),
    }
}

pub(super) fn attacks(r: &Reader<'_, '_>, known: &Known) -> Attacks {
    let Some((table, span)) = r.table("attacks") else { return Attacks::default() };
    let a = r.inner(table, span, ("the attacks", "attacks".to_owned()), &["run", "require", "skip"]);
    let named = |key: &str, groups: bool| -> Vec<String> {
        let texts = a.texts(key, false);
        for (text, span) in &texts {
            scenario(&a, text, span.clone(), known, groups);
        }
        texts.into_iter().map(|(text, _)| text).collect()
    };
    let (run, require) = (named("run", true), named("require", false));
    let mut skip: Vec<(String, String)> = Vec::new();
    for (i, (table, span)) in a.tables("skip", false).into_iter().enumerate() {
        let s = a.inner(table, span, ("what is left out", format!("attacks.skip.{i}")), &["id", "reason"]);
        let (id, reason) = (s.need_text("id"), prose(&s.need_text("reason")));
        let place = s.places.of(&s.path_of("id"));
        scenario(&s, &id, place.clone(), known, true);
        if require.contains(&id) {
            s.page.say(place, format!("`{id}` is required and left out"), None);
        }
        skip.push((id, reason));
    }
    Attacks { run, skip, require }
}

/// Compares a scenario's id, or a group, with the known ones.
fn scenario(r: &Reader<'_, '_>, text: &str, span: std::ops::Range<usize>, known: &Known, groups: bool) {
    match (&known.scenarios, &known.groups) {
        (Some(ids), Some(all)) if groups => compare(r, text, span, "scenario or group", &[ids, all]),
        (Some(ids), _) if !groups => compare(r, text, span, "scenario", &[ids]),
        _ => {}
    }
}

pub(super) fn event_log(r: &Reader<'_, '_>) -> Option<EventLogRules> {
    let (table, span) = r.table("event-log")?;
    let keys = &["key-pattern", "token-path", "holder-path"];
    let e = r.inner(table, span, ("an event log", "event-log".to_owned()), keys);
    let rules = EventLogRules {
        key_pattern: e.need_text("key-pattern"),
        token_path: e.need_text("token-path"),
        holder_path: e.need_text("holder-path"),
    };
    if rules.key_pattern.matches(SEQUENCE).count() != 1 && !rules.key_pattern.trim().is_empty() {
        let hint = "write `{sequence}` once where the number of the event stands: `events/{sequence}.json`";
        let place = e.places.of("event-log.key-pattern");
        e.page.say(place, "the key of an event needs its number", Some(hint.to_owned()));
    }
    Some(rules)
}

/// The patterns of `[trail]`: keys of one record, each with its id once.
pub(super) fn trail_keys(r: &Reader<'_, '_>) -> Vec<String> {
    let Some((table, span)) = r.table("trail") else { return Vec::new() };
    let t = r.inner(table, span, ("a trail", "trail".to_owned()), &["keys"]);
    if t.value("keys").is_none() {
        t.missing("keys");
    }
    let texts = t.texts("keys", true);
    for (text, span) in &texts {
        if text.matches(ID).count() != 1 {
            let hint = "write `{id}` once where the id of the record stands: `invoices/{id}/`";
            t.page.say(span.clone(), "the keys of a record need its id", Some(hint.to_owned()));
        }
    }
    twice(&t, "keys", &texts);
    texts.into_iter().map(|(text, _)| text).collect()
}

/// A list of words of rules, compared with the known ones.
pub(super) fn rules(r: &Reader<'_, '_>, key: &str, what: &str, known: Option<&[String]>) -> Vec<String> {
    let texts = r.texts(key, true);
    for (text, span) in &texts {
        if let Some(list) = known {
            compare(r, text, span.clone(), what, &[list]);
        }
    }
    twice(r, key, &texts);
    texts.into_iter().map(|(text, _)| text).collect()
}

/// Says which word stands twice in a list, and that an empty list says nothing.
fn twice(r: &Reader<'_, '_>, key: &str, texts: &[(String, std::ops::Range<usize>)]) {
    for (i, (text, span)) in texts.iter().enumerate() {
        if texts[..i].iter().any(|(other, _)| other == text) {
            r.page.say(span.clone(), format!("`{text}` stands twice in `{key}`"), None);
        }
    }
    if let Some(value) = r.value(key)
        && matches!(value.get_ref(), DeValue::Array(items) if items.is_empty())
    {
        r.page.say(
            value.span(),
            format!("`{key}` is empty"),
            Some("name something, or remove it".to_owned()),
        );
    }
}

/// A list of words of configuration demands.
pub(super) fn demanded(r: &Reader<'_, '_>) -> Vec<String> {
    among(r, "configuration", "configuration demand", ConfigurationDemand::WORDS)
}

/// A list of words of which all are known here.
pub(super) fn among(r: &Reader<'_, '_>, key: &str, what: &str, known: &[&str]) -> Vec<String> {
    let texts = r.texts(key, true);
    for (text, span) in &texts {
        if !known.contains(&text.as_str()) {
            let hint = near(text, known.iter().copied());
            r.page.say(span.clone(), format!("there is no {what} `{text}`"), hint);
        }
    }
    twice(r, key, &texts);
    texts.into_iter().map(|(text, _)| text).collect()
}
