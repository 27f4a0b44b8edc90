//! It becomes read-only.

use lockkeeper_core::{Change as ChangeEffect, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::change::{Change, InRepository, Request};
use crate::source::RepoRef;

pub(super) struct Archive;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    repo: String,
}

impl InRepository for Args {
    fn repo(&self) -> &str {
        &self.repo
    }
}

impl Change for Archive {
    type Effect = ChangeEffect;
    type Args = Args;
    const DONE: &'static str = "archived it";

    fn request(repo: &RepoRef, _args: &Args) -> Result<Request, ToolError> {
        Ok(Request::patch(repo.route()).fields([("archived", json!(true))]))
    }
}
