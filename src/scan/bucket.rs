//! What a bucket's configuration lacks.

use crate::lock::Reading;
use crate::record::finding::{Finding, FindingRule};
use crate::store::sdk::BucketConfiguration;

use super::tally::finding;

/// Judges versioning and Object Lock of a bucket. `lock_required` where a mode, a retention or a hold is
/// required, and for every scan. What could not be read is a finding of its own: not assessed.
#[must_use]
pub fn bucket_findings(configuration: &BucketConfiguration, lock_required: bool) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut add = |rule, detail: String| found.push(finding(rule, "", "", detail));
    match &configuration.versioning {
        Reading::Unread(why) => {
            add(FindingRule::Unreadable, format!("the versioning could not be read: {why}"));
        }
        Reading::Known(versioning) => match versioning.as_ref().and_then(|v| v.status.as_deref()) {
            Some("Enabled") => {}
            Some(status) => add(
                FindingRule::NoVersioning,
                format!("the versioning is `{status}`: new uploads overwrite each other"),
            ),
            None => add(
                FindingRule::NoVersioning,
                "the bucket has no versioning: every upload overwrites, every delete is final".to_owned(),
            ),
        },
    }
    match &configuration.object_lock {
        Reading::Unread(why) => {
            add(FindingRule::Unreadable, format!("the Object Lock configuration could not be read: {why}"));
        }
        Reading::Known(Some(lock)) if lock.enabled => {
            let has_default =
                lock.default_mode.is_some() || lock.default_days.is_some() || lock.default_years.is_some();
            if !has_default {
                add(
                    FindingRule::NoDefaultRetention,
                    "Object Lock is enabled without a default retention: an upload that asks for no lock gets none"
                        .to_owned(),
                );
            } else if lock.default_retention().is_none() {
                add(
                    FindingRule::Unreadable,
                    "the default retention of the Object Lock configuration cannot be read".to_owned(),
                );
            }
        }
        Reading::Known(_) if lock_required => {
            add(
                FindingRule::NoObjectLock,
                "the bucket has no Object Lock: no version can be locked".to_owned(),
            );
        }
        Reading::Known(_) => {}
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sdk::{LockConfiguration, Versioning};

    fn configuration(status: Option<&str>, lock: Option<LockConfiguration>) -> BucketConfiguration {
        BucketConfiguration {
            versioning: Reading::Known(Some(Versioning {
                status: status.map(ToOwned::to_owned),
                mfa_delete: None,
            })),
            object_lock: Reading::Known(lock),
            policy: Reading::Known(None),
            policy_public: Reading::Known(None),
            public_access_block: Reading::Known(None),
            ownership: Reading::Known(None),
            encryption: Reading::Known(None),
            lifecycle: Reading::Known(None),
            replication: Reading::Known(None),
            notification: Reading::Known(None),
            logging: Reading::Known(None),
            location: Reading::Known(None),
        }
    }

    fn lock(mode: Option<&str>, days: Option<u32>) -> Option<LockConfiguration> {
        Some(LockConfiguration {
            enabled: true,
            default_mode: mode.map(ToOwned::to_owned),
            default_days: days,
            default_years: None,
            document: String::new(),
        })
    }

    fn rules(configuration: &BucketConfiguration, required: bool) -> Vec<FindingRule> {
        bucket_findings(configuration, required).iter().map(|f| f.rule).collect()
    }

    #[test]
    fn what_a_bucket_lacks_is_found_and_what_is_not_read_is_not_assessed() {
        use FindingRule::{NoDefaultRetention, NoObjectLock, NoVersioning, Unreadable};
        assert_eq!(rules(&configuration(Some("Enabled"), lock(Some("COMPLIANCE"), Some(1))), true), []);
        assert_eq!(rules(&configuration(Some("Enabled"), lock(None, None)), true), [NoDefaultRetention]);
        assert_eq!(rules(&configuration(None, None), true), [NoVersioning, NoObjectLock]);
        assert_eq!(rules(&configuration(Some("Suspended"), None), false), [NoVersioning]);
        let odd = configuration(Some("Enabled"), lock(Some("FOREVER"), Some(1)));
        assert_eq!(rules(&odd, true), [Unreadable]);
        let mut unread = configuration(None, None);
        unread.versioning = Reading::Unread("403".into());
        unread.object_lock = Reading::Unread("403".into());
        assert_eq!(rules(&unread, true), [Unreadable, Unreadable]);
    }
}
