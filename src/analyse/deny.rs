//! Which statement of a deny fails open. Each rule sends the request that the statement seems meant to stop
//! through the evaluator, and the one beside it that does the same harm.

use super::ServerKind;
use super::ask::Carried;
use super::document::Document;
use super::found::{Found, finding};
use super::keys::{LOCK_KEYS, action_has_key, is_always_there};
use super::subject::Subject;
use super::world::Scope;
use crate::policy::{Condition, Effect, Kind, PrincipalName, SetTest, Statement};
use crate::record::analysis::{AnalysisRule as Rule, Severity};

/// The lock that passes a test of presence: one day.
const WEAK: [(&str, i64); 2] = [("GOVERNANCE", 1), ("COMPLIANCE", 1)];
/// A lock that no requirement asks more of: a hundred years.
const STRONG: (&str, i64) = ("COMPLIANCE", 36_500);

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
        WEAK.into_iter().chain([STRONG]).map(|lock| Carried { retention: Some(lock), ..Carried::default() }),
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
    let action = "s3:PutObject";
    let bare = Carried { if_none_match: true, ..Carried::default() };
    let with = |lock| Carried { retention: Some(lock), ..bare };
    for on in &scope.objects {
        let stops = |carried: &Carried<'_>| stops(scope, subject, document, index, action, on, carried);
        let denied = |carried: &Carried<'_>| scope.denied(subject, action, on, carried).is_some();
        let weak: Vec<&str> =
            WEAK.into_iter().filter(|lock| !denied(&with(*lock))).map(|(mode, _)| mode).collect();
        if asks_for_lock && stops(&bare) && !denied(&with(STRONG)) && !weak.is_empty() {
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
        if asks_for_lock && stops_weak && !caught && !denied(&with(STRONG)) && !denied(&bare) {
            add(
                Rule::DenyMissesAbsentKey,
                Severity::High,
                format!(
                    "stops a write to {on} with too short a lock, and lets the write without any lock through: \
                     the key is then missing and the condition does not hold"
                ),
                "add a second Deny with Null {\"s3:object-lock-retain-until-date\": \"true\"}, or use the \
                 IfExists form of the operator (AWS only)",
            );
        }
        let whole = Carried { retention: Some(STRONG), if_none_match: true, ..Carried::default() };
        let part = Carried { part: true, ..Carried::default() };
        if stops(&part) && !denied(&whole) {
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
