//! What every command needs before it begins: configuration, suite, signer, target.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::TimeDelta;
use futures_util::future::{Either, select};

use crate::cli::args::{AttackArgs, FailOn, ModeArg, OutputArgs, RequirementArgs, TargetArgs, TargetKind};
use crate::cli::small::{defects, suite_failure};
use crate::cli::{Failure, demo, note, profile};
use crate::config::{Config, Environment, PrincipalConfig};
use crate::lock::Mode;
use crate::profile::{Profile, Requirement};
use crate::run::{CancellationFlag, canary_root};
use crate::scenario::{Dialects, Role, Severity, Suite};
use crate::sign::Identity;
use crate::store::StoreError;
use crate::store::client::Limits;
use crate::store::credentials::Credentials;
use crate::store::endpoint::Location;
use crate::store::hyper_wire::{HyperOptions, HyperWire, PeerInfo};
use crate::store::wire::SharedWire;
use crate::target::{self, EndpointSpec, MinioSpec, Named, OpenOptions, Opened, TargetError, TargetSpec};
use crate::time::{Clock, Span};

/// Environment and configuration, read once.
#[derive(Debug)]
pub(super) struct Setup {
    pub(super) environment: Environment,
    pub(super) config: Config,
    pub(super) quiet: bool,
}

/// The wire on sockets, once it was made; it knows whom it spoke with.
pub(super) type Peer = Arc<Mutex<Option<Arc<HyperWire>>>>;

/// An opened target.
pub(super) struct Target {
    pub(super) opened: Opened,
    peer: Peer,
}

impl Target {
    /// Whom the connections led to.
    pub(super) fn peer(&self) -> PeerInfo {
        let wire = self.peer.lock().unwrap_or_else(PoisonError::into_inner).clone();
        wire.and_then(|w| w.peer()).unwrap_or_default()
    }
}

impl Setup {
    /// Reads `wormproof.toml` and the environment.
    pub(super) fn read(config: Option<&Path>, quiet: bool) -> Result<Self, Failure> {
        let environment = Environment::read();
        let config = Config::load(config, &environment).map_err(|e| Failure::usage(&e, e.hint()))?;
        Ok(Self { environment, config, quiet })
    }

    /// A line on stderr, unless `--quiet`.
    pub(super) fn tell(&self, text: &str) {
        if !self.quiet {
            note(text);
        }
    }

    /// The signer, and whether its key was made for this run alone.
    pub(super) fn identity(&self, args: &OutputArgs) -> Result<(Identity, bool), Failure> {
        let key = args.key.as_ref().or(self.config.report.key.as_ref());
        let cert = args.cert.as_ref().or(self.config.report.cert.as_ref());
        match (key, cert) {
            (Some(key), Some(cert)) => signer(key, cert, &self.environment).map(|i| (i, false)),
            _ => Identity::generate("wormproof (key of one run)", Clock::Real.now(), TimeDelta::days(1))
                .map(|i| (i, true))
                .map_err(|e| Failure::new(&e, e.hint())),
        }
    }

    /// The principals that the configuration names.
    pub(super) fn named(&self) -> BTreeMap<Role, Named> {
        let file = self.config.path.as_ref().map_or_else(String::new, |p| p.display().to_string());
        self.config
            .principals
            .iter()
            .map(|(role, how)| {
                let named = match how {
                    PrincipalConfig::Keys { access_key, secret_key, session_token } => {
                        let keys = Credentials::new(access_key, secret_key);
                        let credentials = match session_token {
                            Some(token) => keys.with_token(token),
                            None => keys,
                        };
                        Named::Keys { credentials, source: file.clone() }
                    }
                    PrincipalConfig::Profile(name) => Named::Profile(name.clone()),
                    PrincipalConfig::RoleArn(arn) => Named::RoleArn(arn.clone()),
                };
                (*role, named)
            })
            .collect()
    }

    /// What is to be opened: the command line first, then `wormproof.toml`, then the environment.
    pub(super) fn target_spec(&self, args: &TargetArgs) -> Result<TargetSpec, Failure> {
        let file = &self.config.target;
        let location = match (&args.location, args.target) {
            (Some(location), _) => Some(location),
            (None, Some(_)) => None,
            (None, None) => file.location.as_ref(),
        };
        if let Some(location) = location {
            let location = Location::parse(location).map_err(|e| Failure::usage(&e, e.hint()))?;
            return self.endpoint_spec(args, location).map(TargetSpec::Endpoint);
        }
        if args.endpoint_url.is_some() || args.aws_profile.is_some() {
            return Err(Failure::usage(
                "--endpoint-url and --aws-profile belong to a live bucket, and none is named",
                "name it: `wormproof audit s3://BUCKET --endpoint-url URL`",
            ));
        }
        if args.target.is_none() && self.environment.minio_endpoint.is_some() {
            return Err(Failure::usage(
                "no bucket is named, and MINIO_ENDPOINT says that a live one was meant",
                "name it: s3://BUCKET; or say `--target embedded` for the embedded server",
            ));
        }
        Ok(match args.target {
            Some(TargetKind::Minio) => TargetSpec::Minio(MinioSpec {
                binary: args
                    .minio_binary
                    .clone()
                    .or_else(|| file.minio_binary.clone())
                    .or_else(|| self.environment.minio_binary.clone()),
                binary_on_path: self.environment.minio_on_path.clone(),
                image: args.minio_image.clone().or_else(|| file.minio_image.clone()),
            }),
            Some(TargetKind::Embedded) | None => {
                TargetSpec::Embedded { defects: defects(&args.defect)?, socket: args.socket }
            }
        })
    }

    fn endpoint_spec(&self, args: &TargetArgs, location: Location) -> Result<EndpointSpec, Failure> {
        let file = &self.config.target;
        let profile = args.aws_profile.clone().or_else(|| file.profile.clone());
        let own = match self.config.principals.get(&Role::Administrator) {
            Some(PrincipalConfig::Keys { access_key, secret_key, session_token }) => {
                let keys = Credentials::new(access_key, secret_key);
                let keys = match session_token {
                    Some(token) => keys.with_token(token),
                    None => keys,
                };
                Some((keys, "wormproof.toml".to_owned()))
            }
            _ => None,
        };
        let profile = match self.config.principals.get(&Role::Administrator) {
            Some(PrincipalConfig::Profile(name)) => profile.or_else(|| Some(name.clone())),
            _ => profile,
        };
        let of_environment = || {
            let (id, secret) = self.environment.minio_keys.as_ref()?;
            let source = self.environment.minio_keys_source.unwrap_or("the environment");
            Some((Credentials::new(id, secret), source.to_owned()))
        };
        let keys = if args.aws_profile.is_some() { None } else { own.or_else(of_environment) };
        if let (None, None, Some(missing)) = (&keys, &profile, self.environment.minio_keys_missing) {
            return Err(Failure::usage(
                format!("of a pair of keys in the environment only one half is set: {missing} is missing"),
                "set both variables, or neither",
            ));
        }
        Ok(EndpointSpec {
            location,
            endpoint_url: args
                .endpoint_url
                .clone()
                .or_else(|| file.endpoint_url.clone())
                .or_else(|| self.environment.minio_endpoint.clone()),
            region: args.region.clone().or_else(|| file.region.clone()),
            keys,
            profile,
        })
    }

    /// Opens the target; on a server of one's own makes the bucket with records.
    pub(super) async fn open(&self, args: &TargetArgs, run_id: &str) -> Result<Target, Failure> {
        self.open_for(args, run_id, None).await
    }

    /// The same for a profile: the embedded server's bucket is set up as it asks, and its bucket is taken where an
    /// endpoint is given and no bucket.
    pub(super) async fn open_for(
        &self,
        args: &TargetArgs,
        run_id: &str,
        profile: Option<&Profile>,
    ) -> Result<Target, Failure> {
        let args = &profile::target(args, self, profile);
        let spec = self.target_spec(args)?;
        let bundle = args.ca_bundle.as_ref().or(self.config.target.ca_bundle.as_ref());
        let ca_bundle = match bundle {
            None => None,
            Some(path) => Some(std::fs::read(path).map_err(|e| {
                Failure::usage(
                    format!("cannot read {}: {e}", path.display()),
                    "--ca-bundle names certificates as PEM",
                )
            })?),
        };
        let peer = Peer::default();
        let slot = Arc::clone(&peer);
        let options = OpenOptions {
            user_agent: format!("wormproof/{} run/{run_id}", env!("CARGO_PKG_VERSION")),
            limits: Limits { max_in_flight: None, per_second: args.rate },
            connect: Arc::new(move |_| {
                let options = HyperOptions { ca_bundle: ca_bundle.clone(), ..HyperOptions::default() };
                let wire = Arc::new(HyperWire::with(&options)?);
                *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&wire));
                Ok(wire as SharedWire)
            }),
        };
        let mut opened = target::open(spec, &options).await.map_err(|e| target_failure(&e))?;
        if let Some(notice) = &opened.notice {
            self.tell(notice);
        }
        let prepared = match profile {
            Some(profile) if opened.kind == target::Kind::Embedded => {
                let demo = demo::demo(profile, opened.clock.now());
                opened
                    .description
                    .push_str(&format!("; its bucket is set up as the profile {} asks", demo.name));
                target::prepare_for(&opened, &demo).await
            }
            _ if opened.own_server => target::prepare(&opened).await,
            _ => Ok(()),
        };
        if let Err(error) = prepared {
            opened.close().await;
            return Err(target_failure(&error));
        }
        Ok(Target { opened, peer })
    }

    /// What every version has to have: the command line's words over the file's.
    pub(super) fn requirement(&self, args: &RequirementArgs) -> Result<Requirement, Failure> {
        let mode = match args.mode {
            Some(ModeArg::Compliance) => Some(Mode::Compliance),
            Some(ModeArg::Governance) => Some(Mode::Governance),
            None => self.config.scan.mode,
        };
        let min_retention = match &args.min_retention {
            Some(text) => Some(span(text, "--min-retention")?),
            None => self.config.scan.min_retention,
        };
        let hold = args.require_hold || self.config.scan.hold;
        Ok(Requirement { mode, min_retention, hold, ..Requirement::default() })
    }
}

/// Why a target cannot be used: a mistake of the command line (2), or no conclusion (3).
fn target_failure(error: &TargetError) -> Failure {
    let usage = matches!(
        error,
        TargetError::Store(
            StoreError::Endpoint { .. } | StoreError::Location { .. } | StoreError::Trust { .. }
        )
    );
    Failure { code: if usage { 2 } else { 3 }, ..Failure::new(error, error.hint()) }
}

/// A duration of the command line.
pub(super) fn span(text: &str, option: &str) -> Result<Span, Failure> {
    Span::parse(text).map_err(|e| Failure::usage(format!("{option}: {e}"), e.hint()))
}

/// A signer from its files.
pub(super) fn signer(key: &Path, cert: &Path, environment: &Environment) -> Result<Identity, Failure> {
    let password = environment.key_password.as_ref().map(|p| p.as_str());
    let read = |path: &Path| {
        std::fs::read_to_string(path).map_err(|e| {
            Failure::usage(
                format!("cannot read {}: {e}", path.display()),
                "`wormproof keygen --output DIR` makes key and certificate",
            )
        })
    };
    Identity::from_pem(&read(key)?, &read(cert)?, password).map_err(|e| Failure {
        message: e.to_string(),
        hint: e.hint().map(ToOwned::to_owned),
        code: 2,
    })
}

/// The suite with what `--scenarios` adds; `--only`, `--skip` and `--require` have to name something in it.
pub(super) fn suite(args: &AttackArgs) -> Result<Suite, Failure> {
    let suite = builtin()?;
    let suite = match &args.scenarios {
        Some(dir) => suite.with(dir, &args.replace_scenario).map_err(|e| suite_failure(&e))?,
        None => suite,
    };
    let unknown = |option: &str, word: &str| {
        Failure::usage(
            format!("{option}: there is no scenario and no group `{word}`"),
            "`wormproof scenarios list` names them all",
        )
    };
    for (option, words) in [("--only", &args.only), ("--skip", &args.skip)] {
        if let Some(word) = words.iter().find(|w| !suite.scenarios.iter().any(|s| crate::run::is_named(s, w)))
        {
            return Err(unknown(option, word));
        }
    }
    match args.require.iter().find(|id| suite.get(id).is_none()) {
        Some(id) => Err(unknown("--require", id)),
        None => Ok(suite),
    }
}

/// The built-in suite.
pub(super) fn builtin() -> Result<Suite, Failure> {
    Suite::builtin().map_err(|e| suite_failure(&e))
}

/// The refusal dialects.
pub(super) fn dialects() -> Result<Dialects, Failure> {
    Dialects::builtin().map_err(|e| Failure::new(e, None::<String>))
}

/// The id of a run: random, in keys, session names and the user agent.
pub(super) fn new_run_id() -> String {
    hex::encode(rand::random::<[u8; 12]>())
}

/// The folder of the canaries of all runs.
pub(super) fn root_of(prefix: &str, canary_prefix: Option<&str>) -> String {
    match canary_prefix {
        None => canary_root(prefix),
        Some(own) => {
            let own = own.trim_matches('/');
            if own.is_empty() { canary_root("") } else { format!("{own}/") }
        }
    }
}

/// A flag that Ctrl-C or SIGTERM raises. A second one ends the process at once, for servers that never answer;
/// what was made stands in the journal. The task ends when it is aborted.
pub(super) fn watch_interrupt(text: &'static str) -> (CancellationFlag, tokio::task::JoinHandle<()>) {
    let flag = CancellationFlag::new();
    let raised = flag.clone();
    let task = tokio::spawn(async move {
        target::interrupted().await;
        raised.raise();
        note(&format!("{text} (once more: end at once)"));
        target::interrupted().await;
        note("error: interrupted twice: ended at once, without a record");
        note(
            "hint: `wormproof cleanup` removes what is left; a journal.jsonl in the output directory names it",
        );
        #[expect(clippy::exit, reason = "the user does not want to wait for a server that does not answer")]
        std::process::exit(3);
    });
    (flag, task)
}

impl From<FailOn> for Severity {
    fn from(word: FailOn) -> Self {
        match word {
            FailOn::Info => Self::Info,
            FailOn::Low => Self::Low,
            FailOn::Medium => Self::Medium,
            FailOn::High => Self::High,
            FailOn::Critical => Self::Critical,
        }
    }
}

/// An output directory that is ours. Directories that were made for it and stay empty go with it.
#[derive(Debug)]
pub(super) struct Claim(Vec<PathBuf>);

impl Drop for Claim {
    fn drop(&mut self) {
        for made in &self.0 {
            // What is not empty stays, and so does what is above it.
            if std::fs::remove_dir(made).is_err() {
                return;
            }
        }
    }
}

/// Makes the output directory its own before anything is sent: it has to be writable, and no file of an
/// earlier run is overwritten.
pub(super) fn claim(directory: &Path) -> Result<Claim, Failure> {
    let fail = |e: std::io::Error| {
        Failure::new(
            format!("cannot write to {}: {}", directory.display(), words(&e)),
            Some("name a writable directory with --output"),
        )
    };
    let missing = |path: &&Path| !path.as_os_str().is_empty() && !path.exists();
    let made = Claim(directory.ancestors().take_while(missing).map(Path::to_owned).collect());
    if directory.is_file() {
        return Err(Failure::usage(
            format!("--output: {} is a file", directory.display()),
            "name a directory with --output; it is made if it is not there",
        ));
    }
    std::fs::create_dir_all(directory).map_err(fail)?;
    for name in OUTPUTS {
        let path = directory.join(name);
        if path.symlink_metadata().is_ok() {
            return Err(Failure::usage(
                format!("{} is there already, and results are not overwritten", path.display()),
                "name another directory with --output",
            ));
        }
    }
    let probe = directory.join(".wormproof-probe");
    let written = std::fs::write(&probe, b"x");
    let removed = std::fs::remove_file(&probe);
    written.and(removed).map_err(fail)?;
    Ok(made)
}

/// The operating system's words, without its number.
pub(super) fn words(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

/// What is begun before the first write ends at Ctrl-C without more ado.
pub(super) fn unless<'a, T: 'a>(
    interrupt: &'a CancellationFlag,
    work: impl Future<Output = T> + 'a,
) -> impl Future<Output = Result<T, Failure>> + 'a {
    let work = Box::pin(work);
    async move {
        match select(work, std::pin::pin!(interrupt.raised())).await {
            Either::Left((done, _)) => Ok(done),
            Either::Right(_) => Err(Failure::new(
                "interrupted before anything was written",
                Some("run it again when it suits"),
            )),
        }
    }
}

/// The files of an output directory.
pub(super) const OUTPUTS: [&str; 7] = [
    "results.json",
    "results.json.sig",
    "report.pdf",
    "junit.xml",
    "cert.pem",
    "journal.jsonl",
    crate::record::attachment::DIRECTORY,
];

/// The output directory of a run.
pub(super) fn directory(args: &OutputArgs, run_id: &str) -> PathBuf {
    args.output.clone().unwrap_or_else(|| Path::new("reports").join(run_id))
}
