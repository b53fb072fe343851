//! The scan: every version and delete marker of a bucket or prefix, the lock of each, judged against a
//! requirement. It sends only reads.

pub mod rules;
