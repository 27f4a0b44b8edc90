//! What only GraphQL offers. Documents are files, checked against GitHub's schema by the tests.

use lockkeeper_core::{Grant, Mutating, Sight};
use lockkeeper_http::{HttpError, Semantics};
use serde_json::{Value, json};

use super::lockdown::GRAPHQL;
use super::trust::{NOTHING, has_strangers};
use super::{OwnerRef, RepoRef, Source, SourceError, Target};

/// A document, and what errors call it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Document {
    pub(crate) name: &'static str,
    pub(crate) text: &'static str,
}

const THREAD: Document =
    Document { name: "thread", text: include_str!("../graphql/thread_repository.graphql") };

/// What a query is about: it takes what the rules admitted.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Within<'a> {
    Repo(&'a RepoRef),
    /// Who asks says what was seen: it depends on what comes back.
    Owner(&'a OwnerRef),
}

impl Within<'_> {
    /// What an error calls it.
    pub(super) fn called(self, document: &Document) -> String {
        match self {
            Self::Repo(repo) => format!("{} of {}", document.name, repo.full_name()),
            Self::Owner(owner) => format!("{} of {}", document.name, owner.login()),
        }
    }
}

impl Source {
    /// Runs a query.
    pub(crate) async fn query(
        &self,
        within: Within<'_>,
        document: &Document,
        variables: Value,
    ) -> Result<Value, SourceError> {
        match within {
            Within::Repo(repo) => self.vet_query(repo, &variables).await?,
            Within::Owner(owner) => self.vet_owner(owner.login()).await?,
        }
        let body = json!({ "query": document.text, "variables": variables });
        let answer = self.client.graphql(body, Semantics::Reads).await?;
        let mut data = data(answer, &within.called(document))?;
        let repo = match within {
            Within::Repo(repo) => Some(repo),
            Within::Owner(_) => None,
        };
        self.vet((GRAPHQL, &within.called(document), repo), &mut data).await?;
        if let Some(repo) = repo {
            let untrusted = !repo.is_private() || has_strangers(&data, 0);
            let sight = Sight { private: repo.is_private(), untrusted };
            self.taint.saw_as(&repo.full_name(), sight);
        } else {
            // What it says item by item is added by whoever shows it.
            self.taint.saw_as("", NOTHING);
        }
        Ok(data)
    }

    /// Whether a review thread lies in this repository: an id says of itself nowhere it doesn't.
    pub(crate) async fn check_thread(&self, repo: &RepoRef, id: &str) -> Result<(), SourceError> {
        let data = self.query(Within::Repo(repo), &THREAD, json!({ "id": id })).await?;
        let name = data.pointer("/node/pullRequest/repository/nameWithOwner");
        let name = name.and_then(Value::as_str).unwrap_or_default();
        if name.eq_ignore_ascii_case(&repo.full_name()) {
            return Ok(());
        }
        Err(SourceError::NotFound { asked: format!("thread {id} of {}", repo.full_name()) })
    }

    /// Runs a mutation. It is sent once, whatever happens.
    pub(crate) async fn mutate<E: Mutating>(
        &self,
        grant: Grant<E>,
        target: Target<'_>,
        document: &Document,
        input: Value,
    ) -> Result<Value, SourceError> {
        let what = ("graphql", document.name, &input);
        let print = self.ready(target, grant.is_cautioned(), what).await?;
        drop(grant);
        let body = json!({ "query": document.text, "variables": { "input": input } });
        let answer = self.client.graphql(body, Semantics::Once).await;
        let done = answer.and_then(|answer| data(answer, document.name));
        self.sent(print, &done);
        done
    }
}

/// The data, also if some of it is missing; an error if there is none.
fn data(mut answer: Value, asked: &str) -> Result<Value, SourceError> {
    let errors = answer.get("errors").and_then(Value::as_array);
    let first = errors.and_then(|errors| errors.first()).cloned();
    let data = answer.get_mut("data").map(Value::take).unwrap_or_default();
    let is_empty = match &data {
        Value::Object(fields) => fields.values().all(Value::is_null),
        _ => true,
    };
    let Some(error) = first.filter(|_| is_empty) else {
        return if is_empty {
            Err(SourceError::answer("neither data nor errors"))
        } else {
            Ok(data)
        };
    };
    let text = |key: &str| error.get(key).and_then(Value::as_str).unwrap_or_default();
    let said: String = text("message").chars().take(600).collect();
    Err(match text("type") {
        "NOT_FOUND" => SourceError::NotFound { asked: asked.to_owned() },
        "FORBIDDEN" => SourceError::Forbidden { said },
        "INSUFFICIENT_SCOPES" => SourceError::ScopeMissing { missing: said },
        "RATE_LIMITED" => {
            let retry_after = std::time::Duration::from_mins(1);
            SourceError::Http(HttpError::RateLimited { retry_after })
        }
        "STALE_DATA" => SourceError::Conflict { said },
        _ => SourceError::Invalid { said },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_keep_their_type_and_partial_data_stays() {
        let of = |answer: Value| data(answer, "o/r").map_err(|error| error.to_string());
        let error =
            |kind: &str| json!({"errors": [{"type": kind, "message": "m"}], "data": {"a": null}});
        assert!(of(error("NOT_FOUND")).unwrap_err().contains("`o/r` is not there"));
        assert_eq!(of(error("STALE_DATA")).unwrap_err(), "GitHub reports a conflict: m");
        assert_eq!(of(error("UNPROCESSABLE")).unwrap_err(), "GitHub refuses the arguments: m");
        let partial = json!({"errors": [{"message": "m"}], "data": {"a": null, "b": 1}});
        assert_eq!(of(partial).unwrap()["b"], 1);
        assert!(of(json!({})).is_err());
    }
}
