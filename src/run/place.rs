//! Placing the canaries of one run.

use chrono::TimeDelta;

use crate::lock::{Mode, Retention};
use crate::record::evidence::Placed;
use crate::run::{Environment, SHORT_LOCK, ceil};
use crate::scenario::{AskRetention, ObjectSetup, ObjectSpec, Role, Until};
use crate::store::ops::{self, LockHeaders};
use crate::store::request::Integrity;

/// Content that no other run has.
pub(super) fn unique(env: &Environment, content: &str) -> Vec<u8> {
    let nonce: u64 = rand::random();
    let challenge = env.challenge.as_deref().unwrap_or_default();
    format!("{content}\nwormproof {} {challenge} {nonce:016x}\n", env.run_id).into_bytes()
}

fn retention(env: &Environment, spec: &ObjectSpec) -> Option<Retention> {
    let now = env.client.server_now();
    match &spec.retention {
        Some(AskRetention::Set { mode: Some(mode), until: Some(until) }) => Some(Retention {
            mode: *mode,
            until: match until {
                Until::Lasts(span) => span.after(ceil(now)),
                Until::At(instant) => *instant,
                Until::Relative(_) | Until::Literal(_) => ceil(now) + TimeDelta::minutes(5),
            },
        }),
        Some(_) => None,
        None if env.has_default && !spec.inherit => {
            Some(Retention { mode: Mode::Governance, until: ceil(now) + SHORT_LOCK })
        }
        None => None,
    }
}

/// Places one object. The exchanges say how it went; the judge reads them.
pub(super) async fn place(env: &Environment, spec: &ObjectSpec, base: &str, about: &str) -> Placed {
    let key = format!("{base}{}{}", spec.name, spec.key_suffix);
    let mut placed = Placed {
        object: spec.name.clone(),
        bucket: env.bucket.clone(),
        key,
        sha256: None,
        version_id: None,
        marker_id: None,
        retention: None,
        hold: None,
        etag: None,
        inherit: spec.inherit,
        exchanges: Vec::new(),
        at: env.client.server_now(),
    };
    if spec.setup == ObjectSetup::Absent {
        return placed;
    }
    let who = env.who(Role::Administrator).flatten();
    let lock = LockHeaders { retention: retention(env, spec), hold: spec.hold };
    let content = unique(env, &spec.content);
    placed.sha256 = Some(super::send::sha256(&content));
    placed.retention = lock.retention;
    placed.hold = lock.hold;
    let request = ops::put_object(&placed.bucket, &placed.key, content, &lock)
        .integrity(Integrity::ContentMd5)
        .metadata("wormproof-run", &env.run_id);
    let reply = env.client.exchange(who, &request).await;
    placed.etag = reply.answer().and_then(|a| a.header("etag")).map(ToOwned::to_owned);
    placed.version_id = reply.answer().and_then(|a| a.header("x-amz-version-id")).map(ToOwned::to_owned);
    placed.exchanges.push(env.log.exchange(about, reply.exchange));
    if spec.setup == ObjectSetup::Hidden {
        let reply = env.client.exchange(who, &ops::delete_object(&placed.bucket, &placed.key, None)).await;
        placed.marker_id = reply.answer().and_then(|a| a.header("x-amz-version-id")).map(ToOwned::to_owned);
        placed.exchanges.push(env.log.exchange(about, reply.exchange));
    }
    placed.at = env.client.server_now();
    placed
}
