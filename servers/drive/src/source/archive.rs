//! Reading ZIP files that came from outside, as office documents are: the table at the end, then
//! single files by name. Sizes that they claim are not believed, and nothing unpacks beyond a limit.

use std::io::Read as _;

use flate2::read::DeflateDecoder;

/// Files in one archive, at most.
const MOST_FILES: usize = 10_000;

/// Unpacked bytes of one file, at most, and of all that are read of an archive.
const LONGEST: u64 = 64 * 1024 * 1024;
const LONGEST_ALL: u64 = 96 * 1024 * 1024;

/// An archive in memory.
pub(crate) struct Archive<'a> {
    bytes: &'a [u8],
    files: Vec<Entry>,
    unpacked: u64,
}

struct Entry {
    name: String,
    method: u16,
    packed: usize,
    at: usize,
}

impl<'a> Archive<'a> {
    /// Reads the table; none if there is none.
    pub(crate) fn open(bytes: &'a [u8]) -> Option<Self> {
        let end = end_record(bytes)?;
        let count = usize::from(short(bytes, end + 10)?);
        let mut at = usize::try_from(long(bytes, end + 16)?).ok()?;
        let mut files = Vec::new();
        for _ in 0..count.min(MOST_FILES) {
            if bytes.get(at..at + 4)? != b"PK\x01\x02" {
                return None;
            }
            let name_length = usize::from(short(bytes, at + 28)?);
            let more = usize::from(short(bytes, at + 30)?) + usize::from(short(bytes, at + 32)?);
            let name = bytes.get(at + 46..at + 46 + name_length)?;
            files.push(Entry {
                name: String::from_utf8_lossy(name).into_owned(),
                method: short(bytes, at + 10)?,
                packed: usize::try_from(long(bytes, at + 20)?).ok()?,
                at: usize::try_from(long(bytes, at + 42)?).ok()?,
            });
            at += 46 + name_length + more;
        }
        Some(Self { bytes, files, unpacked: 0 })
    }

    /// The names in it.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|file| file.name.as_str())
    }

    /// One file of it; none if it isn't there, is damaged, or beyond the limits.
    pub(crate) fn read(&mut self, name: &str) -> Option<Vec<u8>> {
        let entry = self.files.iter().find(|file| file.name == name)?;
        let head = entry.at;
        if self.bytes.get(head..head.checked_add(4)?)? != b"PK\x03\x04" {
            return None;
        }
        let skip =
            usize::from(short(self.bytes, head + 26)?) + usize::from(short(self.bytes, head + 28)?);
        let from = head.checked_add(30 + skip)?;
        let packed = self.bytes.get(from..from.checked_add(entry.packed)?)?;
        let room = LONGEST.min(LONGEST_ALL.saturating_sub(self.unpacked));
        let mut out = Vec::new();
        match entry.method {
            0 => {
                out.extend_from_slice(packed.get(..packed.len().min(usize::try_from(room).ok()?))?);
            }
            8 => {
                DeflateDecoder::new(packed).take(room + 1).read_to_end(&mut out).ok()?;
            }
            _ => return None,
        }
        self.unpacked += out.len() as u64;
        (out.len() as u64 <= room).then_some(out)
    }
}

/// The record at the end, before a comment of at most 64 KiB.
fn end_record(bytes: &[u8]) -> Option<usize> {
    let last = bytes.len().checked_sub(22)?;
    let first = last.saturating_sub(usize::from(u16::MAX));
    (first..=last).rev().find(|at| bytes.get(*at..at + 4) == Some(b"PK\x05\x06".as_slice()))
}

fn short(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

fn long(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}
