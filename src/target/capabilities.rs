//! What the store can do, found by reading; facts for the plan. Sends only reads.

use std::collections::BTreeMap;

use crate::scenario::Capability;
use crate::store::client::{Backoff, Reply};
use crate::store::listing::is_listing;
use crate::store::machine::Machine;
use crate::store::ops::{BucketConfig, get_bucket_config};
use crate::target::{Opened, Principals};

/// What is known about a thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// It is there; in words.
    Yes(String),
    /// It is not; in words.
    No(String),
    /// It could not be found out, and why. Never taken for either.
    Unknown(String),
}

impl Known {
    /// Whether it is known to be there.
    #[must_use]
    pub fn is_yes(&self) -> bool {
        matches!(self, Self::Yes(_))
    }

    /// The words.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Yes(text) | Self::No(text) | Self::Unknown(text) => text,
        }
    }
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// The capabilities that scenarios may require.
    pub known: BTreeMap<Capability, Known>,
    /// The `Server` header, or where there is none, in words, by what else the server is known.
    pub server: Option<String>,
    /// What has to be told before the first write, because a write has effects elsewhere:
    /// `replication`, `notification`, `mfa-delete`.
    pub consent: BTreeMap<&'static str, Known>,
}

impl Capabilities {
    /// Whether a capability is known to be there.
    #[must_use]
    pub fn has(&self, capability: Capability) -> bool {
        self.known.get(&capability).is_some_and(Known::is_yes)
    }
}

/// Reads the audited bucket's configuration as the administrator.
pub async fn capabilities(opened: &Opened, principals: &Principals) -> Capabilities {
    let versioning = read(opened, BucketConfig::Versioning).await;
    let lock = read(opened, BucketConfig::ObjectLock).await;
    let policy = read(opened, BucketConfig::Policy).await;
    let replication = read(opened, BucketConfig::Replication).await;
    let notification = read(opened, BucketConfig::Notification).await;
    let server = [&versioning, &lock, &policy]
        .into_iter()
        .find_map(|reply| reply.answer()?.header("server").map(ToOwned::to_owned))
        .or_else(|| by_request_id(&versioning));
    let known = BTreeMap::from([
        (Capability::Versioning, of_versioning(&versioning)),
        (Capability::ObjectLock, of_lock(&lock)),
        (Capability::Principals, of_principals(principals)),
        (Capability::BucketPolicy, of_policy(&policy)),
        (Capability::ServerRestart, of_machine(opened, |machine| machine.restarts())),
        (Capability::ServerClock, of_machine(opened, |machine| machine.clock())),
        (Capability::AccessLog, of_log(opened)),
    ]);
    let consent = BTreeMap::from([
        ("replication", configured(&replication, &["Rule"])),
        (
            "notification",
            configured(
                &notification,
                &[
                    "TopicConfiguration",
                    "QueueConfiguration",
                    "CloudFunctionConfiguration",
                    "EventBridgeConfiguration",
                ],
            ),
        ),
        ("mfa-delete", of_mfa_delete(&versioning)),
    ]);
    Capabilities { known, server, consent }
}

/// What the tool can do to the server itself.
fn of_machine(opened: &Opened, ask: impl Fn(&dyn Machine) -> Result<String, String>) -> Known {
    match &opened.machine {
        Some(machine) => ask(machine.as_ref()).map_or_else(Known::No, Known::Yes),
        None if opened.own_server => {
            Known::No("a container keeps neither its data nor its port when it is stopped".to_owned())
        }
        None => Known::No("the tool did not start the server".to_owned()),
    }
}

/// Whether the server's own log can be read.
fn of_log(opened: &Opened) -> Known {
    match &opened.access_log {
        Ok(log) => Known::Yes(log.words()),
        Err(why) => Known::No(format!("access log: {why}")),
    }
}

/// Ceph's gateway (Debian's 16.2) sends no `Server` header; its request ids are like nobody else's.
fn by_request_id(reply: &Reply) -> Option<String> {
    let id = reply.answer()?.header("x-amz-request-id")?;
    let parts: Vec<&str> = id.split('-').collect();
    let hex = |text: &str| text.chars().all(|c| c.is_ascii_hexdigit());
    let [transaction, time, ..] = parts.as_slice() else { return None };
    let number = transaction.strip_prefix("tx")?;
    (parts.len() >= 4 && number.len() == 21 && hex(number) && time.len() == 10 && hex(time))
        .then(|| "no Server header; request ids as Ceph's RADOS Gateway writes them".to_owned())
}

async fn read(opened: &Opened, which: BucketConfig) -> Reply {
    let request = get_bucket_config(&opened.location.bucket, which);
    opened.client.exchange_retrying(Some(&opened.administrator), &request, Backoff::default()).await.last
}

fn code(reply: &Reply) -> String {
    reply.error().map(|e| e.code).unwrap_or_default()
}

fn unknown(reply: &Reply) -> Known {
    Known::Unknown(reply.trouble().unwrap_or_else(|| "an answer that says nothing of it".to_owned()))
}

fn element(reply: &Reply, name: &str) -> Option<String> {
    reply.answer()?.element(name)
}

fn of_versioning(reply: &Reply) -> Known {
    if !reply.is_success() {
        return unknown(reply);
    }
    match element(reply, "Status").as_deref() {
        Some("Enabled") => Known::Yes("versioning is enabled".to_owned()),
        Some(other) => Known::No(format!("versioning is {}", other.to_lowercase())),
        None => Known::No("versioning was never enabled".to_owned()),
    }
}

fn of_mfa_delete(reply: &Reply) -> Known {
    if !reply.is_success() {
        return unknown(reply);
    }
    // The element's name differs between the request's and the answer's documentation.
    match element(reply, "MfaDelete").or_else(|| element(reply, "MFADelete")).as_deref() {
        Some("Enabled") => {
            Known::Yes("MFA delete is enabled: versions are deleted with a token only".to_owned())
        }
        _ => Known::No("MFA delete is off".to_owned()),
    }
}

fn of_lock(reply: &Reply) -> Known {
    match code(reply).as_str() {
        "ObjectLockConfigurationNotFoundError" | "NoSuchObjectLockConfiguration" => {
            return Known::No("the bucket has no Object Lock".to_owned());
        }
        "NotImplemented" | "MethodNotAllowed" => {
            return Known::No(format!(
                "the server does not know Object Lock: {}",
                reply.trouble().unwrap_or_default()
            ));
        }
        _ => {}
    }
    if !reply.is_success() {
        return unknown(reply);
    }
    if element(reply, "ObjectLockEnabled").as_deref() != Some("Enabled") {
        return Known::No("the bucket has no Object Lock".to_owned());
    }
    let count = |n: String, unit: &str| if n == "1" { format!("1 {unit}") } else { format!("{n} {unit}s") };
    let period = element(reply, "Days")
        .map(|n| count(n, "day"))
        .or_else(|| element(reply, "Years").map(|n| count(n, "year")));
    Known::Yes(match (element(reply, "Mode"), period) {
        (Some(mode), Some(period)) => format!("Object Lock with a default of {mode} for {period}"),
        _ => "Object Lock without a default retention".to_owned(),
    })
}

fn of_principals(principals: &Principals) -> Known {
    if principals.has_others() {
        return Known::Yes("there are principals beside the administrator".to_owned());
    }
    let why = principals.facts.iter().find_map(|f| f.missing.clone());
    Known::No(why.unwrap_or_else(|| "there is nobody beside the administrator".to_owned()))
}

/// Whether the call is known; what policies bind is the scenarios' business.
fn of_policy(reply: &Reply) -> Known {
    if reply.is_success() && is_listing(&String::from_utf8_lossy(&reply.body)) {
        return Known::No("the server takes no bucket policies: it answers with a listing".to_owned());
    }
    if reply.is_success() {
        return Known::Yes("the bucket has a policy".to_owned());
    }
    match code(reply).as_str() {
        "NoSuchBucketPolicy" => Known::Yes("the bucket has no policy; the server takes some".to_owned()),
        "NotImplemented" | "MethodNotAllowed" => {
            Known::No(format!("the server takes no bucket policies: {}", reply.trouble().unwrap_or_default()))
        }
        _ => unknown(reply),
    }
}

fn configured(reply: &Reply, elements: &[&str]) -> Known {
    if reply.is_success() {
        return match elements.iter().find(|name| element(reply, name).is_some()) {
            Some(name) => Known::Yes(format!("{name} is configured")),
            None => Known::No("nothing is configured".to_owned()),
        };
    }
    match code(reply).as_str() {
        "ReplicationConfigurationNotFoundError" | "NoSuchConfiguration" => {
            Known::No("nothing is configured".to_owned())
        }
        "NotImplemented" => Known::No("the server does not know it".to_owned()),
        _ => unknown(reply),
    }
}
