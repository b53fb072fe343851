//! The state of the server: buckets, versions, locks, uploads. Pure: no HTTP, no async, no clock of
//! its own; whatever depends on time is given `now`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};

use crate::lock::{LegalHold, Retention};
use crate::policy::Policy;

use super::defects::{Defect, Defects};
use super::fault::Fault;
use super::multipart::Upload;
use super::protect::{DefaultRetention, active};
use super::settings::Settings;

/// The versioning of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Versioning {
    /// Never set: one `null` version a key, overwritten in place.
    Unset,
    /// Every write makes a version.
    Enabled,
    /// Writes replace the `null` version; older versions stay.
    Suspended,
}

/// What an object version holds beside its lock.
#[derive(Debug, Clone, Default)]
pub struct Object {
    /// The content.
    pub body: Bytes,
    /// The ETag without quotes.
    pub etag: String,
    /// Standard headers kept with the object (lower-case name, value).
    pub headers: Vec<(&'static str, String)>,
    /// User metadata without the `x-amz-meta-` prefix.
    pub metadata: HashMap<String, String>,
    /// A checksum: the header's algorithm suffix (`sha256`) and the value.
    pub checksum: Option<(&'static str, String)>,
    /// Sizes of the parts, if the object was uploaded in parts.
    pub parts: Vec<u64>,
}

/// One version of a key.
#[derive(Debug, Clone)]
pub struct Version {
    /// The version id; `null` where it was written without versioning.
    pub id: String,
    /// Creation time. Nothing changes it.
    pub modified: DateTime<Utc>,
    /// The number of the write that made it, over the whole server.
    pub order: u64,
    /// What it holds; `None` is a delete marker.
    pub object: Option<Arc<Object>>,
    /// Its retention.
    pub retention: Option<Retention>,
    /// Its legal hold; `None` was never set.
    pub hold: Option<LegalHold>,
    /// Its tags.
    pub tags: Vec<(String, String)>,
}

impl Version {
    /// Whether it is a delete marker.
    #[must_use]
    pub fn is_marker(&self) -> bool {
        self.object.is_none()
    }

    /// Whether any lock protects it at `now`, whatever the defects.
    #[must_use]
    pub fn is_locked(&self, now: DateTime<Utc>) -> bool {
        self.hold == Some(LegalHold::On)
            || self.retention.is_some_and(|kept| active(kept, now, Defects::default()))
    }
}

/// Object Lock of a bucket.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LockConfig {
    /// The default retention of new versions.
    pub default: Option<DefaultRetention>,
}

/// A bucket policy: its text as given, and as understood.
#[derive(Debug)]
pub struct BucketPolicy {
    /// The document as it was put.
    pub text: String,
    /// What is evaluated.
    pub parsed: Policy,
}

/// A bucket.
#[derive(Debug, Clone)]
pub struct Bucket {
    /// When it was created.
    pub created: DateTime<Utc>,
    /// Its versioning.
    pub versioning: Versioning,
    /// Its Object Lock, if on.
    pub lock: Option<LockConfig>,
    /// When Object Lock was last configured.
    pub lock_set: Option<DateTime<Utc>>,
    /// All versions by key, the oldest first.
    pub objects: BTreeMap<String, Vec<Version>>,
    /// Open multipart uploads by key and upload id.
    pub uploads: BTreeMap<(String, String), Upload>,
    /// Its policy.
    pub policy: Option<Arc<BucketPolicy>>,
    /// What is stored and given back without effect.
    pub settings: Settings,
    /// Versions whose deletion was refused before (a defect asks).
    pub refused: BTreeSet<String>,
    /// Versions that a stale cache still shows (a defect).
    pub ghosts: HashMap<(String, String), Version>,
}

impl Bucket {
    /// The current version of a key, which may be a delete marker.
    #[must_use]
    pub fn current(&self, key: &str) -> Option<&Version> {
        self.objects.get(key).and_then(|versions| versions.last())
    }

    /// The version id that an answer shows: none in a bucket that never had versioning.
    #[must_use]
    pub fn shown_id(&self, version: &Version) -> Option<String> {
        (self.versioning != Versioning::Unset || version.id != NULL).then(|| version.id.clone())
    }
}

/// The id of versions written without versioning.
pub const NULL: &str = "null";

fn mix(state: u64) -> u64 {
    let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

/// Writes 48 bits as eight characters.
fn spell(id: &mut String, mut bits: u64) {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._";
    for _ in 0..8 {
        let index = usize::try_from(bits & 63).unwrap_or(0);
        id.push(char::from(ALPHABET[index]));
        bits >>= 6;
    }
}

/// What the last eight characters of an id follow from.
fn check_of(id: &str) -> u64 {
    id.bytes().fold(0, |sum, byte| mix(sum ^ u64::from(byte)))
}

/// Whether this is a version id that a server like this one could have issued. AWS reads its ids: one of
/// the right length and letters that it did not issue is refused as invalid (DEL-14), not as unknown.
#[must_use]
pub fn is_version_id(text: &str) -> bool {
    let Some((id, check)) = text.split_at_checked(24) else { return text == NULL };
    let mut wanted = String::with_capacity(8);
    spell(&mut wanted, check_of(id));
    check == wanted
}

/// The whole server's state.
#[derive(Debug, Clone, Default)]
pub struct Model {
    /// All buckets.
    pub buckets: BTreeMap<String, Bucket>,
    /// The defects that are on.
    pub defects: Defects,
    issued: u64,
    /// The last change of a lock, as it was before (what a store that writes late would lose).
    pub(crate) late: Option<super::again::LateChange>,
}

impl Model {
    /// An empty server.
    #[must_use]
    pub fn new(defects: Defects) -> Self {
        Self { defects, ..Self::default() }
    }

    /// Whether a defect is on.
    #[must_use]
    pub fn has(&self, defect: Defect) -> bool {
        self.defects.has(defect)
    }

    /// The next number in the order of writes.
    pub(crate) fn next_order(&mut self) -> u64 {
        self.issued += 1;
        self.issued
    }

    /// A new opaque id of 32 characters (versions, uploads). Ids are the same in every run that does
    /// the same, so that recorded runs can be compared.
    pub(crate) fn issue_id(&mut self) -> String {
        let mut state = self.next_order();
        let mut id = String::with_capacity(32);
        for _ in 0..3 {
            state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            spell(&mut id, mix(state));
        }
        let check = check_of(&id);
        spell(&mut id, check);
        id
    }

    /// A bucket.
    ///
    /// # Errors
    /// 404 `NoSuchBucket`.
    pub fn bucket(&self, name: &str) -> Result<&Bucket, Fault> {
        self.buckets.get(name).ok_or_else(|| Fault::no_bucket(name))
    }

    /// A bucket to change.
    ///
    /// # Errors
    /// 404 `NoSuchBucket`.
    pub fn bucket_mut(&mut self, name: &str) -> Result<&mut Bucket, Fault> {
        self.buckets.get_mut(name).ok_or_else(|| Fault::no_bucket(name))
    }

    /// Creates a bucket; Object Lock brings versioning with it.
    ///
    /// # Errors
    /// 409 if it exists.
    pub fn create_bucket(&mut self, name: &str, lock: bool, now: DateTime<Utc>) -> Result<(), Fault> {
        if self.buckets.contains_key(name) {
            return Err(Fault::new(
                409,
                "BucketAlreadyOwnedByYou",
                "Your previous request to create the named bucket succeeded and you already own it.",
            )
            .with("BucketName", name));
        }
        let lock = lock && !self.has(Defect::LockAtCreationIgnored);
        let bucket = Bucket {
            created: now,
            versioning: if lock { Versioning::Enabled } else { Versioning::Unset },
            lock: lock.then(LockConfig::default),
            lock_set: None,
            objects: BTreeMap::new(),
            uploads: BTreeMap::new(),
            policy: None,
            settings: Settings::default(),
            refused: BTreeSet::new(),
            ghosts: HashMap::new(),
        };
        self.buckets.insert(name.to_owned(), bucket);
        Ok(())
    }

    /// Deletes an empty bucket.
    ///
    /// # Errors
    /// 409 `BucketNotEmpty` while any version or marker is left.
    pub fn delete_bucket(&mut self, name: &str) -> Result<(), Fault> {
        let bucket = self.bucket(name)?;
        if !bucket.objects.is_empty() && !self.has(Defect::DeleteBucketWithLocked) {
            return Err(Fault::new(
                409,
                "BucketNotEmpty",
                if bucket.versioning == Versioning::Unset {
                    "The bucket you tried to delete is not empty"
                } else {
                    "The bucket you tried to delete is not empty. You must delete all versions in the bucket."
                },
            )
            .with("BucketName", name));
        }
        self.buckets.remove(name);
        Ok(())
    }

    /// Sets the versioning of a bucket.
    ///
    /// # Errors
    /// 409 `InvalidBucketState` for suspending under Object Lock.
    pub fn set_versioning(&mut self, name: &str, versioning: Versioning) -> Result<(), Fault> {
        let tolerant = versioning == Versioning::Suspended && self.has(Defect::SuspendVersioningAccepted);
        let bucket = self.bucket_mut(name)?;
        if versioning == Versioning::Suspended && bucket.lock.is_some() && !tolerant {
            return Err(Fault::new(
                409,
                "InvalidBucketState",
                "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.",
            ));
        }
        bucket.versioning = versioning;
        Ok(())
    }

    /// Switches Object Lock on, or changes its default. `None` is a configuration that does not say
    /// `Enabled`.
    ///
    /// # Errors
    /// 400 `MalformedXML`, 409 `InvalidBucketState` without versioning.
    pub fn set_lock(
        &mut self,
        name: &str,
        config: Option<LockConfig>,
        now: DateTime<Utc>,
    ) -> Result<(), Fault> {
        let tolerant = config.is_none() && self.has(Defect::LockConfigDisabledAccepted);
        let unkept = self.bucket(name)?.versioning != Versioning::Enabled
            && config.is_some()
            && !self.has(Defect::LockOnUnversionedAccepted);
        let forgets = self.has(Defect::DefaultSetNotStored);
        let rewrites = self.has(Defect::DefaultChangeRewritesLocks);
        let bucket = self.bucket_mut(name)?;
        match config {
            None if tolerant => bucket.lock = None,
            None => return Err(Fault::xml()),
            Some(_) if unkept => {
                return Err(Fault::new(
                    409,
                    "InvalidBucketState",
                    "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration",
                ));
            }
            Some(_) if forgets => bucket.lock = Some(LockConfig::default()),
            Some(config) => {
                bucket.lock = Some(config);
                bucket.lock_set = Some(now);
                for version in bucket.objects.values_mut().flatten().filter(|_| rewrites) {
                    version.retention = config.default.map(|default| default.stamp(version.modified));
                }
            }
        }
        Ok(())
    }

    /// The Object Lock of a bucket.
    ///
    /// # Errors
    /// 404 `ObjectLockConfigurationNotFoundError`.
    pub fn lock_config(&self, name: &str) -> Result<LockConfig, Fault> {
        self.bucket(name)?.lock.ok_or_else(|| {
            Fault::new(
                404,
                "ObjectLockConfigurationNotFoundError",
                "Object Lock configuration does not exist for this bucket",
            )
            .with("BucketName", name)
        })
    }
}
