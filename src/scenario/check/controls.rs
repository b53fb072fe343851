//! A refusal proves nothing by itself: every step that expects one has a control that shows the right.

use chrono::TimeDelta;

use super::Case;
use crate::lock::{LegalHold, Mode};
use crate::scenario::model::{
    Action, As, AskRetention, Because, BodySpec, Expect, ObjectSetup, ObjectSpec, Purpose, Scenario, Step,
    Until, VersionRef,
};
use crate::scenario::rights::{Right, Role, needed};
use crate::time::Span;

pub(super) fn check(case: &Case<'_>) {
    for (i, step) in case.steps() {
        let wants = match (step.purpose, step.expect) {
            (Purpose::Attack, Expect::Either) => lock_rule(case.scenario, step),
            (Purpose::Attack | Purpose::Promise, Expect::Refused | Expect::OneAccepted) => {
                refused(case.scenario, step)
            }
            _ => Ok(()),
        };
        if let Err(lack) = wants {
            case.say(&Case::step(i, "expect"), lack.message, Some(lack.hint));
        }
    }
}

/// What is missing, and what to add.
struct Lack {
    message: String,
    hint: String,
}

fn refused(scenario: &Scenario, step: &Step) -> Result<(), Lack> {
    let has = |reason| step.because.contains(&reason);
    if has(Because::ObjectLocked) {
        let locked = lock_rule(scenario, step);
        // Where a missing right may answer first, the right can be shown by somebody who has it.
        return if locked.is_err() && has(Because::NotPermitted) && permission_rule(scenario, step).is_ok() {
            Ok(())
        } else {
            locked
        };
    }
    // The winner of a race shows that the request is right and its sender alive.
    if step.expect == Expect::OneAccepted {
        return Ok(());
    }
    if has(Because::PreconditionFailed) {
        return condition_rule(scenario, step);
    }
    if has(Because::NotPermitted) && (step.because.len() == 1 || is_anonymous(step)) {
        return permission_rule(scenario, step);
    }
    alive_rule(scenario, step)
}

fn is_anonymous(step: &Step) -> bool {
    step.who == As::Role(Role::Anonymous)
}

fn who(step: &Step) -> String {
    match step.who {
        As::Role(role) => format!("the {role}"),
        As::Each => "`each`".to_owned(),
    }
}

fn shows(step: &Step) -> bool {
    matches!(step.purpose, Purpose::Control | Purpose::Promise) && step.expect == Expect::Accepted
}

/// The same principal is accepted where no lock can stand in the way, for every right that the step needs.
fn lock_rule(scenario: &Scenario, attack: &Step) -> Result<(), Lack> {
    let controls: Vec<&Step> = scenario.steps.iter().filter(|s| shows(s) && s.who == attack.who).collect();
    let free: Vec<&Step> = controls.iter().copied().filter(|s| is_free(scenario, s)).collect();
    // The right to bypass governance can be shown only where a governance lock is lifted; that is a scenario of its
    // own. Without it the plain right decides: a bypass that is not permitted must not help either.
    let missing = wanted(scenario, attack)
        .into_iter()
        .filter(|right| *right != Right::BypassGovernanceRetention)
        .find(|right| !free.iter().any(|c| wanted(scenario, c).contains(right)));
    let Some(right) = missing else { return Ok(()) };
    let almost = controls.iter().find(|c| wanted(scenario, c).contains(&right));
    let message = match almost {
        Some(control) => {
            format!("the control “{}” for {} may meet a lock itself", control.text, right.word())
        }
        None => format!("no control shows that {} has {}", who(attack), right.word()),
    };
    Err(Lack { message, hint: advice(right).to_owned() })
}

/// What control shows a right.
fn advice(right: Right) -> &'static str {
    match right {
        Right::DeleteObjectVersion => {
            "let the same principal delete a delete marker: `version = \"marker\"` of an object with `state = \
             \"hidden\"`; or a version whose lock has ended (`at = \"x expires + 1 second\"`)"
        }
        Right::PutObjectRetention => {
            "let the same principal extend a retention: `relative = \"x expires + 1 minute\"`"
        }
        Right::PutObjectLegalHold => "let the same principal set a hold",
        Right::PutObject => "let the same principal put an object of its own",
        _ => {
            "add a control that the same principal sends, that expects `accepted` and that no lock can cover"
        }
    }
}

/// The rights that a step needs. A batch deletion needs the one for versions, for keys, or both, by its entries.
fn wanted(scenario: &Scenario, step: &Step) -> Vec<Right> {
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

/// The same request by a principal who holds the right succeeds on a twin canary, and the refused principal is
/// shown alive.
fn permission_rule(scenario: &Scenario, attack: &Step) -> Result<(), Lack> {
    let rights = wanted(scenario, attack);
    let twin = scenario.steps.iter().any(|s| {
        shows(s)
            && s.who != attack.who
            && s.action == attack.action
            && s.method == attack.method
            && rights.iter().all(|r| wanted(scenario, s).contains(r))
            && (attack.object.is_none() || s.object != attack.object)
    });
    if !twin {
        return Err(Lack {
            message: format!("nobody else shows that `{}` is accepted from who may send it", attack.action),
            hint: "add a control: the same action by a principal that has the right, on another object"
                .to_owned(),
        });
    }
    if is_anonymous(attack) { Ok(()) } else { alive_rule(scenario, attack) }
}

/// The refused principal is accepted in something else: its credentials work.
fn alive_rule(scenario: &Scenario, attack: &Step) -> Result<(), Lack> {
    let alive = scenario.steps.iter().any(|s| s.who == attack.who && s.expect == Expect::Accepted);
    if alive {
        return Ok(());
    }
    Err(Lack {
        message: format!("nothing shows that {} can send any request at all", who(attack)),
        hint: "add a control that the same principal sends and that expects `accepted`".to_owned(),
    })
}

/// The same request succeeds where its condition holds.
fn condition_rule(scenario: &Scenario, step: &Step) -> Result<(), Lack> {
    let holds = scenario.steps.iter().any(|s| {
        s.expect == Expect::Accepted
            && s.who == step.who
            && s.action == step.action
            && (step.if_none_match.is_none() || s.if_none_match.is_some())
            && (step.if_match.is_none() || s.if_match.is_some())
    });
    if holds {
        return Ok(());
    }
    Err(Lack {
        message: format!("nothing shows that `{}` is accepted where its condition holds", step.action),
        hint: "add the same action with the same condition, by the same principal, on an object of which it is true"
            .to_owned(),
    })
}
