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

fn uploads(front: &Front) -> usize {
    let reply = front.ok(&ops::list_multipart_uploads(BUCKET, ""));
    String::from_utf8_lossy(&reply.body).matches("<UploadId>").count()
}

/// Sweeps at once, and again when every lock has ended. Only the record that was there before is left.
fn sweeps(front: &Front, home: &Path, journal: &[&str]) {
    let mut args = vec!["cleanup", "s3://books/2024", "--endpoint-url", &front.url];
    args.extend(journal);
    let locked = run_in(home, &args);
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
    sweeps(&front, home.path(), &["--journal", "out"]);
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
        sweeps(&front, home.path(), journal);
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
    sweeps(&front, home.path(), &["--journal", "out"]);
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
