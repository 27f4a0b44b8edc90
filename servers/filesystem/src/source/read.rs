//! Reading text by windows of lines, and whole small files as bytes. Lines are found in the raw
//! bytes and only the window is decoded, so that a file of any size costs little memory; what is
//! not returned is always said, with the place to go on from.

mod lines;

use std::borrow::Cow;
use std::ops::Range;

use lockkeeper_core::{AROUND, Altered};

use super::error::FsError;
use super::locate::Located;
use super::text::{self, Encoding, Eol, Kind};
use super::{Source, beneath, names, version};
use lines::{BLOCK, Blocks};

pub(super) use lines::LineCache;

/// Up to this size all lines are counted in any case: less than a millisecond.
const COUNTED: u64 = 8 * 1024 * 1024;
/// Room that a decoder needs at least to get on.
const LEAST_BYTES: usize = 64;

/// Which lines to read.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// The first line, from 1 (0 is taken as 1); negative counts from the end: -10 is the tenth
    /// last line. With `from_byte` it only says which line that is, 0 for unknown.
    pub offset: i64,
    /// At most so many lines.
    pub limit: usize,
    /// Go on at this byte, as an earlier [`Next::Byte`] said.
    pub from_byte: Option<u64>,
}

/// Where to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// With this line.
    Line(u64),
    /// In the middle of a long line, or where line numbers aren't known.
    Byte {
        /// For [`Window::from_byte`].
        position: u64,
        /// The line it is in, where known.
        line: Option<u64>,
    },
}

/// A piece of a text file.
#[derive(Debug, Clone)]
pub struct TextWindow {
    /// The decoded text with its own line ends, without a byte order mark.
    pub text: String,
    /// How many lines of the file `text` touches.
    pub lines: u64,
    /// Number of the first line; `None` if nothing was read or the number isn't known.
    pub first_line: Option<u64>,
    /// Number of the last line.
    pub last_line: Option<u64>,
    /// How many lines the file has, where that is known without reading more.
    pub total_lines: Option<u64>,
    /// Size of the file in bytes.
    pub total_bytes: u64,
    /// Where the next window starts; `None` at the end of the file.
    pub next: Option<Next>,
    /// How the bytes were decoded.
    pub encoding: Encoding,
    /// Whether the file starts with a byte order mark.
    pub bom: bool,
    /// The line ends in `text`.
    pub eol: Eol,
    /// Whether bytes that fit no character were replaced by U+FFFD.
    pub lossy: bool,
    /// The version of the file; with a mark if `text` is altered.
    pub version: String,
    /// How much of `text` was altered to show it: by [`Source::read_shown`] only.
    pub altered: Altered,
    /// The bytes of the file that `text` stands for.
    range: Range<u64>,
}

/// The decoded part of a window.
struct Decoded {
    text: String,
    /// Raw bytes it stands for.
    raw: usize,
    encoding: Encoding,
    lossy: bool,
}

impl Source {
    /// Reads lines as text; at most `max_bytes` of it (and never less than 64).
    pub fn read_text(
        &self,
        located: &Located,
        window: Window,
        max_bytes: usize,
    ) -> Result<TextWindow, FsError> {
        let stat = &located.stat;
        let fail = |error| located.io("read", error);
        let mut blocks = Blocks::new(located.file()?, stat.size);
        let head = blocks.block(0).map_err(fail)?;
        let whole = head.len() as u64 >= stat.size;
        let sample = head.get(..text::SAMPLE).unwrap_or(head);
        let sample_is_all = whole && sample.len() == head.len();
        let Ok((encoding, bom)) = text::detect(sample, sample_is_all) else {
            return Err(not_text(located, sample, sample_is_all));
        };
        let head_is_ascii = sample.is_ascii();

        let cache = &self.lines;
        let mut total = match cache.known_total(stat) {
            Some(total) => Some(total),
            None if stat.size <= COUNTED => {
                Some(cache.total(stat, &mut blocks, encoding).map_err(fail)?)
            }
            None => None,
        };
        let (start, first) = match window.from_byte {
            Some(byte) => (Some(byte), u64::try_from(window.offset).ok().filter(|&line| line > 0)),
            None if window.offset < 0 => {
                let back = window.offset.unsigned_abs();
                let start = lines::from_end(&mut blocks, encoding, back).map_err(fail)?;
                let first = total.map(|total| total.saturating_sub(back) + 1);
                (Some(start), if start == 0 { Some(1) } else { first })
            }
            None => {
                let line = u64::try_from(window.offset).unwrap_or(1).max(1);
                let start = cache.start(stat, &mut blocks, encoding, line).map_err(fail)?;
                (start, Some(line))
            }
        };
        // Beyond the end: counting on the way has filled in the total.
        total = total.or_else(|| cache.known_total(stat));
        let mut piece = TextWindow {
            text: String::new(),
            lines: 0,
            first_line: None,
            last_line: None,
            total_lines: total,
            total_bytes: stat.size,
            next: None,
            encoding,
            bom,
            eol: Eol::None,
            lossy: false,
            version: version::of(stat),
            altered: Altered::default(),
            range: 0..0,
        };
        let Some(mut start) = start.filter(|&start| start < stat.size) else { return Ok(piece) };
        if bom && start == 0 {
            start = if encoding.unit() == 2 { 2 } else { 3 };
        }

        let max_bytes = max_bytes.max(LEAST_BYTES);
        // Other encodings need up to twice the bytes of UTF-8.
        let most = if encoding.is_utf8() { max_bytes + 4 } else { max_bytes * 2 + 16 };
        let mut raw = blocks.range(start, most).map_err(fail)?;
        if let Some(end) = lines::after_feed(&raw, encoding, window.limit.max(1)) {
            raw.truncate(end);
        }
        let at_end = start + raw.len() as u64 >= stat.size;
        let may_guess = head_is_ascii && !bom;
        let mut decoded = decode(&raw, encoding, may_guess, at_end, max_bytes);
        cut_at_line(&mut decoded, &raw, at_end);

        let end = start + decoded.raw as u64;
        piece.range = start..end;
        piece.text = decoded.text;
        piece.encoding = decoded.encoding;
        piece.lossy = decoded.lossy;
        let feeds = memchr::memchr_iter(b'\n', piece.text.as_bytes()).count() as u64;
        let closed = piece.text.ends_with('\n');
        piece.lines = feeds + u64::from(!closed && !piece.text.is_empty());
        piece.eol = Eol::of(&piece.text);
        if !piece.text.is_empty() {
            piece.first_line = first;
            piece.last_line = first.map(|first| first + piece.lines.saturating_sub(1));
        }
        if end < stat.size {
            let line = first.map(|first| first + feeds);
            piece.next = Some(match line {
                Some(line) if closed => Next::Line(line),
                _ => Next::Byte { position: end, line },
            });
        } else if piece.total_lines.is_none() {
            piece.total_lines = piece.last_line;
        }
        Ok(piece)
    }

    /// Reads lines as [`Source::read_text`] does, and shows them: at most `max_bytes` of what is
    /// shown. A credential that goes over the edge of the window is seen.
    pub fn read_shown(
        &self,
        located: &Located,
        window: Window,
        max_bytes: usize,
    ) -> Result<TextWindow, FsError> {
        let mut most = max_bytes;
        loop {
            let mut piece = self.read_text(located, window, most)?;
            let around = around(located, &piece)?;
            let (text, part) = match &around {
                Some((before, after)) => {
                    let part = before.len()..before.len() + piece.text.len();
                    (Cow::Owned([before.as_str(), &piece.text, after].concat()), part)
                }
                None => (Cow::Borrowed(piece.text.as_str()), 0..piece.text.len()),
            };
            let shown = self.outside.show_part(&text, part);
            piece.altered = shown.altered();
            if piece.altered.is_none() {
                return Ok(piece);
            }
            // An escape is up to six times as long as its character.
            if shown.text.len() > max_bytes && most > LEAST_BYTES {
                most = (most * max_bytes / shown.text.len()).min(most * 7 / 8).max(LEAST_BYTES);
                continue;
            }
            piece.text = shown.text.into_owned();
            piece.version = version::altered(&piece.version);
            return Ok(piece);
        }
    }
}

/// What stands before and after a window, as far as a credential can go; `None` if it is the whole
/// file.
fn around(located: &Located, piece: &TextWindow) -> Result<Option<(String, String)>, FsError> {
    let Range { start, end } = piece.range;
    let before = start.saturating_sub(AROUND as u64)..start;
    let after = end..piece.total_bytes.min(end + AROUND as u64);
    if piece.text.is_empty() || start <= piece.encoding.bom().len() as u64 && after.is_empty() {
        return Ok(None);
    }
    let decoded = |range: Range<u64>| {
        let mut bytes = vec![0; usize::try_from(range.end - range.start).unwrap_or(0)];
        let n = beneath::read_at(located.file()?, &mut bytes, range.start)
            .map_err(|error| located.io("read", error))?;
        Ok(piece.encoding.decode_lossy(bytes.get(..n).unwrap_or_default()))
    };
    Ok(Some((decoded(before)?, decoded(after)?)))
}

impl Located {
    /// All bytes of a file of at most `max` bytes.
    pub fn read_bytes(&self, max: u64) -> Result<Vec<u8>, FsError> {
        let file = self.file()?;
        let size = self.stat.size;
        if size > max {
            return Err(FsError::TooLarge { asked: self.asked.clone(), size, limit: max });
        }
        let mut bytes = vec![0; usize::try_from(size).unwrap_or(0)];
        let n = beneath::read_at(file, &mut bytes, 0).map_err(|error| self.io("read", error))?;
        bytes.truncate(n);
        Ok(bytes)
    }
}

fn not_text(located: &Located, sample: &[u8], whole: bool) -> FsError {
    let description = match text::kind(sample, whole, names::name(&located.path)) {
        Kind::Image { mime } | Kind::Audio { mime } => mime.to_owned(),
        Kind::Binary { description, .. } => description,
        Kind::Text { encoding, .. } => encoding.name().to_owned(),
    };
    FsError::NotText { asked: located.asked.clone(), description: description.into() }
}

/// Decodes as much of `raw` as fits into `max_bytes`.
fn decode(
    raw: &[u8],
    encoding: Encoding,
    may_guess: bool,
    at_end: bool,
    max_bytes: usize,
) -> Decoded {
    let mut encoding = encoding;
    if encoding.is_utf8() {
        let valid = match simdutf8::compat::from_utf8(raw) {
            Ok(text) => Some(text),
            // The end of what was read cuts a character.
            Err(error) if error.error_len().is_none() && !at_end => raw
                .get(..error.valid_up_to())
                .and_then(|valid| simdutf8::basic::from_utf8(valid).ok()),
            Err(_) => None,
        };
        if let Some(text) = valid {
            let text = text.get(..text.floor_char_boundary(max_bytes)).unwrap_or(text);
            return Decoded { raw: text.len(), text: text.to_owned(), encoding, lossy: false };
        }
        // A head in plain ASCII said nothing about what follows.
        if may_guess {
            encoding = text::guess(raw, at_end);
        }
    }
    let mut bytes = vec![0; max_bytes];
    let (_, read, written, lossy) = encoding.decoder().decode_to_utf8(raw, &mut bytes, at_end);
    bytes.truncate(written);
    let text = String::from_utf8(bytes).unwrap_or_default();
    Decoded { text, raw: read, encoding, lossy }
}

/// Unless the text ends with a line or the file, keeps whole lines only; a first line that is too
/// long by itself stays cut.
fn cut_at_line(decoded: &mut Decoded, raw: &[u8], at_end: bool) {
    let complete = at_end && decoded.raw >= raw.len();
    if complete || decoded.text.ends_with('\n') {
        return;
    }
    let Some(feed) = memchr::memrchr(b'\n', decoded.text.as_bytes()) else { return };
    decoded.text.truncate(feed + 1);
    let kept = memchr::memchr_iter(b'\n', decoded.text.as_bytes()).count();
    decoded.raw = lines::after_feed(raw, decoded.encoding, kept).unwrap_or(decoded.raw);
}

const _: () = assert!(BLOCK > text::SAMPLE, "the first block holds the sample");
