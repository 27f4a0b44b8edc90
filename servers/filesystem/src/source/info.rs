//! Everything about one file or directory that can be said without returning its content.

use std::fmt::Write as _;
use std::time::SystemTime;

use lockkeeper_core::Stop;
use sha2::{Digest as _, Sha256};

use super::beneath::{self, Dir};
use super::error::FsError;
use super::locate::Located;
use super::read::Window;
use super::stat::{EntryKind, Stat, time};
use super::text::{Encoding, Eol, Kind};
use super::walk::{Visitor, WalkOptions};
use super::{Source, names};

/// Bytes hashed between two looks at the stop.
const BLOCK: usize = 256 * 1024;
/// As much text as the line ends are taken from.
const EOL_SAMPLE: usize = 64 * 1024;

/// What to find out beyond what is cheap.
#[derive(Debug, Clone, Copy, Default)]
pub struct InfoOptions {
    /// The SHA-256 of the content.
    pub hash: bool,
    /// What a directory holds in all.
    pub total: bool,
}

/// What is known about a file or directory.
#[derive(Debug, Clone)]
pub struct Info {
    /// The path, as `locate` takes it.
    pub path: String,
    /// Kind, size, times, mode.
    pub stat: Stat,
    /// When it was made, where the filesystem knows.
    pub birth: Option<SystemTime>,
    /// What it holds; `None` for what is no readable regular file.
    pub content: Option<Kind>,
    /// Line ends of its first lines, if it is text.
    pub eol: Option<Eol>,
    /// Changes whenever the file does.
    pub version: String,
    /// In hexadecimal; `None` if not asked for, or the time was up.
    pub sha256: Option<String>,
    /// Only if asked for, of a directory.
    pub total: Option<Total>,
}

impl Info {
    /// The media type of a regular file.
    pub fn mime(&self) -> Option<&'static str> {
        self.content.as_ref().map(|content| content.mime(&self.path))
    }

    /// The encoding of a text file.
    pub fn encoding(&self) -> Option<Encoding> {
        match self.content {
            Some(Kind::Text { encoding, .. }) => Some(encoding),
            _ => None,
        }
    }
}

/// What a directory holds, ignored files included, hidden ones not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Total {
    /// Regular files, and whatever else is no directory.
    pub files: u64,
    /// Directories, the directory itself not counted.
    pub dirs: u64,
    /// Sizes of the regular files.
    pub bytes: u64,
    /// Whether everything was counted in time.
    pub complete: bool,
}

impl Source {
    /// What is known about `located`.
    pub fn info(
        &self,
        located: &Located,
        options: InfoOptions,
        stop: &Stop,
    ) -> Result<Info, FsError> {
        let is_file = located.kind() == EntryKind::File && located.file().is_ok();
        let content = if is_file { Some(located.sniff()?) } else { None };
        let eol = if matches!(content, Some(Kind::Text { .. })) {
            let window = Window { offset: 1, limit: usize::MAX, from_byte: None };
            Some(self.read_text(located, window, EOL_SAMPLE)?.eol)
        } else {
            None
        };
        let birth = self
            .root(located.root)
            .and_then(|root| beneath::birth_ns(&root.dir, &located.path))
            .map(time);
        let sha256 = if is_file && options.hash { hash(located, stop)? } else { None };
        let total = if options.total && located.kind() == EntryKind::Dir {
            Some(self.total(located, stop)?)
        } else {
            None
        };
        Ok(Info {
            path: self.display(located),
            stat: located.stat,
            birth,
            content,
            eol,
            version: located.version(),
            sha256,
            total,
        })
    }

    fn total(&self, located: &Located, stop: &Stop) -> Result<Total, FsError> {
        let walk = WalkOptions { ignored: true, ..WalkOptions::default() };
        let (parts, walked) = self.walk(located, &walk, stop, Total::default)?;
        let mut total = parts.iter().fold(Total::default(), |sum, part| Total {
            files: sum.files + part.files,
            dirs: sum.dirs + part.dirs,
            bytes: sum.bytes + part.bytes,
            complete: false,
        });
        total.complete = walked.frontier.is_none() && walked.unreadable == 0;
        Ok(total)
    }
}

impl Visitor for Total {
    fn entry(&mut self, dir: &Dir, path: &[u8], kind: EntryKind) {
        if kind == EntryKind::Dir {
            self.dirs += 1;
            return;
        }
        self.files += 1;
        if kind == EntryKind::File
            && let Ok(stat) = dir.stat(names::name(path))
        {
            self.bytes += stat.size;
        }
    }
}

fn hash(located: &Located, stop: &Stop) -> Result<Option<String>, FsError> {
    let file = located.file()?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; BLOCK];
    let mut position = 0;
    loop {
        if stop.is_cancelled() {
            return Err(FsError::Cancelled);
        }
        if stop.is_due() {
            return Ok(None);
        }
        let n = beneath::read_at(file, &mut buffer, position)
            .map_err(|error| located.io("read", error))?;
        hash.update(buffer.get(..n).unwrap_or_default());
        position += n as u64;
        if n < buffer.len() {
            break;
        }
    }
    let mut text = String::with_capacity(64);
    for byte in hash.finalize() {
        // Writing to a `String` can't fail.
        let _ = write!(text, "{byte:02x}");
    }
    Ok(Some(text))
}
