//! Sessions that are renewed while a long scan uses them.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use chrono::{DateTime, TimeDelta, Utc};

use crate::scenario::Role;
use crate::store::credentials::Credentials;
use crate::target::principals::again;
use crate::target::session_policy::Scope;
use crate::target::{Named, Opened};

/// So long before its end a session is renewed. A machine's role shows its new credentials five minutes before.
const AHEAD: TimeDelta = TimeDelta::minutes(4);

/// The least time between two attempts.
const PAUSE: TimeDelta = TimeDelta::seconds(30);

/// Credentials, and those that took their place. The newest counts; the older ones stay, because requests that are
/// under way hold them.
#[derive(Debug)]
pub struct Renewed {
    credentials: Credentials,
    next: OnceLock<Box<Renewed>>,
}

impl Renewed {
    /// The first.
    #[must_use]
    pub fn new(credentials: Credentials) -> Self {
        Self { credentials, next: OnceLock::new() }
    }

    fn newest(&self) -> &Self {
        let mut newest = self;
        while let Some(next) = newest.next.get() {
            newest = next;
        }
        newest
    }

    /// The newest.
    #[must_use]
    pub fn current(&self) -> &Credentials {
        &self.newest().credentials
    }

    /// Newer ones.
    pub fn renew(&self, credentials: Credentials) {
        let mut new = Box::new(Self::new(credentials));
        // Whoever comes second goes behind the first.
        while let Err(back) = self.newest().next.set(new) {
            new = back;
        }
    }
}

/// Whose session is renewed, and by what.
#[derive(Debug, Clone, Copy)]
pub struct Renewal<'a> {
    /// The role.
    pub role: Role,
    /// Where its session policy lets it act.
    pub scope: &'a Scope,
    /// The run's id, for the session's name.
    pub run_id: &'a str,
    /// What the configuration names.
    pub named: &'a BTreeMap<Role, Named>,
    /// When the session ends, by the server's clock; `None` if it has no end, or none that is known.
    pub expires: Option<DateTime<Utc>>,
}

impl Renewal<'_> {
    /// Renews before each end, for as long as it is polled; it never returns. What happens is told. A virtual clock
    /// stands still during a scan, and so does its session.
    pub async fn run(&self, opened: &Opened, renewed: &Renewed, tell: &(dyn Fn(String) + Sync)) {
        let mut expires = self.expires;
        loop {
            let Some(end) = expires.filter(|_| !opened.clock.is_virtual()) else {
                return std::future::pending().await;
            };
            let left = end.signed_duration_since(opened.client.server_now()) - AHEAD;
            opened.clock.sleep(left.max(PAUSE).to_std().unwrap_or_default()).await;
            match again(opened, self.scope, self.run_id, self.role, self.named).await {
                Ok((credentials, until)) => {
                    if credentials.access_key != renewed.current().access_key {
                        renewed.renew(credentials);
                        tell(format!("the {}'s session was renewed", self.role));
                    }
                    expires = until;
                }
                Err(why) => tell(format!("the {}'s session could not be renewed: {why}", self.role)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_counts_and_the_older_ones_stay() {
        let renewed = Renewed::new(Credentials::new("a", "x"));
        let first = renewed.current();
        renewed.renew(Credentials::new("b", "x"));
        renewed.renew(Credentials::new("c", "x"));
        assert_eq!((first.access_key.as_str(), renewed.current().access_key.as_str()), ("a", "c"));
    }
}
