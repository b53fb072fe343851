//! DeleteObject and DeleteObjects.

use s3s::S3Request;
#[cfg_attr(not(test), expect(clippy::wildcard_imports, reason = "the schema's types, under its names"))]
use s3s::dto::*;

use super::access::Call;
use super::checks;
use super::condition::{Condition, bare};
use super::convert::{Answer, answer};
use super::defects::Defect;
use super::fault::Fault;
use super::model::{Model, is_version_id};
use super::objects::Deleted;
use super::protect::{Bypass, active};
use super::service::Service;

/// One deletion that a request asks for.
struct Wish<'a> {
    bucket: &'a str,
    key: &'a str,
    version: Option<&'a str>,
    condition: Condition,
    batch: bool,
}

/// Rights, condition, lock, deletion: the same for one key and for each of many.
fn delete_one(
    model: &mut Model,
    call: &Call<'_>,
    wish: &Wish<'_>,
    ignore_lock: bool,
) -> Result<Deleted, Fault> {
    let Wish { bucket, key, version, condition, .. } = wish;
    let mut context = Vec::new();
    if let Some(id) = version {
        context.push(("s3:versionid", (*id).to_owned()));
    } else if let Some(etag) = &condition.if_match {
        context.push(("s3:if-match", etag.clone()));
    }
    let action = if version.is_some() { "s3:DeleteObjectVersion" } else { "s3:DeleteObject" };
    if let Err(fault) = model.authorise(call, action, bucket, Some(key), &context) {
        let Some(id) = version else { return Err(fault) };
        if model.has(Defect::DeniedDeleteExecuted) {
            model.remove(bucket, key, id)?;
        }
        if !model.has(Defect::VersionDeleteWithoutRight) {
            return Err(fault);
        }
        model.authorise(call, "s3:DeleteObject", bucket, Some(key), &context)?;
    }
    if condition.if_match.as_deref().is_some_and(|etag| etag.trim() != "*") {
        model.authorise(call, "s3:GetObject", bucket, Some(key), &context)?;
    }
    condition.check_delete(model.bucket(bucket)?.current(key), key, model.defects)?;
    if let Some(id) = version.filter(|_| ignore_lock)
        && is_version_id(id)
    {
        return Ok(model.remove(bucket, key, id)?.unwrap_or_default());
    }
    let asked = model.asks_bypass(call) && version.is_some();
    let permitted = asked
        && (model.may(call, "s3:BypassGovernanceRetention", bucket, Some(key), &context)
            || (wish.batch && model.has(Defect::BatchBypassWithoutRight))
            || (call.is_presigned() && model.has(Defect::PresignedBypassUnasked)));
    model.delete(bucket, key, *version, Bypass { asked, permitted }, call.now)
}

/// The bypass header means something only under Object Lock (DEL-16, MUL-05).
fn check_bypass(model: &Model, call: &Call<'_>, bucket: &str) -> Result<(), Fault> {
    const HEADER: &str = "x-amz-bypass-governance-retention";
    match call.header(HEADER) {
        // Recorded without the value.
        Some(_) if model.bucket(bucket)?.lock.is_none() => Err(Fault::new(
            400,
            "InvalidArgument",
            "x-amz-bypass-governance-retention is only applicable to Object Lock enabled buckets.",
        )
        .with("ArgumentName", HEADER)),
        _ => Ok(()),
    }
}

impl Service {
    pub(crate) fn delete_object(&self, request: &S3Request<DeleteObjectInput>) -> Answer<DeleteObjectOutput> {
        let call = Call::of(request, self.0.clock.now());
        let DeleteObjectInput { bucket, key, version_id, .. } = &request.input;
        for header in ["x-amz-if-match-last-modified-time", "x-amz-if-match-size"] {
            if call.header(header).is_some() && !self.0.has(Defect::ConditionalDeleteSkipsLock) {
                return Err(Fault::not_implemented(header, ""));
            }
        }
        let mut model = self.0.model();
        model.bucket(bucket)?;
        check_bypass(&model, &call, bucket)?;
        let condition =
            Condition { if_match: call.header("if-match").map(str::to_owned), if_none_match: None };
        let version = version_id.as_deref().filter(|id| !id.is_empty());
        let wish = Wish { bucket, key, version, condition, batch: false };
        let replica = call.header("x-amz-replication-status") == Some("REPLICA");
        let forced = call.header("x-minio-force-delete") == Some("true");
        let conditional = call.headers.keys().any(|name| name.as_str().starts_with("x-amz-if-match-"));
        let ignore_lock = (replica
            && (self.0.has(Defect::ReplicaHeaderDelete) || self.0.has(Defect::UnsignedReplicaDelete)))
            || (conditional && self.0.has(Defect::ConditionalDeleteSkipsLock))
            || (forced && self.0.has(Defect::ForceDeleteHonoured))
            || (call.is_presigned() && self.0.has(Defect::PresignedSkipsLock));
        let deleted = delete_one(&mut model, &call, &wish, ignore_lock)?;
        answer(DeleteObjectOutput {
            delete_marker: deleted.marker.then_some(true),
            version_id: deleted.version,
            ..Default::default()
        })
    }

    pub(crate) fn delete_objects(
        &self,
        request: &S3Request<DeleteObjectsInput>,
    ) -> Answer<DeleteObjectsOutput> {
        let call = Call::of(request, self.0.clock.now());
        let DeleteObjectsInput { bucket, delete, .. } = &request.input;
        let mut model = self.0.model();
        model.bucket(bucket)?;
        check_bypass(&model, &call, bucket)?;
        if delete.objects.is_empty() || delete.objects.len() > 1000 {
            return Err(Fault::xml());
        }
        let quiet = delete.quiet == Some(true);
        let unchecked = !checks::has_any(call.headers);
        let (mut deleted, mut errors) = (Vec::new(), Vec::new());
        let (mut freed, mut stopped) = (false, false);
        for object in &delete.objects {
            let mut version = object.version_id.clone().filter(|id| !id.is_empty());
            let current = model.bucket(bucket)?.current(&object.key).map(|found| found.id.clone());
            if version.is_none() && self.0.has(Defect::BatchDeletesAll) {
                version = current;
            }
            let expired = version.as_deref().is_some_and(|id| {
                let found = model.find(bucket, &object.key, Some(id)).ok().and_then(|found| found.retention);
                found.is_some_and(|kept| !active(kept, call.now, model.defects))
            });
            freed |= expired && self.0.has(Defect::BatchFirstExpiredFreesAll);
            let ignore_lock = freed
                || (unchecked && self.0.has(Defect::UncheckedBatchSkipsLock))
                || self.0.has(Defect::BatchDeleteIgnoresLock);
            let if_match = object.e_tag.as_ref().map(|etag| bare(etag.value()).to_owned());
            let condition = Condition { if_match, if_none_match: None };
            let wish = Wish { bucket, key: &object.key, version: version.as_deref(), condition, batch: true };
            let done = if stopped && self.0.has(Defect::BatchStopsAtRefusal) {
                Ok(Deleted { version: object.version_id.clone(), marker: false })
            } else if version.as_deref().is_some_and(|id| !is_version_id(id)) {
                Err(Fault::no_version(&object.key, ""))
            } else if object.last_modified_time.is_some() || object.size.is_some() {
                // Conditions of directory buckets (CND-24): not understood is not fulfilled.
                Err(Fault::not_implemented("", ""))
            } else {
                delete_one(&mut model, &call, &wish, ignore_lock)
            };
            stopped |= done.is_err();
            match done {
                Ok(_) if quiet => {}
                Ok(done) => deleted.push(DeletedObject {
                    delete_marker: done.marker.then_some(true),
                    delete_marker_version_id: done.version.filter(|_| done.marker),
                    key: Some(object.key.clone()),
                    version_id: object.version_id.clone(),
                }),
                Err(_) if quiet && self.0.has(Defect::BatchQuietHidesErrors) => {}
                Err(fault) => errors.push(Error {
                    code: Some(fault.code.to_owned()),
                    key: Some(object.key.clone()),
                    message: Some(fault.message.into_owned()),
                    version_id: object.version_id.clone(),
                }),
            }
        }
        answer(DeleteObjectsOutput { deleted: Some(deleted), errors: Some(errors), ..Default::default() })
    }
}
