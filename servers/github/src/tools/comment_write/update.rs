//! A comment gets another text.

use lockkeeper_core::{Change, Cx, Need, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::{On, comment};
use crate::change::{Done, Request, make, need};
use crate::patch::{Edit, Patch};
use crate::source::Source;

pub(super) struct Update;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    repo: String,
    id: u64,
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
        let repo = cx.source().repo(&args.repo).await?;
        let route = comment(&repo, args.on, args.id);
        let patch = Patch {
            whole: args.body.as_deref(),
            edits: &args.body_edits,
            append: args.body_append.as_deref(),
        };
        let Some(body) = cx.source().patched(&route, &patch).await? else {
            return Err(ToolError::invalid_arguments("give body, body_edits or body_append"));
        };
        let request = Request::patch(route).fields([("body", json!(body))]);
        make(&cx, &repo, request, "updated the comment").await
    }
}
