//! The known deviations of a server: read, compared with a record, rendered for the document.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::Value;
use wormproof::record::Verdict;
use wormproof::scenario::{Role, Scenario, Suite};

/// `fixtures/known-deviations/NAME.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Known {
    pub(super) server: ServerInfo,
    #[serde(default)]
    deviation: Vec<Deviation>,
}

/// The server as it was when the deviations were recorded.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ServerInfo {
    pub(super) name: String,
    /// As the server says it.
    pub(super) version: String,
    obtained: String,
    started: String,
    refuses: String,
    held: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Deviation {
    id: String,
    verdict: Verdict,
    weakest: Option<Role>,
    reason: String,
    reference: Option<String>,
    #[serde(default)]
    either: Vec<Verdict>,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

impl Known {
    pub(super) fn of(name: &str) -> Self {
        let path = root().join("fixtures/known-deviations").join(format!("{name}.toml"));
        let text = std::fs::read_to_string(&path).expect("the deviations");
        let known: Self = toml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        known.check();
        known
    }

    /// Every entry is of a scenario that is there, stands once, deviates, and says why.
    fn check(&self) {
        let suite = Suite::builtin().expect("the suite");
        let mut seen = Vec::new();
        for entry in &self.deviation {
            let id = &entry.id;
            assert!(suite.get(id).is_some(), "{id}: there is no such scenario");
            assert!(!seen.contains(&id), "{id} stands twice");
            assert_ne!(entry.verdict, Verdict::Pass, "{id}: a pass is no deviation");
            assert!(entry.reason.len() > 10, "{id}: a deviation has a reason");
            assert!(
                entry.either.is_empty() || entry.either.contains(&entry.verdict),
                "{id}: either names its verdict"
            );
            seen.push(id);
        }
        // The servers that are recorded are the ones that the test set-up fetches.
        let setup = std::fs::read_to_string(root().join("tests/run")).expect("tests/run");
        assert!(setup.contains(&self.server.obtained), "tests/run does not fetch {}", self.server.obtained);
    }

    /// Compares each scenario's verdict with what is recorded. With `part`, scenarios that were left out are passed
    /// over: a narrower run says nothing of them.
    pub(super) fn compare(&self, record: &Value, part: bool) {
        let mut wrong = String::new();
        let mut assessed = 0;
        for found in record["scenarios"].as_array().expect("scenarios") {
            let id = found["id"].as_str().expect("an id");
            let verdict = found["verdict"].as_str().and_then(Verdict::parse).expect("a verdict");
            if part && verdict == Verdict::Skipped {
                continue;
            }
            assessed += 1;
            let entry = self.deviation.iter().find(|d| d.id == id);
            let allowed = match entry {
                Some(entry) if entry.either.is_empty() => vec![entry.verdict],
                Some(entry) => entry.either.clone(),
                None => vec![Verdict::Pass],
            };
            let reason = found["reason"].as_str().unwrap_or_default();
            let weakest = found["weakest"].as_str().and_then(Role::parse);
            let text = match (allowed.contains(&verdict), entry) {
                (true, Some(Deviation { weakest: Some(recorded), .. })) if weakest != Some(*recorded) => {
                    let found = weakest.map_or_else(|| "nobody".to_owned(), |r| r.to_string());
                    format!("broken by {found}; recorded is {recorded}: {reason}")
                }
                (true, _) => continue,
                (false, None) => format!("unexpected {verdict}, nothing is recorded: {reason}"),
                (false, Some(entry)) => {
                    format!(
                        "unexpected {verdict}: {reason}\n    recorded is {}: {}",
                        entry.verdict, entry.reason
                    )
                }
            };
            let _ = writeln!(wrong, "  {id} {text}");
        }
        for entry in self.deviation.iter().filter(|_| !part) {
            if !record["scenarios"].as_array().is_some_and(|all| all.iter().any(|s| s["id"] == *entry.id)) {
                let _ = writeln!(wrong, "  {} is recorded and not in the record", entry.id);
            }
        }
        assert!(assessed > 10, "{}: only {assessed} scenarios were assessed", self.server.name);
        assert!(wrong.is_empty(), "{} differs from its known deviations:\n{wrong}", self.server.name);
    }

    /// The server's section of the document.
    pub(super) fn section(&self, suite: &Suite) -> String {
        let server = &self.server;
        let counts = |verdict: Verdict| self.deviation.iter().filter(|d| d.verdict == verdict).count();
        let mut text = format!(
            "## {}\n\n- Version: `{}`, from `{}`.\n- Started: {}.\n- A refusal reads: {}.\n- Held: every scenario that is not named below. {}\n\
             - Did not hold: {}. No conclusion: {}. Skipped: {}.\n",
            server.name,
            server.version,
            server.obtained,
            server.started,
            server.refuses,
            server.held,
            counts(Verdict::Fail),
            counts(Verdict::Inconclusive),
            counts(Verdict::Skipped),
        );
        let mut groups: BTreeMap<usize, Vec<(&Deviation, &Scenario)>> = BTreeMap::new();
        for entry in &self.deviation {
            let order = [Verdict::Fail, Verdict::Inconclusive, Verdict::Error, Verdict::Skipped];
            let place = order.iter().position(|v| *v == entry.verdict).expect("a verdict");
            groups.entry(place).or_default().push((entry, suite.get(&entry.id).expect("a scenario")));
        }
        for (place, entries) in groups {
            let heading = ["Did not hold", "No conclusion", "Error", "Skipped"][place];
            let _ = write!(text, "\n### {}: {heading}\n\n", server.name);
            for (entry, scenario) in entries {
                let by = entry.weakest.map_or_else(String::new, |role| format!(", by the {role}"));
                let _ = write!(
                    text,
                    "- **{}** ({}{by}) {}.\n  {}",
                    entry.id, scenario.severity, scenario.title, entry.reason
                );
                if let Some(reference) = &entry.reference {
                    let _ = write!(text, " ({reference})");
                }
                if !entry.either.is_empty() {
                    let words: Vec<&str> = entry.either.iter().map(|v| v.word()).collect();
                    let _ = write!(text, " Undetermined: {}.", words.join(" or "));
                }
                text.push('\n');
            }
        }
        text
    }
}
