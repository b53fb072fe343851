//! JUnit XML: a test suite a group, one for the scan, for the event log, for each trail, for the analysis, and for the profile.
//!
//! A fail is a `<failure>`; inconclusive and error are an `<error>`, because a build must not pass on silence; a
//! skipped scenario and an accepted risk are `<skipped>` with the reason. Severity `info` never fails.
//! Text is escaped before it is written, so that no character that XML 1.0 forbids can reach the file.

mod analysis;
mod event_log;
mod profile;
mod trail;

use std::io;

use quick_xml::events::BytesText;
use quick_xml::writer::Writer;

use crate::record::{Finding, FindingRule, Record, RunResult, ScanResult, ScenarioResult, What};
use crate::report::ReportError;
use crate::report::model::{Group, Status, groups, rule_severity, rule_words};
use crate::report::opinion::headline;
use crate::report::text::show;
use crate::scenario::Severity;

/// How many findings of a rule are named in its test case.
const NAMED: usize = 50;

/// How a test case ended.
enum Ending {
    Passed,
    Failure,
    Error,
    Skipped,
}

/// One test case.
struct Case {
    class: String,
    name: String,
    seconds: f64,
    ending: Ending,
    /// The attribute `message`.
    message: String,
    /// The attribute `type`.
    kind: String,
    /// The element's text: a line an entry.
    lines: Vec<String>,
}

struct Suite {
    name: String,
    cases: Vec<Case>,
}

/// Makes the JUnit report.
///
/// # Errors
/// [`ReportError::Xml`].
pub fn junit(record: &Record) -> Result<Vec<u8>, ReportError> {
    let mut suites: Vec<Suite> = groups(record).iter().map(|g| group(record, g)).collect();
    let scan = scan(record);
    if !scan.cases.is_empty() {
        suites.push(scan);
    }
    suites.extend(event_log::suite(record));
    suites.extend(trail::suites(record));
    suites.extend(analysis::suite(record));
    suites.extend(profile::suite(record));
    let mut bytes = b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_vec();
    let mut writer = Writer::new_with_indent(&mut bytes, b' ', 2);
    write(&mut writer, record, &suites).map_err(ReportError::Xml)?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn write(writer: &mut Writer<&mut Vec<u8>>, record: &Record, suites: &[Suite]) -> io::Result<()> {
    let all = || suites.iter().flat_map(|s| &s.cases);
    let time = format!("{:.3}", Seconds::from_micros(record.times.elapsed_us).0);
    let (tests, failures, errors, skipped) = counts(all());
    writer
        .create_element("testsuites")
        .with_attributes([
            ("name", "wormproof"),
            ("tests", tests.as_str()),
            ("failures", failures.as_str()),
            ("errors", errors.as_str()),
            ("skipped", skipped.as_str()),
            ("time", time.as_str()),
        ])
        .write_inner_content(|writer| {
            suites.iter().try_for_each(|suite| write_suite(writer, record, suite))
        })?;
    Ok(())
}

fn write_suite(writer: &mut Writer<&mut Vec<u8>>, record: &Record, suite: &Suite) -> io::Result<()> {
    let (tests, failures, errors, skipped) = counts(suite.cases.iter());
    let time = format!("{:.3}", suite.cases.iter().map(|c| c.seconds).sum::<f64>());
    let started = record.times.started.format("%Y-%m-%dT%H:%M:%S").to_string();
    let host = show(record.operator.host.as_deref().unwrap_or("unknown"));
    let name = show(&suite.name);
    writer
        .create_element("testsuite")
        .with_attributes([
            ("name", name.as_str()),
            ("tests", tests.as_str()),
            ("failures", failures.as_str()),
            ("errors", errors.as_str()),
            ("skipped", skipped.as_str()),
            ("time", time.as_str()),
            ("timestamp", started.as_str()),
            ("hostname", host.as_str()),
        ])
        .write_inner_content(|writer| {
            let properties = [
                ("run-id", show(&record.run_id)),
                ("endpoint", show(&record.target.endpoint)),
                ("scope", show(&format!("s3://{}/{}", record.target.bucket, record.target.prefix))),
                ("outcome", show(&headline(record))),
            ];
            writer.create_element("properties").write_inner_content(|writer| {
                properties.iter().try_for_each(|(name, value)| {
                    writer
                        .create_element("property")
                        .with_attributes([("name", *name), ("value", value.as_str())])
                        .write_empty()
                        .map(drop)
                })
            })?;
            suite.cases.iter().try_for_each(|case| write_case(writer, case))
        })?;
    Ok(())
}

fn write_case(writer: &mut Writer<&mut Vec<u8>>, case: &Case) -> io::Result<()> {
    let (class, name) = (show(&case.class), show(&case.name));
    let (message, kind) = (show(&case.message), show(&case.kind));
    let time = format!("{:.3}", case.seconds);
    let element = writer.create_element("testcase").with_attributes([
        ("classname", class.as_str()),
        ("name", name.as_str()),
        ("time", time.as_str()),
    ]);
    let tag = match case.ending {
        Ending::Passed => {
            element.write_empty()?;
            return Ok(());
        }
        Ending::Failure => "failure",
        Ending::Error => "error",
        Ending::Skipped => "skipped",
    };
    element.write_inner_content(|writer| {
        let mut inner = writer.create_element(tag).with_attribute(("message", message.as_str()));
        if !matches!(case.ending, Ending::Skipped) {
            inner = inner.with_attribute(("type", kind.as_str()));
        }
        if case.lines.is_empty() {
            inner.write_empty()?;
        } else {
            let text: Vec<String> = case.lines.iter().map(|l| show(l)).collect();
            inner.write_text_content(BytesText::new(&text.join("\n")))?;
        }
        Ok(())
    })?;
    Ok(())
}

fn counts<'a>(cases: impl Iterator<Item = &'a Case>) -> (String, String, String, String) {
    let (mut tests, mut failures, mut errors, mut skipped) = (0_u64, 0_u64, 0_u64, 0_u64);
    for case in cases {
        tests += 1;
        match case.ending {
            Ending::Passed => {}
            Ending::Failure => failures += 1,
            Ending::Error => errors += 1,
            Ending::Skipped => skipped += 1,
        }
    }
    (tests.to_string(), failures.to_string(), errors.to_string(), skipped.to_string())
}

fn group(record: &Record, group: &Group<'_>) -> Suite {
    let cases = group.scenarios.iter().map(|s| scenario(record, s)).collect();
    Suite { name: group.name.to_owned(), cases }
}

fn scenario(record: &Record, scenario: &ScenarioResult) -> Case {
    let status = Status::of(scenario);
    let (ending, message) = match status {
        Status::Pass => (Ending::Passed, scenario.reason.clone()),
        Status::Fail => (Ending::Failure, scenario.reason.clone()),
        Status::Error | Status::Inconclusive => (Ending::Error, scenario.reason.clone()),
        Status::Skipped => (Ending::Skipped, scenario.reason.clone()),
        Status::Waived => {
            (Ending::Skipped, format!("accepted risk: {}", scenario.waived.as_deref().unwrap_or_default()))
        }
    };
    let mut lines = Vec::new();
    if matches!(status, Status::Fail | Status::Waived) {
        lines.push(scenario.reason.clone());
    }
    if !matches!(status, Status::Pass | Status::Skipped) {
        lines.extend(scenario.runs.iter().filter(|r| r.verdict == scenario.verdict).flat_map(run));
    }
    Case {
        class: format!("wormproof.{}", scenario.group),
        name: format!("{} {}", scenario.id, scenario.title),
        seconds: duration(record, &scenario.id),
        ending,
        message,
        kind: scenario.cause.word().to_owned(),
        lines,
    }
}

fn run(run: &RunResult) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(role) = run.principal {
        lines.push(format!("as {role}, attempt {}: {}", run.attempt, run.reason));
    }
    for step in &run.steps {
        lines.push(format!("{} by {}: {}", step.purpose, step.principal, step.text));
        lines.push(step.request.clone());
        lines.push(format!("expected {}; answered {}", step.expected, step.answered));
    }
    lines.extend(run.found.iter().map(|f| format!("found: {f}")));
    lines
}

/// Seconds from the first request of a scenario to its last answer.
fn duration(record: &Record, id: &str) -> f64 {
    let mut span: Option<(u64, u64)> = None;
    for event in &record.events {
        let of = event.about.split('/').next().unwrap_or_default();
        if let (true, What::Exchange(exchange)) = (of == id, &event.what) {
            let end = exchange.monotonic_us + exchange.elapsed_us;
            span = Some(span.map_or((exchange.monotonic_us, end), |(first, last)| {
                (first.min(exchange.monotonic_us), last.max(end))
            }));
        }
    }
    span.map_or(0.0, |(first, last)| Seconds::from_micros(last - first).0)
}

struct Seconds(f64);

impl Seconds {
    #[expect(clippy::cast_precision_loss, reason = "microseconds of a run are far below 2^52")]
    fn from_micros(micros: u64) -> Self {
        Self(micros as f64 / 1e6)
    }
}

/// The scan's findings, a case a rule, and the bucket's findings, a case each.
fn scan(record: &Record) -> Suite {
    let mut cases = Vec::new();
    if let Some(scan) = &record.scan {
        cases.push(whole(scan));
        cases.extend(scan.findings.iter().filter(|(_, n)| **n > 0).map(|(rule, n)| by_rule(scan, rule, *n)));
        if scan.complete && scan.findings.values().all(|n| *n == 0) {
            cases.push(case("every version is protected as required", Ending::Passed, String::new()));
        }
    }
    cases.extend(record.findings.iter().map(bucket));
    Suite { name: "scan".to_owned(), cases }
}

fn case(name: &str, ending: Ending, message: String) -> Case {
    Case {
        class: "wormproof.scan".to_owned(),
        name: name.to_owned(),
        seconds: 0.0,
        ending,
        message,
        kind: String::new(),
        lines: Vec::new(),
    }
}

fn whole(scan: &ScanResult) -> Case {
    let ending = if scan.complete { Ending::Passed } else { Ending::Error };
    let reason = scan.incomplete_reason.clone().unwrap_or_else(|| "reason unknown".to_owned());
    let mut case = case(&format!("the whole of {} was read", scan.scope), ending, reason);
    "incomplete".clone_into(&mut case.kind);
    let millis = (scan.finished - scan.started).num_milliseconds().max(0);
    case.seconds = Seconds::from_micros(u64::try_from(millis).unwrap_or(0) * 1_000).0;
    case
}

fn by_rule(scan: &ScanResult, rule: &str, count: u64) -> Case {
    let known = FindingRule::parse(rule);
    let words = rule_words(rule);
    let text = format!("{count} {}: {words}", if count == 1 { "version" } else { "versions" });
    let of_rule = || scan.first.iter().filter(|f| f.rule.word() == rule);
    let waived = scan.waived_rules.iter().any(|w| w == rule);
    let (ending, message) = if waived {
        let who = of_rule().find_map(|f| f.waived.clone()).unwrap_or_default();
        (Ending::Skipped, format!("accepted risk: {who}"))
    } else if known == Some(FindingRule::Unreadable) {
        (Ending::Error, text)
    } else if rule_severity(rule) == Severity::Info {
        (Ending::Skipped, format!("information: {text}"))
    } else {
        (Ending::Failure, text)
    };
    let mut case = case(rule, ending, message);
    rule.clone_into(&mut case.kind);
    case.lines = of_rule()
        .take(NAMED)
        .map(|f| format!("{} (version {}): {}", f.key, f.version_id, f.detail))
        .collect();
    let named = case.lines.len() as u64;
    if named > 0 && count > named {
        case.lines.push(format!("and {} more", count - named));
    }
    case
}

fn bucket(finding: &Finding) -> Case {
    let (ending, message) = match &finding.waived {
        Some(who) => (Ending::Skipped, format!("accepted risk: {who}")),
        None if finding.rule == FindingRule::Unreadable => (Ending::Error, finding.detail.clone()),
        None if finding.severity == Severity::Info => {
            (Ending::Skipped, format!("information: {}", finding.detail))
        }
        None => (Ending::Failure, finding.detail.clone()),
    };
    let mut case = case(&format!("bucket: {}", finding.rule), ending, message);
    finding.rule.word().clone_into(&mut case.kind);
    case
}

#[cfg(test)]
mod tests {
    use quick_xml::events::Event;
    use quick_xml::reader::Reader;

    use super::*;
    use crate::report::sample;

    fn text() -> String {
        text_of(&sample::record())
    }

    fn text_of(record: &Record) -> String {
        String::from_utf8(junit(record).expect("xml")).expect("utf-8")
    }

    /// How often a word stands in the report because of the profile.
    fn by_profile(word: &str) -> usize {
        let mut without = sample::record();
        without.profile = None;
        text().matches(word).count() - text_of(&without).matches(word).count()
    }

    #[test]
    fn a_profile_is_a_suite_of_its_own() {
        // Demands, clauses, items: met or satisfied, not, accepted, not assessed.
        assert_eq!(by_profile("<testcase "), 4 + 3 + 5);
        assert_eq!(by_profile("<failure "), 1 + 1);
        assert_eq!(by_profile("message=\"accepted risk: "), 1);
        assert_eq!(by_profile("message=\"not assessed: "), 1 + 1 + 2);
        assert_eq!(by_profile("<skipped "), 2 + 1 + 3);
        assert_eq!(by_profile("<testsuite "), 1);
    }

    #[test]
    fn the_report_is_as_agreed() {
        let text = text();
        let head: Vec<&str> = text.lines().take(70).collect();
        insta::assert_snapshot!("junit_head", head.join("\n"));
        let scan = text.find("<testsuite name=\"scan\"").expect("the suite of the scan");
        let tail: Vec<&str> = text[scan..].lines().take(24).collect();
        insta::assert_snapshot!("junit_scan", tail.join("\n"));
    }

    #[test]
    fn hostile_text_leaves_it_well_formed() {
        let text = text();
        let forbidden = |c: char| {
            (c < ' ' && !matches!(c, '\n' | '\t')) || matches!(c, '\u{FFFE}' | '\u{FFFF}' | '\u{202E}')
        };
        assert!(!text.contains(forbidden));
        let mut reader = Reader::from_str(&text);
        let mut names = std::collections::BTreeMap::<String, usize>::new();
        loop {
            match reader.read_event().expect("well-formed") {
                Event::Start(e) | Event::Empty(e) => {
                    assert!(e.attributes().all(|a| a.is_ok()));
                    let name = String::from_utf8(e.name().as_ref().to_vec()).expect("utf-8");
                    *names.entry(name).or_default() += 1;
                }
                Event::Eof => break,
                _ => {}
            }
        }
        let record = sample::record();
        // One for the whole scope, one a rule, one a finding of the bucket.
        let of_scan = 1 + record.scan.as_ref().expect("a scan").findings.len() + record.findings.len();
        let analysed = record.analysis.as_ref().expect("an analysis").findings.len();
        assert_eq!(names["testcase"] - by_profile("<testcase "), record.scenarios.len() + of_scan + analysed);
        assert_eq!(names["testsuite"], 10);
    }

    #[test]
    fn silence_is_an_error_and_an_accepted_risk_is_no_pass() {
        let record = sample::record();
        let count = |ending: &str| {
            let word = format!("<{ending} ");
            text().matches(&word).count() - by_profile(&word)
        };
        let of = |status: Status| record.scenarios.iter().filter(|s| Status::of(s) == status).count();
        assert_eq!(
            count("failure"),
            of(Status::Fail) + 2 + 2,
            "unprotected versions, changed configuration; two of the analysis"
        );
        assert_eq!(count("error"), of(Status::Error) + of(Status::Inconclusive));
        assert_eq!(
            count("skipped"),
            of(Status::Skipped) + of(Status::Waived) + 3 + 3,
            "too-short is accepted; hidden and no default retention are information; of the analysis one is accepted, \
             one not assessed and not required, one information"
        );
        assert!(text().contains("message=\"accepted risk: hold service is replaced in Q1 (RISK-311)"));
    }
}
