//! `event-log`: the integrity check of an event log in a bucket.

use comfy_table::{ContentArrangement, Table, presets};

use crate::cli::args::ListFormat;
use crate::cli::args::event_log::EventLogArgs;
use crate::cli::output::columns;
use crate::cli::progress::Bar;
use crate::cli::setup::{Setup, new_run_id, watch_interrupt};
use crate::cli::{Failure, note, out, out_text};
use crate::profile::{EventLogRules, Waiver};
use crate::record::event_log::{EventLogResult, EventLogRule};
use crate::record::outcome::{Waivable, apply_waivers};
use crate::record::{Log, Outcome};
use crate::report::text::show;
use crate::run::CancellationFlag;
use crate::scan::event_log::{self, EventLogInput, Progress};
use crate::target::{Kind, Opened};
use crate::time::Clock;

/// Findings and foreign keys that the table shows.
const SHOWN: usize = 20;

/// The check alone. Sends only reads.
pub(super) async fn event_log(args: &EventLogArgs, setup: &Setup) -> Result<u8, Failure> {
    let rules = rules(args);
    let target = setup.open(&args.target, &new_run_id()).await?;
    let opened = &target.opened;
    if opened.kind != Kind::Endpoint {
        target.opened.close().await;
        return Err(Failure::usage(
            "no event log is named",
            "name the bucket and the prefix: `wormproof event-log s3://BUCKET/PREFIX`",
        ));
    }
    let (interrupt, watch) = watch_interrupt("interrupted: what was found so far is shown");
    let log = Log::default();
    let result =
        of_target(setup, opened, &log, &rules, args.allow_start, usize::from(args.concurrency), &interrupt)
            .await;
    watch.abort();
    target.opened.close().await;
    let mut result = result?;
    // Of the waivers only those for words of an event log are meant here.
    let waivers: Vec<Waiver> =
        setup.config.waivers.iter().filter(|w| EventLogRule::parse(&w.id).is_some()).cloned().collect();
    let to = Waivable { event_log: Some(&mut result), ..Waivable::default() };
    for idle in apply_waivers(&waivers, Clock::Real.now().date_naive(), to) {
        match idle.state.as_str() {
            "expired" => note(&format!("the waiver for {} ended {}", idle.waiver.id, idle.waiver.until)),
            "unmatched" => note(&format!("the waiver for {} covers nothing", idle.waiver.id)),
            _ => {}
        }
    }
    let outcome = result.outcome(args.fail_on.into());
    match args.format {
        ListFormat::Json => {
            let mut text = serde_json::to_vec_pretty(&Shown { outcome: &outcome, result: &result })
                .map_err(|e| Failure::new(format!("cannot write the result: {e}"), None::<String>))?;
            text.push(b'\n');
            out(&text)?;
        }
        ListFormat::Table => out_text(&table(&result, &outcome, columns(&setup.environment)))?,
    }
    Ok(outcome.exit_code)
}

/// Checks the log of an opened target. What `audit` may call, too.
pub(super) async fn of_target(
    setup: &Setup,
    opened: &Opened,
    log: &Log,
    rules: &EventLogRules,
    allow_start: Option<u64>,
    concurrency: usize,
    interrupt: &CancellationFlag,
) -> Result<EventLogResult, Failure> {
    let location = &opened.location;
    let bar = Bar::of_versions(setup.quiet);
    let interrupted = || interrupt.is_raised();
    let who = Some(&opened.administrator);
    let mut input = EventLogInput::new(&opened.client, who, &location.bucket, &location.prefix, rules)
        .map_err(|e| Failure::usage(&e, e.hint()))?;
    input.allow_start = allow_start;
    input.concurrency = concurrency;
    input.log = Some(log);
    input.interrupted = &interrupted;
    let progress = |p: Progress| bar.versions(p.events, p.findings);
    Ok(event_log::check(&input, &progress).await)
}

fn rules(args: &EventLogArgs) -> EventLogRules {
    let usual = EventLogRules::default();
    EventLogRules {
        key_pattern: args.key_pattern.clone().unwrap_or(usual.key_pattern),
        token_path: args.token_path.clone().unwrap_or(usual.token_path),
        holder_path: args.holder_path.clone().unwrap_or(usual.holder_path),
    }
}

/// What `--format json` shows.
#[derive(serde::Serialize)]
struct Shown<'a> {
    outcome: &'a Outcome,
    #[serde(flatten)]
    result: &'a EventLogResult,
}

fn table(result: &EventLogResult, outcome: &Outcome, width: u16) -> String {
    let new = || {
        let mut table = Table::new();
        table.load_preset(presets::ASCII_MARKDOWN).set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(width.max(60));
        table
    };
    let mut checks = new();
    checks.set_header(["property", "state", "reason"]);
    for check in &result.checks {
        checks.add_row([check.property.sentence(), check.state.word(), &show(&check.reason)]);
    }
    let mut text = format!("{}\n\n{checks}\n", show(&result.scope));
    if !result.first.is_empty() {
        let mut found = new();
        found.set_header(["number", "rule", "key", "what"]);
        for finding in result.first.iter().take(SHOWN) {
            found.add_row([
                finding.number.to_string(),
                match result.waived.get(finding.rule.word()) {
                    Some(who) => format!("{}\naccepted risk: {}", finding.rule, show(who)),
                    None => finding.rule.word().to_owned(),
                },
                show(&finding.key),
                show(&finding.detail),
            ]);
        }
        text += &format!("\n{found}\n");
        let all: u64 = result.findings.values().sum();
        let shown = result.first.len().min(SHOWN) as u64;
        if all > shown {
            text += &format!("… and {} findings more (--format json shows the first 1000)\n", all - shown);
        }
    }
    let mut line = |what: &str| {
        text.push('\n');
        text += what;
    };
    for (why, events) in &result.unassessed {
        line(&format!("not assessed, {events} events: {}", show(why)));
    }
    if result.foreign > 0 {
        let first: Vec<String> = result.first_foreign.iter().take(SHOWN).map(|k| show(k)).collect();
        let more = if result.foreign > first.len() as u64 { ", …" } else { "" };
        line(&format!("{} other keys in the log's folder: {}{more}", result.foreign, first.join(", ")));
    }
    if result.appended > 0 {
        line(&format!("{} events were written meanwhile: they belong to the next check", result.appended));
    }
    if let (Some(first), Some(last)) = (result.first_number, result.last_number) {
        line(&format!(
            "{} events, numbers {first} to {last} (what came after {last}, nothing in the bucket says)",
            result.events
        ));
    }
    line(&format!("SHA-256 of the log: {}", result.log_sha256));
    line(&format!("exit code {}: {}\n", outcome.exit_code, show(&outcome.reason)));
    text
}
