//! Builds one server in release mode and shows how far cargo is: one line that is rewritten on a
//! terminal, a line now and then elsewhere.

use std::collections::BTreeSet;
use std::io::{self, BufRead as _, BufReader, IsTerminal as _, Read};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::process;
use crate::workspace::Workspace;

/// How often the line changes on a terminal, and how often a line is written elsewhere.
const REDRAW: Duration = Duration::from_millis(200);
const REPORT: Duration = Duration::from_secs(10);

/// Returns the path of the binary.
pub(super) fn build(workspace: &Workspace, package: &str) -> Result<PathBuf> {
    let mut progress = Progress::start(package);
    let total = count_packages(workspace, package);

    let args = ["build", "--profile", "demo", "--package", package];
    let mut command = workspace.cargo(&args);
    command.arg("--message-format=json-render-diagnostics");
    command.env("CARGO_TERM_COLOR", "never").env("CARGO_TERM_PROGRESS_WHEN", "never");
    let mut cargo = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot start cargo")?;
    let (sender, events) = mpsc::channel();
    forward(cargo.stdout.take(), sender.clone(), Event::Message);
    forward(cargo.stderr.take(), sender, Event::Status);

    let (mut done, mut status, mut said) = (BTreeSet::new(), String::new(), String::new());
    let mut binary = None;
    loop {
        match events.recv_timeout(REDRAW) {
            Ok(Event::Message(line)) => {
                let message: Value = serde_json::from_str(&line).unwrap_or_default();
                if message["reason"] == "compiler-artifact" {
                    done.insert(message["package_id"].to_string());
                    binary = message["executable"].as_str().map(PathBuf::from).or(binary);
                }
            }
            Ok(Event::Status(line)) => {
                line.trim().clone_into(&mut status);
                said.push_str(&line);
                said.push('\n');
            }
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
        }
        progress.show(done.len(), total, &status);
    }
    if !cargo.wait()?.success() {
        progress.clear();
        bail!("{package} does not build:\n{said}");
    }
    progress.finish();
    binary.with_context(|| format!("{package} has no binary"))
}

enum Event {
    /// A line of JSON on cargo's stdout.
    Message(String),
    /// A line on its stderr: what it is doing, or what is wrong.
    Status(String),
}

fn forward(
    pipe: Option<impl Read + Send + 'static>,
    sender: Sender<Event>,
    event: fn(String) -> Event,
) {
    let Some(pipe) = pipe else { return };
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            if sender.send(event(line)).is_err() {
                return;
            }
        }
    });
}

/// How many packages the build consists of, if that can be told.
fn count_packages(workspace: &Workspace, package: &str) -> Option<usize> {
    let args = ["tree", "--package", package, "--edges", "normal,build", "--prefix", "none"];
    let tree = process::output(workspace.cargo(&args).args(["--format", "{p}"])).ok()?;
    let packages: BTreeSet<&str> =
        tree.lines().filter_map(|line| line.split(" (").next()).collect();
    Some(packages.len())
}

struct Progress<'a> {
    package: &'a str,
    terminal: bool,
    start: Instant,
    shown: Option<Instant>,
}

impl<'a> Progress<'a> {
    fn start(package: &'a str) -> Self {
        let terminal = io::stderr().is_terminal();
        if !terminal {
            eprintln!("building {package} in release mode");
        }
        Self { package, terminal, start: Instant::now(), shown: None }
    }

    fn show(&mut self, done: usize, total: Option<usize>, status: &str) {
        let interval = if self.terminal { REDRAW } else { REPORT };
        if self.shown.unwrap_or(self.start).elapsed() < interval {
            return;
        }
        self.shown = Some(Instant::now());
        let of = total.map(|total| format!("/{total}")).unwrap_or_default();
        let seconds = self.start.elapsed().as_secs();
        let line = format!("building {}  {done}{of} crates  {seconds} s  {status}", self.package);
        if self.terminal {
            // Longer lines would wrap, and a wrapped line cannot be rewritten.
            let line: String = line.chars().take(79).collect();
            eprint!("\r\x1b[2K{line}");
        } else {
            eprintln!("{line}");
        }
    }

    fn finish(&self) {
        self.clear();
        eprintln!("built {} in {:.1} s", self.package, self.start.elapsed().as_secs_f64());
    }

    fn clear(&self) {
        if self.terminal {
            eprint!("\r\x1b[2K");
        }
    }
}
