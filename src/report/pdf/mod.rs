//! The report for auditors as a PDF, unsigned. The same record and digest give the same bytes.
//!
//! ```text
//! Record -> Flow (pages of texts and boxes) -> write (fonts cut down, outline, ids) -> bytes
//! ```
//!
//! Every text passes [`fonts::Fonts::clean`] exactly once, where it is laid out: nothing from outside can turn a
//! line around, and what a font cannot draw is written as `\u{65E5}` and not left out.

mod annex;
mod cover;
mod fonts;
mod layout;
mod scenarios;
mod summary;
mod table;
mod write;

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
    // The second page is for the contents, which are known at the end.
    flow.new_page();
    flow.new_page();
    summary::summary(&mut flow, record);
    summary::opinion(&mut flow, record);
    summary::not_assessed(&mut flow, record);
    scenarios::scenarios(&mut flow, record);
    annex::scan(&mut flow, record);
    annex::target(&mut flow, record);
    annex::waivers(&mut flow, record);
    annex::method(&mut flow, record);
    annex::verify(&mut flow, record, results_sha256);
    cover::contents(&mut flow);
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
