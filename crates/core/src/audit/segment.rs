//! The segments that one process writes, one after the other. A record is one write to the end of
//! a file that nobody else writes; HEAD hears of it at the beginning, at the end, and in between
//! often enough.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use crate::audit::chain::{self, Hash};
use crate::audit::head::{Event, Locked, Mark, PATIENCE, open, remove, sync_directory};
use crate::audit::keys::Key;
use crate::audit::record::{Opening, Process, Record, What};
use crate::state::hex;
use crate::time::rfc3339;

/// HEAD hears of a segment after so many records at the latest.
pub(super) const RECORDS: u64 = 64;

/// When reads try again to begin a segment after that failed.
const RETRY: Duration = Duration::from_secs(1);

/// When a segment is full.
#[derive(Debug, Clone, Copy)]
pub(super) struct Full {
    pub(super) bytes: u64,
    pub(super) age: Duration,
}

impl Default for Full {
    fn default() -> Self {
        Self { bytes: 64 << 20, age: Duration::from_hours(24) }
    }
}

/// Writes records. Segments are made when there is something to write.
pub(super) struct Writer {
    directory: PathBuf,
    process: Process,
    started: Instant,
    full: Full,
    segment: Option<Segment>,
    made: u32,
    former: Option<String>,
    /// Records that could not be written since the last one that was.
    lost: u64,
    /// When a segment could last not be begun.
    failed: Option<Instant>,
    line: Vec<u8>,
}

struct Segment {
    /// Locked as long as this process lives: that is how others tell it from one left behind.
    file: File,
    name: String,
    records: u64,
    bytes: u64,
    last: Hash,
    key: Option<Key>,
    /// How many records HEAD knows of.
    marked: u64,
    /// Whether the file's name is durable.
    named: bool,
    since: Instant,
}

impl Segment {
    fn mark(&self) -> Mark {
        let (records, bytes) = (self.records, self.bytes);
        Mark { segment: self.name.clone(), records, bytes, last: hex(&self.last) }
    }
}

impl Writer {
    pub(super) fn new(directory: &Path, process: Process, full: Full) -> Self {
        Self {
            directory: directory.to_owned(),
            process,
            started: Instant::now(),
            full,
            segment: None,
            made: 0,
            former: None,
            lost: 0,
            failed: None,
            line: Vec::new(),
        }
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Writes a record; a `durable` one is on disk when this returns. True if it began a segment.
    pub(super) fn append(&mut self, what: What<'_>, durable: bool) -> io::Result<bool> {
        let began = self.try_append(what, durable);
        self.lost = if began.is_ok() { 0 } else { self.lost.saturating_add(1) };
        began
    }

    fn try_append(&mut self, what: What<'_>, durable: bool) -> io::Result<bool> {
        let full = self.full;
        let is_full = |one: &Segment| one.bytes >= full.bytes || one.since.elapsed() >= full.age;
        if self.segment.as_ref().is_some_and(is_full) {
            self.close("full")?;
        }
        let began = self.segment.is_none();
        if began {
            self.begin(durable)?;
        }
        if self.segment.as_ref().is_some_and(|segment| segment.records == 0) {
            self.open()?;
        }
        // A change must not begin while HEAD lags behind: what it lags behind can be cut off.
        if durable && self.unmarked() >= RECORDS {
            self.mark(PATIENCE)?;
        }
        self.write(what)?;
        if durable {
            self.sync()?;
        }
        if self.unmarked() >= RECORDS && self.mark(Duration::ZERO).is_err() {
            tracing::debug!("HEAD is locked; the next record tries again");
        }
        Ok(began)
    }

    /// Records that HEAD doesn't know of yet.
    fn unmarked(&self) -> u64 {
        self.segment.as_ref().map_or(0, |segment| segment.records - segment.marked)
    }

    /// Tells HEAD how far the segment is, if it doesn't know.
    pub(super) fn mark(&mut self, patience: Duration) -> io::Result<()> {
        if self.unmarked() == 0 {
            return Ok(());
        }
        let Some(segment) = &mut self.segment else { return Ok(()) };
        Locked::take(&self.directory, patience)?.append(&Event::At(segment.mark()))?;
        segment.marked = segment.records;
        Ok(())
    }

    /// Ends the segment.
    pub(super) fn close(&mut self, reason: &'static str) -> io::Result<()> {
        if self.segment.is_none() {
            return Ok(());
        }
        self.write(What::Close { reason })?;
        let Some(segment) = &self.segment else { return Ok(()) };
        segment.file.sync_data()?;
        let closed = Event::Close(segment.mark());
        Locked::take(&self.directory, PATIENCE)?.append(&closed)?;
        self.former = self.segment.take().map(|segment| segment.name);
        Ok(())
    }

    /// Ends as a process that is killed does.
    #[cfg(test)]
    pub(super) fn crash(mut self) {
        self.segment = None;
    }

    fn begin(&mut self, durable: bool) -> io::Result<()> {
        // Whoever can't begin a segment doesn't wait for HEAD with every read.
        if !durable && self.failed.is_some_and(|failed| failed.elapsed() < RETRY) {
            return Err(io::Error::other("no segment could be begun just now"));
        }
        self.failed = Some(Instant::now());
        let stamp = rfc3339(SystemTime::now()).replace([':', '-'], "");
        let name = format!("{stamp}-{}-{}.jsonl", self.process.instance, self.made);
        let head = Locked::take(&self.directory, PATIENCE)?;
        let path = self.directory.join(&name);
        let file = open(&path, |options| options.append(true).create_new(true))?;
        let opened = file.try_lock().map_err(io::Error::from);
        let opened = opened.and_then(|()| head.append(&Event::Open { segment: name.clone() }));
        let (last, key) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                remove(&path);
                return Err(error);
            }
        };
        let key = key.map(|key| key.of_segment(&name));
        let (since, named) = (Instant::now(), false);
        self.made += 1;
        self.failed = None;
        self.segment =
            Some(Segment { file, name, records: 0, bytes: 0, last, key, marked: 0, named, since });
        Ok(())
    }

    /// Writes the first record of a segment.
    fn open(&mut self) -> io::Result<()> {
        let (after, principal) = (self.former.take(), std::mem::take(&mut self.process.principal));
        let opening = Opening { principal: &principal, after: after.as_deref() };
        let written = self.write(What::Open(opening));
        self.process.principal = principal;
        if written.is_err() {
            self.former = after;
        }
        written
    }

    /// Writes one line, all of it or nothing.
    fn write(&mut self, what: What<'_>) -> io::Result<()> {
        let Some(segment) = &mut self.segment else { return Err(io::Error::other("no segment")) };
        let record = Record { mono_us: self.started.elapsed().as_micros(), what };
        self.line.clear();
        self.process.write(&mut self.line, &record, (segment.records, self.lost))?;
        let hash = chain::seal(&mut self.line, &segment.last, segment.key.as_ref());
        if let Err(error) = segment.file.write_all(&self.line) {
            // The disk is full, in the middle of the line perhaps. If its beginning can't be taken
            // back, the segment ends here, and the next one says so.
            if segment.file.set_len(segment.bytes).is_err() {
                self.former = self.segment.take().map(|segment| segment.name);
            }
            return Err(error);
        }
        segment.records += 1;
        segment.bytes += self.line.len() as u64;
        segment.last = hash;
        segment.key = segment.key.as_ref().map(Key::evolved);
        // One long record is no reason to keep its room.
        self.line.shrink_to(64 * 1024);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let Some(segment) = &mut self.segment else { return Err(io::Error::other("no segment")) };
        let mut synced = segment.file.sync_data();
        if synced.is_ok() && !segment.named {
            synced = sync_directory(&self.directory);
            if let (Ok(()), Some(parent)) = (&synced, self.directory.parent()) {
                synced = sync_directory(parent);
            }
            segment.named = synced.is_ok();
        }
        if synced.is_err() {
            // What the system has dropped of this file is unknown from here on.
            self.former = self.segment.take().map(|segment| segment.name);
        }
        synced
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if let Err(error) = self.close("end") {
            tracing::warn!(%error, "the audit segment stays unclosed");
        }
    }
}
