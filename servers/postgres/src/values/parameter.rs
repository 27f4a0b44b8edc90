//! JSON as the parameters of a statement. All travel as text and PostgreSQL parses them, so that
//! they mean what the same text means between quotes in SQL, and no digit is lost on the way. A
//! string is taken as that text whatever the type: for jsonb it is JSON, for an array its literal.

use std::error::Error;

use bytes::BytesMut;
use serde_json::{Map, Number, Value};
use tokio_postgres::types::{Format, IsNull, Kind, ToSql, Type};

use super::codec::delimiter;

/// The parameter with this number, from 1, as it was given.
#[derive(Debug)]
pub(crate) struct Parameter {
    index: usize,
    value: Value,
}

/// Why a parameter can't be given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("parameter ${index} is `{expected}` in the statement: {problem}")]
pub(crate) struct ParameterError {
    /// From 1.
    pub(crate) index: usize,
    /// The type that PostgreSQL took it for.
    pub(crate) expected: String,
    pub(crate) problem: String,
}

impl Parameter {
    /// All parameters of a statement, in order. They are judged when they are bound.
    pub(crate) fn all(values: Vec<Value>) -> Vec<Box<dyn ToSql + Sync + Send>> {
        let boxed = |(place, value)| {
            let parameter: Box<dyn ToSql + Sync + Send> =
                Box::new(Self { index: place + 1, value });
            parameter
        };
        values.into_iter().enumerate().map(boxed).collect()
    }

    fn text(&self, type_: &Type) -> Result<Option<String>, ParameterError> {
        text(&self.value, type_).map_err(|problem| ParameterError {
            index: self.index,
            expected: type_.name().to_owned(),
            problem,
        })
    }
}

impl ParameterError {
    /// The reason behind an error of the driver, if it is one of these.
    pub(crate) fn of(error: &tokio_postgres::Error) -> Option<&Self> {
        error.source()?.downcast_ref()
    }
}

impl ToSql for Parameter {
    fn to_sql(
        &self,
        type_: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        let Some(text) = self.text(type_)? else {
            return Ok(IsNull::Yes);
        };
        out.extend_from_slice(text.as_bytes());
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    fn to_sql_checked(
        &self,
        type_: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        self.to_sql(type_, out)
    }
}

/// How a type takes values of JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Takes {
    Bool,
    /// Without decimals.
    Whole,
    /// With all its digits.
    Exact,
    /// The nearest.
    Float,
    Text,
    Json,
    /// Numbers in brackets, as pgvector's.
    Numbers,
    Hstore,
    /// Strings only.
    Literal,
}

impl Takes {
    fn of(type_: &Type) -> Self {
        match (type_.oid(), type_.name()) {
            (16, _) => Self::Bool,
            // int2, int4, int8, oid, xid, cid, xid8
            (20 | 21 | 23 | 26 | 28 | 29 | 5069, _) => Self::Whole,
            // numeric, money
            (1700 | 790, _) => Self::Exact,
            (700 | 701, _) => Self::Float,
            // text, varchar, bpchar, name, unknown
            (25 | 1043 | 1042 | 19 | 705, _) => Self::Text,
            (114 | 3802, _) => Self::Json,
            (_, "citext") => Self::Text,
            (_, "vector" | "halfvec") => Self::Numbers,
            (_, "hstore") => Self::Hstore,
            _ => Self::Literal,
        }
    }
}

/// The text of a value for a type; `None` for NULL.
fn text(value: &Value, type_: &Type) -> Result<Option<String>, String> {
    let text = match (type_.kind(), value) {
        (_, Value::Null) => return Ok(None),
        (_, Value::String(text)) => text.clone(),
        (Kind::Domain(base), value) => return text(value, base),
        // int2vector and oidvector are written in another way.
        (Kind::Array(element), Value::Array(items)) if !matches!(type_.oid(), 22 | 30) => {
            array(items, element)?
        }
        (Kind::Composite(fields), Value::Object(object)) => composite(object, fields)?,
        (_, value) => scalar(value, Takes::of(type_))?,
    };
    if text.contains('\0') {
        return Err("text in PostgreSQL can't hold the character U+0000".to_owned());
    }
    Ok(Some(text))
}

fn scalar(value: &Value, takes: Takes) -> Result<String, String> {
    match (takes, value) {
        (Takes::Json, value) => exact_json(value).map(|()| value.to_string()),
        (Takes::Bool | Takes::Text, Value::Bool(value)) => Ok(value.to_string()),
        (Takes::Whole, Value::Number(number)) => whole(number),
        (Takes::Exact | Takes::Text, Value::Number(number)) => exact(number),
        (Takes::Float, Value::Number(number)) => Ok(number.to_string()),
        (Takes::Numbers, Value::Array(items)) => numbers(items),
        (Takes::Hstore, Value::Object(object)) => hstore(object),
        _ => Err(format!("it was given {}, {}", given(value), wanted(takes))),
    }
}

fn given(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

fn wanted(takes: Takes) -> &'static str {
    match takes {
        Takes::Bool => "and takes true or false",
        Takes::Whole => "and takes a whole number, or a string of its digits",
        Takes::Exact | Takes::Float => "and takes a number, or a string of its digits",
        Takes::Text | Takes::Literal | Takes::Json => {
            "and takes a string with the value as it is written in SQL"
        }
        Takes::Numbers => "and takes an array of numbers",
        Takes::Hstore => "and takes an object of strings",
    }
}

/// Whole numbers beyond are not exact in the JSON of everyone.
const EXACT: f64 = 9_007_199_254_740_992.0;

fn whole(number: &Number) -> Result<String, String> {
    if !number.is_f64() {
        return Ok(number.to_string());
    }
    let float = number.as_f64().unwrap_or(f64::NAN);
    if float.fract() != 0.0 {
        return Err(format!("it was given {number}, and takes a whole number"));
    }
    if float.abs() >= EXACT {
        return Err(lost(number));
    }
    Ok(format!("{float:.0}"))
}

/// A number came through JSON as a float unless it is whole and short. One whose digits may have
/// been more than a float holds is refused: it would be another number, and nobody would know.
fn exact(number: &Number) -> Result<String, String> {
    if !number.is_f64() {
        return Ok(number.to_string());
    }
    let text = number.to_string();
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    let digits = mantissa.trim_start_matches(['-', '0', '.']);
    if digits.bytes().filter(u8::is_ascii_digit).count() > 15 {
        return Err(lost(number));
    }
    Ok(text)
}

/// Numbers anywhere in a value for json and jsonb.
fn exact_json(value: &Value) -> Result<(), String> {
    match value {
        Value::Number(number) => exact(number).map(drop),
        Value::Array(items) => items.iter().try_for_each(exact_json),
        Value::Object(object) => object.values().try_for_each(exact_json),
        _ => Ok(()),
    }
}

fn lost(number: &Number) -> String {
    format!("digits of {number} may have been lost on the way; give it as a string")
}

/// An array literal: <https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO>
fn array(items: &[Value], element: &Type) -> Result<String, String> {
    let delimiter = delimiter(element);
    let mut literal = String::from("{");
    for (n, item) in items.iter().enumerate() {
        if n > 0 {
            literal.push(delimiter);
        }
        match item {
            // Another dimension, but for types whose values are arrays.
            Value::Array(items) if Takes::of(element) == Takes::Literal || is_scalar(element) => {
                literal.push_str(&array(items, element)?);
            }
            item => match text(item, element)
                .map_err(|problem| format!("element {}: {problem}", n + 1))?
            {
                None => literal.push_str("NULL"),
                Some(text) => quote(&mut literal, &text),
            },
        }
    }
    literal.push('}');
    Ok(literal)
}

fn is_scalar(element: &Type) -> bool {
    !matches!(Takes::of(element), Takes::Json | Takes::Numbers)
}

/// A row literal: <https://www.postgresql.org/docs/current/rowtypes.html#ROWTYPES-IO-SYNTAX>
fn composite(
    object: &Map<String, Value>,
    fields: &[tokio_postgres::types::Field],
) -> Result<String, String> {
    if let Some(name) = object.keys().find(|name| !fields.iter().any(|f| f.name() == *name)) {
        let names: Vec<_> = fields.iter().map(|field| format!("`{}`", field.name())).collect();
        return Err(format!("it has no field `{name}`; its fields are {}", names.join(", ")));
    }
    let mut literal = String::from("(");
    for (n, field) in fields.iter().enumerate() {
        if n > 0 {
            literal.push(',');
        }
        let value = object.get(field.name()).unwrap_or(&Value::Null);
        let value = text(value, field.type_());
        if let Some(text) =
            value.map_err(|problem| format!("field `{}`: {problem}", field.name()))?
        {
            quote(&mut literal, &text);
        }
    }
    literal.push(')');
    Ok(literal)
}

fn numbers(items: &[Value]) -> Result<String, String> {
    let number = |item: &Value| match item {
        Value::Number(number) => Ok(number.to_string()),
        other => Err(format!("it holds {}, and takes an array of numbers", given(other))),
    };
    let numbers = items.iter().map(number).collect::<Result<Vec<_>, _>>()?;
    Ok(format!("[{}]", numbers.join(",")))
}

fn hstore(object: &Map<String, Value>) -> Result<String, String> {
    let mut literal = String::new();
    for (n, (key, value)) in object.iter().enumerate() {
        if n > 0 {
            literal.push_str(", ");
        }
        quote(&mut literal, key);
        literal.push_str("=>");
        match value {
            Value::Null => literal.push_str("NULL"),
            Value::String(text) => quote(&mut literal, text),
            other => return Err(format!("`{key}` is {}, and takes a string", given(other))),
        }
    }
    Ok(literal)
}

/// Backslashes mean the same in all three kinds of literals.
fn quote(literal: &mut String, text: &str) {
    literal.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            literal.push('\\');
        }
        literal.push(c);
    }
    literal.push('"');
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tokio_postgres::types::Field;

    use super::*;

    fn literal(value: &Value, type_: &Type) -> String {
        text(value, type_).unwrap().unwrap_or_else(|| "NULL".to_owned())
    }

    fn composite(fields: &[(&str, Type)]) -> Type {
        let field = |(name, type_): &(&str, Type)| Field::new((*name).to_owned(), type_.clone());
        let kind = Kind::Composite(fields.iter().map(field).collect());
        Type::new("pair".to_owned(), 90_000, kind, "public".to_owned())
    }

    #[test]
    fn values_become_the_text_that_postgresql_parses() {
        let pair = composite(&[("name", Type::TEXT), ("size", Type::INT4)]);
        let pairs = Type::new("_pair".into(), 90_001, Kind::Array(pair.clone()), "public".into());
        for (value, type_, expected) in [
            (json!(null), Type::INT4, "NULL"),
            (json!(5), Type::INT4, "5"),
            (json!(5.0), Type::INT8, "5"),
            (json!("9223372036854775807"), Type::INT8, "9223372036854775807"),
            (json!(18_446_744_073_709_551_615_u64), Type::NUMERIC, "18446744073709551615"),
            (json!(0.1), Type::NUMERIC, "0.1"),
            (json!(0.123_456_789_012_345_68), Type::FLOAT8, "0.12345678901234568"),
            (json!("NaN"), Type::FLOAT8, "NaN"),
            (json!(true), Type::BOOL, "true"),
            (json!(7), Type::TEXT, "7"),
            (json!({"a": [1, "x"]}), Type::JSONB, r#"{"a":[1,"x"]}"#),
            (json!(r#""x""#), Type::JSONB, r#""x""#),
            (json!([1, null, 3]), Type::INT4_ARRAY, r#"{"1",NULL,"3"}"#),
            (json!([[1], [2]]), Type::INT4_ARRAY, r#"{{"1"},{"2"}}"#),
            (json!(["a\"b", "NULL", "c\\d"]), Type::TEXT_ARRAY, r#"{"a\"b","NULL","c\\d"}"#),
            (json!([[1, 2], {"a": 1}]), Type::JSONB_ARRAY, r#"{"[1,2]","{\"a\":1}"}"#),
            (json!(["(1,1),(0,0)"]), Type::BOX_ARRAY, r#"{"(1,1),(0,0)"}"#),
            (json!(["1 2", "3"]), Type::INT2_VECTOR_ARRAY, r#"{"1 2","3"}"#),
            (json!({"size": 1, "name": "a,b"}), pair.clone(), r#"("a,b","1")"#),
            (json!({"size": 1}), pair, r#"(,"1")"#),
            (json!([{"name": "x"}]), pairs, r#"{"(\"x\",)"}"#),
        ] {
            assert_eq!(literal(&value, &type_), expected, "{value} as {type_}");
        }
    }

    #[test]
    fn what_would_lose_digits_or_make_no_sense_is_refused() {
        let refused = |value: Value, type_: &Type| text(&value, type_).unwrap_err();
        for (value, type_, expected) in [
            (json!(1.5), Type::INT4, "it was given 1.5, and takes a whole number"),
            (json!(1e30), Type::INT8, "digits of 1e+30 may have been lost"),
            (json!(0.123_456_789_012_345_68), Type::NUMERIC, "give it as a string"),
            (json!({"n": 12_345_678_901_234_567_000_000.0}), Type::JSONB, "give it as a string"),
            (json!(true), Type::INT4, "it was given a boolean, and takes a whole number"),
            (json!([1]), Type::INT4, "it was given an array"),
            (json!({"a": 1}), Type::TEXT, "it was given an object"),
            (json!(20_240_101), Type::DATE, "and takes a string with the value as it is written"),
            (json!([1, true]), Type::INT4_ARRAY, "element 2: it was given a boolean"),
            (json!("a\0b"), Type::TEXT, "U+0000"),
            (
                json!({"sise": 1}),
                composite(&[("size", Type::INT4)]),
                "it has no field `sise`; its fields are `size`",
            ),
        ] {
            let problem = refused(value, &type_);
            assert!(problem.contains(expected), "{problem}");
        }
    }

    #[test]
    fn an_error_names_the_parameter_and_its_type() {
        let parameter = Parameter { index: 2, value: json!([]) };
        let error = parameter.to_sql_checked(&Type::INT4, &mut BytesMut::new()).err().unwrap();
        let error: &ParameterError = error.downcast_ref().unwrap();
        assert_eq!((error.index, error.expected.as_str()), (2, "int4"));
        assert!(error.to_string().starts_with("parameter $2 is `int4` in the statement: "));
    }
}
