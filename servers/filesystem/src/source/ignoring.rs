//! What `.gitignore`, `.ignore` and `.git/info/exclude` say, with ripgrep's precedence. The
//! matchers are those of the `ignore` crate; the files are read here through descriptors. Equal
//! files (they abound in trees of packages) share one compiled matcher across calls.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::beneath::{self, Dir};
use super::{Source, names};

/// A larger ignore file is not one.
const LARGEST_FILE: u64 = 1024 * 1024;
/// Matchers kept between calls, and the longest file for which one is.
const KEPT: usize = 256;
const LONGEST_KEPT: usize = 4096;

/// Compiled ignore files by their content.
#[derive(Debug, Default)]
pub(super) struct Compiled(Mutex<HashMap<Vec<u8>, Arc<Gitignore>>>);

/// The ignore files that apply to the entries of one directory.
#[derive(Debug, Clone, Default)]
pub(super) struct Chain {
    /// Nothing is left out at all.
    everything: bool,
    level: Option<Arc<Level>>,
}

#[derive(Debug)]
struct Level {
    above: Chain,
    /// Bytes of an entry's path that come before the part this level's matchers see.
    skip: usize,
    ignore: Option<Arc<Gitignore>>,
    gitignore: Option<Arc<Gitignore>>,
    exclude: Option<Arc<Gitignore>>,
    /// A repository starts here: `.gitignore` files above don't count.
    repository: bool,
}

/// Which of the files that matter a directory listing showed.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Seen {
    gitignore: bool,
    ignore: bool,
    git: bool,
}

impl Seen {
    pub(super) fn note(&mut self, name: &[u8]) {
        match name {
            b".gitignore" => self.gitignore = true,
            b".ignore" => self.ignore = true,
            b".git" => self.git = true,
            _ => {}
        }
    }
}

impl Source {
    /// The chain above the directory `path`, from its root down; with `everything` one that
    /// leaves nothing out, here and in all chains made from it.
    pub(super) fn chain_above(&self, root: usize, path: &[u8], everything: bool) -> Chain {
        let mut chain = Chain { everything, level: None };
        if everything {
            return chain;
        }
        let Some(opened) = self.root(root) else { return chain };
        let mut above = Vec::with_capacity(path.len());
        for name in names::components(path) {
            if let Ok(dir) = beneath::open_dir(&opened.dir, &above) {
                let seen = Seen { gitignore: true, ignore: true, git: dir.stat(b".git").is_ok() };
                chain = self.chain_in(&chain, &dir, &above, seen);
            }
            names::push(&mut above, name);
        }
        chain
    }

    /// The chain for the entries of `dir`, which lies at `path`.
    pub(super) fn chain_in(&self, above: &Chain, dir: &Dir, path: &[u8], seen: Seen) -> Chain {
        if above.everything || !(seen.gitignore || seen.ignore || seen.git) {
            return above.clone();
        }
        let load = |name: &[u8]| self.compiled.load(dir, name);
        let level = Level {
            above: above.clone(),
            skip: if path.is_empty() { 0 } else { path.len() + 1 },
            ignore: if seen.ignore { load(b".ignore") } else { None },
            gitignore: if seen.gitignore { load(b".gitignore") } else { None },
            exclude: if seen.git { self.exclude(dir) } else { None },
            repository: seen.git,
        };
        let empty = level.ignore.is_none() && level.gitignore.is_none() && !level.repository;
        if empty {
            above.clone()
        } else {
            Chain { everything: false, level: Some(Arc::new(level)) }
        }
    }

    fn exclude(&self, dir: &Dir) -> Option<Arc<Gitignore>> {
        let info = beneath::open_dir(dir, b".git/info").ok()?;
        self.compiled.load(&info, b"exclude")
    }
}

impl Chain {
    /// Whether an entry is left out: ignored, or a dot file that no rule takes back in.
    pub(super) fn leaves_out(&self, path: &[u8], is_dir: bool) -> bool {
        if self.everything {
            return false;
        }
        if names::name(path) == b".git" {
            return true;
        }
        match self.verdict(path, is_dir) {
            Some(ignored) => ignored,
            None => names::name(path).first() == Some(&b'.'),
        }
    }

    /// `Some(true)`: ignored; `Some(false)`: explicitly taken in.
    fn verdict(&self, path: &[u8], is_dir: bool) -> Option<bool> {
        let (mut by_ignore, mut by_gitignore, mut by_exclude) = (None, None, None);
        let mut in_repository = true;
        let mut level = self.level.as_ref();
        while let Some(here) = level {
            let rest = path.get(here.skip..).unwrap_or_default();
            by_ignore = by_ignore.or_else(|| judge(here.ignore.as_deref(), rest, is_dir));
            if in_repository {
                by_gitignore =
                    by_gitignore.or_else(|| judge(here.gitignore.as_deref(), rest, is_dir));
                by_exclude = by_exclude.or_else(|| judge(here.exclude.as_deref(), rest, is_dir));
            }
            in_repository &= !here.repository;
            level = here.above.level.as_ref();
        }
        by_ignore.or(by_gitignore).or(by_exclude)
    }
}

fn judge(matcher: Option<&Gitignore>, path: &[u8], is_dir: bool) -> Option<bool> {
    match matcher?.matched(as_path(path)?, is_dir) {
        Match::None => None,
        Match::Ignore(_) => Some(true),
        Match::Whitelist(_) => Some(false),
    }
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere not all bytes are a path")]
fn as_path(path: &[u8]) -> Option<&Path> {
    use std::os::unix::ffi::OsStrExt as _;
    Some(Path::new(OsStr::from_bytes(path)))
}

#[cfg(not(unix))]
fn as_path(path: &[u8]) -> Option<&Path> {
    std::str::from_utf8(path).ok().map(|path| Path::new(OsStr::new(path)))
}

impl Compiled {
    fn load(&self, dir: &Dir, name: &[u8]) -> Option<Arc<Gitignore>> {
        let (file, stat) = dir.open_file(name).ok()??;
        let size = usize::try_from(stat.size.min(LARGEST_FILE)).ok()?;
        let mut content = vec![0; size];
        let n = beneath::read_at(&file, &mut content, 0).ok()?;
        content.truncate(n);
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&content).cloned();
        if let Some(known) = known {
            return (!known.is_empty()).then_some(known);
        }
        let matcher = Arc::new(compile(&content));
        if content.len() <= LONGEST_KEPT {
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.len() >= KEPT {
                kept.clear();
            }
            kept.insert(content, Arc::clone(&matcher));
        }
        (!matcher.is_empty()).then_some(matcher)
    }
}

fn compile(content: &[u8]) -> Gitignore {
    // The root `.` makes the matcher take paths as they are.
    let mut builder = GitignoreBuilder::new(".");
    for (i, line) in content.split(|&byte| byte == b'\n').enumerate() {
        let Ok(mut line) = std::str::from_utf8(line) else { continue };
        if i == 0 {
            line = line.trim_start_matches('\u{feff}');
        }
        // As git and ripgrep do, a line that is no glob is passed over and the others count.
        drop(builder.add_line(None, line.trim_end_matches('\r')).map(|_| ()));
    }
    builder.build().unwrap_or_else(|_| Gitignore::empty())
}
