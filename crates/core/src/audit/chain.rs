//! The form of a line, in segments and in HEAD: JSON that ends with `"prev"`, in keyed mode `"mac"`,
//! and `"hash"`. `hash` is the SHA-256 of the line up to `,"hash"`, and the `prev` of the next line;
//! `mac` is the HMAC of the SHA-256 of the line up to `,"mac"`. Nothing here knows what a line says.

use sha2::{Digest as _, Sha256};

use crate::audit::keys::Key;

/// A SHA-256.
pub(super) type Hash = [u8; 32];

/// What precedes the first line of all.
pub(super) const GENESIS: Hash = [0; 32];

/// Ends `line`, a JSON object without its closing brace, and returns its hash.
pub(super) fn seal(line: &mut Vec<u8>, prev: &Hash, key: Option<&Key>) -> Hash {
    member(line, "prev", prev);
    let mut hasher = Sha256::new_with_prefix(&*line);
    if let Some(key) = key {
        let mac = key.mac(&hasher.clone().finalize().into());
        let sealed = line.len();
        member(line, "mac", &mac);
        hasher.update(line.get(sealed..).unwrap_or_default());
    }
    let hash = hasher.finalize().into();
    member(line, "hash", &hash);
    line.extend_from_slice(b"}\n");
    hash
}

/// What the end of a line says, after its hash was found right.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sealed {
    pub(super) hash: Hash,
    pub(super) prev: Hash,
    mac: Option<(Hash, Hash)>,
}

impl Sealed {
    /// Reads the end of `line` (without its line break); `None` if any byte of it was altered.
    pub(super) fn read(line: &[u8]) -> Option<Self> {
        let rest = line.strip_suffix(b"}")?;
        let (hashed, hash) = take(rest, "hash")?;
        let mut hasher = Sha256::new();
        let (rest, mac) = if let Some((rest, mac)) = take(hashed, "mac") {
            hasher.update(rest);
            let digest = hasher.clone().finalize().into();
            hasher.update(hashed.get(rest.len()..)?);
            (rest, Some((digest, mac)))
        } else {
            hasher.update(hashed);
            (hashed, None)
        };
        let (_, prev) = take(rest, "prev")?;
        let right: Hash = hasher.finalize().into();
        (right == hash).then_some(Self { hash, prev, mac })
    }

    /// Whether it was written in keyed mode.
    pub(super) fn keyed(&self) -> bool {
        self.mac.is_some()
    }

    /// Whether `key` made its MAC.
    pub(super) fn is_by(&self, key: &Key) -> bool {
        self.mac.is_some_and(|(digest, mac)| key.verifies(&digest, &mac))
    }
}

fn member(line: &mut Vec<u8>, name: &str, value: &Hash) {
    line.extend_from_slice(b",\"");
    line.extend_from_slice(name.as_bytes());
    line.extend_from_slice(b"\":\"");
    line.extend_from_slice(crate::state::hex(value).as_bytes());
    line.push(b'"');
}

/// Takes `,"name":"<64 digits>"` off the end.
fn take<'a>(line: &'a [u8], name: &str) -> Option<(&'a [u8], Hash)> {
    let line = line.strip_suffix(b"\"")?;
    let (line, digits) = line.split_at_checked(line.len().checked_sub(64)?)?;
    let value = unhex(digits)?;
    let line = line.strip_suffix(b"\":\"")?.strip_suffix(name.as_bytes())?.strip_suffix(b",\"")?;
    Some((line, value))
}

/// Reads 64 lower-case hexadecimal digits.
pub(super) fn unhex(digits: &[u8]) -> Option<Hash> {
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let mut out = [0; 32];
    if digits.len() != 64 {
        return None;
    }
    for (byte, pair) in out.iter_mut().zip(digits.chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *byte = value(*high)? << 4 | value(*low)?;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_altered_byte_is_seen() {
        for key in [None, Some(Key::random())] {
            let mut line = br#"{"seq":1,"text":"a \"hash\":\"b\"""#.to_vec();
            let hash = seal(&mut line, &GENESIS, key.as_ref());
            let line = line.strip_suffix(b"\n").unwrap();
            let sealed = Sealed::read(line).unwrap();
            assert_eq!((sealed.hash, sealed.prev, sealed.keyed()), (hash, GENESIS, key.is_some()));
            assert!(key.is_none_or(|key| sealed.is_by(&key) && !sealed.is_by(&Key::random())));
            assert!(serde_json::from_slice::<serde_json::Value>(line).unwrap().is_object());
            for at in 0..line.len() {
                for bit in 0..8 {
                    let mut altered = line.to_vec();
                    altered[at] ^= 1 << bit;
                    assert!(Sealed::read(&altered).is_none(), "byte {at}, bit {bit}");
                }
                assert!(Sealed::read(&line[..at]).is_none());
            }
        }
    }
}
