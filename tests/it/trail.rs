//! The trail of a record by its id, by the binary: many pages, two halves, markers; refusals; the pack; the audit.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use wormproof::lock::LegalHold;
use wormproof::profile::Profile;
use wormproof::record::Record;
use wormproof::record::rejudge::rejudge;
use wormproof::store::ops::{self, LockHeaders};

use crate::live::{self, Act, Front, fault, record, run_in, xml};

const INVOICE: [&str; 6] = ["--id", "4711", "--keys", "invoices/{id}/", "--keys", "invoices/{id}_country/"];

fn trail(home: &std::path::Path, front: &Front, args: &[&str]) -> live::Ran {
    let all = [&["trail", "s3://books", "--endpoint-url", &front.url, "--quiet"], args].concat();
    let ran = run_in(home, &all);
    ran.is_clean();
    assert!(front.writes().is_empty(), "only reads: {:?}", front.writes());
    ran
}

fn plain(front: &Front, key: &str) {
    front.ok(&ops::put_object(live::BUCKET, key, "x", &LockHeaders::NONE));
}

#[test]
fn both_halves_over_several_pages_with_markers_make_one_trail() {
    let front = Front::truthful().bucket();
    let until = front.days(3660);
    for _ in 0..600 {
        plain(&front, "invoices/4711/a.xml");
    }
    front.ok(&ops::delete_object(live::BUCKET, "invoices/4711/a.xml", None));
    for _ in 0..520 {
        plain(&front, "invoices/4711/a.xml");
    }
    let held = front.put("invoices/4711_country/it.xml", Some(until), Some(LegalHold::On));
    front.ok(&ops::delete_object(live::BUCKET, "invoices/4711_country/it.xml", None));
    plain(&front, "invoices/47110/of-another.xml");
    plain(&front, "invoices/4711_other/of-another.xml");
    let home = tempfile::tempdir().expect("a directory");
    let ran = trail(home.path(), &front, &[&INVOICE[..], &["--format", "json", "--output", "many"]].concat());
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let shown: Value = serde_json::from_str(&ran.stdout).expect("json");
    let trail = &shown["trails"][0];
    assert_eq!(trail["findings"], json!({ "hidden": 1, "several-versions": 1 }));
    let counts = |n: usize| {
        let pattern = &trail["patterns"][n];
        [&pattern["versions"], &pattern["markers"], &pattern["pages"]].map(|v| v.as_u64().expect("a number"))
    };
    assert_eq!((counts(0), counts(1)), ([1120, 1, 2], [1, 1, 1]));
    let entries = trail["entries"].as_array().expect("entries");
    assert_eq!(entries.len(), 1123);
    assert!(!entries.iter().any(|e| e["key"].as_str().expect("a key").contains("of-another")));
    let time = |e: &Value| e["time"].as_str().expect("a time").parse::<DateTime<Utc>>().expect("an instant");
    let times: Vec<DateTime<Utc>> = entries.iter().map(time).collect();
    assert!(times.is_sorted(), "the order of time");
    let what = |word: &str| entries.iter().filter(|e| e["what"] == word).count();
    assert_eq!(
        ["overwritten", "stored", "hidden", "hidden-before"].map(what),
        [1119, 2, 1, 1],
        "{}",
        entries[600]
    );
    assert_eq!(entries[600]["what"], "hidden-before");
    let country = entries.iter().find(|e| e["version_id"] == held.as_str()).expect("the other half");
    assert_eq!((&country["what"], &country["hold"]), (&json!("stored"), &json!({ "known": "ON" })));
    assert_eq!(country["retention"]["known"]["mode"], "COMPLIANCE");
    assert_eq!(entries.last().expect("one")["what"], "hidden");
    assert_eq!(run_in(home.path(), &["verify", "many"]).code, Some(0));
}

#[test]
fn a_refused_listing_and_a_broken_page_are_no_empty_trail() {
    let home = tempfile::tempdir().expect("a directory");
    let is_listing = |query: &str| query.split('&').any(|p| p.trim_end_matches('=') == "versions");
    let refused = |prefix: &'static str| {
        let front = Front::with(move |parts| match parts.uri.query() {
            Some(query) if is_listing(query) && query.contains(prefix) => fault(403, "AccessDenied", "no"),
            _ => Act::Pass,
        });
        let front = front.bucket();
        plain(&front, "invoices/4711/a.xml");
        front
    };
    // To whom nothing is listed, and to whom all but the record.
    let ran = trail(home.path(), &refused(""), &INVOICE);
    ran.fails(3, "may not list the versions", "s3:ListBucketVersions");
    let ran =
        trail(home.path(), &refused("prefix=invoices"), &[&INVOICE[..], &["--format", "json"]].concat());
    assert_eq!(ran.code, Some(3), "{}", ran.stdout);
    let shown: Value = serde_json::from_str(&ran.stdout).expect("json");
    assert_eq!(shown["trails"][0]["complete"], false);
    assert_eq!(shown["trails"][0]["findings"], json!({ "unreadable": 2 }));
    assert!(ran.stdout.contains("s3:ListBucketVersions"), "the hint: {}", ran.stdout);

    let broken = Front::with(move |parts| match parts.uri.query() {
        Some(query) if is_listing(query) && query.contains("key-marker") => {
            xml(200, "<ListVersionsResult><Ver")
        }
        _ => Act::Pass,
    })
    .bucket();
    for _ in 0..1001 {
        plain(&broken, "invoices/4711/a.xml");
    }
    plain(&broken, "invoices/4711_country/it.xml");
    let ran = trail(home.path(), &broken, &[&INVOICE[..], &["--output", "broken"]].concat());
    assert_eq!(ran.code, Some(3), "{}", ran.stdout);
    assert!(ran.stdout.contains("NOT COMPLETE"), "{}", ran.stdout);
    let written = record(&home.path().join("broken"));
    assert_eq!(written["trails"][0]["entries"].as_array().expect("entries").len(), 1001);
    assert_eq!((&written["complete"], &written["outcome"]["exit_code"]), (&json!(false), &json!(3)));

    let unread = Front::with(|parts| match parts.uri.query() {
        Some(query) if query.contains("retention") => fault(403, "AccessDenied", "no"),
        _ => Act::Pass,
    })
    .bucket();
    unread.put("invoices/4711/a.xml", None, None);
    unread.put("invoices/4711_country/a.xml", None, None);
    assert_eq!(trail(home.path(), &unread, &INVOICE).code, Some(3));
}

#[test]
fn half_an_invoice_fails_and_none_ends_with_4_and_read_gives_digests() {
    let home = tempfile::tempdir().expect("a directory");
    let front = Front::truthful().bucket();
    let nothing = trail(home.path(), &front, &INVOICE);
    assert_eq!(nothing.code, Some(4), "{}", nothing.stdout);
    front.put("invoices/4711/a.xml", Some(front.days(2)), None);
    let half = trail(home.path(), &front, &[&INVOICE[..], &["--output", "half"]].concat());
    assert_eq!(half.code, Some(1), "{}", half.stdout);
    assert!(half.stdout.contains("part-missing"), "{}", half.stdout);
    assert!(half.stdout.contains("only the store's own log knows"), "{}", half.stdout);
    front.put("invoices/4711_country/it.xml", Some(front.days(2)), None);
    let whole = trail(
        home.path(),
        &front,
        &["--profile", "eu-einvoicing", "--id", "4711", "--read", "--output", "whole"],
    );
    assert_eq!(whole.code, Some(0), "{}", whole.stdout);
    let entry = &record(&home.path().join("whole"))["trails"][0]["entries"][0];
    // SHA-256 of `x`.
    let sha256 = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881";
    assert_eq!(entry["whole"]["sha256"], sha256);
    assert_eq!(entry["whole"]["compared"][0]["equal"], true);

    trail(home.path(), &front, &["--id", "a/b", "--keys", "i/{id}/"]).fails(2, "no id", "--id 4711");
    trail(home.path(), &front, &["--id", "a", "--keys", "i/"]).fails(2, "no pattern", "{id}");
    trail(home.path(), &front, &["--id", "a"]).fails(2, "no pattern says", "--keys");
    let none = ["trail", "--id", "a", "--keys", "i/{id}/", "--quiet"];
    run_in(home.path(), &none).fails(2, "no bucket is named", "s3://BUCKET");
    let audit = ["audit", "--profile", "sec-17a-4", "--trail", "4711", "--quiet"];
    run_in(home.path(), &audit).fails(2, "does not say where", "[trail]");
}

#[test]
fn packs_of_readings_verify_and_are_reported_and_a_changed_one_does_not_hold_together() {
    let home = tempfile::tempdir().expect("a directory");
    let front = Front::truthful().bucket();
    front.put("invoices/4711/a.xml", Some(front.days(2)), None);
    front.put("invoices/4711_country/it.xml", Some(front.days(2)), None);
    for number in 1..=3 {
        let body = crate::event_log::event(number, 1, "a");
        front.ok(&ops::put_object(live::BUCKET, &format!("events/{number}.json"), body, &LockHeaders::NONE));
    }
    assert_eq!(run_in(home.path(), &["keygen", "--output", "keys"]).code, Some(0));
    std::fs::write(home.path().join("order.txt"), "the auditor's order").expect("a file");
    let signed = ["--key", "keys/key.pem", "--cert", "keys/cert.pem", "--attach", "order.txt"];
    let args = [&INVOICE[..], &signed, &["--output", "trail"]].concat();
    assert_eq!(trail(home.path(), &front, &args).code, Some(0));
    let log = ["event-log", "s3://books", "--endpoint-url", &front.url, "--quiet", "--output", "log"];
    let ran = run_in(home.path(), &[&log[..], &signed].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
    for (pack, words) in [("trail", "Trail of 4711"), ("log", "every sequence number is there")] {
        let files =
            ["results.json", "results.json.sig", "cert.pem", "report.pdf", "junit.xml", "attachments"];
        for file in files {
            assert!(home.path().join(pack).join(file).exists(), "{pack}: {file}");
        }
        let verified = run_in(home.path(), &["verify", pack, "--cert", "keys/cert.pem"]);
        assert_eq!(verified.code, Some(0), "{}", verified.stderr);
        let report = run_in(home.path(), &["report", pack]);
        assert!(
            report.stdout.contains(words) && report.stdout.contains("NOTHING FOUND WRONG"),
            "{}",
            report.stdout
        );
        let junit = run_in(home.path(), &["report", pack, "--format", "junit"]);
        assert!(junit.stdout.contains("failures=\"0\" errors=\"0\""), "{}", junit.stdout);
    }
    let text = std::fs::read_to_string(home.path().join("trail/results.json")).expect("a record");
    let sound: Record = serde_json::from_str(&text).expect("a record");
    assert_eq!(rejudge(&sound), Vec::<String>::new());
    let changed = |change: fn(&mut Record), words: &str| {
        let mut record = sound.clone();
        change(&mut record);
        let wrong = rejudge(&record).join("\n");
        assert!(wrong.contains(words), "{words}: {wrong}");
    };
    changed(|r| drop(r.trails[0].entries.pop()), "part-missing");
    changed(|r| r.trails.clear(), "exit code");
    changed(|r| r.trails[0].patterns[0].versions = 2, "counted otherwise");
}

#[test]
fn an_audit_reads_the_demos_trail_and_ticks_the_item() {
    let home = tempfile::tempdir().expect("a directory");
    let mut args = vec!["audit", "--profile", "eu-einvoicing", "--output", "demo", "--quiet"];
    let profile = Profile::find("eu-einvoicing").expect("a profile");
    let item = profile.items.iter().find(|i| i.id == "trail-1").expect("an item");
    args.extend(item.shown_by.scenarios.iter().flat_map(|id| ["--only", id.as_str()]));
    let ran = run_in(home.path(), &args);
    ran.is_clean();
    let record = record(&home.path().join("demo"));
    let trail = &record["trails"][0];
    assert_eq!((&trail["id"], &trail["complete"]), (&json!("4711"), &json!(true)), "{trail}");
    assert_eq!(trail["findings"], json!({ "several-versions": 1 }));
    let of = |list: &str, id: &str| {
        let all = record["profile"][list].as_array().expect("a list");
        all.iter().find(|i| i["id"] == id).cloned().expect("an entry")
    };
    let item = of("items", "trail-1");
    assert_eq!(item["state"], "satisfied", "{item}");
    let claim = of("claims", "line-161");
    assert_eq!(claim["state"], "not shown here", "{claim}");
    assert_eq!(run_in(home.path(), &["verify", "demo"]).code, Some(0));
}
