//! Whether an accepted act had its effect, by the read-back.

use crate::lock::{Presence, Reading};
use crate::record::evidence::{Observation, RunEvidence, SentStep};
use crate::record::judge::answers::version_id;
use crate::record::judge::compare;
use crate::scenario::{Action, AskRetention, BodySpec, Scenario, Step, VersionRef};

/// What the read-back says of an accepted act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// It is there.
    Seen,
    /// It is definitely not there.
    Missing(String),
    /// It could not be read.
    Unread(String),
    /// The act leaves nothing that a read-back of versions could show (a part, a tag, a policy). What
    /// it owes stands in the scenario's own `after`.
    NotOfVersions,
}

/// The evidence around one request.
#[derive(Debug, Clone, Copy)]
pub struct Around<'a> {
    /// The scenario.
    pub scenario: &'a Scenario,
    /// The run.
    pub evidence: &'a RunEvidence,
    /// The read-back before the request.
    pub before: Option<&'a Observation>,
    /// The read-back after it.
    pub after: &'a Observation,
}

/// Looks for the effect of an accepted request.
#[must_use]
pub fn effect(around: Around<'_>, step: &Step, sent: &SentStep) -> Effect {
    let Some(object) = step.object.as_deref() else { return Effect::NotOfVersions };
    match step.action {
        Action::PutObject if step.body.is_some() => Effect::NotOfVersions,
        Action::PutObject | Action::CopyObject | Action::PostForm | Action::CompleteMultipartUpload => {
            written(around, object, sent)
        }
        Action::DeleteVersion => removed(around, object, &step.version_ref()),
        Action::DeleteObject => marked(around, object),
        Action::DeleteObjects => match step.body.as_deref().and_then(|b| around.scenario.body(b)) {
            Some(BodySpec::DeleteList { entries }) => entries
                .iter()
                .filter(|(o, v)| o == object && step.version.as_ref().is_none_or(|w| w == v))
                .map(|(o, v)| match v {
                    VersionRef::Latest => marked(around, o),
                    v => removed(around, o, v),
                })
                .find(|e| *e != Effect::Seen)
                .unwrap_or(Effect::Seen),
            _ => Effect::NotOfVersions,
        },
        Action::PutRetention => retention(around, object, step, sent),
        Action::PutLegalHold => {
            let Some(asked) = step.hold else { return Effect::NotOfVersions };
            with_state(around, object, step, |state| match &state.hold {
                Reading::Known(found) if *found == asked => Effect::Seen,
                Reading::Known(found) => Effect::Missing(format!(
                    "the legal hold of {object} is {}, not {}",
                    found.as_str(),
                    asked.as_str()
                )),
                Reading::Unread(why) => Effect::Unread(why.clone()),
            })
        }
        _ => Effect::NotOfVersions,
    }
}

/// The handle under which a version reference is read back.
pub(super) fn handle(step: &Step) -> &str {
    match &step.version {
        Some(VersionRef::Marker) => "marker",
        Some(VersionRef::Step(name)) => name,
        _ => "own",
    }
}

fn with_state(
    around: Around<'_>,
    object: &str,
    step: &Step,
    check: impl FnOnce(&crate::lock::VersionState) -> Effect,
) -> Effect {
    let listed = around.after.key(object).and_then(|k| k.listing.known());
    let several = listed.is_some_and(|l| l.iter().filter(|e| !e.marker).count() > 1);
    if step.version_ref() == VersionRef::Latest && several {
        // The current version is not the one that is read back as the object's own; `after` says what it owes.
        return Effect::NotOfVersions;
    }
    match around.after.version(object, handle(step)) {
        Some(observed) => check(&observed.state),
        None => Effect::Unread(format!("{object} was not read back")),
    }
}

/// A write: the version that the answer named is listed, is new, and holds what was sent.
fn written(around: Around<'_>, object: &str, sent: &SentStep) -> Effect {
    let content = |state: &crate::lock::VersionState| match (&state.presence, &sent.sha256) {
        (Reading::Known(Presence::Present { sha256, .. }), Some(wanted)) if sha256 == wanted => Effect::Seen,
        (Reading::Known(Presence::Present { .. }), None) => Effect::Seen,
        (Reading::Known(Presence::Present { sha256, .. }), Some(wanted)) => Effect::Missing(format!(
            "what was written to {object} is not what is read: SHA-256 {wanted} sent, {sha256} read"
        )),
        (Reading::Known(_), _) => Effect::Missing(format!("what was written to {object} is not there")),
        (Reading::Unread(why), _) => Effect::Unread(why.clone()),
    };
    let versions = || around.after.versions.iter().filter(|v| v.object == object);
    let Some(id) = sent.version_id.as_deref() else {
        // No version id in the answer: a bucket without versioning. The key itself is read.
        return versions()
            .find(|v| v.of == "own")
            .map_or_else(|| Effect::Unread(format!("{object} was not read back")), |v| content(&v.state));
    };
    if let Some(observed) = versions().find(|v| v.state.version_id == id) {
        return content(&observed.state);
    }
    match around.after.key(object).map(|k| &k.listing) {
        Some(Reading::Known(listed)) if listed.iter().any(|l| l.version_id == id && !l.marker) => {
            Effect::Seen
        }
        Some(Reading::Known(_)) => Effect::Missing(format!("the new version of {object} is not listed")),
        Some(Reading::Unread(why)) => Effect::Unread(why.clone()),
        None => Effect::Unread(format!("the versions of {object} were not listed")),
    }
}

/// A deletion of a version: it is not listed any more, and a GET does not find it.
fn removed(around: Around<'_>, object: &str, version: &VersionRef) -> Effect {
    let Some(id) = version_id(around.evidence, around.scenario, object, version) else {
        return Effect::NotOfVersions;
    };
    let still = |why: &str| Effect::Missing(format!("the deleted version of {object} {why}"));
    if let Some(observed) =
        around.after.versions.iter().find(|v| v.object == object && v.state.version_id == id)
    {
        match &observed.state.presence {
            Reading::Known(Presence::Gone) => {}
            Reading::Known(_) => return still("can still be read"),
            Reading::Unread(why) => return Effect::Unread(why.clone()),
        }
    }
    match around.after.key(object).map(|k| &k.listing) {
        Some(Reading::Known(listed)) if listed.iter().any(|l| l.version_id == id) => still("is still listed"),
        Some(Reading::Known(_)) => Effect::Seen,
        Some(Reading::Unread(why)) => Effect::Unread(why.clone()),
        None => Effect::Unread(format!("the versions of {object} were not listed")),
    }
}

/// A deletion without a version id: one more delete marker, or (without versioning) the key is empty.
fn marked(around: Around<'_>, object: &str) -> Effect {
    let listing = |o: Option<&Observation>| -> Option<Vec<_>> { o?.key(object)?.listing.known().cloned() };
    let Some(now) = listing(Some(around.after)) else {
        return Effect::Unread(format!("the versions of {object} were not listed"));
    };
    let before = listing(around.before).unwrap_or_default();
    let markers = |l: &[crate::record::evidence::Listed]| l.iter().filter(|e| e.marker).count();
    if markers(&now) > markers(&before) || now.is_empty() {
        Effect::Seen
    } else {
        Effect::Missing(format!("no delete marker lies on {object}"))
    }
}

fn retention(around: Around<'_>, object: &str, step: &Step, sent: &SentStep) -> Effect {
    let asked = match &step.retention {
        Some(AskRetention::Empty) => None,
        _ => match sent.asked {
            Some(asked) => Some(asked),
            None => return Effect::NotOfVersions,
        },
    };
    with_state(around, object, step, |state| match &state.retention {
        Reading::Known(found) if compare::same(*found, asked) => Effect::Seen,
        Reading::Known(found) => Effect::Missing(format!(
            "{object} has {}, asked was {}",
            compare::words(*found),
            compare::words(asked)
        )),
        Reading::Unread(why) => Effect::Unread(why.clone()),
    })
}
