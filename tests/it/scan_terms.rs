//! The scan by clocks, ceilings, overrides and tags; records that are read whole; attachments.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{TimeDelta, TimeZone as _, Utc};
use wormproof::lock::{LegalHold, Mode};
use wormproof::profile::{ClockStart, HoldRule, Matching, Override, Requirement};
use wormproof::record::finding::{FindingRule, ScanResult};
use wormproof::record::log::{Log, What};
use wormproof::scan::known::{Earlier, Known};
use wormproof::scan::{Sample, ScanInput, exact, scan};
use wormproof::store::ops::{self, LockHeaders};
use wormproof::store::sts::{AssumeRole, assume_role};
use wormproof::target::Renewed;
use wormproof::time::Span;

use crate::live::{Front, record, run_in};
use crate::scan::{BUCKET, Scene, found, quiet, scene};

fn years(n: u32) -> Option<Span> {
    Some(Span::Months(n * 12))
}

fn other(name: &str, matching: Matching, least: u32, most: Option<u32>) -> Override {
    Override {
        name: name.to_owned(),
        matching,
        mode: None,
        min_retention: years(least),
        max_retention: most.and_then(years),
        clock: Some(ClockStart::CalendarYearEnd),
        hold: None,
        why: "a law".to_owned(),
        control: None,
    }
}

fn tagged(value: &str) -> Matching {
    Matching { tag: Some(("country".to_owned(), value.to_owned())), ..Matching::default() }
}

fn begins(prefix: &str) -> Matching {
    Matching { prefix: Some(prefix.to_owned()), ..Matching::default() }
}

/// Ten years; Germany eight by its clock, by tag; the Netherlands at most eight, by prefix.
fn countries() -> Requirement {
    Requirement {
        mode: Some(Mode::Compliance),
        min_retention: years(10),
        overrides: vec![other("NL", begins("NL/"), 7, Some(8)), other("DE", tagged("DE"), 8, None)],
        ..Requirement::default()
    }
}

/// A version locked until a day, with a country's tag.
async fn put(scene: &Scene, key: &str, year: i32, country: Option<&str>) -> String {
    let until = Utc.with_ymd_and_hms(year, 1, 1, 0, 0, 0).single().expect("a date");
    let id = scene.put(key, Some((Mode::Compliance, until)), None).await;
    if let Some(country) = country {
        scene.ok(ops::put_object_tagging(BUCKET, key, Some(&id), &[("x", "y"), ("country", country)])).await;
    }
    id
}

fn rules(result: &ScanResult) -> Vec<(String, FindingRule)> {
    found(result).into_keys().collect()
}

#[tokio::test]
async fn versions_are_judged_by_the_terms_of_their_country() {
    use FindingRule::{TooLong, TooShort};
    let scene = scene().await;
    // The clock stands at 2026-01-01; eight years from the end of 2026 end with 2034.
    put(&scene, "in/1-de", 2034, Some("DE")).await;
    put(&scene, "in/2-de", 2035, Some("DE")).await;
    put(&scene, "in/3", 2035, None).await;
    put(&scene, "in/4", 2036, Some("IT")).await;
    put(&scene, "in/NL/5", 2034, Some("DE")).await;
    put(&scene, "in/NL/6", 2036, None).await;
    let requirement = countries();
    let asked = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&asked);
    scene.tamper(move |parts, answer| {
        let tags = parts.uri.query().is_some_and(|q| q.contains("tagging"));
        count.fetch_add(u64::from(tags), Ordering::Relaxed);
        answer
    });
    let input = ScanInput { prefix: "in/", base: "in/", ..scene.input(&requirement) };
    let result = scan(&input, &quiet).await;
    assert!(result.complete, "{:?}", result.incomplete_reason);
    let expected = [("in/1-de", TooShort), ("in/3", TooShort), ("in/NL/6", TooLong)];
    assert_eq!(rules(&result), expected.map(|(k, r)| (k.to_owned(), r)));
    let details = found(&result);
    assert_eq!(
        details[&("in/1-de".to_owned(), TooShort)],
        "DE: COMPLIANCE until 2034-01-01 00:00:00 UTC; 8 years from the end of the calendar year of its creation end \
         2035-01-01 00:00:00 UTC (made 2026-01-01 00:00:00 UTC)"
    );
    assert_eq!(
        result.by_override,
        BTreeMap::from([("-".to_owned(), 2), ("DE".to_owned(), 2), ("NL".to_owned(), 2)])
    );
    assert_eq!(asked.load(Ordering::Relaxed), 4, "only those whose terms hang on a tag were asked");
    assert_eq!(result.requirement.overrides[1].matching, "the tag country=DE");

    // Without a tag in any override nothing is asked.
    let plain = Requirement { overrides: Vec::new(), ..countries() };
    asked.store(0, Ordering::Relaxed);
    let result = scan(&ScanInput { prefix: "in/", ..scene.input(&plain) }, &quiet).await;
    assert_eq!((asked.load(Ordering::Relaxed), result.by_override.len()), (0, 0));
}

#[tokio::test]
async fn tags_that_cannot_be_read_are_no_licence_for_the_weaker_terms() {
    let scene = scene().await;
    put(&scene, "de", 2090, Some("DE")).await;
    scene.put("nothing", None, None).await;
    for status in [403_u16, 200] {
        scene.tamper(move |parts, mut answer| {
            if parts.uri.query().is_some_and(|q| q.contains("tagging")) {
                *answer.status_mut() = http::StatusCode::from_u16(status).expect("a status");
                // Cut off, or no tags at all.
                *answer.body_mut() = bytes::Bytes::from_static(b"<Tagging><TagSet><Tag><Key>a</Key>");
            }
            answer
        });
        let log = Log::default();
        let requirement = countries();
        let result = scan(&ScanInput { log: Some(&log), ..scene.input(&requirement) }, &quiet).await;
        let expected = [("de", FindingRule::Unreadable), ("nothing", FindingRule::Unprotected)];
        assert_eq!(rules(&result), expected.map(|(k, r)| (k.to_owned(), r)), "{status}");
        assert!(found(&result)[&("de".to_owned(), FindingRule::Unreadable)].contains("`DE` asks for a tag"));
        let shown = log.take().iter().any(|e| match &e.what {
            What::Exchange(x) => x.sent.target.contains("/de?tagging"),
            What::Note(_) => false,
        });
        assert!(shown, "the answer is evidence");
    }
}

#[tokio::test]
async fn a_horizon_a_ceiling_and_holds_are_listed() {
    use FindingRule::{EndsSoon, HeldWithoutEnd, TooLong};
    let scene = scene().await;
    scene.put("held", Some((Mode::Compliance, scene.days(400))), Some(LegalHold::On)).await;
    scene.put("long", Some((Mode::Compliance, scene.days(4000))), None).await;
    scene.put("plain", Some((Mode::Compliance, scene.days(400))), None).await;
    scene.put("soon", Some((Mode::Compliance, scene.days(20))), None).await;
    scene.put("soon-held", Some((Mode::Compliance, scene.days(20))), Some(LegalHold::On)).await;
    let requirement = Requirement {
        max_retention: years(2),
        hold_rule: HoldRule::Report,
        horizon: Some(Span::Exact(TimeDelta::days(30))),
        ..Requirement::default()
    };
    // A HEAD that leaves holds out hides none.
    scene.tamper(|parts, mut answer| {
        if parts.method == http::Method::HEAD {
            answer.headers_mut().remove("x-amz-object-lock-legal-hold");
        }
        answer
    });
    let result = scan(&scene.input(&requirement), &quiet).await;
    let expected =
        [("held", HeldWithoutEnd), ("long", TooLong), ("soon", EndsSoon), ("soon-held", HeldWithoutEnd)];
    assert_eq!(rules(&result), expected.map(|(k, r)| (k.to_owned(), r)));
}

const BIG: usize = 9 * 1024 * 1024 + 17;

async fn ledger(scene: &Scene) -> Vec<String> {
    let mut ids = Vec::new();
    for n in 0..6 {
        let content = format!("the content of record {n}");
        ids.push(scene.ok(ops::put_object(BUCKET, &format!("k{n}"), content, &LockHeaders::NONE)).await);
    }
    ids.push(scene.ok(ops::put_object(BUCKET, "k6-big", vec![7_u8; BIG], &LockHeaders::NONE)).await);
    ids
}

#[tokio::test]
async fn records_are_read_whole_and_compared_and_their_content_is_not_kept() {
    let scene = scene().await;
    let ids = ledger(&scene).await;
    let none = Requirement::default();
    let mut known = Known::default();
    known.versions.insert(("k1".to_owned(), ids[1].clone()), "0".repeat(64));
    let log = Log::default();
    let sample = Sample { size: 100, seed: "x", known: &known };
    let input = ScanInput { sample: Some(sample), log: Some(&log), ..scene.input(&none) };
    let result = scan(&input, &quiet).await;
    let sampled = result.sample.as_ref().expect("a sample");
    assert_eq!((sampled.population, sampled.chosen, sampled.read), (7, 7, 7));
    assert_eq!(sampled.compared, BTreeMap::from([("etag".to_owned(), 7), ("manifest".to_owned(), 1)]));
    let big = &sampled.versions[6];
    assert_eq!(big.size, BIG as u64);
    assert_eq!(big.sha256.as_deref(), Some(sha256(&vec![7_u8; BIG]).as_str()));
    let altered = &found(&result)[&("k1".to_owned(), FindingRule::Altered)];
    assert!(altered.contains(&format!("manifest says {}", "0".repeat(64))), "{altered}");
    assert_eq!((result.findings["altered"], sampled.altered), (1, 1));
    let events = serde_json::to_string(&log.take()).expect("json");
    assert!(events.contains("k1?versionId="), "the reading is evidence");
    assert!(!events.contains("the content of record"), "and what was read is nobody's business");

    // One of seven, always the same one for a seed.
    let none_known = Known::default();
    let one = |seed| Sample { size: 1, seed, known: &none_known };
    let mut chosen = Vec::new();
    for seed in ["a", "a", "b", "c", "d"] {
        let result = scan(&ScanInput { sample: Some(one(seed)), ..scene.input(&none) }, &quiet).await;
        chosen.push(result.sample.expect("a sample").versions[0].key.clone());
    }
    assert_eq!(chosen[0], chosen[1]);
    assert!(chosen.iter().any(|key| *key != chosen[0]), "{chosen:?}");
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    hex::encode(sha2::Sha256::digest(bytes))
}

#[tokio::test]
async fn other_bytes_cut_answers_and_refusals_are_told_apart() {
    use FindingRule::{Altered, SampleUnreadable};
    let scene = scene().await;
    ledger(&scene).await;
    scene.tamper(|parts, mut answer| {
        let reads = parts.method == http::Method::GET
            && !parts.uri.query().is_some_and(|q| ["retention", "hold"].iter().any(|w| q.contains(w)));
        match parts.uri.path().rsplit('/').next().filter(|_| reads) {
            Some("k0") => *answer.body_mut() = bytes::Bytes::from_static(b"other bytes"),
            Some("k1") => *answer.status_mut() = http::StatusCode::FORBIDDEN,
            // A server that does not know ranges sends what was not asked for.
            Some("k6-big") => *answer.status_mut() = http::StatusCode::OK,
            _ => {}
        }
        answer
    });
    let none = Requirement::default();
    let known = Known::default();
    let sample = Sample { size: 7, seed: "x", known: &known };
    let result = scan(&ScanInput { sample: Some(sample), ..scene.input(&none) }, &quiet).await;
    let rules: Vec<_> =
        rules(&result).into_iter().filter(|(_, rule)| *rule != FindingRule::Unprotected).collect();
    let expected = [("k0", Altered), ("k1", SampleUnreadable), ("k6-big", SampleUnreadable)];
    assert_eq!(rules, expected.map(|(k, r)| (k.to_owned(), r)));
    assert!(found(&result)[&("k0".to_owned(), Altered)].contains("etag says"));
    let sampled = result.sample.expect("a sample");
    assert_eq!((sampled.read, sampled.altered, sampled.unreadable), (5, 1, 2));
}

#[tokio::test]
async fn what_an_earlier_run_read_is_read_again_and_missed_if_it_is_gone() {
    use FindingRule::{Altered, Missing};
    let scene = scene().await;
    let ids = ledger(&scene).await;
    let mut known = Known { baseline_run: Some("earlier".to_owned()), ..Known::default() };
    let mut earlier = |key: &str, id: &str, sha256: String, days: i64| {
        let until = Some(scene.days(days));
        known.earlier.insert((key.to_owned(), id.to_owned()), Earlier { sha256, until });
    };
    earlier("k0", &ids[0], sha256(b"the content of record 0"), 9);
    earlier("k1", &ids[1], "0".repeat(64), 9);
    earlier("k2", "gone", String::new(), 9);
    earlier("k3", "gone-in-its-time", String::new(), -1);
    let none = Requirement::default();
    // None is chosen at random but those of the earlier run and one more.
    let sample = Sample { size: 1, seed: "x", known: &known };
    let result = scan(&ScanInput { sample: Some(sample), ..scene.input(&none) }, &quiet).await;
    let rules: Vec<_> =
        rules(&result).into_iter().filter(|(_, rule)| *rule != FindingRule::Unprotected).collect();
    assert_eq!(rules, [("k1", Altered), ("k2", Missing)].map(|(k, r)| (k.to_owned(), r)));
    let sampled = result.sample.expect("a sample");
    assert_eq!(sampled.compared["baseline"], 2);

    // The gate for one object reads that one, and misses nothing else.
    let input = ScanInput { sample: Some(sample), ..scene.input(&none) };
    let result = exact(&input, "k0", &quiet).await;
    let sampled = result.sample.expect("a sample");
    assert_eq!((sampled.read, sampled.altered, result.findings.get("missing")), (1, 0, None));
}

#[tokio::test]
async fn a_session_that_ends_during_the_scan_is_replaced_by_the_one_that_was_renewed() {
    let scene = scene().await;
    for n in 0..6 {
        scene.put(&format!("k{n}"), Some((Mode::Compliance, scene.days(4000))), None).await;
    }
    let session = async |seconds| {
        let wanted = AssumeRole { duration_s: seconds, ..AssumeRole::default() };
        assume_role(&scene.client, &scene.root, &wanted).await.expect("a session").credentials
    };
    let none = Requirement::default();
    for renews in [true, false] {
        let reader = Arc::new(Renewed::new(session(900).await));
        let (next, late) = (session(43_200).await, scene.clock.now() + TimeDelta::seconds(1000));
        let (clock, renewed) = (scene.clock.clone(), Arc::clone(&reader));
        let pages = AtomicU64::new(0);
        scene.tamper(move |parts, answer| {
            let is_page = parts.uri.query().is_some_and(|q| q.contains("versions"));
            if is_page && pages.fetch_add(1, Ordering::Relaxed) == 2 {
                clock.advance_to(late);
                if renews {
                    renewed.renew(next.clone());
                }
            }
            answer
        });
        let current = || Some(reader.current());
        let input = ScanInput { renewed: Some(&current), page_size: 1, who: None, ..scene.input(&none) };
        let result = scan(&input, &quiet).await;
        assert_eq!(result.complete, renews, "{:?}", result.incomplete_reason);
        if renews {
            assert_eq!((result.versions, result.findings.len()), (6, 0));
        } else {
            let why = result.incomplete_reason.expect("a reason");
            assert!(why.contains("ExpiredToken"), "{why}");
        }
    }
}

#[test]
fn attachments_are_filed_bound_and_verified() {
    let front = Front::truthful().bucket();
    front.put("2024/a", Some(front.days(4000)), None);
    let home = tempfile::tempdir().expect("a directory");
    let write = |name: &str, text: &str| std::fs::write(home.path().join(name), text).expect("written");
    write("Retention policy.md", "# Ten years\n");
    write("approval.pdf", "%PDF-1.7 …");
    let scan = |more: &[&str], out: &str| {
        let url = front.url.clone();
        let args = ["scan", "s3://books/2024/", "--endpoint-url", &url, "--output", out];
        run_in(home.path(), &[&args[..], more].concat())
    };
    let before = front.count("GET");
    scan(&["--attach", "nope.pdf"], "x").fails(2, "--attach: cannot read nope.pdf", "name a file");
    scan(&["--attach", "."], "x").fails(2, "is not a file", "name files");
    let twice = ["--attach", "approval.pdf", "--attach", "./approval.pdf"];
    scan(&twice, "x").fails(2, "two documents would be called `approval.pdf`", "rename");
    scan(&["--sample", "3", "--manifest", "approval.pdf"], "x").fails(2, "line 1 is neither", "sha256sum");
    assert_eq!(front.count("GET"), before, "nothing is sent before all is read");
    assert!(!home.path().join("x").exists(), "and nothing is left");

    let ran = scan(&["--sample", "5", "--attach", "Retention policy.md", "--attach", "approval.pdf"], "out");
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert!(
        ran.stdout.contains("Retention policy.md") && ran.stdout.contains("Read whole"),
        "{}",
        ran.stdout
    );
    let out = home.path().join("out");
    let kept = record(&out);
    assert_eq!(kept["attachments"][0]["media_type"], "text/markdown");
    assert_eq!(kept["attachments"][1]["media_type"], "application/pdf");
    assert_eq!(kept["attachments"][0]["sha256"], sha256(b"# Ten years\n"));
    assert_eq!(kept["scan"]["sample"]["read"], 1);
    let verify = || run_in(home.path(), &["verify", "out"]);
    let held = verify();
    assert_eq!(held.code, Some(0), "{held:#?}");
    assert!(held.stderr.contains("attachments: 2 documents, unchanged"), "{}", held.stderr);

    let document = out.join("attachments/Retention policy.md");
    std::fs::write(&document, "# Nine years\n").expect("written");
    verify().is_5("was changed");
    std::fs::remove_file(&document).expect("removed");
    verify().is_5("cannot be read");
    std::fs::write(&document, "# Ten years\n").expect("written");
    assert_eq!(verify().code, Some(0));

    // What was read then is the measure of what is read now.
    let again = scan(&["--sample", "1", "--baseline", "out"], "again");
    assert_eq!(again.code, Some(0), "{again:#?}");
    assert_eq!(record(&home.path().join("again"))["scan"]["sample"]["compared"]["baseline"], 1);
    let manifest = format!("{}  2024/a\n", "0".repeat(64));
    std::fs::write(home.path().join("sums"), manifest).expect("written");
    let altered =
        scan(&["--sample", "1", "--manifest", "sums", "--sample-seed", "from the auditor"], "third");
    assert_eq!(altered.code, Some(1), "{altered:#?}");
    assert!(altered.stdout.contains("altered"), "{}", altered.stdout);
    assert_eq!(record(&home.path().join("third"))["scan"]["sample"]["seed"], "from the auditor");
    assert!(Path::new(&out).join("attachments/approval.pdf").exists());
}
