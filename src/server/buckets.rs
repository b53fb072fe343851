//! Operations on buckets and their configuration.

use s3s::S3Request;
#[cfg_attr(not(test), expect(clippy::wildcard_imports, reason = "the schema's types, under its names"))]
use s3s::dto::*;
use std::sync::Arc;

use crate::policy::{Kind, Policy, PrincipalName};

use super::access::Call;
use super::convert::{Answer, answer, with_header};
use super::defects::Defect;
use super::fault::Fault;
use super::model::BucketPolicy;
use super::service::Service;

fn missing(code: &'static str, message: &'static str, bucket: &str) -> Fault {
    Fault::new(404, code, message).with("BucketName", bucket)
}

/// What a server does that does not know `Null`: an `Allow` counts without it, a `Deny` does not count.
fn without_null(text: &str) -> Option<String> {
    let mut document: serde_json::Value = serde_json::from_str(text).ok()?;
    let statements = document.get_mut("Statement")?;
    if statements.is_object() {
        *statements = serde_json::Value::Array(vec![statements.take()]);
    }
    let list = statements.as_array_mut()?;
    list.retain_mut(|statement| {
        let deny = statement.get("Effect").and_then(|effect| effect.as_str()) == Some("Deny");
        let condition = statement.get_mut("Condition").and_then(|condition| condition.as_object_mut());
        let had = condition.is_some_and(|condition| condition.remove("Null").is_some());
        !(deny && had)
    });
    if list.is_empty() { None } else { Some(document.to_string()) }
}

impl Service {
    pub(crate) fn create_bucket(&self, request: &S3Request<CreateBucketInput>) -> Answer<CreateBucketOutput> {
        let call = Call::of(request, self.0.clock.now());
        let bucket = &request.input.bucket;
        let lock = request.input.object_lock_enabled_for_bucket == Some(true);
        let mut model = self.0.model();
        // A policy of a bucket that exists does not matter here.
        let actions: &[&str] = if lock {
            &["s3:CreateBucket", "s3:PutBucketObjectLockConfiguration", "s3:PutBucketVersioning"]
        } else {
            &["s3:CreateBucket"]
        };
        for action in actions {
            model.authorise(&call, action, bucket, None, &[])?;
        }
        if call.header("x-minio-force-create") == Some("true") && self.0.has(Defect::ForceCreateResetsBucket)
        {
            let old = model.buckets.remove(bucket);
            model.create_bucket(bucket, lock, call.now)?;
            model.bucket_mut(bucket)?.objects = old.map(|old| old.objects).unwrap_or_default();
            return answer(CreateBucketOutput::default());
        }
        // In us-east-1 making one's bucket again succeeds and changes nothing (recorded). Not with the lock
        // header: nobody shall believe that it switched anything on.
        let again = self.0.region == "us-east-1" && model.buckets.contains_key(bucket) && !lock;
        if !again {
            model.create_bucket(bucket, lock, call.now)?;
        }
        answer(CreateBucketOutput { location: Some(format!("/{bucket}")) })
    }

    pub(crate) fn delete_bucket(&self, request: &S3Request<DeleteBucketInput>) -> Answer<DeleteBucketOutput> {
        let bucket = request.input.bucket.clone();
        self.with_bucket(request, "s3:DeleteBucket", &bucket, |model| {
            model.delete_bucket(&bucket)?;
            answer(DeleteBucketOutput::default())
        })
    }

    pub(crate) fn head_bucket(&self, request: &S3Request<HeadBucketInput>) -> Answer<HeadBucketOutput> {
        let bucket = request.input.bucket.clone();
        self.with_bucket(request, "s3:ListBucket", &bucket, |_| {
            with_header(HeadBucketOutput::default(), "x-amz-bucket-region", Some(&self.0.region))
        })
    }

    pub(crate) fn get_bucket_location(
        &self,
        request: &S3Request<GetBucketLocationInput>,
    ) -> Answer<GetBucketLocationOutput> {
        let bucket = request.input.bucket.clone();
        self.with_bucket(request, "s3:GetBucketLocation", &bucket, |_| {
            let region = Some(self.0.region.clone()).filter(|region| region != "us-east-1");
            answer(GetBucketLocationOutput {
                location_constraint: region.map(BucketLocationConstraint::from),
            })
        })
    }

    pub(crate) fn get_bucket_policy(
        &self,
        request: &S3Request<GetBucketPolicyInput>,
    ) -> Answer<GetBucketPolicyOutput> {
        let bucket = request.input.bucket.clone();
        self.with_bucket(request, "s3:GetBucketPolicy", &bucket, |model| {
            let policy = model.bucket(&bucket)?.policy.as_ref().map(|policy| policy.text.clone());
            let none = || missing("NoSuchBucketPolicy", "The bucket policy does not exist", &bucket);
            answer(GetBucketPolicyOutput { policy: Some(policy.ok_or_else(none)?) })
        })
    }

    pub(crate) fn put_bucket_policy(
        &self,
        request: &S3Request<PutBucketPolicyInput>,
    ) -> Answer<PutBucketPolicyOutput> {
        let bucket = request.input.bucket.clone();
        let text = request.input.policy.clone();
        self.with_bucket(request, "s3:PutBucketPolicy", &bucket, |model| {
            let malformed =
                |error: crate::policy::PolicyError| Fault::new(400, "MalformedPolicy", error.message());
            let mut parsed = Policy::parse(&text, Kind::Bucket).map_err(malformed)?;
            parsed.check_for_bucket(&bucket).map_err(malformed)?;
            let lock_actions =
                ["s3:PutObjectLegalHold", "s3:PutObjectRetention", "s3:BypassGovernanceRetention"];
            if lock_actions.iter().any(|name| text.contains(name)) && model.has(Defect::LockPolicyRefused) {
                return Err(Fault::new(400, "MalformedPolicy", "Policy has invalid action"));
            }
            let mut kept = true;
            if model.has(Defect::PolicyNullConditionIgnored) {
                let weaker = without_null(&text).and_then(|text| Policy::parse(&text, Kind::Bucket).ok());
                kept = weaker.is_some();
                parsed = weaker.unwrap_or(parsed);
            }
            model.bucket_mut(&bucket)?.policy = kept.then(|| Arc::new(BucketPolicy { text, parsed }));
            answer(PutBucketPolicyOutput::default())
        })
    }

    pub(crate) fn delete_bucket_policy(
        &self,
        request: &S3Request<DeleteBucketPolicyInput>,
    ) -> Answer<DeleteBucketPolicyOutput> {
        let bucket = request.input.bucket.clone();
        self.with_bucket(request, "s3:DeleteBucketPolicy", &bucket, |model| {
            model.bucket_mut(&bucket)?.policy = None;
            answer(DeleteBucketPolicyOutput::default())
        })
    }

    pub(crate) fn get_bucket_policy_status(
        &self,
        request: &S3Request<GetBucketPolicyStatusInput>,
    ) -> Answer<GetBucketPolicyStatusOutput> {
        let bucket = request.input.bucket.clone();
        self.with_bucket(request, "s3:GetBucketPolicyStatus", &bucket, |model| {
            let policy = model.bucket(&bucket)?.policy.clone();
            let none = || missing("NoSuchBucketPolicy", "The bucket policy does not exist", &bucket);
            let policy = policy.ok_or_else(none)?;
            // Public: an Allow to everybody without any condition.
            let public = policy.parsed.statements().iter().any(|statement| {
                let everybody = statement
                    .principals
                    .as_ref()
                    .is_some_and(|clause| clause.not || clause.names.contains(&PrincipalName::Everybody));
                statement.effect == crate::policy::Effect::Allow
                    && everybody
                    && statement.conditions.is_empty()
            });
            answer(GetBucketPolicyStatusOutput {
                policy_status: Some(PolicyStatus { is_public: Some(public) }),
            })
        })
    }

    pub(crate) fn get_public_access_block(
        &self,
        request: &S3Request<GetPublicAccessBlockInput>,
    ) -> Answer<GetPublicAccessBlockOutput> {
        let bucket = request.input.bucket.clone();
        self.with_bucket(request, "s3:GetBucketPublicAccessBlock", &bucket, |model| {
            let on = PublicAccessBlockConfiguration {
                block_public_acls: Some(true),
                block_public_policy: Some(false),
                ignore_public_acls: Some(true),
                restrict_public_buckets: Some(false),
            };
            let kept = model.bucket(&bucket)?.settings.public_access.clone().unwrap_or(Some(on));
            let none = || {
                let message = "The public access block configuration was not found";
                missing("NoSuchPublicAccessBlockConfiguration", message, &bucket)
            };
            answer(GetPublicAccessBlockOutput {
                public_access_block_configuration: Some(kept.ok_or_else(none)?),
            })
        })
    }

    pub(crate) fn put_public_access_block(
        &self,
        request: &S3Request<PutPublicAccessBlockInput>,
    ) -> Answer<PutPublicAccessBlockOutput> {
        let bucket = request.input.bucket.clone();
        let wanted = request.input.public_access_block_configuration.clone();
        self.with_bucket(request, "s3:PutBucketPublicAccessBlock", &bucket, |model| {
            model.bucket_mut(&bucket)?.settings.public_access = Some(Some(wanted));
            answer(PutPublicAccessBlockOutput::default())
        })
    }

    pub(crate) fn delete_public_access_block(
        &self,
        request: &S3Request<DeletePublicAccessBlockInput>,
    ) -> Answer<DeletePublicAccessBlockOutput> {
        let bucket = request.input.bucket.clone();
        self.with_bucket(request, "s3:PutBucketPublicAccessBlock", &bucket, |model| {
            model.bucket_mut(&bucket)?.settings.public_access = Some(None);
            answer(DeletePublicAccessBlockOutput::default())
        })
    }

    pub(crate) fn get_bucket_ownership_controls(
        &self,
        request: &S3Request<GetBucketOwnershipControlsInput>,
    ) -> Answer<GetBucketOwnershipControlsOutput> {
        let bucket = request.input.bucket.clone();
        self.with_bucket(request, "s3:GetBucketOwnershipControls", &bucket, |model| {
            let enforced = OwnershipControls {
                rules: vec![OwnershipControlsRule {
                    object_ownership: ObjectOwnership::from_static(ObjectOwnership::BUCKET_OWNER_ENFORCED),
                }],
            };
            let kept = model.bucket(&bucket)?.settings.ownership.clone().unwrap_or(Some(enforced));
            let none = || {
                let message = "The bucket ownership controls were not found";
                missing("OwnershipControlsNotFoundError", message, &bucket)
            };
            answer(GetBucketOwnershipControlsOutput { ownership_controls: Some(kept.ok_or_else(none)?) })
        })
    }

    pub(crate) fn put_bucket_ownership_controls(
        &self,
        request: &S3Request<PutBucketOwnershipControlsInput>,
    ) -> Answer<PutBucketOwnershipControlsOutput> {
        let bucket = request.input.bucket.clone();
        let wanted = request.input.ownership_controls.clone();
        self.with_bucket(request, "s3:PutBucketOwnershipControls", &bucket, |model| {
            model.bucket_mut(&bucket)?.settings.ownership = Some(Some(wanted));
            answer(PutBucketOwnershipControlsOutput::default())
        })
    }

    pub(crate) fn delete_bucket_ownership_controls(
        &self,
        request: &S3Request<DeleteBucketOwnershipControlsInput>,
    ) -> Answer<DeleteBucketOwnershipControlsOutput> {
        let bucket = request.input.bucket.clone();
        self.with_bucket(request, "s3:PutBucketOwnershipControls", &bucket, |model| {
            model.bucket_mut(&bucket)?.settings.ownership = Some(None);
            answer(DeleteBucketOwnershipControlsOutput::default())
        })
    }

    pub(crate) fn get_bucket_encryption(
        &self,
        request: &S3Request<GetBucketEncryptionInput>,
    ) -> Answer<GetBucketEncryptionOutput> {
        let bucket = request.input.bucket.clone();
        self.with_bucket(request, "s3:GetEncryptionConfiguration", &bucket, |model| {
            let aes = ServerSideEncryptionConfiguration {
                rules: vec![ServerSideEncryptionRule {
                    apply_server_side_encryption_by_default: Some(ServerSideEncryptionByDefault {
                        kms_master_key_id: None,
                        sse_algorithm: ServerSideEncryption::from_static(ServerSideEncryption::AES256),
                    }),
                    bucket_key_enabled: Some(false),
                }],
            };
            let kept = model.bucket(&bucket)?.settings.encryption.clone().unwrap_or(aes);
            answer(GetBucketEncryptionOutput { server_side_encryption_configuration: Some(kept) })
        })
    }

    pub(crate) fn put_bucket_encryption(
        &self,
        request: &S3Request<PutBucketEncryptionInput>,
    ) -> Answer<PutBucketEncryptionOutput> {
        let bucket = request.input.bucket.clone();
        let wanted = request.input.server_side_encryption_configuration.clone();
        self.with_bucket(request, "s3:PutEncryptionConfiguration", &bucket, |model| {
            model.bucket_mut(&bucket)?.settings.encryption = Some(wanted);
            answer(PutBucketEncryptionOutput::default())
        })
    }

    pub(crate) fn delete_bucket_encryption(
        &self,
        request: &S3Request<DeleteBucketEncryptionInput>,
    ) -> Answer<DeleteBucketEncryptionOutput> {
        let bucket = request.input.bucket.clone();
        self.with_bucket(request, "s3:PutEncryptionConfiguration", &bucket, |model| {
            model.bucket_mut(&bucket)?.settings.encryption = None;
            answer(DeleteBucketEncryptionOutput::default())
        })
    }

    pub(crate) fn get_bucket_lifecycle_configuration(
        &self,
        request: &S3Request<GetBucketLifecycleConfigurationInput>,
    ) -> Answer<GetBucketLifecycleConfigurationOutput> {
        let bucket = request.input.bucket.clone();
        self.with_bucket(request, "s3:GetLifecycleConfiguration", &bucket, |model| {
            let rules = model.bucket(&bucket)?.settings.lifecycle.clone();
            let none = || {
                missing("NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist", &bucket)
            };
            answer(GetBucketLifecycleConfigurationOutput {
                rules: Some(rules.ok_or_else(none)?),
                ..Default::default()
            })
        })
    }

    pub(crate) fn put_bucket_lifecycle_configuration(
        &self,
        request: &S3Request<PutBucketLifecycleConfigurationInput>,
    ) -> Answer<PutBucketLifecycleConfigurationOutput> {
        let bucket = request.input.bucket.clone();
        let wanted = request.input.lifecycle_configuration.clone().ok_or_else(Fault::xml)?;
        let now = self.0.clock.now();
        self.with_bucket(request, "s3:PutLifecycleConfiguration", &bucket, |model| {
            let settings = &mut model.bucket_mut(&bucket)?.settings;
            (settings.lifecycle, settings.lifecycle_set) = (Some(wanted.rules), Some(now));
            answer(PutBucketLifecycleConfigurationOutput::default())
        })
    }

    pub(crate) fn delete_bucket_lifecycle(
        &self,
        request: &S3Request<DeleteBucketLifecycleInput>,
    ) -> Answer<DeleteBucketLifecycleOutput> {
        let bucket = request.input.bucket.clone();
        self.with_bucket(request, "s3:PutLifecycleConfiguration", &bucket, |model| {
            model.bucket_mut(&bucket)?.settings.lifecycle = None;
            answer(DeleteBucketLifecycleOutput::default())
        })
    }

    pub(crate) fn get_bucket_replication(
        &self,
        request: &S3Request<GetBucketReplicationInput>,
    ) -> Answer<GetBucketReplicationOutput> {
        let bucket = request.input.bucket.clone();
        self.with_bucket(request, "s3:GetReplicationConfiguration", &bucket, |_| {
            let message = "The replication configuration was not found";
            Err(missing("ReplicationConfigurationNotFoundError", message, &bucket))
        })
    }

    pub(crate) fn get_bucket_notification_configuration(
        &self,
        request: &S3Request<GetBucketNotificationConfigurationInput>,
    ) -> Answer<GetBucketNotificationConfigurationOutput> {
        let bucket = request.input.bucket.clone();
        self.with_bucket(request, "s3:GetBucketNotification", &bucket, |_| {
            answer(GetBucketNotificationConfigurationOutput::default())
        })
    }

    pub(crate) fn get_bucket_logging(
        &self,
        request: &S3Request<GetBucketLoggingInput>,
    ) -> Answer<GetBucketLoggingOutput> {
        let bucket = request.input.bucket.clone();
        self.with_bucket(request, "s3:GetBucketLogging", &bucket, |_| {
            answer(GetBucketLoggingOutput::default())
        })
    }

    pub(crate) fn get_bucket_tagging(
        &self,
        request: &S3Request<GetBucketTaggingInput>,
    ) -> Answer<GetBucketTaggingOutput> {
        let bucket = request.input.bucket.clone();
        self.with_bucket(request, "s3:GetBucketTagging", &bucket, |model| {
            let tag_set = model.bucket(&bucket)?.settings.tags.clone();
            if tag_set.is_empty() {
                return Err(missing("NoSuchTagSet", "The TagSet does not exist", &bucket));
            }
            answer(GetBucketTaggingOutput { tag_set })
        })
    }

    pub(crate) fn put_bucket_tagging(
        &self,
        request: &S3Request<PutBucketTaggingInput>,
    ) -> Answer<PutBucketTaggingOutput> {
        let bucket = request.input.bucket.clone();
        let tags = request.input.tagging.tag_set.clone();
        self.with_bucket(request, "s3:PutBucketTagging", &bucket, |model| {
            model.bucket_mut(&bucket)?.settings.tags = tags;
            answer(PutBucketTaggingOutput::default())
        })
    }

    pub(crate) fn delete_bucket_tagging(
        &self,
        request: &S3Request<DeleteBucketTaggingInput>,
    ) -> Answer<DeleteBucketTaggingOutput> {
        let bucket = request.input.bucket.clone();
        self.with_bucket(request, "s3:PutBucketTagging", &bucket, |model| {
            model.bucket_mut(&bucket)?.settings.tags = Vec::new();
            answer(DeleteBucketTaggingOutput::default())
        })
    }
}
