//! From pages to a PDF file: fonts cut down, fixed ids and dates, the outline.
//!
//! printpdf draws; what it gets wrong is set right on the lopdf document: the version, the ids (its own do
//! not depend on the content), the outline (its own is flat and sorted by title), the page mode, and a key that
//! would announce PDF/X.

use std::collections::{BTreeMap, BTreeSet};

use lopdf::{Dictionary, Document, Object, ObjectId, StringFormat};
use printpdf::{
    Actions, BorderArray, Color, ColorArray, Destination, FontId, LinkAnnotation, Op, PaintMode, PdfDocument,
    PdfFont, PdfFontHandle, PdfPage, PdfSaveOptions, Point, Pt, Rect, Rgb, TextItem,
};

use crate::record::Record;
use crate::report::ReportError;
use crate::report::pdf::fonts::Face;
use crate::report::pdf::layout::{Colour, Flow, Item, MARGIN, Mark, PAGE, Style};
use crate::report::text::show;

/// Writes the file. Equal pages, record and digest give equal bytes; the last byte is a line end.
pub(super) fn write(flow: Flow<'_>, record: &Record, results_sha256: &str) -> Result<Vec<u8>, ReportError> {
    let Flow { fonts, pages, marks, .. } = flow;
    let mut document = PdfDocument::new("");
    for (face, used) in used(&pages) {
        let part = fonts.subset(face, &used)?;
        document.resources.fonts.map.insert(id(face), PdfFont::new(part));
    }
    document.pages = pages.iter().map(|items| page(items)).collect();
    let options = PdfSaveOptions::default();
    let mut warnings = Vec::new();
    let mut file = document.to_lopdf_document(&options, &mut warnings);
    if let Some(warning) = warnings.first() {
        return Err(ReportError::Pdf(warning.msg.clone()));
    }
    finish(&mut file, &marks, record, results_sha256)?;
    file.compress();
    let mut bytes = Vec::new();
    file.save_to(&mut bytes).map_err(|e| ReportError::Pdf(e.to_string()))?;
    if bytes.last() != Some(&b'\n') {
        bytes.push(b'\n');
    }
    Ok(bytes)
}

/// The characters that each face draws.
fn used(pages: &[Vec<Item>]) -> BTreeMap<Face, BTreeSet<char>> {
    let mut used: BTreeMap<Face, BTreeSet<char>> = BTreeMap::new();
    for item in pages.iter().flatten() {
        if let Item::Text { style, text, .. } = item {
            used.entry(style.face).or_default().extend(text.chars());
        }
    }
    used
}

fn id(face: Face) -> FontId {
    FontId(face.name().to_owned())
}

fn colour([red, green, blue]: Colour) -> Color {
    let part = |value: u8| f32::from(value) / 255.0;
    Color::Rgb(Rgb::new(part(red), part(green), part(blue), None))
}

fn rectangle(x: f32, y: f32, width: f32, height: f32) -> Rect {
    Rect {
        x: Pt(x),
        y: Pt(PAGE.1 - y - height),
        width: Pt(width),
        height: Pt(height),
        mode: Some(PaintMode::Fill),
        winding_order: None,
    }
}

fn page(items: &[Item]) -> PdfPage {
    let mut ops = Vec::new();
    for item in items {
        match item {
            Item::Box { x, y, width, height, colour: fill } => {
                ops.push(Op::SetFillColor { col: colour(*fill) });
                ops.push(Op::DrawRectangle { rectangle: rectangle(*x, *y, *width, *height) });
            }
            Item::Text { style, x, y, text } => ops.extend(words(*style, *x, *y, text)),
            Item::Link { x, y, width, height, page, top } => {
                let to = Destination::Xyz {
                    page: page + 1,
                    left: Some(MARGIN),
                    top: Some(PAGE.1 - top),
                    zoom: None,
                };
                ops.push(Op::LinkAnnotation {
                    link: LinkAnnotation::new(
                        rectangle(*x, *y, *width, *height),
                        Actions::go_to(to),
                        Some(BorderArray::Solid([0.0, 0.0, 0.0])),
                        Some(ColorArray::Transparent),
                        None,
                    ),
                });
            }
        }
    }
    let size = Rect { mode: None, ..rectangle(0.0, 0.0, PAGE.0, PAGE.1) };
    PdfPage { media_box: size.clone(), trim_box: size.clone(), crop_box: size, ops }
}

fn words(style: Style, x: f32, y: f32, text: &str) -> [Op; 6] {
    [
        Op::StartTextSection,
        Op::SetFillColor { col: colour(style.colour) },
        Op::SetFont { font: PdfFontHandle::External(id(style.face)), size: Pt(style.size) },
        Op::SetTextCursor { pos: Point { x: Pt(x), y: Pt(PAGE.1 - y) } },
        Op::ShowText { items: vec![TextItem::Text(text.to_owned())] },
        Op::EndTextSection,
    ]
}

/// Sets what printpdf leaves open or gets wrong.
fn finish(
    file: &mut Document,
    marks: &[Mark],
    record: &Record,
    results_sha256: &str,
) -> Result<(), ReportError> {
    let broken = |e: lopdf::Error| ReportError::Pdf(e.to_string());
    "1.7".clone_into(&mut file.version);

    let info = file.trailer.get(b"Info").and_then(Object::as_reference).map_err(broken)?;
    let date = |at: chrono::DateTime<chrono::Utc>| {
        Object::String(at.format("D:%Y%m%d%H%M%S+00'00'").to_string().into_bytes(), StringFormat::Literal)
    };
    let mut about = Dictionary::new();
    about.set("Title", string(&format!("Object Lock assessment of {}", record.target.bucket)));
    about.set("Subject", string(&format!("wormproof run {}", record.run_id)));
    about.set("Author", string(record.operator.user.as_deref().unwrap_or("wormproof")));
    about.set("Creator", string(&format!("{} {}", record.tool.name, record.tool.version)));
    about.set("Producer", string(&format!("{} {}", record.tool.name, record.tool.version)));
    about.set("Keywords", string(&format!("{NAMES}{results_sha256}")));
    about.set("CreationDate", date(record.times.finished));
    about.set("ModDate", date(record.times.finished));
    file.set_object(info, about);

    let digest = hex::decode(results_sha256).unwrap_or_default();
    let first = Object::String(
        if digest.len() >= 16 { digest[..16].to_vec() } else { results_sha256.as_bytes().to_vec() },
        StringFormat::Hexadecimal,
    );
    file.trailer.set("ID", vec![first.clone(), first]);

    let pages: Vec<ObjectId> = file.get_pages().into_values().collect();
    for page in &pages {
        let page = file.get_object_mut(*page).and_then(Object::as_dict_mut).map_err(broken)?;
        if page.get(b"Annots").and_then(Object::as_array).is_ok_and(Vec::is_empty) {
            page.remove(b"Annots");
        } else if let Ok(links) = page.get_mut(b"Annots").and_then(Object::as_array_mut) {
            for link in links {
                // Print flag: PDF/A asks for it on every annotation.
                link.as_dict_mut().map_err(broken)?.set("F", 4);
            }
        }
    }
    let outline = outline(file, marks, &pages);
    let catalog = file.catalog_mut().map_err(broken)?;
    if let Some(outline) = outline {
        catalog.set("Outlines", outline);
        catalog.set("PageMode", "UseOutlines");
    }
    catalog.set("Lang", Object::string_literal("en-GB"));
    catalog.set("ViewerPreferences", Dictionary::from_iter([("DisplayDocTitle", Object::Boolean(true))]));
    Ok(())
}

/// A text string: UTF-16 with a byte order mark.
fn string(text: &str) -> Object {
    let units = show(text).encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<u8>>();
    Object::String([vec![0xFE, 0xFF], units].concat(), StringFormat::Hexadecimal)
}

/// What stands before the digest of the record in the keywords of a report.
const NAMES: &str = "results.json SHA-256 ";

/// The SHA-256 of the `results.json` that a report was made from, as it says itself; `None` if it does not say so.
#[must_use]
pub fn made_from(pdf: &[u8]) -> Option<String> {
    let file = Document::load_mem(pdf).ok()?;
    let info = file.trailer.get(b"Info").and_then(Object::as_reference).ok()?;
    let bytes = file.get_dictionary(info).ok()?.get(b"Keywords").and_then(Object::as_str).ok()?;
    let units =
        bytes.strip_prefix(&[0xFE, 0xFF])?.chunks_exact(2).map(|unit| u16::from_be_bytes([unit[0], unit[1]]));
    let text: String = char::decode_utf16(units).collect::<Result<_, _>>().ok()?;
    text.strip_prefix(NAMES).map(ToOwned::to_owned)
}

/// The outline in the order of the report, two levels deep; `None` without an entry.
fn outline(file: &mut Document, marks: &[Mark], pages: &[ObjectId]) -> Option<ObjectId> {
    let root = file.new_object_id();
    let ids: Vec<ObjectId> = marks.iter().map(|_| file.new_object_id()).collect();
    let mut children: BTreeMap<ObjectId, Vec<usize>> = BTreeMap::new();
    let mut section = root;
    for (at, mark) in marks.iter().enumerate() {
        let parent = if mark.level == 1 { root } else { section };
        if mark.level == 1 {
            section = ids[at];
        }
        children.entry(parent).or_default().push(at);
    }
    for (parent, entries) in &children {
        for (place, at) in entries.iter().enumerate() {
            let mark = &marks[*at];
            let mut entry = Dictionary::new();
            entry.set("Title", string(&mark.title));
            entry.set("Parent", *parent);
            let page = *pages.get(mark.page)?;
            entry.set(
                "Dest",
                vec![
                    Object::Reference(page),
                    "XYZ".into(),
                    Object::Real(0.0),
                    Object::Real(PAGE.1 - mark.top),
                    Object::Null,
                ],
            );
            if let Some(before) = place.checked_sub(1).and_then(|p| entries.get(p)) {
                entry.set("Prev", ids[*before]);
            }
            if let Some(after) = entries.get(place + 1) {
                entry.set("Next", ids[*after]);
            }
            if let Some(below) = children.get(&ids[*at])
                && let (Some(first), Some(last)) = (below.first(), below.last())
            {
                entry.set("First", ids[*first]);
                entry.set("Last", ids[*last]);
                // Negative: closed until the reader opens it.
                entry.set("Count", -i64::try_from(below.len()).unwrap_or(0));
            }
            file.set_object(ids[*at], entry);
        }
    }
    let top = children.get(&root)?;
    let outlines = Dictionary::from_iter([
        ("Type", Object::from("Outlines")),
        ("First", Object::Reference(ids[*top.first()?])),
        ("Last", Object::Reference(ids[*top.last()?])),
        ("Count", Object::Integer(i64::try_from(top.len()).unwrap_or(0))),
    ]);
    file.set_object(root, outlines);
    Some(root)
}
