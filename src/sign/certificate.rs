//! X.509 certificates: reading a chain, describing a signer, issuing a self-signed one.

use chrono::{DateTime, TimeDelta, Utc};
use const_oid::{AssociatedOid, db::rfc5912::ECDSA_WITH_SHA_256};
use der::{
    Any, Decode, Encode, Sequence,
    asn1::{BitString, OctetString, SetOfVec, Utf8StringRef},
    pem::LineEnding,
};
use p256::{
    ecdsa::{DerSignature, SigningKey, VerifyingKey, signature::Signer as _, signature::Verifier as _},
    pkcs8::DecodePublicKey as _,
};
use rand::{TryRng as _, rngs::SysRng};
use sha2::{Digest as _, Sha256};
use spki::{AlgorithmIdentifierOwned, EncodePublicKey as _, SubjectPublicKeyInfoOwned};
use x509_cert::{
    Certificate, TbsCertificate, Version,
    attr::AttributeTypeAndValue,
    ext::{
        Extension, Extensions,
        pkix::{BasicConstraints, KeyUsage, KeyUsages, SubjectKeyIdentifier},
    },
    name::{Name, RdnSequence, RelativeDistinguishedName},
    serial_number::SerialNumber,
    time::{Time, Validity},
};

use crate::sign::SignError;

/// Longest chain that is read; real ones have two to four certificates.
const MAX_CHAIN: usize = 8;

/// Who signed, as the signing certificate says. It is not proof of a person: the caller compares the
/// fingerprint with one it knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    /// SHA-256 of the certificate's DER, lower-case hex.
    pub fingerprint: String,
    /// The subject's distinguished name (RFC 4514).
    pub subject: String,
    /// Whether the certificate is signed with its own key (checked, not only by its names).
    pub self_signed: bool,
    /// Start of the certificate's validity.
    pub not_before: DateTime<Utc>,
    /// End of the certificate's validity.
    pub not_after: DateTime<Utc>,
    /// The signer's certificate, followed by those of its issuers that came with the signature.
    pub certificate_pem: String,
}

impl Signer {
    /// Whether `at` lies within the certificate's validity.
    pub fn valid_at(&self, at: DateTime<Utc>) -> bool {
        self.not_before <= at && at <= self.not_after
    }
}

/// Reads a chain: the signer's certificate first, then its issuers in order. The error is a lower-case
/// fragment for either error type of this module.
pub(super) fn parse_chain(pem: &str) -> Result<Vec<Certificate>, String> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    const END: &str = "-----END CERTIFICATE-----";
    let mut chain = Vec::new();
    let mut rest = pem;
    while let Some(start) = rest.find(BEGIN) {
        let block = &rest[start..];
        let end = block.find(END).ok_or("a PEM block has no end")? + END.len();
        let (_, document) =
            der::Document::from_pem(&block[..end]).map_err(|error| format!("not valid PEM: {error}"))?;
        let certificate = Certificate::from_der(document.as_bytes())
            .map_err(|error| format!("not valid X.509: {error}"))?;
        // The certificate is written again from its parts; what is signed must be what was issued.
        if certificate.to_der().ok().as_deref() != Some(document.as_bytes()) {
            return Err("its encoding is not DER".to_owned());
        }
        chain.push(certificate);
        if chain.len() > MAX_CHAIN {
            return Err(format!("more than {MAX_CHAIN} certificates"));
        }
        rest = &block[end..];
    }
    check_chain(&chain)?;
    Ok(chain)
}

/// Demands that a chain is not empty, that each certificate names the next one as its issuer, and that
/// the first may sign documents.
pub(super) fn check_chain(chain: &[Certificate]) -> Result<(), String> {
    let first = chain.first().ok_or("no certificate found")?;
    for pair in chain.windows(2) {
        if pair[0].tbs_certificate().issuer() != pair[1].tbs_certificate().subject() {
            return Err(
                "the chain is out of order: each certificate must be followed by its issuer's".to_owned()
            );
        }
    }
    let usage = first
        .tbs_certificate()
        .get_extension::<KeyUsage>()
        .map_err(|error| format!("its key usage cannot be read: {error}"))?;
    match usage {
        Some((_, usage)) if !usage.digital_signature() && !usage.non_repudiation() => {
            Err("its key usage does not allow signatures".to_owned())
        }
        _ => Ok(()),
    }
}

/// The P-256 key that a certificate certifies.
pub(super) fn verifying_key(certificate: &Certificate) -> Result<VerifyingKey, String> {
    certificate
        .tbs_certificate()
        .subject_public_key_info()
        .to_der()
        .ok()
        .and_then(|spki| VerifyingKey::from_public_key_der(&spki).ok())
        .ok_or_else(|| "its key is not ECDSA P-256".to_owned())
}

/// SHA-256 of a certificate's DER.
pub(super) fn fingerprint(certificate: &Certificate) -> der::Result<[u8; 32]> {
    Ok(Sha256::digest(certificate.to_der()?).into())
}

/// A chain as PEM, the signer's certificate first.
pub(super) fn to_pem(chain: &[Certificate]) -> der::Result<String> {
    let mut pem = String::new();
    for certificate in chain {
        pem.push_str(&der::pem::encode_string("CERTIFICATE", LineEnding::LF, &certificate.to_der()?)?);
    }
    Ok(pem)
}

/// Describes the first certificate of a chain.
pub(super) fn describe(chain: &[Certificate]) -> Result<Signer, String> {
    let certificate = chain.first().ok_or("no certificate found")?;
    let tbs = certificate.tbs_certificate();
    Ok(Signer {
        fingerprint: hex::encode(fingerprint(certificate).map_err(|error| error.to_string())?),
        subject: tbs.subject().to_string(),
        self_signed: is_self_signed(certificate),
        not_before: instant(tbs.validity().not_before)?,
        not_after: instant(tbs.validity().not_after)?,
        certificate_pem: to_pem(chain).map_err(|error| error.to_string())?,
    })
}

fn is_self_signed(certificate: &Certificate) -> bool {
    let tbs = certificate.tbs_certificate();
    let signed = || -> Option<()> {
        let signature = DerSignature::from_bytes(certificate.signature().as_bytes()?).ok()?;
        verifying_key(certificate).ok()?.verify(&tbs.to_der().ok()?, &signature).ok()
    };
    tbs.issuer() == tbs.subject() && signed().is_some()
}

fn instant(time: Time) -> Result<DateTime<Utc>, String> {
    i64::try_from(time.to_unix_duration().as_secs())
        .ok()
        .and_then(|seconds| DateTime::from_timestamp(seconds, 0))
        .ok_or_else(|| "its validity is out of range".to_owned())
}

/// The part of a certificate that is signed (RFC 5280, section 4.1). Own, because `x509-cert` lets only
/// its builder fill one, and the builder would bring SHA-1 along.
#[derive(Sequence)]
struct Draft {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    version: Version,
    serial_number: SerialNumber,
    signature: AlgorithmIdentifierOwned,
    issuer: Name,
    validity: Validity,
    subject: Name,
    subject_public_key_info: SubjectPublicKeyInfoOwned,
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT")]
    extensions: Extensions,
}

#[derive(Sequence)]
struct Signed {
    draft: Any,
    algorithm: AlgorithmIdentifierOwned,
    signature: BitString,
}

/// Issues a self-signed certificate for `key`: key usage digitalSignature and contentCommitment, no
/// certificate authority, a random serial number of 127 bits.
pub(super) fn self_signed(
    key: &SigningKey,
    common_name: &str,
    now: DateTime<Utc>,
    valid: TimeDelta,
) -> Result<Certificate, SignError> {
    if valid < TimeDelta::seconds(1) {
        return Err(SignError::Time);
    }
    let until = now.checked_add_signed(valid).ok_or(SignError::Time)?;
    let public = key.verifying_key().to_public_key_der().map_err(|_| SignError::OtherKey)?;
    let name = name(common_name)?;
    let algorithm = AlgorithmIdentifierOwned { oid: ECDSA_WITH_SHA_256, parameters: None };

    let mut serial = [0_u8; 16];
    SysRng.try_fill_bytes(&mut serial).map_err(|error| SignError::Random(error.to_string()))?;
    // Positive and of full length, whatever was drawn.
    serial[0] = serial[0] & 0x3f | 0x40;

    // RFC 7093, method 1: the leftmost 160 bits of the SHA-256 of the public key.
    let key_id = Sha256::digest(key.verifying_key().to_sec1_bytes());
    let usage = KeyUsage(KeyUsages::DigitalSignature | KeyUsages::NonRepudiation);
    let draft = Draft {
        version: Version::V3,
        serial_number: SerialNumber::new(&serial)?,
        signature: algorithm.clone(),
        issuer: name.clone(),
        validity: Validity::new(time(now)?, time(until)?),
        subject: name,
        subject_public_key_info: SubjectPublicKeyInfoOwned::from_der(public.as_bytes())?,
        extensions: vec![
            extension(true, &BasicConstraints { ca: false, path_len_constraint: None })?,
            extension(true, &usage)?,
            extension(false, &SubjectKeyIdentifier(OctetString::new(&key_id[..20])?))?,
        ],
    }
    .to_der()?;
    // What was written must be readable as what it is meant to be, before it is signed.
    TbsCertificate::from_der(&draft)?;
    let signature: DerSignature = key.sign(&draft);
    let signed = Signed {
        draft: Any::from_der(&draft)?,
        algorithm,
        signature: BitString::from_bytes(signature.as_bytes())?,
    };
    Ok(Certificate::from_der(&signed.to_der()?)?)
}

fn extension<T: AssociatedOid + Encode>(critical: bool, value: &T) -> der::Result<Extension> {
    Ok(Extension { extn_id: T::OID, critical, extn_value: OctetString::new(value.to_der()?)? })
}

/// A name with one attribute. Built from parts: in the text form, a comma or slash in a company's name
/// would have to be escaped.
fn name(common_name: &str) -> Result<Name, SignError> {
    let length = common_name.chars().count();
    if length == 0 || length > 64 || common_name.chars().any(char::is_control) {
        return Err(SignError::CommonName);
    }
    let value = Any::from(Utf8StringRef::new(common_name)?);
    let attribute = AttributeTypeAndValue { oid: const_oid::db::rfc4519::CN, value };
    let rdn = RelativeDistinguishedName::from(SetOfVec::try_from(vec![attribute])?);
    Ok(Name::from_der(&RdnSequence::from(vec![rdn]).to_der()?)?)
}

fn time(at: DateTime<Utc>) -> Result<Time, SignError> {
    let seconds = u64::try_from(at.timestamp()).map_err(|_| SignError::Time)?;
    let at = der::DateTime::from_unix_duration(std::time::Duration::from_secs(seconds))
        .map_err(|_| SignError::Time)?;
    Ok(Time::from(at))
}
