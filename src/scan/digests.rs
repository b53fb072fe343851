//! The digests of a version's bytes, taken piece by piece, and the checksum that the store keeps beside it. Pure.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crc_fast::{CrcAlgorithm, Digest as Crc};
use md5::Digest as _;

/// A checksum of the whole object as the store shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stored {
    /// The header's name (`x-amz-checksum-crc32`), or `etag`.
    pub(super) name: &'static str,
    /// Its value as shown: base64, of an ETag hexadecimal.
    pub(super) value: String,
}

/// The headers, strongest first.
pub(super) const HEADERS: [&str; 5] = [
    "x-amz-checksum-sha256",
    "x-amz-checksum-sha1",
    "x-amz-checksum-crc64nvme",
    "x-amz-checksum-crc32c",
    "x-amz-checksum-crc32",
];

impl Stored {
    /// The strongest checksum of the whole object; else the ETag where it is an MD5 of the bytes: of an upload in one
    /// piece, that no key encrypts. What another server than these writes for an encrypted version may be anything.
    pub(super) fn of<'h>(header: impl Fn(&str) -> Option<&'h str>) -> Option<Self> {
        // Of parts: a checksum of checksums, which says nothing about bytes that are read whole.
        let composite = |value: &str| {
            value.contains('-')
                || header("x-amz-checksum-type").is_some_and(|t| t.eq_ignore_ascii_case("COMPOSITE"))
        };
        for name in HEADERS {
            if let Some(value) = header(name).filter(|v| !v.is_empty() && !composite(v)) {
                return Some(Self { name, value: value.to_owned() });
            }
        }
        let is_md5_anyhow = matches!(header("server"), Some("AmazonS3" | "wormproof"));
        let encrypted = header("x-amz-server-side-encryption-customer-algorithm").is_some()
            || header("x-amz-server-side-encryption").is_some_and(|by| !is_md5_anyhow || by != "AES256");
        let etag = header("etag")?.trim_matches('"');
        let is_md5 = etag.len() == 32 && etag.bytes().all(|b| b.is_ascii_hexdigit());
        (is_md5 && !encrypted).then(|| Self { name: "etag", value: etag.to_ascii_lowercase() })
    }
}

/// The digest that is compared with a stored checksum.
enum Other {
    Nothing,
    Sha256,
    Sha1(sha1::Sha1),
    Md5(md5::Md5),
    Crc(Box<Crc>, usize),
}

/// SHA-256, and the stored checksum's own algorithm.
pub(super) struct Digests {
    sha256: sha2::Sha256,
    other: Other,
    stored: Option<Stored>,
}

impl Digests {
    pub(super) fn new(stored: Option<Stored>) -> Self {
        let crc = |algorithm, bytes| Other::Crc(Box::new(Crc::new(algorithm)), bytes);
        let other = match stored.as_ref().map(|s| s.name) {
            Some("x-amz-checksum-sha256") => Other::Sha256,
            Some("x-amz-checksum-sha1") => Other::Sha1(sha1::Sha1::new()),
            Some("x-amz-checksum-crc64nvme") => crc(CrcAlgorithm::Crc64Nvme, 8),
            Some("x-amz-checksum-crc32c") => crc(CrcAlgorithm::Crc32Iscsi, 4),
            Some("x-amz-checksum-crc32") => crc(CrcAlgorithm::Crc32IsoHdlc, 4),
            Some("etag") => Other::Md5(md5::Md5::new()),
            _ => Other::Nothing,
        };
        Self { sha256: sha2::Sha256::new(), other, stored }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        match &mut self.other {
            Other::Nothing | Other::Sha256 => {}
            Other::Sha1(digest) => digest.update(bytes),
            Other::Md5(digest) => digest.update(bytes),
            Other::Crc(digest, _) => digest.update(bytes),
        }
    }

    /// SHA-256 in hexadecimal, and the stored checksum with whether it is the same.
    pub(super) fn finish(self) -> (String, Option<(Stored, bool)>) {
        let sha256 = self.sha256.finalize();
        let own = match self.other {
            Other::Nothing => None,
            Other::Sha256 => Some(STANDARD.encode(sha256)),
            Other::Sha1(digest) => Some(STANDARD.encode(digest.finalize())),
            Other::Md5(digest) => Some(hex::encode(digest.finalize())),
            Other::Crc(digest, bytes) => Some(STANDARD.encode(&digest.finalize().to_be_bytes()[8 - bytes..])),
        };
        let compared = self.stored.zip(own).map(|(stored, own)| {
            let equal = stored.value == own;
            (stored, equal)
        });
        (hex::encode(sha256), compared)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_algorithm_gives_its_published_check_value() {
        // The check values of "123456789", as catalogues of CRCs and the digests' documents give them.
        let values = [
            ("x-amz-checksum-crc32", STANDARD.encode(0xcbf4_3926_u32.to_be_bytes())),
            ("x-amz-checksum-crc32c", STANDARD.encode(0xe306_9283_u32.to_be_bytes())),
            ("x-amz-checksum-crc64nvme", STANDARD.encode(0xae8b_1486_0a79_9888_u64.to_be_bytes())),
            (
                "x-amz-checksum-sha1",
                STANDARD.encode(hex::decode("f7c3bc1d808e04732adf679965ccc34ca7ae3441").unwrap()),
            ),
            ("etag", "25f9e794323b453885f5181f1b624d0b".to_owned()),
        ];
        for (name, value) in values {
            let header = |asked: &str| (asked == name).then_some(value.as_str());
            let stored = Stored::of(header).expect(name);
            let mut digests = Digests::new(Some(stored));
            digests.update(b"12345");
            digests.update(b"6789");
            let (sha256, compared) = digests.finish();
            assert_eq!(sha256, "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225");
            assert!(compared.expect(name).1, "{name}");
            let mut digests = Digests::new(Stored::of(header));
            digests.update(b"123456788");
            assert!(!digests.finish().1.expect(name).1, "{name}");
        }
    }

    #[test]
    fn what_is_no_digest_of_the_bytes_is_not_compared() {
        const MD5: &str = "25f9e794323b453885f5181f1b624d0b";
        let of = |headers: &[(&str, &'static str)]| {
            let found = |name: &str| headers.iter().find(|(n, _)| *n == name).map(|(_, v)| *v);
            Stored::of(found).map(|s| s.name)
        };
        assert_eq!(of(&[("etag", MD5)]), Some("etag"));
        assert_eq!(of(&[("etag", "25f9e794323b453885f5181f1b624d0b-2")]), None);
        let aes = ("x-amz-server-side-encryption", "AES256");
        assert_eq!(
            of(&[("etag", MD5), ("x-amz-server-side-encryption", "aws:kms"), ("server", "AmazonS3")]),
            None
        );
        assert_eq!(of(&[("etag", MD5), aes, ("server", "AmazonS3")]), Some("etag"));
        assert_eq!(of(&[("etag", MD5), aes, ("server", "MinIO")]), None);
        assert_eq!(of(&[("x-amz-checksum-crc32", "AAAAAA==-3"), ("etag", "x-3")]), None);
        let composite = [("x-amz-checksum-sha256", "AAAA"), ("x-amz-checksum-type", "COMPOSITE")];
        assert_eq!(of(&composite), None);
    }
}
