//! Which keys a step's action needs and which it can take; races and their neighbours.

use super::Case;
use crate::scenario::{Action, BodySpec, ObjectSetup, On, Purpose, Step, VersionRef};

/// What a step of an action is aimed at.
enum Aim {
    Object,
    Upload,
    Bucket,
    ObjectOrBucket,
    List,
    Machine,
    Anything,
}

fn aim(action: Action) -> Aim {
    match action {
        Action::UploadPart | Action::CompleteMultipartUpload | Action::AbortMultipartUpload => Aim::Upload,
        Action::PutBucketVersioning
        | Action::PutObjectLockConfiguration
        | Action::PutBucketPolicy
        | Action::DeleteBucketPolicy
        | Action::CreateBucket
        | Action::DeleteBucket => Aim::Bucket,
        Action::ListVersions => Aim::ObjectOrBucket,
        Action::DeleteObjects => Aim::List,
        Action::RestartServer | Action::MoveClock => Aim::Machine,
        Action::Raw => Aim::Anything,
        _ => Aim::Object,
    }
}

/// A key that only some actions take.
fn takers(key: &str) -> Option<&'static [Action]> {
    use Action as A;
    Some(match key {
        "upload" => &[A::UploadPart, A::CompleteMultipartUpload, A::AbortMultipartUpload],
        "part" => &[A::UploadPart],
        "source" | "source-version" | "replace-metadata" => &[A::CopyObject],
        "versioning" => &[A::PutBucketVersioning],
        "default-retention" => &[A::PutObjectLockConfiguration],
        "policy" => &[A::PutBucketPolicy],
        "method" | "on" | "path" => &[A::Raw],
        "quiet" => &[A::DeleteObjects],
        "crash" => &[A::RestartServer],
        "by" => &[A::MoveClock],
        "content" => &[A::PutObject, A::UploadPart, A::PostForm, A::PutTagging, A::Raw],
        "body" => &[A::PutObject, A::PostForm, A::DeleteObjects, A::Raw],
        "retention" => &[A::PutObject, A::CopyObject, A::CreateMultipartUpload, A::PutRetention],
        "hold" => &[A::PutObject, A::CopyObject, A::CreateMultipartUpload, A::PutLegalHold],
        _ => return None,
    })
}

/// The keys that an action cannot do without.
fn needs(action: Action) -> &'static [&'static str] {
    match action {
        Action::CopyObject => &["source"],
        Action::UploadPart => &["upload", "content"],
        Action::CompleteMultipartUpload | Action::AbortMultipartUpload => &["upload"],
        Action::DeleteObjects | Action::PostForm => &["body"],
        Action::PutRetention => &["retention"],
        Action::PutLegalHold => &["hold"],
        Action::PutBucketVersioning => &["versioning"],
        Action::PutObjectLockConfiguration => &["default-retention"],
        Action::PutBucketPolicy => &["policy"],
        Action::MoveClock => &["by"],
        Action::Raw => &["method"],
        _ => &[],
    }
}

pub(super) fn check(case: &Case<'_>) {
    for (i, step) in case.steps() {
        keys(case, i, step);
        aims(case, i, step);
        if step.action == Action::DeleteVersion && step.version == Some(VersionRef::Latest) {
            let hint = "a deletion without a version id is `delete-object`".to_owned();
            case.say(&Case::step(i, "version"), "`delete-version` names no version", Some(hint));
        }
    }
    races(case);
    unused(case);
}

fn keys(case: &Case<'_>, i: usize, step: &Step) {
    let action = step.action;
    let has = |key: &str| case.places.has(&Case::step(i, key));
    let limited = [
        "upload",
        "part",
        "source",
        "source-version",
        "replace-metadata",
        "versioning",
        "default-retention",
        "policy",
        "method",
        "on",
        "path",
        "quiet",
        "crash",
        "by",
        "content",
        "body",
        "retention",
        "hold",
    ];
    for key in limited.into_iter().filter(|key| has(key)) {
        if let Some(takers) = takers(key)
            && !takers.contains(&action)
        {
            let words: Vec<String> = takers.iter().map(|a| format!("`{a}`")).collect();
            let hint = format!("it belongs to {}", words.join(", "));
            case.say(&Case::step(i, key), format!("`{action}` takes no `{key}`"), Some(hint));
        }
    }
    for key in needs(action).iter().filter(|key| !has(key)) {
        case.say(&format!("step.{i}.action"), format!("`{action}` needs `{key}`"), None);
    }
    if action == Action::PutObject && !has("content") && !has("body") {
        case.say(&format!("step.{i}.action"), "`put-object` needs `content` or `body`", None);
    }
    if has("content") && has("body") && action != Action::PostForm {
        let message = "`content` and `body` both say what is sent";
        case.say(&Case::step(i, "body"), message, Some("keep one of them".to_owned()));
    }
    if let Some(method) = &step.method
        && !matches!(method.as_str(), "GET" | "HEAD" | "PUT" | "POST" | "DELETE" | "PATCH" | "OPTIONS")
    {
        let hint = "one of GET, HEAD, PUT, POST, DELETE, PATCH, OPTIONS".to_owned();
        case.say(&Case::step(i, "method"), format!("`{method}` is not a method"), Some(hint));
    }
}

fn aims(case: &Case<'_>, i: usize, step: &Step) {
    let path = format!("step.{i}.action");
    let action = step.action;
    let (object, bucket) = (step.object.is_some(), step.bucket.is_some());
    match aim(action) {
        Aim::Object if !object => case.say(&path, format!("`{action}` needs `object`"), None),
        Aim::Object | Aim::Upload if bucket => {
            let hint = "an object says itself where it lies (`in`)".to_owned();
            case.say(&Case::step(i, "bucket"), format!("`{action}` takes no `bucket`"), Some(hint));
        }
        Aim::Bucket if object => {
            case.say(&Case::step(i, "object"), format!("`{action}` takes no `object`"), None);
        }
        Aim::Bucket if !bucket => {
            let hint = "make one with `[scenario.bucket.NAME]` (`twin = true` copies the audited one): only reading \
                        steps may name the audited bucket";
            case.say(&path, format!("`{action}` needs `bucket`"), Some(hint.to_owned()));
        }
        Aim::ObjectOrBucket if object && bucket => {
            case.say(&Case::step(i, "bucket"), "`object` and `bucket` both say what is listed", None);
        }
        Aim::Bucket if action == Action::CreateBucket => made(case, i, step),
        Aim::Machine => machine(case, i, step),
        Aim::List => list(case, i, step),
        Aim::Anything => raw(case, i, step),
        _ => {}
    }
}

/// A step makes only buckets whose name the tool reserved.
fn made(case: &Case<'_>, i: usize, step: &Step) {
    let bucket = step.bucket.as_deref().and_then(|name| case.scenario.bucket(name));
    if bucket.is_some_and(|b| !b.absent) {
        let hint = "write `state = \"absent\"` there, so that only its name is reserved".to_owned();
        case.say(&Case::step(i, "bucket"), "the tool makes this bucket itself", Some(hint));
    }
}

/// What the tool does to the server itself is no request: it is aimed at nothing, makes the scene, and needs a
/// capability that the scenario names.
fn machine(case: &Case<'_>, i: usize, step: &Step) {
    let path = format!("step.{i}.action");
    if step.object.is_some() || step.bucket.is_some() || step.together.is_some() || step.copies > 1 {
        let message = format!("`{}` is done once, to the server, and names nothing else", step.action);
        case.say(&path, message, None);
    }
    if step.purpose != Purpose::Setup {
        let hint = "it proves nothing by itself: `purpose = \"setup\"`".to_owned();
        case.say(&Case::step(i, "purpose"), format!("`{}` can only be a setup", step.action), Some(hint));
    }
    if let Some(capability) = step.action.of_machine()
        && !case.scenario.requires.contains(&capability)
    {
        let hint = format!("add `{capability}` to `requires`");
        case.say("requires", format!("`{}` needs `{capability}`", step.action), Some(hint));
    }
}

fn list(case: &Case<'_>, i: usize, step: &Step) {
    if step.bucket.is_some() {
        let hint = "the entries of its list say where they lie".to_owned();
        case.say(&Case::step(i, "bucket"), "`delete-objects` takes no `bucket`", Some(hint));
    }
    if let Some(BodySpec::DeleteList { entries }) = step.body.as_deref().and_then(|b| case.scenario.body(b)) {
        let mut buckets = entries.iter().filter_map(|(o, _)| case.scenario.object(o)).map(|o| &o.bucket);
        if let Some(first) = buckets.next()
            && buckets.any(|b| b != first)
        {
            case.say(&Case::step(i, "body"), "the entries of the list lie in different buckets", None);
        }
        if let Some(object) = &step.object
            && !entries.iter().any(|(o, _)| o == object)
        {
            let hint = "`object` says which entry's answer is meant".to_owned();
            case.say(&Case::step(i, "object"), format!("the list has no entry of `{object}`"), Some(hint));
        }
    }
}

/// Where the administration interfaces lie that a step may name by their path.
const ADMINISTRATION: &str = "/minio/admin/";

fn raw(case: &Case<'_>, i: usize, step: &Step) {
    let path = format!("step.{i}.action");
    if let Some(at) = &step.path {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '/' | '-');
        if !at.starts_with(ADMINISTRATION) || !at.chars().all(plain) {
            let hint = format!("a path begins with `{ADMINISTRATION}`; everything else is aimed by name");
            case.say(&Case::step(i, "path"), format!("`{at}` is no administration interface"), Some(hint));
        }
        if step.on != Some(On::Server) {
            let hint = "add `on = \"server\"`".to_owned();
            case.say(&Case::step(i, "path"), "only a step on the server has a path", Some(hint));
        }
    }
    let reads = matches!(step.method.as_deref(), Some("GET" | "HEAD" | "OPTIONS"));
    match (&step.object, step.on) {
        (None, None) => {
            let hint = "aim it by `object`, `on = \"bucket\"` or `on = \"server\"`".to_owned();
            case.say(&path, "the `raw` step is aimed at nothing", Some(hint));
        }
        (Some(_), Some(_)) => {
            case.say(&Case::step(i, "on"), "`object` and `on` both say what it is aimed at", None);
        }
        (Some(_), None) if step.bucket.is_some() => {
            case.say(&Case::step(i, "bucket"), "`object` and `bucket` both say what it is aimed at", None);
        }
        (None, Some(On::Bucket)) if step.bucket.is_none() && !reads => {
            let hint = "name a bucket of the scenario with `bucket`".to_owned();
            case.say(&path, "only reading steps may be aimed at the audited bucket", Some(hint));
        }
        (None, Some(On::Server)) if step.bucket.is_some() => {
            case.say(&Case::step(i, "bucket"), "`on = \"server\"` takes no `bucket`", None);
        }
        _ => {}
    }
}

/// Steps sent together must be neighbours, and more than one.
fn races(case: &Case<'_>) {
    let groups = case.scenario.groups();
    for (k, group) in groups.iter().enumerate() {
        let Some(word) = &case.scenario.steps[group.start].together else { continue };
        let path = Case::step(group.start, "together");
        let again = groups[..k].iter().any(|g| case.scenario.steps[g.start].together.as_ref() == Some(word));
        if again {
            let hint = "steps that are sent together stand one after the other".to_owned();
            case.say(&path, format!("the steps of `{word}` are not neighbours"), Some(hint));
        } else if group.len() == 1
            && !groups[k + 1..].iter().any(|g| case.scenario.steps[g.start].together.as_ref() == Some(word))
        {
            case.say(&path, format!("`{word}` is sent together with nothing"), None);
        }
    }
}

/// What nothing refers to is a slip of a name or a leftover.
fn unused(case: &Case<'_>) {
    for (name, body) in &case.scenario.bodies {
        if !case.scenario.steps.iter().any(|s| s.body.as_ref() == Some(name)) {
            let family = match body {
                BodySpec::Archive { .. } => "archive",
                BodySpec::Zip { .. } => "zip",
                BodySpec::Form { .. } => "form",
                BodySpec::DeleteList { .. } => "delete-list",
            };
            case.say(&format!("{family}.{name}"), format!("no step sends the body `{name}`"), None);
        }
    }
    for object in &case.scenario.objects {
        let makes = |s: &Step| s.object.as_ref() == Some(&object.name);
        let named = |s: &Step| {
            let list = s.body.as_deref().and_then(|b| case.scenario.body(b));
            match list {
                Some(BodySpec::Archive { entries }) => entries.iter().any(|e| e.object == object.name),
                Some(BodySpec::DeleteList { entries }) => entries.iter().any(|(o, _)| *o == object.name),
                Some(BodySpec::Form { .. } | BodySpec::Zip { .. }) | None => false,
            }
        };
        let raw = |s: &Step| s.action == Action::Raw && s.on.is_some();
        if object.setup == ObjectSetup::Absent
            && !case.scenario.steps.iter().any(|s| makes(s) || named(s) || raw(s))
        {
            let path = format!("object.{}", object.name);
            case.say(&path, format!("no step makes the absent object `{}`", object.name), None);
        }
    }
}
