//! GitHub's `OpenAPI` document, reduced by `data/reduce-github-openapi.mjs` to what may be asked, and
//! requests held against it: method, path, parameters by name and type, bodies by schema.

use std::io::Read as _;
use std::sync::OnceLock;

use flate2::read::GzDecoder;
use serde_json::Value;

static COMPRESSED: &[u8] = include_bytes!("../../data/github-openapi.json.gz");

/// All operations.
pub(super) struct Document {
    operations: Vec<Operation>,
}

pub(super) struct Operation {
    pub(super) method: String,
    pub(super) path: String,
    segments: Vec<String>,
    value: Value,
    /// Made when a body is first checked: that takes a while.
    body: OnceLock<Option<jsonschema::Validator>>,
}

impl Document {
    /// The document, read once a process.
    pub(super) fn get() -> &'static Self {
        static DOCUMENT: OnceLock<Document> = OnceLock::new();
        DOCUMENT.get_or_init(|| {
            let mut text = String::new();
            GzDecoder::new(COMPRESSED).read_to_string(&mut text).unwrap();
            let value: Value = serde_json::from_str(&text).unwrap();
            let operations = value["operations"].as_array().unwrap().iter().map(Operation::new);
            Self { operations: operations.collect() }
        })
    }

    /// The operation that a request is one of by its path.
    pub(super) fn operation(&self, method: &str, path: &str) -> Option<&Operation> {
        let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let found = self.operations.iter().filter(|operation| operation.method == method);
        let found = found.filter_map(|operation| {
            let literal = fits(&operation.segments, &segments, operation)?;
            Some((literal, operation))
        });
        found.max_by_key(|(literal, _)| *literal).map(|(_, operation)| operation)
    }

    /// The same, or what is wrong with the request.
    pub(super) fn check(
        &self,
        method: &str,
        path: &str,
        query: &str,
        body: &[u8],
    ) -> Result<&Operation, String> {
        let operation = self.operation(method, path);
        let operation =
            operation.ok_or_else(|| format!("{method} {path} is no operation of GitHub's"))?;
        let refuse = |problem: String| Err(format!("{method} {}: {problem}", operation.path));
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let Some(parameter) = operation.parameter(name, "query") else {
                return refuse(format!("there is no parameter `{name}`"));
            };
            let value = lockkeeper_core::percent_decode(value).unwrap_or_default();
            if !is_of(&parameter["schema"], &value) {
                return refuse(format!("`{name}` can't be {value:?}: {}", parameter["schema"]));
            }
        }
        let required = operation.value["parameters"].as_array().into_iter().flatten();
        for parameter in required.filter(|p| p["in"] == "query" && p["required"] == true) {
            let name = parameter["name"].as_str().unwrap_or_default();
            if !query.split('&').any(|pair| pair.split('=').next() == Some(name)) {
                return refuse(format!("`{name}` is missing"));
            }
        }
        match (operation.body(), body) {
            (None, b"") => {}
            // GitHub takes a body where none is described only if it is empty.
            (None, _) => return refuse("a body where there is none".to_owned()),
            (Some(_), b"") if operation.value["body_required"] == true => {
                return refuse("the body is missing".to_owned());
            }
            (Some(_), b"") => {}
            (Some(validator), bytes) => {
                let value: Value = match serde_json::from_slice(bytes) {
                    Ok(value) => value,
                    Err(error) => return refuse(format!("the body is no JSON: {error}")),
                };
                let problems: Vec<String> = validator
                    .iter_errors(&value)
                    .map(|error| format!("{} at `{}`", error, error.instance_path()))
                    .collect();
                if !problems.is_empty() {
                    return refuse(format!("body: {}", problems.join("; ")));
                }
            }
        }
        Ok(operation)
    }

    #[cfg(test)]
    /// The operations whose bodies can't be checked: there must be none.
    pub(super) fn unchecked(&self) -> Vec<&str> {
        let described =
            self.operations.iter().filter(|operation| operation.value["body"].is_object());
        described.filter(|operation| operation.body().is_none()).map(|o| o.path.as_str()).collect()
    }
}

impl Operation {
    fn new(value: &Value) -> Self {
        let text = |key: &str| value[key].as_str().unwrap().to_owned();
        let path = text("path");
        let segments = path.trim_start_matches('/').split('/').map(str::to_owned).collect();
        Self { method: text("method"), path, segments, value: value.clone(), body: OnceLock::new() }
    }

    /// The status of its success, and the answer that the document gives as an example.
    pub(super) fn example(&self) -> (u16, Option<&Value>) {
        let status = self.value["status"].as_u64().and_then(|status| status.try_into().ok());
        (status.unwrap_or(200), self.value.get("example"))
    }

    fn parameter(&self, name: &str, place: &str) -> Option<&Value> {
        let parameters = self.value["parameters"].as_array()?;
        parameters.iter().find(|one| one["name"] == name && one["in"] == place)
    }

    fn body(&self) -> Option<&jsonschema::Validator> {
        let made = self.body.get_or_init(|| {
            let schema = self.value.get("body")?;
            jsonschema::validator_for(schema).ok()
        });
        made.as_ref()
    }
}

/// How many segments are literally those of the template, if the path is one of it.
fn fits(template: &[String], path: &[&str], operation: &Operation) -> Option<usize> {
    let Some((first, rest)) = template.split_first() else {
        return path.is_empty().then_some(0);
    };
    let Some(name) = first.strip_prefix('{').and_then(|name| name.strip_suffix('}')) else {
        let (segment, others) = path.split_first()?;
        // `{base}...{head}` is one segment with two names; `basehead` says the same.
        return (first == segment).then(|| fits(rest, others, operation)).flatten().map(|n| n + 1);
    };
    let parameter = operation.parameter(name, "path")?;
    let is_multi = parameter["multi"] == true;
    // The root of a repository's files is its contents without a path.
    if path.is_empty() && name == "path" && rest.is_empty() {
        return Some(0);
    }
    let most = if is_multi { path.len() } else { 1.min(path.len()) };
    (1..=most).find_map(|taken| {
        let (segments, others) = path.split_at(taken);
        let value = lockkeeper_core::percent_decode(&segments.join("/"))?;
        if value.is_empty() || !is_of(&parameter["schema"], &value) {
            return None;
        }
        fits(rest, others, operation)
    })
}

/// Whether a text can be read as a value of this schema.
fn is_of(schema: &Value, text: &str) -> bool {
    let readings = [Value::from(text), serde_json::from_str(text).unwrap_or_default()];
    match jsonschema::validator_for(schema) {
        Ok(validator) => readings.iter().any(|reading| validator.is_valid(reading)),
        Err(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_body_can_be_checked() {
        assert_eq!(Document::get().unchecked(), Vec::<&str>::new());
    }

    #[test]
    fn what_github_does_not_offer_is_found() {
        let check = |method: &str, path: &str, query: &str, body: &str| {
            let checked = Document::get().check(method, path, query, body.as_bytes());
            checked.map(|operation| operation.path.clone())
        };
        for (method, path, query, body, problem) in [
            ("GET", "/repos/o/r/nonsense", "", "", "no operation"),
            ("GET", "/repos/o/r/issues/x", "", "", "no operation"),
            ("GET", "/repos/o/r/issues", "state=bogus", "", "can't be"),
            ("GET", "/repos/o/r/issues", "stat=open", "", "no parameter"),
            ("GET", "/search/issues", "", "", "`q` is missing"),
            ("POST", "/repos/o/r/issues", "", r#"{"body":"x"}"#, "title"),
            ("POST", "/repos/o/r/issues", "", r#"{"title":"x","titel":"y"}"#, "titel"),
            ("POST", "/repos/o/r/git/refs", "", r#"{"ref":1,"sha":"x"}"#, "ref"),
            ("POST", "/repos/o/r/issues", "", "", "missing"),
        ] {
            let error = check(method, path, query, body).unwrap_err();
            assert!(error.contains(problem), "{error}");
        }
        for (method, path, body, template) in [
            ("GET", "/repos/o/r/contents/a/b.rs", "", "/repos/{owner}/{repo}/contents/{path}"),
            ("GET", "/repos/o/r/contents", "", "/repos/{owner}/{repo}/contents/{path}"),
            ("GET", "/repos/o/r/git/ref/heads/a/b", "", "/repos/{owner}/{repo}/git/ref/{ref}"),
            ("GET", "/repos/o/r/compare/a...b", "", "/repos/{owner}/{repo}/compare/{basehead}"),
            (
                "GET",
                "/repos/o/r/commits/x/check-runs",
                "",
                "/repos/{owner}/{repo}/commits/{ref}/check-runs",
            ),
            (
                "PATCH",
                "/repos/o/r/issues/1",
                r#"{"milestone":null}"#,
                "/repos/{owner}/{repo}/issues/{issue_number}",
            ),
        ] {
            assert_eq!(check(method, path, "", body).unwrap(), template);
        }
    }
}
