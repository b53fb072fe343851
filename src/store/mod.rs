//! The port to a store: requests, answers, states. Only this module and `server` open sockets.

pub mod wire;
