//! The store of secrets in the state directory: encrypted with AES-256-GCM under a key in a file
//! of its own. Reading takes no lock; whoever writes holds one, so that siblings lose nothing. It
//! must not give out a value that isn't whole, nor say one in an error.

mod key;
mod sealed;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use self::key::Key;
use self::sealed::{Fact, Record};
use crate::private::{self, Owner, Refused};
use crate::secret::Secret;

/// The longest value, bytes.
pub(crate) const MOST_VALUE: usize = 64 * 1024;
const MOST_NAME: usize = 64;
const MOST_FILE: usize = 4 * 1024 * 1024;
/// A rotation by a sibling can fall between reading the store and its key, but not this often.
const TRIES: usize = 5;

/// Why the store gave or took nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VaultError {
    #[error("there is no state directory; name one with --state-dir")]
    NoPlace,
    #[error(
        "a name has 1 to {MOST_NAME} letters, digits, `.`, `_` or `-` and begins with a letter or digit"
    )]
    BadName,
    #[error("there is no secret of that name; `secret list` shows those there are")]
    Unknown,
    #[error("the store is full: {MOST_FILE} bytes")]
    Full,
    #[error("stored secrets `{}`: {source}", .path.display())]
    Store { path: PathBuf, source: Refused },
    #[error("key file `{}`: {source}", .path.display())]
    Key { path: PathBuf, source: Refused },
    #[error("key file `{}`: it is none, or damaged", .path.display())]
    NoKeyFile { path: PathBuf },
    #[error("key file `{}`: it doesn't hold the key of `{}`", .path.display(), .store.display())]
    WrongKey { path: PathBuf, store: PathBuf },
    #[error("stored secrets `{}`: {what} was altered or is damaged; restore the file, or remove \
             it and set its secrets again", .path.display())]
    Damaged { path: PathBuf, what: String },
    #[error("`{}` can't be written: {source}", .path.display())]
    Unwritable { path: PathBuf, source: io::Error },
    #[error("encryption failed")]
    Unsealed,
}

/// Where the store and its key are.
#[derive(Debug, Clone, Default)]
pub(crate) struct Vault {
    pub(crate) directory: Option<PathBuf>,
    /// The key's place, if it is not in the directory.
    pub(crate) key_file: Option<PathBuf>,
}

/// What `secret list` may show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) name: String,
    pub(crate) created: SystemTime,
    pub(crate) updated: SystemTime,
}

/// A store that was read, and found whole.
struct Opened {
    key: Key,
    /// Whether the key file still holds the key of another time.
    is_rotating: bool,
    records: Vec<Record>,
}

impl Vault {
    /// What lies in the state directory.
    pub(crate) const FILES: [&str; 3] = ["secrets", "secrets.key", "secrets.lock"];

    /// The value of one secret.
    pub(crate) fn get(&self, name: &str) -> Result<Secret<Vec<u8>>, VaultError> {
        let opened = self.open()?.ok_or(VaultError::Unknown)?;
        let record = opened.records.iter().find(|record| record.name == name);
        let record = record.ok_or(VaultError::Unknown)?;
        record.open(&opened.key).ok_or_else(|| self.damaged(format!("`{name}`")))
    }

    /// Names and dates.
    pub(crate) fn list(&self) -> Result<Vec<Listed>, VaultError> {
        let records = self.open()?.map(|opened| opened.records).unwrap_or_default();
        let listed = |Record { name, created, updated, .. }: Record| {
            let time = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            Listed { name, created: time(created), updated: time(updated) }
        };
        Ok(records.into_iter().map(listed).collect())
    }

    /// Stores a value under a name, in place of what was there.
    pub(crate) fn set(&self, name: &str, value: &Secret<String>) -> Result<(), VaultError> {
        if !is_name(name) {
            return Err(VaultError::BadName);
        }
        let _lock = self.lock()?;
        let mut opened = match self.open_settled()? {
            Some(opened) => opened,
            None => Opened { key: self.first_key()?, is_rotating: false, records: Vec::new() },
        };
        let now = now();
        let old = opened.records.iter().find(|record| record.name == name);
        let fact = Fact { name, created: old.map_or(now, |old| old.created), updated: now };
        let record = Record::new(&opened.key, fact, value.expose().as_bytes())?;
        opened.records.retain(|record| record.name != name);
        opened.records.push(record);
        opened.records.sort_by(|a, b| a.name.cmp(&b.name));
        self.write(&opened.key, &opened.records)
    }

    /// Forgets a secret.
    pub(crate) fn remove(&self, name: &str) -> Result<(), VaultError> {
        let _lock = self.lock()?;
        let mut opened = self.open_settled()?.ok_or(VaultError::Unknown)?;
        let before = opened.records.len();
        opened.records.retain(|record| record.name != name);
        if opened.records.len() == before {
            return Err(VaultError::Unknown);
        }
        self.write(&opened.key, &opened.records)
    }

    /// Encrypts everything under a new key: how many secrets that were. Between any two steps the
    /// key file holds the key that the store is under.
    pub(crate) fn rotate(&self) -> Result<usize, VaultError> {
        let _lock = self.lock()?;
        let opened = self.open_settled()?.ok_or(VaultError::Unknown)?;
        let new = Key::generate();
        self.announce(&new, &opened)?;
        self.reseal(&new, &opened)?;
        self.retire_others(&new)?;
        Ok(opened.records.len())
    }

    fn announce(&self, new: &Key, opened: &Opened) -> Result<(), VaultError> {
        key::write(&self.key_path()?, &[new, &opened.key])
    }

    fn reseal(&self, new: &Key, opened: &Opened) -> Result<(), VaultError> {
        let reseal = |record: &Record| {
            let value = record.open(&opened.key);
            let value = value.ok_or_else(|| self.damaged(format!("`{}`", record.name)))?;
            Record::new(new, record.fact(), value.expose())
        };
        let records = opened.records.iter().map(reseal).collect::<Result<Vec<_>, _>>()?;
        self.write(new, &records)
    }

    fn retire_others(&self, key: &Key) -> Result<(), VaultError> {
        key::write(&self.key_path()?, &[key])
    }

    /// The store as whoever holds the lock finds it: a rotation that was torn is ended.
    fn open_settled(&self) -> Result<Option<Opened>, VaultError> {
        let opened = self.open()?;
        if let Some(opened) = opened.as_ref().filter(|opened| opened.is_rotating) {
            self.retire_others(&opened.key)?;
        }
        Ok(opened)
    }

    /// Reads and verifies the store; `None` if there is none.
    fn open(&self) -> Result<Option<Opened>, VaultError> {
        let (path, key_path) = (self.path()?, self.key_path()?);
        for _ in 0..TRIES {
            let text = match private::read(&path, MOST_FILE, Owner::Us) {
                Ok(bytes) => bytes,
                Err(refused) if refused.is_missing() => return Ok(None),
                Err(source) => return Err(VaultError::Store { path, source }),
            };
            // What isn't text any more doesn't match the seal, but may still tell its place.
            let text = String::from_utf8_lossy(text.expose());
            let Some(id) = sealed::key_id(&text) else {
                return Err(self.damaged("its first line".to_owned()));
            };
            let mut keys = key::read(&key_path)?;
            let is_rotating = keys.len() > 1;
            let Some(position) = keys.iter().position(|key| key.id() == id) else { continue };
            let key = keys.swap_remove(position);
            let records = sealed::parse(&key, &text);
            let records = records.map_err(|place| {
                self.damaged(place.unwrap_or_else(|| "the seal over all of them".to_owned()))
            })?;
            return Ok(Some(Opened { key, is_rotating, records }));
        }
        Err(VaultError::WrongKey { path: key_path, store: path })
    }

    /// The key for a store that doesn't exist yet.
    fn first_key(&self) -> Result<Key, VaultError> {
        let path = self.key_path()?;
        if let Some(key) = key::read(&path)?.into_iter().next() {
            return Ok(key);
        }
        let key = Key::generate();
        key::write(&path, &[&key])?;
        Ok(key)
    }

    fn write(&self, key: &Key, records: &[Record]) -> Result<(), VaultError> {
        let text = sealed::write(key, records)?;
        if text.len() > MOST_FILE {
            return Err(VaultError::Full);
        }
        let path = self.path()?;
        private::replace(&path, text.as_bytes())
            .map_err(|source| VaultError::Unwritable { path, source })
    }

    fn lock(&self) -> Result<File, VaultError> {
        let path = self.directory()?.join("secrets.lock");
        private::lock(&path).map_err(|source| VaultError::Unwritable { path, source })
    }

    fn damaged(&self, what: String) -> VaultError {
        VaultError::Damaged { path: self.path().unwrap_or_default(), what }
    }

    fn path(&self) -> Result<PathBuf, VaultError> {
        Ok(self.directory()?.join("secrets"))
    }

    fn key_path(&self) -> Result<PathBuf, VaultError> {
        match &self.key_file {
            Some(path) => Ok(path.clone()),
            None => Ok(self.directory()?.join("secrets.key")),
        }
    }

    fn directory(&self) -> Result<&Path, VaultError> {
        self.directory.as_deref().ok_or(VaultError::NoPlace)
    }
}

/// Whether this can be the name of a secret.
pub(crate) fn is_name(name: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    (1..=MOST_NAME).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(is_part)
}

fn now() -> u64 {
    SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests;
