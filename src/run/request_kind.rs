//! What kind of request one is: its method, what it is addressed to, and its subresource.

use crate::scenario::{Action, On, Scenario, Step};

/// Query parameters that make no other operation of a request.
const PLAIN: [&str; 14] = [
    "versionid",
    "x-id",
    "prefix",
    "max-keys",
    "key-marker",
    "version-id-marker",
    "encoding-type",
    "delimiter",
    "metadata",
    "partnumber",
    "start-after",
    "continuation-token",
    "part-number-marker",
    "list-type",
];

/// `GET object?retention`, `PUT bucket`, `GET /minio/admin/v3/groups`: the kind of a request to a path-style target
/// (`/bucket/key?query`). Two requests of one kind need the same rights, but for the version id.
#[must_use]
pub fn request_kind(method: &str, target: &str) -> String {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    if path.starts_with("/minio/") {
        return format!("{method} {path}");
    }
    let (bucket, key) = path.trim_start_matches('/').split_once('/').unwrap_or((path.trim_matches('/'), ""));
    let on = match (bucket.is_empty(), key.is_empty()) {
        (true, _) => "server",
        (false, true) => "bucket",
        (false, false) => "object",
    };
    let mut names: Vec<&str> = query
        .split('&')
        .map(|pair| pair.split('=').next().unwrap_or_default())
        .filter(|name| {
            let name = name.to_ascii_lowercase();
            !name.is_empty() && !PLAIN.contains(&name.as_str()) && !name.starts_with("x-amz-")
        })
        .collect();
    names.sort_unstable();
    names.dedup();
    let mark = if names.is_empty() { "" } else { "?" };
    format!("{method} {on}{mark}{}", names.join("&"))
}

/// The method and the subresource by which a step is sent.
pub(super) fn of_step(step: &Step) -> (&str, Option<String>) {
    let (method, sub) = match step.action {
        Action::PutObject | Action::CopyObject => ("PUT", None),
        Action::UploadPart => ("PUT", Some("uploadId")),
        Action::PutRetention => ("PUT", Some("retention")),
        Action::PutLegalHold => ("PUT", Some("legal-hold")),
        Action::PutTagging => ("PUT", Some("tagging")),
        Action::PutBucketVersioning => ("PUT", Some("versioning")),
        Action::PutObjectLockConfiguration => ("PUT", Some("object-lock")),
        Action::CreateBucket => ("PUT", None),
        Action::PutBucketPolicy => ("PUT", Some("policy")),
        Action::CreateMultipartUpload => ("POST", Some("uploads")),
        Action::CompleteMultipartUpload => ("POST", Some("uploadId")),
        Action::PostForm => ("POST", None),
        Action::DeleteObjects => ("POST", Some("delete")),
        Action::GetObject => ("GET", None),
        Action::GetRetention => ("GET", Some("retention")),
        Action::GetLegalHold => ("GET", Some("legal-hold")),
        Action::ListVersions => ("GET", Some("versions")),
        Action::HeadObject => ("HEAD", None),
        Action::DeleteObject | Action::DeleteVersion | Action::DeleteBucket => ("DELETE", None),
        Action::DeleteTagging => ("DELETE", Some("tagging")),
        Action::DeleteBucketPolicy => ("DELETE", Some("policy")),
        Action::AbortMultipartUpload => ("DELETE", Some("uploadId")),
        Action::RestartServer | Action::MoveClock => (step.action.word(), None),
        Action::Raw => {
            let pairs: Vec<String> = step
                .query
                .iter()
                .map(|(name, value)| if value.is_empty() { name.clone() } else { format!("{name}={value}") })
                .collect();
            let query = (!pairs.is_empty()).then(|| pairs.join("&"));
            return (step.method.as_deref().unwrap_or("GET"), query);
        }
    };
    (method, sub.map(ToOwned::to_owned))
}

/// Whether a step is sent to the bucket, although it names an object.
pub(super) fn is_to_bucket(step: &Step, scenario: &Scenario) -> bool {
    matches!(step.action, Action::PostForm | Action::DeleteObjects | Action::ListVersions)
        || step.on == Some(On::Bucket)
        || step.object.as_deref().and_then(|o| scenario.object(o)).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_apart_by_place_and_subresource() {
        for (method, target, kind) in [
            ("GET", "/", "GET server"),
            ("GET", "/books?versions=&prefix=a&max-keys=1000", "GET bucket?versions"),
            ("PUT", "/books/", "PUT bucket"),
            ("GET", "/books/a/b?versionId=1", "GET object"),
            ("PUT", "/books/a?retention=&versionId=1", "PUT object?retention"),
            ("PUT", "/books/a?uploadId=x&partNumber=1", "PUT object?uploadId"),
            ("GET", "/minio/admin/v3/group?group=x", "GET /minio/admin/v3/group"),
        ] {
            assert_eq!(request_kind(method, target), kind, "{method} {target}");
        }
    }
}
