//! What an accepted step shows: a right that no lock can hide, the contrast with a principal that lacks it, or that a
//! principal is alive. Used on a scenario as written, and again by the judge on what was accepted in a run.

use chrono::TimeDelta;

use crate::lock::{LegalHold, Mode};
use crate::scenario::rights::{Right, Role, needed};
use crate::scenario::{
    Action, As, AskRetention, BodySpec, Expect, ObjectSetup, ObjectSpec, Purpose, Scenario, Step, Until,
    VersionRef,
};
use crate::time::Span;

/// Tells of a step, by its index, whether it counts as accepted.
pub type Accepted<'a> = &'a dyn Fn(usize) -> bool;

/// Whether a step is one that can show something.
#[must_use]
pub fn shows(step: &Step) -> bool {
    matches!(step.purpose, Purpose::Control | Purpose::Promise) && step.expect == Expect::Accepted
}

/// The first right of an attack that no accepted step of the same principal shows where no lock can stand in the way.
///
/// The right to bypass governance can be shown only where a governance lock is lifted; that is a scenario of its own.
/// Without it the plain right decides: a bypass that is not permitted must not help either.
#[must_use]
pub fn right_not_shown(scenario: &Scenario, attack: &Step, accepted: Accepted<'_>) -> Option<Right> {
    let free: Vec<&Step> = scenario
        .steps
        .iter()
        .enumerate()
        .filter(|(i, s)| shows(s) && s.who == attack.who && is_free(scenario, s) && accepted(*i))
        .map(|(_, s)| s)
        .collect();
    wanted(scenario, attack)
        .into_iter()
        .filter(|right| *right != Right::BypassGovernanceRetention)
        .find(|right| !free.iter().any(|c| wanted(scenario, c).contains(right)))
}

/// Whether somebody else who holds the rights was accepted in the same action on another object (or the same
/// principal in another bucket, which no policy of the first one binds), and the principal
/// that lacks them is alive (anonymous has no credentials that could be dead).
#[must_use]
pub fn contrast_shown(scenario: &Scenario, attack: &Step, accepted: Accepted<'_>) -> bool {
    let rights = wanted(scenario, attack);
    scenario.steps.iter().enumerate().any(|(i, s)| {
        shows(s)
            && (s.who != attack.who || bucket_of(scenario, s) != bucket_of(scenario, attack))
            && s.action == attack.action
            && s.method == attack.method
            && rights.iter().all(|r| wanted(scenario, s).contains(r))
            && (attack.object.is_none() || s.object != attack.object)
            && accepted(i)
    }) && (attack.who == As::Role(Role::Anonymous) || alive(scenario, attack, accepted))
}

/// The bucket of the scenario that a step is aimed at; `None` is the audited one.
fn bucket_of<'s>(scenario: &'s Scenario, step: &'s Step) -> Option<&'s str> {
    match step.object.as_deref().and_then(|name| scenario.object(name)) {
        Some(object) => object.bucket.as_deref(),
        None => step.bucket.as_deref(),
    }
}

/// Whether the principal of a step was accepted in something else: its credentials work.
#[must_use]
pub fn alive(scenario: &Scenario, attack: &Step, accepted: Accepted<'_>) -> bool {
    scenario
        .steps
        .iter()
        .enumerate()
        .any(|(i, s)| s.who == attack.who && s.expect == Expect::Accepted && accepted(i))
}

/// The rights that a step needs. A batch deletion needs the one for versions, for keys, or both, by its entries.
#[must_use]
pub fn wanted(scenario: &Scenario, step: &Step) -> Vec<Right> {
    let mut rights = needed(step);
    if step.action == Action::DeleteObjects {
        let entries = entries(scenario, step);
        rights.retain(|right| match right {
            Right::DeleteObject => entries.iter().any(|(_, v)| *v == VersionRef::Latest),
            Right::DeleteObjectVersion => entries.iter().any(|(_, v)| *v != VersionRef::Latest),
            _ => true,
        });
    }
    rights
}

fn entries<'s>(scenario: &'s Scenario, step: &Step) -> &'s [(String, VersionRef)] {
    match step.body.as_deref().and_then(|b| scenario.body(b)) {
        Some(BodySpec::DeleteList { entries }) => entries,
        _ => &[],
    }
}

fn lifts_governance(scenario: &Scenario, step: &Step) -> bool {
    let governed = |name: &str, version: &VersionRef| {
        lock_of(scenario, name, version).is_some_and(|lock| lock.mode == Some(Mode::Governance) && !lock.held)
    };
    step.bypass_governance
        && match step.action {
            Action::DeleteVersion | Action::PutRetention => {
                step.object.as_deref().is_some_and(|o| governed(o, &step.version_ref()))
            }
            Action::DeleteObjects => entries(scenario, step).iter().any(|(o, v)| governed(o, v)),
            _ => false,
        }
}

/// Whether no lock can refuse the step on a faithful server.
fn is_free(scenario: &Scenario, step: &Step) -> bool {
    let object = step.object.as_deref().unwrap_or_default();
    match step.action {
        Action::DeleteVersion => {
            version_free(scenario, step, object, &step.version_ref()) || lifts_governance(scenario, step)
        }
        Action::DeleteObjects => {
            let entries = entries(scenario, step);
            entries.iter().all(|(o, v)| *v == VersionRef::Latest || version_free(scenario, step, o, v))
                || lifts_governance(scenario, step)
        }
        Action::Raw if step.method.as_deref() == Some("DELETE") => {
            let version = step.version_ref();
            version == VersionRef::Latest && !step.query.iter().any(|(k, _)| k == "versionId")
                || version_free(scenario, step, object, &version)
        }
        Action::PutRetention => extends(scenario, step) || lifts_governance(scenario, step),
        _ => true,
    }
}

/// The lock that a version has from its setup or from the step that made it.
struct Lock<'s> {
    mode: Option<Mode>,
    until: Option<&'s Until>,
    held: bool,
}

fn lock_of<'s>(scenario: &'s Scenario, object: &str, version: &VersionRef) -> Option<Lock<'s>> {
    let spec = scenario.object(object)?;
    let (retention, hold) = match version {
        VersionRef::Step(name) => {
            let (_, step) = scenario.step(name)?;
            (step.retention.as_ref(), step.hold)
        }
        _ if spec.setup == ObjectSetup::Absent => {
            let maker = scenario.steps.iter().find(|s| {
                s.object.as_deref() == Some(object)
                    && matches!(
                        s.action,
                        Action::PutObject | Action::CopyObject | Action::CreateMultipartUpload
                    )
            });
            (maker.and_then(|s| s.retention.as_ref()), maker.and_then(|s| s.hold))
        }
        _ => (spec.retention.as_ref(), spec.hold),
    };
    let is_held = hold == Some(LegalHold::On);
    match retention {
        Some(AskRetention::Set { mode, until }) => {
            Some(Lock { mode: *mode, until: until.as_ref(), held: is_held })
        }
        _ if spec.inherit => {
            let bucket = spec.bucket.as_deref().and_then(|b| scenario.bucket(b));
            let mode = bucket.and_then(|b| b.default_retention).map(|d| d.mode);
            Some(Lock { mode, until: None, held: is_held })
        }
        _ if is_held => Some(Lock { mode: None, until: None, held: true }),
        _ => None,
    }
}

/// Whether a deletion of this version meets no lock.
fn version_free(scenario: &Scenario, step: &Step, object: &str, version: &VersionRef) -> bool {
    if *version == VersionRef::Marker {
        return true;
    }
    if let VersionRef::Step(name) = version
        && scenario.step(name).is_some_and(|(_, s)| s.action == Action::DeleteObject)
    {
        return true;
    }
    if matches!(version, VersionRef::Unknown | VersionRef::Literal(_) | VersionRef::Latest) {
        return false;
    }
    let Some(spec) = scenario.object(object) else { return false };
    let lock = lock_of(scenario, object, version);
    if lock.as_ref().is_some_and(|l| l.held) {
        return false;
    }
    let ended = step.at.as_ref().is_some_and(|at| at.object == object && at.offset > TimeDelta::zero());
    ended || (lock.is_none() && without_default(scenario, spec))
}

/// Whether the object lies in a bucket that surely has no default retention.
fn without_default(scenario: &Scenario, spec: &ObjectSpec) -> bool {
    let bucket = spec.bucket.as_deref().and_then(|b| scenario.bucket(b));
    bucket.is_some_and(|b| !b.twin && b.default_retention.is_none())
        && !scenario.steps.iter().any(|s| s.default_retention.is_some() && s.bucket == spec.bucket)
}

/// Whether a PutObjectRetention only makes a lock longer, or the first one.
fn extends(scenario: &Scenario, step: &Step) -> bool {
    let object = step.object.as_deref().unwrap_or_default();
    let Some(AskRetention::Set { mode, until: Some(until) }) = &step.retention else { return false };
    let Some(lock) = lock_of(scenario, object, &step.version_ref()) else { return mode.is_some() };
    if lock.mode.is_some() && lock.mode != *mode {
        return false;
    }
    match (until, lock.until) {
        (Until::Relative(moment), _) => moment.object == object && moment.offset > TimeDelta::zero(),
        (Until::Lasts(Span::Exact(new)), Some(Until::Lasts(Span::Exact(old)))) => new >= old,
        (Until::Lasts(Span::Months(new)), Some(Until::Lasts(Span::Months(old)))) => new >= old,
        (Until::Lasts(Span::Months(new)), Some(Until::Lasts(Span::Exact(_)))) => *new > 0,
        (Until::At(new), Some(Until::At(old))) => new >= old,
        (Until::At(_), Some(Until::Lasts(_))) | (_, None) => true,
        _ => false,
    }
}
