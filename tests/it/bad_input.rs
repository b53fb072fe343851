//! Servers, networks and keys that misbehave, through the binary: a clear error, a hint, the right exit code.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::TimeDelta;
use http::request::Parts;
use wormproof::store::ops::{self, LockHeaders};
use wormproof::time::Clock;

use crate::live::{Act, BUCKET, Front, KEY, Ran, command, fault, record, run, run_in, scenario, xml};

fn scan(url: &str) -> Ran {
    run(&["scan", "s3://books", "--endpoint-url", url])
}

fn query(parts: &Parts) -> &str {
    parts.uri.query().unwrap_or_default()
}

fn lists(parts: &Parts) -> bool {
    query(parts).split('&').any(|p| p == "versions" || p.starts_with("versions="))
}

#[test]
fn an_endpoint_that_is_down_is_said_to_be() {
    let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
    let url = format!("127.0.0.1:{port}");
    let said = scan(&url);
    said.fails(3, &format!("http://{url} does not answer: cannot connect"), "is the server running");
    assert_eq!(said.stderr.matches("cannot connect").count(), 1, "{}", said.stderr);
    run(&["audit", "s3://books", "--yes", "--endpoint-url", &url]).fails(
        3,
        "does not answer",
        "--endpoint-url",
    );
    run(&["plan", "s3://books", "--endpoint-url", &url]).fails(3, "does not answer", "--endpoint-url");
    run(&["cleanup", "s3://books", "--endpoint-url", &url]).fails(3, "does not answer", "--endpoint-url");
}

#[test]
fn tls_and_plain_http_are_not_mixed_up() {
    let plain = Front::truthful().bucket();
    let https = plain.url.replace("http:", "https:");
    scan(&https).fails(3, "speaks plain HTTP", "write the endpoint with `http://`");
    let tls = tls_server();
    let said = scan(&format!("https://localhost:{tls}"));
    said.fails(3, "its certificate is issued by nobody whom this machine trusts", "--ca-bundle");
    assert_eq!(said.stderr.matches("UnknownIssuer").count(), 0, "words of the library: {}", said.stderr);
    scan(&format!("http://localhost:{tls}")).fails(3, "speaks no HTTP, TLS perhaps", "`https://`");
}

/// A TLS server with a certificate that nobody trusts. Gives its port.
fn tls_server() -> u16 {
    use rustls::pki_types::pem::PemObject as _;
    use std::io::{Read as _, Write as _};
    let home = tempfile::tempdir().expect("a directory");
    let made = run_in(home.path(), &["keygen", "--output", "tls", "--name", "untrusted.test"]);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let file = |name: &str| home.path().join("tls").join(name);
    let cert = rustls::pki_types::CertificateDer::from_pem_file(file("cert.pem")).expect("cert");
    let key = rustls::pki_types::PrivateKeyDer::from_pem_file(file("key.pem")).expect("key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![cert], key)
        .expect("a server");
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let config = Arc::clone(&config);
            std::thread::spawn(move || {
                let session = rustls::ServerConnection::new(config).expect("a session");
                let mut tls = rustls::StreamOwned::new(session, stream);
                let _ = tls.read(&mut [0; 4096]);
                let _ = tls.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            });
        }
    });
    port
}

#[test]
fn half_an_answer_and_html_are_no_listing() {
    let half = Front::with(|_| Act::Half("<?xml version=\"1.0\"?><ListVersionsResult><Name>books</Name>"));
    scan(&half.url).fails(3, "the connection broke before the answer was whole", "log");
    let page = |_: &Parts| {
        let html = "<!doctype html><html><body>Welcome</body></html>".to_owned();
        Act::Answer(200, vec![("content-type", "text/html".to_owned())], html)
    };
    scan(&Front::with(page).url).fails(
        3,
        "does not answer as S3 does: 200 <!doctype html>",
        "is this the S3 port?",
    );
    let broken = Front::with(|_| xml(200, "<ListVersionsResult><Name>books</Name><Version><Key>a"));
    let said = scan(&broken.url);
    assert_eq!(said.code, Some(3), "{said:#?}");
    said.is_clean();
    assert!(said.stdout.contains("not complete"), "{}", said.stdout);
    let empty = Front::with(|_| xml(200, ""));
    scan(&empty.url).fails(3, "does not answer as S3 does", "is this the S3 port?");
    // Terminal escapes in a server's words.
    let rude = Front::with(|_| fault(403, "AccessDenied", "no\u{1b}[2J\u{202e}way"));
    scan(&rude.url).fails(
        3,
        "may not list the versions of `books`: 403 AccessDenied no",
        "s3:ListBucketVersions",
    );
}

fn page_of(keys: &[String], next: Option<&str>) -> Act {
    let entries: String = keys
        .iter()
        .map(|key| {
            format!(
                "<Version><Key>{key}</Key><VersionId>v1</VersionId><IsLatest>true</IsLatest>\
                 <LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>&quot;e&quot;</ETag><Size>1</Size>\
                 <StorageClass>STANDARD</StorageClass></Version>"
            )
        })
        .collect();
    let more = next.map_or_else(
        || "<IsTruncated>false</IsTruncated>".to_owned(),
        |key| {
            format!(
                "<IsTruncated>true</IsTruncated><NextKeyMarker>{key}</NextKeyMarker>\
                 <NextVersionIdMarker>v1</NextVersionIdMarker>"
            )
        },
    );
    xml(
        200,
        &format!(
            "<?xml version=\"1.0\"?><ListVersionsResult><Name>books</Name><Prefix></Prefix><MaxKeys>1000</MaxKeys>\
             <EncodingType>url</EncodingType>{more}{entries}</ListVersionsResult>"
        ),
    )
}

#[test]
fn a_listing_that_goes_in_a_circle_ends_without_a_conclusion() {
    let circle =
        Front::with(|parts| if lists(parts) { page_of(&["a".to_owned()], Some("a")) } else { Act::Pass })
            .bucket();
    let said = scan(&circle.url);
    said.is_clean();
    assert!(matches!(said.code, Some(1 | 3)), "{said:#?}");
    assert!(said.stdout.contains("not complete"), "{}", said.stdout);
    let listings =
        circle.seen.lock().expect("a lock").iter().filter(|s| s.target.contains("versions")).count();
    assert!(listings < 10, "{listings} listings of a circle");
}

#[test]
fn a_listing_that_never_ends_is_ended_by_ctrl_c_and_the_record_says_so() {
    let page = AtomicU64::new(0);
    let endless = Front::with(move |parts| {
        if lists(parts) {
            let n = page.fetch_add(1, Ordering::Relaxed);
            page_of(&[format!("k{n:012}")], Some(&format!("k{n:012}")))
        } else if query(parts).is_empty() || query(parts).starts_with("versionId") {
            Act::Answer(200, vec![("content-length", "1".to_owned())], "x".to_owned())
        } else {
            Act::Pass
        }
    })
    .bucket();
    let home = tempfile::tempdir().expect("a directory");
    let args = ["scan", "s3://books", "--endpoint-url", &endless.url, "--output", "out"];
    let mut command = command(home.path(), &args);
    let child = command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn();
    let child = child.expect("it runs");
    endless
        .wait_for("200 listings", |seen| seen.iter().filter(|s| s.target.contains("versions")).count() > 200);
    crate::live::signal(&child, "INT");
    let said = Ran::of(&child.wait_with_output().expect("it ends"));
    said.is_clean();
    assert!(matches!(said.code, Some(1 | 3)), "{said:#?}");
    assert!(said.stderr.contains("interrupted"), "{}", said.stderr);
    let scan = &record(&home.path().join("out"))["scan"];
    assert_eq!(scan["complete"], false);
    assert_eq!(scan["incomplete_reason"], "interrupted");
}

#[test]
fn credentials_clocks_and_buckets_that_are_wrong_are_named() {
    let home = tempfile::tempdir().expect("a directory");
    let front = Front::truthful();
    let args = ["scan", "s3://books", "--endpoint-url", &front.url];
    run_in(home.path(), &args).fails(
        3,
        "the bucket `books` does not exist",
        "check the name and the endpoint",
    );
    let front = front.bucket();
    let args = ["scan", "s3://books", "--endpoint-url", &front.url];
    let wrong =
        command(home.path(), &args).env("MINIO_SECRET_KEY", "another-secret-key").output().expect("it runs");
    let wrong = Ran::of(&wrong);
    wrong.fails(3, &format!("does not accept the credentials of access key {KEY}"), "MINIO_SECRET_KEY");
    assert!(!wrong.stderr.contains("another-secret-key"));
    let unknown = command(home.path(), &args).env("MINIO_ACCESS_KEY", "nobody").output().expect("it runs");
    Ran::of(&unknown).fails(3, "of access key nobody", "AWS_ACCESS_KEY_ID");

    for minutes in [20, -20] {
        let clock = Clock::virtual_at(Clock::Real.now() + TimeDelta::minutes(minutes));
        let skewed = Front::start(clock, &[], |_| Act::Pass);
        scan(&skewed.url).fails(3, "the clocks are too far apart: here it is 20", "NTP");
    }
    let denied =
        Front::with(|p| if lists(p) { fault(403, "AccessDenied", "Access Denied.") } else { Act::Pass });
    scan(&denied.bucket().url).fails(3, "may not list the versions of `books`", "--policy");
    let busy = Front::with(|_| fault(503, "SlowDown", "Please reduce your request rate."));
    scan(&busy.url).fails(3, "503 SlowDown Please reduce your request rate.", "--rate");
    let broken = Front::with(|_| fault(500, "InternalError", "We encountered an internal error."));
    scan(&broken.url).fails(3, "500 InternalError", "log");
}

type Rule = fn(&Parts) -> Act;

fn audit_of(front: &Front, home: &std::path::Path, more: &[&str]) -> Ran {
    let mut args = vec!["attack", "s3://books", "--endpoint-url", &front.url, "--yes", "--output", "out"];
    args.extend(more);
    run_in(home, &args)
}

#[test]
fn a_server_that_fails_one_kind_of_request_passes_nothing_of_it() {
    let cases: [(&str, Rule); 5] = [
        ("503 on every PUT", |p| match p.method.as_str() {
            "PUT" => fault(503, "SlowDown", "Please reduce your request rate."),
            _ => Act::Pass,
        }),
        ("every DELETE is reset", |p| if p.method == "DELETE" { Act::Close } else { Act::Pass }),
        ("every DELETE is done and its answer lost", |p| match p.method.as_str() {
            "DELETE" => Act::PassAndLose,
            _ => Act::Pass,
        }),
        ("every PUT is done and its answer lost", |p| match p.method.as_str() {
            "PUT" => Act::PassAndLose,
            _ => Act::Pass,
        }),
        ("403 on every PUT", |p| match p.method.as_str() {
            "PUT" => fault(403, "AccessDenied", "Access Denied."),
            _ => Act::Pass,
        }),
    ];
    for (what, rule) in cases {
        let front = Front::with(rule).bucket();
        let home = tempfile::tempdir().expect("a directory");
        let said = audit_of(&front, home.path(), &["--only", "WORM-101", "--only", "WORM-106"]);
        said.is_clean();
        assert_eq!(said.code, Some(3), "{what}: {said:#?}");
        let record = record(&home.path().join("out"));
        for id in ["WORM-101", "WORM-106"] {
            let scenario = scenario(&record, id);
            assert_eq!(scenario["verdict"], "inconclusive", "{what}: {id}: {}", scenario["reason"]);
        }
        // Whatever is left on the server is in the list of what stays behind.
        let listed = residue(&record);
        for key in keys_of(&front.listing(BUCKET)) {
            assert!(listed.contains(&key), "{what}: {key} is not listed: {listed:?}");
        }
    }
}

fn residue(record: &serde_json::Value) -> Vec<String> {
    let all = record["residue"].as_array().expect("residue");
    all.iter().map(|r| r["key"].as_str().expect("a key").to_owned()).collect()
}

fn keys_of(listing: &str) -> Vec<String> {
    listing.split("<Key>").skip(1).filter_map(|t| t.split("</Key>").next()).map(str::to_owned).collect()
}

#[test]
fn a_lock_that_may_not_be_read_is_unreadable_and_no_pass() {
    let front = Front::truthful().bucket();
    front.put("ledger", Some(front.days(1)), None);
    let policy = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":"s3:*","Resource":"*"},
        {"Effect":"Deny","Action":["s3:GetObjectRetention","s3:GetObjectLegalHold"],"Resource":"*"}]}"#;
    let session = front.session(policy);
    let home = tempfile::tempdir().expect("a directory");
    for more in [&["--mode", "compliance"][..], &["--mode", "compliance", "--exact"][..]] {
        let out = more.len().to_string();
        let mut args = vec!["scan", "s3://books/ledger", "--endpoint-url", &front.url, "--output", &out];
        args.extend(more);
        let mut command = command(home.path(), &args);
        command.env_remove("MINIO_ACCESS_KEY").env_remove("MINIO_SECRET_KEY");
        command.env("AWS_ACCESS_KEY_ID", &session.access_key);
        command.env("AWS_SECRET_ACCESS_KEY", session.secret_key.as_str());
        command.env("AWS_SESSION_TOKEN", session.session_token.as_ref().expect("a token").as_str());
        let said = Ran::of(&command.output().expect("it runs"));
        said.is_clean();
        assert_eq!(said.code, Some(3), "{said:#?}");
        assert!(said.stdout.contains("unreadable"), "{}", said.stdout);
    }
}

#[test]
fn a_bucket_without_versioning_or_lock_fails_and_what_cannot_run_says_why() {
    for versioned in [false, true] {
        let front = Front::truthful();
        front.ok(&ops::create_bucket(BUCKET, false, "us-east-1"));
        if versioned {
            front.ok(&ops::put_bucket_versioning(BUCKET, true));
        }
        front.put("plain", None, None);
        let home = tempfile::tempdir().expect("a directory");
        let only = ["WORM-101", "WORM-601", "WORM-603", "WORM-610"];
        let mut args = vec!["audit", "s3://books", "--endpoint-url", &front.url, "--yes", "--output", "out"];
        args.extend(["--allow", "bucket"].into_iter().chain(only.iter().flat_map(|id| ["--only", *id])));
        let said = run_in(home.path(), &args);
        said.is_clean();
        assert_eq!(said.code, Some(1), "{said:#?}");
        let record = record(&home.path().join("out"));
        let findings = record["findings"].as_array().expect("findings");
        let rules: Vec<&str> = findings.iter().filter_map(|f| f["rule"].as_str()).collect();
        assert!(rules.iter().any(|r| r.contains("lock")), "{rules:?}");
        assert_eq!(rules.iter().any(|r| r.contains("version")), !versioned, "{rules:?}");
        let verdict = |id| scenario(&record, id)["verdict"].as_str().expect("a verdict").to_owned();
        let reason = |id| scenario(&record, id)["reason"].as_str().expect("a reason").to_owned();
        assert_eq!(verdict("WORM-101"), "skipped");
        assert!(reason("WORM-101").contains("lacks object-lock"), "{}", reason("WORM-101"));
        assert_eq!(verdict("WORM-610"), "pass", "{}", reason("WORM-610"));
        for id in ["WORM-601", "WORM-603"] {
            assert_eq!(verdict(id), if versioned { "pass" } else { "skipped" }, "{id}: {}", reason(id));
        }
        // Everything is unlocked: nothing of the run is left.
        assert_eq!(residue(&record), Vec::<String>::new());
        assert_eq!(keys_of(&front.listing(BUCKET)), ["plain"]);
        assert_eq!(front.buckets(), [BUCKET]);
    }
}

#[test]
fn a_server_that_goes_away_in_the_middle_leaves_no_pass_and_a_list() {
    let puts = AtomicU64::new(0);
    let front = Front::with(move |parts| {
        if parts.method == "PUT" {
            puts.fetch_add(1, Ordering::Relaxed);
        }
        if puts.load(Ordering::Relaxed) > 3 { Act::Close } else { Act::Pass }
    })
    .bucket();
    let home = tempfile::tempdir().expect("a directory");
    let said = audit_of(&front, home.path(), &["--only", "WORM-101", "--only", "WORM-106"]);
    said.is_clean();
    assert_eq!(said.code, Some(3), "{said:#?}");
    let record = record(&home.path().join("out"));
    assert_eq!(record["summary"]["pass"], 0);
    assert_eq!(record["summary"]["fail"], 0);
    assert!(keys_of(&front.listing(BUCKET)).len() > 1);
    let why: Vec<&str> =
        record["residue"].as_array().expect("residue").iter().filter_map(|r| r["why"].as_str()).collect();
    assert!(why.iter().any(|w| w.starts_with("could not be listed: ")), "{why:?}");
    assert!(said.stdout.contains("could not be listed"), "{}", said.stdout);
    assert!(home.path().join("out/journal.jsonl").exists());
}

type Page = fn() -> Act;

#[test]
fn a_page_in_the_middle_that_breaks_off_makes_the_scan_incomplete() {
    let cases: [(&str, Page); 4] = [
        ("half", || Act::Half("<?xml version=\"1.0\"?><ListVersionsResult><Name>books</Name>")),
        ("html", || Act::Answer(200, Vec::new(), "<!doctype html><p>Please log in".to_owned())),
        ("denied", || fault(403, "AccessDenied", "Access Denied.")),
        ("no more keys", || {
            xml(200, "<ListVersionsResult><IsTruncated>true</IsTruncated></ListVersionsResult>")
        }),
    ];
    for (what, second) in cases {
        let front = Front::with(move |parts| {
            if lists(parts) && query(parts).contains("key-marker") {
                second()
            } else if lists(parts) {
                page_of(&["a".to_owned()], Some("a"))
            } else {
                Act::Pass
            }
        })
        .bucket();
        front.put("a", Some(front.days(1)), None);
        let said = scan(&front.url);
        said.is_clean();
        assert!(matches!(said.code, Some(1 | 3)), "{what}: {said:#?}");
        assert!(said.stdout.contains("not complete"), "{what}: {}", said.stdout);
    }
}

#[test]
fn keys_cannot_steer_a_terminal_or_a_report() {
    let front = Front::truthful().bucket();
    let keys =
        ["esc-\u{1b}[31mred", "rtl-\u{202e}fdp.exe", "nul-\u{1}\u{7f}\u{9b}31m", "line\nbreak\r", "<x>&\"'"];
    for key in keys {
        front.ok(&ops::put_object(BUCKET, key, "x", &LockHeaders::NONE));
    }
    let home = tempfile::tempdir().expect("a directory");
    let scan = |out: &str, format: &str| {
        let args = [
            "scan",
            "s3://books",
            "--endpoint-url",
            &front.url,
            "--mode",
            "compliance",
            "--output",
            out,
            "--format",
            format,
        ];
        let said = run_in(home.path(), &args);
        assert_eq!(said.code, Some(1), "{said:#?}");
        said.is_clean();
        said
    };
    let table = scan("table", "table");
    assert!(table.stdout.contains("\\u{1B}[31mred"), "{}", table.stdout);
    let json = scan("json", "json");
    let read: serde_json::Value = serde_json::from_str(&json.stdout).expect("json");
    let first: Vec<&str> = read["scan"]["first"]
        .as_array()
        .expect("findings")
        .iter()
        .filter_map(|f| f["key"].as_str())
        .collect();
    for key in keys {
        assert!(first.contains(&key), "{key:?} is not in {first:?}");
    }
    scan("junit", "junit");
    let out = home.path().join("table");
    let hostile =
        |text: &str| text.chars().any(|c| (c.is_control() && c != '\n' && c != '\u{c}') || c == '\u{202e}');
    let junit = std::fs::read_to_string(out.join("junit.xml")).expect("junit.xml");
    assert!(!hostile(&junit), "junit.xml holds raw characters");
    assert!(junit.contains("1B}[31mred"), "{junit}");
    let pdf = pdf_text(&out.join("report.pdf"));
    assert!(!hostile(&pdf), "the PDF holds raw characters");
    assert!(pdf.replace(['\n', ' '], "").contains("1B}[31mred"), "{pdf}");
}

/// What a reader copies out of a PDF, by `pdftotext` where it is installed, else by lopdf.
pub fn pdf_text(path: &std::path::Path) -> String {
    let by_tool = std::process::Command::new("pdftotext").arg(path).arg("-").output();
    if let Ok(output) = by_tool
        && output.status.success()
    {
        return String::from_utf8(output.stdout).expect("UTF-8");
    }
    let document = lopdf::Document::load(path).expect("a PDF");
    let pages: Vec<u32> = document.get_pages().keys().copied().collect();
    document.extract_text(&pages).expect("text")
}
