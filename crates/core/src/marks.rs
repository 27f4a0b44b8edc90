//! Marks that processes of one server leave for each other in the state directory: what a source saw,
//! as far as it decides what may be done later. A mark is a small file that is replaced as a whole, so
//! no lock is taken: of two that are set at once, either is the latest. Each carries a MAC under the
//! state key. What can't be read or verified is told, and never taken for nothing.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use crate::private::{self, Owner};
use crate::state::{State, create_private, hex, make_private, random};

/// The directory within the state directory.
pub(crate) const DIRECTORY: &str = "marks";

/// The longest mark, bytes.
const MOST_MARK: usize = 4_096;

/// More files than a server can have meant to leave.
const MOST_FILES: usize = 4_096;

/// A draft that is older was left by a crash.
const DRAFT: Duration = Duration::from_hours(1);

/// A server's marks. Without a state directory there are none: then nothing outlives the process.
#[derive(Clone, Default)]
pub struct Marks(Option<Arc<Inner>>);

struct Inner {
    state: Arc<State>,
    server: &'static str,
}

/// One mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// What it is called.
    pub key: String,
    /// What it says.
    pub text: String,
    /// How long ago it was set.
    pub age: Duration,
}

/// All marks that are in force.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// Those that could be read, oldest first.
    pub marks: Vec<Mark>,
    /// Whether there is something beside them that can't be read or verified.
    pub is_doubtful: bool,
}

impl Marks {
    pub(crate) fn new(state: Arc<State>, server: &'static str) -> Self {
        Self(Some(Arc::new(Inner { state, server })))
    }

    /// Marks in this directory, for tests.
    #[cfg(feature = "testing")]
    pub fn in_directory(directory: PathBuf) -> Self {
        Self::new(Arc::new(State::new(Some(directory))), "test")
    }

    /// Sets the mark `key`, in place of an older one. One that can't be kept holds nowhere but where
    /// the caller remembers it; its owner finds that in the log, and the directory in `check`.
    pub fn set(&self, key: &str, text: &str) {
        if let Err(error) = self.set_at(key, text, since_epoch().as_secs()) {
            tracing::warn!(%error, "what was seen can't be marked for siblings and later runs");
        }
    }

    #[expect(clippy::disallowed_methods, reason = "core's own files, outside every scope")]
    fn set_at(&self, key: &str, text: &str, seconds: u64) -> io::Result<()> {
        let Some((inner, directory)) = self.place() else { return Ok(()) };
        let plain = |text: &str| text.replace(['\n', '\r'], " ");
        let said = format!("{seconds}\n{}\n{}\n", plain(key), plain(text));
        let whole = format!("{said}{}\n", inner.mac(&said));
        if whole.len() > MOST_MARK {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the mark is too long"));
        }
        make_private(&directory)?;
        let name = inner.name(key);
        let draft = directory.join(format!("{name}.{}.draft", hex(&random(8))));
        // Not synced: what a power failure takes back, it took from whoever was served, too.
        create_private(&draft)?.write_all(whole.as_bytes())?;
        fs::rename(&draft, directory.join(name))
    }

    /// Takes a mark back.
    #[expect(clippy::disallowed_methods, reason = "core's own files, outside every scope")]
    pub fn remove(&self, key: &str) {
        let Some((inner, directory)) = self.place() else { return };
        if let Err(error) = fs::remove_file(directory.join(inner.name(key)))
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::debug!(%error, "a mark stays behind");
        }
    }

    /// The marks that aren't older than `lasting`; older ones are removed.
    #[expect(clippy::disallowed_methods, reason = "core's own directory, outside every scope")]
    pub fn all(&self, lasting: Duration) -> Found {
        let mut found = Found::default();
        let Some((inner, directory)) = self.place() else { return found };
        let entries = match fs::read_dir(&directory) {
            Ok(entries) => entries,
            Err(error) => {
                found.is_doubtful = error.kind() != io::ErrorKind::NotFound;
                return found;
            }
        };
        for (count, entry) in entries.enumerate() {
            let Ok(path) = entry.map(|entry| entry.path()) else {
                found.is_doubtful = true;
                continue;
            };
            if count >= MOST_FILES {
                found.is_doubtful = true;
                break;
            }
            let is_draft = path.extension().is_some_and(|extension| extension == "draft");
            match inner.read(&path) {
                _ if is_draft => forget_after(&path, DRAFT),
                Some(mark) if mark.age <= lasting => found.marks.push(mark),
                Some(_) => forget_after(&path, Duration::ZERO),
                // One that was replaced just now is read under its new content the next time, and
                // one that a sibling removed was too old.
                None if !path.exists() => {}
                None => {
                    forget_after(&path, lasting);
                    found.is_doubtful |= path.exists();
                }
            }
        }
        found.marks.sort_by(|a, b| b.age.cmp(&a.age).then_with(|| a.key.cmp(&b.key)));
        found
    }

    fn place(&self) -> Option<(&Inner, PathBuf)> {
        let inner = self.0.as_deref()?;
        let directory = inner.state.directory()?;
        Some((inner, directory.join(DIRECTORY).join(inner.server)))
    }
}

impl std::fmt::Debug for Marks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Marks").field(&self.0.as_ref().map(|inner| inner.server)).finish()
    }
}

impl Inner {
    /// The name of a mark's file: keys may hold anything.
    fn name(&self, key: &str) -> String {
        let digest = Sha256::new().chain_update(self.server).chain_update([0]).chain_update(key);
        hex(digest.finalize().get(..16).unwrap_or_default())
    }

    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length (RFC 2104)")]
    fn mac(&self, said: &str) -> String {
        let key = self.state.key().expose();
        let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length is a key");
        for part in ["mark", self.server, said] {
            mac.update(&(part.len() as u64).to_le_bytes());
            mac.update(part.as_bytes());
        }
        hex(&mac.finalize().into_bytes())
    }

    /// The mark in a file, if it is one of ours in its own place.
    fn read(&self, path: &Path) -> Option<Mark> {
        let whole = private::read(path, MOST_MARK, Owner::Us).ok()?.into_string()?;
        let (said, mac) = whole.expose().trim_end_matches('\n').rsplit_once('\n')?;
        let said = format!("{said}\n");
        if self.mac(&said) != mac {
            return None;
        }
        let mut lines = said.lines();
        let seconds: u64 = lines.next()?.parse().ok()?;
        let (key, text) = (lines.next()?.to_owned(), lines.next()?.to_owned());
        if path.file_name()?.to_str()? != self.name(&key) {
            return None;
        }
        // One from the future was set before the clock went back: it is as good as new.
        let age = since_epoch().saturating_sub(Duration::from_secs(seconds));
        Some(Mark { key, text, age })
    }
}

fn since_epoch() -> Duration {
    SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default()
}

/// Removes a file that wasn't written for so long.
#[expect(clippy::disallowed_methods, reason = "core's own files, outside every scope")]
fn forget_after(path: &Path, lasting: Duration) {
    let age = fs::symlink_metadata(path).and_then(|meta| meta.modified()).map(|at| at.elapsed());
    if let Ok(Ok(age)) = age
        && age >= lasting
        && let Err(error) = fs::remove_file(path)
    {
        tracing::debug!(%error, "a mark stays behind");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_hours(24);

    fn marks(directory: &Path) -> Marks {
        Marks::new(Arc::new(State::new(Some(directory.to_owned()))), "server")
    }

    fn keys(found: &Found) -> Vec<&str> {
        found.marks.iter().map(|mark| mark.key.as_str()).collect()
    }

    #[test]
    fn siblings_and_later_runs_see_the_latest() {
        let directory = tempfile::tempdir().unwrap();
        let (one, other) = (marks(directory.path()), marks(directory.path()));
        assert_eq!(other.all(DAY), Found::default());
        one.set("private", "o/a");
        other.set("private", "o/b\nx");
        one.set("unknown ../x", "");
        let found = marks(directory.path()).all(DAY);
        assert!(!found.is_doubtful);
        let mut said: Vec<_> =
            found.marks.iter().map(|m| (m.key.as_str(), m.text.as_str())).collect();
        said.sort_unstable();
        assert_eq!(said, [("private", "o/b x"), ("unknown ../x", "")]);
        one.remove("unknown ../x");
        assert_eq!(keys(&other.all(DAY)), ["private"]);
        // Another server's marks are its own.
        let state = Arc::new(State::new(Some(directory.path().to_owned())));
        assert_eq!(Marks::new(state, "other").all(DAY), Found::default());
        assert_eq!(Marks::default().all(DAY), Found::default());
        Marks::default().set("private", "kept nowhere");
    }

    #[test]
    fn a_mark_ends_with_its_time_and_a_clock_that_goes_back_ends_none() {
        let directory = tempfile::tempdir().unwrap();
        let marks = marks(directory.path());
        let now = since_epoch().as_secs();
        marks.set_at("old", "", now - 100).unwrap();
        marks.set_at("new", "", now - 10).unwrap();
        marks.set_at("future", "", now + 1_000_000).unwrap();
        assert_eq!(keys(&marks.all(Duration::from_mins(1))), ["new", "future"]);
        assert_eq!(marks.all(DAY).marks.len(), 2, "what was too old is gone");
    }

    #[test]
    fn what_was_altered_is_doubtful_and_not_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let marks = marks(directory.path());
        marks.set("private", "o/a");
        let (inner, place) = marks.place().unwrap();
        let path = place.join(inner.name("private"));
        let whole = fs::read(&path).unwrap();
        for at in 0..whole.len() - 1 {
            let mut altered = whole.clone();
            altered[at] ^= 1;
            fs::write(&path, &altered).unwrap();
            let found = marks.all(DAY);
            assert!(found.is_doubtful && found.marks.is_empty(), "byte {at}");
        }
        // Another mark's content is none in this place, and one for others to read is none either.
        marks.set("untrusted", "o/b");
        fs::copy(place.join(inner.name("untrusted")), &path).unwrap();
        assert!(marks.all(DAY).is_doubtful);
        fs::write(&path, &whole).unwrap();
        assert!(!marks.all(DAY).is_doubtful);
        // A server whose key is another can't verify it.
        fs::remove_file(directory.path().join("state.key")).unwrap();
        let other = Marks::new(Arc::new(State::new(Some(directory.path().to_owned()))), "server");
        let found = other.all(DAY);
        assert!(found.is_doubtful && found.marks.is_empty());
    }

    #[test]
    fn a_draft_is_no_mark() {
        let directory = tempfile::tempdir().unwrap();
        let marks = marks(directory.path());
        marks.set("private", "o/a");
        let (_, place) = marks.place().unwrap();
        fs::write(place.join("x.draft"), "half").unwrap();
        assert_eq!(keys(&marks.all(DAY)), ["private"]);
        assert!(!marks.all(DAY).is_doubtful);
    }
}
