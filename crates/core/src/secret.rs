//! A value that must not leave the process by accident: no `Debug`, `Display` or `Serialize` of
//! what it holds, and wiped when dropped.

use zeroize::Zeroize;

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
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}
