//! Whom policies are asked about, and with which requests: representative senders, objects and contexts.

use std::sync::LazyLock;

use chrono::{DateTime, TimeDelta, Utc};

use super::ServerKind;
use super::document::{Document, bucket_and_key, sample_of};
use super::keys::{action_has_key, is_senders_choice, worm_keys};
use crate::policy::{
    Assessment, Context, Kind, Policy, Principal, PrincipalName, Relation, Request, Ruling, Source, Sources,
    assess,
};
use crate::record::analysis::StatementPlace;
use crate::time::wire;

/// The most objects that stand for the rest.
const MOST_SAMPLES: usize = 64;

/// Condition keys that only a signed request has.
const OF_SIGNERS: [&str; 7] = [
    "aws:PrincipalOrgID",
    "aws:PrincipalOrgPaths",
    "aws:PrincipalServiceName",
    "aws:userid",
    "aws:MultiFactorAuthPresent",
    "aws:MultiFactorAuthAge",
    "aws:TokenIssueTime",
];

/// An account that nobody has, where the documents name none.
const NO_ACCOUNT: &str = "000000000000";

/// Everything allowed: stands for policies that were not read.
#[expect(clippy::expect_used, reason = "a constant text, which every test reads")]
static ALLOW_ALL: LazyLock<Policy> = LazyLock::new(|| {
    Policy::parse(
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#,
        Kind::Identity,
    )
    .expect("a policy")
});

/// MinIO asks a user for DeleteObject only; DeleteObjectVersion counts as a `Deny` (run).
#[expect(clippy::expect_used, reason = "a constant text, which every test reads")]
static ALLOW_VERSIONS: LazyLock<Policy> = LazyLock::new(|| {
    Policy::parse(
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:DeleteObjectVersion","Resource":"*"}}"#,
        Kind::Identity,
    )
    .expect("a policy")
});

/// One bucket with the documents that bear on it.
#[derive(Debug)]
pub(super) struct Scope<'a> {
    pub(super) server: ServerKind,
    pub(super) now: DateTime<Utc>,
    /// The bucket's name (or a sample, where the documents have a pattern).
    pub(super) bucket: String,
    /// The objects that stand for the rest, as ARNs.
    pub(super) objects: Vec<String>,
    /// The bucket policy, if it is in force.
    pub(super) policy: Option<&'a Document>,
    /// Identity policies, each of one holder.
    pub(super) identities: Vec<&'a Document>,
    /// The account that owns the bucket, as far as it can be told.
    pub(super) owner: String,
    /// Whether the bucket's default locks what is written without a lock, as far as it was read.
    pub(super) has_default: Option<bool>,
}

impl<'a> Scope<'a> {
    pub(super) fn new(
        server: ServerKind,
        now: DateTime<Utc>,
        bucket: &str,
        prefix: Option<&str>,
        documents: &[&'a Document],
    ) -> Self {
        let bears = |d: &&'a Document| {
            d.has_not_resource() || d.bucket_patterns().iter().any(|p| pattern_covers(p, bucket))
        };
        let policy = documents.iter().copied().filter(|d| d.is_bucket_policy()).find(bears);
        let identities: Vec<_> =
            documents.iter().copied().filter(|d| !d.is_bucket_policy()).filter(bears).collect();
        let owner = owner_of(policy);
        let mut scope = Self {
            server,
            now,
            bucket: bucket.to_owned(),
            objects: Vec::new(),
            policy,
            identities,
            owner,
            has_default: None,
        };
        scope.objects = scope.sample_objects(prefix);
        scope
    }

    pub(super) fn bucket_arn(&self) -> String {
        format!("arn:aws:s3:::{}", self.bucket)
    }

    /// All documents of the scope.
    pub(super) fn documents(&self) -> impl Iterator<Item = &'a Document> {
        self.policy.into_iter().chain(self.identities.iter().copied())
    }

    fn sample_objects(&self, prefix: Option<&str>) -> Vec<String> {
        let mut keys = Vec::new();
        if let Some(prefix) = prefix {
            keys.push(format!("{prefix}sample"));
        }
        for document in self.documents() {
            for resource in document.policy.statements().iter().flat_map(|s| &s.resources.written) {
                let Some((bucket, key)) = bucket_and_key(resource) else { continue };
                let sample = sample_of(&key);
                // What lies outside the audited prefix is not asked about.
                let inside = prefix.is_none_or(|prefix| sample.starts_with(prefix));
                if !sample.is_empty() && inside && pattern_covers(&bucket, &self.bucket) {
                    keys.push(sample);
                }
            }
        }
        if keys.is_empty() || self.documents().any(Document::has_not_resource) {
            keys.push(format!("{}sample", prefix.unwrap_or_default()));
        }
        // What only wormproof's own canaries are exempt from is said of them, and of records first.
        keys.sort_by_key(|key| is_canary(key));
        let mut found = Vec::new();
        for key in keys {
            let arn = format!("{}/{key}", self.bucket_arn());
            if !found.contains(&arn) && found.len() < MOST_SAMPLES {
                found.push(arn);
            }
        }
        found
    }
}

/// Whether a key or an ARN is one of wormproof's own canaries.
pub(super) fn is_canary(name: &str) -> bool {
    name.split('/').any(|segment| segment == ".wormproof")
}

/// Whether a bucket pattern (as in a resource) covers a bucket of this name.
pub(super) fn pattern_covers(pattern: &str, bucket: &str) -> bool {
    let Ok(text) = serde_json::to_string(&serde_json::json!({
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Action": "*", "Resource": format!("arn:aws:s3:::{pattern}")},
    })) else {
        return false;
    };
    pattern == bucket
        || pattern == "*"
        || (pattern.contains(['*', '?', '$'])
            && Policy::parse(&text, Kind::Identity).is_ok_and(|policy| {
                let request = Request {
                    principal: &Principal::Anonymous,
                    action: "s3:ListBucket",
                    resource: &format!("arn:aws:s3:::{bucket}"),
                    context: &Context::default(),
                };
                policy.evaluate(&request).is_allowed()
            })
            || sample_of(pattern) == bucket)
}

/// The account that the policy's principals are of, where most of them are of one.
fn owner_of(policy: Option<&Document>) -> String {
    let names = policy.map(|d| d.names(|_| true)).unwrap_or_default();
    let mut accounts: Vec<&str> = names.iter().filter_map(account_of).collect();
    accounts.sort_unstable();
    let most = accounts.chunk_by(|a, b| a == b).max_by_key(|chunk| chunk.len());
    most.and_then(|chunk| chunk.first()).map_or_else(|| NO_ACCOUNT.to_owned(), ToString::to_string)
}

pub(super) fn account_of(name: &PrincipalName) -> Option<&str> {
    match name {
        PrincipalName::Account(account) => Some(account),
        PrincipalName::Arn(arn) => arn.split(':').nth(4).filter(|account| !account.is_empty()),
        _ => None,
    }
}

/// A sender of requests.
#[derive(Debug, Clone)]
pub(super) struct Subject<'a> {
    /// How it is named in answers.
    pub(super) name: String,
    principal: Principal,
    identity: Vec<&'a Policy>,
    /// The documents of `identity` that were read, in the same order.
    documents: Vec<Option<&'a Document>>,
    relation: Relation,
    /// Whether it stands for many: its ARN is not known.
    unnamed: bool,
    /// Whether it is of an account that is not known.
    foreign: bool,
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

/// What a write carries, beside its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Carried<'a> {
    /// Mode and days from now of a retention.
    pub(super) retention: Option<(&'a str, i64)>,
    /// `ON` or `OFF`.
    pub(super) hold: Option<&'a str>,
    /// `If-None-Match: *`.
    pub(super) if_none_match: bool,
    /// Whether it is a part of a multipart upload, or its beginning.
    pub(super) part: bool,
}

/// How a request turns out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Allowed; the keys are those that the sender has to set to its liking.
    Yes { ruling: Ruling, keys: Vec<String> },
    /// It hangs on keys that the sender does not choose.
    Perhaps { ruling: Ruling, keys: Vec<String> },
    /// Refused.
    No { ruling: Ruling },
}

impl Scope<'_> {
    /// Everything set that is known of an honest request: what it carries, TLS, the time.
    pub(super) fn honest(&self, subject: &Subject<'_>, action: &str, carried: &Carried<'_>) -> Context {
        let mut context = self.base(subject);
        for key in worm_keys() {
            context.set_absent(key);
        }
        context.set("aws:SecureTransport", "true");
        let mut set = |key: &str, value: String| {
            if action_has_key(action, key) == Some(true) {
                context.set(key, value);
            }
        };
        set("s3:ObjectCreationOperation", (!carried.part).to_string());
        if let Some((mode, days)) = carried.retention {
            let until = TimeDelta::try_days(days).and_then(|d| self.now.checked_add_signed(d));
            set("s3:object-lock-mode", mode.to_owned());
            set("s3:object-lock-retain-until-date", wire(until.unwrap_or(self.now)));
            set("s3:object-lock-remaining-retention-days", days.to_string());
        }
        if let Some(hold) = carried.hold {
            set("s3:object-lock-legal-hold", hold.to_owned());
        }
        if carried.if_none_match {
            set("s3:if-none-match", "*".to_owned());
        }
        context
    }

    fn base(&self, subject: &Subject<'_>) -> Context {
        let mut context = Context::default();
        if subject.is_anonymous() {
            for key in OF_SIGNERS {
                context.set_absent(key);
            }
        }
        if subject.unnamed {
            for key in ["aws:PrincipalArn", "aws:username", "aws:PrincipalType"] {
                context.set_unknown(key);
            }
            if self.owner == NO_ACCOUNT || subject.foreign {
                context.set_unknown("aws:PrincipalAccount");
            }
        }
        if self.server != ServerKind::Minio {
            context.set("aws:SecureTransport", "true");
            context.set("aws:CurrentTime", wire(self.now));
            context.set("aws:EpochTime", self.now.timestamp().to_string());
        }
        context
    }

    /// Asks all policies.
    pub(super) fn ask(
        &self,
        subject: &Subject<'_>,
        action: &str,
        resource: &str,
        context: &Context,
    ) -> Assessment {
        let mut identity = subject.identity.clone();
        if self.server == ServerKind::Minio && !identity.is_empty() {
            identity.push(&ALLOW_VERSIONS);
        }
        // On MinIO a bucket policy binds only requests without a signature (run).
        let bound = self.server != ServerKind::Minio || subject.principal == Principal::Anonymous;
        let sources = Sources {
            identity: &identity,
            session: None,
            bucket: self.policy.filter(|_| bound).map(|d| &d.policy),
            relation: subject.relation,
        };
        assess(&sources, &Request { principal: &subject.principal, action, resource, context })
    }

    /// The `Deny` that stops an honest request, if one may.
    pub(super) fn denied(
        &self,
        subject: &Subject<'_>,
        action: &str,
        resource: &str,
        carried: &Carried<'_>,
    ) -> Option<Ruling> {
        let context = self.honest(subject, action, carried);
        let ruling = match self.ask(subject, action, resource, &context) {
            Assessment::Allowed(_) => return None,
            Assessment::Refused(ruling) | Assessment::NotAssessed { at_worst: ruling, .. } => ruling,
        };
        (ruling.decision.effect == crate::policy::Effect::Deny).then_some(ruling)
    }

    /// Whether somebody who wants to may do this. `fixed` are the keys that make the deed what it is; of
    /// the others, what the sender can choose is chosen in its favour.
    pub(super) fn attempt(
        &self,
        subject: &Subject<'_>,
        action: &str,
        resource: &str,
        fixed: &[(&str, Option<String>)],
    ) -> Outcome {
        let mut context = self.base(subject);
        if self.server != ServerKind::Minio {
            for key in worm_keys().filter(|key| action_has_key(action, key) == Some(false)) {
                context.set_absent(key);
            }
            if action_has_key(action, "s3:ObjectCreationOperation") == Some(true) {
                context.set("s3:ObjectCreationOperation", "true");
            }
            // On MinIO a header of the sender's beats what the key should be (run), so nothing is fixed.
            for (key, value) in fixed.iter().filter(|(key, _)| action_has_key(action, key) == Some(true)) {
                match value {
                    Some(value) => context.set(key, value.clone()),
                    None => context.set_absent(key),
                }
            }
        }
        match self.ask(subject, action, resource, &context) {
            Assessment::Allowed(ruling) => Outcome::Yes { ruling, keys: Vec::new() },
            Assessment::Refused(ruling) => Outcome::No { ruling },
            Assessment::NotAssessed { at_best, keys, .. } => {
                let chosen = |key: &String| match self.server {
                    ServerKind::Minio => {
                        !matches!(key.as_str(), "aws:username" | "aws:userid" | "s3:x-amz-copy-source")
                    }
                    ServerKind::Aws | ServerKind::Other => is_senders_choice(key),
                };
                let all = keys.iter().all(chosen);
                let keys = keys.into_iter().collect();
                if all {
                    Outcome::Yes { ruling: at_best, keys }
                } else {
                    Outcome::Perhaps { ruling: at_best, keys }
                }
            }
        }
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
            policy
                .statements()
                .iter()
                .any(|s| s.effect == crate::policy::Effect::Allow && s.may_apply(&request))
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
}

impl Subject<'_> {
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
            let anyone = crate::policy::Statement { principals: None, ..s.clone() };
            anyone.selects_request(&request)
        })
    }
}
