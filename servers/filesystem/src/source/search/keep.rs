//! What is kept of a search: the hits of the first paths up to a bound, and the counts of all.

use std::collections::BTreeMap;

use super::sink::{FileSink, Line};
use super::{Resume, SearchResult};
use crate::source::names;

/// A file with hits.
#[derive(Debug, Clone)]
pub struct FileHits {
    /// The path, as `locate` takes it.
    pub path: String,
    /// All its hits (those before a resumed search started included).
    pub hits: u64,
    /// How many of them are here.
    pub kept: u64,
    /// Hits before those that are here.
    pub skipped: u64,
    text: Box<str>,
    lines: Box<[Line]>,
}

/// A line of a file with hits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit<'a> {
    /// Line number, from 1.
    pub line: u64,
    /// Where the match starts, in characters from 1; 0 if not known.
    pub column: u32,
    /// The line, cut around the match if long.
    pub text: &'a str,
    /// Whether it only stands around a hit.
    pub is_context: bool,
    /// Whether a private key, or a part of one, was left out of it.
    pub is_redacted: bool,
}

impl FileHits {
    /// The lines in their order, hits and context.
    pub fn lines(&self) -> impl Iterator<Item = Hit<'_>> {
        let mut start = 0;
        self.lines.iter().map(move |line| {
            let text = self.text.get(start..line.end).unwrap_or_default();
            start = line.end;
            Hit {
                line: line.number,
                column: line.column,
                text,
                is_context: !line.is_hit,
                is_redacted: line.is_redacted,
            }
        })
    }
}

/// Collects files; drops those of the last paths when they become too much.
#[derive(Debug)]
pub(super) struct Keep {
    files: BTreeMap<Box<[u8]>, FileHits>,
    bytes: usize,
    most_bytes: usize,
    /// The first path of which not everything was kept, and how many of its hits were.
    ceiling: Option<(Box<[u8]>, u64)>,
    hits: u64,
    files_with_hits: u64,
}

impl Keep {
    pub(super) fn new(most_bytes: usize) -> Self {
        Self {
            files: BTreeMap::new(),
            bytes: 0,
            most_bytes,
            ceiling: None,
            hits: 0,
            files_with_hits: 0,
        }
    }

    /// Whether nothing of `path` would be kept any more.
    pub(super) fn is_beyond(&self, path: &[u8]) -> bool {
        self.ceiling.as_ref().is_some_and(|(first, _)| path >= &**first)
    }

    pub(super) fn add(&mut self, path: &[u8], sink: FileSink<'_>) {
        self.hits += sink.hits;
        self.files_with_hits += 1;
        if self.is_beyond(path) {
            return;
        }
        let partial = sink.is_cut().then(|| sink.shown());
        let file = FileHits {
            path: String::new(),
            hits: sink.hits,
            kept: sink.kept,
            skipped: sink.skip,
            text: sink.text.into(),
            lines: sink.lines.into(),
        };
        self.bytes += weight(path, &file);
        self.files.insert(path.into(), file);
        if let Some(shown) = partial {
            self.ceiling = Some((path.into(), shown));
            let mut after = path.to_vec();
            after.push(0);
            for (path, file) in self.files.split_off(&*after) {
                self.bytes -= weight(&path, &file);
            }
        }
        while self.bytes > self.most_bytes && self.files.len() > 1 {
            let Some((path, file)) = self.files.pop_last() else { break };
            self.bytes -= weight(&path, &file);
            // A resumed search passes over some hits of its first file.
            self.ceiling = Some((path, file.skipped));
        }
    }

    /// Writes what was kept into `result`; of a search that paused, only what lies before the
    /// frontier, so that going on from there neither repeats nor loses a file.
    pub(super) fn finish(
        mut self,
        frontier: Option<(Vec<u8>, u64)>,
        prefix: &str,
        result: &mut SearchResult,
    ) {
        if let Some((frontier, _)) = &frontier {
            let beyond = self.files.split_off(frontier.as_slice());
            self.hits -= beyond.values().map(|file| file.hits).sum::<u64>();
            self.files_with_hits -= beyond.len() as u64;
        }
        let ceiling = self
            .ceiling
            .filter(|(path, _)| frontier.as_ref().is_none_or(|(frontier, _)| **path < **frontier));
        let next = match (ceiling, frontier) {
            (Some(ceiling), _) => Some(ceiling),
            (None, Some((frontier, hits))) => Some((frontier.into(), hits)),
            (None, None) => None,
        };
        let show = |path: &[u8]| format!("{prefix}{}", names::show(path));
        result.next = next.map(|(path, hits)| Resume {
            path: format!("{prefix}{}", names::show_exact(&path)),
            hits,
        });
        result.hits = self.hits;
        result.files_with_hits = self.files_with_hits;
        result.files = self
            .files
            .into_iter()
            .map(|(path, file)| FileHits { path: show(&path), ..file })
            .collect();
    }
}

fn weight(path: &[u8], file: &FileHits) -> usize {
    path.len() + file.text.len() + file.lines.len() * size_of::<Line>() + size_of::<FileHits>() + 64
}
