//! The identity policies: least privilege for each person, and a Deny where another grant must not help.

use super::bucket::CONFIGURATION;
use super::demand::{Demand, Hold, Server};
use super::statement::{Document, Effect, Resources, Statement, Test};

/// Who gets an identity policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Person {
    /// Stores records.
    Application,
    /// Removes what is no longer locked.
    Deleter,
    /// Reads everything, changes nothing.
    Auditor,
    /// Configures the bucket, extends retention, sets and releases holds; touches no content.
    Administrator,
}

impl Person {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Application, Self::Deleter, Self::Auditor, Self::Administrator];

    /// The word in names.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Application => "application",
            Self::Deleter => "deleter",
            Self::Auditor => "auditor",
            Self::Administrator => "administrator",
        }
    }
}

/// What a bucket is read by; the last ones MinIO has not, and it refuses a policy that names them.
const READ_BUCKET: [&str; 15] = [
    "s3:ListBucket",
    "s3:ListBucketVersions",
    "s3:ListBucketMultipartUploads",
    "s3:GetBucketLocation",
    "s3:GetBucketVersioning",
    "s3:GetBucketObjectLockConfiguration",
    "s3:GetBucketPolicy",
    "s3:GetBucketPolicyStatus",
    "s3:GetLifecycleConfiguration",
    "s3:GetReplicationConfiguration",
    "s3:GetEncryptionConfiguration",
    "s3:GetBucketNotification",
    "s3:GetBucketPublicAccessBlock",
    "s3:GetBucketOwnershipControls",
    "s3:GetBucketLogging",
];

/// What MinIO has no word for.
const NOT_ON_MINIO: [&str; 5] = [
    "s3:GetBucketPublicAccessBlock",
    "s3:GetBucketOwnershipControls",
    "s3:GetBucketLogging",
    "s3:PutBucketPublicAccessBlock",
    "s3:PutBucketOwnershipControls",
];

struct Writer<'a> {
    demand: &'a Demand,
    statements: Vec<Statement>,
}

impl Writer<'_> {
    fn add(
        &mut self,
        sid: &'static str,
        effect: Effect,
        actions: &[&'static str],
        on: Vec<String>,
        why: &str,
    ) {
        let known = |a: &&&'static str| self.demand.server == Server::Aws || !NOT_ON_MINIO.contains(*a);
        self.statements.push(Statement {
            sid,
            effect,
            actions: actions.iter().filter(known).copied().collect(),
            resources: Resources::Only(on),
            tests: Vec::new(),
            why: why.to_owned(),
        });
    }
}

/// The policy of one person.
pub(super) fn policy(demand: &Demand, person: Person) -> Document {
    let mut to = Writer { demand, statements: Vec::new() };
    let bucket = || vec![demand.bucket_arn()];
    let everything = || vec![demand.bucket_arn(), format!("{}/*", demand.bucket_arn())];
    let records = || vec![demand.records()];
    match person {
        Person::Application => application(demand, &mut to),
        Person::Deleter => {
            to.add(
                "Delete",
                Effect::Allow,
                &[
                    "s3:DeleteObject",
                    "s3:DeleteObjectVersion",
                    "s3:GetObjectRetention",
                    "s3:GetObjectLegalHold",
                ],
                records(),
                "removes versions whose retention ended; a lock refuses the others",
            );
            to.add(
                "List",
                Effect::Allow,
                &["s3:ListBucket", "s3:ListBucketVersions", "s3:GetBucketLocation"],
                bucket(),
                "finds them",
            );
        }
        Person::Auditor => {
            to.add(
                "ReadObjects",
                Effect::Allow,
                &["s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectRetention", "s3:GetObjectLegalHold"],
                vec![format!("{}/*", demand.bucket_arn())],
                "reads back; without the last two a HEAD leaves the lock out",
            );
            to.add(
                "ReadBucket",
                Effect::Allow,
                &READ_BUCKET,
                bucket(),
                "what the bucket promises, and to whom",
            );
        }
        Person::Administrator => {
            to.add(
                "ConfigureBucket",
                Effect::Allow,
                &[
                    "s3:PutBucketObjectLockConfiguration",
                    "s3:PutBucketVersioning",
                    "s3:PutLifecycleConfiguration",
                    "s3:PutBucketPolicy",
                    "s3:PutBucketPublicAccessBlock",
                    "s3:PutBucketOwnershipControls",
                ],
                bucket(),
                "for the day of the set-up and for changes that two people agreed on; take it away between them",
            );
            to.add("ReadBucket", Effect::Allow, &READ_BUCKET, bucket(), "");
            to.add(
                "ExtendAndHold",
                Effect::Allow,
                &[
                    "s3:PutObjectRetention",
                    "s3:GetObjectRetention",
                    "s3:PutObjectLegalHold",
                    "s3:GetObjectLegalHold",
                ],
                records(),
                "lengthens retention, sets and releases holds",
            );
        }
    }
    denials(demand, person, &mut to);
    if person == Person::Auditor {
        to.add(
            "ChangeNothing",
            Effect::Deny,
            &[
                "s3:PutObject",
                "s3:PutObjectRetention",
                "s3:PutObjectLegalHold",
                "s3:DeleteObject",
                "s3:DeleteObjectVersion",
            ],
            everything(),
            "an auditor who can change what is audited proves nothing",
        );
    }
    Document { of_bucket: false, statements: to.statements }
}

fn application(demand: &Demand, to: &mut Writer<'_>) {
    let bucket = || vec![demand.bucket_arn()];
    let records = || vec![demand.records()];
    let mut store = vec![
        "s3:PutObject",
        "s3:GetObject",
        "s3:GetObjectVersion",
        "s3:AbortMultipartUpload",
        "s3:ListMultipartUploadParts",
    ];
    // What the bucket's default locks needs s3:PutObject alone, on MinIO too (run).
    if demand.sends_lock_headers {
        store.extend(["s3:PutObjectRetention", "s3:GetObjectRetention"]);
    } else {
        store.push("s3:GetObjectRetention");
    }
    store.push("s3:GetObjectLegalHold");
    if demand.hold == Hold::Required {
        store.push("s3:PutObjectLegalHold");
    }
    let why = if demand.sends_lock_headers {
        "uploads carry lock headers, which need s3:PutObjectRetention"
    } else {
        "uploads carry no lock headers: the bucket's default locks them"
    };
    to.add("Store", Effect::Allow, &store, records(), why);
    to.add(
        "List",
        Effect::Allow,
        &["s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads", "s3:GetBucketLocation"],
        bucket(),
        "finds what it stored",
    );
    if !demand.sends_lock_headers {
        to.add(
            "NoOwnLocks",
            Effect::Deny,
            &["s3:PutObjectRetention"],
            records(),
            "only the bucket's default locks: no nearer date, no weaker mode (on MinIO also no past date, A14: WORM-316)",
        );
    }
    // Of MinIO's condition keys a header decides.
    if demand.server == Server::Aws && demand.hold == Hold::Required {
        to.statements.push(Statement {
            sid: "ReleaseNoHold",
            effect: Effect::Deny,
            actions: vec!["s3:PutObject", "s3:PutObjectLegalHold"],
            resources: Resources::Only(records()),
            tests: vec![Test::one("StringEquals", "s3:object-lock-legal-hold", "OFF")],
            why: "it sets holds and releases none, on canaries neither (WORM-510, WORM-717)".to_owned(),
        });
    }
    if demand.server == Server::Minio {
        let arn = demand.bucket_arn();
        to.add(
            "NoFolderKeys",
            Effect::Deny,
            &["s3:PutObject"],
            vec![format!("{arn}/"), format!("{arn}/*/")],
            "the empty key is what MinIO asks for before it unpacks an archive (A6, A17: WORM-307, MINIO-A6), and a key \
             that ends in a slash is never write-once there (A11b: WORM-315)",
        );
        if !demand.copies {
            to.statements.push(Statement {
                sid: "NoCopies",
                effect: Effect::Deny,
                actions: vec!["s3:PutObject"],
                resources: Resources::Only(records()),
                tests: vec![Test::one("Null", "s3:x-amz-copy-source", "false")],
                why: "a copy onto a version id replaces a locked version (A3, A3b: WORM-303, WORM-304)"
                    .to_owned(),
            });
        }
    }
}

/// What no other grant may give back.
fn denials(demand: &Demand, person: Person, to: &mut Writer<'_>) {
    let arn = demand.bucket_arn();
    let everything = || vec![arn.clone(), format!("{arn}/*")];
    to.add(
        "NobodyBypasses",
        Effect::Deny,
        &["s3:BypassGovernanceRetention"],
        vec![format!("{arn}/*")],
        "WORM-716",
    );
    to.add(
        "NotAReplica",
        Effect::Deny,
        &["s3:ReplicateObject", "s3:ReplicateDelete"],
        vec![format!("{arn}/*")],
        if demand.server == Server::Minio {
            "a request that claims to be replication gets past the lock (A1, A2: WORM-301, WORM-302, MINIO-A1, MINIO-A2)"
        } else {
            "only the replication role writes replicas"
        },
    );
    match person {
        Person::Application => to.add(
            "DeleteNothing",
            Effect::Deny,
            &["s3:DeleteObject", "s3:DeleteObjectVersion"],
            vec![format!("{arn}/*")],
            if demand.server == Server::Minio {
                "also closes A1 and A11 (WORM-301, WORM-314, MINIO-A11)"
            } else {
                "WORM-127"
            },
        ),
        Person::Administrator => to.add(
            "TouchNoContent",
            Effect::Deny,
            &["s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion"],
            vec![format!("{arn}/*")],
            "who sets the rules stores and removes nothing",
        ),
        Person::Deleter => to.add(
            "StoreNothing",
            Effect::Deny,
            &["s3:PutObject", "s3:PutObjectRetention", "s3:PutObjectLegalHold"],
            vec![format!("{arn}/*")],
            "who removes cannot unlock",
        ),
        Person::Auditor => {}
    }
    if demand.server == Server::Minio && matches!(person, Person::Deleter) {
        to.add(
            "NoFolderKeys",
            Effect::Deny,
            &["s3:DeleteObject"],
            vec![format!("{arn}/*/")],
            "a batch removes a locked key that ends in a slash (A11: WORM-314, MINIO-A11)",
        );
    }
    if demand.server == Server::Minio {
        to.add(
            "NoNewBucketOverThis",
            Effect::Deny,
            &["s3:CreateBucket", "s3:ForceDeleteBucket"],
            vec![arn.clone()],
            "creating the bucket over itself opens it (A10: WORM-725, MINIO-A10)",
        );
    }
    let configuration: Vec<&'static str> = CONFIGURATION
        .into_iter()
        .filter(|action| {
            person != Person::Administrator
                || ["s3:DeleteBucket", "s3:DeleteBucketPolicy", "s3:PutReplicationConfiguration"]
                    .contains(action)
        })
        .collect();
    to.add("ConfigureNothing", Effect::Deny, &configuration, everything(), "WORM-715, WORM-744");
}
