//! `analyse`: policies before they are deployed, or what a live bucket's configuration lets through.

use std::fmt::Write as _;
use std::path::PathBuf;

use crate::analyse::{self, Document, Input, Sends, ServerKind};
use crate::cli::args::{AnalyseArgs, ListFormat, Sent, ServerArg};
use crate::cli::output::columns;
use crate::cli::setup::{Setup, builtin, new_run_id, span};
use crate::cli::{Failure, note, out, profile};
use crate::config::Environment;
use crate::lock::{Mode, Reading};
use crate::profile::{Profile, Requirement};
use crate::record::analysis::{Analysis, AnalysisFinding};
use crate::record::{Log, What};
use crate::report::who;
use crate::store::sdk::{BucketConfiguration, configuration};
use crate::target::{Kind, Opened};
use crate::time::Clock;

/// The analysis. Sends only reads; with `--policy` and without a bucket it sends nothing.
pub(super) async fn analyse(args: &AnalyseArgs, setup: &Setup) -> Result<u8, Failure> {
    let profile = args.profile.load(&builtin()?, setup)?;
    let requirement = match &profile {
        None => requirement(args, setup)?,
        Some(profile) => {
            let given = [
                ("--mode", args.mode.is_some()),
                ("--min-retention", args.min_retention.is_some()),
                ("--sends", !args.sends.is_empty()),
            ];
            args.profile.only(profile, &given)?;
            profile.requirement.clone()
        }
    };
    let sends = sends(args, profile.as_ref());
    let online = args.policy.is_empty() || args.target.location.is_some() || args.target.target.is_some();
    if online {
        live(args, setup, &requirement, sends, profile.as_ref()).await
    } else {
        offline(args, setup, &requirement, sends)
    }
}

fn requirement(args: &AnalyseArgs, setup: &Setup) -> Result<Requirement, Failure> {
    let min_retention = match &args.min_retention {
        Some(text) => Some(span(text, "--min-retention")?),
        None => setup.config.scan.min_retention,
    };
    let mode = args.mode.map(|m| match m {
        crate::cli::args::ModeArg::Compliance => Mode::Compliance,
        crate::cli::args::ModeArg::Governance => Mode::Governance,
    });
    let hold = setup.config.scan.hold;
    Ok(Requirement { mode: mode.or(setup.config.scan.mode), min_retention, hold, ..Requirement::default() })
}

fn sends(args: &AnalyseArgs, profile: Option<&Profile>) -> Option<Sends> {
    if let Some(profile) = profile {
        return profile::sends(profile);
    }
    (!args.sends.is_empty()).then(|| Sends {
        retention: args.sends.contains(&Sent::Retention),
        hold: args.sends.contains(&Sent::Hold),
        if_none_match: args.sends.contains(&Sent::IfNoneMatch),
    })
}

/// Policy files of an audit, by name: each has to be readable as a policy before anything is sent.
pub(super) fn given(paths: &[PathBuf]) -> Result<Vec<(String, String)>, Failure> {
    let read = |path: &PathBuf| {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| {
            Failure::usage(
                format!("--policy: cannot read {name}: {error}"),
                "name files with a policy (JSON)",
            )
        })?;
        // MinIO takes more than AWS does; by whose rules it is judged is known when the server answers.
        let document = Document::parse(&name, &text, ServerKind::Minio)
            .map_err(|error| Failure::usage(format!("--policy {name}: {error}"), error.hint()))?;
        // The bucket's own is read from the bucket: one that is not deployed denies nobody anything.
        if document.is_bucket_policy() {
            return Err(Failure::usage(
                format!("--policy {name}: a bucket policy; an audit reads the one that is in force"),
                "`wormproof analyse --policy FILE` judges one before it is deployed",
            ));
        }
        Ok((name, text))
    };
    paths.iter().map(read).collect()
}

/// The same by the server's rules: the documents, and a finding for each that they do not take.
pub(super) fn parsed(
    given: &[(String, String)],
    server: ServerKind,
) -> (Vec<Document>, Vec<AnalysisFinding>) {
    let (mut documents, mut unreadable) = (Vec::new(), Vec::new());
    for (name, text) in given {
        match Document::parse(name, text, server) {
            Ok(document) => documents.push(document),
            Err(error) => unreadable.push(analyse::unreadable(name, &error, error.hint())),
        }
    }
    (documents, unreadable)
}

/// The documents that can be read, and a finding for each that cannot.
fn documents(args: &AnalyseArgs, server: ServerKind) -> (Vec<Document>, Vec<AnalysisFinding>) {
    let mut documents = Vec::new();
    let mut unreadable = Vec::new();
    for path in &args.policy {
        let name = path.display().to_string();
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => {
                note(&format!("error: cannot read {name}: {error}"));
                unreadable.push(analyse::unreadable(&name, &error, None));
                continue;
            }
        };
        match Document::parse(&name, &text, server) {
            Ok(document) => documents.push(document),
            Err(error) => {
                note(&format!("error: {name}: {error}"));
                if let Some(hint) = error.hint() {
                    note(&format!("hint: {hint}"));
                }
                unreadable.push(analyse::unreadable(&name, &error, error.hint()));
            }
        }
    }
    (documents, unreadable)
}

fn offline(
    args: &AnalyseArgs,
    setup: &Setup,
    requirement: &Requirement,
    sends: Option<Sends>,
) -> Result<u8, Failure> {
    let server = args.server.map_or(ServerKind::Aws, ServerKind::from);
    let (documents, unreadable) = documents(args, server);
    let mut analysis = analyse::analyse(&Input {
        server,
        bucket: args.bucket.as_deref(),
        prefix: "",
        requirement,
        configuration: None,
        documents: &documents,
        users_read: false,
        sends,
        now: Clock::Real.now(),
    });
    let any_unreadable = !unreadable.is_empty();
    analysis.findings.splice(0..0, unreadable);
    show(args, &analysis, setup)?;
    let least = args.fail_on.into();
    Ok(if any_unreadable {
        2
    } else if analysis.fails(least) {
        1
    } else if analysis.reaches(least) {
        3
    } else {
        0
    })
}

async fn live(
    args: &AnalyseArgs,
    setup: &Setup,
    requirement: &Requirement,
    sends: Option<Sends>,
    profile: Option<&Profile>,
) -> Result<u8, Failure> {
    let target = setup.open_for(&args.target, &new_run_id(), profile).await?;
    let opened = &target.opened;
    let (read, exchanges) =
        configuration(&opened.client, &opened.administrator, &opened.location.bucket).await;
    let header = exchanges.iter().find_map(|e| e.answer()?.header("server"));
    let server = args.server.map_or_else(|| server_kind(opened, header), ServerKind::from);
    let (documents, unreadable) = documents(args, server);
    let log = Log::default();
    let policies = Policies { documents, beside_users: false };
    let mut analysis = of_target(opened, server, &read, requirement, policies, sends, &log).await;
    for event in log.take() {
        if let What::Note(text) = &event.what {
            note(text);
        }
    }
    target.opened.close().await;
    let any_unreadable = !unreadable.is_empty();
    analysis.findings.splice(0..0, unreadable);
    show(args, &analysis, setup)?;
    let least = args.fail_on.into();
    Ok(if any_unreadable {
        2
    } else if analysis.fails(least) {
        1
    } else if analysis.reaches(least) || !conclusive(&read) {
        3
    } else {
        0
    })
}

/// Policies that were given.
pub(super) struct Policies {
    /// As they were read.
    pub(super) documents: Vec<Document>,
    /// Whether those of MinIO's users are read, too; else only where none were given.
    pub(super) beside_users: bool,
}

/// Analyses the configuration of an opened target, with policies that were given, and with those of
/// MinIO's users where the administrator may read them. What `audit` calls, too. What could not be read stands in the
/// log as a note.
pub(super) async fn of_target(
    opened: &Opened,
    server: ServerKind,
    read: &BucketConfiguration,
    requirement: &Requirement,
    policies: Policies,
    sends: Option<Sends>,
    log: &Log,
) -> Analysis {
    // On the embedded server there is nobody but the root user and the sessions of this run.
    let mut users_read = opened.kind == Kind::Embedded;
    let mut documents = policies.documents;
    let say = |text: String| log.note(opened.clock.now(), "analysis", text);
    if server == ServerKind::Minio && (policies.beside_users || documents.is_empty()) {
        match analyse::minio_holders(&opened.client, &opened.administrator, Some(log)).await {
            Ok(found) => {
                for why in &found.unread {
                    say(format!("not read: {why}"));
                }
                for who in &found.asleep {
                    say(format!("passed over: {who}"));
                }
                users_read = found.unread.is_empty();
                documents.extend(found.documents);
            }
            Err(error) => {
                say(format!("MinIO's users were not read: {error}"));
                say(format!("hint: {}", error.hint()));
            }
        }
    }
    analyse::analyse(&Input {
        server,
        bucket: Some(&opened.location.bucket),
        prefix: &opened.location.prefix,
        requirement,
        configuration: Some(read),
        documents: &documents,
        users_read,
        sends,
        now: opened.clock.now(),
    })
}

/// Whether what the answer turns on was read. Without the policy nobody can say who may do what.
fn conclusive(configuration: &BucketConfiguration) -> bool {
    !(matches!(configuration.policy, Reading::Unread(_))
        || matches!(configuration.object_lock, Reading::Unread(_))
        || matches!(configuration.versioning, Reading::Unread(_)))
}

/// By whose rules a target's policies are judged; `header` is the `Server` of its answers. The embedded
/// server goes by the rules of AWS.
pub(super) fn server_kind(opened: &Opened, header: Option<&str>) -> ServerKind {
    match opened.kind {
        Kind::Embedded => ServerKind::Aws,
        Kind::Container | Kind::Binary => ServerKind::Minio,
        Kind::Endpoint => ServerKind::of_header(header),
    }
}

impl From<ServerArg> for ServerKind {
    fn from(word: ServerArg) -> Self {
        match word {
            ServerArg::Aws => Self::Aws,
            ServerArg::Minio => Self::Minio,
            ServerArg::Other => Self::Other,
        }
    }
}

fn show(args: &AnalyseArgs, analysis: &Analysis, setup: &Setup) -> Result<(), Failure> {
    match args.format {
        ListFormat::Json => {
            let mut text = serde_json::to_vec_pretty(analysis)
                .map_err(|e| Failure::new(format!("cannot write the analysis: {e}"), None::<String>))?;
            text.push(b'\n');
            out(&text)
        }
        ListFormat::Table => out(table(analysis, width(&setup.environment)).as_bytes()),
    }
}

fn width(environment: &Environment) -> usize {
    usize::from(columns(environment)).clamp(60, 120)
}

/// Findings, then who may do what, as text.
fn table(analysis: &Analysis, width: usize) -> String {
    let mut text = String::new();
    for finding in &analysis.findings {
        let place = who::place(finding);
        let state = match finding.state {
            crate::record::analysis::AnalysisState::Analysed => String::new(),
            other => format!(" [{other}]"),
        };
        let _ = writeln!(text, "{:<9}{}{state}  {place}", finding.severity.word(), finding.rule);
        wrap(&mut text, &finding.sentence, width, 9);
        wrap(&mut text, &format!("remedy: {}", finding.remedy), width, 9);
    }
    let mut bucket = "";
    for answer in &analysis.answers {
        if answer.bucket != bucket {
            bucket = &answer.bucket;
            let _ = writeln!(text, "\nWho may, in {bucket}:");
        }
        let _ = writeln!(text, "  {}", answer.question.text());
        if answer.who.is_empty() {
            let _ = writeln!(text, "    nobody by what was read; others are not assessed");
        }
        for line in who::lines(answer, &[]) {
            wrap(&mut text, &line, width, 4);
        }
    }
    if let Some(why) = analysis.answers.iter().find_map(|a| a.not_assessed.as_ref()) {
        text.push('\n');
        wrap(&mut text, &format!("Not assessed: {why}."), width, 0);
    }
    let worst = analysis.worst().map_or_else(String::new, |w| format!(", the worst {w}"));
    let _ = writeln!(
        text,
        "\n{} findings{worst}; judged by the rules of {}",
        analysis.findings.len(),
        analysis.server
    );
    text
}

/// Appends a text in lines of at most this width.
fn wrap(to: &mut String, text: &str, width: usize, indent: usize) {
    let mut used = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if used == 0 || used + 1 + length > width {
            if used > 0 {
                to.push('\n');
            }
            let _ = write!(to, "{:indent$}{word}", "");
            used = indent + length;
        } else {
            let _ = write!(to, " {word}");
            used += 1 + length;
        }
    }
    to.push('\n');
}
