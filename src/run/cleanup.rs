//! Removing what earlier runs (and this one) left: found by the journal, or from the store itself.
//!
//! An object version in the audited bucket is deleted only if it is proven to be a canary of the run in whose folder it lies
//! ([`crate::store::canary`]): by the stamp that its content ends with, or by its metadata, and then, where the journal knows
//! digests for its key, by one of them, too. A delete marker is removed only from keys whose remaining versions are all proven
//! so. A bucket is removed only if the journal or its tag says that the tool made it; all that lies in it is then the tool's.
//!
//! A run that is under way is left alone: its lease says so (`lease.rs`). A sweep by a journal is about that journal's run; one
//! without is about the runs on this bucket and prefix, and of buckets of other audits it says that they are there.

mod answers;
mod buckets;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest as _, Sha256};

use crate::lock::{LegalHold, Mode, Reading, Retention};
use crate::record::{Log, Residue};
use crate::run::cleanup::answers::uploads_of;
use crate::run::interrupt::CancellationFlag;
use crate::run::journal::{Journal, JournalEntry, Known};
use crate::run::lease;
use crate::run::read::{Entry, ReaderAs, hold_of, retention_of};
use crate::store::canary::{RUN_HEADER, is_stamped};
use crate::store::client::{Client, Reply};
use crate::store::credentials::Credentials;
use crate::store::ops::{
    abort_multipart_upload, delete_object, get_object, get_object_legal_hold, get_object_retention,
    list_multipart_uploads, put_object_legal_hold,
};
use crate::store::request::S3Request;
use crate::time::Clock;

/// What is to be cleaned, and by whom.
#[derive(Debug)]
pub struct Sweep<'a> {
    /// The client.
    pub client: &'a Client,
    /// Who deletes.
    pub administrator: Option<&'a Credentials>,
    /// The audited bucket.
    pub bucket: &'a str,
    /// The folder of all canaries: `PREFIX/.wormproof/` (see `run::canary_root`).
    pub root: &'a str,
    /// Only what these runs left; none is every run.
    pub runs: Option<BTreeSet<String>>,
    /// What journals say.
    pub known: Known,
    /// Where removals are written to, if anywhere.
    pub journal: Option<&'a Journal>,
    /// Whether to ask the store for buckets that are not in a journal.
    pub discover_buckets: bool,
    /// Whether runs whose lease is held are cleaned up, too.
    pub even_under_way: bool,
    /// Whether to wait for locks to end, and for runs under way to be over.
    pub wait: bool,
    /// The client's clock.
    pub clock: &'a Clock,
    /// The log of the exchanges.
    pub log: &'a Log,
    /// Ends the waiting.
    pub interrupt: &'a CancellationFlag,
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CleanupReport {
    /// Versions, markers, uploads and buckets that were removed.
    pub removed: u64,
    /// What is still there, why, and until when.
    pub kept: Vec<Residue>,
    /// Buckets of audits of other buckets or prefixes, which are none of this sweep's business.
    pub elsewhere: Vec<Residue>,
}

/// Removes what can be removed. With `wait`, again and again until nothing is left that a lock explains.
pub async fn cleanup(sweep: &Sweep<'_>) -> CleanupReport {
    let mut removed = 0;
    loop {
        let mut pass =
            Pass { sweep, removed: 0, kept: Vec::new(), elsewhere: Vec::new(), over: BTreeMap::new() };
        pass.all().await;
        removed += pass.removed;
        let report = CleanupReport { removed, kept: pass.kept, elsewhere: pass.elsewhere };
        let now = sweep.now();
        let next = report.kept.iter().filter_map(|r| r.until).filter(|u| *u > now).min();
        let Some(next) = next.filter(|_| sweep.wait && !sweep.interrupt.is_raised()) else { return report };
        let sleep =
            std::pin::pin!(sweep.clock.sleep_until(next + TimeDelta::seconds(1) - (now - sweep.clock.now())));
        let raised = std::pin::pin!(sweep.interrupt.raised());
        futures_util::future::select(sleep, raised).await;
    }
}

impl Sweep<'_> {
    fn now(&self) -> DateTime<Utc> {
        if self.clock.is_virtual() { self.clock.now() } else { self.client.server_now() }
    }

    fn reader(&self) -> ReaderAs<'_> {
        ReaderAs {
            client: self.client,
            who: self.administrator,
            fallback: None,
            log: self.log,
            about: "cleanup",
        }
    }

    async fn send(&self, request: &S3Request) -> Reply {
        let reply = self.client.exchange(self.administrator, request).await;
        self.log.exchange("cleanup", reply.exchange.clone());
        reply
    }

    /// The run in whose folder a key lies, if it is one that is to be cleaned.
    fn run_of<'k>(&self, key: &'k str) -> Option<&'k str> {
        let (run, rest) = key.strip_prefix(self.root)?.split_once('/')?;
        (self.wants(run) && !run.is_empty() && !rest.is_empty()).then_some(run)
    }

    /// Whether a run is one that is to be cleaned.
    fn wants(&self, run: &str) -> bool {
        self.runs.as_ref().is_none_or(|runs| runs.contains(run))
    }
}

struct Pass<'s, 'a> {
    sweep: &'s Sweep<'a>,
    removed: u64,
    kept: Vec<Residue>,
    elsewhere: Vec<Residue>,
    /// Whether a run is over, once that was asked. A run whose traces were seen before its lease was found gone stays over.
    over: BTreeMap<String, bool>,
}

impl Pass<'_, '_> {
    async fn all(&mut self) {
        for bucket in self.buckets().await {
            self.empty_and_delete(&bucket).await;
        }
        let prefixes: Vec<String> = match &self.sweep.runs {
            Some(runs) => runs.iter().map(|id| format!("{}{id}/", self.sweep.root)).collect(),
            None => vec![self.sweep.root.to_owned()],
        };
        for prefix in prefixes {
            self.objects(self.sweep.bucket, &prefix, false).await;
            self.uploads(self.sweep.bucket, &prefix, false).await;
        }
    }

    /// Whether a run of which something was seen is over. If not, that is said, once.
    async fn is_over(&mut self, run: &str) -> bool {
        if self.sweep.even_under_way {
            return true;
        }
        if let Some(over) = self.over.get(run) {
            return *over;
        }
        let sweep = self.sweep;
        let base = format!("{}{run}/", sweep.root);
        let state = lease::read(&sweep.reader(), sweep.bucket, &base, run).await;
        self.over.insert(run.to_owned(), state == lease::State::Over);
        match state {
            lease::State::Over => return true,
            lease::State::UnderWay(end) => self.keep(
                sweep.bucket,
                &base,
                "",
                Some(end),
                "the run is under way, or was killed less than 10 minutes ago: not touched",
            ),
            lease::State::Unread(why) => {
                let why = format!("whether the run is under way could not be read: {why}");
                self.keep(sweep.bucket, &base, "", None, &why);
            }
        }
        false
    }

    fn keep(&mut self, bucket: &str, key: &str, version_id: &str, until: Option<DateTime<Utc>>, why: &str) {
        self.kept.push(Residue {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            version_id: version_id.to_owned(),
            until,
            why: why.to_owned(),
        });
    }

    fn finished(&self, bucket: &str, key: Option<&str>) {
        if let Some(journal) = self.sweep.journal {
            let entry = JournalEntry::Finished { bucket: bucket.to_owned(), key: key.map(ToOwned::to_owned) };
            if let Err(error) = journal.write(&[entry], false) {
                self.sweep.log.note(self.sweep.clock.now(), "cleanup", error.to_string());
            }
        }
    }

    /// Removes the versions under a prefix; `ours`: the whole bucket is the tool's.
    async fn objects(&mut self, bucket: &str, prefix: &str, ours: bool) {
        let reader = self.sweep.reader();
        let entries = match reader.versions(bucket, prefix).await.0 {
            Reading::Known(entries) => entries,
            Reading::Unread(why) => {
                return self.keep(bucket, prefix, "", None, &format!("could not be listed: {why}"));
            }
        };
        let mut by_key: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
        for entry in &entries {
            by_key.entry(entry.key.as_str()).or_default().push(entry);
        }
        let (before, mut swept) = (self.removed, BTreeMap::new());
        for (key, entries) in by_key {
            let run = self.sweep.run_of(key);
            match run {
                _ if ours => {}
                None => {
                    self.keep(bucket, key, "", None, "it lies in no run's folder");
                    continue;
                }
                Some(run) if self.is_over(run).await => {}
                Some(_) => continue,
            }
            let kept = self.kept.len();
            let mut all_ours = true;
            for entry in entries.iter().filter(|e| !e.marker) {
                let proof =
                    if ours { Ok(()) } else { self.proof(bucket, entry, run.unwrap_or_default()).await };
                match proof {
                    Ok(()) => self.version(bucket, entry).await,
                    Err(why) => {
                        all_ours = false;
                        self.keep(bucket, key, &entry.version_id, None, &why);
                    }
                }
            }
            for entry in entries.iter().filter(|e| e.marker) {
                if !all_ours {
                    self.keep(
                        bucket,
                        key,
                        &entry.version_id,
                        None,
                        "it hides a version that is not proven ours",
                    );
                    continue;
                }
                let reply = self.sweep.send(&delete_object(bucket, key, Some(&entry.version_id))).await;
                match reply.trouble() {
                    None => self.removed += 1,
                    Some(why) => self.keep(bucket, key, &entry.version_id, None, &why),
                }
            }
            swept.insert(key, self.kept.len() == kept);
        }
        if self.removed > before {
            self.look_again(bucket, prefix, &mut swept).await;
        }
        for (key, _) in swept.iter().filter(|(_, clean)| **clean) {
            self.finished(bucket, Some(key));
        }
    }

    /// An answer proves nothing: what is still listed is not removed. `swept`: the keys, and whether nothing of
    /// them should be left.
    async fn look_again(&mut self, bucket: &str, prefix: &str, swept: &mut BTreeMap<&str, bool>) {
        let entries = match self.sweep.reader().versions(bucket, prefix).await.0 {
            Reading::Known(entries) => entries,
            Reading::Unread(why) => {
                swept.values_mut().for_each(|clean| *clean = false);
                return self.keep(bucket, prefix, "", None, &format!("could not be listed again: {why}"));
            }
        };
        for entry in entries {
            let said = |r: &Residue| {
                r.bucket == bucket
                    && r.key == entry.key
                    && (r.version_id.is_empty() || r.version_id == entry.version_id)
            };
            let Some(clean) = swept.get_mut(entry.key.as_str()) else { continue };
            if !self.kept.iter().any(said) {
                *clean = false;
                self.removed = self.removed.saturating_sub(1);
                let why = "its deletion was accepted, and it is still listed";
                self.keep(bucket, &entry.key, &entry.version_id, None, why);
            }
        }
    }

    /// Whether a version is a canary of the run in whose folder it lies.
    async fn proof(&self, bucket: &str, entry: &Entry, run: &str) -> Result<(), String> {
        let request = get_object(bucket, &entry.key, Some(&entry.version_id));
        let reply = self.sweep.reader().get(&request).await.0;
        if let Some(trouble) = reply.trouble() {
            return Err(format!("could not be read: {trouble}"));
        }
        if is_stamped(&entry.key, run, &reply.body) {
            return Ok(());
        }
        if reply.answer().and_then(|a| a.header(RUN_HEADER)) != Some(run) {
            return Err("neither its metadata nor its content names the run: not touched".to_owned());
        }
        let digests = self.sweep.known.objects.get(&(bucket.to_owned(), entry.key.clone()));
        let found = hex::encode(Sha256::digest(&reply.body));
        match digests.filter(|d| !d.is_empty()) {
            Some(digests) if !digests.contains(&found) => {
                Err("its content is none that the journal knows: not touched".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// Removes one version that is ours.
    async fn version(&mut self, bucket: &str, entry: &Entry) {
        let (key, id) = (entry.key.as_str(), Some(entry.version_id.as_str()));
        let reader = self.sweep.reader();
        let (hold, _) = reader.get(&get_object_legal_hold(bucket, key, id)).await;
        let (retention, _) = reader.get(&get_object_retention(bucket, key, id)).await;
        if hold_of(&hold) == Reading::Known(LegalHold::On) {
            self.sweep.send(&put_object_legal_hold(bucket, key, id, LegalHold::Off)).await;
        }
        let lock: Option<Retention> =
            retention_of(&retention).known().copied().flatten().filter(|r| r.until > self.sweep.now());
        if let Some(lock) = lock.filter(|l| l.mode == Mode::Compliance) {
            return self.keep(bucket, key, &entry.version_id, Some(lock.until), "COMPLIANCE retention");
        }
        let mut request = delete_object(bucket, key, id);
        if lock.is_some() {
            request = request.bypass_governance();
        }
        match self.sweep.send(&request).await.trouble() {
            None => self.removed += 1,
            Some(why) => self.keep(bucket, key, &entry.version_id, lock.map(|l| l.until), &why),
        }
    }

    async fn uploads(&mut self, bucket: &str, prefix: &str, ours: bool) {
        let reply = self.sweep.reader().get(&list_multipart_uploads(bucket, prefix)).await.0;
        if let Some(why) = reply.trouble() {
            // A store that does not know the call has no uploads to list.
            if !matches!(reply.status(), Some(404 | 405 | 501)) {
                self.keep(bucket, prefix, "", None, &format!("open uploads could not be listed: {why}"));
            }
            return;
        }
        if reply.answer().and_then(|a| a.element("IsTruncated")).as_deref() == Some("true") {
            self.keep(
                bucket,
                prefix,
                "",
                None,
                "there are more open uploads than one listing shows: sweep again",
            );
        }
        for (key, id) in uploads_of(&String::from_utf8_lossy(&reply.body)) {
            if !ours {
                match self.sweep.run_of(&key) {
                    Some(run) if self.is_over(run).await => {}
                    _ => continue,
                }
            }
            match self.sweep.send(&abort_multipart_upload(bucket, &key, &id)).await.trouble() {
                None => self.removed += 1,
                Some(why) => self.keep(bucket, &key, "", None, &format!("an open upload: {why}")),
            }
        }
    }
}
