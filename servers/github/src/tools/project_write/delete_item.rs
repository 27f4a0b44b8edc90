//! An item goes, with what it was given there; a draft with its text.

use http::Method;
use lockkeeper_core::{Cx, Destroy, Effect, Need, Tool, ToolError};

use super::{OfItem, need};
use crate::change::Done;
use crate::source::Source;

pub(super) struct DeleteItem;

impl Tool<Source> for DeleteItem {
    type Effect = Destroy;
    type Args = OfItem;
    type Output = Done;

    fn plan(args: &OfItem) -> Need {
        let OfItem { owner, number, id } = args;
        need(Effect::Destroy, owner).loses(format!("item {id} of project {number} of {owner}"))
    }

    async fn run(cx: Cx<'_, Source, Destroy>, args: OfItem) -> Result<Done, ToolError> {
        let project = cx.source().project(&args.owner, args.number).await?;
        let item = cx.source().project_item(&project, args.id).await?;
        let route = project.route()?.at("items").number(item.id);
        let method = (Method::DELETE, &route);
        cx.source().change(cx.grant(), project.target(), method, None).await?;
        let done = format!("deleted item {} of {}", item.id, project.called());
        Ok(Done { done, ..Done::default() })
    }
}
