//! Every name must name something: objects, buckets, bodies, handles, control ids.

use super::Case;
use crate::located::near;
use crate::scenario::parse::{AFTER_WORDS, VERSIONS};
use crate::scenario::{
    Action, After, AfterContent, AfterRetention, As, AskRetention, BodySpec, Step, Until, VersionRef,
};

pub(super) fn control_ids(case: &Case<'_>, controls: &[&str]) {
    for (i, id) in case.scenario.controls.iter().enumerate() {
        if !controls.contains(&id.as_str()) {
            let hint = near(id, controls.iter().copied())
                .or_else(|| Some("the known ids stand in `scenarios/controls.toml`".to_owned()));
            case.say(&format!("controls.{i}"), format!("unknown control id `{id}`"), hint);
        }
    }
}

pub(super) fn check(case: &Case<'_>) {
    let scenario = case.scenario;
    for object in &scenario.objects {
        let path = format!("object.{}.in", object.name);
        if let Some(bucket) = &object.bucket {
            bucket_exists(case, bucket, &path);
            if case.scenario.bucket(bucket).is_some_and(|b| b.absent) {
                case.say(&path, "nothing lies in a bucket of which only the name is reserved", None);
            }
        } else if object.inherit {
            let hint = "name a bucket of the scenario with `in`: only there the default is known".to_owned();
            case.say(
                &format!("object.{}.inherit", object.name),
                "an object of the audited bucket cannot inherit its default",
                Some(hint),
            );
        }
    }
    for (name, body) in &scenario.bodies {
        match body {
            BodySpec::Archive { entries } => {
                for (i, entry) in entries.iter().enumerate() {
                    object_exists(case, &entry.object, &format!("archive.{name}.entries.{i}.object"));
                }
            }
            BodySpec::DeleteList { entries } => {
                for (i, (object, version)) in entries.iter().enumerate() {
                    object_exists(case, object, &format!("delete-list.{name}.entries.{i}.object"));
                    let path = format!("delete-list.{name}.entries.{i}.version");
                    version_exists(case, version, Some(object), usize::MAX, &path);
                }
            }
            BodySpec::Form { .. } | BodySpec::Zip { .. } => {}
        }
    }
    handles(case);
    for (i, step) in case.steps() {
        step_names(case, i, step);
        for (k, row) in step.after.iter().enumerate() {
            object_exists(case, &row.object, &Case::step(i, &format!("after.{k}.object")));
            row_names(case, row, &Case::step(i, &format!("after.{k}")));
        }
    }
    let mut rows = std::collections::BTreeMap::<&str, usize>::new();
    for row in &scenario.after {
        let index = rows.entry(&row.object).or_default();
        let path = format!("after.{}.{index}", row.object);
        *index += 1;
        object_exists(case, &row.object, &path);
        row_names(case, row, &path);
    }
    each(case);
}

fn each(case: &Case<'_>) {
    let said = case.scenario.steps.iter().position(|s| s.who == As::Each);
    match (said, case.scenario.for_each.is_empty()) {
        (Some(i), true) => {
            let hint = "name the roles: `for-each = [\"administrator\", \"deleter\"]`".to_owned();
            case.say(&Case::step(i, "as"), "`as = \"each\"` without `for-each`", Some(hint));
        }
        (None, false) => {
            let hint = "a step says `as = \"each\"`".to_owned();
            case.say("for-each", "`for-each` is used by no step", Some(hint));
        }
        _ => {}
    }
}

/// The names of steps: unique, and never a word that means something else.
fn handles(case: &Case<'_>) {
    for (i, step) in case.steps() {
        let Some(name) = &step.name else { continue };
        let path = Case::step(i, "name");
        if VERSIONS.contains(&name.as_str()) || AFTER_WORDS.contains(&name.as_str()) {
            case.say(&path, format!("`{name}` is a word of the format and cannot name a step"), None);
        }
        if case.scenario.steps[..i].iter().any(|s| s.name.as_ref() == Some(name)) {
            case.say(&path, format!("two steps are named `{name}`"), None);
        }
        if case.scenario.object(name).is_some() {
            let hint = "`{NAME.version}` would mean both".to_owned();
            case.say(&path, format!("`{name}` names an object and a step"), Some(hint));
        }
    }
}

fn step_names(case: &Case<'_>, i: usize, step: &Step) {
    let path = |key: &str| Case::step(i, key);
    for (key, name) in [("object", &step.object), ("source", &step.source)] {
        if let Some(name) = name
            && case.places.has(&path(key))
        {
            object_exists(case, name, &path(key));
        }
    }
    if let Some(bucket) = &step.bucket {
        bucket_exists(case, bucket, &path("bucket"));
    }
    if let Some(body) = &step.body {
        body_fits(case, step, body, &path("body"));
    }
    if let Some(upload) = &step.upload {
        let known = |s: &Step| s.action == Action::CreateMultipartUpload;
        earlier(case, upload, i, &path("upload"), "an upload", known);
    }
    if let Some(version) = &step.version {
        version_exists(case, version, step.object.as_deref(), i, &path("version"));
    }
    if let Some(version) = &step.source_version {
        version_exists(case, version, step.source.as_deref(), i, &path("source-version"));
    }
    if let Some(at) = &step.at {
        lock_exists(case, &at.object, &path("at"));
    }
    if let Some(AskRetention::Set { until: Some(Until::Relative(moment)), .. }) = &step.retention {
        lock_exists(case, &moment.object, &path("retention.relative"));
    }
}

fn object_exists(case: &Case<'_>, name: &str, path: &str) {
    if case.scenario.object(name).is_none() {
        let hint = near(name, case.scenario.objects.iter().map(|o| o.name.as_str()));
        case.say(path, format!("there is no object `{name}`"), hint);
    }
}

fn bucket_exists(case: &Case<'_>, name: &str, path: &str) {
    if case.scenario.bucket(name).is_none() {
        let hint = near(name, case.scenario.buckets.iter().map(|b| b.name.as_str()))
            .or_else(|| Some(format!("make it with `[scenario.bucket.{name}]`")));
        case.say(path, format!("there is no bucket `{name}`"), hint);
    }
}

fn body_fits(case: &Case<'_>, step: &Step, name: &str, path: &str) {
    let Some(body) = case.scenario.body(name) else {
        let hint = near(name, case.scenario.bodies.iter().map(|(n, _)| n.as_str()));
        return case.say(path, format!("there is no body `{name}`"), hint);
    };
    let (kind, fits) = match body {
        BodySpec::Archive { .. } => ("an archive", matches!(step.action, Action::PutObject | Action::Raw)),
        BodySpec::Zip { .. } => ("a zip archive", matches!(step.action, Action::Raw)),
        BodySpec::Form { .. } => ("a form", matches!(step.action, Action::PostForm | Action::Raw)),
        BodySpec::DeleteList { .. } => {
            ("a delete list", matches!(step.action, Action::DeleteObjects | Action::Raw))
        }
    };
    if !fits {
        case.say(path, format!("`{name}` is {kind}, which `{}` does not send", step.action), None);
    }
}

/// A moment needs an object whose lock has an end.
fn lock_exists(case: &Case<'_>, name: &str, path: &str) {
    let Some(object) = case.scenario.object(name) else { return object_exists(case, name, path) };
    let ends = object.inherit || matches!(object.retention, Some(AskRetention::Set { until: Some(_), .. }));
    if !ends {
        let hint = format!("give it one: `retention` in `[scenario.object.{name}]`");
        case.say(path, format!("`{name}` has no lock that expires"), Some(hint));
    }
}

/// A handle of an earlier step of the right kind.
fn earlier(case: &Case<'_>, name: &str, before: usize, path: &str, what: &str, fits: impl Fn(&Step) -> bool) {
    let steps = &case.scenario.steps;
    match case.scenario.step(name) {
        None => {
            let known = steps.iter().filter(|s| fits(s)).filter_map(|s| s.name.as_deref());
            let hint = near(name, known).or_else(|| Some("name a step with `name`".to_owned()));
            case.say(path, format!("no step is named `{name}`"), hint);
        }
        Some((_, step)) if !fits(step) => {
            case.say(path, format!("the step `{name}` ({}) does not issue {what}", step.action), None);
        }
        Some((index, _)) if index >= before => {
            case.say(path, format!("the step `{name}` comes later"), None);
        }
        Some(_) => {}
    }
}

/// Whether a step's answer can carry the id of a version that it made.
fn makes_version(step: &Step) -> bool {
    matches!(
        step.action,
        Action::PutObject
            | Action::CopyObject
            | Action::CompleteMultipartUpload
            | Action::DeleteObject
            | Action::PostForm
            | Action::Raw
    )
}

fn version_exists(case: &Case<'_>, version: &VersionRef, object: Option<&str>, before: usize, path: &str) {
    match version {
        VersionRef::Step(name) => {
            let known = case.scenario.step(name).is_some();
            if known || name.chars().any(|c| !c.is_ascii_lowercase()) {
                return earlier(case, name, before, path, "a version", makes_version);
            }
            let steps =
                case.scenario.steps.iter().filter(|s| makes_version(s)).filter_map(|s| s.name.as_deref());
            let hint = near(name, VERSIONS.iter().copied().chain(steps));
            case.say(path, format!("`{name}` is no version and no step of that name"), hint);
        }
        VersionRef::Marker => {
            let object = object.and_then(|name| case.scenario.object(name));
            if object.is_some_and(|o| o.setup != crate::scenario::ObjectSetup::Hidden) {
                let hint = "give the object `state = \"hidden\"`, or name the step that lays the marker";
                case.say(path, "the object has no marker of its own", Some(hint.to_owned()));
            }
        }
        VersionRef::Latest
        | VersionRef::Own
        | VersionRef::Null
        | VersionRef::Unknown
        | VersionRef::Literal(_) => {}
    }
}

fn row_names(case: &Case<'_>, row: &After, path: &str) {
    let step = |name: &str, key: &str, what: &str, fits: &dyn Fn(&Step) -> bool| {
        let path = format!("{path}.{key}");
        match case.scenario.step(name) {
            None => {
                let known = case.scenario.steps.iter().filter(|s| fits(s)).filter_map(|s| s.name.as_deref());
                let words: &[&str] = match key {
                    "content" => &["unchanged"],
                    "retention" => AFTER_WORDS,
                    "of" => &["own"],
                    _ => &[],
                };
                let hint = near(name, known.chain(words.iter().copied()));
                case.say(&path, format!("no step is named `{name}`"), hint);
            }
            Some((_, step)) if !fits(step) => {
                case.say(&path, format!("the step `{name}` ({}) {what}", step.action), None);
            }
            Some(_) => {}
        }
    };
    if let VersionRef::Step(name) = &row.of {
        step(name, "of", "does not make a version", &makes_version);
    }
    if let Some(AfterContent::Of(name)) = &row.content {
        step(name, "content", "sends no content", &|s| {
            s.content.is_some() || s.body.is_some() || (makes_version(s) && s.action != Action::DeleteObject)
        });
    }
    if let Some(AfterRetention::Of(name)) = &row.retention {
        step(name, "retention", "asks for no retention", &|s| {
            s.retention.is_some() || s.action == Action::Raw
        });
    }
    if let Some(name) = &row.if_accepted {
        step(name, "if-accepted", "", &|_| true);
    }
}
