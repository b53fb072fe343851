//! Metrics: by the binary, to files and to a real Pushgateway; judged by Prometheus' own tools; and what the dashboard
//! and the alert rules are made of.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::live::{Act, BUCKET, Front, KEY, Ran, SECRET, command, not_run, run_in};
use wormproof::store::ops::{self, LockHeaders};
use wormproof::store::wire::Wire as _;

/// What the test set-up hands over.
#[expect(clippy::disallowed_methods, reason = "the test set-up hands programs over by variables")]
fn part(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).filter(|v| !v.is_empty()).map(PathBuf::from)
}

fn at(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// `promtool` with these arguments and this on stdin has to end with 0 and say nothing that it does not like.
fn promtool(name: &str, args: &[&str], stdin: &str) {
    let Some(promtool) = part("WORMPROOF_TEST_PROMTOOL") else {
        return not_run(&format!("{name}: no WORMPROOF_TEST_PROMTOOL"));
    };
    let mut child = Command::new(promtool)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool starts");
    child.stdin.take().expect("stdin").write_all(stdin.as_bytes()).expect("heard");
    let said = Ran::of(&child.wait_with_output().expect("it ends"));
    assert_eq!(said.code, Some(0), "{args:?}: {said:#?}\n{stdin}");
}

/// The golden exposition.
fn golden() -> String {
    let path =
        "src/report/metrics/snapshots/wormproof__report__metrics__tests__the_exposition_of_the_sample.snap";
    let text = std::fs::read_to_string(at(path)).expect("the golden exposition");
    text.splitn(3, "---\n").nth(2).expect("its body").to_owned()
}

fn names(text: &str) -> BTreeSet<String> {
    let word = regex::Regex::new(r"\bwormproof_[a-z_]+").expect("a pattern");
    word.find_iter(text).map(|m| m.as_str().to_owned()).collect()
}

/// Every series that a run may show.
fn shown() -> BTreeSet<String> {
    let samples: Vec<String> =
        golden().lines().filter(|l| !l.starts_with('#')).map(ToOwned::to_owned).collect();
    let mut all: BTreeSet<String> =
        samples.iter().filter_map(|l| l.split(['{', ' ']).next()).map(ToOwned::to_owned).collect();
    all.insert(wormproof::report::metrics::LAST_COMPLETE.to_owned());
    all
}

#[test]
fn the_dashboard_asks_for_nothing_that_no_run_shows() {
    let text = std::fs::read_to_string(at("docs/monitoring/dashboard.json")).expect("the dashboard");
    let dashboard: Value = serde_json::from_str(&text).expect("json");
    let panels = dashboard["panels"].as_array().expect("panels");
    let asked: String = panels
        .iter()
        .flat_map(|p| p["targets"].as_array().expect("targets"))
        .map(|t| t["expr"].as_str().expect("an expression").to_owned() + "\n")
        .collect();
    let (asked, shown) = (names(&asked), shown());
    assert!(asked.is_subset(&shown), "{:?}", asked.difference(&shown));
    for metric in [
        "wormproof_evidence_stored_total",
        "wormproof_evidence_store_attempts_total",
        "wormproof_versions_protected",
        "wormproof_versions_validated",
        "wormproof_request_duration_seconds_bucket",
        "wormproof_evidence_chain_intact",
        "wormproof_scenarios",
    ] {
        assert!(asked.contains(metric), "the dashboard does not show {metric}");
    }
    let ids: BTreeSet<u64> = panels.iter().filter_map(|p| p["id"].as_u64()).collect();
    assert_eq!(ids.len(), panels.len());
}

#[test]
fn the_alert_rules_ask_for_what_is_shown_and_fire_when_they_should() {
    let rules = std::fs::read_to_string(at("docs/monitoring/alerts.yml")).expect("the rules");
    let asked: String = rules.lines().filter(|l| l.trim_start().starts_with("expr:")).collect();
    let (asked, shown) = (names(&asked), shown());
    assert!(!asked.is_empty() && asked.is_subset(&shown), "{:?}", asked.difference(&shown));
    let path = at("docs/monitoring/alerts.yml");
    promtool("check rules", &["check", "rules", path.to_str().expect("a path")], "");
    let tests = at("tests/monitoring/alerts_test.yml");
    promtool("test rules", &["test", "rules", tests.to_str().expect("a path")], "");
}

#[test]
fn prometheus_reads_the_golden_exposition() {
    promtool("check metrics of the golden exposition", &["check", "metrics"], &golden());
}

/// A server with two objects; its attacks take a second.
fn front() -> Front {
    let front = Front::truthful();
    front.ok(&ops::create_bucket(BUCKET, true, "us-east-1"));
    for key in ["a\"b\\c", "d"] {
        front.ok(&ops::put_object(BUCKET, key, "x", &LockHeaders::NONE));
    }
    front
}

/// An audit of a few scenarios; `more` are further arguments.
fn audit(front: &Front, home: &Path, more: &[&str]) -> Ran {
    let usual =
        ["audit", "s3://books/", "--yes", "--quiet", "--only", "WORM-101", "--endpoint-url", &front.url];
    run_in(home, &[&usual[..], more].concat())
}

#[test]
fn a_run_leaves_metrics_in_a_file_that_prometheus_reads_and_a_record_makes_them_again() {
    use std::os::unix::fs::PermissionsExt as _;
    let (front, home) = (front(), tempfile::tempdir().expect("a directory"));
    let file = home.path().join("wormproof.prom");
    let label = "environment=a\"b\\c";
    let args = ["--metrics", "wormproof.prom", "--label", label, "--output", "out"];
    let ran = audit(&front, home.path(), &args);
    // The two objects have no lock.
    assert_eq!(ran.code, Some(1), "{ran:#?}");
    let text = std::fs::read_to_string(&file).expect("the metrics");
    promtool("check metrics of an audit", &["check", "metrics"], &text);
    let value = |name: &str| {
        let line =
            text.lines().find(|l| l.starts_with(&format!("{name}{{"))).unwrap_or_else(|| panic!("{name}"));
        line.rsplit_once(' ').expect("a value").1.to_owned()
    };
    assert_eq!(value("wormproof_evidence_stored_total"), value("wormproof_evidence_store_attempts_total"));
    assert_ne!(value("wormproof_evidence_stored_total"), "0");
    assert_eq!(
        (value("wormproof_versions_validated").as_str(), value("wormproof_versions_protected").as_str()),
        ("2", "0")
    );
    assert_eq!(value("wormproof_exit_code"), "1");
    assert!(text.contains(r#"operation="PutObject",le="+Inf""#), "{text}");
    assert!(text.contains(r#"environment="a\"b\\c""#), "{text}");
    assert_eq!(std::fs::metadata(&file).expect("it").permissions().mode() & 0o777, 0o644);
    assert_eq!(
        std::fs::read_dir(home.path()).expect("it").filter_map(Result::ok).count(),
        2,
        "no temporary file is left"
    );
    let again = run_in(home.path(), &["report", "out", "--format", "prometheus", "--label", label]);
    assert_eq!(again.stdout, text, "a record makes the same metrics again");
}

#[test]
fn metrics_that_cannot_be_delivered_are_an_error_after_the_evidence_and_never_outrank_a_fail() {
    let (front, home) = (front(), tempfile::tempdir().expect("a directory"));
    let gone = "http://me:hunter2@127.0.0.1:1";
    let scan = |prefix: &str, metrics: &str, output: &str| {
        let at = format!("s3://books/{prefix}");
        run_in(
            home.path(),
            &["scan", &at, "--quiet", "--endpoint-url", &front.url, "--metrics", metrics, "--output", output],
        )
    };
    let failed = scan("", gone, "one");
    assert_eq!(failed.code, Some(1), "{failed:#?}");
    assert!(failed.stderr.contains("were not pushed to http://127.0.0.1:1:"), "{}", failed.stderr);
    assert!(failed.stderr.contains("hint: "), "{}", failed.stderr);
    let nothing = scan("nothing/", "no/such/directory/x.prom", "two");
    assert_eq!(nothing.code, Some(3), "{nothing:#?}");
    for output in ["one", "two"] {
        assert!(home.path().join(output).join("report.pdf").is_file(), "the evidence comes first");
    }
    // The password is nowhere.
    for path in crate::live::files(home.path()) {
        let bytes = std::fs::read(&path).expect("a file");
        assert!(!bytes.windows(7).any(|w| w == b"hunter2"), "{}", path.display());
    }
    assert!(!failed.stderr.contains("hunter2") && !failed.stdout.contains("hunter2"));
    let record = crate::live::record(&home.path().join("one"));
    assert!(record["arguments"].to_string().contains("http://***@127.0.0.1:1"), "{}", record["arguments"]);
    for (wrong, words) in [("ftp://h:hunter2@x", "only http and https"), ("/", "names no file")] {
        let refused = scan("", wrong, "three");
        refused.fails(2, words, if wrong == "/" { ".prom" } else { "USER:PASSWORD" });
        assert!(!refused.stderr.contains("hunter2"));
        assert!(!home.path().join("three").exists(), "nothing is begun");
    }
}

#[test]
fn user_and_password_are_sent_to_the_gateway_and_its_refusal_is_told() {
    let front = Front::with(|parts| {
        if parts.uri.path().starts_with("/metrics/job/wormproof/") {
            Act::Answer(401, Vec::new(), "who\u{1b}[31m are you?\n".to_owned())
        } else {
            Act::Pass
        }
    });
    front.ok(&ops::create_bucket(BUCKET, true, "us-east-1"));
    let home = tempfile::tempdir().expect("a directory");
    let gateway = front.url.replace("http://", "http://me:hunter%322@");
    let args = ["scan", "s3://books", "--quiet", "--endpoint-url", &front.url, "--metrics", &gateway];
    let ran = run_in(home.path(), &[&args[..], &["--output", "out"]].concat());
    assert_eq!(ran.code, Some(3), "{ran:#?}");
    ran.is_clean();
    assert!(ran.stderr.contains("did not take the metrics: 401 who"), "{}", ran.stderr);
    assert!(ran.stderr.contains("hint: write user and password into the address"), "{}", ran.stderr);
    let seen = front.seen.lock().expect("a lock");
    let pushes: Vec<_> = seen.iter().filter(|s| s.target.starts_with("/metrics/")).collect();
    assert_eq!(pushes.len(), 1, "it is sent once");
    let header =
        |name: &str| pushes[0].headers.get(name).expect("a header").to_str().expect("text").to_owned();
    // me:hunter22
    assert_eq!(
        (pushes[0].method.as_str(), header("authorization").as_str()),
        ("PUT", "Basic bWU6aHVudGVyMjI=")
    );
    let again = run_in(home.path(), &["report", "out", "--format", "prometheus"]);
    assert_eq!(again.stdout.as_bytes(), &pushes[0].body[..]);
}

/// A Pushgateway on a free port, killed when it is dropped.
struct Pushgateway {
    child: Child,
    url: String,
}

impl Pushgateway {
    fn start(binary: &Path) -> Self {
        let mut child = Command::new(binary)
            .args(["--web.listen-address=127.0.0.1:0", "--persistence.file="])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the Pushgateway starts");
        let mut lines = BufReader::new(child.stderr.take().expect("stderr")).lines();
        let address = regex::Regex::new(r"127\.0\.0\.1:[1-9][0-9]*").expect("a pattern");
        let found = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| address.find(&line).map(|m| m.as_str().to_owned()))
            .expect("it says where it listens");
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Self { child, url: format!("http://{found}") }
    }

    fn metrics(&self) -> String {
        let wire = wormproof::store::hyper_wire::HyperWire::new().expect("a wire");
        let request = http::Request::get(format!("{}/metrics", self.url)).body(bytes::Bytes::new());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let answer = runtime.block_on(wire.send(request.expect("a request"))).expect("an answer");
        String::from_utf8(answer.body().to_vec()).expect("text")
    }
}

impl Drop for Pushgateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_pushgateway_takes_the_metrics_and_a_later_run_replaces_them() {
    let name = "a_pushgateway_takes_the_metrics_and_a_later_run_replaces_them";
    let Some(binary) = part("WORMPROOF_TEST_PUSHGATEWAY") else {
        return not_run(&format!("{name}: no WORMPROOF_TEST_PUSHGATEWAY"));
    };
    let (front, home) = (front(), tempfile::tempdir().expect("a directory"));
    let gateway = Pushgateway::start(&binary);
    let scan = |output: &str, label: &str| {
        let ran = command(
            home.path(),
            &["scan", "s3://books/", "--quiet", "--endpoint-url", &front.url, "--label", label],
        )
        .args(["--metrics", &gateway.url, "--output", output])
        .env("MINIO_ACCESS_KEY", KEY)
        .env("MINIO_SECRET_KEY", SECRET)
        .output()
        .expect("it runs");
        let ran = Ran::of(&ran);
        assert_eq!(ran.code, Some(1), "{ran:#?}");
    };
    let label = "environment=pro duction/ö";
    scan("one", label);
    let values = || -> Vec<String> {
        let text = gateway.metrics();
        let of = |l: &&str| l.starts_with("wormproof_versions_seen{");
        text.lines().filter(of).map(|l| l.rsplit_once(' ').expect("a value").1.to_owned()).collect()
    };
    assert_eq!(values(), ["2"]);
    let text = gateway.metrics();
    for label in
        [r#"job="wormproof""#, r#"bucket="books""#, r#"environment="pro duction/ö""#, r#"command="scan""#]
    {
        assert!(
            text.lines().any(|l| l.starts_with("wormproof_evidence_chain_intact{") && l.contains(label)),
            "{label}\n{text}"
        );
    }
    front.ok(&ops::put_object(BUCKET, "e", "x", &LockHeaders::NONE));
    scan("two", label);
    assert_eq!(values(), ["3"], "the later run replaces the earlier one");
    scan("three", "environment=test");
    assert_eq!(values().len(), 2, "another environment stands beside it");
    // The gateway tells when a push failed: the alert rule asks for these two.
    assert!(text.contains("push_time_seconds{") && text.contains("push_failure_time_seconds{"));
}
