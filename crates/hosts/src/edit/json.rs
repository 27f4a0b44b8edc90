//! JSON with comments.

use jsonc_parser::ParseOptions;
use jsonc_parser::cst::{CstArray, CstInputValue, CstObject, CstObjectProp, CstRootNode};
use serde_json::Value;

use super::{EditError, is_of, program};
use crate::entry::{Entry, Fields};
use crate::host::Host;

/// What hosts read: JSON, comments, commas behind the last item.
const AS_HOSTS_READ: ParseOptions = ParseOptions {
    allow_comments: true,
    allow_loose_object_property_names: false,
    allow_trailing_commas: true,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

pub(super) fn put(host: Host, text: &str, entry: &Entry) -> Result<String, EditError> {
    let shape = entry.shape(host)?;
    let root = parse(text)?;
    let settings = settings(&root)?;
    let servers = object(&settings, host.key())?;
    match property(&servers, &entry.name)? {
        None => {
            servers.append(&entry.name, fields(shape));
        }
        Some(there) => {
            let there =
                there.object_value().ok_or(EditError::Other(entry.name.clone(), "object"))?;
            let command = command(&there);
            if !is_of(&command, program(&entry.command)) {
                return Err(EditError::Taken(entry.name.clone(), command));
            }
            for (name, new) in shape {
                set(&there, name, new)?;
            }
        }
    }
    let inputs = entry.inputs(host);
    if !inputs.is_empty() {
        let all = match property(&settings, INPUTS)? {
            Some(there) => {
                there.array_value().ok_or(EditError::Other(INPUTS.to_owned(), "list"))?
            }
            None => settings.array_value_or_set(INPUTS),
        };
        for (id, input) in inputs {
            if !ids(&all).any(|(known, _)| known == id) {
                all.append(fields(input));
            }
        }
    }
    Ok(root.to_string())
}

pub(super) fn take(
    host: Host,
    text: &str,
    name: &str,
    of: &str,
) -> Result<Option<String>, EditError> {
    let root = parse(text)?;
    let settings = settings(&root)?;
    let Some(servers) = property(&settings, host.key())? else { return Ok(None) };
    let servers = servers.object_value();
    let servers = servers.ok_or(EditError::Other(host.key().to_owned(), "object"))?;
    let Some(there) = property(&servers, name)? else { return Ok(None) };
    let command = there.object_value().map(|there| command(&there)).unwrap_or_default();
    if !is_of(&command, of) {
        return Err(EditError::Taken(name.to_owned(), command));
    }
    there.remove();
    if host == Host::VsCode
        && let Some(inputs) = settings.array_value(INPUTS)
    {
        let ours = Entry::inputs_of(name);
        for (_, input) in ids(&inputs).filter(|(id, _)| id.starts_with(&ours)) {
            input.remove();
        }
    }
    Ok(Some(root.to_string()))
}

pub(super) fn servers(host: Host, text: &str) -> Result<Vec<(String, String)>, EditError> {
    let root = parse(text)?;
    let Some(servers) = root.object_value().and_then(|all| all.object_value(host.key())) else {
        return Ok(Vec::new());
    };
    let named = servers.properties().into_iter().filter_map(|there| {
        let command = command(&there.object_value()?);
        Some((there.decoded_name()?, command))
    });
    Ok(named.collect())
}

const INPUTS: &str = "inputs";

fn parse(text: &str) -> Result<CstRootNode, EditError> {
    let text = if text.trim().is_empty() { "{}\n" } else { text };
    CstRootNode::parse(text, &AS_HOSTS_READ).map_err(|error| {
        let (line, column) = (error.line_display(), error.column_display());
        EditError::Broken(format!("line {line}, column {column}: {}", error.kind()))
    })
}

/// The object that the file is. One of comments alone becomes one.
fn settings(root: &CstRootNode) -> Result<CstObject, EditError> {
    root.object_value_or_create().ok_or(EditError::Other("the file".to_owned(), "object"))
}

/// The object of a name, which is made if it isn't there.
fn object(within: &CstObject, name: &str) -> Result<CstObject, EditError> {
    match property(within, name)? {
        Some(there) => there.object_value().ok_or(EditError::Other(name.to_owned(), "object")),
        None => Ok(within.object_value_or_set(name)),
    }
}

/// The property of a name. Which of two counts, readers don't agree on.
fn property(within: &CstObject, name: &str) -> Result<Option<CstObjectProp>, EditError> {
    let mut named = within.properties().into_iter();
    let mut named = named.by_ref().filter(|one| one.decoded_name().as_deref() == Some(name));
    let first = named.next();
    if named.next().is_some() {
        return Err(EditError::Twice(name.to_owned()));
    }
    Ok(first)
}

/// Sets what differs. Variables that the user gave the server stay.
fn set(within: &CstObject, name: &str, new: Value) -> Result<(), EditError> {
    let there = property(within, name)?;
    match (there, new) {
        (Some(there), Value::Object(fields)) if there.object_value().is_some() => {
            let object = object(within, name)?;
            for (name, field) in fields {
                set(&object, &name, field)?;
            }
        }
        (Some(there), new) => {
            let same = there.to_serde_value().as_ref() == Some(&new);
            if !same {
                there.set_value(value(new));
            }
        }
        (None, new) => {
            within.append(name, value(new));
        }
    }
    Ok(())
}

fn command(server: &CstObject) -> String {
    let command = server.get("command").and_then(|command| command.value()?.as_string_lit());
    command.and_then(|text| text.decoded_value().ok()).unwrap_or_default()
}

/// The inputs that have an id.
fn ids(inputs: &CstArray) -> impl Iterator<Item = (String, CstObject)> {
    inputs.elements().into_iter().filter_map(|input| {
        let input = input.as_object()?;
        let id = input.get("id")?.value()?.as_string_lit()?.decoded_value().ok()?;
        Some((id, input))
    })
}

fn fields(from: Fields) -> CstInputValue {
    CstInputValue::Object(
        from.into_iter().map(|(name, field)| (name.to_owned(), value(field))).collect(),
    )
}

fn value(from: Value) -> CstInputValue {
    match from {
        Value::Null => CstInputValue::Null,
        Value::Bool(value) => CstInputValue::Bool(value),
        Value::Number(number) => CstInputValue::Number(number.to_string()),
        Value::String(text) => CstInputValue::String(text),
        Value::Array(items) => CstInputValue::Array(items.into_iter().map(value).collect()),
        Value::Object(fields) => CstInputValue::Object(
            fields.into_iter().map(|(name, field)| (name, value(field))).collect(),
        ),
    }
}
