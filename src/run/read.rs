//! Reading back on behalf of a run: `store::readback` reads, here every attempt is logged and whoever is
//! refused is relieved by somebody who is not.

use futures_util::future::join;

use crate::lock::{LegalHold, Presence, Reading, Retention, VersionState};
use crate::record::Log;
use crate::record::evidence::EventNumber;
use crate::store::client::{Attempts, Backoff, Client, Reply};
use crate::store::credentials::Credentials;
use crate::store::ops::{get_object, get_object_legal_hold, get_object_retention};
use crate::store::readback;
use crate::store::request::S3Request;

pub(super) use crate::store::readback::{Entry, hold as hold_of, retention as retention_of};

/// Somebody who reads, and the log that it is written to.
#[derive(Debug, Clone, Copy)]
pub(super) struct ReaderAs<'a> {
    pub(super) client: &'a Client,
    pub(super) who: Option<&'a Credentials>,
    /// Asked where the first one is refused: what is there must be known even where a policy hides it.
    pub(super) fallback: Option<&'a Credentials>,
    pub(super) log: &'a Log,
    pub(super) about: &'a str,
}

impl ReaderAs<'_> {
    /// Sends a read, repeats it if need be, and logs every attempt.
    pub(super) async fn get(&self, request: &S3Request) -> (Reply, Vec<EventNumber>) {
        let attempts = self.client.exchange_retrying(self.who, request, Backoff::default()).await;
        let (reply, mut numbers) = self.logged(attempts);
        if reply.status() == Some(403) && self.fallback.is_some() {
            let attempts = self.client.exchange_retrying(self.fallback, request, Backoff::default()).await;
            let (reply, more) = self.logged(attempts);
            numbers.extend(more);
            return (reply, numbers);
        }
        (reply, numbers)
    }

    fn logged(&self, attempts: Attempts) -> (Reply, Vec<EventNumber>) {
        let Attempts { last, earlier } = attempts;
        let mut numbers: Vec<EventNumber> =
            earlier.into_iter().map(|e| self.log.exchange(self.about, e)).collect();
        numbers.push(self.log.exchange(self.about, last.exchange.clone()));
        (last, numbers)
    }

    /// All versions and markers of the keys that begin so, each key's newest first.
    pub(super) async fn versions(
        &self,
        bucket: &str,
        prefix: &str,
    ) -> (Reading<Vec<Entry>>, Vec<EventNumber>) {
        let mut numbers = Vec::new();
        let mut listing = Reading::Unread("nobody could list".to_owned());
        for who in [Some(self.who), self.fallback.map(Some)].into_iter().flatten() {
            let (read, exchanges) = readback::list_versions(self.client, who, bucket, prefix).await;
            let refused =
                exchanges.last().and_then(|e| e.answer()).is_some_and(|answer| answer.status == 403);
            numbers.extend(exchanges.into_iter().map(|e| self.log.exchange(self.about, e)));
            listing = read;
            if !refused {
                break;
            }
        }
        (listing, numbers)
    }

    /// One version: its bytes, its lock, its hold. `listing` is what the listing of its key showed.
    pub(super) async fn state(
        &self,
        bucket: &str,
        key: &str,
        version_id: Option<&str>,
        listing: &Reading<Vec<Entry>>,
    ) -> (VersionState, Vec<EventNumber>) {
        let (content, mut numbers) = self.get(&get_object(bucket, key, version_id)).await;
        let listed = match listing {
            Reading::Known(entries) => {
                Ok(entries.iter().find(|e| e.key == key && version_id.is_none_or(|id| e.version_id == id)))
            }
            Reading::Unread(why) => Err(why.clone()),
        };
        let mut presence = readback::presence(&content, version_id.unwrap_or_default());
        // Servers differ in what they answer to a GET of a marker; the listing says that it is one.
        let shown_as_marker = matches!(&listed, Ok(Some(entry)) if entry.marker);
        if shown_as_marker && !matches!(presence, Reading::Known(Presence::Present { .. })) {
            presence = Reading::Known(Presence::Marker);
        }
        let (retention, hold) = match &presence {
            // What is gone or a marker has no lock that could be asked for.
            Reading::Known(Presence::Gone) => unread("the version is gone"),
            Reading::Known(Presence::Marker) => unread("a delete marker"),
            _ => {
                let retention = get_object_retention(bucket, key, version_id);
                let hold = get_object_legal_hold(bucket, key, version_id);
                let (retention, hold) = join(self.get(&retention), self.get(&hold)).await;
                numbers.extend(retention.1);
                numbers.extend(hold.1);
                let mut retained = readback::retention_or_shown(&retention.0, &content);
                let mut held = hold_of(&hold.0);
                readback::cross_check(&content, &mut retained, &mut held);
                (retained, held)
            }
        };
        let state = VersionState {
            key: key.to_owned(),
            version_id: version_id.unwrap_or_default().to_owned(),
            presence,
            retention,
            hold,
            listed: match listed {
                Ok(entry) => Reading::Known(entry.is_some()),
                Err(why) => Reading::Unread(why),
            },
        };
        (state, numbers)
    }
}

fn unread(why: &str) -> (Reading<Option<Retention>>, Reading<LegalHold>) {
    (Reading::Unread(why.to_owned()), Reading::Unread(why.to_owned()))
}
