//! Its people say how it goes.

use lockkeeper_core::{Add, Cx, Effect, Need, Tool, ToolError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::need;
use crate::change::Done;
use crate::patch::check_text;
use crate::source::{Document, Source};

pub(super) struct StatusUpdate;

static DOCUMENT: Document = Document {
    name: "status update",
    text: include_str!("../../graphql/add_status_update.graphql"),
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    owner: String,
    number: u64,
    status: Option<Status>,
    body: Option<String>,
    start_date: Option<String>,
    target_date: Option<String>,
}

#[derive(Clone, Copy, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Status {
    OnTrack,
    AtRisk,
    OffTrack,
    Complete,
    Inactive,
}

impl Tool<Source> for StatusUpdate {
    type Effect = Add;
    type Args = Args;
    type Output = Done;

    fn plan(args: &Args) -> Need {
        need(Effect::Add, &args.owner)
    }

    async fn run(cx: Cx<'_, Source, Add>, args: Args) -> Result<Done, ToolError> {
        check_text(args.body.as_deref())?;
        let project = cx.source().project(&args.owner, args.number).await?;
        let input = json!({
            "projectId": project.node, "status": args.status, "body": args.body,
            "startDate": args.start_date, "targetDate": args.target_date,
        });
        cx.source().mutate(cx.grant(), project.target(), &DOCUMENT, input).await?;
        Ok(Done { done: format!("told how {} goes", project.called()), ..Done::default() })
    }
}
