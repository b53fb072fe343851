//! What the analysis of a bucket's configuration and of policies says: findings, and who may do what.
//!
//! The analysis itself is made elsewhere (`analyse`); these are its words, so that a record can hold it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::record::{Finding, FindingRule, Verdict};
use crate::scenario::words;
pub use crate::scenario::{Role, Severity};

/// What findings about the versioning are about.
pub const ABOUT_VERSIONING: &str = "versioning";
/// What findings about Object Lock are about.
pub const ABOUT_LOCK: &str = "Object Lock configuration";

words! {
    /// What is wrong with a statement, a policy or a setting. The words never change their meaning.
    AnalysisRule {
        /// A `Deny` names an action that is not the one that does the harm.
        DenyWrongAction = "deny-wrong-action",
        /// A `Deny` asks only whether a lock is sent, not which: a lock of a day passes.
        DenyPresenceOnly = "deny-presence-only",
        /// A `Deny` does not hit a request that lacks the condition key.
        DenyMissesAbsentKey = "deny-misses-absent-key",
        /// A `Deny` that is meant for writes exempts them, and stops only the parts of multipart uploads.
        DenyExemptsWrites = "deny-exempts-writes",
        /// A `Deny` that matches no request: its actions are not of its resources, or a variable is a plain word.
        DenyWithoutEffect = "deny-without-effect",
        /// An `Allow` whose condition also holds for a request that lacks the key.
        AllowHoldsWithoutKey = "allow-holds-without-key",
        /// A condition key that the statement's action does not have.
        KeyNotOfAction = "key-not-of-action",
        /// An action that is not known: it may match nothing.
        UnknownAction = "unknown-action",
        /// A condition key that is not known.
        UnknownKey = "unknown-key",
        /// An `Allow` written as if it restricted those whom another policy allows.
        AllowRestrictsNothing = "allow-restricts-nothing",
        /// `NotPrincipal`: who is exempt, and who is not.
        NotPrincipal = "not-principal",
        /// `Allow` with `NotAction` or `NotResource`: it grants what nobody wrote down.
        AllowEverythingBut = "allow-everything-but",
        /// No statement denies requests without TLS.
        InsecureTransport = "insecure-transport",
        /// A condition on something that the sender writes itself.
        ForgeableCondition = "forgeable-condition",
        /// Whoever may upload cannot: every upload is refused.
        UploadImpossible = "upload-impossible",
        /// An upload that carries its own retention is refused.
        RetentionDeniedToWriter = "retention-denied-to-writer",
        /// An upload that carries a legal hold is refused.
        HoldDeniedToWriter = "hold-denied-to-writer",
        /// Multipart uploads are refused: parts do not carry what the statement asks for.
        MultipartBlocked = "multipart-blocked",
        /// A grant that another statement denies always.
        DeadGrant = "dead-grant",
        /// Everybody may do it, without a signature.
        Public = "public",
        /// May remove GOVERNANCE retention before its time.
        MayBypassGovernance = "may-bypass-governance",
        /// May change the bucket's lock configuration (the default of later uploads).
        MayChangeLock = "may-change-lock",
        /// May change or delete the bucket policy.
        MayChangePolicy = "may-change-policy",
        /// May change the lifecycle rules.
        MayChangeLifecycle = "may-change-lifecycle",
        /// May release legal holds.
        MayClearHolds = "may-clear-holds",
        /// May write objects with a weaker lock than is required.
        MayWriteWeakerLock = "may-write-weaker-lock",
        /// May write objects that ask for no lock.
        MayWriteWithoutLock = "may-write-without-lock",
        /// MinIO refuses the document as a whole: it protects nothing.
        PolicyVoidOnMinio = "policy-void-on-minio",
        /// On MinIO a bucket policy binds only requests without a signature.
        PolicyBindsAnonymousOnly = "policy-binds-anonymous-only",
        /// On MinIO a condition is for honest clients only.
        ConditionForgeableOnMinio = "condition-forgeable-on-minio",
        /// A right that on MinIO opens a way around Object Lock.
        MinioHole = "minio-hole",
        /// MinIO's users, groups and their policies were not given: who holds what is not assessed.
        MinioUsersNotRead = "minio-users-not-read",
        /// The bucket has no versioning.
        NoVersioning = "no-versioning",
        /// The bucket has no Object Lock where a lock is required.
        NoObjectLock = "no-object-lock",
        /// Object Lock without a default retention.
        NoDefaultRetention = "no-default-retention",
        /// The default retention is weaker than the requirement.
        DefaultTooWeak = "default-too-weak",
        /// Block Public Access is not fully on.
        PublicAccessNotBlocked = "public-access-not-blocked",
        /// Access control lists are in force beside the policies.
        AclsInForce = "acls-in-force",
        /// The records are readable only as long as a KMS key lives.
        KmsKey = "kms-key",
        /// A lifecycle rule removes versions.
        LifecycleExpiresVersions = "lifecycle-expires-versions",
        /// A lifecycle rule hides current objects behind delete markers.
        LifecycleExpiresCurrent = "lifecycle-expires-current",
        /// A lifecycle rule archives: reads fail until the object is restored.
        LifecycleArchives = "lifecycle-archives",
        /// The bucket replicates; what protects the copy was not looked at.
        Replicates = "replicates",
        /// Delete markers are replicated: hiding here hides there.
        ReplicatesDeleteMarkers = "replicates-delete-markers",
        /// Access is not logged by the bucket itself.
        NoAccessLog = "no-access-log",
        /// Nothing is told when objects are removed.
        NoNotification = "no-notification",
        /// A setting could not be read: not assessed.
        NotReadable = "not-readable",
    }
}

impl AnalysisRule {
    /// Whether its findings rest on a behaviour of the server that its scenarios try with the same rights: it is not
    /// there if all of them held.
    #[must_use]
    pub fn is_of_server(self) -> bool {
        matches!(self, Self::MinioHole | Self::PolicyBindsAnonymousOnly | Self::ConditionForgeableOnMinio)
    }
}

words! {
    /// Where a finding stands between a suspicion and a proof.
    AnalysisState {
        /// Read from configuration and policies; no request has tried it.
        Analysed = "analysed",
        /// A scenario has shown it.
        Proven = "proven",
        /// It rests on a behaviour of the server, and every scenario that would show that was run and held.
        Refuted = "refuted",
        /// Not enough is known to say whether it is so.
        NotAssessed = "not-assessed",
    }
}

words! {
    /// What is asked of the policies.
    Question {
        /// Who may remove or shorten GOVERNANCE retention.
        BypassGovernance = "bypass-governance",
        /// Who may set or extend retention.
        PutRetention = "put-retention",
        /// Who may release a legal hold.
        ClearHolds = "clear-holds",
        /// Who may change the bucket's lock configuration.
        ChangeLock = "change-lock",
        /// Who may change the lifecycle rules.
        ChangeLifecycle = "change-lifecycle",
        /// Who may change or delete the bucket policy.
        ChangePolicy = "change-policy",
        /// Who may write an object that asks for no lock.
        WriteWithoutLock = "write-without-lock",
        /// Who may write without `If-None-Match`.
        WriteUnconditionally = "write-unconditionally",
        /// Who may write with a lock of one day, or in GOVERNANCE mode.
        WriteWeakerLock = "write-weaker-lock",
        /// Who may delete object versions that no lock protects.
        DeleteVersions = "delete-versions",
        /// Who may hide an object behind a delete marker.
        HideObjects = "hide-objects",
    }
}

impl Question {
    /// The question's second half: who may …?
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::BypassGovernance => "remove or shorten GOVERNANCE retention",
            Self::PutRetention => "set retention",
            Self::ClearHolds => "release legal holds",
            Self::ChangeLock => "change the lock configuration",
            Self::ChangeLifecycle => "change the lifecycle rules",
            Self::ChangePolicy => "change or delete the bucket policy",
            Self::WriteWithoutLock => "write without asking for a lock",
            Self::WriteUnconditionally => "write without If-None-Match",
            Self::WriteWeakerLock => "write with a lock of one day",
            Self::DeleteVersions => "delete versions that no lock protects",
            Self::HideObjects => "hide objects behind delete markers",
        }
    }
}

words! {
    /// How somebody may do something.
    Standing {
        /// A statement that was read grants it.
        Granted = "granted",
        /// A statement grants it under a condition that is not known here.
        Conditional = "conditional",
        /// No statement that was read denies it; policies of its own, which were not read, may grant it.
        ByOwnPolicies = "by-own-policies",
        /// The root user of the owning account, who needs no grant.
        Root = "root",
        /// A statement denies it.
        Denied = "denied",
    }
}

/// A statement, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct StatementPlace {
    /// The document: a file name, or `bucket policy`.
    pub document: String,
    /// Which statement, from 1.
    pub number: u32,
    /// Its `Sid`, if it has one.
    pub sid: Option<String>,
    /// The line of the document on which it begins, from 1, where known.
    pub line: Option<u32>,
}

impl std::fmt::Display for StatementPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.document)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, " statement {}", self.number)?;
        self.sid.as_ref().map_or(Ok(()), |sid| write!(f, " ({sid})"))
    }
}

/// One thing wrong with configuration or policies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AnalysisFinding {
    /// Which rule.
    pub rule: AnalysisRule,
    /// How bad.
    pub severity: Severity,
    /// In a sentence.
    pub sentence: String,
    /// The statement that decides, where one does.
    pub statement: Option<StatementPlace>,
    /// The document or setting that it is about.
    pub about: String,
    /// What to do about it.
    pub remedy: String,
    /// How sure it is.
    pub state: AnalysisState,
    /// The scenarios that would show it, if there are any.
    #[serde(default)]
    pub confirm: Vec<Confirmation>,
    /// The scenario that proved it, for the state `proven`.
    pub proven_by: Option<String>,
    /// The weakest principal by whom the scenario showed it.
    #[serde(default)]
    pub proven_as: Option<Role>,
    /// The accepted risk, if a valid waiver covers it.
    pub waived: Option<String>,
}

/// A scenario that shows what a finding says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Confirmation {
    /// Its id.
    pub scenario: String,
    /// The verdict that shows it: `fail` for an attack that went through, `pass` for a right that had its effect.
    pub verdict: Verdict,
    /// The only role by which it counts; without one any but the administrator's.
    pub role: Option<Role>,
    /// The ARN that the role must have had, for a finding about one principal.
    pub arn: Option<String>,
}

/// A policy that was read beside the bucket's own, as it was judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReadPolicy {
    /// The name by which findings call it.
    pub name: String,
    /// Its text.
    pub text: String,
    /// SHA-256 of the text (lower-case hexadecimal); nothing in records of earlier versions.
    #[serde(default)]
    pub sha256: String,
}

impl ReadPolicy {
    /// With the digest of its text.
    #[must_use]
    pub fn new(name: &str, text: &str) -> Self {
        Self { name: name.to_owned(), text: text.to_owned(), sha256: hex::encode(Sha256::digest(text)) }
    }
}

/// Which identity policies were read. That nobody is hindered, or may do something, hangs on them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Identities {
    /// Whether those of everybody whom the server knows were read.
    pub whole: bool,
    /// Those that bear on the bucket, by name.
    pub read: Vec<String>,
    /// Those of them of which a statement lets the holder upload here, whatever denies it.
    pub uploaders: Vec<String>,
}

/// Somebody who may, or may not, do what is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Who {
    /// An ARN, `anonymous`, `the holder of FILE`, or in words.
    pub principal: String,
    /// How.
    pub standing: Standing,
    /// The resource (ARN) for which it is so.
    pub on: String,
    /// The statement that decides, where one does.
    pub statement: Option<StatementPlace>,
    /// The condition keys that it hangs on, and those that the sender has to set.
    pub keys: Vec<String>,
}

/// The answer to one question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Answer {
    /// The bucket that it is about.
    pub bucket: String,
    /// What is asked.
    pub question: Question,
    /// Everybody of whom the policies say something.
    pub who: Vec<Who>,
    /// What could not be answered, and why.
    pub not_assessed: Option<String>,
}

/// The whole analysis.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Analysis {
    /// By whose rules policies were judged: `aws`, `minio` or `other`.
    pub server: String,
    /// What is wrong, the worst first.
    pub findings: Vec<AnalysisFinding>,
    /// Who may do what.
    pub answers: Vec<Answer>,
    /// The policies that were read beside the bucket's own (which is in its configuration): those of MinIO's
    /// users, and files.
    #[serde(default)]
    pub policies: Vec<ReadPolicy>,
    /// Which identity policies were read.
    #[serde(default)]
    pub identities: Identities,
}

impl Analysis {
    /// What of the policies that were read does not fit together: a digest that is another, a name without a text.
    #[must_use]
    pub fn misread(&self) -> Vec<String> {
        let changed = self
            .policies
            .iter()
            .filter(|p| !p.sha256.is_empty() && p.sha256 != hex::encode(Sha256::digest(&p.text)));
        let unknown = |name: &&String| !self.policies.iter().any(|p| p.name == **name);
        let named = self.identities.read.iter().chain(&self.identities.uploaders).filter(unknown);
        changed
            .map(|p| format!("the text of the policy {} is not the one of its digest", p.name))
            .chain(named.map(|name| format!("the policy {name} is said to be read and is not in the record")))
            .collect()
    }

    /// Takes out what a record says already by findings about the bucket: a word stands on one side only.
    pub fn leave_out(&mut self, said: &[Finding]) {
        let unread = said.iter().any(|f| f.key.is_empty() && f.rule == FindingRule::Unreadable);
        self.findings.retain(|finding| {
            let of_scan = matches!(finding.about.as_str(), ABOUT_VERSIONING | ABOUT_LOCK);
            let again = said.iter().any(|f| f.rule.word() == finding.rule.word());
            let unread_again = unread && of_scan && finding.rule == AnalysisRule::NotReadable;
            !again && !unread_again
        });
    }

    /// Findings that were assessed and not refuted, that no waiver covers, and that are at least this bad.
    pub fn failing(&self, severity: Severity) -> impl Iterator<Item = &AnalysisFinding> {
        let stands = |f: &AnalysisFinding| matches!(f.state, AnalysisState::Analysed | AnalysisState::Proven);
        self.findings.iter().filter(move |f| f.waived.is_none() && stands(f) && f.severity >= severity)
    }

    /// Findings of what was not assessed, that no waiver covers, and that are at least this bad.
    pub fn open(&self, severity: Severity) -> impl Iterator<Item = &AnalysisFinding> {
        self.findings.iter().filter(move |f| {
            f.waived.is_none() && f.state == AnalysisState::NotAssessed && f.severity >= severity
        })
    }

    /// The worst severity of a finding that no waiver covers; none without findings.
    #[must_use]
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().filter(|f| f.waived.is_none()).map(|f| f.severity).max()
    }

    /// Whether a finding that no waiver covers is at least this bad, be it only that something was not
    /// assessed.
    #[must_use]
    pub fn reaches(&self, severity: Severity) -> bool {
        self.worst().is_some_and(|worst| worst >= severity)
    }

    /// Whether a finding that was assessed, and that no waiver covers, is at least this bad.
    #[must_use]
    pub fn fails(&self, severity: Severity) -> bool {
        self.failing(severity).next().is_some()
    }
}
