//! What `check` says: which GitHub, whose token, what it may do, and which tools that leaves without
//! effect.

use lockkeeper_core::Finding;
use serde_json::Value;

use super::client::Call;
use super::{Route, Source};

/// Scopes of a classic token that no tool needs, and that an agent should not hold.
const TOO_MUCH: &[&str] =
    &["delete_repo", "admin:org", "admin:enterprise", "admin:public_key", "site_admin"];

/// Tools that a classic token without the scope can't use.
const NEEDED: &[(&str, &str)] = &[
    ("repo", "what is private, and all writing"),
    ("notifications", "notify_read, notify_write"),
    ("gist", "gist_write"),
    ("project", "project_write"),
    ("security_events", "security_read"),
    ("workflow", "file_write beneath .github/workflows"),
];

impl Source {
    /// Asks GitHub who the token belongs to.
    pub(crate) async fn findings(&self) -> Vec<Finding> {
        let finding = |subject: &str, state: String, ok: bool| Finding {
            subject: subject.to_owned(),
            state,
            ok,
        };
        let mut findings = vec![finding("host", self.client.host().name.clone(), true)];
        if self.rules.is_restricted() {
            let named = self.rules.qualifiers().join(" ");
            let state = if named.is_empty() { "restricted by rules".to_owned() } else { named };
            findings.push(finding("repositories", state, true));
        } else {
            let state = "all that the token sees; --repos narrows it".to_owned();
            findings.push(finding("repositories", state, true));
        }
        let reply = match self.client.json(&Route::outside("user"), Call::default()).await {
            Ok(reply) => reply,
            Err(error) => {
                findings.push(finding("token", error.to_string(), false));
                return findings;
            }
        };
        let login = reply.value.get("login").and_then(Value::as_str).unwrap_or("unknown");
        let scopes = reply.headers.get("x-oauth-scopes").and_then(|value| value.to_str().ok());
        let Some(scopes) = scopes else {
            let state = format!("{login}; fine-grained: calls say which permission they lack");
            findings.push(finding("token", state, true));
            return findings;
        };
        findings.push(finding("token", format!("{login}; scopes: {scopes}"), true));
        let has = |scope: &str| scopes.split(',').any(|one| one.trim() == scope);
        let more: Vec<&str> = TOO_MUCH.iter().copied().filter(|scope| has(scope)).collect();
        if !more.is_empty() {
            let state = format!("the token can do more than any tool needs: {}", more.join(", "));
            findings.push(finding("scopes", state, false));
        }
        for (scope, tools) in NEEDED.iter().filter(|(scope, _)| !has(scope)) {
            findings.push(finding("scopes", format!("without `{scope}`: {tools}"), true));
        }
        findings
    }
}
