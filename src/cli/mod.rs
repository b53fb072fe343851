//! The command line: one file a command; the only place where the parts are wired together.

pub mod args;
