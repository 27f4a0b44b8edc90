//! What is done to segments whose processes are gone: those that were left behind are measured, so
//! that nothing is cut off them later, and those that are too old, or too many, are removed by a
//! step that HEAD records first.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, BufRead as _, BufReader, Seek as _, SeekFrom};
use std::path::Path;
use std::time::SystemTime;

use crate::audit::chain::Sealed;
use crate::audit::head::{Base, Event, Head, Locked, Mark, PATIENCE, Stage, State, look, remove};
use crate::audit::rules::Keep;
use crate::state::hex;
use crate::time::parse_rfc3339;

/// HEAD is written anew when it is longer than this.
const LONG: u64 = 1 << 20;

/// Measures what was left behind, and removes what `keep` doesn't keep. Returns what was removed.
pub(super) fn prune(directory: &Path, keep: Keep) -> io::Result<Vec<Mark>> {
    let head = Locked::take(directory, PATIENCE)?;
    let mut known = Head::read(directory, None)?;
    // A new HEAD would hide what is wrong with the old one.
    if let Some(problem) = known.problems.first() {
        let place = format!("HEAD:{}: {}; `audit verify` says more", problem.line, problem.reason);
        return Err(io::Error::new(io::ErrorKind::InvalidData, place));
    }
    for state in known.segments.values_mut().filter(|state| state.stage == Stage::Open) {
        if is_running(&directory.join(&state.mark.segment)) {
            continue;
        }
        if let Some(mark) = measure(directory, state)? {
            head.append(&Event::Left(mark.clone()))?;
            (state.mark, state.stage) = (mark, Stage::Left);
        }
    }
    let doomed = doomed(&known, directory, keep);
    if doomed.is_empty() && known.bytes < LONG {
        return Ok(Vec::new());
    }
    let (gone, kept): (Vec<State>, Vec<State>) =
        known.segments.into_values().partition(|state| doomed.contains(&state.mark.segment));
    let pruned: Vec<Mark> = gone.into_iter().map(|state| state.mark).collect();
    let mut before = known.base.before;
    before.segments += known.base.pruned.len() as u64;
    before.records += known.base.pruned.iter().map(|mark| mark.records).sum::<u64>();
    head.rewrite(Base { segments: kept, pruned: pruned.clone(), before })?;
    for mark in &pruned {
        let path = directory.join(&mark.segment);
        if path.exists() {
            remove(&path);
        }
    }
    Ok(pruned)
}

/// Whether a process still writes it.
pub(super) fn is_running(segment: &Path) -> bool {
    look(segment)
        .is_ok_and(|file| matches!(file.try_lock_shared(), Err(fs::TryLockError::WouldBlock)))
}

/// Follows the chain from what HEAD knows to the last whole record. `None` if that is impossible,
/// which is for `verify` to say.
fn measure(directory: &Path, state: &State) -> io::Result<Option<Mark>> {
    let mut mark = state.mark.clone();
    let Ok(mut file) = look(&directory.join(&mark.segment)) else { return Ok(None) };
    file.seek(SeekFrom::Start(mark.bytes))?;
    let mut file = BufReader::new(file);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = file.read_until(b'\n', &mut line)?;
        let Some(whole) = line.strip_suffix(b"\n") else { break };
        let Some(sealed) = Sealed::read(whole) else { return Ok(None) };
        if hex(&sealed.prev) != mark.last {
            return Ok(None);
        }
        mark.records += 1;
        mark.bytes += read as u64;
        mark.last = hex(&sealed.hash);
    }
    Ok(Some(mark))
}

/// The segments that are not kept: the old ones, then the oldest until the rest is small enough.
fn doomed(known: &Head, directory: &Path, keep: Keep) -> BTreeSet<String> {
    let now = SystemTime::now();
    let mut doomed = BTreeSet::new();
    let mut kept: Vec<(&String, u64)> = Vec::new();
    for (name, state) in &known.segments {
        let age = parse_rfc3339(&state.heard).and_then(|heard| now.duration_since(heard).ok());
        let ended = state.stage != Stage::Open || !is_running(&directory.join(name));
        if ended && age.is_some_and(|age| age > keep.age) {
            doomed.insert(name.clone());
        } else {
            kept.push((name, if ended { state.mark.bytes } else { 0 }));
        }
    }
    // Names begin with the time, so they come in its order.
    let mut size: u64 = kept.iter().map(|(_, bytes)| bytes).sum();
    for (name, bytes) in kept {
        if size <= keep.size {
            break;
        }
        if bytes > 0 {
            doomed.insert(name.clone());
            size -= bytes;
        }
    }
    doomed
}
