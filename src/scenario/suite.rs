//! The suite: the scenarios that are built in, and those that a user adds.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};
use sha2::{Digest, Sha256};

use crate::scenario::Scenario;
use crate::scenario::controls::{Control, Controls, ControlsError};
use crate::scenario::parse::{Mistake, parse_file};

static SCENARIOS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/scenarios");
static POLICIES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/fixtures/policies");

/// The files of `scenarios/` that hold no scenarios.
const OTHERS: &[&str] = &["controls.toml", "not-covered.toml", "refusals.toml"];

/// The folder of `scenarios/` that holds no scenarios.
const PROFILES: &str = "profiles";

/// A set of scenarios.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suite {
    /// Sorted by id; no id twice.
    pub scenarios: Vec<Scenario>,
    /// The control catalogue, sorted by id.
    pub controls: Vec<Control>,
    /// Lower-case hexadecimal SHA-256 over the ids and digests of the scenarios and the texts of the policies.
    pub digest: String,
    /// Whether the digest differs from the built-in suite's: such a suite is not qualified.
    pub changed: bool,
}

/// A suite that could not be put together.
#[derive(Debug, thiserror::Error)]
pub enum SuiteError {
    /// The files hold mistakes.
    #[error("{} in the scenario files", count(.0.len()))]
    Mistakes(Vec<Mistake>),
    /// The control catalogue is wrong.
    #[error(transparent)]
    Controls(#[from] ControlsError),
    /// An added file holds an id of the suite.
    #[error("the scenario {0} is there already")]
    Duplicate(String),
    /// An id that was to be replaced, and that no added file holds.
    #[error("{0} was to be replaced, and no added file holds it")]
    NotReplaced(String),
    /// A file or folder that cannot be read.
    #[error("cannot read {path}: {cause}")]
    Read {
        /// The path.
        path: String,
        /// The operating system's words.
        cause: String,
    },
}

impl SuiteError {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Duplicate(_) => {
                Some("ids are never reused; to replace a built-in one say --replace-scenario ID")
            }
            Self::NotReplaced(_) => Some("check the id, and the folder of --scenarios"),
            Self::Controls(error) => Some(error.hint()),
            Self::Read { .. } => Some("name a scenario file (TOML), or a directory of them"),
            Self::Mistakes(_) => None,
        }
    }
}

fn count(n: usize) -> String {
    if n == 1 { "a mistake".to_owned() } else { format!("{n} mistakes") }
}

/// The text of a built-in policy file.
#[must_use]
pub fn policy(name: &str) -> Option<String> {
    POLICIES.get_file(name).and_then(|f| f.contents_utf8()).map(str::to_owned)
}

impl Suite {
    /// The suite that is built in.
    ///
    /// # Errors
    /// None as shipped; a test reads it.
    pub fn builtin() -> Result<Self, SuiteError> {
        let controls = Controls::builtin()?.into_list();
        let mut files = Vec::new();
        collect(&SCENARIOS, &mut files);
        let scenarios = read(&files, &controls)?;
        let mut suite = Self { scenarios, controls, digest: String::new(), changed: false };
        suite.digest = suite.reckon();
        Ok(suite)
    }

    /// Adds the files of a folder and the folders below it, or one file. An id that the suite has is taken only if
    /// it is named in `replace`.
    ///
    /// # Errors
    /// Unreadable files, mistakes in them, an id that stands twice, a replacement that does not take place.
    pub fn with(mut self, path: &Path, replace: &[String]) -> Result<Self, SuiteError> {
        let added = read_path(path, &self.controls)?;
        if let Some(id) = replace.iter().find(|id| !added.iter().any(|s| s.id == **id)) {
            return Err(SuiteError::NotReplaced(id.clone()));
        }
        for scenario in added {
            match self.scenarios.iter().position(|s| s.id == scenario.id) {
                None => self.scenarios.push(scenario),
                Some(at) if replace.contains(&scenario.id) => self.scenarios[at] = scenario,
                Some(_) => return Err(SuiteError::Duplicate(scenario.id)),
            }
        }
        self.scenarios.sort_by(|a, b| a.id.cmp(&b.id));
        let digest = self.reckon();
        self.changed = self.changed || digest != self.digest;
        self.digest = digest;
        Ok(self)
    }

    /// The scenario of this id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Scenario> {
        self.scenarios.binary_search_by(|s| s.id.as_str().cmp(id)).ok().and_then(|i| self.scenarios.get(i))
    }

    fn reckon(&self) -> String {
        let mut hash = Sha256::new();
        for scenario in &self.scenarios {
            hash.update(format!("{} {}\n", scenario.id, scenario.digest));
        }
        // A scenario names its policies by file; what they say is part of what it tests.
        let mut policies: Vec<_> =
            POLICIES.files().filter(|f| f.path().extension().is_some_and(|e| e == "json")).collect();
        policies.sort_by_key(|f| f.path());
        for file in policies {
            hash.update(format!(
                "{} {}\n",
                file.path().display(),
                hex::encode(Sha256::digest(file.contents()))
            ));
        }
        hex::encode(hash.finalize())
    }
}

/// Reads scenario files from a file, or from a folder and the folders below it.
///
/// # Errors
/// Unreadable files, or every mistake of all files.
pub fn read_path(path: &Path, controls: &[Control]) -> Result<Vec<Scenario>, SuiteError> {
    let mut paths = Vec::new();
    if path.is_dir() {
        walk(path, &mut paths)?;
        paths.sort();
    } else {
        paths.push(path.to_owned());
    }
    let mut files = Vec::new();
    for file in paths {
        let below = file.strip_prefix(path).ok().filter(|p| p.file_name().is_some());
        let name =
            below.map_or_else(|| file.file_name().map(PathBuf::from).unwrap_or_default(), PathBuf::from);
        let name = name.to_string_lossy().replace('\\', "/");
        if path.is_dir() && !is_scenario_file(&name) {
            continue;
        }
        let text = std::fs::read_to_string(&file).map_err(|e| unreadable(&file, &e))?;
        files.push(File { shown: file.display().to_string(), group: group(&name), text: text.into() });
    }
    read(&files, controls)
}

fn unreadable(path: &Path, error: &std::io::Error) -> SuiteError {
    SuiteError::Read { path: path.display().to_string(), cause: error.to_string() }
}

/// A scenario file.
struct File {
    /// What mistakes call it.
    shown: String,
    group: String,
    text: Cow<'static, str>,
}

fn group(name: &str) -> String {
    name.strip_suffix(".toml").unwrap_or(name).to_owned()
}

fn is_scenario_file(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|e| e == "toml")
        && !OTHERS.contains(&name)
        && name.split('/').next() != Some(PROFILES)
}

fn collect(dir: &Dir<'static>, files: &mut Vec<File>) {
    for file in dir.files() {
        let name = file.path().to_string_lossy().replace('\\', "/");
        if let Some(text) = file.contents_utf8().filter(|_| is_scenario_file(&name)) {
            files.push(File { shown: format!("scenarios/{name}"), group: group(&name), text: text.into() });
        }
    }
    for inner in dir.dirs() {
        collect(inner, files);
    }
}

fn walk(dir: &Path, paths: &mut Vec<PathBuf>) -> Result<(), SuiteError> {
    for entry in std::fs::read_dir(dir).map_err(|e| unreadable(dir, &e))? {
        let entry = entry.map_err(|e| unreadable(dir, &e))?;
        let path = entry.path();
        if entry.file_type().map_err(|e| unreadable(&path, &e))?.is_dir() {
            walk(&path, paths)?;
        } else if path.extension().is_some_and(|e| e == "toml") {
            paths.push(path);
        }
    }
    Ok(())
}

/// Reads files, and refuses an id that stands in two of them.
fn read(files: &[File], controls: &[Control]) -> Result<Vec<Scenario>, SuiteError> {
    let ids: Vec<&str> = controls.iter().map(|c| c.id.as_str()).collect();
    let mut mistakes = Vec::new();
    let mut scenarios: Vec<Scenario> = Vec::new();
    for file in files {
        let found = match parse_file(&file.shown, &file.group, &file.text, &ids, &policy) {
            Ok(found) => found,
            Err(found) => {
                mistakes.extend(found);
                continue;
            }
        };
        for scenario in found {
            if let Some(other) = scenarios.iter().find(|s| s.id == scenario.id) {
                let at = file.text.find(&format!("\"{}\"", scenario.id)).unwrap_or(0);
                let message = format!("the id `{}` is used in `{}.toml` too", scenario.id, other.group);
                let span = at..at + scenario.id.len() + 2;
                let hint = Some("ids are never reused".to_owned());
                mistakes.push(Mistake::at(&file.shown, &file.text, span, message, hint));
            } else {
                scenarios.push(scenario);
            }
        }
    }
    if !mistakes.is_empty() {
        return Err(SuiteError::Mistakes(mistakes));
    }
    scenarios.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(scenarios)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(id: &str) -> String {
        let text = include_str!("../../docs/scenario-format.md");
        let (_, rest) = text.split_once("```toml\n").expect("an example");
        rest.split_once("```").expect("its end").0.replace("WORM-101", id)
    }

    fn folder(files: &[(&str, String)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
            std::fs::write(path, text).expect("a file");
        }
        dir
    }

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
        for scenario in &suite.scenarios {
            let ids: Vec<&str> = scenario.controls.iter().map(String::as_str).collect();
            let again = parse_file("again", &scenario.group, &scenario.source, &ids, &policy);
            assert_eq!(again.as_deref(), Ok(std::slice::from_ref(scenario)), "{}", scenario.id);
        }
    }

    #[test]
    fn an_added_scenario_changes_the_digest_and_an_id_is_not_replaced_silently() {
        let builtin = Suite::builtin().expect("a suite");
        let with = |dir: &tempfile::TempDir, replace: &[String]| builtin.clone().with(dir.path(), replace);
        let dir = folder(&[("own/a.toml", example("OWN-1")), ("controls.toml", "# none".to_owned())]);
        let suite = with(&dir, &[]).expect("a suite");
        assert!(suite.changed && suite.digest != builtin.digest);
        assert_eq!(suite.get("OWN-1").map(|s| s.group.as_str()), Some("own/a"));
        assert!(
            matches!(with(&dir, &["OWN-2".to_owned()]), Err(SuiteError::NotReplaced(id)) if id == "OWN-2")
        );
        let first = &builtin.scenarios[0].id;
        let dir = folder(&[("a.toml", example(first))]);
        assert!(matches!(with(&dir, &[]), Err(SuiteError::Duplicate(id)) if id == *first));
        let suite = with(&dir, std::slice::from_ref(first)).expect("a suite");
        assert!(suite.changed && suite.scenarios.len() == builtin.scenarios.len());
        assert!(!with(&folder(&[]), &[]).expect("a suite").changed, "an empty folder changes nothing");
        let profiles = folder(&[("profiles/own.toml", "name = \"own\"".to_owned())]);
        let suite = with(&profiles, &[]).expect("a profile is no scenario");
        assert!(!suite.changed && suite.digest == builtin.digest);
    }

    #[test]
    fn an_id_in_two_files_is_a_mistake() {
        let dir = folder(&[("a.toml", example("OWN-1")), ("b.toml", example("OWN-1"))]);
        let found = read_path(dir.path(), &Controls::builtin().expect("a catalogue").into_list());
        let Err(SuiteError::Mistakes(mistakes)) = found else { panic!("a mistake") };
        assert_eq!(mistakes.len(), 1);
        assert!(mistakes[0].file.ends_with("b.toml") && mistakes[0].line == 2, "{}", mistakes[0]);
    }
}
