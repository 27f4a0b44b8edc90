//! Numbers with units, as people write them.

use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;

/// A number of bytes: `24kB`, `1MB`, `4096`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Size(pub(super) usize);

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, unit) = split_unit(text);
        let factor = match unit.to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "k" | "kb" => 1_000,
            "kib" => 1_024,
            "m" | "mb" => 1_000_000,
            "mib" => 1_048_576,
            _ => return Err("a size is a number with B, kB, KiB, MB or MiB".to_owned()),
        };
        let number: usize = number.parse().map_err(|_| "a size begins with a number".to_owned())?;
        number.checked_mul(factor).map(Self).ok_or_else(|| "too large".to_owned())
    }
}

impl TryFrom<String> for Size {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// A number of bytes that an answer may be long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct AnswerSize(pub(super) usize);

impl FromStr for AnswerSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Size(bytes) = text.parse()?;
        if (1_000..=100_000).contains(&bytes) {
            return Ok(Self(bytes));
        }
        Err("an answer is between 1kB and 100kB".to_owned())
    }
}

impl TryFrom<String> for AnswerSize {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// A length of time: `25s`, `500ms`, `2m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Time(pub(super) Duration);

impl FromStr for Time {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, unit) = split_unit(text);
        let number: u64 = number.parse().map_err(|_| "a time begins with a number".to_owned())?;
        if number == 0 {
            return Err("a time is more than 0".to_owned());
        }
        match unit {
            "ms" => Ok(Self(Duration::from_millis(number))),
            "s" => Ok(Self(Duration::from_secs(number))),
            "m" | "min" => Ok(Self(Duration::from_secs(number.saturating_mul(60)))),
            _ => Err("a time is a number with ms, s or m".to_owned()),
        }
    }
}

impl TryFrom<String> for Time {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

fn split_unit(text: &str) -> (&str, &str) {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end).unwrap_or((text, ""));
    (number, unit.trim())
}
