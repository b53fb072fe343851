//! `docs/servers.md`: an introduction by hand, and below it what the summaries (`fixtures/servers`, made by
//! `scripts/servers/summarise`) and the known deviations say.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use wormproof::record::Verdict;
use wormproof::scenario::{Role, Severity, Suite};

use super::deviations::Known;

const BEGIN: &str = "<!-- From here on made from fixtures/servers and fixtures/known-deviations. -->\n";

/// In the order of the page.
const SERVERS: &[&str] = &["minio", "seaweedfs", "versitygw", "ceph-rgw", "moto", "ministack", "s3mock"];

/// From how many fails of one kind on they are listed by their ids only.
const MANY: usize = 10;

/// One server's record, shortened.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Summary {
    name: String,
    kind: Kind,
    version: String,
    obtained: String,
    started: String,
    /// The `Server` header, or what else it was known by.
    says: Option<String>,
    dialect: String,
    tool: String,
    suite: String,
    #[serde(rename = "dialects")]
    _dialects: String,
    record: RecordId,
    /// How many roles could be played, of how many.
    principals: String,
    /// Why the others could not.
    missing: Vec<String>,
    scenarios: BTreeMap<String, Entry>,
}

#[derive(Debug, Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Server,
    Emulator,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordId {
    sha256: String,
    finished: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    group: String,
    severity: Severity,
    title: String,
    verdict: Verdict,
    cause: Option<String>,
    weakest: Option<Role>,
    reason: Option<String>,
    #[serde(default)]
    requests: Vec<String>,
    #[serde(default, rename = "found")]
    _found: Vec<String>,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A summary, and the line of each scenario in its file.
struct Shown {
    file: &'static str,
    summary: Summary,
    lines: BTreeMap<String, usize>,
}

impl Shown {
    fn read(name: &'static str) -> Self {
        let path = root().join("fixtures/servers").join(format!("{name}.json"));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let summary: Summary =
            serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let lines = text
            .lines()
            .enumerate()
            .filter_map(|(i, line)| {
                let (id, entry) = line.trim().strip_prefix('"')?.split_once('"')?;
                entry.starts_with(": {\"group\"").then(|| (id.to_owned(), i + 1))
            })
            .collect();
        Self { file: name, summary, lines }
    }

    fn count(&self, group: Option<&str>, verdict: Verdict) -> usize {
        let of = |e: &&Entry| group.is_none_or(|g| e.group == g) && e.verdict == verdict;
        self.summary.scenarios.values().filter(of).count()
    }

    /// Passed, failed, without conclusion, skipped.
    fn cell(&self, group: Option<&str>) -> String {
        let [pass, fail, inconclusive, skipped] =
            [Verdict::Pass, Verdict::Fail, Verdict::Inconclusive, Verdict::Skipped]
                .map(|v| self.count(group, v));
        format!("{pass} / {fail} / {} / {skipped}", inconclusive + self.count(group, Verdict::Error))
    }

    fn evidence(&self, id: &str) -> String {
        format!("[{id}](../fixtures/servers/{}.json#L{})", self.file, self.lines[id])
    }

    fn section(&self) -> String {
        let summary = &self.summary;
        let kind = match summary.kind {
            Kind::Server => "",
            Kind::Emulator => " (emulator)",
        };
        let mut text = format!(
            "## {}{kind}\n\n- Command: `scripts/servers/{}`. Version: {}, from `{}`.\n- Started: {}.\n- Known by: {}; read by the dialect `{}`.\n\
             - Audited on {} by {}, suite `{}`; SHA-256 of the record `{}`.\n- Principals: {}.",
            summary.name,
            self.file,
            summary.version,
            summary.obtained,
            summary.started,
            summary.says.as_deref().unwrap_or("no Server header"),
            summary.dialect,
            summary.record.finished,
            summary.tool,
            &summary.suite[..16],
            &summary.record.sha256[..16],
            summary.principals,
        );
        for missing in &summary.missing {
            let _ = write!(text, " Missing: {missing}.");
        }
        text.push('\n');
        self.entries(&mut text, Verdict::Fail, "Did not hold");
        self.entries(&mut text, Verdict::Error, "Error");
        self.reasons(&mut text, Verdict::Inconclusive, "No conclusion");
        self.reasons(&mut text, Verdict::Skipped, "Skipped");
        text
    }

    /// An entry each.
    fn entries(&self, text: &mut String, verdict: Verdict, heading: &str) {
        let all: Vec<(&String, &Entry)> =
            self.summary.scenarios.iter().filter(|(_, e)| e.verdict == verdict).collect();
        if all.is_empty() {
            return;
        }
        let _ = write!(text, "\n### {}: {heading}\n\n", self.summary.name);
        // A server that keeps no lock fails nearly everything in the same way; that is said once.
        let unkept = |e: &Entry| e.cause.as_deref() == Some("not-kept");
        let (none_kept, all): (Vec<_>, Vec<_>) = if all.iter().filter(|(_, e)| unkept(e)).count() > MANY {
            all.into_iter().partition(|(_, e)| unkept(e))
        } else {
            (Vec::new(), all)
        };
        if !none_kept.is_empty() {
            let ids: Vec<String> = none_kept.iter().map(|(id, _)| self.evidence(id)).collect();
            let _ = writeln!(
                text,
                "- A lock was accepted and is not there, so that nothing is protected ({} scenarios): {}",
                ids.len(),
                ids.join(", ")
            );
        }
        for (id, entry) in all {
            assert!(!entry.requests.is_empty(), "{}: {id} has no evidence", self.file);
            let by = entry.weakest.map_or_else(String::new, |role| format!(", by the {role}"));
            let reason = entry.reason.as_deref().expect("a reason");
            let _ = writeln!(
                text,
                "- **{}** ({}{by}) {}.\n  Seen: {reason}.",
                self.evidence(id),
                entry.severity,
                entry.title
            );
        }
    }

    /// An entry a reason, with the scenarios that ended so.
    fn reasons(&self, text: &mut String, verdict: Verdict, heading: &str) {
        let mut by_reason: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
        for (id, entry) in self.summary.scenarios.iter().filter(|(_, e)| e.verdict == verdict) {
            let cause = entry.cause.as_deref().unwrap_or_default();
            // What the step was called differs from scenario to scenario; what was answered does not.
            let reason = entry.reason.as_deref().expect("a reason");
            by_reason.entry((cause, without_step(reason))).or_default().push(id);
        }
        if by_reason.is_empty() {
            return;
        }
        let _ = write!(text, "\n### {}: {heading}\n\n", self.summary.name);
        for ((cause, reason), ids) in by_reason {
            let ids: Vec<String> = ids.into_iter().map(|id| self.evidence(id)).collect();
            let _ = writeln!(text, "- {cause}: {reason}. {}", ids.join(", "));
        }
    }
}

/// A reason from the first step's answer on.
fn without_step(reason: &str) -> &str {
    match reason.split_once('”') {
        Some((step, rest)) if step.contains('“') => rest
            .trim_start_matches([':', ' '])
            .strip_prefix("was ")
            .unwrap_or(rest.trim_start_matches([':', ' '])),
        _ => reason,
    }
}

fn table(all: &[Shown]) -> String {
    let mut text = String::from("| group |");
    for shown in all {
        let star = if shown.summary.kind == Kind::Emulator { " (emulator)" } else { "" };
        let _ = write!(text, " {}{star} |", shown.summary.name);
    }
    text.push_str("\n|---|");
    text.push_str(&"---|".repeat(all.len()));
    text.push('\n');
    let mut groups: Vec<&str> =
        all.iter().flat_map(|s| s.summary.scenarios.values().map(|e| e.group.as_str())).collect();
    groups.sort_unstable();
    groups.dedup();
    for group in groups.into_iter().map(Some).chain([None]) {
        let _ = write!(text, "| {} |", group.unwrap_or("all"));
        for shown in all {
            let _ = write!(text, " {} |", shown.cell(group));
        }
        text.push('\n');
    }
    text
}

/// Panics where the document is not what is made of the files.
pub(super) fn is_current() {
    let suite = Suite::builtin().expect("the suite");
    let path = root().join("docs/servers.md");
    let found = std::fs::read_to_string(&path).expect("docs/servers.md");
    let (introduction, _) = found.split_once(BEGIN).expect("the mark in docs/servers.md");
    let all: Vec<Shown> = SERVERS.iter().map(|name| Shown::read(name)).collect();
    let sections: Vec<String> = all
        .iter()
        .map(|shown| match shown.file {
            // Of these every run of the tests compares all verdicts, and the reasons are written by hand.
            name @ ("minio" | "seaweedfs") => Known::of(name).section(&suite),
            _ => shown.section(),
        })
        .collect();
    let wanted = format!(
        "{introduction}{BEGIN}\n## Verdicts by group\n\nHeld / did not hold / no conclusion / skipped.\n\n{}\n{}",
        table(&all),
        sections.join("\n")
    );
    if wanted != found {
        let made = Path::new(env!("CARGO_TARGET_TMPDIR")).join("servers.md");
        std::fs::write(&made, &wanted).expect("written");
        panic!("docs/servers.md is out of date: cp {} docs/servers.md", made.display());
    }
}
