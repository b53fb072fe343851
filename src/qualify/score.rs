//! What the matrix comes to: which defects are caught and by what, which scenarios can fail and on what.

use serde::{Deserialize, Serialize};

use crate::qualify::{Cell, Column, Matrix, Together};
use crate::record::{Cause, Verdict};

/// The version of the result's format.
pub const SCHEMA: &str = "wormproof/qualification/1";

/// The result of a qualification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Qualification {
    /// [`SCHEMA`].
    pub schema: String,
    /// The version of the tool.
    pub version: String,
    /// The suite's digest.
    pub suite: String,
    /// The matrix's digest.
    pub matrix: String,
    /// The score.
    pub score: Score,
    /// Two defects at once, if that was tried.
    #[serde(default)]
    pub together: Option<Together>,
    /// Every defect, in the order of the table.
    pub defects: Vec<DefectRow>,
    /// Every scenario, in the order of ids.
    pub scenarios: Vec<ScenarioRow>,
}

/// The score: what is found of what there is to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Score {
    /// Defects that are caught.
    pub caught: usize,
    /// Defects in all.
    pub defects: usize,
    /// Scenarios that pass on the sound server and fail on at least one defect.
    pub proven: usize,
    /// Scenarios in all.
    pub scenarios: usize,
}

/// One defect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DefectRow {
    /// Its name.
    pub name: String,
    /// What the server does wrong.
    pub summary: String,
    /// Whether the server as a whole is useless with it.
    pub useless: bool,
    /// Whether it is caught: by a fail; a useless one by no pass and an exit code other than 0.
    pub caught: bool,
    /// The exit code of an audit.
    pub exit_code: u8,
    /// The scenarios that fail on it.
    pub by: Vec<String>,
}

/// One scenario.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScenarioRow {
    /// Its id.
    pub id: String,
    /// Its verdict on the sound server.
    pub sound: Verdict,
    /// Why, if that is not a pass.
    pub reason: Option<String>,
    /// The defects that it fails on by what it tests.
    pub fails_on: Vec<String>,
    /// The defects that its setup alone already shows: its own attacks and promises are not proven by them.
    pub setup_fails_on: Vec<String>,
}

impl ScenarioRow {
    /// Whether its passes mean something: it passes on the sound server, and some defect fails it.
    #[must_use]
    pub fn is_proven(&self) -> bool {
        self.sound == Verdict::Pass && !self.fails_on.is_empty()
    }
}

/// The first digits of a digest.
fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}

impl Score {
    /// In a sentence.
    #[must_use]
    pub fn sentence(self) -> String {
        format!(
            "{} of {} seeded defects are caught, {} of {} scenarios pass on the sound server and can fail",
            self.caught, self.defects, self.proven, self.scenarios
        )
    }

    /// Whether nothing is left to be desired.
    #[must_use]
    pub fn is_full(self) -> bool {
        self.caught == self.defects && self.proven == self.scenarios
    }
}

/// Whether a server is shown up.
fn is_caught(column: &Column) -> bool {
    if column.defect.is_some_and(|d| d.useless) {
        column.with(Verdict::Pass).next().is_none() && column.exit_code != 0
    } else {
        column.with(Verdict::Fail).next().is_some()
    }
}

/// What was reckoned for the suite that is built in; CI makes it again and compares.
const BUILT_IN: &str = include_str!("../../reports/qualification.json");

impl Qualification {
    /// The qualification that is built into this program; `None` if it cannot be read.
    #[must_use]
    pub fn built_in() -> Option<Self> {
        serde_json::from_str(BUILT_IN).ok().filter(|q: &Self| q.schema == SCHEMA)
    }

    /// In a sentence, for a report of a run of the suite with this digest.
    #[must_use]
    pub fn sentence(suite: &str) -> String {
        match Self::built_in() {
            None => "not qualified: this version has no qualification".to_owned(),
            Some(q) if q.suite != suite => {
                format!("not qualified: the suite is not the one that was qualified ({})", short(&q.suite))
            }
            Some(q) if q.together.as_ref().is_some_and(|t| !t.hidden.is_empty()) => {
                "not qualified: there are pairs of defects that are not caught".to_owned()
            }
            Some(q) if !q.score.is_full() => format!("not qualified: {}", q.score.sentence()),
            Some(q) => {
                let pairs = q.together.as_ref().map(|t| format!("; {}", t.sentence())).unwrap_or_default();
                format!("qualified: {}{pairs} (matrix {})", q.score.sentence(), short(&q.matrix))
            }
        }
    }

    /// Reckons the result.
    #[must_use]
    pub fn of(matrix: &Matrix) -> Self {
        let id = |place: usize| matrix.scenarios.get(place).cloned().unwrap_or_default();
        let defects: Vec<DefectRow> = matrix
            .defects
            .iter()
            .filter_map(|column| {
                let info = column.defect?;
                Some(DefectRow {
                    name: info.name.to_owned(),
                    summary: info.summary.to_owned(),
                    useless: info.useless,
                    caught: is_caught(column),
                    exit_code: column.exit_code,
                    by: column.with(Verdict::Fail).map(id).collect(),
                })
            })
            .collect();
        let fails = |place: usize, in_setup: bool| -> Vec<String> {
            let wanted =
                |cell: &Cell| cell.verdict == Verdict::Fail && (cell.cause == Cause::NotKept) == in_setup;
            let of = matrix.defects.iter().filter(|c| c.cells.get(place).is_some_and(wanted));
            of.filter_map(|c| c.defect).map(|d| d.name.to_owned()).collect()
        };
        let scenarios: Vec<ScenarioRow> = matrix
            .scenarios
            .iter()
            .zip(&matrix.sound.cells)
            .enumerate()
            .map(|(place, (id, cell))| ScenarioRow {
                id: id.clone(),
                sound: cell.verdict,
                reason: (cell.verdict != Verdict::Pass).then(|| cell.reason.clone()),
                fails_on: fails(place, false),
                setup_fails_on: fails(place, true),
            })
            .collect();
        let score = Score {
            caught: defects.iter().filter(|d| d.caught).count(),
            defects: defects.len(),
            proven: scenarios.iter().filter(|s| s.is_proven()).count(),
            scenarios: scenarios.len(),
        };
        Self {
            schema: SCHEMA.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            suite: matrix.suite.clone(),
            matrix: matrix.digest(),
            score,
            together: None,
            defects,
            scenarios,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Suite;

    #[test]
    fn the_built_in_suite_is_qualified_and_another_is_not() {
        let suite = Suite::builtin().expect("the suite").digest;
        let said = Qualification::sentence(&suite);
        assert!(
            said.starts_with("qualified: "),
            "{said}\nmake it again: wormproof qualify --format json --output reports/qualification.json"
        );
        assert!(Qualification::sentence("another").starts_with("not qualified"));
    }
}
