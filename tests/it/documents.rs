//! The documents that the profiles come from, set up literally, with the least corrections, and right.

mod demo;
