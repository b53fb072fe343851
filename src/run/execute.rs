//! Running scenarios: place, read back, send, read back.

use std::collections::BTreeMap;

use futures_util::StreamExt;
use futures_util::future::join_all;

use crate::record::RunEvidence;
use crate::record::evidence::{GroupEvidence, Placed, StepEvidence};
use crate::run::Environment;
use crate::run::observe::observe;
use crate::run::place::place;
use crate::run::send::{Scene, Upload};
use crate::scenario::{Action, Role, Scenario, Step};
use crate::store::ops;

/// Runs scenarios for their roles, and gives their evidence in the order of the input.
///
/// With a virtual clock those that wait run one after another when all others are done, because a clock that one of them
/// moves would end the locks of the others.
pub async fn execute(env: &Environment, work: &[(&Scenario, Vec<Option<Role>>)]) -> Vec<Vec<RunEvidence>> {
    let mut jobs = Vec::new();
    for (index, (scenario, roles)) in work.iter().enumerate() {
        for role in roles {
            for attempt in 1..=scenario.repeat {
                jobs.push((index, *scenario, *role, attempt));
            }
        }
    }
    let (alone, together): (Vec<_>, Vec<_>) =
        jobs.into_iter().partition(|(_, scenario, ..)| env.clock.is_virtual() && scenario.waits());
    let mut done: Vec<(usize, RunEvidence)> =
        futures_util::stream::iter(together)
            .map(|(index, scenario, role, attempt)| async move {
                (index, run(env, scenario, role, attempt).await)
            })
            .buffered(env.concurrency.max(1))
            .collect()
            .await;
    for (index, scenario, role, attempt) in alone {
        done.push((index, run(env, scenario, role, attempt).await));
    }
    let mut all: Vec<Vec<RunEvidence>> = work.iter().map(|_| Vec::new()).collect();
    for (index, evidence) in done {
        all[index].push(evidence);
    }
    all
}

/// One run of one scenario.
async fn run(env: &Environment, scenario: &Scenario, each: Option<Role>, attempt: u32) -> RunEvidence {
    let name = each.map_or("all", Role::word);
    let about = format!("{}/{name}", scenario.id);
    let base = format!("{}{}/{name}-{attempt}/", env.prefix, scenario.id);
    let mut evidence = RunEvidence {
        each,
        attempt,
        buckets: Vec::new(),
        objects: Vec::new(),
        baseline: None,
        groups: Vec::new(),
        stopped: None,
        skew_ms: 0,
    };
    for spec in &scenario.objects {
        if env.interrupted() {
            evidence.stopped = Some("interrupted".to_owned());
            return evidence;
        }
        let placed: Placed = place(env, spec, &base, &about).await;
        evidence.objects.push(placed);
    }
    evidence.baseline = Some(observe(env, scenario, &base, &evidence.objects, &[], &about).await);
    let mut uploads: BTreeMap<String, Upload> = BTreeMap::new();
    for group in scenario.groups() {
        if env.interrupted() {
            evidence.stopped = Some("interrupted".to_owned());
            break;
        }
        let steps: Vec<(usize, &Step)> =
            group.clone().filter_map(|i| Some((i, scenario.steps.get(i)?))).collect();
        wait(env, &evidence, &steps).await;
        let done = send(env, scenario, &evidence, &mut uploads, &steps, &about).await;
        let mut groups = std::mem::take(&mut evidence.groups);
        let reached = env.client.server_now();
        let empty =
            crate::record::evidence::Observation { at: reached, versions: Vec::new(), keys: Vec::new() };
        groups.push(GroupEvidence { steps: done, observed: empty });
        let observed = observe(env, scenario, &base, &evidence.objects, &groups, &about).await;
        if let Some(last) = groups.last_mut() {
            last.observed = observed;
        }
        evidence.groups = groups;
    }
    // An upload that was not completed is no version; it is aborted all the same.
    let who = env.who(Role::Administrator).flatten();
    for upload in uploads.values().filter(|u| !u.completed) {
        let reply = env
            .client
            .exchange(who, &ops::abort_multipart_upload(&env.bucket, &upload.key, &upload.id))
            .await;
        env.log.exchange(&about, reply.exchange);
    }
    evidence.skew_ms =
        if env.clock.is_virtual() { 0 } else { env.client.skew().map_or(0, |s| s.num_milliseconds()) };
    evidence
}

/// Waits for the earliest instant at which the steps may be sent, by the server's clock.
async fn wait(env: &Environment, evidence: &RunEvidence, steps: &[(usize, &Step)]) {
    for moment in steps.iter().filter_map(|(_, s)| s.at.as_ref()) {
        let until =
            evidence.placed(&moment.object).and_then(|p| p.retention).map(|r| r.until + moment.offset);
        if let Some(until) = until {
            let skew = env.client.skew().filter(|_| !env.clock.is_virtual()).unwrap_or_default();
            env.clock.sleep_until(until - skew).await;
        }
    }
}

/// Sends the steps of a group, all copies at once.
async fn send(
    env: &Environment,
    scenario: &Scenario,
    evidence: &RunEvidence,
    uploads: &mut BTreeMap<String, Upload>,
    steps: &[(usize, &Step)],
    about: &str,
) -> Vec<StepEvidence> {
    let scene = Scene {
        env,
        scenario,
        objects: &evidence.objects,
        groups: &evidence.groups,
        uploads: &*uploads,
        about,
    };
    let jobs = steps.iter().map(|(index, step)| {
        let scene = &scene;
        async move {
            let role = step.role(evidence.each).unwrap_or(Role::Administrator);
            let at = env.client.server_now();
            let copies = join_all((1..=step.copies).map(|copy| scene.send(step, role, copy))).await;
            (*index, *step, role, at, copies)
        }
    });
    let answered = join_all(jobs).await;
    let mut all = Vec::new();
    for (index, step, role, at, copies) in answered {
        let mut done = StepEvidence {
            step: u32::try_from(index).unwrap_or(u32::MAX),
            role,
            sent: Vec::new(),
            not_sent: None,
            at,
        };
        for copy in copies {
            match copy {
                Err(handle) => done.not_sent = Some(format!("no-handle: {handle}")),
                Ok(copy) => {
                    match (step.action, &copy.sent.upload_id, &step.name, &step.upload) {
                        (Action::CreateMultipartUpload, Some(id), Some(name), _) => {
                            let key = step.object.as_deref().and_then(|o| evidence.placed(o));
                            let key = key.map(|p| p.key.clone()).unwrap_or_default();
                            uploads.insert(
                                name.clone(),
                                Upload { id: id.clone(), key, parts: BTreeMap::new(), completed: false },
                            );
                        }
                        (Action::UploadPart, _, _, Some(upload)) => {
                            if let (Some(upload), Some(etag)) = (uploads.get_mut(upload), copy.etag) {
                                upload.parts.insert(step.part.unwrap_or(1), (etag, copy.content));
                            }
                        }
                        (Action::CompleteMultipartUpload, _, _, Some(upload))
                            if copy.sent.version_id.is_some() =>
                        {
                            if let Some(upload) = uploads.get_mut(upload) {
                                upload.completed = true;
                            }
                        }
                        _ => {}
                    }
                    done.sent.push(copy.sent);
                }
            }
        }
        all.push(done);
    }
    all
}
