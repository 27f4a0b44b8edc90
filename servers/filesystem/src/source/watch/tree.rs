//! The directories that are watched and what was in them at the last look: of each entry a name and
//! a fingerprint, nothing more, so that a large tree takes a few megabytes.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::{Duration, SystemTime};

use super::super::names;
use super::super::stage::is_temporary;
use super::super::stat::{EntryKind, Stat};
use super::spot::Spot;

/// A directory: its root and its path there.
pub(super) type Key = (usize, Vec<u8>);

/// The clock of file times ticks in such steps on old kernels: two changes within one may leave the
/// same fingerprint.
const TICK: Duration = Duration::from_millis(20);

#[derive(Debug)]
pub(super) struct Tree {
    directories: BTreeMap<Key, Directory>,
    size: usize,
}

/// A directory that is watched.
#[derive(Debug, Default)]
pub(super) struct Directory {
    /// Everything in it counts that is shown at all.
    pub(super) all: bool,
    /// What counts because it was asked for by name, also if ignore files leave it out.
    pub(super) named: BTreeSet<Vec<u8>>,
    /// In the order of their names.
    pub(super) entries: Vec<Entry>,
    /// Entries whose content was written since the last look.
    pub(super) touched: BTreeSet<Vec<u8>>,
    /// The system's watch; without one it is polled.
    pub(super) watch: Option<i32>,
    /// A fingerprint of the ignore files in it.
    pub(super) rules: u64,
    pub(super) is_listed: bool,
}

/// An entry at the last look.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) name: Box<[u8]>,
    pub(super) kind: EntryKind,
    pub(super) inode: u64,
    /// Of the same things as a version; 0 for directories, whose entries are seen by themselves.
    pub(super) print: u64,
    /// It was changed so shortly before the look that a change after it may not show.
    pub(super) is_racy: bool,
}

impl Entry {
    pub(super) fn new(name: &[u8], stat: &Stat) -> Self {
        let is_dir = stat.kind == EntryKind::Dir;
        let age = SystemTime::now().duration_since(stat.ctime()).unwrap_or_default();
        Self {
            name: name.into(),
            kind: stat.kind,
            inode: stat.inode,
            print: if is_dir { 0 } else { fingerprint(stat) },
            is_racy: age < TICK,
        }
    }
}

pub(super) fn fingerprint(stat: &Stat) -> u64 {
    let mut hasher = DefaultHasher::new();
    (stat.device, stat.inode, stat.size, stat.mtime_ns, stat.ctime_ns).hash(&mut hasher);
    hasher.finish()
}

impl Directory {
    /// Whether all of it has been taken in.
    pub(super) fn is_whole(&self) -> bool {
        self.all && self.is_listed
    }

    pub(super) fn entry(&self, name: &[u8]) -> Option<&Entry> {
        let at = self.entries.binary_search_by(|entry| (*entry.name).cmp(name)).ok()?;
        self.entries.get(at)
    }
}

impl Tree {
    pub(super) fn new(spots: &[Spot]) -> Self {
        let mut tree = Self { directories: BTreeMap::new(), size: 0 };
        for spot in spots {
            if spot.path.is_empty() {
                tree.get_or_add((spot.root, Vec::new())).all = true;
            } else {
                // Whether it is a file, a directory or not there yet: it is an entry of another.
                let name = names::name(&spot.path).to_vec();
                tree.get_or_add(above(&(spot.root, spot.path.clone()))).named.insert(name);
            }
        }
        tree
    }

    pub(super) fn get(&self, key: &Key) -> Option<&Directory> {
        self.directories.get(key)
    }

    pub(super) fn get_mut(&mut self, key: &Key) -> Option<&mut Directory> {
        self.directories.get_mut(key)
    }

    pub(super) fn get_or_add(&mut self, key: Key) -> &mut Directory {
        self.directories.entry(key).or_default()
    }

    /// Replaces what is known to be in a directory.
    pub(super) fn fill(&mut self, key: &Key, entries: Vec<Entry>) {
        if let Some(directory) = self.directories.get_mut(key) {
            self.size = self.size + entries.len() - directory.entries.len();
            directory.entries = entries;
            directory.touched.clear();
        }
    }

    pub(super) fn keys(&self) -> BTreeSet<Key> {
        self.directories.keys().cloned().collect()
    }

    pub(super) fn unwatched(&self) -> usize {
        self.directories.values().filter(|directory| directory.watch.is_none()).count()
    }

    pub(super) fn unwatched_keys(&self) -> impl Iterator<Item = Key> {
        let unwatched = self.directories.iter().filter(|(_, directory)| directory.watch.is_none());
        unwatched.map(|(key, _)| key.clone())
    }

    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Whether a change of this entry can be one that somebody waits for.
    pub(super) fn concerns(&self, key: &Key, name: &[u8]) -> bool {
        let concerns = |directory: &Directory| directory.all || directory.named.contains(name);
        !is_temporary(name) && self.get(key).is_some_and(concerns)
    }

    /// Notes that content was written.
    pub(super) fn touch(&mut self, key: &Key, name: &[u8]) {
        if let Some(directory) = self.get_mut(key)
            && directory.entry(name).is_some()
            && !directory.touched.contains(name)
        {
            directory.touched.insert(name.to_vec());
        }
    }

    pub(super) fn unwatch(&mut self, key: &Key) {
        if let Some(directory) = self.get_mut(key) {
            directory.watch = None;
        }
    }

    /// The directory and all below it.
    pub(super) fn below(&self, key: &Key) -> Vec<Key> {
        let (root, path) = key;
        let own = self.directories.get_key_value(key).map(|(key, _)| key.clone());
        let mut first = path.clone();
        if !path.is_empty() {
            first.push(b'/');
        }
        let from = (*root, first.clone());
        let range = self.directories.range(from..);
        let below = range.map(|(key, _)| key);
        let below = below.take_while(|(r, path)| r == root && path.starts_with(&first));
        own.into_iter().chain(below.filter(|below| *below != key).cloned()).collect()
    }

    pub(super) fn remove(&mut self, key: &Key) -> Option<Directory> {
        let directory = self.directories.remove(key)?;
        self.size -= directory.entries.len();
        Some(directory)
    }

    pub(super) fn insert(&mut self, key: Key, directory: Directory) {
        self.size += directory.entries.len();
        self.directories.insert(key, directory);
    }
}

/// The directory that holds this one.
pub(super) fn above(key: &Key) -> Key {
    let mut path = key.1.clone();
    names::pop(&mut path);
    (key.0, path)
}
