//! The bucket policy and the Object Lock configuration.

use serde_json::{Value, json};

use super::demand::{Demand, Hold, Period};
use super::statement::{Document, Effect, Resources, Statement, Test};
use crate::lock::Mode;

/// What changes what the bucket promises.
pub(super) const CONFIGURATION: [&str; 9] = [
    "s3:PutBucketObjectLockConfiguration",
    "s3:PutBucketVersioning",
    "s3:PutLifecycleConfiguration",
    "s3:PutReplicationConfiguration",
    "s3:PutBucketPolicy",
    "s3:DeleteBucketPolicy",
    "s3:PutBucketPublicAccessBlock",
    "s3:PutBucketOwnershipControls",
    "s3:DeleteBucket",
];

/// The configuration as `put-object-lock-configuration` takes it.
#[must_use]
pub fn lock_configuration(demand: &Demand) -> Value {
    let mode = demand.mode.as_str();
    let retention = match demand.period() {
        Period::Days(days) => json!({ "Mode": mode, "Days": days }),
        Period::Years(years) => json!({ "Mode": mode, "Years": years }),
    };
    json!({ "ObjectLockEnabled": "Enabled", "Rule": { "DefaultRetention": retention } })
}

/// The bucket policy for AWS: denials only, so that it takes away whatever identity policies grant.
pub(super) fn policy(demand: &Demand) -> Document {
    let bucket = demand.bucket_arn();
    let deny = |sid, actions: &[&'static str], resources, tests, why: &str| Statement {
        sid,
        effect: Effect::Deny,
        actions: actions.to_vec(),
        resources,
        tests,
        why: why.to_owned(),
    };
    // Wormproof's own canaries need short locks and rights that are then refused.
    let records = if demand.bind_canaries {
        Resources::Only(vec![format!("{bucket}/*")])
    } else {
        Resources::AllBut(vec![demand.canary_objects()])
    };
    let not_by = |arn: &str| vec![Test::one("ArnNotLike", "aws:PrincipalArn", arn)];
    let writes = ["s3:PutObject", "s3:PutObjectRetention"];
    let mut statements = vec![
        deny(
            "NobodyBypassesGovernance",
            &["s3:BypassGovernanceRetention"],
            records.clone(),
            Vec::new(),
            "nobody shortens or removes a GOVERNANCE retention (WORM-716)",
        ),
        deny(
            "OnlyTheDeleterDeletes",
            &["s3:DeleteObject", "s3:DeleteObjectVersion"],
            records.clone(),
            not_by(&demand.deleter),
            "a version is deleted by s3:DeleteObjectVersion and hidden by s3:DeleteObject; one denied without the \
             other helps little (WORM-127, WORM-134)",
        ),
        deny(
            "OnlyTheAdministratorConfigures",
            &CONFIGURATION,
            Resources::Only(vec![bucket.clone()]),
            not_by(&demand.administrator),
            "lock configuration, lifecycle and this policy itself are changed by one role; make the role before the \
             policy is put, or only the account's root user can change it again (WORM-715, WORM-744)",
        ),
        deny(
            "NoShorterLock",
            &writes,
            records.clone(),
            vec![Test::one(
                "NumericLessThan",
                "s3:object-lock-remaining-retention-days",
                demand.least_days().to_string(),
            )],
            "an upload's own date beats the bucket's default, so a nearer one is refused; an upload without a date \
             (and each part of a multipart upload) has no such key, passes, and gets the default (WORM-742)",
        ),
    ];
    if demand.mode == Mode::Compliance {
        statements.push(deny(
            "NoWeakerMode",
            &writes,
            records.clone(),
            vec![
                Test::one("Null", "s3:object-lock-mode", "false"),
                Test::one("StringNotEquals", "s3:object-lock-mode", "COMPLIANCE"),
            ],
            "an upload that names another mode than COMPLIANCE is refused; one that names none gets the default \
             (WORM-741)",
        ));
    }
    if demand.require_lock_headers {
        statements.push(deny(
            "NoUploadWithoutDate",
            &["s3:PutObject"],
            records.clone(),
            vec![
                Test::one("Null", "s3:object-lock-retain-until-date", "true"),
                Test::one("Bool", "s3:ObjectCreationOperation", "true"),
            ],
            "an upload without a retain-until date is refused (WORM-718); so is the completion of every multipart \
             upload, which cannot carry one: leave this out where large objects are stored, the default locks them",
        ));
    }
    if demand.conditional_writes {
        statements.push(deny(
            "NoUnconditionalWrite",
            &["s3:PutObject"],
            records.clone(),
            vec![
                Test::one("Null", "s3:if-none-match", "true"),
                Test::one("Bool", "s3:ObjectCreationOperation", "true"),
            ],
            "uploads, copies and completions without If-None-Match are refused; the beginning and the parts of a \
             multipart upload carry none and are exempt (WORM-603, WORM-610)",
        ));
    }
    match demand.hold {
        Hold::Required => statements.push(deny(
            "OnlyTheAdministratorReleasesHolds",
            &["s3:PutObject", "s3:PutObjectLegalHold"],
            records,
            vec![
                Test::one("StringEquals", "s3:object-lock-legal-hold", "OFF"),
                Test::one("ArnNotLike", "aws:PrincipalArn", demand.administrator.as_str()),
            ],
            "a hold is set by whoever uploads and released by one role (WORM-717)",
        )),
        Hold::NotUsed => statements.push(deny(
            "OnlyTheAdministratorHolds",
            &["s3:PutObjectLegalHold"],
            records,
            not_by(&demand.administrator),
            "nobody but one role sets or releases a hold",
        )),
    }
    if demand.tls {
        statements.push(deny(
            "NoInsecureTransport",
            &["s3:*"],
            Resources::Only(vec![bucket.clone(), format!("{bucket}/*")]),
            vec![Test::one("Bool", "aws:SecureTransport", "false")],
            "no request without TLS",
        ));
    }
    Document { of_bucket: true, statements }
}
