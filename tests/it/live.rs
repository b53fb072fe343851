//! What the tests of the binary share: the binary without the machine's environment, the embedded server as
//! another process, and the embedded server behind a front that records, refuses, breaks and answers by itself.

use std::convert::Infallible;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use http::request::Parts;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Frame;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use wormproof::lock::{LegalHold, Mode, Retention};
use wormproof::server::{Config, Defect, Server};
use wormproof::store::client::{Client, Reply};
use wormproof::store::credentials::Credentials;
use wormproof::store::endpoint::Endpoint;
use wormproof::store::ops::{self, LockHeaders};
use wormproof::store::request::S3Request;
use wormproof::store::sts::{AssumeRole, assume_role};
use wormproof::time::Clock;

pub const KEY: &str = "root-access-key";
pub const SECRET: &str = "Root/Secret+Key=4711";
pub const BUCKET: &str = "books";

/// The binary in a directory of its own, with nothing of the machine's environment but `PATH`, and the keys.
pub fn command(directory: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("wormproof"));
    command.env_clear().current_dir(directory).args(args).stdin(Stdio::null());
    #[expect(clippy::disallowed_methods, reason = "the only variable that is handed on")]
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command.env("HOME", directory).env("AWS_EC2_METADATA_DISABLED", "true");
    command.env("MINIO_ACCESS_KEY", KEY).env("MINIO_SECRET_KEY", SECRET);
    command
}

/// What a run of the binary came to.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    pub fn of(output: &Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The exit code, an `error:` line with these words, a `hint:` line with those, and nothing on stdout.
    pub fn fails(&self, code: i32, error: &str, hint: &str) {
        self.is_clean();
        assert_eq!(self.code, Some(code), "{self:#?}");
        assert_eq!(self.stdout, "", "{}", self.stderr);
        let said = self.stderr.split_once("error: ").map_or("", |(_, rest)| rest);
        let (said, hinted) = said.split_once("hint: ").unwrap_or((said, ""));
        assert!(said.contains(error), "the error does not say `{error}`:\n{}", self.stderr);
        assert!(!hint.is_empty() && hinted.contains(hint), "no hint `{hint}`:\n{}", self.stderr);
        assert_eq!(self.stderr.matches("error: ").count(), 1, "{}", self.stderr);
    }

    /// Exit code 5 with these words.
    pub fn is_5(&self, error: &str) {
        self.is_clean();
        assert_eq!(self.code, Some(5), "{self:#?}");
        assert!(self.stderr.contains(error), "{}", self.stderr);
    }

    /// No panic, no text of `Debug`, nothing that steers a terminal.
    pub fn is_clean(&self) {
        for (name, text) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            for bad in ["panicked", "RUST_BACKTRACE", "Os {", "Some(", "Custom {", "kind:", "\\\\u{"] {
                assert!(!text.contains(bad), "`{bad}` on {name}:\n{text}");
            }
            let steers = |c: char| (c.is_control() && c != '\n') || matches!(c, '\u{202a}'..='\u{202e}');
            assert!(!text.contains(steers), "{name} steers a terminal: {text:?}");
        }
    }
}

/// Runs the binary in a fresh directory.
pub fn run(args: &[&str]) -> Ran {
    run_in(tempfile::tempdir().expect("a directory").path(), args)
}

/// Runs the binary in a directory.
pub fn run_in(directory: &Path, args: &[&str]) -> Ran {
    Ran::of(&command(directory, args).output().expect("it runs"))
}

/// `wormproof serve` as a process of its own.
pub struct Serve {
    pub child: Child,
    pub url: String,
    _home: tempfile::TempDir,
}

impl Serve {
    pub fn start(args: &[&str]) -> Self {
        let home = tempfile::tempdir().expect("a directory");
        let mut command =
            command(home.path(), &["serve", "--port", "0", "--access-key", KEY, "--secret-key", SECRET]);
        let mut child = command.args(args).stderr(Stdio::piped()).spawn().expect("serve starts");
        let mut line = String::new();
        let mut stderr = BufReader::new(child.stderr.take().expect("stderr"));
        stderr.read_line(&mut line).expect("a line");
        let url = line.trim().strip_prefix("listening on ").expect("an address").to_owned();
        // A full pipe must not stop the server.
        std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()));
        Self { child, url, _home: home }
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the front does with a request.
pub enum Act {
    /// The server answers.
    Pass,
    /// The server answers, under this name (the `Server` header; empty: under none).
    PassAs(&'static str),
    /// The server answers, and the answer is lost on its way.
    PassAndLose,
    /// This is the answer.
    Answer(u16, Vec<(&'static str, String)>, String),
    /// The connection ends without an answer.
    Close,
    /// The header promises more than comes.
    Half(&'static str),
    /// No answer, ever.
    Hang,
}

/// An answer in XML.
pub fn xml(status: u16, body: &str) -> Act {
    Act::Answer(status, vec![("content-type", "application/xml".to_owned())], body.to_owned())
}

/// An S3 error.
pub fn fault(status: u16, code: &str, message: &str) -> Act {
    xml(
        status,
        &format!(
            "<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>{message}</Message>\
             <RequestId>1</RequestId></Error>"
        ),
    )
}

/// A request as the front saw it.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: String,
    pub target: String,
    pub headers: http::HeaderMap,
    pub body: Bytes,
    /// The server's answer, where it was asked.
    pub answer: Bytes,
}

type Rule = Box<dyn Fn(&Parts) -> Act + Send + Sync>;
type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// The embedded server on a socket of this process, with something in front of it.
pub struct Front {
    pub url: String,
    pub server: Server,
    pub seen: Arc<Mutex<Vec<Seen>>>,
    pub client: Client,
    runtime: tokio::runtime::Runtime,
}

impl Front {
    /// A truthful server with the real clock.
    pub fn truthful() -> Self {
        Self::start(Clock::Real, &[], |_| Act::Pass)
    }

    /// A server with the real clock whose requests pass a rule.
    pub fn with(rule: impl Fn(&Parts) -> Act + Send + Sync + 'static) -> Self {
        Self::start(Clock::Real, &[], rule)
    }

    /// A server with this clock and these defects, whose requests pass a rule.
    pub fn start(
        clock: Clock,
        defects: &[Defect],
        rule: impl Fn(&Parts) -> Act + Send + Sync + 'static,
    ) -> Self {
        let server = Server::new(Config {
            access_key: KEY.to_owned(),
            secret_key: SECRET.to_owned(),
            region: "us-east-1".to_owned(),
            clock: clock.clone(),
            defects: defects.to_vec(),
        });
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("tokio");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("a socket");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let rule: Arc<Rule> = Arc::new(Box::new(rule));
        let (inner, log) = (server.clone(), Arc::clone(&seen));
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            while let Ok((stream, _)) = listener.accept().await {
                let (server, log, rule) = (inner.clone(), Arc::clone(&log), Arc::clone(&rule));
                let answer =
                    service_fn(move |request| answer(server.clone(), log.clone(), rule.clone(), request));
                tokio::spawn(async move {
                    let io = TokioIo::new(stream);
                    let _ = hyper::server::conn::http1::Builder::new().serve_connection(io, answer).await;
                });
            }
        });
        // The test's own requests go to the server beneath the front, in the process.
        let endpoint = Endpoint::parse("http://embedded.invalid", None).expect("an endpoint");
        let client = Client::new(Arc::new(InProcess(server.clone())), endpoint, clock, "test");
        Self { url, server, seen, client, runtime }
    }

    /// Sends as root, past the front, and expects success.
    pub fn ok(&self, request: &S3Request) -> Reply {
        let reply = self.sent(request);
        assert!(reply.is_success(), "{} {:?}", reply.exchange.sent.target, reply.trouble());
        reply
    }

    /// Sends as root, past the front.
    pub fn sent(&self, request: &S3Request) -> Reply {
        self.runtime.block_on(self.client.exchange(Some(&Credentials::new(KEY, SECRET)), request))
    }

    /// A session of root under a policy.
    pub fn session(&self, policy: &str) -> Credentials {
        let wanted =
            AssumeRole { policy: Some(policy.to_owned()), duration_s: 3600, ..AssumeRole::default() };
        let root = Credentials::new(KEY, SECRET);
        self.runtime.block_on(assume_role(&self.client, &root, &wanted)).expect("a session").credentials
    }

    /// Makes the audited bucket with Object Lock.
    pub fn bucket(self) -> Self {
        self.ok(&ops::create_bucket(BUCKET, true, "us-east-1"));
        self
    }

    /// Writes an object, locked until then.
    pub fn put(&self, key: &str, until: Option<DateTime<Utc>>, hold: Option<LegalHold>) -> String {
        let retention = until.map(|until| Retention { mode: Mode::Compliance, until });
        let reply = self.ok(&ops::put_object(BUCKET, key, "x", &LockHeaders { retention, hold }));
        reply.answer().and_then(|a| a.header("x-amz-version-id")).unwrap_or_default().to_owned()
    }

    /// So many days from now.
    pub fn days(&self, n: i64) -> DateTime<Utc> {
        self.server.clock().now() + TimeDelta::days(n)
    }

    /// The whole listing of a bucket, as the server has it.
    pub fn listing(&self, bucket: &str) -> String {
        let query = ops::VersionsQuery::of_prefix("");
        String::from_utf8_lossy(&self.sent(&ops::list_object_versions(bucket, &query)).body).into_owned()
    }

    /// The names of all buckets.
    pub fn buckets(&self) -> Vec<String> {
        let body = String::from_utf8_lossy(&self.ok(&ops::list_buckets()).body).into_owned();
        body.split("<Name>").skip(1).filter_map(|t| t.split("</Name>").next()).map(str::to_owned).collect()
    }

    /// How often a method was seen.
    pub fn count(&self, method: &str) -> usize {
        self.seen.lock().expect("a lock").iter().filter(|s| s.method == method).count()
    }

    /// Requests that are neither GET nor HEAD; STS by POST to `/` counts as one.
    pub fn writes(&self) -> Vec<Seen> {
        let seen = self.seen.lock().expect("a lock");
        seen.iter().filter(|s| !matches!(s.method.as_str(), "GET" | "HEAD")).cloned().collect()
    }

    /// Waits until the front has seen such a request.
    pub fn wait_for(&self, what: &str, wanted: impl Fn(&[Seen]) -> bool) {
        let begun = Instant::now();
        while !wanted(&self.seen.lock().expect("a lock")) {
            assert!(begun.elapsed() < Duration::from_mins(1), "never seen: {what}");
            pause();
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a test waits for another process")]
pub fn pause() {
    std::thread::sleep(Duration::from_millis(10));
}

#[derive(Debug)]
struct InProcess(Server);

impl wormproof::store::wire::Wire for InProcess {
    fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> wormproof::store::wire::BoxFuture<'_, Result<http::Response<Bytes>, wormproof::store::wire::WireError>>
    {
        Box::pin(async move { Ok(self.0.handle(request).await) })
    }
}

async fn answer(
    server: Server,
    log: Arc<Mutex<Vec<Seen>>>,
    rule: Arc<Rule>,
    request: http::Request<hyper::body::Incoming>,
) -> Result<http::Response<Body>, std::io::Error> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(std::io::Error::other)?.to_bytes();
    let target = parts.uri.path_and_query().map_or("/", |p| p.as_str()).to_owned();
    let number = {
        let mut log = log.lock().expect("a lock");
        let (method, headers) = (parts.method.to_string(), parts.headers.clone());
        log.push(Seen { method, target, headers, body: body.clone(), answer: Bytes::new() });
        log.len() - 1
    };
    let lost = || std::io::Error::other("closed by the test");
    match rule(&parts) {
        Act::Pass => {
            let answer = server.handle(http::Request::from_parts(parts, body)).await;
            if let Some(seen) = log.lock().expect("a lock").get_mut(number) {
                seen.answer = answer.body().clone();
            }
            Ok(answer.map(|b| Full::new(b).map_err(|e: Infallible| match e {}).boxed_unsync()))
        }
        Act::PassAs(name) => {
            let mut answer = server.handle(http::Request::from_parts(parts, body)).await;
            answer.headers_mut().remove("server");
            if !name.is_empty() {
                answer.headers_mut().insert("server", http::HeaderValue::from_static(name));
            }
            Ok(answer.map(|b| Full::new(b).map_err(|e: Infallible| match e {}).boxed_unsync()))
        }
        Act::PassAndLose => {
            server.handle(http::Request::from_parts(parts, body)).await;
            Err(lost())
        }
        Act::Close => Err(lost()),
        Act::Hang => std::future::pending().await,
        Act::Answer(status, headers, text) => {
            let mut builder = http::Response::builder().status(status);
            for (name, value) in headers {
                builder = builder.header(name, value);
            }
            let body = Full::new(Bytes::from(text)).map_err(|e: Infallible| match e {}).boxed_unsync();
            Ok(builder.body(body).expect("an answer"))
        }
        Act::Half(text) => {
            let frames = vec![
                Ok(Frame::data(Bytes::from_static(text.as_bytes()))),
                Err(std::io::Error::other("cut off")),
            ];
            let body = StreamBody::new(futures_util::stream::iter(frames)).boxed_unsync();
            let builder = http::Response::builder().header("content-length", text.len() + 100);
            Ok(builder.body(body).expect("an answer"))
        }
    }
}

/// All files beneath a directory.
pub fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// Reads a record.
pub fn record(directory: &Path) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(directory.join("results.json")).expect("results.json"))
        .expect("json")
}

/// One scenario of a record.
pub fn scenario<'r>(record: &'r serde_json::Value, id: &str) -> &'r serde_json::Value {
    let all = record["scenarios"].as_array().expect("scenarios");
    all.iter().find(|s| s["id"] == id).unwrap_or_else(|| panic!("{id} is not in the record"))
}

/// Sends a signal.
pub fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status();
    assert!(sent.expect("kill").success());
}

/// Says aloud, and for the closing count, what was not run.
pub fn not_run(text: &str) {
    use std::io::Write as _;
    writeln!(std::io::stderr(), "not run: {text}").expect("stderr");
    #[expect(clippy::disallowed_methods, reason = "the test set-up hands its list over by a variable")]
    if let Ok(list) = std::env::var("WORMPROOF_NOT_RUN") {
        let mut file = std::fs::OpenOptions::new().append(true).create(true).open(list).expect("the list");
        writeln!(file, "{text}").expect("written");
    }
}
