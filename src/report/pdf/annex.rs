//! The scan, waivers and residue, the method, and how to verify.

use crate::record::{Finding, Record, ScanResult};
use crate::report::model::{Status, rule_severity, rule_words, total_words};
use crate::report::opinion::RULES;
use crate::report::pdf::fonts::Face;
use crate::report::pdf::layout::{
    BLUE, BODY, CODE, CODE_NOTE, Flow, INK, MARGIN, NOTE, PALE, SMALL, STRONG, Style, WIDTH, tint,
};
use crate::report::pdf::short;
use crate::report::pdf::table::{Cell, cell, left, right};
use crate::report::terminal::requirement;
use crate::time::human;

/// How many findings and left-over versions are printed.
const NAMED: usize = 24;

pub(super) fn scan(flow: &mut Flow<'_>, record: &Record) {
    flow.section("Scan and findings");
    match &record.scan {
        None => flow.paragraph(BODY, 0.0, "No scan was made."),
        Some(scan) => population(flow, scan),
    }
    if !record.findings.is_empty() {
        flow.heading("The bucket's configuration");
        findings(flow, &record.findings.iter().collect::<Vec<_>>());
    }
    let Some(scan) = record.scan.as_ref().filter(|s| !s.first.is_empty()) else { return };
    flow.heading("First findings of the scan");
    // What nobody has accepted comes first.
    let mut first: Vec<&Finding> = scan.first.iter().collect();
    first.sort_by_key(|f| (f.waived.is_some(), std::cmp::Reverse(f.severity)));
    first.truncate(NAMED);
    findings(flow, &first);
    let whole = scan.findings.values().sum::<u64>();
    let shown = scan.first.len().min(NAMED) as u64;
    if whole > shown {
        flow.paragraph(
            NOTE,
            0.0,
            &format!(
                "{} further findings are counted above and not printed; results.json names the first of them.",
                whole - shown
            ),
        );
    }
}

fn population(flow: &mut Flow<'_>, scan: &ScanResult) {
    let mut facts = vec![
        ("Scope", CODE, scan.scope.clone()),
        ("Required of every version", SMALL, requirement(scan)),
        (
            "From, to",
            SMALL,
            format!("{} – {}, by the server's clock", human(scan.started), human(scan.finished)),
        ),
        (
            "Seen",
            SMALL,
            format!(
                "object versions: {}, of keys: {}; delete markers: {}; pages listed: {}; locks looked up one by one: {}",
                grouped(scan.versions),
                grouped(scan.keys),
                grouped(scan.markers),
                grouped(scan.pages),
                grouped(scan.lookups)
            ),
        ),
    ];
    for (run, count) in &scan.left_out {
        facts.push(("Left out", SMALL, format!("{count} canaries of this tool, proven by run id {run}")));
    }
    let more = crate::report::terms::facts(scan);
    facts.extend(more.iter().map(|(name, value)| (name.as_str(), SMALL, value.clone())));
    if let (Some(first), Some(last)) = (scan.earliest_until, scan.latest_until) {
        facts.push((
            "Retention ends",
            SMALL,
            format!("{} at the earliest, {} at the latest", human(first), human(last)),
        ));
    }
    facts.push(("Population, SHA-256", CODE, scan.population_sha256.clone()));
    let complete = if scan.complete {
        "the whole scope was read".to_owned()
    } else {
        format!("NO: {}", scan.incomplete_reason.as_deref().unwrap_or("reason unknown"))
    };
    facts.push(("Complete", SMALL, complete));
    flow.facts(&facts);
    let rows = scan
        .totals
        .iter()
        .map(|(word, count)| vec![cell(SMALL, total_words(word)), cell(STRONG, grouped(*count))])
        .collect();
    flow.table(&[left("Object versions", 0.8), right("Number", 0.2)], rows);
    let rows = scan
        .findings
        .iter()
        .filter(|(_, n)| **n > 0)
        .map(|(rule, count)| {
            let waived = scan.waived_rules.iter().any(|w| w == rule);
            vec![
                cell(STRONG, rule.as_str()),
                cell(SMALL, rule_severity(rule).word()),
                cell(SMALL, rule_words(rule)),
                if waived { Cell::Badge(Status::Waived) } else { cell(SMALL, "") },
                cell(STRONG, grouped(*count)),
            ]
        })
        .collect();
    flow.table(
        &[
            left("Finding", 0.2),
            left("Severity", 0.13),
            left("Meaning", 0.37),
            left("", 0.14),
            right("Number", 0.16),
        ],
        rows,
    );
}

fn findings(flow: &mut Flow<'_>, findings: &[&Finding]) {
    let rows = findings
        .iter()
        .map(|finding| {
            let mut text = Vec::new();
            if !finding.key.is_empty() {
                text.push((CODE, short(&finding.key, 400)));
            }
            if !finding.version_id.is_empty() {
                text.push((CODE_NOTE, format!("version {}", short(&finding.version_id, 200))));
            }
            text.push((SMALL, finding.detail.clone()));
            if finding.waived.is_some() {
                text.push((NOTE, "accepted risk, see the waivers".to_owned()));
            }
            vec![cell(STRONG, finding.rule.word()), cell(SMALL, finding.severity.word()), Cell::Text(text)]
        })
        .collect();
    flow.table(&[left("Finding", 0.2), left("Severity", 0.11), left("Where and what", 0.69)], rows);
}

pub(super) fn waivers(flow: &mut Flow<'_>, record: &Record) {
    flow.section("Waivers and residue");
    if record.waivers.is_empty() {
        flow.paragraph(BODY, 0.0, "No waiver was given.");
    } else {
        flow.paragraph(
            BODY,
            0.0,
            "A waiver accepts a failure until its last day. The failure stays a failure and is counted as waived.",
        );
        flow.gap(6.0);
        let rows = record
            .waivers
            .iter()
            .map(|w| {
                vec![
                    cell(STRONG, w.waiver.id.clone()),
                    cell(SMALL, w.state.clone()),
                    cell(SMALL, grouped(w.covers)),
                    cell(SMALL, w.waiver.until.to_string()),
                    cell(SMALL, w.waiver.owner.clone()),
                    cell(SMALL, w.waiver.reason.clone()),
                ]
            })
            .collect();
        flow.table(
            &[
                left("For", 0.16),
                left("State", 0.12),
                right("Covers", 0.09),
                left("Until", 0.13),
                left("Accepted by", 0.16),
                left("Reason", 0.34),
            ],
            rows,
        );
    }
    flow.heading("What stays behind");
    if record.residue.is_empty() {
        flow.paragraph(BODY, 0.0, "Nothing that the tool wrote was left behind.");
        return;
    }
    let rows = record
        .residue
        .iter()
        .take(NAMED)
        .map(|r| {
            let mut what = vec![(CODE, format!("{}/{}", r.bucket, short(&r.key, 400)))];
            if !r.version_id.is_empty() {
                what.push((CODE_NOTE, format!("version {}", r.version_id)));
            }
            vec![
                Cell::Text(what),
                cell(SMALL, r.until.map_or_else(|| "no end known".to_owned(), human)),
                cell(SMALL, r.why.clone()),
            ]
        })
        .collect();
    flow.table(&[left("Object version", 0.58), left("Until", 0.23), left("Why", 0.19)], rows);
    if record.residue.len() > NAMED {
        flow.paragraph(NOTE, 0.0, &format!("{} more are in results.json.", record.residue.len() - NAMED));
    }
}

pub(super) fn method(flow: &mut Flow<'_>, record: &Record) {
    flow.section("Method");
    if record.only_reads_what_is_there() {
        flow.paragraph(
            BODY,
            0.0,
            "Only reads were sent. What could not be read is said where it would stand, and is never taken for \
             something that is not there.",
        );
        tool(flow, record);
        return;
    }
    flow.paragraph(
        BODY,
        0.0,
        "The tool wrote canary objects, tried to destroy, replace, unlock or hide them in the ways that the \
         section on scenarios lists, as several principals, and read every one of them back after each attempt. Three rules decide:",
    );
    flow.gap(6.0);
    for (rule, meaning) in RULES {
        flow.ensure(40.0);
        flow.paragraph(Style::new(Face::Bold, 9.5, INK), 0.0, rule);
        flow.paragraph(BODY, 0.0, meaning);
        flow.gap(5.0);
    }
    tool(flow, record);
    controls(flow, record);
}

fn tool(flow: &mut Flow<'_>, record: &Record) {
    flow.heading("The tool and its qualification");
    let tool = &record.tool;
    let mut facts = vec![
        (
            "Tool",
            SMALL,
            format!("{} {}, commit {}, judge version {}", tool.name, tool.version, tool.commit, tool.judge),
        ),
        (
            "Binary, SHA-256",
            CODE,
            tool.binary_sha256.clone().unwrap_or_else(|| "could not be read".to_owned()),
        ),
        ("Qualification", SMALL, record.qualification.clone()),
        (
            "Suite",
            SMALL,
            if record.suite_changed {
                "CHANGED: not the built-in suite, not qualified"
            } else {
                "as built in"
            }
            .to_owned(),
        ),
        ("Refusal dialect", SMALL, record.dialect.name.clone()),
        ("Event log", CODE, format!("{} events, head {}", record.events.len(), record.log_head)),
    ];
    for (name, digest) in &record.digests {
        facts.push(("Digest", CODE, format!("{name} {digest}")));
    }
    flow.facts(&facts);
}

fn controls(flow: &mut Flow<'_>, record: &Record) {
    if record.controls.is_empty() {
        return;
    }
    flow.heading("Controls that the scenarios name");
    flow.paragraph(
        NOTE,
        0.0,
        "A scenario gives evidence for a control; it does not show by itself that the control is met. Trust: V the \
         text was read, S a secondary text was read, M from memory, X tried out.",
    );
    flow.gap(4.0);
    let rows = record
        .controls
        .iter()
        .map(|c| {
            let named = record.scenarios.iter().filter(|s| s.controls.contains(&c.id)).count();
            vec![
                cell(STRONG, c.id.clone()),
                Cell::Text(vec![(SMALL, c.title.clone()), (NOTE, c.source.clone())]),
                cell(SMALL, c.trust.clone()),
                cell(SMALL, named.to_string()),
            ]
        })
        .collect();
    flow.table(
        &[
            left("Control", 0.28),
            left("Title and source", 0.5),
            left("Trust", 0.08),
            right("Scenarios", 0.14),
        ],
        rows,
    );
}

pub(super) fn verify(flow: &mut Flow<'_>, record: &Record, results_sha256: &str) {
    flow.section("How to verify this report");
    flow.paragraph(
        BODY,
        0.0,
        "None of these steps needs the tool that made the report. They are run in the directory that holds \
         results.json, results.json.sig, cert.pem and report.pdf.",
    );
    flow.gap(6.0);
    let steps: [(&str, &[String]); 4] = [
        (
            "The record is the one that this report was made from: the digest is the one printed here.",
            &["sha256sum results.json".to_owned(), results_sha256.to_owned()],
        ),
        (
            "The certificate is the one named here; whether it belongs to the signer has to be known from elsewhere.",
            &[
                "openssl x509 -in cert.pem -outform DER | sha256sum".to_owned(),
                record.signer.fingerprint.clone(),
            ],
        ),
        (
            "The record was signed with the certificate's key: the answer is \"Verified OK\".",
            &[
                "openssl x509 -in cert.pem -noout -pubkey > public.pem".to_owned(),
                "openssl dgst -sha256 -verify public.pem -signature results.json.sig results.json".to_owned(),
            ],
        ),
        (
            "This PDF was signed and not changed since: the answer has both \"Signature is Valid.\" and \"Total \
             document signed\". Either alone is not enough.",
            &["pdfsig report.pdf".to_owned()],
        ),
    ];
    for (meaning, commands) in steps {
        flow.ensure(70.0);
        flow.paragraph(BODY, 0.0, meaning);
        let count = f32::from(u8::try_from(commands.len()).unwrap_or(1));
        flow.y += 3.0;
        flow.fill(MARGIN, flow.y, WIDTH, count * CODE.leading() + 10.0, PALE);
        flow.fill(MARGIN, flow.y, 2.0, count * CODE.leading() + 10.0, BLUE);
        flow.y += 5.0;
        for command in commands {
            flow.text(CODE, MARGIN + 10.0, flow.y + CODE.size, &short(command, 110));
            flow.y += CODE.leading();
        }
        flow.y += 13.0;
    }
    flow.paragraph(
        BODY,
        0.0,
        "With the tool, \"wormproof verify\" does the same, checks the chain of the event log, and judges the evidence \
         again: a verdict is never taken from a file.",
    );
    if record.signer.ephemeral {
        flow.gap(6.0);
        flow.notice(
            tint(Status::Waived),
            BODY,
            &["This report was signed with a key that was made for this run alone. The signature shows that nothing \
               was changed since; it does not show who signed."
                .to_owned()],
        );
    }
}

/// A number with groups of three: `1,204,331`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
