//! Changes of discussions, which only GraphQL offers.

use lockkeeper_core::{Cx, Mutating, ToolError};
use serde_json::Value;

use crate::answer::find;
use crate::change::Done;
use crate::source::{Document, RepoRef, Source, Target};

pub(super) static COMMENT: Document = Document {
    name: "comment",
    text: include_str!("../../graphql/add_discussion_comment.graphql"),
};

/// Runs a mutation, and says what it did.
pub(super) async fn mutate<E: Mutating>(
    cx: &Cx<'_, Source, E>,
    repo: &RepoRef,
    (document, done): (&Document, &str),
    input: Value,
) -> Result<Done, ToolError> {
    let data = cx.source().mutate(cx.grant(), Target::Repo(repo), document, input).await?;
    // The one thing in the one payload.
    let payload = data.as_object().and_then(|data| data.values().next());
    let thing = payload.and_then(Value::as_object).and_then(|fields| fields.values().next());
    let thing = thing.unwrap_or(&Value::Null);
    let text = |key: &str| find(thing, key).as_str().map(str::to_owned);
    Ok(Done {
        done: format!("{done} in {}", repo.full_name()),
        number: find(thing, "number").as_u64(),
        node: text("id"),
        url: text("url"),
        ..Done::default()
    })
}

/// Which of several ids was given.
#[derive(Debug)]
pub(super) enum Given<'a> {
    Id(u64),
    Node(&'a str),
}

/// The one id that was given.
pub(super) fn given(id: Option<u64>, node: Option<&str>) -> Result<Given<'_>, ToolError> {
    match (id, node) {
        (Some(id), None) => Ok(Given::Id(id)),
        (None, Some(node)) => Ok(Given::Node(node)),
        _ => Err(ToolError::invalid_arguments(
            "give `id`, or `node` of a discussion or a comment on one",
        )),
    }
}
