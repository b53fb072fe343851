//! Demands that a bucket policy has to meet: requests that it has to deny, whoever sends them.

use super::{Found, Place, met, unread};
use crate::analyse::ServerKind;
use crate::analyse::ask::{Carried, Outcome};
use crate::analyse::document::Document;
use crate::analyse::subject::Subject;
use crate::analyse::world::{Scope, is_canary};
use crate::lock::Reading;
use crate::policy::{Assessment, Effect};
use crate::record::profile_result::DemandState;
use crate::store::sdk::BucketConfiguration;

/// Whether a policy denies what has to be denied.
pub(super) type PolicyTest = fn(&Scope<'_>) -> Found;

pub(super) fn by_policy(
    configuration: &BucketConfiguration,
    kind: ServerKind,
    place: &Place<'_>,
    test: PolicyTest,
) -> Found {
    if kind == ServerKind::Minio {
        let text =
            "on MinIO a bucket policy binds only requests without a signature: it enforces nothing here";
        return (DemandState::NotApplicable, text.to_owned());
    }
    let json = match &configuration.policy {
        Reading::Unread(why) => return unread("the bucket policy", why),
        Reading::Known(None) => return met(false, "the bucket has no policy"),
        Reading::Known(Some(json)) => json,
    };
    match Document::bucket_policy(json) {
        Err(error) => (DemandState::NotAssessed, format!("the bucket policy cannot be read: {error}")),
        Ok(document) => {
            let mut scope = Scope::new(kind, place.now, place.bucket, Some(place.prefix), &[&document]);
            let exempt = leave_canaries_out(&mut scope, place);
            let (state, found) = test(&scope);
            (state, found + exempt)
        }
    }
}

/// A policy may leave wormproof's own canaries out by name (`harden` prints it so): they need uploads without the
/// condition. The demand is about the records, and what it says tells of the exemption; the scan looks at what lies there.
fn leave_canaries_out(scope: &mut Scope<'_>, place: &Place<'_>) -> &'static str {
    let all = scope.objects.len();
    scope.objects.retain(|object| !is_canary(object));
    if scope.objects.len() == all {
        return "";
    }
    if scope.objects.is_empty() {
        scope.objects.push(format!("{}/{}sample", scope.bucket_arn(), place.prefix));
    }
    "; the policy names wormproof's own canaries, which were not asked about"
}

/// The requests that stand for all of them: actions on objects, and one on the bucket.
fn requests(scope: &Scope<'_>) -> Vec<(&'static str, String)> {
    let on_objects = [
        "s3:GetObject",
        "s3:GetObjectVersion",
        "s3:PutObject",
        "s3:PutObjectRetention",
        "s3:DeleteObjectVersion",
    ];
    let objects = scope.objects.iter().flat_map(|on| on_objects.map(|action| (action, on.clone())));
    objects.chain([("s3:ListBucket", scope.bucket_arn())]).collect()
}

/// Who may do everything by other policies: only a `Deny` of the bucket's stops them.
fn senders(scope: &Scope<'_>) -> [Subject<'static>; 2] {
    [Subject::anybody(scope), Subject::root(scope)]
}

pub(super) fn denies_plain(scope: &Scope<'_>) -> Found {
    let mut unsure = None;
    for subject in senders(scope) {
        for (action, on) in requests(scope) {
            let mut context = scope.honest(&subject, action, &Carried::default());
            context.set("aws:SecureTransport", "false");
            match scope.ask(&subject, action, &on, &context) {
                Assessment::Refused(ruling) if ruling.decision.effect == Effect::Deny => {}
                Assessment::NotAssessed { .. } => {
                    unsure.get_or_insert(format!(
                        "whether the policy denies {action} on {on} without TLS hangs on \
                                                  what is not known"
                    ));
                }
                _ => {
                    return met(
                        false,
                        format!("without TLS the policy lets {action} on {on} through ({})", subject.name),
                    );
                }
            }
        }
    }
    unsure.map_or_else(
        || met(true, "the bucket policy denies requests without TLS, on the bucket and on its objects"),
        |why| (DemandState::NotAssessed, why),
    )
}

pub(super) fn denies_unconditional(scope: &Scope<'_>) -> Found {
    denies_writes(scope, &[("s3:if-none-match", None)], "If-None-Match")
}

/// Mode and days hang on the date: without it a request has none of the three.
pub(super) fn denies_without_date(scope: &Scope<'_>) -> Found {
    let absent = [
        ("s3:object-lock-retain-until-date", None),
        ("s3:object-lock-remaining-retention-days", None),
        ("s3:object-lock-mode", None),
    ];
    denies_writes(scope, &absent, "a retain-until date")
}

fn denies_writes(scope: &Scope<'_>, fixed: &[(&str, Option<String>)], without: &str) -> Found {
    let mut unsure = None;
    for subject in senders(scope) {
        for on in &scope.objects {
            match scope.attempt(&subject, "s3:PutObject", on, fixed) {
                Outcome::No { ruling } if ruling.decision.effect == Effect::Deny => {}
                Outcome::Perhaps { keys, .. } => {
                    unsure.get_or_insert(format!(
                        "whether the policy denies a write to {on} without {without} hangs on {}",
                        keys.join(", ")
                    ));
                }
                Outcome::Yes { .. } | Outcome::No { .. } => {
                    return met(
                        false,
                        format!(
                            "the policy lets a write to {on} through without {without} ({})",
                            subject.name
                        ),
                    );
                }
            }
        }
    }
    unsure.map_or_else(
        || met(true, format!("the bucket policy denies writes without {without}")),
        |why| (DemandState::NotAssessed, why),
    )
}
