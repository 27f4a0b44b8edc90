//! Its news are no longer notified of.

use lockkeeper_core::{Change as ChangeEffect, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::change::{Change, InRepository, Request};
use crate::source::RepoRef;

pub(super) struct Unwatch;

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

impl Change for Unwatch {
    type Effect = ChangeEffect;
    type Args = Args;
    const DONE: &'static str = "watches it no more";

    fn request(repo: &RepoRef, _args: &Args) -> Result<Request, ToolError> {
        Ok(Request::delete(repo.route().at("subscription")))
    }
}
