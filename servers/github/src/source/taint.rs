//! What was read, as far as it decides what may be written: once private data and text that
//! strangers may have written were both read, nothing goes to a public repository without a person's
//! yes, or that text could have made an agent carry the data there. It holds for all processes of
//! whoever runs the server, whatever token they have: it is the agent that remembers.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lockkeeper_core::{Marks, Ongoing, Sight};
use tokio::time::Instant;

/// How long what was read is held against writes.
const KEPT: Duration = Duration::from_hours(12);

/// What was seen again is marked again after this time, and not with every read.
const RENEWED: Duration = Duration::from_mins(1);

/// So many repositories whose visibility isn't known are remembered; beyond that it is taken to be
/// what forbids most.
const MOST_UNKNOWN: usize = 256;

const PRIVATE: &str = "private";
const UNTRUSTED: &str = "untrusted";
const UNKNOWN: &str = "unknown ";

/// What was read so far.
#[derive(Debug, Default)]
pub(crate) struct Taint {
    seen: Mutex<Seen>,
    marks: Marks,
}

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
    /// When siblings were told.
    told: Instant,
}

/// Where private data and where text of strangers was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Both {
    pub(crate) private: String,
    pub(crate) untrusted: String,
}

impl Taint {
    pub(crate) fn new(marks: Marks) -> Self {
        Self { seen: Mutex::default(), marks }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something of this place was read; what is public is anybody's text.
    pub(crate) fn saw(&self, place: &str, is_private: bool) {
        self.saw_as(place, Sight { private: is_private, untrusted: !is_private });
    }

    /// Something of this place was read that is of this kind. The answer that it goes into is
    /// labelled so.
    pub(crate) fn saw_as(&self, place: &str, sight: Sight) {
        if let Some(ongoing) = Ongoing::current() {
            ongoing.saw(sight);
        }
        let mut seen = self.seen();
        if sight.private {
            self.note(&mut seen.private, (PRIVATE, place));
        }
        if sight.untrusted {
            self.note(&mut seen.untrusted, (UNTRUSTED, place));
        }
    }

    fn note(&self, mark: &mut Option<Mark>, (key, place): (&str, &str)) {
        let now = Instant::now();
        let told = mark.as_ref().map(|mark| mark.told).filter(|told| told.elapsed() < RENEWED);
        if told.is_none() {
            self.marks.set(key, place);
        }
        *mark = Some(Mark { place: place.to_owned(), at: now, told: told.unwrap_or(now) });
    }

    /// Something of a repository was read of which only the name is known.
    pub(crate) fn saw_unknown(&self, repo: &str) {
        // It may be either.
        if let Some(ongoing) = Ongoing::current() {
            ongoing.saw(Sight { private: true, untrusted: true });
        }
        let now = Instant::now();
        let mut seen = self.seen();
        let Some(told) = seen.unknown.get(repo) else {
            if seen.unknown.len() >= MOST_UNKNOWN {
                self.note(&mut seen.private, (PRIVATE, repo));
                self.note(&mut seen.untrusted, (UNTRUSTED, repo));
                return;
            }
            self.marks.set(&format!("{UNKNOWN}{repo}"), repo);
            seen.unknown.insert(repo.to_owned(), now);
            return;
        };
        if told.elapsed() >= RENEWED {
            self.marks.set(&format!("{UNKNOWN}{repo}"), repo);
            seen.unknown.insert(repo.to_owned(), now);
        }
    }

    /// The repositories whose visibility would have to be known, here and for siblings.
    pub(crate) fn unknown(&self) -> Vec<String> {
        let mut seen = self.seen();
        seen.unknown.retain(|_, at| at.elapsed() < KEPT);
        let mut names: Vec<String> = seen.unknown.keys().cloned().collect();
        drop(seen);
        let told = self.marks.all(KEPT).marks;
        let told = told
            .into_iter()
            .filter_map(|mark| mark.key.strip_prefix(UNKNOWN).is_some().then_some(mark.text));
        names.extend(told);
        names.sort_unstable();
        names.dedup();
        names
    }

    /// One of those is known now.
    pub(crate) fn settle(&self, repo: &str, sight: Sight) {
        let mut seen = self.seen();
        if sight.private {
            self.note(&mut seen.private, (PRIVATE, repo));
        }
        if sight.untrusted {
            self.note(&mut seen.untrusted, (UNTRUSTED, repo));
        }
        seen.unknown.remove(repo);
        drop(seen);
        self.marks.remove(&format!("{UNKNOWN}{repo}"));
    }

    /// Whether both were read, or may have been.
    pub(crate) fn may_be_both(&self) -> bool {
        self.both().is_some() || !self.unknown().is_empty()
    }

    /// Where private data and where text of strangers was read, if both were.
    pub(crate) fn both(&self) -> Option<Both> {
        let found = self.marks.all(KEPT);
        let seen = self.seen();
        let held = |mark: &Option<Mark>, key: &str| {
            let here = mark.as_ref().filter(|mark| mark.at.elapsed() < KEPT);
            let told = || found.marks.iter().find(|mark| mark.key == key);
            // What can't be read any more may have said so.
            let doubtful = || found.is_doubtful.then(|| "a record that is damaged".to_owned());
            here.map(|mark| mark.place.clone())
                .or_else(|| told().map(|mark| mark.text.clone()))
                .or_else(doubtful)
        };
        let private = held(&seen.private, PRIVATE)?;
        Some(Both { private, untrusted: held(&seen.untrusted, UNTRUSTED)? })
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
        taint.saw_as("logs", Sight { private: true, untrusted: true });
        assert!(taint.both().is_some(), "one thing may be both");
        let taint = Taint::default();
        for n in 0..=MOST_UNKNOWN {
            taint.saw_unknown(&format!("o/{n}"));
        }
        assert!(taint.both().is_some());
    }

    #[test]
    fn siblings_know_what_was_read() {
        let directory = tempfile::tempdir().unwrap();
        let taint = || Taint::new(Marks::in_directory(directory.path().to_owned()));
        let (reader, other, writer) = (taint(), taint(), taint());
        reader.saw("o/private", true);
        assert_eq!(writer.both(), None);
        other.saw("o/public", false);
        let both = Both { private: "o/private".to_owned(), untrusted: "o/public".to_owned() };
        assert_eq!(writer.both().as_ref(), Some(&both));
        assert_eq!(taint().both(), Some(both), "after a restart as well");
        reader.saw_unknown("o/found");
        assert_eq!(writer.unknown(), ["o/found"]);
        writer.settle("o/found", Sight { private: true, untrusted: false });
        assert!(taint().unknown().is_empty());
        assert_eq!(taint().both().unwrap().private, "o/found");
    }

    #[test]
    fn a_damaged_record_forbids() {
        let directory = tempfile::tempdir().unwrap();
        let taint = || Taint::new(Marks::in_directory(directory.path().to_owned()));
        taint().saw("o/private", true);
        for entry in std::fs::read_dir(directory.path().join("marks/test")).unwrap() {
            std::fs::write(entry.unwrap().path(), "1\nprivate\n\n0\n").unwrap();
        }
        assert!(taint().both().is_some());
    }
}
