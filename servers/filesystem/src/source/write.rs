//! Writing whole files. New content is staged beside the old and takes its name in one step, so that
//! a crash, a full disk or a reader in between sees all of the old or all of the new. Appending is
//! the exception: it writes in place, at the end, and a crash can leave a part of what was appended.

use std::fs::File;
use std::io::{self, Write as _};
use std::sync::Arc;

use lockkeeper_core::{Add, Change, Destroy, Grant, Unclear, placeholder};

use super::beneath::{self, Dir, OpenError};
use super::document::LARGEST;
use super::error::FsError;
use super::place::Target;
use super::rules::Shape;
use super::stage::Staged;
use super::stat::Stat;
use super::text::{self, Encoding, Kind};
use super::{Source, version};

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The path, as the agent names it.
    pub path: String,
    /// The version of the file now.
    pub version: String,
    /// How large it is now.
    pub bytes: u64,
    /// Whether there was none before.
    pub created: bool,
}

/// A directory that was made, by its parent and name.
pub(super) type Made = (Arc<Dir>, Vec<u8>);

/// The file that is about to be replaced.
#[derive(Debug)]
pub(super) struct Current {
    pub(super) file: File,
    pub(super) stat: Stat,
}

impl Source {
    /// Makes a new file, and the directories that lead to it; fails if something is there.
    pub fn create_file(
        &self,
        _grant: Grant<Add>,
        target: Target,
        text: &str,
    ) -> Result<Written, FsError> {
        if target.stat.is_some() {
            return Err(FsError::Exists { asked: target.asked });
        }
        target.check_content(text, "")?;
        self.create(target, text.as_bytes())
    }

    /// Replaces the content of a file that still has the version `seen`, in its encoding.
    pub fn replace_file(
        &self,
        _grant: Grant<Change>,
        target: Target,
        text: &str,
        seen: &str,
    ) -> Result<Written, FsError> {
        self.overwrite(target, text, Some(seen))
    }

    /// Replaces the content of a file whatever it is, or makes the file.
    pub fn overwrite_file(
        &self,
        _grant: Grant<Destroy>,
        target: Target,
        text: &str,
    ) -> Result<Written, FsError> {
        self.overwrite(target, text, None)
    }

    /// Adds to the end of a file, in its encoding, or makes the file. Others who append at the same
    /// time are not overwritten; a crash can leave a part of `text`.
    pub fn append_to_file(
        &self,
        _grant: Grant<Change>,
        target: Target,
        text: &str,
        seen: Option<&str>,
    ) -> Result<Written, FsError> {
        target.no_directory()?;
        let _turn = self.turn();
        let Some(current) = target.current()? else {
            return match seen {
                Some(_) => Err(FsError::Stale { asked: target.asked, current: None }),
                None => self.create(target, text.as_bytes()),
            };
        };
        target.check_version(&current.stat, seen)?;
        target.check_links(&current.stat)?;
        target.check_content(text, &text_of(&target, &current)?)?;
        let content = match encoding_of(&current).map_err(|error| target.io("read", error))? {
            Some((encoding, _)) => encode(&target, encoding, text)?,
            None => text.as_bytes().to_vec(),
        };
        let opened = target.parent.open_to_append(&target.name);
        let opened = opened.map_err(|error| target.io("write", error))?;
        let Some((file, stat)) = opened.filter(|(_, stat)| stat.is_same_file(&current.stat)) else {
            return Err(FsError::Stale { asked: target.asked, current: None });
        };
        append(&file, stat.size, &content).map_err(|error| target.io("write", error))?;
        self.written(&target, &file, false)
    }

    fn overwrite(
        &self,
        target: Target,
        text: &str,
        seen: Option<&str>,
    ) -> Result<Written, FsError> {
        target.no_directory()?;
        let _turn = self.turn();
        let Some(current) = target.current()? else {
            return match seen {
                Some(_) => Err(FsError::Stale { asked: target.asked, current: None }),
                None => self.create(target, text.as_bytes()),
            };
        };
        target.check_version(&current.stat, seen)?;
        let old = text_of(&target, &current)?;
        target.check_content(text, &old)?;
        if let Some(seen) = seen {
            // Whatever was seen of it, it was not all of what is there.
            let altered = self.outside.show(&old).altered();
            if !altered.is_none() || version::unmarked(seen).1 {
                return Err(FsError::Altered { asked: target.asked, altered });
            }
        }
        let content = match encoding_of(&current).map_err(|error| target.io("read", error))? {
            Some((encoding, bom)) => {
                let text = text.strip_prefix('\u{feff}').filter(|_| bom).unwrap_or(text);
                let encoded = encode(&target, encoding, text)?;
                if bom { [encoding.bom(), &encoded].concat() } else { encoded }
            }
            None => text.as_bytes().to_vec(),
        };
        self.swap(&target, &current, &content)
    }

    fn create(&self, mut target: Target, content: &[u8]) -> Result<Written, FsError> {
        self.must_show(&target, Shape::Leaf)?;
        self.make_parents(&mut target)?;
        let staged = Staged::new(&target.parent, content, None);
        let staged = staged.map_err(|error| target.io("write", error))?;
        let file = staged.place_new(&target.name).map_err(|error| target.io("write", error))?;
        self.written(&target, &file, true)
    }

    /// Puts `content` in the place of `current`, if that is still what stands there.
    pub(super) fn swap(
        &self,
        target: &Target,
        current: &Current,
        content: &[u8],
    ) -> Result<Written, FsError> {
        let staged = target.stage(current, content)?;
        target.check_unchanged(&current.stat)?;
        let file = staged.replace(&target.name).map_err(|error| target.io("write", error))?;
        self.written(target, &file, false)
    }

    /// Makes the directories that are missing on the way to `target`; returns those it made.
    pub(super) fn make_parents(&self, target: &mut Target) -> Result<Vec<Made>, FsError> {
        let mut made = Vec::new();
        for name in std::mem::take(&mut target.ahead) {
            match target.parent.make_dir(&name) {
                Ok(()) => made.push((Arc::clone(&target.parent), name.clone())),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(target.io("create the directories of", error)),
            }
            let synced = target.parent.sync();
            synced.map_err(|error| target.io("create the directories of", error))?;
            let opened = beneath::open_dir(&target.parent, &name).map_err(|error| match error {
                OpenError::Io(error) => target.io("open", error),
                // Swapped for something else since it was made.
                OpenError::Link | OpenError::Missing => self.missing(target.root, &target.asked),
            });
            target.parent = Arc::new(opened?);
        }
        Ok(made)
    }

    pub(super) fn written(
        &self,
        target: &Target,
        file: &File,
        created: bool,
    ) -> Result<Written, FsError> {
        let stat = beneath::stat_file(file).map_err(|error| target.io("look at", error))?;
        self.sweep(&target.parent);
        Ok(Written {
            path: self.display_target(target),
            version: version::of(&stat),
            bytes: stat.size,
            created,
        })
    }
}

impl Target {
    /// Opens the regular file that is there now.
    pub(super) fn current(&self) -> Result<Option<Current>, FsError> {
        if !self.ahead.is_empty() {
            return Ok(None);
        }
        match self.parent.open_file(&self.name) {
            Ok(Some((file, stat))) => Ok(Some(Current { file, stat })),
            Ok(None) => Err(FsError::Special { asked: self.asked.clone() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.io("read", error)),
        }
    }

    /// Stages `content` to replace `current`, where replacing is right.
    pub(super) fn stage(&self, current: &Current, content: &[u8]) -> Result<Staged, FsError> {
        self.check_links(&current.stat)?;
        // A rename would also replace what its owner made read-only.
        self.parent.check_writable(&self.name).map_err(|error| self.io("write", error))?;
        Staged::new(&self.parent, content, Some(&current.file))
            .map_err(|error| self.io("write", error))
    }

    /// Passes if the name still stands for the file of `stat`, untouched.
    pub(super) fn check_unchanged(&self, stat: &Stat) -> Result<(), FsError> {
        let now = match self.parent.stat(&self.name) {
            Ok(now) => Some(now),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(self.io("look at", error)),
        };
        if now == Some(*stat) {
            return Ok(());
        }
        let current = now.as_ref().map(version::of);
        Err(FsError::Stale { asked: self.asked.clone(), current })
    }

    pub(super) fn check_version(&self, stat: &Stat, seen: Option<&str>) -> Result<(), FsError> {
        let current = version::of(stat);
        if seen.is_none_or(|seen| version::unmarked(seen).0 == current) {
            return Ok(());
        }
        Err(FsError::Stale { asked: self.asked.clone(), current: Some(current) })
    }

    /// Passes if `new` holds no placeholder that is not in `old` too.
    fn check_content(&self, new: &str, old: &str) -> Result<(), FsError> {
        match placeholder(new).filter(|placeholder| !old.contains(placeholder)) {
            Some(placeholder) => {
                let unclear = Unclear::Placeholder(placeholder.to_owned());
                Err(FsError::Unclear { asked: self.asked.clone(), unclear })
            }
            None => Ok(()),
        }
    }

    fn check_links(&self, stat: &Stat) -> Result<(), FsError> {
        if stat.links > 1 {
            return Err(FsError::HardLinked { asked: self.asked.clone(), links: stat.links });
        }
        Ok(())
    }
}

/// What a file of a size that is edited holds, as text.
fn text_of(target: &Target, current: &Current) -> Result<String, FsError> {
    if current.stat.size > LARGEST {
        return Ok(String::new());
    }
    let mut bytes = vec![0; usize::try_from(current.stat.size).unwrap_or(0)];
    let n =
        beneath::read_at(&current.file, &mut bytes, 0).map_err(|error| target.io("read", error))?;
    bytes.truncate(n);
    let sample = bytes.get(..text::SAMPLE).unwrap_or(&bytes);
    Ok(match text::kind(sample, sample.len() == bytes.len(), b"") {
        Kind::Text { encoding, bom } => {
            let rest = if bom { bytes.get(encoding.bom().len()..) } else { None };
            encoding.decode_lossy(rest.unwrap_or(&bytes))
        }
        _ => String::new(),
    })
}

/// The encoding of text and whether a byte order mark says so; `None` for what is empty or no text.
fn encoding_of(current: &Current) -> io::Result<Option<(Encoding, bool)>> {
    let size = current.stat.size;
    if size == 0 {
        return Ok(None);
    }
    let mut sample = vec![0; usize::try_from(size).map_or(text::SAMPLE, |n| n.min(text::SAMPLE))];
    let n = beneath::read_at(&current.file, &mut sample, 0)?;
    sample.truncate(n);
    Ok(match text::kind(&sample, n as u64 >= size, b"") {
        Kind::Text { encoding, bom } => Some((encoding, bom)),
        _ => None,
    })
}

pub(super) fn encode(target: &Target, encoding: Encoding, text: &str) -> Result<Vec<u8>, FsError> {
    encoding.encode(text).map_err(|character| FsError::Unencodable {
        asked: target.asked.clone(),
        encoding: encoding.name(),
        character,
    })
}

/// Writes at the end; what a full disk let through of it is taken back.
fn append(mut file: &File, size: u64, content: &[u8]) -> io::Result<()> {
    let mut rest = content;
    while !rest.is_empty() {
        match file.write(rest) {
            Ok(n) => rest = rest.get(n..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                let ours = size + (content.len() - rest.len()) as u64;
                if beneath::stat_file(file)?.size == ours {
                    file.set_len(size)?;
                }
                return Err(error);
            }
        }
    }
    file.sync_all()
}
