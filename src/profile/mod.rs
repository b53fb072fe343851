//! What is required of a store: profiles as data, the requirement on every version, calendars; and the waivers
//! that accept a failure for a while.
//!
//! A profile says what somebody asks for (a document, a rule, a standard), where that comes from, and what in a
//! record would show it. It judges nothing: the scan judges versions by [`Requirement`], and the record says of
//! each [`Item`], [`ControlClaim`] and [`DocumentClaim`] what was shown.

mod builtin;
pub mod calendar;
mod error;
pub mod event_log;
pub mod model;
mod parse;
mod release;
pub mod requirement;
mod variables;
mod waiver;

pub use calendar::ClockStart;
pub use error::ProfileError;
pub use event_log::EventLogRules;
pub use model::{
    Attacks, ConfigurationDemand, ControlClaim, DefaultDemand, DocumentClaim, Evidence, Item, Need, Profile,
    Upload, Variable,
};
pub use parse::Known;
pub use release::{Release, ReleaseDemand};
pub use requirement::{HoldRule, Matching, Override, Requirement};
pub use waiver::Waiver;
