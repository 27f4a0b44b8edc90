//! BSON's bytes, read in order. Whatever they are, reading them ends in a value or an error.

/// Bytes that are no BSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a document that is no valid BSON: {0}")]
pub struct Malformed(pub(super) &'static str);

/// What is left to be read of a document.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Malformed("it is cut short"))?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(Malformed("it is cut short"))?;
        self.0 = rest;
        Ok(*taken)
    }

    pub(super) fn byte(&mut self) -> Result<u8, Malformed> {
        self.array().map(|[byte]| byte)
    }

    pub(super) fn int32(&mut self) -> Result<i32, Malformed> {
        self.array().map(i32::from_le_bytes)
    }

    pub(super) fn int64(&mut self) -> Result<i64, Malformed> {
        self.array().map(i64::from_le_bytes)
    }

    /// A length as BSON writes it: never negative.
    pub(super) fn length(&mut self) -> Result<usize, Malformed> {
        usize::try_from(self.int32()?).map_err(|_| Malformed("a length is negative"))
    }

    /// Text up to a NUL: names, patterns.
    pub(super) fn cstring(&mut self) -> Result<&'a str, Malformed> {
        let end = memchr::memchr(0, self.0).ok_or(Malformed("a name has no end"))?;
        let text = self.take(end)?;
        self.byte()?;
        utf8(text)
    }

    /// Text with its length before it and a NUL behind it.
    pub(super) fn string(&mut self) -> Result<&'a str, Malformed> {
        let length = self.length()?;
        match self.take(length)?.split_last() {
            Some((0, text)) => utf8(text),
            _ => Err(Malformed("a string has no end")),
        }
    }

    /// The elements of a document or an array: what lies between its length and its end.
    pub(super) fn document(&mut self) -> Result<Self, Malformed> {
        let total = self.length()?;
        let within =
            total.checked_sub(4).ok_or(Malformed("a document is shorter than its length"))?;
        match self.take(within)?.split_last() {
            Some((0, elements)) => Ok(Self(elements)),
            _ => Err(Malformed("a document has no end")),
        }
    }
}

fn utf8(text: &[u8]) -> Result<&str, Malformed> {
    std::str::from_utf8(text).map_err(|_| Malformed("a text is not UTF-8"))
}
