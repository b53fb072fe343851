//! The words of the scenario format: what severity, reach, purposes, actions and expectations there are.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Gives a field-less enum its words, for the parser, the record and `Display`.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $word)] $variant,)+ }

        impl $name {
            /// Every value, in declaration order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The word as files and reports write it.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            /// The value that this word names, if any.
            #[must_use]
            pub fn parse(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}
pub(crate) use words;

words! {
    /// How bad it is when the scenario fails.
    Severity {
        /// Information only.
        Info = "info",
        /// A weakness that needs other conditions.
        Low = "low",
        /// A weakness.
        Medium = "medium",
        /// A record can be hidden or its lock weakened.
        High = "high",
        /// A record can be destroyed, altered or unlocked.
        Critical = "critical",
    }
}

words! {
    /// How far an attack's success would go.
    Reach {
        /// One canary.
        Object = "object",
        /// A bucket that the tool made.
        Bucket = "bucket",
        /// A server that the tool started.
        Server = "server",
    }
}

words! {
    /// What a scenario leaves behind at worst.
    Safety {
        /// Nothing but canaries that can be removed at once.
        Canary = "canary",
        /// Canaries that can be removed when their short lock has ended.
        CleanupAfterExpiry = "cleanup-after-expiry",
        /// Something that may stay for long.
        LeavesResidue = "leaves-residue",
    }
}

words! {
    /// A feature of the audited bucket or server, without which a scenario cannot be set up.
    Capability {
        /// The bucket has Object Lock.
        ObjectLock = "object-lock",
        /// The bucket has versioning.
        Versioning = "versioning",
        /// The server has STS or another way to make principals.
        Principals = "principals",
        /// The server takes bucket policies (probed on a bucket that the tool made).
        BucketPolicy = "bucket-policy",
        /// The tool can stop the server and start it again on the same data.
        ServerRestart = "server-restart",
        /// The tool can move the clock by which the server judges locks.
        ServerClock = "server-clock",
        /// The tool can read the server's own log of requests.
        AccessLog = "access-log",
    }
}

words! {
    /// Why a step is sent.
    Purpose {
        /// Makes the scene; proves nothing.
        Setup = "setup",
        /// Shows that a right exists.
        Control = "control",
        /// Must do no harm.
        Attack = "attack",
        /// A legal act whose effect the store owes.
        Promise = "promise",
    }
}

words! {
    /// The expected answer.
    Expect {
        /// 2xx without an `<Error>` for this entry.
        Accepted = "accepted",
        /// Refused, for one of the named reasons.
        Refused = "refused",
        /// Exactly one of the steps sent together (or of the copies) is accepted.
        OneAccepted = "one accepted",
        /// Attacks only: the state alone decides.
        Either = "either",
    }
}

words! {
    /// Why a store refuses, in the words of the dialects.
    Because {
        /// A lock protects the version.
        ObjectLocked = "object-locked",
        /// The principal lacks the right.
        NotPermitted = "not-permitted",
        /// A condition of the request does not hold.
        PreconditionFailed = "precondition-failed",
        /// Another request was faster, or the bucket's state forbids it.
        Conflict = "conflict",
        /// The request is malformed or inapplicable.
        InvalidRequest = "invalid-request",
        /// The server does not have this operation or header.
        NotSupported = "not-supported",
    }
}

words! {
    /// What a step does.
    Action {
        /// PutObject. With `version`: the same with `?versionId=`.
        PutObject = "put-object",
        /// CopyObject onto `object` from `source`.
        CopyObject = "copy-object",
        /// CreateMultipartUpload; issues the upload handle `name`.
        CreateMultipartUpload = "create-multipart-upload",
        /// UploadPart into `upload`.
        UploadPart = "upload-part",
        /// CompleteMultipartUpload of `upload`, with the parts uploaded so far.
        CompleteMultipartUpload = "complete-multipart-upload",
        /// AbortMultipartUpload of `upload`.
        AbortMultipartUpload = "abort-multipart-upload",
        /// GetObject.
        GetObject = "get-object",
        /// HeadObject.
        HeadObject = "head-object",
        /// DeleteObject without a version id: lays a delete marker where there is versioning.
        DeleteObject = "delete-object",
        /// DeleteObject with `?versionId=` (the canary's own version unless `version` says otherwise).
        DeleteVersion = "delete-version",
        /// DeleteObjects with the entries of a `[delete-list.NAME]`.
        DeleteObjects = "delete-objects",
        /// PutObjectRetention; `retention = "empty"` sends an empty `<Retention/>`.
        PutRetention = "put-retention",
        /// GetObjectRetention.
        GetRetention = "get-retention",
        /// PutObjectLegalHold.
        PutLegalHold = "put-legal-hold",
        /// GetObjectLegalHold.
        GetLegalHold = "get-legal-hold",
        /// PutObjectTagging.
        PutTagging = "put-tagging",
        /// DeleteObjectTagging.
        DeleteTagging = "delete-tagging",
        /// POST form upload of a `[form.NAME]`.
        PostForm = "post-form",
        /// PutBucketVersioning.
        PutBucketVersioning = "put-bucket-versioning",
        /// PutObjectLockConfiguration with `default-retention`.
        PutObjectLockConfiguration = "put-object-lock-configuration",
        /// PutBucketPolicy with `policy`.
        PutBucketPolicy = "put-bucket-policy",
        /// DeleteBucketPolicy.
        DeleteBucketPolicy = "delete-bucket-policy",
        /// CreateBucket of a bucket with `state = "absent"`.
        CreateBucket = "create-bucket",
        /// DeleteBucket.
        DeleteBucket = "delete-bucket",
        /// ListObjectVersions of the canary's key.
        ListVersions = "list-versions",
        /// No request: the tool stops the server and starts it again on the same data (`crash`: without warning).
        RestartServer = "restart-server",
        /// No request: the tool moves the server's clock `by` so much.
        MoveClock = "move-clock",
        /// Any other request: `method`, `query`, `headers`, `body`/`content`, aimed by `object` or `on`.
        Raw = "raw",
    }
}

words! {
    /// What the server's own log has to say of a request.
    LogPart {
        /// Who sent it: the access key.
        Principal = "principal",
        /// Bucket and key; of a batch each of them.
        Key = "key",
        /// The version id; of a batch each of them.
        Version = "version",
        /// That the bypass of governance was asked for.
        Bypass = "bypass",
        /// That it was refused; of a batch each entry that was.
        Refusal = "refusal",
        /// What the lock was to be changed to: mode and date, or the legal hold.
        Change = "change",
    }
}

words! {
    /// How the body's integrity is stated.
    Integrity {
        /// `Content-MD5`.
        ContentMd5 = "content-md5",
        /// `x-amz-checksum-sha256`.
        Sha256 = "sha256",
        /// The body as an `aws-chunked` stream without signatures, its SHA-256 in a trailer.
        Trailer = "trailer",
        /// No header at all.
        None = "none",
    }
}

words! {
    /// A signature that is wrong on purpose.
    Signature {
        /// The right key id with a signature that cannot be right.
        Wrong = "wrong",
    }
}

words! {
    /// What a raw step aims at where it names no object.
    On {
        /// The bucket itself.
        Bucket = "bucket",
        /// The server (`/`).
        Server = "server",
    }
}

words! {
    /// The state of bucket versioning.
    Versioning {
        /// Never set.
        Unset = "unset",
        /// Enabled.
        Enabled = "enabled",
        /// Suspended.
        Suspended = "suspended",
    }
}

words! {
    /// How an object is set up.
    ObjectSetup {
        /// Uploaded.
        Present = "present",
        /// Uploaded without a lock of its own, then a delete marker is laid on top. The marker is version
        /// `marker`; it is never locked, so deleting it is the plain control of a deletion.
        Hidden = "hidden",
        /// Only the key is reserved; a step makes the object.
        Absent = "absent",
    }
}

impl Action {
    /// The capability without which the tool cannot do it; `None` of requests.
    #[must_use]
    pub fn of_machine(self) -> Option<Capability> {
        match self {
            Self::RestartServer => Some(Capability::ServerRestart),
            Self::MoveClock => Some(Capability::ServerClock),
            _ => None,
        }
    }
}
