//! The access log of a MinIO that runs as a child process: its audit webhook, received here.

use std::net::SocketAddr;
use std::time::Duration;

use crate::server::webhook::Receiver;
use crate::store::access_log::{AccessLog, Shown, minio};
use crate::store::wire::BoxFuture;
use crate::target::TargetError;
use crate::time::Clock;

/// How long an entry may take. MinIO sends them from a queue, within milliseconds as a rule.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a log that falls behind is waited for.
const LONGEST: Duration = Duration::from_mins(2);

/// Under which name the webhook is configured.
const NAME: &str = "WORMPROOF";

/// What has to be configured in the server.
#[derive(Debug, Clone)]
pub(super) struct Webhook {
    address: SocketAddr,
    token: String,
}

impl Webhook {
    /// The variables of the server's environment.
    pub(super) fn environment(&self) -> [(String, String); 3] {
        let variable = |what: &str| format!("MINIO_AUDIT_WEBHOOK_{what}_{NAME}");
        [
            (variable("ENABLE"), "on".to_owned()),
            (variable("ENDPOINT"), format!("http://{}/log", self.address)),
            (variable("AUTH_TOKEN"), self.token.clone()),
        ]
    }
}

/// The log, as it is received.
#[derive(Debug)]
pub(super) struct AuditLog {
    receiver: Receiver,
}

impl AuditLog {
    /// Starts the receiver. The token is random: nobody else on the machine writes into the log.
    pub(super) async fn start() -> Result<(Self, Webhook), TargetError> {
        let token = format!("Bearer {}", hex::encode(rand::random::<[u8; 20]>()));
        let receiver = Receiver::start(&token, minio::request_id).await.map_err(|error| {
            TargetError::Local { what: "listen on 127.0.0.1 for the server's log", cause: error.to_string() }
        })?;
        let webhook = Webhook { address: receiver.address(), token };
        Ok((Self { receiver }, webhook))
    }
}

impl AccessLog for AuditLog {
    fn words(&self) -> String {
        "MinIO's audit webhook, received by the tool".to_owned()
    }

    fn mark(&self) -> u64 {
        self.receiver.count()
    }

    fn of_request<'a>(&'a self, request_id: &'a str, mark: u64) -> BoxFuture<'a, Result<Shown, String>> {
        Box::pin(async move {
            let begun = Clock::Real.now();
            // MinIO posts one entry after the other, and falls behind where many requests come at once: as long as
            // entries come, this one may be among those that are still to come.
            let mut before = self.receiver.count();
            let found = loop {
                self.receiver.wait_for(request_id, Clock::Real.sleep(PATIENCE)).await;
                let found = self.receiver.of_request(request_id, mark);
                let found = found.ok_or("so many requests came that its entry may have been thrown away")?;
                let quiet = std::mem::replace(&mut before, found.count) == found.count;
                if !found.texts.is_empty() || quiet {
                    break found;
                }
                if (Clock::Real.now() - begun).to_std().is_ok_and(|waited| waited > LONGEST) {
                    return Err(
                        "entries of other requests still come, and it may be among those to come".to_owned()
                    );
                }
            };
            let waited_ms = u64::try_from((Clock::Real.now() - begun).num_milliseconds()).unwrap_or(0);
            let entries = found.texts.iter().map(|text| minio::read(text)).collect::<Result<Vec<_>, _>>()?;
            let others = found.count.saturating_sub(mark).saturating_sub(entries.len() as u64);
            Ok(Shown { entries, others, waited_ms })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_server_is_told_where_the_receiver_listens_and_by_which_token() {
        let (log, webhook) = AuditLog::start().await.expect("a port");
        let [enable, endpoint, token] = webhook.environment();
        assert_eq!(enable, ("MINIO_AUDIT_WEBHOOK_ENABLE_WORMPROOF".to_owned(), "on".to_owned()));
        assert_eq!(endpoint.1, format!("http://{}/log", log.receiver.address()));
        // MinIO sends two words as they are.
        assert!(token.1.strip_prefix("Bearer ").is_some_and(|t| t.len() == 40), "{token:?}");
    }
}
