//! Rows as lines of CSV and of JSON. CSV is what `COPY … (FORMAT csv)` writes: a value in quotes where
//! it must be, NULL as nothing and an empty text as `""`.

use std::fmt::Write as _;

use serde_json::Value;
use tokio_postgres::Row;

use super::{Columns, Show, Tally, raw};

impl Columns {
    /// Adds a row to `text` as a line of CSV, without its end.
    pub(crate) fn csv(&self, row: &Row, show: Show<'_>, text: &mut String, tally: &mut Tally) {
        for (place, column) in self.0.iter().enumerate() {
            if place > 0 {
                text.push(',');
            }
            let Some(bytes) = raw(row, place) else { continue };
            let start = text.len();
            column.plain(bytes, show, text, tally);
            if !column.is_plain {
                quote(text, start);
            }
        }
    }

    /// A row as an object in JSON. `keys` are those of [`keys`].
    pub(crate) fn jsonl(
        &self,
        row: &Row,
        keys: &[String],
        show: Show<'_>,
        tally: &mut Tally,
    ) -> String {
        let mut text = String::from("{");
        for (place, (column, key)) in self.0.iter().zip(keys).enumerate() {
            if place > 0 {
                text.push(',');
            }
            text.push_str(key);
            match column.json(raw(row, place), show, tally) {
                Value::Null => text.push_str("null"),
                // Values of JSON are always written.
                value => drop(write!(text, "{value}")),
            }
        }
        text.push('}');
        text
    }
}

/// The names of columns as keys of an object, with the colon. One that is there twice gets a number,
/// since readers of JSON keep only one of two equal keys.
pub(crate) fn keys<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut taken: Vec<String> = Vec::new();
    for name in names {
        let mut free = name.to_owned();
        let mut number = 2;
        while taken.contains(&free) {
            free = format!("{name}_{number}");
            number += 1;
        }
        taken.push(free);
    }
    taken.into_iter().map(|name| format!("{}:", Value::String(name))).collect()
}

/// A line of CSV, without its end.
pub(crate) fn csv_of<'a>(values: impl Iterator<Item = &'a str>) -> String {
    let mut line = String::new();
    for (place, value) in values.enumerate() {
        if place > 0 {
            line.push(',');
        }
        let start = line.len();
        line.push_str(value);
        quote(&mut line, start);
    }
    line
}

/// Whether the values of a type have nothing in them that CSV quotes: numbers, truth, times, UUIDs.
pub(super) fn is_plain(oid: u32) -> bool {
    matches!(
        oid,
        16 | 20 | 21 | 23 | 26 | 700 | 701 | 1082 | 1083 | 1114 | 1184 | 1186 | 1266 | 1700 | 2950
    )
}

/// Puts quotes around what was written from `start` on, if it needs them.
fn quote(text: &mut String, start: usize) {
    let value = text.get(start..).unwrap_or_default();
    // Looking at every byte takes less time than stopping at the first.
    let needs = |byte| u8::from(matches!(byte, b',' | b'"' | b'\n' | b'\r'));
    let needed = value.bytes().fold(0, |needed, byte| needed | needs(byte));
    let is_plain = !value.is_empty() && value != "\\." && needed == 0;
    if is_plain {
        return;
    }
    let value = text.split_off(start);
    text.reserve(value.len() + 2);
    text.push('"');
    for (place, part) in value.split('"').enumerate() {
        if place > 0 {
            text.push_str("\"\"");
        }
        text.push_str(part);
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_is_quoted_where_it_must_be() {
        let line =
            csv_of(["a", "", "a,b", "say \"x\"", "\"", "a\nb", "\\.", " ", "\t"].into_iter());
        assert_eq!(line, "a,\"\",\"a,b\",\"say \"\"x\"\"\",\"\"\"\",\"a\nb\",\"\\.\", ,\t");
    }

    #[test]
    fn keys_are_each_there_once() {
        let keys = keys(["a", "b\"", "a", "a_2", "?column?", "a"].into_iter());
        assert_eq!(
            keys,
            [r#""a":"#, r#""b\"":"#, r#""a_2":"#, r#""a_2_2":"#, r#""?column?":"#, r#""a_3":"#]
        );
    }
}
