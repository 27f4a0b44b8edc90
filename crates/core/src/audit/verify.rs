//! Whether the log is as it was written: every line of every segment, against the chain, against
//! HEAD and, with the verifier's key, against the MACs. It only reads.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, BufRead as _, BufReader};
use std::path::Path;

use serde::Serialize;

use crate::audit::chain::{Hash, Sealed};
use crate::audit::head::{Head, Locked, PATIENCE, Stage, State, Sum, is_name, look};
use crate::audit::keys::{Key, Numbered};
use crate::audit::prune::is_running;
use crate::audit::record::Seen;
use crate::state::hex;

/// More records than any segment holds: no more missing ones are counted.
const MOST_RECORDS: u64 = 10_000_000;

/// What is wrong, the worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    /// Its process ended without closing it, or still runs: what it wrote last may be missing.
    Unclosed,
    /// Something was there that isn't any more.
    Gap,
    /// It can't be read, so nothing can be said.
    Unreadable,
    /// Something is not what was written.
    Altered,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Unclosed => "unclosed",
            Self::Gap => "gap",
            Self::Unreadable => "unreadable",
            Self::Altered => "altered",
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    /// A segment, `HEAD` or `key`.
    pub(super) segment: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) line: Option<u64>,
    pub(super) kind: Kind,
    pub(super) reason: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { segment, line, kind, reason } = self;
        let line = line.map(|line| format!(":{line}")).unwrap_or_default();
        write!(f, "{segment}{line}: {}: {reason}", kind.as_str())
    }
}

/// What was found.
#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    pub(super) findings: Vec<Finding>,
    pub(super) segments: u64,
    pub(super) records: u64,
    pub(super) keyed: bool,
    /// Whether MACs were checked.
    pub(super) key_given: bool,
    pub(super) pruned: Sum,
    /// Number and hash of the last entry of HEAD: kept elsewhere, they show that HEAD was put back.
    pub(super) head: Option<(u64, String)>,
}

impl Report {
    /// 0 intact, 1 altered, 2 gap, truncation or unclosed, 3 unreadable.
    pub(super) fn code(&self) -> u8 {
        match self.findings.iter().map(|finding| finding.kind).max() {
            None => 0,
            Some(Kind::Altered) => 1,
            Some(Kind::Gap | Kind::Unclosed) => 2,
            Some(Kind::Unreadable) => 3,
        }
    }

    pub(super) fn result(&self) -> &'static str {
        self.findings.iter().map(|one| one.kind).max().map_or("intact", Kind::as_str)
    }

    fn find(&mut self, segment: &str, line: Option<u64>, kind: Kind, reason: impl Into<String>) {
        let (segment, reason) = (segment.to_owned(), reason.into());
        self.findings.push(Finding { segment, line, kind, reason });
    }
}

/// How to verify.
#[derive(Default)]
pub(super) struct How {
    /// The verifier's key.
    pub(super) key: Option<Numbered>,
    /// Segments that a running process writes are not expected to be closed.
    pub(super) running: bool,
}

/// Verifies the log in `directory`.
pub(super) fn verify(directory: &Path, how: &How) -> Report {
    let mut report = try_verify(directory, how);
    // What siblings do meanwhile (close, prune) is not held against the log.
    for _ in 0..3 {
        let now = Head::read(directory, None).ok().and_then(|head| head.last);
        let seen = now.map(|(n, hash)| (n, hex(&hash)));
        if report.findings.is_empty() || seen == report.head {
            break;
        }
        report = try_verify(directory, how);
    }
    report
}

fn try_verify(directory: &Path, how: &How) -> Report {
    let mut report = Report { key_given: how.key.is_some(), ..Report::default() };
    let read = snapshot(directory, how.key.as_ref());
    let (head, files, current) = match read {
        Ok(read) => read,
        Err(error) => {
            report.find("HEAD", None, Kind::Unreadable, error.to_string());
            return report;
        }
    };
    let anything = head.last.is_some() || !files.is_empty();
    for problem in &head.problems {
        let kind = if problem.gap { Kind::Gap } else { Kind::Altered };
        report.find("HEAD", Some(problem.line), kind, problem.reason);
    }
    report.keyed = head.keyed;
    report.head = head.last.map(|(n, hash)| (n, hex(&hash)));
    report.pruned = head.base.before;
    report.pruned.segments += head.base.pruned.len() as u64;
    report.pruned.records += head.base.pruned.iter().map(|mark| mark.records).sum::<u64>();
    match current {
        Ok(current) => keys(&mut report, &head, current.as_ref(), how.key.as_ref()),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            report.find("key", None, Kind::Altered, "it is damaged");
        }
        Err(error) => report.find("key", None, Kind::Unreadable, error.to_string()),
    }
    if !anything {
        return report;
    }
    let pruned: BTreeSet<&str> = head.base.pruned.iter().map(|m| m.segment.as_str()).collect();
    for (file, bytes) in &files {
        // An empty one holds nothing: its process ended just as it began.
        let known = head.segments.contains_key(file) || pruned.contains(file.as_str());
        if !known && *bytes > 0 {
            report.find(file, None, Kind::Gap, "HEAD doesn't know it");
        }
    }
    let mut keys = KeysOfSegments { first: how.key.as_ref(), last: None };
    let mut states: Vec<&State> = head.segments.values().collect();
    states.sort_by_key(|state| state.opened);
    for state in states {
        report.segments += 1;
        let key = state.keyed.then(|| keys.of(state)).flatten();
        if state.keyed && how.key.is_some() && key.is_none() {
            report.find(&state.mark.segment, None, Kind::Altered, "it has no key of this log");
            continue;
        }
        let mut checking = Checking::new(state, key, how, &mut report);
        if let Err(error) = checking.file(directory) {
            match error.kind() {
                io::ErrorKind::NotFound => checking.find(None, Kind::Gap, "it is missing"),
                _ => checking.find(None, Kind::Unreadable, &error.to_string()),
            }
        }
    }
    report
        .findings
        .sort_by(|one, other| (&one.segment, one.line).cmp(&(&other.segment, other.line)));
    report
}

type Snapshot = (Head, BTreeMap<String, u64>, io::Result<Option<Numbered>>);

/// The segments in `directory` with their sizes, in the order of time.
#[expect(clippy::disallowed_methods, reason = "core's own directory, outside every scope")]
pub(super) fn files(directory: &Path) -> io::Result<BTreeMap<String, u64>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if let Some(name) = entry.file_name().to_str().filter(|name| is_name(name)) {
            files.insert(name.to_owned(), entry.metadata().map_or(1, |meta| meta.len()));
        }
    }
    Ok(files)
}

/// HEAD, the names of all segments and the key, as they are at one moment.
fn snapshot(directory: &Path, first: Option<&Numbered>) -> io::Result<Snapshot> {
    // A directory that isn't there is not made.
    files(directory)?;
    // Whoever may only read takes it as it is.
    let locked = Locked::take(directory, PATIENCE);
    let snapshot = (Head::read(directory, first)?, files(directory)?, Numbered::current(directory));
    drop(locked);
    Ok(snapshot)
}

/// Checks the directory's key against HEAD and the verifier's key.
fn keys(report: &mut Report, head: &Head, current: Option<&Numbered>, first: Option<&Numbered>) {
    let last = head.last.map(|(n, _)| n);
    if first.is_some_and(|first| last.is_none_or(|last| last < first.n)) {
        report.find("HEAD", None, Kind::Gap, "it ends before the log was keyed");
    }
    let Some(current) = current else {
        if head.keyed || first.is_some() {
            report.find("key", None, Kind::Gap, "the key is missing");
        }
        return;
    };
    let next = last.map_or(0, |last| last.saturating_add(1));
    if current.n > next {
        report.find("HEAD", None, Kind::Gap, "entries are missing from its end");
    }
    // One behind: a crash came between an entry and the key that follows it.
    if current.n.saturating_add(1) < next {
        report.find("key", None, Kind::Altered, "it is behind HEAD");
    }
    let right = |first: &Numbered| {
        first.at(current.n).is_some_and(|key| current.is(&Numbered { n: current.n, key }))
    };
    if first.is_some_and(|first| !right(first)) {
        report.find("key", None, Kind::Altered, "it doesn't come from the key given");
    }
}

/// First keys of segments, computed in the order in which they were opened.
struct KeysOfSegments<'a> {
    first: Option<&'a Numbered>,
    last: Option<Numbered>,
}

impl KeysOfSegments<'_> {
    fn of(&mut self, state: &State) -> Option<Key> {
        let key = self.last.as_ref().or(self.first)?.at(state.opened)?;
        let of_segment = key.of_segment(&state.mark.segment);
        self.last = Some(Numbered { n: state.opened, key });
        Some(of_segment)
    }
}

/// One segment being checked, line by line.
struct Checking<'a> {
    state: &'a State,
    how: &'a How,
    report: &'a mut Report,
    /// The key of the record that comes next.
    key: Option<Key>,
    next: u64,
    prev: Option<Hash>,
    ended: bool,
    torn: bool,
}

impl<'a> Checking<'a> {
    fn new(state: &'a State, key: Option<Key>, how: &'a How, report: &'a mut Report) -> Self {
        let prev = super::chain::unhex(state.start.as_bytes());
        Self { state, how, report, key, next: 0, prev, ended: false, torn: false }
    }

    fn find(&mut self, line: Option<u64>, kind: Kind, reason: &str) {
        self.report.find(&self.state.mark.segment, line, kind, reason);
    }

    fn file(&mut self, directory: &Path) -> io::Result<()> {
        let path = directory.join(&self.state.mark.segment);
        let mut file = BufReader::with_capacity(64 * 1024, look(&path)?);
        let mut line = Vec::new();
        let mut number = 0;
        loop {
            line.clear();
            if file.read_until(b'\n', &mut line)? == 0 {
                break;
            }
            number += 1;
            match line.strip_suffix(b"\n") {
                Some(line) => self.line(number, line),
                None => self.torn = true,
            }
        }
        self.end(number, is_running(&path));
        Ok(())
    }

    fn line(&mut self, number: u64, line: &[u8]) {
        let (sealed, seen) = (Sealed::read(line), serde_json::from_slice::<Seen>(line));
        let (Some(sealed), Ok(seen)) = (sealed, seen) else {
            self.find(Some(number), Kind::Altered, "the line was altered");
            // Whatever it was, the next one is to be the one after it.
            self.step();
            self.prev = None;
            return;
        };
        self.report.records += 1;
        if seen.seq < self.next {
            self.find(Some(number), Kind::Altered, "a record that was there before");
            return;
        }
        let missing = seen.seq - self.next;
        if missing > 0 {
            let reason = match missing {
                1 => "the record before it is missing".to_owned(),
                _ => format!("{missing} records before it are missing"),
            };
            self.find(Some(number), Kind::Gap, &reason);
            for _ in 0..missing.min(MOST_RECORDS) {
                self.step();
            }
            self.next = seen.seq;
        } else if self.prev.is_some_and(|prev| prev != sealed.prev) {
            self.find(Some(number), Kind::Altered, "it doesn't follow the line before it");
        }
        if sealed.keyed() != self.state.keyed || self.key.as_ref().is_some_and(|k| !sealed.is_by(k))
        {
            self.find(Some(number), Kind::Altered, "its MAC is wrong");
        }
        if seen.lost > 0 {
            let reason = format!("{} records before it could not be written", seen.lost);
            self.find(Some(number), Kind::Gap, &reason);
        }
        if self.ended {
            self.find(Some(number), Kind::Altered, "it was written after the end");
        }
        let mark = &self.state.mark;
        if seen.seq.saturating_add(1) == mark.records && hex(&sealed.hash) != mark.last {
            self.find(Some(number), Kind::Altered, "it is not the record that HEAD knows");
        }
        self.ended = seen.ev == "close";
        self.prev = Some(sealed.hash);
        self.step();
    }

    fn step(&mut self) {
        self.key = self.key.as_ref().map(Key::evolved);
        self.next = self.next.saturating_add(1);
    }

    fn end(&mut self, lines: u64, running: bool) {
        let known = self.state.mark.records;
        let line = Some(lines.max(1));
        if self.next < known {
            let reason = format!("it ends after {} of {known} records", self.next);
            self.find(line, Kind::Gap, &reason);
        }
        let more = self.next > known && self.state.stage != Stage::Open;
        if more {
            self.find(line, Kind::Altered, "it goes on after its end");
        }
        if self.torn && !running {
            self.find(line, Kind::Gap, "its last record is torn");
        }
        match self.state.stage {
            Stage::Closed if !self.ended && !more && self.next == known => {
                self.find(line, Kind::Altered, "its end is not what it was");
            }
            Stage::Closed => {}
            Stage::Open if running && self.how.running => {}
            Stage::Open if running => {
                self.find(line, Kind::Unclosed, "a running process writes it");
            }
            Stage::Open | Stage::Left => self.find(
                line,
                Kind::Unclosed,
                "its process ended without closing it: records of its last second, at most 64, \
                 may be missing",
            ),
        }
    }
}
