//! The parts of a parsed policy.

use super::condition::Condition;
use super::pattern::{Lookup, Pattern};
use super::principal::PrincipalClause;

/// What a policy is attached to; it decides which elements it must and must not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Attached to a user, group or role: names no principal.
    Identity,
    /// Attached to a bucket: every statement has `Principal` or `NotPrincipal`.
    Bucket,
    /// Given when a session was started: names no principal.
    Session,
}

/// What a policy, or all of them together, say to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Allowed by a statement.
    Allow,
    /// Denied by a statement, which no `Allow` can outweigh.
    Deny,
    /// No statement applies; the request is refused all the same (implicit deny).
    None,
}

/// A parsed and checked policy document.
#[derive(Debug, Clone)]
pub struct Policy {
    pub(super) kind: Kind,
    pub(super) statements: Vec<Statement>,
    pub(super) document: serde_json::Value,
}

impl Policy {
    /// The document as compact JSON, with its elements in the order in which they were written.
    #[must_use]
    pub fn to_json(&self) -> String {
        self.document.to_string()
    }

    /// Its statements, in the order of the document.
    #[must_use]
    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }

    /// What it was parsed as.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }
}

/// One statement of a policy.
#[derive(Debug, Clone)]
pub struct Statement {
    /// Its `Sid`, if it has a name.
    pub sid: Option<String>,
    /// `Allow` or `Deny`, never `None`.
    pub effect: Effect,
    /// `Principal` or `NotPrincipal`; only in the policy of a bucket.
    pub principals: Option<PrincipalClause>,
    /// `Action` or `NotAction`.
    pub actions: Clause,
    /// `Resource` or `NotResource`.
    pub resources: Clause,
    /// All conditions; each must hold.
    pub conditions: Vec<Condition>,
}

/// `Action`, `NotAction`, `Resource` or `NotResource`.
#[derive(Debug, Clone)]
pub struct Clause {
    /// Whether it is the `Not` form: it selects what none of the patterns matches.
    pub not: bool,
    /// The patterns as written.
    pub written: Vec<String>,
    pub(super) patterns: Vec<Pattern>,
}

impl Clause {
    /// Whether an action is selected. Actions know no case: the patterns are kept in lower case, and the
    /// caller gives the action in lower case.
    pub(super) fn selects_action(&self, lower_action: &str, lookup: &dyn Lookup) -> bool {
        self.patterns.iter().any(|pattern| pattern.matches(lower_action, lookup)) != self.not
    }

    /// Whether a resource is selected. Bucket names and keys know case. `None`: it hangs on a variable of
    /// which nothing is known.
    pub(super) fn selects_resource(&self, arn: &str, lookup: &dyn Lookup) -> Option<bool> {
        let mut perhaps = false;
        for pattern in self.patterns.iter().filter(|pattern| pattern.matches_arn(arn, lookup)) {
            if !pattern.is_unknown(lookup) {
                return Some(!self.not);
            }
            perhaps = true;
        }
        (!perhaps).then_some(self.not)
    }

    /// The keys of the variables in its patterns.
    pub(super) fn variables(&self) -> impl Iterator<Item = &str> {
        self.patterns.iter().flat_map(Pattern::variables)
    }
}
