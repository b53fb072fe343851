//! The signed evidence of a command that only reads: a record without scenarios and scan.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, Utc};

use crate::cli::args::pack::PackArgs;
use crate::cli::args::{ListFormat, TargetArgs};
use crate::cli::assemble::{self, Parts};
use crate::cli::audit::{Done, read_facts};
use crate::cli::filing::Filed;
use crate::cli::setup::{Claim, Setup, Target, builtin, claim, dialects, directory, new_run_id};
use crate::cli::{Failure, note, out, output};
use crate::profile::{Profile, Requirement};
use crate::record::event_log::{EventLogResult, EventLogRule};
use crate::record::trail::{TrailResult, TrailRule};
use crate::record::{Log, Record};
use crate::scenario::{Severity, Suite};
use crate::sign::Identity;
use crate::target::Kind;
use crate::time::Clock;

/// A pack that was begun: its directory is ours, its signer known.
pub(super) struct Pack<'a> {
    args: &'a PackArgs,
    setup: &'a Setup,
    begun: Instant,
    started: DateTime<Utc>,
    run_id: String,
    identity: Identity,
    ephemeral: bool,
    directory: PathBuf,
    filed: Filed,
    /// Where the evidence goes.
    pub(super) log: Arc<Log>,
    _claim: Claim,
}

/// What was read.
#[derive(Default)]
pub(super) struct Seen {
    /// The check of an event log.
    pub(super) event_log: Option<EventLogResult>,
    /// Trails.
    pub(super) trails: Vec<TrailResult>,
}

impl<'a> Pack<'a> {
    /// Takes signer and directory before anything is sent.
    pub(super) fn begin(args: &'a PackArgs, setup: &'a Setup) -> Result<Self, Failure> {
        let output = args.output();
        let run_id = new_run_id();
        let (identity, ephemeral) = setup.identity(&output)?;
        let directory = directory(&output, &run_id);
        let claim = claim(&directory)?;
        let filed = Filed::copy(&args.evidence(), &directory)?;
        Ok(Self {
            args,
            setup,
            begun: Instant::now(),
            started: Clock::Real.now(),
            run_id,
            identity,
            ephemeral,
            directory,
            filed,
            log: Arc::new(Log::default()),
            _claim: claim,
        })
    }

    /// Opens the live bucket; a server of one's own has nothing to read.
    pub(super) async fn open(
        &self,
        args: &TargetArgs,
        profile: Option<&Profile>,
        (what, hint): (&str, &str),
    ) -> Result<Target, Failure> {
        let target = self.setup.open_for(args, &self.run_id, profile).await?;
        if target.opened.kind == Kind::Endpoint {
            return Ok(target);
        }
        target.opened.close().await;
        Err(Failure::usage(what, hint))
    }

    /// Makes the record, writes the pack, shows what `json` makes of the record or the tables, and gives the exit code.
    pub(super) async fn finish(
        self,
        target: Target,
        seen: Seen,
        fail_on: Severity,
        json: impl FnOnce(&Record) -> serde_json::Result<Vec<u8>>,
    ) -> Result<u8, Failure> {
        let suite = Suite { scenarios: Vec::new(), ..builtin()? };
        let dialects = dialects()?;
        let facts = read_facts(&target.opened, &self.log).await;
        let peer = target.peer();
        let server = self.log.snapshot().iter().find_map(assemble::server_of);
        let done = Done {
            planned: Vec::new(),
            results: Vec::new(),
            principals: None,
            server,
            release: None,
            reach: None,
            facts: Some(facts),
            configuration: [None, None],
            scan: None,
            analysis: None,
            event_log: seen.event_log,
            trails: seen.trails,
            residue: Vec::new(),
            attachments: self.filed.attachments.clone(),
            log: self.log,
        };
        let record = assemble::record(
            done,
            &Parts {
                setup: self.setup,
                opened: &target.opened,
                peer: &peer,
                suite: &suite,
                dialects: &dialects,
                run_id: &self.run_id,
                started: self.started,
                elapsed: self.begun.elapsed(),
                identity: &self.identity,
                ephemeral: self.ephemeral,
                previous: None,
                challenge: None,
                require: &[],
                fail_on,
                requirement: &Requirement::default(),
                profile: None,
                attacked: false,
            },
        );
        target.opened.close().await;
        self.filed.keep();
        // A reading has few findings, and a waiver that is out of use is easily overlooked.
        for idle in &record.waivers {
            let word = idle.waiver.id.as_str();
            let is_meant = match record.event_log {
                Some(_) => EventLogRule::parse(word).is_some(),
                None => TrailRule::parse(word).is_some(),
            };
            match idle.state.as_str() {
                "expired" if is_meant => note(&format!("the waiver for {word} ended {}", idle.waiver.until)),
                "unmatched" if is_meant => note(&format!("the waiver for {word} covers nothing")),
                _ => {}
            }
        }
        let written = output::file(&self.directory, &record, &self.identity, self.setup);
        let shown = match self.args.format {
            ListFormat::Table => output::show(
                &self.args.output(),
                &record,
                written.is_ok().then_some(self.directory.as_path()),
                self.setup,
            ),
            ListFormat::Json => json(&record)
                .map_err(|e| Failure::new(format!("cannot write the result: {e}"), None::<String>))
                .and_then(|mut text| {
                    text.push(b'\n');
                    out(&text)
                }),
        };
        output::ended(&record, written.and(shown))
    }
}
