//! Changes of several files, all or none. Everything is checked and staged first; then names change
//! one by one, and if one of them can't, those before it are changed back. A crash in between leaves
//! some files new and some old, each of them whole.

use std::fs::File;
use std::io;
use std::sync::Arc;

use super::Source;
use super::beneath::Dir;
use super::document::Document;
use super::error::FsError;
use super::place::Target;
use super::rules::Shape;
use super::stage::{Staged, temporary_name};
use super::write::{Current, Made, Written};

/// What is to become of one name.
pub(super) enum Change {
    /// A new file; nothing may be there. It has the metadata of `like`.
    Create { target: Target, bytes: Vec<u8>, like: Option<File> },
    /// New content for a file that is still as it was read.
    Replace { target: Target, current: Current, bytes: Vec<u8> },
    /// The file goes.
    Delete { target: Target, current: Current },
}

impl Change {
    pub(super) fn replace(target: Target, document: Document, text: &str) -> Result<Self, FsError> {
        let bytes = document.bytes(&target, text)?;
        Ok(Self::Replace { target, current: document.current, bytes })
    }
}

/// A change whose content is on disk.
enum Ready {
    Create { target: Target, staged: Staged },
    Replace { target: Target, current: Current, staged: Staged },
    Delete { target: Target, current: Current },
}

/// How to change a name back.
enum Undo {
    Remove { dir: Arc<Dir>, name: Vec<u8> },
    PutBack { dir: Arc<Dir>, old: Vec<u8>, name: Vec<u8> },
}

impl Source {
    /// Makes all changes or none; what was written, in order (nothing for what was deleted).
    pub(super) fn make_all(&self, changes: Vec<Change>) -> Result<Vec<Option<Written>>, FsError> {
        let mut made = Vec::new();
        let ready = changes.into_iter().map(|change| self.ready(change, &mut made));
        let ready = match ready.collect::<Result<Vec<_>, _>>() {
            Ok(ready) => ready,
            Err(error) => {
                discard(&made);
                return Err(error);
            }
        };
        let mut undo = Vec::new();
        let mut written = Vec::new();
        for change in ready {
            match self.put(change, &mut undo) {
                Ok(done) => written.push(done),
                Err(error) => {
                    undo.iter().rev().for_each(Undo::revert);
                    discard(&made);
                    return Err(error);
                }
            }
        }
        for done in undo {
            if let Undo::PutBack { dir, old, .. } = done {
                drop(dir.remove_file(&old));
            }
        }
        Ok(written)
    }

    fn ready(&self, change: Change, made: &mut Vec<Made>) -> Result<Ready, FsError> {
        match change {
            Change::Create { mut target, bytes, like } => {
                if target.stat.is_some() {
                    return Err(FsError::Exists { asked: target.asked });
                }
                self.must_show(&target, Shape::Leaf)?;
                made.extend(self.make_parents(&mut target)?);
                let staged = Staged::new(&target.parent, &bytes, like.as_ref());
                let staged = staged.map_err(|error| target.io("write", error))?;
                Ok(Ready::Create { target, staged })
            }
            Change::Replace { target, current, bytes } => {
                let staged = target.stage(&current, &bytes)?;
                Ok(Ready::Replace { target, current, staged })
            }
            Change::Delete { target, current } => Ok(Ready::Delete { target, current }),
        }
    }

    fn put(&self, change: Ready, undo: &mut Vec<Undo>) -> Result<Option<Written>, FsError> {
        match change {
            Ready::Create { target, staged } => {
                let placed = staged.place_new(&target.name);
                let file = placed.map_err(|error| target.io("write", error))?;
                let (dir, name) = (Arc::clone(&target.parent), target.name.clone());
                undo.push(Undo::Remove { dir, name });
                self.written(&target, &file, true).map(Some)
            }
            Ready::Replace { target, current, staged } => {
                target.check_unchanged(&current.stat)?;
                let replaced = staged.replace_reversibly(&target.name);
                let replaced = replaced.map_err(|error| target.io("write", error))?;
                let name = target.name.clone();
                undo.push(Undo::PutBack { dir: replaced.dir, old: replaced.old, name });
                self.written(&target, &replaced.file, false).map(Some)
            }
            Ready::Delete { target, current } => {
                target.check_unchanged(&current.stat)?;
                let old = temporary_name();
                let gone = target.parent.rename_new(&target.name, &target.parent, &old);
                gone.map_err(|error| target.io("delete", error))?;
                let (dir, name) = (Arc::clone(&target.parent), target.name.clone());
                undo.push(Undo::PutBack { dir, old, name });
                target.parent.sync().map_err(|error| target.io("delete", error))?;
                Ok(None)
            }
        }
    }
}

impl Undo {
    fn revert(&self) {
        let reverted: io::Result<()> = match self {
            Self::Remove { dir, name } => dir.remove_file(name),
            Self::PutBack { dir, old, name } => dir.rename(old, dir, name),
        };
        drop(reverted);
    }
}

/// Takes directories back that were made on the way; those that others use by now stay.
fn discard(made: &[Made]) {
    for (parent, name) in made.iter().rev() {
        drop(parent.remove_dir(name));
    }
}
