//! Reading objects: GetObject, HeadObject, attributes.

use http::HeaderMap;
#[cfg_attr(not(test), expect(clippy::wildcard_imports, reason = "the schema's types, under its names"))]
use s3s::dto::*;
use s3s::{S3Request, S3Response};

use crate::lock::LegalHold;

use super::access::{ACCOUNT, Call};
use super::condition::bare;
use super::convert::{Answer, add, add_checksum, answer, etag, timestamp, with_header};
use super::defects::Defect;
use super::fault::{DETAILS, Fault};
use super::front::BARE_ETAG;
use super::model::{Model, Version};
use super::service::Service;

impl Service {
    pub(crate) fn get_object(&self, request: &S3Request<GetObjectInput>) -> Answer<GetObjectOutput> {
        let call = Call::of(request, self.0.clock.now());
        let GetObjectInput { bucket, key, version_id, range, .. } = &request.input;
        self.overridden(&call, bucket, key);
        let model = self.0.model();
        let (found, mut headers) = read(&model, &call, bucket, key, version_id.as_deref(), "GET")?;
        let body = found.object.as_ref().map(|object| object.body.clone()).unwrap_or_default();
        let total = u64::try_from(body.len()).unwrap_or(u64::MAX);
        let (body, content_range) = match range {
            None => (body, None),
            Some(range) => {
                let picked = range.check(total).map_err(|_| {
                    Fault::new(416, "InvalidRange", "The requested range is not satisfiable")
                        .with("ActualObjectSize", total.to_string())
                })?;
                let text = format!("bytes {}-{}/{total}", picked.start, picked.end - 1);
                let bounds =
                    usize::try_from(picked.start).unwrap_or(0)..usize::try_from(picked.end).unwrap_or(0);
                (body.slice(bounds), Some(text))
            }
        };
        for (name, value) in [
            ("content-type", request.input.response_content_type.as_deref()),
            ("cache-control", request.input.response_cache_control.as_deref()),
            ("content-disposition", request.input.response_content_disposition.as_deref()),
        ] {
            add(&mut headers, name, value);
        }
        let length = i64::try_from(body.len()).unwrap_or(i64::MAX);
        let output = GetObjectOutput {
            metadata: found.object.as_ref().map(|object| object.metadata.clone()),
            body: Some(StreamingBlob::from(s3s::Body::from(body))),
            content_length: Some(length),
            content_range,
            ..Default::default()
        };
        Ok(S3Response::with_headers(output, headers))
    }

    pub(crate) fn head_object(&self, request: &S3Request<HeadObjectInput>) -> Answer<HeadObjectOutput> {
        let call = Call::of(request, self.0.clock.now());
        let HeadObjectInput { bucket, key, version_id, .. } = &request.input;
        self.overridden(&call, bucket, key);
        let model = self.0.model();
        let (found, headers) = read(&model, &call, bucket, key, version_id.as_deref(), "HEAD")?;
        let length = found.object.as_ref().map_or(0, |object| object.body.len());
        let output = HeadObjectOutput {
            content_length: i64::try_from(length).ok(),
            metadata: found.object.as_ref().map(|object| object.metadata.clone()),
            ..Default::default()
        };
        Ok(S3Response::with_headers(output, headers))
    }

    pub(crate) fn get_object_attributes(
        &self,
        request: &S3Request<GetObjectAttributesInput>,
    ) -> Answer<GetObjectAttributesOutput> {
        let call = Call::of(request, self.0.clock.now());
        let GetObjectAttributesInput { bucket, key, version_id, object_attributes, .. } = &request.input;
        let model = self.0.model();
        let (found, _) = read(&model, &call, bucket, key, version_id.as_deref(), "GET")?;
        let object = found.object.as_deref().cloned().unwrap_or_default();
        // Several names may stand in one header.
        let wants = |name: &str| {
            object_attributes.iter().flat_map(|one| one.as_str().split(',')).any(|one| one.trim() == name)
        };
        let output = GetObjectAttributesOutput {
            checksum: object.checksum.clone().filter(|_| wants("Checksum")).map(shown_checksum),
            e_tag: wants("ETag").then(|| etag(&object.etag)),
            last_modified: Some(timestamp(found.modified)),
            object_parts: (wants("ObjectParts") && !object.parts.is_empty()).then(|| {
                GetObjectAttributesParts {
                    total_parts_count: i32::try_from(object.parts.len()).ok(),
                    ..Default::default()
                }
            }),
            object_size: wants("ObjectSize").then(|| i64::try_from(object.body.len()).unwrap_or(i64::MAX)),
            storage_class: wants("StorageClass").then(|| StorageClass::from_static(StorageClass::STANDARD)),
            version_id: model.bucket(bucket)?.shown_id(found),
            ..Default::default()
        };
        with_header(output, DETAILS, Some(BARE_ETAG))
    }

    pub(crate) fn get_bucket_acl(
        &self,
        request: &S3Request<GetBucketAclInput>,
    ) -> Answer<GetBucketAclOutput> {
        let bucket = request.input.bucket.clone();
        self.with_bucket(request, "s3:GetBucketAcl", &bucket, |_| {
            answer(GetBucketAclOutput { grants: Some(vec![full_control()]), owner: Some(owner()) })
        })
    }

    pub(crate) fn get_object_acl(
        &self,
        request: &S3Request<GetObjectAclInput>,
    ) -> Answer<GetObjectAclOutput> {
        let call = Call::of(request, self.0.clock.now());
        let GetObjectAclInput { bucket, key, version_id, .. } = &request.input;
        let model = self.0.model();
        model.bucket(bucket)?;
        let action = if version_id.is_some() { "s3:GetObjectVersionAcl" } else { "s3:GetObjectAcl" };
        model.authorise(&call, action, bucket, Some(key), &[])?;
        let found = model.find(bucket, key, version_id.as_deref())?;
        if found.is_marker() {
            return Err(Fault::marker("GET", &found.id));
        }
        answer(GetObjectAclOutput {
            grants: Some(vec![full_control()]),
            owner: Some(owner()),
            ..Default::default()
        })
    }

    /// ACLs are off, as on new buckets. Where the bucket's ownership allows them, this server still has
    /// none to keep.
    pub(crate) fn put_object_acl(
        &self,
        request: &S3Request<PutObjectAclInput>,
    ) -> Answer<PutObjectAclOutput> {
        let call = Call::of(request, self.0.clock.now());
        let PutObjectAclInput { bucket, key, version_id, .. } = &request.input;
        let mut model = self.0.model();
        let ownership = model.bucket(bucket)?.settings.ownership.clone();
        let action = if version_id.is_some() { "s3:PutObjectVersionAcl" } else { "s3:PutObjectAcl" };
        model.authorise(&call, action, bucket, Some(key), &[])?;
        let id = model.find_object(bucket, key, version_id.as_deref(), "PUT")?.id.clone();
        if model.rewrite_without_lock(bucket, key, &id, Defect::AclDropsLock) {
            return answer(PutObjectAclOutput::default());
        }
        let enforced = ownership.is_none_or(|kept| {
            let rules = kept.map(|kept| kept.rules).unwrap_or_default();
            rules.iter().any(|rule| rule.object_ownership.as_str() == ObjectOwnership::BUCKET_OWNER_ENFORCED)
        });
        Err(if enforced {
            Fault::new(400, "AccessControlListNotSupported", "The bucket does not allow ACLs")
        } else {
            Fault::new(501, "NotImplemented", "ACLs are not implemented by this server")
        })
    }
}

fn shown_checksum((algorithm, value): (&'static str, String)) -> Checksum {
    let mut shown = Checksum {
        checksum_type: Some(ChecksumType::from_static(ChecksumType::FULL_OBJECT)),
        ..Default::default()
    };
    match algorithm {
        "crc32" => shown.checksum_crc32 = Some(value),
        "crc32c" => shown.checksum_crc32c = Some(value),
        "crc64nvme" => shown.checksum_crc64nvme = Some(value),
        "sha1" => shown.checksum_sha1 = Some(value),
        _ => shown.checksum_sha256 = Some(value),
    }
    shown
}

fn owner() -> Owner {
    Owner { id: Some(ACCOUNT.to_owned()), display_name: None }
}

/// The only grant there is: ACLs are off, as on new buckets.
fn full_control() -> Grant {
    Grant {
        grantee: Some(Grantee {
            display_name: None,
            email_address: None,
            id: Some(ACCOUNT.to_owned()),
            type_: Type::from_static(Type::CANONICAL_USER),
            uri: None,
        }),
        permission: Some(Permission::from_static(Permission::FULL_CONTROL)),
    }
}

/// What GET and HEAD share: rights, the version, conditions, and all headers.
fn read<'m>(
    model: &'m Model,
    call: &Call<'_>,
    bucket: &str,
    key: &str,
    version: Option<&str>,
    method: &str,
) -> Result<(&'m Version, HeaderMap), Fault> {
    let found_bucket = model.bucket(bucket)?;
    let action = if version.is_some() { "s3:GetObjectVersion" } else { "s3:GetObject" };
    model.authorise(call, action, bucket, Some(key), &[])?;
    let found = model.find(bucket, key, version).map_err(|fault| {
        // Who may not list does not learn whether a key exists.
        let hidden = fault.status == 404 && !model.may(call, "s3:ListBucket", bucket, None, &[]);
        if hidden { Fault::denied() } else { fault }
    })?;
    let Some(object) = found.object.as_deref() else {
        let modified = crate::time::http_date(found.modified);
        return Err(Fault::marker(method, &found.id).header("last-modified", modified));
    };
    check_read_conditions(call, found, &object.etag)?;
    let mut headers = HeaderMap::with_capacity(16);
    add(&mut headers, "accept-ranges", Some("bytes"));
    add(&mut headers, "etag", Some(&format!("\"{}\"", object.etag)));
    add(&mut headers, "last-modified", Some(&crate::time::http_date(found.modified)));
    add(&mut headers, "x-amz-server-side-encryption", Some("AES256"));
    add(&mut headers, "x-amz-version-id", found_bucket.shown_id(found).as_deref());
    for (name, value) in &object.headers {
        add(&mut headers, name, Some(value));
    }
    if let Some(kept) =
        found.retention.filter(|_| model.may(call, "s3:GetObjectRetention", bucket, Some(key), &[]))
    {
        add(&mut headers, "x-amz-object-lock-mode", Some(kept.mode.as_str()));
        add(&mut headers, "x-amz-object-lock-retain-until-date", Some(&crate::time::wire(kept.until)));
    }
    if found.hold.is_some() && model.may(call, "s3:GetObjectLegalHold", bucket, Some(key), &[]) {
        add(&mut headers, "x-amz-object-lock-legal-hold", found.hold.map(LegalHold::as_str));
    }
    if !found.tags.is_empty() {
        add(&mut headers, "x-amz-tagging-count", Some(&found.tags.len().to_string()));
    }
    if let Some((algorithm, value)) =
        object.checksum.as_ref().filter(|_| call.header("x-amz-checksum-mode").is_some())
    {
        add_checksum(&mut headers, algorithm, value);
        add(&mut headers, "x-amz-checksum-type", Some("FULL_OBJECT"));
    }
    Ok((found, headers))
}

/// Conditions of a read, in the order of RFC 9110.
fn check_read_conditions(call: &Call<'_>, found: &Version, etag: &str) -> Result<(), Fault> {
    let seconds = found.modified.timestamp();
    let date =
        |name: &str| call.header(name).and_then(crate::time::parse_http_date).map(|date| date.timestamp());
    let fits = |list: &str| list.split(',').any(|one| matches!(bare(one), "*") || bare(one) == etag);
    if let Some(list) = call.header("if-match") {
        if !fits(list) {
            return Err(Fault::precondition("If-Match"));
        }
    } else if date("if-unmodified-since").is_some_and(|date| seconds > date) {
        return Err(Fault::precondition("If-Unmodified-Since"));
    }
    let unchanged = match call.header("if-none-match") {
        Some(list) => fits(list),
        None => date("if-modified-since").is_some_and(|date| seconds <= date),
    };
    if unchanged {
        return Err(Fault::new(304, "NotModified", "Not Modified").header("etag", format!("\"{etag}\"")));
    }
    Ok(())
}
