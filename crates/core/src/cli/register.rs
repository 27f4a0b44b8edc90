//! `register` and `unregister`: this server in the settings of an agent host.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command as Program, ExitCode, Stdio};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, CommandFactory as _, FromArgMatches as _, ValueHint};
use lockkeeper_hosts::{Change, Entry, FileError, Host, Platform};

use super::{Cli, Served, print, say};
use crate::config::Process;
use crate::credential::Credential;
use crate::outside::Outside;
use crate::server::{Finding, Server, StartError};
use crate::text::quoted;

#[derive(Args)]
pub(super) struct Register {
    #[command(flatten)]
    place: Place,
    /// Print the entry and where it belongs, change nothing
    #[arg(long, conflicts_with = "dry_run")]
    print: bool,
    /// What the host starts the server with
    #[arg(last = true, value_name = "SERVER OPTIONS")]
    options: Vec<String>,
}

#[derive(Args)]
pub(super) struct Unregister {
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
struct Place {
    /// The host
    #[arg(value_parser = hosts())]
    host: Host,
    /// What the host calls the server [default: the name of the source]
    #[arg(long, value_parser = name)]
    name: Option<String>,
    /// In the file of the project here, which others may share, instead of the user's
    #[arg(long)]
    project: bool,
    /// Show what would change
    #[arg(long)]
    dry_run: bool,
}

fn hosts() -> impl TypedValueParser<Value = Host> {
    let by_name = |name: String| Host::ALL.into_iter().find(|host| host.name() == name);
    PossibleValuesParser::new(Host::ALL.map(Host::name))
        .try_map(move |name| by_name(name).ok_or("it is no host"))
}

/// The names that every host takes, short enough for those that put a tool's behind it.
fn name(text: &str) -> Result<String, &'static str> {
    let fits = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_');
    if (1..=30).contains(&text.len()) && text.bytes().all(fits) {
        Ok(text.to_owned())
    } else {
        Err("takes up to 30 letters, digits, - and _")
    }
}

impl Place {
    fn name<S: Server>(&self) -> String {
        let default = S::NAME.strip_prefix("lockkeeper-").unwrap_or(S::NAME);
        self.name.clone().unwrap_or_else(|| default.to_owned())
    }

    /// The file that the host reads.
    fn file(&self, process: &Process) -> Result<PathBuf, StartError> {
        let host = self.host;
        if self.project {
            let here = process.current_dir.as_deref();
            let file = here.and_then(|here| host.project_file(here));
            return file
                .ok_or_else(|| StartError::new(format!("{host} reads no file of a project")));
        }
        let file = host.file(&process.places(), Platform::HERE);
        file.ok_or_else(|| StartError::new("HOME isn't set, so the host's files can't be found"))
    }
}

pub(super) fn register<S: Server>(
    register: Register,
    process: &Process,
) -> Result<ExitCode, StartError> {
    let Register { place, print: only_print, options } = register;
    let host = place.host;
    let entry = entry::<S>(&place, options, process)?;
    let file = place.file(process)?;
    if only_print || !host.is_edited() {
        let change = Change::printed(host, &entry).map_err(failed)?;
        say(&format!("for `{}`:\n", file.display()));
        print(&change);
        return Ok(ExitCode::SUCCESS);
    }
    let change = Change::put(host, &file, &entry).map_err(failed)?;
    let name = quoted(&entry.name);
    if change.is_none() {
        say(&format!("{host} has {name} so already, in `{}`\n", file.display()));
        return Ok(ExitCode::SUCCESS);
    }
    let is_new =
        !registered(process, S::NAME).any(|one| one.file == file && one.name == entry.name);
    let claude = (host == Host::ClaudeCode && !place.project && is_new)
        .then(|| process.program("claude"))
        .flatten();
    if place.dry_run {
        if claude.is_some() {
            say("`claude mcp add-json` would make this change:\n");
        }
        say(&format!("`{}`:\n", file.display()));
        print(&shown(&change.lines()));
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(claude) = claude {
        let json = entry.json(host).map_err(|error| no_way(&error))?;
        run(&claude, &["mcp", "add-json", "--scope", "user", &entry.name, &json])?;
        if !Change::put(host, &file, &entry).map_err(failed)?.is_none() {
            return Err(StartError::new(format!(
                "`claude mcp add-json` ended well, but {name} is not in `{}`",
                file.display()
            )));
        }
        say(&format!("{host} has {name} now, through `claude mcp add-json`\n"));
        return Ok(ExitCode::SUCCESS);
    }
    if !place.project && !is_installed(host, &file) {
        return Err(StartError::new(format!(
            "{host} isn't here: there is no `{}`\n  next: start it once, or see with --print what to put \
             where",
            file.parent().unwrap_or(&file).display()
        )));
    }
    let copy = change.write().map_err(failed)?;
    say(&format!("{host} has {name} now, in `{}`{}\n", file.display(), kept(copy.as_deref())));
    Ok(ExitCode::SUCCESS)
}

pub(super) fn unregister<S: Server>(
    Unregister { place }: Unregister,
    process: &Process,
) -> Result<ExitCode, StartError> {
    let (host, name) = (place.host, place.name::<S>());
    let file = place.file(process)?;
    let change = Change::take(host, &file, &name, S::NAME).map_err(failed)?;
    let Some(change) = change else {
        say(&format!("{host} has no {} in `{}`\n", quoted(&name), file.display()));
        return Ok(ExitCode::SUCCESS);
    };
    if place.dry_run || !host.is_edited() {
        say(&format!("`{}`:\n", file.display()));
        print(&shown(&change.lines()));
        return Ok(ExitCode::SUCCESS);
    }
    let claude = (host == Host::ClaudeCode && !place.project).then(|| process.program("claude"));
    if let Some(claude) = claude.flatten() {
        run(&claude, &["mcp", "remove", "--scope", "user", &name])?;
        if Change::take(host, &file, &name, S::NAME).map_err(failed)?.is_some() {
            return Err(StartError::new(format!(
                "`claude mcp remove` ended well, but {} is still in `{}`",
                quoted(&name),
                file.display()
            )));
        }
        say(&format!("{host} has no {} any more\n", quoted(&name)));
        return Ok(ExitCode::SUCCESS);
    }
    let copy = change.write().map_err(failed)?;
    say(&format!("{host} has no {} any more{}\n", quoted(&name), kept(copy.as_deref())));
    Ok(ExitCode::SUCCESS)
}

/// What `check` says of hosts: where this server is registered, and whether they can start it.
pub(super) fn findings(process: &Process, server: &str) -> Vec<Finding> {
    let all =
        lockkeeper_hosts::registered(&process.places(), process.current_dir.as_deref(), server);
    let finding = |found| {
        let (state, ok) = match found {
            Ok(lockkeeper_hosts::Registered { host, file, name, command }) => {
                let there = Path::new(&command).is_file();
                let trouble = if there {
                    String::new()
                } else {
                    format!(": `{command}` is not there; `register {}` again", host.name())
                };
                (format!("{host} has {} in `{}`{trouble}", quoted(&name), file.display()), there)
            }
            // The host's own trouble: this server is well.
            Err(error) => (format!("{error}"), true),
        };
        Finding { subject: "host".into(), state, ok }
    };
    all.into_iter().map(finding).collect()
}

fn registered(
    process: &Process,
    server: &str,
) -> impl Iterator<Item = lockkeeper_hosts::Registered> {
    let here = process.current_dir.as_deref();
    lockkeeper_hosts::registered(&process.places(), here, server).into_iter().flatten()
}

/// The server as the host is to start it. What doesn't start here isn't registered.
fn entry<S: Server>(
    place: &Place,
    options: Vec<String>,
    process: &Process,
) -> Result<Entry, StartError> {
    let outside = Outside::AS_DEFAULT;
    if options.iter().any(|option| !outside.show(option).altered().is_none()) {
        return Err(StartError::new(
            "an option holds a credential, which anybody could read in the host's file\n  next: store \
             it with `secret set NAME` and give --credential store:NAME",
        ));
    }
    let command = Cli::<S::Options>::command().name(S::NAME).no_binary_name(true);
    let usage = |error: clap::Error| StartError::new(error.render().to_string().trim().to_owned());
    let matches = command.clone().try_get_matches_from(&options).map_err(usage)?;
    let cli = Cli::<S::Options>::from_arg_matches(&matches).map_err(usage)?;
    if cli.command.is_some() {
        return Err(StartError::new("behind -- stand options of the server, not a subcommand"));
    }
    let paths: Vec<String> = paths(&command, &matches);
    let served = Served::<S>::open(cli.given, process)
        .map_err(|error| StartError::new(format!("the server doesn't start so: {error}")))?;
    let mut variables: Vec<String> = Vec::new();
    for credential in served.credentials.iter().filter_map(|one| one.credential()) {
        variables.extend(named(credential, process));
    }
    variables.extend(S::VARIABLES.iter().filter(|name| process.has(name)).map(|&name| name.into()));
    variables.sort();
    variables.dedup();
    let rebase = |path: &str| rebased(path, place, process.current_dir.as_deref());
    let argument = |option: String| match paths.iter().find(|path| ends_in(&option, path)) {
        Some(path) => {
            let before = option.strip_suffix(path.as_str()).unwrap_or_default();
            format!("{before}{}", rebase(path))
        }
        None => option,
    };
    let command = process.this_program().ok_or_else(|| {
        StartError::new("this program's own path can't be found, and a host needs it")
    })?;
    let entry = Entry {
        name: place.name::<S>(),
        command,
        args: options.into_iter().map(argument).collect(),
        variables,
    };
    entry.json(place.host).map_err(|error| no_way(&error))?;
    Ok(entry)
}

/// The variables of a credential that are set; if none is and there is just one, that.
fn named(credential: &Credential, process: &Process) -> Vec<String> {
    let all = credential.variables();
    let set: Vec<String> = all.iter().filter(|name| process.has(name)).cloned().collect();
    match all {
        [one] if set.is_empty() => vec![one.clone()],
        _ => set,
    }
}

/// The values of options that are paths.
fn paths(command: &clap::Command, matches: &clap::ArgMatches) -> Vec<String> {
    let is_path = |argument: &&clap::Arg| {
        matches!(
            argument.get_value_hint(),
            ValueHint::AnyPath | ValueHint::DirPath | ValueHint::FilePath
        )
    };
    let given = |argument: &clap::Arg| {
        let raw = matches.try_get_raw(argument.get_id().as_str()).ok().flatten();
        raw.map(|values| values.filter_map(OsStr::to_str).map(str::to_owned).collect::<Vec<_>>())
    };
    command.get_arguments().filter(is_path).filter_map(given).flatten().collect()
}

/// Whether an argument is that path, or an option with it.
fn ends_in(argument: &str, path: &str) -> bool {
    let before = argument.strip_suffix(path);
    before.is_some_and(|before| {
        before.is_empty() || (before.starts_with("--") && before.ends_with('='))
    })
}

/// A path as it means the same wherever the host starts the server: in a project one beneath the
/// directory that the user works in, else an absolute one. `.` alone stays where the user works.
fn rebased(path: &str, place: &Place, here: Option<&Path>) -> String {
    let Some(here) = here.and_then(Path::to_str) else { return path.to_owned() };
    let workspace = place.host.workspace();
    let (main, access) = match path.rsplit_once(':') {
        Some((main, access @ ("ro" | "rw"))) => (main, format!(":{access}")),
        _ => (path, String::new()),
    };
    if main.starts_with('~') {
        return path.to_owned();
    }
    let beneath = |base: &str, rest: &str| match rest.trim_matches('/') {
        "" | "." => format!("{base}{access}"),
        rest => format!("{base}/{}{access}", rest.strip_prefix("./").unwrap_or(rest)),
    };
    let is_absolute = Path::new(main).is_absolute();
    let inside = if is_absolute {
        main.strip_prefix(here).filter(|rest| rest.is_empty() || rest.starts_with('/'))
    } else {
        Some(main)
    };
    match (inside, workspace) {
        (Some(rest), Some(workspace)) if place.project => beneath(workspace, rest),
        (Some("."), Some(workspace)) => beneath(workspace, "."),
        _ if is_absolute => path.to_owned(),
        _ => beneath(here, main),
    }
}

/// Runs the host's own program, which says by itself what it doesn't like.
#[expect(clippy::disallowed_methods, reason = "the host's own way to its state file")]
fn run(program: &Path, arguments: &[&str]) -> Result<(), StartError> {
    let trouble = |why: String| StartError::new(format!("`{}`: {why}", program.display()));
    let done = Program::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .output()
        .map_err(|error| trouble(format!("it doesn't start: {error}")))?;
    if done.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&done.stderr);
    Err(trouble(format!("{}: {}", done.status, shown(said.trim()))))
}

/// Whether the host was ever started by this user: its directory is there.
fn is_installed(host: Host, file: &Path) -> bool {
    match host {
        Host::ClaudeCode => file.exists() || file.with_file_name(".claude").is_dir(),
        _ => file.parent().is_some_and(Path::is_dir),
    }
}

/// Text of a user's own settings, without credentials: an agent may read what is printed here.
fn shown(text: &str) -> String {
    Outside::AS_DEFAULT.show(text).text.into_owned()
}

fn kept(copy: Option<&Path>) -> String {
    copy.map(|copy| format!("; what was there before is in `{}`", copy.display()))
        .unwrap_or_default()
}

fn failed(error: FileError) -> StartError {
    match error {
        FileError::Edit { why: lockkeeper_hosts::EditError::NoWay(error), .. } => no_way(&error),
        FileError::Edit { why: lockkeeper_hosts::EditError::Taken(..), .. } => {
            StartError::new(format!("{error}\n  next: choose another name with --name"))
        }
        error => StartError::new(error.to_string()),
    }
}

fn no_way(error: &lockkeeper_hosts::NoWay) -> StartError {
    StartError::new(format!(
        "{error}\n  next: store a credential with `secret set NAME` and give --credential store:NAME; \
         give other settings as options"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(host: Host, project: bool) -> Place {
        Place { host, name: None, project, dry_run: false }
    }

    #[test]
    fn paths_mean_the_same_wherever_the_server_starts() {
        let here = Some(Path::new("/home/me/shop"));
        for (host, project, path, expected) in [
            (Host::VsCode, true, ".", "${workspaceFolder}"),
            (Host::VsCode, true, "./docs/", "${workspaceFolder}/docs"),
            (Host::VsCode, true, "docs:rw", "${workspaceFolder}/docs:rw"),
            (Host::VsCode, true, "/home/me/shop/docs", "${workspaceFolder}/docs"),
            (Host::VsCode, true, "/home/me/shopping", "/home/me/shopping"),
            (Host::VsCode, true, "../other", "${workspaceFolder}/../other"),
            (Host::VsCode, false, ".:rw", "${workspaceFolder}:rw"),
            (Host::VsCode, false, "docs", "/home/me/shop/docs"),
            (Host::VsCode, false, "/home/me/shop", "/home/me/shop"),
            (Host::ClaudeCode, true, "/home/me/shop", "."),
            (Host::ClaudeCode, false, ".", "."),
            (Host::Codex, true, "docs", "./docs"),
            (Host::Zed, true, ".", "/home/me/shop"),
            (Host::ClaudeDesktop, false, ".:ro", "/home/me/shop:ro"),
            (Host::Cursor, false, "~/docs", "~/docs"),
        ] {
            assert_eq!(rebased(path, &place(host, project), here), expected, "{host} {path}");
        }
    }

    #[test]
    fn a_path_is_found_in_its_option() {
        assert!(ends_in("docs", "docs") && ends_in("--config=docs", "docs"));
        assert!(!ends_in("--deny=my docs", "docs") && !ends_in("mydocs", "docs"));
    }
}
