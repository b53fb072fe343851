//! The control catalogue: clauses of regulations and standards that a scenario can be evidence for.
//!
//! Citations are data, not code, because many public texts number these clauses wrongly: every entry carries
//! how far it was checked and when. The texts are paraphrases. Nothing here is legal advice.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// How far a citation was checked: the rule, the official document or a verbatim extract was read (V); a secondary
/// text was read (S); unverified (M); a tool was run and showed it (X).
const TRUST: &[&str] = &["V", "S", "M", "X"];

/// One clause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// The id to print (`SEC 17a-4(f)(2)(i)(B)`).
    pub id: String,
    /// Its title.
    pub title: String,
    /// What it demands, in a paraphrase of a line or two.
    pub text: String,
    /// Where it stands.
    pub source: String,
    /// How far the citation was checked: V, S, M or X.
    pub trust: String,
    /// The day on which it was checked (`2026-11-25`).
    pub verified_on: NaiveDate,
}

/// The catalogue, sorted by id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Controls {
    list: Vec<Control>,
}

/// A catalogue that could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ControlsError {
    /// Not TOML, or a key or value that the catalogue does not know.
    #[error("the control catalogue could not be read")]
    Toml(#[from] toml::de::Error),
    /// Two entries of one id.
    #[error("the control `{0}` is in the catalogue twice")]
    Twice(String),
    /// A trust that is not one of the four letters.
    #[error("the control `{id}` has the unknown trust `{trust}`")]
    Trust {
        /// The control.
        id: String,
        /// As written.
        trust: String,
    },
}

impl ControlsError {
    /// What the user can do.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        "each entry is a `[[control]]` with id, title, text, source, trust (V, S, M or X) and verified_on"
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    control: Vec<Control>,
}

const BUILTIN: &str = include_str!("../../scenarios/controls.toml");

impl Controls {
    /// The catalogue that is built in.
    ///
    /// # Errors
    /// Not in a build whose tests passed.
    pub fn builtin() -> Result<Self, ControlsError> {
        Self::parse(BUILTIN)
    }

    /// Reads a catalogue.
    ///
    /// # Errors
    /// Malformed text, unknown keys, an id that stands twice.
    pub fn parse(text: &str) -> Result<Self, ControlsError> {
        let mut list = toml::from_str::<File>(text)?.control;
        if let Some(wrong) = list.iter().find(|c| !TRUST.contains(&c.trust.as_str())) {
            return Err(ControlsError::Trust { id: wrong.id.clone(), trust: wrong.trust.clone() });
        }
        list.sort_by(|a, b| a.id.cmp(&b.id));
        if let Some(pair) = list.windows(2).find(|pair| pair[0].id == pair[1].id) {
            return Err(ControlsError::Twice(pair[0].id.clone()));
        }
        Ok(Self { list })
    }

    /// The entry of this id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Control> {
        self.list.binary_search_by(|c| c.id.as_str().cmp(id)).ok().and_then(|i| self.list.get(i))
    }

    /// All entries, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Control> {
        self.list.iter()
    }

    /// All entries, by id.
    #[must_use]
    pub fn into_list(self) -> Vec<Control> {
        self.list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_builtin_catalogue_reads_and_holds_what_the_documents_cite() {
        let controls = Controls::builtin().expect("a catalogue");
        for id in ["SEC 17a-4(f)(2)(i)(B)", "CCC.ObjStor.CN04.AR02", "CFTC 1.31(c)", "NIST 800-53 AU-9"] {
            assert!(controls.get(id).is_some(), "{id}");
        }
        assert!(controls.get("SEC 17a-4").is_none());
        for control in controls.iter() {
            assert!(control.text.len() < 260, "{}: a paraphrase, not a quotation", control.id);
        }
    }

    #[test]
    fn an_id_that_stands_twice_is_refused() {
        let one = "[[control]]\nid = \"A\"\ntitle = \"t\"\ntext = \"x\"\nsource = \"s\"\ntrust = \"V\"\nverified_on = \"2026-11-25\"\n";
        assert!(Controls::parse(one).is_ok());
        assert!(matches!(Controls::parse(&one.repeat(2)), Err(ControlsError::Twice(id)) if id == "A"));
        let certain = one.replace("\"V\"", "\"certain\"");
        assert!(matches!(Controls::parse(&certain), Err(ControlsError::Trust { .. })));
    }
}
