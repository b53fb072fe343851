//! One sentence for a person: which statement decided, and why.

use super::condition::Condition;
use super::evaluate::{Request, Source, Sources, rule};
use super::pattern::Lookup as _;
use super::principal::{Closeness, Principal};
use super::statement::{Effect, Policy, Statement};

/// Says which statement decided on a request and by which of its conditions; where a condition alone kept
/// another statement from turning the answer, it says that too.
///
/// The sentence quotes values of the request; it is for a report, not for the sender of the request.
#[must_use]
pub fn explain(sources: &Sources<'_>, request: &Request<'_>) -> String {
    let ruling = rule(sources, request);
    let what = format!("{} on {}", request.action, request.resource);
    let decision = &ruling.decision;
    let statement = decision.statement.and_then(|index| {
        let policy = policy_of(sources, ruling.source)?;
        Some((index, policy.statements().get(index)?))
    });
    if let Some((index, statement)) = statement {
        let (verdict, verb) = match statement.effect {
            Effect::Deny => ("Denied", "denies"),
            _ => ("Allowed", "allows"),
        };
        let conditions: Vec<String> =
            statement.conditions.iter().map(|condition| quote(condition, request)).collect();
        let because = match conditions.as_slice() {
            [] => String::new(),
            [one] => format!(", because its condition holds: {one}"),
            more => format!(", because its conditions hold: {}", more.join("; ")),
        };
        let but = match statement.effect {
            Effect::Allow => near_miss(sources, request, Effect::Deny),
            _ => String::new(),
        };
        return format!("{verdict}: {} {verb} {what}{because}{but}.", name(index, statement, ruling.source));
    }
    match (decision.effect, ruling.source) {
        (_, Source::Root) => {
            let but = near_miss(sources, request, Effect::Deny);
            format!("Allowed: the root user of an account needs no statement for {what}{but}.")
        }
        (_, Source::Session) => {
            let but = near_miss_in(sources, request, Effect::Allow, &[Source::Session]);
            format!("Refused: the session policy, which limits the session, does not allow {what}{but}.")
        }
        (_, Source::Bucket) => {
            let but = near_miss_in(sources, request, Effect::Allow, &[Source::Bucket]);
            format!(
                "Refused: the sender is of another account and the bucket policy does not allow {what}{but}."
            )
        }
        _ => {
            let but = near_miss(sources, request, Effect::Allow);
            format!("Refused: no statement allows {what}{but}.")
        }
    }
}

pub(super) fn policy_of<'a>(sources: &Sources<'a>, source: Source) -> Option<&'a Policy> {
    match source {
        Source::Identity(index) => sources.identity.get(index).copied(),
        Source::Session => sources.session,
        Source::Bucket => sources.bucket,
        Source::Root | Source::Nothing => None,
    }
}

fn name(index: usize, statement: &Statement, source: Source) -> String {
    let sid = statement.sid.as_ref().map(|sid| format!(" ({sid})")).unwrap_or_default();
    let policy = match source {
        Source::Identity(number) => format!("identity policy {}", number + 1),
        Source::Session => "the session policy".to_owned(),
        Source::Bucket => "the bucket policy".to_owned(),
        Source::Root | Source::Nothing => "no policy".to_owned(),
    };
    format!("statement {}{sid} of {policy}", index + 1)
}

/// A condition with its values, and what the request has.
fn quote(condition: &Condition, request: &Request<'_>) -> String {
    let found = match request.values(&condition.key) {
        Some(values) if !values.is_empty() => format!("the request has {}", values.join(", ")),
        _ => "the request has no such key".to_owned(),
    };
    format!("{} {} {} ({found})", condition.operator.name, condition.key, condition.written.join(", "))
}

fn near_miss(sources: &Sources<'_>, request: &Request<'_>, effect: Effect) -> String {
    // An anonymous request has no policies but the bucket's.
    let mut all = Vec::new();
    if *request.principal != Principal::Anonymous {
        all.extend((0..sources.identity.len()).map(Source::Identity));
        // A session policy's Allow grants nothing by itself.
        if effect == Effect::Deny {
            all.push(Source::Session);
        }
    }
    all.push(Source::Bucket);
    near_miss_in(sources, request, effect, &all)
}

/// The first statement of this effect that all but its conditions would have applied, and the first condition
/// that does not hold.
fn near_miss_in(sources: &Sources<'_>, request: &Request<'_>, effect: Effect, among: &[Source]) -> String {
    // A Deny that names the account hits its users; an Allow that does grants the users of the owning account
    // nothing, so its conditions are not what the request failed at.
    let wanted = match effect {
        Effect::Deny => Closeness::Account,
        _ if among == [Source::Bucket] => Closeness::Account,
        _ => Closeness::Named,
    };
    for &source in among {
        let statements = policy_of(sources, source).map_or(&[][..], Policy::statements);
        for (index, statement) in statements.iter().enumerate() {
            if statement.effect != effect || !statement.selects_but_for_conditions(request, wanted) {
                continue;
            }
            if let Some(failed) =
                statement.conditions.iter().find(|condition| !statement.holds(condition, request))
            {
                let verb = if effect == Effect::Deny { "deny" } else { "allow" };
                let name = name(index, statement, source);
                let quoted = quote(failed, request);
                return format!("; {name} would {verb} it, but its condition does not hold: {quoted}");
            }
        }
    }
    String::new()
}
