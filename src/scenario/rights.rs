//! Roles, rights, and which rights an action needs.
//!
//! The rights are S3's IAM actions. `server` keeps a table of its own on purpose: one wrong line must
//! not hide itself. Source: AWS Service Authorization Reference for Amazon S3.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::scenario::{Action, AskRetention, On, Step, VersionRef, words};

words! {
    /// A principal, by what it may do.
    Role {
        /// Everything the target can give (the root key on MinIO; on AWS the strongest named principal).
        Administrator = "administrator",
        /// PutObject only.
        Writer = "writer",
        /// Writer, and GetObject, GetObjectVersion, ListBucket, ListBucketVersions, PutObjectRetention.
        Application = "application",
        /// Application, and PutObjectLegalHold.
        Custodian = "custodian",
        /// Application, and DeleteObject, DeleteObjectVersion.
        Deleter = "deleter",
        /// Deleter, and BypassGovernanceRetention.
        Bypasser = "bypasser",
        /// Administrator with an explicit Deny of deleting and bypassing.
        Denied = "denied",
        /// What the account holds that replicates: application, deletions, ReplicateObject, ReplicateDelete.
        Replicator = "replicator",
        /// Writer, and CreateBucket: a deployment pipeline.
        Provisioner = "provisioner",
        /// Writer, and jobs, metadata import and site replication of MinIO's administration interface.
        Operator = "operator",
        /// Get and List only.
        Reader = "reader",
        /// No credentials at all.
        Anonymous = "anonymous",
        /// Reads back: objects, locks, versions, the bucket's configuration.
        Auditor = "auditor",
    }
}

words! {
    /// An IAM action of S3 that some step needs.
    Right {
        /// s3:PutObject
        PutObject = "s3:PutObject",
        /// s3:GetObject
        GetObject = "s3:GetObject",
        /// s3:GetObjectVersion
        GetObjectVersion = "s3:GetObjectVersion",
        /// s3:ListBucket
        ListBucket = "s3:ListBucket",
        /// s3:ListBucketVersions
        ListBucketVersions = "s3:ListBucketVersions",
        /// s3:DeleteObject
        DeleteObject = "s3:DeleteObject",
        /// s3:DeleteObjectVersion
        DeleteObjectVersion = "s3:DeleteObjectVersion",
        /// s3:PutObjectRetention
        PutObjectRetention = "s3:PutObjectRetention",
        /// s3:GetObjectRetention
        GetObjectRetention = "s3:GetObjectRetention",
        /// s3:PutObjectLegalHold
        PutObjectLegalHold = "s3:PutObjectLegalHold",
        /// s3:GetObjectLegalHold
        GetObjectLegalHold = "s3:GetObjectLegalHold",
        /// s3:BypassGovernanceRetention
        BypassGovernanceRetention = "s3:BypassGovernanceRetention",
        /// s3:AbortMultipartUpload
        AbortMultipartUpload = "s3:AbortMultipartUpload",
        /// s3:GetObjectTagging
        GetObjectTagging = "s3:GetObjectTagging",
        /// s3:GetObjectVersionTagging
        GetObjectVersionTagging = "s3:GetObjectVersionTagging",
        /// s3:PutObjectTagging
        PutObjectTagging = "s3:PutObjectTagging",
        /// s3:PutObjectVersionTagging
        PutObjectVersionTagging = "s3:PutObjectVersionTagging",
        /// s3:DeleteObjectTagging
        DeleteObjectTagging = "s3:DeleteObjectTagging",
        /// s3:DeleteObjectVersionTagging
        DeleteObjectVersionTagging = "s3:DeleteObjectVersionTagging",
        /// s3:ReplicateObject (MinIO asks for it on some writes with the replication header)
        ReplicateObject = "s3:ReplicateObject",
        /// s3:ReplicateDelete (MinIO asks for it on deletes with the replication header)
        ReplicateDelete = "s3:ReplicateDelete",
        /// admin:StartBatchJob of MinIO
        StartBatchJob = "admin:StartBatchJob",
        /// admin:ImportBucketMetadata of MinIO
        ImportBucketMetadata = "admin:ImportBucketMetadata",
        /// admin:SiteReplicationOperation of MinIO
        SiteReplicationOperation = "admin:SiteReplicationOperation",
        /// Some right of an administration interface that this table does not know
        UnknownAdministration = "admin:*",
        /// s3:CreateBucket
        CreateBucket = "s3:CreateBucket",
        /// s3:DeleteBucket
        DeleteBucket = "s3:DeleteBucket",
        /// s3:PutBucketVersioning
        PutBucketVersioning = "s3:PutBucketVersioning",
        /// s3:GetBucketVersioning
        GetBucketVersioning = "s3:GetBucketVersioning",
        /// s3:PutBucketObjectLockConfiguration
        PutBucketObjectLockConfiguration = "s3:PutBucketObjectLockConfiguration",
        /// s3:GetBucketObjectLockConfiguration
        GetBucketObjectLockConfiguration = "s3:GetBucketObjectLockConfiguration",
        /// s3:PutBucketPolicy
        PutBucketPolicy = "s3:PutBucketPolicy",
        /// s3:DeleteBucketPolicy
        DeleteBucketPolicy = "s3:DeleteBucketPolicy",
        /// s3:GetBucketPolicy
        GetBucketPolicy = "s3:GetBucketPolicy",
        /// s3:PutLifecycleConfiguration
        PutLifecycleConfiguration = "s3:PutLifecycleConfiguration",
    }
}

impl Right {
    /// Whether the right is one on a bucket (its resource has no key).
    #[must_use]
    pub fn is_of_bucket(self) -> bool {
        matches!(
            self,
            Self::ListBucket
                | Self::ListBucketVersions
                | Self::CreateBucket
                | Self::DeleteBucket
                | Self::PutBucketVersioning
                | Self::GetBucketVersioning
                | Self::PutBucketObjectLockConfiguration
                | Self::GetBucketObjectLockConfiguration
                | Self::PutBucketPolicy
                | Self::DeleteBucketPolicy
                | Self::GetBucketPolicy
                | Self::PutLifecycleConfiguration
        )
    }
}

impl Right {
    /// Whether the right is one on the server: it belongs to a vendor's administration interface.
    #[must_use]
    pub fn is_of_server(self) -> bool {
        self.word().starts_with("admin:")
    }
}

impl Role {
    /// The rights that the role is given by name; `None` is everything (administrator, and denied
    /// apart from [`Role::denied`]).
    #[must_use]
    pub fn rights(self) -> Option<Vec<Right>> {
        use Right as R;
        let writer = vec![R::PutObject];
        let reader = vec![R::GetObject, R::GetObjectVersion, R::ListBucket, R::ListBucketVersions];
        let application = [writer.clone(), reader.clone(), vec![R::PutObjectRetention]].concat();
        let deleter = [application.clone(), vec![R::DeleteObject, R::DeleteObjectVersion]].concat();
        Some(match self {
            Self::Administrator | Self::Denied => return None,
            Self::Writer => writer,
            Self::Application => application,
            Self::Custodian => [application, vec![R::PutObjectLegalHold]].concat(),
            Self::Deleter => deleter,
            Self::Bypasser => [deleter, vec![R::BypassGovernanceRetention]].concat(),
            Self::Replicator => [deleter, vec![R::ReplicateObject, R::ReplicateDelete]].concat(),
            Self::Provisioner => vec![R::PutObject, R::CreateBucket],
            Self::Operator => {
                vec![R::PutObject, R::StartBatchJob, R::ImportBucketMetadata, R::SiteReplicationOperation]
            }
            Self::Reader => reader,
            Self::Anonymous => Vec::new(),
            Self::Auditor => [
                reader,
                vec![
                    R::GetObjectRetention,
                    R::GetObjectLegalHold,
                    R::GetObjectTagging,
                    R::GetObjectVersionTagging,
                    R::GetBucketVersioning,
                    R::GetBucketObjectLockConfiguration,
                    R::GetBucketPolicy,
                ],
            ]
            .concat(),
        })
    }

    /// What is explicitly denied to the role.
    #[must_use]
    pub fn denied(self) -> &'static [Right] {
        match self {
            Self::Denied => {
                &[Right::DeleteObject, Right::DeleteObjectVersion, Right::BypassGovernanceRetention]
            }
            _ => &[],
        }
    }

    /// Whether the role is meant to hold this right.
    #[must_use]
    pub fn holds(self, right: Right) -> bool {
        !self.denied().contains(&right) && self.rights().is_none_or(|rights| rights.contains(&right))
    }
}

/// The rights that a step needs of its sender, by AWS's rules; a raw step by its path, its subresource and its
/// method (see `raw`).
#[must_use]
pub fn needed(step: &Step) -> Vec<Right> {
    use Right as R;
    let names_version = step.version_ref() != VersionRef::Latest;
    let mut rights = match step.action {
        Action::PutObject
        | Action::CreateMultipartUpload
        | Action::UploadPart
        | Action::CompleteMultipartUpload
        | Action::PostForm => vec![R::PutObject],
        Action::CopyObject => vec![R::PutObject, R::GetObject, R::GetObjectVersion],
        Action::AbortMultipartUpload => vec![R::AbortMultipartUpload],
        Action::GetObject | Action::HeadObject if names_version => vec![R::GetObjectVersion],
        Action::GetObject | Action::HeadObject => vec![R::GetObject],
        Action::DeleteObject => vec![R::DeleteObject],
        Action::DeleteVersion => vec![R::DeleteObjectVersion],
        Action::DeleteObjects => vec![R::DeleteObject, R::DeleteObjectVersion],
        Action::PutRetention => vec![R::PutObjectRetention],
        Action::GetRetention => vec![R::GetObjectRetention],
        Action::PutLegalHold => vec![R::PutObjectLegalHold],
        Action::GetLegalHold => vec![R::GetObjectLegalHold],
        Action::PutTagging if names_version => vec![R::PutObjectVersionTagging],
        Action::PutTagging => vec![R::PutObjectTagging],
        Action::DeleteTagging if names_version => vec![R::DeleteObjectVersionTagging],
        Action::DeleteTagging => vec![R::DeleteObjectTagging],
        Action::PutBucketVersioning => vec![R::PutBucketVersioning],
        Action::PutObjectLockConfiguration => vec![R::PutBucketObjectLockConfiguration],
        Action::PutBucketPolicy => vec![R::PutBucketPolicy],
        Action::DeleteBucketPolicy => vec![R::DeleteBucketPolicy],
        Action::CreateBucket => vec![R::CreateBucket],
        Action::DeleteBucket => vec![R::DeleteBucket],
        Action::ListVersions => vec![R::ListBucketVersions],
        Action::RestartServer | Action::MoveClock => Vec::new(),
        Action::Raw => raw(step, names_version),
    };
    let locks = matches!(step.retention, Some(AskRetention::Set { .. } | AskRetention::Empty));
    if locks && !rights.contains(&R::PutObjectRetention) {
        rights.push(R::PutObjectRetention);
    }
    if step.hold.is_some() && !rights.contains(&R::PutObjectLegalHold) {
        rights.push(R::PutObjectLegalHold);
    }
    if step.bypass_governance {
        rights.push(R::BypassGovernanceRetention);
    }
    rights
}

/// The rights of a raw step. An administration interface is known by its path, a bucket's or an object's
/// configuration by its subresource, and a bucket itself by the want of one. Where no plain request needs the same
/// right (restore, encryption, annotations, replication, ACLs) it is read as a write, a deletion or a read.
fn raw(step: &Step, names_version: bool) -> Vec<Right> {
    use Right as R;
    let has = |name: &str| step.query.iter().any(|(key, _)| key.eq_ignore_ascii_case(name));
    let method = step.method.as_deref().unwrap_or("GET");
    if let Some(path) = &step.path {
        return of_path(path);
    }
    let of_bucket = step.on == Some(On::Bucket);
    match method {
        "GET" | "HEAD" if of_bucket && has("object-lock") => vec![R::GetBucketObjectLockConfiguration],
        "GET" | "HEAD" if of_bucket => vec![R::ListBucket],
        "GET" | "HEAD" => vec![R::GetObject],
        "PUT" if of_bucket && step.query.is_empty() => vec![R::CreateBucket],
        "DELETE" if of_bucket && step.query.is_empty() => vec![R::DeleteBucket],
        "PUT" | "DELETE" if of_bucket && has("lifecycle") => vec![R::PutLifecycleConfiguration],
        "PUT" if of_bucket && has("object-lock") => vec![R::PutBucketObjectLockConfiguration],
        "PUT" if of_bucket && has("versioning") => vec![R::PutBucketVersioning],
        "PUT" if of_bucket && has("policy") => vec![R::PutBucketPolicy],
        "DELETE" if of_bucket && has("policy") => vec![R::DeleteBucketPolicy],
        "PUT" if !of_bucket && has("retention") => vec![R::PutObjectRetention],
        "PUT" if !of_bucket && has("legal-hold") => vec![R::PutObjectLegalHold],
        "DELETE" if names_version => vec![R::DeleteObjectVersion],
        "DELETE" => vec![R::DeleteObject],
        _ => vec![R::PutObject],
    }
}

/// The admin right of MinIO behind a path. An interface that is not known here needs what nobody can show, so that a
/// scenario cannot be held by a control of something else.
fn of_path(path: &str) -> Vec<Right> {
    let rest = path.strip_prefix("/minio/admin/").and_then(|rest| rest.split_once('/')).map(|(_, rest)| rest);
    match rest.unwrap_or_default() {
        "start-job" => vec![Right::StartBatchJob],
        "import-bucket-metadata" => vec![Right::ImportBucketMetadata],
        rest if rest.starts_with("site-replication/") => vec![Right::SiteReplicationOperation],
        _ => vec![Right::UnknownAdministration],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_hold_what_the_table_says_and_no_more() {
        assert!(Role::Writer.holds(Right::PutObject));
        assert!(!Role::Writer.holds(Right::GetObject));
        assert!(!Role::Deleter.holds(Right::BypassGovernanceRetention));
        assert!(Role::Bypasser.holds(Right::BypassGovernanceRetention));
        assert!(Role::Administrator.holds(Right::DeleteObjectVersion));
        assert!(!Role::Denied.holds(Right::DeleteObjectVersion));
        assert!(Role::Denied.holds(Right::PutObject));
        assert!(!Role::Anonymous.holds(Right::GetObject));
        assert!(!Role::Application.holds(Right::PutObjectLegalHold));
        assert!(Role::Custodian.holds(Right::PutObjectLegalHold));
    }
}
