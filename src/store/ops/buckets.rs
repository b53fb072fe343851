//! Buckets: making, configuration, listing.

use http::Method;

use super::objects::tag_set;
use super::{NAMESPACE, xml_text};
use crate::lock::Mode;
use crate::store::request::{Integrity, S3Request};

/// The sub-resources of a bucket that hold its configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BucketConfig {
    /// Versioning and MFA delete.
    Versioning,
    /// Object Lock and its default retention.
    ObjectLock,
    /// The bucket policy (JSON).
    Policy,
    /// Whether the policy makes the bucket public.
    PolicyStatus,
    /// Block Public Access.
    PublicAccessBlock,
    /// Object ownership.
    OwnershipControls,
    /// Default encryption.
    Encryption,
    /// Lifecycle rules.
    Lifecycle,
    /// Replication.
    Replication,
    /// Event notifications.
    Notification,
    /// Server access logging.
    Logging,
    /// Tags.
    Tagging,
    /// Region.
    Location,
}

impl BucketConfig {
    /// The name in the query.
    #[must_use]
    pub fn query_name(self) -> &'static str {
        match self {
            Self::Versioning => "versioning",
            Self::ObjectLock => "object-lock",
            Self::Policy => "policy",
            Self::PolicyStatus => "policyStatus",
            Self::PublicAccessBlock => "publicAccessBlock",
            Self::OwnershipControls => "ownershipControls",
            Self::Encryption => "encryption",
            Self::Lifecycle => "lifecycle",
            Self::Replication => "replication",
            Self::Notification => "notification",
            Self::Logging => "logging",
            Self::Tagging => "tagging",
            Self::Location => "location",
        }
    }
}

/// Reads a part of the bucket's configuration.
#[must_use]
pub fn get_bucket_config(bucket: &str, which: BucketConfig) -> S3Request {
    S3Request::to_bucket(Method::GET, bucket).query(which.query_name(), "")
}

/// Replaces a part of the bucket's configuration by a document of its own form.
#[must_use]
pub fn put_bucket_config(bucket: &str, which: BucketConfig, document: &str) -> S3Request {
    S3Request::to_bucket(Method::PUT, bucket)
        .query(which.query_name(), "")
        .body(document.to_owned())
        .integrity(Integrity::ContentMd5)
}

/// Removes a part of the bucket's configuration.
#[must_use]
pub fn delete_bucket_config(bucket: &str, which: BucketConfig) -> S3Request {
    S3Request::to_bucket(Method::DELETE, bucket).query(which.query_name(), "")
}

/// CreateBucket. `lock` turns Object Lock (and with it versioning) on; the region is stated unless it
/// is the one that must not be stated.
#[must_use]
pub fn create_bucket(bucket: &str, lock: bool, region: &str) -> S3Request {
    let mut request = S3Request::to_bucket(Method::PUT, bucket);
    if lock {
        request = request.header("x-amz-bucket-object-lock-enabled", "true");
    }
    if region == "us-east-1" {
        return request;
    }
    request.body(format!(
        "<CreateBucketConfiguration xmlns=\"{NAMESPACE}\"><LocationConstraint>{}</LocationConstraint></CreateBucketConfiguration>",
        xml_text(region)
    ))
}

/// DeleteBucket.
#[must_use]
pub fn delete_bucket(bucket: &str) -> S3Request {
    S3Request::to_bucket(Method::DELETE, bucket)
}

/// HeadBucket.
#[must_use]
pub fn head_bucket(bucket: &str) -> S3Request {
    S3Request::to_bucket(Method::HEAD, bucket)
}

/// ListBuckets.
#[must_use]
pub fn list_buckets() -> S3Request {
    S3Request::new(Method::GET)
}

/// The length of a default retention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DefaultPeriod {
    /// Days.
    Days(u32),
    /// Years.
    Years(u32),
}

/// PutObjectLockConfiguration with a default retention, or without one.
#[must_use]
pub fn put_object_lock_configuration(bucket: &str, default: Option<(Mode, DefaultPeriod)>) -> S3Request {
    let rule = default.map_or_else(String::new, |(mode, period)| {
        let period = match period {
            DefaultPeriod::Days(n) => format!("<Days>{n}</Days>"),
            DefaultPeriod::Years(n) => format!("<Years>{n}</Years>"),
        };
        format!("<Rule><DefaultRetention><Mode>{}</Mode>{period}</DefaultRetention></Rule>", mode.as_str())
    });
    let document = format!(
        "<ObjectLockConfiguration xmlns=\"{NAMESPACE}\"><ObjectLockEnabled>Enabled</ObjectLockEnabled>{rule}</ObjectLockConfiguration>"
    );
    put_bucket_config(bucket, BucketConfig::ObjectLock, &document)
}

/// GetObjectLockConfiguration.
#[must_use]
pub fn get_object_lock_configuration(bucket: &str) -> S3Request {
    get_bucket_config(bucket, BucketConfig::ObjectLock)
}

/// PutBucketVersioning: `Enabled` or `Suspended`.
#[must_use]
pub fn put_bucket_versioning(bucket: &str, enabled: bool) -> S3Request {
    let status = if enabled { "Enabled" } else { "Suspended" };
    let document = format!(
        "<VersioningConfiguration xmlns=\"{NAMESPACE}\"><Status>{status}</Status></VersioningConfiguration>"
    );
    put_bucket_config(bucket, BucketConfig::Versioning, &document)
}

/// GetBucketVersioning.
#[must_use]
pub fn get_bucket_versioning(bucket: &str) -> S3Request {
    get_bucket_config(bucket, BucketConfig::Versioning)
}

/// PutBucketPolicy.
#[must_use]
pub fn put_bucket_policy(bucket: &str, json: &str) -> S3Request {
    put_bucket_config(bucket, BucketConfig::Policy, json).header("content-type", "application/json")
}

/// GetBucketPolicy.
#[must_use]
pub fn get_bucket_policy(bucket: &str) -> S3Request {
    get_bucket_config(bucket, BucketConfig::Policy)
}

/// DeleteBucketPolicy.
#[must_use]
pub fn delete_bucket_policy(bucket: &str) -> S3Request {
    delete_bucket_config(bucket, BucketConfig::Policy)
}

/// GetBucketPolicyStatus.
#[must_use]
pub fn get_bucket_policy_status(bucket: &str) -> S3Request {
    get_bucket_config(bucket, BucketConfig::PolicyStatus)
}

/// PutBucketTagging.
#[must_use]
pub fn put_bucket_tagging(bucket: &str, tags: &[(&str, &str)]) -> S3Request {
    let document = format!("<Tagging xmlns=\"{NAMESPACE}\">{}</Tagging>", tag_set(tags));
    put_bucket_config(bucket, BucketConfig::Tagging, &document)
}

/// Where a listing of versions begins, and how much a page holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VersionsQuery {
    /// Only keys that begin so.
    pub prefix: String,
    /// Begins after this key.
    pub key_marker: Option<String>,
    /// Begins after this version of the key marker's key.
    pub version_id_marker: Option<String>,
    /// Entries in a page; the server's own limit (1000) if not given.
    pub max_keys: Option<u32>,
    /// Further parameters (`metadata=true` on MinIO).
    pub extra: Vec<(String, String)>,
}

impl VersionsQuery {
    /// All versions of the keys that begin so.
    #[must_use]
    pub fn of_prefix(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned(), ..Self::default() }
    }
}

/// ListObjectVersions, always with `encoding-type=url` (a key may hold what XML cannot).
#[must_use]
pub fn list_object_versions(bucket: &str, query: &VersionsQuery) -> S3Request {
    let mut request = S3Request::to_bucket(Method::GET, bucket)
        .query("versions", "")
        .query("encoding-type", "url")
        .query("prefix", &query.prefix);
    if let Some(marker) = &query.key_marker {
        request = request.query("key-marker", marker);
    }
    if let Some(marker) = &query.version_id_marker {
        request = request.query("version-id-marker", marker);
    }
    if let Some(n) = query.max_keys {
        request = request.query("max-keys", &n.to_string());
    }
    query.extra.iter().fold(request, |request, (name, value)| request.query(name, value))
}

/// ListObjectsV2, with `encoding-type=url`.
#[must_use]
pub fn list_objects_v2(bucket: &str, prefix: &str, continuation: Option<&str>) -> S3Request {
    let request = S3Request::to_bucket(Method::GET, bucket)
        .query("list-type", "2")
        .query("encoding-type", "url")
        .query("prefix", prefix);
    match continuation {
        Some(token) => request.query("continuation-token", token),
        None => request,
    }
}
