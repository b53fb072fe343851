//! Rules, each with a policy that it finds and one that it must not; the policies of the four documents.

use chrono::TimeZone as _;

use super::*;
use crate::record::analysis::{AnalysisRule as Rule, Standing};

fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 1, 1, 0, 0, 0).unwrap()
}

/// Analyses documents offline.
fn offline(server: ServerKind, texts: &[(&str, &str)], sends: Option<Sends>) -> Analysis {
    let documents: Vec<Document> =
        texts.iter().map(|(name, text)| Document::parse(name, text, server).unwrap()).collect();
    analyse(&Input {
        server,
        bucket: None,
        prefix: "",
        requirement: &Requirement::default(),
        configuration: None,
        documents: &documents,
        sends,
        now: now(),
    })
}

/// `rule severity document statement` of every finding.
fn lines(analysis: &Analysis) -> Vec<String> {
    analysis
        .findings
        .iter()
        .map(|f| {
            let place = f.statement.as_ref().map_or_else(|| f.about.clone(), ToString::to_string);
            format!("{} {} {place}", f.severity, f.rule)
        })
        .collect()
}

macro_rules! fixture {
    ($name:literal) => {
        ($name, include_str!(concat!("../../fixtures/policies/documents/", $name)))
    };
}

#[test]
fn show() {
    use ServerKind::{Aws, Minio};
    let full = Sends { retention: true, hold: true, if_none_match: false };
    for (what, analysis) in [
        ("snapshots minio", offline(Minio, &[fixture!("snapshots-rights.json")], None)),
        ("snapshots aws", offline(Aws, &[fixture!("snapshots-rights.json")], None)),
        ("events", offline(Aws, &[fixture!("events-bucket.json")], None)),
        ("events on minio", offline(Minio, &[fixture!("events-bucket.json")], None)),
        ("events minio", offline(Minio, &[fixture!("events-bucket-minio.json")], None)),
        ("evidence", offline(Aws, &[fixture!("evidence-identity.json")], None)),
        ("evidence minio", offline(Minio, &[fixture!("evidence-identity.json")], None)),
        ("invoices bucket", offline(Aws, &[fixture!("invoices-bucket.json")], None)),
        ("invoices identity", offline(Aws, &[fixture!("invoices-identity.json")], None)),
        ("invoices identity minio", offline(Minio, &[fixture!("invoices-identity.json")], None)),
        (
            "invoices both",
            offline(Aws, &[fixture!("invoices-bucket.json"), fixture!("invoices-identity.json")], Some(full)),
        ),
    ] {
        println!("=== {what}");
        for (line, f) in lines(&analysis).iter().zip(&analysis.findings) {
            println!("{line}\n      {}", f.sentence);
        }
        for a in &analysis.answers {
            for w in &a.who {
                println!(
                    "  {} {}: {} {} [{}]",
                    a.bucket,
                    a.question,
                    w.standing,
                    w.principal,
                    w.statement.as_ref().map(ToString::to_string).unwrap_or_default()
                );
            }
        }
    }
    let _ = Standing::Granted;
    let _ = Rule::Public;
}
