//! Findings from the answers: whom a statement that was read grants what weakens the protection.

use super::confirm;
use super::found::{Found, finding, unassessed};
use super::questions::public_read;
use super::world::{Scope, is_canary};
use super::{Input, ServerKind};
use crate::lock::Mode;
use crate::record::analysis::{
    AnalysisRule as Rule, AnalysisState, Answer, Question, Severity, Standing, Who,
};

/// The rule and its severity for what one named principal may do; none where it is ordinary work.
fn rule_of(question: Question, demanding: bool) -> Option<(Rule, Severity, &'static str)> {
    let if_required = |severity| if demanding { severity } else { Severity::Low };
    Some(match question {
        Question::BypassGovernance => (
            Rule::MayBypassGovernance,
            Severity::High,
            "deny s3:BypassGovernanceRetention to everybody (on MinIO s3:PutObjectRetention, too), or lock in \
             COMPLIANCE mode",
        ),
        Question::ChangeLock => (
            Rule::MayChangeLock,
            Severity::Medium,
            "grant s3:PutBucketObjectLockConfiguration to nobody in daily work",
        ),
        Question::ChangePolicy => (
            Rule::MayChangePolicy,
            Severity::Medium,
            "grant s3:PutBucketPolicy and s3:DeleteBucketPolicy to nobody in daily work",
        ),
        Question::ChangeLifecycle => (
            Rule::MayChangeLifecycle,
            Severity::Low,
            "grant s3:PutLifecycleConfiguration to nobody in daily work",
        ),
        Question::ClearHolds => (
            Rule::MayClearHolds,
            Severity::Low,
            "deny s3:PutObjectLegalHold where s3:object-lock-legal-hold is OFF, to all but the custodian",
        ),
        Question::WriteWeakerLock => (
            Rule::MayWriteWeakerLock,
            if_required(Severity::Medium),
            "deny s3:PutObjectRetention and leave the lock to the bucket's default, or deny short retention",
        ),
        Question::WriteWithoutLock => {
            (Rule::MayWriteWithoutLock, Severity::Low, "give the bucket a default retention")
        }
        Question::PutRetention
        | Question::WriteUnconditionally
        | Question::DeleteVersions
        | Question::HideObjects => return None,
    })
}

/// Findings about grants of one scope.
pub(super) fn lint(scope: &Scope<'_>, answers: &[Answer], input: &Input<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    let demanding = input.requirement.mode.is_some() || input.requirement.min_retention.is_some();
    let restricted = input.restricts_public();
    for answer in answers {
        for who in &answer.who {
            if who.principal == "anonymous" {
                found.push(public(answer, who, restricted));
                continue;
            }
            if !matches!(who.standing, Standing::Granted | Standing::Conditional) {
                continue;
            }
            // Without a default, what a bare write gets is known; with one it gets the default.
            if answer.question == Question::WriteWithoutLock && input.has_default() == Some(true) {
                continue;
            }
            // Only statements that were read; nobody is named by a condition on itself alone.
            let (Some((rule, severity, remedy)), Some(statement)) =
                (rule_of(answer.question, demanding), &who.statement)
            else {
                continue;
            };
            let of_account = who.standing == Standing::Conditional && who.keys.is_empty();
            let severity = match who.standing {
                // Whose account it is, is not known: not assessed, and not passed over.
                _ if of_account => severity.min(Severity::Medium),
                Standing::Conditional => severity.min(Severity::Low),
                _ => severity,
            };
            found.push(Found {
                state: if of_account { AnalysisState::NotAssessed } else { AnalysisState::Analysed },
                confirm: confirm::named(answer.question, &who.principal),
                ..finding(
                    rule,
                    severity,
                    &statement.document,
                    Some(statement.clone()),
                    format!(
                        "{} may {} on {}{}",
                        who.principal,
                        answer.question.text(),
                        who.on,
                        conditions(scope, who)
                    ),
                    remedy,
                )
            });
        }
    }
    found.extend(unguarded_governance(scope, answers, input));
    if let Some((_, place)) = public_read(scope) {
        found.push(finding(
            Rule::Public,
            if restricted { Severity::Low } else { Severity::Medium },
            "bucket policy",
            place,
            format!("anybody may read objects of {} without a signature", scope.bucket),
            "name those who may read, or switch Block Public Access on",
        ));
    }
    found
}

/// A GOVERNANCE default that no statement guards: it protects against all but those who may bypass it, and who
/// that is cannot be seen here.
fn unguarded_governance(scope: &Scope<'_>, answers: &[Answer], input: &Input<'_>) -> Option<Found> {
    let lock = input.configuration?.object_lock.known()?.as_ref()?;
    let (mode, _) = lock.default_retention()?;
    let answer = answers.iter().find(|a| a.question == Question::BypassGovernance)?;
    // A policy that exempts wormproof's own canaries guards the records all the same.
    let on_records = |w: &Who| w.standing == Standing::ByOwnPolicies && !is_canary(&w.on);
    let open = scope.server == ServerKind::Minio || answer.who.iter().any(on_records);
    (mode == Mode::Governance && open).then(|| {
        unassessed(
            Rule::MayBypassGovernance,
            "Object Lock configuration",
            None,
            "the default retention is in GOVERNANCE mode, and nothing that was read denies \
             s3:BypassGovernanceRetention: whoever holds it deletes records before their time"
                .to_owned(),
            "name those who hold the right, deny it to everybody else, or lock in COMPLIANCE mode",
        )
    })
}

fn conditions(scope: &Scope<'_>, who: &Who) -> String {
    if who.keys.is_empty() {
        return String::new();
    }
    let keys = who.keys.join(", ");
    match (who.standing, scope.server) {
        (Standing::Conditional, _) => format!(", if {keys} is as the statements want it"),
        (_, ServerKind::Minio) => format!(" (a header can forge {keys})"),
        _ => format!(" (the sender chooses {keys})"),
    }
}

fn public(answer: &Answer, who: &Who, restricted: bool) -> Found {
    let worst = match answer.question {
        Question::PutRetention | Question::HideObjects => Severity::High,
        _ => Severity::Critical,
    };
    let (severity, rest) = match (who.standing, restricted) {
        (_, true) => (Severity::Low, "; Block Public Access (RestrictPublicBuckets) holds it back"),
        (Standing::Conditional, false) => (Severity::Medium, ", under the statement's condition"),
        _ => (worst, ""),
    };
    let mut found = finding(
        Rule::Public,
        severity,
        who.statement.as_ref().map_or("bucket policy", |s| s.document.as_str()),
        who.statement.clone(),
        format!("anybody may {} on {} without a signature{rest}", answer.question.text(), who.on),
        "name those who are allowed with Principal, and switch Block Public Access on",
    );
    if who.standing == Standing::Conditional {
        found.state = AnalysisState::NotAssessed;
    }
    found.confirm = confirm::public(answer.question);
    found
}
