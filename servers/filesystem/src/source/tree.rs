//! Directories made, things moved, copied and deleted: on descriptors, never through a link, and
//! never with what the rules hide. What appears does so complete, under its name in one step; a
//! recursive delete that fails half-way leaves what it had not reached.

use std::collections::HashMap;
use std::fs::{File, FileTimes};
use std::io;

use lockkeeper_core::{Add, Change, Destroy, Grant};

use super::altering;
use super::beneath::{self, Dir, EntryBuffer, OpenError};
use super::error::FsError;
use super::place::{Original, Target};
use super::rules::Shape;
use super::scan::Names;
use super::stage::{Staged, is_temporary, temporary_name};
use super::stat::{EntryKind, Stat};
use super::{Source, names};

/// Deeper trees are not handled as a whole: each level takes a descriptor.
const DEEPEST: usize = 256;

/// What a file's copy keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keep {
    /// Permissions: it is a new file.
    Mode,
    /// Also owner, attributes and times: it is the same file elsewhere.
    All,
}

/// What was copied, by identity and as it was: only that may go from its old place.
type Copied = HashMap<(u64, u64), Stat>;

/// Where what is deleted has gone: it was copied, and stays hidden there if it is.
#[derive(Clone, Copy)]
struct Gone<'a> {
    copied: &'a Copied,
    to: (usize, &'a [u8]),
}

/// A directory and its path, which the rules speak about.
struct Place<'a> {
    dir: &'a Dir,
    root: usize,
    path: &'a [u8],
}

impl Source {
    /// Makes a directory and those that lead to it; `false` if it is there already.
    pub fn create_directory(
        &self,
        _grant: Grant<Add>,
        mut target: Target,
    ) -> Result<bool, FsError> {
        match target.stat.map(|stat| stat.kind) {
            Some(EntryKind::Dir) => return Ok(false),
            Some(_) => return Err(FsError::Exists { asked: target.asked }),
            None => {}
        }
        self.must_show(&target, Shape::Dir)?;
        self.make_parents(&mut target)?;
        let made = target.parent.make_dir(&target.name).and_then(|()| target.parent.sync());
        made.map_err(|error| target.io("create", error))?;
        Ok(true)
    }

    /// Moves or renames; fails if something is at the new place. Returns how many files and
    /// directories moved.
    pub fn move_entry(
        &self,
        _grant: Grant<Change>,
        from: &Target,
        to: Target,
    ) -> Result<u64, FsError> {
        self.relocate(from, to, false)
    }

    /// The same; a file at the new place is lost.
    pub fn move_over(
        &self,
        _grant: Grant<Destroy>,
        from: &Target,
        to: Target,
    ) -> Result<u64, FsError> {
        self.relocate(from, to, true)
    }

    /// Copies; fails if something is at the new place. Returns how many files and directories.
    pub fn copy_entry(
        &self,
        _grant: Grant<Add>,
        from: &Original,
        to: Target,
    ) -> Result<u64, FsError> {
        self.duplicate(&from.0, to, false, Keep::Mode).map(|(count, _)| count)
    }

    /// The same; a file at the new place is lost.
    pub fn copy_over(
        &self,
        _grant: Grant<Destroy>,
        from: &Original,
        to: Target,
    ) -> Result<u64, FsError> {
        self.duplicate(&from.0, to, true, Keep::Mode).map(|(count, _)| count)
    }

    /// Deletes for good; directories with what is in them only if `recursive`. All are checked
    /// before the first one goes. Returns how many files and directories went.
    pub fn delete(
        &self,
        _grant: Grant<Destroy>,
        targets: &[Target],
        recursive: bool,
    ) -> Result<u64, FsError> {
        for target in targets.iter().filter(|target| target.is(EntryKind::Dir)) {
            self.check_whole(target, None)?;
            if !recursive && !target.is_empty_dir()? {
                return Err(FsError::NotEmpty { asked: target.asked.clone() });
            }
        }
        let mut deleted = 0;
        for target in targets {
            let before = deleted;
            let done = if target.is(EntryKind::Dir) && recursive {
                let place =
                    Place { dir: &target.parent, root: target.root, path: parent(&target.path) };
                self.remove_tree((&place, &target.name), &mut deleted, None, DEEPEST)
            } else if target.is(EntryKind::Dir) {
                target.parent.remove_dir(&target.name)
            } else {
                target.parent.remove_file(&target.name)
            };
            match done.and_then(|()| target.parent.sync()) {
                Ok(()) if deleted == before => deleted += 1,
                Ok(()) => {}
                // It went with a directory named before it.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(target.io("delete", error)),
            }
        }
        Ok(deleted)
    }

    fn relocate(&self, from: &Target, mut to: Target, over: bool) -> Result<u64, FsError> {
        let count = self.check_pair(from, &to, over, true)?;
        self.make_parents(&mut to)?;
        let turn = self.turn();
        let renamed = if over {
            from.parent.rename(&from.name, &to.parent, &to.name)
        } else {
            from.parent.rename_new(&from.name, &to.parent, &to.name)
        };
        drop(turn);
        match renamed {
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
                return self.carry(from, to, over);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(FsError::Exists { asked: to.asked });
            }
            Err(error) => return Err(from.io("move", error)),
            Ok(()) => {}
        }
        let synced = to.parent.sync().and_then(|()| from.parent.sync());
        synced.map_err(|error| from.io("move", error))?;
        Ok(count)
    }

    /// Moves to another filesystem: a copy, complete and on disk before it has its name, then the
    /// original goes, as far as it still is what was copied. A crash in between leaves both.
    fn carry(&self, from: &Target, to: Target, over: bool) -> Result<u64, FsError> {
        // Nothing is copied that could not go.
        from.parent.check_writable(b".").map_err(|error| from.io("move", error))?;
        let new = (to.root, to.path.clone());
        let (count, copied) = self.duplicate(from, to, over, Keep::All)?;
        let gone = if from.is(EntryKind::Dir) {
            let place = Place { dir: &from.parent, root: from.root, path: parent(&from.path) };
            let gone = Gone { copied: &copied, to: (new.0, &new.1) };
            self.remove_tree((&place, &from.name), &mut 0, Some(gone), DEEPEST)
        } else {
            let unchanged = check_copied(&from.parent, &from.name, &copied);
            unchanged.and_then(|()| from.parent.remove_file(&from.name))
        };
        let gone = gone.and_then(|()| from.parent.sync());
        gone.map_err(|_| FsError::LeftBehind { asked: from.asked.clone() })?;
        Ok(count)
    }

    fn duplicate(
        &self,
        from: &Target,
        mut to: Target,
        over: bool,
        keep: Keep,
    ) -> Result<(u64, Copied), FsError> {
        let count = self.check_pair(from, &to, over, keep == Keep::All)?;
        let mut copied = Copied::new();
        self.make_parents(&mut to)?;
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::AlreadyExists => FsError::Exists { asked: to.asked.clone() },
            _ => from.io("copy", error),
        };
        match from.stat.map(|stat| stat.kind) {
            Some(EntryKind::Dir) => {
                let name = temporary_name();
                let old = (&*from.parent, from.name.as_slice());
                let new = (&*to.parent, name.as_slice());
                let made = copy_tree(old, new, (keep, &mut copied), DEEPEST)
                    .and_then(|()| to.parent.rename_new(&name, &to.parent, &to.name))
                    .and_then(|()| to.parent.sync());
                if let Err(error) = made {
                    drop(discard_tree(&to.parent, &name, DEEPEST));
                    return Err(failed(error));
                }
            }
            Some(EntryKind::Link) => {
                let stat = from.parent.stat(&from.name).map_err(failed)?;
                let link = from.parent.read_link(&from.name).map_err(failed)?;
                note(&mut copied, keep, &stat);
                if over && to.stat.is_some() {
                    let name = temporary_name();
                    let made = to.parent.make_link(&name, &link);
                    made.and_then(|()| to.parent.rename(&name, &to.parent, &to.name))
                        .map_err(failed)?;
                } else {
                    to.parent.make_link(&to.name, &link).map_err(failed)?;
                }
                to.parent.sync().map_err(failed)?;
            }
            Some(EntryKind::Special) => {
                return Err(FsError::Special { asked: from.asked.clone() });
            }
            _ => {
                let opened = from.parent.open_file(&from.name).map_err(failed)?;
                let Some((file, stat)) = opened else {
                    return Err(FsError::Special { asked: from.asked.clone() });
                };
                let staged = Staged::empty(&to.parent, true).map_err(failed)?;
                fill(&file, &stat, &staged.file, keep).map_err(failed)?;
                note(&mut copied, keep, &stat);
                if over { staged.replace(&to.name) } else { staged.place_new(&to.name) }
                    .map_err(failed)?;
            }
        }
        self.sweep(&to.parent);
        Ok((count, copied))
    }

    /// What must hold before something is moved or copied; how many files and directories it is.
    fn check_pair(
        &self,
        from: &Target,
        to: &Target,
        over: bool,
        moves: bool,
    ) -> Result<u64, FsError> {
        match to.stat {
            // Renaming one name of a file to another of the same does nothing.
            Some(stat)
                if over
                    && moves
                    && from.stat.is_some_and(|from| from.is_same_file(&stat))
                    && self.absolute(from) != self.absolute(to) =>
            {
                return Err(FsError::HardLinked { asked: to.asked.clone(), links: stat.links });
            }
            Some(stat) if over && stat.kind == EntryKind::Dir => {
                return Err(FsError::NotAFile { asked: to.asked.clone() });
            }
            Some(_) if !over => return Err(FsError::Exists { asked: to.asked.clone() }),
            _ => {}
        }
        if !from.is(EntryKind::Dir) {
            self.must_show(to, Shape::Leaf)?;
            return Ok(1);
        }
        self.must_show(to, Shape::Dir)?;
        if to.stat.is_some() {
            // A directory does not replace a file.
            return Err(FsError::Exists { asked: to.asked.clone() });
        }
        if names::beneath(&self.absolute(to), &self.absolute(from)).is_some() {
            return Err(FsError::IntoItself { asked: from.asked.clone() });
        }
        self.check_whole(from, moves.then_some((to.root, to.path.as_slice())))
    }

    fn absolute(&self, target: &Target) -> Vec<u8> {
        let root = self.root(target.root).map(|root| root.canonical.as_slice());
        names::join(root.unwrap_or_default(), &target.path)
    }

    /// Refuses a directory that can't be handled as a whole; counts it with all that is in it.
    fn check_whole(
        &self,
        target: &Target,
        moved_to: Option<(usize, &[u8])>,
    ) -> Result<u64, FsError> {
        if self.holds_root(target.root, &target.path) {
            return Err(FsError::Protected { asked: target.asked.clone() });
        }
        let place = Place { dir: &target.parent, root: target.root, path: parent(&target.path) };
        self.count_whole(&place, &target.name, moved_to, DEEPEST).map_err(|error| {
            match error.kind() {
                io::ErrorKind::PermissionDenied if error.get_ref().is_some() => {
                    FsError::Protected { asked: target.asked.clone() }
                }
                _ => target.io("look into", error),
            }
        })
    }

    fn count_whole(
        &self,
        above: &Place<'_>,
        name: &[u8],
        moved_to: Option<(usize, &[u8])>,
        depth: usize,
    ) -> io::Result<u64> {
        let (dir, entries) = open(above.dir, name, depth)?;
        let path = names::join(above.path, name);
        let mut count = 1;
        for (name, kind) in entries.iter() {
            let full = names::join(&path, name);
            let new = moved_to.map(|(root, path)| (root, names::join(path, name)));
            let new = new.as_ref().map(|(root, path)| (*root, path.as_slice()));
            if self.protects((above.root, &full), kind, new) {
                return Err(protected());
            }
            count += match kind {
                _ if is_temporary(name) => 0,
                EntryKind::Dir => {
                    let place = Place { dir: &dir, root: above.root, path: &path };
                    self.count_whole(&place, name, new, depth - 1)?
                }
                _ => 1,
            };
        }
        Ok(count)
    }

    /// Deletes a directory with all that is in it; stops at what has become protected meanwhile.
    fn remove_tree(
        &self,
        (above, name): (&Place<'_>, &[u8]),
        deleted: &mut u64,
        moved: Option<Gone<'_>>,
        depth: usize,
    ) -> io::Result<()> {
        if let Some(moved) = moved {
            check_copied(above.dir, name, moved.copied)?;
        }
        let (dir, entries) = open(above.dir, name, depth)?;
        let path = names::join(above.path, name);
        let place = Place { dir: &dir, root: above.root, path: &path };
        for (name, kind) in entries.iter() {
            let new = moved.map(|moved| names::join(moved.to.1, name));
            let moved = moved.zip(new.as_deref());
            let moved = moved.map(|(moved, path)| Gone { to: (moved.to.0, path), ..moved });
            let moved_to = moved.map(|moved| moved.to);
            if self.protects((above.root, &names::join(&path, name)), kind, moved_to) {
                return Err(protected());
            }
            // What is left over from writing was not copied, and goes.
            let moved = moved.filter(|_| !is_temporary(name));
            if kind == EntryKind::Dir {
                self.remove_tree((&place, name), deleted, moved, depth - 1)?;
            } else {
                if let Some(moved) = moved {
                    check_copied(&dir, name, moved.copied)?;
                }
                gone(dir.remove_file(name))?;
                *deleted += 1;
            }
        }
        gone(above.dir.remove_dir(name))?;
        *deleted += 1;
        Ok(())
    }
}

impl Target {
    fn is(&self, kind: EntryKind) -> bool {
        self.stat.is_some_and(|stat| stat.kind == kind)
    }

    fn is_empty_dir(&self) -> Result<bool, FsError> {
        let read = open(&self.parent, &self.name, 1);
        let (_, entries) = read.map_err(|error| self.io("look into", error))?;
        Ok(entries.len() == 0)
    }
}

/// Copies a directory with all that is in it to a new name; special files are refused.
fn copy_tree(
    (from, name): (&Dir, &[u8]),
    (to, new_name): (&Dir, &[u8]),
    (keep, copied): (Keep, &mut Copied),
    depth: usize,
) -> io::Result<()> {
    let stat = from.stat(name)?;
    let (source, entries) = open(from, name, depth)?;
    to.make_dir(new_name)?;
    let dir = beneath::open_dir(to, new_name).map_err(open_error)?;
    // Against being swept, until it is complete.
    drop(dir.try_lock());
    note(copied, keep, &stat);
    for (name, kind) in entries.iter().filter(|(name, _)| !is_temporary(name)) {
        match kind {
            EntryKind::Dir => {
                copy_tree((&source, name), (&dir, name), (keep, &mut *copied), depth - 1)?;
            }
            EntryKind::Link => {
                let stat = source.stat(name)?;
                dir.make_link(name, &source.read_link(name)?)?;
                note(copied, keep, &stat);
            }
            EntryKind::File | EntryKind::Special => {
                let opened = match kind {
                    EntryKind::File => source.open_file(name)?,
                    _ => None,
                };
                let Some((file, stat)) = opened else {
                    let why = format!("`{}` is a FIFO, socket or device", names::show(name));
                    return Err(io::Error::new(io::ErrorKind::Unsupported, why));
                };
                fill(&file, &stat, &dir.create(name, true)?, keep)?;
                note(copied, keep, &stat);
            }
        }
    }
    dir.set_mode(stat.mode)?;
    dir.sync()
}

/// Remembers what was copied, as it was before.
fn note(copied: &mut Copied, keep: Keep, stat: &Stat) {
    if keep == Keep::All {
        copied.insert((stat.device, stat.inode), *stat);
    }
}

/// Passes if this is what was copied, and has not been changed since. Of a directory only that it is
/// the same one: what is in it is checked by itself.
fn check_copied(dir: &Dir, name: &[u8], copied: &Copied) -> io::Result<()> {
    let now = dir.stat(name)?;
    match copied.get(&(now.device, now.inode)) {
        Some(then) if now.kind == EntryKind::Dir && then.kind == now.kind => Ok(()),
        Some(then) if then.is_unchanged(&now) => Ok(()),
        _ => Err(io::ErrorKind::Other.into()),
    }
}

/// Removes a directory that a copy under way when its process was killed left behind.
pub(super) fn sweep(parent: &Dir, name: &[u8]) -> io::Result<()> {
    let dir = beneath::open_dir(parent, name).map_err(open_error)?;
    dir.try_lock()?;
    discard_tree(parent, name, DEEPEST)
}

/// Takes back what a failed copy left.
fn discard_tree(parent: &Dir, name: &[u8], depth: usize) -> io::Result<()> {
    let (dir, entries) = open(parent, name, depth)?;
    for (name, kind) in entries.iter() {
        if kind == EntryKind::Dir {
            discard_tree(&dir, name, depth - 1)?;
        } else {
            dir.remove_file(name)?;
        }
    }
    parent.remove_dir(name)
}

fn fill(from: &File, stat: &Stat, mut to: &File, keep: Keep) -> io::Result<()> {
    io::copy(&mut &*from, &mut to)?;
    match keep {
        Keep::Mode => altering::keep_mode(from, to)?,
        Keep::All => {
            altering::keep_metadata(from, to)?;
            to.set_times(FileTimes::new().set_modified(stat.mtime()))?;
        }
    }
    to.sync_all()
}

fn open(parent: &Dir, name: &[u8], depth: usize) -> io::Result<(Dir, Names)> {
    if depth == 0 {
        return Err(io::ErrorKind::InvalidFilename.into());
    }
    let dir = beneath::open_dir(parent, name).map_err(open_error)?;
    let names = Names::read(&dir, &mut EntryBuffer::new())?;
    Ok((dir, names))
}

fn open_error(error: OpenError) -> io::Error {
    match error {
        OpenError::Io(error) => error,
        OpenError::Link => io::ErrorKind::NotADirectory.into(),
        OpenError::Missing => io::ErrorKind::NotFound.into(),
    }
}

/// What somebody else deleted at the same time is gone as well.
fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Not the system's refusal but ours: it carries a text.
fn protected() -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, "protected")
}

fn parent(path: &[u8]) -> &[u8] {
    let name = names::name(path).len();
    let end = (path.len() - name).saturating_sub(1);
    path.get(..end).unwrap_or_default()
}
