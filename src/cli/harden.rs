//! `harden`: what would satisfy a demand, printed and not applied. Sends nothing.

use crate::cli::args::ModeArg;
use crate::cli::args::harden::{HardenArgs, HardenFormat, HardenServer, HoldArg};
use crate::cli::setup::{Setup, builtin, span};
use crate::cli::{Failure, out};
use crate::harden::{Demand, DemandError, Hardening, Hold, Part, Server, terms};
use crate::lock::Mode;
use crate::profile::{Need, Profile};
use crate::store::endpoint::Location;
use crate::time::Span;

/// Prints one text, or all.
pub(super) fn harden(args: &HardenArgs, setup: &Setup) -> Result<u8, Failure> {
    let demand = demand(args, setup)?;
    let fail = |e: DemandError| Failure::usage(&e, e.hint());
    let text = Hardening::of(&demand).and_then(|h| h.part(part(args.format))).map_err(fail)?;
    out(text.as_bytes())?;
    Ok(0)
}

fn part(format: HardenFormat) -> Part {
    match format {
        HardenFormat::Text => Part::Text,
        HardenFormat::Policy => Part::Policy,
        HardenFormat::Lock => Part::Lock,
        HardenFormat::Iam => Part::Iam,
        HardenFormat::AwsCli => Part::AwsCli,
        HardenFormat::Mc => Part::Mc,
        HardenFormat::Terraform => Part::Terraform,
        HardenFormat::Nginx => Part::Nginx,
    }
}

/// The profile's words, or the command line's over the configuration's.
fn demand(args: &HardenArgs, setup: &Setup) -> Result<Demand, Failure> {
    let profile = if args.profile.is_named(setup) || !args.profile.set.is_empty() {
        args.profile.load(&builtin()?, setup)?
    } else {
        None
    };
    let location = location(args, profile.as_ref())?;
    let mut demand = match &profile {
        Some(profile) => by_profile(args, profile, &location)?,
        None => by_words(args, setup, &location)?,
    };
    demand.conditional_writes |= args.conditional_writes;
    demand.sends_lock_headers |= args.sends_lock;
    demand.require_lock_headers |= args.require_lock;
    demand.copies = !args.no_copies;
    demand.tls = !args.no_tls;
    demand.bind_canaries = args.bind_canaries;
    for (given, to) in [
        (&args.administrator, &mut demand.administrator),
        (&args.deleter, &mut demand.deleter),
        (&args.listen, &mut demand.proxy.listen),
        (&args.upstream, &mut demand.proxy.upstream),
    ] {
        if let Some(given) = given {
            to.clone_from(given);
        }
    }
    Ok(demand)
}

fn server(args: &HardenArgs) -> Server {
    match args.server {
        HardenServer::Aws => Server::Aws,
        HardenServer::Minio => Server::Minio,
    }
}

/// The bucket that is named, or the profile's.
fn location(args: &HardenArgs, profile: Option<&Profile>) -> Result<Location, Failure> {
    let text = match (&args.location, profile.and_then(|p| p.bucket.as_ref())) {
        (Some(text), _) => text.clone(),
        (None, Some(bucket)) => format!("s3://{bucket}"),
        (None, None) => {
            return Err(Failure::usage(
                "no bucket is named",
                "name it: `wormproof harden … s3://BUCKET/PREFIX`",
            ));
        }
    };
    Location::parse(&text).map_err(|e| Failure::usage(&e, e.hint()))
}

fn mode(args: &HardenArgs) -> Option<Mode> {
    args.mode.map(|mode| match mode {
        ModeArg::Compliance => Mode::Compliance,
        ModeArg::Governance => Mode::Governance,
    })
}

fn retention(args: &HardenArgs) -> Result<Option<Span>, Failure> {
    args.retention.as_ref().map(|text| span(text, "--retention")).transpose()
}

/// A profile says what is demanded; the command line what it leaves open.
fn by_profile(args: &HardenArgs, profile: &Profile, location: &Location) -> Result<Demand, Failure> {
    let (says_mode, says_retention) = terms(profile);
    args.profile.only(
        profile,
        &[
            ("--mode", args.mode.is_some() && says_mode.is_some()),
            ("--retention", args.retention.is_some() && says_retention.is_some()),
            ("--hold not-used", args.hold == Some(HoldArg::NotUsed) && profile.requirement.hold),
            ("--no-tls", args.no_tls && profile.configuration.tls_only == Need::Yes),
        ],
    )?;
    let place = (location.bucket.as_str(), location.prefix.as_str());
    let mut demand = Demand::of(profile, server(args), place, (mode(args), retention(args)?))
        .map_err(|e| Failure::usage(&e, e.hint()))?;
    match args.hold {
        Some(HoldArg::Required) => demand.hold = Hold::Required,
        Some(HoldArg::NotUsed) => demand.hold = Hold::NotUsed,
        None => {}
    }
    Ok(demand)
}

/// The command line's words over the configuration's.
fn by_words(args: &HardenArgs, setup: &Setup, location: &Location) -> Result<Demand, Failure> {
    let scan = &setup.config.scan;
    let (Some(mode), Some(retention)) = (mode(args).or(scan.mode), retention(args)?.or(scan.min_retention))
    else {
        return Err(Failure::usage(
            "what is demanded is not known",
            "name it: --mode compliance --retention 10y, or --profile NAME (or mode and min-retention under [scan] in \
             wormproof.toml)",
        ));
    };
    let mut demand = Demand::new(server(args), &location.bucket, &location.prefix, mode, retention);
    let required = args.hold.map_or(scan.hold, |hold| hold == HoldArg::Required);
    demand.hold = if required { Hold::Required } else { Hold::NotUsed };
    Ok(demand)
}
