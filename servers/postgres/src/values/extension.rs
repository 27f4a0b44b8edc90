//! Types of extensions that are told by their names: hstore, pgvector.

use super::number::{float4, integer};
use super::wire::{Out, Problem, Reader};

/// `"a"=>"1", "b"=>NULL`
pub(super) fn hstore(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Problem> {
    pairs(reader, |n, key, value| {
        if n > 0 {
            out.push_str(", ");
        }
        quoted(out, key)?;
        out.push_str("=>");
        if let Some(value) = value {
            return quoted(out, value);
        }
        out.push_str("NULL");
        Ok(())
    })
}

/// Calls `each` with the number, the key and the value of each pair of an hstore.
pub(super) fn pairs<'a>(
    reader: &mut Reader<'a>,
    mut each: impl FnMut(usize, &'a str, Option<&'a str>) -> Result<(), Problem>,
) -> Result<(), Problem> {
    for n in 0..reader.count(8)? {
        let mut key = reader.value()?.ok_or(Problem::Corrupt("a key is missing"))?;
        let mut value = reader.value()?;
        each(n, key.text()?, value.as_mut().map(Reader::text).transpose()?)?;
    }
    Ok(())
}

fn quoted(out: &mut Out<'_>, text: &str) -> Result<(), Problem> {
    let escapes = text.bytes().filter(|byte| matches!(byte, b'"' | b'\\')).count();
    out.room(text.len() + escapes + 2)?;
    out.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    Ok(())
}

/// The numbers of a `vector`.
pub(super) fn vector(reader: &mut Reader<'_>) -> Result<Vec<f32>, Problem> {
    let count = reader.i16()?;
    reader.u16()?;
    (0..reader.fits(i32::from(count), 4)?).map(|_| reader.f32()).collect()
}

/// The numbers of a `halfvec`.
pub(super) fn halfvec(reader: &mut Reader<'_>) -> Result<Vec<f32>, Problem> {
    let count = reader.i16()?;
    reader.u16()?;
    (0..reader.fits(i32::from(count), 2)?).map(|_| reader.u16().map(half)).collect()
}

/// IEEE 754 binary16.
fn half(bits: u16) -> f32 {
    let sign = u32::from(bits >> 15) << 31;
    let exponent = u32::from(bits >> 10 & 31);
    let fraction = u32::from(bits & 0x3FF);
    match exponent {
        0 => {
            let size = f32::from(bits & 0x3FF) / 16_777_216.0;
            if sign == 0 { size } else { -size }
        }
        31 => f32::from_bits(sign | 0x7F80_0000 | fraction << 13),
        _ => f32::from_bits(sign | (exponent + 112) << 23 | fraction << 13),
    }
}

pub(super) fn numbers(out: &mut Out<'_>, numbers: &[f32]) -> Result<(), Problem> {
    out.push('[');
    for (n, number) in numbers.iter().enumerate() {
        out.room(4)?;
        if n > 0 {
            out.push(',');
        }
        float4(out, *number);
    }
    out.push(']');
    Ok(())
}

/// `{1:1.5,3:2}/5`
pub(super) fn sparsevec(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Problem> {
    let (dimensions, count, _) = (reader.i32()?, reader.i32()?, reader.i32()?);
    let count = reader.fits(count, 8)?;
    let mut places = Reader::new(reader.bytes(count * 4)?);
    out.push('{');
    for n in 0..count {
        out.room(8)?;
        if n > 0 {
            out.push(',');
        }
        integer(out, i64::from(places.i32()?) + 1);
        out.push(':');
        float4(out, reader.f32()?);
    }
    out.push_str("}/");
    integer(out, i64::from(dimensions));
    Ok(())
}
