//! TOML files that people write, read with their places: a mistake is shown like a compiler's, with file, line,
//! column, the line itself and the nearest known word. Scenario and profile files are read with it.
//!
//! It knows the shapes of values, not what any key means.

mod mistake;
pub(crate) mod reader;

pub use mistake::Mistake;
pub(crate) use mistake::{Page, line_of, near};
pub(crate) use reader::{Places, Reader};
