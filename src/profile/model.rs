//! A profile: what is asked for, where it comes from, and what would show it.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::lock::Mode;
use crate::profile::{EventLogRules, ReleaseDemand};
use crate::time::Span;

use super::requirement::Requirement;

/// A named requirement set (`scenarios/profiles/NAME.toml`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Its name (`eu-einvoicing`).
    pub name: String,
    /// One line.
    pub title: String,
    /// What it is for, and what it does not show, for the report.
    pub summary: String,
    /// The document or rule that it comes from.
    pub from: String,
    /// The day on which its citations were last checked.
    pub verified_on: NaiveDate,
    /// Variables that its texts, buckets and prefixes may use as `${NAME}`.
    pub variables: BTreeMap<String, Variable>,
    /// The bucket that it is about, if its document names one; may use variables.
    pub bucket: Option<String>,
    /// What every version has to have.
    pub requirement: Requirement,
    /// What the bucket has to have.
    pub configuration: ConfigurationDemand,
    /// What the application's upload carries; the analysis asks whether that can work.
    pub upload: Upload,
    /// Which scenarios.
    pub attacks: Attacks,
    /// Whether the analysis of policies has to be assessed (a policy that cannot be read: no conclusion).
    pub analysis_required: bool,
    /// The integrity check of an event log, if the profile asks for one.
    pub event_log: Option<EventLogRules>,
    /// The keys of one record, patterns with `{id}`, for its trail; empty where the profile knows none.
    pub trail_keys: Vec<String>,
    /// The clauses that it answers to.
    pub controls: Vec<ControlClaim>,
    /// The checklists of the document, item by item.
    pub items: Vec<Item>,
    /// What the document says that is wrong, dangerous, or true only here.
    pub claims: Vec<DocumentClaim>,
    /// Its text as written.
    pub source: String,
    /// SHA-256 of the text (lower-case hexadecimal).
    pub digest: String,
}

/// A variable of a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// What it is for.
    pub text: String,
    /// Its value where nobody gives one; without it, one must be given.
    pub default: Option<String>,
}

/// How much something of the configuration is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Need {
    /// Not asked for.
    #[default]
    No,
    /// Asked for where the server has it at all; else it is not applicable.
    WherePossible,
    /// Asked for.
    Yes,
}

/// What the bucket has to have.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConfigurationDemand {
    /// Versioning enabled.
    pub versioning: Need,
    /// Object Lock enabled.
    pub object_lock: Need,
    /// A default retention, at least this strong.
    pub default_retention: Option<DefaultDemand>,
    /// MFA delete.
    pub mfa_delete: Need,
    /// A bucket policy that denies requests without TLS.
    pub tls_only: Need,
    /// A bucket policy that enforces conditional writes.
    pub conditional_writes: Need,
    /// A bucket policy that denies uploads without a retain-until date.
    pub retain_until_required: Need,
    /// Public access blocked.
    pub public_access_block: Need,
    /// A replica.
    pub replication: Need,
    /// Access logging.
    pub logging: Need,
    /// The server's release: pinned, known, and not older than this.
    pub server_release: Option<ReleaseDemand>,
}

impl ConfigurationDemand {
    /// The words of the demands, as profiles and reports write them.
    pub const WORDS: &'static [&'static str] = &[
        "versioning",
        "object-lock",
        "default-retention",
        "mfa-delete",
        "tls-only",
        "conditional-writes",
        "retain-until-required",
        "public-access-block",
        "replication",
        "logging",
        "server-release",
    ];
}

/// The least default retention of the bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DefaultDemand {
    /// The least mode.
    pub mode: Mode,
    /// The least length as the document asks for it (`90 days`, `10 years`).
    pub lasts: Span,
}

/// What the application's upload carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Upload {
    /// A mode and a retain-until date.
    pub retention: bool,
    /// A legal hold.
    pub hold: bool,
    /// `If-None-Match: *`.
    pub if_none_match: bool,
}

/// Which scenarios a profile runs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Attacks {
    /// Ids and groups; empty for the whole suite.
    pub run: Vec<String>,
    /// Ids and groups that are left out, each with the reason.
    pub skip: Vec<(String, String)>,
    /// Ids that have to be assessed; one that is skipped or inconclusive leaves no conclusion.
    pub require: Vec<String>,
}

/// What in a record shows something. It is shown if everything named here was assessed and holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Evidence {
    /// Scenarios (ids) that have to pass.
    pub scenarios: Vec<String>,
    /// Words of scan and configuration findings (`unprotected`) of which there must be none, after a complete scan
    /// for those about versions.
    pub scan: Vec<String>,
    /// Words of analysis rules (`upload-impossible`) of which there must be none, in an analysis that was made.
    pub analysis: Vec<String>,
    /// Words of configuration demands (`versioning`, `default-retention`) that have to be met.
    pub configuration: Vec<String>,
    /// Words of event-log findings (`gap`) of which there must be none, after a complete check.
    pub event_log: Vec<String>,
    /// Words of findings of trails (`part-missing`) of which there must be none, in trails that were read and are complete.
    pub trail: Vec<String>,
    /// Settings of the bucket ([`Evidence::PRESENT`]) of which there has to be one, whatever it says.
    pub present: Vec<String>,
    /// A document has to be attached whose file name contains this.
    pub attachment: Option<String>,
    /// The evidence pack itself shows it (it is whole, and signed with a lasting key).
    pub pack: bool,
    /// The record names the run before it, of the same place, whose signature verified.
    pub previous: bool,
    /// Why no black box can show it (an organisation, a library on a client): always *not assessed*.
    pub organisational: Option<String>,
}

impl Evidence {
    /// The settings that `present` may name, as the record calls them.
    pub const PRESENT: &'static [&'static str] =
        &["policy", "lifecycle", "notification", "replication", "logging", "encryption"];
}

/// A clause that the profile answers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlClaim {
    /// Its id in the control catalogue (`scenarios/controls.toml`), where title, source and trust stand.
    pub id: String,
    /// What shows it.
    pub shown_by: Evidence,
    /// What the tool cannot see (Cohasset's *additional considerations*).
    pub considerations: String,
}

/// One item of a document's checklist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The checklist it belongs to (`Verification Checklist`).
    pub list: String,
    /// Its id in the profile (`check-3`).
    pub id: String,
    /// Its text, in the document's sense.
    pub text: String,
    /// The line in the document.
    pub line: u32,
    /// What ticks it.
    pub shown_by: Evidence,
}

/// Something that the document says, does or leaves out, and that is wrong, dangerous, or true only somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentClaim {
    /// Its id in the profile (`line-69`).
    pub id: String,
    /// The line in the document, or the first of them.
    pub line: u32,
    /// What the document says, in short.
    pub says: String,
    /// What is so.
    pub is: String,
    /// What would be right instead.
    pub right: String,
    /// Where that is known from (recorded, measured, a citation), with its trust.
    pub source: String,
    /// What in a record refutes it on the audited store: failed scenarios, or findings of these words.
    /// Empty for what is wrong everywhere (a date, a law, an arithmetic).
    pub refuted_by: Evidence,
    /// Whether it is wrong whatever the store does, so that evidence only shows it here, too.
    pub as_written: bool,
}
