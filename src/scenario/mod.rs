//! What a scenario means, its file format, the suite, refusal dialects, the control catalogue, and
//! which rights an action needs.
//!
//! A scenario speaks in symbolic names (`ledger`, `own`, `planted`); real buckets, keys and version
//! ids exist only in `run`.

pub mod model;
pub mod rights;

pub use model::*;
pub use rights::{Right, Role};
