//! Verification: of detached signatures, and of the PDFs that this module signed.
//!
//! It reads hostile bytes, so it is strict: one form is accepted, the one that `pdf` and `cms` write, and
//! every byte of a signed PDF is either signed or compared with what must stand there.

use chrono::{DateTime, NaiveDateTime, Utc};
use p256::ecdsa::{DerSignature, signature::Verifier as _};
use x509_cert::Certificate;

use crate::sign::{
    VerifyError,
    certificate::{self, Signer},
    cms,
    pdf::{RANGE_LENGTH, SIGNATURE_HEAD, TIME_FORMAT, TIME_LENGTH, digest_without, range_text},
};

/// A PDF whose signature holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PdfVerified {
    /// Who signed, as the certificate says.
    pub signer: Signer,
    /// When, as the signer says (`/M`; signed, but not stamped by anybody else).
    pub signed_at: Option<DateTime<Utc>>,
}

/// Checks a detached signature: DER-encoded ECDSA over the SHA-256 of `bytes`, by the key of the first
/// certificate. The certificate itself is not checked against a root; compare its fingerprint.
pub fn verify_detached(certificate_pem: &str, bytes: &[u8], signature: &[u8]) -> Result<Signer, VerifyError> {
    let chain = certificate::parse_chain(certificate_pem).map_err(VerifyError::Certificate)?;
    check(&chain, bytes, signature)
}

/// Checks a PDF that [`sign_pdf`](crate::sign::Identity::sign_pdf) signed: the byte range is the whole
/// file but for the container, the digest is equal, the signed attributes are right (content-type,
/// message-digest, signing-certificate-v2) and the ECDSA value is the certificate's. The certificate
/// itself is not checked against a root; compare its fingerprint.
///
/// A PDF that another program signed, or signed once more, is refused even if it is in order.
pub fn verify_pdf(pdf: &[u8]) -> Result<PdfVerified, VerifyError> {
    let place = locate(pdf)?;
    let container = pdf.get(place.before + 1..place.after - 1).ok_or(VerifyError::ByteRange)?;
    let content = hex::decode(container)
        .map_err(|error| error.to_string())
        .and_then(|bytes| cms::read(&bytes))
        .map_err(VerifyError::Container)?;
    let digest = digest_without(pdf, place.before, place.after);
    if content.digest != digest {
        return Err(VerifyError::Altered);
    }
    certificate::check_chain(&content.chain).map_err(VerifyError::Certificate)?;

    // What was not taken out of the container, and how it is written, must be as it is always written.
    let broken = |error: der::Error| VerifyError::Container(error.to_string());
    let mut expected =
        hex::encode(cms::build(&content.chain, &digest, &content.signature).map_err(broken)?).into_bytes();
    expected.resize(container.len().max(expected.len()), b'0');
    if expected != container {
        return Err(VerifyError::Container("it is not as it was written".to_owned()));
    }
    let attributes = cms::signed_bytes(&content.chain, &digest).map_err(broken)?;
    let signer = check(&content.chain, &attributes, &content.signature)?;
    Ok(PdfVerified { signer, signed_at: place.signed_at })
}

fn check(chain: &[Certificate], bytes: &[u8], signature: &[u8]) -> Result<Signer, VerifyError> {
    let signer = certificate::describe(chain).map_err(VerifyError::Certificate)?;
    let first = chain.first().ok_or(VerifyError::NotSigned)?;
    let key = certificate::verifying_key(first).map_err(VerifyError::Certificate)?;
    let signature = DerSignature::from_bytes(signature).map_err(|_| VerifyError::Malformed)?;
    key.verify(bytes, &signature).map_err(|_| VerifyError::Mismatch)?;
    Ok(signer)
}

/// Where the container stands in a PDF.
struct Place {
    /// Index of its `<`: the length of the first signed range.
    before: usize,
    /// Index after its `>`: the start of the second one.
    after: usize,
    signed_at: Option<DateTime<Utc>>,
}

/// Finds the last signature of our form and demands that it covers the file. A text inside the document
/// that looks like one does no harm: the signature's own object is the last one of the file.
fn locate(pdf: &[u8]) -> Result<Place, VerifyError> {
    let head = pdf
        .windows(SIGNATURE_HEAD.len())
        .rposition(|window| window == SIGNATURE_HEAD)
        .ok_or(VerifyError::NotSigned)?;
    let range = head + SIGNATURE_HEAD.len();
    let before = range + RANGE_LENGTH;
    if pdf.get(before) != Some(&b'<') {
        return Err(VerifyError::NotSigned);
    }
    let digits = pdf[before + 1..].iter().position(|byte| *byte == b'>').ok_or(VerifyError::NotSigned)?;
    let after = before + 1 + digits + 1;

    let written = &pdf[range..before];
    let expected = range_text(before, after, pdf.len() - after);
    if written != expected.as_bytes() {
        // Said apart, because it is the one attack that pdfsig calls "valid": something was appended.
        return Err(match covered(written, before, after) {
            Some(covered) if covered != pdf.len() as u64 => {
                VerifyError::NotWhole { covered, length: pdf.len() as u64 }
            }
            _ => VerifyError::ByteRange,
        });
    }
    let signed_at = pdf
        .get(after..after + TIME_LENGTH)
        .and_then(|text| std::str::from_utf8(text).ok())
        .and_then(|text| NaiveDateTime::parse_from_str(text, TIME_FORMAT).ok())
        .map(|time| time.and_utc());
    Ok(Place { before, after, signed_at })
}

/// The end of the second range as written, if the rest of the byte range is as expected.
fn covered(written: &[u8], before: usize, after: usize) -> Option<u64> {
    let text = std::str::from_utf8(written).ok()?;
    let numbers: Vec<u64> = text
        .split(']')
        .next()?
        .split_ascii_whitespace()
        .map(|number| number.parse().ok())
        .collect::<Option<_>>()?;
    match numbers[..] {
        [b, c, d] if b == before as u64 && c == after as u64 => c.checked_add(d),
        _ => None,
    }
}
