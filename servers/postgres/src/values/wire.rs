//! Both ends of a value: the bytes that the server sent, of which nothing is believed, and the text
//! that they become, which has an end.

use std::fmt;

/// Why a value isn't shown, or not all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Problem {
    /// The text is longer than asked for. What was written so far stays.
    Full,
    /// The bytes are no value of the type.
    Corrupt(&'static str),
}

pub(crate) const SHORT: Problem = Problem::Corrupt("it ends too early");

/// How deep values may lie in each other.
const DEEPEST: u8 = 48;

/// The bytes of a value, taken from the front.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    pub(crate) fn len(&self) -> usize {
        self.rest.len()
    }

    /// All that is left.
    pub(crate) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// All that is left, as text.
    pub(crate) fn text(&mut self) -> Result<&'a str, Problem> {
        utf8(self.rest())
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Result<&'a [u8], Problem> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(SHORT)?;
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Problem> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(SHORT)?;
        self.rest = rest;
        Ok(*taken)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Problem> {
        self.array().map(u8::from_be_bytes)
    }

    pub(crate) fn i16(&mut self) -> Result<i16, Problem> {
        self.array().map(i16::from_be_bytes)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Problem> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn i32(&mut self) -> Result<i32, Problem> {
        self.array().map(i32::from_be_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Problem> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn i64(&mut self) -> Result<i64, Problem> {
        self.array().map(i64::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Problem> {
        self.array().map(u64::from_be_bytes)
    }

    pub(crate) fn f32(&mut self) -> Result<f32, Problem> {
        self.array().map(f32::from_be_bytes)
    }

    pub(crate) fn f64(&mut self) -> Result<f64, Problem> {
        self.array().map(f64::from_be_bytes)
    }

    /// A count of things that take at least `least` bytes each: never more than there can be.
    pub(crate) fn count(&mut self, least: usize) -> Result<usize, Problem> {
        let count = self.i32()?;
        self.fits(count, least)
    }

    /// `count` as a number of things that take at least `least` bytes each of what follows.
    pub(crate) fn fits(&self, count: i32, least: usize) -> Result<usize, Problem> {
        let count = usize::try_from(count).map_err(|_| Problem::Corrupt("a count is negative"))?;
        let bytes = count.checked_mul(least).ok_or(SHORT)?;
        if bytes > self.rest.len() { Err(SHORT) } else { Ok(count) }
    }

    /// A value with its length before it; `None` for NULL.
    pub(crate) fn value(&mut self) -> Result<Option<Self>, Problem> {
        let length = self.i32()?;
        if length == -1 {
            return Ok(None);
        }
        let length = usize::try_from(length);
        let length = length.map_err(|_| Problem::Corrupt("a length is negative"))?;
        self.bytes(length).map(|bytes| Some(Self::new(bytes)))
    }

    /// Text that ends with a zero byte.
    pub(crate) fn terminated(&mut self) -> Result<&'a str, Problem> {
        let end = self.rest.iter().position(|byte| *byte == 0).ok_or(SHORT)?;
        let text = utf8(self.bytes(end)?)?;
        self.u8()?;
        Ok(text)
    }

    pub(crate) fn end(&self) -> Result<(), Problem> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(Problem::Corrupt("it goes on after its end"))
        }
    }
}

fn utf8(bytes: &[u8]) -> Result<&str, Problem> {
    std::str::from_utf8(bytes).map_err(|_| Problem::Corrupt("it isn't UTF-8"))
}

/// The text of a value, at the end of a longer one. Everything that may become much longer than its
/// bytes asks for room first; what can't may go over the end by some bytes.
pub(crate) struct Out<'a> {
    text: &'a mut String,
    end: usize,
    depth: u8,
    /// There is something of an unknown type in it.
    pub(crate) is_unknown: bool,
}

impl<'a> Out<'a> {
    /// At the end of `text`, at most so many bytes.
    pub(crate) fn new(text: &'a mut String, most: usize) -> Self {
        let end = text.len().saturating_add(most);
        Self { text, end, depth: 0, is_unknown: false }
    }

    pub(crate) fn room(&self, bytes: usize) -> Result<(), Problem> {
        if self.text.len().saturating_add(bytes) > self.end { Err(Problem::Full) } else { Ok(()) }
    }

    pub(crate) fn push(&mut self, c: char) {
        self.text.push(c);
    }

    /// Something short.
    pub(crate) fn push_str(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Something of any length: as much of it as there is room for.
    pub(crate) fn push_long(&mut self, text: &str) -> Result<(), Problem> {
        if self.room(text.len()).is_ok() {
            self.text.push_str(text);
            return Ok(());
        }
        let room = self.end.saturating_sub(self.text.len());
        self.text.push_str(text.get(..text.floor_char_boundary(room)).unwrap_or_default());
        Err(Problem::Full)
    }

    /// Whether this lies within another value.
    pub(crate) fn is_within(&self) -> bool {
        self.depth > 0
    }

    /// Writes what lies within another value.
    pub(crate) fn within<T>(
        &mut self,
        write: impl FnOnce(&mut Self) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        deeper(&mut self.depth)?;
        let written = write(self);
        self.depth -= 1;
        written
    }

    /// Writes something, and puts it in quotes if it needs them.
    pub(crate) fn quoted(
        &mut self,
        quoting: &Quoting,
        write: impl FnOnce(&mut Self) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        let start = self.text.len();
        write(self)?;
        let written = self.text.get(start..).unwrap_or_default();
        if !(quoting.needed)(written) {
            return Ok(());
        }
        let escaped = written.bytes().filter(|byte| matches!(byte, b'"' | b'\\')).count();
        self.room(escaped + 2)?;
        let written = self.text.split_off(start);
        self.text.push('"');
        for c in written.chars() {
            match (c, quoting.backslashes) {
                ('"' | '\\', true) => self.text.extend(['\\', c]),
                ('"' | '\\', false) => self.text.extend([c, c]),
                _ => self.text.push(c),
            }
        }
        self.text.push('"');
        Ok(())
    }

    /// `n` with at least `digits` digits, 20 at the most.
    pub(crate) fn padded(&mut self, mut n: u64, digits: usize) {
        let mut buffer = [b'0'; 20];
        let mut written = 0;
        for place in buffer.iter_mut().rev() {
            if n == 0 && written >= digits {
                break;
            }
            *place = decimal(n % 10);
            n /= 10;
            written += 1;
        }
        let digits = buffer.get(buffer.len() - written..).unwrap_or_default();
        self.text.push_str(std::str::from_utf8(digits).unwrap_or_default());
    }

    pub(crate) fn hex(&mut self, bytes: &[u8]) -> Result<(), Problem> {
        let room = self.end.saturating_sub(self.text.len()) / 2;
        for byte in bytes.get(..room.min(bytes.len())).unwrap_or_default() {
            self.hex_byte(*byte);
        }
        if bytes.len() > room { Err(Problem::Full) } else { Ok(()) }
    }

    pub(crate) fn hex_byte(&mut self, byte: u8) {
        let digit = |digit: u8| if digit < 10 { b'0' + digit } else { b'a' + digit - 10 };
        let digits = [digit(byte >> 4), digit(byte & 15)];
        self.text.push_str(std::str::from_utf8(&digits).unwrap_or_default());
    }
}

fn decimal(digit: u64) -> u8 {
    // Of one digit there is no other byte.
    b'0' + digit.to_le_bytes()[0]
}

impl fmt::Write for Out<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.text.push_str(text);
        Ok(())
    }
}

/// Counts how deep values lie in each other.
pub(crate) fn deeper(depth: &mut u8) -> Result<(), Problem> {
    if *depth >= DEEPEST {
        return Err(Problem::Corrupt("it is nested too deep"));
    }
    *depth += 1;
    Ok(())
}

/// How what lies within another value is quoted.
pub(crate) struct Quoting {
    pub(crate) needed: fn(&str) -> bool,
    /// Quotes and backslashes get a backslash before them; otherwise they are doubled.
    pub(crate) backslashes: bool,
}
