//! Writing, finding and deleting object versions.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::lock::{LegalHold, Mode, Retention};

use super::condition::Condition;
use super::convert::url_encoded;
use super::defects::Defect;
use super::fault::Fault;
use super::model::{Bucket, Model, NULL, Object, Version, Versioning, is_version_id};
use super::protect::{Bypass, may_destroy, whole};

/// How an object is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// PutObject.
    Put,
    /// CopyObject.
    Copy,
    /// A form.
    Form,
    /// CompleteMultipartUpload.
    Multipart,
}

/// A write that names an existing version (only with a defect).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aim {
    /// The version id.
    pub version: String,
    /// Whether the lock of the version survives.
    pub keeps_lock: bool,
}

/// The lock that a write asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LockRequest {
    /// An explicit retention.
    pub retention: Option<Retention>,
    /// A legal hold header, `OFF` included.
    pub hold: Option<LegalHold>,
}

impl LockRequest {
    /// Whether anything is asked for.
    #[must_use]
    pub fn is_some(self) -> bool {
        self.retention.is_some() || self.hold.is_some()
    }
}

/// A new version to be.
#[derive(Debug, Clone)]
pub struct Write {
    /// The content.
    pub object: Object,
    /// The lock asked for.
    pub lock: LockRequest,
    /// The tags.
    pub tags: Vec<(String, String)>,
    /// How it comes.
    pub via: Via,
    /// The version that it is aimed at, if any.
    pub aim: Option<Aim>,
}

/// What a delete did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Deleted {
    /// The id of the version that was deleted, or of the marker that was made.
    pub version: Option<String>,
    /// Whether that version is a marker.
    pub marker: bool,
}

/// A key without empty and dot segments.
fn cleaned(key: &str) -> String {
    let kept: Vec<&str> = key.split('/').filter(|part| !matches!(*part, "" | "." | "..")).collect();
    kept.join("/")
}

/// The defect by which such a write overwrites in place.
fn replaces(via: Via) -> Defect {
    match via {
        Via::Put => Defect::PutReplacesLockedVersion,
        Via::Copy => Defect::CopyReplacesLockedVersion,
        Via::Form => Defect::FormReplacesLockedVersion,
        Via::Multipart => Defect::MultipartReplacesLockedVersion,
    }
}

impl Model {
    /// The version that a read means.
    ///
    /// # Errors
    /// 404 for what is not there (a marker on top included), 400 for an id that is none.
    pub fn find(&self, bucket: &str, key: &str, version: Option<&str>) -> Result<&Version, Fault> {
        let bucket = self.bucket(bucket)?;
        let Some(id) = version else {
            return match bucket.current(key) {
                None => {
                    let ghost = bucket.ghosts.iter().find(|((found, _), _)| found == key);
                    ghost.map(|(_, version)| version).ok_or_else(|| Fault::no_key(key))
                }
                Some(marker) if marker.is_marker() => Err(Fault::no_key(key)
                    .header("x-amz-delete-marker", "true")
                    .header("x-amz-version-id", marker.id.clone())),
                Some(found) => Ok(found),
            };
        };
        if !is_version_id(id) {
            return Err(Fault::argument("Invalid version id specified", "versionId", id));
        }
        let versions = bucket.objects.get(key);
        versions
            .and_then(|versions| versions.iter().rev().find(|found| found.id == id))
            .or_else(|| bucket.ghosts.get(&(key.to_owned(), id.to_owned())))
            .ok_or_else(|| Fault::no_version(key, id))
    }

    /// The version that a sub-resource request (retention, hold, tags) means: a marker is 405.
    ///
    /// # Errors
    /// As [`Model::find`], and 405 for a marker, named or current.
    pub fn find_object(
        &self,
        bucket: &str,
        key: &str,
        version: Option<&str>,
        method: &str,
    ) -> Result<&Version, Fault> {
        let found = match version {
            None => self.bucket(bucket)?.current(key).ok_or_else(|| Fault::no_key(key))?,
            Some(_) => self.find(bucket, key, version)?,
        };
        if found.is_marker() { Err(Fault::marker(method, &found.id)) } else { Ok(found) }
    }

    /// The version with this id, to change.
    pub(crate) fn version_mut(&mut self, bucket: &str, key: &str, id: &str) -> Option<&mut Version> {
        let versions = self.buckets.get_mut(bucket)?.objects.get_mut(key)?;
        versions.iter_mut().rev().find(|found| found.id == id)
    }

    /// Writes a version; answers its id as the bucket shows it.
    ///
    /// # Errors
    /// A condition that does not hold, a lock on a bucket without Object Lock.
    pub fn put(
        &mut self,
        name: &str,
        key: &str,
        write: Write,
        condition: &Condition,
        now: DateTime<Utc>,
    ) -> Result<Option<String>, Fault> {
        let bucket = self.bucket(name)?;
        let held = condition.check(bucket.current(key), key, write.via, self.defects);
        self.check_lock(name, write.lock)?;
        if let Err(fault) = held {
            if self.has(Defect::ConditionRefusedAndWritten) {
                self.store(name, key, write, now)?;
            }
            return Err(fault);
        }
        self.store(name, key, write, now)
    }

    /// Refuses lock headers on a bucket that has no Object Lock.
    ///
    /// # Errors
    /// 400 `InvalidRequest`.
    pub fn check_lock(&self, name: &str, lock: LockRequest) -> Result<(), Fault> {
        if lock.is_some() && self.bucket(name)?.lock.is_none() && !self.has(Defect::LockWithoutBucketLock) {
            return Err(Fault::request("Bucket is missing ObjectLockConfiguration"));
        }
        Ok(())
    }

    /// The lock that a new version gets.
    fn lock_of(&self, bucket: &Bucket, write: &Write, now: DateTime<Utc>) -> LockRequest {
        let dropped = match write.via {
            Via::Put => Defect::LockHeadersIgnored,
            Via::Copy => Defect::CopyLockDropped,
            Via::Multipart => Defect::MultipartLockDropped,
            Via::Form => Defect::DefaultNotOnForm,
        };
        let asked =
            if write.lock.is_some() && self.has(dropped) { LockRequest::default() } else { write.lock };
        let unstamped = match write.via {
            Via::Put => Defect::DefaultNotOnPut,
            Via::Copy => Defect::DefaultNotOnCopy,
            Via::Multipart => Defect::DefaultNotOnMultipart,
            Via::Form => Defect::DefaultNotOnForm,
        };
        let default = bucket.lock.and_then(|lock| lock.default).filter(|_| {
            !(self.has(unstamped) || asked.hold.is_some() && self.has(Defect::HoldHeaderDropsDefault))
        });
        let by_default = default.map(|default| {
            let rule_set = bucket.lock_set.filter(|_| self.has(Defect::DefaultCountedFromRule));
            let mut stamp = default.stamp(rule_set.unwrap_or(now));
            if stamp.mode == Mode::Compliance && self.has(Defect::DefaultStampedAsGovernance) {
                stamp.mode = Mode::Governance;
            }
            stamp
        });
        let explicit =
            asked.retention.filter(|_| by_default.is_none() || !self.has(Defect::DefaultBeatsExplicit));
        let retention = explicit.or(by_default);
        LockRequest { retention: retention.map(|kept| self.kept(kept)), hold: asked.hold }
    }

    /// A retention as it is stored.
    pub(crate) fn kept(&self, asked: Retention) -> Retention {
        let weaker = asked.mode == Mode::Compliance && self.has(Defect::ComplianceStoredAsGovernance);
        let mode = if weaker { Mode::Governance } else { asked.mode };
        let until = whole(asked.until);
        let over = until.timestamp_millis().rem_euclid(60_000);
        let cut = over != 0 && self.has(Defect::DatesCutToMinutes);
        let until = if cut { until - TimeDelta::milliseconds(over) } else { until };
        Retention { mode, until }
    }

    /// Stores a version that has passed every check.
    pub(crate) fn store(
        &mut self,
        name: &str,
        key: &str,
        write: Write,
        now: DateTime<Utc>,
    ) -> Result<Option<String>, Fault> {
        let bucket = self.bucket(name)?;
        let versioning = bucket.versioning;
        let lock = self.lock_of(bucket, &write, now);
        let current = bucket.current(key).filter(|found| found.is_locked(now) && !found.is_marker());
        let in_place = match (&write.aim, current) {
            (None, Some(locked)) if self.has(replaces(write.via)) => {
                Some(Aim { version: locked.id.clone(), keeps_lock: false })
            }
            _ => write.aim.clone(),
        };
        let in_place = in_place.map(|aim| self.aimed_at(name, key, aim));
        if let Some(aim) = in_place
            && let Some(target) = self.version_mut(name, key, &aim.version)
        {
            target.object = Some(Arc::new(write.object));
            if !aim.keeps_lock {
                (target.retention, target.hold) = (lock.retention, lock.hold);
            }
            return Ok(Some(aim.version));
        }
        if write.via == Via::Put
            && let Some(old) = self.bucket(name)?.current(key).map(|found| found.id.clone())
            && self.has(Defect::OverwriteDropsOldVersion)
        {
            self.remove(name, key, &old)?;
        }
        let order = self.next_order();
        let id = if versioning == Versioning::Enabled { self.issue_id() } else { NULL.to_owned() };
        let version = Version {
            id: id.clone(),
            modified: now,
            order,
            object: Some(Arc::new(write.object)),
            retention: lock.retention,
            hold: lock.hold,
            tags: write.tags,
        };
        self.push(name, key, version)?;
        Ok((versioning != Versioning::Unset).then_some(id))
    }

    /// The version that a write with a version id is aimed at.
    fn aimed_at(&self, name: &str, key: &str, aim: Aim) -> Aim {
        let Ok(bucket) = self.bucket(name) else { return aim };
        let known = bucket.objects.get(key).is_some_and(|all| all.iter().any(|v| v.id == aim.version));
        match bucket.current(key) {
            Some(current) if !known && self.has(Defect::MadeUpVersionReplacesCurrent) => {
                Aim { version: current.id.clone(), keeps_lock: aim.keeps_lock }
            }
            _ => aim,
        }
    }

    /// Puts a version on top; a `null` version replaces the one before.
    fn push(&mut self, name: &str, key: &str, version: Version) -> Result<(), Fault> {
        let versions = self.bucket_mut(name)?.objects.entry(key.to_owned()).or_default();
        if version.id == NULL {
            versions.retain(|old| old.id != NULL);
        }
        versions.push(version);
        Ok(())
    }

    /// Deletes a version, or (without an id) puts a marker on top.
    ///
    /// # Errors
    /// The lock's refusal; 400 for an id that is none.
    pub fn delete(
        &mut self,
        name: &str,
        key: &str,
        version: Option<&str>,
        bypass: Bypass,
        now: DateTime<Utc>,
    ) -> Result<Deleted, Fault> {
        let bucket = self.bucket(name)?;
        let Some(id) = version else {
            let takes = || {
                (key.ends_with('/') && self.has(Defect::DirectoryKeyDeleted))
                    || self.has(Defect::SimpleDeleteIsPermanent)
            };
            let permanent = bucket.current(key).filter(|_| takes()).map(|found| found.id.clone());
            return match permanent {
                Some(id) => Ok(self.remove(name, key, &id)?.unwrap_or_default()),
                None => self.mark(name, key, now),
            };
        };
        let found = bucket.objects.get(key).and_then(|all| all.iter().find(|found| found.id == id));
        if found.is_none()
            && let Some(current) = bucket.current(key).map(|found| found.id.clone())
            && self.has(Defect::UnknownVersionDeletesCurrent)
        {
            return Ok(self.remove(name, key, &current)?.unwrap_or_default());
        }
        if !is_version_id(id) {
            return Err(Fault::argument("Invalid version id specified", "versionId", id));
        }
        let Some(found) = found else {
            return Ok(Deleted { version: Some(id.to_owned()), marker: false });
        };
        let current = bucket.current(key).is_some_and(|top| top.id == found.id);
        let overlooked = || {
            self.has(Defect::LockNotEnforced)
                || (!current && self.has(Defect::NoncurrentUnprotected))
                || (found.id == NULL && self.has(Defect::NullVersionUnprotected))
                || (cleaned(key) != key && self.has(Defect::CleanedKeyUnprotected))
                || (url_encoded(key) != key && self.has(Defect::EncodedKeyUnprotected))
                || (bucket.lock.is_none() && self.has(Defect::ForceCreateResetsBucket))
                || (found.modified > now && self.has(Defect::LockBeforeCreationIgnored))
                || (bucket.refused.contains(id) && self.has(Defect::RepeatedDeleteSucceeds))
        };
        if let Err(refusal) = may_destroy(found.retention, found.hold, bypass, now, self.defects)
            && !overlooked()
        {
            let was = Deleted { version: Some(id.to_owned()), marker: false };
            if self.has(Defect::AcceptsAndKeeps) {
                return Ok(was);
            }
            if self.has(Defect::DeletedStillReadable) {
                let ghost = found.clone();
                self.bucket_mut(name)?.ghosts.insert((key.to_owned(), id.to_owned()), ghost);
                self.remove(name, key, id)?;
            }
            if self.has(Defect::RefusesAndDeletes) {
                self.remove(name, key, id)?;
            }
            self.bucket_mut(name)?.refused.insert(id.to_owned());
            return Err(refusal);
        }
        let done = self.remove(name, key, id)?.unwrap_or_default();
        if done.marker && self.has(Defect::MarkerDeleteTakesVersion) {
            let below = self.bucket(name)?.current(key).map(|found| found.id.clone());
            self.remove(name, key, &below.unwrap_or_default())?;
        }
        Ok(done)
    }

    /// Removes a version without asking its lock.
    pub(crate) fn remove(&mut self, name: &str, key: &str, id: &str) -> Result<Option<Deleted>, Fault> {
        let bucket = self.bucket_mut(name)?;
        let Some(versions) = bucket.objects.get_mut(key) else { return Ok(None) };
        let Some(position) = versions.iter().position(|found| found.id == id) else { return Ok(None) };
        let gone = versions.remove(position);
        if versions.is_empty() {
            bucket.objects.remove(key);
        }
        if bucket.current(key).is_none_or(Version::is_marker) {
            bucket.disturb_uploads(key);
        }
        let shown = bucket.versioning != Versioning::Unset || gone.id != NULL;
        Ok(Some(Deleted { marker: gone.is_marker(), version: shown.then_some(gone.id) }))
    }

    /// A DELETE without a version id, by the bucket's versioning.
    fn mark(&mut self, name: &str, key: &str, now: DateTime<Utc>) -> Result<Deleted, Fault> {
        match self.bucket(name)?.versioning {
            Versioning::Unset => {
                self.remove(name, key, NULL)?;
                return Ok(Deleted::default());
            }
            Versioning::Suspended => {
                self.remove(name, key, NULL)?;
            }
            Versioning::Enabled => {}
        }
        let enabled = self.bucket(name)?.versioning == Versioning::Enabled;
        let order = self.next_order();
        let id = if enabled { self.issue_id() } else { NULL.to_owned() };
        let marker = Version {
            id: id.clone(),
            modified: now,
            order,
            object: None,
            retention: None,
            hold: None,
            tags: Vec::new(),
        };
        self.push(name, key, marker)?;
        self.bucket_mut(name)?.disturb_uploads(key);
        Ok(Deleted { version: Some(id), marker: true })
    }
}
