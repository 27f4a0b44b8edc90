//! Running programs and saying clearly which one failed.

use std::io::{self, Write as _};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

/// How much of a failed program's output an error repeats.
const LINES_OF_FAILURE: usize = 30;

/// Runs a program whose output the user sees.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let name = describe(command);
    let status = command.status().with_context(|| format!("cannot start `{name}`"))?;
    if !status.success() {
        bail!("`{name}` failed with {status}");
    }
    Ok(())
}

/// Runs a program silently and returns its stdout; the error has the end of its output.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let name = describe(command);
    let output =
        command.stdin(Stdio::null()).output().with_context(|| format!("cannot start `{name}`"))?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        let said = format!("{stdout}{}", String::from_utf8_lossy(&output.stderr));
        let said: Vec<&str> = said.lines().collect();
        let end = said.get(said.len().saturating_sub(LINES_OF_FAILURE)..).unwrap_or_default();
        bail!("`{name}` failed with {}:\n{}", output.status, end.join("\n"));
    }
    Ok(stdout)
}

/// Runs a step under a heading and says how long it took.
pub(crate) fn step(name: &str, work: impl FnOnce() -> Result<()>) -> Result<()> {
    eprintln!("── {name}");
    let start = Instant::now();
    work().with_context(|| format!("step `{name}`"))?;
    eprintln!("── {name}: done in {:.1} s", start.elapsed().as_secs_f64());
    Ok(())
}

/// Writes to stdout; a reader that has seen enough, such as `head`, is no error.
pub(crate) fn print(text: &str) -> Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

fn describe(command: &Command) -> String {
    let args = command.get_args().map(|arg| format!(" {}", arg.display()));
    format!("{}{}", command.get_program().display(), args.collect::<String>())
}
