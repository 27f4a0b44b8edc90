//! Dates as text. BSON counts milliseconds since 1970 in 64 bits; ISO 8601 with a year of four
//! digits says what lies between 1970 and 9999, and nothing else is written in it.

use std::fmt::Write as _;

use chrono::{DateTime, NaiveDate, NaiveTime};

/// Milliseconds before this are 9999-12-31T23:59:59.999Z or earlier.
const END: i64 = 253_402_300_800_000;

const DAY: i64 = 86_400_000;

/// Writes a date between 1970 and 9999; says whether it is one.
pub(super) fn write(millis: i64, out: &mut String) -> bool {
    if !(0..END).contains(&millis) {
        return false;
    }
    let (days, of_day) = (millis / DAY, millis % DAY);
    // Howard Hinnant's civil_from_days, for days from 1970 on.
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    let (hour, minute) = (of_day / 3_600_000, of_day / 60_000 % 60);
    let (second, milli) = (of_day / 1_000 % 60, of_day % 1_000);
    let _ = write!(out, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
    if milli != 0 {
        let _ = write!(out, ".{milli:03}");
    }
    out.push('Z');
    true
}

/// Reads a date: a day, which begins at midnight UTC, or a time with its offset.
pub(super) fn read(text: &str) -> Result<i64, &'static str> {
    if let Ok(day) = NaiveDate::parse_from_str(text, "%Y-%m-%d")
        && text.len() == 10
    {
        return Ok(day.and_time(NaiveTime::MIN).and_utc().timestamp_millis());
    }
    let Ok(time) = DateTime::parse_from_rfc3339(text) else {
        return Err("is no date: write 2024-05-31T12:00:00Z, or milliseconds in $numberLong");
    };
    let nanos = time.timestamp_subsec_nanos();
    if nanos >= 1_000_000_000 {
        return Err("is a leap second, which BSON has no date for");
    }
    if nanos % 1_000_000 != 0 {
        return Err("has more digits than milliseconds, which is what a date holds");
    }
    Ok(time.timestamp_millis())
}
