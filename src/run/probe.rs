//! Whether a legal hold can be set and removed: shown on a canary before a scenario that sets one runs
//! on a live bucket.

use chrono::TimeDelta;
use sha2::{Digest as _, Sha256};

use crate::lock::{LegalHold, Mode, Reading, Retention};
use crate::run::audited::Audited;
use crate::run::environment::Environment;
use crate::run::journal::JournalEntry;
use crate::run::place::SHORT_LOCK_S;
use crate::run::read::hold_of;
use crate::run::write::whole_second;
use crate::run::{EXPIRES_METADATA, RUN_METADATA};
use crate::scenario::{Action, Scenario};
use crate::store::client::Reply;
use crate::store::ops::{
    LockHeaders, delete_object, get_object_legal_hold, put_object, put_object_legal_hold,
};
use crate::store::request::S3Request;

/// Whether a scenario sets a legal hold anywhere, at worst.
pub(super) fn uses_hold(scenario: &Scenario) -> bool {
    let header =
        |pairs: &[(String, String)]| pairs.iter().any(|(n, _)| n.to_ascii_lowercase().contains("legal-hold"));
    scenario.objects.iter().any(|o| o.hold == Some(LegalHold::On))
        || scenario.steps.iter().any(|s| {
            s.hold == Some(LegalHold::On)
                || s.action == Action::PutLegalHold
                || header(&s.headers)
                || header(&s.unsigned_headers)
        })
}

/// Uploads a canary, holds it, lets it go, deletes it. The error says what went wrong.
pub(super) async fn hold_is_removable(env: &Environment, audited: &Audited) -> Result<(), String> {
    let key = format!("{}probe/hold-{:016x}", env.prefix, rand::random::<u64>());
    let content = format!("a probe of legal hold\n{} {:016x}", env.run_id, rand::random::<u64>());
    let until = whole_second(env.client.server_now()) + TimeDelta::seconds(SHORT_LOCK_S);
    let retention = audited.may_have_default().then_some(Retention { mode: Mode::Governance, until });
    env.journal
        .write(
            &[JournalEntry::Object {
                run_id: env.run_id.clone(),
                bucket: env.bucket.clone(),
                key: key.clone(),
                sha256: Some(hex::encode(Sha256::digest(content.as_bytes()))),
                until: retention.map(|r| r.until),
            }],
            true,
        )
        .map_err(|e| e.to_string())?;
    let expires = retention.map_or_else(|| "none".to_owned(), |r| crate::time::wire(r.until));
    let upload = put_object(&env.bucket, &key, content, &LockHeaders { retention, hold: None })
        .metadata(RUN_METADATA, &env.run_id)
        .metadata(EXPIRES_METADATA, &expires);
    let reply = send(env, "the upload", &upload).await?;
    let id = reply.answer().and_then(|a| a.header("x-amz-version-id")).map(ToOwned::to_owned);
    let id = id.as_deref();
    for (what, hold) in [("setting the hold", LegalHold::On), ("removing the hold", LegalHold::Off)] {
        send(env, what, &put_object_legal_hold(&env.bucket, &key, id, hold)).await?;
        let read = send(env, "reading the hold", &get_object_legal_hold(&env.bucket, &key, id)).await?;
        if hold_of(&read) != Reading::Known(hold) {
            return Err(format!("{what} had no effect"));
        }
    }
    if let Some(retention) = retention {
        env.clock.sleep_until(retention.until + TimeDelta::seconds(1)).await;
    }
    send(env, "the deletion", &delete_object(&env.bucket, &key, id)).await?;
    Ok(())
}

async fn send(env: &Environment, what: &str, request: &S3Request) -> Result<Reply, String> {
    let reply = env.client.exchange(env.administrator(), request).await;
    env.log.exchange("probe", reply.exchange.clone());
    match reply.trouble() {
        None => Ok(reply),
        Some(trouble) => Err(format!("{what}: {trouble}")),
    }
}
