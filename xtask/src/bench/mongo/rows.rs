//! What is measured of servers for MongoDB, and the bars: those of the design's table of budgets.

use super::servers::{DRIVER, OFFICIAL};
use crate::bench::figures::Bar::{AboveAtMost, AtMost, RatioAtLeast, RatioAtMost};
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
    "pages_printed",
    "pages",
    "schema",
];

pub(super) const MEASURES: &[Measure] = &[
    row("start", "start to `tools/list`", Milliseconds, OFFICIAL, Some(AtMost(15.0))),
    row("idle", "memory when idle, after a first call", Megabytes, OFFICIAL, Some(AtMost(15.0))),
    row("peak", "memory at most, after all that follows", Megabytes, OFFICIAL, Some(AtMost(64.0))),
    row("size", "program and what it runs on", Megabytes, OFFICIAL, None),
    row("tools", "`tools/list`, read-only", Kilobytes, OFFICIAL, Some(AtMost(6.0))),
    row("tools_all", "`tools/list`, all tools", Kilobytes, OFFICIAL, Some(AtMost(12.0))),
    row("call_p50", "find by `_id`, p50", Microseconds, DRIVER, Some(AboveAtMost(200.0))),
    row("call_p99", "the same, p99", Microseconds, DRIVER, None),
    row("rate_1", "such finds, one at a time", PerSecond, DRIVER, None),
    row("rate_8", "such finds, 8 in flight", PerSecond, DRIVER, None),
    row("rate_32", "such finds, 32 in flight", PerSecond, DRIVER, Some(RatioAtLeast(0.75))),
    row("cpu", "processor time of such a call", Microseconds, OFFICIAL, None),
    // An answer is text: what the driver needs for as much is the floor.
    row(
        "pages_printed",
        "10,000 documents, all pages; the driver fetches, decodes and prints them",
        Milliseconds,
        DRIVER,
        Some(RatioAtMost(1.5)),
    ),
    row("pages", "the same; the driver only fetches their bytes", Milliseconds, DRIVER, None),
    row(
        "schema",
        "schema from 1,000 documents; the driver fetches them",
        Milliseconds,
        DRIVER,
        None,
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
