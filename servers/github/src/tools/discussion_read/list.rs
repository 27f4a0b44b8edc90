//! The discussions of a repository.

use lockkeeper_core::{Cx, Effect, Need, Read, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::answer::Answer;
use crate::fetch::{Connection, Page, View, connected, of_repo};
use crate::shapes::DISCUSSION;
use crate::source::{Document, Source, Within};

pub(super) struct List;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    repo: String,
    category: Option<String>,
    answered: Option<bool>,
    closed: Option<bool>,
    n: Option<u32>,
    cursor: Option<String>,
    #[serde(default)]
    fields: Vec<String>,
}

static DOCUMENT: Document =
    Document { name: "discussions", text: include_str!("../../graphql/discussions.graphql") };

const VIEW: View = View::table("discussions", DISCUSSION);

impl Tool<Source> for List {
    type Effect = Read;
    type Args = Args;
    type Output = Answer;

    fn plan(args: &Args) -> Need {
        Need::new(Effect::Read).resource(&args.repo)
    }

    async fn run(cx: Cx<'_, Source, Read>, args: Args) -> Result<Answer, ToolError> {
        let page = Page { n: args.n, cursor: args.cursor.as_deref(), fields: &args.fields };
        page.check(&VIEW)?;
        let repo = cx.source().repo(&args.repo).await?;
        let category = match &args.category {
            Some(name) => Some(cx.source().category(&repo, name).await?.1),
            None => None,
        };
        let states = args.closed.map(|closed| [if closed { "CLOSED" } else { "OPEN" }]);
        let variables = json!({
            "owner": repo.owner(), "name": repo.name(), "category": category,
            "answered": args.answered, "states": states,
        });
        let connection = Connection {
            within: Within::Repo(&repo),
            document: &DOCUMENT,
            path: "repository.discussions",
            variables: &variables,
        };
        let head = of_repo(VIEW.title, &repo, "");
        connected(&cx, connection, (&VIEW, &page), &head, |_| true).await
    }
}
