//! The suite: every scenario that is built in, and those that a user adds; with the control catalogue.

use std::path::Path;

use include_dir::{Dir, include_dir};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::scenario::model::Scenario;
use crate::scenario::parse::{Mistake, parse_file};

static SCENARIOS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/scenarios");
static POLICIES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/fixtures/policies");

/// A clause of a regulation or standard.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// Its id, as scenarios name it.
    pub id: String,
    /// In one line.
    pub title: String,
    /// Where it stands.
    pub source: String,
    /// How far the citation was checked: V, S, M or X.
    pub trust: String,
    /// The day of that check.
    pub verified_on: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Controls {
    control: Vec<Control>,
}

/// A set of scenarios.
#[derive(Debug, Clone)]
pub struct Suite {
    /// In order of id.
    pub scenarios: Vec<Scenario>,
    /// The control catalogue.
    pub controls: Vec<Control>,
    /// SHA-256 over the scenarios' digests in order of id.
    pub digest: String,
    /// Whether it is not the one built in.
    pub changed: bool,
}

/// A suite that could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SuiteError {
    /// Mistakes in scenario files.
    #[error("{} in the scenario files", count(.0.len()))]
    Mistakes(Vec<Mistake>),
    /// The control catalogue is wrong.
    #[error("the control catalogue cannot be read: {0}")]
    Controls(#[from] toml::de::Error),
    /// An id stands twice.
    #[error("the scenario {0} is there already")]
    Duplicate(String),
    /// A file cannot be read.
    #[error("cannot read {path}: {cause}")]
    Read {
        /// The path.
        path: String,
        /// The operating system's words.
        cause: String,
    },
}

fn count(n: usize) -> String {
    if n == 1 { "a mistake".to_owned() } else { format!("{n} mistakes") }
}

impl SuiteError {
    /// What the user may do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Duplicate(_) => {
                Some("ids are never reused; to replace a built-in one say --replace-scenario ID")
            }
            _ => None,
        }
    }
}

/// The text of a built-in policy file.
#[must_use]
pub fn policy(name: &str) -> Option<String> {
    POLICIES.get_file(name).and_then(|f| f.contents_utf8()).map(str::to_owned)
}

fn digest(scenarios: &[Scenario]) -> String {
    let mut hash = Sha256::new();
    for scenario in scenarios {
        hash.update(&scenario.id);
        hash.update(&scenario.digest);
    }
    hex::encode(hash.finalize())
}

impl Suite {
    /// The suite that is built in.
    ///
    /// # Errors
    /// None as shipped; a test reads it.
    pub fn builtin() -> Result<Self, SuiteError> {
        let controls =
            SCENARIOS.get_file("controls.toml").and_then(|f| f.contents_utf8()).unwrap_or_default();
        let controls = toml::from_str::<Controls>(controls)?.control;
        let mut suite = Self { scenarios: Vec::new(), controls, digest: String::new(), changed: false };
        let mut files = Vec::new();
        collect(&SCENARIOS, &mut files);
        let mut mistakes = Vec::new();
        for (name, text) in files {
            match suite.read(&name, text) {
                Ok(found) => suite.scenarios.extend(found),
                Err(found) => mistakes.extend(found),
            }
        }
        if !mistakes.is_empty() {
            return Err(SuiteError::Mistakes(mistakes));
        }
        suite.finish()
    }

    fn read(&self, name: &str, text: &str) -> Result<Vec<Scenario>, Vec<Mistake>> {
        let ids: Vec<&str> = self.controls.iter().map(|c| c.id.as_str()).collect();
        let group = name.trim_end_matches(".toml");
        parse_file(&format!("scenarios/{name}"), group, text, &ids, &policy)
    }

    fn finish(mut self) -> Result<Self, SuiteError> {
        self.scenarios.sort_by(|a, b| a.id.cmp(&b.id));
        if let Some(twice) = self.scenarios.windows(2).find(|w| w[0].id == w[1].id) {
            return Err(SuiteError::Duplicate(twice[0].id.clone()));
        }
        self.digest = digest(&self.scenarios);
        Ok(self)
    }

    /// Adds the files of a directory, or one file. An id that is there already is refused unless it is in `replace`.
    ///
    /// # Errors
    /// Unreadable files, mistakes, doubled ids.
    pub fn with(mut self, path: &Path, replace: &[String]) -> Result<Self, SuiteError> {
        let found = read_path(path, &self.controls)?;
        for scenario in found {
            if replace.contains(&scenario.id) {
                self.scenarios.retain(|s| s.id != scenario.id);
            }
            self.scenarios.push(scenario);
        }
        self.changed = true;
        self.finish()
    }

    /// The scenario of this id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Scenario> {
        self.scenarios.iter().find(|s| s.id == id)
    }
}

fn collect<'a>(dir: &'a Dir<'a>, found: &mut Vec<(String, &'a str)>) {
    for file in dir.files() {
        let name = file.path().to_string_lossy().into_owned();
        if name.ends_with(".toml") && !matches!(name.as_str(), "controls.toml" | "refusals.toml") {
            found.push((name, file.contents_utf8().unwrap_or_default()));
        }
    }
    for dir in dir.dirs().filter(|d| d.path() != Path::new("profiles")) {
        collect(dir, found);
    }
}

/// Reads scenario files from a file or a directory (not its sub-directories).
///
/// # Errors
/// Unreadable files, or every mistake of all files.
pub fn read_path(path: &Path, controls: &[Control]) -> Result<Vec<Scenario>, SuiteError> {
    let unreadable = |path: &Path, e: &std::io::Error| SuiteError::Read {
        path: path.display().to_string(),
        cause: e.to_string(),
    };
    let mut files = Vec::new();
    if path.is_dir() {
        for entry in std::fs::read_dir(path).map_err(|e| unreadable(path, &e))? {
            let file = entry.map_err(|e| unreadable(path, &e))?.path();
            if file.extension().is_some_and(|e| e == "toml") {
                files.push(file);
            }
        }
        files.sort();
    } else {
        files.push(path.to_owned());
    }
    let ids: Vec<&str> = controls.iter().map(|c| c.id.as_str()).collect();
    let (mut scenarios, mut mistakes) = (Vec::new(), Vec::new());
    for file in files {
        let text = std::fs::read_to_string(&file).map_err(|e| unreadable(&file, &e))?;
        let group = file.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        match parse_file(&file.display().to_string(), &group, &text, &ids, &policy) {
            Ok(found) => scenarios.extend(found),
            Err(found) => mistakes.extend(found),
        }
    }
    if mistakes.is_empty() { Ok(scenarios) } else { Err(SuiteError::Mistakes(mistakes)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_suite_is_read_and_each_source_gives_its_scenario_again() {
        let suite = match Suite::builtin() {
            Ok(suite) => suite,
            Err(SuiteError::Mistakes(mistakes)) => {
                let all: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
                panic!("{}", all.join("\n\n"));
            }
            Err(other) => panic!("{other}"),
        };
        assert!(suite.scenarios.len() >= 10, "only {} scenarios", suite.scenarios.len());
        let ids: Vec<&str> = suite.controls.iter().map(|c| c.id.as_str()).collect();
        for scenario in &suite.scenarios {
            let again = parse_file("again", &scenario.group, &scenario.source, &ids, &policy)
                .unwrap_or_else(|m| panic!("{}: {}", scenario.id, m[0]));
            let [again] = again.as_slice() else { panic!("one scenario") };
            assert_eq!(again.digest, scenario.digest, "{}", scenario.id);
            assert_eq!(again.after, scenario.after, "{}", scenario.id);
        }
    }
}
