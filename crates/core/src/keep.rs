//! What a server keeps for itself between its runs, such as the tokens of a login: values in the
//! store of secrets, which siblings share. It hands out nothing that other code put there by name of
//! its own: a server keeps what begins with its prefix.

use std::fs::File;
use std::path::PathBuf;

use crate::private;
use crate::secret::Secret;
use crate::vault::{Vault, VaultError};

/// A server's own part of the store of secrets. All of it blocks, on small files.
#[derive(Debug, Clone, Default)]
pub struct Keep(Vault);

/// Why nothing was kept or found.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct KeepError(VaultError);

/// A lock between processes. It ends when it is dropped, and with the process.
#[derive(Debug)]
pub struct KeepLock {
    _file: File,
}

impl Keep {
    pub(crate) fn new(vault: Vault) -> Self {
        Self(vault)
    }

    /// The value of that name.
    ///
    /// # Errors
    ///
    /// A store that can't be read or isn't whole.
    pub fn get(&self, name: &str) -> Result<Option<Secret<String>>, KeepError> {
        match self.0.get(name) {
            Ok(bytes) => Ok(bytes.into_string()),
            Err(VaultError::Unknown | VaultError::NoPlace) => Ok(None),
            Err(error) => Err(KeepError(error)),
        }
    }

    /// Keeps a value under a name, in place of what was there.
    ///
    /// # Errors
    ///
    /// A store that can't be written, or no place for one.
    pub fn set(&self, name: &str, value: &Secret<String>) -> Result<(), KeepError> {
        self.0.set(name, value).map_err(KeepError)
    }

    /// Forgets a value; whether there was one.
    ///
    /// # Errors
    ///
    /// A store that can't be written.
    pub fn remove(&self, name: &str) -> Result<bool, KeepError> {
        match self.0.remove(name) {
            Ok(()) => Ok(true),
            Err(VaultError::Unknown | VaultError::NoPlace) => Ok(false),
            Err(error) => Err(KeepError(error)),
        }
    }

    /// Waits until no other process, and no other code here, holds the lock of that name.
    ///
    /// # Errors
    ///
    /// A lock file that can't be made.
    pub fn lock(&self, name: &str) -> Result<KeepLock, KeepError> {
        let directory = self.0.directory.clone().ok_or(KeepError(VaultError::NoPlace))?;
        if !crate::vault::is_name(name) {
            return Err(KeepError(VaultError::BadName));
        }
        let path = directory.join(format!("{name}.lock"));
        let locked = private::lock(&path);
        let file = locked.map_err(|source| KeepError(VaultError::Unwritable { path, source }))?;
        Ok(KeepLock { _file: file })
    }

    /// Whether there is a place to keep anything.
    pub fn has_place(&self) -> bool {
        self.0.directory.is_some()
    }

    /// The key file, if it lies outside the state directory: what a source reaches to read from here.
    pub fn files(&self) -> Vec<PathBuf> {
        self.0.key_file.clone().into_iter().collect()
    }

    /// A place to keep things, for tests.
    #[cfg(feature = "testing")]
    pub fn in_directory(directory: PathBuf) -> Self {
        Self(Vault { directory: Some(directory), key_file: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_found_by_another_and_forgotten() {
        let directory = tempfile::tempdir().unwrap();
        let vault = Vault { directory: Some(directory.path().to_owned()), key_file: None };
        let (one, other) = (Keep::new(vault.clone()), Keep::new(vault));
        assert!(one.get("login").unwrap().is_none());
        one.set("login", &Secret::new("t0ken".to_owned())).unwrap();
        assert_eq!(other.get("login").unwrap().unwrap().expose(), "t0ken");
        assert!(other.remove("login").unwrap());
        assert!(!one.remove("login").unwrap());
    }

    #[test]
    fn without_a_place_nothing_is_kept() {
        let keep = Keep::default();
        assert!(!keep.has_place());
        assert!(keep.get("login").unwrap().is_none());
        assert!(keep.set("login", &Secret::new("x".to_owned())).is_err());
        assert!(keep.lock("login").is_err());
    }

    #[test]
    fn a_lock_is_held_by_one() {
        let directory = tempfile::tempdir().unwrap();
        let vault = Vault { directory: Some(directory.path().to_owned()), key_file: None };
        let keep = Keep::new(vault);
        let held = keep.lock("login").unwrap();
        let (sender, receiver) = std::sync::mpsc::channel();
        let waiting = keep.clone();
        let thread = std::thread::spawn(move || {
            let _held = waiting.lock("login").unwrap();
            sender.send(()).unwrap();
        });
        assert!(receiver.try_recv().is_err());
        drop(held);
        receiver.recv().unwrap();
        thread.join().unwrap();
        assert!(keep.lock("../login").is_err());
    }
}
