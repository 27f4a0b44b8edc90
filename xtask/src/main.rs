//! The project's own commands, run as `cargo xtask COMMAND`. Each has a file of its own; what it
//! takes is parsed there by hand, so that this builds in seconds on a fresh clone. Nothing here
//! is part of a server.
#![expect(
    clippy::disallowed_methods,
    reason = "build tool: it starts processes, reads the environment, writes files and stdout"
)]
#![expect(clippy::print_stderr, reason = "build tool: it tells a person how far it is")]
#![expect(clippy::indexing_slicing, reason = "indexing a JSON value by key yields null, no panic")]

mod bench;
mod ci;
mod counterparts;
mod demo;
mod emulated;
mod process;
mod stress;
mod test;
mod workspace;

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::workspace::Workspace;

const HELP: &str = "\
cargo xtask COMMAND

  demo [SERVER] [--plain|--color]
      Build each server (or just SERVER) in release mode, start it as an agent host does, and
      print a session with it: what is asked, what comes back, how long and how big it is.

  test [--without NAME]... [-- ARGS...]
      Fetch what the tests need, build the servers and run all tests. ARGS go to cargo-nextest,
      or to `cargo test` where that is not installed; with ARGS, doc tests are left out.
      --without leaves out the tests that need the counterpart NAME.

  bench filesystem|postgres|mongo|github [--quick] [--readme]
      Build the server in release mode, fetch what others built for the same purpose, and measure
      both in one run over generated data. Prints a table; it and every sample go to
      target/bench. --quick: fewer rounds. --readme: also writes the figures into README.md.

  stress [--quick] [--seconds N] [--seed N] [--readme]
      Build servers in release mode and put them under load, with an upstream that fails in every
      way: 1,000 calls at once, 50 siblings, 10 minutes of mixed faults. Prints what was promised
      and what was measured, and fails if a promise is broken. --quick: half a minute of it.
      --seed: the same mix again. --readme: also writes the table into docs/stress.md.

  ci  Check the format, run clippy with warnings denied, then run all tests.

  counterparts [--without NAME]...
      Fetch the programs of others that tests run against into target/counterparts:
      python (the official Python client), node, inspector (the official Inspector),
      postgres (PostgreSQL 16 and 18), postgres-15 (with contrib extensions).
      mongo (SecantusDB, which speaks MongoDB's wire protocol).

  help
      Show this text.
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[String]) -> Result<()> {
    let Some((command, args)) = args.split_first() else {
        bail!("which command?\n\n{HELP}");
    };
    if matches!(command.as_str(), "help" | "--help" | "-h")
        || args.iter().take_while(|arg| *arg != "--").any(|arg| arg == "--help" || arg == "-h")
    {
        return process::print(HELP);
    }
    let workspace = Workspace::load()?;
    match command.as_str() {
        "demo" => demo::run(&workspace, args),
        "test" => test::run(&workspace, args),
        "bench" => bench::run(&workspace, args),
        "stress" => stress::run(&workspace, args),
        "ci" => ci::run(&workspace, args),
        "counterparts" => counterparts::run(&workspace, args),
        unknown => bail!("unknown command `{unknown}`\n\n{HELP}"),
    }
}
