//! What policies say to a request of which not everything is known.
//!
//! The request is judged twice: with everything unknown in favour of the sender, and against. Where both
//! agree the answer is certain; where they do not, it is not assessed, never an allow or a refusal. The two
//! judgements know nothing of each other, so a key that could not serve an `Allow` and a `Deny` at once may
//! make an answer *not assessed* that a closer look would settle.

use std::collections::BTreeSet;

use super::condition::Condition;
use super::evaluate::{Assume, Request, Ruling, Sources, rule};
use super::explain::policy_of;
use super::pattern::Lookup as _;
use super::principal::{Closeness, Principal};
use super::statement::{Effect, Statement};

/// What policies say to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Assessment {
    /// Allowed, whatever the unknown keys are.
    Allowed(Ruling),
    /// Refused, whatever the unknown keys are.
    Refused(Ruling),
    /// It hangs on something unknown.
    NotAssessed {
        /// What decides if all of it is in favour of the sender: an allow.
        at_best: Ruling,
        /// What decides if all of it is against the sender: a refusal.
        at_worst: Ruling,
        /// The condition keys that it may hang on, in lower case.
        keys: BTreeSet<String>,
    },
}

/// Judges a request; a condition key that the context neither sets nor says to be absent is unknown.
#[must_use]
pub fn assess(sources: &Sources<'_>, request: &Request<'_>) -> Assessment {
    let judge = |assume| {
        let context = request.context.assuming(assume);
        rule(sources, &Request { context: &context, ..*request })
    };
    let (at_best, at_worst) = (judge(Assume::Allowing), judge(Assume::Refusing));
    match (at_best.decision.is_allowed(), at_worst.decision.is_allowed()) {
        (false, _) => Assessment::Refused(at_best),
        (true, true) => Assessment::Allowed(at_worst),
        (true, false) => {
            let keys = unknown_keys(sources, request, &at_best);
            Assessment::NotAssessed { at_best, at_worst, keys }
        }
    }
}

/// The unknown keys of the statement that allows at best, and of every `Deny` that would refuse at worst.
fn unknown_keys(sources: &Sources<'_>, request: &Request<'_>, at_best: &Ruling) -> BTreeSet<String> {
    let context = request.context.assuming(Assume::Refusing);
    let request = Request { context: &context, ..*request };
    let mut keys = BTreeSet::new();
    let mut add = |statement: &Statement| {
        let of_conditions = statement.conditions.iter().flat_map(Condition::keys);
        let all = of_conditions.chain(statement.resources.variables());
        keys.extend(all.filter(|key| request.is_unknown(key)).map(str::to_lowercase));
        if statement.names_unique_id() && request.is_unknown("aws:userid") {
            keys.insert("aws:userid".to_owned());
        }
    };
    let deciding = policy_of(sources, at_best.source).zip(at_best.decision.statement);
    if let Some(statement) = deciding.and_then(|(policy, index)| policy.statements().get(index)) {
        add(statement);
    }
    let anonymous = *request.principal == Principal::Anonymous;
    let own = sources.identity.iter().copied().chain(sources.session).filter(|_| !anonymous);
    for policy in own.chain(sources.bucket) {
        for statement in policy.statements() {
            let applies = statement.effect == Effect::Deny
                && statement.selects_but_for_conditions(&request, Closeness::Account)
                && statement.conditions.iter().all(|condition| statement.holds(condition, &request));
            if applies {
                add(statement);
            }
        }
    }
    keys
}
