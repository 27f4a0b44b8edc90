//! A sub-issue moves to another place in their order.

use lockkeeper_core::{Change, Cx, Need, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::change::{Done, Request, make, need};
use crate::source::Source;

pub(super) struct MoveSub;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    repo: String,
    number: u64,
    issue: String,
    /// sub-issue; without it, to the top
    after: Option<String>,
}

impl Tool<Source> for MoveSub {
    type Effect = Change;
    type Args = Args;
    type Output = Done;

    fn plan(args: &Args) -> Need {
        need::<Change>(&args.repo)
    }

    async fn run(cx: Cx<'_, Source, Change>, args: Args) -> Result<Done, ToolError> {
        let repo = cx.source().repo(&args.repo).await?;
        let issue = repo.route().at("issues").number(args.number);
        let moved = cx.source().issue_id(&repo, &args.issue).await?;
        let (after, before) = if let Some(after) = &args.after {
            (json!(cx.source().issue_id(&repo, after).await?), Value::Null)
        } else {
            let first = issue.clone().at("sub_issues").query("per_page", 1);
            let first =
                cx.source().read(&first).await?.value.pointer("/0/id").cloned().unwrap_or_default();
            (Value::Null, first)
        };
        let request = Request::patch(issue.at("sub_issues").at("priority")).fields([
            ("sub_issue_id", json!(moved)),
            ("after_id", after),
            ("before_id", before),
        ]);
        make(&cx, &repo, request, "moved the sub-issue").await
    }
}
