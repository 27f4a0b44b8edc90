//! Types of one piece that are neither numbers nor times: identifiers, addresses, figures, bits.

use std::fmt::Write as _;

use super::number::{float8, integer};
use super::wire::{Out, Problem, Reader};

/// `"char"`: one byte.
pub(super) fn char(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Problem> {
    match reader.u8()? {
        0 => {}
        byte if byte.is_ascii() => out.push(char::from(byte)),
        byte => {
            out.push('\\');
            for shift in [6, 3, 0] {
                out.padded(u64::from(byte >> shift & 7), 1);
            }
        }
    }
    Ok(())
}

pub(super) fn text(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Problem> {
    out.push_long(reader.text()?)
}

/// Text after a byte with the version of its form, which has been 1 from the first.
pub(super) fn versioned(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Problem> {
    if reader.u8()? != 1 {
        return Err(Problem::Corrupt("its version is unknown"));
    }
    text(reader, out)
}

pub(super) fn bytea(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Problem> {
    out.push_str("\\x");
    out.hex(reader.rest())
}

/// Nothing: the result of a function that has none.
pub(super) fn void(reader: &mut Reader<'_>, _: &mut Out<'_>) -> Result<(), Problem> {
    reader.end()
}

pub(super) fn unsigned8(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Problem> {
    out.padded(reader.u64()?, 1);
    Ok(())
}

/// The place of a row: block and item.
pub(super) fn tid(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Problem> {
    out.push('(');
    out.padded(u64::from(reader.u32()?), 1);
    out.push(',');
    out.padded(u64::from(reader.u16()?), 1);
    out.push(')');
    Ok(())
}

pub(super) fn lsn(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Problem> {
    let (high, low) = (reader.u32()?, reader.u32()?);
    write(out, format_args!("{high:X}/{low:X}"));
    Ok(())
}

pub(super) fn snapshot(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Problem> {
    let running = reader.i32()?;
    let (from, to) = (reader.u64()?, reader.u64()?);
    let running = reader.fits(running, 8)?;
    out.padded(from, 1);
    out.push(':');
    out.padded(to, 1);
    out.push(':');
    for n in 0..running {
        out.room(22)?;
        if n > 0 {
            out.push(',');
        }
        out.padded(reader.u64()?, 1);
    }
    Ok(())
}

pub(super) fn uuid(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Problem> {
    for (place, byte) in reader.array::<16>()?.into_iter().enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            out.push('-');
        }
        out.hex_byte(byte);
    }
    Ok(())
}

/// Of 6 or 8 bytes.
pub(super) fn macaddr(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Problem> {
    let bytes = reader.rest();
    if !matches!(bytes.len(), 6 | 8) {
        return Err(SIZE);
    }
    for (place, byte) in bytes.iter().enumerate() {
        if place > 0 {
            out.push(':');
        }
        out.hex_byte(*byte);
    }
    Ok(())
}

const SIZE: Problem = Problem::Corrupt("its size is another's");

/// inet and cidr.
pub(super) fn network(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Problem> {
    let (family, bits, is_cidr, size) = (reader.u8()?, reader.u8()?, reader.u8()?, reader.u8()?);
    let most = match (family, size) {
        (2, 4) => {
            let [a, b, c, d] = reader.array()?;
            write(out, format_args!("{a}.{b}.{c}.{d}"));
            32
        }
        (3, 16) => {
            ipv6(reader.array()?, out);
            128
        }
        _ => return Err(Problem::Corrupt("its family of addresses is unknown")),
    };
    if bits > most {
        return Err(Problem::Corrupt("its mask is too long"));
    }
    if is_cidr != 0 || bits < most {
        write(out, format_args!("/{bits}"));
    }
    Ok(())
}

/// As PostgreSQL writes it (`inet_net_ntop.c`), which isn't as [`std::net::Ipv6Addr`] does.
fn ipv6(bytes: [u8; 16], out: &mut Out<'_>) {
    let (words, _) = bytes.as_chunks::<2>();
    let words: Vec<u16> = words.iter().map(|pair| u16::from_be_bytes(*pair)).collect();
    // The first of the longest runs of zeros, if it has at least two.
    let mut zeros = 0..0;
    let mut start = 0;
    for (place, word) in words.iter().enumerate() {
        if *word != 0 {
            start = place + 1;
        } else if place + 1 - start > zeros.len().max(1) {
            zeros = start..place + 1;
        }
    }
    let word = |place: usize| words.get(place).copied().unwrap_or_default();
    let holds_ipv4 = zeros.start == 0
        && match zeros.len() {
            6 => true,
            7 => word(7) != 1,
            5 => word(5) == 0xFFFF,
            _ => false,
        };
    for place in 0..8 {
        if zeros.contains(&place) {
            if place == zeros.start {
                out.push(':');
            }
            continue;
        }
        if place > 0 {
            out.push(':');
        }
        if place == 6 && holds_ipv4 {
            let [.., a, b, c, d] = bytes;
            write(out, format_args!("{a}.{b}.{c}.{d}"));
            break;
        }
        write(out, format_args!("{:x}", word(place)));
    }
    if !zeros.is_empty() && zeros.end == 8 {
        out.push(':');
    }
}

/// bit and varbit.
pub(super) fn bits(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Problem> {
    let count = usize::try_from(reader.i32()?).map_err(|_| SIZE)?;
    let bytes = reader.bytes(count.div_ceil(8))?;
    let mut left = count;
    for byte in bytes {
        out.room(8)?;
        for place in (0..8).rev().take(left) {
            out.push(if byte >> place & 1 == 1 { '1' } else { '0' });
        }
        left = left.saturating_sub(8);
    }
    Ok(())
}

pub(super) fn point(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Problem> {
    out.push('(');
    float8(out, reader.f64()?);
    out.push(',');
    float8(out, reader.f64()?);
    out.push(')');
    Ok(())
}

fn points(reader: &mut Reader<'_>, out: &mut Out<'_>, count: usize) -> Result<(), Problem> {
    for n in 0..count {
        out.room(8)?;
        if n > 0 {
            out.push(',');
        }
        point(reader, out)?;
    }
    Ok(())
}

pub(super) fn line(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Problem> {
    for opening in ['{', ',', ','] {
        out.push(opening);
        float8(out, reader.f64()?);
    }
    out.push('}');
    Ok(())
}

pub(super) fn segment(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Problem> {
    out.push('[');
    points(reader, out, 2)?;
    out.push(']');
    Ok(())
}

pub(super) fn rectangle(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Problem> {
    points(reader, out, 2)
}

pub(super) fn path(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Problem> {
    let (open, close) = if reader.u8()? == 0 { ('[', ']') } else { ('(', ')') };
    let count = reader.count(16)?;
    out.push(open);
    points(reader, out, count)?;
    out.push(close);
    Ok(())
}

pub(super) fn polygon(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Problem> {
    let count = reader.count(16)?;
    out.push('(');
    points(reader, out, count)?;
    out.push(')');
    Ok(())
}

pub(super) fn circle(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Problem> {
    out.push('<');
    point(reader, out)?;
    out.push(',');
    float8(out, reader.f64()?);
    out.push('>');
    Ok(())
}

/// int2vector and oidvector: arrays that are written without braces.
pub(super) fn vector_of_numbers(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Problem> {
    let (dimensions, _, element) = (reader.i32()?, reader.i32()?, reader.u32()?);
    if dimensions == 0 {
        return Ok(());
    }
    let count = reader.i32()?;
    reader.i32()?;
    for n in 0..reader.fits(count, 4)? {
        out.room(12)?;
        if n > 0 {
            out.push(' ');
        }
        let mut number = reader.value()?.ok_or(Problem::Corrupt("an element is missing"))?;
        // int2 or oid.
        let number =
            if element == 21 { i64::from(number.i16()?) } else { i64::from(number.u32()?) };
        integer(out, number);
    }
    Ok(())
}

fn write(out: &mut Out<'_>, arguments: std::fmt::Arguments<'_>) {
    let written = out.write_fmt(arguments);
    debug_assert!(written.is_ok(), "writing to a string can't fail");
}
