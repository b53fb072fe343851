//! The report for auditors as a PDF, unsigned. The same record and digest give the same bytes.
//!
//! ```text
//! Record -> Flow (pages of texts and boxes) -> write (fonts cut down, outline, ids) -> bytes
//! ```
//!
//! Every text passes [`fonts::Fonts::clean`] exactly once, where it is laid out: nothing from outside can turn a
//! line around, and what a font cannot draw is written as `\u{65E5}` and not left out.

mod analysis;
mod annex;
mod attachments;
mod cover;
mod event_log;
mod fonts;
mod layout;
mod principals;
mod profile;
mod scenarios;
mod summary;
mod table;
mod target;
mod trail;
mod write;

pub use write::made_from;

use crate::record::Record;
use crate::report::ReportError;
use fonts::{Face, Fonts};
use layout::{Flow, GREY, MARGIN, PAGE, RULE, Style, WIDTH};

/// Makes the PDF. `results_sha256` is the SHA-256 of `results.json` (lower-case hexadecimal), which is printed and
/// becomes the file's `/ID`.
///
/// # Errors
/// [`ReportError::Font`] and [`ReportError::Pdf`]; neither depends on what the record says.
pub fn pdf(record: &Record, results_sha256: &str) -> Result<Vec<u8>, ReportError> {
    let fonts = Fonts::load()?;
    let mut flow = Flow::new(&fonts);
    cover::cover(&mut flow, record, results_sha256);
    // A page is left for the contents, which are known at the end.
    flow.new_page();
    let contents = flow.pages.len() - 1;
    flow.new_page();
    summary::summary(&mut flow, record);
    summary::opinion(&mut flow, record);
    summary::not_assessed(&mut flow, record);
    profile::profile(&mut flow, record);
    scenarios::scenarios(&mut flow, record);
    annex::scan(&mut flow, record);
    event_log::event_log(&mut flow, record);
    trail::trails(&mut flow, record);
    analysis::analysis(&mut flow, record);
    target::target(&mut flow, record);
    annex::waivers(&mut flow, record);
    attachments::attachments(&mut flow, record);
    annex::method(&mut flow, record);
    annex::verify(&mut flow, record, results_sha256);
    cover::contents(&mut flow, contents);
    furniture(&mut flow, record);
    write::write(flow, record, results_sha256)
}

/// Head and foot of every page but the cover.
fn furniture(flow: &mut Flow<'_>, record: &Record) {
    let style = Style::new(Face::Regular, 7.4, GREY);
    let mono = Style::new(Face::Mono, 7.0, GREY);
    let pages = std::mem::take(&mut flow.pages);
    let count = pages.len();
    for (number, page) in pages.into_iter().enumerate() {
        flow.pages.push(page);
        if number == 0 {
            continue;
        }
        let right = MARGIN + WIDTH;
        flow.text(style, MARGIN, 40.0, "Object Lock assessment");
        let run = short(&record.run_id, 40);
        let run = flow.fonts.clean(Face::Mono, &run);
        let wide = flow.fonts.width(mono.face, mono.size, &run);
        flow.push(layout::Item::Text { style: mono, x: right - wide, y: 40.0, text: run });
        flow.fill(MARGIN, 47.0, WIDTH, 0.6, RULE);
        flow.fill(MARGIN, PAGE.1 - 44.0, WIDTH, 0.6, RULE);
        let tool = format!("{} {}", record.tool.name, record.tool.version);
        flow.text(style, MARGIN, PAGE.1 - 32.0, &tool);
        let text = format!("Page {} of {count}", number + 1);
        let wide = flow.fonts.width(style.face, style.size, &text);
        flow.text(style, right - wide, PAGE.1 - 32.0, &text);
    }
}

/// At most this many characters, with an ellipsis where some were left out.
fn short(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Verdict;
    use crate::report::sample;

    const DIGEST: &str = "0f343b0931126a20f133d67c2b018a3b00112233445566778899aabbccddeeff";

    fn read(bytes: &[u8]) -> lopdf::Document {
        lopdf::Document::load_mem(bytes).expect("a PDF")
    }

    /// The text of every page, by the fonts' own tables of characters.
    fn text(bytes: &[u8]) -> String {
        let file = read(bytes);
        let pages: Vec<u32> = file.get_pages().into_keys().collect();
        file.extract_text(&pages).expect("text").split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn equal_records_give_equal_bytes_and_the_id_follows_the_digest() {
        let record = sample::record();
        let bytes = pdf(&record, DIGEST).expect("a PDF");
        assert_eq!(bytes, pdf(&record, DIGEST).expect("a PDF"));
        assert!(bytes.starts_with(b"%PDF-1.7"));
        assert!(bytes.ends_with(b"%%EOF\n"), "a signature is appended below");
        assert!(bytes.len() < 2_000_000, "{} bytes", bytes.len());
        let file = read(&bytes);
        let id = file.trailer.get(b"ID").and_then(lopdf::Object::as_array).expect("an id");
        assert_eq!(id[0].as_str().expect("bytes"), &hex::decode(&DIGEST[..32]).expect("hex")[..]);
        let info = file.trailer.get(b"Info").and_then(lopdf::Object::as_reference).expect("info");
        assert!(!file.get_dictionary(info).expect("info").has(b"GTS_PDFXVersion"));
    }

    #[test]
    fn it_names_the_record_that_it_was_made_from() {
        let bytes = pdf(&sample::record(), DIGEST).expect("a PDF");
        assert_eq!(made_from(&bytes).as_deref(), Some(DIGEST));
        assert_eq!(made_from(b"%PDF-1.7 nothing of ours"), None);
    }

    #[test]
    fn it_says_what_an_auditor_looks_for() {
        let text = text(&pdf(&sample::record(), DIGEST).expect("a PDF"));
        let flat = text.replace(' ', "");
        for expected in [
            DIGEST,
            sample::UPLOADED,
            sample::SWAPPED,
            "DID NOT HOLD",
            "proves integrity, not who signed",
            "Q4-2026 blue heron 7731",
            "WORM-101",
            "capability bucket-policy is missing",
            "accepted risk: hold service is replaced in Q1 (RISK-311)",
            "Silence is never a pass.",
            "openssl dgst -sha256 -verify public.pem",
            "\\u{202E}txt.exe\\u{1B}[31m",
            "\\u{65E5}",
        ] {
            assert!(flat.contains(&expected.replace(' ', "")), "{expected} is missing");
        }
        assert!(!flat.to_lowercase().contains("compliant"));
    }

    #[test]
    fn every_text_lies_on_its_page() {
        let mut record = sample::record();
        record.trails = vec![sample::trail()];
        let fonts = Fonts::load().expect("fonts");
        let mut flow = Flow::new(&fonts);
        summary::summary(&mut flow, &record);
        profile::profile(&mut flow, &record);
        scenarios::scenarios(&mut flow, &record);
        annex::scan(&mut flow, &record);
        trail::trails(&mut flow, &record);
        analysis::analysis(&mut flow, &record);
        target::target(&mut flow, &record);
        annex::waivers(&mut flow, &record);
        annex::method(&mut flow, &record);
        for (number, page) in flow.pages.iter().enumerate() {
            assert!(!page.is_empty(), "page {number} is empty");
            for item in page {
                if let layout::Item::Text { style, x, y, text } = item {
                    let end = x + fonts.width(style.face, style.size, text);
                    assert!(*x >= MARGIN && end <= MARGIN + WIDTH + 0.5, "page {number}: {text}");
                    assert!(*y > layout::TOP && *y < PAGE.1 - 50.0, "page {number}: {text}");
                }
            }
        }
    }

    #[test]
    fn an_immoderate_record_still_becomes_a_report() {
        let mut record = sample::record();
        let long = sample::HOSTILE.repeat(60);
        record.target.bucket.clone_from(&long);
        record.target.prefix.clone_from(&long);
        record.target.description.clone_from(&long);
        record.operator.challenge = Some(long.clone());
        record.outcome.reason.clone_from(&long);
        record.run_id.clone_from(&long);
        for scenario in &mut record.scenarios {
            if scenario.verdict != Verdict::Pass {
                scenario.title.clone_from(&long);
                scenario.reason.clone_from(&long);
            }
        }
        let bytes = pdf(&record, DIGEST).expect("a PDF");
        assert!(read(&bytes).get_pages().len() > 20);
    }

    #[test]
    fn an_empty_record_becomes_a_report_too() {
        let mut record = sample::record();
        record.scenarios.clear();
        record.scan = None;
        record.findings.clear();
        record.waivers.clear();
        record.residue.clear();
        record.principals.clear();
        record.outcome.exit_code = 4;
        let text = text(&pdf(&record, DIGEST).expect("a PDF"));
        assert!(text.replace(' ', "").contains("NOTHINGWASTESTED"));
    }
}
