//! Pauses before retries, and how many retries there may be in all: an upstream that is in trouble
//! must not get more requests for it.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::{Upstream, unit};

/// An operation is tried once and then at most so many times more.
const RETRIES: u32 = 3;
/// The first pause is up to this long; each one doubles it.
const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(10);

/// The budget looks back so far, in so many steps.
const WINDOW: Duration = Duration::from_mins(1);
const STEPS: u32 = 6;
/// One retry for so many operations …
const OPERATIONS_PER_RETRY: u64 = 10;
/// … and these, so that a server with little to do can retry at all.
const RESERVE: u64 = 10;

/// The pauses between the attempts of one operation.
#[derive(Debug)]
pub struct Backoff {
    upstream: Upstream,
    retries: u32,
}

impl Backoff {
    pub(super) fn new(upstream: Upstream) -> Self {
        Self { upstream, retries: 0 }
    }

    /// How long to wait before the next attempt: a random part of a time that doubles, or what the
    /// upstream `asked` for (`Retry-After`) and a little more. `None` if there should be none: there
    /// were enough, it wouldn't come before `deadline`, or all operations together have used up
    /// their retries.
    pub fn next(
        &mut self,
        asked: Option<Duration>,
        deadline: impl Into<Instant>,
    ) -> Option<Duration> {
        if self.retries >= RETRIES {
            return None;
        }
        let now = Instant::now();
        let most = FIRST.saturating_mul(1 << self.retries).min(LONGEST);
        let random = most.mul_f64(unit());
        let left = deadline.into().checked_duration_since(now)?;
        // Whoever was asked to wait for the same time doesn't come back at the same moment.
        let pause = asked.map_or(random, |asked| asked.saturating_add(random));
        let pause = if pause < left { pause } else { asked.unwrap_or(pause) };
        if pause >= left || !self.upstream.budget().retry(now) {
            return None;
        }
        self.retries += 1;
        Some(pause)
    }
}

/// Operations and retries of the last minute.
#[derive(Debug, Default)]
pub(super) struct Budget {
    /// When a step began, and what was in it; the oldest first.
    steps: VecDeque<(Instant, Count)>,
    sum: Count,
}

#[derive(Debug, Default, Clone, Copy)]
struct Count {
    operations: u64,
    retries: u64,
}

impl Budget {
    pub(super) fn operation(&mut self, now: Instant) {
        self.step(now).operations += 1;
        self.sum.operations += 1;
    }

    /// Takes one retry out of the budget, if there is one.
    fn retry(&mut self, now: Instant) -> bool {
        self.step(now);
        if self.sum.retries >= RESERVE + self.sum.operations / OPERATIONS_PER_RETRY {
            return false;
        }
        self.step(now).retries += 1;
        self.sum.retries += 1;
        true
    }

    /// The step that is now, after those that are too long ago were forgotten.
    fn step(&mut self, now: Instant) -> &mut Count {
        while let Some((began, count)) = self.steps.front()
            && now.saturating_duration_since(*began) >= WINDOW
        {
            self.sum.operations -= count.operations;
            self.sum.retries -= count.retries;
            self.steps.pop_front();
        }
        let lasts = |began: Instant| now.saturating_duration_since(began) < WINDOW / STEPS;
        if !self.steps.back().is_some_and(|(began, _)| lasts(*began)) {
            self.steps.push_back((now, Count::default()));
        }
        let at = self.steps.len() - 1;
        #[expect(clippy::indexing_slicing, reason = "a step was just put there, or is there")]
        &mut self.steps[at].1
    }
}

#[cfg(test)]
mod tests {
    use super::super::Upstreams;
    use super::*;

    fn upstream() -> Upstream {
        Upstreams::default().register("test")
    }

    fn far() -> Instant {
        Instant::now() + Duration::from_hours(1)
    }

    #[tokio::test(start_paused = true)]
    async fn three_retries_with_pauses_that_may_double() {
        for _ in 0..200 {
            let mut backoff = upstream().backoff();
            for most in [250, 500, 1_000] {
                let pause = backoff.next(None, far()).unwrap();
                assert!(pause < Duration::from_millis(most), "{pause:?}");
            }
            assert_eq!(backoff.next(None, far()), None);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_are_spread() {
        let pauses: Vec<Duration> =
            (0..100).filter_map(|_| upstream().backoff().next(None, far())).collect();
        assert!(pauses.iter().any(|pause| pause.as_millis() < 60));
        assert!(pauses.iter().any(|pause| pause.as_millis() > 190));
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_upstream_asks_for_is_kept() {
        let asked = Duration::from_secs(7);
        for _ in 0..100 {
            let pause = upstream().backoff().next(Some(asked), far()).unwrap();
            assert!((asked..asked + FIRST).contains(&pause), "{pause:?}");
            // It just fits, without the little more.
            let deadline = Instant::now() + asked + Duration::from_nanos(1);
            assert!(upstream().backoff().next(Some(asked), deadline).unwrap() >= asked);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn no_pause_ends_after_the_deadline() {
        let second = Duration::from_secs(1);
        let deadline = Instant::now() + 7 * second;
        assert_eq!(upstream().backoff().next(Some(7 * second), deadline), None);
        assert_eq!(upstream().backoff().next(Some(Duration::MAX), deadline), None);
        assert_eq!(upstream().backoff().next(None, Instant::now()), None);
        tokio::time::advance(8 * second).await;
        assert_eq!(upstream().backoff().next(None, deadline), None);
    }

    #[tokio::test(start_paused = true)]
    async fn retries_are_a_tenth_and_a_reserve() {
        let upstream = upstream();
        let mut retries = 0;
        for _ in 0..10_000 {
            let mut backoff = upstream.backoff();
            while backoff.next(None, far()).is_some() {
                retries += 1;
            }
            tokio::time::advance(Duration::from_millis(5)).await;
        }
        assert_eq!(retries, 1_000 + RESERVE);
        // A minute later there is a reserve again, and no more.
        tokio::time::advance(WINDOW).await;
        let mut backoffs: Vec<Backoff> = (0..9).map(|_| upstream.backoff()).collect();
        let mut granted = 0;
        for backoff in &mut backoffs {
            while backoff.next(None, far()).is_some() {
                granted += 1;
            }
        }
        assert_eq!(granted, RESERVE);
        assert!(upstream.budget().steps.len() <= STEPS as usize + 1);
    }
}
