//! Files that hold secrets: read only if nobody else can read them, replaced in one step. What is
//! read is what was checked: both happen on one open descriptor.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use crate::secret::Secret;
use crate::state::{create_private, make_private};

/// Why a file is not taken. The path is said by whoever asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error("it can't be read")]
    Unreadable(#[source] io::Error),
    #[error("it is not a regular file")]
    NotAFile,
    #[error("others can read it (mode {mode:03o}): chmod 600 `{}`", .path.display())]
    Exposed { path: PathBuf, mode: u32 },
    #[error("it belongs to another user: make a copy of your own with `install -m 600`")]
    NotOurs,
    #[error("it is longer than {most} bytes")]
    TooLong { most: usize },
}

impl Refused {
    /// Whether there just is no file.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self, Self::Unreadable(error) if error.kind() == io::ErrorKind::NotFound)
    }
}

/// Whose a file may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// Only ours: a file that we write ourselves.
    Us,
    /// Anybody's who gave it to us: service managers own the secrets that they hand out.
    Anyone,
}

/// Reads a private file of at most `most` bytes.
pub(crate) fn read(path: &Path, most: usize, owner: Owner) -> Result<Secret<Vec<u8>>, Refused> {
    let file = open(path).map_err(Refused::Unreadable)?;
    let meta = file.metadata().map_err(Refused::Unreadable)?;
    if !meta.is_file() {
        return Err(Refused::NotAFile);
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let mode = meta.mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(Refused::Exposed { path: path.to_owned(), mode });
        }
        if owner == Owner::Us && meta.uid() != rustix::process::geteuid().as_raw() {
            return Err(Refused::NotOurs);
        }
    }
    #[cfg(not(unix))]
    let _ = owner;
    // All room at once: a buffer that grows leaves copies behind.
    let room = usize::try_from(meta.len()).unwrap_or(most).min(most);
    let mut bytes = Secret::new(Vec::with_capacity(room + 1));
    let bounded = file.take(most as u64 + 1).read_to_end(bytes.expose_mut());
    bounded.map_err(Refused::Unreadable)?;
    if bytes.expose().len() > most {
        return Err(Refused::TooLong { most });
    }
    Ok(bytes)
}

/// Opens for reading without waiting for whoever writes to a pipe.
#[expect(clippy::disallowed_types, reason = "core's own files, outside every scope")]
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let mut options = fs::OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        let flags = OFlags::NONBLOCK.union(OFlags::NOCTTY).bits();
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, flags.cast_signed());
    }
    options.open(path)
}

/// Replaces a private file, or makes it: whoever reads, and whatever crashes, sees the old or the
/// new one. The caller holds a lock, so that one name for the draft is enough and none piles up.
#[expect(clippy::disallowed_methods, reason = "core's own files, outside every scope")]
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    make_private(directory)?;
    let mut draft = path.as_os_str().to_owned();
    draft.push(".draft");
    let draft = PathBuf::from(draft);
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = create_private(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    #[cfg(unix)]
    File::open(directory)?.sync_all()?;
    Ok(())
}

/// Takes a lock between processes until the file is dropped.
#[expect(clippy::disallowed_types, reason = "core's own files, outside every scope")]
pub(crate) fn lock(path: &Path) -> io::Result<File> {
    make_private(path.parent().unwrap_or(Path::new(".")))?;
    let mut options = fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    file.lock()?;
    Ok(file)
}
