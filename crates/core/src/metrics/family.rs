//! Counts and durations by labels. A known set of labels costs one short lock and no allocation.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::text::{Kind, Text};

/// The upper ends of the buckets, seconds: those of the convention, and below its first one those
/// that matter to a server on the same machine.
pub(super) const BUCKETS: [(f64, &str); 17] = [
    (0.001, "0.001"),
    (0.002, "0.002"),
    (0.005, "0.005"),
    (0.01, "0.01"),
    (0.02, "0.02"),
    (0.05, "0.05"),
    (0.1, "0.1"),
    (0.2, "0.2"),
    (0.5, "0.5"),
    (1.0, "1"),
    (2.0, "2"),
    (5.0, "5"),
    (10.0, "10"),
    (30.0, "30"),
    (60.0, "60"),
    (120.0, "120"),
    (300.0, "300"),
];

type Labels<const N: usize> = [&'static str; N];

/// Counters by `N` labels.
#[derive(Debug)]
pub(super) struct Counters<const N: usize>(Mutex<BTreeMap<Labels<N>, u64>>);

impl<const N: usize> Default for Counters<N> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<const N: usize> Counters<N> {
    /// Counters of which these exist from the beginning.
    pub(super) fn starting_with(labels: impl Iterator<Item = Labels<N>>) -> Self {
        Self(Mutex::new(labels.map(|labels| (labels, 0)).collect()))
    }

    pub(super) fn add(&self, labels: Labels<N>, by: u64) {
        *lock(&self.0).entry(labels).or_default() += by;
    }

    /// Writes them as the counter `lockkeeper_…_total`.
    pub(super) fn write(&self, text: &mut Text, name: &str, labels: [&str; N], help: &str) {
        let name = format!("lockkeeper_{name}_total");
        text.family(&name, Kind::Counter, help);
        for (values, count) in lock(&self.0).iter() {
            let mut pairs = [("", ""); N];
            for (pair, both) in pairs.iter_mut().zip(labels.iter().zip(values)) {
                *pair = (both.0, both.1);
            }
            text.sample(&name, &pairs, *count);
        }
    }
}

/// Durations by `N` labels.
#[derive(Debug)]
pub(super) struct Histograms<const N: usize>(Mutex<BTreeMap<Labels<N>, Histogram>>);

impl<const N: usize> Default for Histograms<N> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<const N: usize> Histograms<N> {
    pub(super) fn observe(&self, labels: Labels<N>, took: Duration) {
        lock(&self.0).entry(labels).or_default().observe(took);
    }

    pub(super) fn each(&self, mut visit: impl FnMut(&Labels<N>, &Histogram)) {
        for (labels, histogram) in lock(&self.0).iter() {
            visit(labels, histogram);
        }
    }
}

/// Durations in [`BUCKETS`], and one more for what takes longer.
#[derive(Debug, Default)]
pub(super) struct Histogram {
    /// Not cumulative.
    pub(super) counts: [u64; BUCKETS.len() + 1],
    pub(super) sum: Duration,
}

impl Histogram {
    fn observe(&mut self, took: Duration) {
        let seconds = took.as_secs_f64();
        let bucket = BUCKETS.iter().position(|(end, _)| seconds <= *end).unwrap_or(BUCKETS.len());
        if let Some(count) = self.counts.get_mut(bucket) {
            *count += 1;
        }
        self.sum = self.sum.saturating_add(took);
    }
}

/// What a panic left half done is a count at the most.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
