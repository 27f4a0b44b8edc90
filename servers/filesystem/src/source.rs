//! The files and directories beneath the allowed roots, as plain blocking functions. Everything
//! that touches a file takes a [`Located`], which only [`Source::locate`] makes, so that no path
//! gets past the scope and the rules. This module and those below it know no protocol, and open
//! nothing by an ambient path except the roots themselves at start.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use lockkeeper_core::Outside;

#[cfg_attr(target_os = "linux", path = "source/altering_linux.rs")]
#[cfg_attr(not(target_os = "linux"), path = "source/altering_portable.rs")]
mod altering;
mod batch;
#[cfg_attr(target_os = "linux", path = "source/beneath_linux.rs")]
#[cfg_attr(not(target_os = "linux"), path = "source/beneath_portable.rs")]
mod beneath;
mod builtin;
mod complete;
mod diff;
mod document;
mod edit;
mod error;
mod find;
mod ignoring;
mod info;
mod list;
mod locate;
mod names;
mod patch;
mod place;
mod read;
mod replace;
mod rules;
mod scan;
mod search;
mod stage;
mod stat;
mod text;
mod tree;
mod version;
mod walk;
mod watch;
mod write;

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;

pub use diff::{Diff, DiffOptions};
pub use edit::{Edit, EditProblem, Edited, Nearest};
pub use error::{Asked, FsError, SetupError};
pub use find::{FindOptions, FindResult, Found};
pub use info::{Info, InfoOptions, Total};
pub use list::{ListEntry, ListOptions, Listing, Sort, pattern};
pub use locate::{LinkInfo, Located};
pub use patch::{PatchAction, PatchProblem, Patched, patch_paths};
pub use place::{Original, Target};
pub use read::{Next, TextWindow, Window};
pub use replace::{PassedOver, ReplaceOptions, Replaced};
pub use rules::Pattern;
pub use search::{FileHits, Hit, Resume, SearchMode, SearchOptions, SearchResult};
pub use stat::{EntryKind, Stat};
pub use text::{Encoding, Eol, Kind};
pub use watch::{Change, ChangeKind, MEANS, Spot, UNWATCHED, Watch, WatchOptions};
pub use write::Written;

use beneath::Dir;
use lockkeeper_core::ScopePattern;
use rules::{Rules, Shape, Subject};

/// What a source is made from.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// The allowed directories; relative requests start at the first.
    pub roots: Vec<RootSpec>,
    /// Globs of what must not exist for the agent.
    pub deny: Vec<ScopePattern>,
    /// Allow-lists: what exists matches a glob of each.
    pub only: Vec<Vec<ScopePattern>>,
    /// Globs that lift a built-in denial (and no other).
    pub allow: Vec<String>,
    /// Whether what lies in a directory called `.git` may be written.
    pub allow_git: bool,
    /// How what files hold is shown.
    pub outside: Outside,
}

/// One allowed directory.
#[derive(Debug, Clone)]
pub struct RootSpec {
    /// Where it is; a link is followed once, at start.
    pub path: PathBuf,
    /// What may be done there.
    pub access: Access,
}

/// What may be done beneath a root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Reading only.
    ReadOnly,
    /// Reading and, where the policy allows it, writing.
    ReadWrite,
}

/// A root as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootInfo {
    /// The directory as it was given, made absolute.
    pub path: String,
    /// What may be done there.
    pub access: Access,
}

/// The allowed roots, open, with their rules. Share it in an `Arc`.
#[derive(Debug)]
pub struct Source {
    roots: Vec<Root>,
    rules: Rules,
    lines: read::LineCache,
    compiled: ignoring::Compiled,
    allow_git: bool,
    swept: stage::Swept,
    turns: Mutex<()>,
    /// Counted at the start: a sandbox may close the files that hold a container's share of them.
    processors: usize,
    pub(super) outside: Outside,
}

/// One open root. Paths in it are absolute, `/`-separated, without the leading slash.
#[derive(Debug)]
struct Root {
    dir: Dir,
    stat: Stat,
    access: Access,
    /// The path as given; opened again only to see whether it still names this directory.
    path: PathBuf,
    given: Vec<u8>,
    canonical: Vec<u8>,
    /// This root and those it lies in or contains: rules anchored at any of them count.
    views: Vec<View>,
    /// The name of the root, if what lies directly in a directory of that name may be secret.
    pair: Option<Vec<u8>>,
}

/// How a path of one root reads from another root.
#[derive(Debug)]
enum View {
    /// The other root is this one, or lies above it by this prefix.
    Above(Vec<u8>),
    /// The other root lies beneath this one at this prefix.
    Beneath { root: usize, prefix: Vec<u8> },
}

/// Checks a glob as a rule of the policy states it.
///
/// # Errors
///
/// What is wrong with it.
pub fn check_rule(glob: &str) -> Result<(), String> {
    rules::check(glob)
}

/// Whether `path` names the top of a filesystem, which no root should be.
pub fn is_filesystem_root(path: &Path) -> bool {
    path.canonicalize().is_ok_and(|canonical| canonical.parent().is_none())
}

impl Source {
    /// Opens every root and compiles the rules.
    pub fn open(config: &Config) -> Result<Self, SetupError> {
        if config.roots.is_empty() {
            return Err(SetupError::NoRoots);
        }
        let rules = Rules::new(&config.deny, &config.only, &config.allow)?;
        let mut roots =
            config.roots.iter().map(Root::open).collect::<Result<Vec<_>, SetupError>>()?;
        if let Some(root) = roots.iter().find(|root| rules.denies_root(&root.canonical)) {
            return Err(SetupError::Secret { path: root.shown().into_owned() });
        }
        for root in &roots {
            if let Some(rule) = rules.empties_root(&root.canonical) {
                return Err(SetupError::Hidden { path: root.shown().into_owned(), rule });
            }
        }
        let places: Vec<Vec<u8>> = roots.iter().map(|root| root.canonical.clone()).collect();
        for root in &mut roots {
            root.views = views(&root.canonical, &places);
        }
        Ok(Self {
            roots,
            rules,
            lines: read::LineCache::default(),
            compiled: ignoring::Compiled::default(),
            allow_git: config.allow_git,
            swept: stage::Swept::default(),
            turns: Mutex::default(),
            processors: std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
            outside: config.outside,
        })
    }

    /// Changes of contents take turns: each reads what is there, works on it and puts it back, and
    /// hosts send several calls for one file at once.
    fn turn(&self) -> MutexGuard<'_, ()> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The allowed directories, in the order given.
    pub fn roots(&self) -> Vec<RootInfo> {
        let info = |root: &Root| RootInfo { path: root.shown().into_owned(), access: root.access };
        self.roots.iter().map(info).collect()
    }

    /// Where the roots are in the system, and what may be done there.
    pub fn places(&self) -> Vec<(PathBuf, Access)> {
        self.roots.iter().map(|root| (root.path.clone(), root.access)).collect()
    }

    /// The path by which the agent names `located`: relative if there is one root, else absolute.
    pub fn display(&self, located: &Located) -> String {
        self.shown(located.root, &located.path)
    }

    /// What may be done with `located`.
    pub fn access(&self, located: &Located) -> Access {
        self.roots.get(located.root).map_or(Access::ReadOnly, |root| root.access)
    }

    fn root(&self, index: usize) -> Option<&Root> {
        self.roots.get(index)
    }

    fn shown(&self, root: usize, path: &[u8]) -> String {
        let mut shown = self.shown_prefix(root);
        if path.is_empty() {
            if shown.is_empty() {
                return ".".to_owned();
            }
            if shown.len() > 1 {
                shown.pop();
            }
            return shown;
        }
        shown.push_str(&names::show(path));
        shown
    }

    /// What stands before every path of a root: nothing, or the root and a slash.
    fn shown_prefix(&self, root: usize) -> String {
        match self.roots.get(root) {
            Some(root) if self.roots.len() > 1 => {
                let mut prefix = root.shown().into_owned();
                if !prefix.ends_with('/') {
                    prefix.push('/');
                }
                prefix
            }
            _ => String::new(),
        }
    }

    /// Whether the rules hide `path` of a root, seen from every root it belongs to.
    fn hides(&self, root: usize, path: &[u8], shape: Shape) -> bool {
        names::components(path).any(stage::is_temporary)
            || self.seen_from(root, path, |subject| self.rules.hides(subject, shape))
            || self.hides_in_pair(root, names::components(path).next())
    }

    /// The same for an entry of a directory that is not hidden itself.
    fn hides_entry(&self, root: usize, path: &[u8], shape: Shape) -> bool {
        stage::is_temporary(names::name(path))
            || self.seen_from(root, path, |subject| self.rules.hides_entry(subject, shape))
            || self.hides_in_pair(root, Some(path).filter(|path| !path.contains(&b'/')))
    }

    /// The rule that hides `path` of a root, which is hidden.
    fn hidden_by(&self, root: usize, path: &[u8]) -> String {
        let mut rule = None;
        self.seen_from(root, path, |subject| {
            rule = self.rules.why(subject);
            rule.is_some()
        });
        rule.unwrap_or_else(|| "usually holds secrets (built-in)".to_owned())
    }

    /// Whether a name directly in a root is secret because of the root's own name.
    fn hides_in_pair(&self, root: usize, name: Option<&[u8]>) -> bool {
        let pair = self.roots.get(root).and_then(|root| root.pair.as_deref());
        match (pair, name) {
            (Some(pair), Some(name)) => self.rules.denies_built_in(&names::join(pair, name), name),
            _ => false,
        }
    }

    fn seen_from(
        &self,
        root: usize,
        path: &[u8],
        mut hides: impl FnMut(Subject<'_>) -> bool,
    ) -> bool {
        let Some(root) = self.roots.get(root) else { return true };
        root.views.iter().any(|view| match view {
            View::Above(prefix) if prefix.is_empty() => {
                hides(Subject { root: &root.canonical, path })
            }
            View::Above(prefix) => {
                // The root above, without the way down to this one.
                let above = root.canonical.len().saturating_sub(prefix.len());
                let above = root.canonical.get(..above).unwrap_or_default();
                let above = above.strip_suffix(b"/").unwrap_or(above);
                hides(Subject { root: above, path: &names::join(prefix, path) })
            }
            View::Beneath { root: beneath, prefix } => {
                names::beneath(path, prefix).is_some_and(|rest| {
                    let canonical = self.roots.get(*beneath).map(|root| root.canonical.as_slice());
                    let root = canonical.unwrap_or_default();
                    !rest.is_empty() && hides(Subject { root, path: rest })
                })
            }
        })
    }
}

impl Root {
    fn open(spec: &RootSpec) -> Result<Self, SetupError> {
        let refuse = |source| SetupError::Root { path: spec.path.display().to_string(), source };
        let canonical = spec.path.canonicalize().map_err(refuse)?;
        let (dir, stat) = beneath::open_root(&canonical).map_err(refuse)?;
        let absolute = std::path::absolute(&spec.path).map_err(refuse)?;
        // `a/../b` reads differently once links come into play: then only one spelling is sure.
        let stable = !absolute.components().any(|part| part == std::path::Component::ParentDir);
        let path = if stable { absolute } else { canonical.clone() };
        Ok(Self {
            dir,
            stat,
            access: spec.access,
            given: beneath::path_bytes(&path),
            pair: pair(&beneath::path_bytes(&canonical)),
            canonical: beneath::path_bytes(&canonical),
            path,
            views: Vec::new(),
        })
    }

    fn shown(&self) -> std::borrow::Cow<'_, str> {
        let shown = names::show(&self.given);
        // A drive letter stands first on Windows.
        if cfg!(windows) { shown } else { format!("/{shown}").into() }
    }

    /// Whether the path of the root still names the directory opened at start.
    fn is_in_place(&self) -> bool {
        beneath::stat_root(&self.path).is_ok_and(|now| now.is_same_file(&self.stat))
    }
}

fn pair(canonical: &[u8]) -> Option<Vec<u8>> {
    let name = names::name(canonical);
    builtin::is_pair_directory(name).then(|| name.to_vec())
}

fn views(own: &[u8], places: &[Vec<u8>]) -> Vec<View> {
    let mut views = Vec::new();
    for (root, place) in places.iter().enumerate() {
        if let Some(prefix) = names::beneath(own, place) {
            // Twins (the same directory twice) need one view only.
            let known = views.iter().any(|view| matches!(view, View::Above(p) if p == prefix));
            if !known {
                views.push(View::Above(prefix.to_vec()));
            }
        } else if let Some(prefix) = names::beneath(place, own) {
            views.push(View::Beneath { root, prefix: prefix.to_vec() });
        }
    }
    views
}
