//! Bucket configuration that is stored and given back; of it only lifecycle rules do something here.

use chrono::{DateTime, Utc};
use s3s::dto;

/// The documents of one bucket.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Default encryption.
    pub encryption: Option<dto::ServerSideEncryptionConfiguration>,
    /// Lifecycle rules.
    pub lifecycle: Option<dto::LifecycleRules>,
    /// When they were set.
    pub lifecycle_set: Option<DateTime<Utc>>,
    /// Public access block; `None` is the default of new buckets (all on).
    pub public_access: Option<Option<dto::PublicAccessBlockConfiguration>>,
    /// Ownership controls.
    pub ownership: Option<Option<dto::OwnershipControls>>,
    /// Tags.
    pub tags: Vec<dto::Tag>,
}
