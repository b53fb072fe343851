//! Placing the canaries of a run, in the scenario's order, as the administrator.

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest as _, Sha256};

use crate::lock::{Mode, Retention};
use crate::record::evidence::Placed;
use crate::run::journal::JournalEntry;
use crate::run::session::Session;
use crate::run::write::{Lock, whole_second};
use crate::run::{EXPIRES_METADATA, RUN_METADATA, twin};
use crate::scenario::{ObjectSetup, ObjectSpec};
use crate::store::ops::{LockHeaders, delete_object, put_object};
use crate::store::request::S3Request;

/// The length, in seconds, of the explicit lock that keeps a bucket's default away.
pub const SHORT_LOCK_S: i64 = 3;

/// What a canary will be, reckoned before anything is sent.
struct Canary {
    lock: Lock,
    short: bool,
    content: String,
}

impl Session<'_> {
    /// Whether an object without a retention needs a short one of its own.
    pub(super) fn needs_short_lock(&self, spec: &ObjectSpec) -> bool {
        if spec.inherit || spec.retention.is_some() || spec.setup == ObjectSetup::Absent {
            return false;
        }
        match spec.bucket.as_deref().and_then(|b| self.scenario.bucket(b)) {
            Some(bucket) => twin::has_default(self, bucket),
            None => self.audited.may_have_default(),
        }
    }

    /// A lock that ends after [`SHORT_LOCK_S`].
    pub(super) fn short_lock(&self) -> Retention {
        let until = whole_second(self.server_now()) + TimeDelta::seconds(SHORT_LOCK_S);
        Retention { mode: Mode::Governance, until }
    }

    fn canary(&self, spec: &ObjectSpec) -> Result<Canary, String> {
        let now = self.server_now();
        let mut lock = Lock::resolve(spec.retention.as_ref(), spec.hold, &self.handles, now)
            .map_err(|absent| absent.0)?;
        let short = self.needs_short_lock(spec);
        if short {
            lock = Lock { hold: lock.hold, ..Lock::retained(self.short_lock()) };
        }
        if spec.inherit {
            lock = Lock::default();
        }
        Ok(Canary { lock, short, content: self.handles.unique(&spec.content, &spec.name) })
    }

    /// The journal's lines for the canaries; the ends are those of locks that begin now.
    pub(super) fn journal_of_objects(&self) -> Vec<JournalEntry> {
        self.scenario
            .objects
            .iter()
            .filter_map(|spec| {
                let bucket = self.bucket_name(spec.bucket.as_deref())?;
                let content = self.handles.unique(&spec.content, &spec.name);
                let present = spec.setup != ObjectSetup::Absent;
                Some(JournalEntry::Object {
                    run_id: self.env.run_id.clone(),
                    bucket,
                    key: self.handles.key(&spec.name),
                    sha256: present.then(|| hex::encode(Sha256::digest(content.as_bytes()))),
                    until: self.canary(spec).ok().and_then(|c| c.lock.asked()).map(|r| r.until),
                })
            })
            .collect()
    }

    /// Places one canary. The end of its short lock, if it must be waited for, is returned.
    pub(super) async fn place(&mut self, spec: &ObjectSpec) -> Result<Option<DateTime<Utc>>, String> {
        let bucket = self.handles.bucket(spec.bucket.as_deref()).map_err(|absent| absent.0)?;
        let key = self.handles.key(&spec.name);
        let mut placed = Placed {
            object: spec.name.clone(),
            bucket: bucket.clone(),
            key: key.clone(),
            sha256: None,
            version_id: None,
            marker_id: None,
            retention: None,
            hold: None,
            etag: None,
            inherit: spec.inherit,
            exchanges: Vec::new(),
            at: self.server_now(),
        };
        if spec.setup == ObjectSetup::Absent {
            self.handles.placed.push(placed);
            return Ok(None);
        }
        let canary = self.canary(spec)?;
        let request = canary.lock.pairs().into_iter().fold(
            put_object(&bucket, &key, canary.content.clone(), &LockHeaders::NONE),
            |r, (name, value)| r.header(name, &value),
        );
        let request = self.mark(request, canary.lock.asked());
        placed.sha256 = Some(hex::encode(Sha256::digest(canary.content.as_bytes())));
        placed.retention = canary.lock.asked();
        placed.hold = canary.lock.hold;
        let (reply, number) = self.as_administrator(&request).await;
        placed.exchanges.push(number);
        let header = |reply: &crate::store::client::Reply, name: &str| {
            reply.answer().and_then(|a| a.header(name)).filter(|v| !v.is_empty()).map(ToOwned::to_owned)
        };
        placed.version_id = header(&reply, "x-amz-version-id");
        placed.etag = header(&reply, "etag");
        let mut trouble = reply.trouble();
        if trouble.is_none() && spec.setup == ObjectSetup::Hidden {
            let (reply, number) = self.as_administrator(&delete_object(&bucket, &key, None)).await;
            placed.exchanges.push(number);
            placed.marker_id = header(&reply, "x-amz-version-id");
            trouble = reply.trouble();
        }
        placed.at = self.server_now();
        let wait = canary.short && spec.setup == ObjectSetup::Present;
        let until = placed.retention.filter(|_| wait).map(|r| r.until);
        self.handles.placed.push(placed);
        match trouble {
            Some(trouble) => Err(format!("{} could not be set up: {trouble}", spec.name)),
            None => Ok(until),
        }
    }

    /// Adds the metadata by which a canary is known.
    pub(super) fn mark(&self, request: S3Request, lock: Option<Retention>) -> S3Request {
        let expires = lock.map_or_else(|| "none".to_owned(), |r| crate::time::wire(r.until));
        request.metadata(RUN_METADATA, &self.env.run_id).metadata(EXPIRES_METADATA, &expires)
    }
}
