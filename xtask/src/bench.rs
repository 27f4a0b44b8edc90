//! `cargo xtask bench SERVER`: measures one of our servers beside what others built for the same
//! purpose and beside the floor, the fastest program known for the work. All take turns in every
//! round, so that what else the machine does hits them alike; the table shows medians, the spread
//! over the rounds, and ratios taken round by round. What is specific to a server stands in its
//! own file.

mod client;
mod figures;
mod filesystem;
mod floor;
mod github;
mod machine;
mod mongo;
mod postgres;
mod samples;
mod turns;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::json;

use crate::process;
use crate::workspace::Workspace;
use figures::Figures;
use floor::Floor;
pub(crate) use machine::Machine;

/// The measurements of one server.
struct Suite {
    /// The server's name without the project's prefix.
    server: &'static str,
    /// The rows that README.md shows.
    readme: &'static [&'static str],
    measure: fn(&Stage<'_>) -> Result<Figures>,
}

/// What a suite works with.
struct Stage<'a> {
    workspace: &'a Workspace,
    /// The server, built in release mode.
    binary: PathBuf,
    /// For whatever it writes.
    directory: PathBuf,
    rounds: usize,
}

const SUITES: &[Suite] = &[filesystem::SUITE, postgres::SUITE, mongo::SUITE, github::SUITE];

const ROUNDS: usize = 7;
const QUICK_ROUNDS: usize = 2;

pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Result<()> {
    let (mut suite, mut rounds, mut readme) = (None, ROUNDS, false);
    for arg in args {
        match arg.as_str() {
            "--quick" => rounds = QUICK_ROUNDS,
            "--readme" => readme = true,
            name => match SUITES.iter().find(|suite| suite.server == name) {
                Some(known) => suite = Some(known),
                None => bail!("unknown server or option `{name}`; servers: {}", known()),
            },
        }
    }
    let suite = suite.with_context(|| format!("which server? There are {}", known()))?;
    let directory = workspace.target.join("bench");
    fs::create_dir_all(&directory)?;
    let package = format!("lockkeeper-{}", suite.server);
    process::run(&mut workspace.cargo(&["build", "--release", "--package", &package]))?;
    let binary = workspace.target.join("release").join(&package);

    let machine = Machine::look()?;
    let stage = Stage { workspace, binary, directory, rounds };
    let figures = (suite.measure)(&stage)?;

    let command = format!("cargo xtask bench {}", args.join(" "));
    let Machine { date, .. } = &machine;
    let made = format!("{date}, {}. Medians of {rounds} rounds", machine.describe());
    let report = format!(
        "# {package}\n\n`{command}`: {made}, in parentheses least and most; ratios are taken round \
         by round.\n\n{}\n",
        figures.table()
    );
    let data = json!({
        "server": suite.server,
        "date": date,
        "machine": machine.json(),
        "command": command,
        "rounds": rounds,
        "results": figures.json(),
    });
    let file = |extension: &str| stage.directory.join(format!("{}.{extension}", suite.server));
    fs::write(file("md"), &report)?;
    fs::write(file("json"), format!("{data:#}\n"))?;
    process::print(&report)?;
    eprintln!("written to {} and .json", file("md").display());
    let missed = figures.missed();
    if !missed.is_empty() {
        eprintln!("bars missed: {}", missed.join("; "));
    }
    if readme {
        let figures = figures.brief(suite.readme);
        let text = format!("`cargo xtask bench {}`, {made}.\n\n{figures}", suite.server);
        write_figures(&workspace.root.join("README.md"), suite.server, &text)?;
    }
    Ok(())
}

/// Bytes of a file, or of all files in a directory.
fn size(path: &Path) -> Result<u64> {
    let metadata = fs::symlink_metadata(path)?;
    if !metadata.is_dir() {
        return Ok(metadata.len());
    }
    fs::read_dir(path)?.map(|entry| size(&entry?.path())).sum()
}

#[expect(clippy::cast_precision_loss, reason = "sizes far below 2^52")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

fn known() -> String {
    SUITES.iter().map(|suite| suite.server).collect::<Vec<_>>().join(", ")
}

/// Replaces what stands between the marks of this name.
pub(crate) fn write_figures(path: &Path, name: &str, figures: &str) -> Result<()> {
    let text = fs::read_to_string(path)?;
    let text = replaced(&text, name, figures)
        .with_context(|| format!("`{}` has no place for the figures", path.display()))?;
    fs::write(path, text)?;
    Ok(())
}

fn replaced(text: &str, name: &str, figures: &str) -> Option<String> {
    let (begin, end) =
        (format!("<!-- figures: {name} -->\n"), format!("<!-- end of figures: {name} -->"));
    let (before, rest) = text.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}{}\n{end}{after}", figures.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::replaced;

    #[test]
    fn figures_replace_what_stands_between_their_marks() {
        let text = "a\n<!-- figures: x -->\nold\n<!-- end of figures: x -->\nb\n";
        let new = "a\n<!-- figures: x -->\nnew\n<!-- end of figures: x -->\nb\n";
        assert_eq!(replaced(text, "x", "new\n").as_deref(), Some(new));
        assert_eq!(replaced(text, "y", "new"), None);
    }
}
