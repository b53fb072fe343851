//! Findings about a bucket's settings other than its policy.

use chrono::{DateTime, Utc};

use super::found::{Found, finding, unassessed};
use super::rules_xml::{Rule as XmlRule, elements, rules};
use super::{Input, ServerKind};
use crate::lock::{Mode, Reading};
use crate::record::analysis::{ABOUT_LOCK, ABOUT_VERSIONING, AnalysisRule as Rule, Severity};
use crate::store::ops::DefaultPeriod;
use crate::store::sdk::{BucketConfiguration, LockConfiguration};

/// All rules about settings.
pub(super) fn lint(input: &Input<'_>, configuration: &BucketConfiguration) -> Vec<Found> {
    let mut found = Vec::new();
    versioning(configuration, &mut found);
    lock(input, configuration, &mut found);
    public_access(input, configuration, &mut found);
    encryption(configuration, &mut found);
    lifecycle(input, configuration, &mut found);
    replication(configuration, &mut found);
    watch(input, configuration, &mut found);
    found
}

/// The value of a setting; what could not be read is a finding of its own.
fn read<'a, T>(
    what: &str,
    reading: &'a Reading<Option<T>>,
    severity: Severity,
    found: &mut Vec<Found>,
) -> Option<&'a Option<T>> {
    match reading {
        Reading::Known(value) => Some(value),
        Reading::Unread(why) => {
            found.push(Found {
                severity,
                ..unassessed(
                    Rule::NotReadable,
                    what,
                    None,
                    format!("the {what} could not be read: {why}"),
                    "give the auditor the right to read it (`wormproof plan --policy auditor`)",
                )
            });
            None
        }
    }
}

fn versioning(configuration: &BucketConfiguration, found: &mut Vec<Found>) {
    let Some(versioning) = read(ABOUT_VERSIONING, &configuration.versioning, Severity::Medium, found) else {
        return;
    };
    let status = versioning.as_ref().and_then(|v| v.status.as_deref());
    if status != Some("Enabled") {
        found.push(finding(
            Rule::NoVersioning,
            Severity::High,
            ABOUT_VERSIONING,
            None,
            format!(
                "the versioning is {}: an upload replaces what is there, a delete is final",
                status.map_or_else(|| "off".to_owned(), |s| format!("`{s}`"))
            ),
            "enable versioning; Object Lock needs it",
        ));
    }
}

fn lock(input: &Input<'_>, configuration: &BucketConfiguration, found: &mut Vec<Found>) {
    let Some(lock) = read(ABOUT_LOCK, &configuration.object_lock, Severity::Medium, found) else {
        return;
    };
    let about = ABOUT_LOCK;
    let Some(lock) = lock.as_ref().filter(|l| l.enabled) else {
        found.push(finding(
            Rule::NoObjectLock,
            Severity::High,
            about,
            None,
            "the bucket has no Object Lock: nothing in it can be locked".to_owned(),
            "enable Object Lock on the bucket (on MinIO: only when it is made)",
        ));
        return;
    };
    let Some((mode, period)) = lock.default_retention() else {
        no_default(lock, found);
        return;
    };
    let wants = input.requirement;
    if wants.mode == Some(Mode::Compliance) && mode == Mode::Governance {
        found.push(finding(
            Rule::DefaultTooWeak,
            Severity::High,
            about,
            None,
            "the default retention is in GOVERNANCE mode, COMPLIANCE is required: whoever may bypass \
             governance removes it"
                .to_owned(),
            "set the default to COMPLIANCE; versions that are stored keep what they have",
        ));
    }
    if let Some(least) = wants.min_retention {
        // Counted from every day of the next four years: a leap day decides between 1095 days and 3 years.
        let begins = (0..1461).filter_map(|d| input.now.checked_add_signed(chrono::TimeDelta::days(d)));
        let short = begins.into_iter().find(|start| ends(period, *start) < least.after(*start));
        if let Some(start) = short {
            let missing = (least.after(start) - ends(period, start)).num_days();
            found.push(finding(
                Rule::DefaultTooWeak,
                Severity::High,
                about,
                None,
                format!(
                    "the default retention of {} is shorter than required: an upload of {} is locked {missing} \
                     days too short",
                    words(period),
                    start.format("%Y-%m-%d")
                ),
                "set the default in years where years are required; 365 days a year lose the leap days",
            ));
        }
    }
}

fn no_default(lock: &LockConfiguration, found: &mut Vec<Found>) {
    let about = ABOUT_LOCK;
    if lock.default_mode.is_some() || lock.default_days.is_some() || lock.default_years.is_some() {
        found.push(unassessed(
            Rule::NotReadable,
            about,
            None,
            "the default retention cannot be read: its mode or its length is not one that is known"
                .to_owned(),
            "look at the lock configuration by hand",
        ));
    } else {
        found.push(finding(
            Rule::NoDefaultRetention,
            Severity::Low,
            about,
            None,
            "Object Lock is on without a default retention: an upload that asks for no lock gets none"
                .to_owned(),
            "set a default retention",
        ));
    }
}

pub(super) fn ends(period: DefaultPeriod, start: DateTime<Utc>) -> DateTime<Utc> {
    let span = match period {
        DefaultPeriod::Days(days) => crate::time::Span::Exact(chrono::TimeDelta::days(i64::from(days))),
        DefaultPeriod::Years(years) => crate::time::Span::Months(years.saturating_mul(12)),
    };
    span.after(start)
}

fn words(period: DefaultPeriod) -> String {
    match period {
        DefaultPeriod::Days(days) => format!("{days} days"),
        DefaultPeriod::Years(years) => format!("{years} years"),
    }
}

fn public_access(input: &Input<'_>, configuration: &BucketConfiguration, found: &mut Vec<Found>) {
    if input.server == ServerKind::Minio {
        return;
    }
    let about = "Block Public Access";
    if let Some(block) = read(about, &configuration.public_access_block, Severity::Low, found) {
        let off: Vec<&str> = match block {
            None => vec!["all four switches"],
            Some(b) => [
                (b.block_public_acls, "BlockPublicAcls"),
                (b.ignore_public_acls, "IgnorePublicAcls"),
                (b.block_public_policy, "BlockPublicPolicy"),
                (b.restrict_public_buckets, "RestrictPublicBuckets"),
            ]
            .into_iter()
            .filter_map(|(on, name)| (!on).then_some(name))
            .collect(),
        };
        if !off.is_empty() {
            found.push(finding(
                Rule::PublicAccessNotBlocked,
                Severity::Low,
                about,
                None,
                format!("Block Public Access is off on the bucket for {}", off.join(", ")),
                "switch all four on, here or for the account",
            ));
        }
    }
    if configuration.policy_public.known() == Some(&Some(true)) {
        found.push(finding(
            Rule::Public,
            Severity::High,
            "policy status",
            None,
            "the store says that the bucket policy makes the bucket public".to_owned(),
            "name those who are allowed with Principal",
        ));
    }
    if let Some(Some(ownership)) = read("object ownership", &configuration.ownership, Severity::Info, found)
        && ownership != "BucketOwnerEnforced"
    {
        found.push(finding(
            Rule::AclsInForce,
            Severity::Low,
            "object ownership",
            None,
            format!("object ownership is {ownership}: access control lists grant rights beside the policies"),
            "set it to BucketOwnerEnforced",
        ));
    }
}

fn encryption(configuration: &BucketConfiguration, found: &mut Vec<Found>) {
    if let Some(Some(document)) = read("default encryption", &configuration.encryption, Severity::Info, found)
        && document.contains("aws:kms")
    {
        found.push(Found {
            severity: Severity::Low,
            ..unassessed(
            Rule::KmsKey,
            "default encryption",
            None,
            "objects are encrypted with a KMS key: whoever disables or deletes it makes every record unreadable, \
             locked or not; the key's state and policy were not read"
                .to_owned(),
            "deny kms:ScheduleKeyDeletion and kms:DisableKey on the key, or use SSE-S3",
        )});
    }
}

fn lifecycle(input: &Input<'_>, configuration: &BucketConfiguration, found: &mut Vec<Found>) {
    let about = "lifecycle";
    let Some(Some(document)) = read(about, &configuration.lifecycle, Severity::Medium, found) else { return };
    let Some(rules) = rules(document) else {
        found.push(unassessed(
            Rule::NotReadable,
            about,
            None,
            "the lifecycle document could not be understood".to_owned(),
            "look at the lifecycle rules by hand",
        ));
        return;
    };
    let touches =
        |rule: &XmlRule| rule.prefix().starts_with(input.prefix) || input.prefix.starts_with(rule.prefix());
    for (index, rule) in rules.iter().enumerate().filter(|(_, r)| r.is_enabled() && touches(r)) {
        let name = rule.name(index);
        let mut add = |rule, severity, sentence, remedy| {
            found.push(finding(rule, severity, about, None, sentence, remedy));
        };
        let all_versions = rule.has("Expiration/ExpiredObjectAllVersions")
            || rule.has("Expiration/ExpiredObjectDeleteAllVersions")
            || rule.has("DelMarkerExpiration");
        if rule.has("NoncurrentVersionExpiration") || all_versions {
            let when = rule
                .get("NoncurrentVersionExpiration/NoncurrentDays")
                .map_or_else(String::new, |days| format!(" {days} days after they were replaced"));
            let early = too_early(input, rule.get("NoncurrentVersionExpiration/NoncurrentDays"));
            add(
                Rule::LifecycleExpiresVersions,
                if all_versions || early { Severity::Medium } else { Severity::Low },
                format!(
                    "{name} removes versions{when} that no lock protects, and locked ones once their retention ends"
                ),
                "let the rule begin after the required retention, or lock every version",
            );
        }
        if rule.has("Expiration/Days") || rule.has("Expiration/Date") {
            let when = rule
                .get("Expiration/Days")
                .map(|d| format!("{d} days after their upload"))
                .or_else(|| rule.get("Expiration/Date").map(|d| format!("on {d}")));
            let early = too_early(input, rule.get("Expiration/Days"));
            add(
                Rule::LifecycleExpiresCurrent,
                if early { Severity::Medium } else { Severity::Low },
                format!(
                    "{name} hides current objects behind delete markers {}: a lock does not stop that",
                    when.unwrap_or_default()
                ),
                "let the rule begin after the required retention",
            );
        }
        for path in ["Transition/StorageClass", "NoncurrentVersionTransition/StorageClass"] {
            if let Some(class) = rule.all(path).find(|c| matches!(*c, "GLACIER" | "DEEP_ARCHIVE")) {
                add(
                    Rule::LifecycleArchives,
                    Severity::Low,
                    format!(
                        "{name} moves objects to {class}: they keep their lock, but reads fail until restored"
                    ),
                    "see that an audit can read in time; GLACIER_IR needs no restore",
                );
            }
        }
    }
}

/// Whether so many days may end before the required retention; days that reach it can remove nothing too early, even
/// without a lock.
fn too_early(input: &Input<'_>, days: Option<&str>) -> bool {
    let days = days.and_then(|d| d.parse().ok()).and_then(chrono::TimeDelta::try_days);
    match (input.requirement.min_retention, days) {
        (Some(least), Some(days)) => {
            let ends = input.now.checked_add_signed(days);
            ends.is_none_or(|ends| ends < least.after(input.now))
        }
        _ => true,
    }
}

fn replication(configuration: &BucketConfiguration, found: &mut Vec<Found>) {
    let about = "replication";
    let Some(Some(document)) = read(about, &configuration.replication, Severity::Low, found) else { return };
    let rules = rules(document).unwrap_or_default();
    let enabled: Vec<&XmlRule> = rules.iter().filter(|r| r.is_enabled()).collect();
    let mut targets: Vec<&str> = enabled.iter().filter_map(|r| r.get("Destination/Bucket")).collect();
    targets.sort_unstable();
    targets.dedup();
    found.push(Found {
        severity: Severity::Info,
        ..unassessed(
            Rule::Replicates,
            about,
            None,
            format!(
                "the bucket replicates to {}; whether the copies are locked was not looked at",
                if targets.is_empty() { "another bucket".to_owned() } else { targets.join(", ") }
            ),
            "audit the destination, too",
        )
    });
    let marker = |r: &&&XmlRule| r.get("DeleteMarkerReplication/Status") == Some("Enabled");
    if enabled.iter().any(|r| marker(&r)) {
        found.push(finding(
            Rule::ReplicatesDeleteMarkers,
            Severity::Low,
            about,
            None,
            "delete markers are replicated: an object that is hidden here is hidden there".to_owned(),
            "switch DeleteMarkerReplication off",
        ));
    }
}

fn watch(input: &Input<'_>, configuration: &BucketConfiguration, found: &mut Vec<Found>) {
    if let Some(None) = read("access logging", &configuration.logging, Severity::Info, found)
        && input.server == ServerKind::Aws
    {
        found.push(finding(
            Rule::NoAccessLog,
            Severity::Info,
            "access logging",
            None,
            "the bucket writes no access log; whether CloudTrail records data events was not looked at"
                .to_owned(),
            "log data events, to a bucket that is itself locked",
        ));
    }
    let about = "notifications";
    let Some(notification) = read(about, &configuration.notification, Severity::Info, found) else { return };
    let covers =
        notification.as_ref().map_or(Some(false), |document| tells_of_removals(document, input.prefix));
    let sentence = match (covers, notification) {
        (Some(true), _) => return,
        (Some(false), None) => "nobody is told when an object is removed or a delete marker is made",
        (Some(false), Some(_)) => {
            "notifications are set, and none of them tells of every removal below the prefix: of versions that are \
             deleted, and of delete markers"
        }
        (None, _) => {
            found.push(unassessed(
                Rule::NotReadable,
                about,
                None,
                "the notification document could not be understood".to_owned(),
                "look at the notifications by hand",
            ));
            return;
        }
    };
    found.push(finding(
        Rule::NoNotification,
        Severity::Info,
        about,
        None,
        sentence.to_owned(),
        "notify on s3:ObjectRemoved:* and s3:LifecycleExpiration:*",
    ));
}

/// Whether somebody is told of every version that is deleted, and of every delete marker, below the prefix. Without
/// the filter of S3's own by suffix: it leaves keys out.
fn tells_of_removals(document: &str, prefix: &str) -> Option<bool> {
    const TARGETS: [&str; 4] = [
        "TopicConfiguration",
        "QueueConfiguration",
        "CloudFunctionConfiguration",
        "EventBridgeConfiguration",
    ];
    let targets = elements(document, &TARGETS)?;
    // EventBridge is sent everything.
    if targets.iter().any(|t| t.element() == "EventBridgeConfiguration") {
        return Some(true);
    }
    let whole = |target: &&XmlRule| {
        let names: Vec<&str> = target.all("Filter/S3Key/FilterRule/Name").collect();
        let values: Vec<&str> = target.all("Filter/S3Key/FilterRule/Value").collect();
        names.len() == values.len()
            && names.iter().zip(values).all(|(name, value)| {
                value.is_empty() || (name.eq_ignore_ascii_case("prefix") && prefix.starts_with(value))
            })
    };
    let events: Vec<&str> = targets.iter().filter(whole).flat_map(|t| t.all("Event")).collect();
    let all = ["s3:ObjectRemoved:*", "s3:*"].iter().any(|event| events.contains(event));
    let each = ["s3:ObjectRemoved:Delete", "s3:ObjectRemoved:DeleteMarkerCreated"];
    Some(all || each.iter().all(|event| events.contains(event)))
}

#[cfg(test)]
mod tests {
    use super::tells_of_removals;

    #[test]
    fn only_what_tells_of_every_removal_counts() {
        let told = |targets: &str, prefix: &str| {
            tells_of_removals(
                &format!("<NotificationConfiguration>{targets}</NotificationConfiguration>"),
                prefix,
            )
        };
        let queue = |events: &[&str], filter: &str| {
            let events: String = events.iter().map(|e| format!("<Event>{e}</Event>")).collect();
            format!("<QueueConfiguration><Queue>q</Queue>{events}{filter}</QueueConfiguration>")
        };
        let filter = |name: &str, value: &str| {
            format!(
                "<Filter><S3Key><FilterRule><Name>{name}</Name><Value>{value}</Value></FilterRule></S3Key></Filter>"
            )
        };
        assert_eq!(told(&queue(&["s3:ObjectCreated:*"], ""), ""), Some(false));
        assert_eq!(told(&queue(&["s3:ObjectRemoved:Delete"], ""), ""), Some(false));
        assert_eq!(told(&queue(&["s3:ObjectCreated:*", "s3:ObjectRemoved:*"], ""), ""), Some(true));
        let each = ["s3:ObjectRemoved:Delete", "s3:ObjectRemoved:DeleteMarkerCreated"];
        assert_eq!(told(&each.map(|e| queue(&[e], "")).concat(), ""), Some(true));
        assert_eq!(told("<EventBridgeConfiguration/>", ""), Some(true));
        let removed = ["s3:ObjectRemoved:*"];
        assert_eq!(told(&queue(&removed, &filter("prefix", "a/")), ""), Some(false));
        assert_eq!(told(&queue(&removed, &filter("prefix", "a/")), "a/b/"), Some(true));
        assert_eq!(told(&queue(&removed, &filter("suffix", ".xml")), ""), Some(false));
        assert_eq!(told("<QueueConfiguration>", ""), None);
    }
}
