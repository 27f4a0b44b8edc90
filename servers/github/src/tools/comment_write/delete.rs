//! A comment, or a discussion, goes.

use lockkeeper_core::{Cx, Destroy, Effect, Need, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::discussed::{Given, given, mutate};
use super::{On, comment};
use crate::change::{Done, Request, make};
use crate::source::{Document, Source};

pub(super) struct Delete;

static DISCUSSION: Document =
    Document { name: "delete", text: include_str!("../../graphql/delete_discussion.graphql") };

static COMMENT: Document = Document {
    name: "delete",
    text: include_str!("../../graphql/delete_discussion_comment.graphql"),
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    repo: String,
    id: Option<u64>,
    node: Option<String>,
    on: Option<On>,
}

impl Tool<Source> for Delete {
    type Effect = Destroy;
    type Args = Args;
    type Output = Done;

    fn plan(args: &Args) -> Need {
        let what = match (args.id, &args.node) {
            (Some(id), _) => format!("comment {id} of {}", args.repo),
            (None, Some(node)) => format!("{node} of {}, with all that answers it", args.repo),
            (None, None) => "nothing".to_owned(),
        };
        Need::new(Effect::Destroy).resource(&args.repo).loses(what)
    }

    async fn run(cx: Cx<'_, Source, Destroy>, args: Args) -> Result<Done, ToolError> {
        let given = given(args.id, args.node.as_deref())?;
        let repo = cx.source().repo(&args.repo).await?;
        match given {
            Given::Id(id) => {
                let request = Request::delete(comment(&repo, args.on, id)?);
                make(&cx, &repo, request, "deleted the comment").await
            }
            Given::Node(node) => {
                let said = cx.source().said(&repo, node).await?;
                let (document, done) = if said.is_comment {
                    (&COMMENT, "deleted the comment")
                } else {
                    (&DISCUSSION, "deleted the discussion")
                };
                mutate(&cx, &repo, (document, done), json!({ "id": said.node })).await
            }
        }
    }
}
