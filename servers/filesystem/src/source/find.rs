//! Finding files by name: globs, newest first; or a plain word, best match first. Hits are kept as
//! ranges of one long string, so that tens of thousands of them take a few megabytes.

use std::time::{SystemTime, UNIX_EPOCH};

use lockkeeper_core::Stop;

use super::beneath::Dir;
use super::error::FsError;
use super::list::pattern;
use super::locate::Located;
use super::rules::Pattern;
use super::stat::EntryKind;
use super::walk::{Visitor, WalkOptions};
use super::{Source, names};

/// What to find.
#[derive(Debug, Clone, Default)]
pub struct FindOptions {
    /// A glob, or a plain word without any of `*?[{`.
    pub glob: String,
    /// Only this kind of entry.
    pub kind: Option<EntryKind>,
    /// Only files of at least so many bytes.
    pub min_size: Option<u64>,
    /// Only files of at most so many bytes.
    pub max_size: Option<u64>,
    /// Only what changed later.
    pub changed_after: Option<SystemTime>,
    /// Also what ignore files and dots leave out.
    pub ignored: bool,
}

/// All hits, sorted.
#[derive(Debug, Default)]
pub struct FindResult {
    /// Stands before every path.
    prefix: String,
    paths: String,
    hits: Vec<Hit>,
    /// Whether the whole tree was walked; if not, there may be more hits.
    pub complete: bool,
    /// Directories that could not be read.
    pub unreadable: u64,
}

/// One hit.
#[derive(Debug, Clone)]
pub struct Found {
    /// The path, as `locate` takes it.
    pub path: String,
    /// What it is.
    pub kind: EntryKind,
    /// Its size; 0 if it vanished meanwhile.
    pub size: u64,
    /// Its last change in nanoseconds since 1970.
    pub mtime_ns: i128,
}

#[derive(Debug, Clone, Copy)]
struct Hit {
    start: u32,
    end: u32,
    /// Lower is better.
    rank: u32,
    kind: EntryKind,
    size: u64,
    mtime_ns: i64,
}

impl FindResult {
    /// How many hits there are.
    pub fn len(&self) -> usize {
        self.hits.len()
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.hits.is_empty()
    }

    /// The hits from the `skip`th on.
    pub fn iter_from(&self, skip: usize) -> impl Iterator<Item = Found> {
        self.hits.iter().skip(skip).map(|hit| Found {
            path: format!("{}{}", self.prefix, self.path(hit)),
            kind: hit.kind,
            size: hit.size,
            mtime_ns: i128::from(hit.mtime_ns),
        })
    }

    fn path(&self, hit: &Hit) -> &str {
        text(&self.paths, hit)
    }
}

fn text<'a>(paths: &'a str, hit: &Hit) -> &'a str {
    paths.get(hit.start as usize..hit.end as usize).unwrap_or_default()
}

/// How names are compared.
enum Query {
    Glob(Pattern),
    Word(String),
}

struct Finder<'a> {
    query: &'a Query,
    options: &'a FindOptions,
    base: usize,
    changed_after: Option<i128>,
    paths: String,
    hits: Vec<Hit>,
}

/// A word that only occurs scattered ranks behind any that occurs whole.
const SCATTERED: u32 = 1 << 24;

impl Source {
    /// Finds what matches below `located`.
    pub fn find(
        &self,
        located: &Located,
        options: &FindOptions,
        stop: &Stop,
    ) -> Result<FindResult, FsError> {
        let is_glob = options.glob.contains(['*', '?', '[', '{']);
        let query = if is_glob {
            Query::Glob(pattern(&options.glob)?)
        } else {
            Query::Word(options.glob.trim_matches('/').to_lowercase())
        };
        let nanoseconds = |time: SystemTime| match time.duration_since(UNIX_EPOCH) {
            Ok(after) => i128::try_from(after.as_nanos()).unwrap_or(i128::MAX),
            Err(before) => -i128::try_from(before.duration().as_nanos()).unwrap_or(i128::MAX),
        };
        let make = || Finder {
            query: &query,
            options,
            base: if located.path.is_empty() { 0 } else { located.path.len() + 1 },
            changed_after: options.changed_after.map(nanoseconds),
            paths: String::new(),
            hits: Vec::new(),
        };
        let walk = WalkOptions {
            ignored: options.ignored,
            files_only: options.kind == Some(EntryKind::File),
            ..WalkOptions::default()
        };
        let (finders, walked) = self.walk(located, &walk, stop, make)?;
        let mut result = FindResult {
            prefix: self.shown_prefix(located.root),
            complete: walked.frontier.is_none(),
            unreadable: walked.unreadable,
            ..FindResult::default()
        };
        for finder in finders {
            let Ok(shift) = u32::try_from(result.paths.len()) else { break };
            result.paths.push_str(&finder.paths);
            result.hits.extend(finder.hits.into_iter().map(|hit| Hit {
                start: hit.start.saturating_add(shift),
                end: hit.end.saturating_add(shift),
                ..hit
            }));
        }
        let FindResult { paths, hits, .. } = &mut result;
        if is_glob {
            hits.sort_unstable_by(|a, b| {
                b.mtime_ns.cmp(&a.mtime_ns).then_with(|| text(paths, a).cmp(text(paths, b)))
            });
        } else {
            if hits.iter().any(|hit| hit.rank < SCATTERED) {
                hits.retain(|hit| hit.rank < SCATTERED);
            }
            hits.sort_unstable_by(|a, b| {
                a.rank.cmp(&b.rank).then_with(|| text(paths, a).cmp(text(paths, b)))
            });
        }
        Ok(result)
    }
}

impl Visitor for Finder<'_> {
    fn entry(&mut self, dir: &Dir, path: &[u8], kind: EntryKind) {
        let options = self.options;
        if options.kind.is_some_and(|wanted| wanted != kind) {
            return;
        }
        let relative = path.get(self.base..).unwrap_or_default();
        let rank = match self.query {
            Query::Glob(glob) => glob.matches(relative).then_some(0),
            Query::Word(word) => rank(&names::show(relative), word),
        };
        let Some(rank) = rank else { return };
        let stat = dir.stat(names::name(path)).ok();
        let (size, mtime_ns) = stat.map_or((0, 0), |stat| (stat.size, stat.mtime_ns));
        let sized = options.min_size.is_some() || options.max_size.is_some();
        if (sized && kind != EntryKind::File)
            || options.min_size.is_some_and(|least| size < least)
            || options.max_size.is_some_and(|most| size > most)
            || self.changed_after.is_some_and(|after| mtime_ns <= after)
        {
            return;
        }
        let shown = names::show(path);
        let (start, end) = (self.paths.len(), self.paths.len() + shown.len());
        if let (Ok(start), Ok(end)) = (u32::try_from(start), u32::try_from(end)) {
            self.paths.push_str(&shown);
            let mtime_ns = i64::try_from(mtime_ns).unwrap_or(i64::MAX);
            self.hits.push(Hit { start, end, rank, kind, size, mtime_ns });
        }
    }
}

/// How well `path` fits a word in lower case: `None` if not at all.
fn rank(path: &str, word: &str) -> Option<u32> {
    let path = path.to_lowercase();
    let name = path.rsplit('/').next().unwrap_or(&path);
    let length = u32::try_from(path.len()).unwrap_or(u32::MAX).min(0xFFFF);
    let class = if name == word || path == word {
        0
    } else if name.split('.').next() == Some(word) {
        1
    } else if name.starts_with(word) {
        2
    } else if let Some(at) = name.find(word) {
        let before = name.get(..at).and_then(|before| before.chars().next_back());
        if before.is_none_or(char::is_alphanumeric) { 4 } else { 3 }
    } else if path.contains(word) {
        5
    } else {
        let spread = spread(name, word)?;
        return Some(SCATTERED + (spread.min(0xFF) << 16) + length);
    };
    // Within a class shorter paths come first.
    Some((class << 16) + length)
}

/// If the letters of `word` occur in `name` in their order: how far apart they lie.
fn spread(name: &str, word: &str) -> Option<u32> {
    let mut first = None;
    let mut last = 0;
    let mut letters = name.char_indices();
    for wanted in word.chars() {
        let (at, _) = letters.find(|&(_, letter)| letter == wanted)?;
        first = first.or(Some(at));
        last = at;
    }
    u32::try_from(last - first?).ok()
}
