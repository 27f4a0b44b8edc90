//! Edits of settings as text: the entry of one server is put in or taken out, all else stays.

mod json;
mod toml;

use crate::entry::{Entry, NoWay};
use crate::host::{Format, Host};

/// Why a text can't be edited. It is as it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The host couldn't read it either.
    #[error("it can't be understood: {0}")]
    Broken(String),
    /// It holds something else where servers are.
    #[error("`{0}` is there and is no {1}")]
    Other(String, &'static str),
    /// A name stands there twice.
    #[error("`{0}` stands there twice")]
    Twice(String),
    /// Another program has the name.
    #[error("`{0}` is another server there: {1}")]
    Taken(String, String),
    /// The host can't start it so.
    #[error(transparent)]
    NoWay(#[from] NoWay),
}

/// What stands in front of some files, and isn't for us.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// `text` with the entry in it.
pub(crate) fn put(host: Host, text: &str, entry: &Entry) -> Result<String, EditError> {
    within(text, |text| match host.format() {
        Format::Json => json::put(host, text, entry),
        Format::Toml => toml::put(host, text, entry),
    })
}

/// `text` without the server of that name, which has to be of the program `of`. `None` if it isn't
/// there.
pub(crate) fn take(
    host: Host,
    text: &str,
    name: &str,
    of: &str,
) -> Result<Option<String>, EditError> {
    let mut found = false;
    let without = within(text, |text| {
        let taken = match host.format() {
            Format::Json => json::take(host, text, name, of),
            Format::Toml => toml::take(host, text, name, of),
        }?;
        found = taken.is_some();
        Ok(taken.unwrap_or_default())
    })?;
    Ok(found.then_some(without))
}

/// The names and programs of all servers in `text`.
pub(crate) fn servers(host: Host, text: &str) -> Result<Vec<(String, String)>, EditError> {
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    match host.format() {
        Format::Json => json::servers(host, text),
        Format::Toml => toml::servers(host, text),
    }
}

fn within(
    text: &str,
    edit: impl FnOnce(&str) -> Result<String, EditError>,
) -> Result<String, EditError> {
    match text.strip_prefix(BYTE_ORDER_MARK) {
        Some(text) => edit(text).map(|text| format!("{BYTE_ORDER_MARK}{text}")),
        None => edit(text),
    }
}

/// Whether a command is the program `of`, wherever it lies.
pub(crate) fn is_of(command: &str, of: &str) -> bool {
    let name = command.rsplit(['/', '\\']).next().unwrap_or(command);
    name == of || name.strip_suffix(".exe") == Some(of)
}

/// The last part of a program's path.
fn program(command: &str) -> &str {
    let name = command.rsplit(['/', '\\']).next().unwrap_or(command);
    name.strip_suffix(".exe").unwrap_or(name)
}

#[cfg(test)]
mod tests;
