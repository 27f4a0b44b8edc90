//! Files as text: a window of lines or what follows a byte, read from memory or from a stream of any
//! length, of which only the window is kept.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lockkeeper_core::{AROUND, Altered, Cx, EffectKind, Outside, ToolError, grouped};
use serde_json::Value;

use crate::answer::Answer;
use crate::fetch::of_repo;
use crate::source::{RepoRef, Source, SourceError};

/// The media type that gives a blob as it is.
const RAW: &str = "application/vnd.github.raw+json";

/// What is looked at to tell text from other data, bytes.
const SNIFFED: usize = 8_000;

/// A range of lines, both ends included, from 1.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Lines {
    pub(crate) start: Option<u64>,
    pub(crate) end: Option<u64>,
}

impl Lines {
    /// Whether it is a range.
    pub(crate) fn check(self) -> Result<Self, ToolError> {
        let wrong = |what: &str| Err(ToolError::invalid_arguments(what.to_owned()));
        match (self.start, self.end) {
            (Some(0), _) => wrong("`start_line` counts from 1"),
            (start, Some(end)) if end < start.unwrap_or(1) => {
                wrong("`end_line` is before `start_line`")
            }
            _ => Ok(self),
        }
    }
}

/// What is shown of a file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub(crate) lines: Lines,
    pub(crate) numbered: bool,
}

/// The answer for a file that GitHub described.
pub(crate) async fn file_answer<E: EffectKind>(
    cx: &Cx<'_, Source, E>,
    repo: &RepoRef,
    value: &Value,
    cursor: Option<&str>,
    window: Window,
) -> Result<Answer, ToolError> {
    let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
    let size = value.get("size").and_then(Value::as_u64).unwrap_or_default();
    match text("type") {
        "file" => {}
        "symlink" => {
            let head =
                of_repo(&format!("{}: a link to {}", text("path"), text("target")), repo, "");
            return Ok(Answer::new(head));
        }
        kind => {
            let kind = if value.is_array() { "directory" } else { kind };
            return Err(ToolError::new("not_a_file", format!("it is a {kind}"))
                .hint("file_read directory lists a directory"));
        }
    }
    let from = cx.resume(cursor)?.and_then(|at| at.first().copied());
    let lines = window.lines.check()?;
    let from = from.map_or(From::Line(lines.start.unwrap_or(1)), From::Byte);
    // Numbers before the lines take room, too.
    let room = if window.numbered { cx.max_output() * 4 / 5 } else { cx.max_output() };
    let mut scan = Scan::new(from, room);
    if text("encoding") == "base64" {
        let content: String = text("content").split_whitespace().collect();
        let decoded = STANDARD.decode(content);
        scan.feed(&decoded.map_err(|_| SourceError::answer("a file that is no base64"))?);
    } else {
        let blob = repo.route().at("git").at("blobs").name("sha", text("sha"))?;
        let mut stream = cx.source().stream(&blob, RAW, None).await?;
        while let Some(piece) = stream.next().await? {
            scan.feed(&piece);
        }
    }
    let head = of_repo(text("path"), repo, "");
    let answer = Answer::new(head).note(format!("sha {}", text("sha")));
    let Some(found) = scan.finish(lines.end, room, cx.outside()) else {
        return Ok(answer.note(format!("{} bytes, no text", grouped(size))));
    };
    let shown = if window.numbered { numbered(&found.text, found.first_line) } else { found.text };
    let last = found.first_line + shown.lines().count().saturating_sub(1) as u64;
    let range = if shown.is_empty() {
        "none of them".to_owned()
    } else {
        format!("lines {}-{last}", found.first_line)
    };
    let next = found.next.map(|next| cx.next(&[next]));
    let path = text("path").to_ascii_lowercase();
    let is_markdown = [".md", ".markdown", ".mdx"].iter().any(|end| path.ends_with(end));
    let answer = if is_markdown { answer.markdown(&shown) } else { answer };
    Ok(answer
        .note(format!("{} lines, {} bytes: {range}", found.lines, grouped(size)))
        .next(next)
        .altered(found.altered)
        .text(shown))
}

/// A file's whole text, of which parts are changed.
pub(crate) async fn whole(
    source: &Source,
    repo: &RepoRef,
    value: &Value,
) -> Result<String, ToolError> {
    String::from_utf8(bytes(source, repo, value).await?)
        .map_err(|_| ToolError::new("not_text", "the file is no UTF-8 text").hint("give `content`"))
}

/// All of a file.
pub(crate) async fn bytes(
    source: &Source,
    repo: &RepoRef,
    value: &Value,
) -> Result<Vec<u8>, ToolError> {
    let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
    if text("type") != "file" {
        return Err(ToolError::new("not_a_file", "it is no file").hint("name a file"));
    }
    if text("encoding") == "base64" {
        let content: String = text("content").split_whitespace().collect();
        let decoded = STANDARD.decode(content);
        return Ok(decoded.map_err(|_| SourceError::answer("a file that is no base64"))?);
    }
    let blob = repo.route().at("git").at("blobs").name("sha", text("sha"))?;
    Ok(source.read_as(&blob, RAW).await?)
}

fn numbered(text: &str, first: u64) -> String {
    let lines = text.split_inclusive('\n').zip(first..);
    lines.fold(String::with_capacity(text.len() * 5 / 4), |mut out, (line, number)| {
        out.push_str(&format!("{number}\t{line}"));
        out
    })
}

#[derive(Debug, Clone, Copy)]
enum From {
    Line(u64),
    Byte(u64),
}

/// Takes a file piece by piece, and keeps a window of it and what lies around that.
struct Scan {
    from: From,
    most: usize,
    /// What came before the window, at most [`AROUND`] bytes of it.
    before: Vec<u8>,
    kept: Vec<u8>,
    start: Option<(u64, u64)>,
    offset: u64,
    newlines: u64,
    ends_with_newline: bool,
    is_binary: bool,
}

struct Found {
    text: String,
    altered: Altered,
    first_line: u64,
    lines: u64,
    next: Option<u64>,
}

impl Scan {
    fn new(from: From, room: usize) -> Self {
        Self {
            from,
            most: room + AROUND,
            before: Vec::new(),
            kept: Vec::new(),
            start: None,
            offset: 0,
            newlines: 0,
            ends_with_newline: true,
            is_binary: false,
        }
    }

    fn feed(&mut self, mut bytes: &[u8]) {
        if self.offset < SNIFFED as u64 {
            self.is_binary |= bytes.iter().take(SNIFFED).any(|byte| *byte == 0);
        }
        if let Some(last) = bytes.last() {
            self.ends_with_newline = *last == b'\n';
        }
        while self.start.is_none() && !bytes.is_empty() {
            let is_here = match self.from {
                From::Line(line) => self.newlines + 1 >= line,
                From::Byte(byte) => self.offset >= byte,
            };
            if is_here {
                self.start = Some((self.offset, self.newlines + 1));
                break;
            }
            let to_line = memchr::memchr(b'\n', bytes).map_or(bytes.len(), |at| at + 1);
            let end = match self.from {
                From::Line(_) => to_line,
                From::Byte(byte) => {
                    let left = usize::try_from(byte - self.offset).unwrap_or(usize::MAX);
                    to_line.min(left)
                }
            };
            let (passed, rest) = bytes.split_at(end);
            self.newlines += u64::from(passed.ends_with(b"\n"));
            self.offset += passed.len() as u64;
            self.before.extend_from_slice(passed);
            if self.before.len() > 4 * AROUND {
                self.before.drain(..self.before.len() - AROUND);
            }
            bytes = rest;
        }
        let room = self.most.saturating_sub(self.kept.len()).min(bytes.len());
        self.kept.extend_from_slice(bytes.get(..room).unwrap_or_default());
        self.newlines += memchr::memchr_iter(b'\n', bytes).count() as u64;
        self.offset += bytes.len() as u64;
    }

    /// The window; none if it isn't text.
    fn finish(self, end_line: Option<u64>, room: usize, outside: Outside) -> Option<Found> {
        if self.is_binary {
            return None;
        }
        let lines = self.newlines + u64::from(!self.ends_with_newline);
        let (start, first_line) = self.start.unwrap_or((self.offset, lines + 1));
        let reached = start + self.kept.len() as u64;
        // Both ends may lie within a character.
        let skip = self.before.iter().take(3).take_while(|byte| **byte & 0xc0 == 0x80).count();
        let before = self.before.get(skip..).unwrap_or_default();
        let bytes = [before, &self.kept].concat();
        let text = match std::str::from_utf8(&bytes) {
            Ok(text) => text,
            Err(error) if error.error_len().is_none() && reached < self.offset => {
                std::str::from_utf8(bytes.get(..error.valid_up_to())?).ok()?
            }
            Err(_) => return None,
        };
        let from = before.len();
        let kept = text.get(from..).unwrap_or_default();
        let limit = end_line.map_or(kept.len(), |end| {
            let count = (end + 1).saturating_sub(first_line);
            let mut ends = kept.match_indices('\n').map(|(at, _)| at + 1);
            let last = usize::try_from(count).unwrap_or(usize::MAX).checked_sub(1);
            last.map_or(0, |last| ends.nth(last).unwrap_or(kept.len()))
        });
        let most = limit.min(room);
        let (shown, end, altered) = crate::answer::part(text, from, most, outside);
        // A cut at the end of a line is only better where something is left out.
        let (shown, end, altered) = if most == limit && end < from + limit {
            let all = outside.show_part(text, from..from + limit);
            (all.text.clone().into_owned(), from + limit, all.altered())
        } else {
            (shown, end, altered)
        };
        let next = start + (end - from) as u64;
        let goes_on = match end_line {
            Some(_) => end < from + limit,
            None => next < self.offset,
        };
        Some(Found { text: shown, altered, first_line, lines, next: goes_on.then_some(next) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(text: &str, from: From, end: Option<u64>, room: usize) -> Found {
        let mut scan = Scan::new(from, room);
        for piece in text.as_bytes().chunks(7) {
            scan.feed(piece);
        }
        scan.finish(end, room, Outside::AS_DEFAULT).unwrap()
    }

    #[test]
    fn windows_of_lines() {
        let text = "one\ntwo\nthrée\nfour";
        let found = window(text, From::Line(2), Some(3), 1_000);
        assert_eq!(
            (found.text.as_str(), found.first_line, found.lines, found.next),
            ("two\nthrée\n", 2, 4, None)
        );
        let found = window(text, From::Line(9), None, 1_000);
        assert_eq!((found.text.as_str(), found.next), ("", None));
        assert_eq!(window("", From::Line(1), None, 10).lines, 0);
        assert_eq!(numbered("a\nb", 9), "9\ta\n10\tb");
    }

    #[test]
    fn every_byte_is_read_once() {
        let text = format!("{}\n", "ä<T>&\n".repeat(2_000)) + &"x".repeat(5_000);
        let (mut from, mut read) = (From::Line(1), String::new());
        loop {
            let found = window(&text, from, None, 700);
            read.push_str(&found.text);
            let Some(next) = found.next else { break };
            from = From::Byte(next);
        }
        assert_eq!(read, text);
    }

    #[test]
    fn a_credential_leaks_in_no_halves() {
        let token = format!("ghp_{}", "aB3dE5gH7jK9mN1pQ3rS5tU7vW9xY1zA2bC4");
        let text = format!("{}{token}\n{}", "word ".repeat(100), "rest\n".repeat(100));
        let mut from = From::Line(1);
        let mut read = String::new();
        loop {
            let found = window(&text, from, None, 520);
            read.push_str(&found.text);
            let Some(next) = found.next else { break };
            from = From::Byte(next);
        }
        assert!(!read.contains("ghp_aB3") && !read.contains("vW9xY1"), "{read}");
    }
}
