//! wormproof: a compliance audit and conformance test harness for write-once (WORM) object storage.

pub mod analyse;
pub mod cli;
pub mod config;
pub mod exchange;
pub mod harden;
pub mod located;
pub mod lock;
pub mod policy;
pub mod profile;
pub mod qualify;
pub mod record;
pub mod report;
pub mod run;
pub mod scan;
pub mod scenario;
pub mod server;
pub mod sign;
pub mod store;
pub mod target;
pub mod time;
