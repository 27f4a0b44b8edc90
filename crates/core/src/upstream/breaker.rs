//! The circuit breaker: closed while the upstream works, open for a growing pause once it fails too
//! often, half-open when the pause is over, for one probe that decides. A plain state machine over
//! a clock that is handed in.

use std::time::Duration;

use tokio::time::Instant;

/// It opens after so many failures in a row …
const IN_A_ROW: u32 = 5;
/// … or if at least half of the last so many attempts failed.
const RECENT: u32 = 20;
/// Failures that are longer ago than this, with nothing after them, say nothing about now.
const FORGET: Duration = Duration::from_mins(1);
/// The first pause. Each probe that fails doubles it.
const SHORTEST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_mins(1);
/// While a probe is under way: it ends soon, one way or the other.
const PROBING: Duration = Duration::from_secs(1);

/// Where a breaker stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    /// Attempts go through.
    Closed,
    /// One attempt may go through, or does.
    HalfOpen,
    /// None does.
    Open,
}

impl BreakerState {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Closed, Self::HalfOpen, Self::Open];

    /// As metrics and `status` name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::HalfOpen => "half_open",
            Self::Open => "open",
        }
    }
}

/// What a verdict changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Opened(Duration),
    Closed,
}

/// The right to one attempt, from one period between two changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticket {
    period: u64,
}

#[derive(Debug, Default)]
pub(super) struct Breaker {
    /// Counts changes: what was let through before the last one has no say any more.
    period: u64,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    Closed(Record),
    /// `pauses` is how many there were since it was last closed. Half-open begins at `until`.
    Open {
        until: Instant,
        pauses: u32,
        probing: bool,
    },
}

impl Default for Phase {
    fn default() -> Self {
        Self::Closed(Record::default())
    }
}

/// How the last attempts went.
#[derive(Debug, Default)]
struct Record {
    /// One bit each, the latest lowest, set for a failure.
    recent: u32,
    known: u32,
    last: Option<Instant>,
}

impl Record {
    fn add(&mut self, failed: bool, now: Instant) {
        if self.last.is_some_and(|last| now.saturating_duration_since(last) > FORGET) {
            *self = Self::default();
        }
        self.recent = self.recent << 1 | u32::from(failed);
        self.known = (self.known + 1).min(RECENT);
        self.last = Some(now);
    }

    fn is_too_bad(&self) -> bool {
        let failed = (self.recent & ((1 << RECENT) - 1)).count_ones();
        self.recent.trailing_ones() >= IN_A_ROW || (self.known == RECENT && failed * 2 >= RECENT)
    }
}

impl Breaker {
    /// Lets an attempt through, or says how long none is.
    pub(super) fn admit(&mut self, now: Instant) -> Result<Ticket, Duration> {
        match &mut self.phase {
            Phase::Closed(_) => {}
            Phase::Open { until, .. } if now < *until => {
                return Err(until.saturating_duration_since(now));
            }
            Phase::Open { probing: true, .. } => return Err(PROBING),
            Phase::Open { probing, .. } => {
                *probing = true;
                // A probe that was dropped is another one: each has a period of its own.
                self.period += 1;
            }
        }
        Ok(Ticket { period: self.period })
    }

    pub(super) fn succeeded(&mut self, ticket: Ticket, now: Instant) -> Option<Change> {
        if ticket.period != self.period {
            return None;
        }
        if let Phase::Closed(record) = &mut self.phase {
            record.add(false, now);
            return None;
        }
        self.enter(Phase::default());
        Some(Change::Closed)
    }

    /// `jitter` is from 0 up to 1.
    pub(super) fn failed(&mut self, ticket: Ticket, now: Instant, jitter: f64) -> Option<Change> {
        if ticket.period != self.period {
            return None;
        }
        let pauses = match &mut self.phase {
            Phase::Closed(record) => {
                record.add(true, now);
                if !record.is_too_bad() {
                    return None;
                }
                0
            }
            Phase::Open { pauses, .. } => *pauses,
        };
        let pause = SHORTEST.saturating_mul(1 << pauses.min(8)).min(LONGEST);
        // Siblings that share the upstream, and its failure, don't all come back at once.
        let pause = pause.mul_f64(1.0 + jitter / 4.0).min(LONGEST);
        self.enter(Phase::Open { until: now + pause, pauses: pauses + 1, probing: false });
        Some(Change::Opened(pause))
    }

    pub(super) fn cancelled(&mut self, ticket: Ticket) {
        if let Phase::Open { probing, .. } = &mut self.phase
            && ticket.period == self.period
        {
            *probing = false;
        }
    }

    pub(super) fn state(&self, now: Instant) -> BreakerState {
        match &self.phase {
            Phase::Closed(_) => BreakerState::Closed,
            Phase::Open { until, .. } if now < *until => BreakerState::Open,
            Phase::Open { .. } => BreakerState::HalfOpen,
        }
    }

    /// How long no attempt goes through.
    pub(super) fn pause(&self, now: Instant) -> Duration {
        match &self.phase {
            Phase::Closed(_) => Duration::ZERO,
            Phase::Open { until, .. } => until.saturating_duration_since(now),
        }
    }

    fn enter(&mut self, phase: Phase) {
        self.period += 1;
        self.phase = phase;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn fail(breaker: &mut Breaker, times: u32, now: Instant) -> Option<Change> {
        let mut last = None;
        for _ in 0..times {
            let ticket = breaker.admit(now).unwrap();
            last = breaker.failed(ticket, now, 0.0);
        }
        last
    }

    #[test]
    fn five_failures_in_a_row_open_it() {
        let now = Instant::now();
        let mut breaker = Breaker::default();
        assert_eq!(fail(&mut breaker, 4, now), None);
        let ticket = breaker.admit(now).unwrap();
        assert_eq!(breaker.succeeded(ticket, now), None);
        assert_eq!(fail(&mut breaker, 4, now), None);
        assert_eq!(fail(&mut breaker, 1, now), Some(Change::Opened(SHORTEST)));
        assert_eq!(breaker.admit(now + SECOND), Err(4 * SECOND));
        assert_eq!(breaker.state(now), BreakerState::Open);
        assert_eq!(breaker.state(now + SHORTEST), BreakerState::HalfOpen);
    }

    #[test]
    fn half_of_the_last_twenty_open_it() {
        let now = Instant::now();
        let mut breaker = Breaker::default();
        let mut attempts = 0;
        while breaker.state(now) == BreakerState::Closed {
            let ticket = breaker.admit(now).unwrap();
            if attempts % 2 == 0 {
                breaker.failed(ticket, now, 0.0);
            } else {
                breaker.succeeded(ticket, now);
            }
            attempts += 1;
        }
        assert_eq!(attempts, RECENT + 1);
    }

    #[test]
    fn what_is_long_ago_says_nothing_about_now() {
        let now = Instant::now();
        let mut breaker = Breaker::default();
        fail(&mut breaker, 4, now);
        assert_eq!(fail(&mut breaker, 4, now + FORGET + SECOND), None);
    }

    #[test]
    fn pauses_grow_until_a_probe_succeeds() {
        let mut now = Instant::now();
        let mut breaker = Breaker::default();
        fail(&mut breaker, 4, now);
        for seconds in [5, 10, 20, 40, 60, 60] {
            let pause = seconds * SECOND;
            assert_eq!(fail(&mut breaker, 1, now), Some(Change::Opened(pause)));
            now += pause;
        }
        let probe = breaker.admit(now).unwrap();
        assert_eq!(breaker.succeeded(probe, now), Some(Change::Closed));
        fail(&mut breaker, 4, now);
        assert_eq!(fail(&mut breaker, 1, now), Some(Change::Opened(SHORTEST)));
    }

    #[test]
    fn late_verdicts_have_no_say() {
        let now = Instant::now();
        let mut breaker = Breaker::default();
        let early: Vec<Ticket> = (0..16).map(|_| breaker.admit(now).unwrap()).collect();
        fail(&mut breaker, 5, now);
        for (at, ticket) in early.into_iter().enumerate() {
            let change = if at % 2 == 0 {
                breaker.failed(ticket, now + SECOND, 0.0)
            } else {
                breaker.succeeded(ticket, now + SECOND)
            };
            assert_eq!(change, None);
        }
        assert_eq!(breaker.admit(now + SECOND), Err(4 * SECOND));
    }

    #[test]
    fn a_cancelled_probe_frees_its_place() {
        let now = Instant::now();
        let mut breaker = Breaker::default();
        fail(&mut breaker, 5, now);
        let then = now + SHORTEST;
        let probe = breaker.admit(then).unwrap();
        assert_eq!(breaker.admit(then), Err(PROBING));
        breaker.cancelled(probe);
        let next = breaker.admit(then).unwrap();
        // The first one is out of the game, also if it says so twice.
        breaker.cancelled(probe);
        assert_eq!(breaker.succeeded(probe, then), None);
        assert_eq!(breaker.admit(then), Err(PROBING));
        assert_eq!(breaker.succeeded(next, then), Some(Change::Closed));
    }

    /// The next of a fixed series of numbers without a pattern (splitmix64).
    fn next(seed: &mut u64) -> u64 {
        *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = *seed;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Whatever happens in whatever order: nothing goes through before a pause is over, at most one
    /// probe is under way, a pause is within its bounds, and an upstream that works is found to.
    #[test]
    fn any_sequence_keeps_the_promises() {
        for seed in 0..2_000 {
            let mut seed = seed;
            let mut now = Instant::now();
            let mut breaker = Breaker::default();
            let mut under_way: Vec<(Ticket, bool)> = Vec::new();
            let mut until = None;
            for _ in 0..200 {
                let choice = next(&mut seed);
                now += Duration::from_millis(next(&mut seed) % 3_000);
                if choice.is_multiple_of(2) || under_way.is_empty() {
                    let probe = breaker.state(now) != BreakerState::Closed;
                    let Ok(ticket) = breaker.admit(now) else {
                        let probed = under_way.iter().any(|(_, probe)| *probe);
                        assert!(until.is_some_and(|until| now < until) || probed);
                        continue;
                    };
                    assert!(until.is_none_or(|until| now >= until), "let through too early");
                    assert!(!probe || under_way.iter().all(|(_, probe)| !probe), "two probes");
                    under_way.push((ticket, probe));
                    continue;
                }
                let at = usize::try_from(next(&mut seed)).unwrap() % under_way.len();
                let (ticket, _) = under_way.swap_remove(at);
                let change = match choice % 7 {
                    1 => {
                        breaker.cancelled(ticket);
                        None
                    }
                    2 | 3 => breaker.succeeded(ticket, now),
                    _ => {
                        let jitter = f64::from(u32::try_from(choice % 1_000).unwrap()) / 1_000.0;
                        breaker.failed(ticket, now, jitter)
                    }
                };
                match change {
                    Some(Change::Opened(pause)) => {
                        assert!((SHORTEST..=LONGEST).contains(&pause));
                        until = Some(now + pause);
                    }
                    Some(Change::Closed) => until = None,
                    None => {}
                }
            }
            for (ticket, _) in under_way {
                breaker.cancelled(ticket);
            }
            now += LONGEST;
            let ticket = breaker.admit(now).unwrap();
            breaker.succeeded(ticket, now);
            assert_eq!(breaker.state(now), BreakerState::Closed);
        }
    }
}
