//! Writing objects: PutObject, forms, CopyObject.

use chrono::{DateTime, Utc};
use http::HeaderMap;
#[cfg_attr(not(test), expect(clippy::wildcard_imports, reason = "the schema's types, under its names"))]
use s3s::dto::*;
use s3s::{S3Request, S3Response};

use super::access::Call;
use super::checks;
use super::condition::{Condition, bare};
use super::convert::{
    Answer, add, add_checksum, described, etag, lock_context, lock_request, md5_hex, read_body, tags_of,
    timestamp,
};
use super::defects::Defect;
use super::fault::Fault;
use super::model::{Bucket as ModelBucket, Model, NULL, Version};
use super::objects::{Aim, LockRequest, Via, Write};
use super::service::Service;

/// The condition headers of a write.
pub(crate) fn condition_of(call: &Call<'_>) -> Condition {
    let text = |name| call.header(name).map(str::to_owned);
    Condition { if_match: text("if-match"), if_none_match: text("if-none-match") }
}

/// The rights that a write needs: the object, and each lock that is asked for by itself.
pub(crate) fn authorise_write(
    model: &Model,
    call: &Call<'_>,
    bucket: &str,
    key: &str,
    lock: LockRequest,
    tagged: bool,
    creates: bool,
) -> Result<(), Fault> {
    let mut context = lock_context(lock, call.now);
    context.push(("s3:ObjectCreationOperation", creates.to_string()));
    for (name, header) in [("s3:if-none-match", "if-none-match"), ("s3:if-match", "if-match")] {
        context.extend(call.header(header).map(|value| (name, value.to_owned())));
    }
    let check = |action| model.authorise(call, action, bucket, Some(key), &context);
    check("s3:PutObject")?;
    if call.header("if-match").is_some() && creates {
        check("s3:GetObject")?;
    }
    let locks = [
        lock.retention.is_some().then_some("s3:PutObjectRetention"),
        lock.hold.is_some().then_some("s3:PutObjectLegalHold"),
    ];
    for action in locks.into_iter().flatten() {
        check(action).or_else(|fault| {
            let copied = call.header("x-amz-copy-source").is_some();
            let free = model.has(Defect::LockHeadersWithoutRight)
                || (copied && model.has(Defect::CopyLockWithoutRight))
                || (!creates && model.has(Defect::MultipartLockWithoutRight));
            if free { Ok(()) } else { Err(fault) }
        })?;
    }
    if tagged {
        check("s3:PutObjectTagging")?;
    }
    Ok(())
}

/// Under Object Lock an upload must carry a digest (PUT-11, PUT-12).
fn require_digest(bucket: &ModelBucket, lock: LockRequest, headers: &HeaderMap) -> Result<(), Fault> {
    let locks = lock.is_some() || bucket.lock.is_some_and(|config| config.default.is_some());
    if bucket.lock.is_some() && locks && !checks::has_any(headers) {
        return Err(Fault::request(
            "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters",
        ));
    }
    Ok(())
}

/// What answers to a write say of the object.
fn stored_headers(checksum: Option<&(&'static str, String)>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    add(&mut headers, "x-amz-server-side-encryption", Some("AES256"));
    if let Some((algorithm, value)) = checksum {
        add_checksum(&mut headers, algorithm, value);
        add(&mut headers, "x-amz-checksum-type", Some("FULL_OBJECT"));
    }
    headers
}

impl Service {
    pub(crate) async fn put_object(&self, mut request: S3Request<PutObjectInput>) -> Answer<PutObjectOutput> {
        let body = request.input.body.take();
        let (body, checksum) = read_body(body, &request.headers, request.trailing_headers.as_ref()).await?;
        let call = Call::of(&request, self.0.clock.now());
        let input = &request.input;
        let lock = lock_request(
            input.object_lock_mode.as_ref(),
            input.object_lock_retain_until_date.as_ref(),
            input.object_lock_legal_hold_status.as_ref(),
            call.now,
            self.0.defects,
        )?;
        let condition = condition_of(&call);
        let mut object = described(&call, input.metadata.clone());
        object.etag = md5_hex(&body);
        (object.body, object.checksum) = (body, checksum.clone());
        let keeps = |version| Aim { version, keeps_lock: self.0.has(Defect::PutVersionIdReplaces) };
        let aim = call.caller.seen.aimed.clone().map(keeps);
        let write = Write { object, lock, tags: tags_of(input.tagging.as_deref()), via: Via::Put, aim };
        let shown = etag(&write.object.etag);
        self.rename(&call, &input.bucket, &input.key);
        {
            let model = self.0.model();
            model.bucket(&input.bucket)?;
            let tagged = input.tagging.is_some();
            authorise_write(&model, &call, &input.bucket, &input.key, lock, tagged, true)?;
            model.check_lock(&input.bucket, lock)?;
            require_digest(model.bucket(&input.bucket)?, lock, &request.headers)?;
        }
        self.unpack(&call, &input.bucket, &write)?;
        self.append(&call, &input.bucket, &input.key, &write);
        let condition = self.race(&input.bucket, &input.key, condition).await?;
        let version_id = self.0.model().put(&input.bucket, &input.key, write, &condition, call.now)?;
        self.forget_default(&call, &input.bucket, &input.key, version_id.as_deref());
        // While versioning is suspended an upload does not name its version (a copy does): DEL-21.
        let version_id = version_id.filter(|id| id != NULL);
        let output = PutObjectOutput { e_tag: Some(shown), version_id, ..Default::default() };
        Ok(S3Response::with_headers(output, stored_headers(checksum.as_ref())))
    }

    /// With the race defect the condition is checked here, and others run before the write.
    async fn race(&self, bucket: &str, key: &str, condition: Condition) -> Result<Condition, Fault> {
        if condition.if_none_match.is_none() || !self.0.has(Defect::IfNoneMatchRace) {
            return Ok(condition);
        }
        {
            let model = self.0.model();
            condition.check(model.bucket(bucket)?.current(key), key, Via::Put, model.defects)?;
        }
        for _ in 0..8 {
            tokio::task::yield_now().await;
        }
        Ok(Condition::default())
    }

    pub(crate) async fn post_object(
        &self,
        mut request: S3Request<PostObjectInput>,
    ) -> Answer<PostObjectOutput> {
        let body = request.input.body.take();
        let (body, _) = read_body(body, &HeaderMap::new(), None).await?;
        let call = Call::of(&request, self.0.clock.now());
        let input = &request.input;
        let seen = call.caller.seen.clone();
        let key = input.key.replace("${filename}", seen.filename.as_deref().unwrap_or(""));
        let lock = lock_request(
            input.object_lock_mode.as_ref(),
            input.object_lock_retain_until_date.as_ref(),
            input.object_lock_legal_hold_status.as_ref(),
            call.now,
            self.0.defects,
        )?;
        let mut object = described(&call, input.metadata.clone());
        object.headers.retain(|(name, _)| *name != "content-type");
        let kind = input.content_type.as_ref().map_or("binary/octet-stream", |kind| kind.as_ref());
        object.headers.push(("content-type", kind.to_owned()));
        object.etag = md5_hex(&body);
        object.body = body;
        let aim = seen.aimed.clone().map(|version| Aim { version, keeps_lock: false });
        let write = Write { object, lock, tags: Vec::new(), via: Via::Form, aim };
        let shown = write.object.etag.clone();
        let mut model = self.0.model();
        model.bucket(&input.bucket)?;
        let asked = if self.0.has(Defect::FormLockWithoutRight) { LockRequest::default() } else { lock };
        authorise_write(&model, &call, &input.bucket, &key, asked, input.tagging.is_some(), true)?;
        let version_id = model.put(&input.bucket, &key, write, &Condition::default(), call.now)?;
        let mut headers = HeaderMap::new();
        add(&mut headers, "x-amz-version-id", version_id.as_deref());
        add(&mut headers, "etag", Some(&format!("\"{shown}\"")));
        if input.success_action_redirect.is_none() {
            let location = format!("/{}/{}", input.bucket, super::convert::url_encoded(&key));
            add(&mut headers, "location", Some(&location));
        }
        let output = PostObjectOutput { e_tag: Some(etag(&shown)), version_id, ..Default::default() };
        Ok(S3Response::with_headers(output, headers))
    }

    pub(crate) fn copy_object(&self, request: &S3Request<CopyObjectInput>) -> Answer<CopyObjectOutput> {
        let call = Call::of(request, self.0.clock.now());
        let input = &request.input;
        let condition = condition_of(&call);
        condition.check_form()?;
        let lock = lock_request(
            input.object_lock_mode.as_ref(),
            input.object_lock_retain_until_date.as_ref(),
            input.object_lock_legal_hold_status.as_ref(),
            call.now,
            self.0.defects,
        )?;
        let mut model = self.0.model();
        let (from, source, named) = find_source(&model, &call, &input.copy_source)?;
        let replace = input.metadata_directive.as_ref().is_some_and(|one| one.as_str() == "REPLACE");
        let same = from == (input.bucket.as_str(), input.key.as_str());
        let changes = replace
            || ["x-amz-storage-class", "x-amz-website-redirect-location", "x-amz-server-side-encryption"]
                .iter()
                .any(|name| call.header(name).is_some());
        if same && !named && !changes {
            return Err(Fault::request(
                "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
            ));
        }
        let retag = input.tagging_directive.as_ref().is_some_and(|one| one.as_str() == "REPLACE");
        model.bucket(&input.bucket)?;
        authorise_write(&model, &call, &input.bucket, &input.key, lock, retag, true)?;
        let old = source.object.as_deref().cloned().unwrap_or_default();
        let mut object = if replace { described(&call, input.metadata.clone()) } else { old.clone() };
        object.etag = md5_hex(&old.body);
        (object.body, object.checksum) = (old.body, old.checksum);
        object.parts = Vec::new();
        let tags = if retag { tags_of(input.tagging.as_deref()) } else { source.tags.clone() };
        let stripped = same && source.is_locked(call.now) && self.0.has(Defect::CopyOntoSelfStripsLock);
        let aim = match call.caller.seen.aimed.clone() {
            None => stripped.then(|| Aim { version: source.id.clone(), keeps_lock: false }),
            Some(version) => Some(Aim { version, keeps_lock: self.0.has(Defect::PutVersionIdReplaces) }),
        };
        let shown = object.etag.clone();
        let source_bucket = model.bucket(from.0)?;
        let source_id = source_bucket.shown_id(&source).filter(|id| id != NULL);
        let write = Write { object, lock, tags, via: Via::Copy, aim };
        let (source_bucket, source_key) = (from.0.to_owned(), from.1.to_owned());
        model.rewrite_without_lock(&source_bucket, &source_key, &source.id, Defect::CopyMovesLock);
        let version_id = model.put(&input.bucket, &input.key, write, &condition, call.now)?;
        let result = CopyObjectResult {
            e_tag: Some(etag(&shown)),
            last_modified: Some(timestamp(call.now)),
            ..Default::default()
        };
        let output = CopyObjectOutput {
            copy_object_result: Some(result),
            copy_source_version_id: source_id,
            version_id,
            ..Default::default()
        };
        Ok(S3Response::with_headers(output, stored_headers(None)))
    }
}

/// The source of a copy: bucket and key, the version, and whether the version was named.
pub(crate) fn find_source<'s>(
    model: &Model,
    call: &Call<'_>,
    source: &'s CopySource,
) -> Result<((&'s str, &'s str), Version, bool), Fault> {
    let CopySource::Bucket { bucket, key, version_id } = source else {
        return Err(Fault::argument(
            "Copy sources other than buckets are not implemented",
            "x-amz-copy-source",
            "",
        ));
    };
    let version = version_id.as_deref();
    model.bucket(bucket)?;
    let action = if version.is_some() { "s3:GetObjectVersion" } else { "s3:GetObject" };
    let context: Vec<_> = version.map(|id| ("s3:versionid", id.to_owned())).into_iter().collect();
    model.authorise(call, action, bucket, Some(key), &context)?;
    let found = model.find(bucket, key, version)?.clone();
    let Some(object) = found.object.as_deref() else {
        return Err(Fault::request(
            "The source of a copy request may not specifically refer to a delete marker by version id.",
        ));
    };
    check_source(call, found.modified, &object.etag)?;
    Ok(((bucket, key), found, version.is_some()))
}

/// The conditions on the source of a copy, in the order recorded (CND-31): a condition by ETag outranks
/// the date that goes with it, and a date in the future is no condition.
fn check_source(call: &Call<'_>, modified: DateTime<Utc>, etag: &str) -> Result<(), Fault> {
    let modified = modified.timestamp();
    let tag = |name: &str| call.header(name).map(|one| bare(one) == etag);
    let date = |name: &str| call.header(name).and_then(crate::time::parse_http_date).map(|d| d.timestamp());
    let (same, other) = (tag("x-amz-copy-source-if-match"), tag("x-amz-copy-source-if-none-match"));
    let before = date("x-amz-copy-source-if-unmodified-since");
    let after = date("x-amz-copy-source-if-modified-since").filter(|date| *date <= call.now.timestamp());
    let failed = if same == Some(false) {
        "x-amz-copy-source-If-Match"
    } else if same.is_none() && before.is_some_and(|date| modified > date) {
        "x-amz-copy-source-If-Unmodified-Since"
    } else if other == Some(true) {
        "x-amz-copy-source-If-None-Match"
    } else if other.is_none() && after.is_some_and(|date| modified <= date) {
        "x-amz-copy-source-If-Modified-Since"
    } else {
        return Ok(());
    };
    Err(Fault::precondition(failed))
}
