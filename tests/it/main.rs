//! The integration tests, in one binary.
#![expect(clippy::expect_used, reason = "a test that cannot go on panics")]

mod analyse;
mod analyse_in_audit;
mod arrows;
mod audit;
mod bad_input;
mod bad_scenarios;
mod cli;
mod coverage;
mod documents;
mod event_log;
mod hardened;
mod interrupted;
mod live;
mod metrics;
mod planned;
mod profile_applied;
mod profile_documents;
mod profiles;
mod qualify;
mod reference;
mod release;
mod rights;
mod scan;
mod scan_terms;
mod secrets;
mod servers;
mod store;
mod trail;
mod transport;
