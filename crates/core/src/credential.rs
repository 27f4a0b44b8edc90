//! Where a server's credential comes from, and the one way to it. It is read when a call first
//! needs it, never at the start. What a person wrote in place of a source may be the secret itself,
//! so nothing here repeats what it couldn't find.

mod broker;
mod command;

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::{Arc, OnceLock, PoisonError};

use clap::builder::{TypedValueParser, ValueParserFactory};
use clap::error::ErrorKind;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use self::broker::Broker;
pub(crate) use self::broker::serve_if_asked as serve_broker_if_asked;
use self::command::CommandError;
use crate::error::ToolError;
use crate::private::{self, Owner, Refused};
use crate::secret::Secret;
use crate::server::Finding;
use crate::vault::{self, MOST_VALUE, Vault, VaultError};

/// How a credential can be given, for help and warnings.
pub(crate) const WAYS: &str = "env:NAME, file:PATH, command:PROGRAM ARGUMENTS or store:NAME";

/// Where a credential is: the value of a `--credential` option or a `credential` setting.
///
/// It serializes as it was written, which says where a secret is and not what it is.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Credential {
    text: String,
    origin: Origin,
    /// Whether the server has other ways, and this one counts only if its variable is set.
    if_set: bool,
}

#[derive(Clone, PartialEq, Eq)]
enum Origin {
    /// The first of these that is set.
    Variable(Vec<String>),
    File(PathBuf),
    Command(Vec<String>),
    Store(String),
}

/// Why a text names no source. It never holds that text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// There is no such kind of source.
    #[error("a credential is given as {WAYS}, never as itself")]
    Kind,
    /// `env:` without the name of a variable.
    #[error("env: takes the name of an environment variable, or several in order, with commas")]
    Variable,
    /// `file:` without a path that means the same everywhere.
    #[error("file: takes an absolute path, or one that begins with `~/`")]
    File,
    /// `command:` without a program that is the same everywhere.
    #[error("command: takes a program, by absolute path or by name, and its arguments")]
    Command,
    /// `command:` with a quote that isn't closed.
    #[error("command: a quote is not closed, or nothing follows a backslash")]
    Quotes,
    /// `store:` without the name of a secret.
    #[error("store: takes the name of a secret that `secret set` stored")]
    Store,
}

impl FromStr for Credential {
    type Err = CredentialError;

    fn from_str(text: &str) -> Result<Self, CredentialError> {
        let (kind, rest) = text.split_once(':').ok_or(CredentialError::Kind)?;
        let origin = match kind {
            "env" if rest.split(',').all(is_variable) => {
                Origin::Variable(rest.split(',').map(str::to_owned).collect())
            }
            "env" => return Err(CredentialError::Variable),
            // A relative path means what lies where the host starts the server: often a place
            // that an agent writes to.
            "file" if rest.starts_with('/') || rest.starts_with("~/") || is_absolute(rest) => {
                Origin::File(rest.into())
            }
            "file" => return Err(CredentialError::File),
            "command" => {
                let words = command::words(rest).ok_or(CredentialError::Quotes)?;
                let program = words.first().map(String::as_str).unwrap_or_default();
                let is_name = !program.is_empty() && !program.contains(['/', '\\']);
                if !is_name && !is_absolute(program) {
                    return Err(CredentialError::Command);
                }
                Origin::Command(words)
            }
            "store" if vault::is_name(rest) => Origin::Store(rest.to_owned()),
            "store" => return Err(CredentialError::Store),
            _ => return Err(CredentialError::Kind),
        };
        Ok(Self { text: text.to_owned(), origin, if_set: false })
    }
}

impl TryFrom<String> for Credential {
    type Error = CredentialError;

    fn try_from(text: String) -> Result<Self, CredentialError> {
        text.parse()
    }
}

impl From<Credential> for String {
    fn from(credential: Credential) -> Self {
        credential.text
    }
}

/// Only the kind: what follows it may be a secret that was put in the wrong place.
impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credential({}:…)", self.kind())
    }
}

impl Credential {
    /// The help of an option that takes one, the same in all servers.
    pub const HELP: &str =
        "Where the credential is: env:NAME, file:PATH, command:PROGRAM ARGUMENTS or store:NAME";

    /// The variable that a service's own programs read, for servers that have other ways to log in:
    /// where it isn't set, no credential was named.
    pub fn variable_if_set(name: &'static str) -> Self {
        let origin = Origin::Variable(vec![name.to_owned()]);
        Self { text: format!("env:{name}"), origin, if_set: true }
    }

    /// The variables that it is read from, in order.
    pub(crate) fn variables(&self) -> &[String] {
        match &self.origin {
            Origin::Variable(names) => names,
            Origin::File(_) | Origin::Command(_) | Origin::Store(_) => &[],
        }
    }

    fn kind(&self) -> &'static str {
        match self.origin {
            Origin::Variable(_) => "env",
            Origin::File(_) => "file",
            Origin::Command(_) => "command",
            Origin::Store(_) => "store",
        }
    }

    /// The source as it may be shown once it gave a secret, and so is none itself. Arguments of a
    /// command may still hold one.
    fn shown(&self) -> String {
        match &self.origin {
            Origin::Variable(_) | Origin::File(_) | Origin::Store(_) => self.text.clone(),
            Origin::Command(words) => {
                let more = if words.len() > 1 { " …" } else { "" };
                format!("command:{}{more}", words.first().map(String::as_str).unwrap_or_default())
            }
        }
    }
}

/// Makes clap say what is wrong without repeating the value, as it would by itself.
#[derive(Debug, Clone)]
pub struct CredentialParser;

impl ValueParserFactory for Credential {
    type Parser = CredentialParser;

    fn value_parser() -> CredentialParser {
        CredentialParser
    }
}

impl TypedValueParser for CredentialParser {
    type Value = Credential;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<Credential, clap::Error> {
        let parsed = value.to_str().ok_or(CredentialError::Kind).and_then(str::parse);
        parsed.map_err(|error| {
            let option = argument.and_then(clap::Arg::get_long).unwrap_or("credential");
            clap::Error::raw(ErrorKind::ValueValidation, format!("--{option}: {error}\n"))
                .with_cmd(command)
        })
    }
}

/// A server's way to its credential; see [`Environment`](crate::Environment). Clones share what
/// was read.
#[derive(Clone, Default)]
pub struct Credentials(Option<Arc<Inner>>);

struct Inner {
    /// In the lines of `check`.
    name: String,
    credential: Credential,
    place: Place,
    /// Runs the command once this process can't.
    broker: OnceLock<std::sync::Mutex<Broker>>,
    /// Held while it is read, so that a person is asked once by a program that asks.
    kept: Mutex<Option<Arc<Secret<String>>>>,
}

/// What of the process a credential may be read from.
#[derive(Clone, Default)]
pub(crate) struct Place {
    /// Reads one variable of the environment.
    pub(crate) variable: Option<fn(&str) -> Option<OsString>>,
    pub(crate) home: Option<PathBuf>,
    pub(crate) vault: Vault,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Credentials").field(&self.0.as_ref().map(|inner| &inner.credential)).finish()
    }
}

impl Credentials {
    /// Where it is, if there is one.
    pub(crate) fn credential(&self) -> Option<&Credential> {
        self.0.as_deref().map(|inner| &inner.credential)
    }

    pub(crate) fn new(name: &str, credential: Option<Credential>, place: Place) -> Self {
        let is_there = |credential: &Credential| match &credential.origin {
            Origin::Variable(names) if credential.if_set => names.iter().any(|name| {
                let value = place.variable.and_then(|variable| variable(name));
                value.is_some_and(|value| !value.is_empty())
            }),
            _ => true,
        };
        let credential = credential.filter(is_there);
        let inner = |credential| Inner {
            name: name.to_owned(),
            credential,
            place,
            broker: OnceLock::new(),
            kept: Mutex::default(),
        };
        Self(credential.map(inner).map(Arc::new))
    }

    /// Whether a source was named. It isn't looked at.
    pub fn is_configured(&self) -> bool {
        self.0.is_some()
    }

    /// The secret, read when first asked for and kept.
    pub async fn resolve(&self) -> Result<Arc<Secret<String>>, ToolError> {
        let inner = self.0.as_ref().ok_or_else(|| refusal("none was named"))?;
        let mut kept = inner.kept.lock().await;
        if let Some(secret) = kept.as_ref() {
            return Ok(Arc::clone(secret));
        }
        let reading = Arc::clone(inner);
        let read = tokio::task::spawn_blocking(move || reading.read()).await;
        let secret = read.map_err(|_| ToolError::internal())?.map_err(|unread| {
            tracing::warn!(problem = %unread, "the credential can't be read");
            refusal(unread.for_models())
        })?;
        Ok(Arc::clone(kept.insert(Arc::new(secret))))
    }

    /// Forgets what was read: for when the upstream refuses it, so that a renewed one is seen.
    pub async fn forget(&self) {
        if let Some(inner) = &self.0 {
            *inner.kept.lock().await = None;
        }
    }

    /// Prepares for a sandbox: starts the broker, if the source is a command.
    pub(crate) fn start_broker(&self) -> std::io::Result<()> {
        if let Some(inner) = &self.0
            && let Origin::Command(words) = &inner.credential.origin
        {
            let broker = Broker::start(words)?;
            // There is one start of a process.
            drop(inner.broker.set(broker.into()));
        }
        Ok(())
    }

    /// The files that it is read from.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let Some(inner) = &self.0 else { return Vec::new() };
        match &inner.credential.origin {
            Origin::File(path) => inner.resolved(path).into_iter().collect(),
            Origin::Store(_) => inner.place.vault.key_file.clone().into_iter().collect(),
            Origin::Variable(_) | Origin::Command(_) => Vec::new(),
        }
    }

    /// A line for `check`, if a source was named. Reads the secret, and shows where it was.
    pub(crate) fn finding(&self) -> Option<Finding> {
        let inner = self.0.as_ref()?;
        let (state, ok) = match inner.read() {
            Ok(_) => (format!("{}: present", inner.credential.shown()), true),
            Err(unread) => (format!("{}: {unread}", inner.credential.kind()), false),
        };
        Some(Finding { subject: inner.name.clone(), state, ok })
    }
}

fn refusal(problem: &str) -> ToolError {
    ToolError::new("no_credential", format!("the server has no credential: {problem}"))
        .hint("ask the user to run this server's `check`, which says what is wrong")
}

/// Why a source gave nothing, for the people of this machine: in `check` and the log.
#[derive(Debug, thiserror::Error)]
enum Unread {
    #[error("the variable is not set")]
    NoVariable,
    #[error("the variable is no text, empty or longer than {MOST_VALUE} bytes")]
    BadVariable,
    #[error("there is no home directory for `~/`")]
    NoHome,
    #[error("{0}")]
    File(Refused),
    #[error("the file is empty or no text")]
    BadFile,
    #[error("{0}")]
    Command(CommandError),
    #[error("{0}")]
    Store(VaultError),
    #[error("the stored secret is no text")]
    BadStore,
}

impl Unread {
    /// Nothing about this machine.
    fn for_models(&self) -> &'static str {
        match self {
            Self::NoVariable | Self::BadVariable => "its environment variable is missing or empty",
            Self::NoHome | Self::File(_) | Self::BadFile => "its file can't be used",
            Self::Command(_) => "the program that gives it failed",
            Self::Store(_) | Self::BadStore => "it can't be taken from the store",
        }
    }
}

impl Inner {
    fn resolved(&self, path: &std::path::Path) -> Option<PathBuf> {
        match path.strip_prefix("~") {
            Ok(rest) => Some(self.place.home.as_ref()?.join(rest)),
            Err(_) => Some(path.to_owned()),
        }
    }

    fn read(&self) -> Result<Secret<String>, Unread> {
        match &self.credential.origin {
            Origin::Variable(names) => {
                let variable = self.place.variable;
                let value = names.iter().find_map(|name| variable.and_then(|read| read(name)));
                let value = value.ok_or(Unread::NoVariable)?;
                let bytes = Secret::new(value.into_encoded_bytes());
                if bytes.expose().len() > MOST_VALUE {
                    return Err(Unread::BadVariable);
                }
                bytes.into_text().ok_or(Unread::BadVariable)
            }
            Origin::File(path) => {
                let path = self.resolved(path).ok_or(Unread::NoHome)?;
                let bytes = private::read(&path, MOST_VALUE, Owner::Anyone);
                bytes.map_err(Unread::File)?.into_text().ok_or(Unread::BadFile)
            }
            Origin::Command(words) => match self.broker.get() {
                Some(broker) => broker.lock().unwrap_or_else(PoisonError::into_inner).ask(),
                None => command::run(words),
            }
            .map_err(Unread::Command),
            Origin::Store(name) => {
                let bytes = self.place.vault.get(name).map_err(Unread::Store)?;
                bytes.into_text().ok_or(Unread::BadStore)
            }
        }
    }
}

fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn is_absolute(path: &str) -> bool {
    std::path::Path::new(path).is_absolute()
}

#[cfg(test)]
mod tests;
