//! Ending and beginning again: what a restart must keep, and the ways in which one can lose it.

use crate::lock::{LegalHold, Mode, Retention};
use crate::time::{parse_wire, wire};

use super::defects::Defect;
use super::model::Model;
use super::objects::LockRequest;

/// A change of a lock that a store which writes late would not have written yet.
#[derive(Debug, Clone)]
pub(crate) struct LateChange {
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) version: String,
    pub(crate) retention: Option<Retention>,
    pub(crate) hold: Option<LegalHold>,
}

/// A lock as it is written down.
struct Written {
    retention: Option<(&'static str, String)>,
    hold: Option<&'static str>,
}

fn write(retention: Option<Retention>, hold: Option<LegalHold>) -> Written {
    Written {
        retention: retention.map(|kept| (kept.mode.as_str(), wire(kept.until))),
        hold: hold.map(LegalHold::as_str),
    }
}

fn read(written: &Written) -> (Option<Retention>, Option<LegalHold>) {
    let retention = written.retention.as_ref().and_then(|(mode, until)| {
        let mode = [Mode::Compliance, Mode::Governance].into_iter().find(|m| m.as_str() == *mode)?;
        Some(Retention { mode, until: parse_wire(until)? })
    });
    let hold =
        written.hold.map(|word| if word == LegalHold::On.as_str() { LegalHold::On } else { LegalHold::Off });
    (retention, hold)
}

impl Model {
    /// Writes every lock down and reads it again. `crash`: whatever a store writes late is not there.
    pub(crate) fn restart(&mut self, crash: bool) {
        let late = self.late.take();
        if crash {
            if let Some(change) = late
                && self.has(Defect::CrashForgetsLockChange)
                && let Some(found) = self.version_mut(&change.bucket, &change.key, &change.version)
            {
                (found.retention, found.hold) = (change.retention, change.hold);
            }
            self.forget_last_write();
        }
        let defects = self.defects;
        for bucket in self.buckets.values_mut() {
            for version in bucket.objects.values_mut().flatten() {
                let (retention, hold) = read(&write(version.retention, version.hold));
                version.retention = retention.filter(|_| !defects.has(Defect::RestartForgetsRetention));
                version.hold = hold.filter(|_| !defects.has(Defect::RestartForgetsHolds));
            }
            for upload in bucket.uploads.values_mut().filter(|u| u.lock.is_some()) {
                if defects.has(Defect::RestartForgetsUploadLocks) {
                    upload.lock = LockRequest::default();
                }
            }
            if let Some(lock) = &mut bucket.lock
                && lock.default.is_some()
                && defects.has(Defect::RestartForgetsDefault)
            {
                lock.default = None;
            }
        }
    }

    /// Loses the write that came last, as a store does that answers before it has written.
    fn forget_last_write(&mut self) {
        let versions = self.buckets.values().flat_map(|bucket| bucket.objects.values().flatten());
        let Some(last) = versions.map(|version| version.order).max() else { return };
        if !self.has(Defect::CrashForgetsLastWrite) {
            return;
        }
        for bucket in self.buckets.values_mut() {
            for versions in bucket.objects.values_mut() {
                versions.retain(|version| version.order != last);
            }
            bucket.objects.retain(|_, versions| !versions.is_empty());
        }
    }

    /// Notes how a lock was before it is changed.
    pub(crate) fn note_lock(&mut self, bucket: &str, key: &str, version: &str) {
        self.late = self.version_mut(bucket, key, version).map(|found| (found.retention, found.hold)).map(
            |(retention, hold)| LateChange {
                bucket: bucket.to_owned(),
                key: key.to_owned(),
                version: version.to_owned(),
                retention,
                hold,
            },
        );
    }
}
