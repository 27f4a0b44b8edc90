//! A comment, or a discussion, gets another text.

use lockkeeper_core::{Change, Cx, Need, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::discussed::{Given, given, mutate};
use super::{On, comment};
use crate::change::{Done, Request, make, need};
use crate::patch::{Edit, Patch};
use crate::source::{Document, Source};

pub(super) struct Update;

static DISCUSSION: Document =
    Document { name: "update", text: include_str!("../../graphql/update_discussion.graphql") };

static COMMENT: Document = Document {
    name: "update",
    text: include_str!("../../graphql/update_discussion_comment.graphql"),
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    repo: String,
    id: Option<u64>,
    node: Option<String>,
    on: Option<On>,
    body: Option<String>,
    #[serde(default)]
    body_edits: Vec<Edit>,
    body_append: Option<String>,
}

impl Tool<Source> for Update {
    type Effect = Change;
    type Args = Args;
    type Output = Done;

    fn plan(args: &Args) -> Need {
        need::<Change>(&args.repo)
    }

    async fn run(cx: Cx<'_, Source, Change>, args: Args) -> Result<Done, ToolError> {
        let given = given(args.id, args.node.as_deref())?;
        let patch = Patch {
            whole: args.body.as_deref(),
            edits: &args.body_edits,
            append: args.body_append.as_deref(),
        };
        let nothing = || ToolError::invalid_arguments("give body, body_edits or body_append");
        let repo = cx.source().repo(&args.repo).await?;
        match given {
            Given::Id(id) => {
                let route = comment(&repo, args.on, id)?;
                let body = cx.source().patched(&route, &patch).await?.ok_or_else(nothing)?;
                let request = Request::patch(route).fields([("body", json!(body))]);
                make(&cx, &repo, request, "updated the comment").await
            }
            Given::Node(node) => {
                let said = cx.source().said(&repo, node).await?;
                let body = patch.apply(&said.body)?.ok_or_else(nothing)?;
                let (document, key, done) = if said.is_comment {
                    (&COMMENT, "commentId", "updated the comment")
                } else {
                    (&DISCUSSION, "discussionId", "updated the discussion")
                };
                let input = json!({ key: said.node, "body": body });
                mutate(&cx, &repo, (document, done), input).await
            }
        }
    }
}
