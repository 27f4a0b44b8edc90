//! The version of a file: a short text that changes whenever the file does.

use sha2::{Digest as _, Sha256};

use super::locate::Located;
use super::stat::Stat;

/// RFC 4648 §5.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

impl Located {
    /// An opaque text of 11 characters over identity, size and times.
    pub fn version(&self) -> String {
        of(&self.stat)
    }
}

/// What a version ends with that was given with an altered view of the file.
const ALTERED: char = '~';

/// The version of what is shown altered: good for naming the file as it is, but not for replacing
/// it by what was shown.
pub(super) fn altered(version: &str) -> String {
    format!("{version}{ALTERED}")
}

/// A version without its mark, and whether it had one.
pub(super) fn unmarked(version: &str) -> (&str, bool) {
    match version.strip_suffix(ALTERED) {
        Some(version) => (version, true),
        None => (version, false),
    }
}

pub(super) fn of(stat: &Stat) -> String {
    let mut hash = Sha256::new();
    hash.update(stat.device.to_le_bytes());
    hash.update(stat.inode.to_le_bytes());
    hash.update(stat.size.to_le_bytes());
    hash.update(stat.mtime_ns.to_le_bytes());
    hash.update(stat.ctime_ns.to_le_bytes());
    let mut bits =
        hash.finalize().iter().take(8).fold(0_u64, |bits, &byte| bits << 8 | u64::from(byte));
    // 11 × 6 bits hold the 64.
    let mut version = String::with_capacity(11);
    for _ in 0..11 {
        let digit = usize::try_from(bits & 63).unwrap_or(0);
        version.push(char::from(ALPHABET.get(digit).copied().unwrap_or(b'_')));
        bits >>= 6;
    }
    version
}
