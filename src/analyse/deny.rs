//! Which statement of a deny fails open. Each rule sends the request that the statement seems meant to stop
//! through the evaluator, and the one beside it that does the same harm.

use super::ServerKind;
use super::ask::Carried;
use super::document::{Document, bucket_and_key};
use super::found::{Found, finding};
use super::keys::{LOCK_KEYS, action_has_key, is_always_there, is_of_bucket};
use super::subject::Subject;
use super::world::Scope;
use crate::policy::{Condition, Effect, Kind, PrincipalName, SetTest, Statement};
use crate::record::analysis::{AnalysisRule as Rule, Severity};

/// The lock that passes a test of presence: one day.
const WEAK: [(&str, i64); 2] = [("GOVERNANCE", 1), ("COMPLIANCE", 1)];
/// Locks that satisfy one requirement or another: a policy may also have a ceiling.
const STRONG: [(&str, i64); 4] =
    [("COMPLIANCE", 36_500), ("COMPLIANCE", 3_660), ("COMPLIANCE", 1_100), ("COMPLIANCE", 370)];

/// All rules about the `Deny` statements of one document.
pub(super) fn lint(scope: &Scope<'_>, document: &Document) -> Vec<Found> {
    let mut found = Vec::new();
    for (index, statement) in document.statements().filter(|(_, s)| s.effect == Effect::Deny) {
        let Some(subject) = target(scope, document, statement) else { continue };
        let place = || Some(document.place(index));
        let mut add = |rule, severity, sentence: String, remedy: &str| {
            found.push(finding(rule, severity, &document.name, place(), sentence, remedy));
        };
        wrong_action(scope, &subject, document, index, &mut add);
        without_effect(document, statement, &mut add);
        about_locks(scope, &subject, document, index, statement, &mut add);
        for condition in &statement.conditions {
            absent_key(scope, &subject, statement, condition, &mut add);
            key_of_other_action(statement, condition, &mut add);
        }
        not_principal(scope, statement, &mut add);
    }
    found
}

/// Whom the statement is for, with everything else allowed: only a `Deny` decides then.
fn target<'a>(scope: &Scope<'_>, document: &'a Document, statement: &Statement) -> Option<Subject<'a>> {
    if document.policy.kind() != Kind::Bucket {
        return Some(Subject::holder(scope, document).with_everything_else());
    }
    if scope.server == ServerKind::Minio {
        return Some(Subject::anonymous());
    }
    let clause = statement.principals.as_ref()?;
    if clause.not || clause.names.contains(&PrincipalName::Everybody) {
        return Some(Subject::anybody(scope));
    }
    clause.names.iter().find_map(|name| match name {
        PrincipalName::Arn(arn) => Some(Subject::named(arn, true)),
        PrincipalName::Account(account) => {
            Some(Subject::named(&format!("arn:aws:iam::{account}:user/anybody"), true))
        }
        _ => None,
    })
}

/// Requests as a client may send them.
fn shapes() -> Vec<Carried<'static>> {
    let mut shapes = vec![Carried::default(), Carried { if_none_match: true, ..Carried::default() }];
    shapes.extend(
        WEAK.into_iter().chain(STRONG).map(|lock| Carried { retention: Some(lock), ..Carried::default() }),
    );
    shapes.extend(["ON", "OFF"].map(|hold| Carried { hold: Some(hold), ..Carried::default() }));
    shapes
}

/// Whether this very statement is what stops the request.
fn stops(
    scope: &Scope<'_>,
    subject: &Subject<'_>,
    document: &Document,
    index: usize,
    action: &str,
    resource: &str,
    carried: &Carried<'_>,
) -> bool {
    scope
        .denied(subject, action, resource, carried)
        .and_then(|ruling| subject.place(scope, &ruling))
        .is_some_and(|place| place == document.place(index))
}

/// An action, the one that does the same harm, whether both are of the bucket, and the harm.
const PAIRS: [(&str, &str, bool, &str); 2] = [
    (
        "s3:DeleteObject",
        "s3:DeleteObjectVersion",
        false,
        "an object version is deleted by s3:DeleteObjectVersion; s3:DeleteObject only hides it",
    ),
    (
        "s3:PutBucketPolicy",
        "s3:DeleteBucketPolicy",
        true,
        "the policy that says this can be deleted as a whole by s3:DeleteBucketPolicy",
    ),
];

fn wrong_action(
    scope: &Scope<'_>,
    subject: &Subject<'_>,
    document: &Document,
    index: usize,
    add: &mut impl FnMut(Rule, Severity, String, &str),
) {
    for (named, meant, of_bucket, harm) in PAIRS {
        let resources = if of_bucket { vec![scope.bucket_arn()] } else { scope.objects.clone() };
        let open = resources.iter().find(|on| {
            shapes().iter().any(|carried| {
                stops(scope, subject, document, index, named, on, carried)
                    && scope.denied(subject, meant, on, carried).is_none()
            })
        });
        let Some(on) = open else { continue };
        // A user of MinIO who may not DeleteObject deletes no version either (run).
        let severity = match meant {
            "s3:DeleteObjectVersion" if scope.server == ServerKind::Minio => Severity::Info,
            "s3:DeleteObjectVersion" => Severity::High,
            _ => Severity::Medium,
        };
        add(
            Rule::DenyWrongAction,
            severity,
            format!("denies {named} on {on}, and {meant} stays undenied: {harm}"),
            &format!("name {meant} beside {named}"),
        );
    }
}

/// A statement that matches no request: its actions are of another kind of resource, or its variables are plain words.
fn without_effect(
    document: &Document,
    statement: &Statement,
    add: &mut impl FnMut(Rule, Severity, String, &str),
) {
    let written =
        statement.resources.written.iter().chain(statement.conditions.iter().flat_map(|c| &c.written));
    if let Some(word) = written.clone().find(|word| word.contains("${") && !document.has_variables()) {
        add(
            Rule::DenyWithoutEffect,
            Severity::High,
            format!("{word} is taken letter by letter: policy variables need \"Version\": \"2012-10-17\""),
            "set the document's Version to 2012-10-17",
        );
    }
    if statement.resources.not || statement.actions.not || statement.resources.written.is_empty() {
        return;
    }
    let all = |test: &dyn Fn(&str) -> bool| statement.resources.written.iter().all(|r| test(r));
    let buckets =
        all(&|r| bucket_and_key(r).is_some_and(|(bucket, key)| key.is_empty() && !bucket.is_empty()));
    // A star in the name of a bucket also stands for a slash and a key.
    let objects = all(&|r| r.contains('/') && bucket_and_key(r).is_some_and(|(b, _)| !b.contains('*')));
    let lost = |of_bucket: bool| -> Vec<&str> {
        let named = statement.actions.written.iter().map(String::as_str);
        named.filter(|action| is_of_bucket(action) == Some(of_bucket)).collect()
    };
    for (here, of_bucket, what, remedy) in [
        (buckets, false, "objects", "name the objects: arn:aws:s3:::BUCKET/*"),
        (objects, true, "the bucket", "name the bucket: arn:aws:s3:::BUCKET"),
    ] {
        let lost = lost(of_bucket);
        if here && !lost.is_empty() {
            add(
                Rule::DenyWithoutEffect,
                Severity::High,
                format!(
                    "denies {} on {}, and no request is so: the action is one on {what}",
                    lost.join(", "),
                    statement.resources.written.join(", ")
                ),
                remedy,
            );
        }
    }
}

fn about_locks(
    scope: &Scope<'_>,
    subject: &Subject<'_>,
    document: &Document,
    index: usize,
    statement: &Statement,
    add: &mut impl FnMut(Rule, Severity, String, &str),
) {
    let asks_for_lock =
        statement.conditions.iter().any(|c| LOCK_KEYS[..3].iter().any(|key| c.key.eq_ignore_ascii_case(key)));
    let asks_for_condition =
        statement.conditions.iter().any(|c| c.key.eq_ignore_ascii_case("s3:if-none-match"));
    let action = "s3:PutObject";
    let bare = Carried { if_none_match: true, ..Carried::default() };
    let with = |lock| Carried { retention: Some(lock), ..bare };
    for on in &scope.objects {
        let stops = |carried: &Carried<'_>| stops(scope, subject, document, index, action, on, carried);
        let denied = |carried: &Carried<'_>| scope.denied(subject, action, on, carried).is_some();
        let strong = |base: Carried<'static>| {
            STRONG.into_iter().any(|lock| !denied(&Carried { retention: Some(lock), ..base }))
        };
        let strong_passes = strong(bare);
        let weak: Vec<&str> =
            WEAK.into_iter().filter(|lock| !denied(&with(*lock))).map(|(mode, _)| mode).collect();
        if asks_for_lock && stops(&bare) && strong_passes && !weak.is_empty() {
            // PutObjectRetention is asked for too when a write carries a lock.
            let passes: Vec<&str> = weak
                .into_iter()
                .filter(|mode| scope.denied(subject, "s3:PutObjectRetention", on, &with((mode, 1))).is_none())
                .collect();
            if !passes.is_empty() {
                add(
                    Rule::DenyPresenceOnly,
                    Severity::Medium,
                    format!(
                        "asks only that a lock is sent: a write to {on} with {} retention of one day passes",
                        passes.join(" or ")
                    ),
                    "also deny PutObject with NumericLessThan s3:object-lock-remaining-retention-days and with \
                     StringNotEquals s3:object-lock-mode, or leave the lock to the bucket's default and deny \
                     s3:PutObjectRetention",
                );
            }
        }
        let stops_weak = WEAK.into_iter().any(|lock| stops(&with(lock)));
        // Where the bucket is known to have a default, a write without a lock is locked by it.
        let caught = scope.has_default == Some(true);
        if asks_for_lock && stops_weak && !caught && strong_passes && !denied(&bare) {
            add(
                Rule::DenyMissesAbsentKey,
                Severity::High,
                format!(
                    "stops a write to {on} whose lock is too weak, and lets the write without any lock through: \
                     the key is then missing and the condition does not hold"
                ),
                "add a second Deny with Null {\"s3:object-lock-retain-until-date\": \"true\"}, or use the \
                 IfExists form of the operator (AWS only)",
            );
        }
        let part = Carried { part: true, ..Carried::default() };
        let unconditional = Carried::default();
        if asks_for_condition && stops(&part) && (!denied(&unconditional) || strong(unconditional)) {
            add(
                Rule::DenyExemptsWrites,
                Severity::High,
                format!(
                    "lets every write to {on} without If-None-Match through, and stops only the parts of \
                     multipart uploads: the exemption is the wrong way round"
                ),
                "turn it round: Bool {\"s3:ObjectCreationOperation\": \"true\"}, which is true of writes that make an \
                 object and false of parts",
            );
        } else if stops(&part) && strong_passes {
            add(
                Rule::MultipartBlocked,
                Severity::Medium,
                format!(
                    "stops the parts of multipart uploads to {on}, which are s3:PutObject without lock or \
                     condition headers: large objects cannot be stored"
                ),
                if asks_for_lock {
                    "leave the lock to the bucket's default: parts and the completion of an upload carry no lock headers"
                } else {
                    "add Bool {\"s3:ObjectCreationOperation\": \"true\"} to the condition (AWS only)"
                },
            );
        }
        if asks_for_lock || !statement.conditions.is_empty() {
            // One object stands for the statement.
            if stops(&bare) || stops_weak || stops(&part) {
                break;
            }
        }
    }
}

/// A positive operator without `IfExists` on a key that requests may lack.
fn absent_key(
    scope: &Scope<'_>,
    subject: &Subject<'_>,
    statement: &Statement,
    condition: &Condition,
    add: &mut impl FnMut(Rule, Severity, String, &str),
) {
    let operator = &condition.operator;
    let lock_key = LOCK_KEYS.iter().any(|key| condition.key.eq_ignore_ascii_case(key));
    // That a hold is OFF, or who somebody is, is not a thing to be left out.
    let exempt = condition.key.eq_ignore_ascii_case("s3:object-lock-legal-hold")
        || condition.key.to_lowercase().starts_with("aws:principal")
        || condition.key.eq_ignore_ascii_case("s3:ObjectCreationOperation")
        || (lock_key && statement.actions.written.iter().any(|a| a.eq_ignore_ascii_case("s3:PutObject")))
        || is_always_there(&condition.key)
        || scope.server == ServerKind::Minio;
    let positive =
        !operator.negated && !operator.if_exists && !operator.is_null() && operator.set != SetTest::All;
    if exempt || !positive {
        return;
    }
    // Keys that the action never has are another rule's.
    let possible: Vec<&String> = statement
        .actions
        .written
        .iter()
        .filter(|action| action_has_key(action, &condition.key) != Some(false))
        .collect();
    let Some(action) = possible.first() else { return };
    let probe = if action.contains(['*', '?']) { "s3:PutObject" } else { action.as_str() };
    let resources = scope.objects.iter().cloned().chain([scope.bucket_arn()]);
    let caught = resources.into_iter().any(|on| {
        let mut context = scope.honest(subject, probe, &Carried::default());
        context.set_absent(&condition.key);
        if condition.key.eq_ignore_ascii_case("s3:TlsVersion") {
            // Only a request without TLS has no version of it.
            context.set("aws:SecureTransport", "false");
        }
        matches!(
            scope.ask(subject, probe, &on, &context),
            crate::policy::Assessment::Refused(ruling) if ruling.decision.effect == Effect::Deny
        )
    });
    if !caught {
        add(
            Rule::DenyMissesAbsentKey,
            if condition.key.eq_ignore_ascii_case("aws:MultiFactorAuthPresent") {
                Severity::High
            } else {
                Severity::Medium
            },
            format!(
                "does not stop a request that has no {} at all: {} does not hold for a missing key",
                condition.key, operator.name
            ),
            &format!(
                "write {}IfExists, or add a Deny with Null {{\"{}\": \"true\"}}",
                operator.name, condition.key
            ),
        );
    }
}

/// A key that requests of the action never have.
fn key_of_other_action(
    statement: &Statement,
    condition: &Condition,
    add: &mut impl FnMut(Rule, Severity, String, &str),
) {
    let lacking: Vec<&str> = statement
        .actions
        .written
        .iter()
        .filter(|action| {
            !action.contains(['*', '?']) && action_has_key(action, &condition.key) == Some(false)
        })
        .map(String::as_str)
        .collect();
    if lacking.is_empty() || statement.actions.not {
        return;
    }
    let operator = &condition.operator;
    let null_true = operator.is_null() && condition.written.iter().any(|v| v.eq_ignore_ascii_case("true"));
    let always = null_true || operator.if_exists || operator.negated || operator.set == SetTest::All;
    let (severity, effect) = if always {
        (Severity::Low, "so the condition always holds there, and the statement denies every such request")
    } else {
        (Severity::High, "so the condition never holds there, and the statement denies no such request")
    };
    add(
        Rule::KeyNotOfAction,
        severity,
        format!("{} has no condition key {}, {effect}", lacking.join(", "), condition.key),
        &format!("deny {} in a statement of its own, without this condition", lacking.join(", ")),
    );
}

/// Whom a `Deny` with `NotPrincipal` exempts, and whom it does not.
fn not_principal(
    scope: &Scope<'_>,
    statement: &Statement,
    add: &mut impl FnMut(Rule, Severity, String, &str),
) {
    let Some(clause) = statement.principals.as_ref().filter(|c| c.not) else { return };
    if scope.server == ServerKind::Minio {
        return;
    }
    let mut said = Vec::new();
    let account_named = |account: &str| {
        clause.names.iter().any(|n| matches!(n, PrincipalName::Account(named) if named == account))
    };
    for name in &clause.names {
        match name {
            PrincipalName::Everybody => said.push("it exempts everybody: it denies nobody".to_owned()),
            PrincipalName::Account(account) => said.push(format!(
                "naming account {account} exempts its root user only; its users and roles stay denied"
            )),
            PrincipalName::Arn(arn) => {
                said.push(format!("{arn} is exempt"));
                let account = super::world::account_of(name).unwrap_or_default();
                if !account.is_empty() && !account_named(account) {
                    said.push(format!(
                        "the account {account} is not named beside it, which S3 needs for the exemption to work"
                    ));
                }
                if arn.contains(":role/") {
                    said.push("the sessions of a role have ARNs of their own and may stay denied".to_owned());
                }
            }
            PrincipalName::UniqueId(id) => {
                said.push(format!("{id} is left of a principal that was deleted: nobody is exempt by it"));
            }
            PrincipalName::Other { kind, name } => {
                said.push(format!("{kind} {name} is exempt: not assessed"));
            }
        }
    }
    add(
        Rule::NotPrincipal,
        if clause.names.contains(&PrincipalName::Everybody) { Severity::High } else { Severity::Medium },
        format!("denies by NotPrincipal; {}", said.join("; ")),
        "write Principal \"*\" with a condition ArnNotLike aws:PrincipalArn (or StringNotLike aws:userId) \
         instead: it can be read, and sessions of a role fall under it",
    );
}
