//! The projects of a user or an organization.

use lockkeeper_core::{Cx, Need, Read, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::args::need;
use crate::answer::{Answer, find};
use crate::fetch::{Connection, Page, View, connected};
use crate::shapes::PROJECT;
use crate::source::{Document, Source, Within};

pub(super) struct List;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    owner: String,
    query: Option<String>,
    n: Option<u32>,
    cursor: Option<String>,
    #[serde(default)]
    fields: Vec<String>,
}

static DOCUMENT: Document =
    Document { name: "projects", text: include_str!("../../graphql/projects.graphql") };

const VIEW: View = View::table("projects", PROJECT);

impl Tool<Source> for List {
    type Effect = Read;
    type Args = Args;
    type Output = Answer;

    fn plan(args: &Args) -> Need {
        need(&args.owner)
    }

    async fn run(cx: Cx<'_, Source, Read>, args: Args) -> Result<Answer, ToolError> {
        let page = Page { n: args.n, cursor: args.cursor.as_deref(), fields: &args.fields };
        page.check(&VIEW)?;
        let owner = cx.source().owner(&args.owner)?;
        let variables = json!({ "owner": owner.login(), "query": args.query });
        let connection = Connection {
            within: Within::Owner(&owner),
            document: &DOCUMENT,
            path: "repositoryOwner.projectsV2",
            variables: &variables,
        };
        let head = format!("projects of {}", owner.login());
        connected(&cx, connection, (&VIEW, &page), &head, |project| {
            let is_public = find(project, "public") == serde_json::Value::Bool(true);
            cx.source().saw_own(&head, !is_public);
            true
        })
        .await
    }
}
