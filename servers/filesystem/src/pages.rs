//! Results that have more pages than one: kept so that the next page doesn't walk the tree again.
//! Bounded, and only ever a shortcut: a page that isn't here is computed anew.

use std::sync::{Arc, Mutex, PoisonError};

use crate::source::{Diff, FindResult, SearchResult};

/// As many results as are kept; each takes a few megabytes at most.
const MOST: usize = 2;

/// The results kept, least recently used first.
#[derive(Default)]
pub(crate) struct Pages {
    kept: Mutex<Vec<(String, Kept)>>,
}

/// One result.
#[derive(Clone)]
pub(crate) enum Kept {
    Found(Arc<FindResult>),
    Searched(Arc<Chunk>),
    Compared(Arc<Diff>),
}

/// As much of a search's hits as fits into memory at once.
pub(crate) struct Chunk {
    /// How many items (lines, or files) of the whole result come before each of its files, and at
    /// last how many come before the next chunk.
    pub(crate) starts: Vec<u64>,
    /// The counts of the first chunk, which are those of the whole search.
    pub(crate) totals: Totals,
    pub(crate) result: SearchResult,
}

/// What a search counted.
#[derive(Clone, Copy)]
pub(crate) struct Totals {
    pub(crate) hits: u64,
    pub(crate) files: u64,
    pub(crate) searched: u64,
    pub(crate) binary: u64,
    pub(crate) unreadable: u64,
    pub(crate) too_large: u64,
    pub(crate) complete: bool,
}

impl Pages {
    pub(crate) fn get(&self, key: &str) -> Option<Kept> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.iter().position(|(known, _)| known == key)?;
        let entry = kept.remove(at);
        let found = entry.1.clone();
        kept.push(entry);
        Some(found)
    }

    pub(crate) fn put(&self, key: String, value: Kept) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(known, _)| *known != key);
        if kept.len() >= MOST {
            kept.remove(0);
        }
        kept.push((key, value));
    }

    pub(crate) fn drop(&self, key: &str) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(known, _)| known != key);
    }
}
