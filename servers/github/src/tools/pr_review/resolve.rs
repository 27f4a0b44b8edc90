//! A thread is settled.

use lockkeeper_core::{Change, Cx, Need, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::change::{Done, need};
use crate::source::{Document, Source, Target};

pub(super) struct Resolve;

const DOCUMENT: Document = Document {
    name: "resolve a thread",
    text: include_str!("../../graphql/resolve_thread.graphql"),
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    repo: String,
    thread: String,
}

impl Tool<Source> for Resolve {
    type Effect = Change;
    type Args = Args;
    type Output = Done;

    fn plan(args: &Args) -> Need {
        need::<Change>(&args.repo)
    }

    async fn run(cx: Cx<'_, Source, Change>, args: Args) -> Result<Done, ToolError> {
        let repo = cx.source().repo(&args.repo).await?;
        cx.source().check_thread(&repo, &args.thread).await?;
        let input = json!({ "threadId": args.thread });
        cx.source().mutate(cx.grant(), Target::Repo(&repo), &DOCUMENT, input).await?;
        Ok(Done { done: format!("resolved the thread in {}", repo.full_name()), ..Done::default() })
    }
}
