//! What a run is given: the store, the principals, the limits. How they were had is `target`'s business.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::TimeDelta;

use crate::record::Log;
use crate::run::interrupt::CancellationFlag;
use crate::run::journal::Journal;
use crate::scenario::{Capability, Reach, Role};
use crate::store::access_log::AccessLog;
use crate::store::client::Client;
use crate::store::credentials::Credentials;
use crate::store::machine::Machine;
use crate::time::Clock;

/// What there is for a role.
#[derive(Debug, Clone)]
pub enum PrincipalAccess {
    /// The role can be played; `None` is anonymous.
    Credentials(Option<Credentials>),
    /// It cannot, and why.
    Missing(String),
}

/// The surroundings of a run.
#[derive(Debug)]
pub struct Environment {
    /// The client.
    pub client: Client,
    /// The audited bucket.
    pub bucket: String,
    /// The base of the canary keys: `PREFIX/.wormproof/<run id>/` (see `run::canary_base`).
    pub prefix: String,
    /// The run's id.
    pub run_id: String,
    /// The auditor's nonce (`--challenge`).
    pub challenge: Option<String>,
    /// The principals by role.
    pub principals: BTreeMap<Role, PrincipalAccess>,
    /// The client's clock; shared with an embedded server.
    pub clock: Clock,
    /// Whether the tool started the server.
    pub own_server: bool,
    /// The furthest reach that is allowed.
    pub allow: Reach,
    /// The longest lock that may stay behind on a server that the tool did not start.
    pub max_residue: TimeDelta,
    /// What the target can do.
    pub capabilities: BTreeSet<Capability>,
    /// Whether the user agreed to what stays behind.
    pub consent_residue: bool,
    /// How many runs go at the same time (at least one).
    pub concurrency: usize,
    /// The record's log.
    pub log: Arc<Log>,
    /// The journal.
    pub journal: Journal,
    /// The server's own switches, where the tool started it.
    pub machine: Option<Arc<dyn Machine>>,
    /// The server's own log of requests, where the tool started it and can read it.
    pub access_log: Option<Arc<dyn AccessLog>>,
    /// Raised to stop the run.
    pub interrupt: CancellationFlag,
}

impl Environment {
    /// The credentials of a role: `None` if it cannot be played, `Some(None)` for anonymous.
    #[must_use]
    pub fn principal(&self, role: Role) -> Option<Option<&Credentials>> {
        match self.principals.get(&role) {
            Some(PrincipalAccess::Credentials(credentials)) => Some(credentials.as_ref()),
            Some(PrincipalAccess::Missing(_)) => None,
            None => (role == Role::Anonymous).then_some(None),
        }
    }

    /// The administrator, who makes the scene and tidies up.
    #[must_use]
    pub fn administrator(&self) -> Option<&Credentials> {
        self.principal(Role::Administrator).flatten()
    }
}
