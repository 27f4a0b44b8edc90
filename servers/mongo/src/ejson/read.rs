//! From the JSON of arguments to BSON. A type is meant where an object is exactly one of Extended
//! JSON's wrappers; one that is nearly a wrapper is refused, and any other `$` name is an operator,
//! for the guard to judge. Fields keep their order.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bson::oid::ObjectId;
use bson::raw::CString;
use bson::spec::BinarySubtype;
use bson::{
    Binary, Bson, DateTime, Decimal128, Document, JavaScriptCodeWithScope, Regex, Timestamp,
};
use lockkeeper_core::quoted;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error as _};

use super::date;
use super::json::{Json, Object};
use super::write::EXACT_DOUBLE;

/// The deepest nesting that is read; core reads no request that is nested deeper.
const MAX_DEPTH: usize = 100;

/// What can't be taken for BSON, and where in the argument it stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{problem}", place(path))]
pub struct Problem {
    path: Vec<String>,
    problem: Cow<'static, str>,
}

fn place(path: &[String]) -> String {
    if path.is_empty() { String::new() } else { format!("{}: ", quoted(&path.join("."))) }
}

impl Problem {
    fn new(problem: impl Into<Cow<'static, str>>) -> Self {
        Self { path: Vec::new(), problem: problem.into() }
    }

    fn within(mut self, name: &str) -> Self {
        self.path.insert(0, name.to_owned());
        self
    }
}

/// An argument that is a document, in Extended JSON.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Given(pub Document);

impl<'de> Deserialize<'de> for Given {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match Json::deserialize(from)? {
            Json::Object(object) => document(&object).map(Self).map_err(D::Error::custom),
            _ => Err(D::Error::custom("is no object")),
        }
    }
}

impl JsonSchema for Given {
    fn schema_name() -> Cow<'static, str> {
        "Document".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object" })
    }
}

/// Reads a document. An object that spells a type is none.
///
/// # Errors
///
/// What BSON has nothing for, and where.
pub fn document(object: &Object) -> Result<Document, Problem> {
    match read(object, 0)? {
        Bson::Document(document) => Ok(document),
        _ => Err(Problem::new("is a value of a type, not a document")),
    }
}

/// Reads a value.
///
/// # Errors
///
/// What BSON has nothing for, and where.
pub fn value(value: &Json) -> Result<Bson, Problem> {
    any(value, 0)
}

fn any(value: &Json, depth: usize) -> Result<Bson, Problem> {
    if depth > MAX_DEPTH {
        return Err(Problem::new(format!("is nested deeper than {MAX_DEPTH}")));
    }
    Ok(match value {
        Json::Null => Bson::Null,
        Json::Bool(value) => Bson::Boolean(*value),
        Json::Integer(whole) => integer_of(*whole)?,
        Json::Double(double) => double_of(*double)?,
        Json::String(value) => Bson::String(value.clone()),
        Json::Array(items) => {
            let item = |(i, item)| {
                any(item, depth + 1).map_err(|problem| problem.within(&usize::to_string(&i)))
            };
            Bson::Array(items.iter().enumerate().map(item).collect::<Result<_, _>>()?)
        }
        Json::Object(object) => read(object, depth)?,
    })
}

fn integer_of(whole: i128) -> Result<Bson, Problem> {
    let short = i32::try_from(whole).map(Bson::Int32);
    short.or_else(|_| i64::try_from(whole).map(Bson::Int64)).map_err(|_| beyond(&whole.to_string()))
}

/// `serde_json` makes a double of what 64 bits don't hold, and doesn't say that it was whole.
fn double_of(double: f64) -> Result<Bson, Problem> {
    if double.fract() != 0.0 || double.abs() < EXACT_DOUBLE {
        Ok(Bson::Double(double))
    } else {
        Err(beyond(&format!("{double:?}")))
    }
}

fn beyond(number: &str) -> Problem {
    Problem::new(format!(
        "{number} is beyond 64 bits: write {{\"$numberDecimal\":\"…\"}} to keep each digit, or \
         {{\"$numberDouble\":\"…\"}}"
    ))
}

/// The names by which an object is known to be meant as a type.
const WRAPPERS: &[&str] = &[
    "$oid",
    "$symbol",
    "$numberInt",
    "$numberLong",
    "$numberDouble",
    "$numberDecimal",
    "$binary",
    "$uuid",
    "$code",
    "$scope",
    "$timestamp",
    "$regularExpression",
    "$dbPointer",
    "$date",
    "$minKey",
    "$maxKey",
    "$undefined",
];

fn read(object: &Object, depth: usize) -> Result<Bson, Problem> {
    if let Some(name) = object.names().find(|name| WRAPPERS.contains(name)) {
        return wrapped(name, object, depth).map_err(|problem| {
            if problem.path.is_empty() { problem.within(name) } else { problem }
        });
    }
    let mut document = Document::new();
    for (name, value) in object.iter() {
        if name.contains('\0') {
            return Err(Problem::new(format!("the name {} has a NUL", quoted(name))));
        }
        let value = any(value, depth + 1).map_err(|problem| problem.within(name))?;
        document.insert(name, value);
    }
    Ok(Bson::Document(document))
}

fn wrapped(name: &str, object: &Object, depth: usize) -> Result<Bson, Problem> {
    let text = |wanted: &'static str| match (object.len(), object.get(name)) {
        (1, Some(Json::String(text))) => Ok(text.as_str()),
        _ => Err(Problem::new(format!("takes {wanted} and stands alone in its object"))),
    };
    let fields = |wanted: [&str; 2]| {
        let inner = object.get(name).and_then(Json::as_object);
        match inner.filter(|inner| object.len() == 1 && inner.len() == 2) {
            Some(inner) if wanted.iter().all(|name| inner.get(name).is_some()) => Ok(inner),
            _ => Err(Problem::new(format!(
                "takes an object of `{}` and `{}`, and stands alone in its object",
                wanted[0], wanted[1]
            ))),
        }
    };
    let one = || match (object.len(), object.get(name)) {
        (1, Some(Json::Integer(1))) => Ok(()),
        _ => Err(Problem::new("takes 1 and stands alone in its object")),
    };
    Ok(match name {
        "$oid" => Bson::ObjectId(object_id(text("24 hexadecimal digits")?)?),
        "$symbol" => Bson::Symbol(text("a string")?.to_owned()),
        "$numberInt" => Bson::Int32(integer(text("a string of digits")?)?),
        "$numberLong" => Bson::Int64(integer(text("a string of digits")?)?),
        "$numberDouble" => Bson::Double(double(text("a string such as \"1.5\"")?)?),
        "$numberDecimal" => Bson::Decimal128(decimal(text("a string such as \"1.50\"")?)?),
        "$binary" => binary(fields(["base64", "subType"])?)?,
        "$uuid" => Bson::Binary(uuid(text("a string")?)?),
        "$code" | "$scope" => code(object, depth)?,
        "$timestamp" => {
            let inner = fields(["t", "i"])?;
            let part = |name| {
                let value = match inner.get(name) {
                    Some(Json::Integer(value)) => u32::try_from(*value).ok(),
                    _ => None,
                };
                value.ok_or_else(|| {
                    Problem::new("takes `t` and `i`, each a whole number of 32 bits")
                })
            };
            Bson::Timestamp(Timestamp { time: part("t")?, increment: part("i")? })
        }
        "$regularExpression" => {
            let inner = fields(["pattern", "options"])?;
            let part = |name| {
                let text = inner.get(name).and_then(Json::as_str);
                text.and_then(|text| CString::try_from(text.to_owned()).ok()).ok_or_else(|| {
                    Problem::new("takes `pattern` and `options`, both text without NUL")
                })
            };
            let (pattern, options) = (part("pattern")?, part("options")?);
            let letters = options.as_str().as_bytes();
            if !letters.is_sorted_by(|a, b| a < b)
                || letters.iter().any(|letter| !b"ilmsux".contains(letter))
            {
                let problem = "takes `options` out of i, l, m, s, u, x, in this order";
                return Err(Problem::new(problem));
            }
            Bson::RegularExpression(Regex { pattern, options })
        }
        "$dbPointer" => pointer(fields(["$ref", "$id"])?)?,
        "$date" => Bson::DateTime(DateTime::from_millis(date(object, name)?)),
        "$minKey" => one().map(|()| Bson::MinKey)?,
        "$maxKey" => one().map(|()| Bson::MaxKey)?,
        _ => match (object.len(), object.get(name)) {
            (1, Some(Json::Bool(true))) => Bson::Undefined,
            _ => return Err(Problem::new("takes true and stands alone in its object")),
        },
    })
}

fn object_id(text: &str) -> Result<ObjectId, Problem> {
    let hex = text.len() == 24 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let parsed = hex.then(|| ObjectId::parse_str(text).ok()).flatten();
    parsed.ok_or_else(|| Problem::new("takes 24 hexadecimal digits"))
}

/// Only what a number looks like in JSON: other spellings would not read back as they were.
fn integer<T: std::str::FromStr>(text: &str) -> Result<T, Problem> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let parsed = plain.then(|| text.parse().ok()).flatten();
    parsed.ok_or_else(|| Problem::new("takes a string of digits within its range"))
}

fn double(text: &str) -> Result<f64, Problem> {
    match text {
        "NaN" => return Ok(f64::NAN),
        "Infinity" => return Ok(f64::INFINITY),
        "-Infinity" => return Ok(f64::NEG_INFINITY),
        _ => {}
    }
    let numeric = |byte: u8| byte.is_ascii_digit() || b"+-.eE".contains(&byte);
    let parsed = text.bytes().all(numeric).then(|| text.parse().ok()).flatten();
    parsed.filter(|value: &f64| value.is_finite()).ok_or_else(|| {
        Problem::new("takes a number in a string, or \"NaN\", \"Infinity\", \"-Infinity\"")
    })
}

fn decimal(text: &str) -> Result<Decimal128, Problem> {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    let parsed = (text.len() <= 100 && text.bytes().all(known)).then(|| text.parse().ok());
    parsed.flatten().ok_or_else(|| {
        Problem::new("takes a number of at most 34 digits in a string, or \"NaN\", \"Infinity\"")
    })
}

fn binary(inner: &Object) -> Result<Bson, Problem> {
    let base64 = inner.get("base64").and_then(Json::as_str);
    let bytes = base64.and_then(|base64| STANDARD.decode(base64).ok());
    let subtype = inner.get("subType").and_then(Json::as_str).filter(|text| {
        (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
    });
    let subtype = subtype.and_then(|text| u8::from_str_radix(text, 16).ok());
    let (Some(bytes), Some(subtype)) = (bytes, subtype) else {
        let problem = "takes `base64` with its padding, and `subType` of two hexadecimal digits";
        return Err(Problem::new(problem));
    };
    Ok(Bson::Binary(Binary { subtype: BinarySubtype::from(subtype), bytes }))
}

fn uuid(text: &str) -> Result<Binary, Problem> {
    let wrong = || Problem::new("takes 8-4-4-4-12 hexadecimal digits");
    let groups: Vec<usize> = text.split('-').map(str::len).collect();
    if groups != [8, 4, 4, 4, 12] {
        return Err(wrong());
    }
    let digits: String = text.split('-').collect();
    let pairs = digits.as_bytes().chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair).ok()?;
        let hex = pair.bytes().all(|byte| byte.is_ascii_hexdigit());
        hex.then(|| u8::from_str_radix(pair, 16).ok()).flatten()
    });
    let bytes = pairs.collect::<Option<Vec<u8>>>().ok_or_else(wrong)?;
    Ok(Binary { subtype: BinarySubtype::Uuid, bytes })
}

fn code(object: &Object, depth: usize) -> Result<Bson, Problem> {
    let code = object.get("$code").and_then(Json::as_str);
    match (object.len(), code, object.get("$scope").and_then(Json::as_object)) {
        (1, Some(code), None) => Ok(Bson::JavaScriptCode(code.to_owned())),
        (2, Some(code), Some(scope)) => {
            let Bson::Document(scope) = read(scope, depth + 1)? else {
                return Err(Problem::new("takes a document as `$scope`"));
            };
            let code = code.to_owned();
            Ok(Bson::JavaScriptCodeWithScope(JavaScriptCodeWithScope { code, scope }))
        }
        _ => Err(Problem::new("takes a string, and beside it at most `$scope`")),
    }
}

/// The driver's library makes these from bytes alone.
fn pointer(inner: &Object) -> Result<Bson, Problem> {
    let wrong = || Problem::new("takes `$ref`, a string, and `$id`, an object id");
    let namespace = inner.get("$ref").and_then(Json::as_str).ok_or_else(wrong)?;
    let id = inner.get("$id").and_then(Json::as_object).filter(|id| id.len() == 1);
    let id = id.and_then(|id| id.get("$oid")).and_then(Json::as_str).ok_or_else(wrong)?;
    let (id, length) = (object_id(id)?, i32::try_from(namespace.len() + 1).map_err(|_| wrong())?);
    let mut bytes = vec![0, 0, 0, 0, 0x0C, b'p', 0];
    bytes.extend(length.to_le_bytes());
    bytes.extend(namespace.as_bytes());
    bytes.push(0);
    bytes.extend(id.bytes());
    bytes.push(0);
    let total = i32::try_from(bytes.len()).map_err(|_| wrong())?.to_le_bytes();
    for (byte, length) in bytes.iter_mut().zip(total) {
        *byte = length;
    }
    let mut document = Document::from_reader(bytes.as_slice()).map_err(|_| wrong())?;
    document.remove("p").ok_or_else(wrong)
}

fn date(object: &Object, name: &str) -> Result<i64, Problem> {
    let wrong = || {
        let wanted = "takes a time such as \"2024-05-31T12:00:00Z\" or milliseconds in $numberLong";
        Problem::new(wanted)
    };
    match (object.len(), object.get(name)) {
        (1, Some(Json::String(text))) => date::read(text).map_err(Problem::new),
        (1, Some(Json::Integer(millis))) => i64::try_from(*millis).map_err(|_| wrong()),
        (1, Some(Json::Object(inner))) => match (inner.len(), inner.get("$numberLong")) {
            (1, Some(Json::String(text))) => integer(text),
            _ => Err(wrong()),
        },
        _ => Err(wrong()),
    }
}
