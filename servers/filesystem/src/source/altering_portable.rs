//! Altering directories where there is no `openat2`, through cap-std: by the open directory and one
//! name in it. That a name is free is looked up before a rename, not by it, and names can't be
//! exchanged; both are weaker than on Linux.

use std::fs::File;
use std::io;

use cap_std::fs::OpenOptions;

use super::beneath::{self, Dir, link_bytes, native};
use super::stat::{EntryKind, Stat};

impl Dir {
    /// A new file; fails if the name is taken.
    pub(super) fn create(&self, name: &[u8], _private: bool) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        Ok(self.0.open_with(native(name)?, &options)?.into_std())
    }

    /// Opens a regular file to write at its end; `None` for anything else.
    pub(super) fn open_to_append(&self, name: &[u8]) -> io::Result<Option<(File, Stat)>> {
        if self.stat(name)?.kind != EntryKind::File {
            return Ok(None);
        }
        let mut options = OpenOptions::new();
        options.append(true);
        let file = self.0.open_with(native(name)?, &options)?.into_std();
        let stat = beneath::stat_file(&file)?;
        Ok((stat.kind == EntryKind::File).then_some((file, stat)))
    }

    pub(super) fn make_dir(&self, name: &[u8]) -> io::Result<()> {
        self.0.create_dir(native(name)?)
    }

    pub(super) fn make_link(&self, name: &[u8], target: &[u8]) -> io::Result<()> {
        #[cfg(unix)]
        return self.0.symlink_contents(native(target)?, native(name)?);
        #[cfg(not(unix))]
        {
            let _: (&[u8], &[u8]) = (name, target);
            Err(io::ErrorKind::Unsupported.into())
        }
    }

    pub(super) fn read_link(&self, name: &[u8]) -> io::Result<Vec<u8>> {
        Ok(link_bytes(&self.0.read_link_contents(native(name)?)?))
    }

    /// Renames, replacing what is there.
    pub(super) fn rename(&self, name: &[u8], to: &Self, new_name: &[u8]) -> io::Result<()> {
        self.0.rename(native(name)?, &to.0, native(new_name)?)
    }

    /// Renames; fails if the new name is taken.
    pub(super) fn rename_new(&self, name: &[u8], to: &Self, new_name: &[u8]) -> io::Result<()> {
        match to.stat(new_name) {
            Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.rename(name, to, new_name)
            }
            Err(error) => Err(error),
        }
    }

    /// Exchanges two names in one step: not here.
    #[expect(clippy::unused_self, reason = "as on Linux")]
    pub(super) fn exchange(&self, _a: &[u8], _b: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Gives a file a second name.
    pub(super) fn link(&self, name: &[u8], second: &[u8]) -> io::Result<()> {
        self.0.hard_link(native(name)?, &self.0, native(second)?)
    }

    pub(super) fn remove_file(&self, name: &[u8]) -> io::Result<()> {
        self.0.remove_file(native(name)?)
    }

    pub(super) fn remove_dir(&self, name: &[u8]) -> io::Result<()> {
        self.0.remove_dir(native(name)?)
    }

    /// Whether this user may write the file.
    pub(super) fn check_writable(&self, name: &[u8]) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true);
        self.0.open_with(native(name)?, &options).map(drop)
    }

    /// Gives this directory the permissions in `mode`.
    pub(super) fn set_mode(&self, mode: u32) -> io::Result<()> {
        #[cfg(unix)]
        {
            use cap_std::fs::{Permissions, PermissionsExt as _};
            self.0.set_permissions(".", Permissions::from_mode(mode & 0o1777))
        }
        #[cfg(not(unix))]
        {
            let _: u32 = mode;
            Ok(())
        }
    }

    /// Directories can't be locked here, so none is swept.
    #[expect(clippy::unused_self, reason = "as on Linux")]
    pub(super) fn try_lock(&self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Makes changes of names durable, where the system can.
    pub(super) fn sync(&self) -> io::Result<()> {
        #[cfg(unix)]
        return self.0.open(".")?.sync_all();
        #[cfg(not(unix))]
        Ok(())
    }
}

/// Gives `to`, which replaces `from`, its permissions.
pub(super) fn keep_metadata(from: &File, to: &File) -> io::Result<()> {
    keep_mode(from, to)
}

/// Gives `to`, a copy, the permissions of `from`.
pub(super) fn keep_mode(from: &File, to: &File) -> io::Result<()> {
    to.set_permissions(from.metadata()?.permissions())
}
