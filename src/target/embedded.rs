//! The embedded server, called in the process or served on a socket.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};

use crate::exchange::{LogEntry, LoggedChange, LoggedVersion};
use crate::scenario::Role;
use crate::server::{Config, Defect, Server, log};
use crate::store::access_log::{AccessLog, Shown, Written};
use crate::store::client::{Client, Limits};
use crate::store::credentials::Credentials;
use crate::store::endpoint::{DEFAULT_REGION, Endpoint, Location};
use crate::store::machine;
use crate::store::ops::sts_assume_role;
use crate::store::wire::{BoxFuture, Wire, WireError};
use crate::target::minio::random_root;
use crate::target::prepare::{DEMO_BUCKET, prepare};
use crate::target::{
    Capabilities, Kind, OpenOptions, Opened, Principals, RightChange, Scope, TargetError, Teardown,
    capabilities, changed_policy, principals,
};
use crate::time::Clock;

/// The name under which the server in the process is addressed; nothing resolves it.
const HOST: &str = "http://embedded.invalid";

#[derive(Debug)]
struct InProcess {
    server: Server,
}

impl Wire for InProcess {
    fn send(&self, request: http::Request<Bytes>) -> BoxFuture<'_, Result<http::Response<Bytes>, WireError>> {
        Box::pin(async move { Ok(self.server.handle(request).await) })
    }
}

/// The switches of the embedded server. Its clock is the client's, too.
#[derive(Debug)]
struct Machine {
    server: Server,
}

impl machine::Machine for Machine {
    fn restart(&self, crash: bool) -> BoxFuture<'_, Result<String, String>> {
        Box::pin(async move {
            self.server.restart(crash);
            let how = if crash { "broke off" } else { "ended" };
            Ok(format!("the embedded server {how} and began again with what it had written"))
        })
    }

    fn move_clock(&self, by: TimeDelta) -> BoxFuture<'_, Result<String, String>> {
        Box::pin(async move {
            self.server.clock().shift(by);
            Ok(format!("the clock was moved by {} s", by.num_seconds()))
        })
    }

    fn restarts(&self) -> Result<String, String> {
        Ok("the state is written out and read again".to_owned())
    }

    fn clock(&self) -> Result<String, String> {
        Ok("its clock is virtual".to_owned())
    }
}

/// The log of the embedded server: an entry is there as soon as its request was answered.
#[derive(Debug)]
struct Log {
    server: Server,
}

impl AccessLog for Log {
    fn words(&self) -> String {
        "the embedded server's own log of requests".to_owned()
    }

    fn mark(&self) -> u64 {
        self.server.logged()
    }

    fn of_request<'a>(&'a self, request_id: &'a str, mark: u64) -> BoxFuture<'a, Result<Shown, String>> {
        Box::pin(async move {
            let found = self.server.log_of(request_id, mark);
            let found = found.ok_or("the log no longer reaches back to the request")?;
            let entries: Vec<Written> = found.into_iter().map(written).collect();
            let others = self.server.logged().saturating_sub(mark).saturating_sub(1);
            Ok(Shown { entries, others, waited_ms: 0 })
        })
    }
}

fn written(entry: log::Entry) -> Written {
    let text = serde_json::to_string(&entry).unwrap_or_default();
    let log::Entry {
        at,
        request_id,
        principal,
        operation,
        bucket,
        versions,
        status,
        error,
        bypass,
        change,
        remote,
    } = entry;
    let entry = LogEntry {
        request_id,
        at: Some(at),
        principal,
        parent: None,
        operation: Some(operation),
        bucket: (!bucket.is_empty()).then_some(bucket),
        versions: versions
            .into_iter()
            .map(|v| LoggedVersion { key: v.key, version_id: v.version_id, error: v.error })
            .collect(),
        status: Some(status),
        error,
        bypass,
        change: change.map(|c| LoggedChange { mode: c.mode, until: c.until, hold: c.hold }),
        remote: remote.map(|address| address.to_string()),
    };
    Written { entry, text }
}

/// A server that is being served on a socket.
#[derive(Debug)]
pub(super) struct Serving {
    // Dropped with this: the server sees it and ends.
    stop: tokio::sync::oneshot::Sender<()>,
    task: tokio::task::JoinHandle<()>,
}

impl Serving {
    pub(super) async fn close(self) {
        drop(self.stop);
        let _ = self.task.await;
    }
}

/// Where the clock of a [`Prepared`] server stands (2026-03-04 05:06:07 UTC), so that its runs are the same on
/// every day: no midnight, month or leap day comes between.
const FIXED_START_S: i64 = 1_772_600_767;

/// A server at `start`, cut to a whole second, because HTTP's `Date` has no less: skew is then exactly nothing.
fn server(defects: &[Defect], start: DateTime<Utc>) -> (Server, Credentials, Clock) {
    let root = random_root();
    let clock = Clock::virtual_at(start.trunc_subsecs(0));
    let server = Server::new(Config {
        access_key: root.access_key.clone(),
        secret_key: root.secret_key.to_string(),
        region: DEFAULT_REGION.to_owned(),
        clock: clock.clone(),
        defects: defects.to_vec(),
    });
    (server, root, clock)
}

fn description(defects: &[Defect]) -> String {
    if defects.is_empty() {
        return "the embedded server".to_owned();
    }
    let names: Vec<&str> =
        Defect::all().iter().filter(|info| defects.contains(&info.defect)).map(|info| info.name).collect();
    format!("the embedded server with {} switched on", names.join(", "))
}

fn demo() -> Location {
    Location { bucket: DEMO_BUCKET.to_owned(), prefix: String::new() }
}

/// The embedded server in the process, with a clock of its own that stands still until somebody
/// waits. Costs a few allocations: a run may have one for each scenario.
///
/// # Errors
/// None in practice; the address that stands for the server is read like any other.
pub fn embedded(defects: &[Defect], options: &OpenOptions) -> Result<Opened, TargetError> {
    let (server, administrator, _) = server(defects, Clock::Real.now());
    in_process(server, administrator, defects, &options.user_agent, options.limits)
}

fn in_process(
    server: Server,
    administrator: Credentials,
    defects: &[Defect],
    user_agent: &str,
    limits: Limits,
) -> Result<Opened, TargetError> {
    let clock = server.clock().clone();
    let machine = Machine { server: server.clone() };
    let log = Log { server: server.clone() };
    let endpoint = Endpoint::parse(HOST, Some(DEFAULT_REGION))?;
    let wire = Arc::new(InProcess { server });
    Ok(Opened {
        client: Client::with_limits(wire, endpoint, clock.clone(), user_agent, limits),
        administrator,
        refresh: None,
        administrator_source: "root key".to_owned(),
        kind: Kind::Embedded,
        description: description(defects),
        version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        image: None,
        endpoint: "in the process".to_owned(),
        clock,
        own_server: true,
        location: demo(),
        notice: None,
        machine: Some(Arc::new(machine)),
        access_log: Ok(Arc::new(log)),
        teardown: Teardown::Nothing,
    })
}

/// An embedded server that is ready to be audited: bucket and records are made, the principals have their
/// sessions, what it can do is known. Each [`Prepared::fork`] is a server of its own with this beginning.
#[derive(Debug)]
pub struct Prepared {
    server: Server,
    administrator: Credentials,
    user_agent: String,
    scope: Scope,
    /// The principals; their keys are good on every fork.
    pub principals: Principals,
    /// What the server can do.
    pub capabilities: Capabilities,
}

impl Prepared {
    /// Starts a server with `defects` and makes it ready by the requests that an audit would send; the
    /// principals may act on canaries under `prefix`.
    ///
    /// # Errors
    /// [`TargetError::Preparation`] if the server refuses, as a useless one does.
    pub async fn new(defects: &[Defect], run_id: &str, prefix: &str) -> Result<Self, TargetError> {
        let user_agent = format!("wormproof/{} run/{run_id}", env!("CARGO_PKG_VERSION"));
        let start = DateTime::from_timestamp(FIXED_START_S, 0).unwrap_or_default();
        let (server, administrator, _) = server(defects, start);
        let opened =
            in_process(server.clone(), administrator.clone(), defects, &user_agent, Limits::default())?;
        prepare(&opened).await?;
        let scope = Scope::new(&opened.location.bucket, prefix);
        let principals = principals(&opened, &scope, run_id, &BTreeMap::new()).await;
        let capabilities = capabilities(&opened, &principals).await;
        Ok(Self { server, administrator, user_agent, scope, principals, capabilities })
    }

    /// Credentials for a role that holds one action more or less than it should; `None` for anonymous, who holds nothing.
    ///
    /// # Errors
    /// [`TargetError::Preparation`] if the server makes no such session.
    pub async fn changed(
        &self,
        role: Role,
        change: &RightChange,
    ) -> Result<Option<Credentials>, TargetError> {
        let Some(policy) = changed_policy(role, &self.scope, change) else { return Ok(None) };
        let opened = in_process(
            self.server.clone(),
            self.administrator.clone(),
            &[],
            &self.user_agent,
            Limits::default(),
        )?;
        let request =
            sts_assume_role(Some(&policy), principals::LONGEST_S, None, Some(&format!("changed-{role}")));
        let reply = opened.client.exchange(Some(&self.administrator), &request).await;
        let element = |name| principals::element(&reply, name);
        match (element("AccessKeyId"), element("SecretAccessKey"), element("SessionToken")) {
            (Some(access), Some(secret), Some(token)) => {
                Ok(Some(Credentials::new(&access, &secret).with_token(&token)))
            }
            _ => Err(TargetError::Preparation {
                what: "make a session under a changed policy",
                answer: reply.trouble().unwrap_or_default(),
            }),
        }
    }

    /// A server that begins with this one's state, under a clock of its own that stands where this one's
    /// does, with `defects` switched on.
    ///
    /// # Errors
    /// None in practice, as for [`embedded`].
    pub fn fork(&self, defects: &[Defect]) -> Result<Opened, TargetError> {
        let clock = Clock::virtual_at(self.server.clock().now());
        let server = self.server.fork(clock, defects);
        in_process(server, self.administrator.clone(), defects, &self.user_agent, Limits::default())
    }
}

/// The same on a free port of 127.0.0.1.
pub(super) async fn on_a_socket(defects: &[Defect], options: &OpenOptions) -> Result<Opened, TargetError> {
    let (server, administrator, clock) = server(defects, Clock::Real.now());
    let fail =
        |error: std::io::Error| TargetError::Local { what: "listen on 127.0.0.1", cause: error.to_string() };
    #[expect(clippy::disallowed_methods, reason = "the listener is the server's; it is only bound here")]
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.map_err(fail)?;
    let url = format!("http://{}", listener.local_addr().map_err(fail)?);
    let machine = Machine { server: server.clone() };
    let log = Log { server: server.clone() };
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let task = tokio::spawn(async move {
        let _ = server
            .serve(listener, async {
                let _ = stopped.await;
            })
            .await;
    });
    let endpoint = Endpoint::parse(&url, Some(DEFAULT_REGION))?;
    let wire = (options.connect)(&endpoint)?;
    Ok(Opened {
        client: Client::with_limits(wire, endpoint, clock.clone(), &options.user_agent, options.limits),
        administrator,
        refresh: None,
        administrator_source: "root key".to_owned(),
        kind: Kind::Embedded,
        description: description(defects),
        version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        image: None,
        endpoint: url,
        clock,
        own_server: true,
        location: demo(),
        notice: None,
        machine: Some(Arc::new(machine)),
        access_log: Ok(Arc::new(log)),
        teardown: Teardown::Socket(Serving { stop, task }),
    })
}
