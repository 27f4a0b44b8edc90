//! What the operating system says about a file without opening its content.

use std::time::{Duration, SystemTime};

/// What kind of thing a directory entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory.
    Dir,
    /// A symbolic link.
    Link,
    /// A FIFO, socket or device: shown, never opened for reading.
    Special,
}

/// Metadata of one file, taken from an open descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// What it is.
    pub kind: EntryKind,
    /// Size in bytes (of a directory or special file: whatever the system says).
    pub size: u64,
    /// Last change of the content, in nanoseconds since 1970.
    pub mtime_ns: i128,
    /// Last change of content or metadata, in nanoseconds since 1970.
    pub ctime_ns: i128,
    /// Permission bits, 0 where the platform has none.
    pub mode: u32,
    /// How many names the file has.
    pub links: u64,
    pub(super) device: u64,
    pub(super) inode: u64,
}

impl Stat {
    /// Last change of the content.
    pub fn mtime(&self) -> SystemTime {
        time(self.mtime_ns)
    }

    /// Last change of content or metadata.
    pub fn ctime(&self) -> SystemTime {
        time(self.ctime_ns)
    }

    /// Whether content and metadata are those of before.
    pub(super) fn is_unchanged(&self, now: &Self) -> bool {
        let of = |stat: &Self| (stat.kind, stat.size, stat.mtime_ns);
        // When one of several names goes, that counts as a change of the file.
        of(self) == of(now) && (self.ctime_ns == now.ctime_ns || self.links > now.links)
    }

    /// Whether both describe the same file, whatever its name.
    pub(super) fn is_same_file(&self, other: &Self) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }
}

pub(super) fn time(nanoseconds: i128) -> SystemTime {
    let distance = nanoseconds.unsigned_abs();
    let seconds = u64::try_from(distance / 1_000_000_000).unwrap_or(u64::MAX / 4);
    let rest = u32::try_from(distance % 1_000_000_000).unwrap_or(0);
    let distance = Duration::new(seconds, rest);
    let moved = if nanoseconds < 0 {
        SystemTime::UNIX_EPOCH.checked_sub(distance)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(distance)
    };
    moved.unwrap_or(SystemTime::UNIX_EPOCH)
}
