//! How it is looked at.

use lockkeeper_core::{Cx, Need, Read, Tool, ToolError};
use serde_json::json;

use super::args::OfProject;
use crate::answer::Answer;
use crate::fetch::{Connection, View, connected};
use crate::shapes::PROJECT_VIEW;
use crate::source::{Document, Source, Within};

pub(super) struct Views;

static DOCUMENT: Document =
    Document { name: "views", text: include_str!("../../graphql/project_views.graphql") };

const VIEW: View = View::table("views", PROJECT_VIEW);

impl Tool<Source> for Views {
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
            path: "node.views",
            variables: &variables,
        };
        let head = format!("{} of {}", VIEW.title, project.headed());
        connected(&cx, connection, (&VIEW, &page), &head, |_| true).await
    }
}
