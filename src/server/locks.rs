//! Operations on locks: versioning, Object Lock configuration, retention, legal hold.

use s3s::S3Request;
#[cfg_attr(not(test), expect(clippy::wildcard_imports, reason = "the schema's types, under its names"))]
use s3s::dto::*;

use crate::lock::{LegalHold, Mode, Retention};

use super::access::Call;
use super::convert::{Answer, answer, instant, lock_context, timestamp};
use super::defects::Defect;
use super::fault::Fault;
use super::model::{LockConfig, Version, Versioning};
use super::objects::LockRequest;
use super::protect::{Bypass, DefaultRetention as Default_, Period};
use super::service::Service;

fn never_set() -> Fault {
    Fault::new(
        404,
        "NoSuchObjectLockConfiguration",
        "The specified object does not have a ObjectLock configuration",
    )
}

/// The mode as the schema has it: upper case, nothing else.
fn exact_mode(text: &str) -> Result<Mode, Fault> {
    Mode::parse(text).filter(|mode| mode.as_str() == text).ok_or_else(Fault::xml)
}

/// What a document says of the lock; `None` where it does not say `Enabled`.
fn lock_config(document: Option<ObjectLockConfiguration>) -> Result<Option<LockConfig>, Fault> {
    let document = document.unwrap_or_default();
    if document.object_lock_enabled.as_ref().map(ObjectLockEnabled::as_str) != Some("Enabled") {
        return Ok(None);
    }
    let Some(rule) = document.rule else { return Ok(Some(LockConfig::default())) };
    let retention = rule.default_retention.ok_or_else(Fault::xml)?;
    let mode = exact_mode(retention.mode.as_ref().map_or("", ObjectLockRetentionMode::as_str))?;
    let (period, number, name, limit) = match (retention.days, retention.years) {
        (Some(days), None) => (Period::Days(days), days, "Days", 36_500),
        (None, Some(years)) => (Period::Years(years), years, "Years", 100),
        _ => return Err(Fault::xml()),
    };
    if number <= 0 {
        let message = "Default retention period must be a positive integer value.";
        return Err(Fault::argument(message, name, number.to_string()));
    }
    if number > limit {
        return Err(Fault::argument("Default retention period too large.", name, number.to_string()));
    }
    Ok(Some(LockConfig { default: Some(Default_ { mode, period }) }))
}

impl Service {
    pub(crate) fn get_bucket_versioning(
        &self,
        request: &S3Request<GetBucketVersioningInput>,
    ) -> Answer<GetBucketVersioningOutput> {
        let bucket = request.input.bucket.clone();
        self.with_bucket(request, "s3:GetBucketVersioning", &bucket, |model| {
            let status = match model.bucket(&bucket)?.versioning {
                Versioning::Unset => None,
                Versioning::Enabled => {
                    Some(BucketVersioningStatus::from_static(BucketVersioningStatus::ENABLED))
                }
                Versioning::Suspended => {
                    Some(BucketVersioningStatus::from_static(BucketVersioningStatus::SUSPENDED))
                }
            };
            answer(GetBucketVersioningOutput { status, ..Default::default() })
        })
    }

    pub(crate) fn put_bucket_versioning(
        &self,
        request: &S3Request<PutBucketVersioningInput>,
    ) -> Answer<PutBucketVersioningOutput> {
        let bucket = request.input.bucket.clone();
        let wanted = match request
            .input
            .versioning_configuration
            .status
            .as_ref()
            .map(BucketVersioningStatus::as_str)
        {
            Some("Enabled") => Versioning::Enabled,
            Some("Suspended") => Versioning::Suspended,
            _ => return Err(Fault::xml()),
        };
        self.with_bucket(request, "s3:PutBucketVersioning", &bucket, |model| {
            model.set_versioning(&bucket, wanted)?;
            answer(PutBucketVersioningOutput::default())
        })
    }

    pub(crate) fn get_object_lock_configuration(
        &self,
        request: &S3Request<GetObjectLockConfigurationInput>,
    ) -> Answer<GetObjectLockConfigurationOutput> {
        let bucket = request.input.bucket.clone();
        self.with_bucket(request, "s3:GetBucketObjectLockConfiguration", &bucket, |model| {
            let default = model.lock_config(&bucket)?.default;
            let rule = default.map(|default| {
                let (days, years) = match default.period {
                    Period::Days(days) => (Some(days), None),
                    Period::Years(years) => (None, Some(years)),
                };
                let mode = Some(ObjectLockRetentionMode::from_static(default.mode.as_str()));
                ObjectLockRule { default_retention: Some(DefaultRetention { days, mode, years }) }
            });
            answer(GetObjectLockConfigurationOutput {
                object_lock_configuration: Some(ObjectLockConfiguration {
                    object_lock_enabled: Some(ObjectLockEnabled::from_static(ObjectLockEnabled::ENABLED)),
                    rule,
                }),
            })
        })
    }

    pub(crate) fn put_object_lock_configuration(
        &self,
        request: &S3Request<PutObjectLockConfigurationInput>,
    ) -> Answer<PutObjectLockConfigurationOutput> {
        let bucket = request.input.bucket.clone();
        let config = lock_config(request.input.object_lock_configuration.clone());
        let now = self.0.clock.now();
        self.with_bucket(request, "s3:PutBucketObjectLockConfiguration", &bucket, |model| {
            model.set_lock(&bucket, config?, now)?;
            answer(PutObjectLockConfigurationOutput::default())
        })
    }

    pub(crate) fn get_object_retention(
        &self,
        request: &S3Request<GetObjectRetentionInput>,
    ) -> Answer<GetObjectRetentionOutput> {
        let GetObjectRetentionInput { bucket, key, version_id, .. } = &request.input;
        let call = Call::of(request, self.0.clock.now());
        let model = self.0.model();
        model.bucket(bucket)?;
        model.authorise(&call, "s3:GetObjectRetention", bucket, Some(key), &[])?;
        model.require_lock(bucket)?;
        let found = model.find_object(bucket, key, version_id.as_deref(), "GET")?;
        if found.retention.is_none() && self.0.has(Defect::NeverSetLockAnswersEmpty) {
            return answer(GetObjectRetentionOutput { retention: Some(ObjectLockRetention::default()) });
        }
        let kept = found.retention.ok_or_else(never_set)?;
        answer(GetObjectRetentionOutput {
            retention: Some(ObjectLockRetention {
                mode: Some(ObjectLockRetentionMode::from_static(kept.mode.as_str())),
                retain_until_date: Some(timestamp(kept.until)),
            }),
        })
    }

    pub(crate) async fn put_object_retention(
        &self,
        request: S3Request<PutObjectRetentionInput>,
    ) -> Answer<PutObjectRetentionOutput> {
        let PutObjectRetentionInput { bucket, key, version_id, retention, .. } = &request.input;
        let document = retention.clone().unwrap_or_default();
        let half = document.mode.is_some() != document.retain_until_date.is_some();
        let cleared = half && self.0.has(Defect::HalfRetentionClears);
        let retention = match (document.mode, document.retain_until_date) {
            (None, None) => None,
            _ if cleared => None,
            (Some(mode), Some(until)) => {
                let shown: ::time::OffsetDateTime = until.into();
                let ignored = shown.offset() != ::time::UtcOffset::UTC && self.0.has(Defect::OffsetIgnored);
                let read = if ignored { shown.replace_offset(::time::UtcOffset::UTC) } else { shown };
                Some(Retention { mode: exact_mode(mode.as_str())?, until: instant(&read.into()) })
            }
            _ => return Err(Fault::xml()),
        };
        let call = Call::of(&request, self.0.clock.now());
        let read_before = self.race_of_locks(bucket, key, version_id.as_deref()).await;
        let mut model = self.0.model();
        model.bucket(bucket)?;
        let context = lock_context(LockRequest { retention, hold: None }, call.now);
        model
            .authorise(&call, "s3:PutObjectRetention", bucket, Some(key), &context)
            .or_else(|fault| if self.0.has(Defect::RetentionWithoutRight) { Ok(()) } else { Err(fault) })?;
        let asked = cleared || model.asks_bypass(&call);
        let bypass = Bypass {
            asked,
            permitted: cleared
                || asked && model.may(&call, "s3:BypassGovernanceRetention", bucket, Some(key), &context),
        };
        model
            .set_retention(bucket, key, version_id.as_deref(), retention, bypass, call.now)
            .or_else(|fault| self.lock_of_nothing(fault))?;
        if let Some(before) = read_before
            && let Some(found) = model.version_mut(bucket, key, &before.id)
        {
            found.hold = before.hold;
        }
        answer(PutObjectRetentionOutput::default())
    }

    /// Whether a lock request is answered as done though there is nothing to lock: it is not.
    fn lock_of_nothing(&self, fault: Fault) -> Result<(), Fault> {
        let accepted = match fault.code {
            "NoSuchKey" | "NoSuchVersion" => self.0.has(Defect::LockOfNothingAccepted),
            "MethodNotAllowed" => self.0.has(Defect::MarkerLockAccepted),
            _ => false,
        };
        if accepted { Ok(()) } else { Err(fault) }
    }

    /// With the race defect the whole lock is read here, and others run before it is written back.
    async fn race_of_locks(&self, bucket: &str, key: &str, version: Option<&str>) -> Option<Version> {
        if !self.0.has(Defect::HoldAndRetentionRace) {
            return None;
        }
        let found = self.0.model().find(bucket, key, version).ok().cloned();
        for _ in 0..8 {
            tokio::task::yield_now().await;
        }
        found
    }

    pub(crate) fn get_object_legal_hold(
        &self,
        request: &S3Request<GetObjectLegalHoldInput>,
    ) -> Answer<GetObjectLegalHoldOutput> {
        let GetObjectLegalHoldInput { bucket, key, version_id, .. } = &request.input;
        let call = Call::of(request, self.0.clock.now());
        let model = self.0.model();
        model.bucket(bucket)?;
        model.authorise(&call, "s3:GetObjectLegalHold", bucket, Some(key), &[])?;
        model.require_lock(bucket)?;
        let found = model.find_object(bucket, key, version_id.as_deref(), "GET")?;
        if found.hold.is_none() && self.0.has(Defect::NeverSetLockAnswersEmpty) {
            return answer(GetObjectLegalHoldOutput { legal_hold: Some(ObjectLockLegalHold::default()) });
        }
        let hold = found.hold.ok_or_else(never_set)?;
        answer(GetObjectLegalHoldOutput {
            legal_hold: Some(ObjectLockLegalHold {
                status: Some(ObjectLockLegalHoldStatus::from_static(hold.as_str())),
            }),
        })
    }

    pub(crate) async fn put_object_legal_hold(
        &self,
        request: S3Request<PutObjectLegalHoldInput>,
    ) -> Answer<PutObjectLegalHoldOutput> {
        let PutObjectLegalHoldInput { bucket, key, version_id, legal_hold, .. } = &request.input;
        let status = legal_hold.as_ref().and_then(|document| document.status.as_ref());
        let hold = match status.map(ObjectLockLegalHoldStatus::as_str) {
            Some("ON") => LegalHold::On,
            Some("OFF") => LegalHold::Off,
            _ => return Err(Fault::xml()),
        };
        let call = Call::of(&request, self.0.clock.now());
        let read_before = self.race_of_locks(bucket, key, version_id.as_deref()).await;
        let mut model = self.0.model();
        model.bucket(bucket)?;
        let context = lock_context(LockRequest { retention: None, hold: Some(hold) }, call.now);
        model.authorise(&call, "s3:PutObjectLegalHold", bucket, Some(key), &context).or_else(|fault| {
            let free = hold == LegalHold::Off && self.0.has(Defect::HoldOffWithoutRight);
            if free { Ok(()) } else { Err(fault) }
        })?;
        model
            .set_hold(bucket, key, version_id.as_deref(), hold)
            .or_else(|fault| self.lock_of_nothing(fault))?;
        if let Some(before) = read_before
            && let Some(found) = model.version_mut(bucket, key, &before.id)
        {
            found.retention = before.retention;
        }
        answer(PutObjectLegalHoldOutput::default())
    }
}
