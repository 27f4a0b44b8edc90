//! `cargo xtask stress`: load and faults for the release build. What is done, and what is judged, is
//! in `tests/stress`: a program of its own, so that it is optimized like what it drives. This builds
//! it and its servers, runs it, and puts its table where people find it.

use std::fs;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::bench::{Machine, write_figures};
use crate::process;
use crate::workspace::Workspace;

/// What a person waits for who wants to know whether something is broken at all.
const QUICK: &[&str] =
    &["--seconds", "20", "--calls", "500", "--siblings", "10", "--rate", "400", "--rounds", "10"];

pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Result<()> {
    let (mut more, mut readme) = (Vec::new(), false);
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        match arg.as_str() {
            "--quick" => more.extend(QUICK.iter().map(|&arg| arg.to_owned())),
            "--readme" => readme = true,
            "--seconds" | "--seed" => {
                let value = rest.next().with_context(|| format!("`{arg}` needs a number"))?;
                more.extend([arg.clone(), value.clone()]);
            }
            unknown => bail!("unknown option `{unknown}`"),
        }
    }
    let packages = ["--package", "e2e", "--bin", "stress", "--bin", "fixture"];
    process::run(workspace.cargo(&["build", "--release"]).args(packages))?;
    let server = ["build", "--release", "--package", "lockkeeper-filesystem"];
    process::run(&mut workspace.cargo(&server))?;

    let directory = workspace.target.join("stress");
    let written = directory.join("run");
    if written.exists() {
        fs::remove_dir_all(&written)?;
    }
    fs::create_dir_all(&written)?;
    let machine = Machine::look()?;
    let release = workspace.target.join("release");
    let mut command = Command::new(release.join("stress"));
    command.arg("--fixture").arg(release.join("fixture"));
    command.arg("--filesystem").arg(release.join("lockkeeper-filesystem"));
    command.arg("--directory").arg(&written).args(more).stderr(Stdio::inherit());
    let output = command.output().context("cannot start the driver")?;
    let table = String::from_utf8_lossy(&output.stdout).into_owned();
    let command = format!("`cargo xtask stress {}`", args.join(" ")).replace(" `", "`");
    let text = format!("{command}, {}, {}.\n\n{}", machine.date, machine.describe(), table);
    let report = directory.join("stress.md");
    fs::write(&report, &text)?;
    process::print(&text)?;
    eprintln!(
        "written to {}; what the servers wrote is in {}",
        report.display(),
        written.display()
    );
    if !output.status.success() {
        bail!("promises are broken");
    }
    if readme {
        write_figures(&workspace.root.join("docs").join("stress.md"), "stress", &text)?;
    }
    Ok(())
}
