//! Keys, signatures and their verification.
//!
//! The evidence is signed twice with one key: each file gets a detached ECDSA signature that plain
//! `openssl dgst -sha256 -verify` checks, and the PDF carries a PAdES baseline B-B signature inside
//! (ETSI EN 319 142-1), so that a PDF reader shows who signed it. Both kinds are deterministic
//! (RFC 6979): the same bytes, key and time give the same signature.
//!
//! ```text
//! key + certificate -> Identity -> sign_detached -> report.json.sig
//!                               -> sign_pdf      -> report.pdf
//! certificate + bytes + signature -> verify_detached -> Signer
//! signed PDF                      -> verify_pdf      -> PdfVerified { signer, signed_at }
//! ```
//!
//! This module knows bytes and times only: no files, no clock, no record. It does not decide whom to
//! trust: a verification says *which certificate* signed, and the caller compares its fingerprint with
//! one that it knows. Certificates are not checked against roots or revocation lists.

mod certificate;
mod cms;
mod identity;
mod pdf;
mod verify;

use chrono::{DateTime, Utc};

pub use certificate::Signer;
pub use identity::Identity;
pub use pdf::PdfSignature;
pub use verify::{PdfVerified, verify_detached, verify_pdf};

/// Why something could not be signed, or a key or certificate not be used.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The text holds no PEM block of a private key.
    #[error("no private key found in the PEM text")]
    NoKey,
    /// `BEGIN EC PRIVATE KEY`: the older SEC1 form.
    #[error("the private key is in SEC1 form (EC PRIVATE KEY), not in PKCS#8")]
    Sec1Key,
    /// An RSA key, in whatever wrapping.
    #[error("the private key is an RSA key; only ECDSA P-256 is supported")]
    RsaKey,
    /// A key of another algorithm or curve.
    #[error("the private key is not an ECDSA P-256 key")]
    OtherKey,
    /// The block is a private key by its label, but its content cannot be read.
    #[error("the private key cannot be read: {0}")]
    MalformedKey(String),
    /// An encryption other than PBES2 with a modern cipher.
    #[error("the private key is encrypted in a form that is not supported")]
    LegacyEncryption,
    /// The key is encrypted and no password was given.
    #[error("the private key is encrypted and no password was given")]
    PasswordMissing,
    /// The key does not decrypt with this password.
    #[error("the password does not decrypt the private key")]
    PasswordWrong,
    /// The certificate, or one of its chain, cannot be used.
    #[error("the certificate cannot be used: {0}")]
    Certificate(String),
    /// Key and certificate are not a pair.
    #[error("the private key does not belong to the certificate")]
    KeyMismatch,
    /// The time of signing lies outside the certificate's validity.
    #[error("the certificate is valid from {not_before} until {not_after}, not at {at}")]
    NotValidAt {
        /// The time of signing.
        at: DateTime<Utc>,
        /// Start of the certificate's validity.
        not_before: DateTime<Utc>,
        /// End of the certificate's validity.
        not_after: DateTime<Utc>,
    },
    /// A common name that a certificate cannot carry.
    #[error("the common name must have 1 to 64 characters and no control characters")]
    CommonName,
    /// A time that a certificate or a PDF cannot express, or a validity that does not last.
    #[error("the time or the validity is out of range")]
    Time,
    /// The operating system gave no random numbers.
    #[error("no random numbers from the operating system: {0}")]
    Random(String),
    /// The PDF cannot be signed.
    #[error("the PDF cannot be signed: {0}")]
    Pdf(String),
    /// An ASN.1 structure could not be written.
    #[error("an ASN.1 structure cannot be written: {0}")]
    Encoding(#[from] der::Error),
}

impl SignError {
    /// What the user can do about it, if anything.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NoKey => Some("expected a block that begins with -----BEGIN PRIVATE KEY----- (PKCS#8)"),
            Self::Sec1Key => Some("convert it: openssl pkcs8 -topk8 -nocrypt -in old.pem -out key.pem"),
            Self::RsaKey | Self::OtherKey => Some(
                "make a P-256 key: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem",
            ),
            Self::LegacyEncryption => {
                Some("encrypt it anew: openssl pkcs8 -topk8 -v2 aes-256-cbc -in old.pem -out key.pem")
            }
            Self::PasswordMissing => Some("give the key's password in the variable WORMPROOF_KEY_PASSWORD"),
            Self::KeyMismatch => {
                Some("the signer's certificate must come first in the file, before those of its issuers")
            }
            Self::NotValidAt { .. } => Some("use a certificate that is valid at the time of signing"),
            _ => None,
        }
    }
}

/// Why a signature is not accepted. Each of these is a plain *no*.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum VerifyError {
    /// The certificate cannot be read or cannot have made such a signature.
    #[error("the certificate cannot be used: {0}")]
    Certificate(String),
    /// The signature is no DER-encoded ECDSA value.
    #[error("the signature is not a DER-encoded ECDSA value")]
    Malformed,
    /// The ECDSA value does not fit.
    #[error("the signature does not fit the bytes and the certificate")]
    Mismatch,
    /// No signature in the PDF, or one that another program wrote.
    #[error("the PDF carries no signature in the form that wormproof writes")]
    NotSigned,
    /// Bytes lie outside the signature.
    #[error("the signature covers {covered} bytes, the file has {length}: something was appended or cut")]
    NotWhole {
        /// The end of the signed range, in bytes.
        covered: u64,
        /// The length of the file, in bytes.
        length: u64,
    },
    /// The byte range is not the whole file but for the signature's own place.
    #[error("the signature's byte range leaves out more than the signature itself")]
    ByteRange,
    /// The signed bytes have another digest than the one that was signed.
    #[error("the document was altered after it was signed")]
    Altered,
    /// The container of the signature is damaged or holds something else than was signed.
    #[error("the signature's container is damaged: {0}")]
    Container(String),
}

impl VerifyError {
    /// What the user can do about it, if anything.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotSigned => {
                Some("a PDF signed by another program can be checked with pdfsig or a PDF reader")
            }
            Self::Mismatch => Some("check that file, signature and certificate belong to the same run"),
            _ => None,
        }
    }
}
