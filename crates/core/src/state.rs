//! The state directory: the key that seals cursors and confirmations, and the nonces of
//! confirmations that were used. Siblings and later runs share it; it is made when first needed,
//! so that a start has no side effect.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::instance;
use crate::marks;
use crate::private::{self, Owner, Refused};
use crate::secret::Secret;

const KEY_BYTES: usize = 32;

/// Where a server keeps what must outlive it.
pub(crate) struct State {
    directory: Option<PathBuf>,
    key: OnceLock<Secret<Vec<u8>>>,
}

impl State {
    /// What lies in the directory.
    pub(crate) const FILES: [&str; 4] =
        ["state.key", "nonces", marks::DIRECTORY, instance::DIRECTORY];

    /// State in `directory`; without one, everything sealed ends with the process.
    pub(crate) fn new(directory: Option<PathBuf>) -> Self {
        Self { directory, key: OnceLock::new() }
    }

    /// The directory, if there is one.
    pub(crate) fn directory(&self) -> Option<&Path> {
        self.directory.as_deref()
    }

    /// The sealing key. If the directory can't hold it, a key for this process alone.
    pub(crate) fn key(&self) -> &Secret<Vec<u8>> {
        self.key.get_or_init(|| {
            let stored = self.directory.as_deref().map(stored_key);
            match stored {
                Some(Ok(key)) => key,
                Some(Err(error)) => {
                    tracing::warn!(%error, "no state key: cursors end with this process");
                    Secret::new(random(KEY_BYTES))
                }
                None => Secret::new(random(KEY_BYTES)),
            }
        })
    }

    /// Marks `nonce` as used, once over all siblings and restarts.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::AlreadyExists`] if it was used before; any other error means that single
    /// use can't be promised.
    pub(crate) fn use_nonce(&self, nonce: &str) -> io::Result<()> {
        let Some(directory) = &self.directory else {
            return Err(io::Error::new(io::ErrorKind::NotFound, "there is no state directory"));
        };
        let directory = directory.join("nonces");
        make_private(&directory)?;
        prune(&directory);
        let file = create_private(&directory.join(nonce))?;
        file.sync_all()
    }
}

/// `bytes` random bytes from the operating system.
#[expect(clippy::expect_used, reason = "sealing with guessable bytes would be worse than ending")]
pub(crate) fn random(bytes: usize) -> Vec<u8> {
    let mut out = vec![0; bytes];
    getrandom::fill(&mut out).expect("the supported operating systems always give random bytes");
    out
}

/// Creates a directory, and its parents, for this user alone.
pub(crate) fn make_private(directory: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

/// Why `directory` can't hold what only this user may write, as far as can be told without making
/// it.
pub(crate) fn trouble(directory: &Path) -> Option<&'static str> {
    #[cfg(unix)]
    {
        use rustix::fs::{Access, access};
        let directory = std::path::absolute(directory).ok()?;
        let there = directory.ancestors().find(|place| place.exists())?;
        let meta = there.metadata().ok()?;
        if !meta.is_dir() {
            return Some("it can't be made: a file is in its place");
        }
        if access(there, Access::WRITE_OK).is_err() {
            return Some("it can't be written");
        }
        let mode = std::os::unix::fs::PermissionsExt::mode(&meta.permissions());
        if there == directory && mode & 0o022 != 0 {
            return Some("others can write it: chmod 700");
        }
    }
    #[cfg(not(unix))]
    let _ = directory;
    None
}

/// Why nothing can be written in `directory`, which is there.
pub(crate) fn unwritable(directory: &Path) -> Option<&'static str> {
    #[cfg(unix)]
    if rustix::fs::access(directory, rustix::fs::Access::WRITE_OK).is_err() {
        return Some("it can't be written");
    }
    #[cfg(not(unix))]
    let _ = directory;
    None
}

/// Creates a file that must not exist yet, for this user alone, to append to.
#[expect(clippy::disallowed_types, reason = "core's own files, outside every scope")]
pub(crate) fn create_private(path: &Path) -> io::Result<File> {
    let mut options = fs::OpenOptions::new();
    options.append(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn stored_key(directory: &Path) -> io::Result<Secret<Vec<u8>>> {
    let path = directory.join("state.key");
    match read_key(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        read => return read,
    }
    make_private(directory)?;
    // Written beside and linked, so that a sibling never reads half a key, and the first one wins.
    let draft = directory.join(format!("state.key.{}", hex(&random(8))));
    let mut file = create_private(&draft)?;
    file.write_all(&random(KEY_BYTES))?;
    file.sync_all()?;
    let linked = fs::hard_link(&draft, &path);
    remove(&draft);
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => read_key(&path),
    }
}

/// Whoever knows the key can forge confirmations, and whoever made the file knows it: only one of
/// our own is taken.
fn read_key(path: &Path) -> io::Result<Secret<Vec<u8>>> {
    let key = private::read(path, KEY_BYTES, Owner::Us).map_err(|refused| match refused {
        Refused::Unreadable(error) => error,
        refused => io::Error::new(io::ErrorKind::PermissionDenied, format!("state.key: {refused}")),
    })?;
    if key.expose().len() != KEY_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "state.key is damaged; remove it"));
    }
    Ok(key)
}

/// Nonces outlive their confirmation's expiry by far after a day.
#[expect(clippy::disallowed_methods, reason = "core's own directory, outside every scope")]
fn prune(directory: &Path) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        let age = entry.metadata().and_then(|meta| meta.modified()).map(|time| time.elapsed());
        if let Ok(Ok(age)) = age
            && age.as_secs() > 86_400
        {
            remove(&entry.path());
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "core's own files, outside every scope")]
fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        tracing::debug!(%error, "a state file stays behind");
    }
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from(if value < 10 { b'0' + value } else { b'a' - 10 + value });
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn siblings_share_one_key() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state");
        let keys: Vec<Vec<u8>> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| State::new(Some(path.clone())).key().expose().clone()))
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|key| *key == keys[0] && key.len() == KEY_BYTES));
        let files: Vec<_> =
            fs::read_dir(&path).unwrap().map(|file| file.unwrap().file_name()).collect();
        assert_eq!(files, ["state.key"]);
    }

    #[test]
    fn a_nonce_is_used_once() {
        let directory = tempfile::tempdir().unwrap();
        let state = || State::new(Some(directory.path().to_owned()));
        state().use_nonce("abc").unwrap();
        assert_eq!(state().use_nonce("abc").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert!(State::new(None).use_nonce("abc").is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_is_no_file_is_not_waited_for() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state.key");
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RWXU).unwrap();
        assert_eq!(State::new(Some(directory.path().to_owned())).key().expose().len(), KEY_BYTES);
    }

    #[test]
    fn a_key_that_others_can_read_is_not_used() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state.key");
        fs::write(&path, [7; KEY_BYTES]).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert_ne!(State::new(Some(directory.path().to_owned())).key().expose(), &[7; KEY_BYTES]);
    }
}
