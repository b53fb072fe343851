//! The documents that `harden` prints, on the embedded server: they are linted, ordinary work goes on under them, what
//! they are to stop is stopped, and an audit passes. Whether a shell reads the scripts.

mod minio;
mod profiles;

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use wormproof::analyse::{self, Document, Input, Sends, ServerKind};
use wormproof::harden::{Demand, Hardening, Hold, OPEN, Part, Person, Server, lock_configuration};
use wormproof::lock::{LegalHold, Mode, Retention};
use wormproof::profile::Requirement;
use wormproof::record::analysis::{AnalysisRule, Severity};
use wormproof::store::client::{Client, Reply};
use wormproof::store::credentials::Credentials;
use wormproof::store::endpoint::Endpoint;
use wormproof::store::hyper_wire::HyperWire;
use wormproof::store::ops::{self, BucketConfig, CopySource, DefaultPeriod, LockHeaders};
use wormproof::store::request::{Auth, S3Request};
use wormproof::store::sdk::configuration;
use wormproof::store::sts::{AssumeRole, assume_role};
use wormproof::time::{Clock, Span};

use crate::live::{self, KEY, SECRET, Serve};

/// The account of the embedded server.
pub(crate) const ROOT_ARN: &str = "arn:aws:iam::111122223333:root";

fn demand(bucket: &str, server: Server) -> Demand {
    Demand {
        hold: Hold::Required,
        sends_lock_headers: true,
        // The embedded server has no TLS.
        tls: false,
        administrator: ROOT_ARN.to_owned(),
        ..Demand::new(server, bucket, "2024/", Mode::Compliance, Span::parse("2y").expect("a span"))
    }
}

/// A bucket that was set up with the printed documents, and who works on it.
struct Hardened {
    client: Client,
    bucket: String,
    root: Credentials,
    application: Credentials,
    deleter: Credentials,
    auditor: Credentials,
}

fn client(url: &str) -> Client {
    let endpoint = Endpoint::parse(url, Some("us-east-1")).expect("an endpoint");
    Client::new(Arc::new(HyperWire::new().expect("a wire")), endpoint, Clock::Real, "wormproof/test")
}

impl Hardened {
    async fn new(url: &str, demand: &Demand) -> Self {
        let hardening = Hardening::of(demand).expect("it can be met");
        assert_eq!(lock_configuration(demand)["Rule"]["DefaultRetention"]["Years"], 2);
        let of = |part| hardening.part(part).expect("a part");
        Self::printed(url, &demand.bucket, [of(Part::Lock), of(Part::Policy), of(Part::Iam)]).await
    }

    /// What was printed, applied: lock configuration, bucket policy, identity policies.
    async fn printed(url: &str, bucket: &str, [lock, policy, iam]: [String; 3]) -> Self {
        let client = client(url);
        let root = Credentials::new(KEY, SECRET);
        let bucket = bucket.to_owned();
        let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("json");
        let (lock, iam) = (read(&lock), read(&iam));
        let default = &lock["Rule"]["DefaultRetention"];
        let mode = if default["Mode"] == "COMPLIANCE" { Mode::Compliance } else { Mode::Governance };
        let number = |word: &str| default[word].as_u64().map(|n| u32::try_from(n).expect("a small number"));
        let period = number("Years").map(DefaultPeriod::Years).or(number("Days").map(DefaultPeriod::Days));
        for request in [
            ops::create_bucket(&bucket, true, "us-east-1"),
            ops::put_object_lock_configuration(&bucket, period.map(|period| (mode, period))),
            ops::put_bucket_policy(&bucket, &policy),
        ] {
            let reply = client.exchange(Some(&root), &request).await;
            assert!(reply.is_success(), "{:?}", reply.trouble());
        }
        let session = async |person: Person| {
            let policy = iam[person.word()].to_string();
            let wanted = AssumeRole { policy: Some(policy), duration_s: 3600, ..AssumeRole::default() };
            assume_role(&client, &root, &wanted).await.expect("a session").credentials
        };
        let application = session(Person::Application).await;
        let deleter = session(Person::Deleter).await;
        let auditor = session(Person::Auditor).await;
        Self { client, bucket, root, application, deleter, auditor }
    }

    async fn works(&self, who: &Credentials, what: &str, request: &S3Request) -> Reply {
        let reply = self.client.exchange(Some(who), request).await;
        assert!(reply.is_success(), "{what}: {:?}", reply.trouble());
        reply
    }

    async fn denied(&self, who: &Credentials, what: &str, request: &S3Request) {
        let reply = self.client.exchange(Some(who), request).await;
        assert_eq!(reply.status(), Some(403), "{what}: {:?}", reply.trouble());
    }

    fn put(&self, key: &str, lock: &LockHeaders) -> S3Request {
        ops::put_object(&self.bucket, key, "one", lock)
    }
}

fn header(reply: &Reply, name: &str) -> String {
    reply.answer().and_then(|a| a.header(name)).expect(name).to_owned()
}

fn lock(mode: Mode, until: DateTime<Utc>) -> LockHeaders {
    LockHeaders { retention: Some(Retention { mode, until }), hold: Some(LegalHold::On) }
}

async fn multipart(at: &Hardened, key: &str, lock: &LockHeaders, condition: bool) -> Reply {
    let who = &at.application;
    let begun = at.works(who, "the beginning", &ops::create_multipart_upload(&at.bucket, key, lock)).await;
    let text = String::from_utf8_lossy(&begun.body).into_owned();
    let upload = text.split("<UploadId>").nth(1).and_then(|t| t.split('<').next()).expect("an id").to_owned();
    let part = ops::upload_part(&at.bucket, key, &upload, 1, "the only part");
    let tag = header(&at.works(who, "a part", &part).await, "etag");
    let end = ops::complete_multipart_upload(&at.bucket, key, &upload, &[(1, tag)]);
    let end = if condition { end.header("if-none-match", "*") } else { end };
    at.client.exchange(Some(who), &end).await
}

#[test]
fn a_hardened_bucket_lets_work_go_on_stops_what_it_is_to_stop_and_passes_an_audit() {
    let serve = Serve::start(&[]);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let demand = demand("books", Server::Aws);
    let at = runtime.block_on(Hardened::new(&serve.url, &demand));
    runtime.block_on(async {
        let application = &at.application;
        let now = Clock::Real.now();
        let two_years = demand.retention.after(now);
        let strong = lock(Mode::Compliance, two_years);
        let none = LockHeaders::NONE;
        // Ordinary work.
        let put = at.works(application, "an upload", &at.put("2024/a", &strong)).await;
        let version = header(&put, "x-amz-version-id");
        let id = Some(version.as_str());
        at.works(application, "an upload without lock headers", &at.put("2024/b", &none)).await;
        assert!(multipart(&at, "2024/large", &strong, false).await.is_success());
        assert!(multipart(&at, "2024/large-default", &none, false).await.is_success());
        let source = CopySource { bucket: "books", key: "2024/a", version_id: id };
        at.works(application, "a copy", &ops::copy_object("books", "2024/copy", &source, &strong, false)).await;
        let presigned = Auth::Presigned { expires_s: 60 };
        at.works(application, "a presigned upload", &at.put("2024/p", &none).auth(presigned)).await;
        let get = ops::get_object("books", "2024/p", None).auth(presigned);
        assert_eq!(at.works(application, "a presigned read", &get).await.body.as_ref(), b"one");
        at.works(application, "a listing", &ops::list_objects_v2("books", "2024/", None)).await;
        // What has to be stopped.
        let later = now + TimeDelta::days(729 + 10);
        for (what, weak) in [
            ("a nearer date", lock(Mode::Compliance, now + TimeDelta::days(700))),
            ("a weaker mode", lock(Mode::Governance, later)),
        ] {
            at.denied(application, what, &at.put("2024/weak", &weak)).await;
            at.denied(&at.root, what, &at.put("2024/weak", &weak)).await;
            let begin = ops::create_multipart_upload("books", "2024/weak", &weak);
            at.denied(application, what, &begin).await;
            at.denied(application, what, &ops::copy_object("books", "2024/weak", &source, &weak, false)).await;
        }
        at.denied(application, "elsewhere", &at.put("2025/a", &strong)).await;
        at.denied(application, "a deletion", &ops::delete_object("books", "2024/a", None)).await;
        at.denied(application, "of a version", &ops::delete_object("books", "2024/a", id)).await;
        at.denied(&at.root, "by root", &ops::delete_object("books", "2024/a", None)).await;
        let off = ops::put_object_legal_hold("books", "2024/a", id, LegalHold::Off);
        at.denied(application, "the release of a hold", &off).await;
        at.works(&at.root, "the administrator's release", &off).await;
        for who in [application, &at.deleter, &at.auditor] {
            let weaker = ops::put_object_lock_configuration("books", None);
            at.denied(who, "the lock configuration", &weaker).await;
            at.denied(who, "the policy", &ops::delete_bucket_policy("books")).await;
            at.denied(who, "the policy", &ops::put_bucket_policy("books", "{}")).await;
            let all = "<LifecycleConfiguration><Rule><ID>x</ID><Filter/><Status>Enabled</Status><Expiration><Days>1</Days></Expiration></Rule></LifecycleConfiguration>";
            at.denied(who, "the lifecycle", &ops::put_bucket_config("books", BucketConfig::Lifecycle, all)).await;
        }
        at.denied(&at.deleter, "an upload", &at.put("2024/c", &strong)).await;
        at.denied(&at.auditor, "an upload", &at.put("2024/c", &strong)).await;
        at.works(&at.auditor, "a read", &ops::get_object_retention("books", "2024/a", id)).await;
    });
    let on_canaries = linted(&runtime, &at, &demand, None);
    assert_eq!(on_canaries, ["may-write-weaker-lock"], "what the exemption of the canaries lets through");
    let bound = Demand { bind_canaries: true, bucket: "bound".to_owned(), ..demand };
    let everywhere = runtime.block_on(Hardened::new(&serve.url, &bound));
    assert!(linted(&runtime, &everywhere, &bound, None).is_empty());
    let people = [("application", &at.application), ("auditor", &at.auditor)];
    audited(&serve.url, &people, &["s3://books/2024/", "--mode", "compliance", "--min-retention", "2y"]);
}

/// No finding of medium or above in what was set up, with the policies of everybody, but that the administrator may
/// configure, and the rules of those that are only about canaries.
fn linted(
    runtime: &tokio::runtime::Runtime,
    at: &Hardened,
    demand: &Demand,
    sends: Option<Sends>,
) -> Vec<String> {
    let (read, _) = runtime.block_on(configuration(&at.client, &at.root, &at.bucket));
    let hardening = Hardening::of(demand).expect("it can be met");
    let documents = documents(&hardening, ServerKind::Aws);
    let requirement = Requirement {
        mode: Some(demand.mode),
        min_retention: Some(demand.retention),
        ..Requirement::default()
    };
    let analysis = analyse::analyse(&Input {
        server: ServerKind::Aws,
        bucket: Some(&at.bucket),
        prefix: &demand.prefix,
        requirement: &requirement,
        configuration: Some(&read),
        documents: &documents,
        users_read: false,
        sends,
        now: Clock::Real.now(),
    });
    let mut on_canaries = Vec::new();
    for finding in analysis.findings.iter().filter(|f| f.severity >= Severity::Medium) {
        let place = finding.statement.as_ref().map(|s| s.document.as_str());
        let configures = matches!(finding.rule, AnalysisRule::MayChangeLock | AnalysisRule::MayChangePolicy);
        if place != Some("administrator") || !configures {
            let canaries = format!("{}/{}", at.bucket, demand.canaries());
            assert!(finding.sentence.contains(&canaries), "{} {}", finding.rule, finding.sentence);
            on_canaries.push(finding.rule.to_string());
        }
    }
    on_canaries
}

fn documents(hardening: &Hardening, server: ServerKind) -> Vec<Document> {
    let parse = |(person, document): &(Person, wormproof::harden::Document)| {
        Document::parse(person.word(), &document.json().to_string(), server).expect("a policy")
    };
    hardening.identities.iter().map(parse).collect()
}

/// The binary's audit of the bucket, with these people under the printed policies.
fn audited(url: &str, people: &[(&str, &Credentials)], what: &[&str]) -> serde_json::Value {
    // One at a time: locks of some minutes end while too many run at once.
    static ONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let directory = tempfile::tempdir().expect("a directory");
    let mut config = String::new();
    for (role, keys) in people {
        let token = keys.session_token.as_ref().expect("a session");
        config.push_str(&format!(
            "[principals.{role}]\naccess-key = \"{}\"\nsecret-key = \"{}\"\nsession-token = \"{}\"\n",
            keys.access_key,
            keys.secret_key.as_str(),
            token.as_str()
        ));
    }
    std::fs::write(directory.path().join("wormproof.toml"), config).expect("written");
    // Scenarios whose locks end within seconds say nothing of policies, and nothing at all on a busy machine.
    let skip = ["WORM-122", "WORM-123", "WORM-941", "WORM-942"].map(|id| ["--skip", id]).concat();
    let ran = live::run_in(
        directory.path(),
        &[&["audit", "--endpoint-url", url, "--yes", "--quiet", "--output", "out"], what, &skip].concat(),
    );
    let record = std::fs::read(directory.path().join("out/results.json")).expect("a record");
    let record: serde_json::Value = serde_json::from_slice(&record).expect("json");
    let open: Vec<String> = record["scenarios"]
        .as_array()
        .expect("scenarios")
        .iter()
        .filter(|s| !matches!(s["verdict"].as_str(), Some("pass" | "skipped")))
        .map(|s| format!("{} {}: {}", s["id"], s["verdict"], s["reason"]))
        .collect();
    assert_eq!(ran.code, Some(0), "{}\n{}\n{}", open.join("\n"), ran.stdout, ran.stderr);
    assert!(record["summary"]["pass"].as_u64() > Some(150), "{}", record["summary"]);
    record
}

#[test]
fn what_has_to_be_carried_is_asked_for_by_the_printed_policy() {
    let serve = Serve::start(&[]);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let written_once = Demand { conditional_writes: true, ..demand("events", Server::Aws) };
        let at = Hardened::new(&serve.url, &written_once).await;
        let strong = lock(Mode::Compliance, written_once.retention.after(Clock::Real.now()));
        let once = at.put("2024/a", &strong).header("if-none-match", "*");
        at.works(&at.application, "a conditional upload", &once).await;
        assert_eq!(at.client.exchange(Some(&at.application), &once).await.status(), Some(412));
        at.denied(&at.application, "an unconditional one", &at.put("2024/b", &strong)).await;
        assert!(multipart(&at, "2024/large", &strong, true).await.is_success());
        assert_eq!(multipart(&at, "2024/large-2", &strong, false).await.status(), Some(403));

        let with_lock = Demand { require_lock_headers: true, ..demand("evidence", Server::Aws) };
        let at = Hardened::new(&serve.url, &with_lock).await;
        at.works(&at.application, "a locked upload", &at.put("2024/a", &strong)).await;
        at.denied(&at.application, "one without", &at.put("2024/b", &LockHeaders::NONE)).await;
        // As the text says: the completion carries no date.
        assert_eq!(multipart(&at, "2024/large", &strong, false).await.status(), Some(403));
    });
}

#[test]
fn on_minio_the_linter_finds_the_holes_that_the_text_names_and_no_others() {
    for sends in [false, true] {
        let demand = Demand { sends_lock_headers: sends, ..demand("books", Server::Minio) };
        let hardening = Hardening::of(&demand).expect("it can be met");
        let analysis = analyse::analyse(&Input {
            server: ServerKind::Minio,
            bucket: Some("books"),
            prefix: &demand.prefix,
            requirement: &Requirement::default(),
            configuration: None,
            documents: &documents(&hardening, ServerKind::Minio),
            users_read: false,
            sends: None,
            now: Clock::Real.now(),
        });
        let mut holes = 0;
        for finding in analysis.findings.iter().filter(|f| f.severity >= Severity::Medium) {
            let place = finding.statement.as_ref().map_or("", |s| s.document.as_str());
            match (finding.rule, place) {
                (AnalysisRule::MayChangeLock | AnalysisRule::MayChangePolicy, "administrator") => {}
                // GOV-03: the right to set retention is enough.
                (AnalysisRule::MayBypassGovernance, "administrator" | "application") => {}
                (AnalysisRule::RetentionDeniedToWriter, "application") if !sends => {}
                (AnalysisRule::MinioHole, _) => {
                    holes += 1;
                    let named =
                        finding.sentence.rsplit_once('(').map_or("", |(_, ids)| ids).trim_end_matches(')');
                    let known: Vec<&str> = OPEN.iter().flat_map(|o| o.id.split([',', ' '])).collect();
                    for id in named.split(", ") {
                        assert!(known.contains(&id), "{id} is not named: {}", finding.sentence);
                    }
                }
                _ => panic!("{place} {} {}: {}", finding.severity, finding.rule, finding.sentence),
            }
        }
        assert!(holes >= 2, "what no policy closes is found");
    }
}

#[test]
fn a_shell_reads_the_scripts() {
    for server in [Server::Aws, Server::Minio] {
        let hardening = Hardening::of(&demand("books", server)).expect("it can be met");
        for part in [Part::AwsCli, Part::Mc] {
            let script = hardening.part(part).expect("a script");
            let mut child = Command::new("sh")
                .arg("-n")
                .stdin(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .expect("a shell");
            let mut stdin = child.stdin.take().expect("stdin");
            std::io::Write::write_all(&mut stdin, script.as_bytes()).expect("written");
            drop(stdin);
            let done = child.wait_with_output().expect("it ends");
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        }
    }
}

#[test]
fn the_command_prints_each_part_as_a_file_and_sends_nothing() {
    let args = ["harden", "s3://books/2024", "--mode", "compliance", "--retention", "10y", "--format"];
    for (format, server, begins) in [
        ("policy", "aws", "{\n"),
        ("lock", "aws", "{\n"),
        ("iam", "minio", "{\n"),
        ("aws-cli", "aws", "#!/bin/sh\n"),
        ("mc", "minio", "#!/bin/sh\n"),
        ("terraform", "aws", "# Write-once"),
        ("nginx", "minio", "# nginx in front"),
        ("text", "minio", "Hardening of s3://books/2024 (MinIO)"),
    ] {
        let ran = live::run(&[&args[..], &[format, "--server", server]].concat());
        assert_eq!(ran.code, Some(0), "{format}: {ran:#?}");
        assert!(ran.stdout.starts_with(begins), "{format}: {}", ran.stdout);
        assert_eq!(ran.stderr, "", "{format}");
    }
    live::run(&[&args[..], &["policy", "--server", "minio"]].concat()).fails(
        2,
        "no bucket policy",
        "--format iam",
    );
    live::run(&["harden", "s3://books"]).fails(2, "what is demanded is not known", "--mode compliance");
    let long = ["harden", "s3://books", "--mode", "compliance", "--retention", "200y"];
    live::run(&long).fails(2, "200 years", "100 years");
    assert!(!Path::new("wormproof.toml").exists());
}
