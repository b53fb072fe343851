//! The integration tests, in one binary.
#![expect(clippy::expect_used, reason = "a test that cannot go on panics")]

mod analyse;
mod arrows;
mod audit;
mod bad_input;
mod bad_scenarios;
mod cli;
mod coverage;
mod hardened;
mod interrupted;
mod live;
mod qualify;
mod reference;
mod scan;
mod secrets;
mod servers;
mod store;
mod transport;
