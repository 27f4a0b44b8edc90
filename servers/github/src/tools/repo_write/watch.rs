//! Its news are notified of.

use lockkeeper_core::{Change as ChangeEffect, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::change::{Change, InRepository, Request};
use crate::source::RepoRef;

pub(super) struct Watch;

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

impl Change for Watch {
    type Effect = ChangeEffect;
    type Args = Args;
    const DONE: &'static str = "watches it";

    fn request(repo: &RepoRef, _args: &Args) -> Result<Request, ToolError> {
        Ok(Request::put(repo.route().at("subscription")).fields([("subscribed", json!(true))]))
    }
}
