//! Servers under load, with an upstream that fails in every way at once: what `cargo xtask stress`
//! runs, and in a short form the tests. It drives real binaries over pipes as hosts do, looks at the
//! upstream for what they did there, prints a table of promises, and fails if one is broken.
#![expect(clippy::disallowed_methods, reason = "it reads /proc and the log that servers wrote")]
#![expect(
    clippy::disallowed_macros,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "it prints a table for people"
)]
#![expect(clippy::indexing_slicing, reason = "indexing a JSON value by key yields null, no panic")]

mod breaker;
mod crowd;
mod host;
mod mixed;
mod process;
mod report;
mod silence;
mod slots;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use clap::Parser;
use lockkeeper_testkit::fault::HttpProxy;
use lockkeeper_testkit::notes::NotesService;

use crate::report::Report;

/// Load and faults for connector servers
#[derive(Parser)]
struct Options {
    /// The fixture connector's binary
    #[arg(long)]
    fixture: PathBuf,
    /// The filesystem server's binary; without it, what needs no upstream is done with the fixture
    #[arg(long)]
    filesystem: Option<PathBuf>,
    /// An empty directory for what servers write
    #[arg(long)]
    directory: PathBuf,
    /// How long faults are mixed
    #[arg(long, default_value_t = 600, overrides_with = "seconds")]
    seconds: u64,
    /// Calls at once
    #[arg(long, default_value_t = 1_000)]
    calls: u64,
    /// Processes of the same server
    #[arg(long, default_value_t = 50)]
    siblings: u64,
    /// Calls started in a second by all siblings together
    #[arg(long, default_value_t = 1_000)]
    rate: u64,
    /// Rounds in which a slot is to become free
    #[arg(long, default_value_t = 50)]
    rounds: u64,
    /// The machine does other things too: judge times by their median, not by the worst
    #[arg(long)]
    lenient: bool,
    /// A seed that was printed, for the same mix again
    #[arg(long)]
    seed: Option<u64>,
}

/// What all parts work with.
struct Stage {
    options: Options,
    seed: u64,
    notes: NotesService,
    proxy: HttpProxy,
}

type Part = fn(&Stage, &mut Report) -> io::Result<()>;

fn main() -> ExitCode {
    match run(Options::parse()) {
        Ok(report) => {
            println!("{}", report.table());
            for broken in report.broken() {
                eprintln!("broken: {broken}");
            }
            if report.broken().is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("stress: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: Options) -> io::Result<Report> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let seed = options.seed.unwrap_or(u64::from(since.subsec_micros()));
    let notes = NotesService::start()?;
    let proxy = HttpProxy::start(notes.address())?;
    let stage = Stage { options, seed, notes, proxy };
    let mut report = Report::new(seed);
    let parts: [(&str, Part); 5] = [
        ("many calls at once", crowd::run),
        ("slots of cancelled reads", slots::run),
        ("an upstream that never answers", silence::run),
        ("an upstream that fails and comes back", breaker::run),
        ("mixed faults", mixed::run),
    ];
    for (name, part) in parts {
        eprintln!("── {name} (seed {seed})");
        stage.proxy.heal();
        part(&stage, &mut report)?;
    }
    Ok(report)
}

impl Stage {
    /// Where servers find the upstream.
    fn upstream(&self) -> String {
        format!("http://{}", self.proxy.address())
    }

    /// What a time that was measured often is judged by.
    fn judged(&self, times: &report::Times) -> Duration {
        if self.options.lenient { times.at(50.0) } else { times.most() }
    }
}
