//! Multipart operations.

use s3s::S3Request;
#[cfg_attr(not(test), expect(clippy::wildcard_imports, reason = "the schema's types, under its names"))]
use s3s::dto::*;

use super::access::{ACCOUNT, Call};
use super::checks;
use super::condition::Condition;
use super::convert::{
    Answer, answer, described, etag, lock_request, md5_hex, read_body, shown, tags_of, timestamp, with_header,
};
use super::defects::Defect;
use super::fault::Fault;
use super::model::{Model, NULL};
use super::multipart::Part as Piece;
use super::object_ops::{authorise_write, condition_of, find_source};
use super::objects::{Aim, LockRequest, Via, Write};
use super::service::Service;

fn size(bytes: usize) -> Option<i64> {
    i64::try_from(bytes).ok()
}

/// A part of a locked object must carry a digest (MPU-04).
fn require_digest(model: &Model, call: &Call<'_>, bucket: &str, key: &str, id: &str) -> Result<(), Fault> {
    if model.upload(bucket, key, id)?.lock.is_some() && !checks::has_any(call.headers) {
        return Err(Fault::request(
            "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Part requests with Object Lock parameters",
        ));
    }
    Ok(())
}

impl Service {
    pub(crate) fn create_multipart_upload(
        &self,
        request: &S3Request<CreateMultipartUploadInput>,
    ) -> Answer<CreateMultipartUploadOutput> {
        let call = Call::of(request, self.0.clock.now());
        let input = &request.input;
        let lock = lock_request(
            input.object_lock_mode.as_ref(),
            input.object_lock_retain_until_date.as_ref(),
            input.object_lock_legal_hold_status.as_ref(),
            call.now,
            self.0.defects,
        )?;
        let mut model = self.0.model();
        model.bucket(&input.bucket)?;
        authorise_write(&model, &call, &input.bucket, &input.key, lock, input.tagging.is_some(), false)?;
        let write = Write {
            object: described(&call, input.metadata.clone()),
            lock,
            tags: tags_of(input.tagging.as_deref()),
            via: Via::Multipart,
            aim: call.caller.seen.aimed.clone().map(|version| Aim { version, keeps_lock: false }),
        };
        let id = model.begin_upload(&input.bucket, &input.key, write, call.now)?;
        answer(CreateMultipartUploadOutput {
            bucket: Some(input.bucket.clone()),
            key: Some(input.key.clone()),
            upload_id: Some(id),
            checksum_algorithm: input.checksum_algorithm.clone(),
            checksum_type: input.checksum_type.clone(),
            ..Default::default()
        })
    }

    pub(crate) async fn upload_part(
        &self,
        mut request: S3Request<UploadPartInput>,
    ) -> Answer<UploadPartOutput> {
        let body = request.input.body.take();
        let (body, checksum) = read_body(body, &request.headers, request.trailing_headers.as_ref()).await?;
        let call = Call::of(&request, self.0.clock.now());
        let UploadPartInput { bucket, key, upload_id, part_number, .. } = &request.input;
        let mut model = self.0.model();
        model.bucket(bucket)?;
        authorise_write(&model, &call, bucket, key, LockRequest::default(), false, false)?;
        if let Err(refusal) = require_digest(&model, &call, bucket, key, upload_id) {
            if self.0.has(Defect::RefusedPartDropsEarlier) {
                model.drop_part(bucket, key, upload_id, *part_number);
            }
            return Err(refusal);
        }
        let piece = Piece { etag: md5_hex(&body), body, modified: call.now };
        let tag = model.put_part(bucket, key, upload_id, *part_number, piece)?;
        let output = UploadPartOutput { e_tag: Some(etag(&tag)), ..Default::default() };
        match checksum {
            Some(("crc32", value)) => with_header(output, "x-amz-checksum-crc32", Some(&value)),
            Some(("crc32c", value)) => with_header(output, "x-amz-checksum-crc32c", Some(&value)),
            Some(("crc64nvme", value)) => with_header(output, "x-amz-checksum-crc64nvme", Some(&value)),
            Some(("sha1", value)) => with_header(output, "x-amz-checksum-sha1", Some(&value)),
            Some((_, value)) => with_header(output, "x-amz-checksum-sha256", Some(&value)),
            None => answer(output),
        }
    }

    pub(crate) fn upload_part_copy(
        &self,
        request: &S3Request<UploadPartCopyInput>,
    ) -> Answer<UploadPartCopyOutput> {
        let call = Call::of(request, self.0.clock.now());
        let UploadPartCopyInput {
            bucket, key, upload_id, part_number, copy_source, copy_source_range, ..
        } = &request.input;
        let mut model = self.0.model();
        model.bucket(bucket)?;
        let (from, source, _) = find_source(&model, &call, copy_source)?;
        authorise_write(&model, &call, bucket, key, LockRequest::default(), false, false)?;
        let mut body = source.object.as_ref().map(|object| object.body.clone()).unwrap_or_default();
        if let Some(text) = copy_source_range {
            let total = u64::try_from(body.len()).unwrap_or(u64::MAX);
            let picked = Range::parse(text).ok().and_then(|range| range.check(total).ok()).ok_or_else(|| {
                Fault::argument(
                    "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy",
                    "x-amz-copy-source-range",
                    text.as_str(),
                )
            })?;
            body = body
                .slice(usize::try_from(picked.start).unwrap_or(0)..usize::try_from(picked.end).unwrap_or(0));
        }
        let copy_source_version_id = model.bucket(from.0)?.shown_id(&source);
        let piece = Piece { etag: md5_hex(&body), body, modified: call.now };
        let tag = model.put_part(bucket, key, upload_id, *part_number, piece)?;
        answer(UploadPartCopyOutput {
            copy_part_result: Some(CopyPartResult {
                e_tag: Some(etag(&tag)),
                last_modified: Some(timestamp(call.now)),
                ..Default::default()
            }),
            copy_source_version_id,
            ..Default::default()
        })
    }

    pub(crate) async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> Answer<CompleteMultipartUploadOutput> {
        let call = Call::of(&request, self.0.clock.now());
        let CompleteMultipartUploadInput { bucket, key, upload_id, multipart_upload, .. } = &request.input;
        let listed: Vec<(i32, String)> = multipart_upload
            .as_ref()
            .and_then(|list| list.parts.as_ref())
            .map(|parts| {
                let line = |part: &CompletedPart| {
                    let tag = part.e_tag.as_ref().map_or("", |tag| tag.value());
                    (part.part_number.unwrap_or(0), tag.to_owned())
                };
                parts.iter().map(line).collect()
            })
            .unwrap_or_default();
        let mut condition: Condition = condition_of(&call);
        if condition.if_none_match.is_some() && self.0.has(Defect::CompletionRace) {
            {
                let model = self.0.model();
                condition.check(model.bucket(bucket)?.current(key), key, Via::Multipart, model.defects)?;
            }
            for _ in 0..8 {
                tokio::task::yield_now().await;
            }
            condition = Condition::default();
        }
        let mut model = self.0.model();
        model.bucket(bucket)?;
        authorise_write(&model, &call, bucket, key, LockRequest::default(), false, true)?;
        let (version_id, tag) =
            model.complete_upload(bucket, key, upload_id, &listed, &condition, call.now)?;
        let version_id = version_id.filter(|id| id != NULL);
        answer(CompleteMultipartUploadOutput {
            bucket: Some(bucket.clone()),
            key: Some(key.clone()),
            e_tag: Some(etag(&tag)),
            location: Some(format!("/{bucket}/{key}")),
            version_id,
            ..Default::default()
        })
    }

    pub(crate) fn abort_multipart_upload(
        &self,
        request: &S3Request<AbortMultipartUploadInput>,
    ) -> Answer<AbortMultipartUploadOutput> {
        let call = Call::of(request, self.0.clock.now());
        let AbortMultipartUploadInput { bucket, key, upload_id, .. } = &request.input;
        let mut model = self.0.model();
        model.bucket(bucket)?;
        model.authorise(&call, "s3:AbortMultipartUpload", bucket, Some(key), &[])?;
        if !model.upload(bucket, key, upload_id)?.parts.is_empty() && self.0.has(Defect::AbortLeavesVersion) {
            model.store_parts(bucket, key, upload_id, call.now)?;
        }
        model.abort_upload(bucket, key, upload_id)?;
        let current = model.bucket(bucket)?.current(key).map(|found| found.id.clone());
        if let Some(current) = current
            && self.0.has(Defect::AbortRemovesObject)
        {
            model.remove(bucket, key, &current)?;
        }
        answer(AbortMultipartUploadOutput::default())
    }

    pub(crate) fn list_parts(&self, request: &S3Request<ListPartsInput>) -> Answer<ListPartsOutput> {
        let call = Call::of(request, self.0.clock.now());
        let ListPartsInput { bucket, key, upload_id, max_parts, part_number_marker, .. } = &request.input;
        let model = self.0.model();
        model.bucket(bucket)?;
        model.authorise(&call, "s3:ListMultipartUploadParts", bucket, Some(key), &[])?;
        let upload = model.upload(bucket, key, upload_id)?;
        let limit = usize::try_from(max_parts.unwrap_or(1000).clamp(0, 1000)).unwrap_or(0);
        let after = part_number_marker.unwrap_or(0);
        let parts: Vec<Part> = upload
            .parts
            .range(after.saturating_add(1)..)
            .take(limit)
            .map(|(number, part)| Part {
                e_tag: Some(etag(&part.etag)),
                last_modified: Some(timestamp(part.modified)),
                part_number: Some(*number),
                size: size(part.body.len()),
                ..Default::default()
            })
            .collect();
        let last = parts.last().and_then(|part| part.part_number);
        let more = last.is_some_and(|last| upload.parts.range(last.saturating_add(1)..).next().is_some());
        answer(ListPartsOutput {
            bucket: Some(bucket.clone()),
            key: Some(key.clone()),
            upload_id: Some(upload_id.clone()),
            max_parts: Some(i32::try_from(limit).unwrap_or(1000)),
            part_number_marker: Some(after),
            next_part_number_marker: last,
            is_truncated: Some(more),
            parts: Some(parts),
            owner: Some(Owner { id: Some(ACCOUNT.to_owned()), display_name: None }),
            storage_class: Some(StorageClass::from_static(StorageClass::STANDARD)),
            ..Default::default()
        })
    }

    pub(crate) fn list_multipart_uploads(
        &self,
        request: &S3Request<ListMultipartUploadsInput>,
    ) -> Answer<ListMultipartUploadsOutput> {
        let input = &request.input;
        let bucket = input.bucket.clone();
        self.with_bucket(request, "s3:ListBucketMultipartUploads", &bucket, |model| {
            let prefix = input.prefix.clone().unwrap_or_default();
            let limit = usize::try_from(input.max_uploads.unwrap_or(1000).clamp(0, 1000)).unwrap_or(0);
            let key_marker = input.key_marker.clone().unwrap_or_default();
            let id_marker = input.upload_id_marker.clone().unwrap_or_default();
            let encoding = input.encoding_type.as_ref();
            let after = |key: &str, id: &str| {
                key > key_marker.as_str()
                    || (key == key_marker && !id_marker.is_empty() && id > id_marker.as_str())
            };
            let found = model.bucket(&bucket)?;
            let mut all = found.uploads.iter().filter(|((key, id), _)| {
                key.starts_with(&prefix) && (key_marker.is_empty() || after(key, id))
            });
            let page: Vec<_> = all.by_ref().take(limit).collect();
            let more = all.next().is_some();
            let next = page.last().filter(|_| more).map(|((key, id), _)| (shown(key, encoding), id.clone()));
            let uploads = page
                .iter()
                .map(|((key, id), upload)| MultipartUpload {
                    initiated: Some(timestamp(upload.started)),
                    key: Some(shown(key, encoding)),
                    upload_id: Some(id.clone()),
                    owner: Some(Owner { id: Some(ACCOUNT.to_owned()), display_name: None }),
                    storage_class: Some(StorageClass::from_static(StorageClass::STANDARD)),
                    ..Default::default()
                })
                .collect();
            answer(ListMultipartUploadsOutput {
                bucket: Some(bucket.clone()),
                encoding_type: encoding.cloned(),
                is_truncated: Some(more),
                key_marker: Some(shown(&key_marker, encoding)),
                upload_id_marker: input.upload_id_marker.clone(),
                max_uploads: Some(i32::try_from(limit).unwrap_or(1000)),
                next_key_marker: next.as_ref().map(|(key, _)| key.clone()),
                next_upload_id_marker: next.map(|(_, id)| id),
                prefix: Some(shown(&prefix, encoding)),
                uploads: Some(uploads),
                ..Default::default()
            })
        })
    }
}
