//! The evidence of one run of one scenario: where its canaries lay, what was sent, what came back,
//! and what was read back after each step.
//!
//! `run` writes it, the judge reads it; nothing in it is an opinion. Exchanges are named by their
//! number in the record's log.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::exchange::LogEntry;
use crate::lock::{LegalHold, Reading, Retention, VersionState};
use crate::scenario::Role;

/// The number of an event in the record's log.
pub type EventNumber = u64;

/// A canary as it was placed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Placed {
    /// The object's name in the scenario.
    pub object: String,
    /// The real bucket.
    pub bucket: String,
    /// The real key.
    pub key: String,
    /// SHA-256 of what was uploaded (lower-case hexadecimal); `None` for an `absent` object.
    pub sha256: Option<String>,
    /// The version id that the upload's answer gave (`own`).
    pub version_id: Option<String>,
    /// The version id of the delete marker of a `hidden` object (`marker`).
    pub marker_id: Option<String>,
    /// The retention that the upload asked for.
    pub retention: Option<Retention>,
    /// The legal hold that the upload asked for.
    pub hold: Option<LegalHold>,
    /// The ETag that the upload's answer gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// Whether the upload carried no lock header so that the bucket's default applies.
    pub inherit: bool,
    /// The setup's exchanges: the upload, then the marker.
    pub exchanges: Vec<EventNumber>,
    /// The server's clock when the setup was done, as estimated.
    pub at: DateTime<Utc>,
}

/// A bucket that was made for the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Made {
    /// Its name in the scenario.
    pub name: String,
    /// The real bucket.
    pub bucket: String,
    /// Whether it copies the audited bucket's configuration.
    pub twin: bool,
    /// The exchanges that made it.
    pub exchanges: Vec<EventNumber>,
}

/// What was read back of one version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Observed {
    /// The object's name in the scenario.
    pub object: String,
    /// `own`, `marker`, or the name of the step that made the version.
    pub of: String,
    /// What was read.
    pub state: VersionState,
    /// The exchanges it was read from.
    pub exchanges: Vec<EventNumber>,
}

/// One entry of a listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Listed {
    /// The version id.
    pub version_id: String,
    /// Whether it is a delete marker.
    pub marker: bool,
}

/// What ListObjectVersions showed of one key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ObservedKey {
    /// The object's name in the scenario.
    pub object: String,
    /// All versions and markers of exactly this key, newest first.
    pub listing: Reading<Vec<Listed>>,
    /// The exchanges it was read from.
    pub exchanges: Vec<EventNumber>,
}

/// A read-back of all canaries of the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Observation {
    /// The server's clock when the read-back began, as estimated from its `Date` headers.
    pub at: DateTime<Utc>,
    /// Every version with a name.
    pub versions: Vec<Observed>,
    /// Every canary's key.
    pub keys: Vec<ObservedKey>,
}

/// One request of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SentStep {
    /// The copy's number, from 1.
    pub copy: u32,
    /// The exchange.
    pub exchange: EventNumber,
    /// The retention that the request asked for, if a whole one.
    pub asked: Option<Retention>,
    /// SHA-256 of the content that it would make the version hold (for a multipart completion: of the parts
    /// together; for a copy: of the source; for an archive entry or a form: of the entry).
    pub sha256: Option<String>,
    /// The version id that the answer gave; where it gave none, that of the one new version that was listed afterwards.
    pub version_id: Option<String>,
    /// The upload id that the answer gave.
    pub upload_id: Option<String>,
    /// What the server's own log showed of it, where the step asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logged: Option<LogEvidence>,
}

/// What the server's own log showed of one request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogEvidence {
    /// The access key that signed the request (an identifier, no secret); `None` of an unsigned one.
    pub sender: Option<String>,
    /// Its entries: one as a rule, none if none came in time.
    pub reading: Reading<Vec<LogEntry>>,
    /// How many entries of other requests came since it was sent. A log that shows nothing at all is no witness.
    pub others: u64,
    /// How long was waited for the entry, in milliseconds.
    pub waited_ms: u64,
    /// The events that hold the entries as the server wrote them, without secrets.
    pub events: Vec<EventNumber>,
}

/// What became of one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StepEvidence {
    /// The step's index in the scenario (from 0).
    pub step: u32,
    /// The role that sent it.
    pub role: Role,
    /// Its requests, one for each copy.
    pub sent: Vec<SentStep>,
    /// Why it was not sent. `no-handle: NAME` means that the step NAME was refused and so never issued the
    /// upload or version that this one needs: a refusal there is a refusal here.
    pub not_sent: Option<String>,
    /// Of a step that is no request: what the tool did to the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<String>,
    /// The server's clock just before it was sent, as estimated.
    pub at: DateTime<Utc>,
}

/// A group of steps that were sent together (usually one), and the read-back after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GroupEvidence {
    /// The steps.
    pub steps: Vec<StepEvidence>,
    /// What was read back when all had been answered.
    pub observed: Observation,
}

/// The evidence of one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunEvidence {
    /// The role of this run, for a scenario with `for-each`.
    pub each: Option<Role>,
    /// Which repetition it is, from 1.
    pub attempt: u32,
    /// Buckets made for it.
    pub buckets: Vec<Made>,
    /// Its canaries.
    pub objects: Vec<Placed>,
    /// The read-back after the setup; `None` if the setup did not get that far.
    pub baseline: Option<Observation>,
    /// What was sent.
    pub groups: Vec<GroupEvidence>,
    /// Why the run ended early, if it did.
    pub stopped: Option<String>,
    /// The largest difference, in milliseconds, between the server's `Date` headers and the client's clock
    /// during the run (positive: the server is ahead).
    pub skew_ms: i64,
}

impl RunEvidence {
    /// The canary of this name.
    #[must_use]
    pub fn placed(&self, object: &str) -> Option<&Placed> {
        self.objects.iter().find(|p| p.object == object)
    }

    /// The evidence of a step by its index.
    #[must_use]
    pub fn step(&self, index: usize) -> Option<&StepEvidence> {
        self.groups.iter().flat_map(|g| &g.steps).find(|s| usize::try_from(s.step) == Ok(index))
    }
}

impl Observation {
    /// What was read of a version.
    #[must_use]
    pub fn version(&self, object: &str, of: &str) -> Option<&Observed> {
        self.versions.iter().find(|v| v.object == object && v.of == of)
    }

    /// What was listed of a key.
    #[must_use]
    pub fn key(&self, object: &str) -> Option<&ObservedKey> {
        self.keys.iter().find(|k| k.object == object)
    }
}
