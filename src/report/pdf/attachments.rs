//! The documents that were filed beside the evidence.

use crate::record::Record;
use crate::report::pdf::layout::{BODY, CODE_NOTE, Flow, SMALL, STRONG};
use crate::report::pdf::short;
use crate::report::pdf::table::{Cell, cell, left};
use crate::report::terms::attachment;

pub(super) fn attachments(flow: &mut Flow<'_>, record: &Record) {
    if record.attachments.is_empty() {
        return;
    }
    flow.heading("Attached documents");
    flow.paragraph(
        BODY,
        0.0,
        "These files were filed beside this report, in the directory `attachments`. The record binds their bytes by \
         SHA-256; what they say was not assessed.",
    );
    flow.gap(6.0);
    let rows = record
        .attachments
        .iter()
        .map(|document| {
            let [name, about, sha256] = attachment(document);
            vec![cell(STRONG, short(&name, 200)), Cell::Text(vec![(SMALL, about), (CODE_NOTE, sha256)])]
        })
        .collect();
    flow.table(&[left("Document", 0.36), left("Type, size, SHA-256", 0.64)], rows);
}
