//! Changing the lock of a version: retention and legal hold.

use chrono::{DateTime, Utc};

use crate::lock::{LegalHold, Retention};

use super::defects::Defect;
use super::fault::Fault;
use super::model::{Model, Version};
use super::protect::{Bypass, may_change};

impl Model {
    /// Sets, changes or (with `None`) removes the retention of a version.
    ///
    /// # Errors
    /// A date that has passed, no Object Lock on the bucket, the lock's refusal.
    pub fn set_retention(
        &mut self,
        name: &str,
        key: &str,
        version: Option<&str>,
        retention: Option<Retention>,
        bypass: Bypass,
        now: DateTime<Utc>,
    ) -> Result<(), Fault> {
        let retention = retention.map(|kept| self.kept(kept));
        let past = retention.is_some_and(|kept| kept.until <= now) && self.has(Defect::PastRetentionClears);
        if let Some(kept) = retention
            && kept.until <= now
            && !past
        {
            return Err(Fault::argument(
                "The retain until date must be in the future!",
                "RetainUntilDate",
                super::pacific::written(kept.until),
            ));
        }
        self.require_lock(name)?;
        let defects = self.defects;
        let version = self.beneath(name, key, version);
        let found = self.find_object(name, key, version.as_deref(), "PUT")?;
        let refusal =
            if past { None } else { may_change(found.retention, retention, bypass, now, defects).err() };
        if let Some(refusal) = refusal {
            let id = found.id.clone();
            if self.has(Defect::ShorteningRefusedAndStored)
                && let Some(found) = self.version_mut(name, key, &id)
            {
                found.retention = retention;
            }
            return Err(refusal);
        }
        let id = found.id.clone();
        let forgotten = match found.retention.filter(|_| found.is_locked(now)) {
            None => self.has(Defect::RetentionSetNotStored),
            Some(old) => {
                retention.is_some_and(|new| new.until > old.until) && self.has(Defect::ExtensionIgnored)
            }
        };
        let clears = found.hold.is_some() && self.has(Defect::RetentionClearsHold);
        self.note_lock(name, key, &id);
        if !forgotten && let Some(found) = self.version_mut(name, key, &id) {
            found.retention = retention;
            found.hold = found.hold.filter(|_| !clears);
        }
        if version.is_none() && self.others(name, key) && self.has(Defect::RetentionReachesAllVersions) {
            for found in self.bucket_mut(name)?.objects.get_mut(key).into_iter().flatten() {
                found.retention = retention;
            }
        }
        Ok(())
    }

    /// Sets the legal hold of a version.
    ///
    /// # Errors
    /// No Object Lock on the bucket, no such version.
    pub fn set_hold(
        &mut self,
        name: &str,
        key: &str,
        version: Option<&str>,
        hold: LegalHold,
    ) -> Result<(), Fault> {
        self.require_lock(name)?;
        let version = self.beneath(name, key, version);
        let found = self.find_object(name, key, version.as_deref(), "PUT")?;
        let (id, locked) = (found.id.clone(), found.retention.is_some());
        if hold == LegalHold::On && self.has(Defect::HoldSetNotStored) {
            return Ok(());
        }
        self.note_lock(name, key, &id);
        let clears = hold == LegalHold::Off && locked && self.has(Defect::HoldOffClearsRetention);
        if let Some(found) = self.version_mut(name, key, &id) {
            found.hold = Some(hold);
            found.retention = found.retention.filter(|_| !clears);
        }
        if hold == LegalHold::Off && self.others(name, key) && self.has(Defect::HoldOffReachesAllVersions) {
            for found in self.bucket_mut(name)?.objects.get_mut(key).into_iter().flatten() {
                found.hold = found.hold.and(Some(LegalHold::Off));
            }
        }
        Ok(())
    }

    /// Whether a key has more than one version.
    fn others(&self, name: &str, key: &str) -> bool {
        self.bucket(name).ok().and_then(|bucket| bucket.objects.get(key)).is_some_and(|all| all.len() > 1)
    }

    /// The version that a lock request is about: the one it names.
    fn beneath(&self, name: &str, key: &str, version: Option<&str>) -> Option<String> {
        let all = self.bucket(name).ok().and_then(|bucket| bucket.objects.get(key))?;
        let hidden = version.is_none() && all.last().is_some_and(Version::is_marker);
        if hidden && self.has(Defect::MarkerShinesThrough) {
            return all.iter().rev().find(|found| !found.is_marker()).map(|found| found.id.clone());
        }
        version.map(ToOwned::to_owned)
    }

    /// Refuses lock sub-resources where the bucket has no Object Lock.
    ///
    /// # Errors
    /// 400 `InvalidRequest`.
    pub fn require_lock(&self, name: &str) -> Result<(), Fault> {
        match self.bucket(name)?.lock {
            Some(_) => Ok(()),
            None if self.has(Defect::LockWithoutBucketLock) => Ok(()),
            None => Err(Fault::request("Bucket is missing Object Lock Configuration")),
        }
    }
}
