//! Analysis: what configuration and policies say about who could weaken the protection.
//!
//! Pure functions over what was read: a bucket's configuration, policy documents, a requirement. Only
//! [`minio_holders`] and [`minio_servers`] send, and only reads. A finding says what a statement lets through or stops the application from doing; an answer says
//! who may do what, and by which statement. Both come from asking the policy evaluator with requests that
//! stand for many; what hangs on something that is not known is *not assessed*, and what a server does not
//! enforce earns no credit.
//!
//! What this module does not know: identity policies that nobody gave it, service and resource control
//! policies, permission boundaries, access points, the state of KMS keys, what protects the destination of
//! a replication. A finding here is *analysed*, and says which scenarios would show it; only these make it
//! *proven* (`record::proof`).

mod ask;
mod confirm;
mod demands;
mod deny;
mod document;
mod found;
mod general;
mod grants;
mod keys;
mod minio;
mod minio_admin;
mod minio_release;
mod questions;
mod rules_xml;
mod settings;
mod subject;
mod upload;
mod world;

use chrono::{DateTime, Utc};

pub use demands::{Place, demands};
pub use document::Document;
pub use minio_admin::{AdminError, Holders, holders as minio_holders};
pub use minio_release::minio_servers;

use crate::lock::Reading;
use crate::profile::Requirement;
use crate::record::analysis::{
    Analysis, AnalysisFinding, AnalysisRule, Answer, Identities, Question, ReadPolicy, Severity,
};
use crate::store::sdk::BucketConfiguration;
use found::{Found, unassessed};
use world::Scope;

/// By whose rules policies are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ServerKind {
    /// Amazon S3.
    Aws,
    /// MinIO: a bucket policy binds anonymous requests only, and condition keys can be forged.
    Minio,
    /// Another server: judged by the rules of AWS, and said so.
    Other,
}

impl ServerKind {
    /// The word in the record.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::Minio => "minio",
            Self::Other => "other",
        }
    }

    /// What the `Server` header of its answers says.
    #[must_use]
    pub fn of_header(server: Option<&str>) -> Self {
        match server {
            Some("AmazonS3") => Self::Aws,
            Some(text) if text.starts_with("MinIO") => Self::Minio,
            _ => Self::Other,
        }
    }
}

/// What the application's upload carries, where it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sends {
    /// A mode and a retain-until date.
    pub retention: bool,
    /// A legal hold.
    pub hold: bool,
    /// `If-None-Match: *`.
    pub if_none_match: bool,
}

/// What is analysed.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// By whose rules.
    pub server: ServerKind,
    /// The bucket; without one, the buckets that the documents name.
    pub bucket: Option<&'a str>,
    /// What is audited in it; empty for all.
    pub prefix: &'a str,
    /// What every version has to have.
    pub requirement: &'a Requirement,
    /// The bucket's configuration, if it was read.
    pub configuration: Option<&'a BucketConfiguration>,
    /// Documents beside the bucket's own policy: identity policies, or bucket policies not yet deployed.
    pub documents: &'a [Document],
    /// Whether the documents hold the policies of everybody whom the server knows ([`minio_holders`]).
    pub users_read: bool,
    /// What an upload carries; without it every kind is tried.
    pub sends: Option<Sends>,
    /// The time to judge dates by.
    pub now: DateTime<Utc>,
}

impl Input<'_> {
    /// Whether Block Public Access holds a public policy back.
    fn restricts_public(&self) -> bool {
        let block = self.configuration.and_then(|c| c.public_access_block.known());
        block.and_then(Option::as_ref).is_some_and(|b| b.restrict_public_buckets)
    }

    /// Whether the bucket has a default retention, as far as it was read.
    fn has_default(&self) -> Option<bool> {
        let lock = self.configuration?.object_lock.known()?;
        Some(lock.as_ref().is_some_and(|l| l.enabled && l.default_retention().is_some()))
    }
}

/// Analyses a bucket's configuration: what `audit` calls.
#[must_use]
pub fn of_bucket(
    configuration: &BucketConfiguration,
    server: ServerKind,
    bucket: &str,
    prefix: &str,
    requirement: &Requirement,
    now: DateTime<Utc>,
) -> Analysis {
    analyse(&Input {
        server,
        bucket: Some(bucket),
        prefix,
        requirement,
        configuration: Some(configuration),
        documents: &[],
        users_read: false,
        sends: None,
        now,
    })
}

/// Analyses configuration and documents together.
#[must_use]
pub fn analyse(input: &Input<'_>) -> Analysis {
    let mut findings = Vec::new();
    let own = own_policy(input, &mut findings);
    let documents: Vec<&Document> = own.iter().chain(input.documents).collect();
    for document in &documents {
        findings.extend(general::lint(document));
    }
    // What a server refuses as a whole protects nothing. The policy that was read back was taken.
    let in_force: Vec<&Document> = documents
        .into_iter()
        .filter(|document| {
            let is_own = own.as_ref().is_some_and(|o| std::ptr::eq(o, *document));
            let void =
                (input.server == ServerKind::Minio && !is_own).then(|| minio::void(document)).flatten();
            let taken = void.is_none();
            findings.extend(void);
            taken
        })
        .collect();
    // Of a live bucket all of the prefix is asked about, also what no policy names.
    let asked = input.configuration.is_some() || !input.prefix.is_empty();
    let prefix = asked.then_some(input.prefix);
    for document in in_force.iter().filter(|d| d.bucket_patterns().is_empty()) {
        findings.push(unassessed(
            AnalysisRule::NotReadable,
            &document.name,
            None,
            "no statement names a bucket or an object: nothing could be asked".to_owned(),
            "give policies about S3",
        ));
    }
    let mut answers = Vec::new();
    let mut identities = Identities { whole: input.users_read, ..Identities::default() };
    for bucket in buckets(input, &in_force) {
        let mut scope = Scope::new(input.server, input.now, &bucket, prefix, &in_force);
        scope.has_default = input.has_default();
        let (found, answered) = of_scope(&scope, input);
        findings.extend(found);
        answers.extend(answered);
        identities.read.extend(scope.identities.iter().map(|d| d.name.clone()));
        identities.uploaders.extend(upload::uploaders(&scope));
    }
    if input.server == ServerKind::Minio
        && input.configuration.is_some()
        && !input.users_read
        && !input.documents.iter().any(|d| !d.is_bucket_policy() && !d.name.starts_with("MinIO user "))
    {
        findings.push(unassessed(
            AnalysisRule::MinioUsersNotRead,
            "users and groups",
            None,
            "MinIO's users, groups and their policies were neither read whole nor given: whoever holds s3:PutObject, \
             s3:ReplicateObject, s3:ReplicateDelete, s3:CreateBucket, s3:PutObjectRetention or an admin right \
             may get around Object Lock"
                .to_owned(),
            "let the administrator list users, groups and policies, or give those that are attached: `mc admin policy \
             info ALIAS NAME --json > FILE`, then --policy FILE",
        ));
    }
    if let Some(configuration) = input.configuration {
        findings.extend(settings::lint(input, configuration));
    }
    let mut distinct: Vec<Found> = Vec::new();
    for mut finding in findings {
        confirm::of_rule(&mut finding);
        if !distinct.contains(&finding) {
            distinct.push(finding);
        }
    }
    distinct.sort_by(|a, b| {
        let key = |f: &Found| (std::cmp::Reverse(f.severity), f.rule, f.statement.clone());
        key(a).cmp(&key(b))
    });
    for names in [&mut identities.read, &mut identities.uploaders] {
        names.sort_unstable();
        names.dedup();
    }
    let policies = input.documents.iter().map(|d| ReadPolicy::new(&d.name, &d.text)).collect();
    Analysis { server: input.server.word().to_owned(), findings: distinct, answers, policies, identities }
}

fn of_scope(scope: &Scope<'_>, input: &Input<'_>) -> (Vec<Found>, Vec<Answer>) {
    let mut findings = Vec::new();
    // A policy that could not be read is not one that does not exist.
    let configured = input.configuration.is_some_and(|c| c.policy.known().is_some());
    let answers: Vec<Answer> =
        Question::ALL.iter().map(|question| questions::answer(scope, *question, configured)).collect();
    findings.extend(grants::lint(scope, &answers, input));
    for document in scope.documents() {
        findings.extend(deny::lint(scope, document));
        if scope.server == ServerKind::Minio {
            findings.extend(minio::lint(scope, document));
        }
    }
    let least = input.requirement.min_retention.map(|span| (span.after(input.now) - input.now).num_days());
    findings.extend(upload::lint(scope, input.sends, least));
    findings.extend(general::restricts_nothing(scope));
    findings.extend(general::insecure_transport(scope));
    (findings, answers)
}

/// The bucket's own policy, from its configuration.
fn own_policy(input: &Input<'_>, findings: &mut Vec<Found>) -> Option<Document> {
    let reading = &input.configuration?.policy;
    let mut cannot = |why: String| {
        findings.push(unassessed(
            AnalysisRule::NotReadable,
            "bucket policy",
            None,
            format!("the bucket policy could not be read: {why}"),
            "give the auditor s3:GetBucketPolicy; who may weaken the protection is not assessed without it",
        ));
    };
    match reading {
        Reading::Unread(why) => {
            cannot(why.clone());
            None
        }
        Reading::Known(None) => None,
        Reading::Known(Some(json)) => match Document::bucket_policy(json) {
            Ok(document) => Some(document),
            Err(error) => {
                cannot(error.to_string());
                None
            }
        },
    }
}

/// The buckets that are asked about.
fn buckets(input: &Input<'_>, documents: &[&Document]) -> Vec<String> {
    if let Some(bucket) = input.bucket {
        return vec![bucket.to_owned()];
    }
    let patterns: Vec<String> = documents.iter().flat_map(|d| d.bucket_patterns()).collect();
    let mut found: Vec<String> = Vec::new();
    // A pattern stands for a bucket of its own only where no bucket that is named falls under it.
    let (plain, wild): (Vec<_>, Vec<_>) = patterns.into_iter().partition(|p| !p.contains(['*', '?', '$']));
    for name in plain {
        if !found.contains(&name) {
            found.push(name);
        }
    }
    for pattern in wild {
        let sample = document::sample_of(&pattern);
        if !found.iter().any(|name| world::pattern_covers(&pattern, name)) && !found.contains(&sample) {
            found.push(sample);
        }
    }
    found
}

/// A document that cannot be read, as a finding (in force it can be none).
#[must_use]
pub fn unreadable(name: &str, error: &dyn std::fmt::Display, hint: Option<&str>) -> AnalysisFinding {
    Found {
        severity: Severity::High,
        ..unassessed(
            AnalysisRule::NotReadable,
            name,
            None,
            format!("cannot be read as a policy, and is not assessed: {error}"),
            hint.unwrap_or("mend the document"),
        )
    }
}

#[cfg(test)]
mod tests;
