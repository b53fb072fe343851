//! A signer's key and certificate chain.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use const_oid::db::rfc5912::{ID_EC_PUBLIC_KEY, RSA_ENCRYPTION};
use der::{Decode as _, Sequence, asn1::OctetStringRef, pem::LineEnding};
use p256::{
    ecdsa::{DerSignature, SigningKey, signature::Signer as _},
    elliptic_curve::Generate as _,
    pkcs8::{EncodePrivateKey as _, EncodePublicKey as _},
};
use pkcs8::{EncryptedPrivateKeyInfoRef, PrivateKeyInfoRef, SecretDocument};
use rand::rngs::SysRng;
use spki::AlgorithmIdentifierRef;
use x509_cert::Certificate;
use zeroize::Zeroizing;

use crate::sign::{
    SignError,
    certificate::{self, Signer},
};

/// PBES2 (RFC 8018), the one password-based scheme that is read.
const PBES2: der::asn1::ObjectIdentifier = der::asn1::ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.13");

/// A P-256 key with the certificate chain that vouches for it.
///
/// The key is wiped from memory when the value is dropped; `Debug` shows the certificate only.
pub struct Identity {
    pub(super) key: SigningKey,
    /// The signer's certificate first, then its issuers.
    pub(super) chain: Vec<Certificate>,
    signer: Signer,
    key_pem: Zeroizing<String>,
    public_key_pem: String,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("subject", &self.signer.subject)
            .field("fingerprint", &self.signer.fingerprint)
            .finish_non_exhaustive()
    }
}

impl Identity {
    /// Reads a PKCS#8 key, plain or encrypted (PBES2), and its certificate chain, and checks that the
    /// first certificate is the key's. Other forms of keys are named in the error, with the command that
    /// converts them as its hint. `password` is used only where the key is encrypted.
    pub fn from_pem(key_pem: &str, cert_pem: &str, password: Option<&str>) -> Result<Self, SignError> {
        let key = read_key(key_pem, password)?;
        let chain = certificate::parse_chain(cert_pem).map_err(SignError::Certificate)?;
        Self::new(key, chain)
    }

    /// Makes a new key and a self-signed certificate for it, valid from `now`. Such a signature proves that
    /// nothing was changed; who signed is known only to those who were given the fingerprint.
    pub fn generate(common_name: &str, now: DateTime<Utc>, valid: TimeDelta) -> Result<Self, SignError> {
        let key = SigningKey::try_generate_from_rng(&mut SysRng)
            .map_err(|error| SignError::Random(error.to_string()))?;
        let certificate = certificate::self_signed(&key, common_name, now, valid)?;
        Self::new(key, vec![certificate])
    }

    fn new(key: SigningKey, chain: Vec<Certificate>) -> Result<Self, SignError> {
        let first = chain.first().ok_or_else(|| SignError::Certificate("no certificate found".to_owned()))?;
        let certified = certificate::verifying_key(first).map_err(SignError::Certificate)?;
        if certified != *key.verifying_key() {
            return Err(SignError::KeyMismatch);
        }
        let signer = certificate::describe(&chain).map_err(SignError::Certificate)?;
        // Both encodings are made here, where they may fail, so that the getters cannot.
        let malformed = |error: String| SignError::MalformedKey(error);
        let key_pem = key.to_pkcs8_pem(LineEnding::LF).map_err(|error| malformed(error.to_string()))?;
        let public_key_pem = key
            .verifying_key()
            .to_public_key_pem(LineEnding::LF)
            .map_err(|error| malformed(error.to_string()))?;
        Ok(Self { key, chain, signer, key_pem, public_key_pem })
    }

    /// The private key, PKCS#8 PEM without encryption.
    pub fn key_pem(&self) -> Zeroizing<String> {
        self.key_pem.clone()
    }

    /// The certificate chain as PEM, the signer's certificate first.
    pub fn certificate_pem(&self) -> String {
        self.signer.certificate_pem.clone()
    }

    /// The public key as PEM, for `openssl dgst -verify`.
    pub fn public_key_pem(&self) -> String {
        self.public_key_pem.clone()
    }

    /// SHA-256 of the certificate's DER, lower-case hex.
    pub fn fingerprint(&self) -> String {
        self.signer.fingerprint.clone()
    }

    /// The certificate's subject (RFC 4514).
    pub fn subject(&self) -> String {
        self.signer.subject.clone()
    }

    /// What a verification will say about signatures of this identity.
    pub fn signer(&self) -> &Signer {
        &self.signer
    }

    /// Signs bytes: a DER-encoded ECDSA value over their SHA-256, as
    /// `openssl dgst -sha256 -verify public.pem -signature FILE.sig FILE` expects it.
    pub fn sign_detached(&self, bytes: &[u8]) -> Vec<u8> {
        let signature: DerSignature = self.key.sign(bytes);
        signature.as_bytes().to_vec()
    }
}

/// Any encrypted PKCS#8 key, as far as its scheme's name: `pkcs8` knows only those it can decrypt.
#[derive(Sequence)]
struct Encrypted<'a> {
    scheme: AlgorithmIdentifierRef<'a>,
    data: &'a OctetStringRef,
}

fn read_key(pem: &str, password: Option<&str>) -> Result<SigningKey, SignError> {
    if let Some(block) = pem_block(pem, "PRIVATE KEY") {
        return read_pkcs8(decode(block)?.as_bytes());
    }
    if let Some(block) = pem_block(pem, "ENCRYPTED PRIVATE KEY") {
        let document = decode(block)?;
        let outer = Encrypted::from_der(document.as_bytes())
            .map_err(|error| SignError::MalformedKey(error.to_string()))?;
        if outer.scheme.oid != PBES2 {
            return Err(SignError::LegacyEncryption);
        }
        let encrypted = EncryptedPrivateKeyInfoRef::from_der(document.as_bytes())
            .map_err(|_| SignError::LegacyEncryption)?;
        let password = password.ok_or(SignError::PasswordMissing)?;
        let plain = encrypted.decrypt(password).map_err(|_| SignError::PasswordWrong)?;
        return read_pkcs8(plain.as_bytes());
    }
    if pem.contains("-----BEGIN EC PRIVATE KEY-----") {
        return Err(SignError::Sec1Key);
    }
    if pem.contains("-----BEGIN RSA PRIVATE KEY-----") {
        return Err(SignError::RsaKey);
    }
    Err(SignError::NoKey)
}

fn read_pkcs8(der: &[u8]) -> Result<SigningKey, SignError> {
    let info =
        PrivateKeyInfoRef::from_der(der).map_err(|error| SignError::MalformedKey(error.to_string()))?;
    match info.algorithm.oid {
        RSA_ENCRYPTION => Err(SignError::RsaKey),
        ID_EC_PUBLIC_KEY => SigningKey::try_from(info).map_err(|_| SignError::OtherKey),
        _ => Err(SignError::OtherKey),
    }
}

/// The first PEM block of a kind, from its first dash to its last; whatever stands around it is left out.
fn pem_block<'a>(pem: &'a str, label: &str) -> Option<&'a str> {
    let end_mark = format!("-----END {label}-----");
    let block = &pem[pem.find(&format!("-----BEGIN {label}-----"))?..];
    Some(&block[..block.find(&end_mark)? + end_mark.len()])
}

fn decode(block: &str) -> Result<SecretDocument, SignError> {
    let (_, document) =
        SecretDocument::from_pem(block).map_err(|error| SignError::MalformedKey(error.to_string()))?;
    Ok(document)
}

#[cfg(test)]
mod tests {
    use pkcs8::{EncodePrivateKey as _, PrivateKeyInfoRef};

    use super::*;

    fn identity() -> Identity {
        let now = DateTime::from_timestamp(1_795_586_400, 0).unwrap();
        Identity::generate("Audit, Ltd / Prüfung; x", now, TimeDelta::days(1)).unwrap()
    }

    #[test]
    fn a_generated_identity_comes_back_from_its_pem() {
        let one = identity();
        let two = Identity::from_pem(&one.key_pem(), &one.certificate_pem(), None).unwrap();
        assert_eq!(one.signer(), two.signer());
        assert_eq!(one.sign_detached(b"x"), two.sign_detached(b"x"));
        assert_eq!(one.subject(), "CN=Audit\\, Ltd / Prüfung\\; x");
        assert!(one.signer().self_signed);
        assert_eq!(one.signer().not_after - one.signer().not_before, TimeDelta::days(1));
        assert_ne!(one.fingerprint(), identity().fingerprint());
    }

    #[test]
    fn a_strangers_certificate_is_refused() {
        let result = Identity::from_pem(&identity().key_pem(), &identity().certificate_pem(), None);
        assert!(matches!(result, Err(SignError::KeyMismatch)));
    }

    #[test]
    fn debug_shows_no_key() {
        let identity = identity();
        let shown = format!("{identity:?}");
        assert!(shown.contains(&identity.fingerprint()));
        assert!(!shown.contains(&hex::encode(identity.key.to_bytes())));
        assert!(!shown.contains("PRIVATE") && !shown.to_lowercase().contains("key"));
    }

    #[test]
    fn an_encrypted_key_needs_its_password() {
        let identity = identity();
        let plain = identity.key.to_pkcs8_der().unwrap();
        let info = PrivateKeyInfoRef::from_der(plain.as_bytes()).unwrap();
        // Few rounds: the test is about the password, not about its cost.
        let kdf =
            pkcs8::pkcs5::pbes2::Parameters::generate_pbkdf2_sha256_aes256cbc(100, b"saltsalt", [7; 16])
                .unwrap();
        let pem = info.encrypt_with_params(kdf, "secret").unwrap();
        let pem = pem.to_pem("ENCRYPTED PRIVATE KEY", LineEnding::LF).unwrap();
        let read = |password| Identity::from_pem(&pem, &identity.certificate_pem(), password);
        assert_eq!(read(Some("secret")).unwrap().fingerprint(), identity.fingerprint());
        assert!(matches!(read(Some("Secret")), Err(SignError::PasswordWrong)));
        assert!(matches!(read(None), Err(SignError::PasswordMissing)));
    }

    #[test]
    fn other_forms_of_keys_are_named() {
        let certificate = identity().certificate_pem();
        let error = |pem: &str| Identity::from_pem(pem, &certificate, None).unwrap_err();
        let sec1 = "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n";
        assert!(matches!(error(sec1), SignError::Sec1Key));
        assert!(error(sec1).hint().unwrap().contains("openssl pkcs8 -topk8"));
        assert!(matches!(error("-----BEGIN RSA PRIVATE KEY-----"), SignError::RsaKey));
        assert!(matches!(error(&certificate), SignError::NoKey));
        // PBE-SHA1-3DES: only the name of the scheme matters.
        let pbe = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMCAwHAYKKoZIhvcNAQwBAzAOBAgAAAAAAAAAAAICCAAEAA==\n-----END ENCRYPTED PRIVATE KEY-----\n";
        assert!(matches!(error(pbe), SignError::LegacyEncryption), "{:?}", error(pbe));
        let key = identity().key_pem();
        for length in 0..key.len() - 1 {
            assert!(Identity::from_pem(&key[..length], &certificate, None).is_err());
        }
    }

    #[test]
    fn a_common_name_must_be_one() {
        let now = DateTime::from_timestamp(1_795_586_400, 0).unwrap();
        for name in ["", "a\nb", &"x".repeat(65)] {
            assert!(matches!(Identity::generate(name, now, TimeDelta::days(1)), Err(SignError::CommonName)));
        }
        for valid in [TimeDelta::zero(), TimeDelta::days(-1), TimeDelta::MAX] {
            assert!(matches!(Identity::generate("x", now, valid), Err(SignError::Time)));
        }
        // Beyond 2049 certificates change the form of their times.
        let long = Identity::generate("x", now, TimeDelta::days(36_500)).unwrap();
        assert_eq!(long.signer().not_after, now + TimeDelta::days(36_500));
    }
}
