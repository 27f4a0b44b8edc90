//! How fast is written: GitHub asks for a second between two changes, and a model that is stuck sends
//! the same again and again.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Mutex as Sync, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

use super::error::SourceError;

/// What GitHub asks for between two changes.
pub(crate) const PAUSE: Duration = Duration::from_secs(1);

/// So often the same may be sent within a time.
const MOST_EQUAL: usize = 3;
const WITHIN: Duration = Duration::from_mins(10);

/// More changes than can be sent in that time.
const MOST_KEPT: usize = 2_000;

/// The pace of one process.
#[derive(Debug)]
pub(crate) struct Pace {
    pause: Duration,
    /// When the next change may be sent; who waits for it holds it, so they go one by one.
    next: Mutex<Option<Instant>>,
    sent: Sync<VecDeque<(Instant, u64)>>,
}

impl Pace {
    pub(crate) fn new(pause: Duration) -> Self {
        Self { pause, next: Mutex::default(), sent: Sync::default() }
    }

    /// Whether this may be sent once more.
    pub(crate) fn check(&self, print: u64) -> Result<(), SourceError> {
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        while sent.front().is_some_and(|(at, _)| at.elapsed() >= WITHIN) {
            sent.pop_front();
        }
        let equal = sent.iter().filter(|(_, one)| *one == print);
        let Some((oldest, _)) = equal.clone().rev().nth(MOST_EQUAL - 1) else { return Ok(()) };
        Err(SourceError::Repeated { retry_after: WITHIN.saturating_sub(oldest.elapsed()) })
    }

    /// Waits until the next change may be sent.
    pub(crate) async fn turn(&self) {
        let mut next = self.next.lock().await;
        if let Some(next) = *next {
            sleep_until(next).await;
        }
        *next = Some(Instant::now() + self.pause);
    }

    /// Remembers what was done, or may have been.
    pub(crate) fn sent(&self, print: u64) {
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        if sent.len() >= MOST_KEPT {
            sent.pop_front();
        }
        sent.push_back((Instant::now(), print));
    }
}

/// What a change is, so that an equal one is known again.
pub(super) fn print(method: &str, place: &str, body: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    (method, place, body.to_string()).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn changes_go_one_by_one_a_second_apart() {
        let pace = Pace::new(PAUSE);
        let began = Instant::now();
        let turn = async || {
            pace.turn().await;
            began.elapsed().as_secs()
        };
        let mut turns: Vec<u64> = vec![turn().await];
        let (a, b, c) = tokio::join!(turn(), turn(), turn());
        turns.extend([a, b, c]);
        turns.sort_unstable();
        assert_eq!(turns, [0, 1, 2, 3]);
        tokio::time::advance(Duration::from_mins(1)).await;
        assert_eq!(turn().await, 63, "who comes later waits for nothing");
    }

    #[tokio::test(start_paused = true)]
    async fn the_same_is_not_sent_again_and_again() {
        let pace = Pace::new(PAUSE);
        let one = print("POST", "/repos/o/r/issues", &json!({"title": "t"}));
        let other = print("POST", "/repos/o/r/issues", &json!({"title": "u"}));
        assert_ne!(one, other);
        for _ in 0..MOST_EQUAL {
            pace.check(one).unwrap();
            pace.sent(one);
            tokio::time::advance(Duration::from_mins(1)).await;
        }
        let refused = pace.check(one).unwrap_err();
        let SourceError::Repeated { retry_after } = refused else { panic!("{refused}") };
        assert_eq!(retry_after, Duration::from_mins(7));
        pace.check(other).unwrap();
        tokio::time::advance(retry_after).await;
        pace.check(one).unwrap();
    }
}
