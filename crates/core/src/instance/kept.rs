//! A file that one process keeps: it alone replaces it, always as a whole, and holds a lock on what
//! is there for as long as it lives. Whoever reads it can tell by the lock whether that process
//! still runs: numbers of processes mean nothing across containers, and are used again.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

/// How often a reader looks again at a file that is being replaced.
const LOOKS: usize = 16;

/// A file of this process.
#[derive(Debug)]
pub(crate) struct Kept {
    path: PathBuf,
    draft: PathBuf,
    mode: u32,
    /// What is there now, locked.
    held: Option<File>,
}

impl Kept {
    /// The file at `path`, which need not exist. `instance` is this process's own, so that drafts of
    /// siblings don't meet.
    pub(crate) fn new(path: PathBuf, instance: &str, mode: u32) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let draft = path.with_file_name(format!(".{name}.{instance}{DRAFT}"));
        Self { path, draft, mode, held: None }
    }

    /// Puts `bytes` in its place: whoever looks sees the old or the new ones, and a lock.
    pub(crate) fn replace(&mut self, bytes: &[u8]) -> io::Result<()> {
        remove(&self.draft)?;
        match self.write(bytes) {
            Ok(file) => {
                self.held = Some(file);
                Ok(())
            }
            Err(error) => {
                // Half a draft is nobody's use, least of all on a full disk.
                remove(&self.draft)?;
                Err(error)
            }
        }
    }

    /// The same at a path that somebody named, where only a file gives way: a rename would as well
    /// replace `/dev/null`.
    pub(crate) fn replace_file(&mut self, bytes: &[u8]) -> io::Result<()> {
        if is_other_than_file(&self.path) {
            return Err(io::Error::other(Unusable::NotAFile));
        }
        self.replace(bytes)
    }

    #[expect(clippy::disallowed_types, reason = "core's own files, outside every scope")]
    #[expect(clippy::disallowed_methods, reason = "core's own files, outside every scope")]
    fn write(&self, bytes: &[u8]) -> io::Result<File> {
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, self.mode);
        let mut file = options.open(&self.draft)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) => return Err(io::ErrorKind::WouldBlock.into()),
        }
        file.write_all(bytes)?;
        fs::rename(&self.draft, &self.path)?;
        Ok(file)
    }
}

/// Whether something is there that is no regular file: a device, a pipe, a link.
pub(crate) fn is_other_than_file(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|meta| !meta.is_file())
}

/// How the names of drafts end.
pub(crate) const DRAFT: &str = ".tmp";

/// What another process kept, and whether it still runs.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) bytes: Vec<u8>,
    pub(crate) runs: bool,
}

/// Why a file is none that we read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unusable {
    #[error("it is gone")]
    Gone,
    #[error("it is not a regular file")]
    NotAFile,
    #[error("it belongs to another user")]
    NotOurs,
    #[error("it is longer than {0} bytes")]
    TooLong(u64),
    #[error("it can't be read: {0}")]
    Unreadable(io::Error),
}

/// Reads what some process keeps, at most `most` bytes of it. It follows no link and waits for
/// nobody.
pub(crate) fn read(path: &Path, most: u64) -> Result<Found, Unusable> {
    for _ in 0..LOOKS {
        let mut file = open(path)?;
        let meta = file.metadata().map_err(Unusable::Unreadable)?;
        if meta.len() > most {
            return Err(Unusable::TooLong(most));
        }
        let runs = runs(&file)?;
        // The lock of a file that was replaced after it was opened is gone with its name.
        if !runs && was_replaced(&file) {
            continue;
        }
        let mut bytes = Vec::new();
        (&mut file).take(most).read_to_end(&mut bytes).map_err(Unusable::Unreadable)?;
        return Ok(Found { bytes, runs });
    }
    Err(Unusable::Gone)
}

/// Removes a file that nobody keeps; false if somebody does.
pub(crate) fn remove_left(path: &Path) -> Result<bool, Unusable> {
    let file = open(path)?;
    if runs(&file)? || was_replaced(&file) {
        return Ok(false);
    }
    remove(path).map_err(Unusable::Unreadable)?;
    Ok(true)
}

/// Opens a regular file of ours.
#[expect(clippy::disallowed_types, reason = "core's own files, outside every scope")]
fn open(path: &Path) -> Result<File, Unusable> {
    let mut options = fs::OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        let flags = OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::NOFOLLOW;
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, flags.bits().cast_signed());
    }
    let file = options.open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Unusable::Gone,
        _ if path.is_symlink() => Unusable::NotAFile,
        _ => Unusable::Unreadable(error),
    })?;
    let meta = file.metadata().map_err(Unusable::Unreadable)?;
    if !meta.is_file() {
        return Err(Unusable::NotAFile);
    }
    #[cfg(unix)]
    if std::os::unix::fs::MetadataExt::uid(&meta) != rustix::process::geteuid().as_raw() {
        return Err(Unusable::NotOurs);
    }
    Ok(file)
}

/// Whether somebody holds the lock. Ours, if we get one, ends with `file`.
fn runs(file: &File) -> Result<bool, Unusable> {
    match file.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(Unusable::Unreadable(error)),
    }
}

fn was_replaced(file: &File) -> bool {
    #[cfg(unix)]
    return file.metadata().is_ok_and(|meta| std::os::unix::fs::MetadataExt::nlink(&meta) == 0);
    #[cfg(not(unix))]
    {
        let _ = file;
        false
    }
}

#[expect(clippy::disallowed_methods, reason = "core's own files, outside every scope")]
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_is_on_what_is_there() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        let mut kept = Kept::new(path.clone(), "one", 0o600);
        for n in 0..3 {
            kept.replace(format!("text {n}").as_bytes()).unwrap();
            let found = read(&path, 100).unwrap();
            assert_eq!((found.bytes, found.runs), (format!("text {n}").into_bytes(), true));
            assert!(!remove_left(&path).unwrap());
        }
        assert!(matches!(read(&path, 3), Err(Unusable::TooLong(3))));
        drop(kept);
        let found = read(&path, 100).unwrap();
        assert_eq!((found.bytes, found.runs), (b"text 2".to_vec(), false));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "no draft is left");
        assert!(remove_left(&path).unwrap());
        assert!(matches!(read(&path, 100), Err(Unusable::Gone)));
    }

    /// A reader that comes between the steps of a replacement never takes the process for dead.
    #[test]
    fn a_process_that_writes_is_never_seen_dead() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        let mut kept = Kept::new(path.clone(), "one", 0o600);
        kept.replace(&[b'x'; 10_000]).unwrap();
        let done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            let readers: Vec<_> = (0..2)
                .map(|_| {
                    scope.spawn(|| {
                        let mut reads = 0;
                        while reads < 200 || !done.load(std::sync::atomic::Ordering::Relaxed) {
                            let found = read(&path, 20_000).unwrap();
                            assert!(found.runs);
                            assert_eq!(found.bytes.len(), 10_000);
                            assert!(!remove_left(&path).unwrap());
                            reads += 1;
                        }
                    })
                })
                .collect();
            for _ in 0..2_000 {
                kept.replace(&[b'y'; 10_000]).unwrap();
            }
            done.store(true, std::sync::atomic::Ordering::Relaxed);
            for reader in readers {
                reader.join().unwrap();
            }
        });
    }

    #[test]
    fn what_cannot_be_written_leaves_what_was() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        let mut kept = Kept::new(path.clone(), "one", 0o600);
        kept.replace(b"old").unwrap();
        // A directory where the draft should be.
        fs::create_dir(directory.path().join(".file.one.tmp")).unwrap();
        kept.replace(b"new").unwrap_err();
        let found = read(&path, 100).unwrap();
        assert_eq!((found.bytes, found.runs), (b"old".to_vec(), true));
    }

    #[cfg(unix)]
    #[test]
    fn a_planted_draft_is_not_followed() {
        use std::os::unix::fs::{MetadataExt as _, symlink};
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        let victim = directory.path().join("victim");
        fs::write(&victim, "precious").unwrap();
        symlink(&victim, directory.path().join(".file.one.tmp")).unwrap();
        symlink(&victim, &path).unwrap();
        Kept::new(path.clone(), "one", 0o640).replace(b"new").unwrap();
        assert_eq!(fs::read(&victim).unwrap(), b"precious");
        let meta = fs::symlink_metadata(&path).unwrap();
        assert!(meta.is_file());
        assert_eq!(meta.mode() & 0o137, 0, "{:o}", meta.mode());
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_file_is_not_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        fs::write(path("file"), "text").unwrap();
        std::os::unix::fs::symlink(path("file"), path("link")).unwrap();
        std::os::unix::fs::symlink(path("loop"), path("loop")).unwrap();
        fs::create_dir(path("directory")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, path("fifo"), rustix::fs::Mode::RWXU).unwrap();
        for name in ["link", "loop", "directory", "fifo"] {
            assert!(matches!(read(&path(name), 100), Err(Unusable::NotAFile)), "{name}");
            assert!(remove_left(&path(name)).is_err(), "{name}");
        }
    }
}
