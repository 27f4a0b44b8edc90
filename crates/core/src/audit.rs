//! The book: one line of JSON for each call that came to an end, and one before each mutation,
//! durable before it begins. One segment per process, created with its first record.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Instant, SystemTime};

use serde::Serialize;

use crate::effect::Effect;
use crate::state::{create_private, hex, make_private, random};
use crate::time::rfc3339;

/// The audit log of one process.
pub(crate) struct Audit {
    directory: Option<PathBuf>,
    switched_off: bool,
    server: &'static str,
    policy: String,
    instance: String,
    calls: AtomicU64,
    segment: Mutex<Segment>,
}

#[derive(Default)]
struct Segment {
    file: Option<File>,
    records: u64,
}

/// What is known of a call before it runs.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Subject {
    pub(crate) tool: String,
    pub(crate) effect: Effect,
    pub(crate) resources: Vec<String>,
    /// Keyed hash of the arguments: equal calls are seen as equal, values are not in the log.
    pub(crate) arguments: String,
    /// Name and version that the client gave itself.
    pub(crate) client: String,
}

/// How a call ended.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct End {
    /// `ok`, or the error's code.
    pub(crate) code: &'static str,
    pub(crate) bytes: usize,
    pub(crate) truncated: bool,
}

#[derive(Serialize)]
struct Record<'a> {
    v: u8,
    seq: u64,
    ts: String,
    ev: &'a str,
    server: &'a str,
    instance: &'a str,
    call: u64,
    policy: &'a str,
    #[serde(flatten)]
    subject: &'a Subject,
    #[serde(flatten)]
    end: Option<&'a End>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dur_us: Option<u64>,
}

impl Audit {
    /// An audit log in `directory`, or none if `switched_off`.
    pub(crate) fn new(
        directory: Option<PathBuf>,
        switched_off: bool,
        server: &'static str,
        policy: &str,
    ) -> Self {
        Self {
            directory: directory.filter(|_| !switched_off),
            switched_off,
            server,
            policy: policy.chars().take(16).collect(),
            instance: hex(&random(4)),
            calls: AtomicU64::new(0),
            segment: Mutex::default(),
        }
    }

    /// Where segments are written, if they are.
    pub(crate) fn directory(&self) -> Option<&Path> {
        self.directory.as_deref()
    }

    /// Begins the record of a call. Whatever happens, it writes exactly one outcome.
    pub(crate) fn begin(self: &Arc<Self>, subject: Subject) -> Open {
        Open {
            audit: Arc::clone(self),
            subject,
            call: self.calls.fetch_add(1, Ordering::Relaxed),
            started: Instant::now(),
            ended: false,
        }
    }

    fn append(&self, open: &Open, ev: &str, end: Option<&End>) -> io::Result<()> {
        if self.switched_off {
            return Ok(());
        }
        let Some(directory) = &self.directory else {
            return Err(io::Error::new(io::ErrorKind::NotFound, "there is no audit directory"));
        };
        let mut segment = self.segment.lock().map_err(|_| io::Error::other("poisoned"))?;
        let dur_us = end.map(|_| u64::try_from(open.started.elapsed().as_micros()).unwrap_or(0));
        let record = Record {
            v: 1,
            seq: segment.records,
            ts: rfc3339(SystemTime::now()),
            ev,
            server: self.server,
            instance: &self.instance,
            call: open.call,
            policy: &self.policy,
            subject: &open.subject,
            end,
            dur_us,
        };
        let mut line = serde_json::to_vec(&record)?;
        line.push(b'\n');
        let file = segment.open(directory, self.server, &self.instance)?;
        file.write_all(&line)?;
        if ev == "intent" {
            file.sync_data()?;
        }
        segment.records += 1;
        Ok(())
    }
}

impl Segment {
    fn open(&mut self, directory: &Path, server: &str, instance: &str) -> io::Result<&mut File> {
        if self.file.is_none() {
            let directory = directory.join(server);
            make_private(&directory)?;
            let stamp: String =
                rfc3339(SystemTime::now()).chars().filter(|c| !":-".contains(*c)).collect();
            self.file = Some(create_private(&directory.join(format!("{stamp}-{instance}.jsonl")))?);
        }
        self.file.as_mut().ok_or_else(|| io::Error::other("no segment"))
    }
}

/// The record of a call under way. Dropped without [`Open::end`], the call was aborted.
pub(crate) struct Open {
    audit: Arc<Audit>,
    subject: Subject,
    call: u64,
    started: Instant,
    ended: bool,
}

impl Open {
    /// What the call turned out to need.
    pub(crate) fn subject(&mut self) -> &mut Subject {
        &mut self.subject
    }

    /// Records that a mutation is about to begin, durably.
    pub(crate) fn intent(&self) -> io::Result<()> {
        self.audit.append(self, "intent", None)
    }

    /// Records how the call ended.
    pub(crate) fn end(mut self, end: &End) -> io::Result<()> {
        self.ended = true;
        self.audit.append(&self, "outcome", Some(end))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let end = End { code: "aborted", ..Default::default() };
        if let Err(error) = self.audit.append(self, "outcome", Some(&end)) {
            tracing::error!(%error, "the audit log can't be written");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject() -> Subject {
        Subject {
            tool: "move_file".into(),
            effect: Effect::Change,
            resources: vec!["a.txt".into()],
            arguments: "00".into(),
            client: "test/1".into(),
        }
    }

    #[test]
    fn every_call_leaves_one_outcome() {
        let directory = tempfile::tempdir().unwrap();
        let audit = Audit::new(Some(directory.path().to_owned()), false, "lockkeeper-test", "p");
        let audit = Arc::new(audit);
        let open = audit.begin(subject());
        open.intent().unwrap();
        open.end(&End { code: "ok", bytes: 3, truncated: false }).unwrap();
        drop(audit.begin(subject()));
        let segments: Vec<_> =
            std::fs::read_dir(directory.path().join("lockkeeper-test")).unwrap().collect();
        assert_eq!(segments.len(), 1);
        let text = std::fs::read_to_string(segments[0].as_ref().unwrap().path()).unwrap();
        let records: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let seen: Vec<_> = records.iter().map(|r| (r["ev"].as_str(), r["code"].as_str())).collect();
        assert_eq!(
            seen,
            [
                (Some("intent"), None),
                (Some("outcome"), Some("ok")),
                (Some("outcome"), Some("aborted"))
            ]
        );
    }

    #[test]
    fn without_a_directory_an_intent_fails() {
        let audit = Arc::new(Audit::new(None, false, "lockkeeper-test", "p"));
        assert!(audit.begin(subject()).intent().is_err());
        let audit = Arc::new(Audit::new(None, true, "lockkeeper-test", "p"));
        assert!(audit.begin(subject()).intent().is_ok());
    }
}
