//! Evaluation: one policy for one request, and all policies together.

use std::collections::{BTreeMap, BTreeSet};

use super::condition::Condition;
use super::pattern::Lookup;
use super::principal::{Closeness, Principal, PrincipalName};
use super::statement::{Effect, Policy, Statement};

/// One request, as far as policies can see it.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Who sends it.
    pub principal: &'a Principal,
    /// The action, as in `s3:PutObject`. One HTTP request may need several, each judged for itself.
    pub action: &'a str,
    /// The ARN of the bucket (`arn:aws:s3:::bucket`) or object (`arn:aws:s3:::bucket/key`).
    pub resource: &'a str,
    /// The condition keys of the request. `aws:PrincipalArn`, `aws:PrincipalAccount`, `aws:PrincipalType` and
    /// `aws:username` follow from `principal` where they are not set.
    pub context: &'a Context,
}

/// The condition keys of a request and their values. Keys know no case.
///
/// A key that the request does not carry must not be set: many conditions ask only whether it is there.
///
/// Of a key that is not set, a server knows that the request does not have it; [`assess`](super::assess)
/// knows that only where [`Context::set_absent`] says so, and else takes the key for unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context {
    keys: BTreeMap<String, Vec<String>>,
    absent: BTreeSet<String>,
    forgotten: BTreeSet<String>,
    assume: Option<Assume>,
}

/// What is taken of a condition whose outcome is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Assume {
    /// It lets the request through: it holds in an `Allow` and fails in a `Deny`.
    Allowing,
    /// It stops the request.
    Refusing,
}

impl Context {
    /// Sets a key to one value, in place of all that it had.
    pub fn set(&mut self, key: &str, value: impl Into<String>) {
        self.keys.insert(key.to_lowercase(), vec![value.into()]);
    }

    /// Adds a value to a key.
    pub fn push(&mut self, key: &str, value: impl Into<String>) {
        self.keys.entry(key.to_lowercase()).or_default().push(value.into());
    }

    /// Removes a key.
    pub fn remove(&mut self, key: &str) {
        self.keys.remove(&key.to_lowercase());
    }

    /// Says that the request does not have the key. To a server the same as a key that is not set.
    pub fn set_absent(&mut self, key: &str) {
        self.remove(key);
        self.absent.insert(key.to_lowercase());
    }

    /// Says that nothing is known of a key, also where it would follow from the principal (the ARN of a
    /// principal that stands for many).
    pub fn set_unknown(&mut self, key: &str) {
        self.remove(key);
        self.absent.remove(&key.to_lowercase());
        self.forgotten.insert(key.to_lowercase());
    }

    /// The same request, with this taken of everything unknown.
    pub(super) fn assuming(&self, assume: Assume) -> Self {
        Self { assume: Some(assume), ..self.clone() }
    }

    /// The values of a key; none if the request does not have it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&[String]> {
        self.keys.get(&key.to_lowercase()).map(Vec::as_slice)
    }

    /// All keys in lower case with their values, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.keys.iter().map(|(key, values)| (key.as_str(), values.as_slice()))
    }
}

impl Lookup for Request<'_> {
    fn values(&self, key: &str) -> Option<Vec<String>> {
        if let Some(values) = self.context.get(key) {
            return Some(values.to_vec());
        }
        self.principal.context_value(&key.to_lowercase()).map(|value| vec![value])
    }

    fn is_unknown(&self, key: &str) -> bool {
        const OF_PRINCIPAL: [&str; 4] =
            ["aws:principalarn", "aws:principalaccount", "aws:principaltype", "aws:username"];
        let (context, key) = (self.context, key.to_lowercase());
        context.assume.is_some()
            && (context.forgotten.contains(&key)
                || !(context.keys.contains_key(&key)
                    || context.absent.contains(&key)
                    || OF_PRINCIPAL.contains(&key.as_str())))
    }
}

/// What was decided, and by which statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// `Allow`, `Deny` (explicit) or `None` (no statement applies: refused too).
    pub effect: Effect,
    /// Index of the statement that decided, from 0, in its own policy.
    pub statement: Option<usize>,
    /// The `Sid` of that statement.
    pub sid: Option<String>,
}

impl Decision {
    /// Whether the request may go on.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        self.effect == Effect::Allow
    }

    fn nothing() -> Self {
        Self { effect: Effect::None, statement: None, sid: None }
    }

    fn without_statement() -> Self {
        Self { effect: Effect::Allow, statement: None, sid: None }
    }
}

impl Policy {
    /// What this policy alone says: the first `Deny` that applies, else the first `Allow`, else nothing.
    ///
    /// An `Allow` for a whole account is an `Allow` here; whether it reaches the account's users is decided
    /// by [`rule`].
    #[must_use]
    pub fn evaluate(&self, request: &Request<'_>) -> Decision {
        self.decide(request, Closeness::Account)
    }

    /// The same, counting an `Allow` only if it names the principal at least this closely. Identity and
    /// session policies name nobody and count always.
    fn decide(&self, request: &Request<'_>, closest: Closeness) -> Decision {
        let action = request.action.to_lowercase();
        let mut allowed = None;
        for (index, statement) in self.statements.iter().enumerate() {
            let wanted = match statement.effect {
                Effect::Deny => Closeness::Account,
                _ if allowed.is_some() => continue,
                _ => closest,
            };
            if !statement.selects(&action, request, wanted)
                || !statement.conditions.iter().all(|condition| statement.holds(condition, request))
            {
                continue;
            }
            let decision =
                Decision { effect: statement.effect, statement: Some(index), sid: statement.sid.clone() };
            if statement.effect == Effect::Deny {
                return decision;
            }
            allowed = Some(decision);
        }
        allowed.unwrap_or_else(Decision::nothing)
    }
}

impl Statement {
    fn closeness(&self, request: &Request<'_>) -> Closeness {
        let Some(clause) = &self.principals else { return Closeness::Session };
        let user_id = request.context.get("aws:userid").and_then(<[String]>::first);
        clause.selects(request.principal, user_id.map(String::as_str))
    }

    /// What is taken for something unknown in this statement.
    fn assumed(&self, request: &Request<'_>) -> bool {
        match request.context.assume {
            Some(Assume::Allowing) => self.effect == Effect::Allow,
            Some(Assume::Refusing) => self.effect == Effect::Deny,
            None => false,
        }
    }

    /// Whether a condition of this statement holds, or is taken to hold.
    pub(super) fn holds(&self, condition: &Condition, request: &Request<'_>) -> bool {
        if condition.is_unknown(request) { self.assumed(request) } else { condition.holds(request) }
    }

    /// Whether principal (at least this closely), action and resource fit; the conditions are not asked.
    fn selects(&self, lower_action: &str, request: &Request<'_>, closest: Closeness) -> bool {
        self.fits_principal(request, closest)
            && self.actions.selects_action(lower_action, request)
            && self
                .resources
                .selects_resource(request.resource, request)
                .unwrap_or_else(|| self.assumed(request))
    }

    /// Whether it names somebody by the unique id that is left of a deleted principal.
    pub(super) fn names_unique_id(&self) -> bool {
        let clause = self.principals.as_ref();
        clause.is_some_and(|c| c.names.iter().any(|name| matches!(name, PrincipalName::UniqueId(_))))
    }

    fn fits_principal(&self, request: &Request<'_>, closest: Closeness) -> bool {
        // Whether a unique id is the sender's is known only with its `aws:userid`.
        let by_id = request.is_unknown("aws:userid")
            && *request.principal != Principal::Anonymous
            && self.names_unique_id();
        let fits = self.closeness(request) >= closest;
        let negated = self.principals.as_ref().is_some_and(|clause| clause.not);
        if by_id && fits == negated { self.assumed(request) } else { fits }
    }

    /// Whether principal, action and resource of the request fall under the statement; its conditions are
    /// not asked. What hangs on something unknown falls under it.
    #[must_use]
    pub fn selects_request(&self, request: &Request<'_>) -> bool {
        let context = request.context.assuming(self.favouring());
        self.selects_but_for_conditions(&Request { context: &context, ..*request }, Closeness::Account)
    }

    /// Whether the statement applies to the request, or may apply: what is unknown counts as fitting.
    #[must_use]
    pub fn may_apply(&self, request: &Request<'_>) -> bool {
        let context = request.context.assuming(self.favouring());
        let request = Request { context: &context, ..*request };
        self.selects_but_for_conditions(&request, Closeness::Account)
            && self.conditions.iter().all(|condition| self.holds(condition, &request))
    }

    /// The assumption under which the statement applies to what is unknown.
    fn favouring(&self) -> Assume {
        if self.effect == Effect::Deny { Assume::Refusing } else { Assume::Allowing }
    }

    /// The same for a single look.
    pub(super) fn selects_but_for_conditions(&self, request: &Request<'_>, closest: Closeness) -> bool {
        self.selects(&request.action.to_lowercase(), request, closest)
    }
}

/// How the sender of a request stands to the account that owns the bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// The root user of the owning account.
    AccountRoot,
    /// A user or session of the owning account: its own policies *or* the bucket's suffice.
    SameAccount,
    /// Of another account: its own policies *and* the bucket's must allow.
    OtherAccount,
}

/// All policies that bear on a request.
#[derive(Debug, Clone, Copy)]
pub struct Sources<'a> {
    /// The policies of the user or role and of its groups.
    pub identity: &'a [&'a Policy],
    /// The policy that the session was started with.
    pub session: Option<&'a Policy>,
    /// The policy of the bucket.
    pub bucket: Option<&'a Policy>,
    /// How the sender stands to the owner of the bucket. Without meaning for an anonymous request.
    pub relation: Relation,
}

/// Which document a decision comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// This one of the identity policies.
    Identity(usize),
    /// The session policy (without a statement: it lacks an `Allow`).
    Session,
    /// The bucket policy (without a statement: it lacks the `Allow` that another account needs).
    Bucket,
    /// No document: the root user of the account needs none.
    Root,
    /// No document: nothing allows it.
    Nothing,
}

/// A decision and the document that it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruling {
    /// What was decided.
    pub decision: Decision,
    /// By which document.
    pub source: Source,
}

/// The rule for a request in the account that owns the bucket: an explicit deny anywhere wins; a session
/// policy limits the identity; identity *or* bucket allow suffices; anonymous: the bucket policy only.
///
/// The root user of the account is allowed everything that nothing denies, and reading, writing and deleting
/// the bucket policy even where that policy denies it.
#[must_use]
pub fn authorize(
    identity: &[&Policy],
    session: Option<&Policy>,
    bucket: Option<&Policy>,
    is_account_root: bool,
    request: &Request<'_>,
) -> Decision {
    let relation = if is_account_root { Relation::AccountRoot } else { Relation::SameAccount };
    rule(&Sources { identity, session, bucket, relation }, request).decision
}

/// Judges a request by all policies together and says which document decided.
#[must_use]
pub fn rule(sources: &Sources<'_>, request: &Request<'_>) -> Ruling {
    let anonymous = *request.principal == Principal::Anonymous;
    // An anonymous request has no policies of its own, whatever the caller passes.
    let identity = if anonymous { &[][..] } else { sources.identity };
    let session = sources.session.filter(|_| !anonymous);
    let root = !anonymous && sources.relation == Relation::AccountRoot;

    // Explicit denies.
    for (index, policy) in identity.iter().enumerate() {
        let decision = policy.evaluate(request);
        if decision.effect == Effect::Deny {
            return Ruling { decision, source: Source::Identity(index) };
        }
    }
    let by_session = session.map(|policy| policy.evaluate(request));
    if let Some(decision) = by_session.clone().filter(|decision| decision.effect == Effect::Deny) {
        return Ruling { decision, source: Source::Session };
    }
    let by_bucket = |closest| sources.bucket.map(|policy| policy.decide(request, closest));
    if let Some(decision) = by_bucket(Closeness::Account).filter(|decision| decision.effect == Effect::Deny)
        && !(root && is_own_policy_action(request.action))
    {
        return Ruling { decision, source: Source::Bucket };
    }

    // Allows.
    let allow = |closest| {
        let decision = by_bucket(closest).filter(Decision::is_allowed)?;
        Some(Ruling { decision, source: Source::Bucket })
    };
    let nothing = |source| Ruling { decision: Decision::nothing(), source };
    if anonymous {
        return allow(Closeness::Named).unwrap_or_else(|| nothing(Source::Nothing));
    }
    let own = if root || (sources.relation == Relation::OtherAccount && request.principal.is_root()) {
        Some(Ruling { decision: Decision::without_statement(), source: Source::Root })
    } else {
        identity.iter().enumerate().find_map(|(index, policy)| {
            let decision = Some(policy.evaluate(request)).filter(Decision::is_allowed)?;
            Some(Ruling { decision, source: Source::Identity(index) })
        })
    };
    let session_allows = by_session.is_none_or(|decision| decision.is_allowed());
    if sources.relation == Relation::OtherAccount {
        return match (own, allow(Closeness::Account)) {
            (None, _) => nothing(Source::Nothing),
            (Some(_), _) if !session_allows => nothing(Source::Session),
            (Some(_), None) => nothing(Source::Bucket),
            (Some(_), Some(ruling)) => ruling,
        };
    }
    // A bucket policy that names this very session adds to its session policy; one that names the user or
    // role, or everybody, is limited by it.
    if let Some(ruling) = request.principal.session_arn().and_then(|_| allow(Closeness::Session)) {
        return ruling;
    }
    match own.or_else(|| allow(Closeness::Named)) {
        Some(_) if !session_allows => nothing(Source::Session),
        Some(ruling) => ruling,
        None => nothing(Source::Nothing),
    }
}

/// What the account's root user may do whatever the bucket policy says.
fn is_own_policy_action(action: &str) -> bool {
    ["s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"]
        .iter()
        .any(|own| own.eq_ignore_ascii_case(action))
}
