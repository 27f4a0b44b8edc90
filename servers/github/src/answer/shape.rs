//! What of GitHub's JSON is shown: a column's name, and the path of its value. Paths have keys and
//! dots; `[]` goes through a list, `?` at the end asks whether there is anything, `#` counts, `~` takes
//! `owner/name` out of a repository's address.

use lockkeeper_core::{ToolError, quoted};
use serde_json::Value;

/// One column.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) path: &'static str,
    /// Whether it is there without being asked for.
    is_shown: bool,
}

/// All columns that something has.
pub(crate) type Shape = &'static [Field];

/// A column.
pub(crate) const fn f(name: &'static str, path: &'static str) -> Field {
    Field { name, path, is_shown: true }
}

/// A column for those who ask for it.
pub(crate) const fn more(name: &'static str, path: &'static str) -> Field {
    Field { name, path, is_shown: false }
}

/// The columns of a call: those that it names, or those that are there by themselves.
pub(crate) fn chosen(shape: Shape, fields: &[String]) -> Result<Vec<&'static Field>, ToolError> {
    if fields.is_empty() {
        return Ok(shape.iter().filter(|field| field.is_shown).collect());
    }
    let known = |name: &String| {
        shape.iter().find(|field| field.name == name).ok_or_else(|| {
            let names: Vec<&str> = shape.iter().map(|field| field.name).collect();
            ToolError::invalid_arguments(format!("`fields`: there is no {}", quoted(name)))
                .hint(format!("the fields are {}", names.join(", ")))
        })
    };
    fields.iter().map(known).collect()
}

/// The value at a path; null if there is none.
pub(crate) fn find(value: &Value, path: &str) -> Value {
    if let Some(path) = path.strip_suffix('?') {
        return Value::Bool(!find(value, path).is_null());
    }
    if let Some(path) = path.strip_suffix('#') {
        return find(value, path).as_array().map_or(Value::Null, |list| list.len().into());
    }
    if let Some(path) = path.strip_suffix('~') {
        let url = find(value, path);
        let name = url.as_str().and_then(|url| url.rsplit_once("/repos/"));
        return name.map_or(Value::Null, |(_, name)| name.into());
    }
    let (key, rest) = match path.split_once('.') {
        Some((key, rest)) => (key, Some(rest)),
        None => (path, None),
    };
    let (name, is_list) = match key.strip_suffix("[]") {
        Some(name) => (name, true),
        None => (key, false),
    };
    let found = if name.is_empty() { Some(value) } else { value.get(name) };
    match (found, rest) {
        (None, _) => Value::Null,
        (Some(Value::Array(items)), rest) if is_list => {
            let each = |item: &Value| rest.map_or_else(|| item.clone(), |rest| find(item, rest));
            let found: Vec<Value> = items.iter().map(each).filter(|v| !v.is_null()).collect();
            if found.is_empty() { Value::Null } else { Value::Array(found) }
        }
        (Some(found), Some(rest)) => find(found, rest),
        (Some(found), None) => found.clone(),
    }
}

/// A value in a line: what would end the cell or the line is escaped.
pub(crate) fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => {
            let mut out = String::with_capacity(text.len());
            for c in text.chars() {
                match c {
                    '\n' => out.push_str("\\n"),
                    '\t' => out.push_str("\\t"),
                    '\r' => out.push_str("\\r"),
                    c => out.push(c),
                }
            }
            out
        }
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_find_what_is_there() {
        let value = json!({
            "user": {"login": "a"}, "labels": [{"name": "x"}, {"name": "y"}], "none": null,
            "parents": ["1", "2"], "at": "https://api.github.com/repos/o/r",
        });
        for (path, found) in [
            ("user.login", json!("a")),
            ("labels[].name", json!(["x", "y"])),
            ("parents[]", json!(["1", "2"])),
            ("labels#", json!(2)),
            ("at~", json!("o/r")),
            ("user?", json!(true)),
            ("none?", json!(false)),
            ("none.x", json!(null)),
            ("a.b.c", json!(null)),
            ("user[].x", json!(null)),
        ] {
            assert_eq!(find(&value, path), found, "{path}");
        }
        assert_eq!(cell(&json!(["a\nb", 1])), "a\\nb, 1");
    }
}
