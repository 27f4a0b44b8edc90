//! Values as people name them, as GitHub takes them: a field by its id, what is chosen by its own.

use lockkeeper_core::ToolError;
use serde_json::Value;

use crate::answer::{cell, find as at};

/// The id of a field, and what it is to be set to.
pub(super) fn find(
    fields: &[Value],
    name: &str,
    value: &Value,
) -> Result<(Value, Value), ToolError> {
    let is_called = |value: &Value, path: &str, name: &str| {
        at(value, path).as_str().is_some_and(|one| one.eq_ignore_ascii_case(name))
    };
    let names = |values: &[Value], path: &str| {
        values.iter().map(|value| cell(&at(value, path))).collect::<Vec<_>>().join(", ")
    };
    let refuse = |what: String| Err(ToolError::invalid_arguments(format!("`values`: {what}")));
    let Some(field) = fields.iter().find(|field| is_called(field, "name", name)) else {
        let known = format!("the fields are {}", names(fields, "name"));
        return refuse(format!("there is no field {name}")).map_err(|error| error.hint(known));
    };
    let id = at(field, "id");
    if value.is_null() {
        return Ok((id, Value::Null));
    }
    let chosen = |choices: &Value, path: &str| {
        let choices = choices.as_array().map(Vec::as_slice).unwrap_or_default();
        let named = value.as_str().unwrap_or_default();
        match choices.iter().find(|choice| is_called(choice, path, named)) {
            Some(choice) => Ok((id.clone(), at(choice, "id"))),
            None => refuse(format!("{name} takes one of {}", names(choices, path))),
        }
    };
    match at(field, "data_type").as_str().unwrap_or_default() {
        "single_select" => chosen(&at(field, "options"), "name.raw"),
        "iteration" => chosen(&at(field, "configuration.iterations"), "title.raw"),
        "number" if value.is_number() => Ok((id, value.clone())),
        "number" => refuse(format!("{name} takes a number")),
        "date" if value.as_str().is_some_and(is_date) => Ok((id, value.clone())),
        "date" => refuse(format!("{name} takes a date, such as 2026-01-31")),
        "text" | "title" if value.is_string() => Ok((id, value.clone())),
        "text" | "title" => refuse(format!("{name} takes a text")),
        kind => refuse(format!("{name} is {kind}, which is set on the issue itself")),
    }
}

fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    lengths == [4, 2, 2] && parts.iter().all(|part| part.bytes().all(|b| b.is_ascii_digit()))
}
