//! A draft is put on it: an item that is no issue yet.

use lockkeeper_core::{Add, Cx, Effect, Need, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::need;
use crate::answer::find;
use crate::change::Done;
use crate::patch::check_text;
use crate::source::{Document, Source};

pub(super) struct AddDraft;

static DOCUMENT: Document =
    Document { name: "draft", text: include_str!("../../graphql/add_draft.graphql") };

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    owner: String,
    number: u64,
    title: String,
    body: Option<String>,
}

impl Tool<Source> for AddDraft {
    type Effect = Add;
    type Args = Args;
    type Output = Done;

    fn plan(args: &Args) -> Need {
        need(Effect::Add, &args.owner)
    }

    async fn run(cx: Cx<'_, Source, Add>, args: Args) -> Result<Done, ToolError> {
        check_text(Some(&args.title))?;
        check_text(args.body.as_deref())?;
        let project = cx.source().project(&args.owner, args.number).await?;
        let input = json!({ "projectId": project.node, "title": args.title, "body": args.body });
        let data = cx.source().mutate(cx.grant(), project.target(), &DOCUMENT, input).await?;
        let id = find(&data, "addProjectV2DraftIssue.projectItem.fullDatabaseId");
        let id = id.as_str().and_then(|id| id.parse().ok());
        Ok(Done { done: format!("added a draft to {}", project.called()), id, ..Done::default() })
    }
}
