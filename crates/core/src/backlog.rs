//! What waits for the client to read. Before it grows, no further request is read and no further
//! call begins, so that a client which asks and never reads costs little.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// With this many bytes waiting to be written, nothing new begins.
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// Nor with this many answers on their way through rmcp, whose bytes nobody has counted yet.
const MOST_ANSWERS: usize = 64;

/// See the module's documentation.
#[derive(Default)]
pub(crate) struct Backlog {
    bytes: AtomicUsize,
    answers: AtomicUsize,
    less: Notify,
}

impl Backlog {
    /// A request was handled and its answer begins its way.
    pub(crate) fn answered(&self) {
        self.answers.fetch_add(1, Ordering::Relaxed);
    }

    /// An answer has become a line, or was dropped.
    pub(crate) fn arrived(&self) {
        self.answers.fetch_sub(1, Ordering::Relaxed);
        self.less.notify_waiters();
    }

    /// So much is to be written.
    pub(crate) fn add(&self, bytes: usize) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// So much was written.
    pub(crate) fn remove(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.less.notify_waiters();
    }

    /// Whether something new may begin.
    pub(crate) fn is_low(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) < MOST_BYTES
            && self.answers.load(Ordering::Relaxed) < MOST_ANSWERS
    }

    /// Waits until something went out.
    pub(crate) async fn shrinks(&self) {
        self.less.notified().await;
    }

    /// Waits until something new may begin.
    pub(crate) async fn low(&self) {
        loop {
            if self.is_low() {
                return;
            }
            let less = self.less.notified();
            tokio::pin!(less);
            less.as_mut().enable();
            if self.is_low() {
                return;
            }
            less.await;
        }
    }
}
