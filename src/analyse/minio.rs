//! What MinIO does not enforce earns no credit. Every hole was run on MinIO's last public commit.

use super::ask::Outcome;
use super::confirm;
use super::document::Document;
use super::found::{Found, finding};
use super::keys::refused_by_minio;
use super::subject::Subject;
use super::world::Scope;
use crate::policy::Effect;
use crate::record::analysis::{AnalysisRule as Rule, AnalysisState, Severity};

/// Why MinIO refuses the document as a whole; `None` if it takes it.
pub(super) fn void(document: &Document) -> Option<Found> {
    document.statements().find_map(|(index, statement)| {
        let why = statement.conditions.iter().find_map(|condition| {
            refused_by_minio(&condition.operator.name, &condition.key, &statement.actions.written)
        })?;
        Some(finding(
            Rule::PolicyVoidOnMinio,
            Severity::High,
            &document.name,
            Some(document.place(index)),
            format!("MinIO refuses {why}, and the whole document with it: no statement of it is in force"),
            "do without the condition on MinIO: few rights, a bucket default, and a scan",
        ))
    })
}

/// Rules about a document that MinIO takes.
pub(super) fn lint(scope: &Scope<'_>, document: &Document) -> Vec<Found> {
    let mut found = Vec::new();
    if document.is_bucket_policy() {
        for (index, statement) in document.statements() {
            let named = statement
                .principals
                .as_ref()
                .is_some_and(|c| !c.not && !c.names.contains(&crate::policy::PrincipalName::Everybody));
            let (severity, what) = match statement.effect {
                Effect::Deny => (Severity::High, "denies only requests without a signature"),
                _ if named => (Severity::Medium, "grants nobody anything: a named principal matches nobody"),
                _ => continue,
            };
            found.push(finding(
                Rule::PolicyBindsAnonymousOnly,
                severity,
                &document.name,
                Some(document.place(index)),
                format!("on MinIO this statement {what}; root, users and STS keys are not bound by it"),
                "put it into the policies of users and groups",
            ));
        }
        found.extend(holes(scope, document, &Subject::anonymous()));
        return found;
    }
    for (index, statement) in document.statements() {
        let forgeable = statement.conditions.iter().find(|c| {
            let key = c.key.to_lowercase();
            !matches!(key.as_str(), "s3:x-amz-copy-source" | "aws:username" | "aws:userid" | "aws:groups")
        });
        if let Some(condition) = forgeable {
            found.push(finding(
                Rule::ConditionForgeableOnMinio,
                if statement.effect == Effect::Deny { Severity::High } else { Severity::Medium },
                &document.name,
                Some(document.place(index)),
                format!(
                    "relies on {}: MinIO takes its value from a header that the sender may add, so it holds \
                     for honest clients only",
                    condition.key
                ),
                "rely on actions and resources alone; they hold",
            ));
        }
    }
    found.extend(holes(scope, document, &Subject::holder(scope, document)));
    found
}

/// Rights that are needed together, the hole they open, its id in the project's facts, and what closes it.
const HOLES: &[(&[&str], &str, &str, &str)] = &[
    (
        &["s3:DeleteObject", "s3:ReplicateDelete"],
        "A1",
        "delete any locked version: a DELETE that claims to come from replication skips the lock",
        "deny s3:ReplicateDelete",
    ),
    (
        &["s3:PutObject", "s3:ReplicateObject"],
        "A2",
        "replace the bytes of any locked version and strip its lock: a PUT that claims to be a replica",
        "deny s3:ReplicateObject",
    ),
    (
        &["s3:PutObject", "s3:GetObject"],
        "A3",
        "replace a locked version by a copy onto its version id, lock and hold stripped",
        "deny s3:PutObject with Null {\"s3:x-amz-copy-source\": \"false\"}",
    ),
    (
        &["s3:PutObject"],
        "A4, A5, A6, A7, A9",
        "replace the bytes of a locked version by a multipart upload, a form or an archive that names its \
         version id",
        "withhold s3:PutObject from all but one trusted writer, or refuse such requests in a proxy: no identity \
         policy closes it for certain",
    ),
    (
        &["s3:PutObject"],
        "A8",
        "store objects without a lock by a form, whatever the bucket's default says",
        "refuse forms in a proxy: no identity policy closes it for certain",
    ),
    (
        &["s3:PutObject"],
        "A17",
        "have locked versions replaced by anybody who knows the access key's id and not its secret (a streaming \
         body without a signature)",
        "refuse unsigned streaming bodies in a proxy, and treat access key ids as secrets",
    ),
    (
        &["s3:DeleteObject"],
        "A11",
        "delete a locked object whose key ends in a slash, by a batch delete without a version id",
        "deny s3:DeleteObject on keys that end in a slash, or store none",
    ),
    (
        &["s3:PutObjectRetention"],
        "GOV-03",
        "shorten or remove a GOVERNANCE retention by the bypass header: the right to bypass is not asked for",
        "deny s3:PutObjectRetention, or lock in COMPLIANCE mode",
    ),
    (
        &["s3:PutObject", "s3:PutObjectRetention"],
        "A9b, A14",
        "shorten GOVERNANCE without bypass, and store objects with a retain-until date in the past",
        "deny s3:PutObjectRetention",
    ),
];

/// Rights on the bucket or the server.
const WIDE_HOLES: &[(&str, &str, &str, Severity)] = &[
    (
        "s3:CreateBucket",
        "A10",
        "wipe lock, default, versioning and policy of a bucket that exists (x-minio-force-create), after which \
         locked versions can be deleted",
        Severity::Critical,
    ),
    (
        "admin:StartBatchJob",
        "A12",
        "remove every version, held ones too, by a batch job `expire`",
        Severity::Critical,
    ),
    (
        "admin:SiteReplicationOperation",
        "A13",
        "delete a bucket by force, or make it anew without lock",
        Severity::Critical,
    ),
    (
        "admin:ImportBucketMetadata",
        "A16",
        "import bucket metadata that excludes prefixes from versioning",
        Severity::Critical,
    ),
];

/// What destroys or replaces a version under COMPLIANCE is critical; what concerns new objects, odd keys or GOVERNANCE is
/// high.
fn severity_of(id: &str) -> Severity {
    if matches!(id, "A8" | "A11" | "GOV-03") { Severity::High } else { Severity::Critical }
}

fn holes(scope: &Scope<'_>, document: &Document, subject: &Subject<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    // Whether it is certain, and by which statement.
    let may = |action: &str, on: &str| match scope.attempt(subject, action, on, &[]) {
        Outcome::Yes { ruling, .. } => Some((true, subject.place(scope, &ruling)?)),
        Outcome::Perhaps { ruling, .. } => Some((false, subject.place(scope, &ruling)?)),
        Outcome::No { .. } => None,
    };
    for (actions, id, harm, remedy) in HOLES {
        let ways = scope.objects.iter().filter_map(|on| {
            let places: Option<Vec<_>> = actions.iter().map(|action| may(action, on)).collect();
            let certain = places.as_ref()?.iter().all(|(certain, _)| *certain);
            places?.into_iter().next_back().map(|(_, place)| (certain, place))
        });
        if let Some((certain, place)) = ways.max_by_key(|(certain, _)| *certain) {
            found.push(Found {
                state: if certain { AnalysisState::Analysed } else { AnalysisState::NotAssessed },
                confirm: confirm::hole(id, subject.is_anonymous()),
                ..finding(
                    Rule::MinioHole,
                    severity_of(id),
                    &document.name,
                    Some(place),
                    format!("with {} {} may {harm} ({id})", actions.join(" and "), subject.name),
                    remedy,
                )
            });
        }
    }
    for (action, id, harm, severity) in WIDE_HOLES {
        // Admin actions have no resource; they are not in `s3:*`.
        let on = scope.bucket_arn();
        let way = if action.starts_with("admin:") {
            if subject.is_anonymous() { None } else { admin(document, action).map(|place| (true, place)) }
        } else {
            may(action, &on)
        };
        if let Some((certain, place)) = way {
            found.push(Found {
                state: if certain { AnalysisState::Analysed } else { AnalysisState::NotAssessed },
                confirm: confirm::hole(id, subject.is_anonymous()),
                ..finding(
                    Rule::MinioHole,
                    *severity,
                    &document.name,
                    Some(place),
                    format!("with {action} {} may {harm} ({id})", subject.name),
                    &format!("deny {action}, or do not grant it"),
                )
            });
        }
    }
    found
}

/// The statement that grants an admin action, unless one denies it. Admin actions have no resource.
fn admin(document: &Document, action: &str) -> Option<crate::record::analysis::StatementPlace> {
    let lower = action.to_lowercase();
    let matches = |written: &String| {
        let written = written.to_lowercase();
        // Whether `*` alone reaches admin actions was not tried: it is taken to.
        match written.strip_suffix('*') {
            Some(start) => lower.starts_with(start),
            None => written == lower,
        }
    };
    let selects = |s: &crate::policy::Statement| !s.actions.not && s.actions.written.iter().any(matches);
    if document.statements().any(|(_, s)| s.effect == Effect::Deny && s.conditions.is_empty() && selects(s)) {
        return None;
    }
    let (index, _) = document.statements().find(|(_, s)| s.effect == Effect::Allow && selects(s))?;
    Some(document.place(index))
}
