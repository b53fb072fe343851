//! Rules about any statement: words that are not known, allows that hold by absence, forgeable conditions,
//! and transport without TLS.

use super::ServerKind;
use super::ask::Carried;
use super::document::Document;
use super::found::{Found, finding, unassessed};
use super::keys::{
    is_always_there, is_forgeable, is_known_key, matches_known_action, meant_action, worm_keys,
};
use super::subject::Subject;
use super::world::Scope;
use crate::policy::{Assessment, Effect, Kind, SetTest, Statement};
use crate::record::analysis::{AnalysisRule as Rule, Severity};

/// Words and conditions of every statement; these need no bucket.
pub(super) fn lint(document: &Document) -> Vec<Found> {
    let mut found = Vec::new();
    for (index, statement) in document.statements() {
        let place = document.place(index);
        actions(document, index, statement, &mut found);
        for condition in &statement.conditions {
            if !is_known_key(&condition.key) {
                found.push(unassessed(
                    Rule::UnknownKey,
                    &document.name,
                    Some(place.clone()),
                    format!(
                        "asks for the condition key {}, which is not known for S3: a request may never have it",
                        condition.key
                    ),
                    "check the spelling; if the key is right, what the statement does is not assessed here",
                ));
            }
            if is_forgeable(&condition.key) {
                found.push(finding(
                    Rule::ForgeableCondition,
                    if statement.effect == Effect::Allow { Severity::High } else { Severity::Medium },
                    &document.name,
                    Some(place.clone()),
                    format!("relies on {}, which the sender of a request writes as it likes", condition.key),
                    "use a principal, a network (aws:SourceVpce) or an organisation (aws:PrincipalOrgID)",
                ));
            }
            let operator = &condition.operator;
            let by_absence = operator.if_exists
                || operator.set == SetTest::All
                // That a header must not have a value is fulfilled without the header.
                || (operator.negated
                    && operator.set == SetTest::Plain
                    && !condition.key.to_lowercase().starts_with("s3:"));
            let caught = statement.conditions.iter().any(|c| {
                c.operator.is_null()
                    && c.key.eq_ignore_ascii_case(&condition.key)
                    && c.written.iter().all(|v| v.eq_ignore_ascii_case("false"))
            });
            if statement.effect == Effect::Allow && by_absence && !caught && !is_always_there(&condition.key)
            {
                found.push(finding(
                    Rule::AllowHoldsWithoutKey,
                    Severity::Medium,
                    &document.name,
                    Some(place.clone()),
                    format!(
                        "allows also a request that has no {} at all: {} holds for a missing key",
                        condition.key, operator.name
                    ),
                    &format!("add Null {{\"{}\": \"false\"}} to the condition", condition.key),
                ));
            }
        }
    }
    found
}

fn actions(document: &Document, index: usize, statement: &Statement, found: &mut Vec<Found>) {
    let place = document.place(index);
    for action in statement.actions.written.iter().filter(|action| !matches_known_action(action)) {
        match meant_action(action) {
            Some(meant) => found.push(finding(
                if statement.effect == Effect::Deny { Rule::DenyWrongAction } else { Rule::UnknownAction },
                if statement.effect == Effect::Deny { Severity::High } else { Severity::Low },
                &document.name,
                Some(place.clone()),
                format!("names {action}, which is no right of S3; the right for it is {meant}"),
                &format!("write {meant}"),
            )),
            None => found.push(unassessed(
                Rule::UnknownAction,
                &document.name,
                Some(place.clone()),
                format!("names {action}, which is not among the actions known here: it may match nothing"),
                "check the spelling against the service's list of actions",
            )),
        }
    }
    let everything_but = statement.actions.not || statement.resources.not;
    if statement.effect == Effect::Allow && everything_but {
        let element = if statement.actions.not { "NotAction" } else { "NotResource" };
        found.push(finding(
            Rule::AllowEverythingBut,
            Severity::Medium,
            &document.name,
            Some(place.clone()),
            format!(
                "allows everything but what {element} names, also actions and buckets that nobody thought of"
            ),
            "name what is allowed with Action and Resource",
        ));
    }
    let not_principal = statement.principals.as_ref().is_some_and(|c| c.not);
    if statement.effect == Effect::Allow && not_principal {
        found.push(finding(
            Rule::NotPrincipal,
            Severity::Critical,
            &document.name,
            Some(place),
            "allows everybody who is not named by NotPrincipal, also requests without a signature".to_owned(),
            "name those who are allowed with Principal",
        ));
    }
}

/// An `Allow` with a condition on what a write carries, written as if it restricted others.
pub(super) fn restricts_nothing(scope: &Scope<'_>) -> Vec<Found> {
    let Some(document) = scope.policy.filter(|_| scope.server != ServerKind::Minio) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let anybody = Subject::anybody(scope);
    let bare = Carried::default();
    for (index, statement) in document.statements().filter(|(_, s)| s.effect == Effect::Allow) {
        let keys: Vec<&str> = statement
            .conditions
            .iter()
            .filter(|c| {
                worm_keys().any(|key| key != "s3:objectcreationoperation" && key.eq_ignore_ascii_case(&c.key))
            })
            .map(|c| c.key.as_str())
            .collect();
        let (Some(key), false) = (keys.first(), statement.actions.not) else { continue };
        let open = scope.objects.iter().find(|on| {
            let context = scope.honest(&anybody, "s3:PutObject", &bare);
            // The statement does not let the bare write through itself, and nothing stops it.
            anybody.statement_names(document, index, "s3:PutObject", on, &context)
                && matches!(scope.ask(&anybody, "s3:PutObject", on, &context), Assessment::Allowed(_))
        });
        if let Some(on) = open {
            found.push(finding(
                Rule::AllowRestrictsNothing,
                Severity::High,
                &document.name,
                Some(document.place(index)),
                format!(
                    "an Allow with a condition on {key} stops nobody: a principal whose own policies allow \
                     s3:PutObject on {on} writes without it (same account: either policy suffices)"
                ),
                "write it as a Deny with the opposite condition (Null {\"s3:if-none-match\": \"true\"} with Bool \
                 {\"s3:ObjectCreationOperation\": \"true\"}), and keep a plain Allow",
            ));
        }
    }
    found
}

/// Whether requests without TLS are denied, on the bucket and on its objects.
pub(super) fn insecure_transport(scope: &Scope<'_>) -> Vec<Found> {
    let Some(document) = scope.policy.filter(|_| scope.server != ServerKind::Minio) else {
        return Vec::new();
    };
    if document.policy.kind() != Kind::Bucket {
        return Vec::new();
    }
    let anybody = Subject::anybody(scope);
    let requests = scope
        .objects
        .iter()
        .flat_map(|on| ["s3:GetObject", "s3:PutObject"].map(|action| (action, on.clone())))
        .chain([("s3:ListBucket", scope.bucket_arn())]);
    let open: Vec<String> = requests
        .filter(|(action, on)| {
            let mut context = scope.honest(&anybody, action, &Carried::default());
            context.set("aws:SecureTransport", "false");
            let refused = matches!(
                scope.ask(&anybody, action, on, &context),
                Assessment::Refused(ruling) if ruling.decision.effect == Effect::Deny
            );
            // What is denied with TLS, too, does not tell.
            !refused
        })
        .map(|(action, on)| format!("{action} on {on}"))
        .collect();
    open.first().map_or_else(Vec::new, |first| {
        vec![finding(
            Rule::InsecureTransport,
            Severity::Low,
            &document.name,
            None,
            format!("no statement denies requests without TLS: {first} goes through in the clear"),
            "deny s3:* on the bucket and on bucket/* to Principal \"*\" with Bool {\"aws:SecureTransport\": \
             \"false\"}",
        )]
    })
}
