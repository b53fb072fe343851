//! Bucket configuration that is stored and given back, and has no effect on this server.

use s3s::dto;

/// The documents of one bucket.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Default encryption.
    pub encryption: Option<dto::ServerSideEncryptionConfiguration>,
    /// Lifecycle rules; not executed.
    pub lifecycle: Option<dto::LifecycleRules>,
    /// Public access block; `None` is the default of new buckets (all on).
    pub public_access: Option<Option<dto::PublicAccessBlockConfiguration>>,
    /// Ownership controls.
    pub ownership: Option<Option<dto::OwnershipControls>>,
    /// Tags.
    pub tags: Vec<dto::Tag>,
}
