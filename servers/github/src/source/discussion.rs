//! Discussions and comments on them, which only GraphQL knows, by ids that say nowhere of what
//! repository they are.

use serde_json::{Value, json};

use super::error::SourceError;
use super::{Document, RepoRef, Source, Within};
use crate::answer::{cell, find};

const BY_NUMBER: Document =
    Document { name: "discussion", text: include_str!("../graphql/discussion.graphql") };

const BY_NODE: Document =
    Document { name: "discussion", text: include_str!("../graphql/discussion_node.graphql") };

const CATEGORIES: Document = Document {
    name: "discussion categories",
    text: include_str!("../graphql/discussion_categories.graphql"),
};

/// A discussion, or a comment on one, in a repository that was asked for.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) node: String,
    pub(crate) is_comment: bool,
    /// The discussion that it is, or is on.
    pub(crate) discussion: String,
    /// The comment that answers to it stand under.
    pub(crate) thread: String,
    pub(crate) body: String,
}

impl Source {
    /// A discussion by its number.
    pub(crate) async fn discussion(
        &self,
        repo: &RepoRef,
        number: u64,
    ) -> Result<Value, SourceError> {
        let variables = json!({"owner": repo.owner(), "name": repo.name(), "number": number});
        let data = self.query(Within::Repo(repo), &BY_NUMBER, variables).await?;
        let discussion = find(&data, "repository.discussion");
        if discussion.is_null() {
            let asked = format!("discussion {number} of {}", repo.full_name());
            return Err(SourceError::NotFound { asked });
        }
        Ok(discussion)
    }

    /// A discussion or a comment by its node, if it lies in this repository.
    pub(crate) async fn said(&self, repo: &RepoRef, node: &str) -> Result<Said, SourceError> {
        let data = self.query(Within::Repo(repo), &BY_NODE, json!({ "id": node })).await?;
        let found = find(&data, "node");
        let text = |path: &str| cell(&find(&found, path));
        let is_comment = text("__typename") == "DiscussionComment";
        let (discussion, place) = if is_comment {
            ("discussion.id", "discussion.repository.nameWithOwner")
        } else {
            ("id", "repository.nameWithOwner")
        };
        if !text(place).eq_ignore_ascii_case(&repo.full_name()) {
            let asked = format!("{node} of {}", repo.full_name());
            return Err(SourceError::NotFound { asked });
        }
        let answered = find(&found, "replyTo.id");
        let thread = answered.as_str().map_or_else(|| text("id"), str::to_owned);
        Ok(Said {
            is_comment,
            discussion: text(discussion),
            thread,
            body: find(&found, "body").as_str().unwrap_or_default().to_owned(),
            node: text("id"),
        })
    }

    /// The ids of a repository and of one of its categories, by name.
    pub(crate) async fn category(
        &self,
        repo: &RepoRef,
        name: &str,
    ) -> Result<(String, String), SourceError> {
        let variables = json!({"owner": repo.owner(), "name": repo.name(), "first": 100});
        let data = self.query(Within::Repo(repo), &CATEGORIES, variables).await?;
        let categories = find(&data, "repository.discussionCategories.nodes");
        let categories = categories.as_array().cloned().unwrap_or_default();
        let named = |category: &&Value| {
            find(category, "name").as_str().is_some_and(|one| one.eq_ignore_ascii_case(name))
        };
        let Some(category) = categories.iter().find(named) else {
            let known: Vec<String> =
                categories.iter().map(|category| cell(&find(category, "name"))).collect();
            let known = known.join(", ");
            return Err(SourceError::argument(format!("`category`: there are only {known}")));
        };
        Ok((cell(&find(&data, "repository.id")), cell(&find(category, "id"))))
    }
}
