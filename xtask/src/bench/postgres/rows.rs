//! What is measured of servers for PostgreSQL, and the bars: those of the design's table of
//! budgets.

use super::servers::{DBHUB, DRIVER};
use crate::bench::figures::Bar::{AtLeast, AtMost, RatioAtMost};
use crate::bench::figures::Unit::{Kilobytes, Megabytes, Microseconds, Milliseconds, PerSecond};
use crate::bench::figures::{Bar, Measure, Unit};

/// The rows in README.md.
pub(super) const README: &[&str] = &[
    "start",
    "idle",
    "peak",
    "tools",
    "call_p50",
    "call_p99",
    "rate_1",
    "rate_32",
    "export",
    "pages",
    "tables",
    "tables_bytes",
];

pub(super) const MEASURES: &[Measure] = &[
    row("start", "start to `tools/list`", Milliseconds, DBHUB, Some(AtMost(15.0))),
    row("idle", "memory when idle, after a first call", Megabytes, DBHUB, Some(AtMost(15.0))),
    row("peak", "memory at most, after all that follows", Megabytes, DBHUB, Some(AtMost(64.0))),
    row("size", "program and what it runs on", Megabytes, DBHUB, None),
    row("tools", "`tools/list`, read-only", Kilobytes, DBHUB, Some(AtMost(6.0))),
    row("tools_all", "`tools/list`, all tools", Kilobytes, DBHUB, Some(AtMost(10.0))),
    row("call_p50", "look up a row by its key, p50", Microseconds, DRIVER, Some(RatioAtMost(3.0))),
    row("call_p99", "the same, p99", Microseconds, DRIVER, None),
    row("rate_1", "lookups, one at a time", PerSecond, DRIVER, None),
    row("rate_8", "lookups, 8 in flight", PerSecond, DRIVER, None),
    row("rate_32", "lookups, 32 in flight", PerSecond, DRIVER, Some(AtLeast(5_000.0))),
    row("cpu", "processor time of such a call", Microseconds, DBHUB, None),
    row(
        "export",
        "10,000 rows × 10 columns, to a file or encoded",
        Milliseconds,
        DRIVER,
        Some(RatioAtMost(1.5)),
    ),
    row("pages", "the same in answers, all pages", Milliseconds, DRIVER, None),
    row("tables", "list 500 tables", Milliseconds, DBHUB, None),
    row("tables_bytes", "the same, the largest answer", Kilobytes, DBHUB, Some(AtMost(16.0))),
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
