//! The seeded faults: each one is a way in which a real implementation went wrong, or could.
//!
//! A defect is switched on for a whole server and is one `if` at the place where the fault lies, so
//! that everything else behaves as without it. Qualification runs the suite against each of them.
//!
//! References: `BKT`/`PUT`/… are rows of the behaviour catalogue, `A1`… MinIO's escape hatches.

use std::cell::Cell;

/// What is known about one defect.
#[derive(Debug, Clone, Copy)]
pub struct DefectInfo {
    /// The defect.
    pub defect: Defect,
    /// Its name on the command line, in kebab case.
    pub name: &'static str,
    /// What the server does wrong, in one sentence.
    pub summary: &'static str,
    /// Where it was seen, or which documented behaviour it breaks.
    pub reference: &'static str,
    /// Whether the server as a whole is useless with it: no scenario may pass, none need fail.
    pub useless: bool,
}

macro_rules! defects {
    ($($variant:ident, $name:literal, $useless:literal, $summary:literal, $reference:literal;)*) => {
        /// One seeded fault. [`Defect::all`] says what each one is.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Defect {
            $(#[doc = $summary] $variant,)*
        }

        const TABLE: &[DefectInfo] = &[$(DefectInfo {
            defect: Defect::$variant,
            name: $name,
            summary: $summary,
            reference: $reference,
            useless: $useless,
        },)*];
    };
}

defects! {
    RefusesAll, "refuses-all", true, "Every request is answered 403 AccessDenied.", "a stub or a proxy in front";
    FailsAll, "fails-all", true, "Every request is answered 500 InternalError.", "a broken server";
    RefusesAndDeletes, "refuses-and-deletes", false, "A locked version's delete is answered 403, and the version is gone.", "design: the state decides, not the answer";
    AcceptsAndKeeps, "accepts-and-keeps", false, "A locked version's delete is answered 204, and the version stays.", "design: a false answer is a fail of its own kind";
    DeletedStillReadable, "deleted-still-readable", false, "A locked version is deleted behind a 403, and a stale cache still answers GET and HEAD; the listing lacks it.", "design: a cache that still shows what is gone";
    PutReplacesLockedVersion, "put-replaces-locked-version", false, "A plain PUT overwrites the current locked version in place.", "OVR-01; SeaweedFS before #11316";
    PutVersionIdReplaces, "put-version-id-replaces", false, "A PUT or copy with ?versionId replaces that version's bytes and keeps its lock.", "OVR-06; MinIO A9";
    ReplicaHeaderDelete, "replica-header-delete", false, "DELETE ?versionId with X-Amz-Replication-Status: REPLICA skips the lock check.", "ADM-14; MinIO A1";
    ReplicaHeaderPut, "replica-header-put", false, "PUT ?versionId with X-Amz-Replication-Status: REPLICA replaces the version without its lock.", "MinIO A2, A3";
    MultipartVersionIdReplaces, "multipart-version-id-replaces", false, "A multipart upload begun with ?versionId replaces that version without its lock.", "MinIO A4, A5";
    FormVersionIdReplaces, "form-version-id-replaces", false, "A form posted to ?versionId replaces that version without its lock.", "MinIO A7";
    ComplianceBypass, "compliance-bypass", false, "The bypass header also deletes, shortens and clears COMPLIANCE.", "DEL-05, SHR-07, SHR-08";
    BypassWithoutRight, "bypass-without-right", false, "The bypass header works without s3:BypassGovernanceRetention.", "GOV-03, GOV-05; SeaweedFS #11362";
    ShortenCompliance, "shorten-compliance", false, "COMPLIANCE may be shortened in the same mode.", "SHR-05; versitygw object_lock.go:158";
    ShortenGovernance, "shorten-governance", false, "GOVERNANCE may be shortened without the bypass header.", "SHR-01; versitygw";
    DowngradeCompliance, "downgrade-compliance", false, "COMPLIANCE may be changed to GOVERNANCE.", "SHR-06; moto models.py:2409";
    UpgradeWithoutBypass, "upgrade-without-bypass", false, "GOVERNANCE may be changed to COMPLIANCE without the bypass header.", "SHR-09; LocalStack provider.py:3979";
    EmptyRetentionClears, "empty-retention-clears", false, "An empty Retention removes the lock of either mode without bypass.", "SHR-03, SHR-07";
    HoldIgnoredOnDelete, "hold-ignored-on-delete", false, "A legal hold does not stop a delete.", "DEL-07";
    HoldIgnoredWithBypass, "hold-ignored-with-bypass", false, "The bypass header deletes a version under legal hold.", "DEL-08, GOV-06";
    HoldIgnoredAfterExpiry, "hold-ignored-after-expiry", false, "An ended retention hides a legal hold that is still on.", "DEL-09; versitygw object_lock.go:311";
    BatchDeleteIgnoresLock, "batch-delete-ignores-lock", false, "DeleteObjects does not look at locks.", "MUL-01";
    BatchFirstExpiredFreesAll, "batch-first-expired-frees-all", false, "In DeleteObjects an entry with an ended retention ends the lock check for all that follow.", "MUL-08; versitygw object_lock.go:311";
    DefaultNotOnPut, "default-not-on-put", false, "The default retention is not stamped on a plain PUT.", "DEF-01, DEF-12; versitygw";
    DefaultNotOnMultipart, "default-not-on-multipart", false, "The default retention is not stamped on a multipart upload.", "DEF-06; s3gw#761";
    DefaultNotOnCopy, "default-not-on-copy", false, "The default retention is not stamped on a copy.", "DEF-05";
    DefaultNotOnForm, "default-not-on-form", false, "The default retention is not stamped on a form upload.", "DEF-07; MinIO A8";
    HoldHeaderDropsDefault, "hold-header-drops-default", false, "A legal-hold header, even OFF, drops the default retention.", "DEF-04; MinIO bucket-object-lock.go:333";
    LockHeadersIgnored, "lock-headers-ignored", false, "Lock headers of a PUT are accepted and not stored.", "PUT-01, PUT-02";
    MultipartLockDropped, "multipart-lock-dropped", false, "Lock headers given when a multipart upload begins are not on the completed version.", "MPU-01; ceph#54767";
    CopyLockDropped, "copy-lock-dropped", false, "Lock headers of a copy are accepted and not stored.", "CPY-03";
    FormLockWithoutRight, "form-lock-without-right", false, "Lock fields of a form are taken without s3:PutObjectRetention.", "ANO-07; rustfs#5701";
    LockHeadersWithoutRight, "lock-headers-without-right", false, "Lock headers are taken without s3:PutObjectRetention or s3:PutObjectLegalHold.", "PUT-13, PUT-14; SeaweedFS #11362";
    SuspendVersioningAccepted, "suspend-versioning-accepted", false, "Versioning may be suspended on a bucket with Object Lock.", "BKT-09, DEL-21";
    LockConfigDisabledAccepted, "lock-config-disabled-accepted", false, "An Object Lock configuration without Enabled switches the lock off.", "BKT-08; versitygw #1568";
    IfNoneMatchIgnored, "if-none-match-ignored", false, "If-None-Match: * is ignored on PUT.", "CND-02";
    IfNoneMatchRace, "if-none-match-race", false, "If-None-Match: * is checked, and the write follows later: two of a race may win.", "CND-27";
    IfNoneMatchIgnoredOnMultipart, "if-none-match-ignored-on-multipart", false, "If-None-Match: * is ignored when a multipart upload is completed.", "CND-12, CND-14";
    IfNoneMatchIgnoredOnCopy, "if-none-match-ignored-on-copy", false, "If-None-Match: * is ignored on CopyObject.", "CND-18";
    IfMatchIgnored, "if-match-ignored", false, "If-Match is ignored on PUT and DELETE.", "CND-05, CND-21";
    ExpiredNeverDeletable, "expired-never-deletable", false, "A version whose retention has ended can still not be deleted.", "DEL-11";
    LockEndsEarly, "lock-ends-early", false, "A retention ends two seconds before its retain-until date.", "section 20, 7; SeaweedFS whole seconds";
    RetentionSetNotStored, "retention-set-not-stored", false, "PutObjectRetention on an unlocked version is answered 200 and not stored.", "EXT-09; SeaweedFS";
    ExtensionIgnored, "extension-ignored", false, "An extension of a retention is answered 200 and not stored.", "EXT-01, EXT-02";
    ExtensionRefused, "extension-refused", false, "An extension of a retention is refused.", "EXT-01, EXT-02";
    HoldSetNotStored, "hold-set-not-stored", false, "PutObjectLegalHold ON is answered 200 and not stored.", "LHD-01";
    HoldOffWithoutRight, "hold-off-without-right", false, "A legal hold can be removed without s3:PutObjectLegalHold.", "LHD-11";
    RetentionWithoutRight, "retention-without-right", false, "A retention can be set without s3:PutObjectRetention.", "EXT-03, SHR-18";
    VersionDeleteWithoutRight, "version-delete-without-right", false, "s3:DeleteObject alone deletes versions.", "DEL-18; MinIO auth-handler.go:465";
    DeleteBucketWithLocked, "delete-bucket-with-locked", false, "A bucket that still holds locked versions can be deleted.", "BKT-11";
    DirectoryKeyDeleted, "directory-key-deleted", false, "DELETE of a key ending in / removes the locked version itself.", "DEL-22; SeaweedFS delete.go:128; MinIO A11";
    PolicyNullConditionIgnored, "policy-null-condition-ignored", false, "Null conditions of a bucket policy are ignored, always to the caller's favour.", "POL-01";
    PolicyDenyIgnored, "policy-deny-ignored", false, "Deny statements of a bucket policy do not bind the account's own principals.", "GOV-05; noobaa #9881";
    UnsignedHeadersAccepted, "unsigned-headers-accepted", false, "x-amz headers that the signature does not cover are honoured.", "s3s gap 1; ANO-04";
    ListingHidesVersions, "listing-hides-versions", false, "ListObjectVersions shows the current version of each key only.", "design: still listed";
    CopyOntoSelfStripsLock, "copy-onto-self-strips-lock", false, "A copy of a locked version onto its own key replaces that version, without its lock.", "MinIO A3b, CPY-08";
    LockNotEnforced, "lock-not-enforced", false, "Locks are stored and shown, and protect nothing.", "S3Mock; EXT-09";
    NoncurrentUnprotected, "noncurrent-unprotected", false, "Only the current version of a key is protected by its lock.", "OVR-01, CPY-07";
    NullVersionUnprotected, "null-version-unprotected", false, "The lock of a null version is not enforced.", "DEL-20";
    SimpleDeleteIsPermanent, "simple-delete-is-permanent", false, "A DELETE without a version id removes the current locked version itself.", "DEL-01; versitygw without versioning";
    MarkerDeleteTakesVersion, "marker-delete-takes-version", false, "Deleting a delete marker also deletes the version below it.", "DEL-12";
    OverwriteDropsOldVersion, "overwrite-drops-old-version", false, "A plain PUT removes the locked version that was current.", "OVR-01";
    CopyReplacesLockedVersion, "copy-replaces-locked-version", false, "A copy overwrites the current locked version in place.", "OVR-03";
    MultipartReplacesLockedVersion, "multipart-replaces-locked-version", false, "A completed upload overwrites the current locked version in place.", "OVR-05";
    FormReplacesLockedVersion, "form-replaces-locked-version", false, "A form overwrites the current locked version in place.", "DEF-07; SeaweedFS before #11316";
    RetentionClearsHold, "retention-clears-hold", false, "Setting a retention removes the legal hold.", "LHD-15; SeaweedFS lost update";
    HoldOffClearsRetention, "hold-off-clears-retention", false, "Removing a legal hold removes the retention too.", "DEL-10, LHD-12";
    ComplianceStoredAsGovernance, "compliance-stored-as-governance", false, "COMPLIANCE is accepted and stored as GOVERNANCE.", "PUT-01";
    DefaultSetNotStored, "default-set-not-stored", false, "A default retention is accepted and not stored.", "BKT-07, DEF-01";
    DefaultCountedFromRule, "default-counted-from-rule", false, "The default retention is counted from when the rule was written.", "DEF-10; versitygw object_lock.go:252";
    DefaultChangeRewritesLocks, "default-change-rewrites-locks", false, "Changing the default changes the locks of existing versions.", "BKT-19, DEF-03; RustFS objectlock_sys.rs:276";
    LockAtCreationIgnored, "lock-at-creation-ignored", false, "The request to create a bucket with Object Lock makes one without.", "BKT-01";
    ForceCreateResetsBucket, "force-create-resets-bucket", false, "PUT bucket with x-minio-force-create wipes lock, versioning and policy.", "MinIO A10";
    PastDateAccepted, "past-date-accepted", false, "An upload may carry a retain-until date that has passed, which beats the default.", "PUT-07; MinIO A14";
    PastRetentionClears, "past-retention-clears", false, "PutObjectRetention with a date that has passed is stored without looking at the lock.", "SHR-11";
    OffsetIgnored, "offset-ignored", false, "The offset of a retain-until date is ignored.", "section 20, 6; s3s gap 2";
    DatesCutToMinutes, "dates-cut-to-minutes", false, "Retain-until dates are cut to whole minutes.", "SHR-15; SeaweedFS cuts to seconds";
    BypassFalseCounts, "bypass-false-counts", false, "The bypass header bypasses whatever its value.", "GOV-04, GOV-07";
    BatchBypassWithoutRight, "batch-bypass-without-right", false, "DeleteObjects does not ask for the right to bypass.", "GOV-09; MinIO multi-delete";
    BatchQuietHidesErrors, "batch-quiet-hides-errors", false, "DeleteObjects with Quiet does not tell which keys were refused.", "MUL-07";
    SessionPolicyIgnored, "session-policy-ignored", false, "The policy of a session does not limit it.", "SeaweedFS #11362";
    AnonymousDeletes, "anonymous-deletes", false, "Requests without a signature may delete.", "ANO-01, ANO-02";
    DeniedDeleteExecuted, "denied-delete-executed", false, "Rights are asked for after the deletion: it is answered 403 AccessDenied, and the version is gone.", "design: the state decides, not the answer; DEL-18";
    UnknownVersionDeletesCurrent, "unknown-version-deletes-current", false, "DELETE with a version id that no version has, or that is none, removes the current version.", "DEL-14, DEL-15";
    RepeatedDeleteSucceeds, "repeated-delete-succeeds", false, "A refused delete of the same version is carried out when it comes again.", "MinIO bucket-handlers.go:569: the check lies apart from the deletion";
    AbortRemovesObject, "abort-removes-object", false, "Aborting a multipart upload removes the current version of its key.", "MPU-06";
    ArchiveReplacesVersion, "archive-replaces-version", false, "An uploaded archive is unpacked, and an entry that names a version id replaces that version.", "MinIO A6";
    VersionIdTakesLock, "version-id-takes-lock", false, "A PUT or copy with ?versionId and a lock gives that version this lock, unchecked.", "MinIO A9b, A9c";
    MadeUpVersionReplacesCurrent, "made-up-version-replaces-current", false, "A PUT with a ?versionId that no version has replaces the current version.", "MinIO section 7; OVR-06";
    AppendInPlace, "append-in-place", false, "x-amz-write-offset-bytes writes into the current version itself.", "OVR-09";
    ForceDeleteHonoured, "force-delete-honoured", false, "x-minio-force-delete deletes whatever the lock.", "ADM-13";
    BypassRefused, "bypass-refused", false, "The bypass of governance is refused to those who hold the right, too.", "GOV-01; versitygw wants a bucket policy for it";
    PolicyBindsPlainPutsOnly, "policy-binds-plain-puts-only", false, "A bucket policy is asked for plain uploads and not for copies, forms and completed uploads.", "POL-04 to POL-06";
    PolicyDenyOfVersionsIgnored, "policy-deny-of-versions-ignored", false, "A policy's Deny of s3:DeleteObjectVersion does not bind.", "POL-08, POL-16";
    LockWithoutBucketLock, "lock-without-bucket-lock", false, "Locks are accepted in a bucket without Object Lock.", "PUT-10, EXT-09; SeaweedFS";
    TaggingDropsLock, "tagging-drops-lock", false, "Setting tags writes the metadata anew, without retention and hold.", "MET-01";
    AclDropsLock, "acl-drops-lock", false, "A change of the access list writes the metadata anew, without retention and hold.", "MET-03";
    MethodOverrideHonoured, "method-override-honoured", false, "A header that overrides the method turns a read into a deletion that asks nobody.", "proxies and frameworks that follow X-HTTP-Method-Override";
    RetentionReachesAllVersions, "retention-reaches-all-versions", false, "PutObjectRetention without a version id changes all versions of the key.", "SHR-16";
    HoldOffReachesAllVersions, "hold-off-reaches-all-versions", false, "Removing the hold of one version removes it from all versions of the key.", "LHD-08";
    MarkerShinesThrough, "marker-shines-through", false, "Lock requests without a version id reach the version beneath a delete marker.", "LHD-16, EXT-06";
    HalfRetentionClears, "half-retention-clears", false, "A Retention with one half missing is taken for an empty one that may remove governance.", "SHR-12";
    ShorteningRefusedAndStored, "shortening-refused-and-stored", false, "A refused change of a retention is stored all the same.", "design: the state decides, not the answer";
    HoldAndRetentionRace, "hold-and-retention-race", false, "Retention and hold are read together and written back together later: what was set meanwhile is lost.", "LHD-15; SeaweedFS lost update";
    BucketConfigWithoutRight, "bucket-config-without-right", false, "Configuring a bucket asks for the right to write objects only.", "BKT-20; SeaweedFS coarse rights";
    ConditionRefusedAndWritten, "condition-refused-and-written", false, "A write whose condition does not hold is answered 412, and the version is made.", "CND-02, CND-30";
    CompletionRace, "completion-race", false, "The condition of CompleteMultipartUpload holds when it is checked, and another write comes between.", "CND-14, CND-27";
    DefaultStampedAsGovernance, "default-stamped-as-governance", false, "A default retention of COMPLIANCE is stamped as GOVERNANCE.", "DEF-01";
    DefaultBeatsExplicit, "default-beats-explicit", false, "In a bucket with a default an explicit retention is replaced by it.", "PUT-16, PUT-17";
    CopyMovesLock, "copy-moves-lock", false, "A copy takes the lock from its source.", "CPY-01, CPY-02";
    BatchStopsAtRefusal, "batch-stops-at-refusal", false, "DeleteObjects leaves out what stands behind a refused entry, and says it was deleted.", "MUL-01, MUL-10";
    PresignedSkipsLock, "presigned-skips-lock", false, "A deletion by a presigned address does not look at locks.", "ANO-03";
    PresignedBypassUnasked, "presigned-bypass-unasked", false, "A bypass in a presigned address needs no right.", "GOV-08";
    CleanedKeyUnprotected, "cleaned-key-unprotected", false, "The lock is looked up under the cleaned path: empty and dot segments have none.", "section 20, 23";
    EncodedKeyUnprotected, "encoded-key-unprotected", false, "The lock is looked up under the key as it stands in the URL: what has to be encoded has none.", "section 20, 23";
    CopyLockWithoutRight, "copy-lock-without-right", false, "Lock headers of a copy are taken without the right to lock.", "CPY-06";
    MultipartLockWithoutRight, "multipart-lock-without-right", false, "Lock headers of a multipart upload are taken without the right to lock.", "MPU-05";
    BatchDeletesAll, "batch-delete-by-key-is-permanent", false, "DeleteObjects without a version id removes the current version itself.", "MUL-03; MinIO A11";
    RefusedPartDropsEarlier, "refused-part-drops-earlier", false, "A part that is refused for want of a checksum throws away the part of its number that was there.", "MPU-04";
    RenameHonoured, "rename-honoured", false, "PUT ?renameObject moves the current version of the source, locked or not.", "CPY-10; RenameObject of directory buckets";
    AbortLeavesVersion, "abort-leaves-version", false, "An aborted multipart upload leaves a version with the lock that was asked for.", "MPU-06";
    LockOfNothingAccepted, "lock-of-nothing-accepted", false, "A lock for a key or a version that does not exist is answered 200.", "EXT-07, EXT-08, LHD-07";
    NeverSetLockAnswersEmpty, "never-set-lock-answers-empty", false, "The lock of a version that was never locked is answered with an empty document.", "EXT-10, LHD-02";
    MarkerLockAccepted, "marker-lock-accepted", false, "A lock on a delete marker is answered 200.", "EXT-05, LHD-09";
    UnknownElementsClear, "unknown-elements-clear", false, "A Retention with elements that the server does not know removes the lock before it is refused, whoever sends it.", "EVH-02";
    UnsignedReplicaDelete, "unsigned-replica-delete", false, "X-Amz-Replication-Status: REPLICA need not be signed and skips the lock check of a delete.", "ANO-04; MinIO A1";
    UnsignedReplicaUpload, "unsigned-replica-upload", false, "X-Amz-Replication-Status: REPLICA need not be signed and leaves out the default retention of an upload.", "ANO-04, DEF-04";
    ConditionalDeleteSkipsLock, "conditional-delete-skips-lock", false, "A delete with a condition on size or date does not look at the lock.", "CND-24";
    LockOnUnversionedAccepted, "lock-on-unversioned-accepted", false, "Object Lock may be switched on where versioning is not.", "BKT-04, BKT-05";
    LockPolicyRefused, "lock-policy-refused", false, "A bucket policy that names an action of Object Lock is refused.", "POL-19; versitygw does not know all actions";
    LifecycleIgnoresLock, "lifecycle-ignores-lock", false, "An expiration of all versions takes locked versions too, at once and whoever sends it.", "ADM-02, ADM-05; MinIO ExpiredObjectAllVersions";
    RepeatedCompletionMakesVersion, "repeated-completion-makes-version", false, "Each completion of an upload makes one more version.", "MPU-10";
    DoubledLockHeadersDropped, "doubled-lock-headers-dropped", false, "Lock headers that come twice, once of them unsigned, are dropped.", "ANO-05, PUT-13";
    ImportedMetadataUnchecked, "imported-metadata-unchecked", false, "An import of bucket metadata may leave keys of a bucket with Object Lock out of versioning.", "MinIO A16";
    SiteMessageResetsBucket, "site-message-resets-bucket", false, "A message between sites that makes a bucket by force wipes lock, default and policy of one that exists.", "MinIO A13b";
    SiteMessageDeletesBucket, "site-message-deletes-bucket", false, "A message between sites that deletes a bucket by force is obeyed.", "MinIO A13";
    RestartForgetsRetention, "restart-forgets-retention", false, "Retentions are not there any more after a restart.", "design: what was accepted is kept; moto and S3Mock keep locks in memory only";
    RestartForgetsHolds, "restart-forgets-holds", false, "Legal holds are not there any more after a restart.", "design: what was accepted is kept; moto keeps holds in memory only";
    RestartForgetsDefault, "restart-forgets-default", false, "The default retention of a bucket is not there any more after a restart.", "design: what was accepted is kept";
    RestartForgetsUploadLocks, "restart-forgets-upload-locks", false, "A multipart upload that was begun with a lock loses it over a restart.", "MPU-01; design: what was accepted is kept";
    CrashForgetsLastWrite, "crash-forgets-last-write", false, "The write that was accepted last before a crash is lost.", "design: accepted means written";
    CrashForgetsLockChange, "crash-forgets-lock-change", false, "The extension or hold that was accepted last before a crash is lost.", "design: accepted means written";
    EndedLockForgotten, "ended-lock-forgotten", false, "A lock that has once ended is taken off, and a clock that is set right does not bring it back.", "MinIO A15: the clock decides";
    LockBeforeCreationIgnored, "lock-before-creation-ignored", false, "A clock that stands before a version was made frees it.", "MinIO A15: the clock decides";
    LifecycleRemovesCurrent, "lifecycle-removes-current", false, "Expiry by a date removes a locked current version instead of hiding it.", "ADM-01";
    LifecycleCycleIgnoresRetention, "lifecycle-cycle-ignores-retention", false, "The server's own cycle removes noncurrent versions under retention.", "ADM-01, ADM-02";
    LifecycleCycleIgnoresHold, "lifecycle-cycle-ignores-hold", false, "The server's own cycle removes noncurrent versions under legal hold.", "ADM-02";
    BatchJobExpiresAll, "batch-job-expires-all", false, "A batch job that keeps no version removes locked ones too.", "MinIO A12";
    WrongSignatureUnpacks, "wrong-signature-unpacks", false, "The signature of an archive with an unsigned trailer is not checked, and what it holds replaces versions.", "CVE-2026-40344; MinIO A17";
    UnsignedTrailerUnverified, "unsigned-trailer-unverified", false, "The signature of an upload with an unsigned trailer is not checked.", "CVE-2026-40344; MinIO A17";
    StreamedQueryUnverified, "streamed-query-unverified", false, "A signature in the query is not checked where the body is a stream without signatures.", "MinIO A17";
    ClientAddressFromHeader, "client-address-from-header", false, "aws:SourceIp is what the client's header X-Forwarded-For says.", "MinIO A18";
    UncheckedBatchSkipsLock, "unchecked-batch-skips-lock", false, "DeleteObjects without a checksum of its body is carried out, without the lock check.", "MUL-12";
    MisspeltHoldDropped, "misspelt-hold-dropped", false, "A legal-hold header that says neither ON nor OFF is accepted and dropped.", "PUT-09";
    LogOmitsBypass, "log-omits-bypass", false, "What bypasses governance is not in the server's log.", "LOG-01, LOG-02; seed 004:279: all bypass actions must be logged";
    LogOmitsRefusals, "log-omits-refusals", false, "What was refused is not in the server's log.", "LOG-04; seed 004:279";
    LogHidesBypass, "log-hides-bypass", false, "The server's log does not say that the bypass of governance was asked for.", "LOG-01; the fields of S3 server access logs have no place for the header";
    LogWithoutPrincipal, "log-without-principal", false, "The server's log does not say who sent a request.", "LOG-01, LOG-05; seed 004:279";
    LogWithoutVersion, "log-without-version", false, "The server's log names keys without version ids.", "LOG-01, LOG-02; a key has many versions, of which one was removed";
    LogBatchWithoutResults, "log-batch-without-results", false, "The server's log of a batch deletion does not say which entries were refused.", "LOG-06; MinIO's audit webhook: 200 for the whole";
    LogHoldWithoutState, "log-hold-without-state", false, "The server's log does not say whether a legal hold was set or released.", "LOG-07; MinIO's audit webhook: no part of the body";
}

impl Defect {
    /// The whole table, in a fixed order.
    #[must_use]
    pub fn all() -> &'static [DefectInfo] {
        TABLE
    }

    /// The defect of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        TABLE.iter().find(|info| info.name == name).map(|info| info.defect)
    }

    /// What is known about it.
    #[must_use]
    pub fn info(self) -> &'static DefectInfo {
        &TABLE[self as usize]
    }

    /// The name in kebab case.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.info().name
    }
}

thread_local! {
    static ASKED: Cell<[u128; 2]> = const { Cell::new([0; 2]) };
}

/// The defects that are switched on.
#[derive(Debug, Clone, Copy, Default)]
pub struct Defects([u128; 2]);

/// The word and the bit of a defect in a set.
const fn place(defect: Defect) -> (usize, u128) {
    let number = defect as usize;
    (number / 128, 1 << (number % 128))
}

impl Defects {
    /// A set of defects.
    #[must_use]
    pub fn new(defects: &[Defect]) -> Self {
        let mut words = [0; 2];
        for (word, bit) in defects.iter().map(|defect| place(*defect)) {
            words[word] |= bit;
        }
        Self(words)
    }

    /// Whether `defect` is on. Ask this last in a condition: what was not asked cannot have mattered.
    #[must_use]
    pub fn has(self, defect: Defect) -> bool {
        let (word, bit) = place(defect);
        let mut asked = ASKED.get();
        asked[word] |= bit;
        ASKED.set(asked);
        self.contains(defect)
    }

    /// The defects that servers on this thread were asked about since the last call. A server with a defect
    /// that is not among them would have done the very same.
    #[must_use]
    pub fn asked_on_this_thread() -> Self {
        Self(ASKED.take())
    }

    /// Whether a defect is in the set; does not count as asking.
    #[must_use]
    pub fn contains(self, defect: Defect) -> bool {
        let (word, bit) = place(defect);
        self.0[word] & bit != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_fits_its_enum_and_its_set() {
        assert!(TABLE.len() <= 256, "the set has 256 bits");
        for (position, info) in TABLE.iter().enumerate() {
            assert_eq!(info.defect as usize, position);
            assert_eq!(Defect::parse(info.name), Some(info.defect));
            assert!(info.name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{}", info.name);
            assert!(Defects::new(&[info.defect]).has(info.defect));
            assert!(!Defects::default().has(info.defect));
        }
    }
}
