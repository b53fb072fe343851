//! Ways to change an object that S3 does not have. None of them exists here unless a defect opens it.

use std::io::Read as _;
use std::sync::Arc;

use super::access::Call;
use super::defects::Defect;
use super::fault::Fault;
use super::model::{Model, Object};
use super::objects::Write;
use super::service::Service;
use bytes::Bytes;

impl Service {
    /// Unpacks an archive where the upload asks for it (MinIO's snowball).
    pub(crate) fn unpack(&self, call: &Call<'_>, bucket: &str, write: &Write) -> Result<(), Fault> {
        let asks = call.header("x-amz-meta-snowball-auto-extract") == Some("true");
        if !asks || !self.0.has(Defect::ArchiveReplacesVersion) {
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
