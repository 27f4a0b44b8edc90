//! `init`: a file of settings to begin with, made after a look at the source. It only reads, and names
//! what there is, so that whoever answers for it strikes out lines instead of guessing names.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::Args;

use super::{Given, Served, in_runtime, say};
use crate::config::Process;
use crate::ongoing::Ongoing;
use crate::server::{Server, StartError, Surveyed};
use crate::text::count;

/// So many patterns are written out; more is a matter for patterns that match many.
const MOST: usize = 500;

#[derive(Args)]
pub(super) struct Init<O: Args> {
    /// The file to make; it must not be there [default: NAME.toml, here]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    pub(super) given: Given<O>,
}

pub(super) fn run<S: Server>(
    init: Init<S::Options>,
    process: &Process,
) -> Result<ExitCode, StartError> {
    let path = init.output.unwrap_or_else(|| format!("{}.toml", S::NAME).into());
    let path = std::path::absolute(&path).unwrap_or(path);
    let source = toml::Table::try_from(&init.given.options)
        .map_err(|error| StartError::new(format!("the settings can't be written down: {error}")))?;
    let served = Served::<S>::open(init.given, process)?;
    let deadline = Instant::now() + served.pipeline.limits.call_budget;
    let pipeline = &served.pipeline;
    let mut found = Vec::new();
    in_runtime(&pipeline.audit, async {
        found = Ongoing::new(deadline, None).during(S::survey(&pipeline.source)).await?;
        Ok(ExitCode::SUCCESS)
    })?;
    write(&path, &text(S::NAME, &path, &source, &found))?;
    say(&format!(
        "`{}` names {}; strike out what agents are not to see\n  next: {} check --config {}\n",
        path.display(),
        count(found.len() as u64, "resource"),
        S::NAME,
        path.display(),
    ));
    Ok(ExitCode::SUCCESS)
}

#[expect(clippy::disallowed_types, reason = "a file that the user names, outside every scope")]
fn write(path: &Path, text: &str) -> Result<(), StartError> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let made = options.open(path).and_then(|mut file| file.write_all(text.as_bytes()));
    made.map_err(|error| StartError::new(format!("`{}` can't be made: {error}", path.display())))
}

/// The file.
fn text(server: &str, path: &Path, source: &toml::Table, found: &[Surveyed]) -> String {
    let path = path.display();
    let mut out = format!(
        "# Settings of {server}. It reads them with\n#   {server} --config {path}\n\
         # and says with\n#   {server} check --config {path}\n# what they come to.\n"
    );
    let own: toml::Table = source
        .iter()
        .filter(|(_, value)| says(value))
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect();
    if !own.is_empty() {
        let mut table = toml::Table::new();
        table.insert("source".to_owned(), toml::Value::Table(own));
        out.push('\n');
        out.push_str(&table.to_string());
    }
    out.push_str(
        "\n[policy]\n\
         write = false             # true: tools may add and change\n\
         destroy = \"ask\"           # what may lose data for good: never, ask or allow\n\
         secrets = \"redact\"        # credentials in answers; off shows them\n\
         # tools = { deny = [\"some_tool\"] }\n",
    );
    if found.is_empty() {
        out.push_str("\n# [policy.resources]\n# allow = []              # what agents may see\n");
    } else {
        out.push_str(
            "\n# What agents may see: all else doesn't exist for them. These are there today.\n\
             [policy.resources]\nallow = [\n",
        );
        for Surveyed { pattern, note } in found.iter().take(MOST) {
            let pattern = toml::Value::from(pattern.as_str()).to_string();
            let note = note.replace(char::is_control, " ");
            let note = if note.is_empty() { note } else { format!("  # {note}") };
            out.push_str(&format!("    {pattern},{note}\n"));
        }
        out.push_str("]\n");
        if let Some(more) = found.len().checked_sub(MOST + 1) {
            let more = count(more as u64 + 1, "more");
            out.push_str(&format!("# and {more}: patterns with * match many\n"));
        }
        out.push_str("# deny = []               # wins over allow\n");
    }
    out.push_str(
        "\n# [limits]\n# max_output = \"24kB\"     # of an answer\n# rate = \"300/min\"         # of calls\n\
         # write_rate = \"20/min\"    # of those that change something\n",
    );
    out
}

/// Whether a value is more than its default: an empty one or `false` says nothing.
fn says(value: &toml::Value) -> bool {
    match value {
        toml::Value::Boolean(on) => *on,
        toml::Value::Array(items) => !items.is_empty(),
        toml::Value::Table(fields) => !fields.is_empty(),
        toml::Value::String(text) => !text.is_empty(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_toml_that_names_what_was_found() {
        let source = toml::toml! { roots = ["/srv/\"x\""]
            allow_git = false
        };
        let found = |n: usize| {
            let one = |n| Surveyed { pattern: format!("a\"{n}"), note: "x\ny # z".to_owned() };
            (0..n).map(one).collect::<Vec<_>>()
        };
        for n in [0, 1, 501] {
            let text = text("lockkeeper-x", Path::new("/a/b.toml"), &source, &found(n));
            let read: toml::Table = text.parse().unwrap();
            assert_eq!(read["source"].as_table().unwrap().len(), 1, "{text}");
            assert_eq!(read["policy"]["write"].as_bool(), Some(false));
            let allowed = read["policy"]
                .get("resources")
                .map_or(0, |all| all["allow"].as_array().unwrap().len());
            assert_eq!(allowed, n.min(500));
            assert_eq!(text.contains("and 1 more"), n == 501, "{text}");
        }
    }
}
