//! From JSON to typed arguments: strict where a mistake could hide (unknown names, duplicate keys,
//! depth), forgiving where hosts are known to differ and only one reading is possible.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeOwned, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Number, Value};

use crate::error::ToolError;
use crate::schema::Object;
use crate::text::{quoted, truncate_at_char};

/// Deepest nesting of a request's parameters that is accepted.
const MAX_DEPTH: usize = 64;

/// Most values in a request's parameters: each takes many times the bytes that it has on the line.
const MAX_VALUES: usize = 500_000;

/// How much of the parser's complaint, which quotes its input, an error repeats.
const MOST_ECHOED: usize = 300;

/// Parses JSON that holds no duplicate key, is nested at most 64 deep and has a bounded number of
/// values.
pub(crate) fn strict(json: &RawValue) -> Result<Value, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(json.get());
    let left = Cell::new(MAX_VALUES);
    let value = Strict { depth: MAX_DEPTH, left: &left }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

/// Decodes the arguments of a call whose schema is `schema`. With their `text`, what is decoded sees
/// keys in the order in which they were written.
pub(crate) fn arguments<T: DeserializeOwned>(
    mut given: Object,
    text: Option<&str>,
    schema: &Object,
) -> Result<T, ToolError> {
    let properties = schema.get("properties").and_then(Value::as_object);
    let empty = Map::new();
    let properties = properties.unwrap_or(&empty);
    for name in given.keys() {
        if !properties.contains_key(name) {
            return Err(unknown_argument(name, properties));
        }
    }
    // A host that sends every property sends `null` for those that the model left out.
    given.retain(|_, value| !value.is_null());
    let mut read = BTreeMap::new();
    for (name, value) in &mut given {
        if let Some(property) = properties.get(name)
            && let Some(text) = read_string(value, property)
        {
            read.insert(name.clone(), text);
        }
    }
    let decoded = match text.and_then(|text| as_written(&given, &read, text)) {
        Some(text) => {
            serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_str(&text))
        }
        None => serde_path_to_error::deserialize(Value::Object(given)),
    };
    decoded.map_err(|error| {
        let path = error.path().to_string();
        let mut problem = error.into_inner().to_string();
        // Where in our own text it stands means nothing to whoever wrote another.
        if let Some(place) = problem.rfind(" at line ") {
            problem.truncate(place);
        }
        truncate_at_char(&mut problem, MOST_ECHOED);
        let message = match path.as_str() {
            "." => problem,
            path => format!("{}: {problem}", quoted(path)),
        };
        let error = ToolError::invalid_arguments(message);
        match wanted(&path, schema) {
            Some(hint) => error.hint(hint),
            None => error,
        }
    })
}

/// The arguments in `given` as `text` has them, but for those that were read from a string.
fn as_written(given: &Object, read: &BTreeMap<String, String>, text: &str) -> Option<String> {
    let written: BTreeMap<String, &RawValue> = serde_json::from_str(text).ok()?;
    let mut out = String::with_capacity(text.len());
    out.push('{');
    for name in given.keys() {
        if out.len() > 1 {
            out.push(',');
        }
        let value = match read.get(name) {
            Some(text) => text.as_str(),
            None => written.get(name)?.get(),
        };
        out.push_str(&Value::from(name.as_str()).to_string());
        out.push(':');
        out.push_str(value);
    }
    out.push('}');
    Some(out)
}

/// What the argument at `path` has to be, or which ones a call has to have, in the schema's words.
fn wanted(path: &str, schema: &Object) -> Option<String> {
    let name = path.split(['.', '[']).next().filter(|name| !name.is_empty());
    let property = name.and_then(|name| Some((name, schema.get("properties")?.get(name)?)));
    if let Some((name, property)) = property {
        if let Some(values) = property.get("enum") {
            return Some(format!("`{name}` is one of {values}"));
        }
        let kind = property.get("type").and_then(Value::as_str)?;
        let least = property.get("minimum").map(|least| format!(", at least {least}"));
        return Some(format!("`{name}` is of type {kind}{}", least.unwrap_or_default()));
    }
    let required = schema.get("required")?.as_array()?;
    let names: Vec<&str> = required.iter().filter_map(Value::as_str).collect();
    Some(format!("a call needs {}", names.join(", ")))
}

/// Names that other servers use, and what they are called here, best first.
const SYNONYMS: &[(&str, &[&str])] = &[
    ("content", &["text", "new_text"]),
    ("directory", &["path"]),
    ("dir", &["path"]),
    ("endline", &["limit"]),
    ("exclude", &["glob"]),
    ("excludepatterns", &["glob"]),
    ("file", &["path", "a"]),
    ("filename", &["path", "glob"]),
    ("folder", &["path"]),
    ("head", &["limit"]),
    ("include", &["glob"]),
    ("isregex", &["literal"]),
    ("lines", &["limit"]),
    ("maxcount", &["limit"]),
    ("maxdepth", &["depth"]),
    ("maxresults", &["limit"]),
    ("name", &["glob", "pattern"]),
    ("oldtext", &["old_text"]),
    ("page", &["cursor"]),
    ("pattern", &["glob"]),
    ("query", &["pattern", "glob"]),
    ("recursive", &["depth"]),
    ("regex", &["pattern"]),
    ("root", &["path"]),
    ("startline", &["offset"]),
    ("tail", &["offset"]),
    ("target", &["path"]),
    ("text", &["pattern", "content"]),
];

fn unknown_argument(name: &str, properties: &Object) -> ToolError {
    let folded = fold(name);
    let synonyms = SYNONYMS.iter().find(|(synonym, _)| *synonym == folded).map(|(_, names)| *names);
    let synonym = synonyms.unwrap_or_default().iter().find_map(|name| {
        let (known, _) = properties.get_key_value(*name)?;
        Some((1.0, known))
    });
    let similar = synonym.or_else(|| similar(&folded, properties));
    let known: Vec<&str> = properties.keys().map(String::as_str).collect();
    let error = ToolError::invalid_arguments(format!("unknown argument {}", quoted(name)));
    match similar {
        Some((_, right)) => error.hint(format!("use `{right}`")),
        None if known.is_empty() => error.hint("call it without arguments"),
        None => error.hint(format!("the arguments are {}", known.join(", "))),
    }
}

fn similar<'a>(folded: &str, properties: &'a Object) -> Option<(f64, &'a String)> {
    properties
        .keys()
        .map(|known| (strsim::jaro_winkler(&fold(known), folded), known))
        .filter(|(score, known)| *score > 0.85 || folded.contains(&fold(known)))
        .max_by(|a, b| a.0.total_cmp(&b.0))
}

/// `oldText` and `old_text` are one name in two styles.
fn fold(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Some hosts send `"10"` for 10 and `"[…]"` for a list. Where the schema asks for something else
/// than a string, only one reading of such a string is possible: its text, if it was read.
fn read_string(value: &mut Value, property: &Value) -> Option<String> {
    let wanted = property.get("type").and_then(Value::as_str).unwrap_or_default();
    if let (Value::Number(number), "integer") = (&*value, wanted)
        && let Some(whole) = whole(number)
    {
        *value = whole;
        return Some(value.to_string());
    }
    let Value::String(text) = &*value else { return None };
    let read = match wanted {
        "integer" | "number" | "boolean" | "object" => serde_json::from_str(text.trim()).ok(),
        "array" => serde_json::from_str(text.trim()).ok().or_else(|| {
            let of_strings = property.pointer("/items/type").is_some_and(|kind| kind == "string");
            of_strings.then(|| Value::Array(vec![Value::from(text.as_str())]))
        }),
        _ => None,
    };
    let fits = |read: &Value| match wanted {
        "integer" | "number" => read.is_number(),
        "boolean" => read.is_boolean(),
        "object" => read.is_object(),
        _ => read.is_array(),
    };
    let read = read.filter(fits)?;
    // What is no JSON itself was made a list of one.
    let is_json = text.trim_start().starts_with(['[', '{']);
    let text = if is_json { text.trim().to_owned() } else { read.to_string() };
    *value = read;
    Some(text)
}

/// `10.0` is an integer in JSON Schema.
fn whole(number: &Number) -> Option<Value> {
    let float = number.as_f64().filter(|_| number.is_f64())?;
    // Beyond 2^53 a float no longer says which integer was meant.
    let exact = float.fract() == 0.0 && float.abs() < 9_007_199_254_740_992.0;
    #[expect(clippy::cast_possible_truncation, reason = "whole and within 53 bits")]
    exact.then(|| Value::from(float as i64))
}

/// A JSON value without duplicate keys, nested at most `depth` deep, of at most `left` values.
#[derive(Clone, Copy)]
struct Strict<'a> {
    depth: usize,
    left: &'a Cell<usize>,
}

impl Strict<'_> {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        let depth = self
            .depth
            .checked_sub(1)
            .ok_or_else(|| E::custom(format_args!("nested deeper than {MAX_DEPTH}")))?;
        Ok(Self { depth, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        let left = self.left.get().checked_sub(1).ok_or_else(|| {
            serde::de::Error::custom(format_args!("more than {MAX_VALUES} values"))
        })?;
        self.left.set(left);
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut out = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            out.push(item);
        }
        Ok(Value::Array(out))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut out = Map::new();
        while let Some(name) = fields.next_key::<String>()? {
            let value = fields.next_value_seed(inner)?;
            if out.contains_key(&name) {
                let problem = format!("duplicate key {}", quoted(&name));
                return Err(serde::de::Error::custom(problem));
            }
            out.insert(name, value);
        }
        Ok(Value::Object(out))
    }
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Args {
        path: Option<String>,
        old_text: Option<String>,
        limit: Option<u32>,
        paths: Option<Vec<String>>,
        #[serde(default)]
        literal: bool,
    }

    fn decode(given: Value) -> Result<Args, String> {
        let (_, schema) = crate::schema::of::<Args>();
        let Value::Object(given) = given else { panic!("an object") };
        arguments(given, None, &schema).map_err(|error| error.text())
    }

    #[test]
    fn strings_are_read_where_only_one_reading_is_possible() {
        let args = decode(json!({"limit": "10", "paths": "[\"a\",\"b\"]", "literal": "true"}));
        let args = args.unwrap();
        assert_eq!((args.limit, args.literal), (Some(10), true));
        assert_eq!(args.paths.unwrap(), ["a", "b"]);
        assert_eq!(decode(json!({"paths": "a b"})).unwrap().paths.unwrap(), ["a b"]);
        assert_eq!(decode(json!({"path": "10"})).unwrap().path.unwrap(), "10");
        assert_eq!(decode(json!({"limit": 10.0})).unwrap().limit, Some(10));
        assert!(decode(json!({"limit": null})).is_ok());
        assert!(decode(json!({"limit": "ten"})).is_err());
        assert!(decode(json!({"limit": -1})).unwrap_err().contains("`limit`"));
    }

    /// Keys in the order in which they come.
    #[derive(Debug, PartialEq)]
    struct Keys(Vec<String>);

    impl<'de> Deserialize<'de> for Keys {
        fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            struct InOrder;
            impl<'de> Visitor<'de> for InOrder {
                type Value = Keys;
                fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str("a map")
                }
                fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
                    let mut keys = Vec::new();
                    while let Some((key, _)) = map.next_entry::<String, Value>()? {
                        keys.push(key);
                    }
                    Ok(Keys(keys))
                }
            }
            from.deserialize_map(InOrder)
        }
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sorted {
        sort: Keys,
        limit: Option<u32>,
    }

    #[test]
    fn keys_keep_the_order_in_which_they_were_written() {
        let schema = json!({"properties": {
            "sort": {"type": "object"}, "limit": {"type": "integer"}, "none": {"type": "string"},
        }});
        let decode = |text: &str| {
            let given: Object = serde_json::from_str(text).unwrap();
            arguments::<Sorted>(given, Some(text), schema.as_object().unwrap())
        };
        let sorted = decode(r#"{"sort": {"z": 1, "a": -1}, "none": null, "limit": "3"}"#).unwrap();
        assert_eq!((sorted.sort, sorted.limit), (Keys(vec!["z".into(), "a".into()]), Some(3)));
        let as_string = decode(r#"{"sort": "{\"z\": 1, \"a\": -1}"}"#).unwrap();
        assert_eq!(as_string.sort, Keys(vec!["z".into(), "a".into()]));
        let error = decode(r#"{"sort": 1}"#).unwrap_err();
        assert!(error.text().contains("`sort`"), "{}", error.text());
        assert!(decode(r#"{"sort": {}, "limits": 1}"#).is_err());
    }

    #[test]
    fn an_unknown_argument_names_the_right_one() {
        let error = |given| decode(given).unwrap_err();
        assert!(error(json!({"oldText": "a"})).contains("next: use `old_text`"));
        assert!(error(json!({"file_path": "a"})).contains("next: use `path`"));
        assert!(error(json!({"zzz": 1})).contains("the arguments are limit, literal,"));
    }

    #[test]
    fn duplicate_keys_and_depth_are_refused() {
        let parse = |json: String| strict(&RawValue::from_string(json).unwrap());
        let error = parse(r#"{"a":1,"b":{"c":1,"c":2}}"#.into()).unwrap_err();
        assert!(error.to_string().starts_with("duplicate key `c`"), "{error}");
        assert!(parse("[".repeat(64) + &"]".repeat(64)).is_ok());
        let error = parse("[".repeat(65) + &"]".repeat(65)).unwrap_err();
        assert!(error.to_string().starts_with("nested deeper"), "{error}");
    }
}
