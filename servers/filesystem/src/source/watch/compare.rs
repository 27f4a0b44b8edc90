//! Looking again: each directory that may have changed is listed beneath its root and compared with
//! what was there. Directories that come are watched before they are listed, so that nothing gets
//! lost in between; those that go are forgotten with all that was in them.

use std::collections::BTreeMap;
use std::time::SystemTime;

use lockkeeper_core::Stop;

use super::super::beneath::{self, Dir, EntryBuffer, OpenError};
use super::super::error::FsError;
use super::super::ignoring::Chain;
use super::super::list::Shown;
use super::super::scan::Names;
use super::super::stat::{EntryKind, Stat, time};
use super::super::{Source, names};
use super::Watch;
use super::changes::ChangeKind;
use super::tree::{Directory, Entry, Key, above, fingerprint};

/// What comes up while looking is looked at as well, but not for ever.
const ROUNDS: usize = 16;

/// What stands under a path where a directory is expected.
enum Seen {
    Here(Listed),
    /// Nothing, or no directory.
    Gone,
    /// The system refuses to say.
    Unreadable,
}

/// A directory as it is now.
struct Listed {
    dir: Dir,
    stat: Option<Stat>,
    /// In the order of their names.
    entries: Vec<(Entry, Stat)>,
    rules: u64,
    /// The ignore files for what is in it, if they have been looked at.
    chain: Option<Chain>,
}

/// What is told of what is in a directory that is seen for the first time.
#[derive(Clone, Copy)]
enum Tell {
    Nothing,
    /// What has a later time.
    Since(SystemTime),
    /// All of it is new.
    Created,
}

/// How an entry differs from what it was.
enum Difference {
    Gone(Entry),
    Come(Entry, SystemTime),
    Modified(Box<[u8]>),
    /// Another directory of the same name.
    Exchanged(Box<[u8]>),
}

/// What was found in one round of looking, by directory and name.
#[derive(Default)]
struct Found {
    gone: BTreeMap<(Key, Vec<u8>), Entry>,
    come: BTreeMap<(Key, Vec<u8>), Entry>,
}

impl Watch {
    /// The first look.
    pub(super) fn begin(
        &mut self,
        source: &Source,
        since: Option<SystemTime>,
        stop: &Stop,
    ) -> Result<(), FsError> {
        let tell = since.map_or(Tell::Nothing, Tell::Since);
        for key in self.tree.keys() {
            source.check_in_place(key.0)?;
            if self.tree.get(&key).is_some_and(|directory| !directory.is_whole()) {
                self.adopt(source, key, tell, stop)?;
            }
        }
        Ok(())
    }

    /// Looks at everything that is dirty.
    pub(super) fn compare(&mut self, source: &Source, stop: &Stop) -> Result<(), FsError> {
        let mut ruled = Vec::new();
        for _ in 0..ROUNDS {
            let dirty = std::mem::take(&mut self.dirty);
            if dirty.is_empty() {
                break;
            }
            let mut found = Found::default();
            for key in dirty {
                if stop.is_cancelled() {
                    return Err(FsError::Cancelled);
                }
                source.check_in_place(key.0)?;
                self.look_into(source, &key, (&mut found, &mut ruled), stop)?;
            }
            self.settle(source, found, stop)?;
        }
        Ok(())
    }

    /// Compares one directory. `ruled` are those below which other ignore files are in force now.
    fn look_into(
        &mut self,
        source: &Source,
        key: &Key,
        (found, ruled): (&mut Found, &mut Vec<Key>),
        stop: &Stop,
    ) -> Result<(), FsError> {
        let listed = match self.list(source, key, None) {
            Seen::Here(listed) => Some(listed),
            Seen::Unreadable => return Ok(()),
            // It moved, or went, and will be followed.
            Seen::Gone if found.gone.contains_key(&place(key)) => return Ok(()),
            Seen::Gone if self.is_held(key) => {
                // The directory that holds it tells what became of it.
                self.dirty.insert(above(key));
                return Ok(());
            }
            Seen::Gone => None,
        };
        let Some(directory) = self.tree.get_mut(key) else { return Ok(()) };
        let differences = differences(directory, listed.as_ref());
        let rules = listed.as_ref().map_or(0, |listed| listed.rules);
        if std::mem::replace(&mut directory.rules, rules) != rules {
            self.dirty.extend(self.tree.below(key).into_iter().filter(|below| below != key));
            ruled.push(key.clone());
        }
        let is_ruled = ruled
            .iter()
            .any(|(root, path)| *root == key.0 && names::beneath(&key.1, path).is_some());
        let dir = listed.as_ref().map(|listed| &listed.dir);
        for difference in differences {
            match difference {
                Difference::Gone(entry) => {
                    let now = dir.and_then(|dir| dir.stat(&entry.name).ok());
                    if now.is_some_and(|now| now.inode == entry.inode && now.kind == entry.kind) {
                        // It is there, but ignored now.
                        self.forget(&child(key, &entry.name));
                    } else {
                        found.gone.insert((key.clone(), entry.name.to_vec()), entry);
                    }
                }
                // It was there, but ignored.
                Difference::Come(entry, changed) if is_ruled && changed < self.looked => {
                    if entry.kind == EntryKind::Dir {
                        self.adopt(source, child(key, &entry.name), Tell::Nothing, stop)?;
                    }
                }
                Difference::Come(entry, _) => {
                    found.come.insert((key.clone(), entry.name.to_vec()), entry);
                }
                Difference::Modified(name) => {
                    let path = source.shown(key.0, &names::join(&key.1, &name));
                    self.pending.add(path, ChangeKind::Modified);
                }
                Difference::Exchanged(name) => {
                    self.dirty.insert(child(key, &name));
                }
            }
        }
        self.fill(key, listed)
    }

    /// Pairs what has gone with what has come, and follows directories in and out.
    fn settle(&mut self, source: &Source, mut found: Found, stop: &Stop) -> Result<(), FsError> {
        for renamed in std::mem::take(&mut self.moves) {
            let (from, Some(to)) = (renamed.from, renamed.to) else { continue };
            let (Some(gone), Some(come)) = (found.gone.get(&from), found.come.get(&to)) else {
                continue;
            };
            if (gone.kind, gone.inode) != (come.kind, come.inode) {
                continue;
            }
            let kind = ChangeKind::Renamed { from: shown(source, &from.0, gone) };
            self.pending.add(shown(source, &to.0, come), kind);
            if come.kind == EntryKind::Dir {
                self.carry_over(&child(&from.0, &from.1), &child(&to.0, &to.1));
            }
            found.gone.remove(&from);
            found.come.remove(&to);
        }
        for ((key, name), entry) in found.gone {
            self.pending.add(shown(source, &key, &entry), ChangeKind::Removed);
            if entry.kind == EntryKind::Dir {
                self.forget(&child(&key, &name));
            }
        }
        for ((key, name), entry) in found.come {
            self.pending.add(shown(source, &key, &entry), ChangeKind::Created);
            if entry.kind == EntryKind::Dir {
                self.adopt(source, child(&key, &name), Tell::Created, stop)?;
            }
        }
        Ok(())
    }

    /// Begins to watch a directory and, as far as all of it counts, what is below.
    fn adopt(&mut self, source: &Source, key: Key, tell: Tell, stop: &Stop) -> Result<(), FsError> {
        if !matches!(tell, Tell::Since(_)) && self.tree.get(&key).is_none() {
            self.tree.get_or_add(key.clone()).all = true;
        }
        let mut ahead = vec![(key, None)];
        while let Some((key, chain)) = ahead.pop() {
            if stop.is_cancelled() {
                return Err(FsError::Cancelled);
            }
            let Seen::Here(listed) = self.list(source, &key, chain) else { continue };
            if let Tell::Since(since) = tell {
                self.tell_unclear(source, &key, &listed, since);
            }
            for (entry, stat) in &listed.entries {
                let kind = match tell {
                    Tell::Nothing => None,
                    Tell::Created => Some(ChangeKind::Created),
                    Tell::Since(since) => changed_since(source, &key, entry, stat, since),
                };
                if let Some(kind) = kind {
                    self.pending.add(shown(source, &key, entry), kind);
                }
                if entry.kind == EntryKind::Dir {
                    let below = child(&key, &entry.name);
                    let directory = self.tree.get_or_add(below.clone());
                    if !directory.is_whole() {
                        directory.all = true;
                        ahead.push((below, listed.chain.clone()));
                    }
                }
            }
            if let Some(directory) = self.tree.get_mut(&key) {
                directory.rules = listed.rules;
                directory.is_listed = true;
            }
            self.fill(&key, Some(listed))?;
        }
        Ok(())
    }

    /// Says where something may have gone while nobody watched.
    fn tell_unclear(&mut self, source: &Source, key: &Key, listed: &Listed, since: SystemTime) {
        let Some(directory) = self.tree.get(key) else { return };
        if listed.stat.is_none_or(|stat| stat.mtime() < since) {
            return;
        }
        if directory.all {
            let path = format!("{}/", source.shown(key.0, &key.1));
            self.pending.add(path, ChangeKind::Unclear);
            return;
        }
        let is_there = |name: &[u8]| listed.entries.iter().any(|(entry, _)| *entry.name == *name);
        for name in directory.named.iter().filter(|name| !is_there(name)) {
            let path = source.shown(key.0, &names::join(&key.1, name));
            self.pending.add(path, ChangeKind::Unclear);
        }
    }

    /// Ends watching a directory with all below it; what was asked for by name there is polled from
    /// now on, in case it comes back.
    fn forget(&mut self, key: &Key) {
        for key in self.tree.below(key) {
            let Some(mut directory) = self.tree.remove(&key) else { continue };
            self.unwatch(&key, directory.watch.take());
            if !directory.named.is_empty() {
                let Directory { named, mut entries, .. } = directory;
                entries.retain(|entry| named.contains(&*entry.name));
                self.tree.insert(key.clone(), Directory { named, entries, ..Directory::default() });
                self.dirty.insert(key);
            }
        }
    }

    /// A directory is known under another path now; what changed in it on the way is looked for.
    fn carry_over(&mut self, from: &Key, to: &Key) {
        for old in self.tree.below(from) {
            let Some(directory) = self.tree.remove(&old) else { continue };
            let rest = names::beneath(&old.1, &from.1).unwrap_or_default();
            let new = (to.0, names::join(&to.1, rest));
            if let Some(watch) = directory.watch
                && let Some(keys) = self.watched.get_mut(&watch)
            {
                keys.retain(|key| *key != old);
                keys.push(new.clone());
            }
            self.tree.insert(new.clone(), directory);
            self.dirty.insert(new);
        }
    }

    /// Whether the directory that holds this one is watched and knows of it.
    fn is_held(&self, key: &Key) -> bool {
        let holds = |parent: &Directory| parent.entry(names::name(&key.1)).is_some();
        !key.1.is_empty() && self.tree.get(&above(key)).is_some_and(holds)
    }

    fn fill(&mut self, key: &Key, listed: Option<Listed>) -> Result<(), FsError> {
        let entries = listed.map(|listed| listed.entries).unwrap_or_default();
        self.tree.fill(key, entries.into_iter().map(|(entry, _)| entry).collect());
        let most = self.options.most_entries;
        if self.tree.size() > most { Err(FsError::TooMuchToWatch { most }) } else { Ok(()) }
    }

    /// Lists a directory that is in the tree, and watches it from just before that.
    fn list(&mut self, source: &Source, key: &Key, above: Option<Chain>) -> Seen {
        let (root, path) = (key.0, &key.1);
        let (Some(opened), Some(directory)) = (source.root(root), self.tree.get(key)) else {
            return Seen::Unreadable;
        };
        let (all, known) = (directory.all, directory.watch);
        let dir = match beneath::open_dir(&opened.dir, path) {
            Ok(dir) => dir,
            Err(OpenError::Missing | OpenError::Link) => {
                self.unwatch(key, known);
                return Seen::Gone;
            }
            Err(OpenError::Io(_)) => return Seen::Unreadable,
        };
        self.renew(key, &dir, known);
        let Some(directory) = self.tree.get(key) else { return Seen::Unreadable };
        let mut listed = Listed {
            stat: beneath::stat_dir(&dir).ok(),
            dir,
            entries: Vec::new(),
            rules: 0,
            chain: None,
        };
        let Listed { dir, entries, rules, chain, .. } = &mut listed;
        if all {
            let Ok(names) = Names::read(dir, &mut EntryBuffer::new()) else {
                return Seen::Unreadable;
            };
            let ignored = self.options.ignored;
            let above = above.unwrap_or_else(|| source.chain_above(root, path, ignored));
            let here = source.chain_in(&above, dir, path, names.seen);
            for (name, kind) in names.iter() {
                let full = names::join(path, name);
                let is_shown = match source.shows(root, &full, kind, &here) {
                    Shown::Yes => true,
                    Shown::LeftOut => directory.named.contains(name),
                    Shown::Hidden => false,
                };
                if is_shown && let Ok(stat) = dir.stat(name) {
                    entries.push((Entry::new(name, &stat), stat));
                }
            }
            entries.sort_unstable_by(|a, b| a.0.name.cmp(&b.0.name));
            *chain = Some(here);
            if !ignored {
                let of = |name: &[u8]| dir.stat(name).map_or(0, |stat| fingerprint(&stat));
                *rules = of(b".gitignore") ^ of(b".ignore").rotate_left(1);
            }
        } else {
            let everything = source.chain_above(root, path, true);
            for name in &directory.named {
                let Ok(stat) = dir.stat(name) else { continue };
                let full = names::join(path, name);
                if source.shows(root, &full, stat.kind, &everything) == Shown::Yes {
                    entries.push((Entry::new(name, &stat), stat));
                }
            }
        }
        Seen::Here(listed)
    }

    /// Watches a directory, or goes on doing so if it is the same.
    fn renew(&mut self, key: &Key, dir: &Dir, known: Option<i32>) {
        let has_room = known.is_some() || self.watched.len() < self.options.most_watched;
        let watch = if has_room { self.notices.add(dir) } else { None };
        if watch != known {
            self.unwatch(key, known);
        }
        self.is_limited |= watch.is_none();
        if let Some(watch) = watch {
            let keys = self.watched.entry(watch).or_default();
            if !keys.contains(key) {
                keys.push(key.clone());
            }
        }
        if let Some(directory) = self.tree.get_mut(key) {
            directory.watch = watch;
        }
    }

    fn unwatch(&mut self, key: &Key, watch: Option<i32>) {
        self.tree.unwatch(key);
        let Some(watch) = watch else { return };
        let Some(keys) = self.watched.get_mut(&watch) else { return };
        keys.retain(|watched| watched != key);
        // The same directory may be known under another path.
        if keys.is_empty() {
            self.watched.remove(&watch);
            self.notices.remove(watch);
        }
    }
}

/// What differs in a directory; `None`: it is gone.
fn differences(directory: &Directory, listed: Option<&Listed>) -> Vec<Difference> {
    let mut differences = Vec::new();
    let mut old = directory.entries.iter().peekable();
    for (new, stat) in listed.map(|listed| listed.entries.as_slice()).unwrap_or_default() {
        while let Some(gone) = old.next_if(|old| old.name < new.name) {
            differences.push(Difference::Gone(gone.clone()));
        }
        let Some(before) = old.next_if(|old| old.name == new.name) else {
            differences.push(Difference::Come(new.clone(), stat.ctime()));
            continue;
        };
        let is_dir = new.kind == EntryKind::Dir;
        if before.kind != new.kind && (is_dir || before.kind == EntryKind::Dir) {
            differences.push(Difference::Gone(before.clone()));
            differences.push(Difference::Come(new.clone(), stat.ctime()));
        } else if is_dir && before.inode != new.inode {
            differences.push(Difference::Exchanged(new.name.clone()));
        } else if before.print != new.print
            || (before.is_racy && directory.touched.contains(&*new.name))
        {
            differences.push(Difference::Modified(new.name.clone()));
        }
    }
    differences.extend(old.cloned().map(Difference::Gone));
    differences
}

/// What an entry's times say happened to it.
fn changed_since(
    source: &Source,
    key: &Key,
    entry: &Entry,
    stat: &Stat,
    since: SystemTime,
) -> Option<ChangeKind> {
    if stat.ctime() < since {
        return None;
    }
    let path = names::join(&key.1, &entry.name);
    let birth = source.root(key.0).and_then(|root| beneath::birth_ns(&root.dir, &path));
    match birth {
        Some(birth) if time(birth) >= since => Some(ChangeKind::Created),
        // Its own entries tell.
        _ if entry.kind == EntryKind::Dir => None,
        _ => Some(ChangeKind::Modified),
    }
}

fn shown(source: &Source, key: &Key, entry: &Entry) -> String {
    let mut shown = source.shown(key.0, &names::join(&key.1, &entry.name));
    if entry.kind == EntryKind::Dir {
        shown.push('/');
    }
    shown
}

/// A directory by the one that holds it, and its name.
fn place(key: &Key) -> (Key, Vec<u8>) {
    (above(key), names::name(&key.1).to_vec())
}

fn child(key: &Key, name: &[u8]) -> Key {
    (key.0, names::join(&key.1, name))
}
