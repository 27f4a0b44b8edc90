//! New content beside the old: a temporary file in the same directory, complete and on disk before
//! it takes its name. Whatever stops the process, the name stands for all of the old or all of the
//! new content; what can be left behind is a file `.lockkeeper-….tmp`.

use std::collections::HashSet;
use std::fs::File;
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Write as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::beneath::{self, Dir, EntryBuffer};
use super::scan::Names;
use super::stat::EntryKind;
use super::{Source, altering, tree};

/// What was left behind by a process that was killed goes after this time. Whoever writes it holds a
/// lock on it; the time is for the moments before the lock and after it.
const ABANDONED: Duration = Duration::from_hours(1);
/// As many directories are remembered as swept.
const MOST_SWEPT: usize = 10_000;

/// How often another random name is tried.
const TRIES: usize = 8;

/// A temporary file; removed when it is dropped before it got its name.
#[derive(Debug)]
pub(super) struct Staged {
    dir: Arc<Dir>,
    name: Vec<u8>,
    pub(super) file: File,
    placed: bool,
}

impl Staged {
    /// Writes `content` to a new file in `dir`; it has the metadata of `like`, if there is one.
    pub(super) fn new(dir: &Arc<Dir>, content: &[u8], like: Option<&File>) -> io::Result<Self> {
        let mut staged = Self::empty(dir, like.is_some())?;
        staged.file.write_all(content)?;
        if let Some(like) = like {
            altering::keep_metadata(like, &staged.file)?;
        }
        staged.file.sync_all()?;
        Ok(staged)
    }

    /// A new file in `dir`, to be filled by the caller.
    pub(super) fn empty(dir: &Arc<Dir>, private: bool) -> io::Result<Self> {
        for _ in 0..TRIES {
            let name = temporary_name();
            match dir.create(&name, private) {
                Ok(file) => {
                    // As long as it is open nobody sweeps it. Where there are no locks nobody can.
                    drop(file.try_lock());
                    return Ok(Self { dir: Arc::clone(dir), name, file, placed: false });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// Takes a name that is free.
    pub(super) fn place_new(mut self, name: &[u8]) -> io::Result<File> {
        self.dir.rename_new(&self.name, &self.dir, name)?;
        self.placed = true;
        self.finish().inspect_err(|_| drop(self.dir.remove_file(name)))
    }

    /// Takes a name from whatever has it.
    pub(super) fn replace(mut self, name: &[u8]) -> io::Result<File> {
        self.dir.rename(&self.name, &self.dir, name)?;
        self.placed = true;
        self.finish()
    }

    /// Takes a name; what had it can be put back until the result is dropped for good.
    pub(super) fn replace_reversibly(mut self, name: &[u8]) -> io::Result<Replaced> {
        let old = if self.dir.exchange(&self.name, name).is_ok() {
            self.name.clone()
        } else {
            // Not every filesystem can exchange: then the old file gets a second name first.
            let old = temporary_name();
            self.dir.link(name, &old)?;
            if let Err(error) = self.dir.rename(&self.name, &self.dir, name) {
                drop(self.dir.remove_file(&old));
                return Err(error);
            }
            old
        };
        self.placed = true;
        match self.finish() {
            Ok(file) => Ok(Replaced { dir: Arc::clone(&self.dir), old, file }),
            Err(error) => {
                drop(self.dir.rename(&old, &self.dir, name));
                Err(error)
            }
        }
    }

    fn finish(&self) -> io::Result<File> {
        self.dir.sync()?;
        self.file.try_clone()
    }
}

/// A file in its place, and the one that was there under a temporary name.
pub(super) struct Replaced {
    pub(super) dir: Arc<Dir>,
    pub(super) old: Vec<u8>,
    pub(super) file: File,
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.placed {
            drop(self.dir.remove_file(&self.name));
        }
    }
}

/// The directories in which left-over files were looked for.
#[derive(Debug)]
pub(super) struct Swept {
    directories: Mutex<HashSet<(u64, u64)>>,
    pub(super) abandoned: Duration,
}

impl Default for Swept {
    fn default() -> Self {
        Self { directories: Mutex::default(), abandoned: ABANDONED }
    }
}

impl Source {
    /// Removes what killed processes left behind in a directory that was just written, when it is
    /// written for the first time.
    pub(super) fn sweep(&self, dir: &Dir) {
        let Ok(stat) = beneath::stat_dir(dir) else { return };
        {
            let swept = &self.swept.directories;
            let mut swept = swept.lock().unwrap_or_else(PoisonError::into_inner);
            if swept.len() >= MOST_SWEPT {
                swept.clear();
            }
            if !swept.insert((stat.device, stat.inode)) {
                return;
            }
        }
        let Ok(names) = Names::read(dir, &mut EntryBuffer::new()) else { return };
        // The directory has just been changed: that is what time it is for its filesystem.
        let abandoned = i128::try_from(self.swept.abandoned.as_nanos()).unwrap_or(i128::MAX);
        let before = stat.ctime_ns - abandoned;
        for (name, kind) in names.iter().filter(|(name, _)| is_temporary(name)) {
            // What can't be swept now is swept by another process, or stays.
            drop(sweep_one(dir, name, kind, before));
        }
    }
}

fn sweep_one(dir: &Dir, name: &[u8], kind: EntryKind, before: i128) -> io::Result<()> {
    let stat = dir.stat(name)?;
    if stat.ctime_ns > before {
        return Ok(());
    }
    match kind {
        EntryKind::File => {
            let Some((file, opened)) = dir.open_file(name)? else { return Ok(()) };
            if opened.is_same_file(&stat) && file.try_lock().is_ok() {
                dir.remove_file(name)?;
            }
            Ok(())
        }
        EntryKind::Dir => tree::sweep(dir, name),
        EntryKind::Link => dir.remove_file(name),
        EntryKind::Special => Ok(()),
    }
}

/// Whether a name is one of ours. What has it is unfinished or left behind, and nobody's business.
pub(super) fn is_temporary(name: &[u8]) -> bool {
    let digits = name.strip_prefix(b".lockkeeper-").and_then(|rest| rest.strip_suffix(b".tmp"));
    digits.is_some_and(|digits| digits.len() == 16 && digits.iter().all(u8::is_ascii_hexdigit))
}

/// A name that nobody else uses. `RandomState` is seeded by the system.
pub(super) fn temporary_name() -> Vec<u8> {
    format!(".lockkeeper-{:016x}.tmp", RandomState::new().hash_one(0_u8)).into_bytes()
}
