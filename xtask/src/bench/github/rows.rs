//! What is measured of servers for GitHub, and the bars: those of the design's table of budgets.

use super::servers::{HTTP, OFFICIAL, PUBLISHED};
use crate::bench::figures::Bar::{AboveAtMost, AtMost};
use crate::bench::figures::Unit::{
    Kilobytes, Megabytes, Microseconds, Milliseconds, PerSecond, Tokens,
};
use crate::bench::figures::{Bar, Measure, Unit};

/// The rows in README.md.
pub(super) const README: &[&str] = &[
    "start",
    "idle",
    "size",
    "tokens",
    "tokens_writing",
    "tokens_all",
    "call_p50",
    "call_p99",
    "rate_1",
    "rate_32",
    "log",
    "log_peak",
];

pub(super) const MEASURES: &[Measure] = &[
    row("start", "start to `tools/list`", Milliseconds, OFFICIAL, Some(AtMost(15.0))),
    row("idle", "memory when idle, after a first call", Megabytes, OFFICIAL, Some(AtMost(15.0))),
    row("peak", "memory at most, after all calls but logs", Megabytes, OFFICIAL, None),
    row("size", "program", Megabytes, OFFICIAL, None),
    row("tools", "`tools/list`, default, read-only", Kilobytes, PUBLISHED, None),
    row("tokens", "the same", Tokens, PUBLISHED, Some(AtMost(2_500.0))),
    row("tools_writing", "`tools/list`, default, with writing", Kilobytes, PUBLISHED, None),
    row("tokens_writing", "the same", Tokens, PUBLISHED, Some(AtMost(4_500.0))),
    row("tools_all", "`tools/list`, all tools", Kilobytes, PUBLISHED, None),
    row("tokens_all", "the same", Tokens, PUBLISHED, Some(AtMost(6_500.0))),
    row("call_p50", "read an issue, p50", Microseconds, HTTP, Some(AboveAtMost(2_000.0))),
    row("call_p99", "the same, p99", Microseconds, HTTP, None),
    row("rate_1", "the same issue, one read at a time", PerSecond, HTTP, None),
    row(
        "rate_8",
        "the same issue, 8 in flight: equal reads share a request",
        PerSecond,
        HTTP,
        None,
    ),
    row(
        "rate_32",
        "the same issue, 32 in flight: equal reads share a request",
        PerSecond,
        HTTP,
        None,
    ),
    row(
        "rate_64",
        "the same issue, 64 in flight: equal reads share a request",
        PerSecond,
        HTTP,
        None,
    ),
    row("cpu", "processor time of such a read, 32 in flight", Microseconds, OFFICIAL, None),
    row("log", "the end of a job's log of 200 MB", Milliseconds, HTTP, None),
    row("log_peak", "memory at most for that", Megabytes, OFFICIAL, Some(AtMost(50.0))),
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
