//! What an audit reads beside its scenarios: configuration, versions, samples, the event log, MinIO's users.

use std::collections::{BTreeMap, BTreeSet};

use crate::analyse::ServerKind;
use crate::cli::analyse::server_kind;
use crate::cli::args::PlanArgs;
use crate::profile::{HoldRule, Profile};
use crate::run::PlannedRead;
use crate::scenario::Role;
use crate::target::{Kind, Named, Opened};

/// The parts of a bucket's configuration, by the name in the query, with the IAM action of each.
const CONFIGURATION: [(&str, &str); 12] = [
    ("versioning", "s3:GetBucketVersioning"),
    ("object-lock", "s3:GetBucketObjectLockConfiguration"),
    ("policy", "s3:GetBucketPolicy"),
    ("policyStatus", "s3:GetBucketPolicyStatus"),
    ("publicAccessBlock", "s3:GetBucketPublicAccessBlock"),
    ("ownershipControls", "s3:GetBucketOwnershipControls"),
    ("encryption", "s3:GetEncryptionConfiguration"),
    ("lifecycle", "s3:GetLifecycleConfiguration"),
    ("replication", "s3:GetReplicationConfiguration"),
    ("notification", "s3:GetBucketNotification"),
    ("logging", "s3:GetBucketLogging"),
    ("location", "s3:GetBucketLocation"),
];

/// What is asked before anything is planned: whether the server has what scenarios need, and what needs consent.
const ASKED_FIRST: [&str; 5] = ["versioning", "object-lock", "policy", "replication", "notification"];

/// MinIO's administration interface, read by the analysis, with the actions that it asks for.
const MINIO_ADMIN: [(&str, &[&str], Option<u64>); 5] = [
    ("list-canned-policies", &["admin:ListUserPolicies", "admin:GetPolicy"], Some(1)),
    ("list-users", &["admin:ListUsers", "admin:GetUser"], Some(1)),
    ("groups", &["admin:ListGroups"], Some(1)),
    ("group", &["admin:GetGroup"], None),
    ("list-service-accounts", &["admin:ListServiceAccounts"], None),
];

/// The reads of an audit with these arguments, in the order in which they are sent.
pub(super) fn reads(
    args: &PlanArgs,
    opened: &Opened,
    server: Option<&str>,
    profile: Option<&Profile>,
    named: &BTreeMap<Role, Named>,
) -> Vec<PlannedRead> {
    let location = &opened.location;
    let bucket = format!("arn:aws:s3:::{}", location.bucket);
    let objects = format!("{bucket}/{}*", location.prefix);
    let kind = server_kind(opened, server);
    let mut all = Vec::new();
    let mut add = |role, request: String, why: &str, rights: &[&'static str], resource: &str, times| {
        all.push(PlannedRead {
            role,
            request,
            why: why.to_owned(),
            rights: rights.to_vec(),
            resource: resource.to_owned(),
            times,
        });
    };
    let admin = Role::Administrator;
    if opened.kind != Kind::Embedded {
        let rights: &[&'static str] = if kind == ServerKind::Aws { &["sts:GetFederationToken"] } else { &[] };
        let why = "STS: who the administrator is, and a session for each role that has no keys of its own";
        add(admin, "POST /".to_owned(), why, rights, "*", None);
        for (role, named) in named {
            if let Named::RoleArn(arn) = named {
                add(
                    admin,
                    "POST /".to_owned(),
                    &format!("STS: assumes the role of {role}"),
                    &["sts:AssumeRole"],
                    arn,
                    Some(1),
                );
            }
        }
    }
    let right = |part: &str| CONFIGURATION.iter().find(|(name, _)| *name == part).map(|(_, right)| *right);
    for part in ASKED_FIRST {
        let rights: Vec<&'static str> = right(part).into_iter().collect();
        let request = format!("GET /{}?{part}", location.bucket);
        add(admin, request, "what the server can do, and what needs consent", &rights, &bucket, Some(1));
    }
    let whose = "whose the bucket is, and since when";
    add(admin, "GET /".to_owned(), whose, &["s3:ListAllMyBuckets"], "*", Some(1));
    for (part, right) in CONFIGURATION {
        // The default retention is asked for twice more: by the plan, and before the first canary.
        let times = if part == "object-lock" { 4 } else { 2 };
        let request = format!("GET /{}?{part}", location.bucket);
        let why = "the bucket's configuration, for record, demands and analysis, at the start and at the end";
        add(admin, request, why, &[right], &bucket, Some(times));
    }
    if kind == ServerKind::Minio {
        for (name, rights, times) in MINIO_ADMIN {
            let request = format!("GET /minio/admin/v3/{name}");
            add(
                admin,
                request,
                "the analysis: MinIO's users, groups and policies",
                rights,
                "arn:aws:s3:::*",
                times,
            );
        }
    }
    scan(args, profile, &mut |request: &str, why, rights, of_bucket| {
        let resource = if of_bucket { &bucket } else { &objects };
        let place = if of_bucket { String::new() } else { format!("/{}*", location.prefix) };
        let (method, query) = request.split_once(' ').unwrap_or((request, ""));
        add(
            Role::Auditor,
            format!("{method} /{}{place}{query}", location.bucket),
            why,
            rights,
            resource,
            None,
        );
    });
    if let Some(rules) = profile.and_then(|p| p.event_log.as_ref()) {
        let why = "the event log of the profile";
        let name = &location.bucket;
        let key = format!("{}{}", location.prefix, rules.key_pattern);
        let events = format!("{bucket}/{}", key.replace("{sequence}", "*"));
        let get = ["s3:GetObject", "s3:GetObjectVersion"];
        add(admin, format!("GET /{name}?versioning"), why, &["s3:GetBucketVersioning"], &bucket, Some(1));
        add(admin, format!("GET /{name}?versions"), why, &["s3:ListBucketVersions"], &bucket, None);
        add(admin, format!("GET /{name}/{key}?versionId=<each>"), why, &get, &events, None);
    }
    all
}

/// Takes request, reason, rights, and whether the request is to the bucket.
type Add<'a> = dyn FnMut(&str, &str, &[&'static str], bool) + 'a;

/// What the scan asks: by request, reason, rights, and whether of the bucket.
fn scan(args: &PlanArgs, profile: Option<&Profile>, add: &mut Add<'_>) {
    let get = ["s3:GetObject", "s3:GetObjectVersion"];
    add("GET ?versions", "the scan: every version", &["s3:ListBucketVersions"], true);
    add("HEAD ?versionId=<each>", "the scan: the lock as HEAD shows it", &get, false);
    let lock = "the scan: the lock, where HEAD does not show it";
    add("GET ?retention&versionId=<each>", lock, &["s3:GetObjectRetention"], false);
    let holds = profile.is_some_and(|p| p.requirement.hold_rule == HoldRule::Report);
    let why = if holds { "the scan: the hold of each version, because holds are reported" } else { lock };
    add("GET ?legal-hold&versionId=<each>", why, &["s3:GetObjectLegalHold"], false);
    let tags: BTreeSet<&str> = profile
        .iter()
        .flat_map(|p| &p.requirement.overrides)
        .filter(|o| o.matching.tag.is_some())
        .map(|o| o.name.as_str())
        .collect();
    if !tags.is_empty() {
        let names = tags.into_iter().collect::<Vec<_>>().join(", ");
        let why = format!("the scan: the terms by tag ({names})");
        let rights = ["s3:GetObjectTagging", "s3:GetObjectVersionTagging"];
        add("GET ?tagging&versionId=<each>", &why, &rights, false);
    }
    if let Some(size) = args.evidence.sample {
        let why = format!("the scan: {size} records read whole");
        add("GET ?versionId=<chosen>", &why, &get, false);
    }
}
