//! The read-back of all canaries of a run.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use futures_util::future::join_all;

use crate::lock::{Presence, Reading};
use crate::record::evidence::{EventNumber, Listed, Observation, Observed, ObservedKey, StepEvidence};
use crate::run::read::Entry;
use crate::run::session::Session;
use crate::run::write::makes_version;
use crate::scenario::ObjectSetup;

/// One version to be read.
struct Wanted {
    object: String,
    of: String,
    bucket: String,
    key: String,
    version_id: Option<String>,
}

type Listings = BTreeMap<String, (Reading<Vec<Entry>>, Vec<EventNumber>)>;

impl Session<'_> {
    /// Lists and reads everything that has a name. `adopt` names `absent` objects at which an accepted write
    /// was aimed whose answer gave no version id: the listing then says what was made.
    pub(super) async fn observe(&mut self, adopt: &[String]) -> Observation {
        let at = self.server_now();
        let listings = self.listings().await;
        for object in adopt {
            self.adopt(object, &listings);
        }
        self.read(at, &listings).await
    }

    /// As [`Self::observe`], after the steps of a group. Where the answer to a write named no version (Ceph's to a copy
    /// or a completed multipart upload), the listing does: if one version of the key is new, and one step wrote it.
    pub(super) async fn observe_after(
        &mut self,
        steps: &mut [StepEvidence],
        adopt: &[String],
        before: Option<&Observation>,
    ) -> Observation {
        let at = self.server_now();
        let listings = self.listings().await;
        for object in adopt {
            self.adopt(object, &listings);
        }
        if let Some(before) = before {
            self.name_versions(steps, before, &listings);
        }
        self.read(at, &listings).await
    }

    fn name_versions(&mut self, steps: &mut [StepEvidence], before: &Observation, listings: &Listings) {
        let scenario = self.scenario;
        for placed in &self.handles.placed {
            let object = placed.object.as_str();
            let Some((Reading::Known(entries), _)) = listings.get(&placed.bucket) else { continue };
            let Some(listed) = before.key(object).and_then(|k| k.listing.known()) else { continue };
            let mut new = entries
                .iter()
                .filter(|e| e.key == placed.key && !e.marker && e.version_id != "null")
                .filter(|e| !listed.iter().any(|l| l.version_id == e.version_id));
            let (Some(new), None) = (new.next(), new.next()) else { continue };
            let step_of = |done: &StepEvidence| {
                usize::try_from(done.step)
                    .ok()
                    .and_then(|i| scenario.steps.get(i))
                    .filter(|step| step.object.as_deref() == Some(object) && makes_version(step))
            };
            let mut writes: Vec<&mut StepEvidence> =
                steps.iter_mut().filter(|done| step_of(done).is_some()).collect();
            let [done] = writes.as_mut_slice() else { continue };
            let name = step_of(done).and_then(|step| step.name.as_deref());
            let [sent] = done.sent.as_mut_slice() else { continue };
            if sent.version_id.is_some() {
                continue;
            }
            sent.version_id = Some(new.version_id.clone());
            if let Some(made) = name.and_then(|name| self.handles.made.get_mut(name)) {
                made.version_id = Some(new.version_id.clone());
            }
        }
    }

    /// Reads everything that has a name. A 404 of what the listing shows is read once more, with a new listing: some
    /// servers answer so for the moment in which they lay a marker on the key (MinIO, when its lifecycle does). What
    /// stays gone is gone; every exchange is in the log.
    async fn read(&self, at: DateTime<Utc>, listings: &Listings) -> Observation {
        let seen = self.read_once(at, listings).await;
        let contradicts = |v: &Observed| {
            v.state.presence == Reading::Known(Presence::Gone) && v.state.listed == Reading::Known(true)
        };
        if !seen.versions.iter().any(contradicts) {
            return seen;
        }
        let listings = self.listings().await;
        self.read_once(at, &listings).await
    }

    async fn read_once(&self, at: DateTime<Utc>, listings: &Listings) -> Observation {
        let wanted = self.wanted();
        let reader = self.reader();
        let unlisted = Reading::Unread("not listed".to_owned());
        let reads = join_all(wanted.iter().map(|w| {
            let listing = listings.get(&w.bucket).map_or(&unlisted, |(listing, _)| listing);
            reader.state(&w.bucket, &w.key, w.version_id.as_deref(), listing)
        }))
        .await;
        let versions = wanted
            .iter()
            .zip(reads)
            .map(|(w, (state, mut exchanges))| {
                exchanges.extend(listings.get(&w.bucket).map(|(_, e)| e.clone()).unwrap_or_default());
                Observed { object: w.object.clone(), of: w.of.clone(), state, exchanges }
            })
            .collect();
        Observation { at, versions, keys: self.keys(listings) }
    }

    /// One listing for each bucket that a canary lies in.
    async fn listings(&self) -> Listings {
        let mut buckets: Vec<String> = self.handles.placed.iter().map(|p| p.bucket.clone()).collect();
        buckets.sort();
        buckets.dedup();
        let reader = self.reader();
        let read = join_all(buckets.iter().map(|b| reader.versions(b, &self.handles.base))).await;
        buckets.into_iter().zip(read).collect()
    }

    fn adopt(&mut self, object: &str, listings: &Listings) {
        let Some(placed) = self.handles.placed.iter_mut().find(|p| p.object == object) else { return };
        if placed.version_id.is_some() || placed.sha256.is_some() {
            return;
        }
        let Some((Reading::Known(entries), _)) = listings.get(&placed.bucket) else { return };
        // The listing has the newest first; the first that was made is the last.
        placed.version_id =
            entries.iter().rfind(|e| e.key == placed.key && !e.marker).map(|e| e.version_id.clone());
        if placed.version_id.is_some() {
            self.handles.own_made.insert(object.to_owned());
        }
    }

    fn wanted(&self) -> Vec<Wanted> {
        let mut wanted = Vec::new();
        for placed in &self.handles.placed {
            let mut push = |of: &str, version_id: Option<String>| {
                wanted.push(Wanted {
                    object: placed.object.clone(),
                    of: of.to_owned(),
                    bucket: placed.bucket.clone(),
                    key: placed.key.clone(),
                    version_id,
                });
            };
            if placed.sha256.is_some() || self.handles.own_made.contains(&placed.object) {
                push("own", placed.version_id.clone());
            }
            let hidden = self.scenario.object(&placed.object).is_some_and(|o| o.setup == ObjectSetup::Hidden);
            if hidden && let Some(id) = &placed.marker_id {
                push("marker", Some(id.clone()));
            }
            for (name, made) in self.handles.made.iter().filter(|(_, m)| m.object == placed.object) {
                push(name, made.version_id.clone());
            }
        }
        wanted
    }

    fn keys(&self, listings: &Listings) -> Vec<ObservedKey> {
        self.handles
            .placed
            .iter()
            .map(|placed| {
                let (listing, exchanges) = listings
                    .get(&placed.bucket)
                    .cloned()
                    .unwrap_or_else(|| (Reading::Unread("not listed".to_owned()), Vec::new()));
                let listing = match listing {
                    Reading::Unread(why) => Reading::Unread(why),
                    Reading::Known(entries) => Reading::Known(
                        entries
                            .into_iter()
                            .filter(|e| e.key == placed.key)
                            .map(|e| Listed { version_id: e.version_id, marker: e.marker })
                            .collect(),
                    ),
                };
                ObservedKey { object: placed.object.clone(), listing, exchanges }
            })
            .collect()
    }

    /// Takes the locks that `inherit` objects were found with.
    pub(super) fn learn(&mut self, baseline: &Observation) {
        for observed in baseline.versions.iter().filter(|v| v.of == "own") {
            let present = matches!(observed.state.presence, Reading::Known(Presence::Present { .. }));
            if let (true, Some(Some(retention))) = (present, observed.state.retention.known()) {
                self.handles.inherited.insert(observed.object.clone(), *retention);
            }
        }
    }
}
