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
    pdf::{
        MAX_CONTAINER, RANGE_LENGTH, SIGNATURE_HEAD, TIME_FORMAT, TIME_LENGTH, digest_without, range_text,
    },
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
    if container.len() > 2 * MAX_CONTAINER {
        return Err(VerifyError::Container("it is too large".to_owned()));
    }
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

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use lopdf::{Document, Object, Stream, dictionary, xref::XrefType};

    use super::*;
    use crate::sign::{Identity, PdfSignature, SignError};

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_586_400, 0).unwrap()
    }

    fn identity() -> Identity {
        Identity::generate("Audit, Ltd / Prüfung", now(), TimeDelta::days(1)).unwrap()
    }

    fn small_pdf(kind: XrefType, annotations: Option<Object>) -> Vec<u8> {
        let mut document = Document::with_version("1.5");
        document.reference_table.cross_reference_type = kind;
        let pages = document.new_object_id();
        let content = document.add_object(Stream::new(dictionary! {}, b"0 0 10 10 re f".to_vec()));
        let mut page = dictionary! { "Type" => "Page", "Parent" => pages, "Contents" => content,
        "MediaBox" => vec![0.into(), 0.into(), Object::Real(595.276), 842.into()] };
        if let Some(annotations) = annotations {
            let id = document.add_object(annotations);
            page.set("Annots", id);
        }
        let page = document.add_object(page);
        document.objects.insert(
            pages,
            dictionary! { "Type" => "Pages", "Count" => 1, "Kids" => vec![page.into()] }.into(),
        );
        let catalog = document.add_object(dictionary! { "Type" => "Catalog", "Pages" => pages });
        document.trailer.set("Root", catalog);
        let mut bytes = Vec::new();
        document.save_to(&mut bytes).unwrap();
        bytes
    }

    fn info<'a>() -> PdfSignature<'a> {
        // A text that looks like the signature itself must not lead the search astray.
        PdfSignature { name: "/ByteRange [0 ", reason: "Evidence of the audit (ü)", at: now() }
    }

    fn signed(identity: &Identity) -> Vec<u8> {
        identity.sign_pdf(&small_pdf(XrefType::CrossReferenceTable, None), &info()).unwrap()
    }

    #[test]
    fn a_signed_pdf_verifies_in_every_form_of_file() {
        let identity = identity();
        for kind in [XrefType::CrossReferenceTable, XrefType::CrossReferenceStream] {
            for annotations in [None, Some(Object::Array(vec![]))] {
                let mut pdf = small_pdf(kind, annotations);
                while pdf.last().is_some_and(u8::is_ascii_whitespace) {
                    pdf.pop(); // ends in a bare %%EOF
                }
                let signed = identity.sign_pdf(&pdf, &info()).unwrap();
                assert_eq!(&signed[..pdf.len()], pdf);
                assert_eq!(signed[pdf.len()], b'\n');
                let verified = verify_pdf(&signed).unwrap();
                assert_eq!(&verified.signer, identity.signer());
                assert_eq!(verified.signed_at, Some(now()));

                // The update is one that a reader follows: the field hangs in the form and on the page.
                let read = Document::load_mem(&signed).unwrap();
                let form = read.catalog().unwrap().get(b"AcroForm").unwrap().as_dict().unwrap();
                let field = form.get(b"Fields").unwrap().as_array().unwrap()[0].clone();
                let page = read.get_dictionary(read.page_iter().next().unwrap()).unwrap();
                let (_, listed) = read.dereference(page.get(b"Annots").unwrap()).unwrap();
                assert_eq!(listed.as_array().unwrap(), &vec![field]);
                assert!(identity.sign_pdf(&signed, &info()).is_err(), "a second signature must be refused");
            }
        }
    }

    #[test]
    fn signing_is_deterministic() {
        let identity = identity();
        assert_eq!(signed(&identity), signed(&identity));
        assert_eq!(identity.sign_detached(b"a"), identity.sign_detached(b"a"));
        assert_ne!(identity.sign_detached(b"a"), identity.sign_detached(b"b"));
    }

    #[test]
    fn every_flipped_bit_of_a_signed_pdf_is_found() {
        let mut pdf = signed(&identity());
        verify_pdf(&pdf).unwrap();
        let place = locate(&pdf).unwrap();
        for index in 0..pdf.len() {
            // One bit of each byte; three of each in the container and in the dictionary around it, where
            // not everything is signed.
            let near = (place.before - 400..place.after + 40).contains(&index);
            for bit in (0..8).filter(|bit| index % 8 == *bit || near && index % 3 == bit % 3) {
                pdf[index] ^= 1 << bit;
                assert!(verify_pdf(&pdf).is_err(), "bit {bit} of byte {index} was flipped unseen");
                pdf[index] ^= 1 << bit;
            }
        }
    }

    #[test]
    fn cut_and_lengthened_files_are_refused() {
        let identity = identity();
        let pdf = signed(&identity);
        for length in 0..pdf.len() {
            assert!(verify_pdf(&pdf[..length]).is_err(), "cut to {length} bytes");
        }
        let length = pdf.len() as u64;
        let mut longer = pdf.clone();
        longer.push(b'\n');
        assert_eq!(
            verify_pdf(&longer).unwrap_err(),
            VerifyError::NotWhole { covered: length, length: length + 1 }
        );
        assert_eq!(verify_pdf(b"%PDF-1.7\n%%EOF").unwrap_err(), VerifyError::NotSigned);
        // Not signed input, cut anywhere, must not make the signer panic.
        let plain = small_pdf(XrefType::CrossReferenceTable, None);
        for length in 0..plain.len() {
            let _ = identity.sign_pdf(&plain[..length], &info());
        }
    }

    #[test]
    fn altered_bytes_and_a_foreign_container_are_named() {
        let one = identity();
        let mut pdf = signed(&one);
        pdf[10] ^= 1;
        assert_eq!(verify_pdf(&pdf).unwrap_err(), VerifyError::Altered);

        // The ECDSA value of another key over the very same attributes, under the first one's certificate.
        let mut pdf = signed(&one);
        let place = locate(&pdf).unwrap();
        let digest = digest_without(&pdf, place.before, place.after);
        let attributes = cms::signed_bytes(&one.chain, &digest).unwrap();
        let other = identity().sign_detached(&attributes);
        let container = hex::encode(cms::build(&one.chain, &digest, &other).unwrap());
        let hex = &mut pdf[place.before + 1..place.after - 1];
        hex.fill(b'0');
        hex[..container.len()].copy_from_slice(container.as_bytes());
        assert_eq!(verify_pdf(&pdf).unwrap_err(), VerifyError::Mismatch);
    }

    #[test]
    fn a_detached_signature_holds_for_its_bytes_only() {
        let identity = identity();
        let (pem, bytes) = (identity.certificate_pem(), b"{\"run\":1}");
        let signature = identity.sign_detached(bytes);
        assert_eq!(&verify_detached(&pem, bytes, &signature).unwrap(), identity.signer());
        assert_eq!(verify_detached(&pem, b"{\"run\":2}", &signature).unwrap_err(), VerifyError::Mismatch);
        for index in 0..signature.len() {
            assert!(verify_detached(&pem, bytes, &signature[..index]).is_err());
            for bit in 0..8 {
                let mut flipped = signature.clone();
                flipped[index] ^= 1 << bit;
                assert!(verify_detached(&pem, bytes, &flipped).is_err(), "bit {bit} of byte {index}");
            }
        }
        let mut longer = signature.clone();
        longer.push(0);
        assert!(verify_detached(&pem, bytes, &longer).is_err());
        for length in 0..pem.len() - 1 {
            assert!(
                verify_detached(&pem[..length], bytes, &signature).is_err(),
                "certificate of {length} bytes"
            );
        }
        let stranger = super::tests::identity().certificate_pem();
        assert_eq!(verify_detached(&stranger, bytes, &signature).unwrap_err(), VerifyError::Mismatch);
    }

    #[test]
    fn a_time_outside_the_certificate_is_refused() {
        let pdf = small_pdf(XrefType::CrossReferenceTable, None);
        let late = PdfSignature { at: now() + TimeDelta::days(2), ..info() };
        assert!(matches!(identity().sign_pdf(&pdf, &late), Err(SignError::NotValidAt { .. })));
    }
}
