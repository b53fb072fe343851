//! The release of MinIO's servers, read through its administrator's interface.
//!
//! One GET, answered in plain JSON (observed on MinIO's last public commit). The answer also holds the server's
//! environment, of which MinIO itself hides only what is called a password or a key: none of it is kept.

use crate::record::Log;
use crate::record::release::{INTERFACE, ServerRelease, keep, kept, servers};
use crate::store::client::Client;
use crate::store::credentials::Credentials;
use crate::store::request::S3Request;

/// Asks who the deployment's servers are and what they run; adds it, or why it could not be had, to `release`.
pub async fn minio_servers(client: &Client, who: &Credentials, log: &Log, release: &mut ServerRelease) {
    let request = S3Request::to_object(http::Method::GET, "minio", INTERFACE, None);
    let mut reply = client.exchange(Some(who), &request).await;
    let told =
        (reply.trouble().is_none() && reply.status() == Some(200)).then(|| kept(&reply.body)).flatten();
    let why = match (reply.trouble(), reply.status()) {
        (Some(trouble), _) => trouble,
        (None, Some(200)) => "its answer cannot be understood".to_owned(),
        (None, status) => format!("status {}", status.unwrap_or_default()),
    };
    keep(&mut reply.exchange, told.clone());
    release.exchange = Some(log.exchange("release", reply.exchange));
    match told.as_deref().and_then(servers) {
        Some(found) if !found.is_empty() => release.seen.extend(found),
        _ => {
            release.unread = Some(format!(
                "the administrator's interface (GET /minio/{INTERFACE}, admin:ServerInfo) did not tell it: {why}"
            ));
        }
    }
}
