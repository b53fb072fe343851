//! wormproof: a compliance audit and conformance test harness for write-once (WORM) object storage.
//!
//! ```text
//!   scenarios/*.toml ─ scenario ─┐            target: embedded ─ server    policy: documents, evaluated
//!   profiles/*.toml ── profile ──┤                    binary, container ┐      │
//!                                │                    endpoint ─────────┤      ├─ analyse: who could weaken it
//!                                ▼                                      ▼      │
//!   cli ──────────────────────► run ── requests ──► store ──────────► a bucket ┘
//!    │   plan, journal, cleanup  │                    ▲
//!    │                           │                    └── scan: every version; samples; event logs
//!    │                           ▼
//!    └─────────────────────►  record: events, evidence ── judge ── verdicts, profile's result, exit code
//!                                │
//!                                ├─► report: terminal, PDF, JUnit, JSON, metrics (pure functions of the record)
//!                                ├─► sign: signatures of record and PDF; verify judges the evidence again
//!                                └─► qualify: the suite on the embedded server, one defect at a time, and by pairs
//!   harden: from a profile to policies, configurations, commands, a proxy
//! ```
//!
//! Imports between modules go one way (`tests/it/arrows.rs` compares). `lock`, `time`, `exchange` and `located` (mistakes in
//! files, shown like a compiler's) lie below all others. Only `store` and `server` open sockets, only `config` reads the
//! environment, only `time` asks the clock.

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
