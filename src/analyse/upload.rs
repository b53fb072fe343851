//! Whether the application can work at all: policies that forbid what its own upload sends.

use super::ask::Carried;
use super::document::Document;
use super::found::{Found, finding};
use super::subject::Subject;
use super::world::Scope;
use super::{Sends, ServerKind};
use crate::policy::{Assessment, Effect, Kind, PrincipalName, Ruling, Statement};
use crate::record::analysis::{AnalysisRule as Rule, AnalysisState, Severity, StatementPlace};

/// The days that an application may lock for, beside what is required: a policy may have a floor and a ceiling.
const DAYS: [i64; 6] = [36_500, 3_660, 1_100, 370, 31, 1];

/// The retention that an application sends: in the stronger mode, then in the weaker; no shorter than is required.
fn retentions(least: Option<i64>) -> Vec<(&'static str, i64)> {
    let floor = least.unwrap_or(1);
    let days = DAYS.into_iter().filter(|days| *days > floor).chain([floor]);
    days.flat_map(|days| [("COMPLIANCE", days), ("GOVERNANCE", days)]).collect()
}

/// Why an upload is refused.
struct Refusal {
    action: &'static str,
    ruling: Ruling,
    place: Option<StatementPlace>,
}

impl Refusal {
    fn says(&self) -> String {
        match (&self.place, self.ruling.decision.effect) {
            (Some(place), _) => format!("{place} denies {}", self.action),
            (None, Effect::Deny) => format!("{} is denied", self.action),
            (None, _) => format!("nothing allows {}", self.action),
        }
    }
}

/// Rules about uploads by those whom the documents let write.
pub(super) fn lint(scope: &Scope<'_>, sends: Option<Sends>, least: Option<i64>) -> Vec<Found> {
    let mut found = Vec::new();
    let writers = writers(scope);
    let sent = Sent { sends, least };
    for (subject, document) in &writers {
        uploads(scope, subject, document, sent, &mut found);
    }
    // Which of the writers is the application is not known: where one can store, the others may be meant to be stopped.
    let stopped: Vec<usize> = (0..found.len()).filter(|i| found[*i].rule == Rule::UploadImpossible).collect();
    if stopped.len() < writers.len() {
        for index in stopped {
            let finding = &mut found[index];
            finding.state = AnalysisState::NotAssessed;
            finding.severity = Severity::Low;
            finding.sentence.push_str("; others can store, and whether this is the application is not known");
        }
    }
    // What the bucket's policy denies to everybody is no matter of one writer.
    if let Some(document) = scope.policy.filter(|_| scope.server != ServerKind::Minio)
        && scope.identities.is_empty()
    {
        let anybody = Subject::anybody(scope);
        if !writers.iter().any(|(_, d)| d.name == document.name) {
            uploads(scope, &anybody, document, sent, &mut found);
        }
    }
    for document in &scope.identities {
        dead_grants(scope, document, &mut found);
    }
    found
}

/// The identity policies of which some statement lets the holder put objects, whatever denies it.
pub(super) fn uploaders(scope: &Scope<'_>) -> Vec<String> {
    let of = writers(scope).into_iter().filter(|(_, document)| !document.is_bucket_policy());
    of.map(|(_, document)| document.name.clone()).collect()
}

/// Everybody whom a statement lets put objects, with the document that does.
fn writers<'a>(scope: &Scope<'a>) -> Vec<(Subject<'a>, &'a Document)> {
    let puts = |statement: &Statement| statement.effect == Effect::Allow;
    let mut writers = Vec::new();
    for document in &scope.identities {
        if document.policy.statements().iter().any(puts) {
            writers.push((Subject::holder(scope, document), *document));
        }
    }
    if let Some(document) = scope.policy {
        for name in document.names(|s| puts(s) && s.principals.as_ref().is_some_and(|c| !c.not)) {
            if let PrincipalName::Arn(arn) = &name
                && scope.server != ServerKind::Minio
            {
                writers.push((Subject::named(arn, false), document));
            }
        }
    }
    writers.retain(|(subject, _)| scope.objects.iter().any(|on| may_put_somehow(scope, subject, on)));
    writers
}

/// Whether some statement allows PutObject under some circumstances, whatever denies it.
fn may_put_somehow(scope: &Scope<'_>, subject: &Subject<'_>, on: &str) -> bool {
    combinations(Sent::default()).iter().any(|carried| {
        let context = scope.honest(subject, "s3:PutObject", carried);
        let assessment = scope.ask(subject, "s3:PutObject", on, &context);
        match assessment {
            Assessment::Allowed(_) | Assessment::NotAssessed { .. } => true,
            // A Deny that decides hides whether there is an Allow: those who are denied are looked at, too.
            Assessment::Refused(ruling) => {
                ruling.decision.effect == Effect::Deny && allows(scope, subject, on, carried)
            }
        }
    })
}

/// Whether an `Allow` alone would let the write through.
fn allows(scope: &Scope<'_>, subject: &Subject<'_>, on: &str, carried: &Carried<'_>) -> bool {
    let context = scope.honest(subject, "s3:PutObject", carried);
    subject.has_allow(scope, "s3:PutObject", on, &context)
}

/// What the uploads carry: which kinds, and how many days a lock has to last.
#[derive(Clone, Copy, Default)]
struct Sent {
    sends: Option<Sends>,
    least: Option<i64>,
}

fn combinations(sent: Sent) -> Vec<Carried<'static>> {
    let Sent { sends, least } = sent;
    let mut all = Vec::new();
    for retention in std::iter::once(None).chain(retentions(least).into_iter().map(Some)) {
        for hold in [None, Some("ON")] {
            for if_none_match in [false, true] {
                let fits = sends.is_none_or(|s| {
                    s.retention == retention.is_some()
                        && s.hold == hold.is_some()
                        && s.if_none_match == if_none_match
                });
                if fits {
                    all.push(Carried { retention, hold, if_none_match, part: false });
                }
            }
        }
    }
    all
}

/// Every right that an upload needs and lacks.
fn refusals(scope: &Scope<'_>, subject: &Subject<'_>, on: &str, carried: &Carried<'_>) -> Vec<Refusal> {
    let mut actions = vec!["s3:PutObject"];
    // MinIO asks for no more than PutObject where the bucket's default locks the upload (run): so does AWS.
    if carried.retention.is_some() {
        actions.push("s3:PutObjectRetention");
    }
    if carried.hold.is_some() {
        actions.push("s3:PutObjectLegalHold");
    }
    let ask = |action: &'static str| {
        let context = scope.honest(subject, action, carried);
        match scope.ask(subject, action, on, &context) {
            Assessment::Allowed(_) | Assessment::NotAssessed { .. } => None,
            Assessment::Refused(ruling) => {
                let place = subject.place(scope, &ruling);
                Some(Refusal { action, ruling, place })
            }
        }
    };
    actions.into_iter().filter_map(ask).collect()
}

fn carried_words(carried: &Carried<'_>) -> String {
    let mut words = Vec::new();
    if let Some((mode, _)) = carried.retention {
        words.push(format!("{mode} retention"));
    }
    if carried.hold.is_some() {
        words.push("a legal hold".to_owned());
    }
    if carried.if_none_match {
        words.push("If-None-Match".to_owned());
    }
    if words.is_empty() { "no lock".to_owned() } else { words.join(" and ") }
}

fn uploads(
    scope: &Scope<'_>,
    subject: &Subject<'_>,
    document: &Document,
    sent: Sent,
    found: &mut Vec<Found>,
) {
    let sends = sent.sends;
    let Some(on) = scope.objects.iter().find(|on| may_put_somehow(scope, subject, on)) else { return };
    let tried: Vec<(Carried<'_>, Vec<Refusal>)> =
        combinations(sent).into_iter().map(|c| (c, refusals(scope, subject, on, &c))).collect();
    let refused = |test: &dyn Fn(&Carried<'_>) -> bool| {
        tried.iter().filter(|(c, _)| test(c)).all(|(_, r)| !r.is_empty())
            && tried.iter().any(|(c, _)| test(c))
    };
    let first = |test: &dyn Fn(&Carried<'_>) -> bool| {
        tried.iter().filter(|(c, _)| test(c)).find_map(|(_, r)| r.first())
    };
    if refused(&|_| true) {
        let mut why: Vec<String> = Vec::new();
        for (carried, refusals) in &tried {
            for refusal in refusals {
                // One example a reason.
                let says = refusal.says();
                if !why.iter().any(|w| w.ends_with(&says)) {
                    why.push(format!("with {}, {says}", carried_words(carried)));
                }
            }
        }
        let place = first(&|_| true).and_then(|r| r.place.clone());
        let which = if sends.is_some() { "the upload as it is sent" } else { "every upload" };
        found.push(finding(
            Rule::UploadImpossible,
            Severity::High,
            &document.name,
            place,
            format!("{which} of {} to {on} is refused: {}", subject.name, why.join("; ")),
            "allow what the upload sends (s3:PutObjectRetention for a retention, s3:PutObjectLegalHold for a \
             hold), or take it out of the upload and leave it to the bucket's default",
        ));
        return;
    }
    if sends.is_some() {
        return;
    }
    let explicit = |r: &Refusal| r.ruling.decision.effect == Effect::Deny;
    let bare_works = !refused(&|c: &Carried<'_>| c.retention.is_none() && c.hold.is_none());
    for (rule, what, right, test) in [
        (
            Rule::RetentionDeniedToWriter,
            "retention",
            "s3:PutObjectRetention",
            &(|c: &Carried<'_>| c.retention.is_some() && c.hold.is_none()) as &dyn Fn(&Carried<'_>) -> bool,
        ),
        (Rule::HoldDeniedToWriter, "a legal hold", "s3:PutObjectLegalHold", &|c: &Carried<'_>| {
            c.hold.is_some() && c.retention.is_none()
        }),
    ] {
        if bare_works
            && refused(test)
            && let Some(refusal) = first(test)
            && explicit(refusal)
            && refusal.action == right
        {
            let more = if what == "retention" {
                "; only the bucket's default can lock what it stores"
            } else {
                "; nor can it set or release a hold later"
            };
            found.push(finding(
                rule,
                Severity::Medium,
                &document.name,
                refusal.place.clone(),
                format!(
                    "every upload of {} to {on} that carries {what} is refused: {}{more}",
                    subject.name,
                    refusal.says()
                ),
                "if the application sends it, limit the Deny (by principal, or for holds by StringEquals \
                 {\"s3:object-lock-legal-hold\": \"OFF\"}); if it does not, say so with --sends",
            ));
        }
    }
}

/// Rights that an identity policy grants by name and that are denied always.
fn dead_grants(scope: &Scope<'_>, document: &Document, found: &mut Vec<Found>) {
    let subject = Subject::holder(scope, document);
    for (index, statement) in document.statements() {
        if statement.effect != Effect::Allow || statement.actions.not {
            continue;
        }
        for action in statement.actions.written.iter().filter(|a| !a.contains(['*', '?'])) {
            let shapes = combinations(Sent::default());
            let mut deciding = None;
            let resources = scope.objects.iter().cloned().chain([scope.bucket_arn()]);
            let dead = resources
                .filter(|on| {
                    let context = scope.honest(&subject, action, &Carried::default());
                    statement_selects(document, index, action, on, &subject, &context)
                })
                .all(|on| {
                    shapes.iter().chain([&Carried { hold: Some("OFF"), ..Carried::default() }]).all(
                        |carried| {
                            let context = scope.honest(&subject, action, carried);
                            match scope.ask(&subject, action, &on, &context) {
                                Assessment::Refused(r) if r.decision.effect == Effect::Deny => {
                                    deciding = subject.place(scope, &r);
                                    true
                                }
                                _ => false,
                            }
                        },
                    )
                });
            if dead && let Some(place) = deciding {
                found.push(finding(
                    Rule::DeadGrant,
                    Severity::Medium,
                    &document.name,
                    Some(document.place(index)),
                    format!("allows {action}, which {place} denies always"),
                    "take out the Allow, or limit the Deny",
                ));
            }
        }
    }
}

/// Whether a statement selects action and resource, its conditions aside.
fn statement_selects(
    document: &Document,
    index: usize,
    action: &str,
    on: &str,
    subject: &Subject<'_>,
    context: &crate::policy::Context,
) -> bool {
    document.policy.kind() != Kind::Bucket && subject.statement_selects(document, index, action, on, context)
}
