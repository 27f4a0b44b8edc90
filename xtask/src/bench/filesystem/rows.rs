//! What is measured of file servers, and the bars: those of the design's table of budgets.

use super::servers::{REFERENCE, RG, RUST};
use crate::bench::figures::Bar::{AtMost, RatioAtLeast, RatioAtMost};
use crate::bench::figures::Unit::{Kilobytes, Megabytes, Microseconds, Milliseconds, PerSecond};
use crate::bench::figures::{Bar, Measure, Unit};

/// The rows in README.md.
pub(super) const README: &[&str] = &[
    "start",
    "idle",
    "peak",
    "tools",
    "read_p50",
    "rate_64",
    "tail",
    "glob_rare",
    "glob_common",
    "needle",
    "common",
    "common_pages",
    "abundant_pages",
];

pub(super) const MEASURES: &[Measure] = &[
    row("start_first", "start to `tools/list`, program not cached", Milliseconds, RUST, None),
    row("start", "start to `tools/list`", Milliseconds, RUST, Some(AtMost(10.0))),
    row("idle", "memory when idle", Megabytes, RUST, Some(AtMost(10.0))),
    row("peak", "memory at most, after all that follows", Megabytes, RUST, Some(AtMost(64.0))),
    row("size", "program and what it runs on", Megabytes, RUST, None),
    row(
        "tools",
        "`tools/list`, read-only where there is such a mode",
        Kilobytes,
        REFERENCE,
        Some(AtMost(5.5)),
    ),
    row("tools_all", "`tools/list`, all tools", Kilobytes, REFERENCE, Some(AtMost(11.0))),
    row("read_p50", "read 4 kB, p50 of 2,000", Microseconds, RUST, Some(RatioAtMost(1.0))),
    row("read_p99", "read 4 kB, p99 of 2,000", Microseconds, RUST, None),
    row("rate_1", "reads of 4 kB, one at a time", PerSecond, RUST, None),
    row("rate_8", "reads of 4 kB, 8 in flight", PerSecond, RUST, None),
    row("rate_32", "reads of 4 kB, 32 in flight", PerSecond, RUST, None),
    row("rate_64", "reads of 4 kB, 64 in flight", PerSecond, RUST, Some(RatioAtLeast(1.2))),
    row("cpu", "processor time of such a call", Microseconds, RUST, None),
    row("tail", "last 100 lines of 50 MB", Milliseconds, REFERENCE, Some(AtMost(1.0))),
    row("list", "list 10,000 entries", Milliseconds, REFERENCE, None),
    row("glob_rare", "glob with 1 hit in 64,000 files", Milliseconds, RG, Some(RatioAtMost(1.3))),
    row(
        "glob_common",
        "glob with 27,000 hits, first page",
        Milliseconds,
        RG,
        Some(RatioAtMost(1.3)),
    ),
    row("glob_pages", "the same, all pages", Milliseconds, RG, Some(RatioAtMost(3.0))),
    row("needle", "search, 3 hits", Milliseconds, RG, Some(RatioAtMost(1.3))),
    row(
        "common",
        "search, 32,000 hits, first page and totals",
        Milliseconds,
        RG,
        Some(RatioAtMost(1.3)),
    ),
    row("common_pages", "the same, all pages", Milliseconds, RG, Some(RatioAtMost(3.0))),
    row(
        "abundant",
        "search, 1,670,000 hits, first page and totals",
        Milliseconds,
        RG,
        Some(RatioAtMost(1.3)),
    ),
    row("abundant_pages", "the same, all pages", Milliseconds, RG, Some(RatioAtMost(3.0))),
    row("count_common", "counts by file, 32,000 hits", Milliseconds, RG, Some(RatioAtMost(1.3))),
    row(
        "count_abundant",
        "counts by file, 1,670,000 hits",
        Milliseconds,
        RG,
        Some(RatioAtMost(1.3)),
    ),
];

const fn row(
    key: &'static str,
    title: &'static str,
    unit: Unit,
    against: &'static str,
    bar: Option<Bar>,
) -> Measure {
    Measure { key, title, unit, against: Some(against), bar }
}
