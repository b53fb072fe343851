//! Which scenarios run, with which roles, and why the others do not. Pure: nothing is sent.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use crate::run::environment::PrincipalAccess;
use crate::run::write::makes_version;
use crate::scenario::{
    Action, As, AskRetention, Capability, DefaultRetention, Reach, Right, Role, Safety, Scenario, Step, Until,
};
use crate::time::{Span, parse_wire};

/// What the plan is made from.
#[derive(Debug, Clone)]
pub struct PlanInput {
    /// The audited bucket.
    pub bucket: String,
    /// The base of the canary keys: `PREFIX/.wormproof/<run id>/`.
    pub prefix: String,
    /// The present instant.
    pub now: DateTime<Utc>,
    /// Whether the tool started the server: then every reach and every residue is allowed.
    pub own_server: bool,
    /// The furthest reach that is allowed; `server` counts as `bucket` on a server of somebody else.
    pub allow: Reach,
    /// The longest lock that may stay behind on a server that the tool did not start.
    pub max_residue: TimeDelta,
    /// Whether the user agreed to what stays behind.
    pub consent_residue: bool,
    /// What the target can do.
    pub capabilities: BTreeSet<Capability>,
    /// The principals by role.
    pub principals: BTreeMap<Role, PrincipalAccess>,
    /// The default retention of the audited bucket, if it has one (`run::Audited` reads it).
    pub default_retention: Option<DefaultRetention>,
}

impl PlanInput {
    fn missing(&self, role: Role) -> Option<String> {
        match self.principals.get(&role) {
            Some(PrincipalAccess::Credentials(_)) => None,
            Some(PrincipalAccess::Missing(why)) => Some(why.clone()),
            None if role == Role::Anonymous => None,
            None => Some("it was not asked for".to_owned()),
        }
    }

    fn reach(&self) -> Reach {
        if self.own_server { self.allow } else { self.allow.min(Reach::Bucket) }
    }
}

/// Which scenarios were asked for. Words are ids, groups, or beginnings of groups (`delete`, `attacks/delete`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only these; empty is all.
    pub only: Vec<String>,
    /// Not these.
    pub skip: Vec<String>,
    /// Only these ids, by the profile; none is all.
    pub profile: Option<BTreeSet<String>>,
    /// What the profile leaves out, with its reasons.
    pub left_out: Vec<(String, String)>,
}

impl Filter {
    fn leaves_out(&self, scenario: &Scenario) -> Option<String> {
        let named = |words: &[String]| words.iter().any(|w| is_named(scenario, w));
        if !self.only.is_empty() && !named(&self.only) {
            return Some("not asked for (--only)".to_owned());
        }
        if named(&self.skip) {
            return Some("left out (--skip)".to_owned());
        }
        if let Some((_, why)) = self.left_out.iter().find(|(word, _)| is_named(scenario, word)) {
            return Some(format!("left out by the profile: {why}"));
        }
        match &self.profile {
            Some(ids) if self.only.is_empty() && !ids.contains(&scenario.id) => {
                Some("not part of the profile".to_owned())
            }
            _ => None,
        }
    }
}

/// Whether a word of `--only` or `--skip` names a scenario.
#[must_use]
pub fn is_named(scenario: &Scenario, word: &str) -> bool {
    let group = scenario.group.as_str();
    scenario.id.eq_ignore_ascii_case(word)
        || group == word
        || group.strip_prefix(word).is_some_and(|rest| rest.starts_with('/'))
        || group.rsplit('/').next() == Some(word)
}

/// What becomes of a scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It runs.
    Run {
        /// Once for each of these; a scenario without `for-each` has the one entry `None`.
        principals: Vec<Option<Role>>,
        /// Roles of its `for-each` that cannot be played, and why.
        missing: Vec<(Role, String)>,
    },
    /// It does not, and why.
    Skip(String),
}

/// A scenario with its decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// Its place in the suite.
    pub place: usize,
    /// Its id.
    pub id: String,
    /// What becomes of it.
    pub decision: Decision,
}

/// Decides about every scenario of the suite, in its order.
#[must_use]
pub fn plan(suite: &[Scenario], input: &PlanInput, filter: &Filter) -> Vec<Planned> {
    suite
        .iter()
        .enumerate()
        .map(|(place, scenario)| Planned {
            place,
            id: scenario.id.clone(),
            decision: decide(scenario, input, filter),
        })
        .collect()
}

fn decide(scenario: &Scenario, input: &PlanInput, filter: &Filter) -> Decision {
    let refused = filter
        .leaves_out(scenario)
        .or_else(|| reach(scenario, input))
        .or_else(|| capability(scenario, input))
        .or_else(|| residue(scenario, input))
        .or_else(|| roles(scenario, input));
    if let Some(why) = refused {
        return Decision::Skip(why);
    }
    if scenario.for_each.is_empty() {
        return Decision::Run { principals: vec![None], missing: Vec::new() };
    }
    let (mut principals, mut missing) = (Vec::new(), Vec::new());
    for role in &scenario.for_each {
        match input.missing(*role) {
            None => principals.push(Some(*role)),
            Some(why) => missing.push((*role, why)),
        }
    }
    match missing.first() {
        Some((role, why)) if principals.is_empty() => Decision::Skip(format!("there is no {role}: {why}")),
        _ => Decision::Run { principals, missing },
    }
}

fn reach(scenario: &Scenario, input: &PlanInput) -> Option<String> {
    if scenario.reach <= input.reach() {
        return None;
    }
    Some(match scenario.reach {
        Reach::Server if !input.own_server && scenario.requires.contains(&Capability::AccessLog) => {
            "access log: only a server that this tool started shows its log; on any other it is read by hand"
                .to_owned()
        }
        Reach::Server if !input.own_server => {
            "reach server: only on a server that the tool started".to_owned()
        }
        reach => format!("reach {reach}: not allowed (--allow {reach})"),
    })
}

fn capability(scenario: &Scenario, input: &PlanInput) -> Option<String> {
    let lacks: Vec<&str> =
        scenario.requires.iter().filter(|c| !input.capabilities.contains(c)).map(|c| c.word()).collect();
    (!lacks.is_empty()).then(|| format!("the target lacks {}", lacks.join(", ")))
}

/// Whoever plays a fixed part must be there, and the administrator, who makes the scene.
fn roles(scenario: &Scenario, input: &PlanInput) -> Option<String> {
    let fixed = scenario.steps.iter().filter_map(|s| match s.who {
        As::Role(role) => Some(role),
        As::Each => None,
    });
    std::iter::once(Role::Administrator)
        .chain(fixed)
        .find_map(|role| input.missing(role).map(|why| format!("there is no {role}: {why}")))
}

fn residue(scenario: &Scenario, input: &PlanInput) -> Option<String> {
    if input.own_server {
        return None;
    }
    let worst = worst_lock(scenario, input.now);
    let limit = input.now.checked_add_signed(input.max_residue)?;
    match worst {
        Worst::Unknown(text) => {
            return Some(format!(
                "a lock until `{text}` cannot be reckoned; only on a server that the tool started"
            ));
        }
        Worst::Until(until) if until > limit => {
            return Some(format!(
                "at worst a lock until {} stays behind (--max-residue)",
                crate::time::human(until)
            ));
        }
        Worst::Until(_) | Worst::None => {}
    }
    if let Some(text) = defaulted_write(scenario, input) {
        return Some(text);
    }
    let consent = scenario.safety == Safety::LeavesResidue
        || (scenario.safety == Safety::CleanupAfterExpiry && worst != Worst::None);
    (consent && !input.consent_residue)
        .then(|| "leaves locked canaries behind until their locks end; needs consent (--yes)".to_owned())
}

/// A write into the audited bucket that would fall under a default longer than what may stay behind.
fn defaulted_write(scenario: &Scenario, input: &PlanInput) -> Option<String> {
    let default = input.default_retention?;
    let limit = input.now.checked_add_signed(input.max_residue)?;
    if default.period.after(input.now) <= limit {
        return None;
    }
    let step = scenario.steps.iter().find(|s| {
        let audited =
            s.object.as_deref().and_then(|o| scenario.object(o)).is_some_and(|o| o.bucket.is_none());
        let may_lock =
            matches!(s.action, Action::PutObject | Action::CopyObject | Action::CreateMultipartUpload)
                && s.body.is_none()
                && lock_headers(s).is_empty()
                && sender_may_lock(scenario, s.who);
        let locks = matches!(s.retention, Some(AskRetention::Set { mode: Some(_), until: Some(_) }))
            || lock_headers(s).len() == 2;
        // The lock of a multipart upload is fixed when it begins.
        let completes = s.action == Action::CompleteMultipartUpload;
        audited && makes_version(s) && !may_lock && !locks && !completes
    })?;
    Some(format!(
        "“{}” cannot carry a lock of its own, and the bucket's default ({} for {}) is longer than --max-residue",
        step.text, default.mode, default.period
    ))
}

/// The headers of a retention (mode and date) that a step writes itself: a second one of the same name beside it would
/// make another request of it.
pub(super) fn lock_headers(step: &Step) -> BTreeSet<String> {
    let names = step.headers.iter().chain(&step.unsigned_headers).map(|(name, _)| name.to_lowercase());
    names
        .filter(|n| matches!(n.as_str(), "x-amz-object-lock-mode" | "x-amz-object-lock-retain-until-date"))
        .collect()
}

fn sender_may_lock(scenario: &Scenario, who: As) -> bool {
    match who {
        As::Role(role) => role.holds(Right::PutObjectRetention),
        As::Each => scenario.for_each.iter().all(|r| r.holds(Right::PutObjectRetention)),
    }
}

/// The longest lock that a scenario can leave, if every request is accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Worst {
    /// None at all.
    None,
    /// Until then.
    Until(DateTime<Utc>),
    /// A date that only the server can read.
    Unknown(String),
}

pub(super) fn worst_lock(scenario: &Scenario, now: DateTime<Utc>) -> Worst {
    let mut longest: Option<DateTime<Utc>> = None;
    let placed = |name: &str| {
        let object = scenario.object(name)?;
        match object.retention.as_ref()? {
            AskRetention::Set { until: Some(until), .. } => fixed(until, now),
            _ => None,
        }
    };
    let asked = scenario
        .objects
        .iter()
        .filter_map(|o| o.retention.as_ref())
        .chain(scenario.steps.iter().filter_map(|s| s.retention.as_ref()));
    for retention in asked {
        let AskRetention::Set { until: Some(until), .. } = retention else { continue };
        let end = match until {
            Until::Relative(moment) => {
                placed(&moment.object).and_then(|end| end.checked_add_signed(moment.offset))
            }
            Until::Literal(text) => match parse_wire(text) {
                Some(end) => Some(end),
                None => return Worst::Unknown(text.clone()),
            },
            other => fixed(other, now),
        };
        longest = longest.max(end);
    }
    let defaults = scenario
        .buckets
        .iter()
        .filter_map(|b| {
            if b.twin { Some(Span::Exact(TimeDelta::days(1))) } else { b.default_retention.map(|d| d.period) }
        })
        .chain(scenario.steps.iter().filter_map(|s| s.default_retention.flatten().map(|d| d.period)));
    for period in defaults {
        longest = longest.max(Some(period.after(now)));
    }
    // A header that the step writes itself may hold a date of its own.
    for step in &scenario.steps {
        for (name, value) in step.headers.iter().chain(&step.unsigned_headers) {
            if name.eq_ignore_ascii_case("x-amz-object-lock-retain-until-date") && !value.starts_with('{') {
                match parse_wire(value) {
                    Some(end) => longest = longest.max(Some(end)),
                    None => return Worst::Unknown(value.clone()),
                }
            }
        }
    }
    // A hold leaves nothing by itself: the clean-up releases it, and `probe` shows beforehand that it can.
    longest.filter(|end| *end > now).map_or(Worst::None, Worst::Until)
}

fn fixed(until: &Until, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    match until {
        Until::Lasts(span) => Some(span.after(now)),
        Until::At(end) => Some(*end),
        Until::Relative(_) | Until::Literal(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lock::Mode;
    use crate::scenario::Suite;
    use crate::store::credentials::Credentials;

    fn live() -> PlanInput {
        let known = PrincipalAccess::Credentials(Some(Credentials::new("a", "b")));
        PlanInput {
            bucket: "b".into(),
            prefix: ".wormproof/r/".into(),
            now: DateTime::<Utc>::UNIX_EPOCH,
            own_server: false,
            allow: Reach::Object,
            max_residue: TimeDelta::days(1),
            consent_residue: true,
            capabilities: Capability::ALL.iter().copied().collect(),
            principals: Role::ALL.iter().map(|r| (*r, known.clone())).collect(),
            default_retention: None,
        }
    }

    fn of(scenario: &Scenario, input: &PlanInput) -> String {
        match decide(scenario, input, &Filter::default()) {
            Decision::Run { principals, missing } => {
                format!("run {} missing {}", principals.len(), missing.len())
            }
            Decision::Skip(why) => why,
        }
    }

    #[test]
    fn a_scenario_is_left_out_only_for_a_stated_reason() {
        let suite = Suite::builtin().expect("a suite");
        let mut scenario = suite.get("WORM-101").expect("a scenario").clone();
        let runs = scenario.for_each.len();
        assert!(runs > 1);
        assert_eq!(of(&scenario, &live()), format!("run {runs} missing 0"));

        let mut input = live();
        input.principals.insert(scenario.for_each[1], PrincipalAccess::Missing("no STS".into()));
        assert_eq!(of(&scenario, &input), format!("run {} missing 1", runs - 1));
        input.principals.insert(Role::Administrator, PrincipalAccess::Missing("no key".into()));
        assert!(of(&scenario, &input).contains("there is no administrator: no key"));

        let mut input = live();
        input.capabilities.remove(&Capability::ObjectLock);
        assert!(of(&scenario, &input).contains("lacks object-lock"));
        let mut input = live();
        input.consent_residue = false;
        assert!(of(&scenario, &input).contains("--yes"));
        let mut input = live();
        input.max_residue = TimeDelta::minutes(1);
        assert!(of(&scenario, &input).contains("--max-residue"));
        input.own_server = true;
        assert!(of(&scenario, &input).starts_with("run"));

        scenario.reach = Reach::Server;
        let mut input = live();
        input.allow = Reach::Server;
        assert!(of(&scenario, &input).contains("only on a server that the tool started"));
        scenario.reach = Reach::Bucket;
        assert!(of(&scenario, &input).starts_with("run"));
        assert!(of(&scenario, &live()).contains("--allow bucket"));
    }

    #[test]
    fn what_a_date_would_leave_behind_is_reckoned_from_the_worst_answer() {
        let suite = Suite::builtin().expect("a suite");
        let mut scenario = suite.get("WORM-101").expect("a scenario").clone();
        scenario.steps[0].retention = Some(AskRetention::Set {
            mode: Some(Mode::Compliance),
            until: Some(Until::Literal("99999-01-01".into())),
        });
        assert!(of(&scenario, &live()).contains("cannot be reckoned"));
        scenario.steps[0].retention = Some(AskRetention::Set {
            mode: Some(Mode::Governance),
            until: Some(Until::Lasts(Span::Months(120))),
        });
        assert!(of(&scenario, &live()).contains("1980-01-01"));
        scenario.steps[0].retention = None;
        scenario.steps[0].headers =
            vec![("X-Amz-Object-Lock-Retain-Until-Date".into(), "2190-01-01T00:00:00Z".into())];
        assert!(of(&scenario, &live()).contains("2190-01-01"));
    }

    #[test]
    fn a_write_that_a_long_default_would_lock_is_not_sent_to_a_live_bucket() {
        let suite = Suite::builtin().expect("a suite");
        let mut scenario = suite.get("WORM-601").expect("a scenario").clone();
        let mut input = live();
        input.default_retention = Some(DefaultRetention { mode: Mode::Compliance, period: Span::Months(84) });
        scenario.for_each.clear();
        for step in &mut scenario.steps {
            step.who = As::Role(Role::Application);
        }
        assert!(of(&scenario, &input).starts_with("run"), "an application may set a short lock");
        for step in &mut scenario.steps {
            step.who = As::Role(Role::Writer);
        }
        assert!(of(&scenario, &input).contains("default (COMPLIANCE for 7 years)"));
        input.own_server = true;
        assert!(of(&scenario, &input).starts_with("run"));
        // Half a lock in a step's own headers is not made whole: it falls under the default, if it is taken.
        input.own_server = false;
        for step in &mut scenario.steps {
            step.who = As::Role(Role::Application);
        }
        for step in scenario.steps.iter_mut().filter(|s| s.action == Action::PutObject) {
            step.headers.push(("X-Amz-Object-Lock-Mode".into(), "GOVERNANCE".into()));
        }
        assert!(of(&scenario, &input).contains("default (COMPLIANCE for 7 years)"));
    }

    #[test]
    fn filters_name_ids_and_groups() {
        let suite = Suite::builtin().expect("a suite");
        let run = |filter: &Filter| {
            plan(&suite.scenarios, &live(), filter)
                .into_iter()
                .filter(|p| matches!(p.decision, Decision::Run { .. }))
                .map(|p| p.id)
                .collect::<Vec<_>>()
        };
        let one = Filter { only: vec!["worm-101".into()], ..Filter::default() };
        assert_eq!(run(&one), ["WORM-101"]);
        let none = Filter { skip: vec!["WORM-101".into()], ..one };
        assert!(run(&none).is_empty());
        let group = Filter { only: vec!["delete".into()], ..Filter::default() };
        assert!(
            run(&group).contains(&"WORM-101".to_owned()) && !run(&group).contains(&"WORM-301".to_owned())
        );
    }
}
