//! TOML.

use serde_json::Value as Json;
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, TableLike, Value};

use super::{EditError, is_of, program};
use crate::entry::Entry;
use crate::host::Host;

pub(super) fn put(host: Host, text: &str, entry: &Entry) -> Result<String, EditError> {
    let shape = entry.shape(host)?;
    let mut document = parse(text)?;
    let key = host.key();
    let servers = document.entry(key).or_insert_with(|| {
        let mut servers = Table::new();
        // `[mcp_servers.NAME]` says it.
        servers.set_implicit(true);
        Item::Table(servers)
    });
    let servers = table(servers, key)?;
    match servers.get_mut(&entry.name) {
        None => {
            let mut fields = Table::new();
            for (name, new) in shape {
                fields.insert(name, Item::Value(value(new)));
            }
            servers.insert(&entry.name, Item::Table(fields));
        }
        Some(there) => {
            let there = table(there, &entry.name)?;
            let command = command(there);
            if !is_of(&command, program(&entry.command)) {
                return Err(EditError::Taken(entry.name.clone(), command));
            }
            for (name, new) in shape {
                set(there, name, new);
            }
        }
    }
    Ok(document.to_string())
}

pub(super) fn take(
    host: Host,
    text: &str,
    name: &str,
    of: &str,
) -> Result<Option<String>, EditError> {
    let mut document = parse(text)?;
    let Some(servers) = document.get_mut(host.key()) else { return Ok(None) };
    let servers = table(servers, host.key())?;
    let Some(there) = servers.get_mut(name) else { return Ok(None) };
    let command = table(there, name).map(|there| command(there)).unwrap_or_default();
    if !is_of(&command, of) {
        return Err(EditError::Taken(name.to_owned(), command));
    }
    servers.remove(name);
    Ok(Some(document.to_string()))
}

pub(super) fn servers(host: Host, text: &str) -> Result<Vec<(String, String)>, EditError> {
    let document = parse(text)?;
    let servers = document.get(host.key()).and_then(Item::as_table_like);
    let named = servers.into_iter().flat_map(TableLike::iter);
    let named = named.filter_map(|(name, there)| Some((name, there.as_table_like()?)));
    Ok(named.map(|(name, there)| (name.to_owned(), command(there))).collect())
}

fn parse(text: &str) -> Result<DocumentMut, EditError> {
    text.parse::<DocumentMut>().map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.lines().count().max(1);
        EditError::Broken(format!("line {line}: {}", error.message()))
    })
}

fn table<'a>(item: &'a mut Item, name: &str) -> Result<&'a mut dyn TableLike, EditError> {
    item.as_table_like_mut().ok_or_else(|| EditError::Other(name.to_owned(), "table"))
}

/// Sets what differs. A list of variables keeps those that the user gave.
fn set(within: &mut dyn TableLike, name: &str, new: Json) {
    let Some(there) = within.get_mut(name) else {
        within.insert(name, Item::Value(value(new)));
        return;
    };
    if name == "env_vars"
        && let (Some(known), Json::Array(more)) = (there.as_array_mut(), &new)
    {
        for name in more.iter().filter_map(Json::as_str) {
            if !known.iter().any(|one| one.as_str() == Some(name)) {
                known.push(name);
            }
        }
        return;
    }
    if !is(there, &new) {
        let around = there.as_value().map(|value| value.decor().clone());
        let mut new = value(new);
        if let Some(around) = around {
            *new.decor_mut() = around;
        }
        *there = Item::Value(new);
    }
}

fn is(there: &Item, new: &Json) -> bool {
    match (there.as_array(), new) {
        (Some(there), Json::Array(new)) => {
            there.len() == new.len()
                && there.iter().zip(new).all(|(there, new)| there.as_str() == new.as_str())
        }
        (None, Json::String(new)) => there.as_str() == Some(new),
        _ => false,
    }
}

fn command(server: &dyn TableLike) -> String {
    server.get("command").and_then(Item::as_str).unwrap_or_default().to_owned()
}

fn value(from: Json) -> Value {
    match from {
        Json::String(text) => text.into(),
        Json::Bool(value) => value.into(),
        Json::Number(number) => number.as_i64().unwrap_or_default().into(),
        Json::Array(items) => Value::Array(items.into_iter().map(value).collect::<Array>()),
        Json::Object(fields) => {
            let fields = fields.into_iter().map(|(name, field)| (name, value(field)));
            Value::InlineTable(fields.collect::<InlineTable>())
        }
        Json::Null => "".into(),
    }
}
