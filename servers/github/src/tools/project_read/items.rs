//! What is on it.

use lockkeeper_core::{Cx, Need, Read, Tool, ToolError};
use serde_json::json;

use super::args::OfProject;
use crate::answer::Answer;
use crate::fetch::{Connection, View, connected};
use crate::shapes::PROJECT_ITEM;
use crate::source::{Document, Source, Within};

pub(super) struct Items;

static DOCUMENT: Document =
    Document { name: "items", text: include_str!("../../graphql/project_items.graphql") };

const VIEW: View = View::table("items", PROJECT_ITEM);

impl Tool<Source> for Items {
    type Effect = Read;
    type Args = OfProject;
    type Output = Answer;

    fn plan(args: &OfProject) -> Need {
        args.need()
    }

    async fn run(cx: Cx<'_, Source, Read>, args: OfProject) -> Result<Answer, ToolError> {
        let page = args.page();
        page.check(&VIEW)?;
        let project = cx.source().project(&args.owner, args.number).await?;
        let variables = json!({ "id": project.node });
        let connection = Connection {
            within: Within::Owner(project.owner()),
            document: &DOCUMENT,
            path: "node.items",
            variables: &variables,
        };
        let head = format!("{} of {}", VIEW.title, project.headed());
        connected(&cx, connection, (&VIEW, &page), &head, |item| cx.source().admit_item(item)).await
    }
}
