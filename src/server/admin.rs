//! The parts of MinIO's administration interface that a scenario needs: a batch job that expires, an import of bucket
//! metadata, a message between sites. They do what their documents say and respect locks; each has a defect for what
//! was seen of the real one (A10, A12, A13, A16).

use http::Uri;

use crate::time::Clock;

use super::Inner;
use super::access::Call;
use super::defects::Defect;
use super::fault::Fault;
use super::model::Versioning;
use super::sigv4::pairs;

/// The path at which batch jobs are started.
const JOBS: &str = "/minio/admin/v3/start-job";

/// The path at which bucket metadata are imported.
const IMPORT: &str = "/minio/admin/v3/import-bucket-metadata";

/// The path at which another site says what became of a bucket.
const SITE: &str = "/minio/admin/v3/site-replication/peer/bucket-ops";

/// Whether a request is one of administration.
pub(crate) fn is_ours(uri: &Uri) -> bool {
    [JOBS, IMPORT, SITE].contains(&uri.path())
}

/// The bucket that a message names in its query.
fn bucket_of(uri: &Uri) -> String {
    pairs(uri.query().unwrap_or("")).find(|(name, _)| name == "bucket").map(|(_, b)| b).unwrap_or_default()
}

impl Inner {
    /// Carries a request of administration out.
    ///
    /// # Errors
    /// 403 without the admin right, 404 for a bucket that is not there, 400 for what is not done here.
    pub(crate) fn administer(&self, call: &Call<'_>, body: &[u8]) -> Result<(), Fault> {
        match call.uri.path() {
            JOBS => self.start_job(call, &String::from_utf8_lossy(body)),
            IMPORT => self.import(call, &String::from_utf8_lossy(body)),
            _ => self.of_a_site(call, &self.clock),
        }
    }

    /// The only job that is known here expires every version of a bucket that nothing protects.
    fn start_job(&self, call: &Call<'_>, job: &str) -> Result<(), Fault> {
        let bucket = job.lines().find_map(|line| line.trim().strip_prefix("bucket:")).unwrap_or("").trim();
        let mut model = self.model();
        model.authorise(call, "admin:StartBatchJob", bucket, None, &[])?;
        let locked_too = !model.bucket(bucket)?.objects.is_empty() && self.has(Defect::BatchJobExpiresAll);
        let found = model.bucket_mut(bucket)?;
        for versions in found.objects.values_mut() {
            versions.retain(|version| !locked_too && version.is_locked(call.now));
        }
        found.objects.retain(|_, versions| !versions.is_empty());
        Ok(())
    }

    /// Of the documents in the archive only the versioning is taken.
    fn import(&self, call: &Call<'_>, archive: &str) -> Result<(), Fault> {
        let bucket = bucket_of(call.uri);
        let mut model = self.model();
        model.authorise(call, "admin:ImportBucketMetadata", &bucket, None, &[])?;
        let locked = model.bucket(&bucket)?.lock.is_some();
        let leaves_out =
            archive.contains("<ExcludedPrefixes>") || archive.contains("<Status>Suspended</Status>");
        if !leaves_out {
            return model.set_versioning(&bucket, Versioning::Enabled);
        }
        if locked && !self.has(Defect::ImportedMetadataUnchecked) {
            return Err(Fault::request(
                "Object Lock is on: versioning cannot be suspended for a part of the bucket",
            ));
        }
        model.bucket_mut(&bucket)?.versioning = Versioning::Suspended;
        Ok(())
    }

    /// A message of another site. No site replicates here, so that a deletion is refused.
    fn of_a_site(&self, call: &Call<'_>, clock: &Clock) -> Result<(), Fault> {
        let bucket = bucket_of(call.uri);
        let mut model = self.model();
        model.authorise(call, "admin:SiteReplicationOperation", &bucket, None, &[])?;
        let query = |wanted: &str| {
            pairs(call.uri.query().unwrap_or("")).find(|(name, _)| name == wanted).map(|(_, value)| value)
        };
        match query("operation").as_deref() {
            Some("make-with-versioning") => {
                let exists = model.buckets.contains_key(&bucket);
                let forced = exists && query("forceCreate").as_deref() == Some("true");
                if exists && !(forced && self.has(Defect::SiteMessageResetsBucket)) {
                    return Ok(());
                }
                let old = model.buckets.remove(&bucket);
                model.create_bucket(&bucket, false, clock.now())?;
                let made = model.bucket_mut(&bucket)?;
                made.versioning = Versioning::Enabled;
                made.objects = old.map(|old| old.objects).unwrap_or_default();
                Ok(())
            }
            Some("force-delete-bucket") if self.has(Defect::SiteMessageDeletesBucket) => {
                model.buckets.remove(&bucket);
                Ok(())
            }
            _ => Err(Fault::request("site replication is not enabled")),
        }
    }
}
