//! Dates, times and spans of time, over the whole range of each type.

use super::number::integer;
use super::wire::{Out, Problem, Reader};

/// Microseconds.
const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Days from 1970-01-01 to PostgreSQL's epoch, 2000-01-01.
const EPOCH: i64 = 10_957;

pub(super) fn date(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Problem> {
    match reader.i32()? {
        i32::MAX => out.push_str("infinity"),
        i32::MIN => out.push_str("-infinity"),
        days => {
            let is_bc = day(out, i64::from(days));
            before_christ(out, is_bc);
        }
    }
    Ok(())
}

pub(super) fn time(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Problem> {
    clock(out, reader.i64()?)
}

pub(super) fn timetz(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Problem> {
    clock(out, reader.i64()?)?;
    // Seconds west of Greenwich.
    let west = reader.i32()?;
    out.push(if west <= 0 { '+' } else { '-' });
    let seconds = u64::from(west.unsigned_abs());
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    out.padded(hours, 2);
    if minutes > 0 || seconds > 0 {
        out.push(':');
        out.padded(minutes, 2);
    }
    if seconds > 0 {
        out.push(':');
        out.padded(seconds, 2);
    }
    Ok(())
}

pub(super) fn timestamp(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Problem> {
    moment(out, reader.i64()?, "")
}

pub(super) fn timestamptz(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Problem> {
    moment(out, reader.i64()?, "+00")
}

/// RFC 3339 where it can be: not before the year 1, not after 9999.
pub(super) fn rfc3339(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Problem> {
    const YEAR_1: i64 = -730_119 * DAY;
    const YEAR_10000: i64 = 2_921_940 * DAY;
    let time = reader.i64()?;
    if !(YEAR_1..YEAR_10000).contains(&time) {
        return moment(out, time, "+00");
    }
    day(out, time.div_euclid(DAY));
    out.push('T');
    clock(out, time.rem_euclid(DAY))?;
    out.push('Z');
    Ok(())
}

fn moment(out: &mut Out<'_>, time: i64, zone: &str) -> Result<(), Problem> {
    match time {
        i64::MAX => out.push_str("infinity"),
        i64::MIN => out.push_str("-infinity"),
        _ => {
            let is_bc = day(out, time.div_euclid(DAY));
            out.push(' ');
            clock(out, time.rem_euclid(DAY))?;
            out.push_str(zone);
            before_christ(out, is_bc);
        }
    }
    Ok(())
}

/// `intervalstyle` is `iso_8601`.
pub(super) fn interval(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Problem> {
    let (time, days, months) = (reader.i64()?, reader.i32()?, reader.i32()?);
    match (time, days, months) {
        // Since PostgreSQL 17. Before, these could only be written as what they are the limits of.
        (i64::MAX, i32::MAX, i32::MAX) => out.push_str("infinity"),
        (i64::MIN, i32::MIN, i32::MIN) => out.push_str("-infinity"),
        (0, 0, 0) => out.push_str("PT0S"),
        _ => {
            out.push('P');
            let mut part = |n: i64, unit| {
                if n != 0 {
                    integer(out, n);
                    out.push(unit);
                }
            };
            part(i64::from(months / 12), 'Y');
            part(i64::from(months % 12), 'M');
            part(i64::from(days), 'D');
            if time != 0 {
                out.push('T');
                let mut part = |n: i64, unit| {
                    if n != 0 {
                        integer(out, n);
                        out.push(unit);
                    }
                };
                part(time / HOUR, 'H');
                part(time / MINUTE % 60, 'M');
                let rest = time % MINUTE;
                if rest != 0 {
                    if rest < 0 {
                        out.push('-');
                    }
                    out.padded(rest.unsigned_abs() / SECOND.unsigned_abs(), 1);
                    fraction(out, rest.unsigned_abs() % SECOND.unsigned_abs());
                    out.push('S');
                }
            }
        }
    }
    Ok(())
}

/// Writes a day, counted from the epoch, without its era; says whether it is before Christ.
/// <https://howardhinnant.github.io/date_algorithms.html#civil_from_days>
fn day(out: &mut Out<'_>, days: i64) -> bool {
    // From 0000-03-01, in eras of 400 years.
    let shifted = days + EPOCH + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let is_bc = year <= 0;
    let year = if is_bc { 1 - year } else { year };
    out.padded(year.unsigned_abs(), 4);
    out.push('-');
    out.padded(month.unsigned_abs(), 2);
    out.push('-');
    out.padded(day.unsigned_abs(), 2);
    is_bc
}

fn before_christ(out: &mut Out<'_>, is_bc: bool) {
    if is_bc {
        out.push_str(" BC");
    }
}

/// A time of day; 24:00:00 is one.
fn clock(out: &mut Out<'_>, time: i64) -> Result<(), Problem> {
    if !(0..=DAY).contains(&time) {
        return Err(Problem::Corrupt("it is no time of a day"));
    }
    let time = time.unsigned_abs();
    out.padded(time / HOUR.unsigned_abs(), 2);
    out.push(':');
    out.padded(time / MINUTE.unsigned_abs() % 60, 2);
    out.push(':');
    out.padded(time / SECOND.unsigned_abs() % 60, 2);
    fraction(out, time % SECOND.unsigned_abs());
    Ok(())
}

fn fraction(out: &mut Out<'_>, mut micros: u64) {
    if micros == 0 {
        return;
    }
    let mut digits = 6;
    while micros.is_multiple_of(10) {
        micros /= 10;
        digits -= 1;
    }
    out.push('.');
    out.padded(micros, digits);
}

#[cfg(test)]
mod tests {
    use super::*;

    type Write = fn(&mut Reader<'_>, &mut Out<'_>) -> Result<(), Problem>;

    fn text(write: Write, bytes: &[u8]) -> String {
        let mut text = String::new();
        write(&mut Reader::new(bytes), &mut Out::new(&mut text, 1_000)).unwrap();
        text
    }

    #[test]
    fn moments_are_rfc_3339_where_they_can_be() {
        for (time, expected) in [
            (0, "2000-01-01T00:00:00Z"),
            (-1, "1999-12-31T23:59:59.999999Z"),
            (500_000, "2000-01-01T00:00:00.5Z"),
            (-730_119 * DAY, "0001-01-01T00:00:00Z"),
            (-730_119 * DAY - 1, "0001-12-31 23:59:59.999999+00 BC"),
            (2_921_940 * DAY - 1, "9999-12-31T23:59:59.999999Z"),
            (2_921_940 * DAY, "10000-01-01 00:00:00+00"),
            (i64::MAX, "infinity"),
            (i64::MIN, "-infinity"),
        ] {
            assert_eq!(text(rfc3339, &time.to_be_bytes()), expected);
        }
    }

    #[test]
    fn the_ends_of_dates() {
        for (days, expected) in [
            (-2_451_545, "4714-11-24 BC"),
            (2_145_031_948, "5874897-12-31"),
            (-730_120, "0001-12-31 BC"),
            (8_035, "2021-12-31"),
        ] {
            assert_eq!(text(date, &i32::to_be_bytes(days)), expected);
        }
    }
}
