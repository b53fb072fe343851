//! `plan`: what `audit` would do. Sends only reads.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use serde_json::json;

use crate::cli::args::{ListFormat, PlanArgs};
use crate::cli::audit::{default_retention, max_residue, plan_input};
use crate::cli::setup::{Setup, new_run_id, root_of, suite, unless, watch_interrupt};
use crate::cli::{Failure, out_text, planned_reads, profile};
use crate::profile::Profile;
use crate::record::Log;
use crate::report::text::harmless_json;
use crate::run::{self, Decision, Filter, PrincipalAccess, RequestPlan};
use crate::scenario::{Role, Suite};
use crate::target::{self, Access, Named, Opened, Principals};
use crate::time::human;

/// Prints the plan.
pub(super) async fn plan(args: &PlanArgs, setup: &Setup) -> Result<u8, Failure> {
    let suite = suite(&args.attack)?;
    let profile = args.profile.load(&suite, setup)?;
    let filter = profile::filter(&args.attack, &suite, profile.as_ref());
    let max_residue = max_residue(&args.attack)?;
    let role = match &args.policy {
        None => None,
        Some(word) => Some(Role::parse(word).ok_or_else(|| {
            let known: Vec<&str> = Role::ALL.iter().map(|r| r.word()).collect();
            Failure::usage(
                format!("--policy: there is no role `{word}`"),
                format!("one of {}", known.join(", ")).as_str(),
            )
        })?),
    };
    let run_id = new_run_id();
    let target = setup.open_for(&args.target, &run_id, profile.as_ref()).await?;
    let (interrupt, watch) = watch_interrupt("interrupted");
    let named = setup.named();
    let asked = Asked {
        args,
        suite: &suite,
        profile: profile.as_ref(),
        filter: &filter,
        named: &named,
        max_residue,
        role,
        run_id: &run_id,
    };
    let text = unless(&interrupt, text_of(&asked, &target.opened)).await;
    watch.abort();
    target.opened.close().await;
    out_text(&format!("{}\n", text?.trim_end()))?;
    Ok(0)
}

/// What a plan is asked for.
struct Asked<'a> {
    args: &'a PlanArgs,
    suite: &'a Suite,
    profile: Option<&'a Profile>,
    filter: &'a Filter,
    named: &'a BTreeMap<Role, Named>,
    max_residue: TimeDelta,
    /// The role of which only the policy is printed.
    role: Option<Role>,
    run_id: &'a str,
}

async fn text_of(asked: &Asked<'_>, opened: &Opened) -> String {
    let Asked { args, suite, profile, filter, named, max_residue, role, run_id } = *asked;
    let root = root_of(&opened.location.prefix, args.attack.canary_prefix.as_deref());
    let prefix = format!("{root}{run_id}/");
    let principals = assumed(opened);
    let capabilities = target::capabilities(opened, &principals).await;
    let access = Role::ALL.iter().map(|r| (*r, PrincipalAccess::Credentials(None))).collect();
    let mut input = plan_input(opened, &args.attack, &prefix, max_residue, access, &capabilities);
    input.default_retention = default_retention(opened, &Log::default()).await;
    let planned = run::plan(&suite.scenarios, &input, filter);
    let server = capabilities.server.as_deref();
    let reads = planned_reads::reads(args, opened, server, profile, named);
    let requests = run::request_plan(&suite.scenarios, &planned, &input, run_id, &reads);
    let skipped: Vec<(&str, &str)> = planned
        .iter()
        .filter_map(|p| match &p.decision {
            Decision::Skip(why) => Some((p.id.as_str(), why.as_str())),
            Decision::Run { .. } => None,
        })
        .collect();
    match (role, args.format) {
        (Some(role), _) => requests.policies.get(&role).cloned().unwrap_or_else(|| {
            // Nothing is needed: the policy that allows nothing.
            crate::policy::allow_document(&[])
        }),
        (None, ListFormat::Json) => machine(&requests, &skipped),
        (None, ListFormat::Table) => people(opened, &requests, &skipped),
    }
}

/// `plan` asks STS for no session: it takes for granted that every role can be had.
fn assumed(opened: &Opened) -> Principals {
    let access = |role: &Role| match role {
        Role::Anonymous => Access::Has(None),
        _ => Access::Has(Some(opened.administrator.clone())),
    };
    Principals {
        map: Role::ALL.iter().map(|role| (*role, access(role))).collect::<BTreeMap<_, _>>(),
        facts: Vec::new(),
        expires: None,
    }
}

fn machine(requests: &RequestPlan, skipped: &[(&str, &str)]) -> String {
    let policies: BTreeMap<&str, serde_json::Value> = requests
        .policies
        .iter()
        .filter_map(|(role, text)| Some((role.word(), serde_json::from_str(text).ok()?)))
        .collect();
    let residue: Vec<serde_json::Value> =
        requests.residue.iter().map(|r| json!({"id": r.id, "text": r.text, "until": r.until})).collect();
    let skipped: Vec<serde_json::Value> =
        skipped.iter().map(|(id, why)| json!({"id": id, "reason": why})).collect();
    let whole = json!({
        "requests": requests.requests, "lines": requests.lines, "kinds": requests.kinds, "policies": policies,
        "residue": residue, "until": requests.until, "skipped": skipped,
    });
    harmless_json(&serde_json::to_string_pretty(&whole).unwrap_or_default())
}

fn people(opened: &Opened, requests: &RequestPlan, skipped: &[(&str, &str)]) -> String {
    let mut text = format!("What an audit of {} would send\n\n", opened.description);
    for line in &requests.lines {
        text.push_str(line);
        text.push('\n');
    }
    text.push_str(&format!(
        "\n{} requests in all; repeated reads, and reads of each version, are not counted.\n",
        requests.requests
    ));
    text.push_str("Roles are taken for granted here; `audit` says which could not be had.\n");
    text.push_str("\nLeast-privilege policies, by role\n");
    for (role, policy) in &requests.policies {
        text.push_str(&format!("\n{role}:\n{policy}\n"));
    }
    text.push_str("\nWhat stays behind at worst\n");
    if opened.own_server {
        text.push_str("nothing: the server is started for the run and ends with everything on it\n");
    } else if requests.residue.is_empty() {
        text.push_str("nothing\n");
    } else {
        for residue in &requests.residue {
            text.push_str(&format!("{}: {}\n", residue.id, residue.text));
        }
        if let Some(until) = requests.until {
            text.push_str(&format!(
                "The last lock ends {}; `wormproof cleanup` then removes the rest.\n",
                human(until)
            ));
        }
    }
    if !skipped.is_empty() {
        text.push_str("\nNot part of the plan\n");
        for (id, why) in skipped {
            text.push_str(&format!("{id}: {why}\n"));
        }
    }
    text
}
