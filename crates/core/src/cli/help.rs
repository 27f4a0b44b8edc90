//! Help that fits a screen: what most people need at once, and all of it with `--help-all`.

use std::collections::HashSet;

use clap::{Arg, ArgAction, Command};

/// Settings of every server that `--help` shows; it only counts the others.
const SHOWN: [&str; 3] = ["write", "destroy", "config"];

/// `--help` in short, for the command and all its subcommands.
pub(super) fn short(command: Command, name: &str) -> Command {
    let settings: HashSet<String> =
        command.get_arguments().map(|argument| argument.get_id().to_string()).collect();
    let own = |argument: &Arg| argument.get_help_heading().is_none();
    let command = command.mut_args(|argument| {
        let shown = own(&argument) || SHOWN.contains(&argument.get_id().as_str());
        argument.hide_short_help(!shown)
    });
    let command =
        with_flags(command, true).after_help("More settings, and all of them in full: --help-all");
    let hint = format!("Settings stand here as for the server itself: {name} --help");
    mut_all(command, &|subcommand| {
        let takes = subcommand.get_arguments().any(|one| settings.contains(one.get_id().as_str()));
        let subcommand = subcommand.mut_args(|argument| {
            let is_setting = settings.contains(argument.get_id().as_str());
            let hidden = is_setting && !argument.is_positional();
            // A heading holds for all that comes behind it.
            let argument = if is_setting { argument } else { argument.help_heading(None) };
            argument.hide_short_help(hidden)
        });
        let subcommand = with_flags(subcommand, takes);
        if takes { subcommand.after_help(hint.clone()) } else { subcommand }
    })
}

/// `-h` and `--help` are the same; `--help-all` exists where that isn't all.
fn with_flags(command: Command, more: bool) -> Command {
    let help = Arg::new("help").short('h').long("help").action(ArgAction::HelpShort);
    let help = help.help("Print help").help_heading(None);
    let command = command.disable_help_flag(true).arg(help);
    if !more {
        return command;
    }
    let all = Arg::new("help-all").long("help-all").action(ArgAction::HelpLong);
    command.arg(all.help("Print help on every setting").help_heading(None))
}

/// Changes all subcommands, and theirs.
fn mut_all(command: Command, change: &dyn Fn(Command) -> Command) -> Command {
    let names: Vec<String> =
        command.get_subcommands().map(|subcommand| subcommand.get_name().to_owned()).collect();
    names.into_iter().fold(command, |command, name| {
        command.mut_subcommand(name, |subcommand| mut_all(change(subcommand), change))
    })
}
