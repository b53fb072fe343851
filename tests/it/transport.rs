//! Defects of what lies between the tool and a sound store: none may end in a pass of what it touches.
//!
//! Each test runs a part of the suite on the embedded server through a wire that does one thing wrong, and notes
//! the scenarios whose requests it touched.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Method, Response, request::Parts};
use wormproof::record::{Exchanges, Log, RunEvidence, ScenarioResult, Verdict, judge, present};
use wormproof::run::{self, CancellationFlag, Decision, Filter, Journal, PlanInput, PrincipalAccess};
use wormproof::scenario::{Capability, Dialects, Reach, Role, Scenario, Suite};
use wormproof::store::client::{Client, Limits};
use wormproof::store::hyper_wire::HyperWire;
use wormproof::store::wire::{BoxFuture, SharedWire, Wire, WireError};
use wormproof::target::{self, Access, OpenOptions, Scope};

type Answer = Result<Response<Bytes>, WireError>;

/// What comes of a request: `None` leaves it to the store, else the answer that is given instead.
type Before = Box<dyn Fn(&Parts) -> Option<Answer> + Send + Sync>;
/// What comes of an answer: the second value says whether it was changed.
type After = Box<dyn Fn(&Parts, Response<Bytes>) -> (Response<Bytes>, bool) + Send + Sync>;

/// A store with something between.
struct Between {
    store: SharedWire,
    before: Before,
    after: After,
    touched: Mutex<BTreeSet<String>>,
}

impl std::fmt::Debug for Between {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Between").finish_non_exhaustive()
    }
}

/// The scenario that a request belongs to, by its key, its listing's prefix, or the keys in its body.
fn scenario_of(parts: &Parts, body: &Bytes) -> Option<String> {
    let text = format!("{} {}", parts.uri, String::from_utf8_lossy(body));
    let at = text.find("WORM-")?;
    text.get(at..at + "WORM-000".len()).map(ToOwned::to_owned)
}

impl Wire for Between {
    fn send(&self, request: http::Request<Bytes>) -> BoxFuture<'_, Answer> {
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let (answer, changed) = if let Some(answer) = (self.before)(&parts) {
                (answer, true)
            } else {
                let answer = self.store.send(http::Request::from_parts(parts.clone(), body.clone())).await?;
                let (answer, changed) = (self.after)(&parts, answer);
                (Ok(answer), changed)
            };
            if changed {
                self.touched.lock().expect("a lock").extend(scenario_of(&parts, &body));
            }
            answer
        })
    }
}

fn pass_on() -> Before {
    Box::new(|_| None)
}

fn as_it_is() -> After {
    Box::new(|_, answer| (answer, false))
}

fn error(status: u16, code: &str, message: &str) -> Response<Bytes> {
    let body = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
    Response::builder()
        .status(status)
        .header("content-type", "application/xml")
        .body(body.into())
        .expect("an answer")
}

/// Runs the groups through the wire; gives the results and the scenarios that were touched.
async fn through(groups: &[&str], before: Before, after: After) -> (Vec<ScenarioResult>, BTreeSet<String>) {
    let options = OpenOptions {
        user_agent: "wormproof-test".to_owned(),
        limits: Limits::default(),
        connect: Arc::new(|_| Ok(Arc::new(HyperWire::new()?) as SharedWire)),
    };
    let opened = target::embedded(&[], &options).expect("a server");
    target::prepare(&opened).await.expect("records");
    let prefix = run::canary_base("", "t1");
    let scope = Scope::new(&opened.location.bucket, &prefix);
    let principals = target::principals(&opened, &scope, "t1", &BTreeMap::new()).await;
    let capabilities = target::capabilities(&opened, &principals).await;
    let access: BTreeMap<Role, PrincipalAccess> = principals
        .map
        .iter()
        .map(|(role, access)| match access {
            Access::Has(credentials) => (*role, PrincipalAccess::Credentials(credentials.clone())),
            Access::Missing(why) => (*role, PrincipalAccess::Missing(why.clone())),
        })
        .collect();
    let suite = Suite::builtin().expect("the suite");
    let dialects = Dialects::builtin().expect("the dialects");
    let input = PlanInput {
        bucket: opened.location.bucket.clone(),
        prefix: prefix.clone(),
        now: opened.clock.now(),
        own_server: true,
        allow: Reach::Object,
        max_residue: chrono::TimeDelta::days(1),
        consent_residue: true,
        capabilities: Capability::ALL.iter().copied().filter(|c| capabilities.has(*c)).collect(),
        principals: access,
        default_retention: None,
    };
    let filter = Filter { only: groups.iter().map(|g| (*g).to_owned()).collect(), ..Filter::default() };
    let planned = run::plan(&suite.scenarios, &input, &filter);
    let work: Vec<(&Scenario, Vec<Option<Role>>)> = planned
        .iter()
        .filter_map(|p| match &p.decision {
            Decision::Run { principals, .. } => Some((&suite.scenarios[p.place], principals.clone())),
            Decision::Skip(_) => None,
        })
        .collect();
    assert!(work.len() > 5, "{groups:?} have too few scenarios to show anything");
    let wire =
        Arc::new(Between { store: opened.client.wire().clone(), before, after, touched: Mutex::default() });
    let client =
        Client::new(wire.clone(), opened.client.endpoint().clone(), opened.clock.clone(), "wormproof-test");
    let env = run::Environment {
        client,
        bucket: input.bucket.clone(),
        prefix,
        run_id: "t1".to_owned(),
        challenge: None,
        principals: input.principals.clone(),
        clock: opened.clock.clone(),
        own_server: true,
        machine: opened.machine.clone(),
        access_log: opened.access_log.clone().ok(),
        allow: input.allow,
        max_residue: input.max_residue,
        capabilities: input.capabilities.clone(),
        consent_residue: true,
        concurrency: 8,
        log: Arc::new(Log::default()),
        journal: Journal::nowhere(),
        interrupt: CancellationFlag::new(),
    };
    let results = run::execute(&env, &work, &|_| ()).await;
    let events = env.log.take();
    let dialect = dialects.select(capabilities.server.as_deref());
    let because = |status: u16, code: &str, message: &str| dialect.because(status, code, message);
    let context = judge::Context { exchanges: Exchanges::of(&events), dialect: &because };
    let judged = work
        .iter()
        .zip(results)
        .map(|((scenario, _), (_, runs))| {
            let runs: Result<Vec<RunEvidence>, String> = runs.into_iter().collect();
            present::result(scenario, &runs.expect("no error of the tool"), &context, false)
        })
        .collect();
    let touched = wire.touched.lock().expect("a lock").clone();
    (judged, touched)
}

/// No scenario that was touched passes, and enough were touched. What was not touched passes.
fn none_passes((results, touched): &(Vec<ScenarioResult>, BTreeSet<String>)) {
    assert!(touched.len() > 5, "only {touched:?} were touched");
    let wrong: Vec<String> = results
        .iter()
        .filter(|r| (r.verdict == Verdict::Pass) == touched.contains(&r.id))
        .map(|r| format!("{} {}: {} ({})", r.id, r.title, r.verdict, r.reason))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn is_delete(parts: &Parts) -> bool {
    parts.method == Method::DELETE || parts.method == Method::POST && parts.uri.query() == Some("delete=")
}

fn is_listing(parts: &Parts) -> bool {
    parts.uri.query().is_some_and(|q| q.split('&').any(|p| p == "versions" || p == "versions="))
}

/// A read of one object, not of its lock's sub-resources.
fn is_read(parts: &Parts) -> bool {
    let sub = parts.uri.query().is_some_and(|q| q.contains("retention") || q.contains("legal-hold"));
    (parts.method == Method::GET || parts.method == Method::HEAD) && !is_listing(parts) && !sub
}

#[tokio::test]
async fn forged_refusals_of_every_deletion() {
    // Also the controls are refused, so nothing is shown by a refusal.
    let forge: Before = Box::new(|p| {
        is_delete(p)
            .then(|| Ok(error(403, "AccessDenied", "Access Denied because object protected by object lock.")))
    });
    none_passes(&through(&["delete"], forge, as_it_is()).await);
}

#[tokio::test]
async fn refusals_that_are_told_and_not_done() {
    // The request reaches the store, and what was accepted is told as a refusal.
    let lie: After = Box::new(|p, answer| {
        if is_delete(p) && answer.status().is_success() {
            (error(403, "AccessDenied", "Access Denied because object protected by object lock."), true)
        } else {
            (answer, false)
        }
    });
    none_passes(&through(&["delete"], pass_on(), lie).await);
}

#[tokio::test]
async fn every_deletion_is_reset() {
    let reset: Before = Box::new(|p| {
        is_delete(p).then(|| Err(WireError::Broken { cause: "connection reset by peer".to_owned() }))
    });
    none_passes(&through(&["delete"], reset, as_it_is()).await);
}

#[tokio::test]
async fn errors_of_the_server_on_one_verb() {
    let broken: Before = Box::new(|p| {
        let puts_retention =
            p.method == Method::PUT && p.uri.query().is_some_and(|q| q.starts_with("retention"));
        puts_retention.then(|| Ok(error(500, "InternalError", "We encountered an internal error.")))
    });
    none_passes(&through(&["retention"], broken, as_it_is()).await);
}

#[tokio::test]
async fn a_cache_that_answers_reads_as_they_were() {
    type Kept = HashMap<String, (http::response::Parts, Bytes)>;
    let kept: Arc<Mutex<Kept>> = Arc::default();
    let shown = Arc::clone(&kept);
    let name = |p: &Parts| format!("{} {}", p.method, p.uri);
    let answer: Before = Box::new(move |p| {
        let kept = shown.lock().expect("a lock");
        let (parts, body) = kept.get(&name(p)).filter(|_| is_read(p))?;
        Some(Ok(Response::from_parts(parts.clone(), body.clone())))
    });
    let keep: After = Box::new(move |p, answer| {
        if is_read(p) {
            let (parts, body) = answer.into_parts();
            kept.lock().expect("a lock").insert(name(p), (parts.clone(), body.clone()));
            (Response::from_parts(parts, body), false)
        } else {
            (answer, false)
        }
    });
    none_passes(&through(&["delete", "overwrite"], answer, keep).await);
}

/// Cuts every `<Version>` out of a listing.
fn without_versions(text: &str) -> String {
    let mut out = text.to_owned();
    while let (Some(from), Some(to)) = (out.find("<Version>"), out.find("</Version>")) {
        out.replace_range(from..to + "</Version>".len(), "");
    }
    out
}

fn changed_listing(change: fn(&str) -> String) -> After {
    Box::new(move |p, answer| {
        if !is_listing(p) {
            return (answer, false);
        }
        let text = String::from_utf8_lossy(answer.body()).into_owned();
        let other = change(&text);
        let changed = other != text;
        (answer.map(|_| other.into()), changed)
    })
}

#[tokio::test]
async fn a_listing_that_drops_its_versions() {
    let seen = through(&["delete"], pass_on(), changed_listing(without_versions)).await;
    none_passes(&seen);
}

#[tokio::test]
async fn a_listing_that_breaks_off() {
    let half = |text: &str| text[..text.len() * 2 / 3].to_owned();
    none_passes(&through(&["delete"], pass_on(), changed_listing(half)).await);
}

#[tokio::test]
async fn a_listing_without_an_end() {
    // It claims more, and begins at the same place again.
    let more = |text: &str| {
        text.replace(
            "<IsTruncated>false</IsTruncated>",
            "<IsTruncated>true</IsTruncated><NextKeyMarker>.wormproof/</NextKeyMarker><NextVersionIdMarker>x</NextVersionIdMarker>",
        )
    };
    none_passes(&through(&["delete"], pass_on(), changed_listing(more)).await);
}

#[tokio::test]
async fn lock_headers_that_are_left_out() {
    let strip: After = Box::new(|p, mut answer| {
        let names =
            ["x-amz-object-lock-mode", "x-amz-object-lock-retain-until-date", "x-amz-object-lock-legal-hold"];
        let changed = is_read(p) && names.iter().any(|n| answer.headers_mut().remove(*n).is_some());
        for name in names {
            answer.headers_mut().remove(name);
        }
        (answer, changed)
    });
    // The lock is asked for by requests of its own, so a read without the headers is no lie and no loss: S3 leaves
    // them out where the right is missing. Nothing fails, and nothing is concluded from their absence.
    let (results, touched) = through(&["retention"], pass_on(), strip).await;
    assert!(touched.len() > 5, "only {touched:?} were touched");
    let asked: Vec<&str> = results
        .iter()
        .filter(|r| touched.contains(&r.id) && r.verdict == Verdict::Pass)
        .filter(|r| {
            !r.runs.iter().flat_map(|run| &run.found).any(|line| {
                line.contains("COMPLIANCE") || line.contains("GOVERNANCE") || line.contains("retention")
            })
        })
        .map(|r| r.id.as_str())
        .collect();
    assert!(asked.is_empty(), "passed without a lock that was read: {asked:?}");
    assert!(results.iter().all(|r| r.verdict != Verdict::Fail), "a missing header is no broken lock");
}

#[tokio::test]
async fn locks_that_cannot_be_asked_for() {
    let refuse: Before = Box::new(|p| {
        let lock = p.method == Method::GET
            && p.uri.query().is_some_and(|q| q.starts_with("retention") || q.starts_with("legal-hold"));
        lock.then(|| Ok(error(403, "AccessDenied", "Access Denied")))
    });
    none_passes(&through(&["retention"], refuse, as_it_is()).await);
}
