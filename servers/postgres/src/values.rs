//! Values of PostgreSQL as text and as JSON, and JSON as parameters. Results come in the binary
//! form; as text they are what PostgreSQL itself would write under the settings of our sessions.
//! Nothing here believes a byte of a value, and nothing is left out without saying so.
//!
//! | type | text | JSON |
//! |---|---|---|
//! | int2, int4, oid, reg*, xid, cid | digits (a `regclass` too: cast it to text for its name) | number |
//! | int8, numeric, money | all digits | string: a number may lose digits in its reader |
//! | float4, float8 | the shortest digits that are read back the same | number; NaN, infinities: string |
//! | bool | `true`, `false`; within arrays and rows `t`, `f` | bool |
//! | timestamptz | UTC | RFC 3339 from the year 1 to 9999, else as text |
//! | json, jsonb | as it is | string: the text, byte for byte |
//! | arrays | `{1,NULL,"a b"}` | arrays; a string if the lower bound isn't 1 |
//! | rows | `(1,,"a b")` | objects; arrays if the fields have no names |
//! | hstore, vector, halfvec | as the extension writes it | object, numbers |
//! | geometry, geography | EWKT | string |
//! | what we don't know | `\x…`, its bytes | string |
//!
//! All other types are text in both.

mod codec;
mod container;
mod extension;
mod json;
pub(crate) mod lines;
pub(crate) mod masking;
mod number;
pub(crate) mod parameter;
mod postgis;
mod scalar;
mod search;
mod time;
mod wire;

use lockkeeper_core::{Mask, Masks};
use serde_json::Value;
use tokio_postgres::types::{FromSql, Type};
use tokio_postgres::{Column, Row};

use self::codec::Codec;
use self::json::Budget;
use self::wire::{Out, Problem, Reader};

/// The columns of a result, as they are shown.
#[derive(Debug)]
pub(crate) struct Columns(Vec<Shown>);

/// A column as it is shown.
#[derive(Debug)]
struct Shown {
    codec: Codec,
    type_name: String,
    mask: Option<Mask>,
    /// No value of it is ever quoted in CSV.
    is_plain: bool,
}

/// How values are shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Show<'a> {
    pub(crate) masks: &'a Masks,
    /// Bytes of one value's text. A longer one is cut, and says so.
    pub(crate) longest: usize,
}

/// What happened to values that were shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Masked.
    pub(crate) masked: u64,
    /// Too long, and cut.
    pub(crate) cut: u64,
    /// No values of their type.
    pub(crate) unreadable: u64,
    /// Of a type that we don't know, shown as bytes: a cast to text helps.
    pub(crate) unknown: u64,
}

impl Columns {
    /// `masks` has one for each column, in this order.
    pub(crate) fn new(columns: &[Column], masks: &[Option<Mask>]) -> Self {
        // What has no place in `masks` is a mistake of ours: nothing of it is shown.
        let masks = masks.iter().copied().chain(std::iter::repeat(Some(Mask::Redact)));
        let shown = |(column, mask): (&Column, _)| Shown::new(column.type_(), mask);
        Self(columns.iter().zip(masks).map(shown).collect())
    }

    /// Adds a row to `text`: values with tabs between, and the escapes of COPY.
    pub(crate) fn write(&self, row: &Row, show: Show<'_>, text: &mut String, tally: &mut Tally) {
        for (place, column) in self.0.iter().enumerate() {
            if place > 0 {
                text.push('\t');
            }
            column.write(raw(row, place), show, text, tally);
        }
    }

    /// A row as values of JSON.
    pub(crate) fn json(&self, row: &Row, show: Show<'_>, tally: &mut Tally) -> Vec<Value> {
        let json = |(place, column): (usize, &Shown)| column.json(raw(row, place), show, tally);
        self.0.iter().enumerate().map(json).collect()
    }

    /// The types that we don't know, of the columns whose values are shown as bytes.
    pub(crate) fn unknown(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter(|column| column.codec.is_unknown()).map(|column| &*column.type_name)
    }
}

impl Shown {
    fn new(type_: &Type, mask: Option<Mask>) -> Self {
        let is_plain = mask.is_none() && lines::is_plain(type_.oid());
        Self { codec: Codec::of(type_), type_name: type_.name().to_owned(), mask, is_plain }
    }

    fn write(&self, bytes: Option<&[u8]>, show: Show<'_>, text: &mut String, tally: &mut Tally) {
        let Some(bytes) = bytes else {
            text.push_str("\\N");
            return;
        };
        let start = text.len();
        self.plain(bytes, show, text, tally);
        escape(text, start);
    }

    /// Writes what is shown of a value, as it is.
    fn plain(&self, bytes: &[u8], show: Show<'_>, text: &mut String, tally: &mut Tally) {
        match self.mask {
            Some(mask) => text.push_str(&self.masked(bytes, mask, show, tally)),
            None => self.text(bytes, show, text, tally),
        }
    }

    fn json(&self, bytes: Option<&[u8]>, show: Show<'_>, tally: &mut Tally) -> Value {
        let Some(bytes) = bytes else {
            return Value::Null;
        };
        if let Some(mask) = self.mask {
            return Value::String(self.masked(bytes, mask, show, tally));
        }
        let mut budget = Budget::new(show.longest);
        let mut reader = Reader::new(bytes);
        let value = self.codec.json(&mut reader, &mut budget);
        if let Ok(value) = value
            && reader.end().is_ok()
        {
            tally.unknown += u64::from(budget.is_unknown);
            return value;
        }
        // As text it says what is wrong with it.
        let mut text = String::new();
        self.text(bytes, show, &mut text, tally);
        Value::String(text)
    }

    /// Writes the text of a value.
    fn text(&self, bytes: &[u8], show: Show<'_>, text: &mut String, tally: &mut Tally) {
        let start = text.len();
        let mut reader = Reader::new(bytes);
        let mut out = Out::new(text, show.longest);
        let written = self.codec.write(&mut reader, &mut out).and_then(|()| reader.end());
        tally.unknown += u64::from(out.is_unknown);
        match written {
            Ok(()) => {}
            Err(Problem::Full) => {
                tally.cut += 1;
                let end = text.floor_char_boundary(start.saturating_add(show.longest));
                text.truncate(end);
                let (size, unit) = self.codec.size(bytes);
                text.push_str(&format!("…[cut: {size} {unit}]"));
            }
            Err(Problem::Corrupt(problem)) => {
                tally.unreadable += 1;
                text.truncate(start);
                text.push_str(&format!("[unreadable: {problem}]"));
            }
        }
    }

    /// What is shown instead of a value. NULL is no value and stays.
    fn masked(&self, bytes: &[u8], mask: Mask, show: Show<'_>, tally: &mut Tally) -> String {
        /// Nothing longer is hashed.
        const LONGEST: usize = 16 * 1024 * 1024;
        tally.masked += 1;
        let mut text = String::new();
        if mask == Mask::Redact {
            return show.masks.apply(mask, &text);
        }
        let mut reader = Reader::new(bytes);
        let written = self.codec.write(&mut reader, &mut Out::new(&mut text, LONGEST));
        let mask = if written.is_ok() { mask } else { Mask::Redact };
        show.masks.apply(mask, &text)
    }
}

/// The bytes of a value, whatever its type.
struct Raw<'a>(&'a [u8]);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(
        _: &Type,
        bytes: &'a [u8],
    ) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(bytes))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

fn raw(row: &Row, place: usize) -> Option<&[u8]> {
    // It can't fail: the place is one of the row's, and every type is accepted.
    let value = row.try_get::<_, Option<Raw<'_>>>(place);
    value.ok().flatten().map(|Raw(bytes)| bytes)
}

/// Escapes what was written from `start` on as COPY does.
fn escape(text: &mut String, start: usize) {
    let written = text.get(start..).unwrap_or_default();
    let Some(first) = written.bytes().position(|byte| escape_of(byte).is_some()) else {
        return;
    };
    let rest = text.split_off(start + first);
    text.reserve(rest.len() + rest.len() / 8 + 8);
    for c in rest.chars() {
        match u8::try_from(c).ok().and_then(escape_of) {
            Some(escape) => text.extend(['\\', escape]),
            None => text.push(c),
        }
    }
}

fn escape_of(byte: u8) -> Option<char> {
    Some(match byte {
        b'\\' => '\\',
        b'\t' => 't',
        b'\n' => 'n',
        b'\r' => 'r',
        0x08 => 'b',
        0x0B => 'v',
        0x0C => 'f',
        _ => return None,
    })
}

#[cfg(test)]
mod oracle;
#[cfg(test)]
mod tests;
