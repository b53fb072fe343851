//! Ways to change an object that S3 does not have, or that get past a signature. None of them exists here
//! unless a defect opens it.

use std::io::Read as _;
use std::sync::Arc;

use http::{HeaderMap, Uri};

use super::Inner;
use super::access::Call;
use super::defects::Defect;
use super::fault::Fault;
use super::model::{Model, Object};
use super::objects::Write;
use super::service::Service;
use super::sigv4::pairs;
use bytes::Bytes;

/// The headers that ask for a retention.
pub(crate) const LOCK_HEADERS: [&str; 2] = ["x-amz-object-lock-mode", "x-amz-object-lock-retain-until-date"];

/// The headers without the second value of a lock header, where one has two and the defect is on.
pub(crate) fn undoubled(inner: &Inner, headers: &HeaderMap) -> Option<HeaderMap> {
    let doubled = LOCK_HEADERS.iter().any(|name| headers.get_all(*name).iter().count() > 1);
    if !doubled || !inner.has(Defect::DoubledLockHeadersDropped) {
        return None;
    }
    let mut single = headers.clone();
    for name in LOCK_HEADERS {
        if let Some(first) = headers.get(name) {
            single.insert(name, first.clone());
        }
    }
    Some(single)
}

impl Service {
    /// Unpacks an archive where the upload asks for it (MinIO's snowball).
    pub(crate) fn unpack(&self, call: &Call<'_>, bucket: &str, write: &Write) -> Result<(), Fault> {
        let asks = call.header("x-amz-meta-snowball-auto-extract") == Some("true");
        let open =
            asks && (self.0.has(Defect::ArchiveReplacesVersion) || self.0.has(Defect::WrongSignatureUnpacks));
        if !open {
            return Ok(());
        }
        let wrong = |_| Fault::request("The archive cannot be read");
        let mut archive = tar::Archive::new(write.object.body.as_ref());
        for entry in archive.entries().map_err(wrong)? {
            let mut entry = entry.map_err(wrong)?;
            let key = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let mut version = None;
            for record in entry.pax_extensions().ok().flatten().into_iter().flatten().flatten() {
                if record.key() == Ok("minio.versionId") {
                    version = record.value().ok().map(str::to_owned);
                }
            }
            let mut content = Vec::new();
            entry.read_to_end(&mut content).map_err(wrong)?;
            self.0.model().overwrite(bucket, &key, version.as_deref(), Bytes::from(content));
        }
        Ok(())
    }

    /// Writes into the current version itself (directory buckets have this, others do not).
    pub(crate) fn append(&self, call: &Call<'_>, bucket: &str, key: &str, write: &Write) {
        let offset = call.header("x-amz-write-offset-bytes").and_then(|text| text.parse::<usize>().ok());
        let Some(offset) = offset.filter(|_| self.0.has(Defect::AppendInPlace)) else { return };
        let mut model = self.0.model();
        let Some(current) = model.bucket(bucket).ok().and_then(|found| found.current(key)) else { return };
        let mut body = current.object.as_ref().map(|object| object.body.to_vec()).unwrap_or_default();
        body.truncate(offset);
        body.extend_from_slice(&write.object.body);
        model.overwrite(bucket, key, None, Bytes::from(body));
    }

    /// Moves the current version of another key to this one.
    pub(crate) fn rename(&self, call: &Call<'_>, bucket: &str, key: &str) {
        let source = call.query("renameObject").and_then(|_| call.header("x-amz-rename-source"));
        let Some(source) = source.filter(|_| self.0.has(Defect::RenameHonoured)) else { return };
        let source = percent_encoding::percent_decode_str(source.trim_start_matches('/')).decode_utf8_lossy();
        let Some((from, old)) = source.split_once('/') else { return };
        let mut model = self.0.model();
        if !model.may(call, "s3:PutObject", bucket, Some(key), &[]) {
            return;
        }
        let Some(moved) = model.bucket(from).ok().and_then(|found| found.current(old)).cloned() else {
            return;
        };
        // What cannot be moved stays; the answer is the upload's.
        let _ = model.remove(from, old, &moved.id);
        if let Some(versions) = model.buckets.get_mut(bucket).map(|found| &mut found.objects) {
            versions.entry(key.to_owned()).or_default().push(moved);
        }
    }

    /// Leaves a replica without the lock that its bucket would have stamped on it.
    pub(crate) fn forget_default(&self, call: &Call<'_>, bucket: &str, key: &str, version: Option<&str>) {
        if call.header("x-amz-replication-status") == Some("REPLICA")
            && let Some(id) = version
            && self.0.has(Defect::UnsignedReplicaUpload)
            && let Some(found) = self.0.model().version_mut(bucket, key, id)
        {
            found.retention = None;
        }
    }

    /// Deletes where a header says that the method is another.
    pub(crate) fn overridden(&self, call: &Call<'_>, bucket: &str, key: &str) {
        let names = ["x-http-method-override", "x-http-method", "x-method-override"];
        if names.iter().any(|name| call.header(name) == Some("DELETE"))
            && self.0.has(Defect::MethodOverrideHonoured)
        {
            let mut model = self.0.model();
            let current = model.bucket(bucket).ok().and_then(|found| found.current(key));
            if let Some(id) = current.map(|found| found.id.clone()) {
                // The answer is the read's: nobody is told.
                let _ = model.remove(bucket, key, &id);
            }
        }
    }
}

impl Inner {
    /// Forgets the retention that a refused document named elements for.
    pub(crate) fn unknown_elements(&self, uri: &Uri) {
        let query: Vec<(String, String)> = pairs(uri.query().unwrap_or("")).collect();
        let version = query.iter().find(|(name, _)| name == "versionId").map(|(_, value)| value.as_str());
        let path =
            percent_encoding::percent_decode_str(uri.path().trim_start_matches('/')).decode_utf8_lossy();
        if let Some((bucket, key)) = path.split_once('/')
            && let Some(id) = version
            && self.has(Defect::UnknownElementsClear)
            && let Some(found) = self.model().version_mut(bucket, key, id)
        {
            found.retention = None;
        }
    }

    /// Removes all versions of a bucket, if the defect is on.
    pub(crate) fn expire_all(&self, bucket: &str, defect: Defect) {
        if self.has(defect)
            && let Some(found) = self.model().buckets.get_mut(bucket)
        {
            found.objects.clear();
        }
    }
}

impl Model {
    /// Takes the lock off a version, if it has one and the defect is on. Answers whether it did.
    pub(crate) fn rewrite_without_lock(&mut self, bucket: &str, key: &str, id: &str, defect: Defect) -> bool {
        let locked = |model: &mut Self| {
            model.version_mut(bucket, key, id).is_some_and(|v| v.retention.is_some() || v.hold.is_some())
        };
        if !locked(self) || !self.has(defect) {
            return false;
        }
        if let Some(found) = self.version_mut(bucket, key, id) {
            (found.retention, found.hold) = (None, None);
        }
        true
    }

    /// Puts other bytes into a version, the current one if none is named.
    fn overwrite(&mut self, bucket: &str, key: &str, id: Option<&str>, body: Bytes) {
        let current = self.bucket(bucket).ok().and_then(|found| found.current(key));
        let Some(id) = id.map(str::to_owned).or_else(|| current.map(|found| found.id.clone())) else {
            return;
        };
        if let Some(found) = self.version_mut(bucket, key, &id) {
            let old = found.object.as_deref().cloned().unwrap_or_default();
            found.object = Some(Arc::new(Object { body, checksum: None, ..old }));
        }
    }
}
