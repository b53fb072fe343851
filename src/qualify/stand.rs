//! One server, made ready once, and scenarios that run on forks of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::TimeDelta;

use crate::qualify::QualifyError;
use crate::record::judge::Context;
use crate::record::{Cause, Exchanges, Judgement, Log, RunEvidence, ScenarioResult, Verdict, present};
use crate::run::{
    self, CancellationFlag, Decision, Environment, Filter, Journal, PlanInput, PrincipalAccess,
};
use crate::scenario::{Capability, Dialect, Dialects, Reach, Role, Scenario};
use crate::target::{Access, Defect, Defects, Prepared, RightChange, rights_asked_on_this_thread};

/// The run id of every run here. Nothing of it is kept, and runs that are alike can be compared.
const RUN_ID: &str = "qualification";

/// A server that was made ready, with what the runs on it need.
#[derive(Debug)]
pub struct Stand {
    prepared: Prepared,
    /// What is switched on in the forks.
    defects: Vec<Defect>,
    principals: BTreeMap<Role, PrincipalAccess>,
    capabilities: BTreeSet<Capability>,
    dialect: Dialect,
    /// What the server was asked about while it was made ready.
    pub(super) asked: Defects,
}

/// A scenario as it went on a server.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Its result.
    pub result: ScenarioResult,
    /// What the server was asked about meanwhile.
    pub asked: Defects,
    /// The rights that the server looked up meanwhile, by the role of the caller.
    pub rights: BTreeMap<Role, BTreeSet<String>>,
}

impl Stand {
    /// Makes a server with these defects ready. One that refuses to be made ready with them (useless ones do)
    /// is made ready without; they are switched on when the scenarios begin, and the suite has to see it.
    ///
    /// # Errors
    /// [`QualifyError::Target`] if the sound server cannot be made ready either.
    pub async fn new(defects: &[Defect], dialects: &Dialects) -> Result<Self, QualifyError> {
        // What was asked before is nothing to us.
        let _ = Defects::asked_on_this_thread();
        let prefix = run::canary_base("", RUN_ID);
        let prepared = match Prepared::new(defects, RUN_ID, &prefix).await {
            Ok(prepared) => prepared,
            Err(_) => Prepared::new(&[], RUN_ID, &prefix).await?,
        };
        let principals = prepared
            .principals
            .map
            .iter()
            .map(|(role, access)| {
                let access = match access {
                    Access::Has(credentials) => PrincipalAccess::Credentials(credentials.clone()),
                    Access::Missing(why) => PrincipalAccess::Missing(why.clone()),
                };
                (*role, access)
            })
            .collect();
        let capabilities =
            Capability::ALL.iter().copied().filter(|c| prepared.capabilities.has(*c)).collect();
        let dialect = dialects.select(prepared.capabilities.server.as_deref()).clone();
        let asked = Defects::asked_on_this_thread();
        Ok(Self { prepared, defects: defects.to_vec(), principals, capabilities, dialect, asked })
    }

    /// Runs a scenario on a fork and judges it. The thread must run nothing else meanwhile.
    ///
    /// # Errors
    /// [`QualifyError::Target`]: none in practice.
    pub async fn run(&self, scenario: &Scenario) -> Result<Seen, QualifyError> {
        self.run_with(scenario, self.principals.clone()).await
    }

    /// Credentials for a role that holds one action more or less than it should.
    ///
    /// # Errors
    /// [`QualifyError::Target`] if the server makes no such session.
    pub async fn changed(&self, role: Role, change: &RightChange) -> Result<PrincipalAccess, QualifyError> {
        Ok(PrincipalAccess::Credentials(self.prepared.changed(role, change).await?))
    }

    /// As [`Stand::run`], with other credentials for one role.
    ///
    /// # Errors
    /// [`QualifyError::Target`]: none in practice.
    pub async fn run_as(
        &self,
        scenario: &Scenario,
        role: Role,
        access: &PrincipalAccess,
    ) -> Result<Seen, QualifyError> {
        let mut principals = self.principals.clone();
        principals.insert(role, access.clone());
        self.run_with(scenario, principals).await
    }

    async fn run_with(
        &self,
        scenario: &Scenario,
        principals: BTreeMap<Role, PrincipalAccess>,
    ) -> Result<Seen, QualifyError> {
        let (_, _) = (Defects::asked_on_this_thread(), rights_asked_on_this_thread());
        let result = self
            .evidence(scenario, principals, |runs, context| present::result(scenario, runs, context, false))
            .await?
            .unwrap_or_else(|(verdict, cause, reason)| {
                present::not_run(scenario, &Judgement::other(verdict, cause, reason), false)
            });
        let mut rights: BTreeMap<Role, BTreeSet<String>> = BTreeMap::new();
        for (arn, actions) in rights_asked_on_this_thread() {
            // Sessions are named after their roles; the root is the administrator.
            let role = Role::ALL.iter().copied().find(|role| arn.ends_with(&format!("-{role}")));
            rights.entry(role.unwrap_or(Role::Administrator)).or_default().extend(actions);
        }
        Ok(Seen { result, asked: Defects::asked_on_this_thread(), rights })
    }

    /// Plans and runs; hands the evidence to `judged`, or says why there is none.
    async fn evidence<T>(
        &self,
        scenario: &Scenario,
        principals: BTreeMap<Role, PrincipalAccess>,
        judged: impl FnOnce(&[RunEvidence], &Context<'_>) -> T,
    ) -> Result<Result<T, (Verdict, Cause, String)>, QualifyError> {
        let opened = self.prepared.fork(&self.defects)?;
        let input = PlanInput {
            bucket: opened.location.bucket.clone(),
            prefix: run::canary_base(&opened.location.prefix, RUN_ID),
            now: opened.clock.now(),
            own_server: true,
            allow: Reach::Server,
            max_residue: TimeDelta::days(1),
            consent_residue: true,
            capabilities: self.capabilities.clone(),
            principals,
            default_retention: None,
        };
        let planned = run::plan(std::slice::from_ref(scenario), &input, &Filter::default());
        let roles = match planned.into_iter().next().map(|p| p.decision) {
            Some(Decision::Run { principals, .. }) => principals,
            Some(Decision::Skip(why)) => return Ok(Err((Verdict::Skipped, Cause::NotRun, why))),
            None => return Ok(Err((Verdict::Error, Cause::ToolError, "not planned".to_owned()))),
        };
        let env = Environment {
            client: opened.client.clone(),
            bucket: input.bucket,
            prefix: input.prefix,
            run_id: RUN_ID.to_owned(),
            challenge: None,
            principals: input.principals,
            clock: opened.clock.clone(),
            own_server: true,
            machine: opened.machine.clone(),
            access_log: opened.access_log.clone().ok(),
            allow: input.allow,
            max_residue: input.max_residue,
            capabilities: input.capabilities,
            consent_residue: true,
            // Runs that share a clock and a server go one after the other: the order of requests is then
            // always the same, and so is the matrix.
            concurrency: 1,
            log: Arc::new(Log::default()),
            journal: Journal::nowhere(),
            interrupt: CancellationFlag::new(),
        };
        let results = run::execute(&env, &[(scenario, roles)], &|_| ()).await;
        let runs: Result<Vec<RunEvidence>, String> = results.into_iter().flat_map(|(_, runs)| runs).collect();
        let runs = match runs {
            Ok(runs) => runs,
            Err(why) => return Ok(Err((Verdict::Error, Cause::ToolError, why))),
        };
        let events = env.log.take();
        let because = |status: u16, code: &str, message: &str| self.dialect.because(status, code, message);
        let context = Context { exchanges: Exchanges::of(&events), dialect: &because };
        Ok(Ok(judged(&runs, &context)))
    }
}
