//! Where tools put files of their own making: one directory that the server's owner names
//! (`--export-dir`). A file is written beside its place, under a name that nobody else takes, and
//! gets its own name when it is complete and on disk. Nothing is ever overwritten, no link is followed
//! on the way, and what a call doesn't finish is removed.

mod writing;

use std::fmt;
use std::path::{Path, PathBuf};

use crate::effect::{Add, Grant};
use crate::error::ToolError;
use crate::server::StartError;

pub use writing::{Export, Exported, Filled, Filling};

#[cfg(unix)]
use system::Place;

/// The longest path of a file in the directory, bytes.
const LONGEST: usize = 1_024;

/// The longest name in it, so that every filesystem takes it.
const LONGEST_NAME: usize = 200;

/// A directory that tools write new files into.
#[derive(Debug, Clone)]
pub struct ExportDir(PathBuf);

impl ExportDir {
    /// The directory at `path`, which must be there and apart from core's own files (`own`).
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn new(path: &Path, own: &[PathBuf]) -> Result<Self, StartError> {
        let wrong = |problem: &str| {
            Err(StartError::new(format!("--export-dir {}: {problem}", path.display())))
        };
        if cfg!(not(unix)) {
            return wrong("files can't be exported safely on this system");
        }
        let Ok(real) = path.canonicalize() else { return wrong("there is no such directory") };
        if !real.is_dir() {
            return wrong("it is not a directory");
        }
        let is_ours = |own: &PathBuf| {
            let own = own.canonicalize().unwrap_or_else(|_| own.clone());
            own.starts_with(&real) || real.starts_with(&own)
        };
        if own.iter().any(is_ours) {
            return wrong("this server keeps files of its own there; name another directory");
        }
        Ok(Self(real))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Begins the file `path`, relative to the directory. Its name is free until [`Draft::finish`].
    /// Blocking.
    ///
    /// # Errors
    ///
    /// A path that leads elsewhere or is taken, or what the system refuses.
    #[expect(clippy::needless_pass_by_value, reason = "the grant is spent")]
    pub fn create(&self, grant: Grant<Add>, path: &str) -> Result<Draft, ToolError> {
        let _ = &grant;
        let names = names(path)?;
        let place = Place::open(&self.0, &names).map_err(|problem| refused(&problem, path))?;
        Ok(Draft { place, path: path.to_owned(), bytes: 0, is_placed: false })
    }
}

/// A file that is being written. Dropped, it is gone.
#[derive(Debug)]
pub struct Draft {
    place: Place,
    path: String,
    bytes: u64,
    is_placed: bool,
}

impl Draft {
    /// Adds `bytes` at its end. Blocking.
    ///
    /// # Errors
    ///
    /// What the system refuses.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), ToolError> {
        let written = self.place.write(bytes);
        written.map_err(|problem| refused(&problem, &self.path))?;
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// How many bytes it has.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Gives it its name, once it is on disk. Blocking.
    ///
    /// # Errors
    ///
    /// A name that is taken by now, or what the system refuses. The file is gone then.
    pub fn finish(mut self) -> Result<u64, ToolError> {
        let placed = self.place.place();
        placed.map_err(|problem| refused(&problem, &self.path))?;
        self.is_placed = true;
        Ok(self.bytes)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.is_placed {
            self.place.remove();
        }
    }
}

/// Why a file can't be written.
#[derive(Debug)]
enum Problem {
    /// There is something of that name.
    Taken,
    /// No such directory on the way, or a link or a file in its place.
    NoDirectory,
    System(std::io::Error),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taken => f.write_str("exists already"),
            Self::NoDirectory => f.write_str("is in a directory that doesn't exist, or is a link"),
            Self::System(error) => write!(f, "can't be written: {}", error.kind()),
        }
    }
}

fn refused(problem: &Problem, path: &str) -> ToolError {
    let (code, hint) = match problem {
        Problem::Taken => ("exists", "choose another name: nothing is overwritten"),
        Problem::NoDirectory => ("not_found", "choose a path in a directory that exists"),
        Problem::System(error) => {
            tracing::warn!(%error, "a file of an export can't be written");
            match error.kind() {
                std::io::ErrorKind::StorageFull
                | std::io::ErrorKind::QuotaExceeded
                | std::io::ErrorKind::FileTooLarge => ("no_space", "export less of it"),
                _ => ("not_writable", "ask the user to look at the export directory"),
            }
        }
    };
    ToolError::new(code, format!("`{path}` {problem}")).hint(hint)
}

/// The names along a path, of which none leads out, is hidden or can't be read by people.
fn names(path: &str) -> Result<Vec<&str>, ToolError> {
    let wrong = |problem: &str| {
        Err(ToolError::new("invalid_path", format!("the path {problem}"))
            .hint("a name such as orders.csv, relative to the export directory"))
    };
    if path.is_empty() || path.len() > LONGEST {
        return wrong("is empty or too long");
    }
    if path.starts_with('/') || path.contains('\\') {
        return wrong("must be relative, with `/` between its names");
    }
    let names: Vec<&str> = path.split('/').collect();
    for name in &names {
        if name.is_empty() || name.len() > LONGEST_NAME {
            return wrong("has a name that is empty or too long");
        }
        if name.starts_with('.') {
            return wrong("has a name that begins with a dot");
        }
        if name.chars().any(char::is_control) || name.ends_with(' ') {
            return wrong("has a name with characters that can't be read");
        }
    }
    Ok(names)
}

#[cfg(unix)]
mod system {
    use std::fs::File;
    use std::io;
    use std::os::fd::{AsFd as _, OwnedFd};
    use std::path::Path;
    use std::time::Duration;

    use rustix::fs::{AtFlags, CWD, Dir, FlockOperation, Mode, OFlags};
    use rustix::io::Errno;

    use super::Problem;
    use crate::state::{hex, random};

    /// Unfinished files begin and end so; nobody else may name one that begins with a dot.
    const PREFIX: &str = ".lockkeeper-";
    const SUFFIX: &str = ".tmp";

    /// What a process that was killed left behind goes after this time.
    const ABANDONED: Duration = Duration::from_hours(1);

    const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
    const NEW: OFlags = OFlags::WRONLY
        .union(OFlags::CREATE)
        .union(OFlags::EXCL)
        .union(OFlags::NOFOLLOW)
        .union(OFlags::CLOEXEC);

    /// An unfinished file: the open directory that it is in, its name there and the one to come.
    #[derive(Debug)]
    pub(super) struct Place {
        directory: OwnedFd,
        temporary: String,
        name: String,
        file: OwnedFd,
    }

    impl Place {
        /// Goes from `root` down to the last name, through directories and nothing else.
        pub(super) fn open(root: &Path, names: &[&str]) -> Result<Self, Problem> {
            let mut directory = rustix::fs::openat(CWD, root, DIRECTORY, Mode::empty())
                .map_err(|errno| Problem::System(errno.into()))?;
            let (name, directories) = names.split_last().ok_or(Problem::NoDirectory)?;
            for &name in directories {
                let flags = DIRECTORY.union(OFlags::NOFOLLOW);
                directory = rustix::fs::openat(&directory, name, flags, Mode::empty()).map_err(
                    |errno| match errno {
                        Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::MLINK => {
                            Problem::NoDirectory
                        }
                        errno => Problem::System(errno.into()),
                    },
                )?;
            }
            match rustix::fs::statat(&directory, *name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(_) => return Err(Problem::Taken),
                Err(Errno::NOENT) => {}
                Err(errno) => return Err(Problem::System(errno.into())),
            }
            if let Err(error) = sweep(&directory) {
                tracing::debug!(%error, "unfinished files may stay behind");
            }
            let temporary = format!("{PREFIX}{}{SUFFIX}", hex(&random(8)));
            let file = rustix::fs::openat(&directory, &temporary, NEW, Mode::from_raw_mode(0o600))
                .map_err(|errno| Problem::System(errno.into()))?;
            // As long as it is open nobody sweeps it. Where there are no locks nobody can.
            let lock = FlockOperation::NonBlockingLockExclusive;
            if let Err(error) = rustix::fs::flock(&file, lock) {
                tracing::debug!(%error, "a file can't be locked");
            }
            Ok(Self { directory, temporary, name: (*name).to_owned(), file })
        }

        pub(super) fn write(&mut self, mut bytes: &[u8]) -> Result<(), Problem> {
            while !bytes.is_empty() {
                match rustix::io::write(&self.file, bytes) {
                    Ok(0) => return Err(Problem::System(io::ErrorKind::WriteZero.into())),
                    Ok(n) => bytes = bytes.get(n..).unwrap_or_default(),
                    Err(Errno::INTR) => {}
                    Err(errno) => return Err(Problem::System(errno.into())),
                }
            }
            Ok(())
        }

        /// Syncs the file and gives it its name, if that is free.
        pub(super) fn place(&self) -> Result<(), Problem> {
            let system = |errno: Errno| match errno {
                Errno::EXIST => Problem::Taken,
                errno => Problem::System(errno.into()),
            };
            rustix::fs::fsync(&self.file).map_err(system)?;
            // The directory isn't synced as well, which takes longer than all else at the end of an
            // export: after a power failure within seconds the file may be gone, but never cut.
            self.rename().map_err(system)
        }

        /// Takes the name, and fails if something has it.
        fn rename(&self) -> Result<(), Errno> {
            let (directory, from, to) = (&self.directory, &*self.temporary, &*self.name);
            #[cfg(target_os = "linux")]
            {
                let flags = rustix::fs::RenameFlags::NOREPLACE;
                match rustix::fs::renameat_with(directory, from, directory, to, flags) {
                    // Some network filesystems don't know the flag.
                    Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
                    renamed => return renamed,
                }
            }
            rustix::fs::linkat(directory, from, directory, to, AtFlags::empty())?;
            self.remove();
            Ok(())
        }

        pub(super) fn remove(&self) {
            let removed = rustix::fs::unlinkat(&self.directory, &*self.temporary, AtFlags::empty());
            if let Err(error) = removed {
                tracing::debug!(%error, "an unfinished file stays behind");
            }
        }
    }

    /// Removes what killed processes left in a directory: nobody holds a lock on it.
    fn sweep(directory: &OwnedFd) -> Result<(), Errno> {
        let mut listing = Dir::read_from(directory.as_fd())?;
        while let Some(Ok(entry)) = listing.next() {
            let name = entry.file_name();
            let is_ours =
                name.to_str().is_ok_and(|name| name.starts_with(PREFIX) && name.ends_with(SUFFIX));
            if !is_ours {
                continue;
            }
            let flags = OFlags::RDONLY
                .union(OFlags::NOFOLLOW)
                .union(OFlags::NONBLOCK)
                .union(OFlags::CLOEXEC);
            let Ok(file) = rustix::fs::openat(directory, name, flags, Mode::empty()) else {
                continue;
            };
            let file = File::from(file);
            let age = file.metadata().and_then(|meta| meta.modified()).map(|time| time.elapsed());
            let is_old = matches!(age, Ok(Ok(age)) if age > ABANDONED);
            let lock = FlockOperation::NonBlockingLockExclusive;
            if is_old && rustix::fs::flock(&file, lock).is_ok() {
                rustix::fs::unlinkat(directory, name, AtFlags::empty())?;
            }
        }
        Ok(())
    }
}

#[cfg(not(unix))]
use elsewhere::Place;

/// No [`ExportDir`] is made there.
#[cfg(not(unix))]
mod elsewhere {
    use std::io::ErrorKind;
    use std::path::Path;

    use super::Problem;

    #[derive(Debug)]
    pub(super) struct Place;

    impl Place {
        pub(super) fn open(_root: &Path, _names: &[&str]) -> Result<Self, Problem> {
            Err(Problem::System(ErrorKind::Unsupported.into()))
        }

        pub(super) fn write(&mut self, _bytes: &[u8]) -> Result<(), Problem> {
            Err(Problem::System(ErrorKind::Unsupported.into()))
        }

        pub(super) fn place(&self) -> Result<(), Problem> {
            Err(Problem::System(ErrorKind::Unsupported.into()))
        }

        pub(super) fn remove(&self) {}
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::time::{Duration, SystemTime};

    use super::*;

    fn listed(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).into_iter().flatten().flatten();
        let mut names: Vec<String> =
            entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort();
        names
    }

    fn create(directory: &ExportDir, path: &str) -> Result<Draft, ToolError> {
        directory.create(Grant::new(), path)
    }

    #[test]
    fn a_file_has_its_name_when_it_is_complete() {
        let temporary = tempfile::tempdir().unwrap();
        fs::create_dir(temporary.path().join("sub")).unwrap();
        let directory = ExportDir::new(temporary.path(), &[]).unwrap();
        let mut draft = create(&directory, "sub/a.csv").unwrap();
        draft.write(b"1,2\n").unwrap();
        assert!(!temporary.path().join("sub/a.csv").exists());
        assert_eq!(draft.finish().unwrap(), 4);
        assert_eq!(fs::read(temporary.path().join("sub/a.csv")).unwrap(), b"1,2\n");
        assert_eq!(listed(&temporary.path().join("sub")), ["a.csv"]);

        let mut draft = create(&directory, "b.csv").unwrap();
        draft.write(b"half").unwrap();
        drop(draft);
        assert_eq!(listed(temporary.path()), ["sub"]);
    }

    #[test]
    fn nothing_is_overwritten_not_even_what_came_in_between() {
        let temporary = tempfile::tempdir().unwrap();
        let directory = ExportDir::new(temporary.path(), &[]).unwrap();
        fs::write(temporary.path().join("a.csv"), "old").unwrap();
        symlink("nowhere", temporary.path().join("link.csv")).unwrap();
        for taken in ["a.csv", "link.csv"] {
            assert_eq!(create(&directory, taken).unwrap_err().code(), "exists");
        }
        let mut draft = create(&directory, "b.csv").unwrap();
        draft.write(b"new").unwrap();
        fs::write(temporary.path().join("b.csv"), "old").unwrap();
        assert_eq!(draft.finish().unwrap_err().code(), "exists");
        assert_eq!(fs::read(temporary.path().join("b.csv")).unwrap(), b"old");
        assert_eq!(listed(temporary.path()), ["a.csv", "b.csv", "link.csv"]);
    }

    #[test]
    fn no_path_leads_out() {
        let temporary = tempfile::tempdir().unwrap();
        let inside = temporary.path().join("exports");
        let outside = temporary.path().join("outside");
        fs::create_dir_all(inside.join("sub")).unwrap();
        fs::create_dir(&outside).unwrap();
        symlink(&outside, inside.join("way")).unwrap();
        symlink(&outside, inside.join("sub/way")).unwrap();
        fs::write(inside.join("file"), "").unwrap();
        let directory = ExportDir::new(&inside, &[]).unwrap();
        for path in [
            "../outside/x.csv",
            "sub/../../outside/x.csv",
            "..",
            ".",
            "",
            "/tmp/x.csv",
            "//x",
            "sub//x",
            "sub/",
            "./x.csv",
            ".ssh",
            "sub/.bashrc",
            "a\\b",
            "a\u{0}b",
            "a\nb",
            "a ",
            &"x".repeat(300),
            &"x/".repeat(600),
        ] {
            let error = create(&directory, path).unwrap_err();
            assert_eq!(error.code(), "invalid_path", "{path:?}");
        }
        for path in ["way/x.csv", "sub/way/x.csv", "file/x.csv", "nothing/x.csv"] {
            assert_eq!(create(&directory, path).unwrap_err().code(), "not_found", "{path}");
        }
        assert!(listed(&outside).is_empty());
        assert_eq!(listed(&inside), ["file", "sub", "way"]);
        // A directory that is moved away meanwhile takes its file along; a link in its place gets
        // nothing.
        let mut draft = create(&directory, "sub/x.csv").unwrap();
        draft.write(b"x").unwrap();
        fs::rename(inside.join("sub"), inside.join("moved")).unwrap();
        symlink(&outside, inside.join("sub")).unwrap();
        draft.finish().unwrap();
        assert!(listed(&outside).is_empty());
        assert_eq!(listed(&inside.join("moved")), ["way", "x.csv"]);
    }

    #[test]
    fn what_a_killed_process_left_is_swept_and_nothing_else() {
        let temporary = tempfile::tempdir().unwrap();
        let directory = ExportDir::new(temporary.path(), &[]).unwrap();
        let under_way = create(&directory, "a.csv").unwrap();
        let long_ago = SystemTime::now() - Duration::from_hours(2);
        for name in [".lockkeeper-0011223344556677.tmp", "theirs.tmp", ".lockkeeper-x.txt"] {
            let file = fs::File::create(temporary.path().join(name)).unwrap();
            file.set_modified(long_ago).unwrap();
        }
        for name in listed(temporary.path()) {
            let file = fs::File::options().write(true).open(temporary.path().join(name)).unwrap();
            file.set_modified(long_ago).unwrap();
        }
        create(&directory, "b.csv").unwrap().finish().unwrap();
        assert_eq!(listed(temporary.path()).len(), 4, "{:?}", listed(temporary.path()));
        under_way.finish().unwrap();
        assert_eq!(listed(temporary.path()), [".lockkeeper-x.txt", "a.csv", "b.csv", "theirs.tmp"]);
    }

    #[test]
    fn a_directory_that_is_no_place_for_exports_stops_the_start() {
        let temporary = tempfile::tempdir().unwrap();
        let state = temporary.path().join("state/secrets.key");
        fs::create_dir(temporary.path().join("state")).unwrap();
        fs::write(&state, "").unwrap();
        let new = |path: &Path| {
            ExportDir::new(path, std::slice::from_ref(&state)).map_err(|e| e.to_string())
        };
        assert!(new(&temporary.path().join("nothing")).unwrap_err().contains("no such directory"));
        assert!(new(&state).unwrap_err().contains("not a directory"));
        assert!(new(temporary.path()).unwrap_err().contains("of its own"));
        fs::create_dir(temporary.path().join("exports")).unwrap();
        new(&temporary.path().join("exports")).unwrap();
    }
}
