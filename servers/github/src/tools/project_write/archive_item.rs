//! An item leaves it, and stays in its archive.

use lockkeeper_core::{Change, Cx, Effect, Need, Tool, ToolError};
use serde_json::json;

use super::{OfItem, need};
use crate::change::Done;
use crate::source::{Document, Source};

pub(super) struct ArchiveItem;

static DOCUMENT: Document =
    Document { name: "archive", text: include_str!("../../graphql/archive_item.graphql") };

impl Tool<Source> for ArchiveItem {
    type Effect = Change;
    type Args = OfItem;
    type Output = Done;

    fn plan(args: &OfItem) -> Need {
        need(Effect::Change, &args.owner)
    }

    async fn run(cx: Cx<'_, Source, Change>, args: OfItem) -> Result<Done, ToolError> {
        let project = cx.source().project(&args.owner, args.number).await?;
        let item = cx.source().project_item(&project, args.id).await?;
        let input = json!({ "projectId": project.node, "itemId": item.node });
        cx.source().mutate(cx.grant(), project.target(), &DOCUMENT, input).await?;
        let done = format!("archived item {} of {}", item.id, project.called());
        Ok(Done { done, ..Done::default() })
    }
}
