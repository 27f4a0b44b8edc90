//! Altering directories on Linux, by the descriptor of the directory and one name in it: nothing
//! here takes a path, and no link is followed.

use std::fs::File;
use std::io;

use rustix::fs::{Access, AtFlags, Mode, OFlags, RenameFlags, XattrFlags};
use rustix::io::Errno;

use super::beneath::{self, Dir};
use super::stat::{EntryKind, Stat};

/// Extended attributes that a rewritten file keeps: its user's own and its access list. Those that
/// grant rights to programs must not outlive the content they were given for.
const KEPT_ATTRIBUTES: [&[u8]; 2] = [b"user.", b"system.posix_acl_access"];

const NEW: OFlags = OFlags::RDWR
    .union(OFlags::CREATE)
    .union(OFlags::EXCL)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);
const APPEND: OFlags = OFlags::WRONLY
    .union(OFlags::APPEND)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

impl Dir {
    /// A new file; fails if the name is taken. A private one is readable by its owner only.
    pub(super) fn create(&self, name: &[u8], private: bool) -> io::Result<File> {
        let mode = Mode::from_raw_mode(if private { 0o600 } else { 0o666 });
        Ok(File::from(rustix::fs::openat(&self.0, name, NEW, mode)?))
    }

    /// Opens a regular file to write at its end; `None` for anything else.
    pub(super) fn open_to_append(&self, name: &[u8]) -> io::Result<Option<(File, Stat)>> {
        let descriptor = match rustix::fs::openat(&self.0, name, APPEND, Mode::empty()) {
            // A link; a FIFO that nobody reads, or a socket.
            Err(Errno::LOOP | Errno::NXIO) => return Ok(None),
            other => other?,
        };
        let stat = beneath::stat_of(&descriptor)?;
        Ok((stat.kind == EntryKind::File).then(|| (File::from(descriptor), stat)))
    }

    pub(super) fn make_dir(&self, name: &[u8]) -> io::Result<()> {
        Ok(rustix::fs::mkdirat(&self.0, name, Mode::from_raw_mode(0o777))?)
    }

    pub(super) fn make_link(&self, name: &[u8], target: &[u8]) -> io::Result<()> {
        Ok(rustix::fs::symlinkat(target, &self.0, name)?)
    }

    pub(super) fn read_link(&self, name: &[u8]) -> io::Result<Vec<u8>> {
        Ok(rustix::fs::readlinkat(&self.0, name, Vec::new())?.into_bytes())
    }

    /// Renames, replacing what is there.
    pub(super) fn rename(&self, name: &[u8], to: &Self, new_name: &[u8]) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.0, name, &to.0, new_name)?)
    }

    /// Renames; fails if the new name is taken.
    pub(super) fn rename_new(&self, name: &[u8], to: &Self, new_name: &[u8]) -> io::Result<()> {
        let flags = RenameFlags::NOREPLACE;
        match rustix::fs::renameat_with(&self.0, name, &to.0, new_name, flags) {
            // Some network filesystems don't know the flag.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
            other => return Ok(other?),
        }
        if self.stat(name)?.kind == EntryKind::Dir {
            // An empty directory is the only thing that a directory replaces.
            rustix::fs::mkdirat(&to.0, new_name, Mode::from_raw_mode(0o700))?;
            return rustix::fs::renameat(&self.0, name, &to.0, new_name).map_err(|errno| {
                drop(to.remove_dir(new_name));
                errno.into()
            });
        }
        rustix::fs::linkat(&self.0, name, &to.0, new_name, AtFlags::empty())?;
        self.remove_file(name)
    }

    /// Exchanges two names in one step.
    pub(super) fn exchange(&self, a: &[u8], b: &[u8]) -> io::Result<()> {
        Ok(rustix::fs::renameat_with(&self.0, a, &self.0, b, RenameFlags::EXCHANGE)?)
    }

    /// Gives a file a second name.
    pub(super) fn link(&self, name: &[u8], second: &[u8]) -> io::Result<()> {
        Ok(rustix::fs::linkat(&self.0, name, &self.0, second, AtFlags::empty())?)
    }

    pub(super) fn remove_file(&self, name: &[u8]) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.0, name, AtFlags::empty())?)
    }

    pub(super) fn remove_dir(&self, name: &[u8]) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.0, name, AtFlags::REMOVEDIR)?)
    }

    /// Whether this user may write the file.
    pub(super) fn check_writable(&self, name: &[u8]) -> io::Result<()> {
        Ok(rustix::fs::accessat(&self.0, name, Access::WRITE_OK, AtFlags::empty())?)
    }

    /// Gives this directory the permissions in `mode`.
    pub(super) fn set_mode(&self, mode: u32) -> io::Result<()> {
        Ok(rustix::fs::fchmod(&self.0, Mode::from_raw_mode(mode & 0o1777))?)
    }

    /// Locks this directory against being swept until it is closed.
    pub(super) fn try_lock(&self) -> io::Result<()> {
        let operation = rustix::fs::FlockOperation::NonBlockingLockExclusive;
        Ok(rustix::fs::flock(&self.0, operation)?)
    }

    /// Makes changes of names durable, where the filesystem can.
    pub(super) fn sync(&self) -> io::Result<()> {
        match rustix::fs::fsync(&self.0) {
            Err(Errno::INVAL | Errno::NOTSUP) => Ok(()),
            other => Ok(other?),
        }
    }
}

/// Gives `to`, which replaces `from`, its mode and, as far as this user may, owner, group and
/// attributes.
pub(super) fn keep_metadata(from: &File, to: &File) -> io::Result<()> {
    let old = rustix::fs::fstat(from)?;
    let new = rustix::fs::fstat(to)?;
    if old.st_uid != new.st_uid || old.st_gid != new.st_gid {
        let owner = rustix::fs::Uid::from_raw(old.st_uid);
        let group = rustix::fs::Gid::from_raw(old.st_gid);
        if rustix::fs::fchown(to, Some(owner), Some(group)).is_err() {
            // Whoever is not root may still give it to one of their groups; or keeps it.
            let _: Result<(), Errno> = rustix::fs::fchown(to, None, Some(group));
        }
    }
    let _: Result<(), Errno> = keep_attributes(from, to);
    // As with every write, rights that go with the old content end (set-user-ID, set-group-ID).
    Ok(rustix::fs::fchmod(to, Mode::from_raw_mode(old.st_mode & 0o1777))?)
}

fn keep_attributes(from: &File, to: &File) -> Result<(), Errno> {
    let mut names = vec![0_u8; 64 * 1024];
    let length = rustix::fs::flistxattr(from, names.as_mut_slice())?;
    names.truncate(length);
    for name in names.split(|&byte| byte == 0) {
        if KEPT_ATTRIBUTES.iter().any(|kept| name.starts_with(kept)) {
            let mut value = vec![0_u8; 64 * 1024];
            let length = rustix::fs::fgetxattr(from, name, value.as_mut_slice())?;
            value.truncate(length);
            rustix::fs::fsetxattr(to, name, &value, XattrFlags::empty())?;
        }
    }
    Ok(())
}

/// Gives `to`, a copy, the permissions of `from`.
pub(super) fn keep_mode(from: &File, to: &File) -> io::Result<()> {
    let old = rustix::fs::fstat(from)?;
    Ok(rustix::fs::fchmod(to, Mode::from_raw_mode(old.st_mode & 0o777))?)
}
