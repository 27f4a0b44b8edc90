//! How the last calls went, for a person who asks now.

use std::time::Duration;

/// How many of the last calls count.
const KEPT: usize = 1_024;

/// Calls of a process, and how long the last [`KEPT`] of them took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Recent {
    pub(crate) calls: u64,
    pub(crate) errors: u64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
}

/// Durations of the last calls, microseconds; it grows to its size as calls come.
#[derive(Debug, Default)]
pub(super) struct Ring {
    last: Vec<u32>,
    next: usize,
    calls: u64,
    errors: u64,
}

impl Ring {
    pub(super) fn add(&mut self, took: Duration, failed: bool) {
        let micros = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
        match self.last.get_mut(self.next) {
            Some(oldest) => *oldest = micros,
            None => self.last.push(micros),
        }
        self.next = (self.next + 1) % KEPT;
        self.calls += 1;
        self.errors += u64::from(failed);
    }

    pub(super) fn summary(&self) -> Recent {
        let mut sorted = self.last.clone();
        sorted.sort_unstable();
        // The smallest that so many of a hundred don't exceed.
        let at = |percent: usize| {
            let rank = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
            let micros = sorted.get(rank).copied().unwrap_or_default();
            Duration::from_micros(micros.into())
        };
        Recent { calls: self.calls, errors: self.errors, p50: at(50), p99: at(99) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_calls_count() {
        let mut ring = Ring::default();
        assert_eq!(ring.summary(), Recent::default());
        ring.add(Duration::from_hours(2), true);
        let one = ring.summary();
        assert_eq!(
            (one.calls, one.errors, one.p50),
            (1, 1, Duration::from_micros(u32::MAX.into()))
        );
        for millis in 1..=2 * u64::try_from(KEPT).unwrap() {
            ring.add(Duration::from_millis(millis), false);
        }
        let Recent { calls, errors, p50, p99 } = ring.summary();
        assert_eq!((calls, errors), (2_049, 1));
        assert_eq!(p50, Duration::from_millis(1_024 + 512));
        assert_eq!(p99, Duration::from_millis(1_024 + 1_014));
        assert_eq!(ring.last.len(), KEPT);
    }
}
