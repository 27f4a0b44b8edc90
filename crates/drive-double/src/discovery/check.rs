//! Traffic held against the documents: which method a request is, whether its parameters and its
//! body are of it, whether an answer is what it promises.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{Discovery, Method, Parameter, path};

/// A request as the documents see it.
#[derive(Debug)]
pub struct Asked<'a> {
    /// The method that it is.
    pub method: &'a Method,
    /// The parameters in its path.
    pub path: BTreeMap<String, String>,
    /// The parameters of its query, in their order.
    pub query: Vec<(String, String)>,
    /// Whether it came below `/upload`.
    pub is_upload: bool,
}

/// Why a request is none that Google offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// There is nothing with this verb at this path.
    NoMethod(String),
    /// A parameter: its name, and what is wrong.
    Parameter(String, String),
}

/// Parameters of an upload session's own address, which the documents don't list.
const OF_SESSIONS: [&str; 1] = ["upload_id"];

impl Discovery {
    /// The method that a request is, with its parameters checked by name, type, range and
    /// enumeration. The path and the query come as they are on the wire.
    pub fn request(&self, verb: &str, path: &str, query: &str) -> Result<Asked<'_>, Problem> {
        let nothing = || Problem::NoMethod(format!("{verb} {path} is no method of Google's"));
        let (below, is_upload) = match path.strip_prefix("/upload/") {
            Some(below) => (below, true),
            None => (path.trim_start_matches('/'), false),
        };
        let segments: Vec<&str> = below.split('/').collect();
        let candidates = self.methods().filter(|method| {
            // A session is filled by PUT, whatever began it.
            let verb = if is_upload && matches!(verb, "PUT" | "DELETE") { "" } else { verb };
            (method.verb == verb || verb.is_empty()) && (method.uploads || !is_upload)
        });
        let fitting = candidates.filter_map(|method| {
            let (literal, found) = path::fits(&method.segments, &segments)?;
            Some((literal, method, found))
        });
        let (_, method, found) =
            fitting.max_by_key(|(literal, ..)| *literal).ok_or_else(nothing)?;
        let query = path::pairs(query)
            .ok_or_else(|| Problem::Parameter("query".into(), "can't be decoded".into()))?;
        let asked = Asked { method, path: found, query, is_upload };
        asked.check()?;
        Ok(asked)
    }

    /// What is wrong with a request's JSON. `null` clears a field, so it may stand anywhere.
    pub fn request_body(&self, method: &Method, body: &Value) -> Vec<String> {
        match &method.request {
            Some(schema) => self.problems(method, schema, &without_nulls(body)),
            None => vec![format!("{} takes no body", method.id)],
        }
    }

    /// What is wrong with an answer's JSON.
    pub fn response_body(&self, method: &Method, body: &Value) -> Vec<String> {
        match &method.response {
            Some(schema) => self.problems(method, schema, body),
            None => vec![format!("{} answers nothing", method.id)],
        }
    }

    /// Whether the answer of a method has a field, by its names from the outside in.
    pub fn has_field(&self, method: &Method, path: &[&str]) -> bool {
        let Some(schemas) = self.service(method).map(|service| &service.schemas) else {
            return false;
        };
        let start = method.response.as_ref().and_then(|name| schemas.definition(name));
        path.iter()
            .try_fold(start, |schema, name| schemas.property(schema?, name).map(Some))
            .is_some()
    }

    fn problems(&self, method: &Method, schema: &str, body: &Value) -> Vec<String> {
        let Some(service) = self.service(method) else { return Vec::new() };
        let problems = service.schemas.problems(schema, body).into_iter();
        problems.map(|problem| format!("{} {schema}: {problem}", method.id)).collect()
    }
}

impl Method {
    /// Whether one of these scopes is enough.
    pub fn allows(&self, scopes: &BTreeSet<String>) -> bool {
        self.scopes.iter().any(|scope| scopes.contains(scope))
    }
}

impl Asked<'_> {
    fn check(&self) -> Result<(), Problem> {
        let wrong = |name: &str, why: String| Err(Problem::Parameter(name.to_owned(), why));
        let mut seen = BTreeSet::new();
        for (name, value) in &self.query {
            if self.is_upload && OF_SESSIONS.contains(&name.as_str()) {
                continue;
            }
            let parameter = self.method.parameters.get(name).filter(|one| one.in_query);
            let Some(parameter) = parameter else {
                return wrong(name, format!("Unknown name \"{name}\""));
            };
            if !seen.insert(name) && !parameter.is_repeated {
                return wrong(name, format!("\"{name}\" is given more than once"));
            }
            if let Err(why) = parameter.check(value) {
                return wrong(name, why);
            }
        }
        let is_session = self.query.iter().any(|(name, _)| name == "upload_id");
        for (name, parameter) in &self.method.parameters {
            if parameter.is_required && parameter.in_query && !seen.contains(name) && !is_session {
                return wrong(name, format!("Required parameter: {name}"));
            }
        }
        Ok(())
    }
}

impl Parameter {
    fn check(&self, value: &str) -> Result<(), String> {
        match self.kind.as_str() {
            "boolean" if !matches!(value, "true" | "false") => {
                return Err(format!("Invalid value for boolean: {value}"));
            }
            "integer" => {
                let number: i64 =
                    value.parse().map_err(|_| format!("Invalid value for integer: {value}"))?;
                let (least, most) = (self.least.unwrap_or(i64::MIN), self.most.unwrap_or(i64::MAX));
                if !(least..=most).contains(&number) {
                    let range = format!("[{least}, {most}]");
                    return Err(format!(
                        "Invalid value '{number}'. Values must be within the range: {range}"
                    ));
                }
            }
            _ => {}
        }
        match &self.allowed {
            Some(allowed) if !allowed.iter().any(|one| one == value) => Err(format!(
                "Invalid string value: '{value}'. Allowed values: [{}]",
                allowed.join(", ")
            )),
            _ => Ok(()),
        }
    }
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(_, value)| !value.is_null());
            let kept = kept.map(|(name, value)| (name.clone(), without_nulls(value)));
            Value::Object(kept.collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.iter().map(without_nulls).collect()),
        other => other.clone(),
    }
}
