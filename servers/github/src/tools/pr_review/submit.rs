//! A review with all its comments, at once.

use lockkeeper_core::{Add, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::{Comment, Event, comments};
use crate::change::{Change, InRepository, Request};
use crate::patch::check_text;
use crate::source::RepoRef;

pub(super) struct Submit;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    repo: String,
    number: u64,
    event: Event,
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

impl Change for Submit {
    type Effect = Add;
    type Args = Args;
    const DONE: &'static str = "reviewed";

    fn request(repo: &RepoRef, args: &Args) -> Result<Request, ToolError> {
        let comments = comments(&args.comments)?;
        check_text(args.body.as_deref())?;
        let route = repo.route().at("pulls").number(args.number).at("reviews");
        Ok(Request::post(route).fields([
            ("event", json!(args.event)),
            ("body", json!(args.body)),
            ("comments", json!(comments)),
            ("commit_id", json!(args.sha)),
        ]))
    }
}
