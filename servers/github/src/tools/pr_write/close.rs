//! It is given up.

use lockkeeper_core::{Change as ChangeEffect, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::change::{Change, InRepository, Request};
use crate::source::RepoRef;

pub(super) struct Close;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    repo: String,
    number: u64,
}

impl InRepository for Args {
    fn repo(&self) -> &str {
        &self.repo
    }
}

impl Change for Close {
    type Effect = ChangeEffect;
    type Args = Args;
    const DONE: &'static str = "closed it";

    fn request(repo: &RepoRef, args: &Args) -> Result<Request, ToolError> {
        Ok(Request::patch(repo.route().at("pulls").number(args.number))
            .fields([("state", json!("closed"))]))
    }
}
