//! Writes a PAdES baseline B-B signature into a PDF as an incremental update (ISO 32000-1, 12.8;
//! ETSI EN 319 142-1): the original bytes stay an untouched prefix.
//!
//! The update is written here and not by `lopdf`, which starts it with a second `%PDF` header; `lopdf`
//! only reads the trailer, the catalog and the first page. The signature dictionary is the last object
//! of the update and has one fixed form, so that `verify` finds it without parsing PDF:
//!
//! ```text
//! /Type/Sig/Filter/Adobe.PPKLite/SubFilter/ETSI.CAdES.detached
//! /ByteRange [0          b          c          d]/Contents <hex>/M (D:20261125063528Z)
//! ```

use std::io::Write as _;

use chrono::{DateTime, Datelike as _, Utc};
use lopdf::{Dictionary, Document, Object, ObjectId, StringFormat, xref::XrefType};
use sha2::{Digest as _, Sha256};

use crate::sign::{Identity, SignError, cms};

/// What stands before the byte range.
pub(super) const SIGNATURE_HEAD: &[u8] =
    b"/Type/Sig/Filter/Adobe.PPKLite/SubFilter/ETSI.CAdES.detached/ByteRange [0 ";
/// Length of the three numbers and of `]/Contents `, up to the `<`.
pub(super) const RANGE_LENGTH: usize = 3 * 11 - 1 + 11;
/// The signing time, as `chrono` writes and reads it.
pub(super) const TIME_FORMAT: &str = "/M (D:%Y%m%d%H%M%SZ)";
/// Length of the signing time as written.
pub(super) const TIME_LENGTH: usize = 22;

/// Room in the container beside the certificates, in bytes: attributes, names, ECDSA value.
const RESERVE: usize = 1024;
/// Largest container, in bytes: far more than any chain needs, and little enough to be read from a hostile
/// file without harm.
pub(super) const MAX_CONTAINER: usize = 128 * 1024;

/// What the signature says beside the certificate. Both texts are shown by PDF readers.
#[derive(Debug, Clone, Copy)]
pub struct PdfSignature<'a> {
    /// Who signs.
    pub name: &'a str,
    /// Why.
    pub reason: &'a str,
    /// The time of signing, as claimed by the signer (there is no time stamp).
    pub at: DateTime<Utc>,
}

/// The byte range and what follows it, as far as the `<` of the container.
pub(super) fn range_text(before: usize, after: usize, rest: usize) -> String {
    format!("{before:>10} {after:>10} {rest:>10}]/Contents ")
}

impl Identity {
    /// Signs a PDF: appends a signature over the whole file, in an invisible field on its first page.
    ///
    /// Refuses an encrypted PDF, one that has a form or a signature already, and a time outside the
    /// certificate's validity.
    pub fn sign_pdf(&self, pdf: &[u8], info: &PdfSignature<'_>) -> Result<Vec<u8>, SignError> {
        let signer = self.signer();
        if !signer.valid_at(info.at) {
            return Err(SignError::NotValidAt {
                at: info.at,
                not_before: signer.not_before,
                not_after: signer.not_after,
            });
        }
        if !(0..=9999).contains(&info.at.year()) {
            return Err(SignError::Time);
        }
        let room = signer.certificate_pem.len() + RESERVE;
        if room > MAX_CONTAINER {
            return Err(SignError::Certificate("the chain is too large".to_owned()));
        }
        let (mut out, hex_start) = append(pdf, info, room)?;

        let hex_end = hex_start + 2 * room;
        let (before, after) = (hex_start - 1, hex_end + 1);
        let text = range_text(before, after, out.len() - after);
        out[before - RANGE_LENGTH..before].copy_from_slice(text.as_bytes());

        let digest = digest_without(&out, before, after);
        let signature = self.sign_detached(&cms::signed_bytes(&self.chain, &digest)?);
        let container = hex::encode(cms::build(&self.chain, &digest, &signature)?);
        let place = out[hex_start..hex_end]
            .get_mut(..container.len())
            .ok_or_else(|| SignError::Pdf("the certificates are too large for it".to_owned()))?;
        place.copy_from_slice(container.as_bytes());
        Ok(out)
    }
}

/// SHA-256 of the bytes before `before` and from `after` on.
pub(super) fn digest_without(bytes: &[u8], before: usize, after: usize) -> [u8; 32] {
    Sha256::new().chain_update(&bytes[..before]).chain_update(&bytes[after..]).finalize().into()
}

/// Appends the update with an empty container of `room` bytes. Gives the new file and the place of the
/// container's first hex digit.
fn append(pdf: &[u8], info: &PdfSignature<'_>, room: usize) -> Result<(Vec<u8>, usize), SignError> {
    let refuse = |why: &str| SignError::Pdf(why.to_owned());
    if !pdf.starts_with(b"%PDF-") {
        return Err(refuse("it does not begin with %PDF-"));
    }
    let document = Document::load_mem(pdf).map_err(|error| SignError::Pdf(error.to_string()))?;
    if document.trailer.has(b"Encrypt") {
        return Err(refuse("it is encrypted"));
    }
    let reference =
        |dictionary: &Dictionary, key: &[u8]| dictionary.get(key).and_then(Object::as_reference).ok();
    let catalog_id = reference(&document.trailer, b"Root").ok_or_else(|| refuse("it has no catalog"))?;
    let mut catalog =
        document.get_dictionary(catalog_id).map_err(|_| refuse("its catalog cannot be read"))?.clone();
    if catalog.has(b"AcroForm") {
        return Err(refuse("it already has a form or a signature"));
    }
    let page_id = document.page_iter().next().ok_or_else(|| refuse("it has no page"))?;
    let size = document.trailer.get(b"Size").and_then(Object::as_i64).unwrap_or(0);
    let next = u32::try_from(size).unwrap_or(0).max(document.max_id.saturating_add(1));
    if next > u32::MAX - 8 {
        return Err(refuse("its object numbers are out of range"));
    }
    let (widget_id, signature_id, xref_id) = ((next, 0), (next + 1, 0), (next + 2, 0));

    let mut form = Dictionary::new();
    form.set("Fields", vec![Object::Reference(widget_id)]);
    form.set("SigFlags", 3); // SignaturesExist, AppendOnly
    catalog.set("AcroForm", form);
    let (annotated_id, annotated) = annotate(&document, page_id, widget_id)?;
    if annotated_id == catalog_id {
        return Err(refuse("its catalog is its page"));
    }
    let mut widget = Dictionary::new();
    for (key, value) in [("Type", "Annot"), ("Subtype", "Widget"), ("FT", "Sig")] {
        widget.set(key, Object::Name(value.into()));
    }
    widget.set("T", Object::string_literal("wormproof"));
    widget.set("F", 132); // Print, Locked
    widget.set("Rect", vec![Object::Integer(0); 4]);
    widget.set("P", page_id);
    widget.set("V", signature_id);

    let mut out = pdf.to_vec();
    if !matches!(pdf.last(), Some(b'\n' | b'\r')) {
        out.push(b'\n'); // an object begins on a line of its own, also after a bare %%EOF
    }
    let mut places = Vec::new();
    for (id, object) in
        [(annotated_id, annotated), (catalog_id, catalog.into()), (widget_id, Object::Dictionary(widget))]
    {
        places.push((id, out.len()));
        out.extend(format!("{} {} obj\n", id.0, id.1).bytes());
        write_object(&mut out, &object)?;
        out.extend(b"\nendobj\n");
    }
    places.push((signature_id, out.len()));
    let hex_start = write_signature(&mut out, signature_id, info, room)?;
    write_xref(&mut out, &document, places, xref_id)?;
    Ok((out, hex_start))
}

/// The object that lists the first page's annotations (the page, or an array of its own), with the
/// signature's field added.
fn annotate(document: &Document, page: ObjectId, widget: ObjectId) -> Result<(ObjectId, Object), SignError> {
    let unreadable = |_| SignError::Pdf("its first page cannot be read".to_owned());
    let mut dictionary = document.get_dictionary(page).map_err(unreadable)?.clone();
    let listed = match dictionary.get(b"Annots").ok() {
        Some(Object::Reference(id)) => Some((*id, document.get_object(*id).map_err(unreadable)?)),
        Some(object) => Some((page, object)),
        None => None,
    };
    let (id, mut annotations) = match listed {
        Some((id, Object::Array(annotations))) => (id, annotations.clone()),
        None | Some((_, Object::Null)) => (page, Vec::new()),
        Some(_) => return Err(SignError::Pdf("its first page's annotations are no list".to_owned())),
    };
    annotations.push(Object::Reference(widget));
    if id != page {
        return Ok((id, Object::Array(annotations)));
    }
    dictionary.set("Annots", annotations);
    Ok((page, Object::Dictionary(dictionary)))
}

/// Writes the signature dictionary with an empty container; gives the place of its first hex digit. The
/// texts are written in hex, so that none of them can look like a byte range.
fn write_signature(
    out: &mut Vec<u8>,
    id: ObjectId,
    info: &PdfSignature<'_>,
    room: usize,
) -> Result<usize, SignError> {
    out.extend(format!("{} 0 obj\n<</Name {}/Reason {}", id.0, text(info.name), text(info.reason)).bytes());
    out.extend(SIGNATURE_HEAD);
    out.extend(range_text(0, 0, 0).bytes());
    out.push(b'<');
    let hex_start = out.len();
    out.resize(hex_start + 2 * room, b'0');
    out.push(b'>');
    write!(out, "{}>>\nendobj\n", info.at.format(TIME_FORMAT)).map_err(|_| SignError::Time)?;
    Ok(hex_start)
}

/// A text string: UTF-16 with byte order mark, in hex.
fn text(value: &str) -> String {
    value.encode_utf16().fold("<feff".to_owned(), |hex, unit| format!("{hex}{unit:04x}")) + ">"
}

/// Writes the cross-reference of the update in the form that the file has (a table or, since PDF 1.5, a
/// stream; the two must not be mixed), the trailer and the end of the file.
fn write_xref(
    out: &mut Vec<u8>,
    document: &Document,
    mut places: Vec<(ObjectId, usize)>,
    xref_id: ObjectId,
) -> Result<(), SignError> {
    let start = out.len();
    let too_large = |_| SignError::Pdf("it is too large".to_owned());
    u32::try_from(start).map_err(too_large)?;
    let stream = matches!(document.reference_table.cross_reference_type, XrefType::CrossReferenceStream);
    if stream {
        places.push((xref_id, start));
    }
    places.sort_unstable();

    let mut trailer = Dictionary::new();
    trailer.set("Size", i64::from(xref_id.0) + i64::from(stream));
    trailer.set("Prev", i64::try_from(document.xref_start).map_err(too_large)?);
    for key in [b"Root".as_slice(), b"Info"] {
        if let Ok(value) = document.trailer.get(key) {
            trailer.set(key, value.clone());
        }
    }
    if let Ok([first, _]) = document.trailer.get(b"ID").and_then(Object::as_array).map(Vec::as_slice) {
        // The second half names this version of the file; the first stays.
        let version = Sha256::digest(&*out)[..16].to_vec();
        trailer.set("ID", vec![first.clone(), Object::String(version, StringFormat::Hexadecimal)]);
    }

    let runs: Vec<_> = places.chunk_by(|a, b| a.0.0.checked_add(1) == Some(b.0.0)).collect();
    if stream {
        let mut entries = Vec::new();
        for ((_, generation), offset) in &places {
            entries.push(1);
            entries.extend(u32::try_from(*offset).map_err(too_large)?.to_be_bytes());
            entries.extend(generation.to_be_bytes());
        }
        let mut index = Vec::new();
        for run in &runs {
            index.push(Object::Integer(i64::from(run[0].0.0)));
            index.push(Object::Integer(i64::try_from(run.len()).map_err(too_large)?));
        }
        trailer.set("Type", Object::Name(b"XRef".to_vec()));
        trailer.set("W", vec![Object::Integer(1), Object::Integer(4), Object::Integer(2)]);
        trailer.set("Index", index);
        trailer.set("Length", i64::try_from(entries.len()).map_err(too_large)?);
        out.extend(format!("{} 0 obj\n", xref_id.0).bytes());
        write_object(out, &Object::Dictionary(trailer))?;
        out.extend(b"\nstream\n");
        out.extend(entries);
        out.extend(b"\nendstream\nendobj\n");
    } else {
        out.extend(b"xref\n");
        for run in runs {
            out.extend(format!("{} {}\n", run[0].0.0, run.len()).bytes());
            for ((_, generation), offset) in run {
                out.extend(format!("{offset:010} {generation:05} n \n").bytes());
            }
        }
        out.extend(b"trailer\n");
        write_object(out, &Object::Dictionary(trailer))?;
        out.push(b'\n');
    }
    out.extend(format!("startxref\n{start}\n%%EOF\n").bytes());
    Ok(())
}

/// Writes an object. Strings come out in hex, which needs no escapes; a stream cannot stand inside another
/// object and is refused.
fn write_object(out: &mut Vec<u8>, object: &Object) -> Result<(), SignError> {
    match object {
        Object::Null => out.extend(b"null"),
        Object::Boolean(value) => out.extend(value.to_string().bytes()),
        Object::Integer(value) => out.extend(value.to_string().bytes()),
        Object::Real(value) => out.extend(value.to_string().bytes()),
        Object::Name(name) => write_name(out, name),
        Object::String(bytes, _) => out.extend(format!("<{}>", hex::encode(bytes)).bytes()),
        Object::Reference((id, generation)) => out.extend(format!("{id} {generation} R").bytes()),
        Object::Array(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b' ');
                }
                write_object(out, item)?;
            }
            out.push(b']');
        }
        Object::Dictionary(dictionary) => {
            out.extend(b"<<");
            for (key, value) in dictionary {
                write_name(out, key);
                out.push(b' ');
                write_object(out, value)?;
            }
            out.extend(b">>");
        }
        Object::Stream(_) => {
            return Err(SignError::Pdf("a stream stands inside its catalog or page".to_owned()));
        }
    }
    Ok(())
}

/// Writes a name; anything but plain characters as `#xx` (ISO 32000-1, 7.3.5).
fn write_name(out: &mut Vec<u8>, name: &[u8]) {
    out.push(b'/');
    for byte in name {
        if byte.is_ascii_graphic() && !b"()<>[]{}/%#".contains(byte) {
            out.push(*byte);
        } else {
            out.extend(format!("#{byte:02x}").bytes());
        }
    }
}
