//! Replacing a pattern in many files: one walk that collects what would change, within bounds, and
//! only if it saw everything, one batch that changes all of it or nothing.

use std::borrow::Cow;
use std::cell::RefCell;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use grep_matcher::{Captures, Match, Matcher as _};
use grep_regex::{RegexMatcher, RegexMatcherBuilder};
use lockkeeper_core::{Altered, Change as ChangeEffect, Grant, Stop, Unclear, placeholder};

use super::batch::Change;
use super::beneath::Dir;
use super::document::{Document, Normal};
use super::error::FsError;
use super::list::pattern;
use super::locate::Located;
use super::place::Target;
use super::rules::Pattern;
use super::stat::EntryKind;
use super::walk::{Visitor, WalkOptions};
use super::{Diff, DiffOptions, Source};

/// Most new content that one call holds.
const MOST_BYTES: usize = 24 * 1024 * 1024;
/// Most files that one call changes.
const MOST_FILES: usize = 5_000;
/// Bounds for what a pattern may compile to.
const REGEX_BYTES: usize = 16 * 1024 * 1024;

/// What to replace, and where.
#[derive(Debug, Clone, Default)]
pub struct ReplaceOptions {
    /// A regular expression, or plain text. Lines end with `\n` whatever the file's ends are.
    pub pattern: String,
    /// `$1` and `${name}` stand for groups, unless the pattern is plain text.
    pub replacement: String,
    /// Both are plain text.
    pub literal: bool,
    /// Only files that match.
    pub glob: Option<String>,
    /// Also what ignore files and dots leave out.
    pub ignored: bool,
    /// Bytes of diff to return.
    pub diff_bytes: usize,
}

/// What was replaced, or would be.
#[derive(Debug, Default)]
pub struct Replaced {
    /// Files that change.
    pub files: u64,
    /// Places in them.
    pub replaced: u64,
    /// Files that hold the pattern but can't be changed: hard links, read-only.
    pub skipped: u64,
    /// Files that were not looked into.
    pub passed_over: PassedOver,
    /// The change, whole hunks as far as there was room.
    pub diff: String,
    /// How much was altered to show the changes.
    pub altered: Altered,
    /// Whether `diff` leaves something out.
    pub truncated: bool,
    /// Whether everything was looked at. Never false if something was written.
    pub complete: bool,
}

/// How many files were not looked into, by why.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PassedOver {
    /// No text.
    pub binary: u64,
    /// More than 8 MiB.
    pub too_large: u64,
    /// Text with bytes that no known encoding explains.
    pub undecodable: u64,
    /// The system refused.
    pub unreadable: u64,
}

/// One file that changes.
struct Found {
    path: Vec<u8>,
    old: Document,
    new: String,
    replaced: u64,
}

struct Shared<'a> {
    source: &'a Source,
    root: usize,
    base: usize,
    glob: Option<Pattern>,
    options: &'a ReplaceOptions,
    matcher: RegexMatcher,
    found: Mutex<Vec<Found>>,
    bytes: AtomicUsize,
    skipped: AtomicU64,
    passed_over: Mutex<PassedOver>,
}

struct Worker<'a>(&'a Shared<'a>);

impl Source {
    /// What replacing would do, without doing it.
    pub fn preview_replace(
        &self,
        located: &Located,
        options: &ReplaceOptions,
        stop: &Stop,
    ) -> Result<Replaced, FsError> {
        let (found, mut replaced) = self.collect(located, options, stop)?;
        self.describe(located.root, &found, options, &mut replaced);
        Ok(replaced)
    }

    /// Replaces in all files or none.
    pub fn replace_in_files(
        &self,
        _grant: Grant<ChangeEffect>,
        located: &Located,
        options: &ReplaceOptions,
        stop: &Stop,
    ) -> Result<Replaced, FsError> {
        let _turn = self.turn();
        let (found, mut replaced) = self.collect(located, options, stop)?;
        if !replaced.complete {
            return Err(FsError::TooMuch { asked: located.asked().clone() });
        }
        self.describe(located.root, &found, options, &mut replaced);
        let changes = found.into_iter().map(|found| {
            let target = self.target(&self.shown(located.root, &found.path))?;
            Change::replace(target, found.old, &found.new)
        });
        self.make_all(changes.collect::<Result<_, _>>()?)?;
        Ok(replaced)
    }

    fn collect(
        &self,
        located: &Located,
        options: &ReplaceOptions,
        stop: &Stop,
    ) -> Result<(Vec<Found>, Replaced), FsError> {
        if let Some(placeholder) = placeholder(&options.replacement) {
            let unclear = Unclear::Placeholder(placeholder.to_owned());
            return Err(FsError::Unclear { asked: located.asked().clone(), unclear });
        }
        self.may_write(located.root, &located.path, located.asked())?;
        let matcher = matcher(options)?;
        if !options.literal {
            check_groups(&options.replacement, &matcher)?;
        }
        let shared = Shared {
            source: self,
            root: located.root,
            base: if located.path.is_empty() { 0 } else { located.path.len() + 1 },
            glob: options.glob.as_deref().map(pattern).transpose()?,
            options,
            matcher,
            found: Mutex::default(),
            bytes: AtomicUsize::new(0),
            skipped: AtomicU64::new(0),
            passed_over: Mutex::default(),
        };
        let mut complete = true;
        if located.kind() == EntryKind::Dir {
            let walk = WalkOptions {
                ignored: options.ignored,
                files_only: true,
                ..WalkOptions::default()
            };
            let (workers, walked) = self.walk(located, &walk, stop, || Worker(&shared))?;
            drop(workers);
            complete = walked.frontier.is_none();
        } else {
            // Whoever names a file is told why it can't be changed.
            let target = self.target(&self.shown(located.root, &located.path))?;
            Document::read(&target)?;
            shared.file(&located.path);
        }
        if stop.is_cancelled() {
            return Err(FsError::Cancelled);
        }
        let Shared { found, bytes, skipped, passed_over, .. } = shared;
        let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
        found.sort_by(|a, b| a.path.cmp(&b.path));
        complete &= found.len() < MOST_FILES && bytes.into_inner() < MOST_BYTES;
        let replaced = Replaced {
            files: found.len() as u64,
            replaced: found.iter().map(|found| found.replaced).sum(),
            skipped: skipped.into_inner(),
            passed_over: passed_over.into_inner().unwrap_or_else(PoisonError::into_inner),
            complete,
            ..Replaced::default()
        };
        Ok((found, replaced))
    }

    fn describe(
        &self,
        root: usize,
        found: &[Found],
        options: &ReplaceOptions,
        replaced: &mut Replaced,
    ) {
        for file in found {
            let path = self.shown(root, &file.path);
            let mut head = format!("--- {path}\n+++ {path}\n");
            let shown = DiffOptions::with_context(1, self.outside);
            let diff = Diff::of(&file.old.text, &file.new, shown);
            replaced.altered += diff.altered;
            for hunk in diff.hunks {
                let more = std::mem::take(&mut head) + &hunk;
                if replaced.diff.len() + more.len() > options.diff_bytes {
                    replaced.truncated = true;
                    return;
                }
                replaced.diff.push_str(&more);
            }
        }
    }
}

fn matcher(options: &ReplaceOptions) -> Result<RegexMatcher, FsError> {
    let built = RegexMatcherBuilder::new()
        .multi_line(true)
        .fixed_strings(options.literal)
        .size_limit(REGEX_BYTES)
        .dfa_size_limit(REGEX_BYTES)
        .build(&options.pattern);
    let refuse = |reason: String| FsError::Pattern { reason };
    let matcher = built.map_err(|error| refuse(error.to_string()))?;
    // What matches nothing matches between any two characters.
    if matcher.is_match(b"").unwrap_or(false) {
        return Err(refuse("it matches the empty text".to_owned()));
    }
    Ok(matcher)
}

/// Refuses a replacement that names a group which the pattern doesn't have: it would stand for
/// nothing, and the text of it would be lost.
fn check_groups(replacement: &str, matcher: &RegexMatcher) -> Result<(), FsError> {
    let asked = Asking { groups: matcher.capture_count(), missing: RefCell::default() };
    let group = |name: &str| {
        let group = matcher.capture_index(name);
        if group.is_none() {
            asked.miss(name.to_owned());
        }
        group
    };
    asked.interpolate(group, b"", replacement.as_bytes(), &mut Vec::new());
    match asked.missing.into_inner() {
        Some(group) => Err(FsError::NoGroup { group }),
        None => Ok(()),
    }
}

/// Groups that only note which of them don't exist.
struct Asking {
    groups: usize,
    missing: RefCell<Option<String>>,
}

impl Asking {
    fn miss(&self, group: String) {
        self.missing.borrow_mut().get_or_insert(group);
    }
}

impl Captures for Asking {
    fn len(&self) -> usize {
        self.groups
    }

    fn get(&self, group: usize) -> Option<Match> {
        if group >= self.groups {
            self.miss(group.to_string());
        }
        None
    }
}

impl Visitor for Worker<'_> {
    fn entry(&mut self, _dir: &Dir, path: &[u8], _kind: EntryKind) {
        let shared = self.0;
        let relative = path.get(shared.base..).unwrap_or_default();
        if shared.glob.as_ref().is_none_or(|glob| glob.matches(relative)) {
            shared.file(path);
        }
    }
}

impl Shared<'_> {
    fn file(&self, path: &[u8]) {
        if self.bytes.load(Ordering::Relaxed) >= MOST_BYTES {
            return;
        }
        let (target, old) = match self.read(path) {
            Ok(Some(read)) => read,
            // Gone, or no longer a file, since the walk came by.
            Ok(None) => return,
            Err(error) => {
                let mut over = self.passed_over.lock().unwrap_or_else(PoisonError::into_inner);
                match error {
                    FsError::TooLarge { .. } => over.too_large += 1,
                    FsError::NotText { .. } => over.binary += 1,
                    FsError::NotExact { .. } => over.undecodable += 1,
                    _ => over.unreadable += 1,
                }
                return;
            }
        };
        let replaced = match self.replace(&old.text) {
            Ok(Some(replaced)) => Some(replaced),
            Ok(None) => return,
            Err(_) => None,
        };
        let Some((new, replaced)) = replaced else {
            self.skipped.fetch_add(1, Ordering::Relaxed);
            return;
        };
        let can = old.bytes(&target, &new).is_ok() && old.current.stat.links == 1;
        if !can || target.parent.check_writable(&target.name).is_err() {
            self.skipped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let more = old.text.len() + new.len();
        self.bytes.fetch_add(more, Ordering::Relaxed);
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if found.len() < MOST_FILES {
            found.push(Found { path: path.to_vec(), old, new, replaced });
        }
    }

    fn read(&self, path: &[u8]) -> Result<Option<(Target, Document)>, FsError> {
        // Exactly this file: the walk came to it without a link.
        let target = match self.source.target(&self.source.shown(self.root, path)) {
            Err(FsError::NotFound { .. }) => return Ok(None),
            target => target?,
        };
        if target.stat.is_none_or(|stat| stat.kind != EntryKind::File) {
            return Ok(None);
        }
        Ok(Document::read(&target)?.map(|document| (target, document)))
    }

    /// The new text and how many places changed; `None` if nothing does.
    fn replace(&self, text: &str) -> Result<Option<(String, u64)>, Unclear> {
        let normal = Normal::shown(text, self.source.outside);
        let bytes = normal.text.as_bytes();
        let Ok(mut captures) = self.matcher.new_captures() else { return Ok(None) };
        let mut edits: Vec<(Range<usize>, Cow<'_, str>)> = Vec::new();
        let walked = self.matcher.captures_iter(bytes, &mut captures, |captures| {
            let Some(place) = captures.get(0) else { return true };
            let new = if self.options.literal {
                Cow::from(self.options.replacement.as_str())
            } else {
                let mut new = Vec::new();
                let group = |name: &str| self.matcher.capture_index(name);
                captures.interpolate(group, bytes, self.options.replacement.as_bytes(), &mut new);
                Cow::from(String::from_utf8_lossy(&new).into_owned())
            };
            let old = normal.text.get(place.start()..place.end());
            // A piece of an escape or of a placeholder is none of the text.
            let is_whole = normal.is_whole(&(place.start()..place.end()));
            if is_whole && old.is_some_and(|old| old != new) {
                edits.push((place.start()..place.end(), new));
            }
            true
        });
        if walked.is_err() || edits.is_empty() {
            return Ok(None);
        }
        let count = edits.len() as u64;
        Ok(Some((normal.replace(&edits)?, count)))
    }
}
