//! A refusal proves nothing by itself: every step that expects one has a control that shows the right.

use super::Case;
use crate::scenario::rights::{Right, Role};
use crate::scenario::shown::{alive, contrast_shown, right_not_shown, shows, wanted};
use crate::scenario::{As, Because, Expect, Purpose, Scenario, Step};

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

/// What each reason needs is asked for: the refusal that comes decides which control counts.
fn refused(scenario: &Scenario, step: &Step) -> Result<(), Lack> {
    let has = |reason| step.because.contains(&reason);
    if has(Because::ObjectLocked) {
        lock_rule(scenario, step)?;
        return if has(Because::NotPermitted) { permission_rule(scenario, step) } else { Ok(()) };
    }
    // The winner of a race shows that the request is right and its sender alive.
    if step.expect == Expect::OneAccepted {
        return Ok(());
    }
    if has(Because::PreconditionFailed) {
        condition_rule(scenario, step)?;
    }
    if has(Because::NotPermitted) {
        return permission_rule(scenario, step);
    }
    if has(Because::PreconditionFailed) {
        return Ok(());
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

/// The same principal is accepted where no lock can stand in the way, for every right that the step needs.
fn lock_rule(scenario: &Scenario, attack: &Step) -> Result<(), Lack> {
    let Some(right) = right_not_shown(scenario, attack, &|_| true) else { return Ok(()) };
    let almost = scenario
        .steps
        .iter()
        .find(|s| shows(s) && s.who == attack.who && wanted(scenario, s).contains(&right));
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
        Right::CreateBucket => {
            "let the same principal make a bucket of its own: `action = \"create-bucket\"` on a bucket with `state = \
             \"absent\"`"
        }
        Right::StartBatchJob | Right::ImportBucketMetadata | Right::SiteReplicationOperation => {
            "let the same principal send a request to the same interface for a bucket without records"
        }
        Right::UnknownAdministration => {
            "the right behind this path is not known: it can be shown by no control, and a refusal would prove nothing"
        }
        _ => {
            "add a control that the same principal sends, that expects `accepted` and that no lock can cover"
        }
    }
}

/// The same request by a principal who holds the right succeeds on a twin canary, and the refused principal is
/// shown alive.
fn permission_rule(scenario: &Scenario, attack: &Step) -> Result<(), Lack> {
    if contrast_shown(scenario, attack, &|_| true) {
        return Ok(());
    }
    if !is_anonymous(attack) {
        alive_rule(scenario, attack)?;
    }
    Err(Lack {
        message: format!("nobody else shows that `{}` is accepted from who may send it", attack.action),
        hint: "add a control: the same action by a principal that has the right, on another object"
            .to_owned(),
    })
}

/// The refused principal is accepted in something else: its credentials work.
fn alive_rule(scenario: &Scenario, attack: &Step) -> Result<(), Lack> {
    if alive(scenario, attack, &|_| true) {
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
