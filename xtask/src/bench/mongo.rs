//! Servers for `MongoDB`: ours, the vendor's, and the driver alone as the floor. All see the same
//! collection of a deployment that is made for the run.

mod rows;
mod servers;

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::client::Session;
use super::figures::Figures;
use super::samples::Samples;
use super::{Stage, Suite, megabytes, milliseconds};
use servers::{DOCUMENTS, DRIVER, OFFICIAL, OURS, Servers};

pub(super) const SUITE: Suite = Suite { server: "mongo", readme: rows::README, measure };

/// In the order in which they take turns.
const SERVERS: [&str; 2] = [OURS, OFFICIAL];

const STARTS: usize = 3;
const FINDS: u32 = 2_000;
/// Of those that are an order of magnitude slower.
const SLOW_FINDS: u32 = 500;
const FINDS_IN_TURN: u32 = 50;
/// Calls in flight, how many calls are made so, and the row of their rate.
const FLOODS: [(u32, u32, &str); 3] =
    [(1, 2_000, "rate_1"), (8, 4_000, "rate_8"), (32, 8_000, "rate_32")];
const PAGES: usize = 3;
const SCHEMAS: usize = 3;

fn measure(stage: &Stage<'_>) -> Result<Figures> {
    let servers = Servers::fetch(stage)?;
    let figures = Figures::new(rows::MEASURES, servers.subjects());
    let mut run = Run { servers, figures };
    run.sizes()?;
    for round in 0..stage.rounds {
        eprintln!("bench: round {} of {}", round + 1, stage.rounds);
        run.round()?;
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
    fn round(&mut self) -> Result<()> {
        let mut all = self.starts()?;
        self.finds(&mut all)?;
        for (in_flight, calls, key) in FLOODS {
            for running in &mut all {
                self.flood(running, (in_flight, calls), key)?;
            }
            let rate = self.servers.floor.number(&format!("flood {calls} {in_flight}"))?;
            self.figures.add(key, DRIVER, rate);
        }
        self.pages(&mut all)?;
        self.schemas(&mut all)?;
        for Running { server, session } in &all {
            self.figures.add("peak", server, session.memory("VmHWM")? / 1e6);
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
                let mut session = self.servers.start(server, false)?;
                start.0.push(milliseconds(session.start));
                let (tool, arguments) = Servers::find(server, 1);
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

    /// One find after the other; servers and the driver take turns.
    fn finds(&mut self, all: &mut [Running]) -> Result<()> {
        let mut samples = SERVERS.map(|_| Samples::default());
        let mut floor = (Samples::default(), Samples::default());
        for first in (0..FINDS).step_by(FINDS_IN_TURN as usize) {
            for (running, samples) in all.iter_mut().zip(&mut samples) {
                if running.server == OFFICIAL && first >= SLOW_FINDS {
                    continue;
                }
                for id in first + 1..=first + FINDS_IN_TURN {
                    let (tool, arguments) = Servers::find(running.server, id);
                    let elapsed = running.session.call(tool, &arguments)?;
                    samples.0.push(elapsed.as_secs_f64() * 1e6);
                }
            }
            let (p50, p99) = self.servers.floor.two(&format!("lookup {FINDS_IN_TURN}"))?;
            floor.0.0.push(p50);
            floor.1.0.push(p99);
        }
        for (running, samples) in all.iter().zip(&samples) {
            self.figures.add("find_p50", running.server, samples.percentile(50.0));
            self.figures.add("find_p99", running.server, samples.percentile(99.0));
        }
        self.figures.add("find_p50", DRIVER, floor.0.median());
        self.figures.add("find_p99", DRIVER, floor.1.median());
        Ok(())
    }

    fn flood(
        &mut self,
        running: &mut Running,
        (in_flight, calls): (u32, u32),
        key: &'static str,
    ) -> Result<()> {
        let Running { server, session } = running;
        let (tool, arguments) = Servers::find(server, 4711);
        let calls = if *server == OFFICIAL { SLOW_FINDS } else { calls };
        let (rate, cost) = session.flood(tool, &arguments, calls, in_flight)?;
        self.figures.add(key, server, rate);
        if key == "rate_32" {
            self.figures.add("cpu", server, cost);
        }
        Ok(())
    }

    /// All documents: of ours by pages, of the other in one answer.
    fn pages(&mut self, all: &mut [Running]) -> Result<()> {
        let mut samples = SERVERS.map(|_| Samples::default());
        let mut floor = (Samples::default(), Samples::default());
        for _ in 0..PAGES {
            for (running, samples) in all.iter_mut().zip(&mut samples) {
                let (tool, arguments) = Servers::all(running.server);
                let elapsed = if running.server == OURS {
                    let (elapsed, documents) = pages(&mut running.session, tool, arguments)?;
                    ensure!(
                        documents == DOCUMENTS as usize,
                        "{documents} of {DOCUMENTS} documents"
                    );
                    elapsed
                } else {
                    running.session.call(tool, &arguments)?
                };
                samples.0.push(milliseconds(elapsed));
            }
            let (fetched, printed) = self.servers.floor.two("pages")?;
            floor.0.0.push(fetched);
            floor.1.0.push(printed);
        }
        for (server, samples) in SERVERS.into_iter().zip(&samples) {
            self.figures.add("pages", server, samples.median());
            self.figures.add("pages_printed", server, samples.median());
        }
        self.figures.add("pages", DRIVER, floor.0.median());
        self.figures.add("pages_printed", DRIVER, floor.1.median());
        Ok(())
    }

    fn schemas(&mut self, all: &mut [Running]) -> Result<()> {
        for Running { server, session } in all {
            let mut samples = Samples::default();
            for _ in 0..SCHEMAS {
                let (tool, arguments) = Servers::schema(server);
                samples.0.push(milliseconds(session.call(tool, &arguments)?));
            }
            self.figures.add("schema", server, samples.median());
        }
        let mut samples = Samples::default();
        for _ in 0..SCHEMAS {
            samples.0.push(self.servers.floor.number("sample 1000")?);
        }
        self.figures.add("schema", DRIVER, samples.median());
        Ok(())
    }

    fn sizes(&mut self) -> Result<()> {
        for server in SERVERS {
            let installed = self.servers.installed(server);
            let bytes: u64 = installed.iter().map(|path| super::size(path)).sum::<Result<u64>>()?;
            self.figures.add("size", server, megabytes(bytes));
            for (key, all) in [("tools", false), ("tools_all", true)] {
                let session = self.servers.start(server, all)?;
                let bytes = session.tools.to_string().len() as u64;
                self.figures.add(key, server, megabytes(bytes) * 1e3);
            }
        }
        Ok(())
    }
}

/// Calls until there is no next page; returns how long the calls took together, and how many
/// documents came.
fn pages(
    session: &mut Session,
    tool: &'static str,
    mut arguments: Value,
) -> Result<(Duration, usize)> {
    let (mut all, mut documents) = (Duration::ZERO, 0);
    loop {
        all += session.call(tool, &arguments)?;
        let text = session.text()?;
        documents += text.lines().skip(1).count();
        let header = text.lines().next().unwrap_or_default();
        let Some((_, cursor)) = header.split_once("next: cursor ") else {
            return Ok((all, documents));
        };
        let end = cursor.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_'));
        arguments["cursor"] = cursor.get(..end.unwrap_or(cursor.len())).into();
    }
}
