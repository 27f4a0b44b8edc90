//! A new discussion.

use lockkeeper_core::{Add, Cx, Need, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::discussed::mutate;
use crate::change::{Done, need};
use crate::patch::check_text;
use crate::source::{Document, Source};

pub(super) struct StartDiscussion;

static DOCUMENT: Document =
    Document { name: "discussion", text: include_str!("../../graphql/create_discussion.graphql") };

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    repo: String,
    category: String,
    title: String,
    body: String,
}

impl Tool<Source> for StartDiscussion {
    type Effect = Add;
    type Args = Args;
    type Output = Done;

    fn plan(args: &Args) -> Need {
        need::<Add>(&args.repo)
    }

    async fn run(cx: Cx<'_, Source, Add>, args: Args) -> Result<Done, ToolError> {
        check_text(Some(&args.title))?;
        check_text(Some(&args.body))?;
        let repo = cx.source().repo(&args.repo).await?;
        let (repository, category) = cx.source().category(&repo, &args.category).await?;
        let input = json!({
            "repositoryId": repository, "categoryId": category, "title": args.title,
            "body": args.body,
        });
        mutate(&cx, &repo, (&DOCUMENT, "started a discussion"), input).await
    }
}
