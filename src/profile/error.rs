//! Why a profile cannot be used.

use crate::located::{Mistake, near};

/// Why a profile cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// No built-in profile has this name.
    #[error("there is no profile `{name}`")]
    Unknown {
        /// As given.
        name: String,
        /// The names of the built-in ones.
        known: Vec<String>,
    },
    /// The file holds mistakes.
    #[error("{} in the profile {name}", count(mistakes.len()))]
    Mistakes {
        /// The profile, or its file.
        name: String,
        /// All of them, in the order of the file.
        mistakes: Vec<Mistake>,
    },
    /// The file cannot be read.
    #[error("cannot read the profile {path}: {cause}")]
    Read {
        /// The file.
        path: String,
        /// The operating system's words.
        cause: String,
    },
    /// A value is given for a variable that the profile does not have.
    #[error("the profile {profile} has no variable `{name}`")]
    UnknownVariable {
        /// The profile.
        profile: String,
        /// As given.
        name: String,
        /// The profile's variables.
        known: Vec<String>,
    },
    /// A variable has neither a value nor a default.
    #[error("the profile {profile} needs a value for `{name}`: {text}")]
    NoValue {
        /// The profile.
        profile: String,
        /// The variable.
        name: String,
        /// What it is for.
        text: String,
    },
}

fn count(n: usize) -> String {
    if n == 1 { "a mistake".to_owned() } else { format!("{n} mistakes") }
}

impl ProfileError {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown { name, known } => {
                near(name, known.iter().map(String::as_str)).or_else(|| Some(known.join(", ")))
            }
            Self::Mistakes { name, .. } => Some(format!("`wormproof profiles check {name}` shows them")),
            Self::Read { .. } => Some("name a built-in profile, or a profile file (TOML)".to_owned()),
            Self::UnknownVariable { known, .. } if known.is_empty() => Some("it has none".to_owned()),
            Self::UnknownVariable { name, known, .. } => near(name, known.iter().map(String::as_str)),
            Self::NoValue { name, .. } => Some(format!("give it with `--set {name}=…`")),
        }
    }
}
