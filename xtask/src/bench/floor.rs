//! A driver alone, in a process of its own: one of the programs of `tests/floors`. It reads what to
//! measure from its stdin, a line each, and answers with numbers.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};

use crate::process;
use crate::workspace::Workspace;

pub(super) struct Floor {
    name: &'static str,
    process: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Floor {
    /// Builds the program and starts it on a database.
    pub(super) fn start(workspace: &Workspace, name: &'static str, url: &str) -> Result<Self> {
        let build = ["build", "--release", "--package", "floors", "--bin", name];
        process::run(&mut workspace.cargo(&build))?;
        let mut command = Command::new(workspace.target.join("release").join(name));
        let mut process = command.arg(url).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let stdin = process.stdin.take().context("no stdin")?;
        let stdout = BufReader::new(process.stdout.take().context("no stdout")?);
        Ok(Self { name, process, stdin, stdout })
    }

    /// The numbers that a measurement gives.
    pub(super) fn ask(&mut self, what: &str) -> Result<Vec<f64>> {
        writeln!(self.stdin, "{what}")?;
        let mut answer = String::new();
        ensure!(self.stdout.read_line(&mut answer)? > 0, "`{}` ended", self.name);
        answer.split_whitespace().map(|number| Ok(number.parse()?)).collect()
    }

    /// The same where it gives at least one number, or the first.
    pub(super) fn number(&mut self, what: &str) -> Result<f64> {
        let [number, ..] = self.ask(what)?[..] else { bail!("`{}` said nothing", self.name) };
        Ok(number)
    }

    /// The same where it gives at least two.
    pub(super) fn two(&mut self, what: &str) -> Result<(f64, f64)> {
        let answer = self.ask(what)?;
        let [first, second, ..] = answer[..] else { bail!("`{}` said {answer:?}", self.name) };
        Ok((first, second))
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
