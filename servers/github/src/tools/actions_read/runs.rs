//! Its runs, newest first.

use lockkeeper_core::{Cx, Effect, Need, Read, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::answer::Answer;
use crate::fetch::{Page, View, of_repo, show};
use crate::shapes::RUN;
use crate::source::Source;

pub(super) struct Runs;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    repo: String,
    /// id or file name
    workflow: Option<String>,
    branch: Option<String>,
    event: Option<String>,
    /// status or conclusion
    status: Option<String>,
    actor: Option<String>,
    sha: Option<String>,
    n: Option<u32>,
    cursor: Option<String>,
    #[serde(default)]
    fields: Vec<String>,
}

const VIEW: View = View::table("runs", RUN).within("workflow_runs");

impl Tool<Source> for Runs {
    type Effect = Read;
    type Args = Args;
    type Output = Answer;

    fn plan(args: &Args) -> Need {
        Need::new(Effect::Read).resource(&args.repo)
    }

    async fn run(cx: Cx<'_, Source, Read>, args: Args) -> Result<Answer, ToolError> {
        let page = Page { n: args.n, cursor: args.cursor.as_deref(), fields: &args.fields };
        page.check(&VIEW)?;
        let repo = cx.source().repo(&args.repo).await?;
        let mut route = repo.route().at("actions");
        if let Some(workflow) = &args.workflow {
            route = route.at("workflows").name("workflow", workflow)?;
        }
        let route = route
            .at("runs")
            .maybe("branch", args.branch.as_deref())
            .maybe("event", args.event.as_deref())
            .maybe("status", args.status.as_deref())
            .maybe("actor", args.actor.as_deref())
            .maybe("head_sha", args.sha.as_deref());
        show(&cx, route, &VIEW, &page, of_repo(VIEW.title, &repo, "")).await
    }
}
