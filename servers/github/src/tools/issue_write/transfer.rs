//! It moves to another repository.

use lockkeeper_core::{Change, Cx, Effect, Need, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::answer::find;
use crate::change::Done;
use crate::source::{Document, Source, Target};

pub(super) struct Transfer;

const DOCUMENT: Document =
    Document { name: "transfer", text: include_str!("../../graphql/transfer_issue.graphql") };

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    repo: String,
    number: u64,
    /// repository
    to: String,
}

impl Tool<Source> for Transfer {
    type Effect = Change;
    type Args = Args;
    type Output = Done;

    fn plan(args: &Args) -> Need {
        Need::new(Effect::Change).resource(&args.repo).resource(&args.to)
    }

    async fn run(cx: Cx<'_, Source, Change>, args: Args) -> Result<Done, ToolError> {
        let source = cx.source();
        // Both are admitted before anything is asked about either.
        let (from, to) = (source.named(&args.repo)?, source.named(&args.to)?);
        let (from, to) = (source.repo(&from).await?, source.repo(&to).await?);
        let issue = source.read(&from.route().at("issues").number(args.number)).await?.value;
        let input = json!({ "issueId": find(&issue, "node_id"), "repositoryId": to.node() });
        let target = Target::Transfer { from: &from, to: &to };
        let data = source.mutate(cx.grant(), target, &DOCUMENT, input).await?;
        let issue = find(&data, "transferIssue.issue");
        Ok(Done {
            done: format!("moved the issue from {} to {}", from.full_name(), to.full_name()),
            number: find(&issue, "number").as_u64(),
            url: find(&issue, "url").as_str().map(str::to_owned),
            ..Done::default()
        })
    }
}
