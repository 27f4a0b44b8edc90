//! A review that only its author sees until it is submitted.

use lockkeeper_core::{Add, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::{Comment, comments};
use crate::change::{Change, InRepository, Request};
use crate::patch::check_text;
use crate::source::RepoRef;

pub(super) struct Start;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    repo: String,
    number: u64,
    body: Option<String>,
    #[serde(default)]
    comments: Vec<Comment>,
    sha: Option<String>,
}

impl InRepository for Args {
    fn repo(&self) -> &str {
        &self.repo
    }
}

impl Change for Start {
    type Effect = Add;
    type Args = Args;
    const DONE: &'static str = "started a review";

    fn request(repo: &RepoRef, args: &Args) -> Result<Request, ToolError> {
        let comments = comments(&args.comments)?;
        check_text(args.body.as_deref())?;
        let route = repo.route().at("pulls").number(args.number).at("reviews");
        Ok(Request::post(route).fields([
            ("body", json!(args.body)),
            ("comments", json!(comments)),
            ("commit_id", json!(args.sha)),
        ]))
    }
}
