//! From a path as asked to a handle beneath a root: the one scope check. A path without links and
//! `..` costs one `openat2`; any other is resolved here step by step, each step anchored at a root
//! and checked against the rules, and what is found is opened again without links, so that the
//! checked path and the opened file can't differ.

use std::fs::File;
use std::io;

use super::beneath::{self, OpenError, Opened, Place};
use super::error::{Asked, FsError};
use super::names;
use super::rules::Shape;
use super::stat::{EntryKind, Stat};
use super::{Source, View};

/// As many links as Linux follows.
const MOST_LINKS: usize = 40;
/// How often a path is tried anew that changed while it was resolved.
pub(super) const TRIES: usize = 8;
const LONGEST_PATH: usize = 4096;
const LONGEST_NAME: usize = 255;

/// A file or directory inside the scope, already open. Only [`Source::locate`] makes one, so that
/// an operation on a path that was never checked does not compile:
///
/// ```compile_fail,E0308
/// use lockkeeper_filesystem::source::{Source, Window};
/// fn unchecked(source: &Source, window: Window) {
///     let text = source.read_text("/etc/passwd", window, 1_000);
/// }
/// ```
/// ```compile_fail,E0451
/// use lockkeeper_filesystem::source::{Asked, Located};
/// let forged = Located { root: 0, path: Vec::new(), asked: Asked::new("/etc/passwd") };
/// ```
#[derive(Debug)]
pub struct Located {
    pub(super) root: usize,
    /// Canonical, relative to the root.
    pub(super) path: Vec<u8>,
    pub(super) asked: Asked,
    pub(super) stat: Stat,
    opened: Opened,
}

/// A symbolic link itself.
#[derive(Debug, Clone)]
pub struct LinkInfo {
    /// The path of the link.
    pub path: String,
    /// Its own metadata.
    pub stat: Stat,
    /// Where it leads in the end; `None` if that does not exist, is hidden or lies outside.
    pub target: Option<String>,
}

impl Located {
    /// What it is; never a link.
    pub fn kind(&self) -> EntryKind {
        self.stat.kind
    }

    /// Metadata at the time of opening.
    pub fn stat(&self) -> &Stat {
        &self.stat
    }

    /// The path as asked, for messages.
    pub fn asked(&self) -> &Asked {
        &self.asked
    }

    /// Whether it is a root itself.
    pub fn is_root(&self) -> bool {
        self.path.is_empty()
    }

    /// The open regular file.
    pub(super) fn file(&self) -> Result<&File, FsError> {
        match &self.opened {
            Opened::File(file) => Ok(file),
            Opened::Dir => Err(FsError::NotAFile { asked: self.asked.clone() }),
            Opened::Special => Err(FsError::Special { asked: self.asked.clone() }),
            Opened::Refused(_) if self.stat.kind == EntryKind::Dir => {
                Err(FsError::NotAFile { asked: self.asked.clone() })
            }
            Opened::Refused(error) => Err(self.io("read", io::Error::from(error.kind()))),
        }
    }

    /// Passes for a directory only.
    pub(super) fn directory(&self) -> Result<(), FsError> {
        match (&self.opened, self.stat.kind) {
            (Opened::Refused(error), EntryKind::Dir) => {
                Err(self.io("list", io::Error::from(error.kind())))
            }
            (_, EntryKind::Dir) => Ok(()),
            (_, EntryKind::File | EntryKind::Link) => {
                Err(FsError::NotADirectory { asked: self.asked.clone() })
            }
            (_, EntryKind::Special) => Err(FsError::Special { asked: self.asked.clone() }),
        }
    }

    pub(super) fn io(&self, operation: &'static str, source: io::Error) -> FsError {
        FsError::Io { operation, asked: self.asked.clone(), source }
    }
}

/// What one attempt to resolve a path came to.
pub(super) enum Attempt<T> {
    Done(T),
    /// Something on the way changed meanwhile.
    Again,
}

/// How far a path could be gone without links and `..`.
pub(super) struct Way {
    pub(super) root: usize,
    /// What exists of it, canonical.
    pub(super) done: Vec<u8>,
    /// The names after that, in order; the first of them does not exist.
    pub(super) ahead: Vec<Vec<u8>>,
}

impl Source {
    /// Finds what `asked` names and opens it, if it lies beneath a root and no rule hides it.
    ///
    /// An absolute path may use either spelling of a root; a relative one starts at the first.
    pub fn locate(&self, asked: &str) -> Result<Located, FsError> {
        Self::with_spellings(asked, |path, asked| self.locate_bytes(path, asked))
    }

    /// What is known about `asked` if its last component is a link, without following that one.
    pub fn locate_link(&self, asked: &str) -> Result<Option<LinkInfo>, FsError> {
        Self::with_spellings(asked, |path, asked| self.link_bytes(path, asked))
    }

    /// Tries the path literally first, then with its `\xNN` read as bytes.
    pub(super) fn with_spellings<T>(
        asked: &str,
        find: impl Fn(&[u8], &Asked) -> Result<T, FsError>,
    ) -> Result<T, FsError> {
        let quoted = Asked::new(asked);
        check(asked.as_bytes())
            .map_err(|reason| FsError::InvalidPath { asked: quoted.clone(), reason })?;
        let found = find(asked.as_bytes(), &quoted);
        if matches!(found, Err(FsError::NotFound { .. }))
            && let Some(bytes) = names::unescape(asked)
        {
            return find(&bytes, &quoted);
        }
        found
    }

    fn locate_bytes(&self, path: &[u8], asked: &Asked) -> Result<Located, FsError> {
        let (start, rest) = self.place_in_root(path, asked)?;
        let mut direct = (!has_parent(&rest)).then(|| (start, rest.clone()));
        for _ in 0..TRIES {
            let (root, path) = match direct.take() {
                Some(direct) => direct,
                None => match self.follow(start, &rest, asked, true)? {
                    Attempt::Done(found) => found,
                    Attempt::Again => continue,
                },
            };
            if let Attempt::Done(located) = self.open_exactly(root, path, asked)? {
                return Ok(located);
            }
        }
        Err(self.missing(start, asked))
    }

    /// Opens a path that should hold no link; `Again` if it does.
    fn open_exactly(
        &self,
        root: usize,
        path: Vec<u8>,
        asked: &Asked,
    ) -> Result<Attempt<Located>, FsError> {
        let Some(opened) = self.root(root) else { return Err(self.missing(root, asked)) };
        if self.hides(root, &path, Shape::Unknown) {
            return Err(self.hidden(root, &path, asked));
        }
        let (opened, stat) = match beneath::open(&opened.dir, &path) {
            Ok(found) => found,
            Err(OpenError::Link) => return Ok(Attempt::Again),
            Err(OpenError::Missing) => return Err(self.missing(root, asked)),
            Err(OpenError::Io(source)) => {
                return Err(FsError::Io { operation: "open", asked: asked.clone(), source });
            }
        };
        let shape = if stat.kind == EntryKind::Dir { Shape::Dir } else { Shape::Leaf };
        if self.hides(root, &path, shape) {
            return Err(self.hidden(root, &path, asked));
        }
        self.check_in_place(root)?;
        let (root, path) = self.innermost(root, path);
        Ok(Attempt::Done(Located { root, path, asked: asked.clone(), stat, opened }))
    }

    fn link_bytes(&self, path: &[u8], asked: &Asked) -> Result<Option<LinkInfo>, FsError> {
        let (start, rest) = self.place_in_root(path, asked)?;
        for _ in 0..TRIES {
            let Attempt::Done((root, path)) = self.follow(start, &rest, asked, false)? else {
                continue;
            };
            let Some(opened) = self.root(root) else { continue };
            match beneath::place(&opened.dir, &path) {
                Ok(Place::Link(_, stat)) => {
                    let target = self.leads_to(root, &path);
                    let (root, path) = self.innermost(root, path);
                    return Ok(Some(LinkInfo { path: self.shown(root, &path), stat, target }));
                }
                Ok(Place::Other(_)) => return Ok(None),
                Err(OpenError::Link) => {}
                Err(OpenError::Missing) => return Err(self.missing(root, asked)),
                Err(OpenError::Io(source)) => {
                    return Err(FsError::Io { operation: "open", asked: asked.clone(), source });
                }
            }
        }
        Err(self.missing(start, asked))
    }

    /// Where the link at `path` leads, if that may be shown.
    pub(super) fn leads_to(&self, root: usize, path: &[u8]) -> Option<String> {
        let asked = Asked::new("");
        let Ok(Attempt::Done((root, path))) = self.follow(root, path, &asked, true) else {
            return None;
        };
        let Ok(Attempt::Done(located)) = self.open_exactly(root, path, &asked) else {
            return None;
        };
        Some(self.display(&located))
    }

    /// Resolves links and `..` component by component, to a root and a path without either.
    fn follow(
        &self,
        root: usize,
        path: &[u8],
        asked: &Asked,
        last_too: bool,
    ) -> Result<Attempt<(usize, Vec<u8>)>, FsError> {
        match self.follow_as_far(root, path, asked, last_too)? {
            Attempt::Again => Ok(Attempt::Again),
            Attempt::Done(way) if way.ahead.is_empty() => Ok(Attempt::Done((way.root, way.done))),
            Attempt::Done(way) => Err(self.missing(way.root, asked)),
        }
    }

    /// The same as far as the path exists; what comes after that holds no `..` and is not hidden.
    pub(super) fn follow_as_far(
        &self,
        mut root: usize,
        path: &[u8],
        asked: &Asked,
        last_too: bool,
    ) -> Result<Attempt<Way>, FsError> {
        let mut done = Vec::with_capacity(path.len());
        let mut links = 0;
        // What is still to be gone, the next component last.
        let mut ahead: Vec<Vec<u8>> = Vec::new();
        prepend(&mut ahead, path);
        while let Some(name) = ahead.pop() {
            if name == b".." {
                if !names::pop(&mut done) {
                    return Err(FsError::Outside { asked: asked.clone() });
                }
                continue;
            }
            let before = done.len();
            names::push(&mut done, &name);
            if self.hides(root, &done, Shape::Unknown) {
                return Err(self.hidden(root, &done, asked));
            }
            let Some(opened) = self.root(root) else { return Err(self.missing(root, asked)) };
            match beneath::place(&opened.dir, &done) {
                Ok(Place::Other(stat)) => {
                    if !ahead.is_empty() && stat.kind != EntryKind::Dir {
                        return Err(self.missing(root, asked));
                    }
                }
                Ok(Place::Link(..)) if ahead.is_empty() && !last_too => {}
                Ok(Place::Link(target, _)) => {
                    links += 1;
                    if links > MOST_LINKS {
                        return Err(FsError::TooManyLinks { asked: asked.clone() });
                    }
                    done.truncate(before);
                    if beneath::is_absolute(&target) {
                        let (next, rest) = self.place_in_root(&target, asked)?;
                        root = next;
                        done.clear();
                        prepend(&mut ahead, &rest);
                    } else {
                        prepend(&mut ahead, &target);
                    }
                }
                Err(OpenError::Link) => return Ok(Attempt::Again),
                Err(OpenError::Missing) => {
                    let mut whole = done.clone();
                    for next in ahead.iter().rev() {
                        names::push(&mut whole, next);
                        if next == b".." {
                            return Err(self.missing(root, asked));
                        }
                        if self.hides(root, &whole, Shape::Unknown) {
                            return Err(self.hidden(root, &whole, asked));
                        }
                    }
                    done.truncate(before);
                    ahead.push(name);
                    ahead.reverse();
                    return Ok(Attempt::Done(Way { root, done, ahead }));
                }
                Err(OpenError::Io(source)) => {
                    return Err(FsError::Io { operation: "open", asked: asked.clone(), source });
                }
            }
        }
        Ok(Attempt::Done(Way { root, done, ahead }))
    }

    /// The root that a path belongs to by its text, and the rest. Compared by whole components, so
    /// that `root_private` never counts as `root`.
    pub(super) fn place_in_root(
        &self,
        path: &[u8],
        asked: &Asked,
    ) -> Result<(usize, Vec<u8>), FsError> {
        let mut clean = Vec::with_capacity(path.len());
        for name in names::components(path) {
            names::push(&mut clean, name);
        }
        if !beneath::is_absolute(path) {
            return Ok((0, clean));
        }
        let mut best: Option<(usize, usize)> = None;
        for (i, root) in self.roots.iter().enumerate() {
            for spelling in [&root.given, &root.canonical] {
                let longer = best.is_none_or(|(_, length)| spelling.len() > length);
                if longer && names::beneath(&clean, spelling).is_some() {
                    best = Some((i, spelling.len()));
                }
            }
        }
        let Some((root, length)) = best else {
            return Err(FsError::Outside { asked: asked.clone() });
        };
        let rest = clean.get(length..).unwrap_or_default();
        Ok((root, rest.strip_prefix(b"/").unwrap_or(rest).to_vec()))
    }

    /// The same place seen from the most specific root it lies in.
    pub(super) fn innermost(&self, root: usize, path: Vec<u8>) -> (usize, Vec<u8>) {
        let mut best: Option<(usize, usize)> = None;
        for view in self.root(root).map(|root| root.views.as_slice()).unwrap_or_default() {
            if let View::Beneath { root, prefix } = view
                && names::beneath(&path, prefix).is_some()
                && best.is_none_or(|(_, length)| prefix.len() > length)
            {
                best = Some((*root, prefix.len()));
            }
        }
        match best {
            Some((root, length)) => {
                let rest = path.get(length..).unwrap_or_default();
                (root, rest.strip_prefix(b"/").unwrap_or(rest).to_vec())
            }
            None => (root, path),
        }
    }

    /// The one answer for what is missing and what is hidden.
    pub(super) fn missing(&self, root: usize, asked: &Asked) -> FsError {
        match self.check_in_place(root) {
            Err(replaced) => replaced,
            Ok(()) => FsError::NotFound { asked: asked.clone(), rule: None },
        }
    }

    /// The same answer, with the rule for the audit log.
    pub(super) fn hidden(&self, root: usize, path: &[u8], asked: &Asked) -> FsError {
        match self.missing(root, asked) {
            FsError::NotFound { asked, .. } => {
                FsError::NotFound { asked, rule: Some(self.hidden_by(root, path)) }
            }
            replaced => replaced,
        }
    }

    pub(super) fn check_in_place(&self, root: usize) -> Result<(), FsError> {
        match self.root(root) {
            Some(root) if !root.is_in_place() => {
                Err(FsError::RootReplaced { root: Asked::new(&root.shown()) })
            }
            _ => Ok(()),
        }
    }
}

fn check(path: &[u8]) -> Result<(), &'static str> {
    if path.contains(&0) {
        return Err("it holds a NUL character");
    }
    if path.len() > LONGEST_PATH {
        return Err("it has more than 4096 bytes");
    }
    if names::components(path).any(|name| name.len() > LONGEST_NAME) {
        return Err("one of its names has more than 255 bytes");
    }
    Ok(())
}

fn has_parent(path: &[u8]) -> bool {
    names::components(path).any(|name| name == b"..")
}

fn prepend(ahead: &mut Vec<Vec<u8>>, path: &[u8]) {
    let start = ahead.len();
    ahead.extend(names::components(path).map(<[u8]>::to_vec));
    if let Some(added) = ahead.get_mut(start..) {
        added.reverse();
    }
}
