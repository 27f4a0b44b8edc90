//! What is measured alike of all servers that stand before a service: how fast they start, what they
//! cost idle and at most, and how fast and how often they do the smallest thing. They take turns, and
//! so does the service itself, asked without a server in between.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::client::Session;
use super::figures::{Figures, Measure, Subject};
use super::samples::Samples;
use super::{Stage, megabytes, milliseconds, size};

const STARTS: usize = 3;
const CALLS: u32 = 2_000;
const CALLS_IN_TURN: u32 = 50;
/// What is asked for while calls are in flight.
const POPULAR: u32 = 4711;

/// Which tools a server offers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Offer {
    Reading,
    /// Those that it offers by default, and the writing ones that belong to them.
    Writing,
    All,
}

/// The programs of a suite, and how each is asked for the same thing.
pub(super) trait Lineup {
    /// The servers in the order in which they take turns; ours is the first.
    const SERVERS: &'static [&'static str];
    /// The service itself.
    const FLOOR: &'static str;

    /// As they stand in the table.
    fn subjects(&self) -> Vec<Subject>;

    fn start(&self, server: &str, offer: Offer) -> Result<Session>;

    /// What has to be on a disk for a server to run.
    fn installed(&self, server: &str) -> Vec<PathBuf>;

    /// The call for the smallest thing, of which there are many.
    fn smallest(server: &str, id: u32) -> (&'static str, Value);

    /// How many of these are enough of a server that is slower by an order of magnitude.
    fn few(_server: &str) -> Option<u32> {
        None
    }

    /// p50 and p99 of so many of them, asked of the service itself, in µs.
    fn floor_calls(&mut self, calls: u32) -> Result<(f64, f64)>;

    /// How many a second the service answers.
    fn floor_flood(&mut self, calls: u32, in_flight: u32) -> Result<f64>;
}

/// Calls in flight, how many calls are made so, and the row of their rate.
pub(super) type Flood = (u32, u32, &'static str);

/// The flood after which processor time is looked at.
const COUNTED: &str = "rate_32";

/// A suite while it is measured.
pub(super) struct Run<L> {
    pub(super) lineup: L,
    pub(super) figures: Figures,
}

/// A server that answers.
pub(super) struct Running {
    pub(super) server: &'static str,
    pub(super) session: Session,
}

impl<L: Lineup> Run<L> {
    /// Measures what is the same in every round, and then every round.
    pub(super) fn measure(
        stage: &Stage<'_>,
        lineup: L,
        measures: &'static [Measure],
        once: impl FnOnce(&mut Self) -> Result<()>,
        mut round: impl FnMut(&mut Self, usize) -> Result<()>,
    ) -> Result<Figures> {
        let figures = Figures::new(measures, lineup.subjects());
        let mut run = Self { lineup, figures };
        once(&mut run)?;
        for number in 0..stage.rounds {
            eprintln!("bench: round {} of {}", number + 1, stage.rounds);
            round(&mut run, number)?;
        }
        Ok(run.figures)
    }

    /// Programs on the disk, and lists of tools in bytes.
    pub(super) fn sizes(&mut self, lists: &[(&'static str, Offer)]) -> Result<()> {
        for server in L::SERVERS {
            let installed = self.lineup.installed(server);
            let bytes: u64 = installed.iter().map(|path| size(path)).sum::<Result<u64>>()?;
            self.figures.add("size", server, megabytes(bytes));
            for (key, offer) in lists {
                let tools = self.lineup.start(server, *offer)?.tools.to_string();
                self.figures.add(key, server, megabytes(tools.len() as u64) * 1e3);
            }
        }
        Ok(())
    }

    /// Starts all servers several times; those started last are returned.
    pub(super) fn starts(&mut self) -> Result<Vec<Running>> {
        let mut samples: Vec<_> =
            L::SERVERS.iter().map(|_| (Samples::default(), Samples::default())).collect();
        let mut all = Vec::new();
        for _ in 0..STARTS {
            all.clear();
            for (server, (start, idle)) in L::SERVERS.iter().zip(&mut samples) {
                let mut session = self.lineup.start(server, Offer::Reading)?;
                start.0.push(milliseconds(session.start));
                let (tool, arguments) = L::smallest(server, 1);
                session.call(tool, &arguments).with_context(|| *server)?;
                idle.0.push(session.memory("VmRSS")? / 1e6);
                all.push(Running { server, session });
            }
        }
        for (server, (start, idle)) in L::SERVERS.iter().zip(&samples) {
            self.figures.add("start", server, start.median());
            self.figures.add("idle", server, idle.median());
        }
        Ok(all)
    }

    /// One call after the other; servers and the service itself take turns.
    pub(super) fn calls(&mut self, all: &mut [Running]) -> Result<()> {
        let mut samples: Vec<_> = all.iter().map(|_| Samples::default()).collect();
        let mut floor = (Samples::default(), Samples::default());
        for first in (0..CALLS).step_by(CALLS_IN_TURN as usize) {
            for (running, samples) in all.iter_mut().zip(&mut samples) {
                if L::few(running.server).is_some_and(|few| first >= few) {
                    continue;
                }
                for id in first + 1..=first + CALLS_IN_TURN {
                    let (tool, arguments) = L::smallest(running.server, id);
                    let elapsed = running.session.call(tool, &arguments)?;
                    samples.0.push(elapsed.as_secs_f64() * 1e6);
                }
            }
            let (p50, p99) = self.lineup.floor_calls(CALLS_IN_TURN)?;
            floor.0.0.push(p50);
            floor.1.0.push(p99);
        }
        for (running, samples) in all.iter().zip(&samples) {
            self.figures.add("call_p50", running.server, samples.percentile(50.0));
            self.figures.add("call_p99", running.server, samples.percentile(99.0));
        }
        self.figures.add("call_p50", L::FLOOR, floor.0.median());
        self.figures.add("call_p99", L::FLOOR, floor.1.median());
        Ok(())
    }

    /// Calls a second, with several of them in flight.
    pub(super) fn floods(&mut self, all: &mut [Running], floods: &[Flood]) -> Result<()> {
        for (in_flight, calls, key) in floods.iter().copied() {
            for Running { server, session } in all.iter_mut() {
                let (tool, arguments) = L::smallest(server, POPULAR);
                let calls = L::few(server).unwrap_or(calls);
                let (rate, cost) = session.flood(tool, &arguments, calls, in_flight)?;
                self.figures.add(key, server, rate);
                if key == COUNTED {
                    self.figures.add("cpu", server, cost);
                }
            }
            let rate = self.lineup.floor_flood(calls, in_flight)?;
            self.figures.add(key, L::FLOOR, rate);
        }
        Ok(())
    }

    /// What they have taken at most, by now.
    pub(super) fn peaks(&mut self, all: &[Running], also: Option<&Session>) -> Result<()> {
        for Running { server, session } in all {
            let mut peak = session.memory("VmHWM")?;
            if let Some(also) = also.filter(|_| L::SERVERS.first() == Some(server)) {
                peak = peak.max(also.memory("VmHWM")?);
            }
            self.figures.add("peak", server, peak / 1e6);
        }
        Ok(())
    }
}

/// What calls brought until there was no next page.
pub(super) struct Pages {
    /// All calls together.
    pub(super) elapsed: Duration,
    /// Lines below the first one and those that name columns.
    pub(super) lines: usize,
    /// Bytes of the largest answer.
    pub(super) largest: u64,
}

impl Pages {
    /// Calls until there is no next page; `heads` lines of each answer are no items.
    pub(super) fn read(
        session: &mut Session,
        (tool, mut arguments): (&'static str, Value),
        heads: usize,
    ) -> Result<Self> {
        let mut all = Self { elapsed: Duration::ZERO, lines: 0, largest: 0 };
        loop {
            all.elapsed += session.call(tool, &arguments)?;
            let text = session.text()?;
            all.largest = all.largest.max(text.len() as u64);
            all.lines += text.lines().skip(heads).count();
            let header = text.lines().next().unwrap_or_default();
            let Some((_, cursor)) = header.split_once("next: cursor ") else { return Ok(all) };
            let end = cursor.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_'));
            arguments["cursor"] = cursor.get(..end.unwrap_or(cursor.len())).into();
        }
    }
}

/// What a program on Node runs on: Node, and the outermost directory of modules around it.
pub(super) fn on_node(node: &Path, program: &Path) -> Vec<PathBuf> {
    let outermost = program.ancestors().filter(|path| path.ends_with("node_modules")).last();
    [Some(node), outermost].into_iter().flatten().map(Path::to_owned).collect()
}

/// A directory for a suite's own files: what earlier runs left is no load of this one.
pub(super) fn directory(stage: &Stage<'_>, name: &str) -> Result<PathBuf> {
    let directory = stage.directory.join(name);
    if directory.exists() {
        std::fs::remove_dir_all(&directory)?;
    }
    std::fs::create_dir_all(&directory)?;
    Ok(directory)
}
