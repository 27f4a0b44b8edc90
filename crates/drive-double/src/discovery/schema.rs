//! The schemas of a discovery document as JSON Schema, closed: what isn't described isn't there.

use std::sync::{Arc, PoisonError};

use jsonschema::Validator;
use serde_json::{Map, Value, json};

use super::Validators;

/// Times as Google writes and takes them.
const TIME: &str = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$";

#[derive(Debug)]
pub(super) struct Schemas {
    definitions: Map<String, Value>,
    validators: Validators,
}

impl Schemas {
    pub(super) fn new(schemas: &Value) -> Self {
        let all = schemas.as_object().into_iter().flatten();
        let definitions = all.map(|(name, schema)| (name.clone(), convert(schema))).collect();
        Self { definitions, validators: Validators::default() }
    }

    /// What is wrong with a value of this schema.
    pub(super) fn problems(&self, name: &str, value: &Value) -> Vec<String> {
        let Some(validator) = self.validator(name) else {
            return vec![format!("there is no schema `{name}`")];
        };
        let errors = validator.iter_errors(value);
        errors.map(|error| format!("{error} at `{}`", error.instance_path())).collect()
    }

    /// The schema of a property, through lists and references; none if there is no such property.
    pub(super) fn property<'a>(&'a self, schema: &'a Value, name: &str) -> Option<&'a Value> {
        let schema = self.resolve(schema)?;
        if schema["items"].is_object() {
            return self.property(&schema["items"], name);
        }
        match schema["properties"].get(name) {
            Some(property) => Some(property),
            None if schema["type"] == "object" || schema.as_object()?.is_empty() => {
                Some(&schema["additionalProperties"]).filter(|more| **more != false)
            }
            None => None,
        }
    }

    pub(super) fn definition(&self, name: &str) -> Option<&Value> {
        self.definitions.get(name)
    }

    fn resolve<'a>(&'a self, schema: &'a Value) -> Option<&'a Value> {
        match schema["$ref"].as_str() {
            Some(reference) => self.definition(reference.trim_start_matches("#/$defs/")),
            None => Some(schema),
        }
    }

    fn validator(&self, name: &str) -> Option<Arc<Validator>> {
        let mut made = self.validators.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(validator) = made.get(name) {
            return Some(Arc::clone(validator));
        }
        self.definitions.get(name)?;
        let schema = json!({ "$ref": format!("#/$defs/{name}"), "$defs": self.definitions });
        let validator = Arc::new(jsonschema::validator_for(&schema).ok()?);
        made.insert(name.to_owned(), Arc::clone(&validator));
        Some(validator)
    }
}

fn convert(schema: &Value) -> Value {
    if let Some(reference) = schema["$ref"].as_str() {
        return json!({ "$ref": format!("#/$defs/{reference}") });
    }
    match schema["type"].as_str() {
        Some("object") => object(schema),
        Some("array") => json!({ "type": "array", "items": convert(&schema["items"]) }),
        Some("string") => text(schema),
        Some(kind @ ("boolean" | "integer" | "number")) => json!({ "type": kind }),
        _ => json!({}),
    }
}

fn object(schema: &Value) -> Value {
    let properties = schema["properties"].as_object();
    let more = &schema["additionalProperties"];
    if properties.is_none() && more.is_null() {
        return json!({ "type": "object" });
    }
    let properties: Map<String, Value> = properties
        .into_iter()
        .flatten()
        .map(|(name, property)| (name.clone(), convert(property)))
        .collect();
    let more = if more.is_null() { Value::Bool(false) } else { convert(more) };
    json!({ "type": "object", "properties": properties, "additionalProperties": more })
}

fn text(schema: &Value) -> Value {
    let mut converted = json!({ "type": "string" });
    match schema["format"].as_str() {
        Some("int64" | "uint64") => converted["pattern"] = json!(r"^-?\d+$"),
        Some("date-time" | "google-datetime") => converted["pattern"] = json!(TIME),
        _ => {}
    }
    if let Some(allowed) = schema.get("enum") {
        converted["enum"] = allowed.clone();
    }
    converted
}
