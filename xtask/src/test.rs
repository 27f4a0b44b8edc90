//! `cargo xtask test`: everything the tests need, then the tests. The test runner comes last, so
//! that what it says last is what the reader sees.

use anyhow::{Context as _, Result, bail};

use crate::workspace::Workspace;
use crate::{counterparts, process};

/// Where the built servers lie, for tests that start them.
const BINARIES: &str = "LOCKKEEPER_BINARIES";

/// Which counterparts tests do without, separated by commas.
const WITHOUT: &str = "LOCKKEEPER_WITHOUT";

#[derive(Default)]
pub(crate) struct Options {
    without: Vec<String>,
    runner_args: Vec<String>,
}

pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Result<()> {
    all(workspace, &parse(args)?)
}

pub(crate) fn all(workspace: &Workspace, options: &Options) -> Result<()> {
    let mut counterparts = Vec::new();
    let without = counterparts::left_out(&options.without)?;
    process::step("counterparts", || {
        counterparts = counterparts::ensure(workspace, &without)?;
        Ok(())
    })?;
    let run = |args: &[&str], more: &[String]| {
        let mut command = workspace.cargo(args);
        command.args(more).env("INSTA_UPDATE", "no");
        command.env(BINARIES, workspace.target.join("debug")).env(WITHOUT, without.join(","));
        command.envs(counterparts.iter().map(|(variable, path)| (variable, path)));
        process::run(&mut command)
    };

    // This program is left out because it is running.
    let build = ["build", "--workspace", "--exclude", "xtask", "--bins", "--examples"];
    process::step("build", || run(&build, &[]))?;
    let mut runner_args = options.runner_args.clone();
    if runner_args.is_empty() {
        runner_args.push("--no-fail-fast".to_owned());
        process::step("doc tests", || run(&["test", "--doc", "--workspace"], &[]))?;
    } else {
        eprintln!("── doc tests: left out, arguments for the test runner were given");
    }
    process::step("tests", || {
        if workspace.has_subcommand("nextest") {
            run(&["nextest", "run", "--workspace"], &runner_args)
        } else {
            run(&["test", "--workspace", "--tests"], &runner_args)
        }
    })
}

fn parse(args: &[String]) -> Result<Options> {
    let mut options = Options::default();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--without" => {
                options.without.push(args.next().context("--without needs a name")?.clone());
            }
            "--" => options.runner_args = args.by_ref().cloned().collect(),
            unknown => bail!("unknown argument `{unknown}`; the test runner's come after `--`"),
        }
    }
    Ok(options)
}
