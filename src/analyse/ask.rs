//! Which requests are asked about: what they carry, what the sender may choose, and how they turn out.

use std::sync::LazyLock;

use chrono::TimeDelta;

use super::ServerKind;
use super::keys::{action_has_key, is_senders_choice, worm_keys};
use super::subject::Subject;
use super::world::{NO_ACCOUNT, Scope};
use crate::policy::{Assessment, Context, Effect, Kind, Policy, Request, Ruling, Sources, assess};
use crate::time::wire;

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

/// MinIO asks a user for DeleteObject only; DeleteObjectVersion counts as a `Deny` (run).
#[expect(clippy::expect_used, reason = "a constant text, which every test reads")]
static ALLOW_VERSIONS: LazyLock<Policy> = LazyLock::new(|| {
    Policy::parse(
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:DeleteObjectVersion","Resource":"*"}}"#,
        Kind::Identity,
    )
    .expect("a policy")
});

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
        let bound = self.server != ServerKind::Minio || subject.is_anonymous();
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
        (ruling.decision.effect == Effect::Deny).then_some(ruling)
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
