//! From a step to a request.

use http::Method;
use sha2::{Digest as _, Sha256};

use crate::lock::{LegalHold, Retention};
use crate::run::handles::{Absent, Part};
use crate::run::placeholders::{Spelling, fill, only_placeholders};
use crate::run::plan::lock_headers;
use crate::run::session::Session;
use crate::run::twin::default_of;
use crate::run::write::{Lock, makes_version};
use crate::run::zip;
use crate::scenario::{
    Action, ArchiveEntry, AskRetention, BodySpec, Integrity as Stated, On, Right, Role, Signature, Step,
    VersionRef, Versioning,
};
use crate::store::ops::{self, CopySource, DeleteEntry, LockHeaders, PostForm, VersionsQuery};
use crate::store::request::{Auth, Integrity, S3Request};

/// How long a presigned request is valid, in seconds.
const PRESIGNED_S: u32 = 900;

/// A request that is ready to be signed, and what the evidence says of it.
#[derive(Debug, Clone)]
pub(super) struct Outgoing {
    pub(super) request: S3Request,
    pub(super) asked: Option<Retention>,
    pub(super) sha256: Option<String>,
    /// The part that an accepted UploadPart adds.
    pub(super) part: Option<Part>,
}

/// What most actions need.
struct Aim {
    bucket: String,
    key: String,
    version: Option<String>,
}

fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

impl Session<'_> {
    /// Makes the request of one copy of a step.
    pub(super) fn outgoing(
        &self,
        index: usize,
        step: &Step,
        role: Role,
        copy: u32,
    ) -> Result<Outgoing, Absent> {
        let aim = self.aim(step)?;
        let mut lock = Lock::resolve(step.retention.as_ref(), step.hold, &self.handles, self.server_now())?;
        if self.adds_short_lock(step, role) && lock.is_empty() {
            lock = Lock::retained(self.short_lock());
        }
        let mut out = self.base_request(index, step, role, copy, &aim, &lock)?;
        out.asked = lock.asked();
        out.request = self.further(step, copy, &aim.bucket, out.request)?;
        Ok(out)
    }

    fn aim(&self, step: &Step) -> Result<Aim, Absent> {
        let bucket = self.handles.bucket_of_step(step)?;
        match step.object.as_deref() {
            None => Ok(Aim { bucket, key: String::new(), version: None }),
            Some(object) => Ok(Aim {
                bucket,
                key: self.handles.key(object),
                version: self.handles.version(object, &step.version_ref())?,
            }),
        }
    }

    /// Whether a write that asks for no lock gets a short one (see the module's rule).
    fn adds_short_lock(&self, step: &Step, role: Role) -> bool {
        let writes =
            matches!(step.action, Action::PutObject | Action::CopyObject | Action::CreateMultipartUpload);
        let in_audited =
            step.object.as_deref().and_then(|o| self.scenario.object(o)).is_some_and(|o| o.bucket.is_none());
        writes
            && lock_headers(step).is_empty()
            && in_audited
            && !self.env.own_server
            && role.holds(Right::PutObjectRetention)
            && self.audited.may_have_default()
    }

    /// The bytes that a step writes.
    fn content(&self, index: usize, step: &Step, copy: u32, bucket: &str) -> Result<String, Absent> {
        let text = step.content.as_deref().unwrap_or_default();
        let filled = fill(text, &self.handles, bucket, copy, Spelling::Plain)?;
        let exact = only_placeholders(text) || step.action == Action::Raw;
        Ok(if exact { filled } else { self.handles.unique(&filled, &format!("step-{index}-{copy}")) })
    }

    fn base_request(
        &self,
        index: usize,
        step: &Step,
        role: Role,
        copy: u32,
        aim: &Aim,
        lock: &Lock,
    ) -> Result<Outgoing, Absent> {
        let (bucket, key, version) = (aim.bucket.as_str(), aim.key.as_str(), aim.version.as_deref());
        let plain = |request: S3Request| Outgoing { request, asked: None, sha256: None, part: None };
        let of_version = |request: S3Request| match version {
            Some(id) => request.query("versionId", id),
            None => request,
        };
        let locked = |request: S3Request| lock.pairs().into_iter().fold(request, |r, (n, v)| r.header(n, &v));
        let body = step.body.as_deref().and_then(|b| self.scenario.body(b));
        let mut out = match step.action {
            Action::PutObject => {
                let (bytes, sha256) = if let Some(BodySpec::Archive { entries }) = body {
                    self.archive(entries, step.object.as_deref(), bucket, copy)?
                } else {
                    let bytes = self.content(index, step, copy, bucket)?.into_bytes();
                    let sha256 = digest(&bytes);
                    (bytes, sha256)
                };
                let request = of_version(ops::put_object(bucket, key, bytes, &LockHeaders::NONE));
                Outgoing { sha256: Some(sha256), ..plain(self.mark(locked(request), lock.asked())) }
            }
            Action::CopyObject => self.copy(step, bucket, key, lock, &of_version, &locked)?,
            Action::CreateMultipartUpload => {
                let request = of_version(ops::create_multipart_upload(bucket, key, &LockHeaders::NONE));
                plain(self.mark(locked(request), lock.asked()))
            }
            Action::UploadPart => {
                let upload = self.upload(step)?;
                let content = self.content(index, step, copy, bucket)?.into_bytes();
                let number = step.part.unwrap_or(1);
                let request = ops::upload_part(bucket, key, &upload.id, number, content.clone());
                let part = Some(Part { number, etag: String::new(), content });
                Outgoing { part, ..plain(locked(of_version(request))) }
            }
            Action::CompleteMultipartUpload => {
                let upload = self.upload(step)?;
                let parts: Vec<(u32, String)> =
                    upload.parts.iter().map(|p| (p.number, p.etag.clone())).collect();
                let whole: Vec<u8> = upload.parts.iter().flat_map(|p| p.content.clone()).collect();
                let request = ops::complete_multipart_upload(bucket, key, &upload.id, &parts);
                Outgoing { sha256: Some(digest(&whole)), ..plain(locked(of_version(request))) }
            }
            Action::AbortMultipartUpload => {
                plain(ops::abort_multipart_upload(bucket, key, &self.upload(step)?.id))
            }
            Action::GetObject => plain(ops::get_object(bucket, key, version)),
            Action::HeadObject => plain(ops::head_object(bucket, key, version)),
            Action::DeleteObject | Action::DeleteVersion => plain(ops::delete_object(bucket, key, version)),
            Action::DeleteObjects => plain(self.batch(body, bucket, step.quiet)?),
            Action::PutRetention => {
                let request = ops::put_object_retention(bucket, key, version, None);
                let xml = format!("<Retention xmlns=\"{}\">{}</Retention>", ops::NAMESPACE, lock.xml());
                plain(if matches!(step.retention, Some(AskRetention::Empty)) {
                    request
                } else {
                    request.body(xml)
                })
            }
            Action::GetRetention => plain(ops::get_object_retention(bucket, key, version)),
            Action::PutLegalHold => {
                let hold = step.hold.unwrap_or(LegalHold::On);
                plain(ops::put_object_legal_hold(bucket, key, version, hold))
            }
            Action::GetLegalHold => plain(ops::get_object_legal_hold(bucket, key, version)),
            Action::PutTagging => {
                let tags = [("wormproof", self.env.run_id.as_str())];
                plain(ops::put_object_tagging(bucket, key, version, &tags))
            }
            Action::DeleteTagging => plain(ops::delete_object_tagging(bucket, key, version)),
            Action::PostForm => self.form(index, step, role, copy, aim, lock, body)?,
            Action::PutBucketVersioning => {
                plain(ops::put_bucket_versioning(bucket, step.versioning == Some(Versioning::Enabled)))
            }
            Action::PutObjectLockConfiguration => {
                let default = step.default_retention.flatten().map(default_of);
                plain(ops::put_object_lock_configuration(bucket, default))
            }
            Action::PutBucketPolicy => {
                let text = step.policy.as_deref().unwrap_or_default().replace("{BUCKET}", bucket);
                plain(ops::put_bucket_policy(bucket, &text))
            }
            Action::DeleteBucketPolicy => plain(ops::delete_bucket_policy(bucket)),
            Action::CreateBucket => {
                plain(ops::create_bucket(bucket, false, &self.env.client.endpoint().region))
            }
            Action::DeleteBucket => plain(ops::delete_bucket(bucket)),
            Action::ListVersions => {
                let prefix = if key.is_empty() { self.handles.base.as_str() } else { key };
                plain(ops::list_object_versions(bucket, &VersionsQuery::of_prefix(prefix)))
            }
            Action::RestartServer | Action::MoveClock => {
                return Err(Absent("the step is no request".to_owned()));
            }
            Action::Raw => self.raw(index, step, copy, aim, lock, body)?,
        };
        if step.bypass_governance {
            out.request = out.request.bypass_governance();
        }
        Ok(out)
    }

    fn upload(&self, step: &Step) -> Result<&crate::run::handles::Upload, Absent> {
        let name = step.upload.as_deref().ok_or_else(|| Absent("the step names no upload".to_owned()))?;
        self.handles.uploads.get(name).ok_or_else(|| Absent::handle(name))
    }

    fn copy(
        &self,
        step: &Step,
        bucket: &str,
        key: &str,
        lock: &Lock,
        of_version: &dyn Fn(S3Request) -> S3Request,
        locked: &dyn Fn(S3Request) -> S3Request,
    ) -> Result<Outgoing, Absent> {
        let source = step.source.as_deref().ok_or_else(|| Absent("the copy has no source".to_owned()))?;
        let reference = step.source_version.clone().unwrap_or(VersionRef::Own);
        let version = self.handles.version(source, &reference)?;
        let spec = self.scenario.object(source).and_then(|o| o.bucket.as_deref());
        let source_bucket = self.handles.bucket(spec)?;
        let source_key = self.handles.key(source);
        let from = CopySource { bucket: &source_bucket, key: &source_key, version_id: version.as_deref() };
        let request = ops::copy_object(bucket, key, &from, &LockHeaders::NONE, step.replace_metadata);
        let mut request = locked(of_version(request));
        if step.replace_metadata {
            // Without the directive the copy inherits the source's metadata, which names the run already.
            request = self.mark(request, lock.asked());
        }
        Ok(Outgoing { request, asked: None, sha256: self.handles.sha256(source, &reference), part: None })
    }

    fn batch(&self, body: Option<&BodySpec>, bucket: &str, quiet: bool) -> Result<S3Request, Absent> {
        let Some(BodySpec::DeleteList { entries }) = body else {
            return Err(Absent("the step has no list of what to delete".to_owned()));
        };
        let entries: Vec<DeleteEntry> = entries
            .iter()
            .map(|(object, version)| {
                Ok(DeleteEntry {
                    key: self.handles.key(object),
                    version_id: self.handles.version(object, version)?,
                })
            })
            .collect::<Result<_, Absent>>()?;
        Ok(ops::delete_objects(bucket, &entries, quiet))
    }

    #[expect(clippy::too_many_arguments, reason = "a form is signed: it needs who, where and when")]
    fn form(
        &self,
        index: usize,
        step: &Step,
        role: Role,
        copy: u32,
        aim: &Aim,
        lock: &Lock,
        body: Option<&BodySpec>,
    ) -> Result<Outgoing, Absent> {
        let content = self.content(index, step, copy, &aim.bucket)?.into_bytes();
        let run = format!("x-amz-meta-{}", crate::run::RUN_METADATA);
        let mut fields: Vec<(String, String)> = vec![(run, self.env.run_id.clone())];
        fields.extend(lock.pairs().into_iter().map(|(n, v)| (n.to_owned(), v)));
        if let Some(BodySpec::Form { fields: more }) = body {
            for (name, value) in more {
                let value = fill(value, &self.handles, &aim.bucket, copy, Spelling::Plain)?;
                fields.push((name.clone(), value));
            }
        }
        let sha256 = Some(digest(&content));
        let form = PostForm {
            bucket: aim.bucket.clone(),
            key: aim.key.clone(),
            content,
            version_id: aim.version.clone(),
            fields,
            headers: Vec::new(),
        };
        let who = self.env.principal(role).flatten();
        let region = &self.env.client.endpoint().region;
        let request = ops::post_form(&form, who, region, self.env.clock.now());
        Ok(Outgoing { request, asked: None, sha256, part: None })
    }

    fn raw(
        &self,
        index: usize,
        step: &Step,
        copy: u32,
        aim: &Aim,
        lock: &Lock,
        body: Option<&BodySpec>,
    ) -> Result<Outgoing, Absent> {
        let method = Method::from_bytes(step.method.as_deref().unwrap_or("GET").as_bytes())
            .map_err(|_| Absent("the method is none of HTTP".to_owned()))?;
        let mut request = match (&step.object, step.on) {
            (Some(_), _) => S3Request::to_object(method, &aim.bucket, &aim.key, aim.version.as_deref()),
            (None, Some(On::Server)) => {
                let mut request = S3Request::new(method);
                request.key = step.path.as_deref().map(|p| p.trim_start_matches('/').to_owned());
                request
            }
            (None, _) => S3Request::to_bucket(method, &aim.bucket),
        };
        request = lock.pairs().into_iter().fold(request, |r, (n, v)| r.header(n, &v));
        let mut sha256 = None;
        match body {
            Some(BodySpec::Archive { entries }) => {
                let (bytes, entry) = self.archive(entries, step.object.as_deref(), &aim.bucket, copy)?;
                sha256 = Some(entry);
                request = request.body(bytes);
            }
            Some(BodySpec::Zip { entries }) => {
                let fill = |text: &str| fill(text, &self.handles, &aim.bucket, copy, Spelling::Plain);
                let entries: Vec<(String, String)> =
                    entries.iter().map(|(p, c)| Ok((fill(p)?, fill(c)?))).collect::<Result<_, Absent>>()?;
                request = request.body(zip::stored(&entries));
            }
            Some(BodySpec::DeleteList { .. }) => {
                request = request.body(self.batch(body, &aim.bucket, step.quiet)?.body);
            }
            _ if step.content.is_some() => {
                let text = self.content(index, step, copy, &aim.bucket)?;
                sha256 = Some(digest(text.as_bytes()));
                request = request.body(text);
            }
            _ => {}
        }
        if makes_version(step) {
            request = self.mark(request, lock.asked());
        } else {
            sha256 = None;
        }
        if !request.body.is_empty() {
            request = request.integrity(Integrity::ContentMd5);
        }
        Ok(Outgoing { request, asked: None, sha256, part: None })
    }

    /// A tar archive, and the digest of the entry that becomes `object` (or of the first).
    fn archive(
        &self,
        entries: &[ArchiveEntry],
        object: Option<&str>,
        bucket: &str,
        copy: u32,
    ) -> Result<(Vec<u8>, String), Absent> {
        let broken = |e: std::io::Error| Absent(format!("the archive cannot be written: {e}"));
        let mut tar = tar::Builder::new(Vec::new());
        let mut digests: Vec<(&str, String)> = Vec::new();
        for entry in entries {
            let content = self.handles.unique(&entry.content, &format!("entry-{}-{copy}", entry.object));
            let mut pax = Vec::new();
            for (name, value) in &entry.pax {
                pax.push((name.as_str(), fill(value, &self.handles, bucket, copy, Spelling::Plain)?));
            }
            if !pax.is_empty() {
                tar.append_pax_extensions(pax.iter().map(|(n, v)| (*n, v.as_bytes()))).map_err(broken)?;
            }
            let mut header = tar::Header::new_ustar();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            header.set_mtime(u64::try_from(self.server_now().timestamp()).unwrap_or(0));
            header.set_cksum();
            tar.append_data(&mut header, self.handles.key(&entry.object), content.as_bytes())
                .map_err(broken)?;
            digests.push((entry.object.as_str(), digest(content.as_bytes())));
        }
        let wanted = digests.iter().find(|(o, _)| Some(*o) == object).or_else(|| digests.first());
        let sha256 = wanted.map(|(_, d)| d.clone()).unwrap_or_default();
        Ok((tar.into_inner().map_err(broken)?, sha256))
    }

    /// Adds what any step may carry: conditions, further query and headers, integrity, presigning.
    fn further(
        &self,
        step: &Step,
        copy: u32,
        bucket: &str,
        mut request: S3Request,
    ) -> Result<S3Request, Absent> {
        let fill_in = |text: &str, spelling| fill(text, &self.handles, bucket, copy, spelling);
        for (name, value) in [("if-none-match", &step.if_none_match), ("if-match", &step.if_match)] {
            if let Some(value) = value {
                request = request.header(name, &fill_in(value, Spelling::Plain)?);
            }
        }
        for (name, value) in &step.query {
            request = request.query(name, &fill_in(value, Spelling::Plain)?);
        }
        let spelling = |name: &str| {
            if name.eq_ignore_ascii_case("x-amz-copy-source") {
                Spelling::CopySource
            } else {
                Spelling::Plain
            }
        };
        for (name, value) in &step.headers {
            request = request.header(name, &fill_in(value, spelling(name))?);
        }
        for (name, value) in &step.unsigned_headers {
            request = request.unsigned_header(name, &fill_in(value, spelling(name))?);
        }
        if let Some(stated) = step.integrity {
            request = request.integrity(match stated {
                Stated::ContentMd5 => Integrity::ContentMd5,
                Stated::Sha256 => Integrity::Sha256Checksum,
                Stated::Trailer => Integrity::Trailer,
                Stated::None => Integrity::None,
            });
        }
        let expires_s = PRESIGNED_S;
        request = match (step.presigned, step.signature == Some(Signature::Wrong)) {
            (true, true) => request.auth(Auth::WrongPresigned { expires_s }),
            (true, false) => request.auth(Auth::Presigned { expires_s }),
            (false, true) => request.auth(Auth::WrongSignature),
            (false, false) => request,
        };
        Ok(request)
    }
}
