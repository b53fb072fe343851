//! Qualification: does the tool find what it says it finds? The suite runs against the embedded server with
//! one defect switched on at a time.
//!
//! ```text
//! Stand (one sound or defective server, made ready) ─ fork ─► scenario ─► judge ─► Cell
//!                                                  every defect × every scenario ─► Matrix ─► Qualification
//! ```
//!
//! A defect is *caught* if a scenario fails on it. A server that is useless as a whole (it refuses or fails
//! everything) is caught if no scenario passes and the exit code is not 0. A scenario that no defect can fail
//! proves nothing, and is an error here.
//!
//! A sample of pairs of defects is switched on together, too: a second defect must not hide the first ([`Together`]).
//!
//! What it does not know: real servers. It shows that the suite sees these faults, not that there are no others.

mod matrix;
mod pairs;
mod rights;
mod score;
mod stand;
mod together;

pub use matrix::{Cell, Column, Matrix, MatrixOptions, matrix, one_server, run_pairs};
pub use pairs::{Pairs, PairsError};
pub use rights::{Change, ChangedRun, changed_rights};
pub use score::{DefectRow, Qualification, SCHEMA, ScenarioRow, Score};
pub use stand::{Seen, Stand};
pub use together::{Together, together};

use crate::target::TargetError;

/// What can go wrong beside a defect that is not caught.
#[derive(Debug, thiserror::Error)]
pub enum QualifyError {
    /// The embedded server could not be made ready.
    #[error("the embedded server could not be made ready: {0}")]
    Target(#[from] TargetError),
    /// A pair names a defect or a scenario that is not there.
    #[error("there is no defect or scenario `{0}`")]
    Unknown(String),
    /// A worker could not be started, or ended early.
    #[error("a worker of the matrix failed: {0}")]
    Worker(String),
}
