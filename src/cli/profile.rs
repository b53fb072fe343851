//! `--profile`: what a profile changes in a command.

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;

use crate::analyse::{Place, Sends, demands};
use crate::cli::Failure;
use crate::cli::args::{AttackArgs, RequirementArgs, TargetArgs};
use crate::cli::setup::Setup;
use crate::profile::{Profile, Requirement, Upload};
use crate::record::profile_result::{DemandResult, DemandState, Seen, assess};
use crate::record::{Finding, FindingRule, Record};
use crate::run::{Filter, is_named};
use crate::scenario::{Scenario, Suite};
use crate::store::sdk::BucketConfiguration;

/// The profile of a command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Profile")]
pub struct ProfileArgs {
    /// Apply a profile: a built-in name or a file (TOML). It brings requirement, configuration, attacks and checklists.
    #[arg(long, value_name = "NAME|FILE")]
    pub profile: Option<String>,
    /// A value for a variable of the profile (repeatable).
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub set: Vec<String>,
}

impl ProfileArgs {
    /// Whether a profile is named, here or in `[audit]` of `wormproof.toml`.
    pub(super) fn is_named(&self, setup: &Setup) -> bool {
        self.profile.is_some() || setup.config.audit.profile.is_some()
    }

    /// The profile with its variables filled in, if one is named: read, compared with what is known, complete. Where the
    /// command line names none it is the one of `[audit]`, with the values there, over which `--set` goes.
    pub(super) fn load(&self, suite: &Suite, setup: &Setup) -> Result<Option<Profile>, Failure> {
        let file = &setup.config.audit;
        let (name, place) = match (&self.profile, &file.profile) {
            (Some(name), _) => (name, None),
            (None, Some(name)) => (name, Some(file.place.as_str())),
            (None, None) if self.set.is_empty() => return Ok(None),
            (None, None) => {
                return Err(Failure::usage(
                    "--set gives values for the variables of a profile, and none is named",
                    "name it: `--profile NAME|FILE`",
                ));
            }
        };
        // A mistake of the profile that the file names is shown with the place that names it.
        let at = |text: String| place.map_or_else(|| text.clone(), |place| format!("{place}: {text}"));
        let usage = |error: crate::profile::ProfileError| {
            let hint = error.hint();
            Failure::usage(at(error.to_string()), hint.as_deref())
        };
        let profile = Profile::load(name).map_err(usage)?;
        Profile::check(name, &profile.source, &crate::record::vocabulary(suite)).map_err(|mistakes| {
            let all: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
            let hint = "mend the profile; `wormproof scenarios list` names the scenarios";
            Failure::usage(at(all.join("\n")), hint)
        })?;
        let mut values = self.given()?;
        if place.is_some() {
            for (variable, value) in &file.set {
                values.entry(variable.clone()).or_insert_with(|| value.clone());
            }
            setup.tell(&format!("the profile is {name}, of wormproof.toml"));
        }
        profile.with(&values).map(Some).map_err(usage)
    }

    /// The values of `--set`.
    fn given(&self) -> Result<BTreeMap<String, String>, Failure> {
        let mut values = BTreeMap::new();
        for pair in &self.set {
            let Some((name, value)) = pair.split_once('=') else {
                return Err(Failure::usage(
                    format!("--set: `{pair}` is no NAME=VALUE"),
                    "`--set ENVIRONMENT=prod`",
                ));
            };
            if values.insert(name.to_owned(), value.to_owned()).is_some() {
                return Err(Failure::usage(format!("--set: {name} is given twice"), "give it once"));
            }
        }
        Ok(values)
    }

    /// What every version has to have: the profile's words, and then no others.
    pub(super) fn requirement(
        &self,
        profile: Option<&Profile>,
        args: &RequirementArgs,
        setup: &Setup,
    ) -> Result<Requirement, Failure> {
        let given = [
            ("--mode", args.mode.is_some()),
            ("--min-retention", args.min_retention.is_some()),
            ("--require-hold", args.require_hold),
        ];
        match profile {
            None => setup.requirement(args),
            Some(profile) => {
                self.only(profile, &given)?;
                if setup.config.scan != Requirement::default() {
                    setup.tell("the requirement is the profile's; [scan] of wormproof.toml is not used");
                }
                Ok(profile.requirement.clone())
            }
        }
    }

    /// The profile alone says what is required.
    pub(super) fn only(&self, profile: &Profile, given: &[(&str, bool)]) -> Result<(), Failure> {
        let Some((option, _)) = given.iter().find(|(_, is_given)| *is_given) else { return Ok(()) };
        let (named, or) = match self.profile {
            Some(_) => ("--profile", ""),
            None => ("the profile of wormproof.toml", ", or `--config` a file without one"),
        };
        Err(Failure::usage(
            format!("{option} and {named} cannot both say what is required"),
            format!(
                "leave {option} out{or}, or write a profile of your own (`wormproof profiles show {}`)",
                profile.name
            )
            .as_str(),
        ))
    }
}

/// The target with the profile's bucket, where an endpoint is given and no bucket.
pub(super) fn target(args: &TargetArgs, setup: &Setup, profile: Option<&Profile>) -> TargetArgs {
    let mut args = args.clone();
    let file = &setup.config.target;
    let has_endpoint =
        args.endpoint_url.is_some() || args.aws_profile.is_some() || file.endpoint_url.is_some();
    let has_bucket = args.location.is_some() || file.location.is_some();
    if let Some(bucket) = profile.and_then(|p| p.bucket.as_ref())
        && has_endpoint
        && !has_bucket
        && args.target.is_none()
    {
        args.location = Some(format!("s3://{bucket}"));
    }
    args
}

/// What was asked for, by the command line and by the profile. What the profile requires or names as evidence runs
/// with what it lists.
pub(super) fn filter(args: &AttackArgs, suite: &Suite, profile: Option<&Profile>) -> Filter {
    let filter = Filter { only: args.only.clone(), skip: args.skip.clone(), ..Filter::default() };
    let Some(profile) = profile else { return filter };
    let attacks = &profile.attacks;
    let evidence = profile
        .controls
        .iter()
        .map(|c| &c.shown_by)
        .chain(profile.items.iter().map(|i| &i.shown_by))
        .chain(profile.claims.iter().map(|c| &c.refuted_by));
    let named: BTreeSet<&str> =
        evidence.flat_map(|e| &e.scenarios).chain(&attacks.require).map(String::as_str).collect();
    let is_listed = |scenario: &Scenario| {
        named.contains(scenario.id.as_str()) || attacks.run.iter().any(|word| is_named(scenario, word))
    };
    let ids = suite.scenarios.iter().filter(|s| is_listed(s)).map(|s| s.id.clone()).collect();
    Filter { profile: (!attacks.run.is_empty()).then_some(ids), left_out: attacks.skip.clone(), ..filter }
}

/// The ids that have to be assessed, by the command line and by the profile.
pub(super) fn required(args: &AttackArgs, profile: Option<&Profile>) -> Vec<String> {
    let mut ids = args.require.clone();
    ids.extend(profile.iter().flat_map(|p| p.attacks.require.clone()));
    ids
}

/// What the application's upload carries; nothing that is said means that every kind is tried.
pub(super) fn sends(profile: &Profile) -> Option<Sends> {
    let upload = profile.upload;
    (upload != Upload::default()).then_some(Sends {
        retention: upload.retention,
        hold: upload.hold,
        if_none_match: upload.if_none_match,
    })
}

/// What came of the profile's demands on the configuration, as read at the start. Nothing was read: not assessed.
pub(super) fn demanded(
    profile: &Profile,
    configuration: Option<&BucketConfiguration>,
    place: &Place<'_>,
) -> Vec<DemandResult> {
    configuration.map(|read| demands(read, &profile.configuration, place)).unwrap_or_default()
}

/// A finding for every demand that is not met, and one of silence for every one that could not be assessed.
pub(super) fn findings(demands: &[DemandResult]) -> Vec<Finding> {
    demands
        .iter()
        .filter_map(|demand| {
            let rule = match demand.state {
                DemandState::NotMet => FindingRule::DemandNotMet,
                DemandState::NotAssessed if demand.asked != "where possible" => FindingRule::Unreadable,
                _ => return None,
            };
            Some(Finding {
                rule,
                severity: rule.severity(),
                key: String::new(),
                version_id: String::new(),
                detail: format!("{}: asked for: {}; {}", demand.word, demand.asked, demand.found),
                waived: None,
            })
        })
        .collect()
}

/// Says in the record what it shows of the profile.
pub(super) fn conclude(record: &mut Record, profile: &Profile, demands: &[DemandResult]) {
    let result = assess(profile, &Seen::of(record, demands));
    record.profile = Some(Box::new(result));
}
