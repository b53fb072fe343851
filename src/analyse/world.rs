//! What policies are asked about: a bucket with its documents, and the objects that stand for the rest.

use chrono::{DateTime, Utc};

use super::ServerKind;
use super::document::{Document, bucket_and_key, sample_of};
use crate::policy::{Context, Kind, Policy, Principal, PrincipalName, Request};

/// The most objects that stand for the rest.
const MOST_SAMPLES: usize = 64;

/// An account that nobody has, where the documents name none.
pub(super) const NO_ACCOUNT: &str = "000000000000";

/// One bucket with the documents that bear on it.
#[derive(Debug)]
pub(super) struct Scope<'a> {
    pub(super) server: ServerKind,
    pub(super) now: DateTime<Utc>,
    /// The bucket's name (or a sample, where the documents have a pattern).
    pub(super) bucket: String,
    /// The objects that stand for the rest, as ARNs.
    pub(super) objects: Vec<String>,
    /// The bucket policy, if it is in force.
    pub(super) policy: Option<&'a Document>,
    /// Identity policies, each of one holder.
    pub(super) identities: Vec<&'a Document>,
    /// The account that owns the bucket, as far as it can be told.
    pub(super) owner: String,
    /// Whether the bucket's default locks what is written without a lock, as far as it was read.
    pub(super) has_default: Option<bool>,
}

impl<'a> Scope<'a> {
    pub(super) fn new(
        server: ServerKind,
        now: DateTime<Utc>,
        bucket: &str,
        prefix: Option<&str>,
        documents: &[&'a Document],
    ) -> Self {
        let bears = |d: &&'a Document| {
            d.has_not_resource() || d.bucket_patterns().iter().any(|p| pattern_covers(p, bucket))
        };
        let policy = documents.iter().copied().filter(|d| d.is_bucket_policy()).find(bears);
        let identities: Vec<_> =
            documents.iter().copied().filter(|d| !d.is_bucket_policy()).filter(bears).collect();
        let owner = owner_of(policy);
        let mut scope = Self {
            server,
            now,
            bucket: bucket.to_owned(),
            objects: Vec::new(),
            policy,
            identities,
            owner,
            has_default: None,
        };
        scope.objects = scope.sample_objects(prefix);
        scope
    }

    pub(super) fn bucket_arn(&self) -> String {
        format!("arn:aws:s3:::{}", self.bucket)
    }

    /// All documents of the scope.
    pub(super) fn documents(&self) -> impl Iterator<Item = &'a Document> {
        self.policy.into_iter().chain(self.identities.iter().copied())
    }

    fn sample_objects(&self, prefix: Option<&str>) -> Vec<String> {
        let mut keys = Vec::new();
        if let Some(prefix) = prefix {
            keys.push(format!("{prefix}sample"));
        }
        for document in self.documents() {
            for resource in document.policy.statements().iter().flat_map(|s| &s.resources.written) {
                let Some((bucket, key)) = bucket_and_key(resource) else { continue };
                let sample = sample_of(&key);
                // What lies outside the audited prefix is not asked about.
                let inside = prefix.is_none_or(|prefix| sample.starts_with(prefix));
                if !sample.is_empty() && inside && pattern_covers(&bucket, &self.bucket) {
                    keys.push(sample);
                }
            }
        }
        if keys.is_empty() || self.documents().any(Document::has_not_resource) {
            keys.push(format!("{}sample", prefix.unwrap_or_default()));
        }
        // What only wormproof's own canaries are exempt from is said of them, and of records first.
        keys.sort_by_key(|key| is_canary(key));
        let mut found = Vec::new();
        for key in keys {
            let arn = format!("{}/{key}", self.bucket_arn());
            if !found.contains(&arn) && found.len() < MOST_SAMPLES {
                found.push(arn);
            }
        }
        found
    }
}

/// Whether a key or an ARN is one of wormproof's own canaries.
pub(super) fn is_canary(name: &str) -> bool {
    name.split('/').any(|segment| segment == ".wormproof")
}

/// Whether a bucket pattern (as in a resource) covers a bucket of this name.
pub(super) fn pattern_covers(pattern: &str, bucket: &str) -> bool {
    let Ok(text) = serde_json::to_string(&serde_json::json!({
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Action": "*", "Resource": format!("arn:aws:s3:::{pattern}")},
    })) else {
        return false;
    };
    pattern == bucket
        || pattern == "*"
        || (pattern.contains(['*', '?', '$'])
            && Policy::parse(&text, Kind::Identity).is_ok_and(|policy| {
                let request = Request {
                    principal: &Principal::Anonymous,
                    action: "s3:ListBucket",
                    resource: &format!("arn:aws:s3:::{bucket}"),
                    context: &Context::default(),
                };
                policy.evaluate(&request).is_allowed()
            })
            || sample_of(pattern) == bucket)
}

/// The account that the policy's principals are of, where most of them are of one. Users and roles are named of
/// one's own account rather than of another, so an account that is only named as a whole comes after them.
fn owner_of(policy: Option<&Document>) -> String {
    let names = policy.map(|d| d.names(|_| true)).unwrap_or_default();
    let by = |whole: bool| {
        let of_kind = names.iter().filter(|name| is_whole_account(name) == whole);
        let mut accounts: Vec<&str> = of_kind.filter_map(account_of).collect();
        accounts.sort_unstable();
        let most = accounts.chunk_by(|a, b| a == b).max_by_key(|chunk| chunk.len());
        most.and_then(|chunk| chunk.first()).map(ToString::to_string)
    };
    by(false).or_else(|| by(true)).unwrap_or_else(|| NO_ACCOUNT.to_owned())
}

/// Whether a name stands for a whole account.
fn is_whole_account(name: &PrincipalName) -> bool {
    match name {
        PrincipalName::Account(_) => true,
        PrincipalName::Arn(arn) => arn.ends_with(":root"),
        _ => false,
    }
}

pub(super) fn account_of(name: &PrincipalName) -> Option<&str> {
    match name {
        PrincipalName::Account(account) => Some(account),
        PrincipalName::Arn(arn) => arn.split(':').nth(4).filter(|account| !account.is_empty()),
        _ => None,
    }
}
