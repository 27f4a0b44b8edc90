//! The names in one directory, held compactly: the common ground of listing, walking, completion.

use std::io;

use super::beneath::{Dir, EntryBuffer};
use super::ignoring::Seen;
use super::stat::EntryKind;

/// The entries of a directory as the system gave them.
#[derive(Debug, Default)]
pub(super) struct Names {
    bytes: Vec<u8>,
    entries: Vec<(u32, u32, EntryKind)>,
    pub(super) seen: Seen,
}

impl Names {
    /// Reads all entries of `dir`.
    pub(super) fn read(dir: &Dir, buffer: &mut EntryBuffer) -> io::Result<Self> {
        let mut names = Self::default();
        names.refill(dir, buffer)?;
        Ok(names)
    }

    /// The same into the room of an earlier reading.
    pub(super) fn refill(&mut self, dir: &Dir, buffer: &mut EntryBuffer) -> io::Result<()> {
        self.bytes.clear();
        self.entries.clear();
        self.seen = Seen::default();
        dir.entries(buffer, |name, kind| {
            if name.first() == Some(&b'.') {
                self.seen.note(name);
            }
            let (start, end) = (self.bytes.len(), self.bytes.len() + name.len());
            if let (Ok(start), Ok(end)) = (u32::try_from(start), u32::try_from(end)) {
                self.bytes.extend_from_slice(name);
                self.entries.push((start, end, kind));
            }
        })
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Names and kinds, in the order read.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], EntryKind)> {
        self.entries.iter().map(|&(start, end, kind)| {
            let name = self.bytes.get(start as usize..end as usize).unwrap_or_default();
            (name, kind)
        })
    }
}
