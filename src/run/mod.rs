//! Turns scenarios into requests, sends them, reads back, and writes evidence. It never judges.
//!
//! Canaries lie under `PREFIX/.wormproof/<run id>/<scenario>/<role>-<attempt>/`. On a bucket with a default retention a
//! canary without a retention of its own is uploaded with an explicit governance lock of [`SHORT_LOCK`]: the default would
//! keep it for long, and a delete marker, which is never locked, is the control of deletions anyway.

pub mod engine;
mod execute;
mod observe;
mod place;
mod plan;
mod send;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};

pub use execute::execute;
pub use plan::{Decision, PlanInput, plan};

use crate::record::Log;
use crate::scenario::Role;
use crate::store::client::Client;
use crate::store::credentials::Credentials;
use crate::time::Clock;

/// The lock of a canary that needs none, where the bucket would give it a long one.
pub const SHORT_LOCK: TimeDelta = TimeDelta::seconds(10);

/// What a run needs; `target` gives the parts, `cli` puts them together.
#[derive(Debug, Clone)]
pub struct Environment {
    /// The store.
    pub client: Client,
    /// The audited bucket.
    pub bucket: String,
    /// Whether it has a default retention.
    pub has_default: bool,
    /// Where canaries lie: ends with `/`.
    pub prefix: String,
    /// The run's id.
    pub run_id: String,
    /// The auditor's nonce.
    pub challenge: Option<String>,
    /// The credentials of each role that can be played; `None` is nobody.
    pub principals: BTreeMap<Role, Option<Credentials>>,
    /// The clock.
    pub clock: Clock,
    /// How many runs are under way at once.
    pub concurrency: usize,
    /// Where everything is written down.
    pub log: Arc<Log>,
    /// Set to end early: no new step is sent.
    pub interrupt: Arc<AtomicBool>,
}

impl Environment {
    fn who(&self, role: Role) -> Option<Option<&Credentials>> {
        self.principals.get(&role).map(Option::as_ref)
    }

    /// Who reads back: the auditor where there is one, else the administrator.
    fn reader(&self) -> Option<&Credentials> {
        [Role::Auditor, Role::Administrator].iter().find_map(|r| self.who(*r).flatten())
    }

    fn interrupted(&self) -> bool {
        self.interrupt.load(Ordering::Relaxed)
    }
}

/// An instant rounded up to a whole second: some servers keep no fractions, and a lock must not end early.
fn ceil(instant: DateTime<Utc>) -> DateTime<Utc> {
    let floor = instant.trunc_subsecs(0);
    if floor < instant { floor + TimeDelta::seconds(1) } else { floor }
}
