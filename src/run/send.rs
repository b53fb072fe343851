//! From a step to its request, and from the answer to its evidence.

use std::collections::BTreeMap;

use http::Method;
use sha2::{Digest, Sha256};

use crate::lock::Retention;
use crate::record::evidence::{GroupEvidence, Placed, SentStep};
use crate::run::{Environment, ceil, place};
use crate::scenario::{
    Action, AskRetention, BodySpec, Integrity as Ask, Role, Scenario, Step, Until, VersionRef,
};
use crate::store::ops::{self, CopySource, DeleteEntry, LockHeaders};
use crate::store::request::{Auth, Integrity, S3Request};
use crate::time::{parse_wire, wire};

/// Lower-case hexadecimal SHA-256.
pub(super) fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// A multipart upload under way.
#[derive(Debug, Default, Clone)]
pub(super) struct Upload {
    pub id: String,
    pub key: String,
    pub parts: BTreeMap<u32, (String, Vec<u8>)>,
    /// It was completed: there is nothing to abort.
    pub completed: bool,
}

/// What a run knows when it sends a step.
pub(super) struct Scene<'a> {
    pub env: &'a Environment,
    pub scenario: &'a Scenario,
    pub objects: &'a [Placed],
    pub groups: &'a [GroupEvidence],
    pub uploads: &'a BTreeMap<String, Upload>,
    pub about: &'a str,
}

/// What one request came to.
pub(super) struct Done {
    pub sent: SentStep,
    pub etag: Option<String>,
    pub content: Vec<u8>,
}

impl Scene<'_> {
    fn placed(&self, object: &str) -> Option<&Placed> {
        self.objects.iter().find(|p| p.object == object)
    }

    /// The version id that a step made.
    fn made(&self, name: &str) -> Option<String> {
        let (index, _) = self.scenario.step(name)?;
        let done =
            self.groups.iter().flat_map(|g| &g.steps).find(|s| usize::try_from(s.step) == Ok(index))?;
        done.sent.iter().find_map(|s| s.version_id.clone())
    }

    /// The own version of an object: the upload's, or the first that a step made.
    fn own(&self, placed: &Placed) -> Option<String> {
        placed.version_id.clone().or_else(|| {
            self.groups.iter().flat_map(|g| &g.steps).find_map(|done| {
                let step = self.scenario.steps.get(usize::try_from(done.step).ok()?)?;
                let same = step.object.as_deref() == Some(placed.object.as_str());
                if same { done.sent.iter().find_map(|s| s.version_id.clone()) } else { None }
            })
        })
    }

    /// The version id that a request names. `Err` is the handle that was never issued.
    fn version(&self, placed: &Placed, version: &VersionRef) -> Result<Option<String>, String> {
        Ok(match version {
            VersionRef::Latest => None,
            VersionRef::Own => self.own(placed),
            VersionRef::Marker => Some(placed.marker_id.clone().ok_or_else(|| "marker".to_owned())?),
            VersionRef::Null => Some("null".to_owned()),
            VersionRef::Literal(text) => Some(text.clone()),
            VersionRef::Step(name) => Some(self.made(name).ok_or_else(|| name.clone())?),
            VersionRef::Unknown => {
                // As long and of the same letters as this store's ids, and no version's.
                let like =
                    self.own(placed).unwrap_or_else(|| "00000000-0000-4000-8000-000000000000".to_owned());
                Some(like.chars().map(|c| if c.is_ascii_digit() { '7' } else { c }).collect())
            }
        })
    }

    fn fill(&self, text: &str, copy: u32) -> String {
        let mut out = text.replace("{n}", &copy.to_string()).replace("{BUCKET}", &self.env.bucket);
        for placed in self.objects {
            let name = &placed.object;
            out = out.replace(&format!("{{{name}.key}}"), &placed.key);
            out = out.replace(&format!("{{{name}.version}}"), &self.own(placed).unwrap_or_default());
            if let Some(etag) = &placed.etag {
                out = out.replace(&format!("{{{name}.etag}}"), etag);
            }
            let until = placed.retention.map(|r| wire(r.until)).unwrap_or_default();
            out = out.replace(&format!("{{{name}.until}}"), &until);
        }
        for (name, upload) in self.uploads {
            out = out.replace(&format!("{{{name}.upload}}"), &upload.id);
        }
        out
    }

    fn asked(&self, step: &Step) -> Option<Retention> {
        let Some(AskRetention::Set { mode: Some(mode), until: Some(until) }) = &step.retention else {
            return None;
        };
        let until = match until {
            Until::Lasts(span) => span.after(ceil(self.env.client.server_now())),
            Until::At(instant) => *instant,
            Until::Relative(moment) => self.placed(&moment.object)?.retention?.until + moment.offset,
            Until::Literal(text) => parse_wire(text)?,
        };
        Some(Retention { mode: *mode, until })
    }

    /// The lock headers of a write that asks for half a lock, or for a date that is none.
    fn half_lock(&self, step: &Step) -> Vec<(&'static str, String)> {
        let writes =
            matches!(step.action, Action::PutObject | Action::CopyObject | Action::CreateMultipartUpload);
        let Some(AskRetention::Set { mode, until }) = step.retention.as_ref().filter(|_| writes) else {
            return Vec::new();
        };
        if self.asked(step).is_some() {
            return Vec::new();
        }
        let date = match until {
            Some(Until::Literal(text)) => Some(text.clone()),
            Some(Until::At(instant)) => Some(wire(*instant)),
            Some(Until::Lasts(span)) => Some(wire(span.after(ceil(self.env.client.server_now())))),
            Some(Until::Relative(_)) | None => None,
        };
        let mode = mode.map(|m| ("x-amz-object-lock-mode", m.as_str().to_owned()));
        mode.into_iter().chain(date.map(|d| ("x-amz-object-lock-retain-until-date", d))).collect()
    }

    /// The request of a step. `Err` names the handle that was never issued.
    fn request(
        &self,
        step: &Step,
        role: Role,
        copy: u32,
    ) -> Result<(S3Request, Option<String>, Vec<u8>), String> {
        let bucket = self.env.bucket.as_str();
        let placed = step.object.as_deref().and_then(|o| self.placed(o));
        let key = placed.map_or("", |p| p.key.as_str());
        let version = match placed {
            Some(placed) => self.version(placed, &step.version_ref())?,
            None => None,
        };
        let asked = self.asked(step);
        let lock = LockHeaders { retention: asked, hold: step.hold };
        let content = match &step.content {
            Some(text) => place::unique(self.env, &self.fill(text, copy)),
            None => Vec::new(),
        };
        let upload = match &step.upload {
            Some(name) => Some(self.uploads.get(name).ok_or_else(|| name.clone())?),
            None => None,
        };
        let aimed = |request: S3Request| match &version {
            Some(id) => request.query("versionId", id),
            None => request,
        };
        let mut makes = None;
        let request = match step.action {
            Action::PutObject => {
                makes = Some(sha256(&content));
                aimed(ops::put_object(bucket, key, content.clone(), &lock).integrity(Integrity::ContentMd5))
            }
            Action::CopyObject => {
                let source = step.source.as_deref().and_then(|s| self.placed(s)).ok_or("source")?;
                let id = self.version(source, step.source_version.as_ref().unwrap_or(&VersionRef::Own))?;
                makes.clone_from(&source.sha256);
                let source = CopySource { bucket, key: &source.key, version_id: id.as_deref() };
                aimed(ops::copy_object(bucket, key, &source, &lock, step.replace_metadata))
            }
            Action::CreateMultipartUpload => aimed(ops::create_multipart_upload(bucket, key, &lock)),
            Action::UploadPart => {
                let upload = upload.ok_or("upload")?;
                ops::upload_part(bucket, key, &upload.id, step.part.unwrap_or(1), content.clone())
            }
            Action::CompleteMultipartUpload => {
                let upload = upload.ok_or("upload")?;
                let whole: Vec<u8> = upload.parts.values().flat_map(|(_, bytes)| bytes.clone()).collect();
                makes = Some(sha256(&whole));
                let parts: Vec<(u32, String)> =
                    upload.parts.iter().map(|(n, (tag, _))| (*n, tag.clone())).collect();
                aimed(ops::complete_multipart_upload(bucket, key, &upload.id, &parts))
            }
            Action::AbortMultipartUpload => {
                ops::abort_multipart_upload(bucket, key, &upload.ok_or("upload")?.id)
            }
            Action::GetObject => ops::get_object(bucket, key, version.as_deref()),
            Action::HeadObject => ops::head_object(bucket, key, version.as_deref()),
            Action::DeleteObject | Action::DeleteVersion => {
                ops::delete_object(bucket, key, version.as_deref())
            }
            Action::DeleteObjects => {
                let Some(BodySpec::DeleteList { entries }) =
                    step.body.as_deref().and_then(|b| self.scenario.body(b))
                else {
                    return Err("body".to_owned());
                };
                let mut list = Vec::new();
                for (object, version) in entries {
                    let placed = self.placed(object).ok_or("object")?;
                    let version_id = self.version(placed, version)?;
                    list.push(DeleteEntry { key: placed.key.clone(), version_id });
                }
                ops::delete_objects(bucket, &list, step.quiet)
            }
            Action::PutRetention => ops::put_object_retention(bucket, key, version.as_deref(), asked),
            Action::GetRetention => ops::get_object_retention(bucket, key, version.as_deref()),
            Action::PutLegalHold => {
                ops::put_object_legal_hold(bucket, key, version.as_deref(), step.hold.ok_or("hold")?)
            }
            Action::GetLegalHold => ops::get_object_legal_hold(bucket, key, version.as_deref()),
            Action::PutTagging => {
                ops::put_object_tagging(bucket, key, version.as_deref(), &[("wormproof", &self.env.run_id)])
            }
            Action::DeleteTagging => ops::delete_object_tagging(bucket, key, version.as_deref()),
            Action::ListVersions => ops::list_object_versions(bucket, &ops::VersionsQuery::of_prefix(key)),
            Action::PostForm => {
                let fields = match step.body.as_deref().and_then(|b| self.scenario.body(b)) {
                    Some(BodySpec::Form { fields }) => {
                        fields.iter().map(|(n, v)| (n.clone(), self.fill(v, copy))).collect()
                    }
                    _ => Vec::new(),
                };
                makes = Some(sha256(&content));
                let form = ops::PostForm {
                    bucket: bucket.to_owned(),
                    key: key.to_owned(),
                    content: content.clone(),
                    version_id: version.clone(),
                    fields,
                    headers: Vec::new(),
                };
                let who = self.env.who(role).flatten();
                ops::post_form(&form, who, &self.env.client.endpoint().region, self.env.clock.now())
            }
            Action::Raw => {
                let method = step.method.as_deref().and_then(|m| m.parse::<Method>().ok()).ok_or("method")?;
                aimed(S3Request::to_object(method, bucket, key, None)).body(content.clone())
            }
            Action::PutBucketVersioning
            | Action::PutObjectLockConfiguration
            | Action::PutBucketPolicy
            | Action::DeleteBucketPolicy
            | Action::DeleteBucket => return Err("a bucket of the scenario".to_owned()),
        };
        let mut request = match step.integrity {
            Some(Ask::None) => request.integrity(Integrity::None),
            Some(Ask::Sha256) => request.integrity(Integrity::Sha256Checksum),
            Some(Ask::ContentMd5) => request.integrity(Integrity::ContentMd5),
            None => request,
        };
        for (name, value) in self.half_lock(step) {
            request = request.header(name, &value);
        }
        if step.bypass_governance {
            request = request.bypass_governance();
        }
        for (name, value) in [("if-none-match", &step.if_none_match), ("if-match", &step.if_match)] {
            if let Some(value) = value {
                request = request.header(name, &self.fill(value, copy));
            }
        }
        for (name, value) in &step.query {
            request = request.query(name, &self.fill(value, copy));
        }
        for (name, value) in &step.headers {
            request = request.header(name, &self.fill(value, copy));
        }
        for (name, value) in &step.unsigned_headers {
            request = request.unsigned_header(name, &self.fill(value, copy));
        }
        if step.presigned {
            request = request.auth(Auth::Presigned { expires_s: 600 });
        }
        Ok((request, makes, content))
    }

    /// Sends one copy of a step, once.
    pub(super) async fn send(&self, step: &Step, role: Role, copy: u32) -> Result<Done, String> {
        let (request, makes, content) = self.request(step, role, copy)?;
        let who = self.env.who(role).flatten();
        let reply = self.env.client.exchange(who, &request).await;
        let answer = reply.answer().filter(|a| a.error().is_none());
        let header = |name| answer.and_then(|a| a.header(name)).map(ToOwned::to_owned);
        let writes = matches!(
            step.action,
            Action::PutObject
                | Action::CopyObject
                | Action::CompleteMultipartUpload
                | Action::PostForm
                | Action::DeleteObject
                | Action::Raw
        );
        let version_id = if writes { header("x-amz-version-id") } else { None };
        let (etag, upload_id) = (header("etag"), answer.and_then(|a| a.element("UploadId")));
        let exchange = self.env.log.exchange(self.about, reply.exchange);
        let sent = SentStep { copy, exchange, asked: self.asked(step), sha256: makes, version_id, upload_id };
        Ok(Done { sent, etag, content })
    }
}
