//! Whom policies are asked about: representative senders of requests.

use std::sync::LazyLock;

use super::ServerKind;
use super::document::Document;
use super::world::Scope;
use crate::policy::{Context, Effect, Kind, Policy, Principal, Relation, Request, Ruling, Source, Statement};
use crate::record::analysis::StatementPlace;

/// Everything allowed: stands for policies that were not read.
#[expect(clippy::expect_used, reason = "a constant text, which every test reads")]
static ALLOW_ALL: LazyLock<Policy> = LazyLock::new(|| {
    Policy::parse(
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#,
        Kind::Identity,
    )
    .expect("a policy")
});

/// A sender of requests.
#[derive(Debug, Clone)]
pub(super) struct Subject<'a> {
    /// How it is named in answers.
    pub(super) name: String,
    pub(super) principal: Principal,
    pub(super) identity: Vec<&'a Policy>,
    /// The documents of `identity` that were read, in the same order.
    documents: Vec<Option<&'a Document>>,
    pub(super) relation: Relation,
    /// Whether it stands for many: its ARN is not known.
    pub(super) unnamed: bool,
    /// Whether it is of an account that is not known.
    pub(super) foreign: bool,
}

impl<'a> Subject<'a> {
    /// A request without a signature.
    pub(super) fn anonymous() -> Self {
        Self {
            name: "anonymous".to_owned(),
            principal: Principal::Anonymous,
            identity: Vec::new(),
            documents: Vec::new(),
            relation: Relation::SameAccount,
            unnamed: false,
            foreign: false,
        }
    }

    /// Anybody of any other account. That account can grant its own whatever it likes.
    pub(super) fn stranger() -> Self {
        Self {
            name: "anybody of any other account".to_owned(),
            unnamed: true,
            foreign: true,
            ..Self::named("arn:aws:iam::999999999999:user/anybody", false)
        }
    }

    /// The root user of the owning account.
    pub(super) fn root(scope: &Scope<'_>) -> Self {
        let arn = format!("arn:aws:iam::{}:root", scope.owner);
        Self {
            name: "the root user of the account".to_owned(),
            relation: Relation::AccountRoot,
            ..Self::named(&arn, false)
        }
    }

    /// Somebody by ARN; with policies of its own that allow everything, or with none.
    pub(super) fn named(arn: &str, allowed: bool) -> Self {
        let account = arn.split(':').nth(4).unwrap_or_default().to_owned();
        let session = arn.split_once(":assumed-role/").and_then(|(_, rest)| rest.split_once('/'));
        let principal = match session {
            Some((role, _)) => Principal::Aws {
                arn: format!("arn:aws:iam::{account}:role/{role}"),
                account,
                session_arn: Some(arn.to_owned()),
            },
            None => Principal::Aws { account, arn: arn.to_owned(), session_arn: None },
        };
        let identity = if allowed { vec![&*ALLOW_ALL] } else { Vec::new() };
        Self {
            name: arn.to_owned(),
            principal,
            documents: vec![None; identity.len()],
            identity,
            relation: Relation::SameAccount,
            unnamed: false,
            foreign: false,
        }
    }

    /// Anybody of the owning account who is not named, with policies of its own that allow everything.
    pub(super) fn anybody(scope: &Scope<'_>) -> Self {
        let arn = format!("arn:aws:iam::{}:user/anybody", scope.owner);
        Self {
            name: "anybody of the account whose own policies allow it".to_owned(),
            unnamed: true,
            ..Self::named(&arn, true)
        }
    }

    /// The holder of an identity policy; nothing else is known of it.
    pub(super) fn holder(scope: &Scope<'_>, document: &'a Document) -> Self {
        Self {
            name: format!("the holder of {}", document.name),
            identity: vec![&document.policy],
            documents: vec![Some(document)],
            unnamed: true,
            ..Self::anybody(scope)
        }
    }

    /// The same sender with other policies that allow everything: only a `Deny` decides then.
    pub(super) fn with_everything_else(mut self) -> Self {
        self.identity.push(&ALLOW_ALL);
        self.documents.push(None);
        self
    }

    pub(super) fn is_anonymous(&self) -> bool {
        self.principal == Principal::Anonymous
    }

    /// Where the deciding statement of a ruling stands.
    pub(super) fn place(&self, scope: &Scope<'_>, ruling: &Ruling) -> Option<StatementPlace> {
        let document = match ruling.source {
            Source::Identity(index) => self.documents.get(index).copied().flatten()?,
            Source::Bucket => scope.policy?,
            Source::Session | Source::Root | Source::Nothing => return None,
        };
        Some(document.place(ruling.decision.statement?))
    }
}

impl Subject<'_> {
    /// Whether some `Allow` of the policies applies, or may apply, whatever is denied.
    pub(super) fn has_allow(&self, scope: &Scope<'_>, action: &str, on: &str, context: &Context) -> bool {
        let bound = scope.server != ServerKind::Minio || self.principal == Principal::Anonymous;
        let bucket = scope.policy.filter(|_| bound).map(|d| &d.policy);
        let request = Request { principal: &self.principal, action, resource: on, context };
        let own = self.principal != Principal::Anonymous;
        self.identity.iter().copied().filter(|_| own).chain(bucket).any(|policy| {
            policy.statements().iter().any(|s| s.effect == Effect::Allow && s.may_apply(&request))
        })
    }

    /// Whether a statement of a document selects action and resource, its conditions aside.
    pub(super) fn statement_selects(
        &self,
        document: &Document,
        index: usize,
        action: &str,
        on: &str,
        context: &Context,
    ) -> bool {
        let request = Request { principal: &self.principal, action, resource: on, context };
        document.policy.statements().get(index).is_some_and(|s| s.selects_request(&request))
    }

    /// Whether a statement of a bucket policy selects action and resource, whoever it names.
    pub(super) fn statement_names(
        &self,
        document: &Document,
        index: usize,
        action: &str,
        on: &str,
        context: &Context,
    ) -> bool {
        document.policy.statements().get(index).is_some_and(|s| {
            let request = Request { principal: &self.principal, action, resource: on, context };
            let anyone = Statement { principals: None, ..s.clone() };
            anyone.selects_request(&request)
        })
    }
}
