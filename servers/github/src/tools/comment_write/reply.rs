//! An answer to a comment at a line of a pull request, or on a discussion.

use lockkeeper_core::{Add, Cx, Need, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::discussed::{COMMENT, Given, given, mutate};
use crate::change::{Done, Request, make, need};
use crate::patch::check_text;
use crate::source::Source;

pub(super) struct Reply;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    repo: String,
    number: Option<u64>,
    id: Option<u64>,
    node: Option<String>,
    body: String,
}

impl Tool<Source> for Reply {
    type Effect = Add;
    type Args = Args;
    type Output = Done;

    fn plan(args: &Args) -> Need {
        need::<Add>(&args.repo)
    }

    async fn run(cx: Cx<'_, Source, Add>, args: Args) -> Result<Done, ToolError> {
        check_text(Some(&args.body))?;
        let given = given(args.id, args.node.as_deref())?;
        let repo = cx.source().repo(&args.repo).await?;
        match given {
            Given::Id(id) => {
                let number = args.number.ok_or_else(|| {
                    ToolError::invalid_arguments("`number` of the pull request is missing")
                })?;
                let comments = repo.route().at("pulls").number(number).at("comments");
                let request = Request::post(comments.number(id).at("replies"));
                let request = request.fields([("body", json!(args.body))]);
                make(&cx, &repo, request, "replied").await
            }
            Given::Node(node) => {
                let said = cx.source().said(&repo, node).await?;
                if !said.is_comment {
                    let what = "`node` is a discussion; create comments on it";
                    return Err(ToolError::invalid_arguments(what));
                }
                let input = json!({
                    "discussionId": said.discussion, "replyToId": said.thread, "body": args.body,
                });
                mutate(&cx, &repo, (&COMMENT, "replied"), input).await
            }
        }
    }
}
