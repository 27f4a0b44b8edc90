//! A client that costs as little as possible, so that what is measured is the server: it writes
//! prepared lines and reads lines in one thread, and parses them after the clock has stopped. The
//! test kit's client is friendlier, but keeps all that was said and hands lines between threads.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

use super::machine;

/// A server that is silent for so many milliseconds is killed, and what it was asked has failed.
const PATIENCE: u64 = 60_000;
/// Ticks of the processor times in `/proc`, by the kernel's interface the same everywhere.
const TICKS_PER_SECOND: f64 = 100.0;

/// A session with a running server, in the protocol era that all servers speak.
pub(super) struct Session {
    server: Arc<Server>,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    last_id: u64,
    line: Vec<u8>,
    /// From the start of the process to the answer to the first `tools/list`.
    pub(super) start: Duration,
    pub(super) tools: Value,
}

impl Session {
    /// Starts a server and lists its tools; its stderr goes to `log`.
    pub(super) fn start(mut command: Command, log: &Path) -> Result<Self> {
        let log =
            File::create(log).with_context(|| format!("cannot create `{}`", log.display()))?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log);
        let started = Instant::now();
        let mut child = command
            .spawn()
            .with_context(|| format!("cannot start `{}`", command.get_program().display()))?;
        let stdin = child.stdin.take().context("no stdin")?;
        let stdout =
            BufReader::with_capacity(256 * 1024, child.stdout.take().context("no stdout")?);
        let mut session = Self {
            server: Server::watch(child, started),
            stdin,
            stdout,
            last_id: 0,
            line: Vec::new(),
            start: Duration::ZERO,
            tools: Value::Null,
        };
        session.request(
            "initialize",
            &json!({
                "protocolVersion": "2025-11-25",
                "capabilities": {},
                "clientInfo": { "name": "lockkeeper-bench", "version": env!("CARGO_PKG_VERSION") },
            }),
        )?;
        session.send(b"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n")?;
        session.request("tools/list", &json!({}))?;
        session.start = started.elapsed();
        session.tools = session.reply()?["result"]["tools"].take();
        ensure!(session.tools.is_array(), "the server lists no tools");
        Ok(session)
    }

    /// Calls a tool and returns how long that took. What came is in [`Session::line`]. An answer
    /// that is an error is one here.
    pub(super) fn call(&mut self, tool: &str, arguments: &Value) -> Result<Duration> {
        let params = json!({ "name": tool, "arguments": arguments });
        let elapsed = self.request("tools/call", &params)?;
        let ends = [self.line.get(..128), self.line.get(self.line.len().saturating_sub(128)..)];
        let ends = ends.map(|end| end.unwrap_or(&self.line));
        if ends.iter().any(|end| contains(end, b"rror\":")) {
            let reply = self.reply()?;
            if reply["result"]["isError"] == true || reply.get("error").is_some() {
                let text = reply["result"]["content"][0]["text"].as_str();
                let text = text.or(reply["error"]["message"].as_str()).unwrap_or("an error");
                bail!("{}", text.lines().next().unwrap_or_default());
            }
        }
        Ok(elapsed)
    }

    /// Makes `calls` equal calls with `in_flight` of them unanswered at any time; returns how
    /// many were answered in a second and what each cost the server in processor microseconds.
    pub(super) fn flood(
        &mut self,
        tool: &str,
        arguments: &Value,
        calls: u32,
        in_flight: u32,
    ) -> Result<(f64, f64)> {
        let params = json!({ "name": tool, "arguments": arguments });
        let lines: Vec<Vec<u8>> = (0..calls).map(|_| self.message("tools/call", &params)).collect();
        let before = self.processor_seconds()?;
        let start = Instant::now();
        let mut waiting = lines.iter();
        for line in waiting.by_ref().take(in_flight as usize) {
            self.send(line)?;
        }
        for _ in 0..calls {
            self.receive()?;
            if let Some(line) = waiting.next() {
                self.send(line)?;
            }
        }
        let seconds = start.elapsed().as_secs_f64();
        let calls = f64::from(calls);
        Ok((calls / seconds, (self.processor_seconds()? - before) * 1e6 / calls))
    }

    /// Whether the server runs on.
    pub(super) fn is_alive(&self) -> bool {
        let mut child = self.server.child.lock().unwrap_or_else(PoisonError::into_inner);
        child.try_wait().is_ok_and(|status| status.is_none())
    }

    /// The text of the last answer.
    pub(super) fn text(&self) -> Result<String> {
        let reply = self.reply()?;
        let text = reply["result"]["content"][0]["text"].as_str();
        Ok(text.context("the answer has no text")?.to_owned())
    }

    fn reply(&self) -> Result<Value> {
        Ok(serde_json::from_slice(&self.line)?)
    }

    /// Memory of the server in bytes: `VmRSS` now, `VmHWM` at most so far.
    pub(super) fn memory(&self, key: &str) -> Result<f64> {
        let line = machine::field(&format!("/proc/{}/status", self.server.id), key)?;
        let kibibytes = line.trim_end_matches(" kB");
        Ok(kibibytes.parse::<f64>()? * 1024.0)
    }

    fn processor_seconds(&self) -> Result<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.server.id))?;
        // The name of the program, in parentheses, may contain spaces.
        let (_, rest) = stat.rsplit_once(')').context("no name in `stat`")?;
        let times = rest.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
        Ok(times.sum::<Result<f64, _>>()? / TICKS_PER_SECOND)
    }

    fn request(&mut self, method: &str, params: &Value) -> Result<Duration> {
        let message = self.message(method, params);
        let id = format!("\"id\":{}", self.last_id).into_bytes();
        let start = Instant::now();
        self.send(&message)?;
        loop {
            self.receive()?;
            let elapsed = start.elapsed();
            // The id stands at one of the ends; a notification of the server has none.
            let head = self.line.get(..64).unwrap_or(&self.line);
            let tail = self.line.len().saturating_sub(64);
            if contains(head, &id) || contains(&self.line[tail..], &id) {
                return Ok(elapsed);
            }
        }
    }

    fn message(&mut self, method: &str, params: &Value) -> Vec<u8> {
        self.last_id += 1;
        let message =
            json!({ "jsonrpc": "2.0", "id": self.last_id, "method": method, "params": params });
        let mut line = message.to_string().into_bytes();
        line.push(b'\n');
        line
    }

    fn send(&mut self, line: &[u8]) -> Result<()> {
        self.stdin.write_all(line).context("the server reads no more")
    }

    fn receive(&mut self) -> Result<()> {
        self.line.clear();
        self.server.waits(true);
        let read = self.stdout.read_until(b'\n', &mut self.line);
        self.server.waits(false);
        ensure!(read? > 0, "the server ended, or was silent for {} s", PATIENCE / 1000);
        Ok(())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.server.kill();
    }
}

/// The process, and since when an answer is awaited from it.
struct Server {
    id: u32,
    child: Mutex<Child>,
    started: Instant,
    /// Milliseconds after the start, plus one; 0 if nothing is awaited.
    waiting_since: AtomicU64,
}

impl Server {
    /// With a thread that kills it when it is silent for too long. Looking at a number costs the
    /// client less than a wait with an end.
    fn watch(child: Child, started: Instant) -> Arc<Self> {
        let id = child.id();
        let child = Mutex::new(child);
        let server = Arc::new(Self { id, child, started, waiting_since: AtomicU64::new(0) });
        let watched = Arc::downgrade(&server);
        thread::spawn(move || {
            while let Some(server) = watched.upgrade() {
                let since = server.waiting_since.load(Ordering::Relaxed);
                if since > 0 && server.milliseconds().saturating_sub(since) > PATIENCE {
                    server.kill();
                }
                drop(server);
                thread::sleep(Duration::from_secs(1));
            }
        });
        server
    }

    fn waits(&self, waits: bool) {
        let since = if waits { self.milliseconds() } else { 0 };
        self.waiting_since.store(since, Ordering::Relaxed);
    }

    fn milliseconds(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(1)
    }

    fn kill(&self) {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        // It may have ended by itself.
        drop(child.kill());
        drop(child.wait());
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
