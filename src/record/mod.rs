//! The record of an audit: what was done and seen, judged; the one source of every report.
//!
//! `run` and `scan` write evidence, the judge makes verdicts of it, and [`Record`] holds both. A
//! verdict is never read from a file: `verify` judges the evidence again and compares.

pub mod analysis;
pub mod attachment;
pub mod count;
pub mod event_log;
pub mod evidence;
pub mod finding;
pub mod judge;
pub mod log;
pub mod outcome;
pub mod present;
pub mod previous;
pub mod profile_result;
pub mod proof;
pub mod rejudge;
pub mod release;
pub mod sample;
pub mod trail;
pub mod verdict;
mod vocabulary;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use attachment::Attachment;
pub use count::counted;
pub use evidence::RunEvidence;
pub use finding::{Finding, FindingRule, ScanResult};
pub use log::{Event, Exchanges, Log, What};
pub use previous::Previous;
pub use verdict::{Cause, Judgement, Verdict, Witness};
pub use vocabulary::vocabulary;

use crate::scenario::{Reach, Role, Safety, Severity};

/// The version of the format of `results.json`.
pub const SCHEMA: &str = "wormproof/record/1";

/// The version of the judge's rules; a record says by which it was judged. What the rules say of the server's own log
/// concerns steps that ask for it, which no earlier record has: it needed no new version.
pub const JUDGE: &str = "3";

/// The whole record (`results.json`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Record {
    /// [`SCHEMA`].
    pub schema: String,
    /// The run's id, in the canaries' keys, the user agent and the session names.
    pub run_id: String,
    /// The tool.
    pub tool: Tool,
    /// Who ran it, where, and why.
    pub operator: Operator,
    /// The command and all effective arguments.
    pub arguments: Vec<String>,
    /// SHA-256 digests (lower-case hexadecimal) of what the run was made from: `suite`, `dialects`,
    /// `controls`, `profile`, `waivers`, `configuration`.
    pub digests: BTreeMap<String, String>,
    /// Whether the suite is the one built in, or was changed (`--scenarios`).
    pub suite_changed: bool,
    /// What was audited.
    pub target: Target,
    /// The principals, by role.
    pub principals: Vec<PrincipalInfo>,
    /// When.
    pub times: Times,
    /// Verdict to number of scenarios, with `waived` apart from `fail`.
    pub summary: BTreeMap<String, u64>,
    /// Whether everything that was planned was assessed.
    pub complete: bool,
    /// Scenarios that were to be assessed, and were.
    pub assessed: u64,
    /// Scenarios that were planned.
    pub planned: u64,
    /// The exit code, with its reason.
    pub outcome: Outcome,
    /// What the exit code was reckoned by; nothing in records of earlier versions.
    #[serde(default)]
    pub gate: Option<Gate>,
    /// Every scenario of the suite, run or not, in order of id.
    pub scenarios: Vec<ScenarioResult>,
    /// The scan, if one was made.
    pub scan: Option<ScanResult>,
    /// Findings about the bucket's configuration (no versioning, no Object Lock, …).
    pub findings: Vec<Finding>,
    /// The analysis of configuration and policies: who could weaken the protection. Only an audit makes one.
    #[serde(default)]
    pub analysis: Option<analysis::Analysis>,
    /// Documents that were filed beside the evidence.
    #[serde(default)]
    pub attachments: Vec<Attachment>,
    /// The run before this one, if it was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Previous>,
    /// The integrity check of the event log, if the profile asks for one.
    #[serde(default)]
    pub event_log: Option<event_log::EventLogResult>,
    /// The trails of records by their ids, if any were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trails: Vec<trail::TrailResult>,
    /// What the profile asks, and what this record shows of it, if one was applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<Box<profile_result::ProfileResult>>,
    /// What the waivers did.
    pub waivers: Vec<WaiverResult>,
    /// What stays behind, and until when.
    pub residue: Vec<Residue>,
    /// The control catalogue's entries that the scenarios name: id, title, source, trust.
    pub controls: Vec<ControlInfo>,
    /// The refusal dialect's name and lines as text, by which answers were read.
    pub dialect: DialectInfo,
    /// The tool's own qualification, or why there is none.
    pub qualification: String,
    /// Who signs this record.
    pub signer: SignerInfo,
    /// The last chain value of `events`.
    pub log_head: String,
    /// Every exchange, numbered and chained.
    pub events: Vec<Event>,
}

impl Record {
    /// Whether the run did nothing but read an event log or trails: no attacks, no scan.
    #[must_use]
    pub fn only_reads_what_is_there(&self) -> bool {
        self.scenarios.is_empty()
            && self.scan.is_none()
            && (self.event_log.is_some() || !self.trails.is_empty())
    }
}

/// The tool that made the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tool {
    /// `wormproof`.
    pub name: String,
    /// The version.
    pub version: String,
    /// The source commit it was built from, or `unknown`.
    pub commit: String,
    /// SHA-256 of the running binary, if it could be read.
    pub binary_sha256: Option<String>,
    /// [`JUDGE`].
    pub judge: String,
}

/// Who ran it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Operator {
    /// The user's name, if known.
    pub user: Option<String>,
    /// The host's name, if known.
    pub host: Option<String>,
    /// The CI job's address or name, if it runs in one.
    pub ci_job: Option<String>,
    /// The auditor's nonce (`--challenge`), also in every canary.
    pub challenge: Option<String>,
}

/// What was audited.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Target {
    /// `embedded`, `container`, `binary`, `endpoint`.
    pub kind: String,
    /// In words: which image, which binary, which endpoint.
    pub description: String,
    /// The endpoint's address (`http://127.0.0.1:9000`, `in the process`).
    pub endpoint: String,
    /// The address that the name resolved to, if there was a socket.
    pub address: Option<String>,
    /// SHA-256 of the TLS peer's certificate, if there was TLS.
    pub tls_fingerprint: Option<String>,
    /// The `Server` header.
    pub server: Option<String>,
    /// The product's version, where the target knows it (binary, image tag).
    pub version: Option<String>,
    /// What is known of the server's release, and where it was taken from; nothing where nobody asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<release::ServerRelease>,
    /// The region.
    pub region: String,
    /// The audited bucket.
    pub bucket: String,
    /// The audited prefix (may be empty).
    pub prefix: String,
    /// The bucket's owner, if it could be read.
    pub owner: Option<String>,
    /// The bucket's creation date, if it could be read.
    pub created: Option<DateTime<Utc>>,
    /// The furthest reach that was allowed.
    pub reach: Option<Reach>,
    /// The bucket's configuration at the start.
    pub configuration_start: Value,
    /// The same at the end.
    pub configuration_end: Value,
}

/// A principal that was used, or why it could not be had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PrincipalInfo {
    /// The role.
    pub role: Role,
    /// How it was had (`root key`, `STS AssumeRole with a session policy`, `profile NAME`); `None` if it could not.
    pub source: Option<String>,
    /// Why it could not be had.
    pub missing: Option<String>,
    /// The ARN, if known.
    pub arn: Option<String>,
    /// The account, if known.
    pub account: Option<String>,
    /// The session's name.
    pub session: Option<String>,
    /// SHA-256 of the session policy.
    pub policy_sha256: Option<String>,
}

/// When it ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Times {
    /// The client's clock at the start (UTC).
    pub started: DateTime<Utc>,
    /// The client's clock at the end (UTC).
    pub finished: DateTime<Utc>,
    /// Microseconds between, by the monotonic clock.
    pub elapsed_us: u64,
    /// `real` or `virtual` (an embedded server whose clock jumps instead of waiting).
    pub clock: String,
    /// The server's `Date` minus the client's clock at the first answer, in milliseconds.
    pub skew_ms: Option<i64>,
}

/// Why the run ends as it does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Outcome {
    /// The process's exit code: 0 all held, 1 a guarantee failed, 3 no conclusion, 4 nothing tested.
    pub exit_code: u8,
    /// In a sentence.
    pub reason: String,
}

/// What the exit code is reckoned by, beside what was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Gate {
    /// Findings of this severity and above fail the run (`--fail-on`).
    pub fail_on: Severity,
    /// Whether a profile demands that who may weaken the protection is assessed.
    pub analysis_required: bool,
}

/// One scenario in the record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScenarioResult {
    /// Its id.
    pub id: String,
    /// Its title: a sentence that is true when it passes.
    pub title: String,
    /// Its group.
    pub group: String,
    /// How bad a failure is.
    pub severity: Severity,
    /// Its reach.
    pub reach: Reach,
    /// Its safety class.
    pub safety: Safety,
    /// The threat.
    pub threat: String,
    /// The note.
    pub note: String,
    /// Its control ids.
    pub controls: Vec<String>,
    /// The behaviour ids that it covers.
    pub covers: Vec<String>,
    /// SHA-256 of its text.
    pub digest: String,
    /// Its text, as judged by.
    pub source: String,
    /// The worst verdict of its runs, or `skipped`.
    pub verdict: Verdict,
    /// Why, in one word.
    pub cause: Cause,
    /// Why, in a sentence.
    pub reason: String,
    /// The weakest principal that broke it, for a fail.
    pub weakest: Option<Role>,
    /// Whether `--require` or the profile demands that it is assessed.
    pub required: bool,
    /// The accepted risk, if a valid waiver covers its failure.
    pub waived: Option<String>,
    /// Its runs.
    pub runs: Vec<RunResult>,
}

/// One run of a scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunResult {
    /// The role of the run, for a scenario with `for-each`.
    pub principal: Option<Role>,
    /// Which repetition, from 1.
    pub attempt: u32,
    /// Its verdict.
    pub verdict: Verdict,
    /// Why, in one word.
    pub cause: Cause,
    /// Why, in a sentence.
    pub reason: String,
    /// What proves a pass: kind of witness and the exchanges that show it.
    pub witnesses: Vec<WitnessText>,
    /// The steps as they went, for people.
    pub steps: Vec<StepText>,
    /// What was found at the end, for people: one line a version.
    pub found: Vec<String>,
    /// The evidence; `None` if it was not run.
    pub evidence: Option<RunEvidence>,
}

/// A witness, as text (a witness itself cannot be read from a file).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WitnessText {
    /// Its kind (`refusal`, `right`, `intact`, …).
    pub kind: String,
    /// The exchanges.
    pub exchanges: Vec<evidence::EventNumber>,
}

/// One step as it went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StepText {
    /// Its purpose.
    pub purpose: crate::scenario::Purpose,
    /// Its sentence.
    pub text: String,
    /// Who sent it.
    pub principal: Role,
    /// The request line(s), without secrets (`DELETE /b/k?versionId=…`).
    pub request: String,
    /// What was expected, in words.
    pub expected: String,
    /// What was answered, in words (`403 AccessDenied: …`, `204`, `15 × 412 PreconditionFailed, 1 × 200`).
    pub answered: String,
    /// The exchanges.
    pub exchanges: Vec<evidence::EventNumber>,
}

/// What a waiver did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WaiverResult {
    /// The waiver.
    pub waiver: crate::profile::Waiver,
    /// `applied`, `expired`, `unmatched`.
    pub state: String,
    /// How many failures it covers.
    pub covers: u64,
}

/// Something that stays behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Residue {
    /// The bucket.
    pub bucket: String,
    /// The key; empty for the bucket itself.
    pub key: String,
    /// The version id; empty for the bucket itself.
    pub version_id: String,
    /// When its lock ends, if it has one.
    pub until: Option<DateTime<Utc>>,
    /// Why it could not be removed.
    pub why: String,
}

/// A control of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ControlInfo {
    /// Its id (`SEC 17a-4(f)(2)(i)(B)`).
    pub id: String,
    /// Its title.
    pub title: String,
    /// Where it stands.
    pub source: String,
    /// How far the citation was checked: V, S, M or X.
    pub trust: String,
    /// What it demands, in a paraphrase.
    #[serde(default)]
    pub text: String,
    /// The day on which it was last checked.
    #[serde(default)]
    pub verified_on: Option<chrono::NaiveDate>,
}

/// The dialect by which refusals were read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DialectInfo {
    /// Its name.
    pub name: String,
    /// The text of the dialect file it came from.
    pub source: String,
}

/// Who signs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SignerInfo {
    /// The certificate's subject.
    pub subject: String,
    /// SHA-256 of the certificate (DER).
    pub fingerprint: String,
    /// Whether the key was made for this run alone: it proves integrity, not who signed.
    pub ephemeral: bool,
}

#[cfg(test)]
impl ScenarioResult {
    /// A result with nothing but an id and a verdict, for tests.
    pub(crate) fn bare(id: &str, verdict: Verdict) -> Self {
        Self {
            id: id.to_owned(),
            title: String::new(),
            group: String::new(),
            severity: Severity::High,
            reach: Reach::Object,
            safety: Safety::Canary,
            threat: String::new(),
            note: String::new(),
            controls: Vec::new(),
            covers: Vec::new(),
            digest: String::new(),
            source: String::new(),
            verdict,
            cause: Cause::Held,
            reason: String::new(),
            weakest: None,
            required: false,
            waived: None,
            runs: Vec::new(),
        }
    }
}
