//! The logs of a run go.

use lockkeeper_core::{Destroy, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::change::{Change, InRepository, Request};
use crate::source::RepoRef;

pub(super) struct DeleteLogs;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    repo: String,
    id: u64,
}

impl InRepository for Args {
    fn repo(&self) -> &str {
        &self.repo
    }
}

impl Change for DeleteLogs {
    type Effect = Destroy;
    type Args = Args;
    const DONE: &'static str = "deleted the logs";

    fn request(repo: &RepoRef, args: &Args) -> Result<Request, ToolError> {
        Ok(Request::delete(repo.route().at("actions").at("runs").number(args.id).at("logs")))
    }

    fn loses(args: &Args) -> Option<String> {
        Some(format!("the logs of run {}", args.id))
    }
}
