//! Which comment answers a discussion: what marking and unmarking have in common.

use std::marker::PhantomData;

use lockkeeper_core::{Change, Cx, Need, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::discussed::mutate;
use crate::change::{Done, need};
use crate::source::{Document, Source};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    repo: String,
    node: String,
}

/// A method on a comment as an answer.
pub(super) trait Marking: Send + Sync + 'static {
    const DOCUMENT: &'static Document;
    const DONE: &'static str;
}

/// A [`Marking`] as a tool's method.
pub(super) struct Marked<M>(PhantomData<M>);

impl<M: Marking> Tool<Source> for Marked<M> {
    type Effect = Change;
    type Args = Args;
    type Output = Done;

    fn plan(args: &Args) -> Need {
        need::<Change>(&args.repo)
    }

    async fn run(cx: Cx<'_, Source, Change>, args: Args) -> Result<Done, ToolError> {
        let repo = cx.source().repo(&args.repo).await?;
        let said = cx.source().said(&repo, &args.node).await?;
        if !said.is_comment {
            return Err(ToolError::invalid_arguments("`node` is a discussion, not a comment"));
        }
        mutate(&cx, &repo, (M::DOCUMENT, M::DONE), json!({ "id": said.node })).await
    }
}
