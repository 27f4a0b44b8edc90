//! From a path as asked to something that can be waited for. It may not be there yet, as long as its
//! directory is; what is hidden can be waited for like what is missing, and never comes.

use super::super::error::FsError;
use super::super::{Source, names};

/// A place inside the scope, whether something is there or not. Only [`Source::spot`] makes one:
///
/// ```compile_fail,E0451
/// use lockkeeper_filesystem::source::Spot;
/// let forged = Spot { root: 0, path: b"../outside".to_vec() };
/// ```
#[derive(Debug, Clone)]
pub struct Spot {
    pub(super) root: usize,
    /// Canonical, relative to the root.
    pub(super) path: Vec<u8>,
}

impl Source {
    /// Finds the place that `asked` names. A link stands for what it leads to.
    pub fn spot(&self, asked: &str) -> Result<Spot, FsError> {
        let (quoted, rule) = match self.locate(asked) {
            Ok(located) => return Ok(Spot { root: located.root, path: located.path }),
            Err(FsError::NotFound { asked, rule }) => (asked, rule),
            Err(error) => return Err(error),
        };
        let trimmed = asked.trim_end_matches('/');
        let (above, name) = match trimmed.rsplit_once('/') {
            Some(("", name)) => ("/", name),
            Some(parts) => parts,
            None => ("", trimmed),
        };
        if matches!(name, "" | "." | "..") {
            return Err(FsError::NotFound { asked: quoted, rule });
        }
        let parent = self.locate(above).map_err(|error| match error {
            FsError::NotFound { .. } => FsError::NotFound { asked: quoted, rule },
            error => error,
        })?;
        parent.directory()?;
        let name = names::unescape(name).unwrap_or_else(|| name.as_bytes().to_vec());
        Ok(Spot { root: parent.root, path: names::join(&parent.path, &name) })
    }
}
