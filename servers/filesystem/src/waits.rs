//! Waits for changes: how many there may be, and the watches that are kept between two calls, so
//! that what changes in between is noticed. A kept watch is a shortcut with an end: after it, file
//! times have to tell.

use std::sync::Arc;
use std::time::Duration;

use lockkeeper_core::{Shelf, ToolError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::source::Watch;

/// As many calls wait at once, if that leaves half of the calls' places to others.
const MOST_WAITING: usize = 4;
/// As many watches are kept, with as many files and directories in all, for so long.
const MOST_KEPT: usize = 4;
const MOST_ENTRIES: usize = 200_000;
const KEPT_FOR: Duration = Duration::from_mins(2);

/// The places for waits, and what is kept between them.
pub(crate) struct Waits {
    places: Arc<Semaphore>,
    most: usize,
    kept: Shelf<Box<Watch>>,
}

impl Waits {
    /// Of so many calls at once, at most half wait.
    pub(crate) fn new(concurrency: usize) -> Self {
        let most = (concurrency / 2).clamp(1, MOST_WAITING);
        let kept =
            Shelf::weighing(MOST_KEPT, KEPT_FOR, MOST_ENTRIES, |watch: &Box<_>| Watch::size(watch));
        Self { places: Arc::new(Semaphore::new(most)), most, kept }
    }

    /// A place to wait.
    pub(crate) fn place(&self) -> Result<OwnedSemaphorePermit, ToolError> {
        Arc::clone(&self.places).try_acquire_owned().map_err(|_| {
            ToolError::new("busy", format!("{} calls wait for changes already", self.most))
                .hint("name all paths in one call, or wait until another call has ended")
                .retry_after_s(5)
        })
    }

    /// The watch that was kept under this number, if it still is.
    pub(crate) fn take(&self, id: u64) -> Option<Box<Watch>> {
        self.kept.take(id)
    }

    /// Keeps a watch for the next call; returns its number.
    pub(crate) fn keep(&self, watch: Box<Watch>) -> u64 {
        self.kept.keep(watch)
    }
}
