//! Which behaviour is tested where: the catalogue of behaviours against the `covers` of the scenarios and the reasons of
//! `scenarios/not-covered.toml`. What this module does not know is whether a scenario can fail; qualification shows that.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Deserialize;

use crate::scenario::suite::Suite;

/// A catalogue that does not fit the suite.
#[derive(Debug, thiserror::Error)]
pub enum CoverageError {
    /// A file that cannot be read as what it is.
    #[error("{file}: {cause}")]
    File {
        /// Its path in the repository.
        file: &'static str,
        /// What is wrong, with its place.
        cause: String,
    },
    /// Ids that are missing, unknown or doubled.
    #[error("the coverage is not complete: {}", .0.join("; "))]
    Mistakes(Vec<String>),
}

impl CoverageError {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::File { .. } => "the comment at its beginning says how it is written",
            Self::Mistakes(_) => {
                "a behaviour needs a scenario that names it in `covers`, or a reason in scenarios/not-covered.toml"
            }
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Catalogue {
    group: Vec<Group>,
}

/// Behaviours of one subject.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    name: String,
    behaviours: Vec<Behaviour>,
}

/// One behaviour of write-once storage.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Behaviour {
    id: String,
    trust: Trust,
    text: String,
    /// Other behaviours whose scenarios test this one, too.
    #[serde(default, rename = "in")]
    within: Vec<String>,
}

/// Where the knowledge of a behaviour comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Trust {
    Recorded,
    Reported,
    Documented,
    Peers,
    Code,
    Seen,
    Unverified,
    Open,
}

impl Trust {
    fn word(self) -> &'static str {
        match self {
            Self::Recorded => "recorded",
            Self::Reported => "reported",
            Self::Documented => "documented",
            Self::Peers => "peers",
            Self::Code => "code",
            Self::Seen => "seen",
            Self::Unverified => "unverified",
            Self::Open => "open",
        }
    }

    /// Whether no source says for certain what the right answer is.
    fn is_weak(self) -> bool {
        matches!(self, Self::Unverified | Self::Open)
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reasons {
    reasons: Vec<Reason>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reason {
    id: String,
    class: Class,
    reason: String,
}

/// The kind of a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Class {
    Answer,
    Elsewhere,
    #[serde(rename = "out of reach")]
    OutOfReach,
    Undocumented,
    Unverified,
    #[serde(rename = "by design")]
    ByDesign,
    Format,
}

impl Class {
    fn word(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::Elsewhere => "elsewhere",
            Self::OutOfReach => "out of reach",
            Self::Undocumented => "undocumented",
            Self::Unverified => "unverified",
            Self::ByDesign => "by design",
            Self::Format => "format",
        }
    }
}

/// Behaviours, each with its scenarios or its reason. Complete, or it could not have been made.
#[derive(Debug, Clone)]
pub struct Coverage {
    groups: Vec<Group>,
    scenarios: BTreeMap<String, Vec<String>>,
    reasons: BTreeMap<String, Reason>,
    suite: usize,
}

const BEHAVIOURS: &str = "fixtures/behaviours.toml";
const NOT_COVERED: &str = "scenarios/not-covered.toml";

fn read<T: serde::de::DeserializeOwned>(file: &'static str, text: &str) -> Result<T, CoverageError> {
    toml::from_str(text).map_err(|e| CoverageError::File { file, cause: e.to_string() })
}

impl Coverage {
    /// The coverage of a suite by the catalogue that is built in.
    ///
    /// # Errors
    /// Every behaviour without scenario and reason, every reason that is not needed, every id that is unknown or
    /// stands twice.
    pub fn of(suite: &Suite) -> Result<Self, CoverageError> {
        let catalogue: Catalogue = read(BEHAVIOURS, include_str!("../../fixtures/behaviours.toml"))?;
        let reasons: Reasons = read(NOT_COVERED, include_str!("../../scenarios/not-covered.toml"))?;
        Self::build(suite, catalogue.group, reasons.reasons)
    }

    fn build(suite: &Suite, groups: Vec<Group>, reasons: Vec<Reason>) -> Result<Self, CoverageError> {
        let mut mistakes = Vec::new();
        let mut direct: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let known: Vec<&Behaviour> = groups.iter().flat_map(|g| &g.behaviours).collect();
        for behaviour in &known {
            if direct.insert(behaviour.id.clone(), Vec::new()).is_some() {
                mistakes.push(format!("{} stands twice in {BEHAVIOURS}", behaviour.id));
            }
        }
        for scenario in &suite.scenarios {
            if scenario.covers.is_empty() {
                mistakes.push(format!("{} covers nothing", scenario.id));
            }
            for id in &scenario.covers {
                match direct.get_mut(id) {
                    Some(list) => list.push(scenario.id.clone()),
                    None => mistakes.push(format!("{} covers {id}, which is no behaviour", scenario.id)),
                }
            }
        }
        let mut scenarios = direct.clone();
        for behaviour in &known {
            for other in &behaviour.within {
                match direct.get(other) {
                    Some(list) => scenarios.entry(behaviour.id.clone()).or_default().extend(list.clone()),
                    None => mistakes.push(format!("{} lies in {other}, which is no behaviour", behaviour.id)),
                }
            }
            if let Some(list) = scenarios.get_mut(&behaviour.id) {
                list.sort();
                list.dedup();
            }
        }
        let mut by_id: BTreeMap<String, Reason> = BTreeMap::new();
        for reason in reasons {
            if !direct.contains_key(&reason.id) {
                mistakes.push(format!("{NOT_COVERED} names {}, which is no behaviour", reason.id));
            }
            if let Some(twice) = by_id.insert(reason.id.clone(), reason) {
                mistakes.push(format!("{} stands twice in {NOT_COVERED}", twice.id));
            }
        }
        for behaviour in &known {
            let covered = scenarios.get(&behaviour.id).is_some_and(|list| !list.is_empty());
            match (covered, by_id.contains_key(&behaviour.id)) {
                (false, false) => mistakes.push(format!("{} has neither scenario nor reason", behaviour.id)),
                (true, true) if !behaviour.trust.is_weak() => {
                    mistakes.push(format!("{} is covered and has a reason why not", behaviour.id));
                }
                _ => {}
            }
        }
        if mistakes.is_empty() {
            Ok(Self { groups, scenarios, reasons: by_id, suite: suite.scenarios.len() })
        } else {
            Err(CoverageError::Mistakes(mistakes))
        }
    }

    fn covered(&self, behaviour: &Behaviour) -> bool {
        self.scenarios.get(&behaviour.id).is_some_and(|list| !list.is_empty())
    }

    /// How many behaviours there are, and how many of them have a scenario.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        let all = self.groups.iter().flat_map(|g| &g.behaviours);
        (all.clone().count(), all.filter(|b| self.covered(b)).count())
    }

    /// The coverage as a page of Markdown (`docs/coverage.md`).
    #[must_use]
    pub fn markdown(&self) -> String {
        let (all, covered) = self.counts();
        let mut out = String::from("# What is tested where\n\n");
        out.push_str(
            "Made by `wormproof scenarios coverage > docs/coverage.md` from `fixtures/behaviours.toml`, the scenarios' \
             `covers` and\n`scenarios/not-covered.toml`; a test compares. Do not edit.\n\n",
        );
        let _ = writeln!(
            out,
            "{} scenarios cover {covered} of {all} behaviours; for the other {} there is a reason. A behaviour without a \
             verified answer\nhas both: its scenarios assert what is left, not what is answered.\n",
            self.suite,
            all - covered
        );
        let mut classes: BTreeMap<Class, usize> = BTreeMap::new();
        for behaviour in self.groups.iter().flat_map(|g| &g.behaviours).filter(|b| !self.covered(b)) {
            if let Some(reason) = self.reasons.get(&behaviour.id) {
                *classes.entry(reason.class).or_default() += 1;
            }
        }
        out.push_str("| not covered, because | behaviours |\n|---|---:|\n");
        for (class, count) in classes {
            let _ = writeln!(out, "| {} | {count} |", class.word());
        }
        for group in &self.groups {
            let covered = group.behaviours.iter().filter(|b| self.covered(b)).count();
            let _ = write!(out, "\n## {} ({covered} of {})\n\n", group.name, group.behaviours.len());
            out.push_str("| id | behaviour | source | scenarios, or why none |\n|---|---|---|---|\n");
            for behaviour in &group.behaviours {
                let mut cell =
                    self.scenarios.get(&behaviour.id).map(|list| list.join(", ")).unwrap_or_default();
                if let Some(reason) = self.reasons.get(&behaviour.id) {
                    if !cell.is_empty() {
                        cell.push_str("; ");
                    }
                    let _ = write!(cell, "*{}*: {}", reason.class.word(), reason.reason);
                }
                let (id, text) = (&behaviour.id, &behaviour.text);
                let _ = writeln!(out, "| {id} | {text} | {} | {cell} |", behaviour.trust.word());
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn behaviour(id: &str, trust: Trust, within: &[&str]) -> Behaviour {
        Behaviour {
            id: id.into(),
            trust,
            text: "a behaviour".into(),
            within: within.iter().map(|w| (*w).to_owned()).collect(),
        }
    }

    fn build(behaviours: Vec<Behaviour>, reasons: &[&str]) -> Result<Coverage, String> {
        let mut suite = Suite::builtin().expect("a suite");
        suite.scenarios.truncate(1);
        suite.scenarios[0].covers = vec!["DEL-04".into()];
        let reason = |id: &&str| Reason { id: (*id).to_owned(), class: Class::Answer, reason: "why".into() };
        let groups = vec![Group { name: "Delete".into(), behaviours }];
        Coverage::build(&suite, groups, reasons.iter().map(reason).collect()).map_err(|e| e.to_string())
    }

    #[test]
    fn nothing_is_dropped_silently_and_nothing_is_excused_twice() {
        let recorded = Trust::Recorded;
        let fine = build(
            vec![
                behaviour("DEL-04", recorded, &[]),
                behaviour("GAP-01", Trust::Open, &["DEL-04"]),
                behaviour("DEL-16", recorded, &[]),
            ],
            &["DEL-16", "GAP-01"],
        );
        assert_eq!(fine.expect("complete").counts(), (3, 2));
        let lacks = build(vec![behaviour("DEL-04", recorded, &[]), behaviour("DEL-16", recorded, &[])], &[]);
        assert!(lacks.is_err_and(|e| e.contains("DEL-16 has neither scenario nor reason")));
        let excused = build(vec![behaviour("DEL-04", recorded, &[])], &["DEL-04"]);
        assert!(excused.is_err_and(|e| e.contains("DEL-04 is covered and has a reason why not")));
        let unknown = build(vec![behaviour("DEL-05", recorded, &[])], &["DEL-05"]);
        assert!(unknown.is_err_and(|e| e.contains("covers DEL-04, which is no behaviour")));
    }
}
