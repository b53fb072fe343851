//! The server's own cycle: carries lifecycle rules out some seconds after they were set. Only what the scenarios
//! need is known: expiry of current versions by a date, and of noncurrent versions by their number. Days, tags, sizes
//! and transitions are stored and do nothing.

use chrono::{DateTime, TimeDelta, Utc};
use s3s::dto::{ExpirationStatus, LifecycleRule};

use super::convert::instant;
use super::defects::{Defect, Defects};
use super::model::{Bucket, Model, Version, Versioning};

/// How long after its setting a rule is first carried out.
const CYCLE: TimeDelta = TimeDelta::seconds(10);

impl Model {
    /// What time alone does: rules whose cycle has come are carried out.
    pub(crate) fn tick(&mut self, now: DateTime<Utc>) {
        self.forget_ended(now);
        let due = |bucket: &Bucket| {
            bucket.settings.lifecycle.is_some()
                && bucket.settings.lifecycle_set.is_some_and(|set| set + CYCLE <= now)
        };
        let names: Vec<String> =
            self.buckets.iter().filter(|(_, bucket)| due(bucket)).map(|(name, _)| name.clone()).collect();
        for name in names {
            self.carry_out(&name, now);
        }
    }

    /// Takes off the locks that have ended, as a store may that keeps an index of the active ones. The clock may come
    /// back.
    fn forget_ended(&mut self, now: DateTime<Utc>) {
        let defects = self.defects;
        for version in self.buckets.values_mut().flat_map(|b| b.objects.values_mut().flatten()) {
            if version.retention.is_some_and(|kept| kept.until <= now)
                && defects.has(Defect::EndedLockForgotten)
            {
                version.retention = None;
            }
        }
    }

    fn carry_out(&mut self, name: &str, now: DateTime<Utc>) {
        let defects = self.defects;
        let Some(rules) = self.buckets.get(name).and_then(|bucket| bucket.settings.lifecycle.clone()) else {
            return;
        };
        for rule in rules.iter().filter(|rule| rule.status.as_str() == ExpirationStatus::ENABLED) {
            let prefix = prefix_of(rule);
            let keys: Vec<String> = match self.buckets.get(name) {
                Some(bucket) => {
                    bucket.objects.keys().filter(|key| key.starts_with(prefix)).cloned().collect()
                }
                None => return,
            };
            let date = rule.expiration.as_ref().and_then(|e| e.date.as_ref()).map(instant);
            let keep = rule
                .noncurrent_version_expiration
                .as_ref()
                .filter(|e| e.noncurrent_days.is_none_or(|d| d == 0));
            let keep = keep.and_then(|e| usize::try_from(e.newer_noncurrent_versions?).ok());
            for key in keys {
                if date.is_some_and(|date| date <= now) {
                    self.expire_current(name, &key, now);
                }
                let Some(bucket) = self.buckets.get_mut(name) else { return };
                if let (Some(keep), Some(versions)) = (keep, bucket.objects.get_mut(&key)) {
                    thin_out(versions, keep, now, defects);
                }
            }
        }
    }

    /// Lays a marker over the current version, as a deletion without a version id would.
    fn expire_current(&mut self, name: &str, key: &str, now: DateTime<Utc>) {
        let Some(current) = self.buckets.get(name).and_then(|bucket| bucket.current(key)) else { return };
        if current.is_marker() {
            return;
        }
        let (id, locked) = (current.id.clone(), current.is_locked(now));
        if locked && self.has(Defect::LifecycleRemovesCurrent) {
            let _ = self.remove(name, key, &id);
            return;
        }
        if self.buckets.get(name).is_some_and(|bucket| bucket.versioning != Versioning::Enabled) {
            if !locked {
                let _ = self.remove(name, key, &id);
            }
            return;
        }
        let (marker, order) = (self.issue_id(), self.next_order());
        if let Some(versions) = self.buckets.get_mut(name).and_then(|bucket| bucket.objects.get_mut(key)) {
            versions.push(Version {
                id: marker,
                modified: now,
                order,
                object: None,
                retention: None,
                hold: None,
                tags: Vec::new(),
            });
        }
    }
}

/// The keys that a rule is about.
fn prefix_of(rule: &LifecycleRule) -> &str {
    rule.filter.as_ref().and_then(|filter| filter.prefix.as_deref()).unwrap_or("")
}

/// Removes noncurrent versions that nothing protects, apart from the newest `keep`.
fn thin_out(versions: &mut Vec<Version>, keep: usize, now: DateTime<Utc>, defects: Defects) {
    let current = versions.len().saturating_sub(1);
    let noncurrent: Vec<u64> =
        versions[..current].iter().rev().filter(|v| !v.is_marker()).skip(keep).map(|v| v.order).collect();
    versions.retain(|version| {
        let held = version.hold == Some(crate::lock::LegalHold::On);
        let overlooked =
            if held { Defect::LifecycleCycleIgnoresHold } else { Defect::LifecycleCycleIgnoresRetention };
        let spared = version.is_locked(now) && !defects.has(overlooked);
        !noncurrent.contains(&version.order) || spared
    });
}
