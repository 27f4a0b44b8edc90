//! `status`: how the instances of this server are, living and ended.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use clap::Args;
use serde_json::{Value, json};

use super::list::{self, Listed, Listing};
use super::{DIRECTORY, Record, kept};
use crate::cli::{print, say};
use crate::server::StartError;
use crate::text::{count, grouped};
use crate::time::parse_rfc3339;

/// What `status` is told.
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// Those of all servers that share the state directory
    #[arg(long)]
    all: bool,
    /// Remove what is left of those that ended, after showing it
    #[arg(long)]
    forget: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
    /// Settings in TOML
    #[arg(long, value_name = "FILE", env = "LOCKKEEPER_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Where keys and other state are kept
    #[arg(long, value_name = "DIR", env = "LOCKKEEPER_STATE_DIR")]
    pub(crate) state_dir: Option<PathBuf>,
}

/// Shows the instances of `server`.
pub(crate) fn run(
    args: &StatusArgs,
    state: Option<PathBuf>,
    server: &str,
) -> Result<ExitCode, StartError> {
    let directory = state.ok_or_else(|| StartError::new("there is no state directory"))?;
    let directory = directory.join(DIRECTORY);
    let mut listing = match list::list(&directory, (!args.all).then_some(server)) {
        Ok(listing) => listing,
        Err(error) => {
            say(&format!("{}: {error}\n", directory.display()));
            return Ok(ExitCode::from(3));
        }
    };
    listing.instances.sort_by_cached_key(list::order);
    let Listing { instances, problems } = &listing;
    let now = SystemTime::now();
    let ok = problems.is_empty() && instances.iter().all(|one| !is_trouble(one));
    if args.json {
        let instances: Vec<Value> = instances.iter().map(|one| data(one, now)).collect();
        print(&format!("{}\n", json!({"ok": ok, "instances": instances, "problems": problems})));
    } else if instances.is_empty() {
        print("no instances\n");
    } else {
        print(&table(&listing, args.all, now));
    }
    if !args.json {
        for problem in problems {
            say(&format!("{problem}\n"));
        }
    }
    if args.forget {
        for one in instances.iter().filter(|one| one.is_over()) {
            if let Err(error) = kept::remove_left(&one.path) {
                say(&format!("{}: {error}\n", one.record.instance));
            }
        }
    }
    Ok(if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn state(one: &Listed) -> &'static str {
    if one.crashed { "crashed" } else { one.record.lifecycle.as_str() }
}

fn is_trouble(one: &Listed) -> bool {
    matches!(state(one), "crashed" | "failed" | "degraded")
}

/// How long it has run, or ran.
fn uptime(one: &Listed, now: SystemTime) -> Duration {
    let record = &one.record;
    let until = if one.is_over() { parse_rfc3339(&record.updated) } else { Some(now) };
    let started = parse_rfc3339(&record.started);
    let run = until.zip(started).and_then(|(until, started)| until.duration_since(started).ok());
    run.unwrap_or_default()
}

fn data(one: &Listed, now: SystemTime) -> Value {
    let mut value = serde_json::to_value(&one.record).unwrap_or_default();
    if let Some(fields) = value.as_object_mut() {
        fields.remove("v");
        fields.insert("state".to_owned(), json!(state(one)));
        fields.insert("uptime_s".to_owned(), json!(uptime(one, now).as_secs()));
    }
    value
}

fn table(listing: &Listing, all: bool, now: SystemTime) -> String {
    let mut head = vec!["INSTANCE", "PID", "STATE", "UP", "CALLS", "ERRORS", "P50", "P99"];
    head.extend(["RUNNING", "UPSTREAMS", "WHY"]);
    if all {
        head.insert(0, "SERVER");
    }
    let mut rows = vec![head.into_iter().map(str::to_owned).collect::<Vec<_>>()];
    for one in &listing.instances {
        let record = &one.record;
        let mut row = vec![
            record.instance.clone(),
            record.pid.to_string(),
            state(one).to_owned(),
            short(uptime(one, now)),
            grouped(record.calls),
            format!("{:.1}%", record.error_rate * 100.0),
            format!("{:.1}ms", record.p50_ms),
            format!("{:.1}ms", record.p99_ms),
            running(record),
            upstreams(record),
            if record.why.is_empty() { "-".to_owned() } else { record.why.join(" ") },
        ];
        if all {
            row.insert(0, record.server.clone());
        }
        rows.push(row);
    }
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(String::len).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:width$}"));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    let mut out: String = rows.iter().map(line).collect();
    let crashed = listing.crashed();
    if crashed > 0 {
        let hint = "ended without a word; --forget removes what is left of them";
        out.push_str(&format!("{} {hint}\n", count(crashed as u64, "instance")));
    }
    out
}

fn running(record: &Record) -> String {
    match record.queued {
        0 => record.in_flight.to_string(),
        queued => format!("{}+{queued}", record.in_flight),
    }
}

fn upstreams(record: &Record) -> String {
    if record.upstreams.is_empty() {
        return "-".to_owned();
    }
    let one = |upstream: &super::UpstreamRecord| format!("{}:{}", upstream.name, upstream.breaker);
    record.upstreams.iter().map(one).collect::<Vec<_>>().join(" ")
}

/// A time in its two largest units.
fn short(time: Duration) -> String {
    let seconds = time.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m{}s", seconds % 60),
        (0, _, _) => format!("{hours}h{}m", minutes % 60),
        _ => format!("{days}d{}h", hours % 24),
    }
}
