//! Digests of several texts, so that no two lists of texts have the same one. They stand where a
//! credential decides but must not be kept.

use http::{HeaderMap, HeaderName};
use sha2::{Digest as _, Sha256};

#[derive(Default)]
pub(crate) struct Fingerprint(Sha256);

impl Fingerprint {
    pub(crate) fn add(&mut self, text: impl AsRef<[u8]>) {
        let text = text.as_ref();
        self.0.update((text.len() as u64).to_le_bytes());
        self.0.update(text);
    }

    /// All values of a header.
    pub(crate) fn add_header(&mut self, headers: &HeaderMap, name: &HeaderName) {
        let values = headers.get_all(name);
        self.0.update((values.iter().count() as u64).to_le_bytes());
        values.iter().for_each(|value| self.add(value));
    }

    pub(crate) fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}
