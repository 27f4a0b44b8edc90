//! A thread is open again.

use lockkeeper_core::{Change, Cx, Need, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::change::{Done, need};
use crate::source::{Document, Source, Target};

pub(super) struct Unresolve;

const DOCUMENT: Document = Document {
    name: "unresolve a thread",
    text: include_str!("../../graphql/unresolve_thread.graphql"),
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    repo: String,
    thread: String,
}

impl Tool<Source> for Unresolve {
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
        Ok(Done {
            done: format!("unresolved the thread in {}", repo.full_name()),
            ..Done::default()
        })
    }
}
