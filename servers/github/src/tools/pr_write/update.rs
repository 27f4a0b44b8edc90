//! A pull request gets another title, text or base.

use lockkeeper_core::{Change, Cx, Need, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::change::{Done, Request, make, need};
use crate::patch::{Edit, Patch};
use crate::source::Source;

pub(super) struct Update;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    repo: String,
    number: u64,
    title: Option<String>,
    body: Option<String>,
    #[serde(default)]
    body_edits: Vec<Edit>,
    body_append: Option<String>,
    base: Option<String>,
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
        let route = repo.route().at("pulls").number(args.number);
        let patch = Patch {
            whole: args.body.as_deref(),
            edits: &args.body_edits,
            append: args.body_append.as_deref(),
        };
        let body = cx.source().patched(&route, &patch).await?;
        let request = Request::patch(route).fields([
            ("title", json!(args.title)),
            ("body", json!(body)),
            ("base", json!(args.base)),
        ]);
        make(&cx, &repo, request, "updated the pull request").await
    }
}
