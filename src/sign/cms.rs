//! The CMS container of a PAdES signature: `SignedData` without content, one signer, the signed
//! attributes content-type, message-digest and signing-certificate-v2 (RFC 5652, RFC 5035,
//! ETSI EN 319 122-1). PAdES forbids the signing-time attribute; the time stands in the PDF.
//!
//! A container is a function of chain, digest and ECDSA value alone. That makes reading strict: after
//! taking those three out, the container is built again and must come out byte for byte the same, so
//! nothing in it can be changed unseen, signed or not.

use cms::{
    cert::{CertificateChoices, IssuerAndSerialNumber},
    content_info::{CmsVersion, ContentInfo},
    signed_data::{EncapsulatedContentInfo, SignedAttributes, SignedData, SignerIdentifier, SignerInfo},
};
use const_oid::db::{
    rfc5911::{ID_AA_SIGNING_CERTIFICATE_V_2, ID_CONTENT_TYPE, ID_DATA, ID_MESSAGE_DIGEST, ID_SIGNED_DATA},
    rfc5912::{ECDSA_WITH_SHA_256, ID_SHA_256},
};
use der::{
    Any, Decode, Encode, Sequence,
    asn1::{ObjectIdentifier, OctetString, SetOfVec},
};
use spki::AlgorithmIdentifierOwned;
use x509_cert::{Certificate, attr::Attribute};

use crate::sign::certificate;

/// `SigningCertificateV2` (RFC 5035, section 3).
#[derive(Sequence)]
struct SigningCertificateV2 {
    certs: Vec<EssCertIdV2>,
}

/// `ESSCertIDv2`. The digest is SHA-256, the default, which DER leaves out.
#[derive(Sequence)]
struct EssCertIdV2 {
    cert_hash: OctetString,
}

/// What a container says, before anything of it was checked.
pub(super) struct Content {
    /// The signer's certificate first, in the order of the signing-certificate attribute.
    pub chain: Vec<Certificate>,
    /// The signed digest of the document.
    pub digest: Vec<u8>,
    /// The ECDSA value, DER.
    pub signature: Vec<u8>,
}

/// The bytes that the ECDSA value signs: the DER of the signed attributes as a SET OF.
pub(super) fn signed_bytes(chain: &[Certificate], digest: &[u8]) -> der::Result<Vec<u8>> {
    attributes(chain, digest)?.to_der()
}

/// Builds the container.
pub(super) fn build(chain: &[Certificate], digest: &[u8], signature: &[u8]) -> der::Result<Vec<u8>> {
    let signer = chain.first().ok_or_else(|| der::Error::from(der::ErrorKind::Failed))?.tbs_certificate();
    let sha256 = AlgorithmIdentifierOwned { oid: ID_SHA_256, parameters: None };
    let info = SignerInfo {
        version: CmsVersion::V1,
        sid: SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
            issuer: signer.issuer().clone(),
            serial_number: signer.serial_number().clone(),
        }),
        digest_alg: sha256.clone(),
        signed_attrs: Some(attributes(chain, digest)?),
        signature_algorithm: AlgorithmIdentifierOwned { oid: ECDSA_WITH_SHA_256, parameters: None },
        signature: OctetString::new(signature)?,
        unsigned_attrs: None,
    };
    let certificates: Vec<_> = chain.iter().cloned().map(CertificateChoices::Certificate).collect();
    let data = SignedData {
        version: CmsVersion::V1,
        digest_algorithms: SetOfVec::try_from(vec![sha256])?,
        encap_content_info: EncapsulatedContentInfo { econtent_type: ID_DATA, econtent: None },
        certificates: Some(certificates.try_into()?),
        crls: None,
        signer_infos: vec![info].try_into()?,
    };
    ContentInfo { content_type: ID_SIGNED_DATA, content: Any::encode_from(&data)? }.to_der()
}

/// Takes a container apart; bytes after it must be zeros (the room that a PDF reserves). The error is a
/// lower-case fragment. Nothing is verified here but that the parts are there.
pub(super) fn read(bytes: &[u8]) -> Result<Content, String> {
    let (info, padding) = ContentInfo::from_der_partial(bytes).map_err(|error| error.to_string())?;
    if padding.iter().any(|byte| *byte != 0) {
        return Err("something follows it".to_owned());
    }
    let data: SignedData = info.content.decode_as().map_err(|error: der::Error| error.to_string())?;
    let [signer] = data.signer_infos.0.as_slice() else {
        return Err("it does not have one signer".to_owned());
    };
    let attributes = signer.signed_attrs.as_ref().ok_or("it has no signed attributes")?;
    let digest: OctetString = attribute(attributes, ID_MESSAGE_DIGEST)?;
    let named: SigningCertificateV2 = attribute(attributes, ID_AA_SIGNING_CERTIFICATE_V_2)?;

    let mut available = Vec::new();
    for choice in data.certificates.map(|set| set.0.into_vec()).unwrap_or_default() {
        if let CertificateChoices::Certificate(certificate) = choice {
            let hash = certificate::fingerprint(&certificate).map_err(|error| error.to_string())?;
            available.push((hash, certificate));
        }
    }
    let chain = named
        .certs
        .iter()
        .map(|id| {
            let found = available.iter().find(|(hash, _)| hash.as_slice() == id.cert_hash.as_bytes());
            found.map(|(_, certificate)| certificate.clone())
        })
        .collect::<Option<Vec<_>>>()
        .ok_or("a certificate that was signed along is not in it")?;
    Ok(Content { chain, digest: digest.as_bytes().to_vec(), signature: signer.signature.as_bytes().to_vec() })
}

/// The signed attributes. The whole chain is named in signing-certificate-v2, so that the issuers'
/// certificates are bound as well.
fn attributes(chain: &[Certificate], digest: &[u8]) -> der::Result<SignedAttributes> {
    let certs = chain
        .iter()
        .map(|certificate| {
            Ok(EssCertIdV2 { cert_hash: OctetString::new(certificate::fingerprint(certificate)?)? })
        })
        .collect::<der::Result<Vec<_>>>()?;
    SetOfVec::try_from(vec![
        single(ID_CONTENT_TYPE, Any::encode_from(&ID_DATA)?)?,
        single(ID_MESSAGE_DIGEST, Any::encode_from(&OctetString::new(digest)?)?)?,
        single(ID_AA_SIGNING_CERTIFICATE_V_2, Any::encode_from(&SigningCertificateV2 { certs })?)?,
    ])
}

fn single(oid: ObjectIdentifier, value: Any) -> der::Result<Attribute> {
    Ok(Attribute { oid, values: SetOfVec::try_from(vec![value])? })
}

fn attribute<T>(attributes: &SignedAttributes, oid: ObjectIdentifier) -> Result<T, String>
where
    T: for<'a> Decode<'a, Error = der::Error>,
{
    let found = attributes.iter().find(|attribute| attribute.oid == oid);
    let value = found.and_then(|attribute| attribute.values.get(0)).ok_or("a signed attribute is missing")?;
    let bytes = value.to_der().map_err(|error| error.to_string())?;
    T::from_der(&bytes).map_err(|error| error.to_string())
}
