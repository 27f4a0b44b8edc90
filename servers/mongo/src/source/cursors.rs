//! Cursors whose documents were not all read: kept open for a while, so that the next page goes on
//! where the last one ended. They live in this process and on a server, so there are few of them and
//! they don't live long; one that is dropped is closed there, too.

use std::collections::VecDeque;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::reading::Documents;

/// As many are kept; the oldest makes room.
const MOST: usize = 8;

/// How long one is kept.
pub(crate) const KEPT: Duration = Duration::from_mins(1);

#[derive(Default)]
pub(crate) struct Cursors {
    kept: Arc<Mutex<Kept>>,
}

struct Kept {
    /// Begins anywhere, so that a cursor of another process names none of ours.
    last: u64,
    open: VecDeque<Cursor>,
}

impl Default for Kept {
    fn default() -> Self {
        let anywhere = RandomState::new().build_hasher().finish();
        Self { last: anywhere >> 24, open: VecDeque::new() }
    }
}

struct Cursor {
    id: u64,
    /// How many documents were read before.
    position: u64,
    documents: Documents,
    since: Instant,
}

impl Cursors {
    /// Keeps `documents`, of which `position` were read; the number to ask for them by.
    pub(crate) fn keep(&self, documents: Documents, position: u64) -> u64 {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.open.retain(|cursor| cursor.since.elapsed() < KEPT);
        if kept.open.len() >= MOST {
            kept.open.pop_front();
        }
        kept.last += 1;
        let id = kept.last;
        kept.open.push_back(Cursor { id, position, documents, since: Instant::now() });
        // Whoever isn't asked for more closes it all the same.
        let all = Arc::downgrade(&self.kept);
        #[expect(clippy::disallowed_methods, reason = "it belongs to no call and changes nothing")]
        tokio::spawn(async move {
            tokio::time::sleep(KEPT).await;
            if let Some(all) = all.upgrade() {
                let mut kept = all.lock().unwrap_or_else(PoisonError::into_inner);
                kept.open.retain(|cursor| cursor.since.elapsed() < KEPT);
            }
        });
        id
    }

    /// Takes the documents that go on at `position`; none if their time is over, or if that page was
    /// read before.
    pub(crate) fn take(&self, id: u64, position: u64) -> Option<Documents> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.open.iter().position(|cursor| (cursor.id, cursor.position) == (id, position));
        let cursor = kept.open.remove(at?)?;
        (cursor.since.elapsed() < KEPT).then_some(cursor.documents)
    }
}
