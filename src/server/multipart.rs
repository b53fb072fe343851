//! Multipart uploads. Parts are not versions and know no lock; the completed version does.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use chrono::{DateTime, Utc};
use md5::{Digest, Md5};

use super::condition::{Condition, bare};
use super::defects::Defect;
use super::fault::Fault;
use super::model::{Bucket, Model, Object};
use super::objects::{Aim, LockRequest, Via, Write};

/// The smallest size of a part that is not the last, in bytes.
pub const MIN_PART: usize = 5 * 1024 * 1024;

/// An open upload.
#[derive(Debug, Clone)]
pub struct Upload {
    /// When it was begun.
    pub started: DateTime<Utc>,
    /// Its place in the order of writes.
    pub order: u64,
    /// What the object will be, without its content.
    pub object: Object,
    /// The lock asked for at the beginning.
    pub lock: LockRequest,
    /// The tags.
    pub tags: Vec<(String, String)>,
    /// The version that it is aimed at (only with a defect).
    pub aim: Option<Aim>,
    /// The parts so far.
    pub parts: BTreeMap<i32, Part>,
    /// Whether the key was deleted since.
    pub disturbed: bool,
}

/// One part.
#[derive(Debug, Clone)]
pub struct Part {
    /// The content.
    pub body: Bytes,
    /// The ETag without quotes.
    pub etag: String,
    /// When it came.
    pub modified: DateTime<Utc>,
}

impl Bucket {
    /// Remembers in all open uploads of `key` that the key was deleted.
    pub(crate) fn disturb_uploads(&mut self, key: &str) {
        if self.uploads.is_empty() {
            return;
        }
        let from = (key.to_owned(), String::new());
        for ((_, _), upload) in self.uploads.range_mut(from..).take_while(|((found, _), _)| found == key) {
            upload.disturbed = true;
        }
    }
}

fn no_upload(id: &str) -> Fault {
    Fault::new(
        404,
        "NoSuchUpload",
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.",
    )
    .with("UploadId", id)
}

impl Model {
    /// Begins an upload.
    ///
    /// # Errors
    /// A lock on a bucket without Object Lock.
    pub fn begin_upload(
        &mut self,
        name: &str,
        key: &str,
        write: Write,
        now: DateTime<Utc>,
    ) -> Result<String, Fault> {
        self.bucket(name)?;
        self.check_lock(name, write.lock)?;
        let order = self.next_order();
        let id = format!("{}{}", self.issue_id(), self.issue_id());
        let upload = Upload {
            started: now,
            order,
            object: write.object,
            lock: write.lock,
            tags: write.tags,
            aim: write.aim,
            parts: BTreeMap::new(),
            disturbed: false,
        };
        self.bucket_mut(name)?.uploads.insert((key.to_owned(), id.clone()), upload);
        Ok(id)
    }

    /// An open upload.
    ///
    /// # Errors
    /// 404 `NoSuchUpload`.
    pub fn upload(&self, name: &str, key: &str, id: &str) -> Result<&Upload, Fault> {
        self.bucket(name)?.uploads.get(&(key.to_owned(), id.to_owned())).ok_or_else(|| no_upload(id))
    }

    /// Stores a part; answers its ETag.
    ///
    /// # Errors
    /// 404 `NoSuchUpload`, 400 for a part number outside 1..=10000.
    pub fn put_part(
        &mut self,
        name: &str,
        key: &str,
        id: &str,
        number: i32,
        part: Part,
    ) -> Result<String, Fault> {
        if !(1..=10_000).contains(&number) {
            return Err(Fault::argument(
                "Part number must be an integer between 1 and 10000, inclusive",
                "partNumber",
                number.to_string(),
            ));
        }
        let bucket = self.bucket_mut(name)?;
        let upload = bucket.uploads.get_mut(&(key.to_owned(), id.to_owned())).ok_or_else(|| no_upload(id))?;
        let etag = part.etag.clone();
        upload.parts.insert(number, part);
        Ok(etag)
    }

    /// Throws an upload away.
    ///
    /// # Errors
    /// 404 `NoSuchUpload`.
    pub fn abort_upload(&mut self, name: &str, key: &str, id: &str) -> Result<(), Fault> {
        let bucket = self.bucket_mut(name)?;
        bucket.uploads.remove(&(key.to_owned(), id.to_owned())).map(|_| ()).ok_or_else(|| no_upload(id))
    }

    /// Puts the parts together. A refused condition leaves the upload open.
    ///
    /// # Errors
    /// 404 `NoSuchUpload`, 400 for the list of parts, and the condition's refusals.
    pub fn complete_upload(
        &mut self,
        name: &str,
        key: &str,
        id: &str,
        listed: &[(i32, String)],
        condition: &Condition,
        now: DateTime<Utc>,
    ) -> Result<(Option<String>, String), Fault> {
        let upload = self.upload(name, key, id)?;
        let current = self.bucket(name)?.current(key);
        condition.check(current, key, Via::Multipart, self.defects)?;
        let standing = current.filter(|found| !found.is_marker());
        if condition.if_none_match.is_some() && standing.is_none() && upload.disturbed {
            return Err(Fault::conflict("If-None-Match", key));
        }
        if condition.if_match.is_some() && standing.is_some_and(|found| found.order > upload.order) {
            return Err(Fault::conflict("If-Match", key));
        }
        let object = assemble(upload, listed, id)?;
        let etag = object.etag.clone();
        let write = Write {
            object,
            lock: upload.lock,
            tags: upload.tags.clone(),
            via: Via::Multipart,
            aim: upload.aim.clone(),
        };
        let version = self.store(name, key, write, now)?;
        if !self.has(Defect::RepeatedCompletionMakesVersion) {
            self.abort_upload(name, key, id)?;
        }
        Ok((version, etag))
    }

    /// Throws one part away.
    pub(crate) fn drop_part(&mut self, name: &str, key: &str, id: &str, number: i32) {
        let bucket = self.buckets.get_mut(name);
        if let Some(upload) = bucket.and_then(|found| found.uploads.get_mut(&(key.to_owned(), id.to_owned())))
        {
            upload.parts.remove(&number);
        }
    }

    /// Makes a version of the parts that are there.
    ///
    /// # Errors
    /// 404 `NoSuchUpload`.
    pub(crate) fn store_parts(
        &mut self,
        name: &str,
        key: &str,
        id: &str,
        now: DateTime<Utc>,
    ) -> Result<(), Fault> {
        let upload = self.upload(name, key, id)?;
        let listed: Vec<(i32, String)> =
            upload.parts.iter().map(|(number, part)| (*number, part.etag.clone())).collect();
        let object = assemble(upload, &listed, id)?;
        let (lock, tags) = (upload.lock, upload.tags.clone());
        let write = Write { object, lock, tags, via: Via::Multipart, aim: None };
        self.store(name, key, write, now).map(|_| ())
    }
}

fn assemble(upload: &Upload, listed: &[(i32, String)], id: &str) -> Result<Object, Fault> {
    if listed.is_empty() {
        return Err(Fault::xml());
    }
    let mut body = BytesMut::new();
    let mut sizes = Vec::with_capacity(listed.len());
    let mut digests = Md5::new();
    for (position, (number, etag)) in listed.iter().enumerate() {
        if position > 0 && listed[position - 1].0 >= *number {
            return Err(Fault::new(
                400,
                "InvalidPartOrder",
                "The list of parts was not in ascending order. Parts must be ordered by part number.",
            )
            .with("UploadId", id));
        }
        let part = upload.parts.get(number).filter(|part| part.etag == bare(etag)).ok_or_else(|| {
            Fault::new(
                400,
                "InvalidPart",
                "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
            )
            .with("UploadId", id)
            .with("PartNumber", number.to_string())
        })?;
        if position + 1 < listed.len() && part.body.len() < MIN_PART {
            return Err(Fault::new(
                400,
                "EntityTooSmall",
                "Your proposed upload is smaller than the minimum allowed size",
            )
            .with("ProposedSize", part.body.len().to_string())
            .with("PartNumber", number.to_string()));
        }
        digests.update(hex::decode(&part.etag).unwrap_or_default());
        sizes.push(u64::try_from(part.body.len()).unwrap_or(u64::MAX));
        body.extend_from_slice(&part.body);
    }
    let etag = format!("{}-{}", hex::encode(digests.finalize()), listed.len());
    Ok(Object { body: body.freeze(), etag, parts: sizes, checksum: None, ..upload.object.clone() })
}
