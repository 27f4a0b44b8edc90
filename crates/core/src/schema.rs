//! JSON Schemas as hosts read them: flat, without references, and without words that cost tokens
//! on every turn and tell a model nothing.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use schemars::generate::{Contract, SchemaSettings};
use serde_json::{Map, Value};

/// A JSON object.
pub(crate) type Object = Map<String, Value>;

/// The schema of `T`, with the doc comment of `T` taken out of it.
pub(crate) fn of<T: JsonSchema>() -> (String, Object) {
    generate::<T>(&Contract::Deserialize)
}

/// The schema of what a `T` is sent as.
pub(crate) fn of_output<T: JsonSchema>() -> (String, Object) {
    generate::<T>(&Contract::Serialize)
}

fn generate<T: JsonSchema>(contract: &Contract) -> (String, Object) {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
        settings.contract = contract.clone();
    });
    let schema = settings.into_generator().into_root_schema_for::<T>();
    let Value::Object(mut object) = schema.to_value() else { return Default::default() };
    tidy(&mut object, contract);
    drop_null(&mut object);
    let description = match object.remove("description") {
        Some(Value::String(text)) => text,
        _ => String::new(),
    };
    object.entry("type").or_insert_with(|| Value::from("object"));
    (description, object)
}

/// One flat schema over the methods of a tool: a field is required if every method requires it.
pub(crate) fn of_methods(methods: &[(&str, Object)]) -> Object {
    let mut properties = Object::new();
    let names: Vec<&str> = methods.iter().map(|(name, _)| *name).collect();
    properties.insert("method".into(), serde_json::json!({ "enum": names }));
    let mut required: Option<BTreeSet<&str>> = None;
    for (_, schema) in methods {
        if let Some(fields) = schema.get("properties").and_then(Value::as_object) {
            for (name, field) in fields {
                properties.entry(name).or_insert_with(|| field.clone());
            }
        }
        let these: BTreeSet<&str> = schema
            .get("required")
            .and_then(Value::as_array)
            .map(|names| names.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default();
        required = Some(match required {
            Some(common) => common.intersection(&these).copied().collect(),
            None => these,
        });
    }
    let required: Vec<&str> =
        std::iter::once("method").chain(required.unwrap_or_default()).collect();
    let Value::Object(schema) = serde_json::json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    }) else {
        return Object::new();
    };
    schema
}

fn tidy(schema: &mut Object, contract: &Contract) {
    for word in ["$schema", "title", "format"] {
        schema.remove(word);
    }
    if !contract.is_deserialize() {
        // Whoever reads a result need not be told what it never holds.
        schema.remove("minimum");
    }
    if schema.get("default").is_some_and(is_empty_default) {
        schema.remove("default");
    }
    if let Some(Value::String(text)) = schema.get_mut("description") {
        *text = reflow(text);
    }
    let required = schema.get("required").cloned().unwrap_or_default();
    let required = required.as_array().map(Vec::as_slice).unwrap_or_default();
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        for (name, property) in properties {
            spell_out(property);
            let Value::Object(property) = property else { continue };
            tidy(property, contract);
            // What is sent in any case may be sent as `null`.
            if contract.is_deserialize() || !required.iter().any(|required| required == name) {
                drop_null(property);
            }
        }
    }
    if let Some(items) = schema.get_mut("items") {
        spell_out(items);
    }
    for word in ["items", "additionalProperties"] {
        if let Some(Value::Object(inner)) = schema.get_mut(word) {
            tidy(inner, contract);
            if contract.is_deserialize() {
                drop_null(inner);
            }
        }
    }
}

/// Anything at all is `true` as well as `{}`; some hosts take a schema for an object only.
fn spell_out(schema: &mut Value) {
    if *schema == Value::Bool(true) {
        *schema = Value::Object(Object::new());
    }
}

/// An optional field may be left out, so saying that it may be `null` as well is noise.
fn drop_null(schema: &mut Object) {
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            schema.insert("type".into(), only);
        }
    }
    if let Some(Value::Array(values)) = schema.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    let Some(Value::Array(choices)) = schema.get_mut("anyOf") else { return };
    choices.retain(|choice| choice.get("type").is_none_or(|name| name != "null"));
    if let [Value::Object(only)] = choices.as_slice() {
        let only = only.clone();
        schema.remove("anyOf");
        for (key, value) in only {
            schema.entry(key).or_insert(value);
        }
    }
}

fn is_empty_default(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::String(text) => text.is_empty(),
        Value::Bool(true) | Value::Number(_) => false,
    }
}

/// A doc comment as one line: its line breaks are the editor's, not the author's.
pub(crate) fn reflow(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Find
    /// things.
    ///
    /// Fails if none.
    #[derive(serde::Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its schema is looked at")]
    struct Args {
        pattern: String,
        /// at most
        /// this many
        limit: Option<u32>,
        #[serde(default)]
        literal: bool,
        kind: Option<Kind>,
        edits: Vec<Edit>,
    }

    #[derive(serde::Deserialize, JsonSchema)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        File,
        Dir,
    }

    #[derive(serde::Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its schema is looked at")]
    struct Edit {
        old_text: String,
    }

    #[test]
    fn anything_at_all_is_an_object_without_rules() {
        #[derive(serde::Deserialize, JsonSchema)]
        #[expect(dead_code, reason = "only its schema is looked at")]
        struct Args {
            one: Value,
            many: Vec<Value>,
        }
        let (_, schema) = of::<Args>();
        let properties = serde_json::json!({"one": {}, "many": {"type": "array", "items": {}}});
        assert_eq!(schema["properties"], properties);
    }

    #[test]
    fn what_is_sent_as_null_is_declared_so() {
        #[derive(serde::Serialize, JsonSchema)]
        struct Sent {
            always: Option<u8>,
            #[serde(skip_serializing_if = "Option::is_none")]
            if_there: Option<String>,
        }
        let sent = Sent { always: None, if_there: None };
        assert_eq!(serde_json::to_value(sent).unwrap(), serde_json::json!({"always": null}));
        let (_, schema) = of_output::<Sent>();
        assert_eq!(schema["properties"]["always"]["type"], serde_json::json!(["integer", "null"]));
        assert_eq!(schema["properties"]["if_there"]["type"], "string");
        assert_eq!(schema["required"], serde_json::json!(["always"]));
    }

    #[test]
    fn schemas_are_flat_and_short() {
        let (description, schema) = of::<Args>();
        assert_eq!(description, "Find things. Fails if none.");
        assert_eq!(
            Value::Object(schema),
            serde_json::json!({
                "type": "object",
                "properties": {
                    "pattern": {"type": "string"},
                    "limit": {"type": "integer", "minimum": 0, "description": "at most this many"},
                    "literal": {"type": "boolean"},
                    "kind": {"type": "string", "enum": ["file", "dir"]},
                    "edits": {"type": "array", "items": {
                        "type": "object",
                        "properties": {"old_text": {"type": "string"}},
                        "required": ["old_text"],
                        "additionalProperties": false,
                    }},
                },
                "required": ["pattern", "edits"],
                "additionalProperties": false,
            })
        );
    }
}
