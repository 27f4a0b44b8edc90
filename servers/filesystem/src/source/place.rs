//! From a path as asked to a place where something may be made, replaced or taken away: the one
//! check of rights for writing. The way there is gone by the same guarded steps as in `locate`; what
//! comes out is the open directory and one name in it, so that nothing is resolved a second time.

use std::io;
use std::sync::Arc;

use super::beneath::{self, Dir, OpenError};
use super::error::{Asked, FsError};
use super::locate::{Attempt, TRIES};
use super::rules::Shape;
use super::stage::is_temporary;
use super::stat::{EntryKind, Stat};
use super::{Access, Source, View, names};

/// A place inside the scope that may be written. Only [`Source::target`] and its like
/// make one, so that writing to a path that was never checked does not compile:
///
/// ```compile_fail,E0308
/// use lockkeeper_core::{Add, Grant};
/// use lockkeeper_filesystem::source::Source;
/// fn unchecked(source: &Source, grant: Grant<Add>) {
///     let written = source.create_file(grant, "/etc/cron.d/x", "");
/// }
/// ```
#[derive(Debug)]
pub struct Target {
    pub(super) root: usize,
    /// Canonical, relative to the root, with the name.
    pub(super) path: Vec<u8>,
    pub(super) asked: Asked,
    /// The last directory on the way that exists.
    pub(super) parent: Arc<Dir>,
    /// Directories that are missing between `parent` and the name.
    pub(super) ahead: Vec<Vec<u8>>,
    pub(super) name: Vec<u8>,
    /// What was there when it was looked for.
    pub(super) stat: Option<Stat>,
}

/// What is copied: a place that is only read, so that it may lie in a read-only directory.
#[derive(Debug)]
pub struct Original(pub(super) Target);

/// What a place is looked for to be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    /// Written; a link stands for what it leads to.
    Content,
    /// Moved, deleted or made; a link stands for itself.
    Entry,
    /// Copied; a link stands for itself.
    Original,
}

impl Target {
    /// What is there, if anything is.
    pub fn stat(&self) -> Option<&Stat> {
        self.stat.as_ref()
    }

    pub(super) fn io(&self, operation: &'static str, source: io::Error) -> FsError {
        let asked = self.asked.clone();
        match source.kind() {
            io::ErrorKind::AlreadyExists => FsError::Exists { asked },
            io::ErrorKind::NotFound => FsError::NotFound { asked, rule: None },
            io::ErrorKind::IsADirectory => FsError::NotAFile { asked },
            io::ErrorKind::DirectoryNotEmpty => FsError::NotEmpty { asked },
            _ => FsError::Io { operation, asked, source },
        }
    }

    /// Passes where nothing but a regular file is replaced.
    pub(super) fn no_directory(&self) -> Result<(), FsError> {
        match self.stat.map(|stat| stat.kind) {
            Some(EntryKind::Dir) => Err(FsError::NotAFile { asked: self.asked.clone() }),
            Some(EntryKind::Special | EntryKind::Link) => {
                Err(FsError::Special { asked: self.asked.clone() })
            }
            Some(EntryKind::File) | None => Ok(()),
        }
    }
}

impl Source {
    /// Finds the place that `asked` names, whether something is there or not, if it lies beneath a
    /// root that may be written and no rule hides it. A link stands for what it leads to.
    pub fn target(&self, asked: &str) -> Result<Target, FsError> {
        self.target_of(asked, Use::Content)
    }

    /// The same for what must be there; a link at the end stands for itself.
    pub fn entry(&self, asked: &str) -> Result<Target, FsError> {
        self.existing(asked, Use::Entry)
    }

    /// The same for what is to be copied: it may be read-only.
    pub fn original(&self, asked: &str) -> Result<Original, FsError> {
        self.existing(asked, Use::Original).map(Original)
    }

    /// The same for what may be there or not, as the new name of something that is moved.
    pub fn destination(&self, asked: &str) -> Result<Target, FsError> {
        self.target_of(asked, Use::Entry)
    }

    /// The path by which the agent names `target`.
    pub fn display_target(&self, target: &Target) -> String {
        self.shown(target.root, &target.path)
    }

    fn existing(&self, asked: &str, usage: Use) -> Result<Target, FsError> {
        let target = self.target_of(asked, usage)?;
        if target.stat.is_none() {
            return Err(self.missing(target.root, &target.asked));
        }
        Ok(target)
    }

    fn target_of(&self, asked: &str, usage: Use) -> Result<Target, FsError> {
        let absent = std::cell::Cell::new(None);
        let found = Self::with_spellings(asked, |path, asked| {
            match self.target_bytes(path, asked, usage) {
                // The other spelling may name something that exists.
                Ok(target) if target.stat.is_none() => {
                    if let Some(first) = absent.take() {
                        absent.set(Some(first));
                    } else {
                        absent.set(Some(target));
                    }
                    Err(FsError::NotFound { asked: asked.clone(), rule: None })
                }
                other => other,
            }
        });
        match (found, absent.take()) {
            (Err(FsError::NotFound { .. }), Some(target)) => Ok(target),
            (found, _) => found,
        }
    }

    fn target_bytes(&self, path: &[u8], asked: &Asked, usage: Use) -> Result<Target, FsError> {
        let follow = usage == Use::Content;
        let (start, rest) = self.place_in_root(path, asked)?;
        for _ in 0..TRIES {
            let Attempt::Done(way) = self.follow_as_far(start, &rest, asked, follow)? else {
                continue;
            };
            let (root, mut done, mut ahead) = (way.root, way.done, way.ahead);
            let name = ahead.pop().unwrap_or_else(|| {
                let name = names::name(&done).to_vec();
                names::pop(&mut done);
                name
            });
            if name.is_empty() {
                return Err(FsError::IsRoot { asked: asked.clone() });
            }
            let Some(opened) = self.root(root) else { return Err(self.missing(root, asked)) };
            let parent = match beneath::open_dir(&opened.dir, &done) {
                Ok(parent) => parent,
                // Changed since it was looked at.
                Err(OpenError::Link | OpenError::Missing) => continue,
                Err(OpenError::Io(source)) => {
                    return Err(FsError::Io { operation: "open", asked: asked.clone(), source });
                }
            };
            let stat = match parent.stat(&name) {
                _ if !ahead.is_empty() => None,
                Ok(stat) => Some(stat),
                Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                Err(source) => {
                    return Err(FsError::Io { operation: "look at", asked: asked.clone(), source });
                }
            };
            let kind = stat.map(|stat| stat.kind);
            if follow && kind == Some(EntryKind::Link) {
                continue;
            }
            let mut path = done;
            ahead.iter().chain([&name]).for_each(|part| names::push(&mut path, part));
            let shape = match kind {
                None => Shape::Unknown,
                Some(EntryKind::Dir) => Shape::Dir,
                Some(_) => Shape::Leaf,
            };
            if self.hides(root, &path, shape) {
                return Err(self.hidden(root, &path, asked));
            }
            self.check_in_place(root)?;
            let (root, path) = self.innermost(root, path);
            if path.is_empty() {
                return Err(FsError::IsRoot { asked: asked.clone() });
            }
            if usage == Use::Original {
                self.may_touch(&path, asked)?;
            } else {
                self.may_write(root, &path, asked)?;
            }
            let (parent, asked) = (Arc::new(parent), asked.clone());
            return Ok(Target { root, path, asked, parent, ahead, name, stat });
        }
        Err(self.missing(start, asked))
    }

    /// Whether writing is allowed at a path that is not hidden.
    pub(super) fn may_write(&self, root: usize, path: &[u8], asked: &Asked) -> Result<(), FsError> {
        if self.root(root).is_none_or(|root| root.access != Access::ReadWrite) {
            return Err(FsError::ReadOnly { asked: asked.clone() });
        }
        self.may_touch(path, asked)
    }

    fn may_touch(&self, path: &[u8], asked: &Asked) -> Result<(), FsError> {
        if !self.allow_git && names::components(path).any(is_git) {
            return Err(FsError::GitInternals { asked: asked.clone() });
        }
        Ok(())
    }

    /// Refuses to make something at `target` that the rules would hide.
    pub(super) fn must_show(&self, target: &Target, shape: Shape) -> Result<(), FsError> {
        if self.hides(target.root, &target.path, shape) {
            return Err(self.hidden(target.root, &target.path, &target.asked));
        }
        Ok(())
    }

    /// Whether an entry below a directory that is deleted, moved or copied as a whole forbids that:
    /// what is hidden is not the agent's to handle, unless it only moves and stays hidden.
    pub(super) fn protects(
        &self,
        (root, path): (usize, &[u8]),
        kind: EntryKind,
        moved_to: Option<(usize, &[u8])>,
    ) -> bool {
        if is_temporary(names::name(path)) {
            return false;
        }
        let shape = if kind == EntryKind::Dir { Shape::Dir } else { Shape::Leaf };
        let hidden = self.hides_entry(root, path, shape);
        match moved_to {
            Some((root, path)) => hidden && !self.hides(root, path, shape),
            None => hidden || (!self.allow_git && is_git(names::name(path))),
        }
    }

    /// Whether another root is, or lies below, `path` of a root.
    pub(super) fn holds_root(&self, root: usize, path: &[u8]) -> bool {
        self.root(root).is_some_and(|root| {
            root.views.iter().any(|view| match view {
                View::Beneath { prefix, .. } => names::beneath(prefix, path).is_some(),
                View::Above(_) => false,
            })
        })
    }
}

/// `.git` is a directory, or a file that says where it is; both decide what git runs.
fn is_git(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b".git")
}
