//! Values that hold others: arrays, ranges and rows, quoted as PostgreSQL does.

use super::codec::Codec;
use super::number::integer;
use super::wire::{Out, Problem, Quoting, Reader};

/// A field of a composite type.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) oid: u32,
    pub(super) codec: Codec,
}

/// What stands before the elements of an array.
pub(super) struct Array {
    /// OID of the elements' type.
    pub(super) element: u32,
    /// Length and lower bound of each dimension; none if it is empty.
    dimensions: Vec<(usize, i32)>,
}

/// PostgreSQL's own limit.
const DIMENSIONS: usize = 6;

impl Array {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Problem> {
        let (count, _, element) = (reader.i32()?, reader.i32()?, reader.u32()?);
        let count = reader.fits(count, 8)?;
        if count > DIMENSIONS {
            return Err(Problem::Corrupt("it has too many dimensions"));
        }
        let mut all = usize::from(count > 0);
        let mut dimensions = Vec::with_capacity(count);
        for _ in 0..count {
            let (length, lower) = (reader.i32()?, reader.i32()?);
            let length = usize::try_from(length);
            let length = length.map_err(|_| Problem::Corrupt("a dimension is negative"))?;
            all = all.saturating_mul(length);
            dimensions.push((length, lower));
        }
        if all == 0 {
            dimensions.clear();
        } else {
            // Each element has at least its length.
            reader.fits(i32::try_from(all).unwrap_or(i32::MAX), 4)?;
        }
        Ok(Self { element, dimensions })
    }

    /// Length of each dimension, if all begin at 1.
    pub(super) fn plain(&self) -> Option<Vec<usize>> {
        let plain = |(length, lower): &(usize, i32)| (*lower == 1).then_some(*length);
        self.dimensions.iter().map(plain).collect()
    }

    pub(super) fn write(
        &self,
        reader: &mut Reader<'_>,
        out: &mut Out<'_>,
        element: &Codec,
        delimiter: char,
    ) -> Result<(), Problem> {
        if self.dimensions.is_empty() {
            out.push_str("{}");
            return Ok(());
        }
        if self.plain().is_none() {
            for (length, lower) in &self.dimensions {
                let upper = i64::from(*lower) + i64::try_from(*length).unwrap_or_default() - 1;
                out.push('[');
                integer(out, i64::from(*lower));
                out.push(':');
                integer(out, upper);
                out.push(']');
            }
            out.push('=');
        }
        let needed = match delimiter {
            ';' => |text: &str| array_quotes(text, ';'),
            ':' => |text: &str| array_quotes(text, ':'),
            _ => |text: &str| array_quotes(text, ','),
        };
        let quoting = Quoting { needed, backslashes: true };
        let mut write = |out: &mut Out<'_>| match reader.value()? {
            None => {
                out.push_str("NULL");
                Ok(())
            }
            Some(mut value) => out.quoted(&quoting, |out| inner(&mut value, out, element)),
        };
        level(&self.dimensions, out, delimiter, &mut write)
    }
}

fn level(
    dimensions: &[(usize, i32)],
    out: &mut Out<'_>,
    delimiter: char,
    element: &mut dyn FnMut(&mut Out<'_>) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let Some(((length, _), inner)) = dimensions.split_first() else {
        return element(out);
    };
    out.push('{');
    for n in 0..*length {
        out.room(2)?;
        if n > 0 {
            out.push(delimiter);
        }
        level(inner, out, delimiter, element)?;
    }
    out.push('}');
    Ok(())
}

/// Writes a whole value within another.
fn inner(reader: &mut Reader<'_>, out: &mut Out<'_>, codec: &Codec) -> Result<(), Problem> {
    out.within(|out| codec.write(reader, out))?;
    reader.end()
}

fn array_quotes(text: &str, delimiter: char) -> bool {
    let special = |c: char| matches!(c, '"' | '\\' | '{' | '}') || c == delimiter || is_space(c);
    text.is_empty() || text.eq_ignore_ascii_case("null") || text.contains(special)
}

const RECORD: Quoting = Quoting {
    needed: |text| {
        let special = |c| matches!(c, '"' | '\\' | '(' | ')' | ',') || is_space(c);
        text.is_empty() || text.contains(special)
    },
    backslashes: false,
};

const RANGE: Quoting = Quoting {
    needed: |text| {
        let special = |c| matches!(c, '"' | '\\' | '(' | ')' | '[' | ']' | ',') || is_space(c);
        text.is_empty() || text.contains(special)
    },
    backslashes: false,
};

/// As C's `isspace`.
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t'..='\r')
}

/// A row: each field with the OID of its type. The type of `fields` that it is known to have, if any.
pub(super) fn record(
    reader: &mut Reader<'_>,
    out: &mut Out<'_>,
    fields: &[Field],
) -> Result<(), Problem> {
    let count = reader.count(8)?;
    out.push('(');
    for place in 0..count {
        out.room(2)?;
        if place > 0 {
            out.push(',');
        }
        let oid = reader.u32()?;
        if let Some(mut value) = reader.value()? {
            let known = fields.get(place).filter(|field| field.oid == oid);
            out.quoted(&RECORD, |out| match known {
                Some(field) => inner(&mut value, out, &field.codec),
                None => inner(&mut value, out, &Codec::of_oid(oid)),
            })?;
        }
    }
    out.push(')');
    Ok(())
}

/// <https://github.com/postgres/postgres/blob/master/src/include/utils/rangetypes.h>
pub(super) fn range(
    reader: &mut Reader<'_>,
    out: &mut Out<'_>,
    bound: &Codec,
) -> Result<(), Problem> {
    const EMPTY: u8 = 1;
    const LOWER_INCLUSIVE: u8 = 2;
    const UPPER_INCLUSIVE: u8 = 4;
    const LOWER_INFINITE: u8 = 8;
    const UPPER_INFINITE: u8 = 16;
    let flags = reader.u8()?;
    if flags & EMPTY != 0 {
        out.push_str("empty");
        return Ok(());
    }
    out.push(if flags & LOWER_INCLUSIVE != 0 { '[' } else { '(' });
    let mut write = |out: &mut Out<'_>| {
        let mut value = reader.value()?.ok_or(Problem::Corrupt("a bound is missing"))?;
        out.quoted(&RANGE, |out| inner(&mut value, out, bound))
    };
    if flags & LOWER_INFINITE == 0 {
        write(out)?;
    }
    out.push(',');
    if flags & UPPER_INFINITE == 0 {
        write(out)?;
    }
    out.push(if flags & UPPER_INCLUSIVE != 0 { ']' } else { ')' });
    Ok(())
}

pub(super) fn multirange(
    reader: &mut Reader<'_>,
    out: &mut Out<'_>,
    bound: &Codec,
) -> Result<(), Problem> {
    out.push('{');
    for n in 0..reader.count(5)? {
        out.room(8)?;
        if n > 0 {
            out.push(',');
        }
        let mut value = reader.value()?.ok_or(Problem::Corrupt("a range is missing"))?;
        range(&mut value, out, bound)?;
        value.end()?;
    }
    out.push('}');
    Ok(())
}
