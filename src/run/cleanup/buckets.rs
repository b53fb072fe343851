//! The buckets that the tool made: which of them are this sweep's, and their end.

use std::collections::BTreeSet;

use crate::record::Residue;
use crate::run::cleanup::Pass;
use crate::run::cleanup::answers::{names_of_buckets, tag};
use crate::run::execute::short_id;
use crate::run::twin::folder_tag;
use crate::run::{AUDITED_TAG, BUCKET_PREFIX, FOLDER_TAG, RUN_TAG};
use crate::store::ops::{
    BucketConfig, delete_bucket, delete_bucket_policy, get_bucket_config, head_bucket, list_buckets,
};

/// Whose a bucket is that is named as the tool names its buckets.
enum Whose {
    /// One of the runs that this sweep is about.
    Ours(String),
    /// Somebody else's: said, and never a reason for an exit code.
    Elsewhere(String),
    /// It may be ours.
    Unknown(String),
    /// A run's that was not asked for.
    NotAsked,
}

impl Pass<'_, '_> {
    /// The buckets of the runs that this sweep is about: by the journal, and by their tags.
    pub(super) async fn buckets(&mut self) -> BTreeSet<String> {
        let sweep = self.sweep;
        let mut found = BTreeSet::new();
        for (name, run) in sweep.known.buckets.iter().filter(|(name, _)| name.starts_with(BUCKET_PREFIX)) {
            if sweep.wants(run) && self.is_over(run).await {
                found.insert(name.clone());
            }
        }
        if !sweep.discover_buckets {
            return found;
        }
        let reader = sweep.reader();
        let (reply, _) = reader.get(&list_buckets()).await;
        if let Some(why) = reply.trouble() {
            let name = format!("{BUCKET_PREFIX}*");
            self.keep(&name, "", "", None, &format!("whether there are any could not be listed: {why}"));
        }
        let seen = self.runs_here().await;
        let names = names_of_buckets(&String::from_utf8_lossy(&reply.body));
        for name in names.into_iter().filter(|n| n.starts_with(BUCKET_PREFIX) && n != sweep.bucket) {
            if found.contains(&name) {
                continue;
            }
            match self.whose(&name, &seen).await {
                Whose::Ours(run) => {
                    if self.is_over(&run).await {
                        found.insert(name);
                    }
                }
                Whose::Unknown(why) => self.keep(&name, "", "", None, &why),
                Whose::Elsewhere(why) => self.elsewhere.push(Residue {
                    bucket: name,
                    key: String::new(),
                    version_id: String::new(),
                    until: None,
                    why,
                }),
                Whose::NotAsked => {}
            }
        }
        found
    }

    /// The runs that have left anything in the audited bucket. A listing that fails is said by the sweep of the objects.
    async fn runs_here(&self) -> BTreeSet<String> {
        let sweep = self.sweep;
        let entries = sweep.reader().versions(sweep.bucket, sweep.root).await.0;
        let entries = entries.known().map(Vec::as_slice).unwrap_or_default();
        entries.iter().filter_map(|e| sweep.run_of(&e.key)).map(ToOwned::to_owned).collect()
    }

    /// Says whose a bucket is. Its name ends with random letters after the last ones of the run's id: enough to say that it may be
    /// ours, and never enough to remove it.
    async fn whose(&self, name: &str, seen: &BTreeSet<String>) -> Whose {
        let sweep = self.sweep;
        let named = seen.iter().chain(sweep.runs.iter().flatten());
        let named =
            named.map(|run| short_id(run)).any(|id| name.starts_with(&format!("{BUCKET_PREFIX}{id}-")));
        let (reply, _) = sweep.reader().get(&get_bucket_config(name, BucketConfig::Tagging)).await;
        let text = String::from_utf8_lossy(&reply.body).into_owned();
        let Some(run) = tag(&text, RUN_TAG).filter(|_| reply.is_success()) else {
            return match reply.trouble().filter(|_| reply.status() != Some(404)) {
                Some(why) if named => Whose::Unknown(format!("whose it is could not be read: {why}")),
                Some(why) => Whose::Elsewhere(format!("whose it is could not be read: {why}")),
                None if named => Whose::Unknown("no tag says whose it is: not touched".to_owned()),
                None => Whose::NotAsked,
            };
        };
        if let Some(runs) = &sweep.runs {
            return if runs.contains(&run) { Whose::Ours(run) } else { Whose::NotAsked };
        }
        let of = tag(&text, AUDITED_TAG);
        let folder = tag(&text, FOLDER_TAG);
        let same = |tag: &Option<String>, own: &str| tag.as_deref().is_none_or(|t| t == own);
        let ours = same(&of, sweep.bucket) && same(&folder, &folder_tag(sweep.root));
        if ours && (of.is_some() || seen.contains(&run)) {
            return Whose::Ours(run);
        }
        let of = of.unwrap_or_else(|| "a bucket that it does not name".to_owned());
        Whose::Elsewhere(format!("of run {run} on {of}, {}", folder.unwrap_or_default()))
    }

    /// Empties a bucket of the tool's and removes it.
    pub(super) async fn empty_and_delete(&mut self, bucket: &str) {
        let head = self.sweep.reader().get(&head_bucket(bucket)).await.0;
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
                let head = self.sweep.reader().get(&head_bucket(bucket)).await.0;
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
}
