//! When work must end early. Blocking code (a walk, a search) can't be dropped like a future, so
//! it looks at a [`Stop`] between two pieces of work; it must never wait on anything else.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// Tells blocking work that its caller has gone, or that its time is nearly up.
///
/// Cloning is cheap; all clones share one flag.
#[derive(Debug, Clone)]
pub struct Stop {
    gone: Arc<AtomicBool>,
    pause_at: Instant,
}

impl Stop {
    /// A stop that asks for a pause at `pause_at` and has not been cancelled.
    pub fn new(pause_at: Instant) -> Self {
        Self { gone: Arc::new(AtomicBool::new(false)), pause_at }
    }

    /// Cancels the work: nobody waits for its result any more.
    pub fn cancel(&self) {
        self.gone.store(true, Ordering::Relaxed);
    }

    /// Whether the caller has gone. One relaxed load: check it every few microseconds of work.
    pub fn is_cancelled(&self) -> bool {
        self.gone.load(Ordering::Relaxed)
    }

    /// When long work should answer; see [`Stop::is_due`].
    pub fn due_at(&self) -> Instant {
        self.pause_at
    }

    /// Whether long work should now answer with what it has and a `next` (the call budget).
    /// Reads the clock: check it per file or per few hundred entries.
    pub fn is_due(&self) -> bool {
        Instant::now() >= self.pause_at
    }
}
