//! One item on it; a draft with its text.

use lockkeeper_core::{Cx, Need, Read, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;

use super::args::need;
use crate::answer::Answer;
use crate::fetch::{Page, View, record};
use crate::shapes::PROJECT_ITEM_FULL;
use crate::source::Source;

pub(super) struct Item;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    owner: String,
    number: u64,
    id: u64,
    cursor: Option<String>,
    #[serde(default)]
    fields: Vec<String>,
}

const VIEW: View = View::record("item", PROJECT_ITEM_FULL);

impl Tool<Source> for Item {
    type Effect = Read;
    type Args = Args;
    type Output = Answer;

    fn plan(args: &Args) -> Need {
        need(&args.owner)
    }

    async fn run(cx: Cx<'_, Source, Read>, args: Args) -> Result<Answer, ToolError> {
        let page = Page { n: None, cursor: args.cursor.as_deref(), fields: &args.fields };
        page.check(&VIEW)?;
        let project = cx.source().project(&args.owner, args.number).await?;
        let item = cx.source().project_item(&project, args.id).await?;
        let head = format!("item {} of {}", item.id, project.headed());
        record(&cx, &item.value, &VIEW, &page, head)
    }
}
