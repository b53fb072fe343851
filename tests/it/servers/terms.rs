//! Overrides by tag, and records that are read whole, on a real MinIO.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::TimeDelta;
use wormproof::lock::{Mode, Retention};
use wormproof::profile::{ClockStart, Matching, Override, Requirement};
use wormproof::record::finding::FindingRule;
use wormproof::scan::known::Known;
use wormproof::scan::{Sample, ScanInput, scan};
use wormproof::store::credentials::Credentials;
use wormproof::store::ops::{self, LockHeaders};
use wormproof::time::{Clock, Span};

use super::running::{self, Minio, not_run, part};

#[tokio::test]
async fn minio_by_tags_and_whole_records() {
    let name = "minio_by_tags_and_whole_records";
    let Some(binary) = part("WORMPROOF_TEST_MINIO") else { return not_run(name, "WORMPROOF_TEST_MINIO") };
    let minio =
        tokio::task::spawn_blocking(move || Minio::start(Path::new(&binary))).await.expect("it starts");
    let client = running::client(&minio.url);
    let root = Credentials::new(running::ROOT.0, running::ROOT.1);
    let ok = async |request| {
        let reply = client.exchange(Some(&root), &request).await;
        assert!(reply.is_success(), "{:?}", reply.trouble());
        reply.answer().and_then(|a| a.header("x-amz-version-id")).unwrap_or_default().to_owned()
    };
    ok(ops::create_bucket("books", true, "us-east-1")).await;
    let nine = Retention { mode: Mode::Compliance, until: Clock::Real.now() + TimeDelta::days(9 * 366) };
    let lock = LockHeaders::retained(nine);
    for (key, country) in [("a", "DE"), ("b", "IT"), ("c", "DE")] {
        let id = ok(ops::put_object("books", key, format!("invoice {key}"), &lock)).await;
        ok(ops::put_object_tagging("books", key, Some(&id), &[("country", country)])).await;
    }
    let checked =
        ops::put_object("books", "d", "123456789", &lock).header("x-amz-checksum-crc32c", "4waSgw==");
    let last = ok(checked).await;
    ok(ops::put_object_tagging("books", "d", Some(&last), &[("country", "DE")])).await;
    let requirement = Requirement {
        min_retention: Some(Span::Months(120)),
        overrides: vec![Override {
            name: "DE".to_owned(),
            matching: Matching { tag: Some(("country".to_owned(), "DE".to_owned())), ..Matching::default() },
            mode: None,
            min_retention: Some(Span::Months(96)),
            max_retention: None,
            clock: Some(ClockStart::CalendarYearEnd),
            hold: None,
            why: String::new(),
            control: None,
        }],
        ..Requirement::default()
    };
    let mut known = Known::default();
    known.read_manifest(&format!("{}  a\n", "0".repeat(64))).expect("a manifest");
    let sample = Sample { size: 10, seed: "seed", known: &known };
    let input =
        ScanInput { sample: Some(sample), ..ScanInput::new(&client, Some(&root), "books", "", &requirement) };
    let result = scan(&input, &|_| {}).await;
    assert!(result.complete, "{:?}", result.incomplete_reason);
    let rules: Vec<_> = result.first.iter().map(|f| (f.key.as_str(), f.rule)).collect();
    assert_eq!(rules, [("b", FindingRule::TooShort), ("a", FindingRule::Altered)]);
    assert_eq!(result.by_override, BTreeMap::from([("-".to_owned(), 1), ("DE".to_owned(), 3)]));
    let sampled = result.sample.expect("a sample");
    assert_eq!((sampled.read, sampled.altered, sampled.unreadable), (4, 1, 0));
    let expected = [("etag", 3), ("manifest", 1), ("stored checksum", 1)];
    assert_eq!(sampled.compared, expected.map(|(k, n)| (k.to_owned(), n)).into());
}
