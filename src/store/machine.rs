//! What the tool can do to a server that it started itself, beside sending requests: stop it, start it again, and
//! move the clock by which it judges locks.
//!
//! The switch belongs to the target; a run is only handed it. Who uses it must be alone on the server.

use std::fmt::Debug;

use chrono::TimeDelta;

use crate::store::wire::BoxFuture;

/// A server's own switches.
pub trait Machine: Debug + Send + Sync {
    /// Stops the server and starts it again on the same data, under the same address; comes back when it answers.
    /// `crash`: it is killed where it stands, instead of being asked to end. Gives what was done, in words.
    ///
    /// # Errors
    /// Why it did not come back, in words.
    fn restart(&self, crash: bool) -> BoxFuture<'_, Result<String, String>>;

    /// Moves the clock by which locks are judged, from where it stands; negative is back. Gives what was done.
    ///
    /// # Errors
    /// Why it could not be moved, in words.
    fn move_clock(&self, by: TimeDelta) -> BoxFuture<'_, Result<String, String>>;

    /// How the server is restarted.
    ///
    /// # Errors
    /// Why it cannot be.
    fn restarts(&self) -> Result<String, String>;

    /// How its clock is moved.
    ///
    /// # Errors
    /// Why it cannot be.
    fn clock(&self) -> Result<String, String>;
}
