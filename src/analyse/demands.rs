//! What a profile asks of the bucket's configuration, against what was read.
//!
//! Read from the configuration only: whether a server enforces what it shows is for the scenarios to show. A bucket
//! policy counts only where it binds requests that are signed, which it does not on MinIO.

mod policy;

use chrono::{DateTime, TimeDelta, Utc};

use super::rules_xml::rules;
use super::{ServerKind, settings};
use crate::lock::{Mode, Reading};
use crate::profile::{ConfigurationDemand, DefaultDemand, Need};
use crate::record::profile_result::{DemandResult, DemandState};
use crate::record::release::{self, ServerRelease};
use crate::store::ops::DefaultPeriod;
use crate::store::sdk::BucketConfiguration;
use crate::time::human;
use policy::{PolicyTest, by_policy, denies_plain, denies_unconditional, denies_without_date};

/// The `Server` header of the embedded server.
const EMBEDDED: &str = "wormproof";

/// The days in four years: a default is compared from each of them, because a leap day may lie in between.
const FOUR_YEARS: i64 = 1461;

/// Where the bucket is, and since when dates count.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The `Server` header of its answers.
    pub server: Option<&'a str>,
    /// The bucket.
    pub bucket: &'a str,
    /// The audited prefix; empty for all.
    pub prefix: &'a str,
    /// The time to reckon dates from.
    pub now: DateTime<Utc>,
    /// What is known of the server's release.
    pub release: Option<&'a ServerRelease>,
}

/// State and what was found.
type Found = (DemandState, String);

/// Every demand that is made, in the order of [`ConfigurationDemand`]'s fields. Pure.
#[must_use]
pub fn demands(
    configuration: &BucketConfiguration,
    demand: &ConfigurationDemand,
    place: &Place<'_>,
) -> Vec<DemandResult> {
    let kind = ServerKind::of_header(place.server);
    let policy = |test: PolicyTest| by_policy(configuration, kind, place, test);
    [
        result("versioning", demand.versioning, || versioning(configuration)),
        result("object-lock", demand.object_lock, || object_lock(configuration)),
        demand.default_retention.map(|asked| {
            let (state, found) = default_retention(configuration, asked, place.now);
            DemandResult {
                word: "default-retention".to_owned(),
                state,
                found,
                asked: format!("{}, at least {}", asked.mode, asked.lasts),
            }
        }),
        result("mfa-delete", demand.mfa_delete, || mfa_delete(configuration, place.server)),
        result("tls-only", demand.tls_only, || policy(denies_plain)),
        result("conditional-writes", demand.conditional_writes, || policy(denies_unconditional)),
        result("retain-until-required", demand.retain_until_required, || policy(denies_without_date)),
        result("public-access-block", demand.public_access_block, || public_access(configuration, kind)),
        result("replication", demand.replication, || replication(configuration, place.server)),
        result("logging", demand.logging, || logging(configuration, place.server)),
        demand.server_release.as_ref().map(|asked| release::demand(asked, place.release, place.server)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn result(word: &str, need: Need, found: impl FnOnce() -> Found) -> Option<DemandResult> {
    let asked = match need {
        Need::No => return None,
        Need::Yes => "yes",
        Need::WherePossible => "where possible",
    };
    let (state, found) = found();
    // What is asked for without an exception is owed by every server.
    let excused = state != DemandState::NotApplicable || need == Need::WherePossible;
    let state = if excused { state } else { DemandState::NotMet };
    Some(DemandResult { word: word.to_owned(), state, found, asked: asked.to_owned() })
}

fn met(met: bool, found: impl Into<String>) -> Found {
    (if met { DemandState::Met } else { DemandState::NotMet }, found.into())
}

/// What could not be read: a server that does not know the request has no such thing.
fn unread(what: &str, why: &str) -> Found {
    let unknown = why.starts_with("501") || why.contains("NotImplemented");
    let state = if unknown { DemandState::NotApplicable } else { DemandState::NotAssessed };
    let text = if unknown { "the server has no such thing" } else { "could not be read" };
    (state, format!("{what}: {text}: {why}"))
}

fn versioning(configuration: &BucketConfiguration) -> Found {
    match &configuration.versioning {
        Reading::Unread(why) => unread("versioning", why),
        Reading::Known(known) => match known.as_ref().and_then(|v| v.status.as_deref()) {
            Some(status) => met(status == "Enabled", format!("versioning is {status}")),
            None => met(false, "the bucket has no versioning"),
        },
    }
}

fn object_lock(configuration: &BucketConfiguration) -> Found {
    match &configuration.object_lock {
        Reading::Unread(why) => unread("the Object Lock configuration", why),
        Reading::Known(Some(lock)) if lock.enabled => met(true, "Object Lock is enabled"),
        Reading::Known(_) => met(false, "the bucket has no Object Lock"),
    }
}

fn default_retention(configuration: &BucketConfiguration, asked: DefaultDemand, now: DateTime<Utc>) -> Found {
    let lock = match &configuration.object_lock {
        Reading::Unread(why) => return unread("the Object Lock configuration", why),
        Reading::Known(Some(lock)) if lock.enabled => lock,
        Reading::Known(_) => return met(false, "the bucket has no Object Lock, and so no default retention"),
    };
    let Some((mode, period)) = lock.default_retention() else {
        let some = lock.default_mode.is_some() || lock.default_days.is_some() || lock.default_years.is_some();
        return if some {
            (DemandState::NotAssessed, "the default retention cannot be read".to_owned())
        } else {
            met(false, "no default retention: an upload that asks for no lock gets none")
        };
    };
    let found = format!("the default is {mode}, {}", words(period));
    if asked.mode == Mode::Compliance && mode == Mode::Governance {
        let why = "a principal with the right to bypass can lift it";
        return met(false, format!("{found}; COMPLIANCE is asked for, {why}"));
    }
    // Days and years differ by leap days: from which day on does it fall short?
    let short = (0..FOUR_YEARS).find_map(|day| {
        let start = now.checked_add_signed(TimeDelta::days(day))?;
        let (ends, owed) = (settings::ends(period, start), asked.lasts.after(start));
        (ends < owed).then_some((day, start, ends, owed))
    });
    match short {
        None => met(true, found),
        Some((day, start, ends, owed)) => {
            let upload = if day == 0 {
                "an upload of now".to_owned()
            } else {
                format!("an upload of {}", human(start))
            };
            let dates = format!("is locked until {}; {} end {}", human(ends), asked.lasts, human(owed));
            met(false, format!("{found}: {upload} {dates}"))
        }
    }
}

fn words(period: DefaultPeriod) -> String {
    let (n, unit) = match period {
        DefaultPeriod::Days(days) => (days, "day"),
        DefaultPeriod::Years(years) => (years, "year"),
    };
    format!("{n} {unit}{}", if n == 1 { "" } else { "s" })
}

fn mfa_delete(configuration: &BucketConfiguration, server: Option<&str>) -> Found {
    let kind = ServerKind::of_header(server);
    if kind == ServerKind::Minio || server == Some(EMBEDDED) {
        return (DemandState::NotApplicable, "this server has no MFA delete".to_owned());
    }
    let versioning = match &configuration.versioning {
        Reading::Unread(why) => return unread("versioning", why),
        Reading::Known(known) => known.as_ref(),
    };
    match versioning.and_then(|v| v.mfa_delete.as_deref()) {
        Some(state) => met(state == "Enabled", format!("MFA delete is {state}")),
        None if matches!(configuration.lifecycle, Reading::Known(Some(_))) => (
            DemandState::NotApplicable,
            "it cannot be switched on beside the bucket's lifecycle rules".to_owned(),
        ),
        // S3 shows it only once it was set; so does a server that does not know it.
        None if kind == ServerKind::Aws => met(false, "MFA delete was never switched on"),
        None => (
            DemandState::NotAssessed,
            "the server shows no MFA delete; whether it knows it is not known".to_owned(),
        ),
    }
}

fn public_access(configuration: &BucketConfiguration, kind: ServerKind) -> Found {
    if kind == ServerKind::Minio {
        return (DemandState::NotApplicable, "MinIO has no Block Public Access".to_owned());
    }
    let block = match &configuration.public_access_block {
        Reading::Unread(why) => return unread("Block Public Access", why),
        Reading::Known(None) => return met(false, "Block Public Access is not set on the bucket"),
        Reading::Known(Some(block)) => block,
    };
    let off: Vec<&str> = [
        (block.block_public_acls, "BlockPublicAcls"),
        (block.ignore_public_acls, "IgnorePublicAcls"),
        (block.block_public_policy, "BlockPublicPolicy"),
        (block.restrict_public_buckets, "RestrictPublicBuckets"),
    ]
    .into_iter()
    .filter_map(|(on, name)| (!on).then_some(name))
    .collect();
    if off.is_empty() {
        met(true, "Block Public Access is on, all four switches")
    } else {
        met(false, format!("Block Public Access is off for {}", off.join(", ")))
    }
}

fn replication(configuration: &BucketConfiguration, server: Option<&str>) -> Found {
    if server == Some(EMBEDDED) {
        return (DemandState::NotApplicable, "this server does not replicate".to_owned());
    }
    match &configuration.replication {
        Reading::Unread(why) => unread("the replication", why),
        Reading::Known(None) => met(false, "the bucket does not replicate"),
        Reading::Known(Some(document)) => match rules(document) {
            None => (DemandState::NotAssessed, "the replication configuration cannot be read".to_owned()),
            Some(rules) => {
                let enabled = rules.iter().filter(|r| r.is_enabled()).count();
                let text = format!(
                    "{enabled} of {} replication rules are enabled; whether the copies are locked was not looked at",
                    rules.len()
                );
                met(enabled > 0, text)
            }
        },
    }
}

fn logging(configuration: &BucketConfiguration, server: Option<&str>) -> Found {
    if server == Some(EMBEDDED) {
        return (DemandState::NotApplicable, "this server writes no access log".to_owned());
    }
    let kind = ServerKind::of_header(server);
    match &configuration.logging {
        Reading::Unread(why) => unread("access logging", why),
        Reading::Known(Some(_)) => met(true, "access logging is on"),
        Reading::Known(None) if kind == ServerKind::Minio => {
            (DemandState::NotApplicable, "MinIO logs for the server as a whole, not by bucket".to_owned())
        }
        Reading::Known(None) => met(false, "the bucket writes no access log"),
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone as _;

    use super::*;
    use crate::store::sdk::{LockConfiguration, Versioning};
    use crate::time::Span;

    fn configuration() -> BucketConfiguration {
        BucketConfiguration {
            versioning: Reading::Known(Some(Versioning { status: Some("Enabled".into()), mfa_delete: None })),
            object_lock: Reading::Known(None),
            policy: Reading::Known(None),
            policy_public: Reading::Known(None),
            public_access_block: Reading::Known(None),
            ownership: Reading::Known(None),
            encryption: Reading::Known(None),
            lifecycle: Reading::Known(None),
            replication: Reading::Unread("501 NotImplemented".into()),
            notification: Reading::Known(None),
            logging: Reading::Unread("403 AccessDenied".into()),
            location: Reading::Known(None),
        }
    }

    fn with_default(mode: &str, days: Option<u32>, years: Option<u32>) -> BucketConfiguration {
        BucketConfiguration {
            object_lock: Reading::Known(Some(LockConfiguration {
                enabled: true,
                default_mode: Some(mode.into()),
                default_days: days,
                default_years: years,
                document: String::new(),
            })),
            ..configuration()
        }
    }

    fn with_policy(text: &str) -> BucketConfiguration {
        BucketConfiguration { policy: Reading::Known(Some(text.to_owned())), ..configuration() }
    }

    fn at(server: Option<&'static str>) -> Place<'static> {
        let now = Utc.with_ymd_and_hms(2026, 11, 25, 0, 0, 0).unwrap();
        Place { server, bucket: "b", prefix: "", now, release: None }
    }

    fn one(
        configuration: &BucketConfiguration,
        demand: &ConfigurationDemand,
        server: &'static str,
    ) -> DemandResult {
        let mut all = demands(configuration, demand, &at(Some(server)));
        assert_eq!(all.len(), 1);
        all.remove(0)
    }

    fn default_of(configuration: &BucketConfiguration, mode: Mode, lasts: &str) -> DemandResult {
        let lasts = Span::parse(lasts).unwrap();
        let demand = ConfigurationDemand {
            default_retention: Some(DefaultDemand { mode, lasts }),
            ..ConfigurationDemand::default()
        };
        one(configuration, &demand, "AmazonS3")
    }

    #[test]
    fn days_for_years_fall_short_and_both_dates_are_told() {
        let days = with_default("COMPLIANCE", Some(3650), None);
        let result = default_of(&days, Mode::Compliance, "10 years");
        assert_eq!(result.state, DemandState::NotMet);
        assert!(
            result.found.contains("2036-11-22") && result.found.contains("2036-11-25"),
            "{}",
            result.found
        );
        let years = with_default("COMPLIANCE", None, Some(10));
        assert_eq!(default_of(&years, Mode::Compliance, "10 years").state, DemandState::Met);
        // 365 days are a year today, and not from 2027-03-01 on: 2028 has a leap day.
        let year = default_of(&with_default("COMPLIANCE", Some(365), None), Mode::Compliance, "1 year");
        assert_eq!(year.state, DemandState::NotMet);
        assert!(year.found.contains("2027-03-01"), "{}", year.found);
        let weak = with_default("GOVERNANCE", None, Some(20));
        assert_eq!(default_of(&weak, Mode::Compliance, "10 years").state, DemandState::NotMet);
        assert_eq!(default_of(&weak, Mode::Governance, "10 years").state, DemandState::Met);
        assert_eq!(default_of(&configuration(), Mode::Governance, "1 day").state, DemandState::NotMet);
    }

    #[test]
    fn what_a_server_lacks_is_excused_only_where_possible() {
        let demand = |need| ConfigurationDemand { mfa_delete: need, ..ConfigurationDemand::default() };
        let state = |need, server| one(&configuration(), &demand(need), server).state;
        assert_eq!(state(Need::WherePossible, "MinIO"), DemandState::NotApplicable);
        assert_eq!(state(Need::Yes, "MinIO"), DemandState::NotMet);
        assert_eq!(state(Need::WherePossible, "AmazonS3"), DemandState::NotMet);
        assert_eq!(state(Need::WherePossible, "Ceph"), DemandState::NotAssessed);
        let both = ConfigurationDemand {
            replication: Need::WherePossible,
            logging: Need::WherePossible,
            ..ConfigurationDemand::default()
        };
        let states: Vec<DemandState> =
            demands(&configuration(), &both, &at(Some("X"))).into_iter().map(|d| d.state).collect();
        assert_eq!(states, [DemandState::NotApplicable, DemandState::NotAssessed]);
    }

    #[test]
    fn a_policy_counts_by_what_it_denies() {
        let tls = ConfigurationDemand { tls_only: Need::Yes, ..ConfigurationDemand::default() };
        let whole = r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*","Action":"s3:*",
            "Resource":["arn:aws:s3:::b","arn:aws:s3:::b/*"],"Condition":{"Bool":{"aws:SecureTransport":"false"}}}}"#;
        let state = |text: &str, server| one(&with_policy(text), &tls, server).state;
        assert_eq!(state(whole, "AmazonS3"), DemandState::Met);
        assert_eq!(state(whole, "MinIO"), DemandState::NotMet);
        assert_eq!(state(&whole.replace("\"arn:aws:s3:::b\",", ""), "AmazonS3"), DemandState::NotMet);
        assert_eq!(state(&whole.replace("s3:*", "s3:PutObject"), "AmazonS3"), DemandState::NotMet);
        assert_eq!(state("{", "AmazonS3"), DemandState::NotAssessed);

        let writes = ConfigurationDemand { conditional_writes: Need::Yes, ..ConfigurationDemand::default() };
        let deny = r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*","Action":"s3:PutObject",
            "Resource":"arn:aws:s3:::b/*","Condition":{"Null":{"s3:if-none-match":"true"},
            "Bool":{"s3:ObjectCreationOperation":"true"}}}}"#;
        let state = |text: &str| one(&with_policy(text), &writes, "AmazonS3").state;
        assert_eq!(state(deny), DemandState::Met);
        // The document's way: an Allow that asks for the header stops nobody.
        let allow = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"s3:PutObject",
            "Resource":"arn:aws:s3:::b/*","Condition":{"Null":{"s3:if-none-match":"false"}}}}"#;
        assert_eq!(state(allow), DemandState::NotMet);
    }

    #[test]
    fn a_date_is_required_by_a_deny_and_on_minio_by_nothing() {
        let asked =
            ConfigurationDemand { retain_until_required: Need::Yes, ..ConfigurationDemand::default() };
        let deny = r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*","Action":"s3:PutObject",
            "Resource":"arn:aws:s3:::b/*","Condition":{"Null":{"s3:object-lock-retain-until-date":"true"}}}}"#;
        let one = |configuration: &BucketConfiguration, server| one(configuration, &asked, server);
        let state = |text: &str, server| one(&with_policy(text), server).state;
        assert_eq!(state(deny, "AmazonS3"), DemandState::Met);
        assert_eq!(state(&deny.replace("retain-until-date", "mode"), "AmazonS3"), DemandState::Met);
        // Where a date is sent; for a part of the keys; for another right.
        for other in [
            deny.replace("\"true\"", "\"false\""),
            deny.replace(":b/*", ":b/a/*"),
            deny.replace("s3:PutObject\"", "s3:PutObjectRetention\""),
        ] {
            assert_eq!(state(&other, "AmazonS3"), DemandState::NotMet, "{other}");
        }
        assert_eq!(one(&configuration(), "AmazonS3").state, DemandState::NotMet, "no policy at all");
        let minio = one(&with_policy(deny), "MinIO");
        assert_eq!(minio.state, DemandState::NotMet);
        assert!(minio.found.contains("without a signature"), "{}", minio.found);
    }
}
