//! Numbers as PostgreSQL writes them.

use std::fmt::{self, Write as _};

use super::wire::{Out, Problem, Reader};

pub(super) fn int2(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Problem> {
    integer(out, i64::from(reader.i16()?));
    Ok(())
}

pub(super) fn int4(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Problem> {
    integer(out, i64::from(reader.i32()?));
    Ok(())
}

pub(super) fn int8(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Problem> {
    integer(out, reader.i64()?);
    Ok(())
}

pub(super) fn oid(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Problem> {
    out.padded(u64::from(reader.u32()?), 1);
    Ok(())
}

pub(super) fn real(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Problem> {
    float4(out, reader.f32()?);
    Ok(())
}

pub(super) fn double(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Problem> {
    float8(out, reader.f64()?);
    Ok(())
}

/// Writes a whole number.
pub(super) fn integer(out: &mut Out<'_>, n: i64) {
    if n < 0 {
        out.push('-');
    }
    out.padded(n.unsigned_abs(), 1);
}

/// <https://github.com/postgres/postgres/blob/master/src/backend/utils/adt/numeric.c>: digits to the
/// base 10,000, the weight of the first, sign and the number of decimals.
pub(super) fn numeric(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Problem> {
    let count = reader.u16()?;
    let weight = i32::from(reader.i16()?);
    let sign = reader.u16()?;
    let scale = reader.u16()?;
    let mut digits = Reader::new(reader.bytes(usize::from(count) * 2)?);
    match sign {
        0x4000 => out.push('-'),
        0 => {}
        special => {
            out.push_str(match special {
                0xC000 => "NaN",
                0xD000 => "Infinity",
                0xF000 => "-Infinity",
                _ => return Err(Problem::Corrupt("its sign is none")),
            });
            return Ok(());
        }
    }
    if scale > 0x3FFF {
        return Err(Problem::Corrupt("it has too many decimals"));
    }
    let whole = usize::try_from(weight + 1).unwrap_or_default();
    out.room(whole * 4 + usize::from(scale) + 2)?;
    let mut next = || -> Result<u64, Problem> {
        let digit = if digits.len() > 0 { digits.u16()? } else { 0 };
        if digit > 9999 { Err(Problem::Corrupt("a digit is none")) } else { Ok(u64::from(digit)) }
    };
    if whole == 0 {
        out.push('0');
    }
    for place in 0..whole {
        out.padded(next()?, if place == 0 { 1 } else { 4 });
    }
    if scale == 0 {
        return Ok(());
    }
    out.push('.');
    // Groups of zeros between the point and the first digit.
    let mut zeros = -1 - weight;
    let mut left = u32::from(scale);
    while left > 0 {
        let group = if zeros > 0 { 0 } else { next()? };
        zeros -= 1;
        let shown = left.min(4);
        out.padded(group / 10_u64.pow(4 - shown), usize::try_from(shown).unwrap_or(4));
        left -= shown;
    }
    Ok(())
}

/// As with `lc_monetary` C.
pub(super) fn money(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Problem> {
    let cents = reader.i64()?;
    if cents < 0 {
        out.push('-');
    }
    out.push('$');
    let cents = cents.unsigned_abs();
    let whole = (cents / 100).to_string();
    for (place, digit) in whole.char_indices() {
        if place > 0 && (whole.len() - place) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out.push('.');
    out.padded(cents % 100, 2);
    Ok(())
}

/// The shortest digits that are read back as the same number.
pub(super) fn float8(out: &mut Out<'_>, n: f64) {
    if special(out, n.is_nan(), n.is_infinite().then_some(n.is_sign_negative())) {
        return;
    }
    let exact = |more: usize| Digits::new(format_args!("{n:.more$e}"));
    let is_same = |text: &str| text.parse() == Ok(n);
    let mut digits = Digits::new(format_args!("{n:e}"));
    if digits.length > 15 && may_tie(n) {
        digits = digits.even(is_same, exact);
    }
    // Below, no boundary between two numbers has so few digits.
    if n.abs() >= 1e15 {
        digits = digits.strictly(is_same, exact);
    }
    digits.write(out, 15);
}

/// As [`float8`].
pub(super) fn float4(out: &mut Out<'_>, n: f32) {
    if special(out, n.is_nan(), n.is_infinite().then_some(n.is_sign_negative())) {
        return;
    }
    let exact = |more: usize| Digits::new(format_args!("{n:.more$e}"));
    let is_same = |text: &str| text.parse() == Ok(n);
    let mut digits = Digits::new(format_args!("{n:e}"));
    if digits.length > 6 && may_tie(f64::from(n)) {
        digits = digits.even(is_same, exact);
    }
    if n.abs() >= 1e6 {
        digits = digits.strictly(is_same, exact);
    }
    digits.write(out, 6);
}

/// Whether a number may lie in the middle between two of one digit less than it has: its fraction
/// must be a short one, or it has none and is large.
fn may_tie(n: f64) -> bool {
    let bits = n.to_bits();
    let mantissa = bits & ((1 << 52) - 1) | 1 << 52;
    let exponent = i32::try_from(bits >> 52 & 0x7FF).unwrap_or_default() - 1075;
    let fraction = -exponent - i32::try_from(mantissa.trailing_zeros()).unwrap_or_default();
    // 5^26 has more digits than a float.
    fraction <= 26
}

fn special(out: &mut Out<'_>, is_nan: bool, infinite: Option<bool>) -> bool {
    match (is_nan, infinite) {
        (true, _) => out.push_str("NaN"),
        (_, Some(true)) => out.push_str("-Infinity"),
        (_, Some(false)) => out.push_str("Infinity"),
        _ => return false,
    }
    true
}

/// A number as `-1.25e-7`.
struct Digits {
    text: [u8; 32],
    length: usize,
}

impl fmt::Write for Digits {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length + text.len();
        self.text.get_mut(self.length..end).ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

impl Digits {
    fn new(arguments: fmt::Arguments<'_>) -> Self {
        let mut digits = Self { text: [0; 32], length: 0 };
        // The longest has 24 bytes: -2.2250738585072014e-308.
        if digits.write_fmt(arguments).is_err() {
            digits.length = 0;
        }
        digits
    }

    fn text(&self) -> &str {
        let text = self.text.get(..self.length).unwrap_or_default();
        std::str::from_utf8(text).unwrap_or_default()
    }

    /// Sign, first digit, the others, exponent.
    fn parts(&self) -> (bool, &str, &str, i32) {
        let text = self.text();
        let (negative, text) = text.strip_prefix('-').map_or((false, text), |text| (true, text));
        let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
        let (first, others) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        (negative, first, others, exponent.parse().unwrap_or_default())
    }

    /// Of two that are as near and as short, PostgreSQL takes the one that ends even.
    fn even(self, is_same: impl Fn(&str) -> bool, exact: impl Fn(usize) -> Self) -> Self {
        let others = self.parts().2;
        let is_odd = others.bytes().last().is_some_and(|digit| digit % 2 == 1);
        if !is_odd {
            return self;
        }
        let even = exact(others.len());
        if is_same(even.text()) { even } else { self }
    }

    /// PostgreSQL doesn't take digits that lie exactly on the boundary to the next number, which
    /// are read back only by those who round to even.
    fn strictly(self, is_same: impl Fn(&str) -> bool, exact: impl Fn(usize) -> Self) -> Self {
        let mut digits = self;
        for more in digits.parts().2.len() + 1..18 {
            if digits.is_inside(&is_same) {
                break;
            }
            digits = exact(more);
        }
        digits
    }

    /// Whether numbers a little above and below are read as the same.
    fn is_inside(&self, is_same: impl Fn(&str) -> bool) -> bool {
        let (negative, first, others, exponent) = self.parts();
        let sign = if negative { "-" } else { "" };
        let Ok(mantissa) = format!("{first}{others}").parse::<u64>() else { return true };
        let exponent = exponent - i32::try_from(others.len()).unwrap_or_default() - 20;
        let below = mantissa.saturating_sub(1);
        is_same(&format!("{sign}{mantissa}00000000000000000001e{exponent}"))
            && is_same(&format!("{sign}{below}99999999999999999999e{exponent}"))
    }

    /// As PostgreSQL does: without an exponent from 0.0001 to `10^fixed`.
    fn write(&self, out: &mut Out<'_>, fixed: i32) {
        let (negative, first, others, exponent) = self.parts();
        if negative {
            out.push('-');
        }
        let others = others.trim_end_matches('0');
        if exponent < -4 || exponent >= fixed {
            out.push_str(first);
            if !others.is_empty() {
                out.push('.');
                out.push_str(others);
            }
            out.push('e');
            out.push(if exponent < 0 { '-' } else { '+' });
            out.padded(u64::from(exponent.unsigned_abs()), 2);
            return;
        }
        if exponent < 0 {
            out.push_str("0.");
            (1..-exponent).for_each(|_| out.push('0'));
            out.push_str(first);
            out.push_str(others);
            return;
        }
        out.push_str(first);
        let whole = usize::try_from(exponent).unwrap_or_default();
        match others.split_at_checked(whole) {
            Some((whole, "")) => out.push_str(whole),
            Some((whole, decimals)) => {
                out.push_str(whole);
                out.push('.');
                out.push_str(decimals);
            }
            None => {
                out.push_str(others);
                (others.len()..whole).for_each(|_| out.push('0'));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl FnOnce(&mut Out<'_>)) -> String {
        let mut text = String::new();
        write(&mut Out::new(&mut text, 1_000));
        text
    }

    #[test]
    fn floats_are_written_as_postgresql_writes_them() {
        for (n, expected) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (0.1, "0.1"),
            (1.5, "1.5"),
            (100.0, "100"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (123_456_789_012_345.0, "123456789012345"),
            (1e15, "1e+15"),
            (1_234_567_890_123_456.8, "1.2345678901234568e+15"),
            (1e23, "9.999999999999999e+22"),
            (5e-324, "5e-324"),
            (2_f64.powi(-25), "2.9802322387695312e-08"),
            (f64::MAX, "1.7976931348623157e+308"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(text(|out| float8(out, n)), expected);
        }
        for (n, expected) in [
            (0.1, "0.1"),
            (999_999.0, "999999"),
            (1e6, "1e+06"),
            (16_777_216.0, "1.6777216e+07"),
            (3.402_823_5e38, "3.4028235e+38"),
            (1e-45, "1e-45"),
        ] {
            assert_eq!(text(|out| float4(out, n)), expected);
        }
    }

    #[test]
    fn whole_numbers_have_all_their_digits() {
        for n in [0, 1, -1, 9, 10, 99, 100, i64::MAX, i64::MIN] {
            assert_eq!(text(|out| integer(out, n)), n.to_string());
        }
        assert_eq!(text(|out| out.padded(u64::MAX, 1)), u64::MAX.to_string());
        assert_eq!(text(|out| out.padded(7, 3)), "007");
    }

    #[test]
    fn a_numeric_is_no_longer_than_asked_for() {
        // One digit, and as many zeros as there can be.
        let bytes = [0, 1, 0x7F, 0xFF, 0, 0, 0, 0, 0, 1];
        let mut text = String::new();
        let mut out = Out::new(&mut text, 1_000);
        assert_eq!(numeric(&mut Reader::new(&bytes), &mut out), Err(Problem::Full));
        assert_eq!(text, "");
        let mut out = Out::new(&mut text, 200_000);
        assert_eq!(numeric(&mut Reader::new(&bytes), &mut out), Ok(()));
        assert_eq!(text.len(), 4 * 32_767 + 1);
    }
}
