//! Servers for PostgreSQL: ours, two of others, and the driver alone as the floor. All see the same
//! database of a cluster that is made for the run.

mod rows;
mod servers;

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use super::client::Session;
use super::figures::Figures;
use super::samples::Samples;
use super::{Stage, Suite, megabytes, milliseconds};
use servers::{DBHUB, DRIVER, OURS, PRO, Servers};

pub(super) const SUITE: Suite = Suite { server: "postgres", readme: rows::README, measure };

/// In the order in which they take turns.
const SERVERS: [&str; 3] = [OURS, DBHUB, PRO];

const STARTS: usize = 3;
const LOOKUPS: u32 = 2_000;
/// Of those that are an order of magnitude slower.
const SLOW_LOOKUPS: u32 = 200;
const LOOKUPS_IN_TURN: u32 = 50;
/// Calls in flight, how many calls are made so, and the row of their rate.
const FLOODS: [(u32, u32, &str); 3] =
    [(1, 2_000, "rate_1"), (8, 4_000, "rate_8"), (32, 8_000, "rate_32")];
const EXPORTS: usize = 3;
const LISTS: usize = 3;
/// The largest answers that ours gives, for reading many pages.
const WIDE: &[&str] = &["--max-output", "100kB"];

fn measure(stage: &Stage<'_>) -> Result<Figures> {
    let servers = Servers::fetch(stage)?;
    let figures = Figures::new(rows::MEASURES, servers.subjects());
    let mut run = Run { servers, figures };
    run.sizes()?;
    for round in 0..stage.rounds {
        eprintln!("bench: round {} of {}", round + 1, stage.rounds);
        run.round(round)?;
    }
    Ok(run.figures)
}

struct Run {
    servers: Servers,
    figures: Figures,
}

/// A server that answers.
struct Running {
    server: &'static str,
    session: Session,
}

impl Run {
    fn round(&mut self, round: usize) -> Result<()> {
        let mut all = self.starts()?;
        self.lookups(&mut all)?;
        for (in_flight, calls, key) in FLOODS {
            for running in &mut all {
                self.flood(running, (in_flight, calls), key)?;
            }
            let rate = self.servers.floor.flood(calls, in_flight)?;
            self.figures.add(key, DRIVER, rate);
        }
        let mut wide = self.servers.start(OURS, WIDE)?;
        self.exports(&mut wide, round)?;
        self.pages(&mut all, &mut wide)?;
        self.lists(&mut all)?;
        for Running { server, session } in &all {
            let mut peak = session.memory("VmHWM")?;
            if *server == OURS {
                peak = peak.max(wide.memory("VmHWM")?);
            }
            self.figures.add("peak", server, peak / 1e6);
        }
        Ok(())
    }

    /// Starts all servers several times; those started last are returned.
    fn starts(&mut self) -> Result<Vec<Running>> {
        let mut samples = SERVERS.map(|_| (Samples::default(), Samples::default()));
        let mut all = Vec::new();
        for _ in 0..STARTS {
            all.clear();
            for (server, (start, idle)) in SERVERS.into_iter().zip(&mut samples) {
                let mut session = self.servers.start(server, &[])?;
                start.0.push(milliseconds(session.start));
                let (tool, arguments) = Servers::lookup(server, 1);
                session.call(tool, &arguments).with_context(|| server)?;
                idle.0.push(session.memory("VmRSS")? / 1e6);
                all.push(Running { server, session });
            }
        }
        for (server, (start, idle)) in SERVERS.into_iter().zip(&samples) {
            self.figures.add("start", server, start.median());
            self.figures.add("idle", server, idle.median());
        }
        Ok(all)
    }

    /// One lookup after the other; servers and the driver take turns.
    fn lookups(&mut self, all: &mut [Running]) -> Result<()> {
        let mut samples = SERVERS.map(|_| Samples::default());
        let mut floor = (Samples::default(), Samples::default());
        for first in (0..LOOKUPS).step_by(LOOKUPS_IN_TURN as usize) {
            for (running, samples) in all.iter_mut().zip(&mut samples) {
                if running.server == PRO && first >= SLOW_LOOKUPS {
                    continue;
                }
                for id in first + 1..=first + LOOKUPS_IN_TURN {
                    let (tool, arguments) = Servers::lookup(running.server, id);
                    let elapsed = running.session.call(tool, &arguments)?;
                    samples.0.push(elapsed.as_secs_f64() * 1e6);
                }
            }
            let (p50, p99) = self.servers.floor.lookups(LOOKUPS_IN_TURN as usize)?;
            floor.0.0.push(p50);
            floor.1.0.push(p99);
        }
        for (running, samples) in all.iter().zip(&samples) {
            self.figures.add("lookup_p50", running.server, samples.percentile(50.0));
            self.figures.add("lookup_p99", running.server, samples.percentile(99.0));
        }
        self.figures.add("lookup_p50", DRIVER, floor.0.median());
        self.figures.add("lookup_p99", DRIVER, floor.1.median());
        Ok(())
    }

    fn flood(
        &mut self,
        running: &mut Running,
        (in_flight, calls): (u32, u32),
        key: &'static str,
    ) -> Result<()> {
        let Running { server, session } = running;
        let (tool, arguments) = Servers::lookup(server, 4711);
        let calls = if *server == PRO { SLOW_LOOKUPS } else { calls };
        let (rate, cost) = session.flood(tool, &arguments, calls, in_flight)?;
        self.figures.add(key, server, rate);
        if key == "rate_32" {
            self.figures.add("cpu", server, cost);
        }
        Ok(())
    }

    /// The whole table into a file; the driver encodes it and writes nothing.
    fn exports(&mut self, session: &mut Session, round: usize) -> Result<()> {
        let (mut own, mut floor) = (Samples::default(), Samples::default());
        for n in 0..EXPORTS {
            let path = format!("item-{round}-{n}.csv");
            let (_, all) = Servers::all(OURS);
            let arguments = json!({ "sql": all["sql"], "path": path, "format": "csv" });
            own.0.push(milliseconds(session.call("export", &arguments)?));
            let written = fs::read_to_string(self.servers.exports().join(&path))?;
            ensure!(written.lines().count() == 10_001, "`{path}` has not all rows");
            floor.0.push(self.servers.floor.export()?);
        }
        self.figures.add("export", OURS, own.median());
        self.figures.add("export", DRIVER, floor.median());
        self.figures.add("pages", DRIVER, floor.median());
        Ok(())
    }

    /// The whole table in answers: of ours by pages, of others in one.
    fn pages(&mut self, all: &mut [Running], wide: &mut Session) -> Result<()> {
        for running in all {
            let server = running.server;
            let elapsed = if server == OURS {
                let (elapsed, rows, _) = pages(wide, Servers::all(OURS))?;
                ensure!(rows == 10_000, "{rows} rows of 10,000");
                elapsed
            } else {
                let (tool, arguments) = Servers::all(server);
                running.session.call(tool, &arguments)?
            };
            self.figures.add("pages", server, milliseconds(elapsed));
        }
        Ok(())
    }

    fn lists(&mut self, all: &mut [Running]) -> Result<()> {
        for Running { server, session } in all {
            let (mut samples, mut largest) = (Samples::default(), 0);
            for _ in 0..LISTS {
                let (elapsed, _, bytes) = pages(session, Servers::tables(server))?;
                samples.0.push(milliseconds(elapsed));
                largest = bytes;
            }
            self.figures.add("tables", server, samples.median());
            self.figures.add("tables_bytes", server, megabytes(largest) * 1e3);
        }
        Ok(())
    }

    fn sizes(&mut self) -> Result<()> {
        for server in SERVERS {
            let installed = self.servers.installed(server);
            let bytes: u64 = installed.iter().map(|path| super::size(path)).sum::<Result<u64>>()?;
            self.figures.add("size", server, megabytes(bytes));
            let tools = |session: &Session| session.tools.to_string().len() as u64;
            let session = self.servers.start(server, &[])?;
            self.figures.add("tools", server, megabytes(tools(&session)) * 1e3);
            let all: &[&str] = if server == OURS { &["--write"] } else { &[] };
            let session = self.servers.start(server, all)?;
            self.figures.add("tools_all", server, megabytes(tools(&session)) * 1e3);
        }
        Ok(())
    }
}

/// Calls until there is no next page; returns how long the calls took together, how many rows came
/// and how many bytes the largest answer has.
fn pages(
    session: &mut Session,
    (tool, mut arguments): (&'static str, serde_json::Value),
) -> Result<(Duration, usize, u64)> {
    let (mut all, mut rows, mut largest) = (Duration::ZERO, 0, 0);
    loop {
        all += session.call(tool, &arguments)?;
        let text = session.text()?;
        largest = largest.max(text.len() as u64);
        // The lines below the opening one and the names of the columns.
        rows += text.lines().skip(2).count();
        let header = text.lines().next().unwrap_or_default();
        let Some((_, cursor)) = header.split_once("next: cursor ") else {
            return Ok((all, rows, largest));
        };
        let end = cursor.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_'));
        arguments["cursor"] = cursor.get(..end.unwrap_or(cursor.len())).into();
    }
}
