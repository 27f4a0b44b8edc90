//! Opening things beneath a root on Linux. Every open starts at a directory descriptor, takes a
//! path without `..`, and follows no link at all (links are resolved step by step in `locate`), so
//! whatever is swapped meanwhile, what opens lies beneath the root under exactly that path.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, RawDir, ResolveFlags, SeekFrom};
use rustix::io::Errno;

use super::names;
use super::stat::{EntryKind, Stat};

/// What a file is opened with: `NONBLOCK` so that a FIFO can't hang the open.
const READ: OFlags = OFlags::RDONLY
    .union(OFlags::NONBLOCK)
    .union(OFlags::CLOEXEC)
    .union(OFlags::NOCTTY)
    .union(OFlags::NOFOLLOW);
const READ_DIR: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC).union(OFlags::NOFOLLOW);
/// A descriptor that only stands for a place; a final link is then opened itself.
const PLACE: OFlags = OFlags::PATH.union(OFlags::CLOEXEC).union(OFlags::NOFOLLOW);

/// Set once the kernel (or a sandbox) turns out not to know `openat2`.
static NO_OPENAT2: AtomicBool = AtomicBool::new(false);

/// An open directory.
#[derive(Debug)]
pub(super) struct Dir(pub(super) OwnedFd);

/// What a path without links turned out to be.
#[derive(Debug)]
pub(super) enum Opened {
    /// A regular file, open for reading.
    File(File),
    /// A directory, open for listing.
    Dir,
    /// A FIFO, socket or device: not opened.
    Special,
    /// A file or directory that may be looked at but not opened.
    Refused(io::Error),
}

/// What stands at the end of a path, a link not followed.
#[derive(Debug)]
pub(super) enum Place {
    /// A link and the bytes it holds.
    Link(Vec<u8>, Stat),
    /// Anything else.
    Other(Stat),
}

/// Why a path did not open.
#[derive(Debug)]
pub(super) enum OpenError {
    /// A link is on the way.
    Link,
    /// Nothing there, or a file where a directory is needed.
    Missing,
    /// The system refused.
    Io(io::Error),
}

impl From<Errno> for OpenError {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::LOOP => Self::Link,
            Errno::NOENT | Errno::NOTDIR | Errno::NAMETOOLONG | Errno::INVAL => Self::Missing,
            other => Self::Io(other.into()),
        }
    }
}

/// Opens the directory that a root names, following links: the one place that does.
pub(super) fn open_root(path: &Path) -> io::Result<(Dir, Stat)> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let descriptor = rustix::fs::openat(CWD, path, flags, Mode::empty())?;
    let stat = stat_of(&descriptor)?;
    Ok((Dir(descriptor), stat))
}

/// What the path of a root names now.
pub(super) fn stat_root(path: &Path) -> io::Result<Stat> {
    let stat = rustix::fs::statat(CWD, path, AtFlags::empty())?;
    Ok(convert(&stat))
}

/// Opens `path` beneath `root` for reading.
pub(super) fn open(root: &Dir, path: &[u8]) -> Result<(Opened, Stat), OpenError> {
    let descriptor = match open_without_links(root, path, READ) {
        Ok(descriptor) => descriptor,
        Err(errno @ (Errno::LOOP | Errno::NOENT | Errno::NOTDIR)) => return Err(errno.into()),
        Err(errno) => return look(root, path, errno),
    };
    let stat = stat_of(&descriptor)?;
    let opened = match stat.kind {
        EntryKind::File => Opened::File(File::from(descriptor)),
        EntryKind::Dir => Opened::Dir,
        EntryKind::Link | EntryKind::Special => Opened::Special,
    };
    Ok((opened, stat))
}

/// What can be said about a thing that does not open: no permission, a socket, a device.
fn look(root: &Dir, path: &[u8], refusal: Errno) -> Result<(Opened, Stat), OpenError> {
    let Ok(descriptor) = open_without_links(root, path, PLACE) else {
        return Err(refusal.into());
    };
    let stat = stat_of(&descriptor)?;
    match stat.kind {
        EntryKind::Link => Err(OpenError::Link),
        EntryKind::Special => Ok((Opened::Special, stat)),
        EntryKind::File | EntryKind::Dir => Ok((Opened::Refused(refusal.into()), stat)),
    }
}

/// Looks at `path` beneath `root` without opening it; a link is read, not followed.
pub(super) fn place(root: &Dir, path: &[u8]) -> Result<Place, OpenError> {
    let descriptor = open_without_links(root, path, PLACE)?;
    let stat = stat_of(&descriptor)?;
    if stat.kind == EntryKind::Link {
        let target = rustix::fs::readlinkat(&descriptor, c"", Vec::new())?;
        return Ok(Place::Link(target.into_bytes(), stat));
    }
    Ok(Place::Other(stat))
}

/// Opens the directory `path` beneath `root` for listing.
pub(super) fn open_dir(root: &Dir, path: &[u8]) -> Result<Dir, OpenError> {
    Ok(Dir(open_without_links(root, path, READ_DIR)?))
}

/// Metadata of an open file.
pub(super) fn stat_file(file: &File) -> io::Result<Stat> {
    Ok(stat_of(file)?)
}

/// Metadata of an open directory.
pub(super) fn stat_dir(dir: &Dir) -> io::Result<Stat> {
    Ok(stat_of(&dir.0)?)
}

/// When a file was made, where the filesystem knows it.
pub(super) fn birth_ns(root: &Dir, path: &[u8]) -> Option<i128> {
    let descriptor = open_without_links(root, path, PLACE).ok()?;
    let flags = rustix::fs::StatxFlags::BTIME;
    let statx = rustix::fs::statx(&descriptor, c"", AtFlags::EMPTY_PATH, flags).ok()?;
    let known = statx.stx_mask & flags.bits() != 0;
    let (seconds, rest) = (statx.stx_btime.tv_sec, statx.stx_btime.tv_nsec);
    known.then(|| i128::from(seconds) * 1_000_000_000 + i128::from(rest))
}

impl Dir {
    /// Opens a regular file that lies directly in this directory; `None` for anything else.
    pub(super) fn open_file(&self, name: &[u8]) -> io::Result<Option<(File, Stat)>> {
        let descriptor = rustix::fs::openat(&self.0, name, READ, Mode::empty())?;
        let stat = stat_of(&descriptor)?;
        let regular = stat.kind == EntryKind::File;
        Ok(regular.then(|| (File::from(descriptor), stat)))
    }

    /// Metadata of an entry, a link not followed.
    pub(super) fn stat(&self, name: &[u8]) -> io::Result<Stat> {
        let stat = rustix::fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(convert(&stat))
    }

    /// Calls `entry` for each name in the directory, in the system's order.
    pub(super) fn entries(
        &self,
        buffer: &mut EntryBuffer,
        mut entry: impl FnMut(&[u8], EntryKind),
    ) -> io::Result<()> {
        rustix::fs::seek(&self.0, SeekFrom::Start(0))?;
        let mut listing = RawDir::new(self.0.as_fd(), buffer.0.spare_capacity_mut());
        while let Some(found) = listing.next() {
            let found = found?;
            let name = found.file_name().to_bytes();
            if name == b"." || name == b".." {
                continue;
            }
            let kind = match found.file_type() {
                // Some filesystems don't say; only then is a stat spent.
                FileType::Unknown => match self.stat(name) {
                    Ok(stat) => stat.kind,
                    Err(_) => continue,
                },
                known => entry_kind(known),
            };
            entry(name, kind);
        }
        Ok(())
    }
}

/// Room for one reading of directory entries, reused between directories.
#[derive(Debug)]
pub(super) struct EntryBuffer(Vec<u8>);

impl EntryBuffer {
    /// 32 kB: about a thousand names a system call.
    pub(super) fn new() -> Self {
        Self(Vec::with_capacity(32 * 1024))
    }
}

/// Reads at a position, as many bytes as there are.
pub(super) fn read_at(file: &File, mut buffer: &mut [u8], mut offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while !buffer.is_empty() {
        match file.read_at(buffer, offset) {
            Ok(0) => break,
            Ok(n) => {
                filled += n;
                offset += n as u64;
                buffer = buffer.get_mut(n..).unwrap_or_default();
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

fn open_without_links(root: &Dir, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
    let path = if path.is_empty() { b"." } else { path };
    if NO_OPENAT2.load(Ordering::Relaxed) {
        return open_by_components(root, path, flags);
    }
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    for _ in 0..16 {
        match rustix::fs::openat2(&root.0, path, flags, Mode::empty(), resolve) {
            // A rename somewhere on the system disturbed the walk.
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(Errno::NOSYS | Errno::PERM) if !has_openat2(root) => {
                NO_OPENAT2.store(true, Ordering::Relaxed);
                return open_by_components(root, path, flags);
            }
            other => return other,
        }
    }
    Err(Errno::AGAIN)
}

/// Whether the root itself opens: tells a missing system call from a refusal of one file.
fn has_openat2(root: &Dir) -> bool {
    let resolve = ResolveFlags::BENEATH;
    rustix::fs::openat2(&root.0, c".", PLACE, Mode::empty(), resolve).is_ok()
}

/// For kernels before 5.6 and sandboxes without `openat2`: one component after the other, none of
/// them a link. The path holds no `..`, so it can't leave the root.
fn open_by_components(root: &Dir, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
    let mut parent: Option<OwnedFd> = None;
    let mut rest = names::components(path).peekable();
    while let Some(name) = rest.next() {
        if name == b".." {
            return Err(Errno::XDEV);
        }
        let directory = parent.as_ref().map_or(root.0.as_fd(), |descriptor| descriptor.as_fd());
        if rest.peek().is_none() {
            return rustix::fs::openat(directory, name, flags, Mode::empty());
        }
        let next = rustix::fs::openat(directory, name, PLACE, Mode::empty())?;
        match stat_of(&next)?.kind {
            EntryKind::Dir => parent = Some(next),
            EntryKind::Link => return Err(Errno::LOOP),
            EntryKind::File | EntryKind::Special => return Err(Errno::NOTDIR),
        }
    }
    rustix::fs::openat(&root.0, c".", flags, Mode::empty())
}

pub(super) fn stat_of(descriptor: impl AsFd) -> Result<Stat, Errno> {
    rustix::fs::fstat(descriptor).map(|stat| convert(&stat))
}

// The field types differ between architectures: here they are widened or known not to be negative.
#[expect(clippy::allow_attributes, reason = "which of the lints fires depends on the architecture")]
#[allow(
    clippy::unnecessary_cast,
    clippy::useless_conversion,
    clippy::cast_lossless,
    clippy::cast_sign_loss,
    reason = "field types differ between architectures"
)]
fn convert(stat: &rustix::fs::Stat) -> Stat {
    let nanoseconds = |seconds: i128, rest: i128| seconds * 1_000_000_000 + rest;
    Stat {
        kind: entry_kind(FileType::from_raw_mode(stat.st_mode)),
        size: stat.st_size as u64,
        mtime_ns: nanoseconds(stat.st_mtime as i128, stat.st_mtime_nsec as i128),
        ctime_ns: nanoseconds(stat.st_ctime as i128, stat.st_ctime_nsec as i128),
        mode: (stat.st_mode & 0o7777) as u32,
        links: stat.st_nlink as u64,
        device: stat.st_dev as u64,
        inode: stat.st_ino as u64,
    }
}

fn entry_kind(file_type: FileType) -> EntryKind {
    match file_type {
        FileType::RegularFile => EntryKind::File,
        FileType::Directory => EntryKind::Dir,
        FileType::Symlink => EntryKind::Link,
        _ => EntryKind::Special,
    }
}

/// The bytes of an absolute path without the leading slash.
pub(super) fn path_bytes(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for name in names::components(path.as_os_str().as_bytes()) {
        names::push(&mut bytes, name);
    }
    bytes
}

/// Only a leading slash makes a path absolute here.
pub(super) fn is_absolute(path: &[u8]) -> bool {
    path.first() == Some(&b'/')
}
