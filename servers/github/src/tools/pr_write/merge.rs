//! It is merged.

use lockkeeper_core::{Destroy, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::MergeMethod;
use crate::change::{Change, InRepository, Request};
use crate::source::RepoRef;

pub(super) struct Merge;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    repo: String,
    number: u64,
    merge_method: Option<MergeMethod>,
    /// head now
    sha: Option<String>,
    title: Option<String>,
    message: Option<String>,
}

impl InRepository for Args {
    fn repo(&self) -> &str {
        &self.repo
    }
}

impl Change for Merge {
    type Effect = Destroy;
    type Args = Args;
    const DONE: &'static str = "merged it";

    fn request(repo: &RepoRef, args: &Args) -> Result<Request, ToolError> {
        Ok(Request::put(repo.route().at("pulls").number(args.number).at("merge")).fields([
            ("merge_method", json!(args.merge_method)),
            ("sha", json!(args.sha)),
            ("commit_title", json!(args.title)),
            ("commit_message", json!(args.message)),
        ]))
    }

    fn loses(args: &Args) -> Option<String> {
        Some(format!("the unmerged state, by merging #{}", args.number))
    }
}
