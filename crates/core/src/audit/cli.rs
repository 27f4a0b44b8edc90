//! `audit init|verify|tail|query|prune`: what the owner of a log does with it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::SystemTime;

use clap::{Args, Subcommand};
use globset::Glob;
use serde_json::json;

use crate::audit::head::{Locked, PATIENCE, sync_directory};
use crate::audit::keys::Numbered;
use crate::audit::prune::prune;
use crate::audit::query::{Filter, query};
use crate::audit::rules::{Age, AuditSource, Bytes};
use crate::audit::verify::{How, verify};
use crate::cli::{print, say};
use crate::effect::Effect;
use crate::server::StartError;
use crate::time::{parse_rfc3339, rfc3339};

/// What to do with the log.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Turn on keyed mode: from now on nobody on this machine can rewrite what was recorded before
    Init {
        /// Where the first key is written: keep it elsewhere, `verify` needs it
        #[arg(long, value_name = "KEYFILE")]
        to: PathBuf,
        #[command(flatten)]
        place: LogPlace,
    },
    /// Check that the log is as it was written
    ///
    /// Exits with 0 if it is intact, 1 if it was altered, 2 if something is missing or a segment is
    /// unclosed, 3 if it can't be read.
    Verify {
        /// The key that `init` wrote; without it MACs are not checked
        #[arg(long, value_name = "KEYFILE")]
        key: Option<PathBuf>,
        /// Accept segments that running processes still write
        #[arg(long)]
        running: bool,
        #[command(flatten)]
        place: LogPlace,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Show the latest calls
    Tail {
        /// How many
        #[arg(short, value_name = "N", default_value_t = 20)]
        n: usize,
        #[command(flatten)]
        place: LogPlace,
        /// The records themselves
        #[arg(long)]
        json: bool,
    },
    /// Find calls
    Query {
        /// Of this tool (a name or glob)
        #[arg(long, value_name = "NAME")]
        tool: Option<String>,
        /// Since then: a time, a date, or an age such as 2h or 7d
        #[arg(long, value_name = "TIME")]
        since: Option<String>,
        /// With this effect
        #[arg(long, value_name = "EFFECT", value_parser = ["read", "add", "change", "destroy"])]
        effect: Option<String>,
        /// That the policy or a person refused
        #[arg(long)]
        denied: bool,
        /// The latest so many
        #[arg(long, value_name = "N", default_value_t = 1_000)]
        limit: usize,
        #[command(flatten)]
        place: LogPlace,
        /// The records themselves
        #[arg(long)]
        json: bool,
    },
    /// Remove segments that are too old, or too many
    Prune {
        /// What is younger stays [default: 90d]
        #[arg(long, value_name = "AGE")]
        keep: Option<Age>,
        /// As much as this stays [default: 1GB]
        #[arg(long, value_name = "SIZE")]
        max_size: Option<Bytes>,
        #[command(flatten)]
        place: LogPlace,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

/// Where the log is: the same options as the server has.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct LogPlace {
    /// Settings in TOML
    #[arg(long, value_name = "FILE", env = "LOCKKEEPER_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Where audit segments are written [env: `LOCKKEEPER_AUDIT`]
    #[arg(long, value_name = "DIR")]
    pub(crate) audit: Option<PathBuf>,
    /// Where keys and other state are kept
    #[arg(long, value_name = "DIR", env = "LOCKKEEPER_STATE_DIR")]
    pub(crate) state_dir: Option<PathBuf>,
}

impl Command {
    pub(crate) fn place(&self) -> &LogPlace {
        match self {
            Self::Init { place, .. }
            | Self::Verify { place, .. }
            | Self::Tail { place, .. }
            | Self::Query { place, .. }
            | Self::Prune { place, .. } => place,
        }
    }

    /// What the command itself says about how the log is kept.
    pub(crate) fn source(&self) -> AuditSource {
        match self {
            Self::Prune { keep, max_size, .. } => {
                AuditSource { keep: *keep, max_size: *max_size, ..AuditSource::default() }
            }
            _ => AuditSource::default(),
        }
    }
}

/// Runs a command on the log of `server`.
pub(crate) fn run(
    command: Command,
    rules: &super::Rules,
    server: &str,
) -> Result<ExitCode, StartError> {
    let Some(directory) = super::directory(rules, server) else {
        return Err(StartError::new("there is no audit log: it is off, or has no place"));
    };
    let failed = |error: &dyn std::fmt::Display| {
        StartError::new(format!("{}: {error}", directory.display()))
    };
    match command {
        Command::Init { to, .. } => init(&directory, &to),
        Command::Verify { key, running, json, .. } => {
            let key = match key.map(|path| Numbered::read(&path)).transpose() {
                Ok(key) => key,
                Err(error) => {
                    say(&format!("the key can't be read: {error}\n"));
                    return Ok(3.into());
                }
            };
            Ok(verified(&directory, &How { key, running }, json))
        }
        Command::Tail { n, json, .. } => {
            found(&directory, &Filter { limit: n, ..Filter::default() }, json)
                .map_err(|e| failed(&e))
        }
        Command::Query { tool, since, effect, denied, limit, json, .. } => {
            let tool = tool.map(|tool| Glob::new(&tool).map(|glob| glob.compile_matcher()));
            let tool = tool.transpose().map_err(|error| StartError::new(error.to_string()))?;
            let since = since.map(|text| time(&text)).transpose()?;
            let effects = [Effect::Read, Effect::Add, Effect::Change, Effect::Destroy];
            let effect = effects.into_iter().find(|one| Some(one.as_str()) == effect.as_deref());
            let filter = Filter { tool, effect, since, denied, limit };
            found(&directory, &filter, json).map_err(|error| failed(&error))
        }
        Command::Prune { json, .. } => {
            if !directory.exists() {
                return Err(failed(&"there is no audit log"));
            }
            let pruned = prune(&directory, rules.keep).map_err(|error| failed(&error))?;
            if json {
                print(&format!("{}\n", json!({ "pruned": pruned })));
            } else {
                for mark in &pruned {
                    print(&format!("{}: {} records\n", mark.segment, mark.records));
                }
                print(&format!("{} segments removed\n", pruned.len()));
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn init(directory: &Path, to: &Path) -> Result<ExitCode, StartError> {
    let failed = |path: &Path| {
        let path = path.display().to_string();
        move |error: std::io::Error| StartError::new(format!("{path}: {error}"))
    };
    let head = Locked::take(directory, PATIENCE).map_err(failed(directory))?;
    let parent = to.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new(".")).canonicalize().map_err(failed(to))?;
    if parent.starts_with(directory.canonicalize().map_err(failed(directory))?) {
        return Err(StartError::new("the key must be kept elsewhere, not in the audit log"));
    }
    let keep = |first: &Numbered| {
        first.create(to)?;
        sync_directory(&parent)
    };
    head.init(keep).map_err(|error| StartError::new(format!("{}: {error}", to.display())))?;
    print(&format!(
        "keyed from now on: {}\n{} is what `audit verify --key` needs. Move it to another machine; \
         whoever has it can rewrite the log.\n",
        directory.display(),
        to.display()
    ));
    Ok(ExitCode::SUCCESS)
}

fn verified(directory: &Path, how: &How, json: bool) -> ExitCode {
    let report = verify(directory, how);
    let code = report.code();
    if json {
        print(&format!("{}\n", json!({"result": report.result(), "exit": code, "report": report})));
        return code.into();
    }
    for finding in &report.findings {
        print(&format!("{finding}\n"));
    }
    let (segments, records) = (report.segments, report.records);
    let keyed = match (report.keyed, report.key_given) {
        (true, true) => "keyed",
        (true, false) => "keyed, but without --key its MACs are not checked",
        (false, _) => "not keyed: who may write the directory can rewrite it unseen",
    };
    let result = report.result();
    print(&format!("{result}: {segments} segments, {records} records, {keyed}\n"));
    if report.pruned.segments > 0 {
        let (segments, records) = (report.pruned.segments, report.pruned.records);
        print(&format!("pruned: {segments} segments, {records} records\n"));
    }
    if let Some((n, hash)) = &report.head {
        print(&format!("head: {n} {hash}\n"));
    }
    code.into()
}

fn found(directory: &Path, filter: &Filter, json: bool) -> std::io::Result<ExitCode> {
    let matches = query(directory, filter)?;
    for found in matches.found.values() {
        print(&if json { format!("{}\n", found.line) } else { format!("{found}\n") });
    }
    if matches.earlier > 0 && !json {
        say(&format!("{} earlier ones are left out\n", matches.earlier));
    }
    if matches.unreadable > 0 {
        say(&format!("{} lines are no records; `audit verify` says more\n", matches.unreadable));
    }
    Ok(ExitCode::SUCCESS)
}

fn time(text: &str) -> Result<String, StartError> {
    let ago = text.parse::<Age>().ok().and_then(|age| SystemTime::now().checked_sub(age.0));
    let time = ago.or_else(|| parse_rfc3339(text));
    let problem = "--since is a time (2026-11-21T13:00:00Z), a date, or an age (2h, 7d)";
    let time = time.ok_or_else(|| StartError::new(problem))?;
    // Without its `Z`, it is before any time that goes on with a fraction.
    Ok(rfc3339(time).trim_end_matches('Z').to_owned())
}
