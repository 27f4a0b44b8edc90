//! What a source keeps between two calls, so that the second goes on where the first one ended: a
//! cursor of a database, an unfinished file, a watch. It lives in this process alone and holds
//! something of somebody else's, so there is little of it and it doesn't live long: the oldest makes
//! room, and what nobody comes back for is dropped when its time is over, also if nothing else is
//! asked. A cursor carries the number that a value is kept under; it is sealed, so nobody guesses one.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::state::random;

/// Values that wait for the next call.
pub struct Shelf<T> {
    kept: Arc<Mutex<Kept<T>>>,
    most: usize,
    heaviest: usize,
    weigh: fn(&T) -> usize,
    time: Duration,
}

struct Kept<T> {
    last: u64,
    /// The longest kept first.
    values: VecDeque<Waiting<T>>,
    /// Somebody sees to it that they go.
    is_tended: bool,
}

struct Waiting<T> {
    id: u64,
    until: Instant,
    weight: usize,
    value: T,
}

impl<T: Send + 'static> Shelf<T> {
    /// Keeps at most so many, each for this time.
    pub fn new(most: usize, time: Duration) -> Self {
        Self::weighing(most, time, usize::MAX, |_| 0)
    }

    /// The same, for values that weigh `heaviest` together at most, whatever `weigh` counts. The one
    /// that was kept last stays, however much it weighs.
    pub fn weighing(most: usize, time: Duration, heaviest: usize, weigh: fn(&T) -> usize) -> Self {
        // Begins anywhere, so that a cursor of another process names nothing of ours; 40 bits leave
        // it short.
        let last = random(5).iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        let kept = Kept { last, values: VecDeque::new(), is_tended: false };
        Self { kept: Arc::new(Mutex::new(kept)), most, heaviest, weigh, time }
    }

    /// Keeps a value for a while; the number to take it by. Must be called within a runtime.
    pub fn keep(&self, value: T) -> u64 {
        let weight = (self.weigh)(&value);
        let until = Instant::now() + self.time;
        let mut dropped = Vec::new();
        let mut kept = lock(&self.kept);
        kept.last += 1;
        let id = kept.last;
        kept.values.push_back(Waiting { id, until, weight, value });
        let mut sum = kept.values.iter().fold(0_usize, |sum, one| sum.saturating_add(one.weight));
        while kept.values.len() > 1 && (kept.values.len() > self.most || sum > self.heaviest) {
            let oldest = kept.values.pop_front();
            sum = sum.saturating_sub(oldest.as_ref().map_or(0, |oldest| oldest.weight));
            dropped.extend(oldest);
        }
        let is_tended = std::mem::replace(&mut kept.is_tended, true);
        drop(kept);
        if !is_tended {
            let kept = Arc::downgrade(&self.kept);
            #[expect(clippy::disallowed_methods, reason = "it ends with what it tends")]
            drop(tokio::spawn(tend(kept)));
        }
        id
    }

    /// A copy of a value that stays: for what may be gone on with more than once.
    pub fn look(&self, id: u64) -> Option<T>
    where
        T: Clone,
    {
        let kept = lock(&self.kept);
        let waiting = kept.values.iter().find(|waiting| waiting.id == id)?;
        (waiting.until > Instant::now()).then(|| waiting.value.clone())
    }

    /// Takes a value to go on with it; none if its time is over, if it made room or was taken before.
    pub fn take(&self, id: u64) -> Option<T> {
        let mut kept = lock(&self.kept);
        let at = kept.values.iter().position(|waiting| waiting.id == id)?;
        let waiting = kept.values.remove(at);
        drop(kept);
        waiting.filter(|waiting| waiting.until > Instant::now()).map(|waiting| waiting.value)
    }
}

/// Drops what has been kept long enough, and ends when nothing is left.
async fn tend<T>(kept: Weak<Mutex<Kept<T>>>) {
    while let Some(first) = expire(&kept) {
        sleep_until(first).await;
    }
}

/// When the next one goes; none if nothing is left.
fn expire<T>(kept: &Weak<Mutex<Kept<T>>>) -> Option<Instant> {
    let kept = kept.upgrade()?;
    let mut kept = lock(&kept);
    let now = Instant::now();
    let live = kept.values.iter().position(|waiting| waiting.until > now);
    let over = live.unwrap_or(kept.values.len());
    // What is dropped may do something: not under the lock.
    let over: Vec<_> = kept.values.drain(..over).collect();
    let next = kept.values.front().map(|waiting| waiting.until);
    kept.is_tended = next.is_some();
    drop(kept);
    drop(over);
    next
}

fn lock<T>(kept: &Mutex<Kept<T>>) -> MutexGuard<'_, Kept<T>> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use tokio::time::{advance, sleep};

    use super::*;

    const TIME: Duration = Duration::from_mins(1);

    /// A shelf of weights, and how many of them are there.
    fn weighed(most: usize, heaviest: usize) -> (Shelf<Arc<usize>>, impl Fn() -> Arc<usize>) {
        let one = Arc::new(1);
        (Shelf::weighing(most, TIME, heaviest, |weight| **weight), move || Arc::clone(&one))
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_kept_is_taken_once() {
        let (shelf, one) = weighed(4, usize::MAX);
        let (a, b) = (shelf.keep(one()), shelf.keep(one()));
        assert_ne!(a, b);
        assert!(shelf.take(b).is_some());
        assert!(shelf.take(b).is_none());
        assert!(shelf.take(a).is_some());
        assert!(shelf.take(b + 1).is_none());
        let (other, _) = weighed(4, usize::MAX);
        assert!(shelf.keep(one()).abs_diff(other.keep(one())) > 1_000, "numbers begin anywhere");
    }

    #[tokio::test(start_paused = true)]
    async fn the_oldest_makes_room() {
        let (shelf, one) = weighed(2, usize::MAX);
        let ids = [shelf.keep(one()), shelf.keep(one()), shelf.keep(one())];
        assert_eq!(ids.map(|id| shelf.take(id).is_some()), [false, true, true]);

        let shelf = Shelf::weighing(9, TIME, 10, |weight: &usize| *weight);
        let ids = [shelf.keep(6), shelf.keep(4), shelf.keep(5)];
        assert_eq!(ids.map(|id| shelf.take(id).is_some()), [false, true, true]);
        let ids = [shelf.keep(6), shelf.keep(11)];
        assert_eq!(ids.map(|id| shelf.take(id).is_some()), [false, true]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_comes_back_for_is_dropped() {
        let (shelf, one) = weighed(4, usize::MAX);
        let watched = one();
        let held = || Arc::strong_count(&watched) - 2;
        let first = shelf.keep(one());
        advance(TIME / 2).await;
        let second = shelf.keep(one());
        assert_eq!(held(), 2);
        sleep(TIME / 2 + Duration::from_millis(1)).await;
        assert_eq!(held(), 1, "the first one is over");
        assert!(shelf.take(first).is_none());
        sleep(TIME).await;
        assert_eq!(held(), 0);
        assert!(shelf.take(second).is_none());
        // And again, after nothing was left to tend.
        shelf.keep(one());
        sleep(TIME * 2).await;
        assert_eq!(held(), 0);
        drop(shelf);
    }
}
