//! HEAD: what the directory's segments held at their last checkpoint, so that lines cut off their
//! ends, and segments that are gone, are missed. Siblings append to it in turn, under a lock. Its
//! lines are chained like those of segments; it begins with `base`, which says how things stood
//! when HEAD was last written anew.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use serde::{Deserialize, Serialize};

use crate::audit::chain::{self, GENESIS, Hash, Sealed};
use crate::audit::keys::{Key, Numbered};
use crate::private;
use crate::state::{hex, make_private};
use crate::time::rfc3339;

pub(super) const FILE: &str = "HEAD";
const LOCK: &str = "lock";
const DRAFT: &str = "HEAD.new";

/// How long a process waits for a sibling that is writing HEAD.
pub(super) const PATIENCE: Duration = Duration::from_millis(500);

/// One line of HEAD.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Entry {
    v: u8,
    pub(super) n: u64,
    pub(super) ts: String,
    #[serde(flatten)]
    pub(super) event: Event,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "ev", rename_all = "lowercase")]
pub(super) enum Event {
    /// The beginning, or all there was to say when HEAD was written anew.
    Base(Base),
    /// From here on in keyed mode.
    Init,
    /// A segment is about to begin.
    Open { segment: String },
    /// How far a segment is.
    At(Mark),
    /// A segment came to its end.
    Close(Mark),
    /// A segment was left behind by a process that ended without closing it.
    Left(Mark),
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Base {
    pub(super) segments: Vec<State>,
    /// What was pruned in this step.
    pub(super) pruned: Vec<Mark>,
    /// What was pruned in all steps before.
    pub(super) before: Sum,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sum {
    pub(crate) segments: u64,
    pub(crate) records: u64,
}

/// How far a segment is: its length, and the hash of its last line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    pub(super) segment: String,
    pub(super) records: u64,
    pub(super) bytes: u64,
    pub(super) last: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Stage {
    Open,
    Closed,
    Left,
}

/// What HEAD knows of a segment.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct State {
    #[serde(flatten)]
    pub(super) mark: Mark,
    pub(super) stage: Stage,
    /// When it was last heard of.
    pub(super) heard: String,
    /// The entry that opened it, whose hash its first line follows.
    pub(super) opened: u64,
    pub(super) start: String,
    pub(super) keyed: bool,
}

/// The sole right to write HEAD.
pub(super) struct Locked {
    directory: PathBuf,
    _lock: File,
}

/// Where HEAD ends.
struct Tail {
    next: u64,
    prev: Hash,
    /// Bytes of whole lines.
    length: u64,
    keyed: bool,
}

impl Locked {
    /// Waits for the lock, not longer than `patience`.
    pub(super) fn take(directory: &Path, patience: Duration) -> io::Result<Self> {
        make_private(directory)?;
        let lock = open(&directory.join(LOCK), |options| options.write(true).create(true))?;
        let until = Instant::now() + patience;
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(Self { directory: directory.to_owned(), _lock: lock }),
                Err(fs::TryLockError::Error(error)) => return Err(error),
                Err(fs::TryLockError::WouldBlock) if Instant::now() < until => pause(),
                Err(fs::TryLockError::WouldBlock) => {
                    return Err(io::Error::new(io::ErrorKind::WouldBlock, "HEAD is locked"));
                }
            }
        }
    }

    /// Appends an entry. Returns its hash and, in keyed mode, the key that made it.
    pub(super) fn append(&self, event: &Event) -> io::Result<(Hash, Option<Key>)> {
        let mut file =
            open(&self.directory.join(FILE), |o| o.read(true).append(true).create(true))?;
        let tail = tail(&mut file)?;
        if tail.next == 0 && !matches!(event, Event::Base(_)) {
            self.append(&Event::Base(Base::default()))?;
            return self.append(event);
        }
        let key = self.key(&tail)?;
        let n = key.as_ref().map_or(tail.next, |key| key.n.max(tail.next));
        let (line, hash) = line(n, event, &tail.prev, key.as_ref().map(|key| &key.key))?;
        // What a crash left of a line that never was.
        file.set_len(tail.length)?;
        if let Err(error) = file.write_all(&line) {
            file.set_len(tail.length)?;
            return Err(error);
        }
        self.advance(key.as_ref())?;
        Ok((hash, key.map(|key| key.key)))
    }

    /// Writes HEAD anew: `base` alone, in one step.
    pub(super) fn rewrite(&self, base: Base) -> io::Result<()> {
        let mut file = open(&self.directory.join(FILE), |options| options.read(true))?;
        let tail = tail(&mut file)?;
        let key = self.key(&tail)?;
        let n = key.as_ref().map_or(tail.next, |key| key.n.max(tail.next));
        let (line, _) = line(n, &Event::Base(base), &tail.prev, key.as_ref().map(|key| &key.key))?;
        let draft = self.directory.join(DRAFT);
        let mut file = open(&draft, |options| options.write(true).create(true).truncate(true))?;
        file.write_all(&line)?;
        file.sync_all()?;
        rename(&draft, &self.directory.join(FILE))?;
        self.advance(key.as_ref())?;
        sync_directory(&self.directory)
    }

    /// The key for the next entry, or the current one if that is later: then entries are missing, and
    /// the gap is left to be seen.
    fn key(&self, tail: &Tail) -> io::Result<Option<Numbered>> {
        let n = tail.next;
        let Some(current) = Numbered::current(&self.directory)? else {
            // Going on without MACs is what whoever removed the key would like.
            let problem = "the key of the audit log is missing";
            let missing = io::Error::new(io::ErrorKind::NotFound, problem);
            return if tail.keyed { Err(missing) } else { Ok(None) };
        };
        if current.n >= n {
            return Ok(Some(current));
        }
        // A crash came between the entry and the key that follows it.
        let behind = || io::Error::new(io::ErrorKind::InvalidData, "the key is far behind HEAD");
        let key = current.at(n).ok_or_else(behind)?;
        Ok(Some(Numbered { n, key }))
    }

    fn advance(&self, used: Option<&Numbered>) -> io::Result<()> {
        let Some(used) = used else { return Ok(()) };
        Numbered { n: used.n + 1, key: used.key.evolved() }.replace(&self.directory)
    }

    /// Begins keyed mode; what it returns is the verifier's.
    pub(super) fn init(&self, keep: impl FnOnce(&Numbered) -> io::Result<()>) -> io::Result<()> {
        if Numbered::current(&self.directory)?.is_some() {
            let problem = "the log is in keyed mode already";
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, problem));
        }
        let mut file =
            open(&self.directory.join(FILE), |o| o.read(true).append(true).create(true))?;
        if tail(&mut file)?.next == 0 {
            self.append(&Event::Base(Base::default()))?;
        }
        let first = Numbered { n: tail(&mut file)?.next, key: Key::random() };
        keep(&first)?;
        first.establish(&self.directory)?;
        self.append(&Event::Init)?;
        sync_directory(&self.directory)
    }
}

fn line(n: u64, event: &Event, prev: &Hash, key: Option<&Key>) -> io::Result<(Vec<u8>, Hash)> {
    let ts = rfc3339(SystemTime::now());
    let mut line = serde_json::to_vec(&Entry { v: 1, n, ts, event: event.clone() })?;
    line.pop();
    let hash = chain::seal(&mut line, prev, key);
    Ok((line, hash))
}

/// Finds the last whole line, from behind: HEAD may be long.
fn tail(file: &mut File) -> io::Result<Tail> {
    let size = file.metadata()?.len();
    let mut reach = 4_096;
    loop {
        let from = size.saturating_sub(reach);
        file.seek(SeekFrom::Start(from))?;
        let mut bytes = Vec::new();
        io::Read::take(&*file, size - from).read_to_end(&mut bytes)?;
        let end = bytes.iter().rposition(|byte| *byte == b'\n');
        let Some(whole) = end.and_then(|end| bytes.get(..end)) else {
            if from > 0 {
                reach *= 8;
                continue;
            }
            return Ok(Tail { next: 0, prev: GENESIS, length: 0, keyed: false });
        };
        let begin = whole.iter().rposition(|byte| *byte == b'\n').map(|before| before + 1);
        let Some(begin) = begin.or((from == 0).then_some(0)) else {
            reach *= 8;
            continue;
        };
        let last = whole.get(begin..).unwrap_or_default();
        let damaged = || io::Error::new(io::ErrorKind::InvalidData, "HEAD is damaged");
        let sealed = Sealed::read(last).ok_or_else(damaged)?;
        let entry: Entry = serde_json::from_slice(last)?;
        let length = from + whole.len() as u64 + 1;
        return Ok(Tail {
            next: entry.n.saturating_add(1),
            prev: sealed.hash,
            length,
            keyed: sealed.keyed(),
        });
    }
}

/// What HEAD says, and what is wrong with it.
#[derive(Default)]
pub(super) struct Head {
    pub(super) segments: BTreeMap<String, State>,
    pub(super) base: Base,
    /// Number and hash of the last entry.
    pub(super) last: Option<(u64, Hash)>,
    pub(super) keyed: bool,
    pub(super) bytes: u64,
    pub(super) problems: Vec<Problem>,
}

/// Something wrong in a line of HEAD.
pub(super) struct Problem {
    pub(super) line: u64,
    /// Something is missing, rather than altered.
    pub(super) gap: bool,
    pub(super) reason: &'static str,
}

impl Head {
    /// Reads HEAD, checks its chain and, with the verifier's key, its MACs.
    pub(super) fn read(directory: &Path, first: Option<&Numbered>) -> io::Result<Self> {
        let bytes = read(&directory.join(FILE))?;
        let mut head = Self { bytes: bytes.len() as u64, ..Self::default() };
        let mut key: Option<Numbered> = None;
        for (number, line) in (1..).zip(bytes.split_inclusive(|byte| *byte == b'\n')) {
            let Some(line) = line.strip_suffix(b"\n") else {
                head.problem(number, true, "the line is torn");
                continue;
            };
            let (sealed, entry) = (Sealed::read(line), serde_json::from_slice::<Entry>(line));
            let (Some(sealed), Ok(entry)) = (sealed, entry) else {
                head.problem(number, false, "the line was altered");
                continue;
            };
            if let Some(first) = first.filter(|first| entry.n >= first.n) {
                let made = key.as_ref().unwrap_or(first).at(entry.n);
                let made = made.map(|key| Numbered { n: entry.n, key });
                if !made.as_ref().is_some_and(|made| sealed.is_by(&made.key)) {
                    head.problem(number, false, "its MAC is wrong");
                }
                key = made.or(key);
            } else if first.is_none() && head.keyed && !sealed.keyed() {
                head.problem(number, false, "its MAC is missing");
            }
            head.keyed |= sealed.keyed();
            head.follow(number, &sealed, &entry);
            head.take(entry, sealed);
        }
        if bytes.is_empty() {
            head.problem(1, true, "HEAD is missing");
        }
        Ok(head)
    }

    fn problem(&mut self, line: u64, gap: bool, reason: &'static str) {
        self.problems.push(Problem { line, gap, reason });
    }

    fn follow(&mut self, number: u64, sealed: &Sealed, entry: &Entry) {
        let Some((n, hash)) = self.last else {
            if !matches!(entry.event, Event::Base(_)) {
                self.problem(number, true, "its beginning is missing");
            }
            return;
        };
        if matches!(entry.event, Event::Base(_)) {
            self.problem(number, false, "a beginning in the middle");
        }
        if entry.n > n.saturating_add(1) {
            self.problem(number, true, "entries before it are missing");
        } else if entry.n <= n {
            self.problem(number, false, "an entry that was there before");
        } else if sealed.prev != hash {
            self.problem(number, false, "it doesn't follow the line before it");
        }
    }

    fn take(&mut self, entry: Entry, sealed: Sealed) {
        self.last = Some((entry.n, sealed.hash));
        let (mark, stage) = match entry.event {
            Event::Base(base) => {
                let states = base.segments.iter().filter(|state| is_name(&state.mark.segment));
                self.segments = states.map(|s| (s.mark.segment.clone(), s.clone())).collect();
                self.base = base;
                return;
            }
            Event::Init => return,
            Event::Open { segment } => {
                if is_name(&segment) {
                    let start = hex(&sealed.hash);
                    let last = start.clone();
                    let mark = Mark { segment: segment.clone(), records: 0, bytes: 0, last };
                    let (stage, heard, keyed) = (Stage::Open, entry.ts, sealed.keyed());
                    let state = State { mark, stage, heard, opened: entry.n, start, keyed };
                    self.segments.insert(segment, state);
                }
                return;
            }
            Event::At(mark) => (mark, Stage::Open),
            Event::Close(mark) => (mark, Stage::Closed),
            Event::Left(mark) => (mark, Stage::Left),
        };
        if let Some(state) = self.segments.get_mut(&mark.segment) {
            (state.mark, state.stage, state.heard) = (mark, stage, entry.ts);
        }
    }
}

/// Whether `name` can be a segment's: a file in the directory, and none of its others.
pub(super) fn is_name(name: &str) -> bool {
    let stem = name.strip_suffix(".jsonl");
    stem.is_some_and(|stem| stem.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'))
}

/// Opens one of the audit log's own files, for this user alone.
#[expect(clippy::disallowed_types, reason = "core's own files, outside every scope")]
pub(super) fn open(
    path: &Path,
    how: impl FnOnce(&mut fs::OpenOptions) -> &mut fs::OpenOptions,
) -> io::Result<File> {
    let mut options = fs::OpenOptions::new();
    how(&mut options);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Opens one of them to read. Whatever was put in its place is not waited for.
pub(super) fn look(path: &Path) -> io::Result<File> {
    let file = private::open(path)?;
    if file.metadata()?.is_file() {
        return Ok(file);
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"))
}

/// A whole file; nothing if there is none.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    match look(path).and_then(|file| BufReader::new(file).read_to_end(&mut bytes)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(bytes),
    }
}

#[expect(clippy::disallowed_methods, reason = "core's own files, outside every scope")]
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)
}

#[expect(clippy::disallowed_methods, reason = "core's own files, outside every scope")]
pub(super) fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        tracing::warn!(%error, "a file of the audit log stays behind");
    }
}

/// Makes the names in a directory durable.
pub(super) fn sync_directory(directory: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(directory)?.sync_all() } else { Ok(()) }
}

#[expect(clippy::disallowed_methods, reason = "siblings hold the lock for microseconds")]
fn pause() {
    std::thread::sleep(Duration::from_millis(1));
}
