//! Answers that GitHub gave once, as `@octokit/fixtures` recorded them: its real headers, its real
//! errors. What names its address names the front's instead, as an Enterprise Server would.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use super::counterpart;
use super::front::{Front, Said};

/// GitHub's address in recordings.
const ORIGIN: &str = "https://api.github.com";

/// What concerns one connection or one encoding, not the answer.
const OF_CONNECTIONS: [&str; 4] =
    ["connection", "content-encoding", "content-length", "transfer-encoding"];

/// An answer, and the request that it was given to.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// Method.
    pub method: String,
    /// Path, without the query.
    pub path: String,
    /// Query.
    pub query: String,
    /// The answer.
    pub said: Said,
}

impl Front {
    /// What was recorded of a scenario, in its order; none if this run does without recordings.
    pub fn recorded(&self, scenario: &str) -> Option<Vec<Recorded>> {
        let scenarios = counterpart("github-fixtures", "LOCKKEEPER_GITHUB_FIXTURES")?;
        let text = fs::read_to_string(scenarios.join(scenario).join("normalized-fixture.json"));
        let own = format!("{}/api/v3", self.host());
        let all: Vec<Value> = serde_json::from_str(&text.unwrap().replace(ORIGIN, &own)).unwrap();
        Some(all.iter().map(recorded).collect())
    }

    /// From now on it says what was recorded of a scenario, whatever the query; what was asked for
    /// several times gets its answers in their order, and then the last of them.
    pub fn replay(&self, scenario: &str) -> Option<()> {
        let mut known = BTreeSet::new();
        for Recorded { method, path, said, .. } in self.recorded(scenario)?.into_iter().rev() {
            if known.insert((method.clone(), path.clone())) {
                self.say(&method, &path, said);
            } else {
                self.next(&method, &path, 1, said);
            }
        }
        Some(())
    }
}

fn recorded(value: &Value) -> Recorded {
    let text = |key: &str| value[key].as_str().unwrap_or_default();
    let status = value["status"].as_u64().and_then(|status| status.try_into().ok()).unwrap();
    let (path, query) = text("path").split_once('?').unwrap_or((text("path"), ""));
    let mut said = match &value["response"] {
        Value::String(text) => Said::text(text.as_bytes(), 1),
        body => Said::json(status, body),
    };
    said = said.status(status).without_headers();
    for (name, value) in value["headers"].as_object().unwrap() {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        if !OF_CONNECTIONS.contains(&name.as_str()) {
            said = said.header(name, &value);
        }
    }
    Recorded {
        method: text("method").to_ascii_uppercase(),
        path: path.to_owned(),
        query: query.to_owned(),
        said,
    }
}
