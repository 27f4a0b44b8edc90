//! It is merged by itself once everything that has to be is fulfilled.

use lockkeeper_core::{Cx, Destroy, Need, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::MergeMethod;
use super::by_node::mutate;
use crate::change::{Done, need};
use crate::source::{Document, Source};
use crate::tools::issue_list::name;

pub(super) struct AutoMerge;

const DOCUMENT: Document =
    Document { name: "auto-merge", text: include_str!("../../graphql/auto_merge.graphql") };

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    repo: String,
    number: u64,
    merge_method: Option<MergeMethod>,
}

impl Tool<Source> for AutoMerge {
    type Effect = Destroy;
    type Args = Args;
    type Output = Done;

    fn plan(args: &Args) -> Need {
        let loses = format!("the unmerged state of {}, by merging #{}", args.repo, args.number);
        need::<Destroy>(&args.repo).loses(loses)
    }

    async fn run(cx: Cx<'_, Source, Destroy>, args: Args) -> Result<Done, ToolError> {
        let method = args.merge_method.map(|method| json!(name(method).to_ascii_uppercase()));
        let done = (&DOCUMENT, "enabled auto-merge");
        mutate(&cx, &args.repo, args.number, done, method.unwrap_or_default()).await
    }
}
