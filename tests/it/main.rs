//! The integration tests, in one binary.
#![expect(clippy::expect_used, reason = "a test that cannot go on panics")]

mod arrows;
mod audit;
mod bad_scenarios;
mod reference;
mod scan;
mod servers;
mod qualify;
mod store;
mod transport;
