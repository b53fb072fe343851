//! What of the audited bucket's configuration the run must know: its default retention, and for twins
//! everything that a twin copies.

use crate::lock::{Mode, Reading};
use crate::record::Log;
use crate::run::read::ReaderAs;
use crate::scenario::DefaultRetention;
use crate::store::client::{Client, Reply};
use crate::store::credentials::Credentials;
use crate::store::listing::is_listing;
use crate::store::ops::{BucketConfig, get_bucket_config};
use crate::time::Span;

/// The audited bucket, as read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audited {
    /// Whether it has Object Lock.
    pub object_lock: Reading<bool>,
    /// Its default retention.
    pub default_retention: Reading<Option<DefaultRetention>>,
    /// `Enabled` or `Suspended`; empty where versioning was never set.
    pub versioning: Reading<String>,
    /// The documents that a twin copies, in the order in which they are set.
    pub documents: Vec<(BucketConfig, String)>,
    /// What could not be read, in words: a twin would not be like the bucket.
    pub unread: Vec<String>,
}

impl Audited {
    /// Reads the lock configuration, and with `whole` everything that a twin copies.
    pub async fn read(
        client: &Client,
        who: Option<&Credentials>,
        bucket: &str,
        log: &Log,
        whole: bool,
    ) -> Self {
        let reader = ReaderAs { client, who, fallback: None, log, about: "" };
        let (lock, _) = reader.get(&get_bucket_config(bucket, BucketConfig::ObjectLock)).await;
        let mut audited = Self {
            object_lock: object_lock(&lock),
            default_retention: default_retention(&lock),
            versioning: Reading::Unread("not read".to_owned()),
            documents: Vec::new(),
            unread: Vec::new(),
        };
        if !whole {
            return audited;
        }
        let (versioning, _) = reader.get(&get_bucket_config(bucket, BucketConfig::Versioning)).await;
        audited.versioning = match versioning.answer().filter(|_| versioning.is_success()) {
            Some(answer) => Reading::Known(answer.element("Status").unwrap_or_default()),
            None => Reading::Unread(versioning.trouble().unwrap_or_default()),
        };
        let copied = [
            BucketConfig::OwnershipControls,
            BucketConfig::Encryption,
            BucketConfig::PublicAccessBlock,
            BucketConfig::Policy,
        ];
        for which in copied {
            let (reply, _) = reader.get(&get_bucket_config(bucket, which)).await;
            let text = String::from_utf8_lossy(&reply.body).into_owned();
            // Not set, or not known to the server: then the twin has none either.
            let none = matches!(reply.status(), Some(404 | 405 | 501))
                || reply.error().is_some_and(|e| e.code == "NotImplemented");
            match reply.trouble() {
                None if !text.trim().is_empty() && !is_listing(&text) => {
                    audited.documents.push((which, text));
                }
                None => {}
                Some(_) if none => {}
                Some(trouble) => audited.unread.push(format!("{}: {trouble}", which.query_name())),
            }
        }
        audited
    }

    /// The bucket's policy, if it has one.
    #[must_use]
    pub fn policy(&self) -> Option<&str> {
        self.documents.iter().find(|(which, _)| *which == BucketConfig::Policy).map(|(_, text)| text.as_str())
    }

    /// Whether a plain upload might be locked by a default.
    #[must_use]
    pub fn may_have_default(&self) -> bool {
        match (&self.object_lock, &self.default_retention) {
            (Reading::Known(false), _) => false,
            (_, Reading::Known(default)) => default.is_some(),
            // Not readable: a short lock of its own is the safe way.
            (_, Reading::Unread(_)) => true,
        }
    }
}

fn says_none(reply: &Reply) -> bool {
    reply.error().is_some_and(|e| {
        matches!(
            e.code.as_str(),
            "ObjectLockConfigurationNotFoundError"
                | "NoSuchObjectLockConfiguration"
                | "NotImplemented"
                | "MethodNotAllowed"
        )
    })
}

fn object_lock(reply: &Reply) -> Reading<bool> {
    if says_none(reply) {
        return Reading::Known(false);
    }
    match reply.answer().filter(|_| reply.is_success()) {
        Some(answer) => Reading::Known(answer.element("ObjectLockEnabled").as_deref() == Some("Enabled")),
        None => Reading::Unread(reply.trouble().unwrap_or_default()),
    }
}

fn default_retention(reply: &Reply) -> Reading<Option<DefaultRetention>> {
    if says_none(reply) {
        return Reading::Known(None);
    }
    let Some(answer) = reply.answer().filter(|_| reply.is_success()) else {
        return Reading::Unread(reply.trouble().unwrap_or_default());
    };
    let number = |name| answer.element(name).and_then(|t| t.trim().parse::<u32>().ok()).filter(|n| *n > 0);
    let mode = answer.element("Mode").as_deref().and_then(Mode::parse);
    let days = number("Days").map(|n| Span::Exact(chrono::TimeDelta::days(i64::from(n))));
    let years = number("Years").and_then(|n| n.checked_mul(12)).map(Span::Months);
    Reading::Known(mode.zip(days.or(years)).map(|(mode, period)| DefaultRetention { mode, period }))
}
