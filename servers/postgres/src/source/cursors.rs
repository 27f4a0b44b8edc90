//! Queries whose rows were not all read: kept open for a while, so that the next page goes on where
//! the last one ended. They live in this process and in a transaction of the database, so there are
//! few of them and they don't live long.

use std::collections::VecDeque;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use super::reading::{KEPT, Rows};

/// As many are kept; the oldest makes room.
const MOST: usize = 4;

/// Bytes of rows that they may hold together, but for those of the last one.
const MOST_BYTES: usize = 16 * 1024 * 1024;

#[derive(Default)]
pub(crate) struct Cursors {
    kept: Mutex<Kept>,
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
    /// How many rows were read before.
    position: u64,
    rows: Rows,
    since: Instant,
}

impl Cursors {
    /// Keeps `rows`, of which `position` were read; the number to ask for them by.
    pub(crate) fn keep(&self, rows: Rows, position: u64) -> u64 {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.open.retain(|cursor| cursor.since.elapsed() < KEPT);
        if kept.open.len() >= MOST {
            kept.open.pop_front();
        }
        while kept.open.iter().map(|cursor| cursor.rows.weight()).sum::<usize>() > MOST_BYTES {
            kept.open.pop_front();
        }
        kept.last += 1;
        let id = kept.last;
        kept.open.push_back(Cursor { id, position, rows, since: Instant::now() });
        id
    }

    /// Takes the rows that go on at `position`; none if their time is over, or if that page was
    /// read before.
    pub(crate) fn take(&self, id: u64, position: u64) -> Option<Rows> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.open.iter().position(|cursor| (cursor.id, cursor.position) == (id, position));
        let cursor = kept.open.remove(at?)?;
        (cursor.since.elapsed() < KEPT).then_some(cursor.rows)
    }
}
