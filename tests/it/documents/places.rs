//! Both servers, and what is asked of them.

use std::sync::Arc;

use serde_json::Value;
use wormproof::store::client::{Client, Reply};
use wormproof::store::credentials::Credentials;
use wormproof::store::endpoint::Endpoint;
use wormproof::store::hyper_wire::HyperWire;
use wormproof::store::ops::{self, LockHeaders};
use wormproof::store::request::S3Request;
use wormproof::store::sts::{AssumeRole, assume_role};
use wormproof::time::Clock;

use crate::analyse::Minio;
use crate::live::{Front, KEY, Ran, SECRET, command, not_run, record, run_in};

/// A server that a document is set up on.
pub struct Place {
    pub minio: bool,
    url: String,
    client: Client,
    runtime: tokio::runtime::Runtime,
    home: tempfile::TempDir,
    /// Ends with this.
    _server: Box<dyn std::any::Any>,
}

/// Who may do everything.
pub fn root() -> Credentials {
    Credentials::new(KEY, SECRET)
}

/// An answer: status, and the code of an error.
pub type Said = (Option<u16>, String);

/// Sets a document up on the embedded server and, where there is one, on a real MinIO. Both at once, because an audit
/// mostly waits for locks to end.
pub fn on_both(name: &str, test: impl Fn(&Place) + Sync) {
    let embedded = || {
        // The front stands for what ends TLS before the embedded server.
        let front = Front::truthful();
        let url = front.url.clone();
        test(&Place::new(false, url, Box::new(front), tempfile::tempdir().expect("a directory")));
    };
    #[expect(clippy::disallowed_methods, reason = "the test set-up hands its parts over by variables")]
    let Ok(binary) = std::env::var("WORMPROOF_TEST_MINIO") else {
        embedded();
        return not_run(&format!("{name} on MinIO (WORMPROOF_TEST_MINIO)"));
    };
    let minio = || {
        let home = tempfile::tempdir().expect("a directory");
        let minio = Minio::start(&binary, home.path());
        let url = minio.url.clone();
        test(&Place::new(true, url, Box::new(minio), home));
    };
    let (here, there) = std::thread::scope(|scope| {
        let there = scope.spawn(minio);
        let here = scope.spawn(embedded).join();
        (here, there.join())
    });
    if let Some(panicked) = here.err().or(there.err()) {
        std::panic::resume_unwind(panicked);
    }
}

impl Place {
    fn new(minio: bool, url: String, server: Box<dyn std::any::Any>, home: tempfile::TempDir) -> Self {
        let endpoint = Endpoint::parse(&url, Some("us-east-1")).expect("an endpoint");
        let wire = Arc::new(HyperWire::new().expect("a wire"));
        let client = Client::new(wire, endpoint, Clock::Real, "wormproof/test");
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        Self { minio, url, client, runtime, home, _server: server }
    }

    /// The whole answer.
    pub fn reply(&self, who: &Credentials, request: &S3Request) -> Reply {
        self.runtime.block_on(self.client.exchange(Some(who), request))
    }

    /// A header of the answer to root, or to somebody else.
    pub fn header(&self, who: &Credentials, request: &S3Request, name: &str) -> Option<String> {
        let reply = self.reply(who, request);
        assert_eq!(reply.status(), Some(200), "{} {:?}", self.name(), reply.trouble());
        reply.answer().and_then(|a| a.header(name)).map(ToOwned::to_owned)
    }

    /// The text of the answer.
    pub fn text(&self, who: &Credentials, request: &S3Request) -> String {
        String::from_utf8_lossy(&self.reply(who, request).body).into_owned()
    }

    pub fn by(&self, who: &Credentials, request: &S3Request) -> Said {
        let reply = self.reply(who, request);
        let body = String::from_utf8_lossy(&reply.body).into_owned();
        let code = body.split("<Code>").nth(1).and_then(|t| t.split("</Code>").next()).unwrap_or_default();
        (reply.status(), code.to_owned())
    }

    pub fn root(&self, request: &S3Request) -> Said {
        self.by(&root(), request)
    }

    /// Uploads one part under a new upload, and completes it as `change` says.
    pub fn multipart(
        &self,
        who: &Credentials,
        (bucket, key): (&str, &str),
        change: impl Fn(S3Request) -> S3Request,
    ) -> Said {
        let begun = self.text(who, &ops::create_multipart_upload(bucket, key, &LockHeaders::NONE));
        let upload = begun.split("<UploadId>").nth(1).and_then(|t| t.split('<').next()).expect("an id");
        let part = ops::upload_part(bucket, key, upload, 1, "the only part");
        let tag = self.header(who, &part, "etag").expect("an ETag");
        self.by(who, &change(ops::complete_multipart_upload(bucket, key, upload, &[(1, tag)])))
    }

    /// The gate of one object after its upload, with the endpoint as the first document writes it: without a scheme.
    pub fn gate(&self, location: &str) -> Option<i32> {
        let host = self.url.strip_prefix("http://").expect("an address");
        let mut command =
            command(self.home.path(), &["scan", location, "--exact", "--mode", "compliance", "--quiet"]);
        Ran::of(&command.env("MINIO_ENDPOINT", host).output().expect("it runs")).code
    }

    pub fn ok(&self, request: &S3Request) {
        let said = self.root(request);
        assert!(said.0.is_some_and(|s| s < 300), "{} {said:?}", self.name());
    }

    /// Somebody whose rights are these.
    pub fn session(&self, policy: &str) -> Credentials {
        let wanted =
            AssumeRole { policy: Some(policy.to_owned()), duration_s: 3600, ..AssumeRole::default() };
        let root = Credentials::new(KEY, SECRET);
        self.runtime.block_on(assume_role(&self.client, &root, &wanted)).expect("a session").credentials
    }

    pub fn name(&self) -> &'static str {
        if self.minio { "MinIO" } else { "the embedded server" }
    }

    /// Audits a bucket with a profile and these scenarios.
    pub fn audit(&self, profile: &str, bucket: &str, only: &[&str]) -> Audited {
        self.audit_with(profile, bucket, only, &[])
    }

    /// The same, with more arguments.
    pub fn audit_with(&self, profile: &str, bucket: &str, only: &[&str], more: &[&str]) -> Audited {
        let location = format!("s3://{bucket}");
        // An audit after another has a directory of its own.
        let output =
            (1..10).map(|n| format!("{bucket}-{n}")).find(|name| !self.home.path().join(name).exists());
        let output = output.expect("a free name");
        let mut args = vec!["audit", &location, "--profile", profile, "--endpoint-url", &self.url];
        args.extend(["--yes", "--allow", "bucket", "--quiet", "--output", &output]);
        args.extend(only.iter().flat_map(|id| ["--only", id]));
        args.extend(more);
        let ran = run_in(self.home.path(), &args);
        ran.is_clean();
        let made = self.home.path().join(&output);
        assert!(made.join("results.json").exists(), "{}: {}", self.name(), ran.stderr);
        let record = record(&made);
        let verified = run_in(self.home.path(), &["verify", &output]);
        assert_eq!(verified.code, Some(0), "{}", verified.stderr);
        Audited { place: self.name(), code: ran.code, record }
    }

    /// What the offline analysis of policies says, as the profile's application uploads.
    pub fn linted(&self, files: &[&str], sends: &str) -> Vec<String> {
        let root = env!("CARGO_MANIFEST_DIR");
        let files: Vec<String> = files.iter().map(|f| format!("{root}/fixtures/policies/{f}.json")).collect();
        let mut args = vec!["analyse", "--format", "json", "--sends", sends];
        args.extend(["--server", if self.minio { "minio" } else { "aws" }]);
        args.extend(files.iter().flat_map(|f| ["--policy", f.as_str()]));
        let ran = run_in(self.home.path(), &args);
        let shown: Value = serde_json::from_str(&ran.stdout).expect("JSON");
        let found = shown["findings"].as_array().expect("findings").iter();
        found.filter_map(|f| f["rule"].as_str()).map(ToOwned::to_owned).collect()
    }
}

/// Where a policy of the fixtures lies, for `--policy`.
pub fn file(name: &str) -> String {
    format!("{}/fixtures/policies/{name}.json", env!("CARGO_MANIFEST_DIR"))
}

/// A policy of the fixtures, as it is written.
pub fn policy(file: &str) -> String {
    std::fs::read_to_string(self::file(file)).expect("a policy")
}

/// What an audit came to.
pub struct Audited {
    place: &'static str,
    pub code: Option<i32>,
    pub record: Value,
}

impl Audited {
    /// The state of an item or a claim.
    pub fn state(&self, list: &str, id: &str) -> &str {
        let all = self.record["profile"][list].as_array().expect("a list");
        let found = all.iter().find(|e| e["id"] == id).unwrap_or_else(|| panic!("no {id}"));
        found["state"].as_str().expect("a state")
    }

    /// The state of a demand on bucket or server, and what was found.
    pub fn demand(&self, word: &str) -> (&str, &str) {
        let all = self.record["profile"]["configuration"].as_array().expect("demands");
        let demand = all.iter().find(|d| d["word"] == word).unwrap_or_else(|| panic!("no {word}"));
        (demand["state"].as_str().expect("a state"), demand["found"].as_str().expect("a sentence"))
    }

    /// Each of these claims or items is in that state.
    pub fn all(&self, list: &str, state: &str, ids: &[&str]) {
        for id in ids {
            assert_eq!(self.state(list, id), state, "{id} on {}", self.place);
        }
    }

    /// The findings about the bucket and its versions, and those of the analysis from medium up, each word once.
    pub fn rules(&self) -> Vec<&str> {
        let mut rules: Vec<&str> = ["/findings", "/analysis/findings"]
            .iter()
            .flat_map(|l| self.record.pointer(l).and_then(Value::as_array).into_iter().flatten())
            .filter(|f| !matches!(f["severity"].as_str(), Some("low" | "info")))
            .filter_map(|f| f["rule"].as_str())
            .collect();
        rules.sort_unstable();
        rules.dedup();
        rules
    }

    /// How many versions have this finding.
    pub fn scanned(&self, rule: &str) -> u64 {
        self.record["scan"]["findings"][rule].as_u64().unwrap_or_default()
    }
}
