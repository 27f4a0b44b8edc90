//! What was promised, what was measured, and whether they agree.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::time::Duration;

/// The most lines that are printed of one broken promise.
const MOST: usize = 10;

pub(crate) struct Report {
    seed: u64,
    rows: Vec<[String; 4]>,
    counts: Vec<(String, BTreeMap<String, u64>)>,
    broken: Vec<String>,
}

impl Report {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, rows: Vec::new(), counts: Vec::new(), broken: Vec::new() }
    }

    /// A promise with its bound, what was measured, and whether it is kept.
    pub(crate) fn promise(
        &mut self,
        promise: &str,
        bound: impl Display,
        measured: impl Display,
        kept: bool,
    ) {
        let (bound, measured) = (bound.to_string(), measured.to_string());
        if !kept {
            self.broken.push(format!("{promise}: {measured}, promised is {bound}"));
        }
        let verdict = if kept { "kept" } else { "**broken**" };
        self.rows.push([promise.to_owned(), measured, bound, verdict.to_owned()]);
    }

    /// The same for one that is kept if nothing was found against it.
    pub(crate) fn none(&mut self, promise: &str, measured: impl Display, found: &[String]) {
        let bound = "none otherwise";
        self.promise(
            promise,
            bound,
            format!("{measured}, {} otherwise", found.len()),
            found.is_empty(),
        );
        self.broken.extend(found.iter().take(MOST).map(|found| format!("{promise}: {found}")));
    }

    /// How often something was seen.
    pub(crate) fn counts(&mut self, title: &str, counts: BTreeMap<String, u64>) {
        self.counts.push((title.to_owned(), counts));
    }

    pub(crate) fn broken(&self) -> &[String] {
        &self.broken
    }

    /// Markdown.
    pub(crate) fn table(&self) -> String {
        let mut table = "| promise | measured | bound | |\n|---|---|---|---|\n".to_owned();
        for row in &self.rows {
            table.push_str(&format!("| {} |\n", row.join(" | ")));
        }
        for (title, counts) in &self.counts {
            let counts = counts.iter().map(|(name, count)| format!("{name} {count}"));
            table.push_str(&format!("\n{title}: {}.\n", counts.collect::<Vec<_>>().join(", ")));
        }
        format!("{table}\nSeed {}.", self.seed)
    }
}

/// How long things took.
#[derive(Default)]
pub(crate) struct Times(Vec<Duration>);

impl Times {
    pub(crate) fn add(&mut self, time: Duration) {
        self.0.push(time);
    }

    pub(crate) fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn most(&self) -> Duration {
        self.0.iter().copied().max().unwrap_or_default()
    }

    /// The time that so many percent don't exceed.
    pub(crate) fn at(&self, percent: f64) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            clippy::cast_sign_loss,
            reason = "an index"
        )]
        let index = (percent / 100.0 * sorted.len().saturating_sub(1) as f64).round() as usize;
        sorted.get(index).copied().unwrap_or_default()
    }

    /// Median, almost all, and the worst.
    pub(crate) fn describe(&self) -> String {
        format!(
            "p50 {}, p99 {}, most {}",
            milliseconds(self.at(50.0)),
            milliseconds(self.at(99.0)),
            milliseconds(self.most())
        )
    }
}

/// A time as a person reads it.
pub(crate) fn milliseconds(time: Duration) -> String {
    match time.as_secs_f64() * 1e3 {
        ms if ms >= 100.0 => format!("{ms:.0} ms"),
        ms => format!("{ms:.1} ms"),
    }
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
pub(crate) fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}
