//! Keys of keyed mode. The directory has one key at a time, which makes one MAC in HEAD, or the
//! first key of one segment, and is then replaced by its own hash; a segment's key goes the same
//! way with each record. So no key that exists now can make what was written before. The first key
//! of all is kept elsewhere, by whoever verifies.

use std::io::{self, Read as _, Write as _};
use std::path::Path;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::audit::chain::{Hash, unhex};
use crate::audit::head::look;
use crate::secret::Secret;
use crate::state::{create_private, hex, random};

/// The file in the audit directory that holds its current key.
const FILE: &str = "key";

const TITLE: &str = "lockkeeper-audit-key 1";

/// More steps than any log takes; who asks for more wants the verifier to work for ever.
const MOST_STEPS: u64 = 100_000_000;

/// One key of a sequence.
pub(super) struct Key(Secret<Hash>);

impl Key {
    pub(super) fn random() -> Self {
        let mut key = [0; 32];
        key.copy_from_slice(&random(32));
        Self(Secret::new(key))
    }

    /// The MAC of a line whose SHA-256 this is.
    pub(super) fn mac(&self, digest: &Hash) -> Hash {
        self.hmac("line", digest).finalize().into_bytes().into()
    }

    pub(super) fn verifies(&self, digest: &Hash, mac: &Hash) -> bool {
        self.hmac("line", digest).verify_slice(mac).is_ok()
    }

    /// The next key, from which this one can't be computed.
    pub(super) fn evolved(&self) -> Self {
        let next = Sha256::new_with_prefix(b"lockkeeper audit: next").chain_update(self.0.expose());
        Self(Secret::new(next.finalize().into()))
    }

    /// The first key of a segment that this key's entry in HEAD opens.
    pub(super) fn of_segment(&self, name: &str) -> Self {
        Self(Secret::new(self.hmac("segment", name.as_bytes()).finalize().into_bytes().into()))
    }

    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length (RFC 2104)")]
    fn hmac(&self, purpose: &str, message: &[u8]) -> Hmac<Sha256> {
        let mut hmac = Hmac::new_from_slice(self.0.expose()).expect("any length is a key");
        hmac.update(purpose.as_bytes());
        hmac.update(&[0]);
        hmac.update(message);
        hmac
    }
}

/// The key that makes entry `n` of HEAD.
pub(crate) struct Numbered {
    pub(super) n: u64,
    pub(super) key: Key,
}

impl Numbered {
    /// The key of a later entry; `None` for an earlier one.
    pub(super) fn at(&self, n: u64) -> Option<Key> {
        let steps = n.checked_sub(self.n).filter(|steps| *steps <= MOST_STEPS)?;
        let mut key = Key(Secret::new(*self.key.0.expose()));
        for _ in 0..steps {
            key = key.evolved();
        }
        Some(key)
    }

    /// Whether both are of one sequence, at the same place.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.n == other.n && self.key.0.expose() == other.key.0.expose()
    }

    /// Writes a key file that must not exist yet.
    pub(super) fn create(&self, path: &Path) -> io::Result<()> {
        let mut file = create_private(path)?;
        file.write_all(&self.line())?;
        file.sync_all()
    }

    /// Reads a key file.
    pub(crate) fn read(path: &Path) -> io::Result<Self> {
        let mut text = Zeroizing::new(Vec::with_capacity(1_000));
        look(path)?.take(1_000).read_to_end(&mut text)?;
        Self::parse(&text).ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidData, format!("{} is no key", path.display()))
        })
    }

    /// The current key of an audit directory, if it is in keyed mode.
    pub(super) fn current(directory: &Path) -> io::Result<Option<Self>> {
        match Self::read(&directory.join(FILE)) {
            Ok(key) => Ok(Some(key)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes this the current key of a directory that has none.
    pub(super) fn establish(&self, directory: &Path) -> io::Result<()> {
        self.create(&directory.join(FILE))
    }

    /// Makes this the current key of a directory. One write over the former key, in its place, so
    /// that the former one isn't left in a block that nothing refers to any more.
    #[expect(clippy::disallowed_types, reason = "core's own file, outside every scope")]
    pub(super) fn replace(&self, directory: &Path) -> io::Result<()> {
        let mut file = std::fs::OpenOptions::new().write(true).open(directory.join(FILE))?;
        file.write_all(&self.line())
    }

    /// All key files have the same length.
    fn line(&self) -> Zeroizing<Vec<u8>> {
        let digits = Zeroizing::new(hex(self.key.0.expose()));
        Zeroizing::new(format!("{TITLE} {:020} {}\n", self.n, *digits).into_bytes())
    }

    fn parse(line: &[u8]) -> Option<Self> {
        let line = line.strip_prefix(TITLE.as_bytes())?.strip_prefix(b" ")?.strip_suffix(b"\n")?;
        let (n, key) = line.split_at_checked(20)?;
        let n = std::str::from_utf8(n).ok()?.parse().ok()?;
        Some(Self { n, key: Key(Secret::new(unhex(key.strip_prefix(b" ")?)?)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_only_go_forward() {
        let first = Numbered { n: 3, key: Key::random() };
        let third = Numbered { n: 5, key: first.at(5).unwrap() };
        assert!(first.key.evolved().evolved().0.expose() == third.key.0.expose());
        assert!(third.at(4).is_none() && first.at(u64::MAX).is_none());
        assert!(third.key.0.expose() != first.key.of_segment("a").0.expose());
    }

    #[test]
    fn a_directory_keeps_only_the_last_key() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        assert!(Numbered::current(path).unwrap().is_none());
        let first = Numbered { n: 0, key: Key::random() };
        first.establish(path).unwrap();
        assert!(first.establish(path).is_err());
        let next = Numbered { n: 12, key: first.key.evolved() };
        next.replace(path).unwrap();
        assert!(Numbered::current(path).unwrap().unwrap().is(&next));
        std::fs::write(path.join(FILE), "lockkeeper-audit-key 1 short\n").unwrap();
        assert!(Numbered::current(path).is_err());
    }
}
