//! The s3s adapter: every operation that this server knows, handed to its implementation.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Method, Uri};
#[cfg_attr(not(test), expect(clippy::wildcard_imports, reason = "the schema's types, under its names"))]
use s3s::dto::*;
use s3s::route::S3Route;
use s3s::{Body, S3, S3Request, S3Response, S3Result};

use super::Inner;
use super::access::{Call, Seen};
use super::convert::Answer;
use super::defects::Defect;
use super::{admin, sts, versions};

/// The operations. The implementations are inherent functions of the same names, by subject:
/// `buckets`, `lists`, `locks`, `object_ops`, `reads`, `removal`, `tags`, `uploads`.
#[derive(Clone)]
pub(crate) struct Service(pub(crate) Arc<Inner>);

impl Service {
    /// Runs a bucket operation that needs one right and the state only.
    pub(crate) fn with_bucket<I, T>(
        &self,
        request: &S3Request<I>,
        action: &str,
        bucket: &str,
        run: impl FnOnce(&mut super::model::Model) -> Answer<T>,
    ) -> Answer<T> {
        let now = self.0.clock.now();
        let mut model = self.0.model();
        model.bucket(bucket)?;
        let call = Call::of(request, now);
        model.authorise(&call, action, bucket, None, &[]).or_else(|fault| {
            let free = action.starts_with("s3:Put")
                && model.may(&call, "s3:PutObject", bucket, Some(""), &[])
                && self.0.has(Defect::BucketConfigWithoutRight);
            if free { Ok(()) } else { Err(fault) }
        })?;
        run(&mut model)
    }
}

macro_rules! operations {
    (sync { $($sync:ident: $sync_in:ty => $sync_out:ty;)* } later { $($later:ident: $later_in:ty => $later_out:ty;)* }) => {
        #[async_trait::async_trait]
        impl S3 for Service {
            $(async fn $sync(&self, request: S3Request<$sync_in>) -> S3Result<S3Response<$sync_out>> {
                Ok(Service::$sync(self, &request)?)
            })*
            $(async fn $later(&self, request: S3Request<$later_in>) -> S3Result<S3Response<$later_out>> {
                Ok(Service::$later(self, request).await?)
            })*
        }
    };
}

operations! {
    sync {
        create_bucket: CreateBucketInput => CreateBucketOutput;
        delete_bucket: DeleteBucketInput => DeleteBucketOutput;
        head_bucket: HeadBucketInput => HeadBucketOutput;
        list_buckets: ListBucketsInput => ListBucketsOutput;
        get_bucket_location: GetBucketLocationInput => GetBucketLocationOutput;
        get_bucket_versioning: GetBucketVersioningInput => GetBucketVersioningOutput;
        put_bucket_versioning: PutBucketVersioningInput => PutBucketVersioningOutput;
        get_object_lock_configuration: GetObjectLockConfigurationInput => GetObjectLockConfigurationOutput;
        put_object_lock_configuration: PutObjectLockConfigurationInput => PutObjectLockConfigurationOutput;
        get_object_retention: GetObjectRetentionInput => GetObjectRetentionOutput;
        get_object_legal_hold: GetObjectLegalHoldInput => GetObjectLegalHoldOutput;
        get_bucket_policy: GetBucketPolicyInput => GetBucketPolicyOutput;
        put_bucket_policy: PutBucketPolicyInput => PutBucketPolicyOutput;
        delete_bucket_policy: DeleteBucketPolicyInput => DeleteBucketPolicyOutput;
        get_bucket_policy_status: GetBucketPolicyStatusInput => GetBucketPolicyStatusOutput;
        get_public_access_block: GetPublicAccessBlockInput => GetPublicAccessBlockOutput;
        put_public_access_block: PutPublicAccessBlockInput => PutPublicAccessBlockOutput;
        delete_public_access_block: DeletePublicAccessBlockInput => DeletePublicAccessBlockOutput;
        get_bucket_ownership_controls: GetBucketOwnershipControlsInput => GetBucketOwnershipControlsOutput;
        put_bucket_ownership_controls: PutBucketOwnershipControlsInput => PutBucketOwnershipControlsOutput;
        delete_bucket_ownership_controls: DeleteBucketOwnershipControlsInput => DeleteBucketOwnershipControlsOutput;
        get_bucket_encryption: GetBucketEncryptionInput => GetBucketEncryptionOutput;
        put_bucket_encryption: PutBucketEncryptionInput => PutBucketEncryptionOutput;
        delete_bucket_encryption: DeleteBucketEncryptionInput => DeleteBucketEncryptionOutput;
        get_bucket_lifecycle_configuration: GetBucketLifecycleConfigurationInput => GetBucketLifecycleConfigurationOutput;
        put_bucket_lifecycle_configuration: PutBucketLifecycleConfigurationInput => PutBucketLifecycleConfigurationOutput;
        delete_bucket_lifecycle: DeleteBucketLifecycleInput => DeleteBucketLifecycleOutput;
        get_bucket_replication: GetBucketReplicationInput => GetBucketReplicationOutput;
        get_bucket_notification_configuration: GetBucketNotificationConfigurationInput => GetBucketNotificationConfigurationOutput;
        get_bucket_logging: GetBucketLoggingInput => GetBucketLoggingOutput;
        get_bucket_acl: GetBucketAclInput => GetBucketAclOutput;
        get_object_acl: GetObjectAclInput => GetObjectAclOutput;
        put_object_acl: PutObjectAclInput => PutObjectAclOutput;
        get_bucket_tagging: GetBucketTaggingInput => GetBucketTaggingOutput;
        put_bucket_tagging: PutBucketTaggingInput => PutBucketTaggingOutput;
        delete_bucket_tagging: DeleteBucketTaggingInput => DeleteBucketTaggingOutput;
        get_object_tagging: GetObjectTaggingInput => GetObjectTaggingOutput;
        put_object_tagging: PutObjectTaggingInput => PutObjectTaggingOutput;
        delete_object_tagging: DeleteObjectTaggingInput => DeleteObjectTaggingOutput;
        list_objects: ListObjectsInput => ListObjectsOutput;
        list_objects_v2: ListObjectsV2Input => ListObjectsV2Output;
        get_object: GetObjectInput => GetObjectOutput;
        head_object: HeadObjectInput => HeadObjectOutput;
        get_object_attributes: GetObjectAttributesInput => GetObjectAttributesOutput;
        copy_object: CopyObjectInput => CopyObjectOutput;
        delete_object: DeleteObjectInput => DeleteObjectOutput;
        delete_objects: DeleteObjectsInput => DeleteObjectsOutput;
        create_multipart_upload: CreateMultipartUploadInput => CreateMultipartUploadOutput;
        upload_part_copy: UploadPartCopyInput => UploadPartCopyOutput;
        abort_multipart_upload: AbortMultipartUploadInput => AbortMultipartUploadOutput;
        list_parts: ListPartsInput => ListPartsOutput;
        list_multipart_uploads: ListMultipartUploadsInput => ListMultipartUploadsOutput;
    }
    later {
        put_object: PutObjectInput => PutObjectOutput;
        post_object: PostObjectInput => PostObjectOutput;
        upload_part: UploadPartInput => UploadPartOutput;
        put_object_retention: PutObjectRetentionInput => PutObjectRetentionOutput;
        put_object_legal_hold: PutObjectLegalHoldInput => PutObjectLegalHoldOutput;
        complete_multipart_upload: CompleteMultipartUploadInput => CompleteMultipartUploadOutput;
    }
}

#[async_trait::async_trait]
impl S3Route for Service {
    fn is_match(&self, method: &Method, uri: &Uri, headers: &HeaderMap, _: &mut http::Extensions) -> bool {
        (method == Method::POST && uri.path() == "/" && sts::is_form(headers))
            || (method == Method::GET && versions::bucket_of(uri).is_some())
            || (matches!(*method, Method::POST | Method::PUT) && admin::is_ours(uri))
    }

    async fn check_access(&self, _: &mut S3Request<Body>) -> S3Result<()> {
        // The routes ask for themselves: a listing may be public.
        Ok(())
    }

    async fn call(&self, mut request: S3Request<Body>) -> S3Result<S3Response<Body>> {
        let inner = &self.0;
        let access_key = request.credentials.as_ref().map(|found| found.access_key.clone());
        let seen = request.extensions.get::<Arc<Seen>>().cloned().unwrap_or_default();
        let caller = inner.keys.caller(access_key.as_deref(), &request.headers, &seen)?;
        if admin::is_ours(&request.uri) {
            let body = request.input.store_all_limited(64 * 1024).await.unwrap_or_default();
            let call = Call { caller, headers: &request.headers, uri: &request.uri, now: inner.clock.now() };
            inner.administer(&call, &body)?;
            return Ok(S3Response::new(Body::empty()));
        }
        let listed = versions::bucket_of(&request.uri).filter(|_| request.method == Method::GET);
        let xml = if let Some(bucket) = listed {
            let call = Call { caller, headers: &request.headers, uri: &request.uri, now: inner.clock.now() };
            versions::list(&inner.model(), &call, bucket)?
        } else {
            let body = request.input.store_all_limited(64 * 1024).await.unwrap_or_default();
            sts::assume_role(inner, &caller, &body)?
        };
        let mut answer = S3Response::new(Body::from(xml));
        let kind = if request.method == Method::GET { "application/xml" } else { "text/xml" };
        answer.headers.insert("content-type", HeaderValue::from_static(kind));
        Ok(answer)
    }
}
