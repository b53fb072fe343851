//! Who could weaken the protection: what the analysis found, and who may do what.

use crate::record::Record;
use crate::record::analysis::{Analysis, AnalysisFinding, AnalysisState};
use crate::report::model::Status;
use crate::report::pdf::layout::{BODY, CODE_NOTE, Flow, NOTE, SMALL, STRONG, Style, tint};
use crate::report::pdf::short;
use crate::report::pdf::table::{Cell, cell, left};
use crate::report::who;

/// How many findings are printed.
const NAMED: usize = 40;
/// How many characters of a list of names are printed.
const NAMES: usize = 1_500;

pub(super) fn analysis(flow: &mut Flow<'_>, record: &Record) {
    flow.section("Who could weaken the protection");
    let Some(analysis) = &record.analysis else {
        flow.paragraph(BODY, 0.0, "Configuration and policies were not analysed in this run.");
        return;
    };
    flow.paragraph(BODY, 0.0, &introduction(analysis));
    flow.gap(6.0);
    if analysis.findings.is_empty() {
        flow.paragraph(BODY, 0.0, "Nothing was found.");
    }
    let rows = analysis.findings.iter().take(NAMED).map(|f| row(record, f)).collect();
    flow.table(
        &[
            left("Severity", 0.1),
            left("Finding, and how sure it is", 0.27),
            left("What it is, where, and what to do", 0.63),
        ],
        rows,
    );
    if analysis.findings.len() > NAMED {
        let more = format!("{} further findings are in results.json.", analysis.findings.len() - NAMED);
        flow.paragraph(NOTE, 0.0, &more);
    }
    flow.heading("Who may do what, by what was read");
    let rows = who::answers(record)
        .into_iter()
        .map(|(questions, lines)| {
            let questions = questions.into_iter().map(|question| (STRONG, question.to_owned())).collect();
            let lines = lines.into_iter().map(|line| (SMALL, short(&line, NAMES))).collect();
            vec![Cell::Text(questions), Cell::Text(lines)]
        })
        .collect();
    flow.table(&[left("Who may …", 0.33), left("Answer", 0.67)], rows);
    for reason in who::left_open(record) {
        flow.paragraph(NOTE, 0.0, &format!("Not assessed: {reason}."));
    }
    if !analysis.policies.is_empty() {
        let names: Vec<String> =
            analysis.policies.iter().map(|p| format!("{} (SHA-256 {})", p.name, p.sha256)).collect();
        let text = format!(
            "Policies that were read beside the bucket's own, whole in results.json: {}.",
            short(&names.join("; "), NAMES)
        );
        flow.paragraph(NOTE, 0.0, &text);
    }
}

fn introduction(analysis: &Analysis) -> String {
    let of = |state| analysis.findings.iter().filter(|f| f.state == state).count();
    format!(
        "The bucket's configuration and the policies that could be read, judged by the rules of {}: {} findings are \
         proven by a scenario of this run, {} are analysed (read from what is configured, and tried by no attack that \
         went through), {} are not assessed, {} are refuted: every scenario that would show them was run, and held. What is not listed here is not thereby ruled out: policies that were not \
         read may grant more.",
        match analysis.server.as_str() {
            "minio" => "MinIO",
            "aws" => "Amazon S3",
            _ => "Amazon S3, which another server may not follow",
        },
        of(AnalysisState::Proven),
        of(AnalysisState::Analysed),
        of(AnalysisState::NotAssessed),
        of(AnalysisState::Refuted),
    )
}

fn row(record: &Record, finding: &AnalysisFinding) -> Vec<Cell> {
    let colour = match (finding.state, &finding.waived) {
        (_, Some(_)) => tint(Status::Waived),
        (AnalysisState::Proven, None) => tint(Status::Fail),
        (AnalysisState::Refuted, None) => tint(Status::Pass),
        (AnalysisState::Analysed, None) => SMALL.colour,
        (AnalysisState::NotAssessed, None) => tint(Status::Inconclusive),
    };
    let standing = short(&who::standing(finding, &record.scenarios), 300);
    let mut name = vec![(STRONG, finding.rule.word().to_owned()), (Style { colour, ..SMALL }, standing)];
    if let Some(waived) = &finding.waived {
        name.push((NOTE, format!("accepted risk: {}", short(waived, 300))));
    }
    vec![
        cell(SMALL, finding.severity.word()),
        Cell::Text(name),
        Cell::Text(vec![
            (CODE_NOTE, short(&who::place(finding), 300)),
            (SMALL, short(&finding.sentence, 800)),
            (NOTE, format!("Remedy: {}", short(&finding.remedy, 400))),
        ]),
    ]
}
