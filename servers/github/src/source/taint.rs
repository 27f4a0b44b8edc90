//! What was read, as far as it decides what may be written: once private data and text that
//! strangers may have written were both read, nothing goes to a public repository, or that text
//! could have made an agent carry the data there.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long what was read is held against writes.
const KEPT: Duration = Duration::from_hours(12);

/// So many repositories whose visibility isn't known are remembered; beyond that it is taken to be
/// what forbids most.
const MOST_UNKNOWN: usize = 64;

/// What was read so far.
#[derive(Debug, Default)]
pub(crate) struct Taint(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    private: Option<Mark>,
    untrusted: Option<Mark>,
    unknown: BTreeMap<String, Instant>,
}

#[derive(Debug, Clone)]
struct Mark {
    place: String,
    at: Instant,
}

impl Taint {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something of this place was read.
    pub(crate) fn saw(&self, place: &str, is_private: bool) {
        let mark = Mark { place: place.to_owned(), at: Instant::now() };
        let mut seen = self.seen();
        if is_private { seen.private = Some(mark) } else { seen.untrusted = Some(mark) }
    }

    /// Something of a repository was read of which only the name is known.
    pub(crate) fn saw_unknown(&self, repo: &str) {
        let now = Instant::now();
        let mut seen = self.seen();
        if seen.unknown.len() >= MOST_UNKNOWN && !seen.unknown.contains_key(repo) {
            let mark = Mark { place: repo.to_owned(), at: now };
            seen.private = Some(mark.clone());
            seen.untrusted = Some(mark);
            return;
        }
        seen.unknown.insert(repo.to_owned(), now);
    }

    /// The repositories whose visibility would have to be known, taken out.
    pub(crate) fn take_unknown(&self) -> Vec<String> {
        let unknown = std::mem::take(&mut self.seen().unknown);
        unknown.into_iter().filter(|(_, at)| at.elapsed() < KEPT).map(|(repo, _)| repo).collect()
    }

    /// Where private data and where text of strangers was read, if both were.
    pub(crate) fn both(&self) -> Option<(String, String)> {
        let seen = self.seen();
        let held = |mark: &Option<Mark>| {
            mark.as_ref().filter(|mark| mark.at.elapsed() < KEPT).map(|mark| mark.place.clone())
        };
        Some((held(&seen.private)?, held(&seen.untrusted)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn both_together_count_in_any_order_and_for_a_while() {
        for first in [true, false] {
            let taint = Taint::default();
            taint.saw("a", first);
            assert_eq!(taint.both(), None);
            taint.saw("b", !first);
            assert!(taint.both().is_some());
            tokio::time::advance(KEPT).await;
            assert_eq!(taint.both(), None);
        }
        let taint = Taint::default();
        for n in 0..=MOST_UNKNOWN {
            taint.saw_unknown(&format!("o/{n}"));
        }
        assert!(taint.both().is_some());
    }
}
