//! An answer to a comment at a line of a pull request.

use lockkeeper_core::{Add, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::change::{Change, InRepository, Request};
use crate::patch::check_text;
use crate::source::RepoRef;

pub(super) struct Reply;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    repo: String,
    number: u64,
    id: u64,
    body: String,
}

impl InRepository for Args {
    fn repo(&self) -> &str {
        &self.repo
    }
}

impl Change for Reply {
    type Effect = Add;
    type Args = Args;
    const DONE: &'static str = "replied";

    fn request(repo: &RepoRef, args: &Args) -> Result<Request, ToolError> {
        check_text(Some(&args.body))?;
        let pull = repo.route().at("pulls").number(args.number);
        let route = pull.at("comments").number(args.id).at("replies");
        Ok(Request::post(route).fields([("body", json!(args.body))]))
    }
}
