//! The flag by which a run is stopped from outside (Ctrl-C).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// A flag that is raised once and can be waited for. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct CancellationFlag {
    inner: Arc<(AtomicBool, Notify)>,
}

impl CancellationFlag {
    /// A flag that is down.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Raises the flag and wakes everybody who waits.
    pub fn raise(&self) {
        self.inner.0.store(true, Ordering::SeqCst);
        self.inner.1.notify_waiters();
    }

    /// Whether it was raised.
    #[must_use]
    pub fn is_raised(&self) -> bool {
        self.inner.0.load(Ordering::SeqCst)
    }

    /// Waits until it is raised.
    pub async fn raised(&self) {
        loop {
            // Registered before the flag is asked, so that a raise in between is not missed.
            let notified = self.inner.1.notified();
            if self.is_raised() {
                return;
            }
            notified.await;
        }
    }
}
