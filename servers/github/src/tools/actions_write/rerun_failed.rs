//! The failed jobs of a run are run again.

use lockkeeper_core::{Add, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::change::{Change, InRepository, Request};
use crate::source::RepoRef;

pub(super) struct RerunFailed;

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

impl Change for RerunFailed {
    type Effect = Add;
    type Args = Args;
    const DONE: &'static str = "started the failed jobs again";

    fn request(repo: &RepoRef, args: &Args) -> Result<Request, ToolError> {
        Ok(Request::post(
            repo.route().at("actions").at("runs").number(args.id).at("rerun-failed-jobs"),
        ))
    }
}
