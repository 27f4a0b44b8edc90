//! The files of all instances, of this and other servers, living and ended. Whoever can write the
//! directory may have put anything there: nothing is believed that isn't checked, and nothing is
//! shown that could be more than a word.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::kept::{self, DRAFT, Found, Unusable};
use super::{Lifecycle, Record};
use crate::text::quoted;
use crate::upstream::BreakerState;

/// The longest file that is read, bytes. Ours have about one thousand.
const LONGEST: u64 = 64 << 10;
/// The longest word in one.
const LONGEST_WORD: usize = 64;
/// So many names are looked at; there is no reason for more.
const MOST_NAMES: usize = 10_000;

/// So many files of ended processes stay, the latest ones.
const MOST_LEFT: usize = 200;
/// How long those stay that ended as they should, or said that they couldn't start.
const ENDED: Duration = Duration::from_hours(24);
/// How long those stay that ended without a word.
const CRASHED: Duration = Duration::from_hours(7 * 24);
/// Drafts are there for less than a moment.
const DRAFTS: Duration = Duration::from_hours(1);
/// So many files are read by one sweep: it happens beside calls. The next one goes on.
const MOST_READ: usize = 64;

/// A process as it is found.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) record: Record,
    /// It ended without saying so.
    pub(super) crashed: bool,
    pub(super) path: PathBuf,
}

impl Listed {
    pub(super) fn is_over(&self) -> bool {
        self.crashed || self.record.lifecycle.is_final()
    }
}

/// All instances, and what is wrong with files that say nothing.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub(super) instances: Vec<Listed>,
    pub(super) problems: Vec<String>,
}

impl Listing {
    /// How many ended without a word.
    pub(super) fn crashed(&self) -> usize {
        self.instances.iter().filter(|one| one.crashed).count()
    }
}

/// Reads the files of `server`'s instances, or of all servers'.
pub(super) fn list(directory: &Path, server: Option<&str>) -> io::Result<Listing> {
    let mut listing = Listing::default();
    let names = match names(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(listing),
        names => names?,
    };
    if names.len() >= MOST_NAMES {
        listing.problems.push(format!("more than {MOST_NAMES} files: the rest is not looked at"));
    }
    for name in names {
        if name.starts_with('.') && name.ends_with(DRAFT) {
            continue;
        }
        let parts = parts(&name, ".json");
        if let (Some((of, _)), Some(server)) = (parts, server)
            && of != server
        {
            continue;
        }
        let path = directory.join(&name);
        match parts.ok_or_else(|| "it is no instance file".to_owned()).and_then(|parts| {
            let found = kept::read(&path, LONGEST);
            understand(found, parts)
        }) {
            Ok(Some((record, crashed))) => {
                listing.instances.push(Listed { record, crashed, path });
            }
            // It went in between, as such files do.
            Ok(None) => {}
            Err(problem) => listing.problems.push(format!("{}: {problem}", quoted(&name))),
        }
    }
    Ok(listing)
}

/// Removes files of ended processes that are too old, or too many.
pub(super) fn sweep(directory: &Path, now: SystemTime) {
    let Ok(names) = names(directory) else { return };
    let mut files: Vec<(Duration, String)> = Vec::new();
    for name in names {
        // The age says when to look; what is found there decides.
        let Ok(meta) = fs::symlink_metadata(directory.join(&name)) else { continue };
        let Ok(age) = now.duration_since(meta.modified().unwrap_or(now)) else { continue };
        if name.starts_with('.') && name.ends_with(DRAFT) {
            if age > DRAFTS {
                remove(&directory.join(name));
            }
        } else if parts(&name, ".json").is_some() {
            files.push((age, name));
        }
    }
    // The youngest first.
    files.sort();
    let due = files.iter().enumerate().filter(|(at, (age, _))| *at >= MOST_LEFT || *age > ENDED);
    let mut read = 0;
    for (at, (age, name)) in due.rev() {
        let path = directory.join(name);
        let found = kept::read(&path, LONGEST);
        if found.as_ref().is_ok_and(|found| found.runs) {
            continue;
        }
        read += 1;
        if read > MOST_READ {
            return;
        }
        let parts = parts(name, ".json").unwrap_or_default();
        let stays = match understand(found, parts) {
            Ok(Some((_, false))) => ENDED,
            Ok(None) => continue,
            Ok(Some((_, true))) | Err(_) => CRASHED,
        };
        if at >= MOST_LEFT || *age > stays {
            remove(&path);
        }
    }
}

/// Removes files of ended processes of `server` in another directory that are older than `stays`:
/// those whose names are the server's, an instance's and this ending.
pub(crate) fn sweep_left(directory: &Path, server: &str, ending: &str, stays: Duration) {
    let now = SystemTime::now();
    for name in names(directory).unwrap_or_default() {
        let draft = name.strip_prefix('.').and_then(|name| name.strip_suffix(DRAFT));
        // The instance stands in a draft's name once more.
        let draft = draft.and_then(|name| name.rsplit_once('.')).map(|(name, _)| name);
        let stays = if draft.is_some() { stays.max(DRAFTS) } else { stays };
        let Some((of, _)) = parts(draft.unwrap_or(&name), ending) else { continue };
        let path = directory.join(&name);
        let Ok(meta) = fs::symlink_metadata(&path) else { continue };
        let age = meta.modified().ok().and_then(|time| now.duration_since(time).ok());
        // Others may keep files of their own here.
        if of == server && age.is_some_and(|age| age > stays) {
            remove(&path);
        }
    }
}

/// The server and the instance that a file's name names.
fn parts<'a>(name: &'a str, ending: &str) -> Option<(&'a str, &'a str)> {
    let (server, instance) = name.strip_suffix(ending)?.rsplit_once('-')?;
    let hex = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
    let word = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    let plain = !server.is_empty() && server.len() <= LONGEST_WORD && server.bytes().all(word);
    (plain && instance.len() == 8 && instance.bytes().all(hex)).then_some((server, instance))
}

/// What a file says, and whether its process crashed. `None` if it has just gone.
fn understand(
    found: Result<Found, Unusable>,
    (server, instance): (&str, &str),
) -> Result<Option<(Record, bool)>, String> {
    let found = match found {
        Err(Unusable::Gone) => return Ok(None),
        found => found.map_err(|error| error.to_string())?,
    };
    let record: Record = serde_json::from_slice(&found.bytes)
        .map_err(|_| "it is damaged, or of another version".to_owned())?;
    if record.server != server || record.instance != instance {
        return Err("it names another instance".to_owned());
    }
    if !is_plain(&record) {
        return Err("it holds what no server writes".to_owned());
    }
    let crashed = !found.runs && !record.lifecycle.is_final();
    Ok(Some((record, crashed)))
}

/// Whether all that would be shown are short words and numbers that mean something.
fn is_plain(record: &Record) -> bool {
    let Record { version, started, updated, why, upstreams, policy, config, metrics, .. } = record;
    let word =
        |text: &String| text.len() <= LONGEST_WORD && text.bytes().all(|c| c.is_ascii_graphic());
    let breaker =
        |text: &String| BreakerState::ALL.iter().any(|state| state.as_str() == text.as_str());
    let few = why.len() <= 64 && upstreams.len() <= 64 && config.len() <= 64;
    let numbers = [record.error_rate, record.p50_ms, record.p99_ms];
    let mut words = [version, started, updated, policy].into_iter().chain(why).chain(config);
    few && words.all(word)
        && metrics.iter().all(word)
        && upstreams.iter().all(|upstream| word(&upstream.name) && breaker(&upstream.breaker))
        && numbers.iter().chain(&record.cache_hit_ratio).all(|n| n.is_finite() && *n >= 0.0)
}

/// The names in a directory, as far as they are text, sorted.
#[expect(clippy::disallowed_methods, reason = "core's own directory, outside every scope")]
fn names(directory: &Path) -> io::Result<Vec<String>> {
    let names = fs::read_dir(directory)?.take(MOST_NAMES).flatten();
    let mut names: Vec<String> =
        names.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    Ok(names)
}

fn remove(path: &Path) {
    if let Err(error) = kept::remove_left(path) {
        tracing::debug!(%error, "a file of an ended process stays");
    }
}

/// For the order in which instances are shown: the living first, then the latest.
pub(super) fn order(one: &Listed) -> impl Ord + use<> {
    let final_or_gone = one.is_over() || one.record.lifecycle == Lifecycle::Stopped;
    (final_or_gone, std::cmp::Reverse(one.record.started.clone()), one.record.instance.clone())
}
