//! Whether a bucket keeps versions.

use crate::exchange::Exchange;
use crate::store::client::{Backoff, Client};
use crate::store::credentials::Credentials;
use crate::store::ops::get_bucket_versioning;

/// `Enabled`, `Suspended` or `off`; else why it could not be read.
pub(super) async fn versioning(
    client: &Client,
    who: Option<&Credentials>,
    bucket: &str,
    backoff: Backoff,
) -> (Result<String, String>, Vec<Exchange>) {
    let request = get_bucket_versioning(bucket);
    let attempts = client.exchange_retrying(who, &request, backoff).await;
    let reply = attempts.last.clone();
    let state = match (reply.trouble(), reply.answer()) {
        (Some(trouble), _) => Err(trouble),
        (None, None) => Err("no answer".to_owned()),
        // A server that does not know the question may answer another one.
        (None, Some(answer))
            if !answer.body.text.as_deref().unwrap_or_default().contains("VersioningConfiguration") =>
        {
            Err("the answer says nothing of versioning".to_owned())
        }
        (None, Some(answer)) => {
            Ok(answer.element("Status").filter(|s| !s.is_empty()).unwrap_or_else(|| "off".to_owned()))
        }
    };
    (state, attempts.into_exchanges())
}
