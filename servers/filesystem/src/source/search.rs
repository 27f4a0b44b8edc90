//! Searching file contents with ripgrep's engine, on descriptors and in parallel. All hits are
//! counted; as many as fit into a memory bound are kept, always those of the first paths, so that
//! pages are the same whichever worker was faster.

mod keep;
mod sink;

use std::fs::File;
use std::io::{self, Read};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use grep_matcher::LineTerminator;
use grep_regex::{RegexMatcher, RegexMatcherBuilder};
use grep_searcher::{BinaryDetection, Searcher, SearcherBuilder};
use lockkeeper_core::{Outside, Stop};

use super::beneath::{self, Dir};
use super::error::FsError;
use super::list::pattern;
use super::locate::Located;
use super::rules::Pattern;
use super::stat::{EntryKind, Stat};
use super::walk::{Visitor, WalkOptions};
use super::{Source, names, text};
use keep::Keep;
use sink::FileSink;

pub use keep::{FileHits, Hit};

/// Files up to this size are read whole into a buffer that each worker reuses.
const SLURPED: u64 = 2 * 1024 * 1024;
/// A multi-line search needs the file in memory; larger ones are passed over and counted.
const LARGEST_MULTILINE: u64 = 16 * 1024 * 1024;
/// A NUL in so much of the head of a file makes it binary, as for ripgrep's first buffer.
const BINARY_HEAD: usize = 64 * 1024;
/// Bounds for what a pattern may compile to, and for what each worker caches of it.
const REGEX_BYTES: usize = 10 * 1024 * 1024;
const CACHE_BYTES: usize = 2 * 1024 * 1024;
/// No pattern that a person or a model writes is longer.
const LONGEST_PATTERN: usize = 8 * 1024;
/// A line that needs more memory than this is not searched.
const LARGEST_LINE: usize = 16 * 1024 * 1024;

/// What to search for, and where.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches, as the caller has them")]
pub struct SearchOptions {
    /// A regular expression in the syntax of the `regex` crate, or plain text.
    pub pattern: String,
    /// `pattern` is plain text.
    pub literal: bool,
    /// Upper and lower case are the same.
    pub ignore_case: bool,
    /// A match may go over line ends.
    pub multiline: bool,
    /// Lines to show before and after each hit.
    pub context: usize,
    /// Only files that match.
    pub glob: Option<String>,
    /// Also what ignore files and dots leave out.
    pub ignored: bool,
    /// What is wanted.
    pub mode: SearchMode,
    /// How many bytes of hits to keep; more are counted only.
    pub keep_bytes: usize,
    /// Start here; nothing before counts.
    pub from: Option<Resume>,
    /// Go on counting when no more is kept.
    pub count_all: bool,
}

impl Default for SearchOptions {
    fn default() -> Self {
        Self {
            pattern: String::new(),
            literal: false,
            ignore_case: false,
            multiline: false,
            context: 0,
            glob: None,
            ignored: false,
            mode: SearchMode::Lines,
            keep_bytes: 8 * 1024 * 1024,
            from: None,
            count_all: true,
        }
    }
}

/// What a search returns of each file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SearchMode {
    /// The lines.
    Lines,
    /// Only that it has a hit; the rest of the file is not searched.
    Files,
    /// How many hits it has.
    Count,
}

/// A place in the results, in the order of paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resume {
    /// A path as shown in the results.
    pub path: String,
    /// Hits to pass over in that file.
    pub hits: u64,
}

/// The hits, in the order of the bytes of their paths.
#[derive(Debug, Default)]
pub struct SearchResult {
    /// Files with hits, as many as were kept.
    pub files: Vec<FileHits>,
    /// Hits in all (matching lines; in `Files` mode one per file).
    pub hits: u64,
    /// Files with hits in all.
    pub files_with_hits: u64,
    /// Files looked at.
    pub searched: u64,
    /// Files passed over as binary.
    pub binary: u64,
    /// Files and directories that could not be read.
    pub unreadable: u64,
    /// Files passed over because they are too large for a multi-line search.
    pub too_large: u64,
    /// Whether everything was searched. If not, `next` is where to go on, and the counts are
    /// lower bounds.
    pub complete: bool,
    /// The first hit that was not kept, or the first path not searched.
    pub next: Option<Resume>,
}

/// What all workers share.
struct Shared<'a> {
    outside: Outside,
    options: &'a SearchOptions,
    glob: Option<Pattern>,
    base: usize,
    from: Option<(Vec<u8>, u64)>,
    stop: &'a Stop,
    keep: Mutex<Keep>,
    searched: AtomicU64,
    binary: AtomicU64,
    unreadable: AtomicU64,
    too_large: AtomicU64,
}

struct Worker<'a> {
    shared: &'a Shared<'a>,
    matcher: RegexMatcher,
    searcher: Searcher,
    buffer: Vec<u8>,
}

impl Source {
    /// Searches `located`: a directory with everything below it, or one file.
    pub fn search(
        &self,
        located: &Located,
        options: &SearchOptions,
        stop: &Stop,
    ) -> Result<SearchResult, FsError> {
        let matcher = matcher(options)?;
        let prefix = self.shown_prefix(located.root);
        let from = options.from.as_ref().map(|resume| {
            let path = resume.path.strip_prefix(&prefix).unwrap_or(&resume.path);
            let path = names::unescape(path).unwrap_or_else(|| path.as_bytes().to_vec());
            (path, resume.hits)
        });
        let walk = WalkOptions {
            ignored: options.ignored,
            files_only: true,
            ordered: true,
            from: from.as_ref().map(|(path, _)| path.clone()),
        };
        let shared = Shared {
            outside: self.outside,
            options,
            glob: options.glob.as_deref().map(pattern).transpose()?,
            base: if located.path.is_empty() { 0 } else { located.path.len() + 1 },
            from,
            stop,
            keep: Mutex::new(Keep::new(options.keep_bytes)),
            searched: AtomicU64::new(0),
            binary: AtomicU64::new(0),
            unreadable: AtomicU64::new(0),
            too_large: AtomicU64::new(0),
        };
        let make = || Worker {
            shared: &shared,
            matcher: matcher.clone(),
            searcher: searcher(options, BinaryDetection::quit(0)),
            buffer: Vec::new(),
        };
        let mut frontier = None;
        if located.kind() == EntryKind::Dir {
            let (workers, walked) = self.walk(located, &walk, stop, make)?;
            drop(workers);
            frontier = walked.frontier;
            shared.unreadable.fetch_add(walked.unreadable, Ordering::Relaxed);
        } else {
            let mut worker = make();
            // Whoever names a file wants it searched, whatever it holds.
            worker.searcher = searcher(options, BinaryDetection::convert(0));
            worker.whole_file(located.file()?, &located.stat, &located.path);
        }
        if stop.is_cancelled() {
            return Err(FsError::Cancelled);
        }
        let Shared { keep, from, searched, binary, unreadable, too_large, .. } = shared;
        // No further than at the start: then the hits passed over there still are.
        let frontier = frontier.map(|path| match from {
            Some((first, hits)) if first == path => (path, hits),
            _ => (path, 0),
        });
        let mut result = SearchResult {
            searched: searched.into_inner(),
            binary: binary.into_inner(),
            unreadable: unreadable.into_inner(),
            too_large: too_large.into_inner(),
            complete: frontier.is_none(),
            ..SearchResult::default()
        };
        let keep = keep.into_inner().unwrap_or_else(PoisonError::into_inner);
        keep.finish(frontier, &prefix, &mut result);
        Ok(result)
    }
}

fn matcher(options: &SearchOptions) -> Result<RegexMatcher, FsError> {
    if options.pattern.len() > LONGEST_PATTERN {
        let reason = format!("it is longer than {LONGEST_PATTERN} bytes");
        return Err(FsError::Pattern { reason });
    }
    let mut builder = RegexMatcherBuilder::new();
    builder
        .multi_line(true)
        .fixed_strings(options.literal)
        .case_insensitive(options.ignore_case)
        .size_limit(REGEX_BYTES)
        .dfa_size_limit(CACHE_BYTES);
    // Then `$` also stands before a carriage return that ends a line.
    if options.multiline {
        builder.crlf(true).line_terminator(None);
    } else {
        builder.crlf(true);
    }
    builder.build(&options.pattern).map_err(|error| FsError::Pattern { reason: error.to_string() })
}

fn searcher(options: &SearchOptions, binary: BinaryDetection) -> Searcher {
    SearcherBuilder::new()
        .line_number(options.mode == SearchMode::Lines)
        .multi_line(options.multiline)
        .line_terminator(LineTerminator::crlf())
        .before_context(context(options))
        .after_context(context(options))
        .binary_detection(binary)
        .heap_limit(Some(LARGEST_LINE))
        .build()
}

fn context(options: &SearchOptions) -> usize {
    if options.mode == SearchMode::Lines { options.context } else { 0 }
}

impl Visitor for Worker<'_> {
    fn entry(&mut self, dir: &Dir, path: &[u8], _kind: EntryKind) {
        let relative = path.get(self.shared.base..).unwrap_or_default();
        if self.shared.glob.as_ref().is_some_and(|glob| !glob.matches(relative)) {
            return;
        }
        if self.is_past(path) {
            return;
        }
        match dir.open_file(names::name(path)) {
            Ok(Some((file, stat))) => self.found_file(&file, &stat, path),
            // Became a link or a FIFO since its name was read.
            Ok(None) => {}
            Err(_) => {
                self.shared.unreadable.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn is_past(&self, path: &[u8]) -> bool {
        !self.shared.options.count_all && self.shared.is_beyond(path)
    }
}

impl Worker<'_> {
    /// Searches a file that the walk came upon: binary ones are passed over.
    fn found_file(&mut self, file: &File, stat: &Stat, path: &[u8]) {
        if stat.size == 0 {
            self.shared.searched.fetch_add(1, Ordering::Relaxed);
            return;
        }
        if stat.size > SLURPED {
            self.whole_file(file, stat, path);
            return;
        }
        let size = usize::try_from(stat.size).unwrap_or(0);
        if self.buffer.len() < size {
            self.buffer.resize(size.next_power_of_two(), 0);
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        let read = match buffer.get_mut(..size) {
            Some(room) => beneath::read_at(file, room, 0),
            None => Ok(0),
        };
        match read {
            Ok(n) => self.slice(buffer.get(..n).unwrap_or_default(), path),
            Err(_) => {
                self.shared.unreadable.fetch_add(1, Ordering::Relaxed);
            }
        }
        self.buffer = buffer;
    }

    fn slice(&mut self, content: &[u8], path: &[u8]) {
        let head = content.get(..BINARY_HEAD).unwrap_or(content);
        let has_bom = matches!(head, [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..]);
        let is_binary = !has_bom && memchr::memchr(0, head).is_some();
        // A pattern in ASCII finds its like in every encoding but UTF-16.
        let foreign = is_binary || !(has_bom || self.shared.options.pattern.is_ascii());
        let decoded = if foreign { decoded(content, head) } else { None };
        if is_binary && decoded.is_none() {
            self.shared.binary.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let content = decoded.as_deref().map_or(content, str::as_bytes);
        self.shared.searched.fetch_add(1, Ordering::Relaxed);
        let mut sink = self.shared.sink(&self.matcher, path);
        let done = self.searcher.search_slice(&self.matcher, content, &mut sink);
        sink.redact_keys(self.shared.outside, content);
        self.shared.keep(sink, done.is_ok(), path);
    }

    /// Searches through a rolling buffer, without the file in memory.
    fn whole_file(&mut self, file: &File, stat: &Stat, path: &[u8]) {
        if self.shared.options.multiline && stat.size > LARGEST_MULTILINE {
            self.shared.too_large.fetch_add(1, Ordering::Relaxed);
            return;
        }
        self.shared.searched.fetch_add(1, Ordering::Relaxed);
        let mut sink = self.shared.sink(&self.matcher, path);
        let reader = Cancellable { file, position: 0, stop: self.shared.stop };
        let done = self.searcher.search_reader(&self.matcher, reader, &mut sink);
        self.shared.keep(sink, done.is_ok(), path);
    }
}

/// What bytes in another encoding than UTF-8 say; `None` if they are UTF-8 or no text.
fn decoded(content: &[u8], head: &[u8]) -> Option<String> {
    if simdutf8::basic::from_utf8(content).is_ok_and(|text| !text.contains('\0')) {
        return None;
    }
    let (encoding, _) = text::detect(head, head.len() == content.len()).ok()?;
    (!encoding.is_utf8()).then(|| encoding.decode_lossy(content))
}

impl Shared<'_> {
    fn sink<'m>(&self, matcher: &'m RegexMatcher, path: &[u8]) -> FileSink<'m> {
        let skip = match &self.from {
            Some((first, hits)) if first == path => *hits,
            _ => 0,
        };
        // One file alone must leave room for the others that are searched at the same time.
        FileSink::new(matcher, self.options.mode, skip, self.options.keep_bytes / 2)
    }

    fn is_beyond(&self, path: &[u8]) -> bool {
        self.keep.lock().unwrap_or_else(PoisonError::into_inner).is_beyond(path)
    }

    fn keep(&self, sink: FileSink<'_>, read_well: bool, path: &[u8]) {
        if !read_well {
            self.unreadable.fetch_add(1, Ordering::Relaxed);
        }
        if sink.is_binary {
            self.binary.fetch_add(1, Ordering::Relaxed);
        }
        if sink.hits > 0 {
            self.keep.lock().unwrap_or_else(PoisonError::into_inner).add(path, sink);
        }
    }
}

/// A file that ends early when nobody waits for the search any more. Read by position, so that the
/// same handle can be searched again.
struct Cancellable<'a> {
    file: &'a File,
    position: u64,
    stop: &'a Stop,
}

impl Read for Cancellable<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.stop.is_cancelled() {
            return Ok(0);
        }
        let n = beneath::read_at(self.file, buffer, self.position)?;
        self.position += n as u64;
        Ok(n)
    }
}
