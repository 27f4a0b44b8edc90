//! The book: one record for each call that came to an end, and one before each mutation, durable
//! before it begins. This is what the pipeline sees of it; the lines are written by `segment`,
//! chained by `chain` and counted by `head`, and read back by `verify` and `query`.

mod chain;
pub(crate) mod cli;
mod head;
mod keys;
mod prune;
mod query;
mod record;
mod rules;
mod segment;
mod verify;

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

pub(crate) use self::record::{Decided, End, Process, Subject};
pub(crate) use self::rules::{AuditSource, OnFailure, Rules, Values};

use self::record::What;
use self::segment::{Full, Writer};
use crate::trace::Trace;

/// Where the log's lines of calls come from, as `--log-level` names it.
const LOG: &str = "lockkeeper::call";

/// HEAD hears of a record after this time at the latest.
const MARK_AFTER: Duration = Duration::from_secs(1);

/// The audit log of one process.
pub(crate) struct Audit {
    rules: Rules,
    calls: AtomicU64,
    writer: Mutex<Option<Writer>>,
    /// Told that there is something of which HEAD has to hear.
    written: Notify,
    /// Looks after what other processes left.
    tidies: bool,
    failures: AtomicU64,
    /// The last record could not be written.
    fails: AtomicBool,
}

impl Audit {
    /// The audit log of `server`. Nothing is made until there is something to record.
    pub(crate) fn new(rules: Rules, process: Process) -> Self {
        Self::filling(rules, process, Full::default())
    }

    fn filling(rules: Rules, process: Process, full: Full) -> Self {
        let directory = rules.directory.as_ref().map(|directory| directory.join(process.server));
        let writer = directory.map(|directory| Writer::new(&directory, process, full));
        let (writer, written) = (Mutex::new(writer), Notify::new());
        let (calls, failures) = (AtomicU64::new(0), AtomicU64::new(0));
        let fails = AtomicBool::new(false);
        Self { rules, calls, writer, written, tidies: true, failures, fails }
    }

    /// For `check`: where it is written, and how.
    pub(crate) fn summary(&self) -> String {
        let Some(directory) = &self.rules.directory else {
            return if self.rules.off { "off" } else { "no place for it: nothing can change" }
                .into();
        };
        let server = self.with_writer(|writer| Ok(is_keyed(writer.directory())));
        let keyed = if server.unwrap_or_default() { "keyed" } else { "not keyed" };
        let days = self.rules.keep.age.as_secs() / 86_400;
        format!("{}, {keyed}, kept for {days} days", directory.display())
    }

    /// How it is kept.
    pub(crate) fn rules(&self) -> &Rules {
        &self.rules
    }

    /// How many records couldn't be written.
    pub(crate) fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// Whether the last record could not be written.
    pub(crate) fn fails(&self) -> bool {
        self.fails.load(Ordering::Relaxed)
    }

    /// Begins the record of a call. Whatever happens, it writes exactly one outcome, and one line
    /// of the log.
    pub(crate) fn begin(self: &Arc<Self>, subject: Subject, origin: Origin) -> Open {
        Open {
            audit: Arc::clone(self),
            subject,
            origin,
            call: self.calls.fetch_add(1, Ordering::Relaxed),
            started: Instant::now(),
            ended: false,
        }
    }

    /// Tells HEAD of what was written, for as long as the server runs.
    pub(crate) async fn keep_head(&self) {
        loop {
            self.written.notified().await;
            tokio::time::sleep(MARK_AFTER).await;
            if let Err(error) = self.with_writer(|writer| writer.mark(Duration::ZERO)) {
                tracing::debug!(%error, "HEAD can't be written now");
                self.written.notify_one();
            }
        }
    }

    /// Ends the segment. Nothing should be recorded after that.
    pub(crate) fn close(&self) {
        if let Err(error) = self.with_writer(|writer| writer.close("end")) {
            tracing::warn!(%error, "the audit segment stays unclosed");
        }
    }

    fn append(&self, what: What<'_>, durable: bool) -> io::Result<()> {
        let written = self.write(what, durable);
        if written.is_err() {
            self.failures.fetch_add(1, Ordering::Relaxed);
        }
        self.fails.store(written.is_err(), Ordering::Relaxed);
        written
    }

    fn write(&self, what: What<'_>, durable: bool) -> io::Result<()> {
        if self.rules.off {
            return Ok(());
        }
        if self.rules.directory.is_none() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "there is no audit directory"));
        }
        let began = self.with_writer(|writer| writer.append(what, durable))?;
        self.written.notify_one();
        if began && self.tidies {
            self.tidy();
        }
        Ok(())
    }

    fn with_writer<T: Default>(
        &self,
        work: impl FnOnce(&mut Writer) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut writer = self.writer.lock().map_err(|_| io::Error::other("poisoned"))?;
        writer.as_mut().map_or_else(|| Ok(T::default()), work)
    }

    /// Looks after what earlier processes left, beside the call that began this segment.
    fn tidy(&self) {
        let Ok(writer) = self.writer.lock() else { return };
        let Some(directory) = writer.as_ref().map(|writer| writer.directory().to_owned()) else {
            return;
        };
        let keep = self.rules.keep;
        let tidying = move || {
            if let Err(error) = prune::prune(&directory, keep) {
                tracing::warn!(%error, "the audit log is not pruned");
            }
        };
        let spawned = std::thread::Builder::new().name("audit".into()).spawn(tidying);
        if let Err(error) = spawned {
            tracing::debug!(%error, "the audit log is not pruned now");
        }
    }
}

/// The directory of one server's log.
pub(crate) fn directory(rules: &Rules, server: &str) -> Option<std::path::PathBuf> {
    rules.directory.as_deref().map(|directory: &Path| directory.join(server))
}

/// Whether the log in this directory is in keyed mode.
fn is_keyed(directory: &Path) -> bool {
    !matches!(keys::Numbered::current(directory), Ok(None))
}

/// Where a call comes from, for the log.
#[derive(Debug, Default)]
pub(crate) struct Origin {
    /// The request's id as its client knows it.
    pub(crate) request: Option<String>,
    pub(crate) trace: Option<Trace>,
}

/// The record of a call under way. Dropped without [`Open::end`], the call was aborted.
pub(crate) struct Open {
    audit: Arc<Audit>,
    subject: Subject,
    origin: Origin,
    call: u64,
    started: Instant,
    ended: bool,
}

impl Open {
    /// What the call turned out to need.
    pub(crate) fn subject(&mut self) -> &mut Subject {
        &mut self.subject
    }

    /// What the policy said to it.
    pub(crate) fn decided(&mut self, decided: Decided) {
        self.subject.decision = Some(decided);
    }

    /// Records that a mutation is about to begin, durably.
    pub(crate) fn intent(&self) -> io::Result<()> {
        let what = What::Intent { call: self.call, subject: &self.subject };
        self.audit.append(what, true)
    }

    /// Records how the call ended.
    pub(crate) fn end(mut self, end: &End) -> io::Result<()> {
        self.ended = true;
        if let Some(rule) = &end.denied_by {
            self.decided(Decided::DENY.by(rule));
        }
        self.outcome(end)
    }

    /// Whether an answer that isn't in the book must not be given.
    pub(crate) fn is_binding(&self) -> bool {
        self.audit.rules.on_failure == OnFailure::DenyAll
    }

    /// Whether the call is one that alters something.
    pub(crate) fn mutates(&self) -> bool {
        self.subject.effect.mutates()
    }

    fn outcome(&self, end: &End) -> io::Result<()> {
        let took = self.started.elapsed();
        self.log(end, took);
        let dur_us = took.as_micros();
        let what = What::Outcome { call: self.call, subject: &self.subject, end, dur_us };
        self.audit.append(what, false)
    }
}

impl Open {
    /// The one line that a call leaves in the log: nothing of what it was about.
    fn log(&self, end: &End, took: Duration) {
        if !tracing::enabled!(target: LOG, tracing::Level::INFO) {
            return;
        }
        let Subject { tool, effect, .. } = &self.subject;
        let Origin { request, trace } = &self.origin;
        let (trace, span) = (trace.as_ref().map(Trace::id), trace.as_ref().map(Trace::span));
        let trace = trace.map(|trace| trace.to_string());
        let dur_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        tracing::info!(
            target: LOG,
            tool = tool.as_str(),
            effect = effect.as_str(),
            outcome = end.code,
            dur_us,
            bytes = end.bytes,
            call = self.call,
            request = request.as_deref(),
            trace = trace.as_deref(),
            span = span.as_deref(),
            "call"
        );
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let end = End { code: "aborted", ..Default::default() };
        if let Err(error) = self.outcome(&end) {
            tracing::error!(%error, "the audit log can't be written");
        }
    }
}

#[cfg(test)]
mod tests;
