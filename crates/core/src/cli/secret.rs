//! `secret set|list|rm|rotate`. A value comes from standard input, typed unseen or piped, and never
//! from the command line, where other processes would see it; nor is it printed.

use std::io::{self, IsTerminal as _, Read as _};
use std::process::ExitCode;

use clap::Subcommand;
use clap::builder::{TypedValueParser, ValueParserFactory};
use clap::error::ErrorKind;
use serde_json::json;

use super::{print, say};
use crate::config::{Process, StorageFlags};
use crate::secret::Secret;
use crate::server::StartError;
use crate::time::rfc3339;
use crate::vault::{MOST_VALUE, Vault, VaultError, is_name};

#[derive(Subcommand)]
pub(super) enum Command {
    /// Store a value under a name; it is asked for, or read from standard input
    Set {
        /// What `--credential store:NAME` says
        name: Name,
        /// Only to say, without repeating it, that a value doesn't belong here.
        #[arg(hide = true, num_args = 0.., allow_hyphen_values = true)]
        value: Vec<NotHere>,
        #[command(flatten)]
        storage: StorageFlags,
    },
    /// List names and dates
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        storage: StorageFlags,
    },
    /// Forget a secret
    Rm {
        /// Its name
        name: Name,
        #[command(flatten)]
        storage: StorageFlags,
    },
    /// Make a new key and encrypt everything under it
    Rotate {
        #[command(flatten)]
        storage: StorageFlags,
    },
}

pub(super) fn run(command: Command, process: &Process) -> Result<ExitCode, StartError> {
    let vault = |storage: StorageFlags| storage.vault(process);
    let failed = |error: VaultError| StartError::new(error.to_string());
    match command {
        Command::Set { name: Name(name), value: _, storage } => {
            let value = read_value(&name)?;
            vault(storage).set(&name, &value).map_err(failed)?;
            say(&format!("stored; use it with --credential store:{name}\n"));
        }
        Command::List { json, storage } => list(&vault(storage), json).map_err(failed)?,
        Command::Rm { name: Name(name), storage } => {
            vault(storage).remove(&name).map_err(failed)?;
            say("removed\n");
        }
        Command::Rotate { storage } => {
            let n = vault(storage).rotate().map_err(failed)?;
            say(&format!("{} under a new key\n", crate::text::count(n as u64, "secret")));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn list(vault: &Vault, json: bool) -> Result<(), VaultError> {
    let secrets = vault.list()?;
    if json {
        let secrets: Vec<_> = secrets
            .iter()
            .map(|secret| {
                let (created, updated) = (rfc3339(secret.created), rfc3339(secret.updated));
                json!({"name": secret.name, "created": created, "updated": updated})
            })
            .collect();
        print(&format!("{}\n", json!({"secrets": secrets})));
        return Ok(());
    }
    let width = secrets.iter().map(|secret| secret.name.len()).max().unwrap_or_default();
    for secret in secrets {
        let (created, updated) = (rfc3339(secret.created), rfc3339(secret.updated));
        print(&format!("{:width$}  created {created}, updated {updated}\n", secret.name));
    }
    Ok(())
}

/// The name of a secret. One that isn't is not repeated: it may be the value.
#[derive(Clone)]
pub(super) struct Name(String);

/// What is written where a value doesn't belong. There is no value of this type.
#[derive(Clone)]
pub(super) enum NotHere {}

#[derive(Clone)]
pub(super) struct Unrepeated<T>(fn(&str) -> Result<T, &'static str>);

impl ValueParserFactory for Name {
    type Parser = Unrepeated<Self>;

    fn value_parser() -> Unrepeated<Self> {
        Unrepeated(|text| {
            let name = is_name(text).then(|| Self(text.to_owned()));
            name.ok_or("a name has 1 to 64 letters, digits, `.`, `_` or `-`, and is not the value")
        })
    }
}

impl ValueParserFactory for NotHere {
    type Parser = Unrepeated<Self>;

    fn value_parser() -> Unrepeated<Self> {
        Unrepeated(|_| {
            Err("the value is never an argument, where other processes see it; it is asked for, \
                 or read from standard input")
        })
    }
}

impl<T: Clone + Send + Sync + 'static> TypedValueParser for Unrepeated<T> {
    type Value = T;

    fn parse_ref(
        &self,
        command: &clap::Command,
        _: Option<&clap::Arg>,
        value: &std::ffi::OsStr,
    ) -> Result<T, clap::Error> {
        let parsed = (self.0)(value.to_str().unwrap_or_default());
        parsed.map_err(|problem| {
            clap::Error::raw(ErrorKind::ValueValidation, format!("{problem}\n")).with_cmd(command)
        })
    }
}

fn read_value(name: &str) -> Result<Secret<String>, StartError> {
    let failed = |error: io::Error| StartError::new(format!("the value can't be read: {error}"));
    let mut bytes = Secret::new(Vec::with_capacity(MOST_VALUE + 1));
    if io::stdin().is_terminal() {
        let prompt = format!("Value of {name} (not shown): ");
        let typed = terminal::read_line(&prompt, bytes.expose_mut());
        say("\n");
        typed.map_err(failed)?;
    } else {
        let read = io::stdin().lock().take(MOST_VALUE as u64 + 1).read_to_end(bytes.expose_mut());
        read.map_err(failed)?;
    }
    if bytes.expose().len() > MOST_VALUE {
        return Err(StartError::new(format!("the value is longer than {MOST_VALUE} bytes")));
    }
    bytes.into_text().ok_or_else(|| StartError::new("the value is empty or no text"))
}

/// A line from the terminal, unseen.
#[cfg(unix)]
mod terminal {
    use std::io;

    use rustix::stdio::stdin;
    use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

    use super::MOST_VALUE;

    /// What ends, edits and gives up a line.
    const ENTER: [u8; 2] = [b'\n', b'\r'];
    const BACKSPACE: [u8; 2] = [0x7f, 0x08];
    const GIVE_UP: [u8; 3] = [0x03, 0x04, 0x1a];

    /// Byte by byte: a terminal's own line editing cuts lines at 4,095 bytes, and its signals would
    /// leave the terminal mute.
    pub(super) fn read_line(prompt: &str, line: &mut Vec<u8>) -> io::Result<()> {
        let _restore = Unseen::begin()?;
        super::say(prompt);
        let mut byte = [0];
        while line.len() <= MOST_VALUE {
            let n = rustix::io::retry_on_intr(|| rustix::io::read(stdin(), &mut byte))?;
            match byte {
                [typed] if n == 0 || GIVE_UP.contains(&typed) => {
                    return Err(io::Error::new(io::ErrorKind::Interrupted, "given up"));
                }
                [typed] if ENTER.contains(&typed) => return Ok(()),
                [typed] if BACKSPACE.contains(&typed) => {
                    // Of a character that takes several bytes, all.
                    while line.pop().is_some_and(|byte| (0x80..0xc0).contains(&byte)) {}
                }
                [typed] => line.push(typed),
            }
        }
        Ok(())
    }

    /// Shows nothing until it is dropped.
    struct Unseen(Termios);

    impl Unseen {
        fn begin() -> io::Result<Self> {
            let before = tcgetattr(stdin())?;
            let mut unseen = before.clone();
            unseen.local_modes -= LocalModes::ECHO
                | LocalModes::ECHONL
                | LocalModes::ICANON
                | LocalModes::ISIG
                | LocalModes::IEXTEN;
            tcsetattr(stdin(), OptionalActions::Flush, &unseen)?;
            Ok(Self(before))
        }
    }

    impl Drop for Unseen {
        fn drop(&mut self) {
            if let Err(error) = tcsetattr(stdin(), OptionalActions::Flush, &self.0) {
                tracing::warn!(%error, "the terminal stays mute: run `stty sane`");
            }
        }
    }
}

#[cfg(not(unix))]
mod terminal {
    use std::io;

    pub(super) fn read_line(_: &str, _: &mut Vec<u8>) -> io::Result<()> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "pipe it to standard input"))
    }
}
