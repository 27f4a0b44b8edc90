//! A remote service that a server lives on, as core watches it: whether it may be asked now (the
//! circuit breaker), how a failed attempt is repeated (backoff, retry budget), and what became of
//! it all, for metrics and `status`. It knows no protocol: HTTP clients and database drivers say
//! what they saw. No timers and no tasks: everything follows from the clock when it is asked.

mod backoff;
mod breaker;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

pub use self::backoff::Backoff;
pub use self::breaker::BreakerState;

use self::backoff::Budget;
use self::breaker::{Breaker, Change, Ticket};
use crate::metrics::{Kind, Text};
use crate::state::random;

/// One remote service of a server. Clones are the same service.
#[derive(Clone)]
pub struct Upstream(Arc<Watched>);

struct Watched {
    name: &'static str,
    breaker: Mutex<Breaker>,
    budget: Mutex<Budget>,
    counts: Counts,
}

#[derive(Default)]
struct Counts {
    succeeded: AtomicU64,
    failed: [AtomicU64; Failure::ALL.len()],
    dropped: AtomicU64,
    refused: AtomicU64,
    opened: AtomicU64,
    retried: AtomicU64,
    cached: [AtomicU64; Cached::ALL.len()],
}

/// How an attempt failed, as far as it speaks about the upstream's health. An answer that only says
/// no (not found, not allowed, too many requests) is a success: the upstream is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// No connection: no such name, refused, no TLS.
    Unreachable,
    /// Nothing came in time.
    TimedOut,
    /// The connection ended, or what came was no answer.
    Broken,
    /// It answered that it has a fault of its own, such as HTTP's 5xx.
    Faulty,
}

impl Failure {
    /// All there are.
    pub const ALL: [Self; 4] = [Self::Unreachable, Self::TimedOut, Self::Broken, Self::Faulty];

    /// As metrics name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::TimedOut => "timed_out",
            Self::Broken => "broken",
            Self::Faulty => "faulty",
        }
    }
}

/// What a cache did for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cached {
    /// It had a fresh answer.
    Hit,
    /// Its answer was still the right one; the upstream said so.
    Revalidated,
    /// It had none, or one that was no longer right.
    Miss,
    /// The same request was under way: both got its answer.
    Coalesced,
    /// It wasn't asked.
    Bypassed,
}

impl Cached {
    /// All there are.
    pub const ALL: [Self; 5] =
        [Self::Hit, Self::Revalidated, Self::Miss, Self::Coalesced, Self::Bypassed];

    /// As metrics name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Revalidated => "revalidated",
            Self::Miss => "miss",
            Self::Coalesced => "coalesced",
            Self::Bypassed => "bypassed",
        }
    }
}

/// The upstream must not be asked now: its breaker is open, or its one probe is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the upstream failed too often: no attempt for {} s", .retry_after.as_secs_f32().ceil())]
pub struct Open {
    /// When asking again may make sense.
    pub retry_after: Duration,
}

/// One attempt that was let through. Dropped without a verdict, it says nothing about the upstream
/// (its call was cancelled), and a probe's place is free again. So whoever makes attempts gives them a
/// bound before the end of their call: an upstream that hangs until the call is dropped is never found
/// to, whatever the budget.
#[must_use = "say how it went"]
#[derive(Debug)]
pub struct Attempt {
    upstream: Upstream,
    ticket: Ticket,
    settled: bool,
}

impl Upstream {
    fn new(name: &'static str) -> Self {
        Self(Arc::new(Watched {
            name,
            breaker: Mutex::default(),
            budget: Mutex::default(),
            counts: Counts::default(),
        }))
    }

    /// Its name: a label of metrics.
    pub fn name(&self) -> &'static str {
        self.0.name
    }

    /// Asks to make one attempt: the first one or a retry.
    ///
    /// # Errors
    ///
    /// [`Open`] if it must not be made now.
    pub fn admit(&self) -> Result<Attempt, Open> {
        let admitted = self.breaker().admit(Instant::now());
        match admitted {
            Ok(ticket) => Ok(Attempt { upstream: self.clone(), ticket, settled: false }),
            Err(retry_after) => {
                add(&self.0.counts.refused);
                Err(Open { retry_after })
            }
        }
    }

    /// The pauses between the attempts of one operation. Taking it counts the operation: retries
    /// are a share of those.
    pub fn backoff(&self) -> Backoff {
        self.budget().operation(Instant::now());
        Backoff::new(self.clone())
    }

    /// Counts an attempt that repeats another.
    pub fn retried(&self) {
        add(&self.0.counts.retried);
    }

    /// Counts what a cache did.
    pub fn cached(&self, outcome: Cached) {
        if let Some(count) = self.0.counts.cached.get(outcome as usize) {
            add(count);
        }
    }

    /// How it stands now.
    pub fn reading(&self) -> UpstreamReading {
        let now = Instant::now();
        let (breaker, opens_in) = {
            let breaker = self.breaker();
            (breaker.state(now), breaker.pause(now))
        };
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let counts = &self.0.counts;
        UpstreamReading {
            name: self.0.name,
            breaker,
            opens_in,
            succeeded: read(&counts.succeeded),
            failed: counts.failed.each_ref().map(read),
            dropped: read(&counts.dropped),
            refused: read(&counts.refused),
            opened: read(&counts.opened),
            retried: read(&counts.retried),
            cached: counts.cached.each_ref().map(read),
        }
    }

    fn settle(&self, ticket: Ticket, verdict: Option<Result<(), Failure>>) {
        let counts = &self.0.counts;
        let change = match verdict {
            None => {
                add(&counts.dropped);
                self.breaker().cancelled(ticket);
                None
            }
            Some(Ok(())) => {
                add(&counts.succeeded);
                self.breaker().succeeded(ticket, Instant::now())
            }
            Some(Err(failure)) => {
                if let Some(count) = counts.failed.get(failure as usize) {
                    add(count);
                }
                self.breaker().failed(ticket, Instant::now(), unit())
            }
        };
        let upstream = self.0.name;
        match change {
            None => {}
            Some(Change::Opened(pause)) => {
                add(&counts.opened);
                let seconds = pause.as_secs_f32();
                tracing::warn!(upstream, seconds, "it fails too often: no attempts for a while");
            }
            Some(Change::Closed) => tracing::warn!(upstream, "it works again"),
        }
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.0.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn budget(&self) -> MutexGuard<'_, Budget> {
        self.0.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Upstream").field(&self.0.name).finish()
    }
}

impl Attempt {
    /// The upstream answered, whatever it said about the request itself.
    pub fn succeeded(mut self) {
        self.settled = true;
        self.upstream.settle(self.ticket, Some(Ok(())));
    }

    /// The upstream didn't do its part.
    pub fn failed(mut self, failure: Failure) {
        self.settled = true;
        self.upstream.settle(self.ticket, Some(Err(failure)));
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if !self.settled {
            self.upstream.settle(self.ticket, None);
        }
    }
}

/// The upstreams of one server, in the order in which they were named.
#[derive(Debug, Clone, Default)]
pub struct Upstreams(Arc<Mutex<Vec<Upstream>>>);

impl Upstreams {
    /// The upstream of that name, made with the first question for it.
    pub(crate) fn register(&self, name: &'static str) -> Upstream {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = all.iter().find(|upstream| upstream.0.name == name) {
            return known.clone();
        }
        let upstream = Upstream::new(name);
        all.push(upstream.clone());
        upstream
    }

    /// What metrics say of them.
    pub(crate) fn collector(&self) -> impl Fn(&mut Text) + Send + Sync + use<> {
        let this = self.clone();
        move |text| write(text, &this.readings())
    }

    /// How all of them stand now.
    pub fn readings(&self) -> Vec<UpstreamReading> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().map(Upstream::reading).collect()
    }
}

/// How an upstream stands. Numbers count from the start of the process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamReading {
    /// Its name.
    pub name: &'static str,
    /// Where its breaker stands.
    pub breaker: BreakerState,
    /// How long the breaker stays open.
    pub opens_in: Duration,
    /// Attempts that it answered.
    pub succeeded: u64,
    /// Attempts that failed, in the order of [`Failure::ALL`].
    pub failed: [u64; Failure::ALL.len()],
    /// Attempts that ended without a verdict.
    pub dropped: u64,
    /// Attempts that the breaker didn't let through.
    pub refused: u64,
    /// How often the breaker opened.
    pub opened: u64,
    /// Attempts that repeated another.
    pub retried: u64,
    /// What the cache did, in the order of [`Cached::ALL`].
    pub cached: [u64; Cached::ALL.len()],
}

fn write(text: &mut Text, readings: &[UpstreamReading]) {
    let name = "lockkeeper_upstream_attempts_total";
    text.family(name, Kind::Counter, "Attempts to reach an upstream, by what came of them.");
    for reading in readings {
        let mut sample = |outcome, count| {
            text.sample(name, &[("upstream", reading.name), ("outcome", outcome)], count);
        };
        sample("ok", reading.succeeded);
        for (failure, count) in Failure::ALL.iter().zip(reading.failed) {
            sample(failure.as_str(), count);
        }
        sample("dropped", reading.dropped);
    }
    let mut counter = |name, help, of: fn(&UpstreamReading) -> u64| {
        text.family(name, Kind::Counter, help);
        for reading in readings {
            text.sample(name, &[("upstream", reading.name)], of(reading));
        }
    };
    let help = "Attempts that repeated another.";
    counter("lockkeeper_upstream_retries_total", help, |reading| reading.retried);
    counter("lockkeeper_breaker_opened_total", "How often a breaker opened.", |r| r.opened);
    let help = "Attempts that a breaker didn't let through.";
    counter("lockkeeper_breaker_refusals_total", help, |reading| reading.refused);
    let name = "lockkeeper_breaker_state";
    text.family(name, Kind::Gauge, "1 for where a breaker stands, 0 for the others.");
    for reading in readings {
        for state in BreakerState::ALL {
            let labels = [("upstream", reading.name), ("state", state.as_str())];
            text.sample(name, &labels, u8::from(state == reading.breaker));
        }
    }
    let name = "lockkeeper_cache_requests_total";
    text.family(name, Kind::Counter, "What caches did for requests.");
    for reading in readings {
        for (cached, count) in Cached::ALL.iter().zip(reading.cached) {
            let labels = [("upstream", reading.name), ("outcome", cached.as_str())];
            text.sample(name, &labels, count);
        }
    }
}

fn add(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}

/// A random number from 0 up to, not including, 1.
fn unit() -> f64 {
    let mut bytes = [0; 4];
    bytes.copy_from_slice(&random(4));
    f64::from(u32::from_le_bytes(bytes)) / (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests;
