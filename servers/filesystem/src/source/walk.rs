//! The parallel walk below a directory: on descriptors, never through a link, with ignore files
//! and rules applied to every entry. Jobs are taken in the order of their paths, so that a walk
//! that has to pause can say up to which path everything was seen.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use lockkeeper_core::Stop;

use super::beneath::{self, Dir, EntryBuffer, OpenError};
use super::error::FsError;
use super::ignoring::Chain;
use super::list::Shown;
use super::locate::Located;
use super::scan::Names;
use super::stat::EntryKind;
use super::{Source, names};

/// The system opens no longer path: what lies deeper can't be looked at.
const LONGEST_PATH: usize = 4096;

/// More workers than this only wait for the same disk and the same locks.
const MOST_WORKERS: usize = 8;
/// Entries that one worker takes at once from a large directory.
const BATCH: usize = 256;
/// Between two looks at the clock.
const ENTRIES_PER_LOOK: usize = 16;

/// How to walk.
#[derive(Debug, Clone, Default)]
pub(super) struct WalkOptions {
    /// Also what ignore files and dots leave out.
    pub(super) ignored: bool,
    /// Only regular files are of interest.
    pub(super) files_only: bool,
    /// Entries of a directory are visited by name; makes the frontier exact.
    pub(super) ordered: bool,
    /// Paths (relative to the root) before this one are passed over.
    pub(super) from: Option<Vec<u8>>,
}

/// One worker's part of the work.
pub(super) trait Visitor: Send {
    /// Sees one entry; `path` is relative to the root, and `dir` is the directory that holds it.
    fn entry(&mut self, dir: &Dir, path: &[u8], kind: EntryKind);

    /// Whether nothing from `path` on is wanted any more; then it is not walked, and counts as
    /// seen.
    fn is_past(&self, _path: &[u8]) -> bool {
        false
    }
}

/// How a walk ended.
#[derive(Debug, Default)]
pub(super) struct Walked {
    /// If the walk had to pause: every path before this one was visited.
    pub(super) frontier: Option<Vec<u8>>,
    /// Directories that could not be read.
    pub(super) unreadable: u64,
}

/// A directory to read, or entries of one to visit. Ordered by the first path it can yield.
struct Job {
    key: Vec<u8>,
    work: Work,
}

enum Work {
    Read { path: Vec<u8>, chain: Chain },
    Visit { directory: Arc<Directory>, names: Vec<(Box<[u8]>, EntryKind)> },
}

/// An open directory, shared by the batches of its entries.
struct Directory {
    dir: Dir,
    path: Box<[u8]>,
}

#[derive(Default)]
struct State {
    jobs: BinaryHeap<Reverse<Job>>,
    active: usize,
    /// Nothing new is started: cancelled, due, or a worker panicked.
    stopped: bool,
    unreadable: u64,
}

struct Walk<'a> {
    source: &'a Source,
    root: usize,
    options: &'a WalkOptions,
    stop: &'a Stop,
    state: Mutex<State>,
    changed: Condvar,
}

impl Source {
    /// Visits everything below `located` with as many workers as there are cores; `make` makes a
    /// visitor for each.
    pub(super) fn walk<V: Visitor>(
        &self,
        located: &Located,
        options: &WalkOptions,
        stop: &Stop,
        make: impl Fn() -> V,
    ) -> Result<(Vec<V>, Walked), FsError> {
        located.directory()?;
        let path = located.path.clone();
        let chain = self.chain_above(located.root, &path, options.ignored);
        let mut state = State::default();
        state.jobs.push(Reverse(Job { key: dir_key(&path), work: Work::Read { path, chain } }));
        let walk = Walk {
            source: self,
            root: located.root,
            options,
            stop,
            state: Mutex::new(state),
            changed: Condvar::new(),
        };
        let workers = self.processors.min(MOST_WORKERS);
        let mut visitors: Vec<V> = (0..workers).map(|_| make()).collect();
        std::thread::scope(|scope| {
            let mut rest = visitors.iter_mut();
            let own = rest.next();
            for visitor in rest {
                scope.spawn(|| walk.work(visitor));
            }
            if let Some(visitor) = own {
                walk.work(visitor);
            }
        });
        if stop.is_cancelled() {
            return Err(FsError::Cancelled);
        }
        let mut state = walk.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        // A directory that was to be read again for what comes after the start has an earlier key.
        let frontier = state.jobs.pop().map(|Reverse(job)| match &options.from {
            Some(from) if *from > job.key => from.clone(),
            _ => job.key,
        });
        Ok((visitors, Walked { frontier, unreadable: state.unreadable }))
    }
}

impl Walk<'_> {
    fn work<V: Visitor>(&self, visitor: &mut V) {
        let mut room =
            Room { buffer: EntryBuffer::new(), names: Names::default(), path: Vec::new() };
        while let Some(job) = self.next() {
            let active = Active(self);
            if visitor.is_past(&job.key) {
                continue;
            }
            match job.work {
                Work::Read { path, chain } => self.read(&path, &chain, visitor, &mut room),
                Work::Visit { directory, names } => {
                    self.visit(&directory, names, visitor, &mut room.path);
                }
            }
            drop(active);
        }
    }

    /// The next job; `None` once there is none and nobody can add one.
    fn next(&self) -> Option<Job> {
        let mut state = self.lock();
        loop {
            if state.stopped {
                return None;
            }
            if let Some(Reverse(job)) = state.jobs.pop() {
                state.active += 1;
                return Some(job);
            }
            if state.active == 0 {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn read<V: Visitor>(&self, path: &[u8], chain: &Chain, visitor: &mut V, room: &mut Room) {
        if self.must_stop() {
            self.add(vec![Job {
                key: dir_key(path),
                work: Work::Read { path: path.to_vec(), chain: chain.clone() },
            }]);
            return;
        }
        let Some(root) = self.source.root(self.root) else { return };
        let dir = match beneath::open_dir(&root.dir, path) {
            Ok(dir) => dir,
            // Gone, or become a link, since its name was read.
            Err(OpenError::Missing | OpenError::Link) if path.len() < LONGEST_PATH => return,
            Err(_) => {
                self.lock().unreadable += 1;
                return;
            }
        };
        if room.names.refill(&dir, &mut room.buffer).is_err() {
            self.lock().unreadable += 1;
            return;
        }
        let chain = self.source.chain_in(chain, &dir, path, room.names.seen);
        let mut jobs = Vec::new();
        let mut entries = Vec::new();
        let full = &mut room.path;
        for (name, kind) in room.names.iter() {
            full.clear();
            names::push(full, path);
            names::push(full, name);
            if self.source.shows(self.root, full, kind, &chain) != Shown::Yes {
                continue;
            }
            let is_dir = kind == EntryKind::Dir;
            if is_dir && !self.is_before_start(full, true) {
                let work = Work::Read { path: full.clone(), chain: chain.clone() };
                jobs.push(Job { key: dir_key(full), work });
            }
            let wanted = kind == EntryKind::File || !self.options.files_only;
            if wanted && !self.is_before_start(full, false) {
                entries.push((Box::from(name), kind));
            }
        }
        if self.options.ordered {
            entries.sort_unstable();
        }
        let directory = Arc::new(Directory { dir, path: path.into() });
        let mut batches = Vec::new();
        while entries.len() > BATCH {
            let names = entries.split_off(entries.len() - BATCH);
            batches.push(names);
        }
        jobs.extend(batches.into_iter().filter_map(|names| batch(&directory, names)));
        self.add(jobs);
        self.visit(&directory, entries, visitor, full);
    }

    fn visit<V: Visitor>(
        &self,
        directory: &Arc<Directory>,
        entries: Vec<(Box<[u8]>, EntryKind)>,
        visitor: &mut V,
        full: &mut Vec<u8>,
    ) {
        let mut entries = entries.into_iter();
        let mut done = 0_usize;
        while let Some((name, kind)) = entries.next() {
            let look = done.is_multiple_of(ENTRIES_PER_LOOK) || self.options.ordered;
            if (look || self.stop.is_cancelled()) && self.must_stop() {
                let rest = std::iter::once((name, kind)).chain(entries).collect();
                self.add(batch(directory, rest).into_iter().collect());
                return;
            }
            done += 1;
            full.clear();
            names::push(full, &directory.path);
            names::push(full, &name);
            visitor.entry(&directory.dir, full, kind);
        }
    }

    fn must_stop(&self) -> bool {
        let stop = self.stop.is_cancelled() || self.stop.is_due();
        if stop {
            self.lock().stopped = true;
            self.changed.notify_all();
        }
        stop
    }

    /// Whether a path, or everything in a directory, comes before the start.
    fn is_before_start(&self, path: &[u8], whole_directory: bool) -> bool {
        let Some(from) = self.options.from.as_deref() else { return false };
        if whole_directory {
            let inside = dir_key(path);
            inside.as_slice() < from && !from.starts_with(&inside)
        } else {
            path < from
        }
    }

    fn add(&self, jobs: Vec<Job>) {
        if jobs.is_empty() {
            return;
        }
        self.lock().jobs.extend(jobs.into_iter().map(Reverse));
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a worker reuses from directory to directory.
struct Room {
    buffer: EntryBuffer,
    names: Names,
    path: Vec<u8>,
}

/// Counts a worker as busy; its end wakes those that wait for jobs, also after a panic.
struct Active<'a, 'b>(&'a Walk<'b>);

impl Drop for Active<'_, '_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.active -= 1;
        state.stopped |= std::thread::panicking();
        if state.active == 0 || state.stopped {
            self.0.changed.notify_all();
        }
    }
}

/// The first path that a directory can yield sorts after this.
fn dir_key(path: &[u8]) -> Vec<u8> {
    let mut key = path.to_vec();
    if !key.is_empty() {
        key.push(b'/');
    }
    key
}

fn batch(directory: &Arc<Directory>, names: Vec<(Box<[u8]>, EntryKind)>) -> Option<Job> {
    let first = names.iter().map(|(name, _)| name).min()?;
    let key = names::join(&directory.path, first);
    Some(Job { key, work: Work::Visit { directory: Arc::clone(directory), names } })
}

impl Ord for Job {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key.cmp(&other.key)
    }
}

impl PartialOrd for Job {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Job {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Job {}
