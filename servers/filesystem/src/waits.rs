//! Waits for changes: how many there may be, and the watches that are kept between two calls, so
//! that what changes in between is noticed. A kept watch is a shortcut with an end: after it, file
//! times have to tell.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use lockkeeper_core::ToolError;
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
    kept: Arc<Mutex<Shelf>>,
}

#[derive(Default)]
struct Shelf {
    /// The longest kept first.
    watches: Vec<Kept>,
    /// Somebody sees to it that they expire.
    is_tended: bool,
}

struct Kept {
    id: u64,
    since: Instant,
    watch: Box<Watch>,
}

impl Waits {
    /// Of so many calls at once, at most half wait.
    pub(crate) fn new(concurrency: usize) -> Self {
        let most = (concurrency / 2).clamp(1, MOST_WAITING);
        Self { places: Arc::new(Semaphore::new(most)), most, kept: Arc::default() }
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
        let mut shelf = lock(&self.kept);
        let at = shelf.watches.iter().position(|kept| kept.id == id)?;
        Some(shelf.watches.remove(at).watch)
    }

    /// Keeps a watch for the next call; returns its number.
    pub(crate) fn keep(&self, watch: Box<Watch>) -> u64 {
        // 32 random bits leave the cursor short; it is sealed, so nobody guesses.
        let id = RandomState::new().hash_one(0_u8) >> 32;
        let mut shelf = lock(&self.kept);
        let mut entries = watch.size();
        shelf.watches.push(Kept { id, since: Instant::now(), watch });
        let mut from = shelf.watches.len() - 1;
        while let Some(before) = from.checked_sub(1)
            && let Some(kept) = shelf.watches.get(before)
            && shelf.watches.len() - before <= MOST_KEPT
            && entries + kept.watch.size() <= MOST_ENTRIES
        {
            entries += kept.watch.size();
            from = before;
        }
        shelf.watches.drain(..from);
        if !std::mem::replace(&mut shelf.is_tended, true) {
            drop(shelf);
            let kept = Arc::downgrade(&self.kept);
            #[expect(clippy::disallowed_methods, reason = "it ends with what it tends")]
            drop(tokio::spawn(tend(kept)));
        }
        id
    }
}

/// Drops what has been kept long enough, and ends when nothing is left.
async fn tend(kept: Weak<Mutex<Shelf>>) {
    loop {
        tokio::time::sleep(KEPT_FOR / 8).await;
        let Some(kept) = kept.upgrade() else { return };
        let mut shelf = lock(&kept);
        shelf.watches.retain(|kept| kept.since.elapsed() < KEPT_FOR);
        if shelf.watches.is_empty() {
            shelf.is_tended = false;
            return;
        }
    }
}

fn lock(kept: &Mutex<Shelf>) -> MutexGuard<'_, Shelf> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}
