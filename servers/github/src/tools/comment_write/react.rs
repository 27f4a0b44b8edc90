//! A reaction to an issue, a pull request or a comment.

use lockkeeper_core::{Add, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::{On, Reaction, comment};
use crate::change::{Change, InRepository, Request};
use crate::source::RepoRef;

pub(super) struct React;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    repo: String,
    number: Option<u64>,
    id: Option<u64>,
    on: Option<On>,
    reaction: Reaction,
}

impl InRepository for Args {
    fn repo(&self) -> &str {
        &self.repo
    }
}

impl Change for React {
    type Effect = Add;
    type Args = Args;
    const DONE: &'static str = "reacted";

    fn request(repo: &RepoRef, args: &Args) -> Result<Request, ToolError> {
        let route = match (args.number, args.id) {
            (Some(number), None) => repo.route().at("issues").number(number),
            (None, Some(id)) => comment(repo, args.on, id),
            _ => return Err(ToolError::invalid_arguments("give `number` or `id`, not both")),
        };
        Ok(Request::post(route.at("reactions")).fields([("content", json!(args.reaction))]))
    }
}
