//! How the audit log is kept: `[audit]`, `--audit` and `LOCKKEEPER_AUDIT`. Whatever says something
//! can only make the log stricter: none switches it off, shortens it or moves it if another one
//! demands it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use crate::server::StartError;

const DEFAULT_KEEP: Duration = Duration::from_hours(90 * 24);
const DEFAULT_MAX_SIZE: u64 = 1_000_000_000;

/// What one source says. Sources are given with the most authoritative one first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct AuditSource {
    pub(crate) on: Option<bool>,
    pub(crate) dir: Option<PathBuf>,
    pub(crate) values: Option<Values>,
    pub(crate) on_failure: Option<OnFailure>,
    pub(crate) keep: Option<Age>,
    pub(crate) max_size: Option<Bytes>,
}

/// How values of arguments are recorded, the stricter way last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Values {
    Clear,
    #[default]
    Hmac,
}

/// What happens to reads that can't be recorded, the stricter way last. Mutations don't begin.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OnFailure {
    #[default]
    AllowReads,
    DenyAll,
}

/// The rules in force.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rules {
    pub(crate) off: bool,
    /// `None` without `off`: there is no place for it, and nothing may change anything.
    pub(crate) directory: Option<PathBuf>,
    pub(crate) values: Values,
    pub(crate) on_failure: OnFailure,
    pub(crate) keep: Keep,
}

/// What is not pruned.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Keep {
    pub(crate) age: Duration,
    pub(crate) size: u64,
}

impl Default for Keep {
    fn default() -> Self {
        Self { age: DEFAULT_KEEP, size: DEFAULT_MAX_SIZE }
    }
}

impl AuditSource {
    /// What `--audit DIR` or `--audit off` says.
    pub(crate) fn flag(value: Option<&Path>) -> Self {
        match value {
            None => Self::default(),
            Some(off) if off == Path::new("off") => Self { on: Some(false), ..Self::default() },
            Some(dir) => Self { on: Some(true), dir: Some(dir.to_owned()), ..Self::default() },
        }
    }

    fn demands(&self) -> bool {
        self.on.unwrap_or(self.dir.is_some())
    }
}

impl Rules {
    /// Intersects `sources`; `default` is the directory if none names one.
    pub(crate) fn intersect(
        sources: &[AuditSource],
        default: Option<PathBuf>,
    ) -> Result<Self, StartError> {
        let off = !sources.iter().any(AuditSource::demands)
            && sources.iter().any(|source| source.on == Some(false));
        let directory = sources.iter().find_map(|source| source.dir.clone()).or(default);
        let directory = directory.filter(|_| !off);
        if directory.as_ref().is_some_and(|directory| directory.as_os_str().is_empty()) {
            return Err(StartError::new("audit: the directory has no name"));
        }
        // A clear value is recorded only if one source says so and none says otherwise.
        let values = sources.iter().filter_map(|source| source.values).max();
        let on_failure = sources.iter().filter_map(|source| source.on_failure).max();
        let age = sources.iter().filter_map(|source| source.keep).map(|age| age.0).max();
        let size = sources.iter().filter_map(|source| source.max_size).map(|size| size.0).max();
        let default = Keep::default();
        let keep = Keep { age: age.unwrap_or(default.age), size: size.unwrap_or(default.size) };
        let (values, on_failure) = (values.unwrap_or_default(), on_failure.unwrap_or_default());
        Ok(Self { off, directory, values, on_failure, keep })
    }
}

/// A length of time: `90d`, `12h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Age(pub(crate) Duration);

impl std::str::FromStr for Age {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (number, seconds) = [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)]
            .iter()
            .find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, *seconds)))
            .ok_or_else(|| "an age is a number with d, h, m or s".to_owned())?;
        let number: u64 = number.parse().map_err(|_| "an age begins with a number".to_owned())?;
        let seconds = number.checked_mul(seconds).ok_or_else(|| "too long".to_owned())?;
        Ok(Self(Duration::from_secs(seconds)))
    }
}

/// A number of bytes: `1GB`, `500MB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Bytes(pub(crate) u64);

impl std::str::FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (number, factor) = [("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)]
            .iter()
            .find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, *factor)))
            .unwrap_or((text, 1));
        let number: u64 =
            number.trim().parse().map_err(|_| "a size is a number with kB, MB or GB".to_owned())?;
        number.checked_mul(factor).map(Self).ok_or_else(|| "too large".to_owned())
    }
}

impl TryFrom<String> for Age {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl TryFrom<String> for Bytes {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(sources: &[&str]) -> Rules {
        let sources: Vec<AuditSource> =
            sources.iter().map(|text| toml::from_str(text).unwrap()).collect();
        Rules::intersect(&sources, Some("/default".into())).unwrap()
    }

    #[test]
    fn nothing_loosens_what_another_source_demands() {
        assert!(!rules(&[]).off);
        assert!(rules(&["on = false"]).off);
        for demanding in ["on = true", "dir = '/managed'", "on = true\ndir = '/managed'"] {
            for (first, second) in [(demanding, "on = false"), ("on = false", demanding)] {
                assert!(!rules(&[first, second]).off, "{first}, {second}");
            }
        }
        let both = rules(&["dir = '/managed'", "dir = '/tmp'"]);
        assert_eq!(both.directory, Some("/managed".into()));
        assert_eq!(rules(&["values = 'clear'"]).values, Values::Clear);
        assert_eq!(rules(&["values = 'hmac'", "values = 'clear'"]).values, Values::Hmac);
        let both = rules(&["on_failure = 'deny_all'", "on_failure = 'allow_reads'"]);
        assert_eq!(both.on_failure, OnFailure::DenyAll);
        let both = rules(&["keep = '30d'\nmax_size = '5GB'", "keep = '1d'\nmax_size = '1kB'"]);
        assert_eq!(both.keep.age, Duration::from_hours(30 * 24));
        assert_eq!(both.keep.size, 5_000_000_000);
        assert_eq!(rules(&["keep = '1d'"]).keep.age, Duration::from_hours(24));
    }

    #[test]
    fn a_flag_is_a_source_like_any_other() {
        let off = AuditSource::flag(Some(Path::new("off")));
        let demanding = AuditSource { on: Some(true), ..AuditSource::default() };
        assert!(Rules::intersect(std::slice::from_ref(&off), None).unwrap().off);
        assert!(!Rules::intersect(&[demanding, off], None).unwrap().off);
        let named = AuditSource::flag(Some(Path::new("/here")));
        let rules = Rules::intersect(&[named], Some("/default".into())).unwrap();
        assert_eq!(rules.directory, Some("/here".into()));
        assert!(Rules::intersect(&[AuditSource::flag(Some(Path::new("")))], None).is_err());
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for text in ["on = 'no'", "values = 'plain'", "keep = '90'", "keep = ''", "max_size = 'x'"]
        {
            assert!(toml::from_str::<AuditSource>(text).is_err(), "{text}");
        }
    }
}
