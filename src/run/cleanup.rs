//! Removing what earlier runs (and this one) left: found by the journal, or from the store itself.
//!
//! An object version in the audited bucket is deleted only if its metadata names the run in whose
//! folder it lies and, where the journal knows digests for its key, its content has one of them. A delete
//! marker is removed only from keys whose remaining versions are all proven so. A bucket is removed only if
//! the journal or its tag says that the tool made it; all that lies in it is then the tool's.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest as _, Sha256};

use crate::lock::{LegalHold, Mode, Reading, Retention};
use crate::record::{Log, Residue};
use crate::run::interrupt::CancellationFlag;
use crate::run::journal::{Journal, JournalEntry, Known};
use crate::run::read::{Entry, ReaderAs, hold_of, retention_of};
use crate::run::{BUCKET_PREFIX, RUN_METADATA, RUN_TAG};
use crate::store::client::{Client, Reply};
use crate::store::credentials::Credentials;
use crate::store::ops::{
    BucketConfig, abort_multipart_upload, delete_bucket, delete_bucket_policy, delete_object,
    get_bucket_config, get_object, get_object_legal_hold, get_object_retention, list_buckets,
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
    /// Only what this run left; none is every run.
    pub run_id: Option<&'a str>,
    /// What journals say.
    pub known: Known,
    /// Where removals are written to, if anywhere.
    pub journal: Option<&'a Journal>,
    /// Whether to ask the store for buckets that are not in a journal.
    pub discover_buckets: bool,
    /// Whether to wait for locks to end.
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
}

/// Removes what can be removed. With `wait`, again and again until nothing is left that a lock explains.
pub async fn cleanup(sweep: &Sweep<'_>) -> CleanupReport {
    let mut removed = 0;
    loop {
        let mut pass = Pass { sweep, removed: 0, kept: Vec::new() };
        pass.all().await;
        removed += pass.removed;
        let report = CleanupReport { removed, kept: pass.kept };
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
        let wanted = self.run_id.is_none_or(|id| id == run);
        (wanted && !run.is_empty() && !rest.is_empty()).then_some(run)
    }
}

struct Pass<'s, 'a> {
    sweep: &'s Sweep<'a>,
    removed: u64,
    kept: Vec<Residue>,
}

impl Pass<'_, '_> {
    async fn all(&mut self) {
        for bucket in self.buckets().await {
            self.empty_and_delete(&bucket).await;
        }
        let prefix = match self.sweep.run_id {
            Some(id) => format!("{}{id}/", self.sweep.root),
            None => self.sweep.root.to_owned(),
        };
        self.objects(self.sweep.bucket, &prefix, false).await;
        self.uploads(self.sweep.bucket, &prefix, false).await;
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

    /// The buckets that the tool made: by the journal, and by their tags.
    async fn buckets(&mut self) -> BTreeSet<String> {
        let wanted = |run: &str| self.sweep.run_id.is_none_or(|id| id == run);
        let mut found: BTreeSet<String> = self
            .sweep
            .known
            .buckets
            .iter()
            .filter(|(name, run)| wanted(run) && name.starts_with(BUCKET_PREFIX))
            .map(|(name, _)| name.clone())
            .collect();
        if !self.sweep.discover_buckets {
            return found;
        }
        let reader = self.sweep.reader();
        let (reply, _) = reader.get(&list_buckets()).await;
        // Who has a journal knows the buckets from it.
        if let (Some(why), true) = (reply.trouble(), self.sweep.known.runs.is_empty()) {
            let name = format!("{BUCKET_PREFIX}*");
            self.keep(&name, "", "", None, &format!("whether there are any could not be listed: {why}"));
        }
        let text = String::from_utf8_lossy(&reply.body).into_owned();
        let names = names_of_buckets(&text);
        for name in names.into_iter().filter(|n| n.starts_with(BUCKET_PREFIX) && n != self.sweep.bucket) {
            let (tags, _) = reader.get(&get_bucket_config(&name, BucketConfig::Tagging)).await;
            let body = String::from_utf8_lossy(&tags.body).into_owned();
            if let (Some(why), false) = (tags.trouble(), tags.status() == Some(404) || found.contains(&name))
            {
                self.keep(&name, "", "", None, &format!("whose it is could not be read: {why}"));
            }
            if tags.is_success() && run_tag(&body).is_some_and(|run| wanted(&run)) {
                found.insert(name);
            }
        }
        found
    }

    async fn empty_and_delete(&mut self, bucket: &str) {
        let head = self.sweep.reader().get(&crate::store::ops::head_bucket(bucket)).await.0;
        if head.status() == Some(404) {
            self.finished(bucket, None);
            return;
        }
        // A policy under test may deny what is needed now; without one this changes nothing.
        self.sweep.send(&delete_bucket_policy(bucket)).await;
        let before = self.kept.len();
        self.uploads(bucket, "", true).await;
        self.objects(bucket, "", true).await;
        if self.kept.len() > before {
            let until = self.kept.iter().skip(before).filter_map(|r| r.until).max();
            self.keep(bucket, "", "", until, "it still holds versions");
            return;
        }
        match self.sweep.send(&delete_bucket(bucket)).await.trouble() {
            None => {
                let head = self.sweep.reader().get(&crate::store::ops::head_bucket(bucket)).await.0;
                if head.status() != Some(404) {
                    return self.keep(
                        bucket,
                        "",
                        "",
                        None,
                        "its deletion was accepted, and it is not shown to be gone",
                    );
                }
                self.removed += 1;
                self.finished(bucket, None);
            }
            Some(why) => self.keep(bucket, "", "", None, &why),
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
            if !ours && run.is_none() {
                self.keep(bucket, key, "", None, "it lies in no run's folder");
                continue;
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
        let header = format!("x-amz-meta-{RUN_METADATA}");
        if reply.answer().and_then(|a| a.header(&header)) != Some(run) {
            return Err("its metadata does not name the run: not touched".to_owned());
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
            if !ours && self.sweep.run_of(&key).is_none() {
                continue;
            }
            match self.sweep.send(&abort_multipart_upload(bucket, &key, &id)).await.trouble() {
                None => self.removed += 1,
                Some(why) => self.keep(bucket, &key, "", None, &format!("an open upload: {why}")),
            }
        }
    }
}

/// The texts of the given child elements of every `parent`, in order. Broken XML ends the list.
fn children(xml: &str, parent: &str, names: [&str; 2]) -> Vec<[String; 2]> {
    use quick_xml::events::Event;
    let mut reader = quick_xml::Reader::from_str(xml);
    let mut found: Vec<[String; 2]> = Vec::new();
    let (mut inside, mut field) = (false, None);
    loop {
        match reader.read_event() {
            Ok(Event::Start(e)) => {
                let name = e.local_name();
                if name.as_ref() == parent.as_bytes() {
                    inside = true;
                    found.push([String::new(), String::new()]);
                }
                field = names.iter().position(|n| n.as_bytes() == name.as_ref()).filter(|_| inside);
            }
            Ok(Event::End(e)) => {
                inside &= e.local_name().as_ref() != parent.as_bytes();
                field = None;
            }
            Ok(Event::Eof) | Err(_) => return found,
            Ok(event) => {
                if let (Some(i), Some(last)) = (field, found.last_mut())
                    && let Some(slot) = last.get_mut(i)
                {
                    match event {
                        Event::Text(t) => slot.push_str(&t.xml10_content().unwrap_or_default()),
                        Event::CData(t) => slot.push_str(&t.decode().unwrap_or_default()),
                        Event::GeneralRef(r) => match (r.resolve_char_ref(), r.decode()) {
                            (Ok(Some(c)), _) => slot.push(c),
                            (_, Ok(name)) => slot.push_str(
                                quick_xml::escape::resolve_predefined_entity(&name).unwrap_or_default(),
                            ),
                            _ => {}
                        },
                        _ => {}
                    }
                }
            }
        }
    }
}

fn names_of_buckets(xml: &str) -> Vec<String> {
    children(xml, "Bucket", ["Name", ""]).into_iter().map(|[name, _]| name).collect()
}

fn run_tag(xml: &str) -> Option<String> {
    children(xml, "Tag", ["Key", "Value"]).into_iter().find(|[key, _]| key == RUN_TAG).map(|[_, value]| value)
}

fn uploads_of(xml: &str) -> Vec<(String, String)> {
    children(xml, "Upload", ["Key", "UploadId"]).into_iter().map(|[key, id]| (key, id)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uploads_tags_and_buckets_are_read_from_their_listings() {
        let xml = "<R><Bucket>b</Bucket><Upload><Key>a&amp;b</Key><UploadId>1</UploadId><Owner><ID>x</ID></Owner></Upload>\
                   <Upload><Key>c</Key><UploadId>2</UploadId></Upload></R>";
        assert_eq!(uploads_of(xml), [("a&b".into(), "1".into()), ("c".into(), "2".into())]);
        let tags = "<Tagging><TagSet><Tag><Key>x</Key><Value>1</Value></Tag><Tag><Key>wormproof-run</Key><Value>r1</Value></Tag></TagSet></Tagging>";
        assert_eq!(run_tag(tags).as_deref(), Some("r1"));
        let buckets = "<L><Buckets><Bucket><Name>wormproof-a</Name></Bucket><Bucket><Name>b</Name></Bucket></Buckets></L>";
        assert_eq!(names_of_buckets(buckets), ["wormproof-a", "b"]);
    }
}
