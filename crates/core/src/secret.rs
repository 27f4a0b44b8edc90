//! A value that must not leave the process by accident: no `Debug`, `Display` or `Serialize` of
//! what it holds, and wiped when dropped.

use std::path::Path;

use zeroize::Zeroize;

use crate::private::{self, Owner};

/// A credential, key or other secret.
///
/// ```compile_fail,E0277
/// let token = lockkeeper_core::Secret::new(String::from("t0ken"));
/// format!("{token}");
/// ```
/// ```compile_fail,E0277
/// let token = lockkeeper_core::Secret::new(String::from("t0ken"));
/// format!("{token:?}");
/// ```
/// ```compile_fail,E0277
/// let token = lockkeeper_core::Secret::new(String::from("t0ken"));
/// fn serialize<T: serde::Serialize>(_: T) {}
/// serialize(token);
/// ```
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Wraps a secret.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The secret itself. Pass it straight to what needs it.
    pub fn expose(&self) -> &T {
        &self.0
    }

    /// For those who fill it.
    pub(crate) fn expose_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl Secret<String> {
    /// `text`, which others wrote (the error of a driver or an upstream), with `***` wherever it
    /// holds this secret.
    pub fn redact(&self, text: &str) -> String {
        if self.0.is_empty() {
            return text.to_owned();
        }
        text.replace(self.0.as_str(), "***")
    }
}

impl Secret<String> {
    /// The text of a file that holds secrets, of at most `most` bytes; `None` if there is none.
    ///
    /// # Errors
    ///
    /// Why the file is not taken: others can read it, or it is no text.
    pub fn from_private_file(path: &Path, most: usize) -> Result<Option<Self>, String> {
        match private::read(path, most, Owner::Anyone) {
            Ok(bytes) => bytes.into_text().map(Some).ok_or_else(|| "it is no text".to_owned()),
            Err(refused) if refused.is_missing() => Ok(None),
            Err(refused) => Err(refused.to_string()),
        }
    }
}

impl Secret<Vec<u8>> {
    /// The bytes as text, without one line end. `None` if they are no text, or none is left.
    pub(crate) fn into_text(self) -> Option<Secret<String>> {
        let mut text = self.into_string()?;
        if text.0.ends_with('\n') {
            text.0.pop();
            if text.0.ends_with('\r') {
                text.0.pop();
            }
        }
        (!text.0.is_empty()).then_some(text)
    }

    /// The bytes as they are, if they are text.
    pub(crate) fn into_string(mut self) -> Option<Secret<String>> {
        // The same allocation goes on, so that there is one place to wipe.
        let text = String::from_utf8(std::mem::take(&mut self.0));
        Some(Secret::new(text.map_err(|error| Self::new(error.into_bytes())).ok()?))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    struct Wiped(Arc<AtomicBool>);

    impl Zeroize for Wiped {
        fn zeroize(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }

    #[test]
    fn is_wiped_when_dropped() {
        let wiped = Arc::new(AtomicBool::new(false));
        drop(Secret::new(Wiped(Arc::clone(&wiped))));
        assert!(wiped.load(Ordering::SeqCst));
    }

    #[test]
    fn one_line_end_is_no_part_of_it() {
        let text = |bytes: &[u8]| {
            Secret::new(bytes.to_vec()).into_text().map(|text| text.expose().clone())
        };
        for (bytes, expected) in [
            (&b"t0ken"[..], Some("t0ken")),
            (b"t0ken\n", Some("t0ken")),
            (b"t0ken\r\n", Some("t0ken")),
            (b" t0ken \n\n", Some(" t0ken \n")),
            (b"t0ken\r", Some("t0ken\r")),
            (b"", None),
            (b"\n", None),
            (b"\xff\xfe", None),
        ] {
            assert_eq!(text(bytes).as_deref(), expected, "{bytes:?}");
        }
    }

    #[test]
    fn it_is_redacted_from_text_of_others() {
        let secret = Secret::new("t0ken".to_owned());
        assert_eq!(secret.redact("bad t0ken: `t0ken`"), "bad ***: `***`");
        assert_eq!(Secret::new(String::new()).redact("as it is"), "as it is");
    }
}
