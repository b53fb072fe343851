//! What a step may ask of the server's own log: only what the request itself says.

use super::Case;
use crate::scenario::{Action, As, AskRetention, Capability, Expect, LogPart, Purpose, Role, Step, Until};

/// The actions whose log entry is known to name an object.
const LOGGED: [Action; 5] = [
    Action::DeleteObject,
    Action::DeleteVersion,
    Action::DeleteObjects,
    Action::PutRetention,
    Action::PutLegalHold,
];

pub(super) fn check(case: &Case<'_>) {
    let required = case.scenario.requires.contains(&Capability::AccessLog);
    let mut asked = false;
    for (i, step) in case.steps().filter(|(i, _)| case.places.has(&Case::step(*i, "logged"))) {
        asked = true;
        let path = Case::step(i, "logged");
        if step.logged.is_empty() {
            let hint = "name what the entry has to say: `principal`, `key`, `version`, …".to_owned();
            case.say(&path, "an empty `logged` asks nothing", Some(hint));
        }
        if !required {
            let hint = "add `access-log` to `requires`".to_owned();
            case.say("requires", "`logged` needs `access-log`", Some(hint));
        }
        if !LOGGED.contains(&step.action) {
            let words: Vec<String> = LOGGED.iter().map(|a| format!("`{a}`")).collect();
            let hint = format!("it belongs to {}", words.join(", "));
            case.say(&path, format!("`{}` takes no `logged`", step.action), Some(hint));
        }
        if !matches!(step.purpose, Purpose::Attack | Purpose::Promise) {
            let hint = "what the log owes is judged of an `attack` or a `promise`".to_owned();
            case.say(&path, format!("a {} asks nothing of the log", step.purpose), Some(hint));
        }
        for part in &step.logged {
            if let Some((message, hint)) = not_said(step, *part) {
                case.say(&path, message, Some(hint));
            }
        }
    }
    if required && !asked {
        let hint = "add `logged` to a step, or take `access-log` away".to_owned();
        case.say("requires", "`access-log` is required, and no step asks anything of the log", Some(hint));
    }
}

/// Why the log cannot be asked for this part of the step.
fn not_said(step: &Step, part: LogPart) -> Option<(String, String)> {
    let say = |message: &str, hint: &str| Some((message.to_owned(), hint.to_owned()));
    match part {
        LogPart::Principal if step.who == As::Role(Role::Anonymous) => {
            say("anonymous has no name that a log could hold", "leave `principal` out")
        }
        LogPart::Version if step.action == Action::DeleteObject => {
            say("`delete-object` names no version", "leave `version` out")
        }
        LogPart::Bypass if !asks_bypass(step) => {
            say("the step asks for no bypass", "add `bypass-governance = true`, or leave `bypass` out")
        }
        LogPart::Refusal if step.expect != Expect::Refused => say(
            "only what has to be refused can be logged as refused",
            "leave `refusal` out, or expect `refused`",
        ),
        LogPart::Change if !changes(step) => say(
            "the step names no whole lock that it changes to",
            "`change` belongs to `put-legal-hold`, and to `put-retention` with mode and date",
        ),
        _ => None,
    }
}

fn asks_bypass(step: &Step) -> bool {
    let header = "x-amz-bypass-governance-retention";
    step.bypass_governance
        || step.headers.iter().any(|(n, v)| n.eq_ignore_ascii_case(header) && v.eq_ignore_ascii_case("true"))
}

fn changes(step: &Step) -> bool {
    match step.action {
        Action::PutLegalHold => step.hold.is_some(),
        Action::PutRetention => matches!(
            &step.retention,
            Some(AskRetention::Set { mode: Some(_), until: Some(until) }) if !matches!(until, Until::Literal(_))
        ),
        _ => false,
    }
}
