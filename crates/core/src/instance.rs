//! What a running server says of itself to whoever asks from outside (`status`, a monitor): one
//! small file for each process in the state directory. Written when it begins, when its lifecycle
//! goes on, and at most every few seconds in between, and only if something changed: an idle
//! server wakes nobody. Nothing of users' data, no path and no secret stands in it. A server that
//! can't write it works on.

pub(crate) mod kept;
mod list;
pub(crate) mod status;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::Instant;

use self::kept::Kept;
pub(crate) use self::list::sweep_left;
use crate::metrics::{Kind, Recent, Text};
use crate::state::{hex, make_private, random};
use crate::time::rfc3339;
use crate::upstream::{BreakerState, Cached, UpstreamReading};

/// The directory of these files, in the state directory.
pub(crate) const DIRECTORY: &str = "instances";

/// The file is written at most this often, but for the lifecycle.
const EVERY: Duration = Duration::from_secs(3);

/// Files of ended processes are looked for so long after the start, beside the first calls.
const SWEEP_AFTER: Duration = Duration::from_secs(1);

/// Crashed siblings are counted at most this often, and only if metrics are asked for.
const COUNT_EVERY: Duration = Duration::from_mins(1);

/// Where a process stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Lifecycle {
    /// It makes its source and closes its sandbox.
    Starting,
    /// It serves.
    Ready,
    /// It serves, but something that it needs doesn't work: see `why`.
    Degraded,
    /// It takes no new calls, and finishes those under way.
    Draining,
    /// It ended as it should.
    Stopped,
    /// It could not start, or ended by an error.
    Failed,
}

impl Lifecycle {
    const ALL: [Self; 6] =
        [Self::Starting, Self::Ready, Self::Degraded, Self::Draining, Self::Stopped, Self::Failed];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Degraded => "degraded",
            Self::Draining => "draining",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        }
    }

    /// Whether nothing follows.
    fn is_final(self) -> bool {
        matches!(self, Self::Stopped | Self::Failed)
    }
}

/// What a file says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    v: u8,
    pub(crate) server: String,
    pub(crate) version: String,
    pub(crate) instance: String,
    pub(crate) pid: u32,
    pub(crate) started: String,
    pub(crate) updated: String,
    pub(crate) lifecycle: Lifecycle,
    /// Why it is degraded or failed: `audit`, `breaker:NAME`, or what it was doing.
    #[serde(default)]
    pub(crate) why: Vec<String>,
    pub(crate) calls: u64,
    pub(crate) errors: u64,
    /// Errors among calls, from 0 to 1.
    pub(crate) error_rate: f64,
    /// Of the last calls.
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) in_flight: u64,
    pub(crate) queued: u64,
    #[serde(default)]
    pub(crate) upstreams: Vec<UpstreamRecord>,
    /// Answers out of caches among requests that could have had one; none if there were none.
    pub(crate) cache_hit_ratio: Option<f64>,
    /// Digest of the policy in force.
    pub(crate) policy: String,
    /// Digests of the configuration files in force, strongest first.
    #[serde(default)]
    pub(crate) config: Vec<String>,
    /// Where metrics are served.
    pub(crate) metrics: Option<String>,
    /// Where HTTP is served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) http: Option<String>,
}

/// What a file says of an upstream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UpstreamRecord {
    pub(crate) name: String,
    pub(crate) breaker: String,
    pub(crate) opened: u64,
    pub(crate) refused: u64,
    pub(crate) failed: u64,
    pub(crate) retried: u64,
}

/// What there is to say of a server's calls now.
#[derive(Debug, Default)]
pub(crate) struct Vitals {
    pub(crate) recent: Recent,
    pub(crate) in_flight: usize,
    pub(crate) queued: usize,
    pub(crate) upstreams: Vec<UpstreamReading>,
    /// The last record of the audit log could not be written.
    pub(crate) audit_fails: bool,
}

impl Vitals {
    /// What doesn't work that should.
    pub(crate) fn troubles(&self) -> Vec<String> {
        let audit = self.audit_fails.then(|| "audit".to_owned());
        let open = |upstream: &&UpstreamReading| upstream.breaker != BreakerState::Closed;
        let broken = self.upstreams.iter().filter(open);
        audit.into_iter().chain(broken.map(|up| format!("breaker:{}", up.name))).collect()
    }

    fn cache_hit_ratio(&self) -> Option<f64> {
        let of = |cached: Cached| {
            let count = |up: &UpstreamReading| up.cached.get(cached as usize).copied();
            self.upstreams.iter().filter_map(count).sum::<u64>()
        };
        let hits = of(Cached::Hit) + of(Cached::Revalidated) + of(Cached::Coalesced);
        ratio(hits, hits + of(Cached::Miss))
    }
}

/// This process, as its file says it.
pub(crate) struct Instance {
    directory: Option<PathBuf>,
    inner: Mutex<Inner>,
}

struct Inner {
    record: Record,
    /// As it was last written.
    said: Record,
    /// What it is doing: why it failed, if it ends before it says otherwise.
    stage: &'static str,
    file: Option<Kept>,
    written: Instant,
    swept: bool,
    complained: bool,
    /// How many of the server's instances had crashed, and when that was counted.
    crashed: Option<(Instant, usize)>,
}

impl Instance {
    /// This process begins as an instance of `server`.
    pub(crate) fn begin(server: &str, version: &str, state: Option<&Path>) -> Self {
        let instance = hex(&random(4));
        let directory = state.map(|state| state.join(DIRECTORY));
        let path = directory.as_ref().map(|it| it.join(format!("{server}-{instance}.json")));
        let now = rfc3339(SystemTime::now());
        let record = Record {
            v: 1,
            server: server.to_owned(),
            version: version.to_owned(),
            pid: std::process::id(),
            started: now.clone(),
            updated: now,
            lifecycle: Lifecycle::Starting,
            why: Vec::new(),
            calls: 0,
            errors: 0,
            error_rate: 0.0,
            p50_ms: 0.0,
            p99_ms: 0.0,
            in_flight: 0,
            queued: 0,
            upstreams: Vec::new(),
            cache_hit_ratio: None,
            policy: String::new(),
            config: Vec::new(),
            metrics: None,
            http: None,
            instance,
        };
        let inner = Inner {
            file: path.map(|path| Kept::new(path, &record.instance, 0o600)),
            said: record.clone(),
            record,
            stage: "settings",
            written: Instant::now(),
            swept: false,
            complained: false,
            crashed: None,
        };
        let this = Self { directory, inner: Mutex::new(inner) };
        this.inner().write(this.directory.as_deref());
        this
    }

    /// Eight characters that tell it from its siblings.
    pub(crate) fn id(&self) -> String {
        self.inner().record.instance.clone()
    }

    /// Adds what is known of it by now. It is written with the next change.
    pub(crate) fn describe(&self, describe: impl FnOnce(&mut Record)) {
        describe(&mut self.inner().record);
    }

    /// Begins a stage of the start: what failed, if nothing follows.
    pub(crate) fn stage(&self, stage: &'static str) {
        self.inner().stage = stage;
    }

    /// Goes on to `lifecycle`, and says so at once.
    pub(crate) fn enter(&self, lifecycle: Lifecycle, vitals: &Vitals) {
        let mut inner = self.inner();
        inner.record.lifecycle = lifecycle;
        inner.stage = "serving";
        inner.take(vitals);
        inner.write(self.directory.as_deref());
        if lifecycle.is_final() && !inner.swept {
            inner.sweep(self.directory.as_deref());
        }
    }

    /// Where it stands, for whoever asks the process itself.
    pub(crate) fn lifecycle(&self, vitals: &Vitals) -> Lifecycle {
        let mut inner = self.inner();
        inner.take(vitals);
        inner.record.lifecycle
    }

    /// Keeps the file up to date for as long as the server runs.
    pub(crate) async fn keep(&self, mut changes: watch::Receiver<()>, vitals: impl Fn() -> Vitals) {
        tokio::time::sleep(SWEEP_AFTER).await;
        self.inner().sweep(self.directory.as_deref());
        while changes.changed().await.is_ok() {
            let next = self.inner().written + EVERY;
            tokio::time::sleep_until(next).await;
            changes.mark_unchanged();
            let vitals = vitals();
            let mut inner = self.inner();
            inner.take(&vitals);
            if inner.record != inner.said {
                inner.write(self.directory.as_deref());
            }
        }
    }

    /// What metrics say of it.
    pub(crate) fn collector(this: &Arc<Self>) -> impl Fn(&mut Text) + Send + Sync + use<> {
        // Metrics live as long as what they count; this one ends when it says so.
        let this = Arc::downgrade(this);
        move |text| {
            let Some(this) = this.upgrade() else { return };
            let name = "lockkeeper_lifecycle";
            text.family(name, Kind::Gauge, "1 for where the process stands, 0 for the others.");
            let (lifecycle, crashed) = {
                let mut inner = this.inner();
                (inner.record.lifecycle, inner.crashed(this.directory.as_deref()))
            };
            for one in Lifecycle::ALL {
                text.sample(name, &[("state", one.as_str())], u8::from(one == lifecycle));
            }
            let name = "lockkeeper_crashed_instances";
            text.family(name, Kind::Gauge, "Instances of this server that ended without a word.");
            text.sample(name, &[], crashed);
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let directory = self.directory.take();
        let mut inner = self.inner();
        if inner.record.lifecycle.is_final() {
            return;
        }
        inner.record.lifecycle = Lifecycle::Failed;
        inner.record.why = vec![inner.stage.to_owned()];
        inner.write(directory.as_deref());
        if !inner.swept {
            inner.sweep(directory.as_deref());
        }
    }
}

impl Inner {
    fn take(&mut self, vitals: &Vitals) {
        let record = &mut self.record;
        let millis = |duration: Duration| (duration.as_secs_f64() * 1e6).round() / 1e3;
        let Recent { calls, errors, p50, p99 } = vitals.recent;
        (record.calls, record.errors) = (calls, errors);
        record.error_rate = ratio(errors, calls).unwrap_or_default();
        (record.p50_ms, record.p99_ms) = (millis(p50), millis(p99));
        record.in_flight = vitals.in_flight as u64;
        record.queued = vitals.queued as u64;
        record.cache_hit_ratio = vitals.cache_hit_ratio();
        record.upstreams = vitals.upstreams.iter().map(UpstreamRecord::from).collect();
        if matches!(record.lifecycle, Lifecycle::Ready | Lifecycle::Degraded) {
            record.why = vitals.troubles();
            let degraded = !record.why.is_empty();
            record.lifecycle = if degraded { Lifecycle::Degraded } else { Lifecycle::Ready };
        }
    }

    fn write(&mut self, directory: Option<&Path>) {
        let (Some(directory), Some(file)) = (directory, &mut self.file) else { return };
        self.written = Instant::now();
        self.record.updated = rfc3339(SystemTime::now());
        self.said = self.record.clone();
        let mut bytes = serde_json::to_vec(&self.record).unwrap_or_default();
        bytes.push(b'\n');
        let written = make_private(directory).and_then(|()| file.replace(&bytes));
        if let Err(error) = written
            && !std::mem::replace(&mut self.complained, true)
        {
            tracing::warn!(%error, "`status` can't show this server: its file can't be written");
        }
    }

    /// Counts crashed siblings, now and then.
    fn crashed(&mut self, directory: Option<&Path>) -> usize {
        match self.crashed {
            Some((then, crashed)) if then.elapsed() < COUNT_EVERY => crashed,
            _ => {
                let list = directory.map(|it| list::list(it, Some(&self.record.server)));
                let crashed = list.and_then(Result::ok).map_or(0, |list| list.crashed());
                self.crashed = Some((Instant::now(), crashed));
                crashed
            }
        }
    }

    fn sweep(&mut self, directory: Option<&Path>) {
        self.swept = true;
        if let Some(directory) = directory {
            list::sweep(directory, SystemTime::now());
        }
    }
}

impl From<&UpstreamReading> for UpstreamRecord {
    fn from(reading: &UpstreamReading) -> Self {
        Self {
            name: reading.name.to_owned(),
            breaker: reading.breaker.as_str().to_owned(),
            opened: reading.opened,
            refused: reading.refused,
            failed: reading.failed.iter().sum(),
            retried: reading.retried,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share, rounded to four places")]
fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| (part as f64 / whole as f64 * 1e4).round() / 1e4)
}

#[cfg(test)]
mod tests;
