//! What files hold. Small content is kept; large content is made by a rule when it is read, or was
//! summed when it was written, so that gigabytes need no memory.

use std::sync::{Arc, OnceLock};

use bytes::{Bytes, BytesMut};
use md5::{Digest as _, Md5};
use ring::digest;

/// How much of what is uploaded is kept.
pub const KEPT: usize = 8 * 1024 * 1024;

/// Content made by a rule comes in blocks of this size, each stamped with its number.
const BLOCK: usize = 64 * 1024;

/// The content of a revision.
#[derive(Debug, Clone)]
pub(crate) struct Content {
    source: Source,
    sums: Arc<OnceLock<Checksums>>,
}

#[derive(Debug, Clone)]
enum Source {
    Kept(Bytes),
    /// Length and seed.
    Rule(u64, u64),
    /// Length and beginning of what was too long to keep.
    Summed(u64, Bytes),
}

/// The checksums of content, in hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checksums {
    /// MD5.
    pub md5: String,
    /// SHA-256.
    pub sha256: String,
}

impl Content {
    pub(crate) fn kept(bytes: impl Into<Bytes>) -> Self {
        Self { source: Source::Kept(bytes.into()), sums: Arc::default() }
    }

    /// So many bytes that look random and are the same for each seed.
    pub(crate) fn by_rule(length: u64, seed: u64) -> Self {
        Self { source: Source::Rule(length, seed), sums: Arc::default() }
    }

    pub(crate) fn len(&self) -> u64 {
        match &self.source {
            Source::Kept(bytes) => bytes.len() as u64,
            Source::Rule(length, _) | Source::Summed(length, _) => *length,
        }
    }

    /// All of it, if it is small enough to be kept.
    pub(crate) fn whole(&self) -> Option<&Bytes> {
        match &self.source {
            Source::Kept(bytes) => Some(bytes),
            Source::Rule(..) | Source::Summed(..) => None,
        }
    }

    /// It as text; nothing if it isn't UTF-8 or isn't kept.
    pub(crate) fn text(&self) -> &str {
        self.whole().and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    }

    /// Some bytes from a position on, at most to `end`; none where nothing is kept.
    pub(crate) fn piece(&self, from: u64, end: u64) -> Option<Bytes> {
        match &self.source {
            Source::Kept(bytes) | Source::Summed(_, bytes) => {
                let end = usize::try_from(end).ok()?.min(bytes.len());
                let from = usize::try_from(from).ok()?;
                (from < end).then(|| bytes.slice(from..end))
            }
            Source::Rule(length, seed) => {
                let (from, end) = (from, end.min(*length));
                let number = from / BLOCK as u64;
                let start = number * BLOCK as u64;
                let block = block(*seed, number);
                let skipped = usize::try_from(from - start).ok()?;
                let last = usize::try_from(end.saturating_sub(start)).ok()?.min(BLOCK);
                (skipped < last).then(|| block.slice(skipped..last))
            }
        }
    }

    /// Its SHA-1, if it is small enough to be kept: that of gigabytes takes minutes without
    /// optimization.
    pub(crate) fn sha1(&self) -> Option<String> {
        let sum = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, self.whole()?);
        Some(hexadecimal(sum.as_ref()))
    }

    /// Its checksums, computed when they are first asked for.
    pub(crate) fn sums(&self) -> &Checksums {
        self.sums.get_or_init(|| {
            let mut sums = Sums::default();
            let mut at = 0;
            while let Some(piece) = self.piece(at, self.len()) {
                sums.update(&piece);
                at += piece.len() as u64;
            }
            sums.finish()
        })
    }
}

fn block(seed: u64, number: u64) -> Bytes {
    static PATTERN: OnceLock<Vec<u8>> = OnceLock::new();
    let pattern = PATTERN.get_or_init(|| {
        let numbers = (0..BLOCK as u64 / 8).map(mixed);
        numbers.flat_map(u64::to_le_bytes).collect()
    });
    let mut block = BytesMut::from(pattern.as_slice());
    let stamp = mixed(seed ^ mixed(number)).to_le_bytes();
    if let Some(place) = block.get_mut(..stamp.len()) {
        place.copy_from_slice(&stamp);
    }
    block.freeze()
}

/// `SplitMix64`: a number that looks like chance, for each number its own.
pub(crate) fn mixed(number: u64) -> u64 {
    let number = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

struct Sums {
    md5: Md5,
    sha256: digest::Context,
}

impl Default for Sums {
    fn default() -> Self {
        Self { md5: Md5::new(), sha256: digest::Context::new(&digest::SHA256) }
    }
}

impl Sums {
    fn update(&mut self, bytes: &[u8]) {
        self.md5.update(bytes);
        self.sha256.update(bytes);
    }

    fn finish(self) -> Checksums {
        Checksums {
            md5: hexadecimal(&self.md5.finalize()),
            sha256: hexadecimal(self.sha256.finish().as_ref()),
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

/// Content that is coming in: summed as it comes, kept as far as it is short.
#[derive(Default)]
pub(crate) struct Incoming {
    sums: Sums,
    kept: BytesMut,
    length: u64,
}

impl std::fmt::Debug for Incoming {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Incoming").field("length", &self.length).finish_non_exhaustive()
    }
}

impl Incoming {
    pub(crate) fn len(&self) -> u64 {
        self.length
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.sums.update(bytes);
        self.length += bytes.len() as u64;
        let room = KEPT.saturating_sub(self.kept.len()).min(bytes.len());
        self.kept.extend_from_slice(bytes.get(..room).unwrap_or_default());
    }

    pub(crate) fn finish(self) -> Content {
        let kept = self.kept.freeze();
        let source = if self.length == kept.len() as u64 {
            Source::Kept(kept)
        } else {
            Source::Summed(self.length, kept)
        };
        Content { source, sums: Arc::new(OnceLock::from(self.sums.finish())) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_by_rule_is_the_same_from_any_place_and_in_any_pieces() {
        let content = Content::by_rule(200_000, 7);
        let mut all = Vec::new();
        while let Some(piece) = content.piece(all.len() as u64, 200_000) {
            all.extend(piece);
        }
        assert_eq!(all.len(), 200_000);
        for from in [0_usize, 1, 65_535, 65_536, 131_080, 199_999] {
            let piece = content.piece(from as u64, (from + 10) as u64).unwrap();
            assert_eq!(piece, all[from..from + piece.len()]);
        }
        assert_eq!(content.piece(200_000, 300_000), None);
        assert_ne!(Content::by_rule(200_000, 8).sums(), content.sums());
        assert_eq!(Content::kept(all).sums(), content.sums());
    }

    #[test]
    fn what_is_too_long_to_keep_is_summed_all_the_same() {
        let content = Content::by_rule(KEPT as u64 + 70_000, 1);
        let mut incoming = Incoming::default();
        while let Some(piece) = content.piece(incoming.len(), u64::MAX) {
            incoming.push(&piece);
        }
        let uploaded = incoming.finish();
        assert_eq!((uploaded.len(), uploaded.sums()), (content.len(), content.sums()));
        assert_eq!(uploaded.piece(5, 9), content.piece(5, 9));
        assert_eq!(uploaded.piece(KEPT as u64, u64::MAX), None);
        let empty = Incoming::default().finish();
        assert_eq!(empty.sums().md5, "d41d8cd98f00b204e9800998ecf8427e");
    }
}
