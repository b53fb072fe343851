//! Which S3 operation an exchange was.

use crate::exchange::Sent;

/// Requests to a bucket or an object with a sub-resource: method, whether to an object, sub-resource, name.
const WITH_SUB_RESOURCE: &[(&str, bool, &str, &str)] = &[
    ("GET", true, "retention", "GetObjectRetention"),
    ("PUT", true, "retention", "PutObjectRetention"),
    ("GET", true, "legal-hold", "GetObjectLegalHold"),
    ("PUT", true, "legal-hold", "PutObjectLegalHold"),
    ("GET", true, "tagging", "GetObjectTagging"),
    ("PUT", true, "tagging", "PutObjectTagging"),
    ("DELETE", true, "tagging", "DeleteObjectTagging"),
    ("GET", true, "acl", "GetObjectAcl"),
    ("PUT", true, "acl", "PutObjectAcl"),
    ("GET", true, "attributes", "GetObjectAttributes"),
    ("POST", true, "uploads", "CreateMultipartUpload"),
    ("PUT", true, "uploadId", "UploadPart"),
    ("GET", true, "uploadId", "ListParts"),
    ("POST", true, "uploadId", "CompleteMultipartUpload"),
    ("DELETE", true, "uploadId", "AbortMultipartUpload"),
    ("PUT", true, "renameObject", "RenameObject"),
    ("GET", false, "versions", "ListObjectVersions"),
    ("GET", false, "list-type", "ListObjectsV2"),
    ("GET", false, "uploads", "ListMultipartUploads"),
    ("POST", false, "delete", "DeleteObjects"),
    ("GET", false, "versioning", "GetBucketVersioning"),
    ("PUT", false, "versioning", "PutBucketVersioning"),
    ("GET", false, "object-lock", "GetObjectLockConfiguration"),
    ("PUT", false, "object-lock", "PutObjectLockConfiguration"),
    ("GET", false, "policy", "GetBucketPolicy"),
    ("PUT", false, "policy", "PutBucketPolicy"),
    ("DELETE", false, "policy", "DeleteBucketPolicy"),
    ("GET", false, "policyStatus", "GetBucketPolicyStatus"),
    ("GET", false, "lifecycle", "GetBucketLifecycleConfiguration"),
    ("PUT", false, "lifecycle", "PutBucketLifecycleConfiguration"),
    ("GET", false, "replication", "GetBucketReplication"),
    ("GET", false, "location", "GetBucketLocation"),
];

/// Query parameters that make no other operation of a request.
const PLAIN: &[&str] = &[
    "versionId",
    "x-id",
    "prefix",
    "max-keys",
    "key-marker",
    "version-id-marker",
    "encoding-type",
    "delimiter",
    "metadata",
    "partNumber",
    "start-after",
    "continuation-token",
];

/// The operation's name; `Other` for what is none of the common ones. `base` is the store's address as it stands before
/// a bucket: where a request went to another host, the bucket's name is in the host.
pub(super) fn operation(sent: &Sent, base: &str) -> &'static str {
    let (path, query) = sent.target.split_once('?').unwrap_or((sent.target.as_str(), ""));
    let mut parts = path.trim_start_matches('/').splitn(2, '/');
    let (first, rest) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let host_is_bucket = base.contains("://") && sent.endpoint != base;
    let is_object = if host_is_bucket { !first.is_empty() } else { !rest.is_empty() };
    let method = sent.method.as_str();
    if !host_is_bucket && first.is_empty() {
        return if method == "GET" { "ListBuckets" } else { "Other" };
    }
    let names: Vec<&str> = query
        .split('&')
        .map(|part| part.split('=').next().unwrap_or_default())
        .filter(|name| !name.is_empty())
        .collect();
    let known = |(m, object, sub, _): &&(&str, bool, &str, &str)| {
        *m == method && *object == is_object && names.contains(sub)
    };
    if let Some((.., name)) = WITH_SUB_RESOURCE.iter().find(known) {
        return name;
    }
    let plain = |name: &&str| PLAIN.contains(name) || name.to_ascii_lowercase().starts_with("x-amz-");
    if !names.iter().all(plain) {
        return "Other";
    }
    let copies = sent.headers.iter().any(|(name, _)| name == "x-amz-copy-source");
    match (method, is_object) {
        ("PUT", true) if copies => "CopyObject",
        ("PUT", true) => "PutObject",
        ("GET", true) => "GetObject",
        ("HEAD", true) => "HeadObject",
        ("DELETE", true) => "DeleteObject",
        ("POST", false) => "PostObject",
        ("GET", false) => "ListObjects",
        ("HEAD", false) => "HeadBucket",
        ("PUT", false) => "CreateBucket",
        ("DELETE", false) => "DeleteBucket",
        _ => "Other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::Body;

    fn of(method: &str, endpoint: &str, target: &str, header: Option<&str>) -> &'static str {
        let sent = Sent {
            method: method.to_owned(),
            endpoint: endpoint.to_owned(),
            target: target.to_owned(),
            headers: header.map(|h| (h.to_owned(), String::new())).into_iter().collect(),
            body: Body { size: 0, sha256: String::new(), text: None },
            redacted: Vec::new(),
        };
        operation(&sent, "https://s3.eu-central-1.amazonaws.com")
    }

    #[test]
    fn operations_are_told_apart_with_the_bucket_in_path_or_host() {
        let path = "https://s3.eu-central-1.amazonaws.com";
        let host = "https://books.s3.eu-central-1.amazonaws.com";
        for (method, endpoint, target, header, name) in [
            ("PUT", path, "/books/a/b", None, "PutObject"),
            ("PUT", host, "/a", None, "PutObject"),
            ("PUT", path, "/books/a", Some("x-amz-copy-source"), "CopyObject"),
            ("PUT", path, "/books/a?retention=&versionId=1", None, "PutObjectRetention"),
            ("PUT", path, "/books/a?partNumber=1&uploadId=x", None, "UploadPart"),
            ("GET", path, "/books/a?versionId=x", None, "GetObject"),
            ("GET", path, "/books?versions=&prefix=a", None, "ListObjectVersions"),
            ("GET", host, "/?versions", None, "ListObjectVersions"),
            ("PUT", host, "/", None, "CreateBucket"),
            ("PUT", path, "/books/", None, "CreateBucket"),
            ("POST", path, "/books?delete=", None, "DeleteObjects"),
            ("DELETE", path, "/books/a?versionId=x", None, "DeleteObject"),
            ("GET", path, "/minio/admin/v3/info", None, "GetObject"),
            ("PUT", path, "/books/a?odd=1", None, "Other"),
            ("POST", path, "/", None, "Other"),
        ] {
            assert_eq!(of(method, endpoint, target, header), name, "{method} {endpoint}{target}");
        }
    }
}
