//! Object tags: not protected by any lock.

use s3s::S3Request;
#[cfg_attr(not(test), expect(clippy::wildcard_imports, reason = "the schema's types, under its names"))]
use s3s::dto::*;

use super::access::Call;
use super::convert::{Answer, answer};
use super::defects::Defect;
use super::fault::Fault;
use super::service::Service;

/// The action for a version that is named, or not.
fn action(verb: &str, version: Option<&str>) -> String {
    format!("s3:{verb}Object{}Tagging", if version.is_some() { "Version" } else { "" })
}

fn set_of(tags: &[(String, String)]) -> TagSet {
    tags.iter().map(|(key, value)| Tag { key: Some(key.clone()), value: Some(value.clone()) }).collect()
}

impl Service {
    pub(crate) fn get_object_tagging(
        &self,
        request: &S3Request<GetObjectTaggingInput>,
    ) -> Answer<GetObjectTaggingOutput> {
        let GetObjectTaggingInput { bucket, key, version_id, .. } = &request.input;
        let call = Call::of(request, self.0.clock.now());
        let model = self.0.model();
        model.bucket(bucket)?;
        model.authorise(&call, &action("Get", version_id.as_deref()), bucket, Some(key), &[])?;
        let found = model.find_object(bucket, key, version_id.as_deref(), "GET")?;
        let shown = model.bucket(bucket)?.shown_id(found);
        answer(GetObjectTaggingOutput { tag_set: set_of(&found.tags), version_id: shown })
    }

    pub(crate) fn put_object_tagging(
        &self,
        request: &S3Request<PutObjectTaggingInput>,
    ) -> Answer<PutObjectTaggingOutput> {
        let PutObjectTaggingInput { bucket, key, version_id, tagging, .. } = &request.input;
        let tags: Vec<(String, String)> = tagging
            .tag_set
            .iter()
            .map(|tag| (tag.key.clone().unwrap_or_default(), tag.value.clone().unwrap_or_default()))
            .collect();
        if tags.len() > 10 {
            return Err(Fault::new(400, "BadRequest", "Object tags cannot be greater than 10"));
        }
        let call = Call::of(request, self.0.clock.now());
        let version_id = self.retag(&call, "Put", bucket, key, version_id.as_deref(), tags)?;
        answer(PutObjectTaggingOutput { version_id })
    }

    pub(crate) fn delete_object_tagging(
        &self,
        request: &S3Request<DeleteObjectTaggingInput>,
    ) -> Answer<DeleteObjectTaggingOutput> {
        let DeleteObjectTaggingInput { bucket, key, version_id, .. } = &request.input;
        let call = Call::of(request, self.0.clock.now());
        let version_id = self.retag(&call, "Delete", bucket, key, version_id.as_deref(), Vec::new())?;
        answer(DeleteObjectTaggingOutput { version_id })
    }

    fn retag(
        &self,
        call: &Call<'_>,
        verb: &str,
        bucket: &str,
        key: &str,
        version: Option<&str>,
        tags: Vec<(String, String)>,
    ) -> Result<Option<String>, Fault> {
        let mut model = self.0.model();
        model.bucket(bucket)?;
        model.authorise(call, &action(verb, version), bucket, Some(key), &[])?;
        let method = if verb == "Put" { "PUT" } else { "DELETE" };
        let found = model.find_object(bucket, key, version, method)?;
        let id = found.id.clone();
        let shown = model.bucket(bucket)?.shown_id(found);
        if let Some(found) = model.version_mut(bucket, key, &id) {
            found.tags = tags;
        }
        model.rewrite_without_lock(bucket, key, &id, Defect::TaggingDropsLock);
        Ok(shown)
    }
}
