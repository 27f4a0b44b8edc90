//! File servers: ours, the reference server, the fastest other one, and `rg` as the floor of
//! searches. All see the same generated tree; what ours finds must be as many as `rg` finds.

mod corpus;
mod rows;
mod servers;

use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::client::Session;
use super::figures::Figures;
use super::samples::Samples;
use super::{Stage, Suite, megabytes, milliseconds, size};
use corpus::{CROWD, Corpus};
use servers::{Ask, OURS, REFERENCE, RG, RUST, Servers};

pub(super) const SUITE: Suite = Suite { server: "filesystem", readme: rows::README, measure };

/// In the order in which they take turns.
const SERVERS: [&str; 3] = [OURS, REFERENCE, RUST];

const STARTS: usize = 5;
const READS: usize = 2_000;
const READS_IN_TURN: usize = 100;
const TAILS: usize = 20;
const LISTS: usize = 5;
const SEARCHES: usize = 3;
/// Calls in flight, how many calls are made so, and the row of their rate.
const FLOODS: [(u32, u32, &str); 4] =
    [(1, 2_000, "rate_1"), (8, 4_000, "rate_8"), (32, 4_000, "rate_32"), (64, 10_000, "rate_64")];
/// Rounds in which others do what takes them seconds.
const SLOW_ROUNDS: usize = 2;
/// The largest answers that ours gives, for reading many pages.
const WIDE: &[&str] = &["--max-output", "100kB"];

fn measure(stage: &Stage<'_>) -> Result<Figures> {
    let servers = Servers::fetch(stage, Corpus::ensure(&stage.directory)?)?;
    let figures = Figures::new(rows::MEASURES, servers.subjects());
    let mut run = Run { servers, figures };
    run.sizes()?;
    run.compare_counts()?;
    for round in 0..stage.rounds {
        eprintln!("bench: round {} of {}", round + 1, stage.rounds);
        run.round(round < SLOW_ROUNDS)?;
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
    fn round(&mut self, slow: bool) -> Result<()> {
        self.first_starts()?;
        let mut all = self.starts()?;
        self.reads(&mut all)?;
        for (in_flight, calls, key) in FLOODS {
            for running in &mut all {
                self.flood(running, (in_flight, calls), key)?;
            }
        }
        for running in &mut all {
            self.repeat(running, "tail", Ask::Tail, TAILS)?;
        }
        let mut wide = self.servers.start(OURS, WIDE)?;
        self.lists(&mut all, &mut wide)?;

        for (key, ask) in [
            ("glob_rare", Ask::RareGlob),
            ("glob_common", Ask::CommonGlob),
            ("needle", Ask::Needle),
            ("common", Ask::Common),
            ("abundant", Ask::Abundant),
            ("count_common", Ask::CountCommon),
            ("count_abundant", Ask::CountAbundant),
        ] {
            for running in &mut all {
                if running.server == OURS {
                    self.beside_rg(key, ask, SEARCHES, |servers| one(running, servers, ask))?;
                } else if slow {
                    self.repeat(running, key, ask, 1)?;
                }
            }
        }
        for (key, ask) in [
            ("glob_pages", Ask::CommonGlob),
            ("common_pages", Ask::Common),
            ("abundant_pages", Ask::Abundant),
        ] {
            self.beside_rg(key, ask, 1, |servers| pages(&mut wide, servers, ask, |_| Ok(())))?;
        }

        for Running { server, session } in &all {
            let mut peak = session.memory("VmHWM")?;
            if *server == OURS {
                peak = peak.max(wide.memory("VmHWM")?);
            }
            self.figures.add("peak", server, peak / 1e6);
        }
        Ok(())
    }

    /// Starts each server once with its program on the disk only.
    fn first_starts(&mut self) -> Result<()> {
        for server in SERVERS {
            for path in self.servers.installed(server) {
                if path.is_file() {
                    forget(path)?;
                }
            }
            let session = self.servers.start(server, &[])?;
            self.figures.add("start_first", server, milliseconds(session.start));
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
                let session = self.servers.start(server, &[])?;
                start.0.push(milliseconds(session.start));
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

    /// One small read after the other; servers take turns every hundred.
    fn reads(&mut self, all: &mut [Running]) -> Result<()> {
        let mut samples = SERVERS.map(|_| Samples::default());
        for _ in 0..READS / READS_IN_TURN {
            for (running, samples) in all.iter_mut().zip(&mut samples) {
                for _ in 0..READS_IN_TURN {
                    let elapsed = one(running, &self.servers, Ask::Read)?;
                    samples.0.push(elapsed.as_secs_f64() * 1e6);
                }
            }
        }
        for (running, samples) in all.iter().zip(&samples) {
            self.figures.add("read_p50", running.server, samples.percentile(50.0));
            self.figures.add("read_p99", running.server, samples.percentile(99.0));
        }
        Ok(())
    }

    fn flood(
        &mut self,
        running: &mut Running,
        (in_flight, calls): (u32, u32),
        key: &'static str,
    ) -> Result<()> {
        let Running { server, session } = running;
        let (tool, arguments) = self.servers.call(server, Ask::Read).map_err(anyhow::Error::msg)?;
        let (rate, cost) = session.flood(tool, &arguments, calls, in_flight)?;
        self.figures.add(key, server, rate);
        if key == "rate_64" {
            self.figures.add("cpu", server, cost);
        }
        Ok(())
    }

    /// Asks a server several times. What others can't do goes into the table.
    fn repeat(
        &mut self,
        running: &mut Running,
        key: &'static str,
        ask: Ask,
        times: usize,
    ) -> Result<()> {
        let server = running.server;
        if self.figures.has_failed(key, server) {
            return Ok(());
        }
        let mut samples = Samples::default();
        for _ in 0..times {
            match one(running, &self.servers, ask) {
                Ok(elapsed) => samples.0.push(milliseconds(elapsed)),
                Err(error) if server == OURS => return Err(error),
                Err(error) => {
                    self.figures.fail(key, server, format!("{error:#}"));
                    if !running.session.is_alive() {
                        running.session = self.servers.start(server, &[])?;
                    }
                    return Ok(());
                }
            }
        }
        self.figures.add(key, server, samples.median());
        Ok(())
    }

    /// All entries of a large directory: of ours by pages, of others in one answer.
    fn lists(&mut self, all: &mut [Running], wide: &mut Session) -> Result<()> {
        for running in all {
            if running.server != OURS {
                self.repeat(running, "list", Ask::List, LISTS)?;
                continue;
            }
            let mut samples = Samples::default();
            for _ in 0..LISTS {
                samples.0.push(milliseconds(pages(wide, &self.servers, Ask::List, |_| Ok(()))?));
            }
            self.figures.add("list", OURS, samples.median());
        }
        Ok(())
    }

    /// Lets ours and `rg` take turns.
    fn beside_rg(
        &mut self,
        key: &'static str,
        ask: Ask,
        times: usize,
        mut ours: impl FnMut(&Servers) -> Result<Duration>,
    ) -> Result<()> {
        let (mut own, mut floor) = (Samples::default(), Samples::default());
        for _ in 0..times {
            own.0.push(milliseconds(ours(&self.servers)?));
            floor.0.push(milliseconds(drain(self.servers.rg(ask))?));
        }
        self.figures.add(key, OURS, own.median());
        self.figures.add(key, RG, floor.median());
        Ok(())
    }

    fn sizes(&mut self) -> Result<()> {
        for server in SERVERS {
            let installed = self.servers.installed(server);
            let bytes: u64 = installed.into_iter().map(size).sum::<Result<u64>>()?;
            self.figures.add("size", server, megabytes(bytes));
            let session = self.servers.start(server, &[])?;
            let tools = |session: &Session| session.tools.to_string().len() as u64;
            self.figures.add("tools", server, megabytes(tools(&session)) * 1e3);
            let session = self.servers.start(server, Servers::writing(server))?;
            self.figures.add("tools_all", server, megabytes(tools(&session)) * 1e3);
        }
        Ok(())
    }

    /// Reads every page of everything once and compares with what `rg` finds.
    fn compare_counts(&mut self) -> Result<()> {
        eprintln!("bench: comparing what is found with what `rg` finds");
        let mut wide = self.servers.start(OURS, WIDE)?;
        let mut entries = 0;
        pages(&mut wide, &self.servers, Ask::List, |text| {
            entries += text.lines().skip(1).count();
            Ok(())
        })?;
        ensure!(entries == CROWD as usize, "{entries} entries listed of {CROWD}");
        for ask in [Ask::RareGlob, Ask::CommonGlob, Ask::Needle, Ask::Common, Ask::Abundant] {
            let is_glob = matches!(ask, Ask::RareGlob | Ask::CommonGlob);
            let is_hit = |line: &str| {
                let number = line.split(':').next().unwrap_or_default();
                is_glob || (!number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
            };
            let (mut ours, mut said) = (0, None);
            pages(&mut wide, &self.servers, ask, |text| {
                let mut lines = text.lines();
                let header = lines.next().unwrap_or_default();
                let digits = header.split(' ').next().unwrap_or_default();
                said = said.or(digits.replace(['[', ','], "").parse::<usize>().ok());
                ours += lines.filter(|line| is_hit(line)).count();
                Ok(())
            })?;
            let found = crate::process::output(&mut self.servers.rg(ask))?;
            let theirs = found.lines().filter(|line| is_hit(line)).count();
            ensure!(
                ours == theirs && said == Some(theirs),
                "`{OURS}` says {said:?} hits and shows {ours}, `rg` {theirs}"
            );
            eprintln!("bench: {ours} found by both");
        }
        Ok(())
    }
}

/// One call and how long it takes.
fn one(running: &mut Running, servers: &Servers, ask: Ask) -> Result<Duration> {
    let (tool, arguments) = servers.call(running.server, ask).map_err(anyhow::Error::msg)?;
    running.session.call(tool, &arguments)
}

/// Calls ours until there is no next page; returns how long the calls took together.
fn pages(
    session: &mut Session,
    servers: &Servers,
    ask: Ask,
    mut see: impl FnMut(&str) -> Result<()>,
) -> Result<Duration> {
    let (tool, mut arguments) = servers.call(OURS, ask).map_err(anyhow::Error::msg)?;
    let mut all = Duration::ZERO;
    loop {
        all += session.call(tool, &arguments)?;
        let text = session.text()?;
        see(&text)?;
        let header = text.lines().next().unwrap_or_default();
        let Some((_, cursor)) = header.split_once("next: cursor ") else { return Ok(all) };
        let end = cursor.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_'));
        arguments["cursor"] = cursor.get(..end.unwrap_or(cursor.len())).into();
    }
}

/// Runs a program to its end; reads what it prints, and returns how long that took.
fn drain(mut command: Command) -> Result<Duration> {
    let start = Instant::now();
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("cannot start `rg`")?;
    let mut stdout = child.stdout.take().context("no stdout")?;
    let mut buffer = vec![0; 256 * 1024];
    while stdout.read(&mut buffer)? > 0 {}
    let status = child.wait()?;
    let elapsed = start.elapsed();
    ensure!(status.success(), "`rg` failed with {status}");
    Ok(elapsed)
}

/// Drops a file from the page cache, as far as the kernel obliges.
fn forget(path: &Path) -> Result<()> {
    let mut dd = Command::new("dd");
    dd.arg(format!("if={}", path.display())).args(["iflag=nocache", "count=0", "status=none"]);
    crate::process::output(&mut dd).map(drop)
}
