//! Content-MD5 and `x-amz-checksum-*`: required where AWS requires them, and compared.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use md5::{Digest, Md5};
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Sha1, Sha256};

use super::fault::Fault;

/// The algorithms, by the suffix of their header.
pub const ALGORITHMS: [&str; 5] = ["crc32", "crc32c", "crc64nvme", "sha1", "sha256"];

/// The checksum of `data` in base64.
#[must_use]
pub fn checksum(algorithm: &str, data: &[u8]) -> Option<String> {
    let mut hasher = ChecksumHasher::default();
    match algorithm {
        "crc32" => hasher.crc32 = Some(Crc32::new()),
        "crc32c" => hasher.crc32c = Some(Crc32c::new()),
        "crc64nvme" => hasher.crc64nvme = Some(Crc64Nvme::new()),
        "sha1" => hasher.sha1 = Some(Sha1::new()),
        "sha256" => hasher.sha256 = Some(Sha256::new()),
        _ => return None,
    }
    hasher.update(data);
    let sums = hasher.finalize();
    sums.checksum_crc32
        .or(sums.checksum_crc32c)
        .or(sums.checksum_crc64nvme)
        .or(sums.checksum_sha1)
        .or(sums.checksum_sha256)
}

/// Whether the request carries Content-MD5 or a checksum, in a header or announced as a trailer.
#[must_use]
pub fn has_any(headers: &HeaderMap) -> bool {
    headers.contains_key("content-md5")
        || ALGORITHMS.iter().any(|name| headers.contains_key(format!("x-amz-checksum-{name}")))
        || headers
            .get("x-amz-trailer")
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.trim().to_ascii_lowercase().starts_with("x-amz-checksum-"))
}

/// Compares what `headers` claim of `data`; answers the checksum to keep with the object.
///
/// # Errors
/// 400 `InvalidDigest`, `BadDigest` or `InvalidRequest`.
pub fn verify(headers: &HeaderMap, data: &[u8]) -> Result<Option<(&'static str, String)>, Fault> {
    if let Some(given) = headers.get("content-md5") {
        let digest = STANDARD.decode(given.as_bytes()).ok().filter(|bytes| bytes.len() == 16);
        let Some(digest) = digest else {
            return Err(Fault::new(400, "InvalidDigest", "The Content-MD5 you specified was invalid."));
        };
        if Md5::digest(data).as_slice() != digest {
            return Err(Fault::new(
                400,
                "BadDigest",
                "The Content-MD5 you specified did not match what we received.",
            ));
        }
    }
    let mut kept = None;
    for algorithm in ALGORITHMS {
        let Some(given) = headers.get(format!("x-amz-checksum-{algorithm}")) else { continue };
        let given = given.to_str().unwrap_or_default();
        let actual = checksum(algorithm, data).unwrap_or_default();
        if given != actual {
            let valid =
                STANDARD.decode(given).is_ok_and(|bytes| STANDARD.encode(bytes).len() == actual.len());
            return Err(if valid {
                Fault::new(
                    400,
                    "BadDigest",
                    format!(
                        "The {} you specified did not match the calculated checksum.",
                        algorithm.to_uppercase()
                    ),
                )
            } else {
                Fault::new(
                    400,
                    "InvalidRequest",
                    format!("Value for x-amz-checksum-{algorithm} header is invalid."),
                )
            });
        }
        kept = Some((algorithm, actual));
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_compared_not_only_read() {
        let mut headers = HeaderMap::new();
        assert!(verify(&headers, b"hello").is_ok_and(|kept| kept.is_none()));
        headers.insert("x-amz-checksum-crc32", "NhCmhg==".parse().expect("a header"));
        assert_eq!(verify(&headers, b"hello").expect("equal"), Some(("crc32", "NhCmhg==".to_owned())));
        assert_eq!(verify(&headers, b"hellO").expect_err("not equal").code, "BadDigest");
        headers.insert("content-md5", "XUFAKrxLKna5cZ2REBfFkg==".parse().expect("a header"));
        assert!(verify(&headers, b"hello").is_ok());
        headers.insert("content-md5", "nonsense".parse().expect("a header"));
        assert_eq!(verify(&headers, b"hello").expect_err("no digest").code, "InvalidDigest");
    }
}
