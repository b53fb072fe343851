//! `harden`: what would satisfy a demand, printed and not applied. Sends nothing.

use crate::cli::args::ModeArg;
use crate::cli::harden_args::{HardenArgs, HardenFormat, HardenServer, HoldArg};
use crate::cli::setup::{Setup, span};
use crate::cli::{Failure, out};
use crate::harden::{Demand, DemandError, Hardening, Hold, Part, Server};
use crate::lock::Mode;
use crate::store::endpoint::Location;

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

/// The command line's words over the configuration's.
fn demand(args: &HardenArgs, setup: &Setup) -> Result<Demand, Failure> {
    let location = Location::parse(&args.location).map_err(|e| Failure::usage(&e, e.hint()))?;
    let server = match args.server {
        HardenServer::Aws => Server::Aws,
        HardenServer::Minio => Server::Minio,
    };
    let mode = match args.mode {
        Some(ModeArg::Compliance) => Some(Mode::Compliance),
        Some(ModeArg::Governance) => Some(Mode::Governance),
        None => setup.config.scan.mode,
    };
    let retention = match &args.retention {
        Some(text) => Some(span(text, "--retention")?),
        None => setup.config.scan.min_retention,
    };
    let (Some(mode), Some(retention)) = (mode, retention) else {
        return Err(Failure::usage(
            "what is demanded is not known",
            "name it: --mode compliance --retention 10y (or mode and min-retention under [scan] in wormproof.toml)",
        ));
    };
    let mut demand = Demand::new(server, &location.bucket, &location.prefix, mode, retention);
    let required = args.hold.map_or(setup.config.scan.hold, |hold| hold == HoldArg::Required);
    demand.hold = if required { Hold::Required } else { Hold::NotUsed };
    demand.conditional_writes = args.conditional_writes;
    demand.sends_lock_headers = args.sends_lock;
    demand.require_lock_headers = args.require_lock;
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
