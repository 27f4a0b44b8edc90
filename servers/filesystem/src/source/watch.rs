//! Waiting for changes. The system's notices only say where to look: what changed comes from
//! listing that directory again, beneath its root and by the rules, and comparing it with what was
//! there before. So a notice can neither lead outside nor name what is hidden, and lost or missing
//! notices cost time, never a change. Nothing runs while nobody waits.

mod changes;
mod compare;
#[cfg_attr(target_os = "linux", path = "watch/notices_linux.rs")]
#[cfg_attr(not(target_os = "linux"), path = "watch/notices_portable.rs")]
mod notices;
mod spot;
mod tree;

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant, SystemTime};

use lockkeeper_core::Stop;

pub use changes::{Change, ChangeKind};
pub use notices::{MEANS, UNWATCHED};
pub use spot::Spot;

use super::Source;
use super::error::FsError;
use super::rules::Pattern;
use changes::Pending;
use notices::{Notice, Notices};
use tree::{Key, Tree};

/// A change is followed by more of them: a compiler's, an editor's, a checkout's. They are looked
/// at together once it has been quiet for so long, or at last after the longer time.
const QUIET: Duration = Duration::from_millis(100);
const RESTLESS: Duration = Duration::from_millis(500);
/// The same for who is told at once, and of each change but once.
const PROMPT_QUIET: Duration = Duration::from_millis(20);
const PROMPT_RESTLESS: Duration = Duration::from_millis(100);
/// How often directories are looked at that the system doesn't watch for us.
const POLL: Duration = Duration::from_secs(1);
/// Looking takes at most this part of the time.
const POLL_SHARE: u32 = 10;
/// File times are true to this, in the worst case (FAT).
const COARSEST_TIME: Duration = Duration::from_secs(2);
/// Renames remembered between two looks; of more, the rest are shown as removed and created.
const MOST_MOVES: usize = 10_000;

/// How to watch.
#[derive(Debug, Clone, Copy)]
pub struct WatchOptions {
    /// Also what ignore files and dots leave out.
    pub ignored: bool,
    /// Not to wait for long for more changes.
    pub prompt: bool,
    /// Directories that the system is asked to watch, at most; the rest is polled.
    pub most_watched: usize,
    /// Files and directories that are kept in mind, at most; more are refused.
    pub most_entries: usize,
}

impl Default for WatchOptions {
    fn default() -> Self {
        Self { ignored: false, prompt: false, most_watched: 10_000, most_entries: 200_000 }
    }
}

/// Directories as they were at the last look, and whatever says that they have changed since.
/// Dropping it ends all of it.
#[derive(Debug)]
pub struct Watch {
    options: WatchOptions,
    notices: Notices,
    tree: Tree,
    /// Which directory a watch of the system stands for; it may be known under several paths.
    watched: HashMap<i32, Vec<Key>>,
    /// Where to look again.
    dirty: BTreeSet<Key>,
    moves: Vec<Move>,
    pending: Pending,
    /// When the last look began, and before when everything has been taken.
    looked: SystemTime,
    mark: SystemTime,
    /// What the last look took.
    effort: Duration,
    /// The system, or an option, doesn't let more be watched.
    is_limited: bool,
}

/// A rename as the system announced it, in two halves with the same number.
#[derive(Debug)]
struct Move {
    number: u32,
    from: (Key, Vec<u8>),
    to: Option<(Key, Vec<u8>)>,
}

impl Source {
    /// Begins to watch. With `since`, everything that has a later time counts as changed: what can
    /// be said without having watched.
    pub fn watch(
        &self,
        spots: &[Spot],
        options: WatchOptions,
        since: Option<SystemTime>,
        stop: &Stop,
    ) -> Result<Watch, FsError> {
        let now = SystemTime::now();
        let mut watch = Watch {
            options,
            notices: Notices::new(),
            tree: Tree::new(spots),
            watched: HashMap::new(),
            dirty: BTreeSet::new(),
            moves: Vec::new(),
            pending: Pending::default(),
            looked: now,
            mark: since.unwrap_or(now),
            effort: Duration::ZERO,
            is_limited: false,
        };
        let since = since.and_then(|since| since.checked_sub(COARSEST_TIME));
        watch.begin(self, since, stop)?;
        watch.mark = if watch.pending.is_empty() { now } else { watch.mark };
        watch.effort = now.elapsed().unwrap_or_default();
        Ok(watch)
    }
}

impl Watch {
    /// Waits until there is a reason to look. Can be dropped at any moment: what was noticed stays.
    pub async fn stirred(&mut self) {
        let tick = POLL.max(self.effort * POLL_SHARE);
        let poll = tokio::time::Instant::now() + tick;
        let polls = self.tree.unwatched() > 0;
        while self.dirty.is_empty() {
            if !polls {
                self.notices.ready().await;
            } else if tokio::time::timeout_at(poll, self.notices.ready()).await.is_err() {
                self.dirty.extend(self.tree.unwatched_keys());
                return;
            }
            self.drain();
        }
        let start = Instant::now();
        let (quiet, restless) =
            if self.options.prompt { (PROMPT_QUIET, PROMPT_RESTLESS) } else { (QUIET, RESTLESS) };
        while start.elapsed() < restless {
            if tokio::time::timeout(quiet, self.notices.ready()).await.is_err() {
                return;
            }
            self.drain();
        }
    }

    /// Whether something was noticed that has not been looked at.
    pub fn is_stirred(&mut self) -> bool {
        self.drain();
        !self.dirty.is_empty()
    }

    /// Looks at what may have changed; what did is added to what [`Watch::take`] returns.
    pub fn look(&mut self, source: &Source, stop: &Stop) -> Result<(), FsError> {
        let (start, now) = (Instant::now(), SystemTime::now());
        self.drain();
        self.compare(source, stop)?;
        self.effort = start.elapsed();
        self.looked = now;
        if self.pending.is_empty() {
            self.mark = now;
        }
        Ok(())
    }

    /// Whether there is something to [`Watch::take`].
    pub fn has_changes(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Forgets changes of paths that don't match, but for those of which it isn't clear what happened.
    pub fn keep_only(&mut self, glob: &Pattern) {
        self.pending.keep_only(|path| glob.matches(path.trim_end_matches('/').as_bytes()));
        if self.pending.is_empty() {
            self.mark = self.looked;
        }
    }

    /// Up to `most` changes of up to `bytes` bytes of text, by path, and how many are left.
    pub fn take(&mut self, most: usize, bytes: usize) -> (Vec<Change>, usize) {
        let taken = self.pending.take(most, bytes);
        if self.pending.is_empty() {
            self.mark = self.looked;
        }
        (taken, self.pending.len())
    }

    /// From when on everything has to be looked at by whoever goes on without this watch.
    pub fn mark(&self) -> SystemTime {
        self.mark
    }

    /// How many files and directories it keeps in mind.
    pub fn size(&self) -> usize {
        self.tree.size()
    }

    /// How many directories are polled because the system won't watch more of them.
    pub fn polled(&self) -> usize {
        if self.is_limited { self.tree.unwatched() } else { 0 }
    }

    /// Looks at everything next time, as when polling.
    #[cfg(test)]
    pub(super) fn everything(&mut self) {
        self.dirty.extend(self.tree.keys());
    }

    fn drain(&mut self) {
        let Self { notices, tree, watched, dirty, moves, .. } = self;
        let complete = notices.drain(|notice: &Notice<'_>| {
            if notice.is_gone {
                // The system has ended this watch: of a directory that was deleted or unmounted.
                for key in watched.remove(&notice.watch).into_iter().flatten() {
                    tree.unwatch(&key);
                    dirty.insert(key);
                }
                return;
            }
            for key in watched.get(&notice.watch).into_iter().flatten() {
                let Some(name) = notice.name else {
                    dirty.insert(key.clone());
                    continue;
                };
                if !tree.concerns(key, name) {
                    continue;
                }
                dirty.insert(key.clone());
                if notice.is_content {
                    tree.touch(key, name);
                }
                if let Some(half) = notice.moved {
                    note(moves, half, key, name);
                }
            }
        });
        if !complete {
            dirty.extend(tree.keys());
        }
    }
}

/// Puts the two halves of a rename together, and a rename to that which it goes on.
fn note(moves: &mut Vec<Move>, (number, is_from): (u32, bool), key: &Key, name: &[u8]) {
    let place = (key.clone(), name.to_vec());
    if !is_from {
        if let Some(half) = moves.iter_mut().rev().find(|half| half.number == number) {
            half.to = Some(place);
        }
    } else if let Some(before) = moves.iter_mut().rev().find(|m| m.to.as_ref() == Some(&place)) {
        before.number = number;
        before.to = None;
    } else if moves.len() < MOST_MOVES {
        moves.push(Move { number, from: place, to: None });
    }
}
