//! The documents that the profiles come from, set up as they say it, on the embedded server and on a real MinIO.
//! Findings, the documents' own mistakes included, are asserted from the record.

mod demo;
mod events;
mod evidence;
mod invoices;
pub mod least;
mod places;
mod right;
mod snapshots;
