//! A new comment on an issue or a pull request.

use lockkeeper_core::{Add, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::change::{Change, InRepository, Request};
use crate::patch::check_text;
use crate::source::RepoRef;

pub(super) struct Create;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    repo: String,
    number: u64,
    body: String,
}

impl InRepository for Args {
    fn repo(&self) -> &str {
        &self.repo
    }
}

impl Change for Create {
    type Effect = Add;
    type Args = Args;
    const DONE: &'static str = "commented";

    fn request(repo: &RepoRef, args: &Args) -> Result<Request, ToolError> {
        check_text(Some(&args.body))?;
        let route = repo.route().at("issues").number(args.number);
        Ok(Request::post(route.at("comments")).fields([("body", json!(args.body))]))
    }
}
