//! The walk over all pages.

use std::collections::BTreeSet;

use super::{ListingError, VersionsPage, parse_versions};
use crate::exchange::Exchange;
use crate::store::client::{Backoff, Client};
use crate::store::credentials::Credentials;
use crate::store::ops::{VersionsQuery, list_object_versions};

/// Pages without an entry that are borne in a row.
const MOST_EMPTY: u32 = 100;

/// A walk over all versions of a prefix. It ends, or fails; it never goes in a circle.
#[derive(Debug)]
pub struct VersionsWalk<'a> {
    client: &'a Client,
    who: Option<&'a Credentials>,
    bucket: String,
    query: VersionsQuery,
    backoff: Backoff,
    /// The version id markers already used with the present key marker.
    places: BTreeSet<Option<String>>,
    empty: u32,
    done: bool,
    exchanges: Vec<Exchange>,
}

impl<'a> VersionsWalk<'a> {
    /// A walk that begins at the query's markers.
    #[must_use]
    pub fn new(
        client: &'a Client,
        who: Option<&'a Credentials>,
        bucket: &str,
        query: VersionsQuery,
        backoff: Backoff,
    ) -> Self {
        Self {
            client,
            who,
            bucket: bucket.to_owned(),
            query,
            backoff,
            places: BTreeSet::new(),
            empty: 0,
            done: false,
            exchanges: Vec::new(),
        }
    }

    /// Takes further credentials from here on (sessions expire during long walks).
    pub fn renew(&mut self, who: Option<&'a Credentials>) {
        self.who = who;
    }

    /// Asks for the pages from here on with other further parameters (`metadata=true`, or none).
    pub fn set_extra(&mut self, extra: Vec<(String, String)>) {
        self.query.extra = extra;
    }

    /// Where the next page begins: key and version id marker.
    #[must_use]
    pub fn position(&self) -> (Option<&str>, Option<&str>) {
        (self.query.key_marker.as_deref(), self.query.version_id_marker.as_deref())
    }

    /// The next page, or `None` after the last one. After an error the same page can be asked for again.
    ///
    /// # Errors
    /// See [`ListingError`]; whatever was listed before is not everything.
    pub async fn next_page(&mut self) -> Result<Option<VersionsPage>, ListingError> {
        if self.done {
            return Ok(None);
        }
        let request = list_object_versions(&self.bucket, &self.query);
        let attempts = self.client.exchange_retrying(self.who, &request, self.backoff).await;
        let reply = attempts.last.clone();
        self.exchanges.extend(attempts.into_exchanges());
        if let Some(trouble) = reply.trouble() {
            return Err(ListingError::Refused(trouble));
        }
        let page = parse_versions(&reply.body)?;
        self.advance(&page)?;
        Ok(Some(page))
    }

    /// The requests since the last call, failed ones too. They add up: a long walk takes them page by page.
    #[must_use]
    pub fn take_exchanges(&mut self) -> Vec<Exchange> {
        std::mem::take(&mut self.exchanges)
    }

    fn advance(&mut self, page: &VersionsPage) -> Result<(), ListingError> {
        if let Some(entry) = page.entries.iter().find(|e| !e.key.starts_with(&self.query.prefix)) {
            return Err(ListingError::Foreign { key: entry.key.clone(), prefix: self.query.prefix.clone() });
        }
        if !page.truncated {
            self.done = true;
            return Ok(());
        }
        self.empty = if page.entries.is_empty() { self.empty + 1 } else { 0 };
        if self.empty > MOST_EMPTY {
            return Err(ListingError::Empty(self.empty));
        }
        let next = page.next_key_marker.as_deref().ok_or(ListingError::NoMarker)?;
        let version = page.next_version_id_marker.clone();
        if let Some(before) = &self.query.key_marker {
            let (old, new) = (key_of(before), key_of(next));
            if new != old {
                self.places.clear();
            }
            if new < old || self.places.contains(&version) {
                let place = |key: &str, version: Option<&String>| {
                    version.map_or_else(|| key.to_owned(), |id| format!("{key} ({id})"))
                };
                return Err(ListingError::Circle {
                    before: place(old, self.query.version_id_marker.as_ref()),
                    after: place(new, version.as_ref()),
                });
            }
        }
        self.places.insert(version);
        self.query.key_marker = Some(next.to_owned());
        self.query.version_id_marker.clone_from(&page.next_version_id_marker);
        Ok(())
    }
}

/// The key of a marker without the suffix by which MinIO remembers its own cache.
fn key_of(marker: &str) -> &str {
    marker.find("[minio_cache:").map_or(marker, |at| &marker[..at])
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use bytes::Bytes;

    use super::*;
    use crate::store::endpoint::Endpoint;
    use crate::store::wire::{BoxFuture, Wire, WireError};
    use crate::time::Clock;

    /// Pages in order; keeps the queries. The last page stays.
    #[derive(Debug)]
    struct Pages(Mutex<Vec<String>>, Mutex<Vec<String>>);

    impl Wire for Pages {
        fn send(
            &self,
            request: http::Request<Bytes>,
        ) -> BoxFuture<'_, Result<http::Response<Bytes>, WireError>> {
            self.1.lock().expect("a lock").push(request.uri().query().unwrap_or_default().to_owned());
            let mut pages = self.0.lock().expect("a lock");
            let page = if pages.len() > 1 { pages.remove(0) } else { pages[0].clone() };
            Box::pin(async move { Ok(http::Response::new(Bytes::from(page))) })
        }
    }

    fn page(keys: &[&str], next: Option<(&str, &str)>) -> String {
        use std::fmt::Write as _;
        let mut text = format!(
            "<ListVersionsResult><EncodingType>url</EncodingType><IsTruncated>{}</IsTruncated>",
            next.is_some()
        );
        for key in keys {
            let _ = write!(
                text,
                "<Version><Key>{key}</Key><VersionId>1</VersionId><IsLatest>true</IsLatest><Size>1</Size></Version>"
            );
        }
        if let Some((key, version)) = next {
            let _ = write!(
                text,
                "<NextKeyMarker>{key}</NextKeyMarker><NextVersionIdMarker>{version}</NextVersionIdMarker>"
            );
        }
        text + "</ListVersionsResult>"
    }

    /// Walks to the end or the first error: number of entries, queries, error.
    async fn walk(pages: Vec<String>) -> (usize, Vec<String>, Option<ListingError>) {
        let wire = Arc::new(Pages(Mutex::new(pages), Mutex::default()));
        let endpoint = Endpoint::parse("http://127.0.0.1:1", None).expect("an endpoint");
        let client = Client::new(wire.clone(), endpoint, Clock::Real, "test");
        let query = VersionsQuery::of_prefix("a");
        let mut walk = VersionsWalk::new(&client, None, "b", query, Backoff::default());
        let mut entries = 0;
        let error = loop {
            match walk.next_page().await {
                Ok(None) => break None,
                Ok(Some(page)) => entries += page.entries.len(),
                Err(error) => break Some(error),
            }
        };
        let queries = wire.1.lock().expect("a lock").clone();
        (entries, queries, error)
    }

    #[tokio::test]
    async fn markers_are_followed_as_the_server_gave_them() {
        let pages = vec![
            page(&["a", "a%2B"], Some(("a%2B%5Bminio_cache%3Av2%2Cx%5D", "v+1"))),
            page(&["a%2B"], Some(("a%2B", "v2"))),
            page(&["ab"], None),
        ];
        let (entries, queries, error) = walk(pages).await;
        assert_eq!((entries, error), (4, None));
        assert_eq!(queries.len(), 3);
        assert!(queries[1].contains("key-marker=a%2B%5Bminio_cache%3Av2%2Cx%5D&version-id-marker=v%2B1"));
    }

    #[tokio::test]
    async fn a_circle_a_step_back_and_endless_nothing_end_the_walk() {
        let same = page(&["a"], Some(("a", "1")));
        let (_, queries, error) = walk(vec![same]).await;
        assert!(matches!(error, Some(ListingError::Circle { .. })), "{error:?}");
        assert_eq!(queries.len(), 2);
        let back = vec![page(&["ab"], Some(("ab", "1"))), page(&["aa"], Some(("aa", "2")))];
        assert!(matches!(walk(back).await.2, Some(ListingError::Circle { .. })));
        // Two places of one key in turn: never the same twice in a row.
        let turns = (0..50).map(|i| page(&["a"], Some(("a", if i % 2 == 0 { "1" } else { "2" }))));
        let (_, queries, error) = walk(turns.collect()).await;
        assert!(matches!(error, Some(ListingError::Circle { .. })), "{error:?}");
        assert_eq!(queries.len(), 3);
        let nothing = (0..1000).map(|i| page(&[], Some((&format!("a{i:04}"), "1"))));
        assert!(matches!(walk(nothing.collect()).await.2, Some(ListingError::Empty(_))));
        let foreign = walk(vec![page(&["zebra"], None)]).await;
        assert!(matches!(foreign.2, Some(ListingError::Foreign { .. })));
    }
}
