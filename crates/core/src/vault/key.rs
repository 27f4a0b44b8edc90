//! The keys of the store, and the file that holds them: one key, or two while a rotation is under
//! way. A key is known by an id that says nothing about it.

use std::path::Path;

use aes_gcm::aead::{Aead as _, Payload};
use aes_gcm::{Aes256Gcm, KeyInit as _, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use sha2::{Digest as _, Sha256};

use super::VaultError;
use crate::private::{self, Owner};
use crate::secret::Secret;
use crate::state::{hex, random};

const HEADER: &str = "lockkeeper-key 1";
const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 12;
const MOST_KEYS: usize = 2;
const MOST_BYTES: usize = 256;

/// A key of AES-256-GCM.
pub(super) struct Key(Secret<[u8; KEY_BYTES]>);

impl Key {
    pub(super) fn generate() -> Self {
        let bytes = Secret::new(random(KEY_BYTES));
        let mut key = Secret::new([0; KEY_BYTES]);
        key.expose_mut().copy_from_slice(bytes.expose());
        Self(key)
    }

    /// Names the key in the store.
    pub(super) fn id(&self) -> String {
        let digest = Sha256::new_with_prefix(b"lockkeeper key id\0");
        let digest = digest.chain_update(self.0.expose()).finalize();
        hex(digest.get(..8).unwrap_or_default())
    }

    /// Encrypts under a new random nonce, bound to `context`.
    pub(super) fn seal(&self, plain: &[u8], context: &[u8]) -> Option<String> {
        let mut nonce = [0; NONCE_BYTES];
        nonce.copy_from_slice(&random(NONCE_BYTES));
        let payload = Payload { msg: plain, aad: context };
        let sealed = self.cipher().encrypt(&Nonce::from(nonce), payload).ok()?;
        Some(BASE64.encode([&nonce[..], &sealed].concat()))
    }

    /// Decrypts what was sealed with the same key and context, all of it or nothing.
    pub(super) fn open(&self, sealed: &str, context: &[u8]) -> Option<Secret<Vec<u8>>> {
        let sealed = BASE64.decode(sealed).ok()?;
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_BYTES>()?;
        let payload = Payload { msg: sealed, aad: context };
        self.cipher().decrypt(&Nonce::from(*nonce), payload).ok().map(Secret::new)
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new(self.0.expose().into())
    }
}

/// Reads a key file; without one, no keys.
pub(super) fn read(path: &Path) -> Result<Vec<Key>, VaultError> {
    let bytes = match private::read(path, MOST_BYTES, Owner::Us) {
        Ok(bytes) => bytes,
        Err(refused) if refused.is_missing() => return Ok(Vec::new()),
        Err(source) => return Err(VaultError::Key { path: path.to_owned(), source }),
    };
    parse(bytes.expose()).ok_or_else(|| VaultError::NoKeyFile { path: path.to_owned() })
}

fn parse(bytes: &[u8]) -> Option<Vec<Key>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut keys = Vec::new();
    for line in text.strip_prefix(HEADER)?.strip_prefix('\n')?.strip_suffix('\n')?.split('\n') {
        let bytes = Secret::new(BASE64.decode(line).ok()?);
        let mut key = Secret::new([0; KEY_BYTES]);
        if bytes.expose().len() != KEY_BYTES {
            return None;
        }
        key.expose_mut().copy_from_slice(bytes.expose());
        keys.push(Key(key));
    }
    (1..=MOST_KEYS).contains(&keys.len()).then_some(keys)
}

/// Replaces the key file.
pub(super) fn write(path: &Path, keys: &[&Key]) -> Result<(), VaultError> {
    let mut text = Secret::new(String::with_capacity(MOST_BYTES));
    text.expose_mut().push_str(HEADER);
    text.expose_mut().push('\n');
    for key in keys {
        BASE64.encode_string(key.0.expose(), text.expose_mut());
        text.expose_mut().push('\n');
    }
    private::replace(path, text.expose().as_bytes())
        .map_err(|source| VaultError::Unwritable { path: path.to_owned(), source })
}
