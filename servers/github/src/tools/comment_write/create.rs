//! A new comment on an issue, a pull request or a discussion.

use lockkeeper_core::{Add, Cx, Need, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::On;
use super::discussed::{COMMENT, mutate};
use crate::answer::find;
use crate::change::{Done, Request, make, need};
use crate::patch::check_text;
use crate::source::Source;

pub(super) struct Create;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    repo: String,
    number: u64,
    on: Option<On>,
    body: String,
}

impl Tool<Source> for Create {
    type Effect = Add;
    type Args = Args;
    type Output = Done;

    fn plan(args: &Args) -> Need {
        need::<Add>(&args.repo)
    }

    async fn run(cx: Cx<'_, Source, Add>, args: Args) -> Result<Done, ToolError> {
        check_text(Some(&args.body))?;
        let repo = cx.source().repo(&args.repo).await?;
        match args.on.unwrap_or_default() {
            On::Issue => {
                let route = repo.route().at("issues").number(args.number).at("comments");
                let request = Request::post(route).fields([("body", json!(args.body))]);
                make(&cx, &repo, request, "commented").await
            }
            On::Discussion => {
                let discussion = cx.source().discussion(&repo, args.number).await?;
                let input = json!({ "discussionId": find(&discussion, "id"), "body": args.body });
                mutate(&cx, &repo, (&COMMENT, "commented"), input).await
            }
            On::Review => Err(ToolError::invalid_arguments(
                "a comment at a line is part of a review: pr_review writes it, reply answers one",
            )),
        }
    }
}
