//! Ctrl-C and worse in the middle of a live run: nothing stays unlisted, and `cleanup` finds what is left.

use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::TimeDelta;
use http::request::Parts;
use wormproof::store::ops;
use wormproof::time::Clock;

use crate::live::{Act, BUCKET, Front, Ran, command, fault, record, run_in, signal};

/// A server whose clock stands still: runs that wait for the end of a lock wait for ever.
fn standing(rule: impl Fn(&Parts) -> Act + Send + Sync + 'static) -> Front {
    let front = Front::start(Clock::virtual_at(Clock::Real.now()), &[], rule).bucket();
    front.ok(&ops::put_object(BUCKET, "2024/ledger", "a record", &ops::LockHeaders::NONE));
    front
}

/// An attack with a run that waits, one that makes a bucket, and what else is asked for.
fn begin(front: &Front, home: &Path, more: &[&str]) -> Child {
    let mut args =
        vec!["attack", "s3://books/2024", "--endpoint-url", &front.url, "--yes", "--allow", "bucket"];
    args.extend(["--output", "out", "--only", "WORM-111", "--only", "WORM-702"]);
    args.extend(more);
    let child = command(home, &args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    front.wait_for("a canary of WORM-111 and a bucket", |seen| {
        let put = |part: &str| seen.iter().any(|s| s.method == "PUT" && s.target.contains(part));
        // The bucket of WORM-702 with a locked record in it.
        put("WORM-111") && put("WORM-702")
    });
    child
}

fn keys(front: &Front, bucket: &str) -> Vec<String> {
    let listing = front.listing(bucket);
    listing.split("<Key>").skip(1).filter_map(|t| t.split("</Key>").next()).map(str::to_owned).collect()
}

/// Bucket, key and id of every version that is no marker.
fn versions(front: &Front) -> Vec<(String, String)> {
    let of = |bucket: String| {
        let listing = front.listing(&bucket);
        let parts = listing.split("<Version>").skip(1).filter_map(|t| t.split("</VersionId>").next());
        parts.map(|t| (bucket.clone(), t.to_owned())).collect::<Vec<_>>()
    };
    front.buckets().into_iter().flat_map(of).collect()
}

fn uploads(front: &Front) -> usize {
    let reply = front.ok(&ops::list_multipart_uploads(BUCKET, ""));
    String::from_utf8_lossy(&reply.body).matches("<UploadId>").count()
}

/// What a sweep without a journal, and one by the journal, say.
const UNDER_WAY: &str = "the run is under way, or was killed less than 10 minutes ago: not touched, until 20";

/// A sweep sees that the run is or may be under way, and leaves everything.
fn leaves_alone(front: &Front, home: &Path, args: &[&str]) {
    let before = versions(front);
    let said = run_in(home, args);
    said.is_clean();
    assert_eq!(said.code, Some(3), "{said:#?}");
    assert!(said.stdout.starts_with("removed: 0\n"), "{}", said.stdout);
    assert_eq!(said.stdout.matches("kept: ").count(), 1, "{}", said.stdout);
    assert!(said.stdout.contains(UNDER_WAY), "{}", said.stdout);
    assert!(said.stderr.contains("hint: --wait"), "{}", said.stderr);
    // A run that is under way goes on meanwhile: it may write, and its scenarios remove no version here.
    let after = versions(front);
    let gone: Vec<_> = before.iter().filter(|v| !after.contains(v)).collect();
    assert!(gone.is_empty() && !before.is_empty(), "{gone:?}");
}

/// Sweeps at once, and again when every lock has ended. Only the record that was there before is left. A run that was killed
/// may be under way for all that a sweep can know.
fn sweeps(front: &Front, home: &Path, journal: &[&str], killed: bool) {
    let mut args = vec!["cleanup", "s3://books/2024", "--endpoint-url", &front.url];
    args.extend(journal);
    let mut at_once = args.clone();
    if killed {
        leaves_alone(front, home, &args);
        at_once.push("--even-under-way");
    }
    let locked = run_in(home, &at_once);
    locked.is_clean();
    assert_eq!(locked.code, Some(3), "{locked:#?}");
    assert!(locked.stdout.contains("COMPLIANCE retention, until 20"), "{}", locked.stdout);
    assert!(locked.stderr.contains("hint: --wait"), "{}", locked.stderr);
    let kept = locked.stdout.lines().filter(|l| l.starts_with("kept: ")).count();
    // Every version in every bucket but the record, and every bucket but the audited one.
    let left: usize = front.buckets().iter().map(|bucket| keys(front, bucket).len() + 1).sum();
    assert_eq!(kept, left - 2, "{}", locked.stdout);

    front.server.clock().advance_to(front.server.clock().now() + TimeDelta::minutes(12));
    let freed = run_in(home, &args);
    freed.is_clean();
    assert_eq!(freed.code, Some(0), "{freed:#?}");
    assert_eq!(keys(front, BUCKET), ["2024/ledger"], "{freed:#?}");
    assert_eq!(front.buckets(), [BUCKET], "{freed:#?}");
    assert_eq!(uploads(front), 0);
}

#[test]
fn ctrl_c_ends_a_live_run_with_a_record_of_what_is_left() {
    let front = standing(|_| Act::Pass);
    let home = tempfile::tempdir().expect("a directory");
    let child = begin(&front, home.path(), &[]);
    signal(&child, "INT");
    let said = Ran::of(&child.wait_with_output().expect("it ends"));
    said.is_clean();
    assert_eq!(said.code, Some(3), "{said:#?}");
    assert!(said.stderr.contains("interrupted: no new step is sent"), "{}", said.stderr);
    let out = home.path().join("out");
    assert!(out.join("journal.jsonl").exists());
    let record = record(&out);
    assert_eq!(record["complete"], false);
    let residue = record["residue"].as_array().expect("residue");
    let listed = |bucket: &str, key: &str| residue.iter().any(|r| r["bucket"] == bucket && r["key"] == key);
    let buckets = front.buckets();
    assert_eq!(buckets.len(), 2, "{buckets:?}");
    assert!(keys(&front, BUCKET).len() > 1, "nothing was left, so nothing was tested");
    for bucket in &buckets {
        assert!(bucket == BUCKET || listed(bucket, ""), "{bucket} is left and not listed: {residue:?}");
        for key in keys(&front, bucket).iter().filter(|k| *k != "2024/ledger") {
            assert!(listed(bucket, key), "{key} is left and not listed: {residue:?}");
            assert!(said.stdout.replace(['\n', ' '], "").contains(key.as_str()), "{}", said.stdout);
        }
    }
    assert_eq!(run_in(home.path(), &["verify", "out"]).code, Some(0));
    sweeps(&front, home.path(), &["--journal", "out"], false);
}

#[test]
fn a_run_under_way_is_left_alone_and_is_cleaned_up_when_it_is_over() {
    let front = standing(|_| Act::Pass);
    let home = tempfile::tempdir().expect("a directory");
    let child = begin(&front, home.path(), &[]);
    let sweep = ["cleanup", "s3://books/2024", "--endpoint-url", &front.url];
    leaves_alone(&front, home.path(), &sweep);
    leaves_alone(&front, home.path(), &[&sweep[..], &["--journal", "out"]].concat());
    // From the folder above, another audit's business.
    let above = run_in(home.path(), &["cleanup", "s3://books", "--endpoint-url", &front.url]);
    assert_eq!(above.code, Some(0), "{above:#?}");
    let said =
        above.stdout.lines().filter(|l| l.starts_with("not of this bucket: bucket wormproof-")).count();
    assert_eq!((said, above.stdout.lines().count()), (1, 2), "{}", above.stdout);
    signal(&child, "INT");
    let said = Ran::of(&child.wait_with_output().expect("it ends"));
    said.is_clean();
    let record = record(&home.path().join("out"));
    let scenarios = record["scenarios"].as_array().expect("scenarios");
    assert!(scenarios.iter().all(|s| s["verdict"] != "fail"), "a false alarm: {}", said.stdout);
    // No lease is left of a run that ended by itself.
    sweeps(&front, home.path(), &[], false);
}

#[test]
fn a_sweep_by_a_journal_stays_with_its_run_and_its_bucket() {
    let front = standing(|_| Act::Pass);
    front.ok(&ops::create_bucket("papers", true, "us-east-1"));
    let homes: Vec<_> = (0..3).map(|_| tempfile::tempdir().expect("a directory")).collect();
    for (home, bucket) in homes.iter().zip(["s3://books/2024", "s3://papers", "s3://books/2024"]) {
        let args = ["attack", bucket, "--endpoint-url", &front.url, "--yes", "--allow", "bucket", "--quiet"];
        let said = run_in(home.path(), &[&args[..], &["--output", "out", "--only", "WORM-702"]].concat());
        assert_eq!(said.code, Some(0), "{said:#?}");
    }
    let [own, papers, other] = ["books/2024", "papers", "books/2024"];
    let made = |home: &Path| {
        let text = std::fs::read_to_string(home.join("out/journal.jsonl")).expect("a journal");
        let lines = text.lines().map(|l| serde_json::from_str::<serde_json::Value>(l).expect("json"));
        let made =
            lines.filter(|l| l["event"] == "bucket").map(|l| l["bucket"].as_str().expect("it").to_owned());
        made.collect::<Vec<_>>()
    };
    let buckets: Vec<String> = homes.iter().flat_map(|home| made(home.path())).collect();
    assert_eq!(buckets.len(), 3, "{buckets:?}");
    assert_eq!(front.buckets().len(), 5, "{:?}", front.buckets());
    front.server.clock().advance_to(front.server.clock().now() + TimeDelta::minutes(12));
    let sweep = |home: &Path, bucket: &str, more: &[&str]| {
        let url = format!("s3://{bucket}");
        let said = run_in(home, &[&["cleanup", &url, "--endpoint-url", &front.url][..], more].concat());
        said.is_clean();
        said
    };
    let foreign = sweep(homes[0].path(), papers, &["--journal", "out"]);
    foreign.fails(2, "the journal is that of a run on books, not on papers", "name the bucket");
    let said = sweep(homes[0].path(), own, &["--journal", "out"]);
    assert_eq!(
        (said.code, said.stdout.contains("kept"), said.stdout.contains("not of")),
        (Some(0), false, false),
        "{said:#?}"
    );
    let left = front.buckets();
    assert!(
        !left.contains(&buckets[0]) && left.contains(&buckets[1]) && left.contains(&buckets[2]),
        "{left:?}"
    );
    // Without a journal: every run on this bucket and prefix, and nothing of the others.
    let said = sweep(homes[0].path(), other, &[]);
    assert_eq!(said.code, Some(0), "{said:#?}");
    let line = format!("not of this bucket: bucket {}: of run ", buckets[1]);
    assert!(
        said.stdout.contains(&line) && said.stdout.contains(" on papers, .wormproof/"),
        "{}",
        said.stdout
    );
    assert_eq!(front.buckets().iter().filter(|b| b.starts_with("wormproof-")).count(), 1);
    assert_eq!(sweep(homes[1].path(), papers, &[]).stdout.lines().count(), 1);
    assert_eq!(front.buckets().len(), 2, "{:?}", front.buckets());
}

#[test]
fn what_a_killed_run_left_is_found_by_its_journal_and_without_it() {
    for journal in [&["--journal", "out"][..], &[]] {
        // An upload whose parts get no answer stays open.
        let front = standing(|parts| {
            if parts.uri.query().is_some_and(|q| q.contains("partNumber")) { Act::Hang } else { Act::Pass }
        });
        let home = tempfile::tempdir().expect("a directory");
        let mut child = begin(&front, home.path(), &["--only", "WORM-202"]);
        front.wait_for("a part of an upload", |seen| seen.iter().any(|s| s.target.contains("partNumber")));
        signal(&child, "KILL");
        child.wait().expect("it ends");
        assert!(!home.path().join("out/results.json").exists());
        assert!(home.path().join("out/journal.jsonl").exists());
        assert!(uploads(&front) > 0);
        sweeps(&front, home.path(), journal, true);
    }
}

#[test]
fn ctrl_c_twice_does_not_wait_for_a_server_that_never_answers() {
    let front = standing(|parts| {
        if parts.uri.query().is_some_and(|q| q.contains("partNumber")) { Act::Hang } else { Act::Pass }
    });
    let home = tempfile::tempdir().expect("a directory");
    let child = begin(&front, home.path(), &["--only", "WORM-202"]);
    front.wait_for("a part of an upload", |seen| seen.iter().any(|s| s.target.contains("partNumber")));
    let begun = std::time::Instant::now();
    signal(&child, "INT");
    crate::live::pause();
    crate::live::pause();
    signal(&child, "INT");
    let said = Ran::of(&child.wait_with_output().expect("it ends"));
    said.fails(3, "interrupted twice", "wormproof cleanup");
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
    sweeps(&front, home.path(), &["--journal", "out"], true);
}

#[test]
fn ctrl_c_before_the_first_write_writes_nothing() {
    // The bucket's configuration gets no answer.
    let front = Front::with(|parts| {
        if parts.uri.query().is_some_and(|q| q.contains("object-lock")) { Act::Hang } else { Act::Pass }
    })
    .bucket();
    let home = tempfile::tempdir().expect("a directory");
    for (arguments, error) in [
        (&["audit", "--yes", "--output", "out"][..], "interrupted before anything was written"),
        (&["plan"][..], "interrupted before anything was written"),
    ] {
        front.seen.lock().expect("a lock").clear();
        let mut command = command(home.path(), arguments);
        command.args(["s3://books", "--endpoint-url", &front.url]);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
        front
            .wait_for("the lock configuration", |seen| seen.iter().any(|s| s.target.contains("object-lock")));
        signal(&child, "TERM");
        let said = Ran::of(&child.wait_with_output().expect("it ends"));
        said.is_clean();
        assert_eq!(said.code, Some(3), "{said:#?}");
        assert!(said.stderr.contains(error), "{}", said.stderr);
        assert!(front.writes().iter().all(|s| s.method == "POST" && s.target == "/"), "{:?}", front.writes());
        assert!(!home.path().join("out").exists());
    }
}

#[test]
fn what_a_sweep_cannot_look_at_is_said_and_not_taken_for_nothing() {
    let front = Front::with(|parts| match (parts.uri.path(), parts.uri.query().unwrap_or_default()) {
        ("/", "") => fault(403, "AccessDenied", "Access Denied."),
        (_, query) if query.contains("uploads") => fault(503, "SlowDown", "Please reduce your request rate."),
        _ => Act::Pass,
    })
    .bucket();
    let home = tempfile::tempdir().expect("a directory");
    let said = run_in(home.path(), &["cleanup", "s3://books", "--endpoint-url", &front.url]);
    said.is_clean();
    assert_eq!(said.code, Some(3), "{said:#?}");
    for line in [
        "kept: bucket wormproof-*: whether there are any could not be listed: 403 AccessDenied",
        "kept: books/.wormproof/: open uploads could not be listed: 503 SlowDown",
    ] {
        assert!(said.stdout.contains(line), "{}", said.stdout);
    }
}

#[test]
fn a_deletion_that_is_accepted_and_not_done_is_no_removal() {
    let lies = Arc::new(AtomicBool::new(false));
    let lying = Arc::clone(&lies);
    let front = standing(move |parts| {
        let lie = lying.load(Ordering::Relaxed) && parts.method == "DELETE";
        if lie { Act::Answer(204, Vec::new(), String::new()) } else { Act::Pass }
    });
    let home = tempfile::tempdir().expect("a directory");
    let mut child = begin(&front, home.path(), &[]);
    signal(&child, "KILL");
    child.wait().expect("it ends");
    front.server.clock().advance_to(front.server.clock().now() + TimeDelta::minutes(12));
    let args = ["cleanup", "s3://books/2024", "--endpoint-url", &front.url, "--journal", "out"];
    lies.store(true, Ordering::Relaxed);
    let said = run_in(home.path(), &args);
    said.is_clean();
    assert_eq!(said.code, Some(3), "{said:#?}");
    assert!(said.stdout.contains("removed: 0\n"), "{}", said.stdout);
    assert!(said.stdout.contains("its deletion was accepted, and it is still listed"), "{}", said.stdout);
    lies.store(false, Ordering::Relaxed);
    let said = run_in(home.path(), &args);
    assert_eq!(said.code, Some(0), "{said:#?}");
    assert_eq!(keys(&front, BUCKET), ["2024/ledger"]);
    assert_eq!(front.buckets(), [BUCKET]);
}
