//! A scenario as the parser leaves it: checked, converted, and complete.

use chrono::{DateTime, TimeDelta, Utc};

use crate::lock::{LegalHold, Mode};
use crate::scenario::rights::Role;
use crate::scenario::vocabulary::{
    Action, Because, Capability, Expect, Integrity, LogPart, ObjectSetup, On, Purpose, Reach, Safety,
    Severity, Signature, Versioning,
};
use crate::time::Span;

/// An instant relative to the scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// The object whose lock, as set up, is meant.
    pub object: String,
    /// Added to the end of that lock; negative is before.
    pub offset: TimeDelta,
}

/// When a lock is to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Until {
    /// This long after the request, by the server's clock, rounded up to a whole second.
    Lasts(Span),
    /// A fixed instant (dates in the past or far away).
    At(DateTime<Utc>),
    /// `ledger expires - 1 minute`.
    Relative(Moment),
    /// Sent literally (dates that a client library would not write).
    Literal(String),
}

/// The retention that a setup or a step asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AskRetention {
    /// `{ mode = "compliance", lasts = "5 minutes" }`; either part may be left out to send half a lock.
    Set {
        /// The mode, if sent.
        mode: Option<Mode>,
        /// The end, if sent.
        until: Option<Until>,
    },
    /// An empty `<Retention/>`.
    Empty,
}

/// A bucket's default retention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DefaultRetention {
    /// The mode.
    pub mode: Mode,
    /// Exactly one of days and years is sent; years are `Span::Months` in twelves.
    pub period: Span,
}

/// A bucket that the tool makes for one run of the scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketSpec {
    /// Its name in the scenario.
    pub name: String,
    /// Whether it is a twin: it copies the audited bucket's configuration (default cut to one day).
    /// The other fields are then unset.
    pub twin: bool,
    /// Whether only its name is reserved: a step makes it, or none does.
    pub absent: bool,
    /// Whether it is created with Object Lock.
    pub object_lock: bool,
    /// Versioning to set (Object Lock implies `Enabled`).
    pub versioning: Versioning,
    /// The default retention, if any.
    pub default_retention: Option<DefaultRetention>,
    /// The bucket policy's text (a file of `fixtures/policies`, or the built-in of that name), with the
    /// placeholder `{BUCKET}`.
    pub policy: Option<String>,
}

/// A canary object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectSpec {
    /// Its name in the scenario.
    pub name: String,
    /// The bucket it lies in; `None` is the audited bucket.
    pub bucket: Option<String>,
    /// What it holds; the runner appends the run id and a nonce so that no two canaries are equal.
    pub content: String,
    /// How it is set up.
    pub setup: ObjectSetup,
    /// Its retention, set by the upload's own headers.
    pub retention: Option<AskRetention>,
    /// Its legal hold, set by the upload's own headers.
    pub hold: Option<LegalHold>,
    /// Text appended to the key (`/` for a directory key, `..`, spaces, unicode).
    pub key_suffix: String,
    /// Whether the upload must carry no lock header at all, to inherit the bucket's default.
    pub inherit: bool,
}

/// Which version of an object a step means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VersionRef {
    /// No version id in the request.
    Latest,
    /// The version that the setup uploaded, or for an `absent` object the first that a step made.
    Own,
    /// The delete marker of a `hidden` object.
    Marker,
    /// The literal `null`.
    Null,
    /// A well-formed id that no version has.
    Unknown,
    /// The version that the step of this name made.
    Step(String),
    /// Sent literally.
    Literal(String),
}

/// A body that a step can send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BodySpec {
    /// A tar archive.
    Archive {
        /// Path (a placeholder such as `{ledger.key}`), content and PAX records of each entry.
        entries: Vec<ArchiveEntry>,
    },
    /// The fields of a POST form, without the signature.
    Form {
        /// Field names and values; placeholders allowed.
        fields: Vec<(String, String)>,
    },
    /// A zip archive of texts, as administration interfaces take them.
    Zip {
        /// Path and content of each entry; placeholders allowed.
        entries: Vec<(String, String)>,
    },
    /// The entries of a batch deletion, in order.
    DeleteList {
        /// Object and version of each entry.
        entries: Vec<(String, VersionRef)>,
    },
}

/// One entry of a tar archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveEntry {
    /// The object whose key is the path.
    pub object: String,
    /// The content.
    pub content: String,
    /// PAX extension records, values with placeholders.
    pub pax: Vec<(String, String)>,
}

/// Who sends a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum As {
    /// A fixed role.
    Role(Role),
    /// The role of this run (`for-each`).
    Each,
}

/// One request with a purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Why it is sent.
    pub purpose: Purpose,
    /// What it does, in a sentence for the report.
    pub text: String,
    /// Who sends it.
    pub who: As,
    /// What it does.
    pub action: Action,
    /// The object it is aimed at.
    pub object: Option<String>,
    /// The bucket it is aimed at, where it names no object; `None` is the audited bucket.
    pub bucket: Option<String>,
    /// What a raw step without an object is aimed at.
    pub on: Option<On>,
    /// The path of a raw step on the server: an administration interface.
    pub path: Option<String>,
    /// The version it names; `None` where the action's usual one is meant (`Own` for deletions of
    /// versions, retention, hold, GET and HEAD; none for writes).
    pub version: Option<VersionRef>,
    /// The expected answer.
    pub expect: Expect,
    /// For `refused` and `one accepted`: the reasons that count.
    pub because: Vec<Because>,
    /// The handle that the answer's version id or upload id gets.
    pub name: Option<String>,
    /// The upload it belongs to.
    pub upload: Option<String>,
    /// The part number of an UploadPart (1 where not given).
    pub part: Option<u32>,
    /// The content it writes; `{n}` is the copy's number.
    pub content: Option<String>,
    /// The body it sends.
    pub body: Option<String>,
    /// The retention it asks for, in headers or in the body.
    pub retention: Option<AskRetention>,
    /// The legal hold it asks for, in a header or in the body.
    pub hold: Option<LegalHold>,
    /// The versioning it sets.
    pub versioning: Option<Versioning>,
    /// The default retention it sets; `Some(None)` sends a lock configuration without a rule.
    pub default_retention: Option<Option<DefaultRetention>>,
    /// The policy text it sets.
    pub policy: Option<String>,
    /// The source object of a copy.
    pub source: Option<String>,
    /// The source version of a copy (`None`: its own version).
    pub source_version: Option<VersionRef>,
    /// `x-amz-metadata-directive: REPLACE` on a copy.
    pub replace_metadata: bool,
    /// `x-amz-bypass-governance-retention: true`.
    pub bypass_governance: bool,
    /// `If-None-Match`.
    pub if_none_match: Option<String>,
    /// `If-Match`; `{OBJECT.etag}` is the ETag that the setup's answer gave.
    pub if_match: Option<String>,
    /// The method of a raw step.
    pub method: Option<String>,
    /// Query parameters of a raw step, or further ones of any step; placeholders allowed.
    pub query: Vec<(String, String)>,
    /// Further signed headers; placeholders allowed.
    pub headers: Vec<(String, String)>,
    /// Headers added after signing; placeholders allowed.
    pub unsigned_headers: Vec<(String, String)>,
    /// Whether the request is presigned (query signature) instead of signed in a header.
    pub presigned: bool,
    /// A signature that is wrong on purpose.
    pub signature: Option<Signature>,
    /// How the body's integrity is stated; `None` is the action's usual way.
    pub integrity: Option<Integrity>,
    /// Quiet batch deletion.
    pub quiet: bool,
    /// The earliest instant at which it is sent, by the server's clock.
    pub at: Option<Moment>,
    /// What the server's own log has to say of it; empty: the log is not asked.
    pub logged: Vec<LogPart>,
    /// Of a restart: the server is killed instead of being asked to end.
    pub crash: bool,
    /// How far the clock is moved; negative is back.
    pub by: Option<TimeDelta>,
    /// Neighbours with the same word are sent at once.
    pub together: Option<String>,
    /// How many times it is sent at once.
    pub copies: u32,
    /// What must hold right after this step, beside the rule of its purpose.
    pub after: Vec<After>,
    /// The line in the scenario's own source (1 is its `[[scenario]]` header), for messages.
    pub line: u32,
}

/// Whether a version is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterVersion {
    /// A GET returns it and the listing shows it.
    Present,
    /// 404, and the listing does not show it.
    Gone,
    /// It never came to be (for `absent` objects and handles).
    NeverMade,
}

/// What a version holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AfterContent {
    /// The bytes that the setup uploaded.
    Unchanged,
    /// The bytes that this step sent (for a race: the copy that was accepted).
    Of(String),
}

/// The retention of a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AfterRetention {
    /// As it was set up.
    Unchanged,
    /// None.
    None,
    /// What the step of this name asked for.
    Of(String),
    /// The bucket's default, reckoned from the version's creation (60 s of tolerance either way).
    Default,
    /// This mode and an end that is this far from the end of the scenario at least.
    AtLeast(Mode, Span),
}

/// What must hold of one version at the end (or right after a step).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct After {
    /// The object.
    pub object: String,
    /// Which of its versions (`Own` unless said otherwise).
    pub of: VersionRef,
    /// Whether it is there.
    pub version: Option<AfterVersion>,
    /// What it holds.
    pub content: Option<AfterContent>,
    /// Its retention.
    pub retention: Option<AfterRetention>,
    /// Its legal hold.
    pub hold: Option<LegalHold>,
    /// How many data versions the key has (delete markers not counted).
    pub versions: Option<u32>,
    /// How many delete markers the key has.
    pub markers: Option<u32>,
    /// The row counts only if the step of this name was accepted.
    pub if_accepted: Option<String>,
    /// What the row shows that the scenario cannot do without: where it does not hold, nothing was shown, and nothing
    /// is broken.
    pub shows: Option<String>,
    /// The line in the scenario's own source (1 is its `[[scenario]]` header), for messages.
    pub line: u32,
}

/// One test case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scenario {
    /// Its id (`WORM-101`); never reused, never changes meaning.
    pub id: String,
    /// What it shows, as a sentence that is true when it passes.
    pub title: String,
    /// How bad a failure is.
    pub severity: Severity,
    /// How far a successful attack would go.
    pub reach: Reach,
    /// What it leaves behind at worst.
    pub safety: Safety,
    /// The capabilities without which it is skipped.
    pub requires: Vec<Capability>,
    /// The control ids that it is evidence for.
    pub controls: Vec<String>,
    /// What an attacker would do with it.
    pub threat: String,
    /// What closes the hole, or what an auditor should know; may be empty.
    pub note: String,
    /// The ids of the behaviours it covers (`DEL-04`, `A7`).
    pub covers: Vec<String>,
    /// The group: the folder and file it stands in.
    pub group: String,
    /// One run for each of these roles; empty is one run with the roles in the steps.
    pub for_each: Vec<Role>,
    /// How many times the whole is run, on fresh canaries (races).
    pub repeat: u32,
    /// Buckets that the tool makes.
    pub buckets: Vec<BucketSpec>,
    /// Canaries.
    pub objects: Vec<ObjectSpec>,
    /// Bodies by name.
    pub bodies: Vec<(String, BodySpec)>,
    /// The steps in order.
    pub steps: Vec<Step>,
    /// What must hold at the end.
    pub after: Vec<After>,
    /// The file's text for this scenario, as written.
    pub source: String,
    /// Lower-case hexadecimal SHA-256 of `source`.
    pub digest: String,
}

impl Scenario {
    /// The object of this name.
    #[must_use]
    pub fn object(&self, name: &str) -> Option<&ObjectSpec> {
        self.objects.iter().find(|o| o.name == name)
    }

    /// The bucket of this name.
    #[must_use]
    pub fn bucket(&self, name: &str) -> Option<&BucketSpec> {
        self.buckets.iter().find(|b| b.name == name)
    }

    /// The body of this name.
    #[must_use]
    pub fn body(&self, name: &str) -> Option<&BodySpec> {
        self.bodies.iter().find(|(n, _)| n == name).map(|(_, body)| body)
    }

    /// The step of this name, with its index.
    #[must_use]
    pub fn step(&self, name: &str) -> Option<(usize, &Step)> {
        self.steps.iter().enumerate().find(|(_, s)| s.name.as_deref() == Some(name))
    }

    /// Whether it acts on the server as a whole, so that no other scenario may run meanwhile.
    #[must_use]
    pub fn disturbs(&self) -> bool {
        self.steps.iter().any(|s| s.action.of_machine().is_some())
    }

    /// Whether any step waits for an instant.
    #[must_use]
    pub fn waits(&self) -> bool {
        self.steps.iter().any(|s| s.at.is_some())
    }

    /// The steps grouped as they are sent: each group is one step, or neighbours sent together.
    #[must_use]
    pub fn groups(&self) -> Vec<std::ops::Range<usize>> {
        let mut groups: Vec<std::ops::Range<usize>> = Vec::new();
        for (i, step) in self.steps.iter().enumerate() {
            match groups.last_mut() {
                Some(last)
                    if step.together.is_some()
                        && self.steps.get(last.start).is_some_and(|s| s.together == step.together) =>
                {
                    last.end = i + 1;
                }
                _ => groups.push(i..i + 1),
            }
        }
        groups
    }
}

impl Step {
    /// The role that sends it in a run for `each`.
    #[must_use]
    pub fn role(&self, each: Option<Role>) -> Option<Role> {
        match self.who {
            As::Role(role) => Some(role),
            As::Each => each,
        }
    }

    /// The version that the request names: the one given, or the action's usual one.
    #[must_use]
    pub fn version_ref(&self) -> VersionRef {
        self.version.clone().unwrap_or(match self.action {
            Action::DeleteVersion
            | Action::PutRetention
            | Action::GetRetention
            | Action::PutLegalHold
            | Action::GetLegalHold
            | Action::GetObject
            | Action::HeadObject
            | Action::PutTagging
            | Action::DeleteTagging => VersionRef::Own,
            _ => VersionRef::Latest,
        })
    }
}
