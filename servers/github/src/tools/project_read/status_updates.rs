//! How it goes, as its people say.

use lockkeeper_core::{Cx, Need, Read, Tool, ToolError};
use serde_json::json;

use super::args::OfProject;
use crate::answer::Answer;
use crate::fetch::{Connection, View, connected};
use crate::shapes::STATUS_UPDATE;
use crate::source::{Document, Source, Within};

pub(super) struct StatusUpdates;

static DOCUMENT: Document = Document {
    name: "status updates",
    text: include_str!("../../graphql/project_status_updates.graphql"),
};

const VIEW: View = View::blocks("status updates", STATUS_UPDATE);

impl Tool<Source> for StatusUpdates {
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
            path: "node.statusUpdates",
            variables: &variables,
        };
        let head = format!("{} of {}", VIEW.title, project.headed());
        connected(&cx, connection, (&VIEW, &page), &head, |_| true).await
    }
}
