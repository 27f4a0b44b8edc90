//! The hits of one file, as the searcher reports them: rendered at once, long lines cut around the
//! match, into one string a file.

use std::borrow::Cow;
use std::io;

use grep_matcher::Matcher as _;
use grep_regex::RegexMatcher;
use grep_searcher::{Searcher, Sink, SinkContext, SinkFinish, SinkMatch};
use lockkeeper_core::Outside;

use super::SearchMode;
use crate::source::text;

/// The longest line shown whole, in characters, and what is shown of a longer one.
const LONGEST_LINE: usize = 300;
/// Characters shown before a match in a long line.
const LEAD: usize = 60;
/// Bytes looked at on both sides of what is shown of a long line, so that no credential is cut.
const AROUND: usize = 512;
/// What stands for a private key, or for a line of one.
const KEY: &str = "[redacted:private_key]";
/// What of a buffer is enough to guess an encoding from.
const SAMPLE: usize = 16 * 1024;

/// Collects what a searcher finds in one file.
pub(super) struct FileSink<'m> {
    matcher: &'m RegexMatcher,
    mode: SearchMode,
    /// Hits that an earlier page showed.
    pub(super) skip: u64,
    most_bytes: usize,
    /// All hits, kept or not.
    pub(super) hits: u64,
    /// Hits among `lines`.
    pub(super) kept: u64,
    pub(super) lines: Vec<Line>,
    pub(super) text: String,
    /// A NUL came after the head.
    pub(super) is_binary: bool,
    encoding: Option<text::Encoding>,
}

/// One line of `text`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    pub(super) number: u64,
    pub(super) end: usize,
    pub(super) column: u32,
    pub(super) is_hit: bool,
    /// Of a private key that begins in another line, or too far before it in the same.
    pub(super) is_redacted: bool,
}

impl<'m> FileSink<'m> {
    pub(super) fn new(
        matcher: &'m RegexMatcher,
        mode: SearchMode,
        skip: u64,
        most_bytes: usize,
    ) -> Self {
        Self {
            matcher,
            mode,
            skip,
            most_bytes,
            hits: 0,
            kept: 0,
            lines: Vec::new(),
            text: String::new(),
            is_binary: false,
            encoding: None,
        }
    }

    /// Whether hits were left for a later page.
    pub(super) fn is_cut(&self) -> bool {
        self.mode == SearchMode::Lines && self.shown() < self.hits
    }

    /// Hits that this and earlier pages show.
    pub(super) fn shown(&self) -> u64 {
        self.skip + self.kept
    }

    fn is_full(&self) -> bool {
        self.text.len() + self.lines.len() * size_of::<Line>() > self.most_bytes
    }

    fn push(&mut self, number: u64, bytes: &[u8], at: Option<usize>, buffer: &[u8]) {
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        let at_byte = at.unwrap_or(0);
        // Enough for the window even if every character takes four bytes, also around a match that
        // lies megabytes into one line, and for a credential that goes over its edges.
        let from = at_byte.saturating_sub(LEAD * 4 + AROUND);
        let to = at_byte.saturating_add(LONGEST_LINE * 4 + AROUND).min(bytes.len());
        let (cut_before, cut_after) = (from > 0, to < bytes.len());
        let window = bytes.get(from..to).unwrap_or_default();
        let (before, rest) =
            window.split_at_checked(at_byte.saturating_sub(from)).unwrap_or((&[], window));
        let before = self.decode(before, buffer);
        let rest = self.decode(rest, buffer);
        let lead = before.chars().count();
        let length = lead + rest.chars().count();
        if !cut_before && !cut_after && length <= LONGEST_LINE {
            self.text.push_str(&before);
            self.text.push_str(&rest);
        } else {
            let nth = |text: &str, n| text.char_indices().nth(n).map(|(place, _)| place);
            let start = nth(&before, lead.saturating_sub(LEAD)).unwrap_or(before.len());
            let end = nth(&rest, LONGEST_LINE - LEAD).unwrap_or(rest.len()) + before.len();
            let window = format!("{before}{rest}");
            let part = Outside::AS_DEFAULT.uncut(&window, start..end);
            if cut_before || part.start > 0 {
                self.text.push('…');
            }
            self.text.push_str(window.get(part.clone()).unwrap_or_default());
            if cut_after || part.end < window.len() {
                self.text.push('…');
            }
        }
        let column = u32::try_from(lead + 1).unwrap_or(u32::MAX);
        let column = if cut_before || at.is_none() { 0 } else { column };
        let end = self.text.len();
        self.lines.push(Line { number, end, column, is_hit: at.is_some(), is_redacted: false });
    }

    /// Redacts the lines that belong to a private key in `content`, the file: by themselves they
    /// look like any base64.
    pub(super) fn redact_keys(&mut self, outside: Outside, content: &[u8]) {
        let opens = |mark: &str| memchr::memmem::find(content, mark.as_bytes()).is_some();
        if self.lines.is_empty() || !(opens("PRIVATE KEY") || opens("Private-Lines: ")) {
            return;
        }
        let content = String::from_utf8_lossy(content);
        let shown = outside.show(&content);
        let rows: Vec<&str> = shown.text.split('\n').collect();
        let old = std::mem::take(&mut self.text);
        let mut start = 0;
        for line in &mut self.lines {
            let text = old.get(start..line.end).unwrap_or_default();
            start = line.end;
            let row = usize::try_from(line.number).ok().and_then(|n| rows.get(n.checked_sub(1)?));
            let row = row.filter(|row| row.contains(KEY) && !text.contains(KEY));
            line.is_redacted = row.is_some();
            self.text.push_str(match row {
                Some(row) if row.len() <= LONGEST_LINE => row.trim_end_matches('\r'),
                Some(_) => KEY,
                None => text,
            });
            line.end = self.text.len();
        }
    }

    /// Lines are searched as bytes; what is no UTF-8 is decoded for showing it only.
    fn decode<'a>(&mut self, bytes: &'a [u8], buffer: &[u8]) -> Cow<'a, str> {
        if let Ok(text) = simdutf8::basic::from_utf8(bytes) {
            return Cow::Borrowed(text);
        }
        let encoding = *self.encoding.get_or_insert_with(|| {
            let sample = buffer.get(..SAMPLE).unwrap_or(buffer);
            text::detect(sample, false).map_or(text::Encoding::UTF_8, |(encoding, _)| encoding)
        });
        Cow::Owned(encoding.decode_lossy(bytes))
    }
}

impl Sink for FileSink<'_> {
    type Error = io::Error;

    fn matched(&mut self, _: &Searcher, found: &SinkMatch<'_>) -> Result<bool, io::Error> {
        self.hits += 1;
        if self.mode != SearchMode::Lines {
            return Ok(self.mode != SearchMode::Files);
        }
        if self.hits <= self.skip || self.is_full() {
            return Ok(true);
        }
        self.kept += 1;
        let mut start = self.matcher.find(found.bytes()).ok().flatten().map_or(0, |m| m.start());
        // A match over several lines shows each of them; the first is where it starts.
        let mut is_first = true;
        let first = found.line_number().unwrap_or(0);
        for (number, line) in (first..).zip(found.lines()) {
            let at = if is_first { start.min(line.len()) } else { 0 };
            start = start.saturating_sub(line.len());
            self.push(number, line, Some(at), found.buffer());
            is_first = false;
        }
        Ok(true)
    }

    fn context(&mut self, _: &Searcher, found: &SinkContext<'_>) -> Result<bool, io::Error> {
        if self.hits >= self.skip && !self.is_full() {
            self.push(found.line_number().unwrap_or(0), found.bytes(), None, found.bytes());
        }
        Ok(true)
    }

    fn finish(&mut self, _: &Searcher, finish: &SinkFinish) -> Result<(), io::Error> {
        self.is_binary = finish.binary_byte_offset().is_some();
        Ok(())
    }
}
