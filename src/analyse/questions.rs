//! Who may do what, and by which statement.

use chrono::TimeDelta;

use super::ServerKind;
use super::ask::Outcome;
use super::subject::Subject;
use super::world::{Scope, account_of};
use crate::policy::{Effect, PrincipalName};
use crate::record::analysis::{Answer, Question, Standing, StatementPlace, Who};
use crate::time::wire;

/// One request of a deed.
struct Step {
    action: &'static str,
    fixed: Vec<(&'static str, Option<String>)>,
}

/// The ways to do it: each a list of rights that are needed together.
fn ways(scope: &Scope<'_>, question: Question) -> Vec<Vec<Step>> {
    let plain = |action| Step { action, fixed: Vec::new() };
    let one = |action| vec![vec![plain(action)]];
    match question {
        // MinIO shortens GOVERNANCE for whoever sends the bypass header and holds PutObjectRetention (WORM-506, run).
        Question::BypassGovernance if scope.server == ServerKind::Minio => {
            let delete = ["s3:BypassGovernanceRetention", "s3:DeleteObject", "s3:DeleteObjectVersion"];
            vec![delete.map(plain).into(), vec![plain("s3:PutObjectRetention")]]
        }
        Question::BypassGovernance => ["s3:DeleteObjectVersion", "s3:PutObjectRetention"]
            .map(|second| ["s3:BypassGovernanceRetention", second].map(plain).into())
            .into(),
        Question::PutRetention => one("s3:PutObjectRetention"),
        Question::ClearHolds => vec![vec![Step {
            action: "s3:PutObjectLegalHold",
            fixed: vec![("s3:object-lock-legal-hold", Some("OFF".to_owned()))],
        }]],
        Question::ChangeLock => one("s3:PutBucketObjectLockConfiguration"),
        Question::ChangeLifecycle => one("s3:PutLifecycleConfiguration"),
        Question::ChangePolicy => {
            vec![vec![plain("s3:PutBucketPolicy")], vec![plain("s3:DeleteBucketPolicy")]]
        }
        Question::WriteWithoutLock => vec![vec![Step {
            action: "s3:PutObject",
            fixed: super::keys::LOCK_KEYS.iter().map(|key| (*key, None)).collect(),
        }]],
        Question::WriteUnconditionally => {
            vec![vec![Step { action: "s3:PutObject", fixed: vec![("s3:if-none-match", None)] }]]
        }
        Question::WriteWeakerLock => ["GOVERNANCE", "COMPLIANCE"]
            .into_iter()
            .map(|mode| {
                let until = scope.now.checked_add_signed(TimeDelta::days(1)).unwrap_or(scope.now);
                let fixed = vec![
                    ("s3:object-lock-mode", Some(mode.to_owned())),
                    ("s3:object-lock-retain-until-date", Some(wire(until))),
                    ("s3:object-lock-remaining-retention-days", Some("1".to_owned())),
                ];
                vec![
                    Step { action: "s3:PutObject", fixed: fixed.clone() },
                    Step { action: "s3:PutObjectRetention", fixed },
                ]
            })
            .collect(),
        Question::DeleteVersions if scope.server == ServerKind::Minio => {
            vec![vec![plain("s3:DeleteObject"), plain("s3:DeleteObjectVersion")]]
        }
        Question::DeleteVersions => one("s3:DeleteObjectVersion"),
        Question::HideObjects => one("s3:DeleteObject"),
    }
}

fn is_of_bucket(question: Question) -> bool {
    matches!(question, Question::ChangeLock | Question::ChangeLifecycle | Question::ChangePolicy)
}

/// How one sender fares: the best of all ways on all resources.
struct Fare {
    outcome: Outcome,
    on: String,
}

fn rank(outcome: &Outcome) -> u8 {
    match outcome {
        Outcome::Yes { .. } => 2,
        Outcome::Perhaps { .. } => 1,
        Outcome::No { .. } => 0,
    }
}

fn fare(scope: &Scope<'_>, subject: &Subject<'_>, question: Question) -> Option<Fare> {
    let resources = if is_of_bucket(question) { vec![scope.bucket_arn()] } else { scope.objects.clone() };
    let mut best: Option<Fare> = None;
    for on in resources {
        for way in ways(scope, question) {
            // All steps are needed: the worst of them counts; of equals the first.
            // Without a signature MinIO is not known to ask for more than DeleteObject.
            let asked = |s: &&Step| {
                !(scope.server == ServerKind::Minio
                    && subject.is_anonymous()
                    && s.action == "s3:DeleteObjectVersion")
            };
            let steps = way.iter().filter(asked).map(|s| scope.attempt(subject, s.action, &on, &s.fixed));
            let Some(outcome) = steps.reduce(|a, b| if rank(&b) < rank(&a) { b } else { a }) else {
                continue;
            };
            if best.as_ref().is_none_or(|b| rank(&b.outcome) < rank(&outcome)) {
                best = Some(Fare { outcome, on: on.clone() });
            }
        }
    }
    best
}

/// The standing of somebody whom a policy that was read would grant it.
fn granted(scope: &Scope<'_>, subject: &Subject<'_>, question: Question) -> Option<Who> {
    let fare = fare(scope, subject, question)?;
    let (standing, ruling, keys) = match fare.outcome {
        Outcome::Yes { ruling, keys } => (Standing::Granted, ruling, keys),
        Outcome::Perhaps { ruling, keys } => (Standing::Conditional, ruling, keys),
        Outcome::No { .. } => return None,
    };
    let statement = subject.place(scope, &ruling);
    Some(Who { principal: subject.name.clone(), standing, on: fare.on, statement, keys })
}

/// The standing of somebody whose own policies were not read.
fn by_own(scope: &Scope<'_>, subject: &Subject<'_>, question: Question, as_root: bool) -> Option<Who> {
    let fare = fare(scope, subject, question)?;
    let (standing, statement, keys): (_, Option<StatementPlace>, _) = match fare.outcome {
        Outcome::Yes { keys, .. } => {
            (if as_root { Standing::Root } else { Standing::ByOwnPolicies }, None, keys)
        }
        Outcome::Perhaps { ruling, keys } => (Standing::Conditional, subject.place(scope, &ruling), keys),
        Outcome::No { ruling } => {
            if ruling.decision.effect != Effect::Deny {
                return None;
            }
            (Standing::Denied, subject.place(scope, &ruling), Vec::new())
        }
    };
    Some(Who { principal: subject.name.clone(), standing, on: fare.on, statement, keys })
}

/// Answers one question for a bucket. `configured`: the bucket's own policy was read (also: that it has none).
pub(super) fn answer(scope: &Scope<'_>, question: Question, configured: bool) -> Answer {
    let mut who = Vec::new();
    let speaks_of_bucket = scope.policy.is_some() || configured;
    if scope.policy.is_some() {
        who.extend(granted(scope, &Subject::anonymous(), question));
    }
    for document in &scope.identities {
        who.extend(granted(scope, &Subject::holder(scope, document), question));
    }
    if speaks_of_bucket && scope.server != ServerKind::Minio {
        who.extend(named(scope, question));
        who.extend(by_own(scope, &Subject::anybody(scope), question, false));
        who.extend(by_own(scope, &Subject::root(scope), question, true));
    }
    if configured && scope.server == ServerKind::Minio {
        // Root is bound by no policy (run).
        let on =
            if is_of_bucket(question) { Some(scope.bucket_arn()) } else { scope.objects.first().cloned() };
        who.push(Who {
            principal: "the root key of the server".to_owned(),
            standing: Standing::Root,
            on: on.unwrap_or_default(),
            statement: None,
            keys: Vec::new(),
        });
    }
    let not_assessed = match (scope.server, speaks_of_bucket) {
        (ServerKind::Minio, _) => Some(
            "who holds which rights on MinIO is in its user, group and session policies; those that were not \
             given here are not assessed",
        ),
        (ServerKind::Other, _) => {
            Some("judged by the rules of AWS; whether this server enforces them is for the scenarios to show")
        }
        (ServerKind::Aws, true) => Some(
            "identity policies, permission boundaries, service and resource control policies, access points \
             and services that act for somebody are not assessed unless they were given here",
        ),
        (ServerKind::Aws, false) => {
            Some("the bucket policy and other policies of the same principals were not given: not assessed")
        }
    };
    Answer { bucket: scope.bucket.clone(), question, who, not_assessed: not_assessed.map(ToOwned::to_owned) }
}

/// Everybody whom the bucket policy names.
fn named(scope: &Scope<'_>, question: Question) -> Vec<Who> {
    let Some(document) = scope.policy else { return Vec::new() };
    let mut who = Vec::new();
    let allowed = |s: &crate::policy::Statement| {
        s.effect == Effect::Allow && s.principals.as_ref().is_some_and(|c| !c.not)
    };
    for name in document.names(allowed) {
        match &name {
            PrincipalName::Arn(arn) => who.extend(granted(scope, &Subject::named(arn, false), question)),
            PrincipalName::Account(account) if *account != scope.owner => {
                let root = format!("arn:aws:iam::{account}:root");
                let mut subject = Subject::named(&root, false);
                subject.name = format!("anybody of account {account} whose own policies allow it");
                // Its root user is named by the account's name: what it is granted, the account is.
                who.extend(granted(scope, &subject, question));
            }
            // That it is the bucket's owner is only likely.
            PrincipalName::Account(account) => {
                let root = format!("arn:aws:iam::{account}:root");
                let mut subject = Subject::named(&root, false);
                subject.name = format!(
                    "anybody of account {account} whose own policies allow it (the bucket's owner, or another: not known)"
                );
                who.extend(
                    granted(scope, &subject, question)
                        .map(|who| Who { standing: Standing::Conditional, ..who }),
                );
            }
            // Whom everybody's grant reaches without a signature, it reaches with one.
            PrincipalName::Everybody => {
                let anonymous = fare(scope, &Subject::anonymous(), question);
                if anonymous.is_none_or(|f| rank(&f.outcome) != 2) {
                    who.extend(granted(scope, &Subject::stranger(), question));
                }
            }
            PrincipalName::UniqueId(_) | PrincipalName::Other { .. } => {}
        }
    }
    // Whom a Deny exempts, somebody else may have allowed.
    let exempt = |s: &crate::policy::Statement| {
        s.effect == Effect::Deny && s.principals.as_ref().is_some_and(|c| c.not)
    };
    for name in document.names(exempt) {
        let PrincipalName::Arn(arn) = &name else { continue };
        if account_of(&name) == Some(scope.owner.as_str()) && !who.iter().any(|w: &Who| w.principal == *arn) {
            who.extend(by_own(scope, &Subject::named(arn, true), question, false));
        }
    }
    who
}

/// Whether anybody without a signature may read objects.
pub(super) fn public_read(scope: &Scope<'_>) -> Option<(Standing, Option<StatementPlace>)> {
    scope.policy?;
    let subject = Subject::anonymous();
    scope.objects.iter().find_map(|object| match scope.attempt(&subject, "s3:GetObject", object, &[]) {
        Outcome::Yes { ruling, .. } => Some((Standing::Granted, subject.place(scope, &ruling))),
        Outcome::Perhaps { .. } | Outcome::No { .. } => None,
    })
}
