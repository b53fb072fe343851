//! Turns scenarios into requests, sends them, reads back, and writes evidence. It never judges.
//!
//! ```text
//! plan ─► execute ─┬─ place    (buckets, twins, canaries)
//!                  ├─ observe  (the read-back: baseline, and after each group)
//!                  ├─ send     (a step becomes a request; placeholders are filled in)
//!                  ├─ journal  (what is about to be made) ─► cleanup
//!                  └─ lease    (the run is under way)     ─► cleanup
//! ```
//!
//! Only this module knows both the symbolic names of a scenario and the real ones of a store.
//!
//! **Locks of canaries.** Where a bucket has a default retention, a plain upload would be locked for
//! as long as the default says. So in the audited bucket every upload of the setup that has no
//! retention of its own carries an explicit GOVERNANCE lock of a few seconds ([`place::SHORT_LOCK_S`])
//! if that bucket has a default, or if it could not be read whether it has one. A `present` object of
//! that kind is used only when that lock has ended; a `hidden` one at once, because its marker is never
//! locked. On a live endpoint the same lock is added to writes of steps that ask for none, if the
//! sender may set one; other writes are left out by the plan where the default is longer than
//! `--max-residue`. `inherit` objects carry no lock header: they lie only in buckets that the tool made.
//!
//! **What is never repeated.** Steps and setup requests are sent once. Only reads are repeated.

mod audited;
mod cleanup;
mod environment;
mod execute;
mod group;
mod handles;
mod interrupt;
mod journal;
mod lease;
mod logged;
mod observe;
mod place;
mod placeholders;
mod plan;
mod probe;
mod read;
mod request_kind;
mod request_plan;
mod send;
mod session;
#[cfg(test)]
mod tests;
mod twin;
mod write;
mod zip;

pub use audited::Audited;
pub use cleanup::{CleanupReport, Sweep, cleanup};
pub use environment::{Environment, PrincipalAccess};
pub use execute::{Progress, Results, execute};
pub use interrupt::CancellationFlag;
pub use journal::{Journal, JournalEntry, JournalError, Known};
pub use lease::LEASE_LASTS;
pub use plan::{Decision, Filter, PlanInput, Planned, is_named, plan};
pub use request_kind::request_kind;
pub use request_plan::{PlannedRead, PlannedResidue, RequestPlan, request_plan};

pub use crate::store::canary::{CANARY_FOLDER, RUN_METADATA};

/// The beginning of the name of every bucket that the tool makes.
pub const BUCKET_PREFIX: &str = "wormproof-";

/// The tag of every bucket that the tool makes; its value is the run id.
pub const RUN_TAG: &str = "wormproof-run";

/// The tag with the bucket whose audit made a bucket.
pub const AUDITED_TAG: &str = "wormproof-bucket";

/// The tag with the folder of the canaries of that audit (see `twin::folder_tag`).
pub const FOLDER_TAG: &str = "wormproof-folder";

/// The user metadata that says when a canary's lock ends (ISO 8601), or `none`.
pub const EXPIRES_METADATA: &str = "wormproof-expires";

/// The base of the canary keys of one run: `PREFIX/.wormproof/<run id>/`.
#[must_use]
pub fn canary_base(prefix: &str, run_id: &str) -> String {
    format!("{}{run_id}/", canary_root(prefix))
}

/// The folder of the canaries of all runs: `PREFIX/.wormproof/`.
#[must_use]
pub fn canary_root(prefix: &str) -> String {
    let prefix = prefix.trim_end_matches('/');
    if prefix.is_empty() { CANARY_FOLDER.to_owned() } else { format!("{prefix}/{CANARY_FOLDER}") }
}
