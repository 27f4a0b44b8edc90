//! An issue or a pull request is put on it.

use http::Method;
use lockkeeper_core::{Add, Cx, Effect, Need, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::need;
use crate::change::{Done, Request};
use crate::source::Source;

pub(super) struct AddItem;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    owner: String,
    number: u64,
    issue: String,
}

impl Tool<Source> for AddItem {
    type Effect = Add;
    type Args = Args;
    type Output = Done;

    fn plan(args: &Args) -> Need {
        let need = need(Effect::Add, &args.owner);
        match args.issue.rsplit_once('#') {
            Some((repo, _)) => need.resource(repo),
            None => need,
        }
    }

    async fn run(cx: Cx<'_, Source, Add>, args: Args) -> Result<Done, ToolError> {
        let wrong = || ToolError::invalid_arguments("`issue` is owner/name#number");
        let (repo, number) = args.issue.rsplit_once('#').ok_or_else(wrong)?;
        let number: u64 = number.trim().parse().map_err(|_| wrong())?;
        let repo = cx.source().repo(repo).await?;
        let issue = cx.source().read(&repo.route().at("issues").number(number)).await?.value;
        let kind = if issue.get("pull_request").is_some_and(|one| !one.is_null()) {
            "PullRequest"
        } else {
            "Issue"
        };
        let project = cx.source().project(&args.owner, args.number).await?;
        let Request { route, body, .. } = Request::post(project.route()?.at("items")).fields([
            ("type", json!(kind)),
            ("owner", json!(repo.owner())),
            ("repo", json!(repo.name())),
            ("number", json!(number)),
        ]);
        let method = (Method::POST, &route);
        let reply = cx.source().change(cx.grant(), project.target(), method, body).await?;
        let done = format!("added {}#{number} to {}", repo.full_name(), project.called());
        Ok(Done::of(done, &reply.value))
    }
}
