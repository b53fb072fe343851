//! What a scenario means, its file format, the suite, refusal dialects, the control catalogue, and
//! which rights an action needs.
//!
//! A scenario speaks in symbolic names (`ledger`, `own`, `planted`); real buckets, keys and version
//! ids exist only in `run`.

mod check;
pub mod controls;
pub mod coverage;
pub mod model;
pub mod parse;
pub mod refusals;
pub mod rights;
pub mod shown;
pub mod suite;
pub mod vocabulary;

pub use controls::{Control, Controls};
pub use coverage::{Coverage, CoverageError};
pub use model::*;
pub use parse::{Mistake, parse_file};
pub use refusals::{Dialect, Dialects};
pub use rights::{Right, Role};
pub use suite::Suite;
pub use vocabulary::*;
