//! The profiles that are built in, and where others come from.

use std::path::Path;
use std::sync::LazyLock;

use include_dir::{Dir, include_dir};

use crate::located::Mistake;

use super::error::ProfileError;
use super::model::Profile;
use super::parse::{self, Known};

static FILES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/scenarios/profiles");

/// The built-in profiles by name, and those whose file holds mistakes: a test reads them all, so that there are none.
struct Builtin {
    good: Vec<Profile>,
    bad: Vec<(String, Vec<Mistake>)>,
}

static BUILTIN: LazyLock<Builtin> = LazyLock::new(|| {
    let mut all = Builtin { good: Vec::new(), bad: Vec::new() };
    for (file, text) in Profile::builtin_files() {
        match Profile::parse(&file, text) {
            Ok(profile) => all.good.push(profile),
            Err(mistakes) => all.bad.push((stem(&file), mistakes)),
        }
    }
    all.good.sort_by(|a, b| a.name.cmp(&b.name));
    all
});

fn stem(file: &str) -> String {
    Path::new(file).file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

impl Profile {
    /// The profiles that are built in, by name.
    #[must_use]
    pub fn builtin() -> &'static [Self] {
        &BUILTIN.good
    }

    /// The files of the built-in profiles: what mistakes call them, and their texts.
    #[must_use]
    pub fn builtin_files() -> Vec<(String, &'static str)> {
        let mut files: Vec<_> = FILES
            .files()
            .filter(|file| file.path().extension().is_some_and(|e| e == "toml"))
            .filter_map(|file| {
                Some((format!("scenarios/profiles/{}", file.path().display()), file.contents_utf8()?))
            })
            .collect();
        files.sort();
        files
    }

    /// The built-in profile of this name.
    ///
    /// # Errors
    /// There is none; the hint names the nearest.
    pub fn find(name: &str) -> Result<&'static Self, ProfileError> {
        if let Some(profile) = Self::builtin().iter().find(|profile| profile.name == name) {
            return Ok(profile);
        }
        if let Some((_, mistakes)) = BUILTIN.bad.iter().find(|(bad, _)| bad == name) {
            return Err(ProfileError::Mistakes { name: name.to_owned(), mistakes: mistakes.clone() });
        }
        let known = Self::builtin().iter().map(|profile| profile.name.clone()).collect();
        Err(ProfileError::Unknown { name: name.to_owned(), known })
    }

    /// Whether a file is meant, and no built-in profile: a path has a slash in it or ends in `.toml`.
    #[must_use]
    pub fn is_path(name_or_path: &str) -> bool {
        let path = Path::new(name_or_path);
        path.extension().is_some_and(|e| e == "toml") || path.components().count() > 1
    }

    /// A built-in profile by its name, or the profile of a file ([`Profile::is_path`]).
    ///
    /// # Errors
    /// No such profile, an unreadable file, mistakes in it.
    pub fn load(name_or_path: &str) -> Result<Self, ProfileError> {
        if !Self::is_path(name_or_path) {
            return Self::find(name_or_path).cloned();
        }
        let text = std::fs::read_to_string(name_or_path)
            .map_err(|e| ProfileError::Read { path: name_or_path.to_owned(), cause: e.to_string() })?;
        Self::parse(name_or_path, &text)
            .map_err(|mistakes| ProfileError::Mistakes { name: name_or_path.to_owned(), mistakes })
    }

    /// Reads a profile file. What it names elsewhere is not compared: [`Profile::check`] does that.
    ///
    /// # Errors
    /// Every mistake that can be told from the others, in the order of the file.
    pub fn parse(file: &str, text: &str) -> Result<Self, Vec<Mistake>> {
        Self::check(file, text, &Known::default())
    }

    /// As [`Profile::parse`], and compares the scenarios, controls and words that it names with the known ones.
    ///
    /// # Errors
    /// Every mistake that can be told from the others, in the order of the file.
    pub fn check(file: &str, text: &str, known: &Known) -> Result<Self, Vec<Mistake>> {
        parse::profile(file, text, known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_profile_is_read_and_called_as_its_file() {
        for (file, text) in Profile::builtin_files() {
            match Profile::parse(&file, text) {
                Ok(profile) => assert_eq!(profile.name, stem(&file).as_str(), "{file}"),
                Err(mistakes) => {
                    let all: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
                    panic!("{}", all.join("\n\n"));
                }
            }
        }
        assert!(Profile::find("sec-17a-4").is_ok());
    }

    #[test]
    fn a_name_that_is_none_is_answered_with_the_nearest() {
        let error = Profile::load("sec-17a4").expect_err("no such profile");
        assert_eq!(error.hint().as_deref(), Some("did you mean `sec-17a-4`?"));
        assert!(matches!(Profile::load("./none.toml"), Err(ProfileError::Read { .. })));
    }
}
