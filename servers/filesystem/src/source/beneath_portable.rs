//! Opening things beneath a root where there is no `openat2`, through cap-std: it resolves every
//! path inside the directory that was opened, so nothing outside is ever reached. That no link is
//! on the way is looked up before the open, not by it; who swaps a directory for a link at the
//! right moment gets another file *inside* the root, which is weaker than on Linux.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use cap_std::ambient_authority;
use cap_std::fs::{FileType, Metadata};

use super::names;
use super::stat::{EntryKind, Stat};

/// An open directory.
#[derive(Debug)]
pub(super) struct Dir(pub(super) cap_std::fs::Dir);

/// What a path without links turned out to be.
#[derive(Debug)]
pub(super) enum Opened {
    /// A regular file, open for reading.
    File(File),
    /// A directory.
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

impl From<io::Error> for OpenError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::InvalidFilename
            | io::ErrorKind::InvalidInput => Self::Missing,
            _ => Self::Io(error),
        }
    }
}

/// Opens the directory that a root names, following links: the one place that does.
pub(super) fn open_root(path: &Path) -> io::Result<(Dir, Stat)> {
    let dir = cap_std::fs::Dir::open_ambient_dir(path, ambient_authority())?;
    let stat = convert(&dir.dir_metadata()?);
    Ok((Dir(dir), stat))
}

/// What the path of a root names now.
pub(super) fn stat_root(path: &Path) -> io::Result<Stat> {
    open_root(path).map(|(_, stat)| stat)
}

/// Opens `path` beneath `root` for reading.
pub(super) fn open(root: &Dir, path: &[u8]) -> Result<(Opened, Stat), OpenError> {
    let stat = match place(root, path)? {
        Place::Link(..) => return Err(OpenError::Link),
        Place::Other(stat) => stat,
    };
    match stat.kind {
        EntryKind::Dir => Ok((Opened::Dir, stat)),
        EntryKind::Link | EntryKind::Special => Ok((Opened::Special, stat)),
        EntryKind::File => match root.0.open(native(path)?) {
            Ok(file) => {
                let stat = convert(&file.metadata()?);
                Ok((Opened::File(file.into_std()), stat))
            }
            Err(error) => Ok((Opened::Refused(error), stat)),
        },
    }
}

/// Looks at `path` beneath `root` without opening it; a link is read, not followed.
pub(super) fn place(root: &Dir, path: &[u8]) -> Result<Place, OpenError> {
    if path.is_empty() {
        return Ok(Place::Other(convert(&root.0.dir_metadata()?)));
    }
    let mut above = path.to_vec();
    while names::pop(&mut above) && !above.is_empty() {
        if root.0.symlink_metadata(native(&above)?)?.is_symlink() {
            return Err(OpenError::Link);
        }
    }
    let path = native(path)?;
    let stat = convert(&root.0.symlink_metadata(&path)?);
    if stat.kind == EntryKind::Link {
        let target = root.0.read_link_contents(&path)?;
        return Ok(Place::Link(link_bytes(&target), stat));
    }
    Ok(Place::Other(stat))
}

/// Opens the directory `path` beneath `root` for listing.
pub(super) fn open_dir(root: &Dir, path: &[u8]) -> Result<Dir, OpenError> {
    match place(root, path)? {
        Place::Link(..) => Err(OpenError::Link),
        Place::Other(_) if path.is_empty() => Ok(Dir(root.0.try_clone()?)),
        Place::Other(_) => Ok(Dir(root.0.open_dir(native(path)?)?)),
    }
}

/// Metadata of an open file.
pub(super) fn stat_file(file: &File) -> io::Result<Stat> {
    Metadata::from_file(file).map(|metadata| convert(&metadata))
}

/// Metadata of an open directory.
pub(super) fn stat_dir(dir: &Dir) -> io::Result<Stat> {
    Ok(convert(&dir.0.dir_metadata()?))
}

/// When a file was made, where the filesystem knows it.
pub(super) fn birth_ns(root: &Dir, path: &[u8]) -> Option<i128> {
    let created = root.0.symlink_metadata(native(path).ok()?).ok()?.created().ok()?;
    Some(nanoseconds(created.into_std()))
}

impl Dir {
    /// Opens a regular file that lies directly in this directory; `None` for anything else.
    pub(super) fn open_file(&self, name: &[u8]) -> io::Result<Option<(File, Stat)>> {
        if self.stat(name)?.kind != EntryKind::File {
            return Ok(None);
        }
        let file = self.0.open(native(name)?)?;
        let stat = convert(&file.metadata()?);
        let regular = stat.kind == EntryKind::File;
        Ok(regular.then(|| (file.into_std(), stat)))
    }

    /// Metadata of an entry, a link not followed.
    pub(super) fn stat(&self, name: &[u8]) -> io::Result<Stat> {
        self.0.symlink_metadata(native(name)?).map(|metadata| convert(&metadata))
    }

    /// Calls `entry` for each name in the directory, in the system's order.
    pub(super) fn entries(
        &self,
        _buffer: &mut EntryBuffer,
        mut entry: impl FnMut(&[u8], EntryKind),
    ) -> io::Result<()> {
        for found in self.0.entries()? {
            let found = found?;
            let Ok(file_type) = found.file_type() else { continue };
            entry(&name_bytes(&found.file_name()), entry_kind(file_type));
        }
        Ok(())
    }
}

/// Nothing is needed here; on Linux it holds one reading of a directory.
#[derive(Debug)]
pub(super) struct EntryBuffer;

impl EntryBuffer {
    pub(super) fn new() -> Self {
        Self
    }
}

/// Reads at a position, as many bytes as there are.
pub(super) fn read_at(file: &File, mut buffer: &mut [u8], mut offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while !buffer.is_empty() {
        #[cfg(unix)]
        let read = std::os::unix::fs::FileExt::read_at(file, buffer, offset);
        #[cfg(windows)]
        let read = std::os::windows::fs::FileExt::seek_read(file, buffer, offset);
        match read {
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

/// The bytes of an absolute path without the leading slash; on Windows `C:/…` without `\\?\`.
pub(super) fn path_bytes(path: &Path) -> Vec<u8> {
    let text = link_bytes(path);
    let text = text.strip_prefix(b"//?/").unwrap_or(&text);
    let mut bytes = Vec::new();
    for name in names::components(text) {
        names::push(&mut bytes, name);
    }
    bytes
}

/// A leading slash, or a drive letter.
pub(super) fn is_absolute(path: &[u8]) -> bool {
    path.first() == Some(&b'/') || (cfg!(windows) && path.get(1) == Some(&b':'))
}

#[cfg_attr(unix, expect(clippy::unnecessary_wraps, reason = "on Windows not all bytes are a path"))]
pub(super) fn native(path: &[u8]) -> io::Result<PathBuf> {
    if path.is_empty() {
        return Ok(PathBuf::from("."));
    }
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt as _;
        Ok(PathBuf::from(std::ffi::OsStr::from_bytes(path)))
    }
    #[cfg(not(unix))]
    {
        // A colon would name a stream of another file.
        match std::str::from_utf8(path) {
            Ok(text) if !text.contains([':', '\\']) => Ok(PathBuf::from(text)),
            _ => Err(io::ErrorKind::InvalidInput.into()),
        }
    }
}

fn name_bytes(name: &std::ffi::OsStr) -> Vec<u8> {
    name.as_encoded_bytes().to_vec()
}

pub(super) fn link_bytes(path: &Path) -> Vec<u8> {
    let mut bytes = name_bytes(path.as_os_str());
    if cfg!(windows) {
        bytes.iter_mut().filter(|byte| **byte == b'\\').for_each(|byte| *byte = b'/');
    }
    bytes
}

pub(super) fn convert(metadata: &Metadata) -> Stat {
    #[cfg(unix)]
    let (mode, links, device, inode, ctime_ns) = {
        use cap_std::fs::MetadataExt as _;
        let ctime =
            i128::from(metadata.ctime()) * 1_000_000_000 + i128::from(metadata.ctime_nsec());
        (metadata.mode() & 0o7777, metadata.nlink(), metadata.dev(), metadata.ino(), ctime)
    };
    #[cfg(not(unix))]
    let (mode, links, device, inode, ctime_ns) = (0, 1, 0, 0, 0);
    let mtime_ns = metadata.modified().map_or(0, |time| nanoseconds(time.into_std()));
    Stat {
        kind: entry_kind(metadata.file_type()),
        size: metadata.len(),
        mtime_ns,
        ctime_ns,
        mode,
        links,
        device,
        inode,
    }
}

fn nanoseconds(time: SystemTime) -> i128 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => i128::try_from(after.as_nanos()).unwrap_or(i128::MAX),
        Err(before) => -i128::try_from(before.duration().as_nanos()).unwrap_or(i128::MAX),
    }
}

fn entry_kind(file_type: FileType) -> EntryKind {
    if file_type.is_file() {
        EntryKind::File
    } else if file_type.is_dir() {
        EntryKind::Dir
    } else if file_type.is_symlink() {
        EntryKind::Link
    } else {
        EntryKind::Special
    }
}
