//! The whole text of a file that is about to be edited, and how its bytes come back. Edits are
//! matched against text whose line ends are all `\n`; they are applied to the text as it is, so that
//! every byte outside of an edit stays, whatever the encoding and the line ends.

use std::borrow::Cow;
use std::ops::Range;

use lockkeeper_core::{Outside, Shown, Unclear};

use super::beneath;
use super::error::FsError;
use super::place::Target;
use super::text::{self, Encoding};
use super::write::{Current, encode};

/// The largest file that is edited: all of it is in memory, a few times over.
pub(super) const LARGEST: u64 = 8 * 1024 * 1024;

/// An open file and its text.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) current: Current,
    encoding: Encoding,
    bom: bool,
    /// With its own line ends, without the byte order mark.
    pub(super) text: String,
}

impl Document {
    /// Reads the file at `target`; `None` if there is none.
    pub(super) fn read(target: &Target) -> Result<Option<Self>, FsError> {
        target.no_directory()?;
        let Some(current) = target.current()? else { return Ok(None) };
        let (asked, size) = (target.asked.clone(), current.stat.size);
        if size > LARGEST {
            return Err(FsError::TooLarge { asked, size, limit: LARGEST });
        }
        let mut bytes = vec![0; usize::try_from(size).unwrap_or(0)];
        let n = beneath::read_at(&current.file, &mut bytes, 0)
            .map_err(|error| target.io("read", error))?;
        bytes.truncate(n);
        let (encoding, bom, text) = match decode(bytes) {
            Ok(decoded) => decoded,
            Err(Undecoded::Binary(description)) => {
                return Err(FsError::NotText { asked, description: description.into() });
            }
            Err(Undecoded::NotExact(encoding)) => {
                return Err(FsError::NotExact { asked, encoding });
            }
        };
        Ok(Some(Self { current, encoding, bom, text }))
    }

    /// The bytes of `text` in the encoding of this file.
    pub(super) fn bytes(&self, target: &Target, text: &str) -> Result<Vec<u8>, FsError> {
        let encoded = encode(target, self.encoding, text)?;
        Ok(if self.bom { [self.encoding.bom(), &encoded].concat() } else { encoded })
    }
}

enum Undecoded {
    Binary(&'static str),
    NotExact(&'static str),
}

fn decode(bytes: Vec<u8>) -> Result<(Encoding, bool, String), Undecoded> {
    let sample = bytes.get(..text::SAMPLE).unwrap_or(&bytes);
    let whole = sample.len() == bytes.len();
    let (mut encoding, bom) = text::detect(sample, whole).map_err(Undecoded::Binary)?;
    if encoding.is_utf8() && !bom {
        // A head in plain ASCII said nothing about what follows; as when reading.
        let head_is_ascii = sample.is_ascii();
        let bytes = match String::from_utf8(bytes) {
            Ok(text) => return Ok((encoding, bom, text)),
            Err(error) => error.into_bytes(),
        };
        if head_is_ascii {
            encoding = text::guess(&bytes, true);
        }
        let text = encoding.decode_exactly(&bytes);
        return Ok((encoding, bom, text.ok_or(Undecoded::NotExact(encoding.name()))?));
    }
    let rest = if bom { bytes.get(encoding.bom().len()..).unwrap_or_default() } else { &bytes };
    let text = encoding.decode_exactly(rest).ok_or(Undecoded::NotExact(encoding.name()))?;
    Ok((encoding, bom, text))
}

/// A text as agents see it, with `\n` alone at the ends of its lines, and the way back to places in
/// the original.
pub(super) struct Normal<'a> {
    original: &'a str,
    shown: Shown<'a>,
    pub(super) text: Cow<'a, str>,
    /// Where in `text` the line feeds stand that have a carriage return before them originally.
    returns: Vec<usize>,
}

impl<'a> Normal<'a> {
    /// A text that an agent sent.
    pub(super) fn new(original: &'a str) -> Self {
        Self::of(original, Shown::as_is(original))
    }

    /// A text of a file, as `outside` shows it.
    pub(super) fn shown(original: &'a str, outside: Outside) -> Self {
        Self::of(original, outside.show(original))
    }

    fn of(original: &'a str, shown: Shown<'a>) -> Self {
        let mut text = String::new();
        let mut returns = Vec::new();
        let mut rest = shown.text.as_ref();
        while let Some((line, after)) = rest.split_once("\r\n") {
            text.push_str(line);
            returns.push(text.len());
            text.push('\n');
            rest = after;
        }
        if returns.is_empty() {
            let text = shown.text.clone();
            return Self { original, shown, text, returns };
        }
        text.push_str(rest);
        Self { original, shown, text: Cow::Owned(text), returns }
    }

    /// Whether a range of `text` begins and ends where something of the original does: not within
    /// an escape or a placeholder.
    pub(super) fn is_whole(&self, range: &Range<usize>) -> bool {
        let is_place = |place| self.shown.original_place(self.shown_place(place)).is_some();
        is_place(range.start) && is_place(range.end)
    }

    /// The original with the given whole ranges of `text` replaced: in order, without overlap. What the
    /// old and the new text of a range have in common at either end stays as it is, and new lines
    /// end as those did whose place they take, or as their neighbours do.
    pub(super) fn replace(
        &self,
        edits: &[(Range<usize>, Cow<'_, str>)],
    ) -> Result<String, Unclear> {
        let mut out = String::with_capacity(self.original.len());
        let mut done = 0;
        for (range, new) in edits {
            let new = Normal::new(new);
            let old = self.text.get(range.clone()).unwrap_or_default();
            let (mut head, mut tail) = in_common(old, &new.text);
            // What is altered in the common part stays as a whole, or is replaced as a whole.
            let start = self.shown_place(range.start + head);
            head -= start - self.shown.floor(start);
            let end = self.shown_place(range.end - tail);
            tail -= self.shown.ceil(end) - end;
            let range = range.start + head..range.end - tail;
            let middle = new.text.get(head..new.text.len() - tail).unwrap_or_default();
            let places = self.shown_place(range.start)..self.shown_place(range.end);
            let middle = self.shown.unshow(places, middle)?;
            let start = self.original_place(range.start);
            out.push_str(self.original.get(done..start).unwrap_or_default());
            self.push(&mut out, &range, &middle, &new);
            done = self.original_place(range.end);
        }
        out.push_str(self.original.get(done..).unwrap_or_default());
        Ok(out)
    }

    fn push(&self, out: &mut String, range: &Range<usize>, new: &str, given: &Normal<'_>) {
        let old = self.text.get(range.clone()).unwrap_or_default();
        let mut ends =
            memchr::memchr_iter(b'\n', old.as_bytes()).map(|at| self.has_return(range.start + at));
        let mut last = self.neighbour(range.start).unwrap_or(!given.returns.is_empty());
        for piece in new.split_inclusive('\n') {
            let Some(line) = piece.strip_suffix('\n') else {
                out.push_str(piece);
                continue;
            };
            last = ends.next().unwrap_or(last);
            out.push_str(line);
            // A return that the line itself holds is none of its end.
            out.push_str(if last { "\r\n" } else { "\n" });
        }
    }

    fn has_return(&self, feed: usize) -> bool {
        self.returns.binary_search(&feed).is_ok()
    }

    /// Whether the line end nearest to a place has a return: the one before it, or the one after.
    fn neighbour(&self, place: usize) -> Option<bool> {
        let (before, after) = self.text.split_at_checked(place)?;
        let feed = memchr::memrchr(b'\n', before.as_bytes());
        let feed = feed.or_else(|| memchr::memchr(b'\n', after.as_bytes()).map(|at| place + at))?;
        Some(self.has_return(feed))
    }

    /// Where a place in `text` is in the original: before the return of a line end.
    fn original_place(&self, place: usize) -> usize {
        self.shown.original_place(self.shown_place(place)).unwrap_or(self.original.len())
    }

    fn shown_place(&self, place: usize) -> usize {
        place + self.returns.partition_point(|&feed| feed < place)
    }
}

/// How many bytes two texts have in common at the start, and of the rest at the end.
fn in_common(old: &str, new: &str) -> (usize, usize) {
    let same = |(a, b): &(char, char)| a == b;
    let bytes = |pair: (char, char)| pair.0.len_utf8();
    let head: usize = old.chars().zip(new.chars()).take_while(same).map(bytes).sum();
    let (old, new) = (old.get(head..).unwrap_or_default(), new.get(head..).unwrap_or_default());
    let tail = old.chars().rev().zip(new.chars().rev()).take_while(same).map(bytes).sum();
    (head, tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replaced(original: &str, old: &str, new: &str) -> String {
        let normal = Normal::new(original);
        let start = normal.text.find(old).unwrap();
        normal.replace(&[(start..start + old.len(), new.into())]).unwrap()
    }

    #[test]
    fn what_is_not_edited_stays_byte_for_byte() {
        assert_eq!(replaced("a\r\nb\nc\r\nd", "b\nc", "b\nC"), "a\r\nb\nC\r\nd");
        assert_eq!(replaced("a\r\nb\r\n", "a\nb\n", "a\nx\ny\nb\n"), "a\r\nx\r\ny\r\nb\r\n");
        assert_eq!(replaced("a\nb\r\nc", "c", "c\nd"), "a\nb\r\nc\r\nd");
        assert_eq!(replaced("a\r\nb\nc\r\nd\n", "a\nb\nc\n", "1\n2\n3\n"), "1\r\n2\n3\r\nd\n");
        assert_eq!(replaced("a\r\nb\r\nc", "b\n", ""), "a\r\nc");
        assert_eq!(replaced("a", "a", "a\r\nb"), "a\r\nb");
        assert_eq!(replaced("ä\r\n\r\nö", "ö", "ü"), "ä\r\n\r\nü");
        assert_eq!(replaced("a\r\r\nb", "a\r", "x"), "x\r\nb");
    }

    #[test]
    fn texts_come_back_exactly_or_not_at_all() {
        let exact = |bytes: &[u8]| {
            decode(bytes.to_vec()).ok().map(|(encoding, bom, text)| {
                let mut back = if bom { encoding.bom().to_vec() } else { Vec::new() };
                back.extend(encoding.encode(&text).unwrap());
                assert_eq!(back, bytes);
                encoding.name()
            })
        };
        assert_eq!(exact("grün\n".as_bytes()), Some("UTF-8"));
        assert_eq!(exact(b"\xEF\xBB\xBFabc"), Some("UTF-8"));
        assert_eq!(exact(b"Gr\xfc\xdfe aus K\xf6ln\n"), Some("windows-1252"));
        assert_eq!(exact(b"\xFF\xFEa\0\r\0\n\0"), Some("UTF-16LE"));
        // Half a character, half a surrogate pair.
        assert_eq!(exact(b"\xEF\xBB\xBFab\xC3"), None);
        assert_eq!(exact(b"\xFF\xFEa\0\x3D\xD8b\0"), None);
        assert_eq!(exact(b"\xFF\xFEa\0b"), None);
    }
}
