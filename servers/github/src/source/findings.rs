//! What `check` says: which GitHub, whose token, what it may do, and which tools that leaves without
//! effect.

use lockkeeper_core::Finding;
use serde_json::{Value, json};

use super::client::{Call, Reply};
use super::{Route, Source, scopes};

/// Where GitHub says what a classic token may do.
const SCOPES: &str = "x-oauth-scopes";

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
        if let Some((id, installed)) = self.client.installed().await {
            match installed {
                Err(error) => findings.push(finding("app", format!("{id}: {error}"), false)),
                Ok(installed) => {
                    let one = |(name, level): (&String, &String)| format!("{name}: {level}");
                    let held: Vec<String> = installed.permissions.iter().map(one).collect();
                    let (number, held) = (installed.installation, held.join(", "));
                    let state = format!("{id}, installation {number}; {held}");
                    findings.push(finding("app", state, true));
                    let missing = scopes::missing_permissions(&installed.permissions);
                    findings
                        .extend(missing.into_iter().map(|one| finding("permissions", one, true)));
                }
            }
            return findings;
        }
        let reply = match self.client.json(&Route::outside("user"), Call::default()).await {
            Ok(reply) => reply,
            Err(error) => {
                findings.push(finding("token", error.to_string(), false));
                return findings;
            }
        };
        let login = reply.value.get("login").and_then(Value::as_str).unwrap_or("unknown");
        let held = reply.headers.get(SCOPES).and_then(|value| value.to_str().ok());
        let Some(held) = held else {
            let state = format!("{login}; fine-grained: calls say which permission they lack");
            findings.push(finding("token", state, true));
            return findings;
        };
        findings.push(finding("token", format!("{login}; scopes: {held}"), true));
        let held = scopes::list(held);
        let more = scopes::excess(&held, self.writes);
        if !more.is_empty() {
            let state = format!("the token can do more than any tool needs: {}", more.join(", "));
            findings.push(finding("scopes", state, false));
        }
        let missing = scopes::missing_scopes(&held);
        findings.extend(missing.into_iter().map(|one| finding("scopes", one, true)));
        findings
    }

    /// Adds to what is said of the token's user what the token may do.
    pub(super) fn say_scopes(&self, reply: &mut Reply) {
        let held = reply.headers.get(SCOPES).and_then(|value| value.to_str().ok());
        let (Some(held), Some(user)) = (held, reply.value.as_object_mut()) else { return };
        let held = scopes::list(held);
        let more = scopes::excess(&held, self.writes);
        user.insert("token_scopes".to_owned(), json!(held));
        if !more.is_empty() {
            user.insert("token_excess".to_owned(), json!(more));
        }
    }
}
