//! Running scenarios: which runs go at the same time, and one run from its setup to its last read-back.

use std::panic::AssertUnwindSafe;

use chrono::TimeDelta;
use futures_util::future::{FutureExt as _, join};
use futures_util::stream::{self, StreamExt as _};

use crate::record::RunEvidence;
use crate::record::evidence::{GroupEvidence, Made};
use crate::run::audited::Audited;
use crate::run::environment::Environment;
use crate::run::handles::Handles;
use crate::run::interrupt::CancellationFlag;
use crate::run::journal::JournalEntry;
use crate::run::lease::Lease;
use crate::run::session::Session;
use crate::run::{BUCKET_PREFIX, probe};
use crate::scenario::{ObjectSetup, Role, Scenario};
use crate::store::canary;

/// Runs that wait for the end of a lock sleep nearly all the time; this many more of them go at once.
const WAITING_FACTOR: usize = 8;

/// The word in [`RunEvidence::stopped`] of a run that was stopped from outside.
const INTERRUPTED: &str = "interrupted";

/// What is told while scenarios run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// A run begins.
    Started {
        /// The scenario.
        id: String,
        /// The role of the run.
        each: Option<Role>,
        /// Which repetition, from 1.
        attempt: u32,
    },
    /// A run has ended.
    Finished {
        /// The scenario.
        id: String,
        /// The role of the run.
        each: Option<Role>,
        /// Which repetition, from 1.
        attempt: u32,
        /// Why it ended early, if it did.
        stopped: Option<String>,
    },
}

/// The evidence of each scenario's runs, by the scenario's place in what was given; an error text where the
/// tool itself failed.
pub type Results = Vec<(usize, Vec<Result<RunEvidence, String>>)>;

/// One run of one scenario.
#[derive(Debug, Clone, Copy)]
struct Unit<'a> {
    place: usize,
    scenario: &'a Scenario,
    each: Option<Role>,
    attempt: u32,
}

/// Runs scenarios, each once for each of its roles and as often as it repeats. A tool error or a panic in one
/// run does not lose the others. Never fails as a whole.
pub async fn execute(
    env: &Environment,
    scenarios: &[(&Scenario, Vec<Option<Role>>)],
    progress: &(dyn Fn(Progress) + Sync),
) -> Results {
    let started = env.journal.write(
        &[JournalEntry::Run {
            run_id: env.run_id.clone(),
            endpoint: env.client.endpoint().url().to_owned(),
            bucket: env.bucket.clone(),
            prefix: env.prefix.clone(),
        }],
        true,
    );
    let units: Vec<Unit<'_>> = scenarios
        .iter()
        .enumerate()
        .flat_map(|(place, (scenario, roles))| {
            roles.iter().flat_map(move |each| {
                (1..=scenario.repeat.max(1)).map(move |attempt| Unit {
                    place,
                    scenario,
                    each: *each,
                    attempt,
                })
            })
        })
        .collect();
    if let Err(error) = started {
        return collect(scenarios.len(), units.iter().map(|u| (*u, Err(error.to_string()))).collect());
    }
    let buckets = scenarios.iter().any(|(s, _)| !s.buckets.is_empty());
    let audited = Audited::read(&env.client, env.administrator(), &env.bucket, &env.log, buckets).await;
    let mut lease = Lease::begin(env, &audited).await;
    let holds = if env.own_server || !scenarios.iter().any(|(s, _)| probe::uses_hold(s)) {
        Ok(())
    } else {
        probe::hold_is_removable(env, &audited).await
    };
    let shared = Shared { env, audited: &audited, holds: &holds, progress };
    let over = CancellationFlag::new();
    let work = async {
        let done = all(shared, units).await;
        over.raise();
        done
    };
    let done = match &mut lease {
        Some(lease) => join(work, lease.keep(&over)).await.0,
        None => work.await,
    };
    collect(scenarios.len(), done)
}

/// All runs.
async fn all<'a>(shared: Shared<'a>, units: Vec<Unit<'a>>) -> Vec<(Unit<'a>, Result<RunEvidence, String>)> {
    let Shared { env, audited, .. } = shared;
    let waits = |u: &Unit<'_>| u.scenario.waits() || settles(u.scenario, audited);
    // What stops the server or moves its clock goes alone, when all others have ended.
    let (alone, units): (Vec<Unit<'_>>, Vec<Unit<'_>>) =
        units.into_iter().partition(|u| u.scenario.disturbs());
    let (waiting, direct): (Vec<Unit<'_>>, Vec<Unit<'_>>) = units.into_iter().partition(waits);
    let width = env.concurrency.max(1);
    let direct =
        stream::iter(direct).map(|unit| one(shared, unit)).buffer_unordered(width).collect::<Vec<_>>();
    let mut done = if env.clock.is_virtual() {
        // A clock that jumps is shared: who jumps must be alone.
        let mut done = direct.await;
        for unit in waiting {
            done.push(one(shared, unit).await);
        }
        done
    } else {
        let width = width.saturating_mul(WAITING_FACTOR);
        let waiting =
            stream::iter(waiting).map(|unit| one(shared, unit)).buffer_unordered(width).collect::<Vec<_>>();
        let (mut done, more) = join(direct, waiting).await;
        done.extend(more);
        done
    };
    for unit in alone {
        done.push(one(shared, unit).await);
    }
    done
}

/// What all runs share.
#[derive(Clone, Copy)]
struct Shared<'a> {
    env: &'a Environment,
    audited: &'a Audited,
    holds: &'a Result<(), String>,
    progress: &'a (dyn Fn(Progress) + Sync),
}

/// One run, with its beginning and end told, and a panic caught.
async fn one<'a>(shared: Shared<'a>, unit: Unit<'a>) -> (Unit<'a>, Result<RunEvidence, String>) {
    let Unit { scenario, each, attempt, .. } = unit;
    (shared.progress)(Progress::Started { id: scenario.id.clone(), each, attempt });
    let running = run(shared.env, shared.audited, shared.holds, unit);
    let result = AssertUnwindSafe(running).catch_unwind().await;
    let result = result.unwrap_or_else(|panic| Err(panic_text(&*panic)));
    let stopped = match &result {
        Ok(evidence) => evidence.stopped.clone(),
        Err(why) => Some(why.clone()),
    };
    (shared.progress)(Progress::Finished { id: scenario.id.clone(), each, attempt, stopped });
    (unit, result)
}

fn collect(count: usize, mut done: Vec<(Unit<'_>, Result<RunEvidence, String>)>) -> Results {
    // A stable order, whatever was faster.
    done.sort_by_key(|(u, _)| (u.place, u.each, u.attempt));
    let mut results: Results = (0..count).map(|place| (place, Vec::new())).collect();
    for (unit, result) in done {
        if let Some((_, runs)) = results.get_mut(unit.place) {
            runs.push(result);
        }
    }
    results
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .map(|s| (*s).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    format!("the tool failed: {text}")
}

/// Whether a run waits for a short lock of its setup to end.
fn settles(scenario: &Scenario, audited: &Audited) -> bool {
    scenario.objects.iter().any(|o| {
        let default = match o.bucket.as_deref().and_then(|b| scenario.bucket(b)) {
            Some(bucket) if bucket.twin => audited.may_have_default(),
            Some(bucket) => bucket.default_retention.is_some(),
            None => audited.may_have_default(),
        };
        o.setup == ObjectSetup::Present && o.retention.is_none() && !o.inherit && default
    })
}

/// The base of the keys of one run of a scenario, with a slash at its end.
pub(super) fn key_base(prefix: &str, id: &str, each: Option<Role>, attempt: u32, nonce: &str) -> String {
    let role = each.map_or("all", Role::word);
    format!("{prefix}{id}/{role}-{attempt}-{nonce}/")
}

/// The part of a run id that stands in bucket names: its last eight letters and digits.
pub(super) fn short_id(run_id: &str) -> String {
    let all: Vec<char> = run_id.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
    all[all.len().saturating_sub(8)..].iter().collect()
}

async fn run(
    env: &Environment,
    audited: &Audited,
    holds: &Result<(), String>,
    unit: Unit<'_>,
) -> Result<RunEvidence, String> {
    let Unit { scenario, each, attempt, .. } = unit;
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
    if env.interrupt.is_raised() {
        evidence.stopped = Some(INTERRUPTED.to_owned());
        return Ok(evidence);
    }
    if let Err(why) = holds
        && probe::uses_hold(scenario)
    {
        evidence.stopped =
            Some(format!("not run, because a legal hold was not shown to be removable: {why}"));
        return Ok(evidence);
    }
    let nonce = format!("{:016x}", rand::random::<u64>());
    let base = key_base(&env.prefix, &scenario.id, each, attempt, &nonce[..canary::NONCE_IN_KEY]);
    let stamp = canary::stamp(&env.run_id, env.challenge.as_deref(), &nonce);
    let bucket_names = scenario
        .buckets
        .iter()
        .map(|b| {
            let random = format!("{:016x}", rand::random::<u64>());
            (b.name.clone(), format!("{BUCKET_PREFIX}{}-{}", short_id(&env.run_id), &random[..12]))
        })
        .collect();
    let about = match each {
        Some(role) => format!("{}/{role}", scenario.id),
        None => scenario.id.clone(),
    };
    let handles = Handles::new(scenario, &env.bucket, base, stamp);
    let mut session = Session {
        env,
        audited,
        scenario,
        each,
        about,
        handles,
        bucket_names,
        skew_ms: 0,
        moved: TimeDelta::zero(),
    };
    let mut entries: Vec<JournalEntry> = session
        .bucket_names
        .iter()
        .map(|(_, bucket)| JournalEntry::Bucket { run_id: env.run_id.clone(), bucket: bucket.clone() })
        .collect();
    entries.extend(session.journal_of_objects());
    env.journal.write(&entries, true).map_err(|e| e.to_string())?;

    evidence.stopped =
        session.whole(&mut evidence.buckets, &mut evidence.baseline, &mut evidence.groups).await?;
    session.set_clock_right().await?;
    session.abort_uploads().await;
    evidence.objects = session.handles.placed;
    evidence.skew_ms = session.skew_ms;
    Ok(evidence)
}

impl Session<'_> {
    /// Setup, baseline, groups. Gives why the run ended early, if it did.
    async fn whole(
        &mut self,
        buckets: &mut Vec<Made>,
        baseline: &mut Option<crate::record::evidence::Observation>,
        groups: &mut Vec<GroupEvidence>,
    ) -> Result<Option<String>, String> {
        let scenario = self.scenario;
        for spec in &scenario.buckets {
            let name = self.bucket_name(Some(&spec.name)).unwrap_or_default();
            match self.make_bucket(spec, &name).await {
                Ok(made) => buckets.push(made),
                Err((made, why)) => {
                    buckets.push(made);
                    return Ok(Some(why));
                }
            }
        }
        let mut settled = None;
        for spec in &scenario.objects {
            if self.env.interrupt.is_raised() {
                return Ok(Some(INTERRUPTED.to_owned()));
            }
            match self.place(spec).await {
                Ok(until) => settled = settled.max(until),
                Err(why) => return Ok(Some(why)),
            }
        }
        if let Some(until) = settled
            && !self.wait_until(until + chrono::TimeDelta::seconds(1)).await
        {
            return Ok(Some(INTERRUPTED.to_owned()));
        }
        let first = self.observe(&[]).await;
        self.learn(&first);
        *baseline = Some(first);
        for group in scenario.groups() {
            if self.env.interrupt.is_raised() {
                return Ok(Some(INTERRUPTED.to_owned()));
            }
            for step in &scenario.steps[group.clone()] {
                if let Some(moment) = &step.at
                    && let Some(end) = self.handles.until(&moment.object)
                    && !self.wait_until(end.checked_add_signed(moment.offset).unwrap_or(end)).await
                {
                    return Ok(Some(INTERRUPTED.to_owned()));
                }
            }
            let mark = self.log_mark(&scenario.steps[group.clone()]);
            let (mut steps, adopt) = self.group(group).await?;
            let before = groups.last().map(|g| &g.observed).or(baseline.as_ref());
            let observed = self.observe_after(&mut steps, &adopt, before).await;
            // After the read-back: its requests come later, and show that the log is written at all.
            self.read_log(&mut steps, mark).await;
            groups.push(GroupEvidence { steps, observed });
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_say_whose_they_are() {
        let base = key_base("a/.wormproof/r1/", "WORM-101", Some(Role::Deleter), 2, "0a1b2c3d");
        assert_eq!(base, "a/.wormproof/r1/WORM-101/deleter-2-0a1b2c3d/");
        assert_eq!(short_id("2026-11-25T08:00:00Z-AB12cd34"), "ab12cd34");
        assert_eq!(short_id("x"), "x");
    }
}
