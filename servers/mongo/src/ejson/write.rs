//! From BSON's bytes to Extended JSON. There is no tree in between: a document is written while it
//! is read, and what the policy hides of it is never written.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bson::{Bson, Decimal128, Document};

use super::bytes::{Bytes, Malformed};
use super::date;
use super::veil::{Node, Seen, Veil};

/// The deepest nesting that is written. Servers store a hundred levels.
const MAX_DEPTH: usize = 200;

/// Integers up to here are exact in every reader of JSON.
const EXACT: u64 = 1 << 53;

/// Doubles from here on look like integers that 64 bits don't hold.
pub(super) const EXACT_DOUBLE: f64 = 9.2e18;

/// Which of the two forms of Extended JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// Numbers and dates as people write them. Whether a number was 32 or 64 bits wide is lost.
    #[default]
    Relaxed,
    /// Every type is named.
    Canonical,
}

/// What was left out of an answer, or shown otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hidden {
    /// Fields that the policy denies.
    pub omitted: u64,
    /// Values that the policy masks.
    pub masked: u64,
}

/// Writes documents.
#[derive(Debug, Default)]
pub struct Writer {
    form: Form,
    veil: Option<Veil>,
    hidden: Hidden,
}

impl Writer {
    /// A writer that shows everything.
    pub fn new(form: Form) -> Self {
        Self { form, ..Self::default() }
    }

    /// Puts `veil` between the documents and whoever reads them.
    #[must_use]
    pub fn behind(mut self, veil: Option<Veil>) -> Self {
        self.veil = veil;
        self
    }

    /// What was hidden so far.
    pub fn hidden(&self) -> Hidden {
        self.hidden
    }

    /// Writes a document. After an error, `out` is as it was.
    pub fn document(&mut self, document: &[u8], out: &mut String) -> Result<(), Malformed> {
        let (start, hidden) = (out.len(), self.hidden);
        let mut bytes = Bytes::new(document);
        let written = bytes.document().and_then(|elements| {
            if bytes.is_empty() {
                self.elements(elements, At::start(self.veil.as_ref()), false, out)
            } else {
                Err(Malformed("it goes on behind its end"))
            }
        });
        if written.is_err() {
            out.truncate(start);
            self.hidden = hidden;
        }
        written
    }

    /// Writes the value of `kind` that `bytes` begins with, as the field at `path`.
    pub fn value(
        &mut self,
        kind: u8,
        bytes: &[u8],
        path: &[&str],
        out: &mut String,
    ) -> Result<(), Malformed> {
        let (start, hidden) = (out.len(), self.hidden);
        let mut at = At::start(self.veil.as_ref());
        for name in path {
            at = at.field(self.veil.as_mut(), name);
        }
        let written = self.seen(kind, &mut Bytes::new(bytes), at, out);
        if written.is_err() {
            out.truncate(start);
            self.hidden = hidden;
        }
        if matches!(written, Ok(false)) {
            out.push_str("null");
        }
        written.map(drop)
    }

    fn elements(
        &mut self,
        mut elements: Bytes<'_>,
        at: At,
        array: bool,
        out: &mut String,
    ) -> Result<(), Malformed> {
        if at.depth > MAX_DEPTH {
            return Err(Malformed("it is nested too deep"));
        }
        out.push(if array { '[' } else { '{' });
        let mut first = true;
        while !elements.is_empty() {
            let kind = elements.byte()?;
            let name = elements.cstring()?;
            let start = out.len();
            if !first {
                out.push(',');
            }
            let below = if array {
                at
            } else {
                string(name, out);
                out.push(':');
                at.field(self.veil.as_mut(), name)
            };
            if self.seen(kind, &mut elements, below, out)? {
                first = false;
            } else {
                out.truncate(start);
            }
        }
        out.push(if array { ']' } else { '}' });
        Ok(())
    }

    /// Writes a value as far as the policy shows it; says whether there is anything to be seen.
    fn seen(
        &mut self,
        kind: u8,
        bytes: &mut Bytes<'_>,
        at: At,
        out: &mut String,
    ) -> Result<bool, Malformed> {
        let Some(veil) = &self.veil else { return self.plain(kind, bytes, at, out).map(|()| true) };
        match at.node.map_or(Seen::Clear, |node| veil.seen(node)) {
            Seen::Clear => self.plain(kind, bytes, At { node: None, ..at }, out)?,
            Seen::Partly => self.plain(kind, bytes, at, out)?,
            Seen::Denied => {
                let start = out.len();
                self.plain(kind, bytes, At { node: None, ..at }, out)?;
                out.truncate(start);
                self.hidden.omitted += 1;
                return Ok(false);
            }
            // What is masked in an array is each of its items.
            Seen::Masked(_) if kind == 0x04 => self.plain(kind, bytes, at, out)?,
            Seen::Masked(_) if matches!(kind, 0x06 | 0x0A) => self.plain(kind, bytes, at, out)?,
            Seen::Masked(mask) => {
                let start = out.len();
                let shown = if matches!(kind, 0x02 | 0x0E) {
                    veil.mask(mask, bytes.string()?)
                } else {
                    // Of what is no text, the last characters would be those of our spelling.
                    let scalar = matches!(kind, 0x01 | 0x10 | 0x12 | 0x13);
                    let whole = matches!(kind, 0x07..=0x09 | 0x11 | 0x05) || scalar;
                    self.plain(kind, bytes, At { node: None, ..at }, out)?;
                    let Some(veil) = &self.veil else { return Ok(true) };
                    let text = out.get(start..).unwrap_or_default();
                    veil.mask_of_other(mask, text, whole, scalar)
                };
                out.truncate(start);
                string(&shown, out);
                self.hidden.masked += 1;
            }
        }
        Ok(true)
    }

    fn plain(
        &mut self,
        kind: u8,
        bytes: &mut Bytes<'_>,
        at: At,
        out: &mut String,
    ) -> Result<(), Malformed> {
        let canonical = self.form == Form::Canonical;
        match kind {
            0x01 => double(f64::from_le_bytes(bytes.array()?), canonical, out),
            0x02 => string(bytes.string()?, out),
            0x03 => self.elements(bytes.document()?, at.deeper(), false, out)?,
            0x04 => self.elements(bytes.document()?, at.deeper(), true, out)?,
            0x05 => binary(bytes, out)?,
            0x06 => out.push_str(r#"{"$undefined":true}"#),
            0x07 => object_id(bytes, out)?,
            0x08 => out.push_str(match bytes.byte()? {
                0 => "false",
                1 => "true",
                _ => return Err(Malformed("a boolean is neither true nor false")),
            }),
            0x09 => datetime(bytes.int64()?, canonical, out),
            0x0A => out.push_str("null"),
            0x0B => {
                out.push_str(r#"{"$regularExpression":{"pattern":"#);
                string(bytes.cstring()?, out);
                out.push_str(r#","options":"#);
                string(bytes.cstring()?, out);
                out.push_str("}}");
            }
            0x0C => {
                out.push_str(r#"{"$dbPointer":{"$ref":"#);
                string(bytes.string()?, out);
                out.push_str(r#","$id":"#);
                object_id(bytes, out)?;
                out.push_str("}}");
            }
            0x0D => {
                out.push_str(r#"{"$code":"#);
                string(bytes.string()?, out);
                out.push('}');
            }
            0x0E => {
                out.push_str(r#"{"$symbol":"#);
                string(bytes.string()?, out);
                out.push('}');
            }
            0x0F => self.scoped_code(bytes, at, out)?,
            0x10 => int32(bytes.int32()?, canonical, out),
            0x11 => {
                let (i, t) =
                    (u32::from_le_bytes(bytes.array()?), u32::from_le_bytes(bytes.array()?));
                let _ = write!(out, r#"{{"$timestamp":{{"t":{t},"i":{i}}}}}"#);
            }
            0x12 => int64(bytes.int64()?, canonical, out),
            0x13 => {
                let decimal = Decimal128::from_bytes(bytes.array()?);
                let _ = write!(out, r#"{{"$numberDecimal":"{decimal}"}}"#);
            }
            0xFF => out.push_str(r#"{"$minKey":1}"#),
            0x7F => out.push_str(r#"{"$maxKey":1}"#),
            _ => return Err(Malformed("a value has a type that there isn't")),
        }
        Ok(())
    }

    fn scoped_code(
        &mut self,
        bytes: &mut Bytes<'_>,
        at: At,
        out: &mut String,
    ) -> Result<(), Malformed> {
        let total = bytes.length()?;
        let length = total.checked_sub(4).ok_or(Malformed("code is shorter than its length"))?;
        let mut within = Bytes::new(bytes.take(length)?);
        out.push_str(r#"{"$code":"#);
        string(within.string()?, out);
        out.push_str(r#","$scope":"#);
        // The scope is part of the value that the rules of its field were asked about.
        let at = At { node: None, ..at }.deeper();
        self.elements(within.document()?, at, false, out)?;
        out.push('}');
        if within.is_empty() { Ok(()) } else { Err(Malformed("code goes on behind its end")) }
    }
}

/// A value as relaxed text, for a line about it.
pub fn text(value: &Bson) -> String {
    let mut out = String::new();
    let mut document = Document::new();
    document.insert("", value.clone());
    let bytes = document.to_vec().unwrap_or_default();
    let written = Writer::new(Form::Relaxed).document(&bytes, &mut out);
    // `{"":…}` without what is around the value.
    let inner = written.ok().and_then(|()| out.get(4..out.len() - 1));
    inner.unwrap_or_default().to_owned()
}

/// A document as relaxed text, for a line about it.
pub fn text_of(document: &Document) -> String {
    let mut out = String::new();
    let bytes = document.to_vec().unwrap_or_default();
    match Writer::new(Form::Relaxed).document(&bytes, &mut out) {
        Ok(()) => out,
        Err(_) => String::new(),
    }
}

/// Where in a document something is written: how deep, and under which rules.
#[derive(Debug, Clone, Copy)]
struct At {
    depth: usize,
    node: Option<Node>,
}

impl At {
    fn start(veil: Option<&Veil>) -> Self {
        Self { depth: 0, node: veil.map(|_| Veil::ROOT) }
    }

    fn deeper(self) -> Self {
        Self { depth: self.depth + 1, ..self }
    }

    fn field(self, veil: Option<&mut Veil>, name: &str) -> Self {
        let node = veil.zip(self.node).map(|(veil, node)| veil.field(node, name));
        Self { node, ..self }
    }
}

fn double(value: f64, canonical: bool, out: &mut String) {
    if value.abs() < EXACT_DOUBLE && !canonical {
        // Shortest digits that read back as the same value, and never those of an integer.
        let _ = write!(out, "{value:?}");
        return;
    }
    out.push_str(r#"{"$numberDouble":""#);
    let _ = match value {
        _ if value.is_nan() => write!(out, "NaN"),
        f64::INFINITY => write!(out, "Infinity"),
        f64::NEG_INFINITY => write!(out, "-Infinity"),
        _ => write!(out, "{value:?}"),
    };
    out.push_str("\"}");
}

fn int32(value: i32, canonical: bool, out: &mut String) {
    let _ = if canonical {
        write!(out, r#"{{"$numberInt":"{value}"}}"#)
    } else {
        write!(out, "{value}")
    };
}

fn int64(value: i64, canonical: bool, out: &mut String) {
    let _ = if canonical || value.unsigned_abs() > EXACT {
        write!(out, r#"{{"$numberLong":"{value}"}}"#)
    } else {
        write!(out, "{value}")
    };
}

fn datetime(millis: i64, canonical: bool, out: &mut String) {
    let start = out.len();
    out.push_str(r#"{"$date":""#);
    if !canonical && date::write(millis, out) {
        out.push_str("\"}");
        return;
    }
    out.truncate(start);
    let _ = write!(out, r#"{{"$date":{{"$numberLong":"{millis}"}}}}"#);
}

fn object_id(bytes: &mut Bytes<'_>, out: &mut String) -> Result<(), Malformed> {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push_str(r#"{"$oid":""#);
    for byte in bytes.array::<12>()? {
        for half in [byte >> 4, byte & 15] {
            out.push(HEX.get(usize::from(half)).map_or('0', |&digit| char::from(digit)));
        }
    }
    out.push_str("\"}");
    Ok(())
}

fn binary(bytes: &mut Bytes<'_>, out: &mut String) -> Result<(), Malformed> {
    let length = bytes.length()?;
    let subtype = bytes.byte()?;
    let mut payload = bytes.take(length)?;
    if subtype == 2 {
        // The old generic subtype says its length twice; text says it once.
        let mut old = Bytes::new(payload);
        let inner = old.length()?;
        payload = old.take(inner)?;
        if !old.is_empty() {
            return Err(Malformed("a binary has two lengths"));
        }
    }
    out.push_str(r#"{"$binary":{"base64":""#);
    STANDARD.encode_string(payload, out);
    let _ = write!(out, r#"","subType":"{subtype:02x}"}}}}"#);
    Ok(())
}

/// Writes a JSON string.
pub(super) fn string(text: &str, out: &mut String) {
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| byte < 0x20 || matches!(byte, b'"' | b'\\')) {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        let mut chars = after.chars();
        let _ = match chars.next() {
            Some('"') => write!(out, "\\\""),
            Some('\\') => write!(out, "\\\\"),
            Some('\n') => write!(out, "\\n"),
            Some('\r') => write!(out, "\\r"),
            Some('\t') => write!(out, "\\t"),
            Some(control) => write!(out, "\\u{:04x}", u32::from(control)),
            None => Ok(()),
        };
        rest = chars.as_str();
    }
    out.push_str(rest);
    out.push('"');
}
