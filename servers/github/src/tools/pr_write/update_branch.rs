//! The base branch is merged into its head.

use lockkeeper_core::{Change as ChangeEffect, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::change::{Change, InRepository, Request};
use crate::source::RepoRef;

pub(super) struct UpdateBranch;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    repo: String,
    number: u64,
    /// head now
    sha: Option<String>,
}

impl InRepository for Args {
    fn repo(&self) -> &str {
        &self.repo
    }
}

impl Change for UpdateBranch {
    type Effect = ChangeEffect;
    type Args = Args;
    const DONE: &'static str = "began to update the branch";

    fn request(repo: &RepoRef, args: &Args) -> Result<Request, ToolError> {
        let route = repo.route().at("pulls").number(args.number).at("update-branch");
        Ok(Request::put(route).fields([("expected_head_sha", json!(args.sha))]))
    }
}
