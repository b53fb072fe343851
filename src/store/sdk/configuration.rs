//! A bucket's configuration as the store shows it, for the record.

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Sdk, sdk_client};
use crate::exchange::Exchange;
use crate::lock::{Mode, Reading};
use crate::store::client::Client;
use crate::store::credentials::{Credentials, chain_of};
use crate::store::listing::is_listing;
use crate::store::ops::DefaultPeriod;

/// Versioning and MFA delete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versioning {
    /// `Enabled`, `Suspended`, or nothing where it was never set.
    pub status: Option<String>,
    /// `Enabled` or `Disabled`, where shown.
    pub mfa_delete: Option<String>,
}

/// Object Lock of the bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockConfiguration {
    /// Whether it is enabled.
    pub enabled: bool,
    /// The default retention's mode, as spelled.
    pub default_mode: Option<String>,
    /// The default retention's length.
    pub default_days: Option<u32>,
    /// The default retention's length.
    pub default_years: Option<u32>,
    /// The document as it came; what this tool does not know is in it, too.
    pub document: String,
}

impl LockConfiguration {
    /// The default retention, if there is one that can be read.
    #[must_use]
    pub fn default_retention(&self) -> Option<(Mode, DefaultPeriod)> {
        let mode = Mode::parse(self.default_mode.as_deref()?)?;
        let period = match (self.default_days, self.default_years) {
            (Some(days), None) => DefaultPeriod::Days(days),
            (None, Some(years)) => DefaultPeriod::Years(years),
            _ => return None,
        };
        Some((mode, period))
    }
}

/// Block Public Access. A missing field is off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "S3's own four switches")]
pub struct PublicAccess {
    /// New public ACLs are refused.
    pub block_public_acls: bool,
    /// Public ACLs are ignored.
    pub ignore_public_acls: bool,
    /// Public policies are refused.
    pub block_public_policy: bool,
    /// Public policies bind only the owner's account.
    pub restrict_public_buckets: bool,
}

/// A bucket's configuration. `Known(None)` means that the store said that there is none; `Unread`, why
/// it could not be read (a missing right, a server without the request).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketConfiguration {
    /// Versioning and MFA delete.
    pub versioning: Reading<Option<Versioning>>,
    /// Object Lock.
    pub object_lock: Reading<Option<LockConfiguration>>,
    /// The bucket policy (JSON).
    pub policy: Reading<Option<String>>,
    /// Whether the policy makes the bucket public.
    pub policy_public: Reading<Option<bool>>,
    /// Block Public Access.
    pub public_access_block: Reading<Option<PublicAccess>>,
    /// Object ownership.
    pub ownership: Reading<Option<String>>,
    /// Default encryption, the document.
    pub encryption: Reading<Option<String>>,
    /// Lifecycle rules, the document.
    pub lifecycle: Reading<Option<String>>,
    /// Replication, the document.
    pub replication: Reading<Option<String>>,
    /// Event notifications, the document; none if it names no target.
    pub notification: Reading<Option<String>>,
    /// Access logging, the document; none if it is off.
    pub logging: Reading<Option<String>>,
    /// The region; nothing for us-east-1.
    pub location: Reading<Option<String>>,
}

/// One SDK call: its typed answer beside the document as it came, or what it failed with.
struct Call<'a> {
    sdk: &'a Sdk,
    exchanges: &'a mut Vec<Exchange>,
}

impl Call<'_> {
    /// `none` are the codes by which a store says that nothing is set.
    fn read<T, E, U>(
        &mut self,
        result: Result<T, SdkError<E>>,
        none: &[&str],
        value: impl FnOnce(T, String) -> Option<U>,
    ) -> Reading<Option<U>>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let replies = self.sdk.take();
        let document =
            replies.last().map(|r| String::from_utf8_lossy(&r.body).into_owned()).unwrap_or_default();
        let trouble = replies.last().and_then(crate::store::client::Reply::trouble);
        self.exchanges.extend(replies.into_iter().map(|r| r.exchange));
        match result {
            Ok(typed) => Reading::Known(value(typed, document)),
            Err(error) => match error.code() {
                Some(code) if none.contains(&code) => Reading::Known(None),
                _ => Reading::Unread(trouble.unwrap_or_else(|| chain_of(&error))),
            },
        }
    }
}

/// Reads the configuration. One request a part, each sent once; the exchanges come with it.
pub async fn configuration(
    client: &Client,
    who: &Credentials,
    bucket: &str,
) -> (BucketConfiguration, Vec<Exchange>) {
    let sdk = sdk_client(client, who);
    let s3 = &sdk.s3;
    let mut exchanges = Vec::new();
    let mut call = Call { sdk: &sdk, exchanges: &mut exchanges };
    let whole = |document: String| (!document.trim().is_empty()).then_some(document);
    let count = |n: i32| u32::try_from(n).ok();

    let result = s3.get_bucket_versioning().bucket(bucket).send().await;
    let versioning = call.read(result, &[], |v, _| {
        Some(Versioning {
            status: v.status.map(|s| s.as_str().to_owned()),
            mfa_delete: v.mfa_delete.map(|s| s.as_str().to_owned()),
        })
    });
    let result = s3.get_object_lock_configuration().bucket(bucket).send().await;
    let object_lock = call.read(result, &["ObjectLockConfigurationNotFoundError"], |v, document| {
        let v = v.object_lock_configuration?;
        let default = v.rule.and_then(|r| r.default_retention);
        Some(LockConfiguration {
            enabled: v.object_lock_enabled.is_some_and(|e| e.as_str() == "Enabled"),
            default_mode: default.as_ref().and_then(|d| Some(d.mode.as_ref()?.as_str().to_owned())),
            default_days: default.as_ref().and_then(|d| d.days).and_then(count),
            default_years: default.as_ref().and_then(|d| d.years).and_then(count),
            document,
        })
    });
    let result = s3.get_bucket_policy().bucket(bucket).send().await;
    let policy = match call.read(result, &["NoSuchBucketPolicy"], |v, _| v.policy) {
        Reading::Known(Some(text)) if is_listing(&text) => {
            Reading::Unread("the server answers with a listing: it does not know the request".to_owned())
        }
        policy => policy,
    };
    let result = s3.get_bucket_policy_status().bucket(bucket).send().await;
    let policy_public = call.read(result, &["NoSuchBucketPolicy"], |v, _| v.policy_status?.is_public);
    let result = s3.get_public_access_block().bucket(bucket).send().await;
    let public_access_block = call.read(result, &["NoSuchPublicAccessBlockConfiguration"], |v, _| {
        let v = v.public_access_block_configuration?;
        Some(PublicAccess {
            block_public_acls: v.block_public_acls.unwrap_or(false),
            ignore_public_acls: v.ignore_public_acls.unwrap_or(false),
            block_public_policy: v.block_public_policy.unwrap_or(false),
            restrict_public_buckets: v.restrict_public_buckets.unwrap_or(false),
        })
    });
    let result = s3.get_bucket_ownership_controls().bucket(bucket).send().await;
    let ownership = call.read(result, &["OwnershipControlsNotFoundError"], |v, _| {
        let rule = v.ownership_controls?.rules.into_iter().next()?;
        Some(rule.object_ownership.as_str().to_owned())
    });
    let result = s3.get_bucket_encryption().bucket(bucket).send().await;
    let encryption = call.read(result, &["ServerSideEncryptionConfigurationNotFoundError"], |_, d| whole(d));
    let result = s3.get_bucket_lifecycle_configuration().bucket(bucket).send().await;
    let lifecycle = call.read(result, &["NoSuchLifecycleConfiguration"], |_, d| whole(d));
    let result = s3.get_bucket_replication().bucket(bucket).send().await;
    let replication = call.read(result, &["ReplicationConfigurationNotFoundError"], |_, d| whole(d));
    let result = s3.get_bucket_notification_configuration().bucket(bucket).send().await;
    let notification = call.read(result, &[], |v, d| {
        let some = v.topic_configurations.is_some_and(|t| !t.is_empty())
            || v.queue_configurations.is_some_and(|q| !q.is_empty())
            || v.lambda_function_configurations.is_some_and(|f| !f.is_empty())
            || v.event_bridge_configuration.is_some();
        if some { whole(d) } else { None }
    });
    let result = s3.get_bucket_logging().bucket(bucket).send().await;
    let logging = call.read(result, &[], |v, d| v.logging_enabled.and_then(|_| whole(d)));
    let result = s3.get_bucket_location().bucket(bucket).send().await;
    let location = call.read(result, &[], |v, _| {
        v.location_constraint.map(|l| l.as_str().to_owned()).filter(|l| !l.is_empty())
    });

    let read = BucketConfiguration {
        versioning,
        object_lock,
        policy,
        policy_public,
        public_access_block,
        ownership,
        encryption,
        lifecycle,
        replication,
        notification,
        logging,
        location,
    };
    (read, exchanges)
}

/// Whose a bucket is and since when, as ListBuckets says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BucketFacts {
    /// The owner's id, or its name where it has no id.
    pub owner: Option<String>,
    /// When the bucket was made.
    pub created: Option<DateTime<Utc>>,
}

/// Reads [`BucketFacts`]; empty where the right to list buckets is missing. One request, sent once.
pub async fn bucket_facts(client: &Client, who: &Credentials, bucket: &str) -> (BucketFacts, Vec<Exchange>) {
    let sdk = sdk_client(client, who);
    let result = sdk.s3.list_buckets().send().await;
    let exchanges = sdk.take_exchanges();
    let Ok(listed) = result else { return (BucketFacts::default(), exchanges) };
    let owner = listed.owner.and_then(|o| o.id.filter(|id| !id.is_empty()).or(o.display_name));
    let created = listed
        .buckets
        .unwrap_or_default()
        .into_iter()
        .find(|b| b.name.as_deref() == Some(bucket))
        .and_then(|b| b.creation_date)
        .and_then(|d| DateTime::from_timestamp(d.secs(), d.subsec_nanos()));
    // Without the bucket in the listing, the owner is that of other buckets.
    let owner = owner.filter(|_| created.is_some());
    (BucketFacts { owner, created }, exchanges)
}
